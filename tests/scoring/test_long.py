"""Long recordings: read block by block, a thread ahead, in constant memory, and gone on with after a kill."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.long_recordings import WRITERS, write_wfdb
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import ecgnoise
from ecgnoise.batch.files import score_files
from ecgnoise.cli import main
from ecgnoise.errors import OptionError, OutputError, ResumeError, UnreadableFileError
from ecgnoise.quantifier import Quantifier
from ecgnoise.recording import Recording
from ecgnoise.scoring import blocks
from ecgnoise.scoring.blocks import BLOCK_SAMPLES, block_windows, read_blocks
from ecgnoise.scoring.checkpoint import Checkpoint, checkpoint_path
from ecgnoise.segments import windows
from ecgnoise.simulate import simulate_ecg

FREQUENCY = 100
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ecgnoise.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
LIMIT_MEGABYTES = 600
DAY = 24 * 3600
GROWTH_MEGABYTES = 60


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    """Blocks of four batches, so that short recordings have several."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(blocks, "BLOCK_BATCHES", 4)
        yield


@pytest.fixture(scope="module")
def quantifier(tiny_model):
    return Quantifier(tiny_model, threads=1, batch_size=2)


@pytest.fixture(scope="module")
def ecg():
    """Two leads of 125 s with a flat span, a gap and a tail: 13 windows, 4 blocks."""
    recording = simulate_ecg(125, FREQUENCY, seed=3, lead_names=["I", "V2"])
    signal = recording.signal.copy()
    signal[0, 2500:3000] = 0.1
    signal[1, 6000:9500] = np.nan
    return Recording.from_array(signal, FREQUENCY, lead_names=["I", "V2"])


@pytest.fixture(scope="module")
def whole(quantifier, ecg):
    return quantifier.quantify(ecg, parts=3)


class Tape:
    """Samples that note which windows are asked for, by whom, and fail from some sample on."""

    def __init__(self, signal, bad_from=np.inf):
        self.signal = signal
        self.bad_from = bad_from
        self.asked = []
        self.threads = set()

    @property
    def shape(self):
        return self.signal.shape

    def window(self, start, stop):
        self.asked.append((start, stop))
        self.threads.add(threading.current_thread().name)
        if stop > self.bad_from:
            raise UnreadableFileError("tape: torn")
        return self.signal[:, start:stop]


def on_tape(recording, **options):
    tape = Tape(recording.signal, **options)
    return tape, replace(recording, samples=tape)


def assert_same_bits(one, other):
    for name in ("psnr", "local_psnr", "fault", "grade", "start", "duration"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


def test_blocks_cover_every_window_once(ecg):
    spans = windows(ecg.samples.shape[1], FREQUENCY)
    for size in (1, 3, 5, 13, 40):
        read = list(read_blocks(ecg, spans, size))
        assert [index for block in read for index in range(block.first, block.stop)] == list(range(13))
        assert [(item.segment, item.lead) for block in read for item in block.cuts] == [
            (segment, lead) for segment in range(13) for lead in range(2)
        ]


@pytest.mark.parametrize(("leads", "length"), [(1, 1000), (2, 5000), (12, 5000), (12, 1_000_000), (4096, 1000)])
def test_blocks_are_bounded_in_memory(leads, length):
    size = block_windows(leads, length, 12)
    assert size >= 1
    assert size == 1 or size * leads * length <= BLOCK_SAMPLES
    assert size == 1 or size * leads <= 48


def test_one_thread_reads_one_block_ahead(ecg):
    tape, recording = on_tape(ecg)
    reading = read_blocks(recording, windows(12500, FREQUENCY), 3)
    for taken in range(1, 5):
        next(reading)
        deadline = time.monotonic() + 5
        while len(tape.asked) < min(taken + 1, 5) and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)
        assert len(tape.asked) == min(taken + 1, 5)
    reading.close()
    assert len(tape.threads) == 1
    assert not any(thread.name in tape.threads for thread in threading.enumerate())


def test_file_that_breaks_while_it_is_read_is_an_error_and_ends_the_thread(ecg, quantifier):
    tape, recording = on_tape(ecg, bad_from=7000)
    with pytest.raises(UnreadableFileError, match="torn"):
        quantifier.quantify(recording)
    assert not any(thread.name in tape.threads for thread in threading.enumerate())


