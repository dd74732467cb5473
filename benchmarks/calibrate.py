"""The stress curve of a model: ``python -m benchmarks.calibrate [--model FOLDER] [--leads N]``.

Clean leads of PTB-XL fold 9 get noise of the MIT-BIH Noise Stress Test Database (bw, em, ma) at falling SNR and are
scored. The percentiles of their PSNR, over leads and kinds of noise, go into the model's ``model.toml`` (entry
``stress``), from which estimated SNRs are read off; the figures go to ``benchmarks/results/calibrate.json``. Where
the model is the bundled one, the table in ``docs/score.md`` is written again.

Needs ``ECGNOISE_DATA`` with ``ptb-xl`` and ``nstdb``, and the extra ``train``. The hash of the model changes.
"""

import argparse
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly
from tqdm import tqdm

from benchmarks import datasets
from benchmarks.machine import between, keep
from benchmarks.quality import with_noise
from ecgnoise import Quantifier, Recording, read
from ecgnoise.models.description import ModelDescription, StressStep, describe, to_plain
from ecgnoise.models.folder import BUNDLED, DESCRIPTION, HASH_DIGITS, digest, load_folder

Leads = NDArray[np.float32]
FOLD = 9
RATE = 500.0
SNRS = (-12, -6, 0, 6, 12, 18, 24, 30)
KINDS = ("bw", "em", "ma")
LEADS = 120
PERCENTILES = (16, 50, 84)
PAGE = Path(__file__).parents[1] / "docs" / "score.md"
BEGIN, END = "<!-- bundled model: written by benchmarks.calibrate -->\n", "<!-- end -->"


def clean_leads(count: int) -> Leads:
    """Clean leads of fold 9, drawn with a fixed seed: (leads, samples) at 500 Hz."""
    paths = [record.path for record in datasets.ptbxl() if record.fold == FOLD and len(record.labels["clean"]) == 12]
    clean = np.concatenate([read(path).signal for path in paths])
    chosen = np.random.default_rng(0).choice(len(clean), min(count, len(clean)), replace=False)
    return clean[np.sort(chosen)]


def measure(quantifier: Quantifier, leads: Leads) -> dict[str, dict[str, Any]]:
    """PSNR of the leads, those with a fault left out, by kind of noise and SNR."""
    scores: dict[str, dict[str, Any]] = {}
    bar = tqdm(total=len(KINDS) * len(SNRS), desc="noise stress", disable=None)
    for kind in KINDS:
        noise = resample_poly(read(datasets.data_folder() / "nstdb" / f"{kind}.hea").signal, 25, 18, axis=1)
        scores[kind] = {}
        for snr in SNRS:
            recording = Recording.from_array(with_noise(leads, noise, snr), RATE)
            psnr = quantifier.quantify(recording).psnr.ravel()
            scores[kind][str(snr)] = psnr[np.isfinite(psnr)]
            bar.update()
    bar.close()
    return scores


def curve(scores: dict[str, dict[str, Any]]) -> tuple[StressStep, ...]:
    """The stress curve: percentiles over leads and kinds of noise at each SNR."""
    steps = []
    for snr in SNRS:
        pooled = np.concatenate([scores[kind][str(snr)] for kind in scores])
        steps.append(StressStep(float(snr), *np.percentile(pooled, PERCENTILES).round(2).tolist()))
    return tuple(steps)


def write_curve(folder: Path, stress: tuple[StressStep, ...]) -> None:
    """Put the curve into ``model.toml``; every other entry, and so every checksum, stays."""
    import tomli_w

    file = folder / DESCRIPTION
    description = replace(describe(tomllib.loads(file.read_text(encoding="utf-8"))), stress=stress)
    partial = file.with_name(f".{file.name}.partial")
    partial.write_bytes(tomli_w.dumps(to_plain(description)).encode())
    partial.replace(file)


def identity(description: ModelDescription) -> str:
    """Name, version and hash of the model without its stress curve, on which no PSNR depends."""
    import tomli_w

    plain = to_plain(replace(description, stress=()))
    return f"{description.name} {description.version} ({digest(tomli_w.dumps(plain).encode())[:HASH_DIGITS]})"


def figures(scores: dict[str, dict[str, Any]], clean: NDArray[np.float64]) -> dict[str, Any]:
    """What is kept: percentiles of each kind of noise and of the clean leads."""
    percentiles = {
        kind: {snr: np.percentile(psnr, PERCENTILES).round(2).tolist() for snr, psnr in of_kind.items()}
        for kind, of_kind in scores.items()
    }
    counted = sum(len(psnr) for of_kind in scores.values() for psnr in of_kind.values())
    return {
        "leads": len(clean),
        "faults": len(clean) * len(SNRS) * len(KINDS) - counted,
        "clean": np.nanpercentile(clean, PERCENTILES).round(2).tolist(),
        **percentiles,
    }


def table(description: ModelDescription) -> str:
    """The numbers of a model, for ``docs/score.md``."""
    reference = description.clean_percentiles
    low, high = description.stress[0].snr, description.stress[-1].snr
    stress = [
        f"| {'<= ' * (step.snr == low)}{'>= ' * (step.snr == high)}{step.snr:.0f} | {step.median:.1f} "
        f"| {step.low:.1f} to {step.high:.1f} |"
        for step in reversed(description.stress)
    ]
    lines = [
        f"Model {description.name} {description.version}:",
        "",
        "| percentile among clean leads | 0 | 5 | 25 | 50 | 75 | 95 | 100 |",
        "|---|---|---|---|---|---|---|---|",
        "| PSNR dB | " + " | ".join(f"{reference[place]:.1f}" for place in (0, 5, 25, 50, 75, 95, 100)) + " |",
        "",
        "| SNR dB | median PSNR dB | two thirds of leads |",
        "|---|---|---|",
        *stress,
    ]
    return "\n".join(lines) + "\n"


def with_table(page: str, description: ModelDescription) -> str:
    """The page with the numbers of this model between its two markers."""
    return between(page, BEGIN, END, table(description))


def main() -> None:
    """Measure, keep and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=BUNDLED, help="model folder")
    parser.add_argument("--leads", type=int, default=LEADS, help="clean leads a kind of noise")
    parser.add_argument("--threads", type=int, help="threads of the network")
    arguments = parser.parse_args()
    folder = load_folder(arguments.model)
    quantifier = Quantifier(arguments.model, threads=arguments.threads)
    leads = clean_leads(arguments.leads)
    scores = measure(quantifier, leads)
    clean = quantifier.quantify(Recording.from_array(leads, RATE)).psnr.ravel()
    write_curve(folder.path, curve(scores))
    written = load_folder(folder.path)
    keep("calibrate", {"model": identity(written.description), **figures(scores, clean)})
    if arguments.model == BUNDLED:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), written.description), encoding="utf-8")


if __name__ == "__main__":
    main()
