"""Where the recordings of an archive come from: folders of object stores, and lists with a column of paths."""

import csv
import hashlib
import io
import itertools
import math
import posixpath
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from ecgnoise._internal.extras import extra
from ecgnoise._internal.files import open_regular, shown_name
from ecgnoise._internal.remote import Found, RemotePath, is_remote, objects, shown_address
from ecgnoise.batch.listing import STATE_DIGITS, Entry
from ecgnoise.errors import EcgNoiseError, MissingFileError, OptionError, UnreadableFileError, one_line
from ecgnoise.readers import READERS
from ecgnoise.results.cells import COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa

HEADER: Final = ".hea"
SIGNALS: Final = ".dat"
# Endings of files that are known by what is in them, which is not looked at before they are fetched.
ENDINGS: Final = frozenset({
    ".edf", ".bdf", ".ecg", ".dcm", ".scp", ".xml", ".wav", ".xlsx", ".txt", ".mwf", ".gz", ".mat", HEADER,
})  # fmt: skip
OWN: Final = ("path", "sampling_frequency", "units", "leads", "size", "etag", "mtime")
STDIN: Final = "-"
MAGIC: Final = re.compile(r"[*?[]")
ROWS: Final = 1 << 14


def remote_entries(urls: Iterable[str]) -> Iterator[Entry]:
    """The recordings at addresses, in folders of stores and of patterns, as the stores list them.

    What is a recording is told by the endings of names. Objects of one name with several endings, of which one is
    ``.hea``, are one WFDB record. What is hidden, or lies in a hidden folder, is none. UnreadableFileError where there
    is none at an address.
    """
    for url in urls:
        any_there = False
        for entry in _recordings(found for found in _objects_at(url) if not _is_hidden(found.url, url)):
            any_there = True
            yield entry
        if not any_there:
            raise UnreadableFileError(f"{shown_address(url)}: no recording there: check the address")


def _objects_at(url: str) -> Iterator[Found]:
    """The objects at an address; those of a WFDB record where it is one without suffix."""
    found = objects(url)
    try:
        first = [next(found)]
    except StopIteration:
        return
    except MissingFileError:
        try:
            first = [RemotePath(f"{url}{ending}").state() for ending in (HEADER, SIGNALS)]
        except MissingFileError:
            first = []
        if not first or url.endswith("/"):
            raise
    yield from first
    yield from found


def _recordings(found: Iterable[Found]) -> Iterator[Entry]:
    """The recordings among objects; those of one record come one after the other."""
    for _, group in itertools.groupby(found, key=lambda one: one.url.rpartition(".")[0]):
        files = list(group)
        headers = [one for one in files if one.url.endswith(HEADER)]
        if headers:
            yield _entry(headers[0].url, files)
        else:
            yield from (_entry(one.url, [one]) for one in files if _is_recording(one.url))


def _is_hidden(found: str, url: str) -> bool:
    """Whether an object has a name, or lies in a folder, that begins with a point, below what an address names."""
    folder = MAGIC.split(url)[0].rpartition("/")[0] if MAGIC.search(url) else url.rstrip("/")
    return "/." in found.removeprefix(folder)


def _is_recording(url: str) -> bool:
    suffix = posixpath.splitext(url)[1].lower()  # a Path would keep parts of every key
    return suffix in ENDINGS or any(suffix in reader.suffixes for reader in READERS)


def _entry(url: str, files: Sequence[Found]) -> Entry:
    states = "\n".join(f"{one.url} {one.size} {one.state}" for one in files)
    return Entry(
        url, sum(max(0, one.size) for one in files), hashlib.sha256(states.encode()).hexdigest()[:STATE_DIGITS]
    )


