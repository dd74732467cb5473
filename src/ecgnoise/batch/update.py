"""The list of an archive brought up to date: what stays keeps its part, and what is new comes behind."""

import os
import pickle
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from ecgnoise.batch.listing import Entry, Listing

ROWS: Final = 4096
Divide = Callable[[Iterable[Entry]], Iterable[tuple[Entry, ...]]]


def updated_parts(old: Listing, entries: Iterable[Entry], divide: Divide) -> Iterator[tuple[Entry, ...]]:
    """The parts of the old list with the entries that are still there, then the new ones in parts of their own.

    A part may become empty, so that the others keep their numbers. The entries lie in a temporary table on disk
    meanwhile, so that memory does not grow with them.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ecgnoise-") as folder,
        closing(sqlite3.connect(Path(folder) / "entries.db")) as table,
    ):
        table.execute("CREATE TABLE entries (number INTEGER PRIMARY KEY, path BLOB UNIQUE, entry BLOB)")
        rows = ((os.fsencode(entry.path), pickle.dumps(entry)) for entry in entries)
        table.executemany("INSERT OR IGNORE INTO entries (path, entry) VALUES (?, ?)", rows)
        for part in old.parts():
            yield tuple(entry for before in part if (entry := _take(table, before)) is not None)
        yield from divide(_rest(table))


def _take(table: sqlite3.Connection, before: Entry) -> Entry | None:
    """The entry of the same recording in the new list, taken out of the table; None where it is gone."""
    path = os.fsencode(before.path)
    found = table.execute("SELECT entry FROM entries WHERE path = ?", (path,)).fetchone()
    if found is None:
        return None
    table.execute("DELETE FROM entries WHERE path = ?", (path,))
    entry: Entry = pickle.loads(found[0])
    return entry


def _rest(table: sqlite3.Connection) -> Iterator[Entry]:
    """The entries that are left, in the order of the new list."""
    for (entry,) in table.execute("SELECT entry FROM entries ORDER BY number"):
        yield pickle.loads(entry)
