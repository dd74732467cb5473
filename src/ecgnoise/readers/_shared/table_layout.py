"""How a text table is to be read: what separates its columns, which of them are numbers, where rows begin.

All of it is decided by the lines at the end of the beginning of the file, where titles are past.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ecgnoise.readers._shared.channel_names import is_called_ecg, is_lead_name
from ecgnoise.readers._shared.number_text import has_comma, is_missing, number
from ecgnoise.readers._shared.time_text import is_stamp

SAMPLE_LINES: Final = 60
SOME_EMPTY: Final = 3  # rows without a word, which are no style any more
DECLARED: Final = re.compile(r'"?sep=(?P<mark>\\t|.)"?\s*', re.IGNORECASE)
MARKS: Final = ("\t", ";", "|", ",")
MOST_OTHER: Final = 0.2  # of the lines may be no rows

NUMBER, TIME, TEXT = "number", "time", "text"


@dataclass(frozen=True)
class Layout:
    """What separates the cells of a line (None: blanks), how many there are, and what each holds."""

    delimiter: str | None
    kinds: tuple[str, ...] = ()
    first: int = 0

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.kinds)

    def cells(self, line: str) -> list[str]:
        """The cells of a line as they are, without quotation marks."""
        return split(line, self.delimiter)

    def row(self, line: str) -> list[str]:
        """The cells of a row: without what an end mark, or a remark in a last cell, adds to it."""
        return self.fitted(self.cells(line))

    def fitted(self, cells: list[str]) -> list[str]:
        """Likewise, of cells."""
        if len(cells) == self.width:
            return cells
        if len(cells) > self.width and (cells[self.width].startswith("#") and not is_missing(cells[self.width])):
            cells = cells[: self.width]
        while len(cells) > self.width and not cells[-1]:
            cells = cells[:-1]
        return cells

    def fits(self, cells: Sequence[str]) -> bool:
        """Whether cells are a row: of the width, with numbers where numbers are, and at least one."""
        if len(cells) != self.width:
            return False
        kinds = [kind_of(cell) for cell in cells]
        pairs = list(zip(kinds, self.kinds, strict=True))
        right = all(kind in ("", wanted) for kind, wanted in pairs if wanted != TEXT)
        return right and any(kind == wanted == NUMBER for kind, wanted in pairs)


def split(line: str, delimiter: str | None) -> list[str]:
    """The cells of a line, without blanks and quotation marks around them."""
    line = line.rstrip("\r\n")
    if delimiter is None:
        words = (
            re.findall(r"\"[^\"]*\"|'[^']*'|\[[^\]]*:[^\]]*\]|\S+", line) if set(line) & set("\"'[") else line.split()
        )
        return [_bare(word) for word in words]
    if '"' in line:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    else:
        cells = line.split(delimiter)
    return [_bare(cell) for cell in cells]


def _bare(cell: str) -> str:
    return cell.strip().strip("'\"").strip()


def kind_of(cell: str) -> str:
    """What a cell holds: a number, a time, text, or nothing (empty)."""
    if is_missing(cell):
        return ""
    if number(cell) is not None or has_comma(cell):
        return NUMBER
    return TIME if is_stamp(cell) else TEXT


def is_comment(line: str) -> bool:
    """Whether a line begins with a ``#`` that is not that of ``#N/A``."""
    return line.lstrip().startswith("#") and not is_missing(re.split(r"[\t;|,]", line.strip())[0].strip(" \"'"))


def declared_delimiter(lines: Sequence[str]) -> str | None:
    """What the first line says with ``sep=``."""
    match = DECLARED.fullmatch(lines[0].strip("\r\n")) if lines else None
    return None if match is None else "\t" if match["mark"] == "\\t" else match["mark"]


def layout_of(lines: Sequence[str]) -> Layout | None:
    """How to read a file that begins with these lines; None where they hold no rows of numbers."""
    usual = (line for line in reversed(lines) if any(map(str.isdigit, line)) and not is_comment(line))
    body = list(islice(usual, SAMPLE_LINES))[::-1]
    declared = declared_delimiter(lines)
    marks = [declared] if declared else [mark for mark in MARKS if any(mark in line for line in body)]
    found = [way for mark in marks if (way := _way(body, mark)) is not None]
    by_blanks = None if declared else _way(body, None)
    if by_blanks is not None and (by_blanks[1].width > 1 or not found or _is_decimal_comma(lines, body, found)):
        found.append(by_blanks)
        if by_blanks[1].width == 1 and _is_decimal_comma(lines, body, found):
            found = [by_blanks]
    best = max(found, key=lambda way: way[0], default=None)
    if best is None:
        return None
    first = first_row((best[1].row(line) if line.strip() and not is_comment(line) else [] for line in lines), best[1])
    return None if first is None else Layout(best[1].delimiter, best[1].kinds, first)


