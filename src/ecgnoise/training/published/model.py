"""From a store of PTB-XL to the model folder of a published network: train, export, grade. Needs the extra ``train``.

The losses are mean squared errors: of the image for the autoencoder, of the noise for the UNets. The latent model takes
its autoencoder from a model folder and leaves it as it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from accelerate import PartialState
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn

from ecgnoise._version import __version__
from ecgnoise.errors import ModelFormatError, OptionError
from ecgnoise.models.calibration import clean_percentiles_of, source_commit, thresholds_of
from ecgnoise.models.diffusion import Ddim
from ecgnoise.models.folder import (
    CARD,
    ModelDescription,
    ModelFolder,
    Network,
    Training,
    check_new_folder,
    load_folder,
    write_folder,
)
from ecgnoise.models.networks.published import (
    LATENT_LEVELS,
    LATENT_SCALING,
    LATENT_SHAPE,
    PIXEL_LEVELS,
    Autoencoder,
    DiffusionModule,
    LatentDiffusion,
    NoisePredictor,
    PixelDiffusion,
    network_of,
    with_widths,
)
from ecgnoise.models.reconstruct import AutoencoderReconstructor, DiffusionReconstructor, Reconstructor, Scalograms
from ecgnoise.models.torch import WEIGHTS, TorchAutoencoder, TorchNetwork
from ecgnoise.models.weights import load_weights
from ecgnoise.ptbxl.store import Store
from ecgnoise.scalogram.profile import Profile
from ecgnoise.scoring import metrics
from ecgnoise.training.engine.config import PublishedConfig
from ecgnoise.training.engine.export import export_autoencoder, export_published
from ecgnoise.training.engine.loop import Parameters, StepProgress, train
from ecgnoise.training.engine.task import Grey
from ecgnoise.training.published.convert import CONVERTED
from ecgnoise.training.published.tasks import LEARNING, AutoencoderTask, DiffusionTask, encode_all
from ecgnoise.training.recordings.store_leads import (
    ChosenLeads,
    Progress,
    choose_leads,
    published_profile,
    stored_images,
)

TaskT = TypeVar("TaskT")

GRADED_LEADS: Final = 256
BATCH: Final = 16
LICENCE: Final = "that of whoever trained it"
DATA: Final = "PTB-XL (CC BY 4.0)"

CARD_TEXT: Final = """# {name}

A published network (Han et al., *Diffusion-Based Electrocardiography Noise Quantification via Anomaly Detection*,
arXiv 2506.11815), trained anew.

- Network: {kind}, {parameters:.2f} million parameters.
- Trained on: {data}.
- Training: {note}.
- Image: profile `paper`{grey}.
- Grades: good from {good} dB (95 % of the clean leads it was graded on), fair from {fair} dB (99 %), poor from {poor}
  dB, unusable below.
