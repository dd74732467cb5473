"""Noise to train the level network with: drawn of every kind, or cut from recordings of noise.

All noise is 10 s at 500 Hz with mean 0 and power 1. A draw depends on the generator alone. Within a kind, the shapes
are meant to be as various as can be, since a kind of noise that is not in training is misjudged: what is simulated for
users (:mod:`ecgnoise.simulate`) is one maker among several of each kind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise import simulate
from ecgnoise.noise_levels import BASELINE_WANDER, BROADBAND, ELECTRODE, KINDS, MAINS, MUSCLE, SPIKE

Array = NDArray[np.float64]
Maker = Callable[[np.random.Generator], Array]

FREQUENCY: Final = 500.0
SAMPLES: Final = 5000
TIME: Final = np.arange(SAMPLES) / FREQUENCY
FREQUENCIES: Final = np.fft.rfftfreq(SAMPLES, 1 / FREQUENCY)
SHORTEST_BURST: Final = 150  # samples
RECORDED: Final = "recorded"


def shaped(gain: Array, generator: np.random.Generator) -> Array:
    """Gaussian noise, (samples,), whose spectrum has this gain at each of the frequencies, (frequencies,)."""
    real, imaginary = generator.standard_normal((2, len(FREQUENCIES)))
    return np.asarray(np.fft.irfft(gain * (real + 1j * imaginary), SAMPLES))


def band(low: float, high: float, steepness: float = 4.0) -> Array:
    """The gain of a band-pass in Hz, (frequencies,), which falls with this power of the frequency."""
    safe = np.maximum(FREQUENCIES, 1e-3)
    return np.asarray(1.0 / np.sqrt((1.0 + (low / safe) ** (2 * steepness)) * (1.0 + (safe / high) ** (2 * steepness))))


def slowly(generator: np.random.Generator, points: int) -> Array:
    """A curve through so many standard normal numbers, (samples,)."""
    return np.interp(TIME, np.linspace(0.0, TIME[-1], points), generator.standard_normal(points))


def between(generator: np.random.Generator, low: float, high: float) -> float:
    """A number drawn evenly on a logarithmic scale."""
    return float(np.exp(generator.uniform(np.log(low), np.log(high))))


def simulated(kind: simulate.NoiseKind) -> Maker:
    """What ``ecgnoise simulate`` adds."""
    return lambda generator: simulate.lead_noise(kind, SAMPLES, FREQUENCY, (int(generator.integers(1 << 31)), 0))


def wander(generator: np.random.Generator) -> Array:
    """Random drift below a random corner, 0.1 to 0.7 Hz."""
    return shaped(band(0.02, between(generator, 0.1, 0.7), generator.uniform(1.5, 4.0)), generator)


def breathing(generator: np.random.Generator) -> Array:
    """Breaths, 0.12 to 0.5 Hz, that differ in size, with a harmonic."""
    phase = 2 * np.pi * np.cumsum(between(generator, 0.12, 0.5) * np.exp(0.15 * slowly(generator, 8))) / FREQUENCY
    first, second = generator.uniform(0, 2 * np.pi, 2)
    wave = np.sin(phase + first) + generator.uniform(0, 0.4) * np.sin(2 * phase + second)
    return np.asarray(wave * np.exp(0.3 * slowly(generator, 6)))


def slow_band(generator: np.random.Generator) -> Array:
    """Motion as noise in a random band from 0.5 to 12 Hz, swelling and fading."""
    low = between(generator, 0.5, 3.0)
    noise = shaped(band(low, low * between(generator, 2.0, 6.0), generator.uniform(1.0, 4.0)), generator)
    return noise * np.exp(generator.uniform(0, 1.2) * slowly(generator, int(generator.integers(4, 24))))


def swings(generator: np.random.Generator) -> Array:
    """Slow waves that repeat, 0.8 to 6 Hz, drifting in rate and size: tremor, steps of a walker, a swinging cable."""
    rate = between(generator, 0.8, 6.0) * (1 + generator.uniform(0, 0.15) * slowly(generator, 12))
    phase = 2 * np.pi * np.cumsum(rate) / FREQUENCY
    orders = np.arange(1, generator.integers(2, 6))
    heights = generator.standard_normal(len(orders)) / orders
    phases = generator.uniform(0, 2 * np.pi, len(orders))
    wave = (heights[:, None] * np.sin(orders[:, None] * phase + phases[:, None])).sum(axis=0)
    return np.asarray(wave * np.exp(generator.uniform(0, 0.6) * slowly(generator, 9)))


def running(generator: np.random.Generator) -> Array:
    """A runner's steps: a few impulses each, 0.1 to 0.3 s wide, every one of a new shape, of 1 to 15 Hz."""
    wave = np.zeros(SAMPLES)
    rate, place = generator.uniform(0.8, 3.3), -generator.uniform(0, 1)
    while place < TIME[-1]:
        for _ in range(generator.integers(1, 5)):
            width, frequency = generator.uniform(0.03, 0.1), between(generator, 1.0, 15.0)
            from_middle = TIME - place - generator.uniform(0, 0.5 / rate)
            near = np.abs(from_middle) < 4 * width
            swing = np.cos(2 * np.pi * frequency * from_middle[near] + generator.uniform(0, 2 * np.pi))
            wave[near] += generator.lognormal(0, 0.6) * swing * np.exp(-((from_middle[near] / width) ** 2) / 2)
        place += generator.normal(1 / rate, 0.05 / rate)
    return wave


