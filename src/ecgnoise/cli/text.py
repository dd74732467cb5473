"""Results as text for a terminal."""

from collections.abc import Sequence
from typing import Any, Final

from ecgnoise.results.cells import COLUMNS
from ecgnoise.results.grades import GRADES
from ecgnoise.results.intervals import clock_text
from ecgnoise.results.result import Result

ROWS_SHOWN: Final = 24
WORST_SHOWN: Final = 10
FAULTS_SHOWN: Final = 12
HEADINGS: Final = {
    "lead": "lead",
    "start_s": "start s",
    "duration_s": "duration s",
    "time": "time",
    "psnr_db": "PSNR dB",
    "percentile": "percentile",
    "snr_db": "SNR dB",
    "local_minimum_db": "lowest part dB",
    "grade": "grade",
    "fault": "fault",
    "noise": "noise",
}
PSNR: Final = COLUMNS.index("psnr_db")
LEFT: Final = ("lead", "grade", "fault", "noise")
UNITS: Final = {"uv": "uV", "db": "dB"}
MODEL_MAY_LACK: Final = ("percentile", "snr_db")
BELOW_ALL_SNR: Final = (
    "SNR dB -: below all scores it was measured with; other kinds of noise bring it there when weaker"
)


def result_text(result: Result, *, every_row: bool) -> str:
    """The source, the reader's notes, what has no score, a table with one row a lead-segment, and the verdict.

    Above 24 rows only the 10 with the lowest PSNR are shown, unless ``every_row``.
    """
    rows = result.rows()
    more = []
    if len(rows) > ROWS_SHOWN and not every_row:
        scored = [row for row in rows if row[PSNR] is not None]
        shown = sorted(scored, key=lambda row: float(row[PSNR]))[:WORST_SHOWN]
        more = [
            f"  the {len(shown)} lowest scores; {len(rows) - len(shown)} more: --all prints them, "
            "--out FILE.csv writes them"
        ]
        rows = shown
    notes = [f"  note: {note}" for note in (*result.notes, *result.lead_remarks)]
    if result.recording_start is not None:
        notes.insert(0, f"  begins {result.recording_start.isoformat(sep=' ', timespec='seconds')}")
    faults = [f"  {text}" for text in result.fault_texts(None if every_row else FAULTS_SHOWN)]
    table = _table(rows, result) if rows else []
    return "\n".join([result.source, *notes, *faults, *table, *more, result.verdict()])


def _table(rows: Sequence[tuple[Any, ...]], result: Result) -> list[str]:
    """Aligned lines: a heading and one a row; the lowest part has a column where there are several."""
    entries = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    hidden = {name for name in MODEL_MAY_LACK if all(entry[name] is None for entry in entries)}
    if result.recording_start is None:
        hidden.add("time")
    if not any(_noisy(entry) for entry in entries):
        hidden.add("noise")
    if result.local_psnr.shape[2] == 1:
        hidden.add("local_minimum_db")
    columns = []
    for name, heading in HEADINGS.items():
        if name in hidden:
            continue
        cells = [heading, *(_cell(name, entry, result) for entry in entries)]
        width = max(map(len, cells))
        columns.append([cell.ljust(width) if name in LEFT else cell.rjust(width) for cell in cells])
    below = [BELOW_ALL_SNR] if any(below_all_snr(entry["snr_db"], result) for entry in entries) else []
    return ["  " + "  ".join(line).rstrip() for line in zip(*columns, strict=True)] + below


def _cell(name: str, entry: dict[str, Any], result: Result) -> str:
    """Decibels with one decimal, seconds as short as they are, a dash where there is no number."""
    value = entry[name]
    if value is None or (name == "snr_db" and below_all_snr(entry["snr_db"], result)):
        return "-"
    if name == "time":
        time = result.time_of(float(entry["start_s"]))
        return "" if time is None else clock_text(time, result.time_of)
    if name == "noise":
        return _noise_cell(entry) if _noisy(entry) else ""
    if name == "snr_db" and result.snr_range:
        best, low, high = (_snr(entry[part], *result.snr_range) for part in ("snr_db", "snr_low_db", "snr_high_db"))
        return f"{best} ({low} to {high})"
    return value if isinstance(value, str) else _number_cell(name, value)


def _noise_cell(entry: dict[str, Any]) -> str:
    """The kind of noise and how strong it is: in uV, over the ECG in dB where the unit is unknown."""
    kind = str(entry["noise"])
    for unit in ("uv", "db"):
        strength = entry[f"{kind}_{unit}"]
        if strength is not None:
            return f"{kind} {strength:.0f} {UNITS[unit]}"
    return kind


def _number_cell(name: str, value: float) -> str:
    """A number of a column, with the decimals that it has there."""
    if name == "percentile":
        return f"{value:.0f}"
    return f"{value:.1f}" if name.endswith("_db") else f"{round(value, 3):.9g}"


def below_all_snr(snr: float | None, result: Result) -> bool:
    """Whether the score is below what was measured at the lowest SNR, so that it says nothing of the SNR.

    Not of an SNR by noise levels: at the lowest that can be told it means that or noisier.
    """
    if result.snr_range is None or len(result.span_start):
        return False
    return snr is not None and snr <= result.snr_range[0]


def _noisy(entry: dict[str, Any]) -> bool:
    """Whether the kind of noise is worth a word: it has one, and is not ``good``."""
    return bool(entry["noise"]) and entry["grade"] != GRADES[0]


def _snr(value: float, lowest: float, highest: float) -> str:
    """An estimated SNR in whole dB, with a sign where it may lie beyond what was measured."""
    sign = "<=" if value <= lowest else ">=" if value >= highest else ""
    return f"{sign}{value:z.0f}"
