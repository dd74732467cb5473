"""MATLAB files (``.mat``): up to version 7 by scipy, version 7.3, which is HDF5, by the h5py package.

The variables are named as in :mod:`ecgnoise.readers._shared.named_arrays`, and may be fields of a structure, as in
``ECG.data``. MATLAB has no arrays of one dimension: a row or a column of numbers is one lead. Only the signal and what
is said about it are read. The ``.mat`` of a WFDB record is read through its ``.hea``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.warnings import quiet
from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._matlab import exports as matlab_exports
from ecgnoise.readers._matlab.elements import Variable, variables_of
from ecgnoise.readers._shared.array_address import (
    Address,
    Described,
    addresses_of,
    choose,
    layout_of,
    left_out,
    parse_address,
    separate_leads,
)
from ecgnoise.readers._shared.base import LARGEST_HELD, ReadRequest, open_file
from ecgnoise.readers._shared.library_errors import whole
from ecgnoise.readers._shared.named_arrays import KEYS, Coding, Found, HeldRaw, check_announced, recording_of
from ecgnoise.readers._shared.number_text import NO_SAMPLE
from ecgnoise.readers.hdf5 import SURE_KEYS, check_size, opened, own, own_dataset, values_of
from ecgnoise.recording import MAXIMUM_LEADS, Recording

LARGEST_KEY: Final = 1 << 16
LONGEST_TEXT: Final = 1 << 12
V5_MAGIC: Final = b"MATLAB 5.0 MAT-file"
V73_MAGIC: Final = b"MATLAB 7.3 MAT-file"
Load = Callable[[str, int | None], NDArray[Any]]


@dataclass(frozen=True)
class MatReader:
    """A signal among the variables of a file, up to version 7."""

    name: str = "MATLAB (.mat)"
    suffixes: tuple[str, ...] = (".mat",)

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the text that it begins with; a file of version 4 has none and goes by its suffix."""
        del path
        return head.startswith(V5_MAGIC)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head) or path.suffix.lower() in self.suffixes

    def addresses(self, path: Path, dataset: str | None) -> list[str]:
        """The recordings of the variable that is the signal, or of the one named."""
        with whole(path, ".mat file"):
            return _addresses(_described(_variables(path)), dataset, path)

    def read(self, path: Path, options: ReadRequest) -> Recording:
        """The recording, in memory: the signal and what is said about it, nothing else."""
        with whole(path, ".mat file"):
            arrays = _described(_variables(path))
            held: dict[str, Any] = {}

            def load(name: str, index: int | None) -> NDArray[Any]:
                top = name.partition(".")[0]
                if top not in held:
                    held[top] = _loaded(path, top)
                value = held[top] if top == name else _field(held[top], name.partition(".")[2])
                array = _plain(np.asarray(value))
                return array if index is None else array[index]

            found = _found(arrays, load, options, path)
        return recording_of(found, options, path, held=True)


@dataclass(frozen=True)
class Mat73Reader:
    """A signal among the variables of a file of version 7.3."""

    name: str = "MATLAB 7.3 (.mat)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the text that it begins with."""
        del path
        return head.startswith(V73_MAGIC)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def addresses(self, path: Path, dataset: str | None) -> list[str]:
        """The recordings of the variable that is the signal, or of the one named."""
        with opened(path, ".mat file") as file:
            return _addresses([array for array, _ in _described_73(file)], dataset, path)

    def read(self, path: Path, options: ReadRequest) -> Recording:
        """The recording, in memory: the signal and what is said about it, nothing else."""
        with opened(path, ".mat file") as file:
            held = _described_73(file)
            arrays, datasets = [array for array, _ in held], {array.name: dataset for array, dataset in held}

            def load(name: str, index: int | None) -> NDArray[Any]:
                return _plain(_content(file, own(datasets[name], name), path, index))

            found = _found(arrays, load, options, path)
        return recording_of(found, options, path, held=True)


def _addresses(arrays: Sequence[Described], dataset: str | None, path: Path) -> list[str]:
    if matlab_exports.is_labchart(frozenset(array.name for array in arrays)):
        return []
    return addresses_of(choose(arrays, Address(dataset or ""), KEYS, path), None)


