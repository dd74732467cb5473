"""Model folder: ``model.toml``, ONNX files, perhaps the same weights as safetensors, and a card to read.

Every file but ``model.toml`` is listed in it with its SHA-256 sum, so the sum of ``model.toml`` stands for
the whole model; a file that is not listed is refused, and so are weights outside of the folder. Nothing in a folder is
ever unpickled.
"""

import hashlib
import os
import re
import tempfile
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files as package_files
from io import BufferedReader
from pathlib import Path
from typing import Final

from ecgnoise._internal.extras import extra
from ecgnoise._internal.files import open_regular, shown_name
from ecgnoise.errors import (
    ModelChecksumError,
    ModelFormatError,
    ModelNotFoundError,
    OutputError,
    one_line,
    unwritable,
)
from ecgnoise.models.description import (
    PUBLISHED_THRESHOLDS,
    Grading,
    ModelDescription,
    Network,
    Query,
    StressStep,
    Thresholds,
    Training,
    describe,
    to_plain,
)

__all__ = [
    "PUBLISHED_THRESHOLDS",
    "Grading",
    "ModelDescription",
    "ModelFolder",
    "Network",
    "Query",
    "StressStep",
    "Thresholds",
    "Training",
    "load_folder",
    "write_folder",
]

DESCRIPTION: Final = "model.toml"
CARD: Final = "card.md"
BUNDLED: Final = "default"
# A key like a.a.a, which tomllib reads in a time that grows with the square of its parts.
MANY_PARTS: Final = re.compile(r"""(?:[\w"'-]{1,40}[ \t]*\.[ \t]*){64}""")
HASH_DIGITS: Final = 12
LARGEST_DESCRIPTION: Final = 1 << 20
LARGEST_FILE: Final = (1 << 31) - 1  # no ONNX file may have more


@dataclass(frozen=True)
class ModelFolder:
    """A folder whose files are the ones that its description lists.

    hash: the first 12 hexadecimal digits of the SHA-256 sum of ``model.toml``.
    """

    path: Path
    description: ModelDescription
    hash: str

    def file(self, name: str) -> Path:
        """Path of a listed file; ModelFormatError where the model has none of that name."""
        if name not in self.description.files:
            raise ModelFormatError(f"{self.path / DESCRIPTION}: no file {name} is listed: pass a model that has it")
        return self.path / name


def load_folder(path: str | Path, unused: Collection[str] = ()) -> ModelFolder:
    """Load the description of a model folder, and verify its files.

    Parameters
    ----------
    path : str or pathlib.Path
        A folder, or ``"default"`` for the bundled model (``"./default"`` is a folder of that name).
    unused : collection of str, default ()
        Files that will not be opened, and that are therefore not verified.

    Returns
    -------
    ModelFolder
        Its path, description and hash.

    Raises
    ------
    ModelNotFoundError
        If there is no ``model.toml``, or a file that it lists is absent.
    ModelFormatError
        If entries are unknown, missing or wrong, or there are files that it does not list.
    ModelChecksumError
        If a file was changed.

    Examples
    --------
    >>> from ecgnoise import load_folder
    >>> load_folder("default").description.name
    'default'
    """
    folder = Path(str(package_files("ecgnoise.models") / BUNDLED)) if path == BUNDLED else Path(path)
    try:
        written = read_file(folder / DESCRIPTION, LARGEST_DESCRIPTION)
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(
            f"{shown_name(folder)}: no model folder with a {DESCRIPTION}: pass one, or 'default'"
        ) from error
    try:
        text = written.decode()
        if MANY_PARTS.search(text):
            raise ModelFormatError("a key of more than 64 parts")
        description = describe(tomllib.loads(text))
    except (ModelFormatError, ValueError, RecursionError, OverflowError) as error:
        reason = one_line(error)
        raise ModelFormatError(f"{folder / DESCRIPTION}: {reason}: pass a model of this version") from error
    for name, expected in description.files.items():
        if name not in unused:
            verify(folder / name, expected)
    _check_listed(folder, description)
    return ModelFolder(folder, description, digest(written)[:HASH_DIGITS])


def _check_listed(folder: Path, description: ModelDescription) -> None:
    """ModelFormatError where a file lies in the folder that no sum covers; hidden ones are nobody's business."""
    known = {DESCRIPTION, *description.files}
    others = sorted(entry.name for entry in folder.iterdir() if entry.name not in known and entry.name[0] != ".")
    if others:
        raise ModelFormatError(
            f"{folder / others[0]}: lies in the folder and {DESCRIPTION} does not list it: move it elsewhere"
        )


def read_file(file: Path, largest: int = LARGEST_FILE) -> bytes:
    """All bytes of a regular file; OSError where it is none, ModelFormatError where it has more than so many."""
    with open_regular(file) as opened:
        _check_size(file, opened, largest)
        return opened.read(largest)


def _check_size(file: Path, opened: BufferedReader, largest: int) -> None:
    size = os.fstat(opened.fileno()).st_size
    if size > largest:
        raise ModelFormatError(f"{file}: {size} bytes, no file of a model has more than {largest}: pass another folder")


def verify(file: Path, expected: str) -> None:
    """Whether a listed file is the one that was listed.

    ModelNotFoundError where the file is absent, ModelChecksumError where its SHA-256 sum is another, ModelFormatError
    where it is larger than any file of a model.
    """
    try:
        with open_regular(file) as opened:
            _check_size(file, opened, LARGEST_FILE)
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise ModelNotFoundError(
            f"{file}: listed in {DESCRIPTION} but unreadable ({error.strerror}): copy the whole folder"
        ) from error
    if found != expected.lower():
        raise ModelChecksumError(
            f"{file}: SHA-256 {found[:HASH_DIGITS]}..., {DESCRIPTION} says {_plain(expected)}...: "
            "copy the whole folder again"
        )


def _plain(checksum: str) -> str:
    """The beginning of what should be a checksum, on one line."""
    return " ".join(checksum[:HASH_DIGITS].split())


def digest(content: bytes) -> str:
    """SHA-256 sum, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def check_new_folder(folder: Path) -> None:
    """OutputError where there is something already in the place of a new model folder."""
    if folder.exists():
        raise OutputError(f"{folder}: exists already, and a model is never overwritten: pass a new folder")


def write_folder(path: str | Path, description: ModelDescription, files: Mapping[str, bytes]) -> ModelFolder:
    """Write a model folder, all or nothing, and read it back.

    description: its ``files`` are filled in here. files: content of every file but model.toml, by name.

    Raises OutputError where the folder exists or cannot be written, ModelFormatError where the files are
    not those of the kind of network, MissingExtraError without the extra ``train``.
    """
    with extra("writing a model folder", "train"):
        import tomli_w
    folder = Path(path)
    check_new_folder(folder)
    described = replace(description, files={name: digest(content) for name, content in sorted(files.items())})
    plain = to_plain(described)
    describe(plain)
    try:
        _write(folder, {**files, DESCRIPTION: tomli_w.dumps(plain).encode()})
    except OSError as error:
        raise unwritable(folder, error) from error
    return load_folder(folder)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write into a new folder beside the wanted one, then rename, so that nobody ever sees half a model."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        unfinished = Path(temporary) / folder.name
        unfinished.mkdir()
        for name, content in files.items():
            (unfinished / name).write_bytes(content)
        unfinished.rename(folder)
