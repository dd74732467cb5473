"""The parts of a folder of results merged into few large files, in one folder or in one for each value of a column."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

from ecgnoise._internal.atomic import whole_files
from ecgnoise.errors import OptionError, OutputError
from ecgnoise.results.archive_folder import PARTS, part_file
from ecgnoise.results.cells import COLUMNS
from ecgnoise.results.dataset import open_results

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

DIFFERENT: Final = ("schema_version", "model", "ecgnoise")  # entries of parts that have to be the same in all
GROUP_ROWS: Final = 1 << 17
WAITING_ROWS: Final = 1 << 19  # of all folders together
MERGED_ROWS: Final = 5_000_000  # in a file
MOST_FOLDERS: Final = 500  # each may have a file open
UNFINISHED: Final = f"{PARTS}.unfinished"
NOTHING_MORE: Final = {"errors": "[]", "recordings": "0"}  # of files after the first
NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"
Values = tuple[Any, ...]


def merge_results(path: str | Path, out: Path, *, rows: int = MERGED_ROWS, by: Sequence[str] = ()) -> int:
    """Merge the parts of a folder of results into few large ones; how many those are.

    path: a folder of results. out: a folder that is absent or empty. rows: of a file, about. by: columns; each of
    their values has a folder of its own, as Hive names them (``site=north``), and the columns stay in the files too.
    The rows are the same in the same order, in each folder, and some of them in memory at a time. :func:`open_results`
    reads the new folder; it is no place to go on with scoring.

    Raises OptionError where parts were made with different models or versions, or the results cannot be divided by a
    column, OutputError where the folder holds something or cannot be written, and what :func:`open_results` raises.
    """
    dataset = open_results(path)
    said = _said_by_all(dataset)
    folders = _folders(dataset, by)
    unfinished = out / UNFINISHED
    if out.exists() and (not out.is_dir() or any(file != unfinished for file in out.iterdir())):
        raise OutputError(f"{out}: there is something in it: choose a folder that is empty or absent")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    try:
        with ExitStack() as stack:
            of_folder = {}
            for number, name in enumerate(dict.fromkeys(folders.values())):
                own = said if number == 0 else said | NOTHING_MORE
                of_folder[name] = stack.enter_context(_Files(unfinished / name, dataset.schema, own, rows))
            _write(dataset, by, {values: of_folder[name] for values, name in folders.items()})
        unfinished.rename(out / PARTS)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return sum(one.count for one in of_folder.values())


def _write(dataset: "ds.Dataset", by: Sequence[str], files: dict[Values, "_Files"]) -> None:
    """Write the rows of a data set, each into the files of its values."""
    for table in _groups(dataset):
        for values, part in _divided(table, by):
            files[values].add(part)
        while sum(one.waiting for one in set(files.values())) > WAITING_ROWS:
            max(files.values(), key=lambda one: one.waiting).flush()
    for one in set(files.values()):
        one.finish()


class _Files:
    """The files of one folder, written one after the other. count: how many. waiting: rows that are not written yet."""

    def __init__(self, folder: Path, schema: "pa.Schema", said: dict[str, str], rows: int) -> None:
        self.count = self.waiting = 0
        self._folder, self._schema, self._rows = folder, schema.remove_metadata(), rows
        self._said = said
        self._tables: list[pa.Table] = []
        self._stack = ExitStack()
        self._writer: Any = None
        self._written = 0

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True)  # not one of another value: some disks take North and north for the same
        except OSError as error:
            raise OutputError(
                f"{self._folder}: no folder can be here ({error.strerror}): choose another place"
            ) from error
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def add(self, table: "pa.Table") -> None:
        """Take in rows, and write those that wait once they are many."""
        self._tables.append(table)
        self.waiting += table.num_rows
        if self.waiting >= min(GROUP_ROWS, self._rows):
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait, and end the file once it has enough."""
        import pyarrow as pa

        if not self.waiting:
            return
        if self._writer is None:
            self._begin()
        self._writer.write_table(pa.concat_tables(self._tables).replace_schema_metadata(None))
        self._written += self.waiting
        self._tables, self.waiting = [], 0
        if self._written >= self._rows:
            self._end()

    def finish(self) -> None:
        """Write what is left; a file without rows where there are none."""
        self.flush()
        if self.count == 0:
            self._begin()
        self._end()

    def _begin(self) -> None:
        import pyarrow.parquet as pq

        file = self._stack.enter_context(whole_files(self._folder / part_file(Path(), self.count).name))
        self._writer = self._stack.enter_context(pq.ParquetWriter(file, self._schema))
        self._written, self.count = 0, self.count + 1

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.add_key_value_metadata(self._said)
            self._writer = None
            self._said = self._said | NOTHING_MORE
            self._stack.close()


