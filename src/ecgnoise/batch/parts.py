"""A part of the results of an archive: its recordings scored, and written whole or not at all.

A part says in its metadata which recordings it holds, in which state they were, which could not be scored, and what it
was made with. So a part that is no longer right is told without another list, and of what is still right nothing is
scored again.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ecgnoise._internal.atomic import whole_files
from ecgnoise._internal.files import SEPARATOR, shown_name
from ecgnoise._internal.processes import Died, one_by_one
from ecgnoise._version import __version__
from ecgnoise.batch.fetch import fetched
from ecgnoise.batch.files import score_file
from ecgnoise.batch.listing import Entry, Place
from ecgnoise.batch.options import ArchiveOptions
from ecgnoise.batch.summary import STATES, opened_part
from ecgnoise.errors import EcgNoiseError, UnreadableFileError, one_line
from ecgnoise.quantifier import Quantifier
from ecgnoise.readers import find_recordings
from ecgnoise.results.archive_folder import part_file
from ecgnoise.results.cells import COLUMNS
from ecgnoise.results.tables import arrow_table

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_A_GROUP: Final = 4096
SCHEMA_VERSION: Final = 1
FATAL: Final = (
    "the process that scored it ended, alone as well, by a crash of what decodes it or for want of memory: check the "
    "file, or fetch it again"
)
Row = tuple[Any, ...]
Failure = tuple[str, str, str]


class Outcome(NamedTuple):
    """What became of a recording: its rows, and name, kind of error and message where it could not be scored."""

    rows: Sequence[Row]
    failures: Sequence[Failure]
    state: str | None = None


class Task(NamedTuple):
    """A part to be made. carried: the columns that the list of recordings adds to the results."""

    out: Place
    number: int
    entries: tuple[Entry, ...]
    options: ArchiveOptions
    carried: "pa.Schema"


class Made(NamedTuple):
    """What a part that is there says of itself: its recordings and their states, and which could not be scored."""

    paths: tuple[str, ...]
    states: tuple[str, ...]
    failed: frozenset[str]


def made(part: Place) -> Made:
    """What a part says of itself; UnreadableFileError for one that is damaged."""
    with opened_part(part) as file:
        said = file.metadata.metadata or {}
        failures = json.loads(said.get(b"errors", b"[]"))
        paths, states = (tuple(json.loads(said.get(name, b"[]"))) for name in (b"paths", STATES.encode()))
        return Made(paths, states, frozenset(_file(path) for path, *_ in failures))


def still_right(before: Made, entries: Sequence[Entry], options: ArchiveOptions) -> frozenset[str]:
    """The paths of the recordings whose results in a part can stay."""
    states = dict(zip(before.paths, before.states, strict=True))
    return frozenset(
        entry.shown
        for entry in entries
        if entry.shown in states
        and (entry.state_now() or states[entry.shown]) == states[entry.shown]
        and not (options.retry_errors and _file(shown_name(entry.shown)) in before.failed)
    )


def score_part(*task: Any) -> int:
    """Score a part's recordings and write it; how many recordings that were. It takes the fields of a :class:`Task`."""
    return sum(scored(Task(*task)))


def scored(task: Task) -> Iterator[int]:
    """Score the recordings of a part one by one, and write it when all are done."""
    kept = _kept(task)
    fresh = [entry for entry in task.entries if entry.shown not in kept]
    yield from _write(task, _in_order(task, kept, _outcomes(fresh, task.options)))


def scored_apart(task: Task) -> int:
    """Score a part whose process has died, and write it; how many recordings that were.

    A recording that ends its process is tried once more with no other beside or before it: another one may have
    damaged the memory, or have taken all of it.
    """
    kept = _kept(task)
    found: dict[str, Outcome] = {}
    for jobs, anew in ((task.options.jobs, False), (1, True)):
        left = [entry for entry in task.entries if entry.shown not in kept and entry.shown not in found]
        tasks = [(entry, task.options) for entry in left]
        with closing(one_by_one(score_alone, tasks, jobs, str(task.out), anew=anew)) as done:
            found |= {one[0].shown: outcome for one, outcome in done if not isinstance(outcome, Died)}
    for entry in task.entries:
        if entry.shown not in kept and entry.shown not in found:
            name = shown_name(entry.shown)
            found[entry.shown] = Outcome((), [(name, UnreadableFileError.__name__, f"{name}: {FATAL}")])
    fresh = ((entry, found[entry.shown]) for entry in task.entries if entry.shown not in kept)
    return sum(_write(task, _in_order(task, kept, fresh)))


def score_alone(entry: Entry, options: ArchiveOptions) -> Outcome:
    """What becomes of one recording, fetched first if it lies in a store."""
    ((_, outcome),) = _outcomes([entry], options)
    return outcome


def _in_order(
    task: Task, kept: dict[str, Outcome], fresh: Iterable[tuple[Entry, Outcome]]
) -> Iterator[tuple[Entry, Outcome]]:
    """What became of the recordings of a part, of kept and newly scored ones, in their order."""
    coming = iter(fresh)
    for entry in task.entries:
        yield (entry, kept[entry.shown]) if entry.shown in kept else next(coming)


