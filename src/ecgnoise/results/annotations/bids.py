"""Events as a table in the manner of BIDS: ``events.tsv`` with ``onset``, ``duration`` and ``trial_type``.

Brain Imaging Data Structure 1.10, "Events": tab-separated, seconds, ``n/a`` where there is no value; ``channel`` names
the lead that a row is about. The columns behind it are described by their names only: no sidecar is written.
"""

import csv
from math import isnan
from pathlib import Path
from typing import Final

from ecgnoise.noise_levels import LOCAL_DECIMALS
from ecgnoise.results.cells import PSNR_DECIMALS
from ecgnoise.results.intervals import Choice, find_intervals
from ecgnoise.results.result import Result

COLUMNS: Final = ("onset", "duration", "trial_type", "channel", "psnr_db", "grade", "fault", "noise", "lowest_snr_db")
TRIAL_TYPE: Final = "BAD_noise"
NOT_AVAILABLE: Final = "n/a"


def write(result: Result, path: Path, choice: Choice) -> None:
    """Write a row an interval, in order of time."""
    intervals = sorted(find_intervals(result, choice), key=lambda interval: interval.start)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(COLUMNS)
        for interval in intervals:
            psnr, snr = _cell(interval.psnr, PSNR_DECIMALS), _cell(interval.snr, LOCAL_DECIMALS)
            words = [word or NOT_AVAILABLE for word in (interval.grade, interval.fault, interval.noise)]
            times = f"{interval.start:.6f}", f"{interval.duration:.6f}"
            table.writerow((*times, TRIAL_TYPE, interval.lead, psnr, *words, snr))


def _cell(value: float, decimals: int) -> str:
    return NOT_AVAILABLE if isnan(value) else f"{value:.{decimals}f}"
