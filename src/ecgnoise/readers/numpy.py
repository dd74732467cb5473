"""NumPy arrays: ``.npy``, read from disk window by window, and ``.npz``.

Their shapes are those of :mod:`ecgnoise.readers._shared.array_address`. Headers are looked at before any
number is read, windows are read and not mapped, and nothing is unpickled.
"""

import os
import zipfile
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import EcgNoiseError, SignalShapeError, UnreadableFileError
from ecgnoise.readers._shared.array_address import (
    Address,
    Described,
    Layout,
    addresses_of,
    choose,
    identified,
    identifying,
    layout_of,
    left_out,
    parse_address,
    separate_leads,
    usable_identifiers,
)
from ecgnoise.readers._shared.base import ReadRequest, open_file
from ecgnoise.readers._shared.channel_names import MASK
from ecgnoise.readers._shared.library_errors import whole
from ecgnoise.readers._shared.named_arrays import KEYS, Found, HeldRaw, Raw, check_announced, recording_of
from ecgnoise.recording import Recording

NPY_MAGIC: Final = b"\x93NUMPY"
ZIP_MAGIC: Final = b"PK\x03\x04"
LARGEST_KEY: Final = 1 << 16  # values of what is said about a signal


@dataclass(frozen=True)
class Header:
    """What an ``.npy`` says of its numbers, and where they begin."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def size(self) -> int:
        """Bytes of all numbers."""
        return prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class NpyRaw:
    """Numbers in a ``.npy`` file."""

    path: Path
    header: tuple[tuple[int, ...], bool, str]
    layout: Layout

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples a lead."""
        return self.layout.shape

    def numbers(self, start: int, stop: int) -> NDArray[Any]:
        """Samples start..stop-1 of all leads; UnreadableFileError where the file has changed."""
        with whole(self.path, ".npy file"), open_file(self.path) as file:
            header = read_header(file)
            if (header.shape, header.fortran, header.dtype.str) != self.header:
                raise UnreadableFileError(
                    f"{self.path}: shape {header.shape} of {header.dtype}, it was {self.header[0]} of "
                    f"{self.header[2]} when opened: read it again"
                )
            return _window(file, header, self.layout, start, stop)


@dataclass(frozen=True)
class NpyReader:
    """One array in a file; it says neither sampling frequency nor unit."""

    name: str = "NumPy (.npy)"
    suffixes: tuple[str, ...] = (".npy",)

    def recognises(self, path: Path, head: bytes) -> bool:
        """By NumPy's magic bytes."""
        del path
        return head.startswith(NPY_MAGIC)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head) or path.suffix.lower() in self.suffixes

    def addresses(self, path: Path, dataset: str | None) -> list[str]:
        """The recordings of an array of several."""
        return addresses_of(_described("", self._header(path)), None) if not dataset else []

    def read(self, path: Path, options: ReadRequest) -> Recording:
        """The recording, its samples left on disk."""
        header, address = self._header(path), parse_address(options.dataset)
        array = _described("", header)
        if address.name or address.identifier:
            raise SignalShapeError(f"{path}: no array {options.dataset}: there is one without a name, {array}")
        layout = layout_of(array, address, path)
        if len(header.shape) > 2 and header.fortran:
            raise SignalShapeError(f"{path}: {array} is in Fortran order: save np.ascontiguousarray of it")
        raw = NpyRaw(path, (header.shape, header.fortran, header.dtype.str), layout)
        found = Found(raw, {}, "", options.dataset, padded=len(header.shape) > 2)
        return recording_of(found, options, path, held=False)

    def _header(self, path: Path) -> Header:
        with whole(path, ".npy file"), open_file(path) as file:
            header = read_header(file)
            there = os.fstat(file.fileno()).st_size - header.offset
            if header.dtype.hasobject:
                raise UnreadableFileError(
                    f"{path}: an array of Python objects, which may run any program when it is opened: save each "
                    "recording as an array of numbers"
                )
            if header.size > there:
                raise ValueError(f"{there} bytes of numbers, {header.size} announced")
        return header


@dataclass(frozen=True)
class NpzReader:
    """Several arrays in a zip file: the signal, and what is said about it."""

    name: str = "NumPy (.npz)"
    suffixes: tuple[str, ...] = (".npz",)

    def recognises(self, path: Path, head: bytes) -> bool:
        """A zip file whose first member is an array: other files are zip files too."""
        del path
        return _first_member(head).endswith(b".npy")

    def lists(self, path: Path, head: bytes) -> bool:
        """Every ``.npz`` but masks of an earlier run."""
        return (self.recognises(path, head) or path.suffix.lower() in self.suffixes) and not _is_mask(path, head)

    def addresses(self, path: Path, dataset: str | None) -> list[str]:
        """The recordings of the array that is the signal, or of the one named."""
        with whole(path, ".npz file"), open_file(path) as file, zipfile.ZipFile(file) as archive:
            arrays, _ = _members(archive)
            signal = choose(arrays, Address(dataset or ""), KEYS, path)
            ids = identifying(arrays, signal)
            texts = None if ids is None else usable_identifiers(_load(archive, ids.name, path).tolist())
            return addresses_of(signal, None if ids is None or texts is None else (ids.name, texts))

    def read(self, path: Path, options: ReadRequest) -> Recording:
        """The recording, in memory: the signal and what is said about it, nothing else."""
        with whole(path, ".npz file"), open_file(path) as file, zipfile.ZipFile(file) as archive:
            arrays, headers = _members(archive)
            named = any(array.name == options.dataset for array in arrays)
            address = Address(options.dataset or "") if named else parse_address(options.dataset)
            if "signal" in headers and headers["signal"].dtype.hasobject:
                raise ValueError("signal holds objects")
            leads = separate_leads(arrays, address, KEYS)
            signal = leads[0] if leads else choose(arrays, address, KEYS, path)
            if address.identifier:
                ids = next((array for array in arrays if array.name == address.identifier[0]), None)
                values = [] if ids is None else _load(archive, ids.name, path).ravel().tolist()
                address = identified(address, values, path)
            layout = layout_of(signal, address, path)
            said = {
                array.name.casefold(): _load(archive, array.name, path)
                for array in arrays
                if array.name.casefold() in KEYS and array.size <= LARGEST_KEY and array.name != signal.name
            }
            raw = _npz_raw(archive, signal, headers[signal.name], layout, path)
            if leads:
                raw = HeldRaw(np.stack([_load(archive, lead.name, path) for lead in leads]))
                said["lead_names"] = np.array([lead.last for lead in leads])
        others = [array for array in arrays if array not in leads]
        notes = tuple(left_out(others, signal, KEYS))
        stacked = len(signal.shape) > 2
        found = Found(raw, said, signal.name, options.dataset, padded=stacked, notes=notes)
        return recording_of(found, options, path, held=True)


