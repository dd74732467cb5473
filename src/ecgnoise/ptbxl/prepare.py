"""The images of all leads of PTB-XL into one store, on all cores, resumable.

The processes that draw write each record themselves; the one that started them keeps the QRS levels and marks what is
done, every half second. A run that is killed leaves a store whose records are whole where they are marked; the same
call goes on from there. One run at a time writes a store.
"""

import shutil
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ecgnoise import segments
from ecgnoise._internal.processes import in_processes
from ecgnoise.errors import (
    MAKE_ROOM,
    EcgNoiseError,
    OutputError,
    SamplingFrequencyError,
    SignalShapeError,
    StoreError,
    UnknownUnitsError,
    UnreadableFileError,
    one_line,
    unwritable,
)
from ecgnoise.models.load import available_processors
from ecgnoise.ptbxl.labels import LEADS, RecordLabels
from ecgnoise.ptbxl.store import (
    DONE,
    LEVEL_LIMITS,
    QRS_LEVEL,
    RECORDS_A_CHUNK,
    Store,
    StoreDescription,
    create_store,
    difference,
    open_store,
)
from ecgnoise.readers import read
from ecgnoise.scalogram.profile import Profile, level_images, qrs_level
from ecgnoise.scalogram.superlet import Superlet, segment_samples, superlet
from ecgnoise.segments import LeadSegment

HIGH_RATE: Final = 500
RATES: Final = (HIGH_RATE, 100)
MARK_SECONDS: Final = 0.5
BYTES_A_FILE: Final = 4096

Progress = Callable[[int, int], None]
Outcome = NDArray[np.float32] | str
Task = tuple[Path, int, Path]  # the store, the number of the record in it, and its header
Run = Callable[[Callable[..., Outcome], Sequence[Task]], Generator[tuple[Task, Outcome], None, None]]


@dataclass(frozen=True)
class Prepared:
    """What became of a run.

    records: in the index. done: of them in the store. now: of them made by this run. failed: record and reason.
    absent: those of the failed that are not in the folder.
    """

    records: int
    done: int
    now: int
    failed: Mapping[str, str]
    absent: frozenset[str] = frozenset()


def prepare(
    folder: Path,
    index: Sequence[RecordLabels],
    out: Path,
    description: StoreDescription,
    *,
    jobs: int | None = None,
    run: Run | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Draw all leads of the records of an index that are in a folder of PTB-XL, and not yet in the store ``out``.

    jobs: processes, by default one a core; they are started anew (``spawn``), so a script that calls this needs its
    ``if __name__ == "__main__"``. run: what calls a function with the arguments of each task elsewhere, and gives each
    task with what the function returned, as they are done; :func:`ecgnoise.batch.cluster.calls_on` makes one for a
    cluster whose workers see both folders. progress: called with the number of records tried, and that of all to try.

    A record that is absent, damaged, at another rate or not 10 s long is listed in the outcome; the rest goes on.

    Raises StoreError for a store of another profile, dtype, rate or index, OutputError where the store cannot be
    written or the disk is too full, UnreadableFileError where no record is there, MissingExtraError without the extra
    ``ptbxl``.
    """
    files = [record_file(folder, record, description.sampling_frequency) for record in index]
    if not any(file.is_file() for file in files):
        raise UnreadableFileError(
            f"{folder}: none of {len(index)} records is there, the first would be {files[0] if files else '-'}: "
            "pass the folder of PTB-XL, as ecgnoise download ptb-xl makes it"
        )
    store = _existing(out, description, index)
    there = store.done if store else np.zeros(len(index), np.bool_)
    present = np.array([file.is_file() for file in files])
    absent = np.flatnonzero(~present & ~there).tolist()
    failed = {index[number].filename_hr: f"{files[number]}: no such file" for number in absent}
    pending = {number: files[number] for number in np.flatnonzero(present & ~there).tolist()}
    _check_disk(out, len(pending), description)
    marks = _Marks(store or create_store(out, description, index))
    with marks, closing(_draw_all(out, pending, run or _on_this_machine(jobs, out))) as drawn:
        for tried, (number, outcome) in enumerate(drawn):
            if isinstance(outcome, str):
                failed[index[number].filename_hr] = outcome
            else:
                marks.enter(number, outcome)
            if progress:
                progress(tried + 1, len(pending))
    done = int(marks.done.sum())
    lacking = frozenset(index[number].filename_hr for number in absent)
    return Prepared(len(index), done, done - int(there.sum()), failed, lacking)


def record_file(folder: Path, record: RecordLabels, rate: int) -> Path:
    """The header of a record at 500 or 100 Hz."""
    name = record.filename_hr if rate == HIGH_RATE else record.filename_lr
    return folder / f"{name}.hea"


def _existing(out: Path, description: StoreDescription, index: Sequence[RecordLabels]) -> Store | None:
    """The store, or None where there is nothing yet; StoreError where the one that is there differs."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    store = open_store(out, writable=True)
    differing = difference(store.description, description)
    if not differing and store.index != tuple(index):
        unequal = [number for number, pair in enumerate(zip(store.index, index, strict=False)) if pair[0] != pair[1]]
        first = unequal[0] if unequal else min(len(store.index), len(index))
        differing = f"index has {len(store.index)} records, asked for {len(index)}, first difference in row {first}"
    if differing:
        raise StoreError(f"{out}: {differing}: pass what it was made with, or another --out")
    for unfinished in out.glob("*/*.partial"):
        unfinished.unlink(missing_ok=True)
    return store


def _check_disk(out: Path, records: int, description: StoreDescription) -> None:
    """OutputError unless these many records fit, even where nothing can be compressed."""
    place = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.is_dir())
    needed = records * (description.bytes_a_record + BYTES_A_FILE)
    free = shutil.disk_usage(place).free
    if free < needed:
        raise OutputError(
            f"{out}: {records} records need up to {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are free: "
            "free some, or choose another place"
        )


