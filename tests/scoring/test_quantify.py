"""The score of the default model: what it must not depend on, what it must fall with, and odd inputs."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

import ecgnoise
from ecgnoise import Quantifier, Recording, quantify, simulate_ecg
from ecgnoise.errors import EcgNoiseError, LeadNameError, OptionError, SignalShapeError, UnknownSamplingFrequencyError
from ecgnoise.results.grades import GRADES
from ecgnoise.scoring.metrics import column_errors, psnr
from ecgnoise.simulate import NoiseKind, add_noise

SAME = 1e-3


def assert_nearly_same(one, other):
    """But for rounding: convolutions in 8 bit make more of a sample's last digit, most in leads without any noise."""
    assert np.abs(one - other).mean() < 0.03
    assert np.abs(one - other).max() < 0.2


@pytest.fixture(scope="module")
def quantifier():
    return Quantifier()


@pytest.fixture(scope="module")
def ecg():
    return simulate_ecg(24, 500, seed=11)


@pytest.fixture(scope="module")
def result(quantifier, ecg):
    return quantifier.quantify(ecg, parts=8, images=True)


def test_shapes_and_contents(result, ecg):
    assert result.psnr.shape == result.fault.shape == result.grade.shape == (12, 3)
    assert result.local_psnr.shape == (12, 3, 8)
    assert result.start.tolist() == [0, 10, 20]
    assert result.duration.tolist() == [10, 10, 4]
    assert np.isfinite(result.psnr).all()
    assert set(result.grade.ravel()) <= set(GRADES)
    assert set(result.fault.ravel()) == {""}
    assert result.lead_names == ecg.lead_names
    assert (result.model.name, result.profile, result.units) == ("default", "default", "mV")
    assert len(result.to_dataframe()) == 36


def test_an_array_gives_the_scores_of_its_recording(quantifier, ecg):
    signal, names = ecg.signal[:2, :5000], ecg.lead_names[:2]
    known = quantifier.quantify(Recording.from_array(signal, 500, lead_names=names), parts=2)
    same = quantifier.quantify(signal * 1000, 500, units="uV", lead_names=names, parts=2)
    assert same.lead_names == names
    np.testing.assert_allclose(same.psnr, known.psnr, atol=0.1)
    np.testing.assert_array_equal(quantifier.quantify(ecg, lead_names=["V1"]).psnr[0], quantifier.quantify(ecg).psnr[6])
    with pytest.raises(UnknownSamplingFrequencyError):
        quantifier.quantify(signal)


def test_images_give_the_scores(result):
    images = result.images
    assert images.original.shape == images.reconstruction.shape == (12, 3, 40, 256)
    errors = column_errors(images.original[:, 0], images.reconstruction[:, 0], np.ones(40, np.bool_))
    assert np.abs(psnr(errors.mean(axis=1)) - result.psnr[:, 0]).max() < SAME
    assert np.abs(psnr(errors[:, :32].mean(axis=1)) - result.local_psnr[:, 0, 0]).max() < SAME


def test_the_call_and_the_quantifier_agree(quantifier, ecg):
    short = ecg.signal[:2, :5000]
    called = quantify(short, 500, lead_names=["a", "b"], batch_size=1)
    ended = quantifier.quantify(Recording.from_array(short, 500))
    assert np.abs(called.psnr - ended.psnr).max() < SAME
    assert called.lead_names == ("a", "b")


def test_same_score_alone_in_another_order_batch_and_thread_count(result, ecg):
    for batch, threads in ((1, 1), (5, 2), (64, 2)):
        other = Quantifier(batch_size=batch, threads=threads)
        reversed_leads = other.quantify(ecg.pick(ecg.lead_names[::-1]))
        assert np.abs(reversed_leads.psnr[::-1] - result.psnr).max() < SAME
    alone = quantify(ecg.signal[4, 5000:10000], 500)
    assert np.abs(alone.psnr[0, 0] - result.psnr[4, 1]) < SAME


