"""Many recordings into a folder of results: in parts, resumable, in several processes, in shards, on a cluster.

===================  =================================================================================================
``run.json``         what the numbers depend on: model, options, and a checksum of the list of recordings
``list.arrow``       the recordings, divided into parts; see :mod:`ecgnoise.batch.listing`
``parts/``           ``part-00000.parquet`` and so on, a row a lead-segment; each written whole when it is done
``errors.csv``       the recordings that could not be scored, and why
``summary.json``     counts, distribution of the scores, the 20 worst recordings
===================  =================================================================================================

The list of recordings is divided by number and size of files, in the same way whatever the number of processes and
shards, and the division is kept; a shard does every n-th part. So a part holds the same wherever and whenever it is
made, parts of several shards may be copied together, and a run that was ended goes on with the parts not there.

A process that dies takes no more with it than the recording it was busy with: the files of its part are scored one by
one after all others, and the one that ends its process again, alone, is an error like any other.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from ecgnoise._internal.atomic import check_place, lock, whole_files
from ecgnoise._internal.extras import extra
from ecgnoise._internal.files import SEPARATOR, shown_name
from ecgnoise._internal.processes import Died, one_by_one
from ecgnoise._internal.remote import RemotePath, is_remote
from ecgnoise.batch.listing import LIST, Digest, Entry, Listing, Place, divide, local_entries, write_listing
from ecgnoise.batch.options import ArchiveOptions
from ecgnoise.batch.parts import Made, Task, made, score_part, scored, scored_apart, still_right
from ecgnoise.batch.sources import Manifest, remote_entries
from ecgnoise.batch.summary import Overview, overview, write_overview
from ecgnoise.batch.update import updated_parts
from ecgnoise.errors import OutputError
from ecgnoise.quantifier import Quantifier
from ecgnoise.results.archive_folder import PARTS, part_file, part_number

__all__ = ["ArchiveOptions", "may_crash", "score_archive"]

RUN: Final = "run.json"
FILES_A_BATCH: Final = 64
BYTES_A_BATCH: Final = 64 << 20
MANY_A_BATCH: Final = 1000  # on a cluster, and of object stores, where each task and each object has its cost
MANY_BYTES_A_BATCH: Final = 1 << 30

Progress = Callable[[int, int], None]
Note = Callable[[str], None]
# Of files that compiled libraries decode which believe what a damaged file says.
RISKY: Final = frozenset({".feather", ".arrow", ".parquet", ".pq", ".h5", ".hdf5", ".hdf", ".mat"})


def score_archive(
    files: Sequence[str | Path] | Manifest,
    out: str | Path,
    options: ArchiveOptions | None = None,
    *,
    progress: Progress | None = None,
    note: Note | None = None,
) -> Overview:
    """Score recordings into a folder of results, except those whose results are there already.

    Parameters
    ----------
    files : sequence of str or pathlib.Path, or ecgnoise.batch.sources.Manifest
        Recordings, as :func:`find_recordings` lists them; addresses of object stores such as ``"s3://bucket/ecg/"``,
        which stand for all recordings below them; or a list of recordings with what is known of each.
    out : str or pathlib.Path
        A folder that is absent, empty, or of an earlier run with the same recordings and options. It may be one of an
        object store.
    options : ArchiveOptions, optional
        How the recordings are scored.
    progress : callable, optional
        Called as ``progress(tried, total)`` with the number of recordings tried and of all recordings to try in this
        run.
    note : callable, optional
        Called with a line to be told before the work begins, such as where the dashboard of a cluster is.

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
    RemoteAccessError
        If an object store refuses access, or does not answer.
    MissingExtraError
        If the extra ``tables`` is not installed, ``cloud`` where an object store is named, or ``cluster`` where a
        cluster is.
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
    place = RemotePath(str(out)) if is_remote(out) else Path(out)
    source = files if isinstance(files, Manifest) else _Named(files)
    with _alone(place, known):
        before = _read_run(place)
        _begin(place, source, known, before)
        with Listing(place / LIST) as listing:
            _check_unchanged(place, listing, known)
            tried, missing = 0, _missing(place, listing, known)
            total = sum(listing.rows(number) for number in missing)
            tasks = (Task(place, number, listing.part(number), known, listing.carried()) for number in missing)
            for done in _score_all(tasks, known, note):
                tried += done
                if progress:
                    progress(tried, total)
            found = overview(place, listing.recordings, len(listing))
            write_overview(place, found, len(listing))
    return found


