"""A smaller network in the place of the default model's, for speed (torch, extra ``train``).

A UNet like that of ``teacher``, made of what a processor does fastest: convolutions whose normalisation and
rectifier are part of them once it is exported (batch normalisation, Ioffe, Szegedy, 2015; blocks of He et al., "Deep
Residual Learning for Image Recognition", 2016), skips that are added and not joined, one block a level on the way up.
It learns the answers of a larger model to the queries of that model and to no others; see
:mod:`ecgnoise.training.default.student`.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgnoise.models.networks.teacher import PATCH, MaskedDenoiser

HEADS: Final = 4
MOMENTUM: Final = 0.02
CONDITIONS: Final = 2  # whether the QRS level is known, and the level


class Convolution(nn.Sequential):
    """A convolution without bias and its normalisation."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False),
            nn.BatchNorm2d(outputs, momentum=MOMENTUM),
        )


class Block(nn.Module):
    """Two convolutions of 3 x 3 beside a shortcut; what is added to it is 0 at first."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = Convolution(inputs, outputs)
        self.second = Convolution(outputs, outputs)
        self.shortcut = Convolution(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.second[1].weight)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Features (n, inputs, h, w) to (n, outputs, h, w), none below 0."""
        return functional.relu(self.second(functional.relu(self.first(features))) + self.shortcut(features))


class Attention(nn.Module):
    """Multi-head attention over all positions, added to the features."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query_key_value = Convolution(channels, 3 * channels, 1)
        self.output = nn.Conv2d(channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Features (n, channels, h, w) to the same shape."""
        _, channels, height, width = features.shape
        stacked = self.query_key_value(features).reshape(-1, 3, HEADS, channels // HEADS, height * width)
        query, key, value = stacked.transpose(-1, -2).unbind(1)
        attended = functional.scaled_dot_product_attention(query, key, value)
        return features + torch.as_tensor(self.output(attended.transpose(-1, -2).reshape(-1, channels, height, width)))


class StudentUNet(nn.Module):
    """UNet from (n, 3, rows, columns) to (n, 1, rows, columns), attention at the coarsest resolution."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        pixels = PATCH * PATCH
        self.conv_in = Convolution(3 * pixels + CONDITIONS, channels[0])
        self.down = nn.ModuleList([Block(channels[0], channels[0])])
        self.down.extend(
            nn.Sequential(Convolution(finer, coarser, stride=2), nn.ReLU(), Block(coarser, coarser))
            for finer, coarser in pairwise(channels)
        )
        self.middle = nn.Sequential(Attention(channels[-1]), Block(channels[-1], channels[-1]))
        finer = list(reversed(channels[:-1]))
        self.narrow = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for coarse, fine in pairwise([channels[-1], *finer]))
        self.up = nn.ModuleList(Block(width, width) for width in finer)
        self.conv_out = nn.Conv2d(channels[0], pixels, 3, padding=1)

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """Maps (n, 3, rows, columns), condition (n, 2) to (n, 1, rows, columns)."""
        patches = functional.pixel_unshuffle(maps, PATCH)
        told = condition[:, :, None, None].expand(-1, -1, *patches.shape[-2:])
        hidden = functional.relu(self.conv_in(torch.cat([patches, told], dim=1)))
        skips = []
        for stage in self.down:
            hidden = stage(hidden)
            skips.append(hidden)
        hidden = self.middle(skips.pop())
        for narrow, block in zip(self.narrow, self.up, strict=True):
            skip = skips.pop()
            grown = functional.interpolate(narrow(hidden), size=skip.shape[-2:], mode="nearest")
            hidden = block(grown + skip)
        return functional.pixel_shuffle(self.conv_out(hidden), PATCH)


class StudentDenoiser(MaskedDenoiser):
    """The denoiser of ``teacher`` around a :class:`StudentUNet`."""

    def __init__(self, channels: tuple[int, ...] = (48, 64, 96)) -> None:
        super().__init__(channels)
        self.network = StudentUNet(channels)  # type: ignore[assignment]

    @staticmethod
    def widths(weights: Mapping[str, Tensor]) -> tuple[int, ...]:
        """The widths of the network whose weights these are, by name; KeyError where they are of another one."""
        widths = [weights["network.conv_in.0.weight"].shape[0]]
        while (name := f"network.down.{len(widths)}.0.0.weight") in weights:
            widths.append(weights[name].shape[0])
        return tuple(widths)
