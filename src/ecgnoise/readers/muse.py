"""GE MUSE resting ECG in XML.

A sample is its count times LeadAmplitudeUnitsPerBit, in LeadAmplitudeUnits; SampleBase and SampleExponent give the
rate. The eight leads of the file are read; the four others would be sums of them.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from ecgnoise.readers._shared.base import ReadOptions
from ecgnoise.readers._shared.ecgdatakit import bridged
from ecgnoise.readers._shared.xml import has_root, positive, text_of
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
        return bridged(
            path, self.name, "ge_muse_xml.GEMuseXMLParser", options, set_sampling_frequency=set_sampling_frequency
        )


def set_sampling_frequency(root: ET.Element, hertz: float | None) -> str | None:
    """Writes the sampling frequency into each Waveform without a usable one, see ``_shared.ecgdatakit``."""
    said: str | None = None
    for wave in root.findall("Waveform"):
        base = text_of(wave, "SampleBase")
        if positive(base) is not None:
            continue
        said = said or base
        if hertz is not None:
            for name in ("SampleBase", "SampleExponent"):
                for element in wave.findall(name):
                    wave.remove(element)
            ET.SubElement(wave, "SampleBase").text = f"{hertz:.12g}"
    return said
