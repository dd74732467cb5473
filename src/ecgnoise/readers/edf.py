"""EDF, EDF+, BDF and BDF+ files, read by the edfio package, window by window.

The formats: Kemp et al., Electroenceph. clin. Neurophysiol. 82 (1992) 391; Kemp and Olivan, Clin. Neurophysiol.
114 (2003) 1755 (EDF+); BioSemi's BDF has 24 instead of 16 bits. A window is read by giving edfio the header and the
data records that hold the window: so both kinds of file stay on disk, and are closed after each window.

In a file where some signals have the name of an ECG lead, those without one (EEG, say) are left out.
"""

import io
import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np

from ecgnoise.errors import MissingExtraError, UnreadableFileError
from ecgnoise.readers.base import ReadOptions, one_line
from ecgnoise.readers.channels import Channel, Leads, is_lead_name, lead_name, leads_of
from ecgnoise.recording import Recording, Signal

FIXED_BYTES: Final = 256  # of the header record, and again for each signal (EDF specification, header record)
RECORDS_AT: Final = slice(236, 244)  # the field "number of data records"
EDF_VERSION: Final = b"0       "
BDF_VERSION: Final = b"\xffBIOSEMI"
# What edfio 0.4 raises on damaged headers.
EDFIO_ERRORS: Final = (ValueError, IndexError, KeyError, TypeError, ArithmeticError, OverflowError, UnboundLocalError)


@dataclass(frozen=True)
class _File:
    """Where the data records lie: bytes of the header and of a record, number of records."""

    path: Path
    header_bytes: int
    record_bytes: int
    records: int

    def part(self, first: int, last: int) -> Any:
        """The file with the data records first..last-1 only, as edfio reads it."""
        with self.path.open("rb") as file:
            header = file.read(self.header_bytes)
            file.seek(self.header_bytes + first * self.record_bytes)
            content = file.read((last - first) * self.record_bytes)
        if len(content) < (last - first) * self.record_bytes:
            raise UnreadableFileError(f"{self.path}: shorter than its header says: it has changed, or fetch it again")
        count = f"{last - first:<8}".encode()
        return _parsed(header[: RECORDS_AT.start] + count + header[RECORDS_AT.stop :] + content, self.path)


