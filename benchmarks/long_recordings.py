"""Long recordings for tests and benchmarks, written piece by piece: never a whole one in memory."""

from collections.abc import Callable
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


WRITERS: Final[dict[str, Callable[[Path, int], Path]]] = {
    "WFDB": write_wfdb,
}
