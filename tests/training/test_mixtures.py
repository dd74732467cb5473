"""Mixtures of clean leads and noise: what is said to be known of them is what was added."""

import numpy as np
import pytest

from ecgnoise import simulate_ecg
from ecgnoise.noise_levels import BASELINE_WANDER, KINDS, SPANS, total
from ecgnoise.scalogram.profile import COLUMNS, DEFAULT
from ecgnoise.scalogram.traces import TRACES
from ecgnoise.training.levels.mixtures import (
    BATCH,
    FAST,
    SLOW,
    SMOOTHED,
    SNR_RANGE,
    CleanLeads,
    Mixer,
    Mixture,
    as_read,
    drift_of,
    drift_of_another,
    fast_power,
    rails,
    resampled,
    snr_of,
    targets_of,
)
from ecgnoise.training.levels.noises import SAMPLES, Noises

RATE = 500.0


@pytest.fixture(scope="module")
def leads():
    """Clean leads that wander a little."""
    signal = np.concatenate([simulate_ecg(10, RATE, seed=seed).signal for seed in range(2)])
    times = np.arange(SAMPLES) / RATE
    wander = 0.05 * np.sin(2 * np.pi * 0.2 * times + np.arange(len(signal))[:, None])
    return CleanLeads.of((signal + wander).astype(np.float32), np.ones(len(signal)))


@pytest.fixture(scope="module")
def mixtures(leads):
    """Two batches."""
    return Mixer(leads, Noises()).mixtures(2, np.random.default_rng(1))


def test_shapes_and_ends(mixtures):
    count = 2 * BATCH
    assert mixtures.images.shape == (count, DEFAULT.rows, COLUMNS)
    assert mixtures.traces.shape == (count, TRACES, COLUMNS)
    assert mixtures.spans.shape == (count, 2, len(KINDS) + 1, SPANS)
    for name in ("spans", "noise", "ecg", "snr"):
        low, high = np.moveaxis(getattr(mixtures, name).astype(np.float64), 1, 0)
        assert (low <= high).all(), name
        assert np.isfinite(low).all(), name


