"""What is wrong with paths and options is said before packages are loaded that take long."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

import ecgnoise
from ecgnoise.cli import main
from ecgnoise.cli.progress import Bar
from ecgnoise.cli.train import ProgressBars
from ecgnoise.errors import EcgNoiseError
from ecgnoise.training.checks import check_conversion, check_material, check_new_folder, check_store

SOURCE = Path(ecgnoise.__file__).parents[1]
SLOW = {"torch", "diffusers", "accelerate", "onnxruntime", "pandas", "scipy"}
CODE = """
import sys
from ecgnoise.cli import main
try:
    main(sys.argv[1:], prog_name="ecgnoise")
except SystemExit as ended:
    print(ended.code, *sys.modules)
"""


@pytest.fixture
def place(tmp_path, monkeypatch, tiny_model):
    """A folder with a checkpoint, an empty folder, recordings to train on and what is no checkpoint."""
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("whole.pth", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    Path("text.pth").write_text("text")
    Path("empty").mkdir()
    Path("data/ludb").mkdir(parents=True)
    Path("data/ludb/a.hea").touch()
    Path("model").symlink_to(tiny_model)
    return tmp_path


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("convert nosuch.pth --out new", "nosuch.pth: no such file"),
        ("convert text.pth --out new", "text.pth: not a checkpoint"),
        ("convert empty --out new", "empty: no such file"),
        ("convert whole.pth --out empty", "empty: exists already"),
        ("convert whole.pth --out text.pth/new", "is no folder"),
        ("train latent nosuch --autoencoder model --out new", "nosuch: no such folder"),
        ("train latent empty --autoencoder nosuch --out new", "nosuch: no model folder"),
        ("train latent empty --autoencoder model --out new", "empty: no store"),
        ("train latent empty --autoencoder model --out model", "model: exists already"),
        ("train pixel nosuch --out new", "nosuch: no such folder"),
        ("train autoencoder empty --out new", "empty: no store"),
        ("train autoencoder empty --out new --only nosuch", "nosuch: no such file"),
        ("train default nosuch --out new", "nosuch: no folder ptb-xl"),
        ("train default empty --out new", "empty: no folder ptb-xl"),
        ("train default data --out new --start nosuch", "nosuch: no model folder"),
        ("train default data --out new --only nosuch", "--only nosuch: no such file"),
        ("train default data --out new --config nosuch", "nosuch"),
        ("train default data --out empty", "empty: exists already"),
        ("train student data --out new --teacher nosuch", "nosuch: no model folder"),
        ("train student nosuch --out new --teacher model", "nosuch: no folder ptb-xl"),
        ("ptbxl index nosuch --out new", "nosuch/ptbxl_database.csv"),
        ("ptbxl prepare nosuch --out new", "nosuch/ptbxl_database.csv"),
        ("ptbxl evaluate nosuch --model default --out new", "nosuch: no such folder"),
        ("ptbxl compare nosuch", "nosuch"),
        ("annotate nosuch --out m.qua", "nosuch: no such table"),
    ],
)
def test_nothing_slow_is_loaded_to_say_it(command, words):
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        [sys.executable, "-c", CODE, *command.split()], capture_output=True, text=True, env=environment, check=False
    )
    code, *loaded = done.stdout.split()
    assert (code, len(done.stderr.splitlines())) == ("2", 1), done.stderr
    assert words in done.stderr
    slow = SLOW & set(loaded)
    assert slow <= ({"onnxruntime"} if "evaluate" in command else set())
    assert not Path("new").exists()


def test_what_is_right_passes(place):
    check_conversion("whole.pth", Path("new"))
    check_conversion("hf:someone/something", Path("new"))
    check_material(Path("data"), None, Path("model"), Path("deep/new"))
    assert not (place / "deep").exists()


def test_folders_that_cannot_be_written_are_told(place):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    Path("empty").chmod(0o500)
    with pytest.raises(EcgNoiseError, match="cannot be written to"):
        check_new_folder(Path("empty/new"))


@pytest.mark.usefixtures("place")
def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for check in (lambda: check_conversion("whole.pth", Path("new")),
                  lambda: check_store(Path("data"), None, None, Path("new"))):  # fmt: skip
        with pytest.raises(EcgNoiseError, match=r"ecgnoise\[train\]"):
            check()


def test_training_says_what_it_begins_without_a_terminal(capsys):
    with Bar(1.0) as bar:
        bars = ProgressBars(bar)
        for number in (1, 2):
            bars.reading(number, 2)
        bars.drawing(1, 8)
        for step in range(1, 4):
            bars.step(step, 3, float("nan"))
    assert capsys.readouterr() == (
        "",
        "reading 2 recordings or leads\nasking the teacher about 8 images\ntraining: 3 steps, at step 1\n"
        "trained: exporting the network and measuring clean leads for its grades\n",
    )


def test_other_processes_of_a_run_say_nothing(capsys, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    with Bar(1.0) as bar:
        ProgressBars(bar).step(3, 3, 0.1)
    assert capsys.readouterr() == ("", "")


def test_help_shows_the_usual_values():
    text = " ".join(CliRunner().invoke(main, ["annotate", "--help"]).stdout.split())
    assert "[default: poor]" in text
    assert "[default: 0.0" in text
    assert "csv for -" in " ".join(CliRunner().invoke(main, ["score", "--help"]).stdout.split())
