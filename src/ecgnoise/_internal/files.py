"""Files and their names: only regular files are opened, and any name can be shown, written and told apart.

A name on disk is bytes. Python keeps those that are not UTF-8 as lone surrogates, which no table, terminal or checksum
takes: :func:`shown_name` is for people, :func:`name_bytes` for checksums.
"""

import errno
import os
import re
import stat
from collections.abc import Iterable
from io import BufferedReader
from pathlib import Path
from typing import Final

CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
SEPARATOR: Final = "::"  # between a file and the address of a recording in it
NO_REGULAR_FILE: Final = "no regular file but a pipe, a device or a socket"


def open_regular(path: str | Path) -> BufferedReader:
    """A file opened to be read; OSError for anything but a regular file, which might never answer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, NO_REGULAR_FILE, str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def shown_name(name: str | Path) -> str:
    """The name as text that can be written anywhere.

    Bytes of it that are not UTF-8 become U+FFFD, and so do line ends and what else steers a terminal.
    """
    return CONTROLS.sub("\ufffd", os.fsencode(name).decode("utf-8", "replace"))


def name_bytes(name: str | Path) -> bytes:
    """The name as it is on disk."""
    return os.fsencode(name)


FileState = tuple[str, int, int]


def file_states(paths: Iterable[Path]) -> list[FileState]:
    """What a change of files shows by, in the order of their names.

    Name, size in bytes and time of the last change in ns of each file; -1 and -1 where it cannot be looked at.
    """
    return [(shown_name(path), *_state(path)) for path in sorted(paths)]


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return -1, -1
    return found.st_size, found.st_mtime_ns
