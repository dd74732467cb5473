"""The pictures of the published notebook: a lead-segment, its scalograms, and where and how far they differ."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.extras import extra
from ecgnoise.scalogram.profile import WHITE, Images
from ecgnoise.scoring import metrics
from ecgnoise.segments import Window, part_columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH: Final = 10.0
PANEL: Final = 1.9
MOST_TITLES: Final = 16


@dataclass(frozen=True)
class ShownSegment:
    """A lead-segment to draw.

    signal: (samples of the window,) in mV. window: where in the recording it is. original, cleaned: (rows, columns) in
    0..255. frequencies: lowest and highest, Hz. parts: how many the segment has.
    """

    signal: NDArray[np.float64]
    sampling_frequency: float
    window: Window
    original: Images
    cleaned: Images
    frequencies: tuple[float, float]
    parts: int

    @property
    def squared(self) -> NDArray[np.float64]:
        """Squared difference of each pixel, (rows, columns)."""
        return (self.original.astype(np.float64) - self.cleaned.astype(np.float64)) ** 2

    def psnr(self, columns: tuple[int, int]) -> float:
        """PSNR in dB over the columns from the first to one before the last."""
        return float(metrics.psnr(np.asarray(self.squared[:, slice(*columns)].mean())))


def draw_segment(shown: ShownSegment, title: str) -> "Figure":
    """The signal, the original and the cleaned scalogram, and the squared error with its PSNR, one below the other.

    With several parts there is a tile of the squared error for each below, with its local PSNR.

    Raises MissingExtraError without the extra ``plot``.
    """
    with extra("drawing a result", "plot"):
        from matplotlib.figure import Figure
    parts = part_columns(shown.window.columns, shown.parts)
    rows = 4 if shown.parts == 1 else 5
    figure = Figure(figsize=(WIDTH, PANEL * rows), layout="constrained")
    figure.suptitle(title)
    grid = figure.add_gridspec(rows, len(parts) if rows > 4 else 1)
    panels = [figure.add_subplot(grid[row, :]) for row in range(4)]
    _draw_signal(panels[0], shown)
    for axes, image, name in zip(panels[1:3], (shown.original, shown.cleaned), ("original", "cleaned"), strict=True):
        _draw_image(axes, image, shown, (0.0, WHITE))
        axes.set_title(f"{name} scalogram", fontsize=10)
    errors = shown.squared
    limits = (0.0, float(np.nanmax(errors, initial=1.0)))
    drawn = _draw_image(panels[3], errors, shown, limits)
    panels[3].set_title(f"squared error, {_decibels(shown.psnr(shown.window.columns))}", fontsize=10)
    panels[3].set_xlabel("time (s)")
    figure.colorbar(drawn, ax=panels[3], label="grey levels²")
    for number, columns in enumerate(parts if rows > 4 else []):
        tile = figure.add_subplot(grid[4, number])
        tile.imshow(errors[:, slice(*columns)], aspect="auto", vmin=limits[0], vmax=limits[1], cmap="inferno")
        tile.set(xticks=[], yticks=[])
        if len(parts) <= MOST_TITLES:
            tile.set_title(_decibels(shown.psnr(columns)), fontsize=9)
    return figure


def _draw_signal(axes: "Axes", shown: ShownSegment) -> None:
    """The signal over the seconds of the recording, and where its new part begins."""
    start, rate = shown.window.start, shown.sampling_frequency
    times = (start + np.arange(len(shown.signal))) / rate
    axes.plot(times, shown.signal, color="black", linewidth=0.7)
    axes.set_xlim(start / rate, shown.window.stop / rate)
    if shown.window.new > start:
        axes.axvline(shown.window.new / rate, color="tab:red", linewidth=1.0)
    axes.set_ylabel("mV")
    axes.set_title("signal", fontsize=10)


def _draw_image(axes: "Axes", image: NDArray[Any], shown: ShownSegment, limits: tuple[float, float]) -> Any:
    """A picture over time and frequency, the highest frequency on top."""
    rate, window = shown.sampling_frequency, shown.window
    extent = (window.start / rate, window.stop / rate, *shown.frequencies)
    colours = "viridis" if limits[1] == WHITE else "inferno"
    axes.set_ylabel("Hz")
    return axes.imshow(image, aspect="auto", extent=extent, vmin=limits[0], vmax=limits[1], cmap=colours)


def _decibels(psnr: float) -> str:
    return f"PSNR {psnr:.2f} dB" if np.isfinite(psnr) else "no PSNR"
