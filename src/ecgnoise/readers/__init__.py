"""Reading recordings: :func:`read` tries the readers by content, :func:`find_recordings` lists the files.

``READERS`` is the list of formats, in the order in which they are tried.
"""

import glob
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from ecgnoise._internal.files import SEPARATOR, shown_name
from ecgnoise.errors import EcgNoiseError, OptionError, UnreadableFileError
from ecgnoise.readers._shared.array_address import split_address
from ecgnoise.readers._shared.base import (
    HEAD_BYTES,
    Container,
    Reader,
    ReadOptions,
    ReadRequest,
    check_regular,
    is_file,
    is_folder,
    open_file,
)
from ecgnoise.readers._shared.library_errors import decoding, guarded_read
from ecgnoise.readers._shared.text import compression_of, text_encoding
from ecgnoise.readers._shared.unrecognised import foreign, is_annotation, is_markup, is_text, unknown_file
from ecgnoise.readers._wfdb.files import header_files
from ecgnoise.readers.apple_watch import AppleWatchReader
from ecgnoise.readers.arrow import FeatherReader, ParquetReader
from ecgnoise.readers.cardiosoft import CardioSoftReader
from ecgnoise.readers.csv import CsvReader
from ecgnoise.readers.dicom import DicomReader
from ecgnoise.readers.edf import EdfReader
from ecgnoise.readers.hdf5 import Hdf5Reader
from ecgnoise.readers.hl7 import Hl7Reader
from ecgnoise.readers.ishne import IshneReader
from ecgnoise.readers.kardia import KardiaReader
from ecgnoise.readers.matlab import Mat73Reader, MatReader
from ecgnoise.readers.mfer import MferReader
from ecgnoise.readers.mortara import MortaraReader
from ecgnoise.readers.muse import MuseReader
from ecgnoise.readers.numpy import NpyReader, NpzReader
from ecgnoise.readers.opensignals import OpenSignalsReader
from ecgnoise.readers.polar import PolarReader
from ecgnoise.readers.schiller import SchillerReader
from ecgnoise.readers.scp import ScpReader
from ecgnoise.readers.sierra import SierraReader
from ecgnoise.readers.spreadsheet import SpreadsheetReader
from ecgnoise.readers.wav import WavReader
from ecgnoise.readers.wfdb import WfdbReader, record_header, segment_headers
from ecgnoise.recording import Recording, as_lead_names

__all__ = ["READERS", "ReadOptions", "Reader", "find_recordings", "read", "recording_files"]

# Sure signs first; the one that takes any table last.
READERS: Final[tuple[Reader, ...]] = (
    OpenSignalsReader(),
    WfdbReader(),
    EdfReader(),
    IshneReader(),
    DicomReader(),
    ScpReader(),
    Hl7Reader(),
    MuseReader(),
    SierraReader(),
    MortaraReader(),
    SchillerReader(),
    CardioSoftReader(),
    KardiaReader(),
    MferReader(),
    AppleWatchReader(),
    PolarReader(),
    Mat73Reader(),
    MatReader(),
    Hdf5Reader(),
    ParquetReader(),
    FeatherReader(),
    WavReader(),
    SpreadsheetReader(),
    NpyReader(),
    NpzReader(),
    CsvReader(),
)
CONTAINER_HEAD: Final = 1 << 10  # what tells a file of arrays


