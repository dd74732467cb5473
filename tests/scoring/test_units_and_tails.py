"""What the score must not depend on: the stated unit, a new part that is too short, one absurd sample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecgnoise
from ecgnoise.recording import Recording
from ecgnoise.scalogram.profile import PLAUSIBLE_QRS_LEVELS, POSSIBLE_QRS_LEVELS, within
from ecgnoise.scoring.lead_score import peak_height
from ecgnoise.scoring.notes import shown_height
from ecgnoise.segments import cut, windows, without_absurd

RATE = 250.0


@pytest.fixture(scope="module")
def quantifier() -> ecgnoise.Quantifier:
    return ecgnoise.Quantifier()


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    """Two leads of 24 s in mV."""
    return np.array(ecgnoise.simulate_ecg(24, RATE, seed=3).pick(["II", "V4"]).signal)


@pytest.mark.parametrize("factor", [1e-12, 1e-6, 1e-3, 1e3, 1e4, 1e6, 1e12])
def test_a_lead_in_a_wrong_unit_scores_as_in_an_unknown_one_and_a_note_asks_for_the_unit(factor, quantifier, clean):
    right = quantifier.quantify(Recording.from_array(clean, RATE))
    wrong = quantifier.quantify(Recording.from_array(clean.astype(np.float64) * factor, RATE))
    unknown = quantifier.quantify(Recording.from_array(clean, RATE, units="unknown"))
    np.testing.assert_allclose(wrong.psnr, unknown.psnr, atol=0.2)  # other rounding in 8 bit
    assert np.abs(wrong.psnr - right.psnr).max() < 1.0
    assert (wrong.grade == right.grade).all()
    assert right.notes == unknown.notes == ()
    (note,) = wrong.notes
    assert note.startswith("R peaks of ")
    assert "is the unit right?" in note


def test_the_note_names_the_height_of_the_r_peaks_and_the_leads(quantifier, clean):
    (note,) = quantifier.quantify(Recording.from_array(clean * [[1e-3], [1.0]], RATE, lead_names=["II", "V4"])).notes
    height = np.median([peak_height(part) for part in (clean[0, :2500], clean[0, 2500:5000], clean[0, 3500:])])
    assert 0.5 < height < 2.0  # mV, as simulated
    assert note.startswith(f"R peaks of {height:.3g} uV in II: ")


@pytest.mark.parametrize(
    ("millivolts", "shown"), [(1.25e-6, "0.00125 uV"), (9e-4, "0.9 uV"), (1.0, "1 mV"), (53.0, "53 mV"), (2e4, "20 V")]
)
def test_heights_are_shown_in_a_unit_that_suits_them(millivolts, shown):
    assert shown_height(millivolts) == shown


def test_one_loud_segment_of_many_does_not_ask_for_the_unit(quantifier, clean):
    loud = clean.copy()
    loud[:, : int(10 * RATE)] *= 50
    assert quantifier.quantify(Recording.from_array(loud, RATE)).notes == ()


@pytest.mark.parametrize("factor", [0.016, 0.03, 0.1, 10.0, 20.0, 50.0])
def test_a_unit_that_may_be_wrong_moves_the_score_little_and_is_asked_for(factor, quantifier, clean):
    right = quantifier.quantify(Recording.from_array(clean, RATE))
    doubtful = quantifier.quantify(Recording.from_array(clean * factor, RATE))
    assert np.abs(doubtful.psnr - right.psnr).max() < 2.0
    assert bool(doubtful.notes) == (not 0.05 < factor < 15)


@pytest.mark.parametrize("limits", [PLAUSIBLE_QRS_LEVELS, POSSIBLE_QRS_LEVELS])
def test_limits_of_qrs_levels(limits):
    low, high = limits
    levels = np.array([low - 1e-3, low, 0.0, high, high + 1e-3, np.inf, np.nan])
    assert within(levels, limits).tolist() == [False, True, True, True, False, False, False]


@pytest.mark.parametrize("samples", [1, 2, 10, 60, 125, 249])
def test_less_than_a_second_of_new_signal_has_the_score_of_its_window(samples, quantifier, clean):
    signal = clean[:, : int(10 * RATE) + samples]
    result = quantifier.quantify(Recording.from_array(signal, RATE))
    window = quantifier.quantify(Recording.from_array(signal[:, samples:], RATE))
    assert result.start[-1] == 10
    assert result.duration[-1] == samples / RATE
    np.testing.assert_array_equal(result.psnr[:, -1], window.psnr[:, 0])
    assert (result.grade[:, -1] == window.grade[:, 0]).all()
    assert result.mask().all()
    assert result.intervals() == []
    assert result.usable_seconds() == pytest.approx(signal.shape[1] / RATE)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 2 * int(RATE)))
def test_a_second_of_new_signal_is_the_least_that_has_a_score_of_its_own(rest):
    last = windows(int(10 * RATE) + rest, RATE)[-1]
    assert last.own == (rest >= RATE)


def test_a_clean_tail_after_noise_keeps_the_score_of_its_window_only_below_a_second(quantifier, clean):
    noisy = clean[:, : int(12 * RATE)] + 0.0
    noisy[:, : int(10 * RATE)] += np.random.default_rng(0).normal(0, 1.0, (2, int(10 * RATE)))
    short = quantifier.quantify(Recording.from_array(noisy[:, : int(10.5 * RATE)], RATE))
    long = quantifier.quantify(Recording.from_array(noisy, RATE))
    assert (short.grade[:, -1] != "good").all()
    assert (long.psnr[:, -1] > short.psnr[:, -1] + 2).all()


def test_a_short_tail_behind_a_fault_is_scored_by_what_is_free_of_it(quantifier, clean):
    signal = clean[:1, : int(10.2 * RATE)].copy()
    signal[0, int(4 * RATE) : int(7 * RATE)] = signal[0, int(4 * RATE)]
    result = quantifier.quantify(Recording.from_array(signal, RATE))
    assert result.fault.tolist() == [["flat", ""]]
    assert result.grade[0, 1] == "good"
    (item,) = cut(Recording.from_array(signal, RATE), 1, windows(signal.shape[1], RATE)[1])
    touched = np.flatnonzero(~item.counted)
    assert 75 <= len(touched) <= 79  # 3 s of 256 columns in 10 s
    assert (np.diff(touched) == 1).all()


def test_a_short_tail_with_less_than_a_second_free_of_a_fault_has_the_fault(quantifier, clean):
    signal = clean[:1, : int(10.2 * RATE)].copy()
    signal[0, int(0.4 * RATE) : int(9.8 * RATE)] = np.nan
    result = quantifier.quantify(Recording.from_array(signal, RATE))
    assert result.fault.tolist() == [["missing", "missing"]]
    assert np.isnan(result.psnr).all()


@pytest.mark.parametrize("sentinel", [-(2.0**31), 2.0**31 - 1, 1e30, -3.4e38])
def test_one_lost_sample_is_missing_and_not_a_flat_lead(sentinel, quantifier, clean):
    lost = clean.astype(np.float64) * 1000
    before = quantifier.quantify(Recording.from_array(lost, RATE, units="uV"))
    lost[0, 3500] = sentinel
    lost[1, [700, 701, 3600]] = sentinel
    after = quantifier.quantify(Recording.from_array(lost, RATE, units="uV"))
    assert (after.fault == "").all()
    assert (after.grade == before.grade).all()
    assert np.abs(after.psnr - before.psnr).max() < 0.5


def test_a_second_of_lost_samples_is_missing(quantifier, clean):
    lost = clean[:1].astype(np.float64) * 1000
    lost[0, 300:560] = -(2.0**31)
    assert quantifier.quantify(Recording.from_array(lost, RATE, units="uV")).fault.tolist() == [["missing", "", ""]]


@pytest.mark.parametrize("height", [50.0, 500.0])
def test_spikes_that_occur_are_no_lost_samples(height, clean):
    spiked = clean.copy()
    spiked[0, 900] = height  # mV
    assert without_absurd(spiked) is spiked


def test_what_rises_out_of_the_noise_of_a_lead_that_was_off_is_kept(clean):
    half = clean[:1, :2500].copy()
    half[0, :2000] = np.random.default_rng(1).normal(0, 1e-9, 2000)
    assert without_absurd(half) is half


@pytest.mark.parametrize("share", [0.001, 0.02, 0.2])
def test_lost_samples_leave_the_others_as_they_are(share, clean):
    lost = clean * np.float32(1000)
    at = np.random.default_rng(2).random(lost.shape) < share
    lost[at] = -(2.0**31)
    kept = without_absurd(lost)
    np.testing.assert_array_equal(np.isnan(kept), at)
    np.testing.assert_array_equal(kept[~at], lost[~at])


def test_a_lead_without_range_loses_no_samples():
    quiet = np.zeros((1, 2500), np.float32)
    quiet[0, 900] = 1.0
    assert without_absurd(quiet) is quiet
