"""What a reader is, and what all readers do alike.

A reader recognises a file by its content and makes a :class:`Recording` of it. What the file says wins; what
it does not say comes from the :class:`ReadOptions`; what neither says is an error that names the option.
"""

import errno
import importlib
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import BinaryIO, Final, Protocol, runtime_checkable

from ecgnoise._internal.extras import extra
from ecgnoise._internal.files import open_regular
from ecgnoise.errors import (
    LeadNameError,
    MissingFileError,
    OptionError,
    SamplingFrequencyError,
    UnknownSamplingFrequencyError,
    UnknownUnitsError,
    UnreadableFileError,
)
from ecgnoise.readers._shared.channel_names import is_known_unit, voltage_unit
from ecgnoise.recording import (
    MILLIVOLTS_PER,
    SAMPLING_FREQUENCY_LIMITS,
    UNKNOWN_UNITS,
    Recording,
    as_lead_names,
    check_sampling_frequency,
)

FREQUENCY_TOLERANCE: Final = 1e-3  # relative; a time column is rounded

HEAD_BYTES: Final = 1 << 16  # of the beginning of a file, by which readers know their own
LARGEST_HELD: Final = 1 << 28  # values of all leads that are held in memory at once, 2 GiB of float64
FREELY_EXPANDED: Final = 1 << 26  # bytes that may come out of anything compressed
LONGEST_UNIT: Final = 20  # letters of one that are shown

# What the system says where there is no such file; also where a name is too long, or a folder on the way is a file.
ABSENT: Final = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
# Kinds of files that are not read: how they are told, what they are called, and what to do instead.
OTHER_FILES: Final = (
    (stat.S_ISFIFO, "a pipe", "save what comes out of it to a file, or use ecgnoise stream"),
    (stat.S_ISCHR, "a device", "pass a file"),
    (stat.S_ISBLK, "a device", "pass a file"),
    (stat.S_ISSOCK, "a socket", "pass a file"),
    (stat.S_ISDIR, "a folder", "pass a file in it"),
)


@dataclass(frozen=True)
class ReadOptions:
    """What the caller states about files that may not state it themselves.

    Parameters
    ----------
    sampling_frequency : float or None, default None
        In Hz, 100 to 100,000.
    units : {"V", "mV", "uV", "nV", "unknown"} or None, default None
        Unit of the samples.
    lead_names : sequence of str or None, default None
        Names for the leads of a file that has none; for a file that names its leads, the leads wanted. Kept as a tuple.

    Raises
    ------
    SamplingFrequencyError
        If the sampling frequency is not one number or is out of range.
    UnknownUnitsError
        If the unit is none of those listed.
    LeadNameError
        If the lead names are not texts or are repeated.

    Examples
    --------
    >>> from ecgnoise import ReadOptions
    >>> ReadOptions(sampling_frequency=500, units="uV").sampling_frequency
    500.0
    """

    sampling_frequency: float | None = None
    units: str | None = None
    lead_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.sampling_frequency is not None:
            sampling_frequency = check_sampling_frequency(self.sampling_frequency, "option sampling_frequency")
            object.__setattr__(self, "sampling_frequency", sampling_frequency)
        if self.lead_names is not None:
            object.__setattr__(self, "lead_names", as_lead_names(self.lead_names, "option lead_names"))
        if self.units is not None and self.units not in (*MILLIVOLTS_PER, UNKNOWN_UNITS):
            raise UnknownUnitsError(f"unit {self.units!r} is none of V, mV, uV, nV, unknown: pass one of them")
        if self.lead_names is not None and len(set(self.lead_names)) != len(self.lead_names):
            raise LeadNameError(f"lead names repeat ({', '.join(self.lead_names)}): pass distinct ones")


@dataclass(frozen=True)
class ReadRequest(ReadOptions):
    """What a reader is asked for: what the caller states, and which array of a file that holds several.

    Attributes
    ----------
    dataset : str or None
        What the path names after ``::``, as in ``file.h5::/ecg``.
    """

    dataset: str | None = None


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

    def read(self, path: Path, options: ReadRequest) -> Recording:
        """The recording; errors as :func:`ecgnoise.readers.read` lists them."""


@runtime_checkable
class Container(Protocol):
    """The reader of a format whose files hold arrays: a path may name one of them, or a recording in it."""

    def addresses(self, path: Path, dataset: str | None) -> list[str]:
        """The addresses of the recordings, where the array that is meant, or named, holds several; none otherwise."""

    def read(self, path: Path, options: ReadRequest) -> Recording:
        """The recording, of the array that the options name."""


def package_of_extra(name: str, what: str) -> ModuleType:
    """A package of the extra ``formats``, loaded when it is needed; MissingExtraError, saying what for, without it."""
    with extra(what, "formats"):
        return importlib.import_module(name)


