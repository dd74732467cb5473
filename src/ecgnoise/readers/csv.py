"""Text tables: rows are samples, columns are leads, with or without a header line.

The delimiter is a tab, semicolon, comma or blanks; numbers may have a decimal comma. A header cell may give a
unit, as in ``II (mV)``, ``V1 [uV]`` or ``ecg_uV``. A time column gives the sampling frequency and is no lead.
"""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import SignalShapeError, UnreadableFileError
from ecgnoise.readers.base import (
    ReadOptions,
    chosen,
    distinct_names,
    is_other_signal,
    settle_sampling_frequency,
    settle_units,
    voltage_unit,
)
from ecgnoise.recording import UNKNOWN_UNITS, ArraySamples, Recording, to_millivolts

SUFFIXES: Final = (".csv", ".tsv", ".txt")
HEAD_BYTES: Final = 1 << 16
SEARCHED_LINES: Final = 50
HEADER_LINES: Final = 2  # names, units
SECONDS_PER: Final = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "ns": 1e-9,
} | {
    "millisecond": 1e-3,
    "milliseconds": 1e-3,
    "microseconds": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
}
TIME_NAMES: Final = frozenset({"t", "time", "elapsed time", "elapsed_time", "timestamp"})
INDEX_NAMES: Final = frozenset({"sample", "samples", "index", "sample index", "sample number", "n", "sample #"})
TIME_ROWS: Final = 10  # a lead may rise through fewer rows
MISSING: Final = frozenset({"", "nan", "na", "null", "-"})
# A name and its unit: in brackets, or after _ or / at the end, where a bare V is a lead and not a volt.
BRACKETED: Final = re.compile(r"(?P<name>.*?)[\s_]*[\[(]\s*(?P<unit>[^\])]+?)\s*[\])]")
SUFFIXED: Final = re.compile(r"(?P<name>.+?)[\s_/]+(?P<unit>[mun\u00b5\u03bc]v|ms|us|ns|s|sec|seconds)", re.IGNORECASE)


@dataclass(frozen=True)
class _Layout:
    """How the lines of a file are to be read."""

    delimiter: str | None
    decimal_comma: bool
    header: tuple[tuple[str, ...], ...] = ()
    skip: int = 0

    def cells(self, line: str) -> list[str]:
        cells = [cell.strip().strip("'\"").strip() for cell in line.split(self.delimiter)]
        return [cell.replace(",", ".") for cell in cells] if self.decimal_comma else cells


@dataclass(frozen=True)
class _Columns:
    """The columns of a table that are leads, and what the others say."""

    leads: tuple[int, ...]
    names: tuple[str, ...]
    units: tuple[str | None, ...]
    frequency: float | None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CsvReader:
    """Numbers in a text file, read into memory."""

    name: str = "CSV, TSV or text (rows of numbers)"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Text with a row of numbers near its beginning, or text with the suffix of a table."""
        encoding = _encoding(head)
        if encoding is None:
            return False
        return path.suffix.lower() in {".csv", ".tsv"} or _first_row(_lines(head, encoding)) is not None

    def lists(self, path: Path, head: bytes) -> bool:
        """Files with the suffix of a table that hold rows of numbers, or nothing at all."""
        encoding = _encoding(head) if path.suffix.lower() in SUFFIXES else None
        return encoding is not None and (not head or _first_row(_lines(head, encoding)) is not None)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        encoding = _encoding(head) or "latin-1"
        layout = _layout(_lines(head, encoding), path)
        table = _table(path, encoding, layout)
        columns = _columns(table, layout, path)
        if len(columns.leads) > len(table):
            raise SignalShapeError(
                f"{path}: {len(columns.leads)} columns and {len(table)} rows: "
                "rows are samples, columns are leads: transpose it"
            )
        frequency = settle_sampling_frequency(columns.frequency, options, path)
        units = [settle_units(unit, options, path) for unit in columns.units]
        rows = [to_millivolts(table[:, at], unit, str(path)) for at, unit in zip(columns.leads, units, strict=True)]
        named = any(columns.names)
        return chosen(
            Recording(
                ArraySamples(np.stack(rows)),
                frequency,
                distinct_names(columns.names if named or not options.lead_names else options.lead_names),
                UNKNOWN_UNITS if UNKNOWN_UNITS in units else "mV",
                source=str(path),
                notes=tuple(columns.notes),
            ),
            options,
        )


def _encoding(head: bytes) -> str | None:
    """The encoding of a text by its beginning, or None where that has control characters that no text has."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if re.search(rb"[\x00-\x08\x0e-\x1f]", head):
        return None
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        cut_within_a_letter = len(head) - error.start < 4
        return "utf-8-sig" if cut_within_a_letter else "latin-1"
    return "utf-8-sig"


