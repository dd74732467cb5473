"""Samples with gaps between some of them, as in an interrupted recording, a table with holes, or with lost packets."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Final

import numpy as np

from ecgnoise.samples import Samples, Signal

LONGEST_INTERRUPTED: Final = 31 * 86400.0  # s from the first to the last sample of a recording with gaps


@dataclass(frozen=True)
class InterruptedSamples:
    """Samples with gaps between some of them.

    starts: the sample at which each stretch without a gap begins. firsts: which of ``samples`` that is.
    """

    samples: Samples
    starts: tuple[int, ...]
    firsts: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Leads, samples."""
        leads, count = self.samples.shape
        return leads, self.starts[-1] + count - self.firsts[-1]

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads in mV, NaN in gaps; UnreadableFileError where the file has changed.

        The stretches of a window lie side by side in the file, and are read at once.
        """
        leads, count = self.samples.shape
        signal = np.full((leads, max(0, stop - start)), np.nan, np.float32)
        parts = []
        for at in range(max(bisect_right(self.starts, start) - 1, 0), bisect_left(self.starts, stop)):
            place, first = self.starts[at], self.firsts[at]
            end = self.firsts[at + 1] if at + 1 < len(self.firsts) else count
            begin, over = max(start, place), min(stop, place + end - first)
            if begin < over:
                parts.append((begin - start, first + begin - place, over - begin))
        if parts:
            origin = parts[0][1]
            block = self.samples.window(origin, parts[-1][1] + parts[-1][2])
            for to, first, length in parts:
                signal[:, to : to + length] = block[:, first - origin : first - origin + length]
        return signal

    @property
    def missing(self) -> int:
        """Samples that lie in gaps."""
        return self.shape[1] - self.samples.shape[1]

    def note(self, sampling_frequency: float) -> str:
        """How often the recording is interrupted, and how much of it is missing, at so many samples a second."""
        count = len(self.starts) - 1
        times = "once" if count == 1 else f"{count} times"
        return f"interrupted {times}, {self.missing / sampling_frequency:g} s are missing"
