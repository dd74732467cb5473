"""From a model folder to something that reconstructs, without torch."""

import os
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.extras import extra
from ecgnoise.errors import ModelFormatError
from ecgnoise.models.description import LEVELS
from ecgnoise.models.folder import ModelFolder
from ecgnoise.models.level_estimates import LevelReader
from ecgnoise.models.levels import LevelAnswers, OnnxLevels
from ecgnoise.models.onnx import Interface, OnnxAutoencoder, OnnxSession, open_onnx
from ecgnoise.models.reconstruct import (
    IN_MEMORY,
    AutoencoderReconstructor,
    DiffusionReconstructor,
    Placement,
    QueryReconstructor,
    Reconstructor,
)
from ecgnoise.scalogram.profile import COLUMNS

CPU: Final = "cpu"
DENOISER: Final = "denoiser.onnx"
DENOISER_INPUTS: Final = ("noised", "sigma", "hidden", "reference", "known")


class OnnxDenoiser:
    """The default model's network as an ONNX file; see ``reconstruct.Denoiser``. rows: of an image."""

    def __init__(self, file: Path, threads: int, rows: int | None = None) -> None:
        image = None, 1, rows, COLUMNS
        shapes = (image, image, image, (None,), (None,))
        interface = Interface(dict(zip(DENOISER_INPUTS, shapes, strict=True)))
        self._session = OnnxSession(file, threads, interface if rows else None)

    def denoise(
        self,
        noised: NDArray[np.float32],
        sigma: NDArray[np.float32],
        hidden: NDArray[np.float32],
        reference: NDArray[np.float32],
        known: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Reconstructed network images (n, 1, rows, columns)."""
        return self._session.run(dict(zip(DENOISER_INPUTS, (noised, sigma, hidden, reference, known), strict=True)))


def load_reconstructor(folder: ModelFolder, threads: int | None = None) -> Reconstructor:
    """The model of a folder, one to score with. threads: None for all processors this process may use.

    ModelFormatError where the folder lacks what its kind of network needs.
    """
    count = threads or available_processors()
    description = folder.description
    if description.network.kind == "masked":
        denoiser = OnnxDenoiser(folder.file(DENOISER), count, description.profile.rows)
        return QueryReconstructor(denoiser, description.queries, description.profile)
    if description.network.kind == "autoencoder":
        return AutoencoderReconstructor(OnnxAutoencoder(folder, count), description.profile)
    if description.sampler is None:
        raise ModelFormatError(f"{folder.path}: a diffusion network needs a sampler: export the model again")
    return DiffusionReconstructor(open_onnx(folder, count), description.sampler, description.profile)


class Loaded(NamedTuple):
    """A model to score with. levels: what reads noise levels in images, where the model has it. placement: where."""

    reconstructor: Reconstructor
    levels: LevelReader | None
    placement: Placement


def load_levels(folder: ModelFolder, threads: int) -> LevelReader | None:
    """What reads noise levels in images; None where the model has none. threads: that one run may use."""
    levels = folder.description.levels
    return None if levels is None else LevelAnswers(OnnxLevels(folder.file(LEVELS), threads), levels)


def load_on_device(folder: ModelFolder, device: str) -> Loaded:
    """The model of a folder to score with on a device.

    device: ``"cpu"`` for ONNX Runtime with one thread a run, or a torch device, for default models.

    MissingExtraError without the extra ``train``, OptionError where torch has no such device, ModelFormatError where
    the folder holds another kind of network or no weights for torch.
    """
    if device == CPU:
        return Loaded(load_reconstructor(folder, threads=1), load_levels(folder, threads=1), IN_MEMORY)
    with extra(f"--device {device}", "train"):
        from ecgnoise.models.torch import (
            TorchDenoiser,
            TorchLevels,
            check_device,
            lower_precision,
            open_denoiser,
            open_levels,
            placement,
        )
    check_device(device)
    network = open_denoiser(folder).to(device)
    denoiser = TorchDenoiser(network, lower_precision(device))
    reconstructor = QueryReconstructor(denoiser, folder.description.queries, folder.description.profile)
    described, levels = folder.description.levels, open_levels(folder)
    reader = None if described is None or levels is None else LevelAnswers(TorchLevels(levels.to(device)), described)
    return Loaded(reconstructor, reader, placement(device))


def available_processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
