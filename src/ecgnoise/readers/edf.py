"""EDF, EDF+, BDF and BDF+ files, read window by window; the edfio package reads their headers.

The formats: Kemp et al., Electroenceph. clin. Neurophysiol. 82 (1992) 391; Kemp and Olivan, Clin. Neurophysiol.
114 (2003) 1755 (EDF+); BioSemi's BDF has 24 instead of 16 bits. A file is data records, each of which has a stretch of
one signal after the other. Of large data records only the samples asked for are read.

In a file where some signals have the name of an ECG lead, those without one (EEG, say) are left out.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError
from ecgnoise.quiet import quiet
from ecgnoise.readers.base import ReadOptions, one_line, package_of_extra
from ecgnoise.readers.channels import Channel, Leads, leads_of
from ecgnoise.readers.edf_interrupted import InterruptedSamples, onset, with_gaps
from ecgnoise.readers.labels import is_called_ecg, is_lead_name, lead_name
from ecgnoise.recording import Recording, Signal

FIXED_BYTES: Final = 256  # of the header record, and again for each signal (EDF specification, header record)
RECORDS_AT: Final = slice(236, 244)  # the field "number of data records"
SIGNALS_AT: Final = slice(252, 256)  # the field "number of signals"
# Bytes of the fields of a signal: label, transducer, dimension, physical and digital minimum and maximum, filters,
# samples in a data record, reserved.
LABEL, COUNT = 0, 8
WIDTHS: Final = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
EDF_VERSION: Final = b"0       "
BDF_VERSION: Final = b"\xffBIOSEMI"
ANNOTATIONS: Final = (b"EDF Annotations", b"BDF Annotations")
BLOCK_BYTES: Final = 1 << 20  # read at once; of larger data records, only the samples asked for
# What edfio 0.4 raises on damaged headers.
EDFIO_ERRORS: Final = (ValueError, IndexError, KeyError, TypeError, ArithmeticError, OverflowError, UnboundLocalError)


@dataclass(frozen=True)
class _File:
    """Where the data records lie: bytes of the header, of a record and of a sample, number of records."""

    path: Path
    header_bytes: int
    record_bytes: int
    sample_bytes: int
    records: int

    def samples(self, places: tuple[int, ...], frame: int, start: int, stop: int) -> NDArray[np.int32]:
        """Samples start..stop-1, (signals, samples), of signals that have ``frame`` of them in each data record.

        places: the byte of a data record at which each signal begins. UnreadableFileError where the file has changed.
        """
        raw = np.empty((len(places), stop - start, self.sample_bytes), np.uint8)
        try:
            with self.path.open("rb") as file:
                for row, at, part in self._parts(file, places, frame, (start, stop)):
                    raw[row, at : at + len(part)] = part
        except OSError as error:
            raise UnreadableFileError(f"{self.path}: cannot be read ({one_line(error)}): read it again") from error
        return _integers(raw)

    def _parts(
        self, file: BinaryIO, places: tuple[int, ...], frame: int, span: tuple[int, int]
    ) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """Row, sample of the span, and samples as bytes: a stretch of one signal, within one or several records."""
        start, stop = span
        together = max(1, BLOCK_BYTES // self.record_bytes)
        for first in range(start // frame, -(-stop // frame), together):
            begin, end = max(start, first * frame), min(stop, (first + together) * frame)
            if self.record_bytes > BLOCK_BYTES:
                for row, place in enumerate(places):
                    inside = place + (begin - first * frame) * self.sample_bytes
                    part = self._bytes(file, first, inside, (end - begin) * self.sample_bytes)
                    yield row, begin - start, part.reshape(-1, self.sample_bytes)
                continue
            count = -(-end // frame) - first
            block = self._bytes(file, first, 0, count * self.record_bytes).reshape(count, -1)
            for row, place in enumerate(places):
                part = block[:, place : place + frame * self.sample_bytes].reshape(-1, self.sample_bytes)
                yield row, begin - start, part[begin - first * frame : end - first * frame]

    def _bytes(self, file: BinaryIO, record: int, place: int, count: int) -> NDArray[np.uint8]:
        file.seek(self.header_bytes + record * self.record_bytes + place)
        content = file.read(count)
        if len(content) < count:
            raise UnreadableFileError(f"{self.path}: shorter than its header says: it has changed, or fetch it again")
        return np.frombuffer(content, np.uint8)


@dataclass(frozen=True)
class EdfSamples:
    """Samples of some signals of one sampling frequency.

    frame: samples of each in a data record. places: where they begin in it. scales: what a count is, and a count of 0.
    """

    file: _File
    leads: Leads
    shape: tuple[int, int]
    frame: int
    places: tuple[int, ...]
    scales: tuple[tuple[float, float], ...]

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads in mV; UnreadableFileError where the file has changed."""
        if stop <= start:
            return np.empty((self.shape[0], 0), np.float32)
        counts = self.file.samples(self.places, self.frame, start, stop)
        gains, zeros = np.array(self.scales).T[..., None]
        return self.leads.scaled(counts * gains + zeros, self.file.path)


