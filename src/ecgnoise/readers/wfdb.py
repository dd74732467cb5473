"""WFDB records (PhysioNet): a ``.hea`` header with signal files, single or of several segments.

Samples stay in their files until a window is asked for. Where a segment, or a signal of one, is not there, samples are
missing. What differs between header and files is told in a note, and what is there is read.

Leads that all have the same number of samples a frame keep them. Where they differ, each frame is averaged, unless
frames are too few a second to be scored: then the leads are read that have the most common number.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Final

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.base import (
    FREQUENCY_TOLERANCE,
    HEAD_BYTES,
    ReadOptions,
    distinct_names,
    is_file,
    open_file,
)
from ecgnoise.readers._shared.channel_names import lead_name
from ecgnoise.readers._shared.channels import Channel, ecg_channels, leads_of, wanted_rows
from ecgnoise.readers._wfdb.header import (
    DEFAULT_UNITS,
    LARGEST_HEADER,
    NULL,
    SHOWN,
    SignalLine,
    WfdbHeader,
    beside,
    is_header,
    parse_header,
    plain_number,
    segment_names,
)
from ecgnoise.readers._wfdb.samples import Placed, WfdbSamples, pieces_of
from ecgnoise.readers._wfdb.signals import opened
from ecgnoise.recording import SAMPLING_FREQUENCY_LIMITS, Recording

DEFAULT_FREQUENCY: Final = 250.0  # of the format (header(5)), where the record line ends before it
HEADER_SUFFIXES: Final = (".hea", ".HEA")


@dataclass(frozen=True)
class WfdbReader:
    """A record, single or of several segments."""

    name: str = "WFDB (.hea)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the suffix ``.hea`` and the first line that is not a comment: a name and a number of signals."""
        return path.suffix.lower() == ".hea" and is_header(head)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every ``.hea``, damaged ones too."""
        del head
        return path.suffix.lower() == ".hea"

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The ECG channels of the record; the others are named in the notes."""
        header = _load(path, path)
        segments = _segments(header)
        described = _described(header, segments)
        known = [row for row in range(len(described)) if _is_there(row, header, segments)]
        if not known:
            of_segments = "no segment of it has samples: pass another record"
            alone = "the header names no signal file: pass the record that it is a part of"
            raise UnreadableFileError(f"{path}: {of_segments if header.segments else alone}")
        lines = [described[row] for row in known]
        sampling_frequency, notes = _sampling_frequency(header, options)
        channels, frame, more = _channels(lines, sampling_frequency, options, path)
        leads = leads_of(channels, options, path)
        rows = tuple(known[row] for row in leads.rows)
        frame = frame or described[rows[0]].frame
        placed = [Placed(described[row], channels[at].unit) for row, at in zip(rows, leads.rows, strict=True)]
        pieces, length, odd = pieces_of(header, segments, rows, placed, frame)
        absent = [described[row].name for row in range(len(described)) if row not in known]
        empty = [f"left out, without samples: {_listed(absent)}"] if absent else []
        return Recording(
            WfdbSamples(path, leads, (len(rows), length * frame), frame, pieces),
            leads.sampling_frequency,
            leads.names,
            leads.recording_units,
            header.start,
            str(path),
            leads.faults,
            (*header.notes, *notes, *leads.notes, *empty, *more, *odd),
        )


def record_header(path: Path) -> Path | None:
    """The ``.hea`` of a path: itself, a record without suffix, a signal file that it names; None for other paths."""
    if path.suffix.lower() == ".hea" and is_file(path):
        return path
    if not is_file(path):
        named = (path.with_name(f"{path.name}{suffix}") for suffix in HEADER_SUFFIXES if path.name)
        return next((header for header in named if is_file(header)), None)
    header = next((header for header in map(path.with_suffix, HEADER_SUFFIXES) if is_file(header)), None)
    return header if header is not None and _names(header, path) else None


