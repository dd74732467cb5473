"""Ways of counting what a default model reconstructs, on development data: ``python -m benchmarks.choices``.

Clean leads of PTB-XL fold 9, alone and with noise added: the kinds of the noise stress at falling SNR, bursts of a
second, excursions of many times the height of a beat, and noise without any ECG; and limb leads with the same, as a
hand-held device gives them. The network is asked each query once; then its answers are counted in several
ways, each of them the queries of the model but for one change. The figures go to ``benchmarks/results/choices.json``
and, for the bundled model, into ``docs/model.md``. No lead here trained the model, and none is of a test set.

Needs ``ECGNOISE_DATA`` with ``ptb-xl`` and ``nstdb``.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.choice_takes import (
    BURST_KINDS,
    BURST_SNRS,
    EXCURSION_KINDS,
    EXCURSION_SNRS,
    HAND_HELD_RATE,
    LOST_KINDS,
    as_hand_held,
    limb_leads,
    takes,
)
from benchmarks.machine import between, keep
from benchmarks.quality.figures import Array, spearman
from benchmarks.quality.noises import KINDS, RATE, Signal
from benchmarks.quality.part import DEVELOPMENT_FOLD
from benchmarks.quality.stress import SNRS, clean_leads, clean_records
from ecgnoise.models.description import DENOISER, Query
from ecgnoise.models.folder import BUNDLED, ModelFolder, load_folder
from ecgnoise.models.load import OnnxDenoiser, available_processors
from ecgnoise.models.reconstruct import QueryReconstructor, Scalograms, counted_ratio
from ecgnoise.scalogram.profile import DEFAULT, Images, level_images, qrs_level, valid_rows
from ecgnoise.scalogram.superlet import superlet
from ecgnoise.scoring.metrics import auroc

LEADS = 100
BATCH = 50
FINE = (24, 18, 12, 6)
CONTINUOUS = ("white", "ma")
GROSS = ("lost em", "lost ma", "lost white", "em -6", "ma -6")
MODERATE = ("ma 18", "ma 12", "bw 18", "bw 12", "mains_50 18", "mains_50 12")
HAND_HELD = "hand-held "
READABLE = ("clean", "bw 12", "bw 6", "bw 0", "bw -6", "ma 18", "ma 12", "em 18", "em 12", "mains_50 12")
UNREADABLE = (*GROSS, "em 0", "ma 0", "white -6")
QUANTILE = 0.95
PAGE = Path(__file__).parents[1] / "docs" / "model.md"
BEGIN, END = "<!-- written by benchmarks.choices -->\n", "<!-- end -->"
COLUMNS = {
    "fine": "fine noise",
    "continuous": "continuous",
    "bursts": "bursts",
    "excursions": "excursions",
    "lost": "no ECG",
    "gross": "gross below moderate",
    "unreadable": "hand-held, unreadable",
    "spearman": "Spearman",
    "falls": "falling steps",
}

Queries = tuple[Query, ...]


class RememberedAnswers(QueryReconstructor):
    """Asks the network each query about some images once."""

    def __init__(self, denoiser: OnnxDenoiser) -> None:
        super().__init__(denoiser, (), DEFAULT)
        self._answers: dict[Any, NDArray[np.float16]] = {}

    def answer(self, query: Query, scalograms: Scalograms) -> Images:
        """The network's reconstruction, (n, rows, columns), to half precision."""
        key = (query.hidden, query.sigma, id(scalograms))
        if key not in self._answers:
            self._answers[key] = super().answer(query, scalograms).astype(np.float16)
        return self._answers[key].astype(np.float32)


@dataclass(frozen=True)
class Material:
    """Images of each take in batches, by name, and what answers queries about them."""

    scalograms: Mapping[str, Sequence[Scalograms]]
    reconstructor: QueryReconstructor

    def errors(self, query: Query) -> dict[str, Array]:
        """The error of each lead of each take before it is scaled, (leads,)."""
        plain = replace(query, scale=1.0, weight=1.0, power=1.0, ceiling=0.0)
        return {
            name: np.concatenate([self._mean(plain, batch) for batch in batches])
            for name, batches in self.scalograms.items()
        }

    def _mean(self, query: Query, batch: Scalograms) -> Array:
        answer = self.reconstructor.answer(query, batch)
        return self.reconstructor.counted_error(query, batch, answer).mean(axis=(1, 2))


def draw(signal: Signal, rate: int = RATE) -> list[Scalograms]:
    """Images of leads in mV at a sampling frequency in Hz."""
    transform, batches = superlet(DEFAULT, rate), []
    for first in range(0, len(signal), BATCH):
        levels = transform(signal[first : first + BATCH])
        reference = qrs_level(levels, DEFAULT)
        images = np.asarray(level_images(levels, reference, DEFAULT), np.float32)
        batches.append(Scalograms(images, reference, known=True, valid=valid_rows(DEFAULT, rate)))
    return batches


def counted(query: Query, errors: Mapping[str, Array]) -> dict[str, Array]:
    """What a query adds to the score's squared error, scaled by the clean leads."""
    scale = float(np.quantile(errors["clean"], QUANTILE))
    return {name: query.weight * counted_ratio(query, values / scale) for name, values in errors.items()}


def scores(queries: Queries, material: Material, kept: dict[Query, dict[str, Array]]) -> dict[str, Array]:
    """The score of each lead of each take, high is clean, in dB but for a constant."""
    parts = []
    for query in queries:
        plain = replace(query, name="", scale=1.0, weight=1.0, power=1.0, ceiling=0.0)
        if plain not in kept:
            kept[plain] = material.errors(plain)
        parts.append(counted(query, kept[plain]))
    return {name: -10 * np.log10(sum(part[name] for part in parts) + 1e-9) for name in parts[0]}