def test_the_same_generator_draws_the_same(leads, mixtures):
    again = Mixer(leads, Noises()).mixtures(2, np.random.default_rng(1))
    for one, other in zip(mixtures, again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", range(len(KINDS)))
@pytest.mark.parametrize("snr", [20.0, 0.0, -10.0])
def test_targets_are_what_was_added(kind, snr):
    """Of noise of one kind: its level over the reference, the SNR from levels, and a floor for all others."""
    ecg = simulate_ecg(10, RATE, seed=5, lead_names=["II"]).signal[0].astype(np.float64)
    ecg = ecg - ecg.mean()
    noise = Noises().draw(KINDS[kind], np.random.default_rng(kind))
    noises = np.zeros((len(KINDS), SAMPLES))
    noises[kind] = noise * ecg.std() / 10 ** (snr / 20)
    mixture = Mixture(ecg + noises.sum(axis=0), ecg, noises, (snr, snr), np.zeros(len(KINDS)))
    assert snr_of(ecg, noises) == pytest.approx(snr, abs=1e-6)
    spans, whole, seen = targets_of(mixture, -10.0)
    level = 10 * np.log10(noises[kind].var()) + 10.0
    assert whole[:, kind] == pytest.approx([level, level], abs=1e-6)
    assert seen[0] - whole[0, kind] == pytest.approx(snr, abs=1e-6)
    others = [place for place in range(len(KINDS)) if place != kind]
    assert (whole[:, others] <= seen[0] - 44.9).all()
    centred = noises[kind] - np.median(noises[kind])
    expected = np.square(centred) @ SMOOTHED[SAMPLES]
    there = expected > 10 ** ((seen[0] - 10.0 - 44.0) / 10)
    np.testing.assert_allclose(10 ** ((spans[0, kind] - 10.0) / 10)[there], expected[there], rtol=1e-6)


def test_what_a_lead_had_before_opens_the_interval_upwards():
    ecg = simulate_ecg(10, RATE, seed=5, lead_names=["II"]).signal[0].astype(np.float64)
    own = np.zeros(len(KINDS))
    own[list(FAST)] = 0.01 * ecg.var()
    noises = np.zeros((len(KINDS), SAMPLES))
    _, whole, _ = targets_of(Mixture(ecg, ecg, noises, (20.0, 36.0), own), 0.0)
    for kind in range(len(KINDS)):
        low, high = whole[:, kind]
        assert (high > low + 20) == (kind in FAST)


def test_an_ecg_that_cannot_be_seen_is_only_known_to_be_weak():
    noises = np.zeros((len(KINDS), SAMPLES))
    noises[0] = np.random.default_rng(0).normal(size=SAMPLES)
    silent = Mixture(noises[0], np.zeros(SAMPLES), noises, (-20.0, -20.0), np.zeros(len(KINDS)))
    low, high = targets_of(silent, 0.0)[2]
    assert low < -90
    assert high == -30


def test_drift_is_below_half_a_hertz(leads):
    times = np.arange(SAMPLES) / RATE
    slow, fast = np.sin(2 * np.pi * 0.1 * times), np.sin(2 * np.pi * 5 * times)
    found = drift_of(np.stack([slow, fast]).astype(np.float32))
    middle = slice(1000, -1000)
    assert np.abs(found[0, middle] - slow[middle]).max() < 0.15
    assert np.abs(found[1, middle]).max() < 0.02
    assert (leads.drift.var(axis=1) < leads.signal.var(axis=1)).all()


def test_fast_power_is_that_of_the_quiet_part():
    generator = np.random.default_rng(0)
    noise = np.tile(generator.normal(size=SAMPLES), (2, 1)).astype(np.float32)
    noise[1, :1000] *= 30
    quiet, burst = fast_power(0.1 * noise)
    assert quiet == pytest.approx(0.01 * (1 - 40 / 250), rel=0.35)
    assert burst == pytest.approx(quiet, rel=0.2)


def test_wander_is_not_read_and_beats_are():
    times = np.arange(SAMPLES) / RATE
    assert as_read(np.sin(2 * np.pi * 0.1 * times), RATE).std() < 0.03
    assert as_read(np.sin(2 * np.pi * 10 * times), RATE).std() == pytest.approx(np.sqrt(0.5), rel=0.01)


def test_rails_cut_off_and_keep_the_rest():
    signal = np.random.default_rng(1).normal(size=SAMPLES)
    for seed in range(20):
        railed = rails(signal, np.random.default_rng(seed))
        kept = np.isclose(railed, signal)
        assert 0.4 < kept.mean() < 1
        assert (np.abs(railed[~kept] - np.median(signal)) <= np.abs(signal[~kept] - np.median(signal)) + 0.1).all()


@pytest.mark.parametrize("frequency", [100, 128, 250, 360, 1000])
def test_resampling_keeps_ten_seconds_and_slow_waves(frequency):
    times = np.arange(SAMPLES) / RATE
    found = resampled(np.sin(2 * np.pi * 2 * times)[None], frequency)[0]
    expected = np.sin(2 * np.pi * 2 * np.arange(10 * frequency) / frequency)
    assert len(found) == 10 * frequency
    assert np.abs(found - expected)[frequency:-frequency].max() < 0.01


def test_own_drift_counts_as_baseline_wander(leads):
    assert KINDS[SLOW] == BASELINE_WANDER
    found = Mixer(leads, Noises()).mixtures(4, np.random.default_rng(3))
    wander = found.noise[:, 0, SLOW].astype(np.float64) - found.ecg[:, 0]
    assert (np.abs(wander) < 30).mean() > 0.3


def test_the_snr_is_that_of_what_filters_and_sampling_leave_of_the_noise(leads):
    still = CleanLeads(leads.signal - leads.drift, np.zeros_like(leads.drift), np.zeros(len(leads.fast)), leads.weight)
    found = Mixer(still, Noises()).mixtures(12, np.random.default_rng(5))
    noise, ecg, snr = (values.astype(np.float64) for values in (found.noise[:, 0], found.ecg[:, 0], found.snr))
    of_levels = ecg - total(noise[:, : len(KINDS)])
    known = (snr[:, 0] == snr[:, 1]) & (snr[:, 0] > SNR_RANGE[0]) & (snr[:, 0] < SNR_RANGE[1])
    assert known.sum() > 150
    assert (np.abs(of_levels - snr[:, 0])[known] < 1.0).mean() > 0.9


def test_drift_of_another_lead_is_as_strong_over_the_ecg(leads):
    generator = np.random.default_rng(2)
    shares = (leads.drift.std(axis=1) / (leads.signal - leads.drift).std(axis=1)).tolist()
    found = np.array([drift_of_another(leads, 0.7, generator) for _ in range(40)])
    assert all(min(abs(drift.std() / 0.7 / share - 1) for share in shares) < 1e-3 for drift in found)
    assert (found[:, 0] * found[0, 0] < 0).any()  # upside down
    assert len({round(float(abs(drift[0] / drift.std())), 3) for drift in found}) > len(leads.signal)  # backwards
