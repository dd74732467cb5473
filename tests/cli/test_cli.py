"""The command-line program: what it prints, what it writes, and its exit codes."""

import csv
import inspect
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import types
import zipfile
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import ecgnoise
from ecgnoise.cli import main
from ecgnoise.cli.progress import Bar
from ecgnoise.cli.text import result_text
from ecgnoise.models.folder import load_folder
from ecgnoise.quantifier import Quantifier
from ecgnoise.readers import read
from ecgnoise.results.cells import COLUMNS, NUMBERS
from ecgnoise.simulate import NoiseKind, simulate_ecg
from ecgnoise.training.engine.config import preset
from ecgnoise.writers import write_recording
from results_by_hand import changed

SOURCE = Path(ecgnoise.__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="ecgnoise")


def program(*arguments, **options):
    command = [sys.executable, "-m", "ecgnoise", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False, **options)


@pytest.fixture
def score(tiny_model):
    """``ecgnoise score`` with the small model."""
    return lambda *arguments: run("score", "--model", tiny_model, "--threads", 1, *arguments)


@pytest.fixture
def recording(tmp_path):
    """A file with leads I and V2 of 14 s."""
    path = tmp_path / "patient.npz"
    write_recording(simulate_ecg(14, 200, lead_names=["I", "V2"]), path)
    return path


def assert_one_line_error(result, code, *fragments):
    assert result.exit_code == code
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Error: ")
    for fragment in fragments:
        assert str(fragment) in lines[0]


def test_example_is_scored_by_the_bundled_model():
    done = program("score", "--example")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("  ")]
    psnr = {(row[0], float(row[1])): float(row[3]) for row in rows[1:]}
    assert len(psnr) == 24
    noisy = {lead for lead, _ in sorted(psnr, key=psnr.get)[:4]}
    assert noisy == {"V2", "V5"}


def test_table_has_a_row_for_each_lead_and_segment(score, recording):
    result = score(recording)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    source, heading, *rows, verdict, _ = result.stdout.splitlines()
    assert source == str(recording)
    assert heading.split("  ")[1] == "lead"
    cells = [row.split() for row in rows]
    assert [row[:3] for row in cells] == [
        [lead, start, duration] for lead in ("I", "V2") for start, duration in (("0", "10"), ("10", "4"))
    ]
    assert all(re.fullmatch(r"\d+\.\d", row[3]) for row in cells)
    assert verdict.startswith("2 leads x 2 segments: ")
    assert "worst" in verdict


def test_lowest_part_is_shown_where_there_are_parts(score, recording):
    assert "lowest part" in score(recording, "--parts", 8).stdout
    assert "lowest part" not in score(recording).stdout


def test_percentile_and_snr_are_shown_where_the_model_has_them(tiny_model):
    result = Quantifier(tiny_model, threads=1).quantify(simulate_ecg(10, 100, lead_names=["I", "II", "V1"]))
    heading = result_text(result, every_row=False).splitlines()[1]
    assert "percentile" not in heading
    assert "SNR dB" not in heading.replace("PSNR dB", "")
    measured = changed(
        result,
        percentile=np.array([[99.6], [np.nan], [0.0]]),
        estimated_snr=np.array([[[30, 4.4, 30]], [[np.nan] * 3], [[-0.3, -12, 5.6]]]),
        snr_range=(-12.0, 30.0),
        noise_kind=np.full((3, 1), ""),
    )
    heading, *rows = result_text(measured, every_row=False).splitlines()[1:5]
    assert re.split("  +", heading.strip())[3:] == ["PSNR dB", "percentile", "SNR dB", "grade", "fault"]
    cells = [re.split("  +", row.strip())[4:6] for row in rows]
    assert cells == [["100", ">=30 (4 to >=30)"], ["-", "-"], ["0", "0 (<=-12 to 6)"]]


def test_many_segments_show_the_worst_and_say_how_to_see_the_rest(score, tmp_path):
    write_recording(simulate_ecg(150, 100, lead_names=["I", "II"]), tmp_path / "long.npz")
    few = score(tmp_path / "long.npz").stdout
    shown = [float(line.split()[3]) for line in few.splitlines() if re.match(r"  II? ", line)]
    assert len(shown) == 10
    assert shown == sorted(shown)
    assert "20 more: --all prints them" in few
    every = score(tmp_path / "long.npz", "--all").stdout
    psnr = [float(line.split()[3]) for line in every.splitlines() if re.match(r"  II? ", line)]
    assert len(psnr) == 30
    assert min(psnr) == shown[0]
    assert "more" not in every


