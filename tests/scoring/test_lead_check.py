"""Leads that are not what their names say, and verdicts on records."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from ecgnoise import Quantifier, read
from ecgnoise.errors import OptionError
from ecgnoise.recording import Recording
from ecgnoise.results.lead_remark import CONTRADICTORY, DUPLICATED, INVERTED, SWAPPED, LeadRemark
from ecgnoise.results.verdicts import record_verdict
from ecgnoise.scoring.lead_check import LIMB_LEADS, check_leads
from ecgnoise.simulate import STANDARD_LEADS, NoiseKind, add_noise, simulate_ecg
from results_by_hand import changed, graded

CLEAN = simulate_ecg(35, 250, seed=3)


def remarks(signal, names=STANDARD_LEADS):
    return [
        (remark.what, set(remark.leads)) for remark in check_leads(Recording.from_array(signal, 250, lead_names=names))
    ]


def test_leads_that_fit_have_no_remark():
    assert check_leads(CLEAN) == ()
    assert check_leads(CLEAN.pick(["V1", "V2"])) == ()
    assert check_leads(CLEAN.pick(["aVF", "I", "aVL", "II", "aVR", "III"])) == ()


def test_noise_of_the_electrodes_fits_too():
    """Noise in I and II alone, of which the others are made again."""
    noisy = add_noise(CLEAN, NoiseKind.MUSCLE, -10.0).signal
    one, two = noisy[:2]
    noisy[2:6] = two - one, -(one + two) / 2, one - two / 2, two - one / 2
    assert remarks(noisy) == []


@pytest.mark.parametrize(("first", "second"), list(combinations(range(6), 2)))
def test_any_two_limb_leads_exchanged(first, second):
    names = list(STANDARD_LEADS)
    names[first], names[second] = names[second], names[first]
    assert remarks(CLEAN.signal, names) == [(SWAPPED, {LIMB_LEADS[first], LIMB_LEADS[second]})]


def misfit(signal):
    """The standard deviation that the worst identity leaves over, relative to its lead."""
    one, two = signal[:2]
    derived = np.stack([two - one, -(one + two) / 2, one - two / 2, two - one / 2])
    centred = signal[2:6] - derived - (signal[2:6] - derived).mean(axis=1, keepdims=True)
    return (centred.std(axis=1) / np.maximum(signal[2:6].std(axis=1), derived.std(axis=1))).max()


@pytest.mark.parametrize(("share", "found"), [(0.18, []), (0.22, [(CONTRADICTORY, set(LIMB_LEADS))])])
def test_leads_contradict_each_other_from_a_fifth_on(share, found):
    """A little that fits nowhere is noise of the amplifier; 0.2 of the worst lead is the limit."""
    signal = CLEAN.signal.copy()
    added = np.random.default_rng(1).normal(size=signal.shape[1])
    signal[5] += share * np.hypot(1.0, share) * signal[5].std() * added / added.std()
    assert misfit(signal) == pytest.approx(share, abs=0.005)
    assert remarks(signal) == found


@pytest.mark.parametrize(("share", "what"), [(0.08, SWAPPED), (0.13, CONTRADICTORY)])
def test_an_exchange_is_named_where_all_leads_then_fit(share, what):
    """After the exchange no identity may be off by more than a tenth of its lead."""
    signal = CLEAN.signal.copy()
    added = np.random.default_rng(1).normal(size=signal.shape[1])
    signal[5] += share * signal[5].std() * added / added.std()
    names = list(STANDARD_LEADS)
    names[0], names[2] = names[2], names[0]
    assert [found for found, _ in remarks(signal, names)] == [what]


@pytest.mark.parametrize(("own", "ratio", "what"), [(0.19, 1.88, CONTRADICTORY), (0.22, 2.10, INVERTED)])
def test_one_explanation_must_be_twice_as_good_as_the_next(own, ratio, what):
    """With hardly any aVL, I and III are nearly the same: aVL turned over looks much like I and III exchanged."""
    signal = CLEAN.signal.astype(np.float64)
    one, other = signal[0], signal[7] * signal[0].std() / signal[7].std()
    two = 2 * one + own * other
    signal[:6] = one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2
    added = np.random.default_rng(1).normal(size=len(one))
    signal[5] += 0.04 * signal[5].std() * added / added.std()
    exchanged = signal[[2, 1, 0, 3, 4, 5]] * np.array([1, 1, 1, 1, -1, 1])[:, None]
    assert misfit(exchanged) / misfit(signal) == pytest.approx(ratio, abs=0.05)
    signal[4] *= -1
    assert [found for found, _ in remarks(signal)] == [what]


@pytest.mark.parametrize("lead", range(6))
def test_any_limb_lead_turned_over(lead):
    signal = CLEAN.signal.copy()
    signal[lead] *= -1
    assert remarks(signal) == [(INVERTED, {LIMB_LEADS[lead]})]


@pytest.mark.parametrize("sign", [1, -1])
def test_the_same_samples_twice(sign):
    signal = CLEAN.signal.copy()
    signal[7] = sign * signal[6] + 0.5
    assert remarks(signal) == [(DUPLICATED, {"V1", "V2"})]


def test_leads_of_different_people_contradict_each_other():
    signal = CLEAN.signal.copy()
    signal[:3] = simulate_ecg(35, 250, seed=9, heart_rate=90).signal[:3]
    assert remarks(signal) == [(CONTRADICTORY, set(LIMB_LEADS))]


def test_flat_and_missing_leads_are_no_riddle():
    signal = CLEAN.signal.copy()
    signal[2] = 0.0
    signal[6:8] = 0.0
    signal[8] = np.nan
    signal[9, 100:200] = np.nan
    assert remarks(signal) == []
    assert remarks(np.full((2, 100), np.nan), ["I", "II"]) == []
    assert remarks(CLEAN.signal[:, :20]) == []


@pytest.mark.parametrize("name", ["as the file says", "in the usual order"])
def test_lead_order_of_challenge_2011(data, name):
    """Its files hold aVF before aVL. Named in the usual order instead, nearly all records give it away."""
    files = sorted((data / "challenge-2011" / "set-a-wfdb").glob("*.hea"))[:150]
    found = []
    for file in files:
        recording = read(file)
        assert recording.lead_names[3:6] == ("aVR", "aVF", "aVL")
        if name == "in the usual order":
            recording = replace(recording, lead_names=STANDARD_LEADS)
        found += [remark for remark in check_leads(recording) if set(remark.leads) <= set(LIMB_LEADS)]
    swapped = LeadRemark(("aVL", "aVF"), SWAPPED)
    if name == "in the usual order":
        assert found.count(swapped) >= 0.8 * len(files)
    else:
        assert swapped not in found
        assert len([remark for remark in found if remark.what != DUPLICATED]) <= 0.02 * len(files)


def test_verdict_of_a_record():
    result = graded(["gggg", "guuu", "----", "ggup"])
    verdict = record_verdict(result)
    assert verdict.worst_lead == "V5"
    assert np.isnan(verdict.kth_worst(1))
    assert (verdict.kth_worst(2), verdict.kth_worst(4)) == (12.0, 23.0)
    assert verdict.usable.tolist() == [1.0, 0.25, 0.0, 0.5]
    assert verdict.usable_share == 0.4375
    assert verdict.distrusted == ("V1", "V5")
    assert record_verdict(result, "unusable").usable.tolist() == [1.0, 0.25, 0.0, 0.75]
    odd = changed(result, lead_remarks=(LeadRemark(("II", "aVR"), SWAPPED),))
    assert record_verdict(odd).distrusted == ("II", "V1", "V5", "aVR")
    with pytest.raises(OptionError, match="k 5: there are 4 leads"):
        verdict.kth_worst(5)


def test_remarks_reach_the_result(tiny_model):
    from ecgnoise import quantify
    from ecgnoise.cli.text import result_text

    names = list(STANDARD_LEADS)
    names[4:6] = names[5], names[4]
    result = quantify(CLEAN.signal[:, :2500], 250, lead_names=names, model=tiny_model)
    assert [remark.what for remark in result.lead_remarks] == [SWAPPED]
    assert "note: aVL and aVF look swapped" in result_text(result, every_row=False)


@pytest.mark.parametrize("seconds", [3, 10, 35, 125])
def test_leads_are_checked_by_what_was_read_for_scoring(tiny_model, seconds):
    """Each sample is read once, but for those that the last window has in common with the one before."""
    ecg = simulate_ecg(seconds, 250, seed=3)
    names = list(STANDARD_LEADS)
    names[0], names[2] = names[2], names[0]
    read_of = np.zeros(seconds * 250, np.int64)

    class Counted:
        shape = (12, seconds * 250)

        def window(self, start, stop):
            read_of[start:stop] += 1
            return ecg.signal[:, start:stop]

    recording = Recording(Counted(), 250, tuple(names))
    result = Quantifier(tiny_model, threads=1, batch_size=1).quantify(recording)
    assert result.lead_remarks == check_leads(Recording.from_array(ecg.signal, 250, lead_names=names))
    assert result.lead_remarks == ((LeadRemark(("I", "III"), SWAPPED),) if seconds > 3 else result.lead_remarks)
    assert read_of.min() == 1
    assert (read_of[: max(0, len(read_of) - 2500)] == 1).all()
