"""What ecgnoise calls the noise of clean leads with one kind of noise added, and of PTB-XL's leads with one remark.

Every kind of ``ecgnoise.noise_levels.KINDS`` counts the same, whatever number of noises are of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import datasets
from benchmarks.quality.figures import number
from benchmarks.quality.noises import KINDS as NOISES
from benchmarks.quality.noises import OF_KIND, RATE, add, stretches
from benchmarks.quality.part import TEST_FOLD, Sizes
from benchmarks.quality.readings import NO_KIND
from benchmarks.quality.scorers import Scored
from benchmarks.quality.stress import clean_leads, clean_records
from benchmarks.quality.takes import Take
from ecgnoise import read
from ecgnoise.noise_levels import KINDS

SNRS = (6, 0, -6)
LABELS = ("baseline_drift", "static_noise", "burst_noise")
LEADS_A_RECORD = 3
GOOD = 0
Told = Mapping[str, Mapping[str, Mapping[str, int]]]


@dataclass(frozen=True)
class Kinds:
    """One take for each noise and SNR, then those of leads with one remark. labels: of these, by take."""

    takes: list[Take]
    labels: list[str]
    leads: int
    rivals: bool = False

    def figures(self, scored: Scored) -> dict[str, Any]:
        """How often each kind is told of each noise, and the share that is right."""
        readings = iter(scored.readings)
        told = {noise: {str(snr): told_kinds(next(readings).kind) for snr in SNRS} for noise in NOISES}
        labelled: dict[str, Counter[str]] = {label: Counter() for label in LABELS}
        for label, reading in zip(self.labels, readings, strict=True):
            labelled[label]["good"] += int(np.sum(reading.grade == GOOD))
            labelled[label].update(told_kinds(reading.kind[reading.grade != GOOD]))
        return {"leads": self.leads, "right": right(told), "told": told, "labelled": labelled}


def told_kinds(kinds: NDArray[np.int8]) -> dict[str, int]:
    """How often each kind is told, of places in ``KINDS``; what is told of none is left out."""
    counts = np.bincount(kinds[kinds != NO_KIND], minlength=len(KINDS))
    return {kind: int(count) for kind, count in zip(KINDS, counts, strict=True) if count}


def right(told: Told) -> dict[str, float | None]:
    """Share that is right at each SNR and in all, every kind counting the same; 0 for one of which nothing is told."""
    shares: dict[str, float | None] = {}
    for name, snrs in {**{str(snr): [str(snr)] for snr in SNRS}, "all": [str(snr) for snr in SNRS]}.items():
        rows = confusion(told, snrs)
        shares[name] = number(np.mean([row[kind] / max(1, row.total()) for kind, row in rows.items()]))
    return shares


def confusion(told: Told, snrs: Sequence[str]) -> dict[str, Counter[str]]:
    """How often each kind is told of each kind that it is."""
    rows: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for noise, by_snr in told.items():
        for snr in snrs:
            rows[OF_KIND[noise]].update(by_snr[snr])
    return rows


def labelled_takes(count: int, fold: int) -> tuple[list[Take], list[str]]:
    """Leads of a fold with one remark on noise only, at most so many of each remark, and the remark of each take."""
    takes, labels, counts = [], [], Counter[str]()
    for record in datasets.ptbxl():
        for label in LABELS if record.fold == fold else ():
            others = set[int]().union(*(record.labels[other] for other in LABELS if other != label))
            leads = sorted(record.labels[label] - others)[:LEADS_A_RECORD]
            if leads and counts[label] < count:
                recording = read(record.path)
                takes.append(Take(record.path.stem, recording.pick([recording.lead_names[lead] for lead in leads])))
                labels.append(label)
                counts[label] += len(leads)
    return takes, labels


def plan(sizes: Sizes) -> Kinds:
    """Clean leads of one fold with each noise, and leads with one remark, of fold 10 only."""
    _, leads = clean_leads(clean_records(sizes.fold), sizes.kinds)
    takes = []
    for noise in NOISES:
        noises = stretches(noise, *leads.shape, sizes.noise_part)
        takes += [Take.of(f"{noise} {snr} dB", add(leads, noises, snr), RATE) for snr in SNRS]
    labelled, labels = labelled_takes(sizes.kinds, TEST_FOLD) if sizes.fold == TEST_FOLD else ([], [])
    return Kinds([*takes, *labelled], labels, len(leads))
