"""What a folder of results holds, seen from above: counts, the distribution of scores, the worst recordings, errors."""

import csv
import heapq
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.atomic import whole_files
from ecgnoise._internal.files import open_regular
from ecgnoise._internal.remote import RemotePath
from ecgnoise.errors import EcgNoiseError, UnreadableFileError, one_line
from ecgnoise.results.archive_folder import ERROR_COLUMNS, ERRORS, PARTS, part_file
from ecgnoise.results.cells import COLUMNS as TABLE_COLUMNS
from ecgnoise.results.grades import GRADES
from ecgnoise.results.result import percent_text
from ecgnoise.results.scores import record_name

if TYPE_CHECKING:
    import pyarrow.parquet as pq

SUMMARY: Final = "summary.json"
STATES: Final = "states"
WORST: Final = 20
PERCENTILES: Final = (1, 5, 25, 50, 75, 95, 99)
STEPS_A_DB: Final = 100
HIGHEST_DB: Final = 100
BATCH_ROWS: Final = 1 << 15
WORST_TOLD: Final = 5
COLUMNS: Final = (
    "record", "lead", "start_s", "duration_s", "psnr_db", "grade", "fault", "noise", "analysable_s", "path",
)  # fmt: skip


@dataclass(frozen=True)
class Worst:
    """A recording by its lead-segment with the lowest PSNR, in dB, which begins at ``start_s`` seconds."""

    record: str
    lead: str
    start_s: float
    psnr_db: float
    grade: str
    noise: str
    path: str


@dataclass(frozen=True)
class Lost:
    """A recording of which a share of the leads' time, 0..1, has no score."""

    record: str
    share: float
    path: str


@dataclass(frozen=True)
class Overview:
    """What a folder of results holds.

    Attributes
    ----------
    recordings : int
        Number of recordings in the list.
    tried : int
        Number of recordings that are in a part.
    scored, failed : int
        Numbers of recordings tried that were scored and that could not be scored.
    parts : int
        Number of parts that are there.
    lead_segments : int
        Number of lead-segments, scored or not.
    lead_hours : float
        Duration of all lead-segments in hours, scored or not.
    analysable : float
        Share of that duration that can be used, in per cent, 0 to 100.
    grades : dict of {str: int}
        Number of lead-segments of each grade, from ``"good"`` to ``"unusable"``.
    faults : dict of {str: int}
        Number of lead-segments with each fault that occurs.
    noise : dict of {str: int}
        Number of lead-segments with each kind of noise that occurs, among those that are not ``"good"``.
    psnr_db : dict of {str: float}
        Percentiles of the PSNR of lead-segments in dB, to a hundredth: the keys are ``"1"``, ``"5"``, ``"25"``,
        ``"50"``, ``"75"``, ``"95"`` and ``"99"``. Empty if no lead-segment has a PSNR.
    lost : tuple of Lost
        Up to 20 recordings with the largest share of time without a score, worst first. Each has the name ``record``,
        the ``share``, 0 to 1, and the ``path``.
    worst : tuple of Worst
        Up to 20 recordings with the lowest PSNR of a lead-segment, worst first. Each has the name ``record``, the
        ``lead``, its ``start_s`` in seconds, ``psnr_db``, ``grade`` and ``noise`` of that lead-segment, and the
        ``path``.
    """

    recordings: int
    tried: int
    scored: int
    failed: int
    parts: int
    lead_segments: int
    lead_hours: float
    analysable: float
    grades: dict[str, int]
    faults: dict[str, int]
    noise: dict[str, int]
    psnr_db: dict[str, float]
    lost: tuple[Lost, ...]
    worst: tuple[Worst, ...]


