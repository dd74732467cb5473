"""Every reader gives the same recording of the same samples; every bad file one clear error."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ecgnoise.errors import (
    EcgNoiseError,
    LeadNameError,
    NoEcgError,
    OptionError,
    SamplingFrequencyError,
    SignalShapeError,
    UnknownFormatError,
    UnknownSamplingFrequencyError,
    UnknownUnitsError,
    UnreadableFileError,
)
from ecgnoise.readers import READERS, find_recordings, read
from ecgnoise.recording import Recording
from ecgnoise.simulate import simulate_ecg
from ecgnoise.writers import write_recording

NAMES = ("II", "V2")
FS = 250.0


@pytest.fixture(scope="module")
def millivolts() -> np.ndarray:
    return simulate_ecg(8, FS, seed=1, lead_names=NAMES).signal


def digital(signal: np.ndarray, gain: float = 1000) -> np.ndarray:
    """The samples of a .dat file of format 16; NaN is its invalid value."""
    return np.where(np.isnan(signal), -32768, np.round(np.nan_to_num(signal) * gain)).T.astype("<i2")


def header(folder: Path, name: str = "r", *, first: str = "", lines: list[str] | None = None) -> Path:
    lines = lines or [f"{name}.dat 16 1000/mV 16 0 0 0 0 {lead}" for lead in NAMES]
    path = folder / f"{name}.hea"
    path.write_text("\n".join([first or f"{name} {len(lines)} 250 2000", *lines]) + "\n", encoding="utf-8")
    return path


def write_wfdb(folder: Path, signal: np.ndarray) -> Path:
    (folder / "r.dat").write_bytes(digital(signal).tobytes())
    return header(folder)


def write_csv(folder: Path, signal: np.ndarray) -> Path:
    path = folder / "r.csv"
    rows = np.column_stack([np.arange(signal.shape[1]) / FS, signal.T])
    np.savetxt(path, rows, "%.6f", ",", header="time (s),II (mV),V2 [mV]", comments="")
    return path


def write_tsv(folder: Path, signal: np.ndarray) -> Path:
    path = folder / "r.tsv"
    text = "\n".join("\t".join(f"{value:.6f}".replace(".", ",") for value in row) for row in signal.T * 1000)
    path.write_text(f"II_uV\tV2_uV\n{text.replace('nan', '')}\n")
    return path


def write_npy(folder: Path, signal: np.ndarray) -> Path:
    np.save(folder / "r.npy", signal)
    return folder / "r.npy"


def write_npz(folder: Path, signal: np.ndarray) -> Path:
    np.savez(folder / "r.npz", signal=signal * 1000, fs=250, units="uV", lead_names=NAMES)
    return folder / "r.npz"


OPTIONS: dict[Callable, dict] = {
    write_wfdb: {},
    write_csv: {},
    write_tsv: {"sampling_frequency": FS},
    write_npy: {"sampling_frequency": FS, "units": "mV", "lead_names": NAMES},
    write_npz: {},
}


def check_lazy(recording: Recording) -> None:
    """What holds for every recording: its windows are slices of the whole, and it survives pickling."""
    whole = recording.signal
    leads, samples = recording.samples.shape
    assert whole.shape == (leads, samples)
    assert whole.dtype == np.float32
    assert not np.isinf(whole).any()
    assert len(recording.lead_names) == len(recording.lead_faults) == leads
    copy = pickle.loads(pickle.dumps(recording))
    for start, stop in [(0, 1), (samples // 3, samples // 2 + 1), (samples - 1, samples), (1, 1)]:
        np.testing.assert_array_equal(recording.window(start, stop), whole[:, start:stop])
        np.testing.assert_array_equal(copy.window(start, stop), whole[:, start:stop])


@pytest.mark.parametrize("write", OPTIONS)
def test_every_reader_gives_the_same_recording(write, tmp_path, millivolts):
    signal = millivolts.copy()
    signal[1, 50:60] = np.nan
    path = write(tmp_path, signal)
    recording = read(path, **OPTIONS[write])
    np.testing.assert_allclose(recording.signal, signal, atol=5.1e-4)
    assert recording.sampling_frequency == FS
    assert (recording.lead_names, recording.units) == (NAMES, "mV")
    assert recording.source == str(path)
    assert recording.duration == 8.0
    check_lazy(recording)
    assert find_recordings([tmp_path]) == [path]


@pytest.mark.parametrize("write", OPTIONS)
def test_leads_can_be_picked_by_name(write, tmp_path, millivolts):
    path = write(tmp_path, millivolts)
    if write is write_npy:  # it names none: the names are given, not chosen
        with pytest.raises(LeadNameError, match="2 leads"):
            read(path, sampling_frequency=FS, units="mV", lead_names=["V2"])
        return
    recording = read(path, **OPTIONS[write] | {"lead_names": ["V2"]})
    assert recording.lead_names == ("V2",)
    np.testing.assert_allclose(recording.signal, millivolts[1:], atol=5.1e-4)
    with pytest.raises(LeadNameError, match="aVX"):
        read(path, **OPTIONS[write] | {"lead_names": ["aVX"]})


@pytest.mark.parametrize("write", [write_wfdb, write_csv, write_npz])
def test_another_sampling_frequency_than_the_file_says_is_an_error(write, tmp_path, millivolts):
    path = write(tmp_path, millivolts)
    assert read(path, sampling_frequency=250).sampling_frequency == 250
    with pytest.raises(OptionError, match=r"500.*250"):
        read(path, sampling_frequency=500)


@pytest.mark.parametrize("write", [write_tsv, write_npy])
def test_what_nobody_says_is_asked_for(write, tmp_path, millivolts):
    path = write(tmp_path, millivolts)
    with pytest.raises(UnknownSamplingFrequencyError, match=r"sampling_frequency.*--sampling-frequency"):
        read(path, units="mV")
    if write is write_npy:
        with pytest.raises(UnknownUnitsError, match=r"units.*--units"):
            read(path, sampling_frequency=FS)
        recording = read(path, sampling_frequency=FS, units="unknown")
        assert recording.units == "unknown"
        np.testing.assert_array_equal(recording.signal, millivolts)


@pytest.mark.parametrize("write", OPTIONS)
def test_a_name_that_is_not_ascii(write, tmp_path, millivolts):
    folder = tmp_path / "Aufnähme 心电 1"
    folder.mkdir()
    check_lazy(read(write(folder, millivolts), **OPTIONS[write]))


@pytest.mark.parametrize(
    ("write", "left"),
    [(write, left) for write in (write_wfdb, write_npy, write_npz) for left in (0.0, 0.01, 0.5, 0.99)]
    + [(write_csv, 0.0), (write_tsv, 0.0)],
)
def test_a_truncated_file_is_an_error_or_says_so(write, left, tmp_path, millivolts):
    path = write(tmp_path, millivolts)
    damaged = path.with_suffix(".dat") if write is write_wfdb else path
    content = damaged.read_bytes()
    damaged.write_bytes(content[: int(len(content) * left)])
    if write is write_wfdb and left:
        recording = read(path)
        length = recording.samples.shape[1]
        assert length == int(2000 * left)
        assert recording.notes == (f"cut short: 2000 samples announced by the header, {length} are in r.dat and read",)
        return
    with pytest.raises(EcgNoiseError, match=re.escape(path.name)) as caught:
        read(path, **OPTIONS[write]).signal  # noqa: B018
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".hea", ".npy", ".npz", ".csv", ".ecg", ""])
@pytest.mark.parametrize("content", [b"", b"\x00\x01garbage\xff" * 99, b"<xml>a</xml>", b"PK\x03\x04 no zip", b"a,b\n"])
def test_garbage_under_every_name(suffix, content, tmp_path):
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    with pytest.raises((UnreadableFileError, UnknownFormatError), match="bad") as caught:
        read(path, sampling_frequency=FS, units="mV")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_absent_folder_and_unknown(tmp_path):
    with pytest.raises(UnreadableFileError, match="no such file"):
        read(tmp_path / "absent.hea")
    with pytest.raises(UnreadableFileError, match="folder"):
        read(tmp_path)
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.4\x00\x01")
    with pytest.raises(UnknownFormatError, match=r"x\.pdf: this is a PDF: .*WFDB.*CSV"):
        read(tmp_path / "x.pdf")


@pytest.mark.parametrize("options", [{"sampling_frequency": 1e9}, {"sampling_frequency": float("nan")}])
def test_absurd_sampling_frequency_given(options, tmp_path, millivolts):
    with pytest.raises(SamplingFrequencyError):
        read(write_npy(tmp_path, millivolts), units="mV", **options)


def test_absurd_units_and_names_given(tmp_path, millivolts):
    path = write_npy(tmp_path, millivolts)
    with pytest.raises(UnknownUnitsError, match="bananas"):
        read(path, sampling_frequency=FS, units="bananas")
    with pytest.raises(LeadNameError, match="repeat"):
        read(path, sampling_frequency=FS, units="mV", lead_names=["a", "a"])


def test_every_reader_names_itself():
    assert len({reader.name for reader in READERS}) == len(READERS)


# WFDB


def test_wfdb_by_record_name_and_by_signal_file(tmp_path, millivolts):
    path = write_wfdb(tmp_path, millivolts)
    (tmp_path / "r.atr").write_bytes(b"\x00\x00")
    for name in ("r", "r.dat", "r.hea"):
        assert read(tmp_path / name).source == str(path)
    with pytest.raises(UnknownFormatError):
        read(tmp_path / "r.atr")
    assert find_recordings([tmp_path / "r", tmp_path / "r.dat", tmp_path / "r.atr"]) == [path]


@pytest.mark.parametrize("rate", ["0", "-250", "nan", "1e9", "inf", "abc"])
def test_wfdb_absurd_rate(rate, tmp_path, millivolts):
    write_wfdb(tmp_path, millivolts)
    path = header(tmp_path, first=f"r 2 {rate} 2000")
    with pytest.raises((SamplingFrequencyError, UnreadableFileError), match=r"r\.hea.*sampling frequency"):
        read(path)


def test_wfdb_rate_left_out_is_the_default_of_the_format(tmp_path, millivolts):
    write_wfdb(tmp_path, millivolts)
    path = header(tmp_path, first="r 2")
    assert read(path).sampling_frequency == 250
    assert any("250" in note for note in read(path).notes)
    assert read(path, sampling_frequency=360).sampling_frequency == 360
    np.testing.assert_allclose(read(path).signal, millivolts, atol=5.1e-4)  # the length is left out too


@pytest.mark.parametrize("gain", ["nan/mV", "inf(0)/mV", "1e999/mV", "x/mV"])
def test_wfdb_gain_that_is_no_number_is_a_fault_of_its_lead(gain, tmp_path, millivolts):
    write_wfdb(tmp_path, millivolts)
    path = header(tmp_path, lines=[f"r.dat 16 {gain} 16 0 0 0 0 II", "r.dat 16 1000/mV 16 0 0 0 0 V2"])
    recording = read(path)
    assert recording.lead_names == NAMES
    assert recording.lead_faults == ("no_gain", "")
    assert np.isnan(recording.signal[0]).all()
    np.testing.assert_allclose(recording.signal[1], millivolts[1], atol=5.1e-4)


def test_wfdb_zero_gain_is_uncalibrated(tmp_path, millivolts):
    write_wfdb(tmp_path, millivolts)
    recording = read(header(tmp_path, lines=["r.dat 16 0 16 0 0 0 0 II", "r.dat 16 1000/mV 16 0 0 0 0 V2"]))
    np.testing.assert_allclose(recording.signal[0], 5 * millivolts[0], atol=3e-3)  # 200 units a mV
    assert any("uncalibrated" in note and "II" in note for note in recording.notes)


@pytest.mark.parametrize(
    ("unit", "factor"), [("uV", 1), ("µV", 1), ("\u03bcV", 1), ("mv", 1e3), ("V", 1e6), ("nV", 1e-3)]
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_wfdb_units(unit, factor, encoding, tmp_path, millivolts):
    write_wfdb(tmp_path, millivolts)
    path = header(tmp_path, lines=[f"r.dat 16 1000/{unit} 16 0 0 0 0 {name}" for name in NAMES])
    path.write_bytes(path.read_text("utf-8").encode(encoding, errors="replace").replace(b"?", "µ".encode("latin-1")))
    np.testing.assert_allclose(read(path).signal, millivolts * factor / 1000, atol=6e-7 * factor)


def test_wfdb_leaves_out_what_is_no_ecg(tmp_path, millivolts):
    (tmp_path / "r.dat").write_bytes(digital(np.tile(millivolts, (2, 1))).tobytes())
    names = ["II", "RESP", "ABP", "II"]
    units = ["mV", "mV", "mmHg", "mV"]
    lines = [f"r.dat 16 1000/{unit} 16 0 0 0 0 {name}" for name, unit in zip(names, units, strict=True)]
    recording = read(header(tmp_path, lines=lines))
    assert recording.lead_names == ("II", "II_2")
    np.testing.assert_allclose(recording.signal[1], millivolts[1], atol=5.1e-4)
    assert "RESP, ABP" in recording.notes[0]
    check_lazy(recording)
    with pytest.raises(NoEcgError, match="RESP"):
        read(header(tmp_path, first="r 4 250 2000", lines=[line.replace("II", "RESP") for line in lines]))


def test_wfdb_files_missing(tmp_path, millivolts):
    path = write_wfdb(tmp_path, millivolts)
    (tmp_path / "r.dat").unlink()
    with pytest.raises(UnreadableFileError, match=r"r\.hea.*r\.dat"):
        read(path)


def test_wfdb_truncated_while_open(tmp_path, millivolts):
    recording = read(write_wfdb(tmp_path, millivolts))
    (tmp_path / "r.dat").write_bytes(b"\x00" * 100)
    with pytest.raises(UnreadableFileError, match="shorter"):
        recording.window(1000, 2000)


@pytest.mark.parametrize("first", ["r 3 250 2000", "r 1 250 2000", "r", "", "r x"])
def test_wfdb_header_that_contradicts_its_files(first, tmp_path, millivolts):
    write_wfdb(tmp_path, millivolts)
    path = tmp_path / "r.hea"
    path.write_text("\n".join([first, *path.read_text().splitlines()[1:]]))
    with pytest.raises((UnreadableFileError, UnknownFormatError), match=r"r\.hea"):
        read(path)


def test_wfdb_several_samples_a_frame(tmp_path, millivolts):
    pairs = digital(millivolts).reshape(1000, 2, 2)
    frames = np.concatenate([pairs[:, :, 0], pairs[:, :, 1]], axis=1)
    (tmp_path / "r.dat").write_bytes(frames.tobytes())
    lines = [f"r.dat 16x2 1000/mV 16 0 0 0 0 {name}" for name in NAMES]
    recording = read(header(tmp_path, first="r 2 125 1000", lines=lines))
    assert recording.sampling_frequency == 250
    np.testing.assert_allclose(recording.signal, millivolts, atol=5.1e-4)
    check_lazy(recording)


def test_wfdb_segments_are_no_recordings_of_their_own(tmp_path, millivolts):
    path = write_wfdb(tmp_path, millivolts)
    header(tmp_path, "whole", first="whole/2 2 250 4000", lines=["r 2000", "r 2000"])
    assert find_recordings([tmp_path]) == [tmp_path / "whole.hea"]
    assert find_recordings([path]) == [path]
    recording = read(tmp_path / "whole.hea")
    np.testing.assert_allclose(recording.signal, np.tile(millivolts, 2), atol=5.1e-4)
    check_lazy(recording)


def test_wfdb_samples_of_other_programs(data):
    """The sample records of wfdb-python: formats 8 to 516, skew, frames, segments of fixed and variable layout."""
    lengths = {}
    for path in find_recordings([data / "formats" / "wfdb"]):
        try:
            recording = read(path)
        except (UnreadableFileError, UnknownUnitsError, NoEcgError, SamplingFrequencyError):
            continue
        lengths[path.stem] = recording.samples.shape
        if recording.samples.shape[1] < 1_000_000:
            check_lazy(recording)
    assert len(lengths) >= 25
    assert lengths["binformats"] == (10, 499)
    assert lengths["041s"] == (3, 8000)
    assert lengths["s25047-2704-05-04-10-44"] == (2, 543_240)


def test_wfdb_real_records(data):
    wanted = {"mitdb/100": (2, 360), "nstdb/bw": (2, 360), "challenge-2011/set-a-wfdb/d1002603": (12, 500)}
    for name, (leads, rate) in wanted.items():
        recording = read(data / name)
        assert (recording.samples.shape[0], recording.sampling_frequency) == (leads, rate)
        assert 0.001 < np.nanstd(recording.window(1000, 5000)) < 100
    first = next((data / "ptb-xl").rglob("*.hea"))
    assert read(first).lead_names[:3] == ("I", "II", "III")


# CSV


def table(folder: Path, text: str, name: str = "t.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


ROWS = [(0.5, -1.25), (1.0, 2.0), (0.75, 0.25)]


def text_of(delimiter: str, *, comma: bool = False, first: str = "", rows: list = ROWS) -> str:
    lines = [delimiter.join(str(value).replace(".", "," if comma else ".") for value in row) for row in rows]
    return "\n".join([first] * bool(first) + lines) + "\n"


@pytest.mark.parametrize(
    ("delimiter", "comma"),
    [(mark, comma) for mark in (";", "\t", "  ", " ") for comma in (False, True)] + [(",", False), (", ", False)],
)
@pytest.mark.parametrize("titles", [False, True])
def test_csv_delimiters(delimiter, comma, titles, tmp_path):
    text = text_of(delimiter, comma=comma, first=delimiter.join(["a", "b"]) if titles else "")
    recording = read(table(tmp_path, text), sampling_frequency=FS, units="mV")
    np.testing.assert_allclose(recording.signal.T, ROWS)
    assert recording.lead_names == (("a", "b") if titles else ("lead_0", "lead_1"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_csv_encodings(encoding, tmp_path):
    text = text_of(";", first="Kanäl [µV];b [µV]").replace("\n", "\r\n")
    recording = read(table(tmp_path, text, encoding=encoding), sampling_frequency=FS)
    assert recording.lead_names == ("Kanäl", "b")
    np.testing.assert_allclose(recording.signal.T, np.array(ROWS) / 1000, rtol=1e-6)


@pytest.mark.parametrize(
    ("title", "name", "factor"),
    [
        ("aVR (mV)", "aVR", 1),
        ("V1 [uV]", "V1", 1e-3),
        ("ecg2_uV", "ecg2", 1e-3),
        ("'ECG 1 (V)'", "ECG 1", 1e3),
        ("V", "V", None),
        ("chest_V", "chest_V", None),
        ("mV", "lead_1", 1),
    ],
)
def test_csv_units_in_the_header(title, name, factor, tmp_path):
    beside = "ECG (mV)" if "ecg" in title.lower() else "II (mV)"
    path = table(tmp_path, text_of(",", first=f"{beside},{title}"))
    if factor is None:
        with pytest.raises(UnknownUnitsError):
            read(path, sampling_frequency=FS)
        factor = 1
    recording = read(path, sampling_frequency=FS, units="mV")
    assert recording.lead_names[1] == name
    np.testing.assert_allclose(recording.signal[1], np.array(ROWS)[:, 1] * factor, rtol=1e-6)


@pytest.mark.parametrize(
    ("title", "scale"),
    [
        ("time", 1),
        ("t", 1),
        ("Elapsed time", 1),
        ("time_ms", 1000.0),
        ("ms", 1000.0),
        ("timestamp [ms]", 1000.0),
        ("x", 1),
        ("s", 1),
        ("Time (s)", 1),
        ("time/us", 1000000.0),
        ("", 1),
    ],
)
@pytest.mark.parametrize("rate", [250, 360, 512, 128.4])
def test_csv_time_column(title, scale, rate, tmp_path):
    rows = [(f"{k / rate * scale:.7f}", f"{np.sin(k):.4f}") for k in range(2000)]
    recording = read(table(tmp_path, text_of(",", first=f"{title},II", rows=rows)), units="mV")
    assert recording.sampling_frequency == pytest.approx(rate, rel=1e-6)
    assert recording.lead_names == ("II",)
    assert recording.samples.shape == (1, 2000)


def test_csv_time_rounded_to_milliseconds_gives_the_nominal_rate(tmp_path):
    rows = [(f"{k / 360:.3f}", f"{np.sin(k):.4f}") for k in range(3600)]
    assert read(table(tmp_path, text_of(",", first="time,II", rows=rows)), units="mV").sampling_frequency == 360


def test_csv_time_column_with_a_gap(tmp_path):
    rows = [(k / 250 + (k > 700), 0.1) for k in range(1000)]
    recording = read(table(tmp_path, text_of(",", first="time,II", rows=rows)), units="mV")
    assert np.flatnonzero(np.isnan(recording.signal[0])).tolist() == list(range(701, 951))
    assert "interrupted once, 1 s are missing, first at row 702" in recording.notes


@pytest.mark.parametrize("first", ["", ",II,V2", "sample,II,V2", "index,II,V2"])
def test_csv_sample_numbers_are_no_lead(first, tmp_path, millivolts):
    rows = [(k, *map(float, pair)) for k, pair in enumerate(millivolts.T)]
    path = table(tmp_path, text_of(",", first=first, rows=rows))
    recording = read(path, sampling_frequency=FS, units="mV")
    np.testing.assert_allclose(recording.signal, millivolts, atol=1e-6)
    assert "sample numbers" in recording.notes[0]


def test_csv_header_of_pandas_with_numbers_as_names(tmp_path, millivolts):
    rows = [(k, *map(float, pair)) for k, pair in enumerate(millivolts.T)]
    recording = read(table(tmp_path, text_of(",", first=",0,1", rows=rows)), sampling_frequency=FS, units="mV")
    assert recording.lead_names == ("0", "1")
    assert recording.samples.shape == (2, 2000)


def test_csv_line_of_units(tmp_path):
    rows = [(k / 250, k % 7, k % 3) for k in range(100)]
    path = table(tmp_path, text_of(",", first="'Elapsed time','MLII','RESP'\n'seconds','uV','NU'", rows=rows))
    recording = read(path)
    assert (recording.sampling_frequency, recording.lead_names) == (250, ("MLII",))
    assert recording.signal.max() == pytest.approx(0.006)
    assert "RESP" in recording.notes[0]


def test_csv_empty_cells_and_comments(tmp_path):
    recording = read(
        table(tmp_path, "# made by hand\na,b\n1,2\n,nan\n\n3,NA\n5,6\n"), sampling_frequency=FS, units="mV"
    )
    np.testing.assert_array_equal(recording.signal, np.array([[1, np.nan, 3, 5], [2, np.nan, np.nan, 6]]))


@pytest.mark.parametrize(
    ("text", "line"),
    [("a,b\n1,2\n3,4\n5\n", 4), ("1,2\n3,x\n", 2), ("a,b\n1,2\n\n3,4,5\n", 4), ("a,b\nc,d\ne,f\n1,2\n", 2)],
)
def test_csv_bad_rows_are_named_by_line(text, line, tmp_path):
    with pytest.raises(UnreadableFileError, match=rf"t\.csv.*line {line} "):
        read(table(tmp_path, text), sampling_frequency=FS, units="mV")


def test_csv_of_leads_in_rows_is_not_transposed(tmp_path):
    with pytest.raises(SignalShapeError, match="transpose"):
        read(table(tmp_path, text_of(",", rows=[range(50), range(50)])), sampling_frequency=FS, units="mV")


def test_csv_header_of_another_width(tmp_path):
    with pytest.raises(UnreadableFileError, match="header has 3 columns"):
        read(table(tmp_path, text_of(",", first="a,b,c")), sampling_frequency=FS, units="mV")


# NumPy


@pytest.mark.parametrize("write", [write_npy, write_npz])
@pytest.mark.parametrize("shape", [(2000, 2), (2, 3, 4), (0,), (0, 100)])
def test_numpy_shapes_are_never_changed(write, shape, tmp_path):
    path = write(tmp_path, np.zeros(shape))
    with pytest.raises((SignalShapeError, UnreadableFileError), match=path.name):
        read(path, **OPTIONS[write])


@pytest.mark.parametrize("kind", ["complex128", "U3"])
def test_numpy_types_that_are_no_signal(kind, tmp_path):
    path = write_npy(tmp_path, np.zeros((2, 100)).astype(kind))
    with pytest.raises(SignalShapeError, match="real numbers"):
        read(path, sampling_frequency=FS, units="mV")


def test_numpy_never_unpickles(tmp_path):
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableFileError):
        read(tmp_path / "o.npy", sampling_frequency=FS, units="mV")
    np.savez(tmp_path / "o.npz", signal=np.array([{}], dtype=object))
    with pytest.raises(UnreadableFileError):
        read(tmp_path / "o.npz", sampling_frequency=FS, units="mV")


def test_numpy_integers_one_lead_and_fortran_order(tmp_path, millivolts):
    path = write_npy(tmp_path, np.asfortranarray((millivolts * 1000).astype(np.int16)))
    recording = read(path, sampling_frequency=FS, units="uV")
    np.testing.assert_allclose(recording.signal, millivolts, atol=1.1e-3)
    assert recording.lead_names == ("lead_0", "lead_1")
    assert read(write_npy(tmp_path, millivolts[0]), sampling_frequency=FS, units="mV").samples.shape == (1, 2000)


def test_npy_stays_on_disk(tmp_path, millivolts):
    path = write_npy(tmp_path, millivolts)
    recording = read(path, sampling_frequency=FS, units="mV")
    assert len(pickle.dumps(recording)) < 1000
    np.save(path, -millivolts)
    np.testing.assert_array_equal(recording.window(0, 10), -millivolts[:, :10])
    np.save(path, millivolts[:, :100])
    with pytest.raises(UnreadableFileError, match="read it again"):
        recording.window(0, 10)


def test_npz_without_a_signal(tmp_path):
    np.savez(tmp_path / "a.npz", ecg=np.zeros((1, 100)), fs=500)
    assert read(tmp_path / "a.npz", units="mV").sampling_frequency == 500
    np.savez(tmp_path / "b.npz", a=np.zeros((1, 100)), b=np.zeros((1, 100)))
    with pytest.raises(SignalShapeError, match="a, b"):
        read(tmp_path / "b.npz", sampling_frequency=FS, units="mV")
    np.savez(tmp_path / "c.npz", signal=np.zeros((1, 100)), fs=[500, 250], units="mV")
    with pytest.raises(UnreadableFileError, match="fs"):
        read(tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", signal=np.zeros((1, 100)), fs=500, units="mmHg")
    with pytest.raises(UnknownUnitsError, match="mmHg"):
        read(tmp_path / "d.npz")


# Finding


def test_find_recordings_in_folders_globs_and_names(tmp_path, millivolts):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    record, array, text = write_wfdb(deep, millivolts), write_npy(tmp_path, millivolts), write_csv(deep, millivolts)
    for name in ("RECORDS", "LICENSE.txt", "labels.csv", "notes.md", "r.atr"):
        (deep / name).write_text("record,label\nr,good\n")
    everything = sorted([array, record, text])
    assert find_recordings([tmp_path]) == everything
    assert find_recordings([tmp_path, deep, str(array)]) == everything
    assert find_recordings([f"{tmp_path}/**/*"]) == everything
    assert find_recordings([f"{deep}/*.dat"]) == [record]
    assert find_recordings([deep / "r.atr", deep / "r.dat"]) == [record]
    absent = [tmp_path / "absent.hea", tmp_path / "none-*.csv"]
    assert find_recordings(absent) == absent
    assert find_recordings([tmp_path / "a" / "b" / "labels.csv"]) == [deep / "labels.csv"]


def test_hidden_files_and_folders_are_left_out_unless_they_are_named(tmp_path):
    """As what notebooks, version control and this program itself keep there."""
    for place in ("a.npz", ".b.npz", ".ipynb_checkpoints/c.npz", "deep/.ecgnoise-view/d.npz", "deep/e.npz"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        write_recording(simulate_ecg(10, 125, lead_names=["I"]), tmp_path / place)
    wanted = [tmp_path / "a.npz", tmp_path / "deep" / "e.npz"]
    assert find_recordings([tmp_path]) == find_recordings([f"{tmp_path}/**"]) == wanted
    hidden = tmp_path / ".ipynb_checkpoints"
    assert find_recordings([hidden]) == [hidden / "c.npz"]
    assert find_recordings([tmp_path / ".b.npz"]) == [tmp_path / ".b.npz"]