def test_blocks_do_not_show_in_the_result(ecg, tiny_model, whole):
    apart = Quantifier(tiny_model, threads=1, batch_size=100).quantify(ecg, parts=3)
    np.testing.assert_allclose(apart.psnr, whole.psnr, atol=1e-3)
    np.testing.assert_allclose(apart.local_psnr, whole.local_psnr, atol=1e-3)
    assert np.array_equal(apart.fault, whole.fault)
    assert {"flat", "missing", ""} == set(whole.fault.ravel())


class KilledError(Exception):
    """What stands for a kill in these tests."""


def stopped_after(quantifier, recording, place, count, resume):
    """Score until so many windows are done, then stop."""

    def stop(done, _total):
        if done >= count:
            raise KilledError

    with pytest.raises(KilledError), Checkpoint(place, resume=resume, shortest=1) as checkpoint:
        quantifier.quantify(recording, parts=3, progress=stop, checkpoint=checkpoint)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 13), min_size=1, max_size=3), st.integers(0, 400))
def test_result_after_kills_is_the_same_bit_for_bit(tmp_path_factory, quantifier, ecg, whole, kills, torn):
    place = tmp_path_factory.mktemp("work") / "checkpoint"
    for number, count in enumerate(sorted(kills)):
        stopped_after(quantifier, ecg, place, count, resume=number > 0)
        content = place.read_bytes()
        place.write_bytes(content[: len(content) - torn])
    with Checkpoint(place, resume=True, shortest=1) as checkpoint:
        result = quantifier.quantify(ecg, parts=3, checkpoint=checkpoint)
        checkpoint.remove()
    assert_same_bits(result, whole)
    assert not place.exists()


def test_what_is_done_is_not_done_again(tmp_path, quantifier, ecg):
    stopped_after(quantifier, ecg, tmp_path / "checkpoint", 9, resume=False)
    tape, recording = on_tape(ecg)
    seen = []
    with Checkpoint(tmp_path / "checkpoint", resume=True, shortest=1) as checkpoint:
        quantifier.quantify(recording, parts=3, checkpoint=checkpoint, progress=lambda done, total: seen.append(done))
    assert min(seen) > 8
    longer = sorted(span for span in tape.asked if span[1] - span[0] > 1000)  # the others are of single windows
    assert longer == [(8000, 12000)]


@pytest.mark.parametrize("damage", [b"\x00" * 300, b"{}\n", b'{"first":0,"stop":4}\n', b"[1]\n", b'{"first":"a"}\n'])
def test_damaged_end_of_a_checkpoint_is_done_again(tmp_path, quantifier, ecg, whole, damage):
    place = tmp_path / "checkpoint"
    stopped_after(quantifier, ecg, place, 9, resume=False)
    with place.open("ab") as file:
        file.write(damage)
    with Checkpoint(place, resume=True, shortest=1) as checkpoint:
        assert_same_bits(quantifier.quantify(ecg, parts=3, checkpoint=checkpoint), whole)
    assert [json.loads(line).get("first") for line in place.read_text().splitlines()] == [None, 0, 4, 8, 12]


def test_checkpoint_of_something_else_is_refused(tmp_path, quantifier, ecg, tiny_model):
    place = tmp_path / "checkpoint"
    stopped_after(quantifier, ecg, place, 9, resume=False)
    written = place.read_bytes()
    louder = Recording.from_array(ecg.signal * 1.5, FREQUENCY, lead_names=ecg.lead_names)
    others = {
        "model": (Quantifier(batch_size=2, threads=1), ecg, 3),
        "batch size": (Quantifier(tiny_model, threads=1, batch_size=3), ecg, 3),
        "parts": (quantifier, ecg, 4),
        "leads": (quantifier, ecg.pick(["V2", "I"]), 3),
        "content": (quantifier, louder, 3),
        "samples": (quantifier, Recording.from_array(ecg.signal[:, :-9], FREQUENCY), 3),
    }
    for name, (other, recording, parts) in others.items():
        with Checkpoint(place, resume=True, shortest=1) as checkpoint, pytest.raises(ResumeError, match=name) as error:
            other.quantify(recording, parts=parts, checkpoint=checkpoint)
        assert "\n" not in str(error.value)
        assert str(place) in str(error.value)
    assert place.read_bytes() == written


def test_checkpoint_in_the_way_is_not_overwritten(tmp_path):
    place = tmp_path / "checkpoint"
    place.write_text("hours of work")
    with pytest.raises(ResumeError, match="--resume"):
        Checkpoint(place, resume=False)
    assert place.read_text() == "hours of work"


def test_short_recordings_leave_no_checkpoint(tmp_path, quantifier, ecg):
    with Checkpoint(tmp_path / "checkpoint", resume=True) as checkpoint:
        quantifier.quantify(ecg, checkpoint=checkpoint)
    assert list(tmp_path.iterdir()) == []


