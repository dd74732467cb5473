"""Recordings to train on, and the list by which they are taken again."""

import hashlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecgnoise import Recording, read, simulate_ecg
from ecgnoise.errors import TrainingDataError, UnknownFormatError
from ecgnoise.scalogram.profile import DEFAULT, valid_rows
from ecgnoise.training.default.data import load_training_set
from ecgnoise.training.default.task import MaskedTask
from ecgnoise.training.recordings.records import (
    COLUMNS,
    WATCH,
    Listed,
    checksum,
    list_bytes,
    looks_like_ecg,
    only,
    read_list,
    take,
    take_listed,
)
from ecgnoise.training.recordings.sources import Extract, collections
from ecgnoise.writers import write_recording

LEADS = ("I", "II", "V1")


def write(path, seconds, sampling_frequency=500.0, leads=LEADS, seed=1):
    """A WFDB record of a simulated ECG with a little noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    signal = simulate_ecg(seconds, sampling_frequency, seed=seed, lead_names=leads).signal
    noisy = signal + 0.005 * np.random.default_rng(seed).normal(size=signal.shape)
    write_recording(Recording.from_array(noisy, sampling_frequency, lead_names=leads), path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Hand-held records, rhythms with their table, and own records."""
    folder = tmp_path_factory.mktemp("recordings")
    write(folder / "train-hand-held" / "a" / "A1.hea", 24, 300.0, ("I",))
    write(folder / "train-hand-held" / "a" / "A2.hea", 12, 300.0, ("I",), seed=2)
    write(folder / "train-rhythms" / "icu" / "i1.hea", 30, 250.0, ("II", "V1"))
    write(folder / "train-rhythms" / "aftdb" / "n1.hea", 20, 128.0, ("I", "II"))
    write(folder / "train-rhythms" / "aftdb" / "n2.hea", 20, 128.0, ("I",))
    write(folder / "more-12-lead" / "own.hea", 10)
    (folder / "train-rhythms" / "train-rhythms.csv").write_text(
        "record,lead,source,tags,strict\n"
        "icu/i1,0,challenge-2015,,0\n"
        "icu/i1,1,challenge-2015,slow paced-looking,0\n"
        "aftdb/n1,0,aftdb,irregular,1\n"
        "aftdb/n2,0,aftdb,irregular,0\n"
    )
    return folder


@pytest.fixture(scope="module")
def taken(folder):
    return list(take(folder, collections(folder)))


def test_what_is_taken_follows_the_layout(taken):
    found = {part.listed.record: part for part in taken}
    places = {record: part.listed.places for record, part in found.items()}
    assert places == {
        "more-12-lead/own.hea": ((0, 0), (1, 0), (2, 0)),
        "train-hand-held/a/A1.hea": ((0, 0), (0, 1)),  # 24 s, without the first 3
        "train-rhythms/icu/i1.hea": ((1, 0), (1, 1), (1, 2)),
        "train-rhythms/aftdb/n1.hea": ((0, 0), (0, 1)),
    }
    highest = {record: part.listed.highest for record, part in found.items()}
    assert highest["train-hand-held/a/A1.hea"] == highest["train-rhythms/icu/i1.hea"] == 35
    assert highest["train-rhythms/aftdb/n1.hea"] == math.inf


def test_first_seconds_of_hand_held_records_are_not_taken(folder, taken):
    part = next(part for part in taken if part.listed.record.endswith("A1.hea"))
    whole = read(folder / part.listed.record).signal[0]
    np.testing.assert_array_equal(part.signal, whole[900:6900].reshape(2, 3000))


def test_lead_segments_come_at_the_frequency_that_is_asked_for(folder, taken):
    for own, part in zip(taken, take(folder, collections(folder), sampling_frequency=500.0), strict=True):
        assert part.listed == own.listed
        assert part.sampling_frequency == 500.0
        assert part.signal.shape == (len(own.signal), 5000)
        instants = np.arange(5000) / 500
        for lead, wanted in zip(part.signal, own.signal, strict=True):
            drawn = np.interp(instants, np.arange(len(wanted)) / own.sampling_frequency, wanted)
            assert np.corrcoef(lead, drawn)[0, 1] > 0.97


def test_a_list_gives_the_same_again(folder, taken, tmp_path):
    rows = [part.listed for part in taken]
    rows[0] = replace(rows[0], use=WATCH, places=((0, 0), (2, 0)))
    (tmp_path / "records.csv").write_bytes(list_bytes(rows))
    assert list(read_list(tmp_path / "records.csv")) == rows
    again = list(take_listed(folder, rows))
    for part, first in zip(again[1:], taken[1:], strict=True):
        assert part.listed == first.listed
        np.testing.assert_array_equal(part.signal, first.signal)
    np.testing.assert_array_equal(again[0].signal, taken[0].signal[[0, 2]])


def test_places_survive_the_list(tmp_path):
    places = (*((0, number) for number in (0, 1, 2, 4, 6, 7)), (3, 5), (11, 0))
    row = Listed("train", "ludb", "ludb/a, b.hea", "0" * 64, 3.0, 35.0, places)
    (tmp_path / "records.csv").write_bytes(list_bytes([row]))
    assert read_list(tmp_path / "records.csv") == (row,)
    assert "0:0-2,4,6-7;3:5;11:0" in (tmp_path / "records.csv").read_text()


