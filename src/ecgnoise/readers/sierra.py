"""Philips Sierra ECG in XML, versions 1.03 to 1.04.02, plain or with XLI compression.

A sample is its count times the resolution of the file in uV.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from ecgnoise.readers._shared.base import ReadOptions
from ecgnoise.readers._shared.ecgdatakit import bridged
from ecgnoise.readers._shared.xml import has_root, positive, text_of
from ecgnoise.recording import Recording


@dataclass(frozen=True)
class SierraReader:
    """The rhythm waveform of a resting ECG."""

    name: str = "Philips Sierra (XML)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the root element."""
        return has_root(path, head, "restingecgdata")

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        return bridged(
            path, self.name, "sierra_xml.SierraXMLParser", options, set_sampling_frequency=set_sampling_frequency
        )


def set_sampling_frequency(root: ET.Element, hertz: float | None) -> str | None:
    """Writes the sampling frequency into the waveforms where nothing states it, see ``_shared.ecgdatakit``."""
    waves = root.find("{*}waveforms/{*}parsedwaveforms")
    if waves is None:
        return None
    stated = [
        waves.get("samplespersecond", ""),
        text_of(root, "dataacquisition", "signalcharacteristics", "samplingrate"),
    ]
    if any(round(positive(text) or 0) for text in stated):
        return None
    if hertz is not None:
        waves.set("samplespersecond", f"{hertz:.12g}")
    return next(filter(None, stated), "")