@dataclass(frozen=True)
class EdfSamples:
    """Samples of some signals of one sampling frequency; ``frame`` samples of each in a data record."""

    file: _File
    leads: Leads
    shape: tuple[int, int]
    frame: int

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads in mV; UnreadableFileError where the file has changed."""
        if stop <= start:
            return np.empty((self.shape[0], 0), np.float32)
        first = start // self.frame
        try:
            signals = self.file.part(first, -(-stop // self.frame)).signals
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of signals without gain, which the leads' faults tell
                data = np.stack([signals[row].data for row in self.leads.rows])
        except (OSError, *EDFIO_ERRORS) as error:
            raise UnreadableFileError(f"{self.file.path}: cannot be read ({one_line(error)}): read it again") from error
        offset = first * self.frame
        return self.leads.scaled(data[:, start - offset : stop - offset], self.file.path)


@dataclass(frozen=True)
class EdfReader:
    """A recording of data records of equal length, without interruptions."""

    name: str = "EDF, EDF+, BDF"

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the first eight bytes; those of EDF are a plain 0, so that the header's length is looked at too."""
        del path
        if head.startswith(BDF_VERSION):
            return True
        return head.startswith(EDF_VERSION) and head[184:192].strip().isdigit()

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head) or path.suffix.lower() in {".edf", ".bdf"}

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The ECG signals, their samples left on disk."""
        file, header = _open(path)
        _check_uninterrupted(file, header)
        leads = leads_of(_channels(header), options, path)
        frame = header.signals[leads.rows[0]].samples_per_data_record
        shape = (len(leads.rows), file.records * frame)
        return Recording(
            EdfSamples(file, leads, shape, frame),
            leads.frequency,
            leads.names,
            leads.recording_units,
            _start(header),
            str(path),
            leads.faults,
            leads.notes,
        )


def _package() -> ModuleType:
    try:
        import edfio
    except ImportError as error:
        raise MissingExtraError("reading EDF and BDF", "edfio", "formats") from error
    package: ModuleType = edfio
    return package


def _parsed(content: bytes, path: Path) -> Any:
    """An edfio object; UnreadableFileError where the header is damaged."""
    edfio = _package()
    read = edfio.read_bdf if content.startswith(BDF_VERSION) else edfio.read_edf
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read(io.BytesIO(content), header_encoding="latin-1")
    except EDFIO_ERRORS as error:
        raise UnreadableFileError(f"{path}: not a whole EDF or BDF file ({one_line(error)}): fetch it again") from error


def _open(path: Path) -> tuple[_File, Any]:
    """Where the records lie, and the header with the first record; UnreadableFileError where it is too short."""
    with path.open("rb") as opened:
        fixed = opened.read(FIXED_BYTES)
        count = fixed[252:256].strip()
        if not count.isdigit() or int(count) == 0:
            raise UnreadableFileError(f"{path}: the header announces {count[:4]!r} signals: fetch it again")
        header_bytes = FIXED_BYTES * (int(count) + 1)
        opened.seek(0)
        content = opened.read(header_bytes)
    if len(content) < header_bytes:
        raise UnreadableFileError(f"{path}: ends within its header of {header_bytes} bytes: fetch it again")
    record_bytes = _record_bytes(content, int(count), path)
    present = (path.stat().st_size - header_bytes) // record_bytes
    announced = _number(fixed[RECORDS_AT], path)
    records = present if announced == -1 else announced  # -1 while the recording goes on
    if records <= 0 or present < records:
        raise UnreadableFileError(
            f"{path}: {present} data records, {announced} announced by the header: fetch the whole file"
        )
    file = _File(path, header_bytes, record_bytes, records)
    return file, file.part(0, 1)


def _record_bytes(header: bytes, count: int, path: Path) -> int:
    """Bytes of a data record, from the field "nr of samples in each data record" of every signal."""
    start = FIXED_BYTES + count * (16 + 80 + 8 + 8 + 8 + 8 + 8 + 80)
    counts = [_number(header[at : at + 8], path) for at in range(start, start + 8 * count, 8)]
    if min(counts) <= 0:
        raise UnreadableFileError(f"{path}: a signal with {min(counts)} samples in a data record: fetch it again")
    return sum(counts) * (3 if header.startswith(BDF_VERSION) else 2)


def _number(field: bytes, path: Path) -> int:
    try:
        return int(field)
    except ValueError as error:
        raise UnreadableFileError(f"{path}: the header has {field!r} for a number: fetch it again") from error


def _channels(header: Any) -> list[Channel]:
    named = any(_is_lead(signal.label) for signal in header.signals)
    return [
        Channel(
            signal.label,
            signal.physical_dimension.replace("\u00c2", ""),  # a Greek letter in UTF-8
            float(signal.sampling_frequency),
            _has_gain(signal),
            named and not _is_lead(signal.label),
        )
        for signal in header.signals
    ]


def _is_lead(label: str) -> bool:
    return is_lead_name(lead_name(label)) or label.casefold().startswith(("ecg", "ekg"))


def _has_gain(signal: Any) -> bool:
    try:
        ranges = np.array([signal.physical_range, signal.digital_range], np.float64)
    except ValueError:
        return False
    return bool(np.isfinite(ranges).all() and (ranges[:, 0] != ranges[:, 1]).all())


def _check_uninterrupted(file: _File, header: Any) -> None:
    """UnreadableFileError for an EDF+ file whose data records do not follow each other without gaps."""
    if header.reserved[3:5] != "+D":
        return
    try:
        whole = file.part(0, file.records).is_continuous
    except (StopIteration, *EDFIO_ERRORS) as error:
        raise UnreadableFileError(
            f"{file.path}: no times of its data records ({one_line(error)}): fetch it again"
        ) from error
    if not whole:
        raise UnreadableFileError(f"{file.path}: an interrupted recording (EDF+D): split it at its gaps")


def _start(header: Any) -> datetime | None:
    try:
        start: datetime = header.startdatetime
    except EDFIO_ERRORS:  # a date left out on purpose is one of them
        return None
    return start
