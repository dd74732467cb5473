"""Standard streams that are closed, full or of another encoding: one line, no traceback, the right exit code."""

import errno
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import ecgnoise
from ecgnoise._internal.atomic import check_place, whole_files
from ecgnoise.cli import main
from ecgnoise.cli.streams import one_interrupt
from ecgnoise.errors import OutputError, SignalShapeError
from ecgnoise.recording import Recording

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ecgnoise.__file__).parents[1])}
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@pytest.fixture
def shell(tiny_model, tmp_path):
    """What a command line gives: exit code, output and errors; MODEL and PROGRAM stand for theirs."""
    program = f"{shlex.quote(sys.executable)} -m ecgnoise"

    def run(line, **variables):
        line = line.replace("PROGRAM", program).replace("MODEL", f"--model {shlex.quote(str(tiny_model))}")
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env=ENVIRONMENT | variables,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


STREAM = "PROGRAM stream MODEL --sampling-frequency 100 --leads I --units mV --hop 5"
ONE_LINE = {
    "no output": ("PROGRAM score --example MODEL >&-", 2, b"standard output is closed"),
    "no output of help": ("PROGRAM --help >&-", 2, b"standard output is closed"),
    "full output": ("PROGRAM score --example MODEL >/dev/full", 2, b"No space left"),
    "full output of help": ("PROGRAM --help >/dev/full", 2, b"No space left"),
    "no input": (f"{STREAM} <&-", 2, b"standard input is closed"),
    "full output of a stream": (f"seq 1 1500 | {STREAM} >/dev/full", 2, b"No space left"),
    "UTF-16": (f"printf '\\xff\\xfe1\\x00\\n\\x00' | {STREAM}", 2, b"UTF-16: send it in UTF-8"),
    "numbers with underscores": (f"printf '1_000\\n' | {STREAM}", 2, b"'1_000' is no number"),
    "a table in no folder": ("PROGRAM score --example MODEL --out nowhere/t.csv", 2, b"no folder nowhere"),
    "a table below a file": ("touch f; PROGRAM score --example MODEL --out f/t.csv", 2, b"f/t.csv"),
    "results below a file": ("touch f; PROGRAM score --example MODEL --out f/results", 2, b"f/results"),
    "a long name": (f"PROGRAM score --example MODEL --out {'x' * 300}.csv", 2, b"too long"),
}  # fmt: skip


@FULL
@pytest.mark.parametrize("what", ONE_LINE)
def test_one_line_and_the_exit_code(shell, what):
    line, code, fragment = ONE_LINE[what]
    found, output, errors = shell(line)
    assert found == code
    assert len(errors.splitlines()) == 1, errors
    assert fragment in errors
    assert b"Traceback" not in output + errors


@FULL
def test_nobody_to_tell_still_ends_with_the_code(shell):
    assert shell("PROGRAM score --example MODEL --out t.csv 2>&-")[0] == 0
    assert shell("PROGRAM score nowhere.csv MODEL 2>&-")[0] == 2
    assert shell("PROGRAM score nowhere.csv MODEL 2>/dev/full")[0] == 2
    assert shell("PROGRAM score --nonsense 2>/dev/full")[0] == 2
    assert shell("PROGRAM score --example MODEL <&- >&- 2>&-")[0] == 2


def test_a_table_is_whole_where_errors_are_closed(shell, tmp_path):
    """The first file that is opened must not get the number of a closed stream."""
    assert shell("PROGRAM score --example MODEL --out open.csv")[0] == 0
    assert shell("PROGRAM score --example MODEL --out closed.csv <&- 2>&-")[0] == 0
    assert (tmp_path / "open.csv").read_bytes() == (tmp_path / "closed.csv").read_bytes()


def test_a_byte_order_mark_is_no_number(shell):
    plain = shell(f"seq 1 1200 | {STREAM}")
    assert plain[0] == 0
    assert shell(f"(printf '\\xef\\xbb\\xbf'; seq 1 1200) | {STREAM}") == plain


def test_letters_that_the_terminal_lacks_are_replaced(shell, tmp_path):
    place = tmp_path / "µÄ☃.csv"
    place.write_text("I\n" + "".join(f"{value % 7}\n" for value in range(2000)), encoding="utf-8")
    code, output, errors = shell(
        "PROGRAM score *.csv MODEL --sampling-frequency 125 --units mV", PYTHONIOENCODING="ascii", PYTHONUTF8="0"
    )
    assert (code, errors) == (0, b"")
    assert b".csv" in output


def test_a_reader_that_goes_away_is_no_traceback(shell):
    code, _, errors = shell("set -o pipefail; PROGRAM score --example MODEL | true")
    assert code in {0, 1}
    assert errors == b""


