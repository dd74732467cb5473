"""Schiller resting ECG in the XML of SEMA, as the programs of Schiller export it.

``eventdata/event/wavedata`` of the type ECG_RHYTHMS holds a resolution, with the samples a second and the unit of a
count (``yres``), and a channel a lead, its counts with commas between them. Averages are other wavedata.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.base import ReadOptions, settle_sampling_frequency
from ecgnoise.readers._shared.sample_lists import ListedLead, listed_counts, recording_of_lists
from ecgnoise.readers._shared.xml import has_root, number_in, text_of, xml_tree
from ecgnoise.recording import Recording

ROOTS: Final = ("com.xiriuz.sema.xml.schillerEDI.SchillerEDI", "SchillerEDI")
RHYTHM: Final = ("ECG_RHYTHMS", "ECG_RHYTHM")
LISTED: Final = ("", "COMMASEPARATE", "COMMASEPARATED")


@dataclass(frozen=True)
class SchillerReader:
    """The rhythm leads of a resting ECG."""

    name: str = "Schiller SEMA (XML)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the root element."""
        return any(has_root(path, head, root) for root in ROOTS)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        root, notes = xml_tree(path, self.name)
        waves = root.findall(".//{*}wavedata")
        rhythms = [wave for wave in waves if text_of(wave, "type").upper() in RHYTHM]
        if not rhythms:
            kinds = ", ".join(text_of(wave, "type")[:20] for wave in waves[:5]) or "no wavedata"
            raise UnreadableFileError(f"{path}: a {self.name} file without a rhythm ({kinds}): export it with one")
        more = [f"the first of {len(rhythms)} rhythms"] if len(rhythms) > 1 else []
        leads = _leads(rhythms[0], options, path)
        return recording_of_lists(leads, _start(root), [*notes, *more], options, path)


def _leads(rhythm: ET.Element, options: ReadOptions, path: Path) -> list[ListedLead]:
    stated = _sampling_frequency(rhythm, path)
    sampling_frequency = settle_sampling_frequency(None, options, path) if stated is None else stated
    gain = text_of(rhythm, "resolution", "yres", "unitperbit") or text_of(rhythm, "resolution", "yres")
    unit = text_of(rhythm, "resolution", "yres", "units")
    leads = []
    for channel in rhythm.findall("{*}channel"):
        name, coding = text_of(channel, "name"), text_of(channel, "datastype")
        if coding.upper() not in LISTED:
            raise UnreadableFileError(f"{path}: lead {name} is written as {coding[:20]!r}: export it comma separated")
        announced = text_of(channel, "samplecount")
        counts = listed_counts(text_of(channel, "data"), int(announced) if announced.isdigit() else 0, name, path)
        leads.append(ListedLead(name, counts, number_in(gain or "1", "unit per bit", path), unit, sampling_frequency))
    if not leads:
        raise UnreadableFileError(f"{path}: a rhythm without leads: export it again")
    return leads


def _sampling_frequency(rhythm: ET.Element, path: Path) -> float | None:
    """Samples a second; None where they are not stated, or with an exponent that nobody knows the meaning of."""
    exponent = text_of(rhythm, "resolution", "samplerate", "exponent")
    stated = text_of(rhythm, "resolution", "samplerate", "value") or text_of(rhythm, "resolution", "samplerate")
    return number_in(stated, "sampling frequency", path) if stated and exponent in {"", "0", "1"} else None


def _start(root: ET.Element) -> datetime | None:
    """The date and time of the examination, as eight and six digits."""
    stated = root.find(".//{*}startdatetime")
    digits = "".join(filter(str.isdigit, text_of(stated, "date")[:10] + text_of(stated, "time")[:8]))
    try:
        return datetime.strptime(digits[:14], "%Y%m%d%H%M%S")
    except ValueError:
        return None
