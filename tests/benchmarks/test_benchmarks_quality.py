"""The benchmark of quality: its measures on made-up scores, its scorers, its page, and each part at a tiny size."""

import json
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.page import prose
from benchmarks.quality import __main__ as benchmark
from benchmarks.quality import local, noises, nuisance
from benchmarks.quality.beats import Beats, simulated
from benchmarks.quality.figures import (
    Sample,
    auprc,
    best_bound,
    best_f1,
    compare,
    fall_share,
    interval,
    measured,
    operating_point,
    spearman,
    spearman_within,
)
from benchmarks.quality.grading import merits
from benchmarks.quality.part import TINY, some
from benchmarks.quality.readings import AGREEMENT, EFFECTIVE, MEASURES, PSNR, READING, SNR, Ecgnoise, reading_of
from benchmarks.quality.scorers import RivalScorer, Store, rival_identity, start_pool
from benchmarks.quality.takes import Take
from benchmarks.rivals import RIVALS
from sklearn.metrics import average_precision_score, f1_score

from benchmarks import datasets, report_goals, report_pictures, report_quality, report_rivals, report_tables
from ecgnoise import simulate_ecg
from made_up_readings import MadeUp

SNRS = (24, 12, 0)


def fine_noise(lead, frequency):
    """A stub of a rival: fails on a lead without variation."""
    if np.ptp(lead) == 0:
        raise ValueError("flat")
    return -float(np.log(np.abs(np.diff(lead)).mean() * frequency / lead.std()))


class Constant:
    """A scorer that gives the mean of each segment and counts how often it is asked."""

    name = "constant"

    def __init__(self, identity="1"):
        self.identity = identity
        self.asked = 0

    def gives(self, takes):
        return True

    def scores(self, takes):
        self.asked += 1
        for take in takes:
            yield np.broadcast_to(take.recording.signal.mean(axis=1)[:, None], take.shape).astype(np.float64)


def samples(seed=0, clean=300, noisy=120):
    generator = np.random.default_rng(seed)
    return np.round(generator.normal(1, 1, clean), 1), np.round(generator.normal(0, 1, noisy), 1)


# --- measures ---


def test_auprc_and_f1_are_those_of_scikit_learn_with_ties():
    clean, noisy = samples()
    labels, scores = np.repeat([0, 1], [len(clean), len(noisy)]), np.concatenate([clean, noisy])
    assert auprc(clean, noisy) == pytest.approx(average_precision_score(labels, -scores))
    best = max(f1_score(labels, scores <= bound) for bound in np.unique(scores))
    assert best_f1(clean, noisy) == pytest.approx(best)
    assert f1_score(labels, scores <= best_bound(clean, noisy)) == pytest.approx(best)


