"""Tables of docs/benchmarks.md: a row for each scorer, the best first.

What was not measured has no row or column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.quality.readings import LOOKS, PSNR

OURS = PSNR
Figures = Mapping[str, Any]
Scorers = Mapping[str, Figures]

KINDS = {
    "bw": "baseline wander (bw)",
    "em": "electrode motion (em)",
    "ma": "muscle (ma)",
    "white": "white",
    "mains_50": "mains 50 Hz",
    "mains_60": "mains 60 Hz",
    "electrode_steps": "electrode steps",
    "spikes": "spikes",
}
NAMED = 5


@dataclass(frozen=True)
class Column:
    """A figure in a table: its heading, where it lies among a part's figures, the value to reach, and digits."""

    title: str
    path: tuple[str, ...]
    goal: float | None = None
    digits: int = 3
    ranked: bool = True
    with_interval: bool = True

    def value(self, figures: Figures) -> float | None:
        """The figure, None where there is none."""
        found = at(figures, self.path)
        return found if isinstance(found, int | float) else None

    def cell(self, figures: Figures) -> str:
        """The figure with its interval, as written."""
        value = self.value(figures)
        if value is None:
            return "-"
        low, high = at(figures, (*self.path[:-1], f"{self.path[-1]}_interval")) or (None, None)
        text = f"{value:.{self.digits}f}"
        if not self.with_interval or low is None or high is None:
            return text
        return f"{text} ({low:.{self.digits}f} to {high:.{self.digits}f})"


def at(figures: Any, path: Sequence[str]) -> Any:
    """What lies at a path of keys, None where nothing does."""
    for key in path:
        if not isinstance(figures, Mapping) or key not in figures:
            return None
        figures = figures[key]
    return figures


def table(heading: str, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join([heading, *titles])} |", "|---" * (len(titles) + 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def scorers_table(part: str, scorers: Scorers, columns: Sequence[Column]) -> str:
    """A row for each scorer, ranked by the first column, the best of each column bold; then who is ahead."""
    there = {name: figures[part] for name, figures in scorers.items() if part in figures}
    shown = [column for column in columns if any(column.value(figures) is not None for figures in there.values())]
    if not shown:
        return ""
    order = sorted(there, key=lambda name: -_rank(shown[0], there[name]))
    best = {column: max(_rank(column, figures) for figures in there.values()) for column in shown}
    rows = [[f"**{name}**" if name in LOOKS else name, *_cells(shown, there[name], best)] for name in order]
    if any(column.goal is not None for column in shown):
        rows.append(["to reach", *("" if c.goal is None else f"{c.goal:.{c.digits}f}" for c in shown)])
    text = table("scorer", [column.title for column in shown], rows)
    return f"{text}\n\n{ahead(there, shown)}" if len(there) > 1 else text


def _rank(column: Column, figures: Figures) -> float:
    value = column.value(figures)
    return float("-inf") if value is None else value


def _cells(columns: Sequence[Column], figures: Figures, best: Mapping[Column, float]) -> list[str]:
    """The cells of one scorer, the best of a ranked column bold."""
    cells = [column.cell(figures) for column in columns]
    marks = [column.ranked and column.value(figures) == best[column] for column in columns]
    return [f"**{cell}**" if mark else cell for cell, mark in zip(cells, marks, strict=True)]


def ahead(there: Scorers, columns: Sequence[Column]) -> str:
    """Which rivals are ahead of the best look of ecgnoise on which ranked columns."""
    remarks = []
    for column in columns:
        look = max((name for name in there if name in LOOKS), key=lambda name: _rank(column, there[name]), default="")
        ours = column.value(there.get(look, {}))
        if not column.ranked or ours is None:
            continue
        rivals = [name for name in there if name not in LOOKS and _rank(column, there[name]) > ours]
        names = sorted(rivals, key=lambda name: -_rank(column, there[name]))
        found = [f"{name} ({_rank(column, there[name]):.{column.digits}f})" for name in names[:NAMED]]
        if found:
            rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            remarks.append(f"- {column.title}, {look} {ours:.{column.digits}f}: {', '.join(found)}{rest}")
    if not remarks:
        return "No rival is ahead of ecgnoise in this table."
    return "\n".join(["Rivals ahead of ecgnoise ([why](#what-the-rivals-look-at)):", "", *remarks])
