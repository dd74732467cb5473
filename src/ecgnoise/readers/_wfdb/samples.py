"""Where the samples of a WFDB record lie: which signals of which files, one segment after the other."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.channel_names import voltage_unit
from ecgnoise.readers._shared.channels import Leads
from ecgnoise.readers._wfdb.header import DEFAULT_GAIN, DEFAULT_UNITS, NULL, SHOWN, SignalLine, WfdbHeader, beside
from ecgnoise.readers._wfdb.signals import SignalFile, signal_file, with_sums
from ecgnoise.recording import MILLIVOLTS_PER
from ecgnoise.samples import Signal


@dataclass(frozen=True)
class Placed:
    """A lead as the record describes it, and the unit that its samples have."""

    line: SignalLine
    unit: str


@dataclass(frozen=True)
class Row:
    """Where a lead lies: column of a frame of which file, samples a frame, frames that it lags, and its scale.

    factor: the unit of its segment in that of the record.
    """

    file: int
    place: int
    width: int
    skew: int
    gain: float
    baseline: float
    factor: float


@dataclass(frozen=True)
class Piece:
    """A segment. start: its first frame in the record. rows: of each lead; None where it is missing."""

    start: int
    frames: int
    files: tuple[SignalFile, ...]
    rows: tuple[Row | None, ...]

    def read(self, begin: int, end: int, frame: int) -> NDArray[np.float64]:
        """Frames begin..end-1 of the segment, (leads, frames x frame), in the units of the record."""
        signal = np.full((len(self.rows), (end - begin) * frame), np.nan)
        for number, file in enumerate(self.files):
            inside = [(at, row) for at, row in enumerate(self.rows) if row is not None and row.file == number]
            first = min(file.frames, begin + min(row.skew for _, row in inside))
            last = min(file.frames, end + max(row.skew for _, row in inside))
            block = file.read(first, last)
            for at, row in inside:
                low, high = begin + row.skew, min(end + row.skew, file.frames)
                if low < high:
                    part = block[low - first : high - first, row.place : row.place + row.width]
                    signal[at, : (high - low) * frame] = _physical(part, row, file, frame)
        return signal


@dataclass(frozen=True)
class WfdbSamples:
    """Samples of some leads of a record on disk. frame: samples a frame; 1 where frames are averaged."""

    path: Path
    leads: Leads
    shape: tuple[int, int]
    frame: int
    pieces: tuple[Piece, ...]

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads in mV; UnreadableFileError where a signal file is damaged."""
        if stop <= start:
            return np.empty((self.shape[0], 0), np.float32)
        first, last = start // self.frame, -(-stop // self.frame)
        signal = np.full((self.shape[0], (last - first) * self.frame), np.nan)
        low = max(bisect_right(self.pieces, first, key=lambda piece: piece.start) - 1, 0)
        high = bisect_left(self.pieces, last, key=lambda piece: piece.start)
        for piece in self.pieces[low:high]:
            begin, end = max(first, piece.start), min(last, piece.start + piece.frames)
            if begin < end:
                to = slice((begin - first) * self.frame, (end - first) * self.frame)
                signal[:, to] = piece.read(begin - piece.start, end - piece.start, self.frame)
        offset = first * self.frame
        return self.leads.scaled(signal[:, start - offset : stop - offset], self.path)


def pieces_of(
    header: WfdbHeader,
    segments: Sequence[WfdbHeader | None],
    rows: Sequence[int],
    placed: Sequence[Placed],
    frame: int,
) -> tuple[tuple[Piece, ...], int, list[str]]:
    """The segments with their leads, the frames of the record, and notes on what is not as announced.

    rows: the leads by their number in the record. UnreadableFileError where a file is missing, or none has a sample.
    """
    lengths = [segment.frames for segment in header.segments] or [header.frames]
    pieces, start, notes = list[Piece](), 0, list[str]()
    for number, (segment, frames) in enumerate(zip(segments, lengths, strict=True)):
        if header.variable and number == 0:
            continue
        if segment is not None and (frames or not header.segments):
            lines, odd = _lines(header, segment, rows, placed)
            piece, more = _piece(segment, lines, placed, frames, frame)
            notes += odd + more
            frames = piece.frames if not header.segments else frames  # noqa: PLW2901
            pieces.append(replace(piece, start=start, frames=frames))
        start += frames
    if start == 0:
        raise UnreadableFileError(f"{header.path}: no whole sample in its signal files: fetch them again")
    absent = sum(frames for segment, frames in zip(segments, lengths, strict=True) if segment is None)
    if absent:
        many = sum(segment is None for segment in segments)
        notes.insert(0, f"{many} segments do not exist: {absent} of {start} samples are missing")
    several = notes[:SHOWN] + ([f"{len(notes) - SHOWN} more segments are not as announced"] if notes[SHOWN:] else [])
    return tuple(pieces), start, several


