"""What ``ecgnoise score`` prints, where, and how much; ``ecgnoise annotate``."""

import csv
import io
import json
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import ecgnoise
from ecgnoise.cli import main
from ecgnoise.cli.text import result_text
from ecgnoise.recording import Recording
from ecgnoise.results.scores import NoiseLevels
from ecgnoise.results.verdicts import record_verdict
from ecgnoise.scoring.scorer import Scorer
from ecgnoise.simulate import simulate_ecg
from ecgnoise.writers import write_recording
from results_by_hand import changed, graded


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="ecgnoise")


@pytest.fixture
def score(tiny_model):
    """``ecgnoise score`` with the small model."""
    return lambda *arguments: run("score", "--model", tiny_model, "--threads", 1, *arguments)


@pytest.fixture
def one(tmp_path):
    write_recording(simulate_ecg(12, 125, lead_names=["I", "V2"]), tmp_path / "one.npz")
    return tmp_path / "one.npz"


@pytest.fixture
def many(tmp_path):
    """Six recordings in a folder, one of them flat, and one that cannot be read."""
    folder = tmp_path / "many"
    folder.mkdir()
    for seed in range(5):
        write_recording(simulate_ecg(25, 125, seed=seed, lead_names=["I", "V2"]), folder / f"r{seed}.npz")
    flat = Recording.from_array(np.zeros((1, 2500)), 125, lead_names=["I"])
    write_recording(flat, folder / "r5.npz")
    (folder / "bad.npz").write_bytes(b"PK")
    return folder


def test_a_lead_that_is_off_comes_first(score, tmp_path):
    """80 s of 300 s were "ten good rows, worst 23.9 dB, 8 flat"."""
    signal = simulate_ecg(300, 125, lead_names=["II"]).signal.copy()
    signal[:, 120 * 125 : 200 * 125] = 0.0
    write_recording(Recording.from_array(signal, 125, lead_names=["II"]), tmp_path / "off.npz")
    done = score(tmp_path / "off.npz")
    lines = done.stdout.splitlines()
    assert lines[1] == "  II flat 120-200 s"
    assert lines[-2].startswith("1 lead x 30 segments: II flat 120-200 s; ")
    assert "the 10 lowest scores; 20 more: " in done.stdout


def test_verdict_has_faults_then_the_worst_grades():
    result = changed(graded(["gg-gg--ug", "gg-gggfpg"]), recording_start=None)
    assert result.verdict() == (
        "2 leads x 9 segments: all leads flat 20-30 s; II flat 50-70 s; 1 unusable, 1 poor, 1 fair, 11 good; "
        "67 % analysable; worst score II 12.0 dB at 70-80 s"
    )
    verdict = record_verdict(result)
    assert [(fault.lead, fault.fault, fault.start, fault.stop) for fault in verdict.faults] == [
        ("II", "flat", 20, 30), ("II", "flat", 50, 70), ("V1", "flat", 20, 30),
    ]  # fmt: skip
    assert verdict.worst_lead == "II"


def test_the_lead_that_is_off_is_the_worst_one():
    """Its few scores are high, and still less of it can be used."""
    assert record_verdict(graded(["g-g--g", "ffffpf"])).worst_lead == "II"
    assert record_verdict(graded(["gggg", "gfff"])).worst_lead == "V1"


def test_many_faults_stay_on_one_line():
    verdict = graded(["g-" * 300, "-g" * 300]).verdict()
    assert len(verdict) < 800
    assert "and 296 more of 2960 s" in verdict
    text = result_text(graded(["g-" * 300]), every_row=True)
    assert "5990-6000 s (14:10:05-14:10:15)" in text


def test_short_recordings_say_so_after_what_has_no_score():
    result = changed(graded(["g", "-"], last=7.0), fault=np.array([["short"], ["flat"]]), recording_start=None)
    assert result.fault_texts() == ["V1 flat 0-7 s", "II short 0-7 s"]


def test_long_times_are_not_rounded():
    result = changed(graded(["g" * 8640 + "u"], last=3.25), recording_start=None)
    assert result.verdict().endswith("at 86400-86403.25 s")


def test_clock_times_are_printed_where_the_start_is_known():
    result = changed(graded(["gu-"]), recording_start=datetime(2024, 3, 1, 23, 59, 50))
    lines = result_text(result, every_row=False).splitlines()
    assert lines[1] == "  begins 2024-03-01 23:59:50"
    assert lines[2] == "  II flat 20-30 s (2024-03-02 00:00:10-2024-03-02 00:00:20)"
    assert [line.split()[3:5] for line in lines[4:6]] == [["23:59:50", "23.0"], ["2024-03-02", "00:00:00"]]
    unknown = result_text(changed(result, recording_start=None), every_row=False)
    assert "time" not in unknown
    assert "begins" not in unknown


