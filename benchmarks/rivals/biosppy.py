"""BioSPPy's signal quality functions for a lead (BSD 3-clause; read at 2.2.4, with peakutils, MIT, that it forgets).

======================  ==============================================================================================
``biosppy_level3``      ``quality_ecg``, Level3: 0, 0.5 or 1 by heart rate and correlation of beats
``biosppy_flat``        minus its pSQI, the percentage of samples that rise by less than 0.01 mV; needs mV
``biosppy_ksqi``        kurtosis
``biosppy_ssqi``        absolute skewness
``biosppy_fsqi``        power from 5 to 20 Hz over all
``biosppy_csqi``        minus the coefficient of variation of the RR intervals
``biosppy_hossqi``      absolute skewness times kurtosis / 5, of the lead filtered first, as it advises
``biosppy_bsqi``        agreement of its detectors Hamilton and Christov within 150 ms, mode ``matching``
``biosppy_zz2018``      simple and fuzzy fusion of four indices: 2 excellent, 1 barely acceptable, 0 unacceptable
======================  ==============================================================================================

It calls ``scipy.integrate.trapz``, which SciPy 1.14 dropped: each call here lends it the function and takes it back.
Filtered means as its own ``ecg()`` filters: FIR band-pass from 3 to 45 Hz, order 0.3 times the sampling frequency.
"""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from io import StringIO
from typing import Any, Final

import numpy as np

from benchmarks.rivals.contract import Array, quiet, whole

CLASSES: Final = {"Excellent": 2.0, "Barely acceptable": 1.0, "Unacceptable": 0.0}
BEAT_TOLERANCE_MS: Final = 150
BAND: Final = (3, 45)


@contextmanager
def patched() -> Iterator[None]:
    """SciPy with the name that BioSPPy calls, silent, and as it was afterwards."""
    from scipy import integrate

    lent = not hasattr(integrate, "trapz")
    with quiet(), redirect_stdout(StringIO()):
        if lent:
            integrate.trapz = integrate.trapezoid
        try:
            yield
        finally:
            if lent:
                del integrate.trapz


def quality(lead: Array, sampling_frequency: float, method: str) -> float:
    """One method of ``quality_ecg`` on the lead as it is."""
    with patched():
        from biosppy.quality import quality_ecg

        answer = quality_ecg(np.array(lead, np.float64), [method], sampling_rate=sampling_frequency, verbose=0)
        return float(answer[method])


def minus_variation(lead: Array, sampling_frequency: float) -> float:
    """Minus its cSQI, 0 for a wholly regular rhythm."""
    return -quality(lead, sampling_frequency, "cSQI")


def minus_flat(lead: Array, _: float) -> float:
    """Minus its pSQI in percent; ValueError for missing samples, which it would not call flat."""
    with patched():
        from biosppy.signals import ecg

        if not np.isfinite(lead).all():
            raise ValueError("samples that are not numbers")
        return -float(ecg.pSQI(np.asarray(lead, np.float64)))


def absolute_skewness(lead: Array, _: float) -> float:
    """Its sSQI without the sign, which is the polarity of the lead."""
    with patched():
        from biosppy.signals import ecg

        return float(abs(ecg.sSQI(np.asarray(lead, np.float64))))


def filtered(lead: Array, sampling_frequency: float) -> Array:
    """The lead as BioSPPy's ``ecg()`` filters it; within :func:`patched`."""
    from biosppy.signals.tools import filter_signal

    order = int(0.3 * sampling_frequency)
    found = filter_signal(
        np.array(lead, np.float64), "FIR", "bandpass", order, list(BAND), sampling_rate=sampling_frequency
    )
    return np.asarray(found["signal"], np.float64)


def higher_order_statistics(lead: Array, sampling_frequency: float) -> float:
    """Their hosSQI, of the filtered lead."""
    with patched():
        from biosppy.quality import hosSQI

        return float(hosSQI(filtered(lead, sampling_frequency), verbose=0))


def detections(lead: Array, sampling_frequency: float) -> tuple[Any, Any]:
    """R peaks of Hamilton's and Christov's detectors in the filtered lead; within :func:`patched`."""
    from biosppy.signals.ecg import christov_segmenter, hamilton_segmenter

    clean = filtered(lead, sampling_frequency)
    rate = whole(sampling_frequency)
    return hamilton_segmenter(clean, rate)["rpeaks"], christov_segmenter(clean, rate)["rpeaks"]


def agreement(lead: Array, sampling_frequency: float) -> float:
    """bSQI, the share of beats that both detectors find."""
    with patched():
        from biosppy.signals.ecg import bSQI

        found = detections(lead, sampling_frequency)
        return float(bSQI(*found, fs=sampling_frequency, mode="matching", search_window=BEAT_TOLERANCE_MS))


def fusion(lead: Array, sampling_frequency: float, mode: str) -> float:
    """ZZ2018 of the lead as it is, with the detections of the filtered one."""
    with patched():
        from biosppy.signals.ecg import ZZ2018

        found = detections(lead, sampling_frequency)
        return CLASSES[ZZ2018(np.array(lead, np.float64), *found, fs=sampling_frequency, mode=mode)]


RIVALS: Final = {
    "biosppy_level3": partial(quality, method="Level3"),
    "biosppy_flat": minus_flat,
    "biosppy_ksqi": partial(quality, method="kSQI"),
    "biosppy_ssqi": absolute_skewness,
    "biosppy_fsqi": partial(quality, method="fSQI"),
    "biosppy_csqi": minus_variation,
    "biosppy_hossqi": higher_order_statistics,
    "biosppy_bsqi": agreement,
    "biosppy_zz2018_simple": partial(fusion, mode="simple"),
    "biosppy_zz2018_fuzzy": partial(fusion, mode="fuzzy"),
}
PACKAGES: Final = dict.fromkeys(RIVALS, ("biosppy", "peakutils"))
