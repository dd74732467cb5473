"""Saved tables and folders of results, turned back into results without scoring again.

A table holds all of a result but its images: the columns behind ``model`` are there for that. The times of segments and
parts are those that recordings of this length and sampling frequency have, so that they come back to the last bit; the
numbers come back as they are rounded in the table.
"""

import codecs
import csv
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.extras import extra
from ecgnoise._internal.files import open_regular, shown_name
from ecgnoise.errors import (
    EcgNoiseError,
    MissingFileError,
    OptionError,
    UnknownFormatError,
    UnreadableFileError,
    one_line,
)
from ecgnoise.noise_levels import KINDS, MICROVOLTS, SpanLimits, unweighted
from ecgnoise.results.archive_folder import part_files
from ecgnoise.results.cells import BETWEEN, COLUMNS, KIND_DB, LEVELS, NO_NUMBER
from ecgnoise.results.lead_remark import LeadRemark
from ecgnoise.results.result import Result
from ecgnoise.results.scores import ModelIdentity, NoiseLevels, Provenance, SegmentScores, Timeline
from ecgnoise.segments import Window, segment_times, windows

MODEL: Final = re.compile(r"(.*) (\S*) \((\S*)\)")
SNR: Final = ("snr_db", "snr_low_db", "snr_high_db")
TIME_TOLERANCE: Final = 1e-4  # seconds, where times are rounded to a millionth
OPTIONAL: Final = (  # what is told by the other columns, and what earlier tables did not have
    "record", "usable", "local_minimum_db", *LEVELS, "local_snr_db", "local_noise", "span_limits",
)  # fmt: skip
HEAD_BYTES: Final = 64
BEGINNINGS: Final = ((b"PAR1", ".parquet"), (b"PK\3\4", ".xlsx"), (b"[", ".json"), (COLUMNS[0].encode(), ".csv"))
Row = Mapping[str, Any]


class Results(Sequence[Result]):
    """The results of a table, in its order; one is found by its number, or by its record's name or path.

    Raises OptionError for a name that none has, or that several have.
    """

    def __init__(self, results: Iterable[Result]) -> None:
        self._results = tuple(results)

    @overload
    def __getitem__(self, key: int | str) -> Result: ...

    @overload
    def __getitem__(self, key: slice) -> tuple[Result, ...]: ...

    def __getitem__(self, key: int | str | slice) -> Result | tuple[Result, ...]:
        """The result with this number, record's name or path; or some of them."""
        if not isinstance(key, str):
            return self._results[key]
        found = [result for result in self._results if key == result.source]
        found = found or [result for result in self._results if key == result.record]
        if len(found) != 1:
            names = ", ".join(result.source for result in (found or self._results)[:5])
            raise OptionError(
                f"record {key!r}: {len(found)} of {len(self)} results have this name: pass one of {names}"
            )
        return found[0]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._results)

    def __repr__(self) -> str:
        """How many, and of which records."""
        names = ", ".join(result.record for result in self._results[:5])
        return f"<{len(self)} results: {names}{', ...' if len(self) > 5 else ''}>"


def load_results(path: str | Path) -> Results:
    """Load results that ``ecgnoise score --out``, ``ecgnoise archive`` or :func:`write_table` saved.

    Parameters
    ----------
    path : str or pathlib.Path
        A table (CSV, JSON, Parquet or Excel, whatever its suffix) or a folder of results.

    Returns
    -------
    sequence of Result
        In the order of the table; one is found by its number, or by its name or path. They can do all that results
        can, but hold no images.

    Raises
    ------
    UnreadableFileError
        If the file is absent or damaged, or lacks rows of a recording.
    UnknownFormatError
        If the file is no table of results.
    MissingExtraError
        Without the extra ``tables``, if it is needed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import ecgnoise
    >>> result = ecgnoise.quantify(ecgnoise.simulate_ecg(10, lead_names=["I"]))
    >>> with TemporaryDirectory() as folder:
    ...     ecgnoise.write_table(result.rows(), Path(folder) / "scores.csv")
    ...     ecgnoise.load_results(f"{folder}/scores.csv")[0].lead_names
    ('I',)
    """
    return Results(iterate_results(path))


