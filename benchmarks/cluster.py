"""What a cluster gains, costs and survives: ``python -m benchmarks.cluster``.

Short simulated recordings (10 s at 250 Hz), with long ones among them, are scored by a plain loop, and on local
clusters of several sizes: recordings a second from when the workers are there, the gain over the loop divided by the
number of workers, and the memory of each worker in the middle and at the end. What the scheduler and the books cost a
recording is told by the difference to the loop with a network that does nothing. Then a random worker is killed every
few seconds, and the rows are compared with those of a run in one process. The figures go to
``benchmarks/results/cluster.json``. Needs the extras ``cluster`` and ``train``.
"""

import argparse
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.archive import idle_model, make_files
from benchmarks.machine import keep
from ecgnoise import ArchiveOptions, Quantifier, open_results, read, score_archive, simulate_ecg, write_recording
from ecgnoise.readers import find_recordings
from ecgnoise.simulate import STANDARD_LEADS

MEGABYTE = 1 << 20
HOURS_OF_A_LONG_ONE = 24.0
KINDS_OF_SHORT = 40  # different ones; the others are the same files by another name


def make_recordings(folder: Path, asked: argparse.Namespace) -> list[Path]:
    """Short recordings, and long ones spread among them."""
    folder.mkdir()
    names = STANDARD_LEADS[: asked.leads]
    for number in range(asked.recordings):
        file = folder / f"{number:06d}.npz"
        if number < KINDS_OF_SHORT:
            write_recording(simulate_ecg(10, 250, seed=number, lead_names=names), file)
        else:
            file.hardlink_to(folder / f"{number % KINDS_OF_SHORT:06d}.npz")
    for number in range(asked.long):
        place = folder / f"{number * asked.recordings // asked.long:06d}long.npz"
        write_recording(simulate_ecg(3600 * asked.hours, 125, seed=number, lead_names=["I"]), place)
    return find_recordings([folder])


def loop(files: list[Path], model: str) -> float:
    """Seconds to read and score files one after the other in one thread."""
    quantifier = Quantifier(model, threads=1)
    quantifier.quantify(read(files[0]))
    begun = time.perf_counter()
    for file in files:
        quantifier.quantify(read(file)).rows()
    return time.perf_counter() - begun


def workers() -> list[psutil.Process]:
    """The worker processes of the cluster that this process has started."""
    below = psutil.Process().children(recursive=True)
    return [process for process in below if process.memory_info().rss > 100 * MEGABYTE]


def on_cluster(files: list[Path], out: Path, options: ArchiveOptions) -> dict[str, Any]:
    """Seconds from when the workers are there, and what memory they had in the middle and at the end."""
    begun: list[float] = []
    memory: list[float] = []

    def look(_tried: int, _total: int) -> None:
        memory.append(max((process.memory_info().rss / MEGABYTE for process in workers()), default=0.0))

    score_archive(files, out, options, progress=look, note=lambda _: begun.append(time.perf_counter()))
    seconds = time.perf_counter() - begun[0]
    return {"seconds": seconds, "mb_in_the_middle": memory[len(memory) // 2], "mb_at_the_end": memory[-1]}


@contextmanager
def killer(every: float) -> Iterator[list[int]]:
    """Kill a random worker every so many seconds; the processes that were."""
    killed: list[int] = []
    done = threading.Event()

    def kill() -> None:
        while not done.wait(every):
            there = workers()
            if there:
                killed.append(random.choice(there).pid)
                os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield killed
    finally:
        done.set()
        thread.join()


def survives(files: list[Path], place: Path, options: ArchiveOptions, every: float) -> dict[str, Any]:
    """Whether the rows are the same though workers are killed."""
    score_archive(files, place / "calm", ArchiveOptions(threads=1, part_size=options.part_size))
    with killer(every) as killed:
        found = score_archive(files, place / "killed", options)
    same = open_results(place / "calm").to_table().equals(open_results(place / "killed").to_table())
    return {"workers_killed": len(killed), "recordings": found.scored, "failed": found.failed, "same_rows": same}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        files = make_recordings(place / "in", arguments)
        load = os.getloadavg()[0]
        alone = loop(files, "default")
        figures: dict[str, Any] = {name: getattr(arguments, name) for name in ("leads", "long", "hours", "part_size")}
        figures |= {"recordings": len(files), "loop_s": round(alone, 1), "load": round(load, 1)}
        for count in arguments.workers:
            options = ArchiveOptions(cluster=f"local:{count}", part_size=arguments.part_size, threads=1)
            found = on_cluster(files, place / f"out{count}", options)
            found["efficiency"] = alone / found["seconds"] / count
            figures[f"workers_{count}"] = {name: round(value, 3) for name, value in found.items()}
        make_files(place / "idle", arguments.idle)
        idle, model = find_recordings([place / "idle"]), str(idle_model(place / "model"))
        plain = loop(idle, model)
        options = ArchiveOptions(model=model, cluster="local:1", threads=1)
        busy = on_cluster(idle, place / "idle out", options)["seconds"]
        figures["overhead_ms_a_recording"] = round(1e3 * (busy - plain) / len(idle), 3)
        options = ArchiveOptions(cluster=f"local:{max(arguments.workers)}", part_size=arguments.part_size, threads=1)
        figures["kills"] = survives(files, place, options, arguments.kill_seconds)
        results = place / "calm" / "parts"
        rows = open_results(place / "calm").count_rows()
        figures["bytes_a_row"] = round(sum(part.stat().st_size for part in results.iterdir()) / rows, 1)
    return figures


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=20_000, help="how many short ones")
    parser.add_argument("--leads", type=int, default=12, help="of a short one")
    parser.add_argument("--idle", type=int, default=20_000, help="how many for the network that does nothing")
    parser.add_argument("--long", type=int, default=3, help="how many long ones")
    parser.add_argument("--hours", type=float, default=HOURS_OF_A_LONG_ONE, help="of a long one")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="sizes of the cluster")
    parser.add_argument("--part-size", type=int, default=1000, help="recordings in a part")
    parser.add_argument("--kill-seconds", type=float, default=10.0, help="between two kills")
    arguments = parser.parse_args()
    figures = measure(arguments)
    print(figures)
    keep("cluster", figures)


if __name__ == "__main__":
    main()
