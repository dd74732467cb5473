"""Models compared by their result files on PTB-XL."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread
from scipy.stats import wasserstein_distance
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from ecgnoise.cli import main
from ecgnoise.errors import MissingExtraError, OutputError, ResultFileError, UnknownFormatError, UnreadableFileError
from ecgnoise.ptbxl import compare
from ecgnoise.ptbxl.compare import (
    COLUMNS,
    COMPARED_NOISES,
    RESULT_COLUMNS,
    FileValues,
    LeadValues,
    ResultFile,
    compare_results,
    compare_values,
    comparison_sheet,
    draw_distributions,
    find_results,
    ranking_lines,
    read_values,
)
from ecgnoise.ptbxl.labels import NOISES
from ecgnoise.scoring.metrics import auroc, signed_wasserstein, wasserstein_ceiling

LDM = "ldm_ddim-10_t250_psnr.csv"
DM = "dm_ddpm_t250_psnr.csv"
LABELS = ("clean", *COMPARED_NOISES)


@pytest.fixture
def few_draws(monkeypatch):
    monkeypatch.setattr(compare, "DRAWS", 5)


def labelled(number, fold, values, **noises):
    """A row of a result file; an empty text where values has None."""
    noisy = {lead for leads in noises.values() for lead in leads}
    row = {"filename_hr": f"records500/{number:05}_hr", "scp_codes": {"NORM": 100.0}, "strat_fold": fold}
    row |= {name: noises.get(name, []) for name in NOISES}
    row["clean"] = [lead for lead in range(12) if lead not in noisy]
    return row | {f"lead_{lead}": "" if value is None else value for lead, value in enumerate(values)}


def write_results(path, rows, columns=RESULT_COLUMNS):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)
    return ResultFile.of(path)


def made_up(shift, *, every_fold=False, scale=1.0, records=24):
    """Rows whose clean leads are higher by shift; leads have several kinds of noise, a kind twice, or other noise."""
    generator = np.random.default_rng(1)
    rows = []
    for number in range(records):
        noises = {}
        if number % 2:
            noises = {"static_noise": [0, 1, 2, 3], "burst_noise": [3, 4], "baseline_drift": [5, 6, 6]}
            noises["electrodes_problems"] = [6, 7]
        noisy = {lead for leads in noises.values() for lead in leads}
        fold = 10 if number % 3 == 0 else 1 + number % 9
        values = scale * (generator.normal(size=12) + [shift * (lead not in noisy) for lead in range(12)])
        shown = [value if every_fold or fold == 10 or lead in noisy else None for lead, value in enumerate(values)]
        rows.append(labelled(number, fold, shown, **noises))
    return rows


def by_hand(rows, label):
    """The values of a label by another way than the reader's."""
    return np.array(
        [row[f"lead_{lead}"] for row in rows for lead in set(row[label]) if label != "clean" or row["strat_fold"] == 10]
    )


def two_points(clean, noisy, path):
    """Rows in which all clean leads have one value and all noisy ones another."""
    rows = [labelled(number, 10, [clean] * 12) for number in range(3)]
    rows += [labelled(3, 4, [noisy] * 12, static_noise=[0, 1], burst_noise=[2], baseline_drift=[3, 4, 5])]
    return write_results(path, rows)


@pytest.mark.parametrize("shift", [1.5, -1.0])
def test_figures_are_those_of_scipy_and_scikit_learn(tmp_path, few_draws, shift):
    rows = made_up(shift)
    (comparison,) = compare_results([write_results(tmp_path / LDM, rows)])
    clean = by_hand(rows, "clean")
    for difference, noise in zip(comparison.noises, COMPARED_NOISES, strict=True):
        noisy = by_hand(rows, noise)
        both = StandardScaler().fit_transform(np.concatenate([clean, noisy])[:, None])[:, 0]
        distance = wasserstein_distance(both[: len(clean)], both[len(clean) :])
        truth = np.repeat([1, 0], [len(clean), len(noisy)])
        assert difference.noise == noise
        assert difference.w1.value == pytest.approx(np.sign(shift) * distance)
        assert difference.auroc.value == pytest.approx(roc_auc_score(truth, np.concatenate([clean, noisy])))
        assert (difference.clean, difference.noisy) == (len(clean), len(noisy))
        assert (difference.clean_left_out, difference.noisy_left_out) == (0, 0)
    assert comparison.macro.w1.value == pytest.approx(np.mean([noise.w1.value for noise in comparison.noises]))
    assert comparison.macro.auroc.value == pytest.approx(np.mean([noise.auroc.value for noise in comparison.noises]))


