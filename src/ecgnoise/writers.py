"""Writing a recording: WFDB, CSV or NumPy by suffix, in files that :func:`ecgnoise.read` reads back."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from ecgnoise._internal.atomic import whole_files
from ecgnoise._internal.warnings import quiet
from ecgnoise.errors import OutputError
from ecgnoise.recording import Recording

UNITS_PER_MILLIVOLT: Final = 1000.0
HIGHEST_MILLIVOLTS: Final = 32.767
WFDB_FORMAT: Final = "16"
RECORD_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")


def write_recording(recording: Recording, path: str | Path) -> None:
    """Write a recording in mV as a WFDB record, a CSV file or a NumPy archive.

    The file is written whole or not at all. An existing file is replaced.

    Parameters
    ----------
    recording : Recording
        The recording, whose units must be ``"mV"``.
    path : str or pathlib.Path
        The suffix selects the format: ``.hea`` for WFDB (with its ``.dat`` beside it), ``.csv`` or ``.npz``. The folder
        must exist.

    Raises
    ------
    OutputError
        If the suffix is another one, the unit is unknown, or the file cannot be written. For WFDB also if the signal
        exceeds 32.767 mV, or if the name of the record has other characters than letters, digits, ``-`` and ``_``.
    UnreadableFileError
        If the samples lie in a file that is damaged.

    See Also
    --------
    read : Read the recording back.

    Notes
    -----
    WFDB keeps steps of 1 uV up to 32.767 mV, CSV a ten-thousandth of a mV, and NumPy every bit. CSV has a time column,
    from which the sampling frequency is read back. The start time, the lead faults and the notes are not written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ecgnoise import read, simulate_ecg, write_recording
    >>> with TemporaryDirectory() as folder:
    ...     write_recording(simulate_ecg(10), f"{folder}/ecg.npz")
    ...     read(f"{folder}/ecg.npz").duration
    10.0
    """
    place = Path(path)
    writer = RECORDING_WRITERS.get(place.suffix.lower())
    if writer is None:
        raise OutputError(f"{place}: suffix {place.suffix!r} is none of {', '.join(RECORDING_WRITERS)}: choose one")
    if recording.units != "mV":
        raise OutputError(f"{place}: the unit of {recording.source} is {recording.units}: read it with its units")
    with whole_files(place) as partial:
        writer(recording, partial)


def _write_wfdb(recording: Recording, path: Path) -> None:
    signal = recording.signal.astype(np.float64)
    leads, largest = len(signal), float(np.nanmax(np.abs(signal), initial=0.0))
    if largest > HIGHEST_MILLIVOLTS:
        raise OutputError(f"{path.name}: {largest:.1f} mV, a WFDB record holds {HIGHEST_MILLIVOLTS}: write .npz")
    if not RECORD_NAME.fullmatch(path.stem):
        raise OutputError(f"{path.name}: {path.stem!r} is no name of a WFDB record: use letters, digits, - and _")
    with quiet():  # of pandas, as wfdb uses it
        from wfdb import wrsamp

        wrsamp(
            path.stem,
            recording.sampling_frequency,
            ["mV"] * leads,
            list(recording.lead_names),
            p_signal=signal.T,
            fmt=[WFDB_FORMAT] * leads,
            adc_gain=[UNITS_PER_MILLIVOLT] * leads,
            baseline=[0] * leads,
            write_dir=str(path.parent),
        )


def _write_csv(recording: Recording, path: Path) -> None:
    signal = recording.signal
    time = np.arange(signal.shape[1]) / recording.sampling_frequency
    names = ",".join(["time (s)"] + [f"{name} (mV)" for name in recording.lead_names])
    formats = ["%.7f"] + ["%.4f"] * len(signal)
    table = np.column_stack([time, signal.T])
    np.savetxt(path, table, fmt=formats, delimiter=",", header=names, comments="", encoding="utf-8")


def _write_npz(recording: Recording, path: Path) -> None:
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            signal=recording.signal,
            sampling_frequency=np.float64(recording.sampling_frequency),
            units=np.array("mV"),
            lead_names=np.array(recording.lead_names),
        )


RECORDING_WRITERS: Final[dict[str, Callable[[Recording, Path], None]]] = {
    ".hea": _write_wfdb,
    ".csv": _write_csv,
    ".npz": _write_npz,
}
