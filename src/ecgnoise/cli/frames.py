"""From bytes, in pieces of any size, to samples: what comes through a pipe.

A frame is one sample of each lead, in the order of the leads.

===========  ==========================================================================================================
``text``     a line a frame: numbers with spaces, tabs, commas or semicolons between them. A missing sample is ``nan``,
             or nothing between two commas or semicolons. Empty lines and what follows ``#`` do not count. UTF-8, with
             or without a byte order mark
``float32``  frame after frame of little-endian 4-byte floating-point numbers; NaN is missing
``int16``    frame after frame of little-endian 2-byte integers; -32768 is missing, as in WFDB's format 16
===========  ==========================================================================================================
"""

import codecs
import re
from collections.abc import Iterator
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import OptionError, StreamError

TEXT: Final = "text"
BINARY: Final[dict[str, np.dtype[Any]]] = {"float32": np.dtype("<f4"), "int16": np.dtype("<i2")}
FORMATS: Final = (TEXT, *BINARY)
MISSING_INT16: Final = -32768
LONGEST_LINE: Final = 1 << 20
UTF_16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
SEPARATOR: Final = re.compile(r"\s*[,;]\s*|\s+")
SHOWN_CHARACTERS: Final = 40
SOURCE: Final = "standard input"

Frames = NDArray[np.float32]


class FrameReader(Protocol):
    """Turns pieces of a stream of bytes into samples, and keeps what is not a whole frame yet."""

    def feed(self, piece: bytes) -> Iterator[Frames]:
        """The frames that are whole with this piece, (leads, n); after those before it, StreamError for a wrong one."""

    def end(self) -> Iterator[Frames]:
        """The frames that are whole now that there is no more; StreamError where a part of one is left."""


def frame_reader(form: str, leads: int, gain: float = 1.0) -> FrameReader:
    """The reader of a format. gain: what samples are divided by.

    Raises OptionError for a format that is none, or a gain that is not a number above 0.
    """
    if form not in FORMATS:
        raise OptionError(f"format {form!r} is none of {', '.join(FORMATS)}: pass one of them")
    if not (np.isfinite(gain) and gain > 0):
        raise OptionError(f"gain {gain}: a number above 0: pass how many steps a unit has")
    return TextFrames(leads, gain) if form == TEXT else BinaryFrames(BINARY[form], leads, gain)


class TextFrames:
    """Frames as lines of numbers; errors name the line."""

    def __init__(self, leads: int, gain: float) -> None:
        self._leads = leads
        self._gain = gain
        self._rest = b""
        self._line = 0

    def feed(self, piece: bytes) -> Iterator[Frames]:
        """The frames of the lines that are whole now, (leads, n); StreamError after those before a wrong line."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        yield from self._frames(lines)
        if len(self._rest) > LONGEST_LINE:
            self._line += 1
            raise self._wrong(f"longer than {LONGEST_LINE} bytes", "pass --format float32 or int16 if it is no text")

    def end(self) -> Iterator[Frames]:
        """The frame of a last line without an end, (leads, n)."""
        rest, self._rest = self._rest, b""
        yield from self._frames([rest] if rest else [])

    def _frames(self, lines: list[bytes]) -> Iterator[Frames]:
        numbers: list[list[float]] = []
        wrong = None
        for line in lines:
            try:
                numbers += [frame] if (frame := self._numbers(line)) else []
            except StreamError as error:
                wrong = error
                break
        if numbers:
            with np.errstate(over="ignore"):
                yield (np.array(numbers, np.float64).T / self._gain).astype(np.float32)
        if wrong:
            raise wrong

    def _numbers(self, line: bytes) -> list[float]:
        """The numbers of one line, none of an empty one."""
        self._line += 1
        if self._line == 1:
            if line.startswith(UTF_16_MARKS):
                raise self._wrong("text in UTF-16", "send it in UTF-8")
            line = line.removeprefix(codecs.BOM_UTF8)
        text = line.decode("utf-8", "replace").partition("#")[0].strip()
        if not text:
            return []
        words = SEPARATOR.split(text)
        if len(words) != self._leads:
            raise self._wrong(f"{len(words)} numbers for {self._leads} leads", "write one a lead, or pass --leads")
        try:
            return [_number(word) if word else np.nan for word in words]
        except ValueError as error:
            word = next(word for word in words if not _is_number(word))
            shown = repr(word[:SHOWN_CHARACTERS])
            raise self._wrong(f"{shown} is no number", "write a decimal point, and nan where one is missing") from error

    def _wrong(self, what: str, remedy: str) -> StreamError:
        return StreamError(f"{SOURCE}, line {self._line}: {what}: {remedy}")


class BinaryFrames:
    """Frames as little-endian numbers."""

    def __init__(self, kind: np.dtype[Any], leads: int, gain: float) -> None:
        self._kind = kind
        self._leads = leads
        self._gain = gain
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[Frames]:
        """The frames that are whole now, (leads, n)."""
        held = self._rest + piece
        whole = len(held) - len(held) % (self._kind.itemsize * self._leads)
        self._rest = held[whole:]
        numbers = np.frombuffer(held[:whole], self._kind).reshape(-1, self._leads).T
        with np.errstate(over="ignore", invalid="ignore"):
            samples = (numbers.astype(np.float64) / self._gain).astype(np.float32)
        if self._kind.kind == "i":
            samples[numbers == MISSING_INT16] = np.nan
        yield samples

    def end(self) -> Iterator[Frames]:
        """Nothing; StreamError where a part of a frame is left."""
        if self._rest:
            size = self._kind.itemsize * self._leads
            raise StreamError(
                f"{SOURCE}: {len(self._rest)} bytes are left at the end, a sample of {self._leads} leads has {size}: "
                "check --leads and --format"
            )
        yield from ()


def _number(word: str) -> float:
    """The number that a word is; ValueError where it is none, or one as Python alone writes it, such as 1_000."""
    if "_" in word:
        raise ValueError(word)
    return float(word)


def _is_number(word: str) -> bool:
    try:
        return not word or _number(word) is not None
    except ValueError:
        return False
