"""ISHNE Holter files (``.ecg``): one to twelve leads of 16-bit samples, read window by window.

The format: Badilini, The ISHNE Holter standard output file format, Ann. Noninvasive Electrocardiol. 3 (1998) 263,
tables 1 and 2: an 8-byte magic, a checksum (CRC-CCITT from 0xFFFF, of both headers), a fixed header of 512 bytes, a
header of variable length, and the samples of all leads by turns. The amplitude resolution is in nV; -32768 marks a
missing sample.
"""

import binascii
import os
import struct
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from ecgnoise.errors import EcgNoiseError, UnreadableFileError
from ecgnoise.readers._shared.base import ReadOptions, open_file
from ecgnoise.readers._shared.channels import Channel, Leads, leads_of
from ecgnoise.recording import Recording
from ecgnoise.samples import Signal

MAGIC: Final = b"ISHNE1.0"
FIXED_BYTES: Final = 522  # magic, checksum and fixed header
MOST_LEADS: Final = 12
MISSING: Final = -32768
NAMES: Final = ("", "", "X", "Y", "Z", "I", "II", "III", "aVR", "aVL", "aVF", *(f"V{n}" for n in range(1, 7)))
MORE_NAMES: Final = ("ES", "AS", "AI")


@dataclass(frozen=True)
class _Header:
    """What is used of the fixed header: resolutions in nV a unit of each lead; a frequency of 0 is none."""

    offset: int
    samples: int
    names: tuple[str, ...]
    resolutions: tuple[int, ...]
    sampling_frequency: float
    start: datetime | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class IshneSamples:
    """Samples of some leads of a file; ``width`` leads lie side by side in it."""

    path: Path
    leads: Leads
    resolutions: tuple[int, ...]
    shape: tuple[int, int]
    width: int
    offset: int

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads in mV; UnreadableFileError where the file has become shorter."""
        count = max(stop - start, 0) * self.width
        try:
            with open_file(self.path) as file:
                raw = np.fromfile(file, "<i2", count, offset=self.offset + 2 * start * self.width)
        except EcgNoiseError:
            raise
        except OSError as error:
            raise UnreadableFileError(f"{self.path}: cannot be read ({error.strerror}): read it again") from error
        if len(raw) < count:
            raise UnreadableFileError(f"{self.path}: shorter than when it was opened: read it again")
        rows = raw.reshape(-1, self.width).T[list(self.leads.rows)]
        nanovolts = np.where(rows == MISSING, np.nan, rows * np.array(self.resolutions, np.float64)[:, None])
        return self.leads.scaled(nanovolts, self.path)


@dataclass(frozen=True)
class IshneReader:
    """A Holter recording of any length."""

    name: str = "ISHNE Holter (.ecg)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the magic."""
        del path
        return head.startswith(MAGIC)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, its samples left on disk."""
        header = _header(path)
        notes, sampling_frequency = list(header.notes), header.sampling_frequency
        if sampling_frequency <= 0 and options.sampling_frequency is not None:
            sampling_frequency = options.sampling_frequency
            notes.append(
                f"the header says {header.sampling_frequency:g} Hz: taken as {sampling_frequency:g} Hz, as stated"
            )
        channels = [
            Channel(name, "nV", sampling_frequency, resolution > 0)
            for name, resolution in zip(header.names, header.resolutions, strict=True)
        ]
        leads = leads_of(channels, options, path)
        resolutions = tuple(header.resolutions[row] for row in leads.rows)
        notes += [
            f"no gain: {name} has {resolution} nV a unit by the header"
            for name, resolution in zip(leads.names, resolutions, strict=True)
            if resolution <= 0
        ]
        shape = (len(leads.rows), header.samples)
        return Recording(
            IshneSamples(path, leads, resolutions, shape, len(channels), header.offset),
            leads.sampling_frequency,
            leads.names,
            leads.recording_units,
            header.start,
            str(path),
            leads.faults,
            (*leads.notes, *notes),
        )


def _header(path: Path) -> _Header:
    """The header; UnreadableFileError where it is cut off or contradicts itself, or no samples follow it."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        fixed = file.read(FIXED_BYTES)
        if len(fixed) < FIXED_BYTES:
            raise UnreadableFileError(f"{path}: {len(fixed)} bytes, the header has {FIXED_BYTES}: fetch it again")
        (count,) = struct.unpack_from("<h", fixed, 156)
        if not 1 <= count <= MOST_LEADS:
            raise UnreadableFileError(f"{path}: {count} leads, 1 to {MOST_LEADS} are allowed: fetch the file again")
        offset, notes = _offset(fixed, size, count, path)
        headers = fixed[10:] + file.read(offset - FIXED_BYTES)
    stated, found = struct.unpack_from("<H", fixed, 8)[0], binascii.crc_hqx(headers, 0xFFFF)
    if stated not in {0, found}:
        notes.append(f"checksum {found:#06x} of the headers, {stated:#06x} stated: they may be damaged")
    samples, more = _samples(fixed, (size - offset) // (2 * count), count, path)
    start, odd = _start(fixed)
    (sampling_frequency,) = struct.unpack_from("<h", fixed, 272)
    codes = struct.unpack_from(f"<{count}h", fixed, 158)
    resolutions = struct.unpack_from(f"<{count}h", fixed, 206)
    return _Header(
        offset, samples, tuple(map(_name, codes)), resolutions, float(sampling_frequency), start, (*notes, *more, *odd)
    )


def _offset(fixed: bytes, size: int, count: int, path: Path) -> tuple[int, list[str]]:
    """Where the samples begin, and a note where the header says two things.

    It gives the length of its variable block, and the place of the samples. Where they differ, the one counts that
    leaves as many samples as announced. UnreadableFileError where neither lies in the file.
    """
    variable, announced, _, stated = struct.unpack_from("<4i", fixed, 10)
    places = [place for place in (FIXED_BYTES + variable, stated) if FIXED_BYTES <= place < size]
    fitting = [place for place in places or [FIXED_BYTES] if size - place in {2 * count * announced, 2 * announced}]
    if not places and not fitting:
        raise UnreadableFileError(
            f"{path}: its variable block has {variable} bytes by the header, the file {size}: fetch it again"
        )
    offset = (fitting or places)[0]
    if offset == FIXED_BYTES + variable:
        return offset, []
    return offset, [f"the header says that its variable block has {variable} bytes: samples taken from byte {offset}"]


def _samples(fixed: bytes, present: int, count: int, path: Path) -> tuple[int, list[str]]:
    """The samples a lead that are there and announced, and a note where these differ.

    Those of one lead are announced by the paper; of all leads in the files of some recorders.
    """
    (announced,) = struct.unpack_from("<i", fixed, 14)
    if present <= 0:
        raise UnreadableFileError(
            f"{path}: no samples, {announced} a lead announced by the header: fetch the whole file"
        )
    if announced == present or (announced > present and announced // count == present):
        return present, []
    if announced <= 0:
        return present, [f"{announced} samples a lead announced by the header, {present} are there and read"]
    if announced > present:
        return present, [f"cut short: {announced} samples a lead announced by the header, {present} are there and read"]
    return announced, [f"{announced} samples a lead announced by the header and read, {present} are there"]


def _name(code: int) -> str:
    """The name of a lead by its code (table 1); empty for an unknown one."""
    names = NAMES + MORE_NAMES
    return names[code] if 0 <= code < len(names) else ""


def _start(fixed: bytes) -> tuple[datetime | None, list[str]]:
    """When the recording began, and a note where the header's date or time is none."""
    day, month, year = struct.unpack_from("<3h", fixed, 138)
    hour, minute, second = struct.unpack_from("<3h", fixed, 150)
    try:
        return datetime(year, month, day, hour, minute, second), []
    except ValueError:
        return None, [f"start not known: the header has the date {day}/{month}/{year} and {hour}:{minute}:{second}"]