class Manifest:
    r"""A list of recordings for :func:`score_archive`.

    Parameters
    ----------
    place : str
        A Parquet file, or a CSV file with a header: its path, its address in an object store, or ``"-"`` for standard
        input. The column ``path`` names the recordings. ``sampling_frequency``, ``units`` and ``leads`` say what their
        files may not, ``size`` and ``etag`` or ``mtime`` when they have changed. All other columns are carried into the
        results.

    Raises
    ------
    UnreadableFileError
        If the list cannot be read; `MissingFileError`, a subclass, if it is absent.
    OptionError
        If a column has the name of one of the results, or ``path`` is missing.
    MissingExtraError
        Without the extra ``tables``.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from ecgnoise import Manifest
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "list.csv").write_text("path,patient\na.hea,17\n")
    ...     Manifest(f"{folder}/list.csv").carried.names
    ['patient']
    """

    def __init__(self, place: str) -> None:
        with extra("a list of recordings", "tables"):
            import pyarrow  # noqa: F401
        self.place = shown_address(place)
        self._name = place
        self._held = _held(place)
        with self._opened() as file:
            self._parquet = file.read(4) == b"PAR1"
        self.carried = self._carried()

    def _carried(self) -> "pa.Schema":
        """The columns that go into the results."""
        import pyarrow as pa

        if self._parquet:
            import pyarrow.parquet as pq

            try:
                with self._opened() as file:
                    schema = pq.read_schema(file)
            except Exception as error:  # whatever a damaged file makes pyarrow raise
                raise self._unreadable(error) from error
        else:
            header = next(self._lines(), [])
            schema = pa.schema([(name, pa.string()) for name in header])
        names = schema.names
        taken = [name for name in names if (name in COLUMNS and name not in OWN) or names.count(name) > 1]
        if "path" not in names or taken:
            what = f"a column {taken[0]}, as the results have" if taken else "no column path"
            raise OptionError(
                f"{self.place}: {what}: name the columns of the list otherwise, and that of the files path"
            )
        return pa.schema([column for column in schema if column.name not in OWN])

    def entries(self) -> Iterator[Entry]:
        """The recordings of the list, in its order."""
        for number, row in enumerate(self._rows(), 1):
            try:
                yield self._entry(row)
            except (ValueError, TypeError, KeyError) as error:
                if isinstance(error, EcgNoiseError):
                    raise
                raise UnreadableFileError(
                    f"{self.place}: recording {number}: {one_line(error)}: mend the row"
                ) from error

    def _rows(self) -> Iterator[dict[str, Any]]:
        if not self._parquet:
            lines = self._lines()
            header = next(lines)
            for line in lines:
                yield dict(zip(header, (cell or None for cell in line), strict=True))
            return
        import pyarrow.parquet as pq

        try:
            with self._opened() as file:
                for batch in pq.ParquetFile(file).iter_batches(ROWS):
                    yield from batch.to_pylist()
        except Exception as error:
            raise self._unreadable(error) from error

    def _lines(self) -> Iterator[list[str]]:
        with self._opened() as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
            try:
                yield from (line for line in csv.reader(text) if line)
            except (UnicodeError, csv.Error) as error:
                raise self._unreadable(error) from error

    def _opened(self) -> BinaryIO:
        """The bytes of the list, from their beginning."""
        return _opened(self._name) if self._held is None else io.BytesIO(self._held)

    def _entry(self, row: dict[str, Any]) -> Entry:
        path = row["path"]
        if not isinstance(path, str) or not path:
            raise ValueError("no path")
        frequency = row.get("sampling_frequency")
        frequency = None if frequency is None or math.isnan(float(frequency)) else float(frequency)
        leads = row.get("leads")
        names = leads.replace(";", ",").split(",") if isinstance(leads, str) else leads
        tells = [str(row[name]) for name in ("size", "etag", "mtime") if row.get(name) is not None]
        state = hashlib.sha256("\n".join(tells).encode()).hexdigest()[:STATE_DIGITS] if tells else ""
        return Entry(
            path,
            int(row.get("size") or 0),
            state,
            frequency,
            row.get("units") or None,
            tuple(str(name).strip() for name in names) if names is not None else None,
            {name: row[name] for name in self.carried.names},
        )

    def _unreadable(self, error: Exception) -> UnreadableFileError:
        return UnreadableFileError(
            f"{self.place}: no list of recordings in Parquet or CSV ({one_line(error)}): write it again"
        )


def _held(place: str) -> bytes | None:
    """The bytes of a list that is piped in or lies in a store; None of a file of this machine."""
    if place == STDIN:
        return sys.stdin.buffer.read()
    return RemotePath(place).read_bytes() if is_remote(place) else None


def _opened(place: str) -> BinaryIO:
    """A list in a file of this machine."""
    try:
        return open_regular(place)
    except FileNotFoundError as error:
        raise MissingFileError(f"{shown_name(place)}: no such list of recordings: check the path") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableFileError(f"{shown_name(place)}: cannot be opened ({reason}): check the path") from error
