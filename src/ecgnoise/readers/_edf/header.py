"""The headers of EDF, EDF+, BDF and BDF+ files, read as recorders write them.

Fields are text of fixed width (EDF specification, header record). Many recorders fill them with NUL instead of blanks,
write decimal commas, or were switched off before they knew the number of data records. What a field means beyond doubt
is read so; what differs from the file is told in a note.
"""

import os
import re
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import accumulate
from math import isfinite, nan
from pathlib import Path
from typing import Final

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.base import open_file
from ecgnoise.readers._shared.channel_names import printable

FIXED_BYTES: Final = 256  # of the header record, and again for each signal
RECORDING_AT: Final = slice(88, 168)
DATE_AT, TIME_AT = slice(168, 176), slice(176, 184)
HEADER_BYTES_AT: Final = slice(184, 192)
RESERVED_AT: Final = slice(192, 236)
RECORDS_AT: Final = slice(236, 244)
DURATION_AT: Final = slice(244, 252)
SIGNALS_AT: Final = slice(252, 256)
MOST_SIGNALS: Final = 9999  # of four digits
# Bytes of the fields of a signal: label, transducer, dimension, physical and digital minimum and maximum, filters,
# samples in a data record, reserved.
WIDTHS: Final = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
LABEL, UNIT, PHYSICAL_MINIMUM, PHYSICAL_MAXIMUM, DIGITAL_MINIMUM, DIGITAL_MAXIMUM, COUNT = 0, 2, 3, 4, 5, 6, 8
BDF_VERSION: Final = b"\xffBIOSEMI"
ANNOTATIONS: Final = frozenset({b"EDF Annotations", b"BDF Annotations"})
PADDING: Final = b" \0\t\r\n"
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True)
class EdfSignal:
    """One signal. place: the byte of a data record at which it begins. count: its samples in a data record.

    physical, digital: minimum and maximum; NaN where they are no numbers. annotations: whether it holds texts.
    """

    label: str
    unit: str
    physical: tuple[float, float]
    digital: tuple[float, float]
    count: int
    place: int
    annotations: bool

    @property
    def has_gain(self) -> bool:
        """Whether the four limits say what a count is; the digital ones must rise (EDF specification, note 5)."""
        (low, high), (first, last) = self.physical, self.digital
        return all(map(isfinite, (low, high, first, last))) and low != high and first < last

    @property
    def scale(self) -> tuple[float, float]:
        """What a count is in the unit of the signal, and what a count of 0 is there; NaN without a gain."""
        if not self.has_gain:
            return nan, nan
        gain = (self.physical[1] - self.physical[0]) / (self.digital[1] - self.digital[0])
        return gain, self.physical[0] - gain * self.digital[0]


@dataclass(frozen=True)
class EdfHeader:
    """What a header says, and the file: ``records`` are the whole data records that are there.

    duration: of a data record in s, 0 where the header does not say it. interrupted: whether data records need not
    follow each other (EDF+D). start: of the recording, to the second.
    """

    signals: tuple[EdfSignal, ...]
    bytes: int
    sample_bytes: int
    records: int
    duration: float
    interrupted: bool
    start: datetime | None
    notes: tuple[str, ...]

    @property
    def record_bytes(self) -> int:
        """Bytes of a data record."""
        return sum(signal.count for signal in self.signals) * self.sample_bytes

    def sampling_frequency(self, signal: EdfSignal) -> float:
        """Samples a second; 0 where the header does not say.

        Durations have few digits: 100 samples in 0.333333 s are 300 Hz.
        """
        if not self.duration:
            return 0.0
        sampling_frequency = signal.count / self.duration
        return (
            float(round(sampling_frequency))
            if abs(sampling_frequency - round(sampling_frequency)) < 2e-6 * sampling_frequency
            else sampling_frequency
        )


def is_edf(head: bytes) -> bool:
    """Whether a file that begins with these bytes is EDF or BDF.

    The first field of EDF is a plain 0, so that the number of signals, and the date or the header's length, are looked
    at too.
    """
    if head.startswith(BDF_VERSION):
        return True
    if len(head) < FIXED_BYTES or head[:8].strip(PADDING) != b"0" or not _whole(head[SIGNALS_AT]):
        return False
    dated = re.fullmatch(rb"\d\d[.:/-]\d\d[.:/-]\d\d", head[DATE_AT].strip(PADDING))
    return dated is not None or _whole(head[HEADER_BYTES_AT]) is not None


