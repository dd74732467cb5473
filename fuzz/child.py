"""One child process: it reads mutants one after the other and says of each what came of it."""

import io
import os
import random
import resource
import shutil
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np

from ecgnoise.errors import EcgNoiseError
from ecgnoise.readers import find_recordings, read
from ecgnoise.recording import SAMPLING_FREQUENCY_LIMITS, Recording
from fuzz.mutations import mutate
from fuzz.samples import Sample

MEMORY_BYTES: Final = 1 << 30  # beyond what the child has when it begins
WHOLE_SAMPLES: Final = 1 << 22  # of all leads: shorter recordings are read whole
READ: Final = "read"
REFUSED: Final = "refused"


def make_mutant(sample: Sample, others: Sequence[bytes], seed: str, folder: Path) -> Path:
    """A copy of the sample's files in the folder with one of them damaged; its main file."""
    chance = random.Random(seed)
    damaged = chance.choice(sample.files)
    for file in sample.files:
        target = folder / file.name
        if file == damaged:
            target.write_bytes(mutate(file.read_bytes(), chance.choice(others), chance))
        else:
            shutil.copyfile(file, target)
    return folder / sample.main.name


def outcome(main: Path, options: dict[str, Any]) -> str:
    """``read``, ``refused``, or what is wrong."""
    shown = io.StringIO()
    before = sys.stdout, sys.stderr
    try:
        sys.stdout = sys.stderr = shown
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            listed = find_recordings([main])
            recording = read(listed[len(listed) // 2], **options)
            _look(recording)
    except EcgNoiseError as error:
        return "a message of several lines" if "\n" in str(error) else REFUSED
    except BaseException as error:  # what a reader must never raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {str(error)[:120]} ({Path(place.filename).name}:{place.lineno})"
    finally:
        sys.stdout, sys.stderr = before
    return f"printed {shown.getvalue()[:80]!r}" if shown.getvalue() else READ


def _look(recording: Recording) -> None:
    """Read the samples and hold the recording against its contract."""
    leads, samples = recording.samples.shape
    low, high = SAMPLING_FREQUENCY_LIMITS
    assert leads == len(recording.lead_names) == len(recording.lead_faults), "leads"
    assert low <= recording.sampling_frequency <= high, "sampling frequency"
    assert all("\n" not in note for note in recording.notes), "a note of several lines"
    spans = [(0, min(samples, 5000)), (max(0, samples - 5000), samples)]
    if leads * samples <= WHOLE_SAMPLES:
        spans.append((0, samples))
    for start, stop in spans:
        window = recording.window(start, stop)
        assert window.shape == (leads, stop - start), "shape of a window"
        assert window.dtype == np.float32, "type of a window"
        assert not np.isinf(window).any(), "infinite samples"


def work(connection: Connection, sample: Sample, others: Sequence[bytes], seeds: Sequence[str]) -> None:
    """Read the mutants of the seeds: each seed is sent before, the outcome after it."""
    _limit_memory()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)  # what native libraries print before they die
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            main = make_mutant(sample, others, seed, Path(folder))
            connection.send((seed, None))
            connection.send((seed, outcome(main, sample.options)))
    connection.close()
    os._exit(0)


def _limit_memory() -> None:
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY_BYTES, now + MEMORY_BYTES))