def read_header(file: IO[bytes]) -> Header:
    """The header of an ``.npy``, by NumPy's own parser; its errors for one that is none."""
    major, minor = np.lib.format.read_magic(file)
    if (major, minor) == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    elif (major, minor) in {(2, 0), (3, 0)}:
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"version {major}.{minor} of the format")
    if any(not 0 <= length < 1 << 62 for length in shape):
        raise ValueError(f"shape {shape}")
    return Header(tuple(int(length) for length in shape), bool(fortran), np.dtype(dtype), file.tell())


def _window(file: IO[bytes], header: Header, layout: Layout, start: int, stop: int) -> NDArray[Any]:
    """Samples start..stop-1 of one recording: a piece where samples of all leads lie together, or a piece a lead."""
    leads, samples = layout.shape
    first = (layout.index or 0) * leads * samples
    two = len(header.shape) == 2 and layout.index is None
    if header.fortran and len(header.shape) == 2 and layout.index is not None:  # a row of a table by columns
        rows = header.shape[0]
        whole = _piece(file, header, start * rows, (stop - start) * rows)
        return whole.reshape(-1, rows)[:, layout.index][np.newaxis]
    together = layout.time_first != (header.fortran and two)
    if together:
        return _piece(file, header, first + start * leads, (stop - start) * leads).reshape(-1, leads).T
    rows_of = [_piece(file, header, first + lead * samples + start, stop - start) for lead in range(leads)]
    return np.stack(rows_of)


def _piece(file: IO[bytes], header: Header, first: int, count: int) -> NDArray[Any]:
    size = header.dtype.itemsize
    file.seek(header.offset + first * size)
    content = file.read(count * size)
    if len(content) != count * size:
        raise ValueError(f"{len(content)} bytes of {count * size} are there")
    return np.frombuffer(content, header.dtype)


def _described(name: str, header: Header) -> Described:
    return Described(name, header.shape, header.dtype.kind)


def _members(archive: zipfile.ZipFile) -> tuple[list[Described], dict[str, Header]]:
    """The arrays of an archive by their headers."""
    headers: dict[str, Header] = {}
    for member in archive.namelist():
        if member.endswith(".npy"):
            with archive.open(member) as file:
                headers[member.removesuffix(".npy")] = read_header(file)
    return [_described(name, header) for name, header in headers.items()], headers


def _load(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[Any]:
    """A whole array, after a look at the sizes that are announced."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as file:
        header = read_header(file)
        if header.dtype.hasobject:
            raise ValueError(f"{name} holds objects")
        check_announced(header.size, info.compress_size, name, path)
        array = np.frombuffer(_read_exactly(file, header.size), header.dtype)
        return array.reshape(header.shape, order="F" if header.fortran else "C")


def _npz_raw(archive: zipfile.ZipFile, signal: Described, header: Header, layout: Layout, path: Path) -> Raw:
    """The numbers of a recording; of an array of several in C order, no other's are kept."""
    if layout.index is None or header.fortran:
        array = _load(archive, signal.name, path)
        one = array if layout.index is None else array[layout.index]
    else:
        info = archive.getinfo(f"{signal.name}.npy")
        size = layout.leads * layout.samples * header.dtype.itemsize
        check_announced(size, info.compress_size, signal.name, path)
        with archive.open(info) as file:
            read_header(file)
            _skip(file, layout.index * size)
            one = np.frombuffer(_read_exactly(file, size), header.dtype).reshape(header.shape[1:])
    one = np.atleast_2d(one)
    return HeldRaw(one.T if layout.time_first else one)


def _skip(file: IO[bytes], count: int) -> None:
    while count > 0:
        piece = file.read(min(count, 1 << 22))
        if not piece:
            raise ValueError("the array ends early")
        count -= len(piece)


def _read_exactly(file: IO[bytes], count: int) -> bytes:
    content = file.read(count)
    if len(content) != count:
        raise ValueError(f"{len(content)} bytes of {count} are there")
    return content


def _first_member(head: bytes) -> bytes:
    """The name of the first member of a zip file that begins with these bytes; empty where it is none."""
    return head[30 : 30 + int.from_bytes(head[26:28], "little")] if head.startswith(ZIP_MAGIC) else b""


def _is_mask(path: Path, head: bytes) -> bool:
    """Whether an ``.npz`` is a mask of an earlier run; no for one that cannot be looked into: reading it says why."""
    if _first_member(head) != b"mask.npy":
        return False
    try:
        with whole(path, ".npz file"), open_file(path) as file, zipfile.ZipFile(file) as archive:
            return set(archive.namelist()) == {f"{name}.npy" for name in MASK}
    except (EcgNoiseError, MemoryError):
        return False
