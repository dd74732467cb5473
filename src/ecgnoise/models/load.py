"""From a model folder to something that redraws, without torch."""

import os
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import ModelFormatError
from ecgnoise.models.folder import ModelFolder
from ecgnoise.models.onnx import OnnxAutoencoder, OnnxSession, open_onnx
from ecgnoise.models.redraw import AutoencoderRedrawer, QuestionRedrawer, Redrawer, WalkRedrawer

DENOISER: Final = "denoiser.onnx"
DENOISER_INPUTS: Final = ("noised", "sigma", "hidden", "reference", "known")


class OnnxDenoiser:
    """The default model's network as an ONNX file; see :class:`ecgnoise.models.redraw.Denoiser`."""

    def __init__(self, file: Path, threads: int) -> None:
        self._session = OnnxSession(file, threads)

    def denoise(
        self,
        noised: NDArray[np.float32],
        sigma: NDArray[np.float32],
        hidden: NDArray[np.float32],
        reference: NDArray[np.float32],
        known: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Redrawn network images (n, 1, rows, columns)."""
        return self._session.run(dict(zip(DENOISER_INPUTS, (noised, sigma, hidden, reference, known), strict=True)))


def load_redrawer(folder: ModelFolder, threads: int | None = None) -> Redrawer:
    """The model of a folder, one to score with. threads: None for all processors this process may use.

    ModelFormatError where the folder lacks what its kind of network needs.
    """
    count = threads or available_processors()
    description = folder.description
    if description.network.kind == "masked":
        denoiser = OnnxDenoiser(folder.file(DENOISER), count)
        return QuestionRedrawer(denoiser, description.questions, description.profile)
    if description.network.kind == "autoencoder":
        return AutoencoderRedrawer(OnnxAutoencoder(folder, count), description.profile)
    if description.sampler is None:
        raise ModelFormatError(f"{folder.path}: a diffusion network needs a sampler: export the model again")
    return WalkRedrawer(open_onnx(folder, count), description.sampler, description.profile)


def available_processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
