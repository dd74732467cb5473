"""Parquet and Feather tables, read by the pyarrow package: rows are samples, columns are leads.

Columns are what :mod:`ecgnoise.readers._shared.lead_columns` makes of their names; a column of times may hold instants
or durations. ``sampling_frequency`` (or ``fs``) and ``units`` of the schema's metadata hold where no column says them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import EcgNoiseError, SignalShapeError, UnreadableFileError
from ecgnoise.readers._arrow.rows import Source, recording_of_row, row_addresses, row_columns
from ecgnoise.readers._arrow.sizes import check_sizes
from ecgnoise.readers._shared.base import LARGEST_HELD, ReadOptions, open_file, package_of_extra
from ecgnoise.readers._shared.channel_names import names_results
from ecgnoise.readers._shared.lead_columns import Said, recording_of_columns, title_of
from ecgnoise.readers._shared.library_errors import whole
from ecgnoise.readers._shared.named_arrays import KEYS, check_announced, stated_frequency, stated_units
from ecgnoise.readers._shared.time_columns import Column
from ecgnoise.readers._shared.time_text import TextTimes
from ecgnoise.recording import Recording

PARQUET_MAGIC: Final = b"PAR1"
FEATHER_MAGIC: Final = b"ARROW1"
FEATHER_V1_MAGIC: Final = b"FEA1"
PANDAS_INDEX: Final = "__index_level_"


@dataclass(frozen=True)
class ParquetReader:
    """A table in a Parquet file."""

    name: str = "Parquet (.parquet)"
    suffixes: tuple[str, ...] = (".parquet",)

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the magic."""
        del path
        return head.startswith(PARQUET_MAGIC)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file, but for tables of scores."""
        named = self.recognises(path, head) or path.suffix.lower() in self.suffixes
        return named and not _of_scores(path)

    def addresses(self, path: Path, dataset: str | None) -> list[str]:
        """The recordings of a table with one a row."""
        with whole(path, "table"), open_file(path) as file:
            return [] if dataset else row_addresses(_parquet(file, path))

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        _package()
        with whole(path, "table"), open_file(path) as file:
            return _recording(_parquet(file, path), path, options)


@dataclass(frozen=True)
class FeatherReader:
    """A table in a Feather file of version 2, which is an Arrow IPC file."""

    name: str = "Feather (.feather, .arrow)"
    suffixes: tuple[str, ...] = (".feather",)

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the magic of either version."""
        del path
        return head.startswith((FEATHER_MAGIC, FEATHER_V1_MAGIC))

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file but the list of an archive's recordings."""
        named = self.recognises(path, head) or path.suffix.lower() in self.suffixes
        return named and not _of_archive(path)

    def addresses(self, path: Path, dataset: str | None) -> list[str]:
        """The recordings of a table with one a row."""
        with whole(path, "table"), open_file(path) as file:
            return [] if dataset else row_addresses(_feather(file, path))

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory; a file of version 1 is refused, whose decoder believes what a damaged one says."""
        _package()
        with whole(path, "table"), open_file(path) as file:
            return _recording(_feather(file, path), path, options)


LIST_COLUMNS: Final = frozenset({"path", "size", "state", "sampling_frequency", "units", "leads"})


def _of_scores(path: Path) -> bool:
    """Whether a Parquet file holds scores of an earlier run; no for one that cannot be looked into."""
    try:
        with whole(path, "table"), open_file(path) as file:
            return names_results(_parquet(file, path).schema.names)
    except (EcgNoiseError, MemoryError):  # reading the file says why
        return False


def _of_archive(path: Path) -> bool:
    """Whether an Arrow file is the list of recordings of a folder of results; no for one that cannot be looked into."""
    try:
        with whole(path, "table"), open_file(path) as file:
            return set(_feather(file, path).schema.names) >= LIST_COLUMNS
    except (EcgNoiseError, MemoryError):  # reading the file says why
        return False


def _package() -> ModuleType:
    return package_of_extra("pyarrow", "reading Parquet and Feather")


def _parquet(file: BinaryIO, path: Path) -> Source:
    """A Parquet file, after a look at the sizes that it announces. No threads: one that fails would end the program."""
    from pyarrow import parquet

    opened = parquet.ParquetFile(file, pre_buffer=False)
    size, metadata = path.stat().st_size, opened.metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    rows = [group.num_rows for group in groups]
    if min([*rows, metadata.num_rows]) < 0 or sum(rows) != metadata.num_rows:
        raise ValueError(f"{metadata.num_rows} rows, {sum(rows)} in its groups")
    # Not those of each column: pyarrow ends the program where the statistics of one do not fit its type.
    announced = [group.total_byte_size for group in groups]
    if min([*announced, 0]) < 0:
        raise ValueError(f"groups of {min(announced)} bytes")
    check_announced(sum(announced), size, "the table", path)

    def load(names: Sequence[str], row: int | None) -> Any:
        if row is None:
            return opened.read(columns=list(names), use_threads=False)
        group = 0
        while row >= rows[group]:
            row, group = row - rows[group], group + 1
        return opened.read_row_group(group, columns=list(names), use_threads=False).slice(row, 1)

    return Source(opened.schema_arrow, metadata.num_rows, load)


def _feather(file: BinaryIO, path: Path) -> Source:
    """An Arrow IPC file, after a look at the sizes that it announces."""
    if file.read(len(FEATHER_V1_MAGIC)) == FEATHER_V1_MAGIC:
        raise UnreadableFileError(
            f"{path}: Feather of version 1 is not read: write version 2 of it, "
            "pyarrow.feather.write_feather(pyarrow.feather.read_table(old), new)"
        )
    from pyarrow import ipc

    rows = check_sizes(file, path)
    file.seek(0)
    schema = ipc.open_file(file).schema

    def load(names: Sequence[str], row: int | None) -> Any:
        wanted = [at for at, name in enumerate(schema.names) if name in names]
        file.seek(0)
        table = ipc.open_file(file, options=ipc.IpcReadOptions(use_threads=False, included_fields=wanted)).read_all()
        return table if row is None else table.slice(row, 1)

    return Source(schema, rows, load)


def _recording(source: Source, path: Path, options: ReadOptions) -> Recording:
    """The recording in a table: a column a lead, or, where columns hold lists, a row a recording."""
    if row_columns(source.schema):
        return recording_of_row(source, path, options)
    if options.dataset:
        raise SignalShapeError(f"{path}: {options.dataset[:100]} names a recording, its table holds one: leave it out")
    from pyarrow import types

    fields = [field for field in source.schema if not field.name.startswith(PANDAS_INDEX) or _is_time(field.type)]
    nested = [field.name for field in fields if types.is_nested(field.type) or types.is_map(field.type)]
    names = [field.name for field in fields if field.name not in nested]
    if source.rows * len(names) > LARGEST_HELD:
        raise UnreadableFileError(
            f"{path}: {source.rows} rows of {len(names)} columns, at most {LARGEST_HELD} values are read at once: "
            "save it in parts"
        )
    table = source.load(names, None)
    table.validate(full=True)
    columns = [_column(table.column(place), name, place) for place, name in enumerate(table.column_names)]
    if not columns or not table.num_rows:
        raise UnreadableFileError(f"{path}: a table of {table.num_rows} rows and {len(names)} columns: pass another")
    said = _said(table, path)
    note = f"left out, lists or structures: {', '.join(nested)[:200]}"
    return recording_of_columns(columns, options, path, replace(said, notes=(*said.notes, note)) if nested else said)


def _is_time(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_timestamp(kind) or types.is_duration(kind))


def _column(column: Any, name: str, place: int) -> Column:
    """A column as numbers, NaN where it is null; as instants; or as text."""
    from pyarrow import types

    title, unit = title_of(name)
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    values = column.to_numpy()
    nothing = np.empty(0)
    if values.dtype.kind in "mM":
        return Column(title, unit, nothing, times=_times(values, column.type), place=place)
    if values.dtype.kind in "iufb":
        return Column(title, unit, values.astype(np.float64), place=place)
    if types.is_decimal(column.type):
        return Column(
            title, unit, np.array([np.nan if value is None else float(value) for value in values]), place=place
        )
    return Column(title, unit, nothing, ["" if value is None else str(value) for value in values], place=place)


def _times(values: NDArray[Any], kind: Any) -> TextTimes:
    """Instants or durations in s since the first of them."""
    absent = np.isnat(values)
    first = values[int((~absent).argmax())] if len(values) else np.datetime64("NaT")
    since = (values - first).astype("timedelta64[ns]").astype(np.float64) / 1e9
    start = None
    if values.dtype.kind == "M" and not np.isnat(first):
        start = first.astype("datetime64[us]").astype(datetime)
        start = start.replace(tzinfo=UTC) if getattr(kind, "tz", None) else start
    return TextTimes(np.where(absent, np.nan, since), start, has_date=start is not None)


def _said(table: Any, path: Path) -> Said:
    """Sampling frequency in Hz and unit in the schema's metadata, where they are there."""
    metadata = table.schema.metadata or {}
    said = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in metadata.items()}
    known = {key.casefold(): value for key, value in said.items() if key.casefold() in KEYS and value.strip()}
    return Said(stated_frequency(known, path), stated_units(known, 1)[0], firm=True)