def test_fault_is_an_answer(score, tmp_path):
    lead = simulate_ecg(10, 100, lead_names=["I"]).signal[0]
    np.savez(tmp_path / "flat.npz", signal=[lead, np.zeros_like(lead)], sampling_frequency=100, units="mV")
    result = score(tmp_path / "flat.npz")
    assert result.exit_code == 0
    assert re.search(r"lead_1 +0 +10 +- +flat$", result.stdout, re.MULTILINE)


def test_parts_without_a_score_have_a_dash(tiny_model):
    signal = np.zeros((1, 1000))
    result = Quantifier(tiny_model, threads=1).quantify(ecgnoise.Recording.from_array(signal, 100), parts=2)
    _, fault, _, row, verdict = result_text(result, every_row=False).splitlines()
    assert fault == "  lead_0 flat 0-10 s"
    assert row.split() == ["lead_0", "0", "10", "-", "-", "flat"]
    assert verdict == "1 lead x 1 segment: lead_0 flat 0-10 s; 0 % analysable"


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet", ".xlsx"])
def test_tables_hold_every_row(score, recording, tmp_path, suffix, tiny_model):
    out = tmp_path / f"scores{suffix}"
    result = score(recording, "--out", out)
    assert result.exit_code == 0, result.output
    expected = Quantifier(tiny_model, threads=1).quantify(read(recording)).rows()
    rows = read_table(out)
    assert [tuple(row) for row in rows] == [tuple(COLUMNS), *expected]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["patient.npz", out.name]


TEXT = {COLUMNS.index(name) for name in set(COLUMNS) - {*NUMBERS, "segment", "usable"}}
USABLE = COLUMNS.index("usable")


def read_table(path):
    """Heading and rows with numbers as numbers and None for no number, whatever the format."""
    if path.suffix == ".json":
        records = json.loads(path.read_text())
        return [list(records[0])] + [list(record.values()) for record in records]
    if path.suffix == ".parquet":
        table = pytest.importorskip("pyarrow.parquet").read_table(path)
        return [table.column_names] + [list(row.values()) for row in table.to_pylist()]
    if path.suffix == ".xlsx":
        sheet = pytest.importorskip("openpyxl").load_workbook(path).active
        rows = [list(row) for row in sheet.iter_rows(values_only=True)]
        return [rows[0]] + [
            [cell or "" if column in TEXT else cell for column, cell in enumerate(row)] for row in rows[1:]
        ]
    with path.open(newline="") as file:
        heading, *rows = csv.reader(file)
    return [heading] + [
        [
            cell
            if column in TEXT
            else {"True": True, "False": False}.get(cell)
            if column == USABLE
            else float(cell)
            if cell
            else None
            for column, cell in enumerate(row)
        ]
        for row in rows
    ]


def test_what_a_file_does_not_say_comes_from_options(score, tmp_path):
    path = tmp_path / "bare.npy"
    np.save(path, simulate_ecg(10, 200).signal[:2] * 1e3)
    assert_one_line_error(score(path), 2, path, "--sampling-frequency")
    assert_one_line_error(score(path, "--sampling-frequency", 200), 2, path, "--units")
    result = score(path, "--sampling-frequency", 200, "--units", "uV", "--leads", "left, right")
    assert result.exit_code == 0
    assert re.search(r"^  left +0 +10 +\d", result.stdout, re.MULTILINE)


def test_leads_are_chosen_in_the_order_asked_for(score, recording):
    rows = [line.split()[0] for line in score(recording, "--leads", "V2,I").stdout.splitlines()[2:6]]
    assert rows == ["V2", "V2", "I", "I"]
    assert_one_line_error(score(recording, "--leads", "V9"), 2, recording, "V9", "it has I, V2")


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ((), "--example"),
        (("--parts", "0"), "--parts"),
        (("--threads", "0"), "--threads"),
        (("--batch-size", "x"), "--batch-size"),
        (("--bogus",), "--bogus"),
        (("x", "--leads", "I,,II"), "--leads"),
        (("x", "--leads", "I,I"), "distinct"),
        (("x", "--units", "parsec"), "parsec"),
        (("x", "--sampling-frequency", "5"), "100"),
        (("x", "--out", "scores.docx"), ".parquet"),
        (("x", "--out", "nowhere/scores.csv"), "nowhere"),
        (("x", "--out", "."), "ecgnoise archive"),
        (("absent.csv",), "absent.csv"),
    ],
)
def test_wrong_options_are_one_line(score, arguments, fragment):
    assert_one_line_error(score(*arguments), 2, fragment)


def test_absent_model_is_one_line(recording, tmp_path):
    assert_one_line_error(run("score", recording, "--model", tmp_path / "none"), 2, tmp_path / "none")


