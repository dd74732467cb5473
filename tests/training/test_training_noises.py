"""Noise to train with: power 1, of its kind, and a function of the generator alone."""

import numpy as np
import pytest

from ecgnoise.noise_levels import BASELINE_WANDER, BROADBAND, ELECTRODE, KINDS, MAINS, MUSCLE
from ecgnoise.training.levels.noises import (
    FREQUENCIES,
    MAKERS,
    RECORDED,
    SAMPLES,
    SHORTEST_BURST,
    Noises,
    limited,
    normalised,
)

ALL = [(kind, name) for kind in KINDS for name in MAKERS[kind]]


def drawn(kind, name, seed=0):
    """One draw of a maker."""
    return normalised(MAKERS[kind][name](np.random.default_rng(seed)))


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_each_maker_has_power_one_and_depends_on_its_generator_alone(kind, name):
    for seed in range(5):
        wave = drawn(kind, name, seed)
        assert wave.shape == (SAMPLES,)
        assert wave.mean() == pytest.approx(0, abs=1e-9)
        assert wave.var() == pytest.approx(1)
        np.testing.assert_array_equal(wave, drawn(kind, name, seed))
    assert not np.allclose(drawn(kind, name, 0), drawn(kind, name, 1))


def share(wave, low, high):
    """The share of power between two frequencies in Hz."""
    power = np.abs(np.fft.rfft(wave)) ** 2
    return power[(low <= FREQUENCIES) & (high > FREQUENCIES)].sum() / power.sum()


@pytest.mark.parametrize(
    ("kind", "low", "high", "least"),
    [(BASELINE_WANDER, 0, 1.5, 0.9), (ELECTRODE, 0, 30, 0.8), (MUSCLE, 8, 250, 0.9), (MAINS, 45, 250, 0.9),
     (BROADBAND, 5, 250, 0.5)],
)  # fmt: skip
def test_each_kind_lies_where_it_belongs(kind, low, high, least):
    for name in MAKERS[kind]:
        shares = [share(drawn(kind, name, seed), low, high) for seed in range(12)]
        assert np.median(shares) >= least, name


def test_bursts_are_silent_outside():
    lengths = []
    for seed in range(200):
        burst = limited(np.random.default_rng(seed).normal(size=SAMPLES), np.random.default_rng(seed + 1000))
        lengths.append(np.count_nonzero(burst))
    short = [length for length in lengths if length < SAMPLES]
    assert 0.15 < len(short) / len(lengths) < 0.4
    assert min(short) >= SHORTEST_BURST - 1


def test_recordings_are_drawn_beside_makers_and_can_be_left_out():
    recording = np.zeros((1, 2 * SAMPLES), np.float32)
    recording[0, ::7] = 1.0
    generator = np.random.default_rng(0)
    only = Noises({MUSCLE: [recording]}, frozenset(MAKERS[MUSCLE]))
    for _ in range(5):
        wave = only.draw(MUSCLE, generator)
        assert len(np.unique(np.round(wave, 6))) <= 3
    without = frozenset({*MAKERS[MUSCLE], f"{RECORDED} {MUSCLE}"})
    assert Noises({MUSCLE: [recording]}, without).draw(MUSCLE, generator) is None
