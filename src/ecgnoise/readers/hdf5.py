"""HDF5 datasets, read by the h5py package, window by window.

``file.h5::/group/ecg`` names a dataset, ``file.h5::/tracings[17]`` one of its recordings; see
:mod:`ecgnoise.readers._shared.array_address` for the one that is meant without a name. What is said about it
(:mod:`ecgnoise.readers._shared.named_arrays`) are attributes of the dataset, or attributes or datasets of a group that
it is in, the nearest first. Data in other files (external and virtual datasets, links to other files) are refused, and
the files never opened.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.files import SEPARATOR
from ecgnoise.errors import SignalShapeError, UnreadableFileError
from ecgnoise.readers._hdf5.heaps import check_heaps
from ecgnoise.readers._shared.array_address import (
    Address,
    Described,
    Layout,
    addresses_of,
    choose,
    identified,
    identifying,
    in_groups,
    layout_of,
    left_out,
    listed,
    parse_address,
    usable_identifiers,
)
from ecgnoise.readers._shared.base import FREELY_EXPANDED, ReadRequest, package_of_extra
from ecgnoise.readers._shared.library_errors import whole
from ecgnoise.readers._shared.named_arrays import KEYS, MOST_COMPRESSED, Coding, Found, recording_of
from ecgnoise.readers._shared.number_text import NO_SAMPLE
from ecgnoise.recording import Recording

MAGIC: Final = b"\x89HDF\r\n\x1a\n"
LARGEST_COMPANION: Final = 1 << 16  # values of what is said about a signal
SURE_KEYS: Final = frozenset({"sampling_frequency", "fs", "units", "lead_names"})  # never something else
PACKED: Final = ("scale_factor", "add_offset")  # attributes of NetCDF: factor and offset of all numbers
NO_SAMPLE_KEYS: Final = ("_fillvalue", "missing_value")  # and what stands for none
GAIN_KEYS: Final = ("gain", "adc_gain", "adcgain", "resolution", "lsb", "baseline", "adc_zero", "offset")
LARGEST_IDENTIFIERS: Final = 1 << 22
LARGEST_CHUNK: Final = 1 << 28  # bytes that are decoded at once, whatever the window
LONGEST_NAME: Final = 200  # letters of one that are shown
MOST_LINKS: Final = 16  # from link to link
MOST_ITEMS: Final = 100_000  # of a file, that are looked at
DEEPEST: Final = 32  # groups in groups


@dataclass(frozen=True)
class Hdf5Raw:
    """Numbers in a dataset."""

    path: Path
    dataset: str
    full_shape: tuple[int, ...]
    layout: Layout

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples a lead."""
        return self.layout.shape

    def numbers(self, start: int, stop: int) -> NDArray[Any]:
        """Samples start..stop-1 of all leads; UnreadableFileError where the file has changed."""
        where = self.layout.index
        with opened(self.path, "HDF5 file any more", "read it again") as file:
            dataset = own_dataset(file, self.dataset)
            if dataset is None or tuple(dataset.shape or ()) != self.full_shape:
                raise UnreadableFileError(f"{self.path}: not of the shape that it had when opened: read it again")
            chosen = dataset if where is None else _Row(dataset, where)
            rows = len(self.full_shape) - (0 if where is None else 1)
            values = chosen[start:stop].T if self.layout.time_first and rows == 2 else chosen[..., start:stop]
        return np.atleast_2d(values)


@dataclass(frozen=True)
class _Row:
    """One recording of a dataset of several."""

    dataset: Any
    index: int

    def __getitem__(self, window: Any) -> Any:
        """A window of it."""
        return self.dataset[(self.index, *(window if isinstance(window, tuple) else (window,)))]


