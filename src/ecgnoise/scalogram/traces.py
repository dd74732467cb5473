"""Traces: what the network of noise levels is given of a signal beside its image.

A image holds levels between two limits and from 0.2 Hz on. How far a lead wanders, and how strong it is at its worst,
are read off the signal itself: :func:`traces` gives three rows over the columns of the image, relative to the QRS
level as the image is, so that gain falls out.
"""

from typing import Final

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ecgnoise.scalogram.profile import COLUMNS, SEGMENT_SECONDS, ArrayT

TRACES: Final = 3
LEAST: Final = 1e-6  # power over that of the QRS level that is added before logarithms
MOST: Final = 1e12  # of it, so that single precision holds it

Array = NDArray[np.float64]


def traces(signal: NDArray[np.floating], reference: NDArray[np.floating]) -> NDArray[np.float32]:
    """The traces of lead-segments, (n, 3, columns).

    The first is the mean of the signal in each column, less that of the window and over the root of the QRS level, as
    an inverse hyperbolic sine. The second is the logarithm to base 10 of the power within each column, of what changes
    faster than columns do; the third that of all power under a Hann window of 1 s around each column.

    Parameters: signal, (n, samples of 10 s) in mV or an unknown unit. reference: QRS level, (n,), log10 of its square.
    """
    samples = signal.shape[1]
    scale = 10.0 ** (-0.5 * np.clip(np.asarray(reference, np.float64), -30.0, 30.0))
    relative = (signal - signal.mean(axis=1, dtype=np.float64, keepdims=True)) * scale[:, None]
    edges = samples * np.arange(COLUMNS) // COLUMNS
    counts = np.diff(np.append(edges, samples))
    mean = np.add.reduceat(relative, edges, axis=1) / counts
    power = np.add.reduceat(np.square(relative), edges, axis=1) / counts
    within = np.maximum(power - np.square(mean), 0.0)
    smooth = power @ SMOOTHING
    rows = np.arcsinh(mean), *(np.log10(np.minimum(power, MOST) + LEAST) for power in (within, smooth))
    return np.asarray(np.stack(rows, axis=1), np.float32)


def total_power(traced: ArrayT) -> ArrayT:
    """The logarithm to base 10 of the power of the whole window over the QRS level, (n,), of traces."""
    xp = array_namespace(traced)
    power: ArrayT = xp.log10(xp.mean(10.0 ** traced[:, 2], axis=1))
    return power


def hann_weights(count: int, samples: int) -> Array:
    """Weights, (count, samples), each row of sum 1: a Hann window of 1 s around each of so many middles.

    The middles lie evenly in a window of 10 s that has so many samples.
    """
    middles = (np.arange(count) + 0.5) / count
    distance = ((np.arange(samples) + 0.5) / samples - middles[:, None]) * SEGMENT_SECONDS
    window = np.where(np.abs(distance) < 0.5, 0.5 + 0.5 * np.cos(2 * np.pi * distance), 0.0)
    return np.asarray(window / window.sum(axis=1, keepdims=True))


SMOOTHING: Final = hann_weights(COLUMNS, COLUMNS).T
