"""Signals of which nobody could read anything, simulated: repeated waves, rails, a runner; and noise without ECG.

All are (leads, samples) at 500 Hz in mV, seeded by the number of the lead. Nothing here is used in training.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from benchmarks.quality.noises import RATE, Signal

SECONDS = 10
SAMPLES = SECONDS * RATE
TIME = np.arange(SAMPLES) / RATE
HEIGHTS_MV = (4.0, 20.0)  # of repeated waves, peak to peak
FINE_MV = 0.01
STEP_RATES = (2.4, 3.2)  # a second, of a runner
Row = NDArray[np.float64]


def each(make: Callable[[np.random.Generator], Row], count: int, purpose: int) -> Signal:
    """A row for each lead, with fine noise as any recorder has."""
    rows = []
    for index in range(count):
        generator = np.random.default_rng((index, purpose))
        rows.append(make(generator) + FINE_MV * generator.standard_normal(SAMPLES))
    return np.array(rows, np.float32)


def wandering(generator: np.random.Generator, knots: int) -> Row:
    """A smooth curve through so many normal numbers, (samples,)."""
    from scipy.interpolate import CubicSpline

    return np.asarray(CubicSpline(np.linspace(0, SECONDS, knots), generator.standard_normal(knots))(TIME))


def band(generator: np.random.Generator, low: float, high: float) -> Row:
    """Normal noise of unit power from a low to a high frequency in Hz, (samples,)."""
    noise = sosfiltfilt(butter(2, (low, high), "bandpass", fs=RATE, output="sos"), generator.standard_normal(SAMPLES))
    return np.asarray(noise / noise.std())


def tall(row: Row, generator: np.random.Generator) -> Row:
    """The row as tall as repeated waves are."""
    return np.asarray(row * (np.exp(generator.uniform(*np.log(HEIGHTS_MV))) / np.ptp(row)))


def swings(generator: np.random.Generator) -> Row:
    """Swings at 3 to 5 Hz whose rate and height wander, with a second and third harmonic."""
    rate = generator.uniform(3, 5) * (1 + 0.05 * wandering(generator, 8))
    phase = 2 * np.pi * np.cumsum(rate) / RATE
    heights, phases = generator.uniform(0, [0.0, 0.4, 0.2]), generator.uniform(0, 2 * np.pi, 3)
    heights[0] = 1.0
    wave = sum(heights[order] * np.sin((order + 1) * phase + phases[order]) for order in range(3))
    return tall(wave * np.exp(0.2 * wandering(generator, 6)), generator)


def motion_once_a_second(generator: np.random.Generator) -> Row:
    """About once a second the same push to one side and back, 0.25 to 0.6 s long, and nothing between."""
    interval, width = generator.uniform(0.8, 1.25), generator.uniform(0.25, 0.6)
    back = generator.uniform(0.2, 1.0)
    places = np.arange(generator.uniform(0, interval), SECONDS, interval)
    row = np.zeros(SAMPLES)
    for place in places + 0.03 * generator.standard_normal(len(places)):
        within = np.clip((TIME - place) / width, 0, 1)
        push = np.sin(np.pi * within) ** 2 - back * np.sin(np.pi * np.clip(2 * within - 1, 0, 1)) ** 2
        row += generator.uniform(0.8, 1.2) * push
    return tall(row, generator)


def soft_rails(generator: np.random.Generator) -> Row:
    """Motion that an amplifier squeezes: about a third of the samples lie near either end, none quite at it."""
    drive = np.exp(generator.uniform(np.log(1.5), np.log(2.5)))
    rail = generator.uniform(2, 5)
    squeezed = np.tanh(drive * band(generator, 0.5, generator.uniform(3, 8)))
    return np.asarray(rail * squeezed + 0.004 * rail * generator.standard_normal(SAMPLES))


def hard_rails(generator: np.random.Generator) -> Row:
    """Motion cut off at both ends, a third of the samples at them."""
    rail = generator.uniform(2, 5)
    pushes = band(generator, 0.5, generator.uniform(3, 8))
    return np.asarray(rail * np.clip(pushes / np.quantile(np.abs(pushes), 2 / 3), -1, 1))


ALONE: dict[str, Callable[[np.random.Generator], Row]] = {
    "swings": swings,
    "motion_once_a_second": motion_once_a_second,
    "soft_rails": soft_rails,
    "hard_rails": hard_rails,
}


def without_ecg(kind: str, count: int) -> Signal:
    """One of ``ALONE`` for each lead."""
    return each(ALONE[kind], count, list(ALONE).index(kind))


def running(leads: Signal) -> Signal:
    """Leads of a person who runs: a few impulses a step, each of a new shape and as tall as the beats; soft rails."""
    noisy = []
    for index, lead in enumerate(leads.astype(np.float64)):
        generator = np.random.default_rng((index, len(ALONE)))
        height = np.percentile(np.abs(lead - np.median(lead)), 99.5)
        row = lead - np.median(lead)
        for step in np.arange(0, SECONDS, 1 / generator.uniform(*STEP_RATES)):
            for _ in range(generator.integers(1, 4)):
                row = row + impulse(generator, step + generator.uniform(0, 0.3)) * height * generator.uniform(0.7, 1.8)
        rail = 1.5 * height
        noisy.append(rail * np.tanh(row / rail) + FINE_MV * generator.standard_normal(SAMPLES))
    return np.array(noisy, np.float32)


def impulse(generator: np.random.Generator, place: float) -> Row:
    """An impulse of 0.1 to 0.3 s around a time, of a shape of its own from 1 to 15 Hz and unit height, (samples,)."""
    width = generator.uniform(0.1, 0.3)
    window = np.where(np.abs(TIME - place) < width, np.cos(np.pi * (TIME - place) / (2 * width)) ** 2, 0.0)
    shape = window * band(generator, 1, 15)
    return np.asarray(shape / max(np.abs(shape).max(), 1e-9))
