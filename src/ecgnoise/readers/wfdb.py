"""WFDB records (PhysioNet): a ``.hea`` header with signal files, in all formats that the wfdb package reads.

Samples stay in their files until a window is asked for. The package reads the header as ASCII and skips what
it cannot parse, which turns uV written with a Greek letter into V and a gain of NaN into 200; the unit, gain
and name of a lead and the sampling frequency are therefore taken from the header's own fields.

Leads that all have the same number of samples a frame keep them. Where they differ, each frame is averaged, unless
frames are too few a second to be scored: then the leads are read that have the most common number.
"""

import re
import sys
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import LeadNameError, SignalShapeError, UnknownUnitsError, UnreadableFileError
from ecgnoise.quiet import quiet
from ecgnoise.readers.base import (
    ReadOptions,
    chosen,
    distinct_names,
    is_file,
    one_line,
    open_file,
    settle_sampling_frequency,
)
from ecgnoise.readers.channels import wanted_rows
from ecgnoise.readers.labels import is_other_signal, voltage_unit
from ecgnoise.recording import (
    MAXIMUM_LEADS,
    SAMPLING_FREQUENCY_LIMITS,
    UNKNOWN_UNITS,
    ArraySamples,
    Recording,
    Samples,
    Signal,
    to_millivolts,
)

DEFAULT_FREQUENCY: Final = 250.0  # of the format (header(5)), where the record line ends before it
DEFAULT_UNITS: Final = "mV"  # likewise
HEADER_BYTES: Final = 1 << 24  # of a header, among which its files are named
RECORD_LINE: Final = re.compile(r"\S+[ \t]+\d+(?:[ \t]|$)")
# What wfdb 4.3 and soundfile raise on damaged headers and signal files.
WFDB_ERRORS: Final = (
    OSError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RuntimeError,
)


class _Header(Protocol):
    """What is used of wfdb's Record and MultiRecord."""

    n_sig: int
    fs: float
    sig_len: int | None
    fmt: list[str]
    samps_per_frame: list[int | None]
    base_datetime: datetime | None


@dataclass(frozen=True)
class _Channel:
    """One signal line of a header; unit and gain are None where the line does not say them."""

    name: str
    unit: str | None
    gain: float | None
    coding: str
    frame: int

    @property
    def is_ecg(self) -> bool:
        return not is_other_signal(self.name) and (self.unit is None or voltage_unit(self.unit) is not None)


