"""The level network: from an image to how strong each kind of noise is (torch, extra ``train``).

Patches of 2 x 4 pixels become channels, and convolutions of 3 x 3 go on until 5 rows and 32 spans are left. What lies
above one another is then one vector a span, beside what convolutions over time make of the traces of the signal.
Convolutions over time, dilated so that each span sees the whole 10 s, then look for what repeats. Levels of each span
come from there; those of the whole lead-segment come from the mean and the maximum over the spans.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgnoise.models.levels import CONDITIONS, PARTS, QUANTILES
from ecgnoise.noise_levels import BANDS, SPANS
from ecgnoise.scalogram.profile import COLUMNS, DEFAULT
from ecgnoise.scalogram.traces import TRACES

PATCH: Final = (2, 4)  # rows and columns
DILATIONS: Final = (1, 2, 4, 8)
TRACE_CHANNELS: Final = (TRACES, 24, 48, 64)


class Convolution(nn.Sequential):
    """A convolution without bias, its normalisation, and a rectifier."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        )


class AlongTrace(nn.Sequential):
    """A convolution over columns that halves their number, its normalisation, and a rectifier."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, (1, 7), (1, 2), padding=(0, 3), bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        )


class OverTime(nn.Module):
    """A convolution over spans beside a shortcut."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            channels, channels, (1, 3), padding=(0, dilation), dilation=(1, dilation), bias=False
        )
        self.normalisation = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """Features (n, channels, 1, spans) to the same shape."""
        return functional.relu(features + self.normalisation(self.convolution(features)))


class LevelOutputs(NamedTuple):
    """In units of 10 dB: spans (n, BANDS, SPANS), noise (n, BANDS), ecg (n,), snr (n, 3)."""

    spans: Tensor
    noise: Tensor
    ecg: Tensor
    snr: Tensor


class LevelNetwork(nn.Module):
    """From network images (n, 1, rows, columns), traces (n, 3, columns) and conditions (n, 4) to levels.

    conditions: see :func:`ecgnoise.models.levels.conditions`.
    """

    ROWS: Final = DEFAULT.rows

    def __init__(self, width: int = 48, channels: int = 160) -> None:
        super().__init__()
        rows = -(-DEFAULT.rows // 8)
        self.trunk = nn.Sequential(
            Convolution(2 * PATCH[0] * PATCH[1], width),
            Convolution(width, width, (2, 2)),
            Convolution(width, 2 * width),
            Convolution(2 * width, 2 * width, (2, 1)),
        )
        self.traced = nn.Sequential(*(AlongTrace(*widths) for widths in pairwise(TRACE_CHANNELS)))
        self.together = nn.Sequential(
            nn.Conv2d(2 * width * rows + TRACE_CHANNELS[-1] + CONDITIONS, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.over_time = nn.Sequential(*(OverTime(channels, dilation) for dilation in DILATIONS))
        self.whole = nn.Sequential(nn.Conv2d(2 * channels, channels, 1), nn.ReLU())
        self.of_spans = nn.Conv2d(2 * channels, BANDS, 1)
        self.of_whole = nn.Conv2d(channels, BANDS + 1 + len(QUANTILES), 1)
        self.register_buffer("rows", torch.linspace(-1, 1, DEFAULT.rows).reshape(1, 1, -1, 1))

    def forward(self, images: Tensor, traces: Tensor, conditions: Tensor) -> Tensor:
        """All levels in units of 10 dB, (n, OUTPUTS); :meth:`outputs` takes them apart."""
        rows = torch.as_tensor(self.rows).expand(images.shape[0], 1, DEFAULT.rows, COLUMNS)
        high, wide = PATCH
        patches = torch.cat([images, rows], dim=1).reshape(-1, 2, DEFAULT.rows // high, high, COLUMNS // wide, wide)
        patches = patches.permute(0, 1, 3, 5, 2, 4).reshape(-1, 2 * high * wide, DEFAULT.rows // high, COLUMNS // wide)
        features = self.trunk(patches)
        spans = features.reshape(features.shape[0], -1, 1, SPANS)
        told = conditions[:, :, None, None].expand(-1, -1, 1, SPANS)
        traced = self.traced(traces[:, :, None])
        spans = self.over_time(self.together(torch.cat([spans, traced, told], dim=1)))
        pooled = torch.cat([spans.mean(dim=3, keepdim=True), spans.amax(dim=3, keepdim=True)], dim=1)
        whole = self.whole(pooled)
        each = self.of_spans(torch.cat([spans, whole.expand(-1, -1, 1, SPANS)], dim=1))
        return torch.cat([each.flatten(1), self.of_whole(whole).flatten(1)], dim=1)

    @staticmethod
    def widths(weights: Mapping[str, Tensor]) -> tuple[int, int]:
        """The widths of the network whose weights these are, by name; KeyError where they are of another one."""
        return weights["trunk.0.0.weight"].shape[0], weights["together.0.weight"].shape[0]

    @staticmethod
    def outputs(levels: Tensor) -> LevelOutputs:
        """The levels taken apart."""
        spans, noise, ecg, snr = torch.split(levels, list(PARTS), dim=1)
        return LevelOutputs(spans.reshape(-1, BANDS, SPANS), noise, ecg[:, 0], snr)
