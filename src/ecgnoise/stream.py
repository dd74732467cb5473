"""Live data: chunks of samples in, the scores of the newest 10 s out, each hop.

====  ===================================================================================
hop   seconds from one score to the next; the first comes when 10 s are there
gap   samples that never came: NaN in a chunk, or told by where a chunk lies (``at``)
late  a chunk that lies before what is there already: it fills gaps of the newest 10 s
====  ===================================================================================

Each score is that of the same 10 s in a recording; nothing of an earlier one is used for it: the transform of a segment
depends on all its samples (its mean, its reflected ends, its QRS level), so no part of it can be kept for the next.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecgnoise.errors import OptionError, SignalShapeError, StreamError
from ecgnoise.quantifier import Quantifier
from ecgnoise.recording import (
    MAXIMUM_LEADS,
    UNKNOWN_UNITS,
    ArraySamples,
    Recording,
    Signal,
    as_lead_names,
    as_numbers,
    check_sampling_frequency,
    default_lead_names,
    to_millivolts,
)
from ecgnoise.results.result import Result
from ecgnoise.scalogram.superlet import segment_samples

SOURCE: Final = "stream"
LONGEST_HOP: Final = 86_400  # seconds
LARGEST_INDEX: Final = 1 << 53


class NewestSamples:
    """The newest samples of all leads, whatever the sizes of the chunks they came in; memory does not grow.

    Twice as many are held as asked for, so that they lie in one piece and are seldom moved.
    """

    def __init__(self, leads: int, length: int) -> None:
        self.length = length
        self.count = 0
        self._held = np.full((leads, 2 * length), np.nan, np.float32)
        self._end = length

    def add(self, chunk: Signal) -> None:
        """Add samples (leads, n) at the end."""
        samples = chunk.shape[1]
        self.count += samples
        chunk = chunk[:, -self.length :]
        if self._end + chunk.shape[1] > self._held.shape[1]:
            self._held[:, : self.length] = self._held[:, self._end - self.length : self._end].copy()
            self._end = self.length
        self._held[:, self._end : self._end + chunk.shape[1]] = chunk
        self._end += chunk.shape[1]

    def skip(self, samples: int) -> None:
        """So many samples are missing."""
        missing = np.full((len(self._held), min(samples, self.length)), np.nan, np.float32)
        self.add(missing)
        self.count += samples - missing.shape[1]

    def fill(self, at: int, chunk: Signal) -> int:
        """Put samples (leads, n) from index ``at`` on where they are missing; how many of the n lie too far back."""
        stop = at + chunk.shape[1]
        first = max(at, self.count - self.length)
        if first < stop:
            place = self._held[:, self._end - (self.count - first) : self._end - (self.count - stop)]
            np.copyto(place, chunk[:, first - at :], where=np.isnan(place))
        return int(min(first, stop)) - at

    def newest(self) -> Signal:
        """A copy of the newest samples, (leads, length), or as many as there have been."""
        return self._held[:, self._end - min(self.length, self.count) : self._end].copy()


class Stream:
    """Scores the newest 10 s of each lead of live data, once a hop. Not for several threads at once.

    sampling_frequency: Hz. leads: their names, or how many. hop: seconds, at least one sample. units: V, mV, uV, nV, or
    ``"unknown"`` where nobody knows the gain. quantifier: the model, the bundled one unless given. parts: see
    :meth:`Quantifier.quantify`.

    Raises SamplingFrequencyError, UnknownUnitsError, LeadNameError or OptionError.
    """

    def __init__(
        self,
        sampling_frequency: float,
        leads: Sequence[str] | int,
        hop: float = 1.0,
        *,
        units: str = "mV",
        quantifier: Quantifier | None = None,
        parts: int = 1,
    ) -> None:
        names = (
            default_lead_names(min(leads, MAXIMUM_LEADS + 1))
            if isinstance(leads, int)
            else as_lead_names(leads, SOURCE)
        )
        if not 1 <= len(names) <= MAXIMUM_LEADS:
            raise OptionError(
                f"{len(names)} leads: a stream has 1 to {MAXIMUM_LEADS}: pass their names or their number"
            )
        sampling_frequency = check_sampling_frequency(sampling_frequency, SOURCE)
        if not isinstance(hop, int | float | np.number) or not (hop <= LONGEST_HOP and hop * sampling_frequency >= 1):
            raise OptionError(f"hop {hop} s: at least one sample, {1 / sampling_frequency:g} s, at most {LONGEST_HOP}")
        known = UNKNOWN_UNITS if units == UNKNOWN_UNITS else "mV"
        self._newest = NewestSamples(len(names), segment_samples(sampling_frequency))
        samples = ArraySamples(to_millivolts(self._newest.newest(), units, SOURCE))
        self._empty = Recording(samples, sampling_frequency, names, known, source=SOURCE)
        self._quantifier = quantifier or Quantifier()
        self._hop, self._units, self._parts = hop, units, parts
        self._hops = 0
        self._scored = 0
        self.too_late = 0
        ramp = np.tile(np.linspace(0.0, 1.0, self._newest.length, dtype=np.float32), (len(names), 1))
        self._quantify(ramp)  # what is wrong is said now, and the first hop takes no longer than the others

    @property
    def lead_names(self) -> tuple[str, ...]:
        """The names of the leads, in the order of a chunk's rows."""
        return self._empty.lead_names

    @property
    def samples(self) -> int:
        """How many samples a lead there have been, missing ones included: the index of the next one."""
        return self._newest.count

    def push(self, chunk: ArrayLike, *, at: int | None = None) -> list[Result]:
        """Take samples; the results of the hops that became due, oldest first, often none.

        chunk: (leads, n), or (n,) of a single lead; any n, none too. NaN or infinite where a sample is missing.
        at: index in the stream of the chunk's first sample, 0 for the very first; without it the chunk follows on the
        last. What lies between is missing. What lies before what is there fills gaps of the newest 10 s for the hops to
        come; ``too_late`` counts the samples that lie further back and are lost.

        Each result has one segment, with ``start`` in seconds of the stream. Where a gap is 10 s or longer, hops that
        know nothing at all are left out. Raises SignalShapeError or StreamError.
        """
        signal = self._as_chunk(chunk)
        where = self.samples if at is None else at
        if not isinstance(where, int | np.integer) or not 0 <= where <= LARGEST_INDEX:
            raise StreamError(f"chunk at sample {at}: 0 to {LARGEST_INDEX} can be: pass the index of its first sample")
        where = int(where)
        early = min(max(self.samples - where, 0), signal.shape[1])
        self.too_late += self._newest.fill(where, signal[:, :early])
        return self._gap(where - self.samples) + self._advance(signal[:, early:])

    def finish(self) -> list[Result]:
        """The result of the newest 10 s where samples came since the last hop, or none; the stream has ended.

        A stream of less than 10 s is scored as a recording of this length is: marked ``short``.
        """
        return [self._score()] if self.samples > self._scored else []

    def _advance(self, signal: Signal) -> list[Result]:
        """Add samples (leads, n), hop by hop."""
        results, first = [], 0
        while first < signal.shape[1]:
            stop = min(signal.shape[1], first + self._due() - self.samples)
            self._newest.add(signal[:, first:stop])
            first = stop
            if self.samples == self._due():
                results.append(self._score())
                self._hops += 1
        return results

    def _gap(self, samples: int) -> list[Result]:
        """So many samples are missing: the hops due within that still know something."""
        if samples <= 0:
            return []
        near = min(samples, self._newest.length - 1)
        results = self._advance(np.full((len(self.lead_names), near), np.nan, np.float32))
        self._newest.skip(samples - near)
        past = max(0, self.samples - self._newest.length)
        self._hops = max(self._hops, int(past / (self._hop * self._empty.sampling_frequency)))
        while self._due() <= self.samples:
            self._hops += 1
        return results

    def _due(self) -> int:
        """The sample with which the next hop is complete."""
        rate = self._empty.sampling_frequency
        return self._newest.length + round(self._hops * self._hop * rate)

    def _as_chunk(self, chunk: ArrayLike) -> NDArray[np.float32]:
        """The chunk in mV, (leads, n); SignalShapeError where it is none."""
        array = as_numbers(chunk, "chunk")
        leads = len(self.lead_names)
        if array.ndim == 1 and (leads == 1 or not array.size):
            array = array.reshape(leads, -1)
        if array.ndim != 2 or array.shape[0] != leads:
            raise SignalShapeError(
                f"chunk of shape {array.shape}: {leads} leads are expected: pass (leads, samples), "
                "chunk.T if it is (samples, leads)"
            )
        return to_millivolts(array, self._units, SOURCE)

    def _score(self) -> Result:
        """The result of the newest samples."""
        signal = self._newest.newest()
        self._scored = self.samples
        begin = (self.samples - signal.shape[1]) / self._empty.sampling_frequency
        result = self._quantify(signal)
        return replace(
            result,
            start=result.start + begin,
            part_start=result.part_start + begin,
            span_start=result.span_start + begin,
        )

    def _quantify(self, signal: Signal) -> Result:
        """The result of some samples, (leads, n)."""
        return self._quantifier.quantify(replace(self._empty, samples=ArraySamples(signal)), parts=self._parts)
