"""Excel workbooks (.xlsx): a table as in a text file, on the first sheet that holds numbers.

A workbook is a ZIP archive of XML: what it expands to is bounded, before any of it is read.
"""

import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ecgnoise._internal.warnings import quiet
from ecgnoise.errors import EcgNoiseError, UnreadableFileError
from ecgnoise.readers._shared.base import ReadOptions, most_expanded, open_file, package_of_extra
from ecgnoise.readers._shared.channel_names import names_results
from ecgnoise.readers._shared.lead_columns import recording_of_columns
from ecgnoise.readers._shared.library_errors import whole
from ecgnoise.readers._shared.table_cells import Row, columns_of_rows
from ecgnoise.readers._shared.table_header import Line, heading_of
from ecgnoise.readers._shared.table_layout import NUMBER, Layout, first_row, kind_of, kinds_of
from ecgnoise.recording import Recording

MAGIC: Final = b"PK\x03\x04"
WORKBOOK: Final = "xl/workbook.xml"
MOST_EXPANDED: Final = 1 << 30
LARGEST_RATIO: Final = 100
HEAD_ROWS: Final = 200
MOST_HEAD_ROWS: Final = 100_000
SAMPLE_ROWS: Final = 60
MOST_COLUMNS: Final = 5000


@dataclass(frozen=True)
class SpreadsheetReader:
    """A table in a workbook."""

    name: str = "Excel (.xlsx)"
    suffixes: tuple[str, ...] = (".xlsx", ".xlsm")

    def recognises(self, path: Path, head: bytes) -> bool:
        """A ZIP archive with a workbook in it."""
        if not head.startswith(MAGIC):
            return False
        try:
            with zipfile.ZipFile(path) as archive:
                return WORKBOOK in archive.namelist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return b"xl/w" in head  # the name of a part, though the list at the end is damaged or cut off

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file but tables of scores, and those that a spreadsheet program keeps while one is open."""
        return not path.name.startswith("~$") and self.recognises(path, head) and not _of_scores(path)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        openpyxl = package_of_extra("openpyxl", "reading Excel")
        _check_size(path)
        with whole(path, "workbook"), quiet(), open_file(path) as file:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            with closing(book):
                return _recording(book, options, path)


def _of_scores(path: Path) -> bool:
    """Whether a workbook holds scores of an earlier run; no for one that cannot be looked into: reading it says why."""
    try:
        openpyxl = package_of_extra("openpyxl", "reading Excel")
        _check_size(path)
        with whole(path, "workbook"), quiet(), open_file(path) as file:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            with closing(book):
                first = next(book.worksheets[0].iter_rows(max_row=1, values_only=True), ())
                return names_results(str(name) for name in first)
    except (ImportError, EcgNoiseError, MemoryError):  # reading the file says why
        return False


def _check_size(path: Path) -> None:
    """UnreadableFileError where the archive expands to more than a table does."""
    with whole(path, "workbook"), zipfile.ZipFile(path) as archive:
        expanded = sum(entry.file_size for entry in archive.infolist())
    limit = most_expanded(path.stat().st_size, LARGEST_RATIO, MOST_EXPANDED)
    if expanded > limit:
        raise UnreadableFileError(
            f"{path}: expands to {expanded >> 20} MiB, at most {limit >> 20} are read: save it as CSV"
        )


def _recording(book: Any, options: ReadOptions, path: Path) -> Recording:
    sheets = [sheet for sheet in book.worksheets if hasattr(sheet, "reset_dimensions")]
    for sheet in sheets:
        sheet.reset_dimensions()
        head = _head(sheet, path)
        layout = _layout(head)
        if layout is None:
            continue
        above = [Line(at + 1, "\t".join(cells), cells) for at, cells in enumerate(head[: layout.first])]
        heading = heading_of(above, layout, head[layout.first], path)
        rows = (
            (number, _fitted(cells, layout.width))
            for number, cells in islice(_rows(sheet, path), layout.first + heading.skip, None)
        )
        columns = columns_of_rows(rows, layout, heading.titles, path)
        recording = recording_of_columns(columns, options, path, heading.said)
        notes = () if len(sheets) == 1 else (f"of {len(sheets)} sheets {sheet.title!r} is read",)
        return replace(recording, notes=(*recording.notes, *notes))
    raise UnreadableFileError(f"{path}: no sheet with rows of numbers: pass a table with one column a lead")


def _head(sheet: Any, path: Path) -> list[list[str]]:
    """The first rows, as many as it takes to have some with numbers."""
    head: list[list[str]] = []
    with_numbers = 0
    for _, cells in islice(_rows(sheet, path), MOST_HEAD_ROWS):
        head.append(cells)
        with_numbers += _has_number(cells)
        if with_numbers >= HEAD_ROWS:
            break
    return head


def _has_number(cells: list[str]) -> bool:
    return any(kind_of(cell) == NUMBER for cell in cells)


def _layout(head: list[list[str]]) -> Layout | None:
    """What the columns of a sheet hold, and its first row of numbers, by its first rows."""
    sample = [cells for cells in head if _has_number(cells)][-SAMPLE_ROWS:]
    width = max(map(len, sample), default=0)
    rows = [_fitted(cells, width) for cells in head]
    kinds = kinds_of([_fitted(cells, width) for cells in sample])
    if kinds is None or NUMBER not in kinds:
        return None
    layout = Layout("\t", kinds)
    first = first_row(rows, layout)
    return None if first is None else Layout("\t", kinds, first)


def _fitted(cells: list[str], width: int) -> list[str]:
    """The cells with empty ones at the end, which a sheet does not store."""
    return cells + [""] * (width - len(cells))


def _rows(sheet: Any, path: Path) -> Iterator[Row]:
    for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
        if len(values) > MOST_COLUMNS:
            raise UnreadableFileError(
                f"{path}: row {number} has {len(values)} columns, at most {MOST_COLUMNS} are read: save fewer"
            )
        cells = [_text(value) for value in values]
        while cells and not cells[-1]:
            cells.pop()
        yield number, cells


def _text(value: object) -> str:
    """A cell as a text file would have it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return f"{int(seconds // 3600)}:{int(seconds // 60 % 60):02}:{seconds % 60:09.6f}"
    return repr(value) if isinstance(value, float) else str(value).strip()
