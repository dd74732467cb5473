"""EDF and BDF files as recorders write them: what they mean is read, what is odd is told in one line."""

import math
import time
from pathlib import Path

import numpy as np
import pytest

from ecgnoise.errors import (
    LeadNameError,
    NoEcgError,
    OptionError,
    SamplingFrequencyError,
    UnknownUnitsError,
    UnreadableFileError,
)
from ecgnoise.readers import find_recordings, read

RATE = 250
SECONDS = 20
COUNTS = (np.arange(SECONDS * RATE) * 7919 % 20011 - 10_000).astype("<i2")  # none is like its neighbours
MILLIVOLTS = COUNTS / 1e4  # at 0.1 uV a count
WIDTHS = {"label": 16, "trans": 80, "dim": 8, "pmin": 8, "pmax": 8, "dmin": 8, "dmax": 8, "filt": 80, "n": 8, "res": 32}
FIELDS = {"label": "ECG", "dim": "uV", "pmin": "-3276.8", "pmax": "3276.7", "dmin": "-32768", "dmax": "32767"}


def field(value, width: int, fill: bytes = b" ") -> bytes:
    return (value if isinstance(value, bytes) else str(value).encode("latin-1")).ljust(width, fill)[:width]


def write(folder: Path, *signals: dict, name: str = "r.edf", fill: bytes = b" ", **head) -> Path:
    """An EDF file of these header fields, as text or bytes; ``data`` are counts, of which a data record has ``n``."""
    full = [{"n": RATE, "data": COUNTS, **FIELDS, **signal} for signal in signals or ({},)]
    width = 2 if name.endswith("edf") else 3
    records = min(len(signal["data"]) // int(signal["n"]) for signal in full if int(signal["n"]))
    places = [(0 if width == 2 else b"\xffBIOSEMI", 8), ("X X X X", 80), (head.get("recording", "rec"), 80)]
    places += [(head.get("date", "24.11.21"), 8), (head.get("clock", "08.30.15"), 8)]
    places += [(head.get("size", 256 * (len(full) + 1)), 8), (head.get("reserved", ""), 44)]
    places += [(head.get("records", records), 8), (head.get("duration", 1), 8), (len(full), 4)]
    content = b"".join(field(*place, fill) for place in places)
    for key, length in WIDTHS.items():
        content += b"".join(field(signal.get(key, ""), length, fill) for signal in full)
    for record in range(records):
        for signal in full:
            part = np.asarray(signal["data"][record * int(signal["n"]) : (record + 1) * int(signal["n"])])
            content += part.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    path = folder / name
    path.write_bytes(content)
    return path


def times(onsets, n: int = 60, width: int = 2) -> dict:
    """A signal of annotations with these times of data records, in s, or as text."""
    kinds = {2: "<i2", 3: "u1"}
    texts = [
        (f"{onset:+.6f}".rstrip("0").rstrip(".").encode() if isinstance(onset, float | int) else onset) + b"\x14\x14\0"
        for onset in onsets
    ]
    content = b"".join(text.ljust(width * n, b"\0") for text in texts)
    data = np.frombuffer(content, kinds[width])
    if width == 3:
        data = data.reshape(-1, 3) @ np.array([1, 256, 65536])
    label = "EDF Annotations" if width == 2 else "BDF Annotations"
    return {"label": label, "dim": "", "pmin": -1, "pmax": 1, "n": n, "data": data}


def same(path: Path, **options):
    """The recording, which has all samples of COUNTS."""
    recording = read(path, **options)
    assert recording.sampling_frequency == RATE
    np.testing.assert_allclose(recording.signal, [MILLIVOLTS], atol=1e-6)
    return recording


def one_line(path: Path, error: type[Exception], match: str, **options) -> None:
    with pytest.raises(error, match=match) as caught:
        read(path, **options)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("fill", [b" ", b"\0"])
def test_fields_filled_with_blanks_or_nul(fill, tmp_path):
    recording = same(write(tmp_path, fill=fill))
    assert recording.lead_names == ("ECG",)
    assert recording.notes == ()
    assert recording.start.isoformat() == "2021-11-24T08:30:15"
    content = bytearray((tmp_path / "r.edf").read_bytes())
    content[0:8] = b"0".ljust(8, fill)
    (tmp_path / "other.bin").write_bytes(content)
    same(tmp_path / "other.bin")  # found by its content


@pytest.mark.parametrize("junk", [b"uV\0abcd", b"\0uV", b"uV\0\0 \0", b" uV", b"uV\t"])
def test_what_follows_a_nul_does_not_count(junk, tmp_path):
    assert same(write(tmp_path, {"dim": junk, "pmin": b"-3276.8\0", "dmax": b"32767\0xy"})).notes == ()


@pytest.mark.parametrize(
    ("low", "high", "duration"),
    [("-3276,8", "3276,7", "1,0"), ("-3276,8", "3276.7", "1,"), ("-3276.80", "+3276.7", "1.000")],
)
def test_decimal_commas(low, high, duration, tmp_path):
    recording = same(write(tmp_path, {"pmin": low, "pmax": high}, duration=duration))
    assert recording.lead_faults == ("",)


@pytest.mark.parametrize(
    ("records", "note"),
    [
        (0, "not closed properly: 0 data records announced by the header, 20 are there and read"),
        (100, "cut short: 100 data records announced by the header, 20 are there and read"),
        (99999999, "cut short: 99999999 data records announced by the header, 20 are there and read"),
        (5, "not closed properly: 5 data records announced by the header, 20 are there and read"),
        (-7, "not closed properly: -7 data records announced by the header, 20 are there and read"),
        ("abc", "not closed properly: 'abc' data records announced by the header, 20 are there and read"),
        ("", "not closed properly: '' data records announced by the header, 20 are there and read"),
        (-1, None),
        ("20.0", None),
    ],
)
def test_number_of_data_records(records, note, tmp_path):
    assert same(write(tmp_path, records=records)).notes == ((note,) if note else ())


@pytest.mark.parametrize(("name", "width"), [("r.edf", 2), ("r.bdf", 3)])
@pytest.mark.parametrize("left", [19.999, 19.5, 7.0, 7.3, 1.0])
def test_cut_short(left, name, width, tmp_path):
    path = write(tmp_path, {}, {"label": "V2"}, name=name)
    path.write_bytes(path.read_bytes()[: 768 + int(left * 2 * RATE * width)])
    recording = read(path)
    whole = int(left)
    assert recording.notes == (f"cut short: 20 data records announced by the header, {whole} are there and read",)
    assert recording.samples.shape == (2, whole * RATE)
    np.testing.assert_allclose(recording.signal[1], MILLIVOLTS[: whole * RATE], atol=1e-6)


@pytest.mark.parametrize("left", [100, 256, 400, 511, 512, 512 + 2 * RATE - 1])
def test_nothing_whole_is_one_line(left, tmp_path):
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(Exception, match=r"r\.edf") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    if left >= 512:
        one_line(path, UnreadableFileError, "no whole data record is there, '20' announced")


@pytest.mark.parametrize("size", [0, 256, 99999, "", "abc", "512,0"])
def test_length_of_the_header(size, tmp_path):
    notes = same(write(tmp_path, size=size)).notes
    assert len(notes) == (size != "512,0")
    assert all("bytes: 512 of 1 signals taken" in note for note in notes)


def test_longer_header_counts_where_the_data_records_fit(tmp_path):
    path = write(tmp_path, size=1024)
    content = path.read_bytes()
    path.write_bytes(content[:512] + b" " * 512 + content[512:])
    assert same(path).notes == ()


@pytest.mark.parametrize("label", ["ECG é", b"ECG Brust", "EKG ä".encode(), "ECG 心电".encode(), b"ECG \x81\xf0\xff"])
def test_labels_that_are_not_ascii(label, tmp_path):
    (name,) = same(write(tmp_path, {"label": label})).lead_names
    assert name.isprintable()


def test_labels_of_control_characters_do_not_tear_a_message(tmp_path):
    path = write(tmp_path, {"label": "ECG\x1b[2J\n1"}, {"label": "Resp\r\n", "dim": "mV"})
    recording = read(path)
    assert recording.lead_names == ("ECG [2J 1",)
    assert recording.notes == ("left out, not ECG: Resp",)


MICRO = {
    "utf-8 mu": "μV".encode(),
    "utf-8 micro": "µV".encode(),
    "latin-1": b"\xb5V",
    "shift-jis": b"\x83\xcaV",
    "plain": b"uV",
}
UNREADABLE = [b"\xecV", b"\xe6V", b"\xa6\xccV", b"?V", b".V", b"adu", b"NU"]


@pytest.mark.parametrize("unit", MICRO.values(), ids=MICRO)
@pytest.mark.parametrize("stated", [None, "uV"])
def test_microvolts_in_known_encodings(unit, stated, tmp_path):
    assert same(write(tmp_path, {"dim": unit}), units=stated).notes == ()


@pytest.mark.parametrize("unit", UNREADABLE)
def test_units_that_cannot_be_read_are_named_and_the_statement_decides(unit, tmp_path):
    path = write(tmp_path, {"dim": unit}, {"label": "SpO2", "dim": "%"})
    one_line(path, UnknownUnitsError, r"ECG in .*--units")
    recording = same(path, units="uV")
    assert recording.notes[0] == "left out, not ECG: SpO2"
    assert "taken as uV, as stated" in recording.notes[1]
    assert read(path, units="unknown").units == "unknown"
    np.testing.assert_allclose(read(path, units="mV").signal, [MILLIVOLTS * 1000], rtol=1e-5, atol=1e-3)


def test_a_unit_that_holds_is_told_from_the_one_stated(tmp_path):
    (note,) = same(write(tmp_path), units="mV").notes
    assert "'uV', which holds" in note


def test_eeg_in_microvolts_does_not_stand_for_an_ecg_in_an_unreadable_unit(tmp_path):
    path = write(tmp_path, {"label": "C4-M1"}, {"label": "II", "dim": "?V"})
    one_line(path, UnknownUnitsError, r"II in '\?V'")
    assert read(path, units="uV").lead_names == ("II",)


@pytest.mark.parametrize(
    ("limits", "shown"),
    [
        ({"pmin": "0", "pmax": "0"}, "0 to 0 for the counts -32768 to 32767"),
        ({"pmin": "5,0", "pmax": "5.0"}, "5 to 5"),
        ({"pmin": "", "pmax": "1"}, "nan to 1"),
        ({"pmin": "-1e999", "pmax": "1"}, "-inf to 1"),
        ({"dmin": "0", "dmax": "0"}, "for the counts 0 to 0"),
        ({"dmin": "32767", "dmax": "-32768"}, "for the counts 32767 to -32768"),
        ({"dmin": "x"}, "for the counts nan to 32767"),
    ],
)
def test_limits_that_say_no_gain(limits, shown, tmp_path):
    recording = read(write(tmp_path, limits, {"label": "V2"}))
    assert recording.lead_faults == ("no_gain", "")
    assert np.isnan(recording.signal[0]).all()
    np.testing.assert_allclose(recording.signal[1], MILLIVOLTS, atol=1e-6)
    (note,) = recording.notes
    assert note.startswith("no gain: ECG is ")
    assert shown in note


def test_a_falling_physical_range_turns_the_signal_over(tmp_path):
    recording = read(write(tmp_path, {"pmin": "3276.7", "pmax": "-3276.8"}))
    np.testing.assert_allclose(recording.signal, [-MILLIVOLTS - 1e-4], atol=1e-6)
    assert recording.notes == ()


@pytest.mark.parametrize(
    ("date", "clock"),
    [
        ("99.99.99", "08.30.15"),
        ("00.00.00", "00.00.00"),
        ("", ""),
        ("24.11.21", "25.00.00"),
        ("24.11", "8h30"),
        ("\0", "\x1b"),
    ],
)
def test_dates_and_times_that_are_none(date, clock, tmp_path):
    recording = same(write(tmp_path, date=date, clock=clock))
    assert recording.start is None
    (note,) = recording.notes
    assert note.startswith("start not known: the header has the date ")
    assert note.isprintable()


@pytest.mark.parametrize(
    ("date", "recording", "start"),
    [
        ("24/11/21", "rec", "2021-11-24"),
        ("24-11-21", "rec", "2021-11-24"),
        ("1.2.85", "rec", "1985-02-01"),
        ("01.01.84", "rec", "2084-01-01"),
        ("24.11.yy", "Startdate 24-NOV-2121 X X X", "2121-11-24"),
        ("24.11.21", "Startdate 31-FEB-2021 X X X", "2021-11-24"),
        ("24.11.21", "Startdate X X X X", None),
    ],
)
def test_dates(date, recording, start, tmp_path):
    found = same(write(tmp_path, date=date, recording=recording))
    assert found.notes == ()
    assert (found.start and found.start.date().isoformat()) == start


@pytest.mark.parametrize(
    ("duration", "n", "rate"),
    [
        ("0.999", 250, 250 / 0.999),
        ("1,0", 250, 250),
        ("0.1", 25, 250),
        ("0,04", 10, 250),
        ("0.333333", 100, 300),
        ("2", 500, 250),
    ],
)
def test_durations_of_data_records(duration, n, rate, tmp_path):
    recording = read(write(tmp_path, {"n": n}, duration=duration))
    assert math.isclose(recording.sampling_frequency, rate, rel_tol=1e-9)
    np.testing.assert_allclose(recording.signal, [MILLIVOLTS], atol=1e-6)


@pytest.mark.parametrize("duration", ["0", "-1", "", "abc", "nan"])
def test_a_duration_that_is_none_is_asked_for(duration, tmp_path):
    path = write(
        tmp_path, {}, {"label": "V2", "n": RATE}, {"label": "ECG 3", "n": 125, "data": COUNTS[::2]}, duration=duration
    )
    one_line(path, SamplingFrequencyError, "pass sampling_frequency in Hz")
    recording = read(path, sampling_frequency=RATE)
    assert recording.sampling_frequency == RATE
    assert recording.lead_names == ("ECG", "V2")
    assert "left out, not at 250 Hz: ECG 3 (125 Hz)" in recording.notes
    assert "the header says no duration of a data record: taken as 250 Hz, as stated" in recording.notes
    one_line(write(tmp_path), OptionError, "leave it out", sampling_frequency=500)


@pytest.mark.parametrize(
    "label", ["EEG EKG1-REF", "Chan ECG", "ecg", "EKG", "ECG-LA", "POL EKG", "Lead II", "ECG1-ECG2", "cardioECG"]
)
def test_ecg_anywhere_in_a_label(label, tmp_path):
    recording = read(
        write(tmp_path, {"label": "EEG C3"}, {"label": label}, {"label": "Fp1"}, {"label": "HR", "dim": ""})
    )
    assert len(recording.lead_names) == 1
    np.testing.assert_allclose(recording.signal, [MILLIVOLTS], atol=1e-6)
    assert recording.notes == ("left out, not ECG: EEG C3, Fp1, HR",)


def test_status_and_signals_without_samples_are_left_out(tmp_path):
    status = {"label": "Status", "dim": "Boolean"}
    recording = read(write(tmp_path, {}, {"label": "V2", "n": 0}, status, name="r.bdf"))
    assert recording.lead_names == ("ECG",)
    assert recording.notes == ("left out, not ECG: V2, Status in 'Boolean'",)
    np.testing.assert_allclose(recording.signal, [MILLIVOLTS], atol=1e-6)


def test_annotations_only(tmp_path):
    path = write(tmp_path, times(range(20)), reserved="EDF+C", duration=0)
    one_line(path, NoEcgError, "no channel is an ECG .*no signals")


@pytest.mark.parametrize("signals", ["0", "-1", "abc", "", "9e99", "1e9"])
def test_no_signals(signals, tmp_path):
    path = write(tmp_path)
    content = bytearray(path.read_bytes())
    content[252:256] = field(signals, 4)
    path.write_bytes(content)
    with pytest.raises(Exception, match=r"r\.edf") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert find_recordings([tmp_path]) == [path]


@pytest.mark.parametrize("count", ["-5", "abc", "", "1e30"])
def test_samples_of_a_data_record_that_are_no_number(count, tmp_path):
    path = write(tmp_path)
    content = bytearray(path.read_bytes())
    at = 256 + sum(WIDTHS[key] for key in list(WIDTHS)[:8])
    content[at : at + 8] = field(count, 8)
    path.write_bytes(content)
    one_line(path, UnreadableFileError, "samples in a data record|no whole data record")


# Interrupted recordings


def interrupted(folder: Path, onsets, *, plus: str = "EDF+D", name: str = "r.edf", **head) -> Path:
    width = 2 if name.endswith("edf") else 3
    return write(folder, {}, times(onsets, width=width), reserved=plus, name=name, **head)


JITTER = [number + 0.003 * (-1) ** number for number in range(20)]


@pytest.mark.parametrize("plus", ["EDF+D", "EDF+C"])
@pytest.mark.parametrize(
    "onsets",
    [JITTER, [round(number / 1.0015, 6) for number in range(20)], [number * 1.0015 for number in range(20)],
     [number + 0.008 * (number % 3 == 1) for number in range(20)]],
    ids=["jitter", "fast", "slow", "late"],
)  # fmt: skip
def test_rounded_times_are_put_end_to_end(onsets, plus, tmp_path):
    notes = same(interrupted(tmp_path, onsets, plus=plus)).notes
    assert bool(notes) == (plus == "EDF+D")
    assert all(note.endswith("ms off: put end to end") for note in notes)


def test_rounded_times_with_a_gap(tmp_path):
    onsets = [onset + 5 * (number >= 12) for number, onset in enumerate(JITTER)]
    recording = read(interrupted(tmp_path, onsets))
    there = np.isfinite(recording.signal[0])
    assert recording.notes == (
        "times of data records are up to 6 ms off: put end to end",
        f"interrupted once, {(~there).sum() / RATE:g} s are missing",
    )
    assert abs((~there).sum() - 5 * RATE) <= 0.006 * RATE + 0.5
    np.testing.assert_allclose(recording.signal[0][there], MILLIVOLTS, atol=1e-6)
    assert np.flatnonzero(np.diff(there))[0] == 12 * RATE - 1


def test_small_gaps_that_no_clock_explains_are_gaps(tmp_path):
    """15 ms are lost after each second: 1.5 %."""
    recording = read(interrupted(tmp_path, [number * 1.015 for number in range(20)]))
    assert abs(recording.samples.shape[1] - round((19 * 1.015 + 1) * RATE)) <= 0.02 * RATE + 0.003 * 20 * RATE + 1
    assert recording.samples.shape[1] > 20 * RATE


@pytest.mark.parametrize(
    "onsets",
    [
        [*range(10), *(number - 0.1 for number in range(10, 20))],
        [0, 2, 1, *range(3, 20)],
        [0] * 20,
        [number * 0.98 for number in range(20)],
        [number / 2 for number in range(20)],
    ],
    ids=["overlap", "order", "same", "2 percent", "half"],
)
def test_overlaps_are_one_line(onsets, tmp_path):
    one_line(
        interrupted(tmp_path, onsets), UnreadableFileError, "data record .* begins .* samples before the one before"
    )


def test_contiguous_and_gaps_of_bdf(tmp_path):
    assert same(interrupted(tmp_path, range(20), plus="BDF+D", name="r.bdf")).notes == ()
    onsets = [number + 4 * (number > 4) for number in range(20)]
    recording = read(interrupted(tmp_path, onsets, plus="BDF+D", name="r.bdf"))
    assert recording.notes == ("interrupted once, 4 s are missing",)
    assert np.flatnonzero(np.diff(np.isfinite(recording.signal[0]))).tolist() == [5 * RATE - 1, 9 * RATE - 1]


def test_a_time_that_is_missing_between_two_that_fit(tmp_path):
    onsets = [b"" if number in {3, 4, 9} else number for number in range(20)]
    notes = same(interrupted(tmp_path, onsets)).notes
    assert notes == ("3 data records have no time, and lie between their neighbours without a gap",)
    for lost in ([b"", *range(1, 20)], [*range(19), b""], [*range(5), b"", *range(9, 23)]):
        one_line(interrupted(tmp_path, lost), UnreadableFileError, "has no time")


def test_interrupted_without_times(tmp_path):
    assert same(write(tmp_path, reserved="EDF+D")).notes == (
        "interrupted (EDF+D), without times of its data records: put end to end",
    )


def test_a_comma_in_times_and_a_part_of_a_second(tmp_path):
    onsets = [f"+{number},25".encode() for number in range(20)]
    recording = same(interrupted(tmp_path, onsets))
    assert recording.notes == ()
    assert recording.start.isoformat() == "2021-11-24T08:30:15.250000"


def test_an_interrupted_recording_cut_short(tmp_path):
    path = interrupted(tmp_path, [number + 3 * (number > 4) for number in range(20)])
    path.write_bytes(path.read_bytes()[: 768 + 10 * (RATE + 60) * 2 - 1])
    recording = read(path)
    assert recording.samples.shape == (1, 12 * RATE)
    assert recording.notes == (
        "cut short: 20 data records announced by the header, 9 are there and read",
        "interrupted once, 3 s are missing",
    )


def test_ten_thousand_gaps(tmp_path):
    n, records = 50, 10_001
    data = np.arange(n * records) % 1000
    path = write(tmp_path, {"data": data, "n": n}, times(range(records)), reserved="EDF+D", duration="0.2")
    begin = time.process_time()
    recording = read(path)
    signal = recording.signal[0]
    windows = [recording.window(at, at + 2500) for at in range(0, len(signal) - 2500, 2500)]
    assert time.process_time() - begin < 2
    assert recording.notes == (f"interrupted 10000 times, {10_000 * 0.8:g} s are missing",)
    np.testing.assert_allclose(
        signal.reshape(-1)[: 250 * 10_000].reshape(-1, 250)[:, :n].reshape(-1), data[:-n] / 1e4, atol=1e-6
    )
    np.testing.assert_array_equal(np.concatenate(windows, axis=1)[0], signal[: 2500 * len(windows)])


def test_electrodes_of_an_eeg_are_left_out_beside_others_and_told_where_there_is_nothing_else(tmp_path):
    eeg = [{"label": label} for label in ("Fp1-F7", "C3-A2", "EEG T3-REF", "O2")]
    recording = read(write(tmp_path, *eeg, {"label": "cardio"}))
    assert recording.lead_names == ("cardio",)
    assert recording.notes == ("left out, not ECG: Fp1-F7, C3-A2, EEG T3-REF, O2",)
    recording = read(write(tmp_path, *eeg[:2]))
    assert recording.lead_names == ("Fp1-F7", "C3-A2")
    assert recording.notes == ("called as electrodes of an EEG are: Fp1-F7",)
    chest = [{"label": label} for label in ("C1", "C2", "C6")]  # IEC's names of V1, V2 and V6
    assert read(write(tmp_path, *chest)).lead_names == ("C1", "C2", "C6")


def test_a_channel_that_the_caller_names_is_read_whatever_it_is_called(tmp_path):
    path = write(tmp_path, {}, {"label": "BIP1", "data": COUNTS[::-1]}, {"label": "EMG"})
    for name in ("BIP1", "EMG"):
        assert read(path, lead_names=[name]).lead_names == (name,)
    np.testing.assert_allclose(read(path, lead_names=["bip1"]).signal[0], MILLIVOLTS[::-1], atol=1e-6)
    one_line(path, LeadNameError, "no lead BIP2", lead_names=["BIP2"])