def test_what_a_checkpoint_cannot_do_is_said(tmp_path, quantifier, ecg):
    with (
        Checkpoint(tmp_path / "nowhere" / "checkpoint", resume=False, shortest=1) as checkpoint,
        pytest.raises(OutputError),
    ):
        quantifier.quantify(ecg, checkpoint=checkpoint)
    checkpoint = Checkpoint(tmp_path / "checkpoint", resume=False)
    with pytest.raises(OptionError, match="images"):
        quantifier.quantify(ecg, images=True, checkpoint=checkpoint)
    with pytest.raises(OptionError, match="2 files"):
        list(score_files(["a", "b"], quantifier, checkpoint=checkpoint))


def command(model, header, table, *more):
    program = [sys.executable, "-m", "ecgnoise", "score", str(header), "--out", str(table), "--threads", "1"]
    return [*program, "--model", str(model), *more]


def ended(arguments):
    """The exit code of the program, and what it said."""
    done = subprocess.run(arguments, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    return done.returncode, done.stderr


def stopped(arguments, table, by):
    """Start the program, wait until more is kept, and stop it; its exit code and what it said."""
    kept = checkpoint_path(table)
    before = kept.stat().st_size if kept.exists() else 0
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    while process.poll() is None and not (kept.exists() and kept.stat().st_size > before + 4000):
        time.sleep(0.01)
    process.send_signal(by)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.slow
def test_program_goes_on_after_a_kill_and_after_ctrl_c(tiny_model, tmp_path):
    header = write_wfdb(tmp_path / "holter", 3600, FREQUENCY, 3)
    assert ended(command(tiny_model, header, tmp_path / "at_once.csv")) == (0, "")
    table = tmp_path / "scores.csv"
    arguments = command(tiny_model, header, table)
    assert stopped(arguments, table, signal.SIGKILL)[0] == -signal.SIGKILL
    code, said = ended(arguments)
    assert (code, said.count("\n")) == (2, 1)
    assert "--resume" in said
    code, said = stopped([*arguments, "--resume"], table, signal.SIGINT)
    assert code == 130
    assert said == "Stopped: what is done is kept; the same command with --resume goes on.\n"
    assert not table.exists()
    assert ended([*arguments, "--resume"]) == (0, "")
    assert table.read_bytes() == (tmp_path / "at_once.csv").read_bytes()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("more", [[], ["--out", "scores.csv"]])
def test_resume_is_of_one_recording_with_a_table(tmp_path, monkeypatch, more):
    monkeypatch.chdir(tmp_path)
    names = ["a.npz", "b.npz"] if more else ["a.npz"]
    result = CliRunner().invoke(main, ["score", *names, "--resume", *more])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "--resume" in result.stderr


PEAK = """
from ecgnoise.cli import main
main({arguments}, standalone_mode=False)
print("peak", [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


def peak_megabytes(arguments):
    """Peak resident memory of the program, as the system counts it since its start."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK.format(arguments=arguments)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=True,
    )
    return int(done.stdout.split("peak")[-1]) / 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the memory figures of Linux")
@pytest.mark.timeout(3000)
@pytest.mark.parametrize(("kind", "longest"), [("WFDB", 2 * 3600), ("EDF", 3600)])
def test_hours_of_twelve_leads_stay_small(tiny_model, tmp_path, kind, longest):
    """Memory hardly grows from a sixth of the length on; whole days are measured by benchmarks.long."""
    table = tmp_path / "scores.csv"
    peaks = []
    for seconds in (longest // 6, longest):
        file = WRITERS[kind](tmp_path / f"r{seconds}", seconds)
        peaks.append(peak_megabytes(command(tiny_model, file, table)[3:]))
        with table.open() as rows:
            assert sum(1 for _ in rows) == 12 * seconds // 10 + 1
    assert max(peaks) <= LIMIT_MEGABYTES
    assert peaks[1] - peaks[0] <= GROWTH_MEGABYTES


def test_result_of_a_day_is_compact(quantifier):
    recording = simulate_ecg(600, FREQUENCY, lead_names=["I", "V2"])
    result = quantifier.quantify(recording)
    arrays = [value for value in vars(result).values() if isinstance(value, np.ndarray)]
    lead_segments_of_a_day = 12 * DAY // 10
    assert (
        sum(array.nbytes for array in arrays if all(array.strides)) / result.psnr.size * lead_segments_of_a_day < 24e6
    )
