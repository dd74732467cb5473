"""The published call, argument for argument, for programs written against the paper's code.

Departures: a signal with more leads than samples is an error instead of transposed silently; the noise is the same for
each image, so that a score does not depend on ``batch_size``; lead-segments with a fault are NaN; a tail too short for
one column keeps one; the signal is in mV, which the published function leaves open (its examples are).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecgnoise.diffusion import Ddim, Ddpm, Sampler
from ecgnoise.errors import CheckpointError, OptionError
from ecgnoise.models.contract import DiffusionNetwork
from ecgnoise.models.folder import PUBLISHED_THRESHOLDS, Grading, load_folder
from ecgnoise.models.redraw import WalkRedrawer
from ecgnoise.profiles import PAPER, Images
from ecgnoise.recording import Recording
from ecgnoise.result import ModelIdentity
from ecgnoise.score import Scorer

SAMPLERS: Final = ("ddim", "ddpm")


@dataclass(frozen=True)
class PublishedResult:
    """What the published call gives back.

    psnr: (leads, segments) in dB; with several partitions (leads, parts of all segments in turn), where a tail has only
    the parts it needs. original_image, cleaned_image: (leads, segments, 32, 256) in 0..255, or None.
    """

    psnr: NDArray[np.float64]
    original_image: Images | None
    cleaned_image: Images | None


def ecg_noise_quantification(
    ecg: ArrayLike,
    sampling_freq: float,
    checkpoint_path: str | Path,
    n_partitions: int = 1,
    batch_size: int = 64,
    diffusion_timestep: int = 30,
    noise_scheduler_type: str = "ddim",
    discretize: bool = True,
    use_ldm: bool = True,
    step_interval: int = 10,
    seed: int = 123,
    return_images: bool = False,
) -> PublishedResult:
    """Noise of an ECG by the published method (arXiv 2506.11815).

    ecg: (leads, time) or (time,) in mV. sampling_freq: Hz. checkpoint_path: a published ``.pth`` (needs the extra
    ``train``), or a model folder made of one by ``ecgnoise convert`` (does not). n_partitions: parts of a segment.
    diffusion_timestep: where the walk starts, 0..999. noise_scheduler_type: ``"ddim"`` or ``"ddpm"``. step_interval:
    of DDIM. discretize: 8-bit images. use_ldm: whether the checkpoint is the latent model or the pixel model.

    Raises OptionError, CheckpointError, ModelNotFoundError, SignalShapeError or SamplingFrequencyError.
    """
    if noise_scheduler_type not in SAMPLERS:
        raise OptionError(f"noise_scheduler_type {noise_scheduler_type!r}: pass one of {', '.join(SAMPLERS)}")
    sampler: Sampler = (
        Ddim(diffusion_timestep, step_interval) if noise_scheduler_type == "ddim" else Ddpm(diffusion_timestep)
    )
    profile = replace(PAPER, discretize=discretize)
    network = _open(Path(checkpoint_path), "latent" if use_ldm else "pixel")
    redrawer = WalkRedrawer(network, sampler, profile, seed)
    identity = ModelIdentity(Path(checkpoint_path).name, "published", "")
    scorer = Scorer(profile, redrawer, Grading(PUBLISHED_THRESHOLDS), identity, batch_size)
    recording = Recording.from_array(ecg, sampling_freq, units="mV")
    result = scorer.score(recording, parts=n_partitions, images=return_images)
    images = result.images
    return PublishedResult(
        psnr=result.parts_in_turn(),
        original_image=images.original if images else None,
        cleaned_image=images.reconstruction if images else None,
    )


def _open(checkpoint: Path, kind: str) -> DiffusionNetwork:
    """The network of a checkpoint or model folder; CheckpointError where it is of the other kind."""
    if not checkpoint.is_dir():
        from ecgnoise.models.networks import PUBLISHED, load_parameters
        from ecgnoise.models.torch import TorchNetwork
        from ecgnoise.training.convert import read_checkpoint

        network = PUBLISHED[kind]()
        load_parameters(network, read_checkpoint(checkpoint), str(checkpoint))
        return TorchNetwork(network)
    folder = load_folder(checkpoint)
    if folder.description.network.kind != kind:
        found = folder.description.network.kind
        raise CheckpointError(
            f"{checkpoint}: holds a {found} network, not a {kind} one: pass use_ldm={kind != 'latent'}"
        )
    from ecgnoise.models.load import available_processors
    from ecgnoise.models.onnx import open_onnx

    return open_onnx(folder, available_processors())
