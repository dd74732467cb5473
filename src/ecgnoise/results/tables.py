"""Tables of results: CSV, JSON, Parquet or Excel by suffix."""

import csv
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from ecgnoise._internal.atomic import whole_files
from ecgnoise._internal.extras import extra
from ecgnoise.errors import OutputError
from ecgnoise.results.cells import COLUMNS, NUMBERS

if TYPE_CHECKING:
    import pyarrow as pa

Rows = Sequence[tuple[Any, ...]]
EXCEL_ROWS: Final = 1_048_576
NOT_IN_EXCEL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def write_table(rows: Rows, path: Path, kind: str | None = None) -> None:
    """Write a table of results, whole or not at all.

    Parameters
    ----------
    rows : sequence of tuple
        Of :meth:`Result.rows`, of one result or of several.
    path : pathlib.Path
        The table.
    kind : {"csv", "json", "parquet", "xlsx"}, optional
        The default is what the suffix of the path says.

    Raises
    ------
    OutputError
        If the suffix is another one, an Excel sheet has no room, or the table cannot be written.
    MissingExtraError
        Without the extra ``tables``, for Parquet and Excel.

    See Also
    --------
    load_results : Get the results back.
    """
    writer = WRITERS.get(path.suffix.lower() if kind is None else f".{kind}")
    if writer is None:
        raise OutputError(f"{path}: suffix {path.suffix!r} is none of {', '.join(WRITERS)}: choose one of them")
    with whole_files(path) as partial:
        writer(rows, partial)


def send_table(rows: Rows, stream: BinaryIO, kind: str) -> None:
    """Write rows to a stream, such as standard output; see :func:`write_table`.

    Raises OutputError where it cannot be written; a BrokenPipeError where nobody reads it any more.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"table.{kind}"
        write_table(rows, file)
        try:
            stream.write(file.read_bytes())
            stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"the table cannot be written ({error.strerror}): choose another place") from error


def _write_csv(rows: Rows, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(rows)


def _write_json(rows: Rows, path: Path) -> None:
    records = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    path.write_text(json.dumps(records, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _write_parquet(rows: Rows, path: Path) -> None:
    with extra("writing Parquet", "tables"):
        import pyarrow.parquet as pq
    pq.write_table(arrow_table(rows), path)


def arrow_table(rows: Rows) -> "pa.Table":
    """The rows as an Arrow table, of the same types whatever is in them; it needs the extra ``tables``."""
    import pyarrow as pa

    kinds = {"segment": pa.int64(), "usable": pa.bool_(), **dict.fromkeys(NUMBERS, pa.float64())}
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
    arrays = [pa.array(column, kinds.get(name, pa.string())) for name, column in zip(COLUMNS, columns, strict=True)]
    return pa.table(arrays, names=list(COLUMNS))


def _write_excel(rows: Rows, path: Path) -> None:
    with extra("writing Excel", "tables"):
        import openpyxl
        from openpyxl.cell import WriteOnlyCell
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("ecgnoise")
    if len(rows) >= EXCEL_ROWS:
        raise OutputError(f"{len(rows)} rows, a sheet of Excel has room for {EXCEL_ROWS - 1}: write .csv or .parquet")
    for row in (COLUMNS, *rows):
        cells = [WriteOnlyCell(sheet, NOT_IN_EXCEL.sub("?", cell) if isinstance(cell, str) else cell) for cell in row]
        for cell in cells:
            if cell.data_type == "f":
                cell.data_type = "s"  # a name that begins with "=" is no formula
        sheet.append(cells)
    book.save(path)


WRITERS: Final[dict[str, Callable[[Rows, Path], None]]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".parquet": _write_parquet,
    ".xlsx": _write_excel,
}