- For research; not a medical device.
"""


@dataclass(frozen=True)
class Request:
    """What to train on, how, and where to.

    out: the model folder, new. only: a list of leads, or None for all clean ones. work: the folder of the run, by
    default ``out`` with ``.training`` at its end. reading, step: told how far it is. say: told which leads are left
    out, if any.
    """

    store: Store
    out: Path
    config: PublishedConfig
    only: Path | None = None
    work: Path | None = None
    reading: Progress | None = None
    step: StepProgress | None = None
    say: Callable[[str], None] | None = None


@dataclass(frozen=True)
class Material:
    """The images of a run: those trained on, those watched, and those that grade; and their profile."""

    leads: ChosenLeads
    training: Grey
    validation: Grey
    profile: Profile

    @property
    def clean(self) -> Grey:
        """Images to grade by: not trained on, where there are such."""
        images = self.validation if len(self.validation) else self.training
        return images[np.linspace(0, len(images) - 1, min(len(images), GRADED_LEADS)).round().astype(np.int64)]


def train_published(kind: str, request: Request, autoencoder: Path | None = None) -> ModelFolder | None:
    """Train a published network and write its model folder; None in all processes but the first.

    kind: ``autoencoder``, ``latent`` or ``pixel``. autoencoder: for ``latent``, a model folder that has one.

    Raises OutputError where ``out`` exists, StoreError, TrainingDataError, CheckpointError, OptionError, or the errors
    of :func:`ecgnoise.models.folder.load_folder`.
    """
    check_new_folder(request.out)
    trained = _given_autoencoder(kind, request, autoencoder)
    material = read_material(request)
    network, reconstructor = TRAINERS[kind](request, material, trained)
    if not PartialState().is_main_process:
        return None
    return write_model(kind, request, material, network, reconstructor)


def read_material(request: Request) -> Material:
    """The images of a run."""
    profile = published_profile(request.store, discretization=request.config.discretization)
    leads = choose_leads(request.store, request.config.validation_fold, request.only)
    if request.say and leads.note:
        request.say(leads.note)
    training, validation = (
        stored_images(request.store, rows, profile, request.reading) for rows in (leads.training, leads.validation)
    )
    return Material(leads, training, validation, profile)


def _given_autoencoder(kind: str, request: Request, folder: Path | None) -> Autoencoder | None:
    """The autoencoder that a latent model needs; None for other models, which take none."""
    if (kind == "latent") == (folder is None):
        what = "pass --autoencoder with the folder of one" if folder is None else f"leave {folder} out"
        raise OptionError(f"a latent model needs an autoencoder, and no other model takes one: {what}")
    if folder is None:
        return None
    return read_autoencoder(folder, published_profile(request.store, discretization=request.config.discretization))


def _train_autoencoder(request: Request, material: Material, _trained: None) -> tuple[nn.Module, Reconstructor]:
    levels = with_widths(LATENT_LEVELS, request.config.channels)

    def task(images: Grey) -> AutoencoderTask:
        return AutoencoderTask(images, lambda: Autoencoder(levels))

    watched = _watched(task, material)
    network = Autoencoder(levels)
    network.load_state_dict(
        train(task(material.training), watched, request.config, _work(request), progress=request.step).state_dict()
    )
    network.eval().requires_grad_(requires_grad=False)
    return network, AutoencoderReconstructor(TorchAutoencoder(network), material.profile)


def _train_latent(request: Request, material: Material, trained: Autoencoder) -> tuple[nn.Module, Reconstructor]:
    levels = with_widths(LATENT_LEVELS, request.config.channels)
    module = LatentDiffusion(levels, trained.levels)
    module.ae.load_state_dict(trained.state_dict())

    def task(images: Grey) -> DiffusionTask:
        latents = encode_all(module, images, BATCH, request.reading)
        return DiffusionTask(images, module, lambda: NoisePredictor(LATENT_SHAPE[0], levels), latents)

    return _train_unet(request, material, module, task)


def _train_pixel(request: Request, material: Material, _trained: None) -> tuple[nn.Module, Reconstructor]:
    levels = with_widths(PIXEL_LEVELS, request.config.channels)
    module = PixelDiffusion(levels)

    def task(images: Grey) -> DiffusionTask:
        return DiffusionTask(images, module, lambda: NoisePredictor(1, levels))

    return _train_unet(request, material, module, task)


def _train_unet(
    request: Request, material: Material, module: DiffusionModule, task: Callable[[Grey], DiffusionTask]
) -> tuple[nn.Module, Reconstructor]:
    """Train the UNet of a module, and put it there."""
    watched = _watched(task, material)
    fixed = {name: value for name, value in module.state_dict().items() if not name.startswith(LEARNING)}

    def whole(parameters: Parameters) -> Parameters:
        return {**fixed, **{f"{LEARNING}{name}": value for name, value in parameters.items()}}

    unet = train(task(material.training), watched, request.config, _work(request), progress=request.step, whole=whole)
    module.unet.load_state_dict(unet.state_dict())
    module.to("cpu").eval().requires_grad_(requires_grad=False)
    return module, DiffusionReconstructor(TorchNetwork(module), Ddim(), material.profile)


TRAINERS: Final[Mapping[str, Callable[[Request, Material, Any], tuple[nn.Module, Reconstructor]]]] = {
    "autoencoder": _train_autoencoder,
    "latent": _train_latent,
    "pixel": _train_pixel,
}


def _watched(task: Callable[[Grey], TaskT], material: Material) -> TaskT | None:
    """The task of the leads that are watched, where there are any."""
    return task(material.validation) if len(material.validation) else None


def _work(request: Request) -> Path:
    return request.work or request.out.with_name(f"{request.out.name}.training")


def read_autoencoder(path: Path, profile: Profile) -> Autoencoder:
    """The autoencoder of a model folder of the kind ``autoencoder`` or ``latent``, trained on the same images.

    A converted checkpoint does not say whether its images were in whole grey levels, so that it goes with both.

    Raises ModelFormatError where the folder has another kind or profile.
    """
    folder = load_folder(path)
    kind = folder.description.network.kind
    if kind not in {"autoencoder", "latent"}:
        raise ModelFormatError(f"{path}: a {kind} network has no autoencoder: pass the folder of one")
    found_profile = folder.description.profile
    if folder.description.training.note.startswith(CONVERTED):
        found_profile = replace(found_profile, discretize=profile.discretize)
    if found_profile != profile:
        raise ModelFormatError(f"{path}: its images are others than those of the store: train it with the same options")
    weights = folder.file(WEIGHTS)
    network = network_of(kind, load_weights(weights), str(weights))
    found = network.ae if isinstance(network, LatentDiffusion) else network
    if not isinstance(found, Autoencoder):
        raise TypeError(f"{type(found).__name__} is no autoencoder")
    return found


def write_model(
    kind: str, request: Request, material: Material, network: nn.Module, reconstructor: Reconstructor
) -> ModelFolder:
    """Export a trained network, grade it by clean leads, and write its model folder."""
    if isinstance(network, Autoencoder):
        files = export_autoencoder(network)
    elif isinstance(network, DiffusionModule):
        files = export_published(network)
    else:
        raise TypeError(f"{type(network).__name__} is no published network")
    psnr = clean_psnr(reconstructor, material.clean)
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    thresholds = thresholds_of(psnr)
    description = ModelDescription(
        name=kind,
        version=__version__,
        licence=LICENCE,
        profile=material.profile,
        network=Network(kind, LATENT_SCALING if kind == "latent" else 1.0),
        thresholds=thresholds,
        training=_training(request, material),
        sampler=None if kind == "autoencoder" else Ddim(),
        clean_percentiles=clean_percentiles_of(psnr),
    )
    card = CARD_TEXT.format(
        name=kind,
        kind=kind,
        parameters=sum(value.numel() for value in weights.values()) / 1e6,
        data=", ".join(description.training.data),
        note=description.training.note,
        grey=", whole grey levels" if material.profile.discretize else "",
        good=thresholds.good,
        fair=thresholds.fair,
        poor=thresholds.poor,
    )
    return write_folder(request.out, description, {**files, WEIGHTS: save(weights), CARD: card.encode()})


def clean_psnr(reconstructor: Reconstructor, images: Grey) -> NDArray[np.float64]:
    """PSNR of each image, (n,) in dB."""
    every = np.ones(images.shape[1], np.bool_)
    errors = []
    for first in range(0, len(images), BATCH):
        shown = images[first : first + BATCH].astype(np.float32)
        scalograms = Scalograms(shown, np.zeros(len(shown), np.float32), known=True, valid=every)
        errors.append(metrics.column_errors(shown, reconstructor.reconstruct(scalograms), every).mean(axis=1))
    return metrics.psnr(np.concatenate(errors))


def _training(request: Request, material: Material) -> Training:
    """What the model has seen."""
    config, leads = request.config, material.leads
    length = f"{config.epochs:g} epochs" if config.epochs else f"{config.steps} steps"
    taken = config.batch * config.accumulate * PartialState().num_processes
    watched = f" but {config.validation_fold}" if config.validation_fold else ""
    chosen = "" if request.only is None else f", those of {request.only.name}"
    data = f"{DATA}: {len(leads.training)} clean leads of folds 1 to 9{watched}{chosen}"
    note = (
        f"{length}, {taken} lead-segments a step, learning rate {config.learning_rate:g}, seed {config.seed}; graded "
        f"on {len(material.clean)} clean leads{'; ' if leads.note else ''}{leads.note}"
    )
    return Training((data,), source_commit(), note)
