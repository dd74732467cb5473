"""Percentile and estimated SNR: they rise with PSNR, and undo what they were measured with."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgnoise import Quantifier, simulate_ecg
from ecgnoise.models.folder import StressStep, Thresholds, load_folder
from ecgnoise.noise_levels import KINDS, SpanLimits, readable_snr, unweighted
from ecgnoise.results.grades import GRADES, effective_snr, estimated_snr, grade, percentile
from ecgnoise.simulate import NoiseKind, add_noise

DECIBELS = st.floats(0, 60)
PSNR = np.linspace(0, 60, 241)


@st.composite
def references(draw):
    """101 rising percentiles, with repeats."""
    return tuple(sorted(draw(st.lists(st.integers(0, 40), min_size=101, max_size=101))))


@st.composite
def curves(draw):
    """Stress curves, as they are measured: they may fall or stay in places, but low <= median <= high."""
    snr = sorted(draw(st.sets(st.integers(-12, 30), min_size=2, max_size=8)))
    return tuple(StressStep(float(at), *sorted(draw(st.tuples(DECIBELS, DECIBELS, DECIBELS)))) for at in snr)


@settings(deadline=None)
@given(references())
def test_percentile_rises_with_psnr_and_ends_at_the_ends(reference):
    found = percentile(PSNR, reference)
    assert (np.diff(found) >= 0).all()
    assert percentile(np.array([reference[0] - 1, reference[-1] + 1]), reference).tolist() == [0, 100]
    assert ((found >= 0) & (found <= 100)).all()


def test_percentile_is_the_share_of_clean_leads_below():
    clean = np.random.default_rng(0).normal(26, 2, 5000)
    reference = np.percentile(clean, np.arange(101)).tolist()
    found = percentile(PSNR, reference)
    below = [100 * np.mean(clean < psnr) for psnr in PSNR]
    assert np.abs(found - below).max() < 0.5
    assert percentile(np.array(reference), reference) == pytest.approx(np.arange(101), abs=1e-5)


@settings(deadline=None)
@given(curves())
def test_estimated_snr_rises_with_psnr_within_its_interval(stress):
    best, low, high = np.moveaxis(estimated_snr(PSNR, stress), -1, 0)
    for estimate in (best, low, high):
        assert (np.diff(estimate) >= 0).all()
        assert ((estimate >= stress[0].snr) & (estimate <= stress[-1].snr)).all()
    assert (low <= best).all()
    assert (best <= high).all()


RISING = tuple(StressStep(float(snr), 20 + snr / 6, 22 + snr / 8, 25 + snr / 10) for snr in range(-12, 31, 6))


def test_the_curve_itself_comes_back():
    snr = np.array([step.snr for step in RISING])
    for place, name in enumerate(("median", "high", "low")):
        psnr = np.array([getattr(step, name) for step in RISING])
        assert estimated_snr(psnr, RISING)[:, place] == pytest.approx(snr, abs=1e-6)
        between = (psnr[1:] + psnr[:-1]) / 2
        assert estimated_snr(between, RISING)[:, place] == pytest.approx((snr[1:] + snr[:-1]) / 2, abs=1e-6)


def test_what_lies_beyond_the_curve_is_its_end():
    found = estimated_snr(np.array([[0.0, 60.0]]), RISING)
    assert found.shape == (1, 2, 3)
    assert found.tolist() == [[[-12.0] * 3, [30.0] * 3]]


def test_a_curve_that_falls_back_is_raised():
    stress = (StressStep(0.0, 20, 20, 20), StressStep(10.0, 24, 24, 24), StressStep(20.0, 23, 23, 23))
    assert estimated_snr(np.array([22.0, 23.0, 23.9]), stress)[:, 0] == pytest.approx([5, 7.5, 9.75])
    assert estimated_snr(np.array([24.1]), stress)[:, 0] == [20]


def test_where_a_curve_stays_the_lowest_snr_counts():
    stress = tuple(StressStep(snr, psnr, psnr, psnr) for snr, psnr in ((0.0, 20.0), (10.0, 22.0), (20.0, 22.0)))
    assert estimated_snr(np.array([22.0]), stress)[:, 0] == pytest.approx([10])


def test_two_thirds_of_leads_have_their_snr_in_the_interval():
    generator = np.random.default_rng(0)
    snr = np.arange(-12, 31, 6)
    psnr = 22 + snr[:, None] / 6 + generator.normal(0, 1.5, (len(snr), 4000))
    stress = [StressStep(float(at), *np.percentile(of, [16, 50, 84])) for at, of in zip(snr, psnr, strict=True)]
    estimate = estimated_snr(psnr, stress)
    inside = (estimate[..., 1] <= snr[:, None]) & (snr[:, None] <= estimate[..., 2])
    assert inside[1:-1].mean(axis=1) == pytest.approx(0.68, abs=0.01)


def test_no_score_or_nothing_measured_is_no_number():
    scores = np.array([[np.nan, 24.0]])
    reference = list(np.linspace(20, 30, 101))
    assert np.isnan(percentile(scores, reference)).tolist() == [[True, False]]
    assert np.isnan(estimated_snr(scores, RISING)).tolist() == [[[True] * 3, [False] * 3]]
    assert np.isnan(percentile(scores, ())).all()
    assert estimated_snr(scores, ()).shape == (1, 2, 3)
    assert np.isnan(estimated_snr(scores, ())).all()


def test_grades_and_percentiles_of_the_bundled_model_agree():
    """95 % of the clean leads are good, 99 % at least fair; poor reaches 1 dB further."""
    description = load_folder("default").description
    thresholds = description.thresholds
    assert percentile(np.array([thresholds.good, thresholds.fair]), description.clean_percentiles) == pytest.approx(
        [5, 1], abs=0.1
    )
    assert thresholds.fair - thresholds.poor == pytest.approx(1)
    shares = grade(np.array(description.clean_percentiles), thresholds.bounds)
    assert np.mean(shares == "good") == pytest.approx(0.95, abs=0.011)
    assert np.mean(np.isin(shares, ("good", "fair"))) == pytest.approx(0.99, abs=0.011)


def test_result_has_them_and_they_do_not_depend_on_the_batch():
    description = load_folder("default").description
    clean = simulate_ecg(14, 250, lead_names=["I", "II"])
    noisy = add_noise(clean, NoiseKind.MUSCLE, 0.0, seed=1)
    one = Quantifier(threads=1, batch_size=1).quantify(noisy)
    assert one.percentile.tolist() == percentile(one.psnr, description.clean_percentiles).tolist()
    expected = effective_snr(one.readable_snr, one.agreement, one.psnr, description.thresholds)
    assert np.array_equal(one.effective_snr, expected)
    assert one.grade.tolist() == grade(expected, one.limits.bounds).tolist()
    many = Quantifier(threads=1, batch_size=7).quantify(noisy)
    assert np.abs(many.percentile - one.percentile).max() < 0.1
    assert np.allclose(many.estimated_snr, one.estimated_snr, atol=0.1, equal_nan=True)
    assert (Quantifier(threads=1).quantify(clean).percentile > one.percentile).all()


def test_a_model_without_reference_and_stress_curve_works(tiny_model):
    result = Quantifier(tiny_model, threads=1).quantify(simulate_ecg(10, 100, lead_names=["I"]))
    assert np.isfinite(result.psnr).all()
    assert np.isnan(result.percentile).all()
    assert np.isnan(result.estimated_snr).all()
    assert result.estimated_snr.shape == (1, 1, 3)
    assert result.snr_range is None


THRESHOLDS = Thresholds(24.0, 22.0, 20.0)
SNR = np.linspace(-40, 60, 201)


@given(st.floats(-40, 60), st.floats(0, 1), st.floats(0, 1), st.floats(5, 40), st.floats(0, 10))
def test_effective_snr_is_at_most_the_snr_and_falls_with_all_that_it_is_made_of(snr, one, other, psnr, less):
    low, high = sorted((one, other))
    best = effective_snr(np.array(snr), np.array(high), np.array(psnr), THRESHOLDS)
    assert best <= snr + 0.05 + 1e-9
    assert effective_snr(np.array(snr), np.array(low), np.array(psnr), THRESHOLDS) <= best
    assert effective_snr(np.array(snr - less), np.array(high), np.array(psnr), THRESHOLDS) <= best
    assert effective_snr(np.array(snr), np.array(high), np.array(psnr - less), THRESHOLDS) <= best


def test_beats_that_agree_and_a_usual_psnr_leave_the_snr_as_it_is():
    found = effective_snr(SNR, np.ones_like(SNR), np.full_like(SNR, 25.0), THRESHOLDS)
    assert found == pytest.approx(np.minimum(SNR, 40.0), abs=0.051)


def test_without_beats_that_agree_nothing_is_usable_however_quiet_it_looks():
    silent = effective_snr(np.array([40.0]), np.array([0.2]), np.array([30.0]), THRESHOLDS)
    assert grade(silent, SpanLimits().bounds).tolist() == [GRADES[-1]]


def test_grade_by_snr_changes_at_its_limits():
    limits = SpanLimits()
    at = np.array([limits.good, limits.good - 0.1, limits.fair, limits.fair - 0.1, limits.poor, limits.poor - 0.1])
    assert grade(at, limits.bounds).tolist() == ["good", "fair", "fair", "poor", "poor", "unusable"]
    assert grade(np.array([np.nan]), limits.bounds).tolist() == [""]


@given(st.floats(-40, 20))
def test_only_baseline_wander_counts_less(level):
    for kind in range(len(KINDS)):
        noise = np.full(len(KINDS), -300.0)
        noise[kind] = level
        counts = 1.6 * level - 10.0 if KINDS[kind] == "baseline_wander" else level
        assert readable_snr(noise, np.array(np.nan)) == pytest.approx(-counts, abs=0.14)
        assert unweighted(counts, KINDS[kind]) == pytest.approx(level)


@given(st.floats(-40, 40), st.floats(-40, 40))
def test_where_qrs_complexes_stand_out_it_is_at_least_poor(level, reading):
    """Up to 4 dB, whatever lies outside the band in which an ECG is read."""
    noise = np.full(len(KINDS), -300.0)
    noise[1] = level
    found = readable_snr(noise, np.array(reading))
    assert found == pytest.approx(max(-level, min(-reading, 4.0)), abs=0.1)
