"""What is done of one long result, kept beside the place where it will go, so that a kill loses no more than one block.

A checkpoint is a text file of JSON lines: first one with what the scores depend on, its *identity*, then one a block of
windows with their part of each array, each number to the last bit. Lines are only ever added. A line that is not
whole, as a kill or a full disk leaves it, is cut off with all that follows it when the checkpoint is opened again.
"""

import errno
import json
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.atomic import lock
from ecgnoise._internal.files import NO_REGULAR_FILE, FileState, file_states
from ecgnoise.errors import OutputError, ResumeError

LONG_WINDOWS: Final = 60  # 10 minutes: what is shorter is soon scored again
FORMAT: Final = 2
FILES: Final = "files"
SHOWN_CHARACTERS: Final = 60

Arrays = Mapping[str, NDArray[Any]]  # by name, (leads, windows, ...) each


def checkpoint_path(out: Path) -> Path:
    """Where the checkpoint of a result that goes to ``out`` lies: beside it, hidden."""
    return out.with_name(f".{out.name}.checkpoint")


class Checkpoint:
    """The finished blocks of one result; a context, left by whatever way, closes the file and keeps it.

    path: see :func:`checkpoint_path`. resume: go on with a checkpoint that is there. shortest: windows of a recording
    below which nothing is kept.

    Raises ResumeError where there is a checkpoint already and ``resume`` is not given.
    """

    def __init__(self, path: Path, *, resume: bool, shortest: int = LONG_WINDOWS) -> None:
        if path.exists() and not resume:
            raise ResumeError(
                f"{path}: an earlier run was stopped and left this: pass --resume to go on with it, or delete it"
            )
        self.path = path
        self.sources: list[FileState] = []
        self._shortest = shortest
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def kept(self) -> bool:
        """Whether there is a file to go on with."""
        return self.path.exists()

    def depend_on(self, files: Iterable[Path]) -> None:
        """The result is one of these files: their sizes and times of change are part of its identity."""
        self.sources = file_states(files)

    def begin(self, identity: Mapping[str, Any], arrays: Arrays) -> int:
        """Fill what is done already into empty arrays: how many windows, from the first on, are done.

        Raises ResumeError where the checkpoint is of something else, OutputError where it cannot be written.
        """
        if _windows(arrays) < self._shortest:
            return 0
        asked = json.loads(json.dumps({"format": FORMAT, **identity, FILES: self.sources or identity.get(FILES, [])}))
        try:
            self._file = _open(self.path)
            done, end = self._restore(asked, arrays)
            self._file.seek(end)
            self._file.truncate()
        except OSError as error:
            raise self._unwritable(error) from error
        if end == 0:
            self._add(asked)
        return done

    def keep(self, arrays: Arrays, first: int, stop: int) -> None:
        """Add the finished windows first .. stop - 1; OutputError where they cannot be written."""
        if self._file is not None:
            columns = {name: array[:, first:stop].tolist() for name, array in arrays.items()}
            self._add({"first": first, "stop": stop, **columns})

    def remove(self) -> None:
        """The result is where it should be: the checkpoint is not needed any more."""
        self.__exit__()
        self.path.unlink(missing_ok=True)

    def _restore(self, asked: Mapping[str, Any], arrays: Arrays) -> tuple[int, int]:
        """Windows done, and the byte after the last whole line."""
        done = end = 0
        for number, line in enumerate(self._file or ()):
            entry = _entry(line)
            if number == 0:
                if entry:
                    self._compare(entry, asked)
                whole = bool(entry)
            else:
                whole = entry.get("first") == done and _fill(arrays, entry)
                done = entry["stop"] if whole else done
            if not whole:
                break
            end += len(line)
        return done, end

    def _compare(self, written: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        """ResumeError where the identity is not the one asked for."""
        names = [name for name in {**written, **asked} if written.get(name) != asked.get(name)]
        if names:
            parts = [_difference(name, written.get(name), asked.get(name)) for name in names]
            raise ResumeError(f"{self.path}: of another run ({'; '.join(parts)}): run that one again, or delete it")

    def _add(self, entry: Mapping[str, Any]) -> None:
        """Write a line, all of it, so that a kill cannot lose it."""
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(f"{self.path}: cannot be written ({error.strerror}): choose another place for the table")


def _open(path: Path) -> BinaryIO:
    """The checkpoint, a new one where there is none; OSError for a link or anything else that is no file of its own."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, NO_REGULAR_FILE, str(path))
    file = os.fdopen(descriptor, "r+b")
    try:
        lock(descriptor, shared=False)
    except BlockingIOError as error:
        file.close()
        raise OSError(errno.EAGAIN, "another run is writing it", str(path)) from error
    return file


def _difference(name: str, written: Any, asked: Any) -> str:
    """How an entry differs from the one asked for; of files, which one."""
    if name != FILES or not isinstance(written, list):
        return f"{name} is {_short(written)}, now {_short(asked)}"
    changed = sorted({str(state[0]) for state in (*written, *asked) if state not in written or state not in asked})
    return f"changed since: {', '.join(changed)}"


def _entry(line: bytes) -> dict[str, Any]:
    """What a line holds; empty where it is not whole."""
    try:
        entry = json.loads(line) if line.endswith(b"\n") else {}
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _windows(arrays: Arrays) -> int:
    return int(next(iter(arrays.values())).shape[1])


def _fill(arrays: Arrays, entry: dict[str, Any]) -> bool:
    """Fill a line's windows into the arrays; False where they do not fit them."""
    try:
        values = dict(entry)
        first, stop = values.pop("first"), values.pop("stop")
        if set(arrays) != set(values) or not 0 <= first < stop <= _windows(arrays):
            return False
        for name, array in arrays.items():
            array[:, first:stop] = np.array(values[name], array.dtype).reshape(array[:, first:stop].shape)
    except (KeyError, TypeError, ValueError):
        return False
    return True


def _short(value: object) -> str:
    """A value for a message."""
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
