"""What the level network learns, as the loop sees it. Needs the extra ``train``.

A level that is known to lie between two ends costs nothing within them, and beyond them a smooth absolute difference in
units of 10 dB. The SNR has three outputs, its 16th, 50th and 84th percentile given the image (Koenker and Bassett,
"Regression Quantiles", Econometrica 46, 1978).
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ecgnoise.models.levels import QUANTILES, UNIT_DB, conditions
from ecgnoise.models.networks.levels import LevelNetwork
from ecgnoise.scalogram.profile import POSSIBLE_QRS_LEVELS, Images, within
from ecgnoise.training.engine.task import EXAMPLES, Batch, fingerprint, network_images
from ecgnoise.training.levels.mixtures import Mixtures

LIMITS_DB: Final = (-60.0, 40.0)
SMOOTH: Final = 0.3  # of 10 dB
KNOWN_SHARE: Final = 0.6
ECG_WEIGHT: Final = 0.5
SNR_WEIGHT: Final = 4.0
OPEN_WEIGHT: Final = 0.3


class LevelTask:
    """Levels of noisy images; see :class:`ecgnoise.training.engine.task.Task`. widths: of the network, two."""

    def __init__(self, pool: Mixtures, widths: tuple[int, ...]) -> None:
        self._pool = pool
        self._widths = widths

    @property
    def size(self) -> int:
        """How many images there are."""
        return len(self._pool.images)

    @property
    def fingerprint(self) -> str:
        """A sum over all images."""
        return fingerprint(self._pool.images, self._pool.snr)

    def network(self) -> LevelNetwork:
        """A network with fresh weights."""
        laid_out: LevelNetwork = LevelNetwork(*self._widths).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return laid_out

    def batch(self, chosen: NDArray[np.int64], generator: torch.Generator) -> Batch:
        """Scalograms, whether the unit is known of each, and what is known of their levels."""
        pool = self._pool
        drawn = torch.rand(len(chosen), generator=generator).numpy() < KNOWN_SHARE
        levels = {
            name: torch.from_numpy(np.clip(getattr(pool, name)[chosen].astype(np.float32), *LIMITS_DB) / UNIT_DB)
            for name in ("spans", "noise", "ecg", "snr")
        }
        known = drawn & np.asarray(within(pool.reference[chosen], POSSIBLE_QRS_LEVELS), np.bool_)
        traced = pool.traces[chosen].astype(np.float32)
        told = conditions(pool.reference[chosen], known, pool.highest[chosen], traced)
        return {
            "images": network_images(pool.images[chosen]),
            "traces": torch.from_numpy(traced),
            "conditions": torch.from_numpy(told),
            **levels,
        }

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Mean loss over all that is known."""
        found = LevelNetwork.outputs(network(batch["images"], batch["traces"], batch["conditions"]).float())
        levels = beyond(found.spans, batch["spans"]) + beyond(found.noise, batch["noise"])
        ecg = beyond(found.ecg, batch["ecg"])
        return levels + ECG_WEIGHT * ecg + snr_loss(found.snr, batch["snr"])

    def examples(self, network: nn.Module) -> tuple[Images, Images]:
        """The first images; the network draws none, so that they stand for what it makes of them too."""
        del network
        shown = self._pool.images[:EXAMPLES].astype(np.float32)
        return shown, shown


def beyond(found: Tensor, ends: Tensor) -> Tensor:
    """Mean smooth distance from the interval between two ends, (n, 2, ...), of levels (n, ...)."""
    low, high = ends[:, 0], ends[:, 1]
    distance = functional.relu(low - found) + functional.relu(found - high)
    return functional.smooth_l1_loss(distance, torch.zeros_like(distance), beta=SMOOTH)


def snr_loss(found: Tensor, ends: Tensor) -> Tensor:
    """The quantile loss where the SNR is known, and the distance from the interval where it is not; (n, 3), (n, 2)."""
    low, high = ends[:, :1], ends[:, 1:]
    exact = (low == high).float()
    quantiles = torch.tensor(QUANTILES, device=found.device)
    missing = low - found
    known = torch.maximum(quantiles * missing, (quantiles - 1) * missing) * exact
    distance = (functional.relu(low - found) + functional.relu(found - high)) * (1 - exact)
    return SNR_WEIGHT * known.mean() + OPEN_WEIGHT * distance.mean()