def test_nothing_scored_at_all_has_no_table_of_scores():
    text = result_text(changed(graded(["-" * 30]), recording_start=None), every_row=False)
    assert text.splitlines() == [
        "record.hea",
        "  II flat 0-300 s",
        "  the 0 lowest scores; 30 more: --all prints them, --out FILE.csv writes them",
        "1 lead x 30 segments: II flat 0-300 s; 0 % analysable",
    ]


def test_the_example_says_how_noisy_it_is():
    """Muscle noise of 3 dB in V2, wander of -6 dB in V5: within 2 dB."""
    done = run("score", "--example")
    for lead, snr, kind in (("V2", 3.0, "muscle"), ("V5", -6.0, "baseline_wander")):
        rows = [line for line in done.stdout.splitlines() if line.startswith(f"  {lead} ")]
        assert [float(row.split()[5]) for row in rows] == pytest.approx([snr, snr], abs=2.0)
        assert all(kind in row for row in rows)


def test_snr_below_all_that_was_measured_is_not_told():
    """By noise levels the lowest means that or noisier; by the stress curve of a model without them, nothing."""
    result = ecgnoise.quantify(ecgnoise.simulate_ecg(10, lead_names=["I"]))
    low = changed(result, estimated_snr=np.full((1, 1, 3), result.snr_range[0]))
    assert f"<={result.snr_range[0]:.0f}" in "".join(result_text(low, every_row=True))
    without = changed(low, levels=NoiseLevels.unknown(1, 1), span_start=np.empty(0), span_duration=np.empty(0))
    text = result_text(without, every_row=True)
    assert f"<={result.snr_range[0]:.0f}" not in text
    assert "SNR dB -: below all scores it was measured with" in text


def test_many_recordings_have_a_line_each_and_a_summary(score, many, tmp_path):
    done = score(many, "--out", tmp_path / "t.csv")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines[:6]] == [str(many / f"r{seed}.npz") for seed in range(6)]
    assert lines[5].endswith(": 1 lead x 2 segments: I flat 0-20 s; 0 % analysable")
    assert lines[6] == "6 of 7 recordings scored"
    assert lines[7].startswith("32 lead-segments, 0.075 h of leads, 0 % analysable: 2 flat, ")
    assert f"  100% of the leads' time  {many / 'r5.npz'}" in lines
    assert lines[-1] == f"wrote {tmp_path / 't.csv'}: 32 rows"
    assert len(lines) < 25
    assert "PSNR dB" in score(many, "--all").stdout.splitlines()[1]


def test_notes_of_many_recordings_are_counted(score, tmp_path):
    for number in range(6):
        signal = simulate_ecg(10, 125, lead_names=["I"]).signal[0]
        rows = "".join(f"{value:.4f},{value:.4f}\n" for value in signal)
        (tmp_path / f"r{number}.csv").write_text("I (mV),V1 (mV)\n" + rows)
    done = score(tmp_path, "--sampling-frequency", 125)
    assert "note of 6 recordings: I and V1 hold the same samples" in done.stdout.splitlines()


def test_quiet_prints_errors_only(score, many, one, tmp_path, tiny_model):
    done = score(one, "--out", tmp_path / "t.csv", "--annotations", tmp_path / "m.json", "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "t.csv").exists()
    assert (tmp_path / "m.json").exists()
    done = score(many, "--quiet")
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (1, "", 2)
    done = run("archive", one, "--out", tmp_path / "results", "--quiet", "--model", tiny_model)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_table_on_standard_output_has_it_for_itself(score, many, one, tmp_path):
    done = score(one, "--out", "-", "--annotations", tmp_path / "m.json")
    assert done.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["record"], row["lead"]) for row in rows] == [("one", "I"), ("one", "I"), ("one", "V2"), ("one", "V2")]
    assert "2 leads x 2 segments" in done.stderr
    assert f"wrote {tmp_path / 'm.json'}" in done.stderr
    table = pd.read_csv(io.StringIO(score(many, "--out", "-").stdout))
    assert table.record.nunique() == 6
    assert not list(tmp_path.glob("-*"))


def test_format_says_what_a_table_is(score, one, tmp_path):
    assert len(json.loads(score(one, "--format", "json").stdout)) == 4
    assert len(json.loads(score(one, "--format", "json", "--out", "-").stdout)) == 4
    parquet = score(one, "--format", "parquet", "--out", "-").stdout_bytes
    assert len(pd.read_parquet(io.BytesIO(parquet))) == 4
    for name in ("results", "results.dat"):
        assert score(one, "--format", "xlsx", "--out", tmp_path / name).exit_code == 0
        assert len(pd.read_excel(io.BytesIO((tmp_path / name).read_bytes()))) == 4


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (("--out", "-", "--resume"), "--resume"),
        (("--out", "results"), "ecgnoise archive"),
        (("--format", "doc"), "'doc'"),
        (("--format", "csv", "--out", "."), "this is a folder"),
        (("--out", "one.npz"), "choose one of them"),
        (("--format", "csv", "--out", "one.npz"), "a recording to score, and the place of the table"),
        (("--annotations", "one.npz"), "take the place of this file"),
        (("--out", "a.json", "--annotations", "a.json"), "take the place of this file"),
    ],
)
def test_wrong_places_are_one_line(score, one, arguments, fragment, monkeypatch):
    before = one.read_bytes()
    monkeypatch.chdir(one.parent)
    done = score(one.name, *arguments)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert fragment in done.stderr
    assert [file.name for file in one.parent.iterdir()] == ["one.npz"]
    assert one.read_bytes() == before


