"""The files that are mutated: small ones of every format made here, and real ones where there are some."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from tests.format_makers import FORMATS, Ecg

from ecgnoise.simulate import simulate_ecg
from fuzz.arrays import KNOWN, array_files

SECONDS: Final = 8
RATE: Final = 250
LARGEST_BYTES: Final = 4 << 20  # of a real sample: larger ones take long and show nothing else
REAL_FOLDER: Final = "formats"
WFDB_SIGNAL: Final = re.compile(r"^\S+\.(?:dat|mat|d\d)\b", re.MULTILINE)


@dataclass(frozen=True)
class Sample:
    """A recording of one format: its main file, those that belong to it, and what the files do not say."""

    format: str
    main: Path
    files: tuple[Path, ...]
    options: dict[str, Any] = field(default_factory=dict)


def samples(folder: Path) -> list[Sample]:
    """A sample of every format of the tests, made in the folder, and the real ones in ``$ECGNOISE_DATA/formats``."""
    simulated = simulate_ecg(SECONDS, RATE, seed=1, lead_names=("II", "V2"))
    ecg = Ecg(simulated.signal.astype(np.float64))
    made = []
    for known in FORMATS:
        place = folder / known.make.__name__
        place.mkdir()
        main = known.make(place, ecg)
        files = tuple(sorted(file for file in place.iterdir() if file.is_file()))
        made.append(Sample(known.make.__name__, main, files, dict(known.options)))
    more = array_files(folder / "arrays")
    made += [Sample(kind, main, (main,), dict(KNOWN)) for kind, main in more]
    return [*made, *_real()]


def _real() -> list[Sample]:
    """Real files, each under the name of its folder; of a WFDB record, its header with its signal files."""
    data = os.environ.get("ECGNOISE_DATA")
    folder = Path(data) / REAL_FOLDER if data else Path("nowhere")
    found = []
    for place in sorted(folder.glob("*/*")):
        if not place.is_file() or place.stat().st_size > LARGEST_BYTES:
            continue
        if place.parent.name != "wfdb":
            found.append(Sample(place.parent.name, place, (place,)))
        elif place.suffix == ".hea":
            files = _wfdb_files(place)
            if all(file.is_file() and file.stat().st_size < LARGEST_BYTES for file in files):
                found.append(Sample("wfdb", place, files))
    return found


def _wfdb_files(header: Path) -> tuple[Path, ...]:
    """A header and the signal files that it names."""
    text = header.read_text(encoding="latin-1")
    named = dict.fromkeys(match.group() for match in WFDB_SIGNAL.finditer(text))
    return (header, *(header.with_name(name) for name in named))
