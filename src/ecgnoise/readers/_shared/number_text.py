"""Numbers in the cells of text tables: which cells hold none, and what a comma in a number means.

A comma is a decimal sign or separates thousands. What it is in a column is decided by all of its cells; where they
leave it open (``4,921`` throughout), it is an error and not a guess.
"""

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

MISSING: Final = frozenset({
    "", "nan", "na", "n/a", "null", "none", "nil", "-", "--", "?", "*", "<na>", "nat", "missing", "inf", "-inf", "+inf",
    "infinity", "-infinity", "#n/a", "#na", "#n/a n/a", "#nv", "#value!", "#wert!", "#div/0!", "#ref!", "#name?",
    "#num!", "#null!", "#zahl!", "-nan", "+nan", "nan(ind)", "-nan(ind)", "-nan(snan)", "nan(snan)", "null!",
    *(f"{sign}1.#{what}" for what in ("inf", "ind", "nan", "qnan", "snan", "inf00", "ind00")
      for sign in ("", "-", "+")),
})  # fmt: skip
FORTRAN: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)d[+-]?\d+", re.IGNORECASE)
COMMA: Final = re.compile(r"[+-]?(?P<whole>\d*),(?P<rest>\d+)(e[+-]?\d+)?", re.IGNORECASE)
THOUSANDS: Final = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
POINTED_THOUSANDS: Final = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?")
GROUPED: Final = re.compile(r"[+-]?\d{1,3}(?:([ \u00a0\u2009\u202f'\u2019])\d{3})(?:\1\d{3})*(?:[.,]\d*)?")
GROUPS: Final = dict.fromkeys(map(ord, " \u00a0\u2009\u202f'\u2019"))  # marks between thousands that are nothing else
MANY: Final = 10  # numbers with a point and three digits, and none with another number of them
POINTED_WHOLE: Final = re.compile(r"[+-]?\d{1,3}(\.\d{3})+")
NO_SAMPLE: Final = (-(2.0**31), -(2.0**63))  # what loggers and wfdb write for a sample that is not there


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no number."""
    return cell.casefold() in MISSING


def number(cell: str) -> float | None:
    """The number in a cell, NaN where it says that there is none, None where it is anything else."""
    try:
        value = float(cell)
    except ValueError:
        if is_missing(cell):
            return nan
        if cell[0] == "\u2212":
            return number("-" + cell[1:])
        if GROUPED.fullmatch(cell) and "," not in cell:
            return float(cell.translate(GROUPS))
        return float(cell.casefold().replace("d", "e")) if FORTRAN.fullmatch(cell) else None
    return None if "_" in cell else value if isfinite(value) else nan


def has_comma(cell: str) -> bool:
    """Whether a cell may be a number with commas."""
    kinds = (COMMA, THOUSANDS, POINTED_THOUSANDS, GROUPED)
    return "," in cell and any(kind.fullmatch(cell) for kind in kinds)


def meaning(cell: str) -> str | None:
    """What the comma in a number is by itself: ``decimal``, ``thousands`` or None where it may be either."""
    match = COMMA.fullmatch(cell)
    if GROUPED.fullmatch(cell):
        return "decimal"
    if match is not None:
        whole, rest = match["whole"], match["rest"]
        open_query = len(rest) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0") and match[3] is None
        return None if open_query else "decimal"
    return "thousands" if THOUSANDS.fullmatch(cell) else "decimal"


def with_comma(cell: str, kind: str) -> float | None:
    """The number in a cell whose commas are of that kind; None where they cannot be."""
    if kind == "thousands":
        return float(cell.replace(",", "")) if THOUSANDS.fullmatch(cell) else None
    if GROUPED.fullmatch(cell):
        return float(cell.translate(GROUPS).replace(",", "."))
    if POINTED_THOUSANDS.fullmatch(cell):
        return float(cell.replace(".", "").replace(",", "."))
    return float(cell.replace(",", ".")) if COMMA.fullmatch(cell) else None


class AmbiguousCommaError(Exception):
    """A column whose commas may be of either kind; the arguments are one of its cells and the number of its line."""


@dataclass
class NumberColumn:
    """The numbers of a column, cell by cell; those with commas wait until all cells are known."""

    values: "array[float]" = field(default_factory=lambda: array("d"))
    rows: "array[int]" = field(default_factory=lambda: array("q"))
    cells: list[str] = field(default_factory=list)
    lines: "array[int]" = field(default_factory=lambda: array("q"))
    pointed: list[tuple[int, str]] = field(default_factory=list)  # rows and cells that may have points for thousands
    other_points: bool = False

    def add(self, cell: str, line: int) -> bool:
        """Take the cell of the next row; False where it is neither a number nor missing."""
        value = number(cell)
        if value is None:
            if not has_comma(cell):
                return False
            self.rows.append(len(self.values))
            self.cells.append(cell)
            self.lines.append(line)
            value = nan
        elif "." in cell and not self.other_points:
            self.other_points = POINTED_WHOLE.fullmatch(cell) is None
            self.pointed.append((len(self.values), cell))
        self.values.append(value)
        return True

    def settle_points(self, *, sure: bool) -> None:
        """Takes the points for marks between thousands where all of them may be such, and the other numbers are small.

        sure: whether other columns have decimal commas. If not, there must be many, beside whole numbers of three
        digits: a program that writes decimals would write some with fewer, or more of them.
        """
        if not self.pointed or self.other_points:
            return
        plain = np.array(self.values)
        plain[[row for row, _ in self.pointed]] = 0
        largest = np.abs(plain[np.isfinite(plain)]).max()
        many = len(self.pointed) >= MANY and not any(cell.lstrip("+-")[0] == "0" for _, cell in self.pointed)
        if largest >= 1000 or not (sure or (many and largest >= 100)):
            return
        for row, cell in self.pointed:
            self.values[row] = float(cell.replace(".", ""))

    def kind(self) -> str | None:
        """What the commas mean by the cells of this column alone, None where there is no telling."""
        kinds = {meaning(cell) for cell in self.cells} - {None}
        if len(kinds) == 1:
            return kinds.pop()
        bare = np.array(self.values)
        bare = bare[np.isfinite(bare)]
        if not kinds and len(bare) and np.abs(bare).max() < 1000:
            return "thousands"  # and none of the smaller numbers has a comma
        return None

    def settled(self, kind: str | None) -> NDArray[np.float64]:
        """All numbers, the commas being of this kind; AmbiguousCommaError where it is None or does not fit."""
        result = np.array(self.values, np.float64)
        for row, cell, line in zip(self.rows, self.cells, self.lines, strict=True):
            value = None if kind is None else with_comma(cell, kind)
            if value is None:
                raise AmbiguousCommaError(cell, line)
            result[row] = value
        return result


def settle_commas(columns: Iterable[NumberColumn]) -> list[NDArray[np.float64]]:
    """The numbers of all columns; one that leaves open what its commas are follows those that do not."""
    known = list(columns)
    kinds = [column.kind() if column.cells else None for column in known]
    said = set(kinds) - {None}
    for column in known:
        column.settle_points(sure=said == {"decimal"})
    usual = said.pop() if len(said) == 1 else None
    return [column.settled(kind or usual) for column, kind in zip(known, kinds, strict=True)]


def may_be_thousands(cells: Iterable[str]) -> bool:
    """Whether points in a column may stand between thousands: all that there are, beside numbers without one."""
    pointed, plain = False, False
    for cell in cells:
        if "." not in cell:
            plain = True
        elif POINTED_WHOLE.fullmatch(cell) is None:
            return False
        else:
            pointed = True
    return pointed and plain


def without_sentinels(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """The samples, NaN where one is a number that stands for none, and how many these are."""
    absent = np.isin(values, NO_SAMPLE)
    count = int(absent.sum())
    return (np.where(absent, np.nan, values), count) if count else (values, 0)
