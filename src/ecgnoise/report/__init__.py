"""A report on scored recordings: one page in HTML that needs nothing else."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from ecgnoise._internal.atomic import check_place, whole_files
from ecgnoise._internal.extras import extra
from ecgnoise._internal.files import shown_name
from ecgnoise._version import __version__
from ecgnoise.errors import EcgNoiseError, OutputError, UnreadableFileError
from ecgnoise.figures.style import KIND_COLOURS, MEANINGS
from ecgnoise.report import pictures
from ecgnoise.report.signals import strip_of
from ecgnoise.report.tally import STATES, TABLE_COLUMNS, Row, Tally
from ecgnoise.results.archive_folder import lost_recordings
from ecgnoise.results.result import Result
from ecgnoise.results.saved import iterate_results

__all__ = ["Left", "write_report"]

TEMPLATE: Final = "page.html.jinja"
MOST_LOST: Final = 200
ROWS_WITHOUT_SCRIPT: Final = 100

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Left:
    """A recording whose picture a report has not, and why."""

    record: str
    reason: str


@dataclass(frozen=True)
class Shown:
    """A recording with its picture, or with the words that stand in its place."""

    row: Row
    picture: str
    reason: str


def write_report(
    results: str | Path | Sequence[Result],
    out: str | Path,
    *,
    recordings: str | Path | None = None,
    title: str | None = None,
    progress: Progress | None = None,
) -> list[Left]:
    """Write a report on results as one HTML page that opens without a network.

    Parameters
    ----------
    results : str, pathlib.Path or sequence of Result
        A table that :func:`write_table` wrote, a folder that :func:`score_archive` wrote, or results themselves. Tables
        and folders are read twice, one result at a time.
    out : str or pathlib.Path
        The page, with the suffix ``.html``.
    recordings : str or pathlib.Path, optional
        A folder below which recordings are looked for that are no longer where they were scored.
    title : str, optional
        The title of the page. The default names what the results are.
    progress : callable, optional
        Called as ``progress(done)`` with the number of results that are counted.

    Returns
    -------
    list of Left
        Recordings that should have a picture and have none, because they cannot be read any more. The page says so too.

    Raises
    ------
    UnreadableFileError
        If there is no result, or the table or folder is damaged or none of results; `MissingFileError`, a subclass, if
        it is absent.
    OutputError
        If the suffix is another one, or the page cannot be written.
    MissingExtraError
        Without the extra ``report``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ecgnoise import quantify, simulate_ecg, write_report
    >>> result = quantify(simulate_ecg(10, lead_names=["I", "II"]))
    >>> with TemporaryDirectory() as folder:
    ...     left = write_report([result], f"{folder}/report.html")
    """
    place = Path(out)
    if place.suffix.lower() not in {".html", ".htm"}:
        raise OutputError(f"{place}: suffix {place.suffix!r} is not .html: choose a name with it")
    environment = _environment()
    check_place(place)
    tally = Tally()
    for done, result in enumerate(_each(results), 1):
        tally.add(result)
        if progress:
            progress(done)
    if not tally.rows:
        raise UnreadableFileError(f"{shown_name(str(results))}: no results in it: score recordings first")
    worst, typical = tally.worst(), tally.typical()
    shown = _drawn(results, [*worst, *typical], None if recordings is None else Path(recordings))
    page = environment.get_template(TEMPLATE).render(
        **_words(tally, title or _title(results)),
        worst=[shown[row.number] for row in worst],
        typical=[shown[row.number] for row in typical],
        lost=[] if not isinstance(results, str | Path) else lost_recordings(Path(results), MOST_LOST),
    )
    with whole_files(place) as partial:
        partial.write_text(page, encoding="utf-8")
    return [Left(found.row.record, found.reason) for found in shown.values() if found.reason]


def _each(results: str | Path | Sequence[Result]) -> Iterable[Result]:
    return iterate_results(results) if isinstance(results, str | Path) else results


def _title(results: str | Path | Sequence[Result]) -> str:
    if isinstance(results, str | Path):
        return f"Noise of the ECG in {Path(results).name}"
    return f"Noise of {results[0].record}" if len(results) == 1 else f"Noise of {len(results)} ECG recordings"


def _environment() -> Any:
    with extra("writing a report", "report"):
        from jinja2 import Environment, PackageLoader, StrictUndefined
    environment = Environment(
        loader=PackageLoader("ecgnoise.report", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    return environment


def _number(value: float, digits: int = 0) -> str:
    """A number as it is written, a dash for none."""
    return "-" if value != value else f"{value:,.{digits}f}"  # noqa: PLR0124 - NaN


def _drawn(results: str | Path | Sequence[Result], rows: Sequence[Row], folder: Path | None) -> dict[int, Shown]:
    """The pictures of some recordings, by their numbers."""
    wanted = {row.number: row for row in rows}
    found: dict[int, Shown] = {}
    for number, result in enumerate(_each(results)):
        if number in wanted:
            row = wanted[number]
            try:
                found[number] = Shown(row, strip_of(result, row.noisy_lead, folder).svg(), "")
            except EcgNoiseError as error:
                found[number] = Shown(row, "", str(error))
            if len(found) == len(wanted):
                break
    return found


def _words(tally: Tally, title: str) -> dict[str, Any]:
    """What the page says, but for its pictures."""
    pages = files("ecgnoise.report") / "pages"
    table = json.dumps(tally.table(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return {
        "title": title,
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "version": __version__,
        "tally": tally,
        "states": STATES,
        "meanings": MEANINGS,
        "leads": sorted(tally.leads.items(), key=lambda entry: (entry[1].analysable, entry[0])),
        "kinds": [(kind, KIND_COLOURS[kind], entry) for kind, entry in tally.kinds.items()],
        "remarks": list(_remarks(tally)),
        "pictures": pictures,
        "columns": TABLE_COLUMNS,
        "first_rows": tally.table()[:ROWS_WITHOUT_SCRIPT],
        "table": table.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
        "style": (pages / "page.css").read_text(encoding="utf-8"),
        "script": (pages / "table.js").read_text(encoding="utf-8"),
    }


def _remarks(tally: Tally) -> Iterator[Row]:
    """Recordings with leads that look odd."""
    yield from (row for row in tally.ranked() if row.remarks)
