"""The simulated ECG has the shape, rhythm and amplitudes it promises, and each noise kind its band and power."""

import pickle

import numpy as np
import pytest
from scipy import signal as sps

from ecgnoise.errors import (
    EcgNoiseError,
    LeadNameError,
    OptionError,
    SamplingFrequencyError,
    UnknownSamplingFrequencyError,
)
from ecgnoise.recording import Recording
from ecgnoise.simulate import STANDARD_LEADS, NoiseKind, add_noise, beat_times, noise, simulate_ecg

KINDS = list(NoiseKind)
FS = 500.0


@pytest.fixture(scope="module")
def clean() -> Recording:
    return simulate_ecg(30, FS, seed=3)


def test_shape_names_and_units(clean):
    assert clean.signal.shape == (12, 15000)
    assert clean.signal.dtype == np.float32
    assert (clean.lead_names, clean.units) == (STANDARD_LEADS, "mV")
    assert np.isfinite(clean.signal).all()


def test_limb_leads_follow_from_i_and_ii(clean):
    i, ii, iii, avr, avl, avf = clean.signal[:6].astype(np.float64)
    np.testing.assert_allclose(i + iii, ii, atol=1e-6)
    np.testing.assert_allclose(avr, -(i + ii) / 2, atol=1e-6)
    np.testing.assert_allclose(avl, i - ii / 2, atol=1e-6)
    np.testing.assert_allclose(avf, ii - i / 2, atol=1e-6)


def test_amplitudes_and_r_progression(clean):
    top = dict(zip(STANDARD_LEADS, clean.signal.max(1), strict=True))
    bottom = dict(zip(STANDARD_LEADS, -clean.signal.min(1), strict=True))
    assert 0.8 < top["II"] + bottom["II"] < 1.5
    assert top["V1"] < top["V3"] < top["V4"] < top["V5"]
    ratio = [top[f"V{n}"] / bottom[f"V{n}"] for n in range(1, 6)]
    assert ratio[0] < 1 < ratio[4]
    assert np.all(np.diff(ratio) > 0)
    assert bottom["aVR"] > 2 * top["aVR"]


def test_waves_come_in_order_around_each_beat():
    ecg = simulate_ecg(12, 1000, heart_rate_std=0, seed=1, lead_names=["II"]).signal[0]
    beats = beat_times(12, heart_rate_std=0, seed=1)
    beats = beats[(beats > 1) & (beats < 11)]
    beat = np.mean([ecg[round(1000 * b) - 300 : round(1000 * b) + 500] for b in beats], axis=0)
    p, r, t = (int(np.argmax(beat[a:b])) + a for a, b in [(50, 230), (230, 370), (400, 800)])
    assert p == pytest.approx(300 - 167, abs=15)  # -60 degrees of a beat of 1 s
    assert r == pytest.approx(300, abs=5)
    assert t == pytest.approx(300 + 250, abs=30)  # 90 degrees
    assert beat[r] > 2 * beat[t] > 2 * beat[p] > 0


@pytest.mark.parametrize("rate", [40, 60, 150])
def test_heart_rate_and_its_spread(rate):
    intervals = np.diff(beat_times(600, heart_rate=rate, heart_rate_std=3, seed=5))
    assert 60 / intervals.mean() == pytest.approx(rate, rel=0.02)
    assert (60 / intervals).std() == pytest.approx(3, rel=0.25)


def test_tachogram_has_two_bands():
    beats = beat_times(2000, heart_rate=75, heart_rate_std=2, seed=2)
    even = np.interp(np.arange(0, 1990, 0.25), beats[1:], np.diff(beats))
    frequency, power = sps.welch(even - even.mean(), 4, nperseg=1024)

    def band(low: float, high: float) -> float:
        return float(power[(frequency >= low) & (frequency < high)].sum())

    low, high, total = band(0.06, 0.14), band(0.2, 0.3), band(0, 2)
    assert (low + high) / total > 0.9
    assert low / high == pytest.approx(0.5, rel=0.4)
    assert band(0.15, 0.2) < 0.05 * total


