"""``ecgnoise score``: annotations."""

import json

import pytest
from click.testing import CliRunner

from ecgnoise.cli import main
from ecgnoise.simulate import simulate_ecg
from ecgnoise.writers import write_recording


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="ecgnoise")


@pytest.fixture
def score(tiny_model):
    """``ecgnoise score`` with the small model."""
    return lambda *arguments: run("score", "--model", tiny_model, "--threads", 1, *arguments)


@pytest.fixture
def recordings(tmp_path):
    """A folder with two recordings, and an empty one for what is written."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for name, seed in (("a.npz", 1), ("b.npz", 2)):
        write_recording(simulate_ecg(12, 200, seed=seed, lead_names=["I", "V2"]), tmp_path / "in" / name)
    return tmp_path


def test_annotations_of_one_recording(score, recordings):
    out = recordings / "out" / "annotations.json"
    result = score(recordings / "in" / "a.npz", "--annotations", out, "--annotations-grade", "good")
    assert result.exit_code == 0, result.output
    content = json.loads(out.read_text())
    assert content["grade"] == "good"
    assert [(entry["lead"], entry["duration_s"]) for entry in content["intervals"]] == [("I", 12.0), ("V2", 12.0)]


def test_annotations_of_several_recordings_have_their_names(score, recordings):
    result = score(recordings / "in", "--annotations", recordings / "out" / "{record}.qua")
    assert result.exit_code == 0, result.output
    assert sorted(file.name for file in (recordings / "out").iterdir()) == ["a.qua", "b.qua"]


@pytest.mark.parametrize(
    ("annotations", "fragment"),
    [
        ("out/{record}.doc", "'.qua' .edf"),
        ("out/annotations.json", "{record}.json"),
        ("absent/{record}.json", "no folder"),
    ],
)
def test_wrong_places_of_annotations_are_one_line(score, recordings, annotations, fragment):
    result = score(recordings / "in", "--annotations", recordings / annotations)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert all(word.strip("'") in result.stderr for word in fragment.split(" ", 1))
    assert list((recordings / "out").iterdir()) == []


def test_two_recordings_of_one_name_do_not_share_their_annotations(score, recordings):
    (recordings / "in" / "deep").mkdir()
    (recordings / "in" / "deep" / "a.npz").write_bytes((recordings / "in" / "a.npz").read_bytes())
    result = score(recordings / "in", "--annotations", recordings / "out" / "{record}.json")
    assert result.exit_code == 2
    assert "the annotations of both" in result.stderr


def test_word_in_the_path_does_not_matter(score, recordings):
    """A format that needs an extra, and a name that WFDB does not take, are errors of the writer, on one line."""
    result = score(recordings / "in" / "a.npz", "--annotations", recordings / "out" / "a b.qua")
    assert result.exit_code == 2
    assert "no name of a WFDB record" in result.stderr


def test_after_ctrl_c_it_is_said_that_annotations_stay(score, recordings, monkeypatch):
    from ecgnoise.results import annotations as writers

    write = writers.write_annotations

    def once(result, place, **options):
        if "b" in place.name:
            raise KeyboardInterrupt
        return write(result, place, **options)

    monkeypatch.setattr(writers, "write_annotations", once)
    result = score(recordings / "in", "--annotations", recordings / "out" / "{record}.qua")
    assert result.exit_code == 130
    assert result.stderr == "Stopped: no table was written; annotations that were written before stay.\n"
    assert [file.name for file in (recordings / "out").iterdir()] == ["a.qua"]
