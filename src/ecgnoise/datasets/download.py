"""A database of recordings from PhysioNet, or from a mirror with its layout.

==========================================  ==========================================================================
``BASE/files/SLUG/VERSION/SHA256SUMS.txt``  fetched first and kept; a line ``SUM  PATH`` for each file
``BASE/files/SLUG/VERSION/PATH``            a file, fetched to ``FOLDER/PATH``
==========================================  ==========================================================================

The list comes from outside: a path in it that leads out of the folder refuses the whole list.
"""

import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath, PureWindowsPath
from queue import Empty, SimpleQueue
from typing import Final

from ecgnoise.datasets.catalog import BASE_URL, Database
from ecgnoise.datasets.http import PART, Connection, Wait
from ecgnoise.errors import DownloadError, EcgNoiseError, OptionError, OutputError, unwritable

SUMS: Final = "SHA256SUMS.txt"
LINE: Final = re.compile(r"([0-9A-Fa-f]{64})[ \t]+\*?(\S.*)")
SAMPLE: Final = 16
GIVE_UP_AFTER: Final = 20
POLL_SECONDS: Final = 0.2

Progress = Callable[[int, int, int], None]


@dataclass(frozen=True)
class DownloadOptions:
    """Which files, from where, how many at once.

    ``only``: glob patterns, ``*`` also matches ``/``; empty means what the database says is needed.
    """

    base_url: str = BASE_URL
    only: tuple[str, ...] = ()
    jobs: int = 4

    def __post_init__(self) -> None:
        if not re.match(r"https?://[^/]", self.base_url):
            raise OptionError(f"base URL {self.base_url!r}: it begins with https:// or http:// and names a server")
        if self.jobs < 1:
            raise OptionError(f"{self.jobs} jobs: at least 1 is needed")


@dataclass
class Downloaded:
    """What became of the files of a database.

    ``whole`` are there and have their sums, ``fetched`` of them only now; ``failed`` gives the error of each of the
    others by its path. ``untried`` is how many were left when 20 in a row had failed.
    """

    folder: Path
    whole: int = 0
    fetched: int = 0
    untried: int = 0
    failed: dict[str, EcgNoiseError] = field(default_factory=dict)


def download(
    database: Database,
    folder: str | Path,
    options: DownloadOptions | None = None,
    *,
    progress: Progress | None = None,
    sleep: Wait | None = None,
) -> Downloaded:
    """Have the files of a database whole and right in a folder.

    Files that are there with their sum are left alone, broken ones are continued, so a second call does what the first
    could not. Files have another name until their sums are known to be right. progress: called with the number of
    files done, of all files and of bytes received. sleep: how to wait before another attempt, in seconds.

    A file that cannot be had is an entry in the answer. Raises DownloadError where the list of files cannot be had or
    used, or the folder holds another database; OptionError where no file is wanted; OutputError where the disk has no
    room for what is missing, as far as the server tells sizes. Stopped by an exception such as KeyboardInterrupt, it
    ends the transfers first.
    """
    chosen = options or DownloadOptions()
    place = Path(folder)
    with Connection(database.address(chosen.base_url), chosen.jobs, sleep) as connection:
        sums = _fetch_list(connection, place)
        wanted = _choose(sums, chosen.only or database.needed)
        if not wanted:
            raise OptionError(f"none of the {len(sums)} files of {database.name} is like {', '.join(chosen.only)}")
        with ThreadPoolExecutor(chosen.jobs) as pool:
            try:
                _check_room(connection, pool, place, wanted)
                return _fetch_all(connection, pool, place, wanted, progress)
            finally:
                connection.stop()
                pool.shutdown(cancel_futures=True)


