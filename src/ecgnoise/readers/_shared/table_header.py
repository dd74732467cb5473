"""What stands above the rows of a table: names, units, sampling frequency and start, as many programs write them.

Read so are lines of names and of units (``rdsamp``, Shimmer Consensys), ``Sample Rate: 500`` and its kin, and the
headers of AcqKnowledge (``2 msec/sample``, a name and a unit a channel) and LabChart (``ChannelTitle=``).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.channel_names import OTHER_UNITS, is_called_ecg, is_lead_name, lead_name, voltage_unit
from ecgnoise.readers._shared.lead_columns import Said, Title, title_of
from ecgnoise.readers._shared.table_layout import DECLARED, NUMBER, TIME, Layout, is_comment, kind_of
from ecgnoise.readers._shared.time_columns import start_of
from ecgnoise.readers._shared.time_text import is_clock_format, is_time_name, seconds_per

NUM: Final = r"(?P<value>[+]?\d+(?:[.,]\d+)?(?:e[+-]?\d+)?)"
HZ: Final = r"(?P<hz>k?hz|k?hertz|sps|1/s|samples?\s*/\s*s(?:ec(?:ond)?)?|samples per second)"
KEY: Final = (
    r"(?:(?:sampl\w*|samp|recording|data|acquisition|ecg|signal)[\s_.-]*(?:rate|freq\w*)|fs|sfreq|samplerate|srate|"
    r"sampl\w*freq\w*|abtast\w*|fr[\u00e9e]quence d.[\u00e9e]chantillonnage|frecuencia de muestreo)"
)
MARK: Final = r"\"?\s*[=:,;\t| ]+\s*\"?"
RATE: Final = re.compile(
    rf"(?:^|[^\w]){KEY}\s*(?:[\[(]\s*(?P<hz_before>k?hz|sps|1/s)\s*[\])])?{MARK}{NUM}\s*(?P<hz>k?hz|k?hertz|sps)?\b",
    re.IGNORECASE,
)
ONLY_RATE: Final = re.compile(rf"{NUM}\s*{HZ}", re.IGNORECASE)
PER_SAMPLE: Final = re.compile(rf"{NUM}\s*(?P<unit>[a-z\u00b5\u03bc]+)\s*(?:/|per)\s*sample", re.IGNORECASE)
INTERVAL: Final = re.compile(
    rf"(?:^|[^\w])(?:sampl\w*[\s_-]*(?:interval|period|time)|interval|tsample)\s*(?:[\[(]\s*(?P<before>[a-z\u00b5\u03bc]+)\s*[\])])?"
    rf"{MARK}{NUM}\s*(?P<unit>[a-z\u00b5\u03bc]+)?",
    re.IGNORECASE,
)
UNIT: Final = re.compile(
    r"(?:^|[^\w])(?:units?|einheit|unit[\u00e9e]s?)\s*(?:of [\w ]+)?[=:,;\t]+\s*\"?(?P<unit>[^\s,;\"]+)", re.I
)
START: Final = re.compile(r"(?:record\w*|start\w*|date|acquired)[^=:,;\t]*[=:,;\t]\s*(?P<start>\d.*)", re.IGNORECASE)
CHANNELS: Final = re.compile(r"(?P<count>\d+) channels?", re.IGNORECASE)
LABCHART: Final = re.compile(
    r"(?P<key>ChannelTitle|UnitName|Range|Interval|ExcelDateTime|TimeFormat|DateFormat|\w+Value)="
)
KINDS_OF_DATA: Final = frozenset({"cal", "raw", "uncal", "calibrated", "uncalibrated", ""})
NO_UNITS: Final = frozenset({"", "no units", "no unit", "no_units", "n/a", "na", "none", "-"})
RAW_UNITS: Final = frozenset({"nu", "adu", "a.u.", "au", "dimensionless", "counts", "count", "adc", "lsb", "raw"})


@dataclass(frozen=True)
class Line:
    """A line above the rows: its number in the file, from 1, its text, and its cells."""

    number: int
    text: str
    cells: list[str]

    @property
    def plain(self) -> str:
        """The text without the sign of a comment."""
        return self.text.strip().lstrip("#").strip()


@dataclass(frozen=True)
class Heading:
    """Name and unit of each column, and what holds for all of them; skip: rows that are no samples after all."""

    titles: list[Title]
    said: Said
    skip: int = 0


def heading_of(lines: Sequence[Line], layout: Layout, first: list[str], path: Path) -> Heading:
    """What the lines above the rows say; first: the cells of the first row.

    UnreadableFileError where names do not fit the columns, or there are several lines of them.
    """
    said = _said(lines)
    acq = _acqknowledge(lines, layout, first)
    if acq is not None:
        counts = all(cell.isdigit() for cell in first if cell) and any(first)
        return replace(acq, said=said, skip=1 if counts and _has_channel_numbers(lines) else 0)
    lab = _labchart(lines, layout)
    if lab is not None:
        return replace(lab, said=said)
    used = [line for line in lines if line.text.strip() and not _is_statement(line)]
    spoken = [line for line in used if not is_comment(line.text)]
    fitting = [line for line in spoken if _aligned_or_none(line, layout, first) is not None]
    if not fitting and not spoken:
        fitting = [line for line in used[-1:] if is_comment(line.text) and _is_commented_title(line, layout)]
        fitting = [replace(line, text=line.plain, cells=layout.cells(line.plain)) for line in fitting]
    if spoken and not fitting and layout.width > 1 and _may_be_titles(spoken[-1]):
        raise UnreadableFileError(
            f"{path}: the header has {len(spoken[-1].cells)} columns, the rows have {layout.width}: correct the header"
        )
    return Heading(_titles(fitting, layout, first, path), said)


def _may_be_titles(line: Line) -> bool:
    """Whether a line has several cells and is no remark."""
    return len(line.cells) > 1 and not line.text.lstrip().startswith(("%", "//", ";", "!"))


def _titles(lines: Sequence[Line], layout: Layout, first: list[str], path: Path) -> list[Title]:
    """Name and unit of each column, of lines that have as many cells."""
    rows = [(line, _aligned(line, layout, first)) for line in lines]
    sure = [_is_units(row) or (at > 0 and _may_be_units(row)) for at, (_, row) in enumerate(rows)]
    units = [row for (_, row), is_units in zip(rows, sure, strict=True) if is_units]
    others = [pair for pair, is_units in zip(rows, sure, strict=True) if not is_units and not _is_kind_of_data(pair[1])]
    names = [pair for pair in others if not _is_group(pair[1])] or others[-1:]
    if len(names) > 1:  # a list of facts, one of them a line, may have as many cells as the table below
        sure_names = [pair for pair in names if any(map(_is_sure_name, pair[1]))]
        names = sure_names if len(sure_names) == 1 and sure_names[0] is names[-1] else names
    if not names and len(rows) == 1:
        return [title_of(cell) for cell in rows[0][1]]
    if len(names) > 1:
        wrong = names[1][0]
        raise UnreadableFileError(
            f"{path}: {len(names)} lines look like titles: line {wrong.number} {wrong.text.strip()[:40]!r} is no row "
            "of numbers or units: leave one line of names above the rows"
        )
    titles = [title_of(cell) for cell in names[0][1]] if names else [("", None)] * layout.width
    below = units[-1] if units else [""] * layout.width
    return [(name, unit or _unit_of(second)) for (name, unit), second in zip(titles, below, strict=True)]


def _is_sure_name(cell: str) -> bool:
    """Whether a cell is surely the name of a column of times or of a lead."""
    name, unit = title_of(cell)
    long_enough = len(name) > 1 and is_lead_name(lead_name(name))
    return is_time_name(name) or is_called_ecg(name) or long_enough or (unit is not None and bool(voltage_unit(unit)))


def _unit_of(cell: str) -> str | None:
    bare = _bare(cell)
    return None if bare.casefold() in NO_UNITS else bare


def _bare(cell: str) -> str:
    return cell.strip().strip("()[]").strip()


def _is_units(cells: Sequence[str]) -> bool:
    """Whether all cells are units or say that there is none, and one of them can be nothing else."""
    some = [bare for cell in cells if (bare := _bare(cell))]
    sure = ((len(cell) > 1 and (voltage_unit(cell) or seconds_per(cell))) or is_clock_format(cell) for cell in some)
    return any(sure) and all(_is_a_unit(cell) for cell in some)


def _may_be_units(cells: Sequence[str]) -> bool:
    """Likewise, of a line below one of names: a single letter will do."""
    some = [bare for cell in cells if (bare := _bare(cell))]
    return any(cell in {"V", "s", "adu", "NU", "a.u."} for cell in some) and all(_is_a_unit(cell) for cell in some)


def _is_a_unit(cell: str) -> bool:
    small = cell.casefold()
    if voltage_unit(cell) or seconds_per(cell) or is_clock_format(cell) or small in NO_UNITS | RAW_UNITS:
        return True
    return (
        OTHER_UNITS.fullmatch(small) is not None or re.fullmatch(r"[\w\u00b0%]+([/^*.][\w()^-]+)+", small) is not None
    )


def _is_kind_of_data(cells: Sequence[str]) -> bool:
    return all(cell.casefold() in KINDS_OF_DATA for cell in cells)


def _is_group(cells: Sequence[str]) -> bool:
    """Whether all columns have the same title, as that of the device they come from."""
    return len(cells) > 1 and len({cell for cell in cells if cell}) == 1


def _aligned(line: Line, layout: Layout, first: list[str]) -> list[str]:
    return _aligned_or_none(line, layout, first) or [""] * layout.width


def _aligned_or_none(line: Line, layout: Layout, first: list[str]) -> list[str] | None:
    """The cells of a line as titles of the columns; None where there are too few or too many.

    One may be missing: of an empty column at the end, or of the row numbers that R writes; first: the first row.
    """
    cells = layout.fitted(list(line.cells))
    blank = layout.delimiter in {None, "\t"}
    if len(cells) != layout.width and blank:
        joined = re.sub(r"\s+(?=[\[(])", "", line.text.strip())
        ways = (re.split(r"\s{2,}|\t+", line.text.strip()), joined.split(), re.split(r"[,;\t]\s*", line.text.strip()))
        wanted = [layout.width] + [layout.width + 1] * (layout.kinds[0] == TIME)
        cells = next((list(way) for width in wanted for way in ways if len(way) == width), cells)
    if len(cells) == layout.width + 1 and layout.kinds[0] == TIME and blank:
        cells = [f"{cells[0]} {cells[1]}", *cells[2:]]  # rdsamp: [time date] has two titles
    if len(cells) == layout.width - 1 and cells:
        if not first[-1]:
            return [*cells, ""]
        numbered = first[0].isdigit() and layout.width > 2
        return ["", *cells] if numbered or (layout.delimiter is None and _is_units(cells)) else None
    return cells if len(cells) == layout.width else None


def _is_commented_title(line: Line, layout: Layout) -> bool:
    cells = layout.fitted(layout.cells(line.plain))
    if len(cells) != layout.width or any(kind_of(cell) == NUMBER for cell in cells):
        return False
    return layout.width > 1 or is_called_ecg(cells[0]) or is_lead_name(title_of(cells[0])[0])


def _is_statement(line: Line) -> bool:
    """Whether a line says something of the whole file: its delimiter, sampling frequency, unit or start."""
    text = line.plain
    if DECLARED.fullmatch(text) or RATE.search(text) or PER_SAMPLE.search(text) or ONLY_RATE.fullmatch(text):
        return True
    return any(kind.search(text) is not None for kind in (INTERVAL, UNIT, START))


def _said(lines: Sequence[Line]) -> Said:
    """What the lines say of the sampling frequency, the unit and the start."""
    sampling_frequencies = {
        sampling_frequency for line in lines if (sampling_frequency := rate_in(line.plain)) is not None
    }
    of_ecg = {
        sampling_frequency
        for line in lines
        if is_called_ecg(line.text) and (sampling_frequency := rate_in(line.plain)) is not None
    }
    sampling_frequencies = of_ecg if len(of_ecg) == 1 else sampling_frequencies
    units = {match["unit"].strip("()[]") for line in lines if (match := UNIT.search(line.plain))}
    known = {unit for unit in units if voltage_unit(unit)}
    starts = [start_of(match["start"].strip(" \"'")) for line in lines if (match := START.search(line.plain))]
    notes: tuple[str, ...] = ()
    if len(sampling_frequencies) > 1:
        listed = ", ".join(f"{sampling_frequency:g} Hz" for sampling_frequency in sorted(sampling_frequencies))
        notes = (f"the header says several sampling frequencies ({listed}), none of which is used",)
    return Said(
        sampling_frequencies.pop() if len(sampling_frequencies) == 1 else None,
        known.pop() if len(known) == 1 else None,
        next((start for start in starts if start is not None), None),
        notes,
    )


def rate_in(text: str) -> float | None:
    """The sampling frequency in Hz that a line states, None where it states none."""
    match = RATE.search(text) or ONLY_RATE.fullmatch(text)
    if match is not None:
        unit = (match["hz"] or match.groupdict().get("hz_before") or "").casefold()
        return _positive(match["value"]) * (1000 if unit.startswith("k") else 1) or None
    match = PER_SAMPLE.search(text) or INTERVAL.search(text)
    if match is None:
        return None
    unit = match["unit"] or match.groupdict().get("before") or ""
    seconds = (seconds_per(unit) or 0.0) * _positive(match["value"])
    return 1 / seconds if seconds > 0 else None


def _positive(text: str) -> float:
    value = float(text.replace(",", "."))
    nearest = round(value)
    return float(nearest) if abs(value - nearest) < 1e-9 else value


def _has_channel_numbers(lines: Sequence[Line]) -> bool:
    return any(re.fullmatch(r"CH\d+", cell) for cell in (lines[-1].cells if lines else []))


def _acqknowledge(lines: Sequence[Line], layout: Layout, first: list[str]) -> Heading | None:
    """The titles of an export of AcqKnowledge: below the number of channels a name and a unit each."""
    end = next((at for at in range(len(first), 0, -1) if first[at - 1]), 0)
    at = next((at for at, line in enumerate(lines) if CHANNELS.fullmatch(line.text.strip(" \t,;\r\n"))), None)
    if at is None:
        return None
    count = int(lines[at].text.split()[0])
    pairs = [line.text.strip(' \t,;\r\n"') for line in lines[at + 1 : at + 1 + 2 * count]]
    if len(pairs) < 2 * count or not 0 <= end - count <= 1:
        return None
    titles: list[Title] = [(name, unit or None) for name, unit in zip(pairs[::2], pairs[1::2], strict=True)]
    below = [line for line in lines[at + 1 + 2 * count :] if line.text.strip()]
    time = (below[0].cells[0] if below else "").strip()
    before: list[Title] = [("time", time) if seconds_per(time) else (time, None)] if end > count else []
    return Heading([*before, *titles, *([("", None)] * (layout.width - end))], Said())


def _labchart(lines: Sequence[Line], layout: Layout) -> Heading | None:
    """The titles of an export of LabChart: a line ``ChannelTitle=``, and units in ``UnitName=`` or ``Range=``."""
    found = {match["key"]: line for line in lines if (match := LABCHART.match(line.text.strip(' "')))}
    if "ChannelTitle" not in found:
        return None
    names = list(found["ChannelTitle"].cells[1:])
    while names and not names[-1]:
        names.pop()
    ranges = found["Range"].cells[1:] if "Range" in found else []
    spelt = found["UnitName"].cells[1:] if "UnitName" in found else [cell.rpartition(" ")[2] for cell in ranges]
    units: list[str | None] = [None if unit in {"*", ""} else unit for unit in spelt]
    units += [None] * len(names)
    titles: list[Title] = [(name, unit) for name, unit in zip(names, units, strict=False)]
    before: list[Title] = [("time", "s")] if layout.width > len(titles) else []
    whole = [*before, *titles][: layout.width]
    return Heading([*whole, *([("", None)] * (layout.width - len(whole)))], Said())
