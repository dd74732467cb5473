"""Intervals, masks and what is kept of a recording."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgnoise.errors import EcgNoiseError, OptionError, SamplingFrequencyError, SignalShapeError
from ecgnoise.noise_levels import SpanRule
from ecgnoise.recording import Recording
from ecgnoise.results.intervals import noisy_spans
from results_by_hand import changed, graded

ROWS = st.integers(1, 4).flatmap(
    lambda leads: st.integers(1, 7).flatmap(
        lambda segments: st.lists(
            st.text("gfpu-", min_size=segments, max_size=segments), min_size=leads, max_size=leads
        )
    )
)


def spans(result, *arguments, **options):
    return [(i.lead, i.start, i.stop, i.grade) for i in result.intervals(*arguments, **options)]


def test_intervals_lie_end_to_end_and_faults_count():
    result = graded(["guu-gu", "gggggg"], last=4.0)
    assert spans(result) == [("II", 10.0, 40.0, "unusable"), ("II", 50.0, 54.0, "unusable")]
    first = result.intervals()[0]
    assert (first.psnr, first.fault, first.noise) == (12.0, "flat", "muscle")


def test_without_a_score_an_interval_has_no_grade():
    (interval,) = graded(["g-g"]).intervals()
    assert (interval.grade, interval.fault) == ("", "flat")
    assert np.isnan(interval.psnr)


def test_a_worse_grade_counts_too_and_gaps_are_bridged():
    result = graded(["pgufgg"])
    assert spans(result, "unusable") == [("II", 20.0, 30.0, "unusable")]
    assert spans(result) == spans(result, "poor") == [("II", 0.0, 10.0, "poor"), ("II", 20.0, 30.0, "unusable")]
    assert spans(result, "poor", join=10.0) == [("II", 0.0, 30.0, "unusable")]
    assert spans(result, "fair") == [("II", 0.0, 10.0, "poor"), ("II", 20.0, 40.0, "unusable")]


@given(ROWS, st.sampled_from(["good", "fair", "poor", "unusable"]), st.sampled_from([1.0, 7.25, 10.0]))
def test_mask_intervals_and_seconds_say_the_same(grades, grade, last):
    result = graded(grades, last=last)
    mask = result.mask(grade=grade)
    assert mask.shape == (len(grades), round(result.seconds * 250))
    np.testing.assert_allclose(mask.sum(axis=1) / 250, result.usable_seconds(grade), atol=1 / 250)
    hidden = sum(interval.duration for interval in result.intervals(grade))
    assert hidden + mask.sum() / 250 == pytest.approx(result.seconds * len(grades), abs=0.05)


SNRS = st.lists(st.one_of(st.floats(-20, 40), st.just(np.nan)), min_size=1, max_size=40)
RULE = SpanRule(5.0, 13.0, 0.5, 0.6, leak=4.0)


def marked(snr, rule=RULE):
    """Which spans of 0.3125 s are noisy, as a text of # and -."""
    ends = 0.3125 * np.arange(len(snr) + 1)
    noisy = noisy_spans(np.array(snr, np.float64), ends[:-1], ends[1:], rule)
    return "".join("#" if one else "-" for one in noisy)


def test_a_stretch_reaches_as_far_as_its_own_noise():
    """What the window of a second sees of noise beside a span is no noise of that span, at whichever end."""
    assert marked([25, 9, 1, 0, 0, 2, 11, 25]) == "--####--"
    assert marked([25, 4.9, 0.5, 0, 0, 2, 5.1, 25]) == "-######-"  # below the limit, or about as noisy as the next
    assert marked([25, 11, 8, 3, 3, 7, 11, 25]) == "-######-"
    assert marked([9, 1, 0, 0, 2, 11]) == "######"  # nothing is known of what lies before and behind
    assert marked([25, 9, 1, 0, 0, 2, 11, 25], replace(RULE, leak=np.inf)) == "-######-"
    assert marked([25, 12, 1, 12, 25]) == "-----"  # 0.3 s is left
    assert marked([25, 1, 0, 9, 1, 0, 25]) == "-#####-"  # within a stretch nothing is taken away


@given(SNRS)
def test_marked_stretches_are_those_of_the_rule(snr):
    ours, whole = marked(snr), marked(snr, replace(RULE, leak=np.inf))
    assert marked(snr[::-1]) == ours[::-1]
    assert all(before == "#" for before, after in zip(whole, ours, strict=True) if after == "#")
    assert all(mark == "#" for mark, value in zip(ours, snr, strict=True) if np.isnan(value))


@pytest.mark.parametrize("frequency", [100.0, 360.0, 499.5])
def test_mask_at_another_rate(frequency):
    mask = graded(["gug"]).mask(frequency)
    assert mask.shape == (1, round(30 * frequency))
    assert mask[0, : round(10 * frequency)].all()
    assert not mask[0, round(10 * frequency) : round(20 * frequency)].any()
    assert mask[0, round(20 * frequency) :].all()


def test_kept_recording_misses_what_is_unusable():
    signal = np.random.default_rng(0).normal(size=(2, 7000)).astype(np.float32)
    recording = Recording.from_array(signal, 250.0, lead_names=["II", "V1"])
    result = graded(["gug", "ggg"], last=8.0)
    kept = result.keep(recording)
    np.testing.assert_array_equal(np.isnan(kept.signal), ~result.mask())
    np.testing.assert_array_equal(kept.signal[1], signal[1])
    np.testing.assert_array_equal(kept.window(2400, 2600), kept.signal[:, 2400:2600])
    np.testing.assert_array_equal(kept.window(3000, 3100), kept.signal[:, 3000:3100])
    assert not np.isnan(recording.signal).any()
    assert "poor or worse" in kept.notes[-1]
    np.testing.assert_array_equal(kept.pick(["V1"]).signal[0], signal[1])


def test_wrong_words_and_recordings_are_one_line():
    result = graded(["gug", "ggg"])
    other = Recording.from_array(np.zeros((2, 5000)), 250.0, lead_names=["II", "V1"])
    renamed = Recording.from_array(np.zeros((2, 7500)), 250.0)
    with pytest.raises(OptionError, match="'bad': pass one of good, fair, poor, unusable"):
        result.intervals("bad")
    with pytest.raises(OptionError, match="join -1"):
        result.intervals(join=-1)
    with pytest.raises(SamplingFrequencyError, match="mask"):
        result.mask(0.0)
    for recording in (other, renamed):
        with pytest.raises(SignalShapeError, match="pass the recording that was scored") as caught:
            result.keep(recording)
        assert isinstance(caught.value, EcgNoiseError)
        assert "\n" not in str(caught.value)


def test_quality_has_a_number_for_each_sample():
    result = changed(graded(["gu-", "ggg"], last=5.0), percentile=np.array([[80.0, 0.0, np.nan], [50.0, 60.0, 70.0]]))
    quality = result.quality(100.0)
    assert quality.shape == (2, 2500)
    assert quality[:, [0, 999, 1000, 1999, 2000, 2499]].tolist() == [
        [0.8, 0.8, 0.0, 0.0, 0.0, 0.0],
        [0.5, 0.5, 0.6, 0.6, 0.7, 0.7],
    ]
    assert np.isnan(graded(["gg"]).quality()).all()
