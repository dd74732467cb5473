"""What a student learns from: images, clean and noisy, and the answers of a larger model to its queries.

The images are those of clean lead-segments after random band limits; six of ten get noise of every strength added, in
power, over the whole segment or a part of it; one of ten is noise alone. The noise is simulated. No label and no
recorded noise is used, and nothing learns what is clean: what is to be learnt is the larger model's answer to any
image it may meet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ecgnoise import simulate
from ecgnoise._internal.atomic import unfinished_files
from ecgnoise.models.folder import Query
from ecgnoise.models.reconstruct import QueryReconstructor, Scalograms
from ecgnoise.scalogram.profile import COLUMNS, DEFAULT, SEGMENT_SECONDS, Images, level_images, qrs_level
from ecgnoise.scalogram.superlet import superlet
from ecgnoise.training.default.data import TrainingSet, filtered

BATCH: Final = 48
NOISE_FREQUENCY: Final = 500.0
NOISES_A_KIND: Final = 64
NOISY: Final = 0.5
ALONE: Final = 0.1
LOW_PASSED: Final = 0.2
GAINS: Final = (-4.0, 2.0)  # log10 of the noise's power over the square of the QRS level
UNHELD: Final = 0.2
LOWEST_HELD: Final = 40.0
SHORTEST: Final = 8  # columns
LONGEST: Final = 200
NOTHING: Final = -12.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Pool:
    """Scalograms and answers.

    images: (n, rows, columns) float16 in 0..255. reference: (n,) float32. known: (n,) bool. valid: (n, rows) bool.
    answers: (queries, n, rows, columns) float16 in 0..255, one a query that is asked.
    """

    images: NDArray[np.float16]
    reference: NDArray[np.float32]
    known: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    answers: NDArray[np.float16]

    def save(self, path: Path) -> None:
        """Write the pool, whole or not at all."""
        with unfinished_files(path) as partial:
            np.savez(partial, **{name: getattr(self, name) for name in self.__dataclass_fields__})

    @classmethod
    def load(cls, path: Path) -> "Pool":
        """What :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as values:
            return cls(**{name: values[name] for name in cls.__dataclass_fields__})


class DrawnBatch(NamedTuple):
    """Levels over the QRS level, (n, frequencies, columns), that level, (n,), and how many frequencies are held."""

    levels: NDArray[np.float32]
    reference: NDArray[np.float32]
    valid: int


def make_pool(
    clean: TrainingSet,
    teacher: QueryReconstructor,
    queries: Sequence[Query],
    size: int,
    *,
    seed: int,
    progress: Progress | None = None,
) -> Pool:
    """Draw images and have the teacher answer the queries of each.

    size: how many images, rounded up to batches of 48. seed: of all that is drawn. progress: called after each batch
    with the number of images that are ready, and of all.
    """
    generator = torch.Generator().manual_seed(seed)
    noises = noise_levels(seed)
    batches: list[Pool] = []
    while len(batches) * BATCH < size:
        chosen, valid = _drawn_lot(clean.valid_counts, generator)
        levels, change = drawn_levels(clean.levels[chosen].astype(np.float32), noises, generator)
        drawn = DrawnBatch(levels, clean.reference[chosen] + change, valid)
        batches.append(_answered(drawn, teacher, queries, generator))
        if progress:
            progress(min(len(batches) * BATCH, size), size)
    joined = {
        name: np.concatenate([getattr(batch, name) for batch in batches], axis=1 if name == "answers" else 0)
        for name in Pool.__dataclass_fields__
    }
    return Pool(**joined)


def _drawn_lot(valid: NDArray[np.int16], generator: torch.Generator) -> tuple[NDArray[np.int64], int]:
    """Lead-segments of a batch, all of which hold as many frequencies, and how many those are."""
    first = int(torch.randint(len(valid), (1,), generator=generator))
    alike = np.flatnonzero(valid == valid[first])
    return alike[torch.randint(len(alike), (BATCH,), generator=generator).numpy()], int(valid[first])


def noise_levels(seed: int) -> NDArray[np.float32]:
    """Levels of simulated noise of all kinds, of power 1 mV^2, (n, frequencies, columns)."""
    shape = NOISES_A_KIND, round(SEGMENT_SECONDS * NOISE_FREQUENCY)
    transform = superlet(DEFAULT, NOISE_FREQUENCY)
    kinds = [simulate.noise(kind, shape, NOISE_FREQUENCY, seed) for kind in simulate.NoiseKind]
    return np.concatenate([np.asarray(transform(kind.astype(np.float32)), np.float32) for kind in kinds])


def drawn_levels(
    levels: NDArray[np.float32], noises: NDArray[np.float32], generator: torch.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Levels after band limits and with noise, relative to their new QRS level, and how much that has changed, (n,)."""
    count = len(levels)
    limited = filtered(
        torch.from_numpy(levels), torch.tensor(DEFAULT.frequencies), torch.full((count,), LOW_PASSED), generator
    ).numpy()
    kind = torch.rand(count, 1, 1, generator=generator).numpy()
    noise = noises[torch.randint(len(noises), (count,), generator=generator).numpy()]
    shifts = torch.randint(COLUMNS, (count,), generator=generator).tolist()
    noise = np.stack([np.roll(row, shift, axis=1) for row, shift in zip(noise, shifts, strict=True)])
    low, high = GAINS
    gain = low + (high - low) * torch.rand(count, 1, 1, generator=generator).numpy()
    noise = np.where(_spans(count, generator)[:, None], noise + gain, NOTHING)
    mixed = np.logaddexp(limited * np.log(10.0), noise * np.log(10.0)) / np.log(10.0)
    drawn = np.where(kind < ALONE, noise, np.where(kind < ALONE + NOISY, mixed, limited)).astype(np.float32)
    change = np.asarray(qrs_level(drawn, DEFAULT), np.float32)
    return drawn - change[:, None, None], change


def _spans(count: int, generator: torch.Generator) -> NDArray[np.bool_]:
    """Where there is noise: everywhere in half of the lead-segments, in one span of the others, (n, columns)."""
    draw = torch.rand(3, count, 1, generator=generator).numpy()
    length = np.where(draw[0] < 0.5, COLUMNS, SHORTEST * (LONGEST / SHORTEST) ** draw[1])
    start = draw[2] * (COLUMNS - length)
    column = np.arange(COLUMNS)[None]
    return np.asarray((column >= start) & (column < start + length))


def _answered(
    drawn: DrawnBatch, teacher: QueryReconstructor, queries: Sequence[Query], generator: torch.Generator
) -> Pool:
    """A batch with the teacher's answers; it has one set of valid rows, and one half of it a known unit."""
    levels, reference, count = drawn
    draw = torch.rand(3, generator=generator).tolist()
    highest = LOWEST_HELD * (DEFAULT.frequencies[-1] / LOWEST_HELD) ** draw[1] if draw[0] < UNHELD else np.inf
    valid = np.asarray(DEFAULT.frequencies)[::-1] <= min(highest, DEFAULT.frequencies[count - 1])
    images: Images = level_images(levels, np.zeros(len(levels), np.float32), DEFAULT)
    known = np.arange(len(images)) < 0.7 * len(images)
    answers = np.empty((len(queries), *images.shape), np.float16)
    for part in (known, ~known):
        scalograms = Scalograms(images[part], reference[part], bool(known[part][0]), valid)
        for number, query in enumerate(queries):
            answers[number, part] = teacher.answer(query, scalograms)
    return Pool(images.astype(np.float16), reference, known, np.tile(valid, (len(images), 1)), answers)
