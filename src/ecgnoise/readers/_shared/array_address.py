"""Which array of a file is the signal, and which of its axes is what.

=================================  ================================================================================
(time,), (leads, time)             one recording; never transposed, unless its address says so
(n, time, leads), (n, leads, time) n recordings, where one of the last two axes can only be that of leads
=================================  ================================================================================

An address names what is meant: ``file.h5::/ecg`` an array, ``file.h5::/tracings[17]`` or
``file.h5::/tracings[exam_id=4711]`` one of its recordings, ``file.npy::.T`` an array whose rows are samples.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Final

from ecgnoise._internal.files import SEPARATOR
from ecgnoise.errors import SignalShapeError
from ecgnoise.readers._shared.channel_names import AXES, is_called_ecg, is_lead_name, is_other_signal, lead_name
from ecgnoise.recording import MAXIMUM_LEADS

ADDRESS: Final = re.compile(r"(?P<name>.*?)(?:\[(?P<index>[^\[\]]+)\])?(?P<transposed>\.T)?", re.DOTALL)
IDENTIFIED: Final = re.compile(r"(?P<name>[\w.-]+)=(?P<value>[\w.-]+)")
IDENTIFIERS: Final = re.compile(r".*(?:^|[_/.])(?:ids?|identifiers?|records?|record_names?|filenames?)", re.IGNORECASE)
SIGNAL_NAMES: Final = frozenset({"signal", "signals", "val", "tracings", "p_signal"})
TIMES: Final = frozenset({"t", "time", "times", "timestamp", "timestamps", "tm"})
MOST_LEADS: Final = 64  # of a recording of many, along the axis that is that of leads
FEWEST_SAMPLES: Final = 100  # along the other one
CLEARLY: Final = 4  # times as many samples as leads
MUCH_LARGER: Final = 10  # times the values of the next array
LISTED: Final = 10  # arrays that a message names


@dataclass(frozen=True)
class Described:
    """An array of a file that is not read yet. kind: NumPy's letter for the type of its numbers."""

    name: str
    shape: tuple[int, ...]
    kind: str

    @property
    def size(self) -> int:
        """How many values it has."""
        return prod(self.shape)

    @property
    def last(self) -> str:
        """Its name within its group or structure."""
        return re.split(r"[/.]", self.name)[-1]

    def __str__(self) -> str:
        """Name and shape, for a message."""
        return f"{self.name or 'the array'} {self.shape}"


@dataclass(frozen=True)
class Address:
    """What is named in a file: an array, one of its recordings by number or identifier, rows as samples."""

    name: str = ""
    index: int | None = None
    identifier: tuple[str, str] | None = None
    transposed: bool = False


