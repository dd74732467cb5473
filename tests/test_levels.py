"""Noise levels: from what is read in images to those of lead-segments and spans."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgnoise.errors import ModelFormatError
from ecgnoise.models.level_estimates import LevelEstimates
from ecgnoise.noise_levels import (
    KINDS,
    SPANS,
    WANDER,
    SpanLimits,
    SpanRule,
    ecg_rms,
    excursions,
    local_snr,
    microvolts,
    new_spans,
    power_mean,
    span_kinds,
    span_times,
    strongest,
    total,
    unweighted,
    weighted,
    weighted_spans,
)
from ecgnoise.recording import Recording
from ecgnoise.scoring.segment_levels import segment_levels
from ecgnoise.segments import cut, windows

RATE = 200.0


def items(samples, *, missing=slice(0)):
    """The lead-segments of a recording of one lead."""
    signal = np.random.default_rng(0).normal(size=(1, samples)).astype(np.float32)
    signal[:, missing] = np.nan
    recording = Recording.from_array(signal, RATE)
    cuts = windows(samples, RATE)
    return [cut(recording, number, window)[0] for number, window in enumerate(cuts)]


def read(ecg=-12.0, noise=-30.0):
    """Estimates of one lead-segment whose noise gets stronger by 1 dB a span, in each kind."""
    spans = np.broadcast_to(noise + np.arange(SPANS), (1, len(KINDS), SPANS)).astype(float)
    whole = power_mean(np.moveaxis(spans, 2, 0))
    return LevelEstimates(spans, whole, np.array([ecg]), (ecg - total(whole))[:, None] + [[0.0, -4.0, 4.0]])


def test_levels_are_over_the_ecg():
    found = segment_levels(read(), 0, items(2000)[0])
    assert found.local.shape == (SPANS, len(KINDS))
    np.testing.assert_allclose(found.local[0], -18.0)
    np.testing.assert_allclose(found.local[-1], 13.0)
    np.testing.assert_allclose(found.noise, power_mean(found.local))
    np.testing.assert_allclose(found.snr - found.snr[0], [0.0, -4.0, 4.0])


def test_a_tail_has_the_levels_of_what_is_new():
    """The last 2.5 s of spans that get louder: 8 of 32 spans, and the SNR falls by what the noise grows."""
    whole, tail = (segment_levels(read(), 0, item) for item in items(2500))
    np.testing.assert_allclose(tail.noise, power_mean(whole.local[24:]))
    np.testing.assert_allclose(tail.snr - whole.snr, whole.noise[0] - tail.noise[0])
    assert tail.noise[0] > whole.noise[0]


def test_a_tail_without_a_score_of_its_own_has_the_levels_of_its_window():
    whole, tail = (segment_levels(read(), 0, item) for item in items(2100))
    np.testing.assert_array_equal(tail.noise, whole.noise)
    np.testing.assert_array_equal(tail.snr, whole.snr)


def test_a_tail_behind_a_fault_has_the_levels_of_the_spans_that_are_not_beside_it():
    """Of 32 spans the fault touches 11 to 20; what is read of the three on either side is of its ends as well."""
    tail = items(2100, missing=slice(800, 1400))[1]
    estimates = read()
    of_spans = estimates.spans[0].T - estimates.ecg[0]
    found = segment_levels(estimates, 0, tail)
    np.testing.assert_allclose(found.noise, power_mean(np.delete(of_spans, np.arange(8, 24), axis=0)))


def test_where_all_spans_lie_beside_a_fault_those_it_does_not_touch_count():
    tail = items(2100, missing=slice(270, 2000))[1]
    estimates = read()
    of_spans = estimates.spans[0].T - estimates.ecg[0]
    found = segment_levels(estimates, 0, tail)
    np.testing.assert_allclose(found.noise, power_mean(of_spans[[0, 1, 31]]))


def test_spans_that_a_fault_touches_are_unknown():
    (item,) = items(2000, missing=slice(500, 900))
    found = segment_levels(read(), 0, item)
    unknown = np.isnan(found.local).all(axis=1)
    assert np.flatnonzero(unknown).tolist() == list(range(8, 15))
    assert np.isnan(found.local).any(axis=1).tolist() == unknown.tolist()


def test_nothing_is_read_where_faults_leave_little():
    (item,) = items(2000, missing=slice(500, 1700))
    assert np.isnan(segment_levels(read(), 0, item).local).all()


def test_what_is_old_in_a_tail_touches_nothing_new():
    tail = items(3000, missing=slice(1000, 1990))[1]
    assert not np.isnan(segment_levels(read(), 0, tail).local[16:]).any()


@settings(max_examples=30, deadline=None)
@given(st.integers(round(5 * RATE), round(60 * RATE)), st.sampled_from([RATE, 128.205, 333.0]))
def test_spans_lie_end_to_end(samples, rate):
    times = [span_times(window, rate) for window in windows(samples, rate)]
    start, duration = (np.concatenate(values) for values in zip(*times, strict=True))
    assert start[0] == 0
    np.testing.assert_allclose(start[1:], (start + duration)[:-1], rtol=0, atol=1e-9)
    assert start[-1] + duration[-1] == pytest.approx(samples / rate, abs=1e-9)
    assert duration.min() > 0
    assert duration.max() <= 10 / SPANS + 1e-2
    for window, (there, _) in zip(windows(samples, rate), times, strict=True):
        spans = new_spans(window, rate)
        assert spans.stop - spans.start == len(there) <= SPANS


def test_powers_add_up():
    assert total(np.array([-10.0, -10.0])) == pytest.approx(-10 + 10 * np.log10(2))
    assert total(np.array([-10.0, np.nan])) == pytest.approx(-10.0)
    assert np.isnan(total(np.array([np.nan, np.nan])))
    assert power_mean(np.array([[0.0], [10.0]])) == pytest.approx(10 * np.log10(5.5))


def test_the_strongest_kind_and_its_share():
    levels = np.full((2, len(KINDS)), -40.0)
    levels[0, 3] = 0.0
    levels[1] = np.nan
    kind, share = strongest(levels)
    assert kind.tolist() == [KINDS[3], ""]
    assert share[0] == pytest.approx(1 / (1 + 5e-4))
    assert np.isnan(share[1])


@settings(deadline=None)
@given(st.floats(-60, 60), st.integers(0, len(KINDS) - 1))
def test_a_level_that_counts_as_the_snr_says_has_this_snr(snr, kind):
    """What is made of the table's strongest kind of a span."""
    levels = np.full((1, 1, len(KINDS) + 1), -300.0)
    levels[..., kind] = unweighted(-snr, KINDS[kind])
    levels[..., -1] = 300.0
    assert local_snr(levels) == pytest.approx(snr, abs=0.14)