def segment_headers(path: Path, head: bytes) -> set[Path]:
    """The headers of the segments of a multi-segment record, by its beginning; none for other files.

    A segment is no record of several segments, itself least of all.
    """
    if path.suffix.lower() != ".hea" or not segment_names(head, path):
        return set()
    content = head
    if len(head) >= HEAD_BYTES:
        with open_file(path) as file:
            content = file.read(LARGEST_HEADER)
    found = (beside(path, f"{name}.hea") for name in set(segment_names(content, path)))
    return {header for header in found if header is not None and header != path and not _has_segments(header)}


def _has_segments(path: Path) -> bool:
    try:
        with open_file(path) as file:
            return bool(segment_names(file.read(4096), path))
    except UnreadableFileError:
        return False


def _names(header: Path, path: Path) -> bool:
    """Whether a header names a file as one with its signals; of a damaged one, whether the file is called so."""
    try:
        lines = parse_header(_content(header, header), header).signals
    except UnreadableFileError:
        return path.suffix.lower() == ".dat"
    return path.name.casefold() in {Path(line.file).name.casefold() for line in lines}


def _content(path: Path, record: Path) -> bytes:
    with opened(path, record) as file:
        content = file.read(LARGEST_HEADER + 1)
    if len(content) > LARGEST_HEADER:
        raise UnreadableFileError(f"{path}: over {LARGEST_HEADER} bytes, more than a header has: fetch it again")
    return content


def _load(path: Path, record: Path) -> WfdbHeader:
    return parse_header(_content(path, record), path)


def _segments(header: WfdbHeader) -> list[WfdbHeader | None]:
    """The headers of the segments; None for one that does not exist. A single record is its own segment.

    UnreadableFileError where one is missing, has segments itself, or another sampling frequency.
    """
    if not header.segments:
        return [header]
    known: dict[str, WfdbHeader | None] = {NULL: None}
    for segment in header.segments:
        if segment.name not in known:
            place = beside(header.path, f"{segment.name}.hea")
            if place is None:
                raise UnreadableFileError(
                    f"{header.path}: its segment {segment.name}.hea is missing: put it beside the header"
                )
            known[segment.name] = _checked(header, _load(place, header.path))
    return [known[segment.name] for segment in header.segments]


def _checked(header: WfdbHeader, segment: WfdbHeader) -> WfdbHeader:
    if segment.segments:
        raise UnreadableFileError(
            f"{header.path}: its segment {segment.path.stem} is a record of several segments itself: fetch it again"
        )
    whole, part = _stated_sampling_frequency(header), _stated_sampling_frequency(segment)
    if whole is not None and part is not None and abs(whole - part) > FREQUENCY_TOLERANCE * whole:
        raise UnreadableFileError(
            f"{header.path}: {whole:g} Hz, and {part:g} Hz in its segment {segment.path.stem}: mend the header"
        )
    return segment


def _described(header: WfdbHeader, segments: Sequence[WfdbHeader | None]) -> tuple[SignalLine, ...]:
    """The signals of a record, which the first of several segments describes.

    UnreadableFileError where there are not as many as announced.
    """
    first = next((segment for segment in segments if segment is not None), None)
    if first is None:
        raise UnreadableFileError(f"{header.path}: no segment exists: fetch the record again")
    if first.count != header.count:
        raise UnreadableFileError(
            f"{first.path}: {first.count} signals, {header.count} announced by {header.path.name}: fetch the header "
            "again"
        )
    return first.signals


def _is_there(row: int, header: WfdbHeader, segments: Sequence[WfdbHeader | None]) -> bool:
    """Whether a signal has samples in any segment: by its name in variable layout, by its number in others."""
    if not header.variable:
        found = [segment.signals[row] for segment in segments if segment is not None and row < segment.count]
    else:
        name = segments[0].signals[row].name if segments[0] is not None else ""
        found = [
            line for segment in segments[1:] if segment is not None for line in segment.signals if line.name == name
        ]
    return any(line.coding and line.file != NULL for line in found)


