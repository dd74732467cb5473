"""Files with named channels in stated units: which of them are the leads of the recording."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import LeadNameError, SignalShapeError, UnknownUnitsError
from ecgnoise.readers.base import (
    ReadOptions,
    distinct_names,
    is_other_signal,
    settle_sampling_frequency,
    settle_units,
    voltage_unit,
)
from ecgnoise.recording import MAXIMUM_LEADS, SAMPLING_FREQUENCY_LIMITS, UNKNOWN_UNITS, Signal, to_millivolts

PREFIX: Final = re.compile(r"(?:lead|ecg|ekg)[\s_:-]+", re.IGNORECASE)
LEAD_NAME: Final = re.compile(r"i|ii|iii|-?av[rlf]|v\d{1,2}r?|c[mc]\d|ml\w+|[xyz]|ecg\w*|ekg\w*", re.IGNORECASE)


@dataclass(frozen=True)
class Channel:
    """One signal of a file.

    unit: as the file writes it, empty where it does not. frequency: samples a second. gain: False where the file
    gives none that is a number other than 0. other: True where the reader knows that it is something else.
    """

    name: str
    unit: str
    frequency: float
    gain: bool = True
    other: bool = False

    @property
    def is_ecg(self) -> bool:
        """Whether name and unit may be those of a lead."""
        named = not self.other and not is_other_signal(self.name)
        return named and (not self.unit or voltage_unit(self.unit) is not None)


@dataclass(frozen=True)
class Leads:
    """The channels that are read, by their number in the file, in the order of the recording.

    units: V, mV, uV, nV or unknown of each; None for a lead without gain. frequency: that of all of them, in Hz.
    """

    rows: tuple[int, ...]
    names: tuple[str, ...]
    units: tuple[str | None, ...]
    frequency: float
    notes: tuple[str, ...]

    @property
    def recording_units(self) -> str:
        """What the recording calls its unit."""
        return UNKNOWN_UNITS if UNKNOWN_UNITS in self.units else "mV"

    @property
    def faults(self) -> tuple[str, ...]:
        """The fault of each lead that is unusable as a whole."""
        return tuple("no_gain" if unit is None else "" for unit in self.units)

    def scaled(self, signal: NDArray[np.float64], path: Path) -> Signal:
        """(leads, time) in the units of the leads as mV; NaN for a lead without gain."""
        result = np.full(signal.shape, np.nan, np.float32)
        for row, unit in enumerate(self.units):
            if unit is not None:
                result[row] = to_millivolts(signal[row], unit, str(path))
        return result


def lead_name(name: str) -> str:
    """A channel's name without the word for its kind: ``Lead II`` and ``ECG II`` are II; ``ECG 1`` stays."""
    short = PREFIX.sub("", name.strip(), count=1)
    return short if is_lead_name(short) else name.strip()


def is_lead_name(name: str) -> bool:
    """Whether this is what an ECG lead is called, such as aVR, V4R, MLII or ECG1."""
    return LEAD_NAME.fullmatch(name) is not None


def leads_of(channels: Sequence[Channel], options: ReadOptions, path: Path) -> Leads:
    """The leads among the channels: by name and unit, those wanted, and of one sampling frequency.

    Where leads differ in sampling frequency and none is asked for by name, the frequency of most of them is taken
    and the others are named in a note.

    Raises UnknownUnitsError, LeadNameError, SignalShapeError, SamplingFrequencyError or OptionError.
    """
    kept = [row for row, channel in enumerate(channels) if channel.is_ecg]
    other = [channel.name for channel in channels if not channel.is_ecg]
    if not kept:
        listed = ", ".join(other[:20]) or "no signals"
        raise UnknownUnitsError(f"{path}: no channel is an ECG in a unit of voltage ({listed}): pass another recording")
    if len(kept) > MAXIMUM_LEADS:
        raise SignalShapeError(f"{path}: {len(kept)} leads, at most {MAXIMUM_LEADS} can be scored at once: pass fewer")
    notes = [f"left out, not ECG: {', '.join(other)}"] if other else []
    names = dict(zip(kept, distinct_names([lead_name(channels[row].name) for row in kept]), strict=True))
    rows = kept if options.lead_names is None else wanted_rows(names, options.lead_names, path)
    rate = _common_rate([channels[row].frequency for row in rows])
    frequency = settle_sampling_frequency(rate, options, path)
    slower = [row for row in rows if channels[row].frequency != rate]
    if slower and options.lead_names is not None:
        rates = ", ".join(f"{names[row]} {channels[row].frequency:g} Hz" for row in rows)
        raise LeadNameError(f"{path}: leads of different sampling frequency ({rates}): pass leads of one (--leads)")
    if slower:
        listed = ", ".join(f"{names[row]} ({channels[row].frequency:g} Hz)" for row in slower)
        notes.append(f"left out, not at {rate:g} Hz: {listed}")
    rows = [row for row in rows if channels[row].frequency == rate]
    units = tuple(_unit(channels[row], options, path) for row in rows)
    return Leads(tuple(rows), tuple(names[row] for row in rows), units, frequency, tuple(notes))


def wanted_rows(names: dict[int, str], wanted: Sequence[str], path: Path) -> list[int]:
    """The rows of the leads wanted, by their names, in this order; LeadNameError where one is not there."""
    known = {name.casefold(): row for row, name in names.items()}
    absent = [name for name in wanted if name.casefold() not in known]
    if absent or not wanted:
        asked = ", ".join(absent) or "none asked for"
        raise LeadNameError(f"{path}: no lead {asked}; it has {', '.join(names.values())}")
    return [known[name.casefold()] for name in wanted]


def _common_rate(rates: Sequence[float]) -> float:
    """The rate that most leads have; of two that as many have, the higher one. One that can be scored comes first."""
    low, high = SAMPLING_FREQUENCY_LIMITS
    counts = Counter(rate for rate in rates if low <= rate <= high) or Counter(rates)
    return max(counts, key=lambda rate: (counts[rate], rate))


def _unit(channel: Channel, options: ReadOptions, path: Path) -> str | None:
    return settle_units(voltage_unit(channel.unit), options, path) if channel.gain else None
