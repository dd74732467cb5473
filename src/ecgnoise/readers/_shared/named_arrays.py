"""Named arrays in a file, such as those of ``.npz``, ``.mat`` and HDF5: what they say about the signal among them.

==================================================  ================================================================
``sampling_frequency``, ``fs``, ``sampling_rate``..  in Hz; a number, or text
``isi`` with ``isi_units``                          the interval between two samples
``units``, ``unit``..                               V, mV, uV or nV, of all leads or one a lead
``lead_names``, ``leads``, ``channel_names``..      one a lead
==================================================  ================================================================

Which array is the signal says :mod:`ecgnoise.readers._shared.array_address`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.files import SEPARATOR
from ecgnoise.errors import LeadNameError, SignalShapeError, UnreadableFileError
from ecgnoise.readers._shared.base import (
    FREQUENCY_TOLERANCE,
    ReadOptions,
    distinct_names,
    most_expanded,
    sampling_frequency_notes,
    settle_sampling_frequency,
    settle_units,
    units_notes,
)
from ecgnoise.readers._shared.channel_names import ecg_rows, is_known_unit, may_be_voltage, voltage_unit
from ecgnoise.readers._shared.number_text import NO_SAMPLE
from ecgnoise.readers._shared.time_text import TIME_UNITS, seconds_per
from ecgnoise.recording import UNKNOWN_UNITS, Recording, default_lead_names, to_millivolts
from ecgnoise.samples import ArraySamples, Samples, Signal
from ecgnoise.scalogram.superlet import segment_samples

FREQUENCY_KEYS: Final = (
    "sampling_frequency", "fs", "sampling_rate", "sample_rate", "sr", "srate", "sfreq", "samplingfrequency",
    "samplingrate", "samplerate", "sampling rate", "sample rate", "sampling frequency",
    "sample_frequency", "samp_freq", "sampfreq", "freq", "frequency", "fsamp", "hz",
)  # fmt: skip
INTERVAL_KEYS: Final = ("isi", "isi_units")
UNIT_KEYS: Final = ("units", "unit", "physical_unit", "physical_units", "sig_units", "signal_units", "unittext")
NAME_KEYS: Final = (
    "lead_names", "leads", "lead", "leadnames", "channel_names", "channelnames", "channels", "ch_names", "sig_name",
    "signal_names", "labels", "chanlocs", "titles", "names",
)  # fmt: skip
KEYS: Final = frozenset({*FREQUENCY_KEYS, *INTERVAL_KEYS, *UNIT_KEYS, *NAME_KEYS, "start_sample"})
FREQUENCY_TEXT: Final = re.compile(r"\s*([0-9.eE+-]+)\s*(?:hz|samples/s|samples per second)?\s*\.?", re.IGNORECASE)
CODE15: Final = "tracings"  # what CODE-15 calls its signals, whose leads are in the order of its documentation
CODE15_LEADS: Final = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
SHORTEST_PADDING: Final = 16  # samples that are 0 in all leads
SCANNED: Final = 1 << 14  # samples at once
LARGEST_BYTES: Final = 1 << 32  # of an array that is read at once
MOST_COMPRESSED: Final = 100  # times as many bytes as are stored; ECG gives 2 to 20


class Raw(Protocol):
    """The numbers of a recording as a file has them."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples a lead."""

    def numbers(self, start: int, stop: int) -> NDArray[Any]:
        """Samples start..stop-1 of all leads, (leads, stop - start); UnreadableFileError where they are not there."""


@dataclass(frozen=True)
class HeldRaw:
    """Numbers in memory, (leads, time)."""

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples a lead."""
        return self.array.shape[0], self.array.shape[1]

    def numbers(self, start: int, stop: int) -> NDArray[Any]:
        """Samples start..stop-1 of all leads, as a view."""
        return self.array[:, start:stop]


@dataclass(frozen=True)
class Coding:
    """How samples are stored: one of ``absent`` is missing, the others count times a factor plus an offset."""

    factor: float = 1.0
    offset: float = 0.0
    absent: tuple[float, ...] = NO_SAMPLE

    def decoded(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Stored numbers as samples, NaN where one is missing."""
        missing = self.missing(numbers)
        if (self.factor, self.offset) != (1.0, 0.0):
            with np.errstate(all="ignore"):
                numbers = numbers * self.factor + self.offset
        return np.where(missing, np.nan, numbers) if missing.any() else numbers

    def missing(self, numbers: NDArray[Any]) -> NDArray[np.bool_]:
        """Which numbers stand for no sample."""
        found = np.zeros(numbers.shape, bool)
        for number in self.absent:
            found |= numbers == number
        return found


