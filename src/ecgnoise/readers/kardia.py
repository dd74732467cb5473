"""AliveCor Kardia recordings in JSON: one or six leads, as the maker's interface gives them.

``data.raw`` has the samples, their frequency in Hz, and amplitudeResolution, the nV of a count.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecgnoise.readers._shared.base import ReadOptions
from ecgnoise.readers._shared.ecgdatakit import bridged
from ecgnoise.recording import Recording

KEYS: Final = re.compile(rb'"(algorithmDetermination|patientID|amplitudeResolution|data12L)"')
# A file may begin with its samples: then the names of the other entries come too late to be seen.
DATA_FIRST: Final = re.compile(rb'\{\s*(?:"id"\s*:\s*"[^"]*"\s*,\s*)?"data"\s*:\s*\{\s*"(?:raw|enhanced)"\s*:\s*\{')


@dataclass(frozen=True)
class KardiaReader:
    """The unfiltered leads of a recording."""

    name: str = "AliveCor Kardia (JSON)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the names of its entries."""
        del path
        text = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").replace(b"\0", b"")  # in UTF-16, too
        named = text.startswith(b"{") and b'"recordedAt"' in text and KEYS.search(text) is not None
        return named or DATA_FIRST.match(text) is not None

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        return bridged(path, self.name, "alivecor_kardia.AliveCorKardiaParser", options)
