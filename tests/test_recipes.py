"""The recipes for other engines, as far as they can be run without them."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import ecgnoise
from ecgnoise.readers import find_recordings
from ecgnoise.simulate import simulate_ecg
from ecgnoise.writers import write_recording

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "recipes"


def recordings(folder, count):
    folder.mkdir()
    for seed in range(count):
        write_recording(simulate_ecg(10, 125, seed=seed, lead_names=["I"]), folder / f"r{seed}.npz")
    return find_recordings([folder])


def test_an_array_of_slurm_jobs_does_the_whole(tiny_model, tmp_path):
    recordings(tmp_path / "in", 3)
    program = tmp_path / "bin" / "ecgnoise"
    program.parent.mkdir()
    program.write_text(f'#!/bin/bash\nexec {sys.executable} -m ecgnoise "$@" --model {tiny_model} --part-size 1\n')
    program.chmod(0o755)
    package = str(Path(ecgnoise.__file__).parents[1])
    environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": package}
    for number in ("1", "2"):
        job = {"SLURM_ARRAY_TASK_ID": number, "SLURM_ARRAY_TASK_COUNT": "2"}
        command = [str(RECIPES / "slurm_array.sh"), str(tmp_path / "in"), str(tmp_path / "out")]
        subprocess.run(command, env=environment | job, check=True, capture_output=True)
    assert pd.read_parquet(tmp_path / "out" / "parts")["record"].tolist() == ["r0", "r1", "r2"]


def test_a_batch_of_a_data_frame_is_scored(tmp_path):
    files = recordings(tmp_path / "in", 2)
    recipe = runpy.run_path(str(RECIPES / "batches.py"))
    batch = pd.DataFrame({"path": [*map(str, files), str(tmp_path / "absent.npz")]})
    (found,) = recipe["score_partition"](iter([batch]))
    assert found["record"].tolist() == ["r0", "r1", "absent"]
    assert found["psnr_db"][:2].tolist() == [
        result.outcome.to_dataframe()["psnr_db"][0]
        for result in ecgnoise.score_files(files, ecgnoise.Quantifier(threads=1))
    ]
    assert "no such file" in found["fault"][2]
    assert [word.split()[0] for word in recipe["spark_schema"]().split(", ")] == list(found.columns)


def test_the_container_has_a_user_and_two_stages():
    lines = (RECIPES / "Containerfile").read_text().splitlines()
    assert sum(line.startswith("FROM ") for line in lines) == 2
    assert re.search(r"^USER [1-9]\d*$", "\n".join(lines), re.MULTILINE)


def test_recipes_name_commands_and_options_that_are_there():
    from ecgnoise.cli.archive import archive

    known = {option for parameter in archive.params for option in parameter.opts}
    for name in ("slurm_array.sh", "Snakefile", "main.nf"):
        text = (RECIPES / name).read_text()
        commands = re.findall(r"ecgnoise archive .*?(?:\|\||$)", text.replace("\\\n", " "), re.DOTALL | re.MULTILINE)
        assert commands, name
        assert {word for command in commands for word in re.findall(r"--[a-z][a-z-]*", command)} <= known


def beside_python(program):
    """A program of this environment; the test is skipped without it."""
    found = shutil.which(program, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return found or pytest.skip(f"needs {program}")


def test_the_container_file_is_without_a_finding():
    done = subprocess.run(
        [beside_python("hadolint"), str(RECIPES / "Containerfile")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
def test_snakemake_does_the_shards_and_then_the_whole(tmp_path):
    snakemake = beside_python("snakemake")
    recordings(tmp_path / "in", 3)
    (tmp_path / "in" / "bad.npy").write_bytes(b"no array")
    package = str(Path(ecgnoise.__file__).parents[1])
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "ecgnoise"
    program.write_text(f'#!/bin/bash\nexec {sys.executable} -m ecgnoise "$@"\n')
    program.chmod(0o755)
    settings = ["recordings=in", "results=out", "shards=2"]
    done = subprocess.run(
        [snakemake, "--snakefile", str(RECIPES / "Snakefile"), "--cores", "2", "--config", *settings],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert pd.read_parquet(tmp_path / "out" / "parts")["record"].tolist() == ["r0", "r1", "r2"]
    assert (tmp_path / "out" / "summary.json").is_file()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the engine
def test_ray_scores_batches(tmp_path, monkeypatch):
    ray, data = pytest.importorskip("ray", reason="needs ray[data]"), pytest.importorskip("ray.data")
    files = recordings(tmp_path / "in", 4)
    monkeypatch.syspath_prepend(str(RECIPES))
    from batches import Scorer

    paths = {"PYTHONPATH": os.pathsep.join([str(RECIPES), str(Path(ecgnoise.__file__).parents[1])])}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": paths})
    try:
        found = (
            data.from_pandas(pd.DataFrame({"path": list(map(str, files))}))
            .map_batches(Scorer, batch_format="pandas", batch_size=2, concurrency=1)
            .to_pandas()
        )
    finally:
        ray.shutdown()
    assert sorted(found["record"]) == ["r0", "r1", "r2", "r3"]
    assert found["psnr_db"].notna().all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the engine
def test_spark_scores_partitions(tmp_path, monkeypatch):
    sql = pytest.importorskip("pyspark.sql", reason="needs pyspark")
    files = recordings(tmp_path / "in", 4)
    monkeypatch.syspath_prepend(str(RECIPES))
    from batches import score_partition, spark_schema

    paths = os.pathsep.join([str(RECIPES), str(Path(ecgnoise.__file__).parents[1])])
    monkeypatch.setenv("PYTHONPATH", paths)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    session = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        paths = [*map(str, files), str(tmp_path / "absent.npz")]
        listed = session.createDataFrame([(path,) for path in paths], "path string").repartition(2)
        found = listed.mapInPandas(score_partition, spark_schema()).toPandas()
    finally:
        session.stop()
    assert sorted(found["record"]) == ["absent", "r0", "r1", "r2", "r3"]
    assert found["psnr_db"].notna().sum() == 4
    assert found["grade"].notna().sum() == 4
