"""Ways of counting what a default model redraws, on development data: ``python -m benchmarks.choices``.

Clean leads of PTB-XL fold 9, alone and with noise added: the kinds of the noise stress at falling SNR, bursts of a
second, and noise without any ECG. The network is asked each question once; then its answers are counted in several
ways, each of them the questions of the model but for one change. The figures go to ``benchmarks/results/choices.json``
and, for the bundled model, into ``docs/model.md``. No lead here trained the model, and none is of a test set.

Needs ``ECGNOISE_DATA`` with ``ptb-xl`` and ``nstdb``.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.machine import between, keep
from benchmarks.quality.figures import Array, spearman
from benchmarks.quality.noises import KINDS, RATE, Signal, add, stretches
from benchmarks.quality.stress import DEVELOPMENT_FOLD, SNRS, clean_leads, clean_records
from ecgnoise.metrics import auroc
from ecgnoise.models.description import DENOISER, Question
from ecgnoise.models.folder import BUNDLED, ModelFolder, load_folder
from ecgnoise.models.load import OnnxDenoiser, available_processors
from ecgnoise.models.redraw import Pictures, QuestionRedrawer, counted_ratio
from ecgnoise.profiles import DEFAULT, Images, held_rows, level_images, qrs_level
from ecgnoise.superlet import superlet

LEADS = 100
LOT = 50
FINE = (24, 18, 12, 6)
BURST_KINDS, BURST_SNRS = ("ma", "em", "white"), (6, 0, -6)
LOST_KINDS = ("em", "ma", "bw", "white")
GROSS = ("lost em", "lost ma", "lost white", "em -6", "ma -6")
MODERATE = ("ma 18", "ma 12", "bw 18", "bw 12", "mains_50 18", "mains_50 12")
QUANTILE = 0.95
PAGE = Path(__file__).parents[1] / "docs" / "model.md"
BEGIN, END = "<!-- written by benchmarks.choices -->\n", "<!-- end -->"
COLUMNS = {
    "fine": "fine noise",
    "bursts": "bursts",
    "lost": "no ECG",
    "gross": "gross below moderate",
    "spearman": "Spearman",
    "falls": "falling steps",
}

Questions = tuple[Question, ...]


def takes(leads: Signal) -> Iterator[tuple[str, Signal]]:
    """Leads without noise, and with each kind and amount of it, by name."""
    yield "clean", leads
    for kind in KINDS:
        noises = stretches(kind, *leads.shape)
        yield from ((f"{kind} {snr}", add(leads, noises, snr)) for snr in SNRS)
    for kind in BURST_KINDS:
        bursts = within_a_second(stretches(kind, *leads.shape))
        yield from ((f"burst {kind} {snr}", louder(leads, bursts, snr)) for snr in BURST_SNRS)
    for kind in LOST_KINDS:
        yield f"lost {kind}", stretches(kind, *leads.shape)


def within_a_second(noises: Signal) -> Signal:
    """Noise of unit deviation that rises and falls within one second of each lead, another for each."""
    noises = (noises - noises.mean(axis=1, keepdims=True)) / noises.std(axis=1, keepdims=True)
    window = np.zeros_like(noises)
    starts = np.random.default_rng(5).integers(0, noises.shape[1] - RATE, len(noises))
    for row, start in zip(window, starts, strict=True):
        row[start : start + RATE] = np.hanning(RATE)
    return np.asarray(window * noises, np.float32)


def louder(leads: Signal, bursts: Signal, snr: float) -> Signal:
    """Leads with bursts whose peak deviation is that of the lead less ``snr`` dB."""
    return np.asarray(leads + bursts * leads.std(axis=1, keepdims=True) * 10 ** (-snr / 20), np.float32)


class RememberedAnswers(QuestionRedrawer):
    """Asks the network each question about some pictures once."""

    def __init__(self, denoiser: OnnxDenoiser) -> None:
        super().__init__(denoiser, (), DEFAULT)
        self._answers: dict[Any, NDArray[np.float16]] = {}

    def answer(self, question: Question, pictures: Pictures) -> Images:
        """The network's redrawing, (n, rows, columns), to half precision."""
        key = (question.hidden, question.sigma, id(pictures))
        if key not in self._answers:
            self._answers[key] = super().answer(question, pictures).astype(np.float16)
        return self._answers[key].astype(np.float32)


@dataclass(frozen=True)
class Material:
    """Pictures of each take in lots, by name, and what answers questions about them."""

    pictures: Mapping[str, Sequence[Pictures]]
    redrawer: QuestionRedrawer

    def errors(self, question: Question) -> dict[str, Array]:
        """The error of each lead of each take before it is scaled, (leads,)."""
        plain = replace(question, scale=1.0, weight=1.0, power=1.0, ceiling=0.0)
        return {name: np.concatenate([self._mean(plain, lot) for lot in lots]) for name, lots in self.pictures.items()}

    def _mean(self, question: Question, lot: Pictures) -> Array:
        answer = self.redrawer.answer(question, lot)
        return self.redrawer.counted_error(question, lot, answer).mean(axis=(1, 2))


def draw(signal: Signal) -> list[Pictures]:
    """Pictures of leads at 500 Hz in mV."""
    transform, lots = superlet(DEFAULT, RATE), []
    for first in range(0, len(signal), LOT):
        levels = transform(signal[first : first + LOT])
        reference = qrs_level(levels, DEFAULT)
        images = np.asarray(level_images(levels, reference, DEFAULT), np.float32)
        lots.append(Pictures(images, reference, known=True, held=held_rows(DEFAULT, RATE)))
    return lots


