"""The recordings that a viewer shows: found, read, scored in the background, one after the other."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ecgnoise._internal.files import SEPARATOR, file_states, shown_name
from ecgnoise.errors import EcgNoiseError, MissingFileError, UnreadableFileError, one_line
from ecgnoise.quantifier import Quantifier
from ecgnoise.readers import ReadOptions, find_recordings, read, recording_files
from ecgnoise.recording import Recording
from ecgnoise.report.signals import read_again
from ecgnoise.report.tally import row_of
from ecgnoise.results.result import Result
from ecgnoise.results.saved import SavedPlace, placed_results
from ecgnoise.results.scores import record_name
from ecgnoise.viewer.corrections import Annotation, Corrections, annotations_of
from ecgnoise.viewer.pyramid import Pyramid
from ecgnoise.viewer.states import STATES, States, states_of

STRIP: Final = 120
SUFFIX: Final = ".annotations.json"
CACHE: Final = ".ecgnoise-view"  # a folder beside results
MOST_LISTED: Final = 100_000


@dataclass
class Opened:
    """A recording that is shown: its samples at all scales, and its result once it is scored.

    saved: its result, where it was scored before. share: how much of it is scored, 0 to 1. failure: why it cannot be
    scored, if so.
    """

    recording: Recording
    pyramid: Pyramid
    corrections: Corrections
    saved: Result | None = None
    result: Result | None = None
    states: States | None = None
    share: float = 0.0
    failure: str = ""

    def annotations(self) -> tuple[list[Annotation], int]:
        """Those that were corrected, with their revision, else those of the model."""
        kept = self.corrections.read()
        if kept is not None:
            return kept
        return ([] if self.result is None else annotations_of(self.result)), 0


@dataclass
class Entry:
    """A recording of the list. saved: where its result is, if it was scored before: it is loaded to be shown only."""

    number: int
    source: str
    saved: SavedPlace | None = None
    opened: Opened | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    known: dict[str, Any] | None = None  # what the list says once there is a result

    @property
    def name(self) -> str:
        """What the recording is called."""
        return record_name(self.source)

    def listed(self) -> dict[str, Any]:
        """What the list says of it."""
        if self.known is not None:
            return self.known
        return self.told(self.opened.result if self.opened else None)

    def told(self, result: Result | None) -> dict[str, Any]:
        """What the list says of a recording with this result, which is kept; of one without any."""
        entry: dict[str, Any] = {
            "id": self.number,
            "name": self.name,
            "source": shown_name(self.source),
            "scored": False,
        }
        if result is not None:
            row = row_of(self.number, result)
            order = [number if number > float("-inf") else None for number in row.order]
            entry |= {
                "scored": True,
                "analysable": round(row.analysable, 1),
                "worst_lead": row.worst_lead,
                "worst_analysable": round(row.worst_analysable, 1),
                "noise": row.noise.replace("_", " "),
                "faults": row.faults,
                "seconds": row.seconds,
                "order": order,
                "strip": _strip(result),
            }
            self.known = entry
        return entry


def _strip(result: Result) -> list[int]:
    """The worst state of any lead in up to 120 equal stretches, for a small picture."""
    ranks = {state: number for number, state in enumerate((*STATES[:-1], ""))}
    worst = [max(ranks[grade] for grade in column) for column in result.grade.T.tolist()]
    step = max(1, -(-len(worst) // STRIP))
    return [max(worst[first : first + step]) for first in range(0, len(worst), step)]


class Library:
    """All recordings of a viewer.

    Parameters
    ----------
    quantifier : Quantifier
        What scores recordings that were not scored before.
    options : ReadOptions
        What the caller states of files that do not say it.
    cache : pathlib.Path or None
        Where samples at coarser scales are kept; of saved results, beside these. None to keep them nowhere.
    recordings : pathlib.Path or None
        Where recordings of saved results are that no longer lie where they were scored.
    corrections : pathlib.Path or None
        Where corrected annotations are kept; None for beside each recording.
    """

    def __init__(
        self,
        quantifier: Callable[[], Quantifier],
        options: ReadOptions,
        *,
        cache: Path | None,
        recordings: Path | None = None,
        corrections: Path | None = None,
    ) -> None:
        self._quantifier = quantifier
        self._options = options
        self._cache = cache
        self._cache_of_results: Path | None = None
        self._recordings = recordings
        self._corrections = corrections
        self._entries: list[Entry] = []
        self._lock = threading.Lock()
        self._readers = ThreadPoolExecutor(1, "read")
        self._scorers = ThreadPoolExecutor(1, "score")

    def add_place(self, place: Path) -> None:
        """Take in a recording, a folder of recordings, or saved results (a table, or a folder of ecgnoise archive).

        Raises MissingFileError where there is none, and errors of :func:`ecgnoise.load_results` and
        :func:`ecgnoise.find_recordings`.
        """
        if not Path(str(place).partition(SEPARATOR)[0]).exists():
            raise MissingFileError(f"{shown_name(place)}: no such file: check the path")
        if (place / "parts").is_dir() or place.suffix.lower() in {".csv", ".parquet", ".xlsx", ".json"}:
            try:
                self._add_results(place)
            except EcgNoiseError:
                if place.is_dir():
                    raise
            else:
                return
        found = find_recordings([place])
        if not found:
            raise UnreadableFileError(f"{shown_name(place)}: no recording in this folder: pass another one")
        for path in found[:MOST_LISTED]:
            self.add(str(path))

    def _add_results(self, place: Path) -> None:
        entries = []
        for saved, result in placed_results(place):
            entry = Entry(0, saved.source, saved)
            entry.told(result)
            entries.append(entry)
        beside = place if place.is_dir() else place.parent
        self._corrections = self._corrections or beside
        self._cache_of_results = None if self._cache is None else beside / CACHE
        for entry in entries:
            self._take(entry)

    def add(self, source: str) -> Entry:
        """Take in one recording."""
        return self._take(Entry(0, source))

    def _take(self, entry: Entry) -> Entry:
        with self._lock:
            entry.number = len(self._entries)
            if entry.known is not None:
                entry.known["id"] = entry.number
            self._entries.append(entry)
            return entry

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def entry(self, number: int) -> Entry:
        """The recording with this number; MissingFileError for another one."""
        if not 0 <= number < len(self._entries):
            raise MissingFileError(f"recording {number}: there are {len(self._entries)}")
        return self._entries[number]

    def open(self, number: int) -> Opened:
        """A recording to look at; what it takes to show and score it begins with the first call.

        Raises errors of :func:`ecgnoise.read`, or those of a recording that changed since it was scored.
        """
        entry = self.entry(number)
        with entry.lock:
            if entry.opened is None:
                entry.opened = self._opened(entry)
                self._readers.submit(_guarded, entry.opened, entry.opened.pyramid.make)
                self._scorers.submit(_guarded, entry.opened, lambda: self._score(entry))
            return entry.opened

    def _opened(self, entry: Entry) -> Opened:
        result = None
        if entry.saved is not None:
            result = entry.saved.load()
            recording = read_again(result, self._recordings)
        else:
            known = self._options
            recording = read(
                entry.source,
                sampling_frequency=known.sampling_frequency,
                units=known.units,
                lead_names=known.lead_names,
            )
        states = file_states(recording_files(recording.source))
        identity = f"{recording.source} {recording.lead_names} {states}"
        file = Path(recording.source.partition(SEPARATOR)[0])
        place = (self._corrections or file.parent) / f"{self._file_name(entry)}{SUFFIX}"
        cache = self._cache if entry.saved is None else self._cache_of_results
        return Opened(recording, Pyramid(recording, cache, identity), Corrections(place), saved=result)

    def _file_name(self, entry: Entry) -> str:
        """The name of a recording's corrections; of recordings with the same name each has one of its own."""
        if sum(other.name == entry.name for other in self) == 1:
            return entry.name
        return f"{entry.name}-{hashlib.sha256(entry.source.encode()).hexdigest()[:8]}"

    def _score(self, entry: Entry) -> None:
        opened = entry.opened
        if opened is None:
            return
        result = opened.saved
        if result is None:

            def progress(done: int, total: int) -> None:
                opened.share = done / total

            result = self._quantifier().quantify(opened.recording, progress=progress)
        opened.states = states_of(result, opened.recording)
        opened.result = result
        opened.share = 1.0

    def close(self) -> None:
        """End what goes on in the background."""
        for entry in self._entries:
            if entry.opened is not None:
                entry.opened.pyramid.stop()
        for pool in (self._readers, self._scorers):
            pool.shutdown(wait=False, cancel_futures=True)


def _guarded(opened: Opened, work: Callable[[], None]) -> None:
    """Do some work; what goes wrong is told in the page."""
    try:
        work()
    except Exception as error:  # of libraries that read files: the viewer goes on
        opened.failure = str(error) if isinstance(error, EcgNoiseError) else one_line(error)


def ranked(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The list, those scored first, the worst of them first."""

    def key(entry: dict[str, Any]) -> tuple[Any, ...]:
        if not entry["scored"]:
            return (1, entry["id"])
        return (0, *(float("-inf") if number is None else number for number in entry["order"]), entry["id"])

    return sorted(entries, key=key)