def test_perfect_and_useless_scores():
    assert auprc(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == best_f1(np.array([3.0]), np.array([1.0])) == 1
    assert auprc(np.ones(6), np.ones(2)) == pytest.approx(0.25)
    assert spearman(np.ones((5, 3)), SNRS) == spearman_within(np.ones((5, 3)), SNRS) == 0


def test_records_and_not_leads_are_drawn():
    """Twelve copies of each value tell no more than one: the interval must not shrink."""
    values = np.random.default_rng(0).normal(size=40)
    alone = interval(np.mean, Sample.of(values))
    alike = interval(np.mean, Sample.of(np.repeat(values, 12), np.repeat(np.arange(40), 12)))
    apart = interval(np.mean, Sample.of(np.repeat(values, 12)))
    assert alike == alone
    assert apart[1] - apart[0] < 0.5 * (alone[1] - alone[0])
    assert alone[0] < values.mean() < alone[1]


def test_a_record_with_clean_and_noisy_leads_is_drawn_whole():
    """Where each record has one clean and one noisy lead, one dB apart, their difference has no spread."""
    values = np.random.default_rng(0).normal(size=30)
    low, high = interval(lambda a, b: np.mean(a) - np.mean(b), *(Sample.of(values - d, range(30)) for d in (0, 1)))
    assert low == high == 1


def test_nothing_to_compare_is_none_and_no_error():
    figures = compare(np.array([1.0, 2.0]), np.array([]))
    assert figures["auroc"] is None
    assert figures["noisy"] == 0
    json.dumps(figures, allow_nan=False)
    assert measured("x", lambda values: float("nan"), Sample.of([1.0]))["x"] is None


def test_operating_point():
    point = operating_point(Sample.of([3.0, 2.0, 1.0, 3.0]), Sample.of([0.0, 2.0]), 2.0)
    assert (point["sensitivity"], point["specificity"]) == (0.5, 0.75)
    assert point["accuracy"] == pytest.approx(4 / 6, abs=1e-3)


def test_fall_share_counts_strict_falls_only():
    assert fall_share(np.array([[3, 2, 1], [3, 3, 1], [1, 2, 3], [9, 8, 0.0]])) == 0.5


def test_spearman_knows_direction():
    scores = np.array([[24, 12, 0], [30, 18, 6.0]])
    assert spearman_within(scores, SNRS) == pytest.approx(1)
    assert spearman_within(-scores, SNRS) == pytest.approx(-1)
    assert 0 < spearman(scores, SNRS) < 1


def test_some_takes_rare_kinds_first():
    kinds = ["common"] * 50 + ["rare"] * 2
    assert [kinds[item] for item in some(range(52), 4, kinds)].count("rare") == 2
    assert some(range(5), None) == some(range(5), 9) == [0, 1, 2, 3, 4]


# --- noise and beats ---


@pytest.mark.parametrize("kind", [*noises.SIMULATED, noises.SPIKES])
def test_simulated_noise_depends_on_the_number_of_the_lead_only(kind):
    few, many = (noises.stretches(kind, count, 5000) for count in (2, 4))
    assert np.array_equal(few, many[:2])
    leads = np.random.default_rng(0).normal(size=(4, 5000)).astype(np.float32)
    mixed = noises.add(leads, many, 6)
    assert 10 * np.log10(leads.var(axis=1) / (mixed - leads).var(axis=1)) == pytest.approx(6, abs=0.01)


def test_local_noise_stays_in_its_part():
    leads = np.random.default_rng(0).normal(size=(10, 5000)).astype(np.float32)
    places = np.arange(10)
    changed = local.in_one_part(leads, np.random.default_rng(1).normal(size=leads.shape), places) != leads
    for row, place in enumerate(places):
        where = np.flatnonzero(changed[row]) / 5000 * 256
        assert 25 * place <= where.min()
        assert where.max() <= 25 * (place + 1) + 6 * (place == 9)


def test_spikes_of_a_part_lie_in_it():
    leads = np.ones((10, 5000), np.float32)
    leads[:, ::2] = 0
    noisy = local.in_one_part(leads, local.part_noises("spikes", leads.shape, np.arange(10)), np.arange(10))
    assert (np.abs(noisy - leads).max(axis=1) > 1).all()


def test_simulated_beats_differ_in_what_was_asked_only():
    base = simulated(Beats(), 500, 3)
    paced = simulated(Beats(pacing=2.0), 500, 3) - base
    assert set(np.round(np.unique(paced), 3).tolist()) <= {0.0, 2.0}
    assert 8 <= np.sum(np.diff(paced) > 1) <= 13
    assert np.ptp(simulated(Beats(height=0.2), 500, 3)) == pytest.approx(0.2 * np.ptp(base), rel=0.1)
    assert simulated(Beats(st=0.3), 500, 3).mean() > base.mean() + 0.02
    assert np.sum(np.abs(simulated(Beats(qrs=2.0), 500, 3)) > 0.4) > 1.5 * np.sum(np.abs(base) > 0.4)


# --- scorers ---


def test_ecgnoise_scores_takes_as_it_scores_recordings():
    """Takes are stacked; each must get what it gets alone."""
    ours = Ecgnoise(MadeUp())
    recordings = [simulate_ecg(seconds, 250, seed=seconds, lead_names=("I", "V2")) for seconds in (10, 10, 25)]
    takes = [Take(str(index), recording) for index, recording in enumerate(recordings)]
    for take, reading in zip(takes, ours.readings(takes), strict=True):
        alone = reading_of(MadeUp().quantify(take.recording))
        assert reading.psnr.shape == take.shape
        for measure in MEASURES:
            assert np.array_equal(getattr(reading, measure), getattr(alone, measure), equal_nan=True)


def test_looks_stand_beside_the_psnr_and_are_read_again_from_the_disk(tmp_path):
    takes = [Take(str(seconds), simulate_ecg(seconds, 250, lead_names=("I", "V2"))) for seconds in (10, 25)]
    first, again = (Store(tmp_path).looks("x", Ecgnoise(MadeUp()), takes) for _ in range(2))
    assert [scored.look for scored in first] == [PSNR, SNR, AGREEMENT, EFFECTIVE, READING]
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.flat, other.flat)
        assert [score.shape for score in other.scores] == [(2, 1), (2, 3)]
    for one, other in zip(first[0].readings, again[0].readings, strict=True):
        assert all(np.array_equal(getattr(one, m), getattr(other, m), equal_nan=True) for m in MEASURES)
    assert len(list(tmp_path.rglob("*.npz"))) == 1
    by_part = Store(None).looks("x", Ecgnoise(MadeUp()), [replace(take, parts=4) for take in takes])
    assert [(scored.look, scored.scores[1].shape) for scored in by_part] == [(PSNR, (2, 3, 4))]


