"""Where the samples of a recording lie: in memory, in a file, or in some rows of either."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float32]


class Samples(Protocol):
    """Where the samples of a recording lie: in memory or in a file."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples a lead."""

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads, (leads, stop - start) float32, all within the recording."""


@dataclass(frozen=True)
class ArraySamples:
    """Samples in memory, (leads, time)."""

    array: Signal

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples a lead."""
        leads, samples = self.array.shape
        return leads, samples

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads, as a view."""
        return self.array[:, start:stop]


@dataclass(frozen=True)
class PickedSamples:
    """Some rows of other samples."""

    samples: Samples
    rows: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples a lead."""
        return len(self.rows), self.samples.shape[1]

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of the chosen leads."""
        return self.samples.window(start, stop)[list(self.rows)]