@pytest.mark.parametrize(
    ("metric", "clean", "noisy", "sign"),
    [("psnr", 30, 10, 1), ("ssim", 0.2, 0.9, -1), ("mse", 5, 90, 1), ("mae", 7, 3, -1)],
)
def test_two_points_reach_the_ceiling(tmp_path, few_draws, metric, clean, noisy, sign):
    (comparison,) = compare_results([two_points(clean, noisy, tmp_path / f"dm_ddpm_t9_{metric}.csv")])
    for difference, count in zip(comparison.noises, (2, 1, 3), strict=True):
        assert difference.ceiling == pytest.approx((36 + count) / np.sqrt(36 * count))
        assert difference.w1.value == pytest.approx(sign * difference.ceiling)
        assert difference.auroc.value == (sign + 1) / 2
    assert comparison.macro.ceiling == pytest.approx(sign * comparison.macro.w1.value)


@pytest.mark.parametrize("metric", ["mse", "mae"])
def test_error_upside_down_is_as_good_as_psnr(tmp_path, few_draws, metric):
    psnr, error = compare_results(
        [
            write_results(tmp_path / DM, made_up(2)),
            write_results(tmp_path / f"dm_ddpm_t250_{metric}.csv", made_up(2, scale=-3.0)),
        ]
    )
    assert psnr.macro.w1.value > 0
    assert psnr.macro.w1 == pytest.approx(error.macro.w1)
    assert psnr.macro.auroc == pytest.approx(error.macro.auroc)


@pytest.mark.parametrize(("clean", "noisy"), [([1.0], [1.0]), ([0.1] * 7, [0.1] * 3)])
def test_equal_scores_tell_nothing(clean, noisy):
    assert signed_wasserstein(np.array(clean), np.array(noisy)) == 0
    assert auroc(np.array(clean), np.array(noisy)) == 0.5


SAMPLES = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=12).map(np.array)


@given(clean=SAMPLES, noisy=SAMPLES)
def test_sign_scale_and_ceiling(clean, noisy):
    distance = signed_wasserstein(clean, noisy)
    assert abs(distance) <= wasserstein_ceiling(len(clean), len(noisy)) + 1e-9
    assert signed_wasserstein(noisy, clean) == pytest.approx(-distance)
    assert signed_wasserstein(8 * clean + 2, 8 * noisy + 2) == pytest.approx(distance, abs=1e-6)
    assert distance * (clean.mean() - noisy.mean()) >= 0
    truth = np.repeat([1, 0], [len(clean), len(noisy)])
    assert auroc(clean, noisy) == pytest.approx(roc_auc_score(truth, np.concatenate([clean, noisy])))


def test_sheet_ranks_the_files(tmp_path, few_draws):
    shifts = {LDM: -3.0, DM: 0.5, "all_ldm_ddim-5_t30_psnr.csv": 4.0}
    for name, shift in shifts.items():
        write_results(tmp_path / name, made_up(shift, every_fold=name.startswith("all_")))
    (tmp_path / "compare.csv").write_text("not a result file")
    comparisons = compare_results(find_results(tmp_path))
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in comparison_sheet(comparisons).rows]
    assert [row["file"] for row in rows[::4]] == ["all_ldm_ddim-5_t30_psnr.csv", DM, LDM]
    assert [row["rank"] for row in rows] == [1] * 4 + [2] * 4 + [3] * 4
    assert [row["noise"] for row in rows[:4]] == ["macro", *COMPARED_NOISES]
    assert [rows[0][name] for name in ("model", "sampler", "timestep", "metric")] == ["ldm", "ddim-5", 30, "psnr"]
    assert rows[0]["w1"] > rows[4]["w1"] > 0 > rows[8]["w1"]
    assert rows[0]["noisy"] == ""
    for row in rows:
        assert row["w1"] <= row["w1_ceiling"]


def test_leads_of_all_folds_change_nothing(tmp_path, few_draws):
    files = [write_results(tmp_path / ("all_" * every + LDM), made_up(1, every_fold=every)) for every in (True, False)]
    (every, some) = compare_results(files)
    assert (every.macro, every.noises) == (some.macro, some.noises)
    assert (every.file.every_fold, some.file.every_fold) == (True, False)


