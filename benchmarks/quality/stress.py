"""Noise added to clean leads at known signal-to-noise ratios."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import datasets
from benchmarks.quality.figures import (
    Array,
    Sample,
    fall_share,
    half_leave_snr,
    measured,
    number,
    spearman,
    spearman_within,
)
from benchmarks.quality.noises import KINDS, RATE, RECORDED, Signal, add, recorded, stretches, with_noise
from benchmarks.quality.part import Sizes
from benchmarks.quality.scorers import Scored, Take
from ecgnoise import read
from ecgnoise.segments import find_fault

SNRS = (24, 18, 12, 6, 0, -6)
TEST_FOLD, DEVELOPMENT_FOLD = 10, 9
LIMB_LEADS = 6


@dataclass(frozen=True)
class NoiseStress:
    """One take of all leads without noise, then one for each kind and SNR."""

    takes: list[Take]
    records: list[str]
    draws: int
    rivals: bool = True

    def figures(self, scored: Scored) -> dict[str, Any]:
        """For each kind: rank correlation of score and SNR, share that falls at each step, and where half have left."""
        columns = [score[:, 0] for score in scored.scores]
        clean = Sample.of(columns[0], self.records)
        figures: dict[str, Any] = {
            "leads": len(clean.values),
            "clean": number(clean.values.mean()),
            "clean_sd": number(clean.values.std(), 6),
        }
        for index, kind in enumerate(KINDS):
            first = 1 + index * len(SNRS)
            scores = Sample.of(np.stack(columns[first : first + len(SNRS)], axis=1), self.records)
            figures[kind] = self._kind(clean, scores)
        return figures

    def _kind(self, clean: Sample, scores: Sample) -> dict[str, Any]:
        """Figures of one kind of noise."""
        means = {str(snr): number(mean) for snr, mean in zip(SNRS, scores.values.mean(axis=0), strict=True)}
        measures = {
            "spearman": lambda values: spearman(values, SNRS),
            "spearman_within": lambda values: spearman_within(values, SNRS),
            "falls": fall_share,
        }
        figures: dict[str, Any] = {"mean": means}
        for name, measure in measures.items():
            figures |= measured(name, measure, scores, draws=self.draws)
        return figures | measured("half_leave_snr", half_left, clean, scores, draws=self.draws)


def half_left(clean: Array, scores: Array) -> float:
    """The measure of the same name at these SNRs."""
    return half_leave_snr(clean, scores, SNRS)


def clean_leads(paths: list[Path], count: int) -> tuple[list[str], Signal]:
    """Leads without a fault of 10 s at 500 Hz, spread over records and leads, with the records that they are of."""
    names, leads = [], []
    for index in range(12 * len(paths)):
        if len(leads) == count:
            break
        path = paths[index % len(paths)]
        lead = read(path).signal[(5 * index + index // len(paths)) % 12, : 10 * RATE]
        if not find_fault(lead, RATE)[0]:
            names.append(path.stem)
            leads.append(lead)
    return names, np.array(leads, np.float32).reshape(-1, 10 * RATE)


def clean_records(fold: int) -> list[Path]:
    """PTB-XL records of a fold without a remark on noise in any lead."""
    return [r.path for r in datasets.ptbxl() if r.fold == fold and len(r.labels["clean"]) == 12]


def stress_leads(ptbxl: int, ludb: int) -> tuple[list[str], Signal]:
    """Clean leads of PTB-XL's test fold and of LUDB, and the records that they are of."""
    first_names, first = clean_leads(clean_records(TEST_FOLD), ptbxl)
    second_names, second = clean_leads(datasets.ludb(), ludb)
    return [*first_names, *(f"ludb {name}" for name in second_names)], np.concatenate([first, second])


def plan(sizes: Sizes) -> NoiseStress:
    """Test leads with each kind of noise."""
    records, leads = stress_leads(sizes.stress_ptbxl, sizes.stress_ludb)
    takes = [Take.of("clean", leads, RATE)]
    for kind in KINDS:
        noises = stretches(kind, *leads.shape)
        takes += [Take.of(f"{kind} {snr} dB", add(leads, noises, snr), RATE) for snr in SNRS]
    return NoiseStress(takes, records, sizes.draws)


@dataclass(frozen=True)
class Development:
    """One take of all leads without noise, then one for each recorded kind and SNR."""

    takes: list[Take]
    rivals: bool = False

    def figures(self, scored: Scored) -> dict[str, Any]:
        """Mean scores."""
        means = [number(score.mean(), 2) for score in scored.scores]
        figures: dict[str, Any] = {"leads": self.takes[0].shape[0], "clean": means[0]}
        for index, kind in enumerate(RECORDED):
            first = 1 + index * len(SNRS)
            row = means[first : first + len(SNRS)]
            figures[kind] = {str(snr): mean for snr, mean in zip(SNRS, row, strict=True)}
        return figures


def plan_development(sizes: Sizes) -> Development:
    """Clean leads of the development fold with recorded noise."""
    clean = np.concatenate([read(path).signal for path in clean_records(DEVELOPMENT_FOLD)])
    leads = clean[
        np.sort(np.random.default_rng(0).choice(len(clean), min(sizes.development, len(clean)), replace=False))
    ]
    takes = [Take.of("clean", leads, RATE)]
    for kind in RECORDED:
        whole = recorded(kind)
        takes += [Take.of(f"{kind} {snr} dB", with_noise(leads, whole, snr), RATE) for snr in SNRS]
    return Development(takes)
