"""Work in hand on one result, so that a kill loses no more than the batch in hand.

A *result* is what one model and sampler make of a store: four result files, one a metric, of the same stem. While it is
being made, ``<stem>.checkpoint`` keeps its values, and once the files are written ``<stem>.json``, its *note*, says
what made them.

A checkpoint has a line with what the values depend on, its *identity*, and then a line a lead: record, lead and the
four values. Lines are only ever added. A line that is not whole, as a kill or a full disk leaves it, is cut off with
all that follows it when the checkpoint is opened again.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.atomic import unfinished_files
from ecgnoise.errors import MAKE_ROOM, ModelFormatError, OutputError, unwritable
from ecgnoise.ptbxl.compare import UNITS
from ecgnoise.ptbxl.labels import LEADS
from ecgnoise.ptbxl.store import StoreDescription, difference
from ecgnoise.results.scores import ModelIdentity

METRICS: Final = tuple(UNITS)
DECIMALS: Final = 6

Lead = tuple[int, int]
"""A record, by its place in the index of the store, and a lead, 0 .. 11."""


@dataclass(frozen=True)
class Identity:
    """What the values of a result depend on.

    sampler: ``ddim-10_t250``, or empty where the model has no reverse process. seed: of the noise; None without a
    reverse process. device: ``cpu`` for ONNX, or the torch device. every_fold: all leads of all folds. index: checksum
    of the labels.
    """

    model: ModelIdentity
    sampler: str
    seed: int | None
    device: str
    every_fold: bool
    store: StoreDescription
    index: str

    def to_dict(self) -> dict[str, Any]:
        """The identity as plain values."""
        plain = {**vars(self), "model": asdict(self.model)}
        return {**plain, "store": self.store.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Identity":
        """The identity of :meth:`to_dict`; KeyError, TypeError or ModelFormatError where it is another."""
        given = {name: values[name] for name in cls.__dataclass_fields__}
        model, store = ModelIdentity(**given["model"]), StoreDescription.from_dict(given["store"])
        return cls(**given | {"model": model, "store": store})

    def difference(self, asked: "Identity") -> str:
        """What differs from what is asked for, in words; empty where nothing does."""
        plain = ((name, was, vars(asked)[name]) for name, was in vars(self).items() if name != "store")
        parts = [f"{name} is {was}, asked for {now}" for name, was, now in plain if was != now]
        stores = difference(self.store, asked.store)
        return "; ".join([*parts, *([f"store: {stores}"] if stores else [])])


@dataclass(frozen=True)
class Counts:
    """Evaluated leads of a result and the records they are of; empty: leads without a value."""

    leads: int
    records: int
    empty: int


@dataclass(frozen=True)
class ResultPlace:
    """Where a result goes."""

    folder: Path
    stem: str

    @property
    def files(self) -> dict[str, Path]:
        """The result file of each metric."""
        return {metric: self.folder / f"{self.stem}_{metric}.csv" for metric in METRICS}

    @property
    def note(self) -> Path:
        """What says what made the files."""
        return self.folder / f"{self.stem}.json"

    @property
    def checkpoint(self) -> Path:
        """What keeps the values until the files are there."""
        return self.folder / f"{self.stem}.checkpoint"


class Checkpoint:
    """The values of a result while it is being made; see :func:`open_checkpoint`.

    values: (records, 12, metrics), NaN for a lead without a value. there: (records, 12), leads that are done.
    """

    def __init__(self, path: Path, records: int) -> None:
        self.path = path
        self.values = np.full((records, len(LEADS), len(METRICS)), np.nan)
        self.there = np.zeros((records, len(LEADS)), np.bool_)

    def count(self, leads: Sequence[Lead]) -> int:
        """How many of some leads are done."""
        return int(self.there[tuple(zip(*leads, strict=True))].sum())

    def values_of(self, leads: Sequence[Lead]) -> NDArray[np.float64]:
        """The values of some leads, (leads, metrics)."""
        return np.asarray(self.values[tuple(zip(*leads, strict=True))])

    def enter(self, leads: Sequence[Lead], values: NDArray[np.float64]) -> None:
        """Keep the values of some leads, (leads, metrics), to the sixth decimal; OutputError where they cannot be."""
        lines = [json.dumps([*lead, *row]) for lead, row in zip(leads, values.round(DECIMALS).tolist(), strict=True)]
        try:
            with self.path.open("ab") as file:
                file.write("".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            raise unwritable(self.path, error, MAKE_ROOM) from error
        self._keep(json.loads(line) for line in lines)

    def read(self) -> None:
        """Take in the lines that are whole, and cut off the rest; OutputError where the file cannot be changed."""
        content = _content(self.path)
        header, *lines = content.splitlines(keepends=True)
        whole = len(header)
        for line in lines:
            entry = _entry(line, len(self.there))
            if entry is None:
                break
            self._keep([entry])
            whole += len(line)
        if whole < len(content):
            try:
                os.truncate(self.path, whole)
            except OSError as error:
                raise unwritable(self.path, error, MAKE_ROOM) from error

    def _keep(self, entries: Iterable[list[Any]]) -> None:
        for record, lead, *values in entries:
            self.values[record, lead] = values
            self.there[record, lead] = True


def _entry(line: bytes, records: int) -> list[Any] | None:
    """Record, lead and values of a line; None where it is not whole."""
    try:
        entry = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    if not isinstance(entry, list) or [type(value) for value in entry] != [int, int] + len(METRICS) * [float]:
        return None
    return entry if 0 <= entry[0] < records and 0 <= entry[1] < len(LEADS) else None


def open_checkpoint(place: ResultPlace, identity: Identity, records: int) -> Checkpoint:
    """Begin the checkpoint of a result, or go on with the one that is there. records: in the index of the store.

    Raises OutputError where it has another identity, is damaged or cannot be written, or where files of its names are
    there that nothing says the origin of.
    """
    path = place.checkpoint
    if path.exists():
        _check(path, _identity(path), identity)
    else:
        for file in () if place.note.exists() else place.files.values():
            if file.exists():
                raise OutputError(f"{file}: there already, from elsewhere: pass --name or another --out")
        _write_whole(path, identity.to_dict())
    checkpoint = Checkpoint(path, records)
    checkpoint.read()
    return checkpoint


def find_finished(place: ResultPlace, identity: Identity, leads: int) -> Counts | None:
    """The counts of a result that is there whole; None where it is not.

    leads: number of leads it should have. Raises OutputError where it has another identity or number of leads, or its
    note is damaged.
    """
    if not place.note.exists():
        return None
    _check(place.note, _identity(place.note), identity)
    if not all(file.is_file() for file in place.files.values()):
        return None
    counts = _counts(place.note)
    if counts.leads != leads:
        what = f"leads is {counts.leads}, asked for {leads}: the store has changed"
        raise OutputError(f"{place.note}: {what}: delete this file and {place.stem}_*.csv, or pass another --out")
    _remove(place.checkpoint)
    return counts


def write_note(place: ResultPlace, identity: Identity, counts: Counts, version: str) -> None:
    """Say what made the files of a result, and take its checkpoint away. Raises OutputError where that cannot be."""
    _write_whole(place.note, {**identity.to_dict(), **asdict(counts), "ecgnoise": version})
    _remove(place.checkpoint)


def _check(path: Path, found: Identity, asked: Identity) -> None:
    differing = found.difference(asked)
    if differing:
        raise OutputError(f"{path}: {differing}: pass what it was made with, --name or another --out")


def _identity(path: Path) -> Identity:
    """The identity in the first line of a file."""
    try:
        return Identity.from_dict(json.loads(_content(path).partition(b"\n")[0]))
    except (KeyError, TypeError, ValueError, ModelFormatError) as error:
        raise _damaged(path) from error


def _counts(note: Path) -> Counts:
    """The counts in a note."""
    try:
        values = json.loads(_content(note))
        return Counts(*(int(values[name]) for name in Counts.__dataclass_fields__))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(note) from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror}): pass another --out") from error


def _damaged(path: Path) -> OutputError:
    return OutputError(f"{path}: damaged, or of another program: delete it, or pass another --out")


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be deleted ({error.strerror}): delete it") from error


def _write_whole(path: Path, values: Mapping[str, Any]) -> None:
    """Write a line of JSON into a new file, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished_files(path) as partial:
            partial.write_text(f"{json.dumps(values)}\n", encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error, MAKE_ROOM) from error
