"""Grades: what a PSNR means, by thresholds that live with the model."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.models.folder import Thresholds

GRADES: Final = ("good", "fair", "poor", "unusable")


def grade(psnr: NDArray[np.float64], thresholds: Thresholds) -> NDArray[np.str_]:
    """Grade of each PSNR in dB, the same shape: ``good`` from ``thresholds.good`` up, and so on; empty where NaN."""
    bounds = (thresholds.good, thresholds.fair, thresholds.poor)
    below = np.sum([psnr < bound for bound in bounds], axis=0)
    return np.where(np.isnan(psnr), "", np.asarray(GRADES)[below])
