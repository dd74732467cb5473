"""Result files of models on PTB-XL, compared: how far clean leads lie from noisy ones.

A *result file* has a row a record and one metric of its leads: the columns of the label table, then ``lead_0`` ..
``lead_11``. Its name says what made it: ``ldm_ddim-10_t250_psnr.csv`` is of the latent model, sampled by DDIM at an
interval of 10 steps from step 250, and ``all_`` before it says that all leads of all folds are in it. A model that
has no reverse process has no sampler and no step in the name: ``default_psnr.csv``.

*Compared* are the clean leads of fold 10 with the leads of all folds that have static noise, burst noise or baseline
drift, a kind at a time; a lead may have several kinds. Files with ``all_`` give the same leads as files without, so
both are read (the published program passes over all names with ``all``). A compared lead without a value, an empty cell
or ``nan``, is left out and counted.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.extras import extra
from ecgnoise.errors import ResultFileError, UnreadableFileError
from ecgnoise.figures.files import write_figure
from ecgnoise.ptbxl.index import TEST_FOLD
from ecgnoise.ptbxl.labels import CLEAN, EVERY_LEAD, LABEL_COLUMNS, RecordLabels, read_labels
from ecgnoise.ptbxl.rows import Sheet, read_rows
from ecgnoise.scoring.metrics import auroc, signed_wasserstein, wasserstein_ceiling

if TYPE_CHECKING:
    pass

COMPARED_NOISES: Final = ("static_noise", "burst_noise", "baseline_drift")
MACRO: Final = "macro"
RESULT_COLUMNS: Final = (*LABEL_COLUMNS, *(f"lead_{lead}" for lead in EVERY_LEAD))
HIGH_IS_CLEAN: Final = {"psnr": True, "ssim": True, "mse": False, "mae": False}
UNITS: Final = {"psnr": "PSNR (dB)", "ssim": "SSIM", "mse": "mean squared error", "mae": "mean absolute error"}
DRAWS: Final = 200
BINS: Final = 60

_NAME: Final = re.compile(
    r"(?P<every>all_)?((?P<model>.+)_(?P<sampler>dd[ip]m(-\d+)?)_t(?P<timestep>\d+)|(?P<plain>(?!.*_dd[ip]m).+))"
    rf"_(?P<metric>{'|'.join(UNITS)})\.csv"
)


@dataclass(frozen=True)
class ResultFile:
    """A result file and what its name says.

    every_fold: all leads of all folds are in it. model: ``ldm``, ``dm`` or another name. sampler: ``ddpm``, or
    ``ddim-10`` with its step interval; empty, and timestep None, where the model has no reverse process. metric:
    ``psnr``, ``ssim``, ``mse`` or ``mae``.
    """

    path: Path
    every_fold: bool
    model: str
    sampler: str
    timestep: int | None
    metric: str

    @classmethod
    def of(cls, path: Path) -> Self | None:
        """The file at a path; None where its name is not that of a result file."""
        found = _NAME.fullmatch(path.name)
        if found is None:
            return None
        every, metric = found["every"] is not None, found["metric"]
        if found["plain"] is not None:
            return cls(path, every, found["plain"], "", None, metric)
        return cls(path, every, found["model"], found["sampler"], int(found["timestep"]), metric)


@dataclass(frozen=True)
class LeadValues:
    """Values of the leads with one label, (n,), as they stand in the file; the record of each, 0 .. ; and the rest.

    left_out: number of leads that have the label and no value.
    """

    values: NDArray[np.float64]
    records: NDArray[np.int64]
    left_out: int


@dataclass(frozen=True)
class FileValues:
    """The compared leads of a result file, by label.

    labels: of each record that has compared leads, the leads with each label in the order of the keys of ``leads``.
    """

    file: ResultFile
    leads: dict[str, LeadValues]
    labels: dict[str, tuple[tuple[int, ...], ...]]


class Estimate(NamedTuple):
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """Clean leads against one kind of noise, or the mean of those: ``macro``, where ``noisy`` is None.

    ceiling: the largest W1 that the numbers of leads allow. clean, noisy: numbers of leads with a value.
    clean_left_out, noisy_left_out: numbers of those without; ``macro`` has the sum over the kinds of noise.
    """

    noise: str
    w1: Estimate
    ceiling: float
    auroc: Estimate
    clean: int
    noisy: int | None
    clean_left_out: int
    noisy_left_out: int


@dataclass(frozen=True)
class Comparison:
    """A result file with its macro average, and each kind of noise that the records have."""

    values: FileValues
    macro: Difference
    noises: tuple[Difference, ...]

    @property
    def file(self) -> ResultFile:
        """The result file."""
        return self.values.file

    @property
    def left_out(self) -> int:
        """Labels of leads without a value; a lead with two kinds of noise counts twice."""
        return sum(leads.left_out for leads in self.values.leads.values())


def find_results(folder: Path, keyword: str = "") -> tuple[ResultFile, ...]:
    """The result files of a folder whose name has the keyword, in the order of their names.

    Raises UnreadableFileError where there is no such folder, ResultFileError where no file is found.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UnreadableFileError(f"{folder}: not a folder that can be read ({error.strerror}): check it") from error
    found = [result for path in paths if (result := ResultFile.of(path)) is not None]
    kept = tuple(result for result in found if keyword in result.path.name)
    if not kept:
        what = f"none of {len(found)} result files has {keyword!r} in its name" if found else "no result files"
        raise ResultFileError(f"{folder}: {what}: files such as ldm_ddim-10_t250_psnr.csv are looked for")
    return kept


