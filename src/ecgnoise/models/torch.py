"""Networks in torch behind the contracts of ``reconstruct.py``. Needs the extra ``train``."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.extras import extra
from ecgnoise.errors import ModelFormatError, OptionError
from ecgnoise.models.folder import ModelFolder
from ecgnoise.models.reconstruct import Array, Placement

with extra("the torch twin of a model", "train"):
    import torch

    from ecgnoise.models.networks.levels import LevelNetwork
    from ecgnoise.models.networks.published import PUBLISHED, Autoencoder, DiffusionModule, network_of
    from ecgnoise.models.networks.student import StudentDenoiser
    from ecgnoise.models.networks.teacher import MaskedDenoiser
    from ecgnoise.models.weights import load_weights

WEIGHTS: Final = "weights.safetensors"
LEVEL_WEIGHTS: Final = "levels.safetensors"


class TorchAutoencoder:
    """An autoencoder alone in torch; see :class:`ecgnoise.models.reconstruct.DiffusionNetwork`.

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
    """A published network in torch; see :class:`ecgnoise.models.reconstruct.DiffusionNetwork`."""

    def __init__(self, network: DiffusionModule) -> None:
        super().__init__(network)
        self.diffusion = network

    def predict_noise(self, noisy: Array, timestep: int) -> Array:
        """Noise in ``noisy`` (n, c, h, w) at a timestep in 0..999."""
        with torch.inference_mode():
            timesteps = self.as_tensor(np.array([timestep]))
            return as_array(self.diffusion.predict_noise(self.as_tensor(noisy), timesteps))


def as_array(values: torch.Tensor) -> Array:
    """The tensor as an array in the memory of the computer; ModelFormatError where it is not finite."""
    array: Array = values.cpu().numpy()
    if not np.isfinite(array).all():
        raise ModelFormatError(
            "the network gives NaN or infinite numbers: its weights are damaged, pass another model or checkpoint"
        )
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
    network = network_of(kind, load_weights(weights), str(weights))
    if not isinstance(network, DiffusionModule):
        raise ModelFormatError(f"{folder.path}: a {kind} network has no reverse process: pass a latent or pixel model")
    return TorchNetwork(network)


class TorchDenoiser:
    """The default model's network on a torch device; see :class:`ecgnoise.models.reconstruct.Denoiser`.

    Tensors come and go, on the device of the network. precision: what the network computes in; what goes in and comes
    out of it is float32.
    """

    def __init__(self, network: MaskedDenoiser, precision: torch.dtype) -> None:
        self.network = network
        self.precision = precision

    def denoise(
        self,
        noised: torch.Tensor,
        sigma: torch.Tensor,
        hidden: torch.Tensor,
        reference: torch.Tensor,
        known: torch.Tensor,
    ) -> torch.Tensor:
        """Reconstructed network images (n, 1, rows, columns)."""
        lower = self.precision != torch.float32
        with torch.inference_mode(), torch.autocast(noised.device.type, self.precision, enabled=lower):
            reconstruction: torch.Tensor = self.network(noised, sigma, hidden, reference, known)
            # Infinite numbers would vanish where only what lies below them counts; the scorer finds NaN.
            return torch.nan_to_num(reconstruction.float(), nan=torch.nan, posinf=torch.nan, neginf=torch.nan)


class TorchLevels:
    """The level network of a model on a torch device; tensors come from there, and answers go to the CPU."""

    def __init__(self, network: LevelNetwork) -> None:
        self.network = network

    def levels(self, images: torch.Tensor, traced: torch.Tensor, told: torch.Tensor) -> Array:
        """Answers of the network for network images, traces and conditions; ModelFormatError unless finite."""
        with torch.inference_mode():
            return as_array(self.network(images, traced, told))


def open_levels(folder: ModelFolder) -> LevelNetwork | None:
    """The level network of a model, on the CPU; None where it has none. ModelFormatError for other weights."""
    if LEVEL_WEIGHTS not in folder.description.files:
        return None
    file = folder.file(LEVEL_WEIGHTS)
    weights = load_weights(file)
    try:
        network = LevelNetwork(*LevelNetwork.widths(weights))
        network.load_state_dict(weights)
    except (LookupError, RuntimeError, ValueError, TypeError) as error:
        raise ModelFormatError(f"{file}: not the weights of a level network: pass another folder") from error
    return network.eval()


def open_denoiser(folder: ModelFolder) -> MaskedDenoiser:
    """The network of a default model, on the CPU.

    Raises ModelFormatError where the folder holds another kind of network, no weights, or weights of no known shape.
    """
    kind = folder.description.network.kind
    if kind != "masked":
        raise ModelFormatError(f"{folder.path}: a {kind} network asks no queries: pass a default model")
    weights = load_weights(folder.file(WEIGHTS))
    for network in (StudentDenoiser, MaskedDenoiser):
        try:
            widths = network.widths(weights)
            with torch.device("meta"):  # before memory is asked for that only a damaged file wants
                expected = {name: value.shape for name, value in network(widths).state_dict().items()}
            if expected != {name: value.shape for name, value in weights.items()}:
                continue
            made = network(widths)
            made.load_state_dict(weights)
        except (LookupError, RuntimeError, ValueError, TypeError):
            continue
        laid_out: MaskedDenoiser = made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return laid_out.eval()
    raise ModelFormatError(f"{folder.file(WEIGHTS)}: not the weights of a default model: pass another folder")


def check_device(device: str) -> None:
    """OptionError where torch cannot compute on a device of this name."""
    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # AssertionError: torch was built without CUDA
        reason = str(error).strip().split("\n")[0]
        raise OptionError(f"--device {device}: torch cannot use it ({reason}): pass cpu, or one that it can") from error


def lower_precision(device: str) -> torch.dtype:
    """Bfloat16 on a GPU that computes in it, else float32."""
    if torch.device(device).type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float32


def placement(device: str) -> Placement:
    """The way to a device and back; to a GPU from pinned memory, so that copying overlaps computing."""
    pinned = torch.device(device).type == "cuda"

    def to_device(values: NDArray[np.float32]) -> torch.Tensor:
        tensor = torch.from_numpy(values)
        return (tensor.pin_memory() if pinned else tensor).to(device, non_blocking=pinned)

    def to_host(tensor: torch.Tensor) -> NDArray[Any]:
        array: NDArray[Any] = tensor.cpu().numpy()
        return array

    return Placement(to_device, to_host, device)
