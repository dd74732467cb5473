"""``ecgnoise stream``: bytes in, lines of JSON out; how it begins, goes on and ends."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecgnoise
from ecgnoise import Quantifier, simulate_ecg
from ecgnoise.cli.frames import FORMATS, LONGEST_LINE, frame_reader
from ecgnoise.cli.stream import _entry
from ecgnoise.errors import OptionError, StreamError
from ecgnoise.results.scores import NoiseLevels
from ecgnoise.stream import Stream
from results_by_hand import changed

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ecgnoise.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
FREQUENCY = 100
DAY = 24 * 3600
FRAMES = np.array([[0.5, -1.25, np.nan, 3.0], [2.0, 100.0, 1e-3, -7.5], [0.0, np.nan, -0.001, 4.0]], np.float32)
TEXT = b"0.5 2.0 0\n\n# a note\n-1.25\t1e2\tnan\r\n,1e-3 ; -0.001 # there\n  3,-7.5,4"


def digital(frames):
    """Samples (leads, n) as int16 with 1000 steps a unit."""
    return np.where(np.isnan(frames), -32768, np.round(np.nan_to_num(frames) * 1000)).astype("<i2").T.tobytes()


INPUTS = {
    "text": (TEXT, 1.0),
    "float32": (FRAMES.T.astype("<f4").tobytes(), 1.0),
    "int16": (digital(np.clip(FRAMES, -30, 30)), 1000.0),
}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FORMATS), st.lists(st.integers(0, 70)))
def test_frames_are_the_same_however_the_bytes_are_cut(form, cuts):
    content, gain = INPUTS[form]
    reader = frame_reader(form, 3, gain)
    places = [0, *sorted(cut % (len(content) + 1) for cut in cuts), len(content)]
    pieces = [frames for begin, end in pairwise(places) for frames in reader.feed(content[begin:end])]
    frames = np.hstack([*pieces, *reader.end()])
    assert frames.dtype == np.float32
    np.testing.assert_allclose(frames, np.clip(FRAMES, -30, 30) if form == "int16" else FRAMES, rtol=1e-6)


@pytest.mark.parametrize(
    ("content", "fragments"),
    [(b"1 2\n\n1 2 3\n", ("line 3", "3 numbers for 2 leads", "--leads")), (b"I,II\n", ("line 1", "'I'", "no number")),
     (b"1 2\n1,5 2\n", ("line 2", "3 numbers")), (b"1 2\n1 0x1\n", ("line 2", "'0x1'")),
     (b"1 \xff\xfe\n", ("line 1", "no number")), (b"1 2\n" + b"9" * (LONGEST_LINE + 1), ("line 2", "--format"))],
)  # fmt: skip
def test_wrong_lines_are_named(content, fragments):
    with pytest.raises(StreamError) as error:
        list(frame_reader("text", 2).feed(content))
    for fragment in ("standard input", *fragments):
        assert fragment in str(error.value)
    assert "\n" not in str(error.value)


def test_input_that_ends_within_a_sample_is_an_error_that_says_so():
    reader = frame_reader("int16", 3)
    assert [frames.shape for frames in reader.feed(bytes(13))] == [(3, 2)]
    with pytest.raises(StreamError, match="1 bytes are left"):
        list(reader.end())


@pytest.mark.parametrize(("form", "gain"), [("text", 0.0), ("int16", float("nan")), ("csv", 1.0)])
def test_wrong_formats_and_gains_are_refused(form, gain):
    with pytest.raises(OptionError):
        frame_reader(form, 1, gain)


@pytest.fixture(scope="module")
def ecg():
    return simulate_ecg(14.3, FREQUENCY, seed=2, lead_names=["I", "V2"]).signal


@pytest.fixture
def start(tiny_model):
    """Start the program with the small model."""

    def started(*more, rate=FREQUENCY, leads="I,V2"):
        fixed = ["--model", str(tiny_model), "--threads", "1", "--sampling-frequency", str(rate), "--leads", leads]
        return subprocess.Popen(
            [sys.executable, "-m", "ecgnoise", "stream", *fixed, "--units", "mV", *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            bufsize=0,
        )

    return started


def as_text(frames):
    return "".join(" ".join(f"{value:.9g}" for value in frame) + "\n" for frame in frames.T).encode()


@pytest.mark.parametrize("form", FORMATS)
def test_each_hop_is_a_line_of_json(start, ecg, form, tiny_model):
    rounded = np.round(ecg * 1000).astype(np.float32) / 1000
    content = {"text": as_text, "float32": lambda frames: frames.T.astype("<f4").tobytes(), "int16": digital}[form]
    gain = ["--gain", "1000"] if form == "int16" else []
    process = start("--format", form, "--hop", "2", *gain)
    output, errors = process.communicate(content(rounded), timeout=60)
    assert (process.returncode, errors) == (0, b"")
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["start_s"] for line in lines] == [0, 2, 4, 4.3]
    live = Stream(FREQUENCY, ["I", "V2"], 2.0, quantifier=Quantifier(tiny_model, threads=1))
    for line, result in zip(lines, live.push(rounded) + live.finish(), strict=True):
        assert line["duration_s"] == 10
        assert line["model"] == str(result.model)
        assert list(line["leads"]) == ["I", "V2"]
        for number, values in enumerate(line["leads"].values()):
            assert values["psnr_db"] == pytest.approx(result.psnr[number, 0], abs=1e-3)
            assert (values["grade"], values["fault"]) == (result.grade[number, 0], "")
            assert values["percentile"] is None


def test_faults_come_first_and_notes_once(start, ecg):
    """A lead off for a while, in a unit that it is not in."""
    frames = np.tile(ecg, 2)[:, :2600] * 1000
    frames[1, 1000:] = 0
    process = start("--hop", "2")
    output, errors = process.communicate(as_text(frames), timeout=60)
    assert (process.returncode, errors) == (0, b"")
    lines = [json.loads(line) for line in output.splitlines()]
    assert [list(line)[3:5] for line in lines[:2]] == [["leads", "notes"], ["faults", "leads"]]
    assert lines[1]["faults"] == ["V2 flat 2-12 s"]
    assert "is the unit right?" in lines[0]["notes"][0]
    notes = [note for line in lines for note in line.get("notes", [])]
    assert len(notes) == len(set(notes))


def test_an_snr_below_all_that_can_be_told_is_none():
    result = ecgnoise.quantify(ecgnoise.simulate_ecg(10, lead_names=["I"]))
    known = changed(result, estimated_snr=np.full((1, 1, 3), result.snr_range[0]))
    assert _entry(known)["leads"]["I"]["snr_db"] == result.snr_range[0]
    low = changed(known, levels=NoiseLevels.unknown(1, 1), span_start=np.empty(0), span_duration=np.empty(0))
    assert _entry(result)["leads"]["I"]["snr_db"] == pytest.approx(result.estimated_snr[0, 0, 0], abs=0.05)
    assert {_entry(low)["leads"]["I"][name] for name in ("snr_db", "snr_low_db", "snr_high_db")} == {None}


def test_lines_come_while_the_input_goes_on_and_ctrl_c_ends_it(start, ecg):
    process = start()
    process.stdin.write(as_text(ecg[:, :1000]))
    assert json.loads(process.stdout.readline())["start_s"] == 0
    process.stdin.write(as_text(ecg[:, 1000:1100]))
    assert json.loads(process.stdout.readline())["start_s"] == 1
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (130, b"", b"Stopped: lines that are written stay.\n")


def test_reader_that_goes_away_ends_it(start, ecg):
    process = start()
    process.stdout.close()
    with suppress(BrokenPipeError):
        while process.poll() is None:
            process.stdin.write(as_text(ecg[:, :1000]))
            time.sleep(0.001)
    process.stdin.close()
    with process.stderr as errors:
        assert errors.read() == b""
    assert process.wait(60) == 0


def test_wrong_input_is_one_line_after_the_scores_before_it(start, ecg):
    process = start()
    output, errors = process.communicate(as_text(ecg[:, :1050]) + b"0.1 x\n", timeout=60)
    assert process.returncode == 2
    assert len(errors.splitlines()) == 1
    assert b"Error: standard input, line 1051: 'x'" in errors
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize(
    ("more", "fragment"),
    [(["--format", "csv"], b"csv"), (["--hop", "0"], b"hop"), (["--gain", "-1"], b"gain"), (["--units", "px"], b"px"),
     (["--sampling-frequency", "20"], b"20"), (["--leads", "I,I"], b"repeat"), (["--model", "nowhere"], b"nowhere")],
)  # fmt: skip
def test_wrong_options_are_one_line(start, more, fragment):
    process = start(*more)
    output, errors = process.communicate(b"", timeout=60)
    assert (process.returncode, output) == (2, b"")
    assert errors.startswith(b"Error: ")
    assert fragment in errors
    assert len(errors.splitlines()) == 1


def test_nothing_in_is_nothing_out(start):
    process = start()
    assert process.communicate(b"", timeout=60) == (b"", b"")
    assert process.returncode == 0


def resident_kilobytes(process):
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the memory figures of Linux")
def test_program_does_not_grow_over_six_hours(start):
    hour = digital(simulate_ecg(3600, FREQUENCY, seed=2, lead_names=["I"]).signal)
    process = start("--format", "int16", "--gain", "1000", "--hop", "10", leads="I")
    memory = []
    for number in range(6):
        for line in range(360):
            process.stdin.write(hour[line * 2000 : (line + 1) * 2000])
            assert json.loads(process.stdout.readline())["start_s"] == 3600 * number + 10 * line
        memory.append(resident_kilobytes(process))
    assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == 0
    assert memory[-1] - memory[0] < 4096
