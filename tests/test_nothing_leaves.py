"""A score asks nobody on the network and writes nothing but what it is asked to write."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ecgnoise

PACKAGE = Path(ecgnoise.__file__).parent
GUARD = """
import sys
SEEN = []
def watch(event, arguments):
    if event.startswith("socket.") and event not in {"socket.gethostname"}:
        raise PermissionError(f"no network here: {event}")
sys.addaudithook(watch)
"""
CALLS = re.compile(rb"\b(socket\(AF_INET|connect\(|sendto\()")


@pytest.fixture
def place(tmp_path):
    """Folders of a user who has none, a guard that every process of Python loads, and where to work."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    for name in ("home", "cache", "temporary", "work"):
        (tmp_path / name).mkdir()
    return tmp_path


def run(place, *arguments, before=(), **variables):
    """The program in its own process, with a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    environment = kept | {
        "PYTHONPATH": f"{place / 'guard'}{os.pathsep}{PACKAGE.parent}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(place / "home"),
        "XDG_CACHE_HOME": str(place / "cache"),
        "TMPDIR": str(place / "temporary"),
    }
    return subprocess.run(
        [*before, sys.executable, *arguments],
        cwd=place / "work", env=environment | variables, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def left(place):
    """All that lies in the folders of the user."""
    return sorted(str(path.relative_to(place)) for name in ("home", "cache", "temporary", "work")
                  for path in (place / name).rglob("*"))  # fmt: skip


def test_the_guard_sees_a_call(place):
    done = run(place, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))")
    assert "no network here" in done.stderr


def test_a_score_writes_its_table_and_nothing_else(place):
    done = run(place, "-m", "ecgnoise", "score", "--example", "--out", "scores.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert left(place) == ["work/scores.csv"]


def test_a_score_needs_no_home(place):
    nowhere = str(place / "no such folder")
    done = run(place, "-m", "ecgnoise", "score", "--example", HOME=nowhere, XDG_CACHE_HOME=nowhere)
    assert (done.returncode, done.stderr) == (0, "")
    assert left(place) == []
    assert not Path(nowhere).exists()


@pytest.mark.slow
def test_processes_that_score_leave_nothing_either(place):
    pytest.importorskip("pyarrow", reason="needs the extra tables")
    for number in range(3):
        for file in (PACKAGE / "example").iterdir():
            text = file.read_bytes().replace(b"example", b"example%d" % number) if file.suffix == ".hea" else None
            target = place / "work" / file.name.replace("example", f"example{number}")
            target.write_bytes(text if text is not None else file.read_bytes())
    before = left(place)
    done = run(place, "-m", "ecgnoise", "archive", ".", "--out", "results", "--jobs", "2")
    assert (done.returncode, done.stderr) == (0, "")
    new = [path for path in left(place) if path not in before]
    assert new
    assert all(path.startswith("work/results") for path in new)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_no_library_calls_anybody_either(place):
    log = place / "calls"
    trace = ("strace", "-f", "-e", "trace=socket,connect,sendto", "-o", str(log))
    done = run(place, "-m", "ecgnoise", "score", "--example", before=trace)
    if done.returncode and not log.exists():
        pytest.skip("strace may not trace here")
    assert done.returncode == 0
    assert CALLS.findall(log.read_bytes()) == []


def test_what_the_user_sets_stands(place):
    done = run(
        place, "-c", "import ecgnoise, os; print(os.environ['ORT_DISABLE_TELEMETRY'])", ORT_DISABLE_TELEMETRY="0"
    )
    assert done.stdout == "0\n"
    done = run(place, "-c", "import ecgnoise.models.onnx, os; print(os.environ['ORT_DISABLE_TELEMETRY'])")
    assert done.stdout == "1\n"
