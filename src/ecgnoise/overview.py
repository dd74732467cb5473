"""What a folder of results holds, seen from above: counts, the distribution of scores, the worst recordings, errors."""

import csv
import heapq
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.grades import GRADES
from ecgnoise.writing import whole_files

PARTS: Final = "parts"
SUMMARY: Final = "summary.json"
ERRORS: Final = "errors.csv"
STATES: Final = "states"
ERROR_COLUMNS: Final = ("record", "error", "message")
WORST: Final = 20
PERCENTILES: Final = (1, 5, 25, 50, 75, 95, 99)
STEPS_A_DB: Final = 100
HIGHEST_DB: Final = 100
BATCH_ROWS: Final = 1 << 15
COLUMNS: Final = ("record", "lead", "start_s", "duration_s", "psnr_db", "grade", "fault", "noise")


@dataclass(frozen=True)
class Worst:
    """A recording by its lead-segment with the lowest PSNR, in dB, which begins at ``start_s`` seconds."""

    record: str
    lead: str
    start_s: float
    psnr_db: float
    grade: str
    noise: str


@dataclass(frozen=True)
class Overview:
    """What the parts of a folder hold.

    recordings: in the list. tried: of them in a part; scored and failed: what became of these. parts: that are there.
    grades, faults: lead-segments of each. noise: of those that are not ``good``. lead_hours: scored or not. psnr_db:
    percentiles of the PSNR of lead-segments to a hundredth of a dB, empty where none has one. worst: the 20 worst, the
    worst first.
    """

    recordings: int
    tried: int
    scored: int
    failed: int
    parts: int
    lead_segments: int
    lead_hours: float
    grades: dict[str, int]
    faults: dict[str, int]
    noise: dict[str, int]
    psnr_db: dict[str, float]
    worst: tuple[Worst, ...]


class _Tally:
    """Counts of rows that come in batches."""

    def __init__(self) -> None:
        self.grades: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.noise: Counter[str] = Counter()
        self.seconds = 0.0
        self.histogram = np.zeros(HIGHEST_DB * STEPS_A_DB + 1, np.int64)
        self.worst: list[tuple[float, str, Worst]] = []

    def add(self, columns: dict[str, NDArray[Any]]) -> None:
        """Count some rows."""
        grade, psnr = columns["grade"], columns["psnr_db"].astype(np.float64)
        self.grades.update(grade[grade != ""].tolist())
        self.faults.update(columns["fault"][columns["fault"] != ""].tolist())
        noisy = (grade != "") & (grade != GRADES[0]) & (columns["noise"] != "")
        self.noise.update(columns["noise"][noisy].tolist())
        self.seconds += float(columns["duration_s"].sum())
        steps = np.round(psnr[np.isfinite(psnr)] * STEPS_A_DB).astype(np.int64)
        self.histogram += np.bincount(np.clip(steps, 0, len(self.histogram) - 1), minlength=len(self.histogram))
        self._keep_worst(columns, psnr)

    def _keep_worst(self, columns: dict[str, NDArray[Any]], psnr: NDArray[np.float64]) -> None:
        """Keep the 20 recordings with the lowest PSNR of these rows and those before."""
        best = {worst.record: (value, name, worst) for value, name, worst in self.worst}
        order = np.argsort(np.where(np.isnan(psnr), np.inf, psnr), kind="stable")
        seen: set[str] = set()
        for row in order[np.isfinite(psnr[order])].tolist():
            record = str(columns["record"][row])
            if record in seen:
                continue
            seen.add(record)
            worst = Worst(
                record, str(columns["lead"][row]), float(columns["start_s"][row]), float(psnr[row]),
                str(columns["grade"][row]), str(columns["noise"][row]),
            )  # fmt: skip
            if record not in best or psnr[row] < best[record][0]:
                best[record] = (float(psnr[row]), record, worst)
            if len(seen) == WORST:
                break
        self.worst = heapq.nsmallest(WORST, best.values(), key=lambda entry: entry[:2])

    def percentiles(self) -> dict[str, float]:
        """Percentiles of all PSNR, each a value that occurs."""
        counts = np.cumsum(self.histogram)
        if not counts[-1]:
            return {}
        places = np.searchsorted(counts, np.ceil(np.array(PERCENTILES) / 100 * counts[-1]))
        return {str(name): place / STEPS_A_DB for name, place in zip(PERCENTILES, places.tolist(), strict=True)}


