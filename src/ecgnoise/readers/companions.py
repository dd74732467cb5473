"""The files that the header of a WFDB record names: its signal files, and those of its segments."""

import re
from pathlib import Path
from typing import Final

from ecgnoise.files import open_regular

LARGEST_HEADER: Final = 1 << 24  # bytes; records of a hundred thousand segments have less
MOST_FILES: Final = 1 << 18
NO_SEGMENT: Final = "~"


def header_files(header: Path) -> set[Path]:
    """The header, the segments it names and all their signal files, there or not; the header alone if it is none."""
    found: set[Path] = set()
    waiting = [header]
    while waiting and len(found) < MOST_FILES:
        place = waiting.pop()
        if place in found:
            continue
        found.add(place)
        lines = _lines(place)
        if not lines:
            continue
        names = [
            name for name in (line.split()[0] for line in lines[1:]) if "/" not in name and name not in {".", ".."}
        ]
        if re.match(r"\S+/\d+\s", lines[0]):
            waiting += [place.with_name(f"{name}.hea") for name in names if name != NO_SEGMENT]
        else:
            found |= {place.with_name(name) for name in names}
    return found


def _lines(header: Path) -> list[str]:
    """The lines of a header that are neither empty nor comments; none where it cannot be read."""
    try:
        with open_regular(header) as file:
            text = file.read(LARGEST_HEADER).decode("utf-8", "surrogateescape")
    except (OSError, ValueError):
        return []
    return [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]
