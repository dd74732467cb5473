"""Where and when a figure was measured, and where figures are kept."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
CPUINFO = Path("/proc/cpuinfo")
# What products of 8-bit numbers are computed with, the fastest first: flag of Linux, and name.
INSTRUCTIONS = {
    "amx_int8": "AMX",
    "avx512_vnni": "AVX512-VNNI",
    "avx_vnni": "AVX-VNNI",
    "avx512f": "AVX512",
    "avx2": "AVX2",
}


def machine() -> dict[str, Any]:
    """Processor, the fastest instructions it has for 8-bit products, number of cores, and versions."""
    import numpy
    import onnxruntime

    return {
        "processor": _processor(),
        "instructions": _instructions(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "onnxruntime": onnxruntime.__version__,
        "date": datetime.now(UTC).date().isoformat(),
    }


def between(page: str, begin: str, end: str, text: str) -> str:
    """The page with this text between its two markers."""
    before, _, rest = page.partition(begin)
    return before + begin + text + end + rest.partition(end)[2]


def _processor() -> str:
    names = _of_processor("model name")
    return names[0] if names else platform.processor()


def _instructions() -> str:
    flags = " ".join(_of_processor("flags")[:1]).split()
    return next((name for flag, name in INSTRUCTIONS.items() if flag in flags), "")


def _of_processor(entry: str) -> list[str]:
    """What Linux says of each core; nothing elsewhere."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    return [line.split(":", 1)[1].strip() for line in lines if line.startswith(entry)]


def keep(name: str, figures: dict[str, Any], folder: Path = RESULTS) -> None:
    """Write the figures of one benchmark, with machine and date, to NAME.json, in benchmarks/results unless told."""
    folder.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine(), **figures}, indent=1)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
