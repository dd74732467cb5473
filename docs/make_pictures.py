"""The pictures of the README and of the bundled model: ``python docs/make_pictures.py``. Needs the extra ``plot``."""

from importlib.resources import files
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecgnoise import Quantifier, Recording, Result, read, simulate_ecg
from ecgnoise.noise_levels import KINDS
from ecgnoise.results.grades import GRADES
from ecgnoise.scalogram.profile import DEFAULT
from ecgnoise.simulate import NoiseKind, add_noise

IMAGES = Path(__file__).parent / "images"
RATE = 500.0
PARTS = 10
SHADES = {"fair": ("#ffe9a8", ""), "poor": ("#ffb27a", "//"), "unusable": ("#f07070", "xx")}
COLOURS = ("tab:blue", "tab:red", "tab:green", "tab:purple", "tab:olive", "tab:gray")
TICKS = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def clean_and_noisy() -> Recording:
    """One simulated lead clean, with muscle noise in the middle, and with baseline wander."""
    clean = simulate_ecg(10, RATE, seed=7, lead_names=("II",)).signal[0]
    quiet = clean + 0.006 * np.random.default_rng(0).normal(size=clean.shape)
    muscle = add_noise(quiet[None], NoiseKind.MUSCLE, 3, sampling_frequency=RATE, seed=2)[0]
    window = np.exp(-(((np.arange(len(clean)) / RATE - 5.5) / 1.0) ** 4))
    wander = add_noise(quiet[None], NoiseKind.BASELINE_WANDER, -6, sampling_frequency=RATE, seed=3)[0]
    leads = [quiet, quiet + (muscle - quiet) * window, wander]
    names = ("clean", "muscle noise from 4.5 to 6.5 s", "baseline wander")
    return Recording.from_array(np.array(leads), RATE, lead_names=names)


def draw_signal(axes: Axes, recording: Recording, result: Result, lead: int) -> None:
    """The lead, each second shaded by its own PSNR."""
    good, unusable = 24.0, 10.0
    for part in range(PARTS):
        badness = np.clip((good - result.local_psnr[lead, 0, part]) / (good - unusable), 0, 1)
        axes.axvspan(part, part + 1, color="tab:red", alpha=0.45 * float(badness), linewidth=0)
    axes.plot(np.arange(recording.signal.shape[1]) / RATE, recording.signal[lead], color="black", linewidth=0.7)
    axes.set_title(
        f"{recording.lead_names[lead]}: {result.psnr[lead, 0]:.1f} dB, {result.grade[lead, 0]}", loc="left", fontsize=10
    )
    axes.set(xlim=(0, 10), ylabel="mV")


def draw_image(axes: Axes, image: np.ndarray, title: str) -> None:
    """A superlet image with its frequencies."""
    axes.imshow(image, aspect="auto", cmap="magma", vmin=0, vmax=255, extent=(0, 10, DEFAULT.rows, 0))
    rows = np.interp(np.log(TICKS), np.log(DEFAULT.frequencies), np.arange(DEFAULT.rows, 0, -1) - 0.5)
    axes.set_yticks(rows, [f"{tick:g}" for tick in TICKS], fontsize=7)
    axes.set_title(title, loc="left", fontsize=9)
    axes.set_ylabel("Hz")


def kinds_in_turn() -> Recording:
    """30 s of one simulated lead: a burst of electrode motion, one of muscle noise, wander, and mains at the end."""
    clean = simulate_ecg(30, RATE, seed=7, lead_names=("II",)).signal[0]
    noisy = clean + 0.006 * np.random.default_rng(0).normal(size=clean.shape)
    times = np.arange(len(clean)) / RATE
    added = (
        (NoiseKind.ELECTRODE_STEPS, -8.0, (4.0, 7.0)),
        (NoiseKind.MUSCLE, -2.0, (11.0, 15.0)),
        (NoiseKind.BASELINE_WANDER, 0.0, (16.0, 23.0)),
        (NoiseKind.MAINS_50, 3.0, (24.0, 30.0)),
    )
    for seed, (kind, snr, (first, last)) in enumerate(added):
        noise = add_noise(clean[None], kind, snr, sampling_frequency=RATE, seed=seed)[0] - clean
        edge = np.clip(np.minimum(times - first, last - times) / 0.3, 0.0, 1.0)
        noisy = noisy + noise * np.sin(0.5 * np.pi * edge) ** 2
    return Recording.from_array(noisy[None], RATE, lead_names=("II",))


def draw_levels(recording: Recording, result: Result) -> Figure:
    """The lead, shaded by what can be done with it, and the level of each kind of noise in each span below."""
    figure = Figure(figsize=(12, 5.2), layout="constrained")
    signal, levels = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for grade in GRADES[1:]:
        colour, hatch = SHADES[grade]
        for interval in result.intervals(grade):
            signal.axvspan(interval.start, interval.stop, facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0)
        signal.fill_between([], [], facecolor=colour, hatch=hatch, edgecolor="white", label=grade)
    signal.plot(np.arange(recording.signal.shape[1]) / RATE, recording.signal[0], color="black", linewidth=0.7)
    signal.set(xlim=(0, 30), ylabel="mV")
    signal.legend(loc="upper right", ncols=3, fontsize=8)
    signal.set_title(result.verdict(), loc="left", fontsize=10)
    segment = np.searchsorted(result.start, result.span_start, side="right") - 1
    microvolts = 1000 * result.ecg_rms[0, segment, None] * 10 ** (result.local_noise[0] / 20)
    edges = np.append(result.span_start, result.seconds)
    for kind, colour, level in zip(KINDS, COLOURS, microvolts.T, strict=True):
        levels.stairs(level, edges, baseline=None, color=colour, linewidth=1.6, label=kind.replace("_", " "))
    levels.set(yscale="log", ylim=(4, 1500), ylabel="noise, uV RMS", xlabel="s")
    levels.legend(loc="upper left", ncols=6, fontsize=8)
    return figure


def main() -> None:
    """Draw and save."""
    mpl.rcParams["svg.hashsalt"] = "ecgnoise"
    IMAGES.mkdir(exist_ok=True)
    recording = kinds_in_turn()
    draw_levels(recording, Quantifier().quantify(recording)).savefig(IMAGES / "noise-levels.png", dpi=100)
    example = read(str(files("ecgnoise") / "example" / "example.hea"))
    scored = Quantifier().quantify(example, images=True)
    scored.plot(example).savefig(IMAGES / "paper.png", dpi=90)
    scored.plot_overview().savefig(IMAGES / "overview.png", dpi=70)
    scored.plot_segment(example, "V2", 15).savefig(IMAGES / "segment.png", dpi=80)
    recording = clean_and_noisy()
    result = Quantifier().quantify(recording, parts=PARTS, images=True)
    if result.images is None:
        raise SystemExit("no images")
    figure = Figure(figsize=(12, 7), layout="constrained")
    grid = figure.subplots(3, 3, width_ratios=(2, 1, 1), sharex=True)
    for lead, (left, middle, right) in enumerate(grid):
        draw_signal(left, recording, result, lead)
        draw_image(middle, result.images.original[lead, 0], "superlet scalogram")
        excess = np.abs(result.images.original[lead, 0] - result.images.reconstruction[lead, 0])
        draw_image(right, 4 * excess, "counted difference, x 4")
    for axes in grid[-1]:
        axes.set_xlabel("s")
    figure.savefig(IMAGES / "clean-and-noisy.png", dpi=100)


if __name__ == "__main__":
    main()
