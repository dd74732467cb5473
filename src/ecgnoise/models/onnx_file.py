"""The bytes of an ONNX file, looked at before ONNX Runtime sees them: all its weights must lie in the file itself.

An ONNX file may keep weights in other files, anywhere on the computer. The sums of a model folder do not cover those,
so such a file is refused. ``FIELDS`` are the places of tensors in an ONNX file (onnx.proto, by field number), which is
written in the wire format of protocol buffers.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ecgnoise.errors import ModelFormatError

FIELDS: Final[Mapping[str, Mapping[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
EXTERNAL_DATA: Final = 13
DATA_LOCATION: Final = 14
DEEPEST: Final = 60
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
RUNTIME_MARK: Final = b"ORTM"  # of ONNX Runtime's own format, at byte 4


def check_self_contained(content: bytes, file: Path) -> None:
    """ModelFormatError unless these are the bytes of an ONNX file whose weights all lie in it."""
    try:
        if content[4:8] == RUNTIME_MARK:
            raise ValueError("a file of ONNX Runtime's own format")
        outside = _has_external(memoryview(content), "model", 0)
    except ValueError as error:
        raise ModelFormatError(
            f"{file}: ONNX Runtime cannot read it (no ONNX file: {error}): export the model again"
        ) from error
    if outside:
        raise ModelFormatError(
            f"{file}: keeps weights in another file, which no sum of this folder covers: export it with all in one file"
        )


def _has_external(message: memoryview, kind: str, depth: int) -> bool:
    """Whether any tensor in a message of this kind lies elsewhere; ValueError where it is no such message."""
    if depth > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} deep")
    below = FIELDS[kind]
    for number, wire, value in _fields(message):
        if kind == "tensor" and (number == EXTERNAL_DATA or (number == DATA_LOCATION and value != 0)):
            return True
        if number not in below:
            continue
        if wire != BYTES or not isinstance(value, memoryview):
            raise ValueError(f"field {number} of a {kind} is no message")
        if _has_external(value, below[number], depth + 1):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int, "int | memoryview"]]:
    """Number, wire type and value of each field; ValueError where the message is cut off or none."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, place = _varint(message, place)
            yield number, wire, value
            continue
        if wire == BYTES:
            length, place = _varint(message, place)
        elif wire in {FIXED64, FIXED32}:
            length = 8 if wire == FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if number == 0 or place + length > len(message):
            raise ValueError("cut off")
        yield number, wire, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number of up to ten bytes, and the place after it."""
    value = 0
    for index, byte in enumerate(message[place : place + 10]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, place + index + 1
    raise ValueError("cut off")
