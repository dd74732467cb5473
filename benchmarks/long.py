"""Memory and time of long recordings: ``python -m benchmarks.long``.

``ecgnoise score`` on simulated 12-lead recordings at 500 Hz of several lengths, with a table, as a process of its own:
peak memory and wall time. A day needs 1 GB of disk in the temporary folder.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.launch import launch
from benchmarks.long_recordings import WRITERS
from benchmarks.machine import keep
from ecgnoise.models.folder import load_folder

LEADS = 12
HOURS = (1.0, 24.0)


def measure(kind: str, hours: float, model: str) -> dict[str, Any]:
    """One run: wall time, milliseconds a lead-segment, peak memory and the size of the recording."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = round(3600 * hours)
        file = WRITERS[kind](Path(folder) / "recording", seconds)
        size = sum(part.stat().st_size for part in Path(folder).iterdir())
        table = Path(folder) / "scores.csv"
        wall, peak = launch("-m", "ecgnoise", "score", str(file), "--out", str(table), "--model", model)
    return {
        "format": kind,
        "hours": hours,
        "recording_mb": round(size / 1e6),
        "wall_s": round(wall, 1),
        "ms_a_lead_segment": round(1e3 * wall / (LEADS * seconds / 10), 2),
        "peak_mb": round(peak),
    }


def main() -> None:
    """Measure and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, nargs="+", default=HOURS)
    parser.add_argument("--model", default="default", help="another model folder")
    options = parser.parse_args()
    runs = []
    for kind in WRITERS:
        for hours in options.hours:
            runs.append(measure(kind, hours, options.model))
            print(runs[-1], flush=True)
    name = load_folder(options.model).description.name
    keep("long", {"model": name, "leads": LEADS, "runs": runs})


if __name__ == "__main__":
    main()
