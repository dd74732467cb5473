"""The encoding and the first lines of text files, and those that are compressed by gzip, bzip2 or xz."""

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.base import HEAD_BYTES, most_expanded, open_file

MAGICS: Final = {b"\x1f\x8b\x08": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}
COMPRESSED_SUFFIXES: Final = frozenset({".gz", ".bz2", ".xz"})
BZIP2_BLOCK: Final = 1 << 20  # bytes; nothing comes out before a whole block is in
MOST_EXPANDED: Final = 1 << 31
LARGEST_RATIO: Final = 200  # of bytes to compressed bytes
CHUNK: Final = 1 << 20
_OPENED: Final = {"bzip2": bz2.BZ2File, "xz": lzma.LZMAFile}
DAMAGED: Final = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)


def text_encoding(head: bytes) -> str | None:
    """The encoding of a text by its beginning, or None where that has control characters that no text has."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if re.search(rb"[\x00-\x08\x0e-\x1f]", head):
        return _utf16_without_mark(head)
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        cut_within_a_letter = len(head) - error.start < 4
        return "utf-8-sig" if cut_within_a_letter else "latin-1"
    return "utf-8-sig"


def _utf16_without_mark(head: bytes) -> str | None:
    """UTF-16 in one of its byte orders, by the zeros of its first letters: one in each, and no others."""
    start = head[:512]
    start = start[: len(start) // 2 * 2]
    for encoding, zeros, letters in (("utf-16-le", start[1::2], start[::2]), ("utf-16-be", start[::2], start[1::2])):
        if len(start) > 8 and not any(zeros) and not re.search(rb"[\x00-\x08\x0e-\x1f]", letters):
            return encoding
    return None


def text_lines(head: bytes, encoding: str) -> list[str]:
    """The lines of a beginning, without their ends."""
    return io.TextIOWrapper(io.BytesIO(head), encoding=encoding, errors="replace").read().split("\n")


def compression_of(head: bytes) -> str | None:
    """By what a file is compressed that begins so, None where by nothing that is read here."""
    return next((name for magic, name in MAGICS.items() if head.startswith(magic)), None)


def plain_head(path: Path, head: bytes) -> bytes:
    """The beginning of a file, expanded where it is compressed; as much of it as there is where it is damaged."""
    kind = compression_of(head)
    if kind is None:
        return head
    try:
        if kind == "gzip":
            return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
        if kind == "xz":
            return lzma.LZMADecompressor(memlimit=MOST_EXPANDED).decompress(head, HEAD_BYTES)
        with open_file(path) as file:
            return bz2.BZ2Decompressor().decompress(file.read(BZIP2_BLOCK), HEAD_BYTES)
    except DAMAGED:
        return b""


def file_head(path: Path, size: int = HEAD_BYTES) -> bytes:
    """The first bytes of a file, expanded where it is compressed; UnreadableFileError where it is damaged."""
    with plain_file(path) as file:
        return file.read(size)


@contextmanager
def plain_file(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, expanded where it is compressed.

    UnreadableFileError where it is damaged, or expands to more than an ECG does.
    """
    with open_file(path) as raw:
        kind = compression_of(raw.read(6))
        raw.seek(0)
        if kind is None:
            yield raw
            return
        opened = gzip.GzipFile(fileobj=raw) if kind == "gzip" else _OPENED[kind](raw)
        try:
            yield io.BufferedReader(_Bounded(opened, path, path.stat().st_size), CHUNK)
        except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
            raise UnreadableFileError(f"{path}: damaged or cut short ({kind}: {error}): fetch it again") from error


class _Bounded(io.RawIOBase):
    """The bytes of a compressed file, up to a limit."""

    def __init__(self, file: io.BufferedIOBase, path: Path, size: int) -> None:
        self._file, self._path = file, path
        self._limit = most_expanded(size, LARGEST_RATIO, MOST_EXPANDED)
        self._read = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: object) -> int:
        """Some bytes, as :class:`io.RawIOBase` has it."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        some = self._file.read(min(len(view), CHUNK))
        self._read += len(some)
        if self._read > self._limit:
            raise UnreadableFileError(
                f"{self._path}: expands to more than {self._limit >> 20} MiB, the limit: expand it yourself"
            )
        view[: len(some)] = some
        return len(some)
