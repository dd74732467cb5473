"""Whether beats agree: hearts of all kinds do, noise does not, and nothing else matters."""

import numpy as np
import pytest
from benchmarks.beat_material import hearts, running, soft_rails, steps, swings

from ecgnoise.scalogram.profile import COLUMNS, DEFAULT, level_images, qrs_level, valid_rows
from ecgnoise.scalogram.superlet import superlet
from ecgnoise.scoring.beats import agreement, find_beats
from ecgnoise.simulate import NoiseKind, add_noise, noise, simulate_ecg

RATE = 500.0
WORST = 0.93  # of hearts without noise


def drawn(signal, rate=RATE):
    """Images of leads of 10 s, (n, samples), and the level that they are relative to."""
    levels = superlet(DEFAULT, rate)(np.asarray(signal, np.float32))
    reference = qrs_level(levels, DEFAULT)
    return level_images(levels, reference, DEFAULT), reference


def beats_of(signal, rate=RATE):
    return find_beats(drawn(signal, rate)[0], valid_rows(DEFAULT, rate), DEFAULT)


def agreed(signal, rate=RATE):
    return agreement(drawn(signal, rate)[0], valid_rows(DEFAULT, rate), DEFAULT)


def clean(rate=RATE, heart_rate=70.0, seed=3, seconds=10):
    """Twelve leads of an ECG with 5 uV of white noise."""
    ecg = simulate_ecg(seconds, rate, heart_rate=heart_rate, seed=seed).signal
    return ecg + 0.005 * noise(NoiseKind.WHITE, ecg.shape, rate, seed)


@pytest.mark.parametrize("heart_rate", [30, 40, 60, 100, 144, 180, 220])
def test_beats_agree_at_every_heart_rate(heart_rate):
    assert agreed(hearts(20, heart_rate, seed=heart_rate)[0]).min() > WORST


@pytest.mark.parametrize("kind", ["bigeminy", "alternans", "paced"])
@pytest.mark.parametrize("heart_rate", [45, 70, 100])
def test_beats_of_two_kinds_agree(kind, heart_rate):
    assert agreed(hearts(20, heart_rate, kind=kind)[0]).min() > WORST


def test_irregular_beats_agree():
    for seed in range(3):
        ecg = simulate_ecg(10, RATE, heart_rate=100, heart_rate_std=25, seed=seed).signal
        assert agreed(ecg + 0.005 * noise(NoiseKind.WHITE, ecg.shape, RATE)).min() > WORST


def test_low_voltage_is_no_lack_of_beats():
    assert agreed(hearts(20, 70, height=0.1)[0]).min() > WORST


@pytest.mark.parametrize(("heart_rate", "beats"), [(66, 11), (96, 16), (144, 24)])
def test_a_tall_t_wave_is_no_beat(heart_rate, beats):
    found = beats_of(hearts(20, heart_rate, tall_t=0.8)[0])
    assert np.abs((found.columns >= 0).sum(axis=1) - beats).max() <= 1
    assert found.agreement.min() > WORST


@pytest.mark.parametrize("kind", list(NoiseKind))
def test_noise_alone_does_not_agree(kind):
    alone = agreed(noise(kind, (60, 5000), RATE, 4))
    assert np.quantile(alone, 0.9) < 0.92
    assert np.median(alone) < 0.85


def test_waves_that_repeat_are_no_beats():
    assert np.quantile(agreed(swings(60)[0]), 0.95) < 0.9
    assert np.quantile(agreed(swings(60, 0.8, 3.0)[0]), 0.95) < 0.9


def test_what_a_runner_makes_is_no_beats():
    assert np.quantile(agreed(steps(60)[0]), 0.9) < WORST
    assert np.quantile(agreed(running(hearts(60, 150)[0], 1.5)[0]), 0.9) < WORST


def test_railed_noise_is_no_beats():
    railed = soft_rails(
        noise(NoiseKind.MOTION_BURSTS, (40, 5000), RATE) + noise(NoiseKind.MUSCLE, (40, 5000), RATE), (0.5, 0.8)
    )
    assert np.quantile(agreed(railed), 0.9) < WORST


