"""How well the score tells noisy from clean: ``python -m benchmarks.quality [--model FOLDER]``.

Nothing here trains or tunes anything. A lead-segment with a fault counts as the worst score.

PTB-XL          Wasserstein-1 distance between clean leads (fold 10) and leads labelled static, burst and baseline noise
                (all folds), after standardising both together, as published; signed: negative where noise scores
                cleaner. AUROC beside it.
Challenge 2011  AUROC of a record's worst lead against acceptable / unacceptable, and of labelled leads.
Challenge 2017  AUROC of a record's mean score against the label ``~``.
Noise stress    mean PSNR of clean PTB-XL leads (fold 9) with noise of the MIT-BIH Noise Stress Test Database added.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly
from tqdm import tqdm

from benchmarks import datasets
from benchmarks.machine import keep
from ecgnoise import Quantifier, Recording, Result, read
from ecgnoise.metrics import auroc, signed_wasserstein

Array = NDArray[np.float64]
WORST = 0.0
SNRS = (24, 18, 12, 6, 0, -6)
STRESS_LEADS = 240


def worst_where_missing(psnr: Array) -> Array:
    """Scores with the worst possible one where a fault forbids a score."""
    return np.where(np.isnan(psnr), WORST, psnr)


def interval(clean: Array, noisy: Array, measure: Any, draws: int = 200) -> list[float]:
    """Bootstrap 95 % interval of a measure of two samples."""
    generator = np.random.default_rng(0)
    values = [measure(generator.choice(clean, len(clean)), generator.choice(noisy, len(noisy))) for _ in range(draws)]
    return [round(float(value), 3) for value in np.percentile(values, [2.5, 97.5])]


def compare(clean: Array, noisy: Array) -> dict[str, Any]:
    """W1 and AUROC with intervals and counts."""
    return {
        "w1": round(signed_wasserstein(clean, noisy), 3),
        "w1_interval": interval(clean, noisy, signed_wasserstein),
        "auroc": round(auroc(clean, noisy), 3),
        "auroc_interval": interval(clean, noisy, auroc),
        "clean": len(clean),
        "noisy": len(noisy),
    }


def score(quantifier: Quantifier, path: Path) -> Result:
    """Score one record."""
    return quantifier.quantify(read(path))


def ptbxl(quantifier: Quantifier) -> dict[str, Any]:
    """W1 and AUROC of each noise label, and the macro average of W1."""
    clean: list[float] = []
    noisy: dict[str, list[float]] = {"static_noise": [], "burst_noise": [], "baseline_drift": []}
    for record in progress("PTB-XL", list(datasets.ptbxl())):
        if record.fold != 10 and not any(record.labels[kind] for kind in noisy):
            continue
        psnr = worst_where_missing(score(quantifier, record.path).psnr)[:, 0]
        if record.fold == 10:
            clean += [psnr[lead] for lead in record.labels["clean"]]
        for kind, values in noisy.items():
            values += [psnr[lead] for lead in record.labels[kind]]
    figures: dict[str, Any] = {kind: compare(np.array(clean), np.array(values)) for kind, values in noisy.items()}
    figures["macro_w1"] = round(float(np.mean([figures[kind]["w1"] for kind in noisy])), 3)
    return figures


def challenge_2011(quantifier: Quantifier) -> dict[str, Any]:
    """AUROC of records by their worst lead, and of labelled leads with and without faults."""
    records: dict[str, list[float]] = {"1": [], "0": [], "": []}
    leads: dict[tuple[bool, bool], list[float]] = {(bad, fault): [] for bad in (True, False) for fault in (True, False)}
    for path, acceptable, bad in progress("Challenge 2011", list(datasets.challenge_2011())):
        result = score(quantifier, path)
        psnr = worst_where_missing(result.psnr)[:, 0]
        records[acceptable].append(float(psnr.min()))
        for lead, is_bad in bad.items():
            leads[is_bad, bool(result.fault[lead, 0])].append(float(psnr[lead]))
    good_leads = np.array(leads[False, False] + leads[False, True])
    return {
        "records": compare(np.array(records["1"]), np.array(records["0"])),
        "leads": compare(good_leads, np.array(leads[True, False] + leads[True, True])),
        "leads_without_faults": compare(np.array(leads[False, False]), np.array(leads[True, False])),
        "good_leads_with_fault": len(leads[False, True]),
        "bad_leads_with_fault": len(leads[True, True]),
    }


def challenge_2017(quantifier: Quantifier) -> dict[str, Any]:
    """AUROC of the label ``~`` by a record's mean score, segments weighing by their duration."""
    scores: dict[bool, list[float]] = {True: [], False: []}
    for path, label in progress("Challenge 2017", list(datasets.challenge_2017())):
        result = score(quantifier, path)
        mean = np.average(worst_where_missing(result.psnr)[0], weights=result.duration)
        scores[label == "~"].append(float(mean))
    return {"records": compare(np.array(scores[False]), np.array(scores[True]))}