def _found(arrays: Sequence[Described], load: Load, options: ReadRequest, path: Path) -> Found:
    """The recording that is meant and what is said about it, whatever the version."""
    names = frozenset(array.name for array in arrays)
    if matlab_exports.is_labchart(names) and not options.dataset:
        wanted = names & (matlab_exports.LABCHART | matlab_exports.LABCHART_MORE)
        signal, said = matlab_exports.labchart({name: load(name, None) for name in wanted}, path)
        layout = layout_of(Described("data", signal.shape, signal.dtype.kind), Address(), path)
        return Found(HeldRaw(signal), said, "data")
    address = Address(options.dataset or "") if options.dataset in names else parse_address(options.dataset)
    leads = separate_leads(arrays, address, KEYS)
    if leads:
        said = _said(arrays, leads[0], load, path) | {"lead_names": np.array([lead.last for lead in leads])}
        notes = tuple(left_out([array for array in arrays if array not in leads], leads[0], KEYS))
        _check_values("the leads", sum(lead.size for lead in leads), LARGEST_HELD, path)
        return Found(HeldRaw(np.stack([load(lead.name, None) for lead in leads])), said, leads[0].name, notes=notes)
    chosen = choose(arrays, address, KEYS, path)
    if matlab_exports.is_acqknowledge(names) and chosen.name == "data" and not address.transposed:
        address = Address(address.name, address.index, None, transposed=len(chosen.shape) == 2)
    one = chosen.size if len(chosen.shape) < 3 else chosen.size // max(chosen.shape[0], 1)
    _check_values(chosen.name, one, LARGEST_HELD, path)
    layout = layout_of(chosen, address, path)
    signal = np.atleast_2d(load(chosen.name, layout.index))
    notes = () if options.dataset else tuple(left_out(arrays, chosen, KEYS))
    signal = signal.T if layout.time_first else signal
    said = _said(arrays, chosen, load, path)
    known = matlab_exports.physiobank(signal, path) if chosen.name == matlab_exports.PHYSIOBANK else None
    if known is not None:
        signal, said = known[0], said | known[1]
        notes = (*notes, f"gains, units and names are those of {path.with_suffix('.info').name}")
    counts = known is None and chosen.last == matlab_exports.PHYSIOBANK
    coding = Coding(absent=(*NO_SAMPLE, matlab_exports.INVALID)) if counts else Coding()
    padded = len(chosen.shape) > 2
    return Found(HeldRaw(signal), said, chosen.name, options.dataset, padded=padded, notes=notes, coding=coding)


def _said(arrays: Sequence[Described], signal: Described, load: Load, path: Path) -> dict[str, Any]:
    """What the variables say: those of the structure that the signal lies in, then the others."""
    inside = signal.name.rpartition(".")[0]
    said: dict[str, Any] = {}
    for group in (inside, ""):
        for array in arrays:
            key = array.last.casefold()
            there = array.name.rpartition(".")[0] == group and array.name != signal.name and key in KEYS
            if there and key in SURE_KEYS:
                _check_values(array.name, array.size, LARGEST_KEY, path)
            if there and key not in said and array.size <= LARGEST_KEY and array.kind in "iufSUOV":
                said[key] = _labels(load(array.name, None))
    return said


def _check_values(name: str, count: int, most: int, path: Path) -> None:
    if count > most:
        raise UnreadableFileError(f"{path}: {name[:100]} has {count} values, at most {most}: save fewer")


def _labels(array: NDArray[Any]) -> NDArray[Any]:
    """The names in the structures with ``labels`` by which EEGLAB describes channels; any other array as it is."""
    if array.dtype.names and "labels" in array.dtype.names:
        return np.array(["".join(map(str, np.ravel(item))) for item in np.ravel(array["labels"])])
    return array


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """The array; a row or a column of numbers as one dimension."""
    return array.ravel() if array.ndim == 2 and 1 in array.shape and array.size > 1 else array


def _plain_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (max(shape),) if len(shape) == 2 and 1 in shape and max(shape) > 1 else shape


