"""Many recordings into a folder of results: in parts, resumable, in several processes, in shards.

===================  =================================================================================================
``run.json``         what the numbers depend on: model, options, and the list of recordings; written first
``parts/``           ``part-00000.parquet`` and so on, a row a lead-segment; each written whole when its batch is done
``errors.csv``       the recordings that could not be scored, and why
``summary.json``     counts, distribution of the scores, the 20 worst recordings
===================  =================================================================================================

The sorted list of recordings is divided into batches by number and size of files, in the same way whatever the number
of processes and shards. A batch makes a part; a shard does every n-th batch. So a part holds the same wherever and
whenever it is made, parts of several shards may be copied together, and a run that was ended goes on with the parts not
there.

A process that dies takes no more with it than the recording it was busy with: the files of its batch are scored one by
one after all others, and the one that ends its process again, alone, is an error like any other.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ecgnoise._internal.atomic import check_place, lock, whole_files
from ecgnoise._internal.extras import extra
from ecgnoise._internal.files import SEPARATOR, file_states, name_bytes, shown_name
from ecgnoise._internal.processes import Died, one_by_one
from ecgnoise.batch.files import score_file
from ecgnoise.batch.summary import STATES, Overview, overview, part_states, write_overview
from ecgnoise.errors import EcgNoiseError, OptionError, OutputError, UnreadableFileError, one_line
from ecgnoise.models.load import CPU, available_processors
from ecgnoise.quantifier import Quantifier
from ecgnoise.readers import ReadOptions, recording_files
from ecgnoise.results.archive_folder import PARTS, part_file
from ecgnoise.results.tables import arrow_table
from ecgnoise.segments import check_parts

RUN: Final = "run.json"
FILES_A_BATCH: Final = 64
BYTES_A_BATCH: Final = 64 << 20
ROWS_A_GROUP: Final = 4096
STATE_DIGITS: Final = 16
FATAL: Final = (
    "the process that scored it ended, alone as well, by a crash of what decodes it or for want of memory: check the "
    "file, or fetch it again"
)

Progress = Callable[[int, int], None]
Failure = tuple[str, str, str]
# Of files that compiled libraries decode which believe what a damaged file says.
RISKY: Final = frozenset({".feather", ".arrow", ".parquet", ".pq", ".h5", ".hdf5", ".hdf", ".mat"})


@dataclass(frozen=True)
class ArchiveOptions:
    """How :func:`score_archive` scores recordings.

    Parameters
    ----------
    model : str, default "default"
        ``"default"`` or the path of a model folder; see :class:`Quantifier`.
    reading : ReadOptions
        What the files may not state themselves. The default states nothing.
    parts : int, default 1
        Spans of a segment with a PSNR of their own, 1 to 256; see :meth:`Quantifier.quantify`.
    batch_size : int or None, default None
        Lead-segments per batch; see :class:`Quantifier`.
    threads : int or None, default None
        Threads that score in each process. With None the processes share the processors; on another device than
        ``"cpu"`` each has 2.
    device : str, default "cpu"
        ``"cpu"`` or a torch device; see :class:`Quantifier`.
    jobs : int, default 1
        Number of processes that score, at least 1.
    apart : bool, default False
        Whether a single job has a process of its own too, so that a file that crashes its decoder does not end the
        calling process.
    shard : tuple of (int, int), default (1, 1)
        Number of the shard, from 1, and count of the shards: this run scores every count-th batch.

    Raises
    ------
    OptionError
        If the number of the shard is not between 1 and their count, ``jobs`` is less than 1, or ``parts`` is no whole
        number or out of range.

    Examples
    --------
    >>> from ecgnoise import ArchiveOptions
    >>> ArchiveOptions(jobs=2, shard=(1, 4)).jobs
    2
    """

    model: str = "default"
    reading: ReadOptions = field(default_factory=ReadOptions)
    parts: int = 1
    batch_size: int | None = None
    threads: int | None = None
    device: str = "cpu"
    jobs: int = 1
    apart: bool = False
    shard: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        number, count = self.shard
        if not 1 <= number <= count:
            raise OptionError(
                f"shard {number}/{count}: pass the number of a shard, from 1, and how many there are: 1/4"
            )
        if self.jobs < 1:
            raise OptionError(f"jobs {self.jobs}: pass at least 1 process")
        check_parts(self.parts)

    @property
    def threads_each(self) -> int | None:
        """Number of threads that score in each process; None for what :class:`Quantifier` has on the device."""
        if self.threads is not None or self.device != CPU:
            return self.threads
        return max(1, available_processors() // self.jobs)


def score_archive(
    files: Sequence[Path], out: Path, options: ArchiveOptions | None = None, *, progress: Progress | None = None
) -> Overview:
    """Score recordings into a folder of results, except those whose results are there already.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Recordings, as :func:`find_recordings` lists them.
    out : pathlib.Path
        A folder that is absent, empty, or of an earlier run with the same recordings and options.
    options : ArchiveOptions, optional
        How the recordings are scored.
    progress : callable, optional
        Called as ``progress(tried, total)`` with the number of recordings tried and of all recordings to try in this
        run.

    Returns
    -------
    Overview
        What the folder holds after this run, results of earlier runs and of other shards included.

    Raises
    ------
    OutputError
        If the folder holds something else, was made of other recordings or options, cannot be written, or is in use by
        another run, or if a recording has changed since it was scored.
    UnreadableFileError
        If a part of the results in the folder is damaged.
    MissingExtraError
        If the extra ``tables`` is not installed.
    EcgNoiseError
        Whatever :class:`Quantifier` raises, for example `ModelNotFoundError` or `OptionError`.

    See Also
    --------
    score_files : Score recordings one by one and keep nothing.

    Notes
    -----
    The recordings are divided into batches, and the results of each batch are written whole when it is done, as a part
    in Parquet, so that a run that was stopped goes on where it was. A recording that cannot be scored is listed in
    ``errors.csv``, and the overview is written to ``summary.json``. With several jobs a script that calls this function
    needs the guard ``if __name__ == "__main__"``.

    Examples
    --------
    >>> from pathlib import Path
    >>> from ecgnoise import ArchiveOptions, find_recordings, score_archive
    >>> files = find_recordings(["recordings"])
    >>> found = score_archive(files, Path("results"), ArchiveOptions(jobs=2))  # doctest: +SKIP
    """
    known = options or ArchiveOptions()
    _check_pyarrow()
    batches = divide(files)
    with _alone(out, known):
        _begin(out, batches, known)
        number, count = known.shard
        missing = [batch for batch in range(number - 1, len(batches), count) if not part_file(out, batch).exists()]
        tasks = [(out, batch, batches[batch], known) for batch in missing]
        total, tried = sum(len(batches[batch]) for batch in missing), 0
        for done in _score_all(tasks, known):
            tried += done
            if progress:
                progress(tried, total)
        found = overview(out, len(files), len(batches))
        write_overview(out, found, len(batches))
    return found


def divide(files: Sequence[Path]) -> list[tuple[Path, ...]]:
    """The files in batches of up to 64 files or 64 MB, in their order; one large file is a batch."""
    batches: list[tuple[Path, ...]] = []
    batch: list[Path] = []
    size = 0
    for file in files:
        more = _size(file)
        if batch and (len(batch) == FILES_A_BATCH or size + more > BYTES_A_BATCH):
            batches.append(tuple(batch))
            batch, size = [], 0
        batch.append(file)
        size += more
    return [*batches, tuple(batch)] if batch else batches


def may_crash(files: Iterable[Path]) -> bool:
    """Whether a file is of a format whose decoder a damaged one may crash, and the process with it."""
    return any(Path(str(file).partition(SEPARATOR)[0]).suffix.lower() in RISKY for file in files)


def _size(file: Path) -> int:
    """Bytes of a file, and of the signal file beside a WFDB header; 0 for one that is not there."""
    places = {file, file.with_suffix(".dat")} if file.name else {file}
    return sum(max(0, size) for _, size, _ in file_states(places))


@contextmanager
def _alone(out: Path, options: ArchiveOptions) -> Iterator[None]:
    """The folder, made where it is not there, with no other run in it; shards of one list may share it.

    The mark is a lock of the folder itself, which ends with the process whatever its end.
    """
    try:
        _check_ours(out)
        (out / PARTS).mkdir(parents=True, exist_ok=True)
        if (out / PARTS).is_symlink():
            raise OutputError(f"{out / PARTS}: a link, which is not followed: choose another place")
        folder = os.open(out, os.O_RDONLY)
    except (OSError, ValueError) as error:
        raise OutputError(f"{out}: no folder of results can be here ({error}): choose another place") from error
    try:
        lock(folder, shared=options.shard[1] > 1)
        yield
    except BlockingIOError as error:
        raise OutputError(
            f"{out}: another run is writing here: wait until it ends, or choose another folder"
        ) from error
    finally:
        os.close(folder)


def _check_ours(out: Path) -> None:
    """OutputError where a folder holds something else, before anything is made in it."""
    if not out.is_dir() or (out / RUN).is_file():
        return
    others = sorted(entry.name for entry in out.iterdir() if entry.name != PARTS and entry.name[0] != ".")
    if others:
        raise OutputError(f"{out}: there is {others[0]} and no {RUN}: choose a folder that is empty or absent")


def _begin(out: Path, batches: Sequence[Sequence[Path]], options: ArchiveOptions) -> None:
    """Make the folder and say in it what the numbers depend on; OutputError where it is of something else."""
    wanted = _identity(batches, options)
    file = out / RUN
    try:
        before = dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None
        if options.shard[1] == 1:
            _sweep(out)
    except (OSError, ValueError, TypeError) as error:
        raise OutputError(f"{out}: no folder of results can be here ({error}): choose another place") from error
    check_place(part_file(out, 0))
    if before is None:
        with whole_files(file) as partial:
            partial.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
        return
    if before != wanted:
        name = next((key for key in wanted if before.get(key) != wanted[key]), "entries")
        raise OutputError(
            f"{out}: made with {name} {before.get(name)}, asked for {wanted.get(name)}: choose another folder, or the "
            "same recordings and options"
        )
    check_place(file)
    _check_unchanged(out, batches)


def _check_unchanged(out: Path, batches: Sequence[Sequence[Path]]) -> None:
    """OutputError where a recording has changed since its part was made, so that old and new scores never mix."""
    for number, batch in enumerate(batches):
        part = part_file(out, number)
        before = part_states(part) if part.exists() else []
        changed = [file for file, state in zip(batch, before, strict=False) if state != recording_state(file)]
        if changed:
            raise OutputError(
                f"{shown_name(changed[0])}: changed, or a file that belongs to it, since {part} was made: delete "
                f"{part.name} there to have its {len(batch)} recordings scored again, or choose another folder"
            )


def recording_state(file: Path) -> str:
    """A checksum of names, sizes and times of last change of all files of a recording."""
    states = file_states(recording_files(file))
    return hashlib.sha256(json.dumps(states).encode()).hexdigest()[:STATE_DIGITS]


def _sweep(out: Path, part: str = "part-") -> None:
    """Remove what a run that was ended has left unfinished, of all parts or of one.

    Of all not among shards, which others may be working on.
    """
    for unfinished in (out / PARTS).glob(f".{part}*"):
        shutil.rmtree(unfinished)


def _identity(batches: Sequence[Sequence[Path]], options: ArchiveOptions) -> dict[str, Any]:
    """What the numbers depend on."""
    listed = b"\n\n".join(b"\n".join(map(name_bytes, batch)) for batch in batches)
    reading = options.reading
    return {
        "model": str(Quantifier(options.model, threads=1).model),
        "device": options.device,
        "parts": options.parts,
        "sampling_frequency": reading.sampling_frequency,
        "units": reading.units,
        "leads": list(reading.lead_names) if reading.lead_names else None,
        "recordings": sum(map(len, batches)),
        "list": hashlib.sha256(listed).hexdigest()[:16],
    }


def _check_pyarrow() -> None:
    with extra("a folder of results", "tables"):
        import pyarrow.parquet  # noqa: F401


Task = tuple[Path, int, tuple[Path, ...], ArchiveOptions]
Outcome = list[tuple[Any, ...]] | Failure


def _score_all(tasks: Sequence[Task], options: ArchiveOptions) -> Iterator[int]:
    """Score the batches, here or in processes; how many recordings were tried, one by one or batch by batch."""
    if options.jobs == 1 and not options.apart:
        for task in tasks:
            yield from _score_lot(*task)
        return
    left: list[Task] = []
    with closing(one_by_one(score_lot, tasks, options.jobs, str(tasks[0][0]) if tasks else "")) as done:
        for task, tried in done:
            if isinstance(tried, Died):
                left.append(task)
            else:
                yield tried
    for task in left:
        yield _score_apart(*task)


def score_lot(out: Path, number: int, files: tuple[Path, ...], options: ArchiveOptions) -> int:
    """Score a batch and write its part; how many recordings that were."""
    return sum(_score_lot(out, number, files, options))


def _score_lot(out: Path, number: int, files: tuple[Path, ...], options: ArchiveOptions) -> Iterator[int]:
    """Score a batch, a recording at a time, and write its part when all are done."""
    states = [recording_state(file) for file in files]
    yield from _write_part(part_file(out, number), states, (score_one(file, options) for file in files))


def _score_apart(out: Path, number: int, files: tuple[Path, ...], options: ArchiveOptions) -> int:
    """Score a batch whose process has died, and write its part; how many recordings that were.

    A recording that ends its process is tried once more with no other beside or before it: another one may have
    damaged the memory, or have taken all of it.
    """
    part = part_file(out, number)
    _sweep(out, part.stem)
    outcomes: dict[Path, Outcome] = {}
    states = [recording_state(file) for file in files]
    for jobs, anew in ((options.jobs, False), (1, True)):
        tasks = [(file, options) for file in files if file not in outcomes]
        with closing(one_by_one(score_one, tasks, jobs, str(out), anew=anew)) as done:
            outcomes |= {task[0]: found for task, found in done if not isinstance(found, Died)}
    for file in files:
        outcomes.setdefault(file, (shown_name(file), UnreadableFileError.__name__, f"{shown_name(file)}: {FATAL}"))
    return sum(_write_part(part, states, (outcomes[file] for file in files)))


def _write_part(part: Path, states: Sequence[str], outcomes: Iterable[Outcome]) -> Iterator[int]:
    """Write a part as the outcomes of its recordings come. states: of the recordings, before they were read."""
    import pyarrow.parquet as pq

    failures: list[Failure] = []
    rows: list[tuple[Any, ...]] = []
    with whole_files(part) as partial, pq.ParquetWriter(partial, arrow_table([]).schema) as writer:
        for outcome in outcomes:
            if isinstance(outcome, list):
                rows += outcome
            else:
                failures.append(outcome)
            if len(rows) >= ROWS_A_GROUP:
                writer.write_table(arrow_table(rows))
                rows = []
            yield 1
        writer.write_table(arrow_table(rows))
        writer.add_key_value_metadata(
            {"errors": json.dumps(failures), "recordings": str(len(states)), STATES: json.dumps(states)}
        )


def score_one(file: Path, options: ArchiveOptions) -> Outcome:
    """The rows of a file, or its name, the kind of error and what it says.

    Any error counts, of the libraries that read files too: one file of thousands must not stop the rest.
    """
    quantifier = _quantifier(options.model, options.threads_each, options.batch_size, options.device)
    try:
        outcome = score_file(file, quantifier, options.reading, parts=options.parts)
    except Exception as error:
        return shown_name(file), type(error).__name__, shown_name(one_line(error, None))
    if isinstance(outcome, EcgNoiseError):
        return shown_name(file), type(outcome).__name__, shown_name(one_line(outcome, None))
    return outcome.rows()


@lru_cache(maxsize=1)
def _quantifier(model: str, threads: int | None, batch_size: int | None, device: str) -> Quantifier:
    """The model, loaded once in each process."""
    return Quantifier(model, threads=threads, batch_size=batch_size, device=device)