def test_leads_without_a_value_are_left_out_and_counted(tmp_path, few_draws):
    rows = made_up(1)
    rows[0]["lead_0"] = ""
    rows[1]["lead_3"] = "nan"
    (comparison,) = compare_results([write_results(tmp_path / LDM, rows)])
    static, burst, baseline = comparison.noises
    assert [noise.noisy_left_out for noise in comparison.noises] == [1, 1, 0]
    assert (static.noisy, burst.noisy, baseline.noisy) == (47, 23, 24)
    assert static.clean_left_out == comparison.macro.clean_left_out == 1
    assert comparison.macro.noisy_left_out == 2
    assert comparison.left_out == 3
    assert ranking_lines([comparison])[1].split()[-1] == "3"


def test_kind_of_noise_that_no_lead_has_is_no_part_of_the_average(tmp_path, few_draws):
    rows = [labelled(0, 10, range(12)), labelled(1, 2, range(12), static_noise=[0, 1])]
    (comparison,) = compare_results([write_results(tmp_path / LDM, rows)])
    (static,) = comparison.noises
    assert comparison.macro.w1 == static.w1
    assert ranking_lines([comparison])[-1].startswith("No lead has baseline_drift, burst_noise")
    draw_distributions(comparison, tmp_path / "one.png")
    assert imread(tmp_path / "one.png").shape[:2] == (680, 800)


def file_values(records, leads):
    """Each record has one value for all its leads."""
    generator = np.random.default_rng(3)
    numbers = np.repeat(np.arange(records), leads)
    values = {
        name: LeadValues(np.repeat(generator.normal(2 * (name == "clean"), 1, records), leads), numbers, 0)
        for name in LABELS
    }
    return FileValues(ResultFile.of(Path(LDM)), values, {})


def test_intervals_come_from_records_not_from_leads():
    once, often = compare_values(file_values(20, 1)), compare_values(file_values(20, 12))
    for first, other in zip((once.macro, *once.noises), (often.macro, *often.noises), strict=True):
        assert first.w1 == pytest.approx(other.w1)
        assert first.auroc == pytest.approx(other.auroc)
        assert first.w1.low < first.w1.value < first.w1.high
        assert first.auroc.low < first.auroc.value < first.auroc.high
    many = compare_values(file_values(400, 1))
    for first, other in zip(once.noises, many.noises, strict=True):
        assert other.w1.high - other.w1.low < (first.w1.high - first.w1.low) / 2


def test_same_figures_twice():
    first, second = (compare_values(file_values(10, 2)) for _ in range(2))
    assert first.macro == second.macro
    assert first.noises == second.noises


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (LDM, (False, "ldm", "ddim-10", 250, "psnr")),
        ("all_dm_ddpm_t1_mae.csv", (True, "dm", "ddpm", 1, "mae")),
        ("my_model_ddim-1_t999_ssim.csv", (False, "my_model", "ddim-1", 999, "ssim")),
        ("ldm_ddim-10_t250_psnr.csv.partial", None),
        ("ldm_ddim_tx_psnr.csv", None),
        ("ldm_ddim-10_t250_rmse.csv", None),
        ("compare.csv", None),
    ],
)
def test_names(tmp_path, name, expected):
    found = ResultFile.of(tmp_path / name)
    if expected is None:
        assert found is None
    else:
        assert (found.every_fold, found.model, found.sampler, found.timestep, found.metric) == expected


def test_keyword_keeps_the_files_with_it(tmp_path):
    for name in (DM, LDM, "notes.csv"):
        (tmp_path / name).touch()
    assert [file.path.name for file in find_results(tmp_path)] == [DM, LDM]
    assert [file.path.name for file in find_results(tmp_path, "ddpm")] == [DM]
    with pytest.raises(ResultFileError, match="none of 2 result files has 't30'"):
        find_results(tmp_path, "t30")


def test_folder_without_results(tmp_path):
    with pytest.raises(ResultFileError, match="no result files"):
        find_results(tmp_path)
    with pytest.raises(UnreadableFileError):
        find_results(tmp_path / "nowhere")


