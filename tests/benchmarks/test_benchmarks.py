"""The benchmarks' own arithmetic, and that their page says what was measured with the model that ships."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from benchmarks.calibrate import identity
from benchmarks.machine import RESULTS, keep
from benchmarks.page import sections

from benchmarks import pipeline, quality, report, stream
from ecgnoise.models.folder import load_folder
from ecgnoise.models.networks.published import LATENT_LEVELS, LatentDiffusion, with_widths
from ecgnoise.models.torch import TorchNetwork
from ecgnoise.scoring.metrics import auroc, signed_wasserstein


def kept(name):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def lines_of(text, begin):
    """Lines of a page that begin so: tables, headings."""
    return [line for line in text.splitlines() if line.startswith(begin)]


@pytest.mark.parametrize("begin", ["|", "#", "!["])
def test_tables_headings_and_pictures_of_the_page_are_those_of_what_was_measured(begin):
    page = report.PAGE.read_text(encoding="utf-8")
    assert lines_of(page, begin) == lines_of(report.page(), begin), "run python -m benchmarks.report"


def test_another_figure_is_another_page(tmp_path, monkeypatch):
    before = report.page()
    for file in RESULTS.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    figures = kept("view")
    figures["formats"]["EDF"]["first_hour_s"] = 123.4
    (tmp_path / "view.json").write_text(json.dumps(figures), encoding="utf-8")
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    after = report.page()
    assert lines_of(after, "|") != lines_of(before, "|")
    assert " | 123.4 | 5 |" in after


def test_all_sections_of_the_template_are_used_and_filled_in():
    code = "".join(file.read_text(encoding="utf-8") for file in Path(report.__file__).parent.glob("report*.py"))
    assert set(re.findall(r'prose\("([\w.]+)"\)', code)) == set(sections())
    assert not re.findall(r"\{\w+\}|<!--", report.page())


def test_quality_was_measured_with_the_model_that_ships():
    """But for its stress curve, which came later and on which no PSNR depends."""
    assert kept("quality")["model"] == identity(load_folder("default").description)
    assert kept("quality")["model"] in report.PAGE.read_text(encoding="utf-8")


def test_the_figures_asked_for_are_reached():
    figures = kept("quality")
    assert figures["ptbxl"]["macro_w1"] >= 0.80
    assert figures["challenge_2011"]["records"]["auroc"] >= 0.94
    assert figures["challenge_2017"]["records"]["auroc"] >= 0.92
    for kind in ("bw", "em", "ma"):
        means = list(figures["stress"][kind].values())
        assert means == sorted(means, reverse=True)
    speed = kept("speed")
    assert speed["record"]["ratio"] >= 60
    assert speed["program"]["wall_s"] <= 2.5
    assert speed["program"]["peak_mb"] <= 600


def test_live_and_long_recordings_have_sections_once_they_are_measured(tmp_path, monkeypatch):
    push = stream.pushes(1, 1)
    assert push["hops"] >= 1
    assert push["largest_difference_db"] <= 1e-3
    start = {"numpy_s": 0.1, "import_s": 0.2, "score_s": 1.0}
    run = {
        "format": "WFDB",
        "hours": 24.0,
        "leads": 12,
        "recording_mb": 1037,
        "wall_s": 400.0,
        "ms_a_lead_segment": 4.0,
        "peak_mb": 400,
    }
    keep("stream", {"push": {"1": push}, "start": start}, tmp_path)
    keep("long", {"model": "default", "runs": [run]}, tmp_path)
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    page = report.page()
    assert f"| 1 | {push['with_hop_ms']:g} |" in page
    assert "| WFDB | 24.0 | 12 | 1037 | 400.0 | 4.0 | 400 |" in page


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


@pytest.mark.slow
def test_published_networks_are_measured_and_written_down():
    """Narrow networks: what is counted and how it is written, not how fast it is."""
    narrow = (32, 32, 32)
    trained = {kind: pipeline.training(kind, 1, 1, narrow) for kind in ("autoencoder", "latent")}
    network = TorchNetwork(LatentDiffusion(with_widths(LATENT_LEVELS, narrow)).eval())
    evaluated = {"latent": {"leads": 2, **pipeline.evaluation(network, 2, (0, 10))}}
    for entry in trained.values():
        assert entry["leads_per_s"] == pytest.approx(entry["steps_per_s"], rel=0.01)
        assert entry["checkpoint_mb"] == pytest.approx(16 * entry["parameters_m"], abs=2)
    assert trained["autoencoder"]["gflop_a_lead"] > trained["latent"]["gflop_a_lead"] > 0
    assert set(evaluated["latent"]) == {"leads", "0", "10"}
    figures = {"machine": kept("speed")["machine"], "torch": "2", "batch": 1, "training": trained}
    text = report.pipeline(figures | {"evaluation": evaluated})
    assert f"| latent | {trained['latent']['parameters_m']:g} |" in text
    assert "| from t = 0 | from t = 10 |" in text
    assert f"| latent, 2 leads at once | {evaluated['latent']['0']:g} | {evaluated['latent']['10']:g} |" in text


@pytest.mark.parametrize("kind", pipeline.TASKS)
def test_published_networks_are_those_of_the_paper(kind):
    """Without widths, a benchmark's network is the published one."""
    expected = {"autoencoder": 15.49, "latent": 17.98, "pixel": 28.52}
    network = pipeline.TASKS[kind](()).network()
    assert sum(value.numel() for value in network.parameters()) / 1e6 == pytest.approx(expected[kind], abs=0.01)
