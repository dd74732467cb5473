"""What was to be reached, and whether it was: the first table on quality of docs/benchmarks.md."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.machine import RESULTS
from benchmarks.page import prose
from benchmarks.quality.noises import KINDS
from benchmarks.quality.nuisance import NOISE_KINDS, NOISE_SNR
from benchmarks.quality.readings import LOOKS, PSNR, SNR
from benchmarks.report_tables import Scorers, at, table

UNUSUAL = (
    "pacing spikes of 2 mV",
    "very low voltage (a fifth)",
    "heart rate 40",
    "heart rate 144",
    "T as tall as R",
    "ST elevation of 0.3 mV",
)
Value = Callable[[Scorers], float | None]


@dataclass(frozen=True)
class Goal:
    """A row: what is measured, the value to reach, and whether it is to be reached from below (``least``) or above."""

    title: str
    value: Value
    goal: float
    least: bool = True
    digits: int = 3

    def row(self, scorers: Scorers) -> list[str]:
        """Cells: title, value, goal, and whether it is reached; empty where it was not measured."""
        value = self.value(scorers)
        if value is None:
            return []
        reached = value >= self.goal if self.least else value <= self.goal
        sign = ">=" if self.least else "<="
        words = "yes" if reached else "**no**"
        return [self.title, f"{value:.{self.digits}f}", f"{sign} {self.goal:.{self.digits}f}", words]


def one(*path: str) -> Value:
    """A figure of ecgnoise's PSNR, which also holds what its grades, levels and marks do."""
    return lambda scorers: at(scorers, (PSNR, *path))


def best(*path: str) -> Value:
    """The best figure of ecgnoise's looks."""

    def value(scorers: Scorers) -> float | None:
        found = [at(scorers, (look, *path)) for look in LOOKS]
        return max((figure for figure in found if figure is not None), default=None)

    return value


def snr(base: str, name: str, over: Callable[[Any], float] | None = None) -> Value:
    """A figure of the estimated SNR: of all kinds together, or the least or greatest of the kinds."""

    def value(scorers: Scorers) -> float | None:
        if over is None:
            found: float | None = at(scorers, (SNR, "snr", base, "all", name))
            return found
        figures = [at(scorers, (SNR, "snr", base, kind, name)) for kind in KINDS]
        return None if None in figures else over(figures)

    return value


def of_kind(base: str, kind: str) -> Value:
    """Mean absolute error of the estimated SNR in one kind of noise."""
    return lambda scorers: at(scorers, (SNR, "snr", base, kind, "mae"))


def alarms(scorers: Scorers) -> float | None:
    """Share of atrial fibrillation called noisy less that of normal records, by the look with the best AUROC."""
    parts = [found for look in LOOKS if (found := at(scorers, (look, "challenge_2017")))]
    if not parts:
        return None
    part = max(parts, key=lambda found: at(found, ("records", "auroc")) or 0.0)
    shares = [at(part, ("alarms", label, "share")) for label in ("A", "N")]
    return None if None in shares else shares[0] - shares[1]


def called_electrode(scorers: Scorers) -> float | None:
    """Share of electrode motion at -6 dB that is called electrode."""
    told = at(scorers, (PSNR, "kinds", "told", "em", "-6"))
    return told.get("electrode", 0) / sum(told.values()) if told else None


def left_out(_: Scorers) -> float | None:
    """The greatest error in a kind of noise that training did not have, from its own file."""
    file = RESULTS / "left_out.json"
    if not file.is_file():
        return None
    kinds: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))["kinds"]
    return max(noise["mae"] for kind in kinds.values() for base in kind.values() for noise in base.values())


def unusual_below_fair(scorers: Scorers) -> float | None:
    """The greatest share of clean leads with unusual beats that is below ``fair``."""
    shares = [at(scorers, (PSNR, "nuisance", "changes", name, "below_fair")) for name in UNUSUAL]
    return None if None in shares else max(shares)


def snr_beyond_truth(change: Mapping[str, float | None] | None) -> float | None:
    """By how much more than the true SNR the estimate rises with a change, in dB; None where one is not known."""
    told, true = ((change or {}).get(name) for name in ("snr", "snr_true"))
    return None if told is None or true is None else told - true


def unusual_against_noise(scorers: Scorers) -> float | None:
    """What unusual beats cost at most, over what noise of 24 dB costs at least, in dB of estimated SNR.

    What unusual beats cost is by how much more than the true SNR the estimate falls: their noise is the same.
    """
    changes = [at(scorers, (PSNR, "nuisance", "changes", name)) for name in UNUSUAL]
    costs = [snr_beyond_truth(change) for change in changes]
    noise = [
        at(scorers, (PSNR, "nuisance", "changes", f"noise {kind} at {NOISE_SNR} dB", "snr")) for kind in NOISE_KINDS
    ]
    if None in costs or None in noise or max(noise) >= 0:
        return None
    return max(0.0, -min(costs)) / -max(noise)


