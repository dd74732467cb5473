"""A published checkpoint as a model folder. Needs the extra ``train``."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ecgnoise._internal.extras import extra
from ecgnoise.errors import OptionError
from ecgnoise.models.checkpoint import AUTOENCODER, AUTOENCODER_PREFIX, kind_of, read_checkpoint
from ecgnoise.models.diffusion import Ddim
from ecgnoise.models.folder import (
    CARD,
    HASH_DIGITS,
    PUBLISHED_THRESHOLDS,
    ModelDescription,
    ModelFolder,
    Network,
    Training,
    check_new_folder,
    write_folder,
)
from ecgnoise.models.hub import HubFile, fetch, is_on_hub
from ecgnoise.scalogram.profile import PAPER

with extra("converting a checkpoint", "train"):
    from safetensors.torch import save
    from torch import Tensor

    from ecgnoise.models.networks.published import (
        LATENT_SCALING,
        PUBLISHED,
        Autoencoder,
        DiffusionModule,
        load_parameters,
    )
    from ecgnoise.models.torch import WEIGHTS
    from ecgnoise.training.engine.export import export_autoencoder, export_published

SAMPLING: Final = " Sampling: DDIM, timesteps 30, 20, 10, 0."
NO_SAMPLING: Final = " There is no reverse process: what comes back from the latent is scored."
OTHER_GRADES: Final = "; it was made for the latent model and means little here"
CONVERTED: Final = "converted from"

CARD_TEXT: Final = """# {name}

Converted from the checkpoint `{checkpoint}` (SHA-256 `{sum}`) of the published program (Han et al.,
*Diffusion-Based Electrocardiography Noise Quantification via Anomaly Detection*, arXiv 2506.11815).

- Network: {kind}, {parameters:.2f} million parameters, as published.
- Image: profile `paper`.{sampling}
- Grades: the published rule of thumb, good from 26 dB, fair from 24 dB, poor below{grades}.
- Licence and training data: those of the checkpoint; it does not say.
"""


def convert_checkpoint(checkpoint: str | Path, out: str | Path, *, kind: str | None = None) -> ModelFolder:
    """Make a model folder of a published ``.pth``: ONNX files, the same weights as safetensors, profile ``paper``.

    kind: ``"latent"``, ``"pixel"`` or ``"autoencoder"``, which may be part of a latent model; None finds it from the
    parameter names.

    checkpoint: a file, or the name of one on a hub, ``hf:OWNER/REPO``; see :mod:`ecgnoise.models.hub`.

    Raises ModelNotFoundError without the file, CheckpointError where it is not a checkpoint of the network,
    OutputError where ``out`` exists, OptionError for another kind, and the errors of :func:`ecgnoise.models.hub.fetch`.
    """
    folder = Path(out)
    kinds = (*PUBLISHED, AUTOENCODER)
    if kind is not None and kind not in kinds:
        raise OptionError(f"kind {kind!r} is none of {', '.join(kinds)}")
    check_new_folder(folder)
    wanted = HubFile.of(Path(checkpoint).as_posix()) if is_on_hub(checkpoint) else None
    source = fetch(wanted) if wanted else Path(checkpoint)
    origin = str(wanted or source.name)
    parameters = read_checkpoint(source)
    found = kind or kind_of(parameters)
    network = _network(found, parameters, str(source))
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    with source.open("rb") as opened:
        total = hashlib.file_digest(opened, "sha256").hexdigest()
    name = f"published-{found}"
    count = sum(value.numel() for value in weights.values()) / 1e6
    sampling, grades = (NO_SAMPLING, OTHER_GRADES) if found == AUTOENCODER else (SAMPLING, "")
    card = CARD_TEXT.format(
        name=name, checkpoint=origin, sum=total, kind=found, parameters=count, sampling=sampling, grades=grades
    )
    exported = export_autoencoder(network) if isinstance(network, Autoencoder) else export_published(network)
    files = {**exported, WEIGHTS: save(weights), CARD: card.encode()}
    return write_folder(folder, describe_checkpoint(name, total, origin, found), files)


def _network(kind: str, parameters: Mapping[str, Tensor], source: str) -> Autoencoder | DiffusionModule:
    """The network of a kind with these parameters; CheckpointError where they are those of another."""
    inner = {name: value for name, value in parameters.items() if name.startswith(AUTOENCODER_PREFIX)}
    if kind == AUTOENCODER and inner:
        parameters = {name.removeprefix(AUTOENCODER_PREFIX): value for name, value in inner.items()}
    network = Autoencoder() if kind == AUTOENCODER else PUBLISHED[kind]()
    load_parameters(network, parameters, source)
    return network


def describe_checkpoint(name: str, checksum: str, checkpoint: str, kind: str) -> ModelDescription:
    """What is known of a published checkpoint; the checksum of the file stands for its version."""
    return ModelDescription(
        name=name,
        version=checksum[:HASH_DIGITS],
        licence="that of the checkpoint",
        profile=PAPER,
        network=Network(kind, LATENT_SCALING if kind == "latent" else 1.0),
        thresholds=PUBLISHED_THRESHOLDS,
        training=Training(note=f"{CONVERTED} {checkpoint}, SHA-256 {checksum}"),
        sampler=None if kind == AUTOENCODER else Ddim(),
    )
