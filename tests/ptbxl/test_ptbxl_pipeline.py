"""The whole study through the command line, and the script that does it: two dozen simulated records, tiny networks."""

import csv
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from ecgnoise import Recording, simulate_ecg
from ecgnoise.cli import main
from ecgnoise.models.folder import load_folder
from ecgnoise.ptbxl.compare import RESULT_COLUMNS
from ecgnoise.ptbxl.index import read_index
from ecgnoise.ptbxl.labels import LEADS, NOISES
from ecgnoise.ptbxl.store import open_store
from ecgnoise.simulate import NoiseKind, add_noise
from ecgnoise.writers import write_recording

pytest.importorskip("zarr", reason="needs the extra ptbxl")

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "reproduce_paper.sh"
RECORDS = 24
SCALE = {"psnr": (0.0, np.inf), "ssim": (-1.0, 1.0), "mse": (0.0, 255.0**2), "mae": (0.0, 255.0)}
# What is written in a noise column of which records, the leads that it means, and the noise.
REMARKS = {
    2: ("static_noise", " , I-III,", (0, 1, 2), NoiseKind.MUSCLE),
    9: ("static_noise", "V3,V4", (8, 9), NoiseKind.MUSCLE),  # of fold 10
    3: ("burst_noise", "V1,V2", (6, 7), NoiseKind.MOTION_BURSTS),
    13: ("burst_noise", "alles", tuple(range(12)), NoiseKind.MOTION_BURSTS),
    4: ("baseline_drift", "II", (1,), NoiseKind.BASELINE_WANDER),
}
NOISY = sum(len(leads) for _, _, leads, _ in REMARKS.values())
TRAINING = (
    "--discretization",
    "--batch",
    "4",
    "--save-every",
    "4",
    "--validation-leads",
    "4",
    "--precision",
    "float32",
)
WIDTHS = ("--channels", "32,32,32")


def fold(number):
    """Folds 1 .. 10 in turn; records 9 and 19 are of fold 10, records 8 and 18 of fold 9."""
    return number % 10 + 1


def filename(number):
    return f"records500/00000/{number:05}_hr"


