"""What should not change a score: gain, polarity, rate, mild filters, time shift, and unusual but clean beats.

Beside them stands what noise of 24 dB costs, which no unusual heart should. Of ecgnoise it is also told how the
estimated SNR changes, beside how that of the simulated leads does, whose beats change while their noise does not, and
how many lead-segments fall below ``fair``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.signal import butter, resample_poly, sosfiltfilt

from benchmarks import datasets
from benchmarks.quality.beats import SECONDS, Beats, ecg_and_noise, simulated
from benchmarks.quality.figures import Array, Sample, measured, number
from benchmarks.quality.grading import bound
from benchmarks.quality.mitdb import every_window
from benchmarks.quality.noises import RATE, Signal, add, stretches
from benchmarks.quality.part import TEST_FOLD, Sizes, some
from benchmarks.quality.readings import PSNR, Reading
from benchmarks.quality.scorers import Scored
from benchmarks.quality.stress import clean_leads, clean_records
from benchmarks.quality.takes import Take
from ecgnoise import read

UNKNOWN = "unknown"
RATES = (100, 250, 360, 1000)
SHIFT_SECONDS = 0.5
NORMAL = Beats()
TALL_T = 1.0 / 0.28
NOISE_SNR = 24
OTHER_SEEDS = 1000  # of simulated leads, for choosing
NOISE_KINDS = ("ma", "bw", "white")
UNUSUAL = {
    "heart rate 40": Beats(heart_rate=40),
    "heart rate 100": Beats(heart_rate=100),
    "heart rate 144": Beats(heart_rate=144),
    "heart rate 180": Beats(heart_rate=180),
    "pacing spikes of 2 mV": Beats(pacing=2.0),
    "very low voltage (a fifth)": Beats(height=0.2),
    "ST elevation of 0.3 mV": Beats(st=0.3),
    "T as tall as R": Beats(t=TALL_T),
    "QRS twice as wide": Beats(qrs=2.0),
}


@dataclass(frozen=True)
class Change:
    """What was changed: a name, its group, the numbers of the takes before and after, and what it does to the SNR.

    snr: mean change of the true SNR in dB; None where it is not known.
    """

    name: str
    group: str
    before: int
    after: int
    snr: float | None = None


@dataclass(frozen=True)
class Nuisance:
    """Takes of the same leads before and after changes. records: of the real leads, which the first take holds."""

    takes: list[Take]
    changes: list[Change]
    records: dict[int, list[str]]
    draws: int
    rivals: bool = True

    def figures(self, scored: Scored) -> dict[str, Any]:
        """Mean, 95th percentile and direction of each change, and the spread of the leads as they are."""
        scores = [score[:, 0] for score in scored.scores]
        figures: dict[str, Any] = {
            "leads": len(scores[0]),
            "clean_sd": number(scores[0].std(), 6),
            "changes": {change.name: self._change(change, scores) for change in self.changes},
        }
        if scored.look == PSNR:
            for change in self.changes:
                figures["changes"][change.name] |= looked_at(
                    *(scored.readings[n] for n in (change.before, change.after))
                )
                if change.snr is not None:
                    figures["changes"][change.name]["snr_true"] = number(change.snr, 2)
        return figures

    def _change(self, change: Change, scores: list[Array]) -> dict[str, Any]:
        """Figures of one change."""
        sample = Sample.of(scores[change.after] - scores[change.before], self.records[change.before])
        measures: dict[str, Callable[[Array], float]] = {
            "mean": lambda values: float(np.mean(np.abs(values))),
            "p95": lambda values: float(np.percentile(np.abs(values), 95)),
            "signed": lambda values: float(np.mean(values)),
        }
        figures: dict[str, Any] = {"group": change.group}
        for name, measure in measures.items():
            figures |= measured(name, measure, sample, draws=self.draws)
        return figures


def looked_at(before: Reading, after: Reading) -> dict[str, Any]:
    """Mean change of the estimated SNR in dB, and share of leads below ``fair`` before and after."""
    change = after.snr[:, 0, 0] - before.snr[:, 0, 0]
    figures = {"snr": number(np.nanmean(change), 2) if np.isfinite(change).any() else None}
    for name, reading in (("below_fair_before", before), ("below_fair", after)):
        figures[name] = number(np.mean(-reading.grade[:, 0].astype(float) < bound("fair")))
    return figures


class Plan:
    """Takes and changes as they are collected."""

    def __init__(self) -> None:
        self.takes: list[Take] = []
        self.changes: list[Change] = []
        self.records: dict[int, list[str]] = {}

    def base(self, leads: Signal, records: list[str], units: str = "mV", rate: float = RATE) -> int:
        """Leads as they are; the number of their take."""
        self.takes.append(Take.of("as it is", leads, rate, units))
        self.records[len(self.takes) - 1] = records
        return len(self.takes) - 1

    def change(
        self, name: str, group: str, before: int, leads: Signal, rate: float = RATE, *, snr: float | None = None
    ) -> None:
        """The same leads changed, in the unit of those before."""
        units = self.takes[before].recording.units
        self.takes.append(Take.of(name, leads, rate, units))
        self.changes.append(Change(name, group, before, len(self.takes) - 1, snr))


def filtered(leads: Signal, kind: str, frequency: float) -> Signal:
    """Leads after a Butterworth filter of order 2, forwards and backwards."""
    return np.asarray(sosfiltfilt(butter(2, frequency, kind, fs=RATE, output="sos"), leads, axis=1), np.float32)


def resampled(leads: Signal, rate: int) -> Signal:
    """Leads at 500 Hz at another rate."""
    return np.asarray(resample_poly(leads.astype(np.float64), rate, RATE, axis=1), np.float32)


Pairs = tuple[list[str], Signal, Signal, float]


def shift_pairs_of_qtdb(count: int) -> Pairs:
    """First leads of 10 s from the middle of records of QTDB, and the same half a second later, for choosing."""
    leads, shifted, paths = [], [], datasets.qtdb()[:count]
    for path in paths:
        recording = read(path)
        frequency = recording.sampling_frequency
        start, step = recording.samples.shape[1] // 2, round(SHIFT_SECONDS * frequency)
        signal = recording.window(start, start + SECONDS * round(frequency) + step)[0]
        leads.append(signal[:-step])
        shifted.append(signal[step:])
    return [path.stem for path in paths], np.array(leads), np.array(shifted), frequency


def shift_pairs(count: int) -> Pairs:
    """First leads of clean MIT-BIH windows, and of the windows half a second later; records and rate."""
    windows = every_window()
    clean = [
        window
        for window, following in pairwise(windows)
        if following.record.path == window.record.path and window.noisy[0] == following.noisy[0] == 0
    ]
    chosen = some(clean, count, [window.record.path.stem for window in clean])
    leads, shifted = [], []
    for window in chosen:
        step = round(SHIFT_SECONDS * window.frequency)
        signal = read(window.record.path).window(window.start, window.stop + step)[0]
        leads.append(signal[:-step])
        shifted.append(signal[step:])
    return [window.record.path.stem for window in chosen], np.array(leads), np.array(shifted), chosen[0].frequency


def plan(sizes: Sizes) -> Nuisance:
    """Real leads changed, and simulated ones of another kind."""
    plan, on_test = Plan(), sizes.fold == TEST_FOLD
    records, leads = clean_leads(clean_records(sizes.fold), sizes.nuisance)
    known = plan.base(leads, records)
    unknown = plan.base(leads, records, UNKNOWN)
    for gain in (0.1, 0.3, 3.0, 10.0):
        plan.change(f"gain x {gain:g}, unit unknown", "gain", unknown, np.float32(gain) * leads)
    plan.change("polarity", "polarity", known, -leads)
    for rate in RATES:
        plan.change(f"resampled to {rate} Hz", "rate", known, resampled(leads, rate), rate)
    plan.change("low-pass at 40 Hz", "low-pass", known, filtered(leads, "lowpass", 40))
    plan.change("high-pass at 0.5 Hz", "high-pass", known, filtered(leads, "highpass", 0.5))
    names, early, late, rate = (shift_pairs if on_test else shift_pairs_of_qtdb)(sizes.nuisance)
    plan.change("half a second later", "shift", plan.base(early, names, rate=rate), late, rate)
    seeds = range(0 if on_test else OTHER_SEEDS, sizes.nuisance + (0 if on_test else OTHER_SEEDS))
    made: Callable[[Beats], Signal] = partial(simulated_leads, seeds)
    normal = plan.base(made(NORMAL), [f"simulated {seed}" for seed in seeds])
    for name, kind in UNUSUAL.items():
        change = true_snr(seeds, kind) - true_snr(seeds, NORMAL)
        plan.change(name, "heart rate" if "rate" in name else "beats", normal, made(kind), snr=change)
    for kind in NOISE_KINDS:
        noises = stretches(kind, len(seeds), SECONDS * RATE, sizes.noise_part)
        plan.change(f"noise {kind} at {NOISE_SNR} dB", "noise", normal, add(made(NORMAL), noises, NOISE_SNR))
    return Nuisance(plan.takes, plan.changes, plan.records, sizes.draws)


def simulated_leads(seeds: range, kind: Beats) -> Signal:
    """A simulated lead for each seed."""
    return np.array([simulated(kind, RATE, seed) for seed in seeds])


def true_snr(seeds: range, kind: Beats) -> float:
    """Mean SNR in dB of variances of the simulated leads."""
    pairs = [ecg_and_noise(kind, RATE, seed) for seed in seeds]
    return float(np.mean([10.0 * np.log10(ecg.var() / noise.var()) for ecg, noise in pairs]))