@dataclass(frozen=True)
class Layout:
    """Where one recording lies in an array: at an index of the first axis, or all of it (None)."""

    leads: int
    samples: int
    index: int | None = None
    time_first: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Leads and samples."""
        return self.leads, self.samples


@dataclass(frozen=True)
class Stack:
    """Recordings of one shape along the first axis of an array."""

    count: int
    leads: int
    samples: int
    time_first: bool


def split_address(path: Path) -> tuple[Path, str | None]:
    """A file and the address named after it, or None: ``a.h5::/ecg`` is a.h5 and /ecg."""
    file, separator, address = str(path).partition(SEPARATOR)
    return (Path(file), address) if separator and file and address else (path, None)


def parse_address(text: str | None) -> Address:
    """What a text behind the separator names; one that names nothing else is the name of an array."""
    match = ADDRESS.fullmatch(text or "")
    if match is None or not (match["index"] or match["transposed"]):
        return Address(text or "")
    index, transposed = match["index"], match["transposed"] is not None
    if index is None:
        return Address(match["name"], transposed=transposed)
    if index.isdecimal():
        return Address(match["name"], int(index[:18]), transposed=transposed)
    identified = IDENTIFIED.fullmatch(index)
    if identified is None:
        return Address(text or "")
    return Address(match["name"], None, (identified["name"], identified["value"]), transposed)


def choose(arrays: Sequence[Described], address: Address, keys: frozenset[str], path: Path) -> Described:
    """The array that is the signal: the one named, called so, or by far the largest that can be one.

    keys: names, in small letters, of arrays that say something about a signal. SignalShapeError where none is meant,
    or several may be; a large array that is no signal by its shape is never passed over for a small one that is.
    """
    if address.name:
        named = [array for array in arrays if array.name == address.name]
        if len(named) != 1:
            raise SignalShapeError(f"{path}: no array {address.name[:200]}: there are {listed(arrays)}")
        return named[0]
    numbers = _numbers(arrays, keys)
    plausible = _plausible(numbers)
    chosen = _chosen(plausible)
    if chosen is not None:
        return chosen
    example = f"{path.name}{SEPARATOR}{(plausible or numbers or [Described('ecg', (), 'f')])[0].name}"
    if not plausible:
        raise SignalShapeError(
            f"{path}: no array is a signal by its name and type: pass another file, or, if one is all the same, name "
            f"it, as in {example}; there are {listed(arrays)}"
        )
    raise SignalShapeError(
        f"{path}: {len(plausible)} arrays may be the signal: name one, as in {example}; there are {listed(plausible)}"
    )


def separate_leads(arrays: Sequence[Described], address: Address, keys: frozenset[str]) -> list[Described]:
    """The arrays that are a lead each, such as ``I``, ``II`` and ``V1``; none where others may be the signal too."""
    found = [] if address.name else _plausible(_numbers(arrays, keys))
    named = [is_lead_name(lead_name(array.last)) and array.last.casefold() not in AXES for array in found]
    alike = len({array.shape for array in found}) == 1 and len(found[0].shape) == 1
    return found if len(found) > 1 and all(named) and alike else []


def in_groups(arrays: Sequence[Described], keys: frozenset[str]) -> list[Described]:
    """The arrays of one name in several groups, such as ``/p1/ecg`` and ``/p2/ecg``: a recording each; or none."""
    plausible = _plausible(_numbers(arrays, keys))
    called = [array for array in plausible if array.last.casefold() in SIGNAL_NAMES or is_called_ecg(array.last)]
    return called if len(called) > 1 and len({array.last for array in called}) == 1 else []


def layout_of(array: Described, address: Address, path: Path) -> Layout:
    """Where the recording lies; SignalShapeError, saying what to pass, where the axes are not clear."""
    if array.kind not in "iuf":
        raise SignalShapeError(f"{path}: {array} holds no real numbers: name another array, or save its real numbers")
    if not array.size or len(array.shape) not in {1, 2, 3}:
        raise SignalShapeError(
            f"{path}: {array} is not (leads, time) or (time,), or is empty: name another one, or save it as such"
        )
    shape, index, time_first = array.shape, address.index, address.transposed
    if len(shape) == 3:
        stack = None if time_first else stack_of(shape)
        index = 0 if index is None and shape[0] == 1 else index
        if index is None:
            raise _not_one(array, stack, path)
        time_first = stack.time_first if stack else time_first
    if index is not None:
        if len(shape) == 1 or index >= shape[0]:
            most = "no number" if len(shape) == 1 else f"0 to {shape[0] - 1}"
            raise SignalShapeError(f"{path}: {array} has no recording {index}: pass {most}")
        shape = shape[1:]
    if len(shape) == 2 and shape[1] == 1 and shape[0] >= FEWEST_SAMPLES and not time_first:  # a column is a lead
        time_first = True
    leads, samples = (1, shape[0]) if len(shape) == 1 else (shape[1], shape[0]) if time_first else shape
    _check_leads(leads, samples, array, index, path)
    return Layout(leads, samples, index, time_first and len(shape) > 1)


def stack_of(shape: tuple[int, ...]) -> Stack | None:
    """The recordings along the first of three axes; None where it is not clear which of the others is time."""
    if len(shape) != 3 or not shape[0]:
        return None
    leads, samples = sorted(shape[1:])
    if not (1 <= leads <= MOST_LEADS and samples >= FEWEST_SAMPLES and samples >= CLEARLY * leads):
        return None
    return Stack(shape[0], leads, samples, time_first=shape[1] == samples)


def addresses_of(array: Described, identifiers: tuple[str, Sequence[str]] | None) -> list[str]:
    """The addresses of all recordings in an array; none where it holds only one, or is no stack of them.

    identifiers: the name of the array that holds them, and one a recording.
    """
    stack = stack_of(array.shape)
    if stack is None or stack.count < 2 or array.kind not in "iuf":
        return []
    if identifiers is not None:
        name, values = identifiers
        return [f"{array.name}[{name}={value}]" for value in values]
    return [f"{array.name}[{index}]" for index in range(stack.count)]


def identifying(arrays: Sequence[Described], signal: Described) -> Described | None:
    """The array that has an identifier for each recording of the signal, such as ``exam_id``."""
    if len(signal.shape) != 3:
        return None
    found = [
        array
        for array in arrays
        if array.shape == signal.shape[:1] and array.kind in "iuUSO" and IDENTIFIERS.fullmatch(array.name)
    ]
    return found[0] if found else None


def usable_identifiers(values: Sequence[object]) -> list[str] | None:
    """The identifiers as texts; None where they repeat, or cannot stand in an address."""
    texts = [_text(value) for value in values]
    usable = len(set(texts)) == len(texts) and all(re.fullmatch(r"[\w.-]+", text) for text in texts)
    return texts if usable else None


def identified(address: Address, values: Sequence[object], path: Path) -> Address:
    """The address with the number of the recording that has its identifier; SignalShapeError where none has."""
    if address.identifier is None:
        return address
    name, wanted = address.identifier
    if re.fullmatch("[0-9]{1,20}", wanted) and all(type(value) is int for value in values[:1]):
        number = int(wanted)
        found = [row for row, value in enumerate(values) if value == number]
    else:
        found = [row for row, value in enumerate(values) if _text(value) == wanted]
    if len(found) != 1:
        many = "several have the" if found else "none has the"
        raise SignalShapeError(
            f"{path}: {many} {name[:100]} {wanted[:100]}: pass another one, or the number of the recording"
        )
    return Address(address.name, found[0], None, address.transposed)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def left_out(arrays: Sequence[Described], chosen: Described, keys: frozenset[str]) -> list[str]:
    """A note that names the arrays of numbers that are not the signal and say nothing about it."""
    others = [array for array in arrays if array.kind in "iufcb" and array.size > 1 and array.name != chosen.name]
    others = [array for array in others if array.last.casefold() not in keys]
    return [f"left out: {listed(others)}"] if others else []


def listed(arrays: Sequence[Described]) -> str:
    """Names and shapes of arrays, for a message."""
    if not arrays:
        return "none"
    more = f" and {len(arrays) - LISTED} more" if len(arrays) > LISTED else ""
    names = ", ".join(array.name[:80] for array in arrays[:LISTED])
    return f"{names}{more} of shape {', '.join(str(array.shape) for array in arrays[:LISTED])}"


def _numbers(arrays: Sequence[Described], keys: frozenset[str]) -> list[Described]:
    return [array for array in arrays if array.kind in "iufc" and array.size > 1 and array.last.casefold() not in keys]


def _chosen(plausible: Sequence[Described]) -> Described | None:
    """The array that is called a signal, or the only one called ECG, or by far the largest; None where none is."""
    for names in (frozenset({"signal"}), SIGNAL_NAMES):
        called = [array for array in plausible if array.last.casefold() in names]
        if called:
            return called[0] if len(called) == 1 else None
    largest = sorted(plausible, key=lambda array: array.size, reverse=True)
    called = [array for array in plausible if is_called_ecg(array.name)]
    if called and len(called) < len(plausible):
        alone = len(called) == 1 and largest[0].size < MUCH_LARGER * called[0].size
        return called[0] if alone else None
    clear = len(largest) == 1 or (len(largest) > 1 and largest[0].size >= MUCH_LARGER * largest[1].size)
    return largest[0] if clear and (not called or len(largest) == 1) else None


def _plausible(numbers: Sequence[Described]) -> list[Described]:
    """The arrays that may be signals: no identifiers, labels and times, and no tables of a row a recording."""
    found = [array for array in numbers if not is_other_signal(array.last) and array.last.casefold() not in TIMES]
    counts = {array.shape[0] for array in found if stack_of(array.shape)}
    return [array for array in found if len(array.shape) > 2 or array.shape[0] not in counts]


def _not_one(array: Described, stack: Stack | None, path: Path) -> SignalShapeError:
    name = f"{path.name}{SEPARATOR}{array.name}"
    if stack is None:
        return SignalShapeError(
            f"{path}: {array} has three dimensions, and which of them is time is not clear: name one recording, as in "
            f"{name}[0], which is (leads, time), or {name}[0].T"
        )
    return SignalShapeError(f"{path}: {array} holds {stack.count} recordings: name one, as in {name}[0]")


def _check_leads(leads: int, samples: int, array: Described, index: int | None, path: Path) -> None:
    if leads > samples and leads > 1:
        one = "" if index is None else f"[{index}]"
        name = f"{path.name}{SEPARATOR}{array.name}{one}"
        raise SignalShapeError(
            f"{path}: {array}: {leads} leads of {samples} samples, more leads than samples: "
            f"if it is (time, leads), pass its transpose, {name}.T"
        )
    if leads > MAXIMUM_LEADS:
        raise SignalShapeError(
            f"{path}: {array} has {leads} leads, at most {MAXIMUM_LEADS} can be scored at once: save fewer"
        )
