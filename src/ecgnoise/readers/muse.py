"""GE MUSE resting ECG in XML.

A sample is its count times LeadAmplitudeUnitsPerBit, in LeadAmplitudeUnits; SampleBase and SampleExponent give the
rate. The eight leads of the file are read; the four others would be sums of them.
"""

from dataclasses import dataclass
from pathlib import Path

from ecgnoise.readers.base import ReadOptions
from ecgnoise.readers.bridge import bridged
from ecgnoise.readers.xml import has_root
from ecgnoise.recording import Recording


@dataclass(frozen=True)
class MuseReader:
    """The rhythm waveform of a resting ECG."""

    name: str = "GE MUSE (XML)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the root element."""
        return has_root(path, head, "RestingECG")

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        return bridged(path, self.name, "ge_muse_xml.GEMuseXMLParser", options, xml=True)
