"""The recordings to train a default model on, below a folder laid out as ``docs/training.md`` says."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ecgnoise.errors import TrainingDataError

NOISE_COLUMNS: Final = ("baseline_drift", "static_noise", "burst_noise", "electrodes_problems")


def clean_ptbxl(folder: Path, folds: Iterable[int]) -> list[Path]:
    """Records of these folds of PTB-XL without any remark on noise, as far as they are there."""
    table = folder / "ptbxl_database.csv"
    wanted = {str(fold) for fold in folds}
    with table.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["strat_fold"] in wanted]
    clean = [row for row in rows if not any(row[column].strip() for column in NOISE_COLUMNS)]
    paths = [folder / f"{row['filename_hr']}.hea" for row in clean]
    return [path for path in paths if path.exists()]


def collections(data: Path) -> dict[str, list[Path]]:
    """The training recordings below a folder laid out as ``docs/training.md`` says; TrainingDataError if none."""
    found = {
        "ptb-xl": clean_ptbxl(data / "ptb-xl", range(1, 9))
        if (data / "ptb-xl" / "ptbxl_database.csv").exists()
        else [],
        "ludb": sorted((data / "ludb").glob("**/*.hea")),
        "more-12-lead": sorted((data / "more-12-lead").glob("**/*.hea")),
        "qtdb": sorted((data / "qtdb").glob("*.hea")),
    }
    if not any(found.values()):
        raise TrainingDataError(
            f"{data}: no folder ptb-xl, ludb, more-12-lead or qtdb with records: see docs/training.md"
        )
    return {name: paths for name, paths in found.items() if paths}
