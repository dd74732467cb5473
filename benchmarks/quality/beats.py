"""One simulated lead whose beats can be changed: each wave a bump at its time after the R wave, and fine noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SECONDS = 10
NOISE_MV = 0.008
# P, Q, R, S, T: time after the R wave and width in s, height in mV.
WAVES = ((-0.17, 0.025, 0.12), (-0.028, 0.010, -0.10), (0.0, 0.011, 1.0), (0.028, 0.010, -0.22), (0.26, 0.05, 0.28))
SPIKE_SECONDS = 0.002


@dataclass(frozen=True)
class Beats:
    """What the beats are like.

    heart_rate: a minute. qrs: width of the QRS, 1 is normal. st: height of the ST segment in mV. pacing: height of a
    spike of 2 ms before each beat in mV. height: of the beats, 1 is normal. t: height of the T wave, 1 is normal.
    """

    heart_rate: float = 70.0
    qrs: float = 1.0
    st: float = 0.0
    pacing: float = 0.0
    height: float = 1.0
    t: float = 1.0


def simulated(kind: Beats, rate: int, seed: int) -> NDArray[np.float32]:
    """10 s of one lead in mV, (samples,). The seed sets where beats begin, heights and noise, whatever the kind."""
    ecg, noise = ecg_and_noise(kind, rate, seed)
    return np.asarray(ecg + noise, np.float32)


def ecg_and_noise(kind: Beats, rate: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What :func:`simulated` adds up, (samples,) in mV each."""
    generator = np.random.default_rng(seed)
    heights = generator.uniform(0.7, 1.3, len(WAVES))
    heights[-1] *= kind.t
    interval = 60.0 / kind.heart_rate
    count = int(SECONDS / interval) + 3
    beats = (np.arange(count) - generator.uniform(0.5, 1.5)) * interval
    beats += 0.01 * interval * np.sin(2 * np.pi * 0.25 * beats)
    stretch = np.sqrt(min(interval, 1.0))
    after = np.arange(SECONDS * rate) / rate - beats[:, None]
    signal = np.zeros_like(after)
    for (time, width, height), factor in zip(WAVES, heights, strict=True):
        within = abs(time) < 0.1
        scale = kind.qrs if within else 1.0
        place = time * (kind.qrs if within else stretch)
        wide = width * (scale if within else stretch)
        signal += height * factor * np.exp(-(((after - place) / wide) ** 2) / 2)
    start, end = 0.05 * kind.qrs, 0.25 * stretch
    signal += kind.st * (np.tanh((after - start) / 0.015) - np.tanh((after - end) / 0.04)) / 2
    lead = kind.height * signal.sum(axis=0)
    lead += kind.pacing * np.any((after >= -0.2 * stretch) & (after < -0.2 * stretch + SPIKE_SECONDS), axis=0)
    noise = np.convolve(generator.standard_normal(SECONDS * rate + 3), np.ones(4) / 2, mode="valid")
    return lead, NOISE_MV * noise
