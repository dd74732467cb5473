"""Windows of 10 s, tails, parts and faults.

Segments lie end to end. A rest shorter than 10 s is scored in the window that ends with the recording, and only its new
part counts. A new part shorter than 1 s is too short for a score of its own: that of its window stands, of which all
counts that is free of faults. A recording of 5 to 10 s is one window, lengthened by reflection.

A fault says why a lead-segment has no score, in order of precedence:

===========  ========================================================================================================
``no_gain``  the file gives no usable gain for the lead
``missing``  samples that are not numbers, a second or more in all
``clipped``  samples at a rail, see below, a second or more in all
``flat``     no variation for a second or more
``short``    the recording is shorter than 10 s; from 5 s on it is scored all the same
===========  ========================================================================================================

A fault counts for a segment where it touches the new part of its window; parts that it does not touch are scored.

Samples are at a rail where they are runs of 40 ms and more at the largest or smallest value, far from the median. A
soft or noisy rail has runs of 40 ms and more within 2 % of the range, at both of whose ends the signal turns abruptly,
three of them or half a second in all: the crest of a wave turns gently, and a pulse of calibration is one. A third of
all samples within 2 % of an extreme that is far from the median are at a rail whatever they look like.

Samples that are further from the median than 10,000 times the distance between the quartiles, and than 100 times the
furthest of the other samples, are missing where they have one or two values, such as the -2147483648 that stands for
"no sample".
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import OptionError
from ecgnoise.recording import Recording, whole_number
from ecgnoise.samples import Signal
from ecgnoise.scalogram.profile import COLUMNS
from ecgnoise.scalogram.superlet import segment_samples

SHORTEST_SECONDS: Final = 5.0
SHORTEST_OWN_SECONDS: Final = 1.0  # of new signal with a score of its own
FAULT_SECONDS: Final = 1.0
RAIL_SECONDS: Final = 0.04
RAIL_DISTANCE: Final = 0.25
RAIL_TOLERANCE: Final = 0.02  # of the range, within which a soft or noisy rail stays
RAIL_GAP_SECONDS: Final = 0.012
RAIL_BESIDE_SECONDS: Final = 0.06
RAIL_ABRUPT: Final = 3.0
RAIL_SHARE: Final = 1 / 3
RAIL_RUNS: Final = 3
RAIL_TOGETHER_SECONDS: Final = 0.5
FLAT_TOLERANCE: Final = 1e-6
ABSURD_RATIO: Final = 1e4
ABSURD_GAP: Final = 100.0
ABSURD_VALUES: Final = 2

NO_GAIN: Final = "no_gain"
SHORT: Final = "short"
MISSING: Final = "missing"
CLIPPED: Final = "clipped"
FLAT: Final = "flat"
SampleT = TypeVar("SampleT", np.float32, np.bool_)

FAULTS: Final = (NO_GAIN, SHORT, MISSING, CLIPPED, FLAT)


@dataclass(frozen=True)
class Window:
    """Samples start..stop-1 that make one image, and the part of it that is new.

    new: first sample that no earlier segment covers. columns: first and one past the last image column that is new.
    own: whether the new part is long enough for a score of its own.
    """

    start: int
    stop: int
    new: int
    columns: tuple[int, int]
    own: bool = True


def windows(samples: int, sampling_frequency: float) -> tuple[Window, ...]:
    """The windows of a recording.

    The new part of a tail has ``floor(256 * new samples / samples of a segment)`` columns as published, but at least
    one: the published program loses the tail below that.
    """
    length = segment_samples(sampling_frequency)
    if samples < length:
        return (Window(0, samples, 0, (0, count_columns(samples, length))),)
    whole = [Window(start, start + length, start, (0, COLUMNS)) for start in range(0, samples - length + 1, length)]
    rest = samples % length
    if rest:
        columns = (COLUMNS - count_columns(rest, length), COLUMNS)
        own = rest >= SHORTEST_OWN_SECONDS * sampling_frequency
        whole.append(Window(samples - length, samples, samples - rest, columns, own))
    return tuple(whole)


def count_columns(samples: int, length: int) -> int:
    """Number of whole columns in this many samples of a segment, at least one."""
    return max(1, COLUMNS * samples // length)


def check_parts(parts: object) -> int:
    """The number of parts of a segment; OptionError unless it is a whole number from 1 to 256."""
    number = whole_number(parts, "parts")
    if not 1 <= number <= COLUMNS:
        raise OptionError(f"parts {number}: a segment has 1 to {COLUMNS} parts")
    return number


def part_columns(columns: tuple[int, int], parts: int) -> list[tuple[int, int]]:
    """First and one past the last column of each part.

    As published: a part has ``256 // parts`` columns, the last one of a segment takes what is left, and a tail is
    divided from its own first column into as many parts of that width as it needs.
    """
    check_parts(parts)
    first, last = columns
    width = COLUMNS // parts
    count = min(parts, -(-(last - first) // width))
    return list(pairwise([first + index * width for index in range(count)] + [last]))


def lengthen(signal: NDArray[SampleT], length: int) -> NDArray[SampleT]:
    """Samples (leads, samples) brought to at least ``length`` samples by reflection at its end."""
    lacking = length - signal.shape[1]
    return np.pad(signal, ((0, 0), (0, lacking)), mode="symmetric") if lacking > 0 else signal


def fill(signal: Signal) -> Signal:
    """The signal (leads, samples) with missing samples on a straight line between their neighbours; 0 if all are."""
    missing = np.isnan(signal)
    if not missing.any():
        return signal
    filled = signal.copy()
    for row in np.flatnonzero(missing.any(axis=1)):
        known = np.flatnonzero(~missing[row])
        absent = np.flatnonzero(missing[row])
        filled[row, absent] = np.interp(absent, known, signal[row, known]) if known.size else 0.0
    return filled


@dataclass(frozen=True)
class LeadSegment:
    """One lead in one window of a recording.

    signal: (samples of 10 s,), missing samples filled in. faulty: which samples are faulty, (samples of 10 s,).
    fault: why it has no score, or ``short``, or empty. railed: share of the new samples that are at a rail, 0..1.
    """

    lead: int
    segment: int
    window: Window
    signal: NDArray[np.float32]
    faulty: NDArray[np.bool_]
    fault: str
    railed: float = 0.0

    @property
    def drawable(self) -> bool:
        """Whether there is anything to draw."""
        return not self.faulty.all() and bool(np.ptp(self.signal) > 0)

    @property
    def scored(self) -> bool:
        """Whether the whole of it has a score."""
        return self.drawable and self.fault in {"", SHORT}

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Which image columns make the score, (columns,)."""
        if self.window.own:
            columns = np.arange(COLUMNS)
            return (columns >= self.window.columns[0]) & (columns < self.window.columns[1])
        return self.intact

    @property
    def intact(self) -> NDArray[np.bool_]:
        """Which image columns no fault touches, (columns,)."""
        edges = len(self.faulty) * np.arange(COLUMNS) // COLUMNS
        return np.logical_not(np.logical_or.reduceat(self.faulty, edges))


