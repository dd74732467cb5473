"""Recordings and labels of the benchmarks, in the layout that docs/contributing.md describes."""

import ast
import csv
import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SHARED = Path(__file__).parents[2] / "shared"
LEADS = ("I", "II", "III", "aug_1", "aug_2", "aug_3", "V1", "V2", "V3", "V4", "V5", "V6")


def data_folder() -> Path:
    """Folder of the unpacked recordings: ECGNOISE_DATA."""
    folder = os.environ.get("ECGNOISE_DATA")
    if not folder or not Path(folder).is_dir():
        raise SystemExit("set ECGNOISE_DATA to the folder of the unpacked recordings")
    return Path(folder)


def label_file(name: str, folder: str) -> Path:
    """A label table, in ECGNOISE_DATA or where contributors have it."""
    for place in (data_folder() / name, SHARED / folder / name):
        if place.exists():
            return place
    raise SystemExit(f"{name} is neither in ECGNOISE_DATA nor in {SHARED / folder}")


@dataclass(frozen=True)
class PtbxlRecord:
    """A record, its fold, and which of its twelve leads have each label."""

    path: Path
    fold: int
    labels: dict[str, set[int]]


def ptbxl() -> Iterator[PtbxlRecord]:
    """PTB-XL records with the labels as the published program parses them."""
    kinds = ("baseline_drift", "static_noise", "burst_noise", "clean")
    with gzip.open(label_file("noise_labels_all_records.csv.gz", "reference"), "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            path = data_folder() / "ptb-xl" / f"{row['filename_hr']}.hea"
            if path.exists():
                labels = {kind: set(ast.literal_eval(row[kind])) for kind in kinds}
                yield PtbxlRecord(path, int(row["strat_fold"]), labels)


def challenge_2011() -> Iterator[tuple[Path, str, dict[int, bool]]]:
    """Records of Challenge 2011, ``"1"`` acceptable, ``"0"`` not, and which labelled leads are bad (not augmented)."""
    with label_file("challenge-2011-labels.csv", "data").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            bad = {i: row[name] == "1" for i, name in enumerate(LEADS) if row[name] and not name.startswith("aug")}
            yield data_folder() / "challenge-2011" / "set-a-wfdb" / f"{row['record']}.hea", row["acceptable"], bad


def challenge_2017() -> Iterator[tuple[Path, str]]:
    """Records of Challenge 2017 and their label: N, A, O or ~."""
    found = {path.stem: path for path in (data_folder() / "challenge-2017").glob("**/*.hea")}
    with label_file("challenge-2017-labels.csv", "data").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield found[row["record"]], row["label"]