def figures(score: Mapping[str, Array]) -> dict[str, float]:
    """How well a score tells the takes apart."""
    clean = score["clean"]

    def told(names: Sequence[str]) -> float:
        return float(np.mean([auroc(clean, score[name]) for name in names]))

    def all_of(names: Sequence[str], place: str = "") -> Array:
        return np.concatenate([score[place + name] for name in names])

    steps = [np.stack([score[f"{kind} {snr}"] for snr in SNRS], axis=1) for kind in KINDS]
    values = {
        "fine": told([f"{kind} {snr}" for kind in KINDS for snr in FINE]),
        "continuous": told([f"{kind} {snr}" for kind in CONTINUOUS for snr in FINE]),
        "bursts": told([f"burst {kind} {snr}" for kind in BURST_KINDS for snr in BURST_SNRS]),
        "excursions": told([f"excursion {kind} {snr}" for kind in EXCURSION_KINDS for snr in EXCURSION_SNRS]),
        "lost": told([f"lost {kind}" for kind in LOST_KINDS]),
        "gross": auroc(all_of(MODERATE), all_of(GROSS)),
        "unreadable": auroc(all_of(READABLE, HAND_HELD), all_of(UNREADABLE, HAND_HELD)),
        "spearman": float(np.mean([spearman(columns, SNRS) for columns in steps])),
        "falls": float(np.mean([np.diff(columns, axis=1) < 0 for columns in steps])),
    }
    return {name: round(value, 3) for name, value in values.items()}


def changed(queries: Queries, **changes: Any) -> Queries:
    """All queries with these entries changed; an entry may be a function of what it was."""
    return tuple(
        replace(query, **{name: to(query) if callable(to) else to for name, to in changes.items()}) for query in queries
    )


def variants(queries: Queries) -> dict[str, Queries]:
    """The queries of the model, each of them alone, all without each of them, and all with something changed."""
    found = {"as it is": queries}
    found |= {f"`{query.name}` alone": (query,) for query in queries}
    found |= {f"without `{query.name}`": tuple(other for other in queries if other is not query) for query in queries}
    return found | {
        "all spans alike (`time_power` 1)": changed(queries, time_power=1.0),
        "`time_power` 2": changed(queries, time_power=2.0),
        "`time_power` 4": changed(queries, time_power=4.0),
        "both ways everywhere": changed(queries, one_sided=False),
        "only what is too much, everywhere": changed(queries, one_sided=True),
        "power 1 everywhere": changed(queries, power=1.0),
        "with ceilings of 3 where there is none": changed(queries, ceiling=lambda q: q.ceiling or 3.0),
        "`beats` up to 12 Hz": renewed(queries, "beats", counted=(0.8, 12.0)),
        "`low` without a ceiling": renewed(queries, "low", ceiling=0.0),
        "`low` in proportion, without a ceiling": renewed(queries, "low", power=1.0, ceiling=0.0),
        "`high` counts twice": renewed(queries, "high", weight=lambda q: 2 * q.weight),
    }


def renewed(queries: Queries, name: str, **changes: Any) -> Queries:
    """The query of this name changed, as :func:`changed` does it, the others as they are."""
    return tuple(changed((query,), **changes)[0] if query.name == name else query for query in queries)


def table(measured: Mapping[str, Mapping[str, float]]) -> str:
    """A row a variant."""
    lines = [f"| counting | {' | '.join(COLUMNS.values())} |", "|---" * (len(COLUMNS) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(f'{row[key]:.3f}' for key in COLUMNS)} |" for name, row in measured.items()]
    return "\n".join(lines) + "\n"


def with_table(page: str, measured: Mapping[str, Mapping[str, float]]) -> str:
    """The page with the table between its two markers."""
    return between(page, BEGIN, END, table(measured))


def ask(model: str, leads: Signal, limbs: Signal) -> tuple[ModelFolder, Material]:
    """A model and its answers to all takes of leads, and of limb leads as from a hand-held device."""
    folder = load_folder(model)
    reconstructor = RememberedAnswers(OnnxDenoiser(folder.file(DENOISER), available_processors()))
    scalograms = {name: draw(signal) for name, signal in takes(leads)}
    hand_held = {HAND_HELD + name: draw(as_hand_held(signal), HAND_HELD_RATE) for name, signal in takes(limbs)}
    return folder, Material(scalograms | hand_held, reconstructor)


def main() -> None:
    """Ask, count and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=BUNDLED, help="model folder")
    parser.add_argument("--beside", nargs=2, action="append", default=[], metavar=("NAME", "FOLDER"),
                        help="another model whose answers to count in the same way")  # fmt: skip
    parser.add_argument("--leads", type=int, default=LEADS, help="clean leads")
    arguments = parser.parse_args()
    _, leads = clean_leads(clean_records(DEVELOPMENT_FOLD), arguments.leads)
    limbs = limb_leads(arguments.leads // 2)
    measured = {}
    for name, model in arguments.beside:
        _, material = ask(model, leads, limbs)
        measured[name] = figures(scores(load_folder(arguments.model).description.queries, material, {}))
        print(name, measured[name], flush=True)
    folder, material = ask(arguments.model, leads, limbs)
    kept: dict[Query, dict[str, Array]] = {}
    for name, queries in tqdm(variants(folder.description.queries).items(), disable=None):
        measured[name] = figures(scores(queries, material, kept))
        print(name, measured[name], flush=True)
    keep("choices", {"model": f"{folder.description.name} {folder.hash}", "leads": len(leads), "variants": measured})
    if arguments.model == BUNDLED:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), measured), encoding="utf-8")


if __name__ == "__main__":
    main()
