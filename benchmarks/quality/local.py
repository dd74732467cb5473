"""Noise in one part of ten: whether the worst local PSNR finds it, and what the other parts lose. ecgnoise only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import datasets
from benchmarks.quality.figures import Array, Sample, measured, number
from benchmarks.quality.noises import RATE, TEST_PART, Signal, stretches
from benchmarks.quality.part import Sizes
from benchmarks.quality.scorers import Scored
from benchmarks.quality.stress import clean_leads, clean_records
from benchmarks.quality.takes import Take
from ecgnoise.scalogram.profile import COLUMNS
from ecgnoise.segments import part_columns

KINDS = ("ma", "em", "white", "mains_50", "spikes")
PARTS = 10
SNR = 0
FADE_SECONDS = 0.05
EXAMPLE_PARTS = 8
SPIKE_PART = 6


@dataclass(frozen=True)
class Local:
    """A take without noise, one for each kind with noise in part ``places`` of each lead, and the example if there."""

    takes: list[Take]
    records: list[str]
    places: NDArray[np.int64]
    draws: int
    rivals: bool = False

    def figures(self, scored: Scored) -> dict[str, Any]:
        """For each kind and all: share found, and change in dB of the noisy part, its neighbours and the others."""
        clean = scored.scores[0][:, 0]
        noisy = {kind: score[:, 0] for kind, score in zip(KINDS, scored.scores[1:], strict=False)}
        figures: dict[str, Any] = {
            "leads": len(clean),
            "kinds": {kind: self._kind([clean], [scores]) for kind, scores in noisy.items()},
            "all": self._kind([clean] * len(noisy), list(noisy.values())),
        }
        for place, kind in enumerate(KINDS, start=1):
            found = self._by_span(scored.readings[place].local_snr)
            figures["kinds"][kind] |= measured("found_by_span", mean, found, draws=self.draws) if found else {}
        if len(scored.scores) > 1 + len(KINDS):
            figures["example"] = example_figures(scored.scores[-1][0, 0])
        return figures

    def _by_span(self, local_snr: Array) -> Sample | None:
        """Whether the middle of the span with the lowest local SNR, (leads, spans), lies in the noisy part."""
        if not np.isfinite(local_snr).any():
            return None
        lowest = np.where(np.isfinite(local_snr), local_snr, np.inf).argmin(axis=1)
        return Sample.of(((lowest + 0.5) * PARTS / local_snr.shape[1]).astype(np.int64) == self.places, self.records)

    def _kind(self, clean: list[Array], noisy: list[Array]) -> dict[str, Any]:
        """Figures of one or several kinds of noise, their scores (leads, parts)."""
        records, places = np.tile(self.records, len(clean)), np.tile(self.places, len(clean))
        scores, change = np.concatenate(noisy), np.concatenate(noisy) - np.concatenate(clean)
        distance = np.abs(np.arange(PARTS) - places[:, None])
        columns = {
            "found": scores.argmin(axis=1) == places,
            "drop": -change[distance == 0],
            "neighbours": mean_where(np.abs(change), distance == 1),
            "others": mean_where(np.abs(change), distance > 1),
        }
        figures: dict[str, Any] = {}
        for name, values in columns.items():
            figures |= measured(name, mean, Sample.of(values, records), draws=self.draws)
        return figures


def mean(values: Array) -> float:
    """The mean, as a measure."""
    return float(np.mean(values))


def mean_where(values: Array, chosen: NDArray[np.bool_]) -> Array:
    """Mean of the chosen values of each row."""
    return np.where(chosen, values, 0.0).sum(axis=1) / chosen.sum(axis=1)


def example_figures(local: Array) -> dict[str, Any]:
    """The spike's part of the published example, the lowest other part, and how far the spike lies below it, in dB."""
    others = np.delete(local, SPIKE_PART)
    return {
        "spike": number(local[SPIKE_PART], 2),
        "next": number(others.min(), 2),
        "below": number(others.min() - local[SPIKE_PART], 2),
    }


def in_one_part(leads: Signal, noises: Signal, places: NDArray[np.int64]) -> Signal:
    """Leads with noise in one part each, as strong there as the lead is over its length, faded in and out."""
    noisy = leads.copy()
    for row, (lead, noise, place) in enumerate(zip(leads, noises, places, strict=True)):
        first, last = (column * len(lead) // COLUMNS for column in part_columns((0, COLUMNS), PARTS)[place])
        window = np.minimum(np.arange(last - first), np.arange(last - first)[::-1]) / (FADE_SECONDS * RATE)
        piece = noise[first:last] - noise[first:last].mean()
        piece = piece * np.minimum(window, 1.0)
        if piece.std() > 0:
            noisy[row, first:last] += piece * (lead.std() / piece.std() / 10 ** (SNR / 20))
    return noisy


def example_file() -> Path | None:
    """The published example, where contributors have it."""
    file = datasets.reference_folder() / "upstream_scalogram.npz"
    return file if file.exists() else None


def plan(sizes: Sizes) -> Local:
    """Clean test leads, the noisy part going round."""
    records, leads = clean_leads(clean_records(sizes.fold), sizes.local)
    places = np.arange(len(leads)) % PARTS
    takes = [Take.of("clean", leads, RATE, parts=PARTS)]
    for kind in KINDS:
        noises = part_noises(kind, leads.shape, places, sizes.noise_part)
        takes.append(Take.of(kind, in_one_part(leads, noises, places), RATE, parts=PARTS))
    file = example_file()
    if file is not None:
        with np.load(file) as golden:
            takes.append(Take.of("example", golden["signal_500"].astype(np.float32), RATE, parts=EXAMPLE_PARTS))
    return Local(takes, records, places, sizes.draws)


def part_noises(
    kind: str, shape: tuple[int, int], places: NDArray[np.int64], part: tuple[float, float] = TEST_PART
) -> Signal:
    """Noise of each lead; spikes, which are few, are three in the noisy part. part: of recorded noise."""
    if kind != "spikes":
        return stretches(kind, *shape, part)
    rows = np.zeros(shape, np.float32)
    for row, place in enumerate(places):
        generator = np.random.default_rng(row)
        for share in (0.25, 0.5, 0.75):
            start = int((place + share) * shape[1] * (COLUMNS // PARTS) / COLUMNS)
            rows[row, start : start + 3] += generator.choice([-1, 1]) * generator.uniform(0.5, 1.5)
    return rows