def test_twice_pickled_and_from_several_threads(quantifier, ecg, result):
    copy = pickle.loads(pickle.dumps(quantifier))
    with ThreadPoolExecutor(4) as pool:
        scores = list(pool.map(lambda one: one.quantify(ecg).psnr, [quantifier, quantifier, copy, copy]))
    for score in scores:
        assert np.abs(score - result.psnr).max() < SAME


def test_units_convert(quantifier, ecg, result):
    microvolts = Recording.from_array(ecg.signal * 1000, 500, units="uV")
    assert_nearly_same(quantifier.quantify(microvolts).psnr, result.psnr)


@pytest.mark.parametrize("gain", [1e-3, 1e3])
def test_gain_does_not_matter_where_units_are_unknown(quantifier, ecg, gain):
    first = quantifier.quantify(Recording.from_array(ecg.signal, 500, units="unknown")).psnr
    other = quantifier.quantify(Recording.from_array(ecg.signal * gain, 500, units="unknown")).psnr
    assert_nearly_same(first, other)


def test_polarity_and_offset_do_not_matter(quantifier, ecg, result):
    flipped = Recording.from_array(3.0 - ecg.signal, 500)
    assert_nearly_same(quantifier.quantify(flipped).psnr, result.psnr)


@pytest.mark.parametrize("rate", [250, 1000])
def test_sampling_frequency_hardly_matters(quantifier, ecg, result, rate):
    resampled = resample_poly(ecg.signal, rate, 500, axis=1, padtype="line").astype(np.float32)
    score = quantifier.quantify(Recording.from_array(resampled, rate)).psnr
    assert np.abs(score - result.psnr).mean() < 1.0


@pytest.mark.parametrize("kind", list(NoiseKind))
def test_simulated_noise_lowers_the_score(quantifier, ecg, kind):
    clean = quantifier.quantify(ecg).psnr.mean()
    scores = [quantifier.quantify(add_noise(ecg, kind, snr, seed=1)).psnr.mean() for snr in (12, 0, -6)]
    assert clean > scores[0] > scores[-1]


@pytest.mark.parametrize("kind", ["bw", "em", "ma"])
def test_real_noise_lowers_the_mean_score_at_every_step(data, quantifier, kind):
    """Clean LUDB leads with noise of the MIT-BIH Noise Stress Test Database at falling SNR."""
    noise = resample_poly(ecgnoise.read(data / "nstdb" / f"{kind}.hea").signal, 25, 18, axis=1)
    records = sorted((data / "ludb" / "data").glob("*.hea"))[:3]
    leads = np.concatenate([ecgnoise.read(path).signal[:, :5000] for path in records])
    clean = quantifier.quantify(Recording.from_array(leads, 500)).psnr.mean()
    means = []
    for snr in (24, 18, 12, 6, 0, -6):
        mixed = []
        for index, lead in enumerate(leads):
            stretch = noise[index % 2, 20_000 * index : 20_000 * index + 5000]
            stretch = stretch - stretch.mean()
            mixed.append(lead + stretch * np.sqrt(lead.var() / stretch.var() / 10 ** (snr / 10)))
        means.append(quantifier.quantify(Recording.from_array(np.array(mixed), 500)).psnr.mean())
    assert all(after < before for before, after in pairwise(means)), means
    assert means[1] < clean


def test_a_noisy_second_is_found(quantifier):
    clean = simulate_ecg(10, 500, seed=4)
    noisy = clean.signal.copy()
    burst = np.random.default_rng(0).normal(0, 0.5, (12, 500))
    noisy[:, 3000:3500] += burst.astype(np.float32)
    local = quantifier.quantify(Recording.from_array(noisy, 500), parts=10).local_psnr[:, 0]
    assert np.mean(local.argmin(axis=1) == 6) > 0.8


def test_more_leads_than_samples_is_an_error_that_says_what_to_pass(ecg):
    with pytest.raises(SignalShapeError, match=r"signal\.T"):
        quantify(ecg.signal.T, 500)


