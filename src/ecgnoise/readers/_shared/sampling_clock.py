"""The clock of a table: what a column of times or sample numbers says of sampling frequency, gaps and start.

A unit of time that is stated holds. Where none is stated, times since 1970 are known by their size, and others are
seconds; a sampling frequency that the caller or the file's header states decides what they are where it can.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.readers._shared.base import FREQUENCY_TOLERANCE
from ecgnoise.readers._shared.time_steps import IrregularError, Steps, steps_of
from ecgnoise.readers._shared.time_text import (
    SECONDS_PER,
    TIME_UNITS,
    TextTimes,
    excel_start,
    is_clock_format,
    seconds_per,
    unix_unit,
)
from ecgnoise.recording import SAMPLING_FREQUENCY_LIMITS

USUAL_RATES: Final = (
    *(100, 120, 125, 128, 130, 150, 180, 200, 240, 250, 256, 300, 320, 360, 400, 480, 500, 512, 600, 640, 720, 750),
    *(800, 960, 1000, 1024, 1200, 1250, 1500, 1600, 2000, 2048, 2400, 2500, 3000, 4000, 4096, 4800, 5000, 8000, 8192),
    *(9600, 10_000, 16_000, 20_000, 22_050, 25_000, 30_000, 32_000, 40_000, 44_100, 48_000, 50_000, 96_000, 100_000),
)
FASTEST: Final = 5000.0  # Hz that times without a unit may give in seconds; in minutes, 100 Hz would be 6000
UNITS_TRIED: Final = (1.0, 1e-3, 1e-6, 1e-9, 60.0, 3600.0, 86400.0)
HINT_TOLERANCE: Final = 1e-2
SURELY_COUNTING: Final = 0.95  # of all steps from one sample to the next


@dataclass(frozen=True)
class Clock:
    """What a column of times says.

    sampling_frequency: samples a second, None where it says nothing certain. steps: where its samples belong, None
    where there is no telling.
    """

    sampling_frequency: float | None = None
    steps: Steps | None = None
    start: datetime | None = None
    notes: tuple[str, ...] = ()


def clock_of_text(times: TextTimes, hint: float | None) -> Clock:
    """The clock of times that were text; IrregularError where they are not regular."""
    steps = steps_of(times.seconds)
    unclear = times.has_date and times.start is None
    notes = ("has dates of which the day and the month are not told apart: the start is not known",) if unclear else ()
    return _unless_coarse(Clock(_sampling_frequency(steps, 1.0, hint), steps, times.start, notes), hint)


def clock_of_numbers(values: NDArray[np.float64], unit: str | None, hint: float | None) -> Clock:
    """The clock of times in a unit, None where none is stated; IrregularError where they are of no use.

    hint: the sampling frequency that somebody states.
    """
    if unit is not None and not is_clock_format(unit):
        seconds = seconds_per(unit)
        if seconds is None:
            return _of_unknown_unit(values, unit, hint)
        steps = steps_of(values)
        return _unless_coarse(Clock(_sampling_frequency(steps, seconds, hint), steps, _start(values, seconds)), hint)
    return _of_no_unit(values, hint)


def clock_of_sample_numbers(values: NDArray[np.float64]) -> Clock:
    """The clock of sample numbers: the gaps in them, and no sampling frequency.

    Numbers of a few bits begin again at 0 after the last one.
    """
    for numbers in (values, _counted_on(values)):
        try:
            return Clock(None, steps_of(numbers) if numbers is not None else None)
        except IrregularError:
            continue
    return Clock()


def _counted_on(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Sample numbers that go on counting where those of a file begin again; None where they do not do so."""
    if not np.isfinite(values).all() or len(values) < 2 or values.min() < 0 or values.max() >= 2**32:
        return None
    circle = 2.0 ** np.ceil(np.log2(values.max() + 1))
    moves = np.mod(np.diff(values), circle)
    return np.concatenate([[0.0], np.cumsum(moves)]) if (moves == 1).mean() > SURELY_COUNTING else None


def _unless_coarse(clock: Clock, hint: float | None) -> Clock:
    """The clock without its rate where its times are rounded so far that another one, which somebody states, holds."""
    if (
        hint is None
        or clock.sampling_frequency is None
        or clock.steps is None
        or not clock.steps.coarse
        or clock.sampling_frequency == hint
    ):
        return clock
    return replace(
        clock,
        sampling_frequency=None,
        notes=(*clock.notes, f"is rounded and would give {clock.sampling_frequency:.6g} Hz"),
    )


