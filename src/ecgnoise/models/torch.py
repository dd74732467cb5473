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

    from ecgnoise.models.networks import PUBLISHED, Autoencoder, DiffusionModule, network_of
except ModuleNotFoundError as missing:
    raise MissingExtraError("the torch twin of a model", str(missing.name), "train") from missing

WEIGHTS: Final = "weights.safetensors"


class TorchAutoencoder:
    """An autoencoder alone in torch; see :class:`ecgnoise.models.redraw.EncodingNetwork`.

    Arrays go to the device on which the network lies and come back to the CPU.
    """

    def __init__(self, network: Autoencoder | DiffusionModule) -> None:
        self.network = network

    def encode(self, images: Array) -> Array:
        """Latents, (n, c, h, w), of images (n, 1, 32, 256) in [-1, 1]; those of a diffusion network are scaled."""
        with torch.inference_mode():
            return as_array(self.network.encode(self.as_tensor(images)))

    def decode(self, denoised: Array) -> Array:
        """Images (n, 1, 32, 256), about in [-1, 1], of latents."""
        with torch.inference_mode():
            return as_array(self.network.decode(self.as_tensor(denoised)))

    def as_tensor(self, values: NDArray[np.generic]) -> torch.Tensor:
        """The array as a tensor on the device of the network."""
        return torch.as_tensor(values, device=next(self.network.parameters()).device)


class TorchNetwork(TorchAutoencoder):
    """A published network in torch; see :class:`ecgnoise.models.contract.DiffusionNetwork`."""

    def __init__(self, network: DiffusionModule) -> None:
        super().__init__(network)
        self.diffusion = network

    def predict_noise(self, noisy: Array, timestep: int) -> Array:
        """Noise in ``noisy`` (n, c, h, w) at a timestep in 0..999."""
        with torch.inference_mode():
            timesteps = self.as_tensor(np.array([timestep]))
            return as_array(self.diffusion.predict_noise(self.as_tensor(noisy), timesteps))


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
    network = network_of(kind, load_file(weights), str(weights))
    if not isinstance(network, DiffusionModule):
        raise ModelFormatError(f"{folder.path}: a {kind} network does not walk: pass a latent or pixel model")
    return TorchNetwork(network)