@dataclass(frozen=True)
class EdfReader:
    """A recording of data records of equal length; in the gaps of an interrupted one samples are missing."""

    name: str = "EDF, EDF+, BDF"
    suffixes: tuple[str, ...] = ()

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
        with quiet():  # of dates that contradict each other
            file, content, header = _open(path)
            start = _start(header)
        onsets = _onsets(file, content) if header.reserved[3:5] == "+D" else []
        leads = leads_of(_channels(header), options, path)
        places = _places(content, file.sample_bytes)
        signals = [header.signals[row] for row in leads.rows]
        frame = signals[0].samples_per_data_record
        shape = (len(leads.rows), file.records * frame)
        scales = tuple(map(_scale, signals))
        stored = EdfSamples(file, leads, shape, frame, tuple(places[row] for row in leads.rows), scales)
        samples = with_gaps(stored, onsets, leads.frequency, path) if onsets else None
        return Recording(
            samples if samples and samples.missing else stored,
            leads.frequency,
            leads.names,
            leads.recording_units,
            start,
            str(path),
            leads.faults,
            (*leads.notes, *_interruptions(samples, leads.frequency)),
        )


def _interruptions(samples: InterruptedSamples | None, frequency: float) -> list[str]:
    """A note on the gaps, if there are any."""
    if samples is None or not samples.missing:
        return []
    return [f"interrupted {len(samples.starts) - 1} times, {samples.missing / frequency:g} s are missing"]


def _package() -> ModuleType:
    return package_of_extra("edfio", "reading EDF and BDF")


def _parsed(content: bytes, path: Path) -> Any:
    """An edfio object; UnreadableFileError where the header is damaged."""
    edfio = _package()
    read = edfio.read_bdf if content.startswith(BDF_VERSION) else edfio.read_edf
    try:
        return read(io.BytesIO(content), header_encoding="latin-1")
    except EDFIO_ERRORS as error:
        raise UnreadableFileError(f"{path}: not a whole EDF or BDF file ({one_line(error)}): fetch it again") from error


