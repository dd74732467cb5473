"""The headers of WFDB records, after header(5) of the WFDB Applications Guide.

They are read here and not by the wfdb package, which takes what it can parse from the beginning of each field and skips
the rest without a word: uV with a Greek letter becomes V, a gain of NaN 200, a record name with a dot another name.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite, nan
from pathlib import Path
from typing import Final

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.channel_names import printable

LARGEST_HEADER: Final = 1 << 25  # bytes; a million segments
DEFAULT_UNITS: Final = "mV"  # of the format (header(5)), where a signal line states none
SHOWN: Final = 5  # of many alike, as a note names them
DEFAULT_GAIN: Final = 200.0  # units per physical unit, where a header gives 0 or none
NULL: Final = "~"  # what a segment or signal file is called that does not exist
UTF_16: Final = frozenset({b"\xff\xfe", b"\xfe\xff"})  # as text in it begins
LONGEST_LINE: Final = 1000  # letters of a record line

RECORD_LINE: Final = re.compile(r"(?P<name>\S.*?)(?:/(?P<segments>\d+))?[ \t]+(?P<signals>\d+)(?P<rest>[ \t]+\S.*)?")
RECORD_REST: Final = re.compile(r"(?:/(?P<segments>\d+))?[ \t]+(?P<signals>\d+)(?P<rest>[ \t]+\S.*)?")
FORMAT: Final = re.compile(r"[ \t]+(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?(?=[ \t]|$)")
GAIN: Final = re.compile(r"(?P<gain>[^\s(/]*)(?:[ \t]*\((?P<baseline>[^)\s]*)\))?(?:/(?P<unit>\S*))?")
SEGMENT_LINE: Final = re.compile(r"(\S.*?)[ \t]+(\d+)(?:[ \t].*)?")
CLOCK: Final = re.compile(r"(?:(?:(\d{1,2}):)?(\d{1,2}):)?(\d{1,2}(?:\.\d*)?)")
DAY: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


@dataclass(frozen=True)
class SignalLine:
    """One signal of a header.

    file: its signal file. coding: the format, 0 for a signal that is not there. frame: samples a frame. skew: frames
    by which it lags. offset: bytes before the samples. gain: units per physical unit; None where the line gives none
    or 0, NaN where it gives no number. unit: as the line says it, empty where it does not. first: the value before
    the first difference (format 8).
    """

    file: str
    coding: int
    frame: int
    skew: int
    offset: int
    gain: float | None
    baseline: float
    unit: str
    first: int
    name: str


@dataclass(frozen=True)
class SegmentLine:
    """One segment of a record; frames that it has."""

    name: str
    frames: int


@dataclass(frozen=True)
class WfdbHeader:
    """What a header says.

    sampling_frequency: frames a second as the record line writes it, empty where it does not. frames: 0 where they are
    not stated. segments: of a record of several; it has no signals of its own then.
    """

    path: Path
    count: int
    sampling_frequency: str
    frames: int
    start: datetime | None
    signals: tuple[SignalLine, ...]
    segments: tuple[SegmentLine, ...]
    notes: tuple[str, ...]

    @property
    def variable(self) -> bool:
        """Whether the first segment only describes the signals, which need not all be in each of the others."""
        return len(self.segments) > 1 and self.segments[0].frames == 0 and self.segments[0].name != NULL


def header_lines(content: bytes) -> list[str]:
    """The lines of a header that are neither empty nor comments; of text in UTF-8, with a mark or not, or Latin-1."""
    if content[:2] in UTF_16:
        text = content.decode("utf-16", errors="replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
    stripped = (line.strip(" \t\0\x1a") for line in re.split(r"[\r\n]+", text))
    return [line for line in stripped if line and not line.startswith("#")]


def is_header(head: bytes) -> bool:
    """Whether a file may be a header that begins with these bytes: a line with a name and a number of signals."""
    if b"\0" in head.rstrip(b"\0") and head[:2] not in UTF_16:
        return False
    lines = header_lines(head)
    line = lines[0].replace("\t", " ") if lines else ""
    return len(line) < LONGEST_LINE and line.isprintable() and RECORD_LINE.fullmatch(line) is not None


def parse_header(content: bytes, path: Path) -> WfdbHeader:
    """The header in a file of this content; UnreadableFileError where it is none, or contradicts itself."""
    lines = header_lines(content)
    found = _record_line(lines, path.stem) if lines else None
    if found is None:
        shown = ascii(printable(lines[0])[:60]) if lines else "no line"
        raise UnreadableFileError(
            f"{path}: not a WFDB header ({shown} is no record name with a number of signals): fetch it again"
        )
    count, fields = int(found["signals"][:12]), (found["rest"] or "").split()
    frames, notes = _frames(fields[1] if len(fields) > 1 else "")
    start, odd = _start(fields[2:])
    notes += odd
    signals: tuple[SignalLine, ...] = ()
    segments: tuple[SegmentLine, ...] = ()
    if found["segments"] is not None:
        segments, more = _segments(lines[1:], int(found["segments"][:12]), frames, path)
        notes += more
    elif len(lines) - 1 != count:
        raise UnreadableFileError(
            f"{path}: {len(lines) - 1} signal lines, {count} signals announced: fetch the header again"
        )
    else:
        signals = tuple(_signal(line, path) for line in lines[1:])
    return WfdbHeader(path, count, fields[0] if fields else "", frames, start, signals, segments, tuple(notes))


def segment_names(content: bytes, path: Path) -> list[str]:
    """What the segments of a header are called, without reading more of it; none where it is no record of several."""
    lines = header_lines(content)
    found = _record_line(lines, path.stem) if lines else None
    if found is None or found["segments"] is None:
        return []
    segments = (SEGMENT_LINE.fullmatch(line) for line in lines[1:])
    return [line[1] for line in segments if line is not None and line[1] != NULL]


def plain_number(text: str) -> float:
    """The number that a field is, which may have a decimal comma; NaN where it is none."""
    try:
        return float(text.replace(",", ".")) if text.count(",") == 1 and "." not in text else float(text)
    except ValueError:
        return nan


def _record_line(lines: list[str], stem: str) -> re.Match[str] | None:
    """The fields of the record line, the first; of a name with blanks and numbers the end is found in two ways.

    It is the name of the file, or is followed by as many signals as there are lines.
    """
    line = lines[0]
    if line.casefold().startswith(stem.casefold()):
        known = RECORD_REST.fullmatch(line[len(stem) :])
        if known is not None:
            return known
    ends = (found.start() for found in list(re.finditer(r"[ \t]+\d+(?=[ \t]|$)", line))[:8])
    possible = (RECORD_REST.fullmatch(line[end:]) for end in ends if end)
    fitting = (
        found
        for found in possible
        if found is not None
        and int(found["signals"][:12]) == len(lines) - 1
        and re.fullmatch(r"([ \t]+[\d.+-].*)?", found["rest"] or "")
    )
    return next(fitting, None) or RECORD_LINE.fullmatch(line)


def _frames(text: str) -> tuple[int, list[str]]:
    """The number of samples a signal, 0 where it is not stated, and a note where it is none."""
    value = plain_number(text) if text else 0.0
    if isfinite(value) and value >= 0 and value == int(value):
        return int(value), []
    return 0, [f"the header gives {text[:20]!a} samples: as many as its signal files have"]


def _start(fields: list[str]) -> tuple[datetime | None, list[str]]:
    """When the record began, and a note where the header gives a date or time that is none.

    A time alone is no start. Years have four digits: 1/2/199 is cut off.
    """
    if len(fields) < 2 and (not fields or CLOCK.fullmatch(fields[0])):
        return None, []
    clock = CLOCK.fullmatch(fields[0])
    day = DAY.fullmatch(fields[1]) if len(fields) > 1 else None
    try:
        if clock is None or day is None:
            raise ValueError(fields)
        hours, minutes, seconds = int(clock[1] or 0), int(clock[2] or 0), float(clock[3])
        if hours > 23 or minutes > 59 or seconds >= 60:
            raise ValueError(fields)
        start = datetime(int(day[3]), int(day[2]), int(day[1]), hours, minutes) + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return None, [f"start not known: the header has {' '.join(fields)[:40]!a} for time and date"]
    return start, []


def _signal(line: str, path: Path) -> SignalLine:
    """A signal line: FILE FORMATxFRAME:SKEW+OFFSET GAIN(BASELINE)/UNIT BITS ZERO FIRST CHECKSUM BLOCK NAME."""
    found = _format(line, path)
    if found is None:
        raise UnreadableFileError(
            f"{path}: the signal line {printable(line)[:60]!a} has no format: fetch the header again"
        )
    coding, frame, skew, offset = (int((field or "0")[:12]) for field in found.groups())
    rest = line[found.end() :].strip()
    gain = GAIN.match(rest)
    if gain is None:  # no line: every part of the pattern may be absent
        raise UnreadableFileError(f"{path}: the signal line {printable(line)[:60]!a} cannot be read: fetch it again")
    fields = rest[gain.end() :].split(maxsplit=5)
    zero = plain_number(fields[1]) if len(fields) > 1 else 0.0
    baseline = plain_number(gain["baseline"]) if gain["baseline"] else zero
    first = plain_number(fields[2]) if len(fields) > 2 else 0.0
    value = plain_number(gain["gain"]) if gain["gain"] else 0.0
    return SignalLine(
        line[: found.start()].strip(),
        coding,
        frame or 1,
        skew,
        offset,
        value if value else None,
        baseline,
        gain["unit"] or "",
        int(first) if isfinite(first) else 0,
        printable(fields[5]) if len(fields) > 5 else "",
    )


def _format(line: str, path: Path) -> re.Match[str] | None:
    """Where the format is: the first number after a name, or, of a name with blanks, that after a file that exists."""
    candidates = list(FORMAT.finditer(line))[:8]
    if len(candidates) > 1 and candidates[0].start():
        for found in candidates:
            name = line[: found.start()].strip()
            if " " in name and beside(path, name) is not None:
                return found
    return next((found for found in candidates if found.start()), None)


def _segments(lines: list[str], announced: int, frames: int, path: Path) -> tuple[tuple[SegmentLine, ...], list[str]]:
    """The segments, and a note where there are more or fewer than announced."""
    found = [SEGMENT_LINE.fullmatch(line) for line in lines]
    segments = [SegmentLine(line[1], int(line[2][:15])) for line in found if line is not None]
    if len(segments) < len(lines) or not segments:
        at = found.index(None) if None in found else -1
        shown = printable(lines[at])[:60] if lines else ""
        raise UnreadableFileError(f"{path}: {shown!a} is no segment with its number of samples: fetch it again")
    notes = []
    if announced != len(segments):
        if announced < len(segments) and sum(segment.frames for segment in segments[:announced]) == frames:
            segments = segments[:announced]
        notes.append(f"{announced} segments announced by the header, {len(lines)} listed: {len(segments)} are read")
    total = sum(segment.frames for segment in segments)
    if frames not in {0, total}:
        notes.append(f"{frames} samples announced by the header, its segments have {total}: those are read")
    return tuple(segments), notes


def beside(header: Path, name: str) -> Path | None:
    """The file of this name in the folder of a header, in capitals or small letters; None where there is none.

    A path that leads out of the folder is none.
    """
    relative = Path(name.replace("\\", "/"))
    if not name or relative.is_absolute() or ".." in relative.parts or "\0" in name:
        return None
    place = header.parent / relative
    try:
        if place.exists():
            return place
        wanted = relative.name.casefold()
        same = (file for file in sorted(place.parent.iterdir()) if file.name.casefold() == wanted)
        return next(same, None)
    except OSError:
        return None
