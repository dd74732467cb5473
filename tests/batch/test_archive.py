"""Folders of results: the same whatever happens on the way."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import ecgnoise
from ecgnoise.batch import archive, parts
from ecgnoise.batch.archive import ArchiveOptions, score_archive
from ecgnoise.batch.listing import divide, local_entries
from ecgnoise.batch.summary import WORST, overview
from ecgnoise.cli import main
from ecgnoise.errors import MissingExtraError, OptionError, OutputError, UnreadableFileError
from ecgnoise.quantifier import Quantifier
from ecgnoise.readers import ReadOptions, find_recordings, read
from ecgnoise.simulate import simulate_ecg
from ecgnoise.writers import write_recording

pytest.importorskip("pyarrow", reason="needs the extra tables")

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ecgnoise.__file__).parents[1]), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def lots_of_two(monkeypatch):
    monkeypatch.setattr(archive, "FILES_A_BATCH", 2)


@pytest.fixture
def files(tmp_path):
    """Six recordings, and one that cannot be read."""
    folder = tmp_path / "in"
    folder.mkdir()
    for seed in range(6):
        recording = simulate_ecg(10 + 2 * seed, 125, seed=seed, lead_names=["I", "V2"])
        write_recording(recording, folder / f"r{seed}.npz")
    (folder / "r2b.npy").write_bytes(b"\x93NUMPY no array")
    return find_recordings([folder])


@pytest.fixture
def options(tiny_model):
    return ArchiveOptions(model=str(tiny_model), threads=1)


def contents(out):
    """Bytes of every file of a folder of results."""
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in out.rglob("*") if file.is_file()}


@pytest.mark.usefixtures("lots_of_two")
def test_parts_hold_what_the_files_score_alone(files, options, tmp_path):
    seen = []
    found = score_archive(files, tmp_path / "out", options, progress=lambda tried, total: seen.append((tried, total)))
    assert seen == [(number + 1, 7) for number in range(7)]
    table = pd.read_parquet(tmp_path / "out" / "parts")
    quantifier = Quantifier(options.model, threads=1)
    alone = [quantifier.quantify(read(file)).to_dataframe() for file in files if file.stem != "r2b"]
    pd.testing.assert_frame_equal(table, pd.concat(alone, ignore_index=True))
    assert (found.recordings, found.tried, found.scored, found.failed, found.parts) == (7, 7, 6, 1, 4)
    with (tmp_path / "out" / "errors.csv").open(newline="") as lines:
        (row,) = csv.DictReader(lines)
    assert (row["record"], row["path"], row["error"]) == ("r2b", str(files[3]), "UnreadableFileError")
    assert "save it again" in row["message"]


@pytest.mark.usefixtures("lots_of_two")
def test_summary_says_what_the_table_says(files, options, tmp_path):
    found = score_archive(files, tmp_path / "out", options)
    table = pd.read_parquet(tmp_path / "out" / "parts")
    assert found.lead_segments == len(table)
    assert found.lead_hours == pytest.approx(table["duration_s"].sum() / 3600, abs=1e-4)
    assert found.grades == {grade: int((table["grade"] == grade).sum()) for grade in found.grades}
    for name, value in found.psnr_db.items():
        assert value == pytest.approx(np.percentile(table["psnr_db"], int(name), method="inverted_cdf"), abs=0.006)
    lowest = table.groupby("record")["psnr_db"].min().sort_values()
    assert [(worst.record, worst.psnr_db) for worst in found.worst] == list(lowest.items())
    kept = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert kept["psnr_db"] == found.psnr_db
    assert len(kept["worst"]) == 6


@pytest.mark.usefixtures("lots_of_two")
def test_shards_together_are_the_whole(files, options, tmp_path):
    score_archive(files, tmp_path / "whole", options)
    first = score_archive(files, tmp_path / "shards", replace(options, shard=(2, 3)))
    assert (first.parts, first.tried) == (1, 2)
    for number in (1, 3):
        score_archive(files, tmp_path / "shards", replace(options, shard=(number, 3)))
    assert contents(tmp_path / "shards") == contents(tmp_path / "whole")


@pytest.mark.usefixtures("lots_of_two")
def test_two_processes_are_the_same(files, options, tmp_path):
    score_archive(files, tmp_path / "one", options)
    seen = []
    score_archive(files, tmp_path / "two", replace(options, jobs=2), progress=lambda *tried: seen.append(tried))
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    assert seen[-1] == (7, 7)


@pytest.mark.usefixtures("lots_of_two")
def test_a_second_run_does_what_is_missing_only(files, options, tmp_path, monkeypatch):
    out = tmp_path / "out"
    score_archive(files, out, options)
    before = contents(out)
    (out / "parts" / "part-00001.parquet").unlink()
    (out / "parts" / ".part-00002.unfinished").mkdir()
    scored = []
    monkeypatch.setattr(
        parts, "score_file", lambda file, *others, parts: scored.append(file) or original(file, *others, parts=parts)
    )
    score_archive(files, out, options)
    assert scored == files[2:4]
    assert contents(out) == before
    assert [entry.name for entry in (out / "parts").iterdir() if entry.name[0] == "."] == []


original = parts.score_file


@pytest.mark.usefixtures("lots_of_two")
def test_an_error_that_nobody_expected_is_a_row_too(files, options, tmp_path, monkeypatch):
    def fail(file, *others, parts):
        if file == files[0]:
            raise ValueError("a library\nstumbled")
        return original(file, *others, parts=parts)

    monkeypatch.setattr(parts, "score_file", fail)
    found = score_archive(files, tmp_path / "out", options)
    assert (found.scored, found.failed) == (5, 2)
    errors = pd.read_csv(tmp_path / "out" / "errors.csv")
    assert errors["error"].tolist() == ["ValueError", "UnreadableFileError"]
    assert errors["message"][0] == "a library stumbled"


@pytest.mark.usefixtures("lots_of_two")
def test_stopped_within_a_lot_leaves_whole_parts_only(files, options, tmp_path, monkeypatch):
    def stop(file, *others, parts):
        if file == files[3]:
            raise KeyboardInterrupt
        return original(file, *others, parts=parts)

    out = tmp_path / "out"
    monkeypatch.setattr(parts, "score_file", stop)
    with pytest.raises(KeyboardInterrupt):
        score_archive(files, out, options)
    assert sorted(contents(out)) == ["list.arrow", "parts/part-00000.parquet", "run.json"]
    monkeypatch.setattr(parts, "score_file", original)
    score_archive(files, out, options)
    score_archive(files, tmp_path / "whole", options)
    assert contents(out) == contents(tmp_path / "whole")


def test_other_recordings_or_options_are_refused(files, options, tmp_path):
    out = tmp_path / "out"
    score_archive(files, out, options)
    before = contents(out)
    with pytest.raises(OutputError, match="made with parts 1, asked for 4"):
        score_archive(files, out, replace(options, parts=4))
    with pytest.raises(OutputError, match="made with recordings 7, asked for 6"):
        score_archive(files[1:], out, options)
    with pytest.raises(OutputError, match="made with leads None"):
        score_archive(files, out, replace(options, reading=ReadOptions(lead_names=("I",))))
    assert contents(out) == before


@pytest.mark.usefixtures("lots_of_two")
@pytest.mark.parametrize("name", ["w.hea", "w.dat", "r5.npz"])
def test_a_recording_that_changed_since_its_part_was_made_is_refused(files, options, tmp_path, name):
    folder, out = files[0].parent, tmp_path / "out"
    write_recording(simulate_ecg(10, 125, seed=9, lead_names=["I", "V2"]), folder / "w.hea")
    files = find_recordings([folder])
    score_archive(files, out, options)
    score_archive(files, out, options)  # nothing has changed
    state = (folder / name).stat()
    os.utime(folder / name, ns=(state.st_atime_ns, state.st_mtime_ns + 1_000_000_000))
    before = contents(out)
    with pytest.raises(
        OutputError, match=r"changed, or a file that belongs to it, since .*: delete part-0000"
    ) as caught:
        score_archive(files, out, options)
    assert contents(out) == before
    shown = str(caught.value)
    assert shown.startswith(str(folder / ("w.hea" if name[0] == "w" else name)))
    (out / "parts" / shown.partition(": delete ")[2].split()[0]).unlink()  # as the message says
    assert score_archive(files, out, options).tried == len(files)


def test_folders_that_are_something_else_are_refused(files, options, tmp_path):
    with pytest.raises(OutputError, match=r"no run\.json: choose a folder that is empty or absent"):
        score_archive(files, files[0].parent, options)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another place"):
        score_archive(files, tmp_path / "file", options)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("[1, 2")
    with pytest.raises(OutputError, match="choose another place"):
        score_archive(files, tmp_path / "broken", options)


def test_wrong_options_and_missing_packages(files, options, tmp_path, monkeypatch):
    for shard in ((0, 2), (3, 2), (1, 0)):
        with pytest.raises(OptionError, match="shard"):
            replace(options, shard=shard)
    with pytest.raises(OptionError, match="jobs 0"):
        replace(options, jobs=0)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"ecgnoise\[tables\]"):
        score_archive(files, tmp_path / "out", options)


def test_lots_have_a_size_and_an_order(tmp_path):
    names = [tmp_path / f"{number:04d}.npy" for number in range(200)]
    for name in names:
        name.touch()

    def divided(files):
        return list(divide(local_entries(files), archive.FILES_A_BATCH, archive.BYTES_A_BATCH))

    assert [len(batch) for batch in divided(names)] == [64, 64, 64, 8]
    assert [entry.path for batch in divided(names) for entry in batch] == list(map(str, names))
    for name in names[:3]:
        os.truncate(name, archive.BYTES_A_BATCH)
    assert [len(batch) for batch in divided(names)] == [1, 1, 64, 64, 64, 6]
    assert divided([]) == []


def test_the_worst_are_twenty_and_of_all_parts(files, options, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "FILES_A_BATCH", 9)
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number:02d}.npz").hardlink_to(files[number % 2])
    many = find_recordings([folder])
    found = score_archive(many, tmp_path / "out", options)
    assert len(found.worst) == WORST
    lowest = pd.read_parquet(tmp_path / "out" / "parts").groupby("record")["psnr_db"].min()
    expected = sorted(zip(lowest, lowest.index, strict=True))[:WORST]
    assert [(worst.psnr_db, worst.record) for worst in found.worst] == expected
    assert overview(tmp_path / "out", 30, 4) == found


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="ecgnoise")


def test_command_prints_the_overview(files, tiny_model, tmp_path):
    out = tmp_path / "results"
    result = run("archive", files[0].parent, "--out", out, "--model", tiny_model, "--shard", "1/1", "--jobs", 1)
    assert result.exit_code == 1, result.output
    first, failed, segments = result.stdout.splitlines()[:3]
    assert first == f"{out}: 7 of 7 recordings in 1 parts, 6 scored"
    assert failed == f"1 could not be scored: {out / 'errors.csv'} says why"
    assert segments.startswith("22 lead-segments")
    assert "the 6 worst recordings:" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (("archive", "--jobs", 2), "--out"),
        (("archive", "--shard", "3/2", "--out", "results"), "'3/2'"),
        (("archive", "--shard", "2", "--out", "results"), "'2'"),
        (("archive", "--jobs", 0, "--out", "results"), "--jobs"),
        (("score", "--out", "results"), "results: a folder of results is made by ecgnoise archive"),
    ],
)
def test_wrong_options_of_the_command_are_one_line(files, arguments, fragment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(arguments[0], files[0], *arguments[1:])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert fragment in result.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_and_run_again_is_the_same(tiny_model, tmp_path, jobs):
    folder = tmp_path / "in"
    folder.mkdir()
    write_recording(simulate_ecg(40, 125, lead_names=["I", "V2"]), folder / "000.npz")
    for number in range(1, 300):
        (folder / f"{number:03d}.npz").hardlink_to(folder / "000.npz")
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "ecgnoise", "archive", str(folder), "--model", str(tiny_model), "--threads", "1"]
    process = subprocess.Popen(
        [*command, "--out", str(out), "--jobs", str(jobs)],
        env=ENVIRONMENT, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(out.glob("parts/part-*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    files = find_recordings([folder])
    assert 0 < len(list(out.glob("parts/part-*.parquet"))) < 5
    assert not (out / "summary.json").exists()
    options = ArchiveOptions(model=str(tiny_model), threads=1)
    time.sleep(1.0)  # the processes of the one that was killed have ended
    score_archive(files, out, options)
    score_archive(files, tmp_path / "whole", options)
    assert contents(out) == contents(tmp_path / "whole")


def test_a_damaged_part_is_one_line_and_made_again_once_deleted(tiny_model, tmp_path):
    write_recording(simulate_ecg(10, 125, lead_names=["I"]), tmp_path / "a.npz")
    options = ArchiveOptions(model=str(tiny_model), threads=1)
    score_archive([tmp_path / "a.npz"], tmp_path / "out", options)
    part = tmp_path / "out" / "parts" / "part-00000.parquet"
    whole = part.read_bytes()
    for content in (b"", whole[:-20], whole[: len(whole) // 2] + whole[-600:]):
        part.write_bytes(content)
        with pytest.raises(UnreadableFileError, match=r"part-00000.parquet: no whole part of results .*: delete it"):
            score_archive([tmp_path / "a.npz"], tmp_path / "out", options)
    part.unlink()
    score_archive([tmp_path / "a.npz"], tmp_path / "out", options)
    assert part.read_bytes() == whole


def test_a_link_in_the_place_of_the_parts_is_not_followed(tiny_model, tmp_path):
    write_recording(simulate_ecg(10, 125, lead_names=["I"]), tmp_path / "a.npz")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "parts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="a link, which is not followed"):
        score_archive([tmp_path / "a.npz"], tmp_path / "out", ArchiveOptions(model=str(tiny_model)))
    assert list((tmp_path / "elsewhere").iterdir()) == []
