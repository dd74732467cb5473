"""How long a push of live data takes, and how fast the program starts: ``python -m benchmarks.stream``.

A push is timed on simulated 12-lead ECG at 500 Hz with a hop of 1 s, in chunks of 0.1 s: those with a hop, which score
the newest 10 s of all leads, and those without. The same 10 s are scored as a recording in turn, so that the ratio says
what the stream itself costs, whatever else the machine does. Starts are timed from outside, bare NumPy beside them.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.launch import launch
from benchmarks.machine import keep
from ecgnoise import Quantifier, Recording, Stream, simulate_ecg
from ecgnoise.writers import write_recording

RATE = 500
CHUNK = 50
WARM_HOPS = 3


def seconds(action: Callable[[], Any]) -> tuple[float, Any]:
    """Wall time of one call, and what it gave."""
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def pushes(hops: int, threads: int | None) -> dict[str, float]:
    """Milliseconds of a push with a hop and without one, and of the same 10 s as a recording."""
    quantifier = Quantifier(threads=threads)
    ecg = simulate_ecg(11 + hops + WARM_HOPS, RATE, seed=1)
    live = Stream(RATE, ecg.lead_names, 1.0, quantifier=quantifier)
    quiet, due, apart, apart_from = [], [], [], 0.0
    for begin in range(0, ecg.samples.shape[1], CHUNK):
        chunk = ecg.signal[:, begin : begin + CHUNK]
        taken, results = seconds(lambda chunk=chunk: live.push(chunk))
        if not results:
            quiet.append(taken)
            continue
        window = Recording.from_array(ecg.signal[:, live.samples - 10 * RATE : live.samples], RATE)
        alone, result = seconds(lambda window=window: quantifier.quantify(window))
        apart_from = max(apart_from, float(np.abs(result.psnr - results[0].psnr).max()))
        due.append(taken)
        apart.append(alone)
    due, apart = due[WARM_HOPS:], apart[WARM_HOPS:]
    return {
        "hops": len(due),
        "with_hop_ms": round(1e3 * statistics.median(due), 2),
        "with_hop_p95_ms": round(1e3 * float(np.quantile(due, 0.95)), 2),
        "without_hop_ms": round(1e3 * statistics.median(quiet), 4),
        "as_recording_ms": round(1e3 * statistics.median(apart), 2),
        "ratio": round(statistics.median(one / other for one, other in zip(due, apart, strict=True)), 3),
        "largest_difference_db": apart_from,
    }


def starts(rounds: int) -> dict[str, float]:
    """Seconds from start to exit, medians: Python with NumPy, with ecgnoise, and scoring one WFDB record of 10 s."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.hea"
        write_recording(simulate_ecg(10, RATE, seed=1), record)
        programs = {
            "numpy_s": ("-c", "import numpy"),
            "import_s": ("-c", "import ecgnoise"),
            "score_s": ("-m", "ecgnoise", "score", str(record)),
        }
        runs = [[launch(*arguments)[0] for arguments in programs.values()] for _ in range(rounds)]
    return {
        name: round(statistics.median(times), 3) for name, times in zip(programs, zip(*runs, strict=True), strict=True)
    }


def main() -> None:
    """Measure and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hops", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    figures = {
        "push": {f"{threads}": pushes(options.hops, threads) for threads in (1, 2)},
        "start": starts(options.rounds),
    }
    print(figures)
    keep("stream", figures)


if __name__ == "__main__":
    main()
