"""Reconstruction by networks that are not diffusion models: a plain autoencoder and a VAE (torch, extra ``train``).

Both see the images that the principal components of :mod:`benchmarks.rivals.pca` are fitted on: clean PTB-XL leads of
folds 1 to 8, in the image of profile ``default``. Both have 3.2 million parameters, close to the 4.0 million of the
network behind the bundled model, and 768 numbers in the middle of an image of 10,240 pixels. The VAE is that of Kingma
and Welling, "Auto-Encoding Variational Bayes", 2014, with the variance of its decoder set to the mean squared error
(Rybkin, Daniilidis, Levine, "Simple and Effective VAE Training with Calibrated Decoders", 2021); a lead is
reconstructed from the mean of its latent.

The score is the PSNR of the reconstructed image over the rows that the recording can hold. Training takes some minutes
on two cores, is done once by :func:`prepare`, and kept in ``benchmarks/.cache``.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.rivals.contract import Array
from benchmarks.rivals.pca import clean_training_leads, image
from ecgnoise import read
from ecgnoise.scalogram.profile import DEFAULT, valid_rows
from ecgnoise.scoring.metrics import column_errors, psnr

if TYPE_CHECKING:
    import torch

CACHE: Final = Path(__file__).parents[1] / ".cache"
WIDTHS: Final = (32, 64, 128, 256)
SIZES: Final = ((5, 32), (10, 64), (20, 128))  # on the way back
LATENT: Final = 16
STEPS: Final = 600
BATCH: Final = 32
RATE: Final = 1e-3
SEED: Final = 1
NAMES: Final = ("autoencoder", "vae")


def build() -> "torch.nn.ModuleDict":
    """Fresh weights: an encoder to mean and log variance of the latent, and a decoder."""
    from torch import nn

    def block(inputs: int, outputs: int, stride: int = 1) -> "torch.nn.Sequential":
        convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        return nn.Sequential(convolution, nn.GroupNorm(8, outputs), nn.SiLU())

    widths = (1, *WIDTHS)
    shrink = [block(fine, coarse, 2) for fine, coarse in pairwise(widths)]
    deepest = WIDTHS[-1]
    grow = [
        layer
        for size, (coarse, fine) in zip(SIZES, pairwise(WIDTHS[::-1]), strict=True)
        for layer in (nn.Upsample(size), block(coarse, fine))
    ]
    last = [nn.Upsample((DEFAULT.rows, 256)), nn.Conv2d(WIDTHS[0], 1, 3, padding=1)]
    encoder = [*shrink, block(deepest, deepest), block(deepest, deepest), nn.Conv2d(deepest, 2 * LATENT, 1)]
    decoder = [nn.Conv2d(LATENT, deepest, 1), block(deepest, deepest), block(deepest, deepest), *grow, *last]
    return nn.ModuleDict({"encoder": nn.Sequential(*encoder), "decoder": nn.Sequential(*decoder)})


def train(images: NDArray[np.float32], *, variational: bool, steps: int = STEPS) -> "torch.nn.ModuleDict":
    """Train on images, (n, rows, columns) in 0..255; the same for the same images on the same computer."""
    import torch

    torch.manual_seed(SEED)
    network = build().to(memory_format=torch.channels_last)
    values = torch.from_numpy(images[:, None] / 127.5 - 1.0)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for _ in range(steps):
        batch = values[torch.randint(len(values), (BATCH,))].to(memory_format=torch.channels_last)
        mean, log_variance = network["encoder"](batch).chunk(2, dim=1)
        drawn = mean + torch.randn_like(mean) * (log_variance / 2).exp() if variational else mean
        error = (network["decoder"](drawn) - batch).square().mean()
        loss = error
        if variational:
            divergence = (mean.square() + log_variance.exp() - 1.0 - log_variance).sum() / 2 / batch.numel()
            loss = error.log() / 2 + divergence  # per pixel, at the decoder's best variance
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return network.eval()


def prepare() -> None:
    """Train what is not in the cache; needs ECGNOISE_DATA for that."""
    import torch

    absent = [name for name in NAMES if not _file(name).exists()]
    if not absent:
        return
    scalograms = []
    for path, leads in clean_training_leads().items():
        recording = read(path)
        scalograms += [image(recording.signal[lead], recording.sampling_frequency)[0] for lead in leads]
    for name in absent:
        network = train(np.stack(scalograms), variational=name == "vae")
        CACHE.mkdir(parents=True, exist_ok=True)
        partial_file = _file(name).with_suffix(".part")
        torch.save(network.state_dict(), partial_file)
        partial_file.replace(_file(name))


def _file(name: str) -> Path:
    return CACHE / f"{name}.pt"


@lru_cache(maxsize=len(NAMES))
def trained(name: str) -> "torch.nn.ModuleDict":
    """The network of the cache; :func:`prepare` puts it there."""
    import torch

    network = build()
    network.load_state_dict(torch.load(_file(name), weights_only=True))
    return network.eval()


def reconstruction(network: "torch.nn.ModuleDict", images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Images (n, rows, columns) as they come back, in 0..255."""
    import torch

    with torch.inference_mode():
        mean = network["encoder"](torch.from_numpy(images[:, None] / 127.5 - 1.0)).chunk(2, dim=1)[0]
        again = network["decoder"](mean)[:, 0].numpy()
    return np.clip((again + 1.0) * 127.5, 0.0, 255.0)


def network_psnr(name: str, lead: Array, sampling_frequency: float) -> float:
    """PSNR in dB of the image of a lead as a network reconstructs it."""
    original = image(lead, sampling_frequency)
    again = reconstruction(trained(name), original)
    return float(psnr(column_errors(original, again, valid_rows(DEFAULT, sampling_frequency)).mean()))


RIVALS: Final[dict[str, Callable[[Array, float], float]]] = {name: partial(network_psnr, name) for name in NAMES}
PACKAGES: Final = dict.fromkeys(NAMES, ("torch",))
