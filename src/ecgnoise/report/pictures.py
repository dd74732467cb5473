"""Pictures in a report: small SVG that the page holds itself."""

from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from ecgnoise.figures.drawn import FAULT, Drawing, envelope
from ecgnoise.figures.style import FAULT_SHADE, GRADE_SHADES, KIND_COLOURS
from ecgnoise.report.tally import STATES

WIDTH: Final = 720
HEIGHT: Final = 120
FOOT: Final = 16
BAR: Final = 10
SECONDS: Final = 10.0
SHARE: Final = 0.86
COLUMNS: Final = 1080


def patterns() -> str:
    """The hatching of grades and faults, once per page; other pictures name it."""
    diagonal = "M-2,2 l4,-4 M0,10 l10,-10 M8,12 l4,-4"
    other = "M-2,8 l4,4 M0,0 l10,10 M8,-2 l4,4"
    lines = {"poor": diagonal, "unusable": f"{diagonal} {other}", FAULT: other}
    shades = {**GRADE_SHADES, FAULT: FAULT_SHADE}
    made = "".join(
        f'<pattern id="shade-{name}" width="10" height="10" patternUnits="userSpaceOnUse">'
        f'<rect width="10" height="10" fill="{shade.colour}"/>'
        f'<path d="{lines.get(name, "")}" stroke="{shade.line}" stroke-width="1" opacity="0.6"/></pattern>'
        for name, shade in shades.items()
    )
    return f'<svg width="0" height="0" aria-hidden="true" focusable="false"><defs>{made}</defs></svg>'


@dataclass(frozen=True)
class Strip:
    """Ten seconds of one lead: the worst of its recording, or its start."""

    drawing: Drawing
    lead: int
    start: float

    @property
    def stop(self) -> float:
        """Where it ends, in seconds from the start of the recording."""
        return min(self.start + SECONDS, self.drawing.seconds)

    def svg(self) -> str:
        """The trace on shaded time, the noise below it, with words for who cannot see it."""
        lead = self.drawing.leads[self.lead]
        low, high = envelope(self.drawing, self.start, self.stop, COLUMNS)
        low, high = low[self.lead], high[self.lead]
        shades = "".join(
            self._rectangle(part.start, part.stop, 0, HEIGHT, f"url(#shade-{part.what})") for part in lead.stretches
        )
        title = escape(f"Lead {lead.name}, {self.start:g} to {self.stop:g} s: {self._words()}")
        size = f'viewBox="0 0 {WIDTH} {HEIGHT + FOOT}" role="img" aria-label="{title}"'
        return (
            f'<svg class="strip" {size}><title>{title}</title>'
            f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>{shades}{self._grid()}'
            f"{_trace(low, high)}{self._track()}{self._labels(low, high)}</svg>"
        )

    def _place(self, second: float) -> float:
        return float(np.clip((second - self.start) / SECONDS, 0.0, 1.0)) * WIDTH

    def _rectangle(self, start: float, stop: float, top: float, height: float, fill: str) -> str:
        left, right = self._place(max(start, self.start)), self._place(min(stop, self.stop))
        if right <= left:
            return ""
        return f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{height:.1f}" fill="{fill}"/>'

    def _grid(self) -> str:
        lines = "".join(f"M{self._place(self.start + tick):.0f},0 v{HEIGHT} " for tick in range(1, int(SECONDS)))
        return f'<path class="grid" d="{lines}"/>'

    def _track(self) -> str:
        """The kind of noise that counts most, in its colour, as high as it is strong."""
        track = self.drawing.leads[self.lead].track
        if track is None:
            return ""
        bars = []
        for number, (level, kind) in enumerate(zip(track.level.tolist(), track.kind.tolist(), strict=True)):
            height = BAR * min(max((level + 24.0) / 24.0, 0.0), 1.0) if np.isfinite(level) else 0.0
            if height > 0 and kind:
                start, stop = float(track.edges[number]), float(track.edges[number + 1])
                bars.append(self._rectangle(start, stop, HEIGHT - height, height, KIND_COLOURS[kind]))
        return "".join(bars)

    def _words(self) -> str:
        """What is shaded in it, in words."""
        parts = [
            part
            for part in self.drawing.leads[self.lead].stretches
            if part.stop > self.start and part.start < self.stop
        ]
        names = list(dict.fromkeys(part.what for part in reversed(parts)))
        return ", ".join(names) or "good"

    def _labels(self, low: np.ndarray, high: np.ndarray) -> str:
        y = HEIGHT + FOOT - 4
        tall = _height(low, high)
        unit = "mV" if self.drawing.millivolts else "(unknown unit)"
        words = "no samples" if tall is None else f"{tall:.3g} {unit} from foot to head"
        return (
            f'<text x="0" y="{y}">{self.start:g} s</text>'
            f'<text x="{WIDTH}" y="{y}" text-anchor="end">{self.stop:g} s</text>'
            f'<text x="{WIDTH / 2}" y="{y}" text-anchor="middle">{words}</text>'
        )


