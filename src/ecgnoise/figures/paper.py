"""ECG paper: leads to scale on a grid of millimetres, noise shaded by grade.

All coordinates are in mm from the lower left corner of the page, so that a figure that is printed as large as it says
has 25 mm per second and 10 mm per mV.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ecgnoise.errors import LeadNameError, OptionError
from ecgnoise.figures import style
from ecgnoise.figures.drawn import FAULT, Drawing, Lead, Numbers, cut, envelope, figure_of, new_figure, plain, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STANDARD: Final = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
RHYTHM_LEAD: Final = "II"
LINE: Final = 250.0  # mm: 10 s at 25 mm/s
MARGIN: Final = 8.0
PULSE_ROOM: Final = 9.0
HEAD: Final = 16.0
FOOT: Final = 11.0
TRACK: Final = 2.6
FEW_LEADS: Final = 3
TALL_ROW: Final = 30.0
LOW_ROW: Final = 15.0
SHOWN_MM: Final = 18.0  # how tall a signal without a unit is drawn
MOST_SECONDS: Final = 60.0
POINTS_PER_MM: Final = 16
LOWEST_LEVEL: Final = -24.0  # dB over the ECG, where a noise track begins
NAMED_LEVEL: Final = -18.0
NAMED_SECONDS: Final = 0.9
SMALL: Final = 5.0
TEXT: Final = 7.0


@dataclass(frozen=True)
class Cell:
    """One stretch of one lead on the page: its row from the top, where it begins in mm, and which time it shows."""

    lead: int
    row: int
    left: float
    start: float
    stop: float


@dataclass(frozen=True)
class Layout:
    """Cells on a page, the height of a row in mm, and how long a row is in mm."""

    cells: tuple[Cell, ...]
    row_height: float
    length: float

    @property
    def rows(self) -> int:
        """Number of rows."""
        return 1 + max(cell.row for cell in self.cells)


def rows_layout(names: Sequence[str], start: float, stop: float, speed: float) -> Layout:
    """One lead below the other; what is longer than a line goes on below, all leads again."""
    line = min(stop - start, LINE / speed)
    lines = max(1, int(np.ceil((stop - start) / line - 1e-9)))
    cells = [
        Cell(lead, turn * len(names) + lead, 0.0, start + turn * line, min(start + (turn + 1) * line, stop))
        for turn in range(lines)
        for lead in range(len(names))
    ]
    return Layout(tuple(cells), TALL_ROW if len(names) <= FEW_LEADS else LOW_ROW, line * speed)


def standard_layout(names: Sequence[str], start: float, stop: float, speed: float) -> Layout:
    """Three rows of four leads, each a quarter of the time, and a rhythm strip of lead II below."""
    known = {name.casefold(): number for number, name in enumerate(names)}
    absent = [name for row in STANDARD for name in row if name.casefold() not in known]
    if absent:
        raise LeadNameError(f"layout 3x4+1: no lead {', '.join(absent)}: choose the layout rows")
    quarter = (stop - start) / len(STANDARD[0])
    cells = [
        Cell(
            known[name.casefold()],
            row,
            column * quarter * speed,
            start + column * quarter,
            start + (column + 1) * quarter,
        )
        for row, leads in enumerate(STANDARD)
        for column, name in enumerate(leads)
    ]
    cells.append(Cell(known[RHYTHM_LEAD.casefold()], len(STANDARD), 0.0, start, stop))
    return Layout(tuple(cells), TALL_ROW, (stop - start) * speed)


LAYOUTS: Final[Mapping[str, Callable[[Sequence[str], float, float, float], Layout]]] = MappingProxyType(
    {"rows": rows_layout, "3x4+1": standard_layout}
)


@dataclass(frozen=True)
class Paper:
    """How leads lie on ECG paper.

    Parameters
    ----------
    layout : {"rows", "3x4+1"}, default "rows"
        One lead below the other; or three rows of four leads and a rhythm strip, as 12-lead ECG are printed.
    speed : float, default 25
        In mm per second, 1 to 200.
    gain : float, default 10
        In mm per mV, 1 to 200. Leads of unknown unit are drawn as they fit.

    Raises
    ------
    OptionError
        If there is no such layout, or a number is out of range.

    Examples
    --------
    >>> from ecgnoise import Paper
    >>> Paper("3x4+1", speed=50)
    Paper(layout='3x4+1', speed=50, gain=10.0)
    """

    layout: str = "rows"
    speed: float = style.MM_PER_SECOND
    gain: float = style.MM_PER_MV

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise OptionError(f"layout {self.layout!r} is none of {', '.join(LAYOUTS)}: choose one of them")
        for name, value in (("speed", self.speed), ("gain", self.gain)):
            if not 1.0 <= value <= 200.0:
                raise OptionError(f"{name} {value:g}: pass 1 to 200 mm")


def draw_paper(drawing: Drawing, start: float, stop: float, paper: Paper, axes: "Axes | None" = None) -> "Figure":
    """Draw a stretch of time on ECG paper.

    Parameters
    ----------
    drawing : Drawing
        What is drawn.
    start, stop : float
        Seconds from the start of the recording, at most 60 s of it.
    paper : Paper
        Layout and scale.
    axes : matplotlib.axes.Axes, optional
        Where to draw, in mm; the scale on paper is then that of the axes. The default is a new figure to scale.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    OptionError
        If there is no such time in the recording, or it is too long.
    LeadNameError
        If the layout needs leads that are absent.
    MissingExtraError
        Without the extra ``plot``.
    """
    if not 0.0 <= start < stop <= drawing.seconds + 1e-6 or stop - start > MOST_SECONDS + 1e-6:
        raise OptionError(
            f"{drawing.title}: {start:g} to {stop:g} s on paper: pass up to {MOST_SECONDS:g} s within "
            f"{drawing.seconds:g} s, or draw a full disclosure"
        )
    layout = LAYOUTS[paper.layout]([lead.name for lead in drawing.leads], start, stop, paper.speed)
    width = max(2 * MARGIN + PULSE_ROOM + layout.length, 120.0)
    height = HEAD + layout.rows * layout.row_height + FOOT
    if axes is None:
        axes = new_figure(width, height).add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0.0, width), ylim=(0.0, height), aspect="equal", xticks=[], yticks=[])
    axes.set_axis_off()
    _grid(axes, MARGIN, FOOT, PULSE_ROOM + layout.length, layout.rows * layout.row_height)
    gain = paper.gain if drawing.millivolts else _gain_of(drawing, start, stop)
    for cell in layout.cells:
        _Row(axes, drawing, layout, cell, paper.speed, gain).draw()
    _write_head(axes, drawing, paper, (start, stop), height)
    _write_foot(axes, [drawing.leads[cell.lead] for cell in layout.cells], start, stop)
    return figure_of(axes)


@dataclass(frozen=True)
class _Row:
    """One cell as it is drawn: shading below, the noise track at the foot, the trace above all."""

    axes: "Axes"
    drawing: Drawing
    layout: Layout
    cell: Cell
    speed: float
    gain: float

    @property
    def left(self) -> float:
        return MARGIN + PULSE_ROOM + self.cell.left

    @property
    def foot(self) -> float:
        return FOOT + (self.layout.rows - 1 - self.cell.row) * self.layout.row_height

    @property
    def middle(self) -> float:
        return self.foot + TRACK + (self.layout.row_height - TRACK) * 0.45

    def place(self, second: Any) -> Any:
        """Where an instant lies, in mm."""
        return self.left + (np.clip(second, self.cell.start, self.cell.stop) - self.cell.start) * self.speed

    def draw(self) -> None:
        """Draw all of it."""
        lead = self.drawing.leads[self.cell.lead]
        for stretch in lead.stretches:
            if stretch.stop > self.cell.start and stretch.start < self.cell.stop:
                left, right = self.place(stretch.start), self.place(stretch.stop)
                _shade(self.axes, (left, self.foot), (right - left, self.layout.row_height), stretch.what)
        if lead.track is not None:
            self._draw_track(lead)
        self._draw_trace()
        self.axes.text(
            self.left + 0.8,
            self.foot + self.layout.row_height - 0.8,
            plain(lead.name),
            fontsize=TEXT + 1,
            fontweight="bold",
            va="top",
            zorder=6,
        )
        if self.cell.left == 0.0 and self.drawing.millivolts:
            base = min(self.middle, self.foot + self.layout.row_height - self.gain - 1.0)
            pulse = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
            places = np.array([1.0, 2.0, 2.0, 7.0, 7.0, 8.0])
            self.axes.plot(MARGIN + places, base + pulse * self.gain, color=style.TRACE, linewidth=0.7, zorder=5)

    def _draw_trace(self) -> None:
        from matplotlib.patches import Rectangle

        columns = round((self.cell.stop - self.cell.start) * self.speed * POINTS_PER_MM)
        first, behind = self.drawing.window(self.cell.start, self.cell.stop)
        if behind - first <= 2 * columns:
            values = self.drawing.signal.window(first, behind)[self.cell.lead].astype(np.float64)
            times = np.arange(first, behind) / self.drawing.sampling_frequency
        else:
            low, high = envelope(self.drawing, self.cell.start, self.cell.stop, columns)
            values = np.stack([low[self.cell.lead], high[self.cell.lead]], axis=1).ravel()
            times = np.repeat(np.linspace(self.cell.start, self.cell.stop, columns, endpoint=False), 2)
        if not np.isfinite(values).any():
            return
        heights = self.middle + (values - np.nanmedian(values)) * self.gain
        line = self.axes.plot(self.place(times), heights, color=style.TRACE, linewidth=0.6, zorder=5)[0]
        width = (self.cell.stop - self.cell.start) * self.speed
        over = 0.5 * self.layout.row_height
        clip = Rectangle((self.left, self.foot - over), width, 2 * over + self.layout.row_height)
        clip.set_transform(self.axes.transData)
        line.set_clip_path(clip)

    def _draw_track(self, lead: Lead) -> None:
        """A bar for each span, in the colour of its kind and as high as its level; names where it is strong."""
        track = lead.track
        if track is None:
            return
        shown = (track.edges[1:] > self.cell.start) & (track.edges[:-1] < self.cell.stop) & np.isfinite(track.level)
        left, right = self.place(track.edges[:-1]), self.place(track.edges[1:])
        heights = TRACK * np.clip((track.level - LOWEST_LEVEL) / -LOWEST_LEVEL, 0.0, 1.0)
        for kind, colour in style.KIND_COLOURS.items():
            some = np.flatnonzero(shown & (track.kind == kind))
            if len(some):
                widths = right[some] - left[some]
                self.axes.bar(
                    left[some], heights[some], widths, self.foot, align="edge", color=colour, linewidth=0, zorder=4
                )
        for kind, begin, end in _named_runs(track, shown):
            words = kind.replace("_", " ")
            place = (left[begin] + right[end - 1]) / 2
            self.axes.text(place, self.foot + TRACK + 0.2, words, fontsize=SMALL, ha="center", va="bottom", zorder=6)


def _named_runs(track: Any, shown: Any) -> list[tuple[str, int, int]]:
    """Runs of spans with the same strong kind that are long enough for its name."""
    strong = shown & (track.level > NAMED_LEVEL)
    names = np.where(strong, track.kind, "")
    changes = np.flatnonzero(names[1:] != names[:-1]) + 1
    bounds = np.concatenate([[0], changes, [len(names)]])
    return [
        (str(names[begin]), int(begin), int(end))
        for begin, end in pairwise(bounds)
        if names[begin] and track.edges[end] - track.edges[begin] > NAMED_SECONDS
    ]


def _shade(axes: "Axes", corner: tuple[float, float], size: tuple[float, float], what: str) -> None:
    """Shade a rectangle as a grade or fault: an area in its colour, then its hatching in a darker one."""
    from matplotlib.patches import Rectangle

    shade = style.FAULT_SHADE if what == FAULT else style.GRADE_SHADES[what]
    axes.add_patch(
        Rectangle(corner, *size, facecolor=shade.colour, edgecolor=shade.line, hatch=shade.hatch, linewidth=0, zorder=1)
    )


def _grid(axes: "Axes", left: float, foot: float, width: float, height: float) -> None:
    """Lines each mm, and stronger ones each 5 mm."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((left, foot), width, height, facecolor=style.PAPER, linewidth=0, zorder=0))
    for colour, linewidth, large in ((style.PAPER_SMALL, 0.25, False), (style.PAPER_LARGE, 0.5, True)):
        across = [place for place in range(int(width) + 1) if (place % 5 == 0) is large]
        up = [place for place in range(int(height) + 1) if (place % 5 == 0) is large]
        lines = [[(left + place, foot), (left + place, foot + height)] for place in across]
        lines += [[(left, foot + place), (left + width, foot + place)] for place in up]
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=linewidth, zorder=2), autolim=False)


