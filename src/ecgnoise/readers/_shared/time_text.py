"""Columns of times: their names, their units, and dates and times as text."""

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import nan
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.readers._shared.number_text import is_missing

SECONDS_PER: Final = {
    spelling: seconds
    for seconds, spellings in (
        (1.0, "s sec secs second seconds sek sekunde sekunden seconde secondes segundos"),
        (1e-3, "ms msec msecs msecond mseconds millis millisec millisecs millisecond milliseconds"),
        (1e-6, "us usec usecs micros microsec microsecs microsecond microseconds \u00b5s \u03bcs \u00b5sec \u03bcsec"),
        (1e-9, "ns nsec nsecs nanos nanosec nanosecs nanosecond nanoseconds"),
        (60.0, "min mins minute minutes minuten"),
        (3600.0, "h hr hrs hour hours std stunden"),
        (86400.0, "d day days tage"),
    )
    for spelling in spellings.split()
}
TIME_UNITS: Final = "s, ms, us, ns, min, h, d"  # as a message names them
# Whole names that stand for a unit of time; a single letter may be the name of anything else.
UNIT_NAMES: Final = SECONDS_PER.keys() - {"d", "h", "day", "days", "hr"} | {"sec/sec"}
TIME_WORDS: Final = frozenset(
    {"t", "ts", "time", "times", "timestamp", "timestamps", "datetime", "date", "dates", "clock", "elapsed", "zeit"}
    | {"uhrzeit", "datum", "zeitstempel", "temps", "tiempo", "hora", "fecha", "tempo", "unix", "epoch", "unixtime"}
    | {"utc", "localtime", "timeline", "millis", "micros", "heure", "tid", "tijd"}
)
INDEX_NAMES: Final = frozenset({
    "sample", "samples", "index", "sample index", "sample number", "n", "sample #", "idx", "sample_index",
    "sampleindex", "sample_number", "samplenumber", "sample no", "sample no.", "sample_no", "sample_id", "row", "#",
    "nr", "no", "no.", "frame", "point", "sample_num", "unnamed: 0", "x_value", "nseq", "seq", "sequence", "counter",
    "packet_counter", "sample_counter", "sample counter", "sample_count", "sequence_number", "seq_no", "frame_number",
})  # fmt: skip
UNIX_YEARS: Final = (6.3e8, 4.1e9)  # s since 1970: 1990 to 2100
EXCEL_DAYS: Final = (32_874.0, 73_051.0)  # since 30 December 1899: 1990 to 2100
EXCEL_EPOCH: Final = datetime(1899, 12, 30)

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
CLOCK: Final = r"(?P<h>\d{1,3}):(?P<m>\d{1,2})(?::(?P<s>\d{1,2}))?(?:[.,:](?P<f>\d+))?\s*(?P<half>[ap]\.?m\.?)?"
YEAR_FIRST: Final = r"(?P<y>\d{4})[-/.](?P<mo>\d{1,2})[-/.](?P<d>\d{1,2})"
YEAR_LAST: Final = r"(?P<a>\d{1,2})(?P<mark>[-/. ])(?P<b>\d{1,2}|[A-Za-z]{3})[-/. ](?P<yl>\d{4})"
ZONE: Final = r"(?P<zone>\s*(?:Z|UTC|GMT|[+-]\d\d:?\d\d|[+-]\d\d))?"
STAMP: Final = re.compile(rf"(?:(?:{YEAR_FIRST}|{YEAR_LAST})(?:[T ,;_]\s*|$))?(?:{CLOCK}{ZONE})?", re.IGNORECASE)
WFDB_STAMP: Final = re.compile(r"\[?(?P<clock>[\d:.]+)\s+(?P<d>\d\d)/(?P<mo>\d\d)/(?P<y>\d{4})\]?")
ISO: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?")
CLOCK_ALONE: Final = re.compile(CLOCK)
BASIC: Final = re.compile(
    r"(\d{4})(\d\d)(\d\d)[T ](\d\d)(\d\d)(\d\d(?:[.,]\d+)?)(?:Z|[+-]\d{4})?"
)  # ISO 8601 without marks
ELAPSED: Final = re.compile(r"(\d+) days?,? (?=\d)")  # 0 days 00:00:00.004, as pandas has it
HALF_DAY: Final = 43_200.0
Date = tuple[str | Any, ...]  # year, month and day where they come in this order; first, mark, second and year
NO_DATE: Final[Date] = ("",) * 7


@dataclass(frozen=True)
class TextTimes:
    """Times that were text: in s since the first one, NaN where a cell has none, and when that one was.

    of_day: the time of day of the first one in s, where there is no date.
    """

    seconds: NDArray[np.float64]
    start: datetime | None
    has_date: bool
    of_day: float = 0.0


