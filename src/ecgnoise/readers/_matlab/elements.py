"""What variables a MATLAB file of version 5 to 7 holds, found by its own tags before anything is decoded.

Source: "MAT-File Format", The MathWorks, chapter "Level 5 MAT-File Format". A file is a row of elements, each a tag
(type, number of bytes) and its bytes; a variable is an element ``miMATRIX``, alone or compressed, which holds others:
flags, dimensions, name, and its numbers, or the variables in a structure or cell. Sizes, counts and depth are checked,
because a decoder that believes wrong ones takes the memory or ends the program.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Final

from ecgnoise.readers._shared.base import open_file
from ecgnoise.readers._shared.named_arrays import check_announced

HEADER: Final = 128
MATRIX: Final = 14  # types of elements
COMPRESSED: Final = 15
NUMBER_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}
LETTER_TYPES: Final = frozenset({1, 2, 4, 16, 17, 18})  # in which texts are stored
CELL: Final = 1  # classes of variables
STRUCTURE: Final = 2
TEXT: Final = 4
# NumPy's letter for each class; of others (objects, functions, sparse) none is read.
KINDS: Final = {CELL: "O", STRUCTURE: "V", TEXT: "U", 6: "f", 7: "f"} | dict.fromkeys((8, 10, 12, 14), "i")
UNSIGNED: Final = (9, 11, 13, 15)
IS_COMPLEX: Final = 0x0800  # flags
IS_LOGICAL: Final = 0x0200
MOST_DIMENSIONS: Final = 32
BEGINNING: Final = 4096  # bytes of a variable in which its flags, dimensions and name lie
LARGEST_STRUCTURE: Final = 1 << 20  # variables in one
DEEPEST: Final = 8  # variables in variables


@dataclass(frozen=True)
class Variable:
    """A variable, or a field of a structure of one. kind: NumPy's letter, empty for one that is never read."""

    name: str
    kind: str
    shape: tuple[int, ...]
    fields: "tuple[Variable, ...]" = ()


@dataclass
class _Budget:
    """How many variables in variables may still come."""

    left: int = LARGEST_STRUCTURE


def variables_of(path: Path) -> list[Variable]:
    """The variables of a file.

    Raises ValueError, zlib.error or struct.error where it is damaged, UnreadableFileError where it announces too much.
    """
    size = path.stat().st_size
    with open_file(path) as file:
        order = "<" if file.read(HEADER)[126:128] == b"IM" else ">"
        found = []
        position = HEADER
        while position + 8 <= size:
            file.seek(position)
            kind, count = struct.unpack(f"{order}II", file.read(8))
            if position + 8 + count > size or not count:
                raise ValueError(f"an element of {count} bytes, {size - position - 8} are there")
            if kind not in {MATRIX, COMPRESSED}:
                raise ValueError(f"an element of type {kind}")
            found.append(_variable(file, kind, count, order, path))
            position += 8 + count
    return found


def _variable(file: IO[bytes], kind: int, count: int, order: str, path: Path) -> Variable:
    """A variable of the file; of one that holds others, all of it is read."""
    size = count
    if kind == COMPRESSED:
        start = file.tell()
        beginning = _decompressed(file, count, 8 + BEGINNING)
        kind, size = struct.unpack(f"{order}II", beginning[:8])
        if kind != MATRIX:
            raise ValueError(f"compressed, an element of type {kind}")
        check_announced(size, count, "a variable", path)
        file.seek(start)
    else:
        beginning = b"\0" * 8 + file.read(min(count, BEGINNING))
        start = 0
    found = _matrix(memoryview(beginning)[8:], order, size, 0, None)
    if found.kind in {"V", "O"}:
        content = _decompressed(file, count, 8 + size) if start else beginning + file.read(count - len(beginning) + 8)
        if len(content) != 8 + size:
            raise ValueError(f"{len(content) - 8} bytes of {size} are there")
        found = _matrix(memoryview(content)[8:], order, size, 0, _Budget())
    return found


def _decompressed(file: IO[bytes], count: int, most: int) -> bytes:
    """At most so many bytes of what is compressed in the next ``count`` bytes of a file."""
    stream = zlib.decompressobj()
    pieces, length = [], 0
    while count > 0 and length < most and not stream.eof:
        piece = file.read(min(count, 1 << 16))
        count -= len(piece)
        while piece and length < most:
            pieces.append(stream.decompress(piece, most - length))
            length += len(pieces[-1])
            piece = stream.unconsumed_tail
        if not piece and not pieces[-1] and count <= 0:
            break
    return b"".join(pieces)


