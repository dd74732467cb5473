"""The overview figure: score distributions of clean and noisy leads, with example leads."""

import math

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.image import imread
from test_ptbxl_compare import labelled, made_up, write_results

from ecgnoise.cli import main
from ecgnoise.errors import MissingExtraError, OutputError, ResultFileError
from ecgnoise.ptbxl.examples import choose_examples, draw_examples, scored_leads
from ecgnoise.ptbxl.store import open_store
from training_stores import ABSENT, FLAT_LEAD, make_store

NAME = "dm_ddpm_t250_psnr.csv"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("examples") / "store", records=24)


@pytest.fixture
def result(tmp_path):
    return write_results(tmp_path / "results" / NAME, made_up(2))


def test_leads_are_the_compared_ones_each_once(result):
    rows = made_up(2)
    expected = {(row["filename_hr"], lead) for row in rows if row["strat_fold"] == 10 for lead in row["clean"]}
    for row in rows:
        noisy = {*row["static_noise"], *row["burst_noise"], *row["baseline_drift"]}
        expected |= {(row["filename_hr"], lead) for lead in noisy}
    leads = scored_leads(result)
    assert sorted((lead.filename_hr, lead.lead) for lead in leads) == sorted(expected)
    assert {lead.noises for lead in leads if lead.lead == 3} == {(), ("static_noise", "burst_noise")}


def test_examples_lie_at_the_percentiles_and_are_in_the_store(result, store):
    examples = choose_examples(scored_leads(result), store)
    assert [example.lead.group for example in examples] == ["noisy"] * 3 + ["clean"] * 3
    for group in ("noisy", "clean"):
        every = np.array([lead.value for lead in scored_leads(result) if lead.group == group])
        shown = [example.lead.value for example in examples if example.lead.group == group]
        assert np.abs(np.array(shown) - np.percentile(every, [5, 50, 95])).max() < 0.5
    for example in examples:
        number = int(example.lead.filename_hr[-8:-3])
        assert (number, example.lead.lead) != (ABSENT + 1, FLAT_LEAD)
        assert number != ABSENT
        assert np.array_equal(example.image, store.images([number])[0, example.lead.lead])


def test_a_lead_without_a_value_is_passed_over(tmp_path):
    rows = [labelled(1, 10, [1.0] * 12), labelled(3, 4, [None, 2.0, *[0.0] * 10], static_noise=[0, 1])]
    leads = scored_leads(write_results(tmp_path / NAME, rows))
    assert [lead.value for lead in leads if lead.group == "noisy"] == [2.0]
    assert not any(math.isnan(lead.value) for lead in leads)


def test_nothing_to_show(tmp_path, store, result):
    with pytest.raises(ResultFileError, match="no noisy lead has a value"):
        scored_leads(write_results(tmp_path / NAME, [labelled(1, 10, [1.0] * 12)]))
    rows = [labelled(1, 10, [1.0] * 12), labelled(99, 4, [1.0] * 12, static_noise=[0])]
    with pytest.raises(ResultFileError, match=r"none of 1 noisy leads .* pass the store that was evaluated"):
        choose_examples(scored_leads(write_results(tmp_path / NAME, rows)), store)
    with pytest.raises(OutputError):
        draw_examples(result, store, result.path / "x.png")


def test_command(result, store):
    folder = result.path.parent
    done = CliRunner().invoke(main, ["ptbxl", "compare", str(folder), "--examples", str(store.path)])
    assert done.exit_code == 0, done.output
    assert f"wrote {folder / 'examples.png'}: clean and noisy leads of {NAME}" in done.output
    picture = imread(folder / "examples.png")
    assert picture.shape[:2] == (1500, 2200)
    assert picture.std() > 0.1
    without = CliRunner().invoke(main, ["ptbxl", "compare", str(folder), "--examples", str(folder / "nowhere")])
    assert without.exit_code == 2
    assert "nowhere" in without.output.splitlines()[-1]


def test_it_needs_matplotlib(result, store, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match="plot"):
        draw_examples(result, open_store(store.path), result.path.with_name("x.png"))
