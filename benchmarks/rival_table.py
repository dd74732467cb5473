"""What rivals were measured to do, as a table: a row for each figure, a column for each rival.

The first line says where and when, as JSON. A figure is named by its place, as ``ptbxl/static_noise/auroc``; a cell is
JSON, and empty where a rival has no such figure.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.machine import machine

FILE = "rivals.csv"
BETWEEN = "/"


def write_rivals(folder: Path, rivals: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the figures of rivals, by name and part, with machine and date.

    Parts that a rival was measured in before, and is not now, stay as they are; ``since`` is the oldest date.
    """
    before = read_rivals(folder)
    where, known = machine(), before.get("rivals", {})
    since = min([where["date"], *filter(None, [before.get("machine", {}).get("since")])])
    every = {name: {**known.get(name, {}), **rivals.get(name, {})} for name in dict.fromkeys([*known, *rivals])}
    columns = {name: dict(_leaves(figures)) for name, figures in every.items()}
    places = dict.fromkeys(place for column in columns.values() for place in column)
    folder.mkdir(exist_ok=True)
    with (folder / FILE).open("w", encoding="utf-8", newline="") as file:
        file.write(f"{json.dumps(where | {'since': since})}\n")
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["figure", *columns])
        for place in places:
            cells = (json.dumps(column[place]) if place in column else "" for column in columns.values())
            table.writerow([BETWEEN.join(place), *cells])


def read_rivals(folder: Path) -> dict[str, Any]:
    """``machine`` and ``rivals``, the figures of each by name; empty where there is no table."""
    if not (folder / FILE).is_file():
        return {}
    with (folder / FILE).open(encoding="utf-8", newline="") as file:
        where = json.loads(next(file))
        rows = list(csv.reader(file))
    names = rows[0][1:]
    rivals: dict[str, Any] = {name: {} for name in names}
    for figure, *cells in rows[1:]:
        for name, cell in zip(names, cells, strict=True):
            if cell:
                _put(rivals[name], figure.split(BETWEEN), json.loads(cell))
    return {"machine": where, "rivals": rivals}


def _leaves(figures: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in figures.items():
        place = (*before, str(name).replace(BETWEEN, "\\"))
        if isinstance(value, Mapping):
            yield from _leaves(value, place)
        else:
            yield place, value


def _put(figures: dict[str, Any], place: list[str], value: Any) -> None:
    *above, last = (name.replace("\\", BETWEEN) for name in place)
    for name in above:
        figures = figures.setdefault(name, {})
    figures[last] = value
