"""Text tables: rows are samples, columns are leads, with or without lines of titles, also compressed.

The delimiter is a tab, semicolon, comma, bar or blanks; numbers may have a decimal comma. A header cell may give a
unit, as in ``II (mV)``, ``V1 [uV]`` or ``ecg_uV``. A column of times gives the sampling frequency and is no lead.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import EcgNoiseError, UnreadableFileError
from ecgnoise.readers._shared.base import HEAD_BYTES, ReadOptions
from ecgnoise.readers._shared.channel_names import names_results
from ecgnoise.readers._shared.lead_columns import recording_of_columns
from ecgnoise.readers._shared.number_text import has_comma, may_be_thousands, meaning
from ecgnoise.readers._shared.table_cells import Row, columns_of_rows
from ecgnoise.readers._shared.table_header import Heading, Line, heading_of
from ecgnoise.readers._shared.table_layout import NUMBER, Layout, is_comment, layout_of, looks_like_a_recording
from ecgnoise.readers._shared.text import (
    COMPRESSED_SUFFIXES,
    compression_of,
    file_head,
    plain_file,
    plain_head,
    text_encoding,
    text_lines,
)
from ecgnoise.readers._shared.time_columns import Column
from ecgnoise.recording import Recording

SUFFIXES: Final = (".csv", ".tsv", ".txt")
LAYOUT_BYTES: Final = 1 << 20
LOOKED_AT: Final = 5000  # rows, for points between thousands


@dataclass(frozen=True)
class CsvReader:
    """Numbers in a text file, read into memory."""

    name: str = "CSV, TSV or text (rows of numbers)"
    suffixes: tuple[str, ...] = (".csv", ".tsv")

    def recognises(self, path: Path, head: bytes) -> bool:
        """Text with rows of numbers in its beginning, or such a file by its name that cannot be expanded."""
        lines = _beginning(path, head)
        if not lines and compression_of(head) is not None:
            return _plain_suffix(path) in SUFFIXES and not plain_head(path, head)
        return bool(lines) and layout_of(lines) is not None

    def lists(self, path: Path, head: bytes) -> bool:
        """Files with the suffix of a table that hold rows of numbers, or nothing at all."""
        if _plain_suffix(path) not in SUFFIXES:
            return False
        lines = _beginning(path, head) if head else []
        layout = layout_of(lines) if lines else None
        return not head or (layout is not None and looks_like_a_recording(layout, lines) and not _scores(layout, lines))

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        head = file_head(path, LAYOUT_BYTES)
        encoding = text_encoding(head) or "latin-1"
        lines = _whole_lines(head, encoding, LAYOUT_BYTES)
        layout = layout_of(lines)
        if layout is None:
            raise UnreadableFileError(f"{path}: {_no_rows(lines)}: pass a table with one column a lead")
        above = [Line(at + 1, line, layout.cells(line)) for at, line in enumerate(lines[: layout.first])]
        heading = heading_of(above, layout, layout.row(lines[layout.first]), path)
        with plain_file(path) as file, io.TextIOWrapper(file, encoding, errors="replace") as text:
            columns = _columns(text, layout, heading, lines, path)
        return recording_of_columns(columns, options, path, heading.said)


def _scores(layout: Layout, lines: list[str]) -> bool:
    """Whether these are the first lines of a table of scores of an earlier run."""
    return any(names_results(layout.cells(line)) for line in lines[: layout.first])


def _plain_suffix(path: Path) -> str:
    """The suffix of a file, without that of its compression."""
    return (path.with_suffix("") if path.suffix.lower() in COMPRESSED_SUFFIXES else path).suffix.lower()


def _beginning(path: Path, head: bytes) -> list[str]:
    """The first lines of a text; none where it is no text, or its compressed form is damaged."""
    head = plain_head(path, head)
    encoding = text_encoding(head) if head else None
    return _whole_lines(head, encoding, HEAD_BYTES) if encoding else []


def _whole_lines(head: bytes, encoding: str, size: int) -> list[str]:
    """The lines of a beginning of that many bytes, without one that is cut off."""
    lines = text_lines(head, encoding)
    return lines[:-1] if len(head) >= size and len(lines) > 2 else lines


def _no_rows(lines: list[str]) -> str:
    """What to say of a text without rows of numbers."""
    shown = next(
        (
            f"line {at + 1} is not a row of numbers: {line.strip()[:40]!r}"
            for at, line in enumerate(lines)
            if line.strip() and at
        ),
        "no row of numbers in it",
    )
    return f"no rows of numbers; {shown}" if "line" in shown else shown


def _columns(file: io.TextIOWrapper, layout: Layout, heading: Heading, lines: list[str], path: Path) -> list[Column]:
    """All columns of a table; UnreadableFileError with the line number where a row does not fit."""
    skip = layout.first + heading.skip
    decimal = _decimal_comma(lines[skip:], layout)
    if set(layout.kinds) == {NUMBER} and decimal is not None:
        try:
            table = _numbers(islice(file, skip, None), layout, decimal=decimal)
        except EcgNoiseError:  # of a file that expands beyond all measure
            raise
        except ValueError:
            table = None
        if table is not None and table.shape[1] == layout.width:
            return [Column(name, unit, table[:, at], place=at) for at, (name, unit) in enumerate(heading.titles)]
        file.seek(0)
    empty = sum(not line.strip() for line in lines[skip:])
    rows = _rows(file, layout, skip, path, spaced=2 * empty > len(lines) - skip - 5)
    return columns_of_rows(rows, layout, heading.titles, path)


def _decimal_comma(lines: list[str], layout: Layout) -> bool | None:
    """Whether the numbers have decimal commas; None where only all of them can tell."""
    cells = [cell for line in lines[:200] if line.strip() for cell in layout.cells(line)]
    commas = [cell for cell in cells if has_comma(cell)]
    if not commas:
        columns = zip(*[layout.cells(line) for line in lines[:LOOKED_AT] if line.strip()], strict=False)
        return None if any(map(may_be_thousands, columns)) else False
    sure = {meaning(cell) for cell in commas} == {"decimal"}
    return True if sure and layout.delimiter != "," and not any("." in cell for cell in cells) else None


def _numbers(lines: Iterable[str], layout: Layout, *, decimal: bool) -> NDArray[np.float64]:
    """The numbers of whole rows at once; ValueError where one is not."""

    def points() -> Iterator[str]:
        for line in lines:
            if (decimal and "." in line) or (layout.width == 1 and not line.strip()):
                raise ValueError("a line to be looked at")
            yield line.replace(",", ".") if decimal else line

    return np.loadtxt(points(), delimiter=layout.delimiter, ndmin=2, quotechar='"', comments=None)


def _rows(file: Iterable[str], layout: Layout, skip: int, path: Path, *, spaced: bool) -> Iterator[Row]:
    """The rows cell by cell, with the numbers of their lines.

    spaced: whether empty lines are a matter of style; else one in a table of one column is a sample that is missing.
    """
    waiting: list[int] = []
    for number, line in enumerate(islice(file, skip, None), start=skip + 1):
        if not line.strip(" \r\n\0"):  # zeros are what a power cut leaves
            waiting.append(number)
            continue
        if is_comment(line):
            _check_comment(line, number, layout, path)
            continue
        if layout.width == 1 and not spaced:
            yield from ((empty, [""]) for empty in waiting)
        waiting.clear()
        yield number, layout.row(line)


def _check_comment(line: str, number: int, layout: Layout, path: Path) -> None:
    """UnreadableFileError where a comment among the rows is rather a row: without it the rest would move in time."""
    if layout.fits(layout.row(line.lstrip().lstrip("#"))) and layout.width > 1:
        raise UnreadableFileError(
            f"{path}: line {number} is a row of numbers after a #: {line.strip()[:40]!r}: remove the # or the line"
        )
