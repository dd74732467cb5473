"""Files with named channels in stated units: which of them are the leads of the recording."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import LeadNameError, NoEcgError, SignalShapeError, UnknownUnitsError
from ecgnoise.readers._shared.base import (
    ReadOptions,
    distinct_names,
    sampling_frequency_notes,
    settle_sampling_frequency,
    settle_units,
    shown_unit,
    units_notes,
)
from ecgnoise.readers._shared.channel_names import (
    brain_notes,
    ecg_rows,
    is_known_unit,
    is_other_signal,
    lead_name,
    may_be_voltage,
)
from ecgnoise.recording import MAXIMUM_LEADS, SAMPLING_FREQUENCY_LIMITS, UNKNOWN_UNITS, to_millivolts
from ecgnoise.samples import Signal

SHOWN: Final = 20  # channels that a message names


@dataclass(frozen=True)
class Channel:
    """One signal of a file.

    unit: as the file writes it, empty where it does not. sampling_frequency: samples a second. gain: False where the
    file gives none that is a number other than 0. other: True where the reader knows that it is something else.
    """

    name: str
    unit: str
    sampling_frequency: float
    gain: bool = True
    other: bool = False

    @property
    def is_ecg(self) -> bool:
        """Whether name and unit may be those of a lead."""
        named = not self.other and not is_other_signal(self.name)
        return named and (not self.unit or is_known_unit(self.unit))

    @property
    def shown(self) -> str:
        """The name for a message, with the unit where nobody knows that one."""
        strange = self.unit and may_be_voltage(self.unit) and not is_known_unit(self.unit)
        return f"{self.name} in {shown_unit(self.unit)}" if strange else self.name


@dataclass(frozen=True)
class Leads:
    """The channels that are read, by their number in the file, in the order of the recording.

    units: V, mV, uV, nV or unknown of each; None for a lead without gain. sampling_frequency: that of all of them, in
    Hz.
    """

    rows: tuple[int, ...]
    names: tuple[str, ...]
    units: tuple[str | None, ...]
    sampling_frequency: float
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


def leads_of(channels: Sequence[Channel], options: ReadOptions, path: Path) -> Leads:
    """The leads among the channels: by name and unit, those wanted, and of one sampling frequency.

    Where leads differ in sampling frequency and none is asked for by name, the frequency of most of them is taken
    and the others are named in a note.

    Raises UnknownUnitsError, LeadNameError, SignalShapeError, SamplingFrequencyError or OptionError.
    """
    kept = ecg_channels(channels, options, path)
    notes = left_out(channels, kept)
    names = dict(zip(kept, distinct_names([lead_name(channels[row].name) for row in kept]), strict=True))
    called = {row: channels[row].name for row in kept}
    rows = kept if options.lead_names is None else wanted_rows(names, options.lead_names, path, called)
    channels = [
        replace(channel, sampling_frequency=np.nan_to_num(channel.sampling_frequency, nan=0.0)) for channel in channels
    ]
    stated = _common_sampling_frequency([channels[row].sampling_frequency for row in rows])
    sampling_frequency = settle_sampling_frequency(stated, options, path)
    slower = [row for row in rows if channels[row].sampling_frequency != stated]
    if slower and options.lead_names is not None:
        listed_frequencies = ", ".join(f"{names[row]} {channels[row].sampling_frequency:g} Hz" for row in rows)
        raise LeadNameError(
            f"{path}: leads of different sampling frequency ({listed_frequencies}): pass leads of one (--leads)"
        )
    if slower:
        listed = ", ".join(f"{names[row]} ({channels[row].sampling_frequency:g} Hz)" for row in slower)
        notes.append(f"left out, not at {stated:g} Hz: {listed}")
    rows = [row for row in rows if channels[row].sampling_frequency == stated]
    units = tuple(_unit(channels[row], options, path) for row in rows)
    notes += [*brain_notes([names[row] for row in rows]), *sampling_frequency_notes(stated, options)]
    notes += units_notes((channels[row].unit for row in rows if channels[row].gain), options)
    return Leads(tuple(rows), tuple(names[row] for row in rows), units, sampling_frequency, tuple(notes))


def ecg_channels(channels: Sequence[Channel], options: ReadOptions, path: Path) -> list[int]:
    """The numbers of the channels that are ECG leads by name and unit.

    A unit that is not one of voltage counts where the caller states one, unless it is one of another quantity.
    NoEcgError where there are none, UnknownUnitsError where none has a unit of voltage, SignalShapeError where there
    are too many and none is asked for by name.
    """
    candidates = [row for row, channel in enumerate(channels) if not channel.other and may_be_voltage(channel.unit)]
    named = [candidates[at] for at in ecg_rows([channels[row].name for row in candidates], options.lead_names)]
    kept = [row for row in named if options.units or not channels[row].unit or is_known_unit(channels[row].unit)]
    if not kept and named:
        listed = ", ".join(channels[row].shown for row in named[:SHOWN])
        raise UnknownUnitsError(
            f"{path}: no unit of voltage ({listed}): pass units (--units), one of V, mV, uV, nV, unknown"
        )
    if not kept:
        listed = ", ".join(channel.name for channel in channels[:SHOWN]) or "no signals"
        raise NoEcgError(f"{path}: no channel is an ECG in a unit of voltage ({listed}): pass another recording")
    if len(kept) > MAXIMUM_LEADS and options.lead_names is None:
        raise SignalShapeError(
            f"{path}: {len(kept)} leads, at most {MAXIMUM_LEADS} can be scored at once: choose some (--leads)"
        )
    return kept


def left_out(channels: Sequence[Channel], kept: Sequence[int]) -> list[str]:
    """A note that names the channels not kept, with units that are not of voltage; none where all are kept."""
    named = [channel.shown for row, channel in enumerate(channels) if row not in kept]
    return [f"left out, not ECG: {', '.join(named)}"] if named else []


def wanted_rows(
    names: dict[int, str], wanted: Sequence[str], path: Path, called: dict[int, str] | None = None
) -> list[int]:
    """The rows of the leads wanted, in this order, by their names or by what the file calls them.

    LeadNameError where one is not there.
    """
    known = {name.casefold(): row for row, name in reversed((called or {}).items())}
    known |= {name.casefold(): row for row, name in names.items()}
    absent = [name for name in wanted if name.casefold() not in known]
    if absent or not wanted:
        asked = ", ".join(absent) or "none asked for"
        raise LeadNameError(f"{path}: no lead {asked}; it has {', '.join(names.values())}")
    return [known[name.casefold()] for name in wanted]


def _common_sampling_frequency(sampling_frequencies: Sequence[float]) -> float:
    """The rate that most leads have; of two that as many have, the higher one. One that can be scored comes first."""
    low, high = SAMPLING_FREQUENCY_LIMITS
    counts = Counter(
        sampling_frequency for sampling_frequency in sampling_frequencies if low <= sampling_frequency <= high
    ) or Counter(sampling_frequencies)
    return max(counts, key=lambda sampling_frequency: (counts[sampling_frequency], sampling_frequency))


def _unit(channel: Channel, options: ReadOptions, path: Path) -> str | None:
    return settle_units(channel.unit or None, options, path) if channel.gain else None
