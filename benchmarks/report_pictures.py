"""The pictures of docs/benchmarks.md that are drawn from results/quality.json. Need the extra ``plot``."""

from pathlib import Path

from benchmarks.quality.readings import SNR
from benchmarks.report_tables import KINDS, Figures, at

DRAWN = ("looks", SNR, "snr")
BASES = {"raw": "leads as they are", "drift_free": "leads without drift"}
PICTURES = {"scores": "benchmark-scores.png", "snr": "benchmark-snr.png"}


def drawable(figures: Figures) -> dict[str, str]:
    """The pictures that there are figures for, with their titles."""
    found = {}
    if histograms(figures):
        found["scores"] = "Scores of clean and noisy leads"
    if at(figures, DRAWN):
        found["snr"] = "Estimated against true SNR"
    return found


def histograms(figures: Figures) -> dict[str, Figures]:
    """The distributions that were kept, by title."""
    places = {
        "PTB-XL, static noise": ("ptbxl", "static_noise"),
        "PTB-XL, burst noise": ("ptbxl", "burst_noise"),
        "PTB-XL, baseline drift": ("ptbxl", "baseline_drift"),
        "Challenge 2011, leads": ("challenge_2011", "leads"),
        "Challenge 2017, records": ("challenge_2017", "records"),
        "MIT-BIH, lead-segments": ("mitdb", "segments"),
    }
    found = {title: at(figures, (*path, "histogram")) for title, path in places.items()}
    return {title: kept for title, kept in found.items() if kept}


def draw(figures: Figures, folder: Path) -> None:
    """Draw the pictures that there are figures for, as PNG. Needs the extra ``plot``."""
    from matplotlib.figure import Figure

    folder.mkdir(exist_ok=True)
    kept = histograms(figures)
    if kept:
        figure = Figure(figsize=(9, 1.9 * -(-len(kept) // 2)), layout="constrained")
        grid = figure.subplots(-(-len(kept) // 2), 2, squeeze=False).ravel()
        for axes, (title, entry) in zip(grid, kept.items(), strict=False):
            for name, colour in (("clean", "tab:blue"), ("noisy", "tab:red")):
                axes.stairs(entry[name], entry["edges"], label=name, color=colour, fill=True, alpha=0.5)
            axes.set_title(title, loc="left", fontsize=9)
            axes.set(yticks=[], xlabel="score, dB")
        grid[0].legend(fontsize=8)
        figure.savefig(folder / PICTURES["scores"], dpi=80, metadata={"Software": None})
    if at(figures, DRAWN):
        figure = Figure(figsize=(9, 4), layout="constrained")
        for axes, (base, title) in zip(figure.subplots(1, 2, sharey=True), BASES.items(), strict=True):
            for kind, name in KINDS.items():
                medians = {float(snr): value for snr, value in at(figures, (*DRAWN, base, kind, "median")).items()}
                axes.plot(list(medians), list(medians.values()), marker="o", markersize=3, label=name)
            ends = (min(medians), max(medians))
            axes.plot(ends, ends, color="black", linestyle="--", linewidth=0.8, label="right")
            axes.set_title(title, loc="left", fontsize=9)
            axes.set(xlabel="SNR of the noise added, dB")
        figure.axes[0].set(ylabel="median of estimates, dB")
        figure.axes[0].legend(fontsize=7)
        figure.savefig(folder / PICTURES["snr"], dpi=80, metadata={"Software": None})
