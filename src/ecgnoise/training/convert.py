"""A published checkpoint as a model folder. Needs the extra ``train``."""

import hashlib
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ecgnoise.diffusion import Ddim
from ecgnoise.errors import CheckpointError, MissingExtraError, OptionError, OutputError
from ecgnoise.hub import HubFile, fetch, is_on_hub
from ecgnoise.models.folder import (
    CARD,
    HASH_DIGITS,
    PUBLISHED_THRESHOLDS,
    ModelDescription,
    ModelFolder,
    Network,
    Training,
    write_folder,
)
from ecgnoise.profiles import PAPER
from ecgnoise.training.checks import check_checkpoint

try:
    import torch
    from safetensors.torch import save
    from torch import Tensor

    from ecgnoise.models.networks import (
        LATENT_SCALING,
        PUBLISHED,
        Autoencoder,
        DiffusionModule,
        load_parameters,
    )
    from ecgnoise.models.torch import WEIGHTS
    from ecgnoise.models.weights import check_tensor
    from ecgnoise.training.export import export_autoencoder, export_published
except ModuleNotFoundError as missing:
    raise MissingExtraError("converting a checkpoint", str(missing.name), "train") from missing

WALK: Final = " Walk: DDIM, timesteps 30, 20, 10, 0."
NO_WALK: Final = " There is no walk: what comes back from the latent is scored."
OTHER_GRADES: Final = "; it was made for the latent model and means little here"
NESTING_KEYS: Final = ("ema", "model", "state_dict", "model_state_dict")
AUTOENCODER: Final = "autoencoder"
AUTOENCODER_PREFIX: Final = "ae."
ENCODER_PREFIX: Final = "encoder."
UNET_PREFIX: Final = "unet."
WRAPPERS: Final = ("module.", "_orig_mod.")  # of torch's parallel, averaged and compiled modules
COUNTER: Final = "n_averaged"
CONVERTED: Final = "converted from"

CARD_TEXT: Final = """# {name}

Converted from the checkpoint `{checkpoint}` (SHA-256 `{sum}`) of the published program (Han et al.,
*Diffusion-Based Electrocardiography Noise Quantification via Anomaly Detection*, arXiv 2506.11815).

- Network: {kind}, {parameters:.2f} million parameters, as published.
- Picture: profile `paper`.{walk}
- Grades: the published rule of thumb, good from 26 dB, fair from 24 dB, poor below{grades}.
- Licence and training data: those of the checkpoint; it does not say.
"""


def convert_checkpoint(checkpoint: str | Path, out: str | Path, *, kind: str | None = None) -> ModelFolder:
    """Make a model folder of a published ``.pth``: ONNX files, the same weights as safetensors, profile ``paper``.

    kind: ``"latent"``, ``"pixel"`` or ``"autoencoder"``, which may be part of a latent model; None finds it from the
    parameter names.

    checkpoint: a file, or the name of one on a hub, ``hf:OWNER/REPO``; see :mod:`ecgnoise.hub`.

    Raises ModelNotFoundError without the file, CheckpointError where it is not a checkpoint of the network,
    OutputError where ``out`` exists, OptionError for another kind, and the errors of :func:`ecgnoise.hub.fetch`.
    """
    folder = Path(out)
    kinds = (*PUBLISHED, AUTOENCODER)
    if kind is not None and kind not in kinds:
        raise OptionError(f"kind {kind!r} is none of {', '.join(kinds)}")
    if folder.exists():
        raise OutputError(f"{folder}: exists already, and a model is never overwritten: pass a new folder")
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
    walk, grades = (NO_WALK, OTHER_GRADES) if found == AUTOENCODER else (WALK, "")
    card = CARD_TEXT.format(
        name=name, checkpoint=origin, sum=total, kind=found, parameters=count, walk=walk, grades=grades
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


def read_checkpoint(checkpoint: Path) -> dict[str, Tensor]:
    """Parameters by name, float32, of a state dict, or of one nested under a usual key; nothing else is unpickled.

    Raises ModelNotFoundError without the file, CheckpointError where it holds anything but tensors by name.
    """
    check_checkpoint(checkpoint)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pickle protocol, and of tensors that are refused below
            loaded: Any = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except (
        OSError,
        RuntimeError,
        EOFError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        pickle.UnpicklingError,
    ) as error:
        reason = str(error).strip().split("\n")[0][:100]
        raise CheckpointError(
            f"{checkpoint}: not a checkpoint of plain tensors ({reason}): save a state_dict"
        ) from error
    for key in NESTING_KEYS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
            break
    if not isinstance(loaded, Mapping) or not loaded:
        raise CheckpointError(f"{checkpoint}: no parameters by name in it: save a state_dict")
    for name, value in loaded.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(f"{checkpoint}: entry {name} is {type(value).__name__}, no tensor: save a state_dict")
        check_tensor(value, str(name), str(checkpoint))
    return {_unwrapped(str(name)): value.float() for name, value in loaded.items() if name != COUNTER}


def _unwrapped(name: str) -> str:
    """The name of a parameter without what wrappers of modules put before it."""
    for wrapper in WRAPPERS:
        name = name.removeprefix(wrapper)
    return name


def kind_of(parameters: Mapping[str, Any]) -> str:
    """``"latent"`` where there are a UNet and an autoencoder, ``"autoencoder"`` without a UNet, else ``"pixel"``.

    A pixel model is a UNet alone; so is, for want of a better word, what has neither.
    """
    inner = any(name.startswith(AUTOENCODER_PREFIX) for name in parameters)
    if any(name.startswith(UNET_PREFIX) for name in parameters):
        return "latent" if inner else "pixel"
    return AUTOENCODER if inner or any(name.startswith(ENCODER_PREFIX) for name in parameters) else "pixel"
