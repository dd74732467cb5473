"""Columns of a table, and which of them say when the samples were taken."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.channel_names import AXES, is_other_signal, names_a_lead, voltage_unit
from ecgnoise.readers._shared.number_text import is_missing
from ecgnoise.readers._shared.sampling_clock import (
    Clock,
    clock_of_numbers,
    clock_of_sample_numbers,
    clock_of_text,
    first_useful,
    with_start,
)
from ecgnoise.readers._shared.time_steps import IrregularError
from ecgnoise.readers._shared.time_text import (
    INDEX_NAMES,
    TextTimes,
    has_clock,
    is_stamp,
    is_surely_time_name,
    is_time_name,
    seconds_per,
    text_times,
    unit_in_name,
)

MAY_BE_SAMPLES: Final = frozenset({"sample", "samples", "point", "n", "x_value"})  # or be their numbers
FEW_ROWS: Final = 10  # a lead may rise through fewer rows
SOME_ROWS: Final = 100  # or stand still and rise through fewer than these


@dataclass(frozen=True)
class Column:
    """One column of a table.

    name: empty where it has none. unit: as the file spells it. numbers: NaN where a cell has none. texts: of a column
    that holds something else. times: of one whose times are known already. place: its number in the file, from 0.
    """

    name: str
    unit: str | None
    numbers: NDArray[np.float64]
    texts: Sequence[str] | None = None
    times: TextTimes | None = None
    place: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing."""
        return self.rows_used == 0

    @property
    def rows_used(self) -> int:
        """How many rows there are up to the last one that holds something."""
        if self.times is not None:
            used = np.flatnonzero(np.isfinite(self.times.seconds))
        elif self.texts is not None:
            return next((at for at in range(len(self.texts), 0, -1) if not is_missing(self.texts[at - 1])), 0)
        else:
            used = np.flatnonzero(~np.isnan(self.numbers))
        return int(used[-1]) + 1 if len(used) else 0

    @property
    def shown(self) -> str:
        """What a message calls it."""
        name = self.name[:40] or f"column {self.place + 1}"
        strange = self.unit is not None and voltage_unit(self.unit) is None
        return f"{name} ({self.unit[:20]})" if strange and self.unit is not None else name

    def until(self, rows: int) -> "Column":
        """Its first rows."""
        times = self.times
        if times is not None:
            times = replace(times, seconds=times.seconds[:rows])
        texts = None if self.texts is None else self.texts[:rows]
        return replace(self, numbers=self.numbers[:rows], texts=texts, times=times)


@dataclass(frozen=True)
class Timing:
    """What the columns of times say, and which columns these are.

    name: of the one that counts, in quotation marks.
    """

    columns: frozenset[int]
    clock: Clock
    name: str = ""
    notes: tuple[str, ...] = ()


def timing_of(columns: Sequence[Column], hint: float | None, path: Path) -> Timing:
    """The clock of a table; UnreadableFileError where its times are of no use and nobody states a frequency.

    hint: the sampling frequency in Hz that the caller or the header states.
    """
    stamps = {at: times for at, column in enumerate(columns) if (times := _times_of(column)) is not None}
    named = [at for at, column in enumerate(columns) if at not in stamps and _is_named_time(column)]
    dates = {at for at in stamps if columns[at].texts is not None and not any(map(has_clock, columns[at].texts or ()))}
    clocks: dict[int, Clock | IrregularError] = {}
    for at in sorted([*stamps, *named]):
        if at not in dates or len(stamps) + len(named) == 1:
            clocks[at] = _clock(columns[at], stamps.get(at), hint)
    numbers = [at for at, column in enumerate(columns) if at not in clocks and _is_index(column)]
    used = frozenset({*stamps, *named, *numbers})
    start = _start_of_columns(stamps, dates)
    if not any(isinstance(clock, Clock) for clock in clocks.values()) and not named:
        rising = [at for at, column in enumerate(columns) if at not in used and _rises(column, at, len(columns))]
        clocks |= {at: _clock(columns[at], None, hint) for at in rising}
        used |= {*rising}
    timing = _chosen(columns, clocks, hint, path, used)
    if (not clocks and numbers) or (timing.clock.steps is None and numbers):
        counted = clock_of_sample_numbers(columns[numbers[0]].numbers)
        timing = replace(timing, clock=replace(timing.clock, steps=counted.steps))
    left = [_numbers_note(columns[at], at) for at in numbers]
    clock = with_start(timing.clock, start if timing.clock.start is None else None)
    return replace(timing, clock=clock, notes=(*timing.notes, *left))