def test_warnings_of_libraries_never_reach_the_user(tiny_model, monkeypatch):
    import warnings

    def noisy(*_arguments, **_options):
        warnings.warn("a library frets", RuntimeWarning, stacklevel=1)
        raise ValueError("and fails")

    monkeypatch.setattr("ecgnoise.batch.files.read", noisy)
    done = CliRunner().invoke(main, ["score", "--example", "--model", str(tiny_model)])
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert "ValueError: and fails" in done.stderr


@pytest.mark.parametrize("out", ["t.csv", "results", "annotations"])
def test_a_folder_that_takes_no_files_is_found_before_the_work(tiny_model, tmp_path, monkeypatch, out):
    def full(*_arguments, **_options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def scored(*_arguments, **_options):
        raise AssertionError("scored all the same")

    monkeypatch.chdir(tmp_path)
    ecgnoise.write_recording(ecgnoise.simulate_ecg(10, 250, lead_names=["I"]), tmp_path / "a.csv")
    monkeypatch.setattr("tempfile.mkdtemp", full)
    monkeypatch.setattr("ecgnoise.batch.files.score_file", scored)
    monkeypatch.setattr("ecgnoise.batch.parts.score_file", scored)
    command = {
        "t.csv": ["score", "--example", "--out", out],
        "results": ["archive", "--out", out, str(tmp_path / "a.csv")],
        "annotations": ["score", "--example", "--annotations", "m.json"],
    }[out]
    done = CliRunner().invoke(main, [*command, "--model", str(tiny_model)])
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert "Read-only file system" in done.stderr


def test_a_link_at_the_place_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "t.csv").symlink_to(tmp_path / "mine.txt")
    for guess in (".t.csv.partial", ".t.partial", "t.csv.tmp"):
        (tmp_path / guess).symlink_to(tmp_path / "mine.txt")
    before = {entry.name for entry in tmp_path.iterdir()}
    seen = []
    for _ in range(2):
        with whole_files(tmp_path / "t.csv") as partial:
            seen.append(partial.parent.name)
            assert partial.parent.stat().st_mode & 0o077 == 0
            partial.write_text("a,b\n")
    assert seen[0] != seen[1]
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "t.csv").read_text() == "a,b\n"
    assert not (tmp_path / "t.csv").is_symlink()
    assert {entry.name for entry in tmp_path.iterdir()} == before


def test_a_place_is_looked_at_and_left_alone(tmp_path):
    check_place(tmp_path / "new.csv")
    (tmp_path / "old.csv").write_text("old")
    check_place(tmp_path / "old.csv")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("old.csv", "old")]
    check_place(tmp_path / f"{'x' * 250}.csv")
    for wrong in (tmp_path, tmp_path / "no" / "t.csv", tmp_path / f"{'x' * 300}.csv", tmp_path / "a\0b.csv"):
        with pytest.raises(OutputError) as error:
            check_place(wrong)
        assert "\n" not in str(error.value)


def test_a_checkpoint_that_is_a_link_is_not_followed(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr("ecgnoise.scoring.checkpoint.LONG_WINDOWS", 1)
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / ".t.csv.checkpoint").symlink_to(tmp_path / "mine.txt")
    ecgnoise.writers.write_recording(ecgnoise.simulate_ecg(700, 125, lead_names=["I"]), tmp_path / "a.npz")
    options = ["--model", str(tiny_model), "--out", str(tmp_path / "t.csv"), "--resume"]
    done = CliRunner().invoke(main, ["score", str(tmp_path / "a.npz"), *options])
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "mine.txt").read_text() == "mine"


class Announced:
    """Samples of any length that nobody has."""

    def __init__(self, leads, samples):
        self.shape = leads, samples

    def window(self, start, stop):
        raise AssertionError(f"read {start} to {stop}")


DAY = 500 * 86_400


@pytest.mark.parametrize(
    ("leads", "samples", "parts"), [(1, 1 << 62, 1), (2, DAY * 367, 1), (4000, DAY * 300, 1), (12, DAY * 300, 256)]
)
def test_absurd_lengths_are_refused_before_windows_are_listed(tiny_model, leads, samples, parts):
    names = tuple(f"lead_{number}" for number in range(leads))
    quantifier = ecgnoise.Quantifier(tiny_model, threads=1)
    with pytest.raises(SignalShapeError, match=f"{samples} samples"):
        quantifier.quantify(Recording(Announced(leads, samples), 500.0, names), parts=parts)


def test_ctrl_c_in_a_destructor_is_not_lost():
    """Python swallows what a destructor raises: the interrupt comes again when it is over."""

    class Ended:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    def work():
        one = Ended()
        del one
        time.sleep(10)

    before = signal.getsignal(signal.SIGINT)
    try:
        with one_interrupt(), pytest.raises(KeyboardInterrupt):
            work()
    finally:
        signal.signal(signal.SIGINT, before)  # after an interrupt a program ignores others, and so would its children
    assert signal.getsignal(signal.SIGINT) is before
