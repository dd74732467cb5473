"""Kinds of noise that training did not have: ``python -m benchmarks.left_out FOLDER``.

FOLDER holds a model folder ``levels_without_KIND`` for each of ``ecgnoise.noise_levels.KINDS`` that was left out. Each
is asked for the SNR of clean leads of PTB-XL fold 10 with noise of that kind, as ``benchmarks.quality`` measures it.
The figures go to ``benchmarks/results/left_out.json``, unless fold 9 or few leads are asked for. Needs
``ECGNOISE_DATA`` with ``ptb-xl`` and ``nstdb``.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import keep
from benchmarks.quality.noises import KINDS as NOISES
from benchmarks.quality.noises import OF_KIND
from benchmarks.quality.part import DEVELOPMENT_FOLD, FULL, QUICK, Sizes
from benchmarks.quality.readings import Ecgnoise
from benchmarks.quality.snr import BASES, absolute_error, mixtures, rank_correlation
from benchmarks.quality.stress import SNRS, clean_leads, clean_records
from ecgnoise import Quantifier
from ecgnoise.noise_levels import KINDS

PREFIX = "levels_without_"


def folders(folder: Path) -> dict[str, Path]:
    """The model folders by the kind that was left out; SystemExit where there is none."""
    found = {kind: folder / f"{PREFIX}{kind}" for kind in KINDS if (folder / f"{PREFIX}{kind}").is_dir()}
    if not found:
        raise SystemExit(f"{folder}: no folder {PREFIX}KIND in it, KIND being one of {', '.join(KINDS)}")
    return found


def measured(ours: Ecgnoise, noises: Sequence[str], sizes: Sizes) -> dict[str, Any]:
    """Errors of the estimated SNR for each base and noise."""
    _, leads = clean_leads(clean_records(sizes.fold), sizes.snr)
    figures: dict[str, Any] = {}
    for base, change in BASES.items():
        readings = iter(list(ours.readings(mixtures(change(leads), noises, sizes.noise_part))))
        figures[base] = {}
        for noise in noises:
            scores = np.stack([next(readings).snr[:, 0, 0] for _ in SNRS], axis=1)
            figures[base][noise] = {
                "mae": round(absolute_error(scores), 3),
                "spearman": round(rank_correlation(scores), 3),
            }
    return figures


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the model folders")
    parser.add_argument("--quick", action="store_true", help="few leads; keeps nothing")
    parser.add_argument("--development", action="store_true", help="leads of fold 9; keeps nothing")
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else FULL
    if arguments.development:
        sizes = replace(sizes, fold=DEVELOPMENT_FOLD)
    kinds: dict[str, Any] = {}
    for kind, path in folders(arguments.folder).items():
        noises = [noise for noise in NOISES if OF_KIND[noise] == kind]
        kinds[kind] = measured(Ecgnoise(Quantifier(path)), noises, sizes)
        print(kind, kinds[kind], flush=True)
    if not (arguments.quick or arguments.development):
        keep("left_out", {"leads": sizes.snr, "kinds": kinds})


if __name__ == "__main__":
    main()
