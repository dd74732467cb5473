"""The comparison of ways of counting: its noise, its figures, its variants and its table."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.quality.noises import KINDS, RATE
from benchmarks.quality.stress import SNRS

from benchmarks import choice_takes, choices
from ecgnoise.models.description import Query
from ecgnoise.models.folder import load_folder

LEVELS = {"clean": 30.0, **{str(snr): 20.0 + snr / 4 for snr in SNRS}}
QUERY = Query("all", (0, 0), 0.5, (0, 200), one_sided=False, scale=4.0, weight=10.0, ceiling=2.0)


def names():
    yield "clean"
    yield from (f"{kind} {snr}" for kind in KINDS for snr in SNRS)
    yield from (f"burst {kind} {snr}" for kind in choices.BURST_KINDS for snr in choices.BURST_SNRS)
    yield from (f"excursion {kind} {snr}" for kind in choices.EXCURSION_KINDS for snr in choices.EXCURSION_SNRS)
    yield from (f"lost {kind}" for kind in choices.LOST_KINDS)
    yield from (choices.HAND_HELD + name for name in {*choices.READABLE, *choices.UNREADABLE})


def perfect():
    """Scores of five leads that fall with the SNR and are lowest without an ECG."""
    small = np.linspace(0.0, 0.1, 5)
    unreadable = {choices.HAND_HELD + name for name in choices.UNREADABLE}
    return {name: small + (0.0 if name in unreadable else LEVELS.get(name.split()[-1], 10.0)) for name in names()}


def test_a_perfect_score_has_perfect_figures():
    found = choices.figures(perfect())
    assert {name: value for name, value in found.items() if name != "spearman"} == dict.fromkeys(
        ("fine", "continuous", "bursts", "excursions", "lost", "gross", "unreadable", "falls"), 1.0
    )
    assert found["spearman"] > 0.98


def test_a_score_that_is_the_same_for_all_tells_nothing():
    found = choices.figures(dict.fromkeys(names(), np.zeros(5)))
    assert found == dict.fromkeys(choices.COLUMNS, 0.5) | {"spearman": 0.0, "falls": 0.0}


def test_bursts_stay_within_a_second_and_have_the_strength_asked_for():
    noises = np.random.default_rng(0).normal(size=(6, 10 * RATE)).astype(np.float32)
    bursts = choice_takes.within_a_second(noises)
    for row in bursts:
        places = np.flatnonzero(row)
        assert places[-1] - places[0] < RATE
    leads = np.random.default_rng(1).normal(size=bursts.shape).astype(np.float32)
    added = choice_takes.louder(leads, bursts, 6.0) - leads
    assert added == pytest.approx(bursts * leads.std(axis=1, keepdims=True) * 10 ** (-0.3), abs=1e-5)


def test_a_hand_held_device_takes_0_5_to_40_hz():
    time = np.arange(10 * RATE) / RATE
    slow, middle, fast = (np.sin(2 * np.pi * hz * time).astype(np.float32) for hz in (0.1, 8.0, 100.0))
    taken = choice_takes.as_hand_held(np.stack([slow, middle, fast]))
    assert taken.shape == (3, 10 * choice_takes.HAND_HELD_RATE)
    inner = taken[:, 600:-600].std(axis=1) / np.sqrt(0.5)
    assert inner[1] == pytest.approx(1.0, abs=0.02)
    assert inner[[0, 2]] == pytest.approx([0.0, 0.0], abs=0.05)


def test_one_query_is_changed_and_the_others_stay():
    queries = load_folder("default").description.queries
    found = choices.renewed(queries, "low", weight=lambda query: query.weight + 1)
    assert [new.weight - old.weight for new, old in zip(found, queries, strict=True)] == [1, 0, 0, 0]


def test_counting_is_scaled_by_the_clean_leads():
    errors = {"clean": np.linspace(0, 2, 101), "noisy": np.array([1.9, 19.0])}
    found = choices.counted(QUERY, errors)["noisy"]
    assert found == pytest.approx([10 * 1 / 1.5, 10 * 10 / 6])
    assert choices.counted(replace(QUERY, ceiling=0.0, power=2.0), errors)["noisy"] == pytest.approx([10, 1000])


def test_each_variant_is_another_way_of_counting():
    queries = load_folder("default").description.queries
    found = choices.variants(queries)
    assert found["as it is"] == queries
    others = [other for name, other in found.items() if name != "as it is"]
    assert all(other != queries and other for other in others)
    assert len(set(found.values())) == len(found)


def test_the_table_goes_between_its_markers():
    measured = {"as it is": choices.figures(perfect())}
    page = f"before\n{choices.BEGIN}old\n{choices.END}\nafter\n"
    written = choices.with_table(page, measured)
    assert written == choices.with_table(written, measured)
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert "old" not in written
    assert "| as it is | 1.000 | 1.000 |" in written
