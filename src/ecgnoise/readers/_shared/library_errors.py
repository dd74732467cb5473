"""What stands between the readers and everybody else: a bad file is one error, and warnings are notes.

Libraries that decode files raise whatever a damaged file leads them to, from struct.error to RecursionError, and warn
of what they make of it. Here each such exception becomes an UnreadableFileError with its cause, when a file is read
and when its samples are read later; and each warning that says something of the file becomes a note.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ecgnoise._internal.warnings import quiet
from ecgnoise.errors import EcgNoiseError, UnreadableFileError, one_line
from ecgnoise.readers._shared.base import Reader, ReadRequest
from ecgnoise.recording import Recording
from ecgnoise.samples import ArraySamples, Samples, Signal

# Warnings of a program or of its arithmetic, which say nothing of a file that a user understands.
OF_CODE: Final = (
    DeprecationWarning, PendingDeprecationWarning, FutureWarning, ImportWarning, ResourceWarning, RuntimeWarning,
)  # fmt: skip


@dataclass(frozen=True)
class GuardedSamples:
    """Samples that are read from a file when they are asked for."""

    samples: Samples
    file: Path
    what: str

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples a lead."""
        return self.samples.shape

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads; UnreadableFileError whatever the file makes a library raise."""
        with decoding(self.file, self.what):
            return self.samples.window(start, stop)


def guarded_read(reader: Reader, place: Path, options: ReadRequest) -> Recording:
    """What the reader makes of the file, with its notes; EcgNoiseError whatever the file makes a library raise."""
    with decoding(place, reader.name) as caught:
        recording = reader.read(place, options)
    samples = recording.samples
    if not isinstance(samples, ArraySamples):
        samples = GuardedSamples(samples, place, reader.name)
    return replace(recording, samples=samples, notes=(*recording.notes, *warning_notes(caught)))


@contextmanager
def decoding(place: Path, what: str) -> Iterator[list[warnings.WarningMessage]]:
    """Turns what a damaged file makes a library raise into an UnreadableFileError; no warning is shown within it."""
    try:
        with quiet() as caught:
            yield caught
    except EcgNoiseError:
        raise
    except MemoryError as error:
        raise UnreadableFileError(f"{place}: too large for the memory: split it, or fetch it again") from error
    except OSError as error:
        raise UnreadableFileError(
            f"{place}: cannot be read ({one_line(error)}): check it, or fetch it again"
        ) from error
    except Exception as error:
        said = f"{type(error).__name__}: {one_line(error)}".rstrip(": ")
        raise UnreadableFileError(f"{place}: cannot be read as {what} ({said}): fetch it again") from error


@contextmanager
def whole(place: Path, what: str, remedy: str = "save it again") -> Iterator[None]:
    """UnreadableFileError for whatever a library raises on a damaged file: that it is not a whole one of this kind."""
    try:
        yield
    except (EcgNoiseError, MemoryError):
        raise
    except Exception as error:
        raise UnreadableFileError(f"{place}: not a whole {what} ({one_line(error)}): {remedy}") from error


def warning_notes(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """The first warning that says something of the file, and how many others there are."""
    said = [str(warning.message) for warning in caught if not issubclass(warning.category, OF_CODE)]
    return first_and_more(list(dict.fromkeys(said)))


def first_and_more(remarks: Sequence[str]) -> list[str]:
    """The first of some remarks as one line, with the number of others; nothing where there are none."""
    more = f" (and {len(remarks) - 1} more)" if len(remarks) > 1 else ""
    return [f"{one_line(remarks[0])}{more}"] if remarks else []
