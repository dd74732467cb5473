"""What programs of recorders export to MATLAB files, by their variables.

AcqKnowledge (BIOPAC)
    ``data`` (samples, channels), ``units``, ``labels``, ``isi`` in ``isi_units``, ``start_sample``.
LabChart (ADInstruments)
    ``data``, the samples of all channels behind each other; ``datastart`` and ``dataend`` (channels, blocks) count from
    1; ``samplerate`` likewise, ``titles``, ``unittext`` with ``unittextmap``.
PhysioBank ATM
    ``val`` (leads, time), counts, whose gains, units and names are in a file of the same name, ``.info``.
EEGLAB
    a structure with ``data``, ``srate`` and ``chanlocs``, whose ``labels`` are the names.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import SignalShapeError, UnreadableFileError
from ecgnoise.readers._shared.base import is_file, open_file

LABCHART: Final = frozenset({"data", "datastart", "dataend", "samplerate"})
LABCHART_MORE: Final = frozenset({"titles", "unittext", "unittextmap"})
ACQKNOWLEDGE: Final = frozenset({"data", "isi"})
PHYSIOBANK: Final = "val"
INVALID: Final = -32768.0  # which wfdb2mat writes for a missing sample, in the counts of PHYSIOBANK
INFO_BYTES: Final = 1 << 20
INFO_RATE: Final = re.compile(r"^Sampling frequency:\s*([0-9.]+)\s*Hz", re.MULTILINE)
INFO_ROW: Final = re.compile(r"^(\d+)\t(.+?)\t([0-9.eE+-]+)\t([0-9.eE+-]+)\t(\S+)\s*$", re.MULTILINE)


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
    starts, ends, sampling_frequencies = (
        _channels(variables[key], path) for key in ("datastart", "dataend", "samplerate")
    )
    there = np.flatnonzero((starts > 0) & (ends >= starts))
    data = np.ravel(variables["data"])
    if not len(there) or not len(starts) == len(ends) == len(sampling_frequencies) or ends.max() > data.size:
        raise UnreadableFileError(f"{path}: datastart and dataend lie outside of data: export it again")
    lengths = (ends - starts)[there] + 1
    if len(set(lengths.tolist())) > 1 or len(set(sampling_frequencies[there].tolist())) > 1:
        raise SignalShapeError(f"{path}: its channels differ in length or rate: export those of one sampling rate only")
    signal = np.stack([data[int(starts[at]) - 1 : int(ends[at])] for at in there])
    said: dict[str, Any] = {"samplerate": sampling_frequencies[there]}
    if "titles" in variables and np.size(variables["titles"]) == len(starts):
        said["titles"] = np.ravel(variables["titles"])[there]
    units = _units(variables, len(starts))
    if units is not None:
        said["unittext"] = units[there]
    return signal, said


def physiobank(signal: NDArray[Any], path: Path) -> tuple[NDArray[Any], dict[str, Any]] | None:
    """Counts (leads, time) as physical values, and what the ``.info`` beside the file says; None where there is none.

    A value is (count - base) / gain, as the file says itself. -32768 is a missing sample, as in WFDB's format 16.
    """
    beside = path.with_suffix(".info")
    if not is_file(beside) or signal.dtype.kind not in "iuf":
        return None
    with open_file(beside) as file:
        text = file.read(INFO_BYTES).decode("utf-8", "replace")
    stated, rows = INFO_RATE.search(text), INFO_ROW.findall(text)
    try:
        gains, bases = (np.array([[float(row[at])] for row in rows]).reshape(-1, 1) for at in (2, 3))
        sampling_frequency = float(stated[1]) if stated else None
    except ValueError:
        return None
    if len(rows) != len(signal) or not (np.isfinite(gains) & (gains > 0) & np.isfinite(bases)).all():
        return None
    counts = np.where(signal == INVALID, np.nan, signal.astype(np.float64))
    said: dict[str, Any] = {
        "units": np.array([row[4] for row in rows]),
        "lead_names": np.array([row[1] for row in rows]),
    }
    return (counts - bases) / gains, said | ({} if sampling_frequency is None else {"fs": np.array(sampling_frequency)})


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