def read_sums(file: Path, source: str) -> dict[str, str]:
    """Path and lower-case SHA-256 sum of each file in a list; DownloadError where it is empty, damaged or unsafe."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DownloadError(f"{source}: not a list of SHA-256 sums: check the base URL") from error
    sums: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise DownloadError(f"{source}: line {number} is not a SHA-256 sum and a path: check the base URL")
        path = _safe(match[2], f"{source}: line {number}")
        sum_ = match[1].lower()
        if sums.setdefault(path, sum_) != sum_:
            raise DownloadError(f"{source}: line {number}: {path} has a second sum: use another base URL")
    if not sums:
        raise DownloadError(f"{source}: the list of files is empty: check the base URL")
    return sums


def _safe(path: str, source: str) -> str:
    """The path, where it leads to a place within the folder that is not used for anything else."""
    pure, windows = PurePosixPath(path), PureWindowsPath(path)
    leads_out = pure.is_absolute() or windows.drive or windows.root or ".." in windows.parts or "\\" in path
    taken = pure.name.casefold() == SUMS.casefold() or pure.name.casefold().endswith(PART)
    if leads_out or taken or not pure.name or not path.isprintable():
        raise DownloadError(f"{source}: the path {path!r} is not one to be written to: use another base URL")
    return str(pure)


def _fetch_list(connection: Connection, folder: Path) -> dict[str, str]:
    """The sums that the server gives now; they must be those that the folder was filled by."""
    kept = folder / SUMS
    new = folder / (SUMS + PART)
    source = f"{connection.address}/{SUMS}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            connection.fetch_without_sum(SUMS, new, lambda file: file.stat().st_size > 0)
            sums = read_sums(new, source)
            if kept.exists() and read_sums(kept, str(kept)) != sums:
                raise DownloadError(
                    f"{folder}: it holds another database or version ({SUMS} differs): choose another folder"
                )
            new.replace(kept)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(folder, error, "choose another folder") from error
    return sums


def _choose(sums: Mapping[str, str], patterns: Collection[str]) -> dict[str, str]:
    return {path: sum_ for path, sum_ in sums.items() if any(fnmatchcase(path, pattern) for pattern in patterns)}


def _check_room(connection: Connection, pool: ThreadPoolExecutor, folder: Path, paths: Collection[str]) -> None:
    """OutputError where the files that are missing will not fit.

    The server is asked for the size of up to 16 files of each suffix; the others are taken to be like them.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    needed = 0.0
    for path in paths:
        if not (folder / path).exists():
            groups[PurePosixPath(path).suffix].append(path)
            part = folder / (path + PART)
            needed -= part.stat().st_size if part.is_file() else 0
    for group in groups.values():
        sizes = [size for size in pool.map(connection.size, group[:: -(-len(group) // SAMPLE)]) if size is not None]
        needed += len(group) * sum(sizes) / len(sizes) if sizes else 0
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OutputError(f"{folder}: about {needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} are free: make room")


def _fetch_all(
    connection: Connection, pool: ThreadPoolExecutor, folder: Path, wanted: Mapping[str, str], progress: Progress | None
) -> Downloaded:
    """Fetch every file; gives up where one after another fails."""
    finished: SimpleQueue[Future[bool]] = SimpleQueue()
    paths: dict[Future[bool], str] = {}
    for path, sum_ in wanted.items():
        future = pool.submit(connection.fetch, path, sum_, folder / path)
        paths[future] = path
        future.add_done_callback(finished.put)
    outcome = Downloaded(folder)
    in_a_row = done = 0
    while done < len(wanted) and in_a_row < GIVE_UP_AFTER:
        if progress:
            progress(done, len(wanted), connection.received)
        try:
            future = finished.get(timeout=POLL_SECONDS)
        except Empty:
            continue
        done += 1
        try:
            outcome.fetched += future.result()
            outcome.whole += 1
            in_a_row = 0
        except EcgNoiseError as error:
            outcome.failed[paths[future]] = _bare(error)
            in_a_row += 1
    outcome.untried = len(wanted) - done
    return outcome


def _bare(error: EcgNoiseError) -> EcgNoiseError:
    """The error without the frames it went through: they would keep connections open as long as it is kept."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
