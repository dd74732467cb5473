"""How soon a long recording is on the screen: ``python -m benchmarks.view [--hours H] [--leads N]``.

A simulated recording is written as WFDB and as EDF. Then, of each, in one process: reading all of it, which all is
compared with; the first hour before anything is kept; making the pyramid; and looks at the whole, at an hour and at ten
seconds with the pyramid that was kept. Looks are medians. The figures go to ``benchmarks/results/view.json``.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import long_recordings
from benchmarks.machine import keep
from ecgnoise import Recording, read
from ecgnoise.long_simulation import LongEcg, write_long
from ecgnoise.simulate import STANDARD_LEADS
from ecgnoise.viewer.pyramid import Pyramid

FREQUENCY = 250.0
COLUMNS = 1200
LOOKS = 9
BLOCK = 1 << 16


def write_wfdb(place: Path, duration: float, leads: int) -> Path:
    """A simulated recording as WFDB."""
    path = place.with_suffix(".hea")
    write_long(LongEcg(duration, FREQUENCY, lead_names=STANDARD_LEADS[:leads]), path)
    return path


def write_edf(place: Path, duration: float, leads: int) -> Path:
    """A simulated recording as EDF."""
    return long_recordings.write_edf(place, int(duration), int(FREQUENCY), leads)


WRITERS = {"WFDB": write_wfdb, "EDF": write_edf}


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def read_all(recording: Recording) -> None:
    """Read a recording from its start to its end, a block at a time."""
    for first in range(0, recording.samples.shape[1], BLOCK):
        recording.window(first, min(first + BLOCK, recording.samples.shape[1]))


def looks(pyramid: Pyramid, length: float, whole: float) -> float:
    """The median time of looks at stretches of a length all over the recording, in ms."""
    starts = [(whole - length) * look / LOOKS for look in range(LOOKS)]
    taken = [seconds(lambda start=start: pyramid.view(start, start + length, COLUMNS)) for start in starts]
    return round(1000 * median(taken), 1)


def measure(path: Path, cache: Path) -> dict[str, Any]:
    """All figures of one recording."""
    recording = read(path)
    whole = recording.duration
    reading = seconds(lambda: read_all(recording))
    fresh = Pyramid(recording, cache, "benchmark")
    hour = seconds(lambda: fresh.view(0.0, min(3600.0, whole), COLUMNS))
    making = seconds(fresh.make)
    kept = Pyramid(recording, cache, "benchmark")
    opening = seconds(kept.make)
    return {
        "recording_mb": round(sum(file.stat().st_size for file in path.parent.iterdir() if file.is_file()) / 1e6),
        "reading_s": round(reading, 2),
        "first_hour_s": round(hour, 2),
        "making_s": round(making, 2),
        "making_over_reading": round(making / reading, 2),
        "opening_kept_s": round(opening, 2),
        "all_ms": looks(kept, whole, whole),
        "hour_ms": looks(kept, min(3600.0, whole), whole),
        "ten_seconds_ms": looks(kept, 10.0, whole),
    }


def main() -> None:
    """Simulate, measure, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0, help="length of the recording")
    parser.add_argument("--leads", type=int, default=12, help="how many leads")
    arguments = parser.parse_args()
    figures = {}
    for kind, write in WRITERS.items():
        with TemporaryDirectory() as folder:
            (Path(folder) / "recording").mkdir()
            path = write(Path(folder) / "recording" / "long", arguments.hours * 3600, arguments.leads)
            figures[kind] = measure(path, Path(folder) / "cache")
    print(figures)
    keep("view", {"hours": arguments.hours, "leads": arguments.leads, "hertz": FREQUENCY, "formats": figures})


if __name__ == "__main__":
    main()
