"""NumPy arrays: ``.npy``, read from disk window by window, and ``.npz``.

Both are (leads, time) or (time,), never transposed. Nothing is unpickled.
"""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import SignalShapeError, UnreadableFileError
from ecgnoise.readers.base import ReadOptions, chosen, one_line, settle_sampling_frequency, settle_units, voltage_unit
from ecgnoise.recording import (
    UNKNOWN_UNITS,
    ArraySamples,
    Recording,
    Samples,
    Signal,
    as_leads,
    default_lead_names,
    to_millivolts,
)

NPY_MAGIC: Final = b"\x93NUMPY"
FREQUENCY_KEYS: Final = ("sampling_frequency", "fs")
KEYS: Final = ("signal", *FREQUENCY_KEYS, "units", "lead_names")


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

    def recognises(self, path: Path, head: bytes) -> bool:
        """By NumPy's magic bytes; by suffix a file that lost them."""
        return head.startswith(NPY_MAGIC) or path.suffix.lower() == ".npy"

    def lists(self, path: Path, head: bytes) -> bool:
        """Every ``.npy``."""
        del head
        return path.suffix.lower() == ".npy"

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, its samples left on disk."""
        leads, length = as_leads(_load_npy(path), str(path)).shape
        frequency = settle_sampling_frequency(None, options, path)
        units = settle_units(None, options, path)
        return _recording(NpySamples(path, (leads, length), units), frequency, units, options, path)


@dataclass(frozen=True)
class NpzReader:
    """``signal`` (or the only array); also ``sampling_frequency`` or ``fs``, ``units``, ``lead_names``."""

    name: str = "NumPy (.npz)"

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the suffix: other files are zip files too."""
        del head
        return path.suffix.lower() == ".npz"

    def lists(self, path: Path, head: bytes) -> bool:
        """Every ``.npz``."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        arrays = _load_npz(path)
        signal = as_leads(_signal_of(arrays, path), str(path))
        frequency = settle_sampling_frequency(_frequency_of(arrays, path), options, path)
        stated = str(arrays["units"]) if "units" in arrays else None
        units = settle_units(stated if stated is None else voltage_unit(stated) or stated, options, path)
        samples = ArraySamples(to_millivolts(signal, units, str(path)))
        if "lead_names" not in arrays:
            return _recording(samples, frequency, units, options, path)
        names = ReadOptions(lead_names=tuple(map(str, np.atleast_1d(arrays["lead_names"]))))
        return chosen(_recording(samples, frequency, units, names, path), options)


def _recording(samples: Samples, frequency: float, units: str, options: ReadOptions, path: Path) -> Recording:
    names = options.lead_names or default_lead_names(samples.shape[0])
    known = UNKNOWN_UNITS if units == UNKNOWN_UNITS else "mV"
    return Recording(samples, frequency, names, known, source=str(path))


def _load_npy(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise UnreadableFileError(f"{path}: not a whole .npy file ({one_line(error)}): save it again") from error
    return array


def _load_npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, KeyError, TypeError, zlib.error, zipfile.BadZipFile) as error:
        raise UnreadableFileError(f"{path}: not a whole .npz file ({one_line(error)}): save it again") from error


def _signal_of(arrays: dict[str, NDArray[Any]], path: Path) -> NDArray[Any]:
    if "signal" in arrays:
        return arrays["signal"]
    others = [key for key in arrays if key not in KEYS]
    if len(others) != 1:
        listed = ", ".join(arrays) or "none"
        raise SignalShapeError(f"{path}: the arrays are {listed}: save the one to be scored as 'signal'")
    return arrays[others[0]]


def _frequency_of(arrays: dict[str, NDArray[Any]], path: Path) -> float | None:
    for key in FREQUENCY_KEYS:
        if key in arrays:
            value = arrays[key]
            if value.size != 1 or value.dtype.kind not in "iuf":
                raise UnreadableFileError(f"{path}: {key} is {value.dtype} of shape {value.shape}: save one number")
            return float(value.reshape(()))
    return None
