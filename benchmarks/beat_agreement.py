"""How well beats agree, on development data: ``python -m benchmarks.beat_agreement``.

Prints the agreement of beats in clean leads of many kinds, in noise alone and in clean leads with noise, and how well
it tells each kind of noise from all that is clean (AUROC). The thresholds and bands of ``ecgnoise.scoring.beats`` were
chosen by this table. Needs ``ECGNOISE_DATA`` with ``ptb-xl``, ``ludb``, ``nstdb``, ``train-hand-held``,
``train-rhythms``, ``motion-dev`` and ``cpsc2019-dev``.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks import beat_material as material
from benchmarks.beat_material import Array, Material
from benchmarks.quality.noises import RATE, RECORDED
from ecgnoise.scalogram.profile import DEFAULT, level_images, qrs_level, valid_rows
from ecgnoise.scalogram.superlet import superlet
from ecgnoise.scoring.beats import agreement
from ecgnoise.scoring.metrics import auroc
from ecgnoise.simulate import NoiseKind

SNRS = (12, 6, 0, -6, -9, -15)
TAGS = ("paced-looking", "irregular", "tachy", "brady", "low-voltage", "wide-QRS")
BATCH = 16


def agreed(leads: NDArray[np.float32], rate: float) -> Array:
    """The agreement of leads of 10 s, (n, samples)."""
    transform, valid = superlet(DEFAULT, rate), valid_rows(DEFAULT, rate)
    found = []
    for first in range(0, len(leads), BATCH):
        levels = transform(np.ascontiguousarray(leads[first : first + BATCH], np.float32))
        found.append(agreement(level_images(levels, qrs_level(levels, DEFAULT), DEFAULT), valid, DEFAULT))
    return np.concatenate(found)


def hearts() -> Iterator[tuple[str, Material]]:
    """Clean leads of many kinds."""
    yield "PTB-XL", material.ptbxl(700)
    yield "LUDB", material.ludb(400)
    for label in "NAO":
        yield f"hand-held {label}", material.hand_held(250, label=label)
    for tag in TAGS:
        if tag != TAGS[0]:
            yield f"hand-held {tag}", material.hand_held(120, tag=tag)
        for leads, rate in material.rhythms(150, tag):
            yield f"rhythms {tag} {rate:g} Hz", (leads, rate)
    for rate in (30, 40, 60, 100, 144, 180, 220):
        yield f"simulated {rate}", material.hearts(40, rate, seed=rate)
    for kind in ("bigeminy", "alternans", "paced"):
        yield f"simulated {kind}", material.hearts(60, 70, kind=kind)
    yield "simulated tall T", material.hearts(60, 70, tall_t=0.8)
    yield "simulated low voltage", material.hearts(60, 70, height=0.1)


def no_beats(leads: NDArray[np.float32]) -> Iterator[tuple[str, Material]]:
    """Noise alone, and clean leads (n, samples) in which beats cannot be read."""
    for kind in (*RECORDED, "spikes", *NoiseKind):
        yield f"{kind} alone", material.noise_alone(100, kind)
    yield "waves of 3-5 Hz", material.swings(200)
    yield "waves of 0.8-3 Hz", material.swings(150, 0.8, 3.0)
    yield "an impulse a second", material.steps(100, (0.8, 1.2), 1)
    yield "a runner's steps", material.steps(200)
    for ratio in (0.5, 1.0, 2.0):
        yield f"steps x {ratio:g} on ECG", material.running(leads, ratio)
    railed = material.soft_rails(material.recorded_on(leads, "em", -12)[0], (0.5, 0.8))
    yield "railed em at -12 dB", (railed, RATE)


def row(name: str, values: Array, clean: Array | None = None) -> str:
    """A line of the table: percentiles, and AUROC against what is clean."""
    cells = "".join(f"{value:7.3f}" for value in np.percentile(values, [1, 5, 50, 95, 99]))
    told = f"   AUROC {auroc(clean, values):.4f}" if clean is not None else ""
    return f"{name:28s}{len(values):5d}{cells}{told}"


def main() -> None:
    """Measure and print."""
    print(f"{'':28s}{'n':>5s}{'1 %':>7s}{'5 %':>7s}{'50 %':>7s}{'95 %':>7s}{'99 %':>7s}")
    parts = []
    for name, made in hearts():
        parts.append(agreed(*made))
        print(row(name, parts[-1]), flush=True)
    clean = np.concatenate(parts)
    print(row("all clean", clean))
    leads = material.ptbxl(100)[0]
    for name, made in no_beats(leads):
        print(row(name, agreed(*made), clean), flush=True)
    same = agreed(leads, RATE)
    for kind in (*RECORDED, NoiseKind.WHITE, NoiseKind.MUSCLE):
        for snr in SNRS:
            print(row(f"{kind} at {snr} dB", agreed(*material.recorded_on(leads, kind, snr)), same), flush=True)
    for name, made in material.motion():
        print(row(name, agreed(*made)))
    shares, found = material.found_beats(), agreed(*material.difficult())
    print(
        f"difficult QRS: agreement where a detector finds them {found[shares >= 0.9].mean():.3f}, else "
        f"{found[shares < 0.9].mean():.3f}"
    )


if __name__ == "__main__":
    main()
