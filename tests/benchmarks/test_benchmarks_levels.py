"""The benchmark of noise levels: its mixtures and measures by hand, and its page."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from benchmarks.quality import bursts, detectors, grading, gross, kind_levels, kinds, motion, nuisance, outcomes, snr
from benchmarks.quality.beats import Beats, simulated
from benchmarks.quality.figures import Sample
from benchmarks.quality.noises import KINDS as NOISES
from benchmarks.quality.noises import OF_KIND, add, drift_free
from benchmarks.quality.part import TINY
from benchmarks.quality.readings import PSNR, SNR, Ecgnoise, reading_of
from benchmarks.quality.scorers import Scored
from benchmarks.quality.snr import SNRS
from benchmarks.quality.takes import Take

from benchmarks import left_out, report_goals, report_levels
from ecgnoise import simulate_ecg
from ecgnoise.noise_levels import BASELINE_WANDER, ELECTRODE, KINDS, MUSCLE, SPIKE
from made_up_readings import MadeUp

TIME = np.arange(5000) / 500


def lead(seed=0):
    return simulate_ecg(10, 500, heart_rate=70, seed=seed, lead_names=["II"]).signal


# --- SNR ---


def scored(estimate, look=SNR, half_width=3.0):
    """Scores of the SNR part for two leads: ``estimate`` of the true SNR, the same on both bases."""
    of_base = [40.0, *(estimate(true) for _ in NOISES for true in SNRS)]
    scores = [np.full((2, 1), value, np.float64) for _ in snr.BASES for value in of_base]
    ends = np.array([0.0, -half_width, half_width])
    readings = [SimpleNamespace(snr=score[:, :, None] + ends) for score in scores]
    return Scored(scores, 0.0, 1.0, look, readings)


def snr_part(records=("a", "b")):
    return snr.Snr([], list(records), draws=3)


def test_a_perfect_estimate_has_no_error():
    figures = snr_part().figures(scored(lambda true: true))
    for base in snr.BASES:
        for kind in (*NOISES, "all"):
            entry = figures[base][kind]
            assert (entry["mae"], entry["bias"], entry["r"], entry["spearman"], entry["falls"]) == (0, 0, 1, 1, 1)
            assert (entry["coverage"], entry["width"]) == (1, 6)
            assert entry["median"] == {str(true): true for true in SNRS}


def test_a_constant_guess_falls_nowhere_and_an_interval_holds_what_lies_within_it():
    entry = snr_part().figures(scored(lambda true: 9.0))["raw"]["all"]
    assert (entry["mae"], entry["bias"], entry["r"], entry["spearman"], entry["falls"]) == (9, 0, 0, 0, 0)
    assert entry["coverage"] == pytest.approx(2 / 6, abs=1e-3)  # 12 and 6 dB, the ends included


def test_estimates_are_held_within_the_range_of_the_truth():
    entry = snr_part().figures(scored(lambda true: true + (20.0 if true == SNRS[0] else 2.0)))["raw"]["all"]
    assert entry["mae"] == entry["bias"] == pytest.approx(5 * 2 / 6, abs=1e-3)


def test_only_the_look_that_has_an_interval_has_its_coverage():
    assert "coverage" not in snr_part().figures(scored(lambda true: true, look=PSNR))["raw"]["all"]


def test_drift_goes_and_beats_stay():
    slow, fast = np.sin(2 * np.pi * 0.1 * TIME), np.sin(2 * np.pi * 5 * TIME)
    leads = drift_free(np.array([slow, fast], np.float32))
    assert leads.shape == (2, 5000)
    assert leads[0].std() < 0.05 * slow.std()
    assert np.abs(leads[1] - fast)[500:-500].max() < 0.01


# --- bursts ---


def test_a_burst_is_one_stretch_as_strong_as_was_asked():
    leads = np.concatenate([lead(seed) for seed in range(4)])
    places = bursts.burst_places(4, 7)
    noise = np.random.default_rng(0).normal(size=leads.shape).astype(np.float32)
    added = bursts.with_bursts(leads, noise, places) - leads
    truth = bursts.annotation_path(places)
    for row, (first, last) in enumerate(places):
        assert 500 <= last - first <= 2000
        assert not added[row, :first].any()
        assert not added[row, last:].any()
        power = 10 * np.log10(leads[row].var() / added[row, first:last].var())
        assert power == pytest.approx(bursts.SNR, abs=0.01)
        assert truth[row].mean() == pytest.approx((last - first) / 5000, abs=0.002)


def test_dice_and_the_bound_with_the_best():
    truth = np.array([[True, True, False, False], [False, True, True, False]])
    marked = np.array([[True, False, False, False], [True, True, True, True]])
    assert bursts.dice(marked, truth) == pytest.approx([2 / 3, 4 / 6])
    values = np.where(truth, 3.0, 20.0)
    bound = bursts.best_bound([values], [truth])
    assert bursts.dice(values < bound, truth).tolist() == [1, 1]
    assert np.isnan(bursts.best_bound([np.full(truth.shape, np.nan)], [truth]))


def test_spans_become_ticks():
    ticks = bursts.in_ticks(np.arange(32.0)[None])
    assert ticks.shape == (1, 1000)
    assert [ticks[0, tick] for tick in (0, 31, 32, 999)] == [0, 0, 1, 31]
    assert np.isnan(bursts.in_ticks(np.empty((1, 0)))).all()


# --- electrode motion ---


def test_nominal_snr_is_that_of_qrs_height_and_noise_in_a_second():
    beats = np.arange(250, 4900, 500)
    square = np.zeros(5000)
    for beat in beats:
        square[beat - 5 : beat + 5] = 2.0
    power = motion.signal_power(square, beats, 500)
    assert power == pytest.approx(2.0**2 / 8)
    of_noise = motion.noise_power(np.sin(2 * np.pi * 10 * TIME), 500)
    assert of_noise == pytest.approx(0.5, rel=1e-6)
    assert motion.gain(power, of_noise, 0) == pytest.approx(1.0)
    assert motion.gain(power, of_noise, 20) == pytest.approx(0.1)


def test_the_largest_and_smallest_do_not_count():
    assert motion.trimmed_mean([5.0] * 38 + [1e6, -1e6]) == 5.0
    assert motion.trimmed_mean([1.0] * 300 + [100.0] * 300) == 1.0


def test_noisy_windows_come_snr_after_snr(monkeypatch):
    generator = np.random.default_rng(0)
    monkeypatch.setattr(motion, "motion_noise", lambda frequency, part: generator.normal(size=(2, 20_000)))
    signal = np.concatenate([lead(0), lead(1)])
    clean = [motion.Clean(name, signal, 500.0, (0.1, 0.4)) for name in ("a", "b")]
    takes, found = motion.noisy_takes(clean, (0.0, 1.0))
    assert [take.record for take in takes] == ["a", "b"] * len(motion.SNRS)
    found = np.array(found).reshape(len(motion.SNRS), 4)
    assert np.diff(found, axis=0) == pytest.approx(-6, abs=1e-6)
    added = takes[0].recording.signal - signal
    assert 10 * np.log10(signal.var(axis=1) / added.var(axis=1)) == pytest.approx(found[0, :2], abs=0.01)
    assert found[0, 0] > found[0, 1]  # a stronger QRS gets stronger noise


# --- what nobody can read ---


@pytest.mark.parametrize("kind", gross.ALONE)
def test_what_nobody_can_read_depends_on_the_number_of_the_lead_only(kind):
    few, many = gross.without_ecg(kind, 2), gross.without_ecg(kind, 3)
    assert many.shape == (3, 5000)
    np.testing.assert_array_equal(few, many[:2])
    assert np.abs(many[0] - many[1]).max() > 1


@pytest.mark.parametrize("kind", ["swings", "motion_once_a_second"])
def test_repeated_waves_are_tall_and_slow(kind):
    waves = gross.without_ecg(kind, 8)
    assert (np.ptp(waves, axis=1) > 3.9).all()
    assert (np.ptp(waves, axis=1) < 20.2).all()
    spectrum = np.abs(np.fft.rfft(waves - waves.mean(axis=1, keepdims=True), axis=1)) ** 2
    assert (spectrum[:, :200].sum(axis=1) / spectrum.sum(axis=1) > 0.98).all()  # below 20 Hz


@pytest.mark.parametrize("kind", ["soft_rails", "hard_rails"])
def test_a_third_of_what_is_railed_lies_at_the_ends(kind):
    for row in gross.without_ecg(kind, 6):
        low, high = np.percentile(row, [0.5, 99.5])
        near = 0.15 * (high - low)
        assert np.mean((row < low + near) | (row > high - near)) > 0.3


def test_a_runner_hides_beats_and_stays_within_soft_rails():
    leads = np.concatenate([lead(0), lead(1)])
    noisy = gross.running(leads)
    assert noisy.shape == leads.shape
    height = np.percentile(np.abs(leads - np.median(leads, axis=1, keepdims=True)), 99.5, axis=1)
    assert (np.abs(noisy).max(axis=1) < 1.7 * height).all()
    snrs = 10 * np.log10(leads.var(axis=1) / (noisy - leads).var(axis=1))
    assert (snrs < 0).all()


# --- kinds and levels ---


def test_every_kind_counts_the_same_and_what_is_not_told_is_not_right():
    told = {noise: {str(at): {OF_KIND[noise]: 10} for at in kinds.SNRS} for noise in NOISES}
    assert set(kinds.right(told).values()) == {1.0}
    told["em"]["-6"], told["ma"]["0"] = {BASELINE_WANDER: 10}, {}
    right = kinds.right(told)
    assert right["6"] == 1
    assert right["-6"] == pytest.approx(1 - 0.5 / 6, abs=1e-3)  # electrode steps are electrode as well
    assert right["0"] == pytest.approx(5 / 6, abs=1e-3)
    assert report_goals.called_electrode({PSNR: {"kinds": {"told": told}}}) == 0


def test_kinds_are_counted():
    places = np.array([[0, 0, -1], [5, 2, 2]], np.int8)
    assert kinds.told_kinds(places) == {KINDS[0]: 2, KINDS[2]: 2, KINDS[5]: 1}
    assert kinds.told_kinds(places[:0]) == {}


def levels_of(raised, local=False):
    """Readings of four leads of one segment, clean but the last two, where one kind is raised."""
    noise, spans = np.full((4, 1, 6), -40.0), np.full((4, 32, 6), -40.0)
    if local:
        spans[2:, 7, KINDS.index(raised)] = -3.0
    else:
        noise[2:, :, KINDS.index(raised)] = -3.0
    return [SimpleNamespace(noise=noise, noise_uv=100 * 10 ** (noise / 20), local_noise=spans)]


@pytest.mark.parametrize(
    ("label", "raised", "local", "expected"),
    [
        ("static_noise", MUSCLE, False, 1.0),
        ("static_noise", BASELINE_WANDER, False, 0.5),
        ("baseline_drift", BASELINE_WANDER, False, 1.0),
        ("baseline_drift", MUSCLE, False, 0.5),
        ("burst_noise", SPIKE, True, 1.0),
        ("burst_noise", ELECTRODE, True, 1.0),
        ("burst_noise", BASELINE_WANDER, True, 0.5),
    ],
)
def test_labels_are_told_by_the_level_of_their_kind(label, raised, local, expected):
    labels = dict.fromkeys((*kind_levels.LASTING, *kind_levels.SHORT), np.array([False, False, True, True]))
    labels["clean"] = ~labels[label]
    figures = kind_levels.by_level(levels_of(raised, local), np.arange(4), labels, 3)
    assert figures[label]["auroc"] == figures[label]["uv"]["auroc"] == expected
    assert figures[label]["uv"]["clean_uv"] == pytest.approx(100 * 10 ** (figures[label]["clean_db"] / 20), abs=0.06)


def test_a_level_in_microvolts_knows_a_low_ecg_from_strong_noise():
    readings = levels_of(MUSCLE)
    readings[0].noise_uv[2:] /= 1000  # so is the ECG
    labels = dict.fromkeys((*kind_levels.LASTING, *kind_levels.SHORT), np.array([False, False, True, True]))
    labels["clean"] = ~labels["static_noise"]
    figures = kind_levels.by_level(readings, np.arange(4), labels, 3)["static_noise"]
    assert (figures["auroc"], figures["uv"]["auroc"]) == (1, 0)


def test_a_model_without_levels_has_no_figures_of_them():
    readings = [SimpleNamespace(noise=np.full((4, 1, 6), np.nan), local_noise=np.full((4, 0, 6), np.nan))]
    labels = dict.fromkeys((*kind_levels.LASTING, *kind_levels.SHORT, "clean"), np.ones(4, bool))
    assert kind_levels.by_level(readings, np.arange(4), labels, 3) == {}


# --- grades ---


def test_grades_as_limits():
    merit = Sample.of(np.array([0.0, -1.0, -2.0, -3.0, -4.0]))
    points = grading.limits(merit, merit, 3)
    assert [points[grade]["specificity"] for grade in grading.ACCEPTED] == [0.2, 0.4, 0.6]
    assert [points[grade]["sensitivity"] for grade in grading.ACCEPTED] == [0.8, 0.6, 0.4]
    assert grading.shares(merit.values) == dict.fromkeys(grading.WORDS, 0.2)
    assert grading.worse_than("fair", merit, 3)["share"] == 0.6


@pytest.mark.parametrize(
    ("merit", "durations", "expected"),
    [([0, -3], [10, 10], -3), ([0, -3], [10, 9], 0), ([-1, -2, -3], [10, 10, 10], -2), ([-2], [7], -2)],
)
def test_a_record_has_the_grade_that_half_of_its_time_is_at_or_below(merit, durations, expected):
    assert grading.for_half_of_the_time(np.array(merit, float), durations) == expected


# --- outcomes ---


def test_detectors_find_the_beats_of_a_clean_lead_and_none_in_silence():
    clean = lead(3)[0].astype(np.float64)
    beats = {name: detect(clean, 500.0) for name, detect in detectors.DETECTORS.items()}
    assert detectors.f1(beats["xqrs"], beats["gqrs"], 40) > 0.9
    assert 8 <= len(beats["xqrs"]) <= 13
    assert not len(detectors.xqrs(np.zeros(5000), 500.0))


@pytest.mark.parametrize(
    ("reference", "detected", "expected"),
    [
        ([100, 200], [100, 200], 1),
        ([100, 200], [109, 300], 0.5),
        ([100], [], 0),
        ([], [], 1),
        ([100], [95, 105], 2 / 3),
    ],
)
def test_f1_matches_each_beat_once(reference, detected, expected):
    assert detectors.f1(np.array(reference), np.array(detected), 10) == pytest.approx(expected)


def test_a_score_that_goes_with_the_outcome_foretells_it():
    takes = [Take(str(place), simulate_ecg(10, 100, lead_names=["II"])) for place in range(4)]
    part = outcomes.Cpsc2019(takes, {"xqrs": np.array([0.5, 0.8, 0.95, 1.0])}, 3)
    figures = part.figures(Scored([np.full((1, 1), value) for value in (1.0, 2.0, 3.0, 4.0)], 0, 1))
    assert figures["xqrs"]["auroc"] == figures["xqrs"]["spearman"] == figures["both"]["spearman"] == 1


def test_nuisance_tells_what_it_costs_in_snr_and_grade():
    before, after = (
        SimpleNamespace(snr=np.full((2, 1, 3), level), grade=np.array([[0], [rank]], np.int8))
        for level, rank in ((20.0, 1), (17.0, 2))
    )
    figures = nuisance.looked_at(before, after)
    assert figures == {"snr": -3.0, "below_fair_before": 0.0, "below_fair": 0.5}


def test_a_tall_t_is_as_tall_as_r():
    base, tall = (simulated(Beats(t=t), 500, 3) for t in (0.0, nuisance.TALL_T))
    assert 0.7 / 1.3 < (tall - base).max() / base.max() < 1.3 / 0.7


# --- the page ---


def test_a_goal_knows_its_direction():
    upper = report_goals.Goal("x", lambda _: 0.95, 0.9)
    lower = report_goals.Goal("x", lambda _: 0.95, 0.9, least=False)
    assert upper.row({})[-1] == "yes"
    assert lower.row({})[-1] == "**no**"
    assert report_goals.Goal("x", lambda _: None, 0.9).row({}) == []


def test_unusual_hearts_are_held_against_noise_of_24_db():
    changes = {name: {"snr": -10.5, "snr_true": -10.0, "below_fair": 0.0} for name in report_goals.UNUSUAL}
    changes |= {f"noise {kind} at 24 dB": {"snr": -2.0} for kind in nuisance.NOISE_KINDS}
    scorers = {PSNR: {"nuisance": {"changes": changes}}}
    assert report_goals.unusual_against_noise(scorers) == 0.25
    assert report_goals.unusual_below_fair(scorers) == 0
    changes[report_goals.UNUSUAL[0]] = {"snr": -4.0, "snr_true": 0.0, "below_fair": 0.5}
    assert report_goals.unusual_against_noise(scorers) == 2
    assert report_goals.unusual_below_fair(scorers) == 0.5


def test_alarms_are_those_of_the_look_with_the_best_auroc():
    def part(auroc, alarms):
        shares = {"A": {"share": alarms}, "N": {"share": 0.01}}
        return {"challenge_2017": {"records": {"auroc": auroc}, "alarms": shares}}

    assert report_goals.alarms({PSNR: part(0.9, 0.3), SNR: part(0.95, 0.05)}) == pytest.approx(0.04)
    assert report_goals.alarms({}) is None


def test_the_unusual_hearts_of_the_goals_are_measured():
    assert set(report_goals.UNUSUAL) <= set(nuisance.UNUSUAL)


def test_errors_of_what_tells_an_snr_stand_in_one_table():
    figures = {"snr": snr_part().figures(scored(lambda true: true)) | {"leads": 2}}
    text = report_levels.snr({PSNR: figures, SNR: figures, "wiener_snr": figures, "ksqi": figures})
    table = text.split("MAE in dB of what tells an SNR:")[1].split("Spearman")[0]
    assert "| **ecgnoise_snr** | 0.0 |" in table
    assert "| wiener_snr | 0.0 |" in table
    assert "ksqi" not in table


# --- kinds left out ---


def test_a_folder_without_models_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="levels_without_KIND"):
        left_out.folders(tmp_path)
    (tmp_path / "levels_without_muscle").mkdir()
    (tmp_path / "levels_without_nothing").mkdir()
    assert list(left_out.folders(tmp_path)) == [MUSCLE]


def test_what_was_left_out_is_measured(monkeypatch):
    """A made-up model that tells the SNR of white noise by its strength."""
    leads = np.concatenate([lead(0), lead(1)])
    monkeypatch.setattr(left_out, "clean_records", lambda fold: [])
    monkeypatch.setattr(left_out, "clean_leads", lambda paths, count: ([], leads))

    def strength(signal, _):
        return 20 * np.log10(leads.std() / (np.diff(signal, 2, axis=1).std(axis=1) / np.sqrt(6) + 1e-9))

    figures = left_out.measured(Ecgnoise(MadeUp(strength)), ["white"], TINY)
    json.dumps(figures, allow_nan=False)
    assert figures["raw"]["white"]["mae"] < 3
    assert figures["raw"]["white"]["spearman"] > 0.95


def test_a_reading_holds_what_a_result_says():
    reading = reading_of(MadeUp(lambda signal, _: np.full(len(signal), 10.0), kind=SPIKE).quantify(Take.of(
        "a", add(lead(0), np.random.default_rng(0).normal(size=(1, 5000)), 10), 500
    ).recording))  # fmt: skip
    assert reading.kind.tolist() == [[KINDS.index(SPIKE)]]
    assert reading.grade.tolist() == [[1]]
    assert reading.usable.shape == (1, 1000)
    assert reading.noise[0, 0, KINDS.index(SPIKE)] == -10
    assert reading.noise_uv[0, 0, KINDS.index(SPIKE)] == pytest.approx(1000 * 10**-0.5)
