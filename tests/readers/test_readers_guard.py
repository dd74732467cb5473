"""Whatever a library raises or warns of while it decodes a file is one error of ours, or a note."""

import struct
import tracemalloc
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from tests import format_makers as makers
from tests.format_makers import FORMATS, Ecg, Format

from ecgnoise import readers
from ecgnoise.batch.files import score_file
from ecgnoise.errors import (
    EcgNoiseError,
    LeadNameError,
    MissingExtraError,
    UnknownSamplingFrequencyError,
    UnreadableFileError,
)
from ecgnoise.readers import ReadOptions, find_recordings, read
from ecgnoise.readers._shared.base import check_regular, open_file
from ecgnoise.recording import Recording
from ecgnoise.simulate import simulate_ecg

RAISED = [
    RecursionError("maximum recursion depth exceeded"),
    struct.error("unpack requires a buffer of 4 bytes"),
    AssertionError(),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    OverflowError("too large to convert\nto C long"),
    ZeroDivisionError("division by zero"),
    AttributeError("'NoneType' object has no attribute 'x'"),
    NotImplementedError(),
    StopIteration(),
    EOFError(),
    KeyError("signal"),
    MemoryError(),
    OSError(5, "Input/output error"),
    PermissionError(13, "Permission denied"),
    np.linalg.LinAlgError("singular"),
    SystemError("error return without exception set"),
    type("DecoderError", (Exception,), {})("x" * 900),
]
KINDS = [pytest.param(error, id=type(error).__name__) for error in RAISED]


@dataclass(frozen=True)
class Failing:
    """A reader, or samples, of a library that fails."""

    error: BaseException | None = None
    late: bool = False
    name: str = "Failing (.bad)"
    suffixes: tuple[str, ...] = ()
    shape: tuple[int, int] = (1, 5000)

    def recognises(self, path, head):
        return True

    def lists(self, path, head):
        return True

    def read(self, path, options):
        warnings.warn("its checksum is wrong", UserWarning, stacklevel=1)
        warnings.warn("its checksum is wrong", UserWarning, stacklevel=1)
        warnings.warn("a date\nis odd", UserWarning, stacklevel=1)
        warnings.warn("use another function", DeprecationWarning, stacklevel=1)
        np.float32(1e38) * np.float32(10)
        if self.error and not self.late:
            raise self.error
        return Recording(self, 500.0, ("II",), source=str(path))

    def window(self, start, stop):
        warnings.warn("late", UserWarning, stacklevel=1)
        if self.error:
            raise self.error
        return np.zeros((1, stop - start), np.float32)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "r.bad"
    file.write_bytes(b"some bytes")
    return file


def one_reader(monkeypatch, failing):
    monkeypatch.setattr(readers, "READERS", (failing,))


@pytest.mark.parametrize("error", KINDS)
def test_what_a_library_raises_while_it_reads(error, path, monkeypatch):
    one_reader(monkeypatch, Failing(error))
    with pytest.raises(UnreadableFileError) as caught:
        read(path)
    check(caught.value, error, path)


@pytest.mark.parametrize("error", KINDS)
def test_what_a_library_raises_when_samples_are_read_later(error, path, monkeypatch):
    one_reader(monkeypatch, Failing(error, late=True))
    recording = read(path)
    assert recording.samples.shape == (1, 5000)
    for late in (recording, recording.pick(["ii"])):
        with pytest.raises(UnreadableFileError) as caught:
            late.window(0, 10)
        check(caught.value, error, path)


def read_plain(path, monkeypatch):
    one_reader(monkeypatch, Failing())
    return read(path)


def check(found, error, path):
    said = str(found)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    assert len(said) < len(str(path)) + 320
    assert found.__cause__ is error
    if type(error) not in {MemoryError, OSError, PermissionError}:
        assert type(error).__name__ in said
        assert "Failing (.bad)" in said


def test_the_errors_of_this_package_and_of_the_user_pass(path, monkeypatch):
    for error in (LeadNameError("x"), MissingExtraError("a", "b", "c"), KeyboardInterrupt(), SystemExit()):
        one_reader(monkeypatch, Failing(error))
        with pytest.raises(type(error)) as caught:
            read(path)
        assert caught.value is error


def test_warnings_become_notes_and_never_reach_the_user(path, monkeypatch):
    """Warnings are errors in these tests: none may get through."""
    recording = read_plain(path, monkeypatch)
    assert recording.notes == ("its checksum is wrong (and 1 more)",)
    assert recording.window(3, 9).shape == (1, 6)


def test_in_a_folder_it_is_an_entry(path, monkeypatch):
    one_reader(monkeypatch, Failing(RecursionError("deep")))
    assert isinstance(score_file(path, None, ReadOptions()), UnreadableFileError)


