"""Where the parts of a folder of results lie: the one place that knows."""

import re
from pathlib import Path
from typing import Final, TypeVar

from ecgnoise._internal.remote import RemotePath

PlaceT = TypeVar("PlaceT", bound=Path | RemotePath)
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
