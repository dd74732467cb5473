"""Mortara (Welch Allyn, Baxter) resting ECG in XML, as ELI electrocardiographs and ELI Link write it.

A sample is its count divided by UNITS_PER_MV, in mV; SAMPLE_FREQ gives the rate.
"""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecgnoise.readers._shared.base import ReadOptions
from ecgnoise.readers._shared.ecgdatakit import bridged
from ecgnoise.readers._shared.xml import has_root, names_any, positive
from ecgnoise.recording import Recording

# The root element is called ECG, which others may use too.
OWN: Final = re.compile(
    r"\b(?:ACQUISITION_TIME|TYPICAL_CYCLE|UNITS_PER_MV|DEMOGRAPHIC_FIELDS)\b|<(?:CHANNEL|SUBJECT)\b"
)


@dataclass(frozen=True)
class MortaraReader:
    """The rhythm leads of a resting ECG."""

    name: str = "Mortara ELI (XML)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the root element and the names of others."""
        return has_root(path, head, "ECG") and names_any(path, head, OWN)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        return bridged(
            path, self.name, "mortara_el250.MortaraEL250Parser", options, set_sampling_frequency=set_sampling_frequency
        )


def set_sampling_frequency(root: ET.Element, hertz: float | None) -> str | None:
    """Writes the sampling frequency into each CHANNEL without a usable one, see ``_shared.ecgdatakit``."""
    said: str | None = None
    for element in [*root.findall("CHANNEL"), *root.findall("TYPICAL_CYCLE")]:
        stated = element.get("SAMPLE_FREQ", "")
        if positive(stated) is not None or (element.tag != "CHANNEL" and not stated):
            continue
        said = said or stated
        if hertz is not None:
            element.set("SAMPLE_FREQ", f"{hertz:.12g}")
    return said
