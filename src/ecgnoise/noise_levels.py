"""Noise levels: how strong each kind of noise is, in a lead-segment and in each span of it.

A level is a power in dB. What reads levels in images gives them over the image's reference, the QRS level; here
they become levels over the power (the variance) of the lead's ECG, negative where the noise is weaker than the ECG.

span
    one of 32 equal stretches of a window, 0.3125 s each. Its level is that of the noise power under a Hann window of
    1 s around its middle, whose effective length is 0.5 s.
weighted
    of levels: baseline wander at a level of x dB counts as 1.6 x - 10 dB, since who reads an ECG filters it and looks
    past it while it is no stronger than the beats. All other kinds count as they are.
reading band
    0.67 to 40 Hz, in which a monitor shows an ECG. What is left of noise there is a level of its own beside the kinds.
readable SNR
    power of the ECG over that of all noise, weighted, in dB; at least that in the reading band, up to 4 dB: where QRS
    complexes stand out of what a monitor shows, they can be found, however far a lead wanders.
excursion
    what the baseline wander of a span has beyond 12 dB over that of the quietest quarter of its segment. Who reads an
    ECG looks past a baseline that swings steadily, but not past one that leaps; so an excursion counts as it is.
local SNR
    the readable SNR of a span, over the ECG of its segment, excursions counting as they are.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import ModelFormatError
from ecgnoise.scalogram.profile import COLUMNS
from ecgnoise.scalogram.superlet import segment_samples
from ecgnoise.segments import Window

BASELINE_WANDER: Final = "baseline_wander"
ELECTRODE: Final = "electrode"
MUSCLE: Final = "muscle"
MAINS: Final = "mains"
SPIKE: Final = "spike"
BROADBAND: Final = "broadband"
KINDS: Final = (BASELINE_WANDER, ELECTRODE, MUSCLE, MAINS, SPIKE, BROADBAND)
BANDS: Final = len(KINDS) + 1  # all kinds, and all noise in the reading band
QRS_DB: Final = 4.0
WANDER: Final = KINDS.index(BASELINE_WANDER)
WANDER_SLOPE: Final = 1.6
WANDER_DB: Final = -10.0
STEADY_SHARE: Final = 0.25
EXCURSION_DB: Final = 12.0
SPANS: Final = 32
SPAN_COLUMNS: Final = COLUMNS // SPANS
ESTIMATES: Final = 3
LOCAL_DECIMALS: Final = 1
AT_ONCE: Final = 1 << 16  # spans, so that memory does not hold all in double precision
MICROVOLTS: Final = 1000.0  # in a mV

Levels = NDArray[np.float64]


@dataclass(frozen=True)
class SpanRule:
    """When spans count as too noisy.

    Parameters
    ----------
    enter : float
        A stretch holds a span whose local SNR in dB lies below this.
    leave : float
        It reaches as far as the local SNR in dB lies below this; not below ``enter``.
    gap : float
        Stretches at most so many seconds apart are one.
    shortest : float
        One that is then shorter, in seconds, does not count.
    leak : float, default infinite
        At either end of a stretch, a span that is not below ``enter`` does not count where its local SNR in dB lies
        more than this above that of the span within: its noise is that of its neighbour, under the window of a second.

    Raises
    ------
    ModelFormatError
        If ``leave`` lies below ``enter``, or ``gap``, ``shortest`` or ``leak`` below 0.

    Examples
    --------
    >>> from ecgnoise import SpanRule
    >>> SpanRule(enter=5.0, leave=9.0, gap=0.5, shortest=0.6).leave
    9.0
    """

    enter: float
    leave: float
    gap: float
    shortest: float
    leak: float = np.inf

    def __post_init__(self) -> None:
        if not (self.leave >= self.enter and self.gap >= 0 and self.shortest >= 0 and self.leak >= 0):
            raise ModelFormatError(
                f"spans from {self.enter:g} to {self.leave:g} dB, gap {self.gap:g} s, shortest {self.shortest:g} s, "
                f"leak {self.leak:g} dB: leave must not lie below enter, nor gap, shortest and leak below 0"
            )


@dataclass(frozen=True)
class SpanLimits:
    """Lowest local SNR in dB of each grade, and how spans become stretches; see :class:`SpanRule`.

    18 and 5 dB are those of Smital et al., "Real-time quality assessment of long-term ECG signals recorded by wearables
    in free-living conditions", IEEE Trans. Biomed. Eng. 67, 2721, 2020.

    margin: dB between entering and leaving what cannot be used, below ``fair`` or any other SNR that is asked for.
    narrow_margin: the same at the limits of ``good`` and ``poor``, where the grade of each span matters more than that
    a burst is whole. gap, shortest: seconds. leak: dB.
    """

    good: float = 18.0
    fair: float = 5.0
    poor: float = 0.0
    margin: float = 8.0
    gap: float = 0.5
    shortest: float = 0.6
    leak: float = 4.0
    narrow_margin: float = 4.0

    def __post_init__(self) -> None:
        if not self.good > self.fair > self.poor:
            raise ModelFormatError(
                f"local SNR {self.good:g}, {self.fair:g}, {self.poor:g} dB: good must lie above fair, fair above poor"
            )
        self.rule(len(self.bounds))
        self.rule_below(self.fair)

    @property
    def bounds(self) -> tuple[float, float, float]:
        """The limits of good, fair and poor in dB."""
        return self.good, self.fair, self.poor

    def rule(self, number: int) -> SpanRule:
        """When spans are of the grade with this number, 0 good to 3 unusable, or of a worse one."""
        if number == 0:
            return SpanRule(np.inf, np.inf, 0.0, 0.0)
        rule = self.rule_below(self.bounds[number - 1])
        unusable_time = number == self.bounds.index(self.fair) + 1
        return rule if unusable_time else replace(rule, leave=rule.enter + self.narrow_margin)

    def rule_below(self, enter: float) -> SpanRule:
        """When spans are noisier than a local SNR in dB."""
        return SpanRule(enter, enter + self.margin, self.gap, self.shortest, self.leak)


def power_mean(levels: Levels) -> Levels:
    """The level of the mean power over the first axis, in dB; NaN does not count."""
    return np.asarray(10.0 * np.log10(np.nanmean(10.0 ** (levels / 10.0), axis=0)))


def total(levels: NDArray[np.floating]) -> Levels:
    """The level of all kinds together, (...), of levels (..., kinds) in dB; NaN does not count, only NaN is NaN."""
    power = np.nansum(10.0 ** (np.asarray(levels, np.float64) / 10.0), axis=-1)
    known = np.isfinite(levels).any(axis=-1)
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(known, 10.0 * np.log10(power), np.nan))


def weighted(levels: NDArray[np.floating]) -> Levels:
    """Levels over the ECG as they count, (..., kinds)."""
    counted = np.array(levels, np.float64)
    counted[..., WANDER] = WANDER_SLOPE * counted[..., WANDER] + WANDER_DB
    return counted


def weighted_spans(levels: NDArray[np.floating], excursion: Levels) -> Levels:
    """Levels over the ECG of spans as they count, (spans, kinds), with the power of their excursions, (spans,)."""
    split = np.array(levels, np.float64)
    split[:, WANDER] = 10.0 * np.log10(10.0 ** (split[:, WANDER] / 10.0) - excursion)
    counted = weighted(split)
    counted[:, WANDER] = 10.0 * np.log10(10.0 ** (counted[:, WANDER] / 10.0) + excursion)
    return counted


def excursions(wander: NDArray[np.floating]) -> Levels:
    """Power over that of the ECG of the excursions of a lead, (spans,), of the level of its wander in spans, (spans,).

    Segments lie behind one another, each of 32 spans; a last one that has fewer is compared with the last 32.
    """
    power = 10.0 ** (np.asarray(wander, np.float64) / 10.0)
    return np.asarray(np.maximum(power - _steady_wander(power) * 10.0 ** (EXCURSION_DB / 10.0), 0.0))


def _steady_wander(power: Levels) -> Levels:
    """The power of baseline wander in the quietest quarter of the segment of each span, (spans,)."""
    first = len(power) // SPANS * SPANS
    rows = power[:first].reshape(-1, SPANS)
    if first < len(power):
        last = power[-SPANS:]
        padded = np.pad(last, (0, SPANS - len(last)), constant_values=np.nan)
        rows = np.concatenate([rows, padded[None]])
    steady = np.full(len(rows), np.nan)
    known = np.isfinite(rows).any(axis=1)
    steady[known] = np.nanquantile(rows[known], STEADY_SHARE, axis=1)
    return np.repeat(steady, SPANS)[: len(power)]


def unweighted(level: float, kind: str) -> float:
    """The level over the ECG of a kind that counts as ``level``; the inverse of :func:`weighted`."""
    return (level - WANDER_DB) / WANDER_SLOPE if kind == BASELINE_WANDER else level


def readable_snr(noise: NDArray[np.floating], reading: NDArray[np.floating]) -> Levels:
    """Readable SNR in dB to a tenth, (...), of levels over the ECG of the kinds, (..., kinds), and in the reading band.

    reading: (...), NaN where it is not known. All levels count to a tenth, as in tables, so that those of a table give
    the same.
    """
    return _readable(weighted(np.round(noise, LOCAL_DECIMALS)), reading)


def _readable(counted: Levels, reading: NDArray[np.floating]) -> Levels:
    """Readable SNR in dB to a tenth, of levels as they count and of that in the reading band."""
    snr = -total(counted)
    least = np.minimum(-np.round(reading, LOCAL_DECIMALS), QRS_DB)
    readable = np.where(np.isnan(snr), np.nan, np.fmax(snr, least))
    return np.asarray(np.round(readable, LOCAL_DECIMALS) + 0.0)  # no -0


def local_snr(local: NDArray[np.floating]) -> NDArray[np.float32]:
    """Local SNR in dB, (leads, spans), of levels (leads, spans, bands) over the ECG."""
    snr = np.empty(local.shape[:2], np.float32)
    for lead, levels in enumerate(local):
        excursion = excursions(np.round(levels[:, WANDER], LOCAL_DECIMALS))
        for first in range(0, len(levels), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            noise = np.round(levels[some, : len(KINDS)], LOCAL_DECIMALS)
            snr[lead, some] = _readable(weighted_spans(noise, excursion[some]), levels[some, -1])
    return snr


def strongest(levels: NDArray[np.floating]) -> tuple[NDArray[np.str_], Levels]:
    """The kind with the largest level and its share of all power, 0..1, (...), of levels (..., kinds) in dB.

    Empty and NaN where all levels are NaN.
    """
    known = np.isfinite(levels).any(axis=-1)
    there = np.where(np.isfinite(levels), levels, -np.inf)
    largest = np.where(known, there.max(axis=-1, initial=-np.inf), np.nan)
    share = 10.0 ** ((largest - total(levels)) / 10.0)
    return np.where(known, np.asarray(KINDS)[there.argmax(axis=-1)], ""), np.asarray(share)


def span_kinds(levels: NDArray[np.floating]) -> NDArray[np.str_]:
    """The kind that counts most in each span of a lead, (spans,), of levels (spans, kinds); empty where all are NaN."""
    return strongest(weighted_spans(levels, excursions(levels[:, WANDER])))[0]


def ecg_rms(ecg: Levels, reference: Levels) -> Levels:
    """RMS of the ECG in mV, of its power over the reference in dB and the reference in log10 mV^2."""
    return np.asarray(10.0 ** (ecg / 20.0 + reference / 2.0))


def microvolts(noise: Levels, rms: Levels) -> Levels:
    """RMS of noise in uV, (..., kinds), of its level over the ECG in dB and the RMS of the ECG in mV, (...)."""
    return np.asarray(MICROVOLTS * rms[..., None] * 10.0 ** (noise / 20.0))


def new_spans(window: Window, sampling_frequency: float) -> slice:
    """The spans of a window that reach into what is new in it and there at all."""
    length = segment_samples(sampling_frequency)
    first = (window.new - window.start) * SPANS // length
    return slice(first, min(SPANS, -(-(window.stop - window.start) * SPANS // length)))


def span_times(window: Window, sampling_frequency: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Start and duration in seconds of the new spans of a window, each (new spans,).

    They lie end to end: the first begins with what is new, the last ends with the window.
    """
    length, spans = segment_samples(sampling_frequency), new_spans(window, sampling_frequency)
    edges = window.start + np.arange(spans.start, spans.stop + 1) * length / SPANS
    edges[0], edges[-1] = window.new, window.stop
    edges = edges / sampling_frequency
    return edges[:-1], np.diff(edges)
