"""How well the level of a kind of noise tells the leads that people labelled with it: PTB-XL's labels.

People's static noise is fine and lasts: broadband, muscle and mains over the segment. Their burst noise is short: the
largest local level of electrode, spike and muscle. Their baseline drift is slow: baseline wander and electrode.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.quality.figures import Array, Sample, measured, number, worst_where_missing
from benchmarks.quality.readings import Reading
from ecgnoise.noise_levels import BASELINE_WANDER, BROADBAND, ELECTRODE, KINDS, MAINS, MUSCLE, SPIKE, total
from ecgnoise.scoring.metrics import auroc

LASTING = {"static_noise": (BROADBAND, MUSCLE, MAINS), "baseline_drift": (BASELINE_WANDER, ELECTRODE)}
SHORT = {"burst_noise": (ELECTRODE, SPIKE, MUSCLE)}


def lasting_level(reading: Reading, kinds: Sequence[str]) -> Array:
    """Level of some kinds together over the ECG in dB, (leads, segments); NaN where there is none."""
    return total(reading.noise[:, :, [KINDS.index(kind) for kind in kinds]])


def short_level(reading: Reading, kinds: Sequence[str]) -> Array:
    """Largest local level of some kinds over the ECG in dB, (leads, 1); NaN where there is none."""
    local = reading.local_noise[:, :, [KINDS.index(kind) for kind in kinds]]
    largest = np.where(np.isfinite(local), local, -np.inf).max(axis=(1, 2), initial=-np.inf)
    return np.where(np.isfinite(largest), largest, np.nan)[:, None]


def ecg_level(reading: Reading) -> Array:
    """RMS of the ECG of each lead of one segment in dB over 1 uV, (leads,), which makes a level one in uV."""
    with np.errstate(divide="ignore"):
        return np.asarray(20 * np.log10(reading.noise_uv[:, 0, 0]) - reading.noise[:, 0, 0])


def by_level(readings: Sequence[Reading], records: Any, labels: dict[str, Any], draws: int) -> dict[str, Any]:
    """AUROC of each label by the level of its kind, and median levels, over the ECG and in uV.

    Empty where the model has no levels.
    readings: of leads of one segment each. records, labels: of all leads in turn, ``clean`` among the labels.
    """
    ways: dict[str, tuple[Callable[[Reading, Sequence[str]], Array], tuple[str, ...]]] = {
        **{label: (lasting_level, kinds) for label, kinds in LASTING.items()},
        **{label: (short_level, kinds) for label, kinds in SHORT.items()},
    }
    figures: dict[str, Any] = {}
    for label, (level, kinds) in ways.items():
        over_ecg = np.concatenate([level(reading, kinds)[:, 0] for reading in readings])
        if not np.isfinite(over_ecg).any():
            return {}
        of_ecg = np.concatenate([ecg_level(reading) for reading in readings])
        figures[label] = told_by(over_ecg, records, labels, label, draws)
        in_uv = told_by(over_ecg + of_ecg, records, labels, label, draws)
        medians = {f"{name}_uv": microvolts(in_uv[f"{name}_db"]) for name in ("clean", "noisy")}
        figures[label]["uv"] = {name: value for name, value in in_uv.items() if not name.endswith("_db")} | medians
    return figures


def told_by(levels: Array, records: Any, labels: dict[str, Any], label: str, draws: int) -> dict[str, Any]:
    """AUROC of a label by levels in dB, (leads,), and the median levels of clean and labelled leads."""
    scores = Sample.of(worst_where_missing(-levels, float(np.nanmin(-levels))), records)
    clean, noisy = scores.where(labels["clean"]), scores.where(labels[label])
    figures = measured("auroc", auroc, clean, noisy, draws=draws)
    for name, sample in (("clean_db", clean), ("noisy_db", noisy)):
        figures[name] = number(-np.median(sample.values), 1) if len(sample.values) else None
    return figures


def microvolts(level: float | None) -> float | None:
    """RMS in uV of a level in dB over 1 uV."""
    return None if level is None else number(10 ** (level / 20), 1)