class _Tally:
    """Counts of rows that come in batches."""

    def __init__(self) -> None:
        self.grades: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.noise: Counter[str] = Counter()
        self.seconds = self.analysable = 0.0
        self.histogram = np.zeros(HIGHEST_DB * STEPS_A_DB + 1, np.int64)
        self.worst: list[tuple[float, str, Worst]] = []
        self._lost: dict[str, tuple[str, float, float]] = {}  # record, seconds without a score and of all, by path

    def add(self, columns: dict[str, NDArray[Any]]) -> None:
        """Count some rows."""
        grade, psnr = columns["grade"], columns["psnr_db"].astype(np.float64)
        self.grades.update(grade[grade != ""].tolist())
        self.faults.update(columns["fault"][columns["fault"] != ""].tolist())
        noisy = (grade != "") & (grade != GRADES[0]) & (columns["noise"] != "")
        self.noise.update(columns["noise"][noisy].tolist())
        self.seconds += float(columns["duration_s"].sum())
        self.analysable += float(columns["analysable_s"].sum())
        steps = np.round(psnr[np.isfinite(psnr)] * STEPS_A_DB).astype(np.int64)
        self.histogram += np.bincount(np.clip(steps, 0, len(self.histogram) - 1), minlength=len(self.histogram))
        self._keep_worst(columns, psnr)
        self._keep_lost(columns)

    def _keep_lost(self, columns: dict[str, NDArray[Any]]) -> None:
        """Keep the 20 recordings with the largest share of time without a score, and the last, which may go on."""
        lost = np.where(columns["grade"] == "", columns["duration_s"], 0.0).tolist()
        path = ""
        for name, path, missing, seconds in zip(
            columns["record"].tolist(), columns["path"].tolist(), lost, columns["duration_s"].tolist(), strict=True
        ):
            _, before, all_before = self._lost.get(path, ("", 0.0, 0.0))
            self._lost[path] = (name, before + missing, all_before + seconds)
        kept = {entry.path for entry in self.lost()} | {path}
        self._lost = {path: value for path, value in self._lost.items() if path in kept}

    def lost(self) -> tuple[Lost, ...]:
        """The recordings with the largest share of time without a score, up to 20."""
        some = [
            Lost(name, round(missing / seconds, 4), path)
            for path, (name, missing, seconds) in self._lost.items()
            if missing
        ]
        return tuple(heapq.nsmallest(WORST, some, key=lambda entry: (-entry.share, entry.path)))

    def _keep_worst(self, columns: dict[str, NDArray[Any]], psnr: NDArray[np.float64]) -> None:
        """Keep the 20 recordings with the lowest PSNR of these rows and those before."""
        best = {worst.path: (value, name, worst) for value, name, worst in self.worst}
        order = np.argsort(np.where(np.isnan(psnr), np.inf, psnr), kind="stable")
        seen: set[str] = set()
        for row in order[np.isfinite(psnr[order])].tolist():
            path = str(columns["path"][row])
            if path in seen:
                continue
            seen.add(path)
            worst = Worst(
                str(columns["record"][row]), str(columns["lead"][row]), float(columns["start_s"][row]),
                float(psnr[row]), str(columns["grade"][row]), str(columns["noise"][row]), path,
            )  # fmt: skip
            if path not in best or psnr[row] < best[path][0]:
                best[path] = (float(psnr[row]), path, worst)
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


@contextmanager
def opened_part(part: Path | RemotePath) -> "Iterator[pq.ParquetFile]":
    """A part, open; UnreadableFileError for one that is damaged, or something else."""
    import pyarrow.parquet as pq

    try:
        opened = open_regular(part) if isinstance(part, Path) else part.opened()
        with opened as content, pq.ParquetFile(content) as file:
            yield file
    except EcgNoiseError:
        raise
    except Exception as error:  # whatever pyarrow raises on a damaged file, also while it is read
        raise UnreadableFileError(
            f"{part}: no whole part of results ({one_line(error)}): delete it, and the same command makes it again"
        ) from error


def overview(out: Path | RemotePath, recordings: int, parts: int) -> Overview:
    """What the parts of a folder hold, read a few rows at a time. recordings, parts: how many there are to be."""
    tally = _Tally()
    there = _parts_there(out, parts)
    tried = failed = rows = 0
    for part in there:
        with opened_part(part) as file:
            metadata = file.metadata.metadata
            tried += int(metadata[b"recordings"])
            failed += len(json.loads(metadata[b"errors"]))
            rows += file.metadata.num_rows
            for batch in file.iter_batches(BATCH_ROWS, columns=list(COLUMNS)):
                tally.add({name: batch.column(name).to_numpy(zero_copy_only=False) for name in COLUMNS})
    return _overview(tally, recordings, (tried, failed), len(there), rows)