def test_a_model_without_levels_has_its_psnr_and_agreement_only():
    takes = [Take("a", simulate_ecg(10, 250, lead_names=("I",)))]
    looks = Store(None).looks("x", Ecgnoise(MadeUp(levels=False)), takes)
    assert [scored.look for scored in looks] == [PSNR, AGREEMENT]


def test_a_fault_is_the_worst_of_each_look_and_no_grade():
    made_up = MadeUp(lambda signal, _: np.where(np.ptp(signal, axis=1) > 0, 20.0, np.nan))
    signal = np.ones((2, 1000), np.float32)
    signal[0, ::2] = 0
    psnr, snr, *_ = Store(None).looks("x", Ecgnoise(made_up), [Take.of("a", signal, 100)])
    assert psnr.flat.tolist() == [30.0, 0.0]
    assert snr.flat.tolist() == [20.0, 20.0]
    assert psnr.missing == snr.missing == 0.5
    assert merits(psnr.readings).tolist() == [0.0, -4.0]


def test_a_rival_gets_each_lead_of_each_segment_and_a_crash_is_its_worst():
    signal = np.random.default_rng(0).normal(size=(2, 2500)).astype(np.float32)
    signal[1, :1000] = 0
    takes = [Take.of("a", signal, 100), Take.of("b", 3 * signal[:1, :1000], 100)]
    scored = Store(None).scored("x", RivalScorer("stub", fine_noise), takes)
    assert [score.shape for score in scored.scores] == [(2, 3), (1, 1)]
    assert scored.scores[0][0, 0] == pytest.approx(fine_noise(signal[0, :1000].astype(np.float64), 100))
    assert scored.scores[0][0, 2] == pytest.approx(fine_noise(signal[0, 1500:].astype(np.float64), 100))
    assert scored.scores[1][0, 0] == pytest.approx(scored.scores[0][0, 0], abs=1e-5)
    assert scored.missing == pytest.approx(1 / 7)
    assert scored.scores[0][1, 0] == scored.flat.min()


