"""Leads to train on again, chosen by two result files."""

import csv
import math
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ecgnoise.cli import main
from ecgnoise.errors import OptionError, ResultFileError, UnknownFormatError, UnreadableFileError
from ecgnoise.ptbxl.compare import HIGH_IS_CLEAN, RESULT_COLUMNS, ResultFile
from ecgnoise.ptbxl.index import LeadRow, read_index
from ecgnoise.ptbxl.labels import NOISES
from ecgnoise.ptbxl.refine import LeadValue, TrainingValues, read_training_values, refine, result_of

STATIC = "all_dm_ddpm_t250_psnr.csv"
BURST = "all_ldm_ddim-10_t250_psnr.csv"


def labelled(number, fold, values, noisy=()):
    row = {name: [] for name in NOISES} | {"static_noise": list(noisy)}
    row |= {"filename_hr": f"records500/{number:05}_hr", "scp_codes": {"NORM": 100.0}, "strat_fold": fold}
    row["clean"] = [lead for lead in range(12) if lead not in noisy]
    return row | {f"lead_{lead}": value for lead, value in enumerate(values)}


def write_results(path, rows, columns=RESULT_COLUMNS):
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)
    return ResultFile.of(path)


def records(step):
    """Two records to train on, the second with two noisy leads; one of fold 10. Values all differ."""
    values = [float(number * step % 37) for number in range(36)]
    return [
        labelled(1, 1, values[:12]),
        labelled(2, 9, values[12:24], noisy=[0, 5]),
        labelled(3, 10, values[24:]),
    ]


@pytest.fixture
def files(tmp_path):
    return write_results(tmp_path / STATIC, records(5)), write_results(tmp_path / BURST, records(11))


def names(leads):
    return {(row.filename_hr, row.lead) for row in leads}


def values_of(numbers, metric="psnr"):
    leads = tuple(
        LeadValue(LeadRow(f"r{index // 12:03}", index % 12, 1, ("clean",)), value)
        for index, value in enumerate(numbers)
    )
    return TrainingValues(ResultFile.of(Path(f"all_dm_ddpm_t1_{metric}.csv")), leads, 0, {})


NUMBERS = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=40)
SHARES = st.floats(0, 1, exclude_min=True)
METRICS = st.sampled_from(sorted(HIGH_IS_CLEAN))


@given(NUMBERS, METRICS, SHARES, SHARES)
def test_larger_share_keeps_what_a_smaller_one_keeps(numbers, metric, one, other):
    values = values_of(numbers, metric)
    small, large = sorted((one, other))
    assert values.best(small) <= values.best(large)
    assert len(values.best(large)) == max(1, int(len(numbers) * large))


@given(NUMBERS, METRICS, SHARES)
def test_kept_leads_are_no_worse_than_the_others(numbers, metric, share):
    values = values_of(numbers, metric)
    kept = values.best(share)
    sign = 1 if HIGH_IS_CLEAN[metric] else -1
    inside = [sign * value for lead, value in values.leads if lead in kept]
    outside = [sign * value for lead, value in values.leads if lead not in kept]
    assert min(inside) >= max(outside, default=-math.inf)


@given(NUMBERS, METRICS)
def test_whole_share_keeps_all(numbers, metric):
    values = values_of(numbers, metric)
    assert values.best(1.0) == {lead for lead, _ in values.leads}


@pytest.mark.parametrize(("metric", "kept"), [("psnr", [6, 7]), ("ssim", [6, 7]), ("mse", [0, 1]), ("mae", [0, 1])])
def test_of_equal_values_the_last_are_kept_where_high_is_clean_and_else_the_first(metric, kept):
    """As published: a stable ascending sort, turned round for PSNR and SSIM."""
    assert sorted(lead.lead for lead in values_of([7.0] * 8, metric).best(0.25)) == kept


