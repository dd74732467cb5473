"""What is read of noise in images, and the contract of what reads it."""

from dataclasses import dataclass
from typing import Any, Protocol

from ecgnoise.models.reconstruct import Scalograms
from ecgnoise.noise_levels import Levels


@dataclass(frozen=True)
class LevelEstimates:
    """What was read in the images of n lead-segments, all in dB.

    spans: noise power in each span over the reference, (n, bands, spans): of each kind, and of all noise in the reading
    band. noise: the same of the whole window, (n, bands). ecg: power of the ECG over the reference, (n,). snr: power of
    the ECG over that of all noise of the window, (n, 3): the estimate, and the lower and upper end of its interval
    (68 %).
    """

    spans: Levels
    noise: Levels
    ecg: Levels
    snr: Levels


class LevelReader(Protocol):
    """A model of noise levels as seen from the score.

    snr_range: the lowest and highest SNR in dB that it can tell.
    """

    @property
    def snr_range(self) -> tuple[float, float]:
        """The lowest and highest SNR in dB that it can tell."""

    def read(self, scalograms: Scalograms, traced: Any) -> LevelEstimates:
        """The levels in images, each the same whatever the others are.

        traced: what :func:`ecgnoise.scalogram.traces.traces` gives of their signals, where the images are.
        """