def _kept(task: Task) -> dict[str, Outcome]:
    """What a part that is there already holds of recordings that have not changed since."""
    part = part_file(task.out, task.number)
    if not (task.options.update or task.options.retry_errors) or not part.exists():
        return {}
    before = made(part)
    right = still_right(before, task.entries, task.options)
    states = dict(zip(before.paths, before.states, strict=True))
    rows: dict[str, list[Row]] = defaultdict(list)
    failures: dict[str, list[Failure]] = defaultdict(list)
    with opened_part(part) as file:
        for failure in json.loads(file.metadata.metadata[b"errors"]):
            failures[_key(failure[0], states)].append(tuple(failure))
        for batch in file.iter_batches(columns=list(COLUMNS)):
            for row in batch.to_pylist():
                rows[_key(row["path"], states)].append(tuple(row[name] for name in COLUMNS))
    names = {path: _key(shown_name(path), states) for path in right}
    return {path: Outcome(rows[name], failures[name], states[path]) for path, name in names.items()}


def _key(name: str, known: dict[str, str]) -> str:
    """The recording of the list that a row is of: itself, or the file that it lies in."""
    return name if name in known else _file(name) if _file(name) in known else name


def _file(name: str) -> str:
    return name.partition(SEPARATOR)[0]


def _outcomes(entries: Sequence[Entry], options: ArchiveOptions) -> Iterator[tuple[Entry, Outcome]]:
    """What becomes of recordings, one by one in their order."""
    with closing(fetched(entries)) as places:
        for entry, place in places:
            state = entry.state_now()
            if isinstance(place, Path):
                files = [place] if SEPARATOR in str(place) or not entry.remote else find_recordings([place])
                outcomes = [score_one(file, entry, options) for file in files]
            else:
                outcomes = [_failed(entry, place)]
            rows = [row for outcome in outcomes for row in outcome.rows]
            yield entry, Outcome(rows, [failure for outcome in outcomes for failure in outcome.failures], state)


def score_one(file: Path, entry: Entry, options: ArchiveOptions) -> Outcome:
    """The rows of a file, or its name, the kind of error and what it says.

    Any error counts, of the libraries that read files too: one file of thousands must not stop the rest.
    """
    quantifier = _quantifier(options.model, options.threads_each, options.batch_size, options.device)
    try:
        outcome = score_file(file, quantifier, entry.reading(options.reading), parts=options.parts)
    except Exception as error:
        return _failed(entry, error, file)
    if isinstance(outcome, EcgNoiseError):
        return _failed(entry, outcome, file)
    if entry.remote:
        outcome = replace(outcome, provenance=replace(outcome.provenance, source=_source(entry, file)))
    return Outcome(outcome.rows(), ())


def _source(entry: Entry, file: Path) -> str:
    """What a recording in a store is called in results."""
    within = str(file).partition(SEPARATOR)[2]
    return shown_name(_file_of(entry) + (f"{SEPARATOR}{within}" if within else ""))


def _file_of(entry: Entry) -> str:
    scheme, mark, rest = entry.shown.partition("://")
    return f"{scheme}{mark}{_file(rest)}" if mark else _file(entry.shown)


def _failed(entry: Entry, error: Exception, file: Path | None = None) -> Outcome:
    """The outcome of a recording that cannot be scored; of one from a store the message names its address."""
    name = shown_name(_source(entry, file) if entry.remote and file else entry.shown)
    message = shown_name(one_line(error, None))
    if entry.remote and file is not None:
        message = message.replace(str(file), name).replace(f"{file.parent}/", f"{name.rpartition('/')[0]}/")
    return Outcome((), [(name, type(error).__name__, message)])


def _write(task: Task, outcomes: Iterable[tuple[Entry, Outcome]]) -> Iterator[int]:
    """Write a part as the outcomes of its recordings come."""
    import pyarrow.parquet as pq

    part = part_file(task.out, task.number)
    failures: list[Failure] = []
    states: list[str] = []
    waiting: list[tuple[Entry, Row]] = []
    written = whole_files(part) if isinstance(part, Path) else part.written()
    with written as partial, pq.ParquetWriter(partial, _table([], task.carried).schema) as writer:
        for entry, outcome in outcomes:
            states.append(entry.state_now() if outcome.state is None else outcome.state)
            waiting += [(entry, row) for row in outcome.rows]
            failures += outcome.failures
            if len(waiting) >= ROWS_A_GROUP:
                writer.write_table(_table(waiting, task.carried))
                waiting = []
            yield 1
        writer.write_table(_table(waiting, task.carried))
        writer.add_key_value_metadata(_said(task, failures, states))


def _said(task: Task, failures: Sequence[Failure], states: Sequence[str]) -> dict[str, str]:
    """The metadata of a part."""
    return {
        "errors": json.dumps(failures),
        "recordings": str(len(states)),
        STATES: json.dumps(states),
        "paths": json.dumps([entry.shown for entry in task.entries]),
        "schema_version": str(SCHEMA_VERSION),
        "model": str(model_of(task.options)),
        "ecgnoise": __version__,
    }


def _table(rows: Sequence[tuple[Entry, Row]], carried: "pa.Schema") -> "pa.Table":
    """Rows as Arrow, with what the list says of their recordings."""
    import pyarrow as pa

    table = arrow_table([row for _, row in rows])
    for column in carried:
        values = pa.array([entry.carried.get(column.name) for entry, _ in rows], column.type)
        table = table.append_column(pa.field(column.name, column.type), values)
    return table


def model_of(options: ArchiveOptions) -> str:
    """Name, version and checksum of the model."""
    return str(_quantifier(options.model, options.threads_each, options.batch_size, options.device).model)


@lru_cache(maxsize=1)
def _quantifier(model: str, threads: int | None, batch_size: int | None, device: str) -> Quantifier:
    """The model, loaded once in each process."""
    return Quantifier(model, threads=threads, batch_size=batch_size, device=device)