@dataclass(frozen=True)
class WfdbSamples:
    """Samples of some channels of a record on disk.

    header: the ``.hea``. units: the unit of each channel; None for a lead without gain, all NaN.
    frame: samples a frame of the header's clock. from_start: whether a window needs all before it (format 8).
    """

    header: Path
    shape: tuple[int, int]
    channels: tuple[int, ...]
    units: tuple[str | None, ...]
    frame: int
    from_start: bool

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads in mV; UnreadableFileError where a signal file is damaged."""
        if stop <= start:
            return np.empty((len(self.channels), 0), np.float32)
        first = 0 if self.from_start else start // self.frame
        signal = _read_signal(self.header, (first, -(-stop // self.frame)), self.channels, self.frame)
        offset = first * self.frame
        return _scaled(signal[:, start - offset : stop - offset], self.units, self.header)


@dataclass(frozen=True)
class WfdbReader:
    """A record, single or of several segments."""

    name: str = "WFDB (.hea)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the suffix ``.hea`` and the first line that is not a comment: a name and a number of signals."""
        lines = _lines(head)
        return path.suffix == ".hea" and bool(lines) and RECORD_LINE.match(lines[0]) is not None

    def lists(self, path: Path, head: bytes) -> bool:
        """Every ``.hea``, damaged ones too."""
        del head
        return path.suffix == ".hea"

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The ECG channels of the record; the others are named in the notes."""
        record, channels = _open(path)
        kept = _kept(path, channels)
        names = dict(zip(kept, distinct_names([channels[index].name for index in kept]), strict=True))
        left_out = [channel.name for channel in channels if not channel.is_ecg]
        kept = kept if options.lead_names is None else sorted(wanted_rows(names, options.lead_names, path))
        picked = [channels[index] for index in kept]
        stated = _stated_frequency(path, record)
        frame = _common_frame(picked, stated or options.sampling_frequency or DEFAULT_FREQUENCY)
        slower = [names[index] for index in kept if frame not in {1, channels[index].frame}]
        if slower and options.lead_names is not None:
            raise LeadNameError(
                f"{path}: not all leads asked for have one sampling frequency ({', '.join(slower)} have another): "
                "pass leads of one (--leads)"
            )
        kept = [index for index in kept if frame in {1, channels[index].frame}]
        picked = [channels[index] for index in kept]
        notes = _notes(picked, left_out, slower, frame)
        if stated is None and options.sampling_frequency is None:
            stated = DEFAULT_FREQUENCY
            notes.append(f"no sampling frequency in the header: {stated:g} Hz, the format's default")
        frequency = settle_sampling_frequency(stated and stated * frame, options, path)
        units = tuple(_unit(channel, options) for channel in picked)
        recording = Recording(
            _samples(path, record, tuple(kept), picked, units, frame),
            frequency,
            tuple(names[index] for index in kept),
            UNKNOWN_UNITS if UNKNOWN_UNITS in units else "mV",
            record.base_datetime,
            str(path),
            tuple("no_gain" if unit is None else "" for unit in units),
            tuple(notes),
        )
        return chosen(recording, options)


def _kept(path: Path, channels: list[_Channel]) -> list[int]:
    """The numbers of the ECG channels; UnknownUnitsError or SignalShapeError where there are none or too many."""
    kept = [index for index, channel in enumerate(channels) if channel.is_ecg]
    if not kept:
        listed = ", ".join(channel.name for channel in channels[:20]) or "no signals"
        raise UnknownUnitsError(f"{path}: no channel is an ECG in a unit of voltage ({listed}): pass another record")
    if len(kept) > MAXIMUM_LEADS:
        raise SignalShapeError(f"{path}: {len(kept)} leads, at most {MAXIMUM_LEADS} can be scored at once: pass fewer")
    return kept


def record_header(path: Path) -> Path | None:
    """The ``.hea`` of a path: itself, a record without suffix, a signal file; None for other paths."""
    if path.suffix == ".hea" and is_file(path):
        return path
    named = path.with_name(f"{path.name}.hea") if path.name else path
    if not is_file(path):
        return named if is_file(named) else None
    beside = path.with_suffix(".hea")
    if not is_file(beside):
        return None
    return beside if _names(beside, path.name) else None


def _names(header: Path, file: str) -> bool:
    """Whether a line of the header after the first one begins with the name of a file."""
    try:
        with open_file(header) as opened:
            lines = _lines(opened.read(HEADER_BYTES))
    except UnreadableFileError:
        return False
    return any(line.startswith((f"{file} ", f"{file}\t")) for line in lines[1:])


def segment_headers(path: Path, head: bytes) -> set[Path]:
    """The headers of the segments of a multi-segment record, by its beginning; none for other files."""
    lines = _lines(head)
    if path.suffix != ".hea" or not lines or not re.match(r"\S+/\d+\s", lines[0]):
        return set()
    return {path.with_name(f"{line.split()[0]}.hea") for line in lines[1:]}


def _lines(header: bytes) -> list[str]:
    """The lines of a header that are neither empty nor comments."""
    try:
        text = header.decode("utf-8")
    except UnicodeDecodeError:
        text = header.decode("latin-1")
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def _open(path: Path) -> tuple[_Header, list[_Channel]]:
    """The header as wfdb reads it, and its channels, which the first of several segments describes."""
    record = _read_header(path)
    named, described = path, record
    if hasattr(record, "seg_name"):
        named = path.with_name(f"{record.seg_name[0]}.hea")
        described = _read_header(named)
    lines = _lines(named.read_bytes())[1:]
    if not record.n_sig == described.n_sig == len(lines):
        raise UnreadableFileError(
            f"{named}: {len(lines)} signal lines, {record.n_sig} signals announced: fetch the header again"
        )
    return record, [_channel(line, described, index) for index, line in enumerate(lines)]


def _channel(line: str, described: _Header, index: int) -> _Channel:
    fields = line.split(maxsplit=8)
    gain, unit = fields[2].partition("/")[::2] if len(fields) > 2 else ("", "")
    name = fields[8].strip() if len(fields) > 8 else ""
    frame = described.samps_per_frame[index] or 1
    return _Channel(name, unit or None, _number(gain.partition("(")[0]), described.fmt[index], frame)


def _number(text: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _unit(channel: _Channel, options: ReadOptions) -> str | None:
    if channel.gain is not None and not np.isfinite(channel.gain):
        return None
    return voltage_unit(channel.unit) if channel.unit else options.units or DEFAULT_UNITS


def _stated_frequency(path: Path, record: _Header) -> float | None:
    """Frames a second by the record line, or None where it ends before them."""
    fields = _lines(path.read_bytes())[0].split()
    if len(fields) < 3:
        return None
    stated = _number(fields[2].partition("/")[0])
    if stated is None or (stated >= SAMPLING_FREQUENCY_LIMITS[0] and not np.isclose(stated, record.fs)):
        raise UnreadableFileError(
            f"{path}: sampling frequency {fields[2]!r} cannot be read: write it as a plain number"
        )
    return stated


def _common_frame(picked: list[_Channel], frames_a_second: float) -> int:
    """The samples a frame of the leads that are read; 1 where frames are averaged."""
    frames = Counter(channel.frame for channel in picked)
    if len(frames) > 1 and frames_a_second >= SAMPLING_FREQUENCY_LIMITS[0]:
        return 1
    return max(frames, key=lambda frame: (frames[frame], frame))


def _notes(picked: list[_Channel], left_out: list[str], slower: list[str], frame: int) -> list[str]:
    notes = [f"left out, not ECG: {', '.join(left_out)}"] if left_out else []
    if slower:
        notes.append(f"left out, of another sampling frequency: {', '.join(slower)}")
    uncalibrated = [channel.name for channel in picked if channel.gain == 0]
    if uncalibrated:
        notes.append(f"uncalibrated, taken as 200 units per mV as the format says: {', '.join(uncalibrated)}")
    if frame < max(channel.frame for channel in picked):
        notes.append("leads of different sampling frequency: averaged to that of the header")
    return notes


def _samples(
    path: Path,
    record: _Header,
    kept: tuple[int, ...],
    picked: list[_Channel],
    units: tuple[str | None, ...],
    frame: int,
) -> Samples:
    """The samples, left on disk unless the header does not say how many there are."""
    if record.sig_len is None:
        return ArraySamples(_scaled(_read_signal(path, (0, None), kept, frame), units, path))
    if record.sig_len == 0:
        raise UnreadableFileError(f"{path}: the header announces 0 samples: pass the record it is a part of")
    _read_signal(path, (record.sig_len - 1, record.sig_len), kept, frame)
    shape = (len(kept), record.sig_len * frame)
    return WfdbSamples(path, shape, kept, units, frame, any(channel.coding == "8" for channel in picked))


def _scaled(signal: NDArray[np.float64], units: tuple[str | None, ...], path: Path) -> Signal:
    scaled = np.full(signal.shape, np.nan, np.float32)
    for row, unit in enumerate(units):
        if unit is not None:
            scaled[row] = to_millivolts(signal[row], unit, str(path))
    return scaled


def _package() -> ModuleType:
    """The wfdb package; importing it takes 0.7 s, and with pandas 3 warns of pandas 4."""
    with quiet() if "wfdb" not in sys.modules else nullcontext():
        import wfdb
    package: ModuleType = wfdb
    return package


def _read_header(path: Path) -> _Header:
    wfdb = _package()
    try:
        header: _Header = wfdb.rdheader(str(path)[: -len(".hea")])
    except FileNotFoundError as error:
        raise UnreadableFileError(f"{path}: no such header: put it beside the other files of the record") from error
    except WFDB_ERRORS as error:
        raise UnreadableFileError(f"{path}: not a WFDB header ({one_line(error)}): fetch it again") from error
    return header


def _read_signal(
    path: Path, span: tuple[int, int | None], channels: tuple[int, ...], frame: int
) -> NDArray[np.float64]:
    """Frames of some channels, (leads, frames x frame), in the units of the header."""
    wfdb = _package()
    try:
        with np.errstate(all="ignore"):
            record = wfdb.rdrecord(
                str(path)[: -len(".hea")],
                sampfrom=span[0],
                sampto=span[1],
                channels=list(channels),
                smooth_frames=frame == 1,
            )
            signal: NDArray[np.float64] = record.p_signal.T if frame == 1 else np.stack(record.e_p_signal)
    except FileNotFoundError as error:
        missing = Path(error.filename or "").name
        raise UnreadableFileError(f"{path}: its file {missing} is missing: put it beside the header") from error
    except WFDB_ERRORS as error:
        raise UnreadableFileError(
            f"{path}: its signal files are damaged or shorter than the header says ({one_line(error)}): "
            "fetch them again"
        ) from error
    return signal
