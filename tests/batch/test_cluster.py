"""Archives on a cluster: the same results as alone, whatever happens to the workers."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import ecgnoise
from ecgnoise.batch import cluster
from ecgnoise.batch.archive import ArchiveOptions, score_archive
from ecgnoise.batch.summary import errors
from ecgnoise.cli import main
from ecgnoise.errors import MissingExtraError, OptionError, OutputError
from ecgnoise.readers import find_recordings
from ecgnoise.simulate import simulate_ecg
from ecgnoise.writers import write_recording

distributed = pytest.importorskip("distributed", reason="needs the extra cluster")
from tests.batch.test_processes import KILLS  # noqa: E402 - after what it is for

PACKAGE = str(Path(ecgnoise.__file__).parents[1])
# Dask's own event loops are closed by the collector of garbage when a cluster ends.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def scheduler():
    """The address of a scheduler with two workers."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = PACKAGE
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
    ) as running:
        yield running.scheduler_address
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture
def files(tmp_path):
    """Seven recordings and one that cannot be read."""
    folder = tmp_path / "in"
    folder.mkdir()
    for seed in range(7):
        write_recording(simulate_ecg(10 + seed, 125, seed=seed, lead_names=["I", "V2"]), folder / f"r{seed}.npz")
    (folder / "r2b.npy").write_bytes(b"\x93NUMPY no array")
    return find_recordings([folder])


@pytest.fixture
def options(tiny_model):
    return ArchiveOptions(model=str(tiny_model), threads=1, part_size=2)


def contents(out):
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in out.rglob("*") if file.is_file()}


@pytest.mark.slow
def test_alone_in_processes_in_shards_and_on_a_cluster_all_bytes_are_the_same(scheduler, files, options, tmp_path):
    score_archive(files, tmp_path / "alone", options)
    score_archive(files, tmp_path / "processes", replace(options, jobs=2))
    for shard in (3, 1, 2):
        score_archive(files, tmp_path / "shards", replace(options, shard=(shard, 3)))
    seen, told = [], []
    score_archive(
        files,
        tmp_path / "cluster",
        replace(options, cluster=scheduler),
        progress=lambda *tried: seen.append(tried),
        note=told.append,
    )
    whole = contents(tmp_path / "alone")
    assert len(whole) == 8
    for name in ("processes", "shards", "cluster"):
        assert contents(tmp_path / name) == whole, name
    assert seen == [(2, 8), (4, 8), (6, 8), (8, 8)]
    assert told[0].startswith(f"cluster {scheduler}, 2 workers")


def test_a_cluster_does_what_is_missing_only(scheduler, files, options, tmp_path):
    out = tmp_path / "out"
    score_archive(files, out, options)
    before = contents(out)
    part = out / "parts" / "part-00001.parquet"
    part.unlink()
    others = {file: file.stat().st_mtime_ns for file in (out / "parts").iterdir()}
    (out / "parts" / ".part-00001.abcdefgh").mkdir()
    score_archive(files, out, replace(options, cluster=scheduler))
    assert contents(out) == before
    assert {file: file.stat().st_mtime_ns for file in others} == others
    assert len(list((out / "parts").iterdir())) == 4


@pytest.mark.slow
def test_a_recording_that_kills_workers_is_an_error_and_the_others_are_scored(tiny_model, tmp_path, monkeypatch):
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(KILLS)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'guard'}{os.pathsep}{PACKAGE}")
    folder = tmp_path / "in"
    folder.mkdir()
    for seed, name in enumerate(("a", "b", "killer", "x", "y", "z")):
        write_recording(simulate_ecg(10, 125, seed=seed, lead_names=["I"]), folder / f"{name}.npz")
    options = ArchiveOptions(model=str(tiny_model), threads=1, part_size=3, cluster="local:2")
    found = score_archive(find_recordings([folder]), tmp_path / "out", options)
    assert (found.scored, found.failed) == (5, 1)
    ((path, kind, message),) = errors(tmp_path / "out", 2)
    assert (path, kind) == (str(folder / "killer.npz"), "UnreadableFileError")
    assert "the process that scored it ended" in message