def cut(recording: Recording, segment: int, window: Window) -> list[LeadSegment]:
    """The lead-segments of one window of a recording, all leads."""
    return cut_signal(recording.window(window.start, window.stop), recording, segment, window)


def cut_signal(signal: Signal, recording: Recording, segment: int, window: Window) -> list[LeadSegment]:
    """The lead-segments of one window of a recording whose samples, (leads, samples), are read already."""
    frequency = recording.sampling_frequency
    length = segment_samples(frequency)
    samples = signal.shape[1]
    new = np.arange(length) >= window.new - window.start
    signal = without_absurd(signal)
    filled = fill(lengthen(signal, length))
    cuts = []
    for lead, lead_fault in enumerate(recording.lead_faults):
        fault, found, railed = look_for_faults(signal[lead], frequency)
        faulty = lengthen(found[None], length)[0]
        enough = window.own or (~faulty).sum() >= SHORTEST_OWN_SECONDS * frequency
        if enough and not (faulty & new).any():
            fault = FLAT if np.ptp(filled[lead]) == 0 else ""
        if lead_fault or samples < SHORTEST_SECONDS * frequency:
            fault, faulty = lead_fault or SHORT, np.ones(length, np.bool_)
        elif samples < length:
            fault = fault or SHORT
        share = float(railed[window.new - window.start :].mean())
        cuts.append(LeadSegment(lead, segment, window, filled[lead], faulty, fault, share))
    return cuts