@pytest.mark.parametrize("kind", [NoiseKind.WHITE, NoiseKind.MUSCLE])
def test_the_more_noise_the_less_agreement(kind):
    leads = np.concatenate([clean(seed=seed) for seed in range(4)])
    means = [agreed(add_noise(leads, kind, snr, sampling_frequency=RATE)).mean() for snr in (24, 6, 0, -6, -12, -18)]
    assert means == sorted(means, reverse=True)
    assert means[0] > 0.97
    assert means[-1] < 0.85


def test_drift_and_mains_do_not_matter():
    for kind in (NoiseKind.BASELINE_WANDER, NoiseKind.MAINS_50):
        assert agreed(add_noise(clean(), kind, -6, sampling_frequency=RATE)).min() > 0.9


@pytest.mark.parametrize("gain", [1e-3, 0.1, 10.0, 1e3])
def test_gain_does_not_matter(gain):
    assert np.allclose(agreed(gain * clean()), agreed(clean()), atol=1e-4)


def test_polarity_does_not_matter():
    assert np.allclose(agreed(-clean()), agreed(clean()), rtol=0, atol=1e-9)


def test_each_image_stands_alone():
    images, _ = drawn(np.concatenate([clean(), noise(NoiseKind.WHITE, (5, 5000), RATE)]))
    valid = valid_rows(DEFAULT, RATE)
    alone = np.concatenate([agreement(image[None], valid, DEFAULT) for image in images])
    assert np.array_equal(alone, agreement(images, valid, DEFAULT))


@pytest.mark.parametrize("kind", ["", "bigeminy", "paced"])
def test_where_the_segment_begins_hardly_matters(kind):
    leads = hearts(20, 75, kind=kind)[0]
    assert np.abs(agreed(np.roll(leads, 137, axis=1)) - agreed(leads)).max() < 0.03


@pytest.mark.parametrize("rate", [100.0, 128.0, 250.0, 360.0, 1000.0])
def test_the_sampling_frequency_hardly_matters(rate):
    assert np.abs(agreed(clean(rate), rate) - agreed(clean())).max() < 0.02


def test_nothing_has_no_beats():
    valid = valid_rows(DEFAULT, RATE)
    for grey in (0.0, 128.0, 255.0):
        assert agreement(np.full((2, DEFAULT.rows, COLUMNS), grey, np.float32), valid, DEFAULT).tolist() == [0.0, 0.0]
    assert agreement(np.zeros((0, DEFAULT.rows, COLUMNS), np.float32), valid, DEFAULT).shape == (0,)


def test_a_rate_that_holds_no_beats_has_none():
    images = drawn(clean())[0]
    found = find_beats(images, valid_rows(DEFAULT, 20.0), DEFAULT)
    assert not found.agreement.any()
    assert np.isnan(found.level).all()


def test_a_long_pause_lowers_it():
    leads = hearts(20, 70)[0]
    paused = leads.copy()
    paused[:, 2000:] = 0.004 * noise(NoiseKind.WHITE, (20, 3000), RATE)
    assert (agreed(leads) - agreed(paused)).min() > 0.2


def test_a_burst_neither_sets_the_level_nor_agrees():
    leads = hearts(20, 70)[0]
    burst = leads.copy()
    burst[:, 2000:3000] += 3.0 * noise(NoiseKind.MUSCLE, (20, 1000), RATE) + 3.0 * noise(
        NoiseKind.WHITE, (20, 1000), RATE
    )
    found, before = beats_of(burst), beats_of(leads)
    in_decibels = [beats.level + 10.0 * drawn(signal)[1] for beats, signal in ((found, burst), (before, leads))]
    assert np.abs(in_decibels[0] - in_decibels[1]).max() < 2.0
    within = (found.columns > 0.42 * COLUMNS) & (found.columns < 0.58 * COLUMNS)
    assert np.nanmean(found.each[within]) < np.nanmean(found.each[(found.columns >= 0) & ~within]) - 0.1
    assert found.agreement.min() > 0.9


def test_where_a_fault_is_no_beats_are_missed():
    signal = clean()[:2]
    signal[:, 2000:4500] = signal[:, 2000:2001]
    intact = np.ones((2, COLUMNS), np.bool_)
    intact[:, COLUMNS * 2000 // 5000 : COLUMNS * 4500 // 5000 + 1] = False
    images, valid = drawn(signal)[0], valid_rows(DEFAULT, RATE)
    told = agreement(images, valid, DEFAULT, intact)
    assert (told > WORST).all()
    assert (agreement(images, valid, DEFAULT) < told - 0.1).all()
