"""What the default model's network learns: to reconstruct clean images in which bands are hidden or vague (torch)."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecgnoise.errors import OptionError
from ecgnoise.models.networks.teacher import MaskedDenoiser
from ecgnoise.scalogram.profile import DEFAULT, Images
from ecgnoise.training.default.data import TrainingSet, corruption, filtered, hide_invalid, images, lowest_rows
from ecgnoise.training.engine.config import DefaultConfig
from ecgnoise.training.engine.task import EXAMPLE_SEED, EXAMPLES, Batch, fingerprint, grey_images

STATISTICS_SAMPLE: Final = 2000
HIDDEN_WEIGHT: Final = 2.0
LOW_PASSED: Final = 0.08
LOW_PASSED_WHOLE: Final = 0.3
REFERENCE_JITTER: Final = 0.05
EXAMPLE_SIGMA: Final = 0.6
SMALLEST_DEVIATION: Final = 1e-3  # of the QRS level: leads that are all as strong say nothing by it


class MaskedTask:
    """Clean lead-segments to reconstruct; see :class:`ecgnoise.training.engine.task.Task`.

    start: weights to start from, by name, or None for fresh ones.
    """

    def __init__(self, data: TrainingSet, config: DefaultConfig, start: Mapping[str, Tensor] | None = None) -> None:
        self.data = data
        self._config = config
        self._start = start
        self._frequencies = torch.tensor(DEFAULT.frequencies)
        chosen = np.random.default_rng(config.seed).permutation(len(data.levels))[:STATISTICS_SAMPLE]
        sample = images(torch.from_numpy(data.levels[np.sort(chosen)]).float())
        self._mean, self._sigma_data = float(sample.mean()), float(sample.std())

    @property
    def size(self) -> int:
        """How many lead-segments there are."""
        return len(self.data.levels)

    @property
    def fingerprint(self) -> str:
        """A sum over all levels."""
        return fingerprint(self.data.levels, self.data.reference)

    def network(self) -> MaskedDenoiser:
        """Fresh weights and the statistics of the training images; or the weights and statistics to start from.

        OptionError where those are of other widths.
        """
        network = MaskedDenoiser(self._config.channels)
        reference = torch.from_numpy(self.data.reference)
        network.mean.fill_(self._mean)
        network.sigma_data.fill_(self._sigma_data)
        network.reference_mean.fill_(reference.mean())
        network.reference_deviation.fill_(reference.std(correction=0).clamp_min(SMALLEST_DEVIATION))
        if self._start is not None:
            try:
                network.load_state_dict(self._start)
            except RuntimeError as error:
                what = "the model to start from has another network"
                raise OptionError(f"channels {self._config.channels}: {what}: pass its widths") from error
        laid_out: MaskedDenoiser = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return laid_out

    def batch(self, chosen: NDArray[np.int64], generator: torch.Generator) -> Batch:
        """Clean images after random band limits, noised, with what is asked of each."""
        levels = torch.from_numpy(self.data.levels[chosen]).float()
        reference = torch.from_numpy(self.data.reference[chosen])
        asked = corruption(len(levels), len(self._frequencies), self._config.units_withheld, generator)
        whole = asked.hidden.amax(dim=(1, 2, 3)) == 0
        share = torch.where(whole, LOW_PASSED_WHOLE, LOW_PASSED)
        clean = images(filtered(levels, self._frequencies, share, generator))
        rows = len(self._frequencies)
        valid = lowest_rows(self.data.valid_counts[chosen], rows)
        hidden = hide_invalid(torch.maximum(asked.hidden, 1.0 - valid), self._frequencies, generator).expand_as(clean)
        sigma = asked.sigma.expand_as(clean)
        return {
            "clean": clean,
            "noised": clean + sigma * torch.randn(clean.shape, generator=generator),
            "sigma": sigma,
            "hidden": hidden,
            "sound": lowest_rows(self.data.sound_counts[chosen], rows).expand_as(clean),
            "reference": reference + REFERENCE_JITTER * torch.randn(len(reference), generator=generator),
            "known": asked.known,
        }

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Mean weighted squared error (EDM, equation 8) of sound rows; hidden pixels weigh 2 / sigma_data^2."""
        sigma, hidden, data = batch["sigma"], batch["hidden"], self._sigma_data
        reconstruction = network(batch["noised"], sigma, hidden, batch["reference"], batch["known"])
        weight = torch.where(hidden > 0, HIDDEN_WEIGHT / data**2, (sigma**2 + data**2) / (sigma * data) ** 2)
        return torch.mean(batch["sound"] * weight * (reconstruction.float() - batch["clean"]) ** 2)

    def examples(self, network: nn.Module) -> tuple[Images, Images]:
        """The first images and what the network makes of them where all rows are vague."""
        device = next(network.parameters()).device
        clean = images(torch.from_numpy(self.data.levels[:EXAMPLES]).float()).to(device)
        reference = torch.from_numpy(self.data.reference[:EXAMPLES]).to(device)
        sigma = torch.full_like(clean, EXAMPLE_SIGMA)
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(EXAMPLE_SEED)).to(device)
        reconstruction = network(
            clean + sigma * noise, sigma, torch.zeros_like(clean), reference, torch.ones_like(reference)
        )
        return grey_images(clean), grey_images(reconstruction)