def _of_unknown_unit(values: NDArray[np.float64], unit: str, hint: float | None) -> Clock:
    note = f"is in the unit {unit[:20]!r}, none of {TIME_UNITS}"
    if hint is None:
        raise IrregularError(note)
    return Clock(None, _steps_or_none(values), None, (note,))


def _steps_or_none(values: NDArray[np.float64]) -> Steps | None:
    try:
        return steps_of(values)
    except IrregularError:
        return None


def _of_no_unit(values: NDArray[np.float64], hint: float | None) -> Clock:
    steps = steps_of(values)
    known = values[np.isfinite(values)]
    if hint is not None:
        fitting = [unit for unit in UNITS_TRIED if abs(1 / (steps.step * unit) - hint) <= HINT_TOLERANCE * hint]
        if not fitting:
            return Clock(None, steps, None, (f"states no unit (steps of {steps.step:g})",))
        return Clock(hint, steps, _start(values, fitting[0]))
    unix = unix_unit(float(known[0]))
    if unix is not None:
        return Clock(_sampling_frequency(steps, unix, None), steps, _start(values, unix))
    low, high = SAMPLING_FREQUENCY_LIMITS
    sampling_frequency = 1 / steps.step
    if not low <= sampling_frequency <= high:
        days = excel_start(float(known[0]))
        if days is not None and low <= sampling_frequency / 86400 <= high:
            return Clock(_sampling_frequency(steps, 86400.0, None), steps, days)
        raise IrregularError(
            f"states no unit, and in seconds it would be {sampling_frequency:.6g} Hz, "
            f"where {low:g} to {high:g} can be scored"
        )
    if sampling_frequency > FASTEST * (1 + FREQUENCY_TOLERANCE):
        raise IrregularError(
            f"states no unit: {sampling_frequency:.6g} Hz if in s, {sampling_frequency / 60:.6g} Hz if in min"
        )
    return Clock(_sampling_frequency(steps, 1.0, None), steps)


def _sampling_frequency(steps: Steps, seconds: float, hint: float | None) -> float:
    """Samples a second: of those that the rounding of the times allows what is stated, usual, or a whole number."""
    low, middle = 1 / (steps.high * seconds), 1 / (steps.step * seconds)
    high = 1 / (steps.low * seconds) if steps.low > 0 else 2 * SAMPLING_FREQUENCY_LIMITS[1]
    slack = 1e-6 * middle
    if hint is not None and low - FREQUENCY_TOLERANCE * hint <= hint <= high + FREQUENCY_TOLERANCE * hint:
        return hint
    if int(high + slack) - np.ceil(low - slack) > 0:
        usual = [
            sampling_frequency
            for sampling_frequency in USUAL_RATES
            if low - slack <= sampling_frequency <= high + slack
        ]
        if len(usual) > 1:
            raise IrregularError(f"is rounded too far: {' or '.join(map(str, usual[:4]))} Hz fit it")
        if usual:
            return float(usual[0])
    whole = round(middle)
    return float(whole) if low - slack <= whole <= high + slack and whole > 0 else middle


def _start(values: NDArray[np.float64], seconds: float) -> datetime | None:
    """When a recording starts whose times count from 1970, or in days from 1900."""
    known = np.flatnonzero(np.isfinite(values))
    first = float(values[known[0]])
    if seconds == SECONDS_PER["d"]:
        return excel_start(first)
    if unix_unit(first) != seconds:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(first * seconds * 1e6))


def first_useful(clocks: Sequence[Clock | IrregularError]) -> int | None:
    """The number of the clock to go by: one that states the rate before one that does not; None without any."""
    whole = [at for at, clock in enumerate(clocks) if isinstance(clock, Clock)]
    sure = [at for at in whole if _has_sampling_frequency(clocks[at])]
    return next(iter([*sure, *whole]), None)


def _has_sampling_frequency(clock: Clock | IrregularError) -> bool:
    return isinstance(clock, Clock) and clock.sampling_frequency is not None


def with_start(clock: Clock, start: datetime | None) -> Clock:
    """The same clock with the start that another column or the header gives, where it has none."""
    return clock if clock.start is not None or start is None else replace(clock, start=start)
