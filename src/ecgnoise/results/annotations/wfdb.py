r"""WFDB annotations of signal quality, as the MIT-BIH Arrhythmia Database has them.

A ``~`` marks a change of signal quality; its ``subtype`` says what holds from there on (MIT-BIH Arrhythmia Database
Directory, "Annotations"; WFDB Programmer's Guide, annotation code 14, ``NOISE``):

- up to four leads: bit i set where lead i is noisy, bit 4 + i where it is unreadable too; -1 where all are unreadable;
- more leads, which the eight bits cannot hold: each change is of one lead, ``chan`` is its number, and the subtype is
  0 clean, 1 noisy, -1 unreadable.

Here unreadable is ``unusable`` or without a score, and noisy is of the grade asked for, or worse; what is not noisy is
not unreadable either. The annotation's text says the same in words.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.warnings import quiet
from ecgnoise.errors import OutputError
from ecgnoise.results.grades import GRADES
from ecgnoise.results.intervals import Choice, find_intervals, sample_span
from ecgnoise.results.result import Result

RECORD_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
SYMBOL: Final = "~"
CLEAN, NOISY, UNREADABLE = 0, 1, 2
ALL_UNREADABLE: Final = -1
LEADS_IN_BITS: Final = 4
MOST_CHANNELS: Final = 256
WORDS: Final = ("clean", "noisy", "unreadable")

Annotation = tuple[int, int, int, str]


def write(result: Result, path: Path, choice: Choice) -> None:
    """Write the changes of quality with sample numbers at the recording's own rate; OutputError for a wrong name."""
    if not RECORD_NAME.fullmatch(path.stem):
        raise OutputError(f"{path.name}: {path.stem!r} is no name of a WFDB record: use letters, digits, - and _")
    if len(result.lead_names) > MOST_CHANNELS:
        raise OutputError(f"{path.name}: {len(result.lead_names)} leads, WFDB annotations know {MOST_CHANNELS}: .json")
    places, states = _changes(result, choice)
    few = len(result.lead_names) <= LEADS_IN_BITS
    annotations = list(_in_bits(places, states, result) if few else _by_channel(places, states, result))
    samples, subtypes, channels, texts = zip(*annotations, strict=True)
    with quiet():  # of pandas, as wfdb uses it
        from wfdb import wrann

        wrann(
            path.stem,
            path.suffix.removeprefix("."),
            np.array(samples),
            [SYMBOL] * len(annotations),
            subtype=np.array(subtypes),
            chan=np.array(channels),
            aux_note=list(texts),
            fs=result.sampling_frequency,
            write_dir=str(path.parent),
        )


def _changes(result: Result, choice: Choice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the quality changes, (changes,) in samples, and what each lead is from there, (leads, changes)."""
    frequency, samples = result.sampling_frequency, round(result.seconds * result.sampling_frequency)
    spans = [
        (result.lead_names.index(interval.lead), sample_span(interval, frequency, samples), state)
        for state, asked in ((NOISY, choice), (UNREADABLE, replace(choice, grade=GRADES[-1], rule=None)))
        for interval in find_intervals(result, asked)
    ]
    places = np.unique([0, *(place for _, span, _ in spans for place in (span.start, span.stop))])
    places = places[(places == 0) | (places < samples)].astype(np.int64)
    states = np.full((len(result.lead_names), len(places)), CLEAN, np.int64)
    for lead, span, state in spans:
        within = (places >= span.start) & (places < span.stop)
        states[lead, within & (states[lead] >= state - 1)] = state
    return places, states


def _in_bits(places: NDArray[np.int64], states: NDArray[np.int64], result: Result) -> Iterator[Annotation]:
    """One annotation per change, the leads in its bits."""
    bits = 1 << np.arange(len(states))[:, None]
    subtypes = (bits * (states >= NOISY) + (bits << LEADS_IN_BITS) * (states == UNREADABLE)).sum(axis=0)
    signed = np.where(
        (states == UNREADABLE).all(axis=0), ALL_UNREADABLE, np.where(subtypes > 127, subtypes - 256, subtypes)
    )
    for place, subtype, column in zip(places.tolist(), signed.tolist(), states.T, strict=True):
        said = [
            f"{name} {WORDS[state]}" for name, state in zip(result.lead_names, column.tolist(), strict=True) if state
        ]
        yield place, subtype, 0, ", ".join(said) or WORDS[CLEAN]


def _by_channel(places: NDArray[np.int64], states: NDArray[np.int64], result: Result) -> Iterator[Annotation]:
    """One annotation per lead that changes; the first sample has one for each lead."""
    before = np.full(len(states), -1)
    for place, column in zip(places.tolist(), states.T, strict=True):
        for lead in np.flatnonzero(column != before).tolist():
            state = int(column[lead])
            subtype = ALL_UNREADABLE if state == UNREADABLE else state
            yield place, subtype, lead, f"{result.lead_names[lead]} {WORDS[state]}"
        before = column
