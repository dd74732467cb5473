"""Blocks: some windows of a recording at a time, read by a thread that is one block ahead.

Long recordings are scored block by block, so that memory does not grow with their length. Where the blocks lie depends
on the recording and the batch size alone: a result that goes on after a kill is the same bit for bit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ecgnoise.recording import Recording
from ecgnoise.segments import LeadSegment, Window, cut_signal

if TYPE_CHECKING:
    from concurrent.futures import Future

BLOCK_BATCHES: Final = 16
BLOCK_SAMPLES: Final = 1 << 22  # of all leads together; 16 MB in float32


@dataclass(frozen=True)
class Block:
    """The lead-segments of windows first .. stop - 1 of a recording."""

    first: int
    stop: int
    cuts: tuple[LeadSegment, ...]


def block_windows(leads: int, length: int, batch: int) -> int:
    """How many windows a block has: some batches of lead-segments, but no more samples than memory should hold.

    length: samples of a window. batch: lead-segments that go through the network together.
    """
    return max(1, min(BLOCK_BATCHES * batch // leads, BLOCK_SAMPLES // (leads * length)))


def read_blocks(recording: Recording, windows: Sequence[Window], size: int, first: int = 0) -> Iterator[Block]:
    """The blocks of a recording in turn, the next one being read while its user is busy with the last.

    windows: all windows of the recording. size: windows a block. first: the window to begin with, the first of a block.

    Raises what reading the recording raises, UnreadableFileError as a rule.
    """
    starts = range(first, len(windows), size)
    if len(starts) < 2:
        yield from (_read(recording, windows, start, size) for start in starts)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1, "ecgnoise-reader") as pool:
        ahead: Future[Block] = pool.submit(_read, recording, windows, first, size)
        for start in starts[1:]:
            block = ahead.result()
            ahead = pool.submit(_read, recording, windows, start, size)
            yield block
        yield ahead.result()


def _read(recording: Recording, windows: Sequence[Window], first: int, size: int) -> Block:
    """Read one block at once and cut it."""
    part = windows[first : first + size]
    begin = min(window.start for window in part)
    signal = recording.window(begin, part[-1].stop)
    cuts = [
        item
        for index, window in enumerate(part, first)
        for item in cut_signal(signal[:, window.start - begin : window.stop - begin], recording, index, window)
    ]
    return Block(first, first + len(part), tuple(cuts))