def _stated_sampling_frequency(header: WfdbHeader) -> float | None:
    """Frames a second by the record line; None where it ends before them."""
    text = header.sampling_frequency.partition("/")[0].partition("(")[0]
    return plain_number(text) if header.sampling_frequency else None


def _sampling_frequency(header: WfdbHeader, options: ReadOptions) -> tuple[float | None, list[str]]:
    """Frames a second, None where only the caller says how many samples there are, and a note where he does.

    UnreadableFileError where the header gives no number.
    """
    stated, asked = _stated_sampling_frequency(header), options.sampling_frequency
    if stated is None and asked is None:
        return DEFAULT_FREQUENCY, [
            f"no sampling frequency in the header: {DEFAULT_FREQUENCY:g} Hz, the format's default"
        ]
    if stated is not None and isfinite(stated) and (stated > 0 or asked is None):
        return stated, []
    if asked is None:
        raise UnreadableFileError(
            f"{header.path}: sampling frequency {header.sampling_frequency[:20]!a} cannot be read: "
            "write it as a plain number, or pass it (--sampling-frequency)"
        )
    return None, [
        f"the header gives {header.sampling_frequency[:20]!a} Hz: taken as {asked:g} Hz, as stated"
    ] if header.sampling_frequency else []


def _channels(
    lines: Sequence[SignalLine], sampling_frequency: float | None, options: ReadOptions, path: Path
) -> tuple[list[Channel], int, list[str]]:
    """The channels, 1 where their frames are averaged and 0 where they are not, and notes."""
    named = [
        Channel(line.name, line.unit or ("" if options.units else DEFAULT_UNITS), 0.0, _has_gain(line))
        for line in lines
    ]
    rows = ecg_channels(named, options, path)
    if options.lead_names is not None:
        names = dict(zip(rows, distinct_names([lead_name(named[row].name) for row in rows]), strict=True))
        rows = wanted_rows(names, options.lead_names, path, {row: named[row].name for row in rows})
    frames = Counter(lines[row].frame for row in rows)
    common = max(frames, key=lambda frame: (frames[frame], frame))
    asked = options.sampling_frequency or DEFAULT_FREQUENCY
    second = asked / common if sampling_frequency is None else sampling_frequency
    averaged = (
        len(frames) > 1
        and (asked if sampling_frequency is None else sampling_frequency) >= SAMPLING_FREQUENCY_LIMITS[0]
    )
    if averaged and sampling_frequency is None:
        second = asked
    channels = [
        Channel(channel.name, channel.unit, second * (1 if averaged else line.frame), channel.gain)
        for channel, line in zip(named, lines, strict=True)
    ]
    notes = ["leads of different sampling frequency: averaged to that of the header"] if averaged else []
    unstated = [lines[row].name for row in rows if not lines[row].unit]
    if unstated and options.units not in {None, DEFAULT_UNITS}:
        notes.append(f"the header gives no unit: taken as {options.units}, as stated: {_listed(unstated)}")
    uncalibrated = [lines[row].name for row in rows if lines[row].gain is None]
    if uncalibrated:
        unit = next(iter({channels[row].unit or options.units for row in rows if lines[row].gain is None}))
        notes.append(f"uncalibrated, taken as 200 units per {unit} as the format says: {_listed(uncalibrated)}")
    without = [lines[row].name for row in rows if not _has_gain(lines[row])]
    if without:
        notes.append(f"no gain, the header gives no number: {_listed(without)}")
    return channels, int(averaged), notes


def _has_gain(line: SignalLine) -> bool:
    return line.gain is None or isfinite(line.gain)


def _listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    shown = ", ".join(name or "one without a name" for name in names[: 4 * SHOWN])
    return shown if len(names) <= 4 * SHOWN else f"{shown} and {len(names) - 4 * SHOWN} more"
