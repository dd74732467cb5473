"""What is done of one long result, kept beside the place where it will go, so that a kill loses no more than one block.

A journal is a text file of JSON lines: first one with what the scores depend on, its *identity*, then one a block of
windows with all that the sheet holds of it, each number to the last bit. Lines are only ever added. A line that is not
whole, as a kill or a full disk leaves it, is cut off with all that follows it when the journal is opened again.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from ecgnoise.errors import JournalError, OutputError
from ecgnoise.sheet import Sheet

LONG_WINDOWS: Final = 60  # 10 minutes: what is shorter is soon scored again
FORMAT: Final = 1
SHOWN_CHARACTERS: Final = 60


def journal_path(out: Path) -> Path:
    """Where the journal of a result that goes to ``out`` lies: beside it, hidden."""
    return out.with_name(f".{out.name}.journal")


class Journal:
    """The finished blocks of one result; a context, left by whatever way, closes the file and keeps it.

    path: see :func:`journal_path`. resume: go on with a journal that is there. shortest: windows of a recording below
    which nothing is kept.

    Raises JournalError where there is a journal already and ``resume`` is not given.
    """

    def __init__(self, path: Path, *, resume: bool, shortest: int = LONG_WINDOWS) -> None:
        if path.exists() and not resume:
            raise JournalError(
                f"{path}: an earlier run was stopped and left this: pass --resume to go on with it, or delete it"
            )
        self.path = path
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

    def begin(self, identity: Mapping[str, Any], sheet: Sheet) -> int:
        """Fill what is done already into an empty sheet: how many windows, from the first on, are done.

        Raises JournalError where the journal is of something else, OutputError where it cannot be written.
        """
        if len(sheet.windows) < self._shortest:
            return 0
        asked = json.loads(json.dumps({"format": FORMAT, **identity}))
        try:
            self._file = self.path.open("r+b" if self.path.exists() else "w+b")
            done, end = self._restore(asked, sheet)
            self._file.seek(end)
            self._file.truncate()
        except OSError as error:
            raise self._unwritable(error) from error
        if end == 0:
            self._add(asked)
        return done

    def keep(self, sheet: Sheet, first: int, stop: int) -> None:
        """Add the finished windows first .. stop - 1; OutputError where they cannot be written."""
        if self._file is not None:
            self._add({"first": first, "stop": stop, **sheet.columns(first, stop)})

    def remove(self) -> None:
        """The result is where it should be: the journal is not needed any more."""
        self.__exit__()
        self.path.unlink(missing_ok=True)

    def _restore(self, asked: Mapping[str, Any], sheet: Sheet) -> tuple[int, int]:
        """Windows done, and the byte after the last whole line."""
        done = end = 0
        for number, line in enumerate(self._file or ()):
            entry = _entry(line)
            if number == 0:
                if entry:
                    self._compare(entry, asked)
                whole = bool(entry)
            else:
                whole = entry.get("first") == done and _fill(sheet, entry)
                done = entry["stop"] if whole else done
            if not whole:
                break
            end += len(line)
        return done, end

    def _compare(self, written: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        """JournalError where the identity is not the one asked for."""
        names = [name for name in {**written, **asked} if written.get(name) != asked.get(name)]
        if names:
            parts = [f"{name} is {_short(written.get(name))}, now {_short(asked.get(name))}" for name in names]
            raise JournalError(f"{self.path}: of another run ({'; '.join(parts)}): run that one again, or delete it")

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


def _entry(line: bytes) -> dict[str, Any]:
    """What a line holds; empty where it is not whole."""
    try:
        entry = json.loads(line) if line.endswith(b"\n") else {}
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _fill(sheet: Sheet, entry: dict[str, Any]) -> bool:
    """Fill a line's windows into the sheet; False where they do not fit it."""
    try:
        values = dict(entry)
        sheet.fill(values.pop("first"), values.pop("stop"), values)
    except (KeyError, TypeError, ValueError):
        return False
    return True


def _short(value: object) -> str:
    """A value for a message."""
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
