"""Recordings of object stores, fetched into a private folder some at a time, so that the readers find files there.

A small object is one request, and all objects of a WFDB record are fetched at once; a long one comes in blocks, of
which a lost connection costs one. The sizes are those of the list: no object is asked for its size. All samples of a
recording are scored, so that reading it from the store in pieces would ask for as many bytes.
"""

import os
import tempfile
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from ecgnoise._internal.files import SEPARATOR
from ecgnoise._internal.remote import BLOCK, FULL, RemotePath, shown_address
from ecgnoise.batch.listing import Entry
from ecgnoise.errors import MissingFileError, OutputError
from ecgnoise.readers import recording_files

AT_ONCE: Final = 16  # requests
AHEAD: Final = 16  # recordings that are fetched before their turn
AHEAD_BYTES: Final = 256 << 20
HEADER: Final = ".hea"
SIGNALS: Final = ".dat"


def fetched(entries: Sequence[Entry]) -> Generator[tuple[Entry, Path | MissingFileError], None, None]:
    """Each recording, and where it lies on this machine until the next one is asked for.

    Objects are fetched while others are scored. MissingFileError stands for one that is not there; RemoteAccessError is
    raised where a store refuses, or does not answer, OutputError where the disk is full.
    """
    if not any(entry.remote for entry in entries):
        yield from ((entry, Path(entry.path)) for entry in entries)
        return
    with (
        tempfile.TemporaryDirectory(prefix="ecgnoise-", ignore_cleanup_errors=True) as folder,
        ThreadPoolExecutor(AT_ONCE) as requests,
        ThreadPoolExecutor(AHEAD) as pool,
    ):
        waiting: dict[int, Future[Path | MissingFileError]] = {}
        begun = 0
        try:
            for number, entry in enumerate(entries):
                while begun < len(entries) and (begun == number or _fits(entries[number : begun + 1])):
                    place = Path(folder) / str(begun)
                    waiting[begun] = pool.submit(_fetch, entries[begun], place, requests)
                    begun += 1
                yield entry, waiting.pop(number).result()
                _remove(Path(folder) / str(number))
        finally:
            pool.shutdown(cancel_futures=True)


def _fits(entries: Sequence[Entry]) -> bool:
    return len(entries) <= AHEAD and sum(max(0, entry.size) for entry in entries) <= AHEAD_BYTES


def _remove(folder: Path) -> None:
    for file in folder.glob("*") if folder.is_dir() else ():
        file.unlink()


def _fetch(entry: Entry, folder: Path, requests: ThreadPoolExecutor) -> Path | MissingFileError:
    """Fetch the objects of a recording into a folder of its own."""
    if not entry.remote:
        return Path(entry.path)
    url, separator, within = entry.path[len("x://") :].partition(SEPARATOR)
    url = entry.path[: len("x://")] + url
    if not url.rpartition("/")[2].count("."):
        url += HEADER  # a WFDB record without suffix
    try:
        folder.mkdir()
        place = folder / _file_name(url)
        beside = requests.submit(_copy, _signals(url), folder, entry.size) if url.endswith(HEADER) else None
        _copy(url, folder, 0 if beside else entry.size)
        tried = {place}
        if beside is not None:
            _is_there(beside)
            tried.add(folder / _file_name(_signals(url)))
        _fetch_named(url, place, tried, requests)
    except MissingFileError as error:
        return error
    except OSError as error:
        reason = (
            "the disk is full: free some space" if error.errno in FULL else f"{error.strerror}: choose another TMPDIR"
        )
        raise OutputError(f"{shown_address(url)}: cannot be fetched to {folder.parent} ({reason})") from error
    return Path(f"{place}{separator}{within}") if separator else place


def _fetch_named(url: str, place: Path, tried: set[Path], requests: ThreadPoolExecutor) -> None:
    """Fetch the other files that a recording names; those of a store that are not there the reader misses."""
    while more := [file for file in recording_files(place) if file not in tried and file.parent == place.parent]:
        tried.update(more)
        for copied in [
            requests.submit(_copy, url.rpartition("/")[0] + f"/{file.name}", place.parent, 0) for file in more
        ]:
            _is_there(copied)


def _is_there(copied: "Future[None]") -> bool:
    try:
        copied.result()
    except MissingFileError:
        return False
    return True


def _signals(url: str) -> str:
    return url.removesuffix(HEADER) + SIGNALS


def _file_name(url: str) -> str:
    return os.path.basename(shown_address(url))  # noqa: PTH119 - an address, no path


def _copy(url: str, folder: Path, most: int) -> None:
    """Copy an object, whole or in blocks. most: bytes that it has at most, where that is known."""
    source, place = RemotePath(url), folder / _file_name(url)
    if most <= BLOCK:
        place.write_bytes(source.read_bytes())
        return
    with place.open("wb") as file:
        for start in range(0, most, BLOCK):
            block = source.read_range(start, start + BLOCK)
            file.write(block)
            if len(block) < BLOCK:
                return