GOALS = (
    Goal("SNR, MAE, raw leads, dB", snr("raw", "mae"), 2.2, least=False, digits=1),
    Goal("SNR, MAE, drift-free leads, dB", snr("drift_free", "mae"), 1.3, least=False, digits=1),
    Goal("SNR, MAE, white, drift-free, dB", of_kind("drift_free", "white"), 0.6, least=False, digits=1),
    Goal("SNR, MAE, mains 50 Hz, drift-free, dB", of_kind("drift_free", "mains_50"), 0.6, least=False, digits=1),
    Goal("SNR, MAE, mains 60 Hz, drift-free, dB", of_kind("drift_free", "mains_60"), 0.6, least=False, digits=1),
    Goal("SNR, r, raw leads", snr("raw", "r"), 0.93),
    Goal("SNR, r, drift-free leads", snr("drift_free", "r"), 0.97),
    Goal("68 % interval, least coverage, raw", snr("raw", "coverage", min), 0.63),
    Goal("68 % interval, greatest coverage, raw", snr("raw", "coverage", max), 0.73, least=False),
    Goal("68 % interval, least coverage, drift-free", snr("drift_free", "coverage", min), 0.63),
    Goal("68 % interval, greatest coverage, drift-free", snr("drift_free", "coverage", max), 0.73, least=False),
    Goal("68 % interval, median width, raw, dB", snr("raw", "width"), 6.0, least=False, digits=1),
    Goal("68 % interval, median width, drift-free, dB", snr("drift_free", "width"), 6.0, least=False, digits=1),
    Goal("SNR, least Spearman of a kind, raw", snr("raw", "spearman", min), 0.90),
    Goal("SNR, least Spearman of a kind, drift-free", snr("drift_free", "spearman", min), 0.95),
    Goal("SNR falls at each step, least of a kind, drift-free", snr("drift_free", "falls", min), 0.95),
    Goal("SNR, greatest MAE of a kind left out of training, dB", left_out, 5.0, least=False, digits=1),
    *(Goal(f"burst Dice, {kind}", one("bursts", "mask", kind, "dice"), 0.80) for kind in ("em", "ma", "bw", "white")),
    *(
        Goal(f"good or fair, {group}", one("unreadable", "grades", group, "fair_or_good"), 0.01, least=False)
        for group in ("at -6 dB", "noise alone", "repeated waves and rails")
    ),
    Goal("electrode motion on ambulatory ECG at 12 dB, AUROC", best("motion", "12", "auroc"), 0.99),
    Goal("electrode motion on ambulatory ECG at 6 dB, AUROC", best("motion", "6", "auroc"), 0.998),
    *(Goal(f"kind named right at {level} dB", one("kinds", "right", str(level)), 0.93) for level in (6, 0, -6)),
    Goal("electrode motion at -6 dB called electrode", called_electrode, 0.85),
    Goal("PTB-XL static, AUROC by level", one("ptbxl", "by_level", "static_noise", "auroc"), 0.83),
    Goal("PTB-XL burst, AUROC by level", one("ptbxl", "by_level", "burst_noise", "auroc"), 0.78),
    Goal("PTB-XL baseline, AUROC by level", one("ptbxl", "by_level", "baseline_drift", "auroc"), 0.93),
    Goal("PTB-XL, W1 macro, PSNR", one("ptbxl", "macro_w1"), 1.15),
    Goal("Challenge 2011, leads, AUROC", best("challenge_2011", "leads", "auroc"), 0.995),
    Goal("Challenge 2011, leads not flat or railed", best("challenge_2011", "leads_without_faults", "auroc"), 0.985),
    Goal("Challenge 2011, records, AUROC", best("challenge_2011", "records", "auroc"), 0.97),
    Goal("Challenge 2017, AUROC", best("challenge_2017", "records", "auroc"), 0.965),
    Goal("Challenge 2017, best F1", best("challenge_2017", "records", "f1"), 0.84),
    Goal("Challenge 2017, alarms in atrial fibrillation above normal", alarms, 0.03, least=False),
    Goal("Challenge 2017, too noisy graded poor or worse", one("challenge_2017", "poor_or_worse", "~", "share"), 0.75),
    Goal(
        "Challenge 2017, normal graded poor or worse",
        one("challenge_2017", "poor_or_worse", "N", "share"),
        0.05,
        least=False,
    ),
    Goal("MIT-BIH, half marked, AUROC", best("mitdb", "segments", "auroc"), 0.95),
    Goal("unusual hearts below fair, greatest share", unusual_below_fair, 0.0, least=False),
    Goal("unusual hearts, cost in SNR over that of noise of 24 dB", unusual_against_noise, 1.0, least=False, digits=2),
)


def section(scorers: Scorers) -> str:
    """All goals that were measured; empty without the figures of noise levels."""
    rows = [row for row in (goal.row(scorers) for goal in GOALS) if row]
    if not rows or not at(scorers, (PSNR, "snr")):
        return ""
    return prose("goals.section").format(goals=table("row", ("measured", "to reach", "reached"), rows))
