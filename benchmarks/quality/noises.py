"""Noise of known strength: recorded by the Noise Stress Test Database, and simulated."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfiltfilt

from benchmarks import datasets
from ecgnoise import read
from ecgnoise.noise_levels import BASELINE_WANDER, BROADBAND, ELECTRODE, MAINS, MUSCLE, SPIKE
from ecgnoise.simulate import NoiseKind, noise

Signal = NDArray[np.float32]
RATE = 500
RECORDED = ("bw", "em", "ma")
SIMULATED = {
    "white": NoiseKind.WHITE,
    "mains_50": NoiseKind.MAINS_50,
    "mains_60": NoiseKind.MAINS_60,
    "electrode_steps": NoiseKind.ELECTRODE_STEPS,
}
SPIKES = "spikes"
KINDS = (*RECORDED, *SIMULATED, SPIKES)
WHOLE = (0.0, 1.0)
DEVELOPMENT_PART, TEST_PART = (0.0, 0.5), (0.5, 1.0)  # of recorded noise
# What ecgnoise should call each.
OF_KIND = {
    "bw": BASELINE_WANDER,
    "em": ELECTRODE,
    "ma": MUSCLE,
    "white": BROADBAND,
    "mains_50": MAINS,
    "mains_60": MAINS,
    "electrode_steps": ELECTRODE,
    "spikes": SPIKE,
}
DRIFT_HZ = 0.5
PADDING_SECONDS = 2


def recorded(kind: str, part: tuple[float, float] = WHOLE) -> Signal:
    """30 minutes of bw, em or ma, or what lies between two shares of them, (2, samples) at 500 Hz."""
    whole = resample_poly(read(datasets.data_folder() / "nstdb" / f"{kind}.hea").signal, 25, 18, axis=1)
    first, last = (round(share * whole.shape[1]) for share in part)
    return np.asarray(whole[:, first:last])


def spikes(count: int, samples: int, seed: int = 0) -> Signal:
    """Spikes of 2 to 12 ms and either sign, three to six a lead at random times, (count, samples) at 500 Hz."""
    rows = np.zeros((count, samples), np.float32)
    for index, row in enumerate(rows):
        generator = np.random.default_rng((seed, index))
        for place in generator.integers(10, samples - 10, generator.integers(3, 7)):
            width = int(generator.integers(1, 7))
            shape = np.bartlett(width + 2)[1:-1]
            row[place : place + width] += generator.choice([-1, 1]) * generator.uniform(0.5, 1.5) * shape
    return rows


def stretches(kind: str, count: int, samples: int, part: tuple[float, float] = WHOLE) -> Signal:
    """A stretch of noise for each of some leads, (count, samples) at 500 Hz; it depends on the lead's number only.

    part: of recorded noise, from one share of its length to another.
    """
    if kind in RECORDED:
        whole = recorded(kind, part)
        return np.array([stretch(whole, index, samples) for index in range(count)], np.float32)
    if kind == SPIKES:
        return spikes(count, samples)
    return noise(SIMULATED[kind], (count, samples), RATE).astype(np.float32)


def stretch(whole: Signal, index: int, samples: int) -> Signal:
    """The stretch of recorded noise, (channels, time), that lead number ``index`` gets, (samples,)."""
    start = int(np.random.default_rng(index).integers(0, whole.shape[1] - samples))
    return whole[index % len(whole), start : start + samples]


def add(leads: Signal, noises: Signal, snr: float) -> Signal:
    """Leads with noise of the same shape, scaled to an SNR in dB of variances over the lead."""
    centred = noises - noises.mean(axis=1, keepdims=True)
    power = leads.var(axis=1, keepdims=True) / centred.var(axis=1, keepdims=True)
    return np.asarray(leads + centred * np.sqrt(power / 10 ** (snr / 10)), np.float32)


def with_noise(leads: Signal, whole: Signal, snr: float) -> Signal:
    """Each lead with its own stretch of recorded noise, (channels, time), at an SNR in dB."""
    return add(leads, np.array([stretch(whole, index, leads.shape[1]) for index in range(len(leads))]), snr)


def drift_free(leads: Signal) -> Signal:
    """Leads at 500 Hz without what is slower than 0.5 Hz, without a shift in time; reflected ends of 2 s."""
    sections = butter(2, DRIFT_HZ, "highpass", fs=RATE, output="sos")
    padding = PADDING_SECONDS * RATE
    padded = np.pad(leads.astype(np.float64), ((0, 0), (padding, padding)), mode="reflect")
    return np.asarray(sosfiltfilt(sections, padded, axis=1)[:, padding:-padding], np.float32)
