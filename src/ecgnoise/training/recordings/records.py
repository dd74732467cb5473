"""Clean lead-segments out of recordings, and the list of them by which they are taken again.

A list is a table with a row for each recording:

================  ===================================================================================================
``use``           ``train``; or ``watch``, to watch training by and to calibrate on
``collection``    what it is part of, see :mod:`ecgnoise.training.recordings.sources`
``record``        its path below the folder of recordings, with ``/`` between folders
``sha256``        SHA-256 sum over the bytes of all its files, one behind the other, in the order of their names
``start``         seconds from which on it is cut into segments of 10 s
``highest``       Hz up to which it is what an electrode gives
``lead_segments`` which were taken: row of the lead, ``:``, numbers of segments; as in ``0:0-2,4;7:0``
================  ===================================================================================================
"""

import csv
import hashlib
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.files import open_regular, shown_name
from ecgnoise.errors import EcgNoiseError, TrainingDataError
from ecgnoise.ptbxl.rows import read_rows
from ecgnoise.readers import read, recording_files
from ecgnoise.recording import Recording
from ecgnoise.samples import Signal
from ecgnoise.scalogram.superlet import segment_samples
from ecgnoise.training.recordings.resampling import resampled
from ecgnoise.training.recordings.sources import Extract

TRAIN: Final = "train"
WATCH: Final = "watch"
RECORDS_FILE: Final = "records.csv"
LONGEST: Final = 600.0  # s that are taken of one recording, so that no person outweighs all others
LOWEST_FREQUENCY: Final = 120.0  # Hz
DEVIATION_LIMITS: Final = (0.02, 2.0)  # mV
MOST_UNCHANGED: Final = 0.6  # share of samples that are the one before
HASH_DIGITS: Final = 12

Progress = Callable[[int, int], None]
Place = tuple[int, int]  # row of a lead, number of a segment


@dataclass(frozen=True)
class Listed:
    """A row of the list; see the top of this module.

    places: the row of the lead and the number of the segment of each lead-segment, in ascending order.
    """

    use: str
    collection: str
    record: str
    sha256: str
    start: float
    highest: float
    places: tuple[Place, ...]


class Taken(NamedTuple):
    """Lead-segments of a recording: where they are from, (n, samples) in mV, and their sampling frequency in Hz."""

    listed: Listed
    signal: Signal
    sampling_frequency: float


def take(
    folder: Path,
    collections: Mapping[str, Sequence[Extract]],
    use: str = TRAIN,
    sampling_frequency: float | None = None,
    progress: Progress | None = None,
) -> Iterator[Taken]:
    """The lead-segments of recordings that look like an ECG; what cannot be read, and what is left with none, is not.

    folder: the folder that all recordings lie below. sampling_frequency: Hz at which they are wanted, or None for that
    of each recording. progress: called with the number of recordings read, and of all.
    """
    extracts = [(name, extract) for name, part in collections.items() for extract in part]
    for done, (name, extract) in enumerate(extracts, start=1):
        taken = _take(folder, name, extract, use, sampling_frequency)
        if progress:
            progress(done, len(extracts))
        if taken is not None:
            yield taken


def take_listed(
    folder: Path,
    rows: Sequence[Listed],
    sampling_frequency: float | None = None,
    progress: Progress | None = None,
) -> Iterator[Taken]:
    """The lead-segments of a list, the same as when it was written, in the order of its rows.

    Raises TrainingDataError where a recording is absent, another one than was listed, or has no such lead-segment.
    """
    for done, row in enumerate(rows, start=1):
        place = folder / row.record
        try:
            found, recording = checksum(place), read(place)
        except EcgNoiseError as error:
            raise TrainingDataError(f"{shown_name(place)}: is listed and cannot be read: pass its folder") from error
        if found != row.sha256:
            what = f"SHA-256 {found[:HASH_DIGITS]}..., the list says {row.sha256[:HASH_DIGITS]}..."
            raise TrainingDataError(f"{shown_name(place)}: {what}: pass the recordings that were listed")
        segments, frequency = _cut(recording, row.start, sampling_frequency)
        leads, count = segments.shape[:2]
        if any(lead >= leads or number >= count for lead, number in row.places):
            what = f"{leads} leads of {count} segments, and the list has others"
            raise TrainingDataError(f"{shown_name(place)}: {what}: write the list again")
        if progress:
            progress(done, len(rows))
        yield Taken(row, _at(segments, row.places), frequency)


def _take(folder: Path, name: str, extract: Extract, use: str, wanted: float | None) -> Taken | None:
    """What of a recording passes the screening; None where nothing does."""
    try:
        recording = read(extract.path)
        if recording.units != "mV" or recording.sampling_frequency < LOWEST_FREQUENCY:
            return None
        segments, frequency = _cut(recording, extract.start, wanted)
        total = checksum(extract.path)
    except EcgNoiseError:
        return None
    chosen = looks_like_ecg(segments)
    if extract.leads:
        others = np.ones(len(chosen), np.bool_)
        others[[lead for lead in extract.leads if lead < len(chosen)]] = False
        chosen[others] = False
    places = tuple((lead, number) for lead, number in np.argwhere(chosen).tolist())
    if not places:
        return None
    record = extract.path.relative_to(folder).as_posix()
    listed = Listed(use, name, record, total, extract.start, extract.highest, places)
    return Taken(listed, _at(segments, places), frequency)


