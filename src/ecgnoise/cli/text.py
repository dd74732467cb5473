"""Results as text for a terminal."""

from collections.abc import Sequence
from typing import Any, Final

from ecgnoise.result import COLUMNS, Result

ROWS_SHOWN: Final = 24
WORST_SHOWN: Final = 10
HEADINGS: Final = ("lead", "start s", "duration s", "PSNR dB", "lowest part dB", "grade", "fault")
NAMES: Final = ("lead", "start_s", "duration_s", "psnr_db", "local_minimum_db", "grade", "fault")
LOWEST_PART: Final = NAMES.index("local_minimum_db")


def result_text(result: Result, *, every_row: bool) -> str:
    """The source, the reader's notes, a table with one row a lead-segment and the verdict.

    Above 24 rows only the 10 with the lowest PSNR are shown, unless ``every_row``.
    """
    rows = result.rows()
    more = []
    if len(rows) > ROWS_SHOWN and not every_row:
        left_out = len(rows) - WORST_SHOWN
        rows = sorted(rows, key=_badness)[:WORST_SHOWN]
        more = [f"  the {WORST_SHOWN} worst; {left_out} more: --all prints them, --out FILE.csv writes them"]
    notes = [f"  note: {note}" for note in result.notes]
    return "\n".join([result.source, *notes, *_table(rows, parts=result.local_psnr.shape[2]), *more, result.verdict()])


def _badness(row: tuple[Any, ...]) -> tuple[bool, float]:
    """Lowest PSNR first, those without a PSNR last."""
    psnr = row[COLUMNS.index("psnr_db")]
    return psnr is None, psnr or 0.0


def _table(rows: Sequence[tuple[Any, ...]], parts: int) -> list[str]:
    """Aligned lines: a heading and one a row; the lowest part has a column where there are several."""
    places = [COLUMNS.index(name) for name in NAMES]
    cells = [list(HEADINGS)] + [
        [_cell(name, row[place]) for name, place in zip(NAMES, places, strict=True)] for row in rows
    ]
    if parts == 1:
        cells = [line[:LOWEST_PART] + line[LOWEST_PART + 1 :] for line in cells]
    right = range(1, len(cells[0]) - 2)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]


def _cell(name: str, value: str | float | None) -> str:
    """Decibels with one decimal, seconds as short as they are, a dash where there is no number."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:.1f}" if name.endswith("_db") else f"{round(value, 3):.9g}"
