"""The kind of noise that the bundled model names on simulated recordings."""

import numpy as np
import pytest

import ecgnoise
from ecgnoise.noise_levels import BASELINE_WANDER, BROADBAND, ELECTRODE, MAINS, MUSCLE
from ecgnoise.simulate import NoiseKind, add_noise, simulate_ecg

SHOULD_BE = {
    NoiseKind.BASELINE_WANDER: BASELINE_WANDER,
    NoiseKind.MUSCLE: MUSCLE,
    NoiseKind.MAINS_50: MAINS,
    NoiseKind.MAINS_60: MAINS,
    NoiseKind.MOTION_BURSTS: ELECTRODE,
    NoiseKind.WHITE: BROADBAND,
}


@pytest.mark.parametrize("kind", SHOULD_BE)
def test_bundled_model_on_simulated_recordings(kind):
    noisy = add_noise(simulate_ecg(60, seed=4, lead_names=["I", "II", "V1", "V5"]), kind, -3.0, seed=3)
    result = ecgnoise.quantify(noisy)
    assert (result.noise_kind == SHOULD_BE[kind]).mean() >= 0.75
    there_is_noise = result.estimated_snr[..., 0] < 25.0  # a segment between two bursts has none
    assert there_is_noise.mean() >= 0.75
    assert (result.noise_share > 0.3)[there_is_noise].all()


def test_without_a_score_there_is_no_kind():
    signal = simulate_ecg(20, 250, lead_names=["I", "II"]).signal.copy()
    signal[1, 1000:2000] = np.nan
    result = ecgnoise.quantify(signal, 250)
    assert result.noise_kind[1, 0] == ""
    assert np.isnan(result.noise_share[1, 0])
    assert result.noise_kind[0, 0] != ""
    assert 0 <= result.noise_share[0, 0] <= 1


def test_a_model_without_noise_levels_names_no_kind(tiny_model):
    result = ecgnoise.quantify(simulate_ecg(20, 250, lead_names=["I"]), model=tiny_model)
    assert (result.noise_kind == "").all()
    assert np.isnan(result.noise_share).all()
