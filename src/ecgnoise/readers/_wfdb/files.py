"""The files that the header of a WFDB record names: its signal files, and those of its segments."""

from pathlib import Path
from typing import Final

from ecgnoise._internal.files import open_regular
from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._wfdb.header import LARGEST_HEADER, NULL, beside, parse_header

MOST_FILES: Final = 1 << 18


def header_files(header: Path) -> set[Path]:
    """The header, the segments it names and all their signal files, there or not; the header alone if it is none."""
    found: set[Path] = set()
    waiting = [header]
    while waiting and len(found) < MOST_FILES:
        place = waiting.pop()
        if place in found:
            continue
        found.add(place)
        try:
            with open_regular(place) as file:
                parsed = parse_header(file.read(LARGEST_HEADER), place)
        except (OSError, ValueError, UnreadableFileError):
            continue
        waiting += _places(place, {f"{segment.name}.hea" for segment in parsed.segments if segment.name != NULL})
        found |= _places(place, {signal.file for signal in parsed.signals if signal.file != NULL})
    return found


def _places(header: Path, names: set[str]) -> set[Path]:
    """Where the files of these names are, or would be; none for one that leads out of the folder."""
    found = {name: beside(header, name) for name in names}
    absent = {header.with_name(name) for name, place in found.items() if place is None and _is_plain(name)}
    return absent | {place for place in found.values() if place is not None}


def _is_plain(name: str) -> bool:
    return name == Path(name).name and "\0" not in name
