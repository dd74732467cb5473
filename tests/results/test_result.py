"""Results, grades, metrics and tables."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

from ecgnoise.errors import MissingExtraError, OutputError
from ecgnoise.models.folder import StressStep, Thresholds
from ecgnoise.results.cells import COLUMNS, KIND_DB, KIND_UV, MEASURES, NUMBERS
from ecgnoise.results.grades import estimated_snr, grade, percentile
from ecgnoise.results.tables import WRITERS, write_table
from ecgnoise.scoring.metrics import column_errors, psnr
from results_by_hand import changed, graded

THRESHOLDS = Thresholds(good=20.0, fair=18.0, poor=15.0)
REFERENCE = tuple(np.linspace(15.0, 25.0, 101).tolist())
STRESS = (StressStep(-6.0, 11.0, 14.0, 17.0), StressStep(24.0, 20.0, 23.0, 26.0))


def result():
    scores = np.array([[22.0, 19.0], [np.nan, 16.0], [10.0, 20.0]])
    local = np.repeat(scores[:, :, None], 4, axis=2)
    local[0, 0, 2] = 11.5
    local[2, 1, 3] = np.nan
    return changed(
        graded(["gg", "gg", "gg"], lead_names=("I", "II", "Größe"), frequency=500.0, last=4.0),
        psnr=scores,
        local_psnr=local,
        fault=np.array([["", ""], ["flat", ""], ["", "short"]]),
        grade=grade(scores, THRESHOLDS.bounds),
        percentile=percentile(scores, REFERENCE),
        estimated_snr=estimated_snr(scores, STRESS),
        snr_range=(-6.0, 24.0),
        part_start=np.array([[0, 2.5, 5, 7.5], [10, 12.5, np.nan, np.nan]]),
        part_duration=np.array([[2.5, 2.5, 2.5, 2.5], [2.5, 1.5, np.nan, np.nan]]),
        source="a, b.hea",
        recording_start=None,
        noise_kind=np.full(scores.shape, "", "U16"),
        noise_share=np.full(scores.shape, np.nan),
    )


def test_psnr_by_hand():
    """10 log10(255^2 / 255^2) = 0; a difference of 25.5 everywhere is 20 dB; none at all is 100 dB."""
    original = np.full((3, 4, 5), 255.0, np.float32)
    reconstruction = original - np.array([255.0, 25.5, 0.0], np.float32)[:, None, None]
    errors = column_errors(original, reconstruction, np.ones(4, np.bool_))
    assert errors.shape == (3, 5)
    assert psnr(errors.mean(axis=1)).tolist() == pytest.approx([0.0, 20.0, 100.0], abs=1e-4)


def test_only_rows_that_count_are_measured():
    original = np.zeros((1, 2, 3), np.float32)
    reconstruction = np.array([[[5.0] * 3, [1.0] * 3]], np.float32)
    assert column_errors(original, reconstruction, np.array([False, True])).tolist() == [[1.0] * 3]


def test_grades_lie_between_their_thresholds():
    scores = np.array([20.0, 19.99, 18.0, 17.99, 15.0, 14.99, np.nan])
    assert grade(scores, THRESHOLDS.bounds).tolist() == ["good", "fair", "fair", "poor", "poor", "unusable", ""]


def test_table_has_a_row_a_lead_segment():
    rows = result().rows()
    assert len(rows) == 6
    first = dict(zip(COLUMNS, rows[0], strict=True))
    assert first == {
        "record": "a, b",
        "lead": "I",
        "segment": 0,
        "start_s": 0.0,
        "duration_s": 10.0,
        "time": "",
        "psnr_db": 22.0,
        "percentile": 70.0,
        "local_minimum_db": 11.5,
        "snr_db": 20.7,
        "snr_low_db": 10.7,
        "snr_high_db": 24.0,
        "grade": "good",
        "fault": "",
        "usable": True,
        "noise": "",
        "noise_share": None,
        "effective_snr_db": None,
        "reading_snr_db": None,
        "agreement": None,
        "analysable_s": 10.0,
        **dict.fromkeys((*KIND_DB, "ecg_uv", *KIND_UV)),
        "model": "default 1.0 (abc)",
        "path": "a, b.hea",
        "sampling_frequency_hz": 500.0,
        "units": "mV",
        "profile": "default",
        "notes": "",
        "lead_remarks": "",
        "local_db": "22.0 22.0 11.5 22.0",
        "snr_range_db": "-6.0 24.0",
        "local_snr_db": "",
        "local_noise": "",
        "span_limits": "",
    }
    flat = dict(zip(COLUMNS, rows[2], strict=True))
    assert {flat[name] for name in MEASURES if name != "local_minimum_db"} == {None}
    assert (flat["grade"], flat["fault"]) == ("", "flat")


def test_model_without_reference_and_stress_curve_leaves_cells_empty(tmp_path):
    scores = result().psnr
    bare = changed(result(), percentile=percentile(scores, ()), estimated_snr=estimated_snr(scores, ()), snr_range=None)
    for row in bare.rows():
        entry = dict(zip(COLUMNS, row, strict=True))
        assert [entry[name] for name in ("percentile", "snr_db", "snr_low_db", "snr_high_db")] == [None] * 4
    assert bare.to_dataframe()["snr_db"].isna().all()
    for suffix in WRITERS:
        write_table(bare.rows(), tmp_path / f"scores{suffix}")
    assert pd.read_parquet(tmp_path / "scores.parquet")["percentile"].dtype == float


def test_parts_in_turn_leave_out_what_a_tail_does_not_have():
    assert result().parts_in_turn().shape == (3, 6)


def test_verdict_names_the_worst():
    assert result().verdict() == (
        "3 leads x 2 segments: II flat 0-10 s; Größe short 10-14 s; 1 unusable, 1 poor, 1 fair, 2 good; "
        "43 % analysable; worst score Größe 10.0 dB at 0-10 s"
    )


@pytest.mark.parametrize("suffix", WRITERS)
def test_tables_come_back_as_they_were(tmp_path, suffix):
    path = tmp_path / f"scores{suffix}"
    rows = result().rows()
    write_table(rows, path)
    read = {
        ".csv": lambda: pd.read_csv(path, keep_default_na=False, na_values=dict.fromkeys(NUMBERS, "")),
        ".json": lambda: pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))),
        ".parquet": lambda: pd.read_parquet(path),
        ".xlsx": lambda: pd.read_excel(path, keep_default_na=False, na_values=dict.fromkeys(NUMBERS, "")),
    }[suffix]()
    expected = result().to_dataframe()
    assert list(read.columns) == list(COLUMNS)
    for column in COLUMNS:
        found, wanted = ([value for value in table[column] if not pd.isna(value)] for table in (read, expected))
        assert found == wanted, column
    for column in set(MEASURES) - {"local_minimum_db"}:
        assert read[column].isna().tolist() == [False, False, True, False, False, False], column
    assert list(tmp_path.iterdir()) == [path]


def test_csv_leaves_cells_empty_where_there_is_no_score(tmp_path):
    write_table(result().rows(), tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert rows[2]["psnr_db"] == ""
    assert rows[2]["path"] == "a, b.hea"


def test_unknown_suffix_and_missing_folder_are_one_line(tmp_path):
    with pytest.raises(OutputError, match=r"'\.doc' is none of \.csv, \.json, \.parquet, \.xlsx"):
        write_table(result().rows(), tmp_path / "scores.doc")
    with pytest.raises(OutputError, match="cannot be written"):
        write_table(result().rows(), tmp_path / "absent" / "scores.csv")


def test_parquet_without_the_extra_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"ecgnoise\[tables\]"):
        write_table(result().rows(), tmp_path / "scores.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_fails_half_way_leaves_nothing_and_spares_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "scores.csv"
    write_table(result().rows(), path)
    before = path.read_bytes()

    def fail(rows, partial):
        partial.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(WRITERS, ".csv", fail)
    with pytest.raises(OutputError, match="No space left"):
        write_table(result().rows(), path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before
