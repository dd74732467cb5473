"""How far scores differ between kinds of processors: ``python -m benchmarks.processors``.

The same simulated recordings are scored by this processor and by older ones that QEMU emulates, which have other
instructions for products of 8-bit numbers and of floats, and so another order of sums. The largest differences go to
``benchmarks/results/processors.json``. Needs ``qemu-x86_64-static`` (Debian's qemu-user-static), on Linux.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import keep
from ecgnoise import NoiseKind, Quantifier, Recording, add_noise, simulate_ecg

EMULATOR = "qemu-x86_64-static"
PROCESSORS = {"Haswell": "AVX2 (2013)", "Nehalem": "SSE 4.2 (2008)"}
MEASURES = {
    "psnr": "PSNR",
    "estimated_snr": "SNR and its interval",
    "noise": "noise levels of a lead-segment",
    "local_noise": "noise levels of a span",
    "effective_snr": "effective SNR",
}
SNRS = (24.0, 12.0, 0.0)


def recordings() -> list[Recording]:
    """Twelve leads without noise, and with each kind of it."""
    clean = [simulate_ecg(10, 500.0, seed=seed) for seed in range(len(SNRS))]
    kinds = (NoiseKind.MUSCLE, NoiseKind.ELECTRODE_STEPS, NoiseKind.BASELINE_WANDER)
    return [clean[0], *(add_noise(one, kind, snr) for one, kind, snr in zip(clean, kinds, SNRS, strict=True))]


def score(out: Path) -> None:
    """Score them all, and keep what is compared."""
    quantifier = Quantifier(threads=1)
    results = [quantifier.quantify(recording) for recording in recordings()]
    np.savez(out, **{name: np.stack([getattr(result, name) for result in results]) for name in (*MEASURES, "grade")})


def compared(ours: Any, theirs: Any) -> dict[str, float]:
    """The largest difference of each measure in dB, and how many grades differ."""
    found = {name: float(np.nanmax(np.abs(ours[name] - theirs[name]))) for name in MEASURES}
    return {name: round(value, 4) for name, value in found.items()} | {
        "grades": int((ours["grade"] != theirs["grade"]).sum())
    }


def main() -> None:
    """Score here and there, compare, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--score", type=Path, metavar="FILE", help="only score, into this file")
    arguments = parser.parse_args()
    if arguments.score is not None:
        score(arguments.score)
        return
    emulator = shutil.which(EMULATOR)
    if emulator is None:
        raise SystemExit(f"{EMULATOR} is not there: apt-get install qemu-user-static")
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / "here.npz"
        score(here)
        for name, instructions in PROCESSORS.items():
            there = Path(folder) / f"{name}.npz"
            command = [emulator, "-cpu", name, sys.executable, "-m", "benchmarks.processors", "--score", str(there)]
            subprocess.run(command, check=True)
            with np.load(here) as ours, np.load(there) as theirs:
                figures[name] = {"instructions": instructions, **compared(ours, theirs)}
                lead_segments = int(ours["psnr"].size)
            print(name, figures[name], flush=True)
    keep("processors", {"lead_segments": lead_segments, "processors": figures})


if __name__ == "__main__":
    main()
