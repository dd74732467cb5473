"""Plain intervals as JSON: for programs of your own."""

import json
from math import isnan
from pathlib import Path
from typing import Any

from ecgnoise.noise_levels import LOCAL_DECIMALS
from ecgnoise.results.cells import PSNR_DECIMALS
from ecgnoise.results.intervals import Choice, Interval, find_intervals
from ecgnoise.results.result import Result


def write(result: Result, path: Path, choice: Choice) -> None:
    """Write the record, the model, the length and usable seconds of each lead, and the intervals."""
    usable = result.usable_seconds(choice.grade, whole_segments=choice.whole_segments, rule=choice.rule).tolist()
    content = {
        "record": result.source,
        "model": str(result.model),
        "grade": choice.grade,
        "join_s": choice.join,
        "duration_s": round(result.seconds, 6),
        "usable_s": {name: round(value, 6) for name, value in zip(result.lead_names, usable, strict=True)},
        "intervals": [_entry(interval) for interval in find_intervals(result, choice)],
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


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