class _Named:
    """Recordings that are named: files of this machine, and addresses."""

    def __init__(self, files: Sequence[str | Path]) -> None:
        self._files = files
        self._urls = sorted(str(file) for file in files if is_remote(file))
        self.place = " ".join(self._urls)

    @property
    def carried(self) -> Any:
        """No other columns."""
        import pyarrow as pa

        return pa.schema([])

    def entries(self) -> Iterator[Entry]:
        """The recordings."""
        yield from remote_entries(self._urls)
        yield from local_entries(file for file in self._files if not is_remote(file))


def may_crash(files: Iterable[Path]) -> bool:
    """Whether a file is of a format whose decoder a damaged one may crash, and the process with it."""
    return any(Path(str(file).partition(SEPARATOR)[0]).suffix.lower() in RISKY for file in files)


@contextmanager
def _alone(out: Place, options: ArchiveOptions) -> Iterator[None]:
    """The folder, made where it is not there, with no other run in it; shards of one list may share it.

    The mark is a lock of the folder itself, which ends with the process whatever its end. Object stores have none.
    """
    if isinstance(out, RemotePath):
        yield
        return
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
    others = sorted(entry.name for entry in out.iterdir() if entry.name not in (PARTS, LIST) and entry.name[0] != ".")
    if others:
        raise OutputError(f"{out}: there is {others[0]} and no {RUN}: choose a folder that is empty or absent")


