"""Memory and time of long recordings: ``python -m benchmarks.long``.

``ecgnoise score`` on simulated recordings at 500 Hz of several lengths, with a table, as a process of its own: peak
memory and wall time. A day of 12 leads needs 1 GB of disk in the temporary folder.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.launch import launch
from benchmarks.long_recordings import WRITERS
from benchmarks.machine import keep
from ecgnoise.models.folder import load_folder

RATE = 500
SIZES = ((1.0, 12), (24.0, 3), (24.0, 12))  # hours, leads


def measure(kind: str, hours: float, leads: int, model: str) -> dict[str, Any]:
    """One run: wall time, milliseconds a lead-segment, peak memory and the size of the recording."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = round(3600 * hours)
        file = WRITERS[kind](Path(folder) / "recording", seconds, RATE, leads)
        size = sum(part.stat().st_size for part in Path(folder).iterdir())
        table = Path(folder) / "scores.csv"
        wall, peak = launch("-m", "ecgnoise", "score", str(file), "--out", str(table), "--model", model)
    return {
        "format": kind,
        "hours": hours,
        "leads": leads,
        "recording_mb": round(size / 1e6),
        "wall_s": round(wall, 1),
        "ms_a_lead_segment": round(1e3 * wall / (leads * seconds / 10), 2),
        "peak_mb": round(peak),
    }


def main() -> None:
    """Measure, the shortest first, and keep the figures after each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=float, default=288.0, metavar="HOURS", help="hours times leads, at most")
    parser.add_argument("--model", default="default", help="another model folder")
    options = parser.parse_args()
    name = load_folder(options.model).description.name
    runs = []
    for hours, leads in [(h, leads) for h, leads in SIZES if h * leads <= options.most]:
        for kind in WRITERS:
            runs.append(measure(kind, hours, leads, options.model))
            print(runs[-1], flush=True)
            keep("long", {"model": name, "runs": runs})


if __name__ == "__main__":
    main()