def test_unknown_command_is_one_line():
    assert_one_line_error(run("scroe"), 2, "scroe")


def test_missing_package_is_found_before_the_work(score, recording, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = score(recording, "--out", tmp_path / "scores.parquet")
    assert_one_line_error(result, 2, "ecgnoise[tables]")
    assert result.stdout == ""


def test_folder_with_a_bad_file_is_scored_but_for_it(score, recording, tmp_path):
    write_recording(simulate_ecg(10, 100, lead_names=["II"]), tmp_path / "second.csv")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 no archive")
    out = tmp_path / "scores.csv"
    result = score(tmp_path, "--out", out)
    assert result.exit_code == 1
    first, *listed = result.stderr.splitlines()
    assert first == "1 of 3 files could not be scored:"
    assert len(listed) == 1
    assert "broken.npz" in listed[0]
    sources = [row[COLUMNS.index("path")] for row in read_table(out)[1:]]
    assert sources == [str(recording)] * 4 + [str(tmp_path / "second.csv")]


def test_all_files_bad_is_no_score(score, tmp_path):
    for name in ("a.npz", "b.npz"):
        (tmp_path / name).write_bytes(b"PK")
    result = score(tmp_path, "--out", tmp_path / "scores.csv")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 3
    assert not (tmp_path / "scores.csv").exists()


def test_glob_takes_what_it_matches(score, recording, tmp_path):
    (tmp_path / "notes.txt").write_text("not a recording")
    result = score(tmp_path / "pat*.npz")
    assert result.exit_code == 0
    assert str(recording) in result.stdout


def test_folder_without_recordings_says_so(score, tmp_path):
    assert_one_line_error(score(tmp_path), 2, tmp_path, "no recording")


def test_output_that_cannot_be_written_is_one_line(score, recording, tmp_path):
    (tmp_path / "scores.csv").mkdir()
    assert_one_line_error(score(recording, "--out", tmp_path / "scores.csv"), 2, "folder")


def test_stopping_leaves_no_table(score, recording, tmp_path, monkeypatch):
    def interrupted(self, recording, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Quantifier, "quantify", interrupted)
    result = score(recording, "--out", tmp_path / "scores.csv")
    assert result.exit_code == 130
    assert result.stderr == "Stopped: no file was written.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["patient.npz"]


def told_to_stop(process):
    """What a process says that is interrupted; again where the first came while Python held a lock of its own."""
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=30)[1]
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    return process.communicate()[1]


