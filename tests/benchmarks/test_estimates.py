"""Estimates of the SNR that are compared on development leads, with answers made by hand."""

import numpy as np
import pytest
from benchmarks.estimates import ESTIMATES, Said, cautious, measured, nearer_to_levels, of_levels, of_wander, table
from benchmarks.quality.stress import SNRS

from benchmarks import estimates
from ecgnoise.noise_levels import KINDS

TRUTH = np.tile(np.array(SNRS, float), (8, 1))


def said(offset=0.0, below=2.0, wander=-60.0):
    """A model that is right but for an offset, with intervals so far below, and all noise of one kind beside wander."""
    noise = np.full((*TRUTH.shape, len(KINDS)), -200.0)
    noise[..., KINDS.index("baseline_wander")] = wander
    noise[..., KINDS.index("broadband")] = -TRUTH
    return Said(TRUTH + offset, TRUTH + offset - below, noise, 20 + TRUTH / 2)


def test_a_model_that_is_right_has_no_error_by_any_estimate_of_its_own():
    figures = measured({"white": said(), "bw": said()})
    assert set(figures) == set(ESTIMATES)
    for name in ESTIMATES:
        mae, r, rank, falls = figures[name]
        assert mae < (2.5 if name == "the lower end of the interval" else 0.01), name
        assert (round(r, 3), round(rank, 3), falls) == (1, 1, 1), name


def test_what_each_estimate_does():
    wide = said(below=12.0)
    assert cautious(wide, 5.0, 0.5) == pytest.approx(TRUTH - 3.5)
    assert cautious(said(below=4.0), 5.0, 0.5) == pytest.approx(TRUTH)
    assert of_levels(said()) == pytest.approx(TRUTH, abs=0.01)
    assert nearer_to_levels(said(offset=10.0), 4.0) == pytest.approx(TRUTH + 7.0, abs=0.01)
    assert of_wander(said(wander=0.0)).max() == pytest.approx(estimates.WANDER_ALLOWED)


def test_the_table_has_a_row_for_each_estimate():
    figures = measured({"white": said()})
    rows = table({"raw": figures, "drift_free": figures}).splitlines()
    assert len(rows) == 2 + len(ESTIMATES)
    assert {row.count("|") for row in rows} == {10}
