"""Recordings and simulated signals for the choice of how beats agree: development data only.

Each function gives signals of 10 s, (n, samples), and their sampling frequency in Hz.
"""

import csv
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, find_peaks, sosfiltfilt

from benchmarks import datasets
from benchmarks.quality.noises import RATE, RECORDED, add, recorded, spikes, stretch
from ecgnoise import read
from ecgnoise.segments import find_fault
from ecgnoise.simulate import NoiseKind, noise

Array = NDArray[np.float64]
Material = tuple[NDArray[np.float32], float]

SECONDS = 10
SAMPLES = SECONDS * RATE
TIME = np.arange(SAMPLES) / RATE
DEVELOPMENT_PART = (0.0, 0.5)
SETTLED_SECONDS = 3  # of hand-held recordings


def ptbxl(count: int, folds: Iterable[int] = range(1, 10)) -> Material:
    """Clean leads of PTB-XL."""
    within = set(folds)
    return spread(
        ((record.path, sorted(record.labels["clean"])) for record in datasets.ptbxl() if record.fold in within), count
    )


def ludb(count: int) -> Material:
    """Leads of LUDB."""
    return spread(((path, list(range(12))) for path in datasets.ludb()), count)


def spread(records: Iterable[tuple[Path, list[int]]], count: int) -> Material:
    """Leads without a fault, the next of each record in turn so that all leads come."""
    records = [record for record in records if record[1]]
    each = math.ceil(count / len(records))
    leads: list[NDArray[np.float32]] = []
    for number, (path, wanted) in enumerate(records):
        signal = read(path).signal[:, :SAMPLES]
        chosen = [wanted[(number + 5 * turn) % len(wanted)] for turn in range(min(each, len(wanted)))]
        leads += [signal[lead] for lead in chosen if not find_fault(signal[lead], RATE)[0]]
    return np.array(leads[:count]), RATE


