"""Electrode motion added to ambulatory ECG at a nominal SNR, as the Noise Stress Test Database was made.

Moody, Muldrow and Mark, Computers in Cardiology 11:381-384, 1984, and the program ``nst`` of the WFDB package. Signal:
the peak-to-peak height of the QRS complexes within 50 ms of their marks, squared, over 8. Noise: its RMS in chunks of a
second, squared. Both are means of the first 300 without the 5 % largest and smallest. At a nominal SNR in dB the noise
is scaled so that signal over noise has it. The SNR of variances over a lead-segment lies well below.

Departures: noise lies in all of each window, not in turns of two minutes, and each window has its own stretch of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import datasets
from benchmarks.quality.detectors import xqrs
from benchmarks.quality.figures import Array, Sample, compare, number
from benchmarks.quality.grading import merits, shares, worse_than
from benchmarks.quality.kinds import told_kinds
from benchmarks.quality.mitdb import NORMAL, every_window
from benchmarks.quality.part import TEST_FOLD, Sizes, some
from benchmarks.quality.readings import PSNR, Reading
from benchmarks.quality.scorers import Scored
from benchmarks.quality.takes import Take
from ecgnoise import read

SNRS = (24, 18, 12, 6, 0, -6)
GROSS_SNR = -6.0  # of variances
SECONDS = 10
AROUND_SECONDS = 0.05
MOST = 300
TRIMMED = 0.05
Signal = NDArray[np.float32]


@dataclass(frozen=True)
class Motion:
    """A take for each clean window, then one for each window at each SNR, SNR after SNR.

    variance_snr: of each lead of each of the latter in turn, in dB.
    """

    takes: list[Take]
    windows: int
    variance_snr: Array
    draws: int
    rivals: bool = True

    def figures(self, scored: Scored) -> dict[str, Any]:
        """AUROC at each nominal SNR; of ecgnoise also grades, kinds and how many gross segments it takes for fair."""
        records = np.concatenate([[take.record] * take.shape[0] for take in self.takes])
        scores = Sample.of(scored.flat, records)
        leads = sum(take.shape[0] for take in self.takes[: self.windows])
        batches = {snr: slice((place + 1) * leads, (place + 2) * leads) for place, snr in enumerate(SNRS)}
        clean = part_of(scores, slice(0, leads))
        figures: dict[str, Any] = {"segments": leads}
        for snr, batch in batches.items():
            figures[str(snr)] = compare(clean, part_of(scores, batch), self.draws)
            figures[str(snr)]["variance_snr"] = number(
                np.median(self.variance_snr[self._without_clean(batch, leads)]), 1
            )
        return figures | (self._looked_at(scored.readings, records, batches) if scored.look == PSNR else {})

    def _without_clean(self, batch: slice, leads: int) -> slice:
        """The place of a batch among noisy lead-segments only."""
        return slice(batch.start - leads, batch.stop - leads)

    def _looked_at(self, readings: Sequence[Reading], records: Any, batches: dict[int, slice]) -> dict[str, Any]:
        """Grades and kinds by SNR, and the share of grossly noisy segments that are good, or good or fair."""
        merit = Sample.of(merits(readings), records)
        leads = batches[SNRS[0]].start
        by_snr: dict[str, Any] = {"clean": {"grades": shares(merit.values[:leads])}}
        for place, (snr, batch) in enumerate(batches.items()):
            kinds = [reading.kind for reading in readings[(place + 1) * self.windows : (place + 2) * self.windows]]
            by_snr[str(snr)] = {"grades": shares(merit.values[batch]), "kinds": told_kinds(np.concatenate(kinds))}
        gross = Sample(merit.values[leads:], merit.records[leads:]).where(self.variance_snr <= GROSS_SNR)
        figures: dict[str, Any] = {"by_snr": by_snr, "gross": len(gross.values)}
        for name, grade in (("gross_good", "good"), ("gross_fair_or_good", "fair")):
            below = worse_than(grade, gross, self.draws)["share"]
            figures[name] = None if below is None else number(1 - below, 4)
        return figures


def part_of(sample: Sample, batch: slice) -> Sample:
    """Some of a sample."""
    return Sample(sample.values[batch], sample.records[batch])


def trimmed_mean(values: Sequence[float]) -> float:
    """Mean of the first 300 without the 5 % largest and smallest."""
    ordered = np.sort(np.asarray(values[:MOST], np.float64))
    cut = int(TRIMMED * len(ordered))
    return float(ordered[cut : len(ordered) - cut].mean())


def signal_power(lead: Array, beats: NDArray[np.int64], frequency: float) -> float:
    """Squared peak-to-peak height of the QRS complexes over 8."""
    around = round(AROUND_SECONDS * frequency)
    inside = beats[(beats >= around) & (beats + around < len(lead))]
    return trimmed_mean([float(np.ptp(lead[beat - around : beat + around + 1])) for beat in inside]) ** 2 / 8


def noise_power(noise: Array, frequency: float) -> float:
    """Squared RMS about the mean of a second of noise."""
    length = round(frequency)
    chunks = noise[: len(noise) // length * length].reshape(-1, length)
    return trimmed_mean(chunks.std(axis=1).tolist()) ** 2


def gain(power: float, of_noise: float, snr: float) -> float:
    """What noise is multiplied by for a nominal SNR in dB."""
    return float(np.sqrt(power / of_noise / 10 ** (snr / 10)))


@dataclass(frozen=True)
class Clean:
    """10 s of two leads without a mark of noise, their rate, and the power of the QRS complexes of each lead."""

    record: str
    signal: Signal
    frequency: float
    powers: tuple[float, ...]


def of_mitdb(count: int) -> list[Clean]:
    """Clean windows of MIT-BIH Arrhythmia, of all records alike."""
    windows = [window for window in every_window() if not any(window.noisy)]
    powers: dict[str, tuple[float, ...]] = {}
    chosen = []
    for window in some(windows, count, [window.record.path.stem for window in windows]):
        record, name = window.record, window.record.path.stem
        if name not in powers:
            normal = record.beats[record.symbols == NORMAL]
            beats = normal if len(normal) else record.beats
            powers[name] = tuple(signal_power(lead, beats, window.frequency) for lead in read(record.path).signal)
        chosen.append(Clean(name, window.take().recording.signal, window.frequency, powers[name]))
    return chosen


def of_qtdb(count: int) -> list[Clean]:
    """10 s from the middle of records of QTDB, for choosing; beats as XQRS finds them."""
    chosen = []
    for path in datasets.qtdb()[:count]:
        recording = read(path)
        signal, frequency = recording.signal, recording.sampling_frequency
        start, length = signal.shape[1] // 2, round(SECONDS * frequency)
        beats = [xqrs(lead, frequency) for lead in signal]
        if all(len(found) for found in beats):
            powers = tuple(signal_power(lead, found, frequency) for lead, found in zip(signal, beats, strict=True))
            chosen.append(Clean(path.stem, signal[:, start : start + length], frequency, powers))
    return chosen


def motion_noise(frequency: float, part: tuple[float, float]) -> Array:
    """Recorded electrode motion at a rate in Hz, (2, samples): a share of it."""
    from scipy.signal import resample_poly

    recording = read(datasets.data_folder() / "nstdb" / "em.hea")
    first, last = (round(share * recording.samples.shape[1]) for share in part)
    noise = recording.signal[:, first:last].astype(np.float64)
    if frequency == recording.sampling_frequency:
        return noise
    return np.asarray(resample_poly(noise, round(frequency), round(recording.sampling_frequency), axis=1))


def noisy_takes(clean: Sequence[Clean], part: tuple[float, float]) -> tuple[list[Take], list[float]]:
    """Windows with noise, SNR after SNR, and the SNR of variances of each lead in turn."""
    whole = {frequency: motion_noise(frequency, part) for frequency in {window.frequency for window in clean}}
    takes, found = [], []
    for snr in SNRS:
        for index, window in enumerate(clean):
            noise, signal = whole[window.frequency], window.signal.astype(np.float64)
            start = int(np.random.default_rng(index).integers(0, noise.shape[1] - signal.shape[1]))
            for lead, power in enumerate(window.powers):
                channel = noise[lead % len(noise)]
                added = gain(power, noise_power(channel, window.frequency), snr) * channel[start:][: signal.shape[1]]
                found.append(10 * np.log10(window.signal[lead].var() / added.var()))
                signal[lead] += added - added.mean()
            takes.append(Take.of(window.record, signal.astype(np.float32), window.frequency))
    return takes, found


def plan(sizes: Sizes) -> Motion:
    """Clean windows of MIT-BIH, or of QTDB where the fold is not the test side's, as they are and with noise."""
    clean = of_mitdb(sizes.motion) if sizes.fold == TEST_FOLD else of_qtdb(sizes.motion)
    takes, found = noisy_takes(clean, sizes.noise_part)
    first = [Take.of(window.record, window.signal, window.frequency) for window in clean]
    return Motion([*first, *takes], len(clean), np.array(found), sizes.draws)
