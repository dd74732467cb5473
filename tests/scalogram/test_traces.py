"""Traces of the signal: gain falls out, power adds up, and each lead has its own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgnoise import simulate_ecg
from ecgnoise.scalogram.profile import COLUMNS
from ecgnoise.scalogram.traces import LEAST, TRACES, total_power, traces

RATE = 500.0


@pytest.fixture(scope="module")
def leads():
    """Three leads of 10 s in mV."""
    return simulate_ecg(10, RATE, seed=3, lead_names=["I", "II", "V2"]).signal


@settings(deadline=None, max_examples=30)
@given(st.floats(-4, 4))
def test_gain_falls_out(power):
    signal = np.random.default_rng(0).normal(size=(2, 2500))
    reference = np.array([-1.0, 0.5])
    expected = traces(signal, reference)
    np.testing.assert_allclose(traces(signal * 10**power, reference + 2 * power), expected, atol=1e-4)


def test_polarity_turns_the_first_trace_alone(leads):
    reference = np.full(len(leads), -1.0)
    one, turned = traces(leads, reference), traces(-leads, reference)
    np.testing.assert_allclose(turned[:, 0], -one[:, 0], atol=1e-5)
    np.testing.assert_allclose(turned[:, 1:], one[:, 1:], atol=1e-5)


def test_a_lead_has_the_same_traces_whatever_the_others_are(leads):
    reference = np.array([-1.0, -0.5, 0.0])
    together = traces(leads, reference)
    assert together.shape == (len(leads), TRACES, COLUMNS)
    for row in range(len(leads)):
        np.testing.assert_array_equal(traces(leads[row : row + 1], reference[row : row + 1])[0], together[row])


def test_an_offset_does_not_count(leads):
    reference = np.zeros(len(leads))
    np.testing.assert_allclose(traces(leads + 100.0, reference), traces(leads, reference), atol=1e-3)


def test_the_first_trace_is_the_mean_of_each_column():
    signal = np.repeat(np.random.default_rng(1).normal(size=(1, COLUMNS)), 20, axis=1)
    found = traces(signal, np.zeros(1))
    means = signal.reshape(COLUMNS, 20).mean(axis=1) - signal.mean()
    np.testing.assert_allclose(np.sinh(found[0, 0]), means, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[0, 1], np.log10(LEAST), atol=1e-5)


@pytest.mark.parametrize("other", [100.0, 250.0, 1000.0])
def test_the_sampling_frequency_hardly_matters(other):
    def of(rate):
        times = np.arange(round(10 * rate)) / rate
        return traces((np.sin(2 * np.pi * 1.2 * times) + 0.3 * np.sin(2 * np.pi * 0.2 * times))[None], np.zeros(1))

    found, expected = of(other), of(RATE)
    assert np.abs(found[0, 0] - expected[0, 0]).max() < 0.06 * max(1.0, 160 / other)
    assert np.abs(found[0, 2] - expected[0, 2]).max() < 0.03


def test_total_power_is_that_of_the_window():
    signal = np.random.default_rng(2).normal(size=(3, 5000)) * np.array([[0.1], [1.0], [10.0]])
    found = total_power(traces(signal, np.zeros(3)))
    np.testing.assert_allclose(found, np.log10(signal.var(axis=1)), atol=0.02)


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_huge_and_tiny_signals_have_finite_traces(factor):
    signal = np.random.default_rng(3).normal(size=(1, 2500)) * factor
    found = traces(signal, np.array([0.0]))
    assert np.isfinite(found).all()
    assert np.isfinite(total_power(found)).all()