def part_file(out: Path, number: int) -> Path:
    """The part that a lot makes."""
    return out / PARTS / f"part-{number:05d}.parquet"


def part_states(part: Path) -> list[str]:
    """What the files of each recording were like when a part was made; empty where it does not say it."""
    import pyarrow.parquet as pq

    written = pq.read_metadata(part).metadata or {}
    return list(json.loads(written.get(STATES.encode(), b"[]")))


def overview(out: Path, recordings: int, parts: int) -> Overview:
    """What the parts of a folder hold, read a few rows at a time. recordings, parts: how many there are to be."""
    import pyarrow.parquet as pq

    tally = _Tally()
    there = [part_file(out, number) for number in range(parts) if part_file(out, number).exists()]
    tried = failed = rows = 0
    for part in there:
        with pq.ParquetFile(part) as file:
            metadata = file.metadata.metadata
            tried += int(metadata[b"recordings"])
            failed += len(json.loads(metadata[b"errors"]))
            rows += file.metadata.num_rows
            for batch in file.iter_batches(BATCH_ROWS, columns=list(COLUMNS)):
                tally.add({name: batch.column(name).to_numpy(zero_copy_only=False) for name in COLUMNS})
    return Overview(
        recordings=recordings,
        tried=tried,
        scored=tried - failed,
        failed=failed,
        parts=len(there),
        lead_segments=rows,
        lead_hours=round(tally.seconds / 3600, 4),
        grades={grade: tally.grades[grade] for grade in GRADES},
        faults=dict(sorted(tally.faults.items())),
        noise=dict(sorted(tally.noise.items())),
        psnr_db=tally.percentiles(),
        worst=tuple(worst for _, _, worst in tally.worst),
    )


def errors(out: Path, parts: int) -> Iterator[list[str]]:
    """Record, kind of error and message of each recording that could not be scored, in the order of the list."""
    import pyarrow.parquet as pq

    for number in range(parts):
        part = part_file(out, number)
        if part.exists():
            yield from json.loads(pq.read_metadata(part).metadata[b"errors"])


def write_overview(out: Path, found: Overview, parts: int) -> None:
    """Write ``summary.json`` and ``errors.csv``; OutputError where they cannot be written."""
    with whole_files(out / SUMMARY) as partial:
        text = json.dumps(asdict(found), indent=1, ensure_ascii=False, allow_nan=False)
        partial.write_text(text + "\n", encoding="utf-8")
    with whole_files(out / ERRORS) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(ERROR_COLUMNS)
        table.writerows(errors(out, parts))


def overview_text(found: Overview, out: Path) -> str:
    """The overview in some lines for a terminal."""
    lines = [f"{out}: {found.tried} of {found.recordings} recordings in {found.parts} parts, {found.scored} scored"]
    if found.failed:
        lines.append(f"{found.failed} could not be scored: {out / ERRORS} says why")
    words = [f"{count} {word}" for word, count in (found.grades | found.faults).items() if count]
    lines.append(
        f"{found.lead_segments} lead-segments, {found.lead_hours:.4g} h of leads: {', '.join(words) or 'none'}"
    )
    if found.noise:
        lines.append("noise: " + ", ".join(f"{count} {kind}" for kind, count in found.noise.items()))
    if found.psnr_db:
        values = ", ".join(f"{value:.1f} ({name} %)" for name, value in found.psnr_db.items())
        lines.append(f"PSNR dB at percentiles: {values}")
        lines.append(f"the {len(found.worst)} worst recordings:")
        lines += [
            f"  {worst.psnr_db:.1f} dB  {worst.record}  {worst.lead} from {worst.start_s:.4g} s  {worst.noise}".rstrip()
            for worst in found.worst
        ]
    return "\n".join(lines)