def test_the_table_of_an_earlier_run_is_no_recording(score, one):
    out = one.parent / "scores.csv"
    for _ in range(2):
        done = score(one.parent, "--out", out)
        assert (done.exit_code, done.stderr) == (0, "")
    assert len(pd.read_csv(out)) == 4


def test_annotations_say_how_many_and_where(score, one, many, tmp_path):
    done = score(one, "--annotations", tmp_path / "m.json", "--annotations-grade", "good")
    assert f"wrote {tmp_path / 'm.json'}: 2 intervals" in done.stdout.splitlines()
    done = score(many, "--annotations", tmp_path / "{record}.json", "--annotations-grade", "good")
    assert f"wrote 6 files {tmp_path / '{record}.json'}: 11 intervals" in done.stdout.splitlines()


def test_recordings_of_one_name_have_annotations_in_their_folders(score, one, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.npz").write_bytes(one.read_bytes())
    wrong = score(tmp_path, "--annotations", tmp_path / "{record}.json")
    assert wrong.exit_code == 2
    assert "name it with {folder}" in wrong.stderr
    assert not list(tmp_path.rglob("*.json"))
    assert score(tmp_path, "--annotations", "{folder}/{record}.json").exit_code == 0
    places = {tmp_path / "one.json", tmp_path / "deep" / "one.json"}
    assert set(tmp_path.rglob("*.json")) == places
    assert {json.loads(place.read_text())["record"] for place in places} == {
        str(place.with_suffix(".npz")) for place in places
    }


@pytest.mark.parametrize("out", ["t.csv", "t.parquet", "results"])
def test_saved_results_need_no_scoring(score, many, tmp_path, out, monkeypatch, tiny_model):
    place = ("--out", tmp_path / out)
    scored = run("archive", many, *place, "--model", tiny_model) if out == "results" else score(many, *place)
    assert scored.exit_code == 1
    score(many, "--annotations", tmp_path / "{record}.qua", "--annotations-grade", "good", "--quiet")
    expected = {file.stem: file.read_bytes() for file in tmp_path.glob("*.qua")}
    monkeypatch.setattr(Scorer, "score", None)
    done = run("annotate", tmp_path / out, "--out", tmp_path / "{record}.qua", "--grade", "good")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"wrote 6 files {tmp_path / '{record}.qua'}: 11 intervals\n"
    assert {file.stem: file.read_bytes() for file in tmp_path.glob("*.qua")} == expected
    assert run("annotate", tmp_path / out, "--out", tmp_path / "{record}.npz", "--quiet").stdout == ""
    with np.load(tmp_path / "r5.npz") as saved:
        assert saved["mask"].shape == (1, 2500)
        assert not saved["mask"].any()
        assert saved["lead_names"].tolist() == ["I"]


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (("none.csv", "--out", "{record}.qua"), "no such table"),
        (("t.csv", "--out", "{record}.doc"), ".npz"),
        (("t.csv", "--out", "all.qua"), "{record}.qua"),
        (("t.csv", "--out", "no/{record}.qua"), "no folder"),
        (("t.csv", "--out", "{record}.qua", "--join", "-1"), "--join"),
        (("t.csv",), "--out"),
    ],
)
def test_wrong_options_of_annotations_are_one_line(score, many, tmp_path, arguments, fragment, monkeypatch):
    monkeypatch.chdir(tmp_path)
    score(many, "--out", "t.csv", "--quiet")
    done = run("annotate", *arguments)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert fragment in done.stderr


def test_annotations_never_take_the_place_of_recordings(score, many, tmp_path):
    score(many, "--out", tmp_path / "t.csv", "--quiet")
    before = (many / "r0.npz").read_bytes()
    done = run("annotate", tmp_path / "t.csv", "--out", "{folder}/{record}.npz")
    assert done.exit_code == 2
    assert "take the place of this file" in done.stderr
    assert (many / "r0.npz").read_bytes() == before


def test_one_result_says_where_its_annotations_are(score, one, tmp_path):
    score(one, "--out", tmp_path / "t.csv", "--quiet")
    done = run("annotate", tmp_path / "t.csv", "--out", tmp_path / "{record}.tsv", "--grade", "good", "--join", 5)
    assert done.stdout == f"wrote {tmp_path / 'one.tsv'}: 2 intervals\n"
