"""The signal files of WFDB records, after signal(5) of the WFDB Applications Guide, some frames at a time.

A frame holds one or more samples of each signal in a file, by turns. The wfdb package has no call that reads a signal
file without its header, which it cannot always read (see wfdb_header); the tests compare all formats with it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError, one_line
from ecgnoise.readers._shared.base import open_file

TYPES: Final = {8: "<i1", 16: "<i2", 32: "<i4", 61: ">i2", 80: "<u1", 160: "<u2"}
BLOCKS: Final = {24: (1, 3), 212: (2, 3), 310: (3, 4), 311: (3, 4)}  # samples in a block, and its bytes
FLAC: Final = {508: 8, 516: 16, 524: 24}  # bits
FLAC_BITS: Final = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}
OFFSETS: Final = {80: 128, 160: 32768}
CODINGS: Final = frozenset({*TYPES, *BLOCKS, *FLAC})
# The value of a sample that is missing; format 8 has none.
MISSING: Final = {
    16: -(2**15), 24: -(2**23), 32: -(2**31), 61: -(2**15), 80: -(2**7), 160: -(2**15), 212: -(2**11), 310: -(2**9),
    311: -(2**9), 508: -(2**7), 516: -(2**15), 524: -(2**23),
}  # fmt: skip
FLAC_TOGETHER: Final = 1 << 16
TOGETHER: Final = 1 << 16  # frames of differences between two values that are known

Counts = NDArray[Any]


@dataclass(frozen=True)
class SignalFile:
    """One signal file.

    header: what names it. widths: samples a frame of each signal. frames: those that are read. firsts: the value of
    each signal before the first difference (format 8), and before each further TOGETHER frames.
    """

    header: Path
    path: Path
    coding: int
    offset: int
    widths: tuple[int, ...]
    frames: int
    firsts: tuple[tuple[int, ...], ...] = ()

    def read(self, start: int, stop: int) -> Counts:
        """Frames start..stop-1, (frames, samples a frame); UnreadableFileError where the file has changed."""
        width = sum(self.widths)
        if stop <= start:
            return np.empty((0, width), np.int32)
        if self.coding == 8:
            return self._summed(start, stop)
        return self.stored(start * width, stop * width).reshape(-1, width)

    def missing(self, counts: Counts) -> NDArray[np.bool_]:
        """Which of the counts stand for missing samples."""
        value = MISSING.get(self.coding)
        return np.zeros(counts.shape, np.bool_) if value is None else counts == value

    def stored(self, start: int, stop: int) -> Counts:
        """Samples start..stop-1 as they lie in the file, by turns of the signals; of format 8, differences."""
        with opened(self.path, self.header) as file:
            if self.coding in FLAC:
                return _flac(self, file, start, stop)
            if self.coding in BLOCKS:
                return _packed(self, file, start, stop)
            kind = np.dtype(TYPES[self.coding])
            content = self.content(file, start * kind.itemsize, (stop - start) * kind.itemsize)
        counts: Counts = np.frombuffer(content, kind)
        if self.coding not in OFFSETS:
            return counts
        return counts.astype(np.int32) - OFFSETS[self.coding]

    def content(self, file: BinaryIO, place: int, count: int) -> bytes:
        """So many bytes behind the offset; UnreadableFileError where the file has become shorter."""
        file.seek(self.offset + place)
        content = file.read(count)
        if len(content) < count:
            raise UnreadableFileError(
                f"{self.header}: its file {self.path.name} is shorter than when it was opened: read it again"
            )
        return content

    def _summed(self, start: int, stop: int) -> Counts:
        """Of differences: those from the last known value on are added up."""
        at, width = start // TOGETHER, sum(self.widths)
        first = at * TOGETHER
        steps = self.stored(first * width, stop * width).reshape(-1, width)
        return _added(steps, self.widths, self.firsts[at])[start - first :]


def signal_file(
    header: Path, path: Path, stored: tuple[int, int], widths: tuple[int, ...], firsts: tuple[int, ...]
) -> SignalFile:
    """A signal file with all whole frames that it has.

    stored: its format, and the bytes (of FLAC, samples) before the samples. widths, firsts: samples a frame of each
    signal, and its value before the first difference. UnreadableFileError where it cannot be opened, is no file, or
    is of another format.
    """
    coding, offset = stored
    if coding not in CODINGS:
        raise UnreadableFileError(
            f"{header}: its file {path.name} has the format {coding}, none of {', '.join(map(str, sorted(CODINGS)))}: "
            "mend the header, or convert the record"
        )
    found = SignalFile(header, path, coding, offset, widths, 0, (firsts,))
    with opened(path, header) as file:
        if coding in FLAC:
            return replace(found, frames=_flac_frames(found, file))
        held = _held(coding, max(0, os.fstat(file.fileno()).st_size - offset))
    return replace(found, frames=held // sum(widths))


def with_sums(file: SignalFile) -> SignalFile:
    """The same file; of differences (format 8) with the values of all signals after each TOGETHER frames."""
    if file.coding != 8:
        return replace(file, firsts=())
    known, width, last = list(file.firsts), sum(file.widths), np.cumsum(file.widths) - 1
    for start in range(0, file.frames - TOGETHER, TOGETHER):
        steps = file.stored(start * width, (start + TOGETHER) * width).reshape(-1, width)
        known.append(tuple(_added(steps, file.widths, known[-1])[-1, last].tolist()))
    return replace(file, firsts=tuple(known))


@contextmanager
def opened(path: Path, header: Path) -> Iterator[BinaryIO]:
    """A file to read from; UnreadableFileError where it is none, but a folder, a device or a pipe, or fails."""
    if not path.exists():
        raise UnreadableFileError(f"{header}: its file {path.name} is missing: put it beside the header")
    try:
        file = open_file(path)
    except UnreadableFileError as error:
        if path == header:
            raise
        raise UnreadableFileError(f"{header} names {error}") from error
    try:
        with file:
            yield file
    except OSError as error:
        raise UnreadableFileError(
            f"{header}: its file {path.name} cannot be read ({error.strerror}): check it, or fetch it again"
        ) from error


def _held(coding: int, size: int) -> int:
    """How many samples lie in so many bytes."""
    if coding not in BLOCKS:
        return size // np.dtype(TYPES[coding]).itemsize
    samples, length = BLOCKS[coding]
    whole, rest = divmod(size, length)
    more = {212: rest // 2, 310: int(rest >= 2), 311: max(0, rest - 1)}.get(coding, 0)
    return whole * samples + more


def _packed(stored: SignalFile, file: BinaryIO, start: int, stop: int) -> Counts:
    """Samples that share bytes with others."""
    samples, length = BLOCKS[stored.coding]
    first, last = start // samples, -(-stop // samples)
    left = os.fstat(file.fileno()).st_size - stored.offset
    content = stored.content(file, first * length, max(1, min(last * length, left) - first * length))
    raw = np.frombuffer(content.ljust((last - first) * length, b"\0"), np.uint8).reshape(-1, length)
    if len(content) and _held(stored.coding, first * length + len(content)) < stop:
        raise UnreadableFileError(
            f"{stored.header}: its file {stored.path.name} is shorter than when it was opened: read it again"
        )
    return _unpacked(stored.coding, raw).reshape(-1)[start - first * samples : stop - first * samples]


def _unpacked(coding: int, raw: NDArray[np.uint8]) -> Counts:
    """(blocks, samples) of (blocks, bytes)."""
    if coding == 24:
        padded = np.zeros((len(raw), 4), np.uint8)
        padded[:, 1:] = raw
        wide: Counts = padded.view("<i4") >> 8
        return wide
    part = raw.astype(np.int16).T
    if coding == 212:
        rows, bits = [part[0] | (part[1] & 0x0F) << 8, part[2] | (part[1] & 0xF0) << 4], 12
    elif coding == 310:
        rows = [
            part[0] >> 1 | (part[1] & 7) << 7,
            part[2] >> 1 | (part[3] & 7) << 7,
            part[1] >> 3 | (part[3] >> 3) << 5,
        ]
        bits = 10
    else:
        rows = [
            part[0] | (part[1] & 3) << 8,
            part[1] >> 2 | (part[2] & 0x0F) << 6,
            part[2] >> 4 | (part[3] & 0x3F) << 4,
        ]
        bits = 10
    counts = np.stack(rows, axis=1)
    signed: Counts = counts - ((counts >> (bits - 1) & 1) << bits)
    return signed


def _added(steps: Counts, widths: tuple[int, ...], firsts: tuple[int, ...]) -> Counts:
    """The values of (frames, samples a frame) differences, of each signal from its own first value on."""
    counts, begin = np.empty(steps.shape, np.int64), 0
    for width, first in zip(widths, firsts, strict=True):
        part = steps[:, begin : begin + width].reshape(-1)
        counts[:, begin : begin + width] = (np.cumsum(part, dtype=np.int64) + first).reshape(-1, width)
        begin += width
    return counts


def _flac_frames(stored: SignalFile, file: BinaryIO) -> int:
    """The frames of a FLAC file; UnreadableFileError where it is none of this many signals and bits."""
    with _decoder(stored, file) as sound:
        bits, channels, samples = FLAC_BITS.get(sound.subtype, 32), sound.channels, sound.frames
    if len(set(stored.widths)) > 1 or channels != len(stored.widths) or bits > FLAC[stored.coding]:
        raise UnreadableFileError(
            f"{stored.header}: its file {stored.path.name} has {channels} signals of {bits} bits, not "
            f"{len(stored.widths)} of {FLAC[stored.coding]}: fetch both again"
        )
    return max(0, int(samples) - stored.offset) // stored.widths[0]


def _flac(stored: SignalFile, file: BinaryIO, start: int, stop: int) -> Counts:
    """Samples start..stop-1 in the order of other files, by turns of the signals."""
    channels, width = len(stored.widths), stored.widths[0]
    first, last = start // channels, stop // channels
    with _decoder(stored, file) as sound:
        bits = FLAC_BITS.get(sound.subtype, 32)
        sound.seek(first + stored.offset)
        # Over 2^24 samples at once fail (libsndfile issue 431).
        sizes = (min(FLAC_TOGETHER, last - at) for at in range(first, last, FLAC_TOGETHER))
        counts = np.concatenate([sound.read(size, dtype="int32", always_2d=True) for size in sizes])
    if len(counts) < last - first:
        raise UnreadableFileError(
            f"{stored.header}: its file {stored.path.name} is damaged, or shorter than it says: fetch it again"
        )
    shifted = (counts >> (32 - bits)).reshape(-1, width, channels)  # as soundfile scales to 32 bits
    turns: Counts = np.ascontiguousarray(shifted.transpose(0, 2, 1)).reshape(-1)
    return turns


@contextmanager
def _decoder(stored: SignalFile, file: BinaryIO) -> Iterator[Any]:
    import soundfile

    file.seek(0)
    if file.read(4) != b"fLaC":
        raise UnreadableFileError(f"{stored.header}: its file {stored.path.name} is no FLAC file: fetch it again")
    file.seek(0)
    try:
        with soundfile.SoundFile(file) as sound:
            yield sound
    except (RuntimeError, ValueError, TypeError, OverflowError, IndexError, AssertionError) as error:
        raise UnreadableFileError(
            f"{stored.header}: its file {stored.path.name} is damaged ({one_line(error)}): fetch it again"
        ) from error
