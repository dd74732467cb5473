"""``ecgnoise view``: the server that it starts, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

import ecgnoise
from ecgnoise import simulate_ecg
from ecgnoise.cli import main
from ecgnoise.writers import write_recording

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ecgnoise.__file__).parents[1])}


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b"):
        write_recording(simulate_ecg(12, 250, lead_names=["I", "II"]), tmp_path / f"{name}.hea")
    return tmp_path


@pytest.fixture
def started(folder, request):
    """The command on two recordings, and the address that it prints."""
    command = [sys.executable, "-m", "ecgnoise", "view", str(folder), "--no-browser", "--no-cache"]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    found = re.fullmatch(r"2 recordings at (http://127\.0\.0\.1:\d+/[\w-]{20,}/) \(Ctrl-C ends it\)\n", line)
    assert found, line + process.stderr.read()
    yield process, found[1]
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_it_listens_shows_what_was_named_and_ends_with_ctrl_c(started):
    process, address = started
    with urllib.request.urlopen(f"{address}api/recordings", timeout=30) as answer:
        assert sorted(entry["name"] for entry in json.load(answer)) == ["a", "b"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{address[: address[:-1].rindex('/')]}/", timeout=30)  # without the token
    process.send_signal(signal.SIGINT)
    said, problem = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "")
    assert problem == "Stopped: corrected annotations stay.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.hea"], "nowhere.hea: no such file: check the path"),
        (["."], "no recording in this folder"),
        (["--host", "0.0.0.0"], "pass the address or name by which others reach this computer"),
        (["--units", "pixels"], "pixels"),
    ],
)
def test_what_cannot_be_shown_is_one_line(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["view", "--no-browser", *arguments], prog_name="ecgnoise")
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert said in line