@pytest.mark.parametrize("column", RESULT_COLUMNS)
def test_column_that_is_missing(tmp_path, column):
    file = write_results(tmp_path / LDM, made_up(1), [name for name in RESULT_COLUMNS if name != column])
    with pytest.raises(UnknownFormatError, match=column):
        read_values(file)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("static_noise", "[0, 1"),
        ("burst_noise", "[12]"),
        ("clean", "[0]"),
        ("scp_codes", "NORM"),
        ("strat_fold", "11"),
        ("lead_4", "loud"),
        ("lead_4", "inf"),
        ("filename_hr", "records500/00000_hr"),
    ],
)
def test_value_that_cannot_be(tmp_path, column, value):
    rows = made_up(1)
    rows[5][column] = value
    with pytest.raises(UnreadableFileError, match="line 7"):
        read_values(write_results(tmp_path / LDM, rows))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no lead has static_noise"),
        ([labelled(0, 10, range(12))], "no lead has static_noise"),
        ([labelled(0, 9, range(12), static_noise=[0])], "no clean lead of fold 10"),
        ([labelled(0, 10, [None] * 12, static_noise=[0])], "no clean lead of fold 10"),
        ([labelled(0, 10, [None, *range(11)], burst_noise=[0])], "no lead with burst_noise has a value"),
    ],
)
def test_nothing_to_compare(tmp_path, rows, message):
    with pytest.raises(ResultFileError, match=message):
        compare_results([write_results(tmp_path / LDM, rows)])


def test_files_of_other_records_are_refused(tmp_path, few_draws):
    whole = write_results(tmp_path / DM, made_up(1))
    other = write_results(tmp_path / LDM, [*made_up(1, records=20), labelled(50, 1, [None] * 12)])
    with pytest.raises(ResultFileError, match=r"2 of 16 compared records are not as in dm_ddpm.*records500/00021_hr"):
        compare_results([whole, other])
    rows = made_up(1)
    rows[1] = labelled(1, 2, range(12), static_noise=[0])
    with pytest.raises(ResultFileError, match="1 of 16 compared records"):
        compare_results([whole, write_results(tmp_path / LDM, rows)])


def run(*arguments):
    return CliRunner().invoke(main, ["ptbxl", "compare", *map(str, arguments)])


@pytest.fixture
def results(tmp_path, few_draws):
    folder = tmp_path / "results"
    write_results(folder / LDM, made_up(2))
    write_results(folder / DM, made_up(1))
    return folder


def test_command(results, tmp_path):
    done = run(results)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["1.", LDM], ["2.", DM]]
    assert lines[3].startswith(
        f"{LDM}: {len(by_hand(made_up(2), 'clean'))} clean leads, 48 with static_noise (W1 at most"
    )
    assert f"distributions of {LDM}" in lines[-1]
    assert imread(results / "compare.png").shape[:2] == (680, 2400)
    with (results / "compare.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [row["file"] for row in rows] == [LDM] * 4 + [DM] * 4
    out = tmp_path / "new" / "out"
    drawn = run(results, "--keyword", "dm_dd", "--out", out, "--figure", results / DM)
    assert f"distributions of {DM}" in drawn.stdout
    assert sorted(path.name for path in out.iterdir()) == ["compare.csv", "compare.png"]


def test_command_with_unusable_input(results, tmp_path):
    (results / "ldm_ddpm_t1_mse.csv").write_text("filename_hr\nx\n")
    calls = (
        (results,),
        (tmp_path / "nowhere",),
        (results, "--keyword", "x"),
        (results, "--keyword", "ddim", "--figure", DM),
        (results, "--keyword", "ddim", "--out", results / LDM),
    )
    for arguments in calls:
        done = run(*arguments)
        assert done.exit_code == 2
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == 1
    assert not (results / "compare.csv").exists()


def test_figure_needs_matplotlib_and_the_table_does_not(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = run(results)
    assert done.exit_code == 0
    assert "ecgnoise[plot]" in done.stderr
    assert sorted(path.name for path in results.iterdir()) == ["compare.csv", DM, LDM]
    assert run(results, "--figure", DM).exit_code == 2
    with pytest.raises(MissingExtraError):
        draw_distributions(compare_values(file_values(3, 1)), results / "x.png")


def test_figure_in_a_place_that_cannot_be_written(results):
    with pytest.raises(OutputError):
        draw_distributions(compare_values(file_values(3, 1)), results / LDM / "x.png")
