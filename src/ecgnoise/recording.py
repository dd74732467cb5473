"""What a recording is.

==================  =================================================================================================
recording           some leads of one person over one stretch of time, all sampled at the same instants
lead                one channel, ``lead_names[i]`` names row i
signal              (leads, time) float32, in mV, or in an unknown unit where nobody says; NaN is a missing sample
sampling frequency  samples a second, in Hz, the same for all leads
start               the time of the first sample, where it is known
source              where the recording comes from: a path, or ``"array"``
==================  =================================================================================================

A recording hands out windows (:meth:`Recording.window`); a reader may therefore leave the samples in their file until
they are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecgnoise.errors import LeadNameError, SamplingFrequencyError, SignalShapeError, UnknownUnitsError

Signal = NDArray[np.float32]

UNKNOWN_UNITS: Final = "unknown"
MILLIVOLTS_PER: Final = {"V": 1e3, "mV": 1.0, "uV": 1e-3, "µV": 1e-3, "μV": 1e-3, "nV": 1e-6}
SAMPLING_FREQUENCY_LIMITS: Final = (100.0, 100_000.0)
MAXIMUM_LEADS: Final = 4096
LARGEST_NUMBER: Final = np.float32(1e37)  # a difference of two is still a number in float32


class Samples(Protocol):
    """Where the samples of a recording lie: in memory or in a file."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples a lead."""

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads, (leads, stop - start) float32, all within the recording."""


@dataclass(frozen=True)
class ArraySamples:
    """Samples in memory, (leads, time)."""

    array: Signal

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples a lead."""
        leads, samples = self.array.shape
        return leads, samples

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads, as a view."""
        return self.array[:, start:stop]


@dataclass(frozen=True)
class Recording:
    """Some leads of one person over one stretch of time; see the top of this module for the words.

    ``units`` is ``"mV"``, or ``"unknown"`` where neither the file nor the caller says. ``lead_faults`` holds a fault
    for each lead that is unusable as a whole (``"no_gain"``) and ``""`` for the others; empty means no such lead.
    ``notes`` are one-line remarks of the reader, such as channels left out.
    """

    samples: Samples
    sampling_frequency: float
    lead_names: tuple[str, ...]
    units: str = "mV"
    start: datetime | None = None
    source: str = "array"
    lead_faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        leads = self.samples.shape[0]
        check_sampling_frequency(self.sampling_frequency, self.source)
        if len(self.lead_names) != leads:
            raise LeadNameError(f"{self.source}: {len(self.lead_names)} lead names for {leads} leads: pass one a lead")
        if len(set(self.lead_names)) != leads:
            raise LeadNameError(f"{self.source}: lead names repeat ({', '.join(self.lead_names)}): pass distinct ones")
        if not self.lead_faults:
            object.__setattr__(self, "lead_faults", ("",) * leads)

    @classmethod
    def from_array(
        cls,
        signal: ArrayLike,
        sampling_frequency: float,
        *,
        units: str = "mV",
        lead_names: Sequence[str] | None = None,
        source: str = "array",
    ) -> "Recording":
        """Recording of an array.

        signal: (leads, time) or (time,), real numbers, NaN or infinite where a sample is missing.
        units: V, mV, uV, nV, or ``"unknown"``.

        Raises SignalShapeError, SamplingFrequencyError, UnknownUnitsError or LeadNameError.
        """
        array = as_leads(signal, source)
        names = tuple(lead_names) if lead_names is not None else default_lead_names(len(array))
        known = "mV" if units != UNKNOWN_UNITS else UNKNOWN_UNITS
        samples = ArraySamples(to_millivolts(array, units, source))
        return cls(samples, float(sampling_frequency), names, known, source=source)

    @property
    def signal(self) -> Signal:
        """All samples, (leads, time) float32, in mV unless ``units`` is ``"unknown"``."""
        return self.samples.window(0, self.samples.shape[1])

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples.shape[1] / self.sampling_frequency

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads, (leads, stop - start) float32."""
        return self.samples.window(start, stop)

    def pick(self, lead_names: Sequence[str]) -> "Recording":
        """The same recording with these leads only, in this order; LeadNameError where one is not there."""
        known = {name.casefold(): index for index, name in enumerate(self.lead_names)}
        absent = [name for name in lead_names if name.casefold() not in known]
        if absent or not lead_names:
            asked = ", ".join(absent) or "none asked for"
            raise LeadNameError(f"{self.source}: no lead {asked}; it has {', '.join(self.lead_names)}")
        rows = tuple(known[name.casefold()] for name in lead_names)
        return replace(
            self,
            samples=PickedSamples(self.samples, rows),
            lead_names=tuple(self.lead_names[row] for row in rows),
            lead_faults=tuple(self.lead_faults[row] for row in rows),
        )


@dataclass(frozen=True)
class PickedSamples:
    """Some rows of other samples."""

    samples: Samples
    rows: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples a lead."""
        return len(self.rows), self.samples.shape[1]

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of the chosen leads."""
        return self.samples.window(start, stop)[list(self.rows)]


def as_leads(signal: ArrayLike, source: str = "array") -> NDArray[Any]:
    """The signal as a (leads, time) array of real numbers; SignalShapeError where it cannot be one."""
    array = np.asarray(signal)
    if array.dtype.kind not in "iufb":
        raise SignalShapeError(f"{source}: the signal holds {array.dtype}, not real numbers: pass integers or floats")
    if array.ndim not in {1, 2} or array.size == 0:
        raise SignalShapeError(f"{source}: shape {array.shape}: pass (leads, time) or (time,), at least one sample")
    array = np.atleast_2d(array)
    leads, samples = array.shape
    if leads > samples and leads > 1:
        raise SignalShapeError(
            f"{source}: shape {array.shape} has more leads than samples: pass (leads, time), "
            "signal.T if it is (time, leads)"
        )
    if leads > MAXIMUM_LEADS:
        raise SignalShapeError(f"{source}: {leads} leads, at most {MAXIMUM_LEADS} can be scored at once: pass fewer")
    return array


def to_millivolts(signal: NDArray[Any], units: str, source: str = "array") -> Signal:
    """The signal in mV as float32; what is not finite, or too large to compute with in float32, becomes NaN.

    With ``units="unknown"`` the numbers stay as they are.
    """
    if units != UNKNOWN_UNITS and units not in MILLIVOLTS_PER:
        raise UnknownUnitsError(f"{source}: unit {units!r} is none of V, mV, uV, nV, unknown: pass one of them")
    factor = 1.0 if units == UNKNOWN_UNITS else MILLIVOLTS_PER[units]
    with np.errstate(over="ignore", invalid="ignore"):
        converted = (np.asarray(signal, np.float64) * factor).astype(np.float32)
    return np.where(np.abs(converted) <= LARGEST_NUMBER, converted, np.float32(np.nan))


def default_lead_names(leads: int) -> tuple[str, ...]:
    """``lead_0``, ``lead_1``, ... for a signal without names."""
    return tuple(f"lead_{index}" for index in range(leads))


def check_sampling_frequency(value: float, source: str = "array") -> None:
    """SamplingFrequencyError unless the value is a number between 100 and 100,000 Hz."""
    low, high = SAMPLING_FREQUENCY_LIMITS
    if not (np.isfinite(value) and low <= value <= high):
        raise SamplingFrequencyError(
            f"{source}: sampling frequency {value} Hz, {low:g} to {high:g} can be scored: pass the right one in Hz"
        )
