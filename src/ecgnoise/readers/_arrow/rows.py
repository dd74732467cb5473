"""Parquet and Feather tables whose columns hold lists: a row is a recording, a column of lists its lead, or all leads.

Columns of single values beside them say what is true of the row, by the keys of
:mod:`ecgnoise.readers._shared.named_arrays`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.files import SEPARATOR
from ecgnoise.errors import SignalShapeError
from ecgnoise.readers._shared.array_address import (
    IDENTIFIERS,
    Address,
    Described,
    identified,
    layout_of,
    parse_address,
    stack_of,
    usable_identifiers,
)
from ecgnoise.readers._shared.base import LARGEST_HELD, ReadRequest
from ecgnoise.readers._shared.channel_names import ecg_rows, is_other_signal, names_a_lead
from ecgnoise.readers._shared.named_arrays import KEYS, Found, HeldRaw, recording_of
from ecgnoise.recording import Recording


@dataclass(frozen=True)
class Source:
    """A table that is not read yet. load: some of its columns, all rows or one."""

    schema: Any
    rows: int
    load: Callable[[Sequence[str], int | None], Any]


def row_columns(schema: Any) -> list[str]:
    """The columns of lists of numbers, or of lists of such, that may be leads by their names."""
    names = [field.name for field in schema if _numbers_in(field.type)]
    names = [names[at] for at in ecg_rows(names)]
    singles = [field.name for field in schema if not _numbers_in(field.type)]
    return [] if any(map(_is_lead, singles)) and not any(map(_is_lead, names)) else names


def row_addresses(source: Source) -> list[str]:
    """The addresses of the recordings, by their identifiers where a column has such."""
    if not row_columns(source.schema) or source.rows < 2:
        return []
    name = _identifier(source.schema)
    texts = usable_identifiers(source.load([name], None).column(0).to_pylist()) if name is not None else None
    return [f"[{row}]" for row in range(source.rows)] if texts is None else [f"[{name}={text}]" for text in texts]


def recording_of_row(source: Source, path: Path, options: ReadRequest) -> Recording:
    """The recording of the row named; SignalShapeError where none is and there are several."""
    names = row_columns(source.schema)
    address = parse_address(options.dataset)
    if address.identifier and address.identifier[0] in source.schema.names:
        values = source.load([address.identifier[0]], None).column(0).to_pylist()
        address = identified(address, values, path)
    row = 0 if address.index is None and source.rows == 1 else address.index
    if row is None or address.name or not row < source.rows:
        raise SignalShapeError(
            f"{path}: a row is a recording (lists in {', '.join(names)[:100]}), {source.rows} rows: name one, as in "
            f"{path.name}{SEPARATOR}[0]"
        )
    keys = [name for name in source.schema.names if name.casefold() in KEYS and name not in names]
    table = source.load([*names, *keys], row)
    table.validate(full=True)
    signal = _leads([_values(table.column(name)) for name in names], names, address, path)
    said: dict[str, Any] = {key.casefold(): np.asarray(table.column(key).to_pylist()[0]) for key in keys}
    said = {key: value for key, value in said.items() if value.dtype.kind != "O"}
    if len(names) > 1 or (len(signal) == 1 and "lead_names" not in said):
        said["lead_names"] = np.array(names)
    return recording_of(Found(HeldRaw(signal), said, names[0], options.dataset), options, path, held=True)


def _leads(values: Sequence[NDArray[Any]], names: Sequence[str], address: Address, path: Path) -> NDArray[Any]:
    """The lists of a row as (leads, time)."""
    if len({array.shape for array in values}) != 1 or (len(values) > 1 and values[0].ndim > 1):
        raise SignalShapeError(
            f"{path}: the lists of {', '.join(names)[:100]} differ in length in this row: save lists of one length"
        )
    array = np.stack(values) if values[0].ndim == 1 else values[0]
    stack = stack_of((1, *array.shape))
    turned = address.transposed or (stack is not None and stack.time_first and values[0].ndim == 2)
    described = Described(names[0], array.shape, array.dtype.kind)
    layout = layout_of(described, Address(transposed=turned), path)
    return array.T if layout.time_first else array


def _values(column: Any) -> NDArray[Any]:
    """The numbers in the list of one row, in one or two dimensions; NaN where one is null."""
    from pyarrow import types

    held = column.combine_chunks()
    lengths = []
    while types.is_list(held.type) or types.is_large_list(held.type) or types.is_fixed_size_list(held.type):
        lengths.append(len(held))
        held = held.flatten()
    if len(held) > LARGEST_HELD:
        raise ValueError(f"{len(held)} values in one row")
    values = held.to_numpy(zero_copy_only=False)
    rows = lengths[-1]
    return values if len(lengths) == 1 else np.asarray(values.reshape(rows, -1))


def _is_lead(name: str) -> bool:
    return names_a_lead(name) and not is_other_signal(name)


def _numbers_in(kind: Any, depth: int = 0) -> bool:
    """Whether a type is lists of numbers, or lists of lists of them."""
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return depth < 2 and _numbers_in(kind.value_type, depth + 1)
    return depth > 0 and bool(types.is_integer(kind) or types.is_floating(kind))


def _identifier(schema: Any) -> str | None:
    from pyarrow import types

    known = (field for field in schema if IDENTIFIERS.fullmatch(field.name))
    return next((field.name for field in known if types.is_integer(field.type) or types.is_string(field.type)), None)
