"""The stress curve of a model: measured, written into the model, and told in the pages."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.machine import RESULTS

from benchmarks import calibrate
from ecgnoise.models.folder import load_folder
from ecgnoise.noise_levels import QRS_DB, SPANS, WANDER_DB, WANDER_SLOPE, SpanLimits
from ecgnoise.results.grades import AGREEMENT_DB, AGREEMENTS, PSNR_ODD_DB
from ecgnoise.scalogram.profile import PLAUSIBLE_QRS_LEVELS, POSSIBLE_QRS_LEVELS, SEGMENT_SECONDS
from ecgnoise.training.levels.mixtures import READING_BAND

BUNDLED = load_folder("default")


def scores(leads=40):
    """PSNR that falls with noise, by kind and SNR."""
    generator = np.random.default_rng(0)
    return {
        kind: {str(snr): 24 + snr / 12 - place + generator.normal(0, 1, leads) for snr in calibrate.SNRS}
        for place, kind in enumerate(calibrate.KINDS)
    }


def test_the_curve_pools_leads_and_kinds():
    measured = scores()
    steps = calibrate.curve(measured)
    assert [step.snr for step in steps] == list(calibrate.SNRS)
    for step in steps:
        pooled = np.concatenate([measured[kind][f"{step.snr:.0f}"] for kind in calibrate.KINDS])
        assert [np.mean(pooled < edge) for edge in (step.low, step.median, step.high)] == pytest.approx(
            [0.16, 0.5, 0.84], abs=0.02
        )


def test_nothing_else_of_a_model_changes(tiny_model, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "model")
    calibrate.write_curve(tmp_path / "model", ())
    before = load_folder(tmp_path / "model")
    curve = calibrate.curve(scores())
    calibrate.write_curve(tmp_path / "model", curve)
    after = load_folder(tmp_path / "model")
    assert after.description == replace(before.description, stress=curve)
    assert after.hash != before.hash
    assert calibrate.identity(after.description) == calibrate.identity(before.description)
    assert before.hash in calibrate.identity(before.description)
    calibrate.write_curve(tmp_path / "model", ())
    assert load_folder(tmp_path / "model") == before
    assert {file.name for file in (tmp_path / "model").iterdir()} == {"model.toml", *after.description.files}


def test_faults_are_counted_and_left_out():
    measured = scores()
    measured["bw"]["-12"] = measured["bw"]["-12"][:37]
    figures = calibrate.figures(measured, np.append(np.full(39, 26.0), np.nan))
    assert (figures["leads"], figures["faults"]) == (40, 3)
    assert figures["clean"] == [26.0] * 3


def test_the_bundled_model_was_calibrated():
    kept = json.loads((RESULTS / "calibrate.json").read_text())
    assert kept["model"] == calibrate.identity(BUNDLED.description)
    assert {"date", "processor"} <= set(kept["machine"])
    stress = BUNDLED.description.stress
    assert [step.snr for step in stress] == list(calibrate.SNRS)
    medians = [step.median for step in stress]
    assert medians == sorted(medians)
    for step in stress:
        of_kinds = [kept[kind][f"{step.snr:.0f}"][1] for kind in calibrate.KINDS]
        assert min(of_kinds) <= step.median <= max(of_kinds)


PAGE = calibrate.PAGE.read_text(encoding="utf-8")


def test_the_page_has_the_numbers_of_the_bundled_model():
    assert calibrate.with_table(PAGE, BUNDLED.description) == PAGE


R_PEAKS = (60, 12, 16, 80)  # low and high, uV and mV, of plausible and possible QRS levels
PEAK_OVER_LEVEL = 1.2  # log10 of the squared height of R peaks in mV, over the QRS level; median of clean leads


def test_heights_of_r_peaks_are_those_of_the_limits():
    for limits, (low, high) in ((PLAUSIBLE_QRS_LEVELS, R_PEAKS[:2]), (POSSIBLE_QRS_LEVELS, R_PEAKS[2:])):
        heights = [10 ** ((level + PEAK_OVER_LEVEL) / 2) for level in limits]
        assert heights == pytest.approx([low / 1000, high], rel=0.07)


def test_what_the_page_says_in_words_is_so():
    """Every number outside the table is one of the program's."""
    before, rest = PAGE.split(calibrate.BEGIN)
    words = before + rest.split(calibrate.END)[1]
    said = set(re.findall(r"\d+(?:\.\d+)?", re.sub(r"IEEE.*2020", "", words)))
    limits, levels = SpanLimits(), BUNDLED.description.levels
    known = {
        *(f"{limit:g}" for limit in (*limits.bounds, limits.margin, limits.gap, limits.shortest, limits.leak)),
        f"{limits.narrow_margin:g}",
        *(f"{value:g}" for value in (*AGREEMENTS[1:-1], AGREEMENT_DB[-2], AGREEMENT_DB[-3], PSNR_ODD_DB)),
        *(f"{abs(value):g}" for value in (WANDER_SLOPE, WANDER_DB)),
        *(f"{abs(value):g}" for value in (levels.lowest, levels.highest)),
        *(f"{height:g}" for height in R_PEAKS),
        f"{SEGMENT_SECONDS / SPANS:g}",
        str(SPANS),
        str(calibrate.FOLD),
        *("0", "1", "25"),  # agreement and percentile
        f"{QRS_DB:g}",
        *(f"{frequency:g}" for frequency in READING_BAND),
        *("0.7", "12", "50", "60"),  # Hz, or leads
        "30",  # dB, below which a level is a guess
        "10",  # s, a segment
    }
    assert said <= known, said - known
    assert f"1.6 x - {-WANDER_DB:g} dB" in words
    assert f"fold {calibrate.FOLD}" in words


@pytest.mark.slow
def test_real_noise_gives_a_rising_curve(data):
    """A few clean leads: the medians rise from the strongest noise to the weakest."""
    if not (Path(data) / "nstdb").is_dir():
        pytest.skip("needs nstdb")
    from ecgnoise import Quantifier

    leads = calibrate.clean_leads(4)
    assert leads.shape == (4, 5000)
    steps = calibrate.curve(calibrate.measure(Quantifier(threads=1), leads))
    medians = [step.median for step in steps]
    assert medians[0] < medians[3] < medians[-1]
