"""The heaps of an HDF5 file that hold texts of any length, looked at before the HDF5 library does.

Source: "HDF5 File Format Specification", section "Disk Format: Level 1E - Global Heap". A collection is a row of
objects, each with its size; the last one, number 0, is what is free. The library walks along them, and never ends where
a damaged file says that what is free has no size.
"""

import struct
from pathlib import Path
from typing import IO, Final

from ecgnoise.readers._shared.base import open_file

SIGNATURE: Final = b"GCOL\x01\x00\x00\x00"
HEAD: Final = struct.Struct("<8sQ")  # signature, size of the collection
OBJECT: Final = struct.Struct("<HHIQ")  # number, references, reserved, size
ALIGNMENT: Final = 8
LARGEST_FILE: Final = 1 << 26  # a larger one is not searched, which would take long
PIECE: Final = 1 << 20


def check_heaps(path: Path) -> None:
    """ValueError where the library would walk along a collection without end."""
    size = path.stat().st_size
    if size > LARGEST_FILE:
        return
    with open_file(path) as file:
        for start in range(0, size, PIECE):
            file.seek(start)
            piece = file.read(PIECE + len(SIGNATURE))
            at = piece.find(SIGNATURE)
            while 0 <= at < PIECE:
                _check_collection(file, start + at, size)
                at = piece.find(SIGNATURE, at + 1)


def _check_collection(file: IO[bytes], start: int, size: int) -> None:
    file.seek(start)
    head = file.read(HEAD.size)
    length = HEAD.unpack(head)[1] if len(head) == HEAD.size else 0
    if not HEAD.size < length <= size - start:
        return  # something else that looks like one
    content = file.read(length - HEAD.size)
    at = 0
    while at + OBJECT.size <= len(content):
        number, _, _, count = OBJECT.unpack_from(content, at)
        step = OBJECT.size + count + (-count % ALIGNMENT) if number else count
        if step < OBJECT.size or at + step > len(content):
            raise ValueError(f"a heap of texts at {start} has an object of {count} bytes")
        at += step
