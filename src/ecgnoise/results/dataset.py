"""A folder of results as a data set: opened without reading it, and its parts merged into fewer."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecgnoise._internal.atomic import whole_files
from ecgnoise._internal.extras import extra
from ecgnoise._internal.remote import RemotePath, filesystem, is_remote
from ecgnoise.errors import OptionError, OutputError, UnreadableFileError, one_line
from ecgnoise.results.archive_folder import PARTS, part_number

if TYPE_CHECKING:
    import pyarrow.dataset as ds

DIFFERENT: Final = ("schema_version", "model", "ecgnoise")  # entries of parts that have to be the same in all
GROUP_ROWS: Final = 1 << 17
MERGED_ROWS: Final = 5_000_000  # in a file


def open_results(path: str | Path) -> "ds.Dataset":
    """Open a folder of results without reading it.

    Parameters
    ----------
    path : str or pathlib.Path
        A folder that ``ecgnoise archive`` or ``ecgnoise merge`` wrote; it may be one of an object store.

    Returns
    -------
    pyarrow.dataset.Dataset
        The rows of all parts, one a lead-segment. ``.to_table(columns=..., filter=...)`` reads what is asked for, and
        ``.to_table().to_pandas()`` all of it; DuckDB and Polars take it as it is.

    Raises
    ------
    UnreadableFileError
        If there are no results in the folder, or a part is damaged.
    RemoteAccessError
        If an object store refuses access, or does not answer.
    MissingExtraError
        If the extra ``tables`` is not installed, or ``cloud`` where an object store is named.

    See Also
    --------
    load_results : The results of a table as objects.
    score_archive : Score many recordings into a folder of results.

    Examples
    --------
    >>> from ecgnoise import open_results
    >>> noisy = open_results("results").to_table(filter=ds.field("psnr_db") < 10)  # doctest: +SKIP
    """
    with extra("opening results", "tables"):
        import pyarrow.dataset as ds
    place = RemotePath(str(path)) if is_remote(path) else Path(path)
    names = _part_names(place)
    try:
        if isinstance(place, Path):
            return ds.dataset([str(place / PARTS / name) for name in names], format="parquet")
        store, inner = filesystem(place.url)
        return ds.dataset([f"{inner}/{PARTS}/{name}" for name in names], format="parquet", filesystem=store)
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"{place}: no whole parts of results ({one_line(error)}): make them again") from error


def _part_names(place: Path | RemotePath) -> list[str]:
    """The names of the parts in a folder of results, in the order of their numbers."""
    parts = place / PARTS
    if isinstance(parts, RemotePath):
        names = parts.names()
    else:
        names = [file.name for file in parts.iterdir()] if parts.is_dir() else []
    numbered = {number: name for name in names if (number := part_number(name)) is not None}
    if not numbered:
        raise UnreadableFileError(f"{place}: no parts of results in it: pass a folder that ecgnoise archive wrote")
    return [numbered[number] for number in sorted(numbered)]


def merge_results(path: str | Path, out: Path, *, rows: int = MERGED_ROWS) -> int:
    """Merge the parts of a folder of results into few large ones; how many those are.

    path: a folder of results. out: a folder that is absent or empty. rows: of a file, about.
    The rows are the same in the same order, and a few of them in memory at a time. :func:`open_results` reads the new
    folder; it is no place to go on with scoring.

    Raises OptionError where parts were made with different models or versions, OutputError where the folder holds
    something or cannot be written, and what :func:`open_results` raises.
    """
    import pyarrow.parquet as pq

    dataset = open_results(path)
    said = _said_by_all(dataset)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: there is something in it: choose a folder that is empty or absent")
    try:
        (out / PARTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: no folder can be here ({error.strerror}): choose another place") from error
    schema = dataset.schema.remove_metadata()
    count, batches = 0, _groups(dataset)
    waiting = next(batches, None)
    while waiting is not None or count == 0:
        with whole_files(out / PARTS / f"part-{count:05d}.parquet") as file, pq.ParquetWriter(file, schema) as writer:
            held = 0
            while waiting is not None and held < rows:
                writer.write_table(waiting.replace_schema_metadata(None))
                held += waiting.num_rows
                waiting = next(batches, None)
            writer.add_key_value_metadata(said if count == 0 else said | {"errors": "[]", "recordings": "0"})
        count += 1
    return count


def _said_by_all(dataset: "ds.Dataset") -> dict[str, str]:
    """The metadata of merged parts: what all say alike, and the errors of all."""
    same: dict[str, set[str]] = {name: set() for name in DIFFERENT}
    errors: list[Any] = []
    recordings = 0
    for fragment in dataset.get_fragments():
        said = {name.decode(): value.decode() for name, value in (fragment.metadata.metadata or {}).items()}
        for name, values in same.items():
            values.add(said.get(name, ""))
        errors += json.loads(said.get("errors", "[]"))
        recordings += int(said.get("recordings", "0"))
    for name, values in same.items():
        if len(values) > 1:
            raise OptionError(f"parts were made with {name} {' and '.join(sorted(values))}: merge those alike only")
    return {name: values.pop() for name, values in same.items()} | {
        "errors": json.dumps(errors), "recordings": str(recordings),
    }  # fmt: skip


def _groups(dataset: "ds.Dataset") -> Iterator[Any]:
    """The rows of a data set in tables of about the same size, in their order."""
    import pyarrow as pa

    held: list[Any] = []
    for batch in dataset.to_batches(batch_readahead=2, fragment_readahead=1):
        held.append(batch)
        if sum(one.num_rows for one in held) >= GROUP_ROWS:
            yield pa.Table.from_batches(held, dataset.schema)
            held = []
    if held:
        yield pa.Table.from_batches(held, dataset.schema)
