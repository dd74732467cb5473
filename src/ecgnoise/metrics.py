"""How far a redrawn image is from the original: each metric once.

All take images (n, rows, columns) in 0..255 and work column by column, so that a segment, a part of it and its new tail
come from the same numbers.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.profiles import WHITE

HIGHEST_PSNR: Final = 100.0


def column_errors(
    original: NDArray[np.float32], reconstruction: NDArray[np.float32], rows: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Mean squared difference of each column, (n, columns), over the rows that count, (rows,)."""
    difference = original[:, rows].astype(np.float64) - reconstruction[:, rows].astype(np.float64)
    return np.asarray((difference**2).mean(axis=1))


def psnr(mean_squared_error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio in dB, ``10 log10(255^2 / mean squared error)``; NaN stays NaN.

    Departure from the usual definition: at most 100 dB, so that an exact redrawing is a number and not infinite.
    """
    lowest = WHITE**2 * 10 ** (-HIGHEST_PSNR / 10)
    return np.asarray(10.0 * np.log10(WHITE**2 / np.maximum(mean_squared_error, lowest)))
