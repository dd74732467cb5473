"""What a folder of results costs a file: ``python -m benchmarks.archive``.

Short files (one lead, 10 s at 100 Hz) and a network that does nothing, so that what is left is reading, drawing and
keeping the books. The overhead is what the folder of results takes more than reading and scoring files in a loop (a
tenth of them): finding them, rows, parts, summary. It is in processor time, so that other programs do not matter.
Memory is the peak of a process of its own, with a tenth of the files and with all of them. The figures go to
``benchmarks/results/archive.json``. Needs the extras ``tables`` and ``train``.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import keep
from ecgnoise import Quantifier, read, simulate_ecg
from ecgnoise.batch.archive import ArchiveOptions, score_archive
from ecgnoise.models.description import DENOISER, ModelDescription, Network, Query, Thresholds, Training
from ecgnoise.models.folder import write_folder
from ecgnoise.models.load import DENOISER_INPUTS
from ecgnoise.readers import find_recordings
from ecgnoise.scalogram.profile import COLUMNS, DEFAULT

FILES = 10_000
KILOBYTES_A_MEGABYTE = 1024


def idle_model(folder: Path) -> Path:
    """A model folder whose network gives back what it gets."""
    from onnx import TensorProto, helper

    image, scalar = ["n", 1, DEFAULT.rows, COLUMNS], ["n"]
    shapes = dict(zip(DENOISER_INPUTS, (image, image, image, scalar, scalar), strict=True))
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    output = helper.make_tensor_value_info("reconstructed", TensorProto.FLOAT, image)
    graph = helper.make_graph([helper.make_node("Identity", ["noised"], ["reconstructed"])], "idle", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    description = ModelDescription(
        name="idle",
        version="0",
        licence="MIT",
        profile=DEFAULT,
        network=Network("masked"),
        thresholds=Thresholds(good=20.0, fair=16.0, poor=12.0),
        training=Training(note="not trained"),
        queries=(Query("all", (0, 0), 0.5, (0, 200), one_sided=False, scale=100.0, weight=100.0),),
    )
    return write_folder(folder, description, {DENOISER: model.SerializeToString()}).path


def make_files(folder: Path, count: int) -> None:
    """Short recordings, each its own file."""
    folder.mkdir()
    leads = simulate_ecg(10, 100).signal
    for number in range(count):
        signal = np.roll(leads[number % len(leads)], 7 * number)
        np.savez(folder / f"{number:05d}.npz", signal=signal, sampling_frequency=100.0, units="mV", lead_names=["I"])


def one_run(folder: Path, out: Path, model: Path, count: int) -> dict[str, float]:
    """Processor seconds and peak megabytes of a folder of results for the first files, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.archive", "--run", folder, out, model, "--files", str(count)]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run_here(folder: Path, out: Path, model: Path, count: int) -> dict[str, float]:
    """The same in this process."""
    begun = time.process_time()
    score_archive(find_recordings([folder])[:count], out, ArchiveOptions(model=str(model), threads=1))
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTES_A_MEGABYTE
    return {"seconds": round(seconds, 2), "peak_mb": round(peak, 1)}


def loop(folder: Path, model: Path, count: int) -> float:
    """Seconds of processor time to read and score the first files one after the other."""
    quantifier = Quantifier(model, threads=1)
    files = sorted(folder.iterdir())[:count]
    begun = time.process_time()
    for file in files:
        quantifier.quantify(read(file))
    return time.process_time() - begun


def measure(count: int) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "recordings"
        make_files(folder, count)
        model = idle_model(Path(place) / "model")
        tenth = one_run(folder, Path(place) / "tenth", model, count // 10)
        whole = one_run(folder, Path(place) / "whole", model, count)
        alone = 1e3 * loop(folder, model, count // 10) / (count // 10)
    each = 1e3 * whole["seconds"] / count
    return {
        "files": count,
        "loop_ms_a_file": round(alone, 2),
        "ms_a_file": round(each, 2),
        "overhead_ms_a_file": round(each - alone, 2),
        "peak_mb": whole["peak_mb"],
        "peak_mb_of_a_tenth": tenth["peak_mb"],
    }


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=FILES, help="how many files")
    parser.add_argument("--run", type=Path, nargs=3, metavar="PATH", help="one run only: recordings, results, model")
    arguments = parser.parse_args()
    if arguments.run:
        print(json.dumps(run_here(*arguments.run, arguments.files)))
        return
    figures = measure(arguments.files)
    print(figures)
    keep("archive", figures)


if __name__ == "__main__":
    main()
