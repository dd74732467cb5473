"""Folders with files and names that nobody wishes for: each is a row, and the others are scored."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import ecgnoise
from ecgnoise import simulate_ecg
from ecgnoise._internal.files import open_regular, shown_name
from ecgnoise.batch.files import score_file, score_files
from ecgnoise.cli import main
from ecgnoise.errors import OutputError, ResumeError, UnreadableFileError
from ecgnoise.quantifier import Quantifier
from ecgnoise.readers import ReadOptions, find_recordings, read, recording_files
from ecgnoise.results.annotations import ANNOTATION_FORMATS
from ecgnoise.results.result import Result
from ecgnoise.scoring.checkpoint import Checkpoint
from ecgnoise.writers import write_recording

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ecgnoise.__file__).parents[1])}
NO_UTF_8 = os.fsdecode(b"r\xe9sum\xff.npz")


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "in"
    place.mkdir()
    for name in ("a.npz", "b.npz", "c.npz"):
        write_recording(simulate_ecg(10, 125, seed=1, lead_names=["I"]), place / name)
    return place


@pytest.fixture
def locked(monkeypatch):
    """Makes paths such that nobody, root neither, may open them."""
    paths = set()

    def guarded(original):
        def call(path, *others, **named):
            if not isinstance(path, int) and Path(os.fsdecode(path)) in paths:
                raise PermissionError(13, "Permission denied", os.fsdecode(path))
            return original(path, *others, **named)

        return call

    for name in ("open", "scandir"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))
    monkeypatch.setattr(Path, "read_bytes", guarded(Path.read_bytes))
    return paths


def outcomes(files, model):
    return {scored.path.name: scored.outcome for scored in score_files(files, Quantifier(model, threads=1))}


def test_a_file_that_may_not_be_read_is_a_row(folder, locked, tiny_model):
    locked.add(folder / "b.npz")
    found = outcomes(find_recordings([folder]), tiny_model)
    assert isinstance(found["a.npz"], Result)
    assert isinstance(found["c.npz"], Result)
    assert isinstance(found["b.npz"], UnreadableFileError)
    assert "check its permissions" in str(found["b.npz"])


@pytest.mark.parametrize("whole", [False, True])
def test_a_folder_that_may_not_be_listed_is_a_row(folder, locked, whole, tiny_model):
    (folder / "below").mkdir()
    place = folder if whole else folder / "below"
    locked.add(place)
    found = outcomes(find_recordings([folder]), tiny_model)
    assert "Permission denied" in str(found[place.name])
    assert len(found) == (1 if whole else 4)


def test_a_header_that_may_not_be_read_is_one_row(folder, locked, tiny_model):
    write_recording(simulate_ecg(10, 125, lead_names=["I"]), folder / "r.hea")
    locked.add(folder / "r.hea")
    found = outcomes(find_recordings([folder]), tiny_model)
    assert list(found) == ["a.npz", "b.npz", "c.npz", "r.hea"]
    assert "Permission denied" in str(found["r.hea"])
    locked.clear()
    locked.add(folder / "r.dat")
    assert [file.name for file in find_recordings([folder])] == list(found)


@pytest.mark.parametrize(
    ("pattern", "closed"),
    [("*", True), ("*/*.npz", True), ("**/*.npz", True), ("**", True), ("below/*.npz", True), ("?elow/d.npz", False)],
)
def test_a_glob_names_the_folders_that_it_may_not_look_into(folder, locked, pattern, closed):
    (folder / "below").mkdir()
    (folder / "below" / "d.npz").write_bytes((folder / "a.npz").read_bytes())
    locked.add(folder / "below")
    found = find_recordings([folder / pattern])
    assert (folder / "below" in found) is closed
    locked.clear()
    assert folder / "below" not in find_recordings([folder / pattern])


def test_names_that_steer_a_terminal_are_shown_without(folder, tiny_model):
    (folder / "a.npz").rename(folder / "a\x1b[31m\n.npz")
    (folder / "bad\x1b[0m\n.csv").write_text("")
    result = CliRunner().invoke(main, ["score", str(folder), "--model", str(tiny_model)])
    assert result.exit_code == 1
    assert "\x1b" not in result.output
    assert f"{folder}/a\ufffd[31m\ufffd.npz" in result.stdout
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize("table", ["scores.parquet", "scores.xlsx", "scores.csv", "results"])
def test_scores_of_an_earlier_run_are_no_recordings(folder, tiny_model, table):
    command = ["archive" if table == "results" else "score", str(folder), "--model", str(tiny_model), "--out"]
    assert CliRunner().invoke(main, [*command, str(folder / table)]).exit_code == 0
    assert [file.name for file in find_recordings([folder])] == ["a.npz", "b.npz", "c.npz"]
    again = CliRunner().invoke(main, [*command, str(folder / table)])
    assert again.exit_code == 0, again.stderr


@pytest.mark.parametrize("suffix", ANNOTATION_FORMATS)
def test_marks_of_an_earlier_run_are_no_recordings(folder, tiny_model, suffix):
    """Also not where they were written beside the recordings."""
    if suffix == ".edf":
        pytest.importorskip("edfio")
    if suffix == ".fif":
        pytest.importorskip("mne")
    name = f"{{record}}{'-annot' * (suffix == '.fif')}{suffix if suffix != '.npz' else '-mask.npz'}"
    command = ["score", str(folder), "--model", str(tiny_model), "--annotations", f"{{folder}}/{name}"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.stderr
    assert len(list(folder.iterdir())) == 6
    assert [file.name for file in find_recordings([folder])] == ["a.npz", "b.npz", "c.npz"]


def test_an_npz_that_is_no_mask_of_ours_is_a_recording(tmp_path):
    np.savez(tmp_path / "a.npz", mask=np.ones((1, 3000), bool), ecg=simulate_ecg(12, 250, lead_names=["I"]).signal)
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:3000])
    assert [file.name for file in find_recordings([tmp_path])] == ["a.npz", "b.npz"]


@pytest.mark.parametrize("paths", [["nosuch"], ["nosuch/*.csv", "absent.h5::/ecg"]])
def test_no_folder_of_results_is_made_for_paths_that_are_not_there(tiny_model, tmp_path, monkeypatch, paths):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["archive", *paths, "--model", str(tiny_model), "--out", "results"])
    assert done.exit_code == 2
    assert "no such file: check the path" in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "tiny"] or list(tmp_path.iterdir()) == []


def test_nothing_is_made_in_a_folder_of_something_else(folder, tiny_model):
    before = sorted(folder.iterdir())
    done = CliRunner().invoke(main, ["archive", str(folder), "--model", str(tiny_model), "--out", str(folder)])
    assert done.exit_code == 2
    assert "there is a.npz and no run.json" in done.stderr
    assert sorted(folder.iterdir()) == before


def test_the_program_says_which_file_it_may_not_read(folder, locked, tiny_model, tmp_path):
    locked.add(folder / "b.npz")
    result = CliRunner().invoke(
        main, ["score", str(folder), "--model", str(tiny_model), "--out", str(tmp_path / "t.csv")]
    )
    assert result.exit_code == 1
    assert "b.npz: cannot be opened (Permission denied)" in result.stderr
    with (tmp_path / "t.csv").open(newline="") as lines:
        assert {Path(row["path"]).name for row in csv.DictReader(lines)} >= {"a.npz", "c.npz"}


def test_links_and_pipes_are_no_recordings(folder):
    before = find_recordings([folder])
    os.mkfifo(folder / "pipe.npz")
    (folder / "device.csv").symlink_to("/dev/zero")
    (folder / "round.csv").symlink_to(folder)
    (folder / "nowhere.csv").symlink_to(folder / "absent")
    assert find_recordings([folder]) == before


@pytest.mark.parametrize("name", ["pipe.csv", "/dev/zero"])
def test_a_pipe_that_is_named_itself_is_an_error_at_once(tmp_path, name):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(UnreadableFileError, match="this is"):
        read(tmp_path / name, sampling_frequency=500, units="mV")
    with pytest.raises(OSError, match="no regular file"):
        open_regular(tmp_path / name)


def test_a_deep_folder_ends_nothing(folder, tiny_model, tmp_path, monkeypatch):
    """Files whose whole path is longer than the system takes are errors of their own."""
    monkeypatch.chdir(folder)
    for _ in range(20):
        os.mkdir("d" * 250)  # noqa: PTH102 - relative: the whole path is too long
        os.chdir("d" * 250)
    Path("deep.csv").write_text("0.1\n" * 1000)
    monkeypatch.chdir(folder)
    found = outcomes(find_recordings([folder]), tiny_model)
    assert sum(isinstance(outcome, Result) for outcome in found.values()) == 3
    (other,) = (outcome for outcome in found.values() if not isinstance(outcome, Result))
    assert isinstance(other, UnreadableFileError)
    assert str(other).endswith(": check the path")
    result = CliRunner().invoke(main, ["score", "x" * 5000, "--model", str(tiny_model)])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_any_other_exception_is_a_row_that_names_its_kind(folder, tiny_model, monkeypatch):
    def stumble(*_arguments, **_options):
        raise ZeroDivisionError("a decoder\nstumbled")

    monkeypatch.setattr("ecgnoise.batch.files.read", stumble)
    error = score_file(folder / "a.npz", Quantifier(tiny_model, threads=1), ReadOptions())
    assert isinstance(error, UnreadableFileError)
    assert str(error) == f"{folder / 'a.npz'}: cannot be scored (ZeroDivisionError: a decoder stumbled): check it"


@pytest.mark.parametrize("table", ["t.csv", "t.json", "t.parquet", "t.xlsx", "results"])
def test_names_that_are_no_utf_8_are_written_with_replacement(folder, tiny_model, tmp_path, table):
    try:
        (folder / "a.npz").rename(folder / NO_UTF_8)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    (folder / os.fsdecode(b"bad\xff.npz")).write_bytes(b"PK\x03\x04 no archive")
    name = "archive" if table == "results" else "score"
    command = [sys.executable, "-m", "ecgnoise", name, str(folder), "--model", str(tiny_model)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / table)], env=ENVIRONMENT, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 1, done.stderr
    assert b"Traceback" not in done.stderr
    shown = "r�sum�.npz"
    assert shown_name(NO_UTF_8) == shown
    if table == "t.csv":
        assert shown in (tmp_path / table).read_text(encoding="utf-8")
    elif table == "t.json":
        assert any(shown in entry["path"] for entry in json.loads((tmp_path / table).read_text(encoding="utf-8")))
    elif table == "results":
        assert "bad�.npz" in (tmp_path / table / "errors.csv").read_text(encoding="utf-8")
        again = subprocess.run([*command, "--out", str(tmp_path / table)], env=ENVIRONMENT, timeout=120, check=False)
        assert again.returncode == 1


def test_files_of_a_recording(folder):
    write_recording(simulate_ecg(10, 125, lead_names=["I"]), folder / "r.hea")
    write_recording(simulate_ecg(10, 125, lead_names=["I"]), folder / "s.hea")
    (folder / "m.hea").write_text("m/3 1 125 2500\nr 1250\n~ 0\ns 1250\n")
    (folder / "a.info").write_text("")
    names = [file.name for file in recording_files(folder / "m.hea")]
    assert names == ["m.hea", "r.dat", "r.hea", "s.dat", "s.hea"]
    assert [file.name for file in recording_files(folder / "r.dat")] == ["r.dat", "r.hea"]
    assert [file.name for file in recording_files(folder / "a.mat")] == ["a.info", "a.mat"]
    assert [file.name for file in recording_files(folder / "a.npz")] == ["a.npz"]
    (folder / "self.hea").write_text("self/1 1 125 1250\nself 1250\n")
    assert [file.name for file in recording_files(folder / "self.hea")] == ["self.hea"]
    os.mkfifo(folder / "pipe.hea")
    assert [file.name for file in recording_files(folder / "pipe.hea")] == ["pipe.hea"]


ODD = {
    "float64 extremes": np.array([1.7e308, -1.7e308, 1e-320] * 500),
    "infinite": np.array([np.inf, -np.inf, 0.0] * 500),
    "denormal": np.linspace(0, 1e-310, 1500),
    "float32 extremes": np.array([3.4e38, -3.4e38, 1e-45] * 500, np.float32),
    "smallest int64": np.array([-(2**63), 2**63 - 1, 0] * 500, np.int64),
    "large int64": np.arange(1500, dtype=np.int64) * 2**50,
    "half": np.array([6e4, -6e4, 6e-8] * 500, np.float16),
    "nothing": np.zeros(1500),
    "no number": np.full(1500, np.nan),
    "bool": np.array([True, False, False] * 500),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("units", ["V", "mV", "nV", "unknown"])
def test_odd_numbers_raise_no_warnings(name, units, tiny_model):
    """Warnings are errors in tests."""
    result = ecgnoise.quantify(ODD[name], 125, units=units, model=tiny_model)
    assert result.psnr.shape == (1, 2)
    result.verdict()
    result.rows()


@pytest.mark.parametrize("model", ["tiny", "default"])
def test_huge_and_tiny_leads_raise_no_warnings(model, tiny_model):
    signal = simulate_ecg(20, 250, lead_names=["I"]).signal.astype(np.float64)
    for factor in (1e-45, 1e-38, 1e-20, 1e20, 1e37):
        ecgnoise.quantify(signal * factor, 250, model=tiny_model if model == "tiny" else model).verdict()
    spiky = signal.copy()
    spiky[0, 1000] = 3e38
    ecgnoise.quantify(spiky, 250, model=tiny_model if model == "tiny" else model)


def test_ctrl_c_twice_is_one_line(tiny_model, tmp_path):
    write_recording(simulate_ecg(900, 125, lead_names=["I", "V2"]), tmp_path / "long.npz")
    command = [sys.executable, "-m", "ecgnoise", "score", str(tmp_path / "long.npz"), "--model", str(tiny_model)]
    for pause in (0.0, 0.01, 0.05):
        process = subprocess.Popen(
            [*command, "--threads", "1", "--batch-size", "1", "--out", str(tmp_path / f"{pause}.csv")],
            env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        checkpoint = tmp_path / f".{pause}.csv.checkpoint"
        while not checkpoint.exists() and process.poll() is None:
            pass
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            signal.sigtimedwait([], pause)
        _, said = process.communicate(timeout=60)
        # Where Ctrl-C meets code that Python runs from a text, as in dataclasses, Python ends by the signal itself,
        # whatever the program asks for; a shell calls both 130.
        assert process.returncode in {130, -signal.SIGINT}, said
        assert len(said.splitlines()) == 1
        assert "Stopped" in said


class StoppedError(Exception):
    """What ends a run in the middle of a test."""


@pytest.mark.parametrize("change", ["the signal", "the time alone", "nothing", "the device"])
def test_a_long_recording_that_changed_is_not_gone_on_with(tiny_model, tmp_path, change):
    write_recording(simulate_ecg(900, 125, lead_names=["I"]), tmp_path / "r.hea")
    quantifier = Quantifier(tiny_model, threads=1, batch_size=1)

    def stop(done, total):
        if done > total / 2:
            raise StoppedError

    with Checkpoint(tmp_path / "j", resume=False) as checkpoint, pytest.raises(StoppedError):
        quantifier.quantify(read(tmp_path / "r.hea"), progress=stop, checkpoint=checkpoint)
    signal_file = tmp_path / "r.dat"
    if change == "the signal":
        content = bytearray(signal_file.read_bytes())
        content[len(content) // 4] ^= 1
        signal_file.write_bytes(content)
    elif change == "the time alone":
        os.utime(signal_file, (1, 1))
    elif change == "the device":
        scorer = quantifier._scorer
        scorer._placement = scorer._placement._replace(device="cuda")
    with Checkpoint(tmp_path / "j", resume=True) as checkpoint:
        outcome = score_file(tmp_path / "r.hea", quantifier, ReadOptions(), checkpoint=checkpoint)
    if change == "nothing":
        assert isinstance(outcome, Result)
    elif change == "the device":
        assert "device is cpu, now cuda" in str(outcome)
    else:
        assert isinstance(outcome, ResumeError)
        assert f"changed since: {signal_file}" in str(outcome)
        assert len(str(outcome).splitlines()) == 1


def test_a_recording_of_the_api_is_watched_too(tiny_model, tmp_path):
    write_recording(simulate_ecg(700, 125, lead_names=["I"]), tmp_path / "r.hea")
    quantifier = Quantifier(tiny_model, threads=1)
    with Checkpoint(tmp_path / "j", resume=False) as checkpoint:
        quantifier.quantify(read(tmp_path / "r.hea"), checkpoint=checkpoint)
    os.utime(tmp_path / "r.dat", (1, 1))
    with Checkpoint(tmp_path / "j", resume=True) as checkpoint, pytest.raises(ResumeError, match=r"r\.dat"):
        quantifier.quantify(read(tmp_path / "r.hea"), checkpoint=checkpoint)
    with Checkpoint(tmp_path / "k", resume=False) as checkpoint, Checkpoint(tmp_path / "k", resume=True) as second:
        quantifier.quantify(read(tmp_path / "r.hea"), checkpoint=checkpoint)
        with pytest.raises(OutputError, match="another run is writing it"):
            quantifier.quantify(read(tmp_path / "r.hea"), checkpoint=second)
