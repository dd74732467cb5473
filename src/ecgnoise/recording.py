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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from numbers import Real
from operator import index
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecgnoise.errors import (
    LeadNameError,
    OptionError,
    SamplingFrequencyError,
    SignalShapeError,
    UnknownUnitsError,
    one_line,
)
from ecgnoise.figures.drawn import Drawing, Lead
from ecgnoise.figures.paper import Paper, draw_paper
from ecgnoise.figures.style import MM_PER_MV, MM_PER_SECOND
from ecgnoise.samples import ArraySamples, PickedSamples, Samples, Signal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNKNOWN_UNITS: Final = "unknown"
MILLIVOLTS_PER: Final = {"V": 1e3, "mV": 1.0, "uV": 1e-3, "µV": 1e-3, "μV": 1e-3, "nV": 1e-6}
SAMPLING_FREQUENCY_LIMITS: Final = (100.0, 100_000.0)
MAXIMUM_LEADS: Final = 4096
LONGEST_SECONDS: Final = 366 * 86_400  # of a recording: a longer one is a wrong sampling frequency or a damaged file
SHOWN_SECONDS: Final = 10.0
LARGEST_NUMBER: Final = np.float32(1e37)  # a difference of two is still a number in float32


@dataclass(frozen=True)
class Recording:
    """Some leads of one person over one stretch of time, all sampled at the same instants.

    :func:`ecgnoise.read` makes a recording of a file and :meth:`from_array` one of an array. A recording is immutable.

    Parameters
    ----------
    samples : Samples
        The samples, in memory or in a file: an object with a ``shape``, (leads, time), and a method
        ``window(start, stop)`` that returns an array of float32, shape (leads, stop - start), with NaN for each missing
        sample.
    sampling_frequency : float
        In Hz, 100 to 100,000, the same for all leads.
    lead_names : sequence of str
        One distinct name per lead; kept as a tuple.
    units : {"mV", "unknown"}, default "mV"
        Unit of the samples; ``"unknown"`` where neither the file nor the caller states it.
    start : datetime.datetime or None, default None
        Time of the first sample; None where it is not known.
    source : str, default "array"
        Where the recording comes from: a path or ``"array"``. Error messages begin with it.
    lead_faults : tuple of str, default ()
        One entry per lead: ``"no_gain"`` for a lead that is unusable as a whole because the file states no usable gain,
        ``""`` for any other lead. An empty tuple means that no lead has such a fault.
    notes : tuple of str, default ()
        Remarks of the reader, one line each, for example the channels that were left out.

    Raises
    ------
    SamplingFrequencyError
        If the sampling frequency is not one number or is out of range.
    LeadNameError
        If the lead names are not texts, are repeated, or differ in number from the leads.
    SignalShapeError
        If the recording is longer than 366 days, or if ``lead_faults`` differ in number from the leads.

    Examples
    --------
    >>> import numpy as np
    >>> from ecgnoise import Recording
    >>> recording = Recording.from_array(np.zeros((2, 5000)), 500, lead_names=["I", "II"])
    >>> recording.signal.shape, recording.duration
    ((2, 5000), 10.0)
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
        leads, samples = self.samples.shape
        frequency = check_sampling_frequency(self.sampling_frequency, self.source)
        object.__setattr__(self, "sampling_frequency", frequency)
        object.__setattr__(self, "lead_names", as_lead_names(self.lead_names, self.source))
        if len(self.lead_names) != leads:
            raise LeadNameError(f"{self.source}: {len(self.lead_names)} lead names for {leads} leads: pass one a lead")
        if len(set(self.lead_names)) != leads:
            raise LeadNameError(f"{self.source}: lead names repeat ({', '.join(self.lead_names)}): pass distinct ones")
        if samples > LONGEST_SECONDS * frequency:
            raise SignalShapeError(
                f"{self.source}: {samples} samples at {frequency:g} Hz are more than a year: "
                "check the sampling frequency, or split the recording"
            )
        if not self.lead_faults:
            object.__setattr__(self, "lead_faults", ("",) * leads)
        if len(self.lead_faults) != leads:
            raise SignalShapeError(
                f"{self.source}: {len(self.lead_faults)} lead_faults for {leads} leads: pass one per lead, or none"
            )

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
        """Make a recording of an array.

        Parameters
        ----------
        signal : array_like, shape (leads, time) or (time,)
            Real numbers, at most 4096 leads, and with several leads no more leads than samples. NaN, an infinite value,
            a masked value or NA marks a missing sample. PyTorch tensors and pandas tables are accepted as well.
        sampling_frequency : float
            In Hz, 100 to 100,000; an array that holds one number is accepted.
        units : {"mV", "V", "uV", "nV", "unknown"}, default "mV"
            Unit of the signal. The samples are converted to mV unless it is ``"unknown"``.
        lead_names : sequence of str, optional
            One distinct name per lead. The default is ``lead_0``, ``lead_1`` and so on.
        source : str, default "array"
            What error messages call the recording.

        Returns
        -------
        Recording
            The recording, with a copy of the signal in float32. A value that is not finite, or larger in magnitude than
            1e37 after conversion, becomes NaN.

        Raises
        ------
        SignalShapeError
            If the signal is no array of real numbers, has another shape, is empty, or is longer than 366 days.
        SamplingFrequencyError
            If the sampling frequency is not one number or is out of range.
        UnknownUnitsError
            If the unit is none of those listed.
        LeadNameError
            If the lead names are not texts, are repeated, or differ in number from the leads.

        Examples
        --------
        >>> from ecgnoise import Recording
        >>> Recording.from_array([0, 500] * 500, 250, units="uV").signal.max()
        np.float32(0.5)
        """
        frequency = check_sampling_frequency(sampling_frequency, source)
        array = as_leads(signal, source)
        names = as_lead_names(lead_names, source) if lead_names is not None else default_lead_names(len(array))
        samples = ArraySamples(to_millivolts(array, units, source))
        known = "mV" if units != UNKNOWN_UNITS else UNKNOWN_UNITS
        return cls(samples, frequency, names, known, source=source)

    @property
    def signal(self) -> Signal:
        """All samples, ndarray of float32, shape (leads, time), in mV unless ``units`` is ``"unknown"``."""
        return self.samples.window(0, self.samples.shape[1])

    @property
    def duration(self) -> float:
        """Length of the recording in seconds."""
        return self.samples.shape[1] / self.sampling_frequency

    def window(self, start: int, stop: int) -> Signal:
        """Return a stretch of all leads.

        A recording of a file reads no more than this stretch where the format allows it.

        Parameters
        ----------
        start : int
            Number of the first sample, from 0.
        stop : int
            Number of the sample behind the last one, at most the number of samples.

        Returns
        -------
        ndarray of float32, shape (leads, stop - start)
            In mV unless ``units`` is ``"unknown"``; NaN for each missing sample. It may be a view of the samples.

        Raises
        ------
        UnreadableFileError
            If the file of the recording is damaged, or has changed since it was opened.
        """
        return self.samples.window(start, stop)

    def pick(self, lead_names: Sequence[str]) -> "Recording":
        """Select leads by name.

        Parameters
        ----------
        lead_names : sequence of str or str
            Names of the leads, in the order wanted. Upper and lower case are distinguished only between leads whose
            names differ in nothing else.

        Returns
        -------
        Recording
            The same recording with these leads only, in this order.

        Raises
        ------
        LeadNameError
            If a lead is absent or named twice, if several leads may be meant, or if no lead is named.

        Examples
        --------
        >>> from ecgnoise import simulate_ecg
        >>> simulate_ecg(10).pick(["v1", "II"]).lead_names
        ('V1', 'II')
        """
        wanted = as_lead_names(lead_names, self.source)
        found = {name: self._rows_called(name) for name in wanted}
        absent = [name for name in wanted if not found[name]]
        if absent or not wanted:
            asked = ", ".join(absent) or "none asked for"
            raise LeadNameError(f"{self.source}: no lead {asked}; it has {', '.join(self.lead_names)}")
        for name in wanted:
            if len(found[name]) > 1:
                alike = ", ".join(self.lead_names[row] for row in found[name])
                raise LeadNameError(f"{self.source}: lead {name} may be {alike}: name it with its own letters")
        rows = tuple(found[name][0] for name in wanted)
        return replace(
            self,
            samples=PickedSamples(self.samples, rows),
            lead_names=tuple(self.lead_names[row] for row in rows),
            lead_faults=tuple(self.lead_faults[row] for row in rows),
        )

    def plot(
        self,
        start: float = 0.0,
        duration: float | None = None,
        *,
        layout: str = "rows",
        speed: float = MM_PER_SECOND,
        gain: float = MM_PER_MV,
        ax: "Axes | None" = None,
    ) -> "Figure":
        """Draw a stretch of all leads on ECG paper.

        Parameters
        ----------
        start : float, default 0
            Where it begins, in seconds from the start of the recording.
        duration : float, optional
            In seconds, at most 60. The default is 10, or what there is.
        layout : {"rows", "3x4+1"}, default "rows"
            One lead below the other; or three rows of four leads and a rhythm strip, as 12-lead ECG are printed.
        speed, gain : float, default 25 and 10
            In mm per second and per mV, 1 to 200. Leads of unknown unit are drawn as they fit.
        ax : matplotlib.axes.Axes, optional
            Where to draw. The default is a new figure, which has this scale when it is printed as large as it says.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        OptionError
            If there is no such time, it is too long, or a setting is out of range.
        LeadNameError
            If the layout needs leads that are absent.
        MissingExtraError
            Without the extra ``plot``.
        """
        stop = min(start + (SHOWN_SECONDS if duration is None else duration), self.duration)
        return draw_paper(drawing_of(self), start, stop, Paper(layout, speed, gain), ax)

    def _rows_called(self, name: str) -> list[int]:
        """Numbers of the leads of this name: the one that is written so, else all that differ in case alone."""
        if name in self.lead_names:
            return [self.lead_names.index(name)]
        return [row for row, known in enumerate(self.lead_names) if known.casefold() == name.casefold()]


def drawing_of(recording: Recording, leads: tuple[Lead, ...] | None = None, remark: str = "") -> Drawing:
    """What figures show of a recording. leads: what is known of each; None for their names alone."""
    return Drawing(
        recording.samples,
        recording.sampling_frequency,
        tuple(Lead(name) for name in recording.lead_names) if leads is None else leads,
        recording.source,
        remark,
        recording.start,
        millivolts=recording.units != UNKNOWN_UNITS,
    )


def as_leads(signal: object, source: str = "array") -> NDArray[Any]:
    """The signal as a (leads, time) array of real numbers; SignalShapeError where it cannot be one."""
    array = as_numbers(signal, source)
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


def as_numbers(signal: object, source: str = "array") -> NDArray[Any]:
    """Real numbers in an array of any shape, NaN where they are masked or NA; SignalShapeError where they are none.

    signal: what NumPy makes an array of; masked arrays, tensors, and tables and columns with missing values too.
    """
    try:
        array = _as_array(signal)
    except Exception as error:  # whatever the object's own conversion raises
        said = one_line(error)
        raise SignalShapeError(
            f"{source}: the signal, {type(signal).__name__}, is no array ({said}): pass numbers, (leads, time)"
        ) from error
    if array.dtype.kind == "O":
        array = _without_objects(array, source)
    if array.dtype.kind not in "iufb":
        raise SignalShapeError(f"{source}: the signal holds {array.dtype}, not real numbers: pass integers or floats")
    return array


def _as_array(signal: object) -> NDArray[Any]:
    if isinstance(signal, list | tuple) and any(isinstance(row, np.ma.MaskedArray) for row in signal):
        signal = np.ma.array(signal)
    if isinstance(signal, np.ma.MaskedArray):
        if signal.dtype.kind not in "iufb" or not np.ma.is_masked(signal):
            return np.asarray(signal.data)
        kind = np.float32 if signal.dtype == np.float32 else np.float64
        return np.asarray(np.ma.filled(signal.astype(kind), np.nan))
    if callable(getattr(signal, "detach", None)) and callable(getattr(signal, "cpu", None)):  # a tensor of torch
        signal = signal.detach().cpu()  # type: ignore[attr-defined]
        if str(getattr(signal, "dtype", "")).endswith("bfloat16"):
            signal = signal.float()  # type: ignore[attr-defined]
    return np.asarray(signal)


def _without_objects(array: NDArray[Any], source: str) -> NDArray[np.float64]:
    """An array of objects as numbers: None and what pandas calls NA is missing."""
    numbers = np.empty(array.shape, np.float64)
    for at, item in enumerate(array.flat):
        if item is None or item is np.ma.masked or type(item).__name__ in {"NAType", "NaTType"}:
            numbers.flat[at] = np.nan
        elif isinstance(item, Real | Decimal):
            numbers.flat[at] = float(item)
        else:
            raise SignalShapeError(
                f"{source}: the signal holds {type(item).__name__} at {at}, not real numbers: pass integers or floats"
            )
    return numbers


def to_millivolts(signal: NDArray[Any], units: str, source: str = "array") -> Signal:
    """The signal in mV as float32; what is not finite, or too large to compute with in float32, becomes NaN.

    With ``units="unknown"`` the numbers stay as they are.
    """
    if not isinstance(units, str) or (units != UNKNOWN_UNITS and units not in MILLIVOLTS_PER):
        raise UnknownUnitsError(f"{source}: unit {units!r} is none of V, mV, uV, nV, unknown: pass one of them")
    factor = 1.0 if units == UNKNOWN_UNITS else MILLIVOLTS_PER[units]
    if isinstance(signal, np.ma.MaskedArray):
        signal = as_numbers(signal, source)
    with np.errstate(over="ignore", invalid="ignore"):
        converted = (np.asarray(signal, np.float64) * factor).astype(np.float32)
    return np.where(np.abs(converted) <= LARGEST_NUMBER, converted, np.float32(np.nan))


def default_lead_names(leads: int) -> tuple[str, ...]:
    """``lead_0``, ``lead_1``, ... for a signal without names."""
    return tuple(f"lead_{row}" for row in range(leads))


def as_lead_names(names: object, source: str = "array") -> tuple[str, ...]:
    """The names of leads as a tuple of texts, one name alone too; LeadNameError where they are something else."""
    if isinstance(names, str | bytes):
        names = (names,)
    if not isinstance(names, Iterable) or isinstance(names, set | frozenset):
        raise LeadNameError(f"{source}: lead names are {type(names).__name__}: pass a list of texts, one a lead")
    found = []
    for name in np.ravel(names) if isinstance(names, np.ndarray) else names:
        if isinstance(name, bytes):
            found.append(name.decode("utf-8", "replace"))
        elif isinstance(name, str):
            found.append(str(name))
        else:
            shown = one_line(repr(name), 40)
            raise LeadNameError(f"{source}: lead name {shown} is {type(name).__name__}, no text: pass it in quotes")
    return tuple(found)


def check_sampling_frequency(value: object, source: str = "array") -> float:
    """The value in Hz; SamplingFrequencyError unless it is one number between 100 and 100,000 Hz."""
    number = _one_number(value)
    if number is None:
        shown = one_line(repr(value), 80)
        raise SamplingFrequencyError(f"{source}: sampling frequency {shown} is not one number: pass one in Hz")
    low, high = SAMPLING_FREQUENCY_LIMITS
    if not (np.isfinite(number) and low <= number <= high):
        raise SamplingFrequencyError(
            f"{source}: sampling frequency {number} Hz, {low:g} to {high:g} can be scored: pass the right one in Hz"
        )
    return number


def whole_number(value: object, name: str) -> int:
    """An option that is a whole number; OptionError, which calls it by its name, where it is none."""
    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        shown = one_line(repr(value), 80)
        raise OptionError(f"{name} {shown} is {type(value).__name__}: pass a whole number")
    return number


def _one_number(value: object) -> float | None:
    """A number, also one in an array of one; None where it is none."""
    try:
        array = _as_array(value)
        item = array.reshape(()).item() if array.size == 1 else None
        if array.dtype.kind == "f":
            return None if item is None else float(item)
        real = array.dtype.kind in "iuO" and isinstance(item, Real | Decimal) and not isinstance(item, bool)
        return float(item) if real else None  # type: ignore[arg-type]
    except Exception:  # whatever the object's own conversion raises
        return None