def wandering(levels):
    """Levels of spans in which nothing but baseline wander is strong, (spans, bands)."""
    spans = np.full((len(levels), len(KINDS) + 1), -60.0)
    spans[:, WANDER] = levels
    return spans


def test_a_baseline_that_swings_steadily_has_no_excursion():
    assert not excursions(np.full(SPANS, 6.0)).any()
    assert not excursions(np.linspace(-3, 3, 2 * SPANS + 5)).any()


def test_a_baseline_that_leaps_counts_as_it_is():
    spans = wandering([-30.0] * 20 + [3.0] * 6 + [-30.0] * 6)
    spans[:, -1] = 300.0  # noise in the reading band
    snr = local_snr(spans[None])[0]
    assert snr[20:26] == pytest.approx(-3.0, abs=0.2)
    assert (snr[:20] > 40).all()
    assert span_kinds(spans[:, : len(KINDS)])[22] == KINDS[WANDER]


def test_excursions_are_those_of_their_own_segment():
    """What follows makes no difference; a tail is compared with the last 32 spans."""
    first, second, tail = np.repeat([-30.0, 3.0], (20, 12)), np.full(SPANS, 3.0), np.full(4, 3.0)
    both = excursions(np.concatenate([first, second]))
    np.testing.assert_array_equal(both[:SPANS], excursions(first))
    assert not both[SPANS:].any()
    assert not excursions(tail).any()
    after = excursions(np.concatenate([np.full(SPANS, -30.0), tail]))[SPANS:]
    assert after == pytest.approx(10**0.3, rel=0.02)


def test_spans_that_are_unknown_have_no_excursion_and_change_none():
    found = excursions(np.repeat([np.nan, -30.0, 3.0], (4, 20, 8)))
    assert np.isnan(found[:4]).all()
    assert (found[-8:] > 1.9).all()
    assert np.isnan(excursions(np.full(SPANS, np.nan))).all()


@settings(deadline=None)
@given(st.lists(st.floats(-60, 60), min_size=1, max_size=3 * SPANS))
def test_an_excursion_makes_a_span_count_at_most_as_much_as_it_has(wander):
    """Between what is weighted and what is there."""
    levels = np.round(wandering(wander)[:, : len(KINDS)], 1)
    counted = weighted_spans(levels, excursions(levels[:, WANDER]))[:, WANDER]
    assert (counted <= np.fmax(levels[:, WANDER], weighted(levels)[:, WANDER]) + 1e-6).all()
    assert np.isfinite(counted).all()


def test_microvolts():
    """An ECG 20 dB below a reference of 1 mV^2 has 0.1 mV; noise 6 dB below that half of it."""
    rms = ecg_rms(np.array([-20.0]), np.array([0.0]))
    assert rms == pytest.approx([0.1])
    assert microvolts(np.array([[-6.0206]]), rms) == pytest.approx(np.array([[50.0]]), rel=1e-4)


def test_limits_make_rules():
    limits = SpanLimits(good=18.0, fair=5.0, poor=0.0, margin=3.0, gap=1.0, shortest=2.0, leak=6.0)
    limits = replace(limits, narrow_margin=2.0)
    assert limits.rule(3) == SpanRule(0.0, 2.0, 1.0, 2.0, 6.0)
    assert limits.rule(2) == limits.rule_below(5.0) == SpanRule(5.0, 8.0, 1.0, 2.0, 6.0)
    assert limits.rule(1) == SpanRule(18.0, 20.0, 1.0, 2.0, 6.0)
    assert limits.rule(0).enter == np.inf
    for wrong in (
        {"fair": 20.0},
        {"margin": -1.0},
        {"narrow_margin": -1.0},
        {"gap": -1.0},
        {"shortest": np.nan},
        {"leak": -1.0},
    ):
        with pytest.raises(ModelFormatError):
            SpanLimits(**wrong)