def _gain_of(drawing: Drawing, start: float, stop: float) -> float:
    """Millimetres per unit of a signal whose unit is not known, so that it fits."""
    low, high = envelope(drawing, start, stop, 1)
    tallest = np.nanmax(high - low, initial=0.0)
    return float(SHOWN_MM / tallest) if tallest > 0 else 1.0


def _write_head(axes: "Axes", drawing: Drawing, paper: Paper, span: tuple[float, float], height: float) -> None:
    """What it is, when it was, and its scale."""
    gain = f"{paper.gain:g} mm/mV" if drawing.millivolts else "unit not known, gain as it fits"
    when = f"{drawing.clock(span[0])} to {drawing.clock(span[1])}"
    scale = f"{when}    {paper.speed:g} mm/s    {gain}    {drawing.sampling_frequency:g} Hz"
    if drawing.start is not None:
        scale = f"{drawing.start:%Y-%m-%d}  {scale}"
    axes.text(MARGIN, height - 2.5, short(drawing.title), fontsize=TEXT + 2, fontweight="bold", va="top")
    axes.text(MARGIN, height - 7.0, cut(drawing.remark), fontsize=TEXT, va="top")
    axes.text(MARGIN, height - 10.8, scale, fontsize=TEXT, va="top")


def _write_foot(axes: "Axes", leads: Sequence[Lead], start: float, stop: float) -> None:
    """What the shading and the bars mean, of those that are there."""
    there = {part.what for lead in leads for part in lead.stretches if part.stop > start and part.start < stop}
    place = MARGIN
    for what in (*style.GRADE_SHADES, FAULT):
        if what in there:
            _shade(axes, (place, 5.6), (6.0, 3.2), what)
            axes.text(place + 7.0, 7.2, style.MEANINGS[what], fontsize=TEXT, va="center")
            place += 11.0 + 1.45 * len(style.MEANINGS[what])
    kinds = _kinds_there(leads, start, stop)
    if kinds:
        axes.text(
            MARGIN, 2.6, "Noise as strong as the ECG fills the track at the foot:", fontsize=TEXT - 1, va="center"
        )
        place = MARGIN + 62.0
        for kind in kinds:
            words = kind.replace("_", " ")
            axes.bar(place, 2.2, 4.0, 1.5, align="edge", color=style.KIND_COLOURS[kind], linewidth=0)
            axes.text(place + 5.0, 2.6, words, fontsize=TEXT - 1, va="center")
            place += 9.0 + 1.2 * len(words)


def _kinds_there(leads: Sequence[Lead], start: float, stop: float) -> list[str]:
    """Kinds of noise that have a bar, in the order of their colours."""
    found: set[str] = set()
    for lead in leads:
        if lead.track is not None:
            edges: Numbers = lead.track.edges
            shown = (edges[1:] > start) & (edges[:-1] < stop) & (lead.track.level > LOWEST_LEVEL)
            found |= set(lead.track.kind[shown].tolist())
    return [kind for kind in style.KIND_COLOURS if kind in found]