def test_a_rival_with_a_local_answer_gives_the_mean_of_each_part():
    signal = np.arange(1000, dtype=np.float32)[None]
    take = Take.of("a", np.concatenate([signal, signal * 0]), 100, parts=4)
    scorer = RivalScorer("stub", fine_noise, local=lambda lead, _: lead[np.flatnonzero(lead)])
    scores = next(iter(scorer.scores([take])))
    assert scorer.gives([take])
    assert not RivalScorer("stub", fine_noise).gives([take])
    assert scores.shape == (2, 1, 4)
    assert scores[0, 0] == pytest.approx([125, 375, 625, 875], abs=1)
    assert np.isnan(scores[1]).all()


def test_scores_are_kept_for_the_same_samples_and_scorer(tmp_path):
    store, scorer = Store(tmp_path), Constant()
    takes = [Take.of("a", np.arange(1000, dtype=np.float32), 100)]
    first = store.scored("x", scorer, takes)
    again = store.scored("x", scorer, takes)
    assert scorer.asked == 1
    assert np.array_equal(first.flat, again.flat)
    assert first.ms == again.ms
    store.scored("x", scorer, [Take.of("a", np.arange(1, 1001, dtype=np.float32), 100)])
    assert scorer.asked == 2
    newer = Constant("2")
    store.scored("x", newer, takes)
    assert newer.asked == 1
    assert not list(tmp_path.rglob("tmp*"))


