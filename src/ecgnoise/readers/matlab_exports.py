"""What programs of recorders export to MATLAB files, by their variables.

AcqKnowledge (BIOPAC)
    ``data`` (samples, channels), ``units``, ``labels``, ``isi`` in ``isi_units``, ``start_sample``.
LabChart (ADInstruments)
    ``data``, the samples of all channels behind each other; ``datastart`` and ``dataend`` (channels, blocks) count from
    1; ``samplerate`` likewise, ``titles``, ``unittext`` with ``unittextmap``.
EEGLAB
    a structure with ``data``, ``srate`` and ``chanlocs``, whose ``labels`` are the names.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import SignalShapeError, UnreadableFileError

LABCHART: Final = frozenset({"data", "datastart", "dataend", "samplerate"})
LABCHART_MORE: Final = frozenset({"titles", "unittext", "unittextmap"})
ACQKNOWLEDGE: Final = frozenset({"data", "isi"})


def is_labchart(names: frozenset[str]) -> bool:
    """Whether the variables are those of a LabChart export."""
    return names >= LABCHART


def is_acqknowledge(names: frozenset[str]) -> bool:
    """Whether the variables are those of an AcqKnowledge export, whose rows are samples."""
    return names >= ACQKNOWLEDGE


def labchart(variables: Mapping[str, NDArray[Any]], path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    """The channels of a LabChart export of one block, (leads, time), and what it says about them.

    Raises SignalShapeError for several blocks or channels of different length, UnreadableFileError for numbers that
    contradict each other.
    """
    starts, ends, rates = (_channels(variables[key], path) for key in ("datastart", "dataend", "samplerate"))
    there = np.flatnonzero((starts > 0) & (ends >= starts))
    data = np.ravel(variables["data"])
    if not len(there) or not len(starts) == len(ends) == len(rates) or ends.max() > data.size:
        raise UnreadableFileError(f"{path}: datastart and dataend lie outside of data: export it again")
    lengths = (ends - starts)[there] + 1
    if len(set(lengths.tolist())) > 1 or len(set(rates[there].tolist())) > 1:
        raise SignalShapeError(f"{path}: its channels differ in length or rate: export those of one sampling rate only")
    signal = np.stack([data[int(starts[at]) - 1 : int(ends[at])] for at in there])
    said: dict[str, Any] = {"samplerate": rates[there]}
    if "titles" in variables and np.size(variables["titles"]) == len(starts):
        said["titles"] = np.ravel(variables["titles"])[there]
    units = _units(variables, len(starts))
    if units is not None:
        said["unittext"] = units[there]
    return signal, said


def _channels(array: NDArray[Any], path: Path) -> NDArray[np.float64]:
    """One number a channel; SignalShapeError where there are several blocks."""
    if array.dtype.kind not in "iuf":
        raise UnreadableFileError(f"{path}: its numbers of samples are {array.dtype}: export it again")
    if array.ndim == 2 and array.shape[1] > 1:
        raise SignalShapeError(f"{path}: {array.shape[1]} blocks: export one block only")
    return np.nan_to_num(np.ravel(array).astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _units(variables: Mapping[str, NDArray[Any]], channels: int) -> NDArray[Any] | None:
    """The unit of each channel, where the export says them."""
    if "unittext" not in variables or "unittextmap" not in variables:
        return None
    texts, numbers = np.ravel(variables["unittext"]), np.ravel(variables["unittextmap"])
    if numbers.size != channels or numbers.dtype.kind not in "iuf" or not np.isfinite(numbers).all():
        return None
    return np.array([str(texts[int(at) - 1]).strip() if 1 <= at <= texts.size else "" for at in numbers])
