"""Which leads of PTB-XL are noisy, from the free text of its cardiologists.

``ptbxl_database.csv`` has four columns of remarks: baseline drift, static noise, burst noise, electrode problems. They
are typed by hand, in German with some English. A remark is read so, in any case of letters:

- ``, ; . ? !`` and blanks separate words. A remark without words marks no lead.
- *Lead*: ``I``, ``II``, ``III``, ``AVR``, ``AVL``, ``AVF``, ``V1`` .. ``V6``, ``V 4``; a bare ``1`` .. ``6`` means
  ``V1`` .. ``V6`` (``V1,3``); chest leads may stand together (``V1V6``).
- *Range*: two leads with ``-`` or ``--`` between them, blanks or not: both and all between them in the order of
  ``LEADS`` (``I - AVF``).
- *Unread range*: a lead and ``-``, then an earlier lead (``AVL-AVR``) or no lead's full name (``V1-6``, ``I-ALF``):
  it marks nothing.
- *All*: ``alle``, ``alles``, and what is said of the electrodes as a whole (``Elektroden vertauscht``,
  ``Kontaktprobleme``) mark all twelve leads, whatever leads stand beside them.
- *Description*: ``leicht``, ``mittel``, ``stark``, ``starke``, ``drift``, ``noise``, ``noisy recording``, ``stufe``,
  ``stufen``, ``Abl``: all twelve leads where no lead is marked (``stark``), else nothing (``V3 stark``).
- Any other word (``V7``, ``pace``) is unknown, and the record is left out.

A lead named twice stands twice (``V2, V2``). Leads that no remark marks are clean. These rules were derived from the
remarks and from the labels that the published program makes of them, and give the same labels. The unread ranges are
the price: ``V1-6`` surely meant six leads, yet they count as clean.
"""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ecgnoise.errors import UnreadableFileError
from ecgnoise.ptbxl.rows import Sheet, read_rows

LEADS: Final = ("I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6")
NOISES: Final = ("baseline_drift", "static_noise", "burst_noise", "electrodes_problems")
CLEAN: Final = "clean"
FOLDS: Final = range(1, 11)
EVERY_LEAD: Final = tuple(range(len(LEADS)))
DATABASE_COLUMNS: Final = ("filename_hr", "filename_lr", "scp_codes", *NOISES, "strat_fold")
LABEL_COLUMNS: Final = ("filename_hr", "scp_codes", *NOISES, CLEAN, "strat_fold")

_NUMBER_OF: Final = {name.lower(): number for number, name in enumerate(LEADS)}
_CHEST_LEADS: Final = re.compile(r"v[1-6]")
_ALL: Final = frozenset({"alle", "alles", "elektroden", "vertauscht", "kontaktprobleme"})
_DESCRIPTIONS: Final = frozenset(
    {"leicht", "mittel", "stark", "starke", "drift", "noise", "noisy", "recording", "stufe", "stufen", "abl"}
)


@dataclass(frozen=True)
class Remark:
    """What a remark says: leads in ascending order, words that are unknown, ranges that mark nothing."""

    leads: tuple[int, ...] = ()
    unknown: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecordLabels:
    """A record and the leads, as indices into ``LEADS`` in ascending order, that have each kind of noise or none.

    filename_hr and filename_lr: the record at 500 and 100 Hz, without suffix; filename_lr is None where a table has
    no such column. scp_codes: likelihood in per cent of each diagnostic statement. strat_fold: 1 .. 10.
    """

    filename_hr: str
    filename_lr: str | None
    scp_codes: dict[str, float] = field(hash=False)
    baseline_drift: tuple[int, ...]
    static_noise: tuple[int, ...]
    burst_noise: tuple[int, ...]
    electrodes_problems: tuple[int, ...]
    clean: tuple[int, ...]
    strat_fold: int

    def noises(self, lead: int) -> tuple[str, ...]:
        """The kinds of noise of a lead, in the order of ``NOISES``; none for a clean one."""
        return tuple(name for name in NOISES if lead in getattr(self, name))


@dataclass(frozen=True)
class Wording:
    """A remark as it stands in a record, and the words of it that could not be read."""

    filename_hr: str
    column: str
    text: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class ParsedLabels:
    """Labels of the records, in the order of the table.

    dropped: the unknown wordings; their records are left out. unread: ranges that mark nothing; these records stay.
    """

    records: tuple[RecordLabels, ...]
    dropped: tuple[Wording, ...]
    unread: tuple[Wording, ...]


def parse_remark(text: str) -> Remark:
    """Read one remark by the rules above. Never raises."""
    words = _words(text)
    found = {word: _marked(word) for word in words}
    leads = sorted(lead for word in words for lead in found[word] or ())
    if _ALL.intersection(words) or (not leads and _DESCRIPTIONS.intersection(words)):
        leads = list(EVERY_LEAD)
    known = _ALL | _DESCRIPTIONS
    return Remark(
        leads=tuple(leads),
        unknown=tuple(word for word in found if found[word] is None and word not in known),
        unread=tuple(word for word in found if found[word] == ()),
    )


