"""HL7 annotated ECG (aECG, ANSI/HL7 V3 ECG R1-2004): the XML of drug submissions.

A sample is ``origin + scale * digit`` in the unit of the scale; the increment of the time sequence gives the rate.
"""

from dataclasses import dataclass
from pathlib import Path

from ecgnoise.readers.base import ReadOptions
from ecgnoise.readers.bridge import bridged
from ecgnoise.readers.xml import has_root
from ecgnoise.recording import Recording


@dataclass(frozen=True)
class Hl7Reader:
    """The first rhythm series of a document."""

    name: str = "HL7 aECG (XML)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the root element."""
        return has_root(path, head, "AnnotatedECG")

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        return bridged(path, self.name, "hl7_aecg.HL7aECGParser", options, xml=True)
