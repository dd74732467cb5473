"""The published networks in torch, out of diffusers' blocks, with the published parameter names.

``LatentDiffusion`` (33.47 M parameters) denoises in the latent space of an autoencoder, ``PixelDiffusion``
(28.52 M) denoises the image itself (Han et al., arXiv 2506.11815). A published ``.pth`` loads into them as
it is. Needs the extra ``train``; to score, the ONNX twins of ``onnx.py`` are enough.

What names and shapes leave open was found by matching outputs of the published program: 32 groups in every
normalisation, eps 1e-5 in the UNet and 1e-6 in the autoencoder, SiLU, attention heads of 8 channels in the
UNet and one head in the autoencoder, cosines before sines in the time embedding.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import torch
from diffusers.models.autoencoders.vae import Decoder, Encoder
from diffusers.models.unets.unet_2d import UNet2DModel
from torch import Tensor, nn

from ecgnoise.errors import CheckpointError, OptionError, one_line
from ecgnoise.models.weights import check_tensor

IMAGE_SHAPE: Final = (1, 32, 256)
LATENT_SHAPE: Final = (2, 8, 64)
LATENT_SCALING: Final = 0.18215
TIME_CHANNELS: Final = 256

Levels = tuple[tuple[int, bool], ...]
LATENT_LEVELS: Final[Levels] = ((64, False), (128, True), (256, True))
PIXEL_LEVELS: Final[Levels] = ((64, False), (128, False), (128, True), (192, True), (256, True))


class Autoencoder(nn.Module):
    """Images (n, 1, 32, 256) to latents (n, 2, 8, 64) and back; the latent is taken as it is, not sampled.

    levels: width of each of three levels, a multiple of 32, and whether it attends.
    """

    def __init__(self, levels: Levels = LATENT_LEVELS) -> None:
        super().__init__()
        self.levels = levels
        channels = tuple(width for width, _ in levels)
        down = tuple("AttnDownEncoderBlock2D" if a else "DownEncoderBlock2D" for _, a in levels)
        up = tuple("AttnUpDecoderBlock2D" if a else "UpDecoderBlock2D" for _, a in levels[::-1])
        latents, images = LATENT_SHAPE[0], IMAGE_SHAPE[0]
        self.encoder = Encoder(images, latents, down, channels, layers_per_block=2, double_z=False)
        self.decoder = Decoder(latents, images, up, channels, layers_per_block=2)
        self.quant_conv = nn.Conv2d(latents, latents, kernel_size=1)
        self.post_quant_conv = nn.Conv2d(latents, latents, kernel_size=1)

    def encode(self, images: Tensor) -> Tensor:
        """Latents (n, 2, 8, 64), not yet scaled."""
        latents: Tensor = self.quant_conv(self.encoder(images))
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """Images (n, 1, 32, 256) of latents that are not scaled."""
        images: Tensor = self.decoder(self.post_quant_conv(latents))
        return images

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 1, 32, 256) as they come back from the latents."""
        return self.decode(self.encode(images))


class NoisePredictor(nn.Module):
    """diffusers' UNet with the published name of the time embedding, ``time_embed``.

    levels: width of each level and whether it attends; the image is halved between levels.
    """

    def __init__(self, channels: int, levels: Levels) -> None:
        super().__init__()
        unet = UNet2DModel(
            in_channels=channels,
            out_channels=channels,
            block_out_channels=tuple(width for width, _ in levels),
            down_block_types=tuple("AttnDownBlock2D" if a else "ResnetDownsampleBlock2D" for _, a in levels),
            up_block_types=tuple("AttnUpBlock2D" if a else "ResnetUpsampleBlock2D" for _, a in levels[::-1]),
            downsample_type="resnet",
            upsample_type="resnet",
            resnet_time_scale_shift="scale_shift",
            time_embedding_dim=TIME_CHANNELS,
        )
        self.time_proj = unet.time_proj
        self.time_embed = nn.Sequential(
            nn.Linear(levels[0][0], TIME_CHANNELS), nn.SiLU(), nn.Linear(TIME_CHANNELS, TIME_CHANNELS)
        )
        self.conv_in = unet.conv_in
        self.down_blocks = unet.down_blocks
        self.mid_block = unet.mid_block
        self.up_blocks = unet.up_blocks
        self.conv_norm_out = unet.conv_norm_out
        self.conv_act = unet.conv_act
        self.conv_out = unet.conv_out

    def forward(self, noisy: Tensor, timestep: Tensor) -> Tensor:
        """Noise in ``noisy`` (n, channels, h, w) at ``timestep``, (1,) or (n,) integers in 0..999."""
        time = self.time_embed(self.time_proj(timestep)).expand(noisy.shape[0], -1)
        hidden = self.conv_in(noisy)
        kept = [hidden]
        for block in self.down_blocks:
            hidden, outputs = block(hidden, time)
            kept.extend(outputs)
        hidden = self.mid_block(hidden, time)
        for block in self.up_blocks:
            skipped = [kept.pop() for _ in block.resnets]
            hidden = block(hidden, tuple(reversed(skipped)), time)
        noise: Tensor = self.conv_out(self.conv_act(self.conv_norm_out(hidden)))
        return noise


