"""A whole recording at one look: leads over time, dark where it is noisy."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from ecgnoise.figures import style
from ecgnoise.figures.drawn import Numbers, cut, figure_of, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH: Final = 250.0
ROW: Final = 8.0
LOWEST_ROOM: Final = 44.0
FRAME: Final = 30.0
LOWEST_DB: Final = -6.0
HIGHEST_DB: Final = 24.0
TIME_UNITS: Final = ((7200.0, 3600.0, "h"), (180.0, 60.0, "min"), (0.0, 1.0, "s"))


@dataclass(frozen=True)
class HeatMap:
    """Values of leads over time.

    Attributes
    ----------
    values : ndarray, shape (leads, columns)
        In dB; NaN where there is none.
    edges : ndarray, shape (columns + 1,)
        Where columns begin and end, in seconds.
    lead_names : tuple of str
        One per lead.
    label : str
        What the values are.
    bounds : tuple of float or None
        The lowest values that are good, fair and poor; None where values have no such limits.
    """

    values: Numbers
    edges: Numbers
    lead_names: tuple[str, ...]
    label: str
    bounds: tuple[float, float, float] | None = None


def draw_heat_map(shown: HeatMap, title: str, axes: "Axes | None" = None) -> "Figure":
    """Draw leads over time with a colour for each value; hatched where there is none.

    Raises MissingExtraError without the extra ``plot``.
    """
    leads = len(shown.lead_names)
    if axes is None:
        figure = new_figure(WIDTH, FRAME + max(ROW * leads, LOWEST_ROOM))
        figure.set_layout_engine("constrained")
        axes = figure.add_subplot()
    _, divisor, unit = next(
        entry for entry in TIME_UNITS if shown.edges[-1] - shown.edges[0] > entry[0] or not entry[0]
    )
    low, high = (LOWEST_DB, HIGHEST_DB) if shown.bounds else (None, None)
    axes.set_facecolor(style.FAULT_SHADE.colour)
    axes.patch.set(hatch=style.FAULT_SHADE.hatch, edgecolor=style.FAULT_SHADE.line)
    drawn = axes.pcolormesh(
        shown.edges / divisor, range(leads + 1), _masked(shown.values), cmap="cividis", vmin=low, vmax=high
    )
    axes.set(xlim=(shown.edges[0] / divisor, shown.edges[-1] / divisor), ylim=(leads, 0), xlabel=f"time ({unit})")
    axes.set_yticks([number + 0.5 for number in range(leads)], [plain(name) for name in shown.lead_names])
    axes.set_title(cut(title), loc="left", fontsize=9)
    bar = figure_of(axes).colorbar(drawn, ax=axes, label=shown.label, extend="both" if shown.bounds else "neither")
    if shown.bounds:
        bar.set_ticks(
            [LOWEST_DB, *sorted(shown.bounds), HIGHEST_DB],
            labels=[f"{value:g}" for value in (LOWEST_DB, *sorted(shown.bounds), HIGHEST_DB)],
        )
        for place, grade in zip(_middles(shown.bounds), style.GRADE_SHADES, strict=True):
            bar.ax.text(0.5, place, grade, rotation=90, fontsize=7, ha="center", va="center", color=_ink(place))
    return figure_of(axes)


def _masked(values: Numbers) -> NDArray[Any]:
    import numpy as np

    return np.ma.masked_invalid(values)


def _middles(bounds: tuple[float, float, float]) -> list[float]:
    """Where the names of grades are written, the best first."""
    places = [HIGHEST_DB, *sorted(bounds, reverse=True), LOWEST_DB]
    return [(above + below) / 2 for above, below in pairwise(places)]


def _ink(place: float) -> str:
    """A colour that can be read on the colour of a value."""
    return "white" if place < (LOWEST_DB + HIGHEST_DB) / 2 else style.TRACE
