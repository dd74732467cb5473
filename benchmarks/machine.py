"""Where and when a figure was measured, and where figures are kept."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """Processor, number of cores and versions."""
    import numpy
    import onnxruntime

    return {
        "processor": _processor(),
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
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def keep(name: str, figures: dict[str, Any], folder: Path = RESULTS) -> None:
    """Write the figures of one benchmark, with machine and date, to NAME.json, in benchmarks/results unless told."""
    folder.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine(), **figures}, indent=1)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
