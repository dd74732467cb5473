"""Marks are read back by the programs they are written for."""

import json
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from ecgnoise.errors import MissingExtraError, OptionError, OutputError
from ecgnoise.results.annotations import ANNOTATION_FORMATS, mne_annotations, write_annotations
from results_by_hand import graded

TWO = ["gupg", "ggu-"]
NAMES = {suffix: "record-annot.fif" if suffix == ".fif" else f"record{suffix}" for suffix in ANNOTATION_FORMATS}


def rdann(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import wfdb

        return wfdb.rdann(str(path.with_suffix("")), path.suffix[1:])


def test_wfdb_two_leads_as_in_mit_bih(tmp_path):
    """Bits 0 and 1 noisy, 4 and 5 unreadable, -1 both unreadable: MIT-BIH's codes."""
    write_annotations(graded(TWO, last=5.0), tmp_path / "record.qua", grade="poor")
    annotations = rdann(tmp_path / "record.qua")
    assert annotations.symbol == ["~"] * 4
    assert annotations.sample.tolist() == [0, 2500, 5000, 7500]
    assert annotations.subtype.tolist() == [0x00, 0x11, 0x01 | 0x22, 0x22]
    assert annotations.fs == 250
    assert [note.rstrip("\0") for note in annotations.aux_note] == [
        "clean", "II unreadable", "II noisy, V1 unreadable", "V1 unreadable",
    ]  # fmt: skip


def test_wfdb_all_leads_unreadable_is_minus_one(tmp_path):
    write_annotations(graded(["ug", "-g"]), tmp_path / "record.qua")
    annotations = rdann(tmp_path / "record.qua")
    assert (annotations.sample.tolist(), annotations.subtype.tolist()) == ([0, 2500], [-1, 0])


@pytest.mark.parametrize("leads", [3, 4, 5, 6])
@pytest.mark.parametrize("seed", range(5))
def test_wfdb_annotations_tell_the_mask(tmp_path, leads, seed):
    """Read as a program would read them, the annotations give the mask again, whatever the number of leads."""
    letters = np.random.default_rng(seed).choice(list("gfpu-"), (leads, 6))
    result = graded(["".join(row) for row in letters], last=3.3)
    write_annotations(result, tmp_path / "record.qua", grade="poor")
    annotations = rdann(tmp_path / "record.qua")
    noisy = np.zeros((leads, round(result.seconds * 250)), bool)
    for sample, subtype, channel in zip(annotations.sample, annotations.subtype, annotations.chan, strict=True):
        if leads <= 4:
            for lead in range(leads):
                noisy[lead, sample:] = (int(subtype) >> lead) & 1
        else:
            noisy[channel, sample:] = subtype != 0
    np.testing.assert_array_equal(noisy, ~result.mask(grade="poor"))


def test_mitdb_annotations_of_ours_are_understood_by_a_reader_of_theirs(tmp_path):
    """The benchmark's reader of MIT-BIH's own annotations agrees."""
    from benchmarks.datasets import MitdbRecord

    write_annotations(graded(["gug", "ggg"]), tmp_path / "record.qua")
    annotations = rdann(tmp_path / "record.qua")
    record = MitdbRecord(tmp_path, annotations.sample, annotations.subtype, np.array([]), np.array([]))
    assert [record.noisy_share(0, start, start + 2500) for start in (0, 2500, 5000)] == [0, 1, 0]
    assert record.noisy_share(1, 0, 7500) == 0


def test_edf_annotations(tmp_path):
    edfio = pytest.importorskip("edfio")
    write_annotations(graded(TWO, lead_names=["II", "Größe"], last=5.25), tmp_path / "record.edf", grade="unusable")
    edf = edfio.read_edf(tmp_path / "record.edf")
    found = [(mark.onset, mark.duration, mark.text) for mark in edf.annotations]
    assert (0.0, 35.25, "noise scored by default 1.0 (abc)") in found
    assert {mark for mark in found if mark[2].startswith("BAD")} == {
        (10.0, 10.0, "BAD_noise@@II"),
        (20.0, 15.25, "BAD_noise@@Größe"),
    }
    assert (str(edf.startdate), str(edf.starttime)) == ("2024-03-01", "12:30:15")


def test_edf_annotations_in_mne(tmp_path):
    """MNE parts text and channel where it knows the channels; on its own the file keeps both in the description."""
    mne = pytest.importorskip("mne")
    pytest.importorskip("edfio")
    write_annotations(graded(TWO), tmp_path / "record.edf", grade="unusable")
    read = mne.read_annotations(tmp_path / "record.edf")
    bad = list(zip(read.onset, read.duration, read.description, strict=True))[1:]
    assert bad == [(10.0, 10.0, "BAD_noise@@II"), (20.0, 20.0, "BAD_noise@@V1")]


def test_mne_annotations_fit_a_raw_and_come_back(tmp_path):
    mne = pytest.importorskip("mne")
    result = graded(TWO)
    raw = mne.io.RawArray(np.zeros((2, 10000)), mne.create_info(["II", "V1"], 250.0, "ecg"), verbose="error")
    raw.set_annotations(mne_annotations(result, "unusable"))
    assert raw.annotations.ch_names.tolist() == [("II",), ("V1",)]
    write_annotations(result, tmp_path / "record-annot.fif", grade="unusable")
    back = mne.read_annotations(tmp_path / "record-annot.fif")
    assert back.description.tolist() == ["BAD_noise"] * 2
    assert (back.onset.tolist(), back.duration.tolist()) == ([10.0, 20.0], [10.0, 20.0])
    assert back.ch_names.tolist() == [("II",), ("V1",)]


def test_mne_leaves_marked_time_out(tmp_path):
    mne = pytest.importorskip("mne")
    raw = mne.io.RawArray(np.zeros((1, 10000)), mne.create_info(["II"], 250.0, "ecg"), verbose="error")
    raw.set_annotations(mne_annotations(graded(["gugg"])))
    kept = raw.get_data(reject_by_annotation="omit")
    assert kept.shape == (1, 7500)


def test_events_have_the_columns_of_bids(tmp_path):
    write_annotations(graded(TWO, last=5.0), tmp_path / "events.tsv", grade="unusable")
    table = pd.read_csv(tmp_path / "events.tsv", sep="\t", keep_default_na=False)
    assert list(table.columns[:4]) == ["onset", "duration", "trial_type", "channel"]
    assert table.values.tolist() == [
        [10.0, 10.0, "BAD_noise", "II", 12.0, "unusable", "n/a", "muscle", "n/a"],
        [20.0, 15.0, "BAD_noise", "V1", 12.0, "unusable", "flat", "muscle", "n/a"],
    ]


def test_intervals_as_json(tmp_path):
    write_annotations(graded(TWO, last=5.0), tmp_path / "intervals.json", grade="unusable", join=5.0)
    content = json.loads((tmp_path / "intervals.json").read_text(encoding="utf-8"))
    assert content["usable_s"] == {"II": 25.0, "V1": 20.0}
    assert content["intervals"][0] == {
        "lead": "II", "start_s": 10.0, "duration_s": 10.0, "psnr_db": 12.0, "grade": "unusable", "fault": "",
        "noise": "muscle", "lowest_snr_db": None,
    }  # fmt: skip


@pytest.mark.parametrize("suffix", ANNOTATION_FORMATS)
@pytest.mark.parametrize("grades", [["gg", "gg"], ["--", "--"]])
def test_nothing_bad_and_nothing_good_are_files_too(tmp_path, suffix, grades):
    pytest.importorskip("edfio")
    pytest.importorskip("mne")
    write_annotations(graded(grades), tmp_path / NAMES[suffix])
    assert [file.name for file in tmp_path.iterdir()] == [NAMES[suffix]]


def test_what_cannot_be_written_says_so_and_leaves_nothing(tmp_path):
    result = graded(TWO)
    with pytest.raises(OutputError, match=r"'\.doc' is none of \.qua, \.edf, \.fif, \.tsv, \.json"):
        write_annotations(result, tmp_path / "record.doc")
    with pytest.raises(OutputError, match="no name of a WFDB record"):
        write_annotations(result, tmp_path / "a record.qua")
    with pytest.raises(OutputError, match="NAME-annot"):
        write_annotations(result, tmp_path / "record.fif")
    with pytest.raises(OutputError, match="cannot be written"):
        write_annotations(result, tmp_path / "absent" / "record.json")
    with pytest.raises(OptionError, match="pass one of good"):
        write_annotations(result, tmp_path / "record.json", grade="bad")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("package", "suffix", "extra"), [("mne", ".fif", "mne"), ("edfio", ".edf", "formats")])
def test_without_the_extra_it_is_named(tmp_path, monkeypatch, package, suffix, extra):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"ecgnoise\[{extra}\]"):
        write_annotations(graded(TWO), tmp_path / NAMES[suffix])
    assert list(tmp_path.iterdir()) == []