def test_the_checksum_is_that_of_all_files(folder):
    record = folder / "more-12-lead" / "own.hea"
    files = sorted(record.parent.glob("own*"))
    assert len(files) > 1
    assert checksum(record) == hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def test_recordings_that_have_changed_are_refused(tmp_path):
    write(tmp_path / "ludb" / "a.hea", 10)
    (row,) = (part.listed for part in take(tmp_path, collections(tmp_path)))
    missing = replace(row, places=((0, 1),))
    with pytest.raises(TrainingDataError, match="3 leads of 1 segments"):
        list(take_listed(tmp_path, [missing]))
    signal = next(path for path in (tmp_path / "ludb").iterdir() if path.suffix != ".hea")
    content = bytearray(signal.read_bytes())
    content[100] ^= 1
    signal.write_bytes(content)
    with pytest.raises(TrainingDataError, match=r"SHA-256 [0-9a-f]{12}\.\.\., the list says"):
        list(take_listed(tmp_path, [row]))
    signal.unlink()
    with pytest.raises(TrainingDataError, match="cannot be read"):
        list(take_listed(tmp_path, [row]))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"use": "test"}, "line 2"),
        ({"record": "../secret.hea"}, "line 2"),
        ({"record": "/etc/passwd"}, "line 2"),
        ({"start": "-1"}, "line 2"),
        ({"start": "nan"}, "line 2"),
        ({"lead_segments": ""}, "line 2"),
        ({"lead_segments": "0:0-1000000000"}, "line 2"),
        ({"lead_segments": "0:x"}, "line 2"),
    ],
)
def test_wrong_rows_of_a_list_are_refused(tmp_path, changed, said):
    row = {"use": "train", "collection": "ludb", "record": "ludb/1.hea", "sha256": "0" * 64, "start": "0"}
    row |= {"highest": "", "lead_segments": "0:0"} | changed
    (tmp_path / "records.csv").write_text(f"{','.join(COLUMNS)}\n{','.join(row[name] for name in COLUMNS)}\n")
    with pytest.raises(TrainingDataError, match=said):
        read_list(tmp_path / "records.csv")
    (tmp_path / "records.csv").write_text("filename_hr,lead\n1,2\n")
    with pytest.raises(UnknownFormatError):
        read_list(tmp_path / "records.csv")


def test_rows_can_be_chosen_from(taken):
    rows = [part.listed for part in taken]
    count = sum(len(row.places) for row in rows)
    chosen = np.arange(count) % 3 == 1
    chosen[:3] = False
    kept = only(rows, chosen)
    every = [(row.record, place) for row in rows for place in row.places]
    assert [(row.record, place) for row in kept for place in row.places] == [
        pair for pair, stays in zip(every, chosen, strict=True) if stays
    ]
    assert rows[0].record not in {row.record for row in kept}


def test_what_looks_like_no_ecg_is_left_out():
    ecg = simulate_ecg(10, 500, lead_names=("II",)).signal[0]
    unchanged = ecg.copy()
    unchanged[:3500] = unchanged[0]
    gap = ecg.copy()
    gap[7] = np.nan
    segments = np.stack([ecg, 0.01 * ecg, 50 * ecg, unchanged, gap])
    assert looks_like_ecg(segments).tolist() == [True, False, False, False, False]


def test_a_table_of_rhythms_without_its_columns_is_an_error(tmp_path):
    (tmp_path / "train-rhythms").mkdir()
    (tmp_path / "train-rhythms" / "train-rhythms.csv").write_text("record,lead\na,0\n")
    with pytest.raises(TrainingDataError, match=r"train-rhythms\.csv"):
        collections(tmp_path)


def test_rows_that_are_not_sound_are_not_learnt(taken):
    import torch

    from ecgnoise.training.engine.config import DefaultConfig

    clean = load_training_set(taken)
    icu = sum(clean.sources[name] for name in clean.sources if name != "train-rhythms")
    assert clean.valid_counts[icu] == valid_rows(DEFAULT, 250.0).sum()
    assert clean.sound_counts[icu] == sum(frequency <= 35 for frequency in DEFAULT.frequencies)
    assert clean.rows == tuple(part.listed for part in taken)
    task = MaskedTask(clean, DefaultConfig(channels=(8, 8, 8)))
    chosen = np.arange(task.size)
    batch = task.batch(chosen, torch.Generator().manual_seed(0))
    valid = torch.from_numpy(clean.valid_counts)[:, None] > torch.arange(40).flip(0)
    assert (batch["hidden"][:, 0].amin(dim=2)[~valid] == 1).all()
    assert torch.equal(batch["sound"][:, 0, :, 0].sum(dim=1).int(), torch.from_numpy(clean.sound_counts).int())
    other = {**batch, "clean": torch.where(batch["sound"] > 0, batch["clean"], 7.0)}
    network = task.network()
    assert task.loss(network, batch) == task.loss(network, other)


def test_an_extract_names_leads_by_row(folder):
    (part,) = take(folder, {"own": [Extract(folder / "more-12-lead" / "own.hea", leads=(2, 7))]})
    assert part.listed.places == ((2, 0),)
    assert Path(part.listed.record) == Path("more-12-lead/own.hea")
