"""NumPy arrays: ``.npy``, read from disk window by window, and ``.npz``.

Both are (leads, time) or (time,), never transposed. Nothing is unpickled.
"""

import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers.arrays import named_recording, recording_of_arrays
from ecgnoise.readers.base import ReadOptions, one_line, settle_sampling_frequency, settle_units
from ecgnoise.recording import Recording, Signal, as_leads, to_millivolts

NPY_MAGIC: Final = b"\x93NUMPY"
ZIP_MAGIC: Final = b"PK\x03\x04"
# What numpy 2 raises on damaged headers, which it parses as Python.
NPY_ERRORS: Final = (OSError, ValueError, EOFError, TypeError, SyntaxError, tokenize.TokenError, MemoryError)


@dataclass(frozen=True)
class NpySamples:
    """Samples in a ``.npy`` file, (leads, time) in some unit."""

    path: Path
    shape: tuple[int, int]
    units: str

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads in mV; UnreadableFileError where the file has changed."""
        array = as_leads(_load_npy(self.path), str(self.path))
        if array.shape != self.shape:
            raise UnreadableFileError(
                f"{self.path}: shape {array.shape}, it was {self.shape} when opened: read it again"
            )
        return to_millivolts(array[:, start:stop], self.units, str(self.path))


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

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, its samples left on disk."""
        leads, length = as_leads(_load_npy(path), str(path)).shape
        frequency = settle_sampling_frequency(None, options, path)
        units = settle_units(None, options, path)
        return named_recording(NpySamples(path, (leads, length), units), frequency, units, None, options, path)


@dataclass(frozen=True)
class NpzReader:
    """``signal`` (or the only array); also ``sampling_frequency`` or ``fs``, ``units``, ``lead_names``."""

    name: str = "NumPy (.npz)"
    suffixes: tuple[str, ...] = (".npz",)

    def recognises(self, path: Path, head: bytes) -> bool:
        """A zip file whose first member is an array: other files are zip files too."""
        del path
        member = head[30 : 30 + int.from_bytes(head[26:28], "little")] if head.startswith(ZIP_MAGIC) else b""
        return member.endswith(b".npy")

    def lists(self, path: Path, head: bytes) -> bool:
        """Every ``.npz``."""
        return self.recognises(path, head) or path.suffix.lower() in self.suffixes

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        return recording_of_arrays(_load_npz(path), options, path)


def _load_npy(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except NPY_ERRORS as error:
        raise UnreadableFileError(f"{path}: not a whole .npy file ({one_line(error)}): save it again") from error
    return array


def _load_npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (*NPY_ERRORS, KeyError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UnreadableFileError(f"{path}: not a whole .npz file ({one_line(error)}): save it again") from error
