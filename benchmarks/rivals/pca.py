"""Reconstruction without a network: the image of a lead from its 64 principal components (scikit-learn, BSD 3-clause).

Fitted on images (profile ``default``) of clean PTB-XL leads of folds 1 to 8, at most 2,000 of them, spread evenly; the
score is the PSNR of the reconstruction over the rows that the recording can hold. 64 components of 40 x 256 pixels
and their mean are 0.67 million numbers, and the bottleneck is 160 times smaller than the image. No unit matters.

The fit is made once, by :func:`prepare`, and kept in ``benchmarks/.cache``.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks import datasets
from benchmarks.rivals.contract import Array, checked
from ecgnoise import read
from ecgnoise.scalogram.profile import DEFAULT, level_images, qrs_level, valid_rows
from ecgnoise.scalogram.superlet import Superlet, segment_samples, superlet
from ecgnoise.scoring.metrics import column_errors, psnr
from ecgnoise.segments import lengthen

CACHE: Final = Path(__file__).parents[1] / ".cache" / "pca.npz"
COMPONENTS: Final = 64
MOST_LEADS: Final = 2000
TRAINING_FOLDS: Final = range(1, 9)


@dataclass(frozen=True)
class Fit:
    """Mean image, (pixels,), and principal components, (components, pixels), orthonormal."""

    mean: NDArray[np.float32]
    components: NDArray[np.float32]

    def reconstruct(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Images (n, rows, columns) from their components, in 0..255."""
        flat = images.reshape(len(images), -1) - self.mean
        again = flat @ self.components.T @ self.components + self.mean
        return np.clip(again, 0.0, 255.0).reshape(images.shape).astype(np.float32)


def image(lead: Array, sampling_frequency: float) -> NDArray[np.float32]:
    """Image (1, rows, columns) of the first 10 s of a lead; a shorter one is lengthened by reflection."""
    length = segment_samples(sampling_frequency)
    window = lengthen(checked(lead)[None, :length].astype(np.float32), length)
    levels = np.asarray(transform(sampling_frequency)(window))
    return np.asarray(level_images(levels, qrs_level(levels, DEFAULT), DEFAULT), np.float32)


@lru_cache(maxsize=8)
def transform(sampling_frequency: float) -> Superlet:
    """The transform of the profile, kept for the next lead."""
    return superlet(DEFAULT, sampling_frequency)


def fit(paths: Mapping[Path, Sequence[int]]) -> Fit:
    """Principal components of the images of some leads of each record; the same for the same records."""
    from sklearn.decomposition import PCA

    scalograms = []
    for path, leads in paths.items():
        recording = read(path)
        scalograms += [image(recording.signal[lead], recording.sampling_frequency).ravel() for lead in leads]
    count = min(COMPONENTS, len(scalograms))
    model = PCA(count, svd_solver="randomized", iterated_power=4, random_state=0).fit(np.array(scalograms))
    return Fit(model.mean_.astype(np.float32), model.components_.astype(np.float32))


def clean_training_leads() -> dict[Path, list[int]]:
    """Leads of PTB-XL with the label clean in folds 1 to 8, evenly thinned to MOST_LEADS."""
    found = [
        (record.path, lead)
        for record in datasets.ptbxl()
        if record.fold in TRAINING_FOLDS
        for lead in sorted(record.labels["clean"])
    ]
    chosen: dict[Path, list[int]] = {}
    for index in np.unique(np.linspace(0, len(found) - 1, min(MOST_LEADS, len(found))).astype(int)):
        path, lead = found[index]
        chosen.setdefault(path, []).append(lead)
    return chosen


def save(fitted: Fit, path: Path) -> None:
    """Write a fit, all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.part.npz")
    np.savez(temporary, mean=fitted.mean, components=fitted.components)
    temporary.replace(path)


def load(path: Path) -> Fit:
    """A fit that was written."""
    with np.load(path) as arrays:
        return Fit(arrays["mean"], arrays["components"])


@lru_cache(maxsize=1)
def kept_fit() -> Fit:
    """The fit of the cache; :func:`prepare` puts it there."""
    return load(CACHE)


def prepare() -> None:
    """Fit, where there is none in the cache; needs ECGNOISE_DATA for that."""
    if not CACHE.exists():
        save(fit(clean_training_leads()), CACHE)


def reconstruction_psnr(lead: Array, sampling_frequency: float) -> float:
    """PSNR in dB of the image's reconstruction from its principal components."""
    original = image(lead, sampling_frequency)
    again = kept_fit().reconstruct(original)
    return float(psnr(column_errors(original, again, valid_rows(DEFAULT, sampling_frequency)).mean()))


RIVALS: Final = {"pca_reconstruction": reconstruction_psnr}
PACKAGES: Final = {"pca_reconstruction": ("sklearn",)}
