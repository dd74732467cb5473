"""The published overview figure: how clean and noisy leads score, with examples of both.

Compared are the leads of :mod:`ecgnoise.ptbxl.compare`; a lead with several kinds of noise counts once. The examples
are the leads whose value lies nearest to the 5th, 50th and 95th percentile of the clean and of the noisy ones, among
those whose record is in a store of images.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.extras import extra
from ecgnoise.errors import ResultFileError
from ecgnoise.figures.files import write_figure
from ecgnoise.ptbxl.compare import UNITS, ResultFile, compared_leads, result_rows
from ecgnoise.ptbxl.labels import CLEAN, LEADS
from ecgnoise.ptbxl.store import Store
from ecgnoise.scalogram.profile import Images

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOISY: Final = "noisy"
PERCENTILES: Final = (5, 50, 95)
COLOURS: Final = {CLEAN: "tab:blue", NOISY: "tab:red"}
BINS: Final = 60
SECONDS: Final = 10.0


class ScoredLead(NamedTuple):
    """A lead with a value in a result file, and its kinds of noise in words; none where it is clean."""

    filename_hr: str
    lead: int
    noises: tuple[str, ...]
    value: float

    @property
    def group(self) -> str:
        """``clean`` or ``noisy``."""
        return NOISY if self.noises else CLEAN

    @property
    def title(self) -> str:
        """What stands above its picture."""
        record = self.filename_hr.rpartition("/")[2].removesuffix("_hr")
        words = ", ".join(name.replace("_", " ") for name in self.noises) or CLEAN
        return f"{self.value:.4g}: {record} {LEADS[self.lead]}, {words}"


class Example(NamedTuple):
    """A lead to show, and its image in the store, (rows, columns) in 0..255."""

    lead: ScoredLead
    image: Images


def scored_leads(file: ResultFile) -> tuple[ScoredLead, ...]:
    """The compared leads of a result file that have a value.

    Raises ResultFileError where there is none of either kind, and the errors of
    :func:`ecgnoise.ptbxl.compare.result_rows`.
    """
    found = []
    for row in result_rows(file):
        clean, *noisy = compared_leads(row.record)
        compared = sorted({*clean, *(lead for leads in noisy for lead in leads)})
        name, noises = row.record.filename_hr, row.record.noises
        found += [ScoredLead(name, lead, noises(lead), row.value(lead)) for lead in compared]
    there = tuple(lead for lead in found if not np.isnan(lead.value))
    for group in COLOURS:
        if not any(lead.group == group for lead in there):
            raise ResultFileError(f"{file.path}: no {group} lead has a value: evaluate fold 10 and all noisy leads")
    return there


def choose_examples(leads: Sequence[ScoredLead], store: Store) -> tuple[Example, ...]:
    """The leads to show, noisy ones first, each by its value.

    Raises ResultFileError where the store has no lead of one of the two groups.
    """
    places = {record.filename_hr: place for place, record in enumerate(store.index)}
    there = store.done[:, None] & np.isfinite(store.qrs_level)
    chosen: list[Example] = []
    for group in (NOISY, CLEAN):
        every = [lead for lead in leads if lead.group == group]
        shown = [lead for lead in every if lead.filename_hr in places and there[places[lead.filename_hr], lead.lead]]
        if not shown:
            what = f"none of {len(every)} {group} leads of the result file is in it"
            raise ResultFileError(f"{store.path}: {what}: pass the store that was evaluated")
        values = np.array([lead.value for lead in shown])
        targets = np.percentile([lead.value for lead in every], PERCENTILES)
        nearest = [shown[int(np.abs(values - target).argmin())] for target in targets]
        chosen += [
            Example(lead, store.images([places[lead.filename_hr]])[0, lead.lead]) for lead in dict.fromkeys(nearest)
        ]
    return tuple(chosen)


def draw_examples(file: ResultFile, store: Store, path: Path) -> None:
    """Draw the distributions of clean and noisy leads, and the examples below, as a PNG file, whole or not at all.

    Raises MissingExtraError without ``plot``, OutputError for a place that cannot be written, and the errors of
    :func:`scored_leads` and :func:`choose_examples`.
    """
    leads = scored_leads(file)
    examples = choose_examples(leads, store)
    with extra("drawing examples", "plot"):
        from matplotlib.figure import Figure
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    grid = figure.add_gridspec(3, len(PERCENTILES), height_ratios=(1.6, 1, 1))
    top = figure.add_subplot(grid[0, :])
    _draw_distributions(top, file, leads)
    for row, group in enumerate((NOISY, CLEAN), start=1):
        shown = [example for example in examples if example.lead.group == group]
        for column, example in enumerate(shown):
            top.axvline(example.lead.value, color=COLOURS[group], linestyle=":", linewidth=1.2)
            axes = figure.add_subplot(grid[row, column])
            frequencies = store.profile.frequencies
            axes.imshow(example.image, aspect="auto", vmin=0, vmax=255, extent=(0, SECONDS, 0, len(frequencies)))
            axes.set_yticks([0.5, len(frequencies) - 0.5], [f"{frequencies[0]:g}", f"{frequencies[-1]:g}"])
            axes.set_ylabel("Hz")
            axes.set_title(example.lead.title, fontsize=9, color=COLOURS[group])
    write_figure(figure, path)


def _draw_distributions(axes: "Axes", file: ResultFile, leads: Sequence[ScoredLead]) -> None:
    """Shares of the clean and of the noisy leads; what lies beyond the 0.1st or 99.9th percentile in the last bars."""
    every = np.array([lead.value for lead in leads])
    edges = np.histogram_bin_edges(every, BINS, tuple(np.percentile(every, [0.1, 99.9]))).tolist()
    for group, colour in COLOURS.items():
        values: NDArray[np.float64] = np.array([lead.value for lead in leads if lead.group == group])
        clipped = np.clip(values, edges[0], edges[-1])
        weights = np.full(len(values), 100 / len(values))
        axes.hist(clipped, edges, weights=weights, color=colour, alpha=0.55, label=f"{group}, {len(values)} leads")
    axes.set_xlabel(UNITS[file.metric])
    axes.set_ylabel("% of leads")
    axes.set_title(f"{file.path.name}: clean and noisy leads; dotted lines are the examples below", fontsize=10)
    axes.legend(fontsize=9)
