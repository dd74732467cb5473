"""Takes: stretches of recordings that are scored, and how many of them make one recording."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgnoise import Recording
from ecgnoise.samples import ArraySamples
from ecgnoise.segments import windows

TOGETHER = 120


@dataclass(frozen=True)
class Take:
    """What is scored: a recording, the record that it is of (takes of one record are alike), and parts a segment."""

    record: str
    recording: Recording
    parts: int = 1

    @classmethod
    def of(
        cls, record: str, signal: NDArray[np.float32], frequency: float, units: str = "mV", parts: int = 1
    ) -> "Take":
        """A take of samples, (leads, time) or (time,)."""
        return cls(record, Recording.from_array(signal, frequency, units=units, source=record), parts)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of its scores."""
        leads, samples = self.recording.samples.shape
        segments = len(windows(samples, self.recording.sampling_frequency))
        return (leads, segments) if self.parts == 1 else (leads, segments, self.parts)

    @property
    def alike(self) -> tuple[Any, ...]:
        """Takes that are alike in this can be scored as one recording."""
        recording = self.recording
        return recording.sampling_frequency, recording.samples.shape[1], recording.units, self.parts


def stacked(takes: Sequence[Take]) -> Recording:
    """The leads of takes that are alike as one recording; scores do not depend on what is scored beside them."""
    signal = np.concatenate([take.recording.signal for take in takes])
    faults = tuple(fault for take in takes for fault in take.recording.lead_faults)
    names = tuple(f"lead_{index}" for index in range(len(signal)))
    first = takes[0].recording
    samples = ArraySamples(signal)
    return Recording(samples, first.sampling_frequency, names, first.units, source="takes", lead_faults=faults)


def batches(takes: Sequence[Take]) -> Iterator[list[Take]]:
    """Takes in batches of about as many lead-segments as a scorer should get at once."""
    batch: list[Take] = []
    for take in takes:
        batch.append(take)
        if sum(one.shape[0] * one.shape[1] for one in batch) >= TOGETHER:
            yield batch
            batch = []
    if batch:
        yield batch