def _read_run(out: Place) -> dict[str, Any] | None:
    """What a folder says it was made with; None for a new one."""
    file = out / RUN
    try:
        if not file.exists():
            return None
        return dict(json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise OutputError(f"{out}: no folder of results can be here ({error}): choose another place") from error


def _begin(out: Place, source: _Named | Manifest, options: ArchiveOptions, before: dict[str, Any] | None) -> None:
    """Make the list of recordings and say what the numbers depend on; OutputError where it is of something else."""
    if isinstance(out, Path):
        if options.shard[1] == 1:
            _sweep(out)
        check_place(part_file(out, 0))
    wanted = _identity(source, options)
    if before is not None:
        listed = _same_list(out, source, before) if not options.update else _listed(before)
        _check_same(out, before, wanted | listed)
        if isinstance(out, Path):
            check_place(out / RUN)
        if not options.update:
            return
    many = options.cluster is not None or bool(source.place)
    most = options.part_size or (MANY_A_BATCH if many else FILES_A_BATCH)
    most_bytes = MANY_BYTES_A_BATCH if many else BYTES_A_BATCH
    if before is None:
        write_listing(out / LIST, lambda: divide(source.entries(), most, most_bytes), source.carried)
    else:
        with Listing(out / LIST) as old:
            write_listing(
                out / LIST,
                lambda: updated_parts(old, source.entries(), lambda new: divide(new, most, most_bytes)),
                source.carried,
            )
    with Listing(out / LIST) as listing:
        wanted |= {"recordings": listing.recordings, "list": listing.digest}
    file = out / RUN
    with whole_files(file) if isinstance(file, Path) else file.written() as partial:
        partial.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


def _listed(run: dict[str, Any]) -> dict[str, Any]:
    """What a run says of its list."""
    return {name: run.get(name) for name in ("recordings", "list")}


def _same_list(out: Place, source: _Named | Manifest, before: dict[str, Any]) -> dict[str, Any]:
    """Number and checksum of the recordings asked for; those of object stores are not listed again."""
    if isinstance(source, _Named) and source.place and source.place == before.get("from"):
        return _listed(before)
    digest = Digest()
    for entry in source.entries():
        digest.add(entry.path)
    return {"recordings": digest.count, "list": digest.text}


def _check_same(out: Place, before: dict[str, Any], wanted: dict[str, Any]) -> None:
    """OutputError where a folder was made otherwise than is asked for."""
    name = next((key for key in wanted if before.get(key) != wanted[key]), None)
    if name is not None:
        raise OutputError(
            f"{out}: made with {name} {before.get(name)}, asked for {wanted.get(name)}: choose another folder, or the "
            "same recordings and options"
        )


def _check_unchanged(out: Place, listing: Listing, options: ArchiveOptions) -> None:
    """OutputError where a file has changed since its part was made, so that old and new scores never mix."""
    if options.update or isinstance(out, RemotePath):
        return
    for number, entries in enumerate(listing.parts()):
        part = part_file(out, number)
        local = [entry for entry in entries if not entry.remote]
        if not local or not part.exists():
            continue
        right = still_right(made(part), local, ArchiveOptions())
        changed = [entry for entry in local if entry.shown not in right]
        if changed:
            raise OutputError(
                f"{shown_name(changed[0].path)}: changed, or a file that belongs to it, since {part} was made: "
                f"delete {part.name} there to have its {len(entries)} recordings scored again, pass --update, or "
                "choose another folder"
            )


def _missing(out: Place, listing: Listing, options: ArchiveOptions) -> list[int]:
    """The numbers of the parts to make: those not there, and those that are no longer as they should be."""
    number, count = options.shard
    names = (
        (out / PARTS).names()
        if isinstance(out, RemotePath)
        else [one.name for one in (out / PARTS).iterdir() if one.exists()]
    )
    there = {part_number(name) for name in names}
    mine = range(number - 1, len(listing), count)
    if not (options.update or options.retry_errors):
        return [part for part in mine if part not in there]
    return [part for part in mine if part not in there or _is_stale(out, part, listing, options)]


def _is_stale(out: Place, number: int, listing: Listing, options: ArchiveOptions) -> bool:
    """Whether a part holds other recordings than the list has for it, or some that are to be scored again."""
    before: Made = made(part_file(out, number))
    entries = listing.part(number)
    return before.paths != tuple(entry.shown for entry in entries) or len(still_right(before, entries, options)) < len(
        entries
    )


def _sweep(out: Path, part: str = "part-") -> None:
    """Remove what a run that was ended has left unfinished, of all parts or of one.

    Of all not among shards, which others may be working on.
    """
    for unfinished in (out / PARTS).glob(f".{part}*"):
        shutil.rmtree(unfinished)


def _identity(source: _Named | Manifest, options: ArchiveOptions) -> dict[str, Any]:
    """What the numbers depend on, but for the list of recordings."""
    reading = options.reading
    return {
        "model": str(Quantifier(options.model, threads=1).model),
        "device": options.device,
        "parts": options.parts,
        "sampling_frequency": reading.sampling_frequency,
        "units": reading.units,
        "leads": list(reading.lead_names) if reading.lead_names else None,
        "from": source.place,
    }


def _check_pyarrow() -> None:
    with extra("a folder of results", "tables"):
        import pyarrow.parquet  # noqa: F401


def _score_all(tasks: Iterator[Task], options: ArchiveOptions, note: Note | None) -> Iterator[int]:
    """Make the parts, here, in processes or on a cluster; how many recordings were tried each time."""
    if options.cluster is not None:
        from ecgnoise.batch.cluster import on_cluster

        yield from on_cluster(tasks, options, note)
        return
    if options.jobs == 1 and not options.apart:
        for task in tasks:
            yield from scored(task)
        return
    left: list[Task] = []
    with closing(one_by_one(score_part, tasks, options.jobs, "the parts")) as done:
        for task, tried in done:
            if isinstance(tried, Died):
                left.append(task)
            else:
                yield tried
    for task in left:
        if isinstance(task.out, Path):
            _sweep(task.out, part_file(task.out, task.number).stem)
        yield scored_apart(task)
