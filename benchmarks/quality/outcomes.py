"""What a score should foretell: where QRS detectors fail, and that a person who moves has a noisier ECG.

``cpsc2019``: records picked for difficult QRS. A detector fails in one where its F1 within 75 ms is below 0.9.
``activities``: a person standing, walking, jumping; what the person did is an order, not a grade of each lead.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import datasets
from benchmarks.quality.detectors import DETECTORS, f1
from benchmarks.quality.figures import Array, Sample, compare, measured, number
from benchmarks.quality.grading import merits, shares
from benchmarks.quality.part import Sizes
from benchmarks.quality.readings import PSNR
from benchmarks.quality.scorers import Scored
from benchmarks.quality.takes import Take
from ecgnoise import read

FAILING_F1 = 0.9
TOLERANCE_SECONDS = 0.075
ACTIVITIES = ("standing", "walking", "jump")


@dataclass(frozen=True)
class Cpsc2019:
    """Records of one lead, and F1 of each detector in each."""

    takes: list[Take]
    quality: dict[str, Array]
    draws: int
    rivals: bool = True

    def figures(self, scored: Scored) -> dict[str, Any]:
        """AUROC of failing and rank correlation of score and F1, by detector and for the mean F1 of both."""
        scores = Sample.of([score.mean() for score in scored.scores])
        figures: dict[str, Any] = {"records": len(self.takes)}
        mean = np.mean(list(self.quality.values()), axis=0)
        for name, quality in {**self.quality, "both": mean}.items():
            fails = quality < FAILING_F1
            figures[name] = compare(scores.where(~fails), scores.where(fails), self.draws)
            pairs = Sample(np.stack([scores.values, quality], axis=1), scores.records)
            figures[name] |= measured("spearman", pair_correlation, pairs, draws=self.draws)
        if scored.look == PSNR:
            merit = np.concatenate([-reading.grade[0].astype(float)[:1] for reading in scored.readings])
            figures["f1_by_grade"] = {
                grade: number(mean[merit == -place].mean()) if np.any(merit == -place) else None
                for place, grade in enumerate(shares(merit))
            }
        return figures


def pair_correlation(pairs: Array) -> float:
    """Spearman's correlation of two columns; 0 where one has one value."""
    from scipy.stats import rankdata

    one, other = rankdata(pairs, axis=0).T
    return 0.0 if np.ptp(one) == 0 or np.ptp(other) == 0 else float(np.corrcoef(one, other)[0, 1])


def plan_cpsc2019(sizes: Sizes) -> Cpsc2019:
    """All records; both detectors are run here."""
    takes: list[Take] = []
    quality: dict[str, list[float]] = {name: [] for name in DETECTORS}
    for path, beats in datasets.cpsc2019():
        recording = read(path)
        frequency = recording.sampling_frequency
        takes.append(Take(path.stem, recording))
        for name, detect in DETECTORS.items():
            quality[name].append(f1(beats, detect(recording.signal[0], frequency), TOLERANCE_SECONDS * frequency))
    return Cpsc2019(takes, {name: np.array(values) for name, values in quality.items()}, sizes.draws)


@dataclass(frozen=True)
class Activities:
    """Records of four leads, and what the person did in each."""

    takes: list[Take]
    activities: NDArray[np.str_]
    draws: int
    rivals: bool = True

    def figures(self, scored: Scored) -> dict[str, Any]:
        """AUROC of standing against the others, rank correlation with the order, and the median of each activity."""
        records = np.concatenate([[take.record] * take.shape[0] for take in self.takes])
        activity = np.concatenate(
            [np.repeat(name, take.shape[0]) for name, take in zip(self.activities, self.takes, strict=True)]
        )
        scores = Sample.of(scored.flat, records)
        standing, *others = (scores.where(activity == name) for name in ACTIVITIES)
        figures: dict[str, Any] = {"leads": len(scores.values)}
        for name, sample in zip(ACTIVITIES[1:], others, strict=True):
            figures[name] = compare(standing, sample, self.draws)
        order = -np.array([ACTIVITIES.index(name) for name in activity], np.float64)
        pairs = Sample(np.stack([scores.values, order], axis=1), records)
        figures |= measured("spearman", pair_correlation, pairs, draws=self.draws)
        if scored.look == PSNR:
            merit = merits(scored.readings)
            figures["grades"] = {name: shares(merit[activity == name]) for name in ACTIVITIES}
        return figures


def plan_activities(sizes: Sizes) -> Activities:
    """All records."""
    pairs = list(datasets.motion())
    return Activities(
        [Take(path.stem, read(path)) for path, _ in pairs], np.array([what for _, what in pairs]), sizes.draws
    )
