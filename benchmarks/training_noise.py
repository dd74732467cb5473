"""Noise to train the level network of the bundled model with: ``python -m benchmarks.training_noise FOLDER``.

The first half of each record of the MIT-BIH Noise Stress Test Database, in ``ECGNOISE_DATA/nstdb``, in the folders that
``ecgnoise train levels --noise FOLDER`` expects. The second half is what is tested with.
"""

import argparse
from pathlib import Path

from benchmarks.quality.noises import RATE, recorded
from ecgnoise import Recording
from ecgnoise.noise_levels import BASELINE_WANDER, ELECTRODE, MUSCLE
from ecgnoise.writers import write_recording

FIRST_HALF = (0.0, 0.5)
FOLDERS = {"bw": BASELINE_WANDER, "em": ELECTRODE, "ma": MUSCLE}


def main() -> None:
    """Write the three recordings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a new folder")
    folder = parser.parse_args().folder
    for name, kind in FOLDERS.items():
        place = folder / kind
        place.mkdir(parents=True)
        recording = Recording.from_array(recorded(name, FIRST_HALF), RATE, source=f"nstdb {name}, first half")
        write_recording(recording, place / f"{name}.npz")


if __name__ == "__main__":
    main()