def _folders(dataset: "ds.Dataset", by: Sequence[str]) -> dict[Values, str]:
    """The name of the folder of each combination of values, in the order in which they come."""
    import pyarrow as pa

    for name in by:
        if name not in dataset.schema.names:
            listed = [column for column in dataset.schema.names if column not in COLUMNS]
            known = ", ".join([*listed, "lead", "grade"])
            raise OptionError(f"by {name}: the results have no such column: name another one, such as {known}")
        kind = dataset.schema.field(name).type
        if not (pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind)):
            raise OptionError(f"by {name}: a column of {kind}: name one of words, whole numbers, or yes and no")
    if not by:
        return {(): ""}
    folders: dict[Values, str] = {}
    for batch in dataset.to_batches(columns=list(by)):
        for values in _combinations(pa.Table.from_batches([batch]), by):
            folders[values] = "/".join(_folder_name(*pair) for pair in zip(by, values, strict=True))
        if len(folders) > MOST_FOLDERS:
            raise OptionError(f"by {', '.join(by)}: more than {MOST_FOLDERS} values: name a column that has fewer")
    return folders or {(None,) * len(by): "/".join(_folder_name(name, None) for name in by)}


def _folder_name(column: str, value: Any) -> str:
    words = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    return f"{quote(column, safe='')}={quote(words, safe=' ') or NO_VALUE}"


def _combinations(table: "pa.Table", by: Sequence[str]) -> list[Values]:
    """The combinations of values in a table."""
    found = table.group_by(list(by)).aggregate([]).select(list(by)).to_pylist()
    return [tuple(row[name] for name in by) for row in found]


def _divided(table: "pa.Table", by: Sequence[str]) -> Iterator[tuple[Values, "pa.Table"]]:
    """The rows of each combination of values."""
    import pyarrow.compute as pc

    for values in _combinations(table, by) if by else [()]:
        part = table
        for name, value in zip(by, values, strict=True):
            part = part.filter(pc.is_null(part[name]) if value is None else pc.equal(part[name], value))
        yield values, part


def _said_by_all(dataset: "ds.Dataset") -> dict[str, str]:
    """The metadata of merged parts: what all say alike, and the errors of all."""
    same: dict[str, set[str]] = {name: set() for name in DIFFERENT}
    errors: list[Any] = []
    recordings = 0
    for fragment in dataset.get_fragments():
        said = {name.decode(): value.decode() for name, value in (fragment.metadata.metadata or {}).items()}
        for name, values in same.items():
            values.add(said.get(name, ""))
        errors += json.loads(said.get("errors", "[]"))
        recordings += int(said.get("recordings", "0"))
    for name, values in same.items():
        if len(values) > 1:
            raise OptionError(f"parts were made with {name} {' and '.join(sorted(values))}: merge those alike only")
    return {name: values.pop() for name, values in same.items()} | {
        "errors": json.dumps(errors), "recordings": str(recordings),
    }  # fmt: skip


def _groups(dataset: "ds.Dataset") -> Iterator[Any]:
    """The rows of a data set in tables of about the same size, in their order."""
    import pyarrow as pa

    held: list[Any] = []
    for batch in dataset.to_batches(batch_readahead=2, fragment_readahead=1):
        held.append(batch)
        if sum(one.num_rows for one in held) >= GROUP_ROWS:
            yield pa.Table.from_batches(held, dataset.schema)
            held = []
    if held:
        yield pa.Table.from_batches(held, dataset.schema)