def _lines(
    header: WfdbHeader, segment: WfdbHeader, rows: Sequence[int], placed: Sequence[Placed]
) -> tuple[list[int | None], list[str]]:
    """Which signal of a segment each lead is, and notes: in variable layout by its name, else by its number."""
    if not header.variable:
        if segment.count != header.count:
            raise UnreadableFileError(
                f"{segment.path}: {segment.count} signals, {header.count} announced by {header.path.name}: fetch the "
                "header again"
            )
        other = [
            f"{lead.line.name} is called {segment.signals[row].name} in {segment.path.stem}"
            for row, lead in zip(rows, placed, strict=True)
            if segment.signals[row].name and segment.signals[row].name != lead.line.name
        ]
        return list(rows), other
    named: dict[str, list[int]] = {}
    for at, line in enumerate(segment.signals):
        named.setdefault(line.name, []).append(at)
    found: list[int | None] = []
    for lead in placed:
        same = named.get(lead.line.name, [])
        found.append(same.pop(0) if same else None)
    return found, []


def _piece(
    segment: WfdbHeader, lines: Sequence[int | None], placed: Sequence[Placed], frames: int, frame: int
) -> tuple[Piece, list[str]]:
    """A segment of so many frames, 0 where they are those of its files, and notes."""
    files, rows, notes = dict[str, SignalFile](), list[Row | None](), list[str]()
    places = _places(segment)
    for at, lead in zip(lines, placed, strict=True):
        line = None if at is None else segment.signals[at]
        if at is None or line is None or line.coding == 0 or line.file == NULL:
            rows.append(None)
            continue
        row, what = _row(line, lead, frame)
        if what and line is not lead.line:
            notes.append(f"{line.name} is {what} in {segment.path.stem}: missing there")
        elif row is not None and line.gain is None and lead.line.gain is not None:
            notes.append(f"{line.name} is uncalibrated in {segment.path.stem}: taken as 200 units per {lead.unit}")
        if row is not None and line.file not in files:
            files[line.file] = _file(segment, line)
        rows.append(row and replace(row, file=list(files).index(line.file), place=places[at]))
    known = max((file.frames for file in files.values()), default=frames)
    wanted = frames or known
    notes += [
        f"cut short: {wanted} samples announced by the header, {file.frames} are in {file.path.name} and read"
        for file in files.values()
        if file.frames < wanted
    ]
    limited = (replace(file, frames=min(file.frames, wanted)) for file in files.values())
    return Piece(0, min(wanted, known), tuple(with_sums(file) for file in limited), tuple(rows)), notes


def _row(line: SignalLine, lead: Placed, frame: int) -> tuple[Row | None, str]:
    """How the samples of a lead are read in a segment; None, and why, where they cannot be."""
    factor, gain = _factor(line, lead), DEFAULT_GAIN if line.gain is None else line.gain
    if factor is None:
        return None, f"in {line.unit!a}"
    if not isfinite(gain):
        return None, "without a gain"
    if frame not in {1, line.frame}:
        return None, "of another sampling frequency"
    return Row(0, 0, line.frame, line.skew, gain, line.baseline if isfinite(line.baseline) else 0.0, factor), ""


def _places(segment: WfdbHeader) -> list[int]:
    """The column of a frame of its file at which each signal begins."""
    widths: dict[str, int] = {}
    places = []
    for line in segment.signals:
        places.append(widths.get(line.file, 0))
        widths[line.file] = places[-1] + (line.frame if line.coding else 0)
    return places


def _file(segment: WfdbHeader, line: SignalLine) -> SignalFile:
    """The file of a signal with all signals in it; UnreadableFileError where it is missing or they contradict."""
    together = [other for other in segment.signals if other.file == line.file and other.coding]
    if len({(other.coding, other.offset) for other in together}) > 1:
        raise UnreadableFileError(f"{segment.path}: signals of different formats in {line.file}: mend the header")
    place = beside(segment.path, line.file)
    if place is None:
        raise UnreadableFileError(f"{segment.path}: its file {line.file} is missing: put it beside the header")
    widths, firsts = tuple(other.frame for other in together), tuple(other.first for other in together)
    return signal_file(segment.path, place, (line.coding, line.offset), widths, firsts)


def _factor(line: SignalLine, lead: Placed) -> float | None:
    """The unit of a signal of a segment in that of the lead; None where nobody knows."""
    if line.unit == lead.line.unit:
        return 1.0
    here, there = voltage_unit(line.unit or DEFAULT_UNITS), voltage_unit(lead.unit or DEFAULT_UNITS)
    return None if here is None or there is None else MILLIVOLTS_PER[here] / MILLIVOLTS_PER[there]


def _physical(part: NDArray[np.int64], row: Row, file: SignalFile, frame: int) -> NDArray[np.float64]:
    """(frames, samples a frame) counts as one signal, NaN where a sample is missing."""
    missing = file.missing(part)
    values: NDArray[np.float64] = (part.astype(np.float64) - row.baseline) / row.gain
    values[missing] = np.nan
    values = values.mean(axis=1) if frame == 1 and row.width > 1 else values.reshape(-1)
    return values if row.factor == 1 else values * row.factor