def _lines(head: bytes, encoding: str) -> list[str]:
    return io.TextIOWrapper(io.BytesIO(head), encoding=encoding, errors="replace").read().split("\n")


def _layouts(line: str) -> list[_Layout]:
    """The ways to read a line, the likeliest first."""
    if ";" in line or "\t" in line:
        delimiter = ";" if ";" in line else "\t"
        return [_Layout(delimiter, decimal_comma=False), _Layout(delimiter, decimal_comma=True)]
    by_blanks = _Layout(None, decimal_comma=True)
    if "," in line:
        return [by_blanks] * (len(line.split()) > 1) + [_Layout(",", decimal_comma=False)]
    return [_Layout(None, decimal_comma=False)]


def _value(cell: str) -> float | None:
    """The number in a cell, NaN where it says that there is none, None where it is something else."""
    if cell.casefold() in MISSING:
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        return None


def _is_row(cells: list[str]) -> bool:
    values = [_value(cell) for cell in cells]
    return None not in values and any(cell.casefold() not in MISSING for cell in cells)


def _first_row(lines: list[str]) -> tuple[int, _Layout] | None:
    """The number of the first line that is all numbers, among the first lines, and the way to read it."""
    for number, line in enumerate(lines[:SEARCHED_LINES]):
        for layout in _layouts(line):
            if not line.startswith("#") and _is_row(layout.cells(line)):
                return number, layout
    return None


def _layout(lines: list[str], path: Path) -> _Layout:
    """How to read a file; UnreadableFileError where no line near its beginning is a row of numbers."""
    found = _first_row(lines)
    above = [
        number for number, line in enumerate(lines[: found[0] if found else SEARCHED_LINES]) if line.strip(" \t,;")
    ]
    titles = [number for number in above if not lines[number].startswith("#")]
    if found is None or len(titles) > HEADER_LINES:
        wrong = titles[1] if len(titles) > 1 else 0
        raise UnreadableFileError(f"{path}: line {wrong + 1} is not a row of numbers: {lines[wrong][:40]!r}: remove it")
    number, layout = found
    following = lines[number + 1] if number + 1 < len(lines) else ""
    if not titles and _is_titles(layout.cells(lines[number]), layout.cells(following)):
        titles, number = [number], number + 1
    elif titles and layout.delimiter == "," and not any("," in lines[title] for title in titles):
        layout = _Layout(None, decimal_comma=True)
    header = tuple(tuple(_Layout(layout.delimiter, decimal_comma=False).cells(lines[title])) for title in titles)
    return _Layout(layout.delimiter, layout.decimal_comma, header, number)


def _is_titles(first: list[str], second: list[str]) -> bool:
    """Whether a line of numbers is a header: its first cell is empty, that of the next line not (pandas)."""
    return len(first) == len(second) > 1 and not first[0] and bool(second[0]) and _is_row(second)


def _table(path: Path, encoding: str, layout: _Layout) -> NDArray[np.float64]:
    """The numbers, (rows, columns); UnreadableFileError with the line number where a row does not fit."""
    with path.open(encoding=encoding, errors="replace") as file:
        lines = islice(file, layout.skip, None)
        points = (line.replace(",", ".") for line in lines) if layout.decimal_comma else lines
        try:
            return np.loadtxt(points, delimiter=layout.delimiter, ndmin=2, quotechar='"')
        except ValueError:
            file.seek(0)
            return _slow_table(file, layout, path)


def _slow_table(file: Iterable[str], layout: _Layout, path: Path) -> NDArray[np.float64]:
    """The same cell by cell, for tables with empty cells, and to find the line that is wrong."""
    rows: list[list[float]] = []
    for number, line in enumerate(islice(file, layout.skip, None), start=layout.skip + 1):
        if not line.strip() or line.startswith("#"):
            continue
        values = [_value(cell) for cell in layout.cells(line)]
        present = [value for value in values if value is not None]
        if len(present) < len(values):
            raise UnreadableFileError(f"{path}: line {number} is not a row of numbers: {line[:40]!r}: correct it")
        if rows and len(present) != len(rows[0]):
            raise UnreadableFileError(
                f"{path}: line {number} has {len(present)} columns, {len(rows[0])} before it: correct it"
            )
        rows.append(present)
    return np.array(rows)


