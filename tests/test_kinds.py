"""The kind of noise: by hand, on simulated recordings, and whatever the strength of the error."""

import json
from importlib.resources import files

import numpy as np
import pytest

import ecgnoise
from ecgnoise.kinds import DATA, EDGES, FEATURES, KindTeller, loudest_share
from ecgnoise.levels import BASELINE_WANDER, BROADBAND, ELECTRODE, KINDS, MAINS, MUSCLE, SPIKE
from ecgnoise.profiles import DEFAULT, PAPER, held_rows
from ecgnoise.simulate import NoiseKind, add_noise, simulate_ecg

FREQUENCIES = np.array(DEFAULT.frequencies)[::-1]
HELD = held_rows(DEFAULT, 500.0)
SHOULD_BE = {
    NoiseKind.BASELINE_WANDER: BASELINE_WANDER,
    NoiseKind.MUSCLE: MUSCLE,
    NoiseKind.MAINS_50: MAINS,
    NoiseKind.MAINS_60: MAINS,
    NoiseKind.MOTION_BURSTS: ELECTRODE,
    NoiseKind.WHITE: BROADBAND,
}


def band(low, high):
    return ((low <= FREQUENCIES) & (high > FREQUENCIES))[:, None]


def pictures():
    """For each kind a dark picture with its error, (rows, columns), by hand."""
    time = np.arange(256)[None, :]
    swelling = 0.2 + 0.8 * np.sin(np.pi * time / 256) ** 4
    return {
        BASELINE_WANDER: 100.0 * band(0, 0.6) * np.ones_like(time),
        ELECTRODE: 100.0 * band(0.5, 25) * ((time > 100) & (time < 120)),
        MUSCLE: 100.0 * band(28, 160) * swelling,
        MAINS: 100.0 * band(43, 64) * np.ones_like(time),
        SPIKE: 100.0 * band(12, 160) * ((time > 100) & (time < 104)),
        BROADBAND: 100.0 * band(20, 160) * np.ones_like(time),
    }


@pytest.mark.parametrize("strength", [0.4, 1.0, 2.0])
@pytest.mark.parametrize("kind", KINDS)
def test_by_hand(kind, strength):
    """Faint, clear and bright."""
    error = pictures()[kind].astype(np.float32)[None] * np.float32(strength)
    kinds, share = KindTeller(DEFAULT).tell(error, np.zeros_like(error), HELD)
    assert kinds.tolist() == [kind]
    assert 0.5 <= share[0] <= 1.0


def test_the_weight_of_the_error_does_not_matter():
    """A model that counts the same error ten times as much tells the same kind with the same share."""
    generator = np.random.default_rng(0)
    images = generator.uniform(100, 200, (20, DEFAULT.rows, 256)).astype(np.float32)
    error = generator.gamma(0.3, 10.0, images.shape).astype(np.float32)
    teller = KindTeller(DEFAULT)
    kinds, shares = teller.tell(images, images - error, HELD)
    more, same = teller.tell(images, images - 3 * error, HELD)
    assert kinds.tolist() == more.tolist()
    np.testing.assert_allclose(shares, same, rtol=1e-3)


def test_what_was_fitted_is_of_these_features():
    images = np.random.default_rng(2).uniform(0, 255, (3, DEFAULT.rows, 256)).astype(np.float32)
    features = KindTeller(DEFAULT).features(images, images * 0.9, HELD)
    assert features.shape == (3, len(FEATURES))
    np.testing.assert_allclose(features[:, : len(EDGES) - 1].sum(axis=1), 1.0)
    fitted = json.loads(files("ecgnoise").joinpath(DATA).read_text(encoding="utf-8"))
    assert list(fitted["weights"]) == list(fitted["offsets"]) == list(KINDS)
    assert {len(weights) for weights in fitted["weights"].values()} == {len(FEATURES)}


def test_nothing_to_tell():
    images = np.full((2, DEFAULT.rows, 256), 50.0, np.float32)
    kinds, shares = KindTeller(DEFAULT).tell(images, images, HELD)
    assert kinds.tolist() == ["", ""]
    assert np.isnan(shares).all()
    assert KindTeller(PAPER).tell(images[:, :32], images[:, :32] - 1, np.ones(32, bool))[0].tolist() == ["", ""]
    assert loudest_share(np.zeros((1, 4, 256))).tolist() == [0.0]


@pytest.mark.parametrize("frequency", [100.0, 125.0, 200.0, 1000.0])
def test_any_rate_has_an_answer(frequency):
    images = np.random.default_rng(1).uniform(0, 255, (3, DEFAULT.rows, 256)).astype(np.float32)
    kinds, _ = KindTeller(DEFAULT).tell(images, images * 0.9, held_rows(DEFAULT, frequency))
    assert set(kinds.tolist()) <= set(KINDS)


@pytest.mark.parametrize("kind", SHOULD_BE)
def test_bundled_model_on_simulated_recordings(kind):
    noisy = add_noise(simulate_ecg(60, seed=4, lead_names=["I", "II", "V1", "V5"]), kind, -3.0, seed=3)
    result = ecgnoise.quantify(noisy)
    assert (result.noise_kind == SHOULD_BE[kind]).mean() >= 0.75
    assert (result.noise_share > 0.3).all()


def test_without_a_score_there_is_no_kind(tiny_model):
    signal = simulate_ecg(20, 250, lead_names=["I", "II"]).signal.copy()
    signal[1, 1000:2000] = np.nan
    result = ecgnoise.quantify(signal, 250, model=tiny_model)
    assert result.noise_kind[1, 0] == ""
    assert np.isnan(result.noise_share[1, 0])
    assert result.noise_kind[0, 0] in KINDS
    assert 0 <= result.noise_share[0, 0] <= 1
