"""The list of an archive's recordings: divided into parts, and kept in the folder of results.

``list.arrow`` holds a record batch for each part, which is read when the part's turn comes, so that memory does not
grow with the number of recordings. What was divided once stays so: a run that goes on does the parts that are missing.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from ecgnoise._internal.atomic import whole_files
from ecgnoise._internal.files import file_states, open_regular
from ecgnoise._internal.remote import RemotePath, is_remote, shown_address
from ecgnoise.errors import OutputError, one_line
from ecgnoise.readers import ReadOptions, recording_files

if TYPE_CHECKING:
    import pyarrow as pa

LIST: Final = "list.arrow"
OWN: Final = ("path", "size", "state", "sampling_frequency", "units", "leads")
STATE_DIGITS: Final = 16
SUM_BITS: Final = 128
Place = Path | RemotePath


@dataclass(frozen=True)
class Entry:
    """A recording in the list of an archive.

    path: of a file, or the address of an object; a recording in a file of arrays has its name behind ``::``. size: in
    bytes, of all its files. state: what changes with its content, as the store told it; empty for files of this
    machine, which are looked at. sampling_frequency, units, leads: what the list says of it and its file may not.
    carried: other columns of the list, which go into the results.
    """

    path: str
    size: int = 0
    state: str = ""
    sampling_frequency: float | None = None
    units: str | None = None
    leads: tuple[str, ...] | None = None
    carried: Mapping[str, Any] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Any, ...]:
        values = (self.path, self.size, self.state, self.sampling_frequency, self.units, self.leads)
        return type(self), (*values, dict(self.carried))

    @property
    def remote(self) -> bool:
        """Whether it is an object, and no file of this machine."""
        return is_remote(self.path)

    @property
    def shown(self) -> str:
        """What it is called in results: its path, or its address without what signs it."""
        return shown_address(self.path) if self.remote else self.path

    def reading(self, options: ReadOptions) -> ReadOptions:
        """What the caller says of files, with what the list says of this one."""
        return ReadOptions(
            options.sampling_frequency if self.sampling_frequency is None else self.sampling_frequency,
            options.units if self.units is None else self.units,
            options.lead_names if self.leads is None else self.leads,
        )

    def state_now(self) -> str:
        """A checksum of names, sizes and times of last change of all files of the recording; as listed of an object."""
        return self.state if self.remote else recording_state(Path(self.path))


def recording_state(file: Path) -> str:
    """A checksum of names, sizes and times of last change of all files of a recording."""
    states = file_states(recording_files(file))
    return hashlib.sha256(json.dumps(states).encode()).hexdigest()[:STATE_DIGITS]


def local_entries(files: Iterable[str | Path]) -> Iterator[Entry]:
    """Entries of files of this machine."""
    for file in files:
        yield Entry(os.fspath(file), _size(Path(file)))


def _size(file: Path) -> int:
    """Bytes of a file, and of the signal file beside a WFDB header; 0 for one that is not there."""
    places = {file, file.with_suffix(".dat")} if file.name else {file}
    return sum(max(0, size) for _, size, _ in file_states(places))


def divide(entries: Iterable[Entry], most: int, most_bytes: int) -> Iterator[tuple[Entry, ...]]:
    """The recordings in parts of so many, or of so many bytes, in their order; a large one is a part."""
    part: list[Entry] = []
    size = 0
    for entry in entries:
        more = max(0, entry.size)
        if part and (len(part) == most or size + more > most_bytes):
            yield tuple(part)
            part, size = [], 0
        part.append(entry)
        size += more
    if part:
        yield tuple(part)


class Digest:
    """A checksum of paths whatever their order: the sum of those of each."""

    def __init__(self) -> None:
        self.count = self._sum = 0

    def add(self, path: str) -> None:
        """Count a recording in."""
        self.count += 1
        self._sum += int.from_bytes(hashlib.sha256(os.fsencode(path)).digest()[: SUM_BITS // 8], "big")

    @property
    def text(self) -> str:
        """The checksum."""
        return hashlib.sha256((self._sum % (1 << SUM_BITS)).to_bytes(SUM_BITS // 8, "big")).hexdigest()[:STATE_DIGITS]


class Listing:
    """The list of a folder of results, open; one part of it is in memory at a time."""

    def __init__(self, place: Place) -> None:
        import pyarrow as pa

        self._stack = ExitStack()
        try:
            opened = open_regular(place) if isinstance(place, Path) else place.opened()
            self._file = pa.ipc.open_file(self._stack.enter_context(opened))
            said = self._file.schema.metadata
            self.recordings, self.digest = int(said[b"recordings"]), said[b"digest"].decode()
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._stack.close()
            raise OutputError(
                f"{place}: no whole list of recordings ({one_line(error)}): choose another folder of results"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __len__(self) -> int:
        return int(self._file.num_record_batches)

    def part(self, number: int) -> tuple[Entry, ...]:
        """The recordings of a part."""
        columns = self._file.get_batch(number).to_pydict()
        carried = [name for name in columns if name not in OWN]
        return tuple(
            Entry(
                os.fsdecode(path), size, state, frequency, units, tuple(leads) if leads is not None else None,
                {name: columns[name][row] for name in carried},
            )
            for row, (path, size, state, frequency, units, leads) in enumerate(
                zip(*(columns[name] for name in OWN), strict=True)
            )
        )  # fmt: skip

    def rows(self, number: int) -> int:
        """How many recordings a part has."""
        return int(self._file.get_batch(number).num_rows)

    def carried(self) -> "pa.Schema":
        """The columns of the list that go into the results."""
        import pyarrow as pa

        return pa.schema([column for column in self._file.schema if column.name not in OWN])

    def parts(self) -> Iterator[tuple[Entry, ...]]:
        """The recordings of all parts, part by part."""
        return map(self.part, range(len(self)))


def write_listing(place: Place, parts: Callable[[], Iterable[tuple[Entry, ...]]], carried: "pa.Schema") -> None:
    """Write the list of recordings, whole or not at all.

    parts: called once, and gone through once. carried: the other columns of the list.
    """
    import pyarrow as pa

    kinds = (pa.binary(), pa.int64(), pa.string(), pa.float64(), pa.string(), pa.list_(pa.string()))
    own = [pa.field(name, kind) for name, kind in zip(OWN, kinds, strict=True)]
    schema = pa.schema([*own, *carried])
    written = whole_files(place) if isinstance(place, Path) else place.written()
    with written as partial, tempfile.TemporaryDirectory(prefix="ecgnoise-") as folder:
        first = Path(folder) / LIST
        digest = Digest()
        with pa.ipc.new_file(str(first), schema) as writer:
            for part in parts():
                for entry in part:
                    digest.add(entry.path)
                writer.write_batch(_record_batch(part, schema))
        said = schema.with_metadata({"recordings": str(digest.count), "digest": digest.text})
        with (
            first.open("rb") as source,
            pa.ipc.open_file(source) as file,
            pa.ipc.new_file(str(partial), said) as writer,
        ):
            for number in range(file.num_record_batches):  # the checksum, known at the end only, goes before them all
                writer.write_batch(file.get_batch(number).replace_schema_metadata(said.metadata))


def _record_batch(part: tuple[Entry, ...], schema: "pa.Schema") -> "pa.RecordBatch":
    """The recordings of a part as Arrow."""
    import pyarrow as pa

    rows = [
        {
            "path": os.fsencode(entry.path), "size": entry.size, "state": entry.state, "units": entry.units,
            "sampling_frequency": entry.sampling_frequency, "leads": entry.leads, **entry.carried,
        }
        for entry in part
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(rows, schema=schema)