@pytest.mark.parametrize(
    ("count", "share", "kept"), [(10, 0.29, 2), (100, 0.29, 28), (7, 0.5, 3), (3, 0.1, 1), (1, 1.0, 1)]
)
def test_a_share_is_cut_as_published(count, share, kept):
    """``max(1, int(count * share))``: 100 * 0.29 is 28.999... in double precision."""
    assert len(values_of([float(number) for number in range(count)]).best(share)) == kept


@pytest.mark.parametrize(("metric", "kept"), [("psnr", 2), ("ssim", 2), ("mse", 1), ("mae", 1)])
def test_direction_of_the_metric(metric, kept):
    (lead,) = values_of([2.0, 1.0, 3.0], metric).best(0.3)
    assert lead.lead == (1 if kept == 1 else 2)


@pytest.mark.parametrize("share", [0.0, -0.5, 1.01, 50.0, math.nan, math.inf])
def test_share_out_of_range(share):
    with pytest.raises(OptionError, match=r"outside \(0, 1\]"):
        values_of([1.0]).best(share)


def test_only_clean_leads_of_folds_1_to_9_are_chosen(files):
    expected = {("records500/00001_hr", lead) for lead in range(12)}
    expected |= {("records500/00002_hr", lead) for lead in range(12) if lead not in (0, 5)}
    refined = refine(*files, 1.0, 1.0)
    assert names(refined.both) == expected
    assert {(row.fold, row.labels) for row in refined.both} == {(1, ("clean",)), (9, ("clean",))}


@pytest.mark.parametrize(("static_share", "burst_share"), [(0.5, 0.5), (0.3, 0.9), (1.0, 0.2)])
def test_chosen_are_the_top_of_both_by_hand(files, static_share, burst_share):
    def top(step, share):
        rows = records(step)[:2]
        leads = [(row[f"lead_{lead}"], row["filename_hr"], lead) for row in rows for lead in row["clean"]]
        return {lead[1:] for lead in sorted(leads, reverse=True)[: int(share * 22)]}

    refined = refine(*files, static_share, burst_share)
    assert names(refined.best_static) == top(5, static_share)
    assert names(refined.best_burst) == top(11, burst_share)
    assert names(refined.both) == top(5, static_share) & top(11, burst_share)
    assert 0 < len(refined.both) < 22
    assert list(refined.both) == sorted(refined.both)


def test_equal_values_stand_in_the_order_of_the_file(tmp_path):
    """As published: of two records alike, the last in the file for PSNR and the first for MSE."""
    rows = [labelled(2, 1, [1.0] * 12), labelled(1, 1, [1.0] * 12)]
    for metric, number in (("psnr", 1), ("mse", 2)):
        paths = [tmp_path / f"all_{model}_ddpm_t250_{metric}.csv" for model in ("dm", "ldm")]
        refined = refine(*(write_results(path, rows) for path in paths), 0.5, 1.0)
        assert names(refined.both) == {(f"records500/{number:05}_hr", lead) for lead in range(12)}
        assert list(refined.both) == sorted(refined.both)


@pytest.mark.parametrize("empty", ["", "nan"])
def test_leads_without_a_value_are_left_out_and_counted(tmp_path, files, empty):
    rows = records(5)
    rows[0] |= {"lead_0": empty, "lead_3": empty}
    rows[1] |= {"lead_0": empty}  # noisy
    rows[2] |= {"lead_0": empty}  # fold 10
    refined = refine(write_results(tmp_path / STATIC, rows), files[1], 1.0, 1.0)
    assert (refined.static.left_out, refined.burst.left_out) == (2, 0)
    assert len(refined.static.leads) == len(refined.both) == 20
    assert not names(refined.both) & {("records500/00001_hr", 0), ("records500/00001_hr", 3)}


def test_file_without_values_of_training_leads(tmp_path):
    rows = [labelled(1, 1, [""] * 12), labelled(2, 10, [1.0] * 12)]
    with pytest.raises(ResultFileError, match=r"no clean lead of folds 1 to 9 has a value.*all_"):
        read_training_values(write_results(tmp_path / "dm_ddpm_t250_psnr.csv", rows))