def iterate_results(path: str | Path) -> Iterator[Result]:
    """The results of :func:`load_results` one by one, of a folder a part at a time."""
    for _, result in placed_results(path):
        yield result


class SavedPlace(NamedTuple):
    """Where the result of a recording is saved: the table, and the path of the recording."""

    file: Path
    source: str

    def load(self) -> Result:
        """The result; errors are those of :func:`load_results`, and UnreadableFileError where it is no longer there."""
        found = next(_results_of(self.file, self.source), None)
        if found is None:
            raise UnreadableFileError(f"{self.file}: holds {self.source} no more: open the results anew")
        return found


def placed_results(path: str | Path) -> Iterator[tuple[SavedPlace, Result]]:
    """The results of :func:`load_results` one by one, of a folder a part at a time, with the place of each."""
    place = Path(path)
    for file in _part_files(place) if os.path.isdir(place) else [place]:  # noqa: PTH112 - no error for any path
        for result in _results_of(file):
            yield SavedPlace(file, result.source), result


def _part_files(folder: Path) -> list[Path]:
    """The parts of a folder of results, or of its folder of parts."""
    files = part_files(folder)
    if not files:
        raise UnreadableFileError(f"{folder}: no parts of results in it: pass a folder that ecgnoise archive wrote")
    return files


def _results_of(file: Path, only: str | None = None) -> Iterator[Result]:
    """The results of one table, or of one recording in it; the rows of a recording may stand anywhere in it."""
    reader = TABLE_READERS[_kind(file)]
    records: dict[str, list[Row]] = {}
    try:
        for row in _checked(reader(file), file):
            if only is None or row["path"] == only:
                records.setdefault(str(row["path"]), []).append(row)
        yield from (_result(rows) for rows in records.values())
    except EcgNoiseError:
        raise
    except Exception as error:  # whatever a damaged table makes its library raise
        reason = one_line(error, 100)
        raise UnreadableFileError(f"{file}: not a whole table of results ({reason}): write it again") from error