def test_the_identity_of_a_rival_changes_with_its_file(tmp_path, monkeypatch):
    names = []
    for text in ("def score(lead, frequency): return 1.0", "def score(lead, frequency): return 2.0"):
        (tmp_path / "some_rival.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(__import__("sys").modules, "some_rival", raising=False)
        names.append(rival_identity(__import__("some_rival").score))
    assert names[0] != names[1]


def test_unknown_rivals_are_refused():
    assert benchmark.chosen_rivals("none") == []
    with pytest.raises(SystemExit, match="nobody"):
        benchmark.chosen_rivals("nobody")


@pytest.mark.slow
def test_rivals_in_processes_score_as_alone():
    rivals = benchmark.available_rivals()
    takes = [Take(str(seed), simulate_ecg(10, 250, seed=seed, lead_names=("II",))) for seed in range(10)]
    with start_pool(2) as pool:
        apart = list(RivalScorer("ksqi", rivals["ksqi"], pool).scores(takes))
    assert np.array_equal(apart, list(RivalScorer("ksqi", rivals["ksqi"]).scores(takes)))


# --- data ---


def test_marks_of_mitdb_last_until_the_next():
    record = datasets.MitdbRecord(
        None, np.array([100, 200, 300, 400]), np.array([1, 3, 0, -1]), np.array([5, 150]), np.array(["N", "V"])
    )
    assert [record.noisy_share(lead, 0, 400) for lead in (0, 1)] == [0.5, 0.25]
    assert record.noisy_share(0, 0, 100) == 0
    assert [record.noisy_share(lead, 400, 500) for lead in (0, 1)] == [1, 1]
    assert record.noisy_share(1, 250, 350) == 0.5
    assert record.symbols_within(0, 100) == {"N"}
    assert record.symbols_within(100, 151) == {"V"}


@pytest.mark.slow
@pytest.mark.parametrize("part", benchmark.PARTS)
def test_each_part_runs_and_is_written_down(part, data):
    del data
    rivals = [RivalScorer("stub", fine_noise)]
    made = benchmark.run_part(part, TINY, Ecgnoise(MadeUp()), rivals, Store(None))
    figures = json.loads(json.dumps(made, allow_nan=False))
    rivals = {"rivals": {"stub": {part: figures["stub"]}}} if "stub" in figures else {}
    text = report_quality.sections({"model": "tiny", part: figures["ecgnoise"]}, rivals)
    assert ("| stub |" in text) == ("stub" in figures)
    assert ("ecgnoise" in text) or not rivals
    assert "nan" not in text.split()
    assert "None" not in text


@pytest.mark.slow
def test_every_goal_finds_its_figure(data, tmp_path):
    """But for what has a file of its own, and a ratio of made-up SNRs."""
    del data
    ours = Ecgnoise(MadeUp())
    figures = {part: benchmark.run_part(part, TINY, ours, [], Store(None)) for part in benchmark.PARTS}
    benchmark.keep_results(figures, "made up", tmp_path)
    kept = json.loads((tmp_path / "quality.json").read_text())
    scorers = {PSNR: kept, **kept["looks"]}
    missing = {goal.title for goal in report_goals.GOALS if goal.value(scorers) is None}
    assert all("left out" in title or "over that of noise" in title for title in missing), missing
    assert report_goals.section(scorers).count("| yes |") >= 1
    assert not (tmp_path / "rivals.csv").exists()


# --- the page ---


def made_up(auroc):
    return {"leads": {"auroc": auroc, "auroc_interval": [auroc - 0.1, auroc + 0.1], "clean": 1, "noisy": 1}}


def test_a_table_ranks_scorers_marks_the_best_and_says_who_is_ahead():
    scorers = {"ecgnoise": {"p": made_up(0.8)}, "one": {"p": made_up(0.9)}, "two": {"p": made_up(0.7)}, "three": {}}
    text = report_tables.scorers_table("p", scorers, [report_tables.Column("leads", ("leads", "auroc"), 0.95)])
    assert [line.split("|")[1].strip() for line in text.splitlines()[2:6]] == ["one", "**ecgnoise**", "two", "to reach"]
    assert "| one | **0.900 (0.800 to 1.000)** |" in text
    assert "| to reach | 0.950 |" in text
    assert text.endswith("- leads, ecgnoise 0.800: one (0.900)")
    scorers["ecgnoise"] = {"p": made_up(0.95)}
    column = report_tables.Column("leads", ("leads", "auroc"))
    assert report_tables.scorers_table("p", scorers, [column]).endswith("No rival is ahead of ecgnoise in this table.")


def test_changes_are_measured_in_spreads_of_the_scorer():
    changes = {"a": {"group": "g", "mean": 1.0}, "b": {"group": "g", "mean": 3.0}, "c": {"group": "h", "mean": 0.5}}
    assert report_quality.largest_changes({"clean_sd": 2.0, "changes": changes}) == {"g": 1.5, "h": 0.25}
    assert report_quality.largest_changes({"clean_sd": 0.0, "changes": changes}) == {}


def test_pictures_are_the_same_each_time(tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    kept = {"edges": [0, 1, 2], "clean": [0.2, 0.8], "noisy": [1.0, 0.0]}
    medians = {kind: {"median": {"24": 23.0, "0": 1.0}} for kind in report_tables.KINDS}
    figures = {"mitdb": {"segments": {"histogram": kept}}}
    figures["looks"] = {SNR: {"snr": dict.fromkeys(("raw", "drift_free"), medians)}}
    for name in ("one", "two"):
        report_pictures.draw(figures, tmp_path / name)
    for picture in report_pictures.PICTURES.values():
        assert (tmp_path / "one" / picture).read_bytes() == (tmp_path / "two" / picture).read_bytes()
        assert (tmp_path / "one" / picture).stat().st_size < 60_000
    report_pictures.draw({}, tmp_path / "none")
    assert not list((tmp_path / "none").iterdir())


def test_resampling_and_filters_keep_what_they_should():
    lead = simulate_ecg(10, 500, lead_names=("II",)).signal
    assert nuisance.resampled(lead, 1000).shape == (1, 10_000)
    assert np.abs(nuisance.resampled(lead, 250)[0] - lead[0, ::2]).max() < 0.02
    assert abs(nuisance.filtered(lead + 5, "highpass", 0.5).mean()) < 0.1


def test_the_page_says_of_every_rival_what_it_looks_at():
    assert set(report_rivals.looks_at()) == set(RIVALS)
    assert report_rivals.section(["ecgnoise", "ksqi", "vae"]).count("\n- ") == 2
    assert report_rivals.section(RIVALS) == prose("looks_at")
    assert report_rivals.section(["ecgnoise"]) == ""