def _cut(recording: Recording, start: float, wanted: float | None) -> tuple[Signal, float]:
    """All segments from the start on, (leads, segments, samples), and their sampling frequency.

    Where a segment lacks a sample there is a NaN; in those that are resampled all samples are NaN then.
    """
    frequency = recording.sampling_frequency
    length, first = segment_samples(frequency), round(start * frequency)
    signal = recording.window(min(first, recording.samples.shape[1]), recording.samples.shape[1])
    count = min(signal.shape[1], round(LONGEST * frequency)) // length
    if wanted is None or wanted == frequency or count == 0:
        return signal[:, : count * length].reshape(len(signal), count, length), frequency
    whole = np.isfinite(signal[:, : count * length].reshape(len(signal), count, length).sum(axis=2))
    moved = resampled(np.nan_to_num(signal), frequency, wanted)
    short = count * segment_samples(wanted) - moved.shape[1]  # by rounding
    moved = np.pad(moved, ((0, 0), (0, max(0, short))), mode="edge")[:, : count * segment_samples(wanted)]
    segments = moved.reshape(len(signal), count, -1)
    return np.where(whole[:, :, None], segments, np.float32(np.nan)), wanted


def _at(segments: Signal, places: Sequence[Place]) -> Signal:
    """Lead-segments by place, (n, samples)."""
    leads, numbers = np.array(places).T
    chosen: Signal = segments[leads, numbers]
    return chosen


def looks_like_ecg(segments: Signal) -> NDArray[np.bool_]:
    """Which lead-segments, (..., samples) in mV, are whole, neither flat nor far too large, and not held for long."""
    low, high = DEVIATION_LIMITS
    if not segments.size:
        return np.zeros(segments.shape[:-1], np.bool_)
    with np.errstate(invalid="ignore"):
        deviation = segments.std(axis=-1)
        unchanged = (np.diff(segments, axis=-1) == 0).mean(axis=-1)
    whole = np.isfinite(segments).all(axis=-1)
    return np.asarray(whole & (deviation > low) & (deviation < high) & (unchanged < MOST_UNCHANGED))


def checksum(record: Path) -> str:
    """SHA-256 sum over all files of a recording; TrainingDataError where one cannot be read."""
    total = hashlib.sha256()
    try:
        for file in recording_files(record):
            with open_regular(file) as opened:
                for block in iter(lambda: opened.read(1 << 20), b""):
                    total.update(block)
    except EcgNoiseError:
        raise
    except OSError as error:
        raise TrainingDataError(f"{shown_name(record)}: cannot be read ({error.strerror}): check it") from error
    return total.hexdigest()


def only(rows: Iterable[Listed], chosen: NDArray[np.bool_]) -> tuple[Listed, ...]:
    """The rows with those lead-segments that are chosen, (n,), counted through all rows; without any, a row goes."""
    kept = []
    first = 0
    for row in rows:
        part = chosen[first : first + len(row.places)]
        first += len(row.places)
        places = tuple(place for place, stays in zip(row.places, part.tolist(), strict=True) if stays)
        if places:
            kept.append(replace(row, places=places))
    return tuple(kept)


def list_bytes(rows: Iterable[Listed]) -> bytes:
    """A list as the bytes of a CSV file."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in rows:
        highest = "" if math.isinf(row.highest) else f"{row.highest:g}"
        fixed = (row.use, row.collection, row.record, row.sha256, f"{row.start:g}", highest)
        table.writerow((*fixed, _written(row.places)))
    return text.getvalue().encode()


COLUMNS: Final = (*(entry.name for entry in fields(Listed) if entry.name != "places"), "lead_segments")


def read_list(path: Path) -> tuple[Listed, ...]:
    """Read a list.

    Raises UnreadableFileError or UnknownFormatError where it is no such table, TrainingDataError for a wrong row.
    """
    found = []
    for line, row in read_rows(path, COLUMNS):
        try:
            found.append(_listed(row))
        except ValueError as error:
            raise TrainingDataError(f"{path}: line {line} is no row of such a list: write the list again") from error
    if not found:
        raise TrainingDataError(f"{path}: no recording in the list: pass another one")
    return tuple(found)


def _listed(row: Mapping[str, str]) -> Listed:
    """A row of a table; ValueError where an entry is none of its kind."""
    start, highest = float(row["start"]), float(row["highest"] or math.inf)
    places = _read_places(row["lead_segments"])
    record = row["record"]
    inside = record and not record.startswith("/") and ".." not in record.split("/")
    if row["use"] not in {TRAIN, WATCH} or not places or not inside or not 0 <= start < math.inf or not highest > 0:
        raise ValueError(record)
    return Listed(row["use"], row["collection"], record, row["sha256"], start, highest, places)


def _written(places: Iterable[Place]) -> str:
    """Places as text: ``0:0-2,4;7:0``."""
    return ";".join(f"{lead}:{_runs([number for _, number in part])}" for lead, part in groupby(places, itemgetter(0)))


def _runs(numbers: Sequence[int]) -> str:
    """Ascending numbers, runs of them with a dash: ``0-2,4``."""
    texts = []
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        texts.append(f"{members[0]}-{members[-1]}" if len(members) > 1 else f"{members[0]}")
    return ",".join(texts)


def _read_places(text: str) -> tuple[Place, ...]:
    """Places out of text; ValueError where it is none, or has more than a recording can."""
    places: list[Place] = []
    for part in text.split(";"):
        lead, _, numbers = part.partition(":")
        for run in numbers.split(","):
            first, _, last = run.partition("-")
            bounds = int(lead), int(first), int(last or first)
            if min(bounds) < 0 or bounds[2] > LONGEST:
                raise ValueError(text)
            places += [(bounds[0], number) for number in range(bounds[1], bounds[2] + 1)]
    return tuple(places)
