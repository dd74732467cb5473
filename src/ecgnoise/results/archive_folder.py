"""What lies where in a folder of results: the one place that knows."""

import csv
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from ecgnoise._internal.remote import RemotePath

PlaceT = TypeVar("PlaceT", bound=Path | RemotePath)
ERRORS: Final = "errors.csv"
ERROR_COLUMNS: Final = ("record", "error", "message", "path")
PARTS: Final = "parts"
PART_FILES: Final = "part-*.parquet"


def part_file(folder: PlaceT, number: int) -> PlaceT:
    """The part of a folder of results with this number."""
    part: PlaceT = folder / PARTS / f"part-{number:05d}.parquet"  # type: ignore[assignment]
    return part


def part_number(name: str) -> int | None:
    """The number of a part by the name of its file; None for another file."""
    found = re.fullmatch(r"part-(\d{5,})\.parquet", name)
    return int(found[1]) if found else None


def part_files(folder: Path) -> list[Path]:
    """The parts of a folder of results, or of its folder of parts; empty where there are none."""
    return sorted((folder / PARTS).glob(PART_FILES)) or sorted(folder.glob(PART_FILES))


def lost_recordings(folder: Path, most: int) -> list[dict[str, str]]:
    """The first recordings that could not be scored, by :data:`ERROR_COLUMNS`; empty for a table or an older folder."""
    return list(islice(_lost(folder / ERRORS), most))


def _lost(file: Path) -> Iterator[dict[str, str]]:
    if file.is_file():
        with file.open(encoding="utf-8", newline="", errors="replace") as table:
            rows = csv.DictReader(table, restval="")
            yield from ({column: row.get(column) or "" for column in ERROR_COLUMNS} for row in rows)
