"""The classical signal quality indices, from their papers.

Li 2008         Li, Mark and Clifford, Physiol Meas 29(1):15-32, 2008: kSQI, bSQI.
Clifford 2012   Clifford, Behar, Li and Rezek, Physiol Meas 33(9):1419-1433, 2012: sSQI, pSQI, basSQI, flat share.
Orphanidou 2015 Orphanidou, Bonnici, Charlton, Clifton, Vallance and Tarassenko, IEEE J Biomed Health Inform
                19(3):832-838, 2015.

x is the lead, m its mean, s its standard deviation, P its power spectral density. No unit matters but to the flat
share. P is Welch's, Hann windows of 4 s, each without its mean; the papers leave the estimator open. ValueError for
missing samples or a lead without variation.

bSQI and Orphanidou's index need QRS detectors: NeuroKit2's (MIT licence), those of six, and of their fifteen pairs,
with which the index did best on 60 leads of Challenge 2011. Hamilton's there starts with false beats.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from scipy import signal as sps

from benchmarks.rivals import neurokit
from benchmarks.rivals.contract import Array, checked

PSD_SECONDS: Final = 4.0
BEAT_TOLERANCE: Final = 0.15
DETECTORS: Final = ("neurokit", "pantompkins1985")
HEART_RATES: Final = (40.0, 180.0)
LONGEST_RR: Final = 3.0
RR_RATIO: Final = 2.2
FLAT_STEP: Final = 1e-3
FLAT_SECONDS: Final = 0.2
Detector = Callable[[Array, float], Array]


def standard_moment(lead: Array, order: int) -> float:
    """mean(((x - m) / s)^order)."""
    lead = checked(lead)
    return float(np.mean(((lead - lead.mean()) / lead.std()) ** order))


def kurtosis(lead: Array, _: float) -> float:
    """The kSQI = mean(((x - m) / s)^4), 3 for Gaussian noise; clean leads above 5 (Li 2008)."""
    return standard_moment(lead, 4)


def skewness(lead: Array, _: float) -> float:
    """The sSQI = mean(((x - m) / s)^3) (Clifford 2012). Departure: absolute, since its sign is the lead's polarity."""
    return abs(standard_moment(lead, 3))


def band_powers(lead: Array, sampling_frequency: float, *bands: tuple[float, float]) -> list[float]:
    """Integral of P over each band, in Hz, the upper edge left out."""
    length = min(len(lead), round(PSD_SECONDS * sampling_frequency))
    frequency, power = sps.welch(checked(lead), sampling_frequency, "hann", nperseg=length)
    return [float(power[(frequency >= low) & (frequency < high)].sum()) for low, high in bands]


def qrs_power(lead: Array, sampling_frequency: float) -> float:
    """The pSQI = integral of P over 5-15 Hz / over 5-40 Hz (Clifford 2012)."""
    qrs, all_of_it = band_powers(lead, sampling_frequency, (5, 15), (5, 40))
    return qrs / all_of_it


def baseline_power(lead: Array, sampling_frequency: float) -> float:
    """The basSQI = 1 - integral of P over 0-1 Hz / over 0-40 Hz (Clifford 2012), of the lead without its mean."""
    baseline, all_of_it = band_powers(lead, sampling_frequency, (0, 1), (0, 40))
    return 1.0 - baseline / all_of_it


def minus_flat_share(lead: Array, sampling_frequency: float) -> float:
    """Minus the share of steps, from sample to sample, that lie in flat stretches (Clifford 2012).

    Flat: 0.2 s or more of steps below 1 uV; the paper leaves both open. Single small steps are the recorder's.
    """
    lead = np.asarray(lead, np.float64)
    if not np.isfinite(lead).all():
        raise ValueError("samples that are not numbers")
    small = np.concatenate([[0], np.abs(np.diff(lead)) < FLAT_STEP, [0]]).astype(int)
    edges = np.flatnonzero(np.diff(small))
    stretches = edges[1::2] - edges[::2]
    long_enough = stretches[stretches >= FLAT_SECONDS * sampling_frequency]
    return -float(long_enough.sum() / max(1, len(lead) - 1))


def agreement(first: Array, second: Array, tolerance: float) -> float:
    """Matched beats over all beats that either detector found, (n,) and (m,); each beat is matched at most once."""
    matched, taken = 0, 0
    for beat in first:
        while taken < len(second) and second[taken] < beat - tolerance:
            taken += 1
        if taken < len(second) and second[taken] <= beat + tolerance:
            matched, taken = matched + 1, taken + 1
    return matched / max(1, len(first) + len(second) - matched)


def detector_agreement(lead: Array, sampling_frequency: float) -> float:
    """The bSQI = N matched / N all of two QRS detectors within 150 ms (Li 2008).

    Departure: NeuroKit2's own detector and Pan and Tompkins', where the paper has Hamilton's and one of line length.
    """
    lead = checked(lead)
    first, second = (neurokit.peaks(lead, sampling_frequency, name) for name in DETECTORS)
    return agreement(first, second, BEAT_TOLERANCE * sampling_frequency)


def template_correlation(lead: Array, sampling_frequency: float, detector: Detector) -> float:
    """Mean correlation of the beats with their average, each as long as the median RR interval (Orphanidou 2015).

    0 where a rule fails: heart rate 40 to 180 a minute, no RR interval above 3 s, longest below 2.2 times the shortest.
    The paper calls a lead acceptable from 0.66 on; here the correlation itself is the score, 0 where it is negative.
    Departure: NeuroKit2's own detector, where the paper has Hamilton's.
    """
    lead = checked(lead)
    beats = np.asarray(detector(lead, sampling_frequency), np.float64)
    intervals = np.diff(beats) / sampling_frequency
    if not plausible(intervals):
        return 0.0
    half = round(np.median(intervals) * sampling_frequency / 2)
    inside = beats[(beats >= half) & (beats + half <= len(lead))].astype(int)
    if len(inside) < 2:
        return 0.0
    shapes = np.array([lead[beat - half : beat + half] for beat in inside])
    template = shapes.mean(axis=0)
    usable = shapes[np.ptp(shapes, axis=1) > 0]
    if np.ptp(template) == 0 or not len(usable):
        return 0.0
    return max(0.0, float(np.mean([np.corrcoef(shape, template)[0, 1] for shape in usable])))


def plausible(intervals: Array) -> bool:
    """Whether RR intervals in seconds, (n,), keep Orphanidou's rules."""
    if not len(intervals) or intervals.min() <= 0:
        return False
    low, high = HEART_RATES
    return bool(
        low <= 60.0 / intervals.mean() <= high
        and intervals.max() <= LONGEST_RR
        and intervals.max() / intervals.min() < RR_RATIO
    )


RIVALS: Final = {
    "ksqi": kurtosis,
    "ssqi": skewness,
    "psqi": qrs_power,
    "bassqi": baseline_power,
    "bsqi": detector_agreement,
    "orphanidou2015": partial(template_correlation, detector=partial(neurokit.peaks, method=DETECTORS[0])),
    "minus_flat_share": minus_flat_share,
}
PACKAGES: Final = dict.fromkeys(("bsqi", "orphanidou2015"), ("neurokit2",))
