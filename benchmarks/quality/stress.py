"""Clean leads, and noise added to those of the development fold at known signal-to-noise ratios."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import datasets
from benchmarks.quality.figures import number
from benchmarks.quality.noises import RATE, RECORDED, Signal, recorded, with_noise
from benchmarks.quality.part import DEVELOPMENT_FOLD, Sizes
from benchmarks.quality.scorers import Scored
from benchmarks.quality.takes import Take
from ecgnoise import read
from ecgnoise.segments import find_fault

SNRS = (24, 18, 12, 6, 0, -6)


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
