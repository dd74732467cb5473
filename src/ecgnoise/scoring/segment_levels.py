"""From what was read in the image of a lead-segment to its noise levels, faults and tails considered."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecgnoise.models.level_estimates import LevelEstimates
from ecgnoise.noise_levels import BANDS, KINDS, SPAN_COLUMNS, SPANS, Levels, new_spans, power_mean, total
from ecgnoise.segments import LeadSegment, Window, touches

BESIDE: Final = 3  # spans on either side of a fault
LEAST_LEFT: Final = 0.5  # of a window that faults leave, so that what was read of the rest counts
STEPS_A_DB: Final = 100  # of packed levels, which are soon written and take little memory
NO_LEVEL: Final = -(1 << 15)
LARGEST_STEP: Final = (1 << 15) - 1


class SegmentLevels(NamedTuple):
    """Levels of one lead-segment in dB over its ECG.

    noise: (bands,). local: (spans, bands), NaN where a span is touched by a fault, everywhere where faults leave less
    than half of the window. snr: (3,).
    """

    noise: Levels
    local: Levels
    snr: Levels


def segment_levels(estimates: LevelEstimates, row: int, item: LeadSegment) -> SegmentLevels:
    """The levels of one lead-segment, the ``row``-th that was read.

    Where some of the window does not count (what is old in a tail, what lies beyond the end of a short recording), the
    level of a kind is the mean power of the spans that count, and the SNR is shifted by what that makes of all noise.
    The three spans beside a fault do not count, while others are left: what is read there is of the fault as well.
    """
    ecg = float(estimates.ecg[row])
    local = estimates.spans[row].T - ecg
    noise, snr = estimates.noise[row] - ecg, np.asarray(estimates.snr[row], np.float64)
    columns = item.counted.reshape(SPANS, SPAN_COLUMNS)
    whole = columns.all(axis=1)
    choices = whole & ~_beside(item), whole, columns.any(axis=1)
    counted = next((spans for spans in choices if spans.any()), choices[-1])
    if counted.any() and not counted.all():
        part = power_mean(local[counted])
        snr = snr + total(noise[: len(KINDS)]) - total(part[: len(KINDS)])
        noise = part
    return SegmentLevels(noise, np.where(_touched(item)[:, None], np.nan, local), snr)


def _touched(item: LeadSegment) -> NDArray[np.bool_]:
    """Which spans of a lead-segment are touched by a fault in what is new in it, (spans,); all where little is left."""
    faulty = item.faulty.copy()
    if faulty.mean() > 1.0 - LEAST_LEFT:
        return np.ones(SPANS, np.bool_)
    faulty[: item.window.new - item.window.start] = False
    return np.array([touches(faulty, (span * SPAN_COLUMNS, (span + 1) * SPAN_COLUMNS)) for span in range(SPANS)])


def _beside(item: LeadSegment) -> NDArray[np.bool_]:
    """Which spans of a lead-segment a fault touches or lies beside, (spans,)."""
    faulty = ~item.intact.reshape(SPANS, SPAN_COLUMNS).all(axis=1)
    return np.convolve(faulty, np.ones(2 * BESIDE + 1), mode="same") > 0


def packed(levels: Levels) -> NDArray[np.int16]:
    """Levels in hundredths of a dB, the same shape; :data:`NO_LEVEL` for NaN."""
    steps = np.clip(np.round(levels * STEPS_A_DB), -LARGEST_STEP, LARGEST_STEP)
    return np.where(np.isnan(steps), NO_LEVEL, steps).astype(np.int16)


def unpacked(kept: NDArray[np.int16], windows: Sequence[Window], frequency: float) -> NDArray[np.float32]:
    """Levels of spans in turn, (leads, spans, bands) in dB, of packed ones, (leads, windows, spans of a window, bands).

    Of the last window only those that are new.
    """
    leads, segments, spans, _ = kept.shape
    last = new_spans(windows[-1], frequency) if spans else slice(0, 0)
    whole = (segments - 1) * spans
    found = np.empty((leads, whole + last.stop - last.start, BANDS), np.float32)
    for lead, of_lead in enumerate(kept):
        found[lead, :whole] = of_lead[:-1].reshape(-1, BANDS)
        found[lead, whole:] = of_lead[-1, last]
        found[lead][found[lead] == NO_LEVEL] = np.nan
        found[lead] /= STEPS_A_DB
    return found
