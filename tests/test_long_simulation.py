"""Simulated recordings of hours: the same beats as short ones, in blocks, and nothing left when stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import ecgnoise
from ecgnoise import long_simulation
from ecgnoise.cli import main
from ecgnoise.errors import EcgNoiseError
from ecgnoise.long_simulation import AddedNoise, LongEcg, write_long
from ecgnoise.readers import read
from ecgnoise.simulate import NoiseKind, simulate_ecg

LEADS = ("I", "II", "V2")
RATE = 125


def long_ecg(duration=1300.0, noises=()):
    return LongEcg(duration, RATE, seed=3, lead_names=LEADS, noises=tuple(noises))


@pytest.mark.parametrize(("suffix", "tolerance"), [(".hea", 5.1e-4), (".csv", 5.1e-5), (".npz", 2e-6)])
def test_the_beats_are_those_of_a_recording_made_at_once(tmp_path, suffix, tolerance):
    seen = []
    write_long(long_ecg(), tmp_path / f"long{suffix}", lambda done, total: seen.append((done, total)))
    written = read(tmp_path / f"long{suffix}")
    whole = simulate_ecg(1300, RATE, seed=3, lead_names=LEADS)
    assert (written.lead_names, written.sampling_frequency) == (LEADS, RATE)
    np.testing.assert_allclose(written.signal, whole.signal, atol=tolerance, rtol=0)
    assert seen == [(75000, 162500), (150000, 162500), (162500, 162500)]
    names = {f"long{suffix}"} | ({"long.dat"} if suffix == ".hea" else set())
    assert {file.name for file in tmp_path.iterdir()} == names


@pytest.mark.parametrize("kind", NoiseKind)
def test_noise_has_its_strength_in_every_stretch_and_no_seams(kind):
    clean = np.concatenate(list(long_ecg().blocks()), axis=1).astype(float)
    noisy = np.concatenate(list(long_ecg(noises=[AddedNoise(kind, 3.0, ("V2",))]).blocks()), axis=1).astype(float)
    added = noisy - clean
    assert not added[:2].any()
    for start, stop in ((0, 75000), (75000, 150000)):
        ratio = 10 * np.log10(clean[2, start:stop].var() / added[2, start:stop].var())
        assert ratio == pytest.approx(3.0, abs=0.3)
    steps = np.abs(np.diff(added[2]))
    around = steps[74990:75010].max()
    assert around <= steps.max()
    assert around < 4 * np.quantile(steps, 0.999) or kind == NoiseKind.ELECTRODE_STEPS


def test_a_last_stretch_of_a_few_samples_has_noise_like_the_others():
    ecg = long_ecg(600.0 + 2 / RATE, [AddedNoise(NoiseKind.WHITE, 0.0)])
    *_, last = ecg.blocks()
    assert last.shape == (3, 2)
    assert np.isfinite(last).all()


@pytest.mark.parametrize(
    "wrong",
    [{"noises": (AddedNoise(NoiseKind.WHITE, float("nan")),)}, {"noises": (AddedNoise(NoiseKind.WHITE, 1.0, ("X",)),)},
     {"lead_names": ("X",)}, {"sampling_frequency": 3.0}, {"duration": -1.0}],
)  # fmt: skip
def test_wrong_arguments_are_one_line(wrong):
    with pytest.raises(EcgNoiseError) as caught:
        LongEcg(**({"duration": 700.0} | wrong))
    assert "\n" not in str(caught.value)


def test_short_recordings_are_made_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(long_simulation, "write_long", None)
    for duration, code in ((600, 0), (601, 1)):
        arguments = ["simulate", str(tmp_path / "a.npz"), "--duration", str(duration), "--sampling-frequency", "100"]
        assert CliRunner().invoke(main, [*arguments, "--leads", "I"]).exit_code == code


@pytest.mark.parametrize(
    ("suffix", "how"),
    [(".hea", signal.SIGINT), (".csv", signal.SIGINT), (".npz", signal.SIGINT), (".hea", signal.SIGTERM)],
)
def test_stopped_leaves_nothing(tmp_path, suffix, how):
    environment = os.environ | {"PYTHONPATH": str(Path(ecgnoise.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "ecgnoise", "simulate", str(tmp_path / f"day{suffix}"), "--duration", "864000"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not any(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "Stopped: no file was written.\n")
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_length(tmp_path):
    """Each stretch is let go before the next is made."""
    import tracemalloc

    peaks = []
    for hours in (0.5, 1.5):
        tracemalloc.start()
        write_long(long_ecg(3600 * hours, [AddedNoise(NoiseKind.MUSCLE, 3.0)]), tmp_path / "a.hea")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
