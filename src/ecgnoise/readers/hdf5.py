"""HDF5 datasets, read by the h5py package, window by window.

``file.h5::/group/ecg`` names a dataset; without a name it is the one called ``signal``, or the only one that can be
a signal. It is (leads, time) or (time,), never transposed. ``sampling_frequency`` or ``fs``, ``units`` and
``lead_names`` are attributes of the dataset, or attributes or datasets of a group that it is in, the nearest first.
Data in other files (external and virtual datasets) are refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np

from ecgnoise.errors import MissingExtraError, SignalShapeError, UnreadableFileError
from ecgnoise.readers.arrays import KEYS, named_recording, stated_frequency, stated_names, stated_units
from ecgnoise.readers.base import ReadOptions, one_line, settle_sampling_frequency, settle_units
from ecgnoise.recording import MAXIMUM_LEADS, Recording, Signal, to_millivolts

MAGIC: Final = b"\x89HDF\r\n\x1a\n"
SEPARATOR: Final = "::"  # between a file and a dataset
H5PY_ERRORS: Final = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError)  # of damaged files
LISTED: Final = 10


@dataclass(frozen=True)
class Hdf5Samples:
    """Samples in a dataset, (leads, time) or (time,) in some unit."""

    path: Path
    dataset: str
    shape: tuple[int, int]
    units: str

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads in mV; UnreadableFileError where the file has changed."""
        h5py = h5py_package("reading HDF5")
        try:
            with h5py.File(self.path, "r") as file:
                dataset = file[self.dataset]
                if _two(dataset.shape) != self.shape:
                    raise UnreadableFileError(f"{self.path}: not of the shape that it had when opened: read it again")
                values = np.atleast_2d(dataset[..., start:stop])
        except H5PY_ERRORS as error:
            raise UnreadableFileError(f"{self.path}: cannot be read ({one_line(error)}): read it again") from error
        return to_millivolts(values, self.units, str(self.path))


@dataclass(frozen=True)
class Hdf5Reader:
    """One dataset of a file."""

    name: str = "HDF5 (.h5, .hdf5)"

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the magic, or the suffix ``.h5`` or ``.hdf5`` of a file that lost it."""
        return head.startswith(MAGIC) or path.suffix.lower() in {".h5", ".hdf5"}

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, its samples left on disk."""
        h5py = h5py_package("reading HDF5")
        try:
            with h5py.File(path, "r") as file:
                dataset = _dataset(h5py, file, options.dataset, path)
                name, shape = str(dataset.name), _two(dataset.shape)
                said = _said(h5py, dataset)
        except H5PY_ERRORS as error:
            raise UnreadableFileError(f"{path}: not a whole HDF5 file ({one_line(error)}): save it again") from error
        _check_shape(shape, path, name)
        frequency = settle_sampling_frequency(stated_frequency(said, path), options, path)
        units = settle_units(stated_units(said), options, path)
        samples = Hdf5Samples(path, name, shape, units)
        named = replace(options, dataset=name)
        return named_recording(samples, frequency, units, stated_names(said), named, path)


def split_dataset(path: Path) -> tuple[Path, str | None]:
    """A file and the dataset named after it, or None: ``a.h5::/ecg`` is a.h5 and /ecg."""
    file, separator, dataset = str(path).partition(SEPARATOR)
    return (Path(file), dataset) if separator and file and dataset else (path, None)


def h5py_package(what: str) -> ModuleType:
    """The h5py package; MissingExtraError where it is not installed."""
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError(what, "h5py", "formats") from error
    package: ModuleType = h5py
    return package


def _dataset(h5py: ModuleType, file: Any, wanted: str | None, path: Path) -> Any:
    """The dataset asked for, or the one that is meant where none is; SignalShapeError where there is none such."""
    if wanted is not None and isinstance(file.get(wanted), h5py.Dataset):
        found = [file[wanted]]
    else:
        signals = list(_signals(h5py, file))
        named = [dataset for dataset in signals if dataset.name.rpartition("/")[2] == "signal"]
        found = [] if wanted is not None else named if len(named) == 1 else signals
        if len(found) != 1:
            listed = ", ".join(str(dataset.name) for dataset in signals[:LISTED]) or "none"
            asked = f"no dataset {wanted}" if wanted is not None else f"{len(signals)} datasets"
            raise SignalShapeError(f"{path}: {asked}: name one, as in {path.name}{SEPARATOR}/ecg; there are {listed}")
    if found[0].external or found[0].is_virtual or found[0].file.filename != file.filename:
        raise UnreadableFileError(f"{path}: {found[0].name} lies in another file: save it in this one")
    return found[0]


def _signals(h5py: ModuleType, file: Any) -> Iterator[Any]:
    """The datasets that can be signals: real numbers in one or two dimensions."""
    found: list[Any] = []
    file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    for dataset in found:
        known = dataset.name.rpartition("/")[2] in KEYS[1:]
        if dataset.dtype.kind in "iuf" and len(dataset.shape or ()) in {1, 2} and dataset.size > 1 and not known:
            yield dataset


def _said(h5py: ModuleType, dataset: Any) -> dict[str, Any]:
    """What the file says about the dataset, by the keys of :mod:`ecgnoise.readers.arrays`."""
    said: dict[str, Any] = {key: dataset.attrs[key] for key in KEYS[1:] if key in dataset.attrs}
    group = dataset.parent
    while True:
        for key in KEYS[1:]:
            if key not in said and key in group.attrs:
                said[key] = group.attrs[key]
            elif key not in said and isinstance(group.get(key), h5py.Dataset):
                said[key] = group[key][()]
        if group.name == "/":
            return said
        group = group.parent


def _two(shape: tuple[int, ...]) -> tuple[int, int]:
    """The shape as (leads, time); (0, 0) where it has neither one nor two dimensions."""
    return (1, shape[0]) if len(shape) == 1 else (shape[0], shape[1]) if len(shape) == 2 else (0, 0)


def _check_shape(shape: tuple[int, int], path: Path, name: str) -> None:
    leads, samples = shape
    if not leads or not samples:
        raise SignalShapeError(f"{path}: {name} is not (leads, time) or (time,), or is empty: name another dataset")
    if leads > samples and leads > 1:
        raise SignalShapeError(f"{path}: {name} has shape {shape}: more leads than samples: save its transpose")
    if leads > MAXIMUM_LEADS:
        raise SignalShapeError(f"{path}: {name} has {leads} leads, at most {MAXIMUM_LEADS} can be scored at once")
