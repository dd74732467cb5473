"""Processes that die: one recording is lost, and it is named."""

import json
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import ecgnoise
from ecgnoise import simulate_ecg
from ecgnoise._internal.processes import Died, one_by_one
from ecgnoise.batch import archive
from ecgnoise.batch.archive import ArchiveOptions, score_archive
from ecgnoise.batch.summary import errors
from ecgnoise.cli import main
from ecgnoise.errors import OutputError
from ecgnoise.readers import find_recordings
from ecgnoise.writers import write_recording

pytest.importorskip("pyarrow", reason="needs the extra tables")

# Opening a file with "killer" in its name ends a process, as a crash in a decoder does; opening "fragile" does so where
# the process has opened "spoiler" before, as a decoder does that damages the memory of others.
KILLS = """
import os, signal, sys
SPOILT = []
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        name = os.path.basename(arguments[0])
        if "spoiler" in name:
            SPOILT.append(name)
        if name.startswith("killer") or (name.startswith("fragile") and SPOILT):
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
"""


@pytest.fixture
def deadly(tmp_path, monkeypatch):
    """Processes started from now on die of some files; this one does not."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(KILLS)
    package = Path(ecgnoise.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'guard'}{os.pathsep}{package}")
    monkeypatch.setattr(archive, "FILES_A_BATCH", 4)


def recordings(folder, *names):
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(names):
        write_recording(simulate_ecg(10 + seed, 125, seed=seed, lead_names=["I"]), folder / f"{name}.npz")
    return find_recordings([folder])


def parts(out):
    return {file.name: file.read_bytes() for file in (out / "parts").iterdir()}


@pytest.mark.slow
@pytest.mark.usefixtures("deadly")
def test_a_recording_that_kills_is_an_error_and_the_others_are_scored(tiny_model, tmp_path):
    files = recordings(tmp_path / "in", "a", "b", "fragile", "killer", "spoiler", "x", "y", "z", "zz")
    options = ArchiveOptions(model=str(tiny_model), threads=1, jobs=2)
    seen = []
    found = score_archive(files, tmp_path / "out", options, progress=lambda *told: seen.append(told))
    assert (found.recordings, found.tried, found.scored, found.failed) == (9, 9, 8, 1)
    assert seen[-1] == (9, 9)
    ((record, kind, message),) = errors(tmp_path / "out", 3)
    assert (record, kind) == (str(tmp_path / "in" / "killer.npz"), "UnreadableFileError")
    assert "the process that scored it ended" in message
    table = pd.read_parquet(tmp_path / "out" / "parts")
    assert {Path(record).stem for record in table["record"]} == {file.stem for file in files} - {"killer"}
    again = score_archive(files, tmp_path / "out", options)
    assert again == found
    alone = score_archive(files[4:], tmp_path / "rest", replace(options, jobs=1))
    assert alone.failed == 0
    assert parts(tmp_path / "rest")["part-00000.parquet"] == parts(tmp_path / "out")["part-00001.parquet"]


@pytest.mark.slow
@pytest.mark.usefixtures("deadly")
def test_what_dies_beside_another_is_scored_alone(tiny_model, tmp_path, monkeypatch):
    files = recordings(tmp_path / "in", "a_spoiler", "fragile", "g", "h")
    options = ArchiveOptions(model=str(tiny_model), threads=1, jobs=2)
    found = score_archive(files, tmp_path / "out", options)
    assert (found.scored, found.failed) == (4, 0)
    monkeypatch.setenv("PYTHONPATH", str(Path(ecgnoise.__file__).parents[1]))
    score_archive(files, tmp_path / "whole", options)
    assert parts(tmp_path / "out") == parts(tmp_path / "whole")


def end(number):
    """Ends its process for some numbers."""
    if number % 3 == 0:
        os._exit(11)
    return os.getpid(), number


@pytest.mark.slow
def test_each_task_has_its_result_or_died():
    tasks = [(number,) for number in range(8)]
    with closing(one_by_one(end, tasks, 2, "test")) as done:
        found = dict(done)
    assert {task[0] for task, result in found.items() if isinstance(result, Died)} == {0, 3, 6}
    assert {result[1] for result in found.values() if not isinstance(result, Died)} == {1, 2, 4, 5, 7}
    with closing(one_by_one(end, [(1,), (2,), (4,)], 1, "test", anew=True)) as done:
        assert len({result[0] for _, result in done}) == 3
    with closing(one_by_one(end, [], 2, "test")) as done:
        assert list(done) == []


def raises(_number):
    raise OutputError("no place")


def test_what_a_task_raises_is_raised_here():
    with pytest.raises(OutputError, match="no place"), closing(one_by_one(raises, [(1,), (2,)], 2, "test")) as done:
        list(done)


def test_processes_that_cannot_start_are_one_error(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import os; os._exit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (
        pytest.raises(OutputError, match="no process can be started"),
        closing(one_by_one(end, [(1,)], 1, "x")) as done,
    ):
        list(done)


def test_recordings_that_change_are_never_mixed(tiny_model, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "b"):
        write_recording(simulate_ecg(20, 125, lead_names=["I"]), folder / f"{name}.hea")
    files, out = find_recordings([folder]), tmp_path / "out"
    options = ArchiveOptions(model=str(tiny_model), threads=1)
    score_archive(files, out, options)
    signal = bytearray((folder / "b.dat").read_bytes())
    signal[len(signal) // 2] ^= 1
    (folder / "b.dat").write_bytes(signal)
    with pytest.raises(OutputError, match=r"b\.hea: changed.* delete part-00000\.parquet there"):
        score_archive(files, out, options)
    (out / "parts" / "part-00000.parquet").unlink()
    score_archive(files, out, options)
    with pytest.raises(OutputError, match=r"made with device cpu, asked for cuda"):
        score_archive(files, out, replace(options, device="cuda"))
    os.utime(folder / "a.hea", (1, 1))
    with pytest.raises(OutputError, match=r"a\.hea: changed"):
        score_archive(files, out, options)
    written = json.loads((out / "run.json").read_text())
    assert written["device"] == "cpu"


def test_of_two_runs_in_one_folder_one_wins(tiny_model, tmp_path):
    files = recordings(tmp_path / "in", "a", "b")
    options = ArchiveOptions(model=str(tiny_model), threads=1)
    refused = []

    def second(*_told):
        with pytest.raises(OutputError, match="another run is writing here") as error:
            score_archive(files, tmp_path / "out", options)
        refused.append(error)

    found = score_archive(files, tmp_path / "out", options, progress=second)
    assert (found.scored, len(refused)) == (2, 2)
    assert "\n" not in str(refused[0].value)

    def another_shard(*_told):
        score_archive(files, tmp_path / "shared", replace(options, shard=(2, 2)))

    score_archive(files, tmp_path / "shared", replace(options, shard=(1, 2)), progress=another_shard)


@pytest.mark.usefixtures("deadly")
@pytest.mark.parametrize("jobs", [(), ("--jobs", "2")])
def test_without_jobs_a_file_whose_decoder_crashes_is_an_error_too(tiny_model, tmp_path, jobs):
    recordings(tmp_path / "in", "a", "b")
    (tmp_path / "in" / "killer.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM")
    command = ["archive", str(tmp_path / "in"), "--model", str(tiny_model), "--out", str(tmp_path / "out"), *jobs]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1, done.output
    ((record, kind, message),) = errors(tmp_path / "out", 1)
    assert (Path(record).name, kind) == ("killer.mat", "UnreadableFileError")
    assert "a crash of what decodes it" in message
    assert set(pd.read_parquet(tmp_path / "out" / "parts")["record"]) == {"a", "b"}


@pytest.mark.parametrize(("name", "expected"), [("a.h5::/x[3]", True), ("a.MAT", True), ("a.npz::X[1]", False)])
def test_formats_at_risk_are_told_by_name(name, expected):
    assert archive.may_crash([Path("a.hea"), Path(name)]) is expected
