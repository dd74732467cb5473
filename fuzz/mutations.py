"""Ways to damage a file. All choices come from one generator, so that a seed makes the same mutants again."""

import random
import re
from collections.abc import Callable
from typing import Final

HEADER_BYTES: Final = 1024
MOST_PLACES: Final = 8
ODD_BYTES: Final = (0x00, 0x01, 0x20, 0x2C, 0x2D, 0x2F, 0x30, 0x7F, 0x80, 0xFF)
ODD_NUMBERS: Final = (b"0", b"-1", b"1e9", b"99999999", b"4294967296", b"nan", b"1e999", b"0x10", b"1,5", b"", b" ")
NUMBER: Final = re.compile(rb"-?\d+(?:\.\d+)?")

Mutation = Callable[[bytes, bytes, random.Random], bytes]


def mutate(content: bytes, other: bytes, chance: random.Random) -> bytes:
    """The content damaged in one to three ways; other: a file from which pieces are taken."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        content = chance.choice(MUTATIONS)(content, other, chance)
    return content


def _place(content: bytes, chance: random.Random) -> int:
    """A byte of the content, half of the time one of its header."""
    end = min(len(content), HEADER_BYTES) if chance.random() < 0.5 else len(content)
    return chance.randrange(end) if end else 0


def _flip_bits(content: bytes, _other: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, MOST_PLACES) if content else 0):
        changed[_place(content, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _set_bytes(content: bytes, _other: bytes, chance: random.Random) -> bytes:
    at, count = _place(content, chance), chance.choice((1, 1, 2, 4, 8))
    return content[:at] + bytes(chance.choice(ODD_BYTES) for _ in range(count)) + content[at + count :]


def _cut_short(content: bytes, _other: bytes, chance: random.Random) -> bytes:
    return content[: _place(content, chance)]


def _lose_a_piece(content: bytes, _other: bytes, chance: random.Random) -> bytes:
    at = _place(content, chance)
    return content[:at] + content[at + chance.choice((1, 2, 3, 16, 256, 4096)) :]


def _repeat_a_piece(content: bytes, _other: bytes, chance: random.Random) -> bytes:
    at = _place(content, chance)
    piece = content[at : at + chance.choice((1, 8, 64, 1024))]
    return content[:at] + piece * chance.choice((2, 2, 3, 100)) + content[at + len(piece) :]


def _insert_noise(content: bytes, _other: bytes, chance: random.Random) -> bytes:
    at = _place(content, chance)
    return content[:at] + chance.randbytes(chance.choice((1, 2, 7, 64))) + content[at:]


def _zero_a_piece(content: bytes, _other: bytes, chance: random.Random) -> bytes:
    at, count = _place(content, chance), chance.choice((4, 32, 512))
    return content[:at] + bytes(min(count, len(content) - at)) + content[at + count :]


def _take_from_another(content: bytes, other: bytes, chance: random.Random) -> bytes:
    at, start, count = _place(content, chance), _place(other, chance), chance.choice((4, 64, 1024))
    return content[:at] + other[start : start + count] + content[at + count :]


def _change_a_number(content: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Another number where the text has one; its length is kept half of the time, as fixed fields need it."""
    start = max(0, _place(content, chance) - 64)
    found = NUMBER.search(content, start)
    if found is None:
        return content
    number = chance.choice(ODD_NUMBERS)
    if chance.random() < 0.5:
        number = number.ljust(len(found.group()))[: len(found.group())]
    return content[: found.start()] + number + content[found.end() :]


def _swap_ends(content: bytes, _other: bytes, chance: random.Random) -> bytes:
    """An integer of 2, 4 or 8 bytes with its bytes in reverse, or at one of its ends."""
    at, width = _place(content, chance), chance.choice((2, 4, 8))
    piece = content[at : at + width]
    return content[:at] + chance.choice((piece[::-1], b"\xff" * len(piece), bytes(len(piece)))) + content[at + width :]


MUTATIONS: Final[tuple[Mutation, ...]] = (
    _flip_bits,
    _set_bytes,
    _cut_short,
    _lose_a_piece,
    _repeat_a_piece,
    _insert_noise,
    _zero_a_piece,
    _take_from_another,
    _change_a_number,
    _change_a_number,
    _swap_ends,
)
