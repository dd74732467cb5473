"""Tables whose rows are samples and whose columns are leads: which column is what.

A title may give a unit, as in ``II (mV)``, ``V1 [uV]`` or ``ecg_uV``. A time column gives the sampling frequency
and is no lead; sample numbers are left out, and so are signals of other kinds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import SignalShapeError, UnreadableFileError
from ecgnoise.readers.base import (
    ReadOptions,
    chosen,
    distinct_names,
    settle_sampling_frequency,
    settle_units,
)
from ecgnoise.readers.labels import is_other_signal, voltage_unit
from ecgnoise.recording import MAXIMUM_LEADS, UNKNOWN_UNITS, ArraySamples, Recording, to_millivolts

Title = tuple[str, str | None]
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
# A name and its unit: in brackets, or after _ or / at the end, where a bare V is a lead and not a volt.
BRACKETED: Final = re.compile(r"(?P<name>.*?)[\s_]*[\[(]\s*(?P<unit>[^\])]+?)\s*[\])]")
SUFFIXED: Final = re.compile(r"(?P<name>.+?)[\s_/]+(?P<unit>[mun\u00b5\u03bc]v|ms|us|ns|s|sec|seconds)", re.IGNORECASE)


@dataclass(frozen=True)
class Columns:
    """The columns of a table that are leads, and what the others say."""

    leads: tuple[int, ...]
    names: tuple[str, ...]
    units: tuple[str | None, ...]
    frequency: float | None
    notes: list[str] = field(default_factory=list)


def recording_of_columns(
    table: NDArray[np.float64],
    titles: Sequence[Title],
    options: ReadOptions,
    path: Path,
    *,
    frequency: float | None = None,
    units: str | None = None,
) -> Recording:
    """The recording of a table, (rows, columns), in memory.

    frequency, units: what the file says outside of its columns, for all that do not say it.

    Raises what :func:`ecgnoise.readers.read` lists.
    """
    columns = columns_of(table, titles, path)
    if len(columns.leads) > MAXIMUM_LEADS:
        raise SignalShapeError(
            f"{path}: {len(columns.leads)} leads, at most {MAXIMUM_LEADS} can be scored at once: pass fewer"
        )
    if len(columns.leads) > len(table):
        raise SignalShapeError(
            f"{path}: {len(columns.leads)} columns and {len(table)} rows: "
            "rows are samples, columns are leads: transpose it"
        )
    stated = frequency if columns.frequency is None else columns.frequency
    rate = settle_sampling_frequency(stated, options, path)
    settled = [settle_units(unit or units, options, path) for unit in columns.units]
    rows = [to_millivolts(table[:, at], unit, str(path)) for at, unit in zip(columns.leads, settled, strict=True)]
    named = any(columns.names)
    return chosen(
        Recording(
            ArraySamples(np.stack(rows)),
            rate,
            distinct_names(columns.names if named or not options.lead_names else options.lead_names),
            UNKNOWN_UNITS if UNKNOWN_UNITS in settled else "mV",
            source=str(path),
            notes=tuple(columns.notes),
        ),
        options,
    )


def columns_of(table: NDArray[np.float64], titles: Sequence[Title], path: Path) -> Columns:
    """Which columns of (rows, columns) are leads; the time column, the index and other signals are not.

    Raises UnreadableFileError where no column is a lead, or the time column has gaps.
    """
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
            frequency = regular_frequency(table[:, at], SECONDS_PER.get((unit or name or "s").casefold(), 1.0), path)
    other = [at for at in kept if is_other_signal(titles[at][0]) or (titles[at][1] and not _voltage(titles[at][1]))]
    if other:
        notes.append(f"left out, not ECG: {', '.join(titles[at][0] for at in other)}")
    leads = [at for at in kept if at not in other]
    if not leads:
        raise UnreadableFileError(f"{path}: no column is an ECG lead: pass a table with one column a lead")
    names, units = zip(*((titles[at][0], _voltage(titles[at][1])) for at in leads), strict=True)
    return Columns(tuple(leads), names, units, frequency, notes)


def title_of(cell: str) -> Title:
    """Name and unit of a header cell such as ``II (mV)``, ``V1 [uV]`` or ``ecg_uV``; the unit is None without one."""
    match = BRACKETED.fullmatch(cell) or SUFFIXED.fullmatch(cell)
    if match is not None:
        return match["name"].strip(), match["unit"]
    return ("", cell) if voltage_unit(cell) and cell.casefold() != "v" else (cell, None)


def _voltage(unit: str | None) -> str | None:
    return voltage_unit(unit) if unit else None


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


def regular_frequency(column: NDArray[np.float64], seconds: float, path: Path) -> float | None:
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
