"""MIT-BIH Arrhythmia: 10-s windows of two ambulatory leads, with marks of signal quality and annotated beats.

A lead-segment is noisy where at least half of it is marked noisy, clean where none is; the second figure calls any mark
within it noisy.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import datasets
from benchmarks.quality.figures import Sample, compare, histogram, measured
from benchmarks.quality.grading import limits, merits, worse_than
from benchmarks.quality.part import Sizes, some
from benchmarks.quality.readings import PSNR
from benchmarks.quality.scorers import Scored
from benchmarks.quality.takes import Take
from ecgnoise import read
from ecgnoise.scoring.metrics import auroc

SECONDS = 10
LEADS = 2
NORMAL = "N"
KINDS = {"V": "ventricular", "/": "paced", "L": "left bundle branch block", "R": "right bundle branch block"}


@dataclass(frozen=True)
class Mitdb:
    """Windows of both leads, the noisy share of each, (windows, 2), and the kinds of beat in each window."""

    takes: list[Take]
    noisy: NDArray[np.float64]
    beats: list[set[str]]
    draws: int
    rivals: bool = True

    def figures(self, scored: Scored) -> dict[str, Any]:
        """AUROC of noisy lead-segments, and clean ones with unusual beats against normal ones."""
        records = np.repeat([take.record for take in self.takes], LEADS)
        everything, noisy = Sample.of(scored.flat, records), self.noisy.ravel()
        clean, half = everything.where(noisy == 0), everything.where(noisy >= 0.5)
        figures: dict[str, Any] = {
            "segments": compare(clean, half, self.draws),
            "any_mark": compare(clean, everything.where(noisy > 0), self.draws),
            "windows": len(self.takes),
        }
        normal = everything.where((noisy == 0) & self._holding(NORMAL))
        figures["beats"] = {NORMAL: self._beats(normal, None)}
        for kind in KINDS:
            sample = everything.where((noisy == 0) & self._holding(kind))
            if len(sample.values):
                figures["beats"][kind] = self._beats(sample, normal)
        if scored.look == PSNR:
            figures["segments"]["histogram"] = histogram(clean.values, half.values)
            merit = Sample.of(merits(scored.readings), records)
            figures["grades"] = limits(merit.where(noisy == 0), merit.where(noisy >= 0.5), self.draws)
            for kind, entry in figures["beats"].items():
                below = worse_than("fair", merit.where((noisy == 0) & self._holding(kind)), self.draws)
                entry |= {"poor_or_worse": below["share"], "poor_or_worse_interval": below["share_interval"]}
        return figures

    def _holding(self, kind: str) -> NDArray[np.bool_]:
        """Lead-segments of windows that hold a kind of beat; for normal ones, no other kind."""
        held = [beats == {kind} if kind == NORMAL else kind in beats for beats in self.beats]
        return np.repeat(held, LEADS)

    def _beats(self, sample: Sample, normal: Sample | None) -> dict[str, Any]:
        """Mean score of clean lead-segments, and AUROC against those of normal beats."""
        figures: dict[str, Any] = {"count": len(sample.values), "records": len(set(sample.records.tolist()))}
        figures |= measured("mean", lambda values: float(np.mean(values)), sample, draws=self.draws)
        if normal is not None:
            figures |= measured("auroc", auroc, normal, sample, draws=self.draws)
        return figures


@dataclass(frozen=True)
class Window:
    """10 s of a record from a sample on, and the noisy share of each lead."""

    record: datasets.MitdbRecord
    frequency: float
    start: int
    stop: int

    @property
    def noisy(self) -> list[float]:
        """The noisy share of each lead."""
        return [self.record.noisy_share(lead, self.start, self.stop) for lead in range(LEADS)]

    def take(self) -> Take:
        """Its samples."""
        return Take.of(self.record.path.stem, read(self.record.path).window(self.start, self.stop), self.frequency)


def every_window() -> list[Window]:
    """The windows of all records, end to end."""
    found = []
    for record in datasets.mitdb():
        recording = read(record.path)
        length = round(SECONDS * recording.sampling_frequency)
        starts = range(0, recording.samples.shape[1] - length + 1, length)
        found += [Window(record, recording.sampling_frequency, start, start + length) for start in starts]
    return found


def plan(sizes: Sizes) -> Mitdb:
    """At most so many windows with a mark of noise and so many without, of all records alike."""
    windows = every_window()
    noisy = [any(window.noisy) for window in windows]
    chosen = []
    for marked in (True, False):
        group = [window for window, has_mark in zip(windows, noisy, strict=True) if has_mark == marked]
        chosen += some(group, sizes.mitdb, [window.record.path.stem for window in group])
    beats = [window.record.symbols_within(window.start, window.stop) for window in chosen]
    shares = np.array([window.noisy for window in chosen])
    return Mitdb([window.take() for window in chosen], shares, beats, sizes.draws)
