"""Signals at another sampling frequency."""

from fractions import Fraction
from typing import Final

import numpy as np

from ecgnoise.samples import Signal

FINEST_RATIO: Final = 1000  # of two sampling frequencies, as numerator or denominator


def resampled(signal: Signal, sampling_frequency: float, wanted: float) -> Signal:
    """The signal, (channels, samples), at the wanted frequency, band-limited to half of either sampling frequency.

    Both in Hz. Beyond its ends the signal is taken to lie on the line through its first and its last sample.
    """
    from scipy.signal import resample_poly

    ratio = Fraction(wanted / sampling_frequency).limit_denominator(FINEST_RATIO)
    if ratio == 1:
        return np.ascontiguousarray(signal, np.float32)
    moved = resample_poly(signal.astype(np.float64), ratio.numerator, ratio.denominator, axis=1, padtype="line")
    return np.asarray(moved, np.float32)
