"""ISHNE Holter files (``.ecg``): one to twelve leads of 16-bit samples, read window by window.

The format: Badilini, The ISHNE Holter standard output file format, Ann. Noninvasive Electrocardiol. 3 (1998) 263,
tables 1 and 2: an 8-byte magic, a checksum, a fixed header of 512 bytes, a header of variable length, and the
samples of all leads by turns. The amplitude resolution is in nV; -32768 marks a missing sample.
"""

import struct
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers.base import ReadOptions
from ecgnoise.readers.channels import Channel, Leads, leads_of
from ecgnoise.recording import Recording, Signal

MAGIC: Final = b"ISHNE1.0"
FIXED_BYTES: Final = 522  # magic, checksum and fixed header
MOST_LEADS: Final = 12
MISSING: Final = -32768
NAMES: Final = ("", "", "X", "Y", "Z", "I", "II", "III", "aVR", "aVL", "aVF", *(f"V{n}" for n in range(1, 7)))
MORE_NAMES: Final = ("ES", "AS", "AI")


@dataclass(frozen=True)
class _Header:
    """What is used of the fixed header: resolutions in nV a unit of each lead."""

    offset: int
    samples: int
    names: tuple[str, ...]
    resolutions: tuple[int, ...]
    frequency: float
    start: datetime | None


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
            with self.path.open("rb") as file:
                raw = np.fromfile(file, "<i2", count, offset=self.offset + 2 * start * self.width)
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
        channels = [
            Channel(name, "nV", header.frequency, resolution > 0)
            for name, resolution in zip(header.names, header.resolutions, strict=True)
        ]
        leads = leads_of(channels, options, path)
        resolutions = tuple(header.resolutions[row] for row in leads.rows)
        shape = (len(leads.rows), header.samples)
        return Recording(
            IshneSamples(path, leads, resolutions, shape, len(channels), header.offset),
            leads.frequency,
            leads.names,
            leads.recording_units,
            header.start,
            str(path),
            leads.faults,
            leads.notes,
        )


def _header(path: Path) -> _Header:
    """The header; UnreadableFileError where it is cut off, contradicts itself or the length of the file."""
    with path.open("rb") as file:
        fixed = file.read(FIXED_BYTES)
    if len(fixed) < FIXED_BYTES:
        raise UnreadableFileError(f"{path}: {len(fixed)} bytes, the header has {FIXED_BYTES}: fetch it again")
    variable, announced = struct.unpack_from("<2i", fixed, 10)
    (count,) = struct.unpack_from("<h", fixed, 156)
    if not 1 <= count <= MOST_LEADS or variable < 0:
        raise UnreadableFileError(f"{path}: {count} leads, 1 to {MOST_LEADS} are allowed: fetch the file again")
    offset = FIXED_BYTES + variable
    present = (path.stat().st_size - offset) // (2 * count)
    # The samples of one lead by the paper; of all leads in the files of some recorders.
    samples = announced if present >= announced else announced // count
    if samples <= 0 or present < samples or (samples < announced and present != samples):
        raise UnreadableFileError(
            f"{path}: {present} samples a lead, {announced} announced by the header: fetch the whole file"
        )
    (frequency,) = struct.unpack_from("<h", fixed, 272)
    codes = struct.unpack_from(f"<{count}h", fixed, 158)
    resolutions = struct.unpack_from(f"<{count}h", fixed, 206)
    return _Header(offset, samples, tuple(map(_name, codes)), resolutions, float(frequency), _start(fixed))


def _name(code: int) -> str:
    """The name of a lead by its code (table 1); empty for an unknown one."""
    names = NAMES + MORE_NAMES
    return names[code] if 0 <= code < len(names) else ""


def _start(fixed: bytes) -> datetime | None:
    day, month, year = struct.unpack_from("<3h", fixed, 138)
    try:
        return datetime(year, month, day, *struct.unpack_from("<3h", fixed, 150))
    except ValueError:
        return None
