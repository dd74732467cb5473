"""Tables in other containers: OpenSignals, Polar, WAV, Excel, Parquet."""

import json
import struct
import warnings
import wave
import zipfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from ecgnoise.errors import OptionError, SignalShapeError, UnknownUnitsError, UnreadableFileError
from ecgnoise.readers import find_recordings, read
from ecgnoise.simulate import simulate_ecg

FS = 250.0
N = 3000
K = np.arange(N)


@pytest.fixture(scope="module")
def ecg() -> np.ndarray:
    return simulate_ecg(N / FS, FS, seed=1, lead_names=("II",)).signal[0].astype(np.float64)


# OpenSignals


def opensignals(folder: Path, columns: list, head: dict | None = None, *, devices: dict | None = None) -> Path:
    device = {"sensor": ["ECG", "EDA"], "column": ["nSeq", "DI", "CH1", "CH2"], "label": ["CH1", "CH2"]}
    device |= {"time": "17:00:12.250", "date": "2017-5-11", "device": "biosignalsplux", "resolution": [16, 16]}
    device |= {"sampling rate": 250, "channels": [1, 2]} | (head or {})
    text = json.dumps(devices or {"00:07:80:3B:46:61": device})
    rows = "".join("\t".join(map(str, row)) + "\t\n" for row in zip(*columns, strict=True))
    path = folder / "opensignals.txt"
    path.write_text(f"# OpenSignals Text File Format. Version 1\n# {text}\n# EndOfHeader\n{rows}")
    return path


def counts_of(ecg: np.ndarray, bits: int, volts: float, gain: float) -> np.ndarray:
    """The data sheet's formula, turned around."""
    return np.round((ecg / 1000 * gain / volts + 0.5) * 2**bits).astype(int)


@pytest.mark.parametrize(
    ("device", "bits", "volts", "gain"),
    [("biosignalsplux", 16, 3.0, 1000.0), ("bitalino_rev", 10, 3.3, 1100.0), ("biosignalsplux", 12, 3.0, 1000.0)],
)
def test_opensignals_in_mv_by_the_data_sheets(device, bits, volts, gain, tmp_path, ecg):
    counts = counts_of(ecg, bits, volts, gain)
    path = opensignals(tmp_path, [K % 16, K * 0, counts, K % 7], {"device": device, "resolution": [bits, bits]})
    recording = read(path)
    np.testing.assert_allclose(recording.signal[0], ecg, atol=0.6 * 1000 * volts / gain / 2**bits)
    assert (recording.lead_names, recording.sampling_frequency, recording.units) == (("ECG",), FS, "mV")
    assert recording.start == datetime(2017, 5, 11, 17, 0, 12, 250_000)
    assert "EDA" in "".join(recording.notes)
    assert find_recordings([tmp_path]) == [path]
    with pytest.raises(OptionError, match="250"):
        read(path, sampling_frequency=1000)


def test_opensignals_resolutions_of_all_columns(tmp_path, ecg):
    """BITalino's headers have those of sequence number and digital inputs before those of the sensors."""
    counts = counts_of(ecg, 10, 3.3, 1100.0)
    head = {"device": "bitalino", "sensor": ["ECG"], "label": ["A2"], "resolution": [4, 1, 1, 1, 1, 10]}
    head |= {"column": ["nSeq", "I1", "I2", "O1", "O2", "A2"]}
    path = opensignals(tmp_path, [K % 16, K * 0, K * 0, K * 0, K * 0, counts], head)
    np.testing.assert_allclose(read(path).signal[0], ecg, atol=2e-3)


@pytest.mark.parametrize("head", [{"device": "other"}, {"sensor": ["RAW", "RAW"]}, {"convertedValues": 1}])
def test_opensignals_of_which_nobody_knows_the_unit(head, tmp_path, ecg):
    counts = np.round(ecg * 1000).astype(int)
    path = opensignals(tmp_path, [K % 16, K * 0, counts, K % 7], head)
    with pytest.raises(UnknownUnitsError, match="--units"):
        read(path)
    np.testing.assert_allclose(read(path, units="uV").signal[0], ecg, atol=6e-4)


def test_opensignals_with_lost_samples(tmp_path, ecg):
    counts = counts_of(ecg, 16, 3.0, 1000.0)
    path = opensignals(tmp_path, [np.where(K < 1000, K, K + 5) % 16, K * 0, counts, K % 7])
    recording = read(path)
    assert np.flatnonzero(np.isnan(recording.signal[0])).tolist() == list(range(1000, 1005))


