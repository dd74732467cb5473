"""The ECGs of an Apple Watch as its Health export has them: ``ecg_*.csv``, one lead of 30 s.

Lines of a name and a value come first, in the language of the phone: one has the rate in hertz, and of those after it
one has the unit. Then comes one sample a line, with a decimal point or comma. A mark that stands before groups of three
figures, beside the other one or beside other samples without it, is one of thousands.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.base import ReadOptions
from ecgnoise.readers._shared.channel_names import voltage_unit
from ecgnoise.readers._shared.channels import Channel, leads_of
from ecgnoise.readers._shared.text import text_encoding, text_lines
from ecgnoise.recording import Recording
from ecgnoise.samples import ArraySamples

HEADER_LINES: Final = 30
HEADER_BYTES: Final = 1 << 12
HERTZ: Final = (
    "hertz",
    "hz",
    "\u8d6b\u5179",  # Chinese
    "\u8d6b\u8332",
    "\u30d8\u30eb\u30c4",  # Japanese
    "\ud5e4\ub974\uce20",  # Korean
    "\u0433\u0446",  # Cyrillic
    "\u0433\u0435\u0440\u0446",
)
RATE: Final = re.compile(r'[^,;]+[,;]\s*"?(?P<rate>-?[\w.,+-]+?)\s*(?:' + "|".join(HERTZ) + r')"?\s*', re.IGNORECASE)
NAMED: Final = re.compile(r'(?P<name>[^,;"]+)[,;]\s*"?(?P<value>.*?)"?\s*')
SAMPLE: Final = re.compile(
    r'\s*"?[+\u2212-]?(?:\d+|\d{1,3}(?:[.,\u00a0\u202f\'\u2019]\d{3})+)(?:[.,]\d*)?(?:e[+-]?\d+)?"?\s*', re.IGNORECASE
)
GROUPED: Final = re.compile(r"[+-]?[1-9]\d{0,2}(?:[.,]\d{3})+")
DATE: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?: [+-]\d{4})?")


@dataclass(frozen=True)
class AppleWatchReader:
    """One ECG of an export."""

    name: str = "Apple Watch (ecg_*.csv)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """A text with a line that gives a rate in hertz, above lines of one number each."""
        del path
        beginning = head[:HEADER_BYTES]
        encoding = text_encoding(beginning)
        lines = text_lines(beginning, encoding)[:HEADER_LINES] if encoding else []
        return any(RATE.fullmatch(line.strip()) for line in lines) and any(map(SAMPLE.fullmatch, lines))

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        content = path.read_bytes()
        lines = text_lines(content, text_encoding(content) or "latin-1")
        first = next((number for number, line in enumerate(lines) if SAMPLE.fullmatch(line)), len(lines))
        sampling_frequency, at = _sampling_frequency(lines[:first], path)
        values, signal = _values(lines[:at]), _values(lines[at:first])
        unit = next((value for value in signal if voltage_unit(value)), "")
        lead = next((value for value in signal if re.match(r"lead\s", value, re.IGNORECASE)), "")
        channels = [Channel(lead, unit, sampling_frequency)]
        leads = leads_of(channels, options, path)
        return Recording(
            ArraySamples(leads.scaled(_samples(lines, first, path)[None], path)),
            leads.sampling_frequency,
            leads.names,
            leads.recording_units,
            _start(values),
            str(path),
            notes=leads.notes,
        )


def _values(lines: list[str]) -> list[str]:
    return [match["value"] for match in map(NAMED.fullmatch, lines) if match]


def _sampling_frequency(lines: list[str], path: Path) -> tuple[float, int]:
    """The sampling frequency in Hz, and the number of its line."""
    found = [(at, match["rate"]) for at, line in enumerate(lines) if (match := RATE.fullmatch(line.strip()))]
    if not found:
        raise UnreadableFileError(f"{path}: no sampling frequency above its samples: export it again")
    at, stated = found[-1]
    try:
        return float(stated.replace(",", ".")), at
    except ValueError as error:
        raise UnreadableFileError(f"{path}: sampling frequency {stated!r} is not a number: export it again") from error


def _samples(lines: list[str], first: int, path: Path) -> NDArray[np.float64]:
    texts: list[str] = []
    for number, line in enumerate(lines[first:], start=first + 1):
        if SAMPLE.fullmatch(line):
            texts.append(line.strip().strip('"').replace("\u2212", "-"))
        elif line.strip():
            raise UnreadableFileError(f"{path}: line {number} is not a sample: {line[:40]!r}: export it again")
    if not texts:
        raise UnreadableFileError(f"{path}: no samples below its header: export it again")
    decimal = _decimal_mark(texts, path)
    other = str.maketrans(decimal, ".", ",.\u00a0\u202f'\u2019".replace(decimal, ""))
    try:
        return np.array([float(text.translate(other)) for text in texts])
    except ValueError as error:
        raise UnreadableFileError(f"{path}: a sample is no number ({error}): export it again") from error


def _decimal_mark(texts: list[str], path: Path) -> str:
    """The mark before fractions of numbers that all are written alike.

    It is the last one of a number that has both, and one that does not stand before groups of three figures. Where no
    number tells, a mark is one of fractions if all numbers have it, as the watch writes three figures always, and
    one of thousands if smaller numbers do without.
    """
    marks = [re.sub(r"[^,.]", "", text) for text in texts]
    marked = [(text, mark) for text, mark in zip(texts, marks, strict=True) if mark]
    sure = {mark[-1] for text, mark in marked if len(set(mark)) == 2 or not GROUPED.fullmatch(text)}
    used = {each for mark in marks for each in mark}
    if len(sure) > 1 or (len(used) > 1 and not sure):
        raise UnreadableFileError(f"{path}: both comma and point stand before fractions: export it again")
    if sure or not used:
        return sure.pop() if sure else "."
    of_thousands = len(marked) < len(texts) or any(len(mark) > 1 for mark in marks)
    return ({",", "."} - used if of_thousands else used).pop()


def _start(values: list[str]) -> datetime | None:
    stated = next((value for value in values if DATE.fullmatch(value)), "")
    for pattern in ("%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(stated, pattern)
        except ValueError:
            continue
    return None