def test_a_wfdb_record_that_contains_itself(tmp_path):
    header = tmp_path / "r.hea"
    header.write_text("r/2 1 500 2000\nr 1000\nr 1000\n")
    with pytest.raises(EcgNoiseError, match=r"r\.hea"):
        read(header).signal  # noqa: B018


@pytest.mark.parametrize("known", [pytest.param(known, id=known.make.__name__) for known in FORMATS])
def test_bytes_changed_anywhere(known: Format, tmp_path):
    """Some bytes are changed at places drawn once, in the header or anywhere, or the file is cut and mixed."""
    simulated = simulate_ecg(2, 250, seed=1, lead_names=("II", "V2"))
    path = known.make(tmp_path, Ecg(simulated.signal.astype(np.float64)))
    content = path.read_bytes()
    generator = np.random.default_rng(7)
    for turn in range(60):
        path.write_bytes(mutated(content, generator, turn))
        try:
            read(path, **known.options).signal  # noqa: B018
        except EcgNoiseError as error:
            check_line(error, path)


def check_line(error, path):
    assert "\n" not in str(error)
    assert str(path.parent) in str(error)


def mutated(content: bytes, generator: np.random.Generator, turn: int) -> bytes:
    changed = bytearray(content)
    limit = len(content) if turn % 2 else min(len(content), 1024)
    for _ in range(int(generator.integers(1, 6))):
        at = int(generator.integers(0, limit))
        match turn % 5:
            case 0 | 1:
                changed[at % len(changed)] = int(generator.choice([0, 1, 127, 128, 254, 255, 32, 45, 57]))
            case 2:
                changed[at : at + 8] = generator.bytes(8)
            case 3:
                del changed[at : at + int(generator.integers(1, 64))]
            case _:
                changed[at:at] = changed[at : at + int(generator.integers(1, 64))]
        if not changed:
            return b"\0"
    return bytes(changed)


# Regular files