@pytest.fixture(scope="module")
def ptbxl(tmp_path_factory):
    """Two dozen simulated records laid out as PTB-XL, with noise where the remarks say so."""
    folder = tmp_path_factory.mktemp("ptb-xl")
    (folder / "records500" / "00000").mkdir(parents=True)
    with (folder / "ptbxl_database.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("filename_hr", "filename_lr", "scp_codes", *NOISES, "strat_fold"))
        for number in range(RECORDS):
            remark = REMARKS.get(number, ("", "", (), NoiseKind.WHITE))
            columns = [remark[1] if name == remark[0] else "" for name in NOISES]
            table.writerow((filename(number), "", "{'NORM': 100.0, 'SR': 0.0}", *columns, fold(number)))
            quiet = add_noise(simulate_ecg(10, 500, heart_rate=55 + 2 * number, seed=number), NoiseKind.WHITE, 30)
            noisy = add_noise(quiet, remark[3], -6, leads=list(remark[2]), seed=number) if remark[2] else quiet
            write_recording(
                Recording.from_array(noisy.signal, 500, lead_names=LEADS), folder / f"{filename(number)}.hea"
            )
    return folder


def call(*arguments):
    """What the program says; it must succeed."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def checksums(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def read_table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def cells(path):
    """Values of a result file by record, (12,), NaN for empty cells."""
    return {
        row["filename_hr"]: np.array([float(row[f"lead_{lead}"] or "nan") for lead in range(12)])
        for row in read_table(path)
    }


def train(kind, store, out, *options):
    call("train", kind, store, "--out", out, *TRAINING, *options)


@pytest.fixture(scope="module")
def study(ptbxl, tmp_path_factory):
    """All steps up to the leads to train on again, and what the program said."""
    pytest.importorskip("torch", reason="needs the extra train")
    work = tmp_path_factory.mktemp("study")
    said = {"index": call("ptbxl", "index", ptbxl, "--out", work / "labels")}
    store, models, results = work / "store", work / "models", work / "results"
    prepared = [sys.executable, "-m", "ecgnoise", "ptbxl", "prepare", ptbxl, "--out", store, "--profile", "paper"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(prepared, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    said["prepare"] = done.stdout
    train("autoencoder", store, models / "autoencoder", *WIDTHS, "--steps", "8", "--learning-rate", "1e-3")
    train("latent", store, models / "latent", "--autoencoder", models / "autoencoder", *WIDTHS, "--steps", "4")
    train("pixel", store, models / "pixel", "--channels", "32,32,32,32,32", "--steps", "2")
    samplers = ("--sampler", "ddim", "--sampler", "ddpm", "--timestep", "30", "--all-folds")
    said["latent"] = call("ptbxl", "evaluate", store, "--model", models / "latent", "--out", results, *samplers)
    said["pixel"] = call("ptbxl", "evaluate", store, "--model", models / "pixel", "--out", results, "--timestep", "10")
    said["compare"] = call("ptbxl", "compare", results, "--keyword", "psnr", "--out", work / "first")
    said["refine"] = call(
        *("ptbxl", "refine", "--static-file", results / "all_ldm_ddim-10_t30_psnr.csv"),
        *("--burst-file", results / "all_ldm_ddpm_t30_psnr.csv", "--out", work / "refined.csv"),
    )
    return SimpleNamespace(work=work, store=store, models=models, results=results, said=said)


@pytest.fixture(scope="module")
def again(study):
    """The latent model once more, on the listed leads only: the models before it, and the leads that were read."""
    before = checksums(study.models)
    read = []
    import ecgnoise.training.published.model as published

    def spy(store, rows, profile, progress=None, reader=published.stored_images):
        read.append(rows)
        return reader(store, rows, profile, progress)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "stored_images", spy)
        listed = ("--only", study.work / "refined.csv", "--autoencoder", study.models / "autoencoder")
        train("latent", study.store, study.work / "refined" / "latent", *listed, *WIDTHS, "--steps", "4")
    again = ("--model", study.work / "refined" / "latent", "--name", "ldm-refined", "--timestep", "30")
    call("ptbxl", "evaluate", study.store, *again, "--out", study.results)
    said = call("ptbxl", "compare", study.results, "--keyword", "psnr")
    return SimpleNamespace(before=before, read=read, said=said)


@pytest.mark.slow
def test_labels_and_store_have_every_record(study):
    labels = study.work / "labels"
    training, evaluation = (read_index(labels / f"{name}.csv") for name in ("training", "evaluation"))
    assert len(read_index(labels / "all.csv")) == 12 * RECORDS
    assert len(training) == 12 * (RECORDS - 2) - (NOISY - 2)
    assert len(evaluation) == 12 * 2 + NOISY - 2
    assert {row.fold for row in training} == set(range(1, 10))
    store = open_store(study.store)
    assert store.done.all()
    assert [record.filename_hr for record in store.index] == [filename(number) for number in range(RECORDS)]
    for number, (kind, _, leads, _) in REMARKS.items():
        assert getattr(store.index[number], kind) == leads
    assert f"{RECORDS} of {RECORDS} records" in study.said["prepare"]


@pytest.mark.slow
def test_models_are_whole_and_trained_on_clean_leads_of_other_folds(study):
    clean = [row for row in read_index(study.work / "labels" / "training.csv") if row.fold != 9]
    for kind in ("autoencoder", "latent", "pixel"):
        description = load_folder(study.models / kind).description
        assert description.network.kind == kind
        assert description.profile.name == "paper"
        assert f": {len(clean)} clean leads of folds 1 to 9 but 9" in description.training.data[0]
        log = [json.loads(line) for line in (study.models / f"{kind}.training" / "log.jsonl").read_text().splitlines()]
        assert log[-1]["step"] == {"autoencoder": 8, "latent": 4, "pixel": 2}[kind]
        assert np.isfinite(log[-1]["loss"])
        assert np.isfinite(log[-1]["validation_loss"])
    made, of = (load_folder(study.models / kind) for kind in ("latent", "autoencoder"))
    from safetensors.numpy import load_file

    theirs, ours = (load_file(model.path / "weights.safetensors") for model in (of, made))
    assert all(np.array_equal(value, ours[f"ae.{name}"]) for name, value in theirs.items())


def result_files(folder, stem):
    return {metric: folder / f"{stem}_{metric}.csv" for metric in SCALE}


@pytest.mark.slow
@pytest.mark.parametrize("stem", ["all_ldm_ddim-10_t30", "all_ldm_ddpm_t30", "dm_ddim-10_t10"])
def test_results_have_the_leads_asked_for_and_values_in_range(study, stem):
    files = result_files(study.results, stem)
    for metric, file in files.items():
        assert file.read_text().splitlines()[0] == ",".join(RESULT_COLUMNS)
        values, (low, high) = cells(file), SCALE[metric]
        wanted = {filename(number): leads for number, (_, _, leads, _) in REMARKS.items()}
        if stem.startswith("all_"):
            assert len(values) == RECORDS
            assert np.isfinite(list(values.values())).all()
        else:
            wanted |= {filename(9): range(12), filename(19): range(12)}
            there = {name: tuple(np.flatnonzero(np.isfinite(row))) for name, row in values.items()}
            assert there == {name: tuple(leads) for name, leads in wanted.items()}
        found = np.concatenate([row[np.isfinite(row)] for row in values.values()])
        assert ((found >= low) & (found <= high)).all()
    psnr, mse, mae = (np.array(list(cells(files[metric]).values())) for metric in ("psnr", "mse", "mae"))
    np.testing.assert_allclose(psnr, 10 * np.log10(255**2 / mse), atol=1e-3)
    assert ((mae**2 <= mse + 1e-3) | np.isnan(mae)).all()


@pytest.mark.slow
def test_comparing_counts_the_leads_of_each_kind(study):
    rows = read_table(study.work / "first" / "compare.csv")
    assert {row["file"] for row in rows} == {
        *("all_ldm_ddim-10_t30_psnr.csv", "all_ldm_ddpm_t30_psnr.csv", "dm_ddim-10_t10_psnr.csv")
    }
    counts = {row["noise"]: (row["clean"], row["noisy"]) for row in rows}
    assert counts == {
        "macro": ("22", ""),
        "static_noise": ("22", "5"),
        "burst_noise": ("22", "14"),
        "baseline_drift": ("22", "1"),
    }
    assert all(abs(float(row["w1"])) <= float(row["w1_ceiling"]) and 0 <= float(row["auroc"]) <= 1 for row in rows)
    assert (study.work / "first" / "compare.png").stat().st_size > 1000


@pytest.mark.slow
def test_refining_keeps_clean_training_leads_that_are_high_in_both(study):
    listed = read_index(study.work / "refined.csv")
    clean = read_index(study.work / "labels" / "training.csv")
    assert set(listed) < set(clean)
    for stem in ("all_ldm_ddim-10_t30", "all_ldm_ddpm_t30"):
        values = cells(study.results / f"{stem}_psnr.csv")
        median = np.median([values[row.filename_hr][row.lead] for row in clean])
        assert min(values[row.filename_hr][row.lead] for row in listed) >= median - 1e-9
    assert f"{len(listed)} leads that are in both" in study.said["refine"]


@pytest.mark.slow
def test_training_again_takes_the_listed_leads_only_and_leaves_the_first_models(study, again):
    listed = read_index(study.work / "refined.csv")
    training, validation = again.read
    assert set(training) == {row for row in listed if row.fold != 9}
    assert set(validation) == {row for row in listed if row.fold == 9}
    assert checksums(study.models) == again.before
    made = load_folder(study.work / "refined" / "latent")
    assert made.hash != load_folder(study.models / "latent").hash
    assert f": {len(training)} clean leads" in made.description.training.data[0]
    assert "refined.csv" in made.description.training.data[0]


@pytest.mark.slow
@pytest.mark.usefixtures("again")
def test_all_models_are_ranked_together(study):
    rows = [row for row in read_table(study.results / "compare.csv") if row["noise"] == "macro"]
    assert sorted(row["model"] for row in rows) == ["dm", "ldm", "ldm", "ldm-refined"]
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    distances = [float(row["w1"]) for row in rows]
    assert distances == sorted(distances, reverse=True)


@pytest.mark.slow
def test_a_trained_model_scores_a_file_as_it_was_evaluated(study, ptbxl, tmp_path):
    table = tmp_path / "scores.csv"
    call("score", ptbxl / f"{filename(7)}.hea", "--model", study.models / "latent", "--out", table)
    scored = [float(row["psnr_db"]) for row in read_table(table)]
    evaluated = cells(study.results / "all_ldm_ddim-10_t30_psnr.csv")[filename(7)]
    np.testing.assert_allclose(scored, evaluated, atol=0.02)


@pytest.mark.slow
def test_real_records_go_through(data, study, tmp_path):
    """Ten records of PTB-XL with noise of each kind and clean ones of fold 10, under a hardly trained model."""
    folder, some = tmp_path / "ptb-xl", set()
    call("ptbxl", "index", data / "ptb-xl", "--out", tmp_path / "every")
    there = [row for row in read_table(tmp_path / "every" / "labels.csv")
             if (data / "ptb-xl" / f"{row['filename_hr']}.hea").is_file()]  # fmt: skip
    for column in ("static_noise", "burst_noise", "baseline_drift"):
        some |= set([row["filename_hr"] for row in there if row[column] != "[]"][:2])
    some |= set([row["filename_hr"] for row in there if row["strat_fold"] == "10" and len(row["clean"]) > 2][:4])
    folder.mkdir()
    (folder / "records500").symlink_to(data / "ptb-xl" / "records500")
    rows = [row for row in read_table(data / "ptb-xl" / "ptbxl_database.csv") if row["filename_hr"] in some]
    with (folder / "ptbxl_database.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    assert len(rows) == len(some) >= 7
    call("ptbxl", "index", folder, "--out", tmp_path / "labels")
    store, results = tmp_path / "store", tmp_path / "results"
    call("ptbxl", "prepare", folder, "--out", store, "--profile", "paper", "--jobs", 1)
    call("ptbxl", "evaluate", store, "--model", study.models / "autoencoder", "--out", results)
    call("ptbxl", "compare", results, "--keyword", "psnr")
    evaluated = sum(int(np.isfinite(row).sum()) for row in cells(results / "ae_psnr.csv").values())
    assert evaluated == len(read_index(tmp_path / "labels" / "evaluation.csv"))
    assert {row["noise"] for row in read_table(results / "compare.csv")} == {
        *("macro", "static_noise", "burst_noise", "baseline_drift")
    }


# Stands for the program: it checks every command line, notes it, and does what takes no network. A trained model is a
# folder with the word for what it is; an evaluated one has made-up values that are low where there is noise.
STAND_IN = """
import csv, sys
from pathlib import Path
import click, json
from ecgnoise.cli import main
from ecgnoise.ptbxl.compare import RESULT_COLUMNS

def stand_in(words):
    with Path({log!r}).open("a") as log:
        log.write(json.dumps(words) + "\\n")
    command, rest = main, words
    while isinstance(command, click.Group):
        command, rest = command.commands[rest[0]], rest[1:]
    given = command.make_context(" ".join(words[: len(words) - len(rest)]), list(rest)).params
    if words[0] == "train":
        given["out"].mkdir(parents=True)
        (given["out"] / "model.toml").write_text(words[1])
    elif words[1:2] == ["evaluate"]:
        import numpy as np
        from ecgnoise.ptbxl.evaluate import sampler_name, samplers_of
        kind = (Path(given["model"]) / "model.toml").read_text()
        asked = (given["timestep"], given["sampler"], given["step_interval"])
        samplers = samplers_of(*asked) if kind != "autoencoder" else [None]
        assert kind != "autoencoder" or given["device"] == "cpu", words
        given["out"].mkdir(parents=True, exist_ok=True)
        with (Path({work!r}) / "labels" / "labels.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        for sampler in samplers:
            after = "_" + sampler_name(sampler) if sampler else ""
            stem = ("all_" if given["all_folds"] else "") + given["name"] + after
            drawn = np.random.default_rng(len(stem))
            with (given["out"] / (stem + "_psnr.csv")).open("w", newline="") as file:
                table = csv.DictWriter(file, RESULT_COLUMNS, extrasaction="ignore")
                table.writeheader()
                for row in rows:
                    clean = json.loads(row["clean"])
                    values = {{f"lead_{{k}}": 10 + 15 * (k in clean) + drawn.normal() for k in range(12)}}
                    every = given["all_folds"] or row["strat_fold"] == "10"
                    table.writerow(row | {{name: value if every or int(name[5:]) not in clean else ""
                                           for name, value in values.items()}})
    else:
        main(words)

if __name__ == "__main__":
    stand_in(sys.argv[1:])
"""


@pytest.fixture
def script(ptbxl, tmp_path):
    """Runs the script with a stand-in for the program and for accelerate, and gives the command lines it made."""
    log, work, programs = tmp_path / "log", tmp_path / "study", tmp_path / "bin"
    programs.mkdir()
    (tmp_path / "stand_in.py").write_text(STAND_IN.format(log=str(log), work=str(work)))
    program = f"exec {shlex.quote(sys.executable)} {shlex.quote(str(tmp_path / 'stand_in.py'))}"
    launched = tmp_path / "launched"
    (programs / "ecgnoise").write_text(f'#!/bin/sh\n{program} "$@"\n')
    (programs / "accelerate").write_text(
        f'#!/bin/sh\necho "$@" >>{shlex.quote(str(launched))}\n'
        f'while [ "$1" != ecgnoise ]; do shift; done; shift\n{program} "$@"\n'
    )
    for name in ("ecgnoise", "accelerate"):
        (programs / name).chmod(0o755)

    def run(**settings):
        log.write_text("")
        environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src")}
        environment |= {"PTBXL": str(ptbxl), "WORK": str(work), "DOWNLOAD": "0"} | settings
        command = ["bash", str(SCRIPT)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)
        return SimpleNamespace(
            done=done,
            lines=[json.loads(line) for line in log.read_text().splitlines()],
            launched=launched.read_text().splitlines() if launched.exists() else [],
        )

    return SimpleNamespace(run=run, work=work)


def name_of(line):
    return " ".join(line[:2])


TRAINED = ["train autoencoder", "train latent", "train pixel"]
EVALUATED = ["ptbxl evaluate"]


@pytest.mark.slow
def test_the_small_script_does_every_step_once_and_goes_on_where_it_was(script):
    first = script.run(SMALL="1")
    assert first.done.returncode == 0, first.done.stderr
    steps = [name_of(line) for line in first.lines]
    everywhere = len(list((script.work / "results-all-folds").glob("*_psnr.csv")))
    assert steps == [
        *("ptbxl index", "ptbxl prepare", *TRAINED, *3 * EVALUATED, "ptbxl compare", *everywhere * EVALUATED),
        *("ptbxl refine", *TRAINED, *3 * EVALUATED, "ptbxl compare"),
    ]
    assert len({row["file"] for row in read_table(script.work / "compare" / "compare.csv")}) == 6
    refined = [line for line in first.lines if line[0] == "train" and "--only" in line]
    assert [line[1] for line in refined] == ["autoencoder", "latent", "pixel"]
    assert str(script.work / "refined" / "autoencoder") in refined[1]
    assert all(line[line.index("--only") + 1] == str(script.work / "refined.csv") for line in refined)

    assert script.run(SMALL="1").lines == []
    (script.work / "compare" / "compare.csv").unlink()
    assert [name_of(line) for line in script.run(SMALL="1").lines] == [*3 * EVALUATED, "ptbxl compare"]


@pytest.mark.slow
def test_the_full_script_takes_the_published_settings_and_several_processes(script):
    done = script.run(PROCESSES="2", TIMESTEPS="30")
    assert done.done.returncode == 0, done.done.stderr
    trained = [line for line in done.lines if line[0] == "train"]
    for line in trained:
        assert line[line.index("--preset") + 1] == "paper"
        assert {"--discretization"} <= set(line)
        assert not {"--steps", "--channels"} & set(line)
    assert len(done.launched) == len(trained) == 6
    sweeps = [line for line in done.lines if name_of(line) == "ptbxl evaluate" and "--all-folds" not in line]
    assert [line[line.index("--name") + 1] for line in sweeps] == [
        *("ae", "ldm", "dm", "ae-refined", "ldm-refined", "dm-refined")
    ]
    assert len({row["file"] for row in read_table(script.work / "compare" / "compare.csv")}) == 2 * (1 + 2 + 2)
    launch = pytest.importorskip("accelerate.commands.launch", reason="needs the extra train")
    options = launch.launch_command_parser().parse_args(shlex.split(done.launched[0])[1:])
    assert (options.num_processes, options.multi_gpu, options.module) == (2, True, True)
    assert options.training_script == "ecgnoise"


def test_the_script_stops_at_a_step_that_fails(script):
    """With other records than are there, all of them are needed unless the study is small."""
    done = script.run(PTBXL=str(script.work / "nowhere"))
    assert done.done.returncode == 2
    assert "ptbxl_database.csv" in done.done.stderr
    assert [name_of(line) for line in done.lines] == ["ptbxl index"]


def test_the_page_names_the_settings_of_the_script():
    text, page = SCRIPT.read_text(), (ROOT / "docs" / "paper.md").read_text()
    for name in set(re.findall(r"^\s*([A-Z_]+)=\$\{\1", text, re.MULTILINE)):
        assert re.search(rf"^\| (`[A-Z_]+`, )?`{name}`", page, re.MULTILINE), name
