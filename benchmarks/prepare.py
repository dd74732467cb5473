"""How fast the store of PTB-XL is made, and how large it is: ``python -m benchmarks.prepare``.

Needs the records of PTB-XL in ``ECGNOISE_DATA/ptb-xl``, and the extra ``ptbxl``. Processor time counts as well as the
clock, because other programs may have run beside it; both have the start of the processes in them.
"""

import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import keep
from ecgnoise.models.load import available_processors
from ecgnoise.ptbxl.labels import LEADS, RecordLabels, parse_labels
from ecgnoise.ptbxl.prepare import prepare, record_file
from ecgnoise.ptbxl.store import StoreDescription
from ecgnoise.scalogram.profile import PROFILES

RATE = 500
ALL_RECORDS = 21_799


def measure(folder: Path, index: list[RecordLabels], description: StoreDescription) -> dict[str, Any]:
    """Leads a second a core by the clock and by processor time, and the size of all of PTB-XL."""
    jobs = available_processors()
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "store"
        start, before = time.perf_counter(), processor_seconds()
        outcome = prepare(folder, index, out, description, jobs=jobs)
        wall, processor = time.perf_counter() - start, processor_seconds() - before
        size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    leads = outcome.now * len(LEADS)
    return {
        "records": outcome.now,
        "jobs": jobs,
        "wall_s": round(wall, 1),
        "leads_per_s_core": round(leads / wall / jobs, 1),
        "leads_per_processor_s": round(leads / processor, 1),
        "all_gb": round(size / outcome.now * ALL_RECORDS / 1e9, 2),
    }


def processor_seconds() -> float:
    """Processor time of this process and of all that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main() -> None:
    """Measure both profiles and keep the figures."""
    folder = Path(os.environ["ECGNOISE_DATA"]) / "ptb-xl"
    records = parse_labels(folder / "ptbxl_database.csv").records
    there = [record for record in records if record_file(folder, record, RATE).is_file()]
    figures = {
        f"{name}, {dtype}": measure(folder, there, StoreDescription(profile, dtype, RATE))
        for name, profile in PROFILES.items()
        for dtype in ("uint8", "float16")
    }
    print(figures)
    keep("prepare", figures)


if __name__ == "__main__":
    main()