def test_open_file_and_check_regular(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    with open_file(file) as opened:
        assert opened.read() == b"abc"
    check_regular(file)
    for place, message in {
        tmp_path: "this is a folder, no file",
        tmp_path / "absent": "no such file: check the path",
        file / "below": "no such file",
        Path("/dev/null"): "this is a device, no file: pass a file",
        tmp_path / ("x" * 5000): "no such file",
        Path("nul\0byte"): "no such file",
    }.items():
        for look in (open_file, check_regular):
            with pytest.raises(UnreadableFileError, match=message):
                look(place)


# DICOM


@pytest.fixture(scope="module")
def ecg() -> Ecg:
    simulated = simulate_ecg(4, 250, seed=1, lead_names=("II", "V2"))
    return Ecg(simulated.signal.astype(np.float64))


def dicom_changed(folder, ecg, change):
    """A DICOM file whose channel definitions were changed."""
    pydicom = pytest.importorskip("pydicom")
    path = makers.dicom(folder, ecg)
    data = pydicom.dcmread(path)
    for group in data.WaveformSequence:
        for number, channel in enumerate(group.ChannelDefinitionSequence):
            change(channel, number)
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"], ids=["implicit", "explicit"])
@pytest.mark.parametrize("meta", [True, False])
def test_dicom_without_preamble(syntax, meta, tmp_path, ecg):
    pydicom = pytest.importorskip("pydicom")
    path = makers.dicom(tmp_path, ecg)
    expected = read(path)
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = syntax
    if meta:
        pydicom.dcmwrite(path, data, enforce_file_format=True, implicit_vr=syntax.endswith(".2"), little_endian=True)
        path.write_bytes(path.read_bytes()[132:])
    else:
        bare = pydicom.Dataset(data)
        pydicom.dcmwrite(
            path, bare, implicit_vr=syntax.endswith("8.1.2"), little_endian=True, enforce_file_format=False
        )
        assert path.read_bytes()[:2] == b"\x08\0"
    path = path.rename(path.with_suffix(".bin"))
    assert find_recordings([tmp_path]) == [path]
    recording = read(path)
    np.testing.assert_array_equal(recording.signal, expected.signal)
    assert recording.lead_names == expected.lead_names


def test_the_beginning_of_a_dicom_file_without_preamble_is_told(tmp_path):
    beginning = b"\x02\x00\x00\x00UL\x04\x00\x1a\x00\x00\x00\x02\x00\x02\x00UI\x1e\x001.2.840.10008.5.1.4.1.1.9.1.1\0"
    (tmp_path / "x.dcm").write_bytes(beginning)
    with pytest.raises(UnreadableFileError, match="DICOM"):
        read(tmp_path / "x.dcm")


@pytest.mark.parametrize(
    "content", [b"\x02\0\x03\0\x05\0\x02\0" * 90, b"\x08\0\x01\0\x07\0\x03\0" * 90, b"\x02\0" * 400]
)
def test_samples_are_not_taken_for_dicom(content, tmp_path):
    (tmp_path / "x.bin").write_bytes(content)
    assert find_recordings([tmp_path]) == []


@pytest.mark.parametrize(
    ("scheme", "codes", "names"),
    [
        ("MDC", ("2:1", "2:63"), ("I", "aVL")),
        ("SCPECG", ("5.6.3-9-61", "5.6.3-9-8"), ("III", "V6")),
        ("MDC", ("2:9999", "2:64"), ("2:9999", "aVF")),
        ("99LOCAL", ("2:1", "lead_two"), ("2:1", "lead_two")),
    ],
)
def test_dicom_codes_without_meanings(scheme, codes, names, tmp_path, ecg):
    def change(channel, number):
        source = channel.ChannelSourceSequence[0]
        source.CodeValue, source.CodingSchemeDesignator = codes[number], scheme
        del source.CodeMeaning

    recording = read(dicom_changed(tmp_path, ecg, change))
    assert recording.lead_names == names
    np.testing.assert_allclose(recording.signal, ecg.signal, atol=1.6e-3)


def test_dicom_labels_where_there_are_no_codes(tmp_path, ecg):
    def change(channel, number):
        del channel.ChannelSourceSequence
        channel.ChannelLabel = ("I", "V5")[number]

    assert read(dicom_changed(tmp_path, ecg, change)).lead_names == ("I", "V5")


def test_dicom_without_sensitivity_asks_for_the_unit(tmp_path, ecg):
    """Also where the unit stands there alone: then the numbers are counts, and nobody knows of what."""

    def change(channel, number):
        del channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline

    path = dicom_changed(tmp_path, ecg, change)
    with pytest.raises(EcgNoiseError, match="--units"):
        read(path)
    assert read(path, units="uV").units == "mV"


def test_dicom_without_sampling_frequency_asks_for_it(tmp_path, ecg):
    pydicom = pytest.importorskip("pydicom")
    path = makers.dicom(tmp_path, ecg)
    data = pydicom.dcmread(path)
    del data.WaveformSequence[1].SamplingFrequency
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    with pytest.raises(UnknownSamplingFrequencyError, match="--sampling-frequency"):
        read(path)
    recording = read(path, sampling_frequency=250)
    assert recording.sampling_frequency == 250
    np.testing.assert_allclose(recording.signal, ecg.signal, atol=1.6e-3)


def test_dicom_empty_values_are_as_good_as_none(tmp_path, ecg):
    def change(channel, number):
        channel.ChannelSensitivityCorrectionFactor = None
        channel.ChannelSensitivity = f"{makers.GAIN:g}"
        channel.ChannelSampleSkew = None

    recording = read(dicom_changed(tmp_path, ecg, change))
    np.testing.assert_allclose(recording.signal, ecg.signal, atol=1.6e-3)
    assert recording.notes == ()


def test_dicom_unit_by_its_meaning(tmp_path, ecg):
    def change(channel, number):
        unit = channel.ChannelSensitivityUnitsSequence[0]
        del unit.CodeValue
        unit.CodeMeaning = "microvolt"

    np.testing.assert_allclose(read(dicom_changed(tmp_path, ecg, change)).signal, ecg.signal, atol=1.6e-3)


def test_dicom_leads_that_are_sampled_later_are_told(tmp_path, ecg):
    def change(channel, number):
        channel.ChannelSampleSkew = str(number / 4)

    assert read(dicom_changed(tmp_path, ecg, change)).notes == (
        "sampled later than the others, not shifted: V2 (0.25 samples)",
    )


def test_dicom_offset_of_a_group_counts_for_the_start(tmp_path, ecg):
    pydicom = pytest.importorskip("pydicom")
    path = makers.dicom(tmp_path, ecg)
    data = pydicom.dcmread(path)
    data.WaveformSequence[1].MultiplexGroupTimeOffset = "2500"
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    assert read(path).start.isoformat() == "2021-02-24T08:30:17.500000"


def test_dicom_that_inflates_to_more_than_any_recording(tmp_path, ecg, monkeypatch):
    pydicom = pytest.importorskip("pydicom")
    monkeypatch.setattr("ecgnoise.readers.dicom.LARGEST_BYTES", 1 << 24)
    path = makers.dicom(tmp_path, replace(ecg, signal=ecg.signal[:, :50]))
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    for size in (1 << 20, 1 << 26):
        data.EncapsulatedDocument = bytes(size)
        pydicom.dcmwrite(path, data, enforce_file_format=True)
        assert path.stat().st_size < 1 << 20
        if size < 1 << 24:
            assert read(path).samples.shape == (2, 50)
            continue
        tracemalloc.start()
        with pytest.raises(UnreadableFileError, match="more than 16 MiB"):
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1 << 26