def annotations_alone(head: bytes) -> bool:
    """Whether all signals of an EDF+ or BDF+ file that begins with these bytes are annotations."""
    count = _whole(head[SIGNALS_AT]) if is_edf(head) else None
    if not count or count < 0:
        return False
    fields = head[FIXED_BYTES : FIXED_BYTES + count * WIDTHS[LABEL]]
    labels = {_text(fields[at : at + WIDTHS[LABEL]]) for at in range(0, len(fields), WIDTHS[LABEL])}
    return len(fields) == count * WIDTHS[LABEL] and labels <= ANNOTATIONS


def read_header(path: Path) -> EdfHeader:
    """The header; UnreadableFileError where it is cut off or damaged, or no whole data record follows it."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        fixed = file.read(FIXED_BYTES)
        count = _whole(fixed[SIGNALS_AT])
        if count is None or not 0 < count <= MOST_SIGNALS:
            raise UnreadableFileError(
                f"{path}: the header announces {_shown(fixed[SIGNALS_AT])} signals: fetch it again"
            )
        file.seek(0)
        content = file.read(FIXED_BYTES * (count + 1))
    if len(content) < FIXED_BYTES * (count + 1):
        raise UnreadableFileError(
            f"{path}: ends within its header of {FIXED_BYTES * (count + 1)} bytes: fetch it again"
        )
    sample_bytes = 3 if content.startswith(BDF_VERSION) else 2
    signals = _signals(content, sample_bytes, path)
    record_bytes = sum(signal.count for signal in signals) * sample_bytes
    header_bytes, notes = _header_bytes(content, size, record_bytes)
    records, more = _records(fixed, size - header_bytes, record_bytes, path)
    start, odd = _start(fixed)
    duration = number(fixed[DURATION_AT])
    return EdfHeader(
        signals,
        header_bytes,
        sample_bytes,
        records,
        duration if isfinite(duration) and duration > 0 else 0.0,
        fixed[RESERVED_AT].strip(PADDING)[3:5] == b"+D",
        start,
        (*notes, *more, *odd),
    )


def number(field: bytes) -> float:
    """The number in a field, which may have a decimal comma; NaN where there is none."""
    text = _text(field).replace(b" ", b"")
    try:
        return float(text.replace(b",", b"." if text.count(b",") == 1 and b"." not in text else b""))
    except ValueError:
        return nan


def _text(field: bytes) -> bytes:
    """A field without what fills it up, and without what follows a NUL."""
    return field.strip(PADDING).split(b"\0")[0].rstrip(PADDING)


def _whole(field: bytes) -> int | None:
    value = number(field)
    return int(value) if isfinite(value) and value == int(value) else None


def _shown(field: bytes) -> str:
    return ascii(_text(field).decode("latin-1"))


def _fields(header: bytes, field: int) -> list[bytes]:
    """One field of all signals, by its number in WIDTHS."""
    count = len(header) // FIXED_BYTES - 1
    start, width = FIXED_BYTES + count * sum(WIDTHS[:field]), WIDTHS[field]
    return [header[at : at + width] for at in range(start, start + count * width, width)]


def _signals(content: bytes, sample_bytes: int, path: Path) -> tuple[EdfSignal, ...]:
    """The signals; UnreadableFileError where one says no number of samples."""
    counts = []
    for field in _fields(content, COUNT):
        count = _whole(field)
        if count is None or count < 0:
            raise UnreadableFileError(f"{path}: a signal with {_shown(field)} samples in a data record: fetch it again")
        counts.append(count)
    if not any(counts):
        raise UnreadableFileError(f"{path}: no signal has samples: fetch it again")
    numbers = {at: list(map(number, _fields(content, at))) for at in range(PHYSICAL_MINIMUM, DIGITAL_MAXIMUM + 1)}
    physical = zip(numbers[PHYSICAL_MINIMUM], numbers[PHYSICAL_MAXIMUM], strict=True)
    digital = zip(numbers[DIGITAL_MINIMUM], numbers[DIGITAL_MAXIMUM], strict=True)
    places = accumulate((count * sample_bytes for count in counts), initial=0)
    labels = list(map(_text, _fields(content, LABEL)))
    units = [_text(field).decode("latin-1") for field in _fields(content, UNIT)]
    names = [printable(_decoded(label)) for label in labels]
    texts = [label in ANNOTATIONS for label in labels]
    rows = zip(names, units, physical, digital, counts, places, texts, strict=False)
    return tuple(EdfSignal(*row) for row in rows)


def _decoded(label: bytes) -> str:
    try:
        return label.decode("utf-8")
    except UnicodeDecodeError:
        return label.decode("latin-1")


def _header_bytes(content: bytes, size: int, record_bytes: int) -> tuple[int, list[str]]:
    """How long the header is, and a note where it says something else.

    It has 256 bytes, and as many for each signal. Where it claims more and the data records that it announces lie
    exactly behind that, it is right.
    """
    stated, announced = _whole(content[HEADER_BYTES_AT]), _whole(content[RECORDS_AT])
    if stated == len(content):
        return stated, []
    if stated is not None and announced is not None and stated > len(content):
        fits = size - stated == announced * record_bytes != size - len(content)
        if fits:
            return stated, []
    return len(content), [
        f"the header says that it has {_shown(content[HEADER_BYTES_AT])} bytes: "
        f"{len(content)} of {len(content) // FIXED_BYTES - 1} signals taken"
    ]


def _records(fixed: bytes, data_bytes: int, record_bytes: int, path: Path) -> tuple[int, list[str]]:
    """The whole data records that are there, and a note where as many are not announced.

    -1 stands for a recording that goes on. UnreadableFileError where there is none.
    """
    announced, present = _whole(fixed[RECORDS_AT]), max(data_bytes, 0) // record_bytes
    if present == 0:
        raise UnreadableFileError(
            f"{path}: no whole data record is there, {_shown(fixed[RECORDS_AT])} announced by the header: fetch the "
            "whole file"
        )
    if announced in {-1, present}:
        return present, []
    what = "cut short" if announced is not None and announced > present else "not closed properly"
    shown = _shown(fixed[RECORDS_AT]) if announced is None else announced
    return present, [f"{what}: {shown} data records announced by the header, {present} are there and read"]


def _start(fixed: bytes) -> tuple[datetime | None, list[str]]:
    """When the recording began, and a note where the header's date or time is none.

    EDF+ writes the date with four digits of the year, or an X where it was left out on purpose.
    """
    words = _text(fixed[RECORDING_AT]).decode("latin-1").split()
    plus = words[1] if len(words) > 1 and words[0] == "Startdate" else ""
    if plus == "X":
        return None, []
    day, clock = _text(fixed[DATE_AT]).decode("latin-1"), _text(fixed[TIME_AT]).decode("latin-1")
    try:
        return datetime.combine(_long_date(plus) or _short_date(day), time(*_three(clock))), []
    except ValueError:
        return None, [f"start not known: the header has the date {day!a} and the time {clock!a}"]


def _long_date(text: str) -> date | None:
    """``24-NOV-2021`` of EDF+."""
    found = re.fullmatch(r"(\d{1,2})-([A-Z]{3})-(\d{4})", text.upper())
    if found is None or found[2] not in MONTHS:
        return None
    try:
        return date(int(found[3]), MONTHS.index(found[2]) + 1, int(found[1]))
    except ValueError:
        return None


def _short_date(text: str) -> date:
    """``24.11.21``: years from 1985 to 2084. ValueError where it is none."""
    day, month, year = _three(text)
    return date(year + (1900 if year >= 85 else 2000), month, day)


def _three(text: str) -> tuple[int, int, int]:
    found = re.fullmatch(r"(\d{1,2})[.:/-](\d{1,2})[.:/-](\d{1,2})", text)
    if found is None:
        raise ValueError(text)
    return int(found[1]), int(found[2]), int(found[3])