def _columns(table: NDArray[np.float64], layout: _Layout, path: Path) -> _Columns:
    """Which columns are leads; the time column, the index and signals of other kinds are not."""
    titles = _titles(layout, table.shape[1], path)
    kept = [at for at, title in enumerate(titles) if title[0] or not np.isnan(table[:, at]).all()]
    frequency, notes = None, []
    time = _time_column(table, [titles[at][0] for at in kept])
    if time is not None:
        at = kept.pop(time)
        name, unit = titles[at]
        if _is_index(table[:, at], name):
            notes.append(
                "left out, sample numbers: the first column" if at == 0 else f"left out, sample numbers: {name}"
            )
        else:
            frequency = _frequency(table[:, at], SECONDS_PER.get((unit or name or "s").casefold(), 1.0), path)
    other = [at for at in kept if is_other_signal(titles[at][0]) or (titles[at][1] and not _voltage(titles[at][1]))]
    if other:
        notes.append(f"left out, not ECG: {', '.join(titles[at][0] for at in other)}")
    leads = [at for at in kept if at not in other]
    if not leads:
        raise UnreadableFileError(f"{path}: no column is an ECG lead: pass a table with one column a lead")
    names, units = zip(*((titles[at][0], _voltage(titles[at][1])) for at in leads), strict=True)
    return _Columns(tuple(leads), names, units, frequency, notes)


def _voltage(unit: str | None) -> str | None:
    return voltage_unit(unit) if unit else None


def _titles(layout: _Layout, columns: int, path: Path) -> list[tuple[str, str | None]]:
    """Name and unit of each column; the name is empty and the unit None where there is none."""
    if not layout.header:
        return [("", None)] * columns
    for line in layout.header:
        if len(line) != columns:
            raise UnreadableFileError(
                f"{path}: the header has {len(line)} columns, the rows have {columns}: correct the header"
            )
    titles = [_title(cell) for cell in layout.header[0]]
    if len(layout.header) == 1:
        return titles
    return [(name, unit or second or None) for (name, unit), second in zip(titles, layout.header[1], strict=True)]


def _title(cell: str) -> tuple[str, str | None]:
    match = BRACKETED.fullmatch(cell) or SUFFIXED.fullmatch(cell)
    if match is not None:
        return match["name"].strip(), match["unit"]
    return ("", cell) if voltage_unit(cell) and cell.casefold() != "v" else (cell, None)


def _time_column(table: NDArray[np.float64], names: list[str]) -> int | None:
    """The column of times or sample numbers: by its name, or the first one where it never stops rising."""
    known = TIME_NAMES | INDEX_NAMES | SECONDS_PER.keys()
    named = [at for at, name in enumerate(names) if name.casefold() in known]
    if named:
        return named[0]
    rises = len(table) >= TIME_ROWS and bool(np.all(np.diff(table[:, 0]) > 0))
    return 0 if len(names) > 1 and rises else None


def _is_index(column: NDArray[np.float64], name: str) -> bool:
    return name.casefold() in INDEX_NAMES or (not name and len(column) > 1 and bool(np.all(np.diff(column) == 1)))


def _frequency(column: NDArray[np.float64], seconds: float, path: Path) -> float | None:
    """Samples a second of a time column, None for a single row; UnreadableFileError where it has gaps.

    Times are rounded: within what the rounding allows the nearest whole number is taken.
    """
    if len(column) < 2:
        return None
    span = column[-1] - column[0]
    step = span / (len(column) - 1)
    if not (np.isfinite(span) and step > 0):
        raise UnreadableFileError(f"{path}: its time column does not rise: correct or remove it")
    off = np.abs(column - column[0] - step * np.arange(len(column)))
    if not off.max() < step:
        at = int(np.argmax(~(off < step)))
        raise UnreadableFileError(
            f"{path}: its time column has a gap or is not regular near row {at + 1}: split the file"
        )
    frequency = float(1 / (step * seconds))
    nearest = round(frequency)
    return float(nearest) if abs(nearest - frequency) <= frequency * (2 * off.max() / span + 1e-6) else frequency
