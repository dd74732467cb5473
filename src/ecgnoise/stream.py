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
    Recording,
    as_lead_names,
    as_numbers,
    check_sampling_frequency,
    default_lead_names,
    to_millivolts,
)
from ecgnoise.results.result import Result
from ecgnoise.samples import ArraySamples, Signal
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
    """Score the newest 10 s of each lead of live data at regular intervals.

    Chunks of samples go in with :meth:`push`, and results come out. The first result is due when 10 s of samples have
    come, and then one with each hop.

    Parameters
    ----------
    sampling_frequency : float
        In Hz, 100 to 100,000.
    leads : sequence of str or int
        Names of the leads, or their number, 1 to 4096; they are then named ``lead_0``, ``lead_1`` and so on.
    hop : float, default 1.0
        Time between two results in seconds, at least one sample and at most 86,400 s.
    units : {"mV", "V", "uV", "nV", "unknown"}, default "mV"
        Unit of the samples; ``"unknown"`` where the gain is not known.
    quantifier : Quantifier, default None
        The model to score with. None stands for the bundled model.
    parts : int, default 1
        Number of parts of each segment that have a PSNR of their own, 1 to 256.

    Attributes
    ----------
    too_late : int
        Number of samples per lead that came more than 10 s too late and are lost.

    Raises
    ------
    SamplingFrequencyError
        If the sampling frequency is not one number, or is out of range.
    UnknownUnitsError
        If the unit is none of those above, or is unknown and the profile of the model needs mV.
    LeadNameError
        If a lead name is not a text, or lead names repeat.
    OptionError
        If the number of leads, ``hop`` or ``parts`` is out of range.
    ModelError
        If the bundled model cannot be loaded.

    See Also
    --------
    Quantifier : Score whole recordings.

    Notes
    -----
    Each score is that of the same 10 s in a recording. Nothing is kept of earlier scores.

    An object must not be used by several threads at the same time. The model scores a test signal when the object is
    made, so that errors come at once and the first result takes no longer than the others.

    Examples
    --------
    >>> import ecgnoise
    >>> stream = ecgnoise.Stream(500, ["I"])
    >>> ecg = ecgnoise.simulate_ecg(11, lead_names=["I"])
    >>> [float(result.start[0]) for result in stream.push(ecg.signal)]
    [0.0, 1.0]
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
        """The names of the leads, in the order of the rows of a chunk."""
        return self._empty.lead_names

    @property
    def samples(self) -> int:
        """The number of samples per lead so far, missing ones included, which is the index of the next sample."""
        return self._newest.count

    def push(self, chunk: ArrayLike, *, at: int | None = None) -> list[Result]:
        """Add a chunk of samples and return the results that became due.

        Parameters
        ----------
        chunk : array_like, shape (leads, samples), or (samples,) for a single lead
            Any number of samples, also none. Missing samples are NaN or infinite.
        at : int, default None
            Index in the stream of the first sample of the chunk, 0 to 2**53, where 0 is the very first sample. None
            means that the chunk follows the previous one.

        Returns
        -------
        list of Result
            The results of the hops that became due, oldest first; often none. Each has one segment, and its times are
            in seconds from the start of the stream.

        Raises
        ------
        SignalShapeError
            If the chunk does not hold real numbers, or its shape does not fit the leads.
        StreamError
            If ``at`` is no whole number, or is out of range.

        Notes ----- If ``at`` lies behind the next sample, the samples in between are missing. If it lies before the
        next sample, the chunk fills gaps of the newest 10 s, for the results to come; what is known already is kept.
        Samples that lie further back are lost and counted by ``too_late``.

        Within a gap of 10 s or longer, hops without any known sample yield no result.
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
        """Return the result of the newest 10 s if samples came since the last hop.

        Returns
        -------
        list of Result
            One result, or none. A stream of less than 10 s is scored like a recording of this length, and its fault is
            ``short``.

        Notes
        -----
        This is to be called when the stream has ended.
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
        return replace(result, timeline=result.timeline.shifted(begin))

    def _quantify(self, signal: Signal) -> Result:
        """The result of some samples, (leads, n)."""
        return self._quantifier.quantify(replace(self._empty, samples=ArraySamples(signal)), parts=self._parts)
