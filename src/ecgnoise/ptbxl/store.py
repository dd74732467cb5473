"""A store: the images of all leads of PTB-XL, made once and read by training and evaluation.

A folder that is a Zarr group (format 3), made whole under another name and then given its own:

=================  ==================================================================================================
attributes         the description: profile, dtype, sampling frequency, leads, and the version of this layout
``index.parquet``  a row a record of ``ptbxl_database.csv``: files, fold, statements, labels of the leads
``images``         ``uint8``: images rounded to whole grey levels, (records, 12, rows, 256), row 0 the highest frequency
``levels``         ``float16``, instead of images: levels (records, 12, frequencies, 256), lowest frequency first; of a
                   relative profile against the QRS level, between -9 and 4, before the floor
``qrs_level``      (records, 12) float32 in log10 mV^2; NaN for a lead without any variation, whose image is black
``done``           (records,) bool: whether the record is there
=================  ==================================================================================================

Images and levels have a chunk a record. A record is marked as done after all of it is written, and each chunk is
written whole or not at all (zarr 3.1.3 or later), so that a record that is done is there. ``uint8`` holds the images
of a profile that rounds them, such as ``paper``, exactly; ``float16`` keeps what training needs to change them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.atomic import unfinished_files
from ecgnoise._internal.extras import extra
from ecgnoise.errors import EcgNoiseError, StoreError, unwritable
from ecgnoise.ptbxl.labels import LEADS, RecordLabels
from ecgnoise.scalogram.profile import COLUMNS, Images, Profile, level_images

if TYPE_CHECKING:
    import zarr

LAYOUT: Final = 1
INDEX: Final = "index.parquet"
QUANTITIES: Final = {"uint8": "images", "float16": "levels"}
QRS_LEVEL: Final = "qrs_level"
DONE: Final = "done"
LEVEL_LIMITS: Final = (-9.0, 4.0)
RECORDS_A_CHUNK: Final = 256  # of the small arrays


@dataclass(frozen=True)
class StoreDescription:
    """What the records of a store have in common.

    dtype: ``uint8`` or ``float16``. sampling_frequency: of the records, 500 or 100 Hz.
    """

    profile: Profile
    dtype: str
    sampling_frequency: int
    leads: tuple[str, ...] = LEADS
    layout: int = LAYOUT

    @property
    def quantity(self) -> str:
        """The array that holds the records."""
        return QUANTITIES[self.dtype]

    @property
    def bytes_a_record(self) -> int:
        """Size of a record before compression."""
        return len(self.leads) * self.profile.rows * COLUMNS * np.dtype(self.dtype).itemsize

    def to_dict(self) -> dict[str, Any]:
        """The description as plain values."""
        return {**asdict(self), "profile": self.profile.to_dict(), "leads": list(self.leads)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "StoreDescription":
        """The description of :meth:`to_dict`; KeyError, TypeError or ModelFormatError where it is another."""
        given = {field.name: values[field.name] for field in fields(cls)}
        return cls(**given | {"profile": Profile.from_dict(given["profile"]), "leads": tuple(given["leads"])})


class Store:
    """A store on disk; see :func:`open_store`. It can be handed to other processes."""

    def __init__(self, path: Path, description: StoreDescription, group: "zarr.Group") -> None:
        self.path = path
        self.description = description
        self._group = group

    @property
    def profile(self) -> Profile:
        """How the images were made."""
        return self.description.profile

    def drawn_with(self, profile: Profile) -> "Store":
        """The store with images that are rounded to whole grey levels, or not, as another profile says.

        Raises StoreError unless the store has levels, and the profile differs from its own in nothing else.
        """
        asked = replace(self.description, profile=profile)
        if asked == self.description:
            return self
        alike = replace(profile, discretize=self.profile.discretize) == self.profile
        if not alike or self.description.dtype == "uint8":
            differing = difference(self.description, asked)
            raise StoreError(f"{self.path}: {differing}: make a store of this profile, or pass what fits this one")
        return Store(self.path, asked, self._group)

    @cached_property
    def index(self) -> tuple[RecordLabels, ...]:
        """The records in the order of the arrays, whether they are there or not."""
        return _read_index(self.path / INDEX)

    @property
    def done(self) -> NDArray[np.bool_]:
        """Which records are there, (records,)."""
        return np.asarray(self.array(DONE)[:], np.bool_)

    @property
    def qrs_level(self) -> NDArray[np.float32]:
        """QRS level of each lead, (records, 12) in log10 mV^2; NaN for records that are not there and flat leads."""
        return np.asarray(self.array(QRS_LEVEL)[:], np.float32)

    def images(self, records: Sequence[int] | NDArray[np.integer]) -> Images:
        """Images of some records, (records, 12, rows, 256) float32 in 0..255, row 0 the highest frequency.

        records: indices into ``index``, in any order. Raises StoreError for one that is not there.
        """
        wanted = np.asarray(records, np.int64)
        absent = [int(record) for record in wanted if not 0 <= record < len(self._done) or not self._done[record]]
        if absent:
            raise StoreError(f"{self.path}: record {absent[0]} is not there: ask for records that are done")
        stored = [self.array(self.description.quantity)[int(record)] for record in wanted]
        shape = (len(wanted) * len(LEADS), self.profile.rows, COLUMNS)
        values = np.asarray(stored, np.float32).reshape(shape)
        images = values if self.description.dtype == "uint8" else self._draw(values)
        return images.reshape(-1, len(LEADS), *shape[1:])

    def _draw(self, levels: NDArray[np.float32]) -> Images:
        """Images of levels as they are stored."""
        return np.asarray(level_images(levels, np.zeros(len(levels), np.float32), self.profile), np.float32)

    @cached_property
    def _done(self) -> NDArray[np.bool_]:
        return self.done

    def array(self, name: str) -> "zarr.Array[Any]":
        """One of the arrays, as the top of this module lists them."""
        import zarr

        array = self._group[name]
        if not isinstance(array, zarr.Array):
            raise StoreError(f"{self.path}: {name} is no array: make the store again")
        return array


def open_store(path: str | Path, *, writable: bool = False) -> Store:
    """Open a store that ``ecgnoise ptbxl prepare`` made, whole or in part.

    Raises StoreError for a folder that is none or is damaged, MissingExtraError without the extra ``ptbxl``.
    """
    zarr = _zarr()
    place = Path(path)
    try:
        group = zarr.open_group(place, mode="r+" if writable else "r", zarr_format=3)
        description = StoreDescription.from_dict(group.attrs.asdict())
        missing = [name for name in (description.quantity, QRS_LEVEL, DONE) if name not in group]
    except (OSError, ValueError, KeyError, TypeError, EcgNoiseError) as error:
        what = "no such folder" if not place.exists() else "no store, or a damaged one"
        raise StoreError(f"{place}: {what}: make it with ecgnoise ptbxl prepare") from error
    if description.layout != LAYOUT or missing or not (place / INDEX).is_file():
        raise StoreError(f"{place}: a damaged store, or one of another version: make it again in another folder")
    return Store(place, description, group)


def create_store(path: Path, description: StoreDescription, index: Sequence[RecordLabels]) -> Store:
    """Make a store in which no record is done yet, whole or not at all.

    Raises OutputError where it cannot be written, StoreError where something else is there already, MissingExtraError
    without the extra ``ptbxl``.
    """
    zarr = _zarr()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise StoreError(f"{path}: there already, and no store: choose another place")
    try:
        with unfinished_files(path) as partial:
            group = zarr.create_group(partial, zarr_format=3, attributes=description.to_dict())
            _create_arrays(group, description, len(index))
            _write_index(partial / INDEX, index)
    except OSError as error:
        raise unwritable(path, error) from error
    return open_store(path, writable=True)


def _create_arrays(group: "zarr.Group", description: StoreDescription, records: int) -> None:
    leads = len(description.leads)
    image = (leads, description.profile.rows, COLUMNS)
    few = min(records, RECORDS_A_CHUNK)
    names: dict[str, Any] = {"name": "default", "separator": "."}
    group.create_array(
        description.quantity, shape=(records, *image), chunks=(1, *image), dtype=description.dtype,
        chunk_key_encoding=names,
    )  # fmt: skip
    group.create_array(
        QRS_LEVEL, shape=(records, leads), chunks=(few, leads), dtype="float32", fill_value=np.nan,
        chunk_key_encoding=names,
    )  # fmt: skip
    group.create_array(DONE, shape=(records,), chunks=(few,), dtype="bool", fill_value=False, chunk_key_encoding=names)


def difference(stored: StoreDescription, asked: StoreDescription) -> str:
    """What differs between two descriptions, in words; empty where nothing does."""
    pairs = [(name, entry, asked.to_dict()[name]) for name, entry in stored.to_dict().items() if name != "profile"]
    profiles = asked.profile.to_dict()
    pairs += [(f"profile {name}", entry, profiles[name]) for name, entry in stored.profile.to_dict().items()]
    return "; ".join(f"{name} is {_short(was)}, asked for {_short(now)}" for name, was, now in pairs if was != now)


def _short(value: object) -> str:
    """A value in words, a long list by its length and ends."""
    if isinstance(value, list) and len(value) > 4:
        return f"{len(value)} from {value[0]} to {value[-1]}"
    return str(value)


def _columns() -> dict[str, Any]:
    import pyarrow as pa

    leads = pa.list_(pa.int8())
    kinds = {"filename_hr": pa.string(), "filename_lr": pa.string(), "scp_codes": pa.string(), "strat_fold": pa.int8()}
    return {field.name: kinds.get(field.name, leads) for field in fields(RecordLabels)}


def _write_index(path: Path, index: Sequence[RecordLabels]) -> None:
    """Write the labels as Parquet; statements as JSON, leads as lists of 0 .. 11."""
    with extra("a store", "ptbxl"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    columns = _columns()
    rows = [
        {name: getattr(record, name) for name in columns} | {"scp_codes": json.dumps(record.scp_codes)}
        for record in index
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(list(columns.items()))), path)


def _read_index(path: Path) -> tuple[RecordLabels, ...]:
    """Read a table of :func:`_write_index`; StoreError where it is another."""
    with extra("a store", "ptbxl"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    try:
        rows = pq.read_table(path).to_pylist()
        return tuple(_record(row) for row in rows)
    except (OSError, pa.ArrowException, ValueError, TypeError) as error:
        raise StoreError(f"{path}: cannot be read: make the store again in another folder") from error


def _record(row: dict[str, Any]) -> RecordLabels:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    values["scp_codes"] = json.loads(row["scp_codes"])
    return RecordLabels(**values)


def _zarr() -> Any:
    """The zarr package."""
    with extra("a store", "ptbxl"):
        import zarr
    return zarr
