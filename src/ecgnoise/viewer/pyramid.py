"""A recording at all scales: the lowest and highest sample of each stretch, in 16 bit, on levels a factor 4 apart.

Level 0 has a column for 64 samples, level 1 for 256, and so on. They are made once, while the file is read from its
start to its end, and kept in a folder of the user's cache under a name that depends on the size and the time of change
of the files: a file that changed is read again. What is drawn finer than level 0 is read from the recording itself.
"""

import hashlib
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.atomic import whole_files
from ecgnoise.errors import OutputError
from ecgnoise.recording import Recording

FINEST: Final = 64
FACTOR: Final = 4
STEPS: Final = 32000  # of a lead's range in 16 bit
MISSING: Final = -32768
SAMPLES_AT_ONCE: Final = 1 << 21
FEWEST_COLUMNS: Final = 512
MOST_READ: Final = 1 << 25  # values that are read at once for a stretch that no level has yet: an hour of 12 leads

Columns = NDArray[np.int16]
Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """Lowest and highest values of leads in columns of time, (leads, columns) in 16 bit; MISSING where there is none.

    scale: what one step is of each lead, (leads,), in mV where the unit is known.
    """

    low: Columns
    high: Columns
    scale: NDArray[np.float32]


class Pyramid:
    """The levels of one recording, as far as they are made.

    Parameters
    ----------
    recording : Recording
        What is shown.
    cache : pathlib.Path or None
        Where levels are kept; None to keep them in memory alone.
    identity : str
        What the recording is known by: another one for a file that changed.
    """

    def __init__(self, recording: Recording, cache: Path | None, identity: str) -> None:
        self._recording = recording
        leads, samples = recording.samples.shape
        self._file = None if cache is None else cache / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.npz"
        columns = -(-samples // FINEST)
        self._low = np.full((leads, columns), np.nan, np.float32)
        self._high = np.full((leads, columns), np.nan, np.float32)
        self._done = 0
        self._levels: list[tuple[Numbers, Numbers]] = []
        self._stop = threading.Event()

    @property
    def share(self) -> float:
        """How much of the recording is read, 0 to 1."""
        return 1.0 if self._levels else self._done / self._recording.samples.shape[1]

    def make(self) -> None:
        """Read the recording, or what is kept of it; ends early after :meth:`stop`."""
        if self._load():
            return
        leads, samples = self._recording.samples.shape
        step = max(FINEST, SAMPLES_AT_ONCE // leads // FINEST * FINEST)
        for first in range(0, samples, step):
            if self._stop.is_set():
                return
            behind = min(first + step, samples)
            block = self._recording.window(first, behind)
            starts = np.arange(0, behind - first, FINEST)
            place = slice(first // FINEST, first // FINEST + len(starts))
            self._low[:, place] = np.fmin.reduceat(block, starts, axis=1)
            self._high[:, place] = np.fmax.reduceat(block, starts, axis=1)
            self._done = behind
        self._levels = _levels(self._low, self._high)
        self._save()

    def stop(self) -> None:
        """End reading soon."""
        self._stop.set()

    def view(self, start: float, stop: float, columns: int) -> View:
        """What is between two times in seconds, in so many columns; the finest that is made and needed."""
        frequency = self._recording.sampling_frequency
        samples = self._recording.samples.shape[1]
        edges = np.clip(np.round(np.linspace(start, stop, columns + 1) * frequency), 0, samples).astype(np.int64)
        if (edges[-1] - edges[0]) / columns < FINEST or self._not_there_yet(edges):
            return _stepped(*self._read(edges))
        low, high, width = self._level((edges[-1] - edges[0]) / columns)
        return _stepped(*_reduced(low, high, edges, width))

    def _not_there_yet(self, edges: NDArray[np.int64]) -> bool:
        """Whether a stretch is not read yet, and short enough to be read for the eye that waits."""
        values = (edges[-1] - edges[0]) * self._recording.samples.shape[0]
        return not self._levels and edges[-1] > self._done and bool(values <= MOST_READ)

    def _read(self, edges: NDArray[np.int64]) -> tuple[Numbers, Numbers]:
        """Columns of the samples themselves, some of them at a time."""
        most = SAMPLES_AT_ONCE // self._recording.samples.shape[0]
        parts = []
        begin = 0
        while begin < len(edges) - 1:
            end = max(begin + 1, int(np.searchsorted(edges, edges[begin] + most, side="right")) - 1)
            some = edges[begin : end + 1]
            block = self._recording.window(int(some[0]), int(some[-1]))
            parts.append(_reduced(block, block, some - some[0], 1))
            begin = end
        return np.concatenate([low for low, _ in parts], axis=1), np.concatenate([high for _, high in parts], axis=1)

    def _level(self, samples_a_column: float) -> tuple[Numbers, Numbers, int]:
        """The coarsest level that is finer than a column, and how many samples each of its own columns has."""
        if not self._levels:
            return self._low, self._high, FINEST
        number = int(np.clip(np.log(samples_a_column / FINEST) / np.log(FACTOR), 0, len(self._levels) - 1))
        return (*self._levels[number], FINEST * FACTOR**number)

    def _load(self) -> bool:
        if self._file is None or not self._file.is_file():
            return False
        try:
            with self._file.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                view = View(kept["low"], kept["high"], kept["scale"])
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return False  # a damaged one is made again
        if view.low.shape != self._low.shape or view.high.shape != self._low.shape:
            return False
        self._low, self._high = _values(view.low, view.scale), _values(view.high, view.scale)
        self._levels = _levels(self._low, self._high)
        return True

    def _save(self) -> None:
        """Keep the finest level; the others follow of it. What cannot be kept is made again the next time."""
        if self._file is None:
            return
        view = _stepped(self._low, self._high)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with whole_files(self._file) as partial, partial.open("wb") as file:
                np.savez(file, low=view.low, high=view.high, scale=view.scale)
        except (OSError, OutputError):
            return


def stepped_columns(block: Numbers, edges: NDArray[np.int64]) -> View:
    """Columns of samples in memory, (leads, samples). edges: where columns begin and end, (columns + 1,)."""
    return _stepped(*_reduced(block, block, edges, 1))


def _levels(low: Numbers, high: Numbers) -> list[tuple[Numbers, Numbers]]:
    """All levels, the finest first."""
    levels = [(low, high)]
    while levels[-1][0].shape[1] > FEWEST_COLUMNS:
        low, high = levels[-1]
        starts = np.arange(0, low.shape[1], FACTOR)
        levels.append((np.fmin.reduceat(low, starts, axis=1), np.fmax.reduceat(high, starts, axis=1)))
    return levels


def _reduced(low: Numbers, high: Numbers, edges: NDArray[np.int64], width: int) -> tuple[Numbers, Numbers]:
    """Columns of a view, of columns of ``width`` samples; a column of the view has all that it touches.

    edges: where columns of the view begin and end, in samples of these arrays, (columns + 1,).
    """
    begins, ends = edges[:-1] // width, -(-edges[1:] // width)
    nothing = np.full((low.shape[0], 1), np.nan, np.float32)
    pairs = np.minimum(np.stack([begins, np.maximum(ends, begins)], axis=1).ravel(), low.shape[1])
    empty = (ends <= begins) | (begins >= low.shape[1])
    found = []
    for values, choose in ((low, np.fmin), (high, np.fmax)):
        chosen = choose.reduceat(np.concatenate([values, nothing], axis=1), pairs, axis=1)[:, ::2]
        found.append(np.where(empty, np.float32(np.nan), chosen))
    return found[0], found[1]


def _stepped(low: Numbers, high: Numbers) -> View:
    """Values in 16 bit, each lead over its own range."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # leads without any sample
        largest = np.nanmax(np.maximum(np.abs(low), np.abs(high)), axis=1, initial=0.0)
    scale = np.where(largest > 0, largest / STEPS, 1.0).astype(np.float32)
    steps = [
        np.where(np.isfinite(values), np.nan_to_num(np.rint(values / scale[:, None])), MISSING).astype(np.int16)
        for values in (low, high)
    ]
    return View(steps[0], steps[1], scale)


def _values(steps: Columns, scale: NDArray[np.float32]) -> Numbers:
    """What :func:`_stepped` made 16 bit of; NaN where there is none."""
    return np.where(steps == MISSING, np.float32(np.nan), steps * scale[:, None]).astype(np.float32)