def test_opensignals_headers_that_are_none(tmp_path, ecg):
    path = opensignals(tmp_path, [K, K, K, K])
    whole = path.read_text()
    for text, said in [
        (whole.replace("# {", "# {{"), "no JSON"),
        (whole.replace("# EndOfHeader\n", ""), "no end of its header"),
        (whole.replace('"column"', '"columns"'), "names no columns"),
        (whole.partition("# EndOfHeader\n")[0] + "# EndOfHeader\n", "no samples"),
        (whole.replace("\t9\t", "\tx\t", 1), "is not a row of numbers: 'x'"),
    ]:
        path.write_text(text)
        with pytest.raises(UnreadableFileError, match=said):
            read(path)
    device = {"column": ["CH1"], "label": ["CH1"], "sensor": ["ECG"], "resolution": [16]}
    two = {name: device | {"sampling rate": rate} for name, rate in {"a": 100, "b": 1000}.items()}
    with pytest.raises(UnreadableFileError, match="several sampling rates"):
        read(opensignals(tmp_path, [K, K], devices=two))


# Polar


def polar(folder: Path, ecg: np.ndarray, clock: np.ndarray) -> Path:
    path = folder / "Polar_H10.txt"
    rows = (f"2020-01-01T12:00:{at / 130 % 60:06.3f};{clock[at]};{at};{round(v * 1000)}\n" for at, v in enumerate(ecg))
    path.write_text("Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]\n" + "".join(rows))
    return path


def test_lost_packets_of_polar(tmp_path, ecg):
    numbers = K + 73 * (K >= 730) + 146 * (K >= 2000)
    clock = 631_152_000_000_000_000 + np.round(numbers * 1e9 / 130.0).astype(np.int64)
    recording = read(polar(tmp_path, ecg, clock))
    assert recording.sampling_frequency == 130
    present = np.flatnonzero(~np.isnan(recording.signal[0]))
    assert present.tolist() == numbers.tolist()
    np.testing.assert_allclose(recording.signal[0][present], ecg, atol=6e-4)
    assert recording.notes == ("interrupted 2 times, 1.68462 s are missing, first at row 731",)
    assert recording.start == datetime(2020, 1, 1, 12)


def test_clocks_of_polar_that_are_of_no_use(tmp_path, ecg):
    clock = 631_152_000_000_000_000 + K // 73 * 561_538_462
    with pytest.raises(UnreadableFileError, match=r"same time in rows 1 and 2.*--sampling-frequency"):
        read(polar(tmp_path, ecg, clock))
    recording = read(polar(tmp_path, ecg, clock), sampling_frequency=130)
    np.testing.assert_allclose(recording.signal[0], ecg, atol=6e-4)
    assert "130 Hz as stated" in recording.notes[0]


# WAV


def wav(folder: Path, signal: np.ndarray, width: int, rate: int = 250) -> Path:
    """Whole numbers of so many bytes, (time, leads)."""
    numbers = np.round(signal).astype("<i4") + (128 if width == 1 else 0)
    raw = numbers.reshape(-1, 1).view(np.uint8)[:, :width].tobytes()
    with wave.open(str(folder / "r.wav"), "wb") as file:
        file.setparams((signal.shape[1], width, rate, 0, "NONE", ""))
        file.writeframes(raw)
    return folder / "r.wav"


@pytest.mark.parametrize(("width", "scale"), [(1, 50.0), (2, 1000.0), (3, 1e6), (4, 1e8)])
def test_wav_counts_are_in_the_unit_that_is_stated(width, scale, tmp_path, ecg):
    path = wav(tmp_path, np.stack([ecg, -ecg], 1) * scale, width)
    recording = read(path, units="mV", lead_names=["II", "V2"])
    np.testing.assert_allclose(recording.signal, np.round([ecg * scale, -ecg * scale]), rtol=1e-6)
    assert (recording.sampling_frequency, recording.lead_names) == (FS, ("II", "V2"))
    np.testing.assert_allclose(read(path, units="uV").signal * 1000, recording.signal, rtol=1e-6)
    assert read(path, units="unknown").units == "unknown"
    assert find_recordings([tmp_path]) == [path]
    with pytest.raises(UnknownUnitsError, match="--units"):
        read(path)
    with pytest.raises(OptionError, match="250"):
        read(path, units="uV", sampling_frequency=500)


@pytest.mark.parametrize("kind", ["FLOAT", "DOUBLE"])
def test_wav_of_floating_point(kind, tmp_path, ecg):
    import soundfile

    soundfile.write(tmp_path / "r.wav", ecg * 3, 250, subtype=kind)
    np.testing.assert_allclose(read(tmp_path / "r.wav", units="mV").signal[0], ecg * 3, atol=1e-6)