@dataclass(frozen=True)
class ResultRow:
    """A row of a result file. place: file and line. cells: its texts by column."""

    record: RecordLabels
    place: str
    cells: dict[str, str]

    def value(self, lead: int) -> float:
        """The value of a lead; NaN for an empty cell. Raises UnreadableFileError where it is no finite number."""
        return _value(self.cells[f"lead_{lead}"], f"{self.place}, lead_{lead}")


def result_rows(file: ResultFile) -> Iterator[ResultRow]:
    """The rows of a result file, in its order.

    Raises UnreadableFileError for a file that is absent, empty or damaged, or has a record twice, UnknownFormatError
    where a column is missing.
    """
    seen: set[str] = set()
    rows = read_rows(file.path, RESULT_COLUMNS)
    for record, (line, cells) in zip(read_labels(file.path), rows, strict=True):
        place = f"{file.path}: line {line}"
        if record.filename_hr in seen:
            raise UnreadableFileError(f"{place}: {record.filename_hr} is there twice: write the file again")
        seen.add(record.filename_hr)
        yield ResultRow(record, place, cells)


def read_values(file: ResultFile) -> FileValues:
    """The compared leads of a result file. Raises the errors of :func:`result_rows` and :meth:`ResultRow.value`."""
    values: dict[str, list[float]] = {name: [] for name in (CLEAN, *COMPARED_NOISES)}
    records: dict[str, list[int]] = {name: [] for name in values}
    labels: dict[str, tuple[tuple[int, ...], ...]] = {}
    for number, row in enumerate(result_rows(file)):
        compared = compared_leads(row.record)
        if any(compared):
            labels[row.record.filename_hr] = compared
        for name, leads in zip(values, compared, strict=True):
            values[name] += [row.value(lead) for lead in leads]
            records[name] += [number] * len(leads)
    return FileValues(file, {name: _lead_values(values[name], records[name]) for name in values}, labels)


def compared_leads(record: RecordLabels) -> tuple[tuple[int, ...], ...]:
    """Leads of a record to compare: clean ones in fold 10, then each kind of noise. Each lead once a label."""
    clean = record.clean if record.strat_fold == TEST_FOLD else ()
    return (clean, *(tuple(sorted(set(getattr(record, name)))) for name in COMPARED_NOISES))


def _value(text: str, place: str) -> float:
    """A value; NaN for an empty cell."""
    try:
        value = float(text) if text.strip() else math.nan
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise UnreadableFileError(f"{place}: {text!r} is not a finite number: leave the cell empty or correct it")
    return value


def _lead_values(values: list[float], records: list[int]) -> LeadValues:
    """Those that are numbers, with their records numbered anew from 0."""
    every = np.array(values, dtype=np.float64)
    there = ~np.isnan(every)
    _, numbers = np.unique(np.array(records, dtype=np.int64)[there], return_inverse=True)
    return LeadValues(every[there], numbers.astype(np.int64), int((~there).sum()))


