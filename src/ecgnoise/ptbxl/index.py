"""The three lists of leads of the published study: to train on, to evaluate, and all.

Folds are those of PTB-XL: 1 to 9 train, 10 is held out. As published, one record is not trained on; the published
program does not say why.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from ecgnoise.errors import UnreadableFileError
from ecgnoise.ptbxl.labels import CLEAN, EVERY_LEAD, NOISES, RecordLabels, fold_number
from ecgnoise.ptbxl.rows import Sheet, read_rows

TEST_FOLD: Final = 10
CERTAIN: Final = 100.0
NOT_TRAINED_ON: Final = "records500/12000/12722_hr"


class LeadRow(NamedTuple):
    """A lead of a record: index into ``LEADS``, fold 1 .. 10, its kinds of noise or ``("clean",)``."""

    filename_hr: str
    lead: int
    fold: int
    labels: tuple[str, ...]


def existing_records(records: Iterable[RecordLabels], folder: Path) -> list[RecordLabels]:
    """Those of the records that are in a folder of PTB-XL, at 500 or at 100 Hz."""
    return [
        record
        for record in records
        if any((folder / f"{name}.hea").is_file() for name in (record.filename_hr, record.filename_lr) if name)
    ]


def training_leads(records: Iterable[RecordLabels], *, norm_only: bool = False) -> Iterator[LeadRow]:
    """Clean leads of folds 1 .. 9; norm_only: only of records with the statement ``NORM`` at 100 %."""
    for record in records:
        if record.strat_fold == TEST_FOLD or record.filename_hr == NOT_TRAINED_ON:
            continue
        if not norm_only or record.scp_codes.get("NORM") == CERTAIN:
            yield from _rows(record, record.clean)


def evaluation_leads(records: Iterable[RecordLabels]) -> Iterator[LeadRow]:
    """All leads of fold 10, and the leads of folds 1 .. 9 with any of the four kinds of noise."""
    for record in records:
        every = record.strat_fold == TEST_FOLD
        yield from _rows(record, [lead for lead in EVERY_LEAD if every or lead not in record.clean])


def all_leads(records: Iterable[RecordLabels]) -> Iterator[LeadRow]:
    """All leads of all folds."""
    for record in records:
        yield from _rows(record, EVERY_LEAD)


def _rows(record: RecordLabels, leads: Iterable[int]) -> Iterator[LeadRow]:
    for lead in leads:
        yield LeadRow(record.filename_hr, lead, record.strat_fold, record.noises(lead) or (CLEAN,))


def index_sheet(rows: Iterable[LeadRow]) -> Sheet:
    """The rows as a table; labels with blanks between them."""
    return Sheet(LeadRow._fields, ((*row[:-1], " ".join(row.labels)) for row in rows))


def read_index(path: Path) -> tuple[LeadRow, ...]:
    """Read a table of :func:`index_sheet`.

    Raises UnreadableFileError for a file that is absent, empty or damaged, UnknownFormatError where a column is
    missing.
    """
    return tuple(_read_row(row, f"{path}: line {line}") for line, row in read_rows(path, LeadRow._fields))


def _read_row(row: dict[str, str], place: str) -> LeadRow:
    labels = tuple(row["labels"].split())
    if row["lead"] not in map(str, EVERY_LEAD):
        raise UnreadableFileError(f"{place}: lead {row['lead']!r} is none of 0 .. 11: write the file again")
    if not labels or not (labels == (CLEAN,) or set(labels) <= set(NOISES)):
        raise UnreadableFileError(f"{place}: labels {row['labels']!r} are unknown: write the file again")
    return LeadRow(row["filename_hr"], int(row["lead"]), fold_number(row["fold"], place), labels)
