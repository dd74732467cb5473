"""Clean lead-segments to train on, and what is done to them at each step.

Only clean ECG is used, and no noise label trains anything: records of which PTB-XL says nothing of noise (folds 1-8
train, fold 9 chooses), LUDB and other 12-lead collections after a screening by amplitude and faults.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecgnoise.errors import EcgNoiseError, TrainingDataError
from ecgnoise.profiles import (
    COLUMNS,
    DEFAULT,
    SEGMENT_SECONDS,
    Profile,
    level_images,
    qrs_level,
    to_network,
)
from ecgnoise.readers import read
from ecgnoise.recording import Signal
from ecgnoise.superlet import Superlet, superlet
from ecgnoise.training.sources import clean_ptbxl, collections  # noqa: F401 - offered here beside what reads them

DEVIATION_LIMITS: Final = (0.02, 2.0)
LOWEST_LEVEL: Final = -9.0
HIGHEST_LEVEL: Final = 4.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class TrainingSet:
    """Clean lead-segments.

    levels: (n, frequencies, columns) float16, relative to the QRS level, before the floor, lowest frequency first.
    reference: QRS level of each, (n,) float32 in log10 mV^2. sources: lead-segments taken from each collection.
    """

    levels: NDArray[np.float16]
    reference: NDArray[np.float32]
    sources: dict[str, int]

    def only(self, chosen: NDArray[np.bool_]) -> "TrainingSet":
        """The lead-segments that are chosen, (n,)."""
        ends = np.cumsum([0, *self.sources.values()])
        counts = [int(chosen[first:last].sum()) for first, last in pairwise(ends.tolist())]
        kept = {name: count for name, count in zip(self.sources, counts, strict=True) if count}
        return TrainingSet(self.levels[chosen], self.reference[chosen], kept)


def load_training_set(
    recordings: dict[str, list[Path]],
    profile: Profile = DEFAULT,
    progress: Progress | None = None,
) -> TrainingSet:
    """Levels of all usable lead-segments of these recordings; what cannot be read is left out."""
    transforms: dict[float, Superlet] = {}
    levels: list[NDArray[np.float16]] = []
    references: list[NDArray[np.float32]] = []
    sources: dict[str, int] = {}
    total = sum(map(len, recordings.values()))
    done = 0
    for name, paths in recordings.items():
        for path in paths:
            segments, frequency = _segments(path)
            done += 1
            if progress:
                progress(done, total)
            if not len(segments):
                continue
            transform = transforms.setdefault(frequency, superlet(profile, frequency))
            raw = transform(segments)
            reference = qrs_level(raw, profile)
            relative = np.clip(raw - reference[:, None, None], LOWEST_LEVEL, HIGHEST_LEVEL)
            levels.append(relative.astype(np.float16))
            references.append(reference)
            sources[name] = sources.get(name, 0) + len(segments)
    if not levels:
        raise TrainingDataError(f"none of {total} recordings holds a usable 10-s lead")
    return TrainingSet(np.concatenate(levels), np.concatenate(references), sources)


def _segments(path: Path) -> tuple[Signal, float]:
    """Whole 10-s segments of a recording, (n, samples), that pass the screening."""
    try:
        recording = read(path)
        signal = recording.signal
    except EcgNoiseError:
        return np.empty((0, 0), np.float32), 0.0
    frequency = recording.sampling_frequency
    length = round(SEGMENT_SECONDS * frequency)
    whole = signal.shape[1] // length
    if recording.units != "mV" or frequency < 250 or whole == 0:
        return np.empty((0, 0), np.float32), 0.0
    segments = signal[:, : whole * length].reshape(-1, length)
    segments = segments[np.isfinite(segments).all(axis=1)]
    low, high = DEVIATION_LIMITS
    deviation = segments.std(axis=1)
    frozen = (np.diff(segments, axis=1) == 0).mean(axis=1)
    return segments[(deviation > low) & (deviation < high) & (frozen < 0.6)], frequency


def filtered(levels: Tensor, frequencies: Tensor, share: Tensor, generator: torch.Generator) -> Tensor:
    """Levels after random band limits, as devices have them: a low-pass (30-150 Hz) and a high-pass (0.05-1 Hz).

    share: (n,) probability of the low-pass of each lead-segment; the high-pass has 0.3.
    """
    count = len(levels)
    draw = torch.rand(4, count, generator=generator)
    cutoff = 30.0 * 5.0 ** draw[0]
    low_pass = -torch.log10(1 + (frequencies[None] / cutoff[:, None]) ** 8)
    corner = 0.05 * 20.0 ** draw[1]
    high_pass = -torch.log10(1 + (corner[:, None] / frequencies[None]) ** 4)
    gain = low_pass * (draw[2] < share)[:, None] + high_pass * (draw[3] < 0.3)[:, None]
    return levels + gain[:, :, None]


def images(levels: Tensor, profile: Profile = DEFAULT) -> Tensor:
    """Network input (n, 1, rows, columns) of levels relative to the QRS level."""
    return torch.as_tensor(to_network(level_images(levels, torch.zeros(len(levels)), profile)))[:, None]


@dataclass(frozen=True)
class Corruption:
    """What is done to a batch.

    sigma: noise levels, (n, 1, rows, 1). hidden: 1 where a pixel is hidden, (n, 1, rows, columns). known: whether the
    QRS level is known, (n,).
    """

    sigma: Tensor
    hidden: Tensor
    known: Tensor


def corruption(count: int, rows: int, withheld: float, generator: torch.Generator) -> Corruption:
    """Random questions: low rows hidden, high rows hidden, any band, spans of time, or all shown under noise.

    Row 0 is the highest frequency. Four of ten have nothing hidden, with a noise level between 0.05 and 5.
    """
    draw = torch.rand(count, generator=generator)
    normal = torch.randn(count, generator=generator)
    share = torch.rand(2, count, generator=generator)
    row = torch.arange(rows)[None]
    low_band = row >= (rows - rows * (0.3 + 0.55 * share[0]))[:, None]
    high_band = row < (rows * (0.2 + 0.4 * share[0]))[:, None]
    start, width = rows * share[0], rows * (0.1 + 0.4 * share[1])
    any_band = (row >= start[:, None]) & (row < (start + width)[:, None])
    kind = torch.bucketize(draw, torch.tensor([0.2, 0.4, 0.5, 0.6]))
    bands = torch.stack([low_band, high_band, any_band])
    hidden = torch.zeros(count, rows, COLUMNS, dtype=torch.bool)
    for number, band in enumerate(bands):
        hidden[kind == number] = band[kind == number][:, :, None]
    hidden[kind == 3] = spans(count, rows, generator)[kind == 3]
    centre = torch.tensor([-1.2, -2.4, -2.0, -2.0, -0.3])[kind]
    spread = torch.tensor([0.6, 0.6, 0.8, 0.8, 1.0])[kind]
    sigma = torch.exp(centre + spread * normal).clamp(0.02, 8.0)
    known = (torch.rand(count, generator=generator) >= withheld).float()
    return Corruption(sigma[:, None, None, None].expand(-1, 1, rows, 1), hidden.float()[:, None], known)


def spans(count: int, rows: int, generator: torch.Generator) -> Tensor:
    """Spans of time that take turns, hidden and shown, (n, rows, columns): over all rows, or from a row upwards."""
    draw = torch.rand(4, count, 1, generator=generator)
    period = 26.0 + 102.0 * draw[0]
    place = (torch.arange(COLUMNS)[None] / period + draw[1]) % 1.0
    lowest = torch.where(draw[2] < 0.5, 2.0 * draw[2], 1.0) * rows
    upper = torch.arange(rows)[None] < lowest.clamp_min(1.0)
    return (place < 0.3 + 0.3 * draw[3])[:, None, :] & upper[:, :, None]


def hide_unheld(hidden: Tensor, frequencies: Tensor, generator: torch.Generator) -> Tensor:
    """Also hide, in three images of ten, the rows that a lower sampling frequency (100-375 Hz) could not hold."""
    draw = torch.rand(2, len(hidden), generator=generator)
    highest = 40.0 + 110.0 * draw[0]
    unheld = (frequencies.flip(0)[None] > highest[:, None]) & (draw[1] < 0.3)[:, None]
    return torch.maximum(hidden, unheld.float()[:, None, :, None])
