"""Rows of cells to columns, cell by cell: for tables with missing cells, times, text, or numbers with commas."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.lead_columns import Title
from ecgnoise.readers._shared.number_text import AmbiguousCommaError, NumberColumn, settle_commas
from ecgnoise.readers._shared.table_layout import NUMBER, Layout, kind_of
from ecgnoise.readers._shared.time_columns import Column

Row = tuple[int, list[str]]
SHOWN: Final = 40


def columns_of_rows(rows: Iterable[Row], layout: Layout, titles: Sequence[Title], path: Path) -> list[Column]:
    """The columns of rows, each with its number in the file; UnreadableFileError where one does not fit."""
    numbers = {at: NumberColumn() for at, kind in enumerate(layout.kinds) if kind == NUMBER}
    texts: dict[int, list[str]] = {at: [] for at in range(layout.width) if at not in numbers}
    width, by_place = layout.width, list(numbers.items())
    for line, cells in rows:
        if len(cells) != width:
            _misfit(line, cells, layout, path)
        for at, column in by_place:
            if not column.add(cells[at], line):
                raise UnreadableFileError(
                    f"{path}: line {line} is not a row of numbers: {cells[at][:SHOWN]!r} in column {at + 1}: correct "
                    "it, or leave the cell empty for a missing sample"
                )
        for at, text in texts.items():
            text.append(cells[at])
    try:
        settled = dict(zip(numbers, settle_commas(numbers.values()), strict=True))
    except AmbiguousCommaError as error:
        cell, line = error.args
        without, pointed = cell.replace(",", ""), cell.replace(",", ".", 1)
        raise UnreadableFileError(
            f"{path}: line {line}: {cell!r} may be {without} or {pointed}, and no other cell of its column tells: "
            "write the numbers with a decimal point and nothing between thousands"
        ) from error
    nothing = np.empty(0)
    return [
        Column(name, unit, settled.get(at, nothing), texts.get(at), place=at) for at, (name, unit) in enumerate(titles)
    ]


def _misfit(line: int, cells: list[str], layout: Layout, path: Path) -> None:
    if not any(kind_of(cell) == NUMBER for cell in cells):
        shown = " ".join(cells)[:SHOWN]
        raise UnreadableFileError(
            f"{path}: line {line} is not a row of numbers: {shown!r}: remove it, or split the file there"
        )
    raise UnreadableFileError(f"{path}: line {line} has {len(cells)} columns, {layout.width} before it: correct it")