class RunningOverview:
    """An overview of results that come one by one and are not kept."""

    def __init__(self) -> None:
        self._tally = _Tally()
        self._scored = self._rows = 0

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Count the rows of a result, as :meth:`Result.rows` gives them."""
        columns = dict(zip(TABLE_COLUMNS, zip(*rows, strict=True), strict=True))
        numbers = ("start_s", "duration_s", "psnr_db", "analysable_s")
        self._tally.add({name: np.array(columns[name], float if name in numbers else object) for name in COLUMNS})
        self._scored += 1
        self._rows += len(rows)

    def of(self, recordings: int) -> Overview:
        """What so many recordings gave."""
        return _overview(self._tally, recordings, (recordings, recordings - self._scored), 0, self._rows)


def _overview(tally: _Tally, recordings: int, became: tuple[int, int], parts: int, rows: int) -> Overview:
    """The overview of a tally. became: how many recordings were tried, and failed."""
    tried, failed = became
    return Overview(
        recordings=recordings,
        tried=tried,
        scored=tried - failed,
        failed=failed,
        parts=parts,
        lead_segments=rows,
        lead_hours=round(tally.seconds / 3600, 4),
        analysable=round(100.0 * tally.analysable / tally.seconds, 2) if tally.seconds else 0.0,
        grades={grade: tally.grades[grade] for grade in GRADES},
        faults=dict(sorted(tally.faults.items())),
        noise=dict(sorted(tally.noise.items())),
        psnr_db=tally.percentiles(),
        lost=tally.lost(),
        worst=tuple(worst for _, _, worst in tally.worst),
    )


def _parts_there(out: Path | RemotePath, parts: int) -> list[Path | RemotePath]:
    """The parts of the list that are there, in its order."""
    if isinstance(out, RemotePath):
        names = set((out / PARTS).names())
        return [part for part in (part_file(out, number) for number in range(parts)) if part.name in names]
    return [part for part in (part_file(out, number) for number in range(parts)) if part.exists()]


def errors(out: Path | RemotePath, parts: int) -> Iterator[list[str]]:
    """Path, kind of error and message of each recording that could not be scored, in the order of the list."""
    for part in _parts_there(out, parts):
        with opened_part(part) as file:
            found = json.loads(file.metadata.metadata[b"errors"])
        yield from found


def write_overview(out: Path | RemotePath, found: Overview, parts: int) -> None:
    """Write ``summary.json`` and ``errors.csv``; OutputError where they cannot be written."""
    with _written(out / SUMMARY) as partial:
        text = json.dumps(asdict(found), indent=1, ensure_ascii=False, allow_nan=False)
        partial.write_text(text + "\n", encoding="utf-8")
    with _written(out / ERRORS) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(ERROR_COLUMNS)
        table.writerows((record_name(path), *reason, path) for path, *reason in errors(out, parts))


def _written(place: Path | RemotePath) -> AbstractContextManager[Path]:
    """A path to write to; what was written becomes the file or object when all went well."""
    return whole_files(place) if isinstance(place, Path) else place.written()


def overview_text(found: Overview, out: Path | RemotePath) -> str:
    """The overview of a folder of results in some lines for a terminal."""
    lines = [f"{out}: {found.tried} of {found.recordings} recordings in {found.parts} parts, {found.scored} scored"]
    if found.failed:
        lines.append(f"{found.failed} could not be scored: {out / ERRORS} says why")
    return "\n".join([*lines, *overview_lines(found)])


def overview_lines(found: Overview, most: int = WORST) -> list[str]:
    """What an overview says of the scores, the worst first. most: recordings to name."""
    counts = found.faults | dict(reversed(found.grades.items()))
    words = [f"{count} {word}" for word, count in counts.items() if count]
    begin = f"{found.lead_segments} lead-segments, {found.lead_hours:.4g} h of leads"
    lines = [f"{begin}, {percent_text(found.analysable)} analysable: {', '.join(words) or 'none'}"]
    if found.noise:
        lines.append("noise: " + ", ".join(f"{count} {kind}" for kind, count in found.noise.items()))
    if found.psnr_db:
        values = ", ".join(f"{value:.1f} ({name} %)" for name, value in found.psnr_db.items())
        lines.append(f"PSNR dB at percentiles: {values}")
    if found.lost:
        lines.append("recordings with most time without a score:")
        lines += [f"  {lost.share:.0%} of the leads' time  {lost.path}" for lost in found.lost[:most]]
    if found.worst:
        lines.append(f"the {len(found.worst[:most])} worst recordings:")
        lines += [_worst_line(worst) for worst in found.worst[:most]]
    return lines


def _worst_line(worst: Worst) -> str:
    """A recording and its lowest score; the kind of noise where it is noisy."""
    noise = f"  {worst.noise}" if worst.noise and worst.grade != GRADES[0] else ""
    return f"  {worst.psnr_db:.1f} dB  {worst.path}  {worst.lead} from {worst.start_s:.12g} s{noise}"
