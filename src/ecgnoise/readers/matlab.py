"""MATLAB files (``.mat``): up to version 7 by scipy, version 7.3, which is HDF5, by the h5py package.

The variables are named as in :mod:`ecgnoise.readers.arrays`. MATLAB has no arrays of one dimension: a row or a
column of numbers is one lead. The ``.mat`` of a WFDB record is read through its ``.hea``.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers.arrays import KEYS, recording_of_arrays, signal_key
from ecgnoise.readers.base import ReadOptions, one_line
from ecgnoise.readers.hdf5 import H5PY_ERRORS, check_size, h5py_package, own, own_dataset
from ecgnoise.recording import MAXIMUM_LEADS, Recording

LARGEST_SAMPLES: Final = 1 << 28  # of all leads: 2 GiB of MATLAB's numbers
LONGEST_TEXT: Final = 1 << 12
V5_MAGIC: Final = b"MATLAB 5.0 MAT-file"
V73_MAGIC: Final = b"MATLAB 7.3 MAT-file"
# What scipy 1.13 and later raise on damaged files.
SCIPY_ERRORS: Final = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    NotImplementedError,
    zlib.error,
    MemoryError,
)


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

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        from scipy.io import loadmat

        try:
            variables: dict[str, Any] = loadmat(str(path), appendmat=False)
        except SCIPY_ERRORS as error:
            raise UnreadableFileError(f"{path}: not a whole .mat file ({one_line(error)}): save it again") from error
        return recording_of_arrays(
            {key: _plain(value) for key, value in variables.items() if _is_array(key, value)}, options, path
        )


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

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        h5py = h5py_package("reading MATLAB 7.3")
        try:
            with h5py.File(path, "r") as file:
                found = {key: dataset for key in file if (dataset := own_dataset(file, key)) is not None}
                wanted = {signal_key(list(found), path), *KEYS}
                arrays = {key: _plain(_content(file, found[key], path)) for key in found if key in wanted}
        except H5PY_ERRORS as error:
            raise UnreadableFileError(f"{path}: not a whole .mat file ({one_line(error)}): save it again") from error
        return recording_of_arrays(arrays, options, path)


def _is_array(key: str, value: object) -> bool:
    return not key.startswith("__") and isinstance(value, np.ndarray)


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """The array; a row or a column of numbers as one dimension."""
    return array.ravel() if array.ndim == 2 and 1 in array.shape and array.size > 1 else array


def _content(file: Any, dataset: Any, path: Path) -> NDArray[Any]:
    """A variable as MATLAB shows it: HDF5 has its dimensions in reverse, text as numbers, cells as references."""
    kind = dataset.attrs.get("MATLAB_class", b"")
    if kind == b"char":
        return np.array(_text(dataset, path))
    if kind == b"cell":
        check_size(dataset, MAXIMUM_LEADS, path)
        return np.array([_text(own(file[reference], dataset.name), path) for reference in np.ravel(dataset[()])])
    check_size(dataset, LARGEST_SAMPLES, path)
    return np.asarray(dataset[()]).T


def _text(dataset: Any, path: Path) -> str:
    """Text, which is stored as numbers."""
    check_size(dataset, LONGEST_TEXT, path)
    return "".join(map(chr, np.ravel(dataset[()], "F")))
