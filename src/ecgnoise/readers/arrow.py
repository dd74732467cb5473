"""Parquet and Feather tables, read by the pyarrow package: rows are samples, columns are leads.

Columns are what :mod:`ecgnoise.readers.columns` makes of their names; a column of times may hold instants or
durations. ``sampling_frequency`` (or ``fs``) and ``units`` of the schema's metadata hold where no column says them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers.arrays import FREQUENCY_KEYS
from ecgnoise.readers.base import ReadOptions, one_line, package_of_extra
from ecgnoise.readers.columns import Said, recording_of_columns, title_of
from ecgnoise.readers.labels import voltage_unit
from ecgnoise.readers.times import TextTimes
from ecgnoise.readers.timing import Column
from ecgnoise.recording import Recording

PARQUET_MAGIC: Final = b"PAR1"
FEATHER_MAGICS: Final = (b"ARROW1", b"FEA1")
PANDAS_INDEX: Final = "__index_level_"
ARROW_ERRORS: Final = (OSError, ValueError, TypeError, KeyError, NotImplementedError, MemoryError)  # its own are such


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
        """Every such file."""
        return self.recognises(path, head) or path.suffix.lower() in self.suffixes

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        _package()
        from pyarrow import parquet

        return _recording(parquet.read_table, path, options)


@dataclass(frozen=True)
class FeatherReader:
    """A table in a Feather (Arrow IPC) file, of either version."""

    name: str = "Feather (.feather, .arrow)"
    suffixes: tuple[str, ...] = (".feather",)

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the magic."""
        del path
        return head.startswith(FEATHER_MAGICS)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head) or path.suffix.lower() in self.suffixes

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        _package()
        from pyarrow import feather

        return _recording(lambda file: feather.read_table(file, memory_map=False), path, options)


def _package() -> ModuleType:
    return package_of_extra("pyarrow", "reading Parquet and Feather")


def _recording(load: Callable[[Any], Any], path: Path, options: ReadOptions) -> Recording:
    try:
        with path.open("rb") as file:
            table = load(file)
        names = [name for name in table.column_names if not name.startswith(PANDAS_INDEX) or _is_time(table, name)]
        columns = [_column(table.column(name), name, place) for place, name in enumerate(names)]
    except ARROW_ERRORS as error:
        raise UnreadableFileError(f"{path}: not a whole table ({one_line(error)}): save it again") from error
    if not columns or not table.num_rows:
        raise UnreadableFileError(f"{path}: a table of {table.num_rows} rows and {len(names)} columns: pass another")
    return recording_of_columns(columns, options, path, _said(table, path))


def _is_time(table: Any, name: str) -> bool:
    from pyarrow import types

    kind = table.schema.field(name).type
    return bool(types.is_timestamp(kind) or types.is_duration(kind))


def _column(column: Any, name: str, place: int) -> Column:
    """A column as numbers, NaN where it is null; as instants; or as text."""
    title, unit = title_of(name)
    values = column.to_numpy()
    nothing = np.empty(0)
    if values.dtype.kind in "mM":
        return Column(title, unit, nothing, times=_times(values, column.type), place=place)
    if values.dtype.kind in "iufb":
        return Column(title, unit, values.astype(np.float64), place=place)
    from pyarrow import types

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
    stated = next((said[key] for key in FREQUENCY_KEYS if key in said), None)
    try:
        frequency = float(stated) if stated else None
    except ValueError as error:
        raise UnreadableFileError(f"{path}: sampling frequency {stated!r} is not a number: save one") from error
    stated_unit = said.get("units", "").strip()
    return Said(frequency, (voltage_unit(stated_unit) or stated_unit) or None, firm=True)