def compare_results(
    files: Sequence[ResultFile], progress: Callable[[int, ResultFile], None] | None = None
) -> tuple[Comparison, ...]:
    """Compare clean with noisy leads in each file; the file with the largest macro average of signed W1 comes first.

    progress: called with the number of files done and the file at hand. Kinds of noise that no record has are left out
    of the macro average.

    Raises the errors of :func:`read_values`, and ResultFileError where a file has other compared leads than the first
    one, or none with a value on one side of a comparison.
    """
    comparisons: list[Comparison] = []
    for done, file in enumerate(files):
        if progress is not None:
            progress(done, file)
        values = read_values(file)
        if comparisons:
            _check_same_leads(comparisons[0].values, values)
        comparisons.append(compare_values(values))
    return tuple(sorted(comparisons, key=lambda comparison: -comparison.macro.w1.value))


def _check_same_leads(first: FileValues, other: FileValues) -> None:
    every = sorted({*first.labels, *other.labels})
    different = [name for name in every if first.labels.get(name) != other.labels.get(name)]
    if different:
        share = f"{len(different)} of {len(every)} compared records"
        what = f"{share} are not as in {first.file.path.name}, such as {different[0]}"
        raise ResultFileError(f"{other.file.path}: {what}: compare files of the same records, labels and folds")


def compare_values(values: FileValues) -> Comparison:
    """W1 and AUROC of each kind of noise with 95 % intervals.

    The intervals are percentiles of 200 bootstrap draws. Drawn are records with all their leads, because leads of one
    record are alike: clean records from clean ones and noisy from noisy ones, with the same clean ones for every kind
    of noise of a draw. The seed is fixed.

    Raises ResultFileError where there are no clean leads of fold 10, no noisy leads, or none of a kind has a value.
    """
    kinds = [name for name in COMPARED_NOISES if len(values.leads[name].values) + values.leads[name].left_out]
    if not kinds:
        raise ResultFileError(f"{values.file.path}: no lead has {', '.join(COMPARED_NOISES)}: check its labels")
    for name in (CLEAN, *kinds):
        if not len(values.leads[name].values):
            what = "no clean lead of fold 10" if name == CLEAN else f"no lead with {name}"
            raise ResultFileError(f"{values.file.path}: {what} has a value: evaluate fold 10 and all noisy leads")
    sign = 1.0 if HIGH_IS_CLEAN[values.file.metric] else -1.0
    figures = _figures(sign * values.leads[CLEAN].values, [sign * values.leads[name].values for name in kinds])
    generator = np.random.default_rng(0)
    draws = []
    for _ in range(DRAWS):
        clean, *noisy = (sign * _drawn(values.leads[name], generator) for name in (CLEAN, *kinds))
        draws.append(_figures(clean, noisy))
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    estimates = [(Estimate(*w1), Estimate(*area)) for w1, area in np.stack([figures, low, high], axis=-1).tolist()]
    noises = tuple(
        _difference(values.leads, name, *estimate) for name, estimate in zip(kinds, estimates[1:], strict=True)
    )
    return Comparison(values, _macro(noises, *estimates[0]), noises)


