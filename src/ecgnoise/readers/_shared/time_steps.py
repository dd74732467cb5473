"""How a column of times or sample numbers runs: its step, its rounding, and the gaps in it.

Everything here is in the unit of the column, whatever that is: a hole in a regular column is a hole in any unit. Times
may be rounded, also so far that several rows have the same one; times of packets, repeated for all their samples, are
not regular.
"""

from dataclasses import dataclass, replace
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_GAPS: Final = 0.1  # of all steps; where more are longer than the usual one the column is not regular
JITTER: Final = 1.5  # steps that times may lie off a straight line, besides their rounding
LARGEST: Final = 1e11  # samples a recording may have with its gaps
BLOCKS: Final = 64  # of rows, for the limits of the step
EXPONENTS: Final = range(9, -13, -1)


class IrregularError(Exception):
    """A column whose rows are not at equal distances; the text says how, and follows the name of the column."""


@dataclass(frozen=True)
class Steps:
    """What a regular column says.

    step: the usual step; low, high: between which it lies, as the times are rounded. starts: the sample at which each
    stretch without a gap begins; firsts: which row that is, of those in the file. coarse: whether several rows have
    the same time, so far is it rounded.
    """

    step: float
    low: float
    high: float
    starts: tuple[int, ...] = (0,)
    firsts: tuple[int, ...] = (0,)
    coarse: bool = False

    @property
    def missing(self) -> int:
        """How many samples are missing in the gaps."""
        return self.starts[-1] - self.firsts[-1]


def steps_of(values: NDArray[np.float64]) -> Steps:
    """The steps of a column, NaN where a row has no time; IrregularError where it has no usual step."""
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) < 2:
        raise IrregularError("holds fewer than two times")
    times = values[rows] - values[rows[0]]
    moves, apart = np.diff(times), np.diff(rows).astype(np.float64)
    if (moves < 0).any():
        at = int((moves < 0).argmax())
        raise IrregularError(f"goes back at row {rows[at + 1] + 1} (where the file may be split)")
    if times[-1] == 0:
        raise IrregularError("has the same time in all rows")
    quantum = quantum_of(times, float(np.abs(values[rows]).max()))
    gaps = _gaps(moves, apart, quantum, rows)
    return replace(_fitted(times, rows, np.flatnonzero(gaps) + 1, quantum), coarse=bool((moves == 0).any()))


def quantum_of(times: NDArray[np.float64], largest: float) -> float:
    """The largest power of ten that all times are whole multiples of, 0 where there is none."""
    few = times if len(times) <= 20_000 else np.concatenate([times[:10_000], times[-10_000:]])
    spacing = float(np.spacing(largest))
    for exponent in EXPONENTS:
        quantum = 10.0**exponent
        scaled = few / quantum
        if np.abs(scaled).max() < 0.5:
            continue
        if np.abs(scaled - np.round(scaled)).max() <= max(1e-6, 4 * spacing / quantum) < 0.2:
            return quantum
    return 0.0


def _gaps(
    moves: NDArray[np.float64], apart: NDArray[np.float64], quantum: float, rows: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Which steps are longer than the usual one; IrregularError where these are many, or times repeat."""
    usual = float(np.median((moves / apart)[moves > 0]))
    gaps: NDArray[np.bool_] = moves > apart * usual * 1.5
    normal = (moves / apart)[~gaps]
    if len(normal) and np.ptp(normal) <= 1e-6 * usual and gaps.mean() <= MOST_GAPS:
        return gaps
    repeated = moves == 0
    rounded = abs(usual - quantum) < 1e-6 * usual
    if repeated.any() and not rounded:
        at = int(rows[int(repeated.argmax()) + 1]) + 1
        raise IrregularError(f"has the same time in rows {at - 1} and {at}, as where a packet of samples has one time")
    rounding = quantum if quantum <= 2 * usual else 0.0
    normal_moves = moves <= apart * usual * 1.5 + rounding
    step = float(moves[normal_moves].sum() / apart[normal_moves].sum()) if normal_moves.any() else usual
    gaps = moves - apart * step > max(step / 2, rounding * (1 + 1e-6))
    if gaps.mean() > MOST_GAPS:
        at = int(gaps.argmax())
        raise IrregularError(f"is not regular near row {rows[at + 1] + 1}")
    return gaps


def _fitted(times: NDArray[np.float64], rows: NDArray[np.intp], cuts: NDArray[np.intp], quantum: float) -> Steps:
    """The straight lines of equal slope through the stretches between the cuts."""
    begins = np.concatenate([[0], cuts])
    lengths = np.diff(np.concatenate([begins, [len(rows)]]))
    numbers = rows.astype(np.float64)
    mean_row, mean_time = (np.add.reduceat(column, begins) / lengths for column in (numbers, times))
    off_rows, off_times = numbers - np.repeat(mean_row, lengths), times - np.repeat(mean_time, lengths)
    weight = float(off_rows @ off_rows)
    step = float(off_rows @ off_times) / weight if weight > 0 else 0.0
    if not step > 0:
        raise IrregularError(f"is not regular near row {rows[min(1, len(rows) - 1)] + 1}")
    off = off_times - step * off_rows
    spreads = np.maximum.reduceat(off, begins) - np.minimum.reduceat(off, begins)
    if spreads.max() > JITTER * step + 1.25 * quantum * (quantum <= 1e4 * step):
        within = int(spreads.argmax())
        part = slice(begins[within], begins[within] + lengths[within])
        raise IrregularError(f"is not regular near row {rows[part][int(np.abs(off[part]).argmax())] + 1}")
    lost = np.round((mean_time - mean_time[0]) / step - (mean_row - mean_row[0]))
    if lost.max() + len(rows) > LARGEST:
        at = int(np.diff(lost).argmax()) + 1
        raise IrregularError(f"has a gap of {lost[at] - lost[at - 1]:.3g} samples at row {rows[begins[at]] + 1}")
    lost = np.maximum.accumulate(np.maximum(lost, 0)).astype(np.int64)
    longest = int(lengths.argmax())
    part = slice(begins[longest], begins[longest] + lengths[longest])
    low, high = _limits(numbers[part], off[part], quantum)
    firsts = rows[begins]
    firsts[0] = 0
    new = np.concatenate([[True], np.diff(lost) > 0])
    starts = firsts + lost
    return Steps(step, step + low, step + high, tuple(starts[new].tolist()), tuple(firsts[new].tolist()))


def _limits(rows: NDArray[np.float64], off: NDArray[np.float64], quantum: float) -> tuple[float, float]:
    """How much smaller and larger the step may be so that rounding explains what times lie off a straight line."""
    spread = float(np.ptp(off))
    band = max(quantum, spread) if spread > 0.05 * quantum else spread
    band = band * (1 + 1e-9) + 1e-12 * float(rows[-1] - rows[0])
    edges = np.linspace(0, len(rows), min(BLOCKS, len(rows)) + 1).astype(int)[:-1]
    places = {at for edge, end in zip(edges, [*edges[1:], len(rows)], strict=True) for at in _extremes(off, edge, end)}
    at = np.array(sorted(places))
    apart = rows[at][None, :] - rows[at][:, None]
    change = off[at][None, :] - off[at][:, None]
    later = apart > 0
    if not later.any():
        return 0.0, 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        high = float(np.where(later, (band + change) / apart, inf).min())
        low = float(np.where(later, (change - band) / apart, -inf).max())
    return min(low, 0.0), max(high, 0.0)


def _extremes(off: NDArray[np.float64], begin: int, end: int) -> tuple[int, int]:
    return begin + int(off[begin:end].argmax()), begin + int(off[begin:end].argmin())