@dataclass(frozen=True)
class ScaledSamples:
    """Some leads of raw numbers in mV.

    rows: of the raw numbers. units: one a lead. first, length: the stretch that is read. missing: samples at its two
    ends that are padding.
    """

    raw: Raw
    rows: tuple[int, ...]
    units: tuple[str, ...]
    first: int
    length: int
    missing: tuple[int, int] = (0, 0)
    source: str = "array"
    coding: Coding = Coding()

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples a lead."""
        return len(self.rows), self.length

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads in mV; UnreadableFileError where the file has changed."""
        numbers = self.raw.numbers(self.first + start, self.first + stop)
        if self.rows != tuple(range(len(numbers))):
            numbers = numbers[list(self.rows)]
        numbers = self.coding.decoded(numbers)
        if len(set(self.units)) == 1:
            signal = to_millivolts(numbers, self.units[0], self.source)
        else:
            rows = zip(numbers, self.units, strict=True)
            signal = np.stack([to_millivolts(row, unit, self.source) for row, unit in rows])
        before, after = self.missing
        signal[:, : max(0, before - start)] = np.nan
        signal[:, max(0, self.length - after - start) :] = np.nan
        return signal


@dataclass(frozen=True)
class Found:
    """What a file holds of one recording.

    said: what it says, by the keys of this module in small letters. name: of the array. padded: whether zeros at both
    ends may be padding, as in an array of several recordings. address: how the recording is named in the file.
    coding: how its numbers are stored.
    """

    raw: Raw
    said: Mapping[str, Any]
    name: str
    address: str | None = None
    padded: bool = False
    notes: tuple[str, ...] = ()
    coding: Coding = Coding()


def recording_of(found: Found, options: ReadOptions, path: Path, *, held: bool) -> Recording:
    """The recording, its samples held in memory or not; errors as :func:`ecgnoise.readers.read` lists them."""
    leads, length = found.raw.shape
    said = stated_frequency(found.said, path)
    sampling_frequency = settle_sampling_frequency(said, options, path)
    names, stated = _names(found, options, leads, path)
    units = stated_units(found.said, leads)
    rows = _rows(names, units, options, path) if stated else list(range(leads))
    chosen_units = tuple(settle_units(units[row], options, path) for row in rows)
    notes = [
        *found.notes,
        *sampling_frequency_notes(said, options),
        *units_notes((units[row] for row in rows), options),
    ]
    if len(rows) < leads:
        notes.append(f"left out, not ECG: {', '.join(names[row] for row in range(leads) if row not in rows)}")
    first, last, missing, padding = _padding(found, sampling_frequency) if found.padded else (0, length, (0, 0), [])
    source = str(path) if found.address is None else f"{path}{SEPARATOR}{found.address}"
    samples: Samples = ScaledSamples(
        found.raw, tuple(rows), chosen_units, first, last - first, missing, source, found.coding
    )
    if held:
        notes += _absent_note(found, rows, first, last)
        samples = ArraySamples(samples.window(0, last - first))
    known = UNKNOWN_UNITS if UNKNOWN_UNITS in chosen_units else "mV"
    kept = distinct_names([names[row] for row in rows])
    recording = Recording(samples, sampling_frequency, kept, known, source=source, notes=(*notes, *padding))
    return recording.pick(options.lead_names) if stated and options.lead_names else recording


def _absent_note(found: Found, rows: Sequence[int], first: int, last: int) -> list[str]:
    numbers = found.raw.numbers(first, last)[list(rows)]
    many = int(found.coding.missing(numbers).sum())
    shown = "1 sample stands" if many == 1 else f"{many} samples stand"
    return [f"{shown} for none by the number: taken as missing"] if many else []


def stated_frequency(said: Mapping[str, Any], path: Path) -> float | None:
    """The sampling frequency in Hz, or None; UnreadableFileError where it is not one number."""
    found = {key: _sampling_frequency(said[key], key, path) for key in FREQUENCY_KEYS if key in said}
    if "isi" in said:
        unit = "".join(_texts(said.get("isi_units", "ms")))
        seconds = seconds_per(unit)
        if seconds is None:
            raise UnreadableFileError(f"{path}: isi_units {unit[:20]!a} is none of {TIME_UNITS}: save isi in ms")
        interval = _sampling_frequency(said["isi"], "isi", path) * seconds
        found["isi"] = 1 / interval if interval > 0 else np.nan
    first = next(iter(found.values()), None)
    if first is not None and any(
        abs(sampling_frequency - first) > FREQUENCY_TOLERANCE * abs(first) for sampling_frequency in found.values()
    ):
        listed = ", ".join(f"{key} {value:g}" for key, value in found.items())
        raise UnreadableFileError(f"{path}: its sampling frequencies differ ({listed}): save one of them only")
    return first


def stated_units(said: Mapping[str, Any], leads: int) -> tuple[str | None, ...]:
    """The unit of each lead, as the project spells it where it knows it, or None where the file says none."""
    key = next((key for key in UNIT_KEYS if key in said), None)
    texts = [text.strip(" \t\r\n\0") for text in _texts(said[key])] if key is not None else []
    if len(texts) != leads or all(len(text) == 1 for text in texts):
        joined = (
            "".join(texts)
            if len(set(texts)) > 1 and all(len(text) <= 1 for text in texts)
            else ", ".join(dict.fromkeys(texts))
        )
        texts = [joined] * leads
    return tuple((voltage_unit(text) or text) if text else None for text in texts)


