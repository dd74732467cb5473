"""What can be said of a training or a conversion before torch is loaded, which takes long: paths, packages, folders."""

import importlib.util
import os
from pathlib import Path
from typing import Final

from ecgnoise.errors import (
    MissingExtraError,
    OptionError,
    OutputError,
    StoreError,
)
from ecgnoise.models.checkpoint import check_checkpoint
from ecgnoise.models.folder import check_new_folder, load_folder
from ecgnoise.models.hub import is_on_hub
from ecgnoise.ptbxl.store import open_store
from ecgnoise.training.recordings.sources import collections

PACKAGES: Final = ("torch", "accelerate", "diffusers", "safetensors", "tomli_w")
STORE_MARK: Final = "zarr.json"


def check_packages(what: str) -> None:
    """MissingExtraError where a package of the extra ``train`` is not installed."""
    for name in PACKAGES:
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError(what, name, "train")


def check_place_of_folder(out: Path) -> None:
    """OutputError unless a new model folder can be made there."""
    check_new_folder(out)
    above = next(folder for folder in out.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        what = "cannot be written to" if above.is_dir() else "is no folder"
        raise OutputError(f"{out}: {above} {what}: choose another place")


def check_conversion(checkpoint: str | Path, out: Path) -> None:
    """What ``published.convert.convert_checkpoint`` would say of its files; of the hub's name nothing."""
    check_place_of_folder(out)
    if not is_on_hub(checkpoint):
        check_checkpoint(checkpoint)
    check_packages("converting a checkpoint")


def check_material(source: Path, only: Path | None, model: Path | None, out: Path) -> None:
    """What would be said of recordings or a store to train a default model on, and of the model to begin with."""
    check_packages("training")
    check_place_of_folder(out)
    _check_files(only, model)
    if is_store(source):
        open_store(source)
    elif only is None:
        collections(source)


def check_store(source: Path, only: Path | None, model: Path | None, out: Path) -> None:
    """What would be said of a store to train a published network on, and of the model to begin with."""
    check_packages("training")
    check_place_of_folder(out)
    if not source.exists():
        raise StoreError(f"{source}: no such folder: make it with ecgnoise ptbxl prepare")
    _check_files(only, model)
    open_store(source)


def is_store(source: Path) -> bool:
    """Whether there is a store of images, rather than recordings."""
    return (source / STORE_MARK).is_file()


def _check_files(only: Path | None, model: Path | None) -> None:
    if only is not None and not only.is_file():
        what = "pass a list of ecgnoise ptbxl index or refine, or the records.csv or level-records.csv of a model"
        raise OptionError(f"--only {only}: no such file: {what}")
    if model is not None:
        load_folder(str(model))