def counted(question: Question, errors: Mapping[str, Array]) -> dict[str, Array]:
    """What a question adds to the score's squared error, scaled by the clean leads."""
    scale = float(np.quantile(errors["clean"], QUANTILE))
    return {name: question.weight * counted_ratio(question, values / scale) for name, values in errors.items()}


def scores(questions: Questions, material: Material, kept: dict[Question, dict[str, Array]]) -> dict[str, Array]:
    """The score of each lead of each take, high is clean, in dB but for a constant."""
    parts = []
    for question in questions:
        plain = replace(question, name="", scale=1.0, weight=1.0, power=1.0, ceiling=0.0)
        if plain not in kept:
            kept[plain] = material.errors(plain)
        parts.append(counted(question, kept[plain]))
    return {name: -10 * np.log10(sum(part[name] for part in parts) + 1e-9) for name in parts[0]}


def figures(score: Mapping[str, Array]) -> dict[str, float]:
    """How well a score tells the takes apart."""
    clean = score["clean"]

    def told(names: Sequence[str]) -> float:
        return float(np.mean([auroc(clean, score[name]) for name in names]))

    steps = [np.stack([score[f"{kind} {snr}"] for snr in SNRS], axis=1) for kind in KINDS]
    moderate, gross = (np.concatenate([score[name] for name in names]) for names in (MODERATE, GROSS))
    values = {
        "fine": told([f"{kind} {snr}" for kind in KINDS for snr in FINE]),
        "bursts": told([f"burst {kind} {snr}" for kind in BURST_KINDS for snr in BURST_SNRS]),
        "lost": told([f"lost {kind}" for kind in LOST_KINDS]),
        "gross": auroc(moderate, gross),
        "spearman": float(np.mean([spearman(columns, SNRS) for columns in steps])),
        "falls": float(np.mean([np.diff(columns, axis=1) < 0 for columns in steps])),
    }
    return {name: round(value, 3) for name, value in values.items()}


def changed(questions: Questions, **changes: Any) -> Questions:
    """All questions with these entries changed; an entry may be a function of what it was."""
    return tuple(
        replace(question, **{name: to(question) if callable(to) else to for name, to in changes.items()})
        for question in questions
    )


def variants(questions: Questions) -> dict[str, Questions]:
    """The questions of the model, each of them alone, all without each of them, and all with something changed."""
    found = {"as it is": questions}
    found |= {f"`{question.name}` alone": (question,) for question in questions}
    found |= {
        f"without `{question.name}`": tuple(other for other in questions if other is not question)
        for question in questions
    }
    return found | {
        "all spans alike (`time_power` 1)": changed(questions, time_power=1.0),
        "`time_power` 2": changed(questions, time_power=2.0),
        "`time_power` 4": changed(questions, time_power=4.0),
        "both ways everywhere": changed(questions, one_sided=False),
        "only what is too much, everywhere": changed(questions, one_sided=True),
        "power 1 everywhere": changed(questions, power=1.0),
        "with ceilings of 3 where there is none": changed(questions, ceiling=lambda q: q.ceiling or 3.0),
    }


def table(measured: Mapping[str, Mapping[str, float]]) -> str:
    """A row a variant."""
    lines = [f"| counting | {' | '.join(COLUMNS.values())} |", "|---" * (len(COLUMNS) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(f'{row[key]:.3f}' for key in COLUMNS)} |" for name, row in measured.items()]
    return "\n".join(lines) + "\n"


def with_table(page: str, measured: Mapping[str, Mapping[str, float]]) -> str:
    """The page with the table between its two markers."""
    return between(page, BEGIN, END, table(measured))


def ask(model: str, leads: Signal) -> tuple[ModelFolder, Material]:
    """A model and its answers to all takes."""
    folder = load_folder(model)
    redrawer = RememberedAnswers(OnnxDenoiser(folder.file(DENOISER), available_processors()))
    return folder, Material({name: draw(signal) for name, signal in takes(leads)}, redrawer)


def main() -> None:
    """Ask, count and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=BUNDLED, help="model folder")
    parser.add_argument("--beside", nargs=2, action="append", default=[], metavar=("NAME", "FOLDER"),
                        help="another model whose answers to count in the same way")  # fmt: skip
    parser.add_argument("--leads", type=int, default=LEADS, help="clean leads")
    arguments = parser.parse_args()
    _, leads = clean_leads(clean_records(DEVELOPMENT_FOLD), arguments.leads)
    measured = {}
    for name, model in arguments.beside:
        _, material = ask(model, leads)
        measured[name] = figures(scores(load_folder(arguments.model).description.questions, material, {}))
        print(name, measured[name], flush=True)
    folder, material = ask(arguments.model, leads)
    kept: dict[Question, dict[str, Array]] = {}
    for name, questions in tqdm(variants(folder.description.questions).items(), disable=None):
        measured[name] = figures(scores(questions, material, kept))
        print(name, measured[name], flush=True)
    keep("choices", {"model": f"{folder.description.name} {folder.hash}", "leads": len(leads), "variants": measured})
    if arguments.model == BUNDLED:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), measured), encoding="utf-8")


if __name__ == "__main__":
    main()