def test_missing_arguments_say_what_to_pass(ecg):
    with pytest.raises(UnknownSamplingFrequencyError, match="sampling_frequency"):
        quantify(ecg.signal)
    with pytest.raises(LeadNameError, match="12 leads"):
        quantify(ecg.signal, 500, lead_names=["I"])
    with pytest.raises(OptionError, match="1 to 256"):
        quantify(ecg, parts=0)
    with pytest.raises(OptionError, match="batch_size 0"):
        quantify(ecg, batch_size=0)


def test_each_fault_spares_everything_else(quantifier, ecg, result):
    signal = ecg.signal.copy()
    signal[0, 1000:2000] = np.nan
    signal[1, 1000:2000] = 0.1
    signal[2] = 7.0
    signal[3] = np.nan
    scored = quantifier.quantify(Recording.from_array(signal, 500), parts=10)
    assert scored.fault[:4].tolist() == [
        ["missing", "", ""],
        ["flat", "", ""],
        ["flat"] * 3,
        ["missing"] * 3,
    ]
    assert np.array_equal(np.isnan(scored.psnr), scored.fault != "")
    assert np.abs(scored.psnr[4:] - result.psnr[4:]).max() < SAME
    assert np.abs(scored.psnr[:2, 1:] - result.psnr[:2, 1:]).max() < SAME
    touched = (scored.part_start[0] < 4.0) & (scored.part_start[0] + scored.part_duration[0] > 2.0)
    assert np.flatnonzero(touched).tolist() == [2, 3, 4]
    assert np.array_equal(np.isnan(scored.local_psnr[0, 0]), touched)
    assert (scored.grade == "").tolist() == np.isnan(scored.psnr).tolist()


@pytest.mark.parametrize(("seconds", "measured"), [(4.9, False), (5.0, True), (9.9, True)])
def test_short_recordings_are_marked(quantifier, ecg, seconds, measured):
    short = quantifier.quantify(Recording.from_array(ecg.signal[:, : int(seconds * 500)], 500), parts=4)
    assert set(short.fault.ravel()) == {"short"}
    assert np.isfinite(short.psnr).all() == measured
    assert short.duration[0] == pytest.approx(seconds)


@pytest.mark.parametrize(
    "signal",
    [
        np.zeros((2, 5000)),
        np.full((2, 5000), 3),
        np.full((2, 5000), np.nan),
        np.full((2, 5000), 1e300) * np.sign(np.sin(np.arange(5000))),
        np.zeros(1),
        np.random.default_rng(0).integers(-1000, 1000, (49, 5000)),
        np.sin(np.arange(5000) / 9) * 1e30,
        np.sin(np.arange(5000) / 9) * 1e-30,
        np.tile([0.0, np.inf], 2500),
    ],
    ids=["zero", "constant", "nan", "1e300", "one sample", "49 integer leads", "1e30", "1e-30", "infinite"],
)
def test_odd_inputs_end_in_a_result_with_reasons(quantifier, signal):
    scored = quantifier.quantify(Recording.from_array(signal, 500))
    assert np.array_equal(np.isfinite(scored.psnr), scored.fault == "")
    assert not np.isinf(scored.psnr).any()


@pytest.mark.parametrize(
    "signal", [np.zeros((0, 5000)), np.zeros((2, 0)), np.zeros((2, 3, 4)), np.array(["a"]), np.zeros(9, complex)]
)
def test_what_is_no_signal_is_one_clear_error(signal):
    with pytest.raises(EcgNoiseError) as caught:
        quantify(signal, 500)
    assert "\n" not in str(caught.value)


@settings(max_examples=15, deadline=None)
@given(samples=st.integers(5000, 16_000), parts=st.integers(1, 16))
def test_tails_of_any_length_are_scored(quantifier, samples, parts):
    signal = simulate_ecg(32, 500, seed=1, lead_names=("II",)).signal[:, :samples]
    scored = quantifier.quantify(Recording.from_array(signal, 500), parts=parts)
    assert np.isfinite(scored.psnr).all()
    assert scored.psnr.shape == (1, -(-samples // 5000))
    assert np.array_equal(np.isfinite(scored.local_psnr[0]), np.isfinite(scored.part_start))


def test_progress_is_reported(quantifier, ecg):
    seen = []
    quantifier.quantify(ecg, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
