"""Measures of scores; high is clean. Pure functions of arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecgnoise.scoring.metrics import auroc, signed_wasserstein

Array = NDArray[np.float64]
WORST = 0.0
DRAWS = 200
BINS = 40


@dataclass(frozen=True)
class Sample:
    """Scores of one class, (n,) or (n, columns), and the record that each comes from, (n,)."""

    values: Array
    records: NDArray[Any]

    @classmethod
    def of(cls, values: ArrayLike, records: ArrayLike | None = None) -> "Sample":
        """Values with their records, or each a record of its own."""
        array = np.asarray(values, np.float64)
        return cls(array, np.arange(len(array)) if records is None else np.asarray(records))

    def where(self, chosen: NDArray[np.bool_]) -> "Sample":
        """Some of them."""
        return Sample(self.values[chosen], self.records[chosen])


Measure = Callable[..., float]


def worst_where_missing(scores: Array, worst: float = WORST) -> Array:
    """Scores with the worst possible one where there is none."""
    return np.where(np.isfinite(scores), scores, worst)


def number(value: float, digits: int = 3) -> float | None:
    """A number for a file; None where it is none."""
    return round(float(value), digits) if np.isfinite(value) else None


def interval(measure: Measure, *samples: Sample, draws: int = DRAWS) -> list[float | None]:
    """Bootstrap 95 % interval of a measure of one or several samples.

    Records are drawn, each with all its values in all samples. Draws that leave a sample empty do not count.
    """
    generator = np.random.default_rng(0)
    names, codes = np.unique(np.concatenate([sample.records for sample in samples]), return_inverse=True)
    places = np.split(codes, np.cumsum([len(sample.records) for sample in samples])[:-1])
    values = []
    for _ in range(draws):
        times = np.bincount(generator.integers(0, len(names), len(names)), minlength=len(names))
        drawn = [np.repeat(sample.values, times[place], axis=0) for sample, place in zip(samples, places, strict=True)]
        if all(len(one) for one in drawn):
            values.append(measure(*drawn))
    found = np.array(values, np.float64)
    found = found[np.isfinite(found)]
    return [number(value) for value in np.percentile(found, [2.5, 97.5])] if len(found) else [None, None]


def measured(name: str, measure: Measure, *samples: Sample, draws: int = DRAWS) -> dict[str, Any]:
    """A measure and its interval, as ``NAME`` and ``NAME_interval``; None where a sample is empty."""
    if not all(len(sample.values) for sample in samples):
        return {name: None, f"{name}_interval": [None, None]}
    value = measure(*(sample.values for sample in samples))
    return {name: number(value), f"{name}_interval": interval(measure, *samples, draws=draws)}


def compare(clean: ArrayLike | Sample, noisy: ArrayLike | Sample, draws: int = DRAWS) -> dict[str, Any]:
    """W1 and AUROC with intervals and counts."""
    one, other = (sample if isinstance(sample, Sample) else Sample.of(sample) for sample in (clean, noisy))
    if not isinstance(clean, Sample):
        other = Sample(other.values, other.records + len(one.values))
    return {
        **measured("w1", signed_wasserstein, one, other, draws=draws),
        **measured("auroc", auroc, one, other, draws=draws),
        "clean": len(one.values),
        "noisy": len(other.values),
    }


def detections(clean: Array, noisy: Array) -> tuple[Array, Array, Array]:
    """For each distinct score, lowest first: it, the noisy scores at or below it, and all at or below it."""
    bounds = np.unique(np.concatenate([clean, noisy]))
    hits = np.searchsorted(np.sort(noisy), bounds, side="right").astype(np.float64)
    return bounds, hits, hits + np.searchsorted(np.sort(clean), bounds, side="right")


def auprc(clean: Array, noisy: Array) -> float:
    """Average precision of finding the noisy scores as the lowest: precision at each distinct score, by its recall."""
    _, hits, called = detections(clean, noisy)
    return float(np.sum(np.diff(hits, prepend=0.0) * hits / called) / len(noisy))


def best_bound(clean: Array, noisy: Array) -> float:
    """The score at and below which calling everything noisy has the best F1."""
    bounds, hits, called = detections(clean, noisy)
    return float(bounds[np.argmax(2 * hits / (called + len(noisy)))])


def best_f1(clean: Array, noisy: Array) -> float:
    """The best F1 of finding the noisy scores below any one bound."""
    _, hits, called = detections(clean, noisy)
    return float(np.max(2 * hits / (called + len(noisy))))


def share_below(bound: float) -> Measure:
    """The share of scores below a bound, as a measure."""
    return lambda values: float(np.mean(values < bound))


def accuracy(bound: float) -> Measure:
    """The share of clean scores at or above and noisy ones below a bound, as a measure."""
    return lambda clean, noisy: float((np.sum(clean >= bound) + np.sum(noisy < bound)) / (len(clean) + len(noisy)))


def operating_point(clean: Sample, noisy: Sample, bound: float, draws: int = DRAWS) -> dict[str, Any]:
    """Sensitivity (noisy scores below the bound), specificity (clean ones not below) and accuracy."""
    return {
        **measured("sensitivity", share_below(bound), noisy, draws=draws),
        **measured("specificity", lambda values: 1 - share_below(bound)(values), clean, draws=draws),
        **measured("accuracy", accuracy(bound), clean, noisy, draws=draws),
    }


def histogram(clean: Array, noisy: Array) -> dict[str, list[float]]:
    """Shares of clean and noisy scores in equal bins, for a histogram."""
    if not (len(clean) and len(noisy)):
        return {}
    together = np.concatenate([clean, noisy])
    edges = np.linspace(together.min(), together.max(), BINS + 1)
    shares = {
        name: np.histogram(values, edges)[0] / len(values) for name, values in (("clean", clean), ("noisy", noisy))
    }
    return {name: [round(float(value), 4) for value in row] for name, row in {"edges": edges, **shares}.items()}


def spearman(scores: Array, snrs: Sequence[float]) -> float:
    """Rank correlation of score and SNR over all segments together, (segments, SNRs); 0 where all scores are equal."""
    from scipy.stats import rankdata

    ranks = rankdata(scores).reshape(scores.shape)
    places = np.broadcast_to(rankdata(snrs), scores.shape)
    return _correlation(ranks.ravel(), places.ravel())


def spearman_within(scores: Array, snrs: Sequence[float]) -> float:
    """Mean over segments of the rank correlation of score and SNR, (segments, SNRs)."""
    from scipy.stats import rankdata

    ranks, places = rankdata(scores, axis=1), rankdata(snrs)
    ranks, places = ranks - ranks.mean(axis=1, keepdims=True), places - places.mean()
    spread = np.sqrt((ranks**2).sum(axis=1) * (places**2).sum())
    return float(np.mean(ranks @ places / np.where(spread > 0, spread, 1.0)))


def _correlation(one: Array, other: Array) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def fall_share(scores: Array) -> float:
    """Share of segments whose score falls at each step from column to column, (segments, SNRs from high to low)."""
    return float(np.mean(np.all(np.diff(scores, axis=1) < 0, axis=1)))