def hand_held(count: int, label: str = "", tag: str = "") -> Material:
    """Ten seconds of hand-held recordings with a label (N, A or O) and a tag, where they are given."""
    folder = datasets.data_folder() / "train-hand-held"
    rows = [row for row in table(folder / "challenge-2017-train-labels.csv") if float(row["dur"]) >= 13.1]
    rows = [row for row in rows if label in row["label"] and tag in row["tags"]]
    leads = []
    for row in rows[:: max(1, len(rows) // count)][:count]:
        signal = read(folder / "challenge-2017-train" / f"{row['record']}.hea").signal[0]
        leads.append(signal[SETTLED_SECONDS * 300 : (SETTLED_SECONDS + SECONDS) * 300])
    return np.array(leads), 300.0


def rhythms(count: int, tag: str) -> Iterator[Material]:
    """Ten seconds of leads with a tag that passed the strict screen or look paced, for each sampling frequency."""
    folder = datasets.data_folder() / "train-rhythms"
    rows = [row for row in table(folder / "train-rhythms.csv") if tag in row["tags"]]
    rows = [row for row in rows if row["strict"] == "1" or "paced-looking" in row["tags"]]
    found: dict[float, list[NDArray[np.float32]]] = {}
    for row in rows[:: max(1, len(rows) // count)][:count]:
        recording = read(folder / f"{row['record']}.hea")
        rate = recording.sampling_frequency
        signal = recording.signal[int(row["lead"]), : round(SECONDS * rate)]
        if len(signal) == round(SECONDS * rate) and np.isfinite(signal).all() and not find_fault(signal, rate)[0]:
            found.setdefault(rate, []).append(signal)
    for rate, leads in found.items():
        yield np.array(leads), rate


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def hearts(
    count: int, rate: float, *, kind: str = "", height: float = 1.0, tall_t: float = 0.25, seed: int = 0
) -> Material:
    """Simulated leads: beats of three bumps and a T, 4 uV of fine noise.

    kind: empty, ``bigeminy`` (every other beat early, wide and inverted), ``alternans`` (every other beat of half the
    height), ``paced`` (a spike before a wide beat).
    """
    rows = np.empty((count, SAMPLES))
    for index in range(count):
        generator = np.random.default_rng((seed, index))
        rows[index] = 0.004 * generator.standard_normal(SAMPLES)
        heights = (generator.uniform(-0.3, 0.1), 1.0, generator.uniform(-0.6, 0.0), tall_t)
        sign = generator.choice([-1.0, 1.0])
        period = 60.0 / rate
        for number in range(-1, int(SECONDS / period) + 2):
            place = period * (number + 0.5 + 0.02 * generator.standard_normal())
            odd = number % 2 == 1
            wide = 2.2 if kind == "paced" or (kind == "bigeminy" and odd) else 1.0
            size = sign * {"alternans": 0.5, "bigeminy": -1.2}.get(kind, 1.0) if odd else sign
            place -= 0.3 * period if kind == "bigeminy" and odd else 0.0
            rows[index] += height * size * beat(TIME - place, heights, period, wide)
            if kind == "paced":
                rows[index, (place - 0.06 <= TIME) & (place - 0.058 > TIME)] += 2.0
    return rows.astype(np.float32), RATE


def beat(after: Array, heights: tuple[float, float, float, float], period: float, wide: float) -> Array:
    """Q, R, S and T of these heights, (samples,), after so many seconds; wide: of the QRS, 1 is normal."""
    late = 0.26 * np.sqrt(min(1.0, period))
    waves = ((-0.03 * wide, 0.010 * wide), (0.0, 0.012 * wide), (0.03 * wide, 0.012 * wide))
    waves += ((late * np.sqrt(wide), 0.16 * late),)
    bumps = [
        high * np.exp(-(((after - place) / width) ** 2) / 2)
        for high, (place, width) in zip(heights, waves, strict=True)
    ]
    return np.sum(bumps, axis=0)


def noise_alone(count: int, kind: str, seed: int = 0) -> Material:
    """Noise of one kind, recorded or simulated, without any ECG."""
    if kind in RECORDED:
        whole = recorded(kind, DEVELOPMENT_PART)
        return np.array([stretch(whole, index + 1000 * seed, SAMPLES) for index in range(count)]), RATE
    if kind == "spikes":
        return 2 * spikes(count, SAMPLES, seed + 5) + 0.01 * noise(NoiseKind.WHITE, (count, SAMPLES), RATE, 9), RATE
    return noise(NoiseKind(kind), (count, SAMPLES), RATE, seed + 3).astype(np.float32), RATE


def swings(count: int, lowest: float = 3.0, highest: float = 5.0, seed: int = 0) -> Material:
    """Repeated waves of 4 to 20 mV with up to four harmonics, their rate and size drifting, and 10 uV of fine noise."""
    rows = np.empty((count, SAMPLES))
    for index in range(count):
        generator = np.random.default_rng((seed, index))
        drift = np.interp(TIME, np.linspace(0, SECONDS, 12), generator.standard_normal(12))
        turns = np.cumsum(generator.uniform(lowest, highest) * (1 + 0.1 * drift)) / RATE
        harmonics = range(1, generator.integers(2, 6))
        waves = sum(
            generator.standard_normal() / n**1.5 * np.sin(2 * np.pi * (n * turns + generator.random()))
            for n in harmonics
        )
        waves = waves * np.exp(0.3 * np.interp(TIME, np.linspace(0, SECONDS, 9), generator.standard_normal(9)))
        size = generator.uniform(2, 10) / np.abs(waves).max()
        rows[index] = size * waves + 0.01 * generator.standard_normal(SAMPLES)
    return rows.astype(np.float32), RATE


def steps(count: int, strides: tuple[float, float] = (1.4, 3.0), most: int = 3, seed: int = 0) -> Material:
    """A runner's noise: at each step some impulses of 0.1 to 0.3 s, each of a new shape, 1 to 15 Hz, about 1 high."""
    rows = np.zeros((count, SAMPLES))
    for index in range(count):
        generator = np.random.default_rng((seed, index))
        rate = generator.uniform(*strides)
        for number in range(int(SECONDS * rate)):
            for _ in range(generator.integers(1, most + 1)):
                width = int(generator.uniform(0.1, 0.3) * RATE)
                start = int((number / rate + generator.normal(0, 0.04)) * RATE) % (SAMPLES - width)
                rows[index, start : start + width] += impulse(width, generator)
        rows[index] += 0.01 * generator.standard_normal(SAMPLES)
    return rows.astype(np.float32), RATE


def impulse(width: int, generator: np.random.Generator) -> Array:
    """An impulse of a new shape, 1 to 15 Hz, 0.5 to 1.5 high, (width,)."""
    sections = butter(2, (1, 15), "bandpass", fs=RATE, output="sos")
    beside = RATE // 2
    shape = sosfiltfilt(sections, np.pad(generator.standard_normal(width), beside))[beside:-beside]
    return np.hanning(width) * shape / np.abs(shape).max() * generator.uniform(0.5, 1.5)


def running(leads: NDArray[np.float32], ratio: float, seed: int = 0) -> Material:
    """Leads with a runner's noise, ratio times as high as their beats, soft rails in half of them."""
    added, _ = steps(len(leads), seed=seed)
    centred = leads - np.median(leads, axis=1, keepdims=True)
    height = np.quantile(np.abs(centred), 0.995, axis=1, keepdims=True)
    noisy = centred / height + ratio * added
    railed = soft_rails(noisy, (0.90, 0.99), seed)
    return np.where(np.arange(len(leads))[:, None] % 2, noisy, railed).astype(np.float32), RATE


def soft_rails(leads: NDArray[np.floating], shares: tuple[float, float], seed: int = 0) -> NDArray[np.float32]:
    """Leads each bent at a rail below which a share of its samples in this range stays, with fine noise."""
    railed = np.empty(leads.shape, np.float32)
    for index, lead in enumerate(leads):
        generator = np.random.default_rng((seed, index, 7))
        rail = np.quantile(np.abs(lead), generator.uniform(*shares))
        bent = rail * np.tanh(2 * lead / rail)
        railed[index] = bent + 0.004 * rail * generator.standard_normal(len(lead))
    return railed


def recorded_on(leads: NDArray[np.float32], kind: str, snr: float, seed: int = 0) -> Material:
    """Leads with noise of one kind at an SNR in dB of variances."""
    return add(leads, noise_alone(len(leads), kind, seed)[0], snr), RATE


def motion() -> Iterator[tuple[str, Material]]:
    """Four leads each of a person standing, walking and jumping; 8 s, lengthened by reflection."""
    for activity, letter in (("standing", "s"), ("walking", "w"), ("jumping", "j")):
        paths = sorted((datasets.data_folder() / "motion-dev" / "macecgdb").glob(f"*{letter}.hea"))
        leads = np.concatenate([read(path).signal for path in paths])
        yield activity, (np.pad(leads, ((0, 0), (0, SAMPLES - leads.shape[1])), mode="symmetric"), RATE)


def difficult() -> Material:
    """Leads with difficult QRS."""
    return np.array([read(path).signal[0, :SAMPLES] for path in difficult_paths()]), RATE


def difficult_paths() -> list[Path]:
    """The records of :func:`difficult`."""
    return sorted((datasets.data_folder() / "cpsc2019-dev" / "cpsc2019").glob("*.hea"))


def found_beats() -> Array:
    """F1 of a plain detector against the reference in the leads of :func:`difficult`, within 150 ms."""
    import wfdb

    scores = []
    for path, lead in zip(difficult_paths(), difficult()[0], strict=True):
        beats = wfdb.rdann(str(path.with_suffix("")), "atr").sample
        found = detected(lead.astype(np.float64))
        hits = sum(bool(np.any(np.abs(found - beat) <= 0.15 * RATE)) for beat in beats)
        scores.append(2 * hits / (len(beats) + len(found)))
    return np.array(scores)


def detected(lead: Array) -> NDArray[np.int64]:
    """Sample numbers of peaks of the energy from 5 to 15 Hz, 0.25 s apart, of 0.4 of the usual height."""
    quick = sosfiltfilt(butter(2, (5, 15), "bandpass", fs=RATE, output="sos"), lead)
    width = round(0.12 * RATE)
    energy = np.sqrt(np.convolve(quick**2, np.ones(width) / width, "same"))
    usual = np.median(energy.reshape(5, -1).max(axis=1))
    return find_peaks(energy, height=0.4 * usual, distance=RATE // 4)[0]