def test_wav_that_is_no_recording(tmp_path, ecg):
    import soundfile

    path = wav(tmp_path, ecg[:, None] * 1000, 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    with pytest.raises(UnreadableFileError, match="announced by its header: not a whole WAV file"):
        read(path, units="uV")
    soundfile.write(path, ecg / 10, 8000, subtype="IMA_ADPCM")
    with pytest.raises(UnreadableFileError, match=r"coded sound \(IMA_ADPCM\)"):
        read(path, units="uV")
    path.write_bytes(b"RIFF" + struct.pack("<I", 4) + b"WAVE")
    with pytest.raises(UnreadableFileError, match="WAV"):
        read(path, units="uV")


# Excel


def workbook(folder: Path, **sheets: list[list]) -> Path:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(folder / "r.xlsx")
    return folder / "r.xlsx"


def test_excel_reads_the_first_sheet_with_numbers(tmp_path, ecg):
    rows = [["Sampling rate", "250 Hz"], [], ["patient", "II", "V1"], *([["x", v, -v] for v in ecg.tolist()])]
    rows[1000][1] = None
    rows[1001][2] = "#N/A"
    path = workbook(tmp_path, About=[["This is a study of ECG"], ["by somebody"]], Data=rows, More=[[1, 2]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recording = read(path, units="mV")
    assert (recording.sampling_frequency, recording.lead_names) == (FS, ("II", "V1"))
    assert np.argwhere(np.isnan(recording.signal)).tolist() == [[0, 997], [1, 998]]
    assert recording.notes == ("left out, text: patient", "of 3 sheets 'Data' is read")
    assert find_recordings([tmp_path]) == [path]


def test_excel_without_numbers(tmp_path):
    with pytest.raises(UnreadableFileError, match="no sheet with rows of numbers"):
        read(workbook(tmp_path, About=[["II", "V1"], ["a", "b"]]))


def test_excel_of_leads_in_rows(tmp_path, ecg):
    with pytest.raises(SignalShapeError, match="transpose"):
        read(workbook(tmp_path, Data=[ecg[:50].tolist()] * 2), sampling_frequency=FS, units="mV")


def test_excel_that_expands_beyond_all_measure(tmp_path):
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(200):
                part.write(b" " * (1 << 20))
    with pytest.raises(UnreadableFileError, match="expands to 200 MiB"):
        read(path)


@pytest.mark.parametrize("part", ["<workbook>", "<!DOCTYPE a [<!ENTITY b 'b'>]><workbook>&b;</workbook>", ""])
def test_excel_whose_parts_are_damaged(part, tmp_path, ecg):
    path = workbook(tmp_path, Data=[[v] for v in ecg.tolist()])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (parts | {"xl/workbook.xml": part.encode()}).items():
            archive.writestr(name, content)
    with pytest.raises(UnreadableFileError, match="not a whole workbook"):
        read(path)


# Parquet


def test_parquet_of_several_kinds_of_columns(tmp_path, ecg):
    import decimal

    import pyarrow
    from pyarrow import parquet

    columns = {
        "id": pyarrow.array(["a"] * N).dictionary_encode(),
        "time (ms)": pyarrow.array((4 * K).tolist(), pyarrow.int64()),
        "ecg_mV": pyarrow.array([decimal.Decimal(f"{v:.5f}") for v in ecg]),
        "flag": pyarrow.array((K % 2 == 0).tolist()),
        "beats": pyarrow.array([[1, 2]] * N),
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    recording = read(tmp_path / "t.parquet")
    assert (recording.lead_names, recording.sampling_frequency) == (("ecg",), FS)
    np.testing.assert_allclose(recording.signal[0], ecg, atol=1e-5)
    assert recording.notes == (
        "left out, lists or structures: beats",
        "left out, text: id",
        "left out, not ECG: flag",
    )


def test_parquet_instants_with_zone_and_nulls(tmp_path, ecg):
    import pyarrow
    from pyarrow import parquet

    instants = [None if at == 500 else 1577872800000 + 4 * at for at in K.tolist()]
    column = pyarrow.array(instants, pyarrow.timestamp("ms", tz="Europe/Berlin"))
    parquet.write_table(pyarrow.table({"when": column, "II": ecg}), tmp_path / "t.parquet")
    recording = read(tmp_path / "t.parquet", units="mV")
    assert recording.sampling_frequency == FS
    assert recording.start.isoformat() == "2020-01-01T10:00:00+00:00"
    np.testing.assert_allclose(recording.signal[0], ecg, atol=1e-5)
