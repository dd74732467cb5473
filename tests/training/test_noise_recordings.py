"""One's own recordings of noise, to train with."""

import os
from pathlib import Path

import numpy as np
import pytest

from ecgnoise.errors import EcgNoiseError, TrainingDataError
from ecgnoise.recording import Recording
from ecgnoise.training.levels.noise_recordings import read_noise
from ecgnoise.writers import write_recording


def write(folder, name, signal, sampling_frequency=500.0):
    """A WFDB record of a signal in mV."""
    folder.mkdir(parents=True, exist_ok=True)
    write_recording(Recording.from_array(signal, sampling_frequency), folder / f"{name}.hea")


def sine(hertz, seconds=12.0, sampling_frequency=500.0):
    """A channel of 1 mV."""
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * sampling_frequency)) / sampling_frequency)


@pytest.mark.parametrize("sampling_frequency", [250.0, 360.0, 500.0, 1000.0, 128.0])
def test_noise_comes_at_500_hz_with_its_shape(tmp_path, sampling_frequency):
    noise = np.stack([sine(7.0, sampling_frequency=sampling_frequency), 0.5 * sine(20.0, 12.0, sampling_frequency)])
    write(tmp_path / "electrode", "a", noise, sampling_frequency)
    (signal,) = read_noise(tmp_path)["electrode"]
    assert signal.dtype == np.float32
    assert signal.shape == (2, 6000)
    inner = slice(500, -500)
    np.testing.assert_allclose(signal[0, inner], sine(7.0)[inner], atol=0.02)
    np.testing.assert_allclose(signal[1, inner], 0.5 * sine(20.0)[inner], atol=0.02)


def test_kinds_are_apart_and_folders_below_count(tmp_path):
    write(tmp_path / "muscle" / "arm", "a", sine(40.0))
    write(tmp_path / "muscle" / "leg", "b", sine(60.0))
    write(tmp_path / "mains", "c", sine(50.0))
    (tmp_path / "README.md").write_text("where it comes from")
    found = read_noise(tmp_path)
    assert {kind: len(signals) for kind, signals in found.items()} == {"muscle": 2, "mains": 1}


def test_gaps_part_a_recording_and_flat_channels_and_short_stretches_go(tmp_path):
    noise = np.stack([sine(3.0, 40.0), np.zeros(20_000)])
    noise[0, 6000:6100] = np.nan  # 12 s, a gap, 5 s, a gap, the rest
    noise[0, 8600:8601] = np.nan
    (tmp_path / "broadband").mkdir()
    np.savez(tmp_path / "broadband" / "a.npz", signal=noise, fs=500.0)
    signals = read_noise(tmp_path)["broadband"]
    assert [signal.shape for signal in signals] == [(1, 6000), (1, 11_399)]


def test_formats_without_units_are_taken(tmp_path):
    (tmp_path / "spike").mkdir()
    np.savez(tmp_path / "spike" / "a.npz", signal=sine(5.0)[None], fs=500.0)
    assert read_noise(tmp_path)["spike"][0].shape == (1, 6000)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _folder: None, "no folder of a kind of noise"),
        (lambda folder: (folder / "motion").mkdir(), "motion is no kind of noise"),
        (lambda folder: (folder / "mains").mkdir(), "no recording in it"),
        (lambda folder: write(folder / "mains", "a", np.ones(6000)), "flat"),
        (lambda folder: write(folder / "mains", "a", sine(50.0, 9.9)), "no 10 s"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, make, said):
    make(tmp_path)
    with pytest.raises(TrainingDataError, match=said) as caught:
        read_noise(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_and_a_damaged_recording_are_errors(tmp_path):
    with pytest.raises(TrainingDataError, match="cannot be looked into"):
        read_noise(tmp_path / "absent")
    write(tmp_path / "muscle", "a", sine(30.0))
    (tmp_path / "muscle" / "a.dat").write_bytes(b"")
    with pytest.raises(EcgNoiseError):
        read_noise(tmp_path)


@pytest.mark.skipif("ECGNOISE_DATA" not in os.environ, reason="ECGNOISE_DATA names no recordings")
def test_recorded_noise_of_half_an_hour_is_read(tmp_path):
    source = Path(os.environ["ECGNOISE_DATA"]) / "nstdb"
    (tmp_path / "electrode").mkdir()
    for name in ("em.hea", "em.dat"):
        (tmp_path / "electrode" / name).write_bytes((source / name).read_bytes())
    (signal,) = read_noise(tmp_path)["electrode"]
    assert signal.shape == (2, round(650_000 / 360 * 500 + 0.5))
