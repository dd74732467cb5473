"""Intervals: stretches of time that are too noisy to use, lead by lead, and samples hidden by them.

Where the model knows noise levels, intervals are made of spans, by :class:`ecgnoise.noise_levels.SpanRule`; a span that
a fault touches counts as bad. Else, or where whole segments are asked for, a lead-segment counts as bad where its grade
is the one asked for or a worse one, and where it has no score: an electrode that fell off is not usable either.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf, isnan, nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import OptionError
from ecgnoise.noise_levels import SpanRule, span_kinds
from ecgnoise.results.grades import GRADES, TOO_NOISY
from ecgnoise.results.grades import ranks as grade_ranks
from ecgnoise.results.scores import Scores
from ecgnoise.samples import Samples, Signal

TOUCHING: Final = 1e-6  # seconds between two segments that lie end to end
SPANS_TOLD: Final = 4
ClockTime = Callable[[float], datetime | None]


@dataclass(frozen=True)
class Interval:
    """A stretch of one lead that is too noisy, or has no score.

    Attributes
    ----------
    lead : str
        Name of the lead.
    start, duration : float
        In seconds from the start of the recording.
    psnr : float
        PSNR of its worst lead-segment in dB; NaN without any score.
    grade : str
        The worst in it, by the local SNR where there is one.
    fault : str
        The first fault in it, or empty.
    noise : str
        The kind of noise of its worst span or lead-segment, or empty.
    snr : float
        Its lowest local SNR in dB; NaN without noise levels.
    """

    lead: str
    start: float
    duration: float
    psnr: float
    grade: str
    fault: str
    noise: str
    snr: float = nan

    @property
    def stop(self) -> float:
        """Where it ends, in seconds from the start of the recording."""
        return self.start + self.duration


@dataclass(frozen=True)
class Choice:
    """Which time is asked for.

    grade: what is of this grade or a worse one. join: intervals at most so many seconds apart become one.
    whole_segments: intervals begin and end with segments, also where spans are known. rule: when spans count, other
    than by the limit of the grade. corrected: intervals that somebody chose instead, of which those of this grade or a
    worse one count, and those with a fault.
    """

    grade: str = TOO_NOISY
    join: float = 0.0
    whole_segments: bool = False
    rule: SpanRule | None = None
    corrected: tuple[Interval, ...] | None = None


@dataclass(frozen=True)
class Pieces:
    """What intervals are made of, lying end to end: spans, or whole segments.

    start, duration: seconds, (pieces,). segment: the segment of each, (pieces,).
    """

    start: NDArray[np.float64]
    duration: NDArray[np.float64]
    segment: NDArray[np.int64]


def pieces(scores: Scores, choice: Choice) -> Pieces:
    """The pieces that the choice is made of."""
    if _by_spans(scores, choice):
        return Pieces(scores.span_start, scores.span_duration, scores.span_segment)
    return Pieces(scores.start, scores.duration, np.arange(len(scores.start)))


def bad_pieces(scores: Scores, choice: Choice) -> NDArray[np.bool_]:
    """Which pieces cannot be used, (leads, pieces); OptionError for a word that is no grade."""
    whole = bad_segments(scores.grade, choice.grade)
    if not _by_spans(scores, choice):
        return whole
    rule = choice.rule or scores.limits.rule(GRADES.index(choice.grade))
    start, stop = scores.span_start, scores.span_start + scores.span_duration
    noisy = [noisy_spans(snr, start, stop, rule) for snr in scores.local_snr]
    return np.array(noisy) | (whole & _bad_as_a_whole(scores))[:, scores.span_segment]


def _by_spans(scores: Scores, choice: Choice) -> bool:
    return bool(len(scores.span_start)) and not choice.whole_segments


def _bad_as_a_whole(scores: Scores) -> NDArray[np.bool_]:
    """Which lead-segments have a grade worse than their SNR alone would make it, (leads, segments).

    Something else than noise levels speaks against them, such as beats that do not agree, and no span tells where.
    """
    by_snr = grade_ranks(scores.readable_snr, scores.limits.bounds)
    found = (scores.grade[..., None] == np.asarray(GRADES)).argmax(axis=-1)
    return np.asarray((scores.grade != "") & (found > by_snr))


def find_intervals(scores: Scores, choice: Choice) -> list[Interval]:
    """Stretches of each lead that cannot be used, in order of leads and time; see ``Result.intervals``."""
    if choice.corrected is not None:
        return _corrected(scores, choice, choice.corrected)
    bad, by_spans = bad_pieces(scores, choice), _by_spans(scores, choice)
    found: list[Interval] = []
    for lead, row in enumerate(bad):
        if by_spans:
            of_lead = _span_intervals(scores, lead, runs(row))
        else:
            of_lead = [segment_interval(scores, lead, segment) for segment in np.flatnonzero(row).tolist()]
        found += joined(of_lead, choice.join)
    return found


def _corrected(scores: Scores, choice: Choice, intervals: Sequence[Interval]) -> list[Interval]:
    """Intervals that somebody chose, of the grade or a worse one, in order of leads and time; see :class:`Choice`."""
    bad = (*GRADES[GRADES.index(choice.grade) :], "")
    found: list[Interval] = []
    for name in scores.lead_names:
        of_lead = [interval for interval in intervals if interval.lead == name and interval.grade in bad]
        found += joined(sorted(of_lead, key=lambda interval: interval.start), choice.join)
    return found


def segment_interval(scores: Scores, lead: int, segment: int) -> Interval:
    """One lead-segment as an interval."""
    snr = nan
    if len(scores.span_start):
        first, stop = np.searchsorted(scores.span_segment, [segment, segment + 1])
        snr = float(np.fmin.reduce(scores.local_snr[lead, first:stop], initial=nan))
    return Interval(
        scores.lead_names[lead],
        float(scores.start[segment]),
        float(scores.duration[segment]),
        float(scores.psnr[lead, segment]),
        str(scores.grade[lead, segment]),
        str(scores.fault[lead, segment]),
        str(scores.noise_kind[lead, segment]),
        snr,
    )


def _span_intervals(scores: Scores, lead: int, found: NDArray[np.int64]) -> list[Interval]:
    """The intervals of one lead that are these runs of spans, (runs, 2)."""
    segment_of, snr, grade = scores.span_segment, scores.local_snr[lead], scores.grade[lead]
    ranks = grade_ranks(snr, scores.limits.bounds)
    whole = _bad_as_a_whole(scores)[lead]
    of_segment = (grade[:, None] == np.asarray(GRADES)).argmax(axis=-1)
    ranks = np.where(whole[segment_of], np.maximum(ranks, of_segment[segment_of]), ranks)
    kinds = span_kinds(scores.local_noise[lead])
    intervals = []
    for first, stop in found.tolist():
        known = np.isfinite(snr[first:stop])
        lowest = first + int(np.where(known, snr[first:stop], inf).argmin())
        lost = segment_of[first:stop][~known].tolist()
        rank = int(ranks[first:stop].max())
        intervals.append(
            Interval(
                scores.lead_names[lead],
                float(scores.span_start[first]),
                float(scores.span_start[stop - 1] + scores.span_duration[stop - 1] - scores.span_start[first]),
                float(scores.psnr[lead, segment_of[lowest]]) if known.any() else nan,
                GRADES[rank] if rank >= 0 else "",
                next(filter(None, map(str, scores.fault[lead][lost])), ""),
                str(kinds[lowest]) if known.any() else "",
                float(snr[lowest]) if known.any() else nan,
            )
        )
    return intervals


def noisy_spans(
    snr: NDArray[np.float64], start: NDArray[np.float64], stop: NDArray[np.float64], rule: SpanRule
) -> NDArray[np.bool_]:
    """Which spans of one lead are too noisy by a rule, (spans,), and those without a local SNR.

    snr: local SNR in dB, (spans,). start, stop: of the spans in seconds, (spans,).
    """
    deep, unknown = snr < rule.enter, np.isnan(snr)
    found = runs(snr < rule.leave)
    before = np.concatenate([[0], np.cumsum(deep)])
    found = found[before[found[:, 1]] > before[found[:, 0]]]
    if len(found):
        apart = start[found[1:, 0]] - stop[found[:-1, 1] - 1] > rule.gap + TOUCHING
        edges = np.flatnonzero(np.concatenate([[True], apart, [True]]))
        found = np.column_stack([found[edges[:-1], 0], found[edges[1:] - 1, 1]])
        found = _without_leaks(found, snr, rule)
        long = stop[found[:, 1] - 1] - start[found[:, 0]] >= rule.shortest - TOUCHING
        found = found[long]
    steps = np.zeros(len(snr) + 1, np.int64)
    steps[found[:, 0]] = 1
    steps[found[:, 1]] -= 1
    return np.asarray((np.cumsum(steps[:-1]) > 0) | unknown)


def _without_leaks(found: NDArray[np.int64], snr: NDArray[np.float64], rule: SpanRule) -> NDArray[np.int64]:
    """Runs of spans, (runs, 2), without a first or last span whose noise is that of its neighbour."""
    first, last = found[:, 0], found[:, 1] - 1

    def leaks(end: NDArray[np.int64], within: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray((snr[end] >= rule.enter) & (snr[end] - snr[within] > rule.leak))

    begins = first + (leaks(first, np.minimum(first + 1, last)) & (first > 0))
    ends = last - (leaks(last, np.maximum(last - 1, first)) & (last + 1 < len(snr)))
    return np.column_stack([begins, ends + 1])


def runs(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First and one past the last place of each run of True, (runs, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2)


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
    worse = min(first, second, key=lambda one: (_last_if_unknown(one.snr), _last_if_unknown(one.psnr)))
    return replace(
        worse,
        start=first.start,
        duration=second.stop - first.start,
        grade=max(first.grade, second.grade, key=("", *GRADES).index),
        fault=first.fault or second.fault,
    )


def _last_if_unknown(value: float) -> float:
    return inf if isnan(value) else value


def sample_span(interval: Interval, sampling_frequency: float, samples: int) -> slice:
    """The samples of a recording that lie in an interval."""
    first, last = (round(time * sampling_frequency) for time in (interval.start, interval.stop))
    return slice(max(first, 0), min(last, samples))


@dataclass(frozen=True)
class HiddenSamples:
    """Other samples, NaN in some spans of each lead; read when they are asked for.

    spans: for each lead the samples that are hidden, in order of time.
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
            for span in spans[bisect_right(spans, start, key=lambda span: span.stop) :]:
                if span.start >= stop:
                    break
                row[max(span.start - start, 0) : span.stop - start] = np.nan
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