def test_no_scheduler_and_wrong_names_are_one_line(files, options, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    command = ["archive", str(files[0]), "--model", str(tiny_model), "--out", str(tmp_path / "out"), "--cluster"]
    for name, said in (
        ("tcp://127.0.0.1:9", "no scheduler answers there"),
        ("tcp://nowhere.invalid:9", "no scheduler answers there"),
        ("local:0", "none of local:4, slurm:4, kubernetes:4"),
        ("nonsense", "none of local:4"),
    ):
        result = CliRunner().invoke(main, [*command, name], prog_name="ecgnoise")
        assert result.exit_code == 2
        (line,) = result.stderr.splitlines()
        assert said in line
    for name in ("slurm", "kubernetes"):
        monkeypatch.setitem(sys.modules, {"slurm": "dask_jobqueue", "kubernetes": "dask_kubernetes"}[name], None)
        with pytest.raises(MissingExtraError, match=f"--cluster {name} needs the package dask-"):
            score_archive(files, tmp_path / name, replace(options, cluster=name))
    with pytest.raises(OptionError, match="the cluster divides the work"):
        replace(options, cluster="local:2", jobs=2)


def test_other_versions_or_another_model_on_workers_are_refused(scheduler, files, options, tmp_path, monkeypatch):
    found = cluster._versions(options)
    for name in ("numpy", "model"):
        monkeypatch.setattr(cluster, "_versions", lambda _, name=name: found | {name: "0.1"})
        with pytest.raises(OptionError, match=f"worker on .*: {name} .* there, 0.1 here: install the same"):
            score_archive(files, tmp_path / name, replace(options, cluster=scheduler))
        assert list((tmp_path / name / "parts").glob("*.parquet")) == []


def test_an_error_of_a_worker_stops_the_run(scheduler, files, options, tmp_path):
    out = tmp_path / "out"
    score_archive(files, out, options)
    part = out / "parts" / "part-00002.parquet"
    part.unlink()
    part.mkdir()
    (part / "in the way").touch()
    part.rename(out / "parts" / "part-00002.parquet.aside")
    (out / "parts" / "part-00002.parquet").symlink_to(out / "nowhere")
    score_archive(files, out, replace(options, cluster=scheduler))  # a link is replaced and not followed
    assert part.is_file()
    with pytest.raises(OutputError, match="made with parts 1"):
        score_archive(files, out, replace(options, cluster=scheduler, parts=4))


def test_jobs_of_slurm_end_before_their_wall_time(monkeypatch):
    import dask

    class Jobs:
        def __init__(self, **settings):
            self.settings = settings

        def scale(self, jobs):
            self.jobs = jobs

    module = type("Module", (), {"SLURMCluster": Jobs})
    monkeypatch.setitem(sys.modules, "dask_jobqueue", module)
    with dask.config.set({"jobqueue.slurm.walltime": "02:00:00"}):
        found = cluster._slurm(40)
    assert found.jobs == 40
    assert found.settings["worker_extra_args"][:2] == ["--lifetime", "6900s"]
    assert [cluster._seconds(text) for text in ("30", "30:10", "1-12", "1-00:00:05")] == [1800, 1810, 129600, 86405]
    with pytest.raises(OptionError, match="write it as 02:00:00"):
        cluster._seconds("two hours")


def make_many(folder, count):
    folder.mkdir()
    write_recording(simulate_ecg(40, 125, lead_names=["I", "V2"]), folder / "000.npz")
    for number in range(1, count):
        (folder / f"{number:03d}.npz").hardlink_to(folder / "000.npz")


@pytest.mark.slow
@pytest.mark.parametrize("stop", ["interrupt", "kill"])
def test_stopped_on_the_way_the_same_command_goes_on(tiny_model, tmp_path, stop):
    make_many(tmp_path / "in", 120)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "ecgnoise", "archive", str(tmp_path / "in"), "--model", str(tiny_model)]
    process = subprocess.Popen(
        [*command, "--out", str(out), "--cluster", "local:1", "--part-size", "10", "--threads", "1"],
        env=os.environ | {"PYTHONPATH": PACKAGE}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while len(list(out.glob("parts/part-*.parquet"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    if stop == "interrupt":
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
        _, said = process.communicate(timeout=60)
        assert process.returncode == 130, said
        assert [line for line in said.splitlines() if not line.startswith("cluster ")] == [
            f"Stopped: the parts in {out} are whole, the same command goes on."
        ]
    else:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert 2 <= len(list(out.glob("parts/part-*.parquet"))) < 12
    files, options = find_recordings([tmp_path / "in"]), ArchiveOptions(model=str(tiny_model), threads=1, part_size=10)
    score_archive(files, out, options)
    score_archive(files, tmp_path / "whole", options)
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.slow
def test_workers_that_are_killed_at_random_lose_nothing_and_do_nothing_twice(tiny_model, tmp_path):
    make_many(tmp_path / "in", 300)
    files, options = find_recordings([tmp_path / "in"]), ArchiveOptions(model=str(tiny_model), threads=1, part_size=10)
    score_archive(files, tmp_path / "whole", options)
    killed = set()

    def kill(*_):
        """Kill one worker that was not killed before; the nannies know them, workers that die do not answer."""
        alive = [nanny.pid for nanny in running.workers.values() if nanny.pid and nanny.pid not in killed]
        if alive and len(killed) < 6:
            killed.add(alive[0])
            os.kill(alive[0], signal.SIGKILL)

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
    ) as running:
        score_archive(files, tmp_path / "out", replace(options, cluster=running.scheduler_address), progress=kill)
    assert len(killed) == 6
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_update_of_a_folder_on_a_cluster_is_what_a_new_one_would_be(scheduler, files, options, tmp_path):
    out = tmp_path / "out"
    score_archive(files, out, options)
    write_recording(simulate_ecg(10, 125, seed=50, lead_names=["I", "V2"]), files[1])
    write_recording(simulate_ecg(10, 125, seed=51, lead_names=["I", "V2"]), files[0].parent / "z.npz")
    now = find_recordings([files[0].parent])
    others = {file: file.stat().st_mtime_ns for file in (out / "parts").iterdir() if "00000" not in file.name}
    with pytest.raises(OutputError, match="made with recordings 8, asked for 9"):
        score_archive(now, out, options)
    score_archive(now, out, replace(options, cluster=scheduler, update=True))
    score_archive(now, tmp_path / "anew", options)
    assert contents(out) == contents(tmp_path / "anew")
    assert {file: file.stat().st_mtime_ns for file in others} == others
