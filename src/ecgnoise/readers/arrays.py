"""Named arrays in a file, such as those of ``.npz`` and ``.mat``: which one is the signal, and what the others say.

==============================  ===================================================================
``signal``, or the only array    (leads, time) or (time,), never transposed
``sampling_frequency``, ``fs``   in Hz
``units``                        V, mV, uV or nV
``lead_names``                   one a lead
==============================  ===================================================================
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import SignalShapeError, UnreadableFileError
from ecgnoise.readers.base import ReadOptions, chosen, settle_sampling_frequency, settle_units
from ecgnoise.readers.labels import voltage_unit
from ecgnoise.recording import (
    UNKNOWN_UNITS,
    ArraySamples,
    Recording,
    Samples,
    as_leads,
    default_lead_names,
    to_millivolts,
)

FREQUENCY_KEYS: Final = ("sampling_frequency", "fs")
KEYS: Final = ("signal", *FREQUENCY_KEYS, "units", "lead_names")


def recording_of_arrays(arrays: Mapping[str, NDArray[Any]], options: ReadOptions, path: Path) -> Recording:
    """The recording in named arrays, in memory; errors as :func:`ecgnoise.readers.read` lists them."""
    signal = as_leads(arrays[signal_key(list(arrays), path)], str(path))
    frequency = settle_sampling_frequency(stated_frequency(arrays, path), options, path)
    units = settle_units(stated_units(arrays), options, path)
    samples = ArraySamples(to_millivolts(signal, units, str(path)))
    return named_recording(samples, frequency, units, stated_names(arrays), options, path)


def named_recording(
    samples: Samples,
    frequency: float,
    units: str,
    names: Sequence[str] | None,
    options: ReadOptions,
    path: Path,
) -> Recording:
    """The recording of samples whose file names the leads, or does not (None)."""
    known = UNKNOWN_UNITS if units == UNKNOWN_UNITS else "mV"
    given = names or options.lead_names or default_lead_names(samples.shape[0])
    source = str(path) if options.dataset is None else f"{path}::{options.dataset}"
    recording = Recording(samples, frequency, tuple(given), known, source=source)
    return chosen(recording, options) if names else recording


def signal_key(names: Sequence[str], path: Path) -> str:
    """The name of the array that is the signal; SignalShapeError where none is called so and there are several."""
    if "signal" in names:
        return "signal"
    others = [name for name in names if name not in KEYS]
    if len(others) != 1:
        listed = ", ".join(names) or "none"
        raise SignalShapeError(f"{path}: the arrays are {listed[:300]}: save the one to be scored as 'signal'")
    return others[0]


def stated_frequency(arrays: Mapping[str, Any], path: Path) -> float | None:
    """The sampling frequency in Hz, or None; UnreadableFileError where it is not one number."""
    for key in FREQUENCY_KEYS:
        if key in arrays:
            value = np.asarray(arrays[key])
            if value.size != 1 or value.dtype.kind not in "iuf":
                raise UnreadableFileError(f"{path}: {key} is {value.dtype} of shape {value.shape}: save one number")
            return float(value.reshape(()))
    return None


def stated_units(arrays: Mapping[str, Any]) -> str | None:
    """The unit, as the project spells it where it knows it, or None where the file has none."""
    if "units" not in arrays:
        return None
    text = "".join(_texts(arrays["units"])).strip()
    return (voltage_unit(text) or text) if text else None


def stated_names(arrays: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The names of the leads, or None where the file has none."""
    return tuple(_texts(arrays["lead_names"])) or None if "lead_names" in arrays else None


def _texts(value: Any) -> list[str]:
    """The strings in an array of strings, bytes, or arrays of strings (cells)."""
    found: list[str] = []
    for item in np.atleast_1d(np.asarray(value)).ravel():
        if isinstance(item, np.ndarray):
            found += _texts(item)
        else:
            found.append(item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item).strip())
    return found
