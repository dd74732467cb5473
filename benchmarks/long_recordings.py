"""Long recordings for tests and benchmarks, written piece by piece: never a whole one in memory."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ecgnoise.simulate import STANDARD_LEADS, simulate_ecg

PIECE_SECONDS: Final = 60
SHIFT_SAMPLES: Final = 7
UNITS_PER_MILLIVOLT: Final = 1000


def write_wfdb(place: Path, seconds: int, frequency: int = 500, leads: int = 12) -> Path:
    """A record in format 16 (header(5), signal(5)), a minute of simulated ECG again and again, each time shifted.

    place: its path without suffix. Returns its header.
    """
    names = STANDARD_LEADS[:leads]
    minute = simulate_ecg(PIECE_SECONDS, frequency, seed=1, lead_names=names).signal.T
    digital = np.round(minute * UNITS_PER_MILLIVOLT).astype("<i2")
    samples = seconds * frequency
    with place.with_suffix(".dat").open("wb") as file:
        for number, start in enumerate(range(0, samples, len(digital))):
            file.write(np.roll(digital, number * SHIFT_SAMPLES, axis=0)[: samples - start].tobytes())
    lines = [f"{place.name} {leads} {frequency} {samples}"]
    lines += [f"{place.name}.dat 16 {UNITS_PER_MILLIVOLT}(0)/mV 16 0 0 0 0 {name}" for name in names]
    header = place.with_suffix(".hea")
    header.write_text("\n".join(lines) + "\n")
    return header


def write_edf(place: Path, seconds: int, frequency: int = 500, leads: int = 12) -> Path:
    """The same as EDF (Kemp et al., 1992), with records of one second. Returns the file."""
    names = STANDARD_LEADS[:leads]
    minute = simulate_ecg(PIECE_SECONDS, frequency, seed=1, lead_names=names).signal
    digital = np.round(minute * UNITS_PER_MILLIVOLT).astype("<i2")
    file = place.with_suffix(".edf")
    with file.open("wb") as out:
        out.write(_edf_header(names, seconds, frequency))
        for number, start in enumerate(range(0, seconds, PIECE_SECONDS)):
            piece = np.roll(digital, number * SHIFT_SAMPLES, axis=1).reshape(leads, PIECE_SECONDS, frequency)
            out.write(piece.transpose(1, 0, 2)[: seconds - start].tobytes())
    return file


def _edf_header(names: Sequence[str], seconds: int, frequency: int) -> bytes:
    """The header record: fixed fields of ASCII, then each field of all signals in turn."""
    highest = 32767 / UNITS_PER_MILLIVOLT
    fixed = (("0", 8), ("X", 80), ("X", 80), ("01.01.01", 8), ("00.00.00", 8), (str(256 * (len(names) + 1)), 8),
             ("", 44), (str(seconds), 8), ("1", 8), (str(len(names)), 4))  # fmt: skip
    fields = ((None, 16), ("", 80), ("mV", 8), (f"{-highest:.3f}", 8), (f"{highest:.3f}", 8), ("-32767", 8),
              ("32767", 8), ("", 80), (str(frequency), 8), ("", 32))  # fmt: skip
    text = "".join(value.ljust(width) for value, width in fixed)
    text += "".join(
        (value if value is not None else f"ECG {name}").ljust(width) for value, width in fields for name in names
    )
    return text.encode("ascii")


WRITERS: Final[dict[str, Callable[..., Path]]] = {
    "WFDB": write_wfdb,
    "EDF": write_edf,
}
