"""Saved tables turn back into results, on which all works without scoring again."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ecgnoise
from ecgnoise.batch.archive import ArchiveOptions, score_archive
from ecgnoise.errors import MissingExtraError, OptionError, UnknownFormatError, UnreadableFileError
from ecgnoise.quantifier import Quantifier
from ecgnoise.readers import read
from ecgnoise.recording import Recording
from ecgnoise.results.annotations import write_annotations
from ecgnoise.results.lead_remark import LeadRemark
from ecgnoise.results.result import record_name
from ecgnoise.results.saved import load_results
from ecgnoise.results.tables import WRITERS, write_table
from ecgnoise.simulate import simulate_ecg
from ecgnoise.writers import write_recording
from results_by_hand import ATTRIBUTES, changed

ROUNDED = {
    "psnr": 5.1e-5,
    "local_psnr": 5.1e-5,
    "percentile": 0.051,
    "estimated_snr": 0.051,
    "noise_share": 5.1e-3,
    "agreement": 5.1e-4,
}


def scored(tiny_model, path, *, frequency=125.0, seconds=33.3, parts=1):
    """A result with a fault, a tail, notes, remarks and a start."""
    signal = simulate_ecg(seconds, frequency, seed=4, lead_names=["I", "II", "V2"]).signal.copy()
    signal[1, round(11 * frequency) : round(14 * frequency)] = 0.25
    recording = replace(
        Recording.from_array(signal, frequency, lead_names=["I", "II", "V2"], source=str(path)),
        start=datetime(2024, 2, 29, 23, 59, 45, 250000, tzinfo=UTC),
        notes=("channel RR left out", "the header | says 5"),
    )
    result = Quantifier(tiny_model, threads=1).quantify(recording, parts=parts)
    remarks = (LeadRemark(("V2", "I"), "duplicated"), LeadRemark(("II",), "inverted"))
    told = np.where(np.isfinite(result.psnr)[:, :, None], [[[3.14, -12.0, 30.0]]], np.nan)
    return changed(result, lead_remarks=remarks, snr_range=(-12.0, 30.0), estimated_snr=told)


def assert_same(found, wanted):
    for name in ATTRIBUTES:
        one, other = getattr(found, name), getattr(wanted, name)
        if name == "notes":
            assert one == tuple(note.replace(" | ", " / ") for note in other)
        elif not isinstance(other, np.ndarray):
            assert one == other, name
        elif name in ROUNDED:
            np.testing.assert_allclose(one, other, rtol=0, atol=ROUNDED[name], err_msg=name)
        else:
            np.testing.assert_array_equal(one, other, err_msg=name)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("frequency", [125.0, 128.205])
def test_a_table_turns_back_into_its_results(tiny_model, tmp_path, suffix, parts, frequency):
    one = scored(tiny_model, tmp_path / "one.npz", parts=parts, frequency=frequency)
    other = changed(scored(tiny_model, "two.csv", parts=parts, seconds=7.0), recording_start=None, notes=(),
                    lead_remarks=(), snr_range=None)  # fmt: skip
    write_table([*one.rows(), *other.rows()], tmp_path / f"t{suffix}")
    found = ecgnoise.load_results(tmp_path / f"t{suffix}")
    assert len(found) == 2
    assert_same(found[0], one)
    assert_same(found["two"], other)
    assert found["two"] is found["two.csv"] is found[1]


@pytest.mark.parametrize("suffix", WRITERS)
def test_masks_intervals_and_verdicts_are_the_same_without_scoring(tiny_model, tmp_path, suffix):
    result = scored(tiny_model, tmp_path / "one.npz")
    write_table(result.rows(), tmp_path / f"t{suffix}")
    (found,) = load_results(tmp_path / f"t{suffix}")
    assert found.verdict() == result.verdict()
    assert [interval[:3] for interval in map(_place, found.intervals("good"))] == [
        interval[:3] for interval in map(_place, result.intervals("good"))
    ]
    for frequency in (None, 100.0, 500.0):
        np.testing.assert_array_equal(found.mask(frequency), result.mask(frequency))
    write_annotations(result, tmp_path / "a.qua", grade="good")
    write_annotations(found, tmp_path / "b.qua", grade="good")
    assert (tmp_path / "a.qua").read_bytes() == (tmp_path / "b.qua").read_bytes()


def _place(interval):
    return interval.lead, interval.start, interval.stop


def test_a_recording_is_kept_by_a_result_that_was_saved(tiny_model, tmp_path):
    write_recording(simulate_ecg(25, 200, lead_names=["I", "V2"]), tmp_path / "r.npz")
    recording = read(tmp_path / "r.npz")
    result = Quantifier(tiny_model, threads=1).quantify(recording)
    write_table(result.rows(), tmp_path / "t.csv")
    (found,) = load_results(tmp_path / "t.csv")
    np.testing.assert_array_equal(found.keep(recording, "good").signal, result.keep(recording, "good").signal)


@pytest.mark.parametrize("place", ["out", "out/parts", "out/parts/part-00000.parquet"])
def test_a_folder_of_results_turns_back(tiny_model, tmp_path, place):
    folder = tmp_path / "in"
    folder.mkdir()
    for seed in range(3):
        write_recording(simulate_ecg(12, 125, seed=seed, lead_names=["I"]), folder / f"r{seed}.npz")
    score_archive(sorted(folder.iterdir()), tmp_path / "out", ArchiveOptions(model=str(tiny_model), threads=1))
    found = load_results(tmp_path / place)
    assert [result.record for result in found] == ["r0", "r1", "r2"]
    assert_same(found["r1"], Quantifier(tiny_model, threads=1).quantify(read(folder / "r1.npz")))


def test_rows_in_another_order_and_other_columns_do_not_matter(tiny_model, tmp_path):
    result = scored(tiny_model, "one.npz")
    table = result.to_dataframe().assign(mine=1)
    order = table.sort_values(["lead", "segment"], ascending=[True, False])
    order.to_csv(tmp_path / "t.csv")
    order.to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        assert_same(load_results(tmp_path / name)[0], result)


def test_two_recordings_of_one_name_are_found_by_their_paths(tiny_model, tmp_path):
    rows = [row for path in ("a/r.hea", "b/r.hea") for row in scored(tiny_model, path).rows()]
    write_table(rows, tmp_path / "t.json")
    found = load_results(tmp_path / "t.json")
    assert [result.source for result in found] == ["a/r.hea", "b/r.hea"]
    assert found["b/r.hea"].source == "b/r.hea"
    with pytest.raises(OptionError, match="2 of 2 results have this name"):
        found["r"]
    with pytest.raises(OptionError, match=r"pass one of a/r\.hea"):
        found["x"]
    assert [result.record for result in found[:1]] == ["r"]
    assert repr(found) == "<2 results: r, r>"


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("none.csv", None, UnreadableFileError, "no such table"),
        ("t.txt", "x", UnknownFormatError, "no .csv, .json, .parquet, .xlsx with results"),
        ("t.csv", "record,psnr_db\na,3\n", UnknownFormatError, "no column lead, segment"),
        ("t.csv", "\0\1", None, ""),
        ("t.json", "{", UnreadableFileError, "not a whole table"),
        ("t.json", "{}", UnknownFormatError, "no list of rows"),
        ("t.parquet", "PAR1", UnreadableFileError, "not a whole table"),
        ("t.xlsx", "PK", UnreadableFileError, "not a whole table"),
        ("folder", "", UnreadableFileError, "no parts of results"),
    ],
)
def test_what_is_no_table_of_results_is_one_line(tmp_path, name, content, error, words):
    place = tmp_path / name
    if name == "folder":
        place.mkdir()
    elif content is not None:
        place.write_text(content)
    if error is None:
        assert len(load_results(place)) == 0
        return
    with pytest.raises(error, match=words) as caught:
        load_results(place)
    assert str(place) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_without_some_of_its_rows_is_refused(tiny_model, tmp_path):
    table = scored(tiny_model, "one.npz").to_dataframe()
    table[table["fault"] == ""].to_csv(tmp_path / "usable.csv", index=False)
    pd.concat([table, table]).to_csv(tmp_path / "twice.csv", index=False)
    table[table["segment"] > 0].assign(segment=table["segment"] - 1).to_csv(tmp_path / "later.csv", index=False)
    for name in ("usable", "twice", "later"):
        with pytest.raises(UnreadableFileError, match="pass the whole table"):
            load_results(tmp_path / f"{name}.csv")


def test_without_the_extra_it_is_named(tiny_model, tmp_path, monkeypatch):
    rows = scored(tiny_model, "one.npz").rows()
    for suffix, package in ((".parquet", "pyarrow.parquet"), (".xlsx", "openpyxl")):
        write_table(rows, tmp_path / f"t{suffix}")
        monkeypatch.setitem(__import__("sys").modules, package, None)
        with pytest.raises(MissingExtraError, match=r"ecgnoise\[tables\]"):
            load_results(tmp_path / f"t{suffix}")


@pytest.mark.parametrize("read_back", [
    lambda path: pd.read_csv(path.with_suffix(".csv")), lambda path: pd.read_parquet(path.with_suffix(".parquet")),
    lambda path: pd.read_excel(path.with_suffix(".xlsx")), lambda path: pd.DataFrame(json.loads(path.read_text())),
])  # fmt: skip
def test_usable_rows_are_what_people_mean(tiny_model, tmp_path, read_back):
    """``df[df.usable]`` is what the mask keeps: graded, and good or fair."""
    result = scored(tiny_model, "one.npz")
    grades = np.where(result.grade == "", "", np.resize(["good", "poor", "fair", "unusable"], result.grade.shape))
    result = changed(result, grade=grades)
    for suffix in WRITERS:
        write_table(result.rows(), tmp_path / f"t{suffix}")
    df = read_back(tmp_path / "t.json")
    kept = df[df.usable]
    expected = {
        (lead, segment)
        for row, lead in enumerate(result.lead_names)
        for segment in range(len(result.start))
        if result.grade[row, segment] in {"good", "fair"}
    }
    assert set(zip(kept.lead, kept.segment, strict=True)) == expected
    assert kept.duration_s.sum() == pytest.approx(result.usable_seconds().sum())
    assert ("II", 1) not in expected


def test_clock_times_are_in_the_table(tiny_model):
    result = scored(tiny_model, "one.npz")
    times = result.to_dataframe()["time"].unique().tolist()
    assert times[:2] == ["2024-02-29T23:59:45.250000+00:00", "2024-02-29T23:59:55.250000+00:00"]
    assert "II flat 10-20 s (23:59:55-2024-03-01 00:00:05)" in result.verdict()


@pytest.mark.parametrize(
    ("source", "name"),
    [("a/b.hea", "b"), ("b", "b"), ("array", "array"), ("x.h5::/tracings/3", "x-tracings-3"), ("r.csv.gz", "r"),
     ("0.5 mV/r.1.edf", "r.1"), ("simulated ECG, seed 0", "simulated ECG, seed 0")],
)  # fmt: skip
def test_name_of_a_recording(source, name):
    assert record_name(source) == name


def test_names_are_no_formulas_in_excel(tiny_model, tmp_path):
    result = changed(scored(tiny_model, "=1+1.npz"), notes=("bell \a",))
    write_table(result.rows(), tmp_path / "t.xlsx")
    openpyxl = pytest.importorskip("openpyxl")
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    assert sheet["A2"].value == "=1+1"
    assert sheet["A2"].data_type == "s"
    assert load_results(tmp_path / "t.xlsx")[0].notes == ("bell ?",)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("name", ["scores.dat", "scores", "scores.csv"])
def test_a_table_is_told_by_its_content(tiny_model, tmp_path, kind, name):
    """--format writes any kind under any name; what other programs save may begin with a mark of the byte order."""
    result = ecgnoise.quantify(ecgnoise.simulate_ecg(12, 125, lead_names=["I"]), model=tiny_model)
    WRITERS[kind](result.rows(), tmp_path / f"t{kind}")
    content = (tmp_path / f"t{kind}").read_bytes()
    (tmp_path / name).write_bytes((b"\xef\xbb\xbf" if kind in {".csv", ".json"} else b"") + content)
    assert load_results(tmp_path / name)[0].rows() == result.rows()


def test_a_place_that_is_no_file_is_an_error_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    for place in (tmp_path / "pipe.csv", tmp_path / "zero.csv", tmp_path / ("x" * 300), Path("x" * 5000), Path("a\0b")):
        with pytest.raises(UnreadableFileError, match="cannot be opened"):
            load_results(place)