def _height(low: np.ndarray, high: np.ndarray) -> float | None:
    """How much of the signal a picture is high; None without samples."""
    if not np.isfinite(low).any():
        return None
    return max(float(np.nanmax(high) - np.nanmin(low)) / SHARE, 1e-9)


def _trace(low: np.ndarray, high: np.ndarray) -> str:
    """A line through the lowest and highest sample of each column; a gap where there are none."""
    tall = _height(low, high)
    if tall is None:
        return ""
    middle = (float(np.nanmax(high)) + float(np.nanmin(low))) / 2
    x = np.linspace(0, WIDTH, len(low))
    tops = HEIGHT / 2 - (high - middle) / tall * HEIGHT
    feet = HEIGHT / 2 - (low - middle) / tall * HEIGHT
    steps, pen = [], "M"
    for place, top, foot in zip(x.tolist(), tops.tolist(), feet.tolist(), strict=True):
        if np.isnan(top):
            pen = "M"
            continue
        steps.append(f"{pen}{place:.1f},{top:.1f}" + (f"V{foot:.1f}" if foot - top > 0.2 else ""))
        pen = "L"
    return f'<path class="trace" d="{"".join(steps)}"/>'


def grade_bar(states: list[int], what: str) -> str:
    """Shares of lead-segments by grade as one bar, with words."""
    total = sum(states)
    counts = ", ".join(f"{count} {state}" for state, count in zip(STATES, states, strict=True) if count)
    words = escape(f"{what}: {counts or 'none'}")
    left, areas = 0.0, []
    for state, count in zip(STATES, states, strict=True):
        width = 200.0 * count / total if total else 0.0
        fill = f"url(#shade-{state})" if state in GRADE_SHADES else f"url(#shade-{FAULT})"
        areas.append(f'<rect x="{left:.1f}" width="{width:.1f}" height="12" fill="{fill}"/>' if width else "")
        left += width
    size = 'viewBox="0 0 200 12" width="200" height="12" preserveAspectRatio="none"'
    return f'<svg class="bar" {size} role="img" aria-label="{words}"><title>{words}</title>{"".join(areas)}</svg>'


def histogram(counts: list[int]) -> str:
    """How many recordings have how much analysable time, with words."""
    highest = max([*counts, 1])
    words = ", ".join(f"{10 * place} to {10 * place + 10} %: {count}" for place, count in enumerate(counts))
    bars = "".join(
        f'<rect class="column" x="{60 * place + 6}" y="{110 - 100 * count / highest:.1f}" width="48" '
        f'height="{100 * count / highest:.1f}"/><text x="{60 * place + 30}" y="126" text-anchor="middle">'
        f'{10 * place}-{10 * place + 10}</text><text x="{60 * place + 30}" y="{106 - 100 * count / highest:.1f}" '
        f'text-anchor="middle">{count or ""}</text>'
        for place, count in enumerate(counts)
    )
    return (
        f'<svg class="chart" viewBox="0 -14 600 146" role="img" aria-label="{words}"><title>{words}</title>{bars}</svg>'
    )