def _figures(clean: NDArray[np.float64], noisy: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """W1 and AUROC, (1 + kinds, 2); the mean of the kinds first."""
    figures = np.array([(signed_wasserstein(clean, values), auroc(clean, values)) for values in noisy])
    return np.concatenate([figures.mean(axis=0, keepdims=True), figures])


def _drawn(leads: LeadValues, generator: np.random.Generator) -> NDArray[np.float64]:
    """The values of as many records as there are, drawn with replacement."""
    count = int(leads.records.max()) + 1
    times = np.bincount(generator.integers(0, count, count), minlength=count)
    return np.repeat(leads.values, times[leads.records])


def _difference(leads: dict[str, LeadValues], noise: str, w1: Estimate, area: Estimate) -> Difference:
    clean, noisy = len(leads[CLEAN].values), len(leads[noise].values)
    ceiling = wasserstein_ceiling(clean, noisy)
    return Difference(noise, w1, ceiling, area, clean, noisy, leads[CLEAN].left_out, leads[noise].left_out)


def _macro(noises: Sequence[Difference], w1: Estimate, area: Estimate) -> Difference:
    ceiling = float(np.mean([noise.ceiling for noise in noises]))
    left_out = sum(noise.noisy_left_out for noise in noises)
    return Difference(MACRO, w1, ceiling, area, noises[0].clean, None, noises[0].clean_left_out, left_out)


COLUMNS: Final = (
    *("rank", "file", "model", "sampler", "timestep", "metric", "noise", "w1", "w1_low", "w1_high", "w1_ceiling"),
    *("auroc", "auroc_low", "auroc_high", "clean", "noisy", "clean_left_out", "noisy_left_out"),
)


def comparison_sheet(comparisons: Iterable[Comparison]) -> Sheet:
    """A row for the macro average and one for each kind of noise of each file, in the order given."""
    rows = (
        _row(rank, comparison.file, difference)
        for rank, comparison in enumerate(comparisons, start=1)
        for difference in (comparison.macro, *comparison.noises)
    )
    return Sheet(COLUMNS, rows)


def _row(rank: int, file: ResultFile, difference: Difference) -> tuple[Any, ...]:
    figures = (*difference.w1, difference.ceiling, *difference.auroc)
    timestep = "" if file.timestep is None else file.timestep
    return (
        *(rank, file.path.name, file.model, file.sampler, timestep, file.metric, difference.noise),
        *(round(figure, 6) for figure in figures),
        *(difference.clean, "" if difference.noisy is None else difference.noisy),
        *(difference.clean_left_out, difference.noisy_left_out),
    )


def ranking_lines(comparisons: Sequence[Comparison]) -> list[str]:
    """A heading, a line a file, and the numbers of leads of the first file with the W1 that they allow."""
    first = comparisons[0]
    heading = ["", "file", "macro W1 (95 %)", *(f"{noise.noise} W1, AUROC" for noise in first.noises), "left out"]
    lines = [heading] + [
        [
            f"{rank}.",
            comparison.file.path.name,
            "{:.3f} ({:.3f} to {:.3f})".format(*comparison.macro.w1),
            *(f"{noise.w1.value:.3f}, {noise.auroc.value:.3f}" for noise in comparison.noises),
            str(comparison.left_out),
        ]
        for rank, comparison in enumerate(comparisons, start=1)
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    counts = [f"{noise.noisy} with {noise.noise} (W1 at most {noise.ceiling:.3f})" for noise in first.noises]
    missing = sorted(set(COMPARED_NOISES) - {noise.noise for noise in first.noises})
    absent = [f"No lead has {', '.join(missing)}: not in the macro average."] if missing else []
    return [*text, f"{first.file.path.name}: {first.macro.clean} clean leads, {', '.join(counts)}", *absent]


def draw_distributions(comparison: Comparison, path: Path) -> None:
    """Draw the clean values against each kind of noise, one panel a kind, as a PNG file, whole or not at all.

    Values below the 0.1st percentile or above the 99.9th stand in the outermost bars.

    Raises MissingExtraError without ``plot``, OutputError for a place that cannot be written.
    """
    with extra("drawing the distributions", "plot"):
        from matplotlib.figure import Figure
    file, leads = comparison.file, comparison.values.leads
    figure = Figure(figsize=(4 * len(comparison.noises), 3.4), layout="constrained")
    figure.suptitle(f"{file.path.name}: macro W1 {comparison.macro.w1.value:.3f}")
    every = np.concatenate([leads[CLEAN].values, *(leads[noise.noise].values for noise in comparison.noises)])
    edges = np.histogram_bin_edges(every, BINS, tuple(np.percentile(every, [0.1, 99.9])))
    panels = figure.subplots(1, len(comparison.noises), sharex=True, sharey=True, squeeze=False)[0]
    for axes, noise in zip(panels, comparison.noises, strict=True):
        for name, colour in ((CLEAN, "tab:blue"), (noise.noise, "tab:red")):
            values = np.clip(leads[name].values, edges[0], edges[-1])
            weights = np.full(len(values), 100 / len(values))
            label = f"{name.replace('_', ' ')}, {len(values)} leads"
            axes.hist(values, edges, weights=weights, color=colour, alpha=0.55, label=label)
        axes.set_title(f"W1 {noise.w1.value:.3f} of {noise.ceiling:.3f}, AUROC {noise.auroc.value:.3f}", fontsize=10)
        axes.set_xlabel(UNITS[file.metric])
        axes.margins(y=0.35)
        axes.legend(fontsize=8, loc="upper left")
    panels[0].set_ylabel("% of leads")
    write_figure(figure, path)
