"""The recordings to train on, below a folder laid out as ``docs/training.md`` says, and what of each is taken."""

import csv
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ecgnoise.errors import TrainingDataError
from ecgnoise.ptbxl.index import training_leads
from ecgnoise.ptbxl.labels import parse_labels

PTB_XL: Final = "ptb-xl"
HAND_HELD: Final = "train-hand-held"
RHYTHMS: Final = "train-rhythms"
DATABASE: Final = "ptbxl_database.csv"
RHYTHM_TABLE: Final = "train-rhythms.csv"

TRAINING_FOLDS: Final = tuple(range(1, 9))
WATCHED_FOLD: Final = 9
SETTLING: Final = 3.0  # s by which a hand-held recorder has settled
RECORDER_HIGHEST: Final = 35.0  # Hz; hand-held recorders and those of intensive care end at about 40 Hz
INTENSIVE_CARE: Final = "challenge-2015"
PACED: Final = "paced-looking"


@dataclass(frozen=True)
class Extract:
    """What of a recording is taken.

    leads: rows of the signal; none: all. start: seconds from which on it is cut into segments. highest: the frequency
    in Hz up to which it is what an electrode gives; above, filters of the recorder have left nothing to learn.
    """

    path: Path
    leads: tuple[int, ...] = ()
    start: float = 0.0
    highest: float = math.inf


def clean_ptbxl(folder: Path, folds: Iterable[int]) -> list[Extract]:
    """Clean leads of these folds of PTB-XL, 1 to 9, as far as their records are there; nothing without its table."""
    table, wanted = folder / DATABASE, set(folds)
    if not table.exists():
        return []
    leads: dict[str, list[int]] = {}
    for row in training_leads(parse_labels(table).records):
        if row.fold in wanted:
            leads.setdefault(row.filename_hr, []).append(row.lead)
    found = {folder / f"{name}.hea": tuple(rows) for name, rows in leads.items()}
    return [Extract(path, rows) for path, rows in found.items() if path.exists()]


def rhythms(folder: Path) -> list[Extract]:
    """Leads of unusual rhythms and shapes that are clean by their table, or look paced; nothing without the table."""
    table = folder / RHYTHM_TABLE
    if not table.exists():
        return []
    leads: dict[tuple[str, str], list[int]] = {}
    try:
        with table.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if row["strict"] == "1" or PACED in row["tags"].split():
                    leads.setdefault((row["record"], row["source"]), []).append(int(row["lead"]))
    except (KeyError, ValueError, OSError) as error:
        what = "not the table that train-rhythms has: copy it again, or move the folder elsewhere"
        raise TrainingDataError(f"{table}: {what}") from error
    extracts = (
        Extract(
            folder / f"{record}.hea", tuple(rows), highest=RECORDER_HIGHEST if source == INTENSIVE_CARE else math.inf
        )
        for (record, source), rows in leads.items()
    )
    return [extract for extract in extracts if extract.path.exists()]


def hand_held(folder: Path) -> list[Extract]:
    """All records below, without their first seconds, in which a recorder settles."""
    paths = sorted(folder.glob("**/*.hea"))
    return [Extract(path, start=SETTLING, highest=RECORDER_HIGHEST) for path in paths]


def everything(folder: Path) -> list[Extract]:
    """All records below."""
    return [Extract(path) for path in sorted(folder.glob("**/*.hea"))]


COLLECTIONS: Final[Mapping[str, Callable[[Path], list[Extract]]]] = MappingProxyType(
    {
        PTB_XL: lambda folder: clean_ptbxl(folder, TRAINING_FOLDS),
        "ludb": everything,
        "more-12-lead": everything,
        "qtdb": everything,
        HAND_HELD: hand_held,
        RHYTHMS: rhythms,
    }
)
LICENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        PTB_XL: "PTB-XL 1.0.3, folds 1-8, leads without a remark on noise (CC BY 4.0)",
        "ludb": "LUDB 1.0.1 (ODC-By 1.0)",
        "more-12-lead": "Chapman-Shaoxing, Ningbo, CPSC 2018 and Georgia, screened (CC BY 4.0)",
        "qtdb": "QT Database, screened (ODC-By 1.0)",
        HAND_HELD: "Challenge 2017, hand-held, a choice of records, screened (ODC-By 1.0)",
        RHYTHMS: (
            "AF Termination, PAF Prediction and Challenge 2015 (ODC-By 1.0), CPSC 2018 and 2021 (CC BY 4.0), unusual "
            "rhythms and shapes, screened"
        ),
    }
)


def collections(data: Path) -> dict[str, list[Extract]]:
    """What to train on below a folder laid out as ``docs/training.md`` says; TrainingDataError if there is nothing."""
    found = {name: extracts(data / name) for name, extracts in COLLECTIONS.items()}
    if not any(found.values()):
        *names, last = COLLECTIONS
        what = f"no folder {', '.join(names)} or {last} with records"
        raise TrainingDataError(f"{data}: {what}: see docs/training.md")
    return {name: extracts for name, extracts in found.items() if extracts}


def watched(data: Path) -> list[Extract]:
    """What training is watched by and a model is calibrated on: clean leads of fold 9 of PTB-XL, if it is there."""
    return clean_ptbxl(data / PTB_XL, [WATCHED_FOLD])
