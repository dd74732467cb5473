"""Clean lead-segments to train on, and what is done to them at each step.

Only clean ECG is used, and no noise label trains anything: leads of which PTB-XL says nothing of noise (folds 1-8
train, fold 9 chooses), and other collections after a screening by amplitude and faults.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecgnoise.errors import TrainingDataError
from ecgnoise.scalogram.profile import COLUMNS, DEFAULT, Profile, level_images, qrs_level, to_network, valid_rows
from ecgnoise.scalogram.superlet import Superlet, superlet
from ecgnoise.training.recordings.records import Listed, Taken, only

LOWEST_LEVEL: Final = -9.0
HIGHEST_LEVEL: Final = 4.0


@dataclass(frozen=True)
class TrainingSet:
    """Clean lead-segments.

    levels: (n, frequencies, columns) float16, relative to the QRS level, before the floor, lowest frequency first.
    reference: QRS level of each, (n,) float32 in log10 mV^2. sources: lead-segments taken from each collection. valid,
    sound: how many frequencies, counted from the lowest, the sampling frequency of each can hold, and how many are what
    an electrode gives, (n,); None: all. rows: the list of those that come out of recordings.
    """

    levels: NDArray[np.float16]
    reference: NDArray[np.float32]
    sources: dict[str, int]
    valid: NDArray[np.int16] | None = None
    sound: NDArray[np.int16] | None = None
    rows: tuple[Listed, ...] = ()

    def only(self, chosen: NDArray[np.bool_]) -> "TrainingSet":
        """The lead-segments that are chosen, (n,)."""
        ends = np.cumsum([0, *self.sources.values()])
        counts = [int(chosen[first:last].sum()) for first, last in pairwise(ends.tolist())]
        kept = {name: count for name, count in zip(self.sources, counts, strict=True) if count}
        valid, sound = (None if count is None else count[chosen] for count in (self.valid, self.sound))
        return TrainingSet(self.levels[chosen], self.reference[chosen], kept, valid, sound, only(self.rows, chosen))

    @property
    def sound_counts(self) -> NDArray[np.int16]:
        """How many frequencies of each lead-segment are what an electrode gives, (n,)."""
        every = self.levels.shape[1]
        return np.full(len(self.levels), every, np.int16) if self.sound is None else self.sound

    @property
    def valid_counts(self) -> NDArray[np.int16]:
        """How many frequencies the sampling frequency of each lead-segment can hold, (n,)."""
        every = self.levels.shape[1]
        return np.full(len(self.levels), every, np.int16) if self.valid is None else self.valid


def load_training_set(recordings: Iterable[Taken], profile: Profile = DEFAULT) -> TrainingSet:
    """Levels of all lead-segments of recordings, each at the sampling frequency it comes in.

    TrainingDataError where there are none.
    """
    transforms: dict[float, Superlet] = {}
    levels: list[NDArray[np.float16]] = []
    references: list[NDArray[np.float32]] = []
    rows: list[Listed] = []
    sources: dict[str, int] = {}
    counts: list[tuple[int, int, int]] = []
    for listed, segments, frequency in recordings:
        transform = transforms.setdefault(frequency, superlet(profile, frequency))
        raw = transform(segments)
        reference = qrs_level(raw, profile)
        relative = np.clip(raw - reference[:, None, None], LOWEST_LEVEL, HIGHEST_LEVEL)
        levels.append(relative.astype(np.float16))
        references.append(reference)
        rows.append(listed)
        sources[listed.collection] = sources.get(listed.collection, 0) + len(segments)
        valid = int(valid_rows(profile, frequency).sum())
        sound = int((np.asarray(profile.frequencies) <= listed.highest).sum())
        counts.append((len(segments), valid, min(valid, sound)))
    if not levels:
        raise TrainingDataError("none of the recordings holds a usable 10-s lead")
    number, valid, sound = np.array(counts, np.int16).T
    return TrainingSet(
        np.concatenate(levels),
        np.concatenate(references),
        sources,
        valid=np.repeat(valid, number),
        sound=np.repeat(sound, number),
        rows=tuple(rows),
    )


def lowest_rows(count: NDArray[np.int16] | Tensor, rows: int) -> Tensor:
    """1 for the rows of images that are among so many of the lowest, else 0, (n, 1, rows, 1); row 0 is the highest."""
    from_lowest = torch.arange(rows).flip(0)
    among = from_lowest[None] < torch.as_tensor(count)[:, None]
    return among.float()[:, None, :, None]


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
    """Random queries: low rows hidden, high rows hidden, any band, spans of time, or all shown under noise.

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


def hide_invalid(hidden: Tensor, frequencies: Tensor, generator: torch.Generator) -> Tensor:
    """Also hide, in three images of ten, the rows that a lower sampling frequency (100-375 Hz) could not hold."""
    draw = torch.rand(2, len(hidden), generator=generator)
    highest = 40.0 + 110.0 * draw[0]
    invalid = (frequencies.flip(0)[None] > highest[:, None]) & (draw[1] < 0.3)[:, None]
    return torch.maximum(hidden, invalid.float()[:, None, :, None])