# Up to version 7


def _variables(path: Path) -> list[Variable]:
    with open_file(path) as file:
        fifth = file.read(128).startswith(V5_MAGIC)
    if fifth:
        return variables_of(path)
    from scipy.io import whosmat

    kinds = {"double": "f", "single": "f", "char": "U"} | dict.fromkeys(("int8", "int16", "int32", "int64"), "i")
    with quiet():
        listed = whosmat(str(path), appendmat=False)
    size = path.stat().st_size
    if any(int(np.prod([int(n) for n in shape], dtype=object)) > size for _, shape, _ in listed):
        raise ValueError(f"{size} bytes, more announced")
    return [Variable(name, kinds.get(kind, ""), tuple(map(int, shape))) for name, shape, kind in listed]


def _described(variables: Sequence[Variable]) -> list[Described]:
    """The variables and the fields of structures that can be read."""
    found = []
    for variable in variables:
        if not variable.kind or not variable.name or variable.name.startswith("__"):
            continue
        found.append(Described(variable.name, _plain_shape(variable.shape), variable.kind))
        found += [
            Described(f"{variable.name}.{field.name}", _plain_shape(field.shape), field.kind)
            for field in variable.fields
            if field.kind
        ]
    return found


def _loaded(path: Path, name: str) -> Any:
    from scipy.io import loadmat

    with quiet():
        return loadmat(str(path), appendmat=False, variable_names=[name])[name]


def _field(structure: Any, name: str) -> Any:
    return structure[name].ravel()[0]


# Version 7.3


def _described_73(file: Any) -> list[tuple[Described, Any]]:
    """The variables and the fields of structures, with their datasets; HDF5 has the dimensions in reverse."""
    found = []
    for name in file:
        if name.startswith("#"):
            continue
        dataset = own_dataset(file, name)
        if dataset is not None:
            found.append((_described_one(name, dataset), dataset))
            continue
        group = file[name] if file.get(name, getclass=True, getlink=False) is not None else None
        for field in group or ():
            held = own_dataset(group, field)
            if held is not None:
                found.append((_described_one(f"{name}.{field}", held), held))
    return found


def _described_one(name: str, dataset: Any) -> Described:
    matlab = bytes(dataset.attrs.get("MATLAB_class", b""))
    kinds = {b"char": "U", b"cell": "O", b"logical": "b"}
    kind = kinds.get(matlab, "c" if dataset.dtype.names else dataset.dtype.kind)
    empty = bool(dataset.attrs.get("MATLAB_empty", 0))
    return Described(name, (0, 0) if empty else _plain_shape(tuple(dataset.shape or ())[::-1]), kind)


def _content(file: Any, dataset: Any, path: Path, index: int | None) -> NDArray[Any]:
    """A variable as MATLAB shows it: HDF5 has its dimensions in reverse, text as numbers, cells as references."""
    kind = dataset.attrs.get("MATLAB_class", b"")
    if kind == b"char":
        return _text(dataset, path)
    if kind == b"cell":
        check_size(dataset, MAXIMUM_LEADS, path)
        cells = [own(file[reference], dataset.name) for reference in np.ravel(values_of(dataset, path))]
        return np.array(["".join(_text(cell, path)) for cell in cells])
    check_size(dataset, LARGEST_HELD * (1 if index is None else dataset.shape[-1]), path)
    size = (dataset.size if index is None else dataset.size // dataset.shape[-1]) * dataset.dtype.itemsize
    check_announced(size, dataset.id.get_storage_size(), dataset.name, path)
    return np.asarray(values_of(dataset, path) if index is None else dataset[..., index]).T


def _text(dataset: Any, path: Path) -> NDArray[np.str_]:
    """Text, which is stored as numbers: a row of letters is one, several rows are several."""
    check_size(dataset, LONGEST_TEXT, path)
    numbers = np.atleast_2d(np.asarray(values_of(dataset, path)))
    letters = numbers.T if dataset.ndim == 2 else numbers
    return np.array(["".join(map(chr, row)).rstrip() for row in letters])