def _kind(file: Path) -> str:
    """What a table is by its content, and by its suffix where the content does not say.

    Raises UnreadableFileError for anything but a file that can be read, UnknownFormatError for one that is no table.
    """
    try:
        with open_regular(file) as content:
            head = content.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise MissingFileError(
            f"{file}: no such table or folder of results: pass what ecgnoise score --out or archive wrote"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableFileError(f"{shown_name(file)}: cannot be opened ({reason}): check the path") from error
    known = next(
        (kind for begin, kind in BEGINNINGS if head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(begin)), ""
    )
    kind = known or file.suffix.lower()
    if kind not in TABLE_READERS:
        raise UnknownFormatError(
            f"{file}: no {', '.join(TABLE_READERS)} with results: pass what ecgnoise score --out or archive wrote"
        )
    return kind


def _checked(rows: Iterable[Row], file: Path) -> Iterator[Row]:
    """The rows; UnknownFormatError where a column is missing."""
    for number, row in enumerate(rows):
        lacking = [name for name in COLUMNS if name not in row and name not in OPTIONAL] if number == 0 else []
        if lacking:
            raise UnknownFormatError(
                f"{file}: no column {', '.join(lacking)}: pass a table that this version of ecgnoise score --out wrote"
            )
        yield row


def _read_csv(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines, strict=True)


def _read_json(file: Path) -> Iterator[Row]:
    rows = json.loads(file.read_text(encoding="utf-8-sig"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnknownFormatError(f"{file}: no list of rows: pass a table that ecgnoise score --out wrote")
    return iter(rows)


def _read_parquet(file: Path) -> Iterator[Row]:
    with extra("reading Parquet", "tables"):
        import pyarrow.parquet as pq
    with pq.ParquetFile(file) as table:
        for batch in table.iter_batches():
            yield from batch.to_pylist()


def _read_excel(file: Path) -> Iterator[Row]:
    with extra("reading Excel", "tables"):
        import openpyxl
    with file.open("rb") as content:  # openpyxl does not open a file of another suffix
        book = openpyxl.load_workbook(content, read_only=True)
        rows = book.worksheets[0].iter_rows(values_only=True)
        heading = [str(name) for name in next(rows, ())]
        for row in rows:
            yield dict(zip(heading, row, strict=True))
        book.close()


TABLE_READERS: Final[dict[str, Callable[[Path], Iterator[Row]]]] = {
    ".csv": _read_csv,
    ".json": _read_json,
    ".parquet": _read_parquet,
    ".xlsx": _read_excel,
}


def _result(rows: Sequence[Row]) -> Result:
    """The result whose rows these are, in any order of segments."""
    names = tuple(dict.fromkeys(str(row["lead"]) for row in rows))
    cells = _in_order(rows, names)
    first = cells[0][0]
    frequency = _number(first["sampling_frequency_hz"])
    cut = _windows(cells[0], frequency, str(first["path"]))
    psnr = _numbers(cells, "psnr_db")
    local = _local(cells, psnr)
    limits = [float(limit) for limit in _text(first.get("span_limits")).split()]
    ends = [float(end) for end in _text(first["snr_range_db"]).split()]
    return Result(
        SegmentScores(
            psnr=psnr,
            local_psnr=local,
            fault=_words(cells, "fault"),
            grade=_words(cells, "grade"),
            percentile=_numbers(cells, "percentile"),
            agreement=_numbers(cells, "agreement"),
            estimated_snr=np.stack([_numbers(cells, name) for name in SNR], axis=-1),
        ),
        _levels(cells, spans=bool(limits)),
        Timeline.of(cut, frequency, local.shape[2], spans=bool(limits)),
        Provenance(
            source=str(first["path"]),
            lead_names=names,
            sampling_frequency=frequency,
            units=_text(first["units"]),
            recording_start=_time(_text(first["time"])),
            notes=tuple(filter(None, _text(first["notes"]).split(BETWEEN))),
            lead_remarks=_remarks([_text(row[0]["lead_remarks"]) for row in cells], names),
            model=_model(_text(first["model"])),
            profile=_text(first["profile"]),
            snr_range=(ends[0], ends[1]) if ends else None,
            limits=SpanLimits(*limits),
        ),
    )


def _levels(cells: Sequence[Sequence[Row]], *, spans: bool) -> NoiseLevels:
    """The noise levels that a table has, those of spans where it has any."""
    known = NoiseLevels.unknown(len(cells), len(cells[0]))
    return NoiseLevels(
        noise=np.stack([_numbers(cells, name) for name in KIND_DB], axis=-1),
        noise_kind=_words(cells, "noise"),
        noise_share=_numbers(cells, "noise_share"),
        ecg_rms=_numbers(cells, "ecg_uv") / MICROVOLTS,
        reading_snr=_numbers(cells, "reading_snr_db"),
        effective_snr=_numbers(cells, "effective_snr_db"),
        local_noise=np.array([_local_noise(line) for line in cells]) if spans else known.local_noise,
        local_snr=np.array([_local_snr(line) for line in cells]) if spans else known.local_snr,
    )


def _local_snr(line: Sequence[Row]) -> NDArray[np.float32]:
    """The local SNR of the spans of a lead, (spans,)."""
    words = [word for row in line for word in _text(row["local_snr_db"]).split()]
    return np.array([np.nan if word == NO_NUMBER else float(word) for word in words], np.float32)


def _local_noise(line: Sequence[Row]) -> NDArray[np.float32]:
    """Local noise of a lead, (spans, kinds): the strongest kind of each span, with the power that the SNR says."""
    kinds = [word for row in line for word in _text(row["local_noise"]).split()]
    local = np.full((len(kinds), len(KINDS)), np.nan, np.float32)
    for place, (snr, kind) in enumerate(zip(_local_snr(line).tolist(), kinds, strict=True)):
        if kind != NO_NUMBER:
            local[place, KINDS.index(kind)] = unweighted(-snr, kind)
    return local


def _in_order(rows: Sequence[Row], names: Sequence[str]) -> list[list[Row]]:
    """The rows by leads and segments; UnreadableFileError where one is missing, or is there twice."""
    count = 1 + max(int(row["segment"]) for row in rows)
    grid = {(str(row["lead"]), int(row["segment"])): row for row in rows}
    if len(grid) != len(rows) or len(rows) != len(names) * count:
        raise UnreadableFileError(
            f"{rows[0]['path']}: {len(rows)} rows of {len(names)} leads and {count} segments, one each is needed: "
            "pass the whole table"
        )
    return [[grid[name, segment] for segment in range(count)] for name in names]


def _windows(row: Sequence[Row], frequency: float, path: str) -> tuple[Window, ...]:
    """The windows of the recording; UnreadableFileError where the table has other times."""
    starts = np.array([_number(cell["start_s"]) for cell in row])
    durations = np.array([_number(cell["duration_s"]) for cell in row])
    cut = windows(round((starts[-1] + durations[-1]) * frequency), frequency)
    found = np.column_stack([starts, durations])
    expected = np.array([segment_times(window, frequency) for window in cut])
    if found.shape != expected.shape or not np.allclose(found, expected, rtol=0, atol=TIME_TOLERANCE):
        raise UnreadableFileError(f"{path}: its segments do not lie end to end: pass the whole table")
    return cut


def _local(cells: Sequence[Sequence[Row]], psnr: NDArray[np.float64]) -> NDArray[np.float64]:
    """PSNR of the parts, (leads, segments, parts); of a part that is the whole, the whole's."""
    texts = [[_text(row["local_db"]).split() for row in line] for line in cells]
    parts = max(1, *(len(words) for line in texts for words in line))
    local = np.full((*psnr.shape, parts), np.nan)
    for lead, line in enumerate(texts):
        for segment, words in enumerate(line):
            if words:
                local[lead, segment] = [np.nan if word == NO_NUMBER else float(word) for word in words]
            else:
                local[lead, segment] = psnr[lead, segment]
    return local


def _numbers(cells: Sequence[Sequence[Row]], name: str) -> NDArray[np.float64]:
    return np.array([[_number(row.get(name)) for row in line] for line in cells], np.float64)


def _words(cells: Sequence[Sequence[Row]], name: str) -> NDArray[np.str_]:
    return np.array([[_text(row[name]) for row in line] for line in cells], "U16")


def _number(value: Any) -> float:
    """The number in a cell; NaN where it is empty."""
    return float("nan") if value is None or value == "" else float(value)


def _text(value: Any) -> str:
    """The text in a cell; empty for NaN, by which pandas says that it is empty."""
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def _model(text: str) -> ModelIdentity:
    """The model whose text this is."""
    found = MODEL.fullmatch(text)
    return ModelIdentity(*found.groups()) if found else ModelIdentity(text, "", "")


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _remarks(cells: Sequence[str], names: Sequence[str]) -> tuple[LeadRemark, ...]:
    """The remarks that stand in the cells of all leads that they are about."""
    leads_of: dict[str, list[str]] = {}
    for name, cell in zip(names, cells, strict=True):
        for text in filter(None, cell.split(BETWEEN)):
            leads_of.setdefault(text, []).append(name)
    return tuple(_remark(text, leads) for text, leads in leads_of.items())


def _remark(text: str, leads: list[str]) -> LeadRemark:
    """A remark, its leads in the order in which it names them."""
    what, _, named = text.partition(": ")
    words = named.split(", ")
    return LeadRemark(tuple(words if set(words) == set(leads) else leads), what)