@dataclass(frozen=True)
class Hdf5Reader:
    """One dataset of a file, or one recording of it."""

    name: str = "HDF5 (.h5, .hdf5)"
    suffixes: tuple[str, ...] = (".h5", ".hdf5")

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the magic."""
        del path
        return head.startswith(MAGIC)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head) or path.suffix.lower() in self.suffixes

    def addresses(self, path: Path, dataset: str | None) -> list[str]:
        """The recordings of the dataset that is the signal, or of the one named."""
        with opened(path) as file:
            arrays = described(file)
            named = own_dataset(file, dataset) if dataset else None
            if dataset and named is None:
                return []
            several = in_groups(arrays, KEYS) if named is None else []
            if several:
                return [address for array in several for address in addresses_of(array, None) or [array.name]]
            signal = choose(arrays, Address() if named is None else Address(str(named.name)), KEYS, path)
            ids = identifying(arrays, signal)
            texts = None if ids is None else usable_identifiers(_identifiers(file, ids.name, path))
            return addresses_of(signal, None if ids is None or texts is None else (ids.last, texts))

    def read(self, path: Path, options: ReadRequest) -> Recording:
        """The recording, its samples left on disk."""
        with opened(path) as file:
            arrays = described(file)
            dataset, address = _dataset(file, arrays, options.dataset, path)
            signal = Described(str(dataset.name), tuple(dataset.shape or ()), dataset.dtype.kind)
            layout = layout_of(signal, address, path)
            check_stored(dataset, path)
            said = _said(dataset, path)
            coding, coded = _coding(dataset, path)
        raw = Hdf5Raw(path, signal.name, signal.shape, layout)
        stacked = len(signal.shape) > 2
        name = options.dataset if address.index is not None or address.transposed else signal.name
        notes = () if options.dataset else tuple(left_out(arrays, signal, KEYS))
        found = Found(
            raw, said, signal.name, name or signal.name, padded=stacked, notes=(*notes, *coded), coding=coding
        )
        return recording_of(found, options, path, held=False)


@contextmanager
def opened(path: Path, what: str = "HDF5 file", remedy: str = "save it again") -> Iterator[Any]:
    """An HDF5 file, to read from; UnreadableFileError, that says what it is and what to do, where it is damaged."""
    h5py = _package("reading MATLAB 7.3" if path.suffix.lower() == ".mat" else "reading HDF5")
    with whole(path, what, remedy), h5py.File(path, "r") as file:
        yield file


def _package(what: str = "reading HDF5") -> ModuleType:
    return package_of_extra("h5py", what)


def described(file: Any) -> list[Described]:
    """The datasets of a file that are of numbers or texts, without those that lie behind links to other files."""
    h5py = _package()
    found: list[Described] = []

    def look(group: Any, depth: int) -> None:
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink) or len(found) > MOST_ITEMS:
                continue
            item = group[name]
            if isinstance(item, h5py.Group) and depth < DEEPEST and item.id not in groups:
                groups.append(item.id)
                look(item, depth + 1)
            elif isinstance(item, h5py.Dataset):
                # Even the shape of one whose numbers lie in another file may be looked up there.
                shape = (1 << 40,) if _is_elsewhere(item) else tuple(item.shape or ())
                found.append(Described(f"{group.name.rstrip('/')}/{name}", shape, _kind(item)))

    groups = [file.id]
    look(file, 0)
    return found


def _kind(dataset: Any) -> str:
    """NumPy's letter for the type of the numbers, that of a structure for one that NumPy has not."""
    try:
        return str(dataset.dtype.kind)
    except TypeError:
        return "V"


def check_stored(dataset: Any, path: Path) -> None:
    """UnreadableFileError, before any is read, for numbers that are not stored, or in pieces too large to decode."""
    size, stored = (dataset.size or 0) * dataset.dtype.itemsize, dataset.id.get_storage_size()
    chunk = prod(dataset.chunks or (0,)) * dataset.dtype.itemsize
    if not stored and size:
        raise UnreadableFileError(
            f"{path}: {dataset.name} has {dataset.size} values, none of which is stored: save it again"
        )
    if chunk > LARGEST_CHUNK:
        raise UnreadableFileError(
            f"{path}: {dataset.name} is stored in pieces of {chunk} bytes, at most {LARGEST_CHUNK} are read at once: "
            "save it in smaller chunks"
        )
    if size > max(FREELY_EXPANDED, MOST_COMPRESSED * stored) and chunk > max(FREELY_EXPANDED, stored):
        raise UnreadableFileError(
            f"{path}: {dataset.name} has {dataset.size} values, {stored} bytes are stored: save it again"
        )


def _dataset(file: Any, arrays: list[Described], wanted: str | None, path: Path) -> tuple[Any, Address]:
    """The dataset asked for, or the one that is meant where none is, and what of it; SignalShapeError where none is."""
    whole = own_dataset(file, wanted) if wanted is not None else None
    if wanted is None or whole is not None:
        signal = choose(arrays, Address(), KEYS, path).name if whole is None else wanted
        return own_dataset(file, str(signal)), Address()
    address = parse_address(wanted)
    dataset = own_dataset(file, address.name) if address.name else None
    if address.index is None and not address.identifier and not address.transposed:
        dataset = None
    if dataset is None and not address.name:
        dataset = own_dataset(file, choose(arrays, Address(), KEYS, path).name)
    if dataset is None:
        raise SignalShapeError(
            f"{path}: no dataset {wanted[:LONGEST_NAME]}: name one, as in {path.name}{SEPARATOR}/ecg; "
            f"there are {listed([array for array in arrays if array.kind in 'iufc'])}"
        )
    if address.identifier:
        ids = own_dataset(dataset.parent, address.identifier[0])
        values = [] if ids is None else _identifiers(file, ids.name, path)
        address = identified(address, values, path)
    return dataset, address


def _identifiers(file: Any, name: str, path: Path) -> list[Any]:
    dataset = own_dataset(file, name)
    if dataset is None:
        return []
    check_size(dataset, LARGEST_IDENTIFIERS, path)
    return list(np.ravel(values_of(dataset, path)).tolist())


