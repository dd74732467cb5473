"""The fuzzing program finds what it is there to find, and a short run of it finds nothing."""

import os
import random
import signal
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from fuzz import __main__ as program
from fuzz import child
from fuzz.mutations import MUTATIONS, mutate
from fuzz.samples import Sample, samples

from ecgnoise.errors import UnreadableFileError
from ecgnoise.recording import Recording
from ecgnoise.samples import ArraySamples
from ecgnoise.simulate import simulate_ecg

SOUND = simulate_ecg(8, 250, seed=1)


def infinite(_main, **_options):
    return Recording(ArraySamples(np.full((1, 9), np.inf, np.float32)), 250.0, ("II",))


def refuse(_main, **_options):
    raise UnreadableFileError("f: damaged: fetch it again")


def raise_another(_main, **_options):
    raise RecursionError("too deep")


def warn(_main, **_options):
    warnings.warn("odd", stacklevel=1)
    return SOUND


def shout(_main, **_options):
    sys.stdout.write("odd")
    return SOUND


def die(main, **_options):
    if b"3" in main.read_bytes()[:1]:
        os.kill(os.getpid(), signal.SIGKILL)
    return SOUND


def hang(main, **_options):
    if b"3" in main.read_bytes()[:1]:
        time.sleep(60)
    return SOUND


def swallow(_main, **_options):
    return bytearray(8 << 30)


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    file = tmp_path / "s.txt"
    file.write_bytes(b"0123")
    return Sample("made", file, (file,), {})


@pytest.mark.parametrize(
    ("reader", "what"),
    [
        (lambda *_, **__: SOUND, "read"),
        (refuse, "refused"),
        (raise_another, "RecursionError: too deep"),
        (warn, "UserWarning: odd"),
        (shout, "printed 'odd"),
        (infinite, "AssertionError: infinite samples"),
    ],
)
def test_what_comes_of_a_mutant(reader, what, sample, monkeypatch):
    monkeypatch.setattr(child, "read", reader)
    assert child.outcome(sample.main, {}).startswith(what)


@pytest.mark.parametrize(("reader", "what"), [(die, "the process died (-9)"), (hang, "ran for more than 0.5 s")])
def test_a_child_that_dies_or_hangs_is_found_and_the_others_are_read(reader, what, sample, monkeypatch):
    monkeypatch.setattr(child, "read", reader)
    monkeypatch.setattr(child, "mutate", lambda content, _other, chance: bytes([48 + chance.seen]) + content)
    monkeypatch.setattr(child.random, "Random", Numbered)
    monkeypatch.setattr(program, "SECONDS_EACH", 0.5)
    came = dict(program.read_mutants(sample, [b""], [f"made/s.txt/1/{number}" for number in range(6)]))
    assert came == {f"made/s.txt/1/{number}": what if number == 3 else "read" for number in range(6)}


class Numbered(random.Random):
    """A generator that knows the number at the end of its seed."""

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.seen = int(seed.rsplit("/", 1)[1])


def test_memory_has_a_limit(sample, monkeypatch):
    monkeypatch.setattr(child, "read", swallow)
    ((_, what),) = program.read_mutants(sample, [b""], ["made/s.txt/1/0"])
    assert what.startswith("MemoryError")


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_mutations_bear_any_content(mutation):
    for content in (b"", b"1", b"12 " * 900):
        for seed in range(30):
            assert isinstance(mutation(content, b"other", random.Random(seed)), bytes)


def test_a_seed_makes_the_same_mutant_again():
    content = bytes(range(256)) * 9
    made = [mutate(content, content, random.Random("a")) for _ in range(2)]
    assert made[0] == made[1] != content
    assert len({mutate(content, content, random.Random(seed)) for seed in range(50)}) > 40


@pytest.mark.slow
def test_a_short_run_over_all_formats_finds_nothing(tmp_path):
    program.import_readers()
    known = [sample for sample in samples(tmp_path) if sample.main.is_relative_to(tmp_path)]
    counts: Counter[str] = Counter()
    names = list(dict.fromkeys(sample.format for sample in known))
    found = [finding for name in names for finding in program.fuzz_format(name, known, 25, 7, counts)]
    assert found == []
    assert counts["read"] > len(names)
    assert counts["refused"] > len(names)


def test_the_program_says_what_it_found(monkeypatch, capsys):
    monkeypatch.setattr(child, "read", raise_another)
    assert program.main(["--mutations", "2", "--format", "npy"]) == 1
    said = capsys.readouterr().out
    assert "npy: RecursionError: too deep" in said
    assert "--again npy/r.npy/1/0 npy/r.npy/1/1" in said
    assert program.main(["--again", "npy/r.npy/1/0"]) == 0
    assert "RecursionError" in capsys.readouterr().out
