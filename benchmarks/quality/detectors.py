"""Two QRS detectors of the package wfdb, and how many beats they find."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNITS_A_MV = 1000
Beats = NDArray[np.int64]
Lead = NDArray[np.floating[Any]]


def xqrs(lead: Lead, frequency: float) -> Beats:
    """XQRS: sample numbers of the beats in a lead in mV, (beats,)."""

    def detect() -> Any:
        from wfdb.processing import xqrs_detect

        return xqrs_detect(lead.astype(np.float64), frequency, verbose=False)

    return found(detect)


def gqrs(lead: Lead, frequency: float) -> Beats:
    """GQRS: sample numbers of the beats in a lead in mV, (beats,)."""

    def detect() -> Any:
        from wfdb.processing import gqrs_detect

        return gqrs_detect(sig=lead.astype(np.float64), fs=frequency, adc_gain=UNITS_A_MV, adc_zero=0)

    return found(detect)


DETECTORS: dict[str, Callable[[Lead, float], Beats]] = {"xqrs": xqrs, "gqrs": gqrs}


def found(detect: Callable[[], Any]) -> Beats:
    """What a detector finds; nothing where it fails, as both do on some leads without beats."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return np.asarray(detect(), np.float64).astype(np.int64).ravel()
        except Exception:  # of a detector: it has then found nothing
            return np.empty(0, np.int64)


def f1(reference: Beats, detected: Beats, tolerance: float) -> float:
    """F1 of detected beats against a reference, each matched once at most, within so many samples; 1 without any."""
    matched, taken = 0, 0
    for beat in reference:
        while taken < len(detected) and detected[taken] < beat - tolerance:
            taken += 1
        if taken < len(detected) and detected[taken] <= beat + tolerance:
            matched, taken = matched + 1, taken + 1
    total = len(reference) + len(detected)
    return 2 * matched / total if total else 1.0