def _start_of_columns(stamps: dict[int, TextTimes], dates: set[int]) -> datetime | None:
    """When the first sample was taken, by columns of dates and times, or of dates beside one of times of day."""
    day = next((stamps[at].start for at in sorted(dates) if stamps[at].start), None)
    clock = next((stamps[at] for at in sorted(stamps) if at not in dates), None)
    if clock is None or clock.has_date or day is None:
        return clock.start if clock is not None else None
    return day + timedelta(seconds=clock.of_day)


def _numbers_note(column: Column, at: int) -> str:
    return f"left out, sample numbers: {'the first column' if at == 0 and not column.name else column.shown}"


def _chosen(
    columns: Sequence[Column],
    clocks: dict[int, Clock | IrregularError],
    hint: float | None,
    path: Path,
    used: frozenset[int],
) -> Timing:
    """The clock to go by, of those that there are."""
    places = list(clocks)
    found = first_useful([clocks[at] for at in places])
    clock = None if found is None else clocks[places[found]]
    if found is not None and isinstance(clock, Clock):
        name = repr(columns[places[found]].shown)
        stated = f": {hint:g} Hz as stated" if hint is not None and clock.sampling_frequency is None else ""
        return Timing(used, clock, name, tuple(f"the time column {name} {note}{stated}" for note in clock.notes))
    if not clocks:
        return Timing(used, Clock())
    name, problem = repr(columns[places[0]].shown), clocks[places[0]]
    if hint is None:
        raise UnreadableFileError(
            f"{path}: its time column {name} {problem}: pass sampling_frequency in Hz (--sampling-frequency)"
        )
    return Timing(used, Clock(), name, (f"the time column {name} {problem}: {hint:g} Hz as stated",))


def _clock(column: Column, times: TextTimes | None, hint: float | None) -> Clock | IrregularError:
    try:
        if times is not None:
            return clock_of_text(times, hint)
        unit = column.unit if column.unit is not None else unit_in_name(column.name)
        return clock_of_numbers(column.numbers, unit, hint)
    except IrregularError as problem:
        return problem


def _times_of(column: Column) -> TextTimes | None:
    """The times of a column that holds dates or times of day."""
    if column.times is not None:
        return column.times
    if column.texts is None:
        return None
    first = next((cell for cell in column.texts if not is_missing(cell)), "")
    return text_times(column.texts) if is_stamp(first) else None


def _is_lead(column: Column) -> bool:
    return names_a_lead(column.name) or (column.unit is not None and voltage_unit(column.unit) is not None)


def _is_named_time(column: Column) -> bool:
    """Whether the name of a column of numbers, or its unit, is that of times."""
    if column.texts is not None or column.name.casefold() in INDEX_NAMES:
        return False
    if _is_lead(column) and (not is_surely_time_name(column.name) or voltage_unit(column.unit or "")):
        return False
    unit = column.unit is not None and not column.name and seconds_per(column.unit) is not None
    return unit or is_time_name(column.name)


def _is_index(column: Column) -> bool:
    """Whether a column holds sample numbers: by its name, or without one as it counts."""
    if column.texts is not None or column.unit is not None:
        return False
    numbers = column.numbers
    if column.name:
        name = column.name.casefold()
        return name in INDEX_NAMES and (name not in MAY_BE_SAMPLES or bool((np.diff(numbers) >= 0).all()))
    return len(numbers) > 1 and bool(np.all(np.diff(numbers) == 1))


def _rises(column: Column, at: int, columns: int) -> bool:
    """Whether a column that is not called so holds times all the same: the first one, or any that never falls."""
    if (
        column.texts is not None
        or columns < 2
        or is_other_signal(column.name)
        or (_is_lead(column) and column.name.casefold() not in AXES)
    ):
        return False
    known = column.numbers[np.isfinite(column.numbers)]
    moves = np.diff(known)
    if len(known) < FEW_ROWS or not (moves >= 0).all() or not moves.any():
        return False
    strictly = bool((moves > 0).all())
    if strictly and at == 0:
        return True
    return len(known) >= SOME_ROWS and (strictly or at == 0)


def start_of(text: str) -> datetime | None:
    """The date and time in a text, None where it holds none."""
    times = text_times([text.strip()]) if is_stamp(text.strip()) else None
    return times.start if times is not None else None
