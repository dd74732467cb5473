"""Polar H10 chest straps, as the app Polar Sensor Logger writes them: text with times and one lead in uV.

The sensor's own clock in ns gives the sampling frequency (130 Hz).
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers.base import ReadOptions, one_line
from ecgnoise.readers.channels import Channel, leads_of
from ecgnoise.readers.columns import title_of
from ecgnoise.readers.labels import voltage_unit
from ecgnoise.readers.text import text_encoding, text_lines
from ecgnoise.recording import ArraySamples, Recording

DELIMITER: Final = ";"
HEADER_BYTES: Final = 1 << 12
CLOCK: Final = ("sensor timestamp", "ns")
GAP: Final = 1.5  # steps: a longer one is a gap
NOMINAL: Final = 1e-2  # the clock of a sensor is taken for exact where it is this near to a whole number of Hz


@dataclass(frozen=True)
class PolarReader:
    """One recording of a chest strap."""

    name: str = "Polar H10 (text)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the titles of its first line: the sensor's clock, and a column in a unit of voltage."""
        del path
        titles = _titles(head)
        return CLOCK in titles and any(voltage_unit(unit or "") for _, unit in titles)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        content = path.read_bytes()
        titles = _titles(content)
        column = next(at for at, (_, unit) in enumerate(titles) if voltage_unit(unit or ""))
        lines = [line for line in text_lines(content, text_encoding(content) or "latin-1")[1:] if line.strip()]
        if not lines:
            raise UnreadableFileError(f"{path}: no samples below its header: export it again")
        try:
            rows = [line.split(DELIMITER) for line in lines]
            clock = np.array([int(row[titles.index(CLOCK)]) for row in rows], np.int64)
            samples = np.array([float(row[column].replace(",", ".")) for row in rows])
        except (ValueError, IndexError, OverflowError) as error:
            raise UnreadableFileError(f"{path}: not a whole table ({one_line(error)}): export it again") from error
        name, unit = titles[column]
        leads = leads_of([Channel(name, unit or "", _frequency(clock, path))], options, path)
        return Recording(
            ArraySamples(leads.scaled(samples[None], path)),
            leads.frequency,
            leads.names,
            leads.recording_units,
            _start(rows[0][0]),
            str(path),
        )


def _titles(content: bytes) -> list[tuple[str, str | None]]:
    beginning = content[:HEADER_BYTES]
    encoding = text_encoding(beginning)
    first = text_lines(beginning, encoding)[0] if encoding else ""
    return [title_of(cell.strip()) for cell in first.split(DELIMITER)]


def _frequency(clock: NDArray[np.int64], path: Path) -> float:
    """Samples a second of a clock in ns; UnreadableFileError where it stands still or has a gap."""
    steps = np.diff(clock).astype(np.float64)
    usual = float(np.median(steps)) if len(steps) else 0.0
    if not (usual > 0 and steps.min() > 0):
        raise UnreadableFileError(f"{path}: its sensor timestamps do not rise: export it again")
    if steps.max() > GAP * usual:
        raise UnreadableFileError(f"{path}: a gap near sample {int(steps.argmax()) + 1}: split the file there")
    frequency = 1e9 / float(steps.mean())
    return float(round(frequency)) if abs(frequency - round(frequency)) < NOMINAL else frequency


def _start(stated: str) -> datetime | None:
    try:
        return datetime.fromisoformat(stated.strip())
    except ValueError:
        return None