def steps(generator: np.random.Generator) -> Array:
    """Jumps of the electrode potential that die away within 0.1 to 5 s, each rising within up to 0.1 s."""
    wave = np.zeros(SAMPLES)
    for place in generator.uniform(-1.0, TIME[-1], generator.integers(1, 9)):
        after = np.maximum(TIME - place, 0.0)
        rise = 1 - np.exp(-after / between(generator, 1e-3, 0.1))
        height = generator.choice([-1.0, 1.0]) * generator.lognormal(0, 0.5)
        wave += height * rise * np.exp(-after / between(generator, 0.1, 5.0))
    return wave


def fast_band(generator: np.random.Generator) -> Array:
    """Muscle noise in a random band above 12 Hz, swelling and fading."""
    low = between(generator, 12.0, 60.0)
    noise = shaped(band(low, min(240.0, low * between(generator, 2.5, 8.0)), generator.uniform(1.0, 4.0)), generator)
    return noise * np.exp(generator.uniform(0, 1.2) * slowly(generator, int(generator.integers(4, 40))))


def mains(generator: np.random.Generator) -> Array:
    """Mains within 1 Hz of 50 or 60 Hz, with drawn harmonics, its strength drifting or jumping."""
    actual = generator.choice([50.0, 60.0]) + generator.normal(0, 0.3)
    heights = np.append(1.0, generator.uniform(0, 0.5, 3) * (generator.random(3) < 0.5))
    phases = generator.uniform(0, 2 * np.pi, 4)
    orders = np.arange(1, 5)
    waves = np.sin(2 * np.pi * orders[:, None] * actual * TIME + phases[:, None])
    return np.asarray((heights[:, None] * waves).sum(axis=0) * np.exp(generator.uniform(0, 0.5) * slowly(generator, 5)))


def impulses(generator: np.random.Generator) -> Array:
    """1 to 14 spikes, 2 to 40 ms wide: triangles, both signs, or rings that die away."""
    wave = np.zeros(SAMPLES)
    shape, typical = generator.integers(3), between(generator, 0.002, 0.02)
    for place in generator.integers(10, SAMPLES - 110, generator.integers(1, 15)):
        width = max(1, round(typical * generator.uniform(0.5, 2.0) * FREQUENCY))
        taps = np.bartlett(width + 2)[1:-1]
        if shape == 1:
            taps = np.append(taps, -generator.uniform(0.2, 1.0) * taps)
        elif shape == 2:
            times = np.arange(4 * width)
            taps = np.exp(-times / width) * np.cos(times * generator.uniform(0.3, 2.0))
        wave[place : place + len(taps)] += generator.choice([-1, 1]) * generator.uniform(0.5, 1.5) * taps
    return wave


