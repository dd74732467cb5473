"""Tables of results: CSV, JSON, Parquet or Excel by suffix."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecgnoise.errors import MissingExtraError, OutputError
from ecgnoise.result import COLUMNS, NUMBERS
from ecgnoise.writing import whole_files

if TYPE_CHECKING:
    import pyarrow as pa

Rows = Sequence[tuple[Any, ...]]


def write_table(rows: Rows, path: Path) -> None:
    """Write rows of :meth:`Result.rows` as CSV, JSON, Parquet or Excel by suffix, whole or not at all.

    Raises OutputError for another suffix or a place that cannot be written, MissingExtraError without ``tables``.
    """
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise OutputError(f"{path}: suffix {path.suffix!r} is none of {', '.join(WRITERS)}: choose one of them")
    with whole_files(path) as partial:
        writer(rows, partial)


def _write_csv(rows: Rows, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(rows)


def _write_json(rows: Rows, path: Path) -> None:
    records = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    path.write_text(json.dumps(records, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _write_parquet(rows: Rows, path: Path) -> None:
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("writing Parquet", "pyarrow", "tables") from error
    pq.write_table(arrow_table(rows), path)


def arrow_table(rows: Rows) -> "pa.Table":
    """The rows as an Arrow table, of the same types whatever is in them; it needs the extra ``tables``."""
    import pyarrow as pa

    kinds = {"segment": pa.int64(), **dict.fromkeys(NUMBERS, pa.float64())}
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
    arrays = [pa.array(column, kinds.get(name, pa.string())) for name, column in zip(COLUMNS, columns, strict=True)]
    return pa.table(arrays, names=list(COLUMNS))


def _write_excel(rows: Rows, path: Path) -> None:
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtraError("writing Excel", "openpyxl", "tables") from error
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("ecgnoise")
    for row in (COLUMNS, *rows):
        sheet.append(row)
    book.save(path)


WRITERS: Final[dict[str, Callable[[Rows, Path], None]]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".parquet": _write_parquet,
    ".xlsx": _write_excel,
}
