"""The published networks in torch behind the contract of ``contract.py``. Needs the extra ``train``."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import MissingExtraError, ModelFormatError
from ecgnoise.models.contract import Array
from ecgnoise.models.folder import ModelFolder

try:
    import torch
    from safetensors.torch import load_file

    from ecgnoise.models.networks import PUBLISHED, DiffusionModule, load_parameters
except ModuleNotFoundError as missing:
    raise MissingExtraError("the torch twin of a model", str(missing.name), "train") from missing

WEIGHTS: Final = "weights.safetensors"


class TorchNetwork:
    """A published network in torch; see :class:`ecgnoise.models.contract.DiffusionNetwork`.

    Arrays go to the device on which the network lies and come back to the CPU.
    """

    def __init__(self, network: DiffusionModule) -> None:
        self.network = network

    def encode(self, images: Array) -> Array:
        """What is denoised, (n, c, h, w), of images (n, 1, 32, 256) in [-1, 1]."""
        with torch.inference_mode():
            return as_array(self.network.encode(self.as_tensor(images)))

    def predict_noise(self, noisy: Array, timestep: int) -> Array:
        """Noise in ``noisy`` (n, c, h, w) at a timestep in 0..999."""
        with torch.inference_mode():
            return as_array(self.network.predict_noise(self.as_tensor(noisy), self.as_tensor(np.array([timestep]))))

    def decode(self, denoised: Array) -> Array:
        """Images (n, 1, 32, 256), about in [-1, 1], of what was denoised."""
        with torch.inference_mode():
            return as_array(self.network.decode(self.as_tensor(denoised)))

    def as_tensor(self, values: NDArray[np.generic]) -> torch.Tensor:
        """The array as a tensor on the device of the network."""
        return torch.as_tensor(values, device=next(self.network.parameters()).device)


def as_array(values: torch.Tensor) -> Array:
    """The tensor as an array in the memory of the computer."""
    array: Array = values.cpu().numpy()
    return array


def open_torch(folder: ModelFolder) -> TorchNetwork:
    """The published network of a model folder that has ``weights.safetensors``.

    Raises ModelFormatError where the folder holds another kind of network or no weights, CheckpointError
    where the weights are not those of the network.
    """
    kind = folder.description.network.kind
    if kind not in PUBLISHED:
        raise ModelFormatError(f"{folder.path}: a {kind} network is no published one: pass a converted checkpoint")
    weights = folder.file(WEIGHTS)
    network = PUBLISHED[kind]()
    load_parameters(network, load_file(weights), str(weights))
    return TorchNetwork(network)
