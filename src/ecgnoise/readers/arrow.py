"""Parquet and Feather tables, read by the pyarrow package: rows are samples, columns are leads.

Columns are what :mod:`ecgnoise.readers.columns` makes of their names; a column of times may hold instants or
durations. ``sampling_frequency`` (or ``fs``) and ``units`` of the schema's metadata hold where no column says them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers.arrays import FREQUENCY_KEYS
from ecgnoise.readers.base import ReadOptions, one_line, package_of_extra
from ecgnoise.readers.columns import Title, recording_of_columns, title_of
from ecgnoise.readers.labels import voltage_unit
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
        columns = [_numbers(table.column(name), name, path) for name in names]
    except ARROW_ERRORS as error:
        raise UnreadableFileError(f"{path}: not a whole table ({one_line(error)}): save it again") from error
    if not columns or not len(columns[0]):
        raise UnreadableFileError(f"{path}: a table of {table.num_rows} rows and {len(names)} columns: pass another")
    titles = [_title(table, name) for name in names]
    frequency, units = _said(table, path)
    numbers = np.stack(columns, axis=1)
    return recording_of_columns(numbers, titles, options, path, frequency=frequency, units=units)


def _is_time(table: Any, name: str) -> bool:
    from pyarrow import types

    kind = table.schema.field(name).type
    return bool(types.is_timestamp(kind) or types.is_duration(kind))


def _numbers(column: Any, name: str, path: Path) -> NDArray[np.float64]:
    """A column as numbers, NaN where it is null; instants and durations as seconds since the first."""
    values = column.to_numpy()
    if values.dtype.kind in "mM":
        since = values - values[0] if len(values) else values
        return since.astype("timedelta64[ns]").astype(np.float64) / 1e9  # type: ignore[no-any-return]
    if values.dtype.kind not in "iufb":
        raise UnreadableFileError(f"{path}: column {name} holds {column.type}, not numbers: leave it out")
    return values.astype(np.float64)  # type: ignore[no-any-return]


def _title(table: Any, name: str) -> Title:
    return ("time", "s") if _is_time(table, name) else title_of(name)


def _said(table: Any, path: Path) -> tuple[float | None, str | None]:
    """Sampling frequency in Hz and unit in the schema's metadata, where they are there."""
    metadata = table.schema.metadata or {}
    said = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in metadata.items()}
    stated = next((said[key] for key in FREQUENCY_KEYS if key in said), None)
    try:
        frequency = float(stated) if stated else None
    except ValueError as error:
        raise UnreadableFileError(f"{path}: sampling frequency {stated!r} is not a number: save one") from error
    stated_unit = said.get("units", "").strip()
    return frequency, (voltage_unit(stated_unit) or stated_unit) or None