class _Marks:
    """QRS levels and marks of what is done, written every half second and at the end, the marks last."""

    def __init__(self, store: Store) -> None:
        self.done = store.done
        self._store = store
        self._levels = store.qrs_level
        self._changed: set[int] = set()
        self._next = time.monotonic() + MARK_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write()

    def enter(self, number: int, levels: NDArray[np.float32]) -> None:
        """A record is written; its QRS levels, (12,)."""
        self._levels[number] = levels
        self.done[number] = True
        self._changed.add(number // RECORDS_A_CHUNK)
        if time.monotonic() > self._next:
            self._write()

    def _write(self) -> None:
        chunks = [slice(RECORDS_A_CHUNK * chunk, RECORDS_A_CHUNK * (chunk + 1)) for chunk in sorted(self._changed)]
        try:
            for name, values in ((QRS_LEVEL, self._levels), (DONE, self.done)):
                for chunk in chunks:
                    self._store.array(name)[chunk] = values[chunk]
        except OSError as error:
            raise unwritable(self._store.path, error, MAKE_ROOM) from error
        self._changed.clear()
        self._next = time.monotonic() + MARK_SECONDS


def _on_this_machine(jobs: int | None, out: Path) -> Run:
    """Calls in so many processes of this machine, one a core unless they are given."""
    return lambda function, tasks: in_processes(function, tasks, jobs or available_processors(), str(out))


def _draw_all(out: Path, files: Mapping[int, Path], run: Run) -> Generator[tuple[int, Outcome], None, None]:
    """QRS levels of each record as it is written, or why it is not there."""
    tasks = [(out, number, file) for number, file in files.items()]
    with closing(run(draw_record, tasks)) as drawn:
        yield from ((number, outcome) for (_, number, _), outcome in drawn)


@lru_cache(maxsize=1)
def _tools(out: Path) -> tuple[Store, Superlet]:
    """The store and its transform, made once in each process."""
    store = open_store(out, writable=True)
    return store, superlet(store.profile, store.description.sampling_frequency)


def draw_record(out: Path, number: int, file: Path) -> Outcome:
    """Write one record into its store: QRS level of each lead, (12,), or why the record cannot be drawn.

    Raises OutputError where the store cannot be written.
    """
    store, transform = _tools(out)
    try:
        leads = read_leads(file, store.description.sampling_frequency)
    except EcgNoiseError as error:
        return one_line(error, None)
    quantity, levels = draw(leads, store.description, transform)
    try:
        store.array(store.description.quantity)[number] = quantity
    except OSError as error:
        raise unwritable(out, error, MAKE_ROOM) from error
    return levels


def read_leads(file: Path, rate: int) -> list[LeadSegment]:
    """The twelve leads of a record, in the order of ``LEADS``, missing samples filled in as for a score.

    Raises an EcgNoiseError for a record that cannot be read, lacks a lead, or is not 10 s in mV at this rate.
    """
    recording = read(file).pick(LEADS)
    if recording.sampling_frequency != rate:
        raise SamplingFrequencyError(f"{file}: {recording.sampling_frequency:g} Hz, not {rate} Hz: fetch it again")
    samples = recording.samples.shape[1]
    if samples != segment_samples(rate):
        raise SignalShapeError(f"{file}: {samples} samples, not {segment_samples(rate)}: fetch it again")
    if recording.units != "mV":
        raise UnknownUnitsError(f"{file}: the unit is not stated: fetch it again")
    (window,) = segments.windows(samples, rate)
    return segments.cut(recording, 0, window)


def draw(
    leads: Sequence[LeadSegment], description: StoreDescription, transform: Superlet
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """What a store keeps of some leads: images or levels (leads, rows, 256), and QRS level (leads,)."""
    profile = description.profile
    levels = np.asarray(transform(np.stack([lead.signal for lead in leads])))
    reference = qrs_level(levels, profile)
    kept = QUANTITY_OF[description.dtype](levels, reference, profile)
    flat = np.array([not lead.drawable for lead in leads])
    kept[flat] = 0 if description.dtype == "uint8" else LEVEL_LIMITS[0]
    return kept, np.where(flat, np.float32(np.nan), reference).astype(np.float32)


def _images(levels: NDArray[np.float32], reference: NDArray[np.float32], profile: Profile) -> NDArray[np.uint8]:
    return np.asarray(np.rint(level_images(levels, reference, profile)), np.uint8)


def _levels(levels: NDArray[np.float32], reference: NDArray[np.float32], profile: Profile) -> NDArray[np.float16]:
    relative = np.clip(levels - reference[:, None, None], *LEVEL_LIMITS) if profile.relative else levels
    return relative.astype(np.float16)


QUANTITY_OF: Final[Mapping[str, Callable[..., NDArray[Any]]]] = {"uint8": _images, "float16": _levels}