def _said(dataset: Any, path: Path) -> dict[str, Any]:
    """What the file says about the dataset, by the keys of :mod:`ecgnoise.readers._shared.named_arrays`."""
    said = {key.casefold(): _attribute(dataset, key, path) for key in dataset.attrs if key.casefold() in KEYS}
    group = dataset.parent
    while True:
        for key in group.attrs:
            if key.casefold() in KEYS and key.casefold() not in said:
                said[key.casefold()] = _attribute(group, key, path)
        for key in group:
            if key.casefold() in KEYS and key.casefold() not in said:
                beside = own_dataset(group, key)
                if beside is None or beside.name == dataset.name:
                    continue
                if key.casefold() in SURE_KEYS:
                    check_size(beside, LARGEST_COMPANION, path)
                if (beside.size or 0) <= LARGEST_COMPANION:
                    said[key.casefold()] = values_of(beside, path)
        if group.name == "/":
            return said
        group = group.parent


def _coding(dataset: Any, path: Path) -> tuple[Coding, list[str]]:
    """How the samples are stored, by the attributes that NetCDF has for it; and notes, also of gains of other kinds."""
    stated = {key.casefold(): key for key in dataset.attrs}
    found = {}
    for name in (*PACKED, *NO_SAMPLE_KEYS, *GAIN_KEYS):
        values = np.ravel(_attribute(dataset, stated[name], path)) if name in stated else np.empty(0)
        if values.size and values.dtype.kind in "iuf":
            found[name] = float(values[0])
    factor, offset = found.get("scale_factor", 1.0), found.get("add_offset", 0.0)
    absent = tuple(found[name] for name in NO_SAMPLE_KEYS if name in found)
    packed = [f"{name} {found[name]:g}" for name in (*PACKED, *NO_SAMPLE_KEYS) if name in found]
    unused = [f"{name} {found[name]:g}" for name in GAIN_KEYS if name in found]
    notes = [f"decoded by the attributes of the dataset: {', '.join(packed)}"] if packed else []
    notes += [f"attributes of the dataset that are not used: {', '.join(unused)}"] if unused else []
    return Coding(factor, offset, (*NO_SAMPLE, *absent)), notes


def values_of(dataset: Any, path: Path) -> Any:
    """All that a dataset holds; texts of any length only from heaps that are whole."""
    if dataset.dtype.kind == "O":
        check_heaps(path)
    return dataset[()]


def _attribute(item: Any, key: str, path: Path) -> Any:
    known = item.attrs.get_id(key)
    if prod(known.shape) * known.dtype.itemsize > LARGEST_COMPANION * 8:
        raise UnreadableFileError(f"{path}: attribute {key[:LONGEST_NAME]} has shape {known.shape}: save fewer")
    if known.dtype.kind == "O":
        check_heaps(path)
    return item.attrs[key]


def own_dataset(group: Any, name: str) -> Any | None:
    """The dataset of this name, None where there is none; UnreadableFileError where its numbers lie in another file.

    Links are followed one by one, for h5py would open the file that a link leads to.
    """
    h5py = _package()
    item = _own_item(h5py, group, name, 0)
    return own(item, name) if isinstance(item, h5py.Dataset) else None


def own(dataset: Any, name: str) -> Any:
    """The dataset itself; UnreadableFileError where its numbers lie in another file."""
    if _is_elsewhere(dataset):
        raise _elsewhere(dataset, name)
    return dataset


def _is_elsewhere(dataset: Any) -> bool:
    return bool(dataset.external or dataset.is_virtual)


def _own_item(h5py: ModuleType, group: Any, name: str, links: int) -> Any | None:
    if links > MOST_LINKS:
        raise ValueError(f"links around {name[:40]} lead in a circle")
    item = group.file if name.startswith("/") else group
    for part in name.split("/"):
        if part in {"", "."}:
            continue
        link = item.get(part, getlink=True) if isinstance(item, h5py.Group) else None
        if link is None:
            return None
        if isinstance(link, h5py.ExternalLink):
            raise _elsewhere(group, name)
        soft = isinstance(link, h5py.SoftLink)
        item = _own_item(h5py, item, link.path, links + 1) if soft else item[part]
    return item


def _elsewhere(item: Any, name: str) -> UnreadableFileError:
    return UnreadableFileError(f"{item.file.filename}: {name[:LONGEST_NAME]} lies in another file: save it in this one")


def check_size(dataset: Any, most: int, path: Path) -> None:
    """UnreadableFileError for a dataset of more values, before any is read."""
    if (dataset.size or 0) > most or dataset.dtype.itemsize > LARGEST_COMPANION:
        raise UnreadableFileError(f"{path}: {dataset.name} has {dataset.size} values, at most {most}: save fewer")
