"""Mortara (Welch Allyn, Baxter) resting ECG in XML, as ELI electrocardiographs and ELI Link write it.

A sample is its count divided by UNITS_PER_MV, in mV; SAMPLE_FREQ gives the rate.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecgnoise.readers.base import ReadOptions
from ecgnoise.readers.bridge import bridged
from ecgnoise.readers.xml import has_root, names_any
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
        return bridged(path, self.name, "mortara_el250.MortaraEL250Parser", options, xml=True)
