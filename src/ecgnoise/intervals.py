"""Intervals: stretches of time that are too noisy to use, lead by lead, and samples hidden by them.

A lead-segment counts as bad where its grade is the one asked for or a worse one, and where it has no score: an
electrode that fell off is not usable either.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import OptionError
from ecgnoise.grades import GRADES
from ecgnoise.recording import Samples, Signal

WORST_GRADE: Final = GRADES[-1]
TOUCHING: Final = 1e-6  # seconds between two segments that lie end to end
SPANS_TOLD: Final = 4
ClockTime = Callable[[float], datetime | None]


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


def fault_texts(
    intervals: Sequence[Interval], lead_names: Sequence[str], time_of: ClockTime, most: int | None = None
) -> list[str]:
    """Intervals with a fault in words, as ``II flat 120-200 s``: those without a score first, then the longest.

    Leads with the same fault at the same time share a text, and so do several stretches of the same leads. time_of: the
    clock time of an instant. most: texts at most, and stretches a text :data:`SPANS_TOLD`; None for all.
    """
    leads_of: dict[tuple[bool, str, float, float], list[Interval]] = {}
    for interval in intervals:
        key = (bool(interval.grade), interval.fault, round(interval.start, 6), round(interval.stop, 6))
        leads_of.setdefault(key, []).append(interval)
    spans_of: dict[tuple[bool, str, tuple[str, ...]], list[Interval]] = {}
    for (scored, fault, _, _), alike in leads_of.items():
        spans_of.setdefault((scored, fault, tuple(interval.lead for interval in alike)), []).append(alike[0])
    seconds = {key: sum(span.duration for span in spans) * len(key[2]) for key, spans in spans_of.items()}
    order = sorted(spans_of, key=lambda key: (key[0], -seconds[key], spans_of[key][0].start))
    told = order if most is None else order[:most]
    texts = [
        f"{_leads_text(leads, lead_names)} {fault} {_spans_text(spans_of[scored, fault, leads], time_of, most)}"
        for scored, fault, leads in told
    ]
    if len(order) > len(told):
        texts.append(f"{len(order) - len(told)} more like this")
    return texts


def _leads_text(leads: tuple[str, ...], lead_names: Sequence[str]) -> str:
    """The names of leads, or ``all leads`` where there is none besides."""
    return "all leads" if len(leads) == len(lead_names) > 1 else ", ".join(leads)


def _spans_text(spans: Sequence[Interval], time_of: ClockTime, most: int | None) -> str:
    """Some stretches of time, and how long the others are that are not told."""
    told = spans if most is None else spans[:SPANS_TOLD]
    text = ", ".join(span_text(span, time_of) for span in told)
    left = spans[len(told) :]
    return f"{text} and {len(left)} more of {_seconds(sum(span.duration for span in left))} s" if left else text


def span_text(interval: Interval, time_of: ClockTime) -> str:
    """A stretch of time: ``120-200 s``, and its clock times where they are known."""
    text = f"{_seconds(interval.start)}-{_seconds(interval.stop)} s"
    begin, end = time_of(interval.start), time_of(interval.stop)
    if begin is None or end is None:
        return text
    return f"{text} ({clock_text(begin, time_of)}-{clock_text(end, time_of)})"


def clock_text(time: datetime, time_of: ClockTime) -> str:
    """A clock time to the second, with its date where that is another than the first day's."""
    first = time_of(0.0)
    same = first is not None and first.date() == time.date()
    return f"{time:%H:%M:%S}" if same else f"{time:%Y-%m-%d %H:%M:%S}"


def _seconds(value: float) -> str:
    """Seconds as short as they are."""
    return f"{round(value, 3):.12g}"
