"""The default model's network: a masked denoiser of superlet images (torch, extra ``train``).

A small UNet on patches of 4 x 4 pixels with the preconditioning of Karras, Aittala, Aila, Laine, "Elucidating the
Design Space of Diffusion-Based Generative Models" (EDM), NeurIPS 2022, table 1. Departures: the noise level is a map,
one value a pixel, and reaches the network as an input channel instead of an embedding; a second map says which pixels
are hidden, and those are reconstructed from the rest (skip weight 0, output weight sigma_data).
"""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

PATCH: Final = 4
EMBEDDING: Final = 128
GROUPS: Final = 8


def zero(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with all its parameters 0, so that its branch adds nothing at first."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class ResidualBlock(nn.Module):
    """Two normalised 3 x 3 convolutions beside a shortcut, scaled and shifted by the embedding."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(GROUPS, inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.modulation = nn.Linear(EMBEDDING, 2 * outputs)
        self.norm2 = nn.GroupNorm(GROUPS, outputs)
        self.conv2 = zero(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        """Features (n, inputs, h, w) to (n, outputs, h, w)."""
        hidden = self.conv1(functional.silu(self.norm1(features)))
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        hidden = functional.silu(self.norm2(hidden) * (1 + scale) + shift)
        return torch.as_tensor(self.shortcut(features) + self.conv2(hidden))


class SelfAttention(nn.Module):
    """Multi-head attention over all positions."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.query_key_value = nn.Conv2d(channels, 3 * channels, 1)
        self.output = zero(nn.Conv2d(channels, channels, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Features (n, channels, h, w) to the same shape."""
        _, channels, height, width = features.shape
        stacked = self.query_key_value(self.norm(features)).reshape(
            -1, 3, self.heads, channels // self.heads, height * width
        )
        query, key, value = stacked.transpose(-1, -2).unbind(1)
        attended = functional.scaled_dot_product_attention(query, key, value)
        return features + torch.as_tensor(self.output(attended.transpose(-1, -2).reshape(-1, channels, height, width)))


class Stage(nn.Module):
    """A residual block, with attention after it where asked."""

    def __init__(self, inputs: int, outputs: int, *, attention: bool) -> None:
        super().__init__()
        self.residual = ResidualBlock(inputs, outputs)
        self.attention = SelfAttention(outputs) if attention else nn.Identity()

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        """Features (n, inputs, h, w) to (n, outputs, h, w)."""
        return torch.as_tensor(self.attention(self.residual(features, embedding)))


class MaskedUNet(nn.Module):
    """UNet from (n, 3, rows, columns) to (n, 1, rows, columns), attention at the coarsest resolution."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        pixels = PATCH * PATCH
        coarsest = len(channels) - 1
        self.embed = nn.Sequential(nn.Linear(2, EMBEDDING), nn.SiLU(), nn.Linear(EMBEDDING, EMBEDDING), nn.SiLU())
        self.conv_in = nn.Conv2d(3 * pixels, channels[0], 3, padding=1)
        self.down, self.shrink = nn.ModuleList(), nn.ModuleList()
        skips = [channels[0]]
        for level, width in enumerate(channels):
            self.down.append(Stage(skips[-1], width, attention=level == coarsest))
            skips.append(width)
            if level < coarsest:
                self.shrink.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
                skips.append(width)
        self.middle = Stage(channels[-1], channels[-1], attention=False)
        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        current = channels[-1]
        for level, width in reversed(list(enumerate(channels))):
            stages = nn.ModuleList()
            for _ in range(2):
                stages.append(Stage(current + skips.pop(), width, attention=level == coarsest))
                current = width
            self.up.append(stages)
            if level > 0:
                self.grow.append(nn.Conv2d(current, current, 3, padding=1))
        self.norm_out = nn.GroupNorm(GROUPS, current)
        self.conv_out = zero(nn.Conv2d(current, pixels, 3, padding=1))

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """Maps (n, 3, rows, columns), condition (n, 2) to (n, 1, rows, columns)."""
        embedding = self.embed(condition)
        hidden = self.conv_in(functional.pixel_unshuffle(maps, PATCH))
        skips = [hidden]
        for level, stage in enumerate(self.down):
            hidden = stage(hidden, embedding)
            skips.append(hidden)
            if level < len(self.shrink):
                hidden = self.shrink[level](hidden)
                skips.append(hidden)
        hidden = self.middle(hidden, embedding)
        for level, stages in enumerate(self.up):
            for stage in stages:  # type: ignore[attr-defined]
                hidden = stage(torch.cat([hidden, skips.pop()], dim=1), embedding)
            if level < len(self.grow):
                size = skips[-1].shape[-2:]
                hidden = self.grow[level](functional.interpolate(hidden, size=size, mode="nearest"))
        return functional.pixel_shuffle(self.conv_out(functional.silu(self.norm_out(hidden))), PATCH)


class MaskedDenoiser(nn.Module):
    """Reconstructs the clean image behind a noised one in which some pixels are hidden.

    Images are those of :func:`ecgnoise.scalogram.profile.to_network`, in [-1, 1]. ``mean`` and ``sigma_data`` are the
    mean and standard deviation of the training images. ``reference_mean`` and ``reference_deviation`` are those of the
    QRS level of the training leads (log10 mV^2).
    """

    def __init__(self, channels: tuple[int, ...] = (64, 128, 128)) -> None:
        super().__init__()
        self.channels = channels
        self.network = MaskedUNet(channels)
        for name, value in (
            ("mean", 0.0),
            ("sigma_data", 0.5),
            ("reference_mean", 0.0),
            ("reference_deviation", 1.0),
        ):
            self.register_buffer(name, torch.tensor(value))
        self.mean: Tensor
        self.sigma_data: Tensor
        self.reference_mean: Tensor
        self.reference_deviation: Tensor

    @staticmethod
    def widths(weights: Mapping[str, Tensor]) -> tuple[int, ...]:
        """The widths of the network whose weights these are, by name; KeyError where they are of another one."""
        levels = 1 + max((int(name.split(".")[2]) for name in weights if name.startswith("network.down.")), default=0)
        return tuple(weights[f"network.down.{level}.residual.conv1.weight"].shape[0] for level in range(levels))

    def forward(self, noised: Tensor, sigma: Tensor, hidden: Tensor, reference: Tensor, known: Tensor) -> Tensor:
        """The reconstructed images, (n, 1, rows, columns).

        noised: clean image plus sigma times standard normal noise, (n, 1, rows, columns).
        sigma: standard deviation of the noise, above 0, (n, 1, rows, columns).
        hidden: 1 where the pixel is hidden, else 0, (n, 1, rows, columns).
        reference: QRS level in log10 mV^2, (n,). known: 1 where it is known, else 0, (n,).
        """
        shown = 1.0 - hidden
        variance = sigma**2 + self.sigma_data**2
        skip = shown * self.sigma_data**2 / variance
        weight = shown * sigma * self.sigma_data / variance.sqrt() + hidden * self.sigma_data
        centred = (noised - self.mean) * shown
        maps = torch.cat([centred / variance.sqrt(), shown * sigma.log() / 4, hidden], dim=1)
        amplitude = known * (reference - self.reference_mean) / self.reference_deviation
        drawn = self.network(maps, torch.stack([known, amplitude], dim=1)).to(centred.dtype)
        return torch.as_tensor(self.mean + skip * centred + weight * drawn)
