"""Lead-segments that nobody could read: how many of them are called good or fair, and how a score orders them.

Groups: eight kinds of noise at -6 dB over clean leads; the same noise alone, and 30 dB over the ECG; repeated waves
and rails without ECG; a runner. The share is to be small in the first three; a runner's ECG may be readable in part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.quality.figures import Sample, compare, measured, number
from benchmarks.quality.grading import merits, shares, worse_than
from benchmarks.quality.gross import ALONE, running, without_ecg
from benchmarks.quality.noises import KINDS, RATE, Signal, add, stretches
from benchmarks.quality.part import Sizes
from benchmarks.quality.ptbxl import macro
from benchmarks.quality.readings import PSNR, Reading
from benchmarks.quality.scorers import Scored
from benchmarks.quality.stress import clean_leads, clean_records
from benchmarks.quality.takes import Take
from ecgnoise.scoring.metrics import auroc

GROSS_SNR, DROWNED_SNR = -6, -30
ALONE_MV = 1.0


@dataclass(frozen=True)
class Unreadable:
    """A take of clean leads, then one for each name of each group."""

    takes: list[Take]
    groups: dict[str, list[str]]
    records: list[str]
    draws: int
    rivals: bool = True

    def figures(self, scored: Scored) -> dict[str, Any]:
        """AUROC against clean leads, by name and as a mean of each group; of ecgnoise also the share of each grade."""
        samples = [Sample.of(score[:, 0], self.records) for score in scored.scores]
        names = [(group, name) for group, of_group in self.groups.items() for name in of_group]
        figures: dict[str, Any] = {"leads": len(self.records), "groups": {group: {} for group in self.groups}}
        for (group, name), sample in zip(names, samples[1:], strict=True):
            figures["groups"][group][name] = compare(samples[0], sample, self.draws)
        for group in self.groups:
            of_group = [sample for (place, _), sample in zip(names, samples[1:], strict=True) if place == group]
            figures["groups"][group] |= measured("mean_auroc", macro(auroc), samples[0], *of_group, draws=self.draws)
        if scored.look == PSNR:
            figures["grades"] = self._grades(scored.readings, names)
        return figures

    def _grades(self, readings: Sequence[Reading], names: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """The share of each grade by name, and what share of each group is good or fair."""
        figures: dict[str, Any] = {"clean": shares(merits(readings[:1]))}
        for group in self.groups:
            chosen = [place for place, (of_group, _) in enumerate(names, start=1) if of_group == group]
            merit = Sample.of(merits([readings[place] for place in chosen]), np.tile(self.records, len(chosen)))
            below = worse_than("fair", merit, self.draws)
            figures[group] = {
                **{names[place - 1][1]: shares(merits([readings[place]])) for place in chosen},
                "fair_or_good": None if below["share"] is None else number(1 - below["share"], 4),
                "good": shares(merit.values)["good"],
            }
        return figures


def noise_alone(kind: str, shape: tuple[int, ...], part: tuple[float, float]) -> Signal:
    """Noise of 1 mV RMS without ECG."""
    noises = stretches(kind, *shape, part)
    centred = noises - noises.mean(axis=1, keepdims=True)
    return np.asarray(ALONE_MV * centred / centred.std(axis=1, keepdims=True), np.float32)


def plan(sizes: Sizes) -> Unreadable:
    """Clean leads of one fold, and what nobody could read."""
    records, leads = clean_leads(clean_records(sizes.fold), sizes.unreadable)
    noises = {kind: stretches(kind, *leads.shape, sizes.noise_part) for kind in KINDS}
    signals: dict[str, dict[str, Signal]] = {
        "at -6 dB": {kind: add(leads, noise, GROSS_SNR) for kind, noise in noises.items()},
        "noise alone": {kind: noise_alone(kind, leads.shape, sizes.noise_part) for kind in KINDS}
        | {f"{kind}, ECG 30 dB below": add(leads, noise, DROWNED_SNR) for kind, noise in noises.items()},
        "repeated waves and rails": {kind: without_ecg(kind, len(leads)) for kind in ALONE},
        "a runner": {"running": running(leads)},
    }
    takes = [Take.of("clean", leads, RATE)]
    takes += [Take.of(name, signal, RATE) for of_group in signals.values() for name, signal in of_group.items()]
    return Unreadable(takes, {group: list(of_group) for group, of_group in signals.items()}, records, sizes.draws)
