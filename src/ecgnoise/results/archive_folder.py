"""Where the parts of a folder of results lie: the one place that knows."""

from pathlib import Path
from typing import Final

PARTS: Final = "parts"
PART_FILES: Final = "part-*.parquet"


def part_file(folder: Path, number: int) -> Path:
    """The part of a folder of results with this number."""
    return folder / PARTS / f"part-{number:05d}.parquet"


def part_files(folder: Path) -> list[Path]:
    """The parts of a folder of results, or of its folder of parts; empty where there are none."""
    return sorted((folder / PARTS).glob(PART_FILES)) or sorted(folder.glob(PART_FILES))
