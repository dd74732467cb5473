"""Text tables: rows are samples, columns are leads, with or without a header line.

The delimiter is a tab, semicolon, comma or blanks; numbers may have a decimal comma. A header cell may give a
unit, as in ``II (mV)``, ``V1 [uV]`` or ``ecg_uV``. A time column gives the sampling frequency and is no lead.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers.base import ReadOptions
from ecgnoise.readers.columns import Title, recording_of_columns, title_of
from ecgnoise.readers.text import text_encoding, text_lines
from ecgnoise.recording import Recording

SUFFIXES: Final = (".csv", ".tsv", ".txt")
HEAD_BYTES: Final = 1 << 16
SEARCHED_LINES: Final = 50
HEADER_LINES: Final = 2  # names, units
MISSING: Final = frozenset({"", "nan", "na", "null", "-"})


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
class CsvReader:
    """Numbers in a text file, read into memory."""

    name: str = "CSV, TSV or text (rows of numbers)"
    suffixes: tuple[str, ...] = (".csv", ".tsv")

    def recognises(self, path: Path, head: bytes) -> bool:
        """Text with a row of numbers near its beginning."""
        del path
        encoding = text_encoding(head)
        return encoding is not None and _first_row(text_lines(head, encoding)) is not None

    def lists(self, path: Path, head: bytes) -> bool:
        """Files with the suffix of a table that hold rows of numbers, or nothing at all."""
        encoding = text_encoding(head) if path.suffix.lower() in SUFFIXES else None
        return encoding is not None and (not head or _first_row(text_lines(head, encoding)) is not None)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        encoding = text_encoding(head) or "latin-1"
        layout = _layout(text_lines(head, encoding), path)
        table = _table(path, encoding, layout)
        return recording_of_columns(table, _titles(layout, table.shape[1], path), options, path)


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


def _titles(layout: _Layout, columns: int, path: Path) -> list[Title]:
    """Name and unit of each column; the name is empty and the unit None where there is none."""
    if not layout.header:
        return [("", None)] * columns
    for line in layout.header:
        if len(line) != columns:
            raise UnreadableFileError(
                f"{path}: the header has {len(line)} columns, the rows have {columns}: correct the header"
            )
    titles = [title_of(cell) for cell in layout.header[0]]
    if len(layout.header) == 1:
        return titles
    return [(name, unit or second or None) for (name, unit), second in zip(titles, layout.header[1], strict=True)]
