"""Superlets: the published numbers, and the physics that any superlet must obey."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgnoise.scalogram.profile import (
    COLUMNS,
    DEFAULT,
    PAPER,
    PROFILES,
    from_network,
    qrs_level,
    relative_levels,
    to_image,
    to_levels,
    to_network,
    valid_rows,
)
from ecgnoise.scalogram.superlet import segment_samples, superlet
from ecgnoise.simulate import simulate_ecg


def tone(frequency, rate, phase=0.3):
    time = (np.arange(segment_samples(rate)) + 0.5) / rate
    return np.sin(2 * np.pi * frequency * time + phase).astype(np.float32)[None]


def middle(levels):
    return levels[0][:, 64:192]


@pytest.mark.parametrize("rate", [500, 360, 250])
def test_paper_levels_equal_the_published_ones(reference, rate):
    """Golden: ``upstream_scalogram.npz``, made by the published program, commit 04f0efb."""
    golden = np.load(reference / "upstream_scalogram.npz")
    levels = superlet(PAPER, rate)(golden[f"signal_{rate}"][None])
    published = golden[f"scalogram_{rate}"]
    assert np.median(np.abs(levels[0][::-1] - published)) < 1e-3
    image = to_image(levels, PAPER)[0]
    published_image = np.round((np.clip(published, -8, 0) + 8) / 8 * 255)
    assert np.mean(image != published_image) <= 0.03
    assert np.abs(image - published_image).max() <= 2


def test_paper_image_and_network_input_equal_the_published_ones(reference):
    """Golden: ``upstream_scalogram.npz``."""
    golden = np.load(reference / "upstream_scalogram.npz")
    levels = golden["scalogram_500"][::-1][None]
    image = to_image(levels, PAPER)
    assert np.array_equal(image[0], golden["image_discretized"])
    assert np.abs(to_network(image)[0] - golden["model_input_discretized"]).max() < 1e-6


def images(levels, profile):
    reference = qrs_level(levels, profile)
    return to_image(relative_levels(levels, reference, profile.floor) if profile.relative else levels, profile)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_numpy_and_torch_agree(profile):
    signal = simulate_ecg(10, 250, seed=3).signal[:3]
    image = images(superlet(profile, 250)(signal), profile)
    twin = images(superlet(profile, 250)(torch.from_numpy(signal)), profile)
    assert image.shape == (3, profile.rows, COLUMNS)
    assert np.abs(image - twin.numpy()).max() <= (1 if profile.discretize else 0.05)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
@pytest.mark.parametrize("row", [8, 20, 28])
def test_a_tone_is_strongest_in_its_own_row(profile, row):
    levels = middle(superlet(profile, 500)(tone(profile.frequencies[row], 500)))
    assert np.all(levels.argmax(axis=0) == row)


def test_a_tone_of_one_millivolt_has_level_zero():
    """Folded superlets are analytic: a unit tone has power 1 at its own frequency."""
    frequency = DEFAULT.frequencies[25]
    levels = middle(superlet(DEFAULT, 500)(tone(frequency, 500)))
    assert np.abs(levels[25]).max() < 0.01


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_levels_follow_gain(profile):
    signal = simulate_ecg(10, 500, seed=1).signal[:1]
    transform = superlet(profile, 500)
    rise = middle(transform(signal * 10)) - middle(transform(signal))
    audible = middle(transform(signal)) > -5
    assert np.abs(rise - 2)[audible].max() < 0.01


def test_levels_do_not_depend_on_the_sampling_frequency():
    """Same tones, 250 to 2000 Hz: the same levels where they are not silent."""
    frequencies = (1.1, 9.0, 31.0)
    levels = [
        middle(superlet(DEFAULT, rate)(sum(tone(frequency, rate) for frequency in frequencies)))
        for rate in (250, 360, 500, 2000)
    ]
    valid = valid_rows(DEFAULT, 250)[::-1]
    loud = (levels[0] > -3) & valid[:, None]
    assert loud.sum() > 1000
    for other in levels[1:]:
        assert np.quantile(np.abs(other - levels[0])[loud], 0.99) < 0.05


def test_time_is_where_the_column_says():
    signal = np.zeros((1, 5000), np.float32)
    signal[0, 1250] = 1.0
    levels = superlet(DEFAULT, 500)(signal)
    assert abs(int(levels[0, 35].argmax()) - 63.5) <= 1


@settings(max_examples=8, deadline=None)
@given(rate=st.floats(100, 2100), batch=st.integers(1, 5), profile=st.sampled_from(list(PROFILES.values())))
def test_any_rate_and_batch_gives_finite_levels(rate, batch, profile):
    generator = np.random.default_rng(0)
    signal = generator.normal(size=(batch, segment_samples(rate))).astype(np.float32)
    levels = superlet(profile, rate)(signal)
    assert levels.shape == (batch, profile.rows, COLUMNS)
    assert np.isfinite(levels).all()
    alone = superlet(profile, rate)(signal[-1:])
    assert np.abs(alone - levels[-1:]).max() < 1e-3


@pytest.mark.parametrize("scale", [1e-30, 1e-4, 1e4, 1e30])
def test_relative_images_do_not_depend_on_gain(scale):
    signal = simulate_ecg(10, 500, seed=1).signal[:1]
    transform = superlet(DEFAULT, 500)

    def image(values):
        return images(transform(values.astype(np.float32)), DEFAULT)

    assert np.abs(image(signal * scale) - image(signal)).max() < 0.05


def test_images_keep_their_levels():
    levels = np.linspace(-4, 1.2, 40 * COLUMNS).reshape(1, 40, COLUMNS)
    image = to_image(levels, DEFAULT)
    assert image.min() == 0
    assert image.max() == 255
    assert image[0, 0].mean() > image[0, -1].mean()
    assert np.abs(to_levels(image, DEFAULT) - levels).max() < 1e-6


def test_network_output_is_rounded_as_published():
    """``floor(clip((y + 1) * 127.5 + 0.5, 0, 255))``."""
    values = np.array([-2.0, -1.0, 0.0, 0.004, 1.0, 2.0])
    assert from_network(values, PAPER).tolist() == [0, 0, 128, 128, 255, 255]
    assert from_network(values, DEFAULT).tolist() == pytest.approx([0, 0, 127.5, 128.01, 255, 255])


def test_rows_above_the_sampling_frequency_are_invalid():
    valid = valid_rows(DEFAULT, 100)
    frequencies = np.array(DEFAULT.frequencies)[::-1]
    assert frequencies[valid].max() <= 40
    assert frequencies[~valid].min() > 40
    assert valid_rows(DEFAULT, 500).all()
    assert valid_rows(PAPER, 100).all()