def stress(quantifier: Quantifier) -> dict[str, Any]:
    """Mean PSNR of clean fold-9 leads without noise and with real noise at each SNR."""
    paths = [record.path for record in datasets.ptbxl() if record.fold == 9 and len(record.labels["clean"]) == 12]
    clean = np.concatenate([read(path).signal for path in paths])
    chosen = np.random.default_rng(0).choice(len(clean), min(STRESS_LEADS, len(clean)), replace=False)
    leads = clean[np.sort(chosen)]
    figures: dict[str, Any] = {"leads": len(leads), "clean": mean_psnr(quantifier, leads)}
    for kind in progress("Noise stress", ["bw", "em", "ma"]):
        recording = read(datasets.data_folder() / "nstdb" / f"{kind}.hea")
        noise = resample_poly(recording.signal, 25, 18, axis=1)
        figures[kind] = {str(snr): mean_psnr(quantifier, with_noise(leads, noise, snr)) for snr in SNRS}
    return figures


def with_noise(leads: NDArray[np.float32], noise: NDArray[np.float32], snr: float) -> NDArray[np.float32]:
    """Each lead with its own stretch of noise, scaled to an SNR in dB of variances over the lead."""
    mixed = []
    for index, lead in enumerate(leads):
        start = int(np.random.default_rng(index).integers(0, noise.shape[1] - len(lead)))
        stretch = noise[index % len(noise), start : start + len(lead)]
        stretch = stretch - stretch.mean()
        mixed.append(lead + stretch * np.sqrt(lead.var() / stretch.var() / 10 ** (snr / 10)))
    return np.array(mixed, dtype=np.float32)


def mean_psnr(quantifier: Quantifier, leads: NDArray[np.float32]) -> float:
    """Mean PSNR of leads at 500 Hz."""
    result = quantifier.quantify(Recording.from_array(leads, 500.0))
    return round(float(worst_where_missing(result.psnr).mean()), 2)


def progress(what: str, items: list[Any]) -> Iterable[Any]:
    """The items behind a progress bar on a terminal."""
    return tqdm(items, desc=what, disable=not sys.stderr.isatty())


PARTS = {"ptbxl": ptbxl, "challenge_2011": challenge_2011, "challenge_2017": challenge_2017, "stress": stress}


def main() -> None:
    """Run the parts asked for and keep their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="model folder")
    parser.add_argument("--only", choices=PARTS, action="append", help="run this part only and keep nothing")
    arguments = parser.parse_args()
    quantifier = Quantifier(arguments.model)
    figures: dict[str, Any] = {"model": str(quantifier.model)}
    for name in arguments.only or PARTS:
        figures[name] = PARTS[name](quantifier)
        print(name, figures[name], flush=True)
    if not arguments.only:
        keep("quality", figures)


if __name__ == "__main__":
    main()
