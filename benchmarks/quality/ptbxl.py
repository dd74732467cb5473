"""PTB-XL: clean leads of fold 10 against leads labelled with each kind of noise, all folds."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import datasets
from benchmarks.quality.figures import Sample, compare, histogram, measured
from benchmarks.quality.grading import limits, merits
from benchmarks.quality.kind_levels import by_level
from benchmarks.quality.part import TEST_FOLD, Sizes, some
from benchmarks.quality.readings import PSNR
from benchmarks.quality.scorers import Scored
from benchmarks.quality.takes import Take
from ecgnoise import read
from ecgnoise.scoring.metrics import auroc, signed_wasserstein

KINDS = ("static_noise", "burst_noise", "baseline_drift")


def macro(measure: Any) -> Any:
    """The mean over kinds of noise of a measure of clean and noisy scores."""
    return lambda clean, *noisy: float(np.mean([measure(clean, values) for values in noisy]))


@dataclass(frozen=True)
class Ptbxl:
    """Chosen leads of each record, and which of all the lead-segments in turn have each label."""

    takes: list[Take]
    labels: dict[str, Any]
    draws: int
    rivals: bool = True

    def figures(self, scored: Scored) -> dict[str, Any]:
        """W1 and AUROC of each kind, and their macro averages; of ecgnoise also by level of the kind and by grade."""
        records = np.concatenate([[take.record] * take.shape[0] for take in self.takes])
        everything = Sample.of(scored.flat, records)
        clean = everything.where(self.labels["clean"])
        noisy = {kind: everything.where(self.labels[kind]) for kind in KINDS}
        figures: dict[str, Any] = {kind: compare(clean, sample, self.draws) for kind, sample in noisy.items()}
        figures |= measured("macro_w1", macro(signed_wasserstein), clean, *noisy.values(), draws=self.draws)
        figures |= measured("macro_auroc", macro(auroc), clean, *noisy.values(), draws=self.draws)
        if scored.look == PSNR:
            merit = Sample.of(merits(scored.readings), records)
            accepted = merit.where(self.labels["clean"])
            for kind, sample in noisy.items():
                figures[kind]["histogram"] = histogram(clean.values, sample.values)
                figures[kind]["grades"] = limits(accepted, merit.where(self.labels[kind]), self.draws)
            figures["by_level"] = by_level(scored.readings, records, self.labels, self.draws)
        return figures


def kind_of(record: datasets.PtbxlRecord) -> str:
    """The rarest of its labels."""
    return next((kind for kind in ("burst_noise", "baseline_drift", "static_noise") if record.labels[kind]), "clean")


def plan(sizes: Sizes) -> Ptbxl:
    """Records with noise, and those of fold 10."""
    wanted = [record for record in datasets.ptbxl() if record.fold == TEST_FOLD or kind_of(record) != "clean"]
    takes, labels = [], {kind: [] for kind in (*KINDS, "clean")}
    for record in some(wanted, sizes.ptbxl, [kind_of(record) for record in wanted]):
        clean = record.labels["clean"] if record.fold == TEST_FOLD else set()
        leads = sorted(clean.union(*(record.labels[kind] for kind in KINDS)))
        if leads:
            recording = read(record.path)
            takes.append(Take(record.path.stem, recording.pick([recording.lead_names[lead] for lead in leads])))
            labels["clean"] += [lead in clean for lead in leads]
            for kind in KINDS:
                labels[kind] += [lead in record.labels[kind] for lead in leads]
    return Ptbxl(takes, {kind: np.array(values, np.bool_) for kind, values in labels.items()}, sizes.draws)
