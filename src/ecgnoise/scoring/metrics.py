"""How far a reconstructed image is from the original, and how well scores tell noisy from clean: each metric once.

Those of images take (n, rows, columns) in 0..255. Squared errors are of columns, so that a segment, a part of it and
its new tail come from the same numbers. Those of scores take two samples, one of clean and one of noisy leads, in which
high is clean.
"""

from typing import Final

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from ecgnoise._internal.extras import extra
from ecgnoise.scalogram.profile import WHITE, ArrayT

HIGHEST_PSNR: Final = 100.0


def column_errors(original: ArrayT, reconstruction: ArrayT, rows: NDArray[np.bool_]) -> ArrayT:
    """Mean squared difference of each column, (n, columns) float64, over the rows that count, (rows,)."""
    xp = array_namespace(original)
    if not rows.all():
        counted = xp.asarray(np.flatnonzero(rows), device=device(original))
        original, reconstruction = (xp.take(images, counted, axis=1) for images in (original, reconstruction))
    difference = xp.astype(original, xp.float64) - xp.astype(reconstruction, xp.float64)
    errors: ArrayT = xp.mean(difference**2, axis=1)
    return errors


def psnr(mean_squared_error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio in dB, ``10 log10(255^2 / mean squared error)``; NaN stays NaN.

    Departure from the usual definition: at most 100 dB, so that an exact reconstruction is a number and not infinite.
    """
    lowest = WHITE**2 * 10 ** (-HIGHEST_PSNR / 10)
    return np.asarray(10.0 * np.log10(WHITE**2 / np.maximum(mean_squared_error, lowest)))


def mean_absolute_error(
    original: NDArray[np.float32], reconstruction: NDArray[np.float32], rows: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Mean absolute difference of each image in grey levels, (n,), over the rows that count, (rows,)."""
    difference = original[:, rows].astype(np.float64) - reconstruction[:, rows].astype(np.float64)
    return np.asarray(np.abs(difference).mean(axis=(1, 2)))


def ssim(
    original: NDArray[np.float32], reconstruction: NDArray[np.float32], rows: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Structural similarity of each image, (n,), over the rows that count, (rows,), at least 7 and side by side.

    As scikit-image has it unless told otherwise: windows of 7 by 7 pixels, range 255; 1 for an exact reconstruction.
    All values must be finite. Raises MissingExtraError without the extra ``ptbxl``.
    """
    with extra("SSIM", "ptbxl"):
        from skimage.metrics import structural_similarity
    pairs = zip(original[:, rows].astype(np.float64), reconstruction[:, rows].astype(np.float64), strict=True)
    return np.array([structural_similarity(*pair, data_range=WHITE) for pair in pairs], np.float64)


def signed_wasserstein(clean: NDArray[np.float64], noisy: NDArray[np.float64]) -> float:
    """Wasserstein-1 distance of two samples, (n,) and (m,), finite and not empty, after standardising both together.

    As published (Han et al., arXiv:2506.11815), which has no sign. Departure: the sign of the difference of the means,
    so that scores which are higher for noise do not gain; 0 where the means are equal. Its size has a limit:
    :func:`wasserstein_ceiling`.
    """
    from scipy.stats import wasserstein_distance

    deviation = np.concatenate([clean, noisy]).std()
    if deviation == 0:
        return 0.0
    return float(wasserstein_distance(clean, noisy) / deviation * np.sign(clean.mean() - noisy.mean()))


def wasserstein_ceiling(clean: int, noisy: int) -> float:
    """The largest Wasserstein-1 distance that n clean and m noisy scores can have, standardised together.

    ``(n + m) / sqrt(n m)``: all clean scores in one point, all noisy ones in another. At least 2, and larger the less
    alike the sizes are.
    """
    return float((clean + noisy) / np.sqrt(float(clean) * noisy))


def auroc(clean: NDArray[np.float64], noisy: NDArray[np.float64]) -> float:
    """Share of pairs of a clean and a noisy score, (n,) and (m,), in which the clean one is higher; ties count half."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([clean, noisy]))[: len(clean)]
    return float((ranks.mean() - (len(clean) + 1) / 2) / len(noisy))