def test_no_lead_in_both(tmp_path):
    static = write_results(tmp_path / STATIC, [labelled(1, 1, range(12))])
    burst = write_results(tmp_path / BURST, [labelled(1, 1, range(12, 0, -1))])
    with pytest.raises(ResultFileError, match=r"none of the 3 best leads is among the 3 of all_dm.*raise the shares"):
        refine(static, burst, 0.25, 0.25)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda rows: rows[:1], id="record missing"),
        pytest.param(lambda rows: rows[:2], id="record of fold 10 missing"),
        pytest.param(lambda rows: [*rows, labelled(4, 2, [1.0] * 12)], id="record more"),
        pytest.param(lambda rows: [rows[0] | {"strat_fold": 2}, *rows[1:]], id="fold"),
        pytest.param(lambda rows: [labelled(1, 1, [1.0] * 12, noisy=[4]), *rows[1:]], id="labels"),
    ],
)
def test_files_of_other_records(tmp_path, files, other):
    burst = write_results(tmp_path / BURST, other(records(11)))
    for pair in ((files[0], burst), (burst, files[0])):
        with pytest.raises(ResultFileError, match=r"of [34] records are not as in all_"):
            refine(*pair, 1.0, 1.0)


def test_damaged_files(tmp_path):
    path = tmp_path / STATIC
    rows = records(5)
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        read_training_values(ResultFile.of(path))
    with pytest.raises(UnreadableFileError, match=r"00001_hr is there twice"):
        read_training_values(write_results(path, [rows[0], rows[0]]))
    for bad in ("high", "inf"):
        with pytest.raises(UnreadableFileError, match=f"line 2, lead_4: '{bad}' is not a finite number"):
            read_training_values(write_results(path, [rows[0] | {"lead_4": bad}]))
    with pytest.raises(UnknownFormatError, match="no column lead_11"):
        read_training_values(write_results(path, rows, RESULT_COLUMNS[:-1]))


@pytest.mark.parametrize(
    ("name", "message"),
    [("results.csv", "not the name of a result file"), ("all_dm_ddpm_t250_mse.csv", "a file of mse, not of psnr")],
)
def test_name_must_be_of_the_metric(tmp_path, name, message):
    with pytest.raises(ResultFileError, match=message):
        result_of(tmp_path / name, "psnr")


def call(*arguments):
    return CliRunner().invoke(main, ["ptbxl", "refine", *map(str, arguments)])


def test_command_writes_a_list_of_leads(tmp_path, files):
    out = tmp_path / "new" / "refined.csv"
    done = call("--static-file", files[0].path, "--burst-file", files[1].path, "--static-percentage", 0.8, "--out", out)
    assert done.exit_code == 0, done.output
    refined = refine(*files, 0.8, 0.5)
    assert read_index(out) == refined.both
    assert done.output.splitlines() == [
        f"static: 17 of 22 clean training leads ({files[0].path})",
        f"burst: 11 of 22 clean training leads ({files[1].path})",
        f"wrote {out}: {len(refined.both)} leads that are in both",
    ]


def test_command_counts_leads_without_a_value(tmp_path, files):
    rows = records(5)
    rows[0] |= {"lead_1": ""}
    write_results(files[0].path, rows)
    done = call("--static-file", files[0].path, "--burst-file", files[1].path, "--out", tmp_path / "refined.csv")
    assert "21 clean training leads, 1 without a value left out" in done.output


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--metric", "ssim"], "a file of psnr, not of ssim"),
        (["--static-percentage", "0"], "'--static-percentage': 0.0 is not in the range 0.0<x<=1.0"),
        (["--burst-percentage", "50"], "'--burst-percentage': 50.0 is not in the range 0.0<x<=1.0"),
        (["--burst-percentage", "nan"], "share nan: outside (0, 1]"),
    ],
)
def test_command_refuses_and_writes_nothing(tmp_path, files, extra, message):
    out = tmp_path / "refined.csv"
    done = call("--static-file", files[0].path, "--burst-file", files[1].path, "--out", out, *extra)
    assert done.exit_code == 2
    assert message in done.output.splitlines()[-1]
    assert not out.exists()
