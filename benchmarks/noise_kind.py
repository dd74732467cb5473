"""How often the kind of noise is right: ``python -m benchmarks.noise_kind``.

Clean leads with one kind of noise at 6, 0 and -6 dB, and the kind that is told of each:

- ``development``: PTB-XL fold 9 with simulated noise, and with the first half of the noise that the Noise Stress Test
  Database recorded; ``benchmarks.fit_kinds`` fits ``ecgnoise.kinds`` to it;
- ``test``: PTB-XL fold 10 and LUDB with simulated noise of other seeds and the second half of the recorded noise. The
  choice of features saw development only.

And of PTB-XL's leads with one remark on noise, fold 10, what is told of those that are not ``good``. The figures go to
``benchmarks/results/noise_kind.json``. Needs ``ECGNOISE_DATA`` with ``ptb-xl``, ``ludb`` and ``nstdb``.
"""

import argparse
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks import datasets
from benchmarks.machine import keep
from benchmarks.quality.noises import KINDS as STRESS_KINDS
from benchmarks.quality.noises import RATE, RECORDED, SPIKES, Signal, add, spikes, stretches
from benchmarks.quality.stress import DEVELOPMENT_FOLD, TEST_FOLD, clean_leads, clean_records, stress_leads
from ecgnoise import Quantifier, Recording, read
from ecgnoise.levels import BASELINE_WANDER, BROADBAND, ELECTRODE, KINDS, MAINS, MUSCLE, SPIKE
from ecgnoise.simulate import NoiseKind, noise

SNRS = (6, 0, -6)
DEVELOPMENT_SEED = 11
DEVELOPMENT_PART, TEST_PART = (0.0, 0.5), (0.5, 1.0)
OF_RECORDED = {"bw": BASELINE_WANDER, "em": ELECTRODE, "ma": MUSCLE}
OF_SIMULATED: dict[str, str] = {
    NoiseKind.BASELINE_WANDER: BASELINE_WANDER,
    NoiseKind.MUSCLE: MUSCLE,
    NoiseKind.MAINS_50: MAINS,
    NoiseKind.MAINS_60: MAINS,
    NoiseKind.ELECTRODE_STEPS: ELECTRODE,
    NoiseKind.MOTION_BURSTS: ELECTRODE,
    NoiseKind.WHITE: BROADBAND,
    SPIKES: SPIKE,
}
LABELS = ("baseline_drift", "static_noise", "burst_noise")

Told = dict[str, dict[str, dict[str, int]]]


def development(count: int) -> tuple[Signal, dict[str, Signal]]:
    """Clean leads of fold 9, and noise of each kind for them."""
    _, leads = clean_leads(clean_records(DEVELOPMENT_FOLD), count)
    return leads, development_noises(leads.shape)


def development_noises(shape: tuple[int, ...]) -> dict[str, Signal]:
    """Noise of each kind, simulated and recorded, by name, (leads, samples) at 500 Hz."""
    count, samples = shape
    of_database = {kind: stretches(kind, count, samples, DEVELOPMENT_PART) for kind in RECORDED}
    simulated = {kind: noise(kind, shape, RATE, DEVELOPMENT_SEED).astype(np.float32) for kind in NoiseKind}
    return {**of_database, **simulated, SPIKES: spikes(count, samples, seed=DEVELOPMENT_SEED)}


def test(count: int) -> tuple[Signal, dict[str, Signal]]:
    """Clean leads of fold 10 and LUDB, and the kinds of noise of the stress test for them."""
    _, leads = stress_leads(count - count // 2, count // 2)
    return leads, {kind: stretches(kind, *leads.shape, TEST_PART) for kind in STRESS_KINDS}


def told(leads: Signal, noises: Mapping[str, Signal], quantifier: Quantifier) -> Told:
    """How often each kind is told, by kind of noise and SNR."""
    counts: Told = {}
    for kind, noisy in noises.items():
        counts[str(kind)] = {}
        for snr in SNRS:
            result = quantifier.quantify(Recording.from_array(add(leads, noisy, snr), RATE))
            counts[str(kind)][str(snr)] = dict(Counter(result.noise_kind[result.noise_kind != ""].tolist()))
        print(kind, counts[str(kind)], flush=True)
    return counts


def right(counts: Told) -> dict[str, float]:
    """Share that is right at each SNR and in all, every kind of :data:`ecgnoise.levels.KINDS` counting the same."""
    shares: dict[str, float] = {}
    for name, snrs in {"all": [str(snr) for snr in SNRS], **{str(snr): [str(snr)] for snr in SNRS}}.items():
        rows = confusion(counts, snrs)
        shares[name] = round(float(np.mean([row.get(kind, 0) / sum(row.values()) for kind, row in rows.items()])), 3)
    return shares


def confusion(counts: Told, snrs: list[str]) -> dict[str, Counter[str]]:
    """How often each kind is told of each kind that it is."""
    truth = OF_SIMULATED | OF_RECORDED
    rows: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for kind, by_snr in counts.items():
        for snr in snrs:
            rows[truth[kind]].update(by_snr[snr])
    return rows


def labelled(count: int, quantifier: Quantifier) -> dict[str, dict[str, int]]:
    """Of leads of fold 10 with one remark on noise, how often each kind is told, and how many are ``good``."""
    counts: dict[str, Counter[str]] = {label: Counter() for label in LABELS}
    for record in datasets.ptbxl():
        for label in LABELS if record.fold == TEST_FOLD else ():
            others = set().union(*(record.labels[other] for other in LABELS if other != label))
            leads = sorted(record.labels[label] - others)
            if leads and counts[label].total() < count:
                recording = read(record.path)
                result = quantifier.quantify(recording.pick([recording.lead_names[lead] for lead in leads[:3]]))
                words = np.where(result.grade == "good", "good", result.noise_kind)
                counts[label].update(words[words != ""].tolist())
    return {label: dict(row) for label, row in counts.items()}


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leads", type=int, default=96, help="clean leads of each set")
    parser.add_argument("--labelled", type=int, default=150, help="leads of each remark")
    parser.add_argument("--development", action="store_true", help="development only; nothing is kept")
    arguments = parser.parse_args()
    quantifier = Quantifier()
    figures: dict[str, Any] = {"model": str(quantifier.model), "leads": arguments.leads}
    for name, material in {"development": development, "test": test}.items():
        if name == "test" and arguments.development:
            return
        counts = told(*material(arguments.leads), quantifier)
        figures[name] = {"right": right(counts), "told": counts}
        print(name, figures[name]["right"], flush=True)
    figures["labelled"] = labelled(arguments.labelled, quantifier)
    keep("noise_kind", figures)


if __name__ == "__main__":
    main()