def test_r_amplitude_does_not_depend_on_heart_rate():
    heights = [simulate_ecg(10, heart_rate=rate, lead_names=["II"]).signal.max() for rate in (45, 60, 120)]
    np.testing.assert_allclose(heights, heights[1], rtol=0.2)


def test_same_seed_same_samples_another_seed_others():
    assert np.array_equal(simulate_ecg(5, seed=4).signal, simulate_ecg(5, seed=4).signal)
    assert not np.allclose(simulate_ecg(5, seed=4).signal, simulate_ecg(5, seed=5).signal, atol=0.1)


@pytest.mark.parametrize("rate", [250, 360, 1000, 2000, 40_000])
def test_same_ecg_at_every_sampling_frequency(rate):
    fine = simulate_ecg(10, 4000, seed=6, lead_names=["II", "V2"]).signal
    there = simulate_ecg(10, rate, seed=6, lead_names=["II", "V2"]).signal
    at = np.arange(there.shape[1]) / rate
    for a, b in zip(fine, there, strict=True):
        expected = np.interp(at, np.arange(40000) / 4000, a)
        assert np.abs(expected - b).max() < 0.01 * np.ptp(a)


def test_leads_do_not_depend_on_each_other(clean):
    picked = simulate_ecg(30, FS, seed=3, lead_names=["V6", "II"])
    np.testing.assert_array_equal(picked.signal, clean.pick(["V6", "II"]).signal)


def test_blocks_join_without_a_seam(monkeypatch):
    whole = simulate_ecg(20, 250, seed=1).signal
    monkeypatch.setattr("ecgnoise.simulate.BLOCK", 777)
    np.testing.assert_allclose(simulate_ecg(20, 250, seed=1).signal, whole, atol=1e-6)


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (OptionError, {"duration": 0}),
        (OptionError, {"duration": float("nan")}),
        (OptionError, {"heart_rate": 0}),
        (OptionError, {"heart_rate_std": 40}),
        (OptionError, {"seed": -1}),
        (SamplingFrequencyError, {"sampling_frequency": 0}),
        (LeadNameError, {"lead_names": ["II", "X"]}),
        (LeadNameError, {"lead_names": []}),
    ],
)
def test_arguments_outside_their_range(error, arguments):
    with pytest.raises(error) as caught:
        simulate_ecg(**({"duration": 10} | arguments))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [1250, 5001, 40000])
