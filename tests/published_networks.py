"""The published networks with weights that anybody can make again, and the score of what they reconstruct.

Each parameter is drawn from a generator seeded with its name, as for the reference outputs (upstream_networks.npz, made
by the published program at commit 04f0efb with these weights).
"""

import zlib
from dataclasses import replace

import numpy as np
import torch

from ecgnoise.models.diffusion import Ddim, draw_noise, reverse_process
from ecgnoise.models.networks.published import DiffusionModule, load_parameters
from ecgnoise.scalogram.profile import PAPER, from_network

REFERENCE_SEED = 7
PLAIN = replace(PAPER, discretize=False)


def drawn_parameter(name, shape):
    drawn = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if len(shape) >= 2:
        scaled = drawn * 0.9 / np.sqrt(np.prod(shape[1:]))
    else:
        scaled = 1 + 0.1 * drawn if name.endswith("weight") else 0.05 * drawn
    return torch.from_numpy(np.asarray(scaled, np.float32))


def with_drawn_parameters(network):
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    load_parameters(network, {name: drawn_parameter(name, shape) for name, shape in shapes.items()}, "drawn")
    return network


def small_pixel_network():
    """The pixel model with three narrow levels for five: its export takes seconds, not half a minute."""
    return DiffusionModule(1, ((32, False), (32, False), (32, True)))


def reconstruct(network, images, seed=REFERENCE_SEED):
    """The published reverse process, DDIM from t = 30, with a network that keeps the contract."""
    clean = network.encode(images)
    noise = draw_noise(Ddim(), clean.shape[1:], seed)
    return network.decode(reverse_process(network.predict_noise, clean, Ddim(), noise))


def psnr(images, reconstruction, profile=PAPER, parts=1):
    """PSNR in dB of each image and part, (n, parts)."""
    squared = (from_network(images, profile)[:, 0] - from_network(reconstruction, profile)[:, 0]).astype(
        np.float64
    ) ** 2
    spans = squared.reshape(*squared.shape[:2], parts, -1)
    return 10 * np.log10(255**2 / spans.mean(axis=(1, 3)))
