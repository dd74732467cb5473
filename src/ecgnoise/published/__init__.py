"""The published call, argument for argument, for programs written against the paper's code.

Departures: a signal with more leads than samples is an error instead of transposed silently; the noise is the same for
each image, so that a score does not depend on ``batch_size``; lead-segments with a fault are NaN, and shorter gaps are
bridged; 5 to 10 s are lengthened by reflection; a tail too short for one column keeps one; a PSNR is at most 100 dB;
errors are in double precision; the signal is in mV, which the published function leaves open (its examples are).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecgnoise.errors import CheckpointError, OptionError
from ecgnoise.models.diffusion import Ddim, Ddpm, Sampler
from ecgnoise.models.folder import PUBLISHED_THRESHOLDS, Grading, load_folder
from ecgnoise.models.reconstruct import DiffusionNetwork, DiffusionReconstructor
from ecgnoise.published.figures import ShownSegment, draw_segment
from ecgnoise.recording import Recording, whole_number
from ecgnoise.results.scores import ModelIdentity
from ecgnoise.scalogram.profile import PAPER, Images
from ecgnoise.scoring.scorer import Scorer
from ecgnoise.segments import windows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLERS: Final = ("ddim", "ddpm")
USE_LDM: Final[Mapping[str, bool]] = {"latent": True, "pixel": False}
TORCH_WEIGHTS: Final = "weights.safetensors"


@dataclass(frozen=True)
class PublishedResult:
    """What the published call gives back.

    Attributes
    ----------
    psnr : ndarray, shape (leads, segments)
        In dB; with several partitions (leads, parts of all segments in turn), where a tail has only the parts it needs.
    original_image, cleaned_image : ndarray, shape (leads, segments, 32, 256), or None
        In 0 to 255, if they were asked for.
    recording : Recording or None
        What was scored, in mV.
    n_partitions : int
        Parts of a segment.
    """

    psnr: NDArray[np.float64]
    original_image: Images | None
    cleaned_image: Images | None
    recording: Recording | None = field(default=None, repr=False)
    n_partitions: int = 1

    def plot(self, lead: int = 0, segment: int = 0) -> "Figure":
        """Draw a lead-segment as the published notebook shows it.

        From top to bottom: the signal, the original and the cleaned scalogram, the map of the squared error with its
        PSNR, and with several partitions the error of each with its local PSNR.

        Parameters
        ----------
        lead, segment : int, default 0
            Their numbers.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        OptionError
            Without images (pass ``return_images=True``), or for a lead or segment that is not there.
        MissingExtraError
            Without the extra ``plot``.
        """
        if self.original_image is None or self.cleaned_image is None or self.recording is None:
            raise OptionError("plot: the result has no images: pass return_images=True")
        for name, number, count in zip(("lead", "segment"), (lead, segment), self.original_image.shape, strict=False):
            if not 0 <= number < count:
                raise OptionError(f"plot: {name} {number} of {count}: pass 0 to {count - 1}")
        frequency = self.recording.sampling_frequency
        window = windows(self.recording.samples.shape[1], frequency)[segment]
        shown = ShownSegment(
            signal=np.asarray(self.recording.window(window.start, window.stop)[lead], np.float64),
            sampling_frequency=frequency,
            window=window,
            original=self.original_image[lead, segment],
            cleaned=self.cleaned_image[lead, segment],
            frequencies=(PAPER.frequencies[0], PAPER.frequencies[-1]),
            parts=self.n_partitions,
        )
        return draw_segment(shown, f"{self.recording.lead_names[lead]}, segment {segment + 1}")


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
    """Quantify the noise of an ECG by the published method, with the arguments of the published call.

    Parameters
    ----------
    ecg : array_like, shape (leads, time) or (time,)
        In mV.
    sampling_freq : float
        In Hz.
    checkpoint_path : str or pathlib.Path
        A published ``.pth``, which needs the extra ``train``, or a model folder that ``ecgnoise convert`` made of one,
        which does not.
    n_partitions : int, default 1
        Parts of a segment.
    batch_size : int, default 64
        Lead-segments in the network at once; scores do not depend on it.
    diffusion_timestep : int, default 30
        Where the reverse process starts, 0 to 999.
    noise_scheduler_type : {"ddim", "ddpm"}, default "ddim"
        Of the reverse process.
    discretize : bool, default True
        Whole grey levels in what is reconstructed too; as published, the original has them anyway.
    use_ldm : bool, default True
        Whether the checkpoint is the latent model, or the pixel model.
    step_interval : int, default 10
        Of DDIM.
    seed : int, default 123
        Of the noise.
    return_images : bool, default False
        Whether the result holds the scalograms.

    Returns
    -------
    PublishedResult

    Raises
    ------
    OptionError
        If an argument is out of range.
    CheckpointError
        If the checkpoint cannot be loaded, or is of the other model.
    ModelNotFoundError
        If there is no such file or folder.
    SignalShapeError
        If the signal has another shape.
    SamplingFrequencyError
        If the sampling frequency is out of range.

    Notes
    -----
    Departures from the published program are listed at the top of this module and under
    ``docs/published.md#departures``.

    References
    ----------
    Han et al., *Diffusion-Based Electrocardiography Noise Quantification via Anomaly Detection*, arXiv 2506.11815.
    """
    recording = Recording.from_array(ecg, sampling_freq, units="mV")
    if noise_scheduler_type not in SAMPLERS:
        raise OptionError(f"noise_scheduler_type {noise_scheduler_type!r}: pass one of {', '.join(SAMPLERS)}")
    n_partitions, batch_size = whole_number(n_partitions, "n_partitions"), whole_number(batch_size, "batch_size")
    diffusion_timestep = whole_number(diffusion_timestep, "diffusion_timestep")
    step_interval, seed = whole_number(step_interval, "step_interval"), whole_number(seed, "seed")
    sampler: Sampler = (
        Ddim(diffusion_timestep, step_interval) if noise_scheduler_type == "ddim" else Ddpm(diffusion_timestep)
    )
    network = _open(Path(checkpoint_path), "latent" if use_ldm else "pixel")
    reconstructor = DiffusionReconstructor(network, sampler, replace(PAPER, discretize=discretize), seed)
    identity = ModelIdentity(Path(checkpoint_path).name, "published", "")
    scorer = Scorer(PAPER, reconstructor, Grading(PUBLISHED_THRESHOLDS), identity, batch_size)
    result = scorer.score(recording, parts=n_partitions, images=return_images)
    images = result.images
    return PublishedResult(
        psnr=result.parts_in_turn(),
        original_image=images.original if images else None,
        cleaned_image=images.reconstruction if images else None,
        recording=recording,
        n_partitions=n_partitions,
    )


def _open(checkpoint: Path, kind: str) -> DiffusionNetwork:
    """The network of a checkpoint or model folder; CheckpointError where it is of another kind."""
    if not checkpoint.is_dir():
        return _open_checkpoint(checkpoint, kind)
    folder = load_folder(checkpoint, unused=(TORCH_WEIGHTS,))
    _check_kind(checkpoint, folder.description.network.kind, kind)
    from ecgnoise.models.load import available_processors
    from ecgnoise.models.onnx import open_onnx

    return open_onnx(folder, available_processors())


def _open_checkpoint(checkpoint: Path, kind: str) -> DiffusionNetwork:
    """The network of a ``.pth``."""
    from ecgnoise.models.checkpoint import kind_of, read_checkpoint
    from ecgnoise.models.networks.published import PUBLISHED, load_parameters
    from ecgnoise.models.torch import TorchNetwork

    parameters = read_checkpoint(checkpoint)
    _check_kind(checkpoint, kind_of(parameters), kind)
    network = PUBLISHED[kind]()
    load_parameters(network, parameters, str(checkpoint))
    return TorchNetwork(network)


def _check_kind(checkpoint: Path, found: str, kind: str) -> None:
    """CheckpointError where the network found is of another kind, which says what to pass."""
    if found in USE_LDM and found != kind:
        what = f"holds a {found} network, and use_ldm={USE_LDM[kind]} asks for a {kind} one"
        raise CheckpointError(f"{checkpoint}: {what}: pass use_ldm={USE_LDM[found]}")
    if found not in USE_LDM:
        what = f"holds a network of the kind {found}, which use_ldm={USE_LDM[kind]} cannot use"
        raise CheckpointError(f"{checkpoint}: {what}: pass a published latent or pixel model")