def stated_names(said: Mapping[str, Any], leads: int) -> tuple[str, ...] | None:
    """The names of the leads, or None where the file has none: texts under a key for them, one a lead."""
    for key in NAME_KEYS:
        if key in said and np.asarray(said[key]).dtype.kind in "USOT":
            texts = [text.strip(" \t\r\n\0") for text in _texts(said[key])]
            if len(texts) == leads or key == "lead_names":
                return tuple(texts) or None
    return None


def check_announced(size: int, stored: int, name: str, path: Path) -> None:
    """UnreadableFileError, before it is read, for an array of more bytes than can be meant where so many are stored."""
    most = most_expanded(stored, MOST_COMPRESSED, LARGEST_BYTES)
    if size > most:
        raise UnreadableFileError(
            f"{path}: {name[:200]} announces {size} bytes, at most {most} are read at once where {stored} are stored: "
            "save it without compression, in parts, or as .npy"
        )


def _sampling_frequency(value: Any, key: str, path: Path) -> float:
    array = np.asarray(value)
    numbers = array.ravel()
    if array.dtype.kind in "iuf" and numbers.size and (numbers == numbers[0]).all():
        return float(numbers[0])
    match = FREQUENCY_TEXT.fullmatch("".join(_texts(array))) if array.dtype.kind in "USOT" else None
    try:
        return float(match[1]) if match else _no_frequency(array, key, path)
    except ValueError:
        return _no_frequency(array, key, path)


def _no_frequency(array: NDArray[Any], key: str, path: Path) -> float:
    if array.size == 1 and array.dtype.kind == "f":
        return float(array.reshape(()))
    raise UnreadableFileError(f"{path}: {key} is {array.dtype} of shape {array.shape}: save one number")


def _names(found: Found, options: ReadOptions, leads: int, path: Path) -> tuple[tuple[str, ...], bool]:
    """The names of all leads, and whether the file states them: names of the caller choose among such."""
    stated, asked = stated_names(found.said, leads), options.lead_names
    if stated is None and found.padded and found.name.strip("/") == CODE15 and leads == len(CODE15_LEADS):
        known = {name.casefold() for name in CODE15_LEADS}
        stated = CODE15_LEADS if not asked or {name.casefold() for name in asked} <= known else None
    names = stated or asked or default_lead_names(leads)
    if len(names) != leads:
        raise LeadNameError(f"{path}: {len(names)} lead names for {leads} leads: pass one a lead")
    return names, stated is not None


def _rows(names: Sequence[str], units: Sequence[str | None], options: ReadOptions, path: Path) -> list[int]:
    """The rows that are leads by their names and units."""
    voltage = [row for row, unit in enumerate(units) if unit is None or may_be_voltage(unit)]
    rows = [voltage[at] for at in ecg_rows([names[row] for row in voltage], options.lead_names)]
    if len(set(units)) > 1 and options.units is None:
        rows = [row for row in rows if units[row] is None or is_known_unit(str(units[row]))] or rows
    if not rows and len(set(units)) == 1:
        rows = ecg_rows(names)  # a unit for all that is none of voltage is an error of its own
    if not rows:
        raise SignalShapeError(f"{path}: no lead is an ECG ({', '.join(names)[:300]}): pass another recording")
    return rows


def _padding(found: Found, sampling_frequency: float) -> tuple[int, int, tuple[int, int], list[str]]:
    """The stretch between zeros at both ends, samples at its ends that are missing, and a note of it.

    Less than a second of them is missing where a segment would not be left without.
    """
    length = found.raw.shape[1]
    before, after = (count if count >= SHORTEST_PADDING else 0 for count in _zeros(found.raw))
    if not before + after or before >= length:
        return 0, length, (0, 0), []
    span = f"{before} samples at the start and {after} at the end are 0 in all leads"
    if before + after < sampling_frequency and length - before - after < segment_samples(sampling_frequency):
        return 0, length, (before, after), [f"{span}: taken for missing"]
    return before, length - after, (0, 0), [f"{span}: left out as padding"]


def _zeros(raw: Raw) -> tuple[int, int]:
    """How many samples at the start, and at the end, are 0 or missing in all leads."""
    length = raw.shape[1]

    def empty(start: int, stop: int) -> NDArray[np.bool_]:
        numbers = raw.numbers(start, stop)
        return np.asarray(((numbers == 0) | np.isnan(numbers)).all(axis=0))

    before = after = 0
    while before < length:
        found = empty(before, min(length, before + SCANNED))
        before += len(found) if found.all() else int(np.argmin(found))
        if not found.all():
            break
    while after < length - before:
        found = empty(max(before, length - after - SCANNED), length - after)[::-1]
        after += len(found) if found.all() else int(np.argmin(found))
        if not found.all():
            break
    return before, after


def _texts(value: Any) -> list[str]:
    """The strings in an array of strings, bytes, or arrays of strings (cells)."""
    found: list[str] = []
    for item in np.atleast_1d(np.asarray(value)).ravel():
        if isinstance(item, np.ndarray):
            found += _texts(item)
        else:
            found.append(item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item).strip())
    return found