def words_of(name: str) -> list[str]:
    """The words of a name in small letters, also those of ``timestampMs``."""
    humps = re.findall(r"[A-Z]?[a-z\u00b5\u03bc]+|[A-Z]+(?![a-z])", name)
    return [hump.casefold() for hump in humps]


def is_time_name(name: str) -> bool:
    """Whether a column so called holds times, in whatever unit."""
    words = words_of(name)
    if words[:1] == ["t"]:  # which may be the wave of an ECG, as in T_Offsets
        return all(word in SECONDS_PER for word in words[1:])
    return name.casefold() in UNIT_NAMES or any(word in TIME_WORDS and word != "t" for word in words)


def is_surely_time_name(name: str) -> bool:
    """Whether a column so called holds times although something else is in its name, as in ``ecg_timestamp``."""
    words = set(words_of(name))
    return bool(words & {"time", "times", "timestamp", "timestamps", "datetime"}) and "series" not in words


def unit_in_name(name: str) -> str | None:
    """The unit of time that the name of a column of times states, as in ``time_ms`` or ``min``."""
    if name.casefold() in UNIT_NAMES:
        return name.casefold()
    parts = re.split(r"[\s_/.:-]+", name.casefold())  # mSecs is one word, unlike timestampMs
    words = parts if parts[-1] in SECONDS_PER else words_of(name)
    return words[-1] if len(words) > 1 and words[-1] in SECONDS_PER else None


def seconds_per(unit: str) -> float | None:
    """How many seconds a unit of time has, None where the text is none."""
    return SECONDS_PER.get(unit.strip().strip(".").casefold())


def is_clock_format(unit: str) -> bool:
    """Whether a unit says how times are written, as ``hh:mm:ss.mmm``."""
    return re.fullmatch(r"[hmsdy:./, \-f\[\]()]*:[hmsdy:./, \-f\[\]()]*", unit.casefold()) is not None


def is_stamp(cell: str) -> bool:
    """Whether a cell holds a date, a time of day, or both; a number is none."""
    if not cell or (not cell[0].isdigit() and cell[0] != "[") or cell.isdigit():
        return False
    text = ELAPSED.sub("", cell.strip(), count=1)
    if BASIC.fullmatch(text):
        return True
    return (STAMP.fullmatch(text) is not None or WFDB_STAMP.fullmatch(text) is not None) and (
        ":" in text or len(re.findall(r"[-/.]", text)) == 2
    )


def has_clock(cell: str) -> bool:
    """Whether there is a time of day or an elapsed time in a cell."""
    return ":" in cell


def text_times(cells: Sequence[str]) -> TextTimes | None:
    """The times in cells of text, or None where one of them holds something else."""
    first = next((cell for cell in cells if not is_missing(cell)), None)
    if first is None or not is_stamp(first):
        return None
    if ISO.fullmatch(first):
        times = _iso_times(cells)
        if times is not None:
            return times
    return _other_times(cells)


def _iso_times(cells: Sequence[str]) -> TextTimes | None:
    """All at once; None where one is not in ISO 8601."""
    import pandas

    try:
        read = pandas.to_datetime(list(cells), format="ISO8601", utc=True, errors="coerce")
    except (ValueError, OverflowError):
        return None
    instants = read.tz_localize(None).to_numpy().astype("datetime64[ns]")
    absent = np.isnat(instants)
    if any(not is_missing(cells[at]) for at in np.flatnonzero(absent).tolist()):
        return None
    at = int((~absent).argmax())
    seconds = (instants - instants[at]).astype(np.float64) / 1e9
    return TextTimes(np.where(absent, np.nan, seconds), _start(cells[at]), has_date=True)


def _start(cell: str) -> datetime | None:
    try:
        return datetime.fromisoformat(cell.strip())
    except ValueError:
        return None


def _other_times(cells: Sequence[str]) -> TextTimes | None:
    """One by one: any of the other ways to write them; days first or months first as the dates allow."""
    dates: dict[Date, int] = {}
    which, of_day = array("q"), array("d")
    for cell in cells:
        parsed = (NO_DATE, nan) if is_missing(cell) else _parsed(cell)
        if parsed is None:
            return None
        which.append(dates.setdefault(parsed[0], len(dates)))
        of_day.append(parsed[1])
    seconds = np.array(of_day)
    known = np.flatnonzero(np.isfinite(seconds))
    if not len(known):
        return None
    day_first = _day_first(list(dates))
    days = np.array([_ordinal(date, day_first=day_first is not False) for date in dates])
    of_cells = days[np.array(which)]
    dated = bool(np.isfinite(of_cells[known]).all())
    first = known[0]
    since = seconds - seconds[first] + ((of_cells - of_cells[first]) * 86400.0 if dated else 0.0)
    if not dated or not np.ptp(of_cells[known]):
        since = _past_midnight(since)
    start = None
    if dated and day_first is not None:
        start = datetime(1, 1, 1) + timedelta(days=float(of_cells[first]), seconds=float(seconds[first]))
    return TextTimes(since, start, has_date=dated, of_day=float(seconds[first]))