def _matrix(content: memoryview, order: str, size: int, depth: int, budget: _Budget | None) -> Variable:
    """A variable by the bytes of its element, of which there are ``size``.

    Without a budget of what may be looked at in it, the first of them are enough.
    """
    if not size:
        return Variable("", "f", (0, 0))  # an empty one has no elements
    elements = _elements(content, order, size)
    flags = struct.unpack(f"{order}I", next(elements)[1][:4])[0]
    number = flags & 0xFF
    kind = "u" if number in UNSIGNED else KINDS.get(number, "")
    if not kind:
        return Variable("", "", ())
    kind = "b" if flags & IS_LOGICAL else "c" if flags & IS_COMPLEX else kind
    _, dimensions, _ = next(elements)
    shape = struct.unpack(f"{order}{dimensions.nbytes // 4}i", dimensions)
    if not 2 <= len(shape) <= MOST_DIMENSIONS or min(shape) < 0:
        raise ValueError(f"dimensions {shape[:4]}")
    name = bytes(next(elements)[1]).decode("latin-1")
    if number not in {CELL, STRUCTURE}:
        _check_numbers(elements, name, shape, is_text=number == TEXT)
        return Variable(name, kind, shape)
    held = () if budget is None else _held(elements, order, prod(shape), number, depth=depth, budget=budget)
    return Variable(name, kind, shape, held)


def _check_numbers(
    elements: Iterator[tuple[int, memoryview, int]], name: str, shape: tuple[int, ...], *, is_text: bool
) -> None:
    """ValueError where the numbers of a variable are of no known type, or too few."""
    kind, _, size = next(elements)
    if kind not in (LETTER_TYPES if is_text else NUMBER_BYTES.keys() - {16, 17, 18}):
        raise ValueError(f"{name[:40]!a} has numbers of type {kind}")
    if prod(shape) > size // NUMBER_BYTES[kind]:
        raise ValueError(f"{name[:40]!a} has dimensions {shape}, {size} bytes are there")


def _held(
    elements: Iterator[tuple[int, memoryview, int]], order: str, count: int, number: int, *, depth: int, budget: _Budget
) -> tuple[Variable, ...]:
    """The fields of a structure of one, after a look at all that a structure or cell holds."""
    fields = [""]
    if number == STRUCTURE:
        width = struct.unpack(f"{order}i", next(elements)[1][:4])[0]
        text = bytes(next(elements)[1])
        if not 0 < width <= len(text) or len(text) % width:
            raise ValueError(f"names of {width} letters, {len(text)} are there")
        fields = [text[at : at + width].partition(b"\0")[0].decode("latin-1") for at in range(0, len(text), width)]
    budget.left -= count * len(fields)
    if depth > DEEPEST or budget.left < 0:
        raise ValueError(f"more than {DEEPEST} variables in each other, or {LARGEST_STRUCTURE} in one")
    held = []
    for at in range(count * len(fields)):
        kind, content, size = next(elements)
        if kind != MATRIX:
            raise ValueError(f"an element of type {kind} for a variable")
        one = _matrix(content, order, size, depth + 1, budget)
        held.append(Variable(fields[at % len(fields)], one.kind, one.shape))
    return tuple(held) if number == STRUCTURE and count == 1 else ()


def _elements(content: memoryview, order: str, size: int) -> Iterator[tuple[int, memoryview, int]]:
    """Type, bytes and number of bytes of the elements in ``size`` bytes, of which the content may be the first only.

    ValueError where one is cut off, or none is left.
    """
    position = 0
    while position + 8 <= content.nbytes:
        first, count = struct.unpack_from(f"{order}II", content, position)
        if first >> 16:  # a small one: type, number and bytes in 8
            kind, count, start, step = first & 0xFFFF, first >> 16, position + 4, 8
        else:
            kind, start, step = first, position + 8, 8 + count + (-count % 8)
        if start + count > size or (first >> 16 and count > 4):
            raise ValueError(f"an element of {count} bytes, {size - start} are there")
        yield kind, content[start : start + count], count
        position += step
    raise ValueError("its elements end early")
