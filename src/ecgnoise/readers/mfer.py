"""MFER (ISO 22077-1, ISO/TS 22077-2): medical waveforms as a sequence of tags, lengths and values.

A sample is ``(count + offset) * sensitivity``; where the file gives no sampling interval the format's own 1000 Hz
holds, which a note tells.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecgnoise.readers._shared.base import ReadOptions
from ecgnoise.readers._shared.ecgdatakit import bridged
from ecgnoise.recording import Recording

PREAMBLE: Final = 0x40
PREAMBLE_TEXT: Final = b"MFR "
# Tags that may come before the samples, with the lengths that they may have (MFER part 1, table 5-64).
LENGTHS: Final = {
    0x01: range(1, 2),  # byte order
    0x02: range(3, 4),  # version
    0x03: range(256),  # character set
    0x04: range(5),  # block length
    0x05: range(5),  # channels
    0x06: range(5),  # sequences
    0x08: range(256),  # waveform
    0x0A: range(2),  # type of the samples
    0x0B: range(7),  # sampling interval
    0x0C: range(7),  # sensitivity
    0x17: range(256),  # maker
}
ENOUGH_TAGS: Final = 4


@dataclass(frozen=True)
class MferReader:
    """The first frames of one layout."""

    name: str = "MFER (.mwf)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the preamble, or by the first tags: known ones with a length that they may have."""
        del path
        return (head[:1] == bytes([PREAMBLE]) and head[2:6] == PREAMBLE_TEXT) or _begins_with_tags(head)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        return bridged(path, self.name, "mfer.MFERParser", options)


def _begins_with_tags(head: bytes) -> bool:
    at = 0
    for _ in range(ENOUGH_TAGS):
        if at + 1 >= len(head) or head[at + 1] not in LENGTHS.get(head[at], ()):
            return False
        at += 2 + head[at + 1]
    return True
