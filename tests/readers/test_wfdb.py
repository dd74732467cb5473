"""WFDB records as they are met: what they mean is read, what is odd is told in one line, what is missing is NaN."""

import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest

from ecgnoise._internal.warnings import quiet
from ecgnoise.errors import (
    EcgNoiseError,
    LeadNameError,
    SamplingFrequencyError,
    SignalShapeError,
    UnknownUnitsError,
    UnreadableFileError,
)
from ecgnoise.readers import find_recordings, read

LENGTH = 3000
COUNTS = (np.arange(2 * LENGTH) * 7919 % 4001 - 2000).reshape(2, LENGTH)  # none is like its neighbours
MILLIVOLTS = COUNTS / 1000


def dat(folder: Path, name: str = "r.dat", counts=COUNTS) -> None:
    (folder / name).write_bytes(np.asarray(counts).T.astype("<i2").tobytes())


def hea(folder: Path, *lines: str, name: str = "r.hea", ending: str = "\n", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes((ending.join(lines) + ending).encode(encoding))
    return path


def signal(name: str, *, file: str = "r.dat", kind: str = "16", gain: str = "1000(0)/mV") -> str:
    return f"{file} {kind} {gain} 16 0 0 0 0 {name}"


TWO = (signal("I"), signal("II"))


def record(folder: Path, first: str = f"r 2 250 {LENGTH}", lines=TWO, **options) -> Path:
    dat(folder)
    return hea(folder, first, *lines, **options)


def same(path: Path, **options):
    """The recording, which has all samples of COUNTS."""
    recording = read(path, **options)
    assert recording.sampling_frequency == 250
    np.testing.assert_allclose(recording.signal, MILLIVOLTS, atol=1e-6)
    copy = pickle.loads(pickle.dumps(recording))
    np.testing.assert_array_equal(copy.window(100, 200), recording.signal[:, 100:200])
    return recording


def one_line(path: Path, error: type[Exception], match: str, **options) -> None:
    with pytest.raises(error, match=match) as caught:
        read(path, **options).signal  # noqa: B018
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


# The record line


@pytest.mark.parametrize(
    "when",
    ["12:30:00 1/2/199", "2006", "12:30:00 2006", "0:0:0 00/00/0000", "25:61:00 01/02/2006", "12:30:00 31/02/2006",
     "12:30:00 1/2/99", "x y", "12:30:00 2006-02-01", "12:30:00 01/02/2006 PM", "12:60:00 01/02/2006", "99 1/1/2000",
     "12:30:00 2/1/99999"],
)  # fmt: skip
def test_a_date_that_is_none_does_no_harm(when, tmp_path):
    recording = same(record(tmp_path, f"r 2 250 {LENGTH} {when}"))
    if when.endswith("PM"):
        assert recording.start.isoformat() == "2006-02-01T12:30:00"
        return
    assert recording.start is None
    assert recording.notes == (f"start not known: the header has {when!r} for time and date",)


@pytest.mark.parametrize(
    ("when", "start"),
    [("12:30:00 01/02/2006", "2006-02-01T12:30:00"), ("12:30:00.25 1/2/2006", "2006-02-01T12:30:00.250000"),
     ("30:05 4/5/2704", "2704-05-04T00:30:05"), ("12:30:00", None), ("   31:25.894", None), ("", None)],
)  # fmt: skip
def test_dates(when, start, tmp_path):
    recording = same(record(tmp_path, f"r 2 250 {LENGTH} {when}"))
    assert (recording.start and recording.start.isoformat()) == start
    assert recording.notes == ()


@pytest.mark.parametrize("length", ["0", "", "abc", "-5", "3000.0", "12e99"])
def test_a_length_that_is_not_stated(length, tmp_path):
    notes = same(record(tmp_path, f"r 2 250 {length}")).notes
    assert bool(notes) == (length in {"abc", "-5"}) or "cut short" in notes[0]


@pytest.mark.parametrize(
    "rate", ["250", "250,0", "250.0", "250/250", "250/1000(0)", "250(12)", "250/0.5(-1.5)", "2.5e2"]
)
def test_rates(rate, tmp_path):
    assert same(record(tmp_path, f"r 2 {rate} {LENGTH}")).notes == ()


@pytest.mark.parametrize("rate", ["abc", "0", "-250", "nan", "inf"])
def test_a_rate_that_is_none_is_asked_for(rate, tmp_path):
    path = record(tmp_path, f"r 2 {rate} {LENGTH}")
    one_line(path, (SamplingFrequencyError, UnreadableFileError), "sampling frequency")
    assert same(path, sampling_frequency=250).notes == (f"the header gives {rate!r} Hz: taken as 250 Hz, as stated",)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\n\n# a comment\n\n", "\r\n\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_line_endings_comments_and_encodings(ending, encoding, tmp_path):
    path = record(tmp_path, ending=ending, encoding=encoding)
    assert same(path).notes == ()
    assert find_recordings([tmp_path]) == [path]


def test_tabs_blanks_and_comments_first(tmp_path):
    lines = ["\tr.dat\t16\t1000(0)/mV\t16\t0\t0\t0\t0\tI  ", "  r.dat   16  1000/mV   16 0 0 0  0   II"]
    path = record(tmp_path, f"# made by x\n\n \t\nr\t2\t250  {LENGTH}", lines)
    assert same(path).lead_names == ("I", "II")


@pytest.mark.parametrize("name", ["my record", "a.b.c", "rec 12", "Übung 2 ö", "x 2 250 7", "12", "心电"])
def test_names_with_blanks_and_dots(name, tmp_path):
    dat(tmp_path, f"{name}.dat")
    (tmp_path / f"{name}.dat").with_suffix(".atr").write_bytes(b"\0\0")
    lines = [signal(lead, file=f"{name}.dat") for lead in ("I", "II")]
    path = hea(tmp_path, f"{name} 2 250 {LENGTH}", *lines, name=f"{name}.hea")
    for file in (path, tmp_path / name, tmp_path / f"{name}.dat"):
        assert same(file).source == str(path)
    assert find_recordings([tmp_path]) == [path]
    if name == "x 2 250 7":
        return  # as good as a record x
    path.rename(tmp_path / "other.hea")
    assert same(tmp_path / "other.hea").lead_names == ("I", "II")


@pytest.mark.parametrize(
    ("header", "stored", "named"),
    [("R.HEA", "R.DAT", "r.dat"), ("r.HEA", "r.dat", "R.DAT"), ("r.hea", "R.Dat", "r.dat")],
)
def test_capitals(header, stored, named, tmp_path):
    dat(tmp_path, stored)
    path = hea(tmp_path, f"r 2 250 {LENGTH}", *(signal(lead, file=named) for lead in ("I", "II")), name=header)
    assert same(path).notes == ()
    assert find_recordings([tmp_path]) == [path]
    if header.casefold()[0] == stored[0] == header[0]:
        assert same(tmp_path / stored).source == str(path)
        assert same(tmp_path / stored[0]).source == str(path)


@pytest.mark.parametrize(
    ("first", "lines", "match"),
    [
        ("r 1000000000 250 3000", TWO, "2 signal lines, 1000000000 signals announced"),
        ("r 1 250 3000", TWO, "2 signal lines, 1 signals announced"),
        ("r 2 250 3000", ("r.dat", "r.dat"), "has no format"),
        ("r 2 250 3000", [signal("I", kind="17"), signal("II", kind="17")], "format 17, none of 8, 16"),
        ("r 2 250 3000", [signal("I", kind="16"), signal("II", kind="212")], "different formats in r.dat"),
        ("r 2 250 3000", [signal("I", file="x.dat"), signal("II", file="x.dat")], "x.dat is missing: put it beside"),
        ("r 2 250 3000", [signal("I", file="../r.dat"), signal("II", file="../r.dat")], "is missing"),
        ("r 2 250 3000", [signal("I", file="/dev/zero"), signal("II", file="/dev/zero")], "is missing"),
        ("r 2 250 3000", [signal("I", kind="16x999999999"), signal("II", kind="16x999999999")], "no whole sample|Hz"),
        ("r 2 250 3000", [signal("I", kind="16+99999999"), signal("II", kind="16+99999999")], "no whole sample"),
        ("r/2 2 250 3000", ["r 1500", "r 1500"], "record of several segments itself"),
        ("r/1 2 250 999999999999", ["~ 999999999999"], "no segment exists"),
        ("r/2 2 250 3000", ["a b c", "x"], "is no segment"),
        ("r/2 2 250 3000", [], "is no segment"),
        ("r/1 2 250 3000", ["gone 3000"], "segment gone.hea is missing"),
    ],
)  # fmt: skip
def test_headers_that_cannot_be_read_are_one_line(first, lines, match, tmp_path):
    one_line(record(tmp_path, first, lines), EcgNoiseError, match)


# Signal lines


@pytest.mark.parametrize(
    ("gain", "factor", "note"),
    [("1000(0)/mV", 1, False), ("1000/mV", 1, False), ("1000", 1, False), ("1e3(0)", 1, False),
     ("1000,0(0)/mV", 1, False), ("1000.0/mV", 1, False), ("-1000/mV", -1, False), ("0", 5, True),
     ("0(0)/mV", 5, True), ("1(0)/uV", 1, False),
     ("1(0)/\u00b5V", 1, False), ("1000 (0)/mV", 1, False)],
)  # fmt: skip
def test_gains(gain, factor, note, tmp_path):
    recording = read(record(tmp_path, lines=[signal("I", gain=gain), signal("II", gain=gain)]))
    np.testing.assert_allclose(recording.signal, MILLIVOLTS * factor, atol=1e-6 * abs(factor))
    assert bool(recording.notes) == note
    assert all("uncalibrated, taken as 200 units per mV" in text for text in recording.notes)


def test_lines_that_end_early(tmp_path):
    recording = read(record(tmp_path, lines=["r.dat 16", "r.dat 16 1000"]))
    np.testing.assert_allclose(recording.signal, MILLIVOLTS * [[5], [1]], atol=1e-5)
    assert recording.lead_names == ("lead_0", "lead_1")


def test_baselines(tmp_path):
    lines = [signal("I", gain="1000(-100)/mV"), "r.dat 16 1000/mV 16 50 0 0 0 II"]
    recording = read(record(tmp_path, lines=lines))
    np.testing.assert_allclose(recording.signal, MILLIVOLTS + np.array([[0.1], [-0.05]]), atol=1e-6)


@pytest.mark.parametrize("unit", ["adu", "NU", "?V", ".V", "bananas"])
def test_units_that_are_none_of_voltage(unit, tmp_path):
    path = record(tmp_path, lines=[signal("I", gain=f"1(0)/{unit}"), signal("II", gain=f"1(0)/{unit}")])
    one_line(path, UnknownUnitsError, r"I in .*--units")
    assert read(path, units="unknown").units == "unknown"
    np.testing.assert_allclose(read(path, units="unknown").signal, COUNTS)
    assert same(path, units="uV").notes == (f"the file gives the unit {unit!r}: taken as uV, as stated",)


def test_units_that_are_not_stated(tmp_path):
    path = record(tmp_path, lines=[signal("I", gain="1"), signal("II", gain="1")])
    np.testing.assert_allclose(read(path).signal, COUNTS, rtol=1e-6)  # mV, by the format
    assert same(path, units="uV").notes == ("the header gives no unit: taken as uV, as stated: I, II",)
    assert read(path, units="unknown").units == "unknown"


@pytest.mark.parametrize("other", ["Resp", "HR", "gyro_x", "EEG C3", "Fp1", "patient_id"])
def test_what_stands_beside_an_ecg_is_left_out(other, tmp_path):
    recording = read(record(tmp_path, lines=[signal(other), signal("Chan ECG 1")]))
    assert recording.lead_names == ("Chan ECG 1",)
    assert recording.notes == (f"left out, not ECG: {other}",)
    np.testing.assert_allclose(recording.signal, MILLIVOLTS[1:], atol=1e-6)


def test_leads_go_by_their_names_and_by_those_of_the_header(tmp_path):
    path = record(tmp_path, lines=[signal("ECG I"), signal("Lead II")])
    assert same(path).lead_names == ("I", "II")
    for wanted in (["II"], ["lead ii"]):
        recording = read(path, lead_names=wanted)
        assert recording.lead_names == ("II",)
        np.testing.assert_allclose(recording.signal, MILLIVOLTS[1:], atol=1e-6)
    assert read(path, lead_names=["Lead II", "i"]).lead_names == ("II", "I")


def test_a_signal_of_format_0_has_no_samples(tmp_path):
    lines = [signal("III", file="~", kind="0"), *TWO, signal("V1", kind="0")]
    recording = same(record(tmp_path, f"r 4 250 {LENGTH}", lines))
    assert recording.lead_names == ("I", "II")
    assert recording.notes == ("left out, without samples: III, V1",)
    one_line(record(tmp_path, "r 1 250 3000", lines[:1]), UnreadableFileError, "names no signal file")
    with pytest.raises(LeadNameError, match="no lead III"):
        read(record(tmp_path, f"r 4 250 {LENGTH}", lines), lead_names=["III"])


# Signal files


def test_offsets_skew_and_frames(tmp_path):
    frames = np.concatenate([COUNTS[0].reshape(-1, 4), COUNTS[1].reshape(-1, 2)[::2]], axis=1)[:700]
    (tmp_path / "r.dat").write_bytes(b"x" * 512 + frames.astype("<i2").tobytes())
    lines = [signal("I", kind="16x4+512"), signal("V9", kind="16x2:3+512")]
    path = hea(tmp_path, "r 2 125 700", *lines)
    recording = read(path, lead_names=["I"])
    assert (recording.sampling_frequency, recording.samples.shape) == (500, (1, 2800))
    np.testing.assert_allclose(recording.signal[0], COUNTS[0, :2800] / 1000, atol=1e-6)
    np.testing.assert_array_equal(recording.window(1001, 1403), recording.signal[:, 1001:1403])
    skewed = read(path, lead_names=["V9"])
    assert skewed.sampling_frequency == 250
    np.testing.assert_allclose(skewed.signal[0, :-6], frames[3:, 4:].reshape(-1) / 1000, atol=1e-6)
    assert np.isnan(skewed.signal[0, -6:]).all()
    np.testing.assert_array_equal(skewed.window(11, 17), skewed.signal[:, 11:17])
    both = read(path)
    assert both.sampling_frequency == 125
    np.testing.assert_allclose(both.signal[0], frames[:, :4].mean(axis=1) / 1000, atol=1e-6)
    assert both.notes == ("leads of different sampling frequency: averaged to that of the header",)


NONE = {"16": -(2**15), "24": -(2**23), "32": -(2**31), "80": -128, "212": -2048, "61": -(2**15), "160": -(2**15),
        "310": -512, "311": -512}  # fmt: skip


def packed(kind: str, values: np.ndarray) -> bytes:
    """Samples in a format, after signal(5)."""
    if kind in {"16", "32", "61"}:
        return values.astype({"16": "<i2", "32": "<i4", "61": ">i2"}[kind]).tobytes()
    if kind in {"80", "160"}:
        return (values + {"80": 128, "160": 32768}[kind]).astype({"80": "u1", "160": "<u2"}[kind]).tobytes()
    if kind == "24":
        return values.astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes()
    if kind == "212":
        a, b = (values & 0xFFF).reshape(-1, 2).T
        return np.stack([a & 0xFF, a >> 8 | b >> 8 << 4, b & 0xFF], axis=1).astype("u1").tobytes()
    a, b, c = (values & 0x3FF).reshape(-1, 3).T
    if kind == "310":
        parts = [(a & 0x7F) << 1, a >> 7 | (c & 0x1F) << 3, (b & 0x7F) << 1, b >> 7 | c >> 5 << 3]
    else:
        parts = [a & 0xFF, a >> 8 | (b & 0x3F) << 2, b >> 6 | (c & 0x0F) << 4, c >> 4]
    return np.stack(parts, axis=1).astype("u1").tobytes()


@pytest.mark.parametrize("kind", NONE)
def test_formats_and_their_missing_samples(kind, tmp_path):
    """As the wfdb package reads them, in any window; the least value stands for a missing sample."""
    values = np.random.default_rng(1).integers(NONE[kind] + 1, -NONE[kind], 1998)
    values[[0, 700, 1997]] = NONE[kind]
    (tmp_path / "r.dat").write_bytes(b"xyz" + packed(kind, values))
    path = hea(tmp_path, "r 2 250 999", *(signal(lead, kind=f"{kind}+3", gain="100(7)/mV") for lead in ("I", "II")))
    recording = read(path)
    assert np.argwhere(np.isnan(recording.signal.T.reshape(-1))).ravel().tolist() == [0, 700, 1997]
    np.testing.assert_allclose(
        recording.signal, (np.where(values == NONE[kind], np.nan, values) - 7).reshape(-1, 2).T / 100, rtol=1e-6
    )
    for start, stop in ((0, 1), (1, 2), (2, 3), (333, 667), (500, 501), (998, 999)):
        np.testing.assert_array_equal(recording.window(start, stop), recording.signal[:, start:stop])
    with quiet():
        import wfdb

        other = wfdb.rdrecord(str(path)[:-4]).p_signal.T
    if kind != "311":  # a bit that the format does not use is counted by wfdb 4.3
        np.testing.assert_allclose(recording.signal, other, rtol=1e-6)
    hea(tmp_path, "r 2 250", *(signal(lead, kind=f"{kind}+3", gain="100(7)/mV") for lead in ("I", "II")))
    np.testing.assert_array_equal(read(path).signal, recording.signal)


@pytest.mark.parametrize(
    ("kind", "samples", "size"),
    [("212", 5, 8), ("212", 6, 9), ("212", 4, 7), ("310", 4, 6), ("310", 6, 8), ("310", 3, 5), ("310", 4, 7),
     ("311", 4, 6), ("311", 5, 7), ("311", 3, 5), ("311", 6, 8)],
)  # fmt: skip
def test_samples_that_share_their_last_bytes(kind, samples, size, tmp_path):
    values = np.arange(-3, 3) * 99
    (tmp_path / "r.dat").write_bytes(packed(kind, values)[:size])
    recording = read(hea(tmp_path, "r 1 250", signal("I", kind=kind, gain="100")))
    np.testing.assert_allclose(recording.signal[0], values[:samples] / 100, rtol=1e-6)
    np.testing.assert_array_equal(recording.window(samples - 1, samples), recording.signal[:, -1:])


def test_no_more_is_read_than_announced(tmp_path):
    recording = read(record(tmp_path, "r 2 250 1000", [signal("I"), signal("II", kind="16:10")]))
    np.testing.assert_allclose(recording.signal[0], MILLIVOLTS[0, :1000], atol=1e-6)
    np.testing.assert_allclose(recording.signal[1, :-10], MILLIVOLTS[1, 10:1000], atol=1e-6)
    assert np.isnan(recording.signal[1, -10:]).all()


def test_files_outside_of_the_folder_are_not_read(tmp_path):
    (tmp_path / "in").mkdir()
    dat(tmp_path)
    hea(tmp_path, "s 2 250 3000", *TWO, name="s.hea")
    for name in ("../r.dat", str(tmp_path / "r.dat")):
        lines = [signal(lead, file=name) for lead in ("I", "II")]
        one_line(hea(tmp_path / "in", "r 2 250 3000", *lines), UnreadableFileError, "is missing")
    one_line(hea(tmp_path / "in", "m/1 2 250 3000", "../s 3000", name="m.hea"), UnreadableFileError, "is missing")
    dat(tmp_path / "in", "below.dat")
    lines = [signal(lead, file="in/below.dat") for lead in ("I", "II")]
    same(hea(tmp_path, "t 2 250 3000", *lines, name="t.hea"))


@pytest.mark.parametrize("frames", [5, 999, 65536, 200_000])
def test_differences_are_added_up_from_the_first_value(frames, tmp_path):
    steps = np.random.default_rng(1).integers(-128, 128, (frames, 3))
    (tmp_path / "r.dat").write_bytes(steps.astype("i1").tobytes())
    lines = ["r.dat 8x2 1000/mV 16 0 100 0 0 I", "r.dat 8 1000/mV 16 0 -9 0 0 II"]
    recording = read(hea(tmp_path, f"r 2 250 {frames}", *lines), lead_names=["I"])
    expected = (np.cumsum(steps[:, :2].reshape(-1)) + 100) / 1000
    np.testing.assert_allclose(recording.signal[0], expected, rtol=1e-5, atol=1e-5)
    for start in (0, frames // 2, 2 * frames - 7):
        np.testing.assert_array_equal(recording.window(start, start + 5), recording.signal[:, start : start + 5])
    second = read(tmp_path / "r.hea", lead_names=["II"]).signal[0]
    np.testing.assert_allclose(second, (np.cumsum(steps[:, 2]) - 9) / 1000, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["508", "516", "524"])
def test_flac(kind, tmp_path):
    bits = int(kind) - 500
    values = np.random.default_rng(1).integers(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1), (200_000, 2))
    values[5, 0] = -(2 ** (bits - 1))
    with quiet():
        import wfdb

        wfdb.wrsamp("r", 250, ["mV"] * 2, ["I", "II"], d_signal=values, fmt=[kind] * 2, adc_gain=[100.0] * 2,
                    baseline=[0] * 2, write_dir=str(tmp_path))  # fmt: skip
    path = tmp_path / "r.hea"
    recording = read(path)
    expected = np.where(values == -(2 ** (bits - 1)), np.nan, values).T / 100
    np.testing.assert_allclose(recording.signal, expected, rtol=1e-6)
    np.testing.assert_array_equal(recording.window(131_000, 131_100), recording.signal[:, 131_000:131_100])
    path.write_text(path.read_text().replace(" 200000", " 0"))
    assert read(path).samples.shape == (2, 200_000)
    content = (tmp_path / "r.dat").read_bytes()
    for damaged in (
        b"",
        content[:3],
        content[:60],
        content[: len(content) // 2],
        b"fLaC" + b"\xff" * 999,
        b"RIFF" + content[4:],
    ):
        (tmp_path / "r.dat").write_bytes(damaged)
        one_line(path, UnreadableFileError, r"r\.dat|no whole sample")


def test_flac_of_other_signals(tmp_path):
    with quiet():
        import wfdb

        wfdb.wrsamp("r", 250, ["mV"] * 2, ["I", "II"], d_signal=COUNTS.T, fmt=["516"] * 2, adc_gain=[1000.0] * 2,
                    baseline=[0] * 2, write_dir=str(tmp_path))  # fmt: skip
    same(tmp_path / "r.hea")
    one_line(
        hea(tmp_path, "r 1 250 3000", signal("I", kind="516")), UnreadableFileError, "2 signals of 16 bits, not 1 of 16"
    )
    lines = [signal("I", kind="508"), signal("II", kind="508")]
    one_line(hea(tmp_path, "r 2 250 3000", *lines), UnreadableFileError, "16 bits, not 2 of 8")


@pytest.mark.parametrize("left", [1.0, 0.9999, 0.5, 0.001])
def test_a_signal_file_cut_short(left, tmp_path):
    path = record(tmp_path)
    content = (tmp_path / "r.dat").read_bytes()
    (tmp_path / "r.dat").write_bytes(content[: int(len(content) * left)])
    recording = read(path)
    whole = int(len(content) * left) // 4
    assert recording.samples.shape == (2, whole)
    np.testing.assert_allclose(recording.signal, MILLIVOLTS[:, :whole], atol=1e-6)
    note = f"cut short: 3000 samples announced by the header, {whole} are in r.dat and read"
    assert recording.notes == ((note,) if whole < LENGTH else ())


def test_one_of_two_signal_files_cut_short(tmp_path):
    dat(tmp_path, "a.dat", COUNTS[:1])
    dat(tmp_path, "b.dat", COUNTS[1:, :1000])
    recording = read(hea(tmp_path, f"r 2 250 {LENGTH}", signal("I", file="a.dat"), signal("II", file="b.dat")))
    np.testing.assert_allclose(recording.signal[0], MILLIVOLTS[0], atol=1e-6)
    np.testing.assert_allclose(recording.signal[1, :1000], MILLIVOLTS[1, :1000], atol=1e-6)
    assert np.isnan(recording.signal[1, 1000:]).all()
    assert recording.notes == ("cut short: 3000 samples announced by the header, 1000 are in b.dat and read",)


def test_absurd_lengths_are_cut_short_without_memory(tmp_path):
    assert "cut short" in same(record(tmp_path, "r 2 250 999999999999")).notes[0]


@pytest.mark.parametrize("what", ["device", "pipe", "folder", "empty", "dangling", "locked"])
def test_signal_files_that_are_none(what, tmp_path):
    path = record(tmp_path)
    file = tmp_path / "r.dat"
    file.unlink()
    if what == "device":
        file.symlink_to("/dev/zero")
    elif what == "pipe":
        os.mkfifo(file)
    elif what == "folder":
        file.mkdir()
    elif what == "dangling":
        file.symlink_to("nowhere")
    else:
        file.write_bytes(b"" if what == "empty" else b"x" * 100)
        file.chmod(0o000 if what == "locked" else 0o644)
    if what == "locked" and os.access(file, os.R_OK):
        pytest.skip("the superuser may read it")
    match = {
        "empty": "no whole sample",
        "dangling": "is missing",
        "locked": "cannot be opened",
    }
    one_line(path, UnreadableFileError, match.get(what, rf"r\.hea names .*r\.dat: this is a {what}, no file"))


def test_a_link_to_a_file_is_followed(tmp_path):
    path = record(tmp_path)
    (tmp_path / "r.dat").rename(tmp_path / "elsewhere")
    (tmp_path / "r.dat").symlink_to("elsewhere")
    same(path)


def test_a_header_stands_only_for_the_files_that_it_names(tmp_path):
    path = record(tmp_path)
    (tmp_path / "r.edf").write_text("version https://git-lfs.github.com/spec/v1\n")
    (tmp_path / "r.mat").write_bytes(b"MATLAB 5.0 MAT-file, damaged")
    assert same(tmp_path / "r.dat").source == str(path)
    for name in ("r.edf", "r.mat"):
        with pytest.raises(EcgNoiseError, match=name):
            read(tmp_path / name)


# Several segments


def segments(folder: Path, *lines: str, first: str = "") -> Path:
    """A record of two signals: a and b are its segments, with the first and the last of the samples of COUNTS."""
    for name, part in (("a", COUNTS[:, :1200]), ("b", COUNTS[:, 1200:])):
        dat(folder, f"{name}.dat", part)
        both = [signal(lead, file=f"{name}.dat") for lead in ("I", "II")]
        hea(folder, f"{name} 2 250 {part.shape[1]}", *both, name=f"{name}.hea")
    return hea(folder, first or f"m/{len(lines)} 2 250", *lines, name="m.hea")


@pytest.mark.parametrize(
    ("lines", "gaps"),
    [
        (("~ 500", "a 1200", "b 1800"), [(0, 500)]),
        (("a 1200", "~ 500", "b 1800"), [(1200, 1700)]),
        (("a 1200", "b 1800", "~ 500"), [(3000, 3500)]),
        (("~ 7", "~ 493", "a 1200", "~ 100", "b 1800", "~ 1"), [(0, 500), (1700, 1800), (3600, 3601)]),
        (("a 1200", "~ 0", "b 1800"), []),
    ],
)
@pytest.mark.parametrize("layout", ["fixed", "variable"])
def test_null_segments(lines, gaps, layout, tmp_path):
    if layout == "variable":
        hea(tmp_path, "l 2 250 0", signal("I", file="~", kind="0"), signal("II", file="~", kind="0"), name="l.hea")
        lines = ("l 0", *lines)
    path = segments(tmp_path, *lines)
    recording = read(path)
    missing = np.zeros(recording.samples.shape[1], bool)
    for begin, end in gaps:
        missing[begin:end] = True
    np.testing.assert_array_equal(np.isnan(recording.signal), [missing, missing])
    np.testing.assert_allclose(recording.signal[:, ~missing], MILLIVOLTS, atol=1e-6)
    assert len(recording.notes) == bool(gaps)
    if gaps:
        assert recording.notes[0].endswith(f"do not exist: {missing.sum()} of {len(missing)} samples are missing")
    for start in range(0, recording.samples.shape[1] - 300, 211):
        np.testing.assert_array_equal(recording.window(start, start + 300), recording.signal[:, start : start + 300])
    assert find_recordings([tmp_path]) == [path]


def test_fewer_and_more_segments_than_announced(tmp_path):
    fewer = same(segments(tmp_path, "a 1200", "b 1800", first="m/5 2 250 3000"))
    assert fewer.notes == ("5 segments announced by the header, 2 listed: 2 are read",)
    more = same(segments(tmp_path, "a 1200", "b 1800", "a 1200", first="m/2 2 250 3000"))
    assert more.notes == ("2 segments announced by the header, 3 listed: 2 are read",)
    other = read(segments(tmp_path, "a 1200", "b 1800", "a 1200", first="m/2 2 250 4200"))
    assert other.samples.shape == (2, 4200)
    assert other.notes == ("2 segments announced by the header, 3 listed: 3 are read",)


def test_lengths_of_segments_that_disagree(tmp_path):
    short = read(segments(tmp_path, "a 1000", "b 1800", first="m/2 2 250 3000"))
    assert short.notes == ("3000 samples announced by the header, its segments have 2800: those are read",)
    np.testing.assert_allclose(short.signal, np.delete(MILLIVOLTS, np.s_[1000:1200], axis=1), atol=1e-6)
    long = read(segments(tmp_path, "a 1500", "b 1800"))
    assert long.notes == ("cut short: 1500 samples announced by the header, 1200 are in a.dat and read",)
    assert np.isnan(long.signal[:, 1200:1500]).all()
    np.testing.assert_allclose(np.delete(long.signal, np.s_[1200:1500], axis=1), MILLIVOLTS, atol=1e-6)


def test_segments_in_variable_layout_with_other_signals_gains_and_units(tmp_path):
    path = segments(tmp_path, "l 0", "a 1200", "b 1800")
    layout = [signal(lead, file="~", kind="0") for lead in ("II", "I", "ABP", "V7")]
    hea(tmp_path, "l 4 250 0", *layout, name="l.hea")
    dat(tmp_path, "b.dat", COUNTS[::-1, 1200:])
    lines = [signal("II", file="b.dat", gain="1/uV"), signal("ABP", file="b.dat")]
    hea(tmp_path, "b 2 250 1800", *lines, name="b.hea")
    path.write_text("m/3 4 250 3000\nl 0\na 1200\nb 1800\n")
    recording = read(path)
    assert recording.lead_names == ("II", "I")
    assert "left out, without samples: V7" in recording.notes
    np.testing.assert_allclose(recording.signal[0], MILLIVOLTS[1], atol=1e-6)
    np.testing.assert_allclose(recording.signal[1, :1200], MILLIVOLTS[0, :1200], atol=1e-6)
    assert np.isnan(recording.signal[1, 1200:]).all()


def test_a_signal_of_format_0_in_a_segment_is_missing_there(tmp_path):
    path = segments(tmp_path, "a 1200", "b 1800")
    dat(tmp_path, "b.dat", COUNTS[1:, 1200:])
    hea(tmp_path, "b 2 250 1800", signal("I", file="~", kind="0"), signal("II", file="b.dat"), name="b.hea")
    recording = read(path)
    assert np.isnan(recording.signal[0, 1200:]).all()
    np.testing.assert_allclose(recording.signal[1], MILLIVOLTS[1], atol=1e-6)


def test_a_segment_with_an_unreadable_unit_or_another_rate(tmp_path):
    path = segments(tmp_path, "a 1200", "b 1800")
    hea(tmp_path, "b 2 250 1800", signal("I", file="b.dat", gain="1/adu"), signal("II", file="b.dat"), name="b.hea")
    recording = read(path)
    assert recording.notes == ("I is in 'adu' in b: missing there",)
    assert np.isnan(recording.signal[0, 1200:]).all()
    hea(tmp_path, "b 2 500 1800", *(signal(lead, file="b.dat") for lead in ("I", "II")), name="b.hea")
    one_line(path, UnreadableFileError, "250 Hz, and 500 Hz in its segment b")


def test_records_that_contain_themselves_are_one_line_each(tmp_path):
    hea(tmp_path, "a/1 1 250 100", "b 100", name="a.hea")
    hea(tmp_path, "b/1 1 250 100", "a 100", name="b.hea")
    hea(tmp_path, "s/2 1 250 100", "s 0", "s 100", name="s.hea")
    assert find_recordings([tmp_path]) == [tmp_path / f"{name}.hea" for name in "abs"]
    for name in "abs":
        one_line(tmp_path / f"{name}.hea", UnreadableFileError, "of several segments itself")


def test_centuries_of_nothing_are_refused(tmp_path):
    one_line(segments(tmp_path, "a 1200", "~ 9999999999999"), SignalShapeError, "at 250 Hz are more than a year")


def test_thousands_of_segments(tmp_path):
    segments(tmp_path, "a 1200")
    path = hea(tmp_path, "m/4000 2 250", *(["a 1200", "~ 50"] * 2000), name="m.hea")
    begin = time.process_time()
    recording = read(path)
    for start in range(0, recording.samples.shape[1] - 2500, 2500):
        recording.window(start, start + 2500)
    assert time.process_time() - begin < 4
    assert recording.samples.shape == (2, 2000 * 1250)
    np.testing.assert_allclose(recording.window(1250 * 1999, 1250 * 1999 + 1200), MILLIVOLTS[:, :1200], atol=1e-6)


def test_windows_of_a_day_read_only_what_is_asked_for(tmp_path):
    samples = 86_400 * 250
    with (tmp_path / "r.dat").open("wb") as file:
        file.truncate(samples * 4)
        file.seek((samples - 100) * 4)
        file.write(COUNTS[:, :100].T.astype("<i2").tobytes())
    recording = read(hea(tmp_path, f"r 2 250 {samples}", *TWO))
    begin = time.process_time()
    for start in range(0, samples - 2500, samples // 500):
        recording.window(start, start + 2500)
    assert time.process_time() - begin < 1
    np.testing.assert_allclose(recording.window(samples - 100, samples), MILLIVOLTS[:, :100], atol=1e-6)
    assert len(pickle.dumps(recording)) < 2000


def test_all_files_of_a_record_belong_to_it(tmp_path):
    from ecgnoise.readers._wfdb.files import header_files

    path = segments(tmp_path, "~ 5", "a 1200", "b 1800", "gone 7")
    (tmp_path / "b.dat").rename(tmp_path / "B.DAT")
    names = {"m.hea", "a.hea", "b.hea", "gone.hea", "a.dat", "B.DAT"}
    assert header_files(path) == {tmp_path / name for name in names}
    dat(tmp_path, "my own.dat")
    lines = [signal("I", file="my own.dat"), signal("II", file="../x.dat")]
    own = hea(tmp_path, "my own 2 250 3000", *lines, name="my own.hea")
    assert header_files(own) == {own, tmp_path / "my own.dat"}
    own.write_bytes(b"\0damaged")
    assert header_files(own) == {own}
