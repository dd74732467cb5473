"""The bundled network with its answers counted in another way: ``python -m benchmarks.recount MODEL OUT``.

Writes a model folder with the network of MODEL and the queries of ``ecgnoise.training.default.teacher``: scales,
grades and percentiles are measured again on clean leads of PTB-XL fold 9. ``python -m benchmarks.choices`` says what a
way of counting is worth. The stress curve is left out: run ``python -m benchmarks.calibrate`` after it.

Needs ``ECGNOISE_DATA`` with ``ptb-xl``, and the extra ``train``.
"""

import argparse
from pathlib import Path

from benchmarks.datasets import data_folder
from ecgnoise.models.folder import load_folder
from ecgnoise.training.default.data import load_training_set
from ecgnoise.training.default.teacher import WATCHED, count_anew
from ecgnoise.training.recordings.records import WATCH, take
from ecgnoise.training.recordings.sources import watched


def main() -> None:
    """Read the clean leads, count and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="model folder, or default")
    parser.add_argument("out", type=Path, help="the new model folder")
    arguments = parser.parse_args()
    data = data_folder()
    clean = load_training_set(take(data, {WATCHED: watched(data)}, WATCH))
    model = count_anew(load_folder(arguments.model), clean, arguments.out)
    print(f"wrote {arguments.out}: {model.hash}, {model.description.thresholds}")


if __name__ == "__main__":
    main()
