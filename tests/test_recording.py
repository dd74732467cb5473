"""Recordings: which lead a name means, and arguments that do not fit each other."""

import numpy as np
import pytest

from ecgnoise import Recording
from ecgnoise.errors import LeadNameError, SignalShapeError
from ecgnoise.samples import ArraySamples


@pytest.fixture
def recording():
    signal = np.arange(4, dtype=np.float32)[:, None] + np.zeros(1000, np.float32)
    return Recording.from_array(signal, 100, lead_names=["a", "A", "II", "aVR"])


@pytest.mark.parametrize(
    ("asked", "found"), [(["a"], ["a"]), (["A", "a"], ["A", "a"]), (["ii", "AVR"], ["II", "aVR"]), (["II"], ["II"])]
)
def test_a_name_means_the_lead_that_is_written_so_or_the_only_one_that_differs_in_case(recording, asked, found):
    picked = recording.pick(asked)
    assert picked.lead_names == tuple(found)
    assert picked.signal[:, 0].tolist() == [recording.lead_names.index(name) for name in found]


@pytest.mark.parametrize(("asked", "message"), [(["b"], "no lead b; it has a, A"), ([], "none asked for")])
def test_an_absent_lead_is_named_with_those_there_are(recording, asked, message):
    with pytest.raises(LeadNameError, match=message):
        recording.pick(asked)


def test_a_name_of_which_several_leads_differ_in_case_alone_is_not_guessed():
    recording = Recording.from_array(np.zeros((2, 1000)), 100, lead_names=["Ecg", "ECG"])
    with pytest.raises(LeadNameError, match="lead ecg may be Ecg, ECG: name it with its own letters"):
        recording.pick(["ecg"])


def test_lead_faults_are_one_per_lead_or_none():
    samples = ArraySamples(np.zeros((2, 1000), np.float32))
    assert Recording(samples, 100, ("I", "II")).lead_faults == ("", "")
    with pytest.raises(SignalShapeError, match="1 lead_faults for 2 leads"):
        Recording(samples, 100, ("I", "II"), lead_faults=("no_gain",))
