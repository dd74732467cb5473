"""Results as text for a terminal."""

from collections.abc import Sequence
from typing import Any, Final

from ecgnoise.grades import GRADES
from ecgnoise.result import COLUMNS, Result

ROWS_SHOWN: Final = 24
WORST_SHOWN: Final = 10
HEADINGS: Final = {
    "lead": "lead",
    "start_s": "start s",
    "duration_s": "duration s",
    "psnr_db": "PSNR dB",
    "percentile": "percentile",
    "snr_db": "SNR dB",
    "local_minimum_db": "lowest part dB",
    "grade": "grade",
    "fault": "fault",
    "noise": "noise",
}
LEFT: Final = ("lead", "grade", "fault", "noise")
MODEL_MAY_LACK: Final = ("percentile", "snr_db")


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
    notes = [f"  note: {note}" for note in (*result.notes, *result.lead_remarks)]
    return "\n".join([result.source, *notes, *_table(rows, result), *more, result.verdict()])


def _badness(row: tuple[Any, ...]) -> tuple[bool, float]:
    """Lowest PSNR first, those without a PSNR last."""
    psnr = row[COLUMNS.index("psnr_db")]
    return psnr is None, psnr or 0.0


def _table(rows: Sequence[tuple[Any, ...]], result: Result) -> list[str]:
    """Aligned lines: a heading and one a row; the lowest part has a column where there are several."""
    entries = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    hidden = {name for name in MODEL_MAY_LACK if all(entry[name] is None for entry in entries)}
    if not any(_noisy(entry) for entry in entries):
        hidden.add("noise")
    if result.local_psnr.shape[2] == 1:
        hidden.add("local_minimum_db")
    columns = []
    for name, heading in HEADINGS.items():
        if name in hidden:
            continue
        cells = [heading, *(_cell(name, entry, result.snr_range) for entry in entries)]
        width = max(map(len, cells))
        columns.append([cell.ljust(width) if name in LEFT else cell.rjust(width) for cell in cells])
    return ["  " + "  ".join(line).rstrip() for line in zip(*columns, strict=True)]


def _cell(name: str, entry: dict[str, Any], snr_range: tuple[float, float] | None) -> str:
    """Decibels with one decimal, seconds as short as they are, a dash where there is no number."""
    value = entry[name]
    if value is None:
        return "-"
    if name == "noise" and not _noisy(entry):
        return ""
    if isinstance(value, str):
        return value
    if name == "snr_db" and snr_range:
        best, low, high = (_snr(entry[part], *snr_range) for part in ("snr_db", "snr_low_db", "snr_high_db"))
        return f"{best} ({low} to {high})"
    if name == "percentile":
        return f"{value:.0f}"
    return f"{value:.1f}" if name.endswith("_db") else f"{round(value, 3):.9g}"


def _noisy(entry: dict[str, Any]) -> bool:
    """Whether the kind of noise is worth a word: it has one, and is not ``good``."""
    return bool(entry["noise"]) and entry["grade"] != GRADES[0]


def _snr(value: float, lowest: float, highest: float) -> str:
    """An estimated SNR in whole dB, with a sign where it may lie beyond what was measured."""
    sign = "<=" if value <= lowest else ">=" if value >= highest else ""
    return f"{sign}{value:z.0f}"
