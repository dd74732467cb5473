"""Why a lead-segment has its score: signal, scalogram, reconstruction, and what counted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.figures import style
from ecgnoise.figures.drawn import Numbers, cut, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH: Final = 220.0
HEIGHT: Final = 200.0
TICKS: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


@dataclass(frozen=True)
class ShownImages:
    """One lead-segment.

    Attributes
    ----------
    signal : ndarray, shape (samples,)
        Its samples.
    start, stop : float
        Its window, in seconds from the start of the recording.
    original, reconstruction : ndarray, shape (rows, columns)
        Images in 0..white, row 0 the highest frequency; NaN where nothing was drawn.
    white : float
        The highest grey level.
    frequencies : tuple of float or None
        Of the rows in Hz, the lowest first; None where they are not known.
    unit, title, score : str
        What is written.
    """

    signal: Numbers
    start: float
    stop: float
    original: NDArray[np.floating]
    reconstruction: NDArray[np.floating]
    white: float
    frequencies: tuple[float, ...] | None
    unit: str
    title: str
    score: str


def draw_segment(shown: ShownImages) -> "Figure":
    """Draw the signal, the scalogram, its reconstruction and their difference, one below the other.

    Raises MissingExtraError without the extra ``plot``.
    """
    figure = new_figure(WIDTH, HEIGHT)
    figure.set_layout_engine("constrained")
    signal, *panels = figure.subplots(4, 1, sharex=True)
    figure.suptitle(f"{cut(shown.title)}: {shown.score}", fontsize=10)
    times = np.linspace(shown.start, shown.stop, len(shown.signal), endpoint=False)
    signal.plot(times, shown.signal, color=style.TRACE, linewidth=0.6)
    signal.set(xlim=(shown.start, shown.stop), ylabel=shown.unit)
    signal.set_title("signal", loc="left", fontsize=9)
    difference = np.abs(shown.original.astype(np.float64) - shown.reconstruction)
    grey = {"cmap": "cividis", "vmin": 0.0, "vmax": shown.white}
    drawn = [
        _draw_image(panels[0], shown, shown.original, "scalogram", grey),
        _draw_image(panels[1], shown, shown.reconstruction, "reconstruction", grey),
        _draw_image(panels[2], shown, difference, "what counted: their difference", {"cmap": "inferno", "vmin": 0.0}),
    ]
    figure.colorbar(drawn[0], ax=panels[:2], label="grey level")
    figure.colorbar(drawn[2], ax=panels[2:], label="grey levels")
    panels[-1].set_xlabel("time (s)")
    return figure


def _draw_image(
    axes: "Axes", shown: ShownImages, image: NDArray[np.floating], title: str, colours: dict[str, Any]
) -> Any:
    """One image over time and frequency."""
    rows = image.shape[0]
    drawn = axes.imshow(
        image, aspect="auto", extent=(shown.start, shown.stop, 0, rows), interpolation="nearest", **colours
    )
    axes.set_title(title, loc="left", fontsize=9)
    if shown.frequencies is not None:
        ticks = [tick for tick in TICKS if shown.frequencies[0] <= tick <= shown.frequencies[-1]]
        places = np.interp(ticks, shown.frequencies, np.arange(rows) + 0.5)
        axes.set_yticks(places, [f"{tick:g}" for tick in ticks], fontsize=7)
        axes.set_ylabel("Hz")
    return drawn
