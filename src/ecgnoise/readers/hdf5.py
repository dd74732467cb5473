"""HDF5 datasets, read by the h5py package, window by window.

``file.h5::/group/ecg`` names a dataset; without a name it is the one called ``signal``, or the only one that can be
a signal. It is (leads, time) or (time,), never transposed. ``sampling_frequency`` or ``fs``, ``units`` and
``lead_names`` are attributes of the dataset, or attributes or datasets of a group that it is in, the nearest first.
Data in other files (external and virtual datasets, links to other files) are refused, and the files never opened.
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
# What h5py 3 raises on damaged files, and on sizes that only a damaged or malicious one has.
H5PY_ERRORS: Final = (
    OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, IndexError, OverflowError, MemoryError,
)  # fmt: skip
LARGEST_COMPANION: Final = 1 << 16  # values of what is said about a signal
LONGEST_NAME: Final = 200  # letters of one that are shown
MOST_LINKS: Final = 16  # from link to link
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
                dataset = own_dataset(file, self.dataset)
                if dataset is None or _two(dataset.shape) != self.shape:
                    raise UnreadableFileError(f"{self.path}: not of the shape that it had when opened: read it again")
                values = np.atleast_2d(dataset[..., start:stop])
        except H5PY_ERRORS as error:
            raise UnreadableFileError(f"{self.path}: cannot be read ({one_line(error)}): read it again") from error
        return to_millivolts(values, self.units, str(self.path))


@dataclass(frozen=True)
class Hdf5Reader:
    """One dataset of a file."""

    name: str = "HDF5 (.h5, .hdf5)"
    suffixes: tuple[str, ...] = (".h5", ".hdf5")

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the magic."""
        del path
        return head.startswith(MAGIC)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head) or path.suffix.lower() in self.suffixes

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, its samples left on disk."""
        h5py = h5py_package("reading HDF5")
        try:
            with h5py.File(path, "r") as file:
                dataset = _dataset(h5py, file, options.dataset, path)
                name, shape = str(dataset.name), _two(dataset.shape)
                said = _said(dataset, path)
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
    asked_for = own_dataset(file, wanted) if wanted is not None else None
    if asked_for is not None:
        found = [asked_for]
    else:
        signals = list(_signals(h5py, file))
        named = [dataset for dataset in signals if dataset.name.rpartition("/")[2] == "signal"]
        found = [] if wanted is not None else named if len(named) == 1 else signals
        if len(found) != 1:
            listed = ", ".join(str(dataset.name) for dataset in signals[:LISTED]) or "none"
            asked = f"no dataset {wanted}" if wanted is not None else f"{len(signals)} datasets"
            raise SignalShapeError(f"{path}: {asked}: name one, as in {path.name}{SEPARATOR}/ecg; there are {listed}")
    return own_dataset(file, found[0].name)


def _signals(h5py: ModuleType, file: Any) -> Iterator[Any]:
    """The datasets that can be signals: real numbers in one or two dimensions."""
    found: list[Any] = []
    file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    for dataset in found:
        known = dataset.name.rpartition("/")[2] in KEYS[1:]
        if dataset.dtype.kind not in "iuf" or known:
            continue
        # Even the shape of one whose numbers lie in another file may be looked up there.
        if _is_elsewhere(dataset) or (len(dataset.shape or ()) in {1, 2} and dataset.size > 1):
            yield dataset


def _said(dataset: Any, path: Path) -> dict[str, Any]:
    """What the file says about the dataset, by the keys of :mod:`ecgnoise.readers.arrays`."""
    said: dict[str, Any] = {key: dataset.attrs[key] for key in KEYS[1:] if key in dataset.attrs}
    group = dataset.parent
    while True:
        for key in KEYS[1:]:
            if key not in said and key in group.attrs:
                said[key] = group.attrs[key]
            elif key not in said and (beside := own_dataset(group, key)) is not None:
                check_size(beside, LARGEST_COMPANION, path)
                said[key] = beside[()]
        if group.name == "/":
            return said
        group = group.parent


def own_dataset(group: Any, name: str) -> Any | None:
    """The dataset of this name, None where there is none; UnreadableFileError where its numbers lie in another file.

    Links are followed one by one, for h5py would open the file that a link leads to.
    """
    h5py = h5py_package("reading HDF5")
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
    if (dataset.size or 0) > most:
        raise UnreadableFileError(f"{path}: {dataset.name} has {dataset.size} values, at most {most}: save it shorter")


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
