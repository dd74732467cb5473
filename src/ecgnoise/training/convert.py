"""A published checkpoint as a model folder. Needs the extra ``train``."""

import hashlib
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ecgnoise.diffusion import Ddim
from ecgnoise.errors import CheckpointError, MissingExtraError, ModelNotFoundError, OptionError, OutputError
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

try:
    import torch
    from safetensors.torch import save
    from torch import Tensor

    from ecgnoise.models.networks import LATENT_SCALING, PUBLISHED, load_parameters
    from ecgnoise.models.torch import WEIGHTS
    from ecgnoise.models.weights import check_tensor
    from ecgnoise.training.export import export_published
except ModuleNotFoundError as missing:
    raise MissingExtraError("converting a checkpoint", str(missing.name), "train") from missing

NESTING_KEYS: Final = ("ema", "model", "state_dict", "model_state_dict")
AUTOENCODER_PREFIX: Final = "ae."

CARD_TEXT: Final = """# {name}

Converted from the checkpoint `{checkpoint}` (SHA-256 `{sum}`) of the published program (Han et al.,
*Diffusion-Based Electrocardiography Noise Quantification via Anomaly Detection*, arXiv 2506.11815).

- Network: {kind}, {parameters:.2f} million parameters, as published.
- Picture: profile `paper`. Walk: DDIM, timesteps 30, 20, 10, 0.
- Grades: the published rule of thumb, good from 26 dB, fair from 24 dB, poor below.
- Licence and training data: those of the checkpoint; it does not say.
"""


def convert_checkpoint(checkpoint: str | Path, out: str | Path, *, kind: str | None = None) -> ModelFolder:
    """Make a model folder of a published ``.pth``: ONNX files, the same weights as safetensors, profile ``paper``.

    kind: ``"latent"`` or ``"pixel"``; None finds it from the parameter names.

    Raises ModelNotFoundError without the file, CheckpointError where it is not a checkpoint of the network,
    OutputError where ``out`` exists, OptionError for another kind.
    """
    source, folder = Path(checkpoint), Path(out)
    if kind is not None and kind not in PUBLISHED:
        raise OptionError(f"kind {kind!r} is none of {', '.join(PUBLISHED)}")
    if folder.exists():
        raise OutputError(f"{folder}: exists already, and a model is never overwritten: pass a new folder")
    parameters = read_checkpoint(source)
    found = kind or kind_of(parameters)
    network = PUBLISHED[found]()
    load_parameters(network, parameters, str(source))
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    with source.open("rb") as opened:
        total = hashlib.file_digest(opened, "sha256").hexdigest()
    name = f"published-{found}"
    count = sum(value.numel() for value in weights.values()) / 1e6
    card = CARD_TEXT.format(name=name, checkpoint=source.name, sum=total, kind=found, parameters=count)
    files = {**export_published(network), WEIGHTS: save(weights), CARD: card.encode()}
    return write_folder(folder, describe_checkpoint(name, total, source.name, found), files)


def describe_checkpoint(name: str, checksum: str, checkpoint: str, kind: str) -> ModelDescription:
    """What is known of a published checkpoint; the checksum of the file stands for its version."""
    return ModelDescription(
        name=name,
        version=checksum[:HASH_DIGITS],
        licence="that of the checkpoint",
        profile=PAPER,
        network=Network(kind, LATENT_SCALING if kind == "latent" else 1.0),
        thresholds=PUBLISHED_THRESHOLDS,
        training=Training(note=f"converted from {checkpoint}, SHA-256 {checksum}"),
        sampler=Ddim(),
    )


def read_checkpoint(checkpoint: Path) -> dict[str, Tensor]:
    """Parameters by name, float32, of a state dict, or of one nested under a usual key; nothing else is unpickled.

    Raises ModelNotFoundError without the file, CheckpointError where it holds anything but tensors by name.
    """
    if not checkpoint.is_file():
        raise ModelNotFoundError(f"{checkpoint}: no such file: pass the .pth of the published program")
    if not zipfile.is_zipfile(checkpoint):
        raise CheckpointError(f"{checkpoint}: not a checkpoint of plain tensors, or cut off: save a state_dict anew")
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
    return {str(name): value.float() for name, value in loaded.items()}


def kind_of(parameters: Mapping[str, Any]) -> str:
    """``"latent"`` where there is an autoencoder among the parameters, else ``"pixel"``."""
    return "latent" if any(name.startswith(AUTOENCODER_PREFIX) for name in parameters) else "pixel"
