"""What is drawn: a signal, and what is known of each of its leads over time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.extras import extra
from ecgnoise.samples import Samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FAULT: Final = "fault"
SAMPLES_AT_ONCE: Final = 1 << 20
MILLIMETRES_PER_INCH: Final = 25.4
LONGEST_TITLE: Final = 90
LONGEST_REMARK: Final = 150

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Stretch:
    """Time of one lead that is shaded: seconds from the start of the recording, and a grade or ``"fault"``."""

    start: float
    stop: float
    what: str


@dataclass(frozen=True)
class NoiseTrack:
    """How strong the noise of a lead is over time.

    Attributes
    ----------
    edges : ndarray, shape (spans + 1,)
        Where spans begin and end, in seconds from the start of the recording.
    level : ndarray, shape (spans,)
        Power of all noise over that of the ECG in dB; NaN where it is not known.
    kind : ndarray of str, shape (spans,)
        The kind of noise that counts most; empty where it is not known.
    """

    edges: Numbers
    level: Numbers
    kind: NDArray[np.str_]


@dataclass(frozen=True)
class Lead:
    """A lead's name and what is known of it: shaded stretches, worse ones later, and the noise over time."""

    name: str
    stretches: tuple[Stretch, ...] = ()
    track: NoiseTrack | None = None


@dataclass(frozen=True)
class Drawing:
    """A signal with all that is written or shaded on it.

    Attributes
    ----------
    signal : Samples
        The samples, in mV where ``millivolts`` says so.
    sampling_frequency : float
        In Hz.
    leads : tuple of Lead
        One per lead of the signal.
    title : str
        What the recording is called.
    remark : str
        A second line, as the verdict of a result; empty for none.
    start : datetime.datetime or None
        Time of the first sample, where it is known.
    millivolts : bool
        Whether the unit of the samples is known.
    """

    signal: Samples
    sampling_frequency: float
    leads: tuple[Lead, ...]
    title: str
    remark: str = ""
    start: datetime | None = None
    millivolts: bool = True

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.signal.shape[1] / self.sampling_frequency

    def window(self, start: float, stop: float) -> tuple[int, int]:
        """Numbers of the first sample of a stretch of time and of the one behind its last."""
        samples = self.signal.shape[1]
        first, behind = (round(second * self.sampling_frequency) for second in (start, stop))
        return min(max(first, 0), samples), min(max(behind, 0), samples)

    def clock(self, second: float) -> str:
        """The time of an instant as it is written: of day where the start is known, else from the start."""
        if self.start is None:
            return str(timedelta(seconds=round(second)))
        try:
            return f"{self.start + timedelta(seconds=second):%H:%M:%S}"
        except OverflowError:
            return f"{second:g} s"


def short(source: str) -> str:
    """The name of a recording as a title: of its path the name of the file, and what is behind it."""
    path, separator, within = " ".join(source.split()).partition("::")
    name = f"{path.rpartition('/')[2] or path}{separator}{within}"
    return plain(name if len(name) <= LONGEST_TITLE else f"…{name[-LONGEST_TITLE:]}")


def cut(remark: str) -> str:
    """A remark that fits on a line of a page."""
    line = " ".join(remark.split())
    return plain(line if len(line) <= LONGEST_REMARK else f"{line[:LONGEST_REMARK]}…")


def plain(name: str) -> str:
    """A name as matplotlib writes it letter for letter: without mathematics between dollar signs."""
    return name.replace("$", r"\$")


def envelope(drawing: Drawing, start: float, stop: float, columns: int) -> tuple[Numbers, Numbers]:
    """The lowest and highest sample of each lead in each column of a stretch of time, (leads, columns) each.

    NaN in a column without samples. A stretch of any length is read a part at a time.
    """
    first, behind = drawing.window(start, stop)
    edges = first + np.round(np.linspace(0, behind - first, columns + 1)).astype(np.int64)
    low = np.full((len(drawing.leads), columns), np.nan)
    high = low.copy()
    for begin, end in _blocks(edges, max(1, SAMPLES_AT_ONCE // max(1, len(drawing.leads)))):
        block = drawing.signal.window(int(edges[begin]), int(edges[end]))
        widths = np.diff(edges[begin : end + 1])
        starts = (edges[begin:end] - edges[begin])[widths > 0]
        if not len(starts):
            continue
        there = begin + np.flatnonzero(widths > 0)
        low[:, there] = np.fmin.reduceat(block, starts, axis=1)
        high[:, there] = np.fmax.reduceat(block, starts, axis=1)
    return low, high


def _blocks(edges: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Columns that are read together: no more than ``most`` samples, but at least one column."""
    begin, last = 0, len(edges) - 1
    while begin < last:
        end = int(np.searchsorted(edges, edges[begin] + most, side="right")) - 1
        end = min(max(end, begin + 1), last)
        yield begin, end
        begin = end


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of this size in mm; MissingExtraError without the extra ``plot``."""
    with extra("drawing", "plot"):
        from matplotlib.figure import Figure
    return Figure(figsize=(width / MILLIMETRES_PER_INCH, height / MILLIMETRES_PER_INCH))


def figure_of(axes: Any) -> "Figure":
    """The figure that axes belong to."""
    return axes.get_figure(root=True)  # type: ignore[no-any-return]
