"""Published checkpoints, read without running anything that is in them. Needs the extra ``train``."""

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecgnoise.errors import CheckpointError, ModelNotFoundError

if TYPE_CHECKING:
    from torch import Tensor

NESTING_KEYS: Final = ("ema", "model", "state_dict", "model_state_dict")
AUTOENCODER_PREFIX: Final = "ae."
ENCODER_PREFIX: Final = "encoder."
UNET_PREFIX: Final = "unet."
AUTOENCODER: Final = "autoencoder"
WRAPPERS: Final = ("module.", "_orig_mod.")  # of torch's parallel, averaged and compiled modules
COUNTER: Final = "n_averaged"


def check_checkpoint(checkpoint: str | Path) -> None:
    """ModelNotFoundError or CheckpointError where a published ``.pth`` is absent, or surely is none."""
    path = Path(checkpoint)
    if not path.is_file():
        raise ModelNotFoundError(f"{path}: no such file: pass the .pth of the published program")
    if not zipfile.is_zipfile(path):
        raise CheckpointError(f"{path}: not a checkpoint of plain tensors, or cut off: save a state_dict anew")


def read_checkpoint(checkpoint: Path) -> "dict[str, Tensor]":
    """Parameters by name, float32, of a state dict, or of one nested under a usual key; nothing else is unpickled.

    Raises ModelNotFoundError without the file, CheckpointError where it holds anything but tensors by name.
    """
    import torch

    from ecgnoise.models.weights import check_tensor

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
        if not isinstance(value, torch.Tensor):
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
