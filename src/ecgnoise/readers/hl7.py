"""HL7 annotated ECG (aECG, ANSI/HL7 V3 ECG R1-2004): the XML of drug submissions.

A sample is ``origin + scale * digit`` in the unit of the scale; the increment of the time sequence gives the rate.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecgnoise.readers._shared.base import ReadOptions
from ecgnoise.readers._shared.ecgdatakit import bridged
from ecgnoise.readers._shared.xml import has_root, positive
from ecgnoise.recording import Recording

UNITS: Final = frozenset({"s", "ms", "us", "\u00b5s"})  # of an increment of time that the package knows


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
        return bridged(
            path, self.name, "hl7_aecg.HL7aECGParser", options, set_sampling_frequency=set_sampling_frequency
        )


def set_sampling_frequency(root: ET.Element, hertz: float | None) -> str | None:
    """Writes the increment of time into each set of sequences without a usable one.

    See :mod:`ecgnoise.readers._shared.ecgdatakit`.
    """
    said: str | None = None
    for known in root.iterfind(".//{*}sequenceSet"):
        space = known.tag.rpartition("sequenceSet")[0]
        codes = known.iterfind("{*}component/{*}sequence/{*}code")
        if not any((code.get("code") or "").upper().startswith("TIME_") for code in codes):
            said = said or ""
            if hertz is not None:
                sequence = ET.SubElement(ET.SubElement(known, f"{space}component"), f"{space}sequence")
                ET.SubElement(sequence, f"{space}code").set("code", "TIME_RELATIVE")
    for sequence in root.iterfind(".//{*}sequenceSet/{*}component/{*}sequence"):
        code = sequence.find("{*}code")
        if code is None or not (code.get("code") or "").upper().startswith("TIME_"):
            continue
        increment = sequence.find("{*}value/{*}increment")
        step = "" if increment is None else increment.get("value", "")
        unit = "" if increment is None else increment.get("unit", "")
        if positive(step) is not None and unit in UNITS:
            continue
        said = said or f"{step} {unit}".strip()
        if hertz is not None:
            _set_increment(sequence, hertz)
    return said


def _set_increment(sequence: ET.Element, hertz: float) -> None:
    """Makes the increment of a sequence of times that of a sampling frequency in Hz."""
    space = sequence.tag.rpartition("sequence")[0]
    value = sequence.find("{*}value")
    value = ET.SubElement(sequence, f"{space}value") if value is None else value
    increment = value.find("{*}increment")
    increment = ET.SubElement(value, f"{space}increment") if increment is None else increment
    increment.set("value", f"{1 / hertz:.12g}")
    increment.set("unit", "s")