def _parsed(cell: str) -> tuple[Date, float] | None:
    """The date in a cell as it is written, and the seconds of the day; None where it is no date or time."""
    text = cell.strip()
    basic, elapsed = BASIC.fullmatch(text), ELAPSED.match(text)
    if basic is not None:
        hours, minutes, seconds = int(basic[4]), int(basic[5]), float(basic[6].replace(",", "."))
        return (basic[1], basic[2], basic[3], "", "", "", ""), hours * 3600 + minutes * 60 + seconds
    if elapsed is not None:
        clock = CLOCK_ALONE.fullmatch(text[elapsed.end() :])
        return None if clock is None else (NO_DATE, int(elapsed[1]) * 86400.0 + _of_day(clock))
    wfdb = WFDB_STAMP.fullmatch(text)
    if wfdb is not None:
        clock = CLOCK_ALONE.fullmatch(wfdb["clock"])
        year, month, day = wfdb.group("y", "mo", "d")
        return None if clock is None else ((year, month, day, "", "", "", ""), _of_day(clock))
    match = STAMP.fullmatch(text.strip("[]"))
    if match is None or not (match["h"] or match["y"] or match["a"]):
        return None
    return tuple(match.group("y", "mo", "d", "a", "mark", "b", "yl")), _of_day(match)


def _day_first(dates: Sequence[Date]) -> bool | None:
    """Whether the day comes before the month in the dates: yes with dots, else by a number over 12; None: unknown."""
    pairs = {(date[3], date[4], date[5]) for date in dates if date[3]}
    if not pairs or any(mark == "." or not str(month).isdigit() for _, mark, month in pairs):
        return True
    if any(int(first or 0) > 12 for first, _, _ in pairs):
        return True
    if any(int(second or 0) > 12 for _, _, second in pairs):
        return False
    # One of both rises by one a day where the recording goes past midnight: that is the day.
    firsts, seconds = ({pair[at] for pair in pairs} for at in (0, 2))
    if len(firsts) != len(seconds):
        return len(firsts) > len(seconds)
    return None


def _of_day(match: re.Match[str]) -> float:
    """The seconds of the day."""
    stated_hours, stated_minutes, stated_seconds, fraction, half = match.group("h", "m", "s", "f", "half")
    hours, minutes, seconds = int(stated_hours or 0), int(stated_minutes or 0), int(stated_seconds or 0)
    if stated_hours and stated_seconds is None and fraction is not None:  # m:ss.fff, not h:mm
        hours, minutes, seconds = 0, hours, minutes
    if half:
        hours = hours % 12 + 12 * (half[0] in "pP")
    return hours * 3600 + minutes * 60 + seconds + (float(f"0.{fraction}") if fraction else 0.0)


def _ordinal(date: Date, *, day_first: bool) -> float:
    """The number of the day; NaN where there is no such day."""
    year, month, day, first, _, second, last = date
    if not year:
        letters = str(second).casefold()
        if letters in MONTHS:
            year, month, day = last, str(MONTHS.index(letters) + 1), first
        else:
            year, month, day = (last, second, first) if day_first else (last, first, second)
    try:
        return float(datetime(int(year or 0), int(month or 0), int(day or 0)).toordinal() - 1)
    except ValueError:
        return nan


def _past_midnight(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Times of day that go on after midnight instead of beginning again."""
    known = np.flatnonzero(np.isfinite(seconds))
    days = np.cumsum(np.diff(seconds[known]) < -HALF_DAY)
    result = seconds.copy()
    result[known[1:]] += 86400.0 * days
    return result


def unix_unit(first: float) -> float | None:
    """The unit in s of a time since 1970 by its size, None where it is none of 1990 to 2100."""
    low, high = UNIX_YEARS
    return next((unit for unit in (1.0, 1e-3, 1e-6, 1e-9) if low <= first * unit <= high), None)


def excel_start(days: float) -> datetime | None:
    """The date that a serial number of a spreadsheet stands for."""
    low, high = EXCEL_DAYS
    return EXCEL_EPOCH + timedelta(days=days) if low <= days <= high else None
