"""Intervals: stretches of time that are too noisy to use, lead by lead, and samples hidden by them.

A lead-segment counts as bad where its grade is the one asked for or a worse one, and where it has no score: an
electrode that fell off is not usable either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import OptionError
from ecgnoise.grades import GRADES
from ecgnoise.recording import Samples, Signal

WORST_GRADE: Final = GRADES[-1]
TOUCHING: Final = 1e-6  # seconds between two segments that lie end to end


@dataclass(frozen=True)
class Interval:
    """A stretch of one lead that is too noisy, or has no score.

    start, duration: seconds from the start of the recording. psnr, grade, noise: those of its worst lead-segment, the
    PSNR in dB; NaN and empty where it has no score at all. fault: the first fault in it, or empty.
    """

    lead: str
    start: float
    duration: float
    psnr: float
    grade: str
    fault: str
    noise: str

    @property
    def stop(self) -> float:
        """Where it ends, in seconds from the start of the recording."""
        return self.start + self.duration


def bad_segments(grade: NDArray[np.str_], worst_kept: str) -> NDArray[np.bool_]:
    """Which grades, any shape, are ``worst_kept`` or worse, or empty; OptionError for a word that is no grade."""
    if worst_kept not in GRADES:
        raise OptionError(f"grade {worst_kept!r}: pass one of {', '.join(GRADES)}")
    return np.isin(grade, (*GRADES[GRADES.index(worst_kept) :], ""))


def joined(intervals: Sequence[Interval], gap: float) -> list[Interval]:
    """Intervals of one lead in order of time, those at most ``gap`` seconds apart made one.

    Raises OptionError for a gap below 0 or not a number.
    """
    if not gap >= 0:
        raise OptionError(f"join {gap} s: pass 0 or more seconds")
    made: list[Interval] = []
    for interval in intervals:
        if made and interval.start - made[-1].stop <= gap + TOUCHING:
            made[-1] = _both(made[-1], interval)
        else:
            made.append(interval)
    return made


def _both(first: Interval, second: Interval) -> Interval:
    """One interval from the start of the first to the end of the second."""
    worse = second if np.isnan(first.psnr) or second.psnr < first.psnr else first
    return Interval(
        first.lead,
        first.start,
        second.stop - first.start,
        worse.psnr,
        worse.grade,
        first.fault or second.fault,
        worse.noise,
    )


def sample_span(interval: Interval, sampling_frequency: float, samples: int) -> slice:
    """The samples of a recording that lie in an interval."""
    first, last = (round(time * sampling_frequency) for time in (interval.start, interval.stop))
    return slice(max(first, 0), min(last, samples))


@dataclass(frozen=True)
class HiddenSamples:
    """Other samples, NaN in some spans of each lead; read when they are asked for.

    spans: for each lead the samples that are hidden.
    """

    samples: Samples
    spans: tuple[tuple[slice, ...], ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples a lead."""
        return self.samples.shape

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads, (leads, stop - start), as a copy."""
        window = self.samples.window(start, stop).copy()
        for row, spans in zip(window, self.spans, strict=True):
            for span in spans:
                row[max(span.start - start, 0) : max(span.stop - start, 0)] = np.nan
        return window
