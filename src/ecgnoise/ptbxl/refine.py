"""Clean leads to train on again: those that two models both take for the cleanest.

Labels call leads clean that are not. The published study therefore trains a second time, on the clean leads of folds
1 .. 9 that lie in the top share both of the model best at static noise and of the one best at burst noise.

As published, a share is cut to a whole number of leads, at least one. Leads are sorted with equal values in the order
of the file; where high values are clean the order is then turned round, so that of equal values the last are kept, and
the first where low values are.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ecgnoise.errors import OptionError, ResultFileError
from ecgnoise.ptbxl.compare import HIGH_IS_CLEAN, ResultFile, result_rows
from ecgnoise.ptbxl.index import LeadRow, training_leads


class LeadValue(NamedTuple):
    """A clean training lead and its value."""

    lead: LeadRow
    value: float


@dataclass(frozen=True)
class TrainingValues:
    """The clean training leads of a result file.

    leads: those with a value, in the order of the file. left_out: number of those without. clean: the clean leads of
    each record of folds 1 .. 9, and none for a record of fold 10.
    """

    file: ResultFile
    leads: tuple[LeadValue, ...]
    left_out: int
    clean: dict[str, tuple[LeadRow, ...]]

    def best(self, share: float) -> frozenset[LeadRow]:
        """The top share of the leads, by the metric of the file.

        Raises OptionError for a share outside (0, 1].
        """
        if not 0.0 < share <= 1.0:
            raise OptionError(f"share {share}: outside (0, 1]: pass 0.5 for the better half")
        ranked = sorted(self.leads, key=lambda lead: lead.value)
        if HIGH_IS_CLEAN[self.file.metric]:
            ranked.reverse()
        return frozenset(lead for lead, _ in ranked[: max(1, int(len(ranked) * share))])


@dataclass(frozen=True)
class Refinement:
    """The top leads of both files, and those in both by record name and lead."""

    static: TrainingValues
    burst: TrainingValues
    best_static: frozenset[LeadRow]
    best_burst: frozenset[LeadRow]
    both: tuple[LeadRow, ...]


def result_of(path: Path, metric: str) -> ResultFile:
    """The result file at a path.

    Raises ResultFileError where its name is not that of a result file, or is of another metric.
    """
    file = ResultFile.of(path)
    if file is None:
        raise ResultFileError(f"{path}: not the name of a result file: pass one such as all_dm_ddpm_t250_{metric}.csv")
    if file.metric != metric:
        raise ResultFileError(f"{path}: a file of {file.metric}, not of {metric}: pass a file whose metric is {metric}")
    return file


def read_training_values(file: ResultFile) -> TrainingValues:
    """The clean leads of folds 1 .. 9 of a result file.

    Raises UnreadableFileError for a file that is absent, empty or damaged, has a record twice or a value that is no
    finite number, UnknownFormatError where a column is missing, ResultFileError where no such lead has a value.
    """
    clean: dict[str, tuple[LeadRow, ...]] = {}
    leads: list[LeadValue] = []
    for row in result_rows(file):
        rows = tuple(training_leads([row.record]))
        clean[row.record.filename_hr] = rows
        leads += [LeadValue(lead, row.value(lead.lead)) for lead in rows]
    there = tuple(lead for lead in leads if not math.isnan(lead.value))
    if not there:
        what = "no clean lead of folds 1 to 9 has a value"
        raise ResultFileError(f"{file.path}: {what}: pass a file of all leads of all folds, as those with all_")
    return TrainingValues(file, there, len(leads) - len(there), clean)


def refine(static: ResultFile, burst: ResultFile, static_share: float, burst_share: float) -> Refinement:
    """Intersect the top shares of two result files: of the model best at static noise, and at burst noise.

    Raises the errors of :func:`read_training_values` and :meth:`TrainingValues.best`, and ResultFileError where the
    files have other records or clean training leads, or no lead is in both shares.
    """
    first, second = read_training_values(static), read_training_values(burst)
    _check_same_records(first, second)
    best_static, best_burst = first.best(static_share), second.best(burst_share)
    both = tuple(sorted(best_static & best_burst))
    if not both:
        what = f"none of the {len(best_burst)} best leads is among the {len(best_static)} of {static.path.name}"
        raise ResultFileError(f"{burst.path}: {what}: raise the shares")
    return Refinement(first, second, best_static, best_burst, both)


def _check_same_records(first: TrainingValues, other: TrainingValues) -> None:
    every = sorted({*first.clean, *other.clean})
    different = [name for name in every if first.clean.get(name) != other.clean.get(name)]
    if different:
        what = f"{len(different)} of {len(every)} records are not as in {first.file.path.name}, such as {different[0]}"
        raise ResultFileError(f"{other.file.path}: {what}: pass files of the same records, labels and folds")