def test_noise_has_mean_zero_and_power_one(kind, samples):
    rows = noise(kind, (2, samples), FS, seed=1)
    assert rows.shape == (2, samples)
    np.testing.assert_allclose(rows.mean(1), 0, atol=1e-9)
    np.testing.assert_allclose((rows**2).mean(1), 1, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_of_a_lead_depends_on_seed_kind_and_number_only(kind):
    many = noise(kind, (4, 2000), FS, seed=9)
    np.testing.assert_array_equal(noise(kind, (2, 2000), FS, seed=9), many[:2])
    assert not np.allclose(many[0], many[1])
    assert not np.allclose(many[0], noise(kind, (1, 2000), FS, seed=10)[0])


def share(kind: NoiseKind, low: float, high: float) -> float:
    row = noise(kind, (1, 60_000), FS, seed=2)[0]
    power = np.abs(np.fft.rfft(row)) ** 2
    frequency = np.fft.rfftfreq(len(row), 1 / FS)
    return float(power[(frequency >= low) & (frequency <= high)].sum() / power.sum())


@pytest.mark.parametrize(
    ("kind", "low", "high", "least"),
    [
        (NoiseKind.BASELINE_WANDER, 0.0, 0.7, 0.95),
        (NoiseKind.MUSCLE, 15, 180, 0.9),
        (NoiseKind.MAINS_50, 49, 51, 0.8),
        (NoiseKind.MAINS_60, 59, 61, 0.8),
        (NoiseKind.ELECTRODE_STEPS, 0.0, 1.0, 0.8),
        (NoiseKind.MOTION_BURSTS, 0.2, 15, 0.95),
    ],
)
def test_noise_lies_in_its_band(kind, low, high, least):
    assert share(kind, low, high) > least


def test_mains_has_harmonics():
    assert share(NoiseKind.MAINS_50, 149, 151) > 0.02


def test_white_noise_is_flat():
    assert share(NoiseKind.WHITE, 0, 125) == pytest.approx(0.5, abs=0.02)


def test_muscle_noise_and_bursts_come_and_go():
    for kind, least in [(NoiseKind.MUSCLE, 2.0), (NoiseKind.MOTION_BURSTS, 20.0)]:
        power = (noise(kind, (1, 30_000), FS, seed=4)[0].reshape(60, -1) ** 2).mean(1)
        assert np.quantile(power, 0.9) > least * np.quantile(power, 0.25)
    power = (noise(NoiseKind.WHITE, (1, 30_000), FS, seed=4)[0].reshape(60, -1) ** 2).mean(1)
    assert np.quantile(power, 0.9) < 2 * np.quantile(power, 0.25)


def test_electrode_steps_jump():
    row = noise(NoiseKind.ELECTRODE_STEPS, (1, 15_000), FS, seed=4)[0]
    assert np.abs(np.diff(row)).max() > 0.5
    assert np.median(np.abs(np.diff(row))) < 0.01


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("snr", [24.0, 0.0, -6.0])
def test_snr_is_the_one_asked_for(clean, kind, snr):
    noisy = add_noise(clean, kind, snr, seed=7)
    signal = clean.signal.astype(np.float64)
    added = noisy.signal - signal
    measured = 10 * np.log10(signal.var(1) / (added**2).mean(1))
    np.testing.assert_allclose(measured, snr, atol=0.01)
    assert noisy.lead_names == clean.lead_names


def test_noise_on_some_leads(clean):
    noisy = add_noise(clean, NoiseKind.WHITE, 0, leads=["V3", 0])
    changed = [
        n for n, a, b in zip(clean.lead_names, clean.signal, noisy.signal, strict=True) if not np.array_equal(a, b)
    ]
    assert changed == ["I", "V3"]
    everywhere = add_noise(clean, NoiseKind.WHITE, 0)
    np.testing.assert_array_equal(everywhere.pick(["V3"]).signal, noisy.pick(["V3"]).signal)


def test_arrays_come_back_as_they_went(clean):
    row = clean.signal[1].copy()
    row[100:200] = np.nan
    noisy = add_noise(row, NoiseKind.WHITE, 6, sampling_frequency=FS)
    assert (noisy.shape, noisy.dtype) == (row.shape, row.dtype)
    np.testing.assert_array_equal(np.isnan(noisy), np.isnan(row))
    flat = np.zeros(5000)
    np.testing.assert_array_equal(add_noise(flat, NoiseKind.WHITE, 6, sampling_frequency=FS), flat)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint16, np.float16])
def test_noise_below_the_steps_of_an_array_is_not_cut_off(clean, dtype):
    counts = np.rint(clean.signal[:2] * 200 + 1000).astype(dtype)
    noisy = add_noise(counts, "white", 40, sampling_frequency=500)
    exact = add_noise(counts.astype(np.float64), "white", 40, sampling_frequency=500)
    assert noisy.dtype == np.float64
    np.testing.assert_array_equal(noisy, exact)


def test_errors_of_noise(clean):
    with pytest.raises(UnknownSamplingFrequencyError, match="sampling_frequency"):
        add_noise(clean.signal, NoiseKind.WHITE, 6)
    with pytest.raises(OptionError, match="50 Hz"):
        noise(NoiseKind.MAINS_50, (1, 1000), 100)
    with pytest.raises(OptionError, match="snr_db"):
        add_noise(clean, NoiseKind.WHITE, float("nan"))
    with pytest.raises(LeadNameError, match="X1"):
        add_noise(clean, NoiseKind.WHITE, 6, leads=["X1"])
    with pytest.raises(EcgNoiseError):
        noise("hum", (1, 1000), FS)


def test_pickles(clean):
    assert np.array_equal(pickle.loads(pickle.dumps(clean)).signal, clean.signal)