def read(
    path: str | Path,
    *,
    sampling_frequency: float | None = None,
    units: str | None = None,
    lead_names: Sequence[str] | None = None,
) -> Recording:
    """Read the recording in a file, whatever its format.

    The format is recognised by the content of the file. Samples are read when they are asked for where the format
    allows it.

    Parameters
    ----------
    path : str or pathlib.Path
        A file, a WFDB record without suffix, an array of a file, or one of the recordings in it, as in
        ``file.h5::/ecg``, ``file.npz::X[17]`` or ``file.npy::.T``, which is the transpose.
    sampling_frequency : float, optional
        In Hz, 100 to 100,000, for a file that does not state it or states one that cannot be, such as 0.
    units : {"V", "mV", "uV", "nV", "unknown"}, optional
        Unit of the samples, for a file that does not state it. A unit of voltage that the file states takes precedence,
        and a note says so where the two differ.
    lead_names : sequence of str, optional
        Names for the leads of a file that has none. For a file that names its leads, the leads wanted.

    Returns
    -------
    Recording
        In mV unless the unit is ``"unknown"``. What was left out of the file, or seems odd in it, is in its notes.

    Raises
    ------
    UnreadableFileError
        If the file is empty, damaged or a folder, or cannot be opened; `MissingFileError`, a subclass, if it is absent.
        A file whose samples are read later may raise it then.
    UnknownFormatError
        If no reader recognises the file.
    NoEcgError
        If no channel of the file is an ECG.
    UnknownSamplingFrequencyError
        If neither the file nor the caller states the sampling frequency.
    SamplingFrequencyError
        If the sampling frequency is not one number or is out of range.
    UnknownUnitsError
        If neither the file nor the caller states the unit, or if ``units`` is none of those listed.
    SignalShapeError
        If it is not clear which array of the file is the signal or which of its axes is time, or if it has no shape of
        a signal.
    LeadNameError
        If a lead is absent, or if the lead names are repeated or do not fit the signal.
    OptionError
        If the file states another sampling frequency, or if an array is named in a file that is not one of arrays.
    MissingExtraError
        If the format needs a package that is not installed.

    See Also
    --------
    find_recordings : List the recordings in folders.
    write_recording : Write a recording.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ecgnoise import read, simulate_ecg, write_recording
    >>> with TemporaryDirectory() as folder:
    ...     write_recording(simulate_ecg(10), f"{folder}/record.hea")
    ...     read(f"{folder}/record", lead_names=["II", "V1"]).lead_names
    ('II', 'V1')
    """
    file, dataset = _with_dataset(Path(path))
    names = None if lead_names is None else as_lead_names(lead_names, "option lead_names")
    options = ReadRequest(sampling_frequency, units, names, dataset)
    place = _locate(file)
    head = _head(place)
    if not head:
        raise UnreadableFileError(f"{place}: the file is empty: pass another one, or fetch it again")
    reader = _reader_of(place, head)
    if reader is None:
        raise unknown_file(place, head)
    if options.dataset is not None and not isinstance(reader, Container):
        raise OptionError(
            f"{place}: {options.dataset} names an array, this is no HDF5 file, nor one of NumPy or MATLAB: leave it out"
        )
    recording = guarded_read(reader, place, options)
    return replace(recording, source=shown_name(recording.source))


def find_recordings(paths: Sequence[str | Path]) -> list[Path]:
    """List the recordings in files, folders and glob patterns.

    Parameters
    ----------
    paths : sequence of str or pathlib.Path
        Files, folders (searched with all folders below them; links to folders are not followed) and glob patterns, in
        which ``**`` matches any number of folders.

    Returns
    -------
    list of pathlib.Path
        One path per recording, without duplicates, sorted by file. Each can be passed to :func:`read`.

    See Also
    --------
    read : Read one recording.
    score_files, score_archive : Score many recordings.

    Notes
    -----
    A WFDB record is listed as its ``.hea``; its signal files, annotations and segments are not listed. Below a folder,
    files and folders whose names begin with a point are left out, as patterns leave them out. A path that is named
    itself is listed whatever it holds, even if it is absent or a pattern that matches nothing, so that reading it can
    say why it fails; only a signal file or an annotation file of a WFDB record stands for the record. Files that cannot
    be opened and folders that cannot be listed are in the list for the same reason. A file of arrays that holds several
    recordings is listed once for each, as in ``file.h5::/tracings[17]``, in their order in the file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ecgnoise import find_recordings, simulate_ecg, write_recording
    >>> with TemporaryDirectory() as folder:
    ...     write_recording(simulate_ecg(10), f"{folder}/record.hea")
    ...     [path.name for path in find_recordings([folder])]
    ['record.hea']
    """
    places = sorted({place for path in paths for place in _expand(Path(path))})
    return list(dict.fromkeys(recording for place in places for recording in _recordings_in(place)))


def recording_files(path: str | Path) -> list[Path]:
    """All files that a recording is read from: its own, those that a WFDB header names, the .info beside a .mat."""
    file = _with_dataset(Path(path))[0]
    place = _record(file) or file
    suffix = place.suffix.lower()
    named = header_files(place) if suffix == ".hea" else {place}
    beside = place.with_suffix(".info") if suffix == ".mat" else None
    return sorted({*named, beside} if beside is not None and is_file(beside) else named)


def _with_dataset(path: Path) -> tuple[Path, str | None]:
    """The file and the dataset named after it; a file that is called so itself has none."""
    return (path, None) if is_file(path) or _record(path) else split_address(path)


def _expand(path: Path) -> list[Path]:
    if is_folder(path):
        return _in_folder(_below(path))
    file, dataset = _with_dataset(path)
    if dataset is not None and is_file(file):
        return [path]
    if not is_file(path) and glob.has_magic(str(path)):
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]  # noqa: PTH207 - absolute ones too
        found += _closed(path)
        below = [file for folder in found if is_folder(folder) for file in _below(folder)]
        return _in_folder([*(file for file in found if not is_folder(file)), *below]) or [path]
    return [_record(path) or _annotated(path) or path]


