"""Grades, percentiles and estimated SNR: what a PSNR means, by what was measured of the model on clean leads.

All of it lives with the model: thresholds, the percentiles of clean leads (``clean_percentiles``), and the stress
curve, which says how clean leads score with noise of known strength added.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecgnoise.models.folder import StressStep, Thresholds

GRADES: Final = ("good", "fair", "poor", "unusable")
TOO_NOISY: Final = GRADES[2]  # what people call too noisy is poor or unusable
ESTIMATES: Final = 3
SMALLEST_RISE: Final = 1e-9
# The SNR in dB that an ECG can have whose beats agree so well, 0..1; between these it is interpolated.
AGREEMENTS: Final = (0.0, 0.83, 0.92, 0.95, 1.0)
AGREEMENT_DB: Final = (-10.0, 0.0, 5.0, 18.0, 40.0)
PSNR_ODD_DB: Final = 10.0


def ranks(values: NDArray[np.floating], bounds: tuple[float, float, float]) -> NDArray[np.int64]:
    """The place in :data:`GRADES` of each value in dB, the same shape; -1 where NaN.

    bounds: the lowest values that are good, fair and poor.
    """
    below = np.sum([values < bound for bound in bounds], axis=0)
    return np.where(np.isnan(values), -1, below)


def grade(values: NDArray[np.floating], bounds: tuple[float, float, float]) -> NDArray[np.str_]:
    """Grade of each PSNR or effective SNR in dB, the same shape; empty where NaN. bounds: see :func:`ranks`."""
    return np.asarray((*GRADES, ""))[ranks(values, bounds)]


def effective_snr(
    readable_snr: NDArray[np.float64], agreement: NDArray[np.float64], psnr: NDArray[np.float64], thresholds: Thresholds
) -> NDArray[np.float64]:
    """The SNR in dB from which a grade follows, to a tenth, the same shape as all that it is made of; NaN without SNR.

    It is the readable SNR, but not more than beats that agree so well (0..1, :data:`AGREEMENT_DB`) and a PSNR in dB
    allow: below ``thresholds.poor``, where hardly a clean lead lies, what is there is not ``good`` whatever it is.
    """
    most = np.interp(agreement, AGREEMENTS, AGREEMENT_DB)
    odd = psnr < thresholds.poor
    lowest = np.fmin(readable_snr, np.fmin(most, np.where(odd, PSNR_ODD_DB, np.inf)))
    return np.where(np.isnan(readable_snr), np.nan, np.round(lowest, 1))


def percentile(psnr: NDArray[np.float64], clean_percentiles: Sequence[float]) -> NDArray[np.float64]:
    """Share of clean leads with a lower PSNR in percent, the same shape; NaN where the PSNR is, or without percentiles.

    clean_percentiles: percentiles 0, 1 .. 100 of the PSNR of clean leads in dB. Between them it is interpolated; below
    all clean leads it is 0, above all 100.
    """
    if not clean_percentiles:
        return np.full(np.shape(psnr), np.nan)
    return np.interp(psnr, _rising(clean_percentiles), np.linspace(0, 100, len(clean_percentiles)))


def estimated_snr(psnr: NDArray[np.float64], stress: Sequence[StressStep]) -> NDArray[np.float64]:
    """SNR in dB at which clean leads with noise score like this: (..., 3), the estimate and the ends of its interval.

    stress: the stress curve of the model, SNR rising. The estimate is the SNR at which this PSNR is the median. At the
    lower end of the interval it is the 84th percentile, at the upper end the 16th: of leads with noise at one SNR, two
    thirds have this SNR within their interval. The curves are made to rise with SNR first, and are interpolated.

    No value lies beyond the SNR measured: the highest means "that or cleaner", the lowest "that or noisier". NaN where
    the PSNR is, or without a stress curve.
    """
    if not stress:
        return np.full((*np.shape(psnr), ESTIMATES), np.nan)
    snr = [step.snr for step in stress]
    curves = ([getattr(step, name) for step in stress] for name in ("median", "high", "low"))
    return np.stack([np.interp(psnr, _rising(curve), snr) for curve in curves], axis=-1)


def _rising(curve: ArrayLike) -> NDArray[np.float64]:
    """The curve, (n,), raised where it falls, and rising by a billionth of a dB where it would stay."""
    risen: NDArray[np.float64] = np.maximum.accumulate(np.asarray(curve, np.float64))
    return risen + SMALLEST_RISE * np.arange(len(risen))
