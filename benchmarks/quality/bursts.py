"""Bursts of 1 to 4 s in clean leads: how well the samples that are marked are those of the burst, as Dice.

Dice is twice the samples that are both marked and of the burst, over the sum of both; a mean over leads. Beside the
mask there are bounds on local SNR, on local noise of all kinds alike and on local PSNR, and on what rivals say of parts
of a segment, each fixed on leads of the development fold with bursts of the first half of the recorded noise.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.figures import Array, Sample, measured, number
from benchmarks.quality.noises import DEVELOPMENT_PART, RATE, Signal, stretches
from benchmarks.quality.part import DEVELOPMENT_FOLD, Sizes
from benchmarks.quality.readings import TICKS, Reading
from benchmarks.quality.scorers import Scored
from benchmarks.quality.stress import clean_leads, clean_records
from benchmarks.quality.takes import Take
from ecgnoise.noise_levels import total

KINDS = ("em", "ma", "bw", "white")
SNR = -3.0
SECONDS = 10
SHORTEST, LONGEST = 1.0, 4.0
PARTS = 20
BOUNDS = 200
Marks = NDArray[np.bool_]


@dataclass(frozen=True)
class Bursts:
    """A take for each kind on leads of the development fold, then one for each kind on those that count.

    truth: (leads, ticks) for each take, which hundredths of a second lie in the burst.
    """

    takes: list[Take]
    truth: list[Marks]
    records: list[str]
    draws: int
    rivals: bool = True

    def figures(self, scored: Scored) -> dict[str, Any]:
        """Dice of each way of marking, by kind, and the share of all time that it marks."""
        count = len(KINDS)
        if not scored.look:
            return {"local": self._bounded([in_ticks(score[:, 0]) for score in scored.scores])}
        masks = [~reading.usable for reading in scored.readings[count:]]
        figures: dict[str, Any] = {"leads": len(self.records), "mask": self._ways(masks)}
        for name, values in (("local_snr", span_ticks), ("local_noise", noise_ticks), ("local_psnr", part_ticks)):
            figures[name] = self._bounded([values(reading) for reading in scored.readings])
        everything = [np.ones_like(truth) for truth in self.truth[count:]]
        return figures | {"everything": self._ways(everything)}

    def _bounded(self, values: list[Array]) -> dict[str, Any]:
        """Dice of what lies below a bound, (leads, ticks) of each take, fixed on the first takes."""
        count = len(KINDS)
        bound = best_bound(values[:count], self.truth[:count])
        return {**self._ways([value < bound for value in values[count:]]), "bound": number(bound, 2)}

    def _ways(self, marks: list[Marks]) -> dict[str, Any]:
        """Dice of the marks of each kind."""
        figures: dict[str, Any] = {}
        for kind, marked, truth in zip(KINDS, marks, self.truth[len(KINDS) :], strict=True):
            sample = Sample.of(dice(marked, truth), self.records)
            figures[kind] = measured("dice", lambda values: float(np.mean(values)), sample, draws=self.draws)
            figures[kind]["marked"] = number(marked.mean())
        return figures


def dice(marked: Marks, truth: Marks) -> Array:
    """Dice of each lead, (leads,), of marks and truth, (leads, ticks)."""
    both = (marked & truth).sum(axis=1)
    return np.asarray(2 * both / np.maximum(1, marked.sum(axis=1) + truth.sum(axis=1)), np.float64)


def best_bound(values: list[Array], truth: list[Marks]) -> float:
    """The bound below which marking has the highest mean Dice over all leads of all kinds; NaN without values."""
    every, marks = np.concatenate(values), np.concatenate(truth)
    finite = every[np.isfinite(every)]
    if not len(finite):
        return float("nan")
    bounds = np.unique(np.quantile(finite, np.linspace(0, 1, BOUNDS)))
    return float(max(bounds, key=lambda bound: dice(every < bound, marks).mean()))


def span_ticks(reading: Reading) -> Array:
    """Local SNR of each tick, (leads, ticks)."""
    return in_ticks(reading.local_snr)


def noise_ticks(reading: Reading) -> Array:
    """Power of the ECG over that of all noise, none of it weighted, of each tick, (leads, ticks) in dB."""
    return in_ticks(-total(reading.local_noise))


def part_ticks(reading: Reading) -> Array:
    """Local PSNR of each tick of a recording of one segment, (leads, ticks)."""
    return in_ticks(reading.local_psnr[:, 0])


def in_ticks(values: Array) -> Array:
    """What equal stretches of 10 s have, (leads, stretches), for each tick; NaN where there are none."""
    count = SECONDS * TICKS
    if values.shape[1] == 0:
        return np.full((len(values), count), np.nan)
    return values[:, np.arange(count) * values.shape[1] // count]


def burst_places(count: int, seed: int) -> list[tuple[int, int]]:
    """First sample and one past the last of one burst for each lead."""
    places = []
    for index in range(count):
        generator = np.random.default_rng((seed, index))
        length = round(generator.uniform(SHORTEST, LONGEST) * RATE)
        start = int(generator.integers(0, SECONDS * RATE - length))
        places.append((start, start + length))
    return places


def with_bursts(leads: Signal, noises: Signal, places: list[tuple[int, int]]) -> Signal:
    """Leads with noise in one stretch each, there as strong as the lead is over its length less ``SNR`` dB."""
    noisy = leads.copy()
    for row, (lead, noise, (first, last)) in enumerate(zip(leads, noises, places, strict=True)):
        piece = noise[first:last] - noise[first:last].mean()
        if piece.std() > 0:
            noisy[row, first:last] += piece * (lead.std() / piece.std() / 10 ** (SNR / 20))
    return noisy


def annotation_path(places: list[tuple[int, int]]) -> Marks:
    """Which ticks lie in the bursts, (leads, ticks)."""
    middles = (np.arange(SECONDS * TICKS) + 0.5) * RATE / TICKS
    return np.array([(first <= middles) & (middles < last) for first, last in places])


def takes_of(leads: Signal, part: tuple[float, float], seed: int) -> tuple[list[Take], list[Marks]]:
    """A take and the truth for each kind."""
    takes, truth = [], []
    for place, kind in enumerate(KINDS):
        places = burst_places(len(leads), seed + place)
        signal = with_bursts(leads, stretches(kind, *leads.shape, part), places)
        takes.append(Take.of(f"burst {kind}", signal, RATE, parts=PARTS))
        truth.append(annotation_path(places))
    return takes, truth


def plan(sizes: Sizes) -> Bursts:
    """Leads of the development fold to fix bounds on, and leads that count."""
    _, choosing = clean_leads(clean_records(DEVELOPMENT_FOLD), sizes.bursts)
    records, leads = clean_leads(clean_records(sizes.fold), sizes.bursts)
    first, first_truth = takes_of(choosing, DEVELOPMENT_PART, 100)
    second, second_truth = takes_of(leads, sizes.noise_part, 0)
    return Bursts([*first, *second], [*first_truth, *second_truth], records, sizes.draws)
