"""Challenge 2011 (12 leads from mobile phones) and Challenge 2017 (one hand-held lead)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import datasets
from benchmarks.quality.figures import (
    Array,
    Sample,
    auprc,
    best_bound,
    best_f1,
    compare,
    histogram,
    measured,
    share_below,
)
from benchmarks.quality.grading import for_half_of_the_time, limits, worse_than
from benchmarks.quality.part import Sizes, some
from benchmarks.quality.readings import PSNR
from benchmarks.quality.scorers import Scored
from benchmarks.quality.takes import Take
from ecgnoise import read
from ecgnoise.segments import find_fault, windows

ACCEPTABLE, UNACCEPTABLE = "1", "0"
NOISY = "~"
RHYTHMS = ("N", "A", "O")


@dataclass(frozen=True)
class Challenge2011:
    """Records with their label; labels of leads, (records, 12), 1 bad, 0 good, -1 none; which are flat or railed."""

    takes: list[Take]
    acceptable: NDArray[np.str_]
    bad: NDArray[np.int64]
    faulty: NDArray[np.bool_]
    draws: int
    rivals: bool = True

    def figures(self, scored: Scored) -> dict[str, Any]:
        """Leads and records, all and without flat and railed leads; operating points where there are grades."""
        scores = np.array([score[:, 0] for score in scored.scores])
        sound = np.where(self.faulty, np.nan, scores)
        kept = ~self.faulty.all(axis=1)
        figures: dict[str, Any] = {
            "leads": compare(*self._leads(scores), self.draws),
            "leads_without_faults": compare(*self._leads(sound), self.draws),
            "good_leads_with_fault": int(np.sum(self.faulty & (self.bad == 0))),
            "bad_leads_with_fault": int(np.sum(self.faulty & (self.bad == 1))),
        }
        for name, values in (("records", scores), ("records_without_faults", sound[kept])):
            chosen = kept if name != "records" else np.ones(len(scores), np.bool_)
            for way, reduced in (("worst", np.nanmin(values, axis=1)), ("mean", np.nanmean(values, axis=1))):
                figures[f"{name}_{way}"] = compare(*self._records(reduced, chosen), self.draws)
            best = "worst" if scored.look else better(figures, name)
            figures[name] = {**figures[f"{name}_{best}"], "way": best}
        if scored.look == PSNR:
            clean, noisy = self._leads(scores)
            figures["leads"]["histogram"] = histogram(clean.values, noisy.values)
            figures["grades"] = self._grades(
                np.array([-reading.grade[:, 0].astype(float) for reading in scored.readings])
            )
        return figures

    def _leads(self, scores: Array) -> tuple[Sample, Sample]:
        """Labelled good and bad leads that have a score, of (records, 12)."""
        numbers = np.broadcast_to(np.arange(len(scores))[:, None], scores.shape)
        there = np.isfinite(scores)
        good, bad = (there & (self.bad == value) for value in (0, 1))
        return Sample(scores[good], numbers[good]), Sample(scores[bad], numbers[bad])

    def _records(self, values: Array, chosen: NDArray[np.bool_]) -> tuple[Sample, Sample]:
        """Acceptable and unacceptable records among the chosen."""
        sample, labels = Sample(values, np.flatnonzero(chosen)), self.acceptable[chosen]
        return sample.where(labels == ACCEPTABLE), sample.where(labels == UNACCEPTABLE)

    def _grades(self, merit: Array) -> dict[str, Any]:
        """Sensitivity, specificity, accuracy where leads, or worst leads, are accepted from each grade up."""
        worst = self._records(merit.min(axis=1), np.ones(len(merit), np.bool_))
        sound = np.where(self.faulty, np.nan, merit)
        ways = (("leads", self._leads(merit)), ("leads_without_faults", self._leads(sound)), ("records", worst))
        return {what: limits(*samples, self.draws) for what, samples in ways}


def better(figures: dict[str, Any], name: str) -> str:
    """Whether the worst or the mean lead tells more."""
    return max(("worst", "mean"), key=lambda way: figures[f"{name}_{way}"]["auroc"] or 0.0)


def plan_2011(sizes: Sizes) -> Challenge2011:
    """Records of set-a that are there."""
    everything = list(datasets.challenge_2011())
    takes, acceptable, bad, faulty = [], [], [], []
    for path, label, leads in some(
        everything, sizes.challenge_2011, [(label, any(leads.values())) for _, label, leads in everything]
    ):
        recording = read(path)
        takes.append(Take(path.stem, recording))
        acceptable.append(label)
        bad.append([int(leads[lead]) if lead in leads else -1 for lead in range(12)])
        faulty.append([bool(find_fault(lead, recording.sampling_frequency)[0]) for lead in recording.signal])
    return Challenge2011(takes, np.array(acceptable), np.array(bad), np.array(faulty), sizes.draws)


@dataclass(frozen=True)
class Challenge2017:
    """Records with their rhythm: N, A, O, or ~."""

    takes: list[Take]
    labels: NDArray[np.str_]
    draws: int
    rivals: bool = True

    def figures(self, scored: Scored) -> dict[str, Any]:
        """``~`` against the rest by a record's mean score, and false alarms of each rhythm."""
        pairs = zip(scored.scores, self.takes, strict=True)
        means = Sample.of([np.average(score[0], weights=durations(take)) for score, take in pairs])
        clean, noisy = means.where(self.labels != NOISY), means.where(self.labels == NOISY)
        records = compare(clean, noisy, self.draws)
        records |= measured("auprc", auprc, clean, noisy, draws=self.draws)
        records |= measured("f1", best_f1, clean, noisy, draws=self.draws)
        bound = np.nextafter(best_bound(clean.values, noisy.values), np.inf)
        figures: dict[str, Any] = {"records": records, "alarms": self._shares(means, bound)}
        if scored.look == PSNR:
            records["histogram"] = histogram(clean.values, noisy.values)
            pairs = zip(scored.readings, self.takes, strict=True)
            merit = [for_half_of_the_time(-reading.grade[0].astype(float), durations(take)) for reading, take in pairs]
            figures |= self._grades(Sample.of(merit))
        return figures

    def _grades(self, merit: Sample) -> dict[str, Any]:
        """What records are graded for half of their time or more: shares by label, and each grade as a limit."""
        figures: dict[str, Any] = {
            name: {
                label: worse_than(grade, merit.where(self.labels == label), self.draws) for label in (*RHYTHMS, NOISY)
            }
            for name, grade in (("unusable", "poor"), ("poor_or_worse", "fair"))
        }
        noisy = self.labels == NOISY
        return figures | {"grades": limits(merit.where(~noisy), merit.where(noisy), self.draws)}

    def _shares(self, means: Sample, bound: float) -> dict[str, Any]:
        """Share of the records of each label that score below a bound."""
        return {
            label: measured("share", share_below(bound), means.where(self.labels == label), draws=self.draws)
            for label in (*RHYTHMS, NOISY)
        }


def durations(take: Take) -> list[int]:
    """Samples that are new in each segment of a take."""
    return [w.stop - w.new for w in windows(take.recording.samples.shape[1], take.recording.sampling_frequency)]


def plan_2017(sizes: Sizes) -> Challenge2017:
    """Records that are there."""
    everything = list(datasets.challenge_2017())
    chosen = some(everything, sizes.challenge_2017, [label for _, label in everything])
    return Challenge2017(
        [Take(path.stem, read(path)) for path, _ in chosen], np.array([label for _, label in chosen]), sizes.draws
    )