def _words(text: str) -> list[str]:
    """Words in lower case, each range and each ``V 4`` in one piece."""
    joined = re.sub(r"\s*-+\s*", "-", text.lower())
    joined = re.sub(r"\bv\s+(?=[1-6]\b)", "v", joined)
    return [word for word in re.split(r"[\s,;.?!]+", joined) if word]


def _marked(word: str) -> tuple[int, ...] | None:
    """The leads of a lead or range, none for an unread range, None for any other word."""
    first, dash, last = word.partition("-")
    if dash and first in _NUMBER_OF:
        return tuple(range(_NUMBER_OF[first], _NUMBER_OF[last] + 1)) if last in _NUMBER_OF else ()
    name = f"v{word}" if word in {"1", "2", "3", "4", "5", "6"} else word
    if name in _NUMBER_OF:
        return (_NUMBER_OF[name],)
    chest = _CHEST_LEADS.findall(word)
    return tuple(_NUMBER_OF[name] for name in chest) if chest and "".join(chest) == word else None


def parse_labels(database: Path) -> ParsedLabels:
    """Labels of all records of ``ptbxl_database.csv``.

    Raises UnreadableFileError for a file that is absent, empty or damaged, UnknownFormatError where a column is
    missing.
    """
    records: list[RecordLabels] = []
    dropped: list[Wording] = []
    unread: list[Wording] = []
    for line, row in read_rows(database, DATABASE_COLUMNS):
        remarks = {name: parse_remark(row[name]) for name in NOISES}
        unknown = [_wording(row, name, remark.unknown) for name, remark in remarks.items() if remark.unknown]
        if unknown:
            dropped += unknown
            continue
        records.append(
            _record(row, {name: remark.leads for name, remark in remarks.items()}, f"{database}: line {line}")
        )
        unread += [_wording(row, name, remark.unread) for name, remark in remarks.items() if remark.unread]
    if not records and not dropped:
        raise UnreadableFileError(f"{database}: no records below the first line: copy the file again")
    return ParsedLabels(tuple(records), tuple(dropped), tuple(unread))


def _wording(row: dict[str, str], column: str, words: tuple[str, ...]) -> Wording:
    return Wording(row["filename_hr"], column, row[column].strip(" ,"), words)


def _record(row: dict[str, str], noises: dict[str, tuple[int, ...]], place: str) -> RecordLabels:
    """The labels of a row; UnreadableFileError names the place of a value that cannot be."""
    if not row["filename_hr"]:
        raise UnreadableFileError(f"{place}: filename_hr is empty: copy the file again")
    noisy = {lead for leads in noises.values() for lead in leads}
    return RecordLabels(
        filename_hr=row["filename_hr"],
        filename_lr=row.get("filename_lr"),
        scp_codes=_codes(row["scp_codes"], place),
        **noises,
        clean=tuple(lead for lead in EVERY_LEAD if lead not in noisy),
        strat_fold=fold_number(row["strat_fold"], place),
    )


def _codes(text: str, place: str) -> dict[str, float]:
    """The statements of ``{'NORM': 100.0, 'SR': 0.0}``."""
    codes = _literal(text)
    if not isinstance(codes, dict) or not all(
        isinstance(code, str) and isinstance(likelihood, int | float) for code, likelihood in codes.items()
    ):
        raise UnreadableFileError(
            f"{place}: scp_codes {text!r} is not of the form {{'NORM': 100.0}}: copy the file again"
        )
    return codes


def _leads(text: str, place: str) -> tuple[int, ...]:
    """The leads of ``[0, 1, 2]``."""
    leads = _literal(text)
    if not isinstance(leads, list) or not all(lead in EVERY_LEAD for lead in leads):
        raise UnreadableFileError(f"{place}: leads {text!r} are not a list of 0 .. 11: write the file again")
    return tuple(leads)


def _literal(text: str) -> object:
    """A Python literal; None where the text is none."""
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def fold_number(text: str, place: str) -> int:
    """A fold, 1 .. 10; UnreadableFileError names the place of another value."""
    fold = _literal(text)
    if type(fold) is not int or fold not in FOLDS:
        raise UnreadableFileError(f"{place}: fold {text!r} is none of 1 .. 10: copy the file again")
    return fold


def label_sheet(records: Iterable[RecordLabels]) -> Sheet:
    """The published columns, lists of leads as ``[0, 1]``, and filename_lr last."""
    lists = (*NOISES, CLEAN)
    rows = (
        (
            record.filename_hr,
            record.scp_codes,
            *(list(getattr(record, name)) for name in lists),
            record.strat_fold,
            record.filename_lr or "",
        )
        for record in records
    )
    return Sheet((*LABEL_COLUMNS, "filename_lr"), rows)


def read_labels(path: Path) -> tuple[RecordLabels, ...]:
    """Read a table of :func:`label_sheet`, or one of the published program.

    Raises UnreadableFileError for a file that is absent, empty or damaged, UnknownFormatError where a column is
    missing.
    """
    records = []
    for line, row in read_rows(path, LABEL_COLUMNS):
        place = f"{path}: line {line}"
        record = _record(row, {name: _leads(row[name], place) for name in NOISES}, place)
        if record.clean != _leads(row[CLEAN], place):
            raise UnreadableFileError(f"{place}: clean is not the leads without noise: write the file again")
        records.append(record)
    return tuple(records)