def coloured(generator: np.random.Generator) -> Array:
    """Broadband noise, flat or falling a little with frequency, up to a random corner."""
    falling = generator.uniform(0.0, 0.7)
    highest = between(generator, 60.0, 400.0)
    return shaped(np.maximum(FREQUENCIES, 0.3) ** -falling * band(1e-3, highest), generator)


MAKERS: Final[Mapping[str, Mapping[str, Maker]]] = {
    BASELINE_WANDER: {
        "baseline_wander": simulated(simulate.NoiseKind.BASELINE_WANDER),
        "wander": wander,
        "breathing": breathing,
    },
    ELECTRODE: {
        "electrode_steps": simulated(simulate.NoiseKind.ELECTRODE_STEPS),
        "motion_bursts": simulated(simulate.NoiseKind.MOTION_BURSTS),
        "slow_band": slow_band,
        "swings": swings,
        "running": running,
        "steps": steps,
    },
    MUSCLE: {"muscle": simulated(simulate.NoiseKind.MUSCLE), "fast_band": fast_band},
    MAINS: {
        "mains_50": simulated(simulate.NoiseKind.MAINS_50),
        "mains_60": simulated(simulate.NoiseKind.MAINS_60),
        "mains": mains,
    },
    SPIKE: {"impulses": impulses},
    BROADBAND: {"white": simulated(simulate.NoiseKind.WHITE), "coloured": coloured},
}
RECORDED_SHARE: Final = {BASELINE_WANDER: 0.4, ELECTRODE: 0.3, MUSCLE: 0.5}


@dataclass(frozen=True)
class Noises:
    """Where noise comes from.

    recordings: recorded noise by kind, each (channels, samples) at 500 Hz and of 10 s or more. without: makers, by
    name, that are left out, and ``recorded ...`` for the recordings of a kind; to learn what a kind costs that is not
    in training.
    """

    recordings: Mapping[str, Sequence[NDArray[np.float32]]] = field(default_factory=dict)
    without: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        names = {kind: [name for name in MAKERS[kind] if name not in self.without] for kind in KINDS}
        object.__setattr__(self, "_makers", names)

    def draw(self, kind: str, generator: np.random.Generator) -> Array | None:
        """Noise of a kind, (samples,), mean 0 and power 1; None where all that makes it is left out."""
        recordings = [] if f"{RECORDED} {kind}" in self.without else self.recordings.get(kind, ())
        names: list[str] = getattr(self, "_makers")[kind]  # noqa: B009 - not a field
        if recordings and (not names or generator.random() < RECORDED_SHARE.get(kind, 0.5)):
            wave = cut(recordings[int(generator.integers(len(recordings)))], generator)
        elif names:
            wave = MAKERS[kind][names[generator.integers(len(names))]](generator)
        else:
            return None
        return normalised(limited(wave, generator))


def cut(recording: NDArray[np.float32], generator: np.random.Generator) -> Array:
    """10 s of a channel of recorded noise, (samples,)."""
    start = int(generator.integers(recording.shape[1] - SAMPLES + 1))
    wave = recording[generator.integers(len(recording)), start : start + SAMPLES].astype(np.float64)
    return np.asarray(wave * generator.choice([-1.0, 1.0]))


def limited(wave: Array, generator: np.random.Generator) -> Array:
    """The noise, or a burst of it: three of ten last from 0.3 s to all of the 10 s."""
    centred: Array = wave - wave.mean()
    if generator.random() >= 0.3:
        return centred
    length = round(between(generator, SHORTEST_BURST, SAMPLES))
    start = int(generator.integers(SAMPLES - length + 1))
    burst = np.zeros(SAMPLES)
    piece = centred[start : start + length]
    burst[start : start + length] = piece - piece.mean()
    return burst


def normalised(wave: Array) -> Array:
    """The noise with mean 0 and power 1."""
    centred = wave - wave.mean()
    power = float(np.mean(centred**2))
    return np.asarray(centred / np.sqrt(power) if power > 0 else centred)
