"""GE CardioSoft (CASE, CS) resting ECG in XML.

``StripData`` holds SampleRate, Resolution in uV a count, and a WaveformData a lead, its counts with commas between
them. MedianSamples are averaged beats, and FullDisclosure is another coding; neither is read.
"""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.base import ReadOptions, settle_sampling_frequency
from ecgnoise.readers._shared.sample_lists import ListedLead, listed_counts, recording_of_lists
from ecgnoise.readers._shared.xml import has_root, number_in, text_of, xml_tree
from ecgnoise.recording import Recording


@dataclass(frozen=True)
class CardioSoftReader:
    """The first strip of an ECG."""

    name: str = "GE CardioSoft (XML)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the root element."""
        return has_root(path, head, "CardiologyXML")

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        root, notes = xml_tree(path, self.name)
        strips = [strip for strip in root.findall(".//{*}StripData") if strip.find(".//{*}WaveformData") is not None]
        if not strips:
            others = [name for name in ("FullDisclosure", "MedianSamples") if root.find(f".//{{*}}{name}") is not None]
            listed = ", ".join(others) or "no signals"
            raise UnreadableFileError(f"{path}: a {self.name} file without StripData ({listed}): export it with strips")
        more = [f"the first of {len(strips)} strips"] if len(strips) > 1 else []
        return recording_of_lists(_leads(strips[0], options, path), _start(root), [*notes, *more], options, path)


def _leads(strip: ET.Element, options: ReadOptions, path: Path) -> list[ListedLead]:
    said = _number(strip, "SampleRate", path)
    if said is not None and _unit(strip, "SampleRate").casefold() not in {"", "hz"}:
        raise UnreadableFileError(f"{path}: sampling frequency in {_unit(strip, 'SampleRate')[:20]!r}: export it in Hz")
    sampling_frequency = settle_sampling_frequency(None, options, path) if said is None else said
    gain = _number(strip, "Resolution", path)
    stated = re.fullmatch(r"\s*(\S+?)\s*per\s*lsb\s*", _unit(strip, "Resolution"), re.IGNORECASE)
    unit = stated.group(1) if stated and gain is not None else ""
    announced = _number(strip, "ChannelSampleCountTotal", path)
    first, last = _number(strip, "FirstValid", path), _number(strip, "LastValid", path)
    leads = []
    for wave in strip.iterfind(".//{*}WaveformData"):
        name = wave.get("lead", "").strip()
        counts = listed_counts(wave.text or "", announced or 0, name, path)
        known = first is not None and last is not None and 0 <= first < last < len(counts)
        valid = (int(first or 0), int(last or 0)) if known else None
        leads.append(ListedLead(name, counts, 1.0 if gain is None else gain, unit, sampling_frequency, valid))
    return leads


def _unit(strip: ET.Element, name: str) -> str:
    found = strip.find(f".//{{*}}{name}")
    return "" if found is None else next((found.get(word, "") for word in ("units", "unit") if found.get(word)), "")


def _number(strip: ET.Element, name: str, path: Path) -> float | None:
    found = strip.find(f".//{{*}}{name}")
    text = text_of(found)
    return number_in(text, name, path) if text else None


def _start(root: ET.Element) -> datetime | None:
    parts = [
        text_of(root, "ObservationDateTime", name) for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")
    ]
    try:
        year, month, day, hour, minute, second = map(int, parts)
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