def without_absurd(signal: Signal) -> Signal:
    """The signal (leads, samples) with absurd samples, see the top of this module, missing."""
    with np.errstate(all="ignore"):
        largest = np.fmax.reduce(np.abs(signal), axis=1, initial=0.0)
        typical = np.median(np.abs(signal), axis=1)  # NaN where samples are missing: looked at all the same
    cleaned = signal
    for row in np.flatnonzero(~(largest <= ABSURD_RATIO * typical.astype(np.float64))):
        absurd = _absurd(signal[row].astype(np.float64))
        if absurd.any():
            cleaned = signal.copy() if cleaned is signal else cleaned
            cleaned[row, absurd] = np.nan
    return cleaned


def _absurd(lead: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Samples of one or two values, out of all proportion to the others and far beyond the last of them, (samples,)."""
    finite = np.isfinite(lead)
    if not finite.any():
        return np.zeros(len(lead), np.bool_)
    low, middle, high = np.quantile(lead[finite], [0.25, 0.5, 0.75])
    distance = np.where(finite, np.abs(lead - middle), 0.0)
    absurd = distance > ABSURD_RATIO * (high - low)
    apart = absurd.any() and distance[absurd].min() > ABSURD_GAP * distance[~absurd].max(initial=0.0)
    stand_for_none = high > low and apart and len(np.unique(lead[absurd])) <= ABSURD_VALUES
    return absurd if stand_for_none else np.zeros(len(lead), np.bool_)


def find_fault(lead: NDArray[np.float32], sampling_frequency: float) -> tuple[str, NDArray[np.bool_]]:
    """The fault of one lead of a window, (samples,), by its samples, and which of them are faulty, (samples,)."""
    fault, faulty, _ = look_for_faults(lead, sampling_frequency)
    return fault, faulty


def look_for_faults(
    lead: NDArray[np.float32], sampling_frequency: float
) -> tuple[str, NDArray[np.bool_], NDArray[np.bool_]]:
    """What :func:`find_fault` gives, and which samples are at a rail, too few for a fault or not, (samples,)."""
    needed = FAULT_SECONDS * sampling_frequency
    missing = np.isnan(lead)
    runs = _constant_runs(lead)
    flat = _mask(runs[(runs[:, 1] - runs[:, 0]) >= needed], len(lead))
    railed = _railed(lead, runs, sampling_frequency)
    masks = {MISSING: missing, CLIPPED: railed, FLAT: flat}
    found = {fault: mask for fault, mask in masks.items() if mask.sum() >= needed}
    return next(iter(found), ""), np.any([np.zeros_like(missing), *found.values()], axis=0), railed


def _constant_runs(lead: NDArray[np.float32]) -> NDArray[np.int64]:
    """First and one past the last sample of each run of equal samples, (runs, 2)."""
    finite = lead[np.isfinite(lead)]
    if not finite.size:
        return np.empty((0, 2), np.int64)
    tolerance = FLAT_TOLERANCE * float(finite.max() - finite.min())
    equal = np.abs(np.diff(lead.astype(np.float64))) <= tolerance
    edges = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]]).astype(np.int8)))
    return np.column_stack([edges[::2], edges[1::2] + 1]).astype(np.int64)


def _mask(runs: NDArray[np.int64], samples: int) -> NDArray[np.bool_]:
    """True within the runs, (samples,)."""
    steps = np.zeros(samples + 1, np.int64)
    np.add.at(steps, runs[:, 0], 1)
    np.add.at(steps, runs[:, 1], -1)
    return np.asarray(np.cumsum(steps[:-1]) > 0)


def _railed(lead: NDArray[np.float32], runs: NDArray[np.int64], sampling_frequency: float) -> NDArray[np.bool_]:
    """Samples at the extreme values, as a railed or saturated amplifier leaves them, (samples,).

    runs: of equal samples, (runs, 2). Beside long runs at the very extremes these are samples near them where the
    signal comes to rest abruptly, and all samples near them where they are a third of the lead.
    """
    values = lead.astype(np.float64)
    if not np.isfinite(values).any():
        return np.zeros(len(lead), np.bool_)
    quantiles = np.nanquantile(values, [0.0, 0.5, 1.0])
    long = runs[(runs[:, 1] - runs[:, 0]) >= max(2.0, RAIL_SECONDS * sampling_frequency)]
    hard = _mask(long[_extreme(values[long[:, 0]], quantiles, FLAT_TOLERANCE)], len(lead))
    near = _extreme(values, quantiles, RAIL_TOLERANCE)
    if near.sum() >= RAIL_SHARE * len(lead):
        return hard | near
    return hard | _soft_rails(values, near, quantiles[2] - quantiles[0], sampling_frequency)


def _extreme(values: NDArray[np.float64], quantiles: NDArray[np.float64], tolerance: float) -> NDArray[np.bool_]:
    """Which values are near the lowest or the highest and far from the median; tolerance: a share of the range.

    quantiles: the lowest value, the median and the highest, (3,).
    """
    low, middle, high = quantiles
    span = high - low
    extreme = (values >= high - tolerance * span) | (values <= low + tolerance * span)
    return np.asarray(extreme & (np.abs(values - middle) > RAIL_DISTANCE * span))


def _soft_rails(
    lead: NDArray[np.float64], near: NDArray[np.bool_], span: float, sampling_frequency: float
) -> NDArray[np.bool_]:
    """Runs near an extreme, (samples,), at both of whose ends the signal turns abruptly, where there are several.

    The crest of a wave is a parabola: what is as deep as the tolerance at half the run's length from its middle is four
    times as deep at twice that. What falls several times faster has been at a rail. span: the range of the lead.
    """
    runs = _joined(near, RAIL_GAP_SECONDS * sampling_frequency)
    runs = runs[(runs[:, 1] - runs[:, 0]) >= max(3.0, RAIL_SECONDS * sampling_frequency)]
    length, last = runs[:, 1] - runs[:, 0], len(lead) - 1
    beside = np.minimum(length / 2, RAIL_BESIDE_SECONDS * sampling_frequency).astype(np.int64)
    crest = RAIL_TOLERANCE * span * (1 + 2 * beside / length) ** 2
    abrupt = np.ones(len(runs), np.bool_)
    for inside, outside in ((runs[:, 0], runs[:, 0] - beside), (runs[:, 1] - 1, runs[:, 1] - 1 + beside)):
        fall = np.abs(lead[outside.clip(0, last)] - lead[inside])
        abrupt &= (outside < 0) | (outside > last) | (fall >= RAIL_ABRUPT * crest)
    found = _mask(runs[abrupt], len(lead))
    enough = abrupt.sum() >= RAIL_RUNS or found.sum() >= RAIL_TOGETHER_SECONDS * sampling_frequency
    return found if enough else np.zeros_like(found)


def _joined(mask: NDArray[np.bool_], gap: float) -> NDArray[np.int64]:
    """First and one past the last sample of each run of a mask, (runs, 2); runs ``gap`` samples apart are one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    apart = starts[1:] - stops[:-1] > gap
    first = np.concatenate([np.ones(min(1, len(starts)), np.bool_), apart])
    final = np.concatenate([apart, np.ones(min(1, len(starts)), np.bool_)])
    return np.column_stack([starts[first], stops[final]]).astype(np.int64)


def touches(faulty: NDArray[np.bool_], columns: tuple[int, int]) -> bool:
    """Whether any faulty sample of a 10-s window, (samples,), lies under these columns."""
    samples = len(faulty)
    first, last = (samples * column // COLUMNS for column in columns)
    return bool(faulty[first : max(last, first + 1)].any())


def segment_times(window: Window, sampling_frequency: float) -> tuple[float, float]:
    """Start and duration in seconds of what is new in a window."""
    return window.new / sampling_frequency, (window.stop - window.new) / sampling_frequency


def part_times(window: Window, parts: int, sampling_frequency: float) -> list[tuple[float, float]]:
    """Start and duration in seconds of each part of a window, NaN for parts that a tail does not have."""
    seconds = segment_samples(sampling_frequency) / sampling_frequency / COLUMNS
    begin = window.start / sampling_frequency
    there = [(begin + first * seconds, (last - first) * seconds) for first, last in part_columns(window.columns, parts)]
    return there + [(math.nan, math.nan)] * (parts - len(there))
