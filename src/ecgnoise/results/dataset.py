"""A folder of results as a data set, opened without reading it."""

from pathlib import Path
from typing import TYPE_CHECKING

from ecgnoise._internal.extras import extra
from ecgnoise._internal.remote import RemotePath, filesystem, is_remote, objects
from ecgnoise.errors import MissingFileError, UnreadableFileError, one_line
from ecgnoise.results.archive_folder import PART_FILES, PARTS, part_number

if TYPE_CHECKING:
    import pyarrow.dataset as ds


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
    """The parts in a folder of results, below its folder of parts: by folder where there are such, then by number."""
    parts = place / PARTS
    if isinstance(parts, RemotePath):
        try:
            names = [found.url.removeprefix(f"{parts.url}/") for found in objects(parts.url)]
        except MissingFileError:
            names = []
    else:
        names = [file.relative_to(parts).as_posix() for file in parts.rglob(PART_FILES)]
    keys = [
        name.rpartition("/")[::2] for name in names if "/." not in f"/{name}"
    ]  # a part that is written now is hidden
    numbered = sorted((folder, number, name) for folder, name in keys if (number := part_number(name)) is not None)
    if not numbered:
        raise UnreadableFileError(f"{place}: no parts of results in it: pass a folder that ecgnoise archive wrote")
    return [f"{folder}/{name}".lstrip("/") for folder, _, name in numbered]