def test_interrupted_process_ends_with_130(tiny_model, tmp_path):
    write_recording(simulate_ecg(900, 100, lead_names=["I"]), tmp_path / "a.npz")
    for number in range(500):
        (tmp_path / f"b{number}.npz").hardlink_to(tmp_path / "a.npz")
    command = [sys.executable, "-m", "ecgnoise", "score", str(tmp_path), "--out", str(tmp_path / "scores.csv")]
    process = subprocess.Popen(
        [*command, "--model", str(tiny_model)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    process.stdout.readline()
    errors = told_to_stop(process)
    assert process.returncode in {130, -signal.SIGINT}  # Python's own end by the signal is 130 to a shell
    assert errors == "Stopped: no file was written.\n"
    assert not list(tmp_path.glob("*scores*"))


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_bar_is_shown_on_a_terminal_only():
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        with Bar(4, stream, delay=0.0) as bar:
            bar.show(1.0, "first.csv")
            time.sleep(0.15)
            bar.show(2.0, "second.csv")
            assert ("50%" in stream.getvalue()) is shown
            assert ("second.csv" in stream.getvalue()) is shown


def test_bar_waits_before_it_is_shown(capsys):
    stream = Terminal()
    with Bar(4, stream, delay=60.0) as bar:
        bar.show(2.0, "file")
        bar.echo("a result")
        bar.show(4.0)
    assert "%" not in stream.getvalue()
    assert capsys.readouterr().out == "a result\n"


def test_simulated_recording_has_the_noise_where_it_was_asked_for(tmp_path):
    common = ("--duration", 10, "--sampling-frequency", 250, "--heart-rate", 80, "--seed", 3, "--leads", "I,II,V1")
    assert run("simulate", tmp_path / "clean.npz", *common).exit_code == 0
    result = run(
        "simulate",
        tmp_path / "noisy.npz",
        *common,
        "--noise",
        "muscle:II",
        "--snr",
        -3,
        "--noise",
        "white:V1",
        "--snr",
        9,
    )
    assert result.exit_code == 0, result.output
    clean, noisy = read(tmp_path / "clean.npz"), read(tmp_path / "noisy.npz")
    np.testing.assert_array_equal(
        clean.signal, simulate_ecg(10, 250, heart_rate=80, seed=3).pick(["I", "II", "V1"]).signal
    )
    added = (noisy.signal - clean.signal).astype(float)
    ratio = 10 * np.log10(clean.signal[1:].var(axis=1) / added[1:].var(axis=1))
    np.testing.assert_allclose(ratio, [-3, 9], atol=0.01)
    assert not added[0].any()


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (("a.docx",), ".npz"),
        (("a.csv", "--noise", "hiss"), "muscle"),
        (("a.csv", "--noise", "muscle", "--snr", "1", "--snr", "2"), "--snr"),
        (("a.csv", "--noise", "muscle:V9"), "V9"),
        (("a.csv", "--leads", "X"), "X"),
        (("a.csv", "--duration", "-1"), "duration"),
        (("a.csv", "--heart-rate", "5"), "heart_rate"),
        (("nowhere/a.csv",), "nowhere"),
    ],
)
def test_simulate_refuses_on_one_line(arguments, fragment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_one_line_error(run("simulate", *arguments), 2, fragment)
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_kind_of_noise():
    text = " ".join(run("simulate", "--help").stdout.split())
    assert all(kind in text for kind in NoiseKind)


def test_convert_says_what_is_wrong_on_one_line(tmp_path):
    assert_one_line_error(run("convert", tmp_path / "none.pth", "--out", tmp_path / "model"), 2, "none.pth")
    assert_one_line_error(run("convert", tmp_path / "none.pth"), 2, "--out")


def test_converted_model_is_named(tmp_path, monkeypatch, tiny_model):
    called = []

    def convert_checkpoint(checkpoint, out, *, kind):
        called.append((checkpoint, out, kind))
        return load_folder(tiny_model)

    monkeypatch.setattr("ecgnoise.training.published.convert.convert_checkpoint", convert_checkpoint)
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("data.pkl", b"")
    result = run("convert", tmp_path / "a.pth", "--out", tmp_path / "model", "--kind", "pixel")
    assert called == [(tmp_path / "a.pth", tmp_path / "model", "pixel")]
    assert result.stdout == f"wrote {tmp_path / 'model'}: tiny 0 ({load_folder(tiny_model).hash})\n"


@pytest.fixture
def trained(monkeypatch, tiny_model, tmp_path):
    """What the default model would be trained with."""
    called = []
    (tmp_path / "ludb").mkdir()
    (tmp_path / "ludb" / "a.hea").touch()

    def read_recordings(data, listed, reading):
        reading(1, 2)
        return data

    def train_default(material, out, config, work, progress, start):
        progress(1, 2, float("nan"))
        called.append((material, out, config, work, start))
        return load_folder(tiny_model)

    module = types.SimpleNamespace(read_recordings=read_recordings, read_store=None, train_default=train_default)
    monkeypatch.setitem(sys.modules, "ecgnoise.training.default.teacher", module)
    return called


def test_training_gets_the_settings(tmp_path, trained, tiny_model):
    (tmp_path / "settings.toml").write_text("steps = 7\nbatch = 3\n")
    out, work = tmp_path / "model", tmp_path / "work"
    options = ("--config", tmp_path / "settings.toml", "--work", work, "--steps", 9, "--seed", 4, "--start", tiny_model)
    result = run("train", "default", tmp_path, "--out", out, *options)
    assert result.exit_code == 0, result.output
    ((data, folder, config, state, start),) = trained
    assert (data, folder, state, start.path) == (tmp_path, out, work, tiny_model)
    assert (config.steps, config.batch, config.seed, config.ema) == (9, 3, 4, 0.998)
    assert result.stdout.startswith(f"wrote {out}: tiny 0")


def test_epochs_take_the_place_of_steps(tmp_path, trained):
    result = run("train", "default", tmp_path, "--out", tmp_path / "model", "--epochs", 2.5)
    assert result.exit_code == 0, result.output
    assert (trained[0][2].epochs, trained[0][2].steps) == (2.5, 0)


OTHER_VALUES = {"precision": "bfloat16", "channels": "32,64", "discretization": True, "epochs": 0.0, "steps": 3,
                "schedule": "constant", "ema_ramp": False, "partial_batch": True}  # fmt: skip


@pytest.mark.parametrize("kind", ["default", "student", "autoencoder", "latent", "pixel"])
def test_every_setting_of_training_has_an_option_with_help(tmp_path, monkeypatch, kind):
    command = main.commands["train"].commands[kind]
    config = preset("default", kind)
    texts = {parameter.name: parameter.help for parameter in command.params if isinstance(parameter, click.Option)}
    assert all(texts.values())
    values = {name: OTHER_VALUES.get(name, value) for name, value in asdict(config).items()}
    values |= {name: value / 2 for name, value in values.items() if isinstance(value, float)}
    values |= {name: value + 1 for name, value in values.items() if type(value) is int and name != "validation_fold"}
    words = [f"--{name.replace('_', '-')}" for name in values]
    arguments = [str(part) for name, value in zip(words, values.values(), strict=True)
                 for part in ({True: [name], False: [f"--no{name[1:]}"]}[value] if isinstance(value, bool)
                              else [name, value])]  # fmt: skip
    caught = []
    monkeypatch.setattr(command, "callback", lambda options: caught.append(options.configuration(kind)))
    others = {"latent": ["--autoencoder", tmp_path], "student": ["--teacher", tmp_path]}.get(kind, [])
    result = run("train", kind, tmp_path, "--out", tmp_path / "model", *others, *arguments)
    assert result.exit_code == 0, result.output
    assert asdict(caught[0]) == values | {"channels": (32, 64)}


def test_training_command_fits_the_training_functions():
    from ecgnoise.training.default.teacher import read_recordings, train_default

    names = ["material", "out", "config", "work", "progress", "start"]
    assert list(inspect.signature(train_default).parameters) == names
    assert list(inspect.signature(read_recordings).parameters) == ["data", "listed", "reading"]


def test_a_student_is_given_its_teacher(tmp_path, trained, monkeypatch, tiny_model):
    called = []

    def train_student(material, teacher, out, config, work, callbacks):
        callbacks.drawing(1, 2)
        called.append((material, teacher.path, out, config.steps, work))
        return teacher

    module = types.SimpleNamespace(
        train_student=train_student, Callbacks=lambda drawing, _step: types.SimpleNamespace(drawing=drawing)
    )
    monkeypatch.setitem(sys.modules, "ecgnoise.training.default.student", module)
    result = run("train", "student", tmp_path, "--teacher", tiny_model, "--out", tmp_path / "model", "--steps", 3)
    assert result.exit_code == 0, result.output
    assert called == [(tmp_path, tiny_model, tmp_path / "model", 3, None)]
    assert run("train", "student", tmp_path, "--out", tmp_path / "model").exit_code == 2


def test_training_without_recordings_is_one_line(tmp_path):
    assert_one_line_error(run("train", "default", tmp_path, "--out", tmp_path / "model"), 2, tmp_path)


@pytest.mark.parametrize(
    ("options", "fragments"),
    [
        (["--only", "list.csv"], ["list.csv: no such file", "level-records.csv"]),
        (["--steps", 0], ["give one of them"]),
        (["--epochs", 1, "--steps", 1], ["epochs 1, steps 1"]),
        (["--channels", "64,many"], ["64,many", "whole numbers"]),
        (["--channels", "12"], ["multiples of 8"]),
        (["--config", "none.toml"], ["none.toml", "cannot be read"]),
        (["--preset", "paper"], ["paper"]),
    ],
)
def test_wrong_options_of_training_are_one_line(tmp_path, options, fragments):
    result = run("train", "default", tmp_path, "--out", tmp_path / "model", *options)
    assert_one_line_error(result, 2, *fragments)


def test_training_without_torch_names_the_extra(tmp_path, monkeypatch):
    for name in ("default.teacher", "published.model"):
        monkeypatch.delitem(sys.modules, f"ecgnoise.training.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert_one_line_error(run("train", "default", tmp_path, "--out", tmp_path / "model"), 2, "ecgnoise[train]")


def test_version_and_help_of_the_process():
    version = program("--version")
    assert version.stdout.strip() == f"ecgnoise, version {ecgnoise.__version__}"
    overview = program("--help").stdout
    assert all(f"  {name} " in overview for name in main.commands)


def test_example_has_one_lead_with_muscle_noise_and_one_with_wander():
    path = Path(ecgnoise.__file__).parent / "example" / "example.hea"
    example = read(path)
    assert (example.duration, example.sampling_frequency, len(example.lead_names)) == (20, 500, 12)
    assert sum(file.stat().st_size for file in path.parent.iterdir()) < 300_000
    high = np.abs(np.diff(example.signal, axis=1)).mean(axis=1)
    low = np.ptp(example.signal.reshape(12, 20, 500).mean(axis=2), axis=1)
    assert example.lead_names[int(high.argmax())] == "V2"
    assert example.lead_names[int(low.argmax())] == "V5"