def _closed(pattern: Path) -> list[Path]:
    """The folders that a pattern goes through and that may not be looked into, where files of it may be."""
    closed: set[Path] = set()
    for depth in range(1, len(pattern.parts)):
        rest = pattern.parts[depth]
        through = os.path.join(*pattern.parts[:depth], "")  # noqa: PTH118 - with a separator at its end
        for folder in glob.glob(through, recursive=True):  # noqa: PTH207 - absolute ones too
            try:
                if glob.has_magic(rest):
                    os.scandir(folder).close()
                else:
                    (Path(folder) / rest).stat()
            except PermissionError:
                closed.add(Path(folder))
            except (OSError, ValueError):
                continue
    return list(closed)


def _annotated(path: Path) -> Path | None:
    """The header of the record that a file holds annotations of, by its name, unless a reader knows the file."""
    beside = path.with_suffix(".hea") if path.name else path
    if not is_annotation(path) or not is_file(path) or not is_file(beside):
        return None
    try:
        return None if _reader_of(path, _head(path)) else beside
    except UnreadableFileError:
        return None


def _below(folder: Path) -> Iterator[Path]:
    """All files below a folder that are not hidden, links to folders as they are, and folders that cannot be listed."""
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                seen = [entry for entry in entries if not entry.name.startswith(".")]
                listed = [(Path(entry.path), entry.is_dir(follow_symlinks=False)) for entry in seen]
        except OSError:
            yield place
            continue
        waiting += [path for path, is_below in listed if is_below]
        yield from (path for path, is_below in listed if not is_below)


def _recordings_in(place: Path) -> list[Path]:
    """The recordings in a file of arrays that holds several, in their order; otherwise the file alone."""
    file, dataset = _with_dataset(place)
    try:
        head = _head(file, CONTAINER_HEAD) if is_file(file) else b""
        known = (reader for reader in READERS if isinstance(reader, Container) and reader.recognises(file, head))
        reader = next(known, None)
        if reader is None:
            return [place]
        with decoding(file, "a file of arrays"):
            addresses = reader.addresses(file, dataset)
    except EcgNoiseError:  # reading the file says why
        addresses = []
    return [Path(f"{file}{SEPARATOR}{address}") for address in addresses] or [place]


def _in_folder(files: Iterable[Path]) -> list[Path]:
    listed: set[Path] = set()
    segments: set[Path] = set()
    for place in {_record(file) or file for file in files if not file.name.startswith("._")}:  # what macOS keeps beside
        try:
            mode = place.stat().st_mode
            head = _head(place) if stat.S_ISREG(mode) else b""
        except FileNotFoundError:  # a link to nowhere
            continue
        except (OSError, UnreadableFileError):
            listed |= set() if _is_signal_file(place) else {place}
            continue
        if stat.S_ISREG(mode):
            segments |= segment_headers(place, head)
            listed |= {place} if any(reader.lists(place, head) for reader in READERS) else set()
        elif stat.S_ISDIR(mode) and not place.is_symlink():
            listed.add(place)  # its files cannot be listed
    return sorted(listed - segments)


def _is_signal_file(path: Path) -> bool:
    """Whether a file that cannot be opened belongs to a record by its name; reading the record says so."""
    return path.suffix == ".dat" and is_file(path.with_suffix(".hea"))


def _record(path: Path) -> Path | None:
    """The header of a WFDB record; see :func:`record_header`. One that cannot be opened names no file."""
    try:
        return record_header(path)
    except OSError:
        return None


def _locate(path: Path) -> Path:
    record = _record(path)
    if record is not None:
        return record
    if is_folder(path):
        raise UnreadableFileError(f"{path}: {_about_folder(path)}")
    check_regular(path)
    return path


def _about_folder(path: Path) -> str:
    """What is to be said of a folder in the place of a recording."""
    try:
        with os.scandir(path):
            return "this is a folder: pass a recording, or the folder to find_recordings"
    except OSError as error:
        return f"cannot be opened ({error.strerror}): check its permissions"


def _head(path: Path, count: int = HEAD_BYTES) -> bytes:
    with open_file(path) as file:
        return file.read(count)


def _reader_of(path: Path, head: bytes) -> Reader | None:
    """The first reader that recognises the content; where none does, the one for files of that name.

    A file that is surely something else is none of theirs, though a line of it be a row of numbers, or its suffix
    that of a format.
    """
    known = next((reader for reader in READERS if reader.recognises(path, head)), None)
    without_mark = (text_encoding(head) or "").startswith("utf-16-")
    if known is not None and (not isinstance(known, CsvReader) or compression_of(head) or without_mark):
        return known
    if foreign(path, head) is not None or is_markup(head) or not head.strip(b"\0"):
        return None
    suffix = path.suffix.lower()
    named = known or next((reader for reader in READERS if suffix in reader.suffixes), None)
    return named if isinstance(named, CsvReader) or not is_text(head) else None
