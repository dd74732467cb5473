"""Recordings and labels of the benchmarks, in the layout that docs/contributing.md describes."""

import ast
import csv
import gzip
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARED = Path(__file__).parents[2] / "shared"
LEADS = ("I", "II", "III", "aug_1", "aug_2", "aug_3", "V1", "V2", "V3", "V4", "V5", "V6")


def data_folder() -> Path:
    """Folder of the unpacked recordings: ECGNOISE_DATA."""
    folder = os.environ.get("ECGNOISE_DATA")
    if not folder or not Path(folder).is_dir():
        raise SystemExit("set ECGNOISE_DATA to the folder of the unpacked recordings")
    return Path(folder)


def label_file(name: str, folder: str) -> Path:
    """A label table: in ECGNOISE_DATA, in ECGNOISE_REFERENCE, or where contributors have it."""
    for place in (data_folder() / name, reference_folder() / name, SHARED / folder / name):
        if place.exists():
            return place
    raise SystemExit(f"{name} is neither in ECGNOISE_DATA nor in {SHARED / folder}")


def reference_folder() -> Path:
    """Folder of the published program's outputs: ECGNOISE_REFERENCE, or where contributors have it."""
    return Path(os.environ.get("ECGNOISE_REFERENCE") or SHARED / "reference")


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


def ludb() -> list[Path]:
    """Records of LUDB by their number."""
    found = (data_folder() / "ludb" / "data").glob("*.hea")
    return sorted(found, key=lambda path: int(path.stem))


def qtdb() -> list[Path]:
    """Records of QTDB: two ambulatory leads."""
    return sorted((data_folder() / "qtdb").glob("*.hea"))


def motion() -> Iterator[tuple[Path, str]]:
    """Records of the Motion Artifact Contaminated ECG Database and what the person did: standing, walking, jump."""
    folder = data_folder() / "motion-dev"
    with (folder / "macecgdb-labels.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield folder / "macecgdb" / f"{row['record']}.hea", row["activity"]


def cpsc2019() -> Iterator[tuple[Path, NDArray[np.int64]]]:
    """Records of CPSC 2019 and the sample numbers of their R peaks."""
    for path in sorted((data_folder() / "cpsc2019-dev" / "cpsc2019").glob("*.hea")):
        yield path, np.asarray(annotations(path).sample, np.int64)


def annotations(path: Path) -> Any:
    """The annotations with suffix ``atr`` of a record."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, about how wfdb calls it
        import wfdb

        return wfdb.rdann(str(path.with_suffix("")), "atr")


@dataclass(frozen=True)
class MitdbRecord:
    """A record of MIT-BIH Arrhythmia: marks of signal quality and beats, each with their sample numbers.

    quality: what a mark says from there on: bit 0 (bit 1) set where the first (second) lead is noisy; -1, unreadable,
    has both set.
    """

    path: Path
    marks: NDArray[np.int64]
    quality: NDArray[np.int64]
    beats: NDArray[np.int64]
    symbols: NDArray[np.str_]

    def noisy_share(self, lead: int, start: int, stop: int) -> float:
        """Share of the samples start..stop-1 in which a lead is marked noisy; before the first mark none is."""
        edges = np.clip(np.concatenate([self.marks, [stop]]), start, stop)
        noisy = (self.quality >> lead) & 1
        return float(np.sum(np.diff(edges) * noisy) / (stop - start))

    def symbols_within(self, start: int, stop: int) -> set[str]:
        """The kinds of beat among the samples start..stop-1."""
        first, last = np.searchsorted(self.beats, [start, stop])
        return set(self.symbols[first:last].tolist())


BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")


def mitdb() -> Iterator[MitdbRecord]:
    """Records of MIT-BIH Arrhythmia with their annotations."""
    for path in sorted((data_folder() / "mitdb").glob("*.hea")):
        marks = annotations(path)
        samples, symbols = np.asarray(marks.sample, np.int64), np.array(marks.symbol)
        quality, beat = symbols == "~", np.isin(symbols, sorted(BEATS))
        subtype = np.asarray(marks.subtype, np.int64)
        yield MitdbRecord(path, samples[quality], subtype[quality], samples[beat], symbols[beat])
