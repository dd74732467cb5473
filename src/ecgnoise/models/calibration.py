"""What a finished model knows of clean leads, and where it comes from."""

import subprocess
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._version import __version__
from ecgnoise.models.description import PERCENTILES, Thresholds

PASSING_GOOD: Final = 5
PASSING_FAIR: Final = 1
POOR_MARGIN: Final = 3.0  # twice the error
COUNTED_POOR_MARGIN: Final = 1.0  # of models that ask queries, whose counted errors grow less than the noise
SMALLEST_STEP: Final = 0.01


def thresholds_of(psnr: NDArray[np.float64], margin: float = POOR_MARGIN) -> Thresholds:
    """Grades by the PSNR of clean leads, (n,) in dB: 95 % of them are ``good``, 99 % at least ``fair``.

    margin: how many dB further ``poor`` reaches; further below is ``unusable``.
    """
    good, fair = np.percentile(psnr, [PASSING_GOOD, PASSING_FAIR]).round(2).tolist()
    fair = min(fair, round(good - SMALLEST_STEP, 2))
    return Thresholds(good, fair, round(fair - margin, 2))


def clean_percentiles_of(psnr: NDArray[np.float64]) -> tuple[float, ...]:
    """Percentiles 0 .. 100 of the PSNR of clean leads."""
    return tuple(np.percentile(psnr, np.arange(PERCENTILES)).round(3).tolist())


def source_commit() -> str:
    """The commit of the checkout of this project that the package runs from, or the version outside of one.

    A repository of the user's own, in which the package may be installed, is no checkout of it.
    """
    package = Path(__file__).resolve().parents[1]
    asked = ["git", "rev-parse", "HEAD", "--show-toplevel"]
    try:
        found = subprocess.run(asked, cwd=package, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return __version__
    commit, _, top = found.stdout.strip().partition("\n")
    return commit if Path(top).resolve() / "src" / package.name == package else __version__
