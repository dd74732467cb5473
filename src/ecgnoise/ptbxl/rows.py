"""CSV files: read with their columns checked, written whole or not at all."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecgnoise._internal.atomic import unfinished_files
from ecgnoise.errors import UnknownFormatError, UnreadableFileError, unwritable


@dataclass(frozen=True)
class Sheet:
    """What goes into a CSV file: column names, and rows with one value a column."""

    columns: tuple[str, ...]
    rows: Iterable[tuple[Any, ...]]


def read_rows(path: Path, columns: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and columns of each row of a CSV file with a header; other columns come along.

    Raises UnreadableFileError for a file that is absent, empty, no UTF-8 text or has a row of another length,
    UnknownFormatError where one of ``columns`` is missing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines)
            header = table.fieldnames
            if not header:
                raise UnreadableFileError(f"{path}: the file is empty: copy it again")
            missing = [column for column in columns if column not in header]
            if missing:
                what = f"no column {', '.join(missing)} in its first line"
                raise UnknownFormatError(f"{path}: {what}: pass a CSV file that has {', '.join(columns)}")
            for row in table:
                if None in row or None in row.values():
                    what = f"line {table.line_num} has not the {len(header)} values of the first line"
                    raise UnreadableFileError(f"{path}: {what}: copy the file again")
                yield table.line_num, row
    except OSError as error:
        raise UnreadableFileError(f"{path}: cannot be read ({error.strerror}): check the path") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFileError(f"{path}: not a CSV file in UTF-8 ({error}): copy it again") from error


def write_sheets(sheets: Mapping[Path, Sheet]) -> None:
    """Write CSV files: all are written under temporary names before the first gets its own.

    Raises OutputError for a place that cannot be written.
    """
    path = Path()
    try:
        with ExitStack() as places:
            for path, sheet in sheets.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                partial = places.enter_context(unfinished_files(path))
                with partial.open("w", encoding="utf-8", newline="") as file:
                    table = csv.writer(file, lineterminator="\n")
                    table.writerow(sheet.columns)
                    table.writerows(sheet.rows)
    except OSError as error:
        raise unwritable(path, error) from error
