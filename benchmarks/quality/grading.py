"""How ecgnoise's grades divide labelled recordings: sensitivity and specificity of accepting from each grade up."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.quality.figures import Array, Sample, measured, operating_point, share_below
from benchmarks.quality.readings import NO_GRADE, Reading
from ecgnoise.results.grades import GRADES

ACCEPTED = GRADES[:-1]
WORDS = (*GRADES, "none")


def merits(readings: Iterable[Reading]) -> Array:
    """Grades of all lead-segments in turn as scores: 0 for good, -1 fair, -2 poor, -3 unusable, -4 without a score."""
    return np.concatenate([-reading.grade.ravel().astype(np.float64) for reading in readings])


def bound(grade: str) -> float:
    """The merit from which a lead-segment has this grade or a better one."""
    return -GRADES.index(grade) - 0.5


def limits(clean: Sample, noisy: Sample, draws: int) -> dict[str, Any]:
    """Sensitivity to noise, specificity and accuracy where merits are accepted from each grade up."""
    return {grade: operating_point(clean, noisy, bound(grade), draws) for grade in ACCEPTED}


def worse_than(grade: str, merit: Sample, draws: int) -> dict[str, Any]:
    """The share of merits below a grade, with its interval."""
    return measured("share", share_below(bound(grade)), merit, draws=draws)


def shares(merit: ArrayLike) -> dict[str, float]:
    """The share of merits of each grade, and of those without a score."""
    counts = np.bincount(-np.asarray(merit, np.int64).ravel(), minlength=NO_GRADE + 1)
    return {word: round(float(count / counts.sum()), 4) for word, count in zip(WORDS, counts, strict=True)}


def for_half_of_the_time(merit: NDArray[np.float64], durations: Sequence[float]) -> float:
    """The best merit that at least half of the time of a lead's segments is at or below."""
    order = np.argsort(merit)
    until = np.cumsum(np.asarray(durations, np.float64)[order])
    return float(merit[order][np.searchsorted(until, until[-1] / 2)])
