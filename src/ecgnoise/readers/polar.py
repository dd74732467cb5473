"""Polar H10 chest straps, as the app Polar Sensor Logger writes them: text with times and one lead in uV.

The sensor's own clock in ns gives the sampling frequency (130 Hz) and the packets that were lost.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError, one_line
from ecgnoise.readers._shared.base import ReadOptions
from ecgnoise.readers._shared.channel_names import voltage_unit
from ecgnoise.readers._shared.lead_columns import Said, recording_of_columns, title_of
from ecgnoise.readers._shared.sampling_clock import Clock, clock_of_numbers
from ecgnoise.readers._shared.text import file_head, plain_file, plain_head, text_encoding, text_lines
from ecgnoise.readers._shared.time_columns import Column, Timing, start_of
from ecgnoise.readers._shared.time_steps import IrregularError
from ecgnoise.recording import Recording

DELIMITER: Final = ";"
HEADER_BYTES: Final = 1 << 12
CLOCK: Final = ("sensor timestamp", "ns")
NOMINAL: Final = 1e-2  # the clock of a sensor is taken for exact where it is this near to a whole number of Hz


@dataclass(frozen=True)
class PolarReader:
    """One recording of a chest strap."""

    name: str = "Polar H10 (text)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the titles of its first line: the sensor's clock, and a column in a unit of voltage."""
        titles = _titles(plain_head(path, head))
        return CLOCK in titles and any(voltage_unit(unit or "") for _, unit in titles)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        titles = _titles(file_head(path, HEADER_BYTES))
        column = next(at for at, (_, unit) in enumerate(titles) if voltage_unit(unit or ""))
        with plain_file(path) as file:
            content = file.read()
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
        timing = _timing((clock - clock[0]).astype(np.float64), options, path)
        said = Said(start=start_of(rows[0][0]))
        return recording_of_columns([Column(name, unit, samples)], options, path, said, timing=timing)


def _titles(content: bytes) -> list[tuple[str, str | None]]:
    beginning = content[:HEADER_BYTES]
    encoding = text_encoding(beginning)
    first = text_lines(beginning, encoding)[0] if encoding else ""
    return [title_of(cell.strip()) for cell in first.split(DELIMITER)]


def _timing(clock: NDArray[np.float64], options: ReadOptions, path: Path) -> Timing:
    """What the clock of the sensor says; UnreadableFileError where it is of no use and nobody states a frequency."""
    asked = options.sampling_frequency
    try:
        known = clock_of_numbers(clock, CLOCK[1], asked)
    except IrregularError as problem:
        if asked is None:
            raise UnreadableFileError(
                f"{path}: its sensor timestamp {problem}: export it again, or pass sampling_frequency in Hz "
                "(--sampling-frequency)"
            ) from problem
        return Timing(frozenset(), Clock(), CLOCK[0], (f"the sensor timestamp {problem}: {asked:g} Hz as stated",))
    sampling_frequency = known.sampling_frequency or 0.0
    near = abs(sampling_frequency - round(sampling_frequency)) < NOMINAL
    return Timing(
        frozenset(),
        replace(known, sampling_frequency=float(round(sampling_frequency)) if near else sampling_frequency),
        repr(CLOCK[0]),
    )
