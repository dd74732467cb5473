"""The sizes that an Arrow IPC file announces, looked at before anything is decoded.

Source: "Arrow Columnar Format", section "IPC File Format", and its ``Message.fbs`` and ``File.fbs``. The footer lists
blocks, each a message in FlatBuffers and a body; a buffer of a body that is compressed begins with its size. A table of
FlatBuffers begins with the distance back to a list of where its fields lie.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from ecgnoise.readers._shared.named_arrays import check_announced

MAGIC: Final = b"ARROW1"
LARGEST_MESSAGE: Final = 1 << 26
BLOCK: Final = struct.Struct("<qi4xq")  # offset, bytes of the message with its head, bytes of the body
DICTIONARIES: Final = 2  # fields of the footer
BATCHES: Final = 3
HEADER_TYPE: Final = 1  # fields of a message
HEADER: Final = 2
DICTIONARY_BATCH: Final = 2  # types of a message's header
RECORD_BATCH: Final = 3
LENGTH: Final = 0  # fields of a record batch
BUFFERS: Final = 2
COMPRESSION: Final = 3
MOST_ROWS: Final = 1 << 31


@dataclass(frozen=True)
class _Table:
    """A table of FlatBuffers."""

    content: bytes
    at: int

    def field(self, number: int) -> int:
        """Where a field lies, 0 where it is left out."""
        back = self.at - _int(self.content, self.at, "<i")
        place = 4 + 2 * number
        offset = _int(self.content, back + place, "<H") if place < _int(self.content, back, "<H") else 0
        return self.at + offset if offset else 0

    def table(self, number: int) -> "_Table | None":
        """A table in a field."""
        at = self.field(number)
        return _Table(self.content, at + _int(self.content, at, "<I")) if at else None

    def vector(self, number: int, size: int) -> list[bytes]:
        """The structures of one size in a field."""
        at = self.field(number)
        if not at:
            return []
        start = at + _int(self.content, at, "<I")
        count = _int(self.content, start, "<I")
        if start + 4 + count * size > len(self.content):
            raise ValueError(f"{count} items of {size} bytes, {len(self.content)} are there")
        return [self.content[start + 4 + at * size : start + 4 + (at + 1) * size] for at in range(count)]


def check_sizes(file: IO[bytes], path: Path) -> int:
    """The number of rows of an IPC file, by its own account.

    Raises ValueError or struct.error where it is damaged, UnreadableFileError where it announces too much.
    """
    end = file.seek(0, 2)
    file.seek(max(0, end - 10))
    tail = file.read()
    length = _int(tail, 0, "<i") if len(tail) == 10 else -1
    if tail[4:] != MAGIC or not 0 < length <= min(end - 10, LARGEST_MESSAGE):
        raise ValueError(f"a footer of {length} bytes in {end}")
    file.seek(end - 10 - length)
    footer = _root(file.read(length))
    batches = [_announced(file, block, end) for block in footer.vector(BATCHES, BLOCK.size)]
    others = [_announced(file, block, end) for block in footer.vector(DICTIONARIES, BLOCK.size)]
    check_announced(sum(size for _, size in batches + others), end, "the table", path)
    return sum(rows for rows, _ in batches)


def _announced(file: IO[bytes], block: bytes, end: int) -> tuple[int, int]:
    """Rows of one batch, and its bytes when it is decoded."""
    offset, head, body = BLOCK.unpack(block)
    if offset < 0 or body < 0 or not 8 < head <= LARGEST_MESSAGE or offset + head + body > end:
        raise ValueError(f"a batch of {head} and {body} bytes at {offset}, {end} are there")
    file.seek(offset)
    content = file.read(head)
    message = _root(content[8 if content[:4] == b"\xff\xff\xff\xff" else 4 :])
    kind_at, batch = message.field(HEADER_TYPE), message.table(HEADER)
    kind = message.content[kind_at] if kind_at else 0
    if kind == DICTIONARY_BATCH and batch is not None:
        batch = batch.table(1)
    elif kind != RECORD_BATCH:
        raise ValueError(f"a message of type {kind} for a batch")
    if batch is None:
        raise ValueError("a batch without its header")
    length_at = batch.field(LENGTH)
    rows = _int(batch.content, length_at, "<q") if length_at else 0
    if not 0 <= rows < MOST_ROWS:
        raise ValueError(f"{rows} rows")
    buffers = [struct.unpack("<qq", item) for item in batch.vector(BUFFERS, 16)]
    if any(at < 0 or size < 0 or at + size > body for at, size in buffers):
        raise ValueError(f"buffers outside of the {body} bytes that are there")
    if batch.table(COMPRESSION) is None:
        return rows, sum(size for _, size in buffers)
    return rows, sum(_decompressed(file, offset + head + at, size) for at, size in buffers)


def _decompressed(file: IO[bytes], start: int, size: int) -> int:
    """Bytes of a compressed buffer when it is decoded."""
    if size < 8:
        return size
    file.seek(start)
    announced = _int(file.read(8), 0, "<q")
    if announced < -1:
        raise ValueError(f"a buffer of {announced} bytes")
    return size if announced == -1 else announced


def _root(content: bytes) -> _Table:
    return _Table(content, _int(content, 0, "<I"))


def _int(content: bytes, at: int, form: str) -> int:
    if at < 0:
        raise ValueError(f"a field at {at}")
    return int(struct.unpack_from(form, content, at)[0])
