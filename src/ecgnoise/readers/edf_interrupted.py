"""Interrupted EDF+ recordings (EDF+D): data records that do not follow each other without gaps.

The first annotation of each data record says when it begins (Kemp and Olivan, Clin. Neurophysiol. 114 (2003) 1755,
2.2.4). Samples are put where they belong in time; in a gap they are missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError
from ecgnoise.recording import Signal

ONSET_ENDS: Final = (b"\x14", b"\x15")
LONGEST_SECONDS: Final = 31 * 86400.0


class Samples(Protocol):
    """Samples that follow each other, as they lie in the file."""

    @property
    def shape(self) -> tuple[int, int]:
        """Leads, samples."""

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads."""


@dataclass(frozen=True)
class InterruptedSamples:
    """Samples with gaps between some of them.

    starts: the sample at which each stretch without a gap begins. firsts: which of ``samples`` that is.
    """

    samples: Samples
    starts: tuple[int, ...]
    firsts: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Leads, samples."""
        leads, count = self.samples.shape
        return leads, self.starts[-1] + count - self.firsts[-1]

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads in mV, NaN in gaps; UnreadableFileError where the file has changed."""
        leads, count = self.samples.shape
        signal = np.full((leads, max(0, stop - start)), np.nan, np.float32)
        ends = (*self.firsts[1:], count)
        for place, first, end in zip(self.starts, self.firsts, ends, strict=True):
            begin, over = max(start, place), min(stop, place + end - first)
            if begin < over:
                part = self.samples.window(first + begin - place, first + over - place)
                signal[:, begin - start : over - start] = part
        return signal

    @property
    def missing(self) -> int:
        """Samples that lie in gaps."""
        return self.shape[1] - self.samples.shape[1]


def onset(record: bytes, number: int, path: Path) -> float:
    """When a data record begins, in s; record: its annotations. UnreadableFileError where they do not say."""
    text = record
    for end in ONSET_ENDS:
        text = text.partition(end)[0]
    try:
        seconds = float(text)
    except ValueError:
        seconds = nan
    if not isfinite(seconds):
        raise UnreadableFileError(
            f"{path}: data record {number + 1} of an interrupted recording (EDF+D) has no time: fetch it again"
        )
    return seconds


def with_gaps(samples: Samples, onsets: Sequence[float], frequency: float, path: Path) -> InterruptedSamples:
    """Samples with gaps where data records of equal length do not follow each other.

    onsets: when each data record begins, in s. frequency: samples a second. Times are rounded to whole samples.

    Raises UnreadableFileError for records that begin before the one before has ended, and for more than 31 days.
    """
    frame = samples.shape[1] // len(onsets)
    seconds = max(onsets) - onsets[0] + frame / frequency
    if seconds > LONGEST_SECONDS:
        raise UnreadableFileError(
            f"{path}: an interrupted recording (EDF+D) over {seconds / 86400:.0f} days, of at most "
            f"{LONGEST_SECONDS / 86400:.0f}: split it at its gaps"
        )
    places = np.round((np.asarray(onsets) - onsets[0]) * frequency).astype(np.int64)
    steps = np.diff(places) - frame
    early = np.flatnonzero(steps < 0)
    if len(early):
        raise UnreadableFileError(
            f"{path}: data record {early[0] + 2} of an interrupted recording (EDF+D) begins {-steps[early[0]]} samples "
            "before the one before it ends: fetch it again, or mend its times"
        )
    begins: NDArray[np.int64] = np.concatenate([[0], np.flatnonzero(steps) + 1])
    return InterruptedSamples(samples, tuple(places[begins].tolist()), tuple((begins * frame).tolist()))
