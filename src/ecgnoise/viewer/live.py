"""The last minute of a stream, with its scores, for the page to ask for."""

import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecgnoise.recording import UNKNOWN_UNITS, Recording, to_millivolts
from ecgnoise.samples import ArraySamples
from ecgnoise.stream import NewestSamples
from ecgnoise.viewer.pyramid import View, stepped_columns
from ecgnoise.viewer.states import STATES, UNKNOWN, instant, states_of

if TYPE_CHECKING:
    from ecgnoise.results.result import Result

SHOWN_SECONDS: Final = 60.0
STATES_PER_SECOND: Final = 10
SOURCE: Final = "stream"


class Live:
    """What a stream has shown last; one thread adds to it, others look.

    Parameters
    ----------
    lead_names : tuple of str
        One per lead.
    sampling_frequency : float
        In Hz.
    units : str
        Of the samples, as of :class:`ecgnoise.Stream`.
    """

    def __init__(self, lead_names: tuple[str, ...], sampling_frequency: float, units: str) -> None:
        self._names, self._frequency, self._units = lead_names, sampling_frequency, units
        self._newest = NewestSamples(len(lead_names), round(SHOWN_SECONDS * sampling_frequency))
        self._states = np.full((len(lead_names), round(SHOWN_SECONDS * STATES_PER_SECOND)), UNKNOWN, np.uint8)
        self._states_from = -round(SHOWN_SECONDS * STATES_PER_SECOND)  # number of the first, in tenths of a second
        self._result: Result | None = None
        self._lock = threading.Lock()

    def add(self, chunk: ArrayLike) -> None:
        """Take in any number of samples, (leads, samples), in the unit of the stream."""
        found = to_millivolts(np.asarray(chunk, np.float32), self._units, SOURCE)
        with self._lock:
            self._newest.add(found)

    def add_result(self, result: "Result") -> None:
        """Take in the scores of the newest 10 s; they stand in the place of earlier ones of the same time."""
        samples = np.zeros((len(self._names), round(result.duration.sum() * self._frequency)), np.float32)
        recording = Recording(ArraySamples(samples), self._frequency, self._names, "mV", source=SOURCE)
        begin = float(result.start[0])
        states = states_of(_from_zero(result), recording)
        first, stop = (round((begin + second) * STATES_PER_SECOND) for second in (0.0, float(states.edges[-1])))
        shown = states.view(0.0, (stop - first) / STATES_PER_SECOND, max(1, stop - first))
        with self._lock:
            self._result = result
            length = self._states.shape[1]
            wide = np.full((len(self._names), max(length, stop - self._states_from)), UNKNOWN, np.uint8)
            wide[:, :length] = self._states
            left = max(0, first - self._states_from)
            wide[:, left : stop - self._states_from] = shown[:, shown.shape[1] - (stop - self._states_from - left) :]
            self._states_from += wide.shape[1] - length
            self._states = wide[:, wide.shape[1] - length :]

    def described(self) -> dict[str, Any]:
        """What the stream is, and what is known of its newest 10 s."""
        with self._lock:
            result, seconds = self._result, self._newest.count / self._frequency
        return {
            "leads": list(self._names),
            "units": UNKNOWN_UNITS if self._units == UNKNOWN_UNITS else "mV",
            "sampling_frequency": self._frequency,
            "seconds": seconds,
            "shown": SHOWN_SECONDS,
            "states": list(STATES),
            "verdict": "" if result is None else result.verdict(),
            "instant": [] if result is None else instant(result, float(result.start[0])),
        }

    def samples(self, columns: int) -> tuple[View, float]:
        """The last minute in columns, and the time of its end in seconds from the start of the stream."""
        with self._lock:
            newest, stop = self._newest.newest(), self._newest.count / self._frequency
        samples = np.full((len(self._names), self._newest.length), np.nan, np.float32)
        samples[:, samples.shape[1] - newest.shape[1] :] = newest
        edges = np.round(np.linspace(0, samples.shape[1], columns + 1)).astype(np.int64)
        return stepped_columns(samples, edges), stop

    def states(self) -> NDArray[np.uint8]:
        """The states of the last minute that ends with the newest sample, a tenth of a second each, (leads, 600)."""
        with self._lock:
            length = self._states.shape[1]
            shift = round(self._newest.count / self._frequency * STATES_PER_SECOND) - (self._states_from + length)
            shown = np.full_like(self._states, UNKNOWN)
            if 0 <= shift < length:
                shown[:, : length - shift] = self._states[:, shift:]
            return shown


def _from_zero(result: "Result") -> "Result":
    """The same scores, of a recording that begins with them."""
    from dataclasses import replace

    return replace(result, timeline=result.timeline.shifted(-float(result.start[0])))
