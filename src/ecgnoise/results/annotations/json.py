"""Plain intervals as JSON: for programs of your own."""

import json
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

from ecgnoise.noise_levels import LOCAL_DECIMALS
from ecgnoise.results.cells import PSNR_DECIMALS
from ecgnoise.results.intervals import Choice, Interval, find_intervals
from ecgnoise.results.result import Result


def write(result: Result, path: Path, choice: Choice) -> None:
    """Write the record, the model, the length and usable seconds of each lead, and the intervals."""
    found = find_intervals(result, choice)
    usable = _usable(result, choice, found)
    content = {
        "record": result.source,
        "model": str(result.model),
        "grade": choice.grade,
        "join_s": choice.join,
        "duration_s": round(result.seconds, 6),
        "usable_s": {name: round(value, 6) for name, value in zip(result.lead_names, usable, strict=True)},
        "intervals": [_entry(interval) for interval in found],
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _usable(result: Result, choice: Choice, found: Sequence[Interval]) -> list[float]:
    """Seconds of each lead that lie in no interval."""
    if choice.corrected is None:
        seconds = result.usable_seconds(choice.grade, whole_segments=choice.whole_segments, rule=choice.rule)
        return [float(value) for value in seconds]
    usable = []
    for name in result.lead_names:
        until, lost = 0.0, 0.0
        for interval in (interval for interval in found if interval.lead == name):
            lost += max(0.0, interval.stop - max(until, interval.start))
            until = max(until, interval.stop)
        usable.append(max(0.0, result.seconds - lost))
    return usable


def _entry(interval: Interval) -> dict[str, Any]:
    return {
        "lead": interval.lead,
        "start_s": round(interval.start, 6),
        "duration_s": round(interval.duration, 6),
        "psnr_db": None if isnan(interval.psnr) else round(interval.psnr, PSNR_DECIMALS),
        "grade": interval.grade,
        "fault": interval.fault,
        "noise": interval.noise,
        "lowest_snr_db": None if isnan(interval.snr) else round(interval.snr, LOCAL_DECIMALS),
    }
