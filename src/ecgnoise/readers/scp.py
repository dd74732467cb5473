"""SCP-ECG (EN 1064, ISO 11073-91064): resting ECG in sections, plain or Huffman coded.

Section 6 has the amplitude multiplier in nV and the sample interval in microseconds.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecgnoise.readers._shared.base import ReadOptions
from ecgnoise.readers._shared.ecgdatakit import bridged
from ecgnoise.recording import Recording

SECTION_HEADER: Final = 16
POINTER: Final = 10


@dataclass(frozen=True)
class ScpReader:
    """The rhythm data of a record."""

    name: str = "SCP-ECG"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By section 0, which comes first and begins with a pointer to itself, at byte 7 (EN 1064, 5.2 and 5.3)."""
        del path
        if len(head) < 32:
            return False
        (number, length), (first, at) = struct.unpack_from("<HI", head, 8), struct.unpack_from("<H4xI", head, 22)
        pointers = length - SECTION_HEADER
        return bool(number == 0 and first == 0 and at == 7 and pointers > 0 and pointers % POINTER == 0)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        return bridged(path, self.name, "scp_ecg.SCPECGParser", options)