def settle_sampling_frequency(stated: float | None, options: ReadOptions, path: Path) -> float:
    """The sampling frequency in Hz of a file that states this one, or None.

    One that cannot be, such as 0, or 0.5 of a file that means kHz, gives way to the caller's;
    :func:`frequency_notes` makes a note of it.

    Raises UnknownSamplingFrequencyError, SamplingFrequencyError or, where file and caller differ,
    OptionError.
    """
    asked = options.sampling_frequency
    if stated is not None and not _can_be(stated):
        if asked is not None:
            return float(asked)
        low, high = SAMPLING_FREQUENCY_LIMITS
        raise SamplingFrequencyError(
            f"{path}: the file says {stated:g} Hz for its sampling frequency, {low:g} to {high:g} can be scored: if "
            "that is wrong, pass sampling_frequency in Hz (--sampling-frequency)"
        )
    if stated is None:
        if asked is None:
            raise UnknownSamplingFrequencyError(
                f"{path}: the file does not say its sampling frequency: pass sampling_frequency in Hz "
                "(--sampling-frequency)"
            )
        return float(asked)
    if asked is not None and abs(asked - stated) > FREQUENCY_TOLERANCE * stated:
        raise OptionError(f"{path}: sampling_frequency {asked:g} Hz given, the file says {stated:g} Hz: leave it out")
    return stated


def sampling_frequency_notes(stated: float | None, options: ReadOptions) -> list[str]:
    """A note where a file states a sampling frequency that cannot be, such as 0, and the caller states one."""
    if stated is None or _can_be(stated) or options.sampling_frequency is None:
        return []
    return [f"the file says {stated:g} Hz: {options.sampling_frequency:g} Hz as stated"]


def _can_be(sampling_frequency: float) -> bool:
    low, high = SAMPLING_FREQUENCY_LIMITS
    return low <= sampling_frequency <= high


def settle_units(stated: str | None, options: ReadOptions, path: Path) -> str:
    """The unit of a file or lead that states this one, or None where it does not.

    A unit of voltage that the file states holds. Where it states none, or one that cannot be read (``adu``, ``?V``),
    what the caller says holds; :func:`units_notes` makes a note of it. UnknownUnitsError where nobody says one.
    """
    if stated is not None and is_known_unit(stated):
        return voltage_unit(stated) or UNKNOWN_UNITS
    if options.units is not None:
        return options.units
    said = "does not say the unit of its samples" if stated is None else f"gives the unit {shown_unit(stated)}"
    raise UnknownUnitsError(f"{path}: the file {said}: pass units (--units), one of V, mV, uV, nV, unknown")


def units_notes(stated: Iterable[str | None], options: ReadOptions) -> list[str]:
    """Notes where the unit that a file states for its leads is not the one that the caller states."""
    if options.units is None:
        return []
    notes = []
    for unit in dict.fromkeys(text for text in stated if text):
        if not is_known_unit(unit):
            notes.append(f"the file gives the unit {shown_unit(unit)}: taken as {options.units}, as stated")
        elif _millivolts(unit) != _millivolts(options.units):
            notes.append(f"the file gives the unit {shown_unit(unit)}, which holds: {options.units} is not used")
    return notes


def _millivolts(unit: str) -> float | None:
    """What a known unit is in mV, however it is spelled; None for ``unknown``."""
    spelled = voltage_unit(unit)
    return None if spelled is None else MILLIVOLTS_PER[spelled]


def shown_unit(unit: str) -> str:
    """A unit as a message shows it: quoted, without control characters, of 20 letters at most."""
    return ascii(unit.strip(" \t\r\n\0")[:LONGEST_UNIT]) if not unit.isprintable() else repr(unit[:LONGEST_UNIT])


def most_expanded(stored: int, ratio: int, most: int) -> int:
    """How many bytes may come out of so many compressed ones, of which so many times as many are plausible."""
    return min(most, max(FREELY_EXPANDED, ratio * stored))


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


def open_file(path: Path) -> BinaryIO:
    """A regular file, opened for reading bytes; what a link leads to counts.

    Devices have no end and a pipe may never say anything, so that neither is opened, also where the header of a record
    names one. UnreadableFileError where the path is none of a regular file, or of one that cannot be opened.
    """
    check_regular(path)
    try:
        return open_regular(path)
    except OSError as error:
        raise UnreadableFileError(f"{path}: cannot be opened ({error.strerror}): {_remedy(error)}") from error


def check_regular(path: Path) -> None:
    """UnreadableFileError unless the path is one of a regular file, for what a library opens by its name."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        if not isinstance(error, OSError) or error.errno in ABSENT:
            raise MissingFileError(f"{path}: no such file: check the path") from error
        raise UnreadableFileError(f"{path}: cannot be opened ({error.strerror}): {_remedy(error)}") from error
    _check_mode(path, mode)


def _check_mode(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        known = (f"{what}, no file: {remedy}" for is_one, what, remedy in OTHER_FILES if is_one(mode))
        raise UnreadableFileError(f"{path}: this is {next(known, 'no regular file: pass one')}")


def _remedy(error: BaseException) -> str:
    return "check its permissions" if isinstance(error, PermissionError) else "check the path"