def _way(body: Sequence[str], delimiter: str | None) -> tuple[tuple[int, int], Layout] | None:
    """A way to read lines, before which stands how many are rows of nothing but numbers, and rows; None where few."""
    rows = [split(line, delimiter) for line in body]
    kinds = kinds_of(rows)
    if kinds is None or NUMBER not in kinds or (delimiter is None and TEXT in kinds):
        return None
    layout = Layout(delimiter, kinds)
    fitted = [layout.fitted(row) for row in rows]
    good = [row for row in fitted if layout.fits(row)]
    pure = [row for row in good if TEXT not in map(kind_of, row)]
    if TEXT in kinds and (len(good) < 2 or len(good) < (1 - MOST_OTHER) * len(rows) - 2):
        return None
    return ((len(pure), len(good)), layout) if good else None


def kinds_of(rows: Sequence[Sequence[str]]) -> tuple[str, ...] | None:
    """What most cells of each column hold, in the rows of the usual width; None without rows."""
    with_numbers = [row for row in rows if any(kind_of(cell) == NUMBER for cell in row)]
    if not with_numbers:
        return None
    widths = Counter(len(row) for row in with_numbers)
    width = max(widths, key=lambda many: widths[many])
    usual = [row for row in with_numbers if len(row) == width]
    kinds = []
    for at in range(width):
        counts = Counter(kind_of(row[at]) for row in usual)
        counts.pop("", None)
        best = max((NUMBER, TIME, TEXT), key=lambda kind: counts[kind])
        kinds.append(best if counts[best] else NUMBER)
    return tuple(kinds)


def first_row(rows: Iterable[list[str]], layout: Layout) -> int | None:
    """The number of the first row of a table, None where there is none; a row that is no such may be empty."""
    before: int | None = None  # a row of numbers that are titles if a row with a first cell follows, as pandas has them
    empty: list[list[str]] = []  # rows of nothing but missing samples, just above
    for at, row in enumerate(rows):
        if not layout.fits(row):
            if before is not None and row:
                return before
            empty = [*empty, row] if len(row) == layout.width and all(map(is_missing, row)) else []
            continue
        if before is not None:
            return at if row[0] else before
        if row[0] or len(row) == 1 or not all(cell.isdigit() for cell in row[1:] if cell):
            return at - (len(empty) if _are_samples(empty) else 0)
        before = at
    return before


def _are_samples(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows without any number, above the first one with some, are samples that are missing and no style."""
    return len(rows) >= SOME_EMPTY or any(letter.isalpha() for row in rows for cell in row for letter in cell)


def _is_decimal_comma(
    lines: Sequence[str], body: Sequence[str], found: Sequence[tuple[tuple[int, int], Layout]]
) -> bool:
    """Whether the commas in lines of two numbers are rather those of one: by the title, by ``-0,5`` or by ``0,05``."""
    if any(way.delimiter not in (",", None) or way.width > 2 for _, way in found):
        return False
    rows = [line.strip() for line in body if re.fullmatch(r"[+-]?\d*,\d+", line.strip())]
    titles = [line for line in body if re.search(r"[A-Za-z]{2}", line)] or [
        line for line in lines if re.search(r"[A-Za-z]{2}", line) and not is_comment(line)
    ]
    if not rows or len(rows) < len(body) - 3:
        return False
    if titles:
        return not any("," in line for line in titles)
    return any(re.fullmatch(r"-0,\d+|[+-]?\d*,0\d+", row) for row in rows)


def looks_like_a_recording(layout: Layout, lines: Sequence[str]) -> bool:
    """Whether a table, met in a folder, is one of samples: nothing but numbers and times, or a column called a lead."""
    if TEXT not in layout.kinds:
        return True
    above = [cell for line in lines[: layout.first] for cell in layout.cells(line.lstrip("#"))]
    return any(is_called_ecg(cell) or (is_lead_name(cell) and len(cell) > 1) for cell in above)
