"""The benchmarks' own arithmetic, and that their page says what was measured with the model that ships."""

import json

import numpy as np
import pytest
from benchmarks import quality, report
from benchmarks.machine import RESULTS

from ecgnoise import Quantifier
from ecgnoise.metrics import auroc, signed_wasserstein


def kept(name):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def test_the_page_is_what_was_measured():
    assert report.PAGE.read_text(encoding="utf-8") == report.page()


def test_quality_was_measured_with_the_model_that_ships():
    assert kept("quality")["model"] == str(Quantifier().model)


def test_the_figures_asked_for_are_reached():
    figures = kept("quality")
    assert figures["ptbxl"]["macro_w1"] >= 0.80
    assert figures["challenge_2011"]["records"]["auroc"] >= 0.94
    assert figures["challenge_2017"]["records"]["auroc"] >= 0.92
    for kind in ("bw", "em", "ma"):
        means = list(figures["stress"][kind].values())
        assert means == sorted(means, reverse=True)
    speed = kept("speed")
    assert speed["record"]["ratio"] >= 20
    assert speed["program"]["wall_s"] <= 2.5
    assert speed["program"]["peak_mb"] <= 600


def test_figures_of_two_samples():
    generator = np.random.default_rng(0)
    clean, noisy = generator.normal(3, 1, 500), generator.normal(0, 1, 400)
    figures = quality.compare(clean, noisy)
    assert (figures["clean"], figures["noisy"]) == (500, 400)
    for name, value in (("w1", signed_wasserstein(clean, noisy)), ("auroc", auroc(clean, noisy))):
        low, high = figures[f"{name}_interval"]
        assert figures[name] == pytest.approx(value, abs=1e-3)
        assert low < value < high


def test_a_fault_is_the_worst_score():
    assert quality.worst_where_missing(np.array([20.0, np.nan])).tolist() == [20.0, 0.0]


@pytest.mark.parametrize("snr", [12, -6])
def test_noise_has_the_power_asked_for(snr):
    generator = np.random.default_rng(0)
    leads = generator.normal(size=(3, 5000)).astype(np.float32)
    mixed = quality.with_noise(leads, generator.normal(size=(2, 20_000)).astype(np.float32), snr)
    measured = 10 * np.log10(leads.var(axis=1) / (mixed - leads).var(axis=1))
    assert measured == pytest.approx(snr, abs=0.01)
