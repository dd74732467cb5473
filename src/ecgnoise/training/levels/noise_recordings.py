"""One's own recordings of noise, to train the level network with.

A folder for each kind of noise, named as in :data:`ecgnoise.noise_levels.KINDS`, with recordings of it in any format
that the package reads, in folders below or not. What is recorded must be noise alone: electrodes where the heart is not
seen, or a simulator's. Only its shape counts: how strong it is over an ECG is drawn anew at each step of training, so
that units do not matter.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.files import shown_name
from ecgnoise.errors import TrainingDataError, UnknownUnitsError
from ecgnoise.noise_levels import KINDS
from ecgnoise.readers import find_recordings, read
from ecgnoise.recording import UNKNOWN_UNITS, Recording
from ecgnoise.samples import Signal
from ecgnoise.scalogram.profile import SEGMENT_SECONDS
from ecgnoise.training.recordings.resampling import resampled

SAMPLING_FREQUENCY: Final = 500.0


def read_noise(folder: Path) -> dict[str, list[Signal]]:
    """Noise by its kind: stretches without a gap, each (channels, samples) float32 at 500 Hz, at least 10 s long.

    folder: has folders named as kinds of noise, and may have other files beside them. Channels that never change are
    left out.

    Raises TrainingDataError where the folder has none of these or another one, or a recording has no such stretch,
    and what reading a recording raises. A recording that cannot be read is an error, since it was put there to count.
    """
    found: dict[str, list[Signal]] = {}
    for place in _kind_folders(folder):
        paths = find_recordings([place])
        if not paths:
            raise TrainingDataError(f"{shown_name(place)}: no recording in it: put noise there, or remove the folder")
        found[place.name] = [stretch for path in paths for stretch in _stretches(_read(path))]
    return found


def _kind_folders(folder: Path) -> list[Path]:
    """The folders of kinds, in the order of the kinds."""
    name = shown_name(folder)
    try:
        folders = {place.name: place for place in folder.iterdir() if place.is_dir() and not place.name.startswith(".")}
    except OSError as error:
        raise TrainingDataError(f"{name}: cannot be looked into ({error.strerror}): pass a folder of noise") from error
    if unknown := sorted(folders.keys() - set(KINDS)):
        what = f"{shown_name(unknown[0])} is no kind of noise: name folders {', '.join(KINDS)}"
        raise TrainingDataError(f"{name}: {what}")
    if not folders:
        raise TrainingDataError(f"{name}: no folder of a kind of noise in it: make some of {', '.join(KINDS)}")
    return [folders[kind] for kind in KINDS if kind in folders]


def _read(path: Path) -> Recording:
    """A recording of noise; where nobody says its units, they are unknown."""
    try:
        return read(path)
    except UnknownUnitsError:
        return read(path, units=UNKNOWN_UNITS)


def _stretches(recording: Recording) -> list[Signal]:
    """The stretches of a recording in which no channel lacks a sample, at 500 Hz."""
    signal = recording.signal
    signal = signal[[row for row, channel in enumerate(signal) if _varies(channel)]]
    name = recording.source
    if not len(signal):
        raise TrainingDataError(f"{name}: all its channels are flat or empty: take it out of the noise")
    whole = np.isfinite(signal).all(axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], whole.view(np.int8), [0]))))
    least = SEGMENT_SECONDS * recording.sampling_frequency
    spans = [(first, last) for first, last in edges.reshape(-1, 2).tolist() if last - first >= least]
    if not spans:
        what = f"no {SEGMENT_SECONDS:g} s of it are whole in all channels"
        raise TrainingDataError(f"{name}: {what}: take it out of the noise, or pass a longer one")
    return [resampled(signal[:, first:last], recording.sampling_frequency, SAMPLING_FREQUENCY) for first, last in spans]


def _varies(channel: NDArray[np.float32]) -> bool:
    """Whether a channel has two different samples."""
    present = channel[np.isfinite(channel)]
    return bool(present.size) and bool(np.ptp(present) > 0)
