"""Simulated leads of unusual hearts, to train on."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import find_peaks

from ecgnoise.training.levels.hearts import (
    CONDUCTIONS,
    HIGHEST,
    RHYTHMS,
    SHAPES,
    Heart,
    draw_heart,
    heart_lead,
    unusual_leads,
)

STEADY = Heart(shape="R", t_wave=0.2)


def leads_of(heart, count=20, sampling_frequency=500.0):
    """Some leads of one heart, upright."""
    rng = np.random.default_rng(3)
    leads = np.array([heart_lead(heart, rng, sampling_frequency) for _ in range(count)])
    upright = np.where(leads.max(axis=1) >= -leads.min(axis=1), 1.0, -1.0)
    return leads * upright[:, None]


def intervals(lead, sampling_frequency=500.0):
    """Seconds between peaks as high as R waves."""
    peaks, _ = find_peaks(lead, height=0.6 * lead.max(), distance=0.2 * sampling_frequency)
    return np.diff(peaks) / sampling_frequency


@pytest.mark.parametrize("sampling_frequency", [100.0, 360.0, 500.0, 1000.0])
def test_leads_have_ten_seconds_and_heights_of_an_ecg(sampling_frequency):
    leads = unusual_leads(100, np.random.default_rng(1), sampling_frequency)
    assert leads.shape == (100, 10 * sampling_frequency)
    assert leads.dtype == np.float32
    heights = np.ptp(leads, axis=1)
    assert heights.min() > 0.03
    assert heights.max() <= HIGHEST * 1.0001


def test_same_seed_same_leads():
    first, again = (unusual_leads(5, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, unusual_leads(5, np.random.default_rng(8)))


def test_all_rhythms_conductions_and_shapes_are_drawn_and_none_is_most():
    rng = np.random.default_rng(2)
    hearts = [draw_heart(rng) for _ in range(2000)]
    for name, values in (("rhythm", RHYTHMS), ("conduction", CONDUCTIONS), ("shape", tuple(SHAPES))):
        drawn = [getattr(heart, name) for heart in hearts]
        shares = [drawn.count(value) / len(drawn) for value in values]
        assert min(shares) > 0.01, name
        assert max(shares) < 0.6, name
    rates = np.array([heart.rate for heart in hearts])
    assert rates.min() < 35
    assert rates.max() > 180
    voltages = np.array([heart.voltage for heart in hearts])
    assert 0.15 < np.mean(voltages < 0.3) < 0.35
    assert max(abs(heart.st) for heart in hearts) <= 0.5
    assert np.mean([abs(heart.t_wave) > 0.6 for heart in hearts]) > 0.1


@pytest.mark.parametrize("rate", [30, 70, 144, 200])
def test_beats_come_at_the_rate(rate):
    for lead in leads_of(replace(STEADY, rate=rate)):
        assert 60 / np.median(intervals(lead)) == pytest.approx(rate, rel=0.05)


def test_fibrillation_is_irregular_and_trembles_between_beats():
    def irregularity(rhythm):
        leads = leads_of(replace(STEADY, rhythm=rhythm, t_wave=0.1, rate=90), count=30)
        return np.median([intervals(lead).std() / intervals(lead).mean() for lead in leads])

    assert irregularity("atrial fibrillation") > 0.1 > 0.03 > irregularity("regular")


def test_pauses_are_longer_than_other_intervals():
    longest = [intervals(lead).max() for lead in leads_of(replace(STEADY, rhythm="pauses", rate=80))]
    assert np.median(longest) > 1.4 * 60 / 80


def test_every_other_beat_of_bigeminy_comes_early():
    apart = [intervals(lead) for lead in leads_of(replace(STEADY, rhythm="bigeminy", rate=70))]
    regular = [intervals(lead) for lead in leads_of(replace(STEADY, rate=70))]
    spread = [np.median([part.std() / part.mean() for part in parts if part.size]) for parts in (apart, regular)]
    assert spread[0] > 5 * spread[1]


def test_wide_complexes_are_wider():
    def width(conduction):
        leads = leads_of(replace(STEADY, conduction=conduction, t_wave=0.0))
        return np.median([np.mean(lead > 0.5 * lead.max()) for lead in leads])

    assert width("bundle branch block") > 1.4 * width("narrow")


def test_pacing_spikes_are_narrow_and_stand_before_the_complexes():
    for lead in leads_of(replace(STEADY, conduction="ventricular pacing", voltage=0.8, t_wave=-0.3)):
        steep = np.abs(np.diff(lead, 2))
        spikes, _ = find_peaks(steep, height=0.3 * steep.max(), distance=100)
        assert 9 <= spikes.size <= 14  # 70 a minute
        for spike in spikes[1:-1]:
            around = steep[spike - 15 : spike + 15]
            assert np.mean(around > 0.3 * steep[spike]) < 0.3  # over within 9 samples, or 18 ms


@pytest.mark.parametrize("st", [-0.4, 0.4])
def test_st_segment_lies_where_it_is_told(st):
    rng = np.random.default_rng(4)
    heart = Heart(shape="R", voltage=1.5, st=st, t_wave=0.0, rate=60)
    lead = heart_lead(heart, rng)
    polarity = 1.0 if lead.max() > -lead.min() else -1.0
    peaks, _ = find_peaks(polarity * lead, height=0.9, distance=200)
    after = [polarity * lead[peak + 45] for peak in peaks if peak + 45 < lead.size]  # 90 ms behind R
    assert np.median(after) == pytest.approx(st, abs=0.08)


def test_tall_t_waves_are_as_tall_as_r():
    for lead in leads_of(replace(STEADY, t_wave=1.0, rate=60)):
        peaks, _ = find_peaks(lead, height=0.7 * lead.max(), distance=50)
        assert peaks.size >= 17  # two a beat


def test_low_voltage_and_polarity():
    rng = np.random.default_rng(6)
    leads = np.array([heart_lead(Heart(shape="R", voltage=0.1), rng) for _ in range(60)])
    assert np.ptp(leads, axis=1).max() < 0.2
    inverted = np.mean(leads.max(axis=1) < -leads.min(axis=1))
    assert 0.02 < inverted < 0.4