def _open(path: Path) -> tuple[_File, bytes, Any]:
    """Where the records lie, the header, and what edfio makes of it; UnreadableFileError where it is too short."""
    with path.open("rb") as opened:
        fixed = opened.read(FIXED_BYTES)
        count = fixed[SIGNALS_AT].strip()
        if not count.isdigit() or int(count) == 0:
            raise UnreadableFileError(f"{path}: the header announces {count[:4]!r} signals: fetch it again")
        header_bytes = FIXED_BYTES * (int(count) + 1)
        opened.seek(0)
        content = opened.read(header_bytes)
    if len(content) < header_bytes:
        raise UnreadableFileError(f"{path}: ends within its header of {header_bytes} bytes: fetch it again")
    counts = [_number(field, path) for field in _fields(content, COUNT)]
    if min(counts) <= 0:
        raise UnreadableFileError(f"{path}: a signal with {min(counts)} samples in a data record: fetch it again")
    sample_bytes = 3 if content.startswith(BDF_VERSION) else 2
    record_bytes = sum(counts) * sample_bytes
    present = (path.stat().st_size - header_bytes) // record_bytes
    announced = _number(fixed[RECORDS_AT], path)
    records = present if announced == -1 else announced  # -1 while the recording goes on
    if records <= 0 or present < records:
        raise UnreadableFileError(
            f"{path}: {present} data records, {announced} announced by the header: fetch the whole file"
        )
    file = _File(path, header_bytes, record_bytes, sample_bytes, records)
    with path.open("rb") as opened:
        opened.seek(header_bytes)
        first = opened.read(record_bytes) if record_bytes <= BLOCK_BYTES else b""  # it may have a part of the start
    return file, content, _parsed(_with_records(content, len(first) // record_bytes) + first, path)


def _with_records(header: bytes, records: int) -> bytes:
    """A header with another number of data records."""
    return header[: RECORDS_AT.start] + f"{records:<8}".encode() + header[RECORDS_AT.stop :]


def _fields(header: bytes, field: int) -> list[bytes]:
    """One field of all signals, by its number in WIDTHS."""
    count = len(header) // FIXED_BYTES - 1
    start, width = FIXED_BYTES + count * sum(WIDTHS[:field]), WIDTHS[field]
    return [header[at : at + width] for at in range(start, start + count * width, width)]


def _is_annotations(label: bytes) -> bool:
    return label.rstrip() in ANNOTATIONS


def _places(header: bytes, sample_bytes: int) -> list[int]:
    """The byte of a data record at which each signal begins that holds no annotations."""
    ends = accumulate((int(count) * sample_bytes for count in _fields(header, COUNT)), initial=0)
    return [at for at, label in zip(ends, _fields(header, LABEL), strict=False) if not _is_annotations(label)]


def _number(field: bytes, path: Path) -> int:
    try:
        return int(field)
    except ValueError as error:
        raise UnreadableFileError(f"{path}: the header has {field!r} for a number: fetch it again") from error


def _channels(header: Any) -> list[Channel]:
    channels = [
        Channel(
            signal.label,
            signal.physical_dimension.replace("\u00c2", ""),  # a Greek letter in UTF-8
            float(signal.sampling_frequency),
            _has_gain(signal),
        )
        for signal in header.signals
    ]
    named = any(channel.is_ecg and _is_lead(channel.name) for channel in channels)
    return [replace(channel, other=named and not _is_lead(channel.name)) for channel in channels]


def _is_lead(label: str) -> bool:
    return is_lead_name(lead_name(label)) or is_called_ecg(label)


def _has_gain(signal: Any) -> bool:
    try:
        ranges = np.array([signal.physical_range, signal.digital_range], np.float64)
    except ValueError:
        return False
    return bool(np.isfinite(ranges).all() and (ranges[:, 0] != ranges[:, 1]).all())


def _scale(signal: Any) -> tuple[float, float]:
    """What a count is in the unit of a signal, and what a count of 0 is there; NaN without a gain."""
    if not _has_gain(signal):
        return float("nan"), float("nan")
    gain = (signal.physical_max - signal.physical_min) / (signal.digital_max - signal.digital_min)
    return gain, signal.physical_min - gain * signal.digital_min


def _integers(raw: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Little-endian integers of two or three bytes, which the last dimension holds."""
    if raw.shape[-1] == 2:
        return raw.view("<i2")[..., 0].astype(np.int32)
    padded = np.zeros((*raw.shape[:-1], 4), np.uint8)
    padded[..., 1:] = raw
    integers: NDArray[np.int32] = padded.view("<i4")[..., 0] >> 8
    return integers


def _onsets(file: _File, header: bytes) -> list[float]:
    """When each data record begins, in s; empty where no signal says so.

    The first signal of annotations does; it is read alone, some records at a time. UnreadableFileError for a record
    without its time.
    """
    labels, counts = _fields(header, LABEL), [int(count) for count in _fields(header, COUNT)]
    row = next((row for row, label in enumerate(labels) if _is_annotations(label)), None)
    if row is None:
        return []
    place, frame = sum(counts[:row]) * file.sample_bytes, counts[row]
    together = max(1, BLOCK_BYTES // (frame * file.sample_bytes))
    onsets: list[float] = []
    for first in range(0, file.records, together):
        last = min(first + together, file.records)
        times = file.samples((place,), frame, first * frame, last * frame)
        content = times.astype("<i4").view(np.uint8).reshape(last - first, frame, 4)[:, :, : file.sample_bytes]
        onsets += [onset(record.tobytes(), first + at, file.path) for at, record in enumerate(content)]
    return onsets


def _start(header: Any) -> datetime | None:
    try:
        start: datetime = header.startdatetime
    except EDFIO_ERRORS:  # a date left out on purpose is one of them
        return None
    return start
