"""Tables whose rows are samples and whose columns are leads: which column is what.

A title may give a unit, as in ``II (mV)``, ``V1 [uV]`` or ``ecg_uV``. A column of times gives the sampling frequency
and the gaps and is no lead; sample numbers and counters are left out, and so are text and signals of other kinds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from ecgnoise.errors import OptionError, SamplingFrequencyError, SignalShapeError, UnreadableFileError
from ecgnoise.readers._shared.base import (
    FREQUENCY_TOLERANCE,
    ReadOptions,
    chosen,
    distinct_names,
    sampling_frequency_notes,
    settle_sampling_frequency,
    settle_units,
    units_notes,
)
from ecgnoise.readers._shared.channel_names import (
    brain_notes,
    ecg_rows,
    is_known_unit,
    lead_name,
    may_be_voltage,
    names_a_lead,
    voltage_unit,
)
from ecgnoise.readers._shared.gaps import LONGEST_INTERRUPTED, InterruptedSamples
from ecgnoise.readers._shared.number_text import without_sentinels
from ecgnoise.readers._shared.sampling_clock import Clock
from ecgnoise.readers._shared.time_columns import Column, Timing, timing_of
from ecgnoise.recording import MAXIMUM_LEADS, SAMPLING_FREQUENCY_LIMITS, UNKNOWN_UNITS, Recording, to_millivolts
from ecgnoise.samples import ArraySamples, Samples

Title = tuple[str, str | None]
SHOWN: Final = 20  # columns that a message names
SOME_EMPTY: Final = 10  # rows at the end
MOST_UNNAMED: Final = 64  # columns without names that may be leads
FEW_ROWS: Final = 1000  # a lead may have two values, or count, in fewer
# A name and its unit: in brackets, or after _ or / at the end, where a bare V is a lead and not a volt.
BRACKETED: Final = re.compile(r"(?P<name>.*?)[\s_]*[\[(]\s*(?P<unit>[^\])]+?)\s*[\])]")
SUFFIXED: Final = re.compile(r"(?P<name>.+?)[\s_/]+(?P<unit>[mun\u00b5\u03bc]v|ms|us|ns|s|sec|seconds)", re.IGNORECASE)


@dataclass(frozen=True)
class Said:
    """What a file says outside of its columns, for all of them.

    sampling_frequency: in Hz; another one that the caller states is an error where ``firm``, and wins with a note where
    not. units: as the file spells it.
    """

    sampling_frequency: float | None = None
    units: str | None = None
    start: datetime | None = None
    notes: tuple[str, ...] = ()
    firm: bool = False


def recording_of_columns(
    columns: Sequence[Column], options: ReadOptions, path: Path, said: Said, *, timing: Timing | None = None
) -> Recording:
    """The recording of a table, in memory; errors as :func:`ecgnoise.readers.read` lists them.

    timing: what is known of its times, where that does not lie in the columns.
    """
    named = columns if timing else [known for known in _without_empty_end(columns) if known.name or not known.is_empty]
    if timing is None:
        timing = timing_of(named, options.sampling_frequency or said.sampling_frequency, path)
    others = [column for at, column in enumerate(named) if at not in timing.columns]
    notes = [*said.notes, *timing.notes, *(_end_notes(columns) if named is not columns else [])]
    leads, left = _leads(others, options, path)
    notes += left
    sampling_frequency = _settled_sampling_frequency(timing, said, options, path, notes)
    settled = [settle_units(column.unit or said.units, options, path) for column in leads]
    notes += units_notes([column.unit or said.units for column in leads], options)
    samples = _samples(leads, settled, path, notes)
    names = [lead_name(column.name) for column in leads]
    return chosen(
        Recording(
            _with_gaps(samples, timing.clock, sampling_frequency, options, path=path, notes=notes),
            sampling_frequency,
            distinct_names(names if any(names) or not options.lead_names else options.lead_names),
            UNKNOWN_UNITS if UNKNOWN_UNITS in settled else "mV",
            timing.clock.start or said.start,
            source=str(path),
            notes=tuple(notes),
        ),
        options if any(names) else ReadOptions(),
    )


def title_of(cell: str) -> Title:
    """Name and unit of a header cell such as ``II (mV)``, ``V1 [uV]`` or ``ecg_uV``; the unit is None without one."""
    match = BRACKETED.fullmatch(cell) or SUFFIXED.fullmatch(cell)
    if match is not None:
        return match["name"].strip(), match["unit"]
    return ("", cell) if voltage_unit(cell) and cell.casefold() != "v" else (cell, None)


def _without_empty_end(columns: Sequence[Column]) -> list[Column]:
    """The columns without the last rows that hold nothing at all."""
    rows = max((column.rows_used for column in columns), default=0)
    return [column.until(rows) for column in columns]


def _end_notes(columns: Sequence[Column]) -> list[str]:
    """A note of rows at the end that hold nothing, where there are some."""
    rows = max((len(column.numbers) for column in columns), default=0)
    empty = rows - max((column.rows_used for column in columns), default=0)
    return [f"left out, the last {empty} rows, which hold nothing"] if empty >= SOME_EMPTY else []


def _leads(columns: Sequence[Column], options: ReadOptions, path: Path) -> tuple[list[Column], list[str]]:
    """The columns that are leads, and notes about the others; UnreadableFileError where there are none."""
    numeric = [column for column in columns if column.texts is None]
    possible = [column for column in numeric if may_be_voltage(column.unit or "") and not _is_mark(column)]
    kept = [possible[at] for at in ecg_rows([column.name for column in possible], options.lead_names)]
    known = [column for column in kept if options.units or not column.unit or is_known_unit(column.unit)]
    leads = known or kept
    texts = [column for column in columns if column.texts is not None]
    notes = [f"left out, text: {_listed(texts)}"] if texts else []
    others = [column for column in numeric if not any(column is lead for lead in leads)]
    notes += [f"left out, not ECG: {_listed(others)}"] if others else []
    notes += brain_notes([column.name for column in leads])
    if not leads:
        raise UnreadableFileError(
            f"{path}: no column is an ECG lead ({_listed(columns, texts)}): name those that are with lead_names "
            "(--leads), or pass a table with one column a lead"
        )
    if len(leads) > MAXIMUM_LEADS:
        raise SignalShapeError(f"{path}: {len(leads)} leads, at most {MAXIMUM_LEADS} can be scored at once: pass fewer")
    rows = len(leads[0].numbers)
    if len(leads) > MOST_UNNAMED and not any(column.name for column in leads):
        raise SignalShapeError(
            f"{path}: {len(leads)} columns without names, at most {MOST_UNNAMED} of such are taken for leads: if each "
            "row is a beat or a recording, write one as a column; if not, name the columns in a first line"
        )
    if len(leads) > rows:
        raise SignalShapeError(
            f"{path}: {len(leads)} columns and {rows} rows: rows are samples, columns are leads: transpose it"
        )
    return leads, notes


def _listed(columns: Sequence[Column], texts: Sequence[Column] = ()) -> str:
    marked = {column.place for column in texts}
    shown = ", ".join(column.shown + ": text" * (column.place in marked) for column in columns[:SHOWN])
    return shown + ", ..." * (len(columns) > SHOWN) or "nothing but times"


def _is_mark(column: Column) -> bool:
    """Whether a column that is not called a lead holds marks of 0 and 1, or numbers that count in a circle."""
    if names_a_lead(column.name) or column.unit:
        return False
    values = column.numbers[np.isfinite(column.numbers)]
    if len(values) < FEW_ROWS:
        return False
    if np.isin(values, (0.0, 1.0)).all():
        return len(np.unique(values)) == 2
    moves = np.diff(values)
    return bool((moves == 1).mean() > 0.7 and (values == np.round(values)).all() and (moves[moves != 1] < 0).all())


def _settled_sampling_frequency(
    timing: Timing, said: Said, options: ReadOptions, path: Path, notes: list[str]
) -> float:
    """The sampling frequency in Hz of times, header and caller; errors of :func:`settle_sampling_frequency`."""
    sampling_frequency, asked = timing.clock.sampling_frequency, options.sampling_frequency
    if sampling_frequency is not None:
        low, high = SAMPLING_FREQUENCY_LIMITS
        if not low <= sampling_frequency <= high:
            stated = f", {asked:g} Hz given" if asked is not None else ""
            raise SamplingFrequencyError(
                f"{path}: its time column {timing.name} gives {sampling_frequency:.6g} Hz{stated}, "
                f"{low:g} to {high:g} can be scored: correct the unit of its times, or pass another recording"
            )
        if (
            said.sampling_frequency is not None
            and abs(said.sampling_frequency - sampling_frequency) > FREQUENCY_TOLERANCE * sampling_frequency
        ):
            notes.append(
                f"the header says {said.sampling_frequency:g} Hz, the times {sampling_frequency:g} Hz, which hold"
            )
        return settle_sampling_frequency(sampling_frequency, options, path)
    unusable = sampling_frequency_notes(said.sampling_frequency, options)
    if unusable:
        notes += unusable
        return settle_sampling_frequency(said.sampling_frequency, options, path)
    if (
        said.sampling_frequency is None
        or asked is None
        or abs(asked - said.sampling_frequency) <= FREQUENCY_TOLERANCE * said.sampling_frequency
    ):
        return settle_sampling_frequency(said.sampling_frequency if asked is None or said.firm else None, options, path)
    if said.firm:
        raise OptionError(
            f"{path}: sampling_frequency {asked:g} Hz given, the file says {said.sampling_frequency:g} Hz: leave it out"
        )
    notes.append(f"the header says {said.sampling_frequency:g} Hz: {asked:g} Hz as stated")
    return float(asked)


def _samples(leads: Sequence[Column], units: Sequence[str], path: Path, notes: list[str]) -> ArraySamples:
    rows, absent = [], 0
    for column, unit in zip(leads, units, strict=True):
        values, count = without_sentinels(column.numbers)
        absent += count
        rows.append(to_millivolts(values, unit, str(path)))
    if absent:
        many = "1 sample is" if absent == 1 else f"{absent} samples are"
        notes.append(f"{many} the smallest whole number, which stands for none: taken as missing")
    return ArraySamples(np.stack(rows))


def _with_gaps(
    samples: ArraySamples,
    clock: Clock,
    sampling_frequency: float,
    options: ReadOptions,
    *,
    path: Path,
    notes: list[str],
) -> Samples:
    """The samples where they belong in time; UnreadableFileError where that takes more than 31 days."""
    steps = clock.steps
    if steps is None or not steps.missing:
        return samples
    total = (samples.shape[1] + steps.missing) / sampling_frequency
    row = steps.firsts[1] + 1
    if total > LONGEST_INTERRUPTED:
        if options.sampling_frequency is not None:
            notes.append(
                f"a gap at row {row} makes it {total / 86400:.0f} days: not used, {sampling_frequency:g} Hz as stated"
            )
            return samples
        raise UnreadableFileError(
            f"{path}: a gap at row {row} makes it {total / 86400:.0f} days, of at most "
            f"{LONGEST_INTERRUPTED / 86400:.0f}: split it there"
        )
    interrupted = InterruptedSamples(samples, steps.starts, steps.firsts)
    notes.append(f"{interrupted.note(sampling_frequency)}, first at row {row}")
    return interrupted
