"""Leads of a store of PTB-XL to train on: which, and their images or levels in memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import StoreError, TrainingDataError
from ecgnoise.ptbxl.index import TEST_FOLD, LeadRow, read_index, training_leads
from ecgnoise.ptbxl.store import Store, StoreDescription, difference
from ecgnoise.scalogram.profile import DEFAULT, PAPER, Profile, level_images

Progress = Callable[[int, int], None]


class ChosenLeads(NamedTuple):
    """Leads to train on and leads to watch, and how many of those asked for are not in the store or are flat."""

    training: tuple[LeadRow, ...]
    validation: tuple[LeadRow, ...]
    left_out: int

    @property
    def note(self) -> str:
        """What is to be said of leads that are left out; empty where none is."""
        if not self.left_out:
            return ""
        asked = len(self.training) + len(self.validation) + self.left_out
        return f"{self.left_out} of {asked} leads are not in the store or are flat, and are left out"


def choose_leads(store: Store, validation_fold: int, only: Path | None = None) -> ChosenLeads:
    """The clean leads of folds 1 .. 9 that are in the store, or of those the ones in a list of leads.

    validation_fold: the fold to watch; 0: none, all are trained on. only: a table of ``ecgnoise ptbxl refine`` or
    ``index``.

    Raises TrainingDataError where the list has leads of fold 10 or none is left, and the errors of ``read_index``.
    """
    asked = tuple(training_leads(store.index) if only is None else _listed(only))
    places = {record.filename_hr: number for number, record in enumerate(store.index)}
    there = store.done[:, None] & np.isfinite(store.qrs_level)
    found = [row for row in asked if row.filename_hr in places and there[places[row.filename_hr], row.lead]]
    training = tuple(row for row in found if row.fold != validation_fold)
    validation = tuple(row for row in found if row.fold == validation_fold)
    if not training:
        what = f"none of {len(asked)} leads to train on is in it"
        raise TrainingDataError(f"{store.path}: {what}: prepare their records, or pass another list")
    return ChosenLeads(training, validation, len(asked) - len(found))


def _listed(path: Path) -> tuple[LeadRow, ...]:
    """A list of leads, each once; TrainingDataError where it has leads of fold 10."""
    rows = tuple(dict.fromkeys(read_index(path)))
    held_out = [row for row in rows if row.fold == TEST_FOLD]
    if held_out:
        what = f"{len(held_out)} of {len(rows)} leads are of fold {TEST_FOLD}, which tests, such as"
        raise TrainingDataError(f"{path}: {what} {held_out[0].filename_hr}: leave them out")
    return rows


def stored_images(store: Store, rows: Sequence[LeadRow], profile: Profile, progress: Progress | None = None) -> Any:
    """Images of leads, (n, rows, 256) in 0..255: uint8 where the profile has whole grey levels, else float32.

    profile: that of the store, or the same without whole grey levels, which a store of levels can give.
    """
    dtype = np.uint8 if profile.discretize else np.float32
    images = np.empty((len(rows), profile.rows, 256), dtype)
    for places, values in _values(store, rows, progress):
        if store.description.dtype == "uint8":
            images[places] = values
        else:
            none = np.zeros(len(values), np.float32)
            images[places] = level_images(values.astype(np.float32), none, profile)
    return images


def stored_levels(
    store: Store, rows: Sequence[LeadRow], progress: Progress | None = None
) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """Levels of leads, (n, frequencies, 256), and the QRS level of each, (n,), of a store of levels."""
    levels = np.empty((len(rows), store.profile.rows, 256), np.float16)
    for places, values in _values(store, rows, progress):
        levels[places] = values
    numbers = {record.filename_hr: number for number, record in enumerate(store.index)}
    every = store.qrs_level
    reference = np.array([every[numbers[row.filename_hr], row.lead] for row in rows], np.float32)
    return levels, reference


def _values(
    store: Store, rows: Iterable[LeadRow], progress: Progress | None
) -> Iterator[tuple[list[int], NDArray[Any]]]:
    """Places in the rows, and what the store has for them, a record at a time."""
    numbers = {record.filename_hr: number for number, record in enumerate(store.index)}
    records: dict[int, list[tuple[int, int]]] = {}
    for place, row in enumerate(rows):
        records.setdefault(numbers[row.filename_hr], []).append((place, row.lead))
    array = store.array(store.description.quantity)
    for done, (number, wanted) in enumerate(records.items(), start=1):
        stored = np.asarray(array[number])
        yield [place for place, _ in wanted], stored[[lead for _, lead in wanted]]
        if progress:
            progress(done, len(records))


def published_profile(store: Store, *, discretization: bool) -> Profile:
    """The profile of the published networks that this store can give.

    Raises StoreError, with the difference, where the store has another profile, or whole grey levels only and others
    are asked for.
    """
    described = store.description
    wanted = StoreDescription(PAPER, described.dtype, described.sampling_frequency)
    if differing := difference(described, wanted):
        raise StoreError(f"{store.path}: {differing}: prepare a store with --profile paper")
    if described.dtype == "uint8" and not discretization:
        what = "it has images in whole grey levels only"
        raise StoreError(f"{store.path}: {what}: pass --discretization, or prepare a store with --dtype float16")
    return replace(PAPER, discretize=discretization)


def check_default_store(store: Store) -> None:
    """StoreError unless the store has the levels that the default model is trained on."""
    wanted = StoreDescription(DEFAULT, "float16", store.description.sampling_frequency)
    if differing := difference(store.description, wanted):
        what = "prepare a store with --profile default --dtype float16"
        raise StoreError(f"{store.path}: {differing}: {what}")
