"""What a reader is, and what all readers do alike.

A reader recognises a file by its content and makes a :class:`Recording` of it. What the file says wins; what
it does not say comes from the :class:`ReadOptions`; what neither says is an error that names the option.
"""

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol

from ecgnoise.errors import (
    LeadNameError,
    MissingExtraError,
    OptionError,
    UnknownSamplingFrequencyError,
    UnknownUnitsError,
)
from ecgnoise.recording import (
    MILLIVOLTS_PER,
    UNKNOWN_UNITS,
    Recording,
    check_sampling_frequency,
)

FREQUENCY_TOLERANCE: Final = 1e-3  # relative; a time column is rounded

LONGEST_UNIT: Final = 20  # letters of one that are shown

VOLTAGE_UNITS: Final = {unit.casefold(): unit for unit in MILLIVOLTS_PER} | {
    "volt": "V",
    "volts": "V",
    "millivolt": "mV",
    "millivolts": "mV",
    "microvolt": "uV",
    "microvolts": "uV",
}
# The first word of a channel's name where it is something else than an ECG.
OTHER_SIGNALS: Final = re.compile(
    r"abp|acc[xyz]?|airflow|annotations?|art|bdf|co|cvp|eda|edf|eeg|emg|eog|events?|flow|gsr|hr|icp|imp|impedance|"
    r"marker|nbp(dias|mean|sys)|nibp|pap|pcg|pleth|ppg|pulse|resp|respiration|sao|scg|sound|spo|status|temp|thorax|"
    r"trigger|uap|uvp"
)


@dataclass(frozen=True)
class ReadOptions:
    """What the caller knows about a file that may not say it.

    sampling_frequency: Hz. units: V, mV, uV, nV or unknown. lead_names: names for leads that have none in the
    file, or, where they have, the leads wanted. dataset: which one, where a file holds several (HDF5).

    Raises SamplingFrequencyError, UnknownUnitsError or LeadNameError.
    """

    sampling_frequency: float | None = None
    units: str | None = None
    lead_names: tuple[str, ...] | None = None
    dataset: str | None = None

    def __post_init__(self) -> None:
        if self.sampling_frequency is not None:
            check_sampling_frequency(self.sampling_frequency, "option sampling_frequency")
        if self.units is not None and self.units not in {*MILLIVOLTS_PER, UNKNOWN_UNITS}:
            raise UnknownUnitsError(f"unit {self.units!r} is none of V, mV, uV, nV, unknown: pass one of them")
        if self.lead_names is not None and len(set(self.lead_names)) != len(self.lead_names):
            raise LeadNameError(f"lead names repeat ({', '.join(self.lead_names)}): pass distinct ones")


class Reader(Protocol):
    """One format."""

    @property
    def name(self) -> str:
        """What the format is called in messages."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Those, in small letters, of files that this reader tries where no reader recognises them."""

    def recognises(self, path: Path, head: bytes) -> bool:
        """Whether an existing file that begins with these bytes is by its content one for this reader."""

    def lists(self, path: Path, head: bytes) -> bool:
        """Whether the file, met in a folder, is a recording and not a part or a companion of one."""

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording; errors as :func:`ecgnoise.readers.read` lists them."""


def package_of_extra(name: str, what: str) -> ModuleType:
    """A package of the extra ``formats``, loaded when it is needed; MissingExtraError, saying what for, without it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(what, name, "formats") from error


def settle_sampling_frequency(stated: float | None, options: ReadOptions, path: Path) -> float:
    """The sampling frequency in Hz of a file that states this one, or None.

    Raises UnknownSamplingFrequencyError, SamplingFrequencyError or, where file and caller differ,
    OptionError.
    """
    asked = options.sampling_frequency
    if stated is None:
        if asked is None:
            raise UnknownSamplingFrequencyError(
                f"{path}: the file does not say its sampling frequency: pass sampling_frequency in Hz "
                "(--sampling-frequency)"
            )
        return float(asked)
    check_sampling_frequency(stated, str(path))
    if asked is not None and abs(asked - stated) > FREQUENCY_TOLERANCE * stated:
        raise OptionError(f"{path}: sampling_frequency {asked:g} Hz given, the file says {stated:g} Hz: leave it out")
    return float(stated)


def settle_units(stated: str | None, options: ReadOptions, path: Path) -> str:
    """The unit of a file or lead that states this one, or None; UnknownUnitsError where nobody says one of voltage."""
    if stated is not None and stated not in {*MILLIVOLTS_PER, UNKNOWN_UNITS}:
        raise UnknownUnitsError(
            f"{path}: the file gives the unit {stated[:LONGEST_UNIT]!r}, none of V, mV, uV, nV, unknown: "
            "save it with the right one"
        )
    unit = stated if stated is not None else options.units
    if unit is None:
        raise UnknownUnitsError(
            f"{path}: the file does not say the unit of its samples: "
            "pass units (--units), one of V, mV, uV, nV, unknown"
        )
    return unit


def voltage_unit(text: str) -> str | None:
    """The unit as MILLIVOLTS_PER spells it, or None where the text is not one of voltage."""
    return VOLTAGE_UNITS.get(text.strip().casefold())


def is_other_signal(name: str) -> bool:
    """Whether a channel's name is known to be that of something else than an ECG, such as RESP or ABP."""
    word = re.match(r"[^\W\d_]+", name.strip().casefold())
    return word is not None and OTHER_SIGNALS.fullmatch(word.group()) is not None


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names in the same order; an empty one becomes ``lead_i``, the second ECG becomes ECG_2."""
    taken: list[str] = []
    for index, name in enumerate(names):
        wanted = name or f"lead_{index}"
        candidate, count = wanted, 1
        while candidate in taken:
            count += 1
            candidate = f"{wanted}_{count}"
        taken.append(candidate)
    return tuple(taken)


def chosen(recording: Recording, options: ReadOptions) -> Recording:
    """The leads wanted of a recording whose file names its leads; LeadNameError where one is not there."""
    return recording if options.lead_names is None else recording.pick(options.lead_names)


def one_line(error: BaseException) -> str:
    """What an error of another library says, as one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]


def is_file(path: Path) -> bool:
    """Whether the path is one of a file; False also where a name is longer than the file system allows."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether the path is one of a folder, likewise."""
    try:
        return path.is_dir()
    except OSError:
        return False
