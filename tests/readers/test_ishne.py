"""ISHNE files as recorders write them: what is whole is read, what is odd is told in one line."""

import binascii
import struct
from pathlib import Path

import numpy as np
import pytest

from ecgnoise.errors import SamplingFrequencyError, UnreadableFileError
from ecgnoise.readers import read

LENGTH = 2000


def counts(leads: int) -> np.ndarray:
    return (np.arange(leads * LENGTH) * 7919 % 4001 - 2000).reshape(leads, LENGTH)


def write(folder: Path, leads: int = 2, *, variable: bytes = b"", **fields) -> Path:
    """A file after Badilini 1998; fields are those of the fixed header, by name."""
    fixed = bytearray(512)
    block, place = fields.get("block", len(variable)), fields.get("place", 522 + len(variable))
    struct.pack_into("<4i", fixed, 0, block, fields.get("samples", LENGTH), 522, place)
    struct.pack_into("<3h", fixed, 128, *fields.get("date", (24, 12, 2021)))
    struct.pack_into("<3h", fixed, 140, *fields.get("clock", (8, 30, 15)))
    struct.pack_into("<h", fixed, 146, fields.get("count", leads))
    struct.pack_into("<12h", fixed, 148, *fields.get("codes", (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)))
    struct.pack_into("<12h", fixed, 196, *fields.get("resolutions", [1000] * 12))
    struct.pack_into("<h", fixed, 262, fields.get("rate", 250))
    checksum = fields.get("checksum", binascii.crc_hqx(bytes(fixed) + variable, 0xFFFF))
    path = folder / "r.ecg"
    data = counts(leads).T.astype("<i2").tobytes()
    path.write_bytes(b"ISHNE1.0" + struct.pack("<H", checksum) + fixed + variable + data)
    return path


def same(path: Path, leads: int = 2, **options):
    recording = read(path, **options)
    np.testing.assert_allclose(recording.signal, counts(leads) / 1000, atol=1e-6)
    assert recording.sampling_frequency == 250
    return recording


@pytest.mark.parametrize("leads", [1, 2, 3, 7, 12])
def test_up_to_twelve_leads(leads, tmp_path):
    recording = same(write(tmp_path, leads), leads)
    assert recording.notes == ()
    assert recording.lead_names == ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")[:leads]
    assert recording.start.isoformat() == "2021-12-24T08:30:15"


def test_codes_of_leads_that_nobody_knows(tmp_path):
    recording = same(write(tmp_path, 3, codes=(0, 99, -5, *[0] * 9)), 3)
    assert recording.lead_names == ("lead_0", "lead_1", "lead_2")


@pytest.mark.parametrize("count", [0, -1, 13, 32767])
def test_absurd_numbers_of_leads(count, tmp_path):
    with pytest.raises(UnreadableFileError, match=rf"{count} leads, 1 to 12"):
        read(write(tmp_path, count=count))


@pytest.mark.parametrize(
    ("samples", "note"),
    [
        (0, "0 samples a lead announced by the header, 2000 are there and read"),
        (-9, "-9 samples a lead announced by the header, 2000 are there and read"),
        (2001, "cut short: 2001 samples a lead announced by the header, 2000 are there and read"),
        (2**31 - 1, "cut short: 2147483647 samples a lead announced by the header, 2000 are there and read"),
        (4000, None),  # of both leads
        (4001, None),
    ],
)
def test_announced_lengths(samples, note, tmp_path):
    assert same(write(tmp_path, samples=samples)).notes == ((note,) if note else ())


def test_fewer_samples_announced_than_there_are(tmp_path):
    recording = read(write(tmp_path, samples=1500))
    np.testing.assert_allclose(recording.signal, counts(2)[:, :1500] / 1000, atol=1e-6)
    assert recording.notes == ("1500 samples a lead announced by the header and read, 2000 are there",)


@pytest.mark.parametrize("left", [1, 3, 100, 3999, 4000 - 1, 7999])
def test_cut_short(left, tmp_path):
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[: 522 + left])
    if left < 4:
        with pytest.raises(UnreadableFileError, match="no samples, 2000 a lead announced"):
            read(path)
        return
    recording = read(path)
    whole = left // 4
    np.testing.assert_allclose(recording.signal, counts(2)[:, :whole] / 1000, atol=1e-6)
    assert recording.notes == (f"cut short: 2000 samples a lead announced by the header, {whole} are there and read",)


@pytest.mark.parametrize("left", [8, 100, 521, 522])
def test_nothing_behind_the_header(left, tmp_path):
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(UnreadableFileError, match=r"r\.ecg"):
        read(path)


def test_checksums(tmp_path):
    assert same(write(tmp_path, variable=b"pacemaker")).notes == ()
    assert same(write(tmp_path, checksum=0)).notes == ()  # none
    (note,) = same(write(tmp_path, checksum=0x1234)).notes
    assert note.endswith("0x1234 stated: they may be damaged")


@pytest.mark.parametrize("block", [-1, -(2**31), 2**31 - 1, 999_999, 500])
@pytest.mark.parametrize("variable", [b"", b"text" * 25])
def test_absurd_sizes_of_the_variable_block(block, variable, tmp_path):
    (note,) = (note for note in same(write(tmp_path, block=block, variable=variable)).notes if "checksum" not in note)
    assert (
        note
        == f"the header says that its variable block has {block} bytes: samples taken from byte {522 + len(variable)}"
    )


def test_absurd_sizes_of_the_variable_block_and_no_place(tmp_path):
    same(write(tmp_path, block=-7, place=-7))
    with pytest.raises(UnreadableFileError, match="its variable block has -7 bytes"):
        read(write(tmp_path, block=-7, place=-7, samples=1234))


@pytest.mark.parametrize("place", [0, -1, 2**31 - 1, 9])
def test_a_place_of_the_samples_that_is_none_does_no_harm(place, tmp_path):
    assert same(write(tmp_path, place=place, variable=b"abcd")).notes == ()


@pytest.mark.parametrize("resolution", [0, -1, -32768])
def test_resolutions_that_are_none(resolution, tmp_path):
    recording = read(write(tmp_path, resolutions=[resolution, *[1000] * 11]))
    assert recording.lead_faults == ("no_gain", "")
    assert np.isnan(recording.signal[0]).all()
    np.testing.assert_allclose(recording.signal[1], counts(2)[1] / 1000, atol=1e-6)
    assert recording.notes == (f"no gain: I has {resolution} nV a unit by the header",)


@pytest.mark.parametrize(
    "fields",
    [
        {"date": (0, 0, 0)},
        {"date": (31, 2, 2021)},
        {"date": (-9, -9, -9)},
        {"clock": (25, 0, 0)},
        {"clock": (-9, 0, 0)},
    ],
)
def test_dates_and_times_that_are_none(fields, tmp_path):
    recording = same(write(tmp_path, **fields))
    assert recording.start is None
    (note,) = recording.notes
    assert note.startswith("start not known: the header has the date ")


@pytest.mark.parametrize("rate", [0, -250])
def test_a_rate_that_is_none_is_asked_for(rate, tmp_path):
    path = write(tmp_path, rate=rate)
    with pytest.raises(SamplingFrequencyError, match="pass sampling_frequency in Hz"):
        read(path)
    assert same(path, sampling_frequency=250).notes == (f"the header says {rate} Hz: taken as 250 Hz, as stated",)


def test_a_unit_that_is_stated_is_told_where_the_format_has_one(tmp_path):
    (note,) = same(write(tmp_path), units="mV").notes
    assert "'nV', which holds" in note
