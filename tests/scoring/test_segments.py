"""Windows, tails, parts and faults."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgnoise.errors import OptionError
from ecgnoise.recording import Recording
from ecgnoise.scalogram.profile import COLUMNS
from ecgnoise.scoring.accumulator import Accumulator, Layout
from ecgnoise.scoring.lead_score import LeadFault
from ecgnoise.scoring.notes import clipping
from ecgnoise.segments import (
    cut,
    fill,
    find_fault,
    lengthen,
    look_for_faults,
    part_columns,
    part_times,
    segment_times,
    touches,
    windows,
)
from ecgnoise.simulate import simulate_ecg


@given(samples=st.integers(1, 200_000), rate=st.sampled_from([100.0, 128.0, 250.0, 333.3, 360.0, 500.0, 1000.0]))
def test_windows_cover_each_sample_once(samples, rate):
    spans = windows(samples, rate)
    length = round(10 * rate)
    assert spans[0].new == 0
    assert spans[-1].stop == samples
    for before, after in pairwise(spans):
        assert after.new == before.stop
    for window in spans:
        assert window.stop - window.start == min(length, samples)
        first, last = window.columns
        assert 0 <= first < last <= COLUMNS
    times = [segment_times(window, rate) for window in spans]
    assert sum(duration for _, duration in times) == pytest.approx(samples / rate)


@given(parts=st.integers(1, COLUMNS), new=st.integers(1, COLUMNS))
def test_parts_cover_the_columns(parts, new):
    columns = (COLUMNS - new, COLUMNS)
    spans = part_columns(columns, parts)
    assert len(spans) <= parts
    assert spans[0][0] == columns[0]
    assert spans[-1][1] == columns[1]
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    assert all(last > first for first, last in spans)


@pytest.mark.parametrize("parts", [0, -1, COLUMNS + 1])
def test_parts_out_of_range_are_refused(parts):
    with pytest.raises(OptionError, match="1 to 256"):
        part_columns((0, COLUMNS), parts)


def test_tails_of_every_length_keep_a_column():
    for rest in range(1, 5000):
        window = windows(10_000 + rest, 500.0)[-1]
        assert window.columns == (COLUMNS - max(1, COLUMNS * rest // 5000), COLUMNS)


def test_parts_of_a_tail_lie_in_its_time():
    window = windows(12_000, 500.0)[-1]
    times = np.array(part_times(window, 8, 500.0))
    assert np.isnan(times[4:]).all()
    assert times[0, 0] == pytest.approx(20.0, abs=0.04)
    assert times[3].sum() == pytest.approx(24.0, abs=1e-9)


def clean_lead(rate=500.0, seconds=10):
    return simulate_ecg(seconds, rate, seed=5).signal[1].copy()


def test_a_clean_lead_has_no_fault():
    fault, faulty = find_fault(clean_lead(), 500.0)
    assert fault == ""
    assert not faulty.any()


def test_a_coarsely_quantised_clean_lead_has_no_fault():
    """5-uV and 20-uV steps make short runs of equal samples, also at the lowest value."""
    for step in (0.005, 0.02):
        noise = np.random.default_rng(0).normal(0, 0.01, 5000)
        lead = (np.round((clean_lead() + noise) / step) * step).astype(np.float32)
        assert find_fault(lead, 500.0)[0] == ""


@pytest.mark.parametrize(("seconds", "expected"), [(0.9, ""), (1.1, "flat"), (10, "flat")])
def test_a_flat_stretch_of_a_second_is_a_fault(seconds, expected):
    lead = clean_lead()
    samples = int(seconds * 500)
    lead[:samples] = 0.05
    fault, faulty = find_fault(lead, 500.0)
    assert fault == expected
    assert faulty.sum() in range(samples, samples + 2) if expected else not faulty.any()


@pytest.mark.parametrize(("seconds", "expected"), [(0.9, ""), (1.1, "missing"), (10, "missing")])
def test_a_missing_stretch_of_a_second_is_a_fault(seconds, expected):
    lead = clean_lead()
    lead[1000 : 1000 + int(seconds * 500)] = np.nan
    fault, faulty = find_fault(lead, 500.0)
    assert fault == expected
    assert np.array_equal(faulty, np.isnan(lead) if expected else np.zeros(5000, np.bool_))


def test_a_railed_lead_is_clipped():
    lead = clean_lead() + 3 * np.sin(np.arange(5000) / 300).astype(np.float32)
    lead = np.clip(lead, -1.0, 1.0)
    fault, faulty = find_fault(lead, 500.0)
    assert fault == "clipped"
    assert faulty[np.abs(lead) == 1.0].mean() > 0.8
    assert not faulty[np.abs(lead) < 0.9].any()


def swinging(seed=1):
    """A clean lead on swings of 1 mV and 1 to 2 Hz."""
    turns = np.cumsum(1.5 + 0.5 * np.sin(np.arange(5000) / 900 + seed)) / 500
    return clean_lead() + 1.5 * np.sin(2 * np.pi * turns).astype(np.float32)


@pytest.mark.parametrize("limit", [0.3, 0.6, 0.9])
def test_a_noisy_rail_is_clipped(limit):
    noisy = np.random.default_rng(2).normal(0, 0.002, 5000)
    railed = (np.clip(swinging(), -limit, limit) + noisy).astype(np.float32)
    fault, faulty = find_fault(railed, 500.0)
    assert fault == "clipped"
    assert faulty[np.abs(swinging()) > limit].mean() > 0.7
    assert not faulty[np.abs(swinging()) < 0.8 * limit].any()


def test_a_soft_rail_of_a_third_is_clipped():
    assert find_fault(np.tanh(3 * swinging()), 500.0)[0] == "clipped"


def test_many_short_runs_at_a_rail_add_up():
    turns = np.arange(5000) / 500 * 4.0
    lead = np.clip(3 * np.sin(2 * np.pi * turns), -2.4, 2.4) + np.random.default_rng(3).normal(0, 0.005, 5000)
    fault, faulty = find_fault(lead.astype(np.float32), 500.0)
    assert fault == "clipped"
    assert 0.3 < faulty.mean() < 0.5


@pytest.mark.parametrize("frequency", [0.1, 0.3, 1.0, 2.0, 5.0])
def test_the_crest_of_a_wave_is_no_rail(frequency):
    """Baseline wander, flutter and fibrillation linger at their extremes, but turn gently."""
    wave = np.sin(2 * np.pi * frequency * np.arange(5000) / 500).astype(np.float32)
    for lead in (wave, wave + clean_lead() / 5, wave + 0.002 * np.random.default_rng(0).normal(size=5000)):
        assert not look_for_faults(lead.astype(np.float32), 500.0)[2].any()


def test_a_baseline_at_the_extreme_is_no_rail():
    """Leads with deflections of one sign only lie at their smallest or largest value between the beats."""
    lead = np.abs(clean_lead())
    for one_sided in (lead, -lead, np.round(lead, 2)):
        assert not look_for_faults(one_sided.astype(np.float32), 500.0)[2].any()


@pytest.mark.parametrize(("milliseconds", "railed"), [(36, False), (44, True)])
def test_runs_at_a_rail_count_from_40_ms_on(milliseconds, railed):
    lead = np.sin(np.arange(5000) / 200).astype(np.float32)
    width = milliseconds // 2
    for first in range(200, 4800, 250):
        lead[first : first + width] = 2.0
    assert look_for_faults(lead, 500.0)[2].any() == railed


@pytest.mark.parametrize(("distance", "railed"), [(0.22, False), (0.28, True)])
def test_a_rail_lies_more_than_a_quarter_of_the_range_from_the_median(distance, railed):
    lead = np.random.default_rng(0).normal(distance, 0.005, 5000)
    lead[2500] = 1.0
    for first in range(200, 4800, 250):
        lead[first : first + 50] = 0.0
    assert look_for_faults(lead.astype(np.float32), 500.0)[2].any() == railed


def test_pulses_of_calibration_are_no_rail():
    lead = clean_lead() * 0.5
    lead[100:200] = 1.0 + np.random.default_rng(0).normal(0, 0.001, 100)
    assert not look_for_faults(lead, 500.0)[2].any()


@pytest.mark.parametrize("rate", [100.0, 250.0, 1000.0])
def test_rails_do_not_depend_on_the_sampling_frequency(rate):
    time = np.arange(round(10 * rate)) / rate
    wave = np.sin(2 * np.pi * 1.5 * time)
    railed = np.clip(wave, -0.7, 0.7) + 0.001 * np.sin(2 * np.pi * 37 * time)
    assert find_fault(railed.astype(np.float32), rate)[0] == "clipped"
    assert find_fault(wave.astype(np.float32), rate)[0] == ""


def test_a_little_clipping_is_a_note_with_its_share():
    lead = swinging()
    samples = np.stack([np.minimum(lead, np.quantile(lead, 0.94)), lead]).astype(np.float32)
    recording = Recording.from_array(samples, 500.0, lead_names=("II", "V1"))
    spans = windows(5000, 500.0)
    cuts = cut(recording, 0, spans[0])
    assert [item.fault for item in cuts] == ["", ""]
    assert cuts[0].railed == pytest.approx(0.06, abs=0.02)
    assert cuts[1].railed == 0.0
    found = Accumulator.empty(2, Layout.of(spans, 1, 0))
    for item in cuts:
        found.store(item, LeadFault.of(item))
    (note,) = clipping(found, recording)
    assert re.match(r"clipped for [4-8] % of II: ", note)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_faults_do_not_depend_on_gain(scale):
    lead = clean_lead()
    lead[:600] = 0.05
    assert find_fault(lead * np.float32(scale), 500.0)[0] == "flat"
    assert find_fault(clean_lead() * np.float32(scale), 500.0)[0] == ""


def test_faulty_samples_touch_their_columns_only():
    faulty = np.zeros(5000, np.bool_)
    faulty[2500:3000] = True
    touched = [touches(faulty, columns) for columns in part_columns((0, COLUMNS), 8)]
    assert touched == [False, False, False, False, True, False, False, False]


def test_filling_draws_a_straight_line():
    signal = np.array([[1.0, np.nan, np.nan, 4.0], [np.nan] * 4], np.float32)
    assert fill(signal).tolist() == [[1, 2, 3, 4], [0, 0, 0, 0]]


@given(samples=st.integers(2500, 5000))
def test_short_signals_are_reflected(samples):
    signal = np.arange(samples, dtype=np.float32)[None]
    long = lengthen(signal, 5000)
    assert long.shape == (1, 5000)
    assert np.array_equal(long[:, :samples], signal)
    if samples < 5000:
        assert long[0, samples] == samples - 1


def test_a_fault_in_the_old_part_of_a_tail_is_not_the_tails():
    signal = simulate_ecg(14, 500, seed=2).signal.copy()
    signal[0, 3000:4000] = np.nan
    recording = Recording.from_array(signal, 500.0)
    spans = windows(7000, 500.0)
    first = cut(recording, 0, spans[0])[0]
    tail = cut(recording, 1, spans[1])[0]
    assert (first.fault, first.scored) == ("missing", False)
    assert (tail.fault, tail.scored) == ("", True)
    assert tail.faulty.any()


def test_a_short_flat_end_is_not_lengthened_into_a_fault():
    signal = simulate_ecg(6, 500, seed=2, lead_names=("II",)).signal.copy()
    signal[0, -300:] = 0.05
    item = cut(Recording.from_array(signal, 500.0), 0, windows(3000, 500.0)[0])[0]
    assert (item.fault, item.scored) == ("short", True)


def test_a_constant_lead_with_gaps_is_flat():
    signal = np.full((1, 5000), 0.3, np.float32)
    signal[0, ::250] = np.nan
    item = cut(Recording.from_array(signal, 500.0), 0, windows(5000, 500.0)[0])[0]
    assert (item.fault, item.drawable) == ("flat", False)
