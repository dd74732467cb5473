"""How right an estimated SNR is: eight kinds of noise added to clean leads at known SNR.

Each lead is taken as it is (``raw``), its own drift and all, and without what is slower than 0.5 Hz (``drift_free``);
noise is added after that, its SNR that of variances over the lead. A raw lead at 24 dB has less: its own noise counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.quality.figures import Array, Sample, fall_share, measured, number, spearman
from benchmarks.quality.noises import KINDS, RATE, Signal, add, drift_free, stretches
from benchmarks.quality.part import Sizes
from benchmarks.quality.readings import SNR, Reading
from benchmarks.quality.scorers import Scored
from benchmarks.quality.stress import SNRS, clean_leads, clean_records
from benchmarks.quality.takes import Take

BASES: dict[str, Callable[[Signal], Signal]] = {"raw": np.asarray, "drift_free": drift_free}
LOWEST, HIGHEST = SNRS[-1], SNRS[0]
OF_A_BASE = 1 + len(KINDS) * len(SNRS)
TRUTH = np.array(SNRS, np.float64)


@dataclass(frozen=True)
class Snr:
    """For each base one take of all leads without noise, then one for each kind and SNR."""

    takes: list[Take]
    records: list[str]
    draws: int
    rivals: bool = True

    def figures(self, scored: Scored) -> dict[str, Any]:
        """For each base: figures of each kind, and of all kinds together."""
        figures: dict[str, Any] = {"leads": len(self.records)}
        for place, base in enumerate(BASES):
            chosen = slice(place * OF_A_BASE, (place + 1) * OF_A_BASE)
            readings = scored.readings[chosen] if scored.look == SNR else ()
            figures[base] = self._base([score[:, 0] for score in scored.scores[chosen]], readings)
        return figures

    def _base(self, columns: Sequence[Array], readings: Sequence[Reading]) -> dict[str, Any]:
        """Figures of one base: its scores, (leads,) for each take, and readings where they hold an interval."""
        figures: dict[str, Any] = {"clean": [number(value, 2) for value in np.percentile(columns[0], [5, 50, 95])]}
        samples = []
        for place, kind in enumerate(KINDS):
            mixed = slice(1 + place * len(SNRS), 1 + (place + 1) * len(SNRS))
            samples.append(Sample.of(np.stack(columns[mixed], axis=1), self.records))
            figures[kind] = self._kind(samples[-1]) | self._interval([samples[-1]], [readings[mixed]])
        records = [record for sample in samples for record in sample.records]
        together = Sample.of(np.concatenate([sample.values for sample in samples]), records)
        places = range(len(KINDS))
        mixed_readings = [readings[1 + place * len(SNRS) : 1 + (place + 1) * len(SNRS)] for place in places]
        return figures | {"all": self._kind(together) | self._interval(samples, mixed_readings)}

    def _kind(self, scores: Sample) -> dict[str, Any]:
        """Figures of scores, (leads, SNRs)."""
        figures: dict[str, Any] = {}
        for name, measure in MEASURES.items():
            figures |= measured(name, measure, scores, draws=self.draws)
        medians = np.median(scores.values, axis=0)
        return figures | {"median": {str(snr): number(median, 2) for snr, median in zip(SNRS, medians, strict=True)}}

    def _interval(self, samples: Sequence[Sample], readings: Sequence[Sequence[Reading]]) -> dict[str, Any]:
        """How often intervals hold the true SNR, and how wide they are; nothing without readings."""
        if not all(readings):
            return {}
        rows = [np.stack([reading.snr[:, 0, 1:] for reading in of_kind], axis=1) for of_kind in readings]
        ends = Sample.of(np.concatenate(rows), [record for sample in samples for record in sample.records])
        return measured("coverage", coverage, ends, draws=self.draws) | measured("width", width, ends, draws=self.draws)


def clipped(scores: Array) -> Array:
    """Estimates within the range of the true SNRs."""
    return np.clip(scores, LOWEST, HIGHEST)


def absolute_error(scores: Array) -> float:
    """Mean absolute error in dB of estimates, (leads, SNRs), clipped to the range of the true SNRs."""
    return float(np.mean(np.abs(clipped(scores) - TRUTH)))


def bias(scores: Array) -> float:
    """Mean error in dB of estimates, (leads, SNRs), clipped to the range of the true SNRs."""
    return float(np.mean(clipped(scores) - TRUTH))


def correlation(scores: Array) -> float:
    """Pearson's r of score, (leads, SNRs), and SNR; 0 where the scores are all equal."""
    if np.ptp(scores) == 0:
        return 0.0
    return float(np.corrcoef(scores.ravel(), np.broadcast_to(TRUTH, scores.shape).ravel())[0, 1])


def rank_correlation(scores: Array) -> float:
    """Spearman's correlation of score, (leads, SNRs), and SNR."""
    return spearman(scores, SNRS)


def coverage(ends: Array) -> float:
    """Share of intervals, (leads, SNRs, 2), that hold the true SNR; one without numbers holds nothing."""
    return float(np.mean((ends[..., 0] <= TRUTH) & (ends[..., 1] >= TRUTH)))


def width(ends: Array) -> float:
    """Median width in dB of intervals, (leads, SNRs, 2)."""
    return float(np.nanmedian(ends[..., 1] - ends[..., 0]))


MEASURES: dict[str, Callable[[Array], float]] = {
    "mae": absolute_error,
    "bias": bias,
    "r": correlation,
    "spearman": rank_correlation,
    "falls": fall_share,
}


def mixtures(leads: Signal, kinds: Sequence[str], part: tuple[float, float]) -> list[Take]:
    """Leads with each kind of noise at each SNR, in turn."""
    takes = []
    for kind in kinds:
        noises = stretches(kind, *leads.shape, part)
        takes += [Take.of(f"{kind} {snr} dB", add(leads, noises, snr), RATE) for snr in SNRS]
    return takes


def plan(sizes: Sizes) -> Snr:
    """Clean leads of one fold of PTB-XL with each kind of noise, on both bases."""
    records, leads = clean_leads(clean_records(sizes.fold), sizes.snr)
    takes = []
    for change in BASES.values():
        base = change(leads)
        takes += [Take.of("clean", base, RATE), *mixtures(base, KINDS, sizes.noise_part)]
    return Snr(takes, records, sizes.draws)
