"""Full disclosure: a whole recording of one lead, line by line, noise shaded by grade."""

from typing import TYPE_CHECKING, Final

import numpy as np

from ecgnoise.errors import OptionError
from ecgnoise.figures import style
from ecgnoise.figures.drawn import FAULT, Drawing, cut, envelope, new_figure, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH: Final = 297.0
LEFT: Final = 24.0
RIGHT: Final = 8.0
HEAD: Final = 16.0
FOOT: Final = 12.0
ROW: Final = 9.0
MOST_LINES: Final = 60
MINUTE: Final = 60.0
HOUR: Final = 3600.0
COLUMNS: Final = 3200
SHARE: Final = 0.9  # of a line's height that most of the signal takes
TALLEST: Final = (0.5, 99.5)  # per cent of the samples that are within it


def line_seconds(seconds: float) -> float:
    """How long a line is unless it is asked for: a minute, or an hour where minutes do not fit on a page."""
    return MINUTE if seconds <= MINUTE * MOST_LINES else HOUR


def draw_disclosure(drawing: Drawing, lead: int, start: float, stop: float, line: float) -> "Figure":
    """Draw one lead from start to stop, ``line`` seconds per line.

    The signal is read a part at a time, and a line shows the lowest and highest sample of each of its columns.

    Raises OptionError where there is no such time or too many lines, MissingExtraError without the extra ``plot``.
    """
    if not 0.0 <= start < stop <= drawing.seconds + 1e-6:
        raise OptionError(f"{drawing.title}: {start:g} to {stop:g} s: pass a stretch within {drawing.seconds:g} s")
    lines = int(np.ceil((stop - start) / line - 1e-9))
    if lines > MOST_LINES:
        raise OptionError(
            f"{lines} lines of {line:g} s on a page: pass longer lines, or at most {MOST_LINES * line:g} s"
        )
    height = HEAD + lines * ROW + FOOT
    figure = new_figure(WIDTH, height)
    axes = figure.add_axes((LEFT / WIDTH, FOOT / height, (WIDTH - LEFT - RIGHT) / WIDTH, lines * ROW / height))
    low, high = _lines(drawing, lead, start, lines, line)
    scale, offset = _scale(low, high)
    _shade_lines(axes, drawing, lead, start, (lines, line))
    times = np.linspace(0.0, line, low.shape[1], endpoint=False)
    for number in range(lines):
        middle = number + 0.5
        axes.fill_between(
            times,
            middle - np.clip((low[number] - offset) / scale, -0.7, 0.7),
            middle - np.clip((high[number] - offset) / scale, -0.7, 0.7),
            color=style.TRACE,
            linewidth=0.35,
        )
    axes.set(xlim=(0.0, line), ylim=(lines, 0))
    axes.set_yticks(
        [number + 0.5 for number in range(lines)],
        [drawing.clock(start + number * line) for number in range(lines)],
        fontsize=7,
    )
    parts = 6
    axes.set_xticks(np.linspace(0.0, line, parts + 1), [f"{share * line / parts:g}" for share in range(parts + 1)])
    axes.set_xlabel("s" if line <= 2 * MINUTE else "s of the line")
    axes.tick_params(length=2, labelsize=7)
    figure.text(LEFT / WIDTH, 1 - 4.0 / height, short(f"{drawing.title}, lead {drawing.leads[lead].name}"), fontsize=9)
    figure.text(LEFT / WIDTH, 1 - 9.0 / height, cut(drawing.remark), fontsize=7)
    unit = "mV" if drawing.millivolts else "of an unknown unit"
    figure.text(LEFT / WIDTH, 1 - 13.0 / height, f"a line is {scale:.3g} {unit} high and {line:g} s long", fontsize=7)
    return figure


def _lines(drawing: Drawing, lead: int, start: float, lines: int, line: float) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest sample of each column of each line, (lines, columns) each; NaN behind the end."""
    low, high = (np.full((lines, COLUMNS), np.nan) for _ in range(2))
    for number in range(lines):
        begin = start + number * line
        share = min(1.0, (drawing.seconds - begin) / line)
        columns = max(1, round(share * COLUMNS))
        lowest, highest = envelope(drawing, begin, min(begin + line, drawing.seconds), columns)
        low[number, :columns], high[number, :columns] = lowest[lead], highest[lead]
    return low, high


def _scale(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """The height of a line in units of the signal, and what lies in its middle."""
    known = np.isfinite(low)
    if not known.any():
        return 1.0, 0.0
    bottom, top = np.percentile(low[known], TALLEST[0]), np.percentile(high[known], TALLEST[1])
    return max(float(top - bottom) / SHARE, 1e-9), float(top + bottom) / 2


def _shade_lines(axes: "Axes", drawing: Drawing, lead: int, start: float, layout: tuple[int, float]) -> None:
    """Shade stretches, cut where a line ends. layout: how many lines there are, and how many seconds each has."""
    lines, line = layout
    for stretch in drawing.leads[lead].stretches:
        shade = style.FAULT_SHADE if stretch.what == FAULT else style.GRADE_SHADES[stretch.what]
        first = max(0, int((stretch.start - start) // line))
        last = min(lines - 1, int((stretch.stop - start) // line))
        for number in range(first, last + 1):
            left = max(0.0, stretch.start - start - number * line)
            right = min(line, stretch.stop - start - number * line)
            if right > left:
                axes.broken_barh(
                    [(left, right - left)],
                    (number + 0.02, 0.96),
                    facecolor=shade.colour,
                    edgecolor=shade.line,
                    hatch=shade.hatch,
                    linewidth=0,
                )
