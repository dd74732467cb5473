"""Files written whole or not at all, and locks on them."""

import glob
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ecgnoise._internal.files import shown_name
from ecgnoise.errors import EcgNoiseError, OutputError

LONGEST_PREFIX: Final = 40  # letters, so that a long name still leaves room
RANDOM_LETTERS: Final = "[a-z0-9_]" * 8  # what tempfile ends the names of its folders with


@contextmanager
def unfinished_files(path: Path) -> Iterator[Path]:
    """A path of the same name to write to; what was written there, and beside it, moves to its place if all went well.

    The path lies in a new folder beside the place that only this user can look into and nobody can guess. A link that
    stands at the place is replaced and not followed. Raises OSError where the place cannot be written.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=_prefix(path)) as unfinished:
        yield Path(unfinished) / path.name
        for file in sorted(Path(unfinished).iterdir()):
            file.replace(path.parent / file.name)


def sweep_unfinished(path: Path) -> None:
    """Remove what runs that were killed have left unfinished of a file that no other run is writing."""
    _remove_folders(path.parent, f"{glob.escape(_prefix(path))}{RANDOM_LETTERS}")


def sweep_folder(folder: Path) -> None:
    """Remove what runs that were killed have left unfinished in a folder that no other run writes to."""
    _remove_folders(folder, f".?*.{RANDOM_LETTERS}")


def _remove_folders(parent: Path, pattern: str) -> None:
    for folder in parent.glob(pattern):
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)


def _prefix(path: Path) -> str:
    return f".{path.stem[:LONGEST_PREFIX]}."


@contextmanager
def whole_files(path: Path) -> Iterator[Path]:
    """A path of the same name to write to; what was written beside it too is moved to its place when all went well.

    The path lies in a new folder that only this user can look into, beside the place. A link that stands at the place
    is replaced and not followed.

    Raises OutputError where the place cannot be written.
    """
    try:
        with unfinished_files(path) as partial:
            yield partial
    except EcgNoiseError:
        raise
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) and "\0" not in str(path):
            raise
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{shown_name(path)}: cannot be written ({reason}): choose another place") from error


def check_place(path: Path) -> None:
    """Find out before the work whether a file can be written here; OutputError where it cannot. It is left alone."""
    with whole_files(path) as partial:
        if path.is_dir():
            raise OutputError(f"{shown_name(path)}: this is a folder: choose another place")
        partial.touch()
        partial.unlink()


def lock(descriptor: int, *, shared: bool) -> None:
    """Hold a file or folder until it is closed; BlockingIOError where another process holds it.

    shared: several may hold it that ask so. Where a system or its file system has no such locks nobody is kept out.
    """
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return
