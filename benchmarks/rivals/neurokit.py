"""NeuroKit2's ``ecg_quality`` (MIT licence; Makowski et al., Behav Res Methods 53:1689-1696, 2021; read at 0.2.13).

As its documentation advises: ``ecg_clean``, then ``ecg_quality``, which finds the R peaks itself. No unit matters.

NeuroKit2 0.2.13 asks for pandas below 3, but ran with 3.1 in all that is used here.
"""

from functools import partial
from typing import Any, Final

import numpy as np

from benchmarks.rivals.contract import Array, quiet, whole

CLASSES: Final = {"Excellent": 2.0, "Barely acceptable": 1.0, "Unacceptable": 0.0}


def quality(lead: Array, sampling_frequency: float, method: str, approach: str | None = None) -> Any:
    """What ``ecg_quality`` answers for the cleaned lead: a value a sample, or a class."""
    with quiet():
        import neurokit2

        rate = whole(sampling_frequency)
        cleaned = neurokit2.ecg_clean(np.array(lead, np.float64), sampling_rate=rate)
        return neurokit2.ecg_quality(cleaned, sampling_rate=rate, method=method, approach=approach)


def mean_quality(lead: Array, sampling_frequency: float, method: str) -> float:
    """Mean over the samples that have a value; averageQRS rescales every lead to 0..1, so it knows no good lead."""
    with quiet():
        return float(np.nanmean(quality(lead, sampling_frequency, method)))


def minus_dissimilarity(lead: Array, sampling_frequency: float) -> float:
    """Minus the mean dissimilarity, 0 for beats that are all alike."""
    return -mean_quality(lead, sampling_frequency, "dissimilarity")


def quality_class(lead: Array, sampling_frequency: float, approach: str) -> float:
    """zhao2018: 2 excellent, 1 barely acceptable, 0 unacceptable."""
    return CLASSES[quality(lead, sampling_frequency, "zhao2018", approach)]


def peaks(lead: Array, sampling_frequency: float, method: str) -> Array:
    """Sample numbers of the R peaks that one of its detectors finds, in the lead cleaned as that detector wants it."""
    with quiet():
        import neurokit2

        rate = whole(sampling_frequency)
        cleaned = neurokit2.ecg_clean(np.array(lead, np.float64), sampling_rate=rate, method=method)
        _, found = neurokit2.ecg_peaks(cleaned, sampling_rate=rate, method=method)
        return np.asarray(found["ECG_R_Peaks"], np.float64)


RIVALS: Final = {
    "neurokit_templatematch": partial(mean_quality, method="templatematch"),
    "neurokit_dissimilarity": minus_dissimilarity,
    "neurokit_ho2025": partial(mean_quality, method="ho2025"),
    "neurokit_averageqrs": partial(mean_quality, method="averageQRS"),
    "neurokit_zhao2018_simple": partial(quality_class, approach="simple"),
    "neurokit_zhao2018_fuzzy": partial(quality_class, approach="fuzzy"),
}
PACKAGES: Final = dict.fromkeys(RIVALS, ("neurokit2",))