class DiffusionModule(nn.Module):
    """What both published networks can do; the base denoises the image itself."""

    def __init__(self, channels: int, levels: Levels) -> None:
        super().__init__()
        self.unet = NoisePredictor(channels, levels)

    def encode(self, images: Tensor) -> Tensor:
        """What is denoised, of images (n, 1, 32, 256) in [-1, 1]."""
        return images

    def predict_noise(self, noisy: Tensor, timestep: Tensor) -> Tensor:
        """Noise in ``noisy`` at ``timestep``, (1,) or (n,) integers in 0..999; the shape of ``noisy``."""
        noise: Tensor = self.unet(noisy, timestep)
        return noise

    def decode(self, denoised: Tensor) -> Tensor:
        """Images (n, 1, 32, 256), about in [-1, 1]."""
        return denoised


class PixelDiffusion(DiffusionModule):
    """The published pixel model: a UNet of five levels on the image."""

    def __init__(self, levels: Levels = PIXEL_LEVELS) -> None:
        super().__init__(IMAGE_SHAPE[0], levels)


class LatentDiffusion(DiffusionModule):
    """The published latent model: autoencoder ``ae`` and a UNet of three levels on latents (n, 2, 8, 64).

    autoencoder: levels of the autoencoder, where they are others than those of the UNet.
    """

    def __init__(self, levels: Levels = LATENT_LEVELS, autoencoder: Levels | None = None) -> None:
        super().__init__(LATENT_SHAPE[0], levels)
        self.ae = Autoencoder(autoencoder or levels)

    def encode(self, images: Tensor) -> Tensor:
        """Scaled latents (n, 2, 8, 64) of images (n, 1, 32, 256) in [-1, 1]."""
        return LATENT_SCALING * self.ae.encode(images)

    def decode(self, denoised: Tensor) -> Tensor:
        """Images (n, 1, 32, 256), about in [-1, 1], of scaled latents."""
        return self.ae.decode(denoised / LATENT_SCALING)


PUBLISHED: Final[Mapping[str, Callable[[], DiffusionModule]]] = {"latent": LatentDiffusion, "pixel": PixelDiffusion}


def with_widths(levels: Levels, widths: Sequence[int]) -> Levels:
    """The levels with other widths, multiples of 32, or as they are where there are none.

    Raises OptionError where there are more or fewer widths than levels.
    """
    if not widths:
        return levels
    if len(widths) != len(levels):
        published = ",".join(str(width) for width, _ in levels)
        raise OptionError(f"channels {','.join(map(str, widths))}: pass {len(levels)} widths, as {published}")
    return tuple((width, attends) for width, (_, attends) in zip(widths, levels, strict=True))


def widths_of(parameters: Mapping[str, Tensor], blocks: str) -> tuple[int, ...]:
    """Widths of the levels whose parameters begin with ``blocks``, such as ``unet.down_blocks``; finest first."""
    widths: list[int] = []
    while f"{blocks}.{len(widths)}.resnets.0.conv1.weight" in parameters:
        widths.append(parameters[f"{blocks}.{len(widths)}.resnets.0.conv1.weight"].shape[0])
    return tuple(widths)


def network_of(kind: str, parameters: Mapping[str, Tensor], source: str) -> nn.Module:
    """The network, of any widths, that these parameters belong to, ready to score; see :func:`load_parameters`.

    kind: ``autoencoder``, ``latent`` or ``pixel``.
    """
    try:
        with torch.device("meta"):  # before memory is asked for that only a damaged file wants
            check_parameters(_sized(kind, parameters), parameters, source)
        network = _sized(kind, parameters)
    except (OptionError, ValueError, LookupError, RuntimeError) as error:
        reason = one_line(error, None)
        raise CheckpointError(f"{source}: not the parameters of a network of the kind {kind}: {reason}") from error
    load_parameters(network, parameters, source)
    return network


def _sized(kind: str, parameters: Mapping[str, Tensor]) -> nn.Module:
    """A network of the widths that the parameters have."""
    if kind == "pixel":
        return PixelDiffusion(with_widths(PIXEL_LEVELS, widths_of(parameters, "unet.down_blocks")))
    if kind == "latent":
        unet = with_widths(LATENT_LEVELS, widths_of(parameters, "unet.down_blocks"))
        return LatentDiffusion(unet, with_widths(LATENT_LEVELS, widths_of(parameters, "ae.encoder.down_blocks")))
    return Autoencoder(with_widths(LATENT_LEVELS, widths_of(parameters, "encoder.down_blocks")))


def load_parameters(network: nn.Module, parameters: Mapping[str, Tensor], source: str) -> None:
    """Copy parameters into the network and make it ready to score (evaluation mode, no gradients).

    Raises CheckpointError, naming ``source`` and the first parameter at fault, unless names and shapes are
    exactly those of the network and all values are finite.
    """
    check_parameters(network, parameters, source)
    for name, given in parameters.items():
        if not torch.isfinite(given).all():
            raise CheckpointError(f"{source}: parameter {name} is not finite: pass a checkpoint that did not diverge")
    network.load_state_dict(dict(parameters))
    network.eval().requires_grad_(requires_grad=False)


def check_parameters(network: nn.Module, parameters: Mapping[str, Tensor], source: str) -> None:
    """CheckpointError unless all parameters are plain tensors with names and shapes of the network."""
    expected = network.state_dict()
    for name, own in expected.items():
        if name not in parameters:
            raise CheckpointError(f"{source}: parameter {name} is missing: pass a checkpoint of the published program")
        given = parameters[name]
        if given.shape != own.shape:
            raise CheckpointError(
                f"{source}: parameter {name} has shape {tuple(given.shape)}, not {tuple(own.shape)}: "
                "pass a checkpoint of the published network size"
            )
        check_tensor(given, name, source)
    for name in parameters:
        if name not in expected:
            raise CheckpointError(f"{source}: parameter {name} is unknown: pass a checkpoint of the published program")
