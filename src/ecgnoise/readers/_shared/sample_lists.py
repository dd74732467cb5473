"""Leads whose samples a file lists as counts in a text, one list a lead: from them to a recording."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.base import LARGEST_HELD, ReadOptions
from ecgnoise.readers._shared.channels import Channel, leads_of
from ecgnoise.recording import Recording
from ecgnoise.samples import ArraySamples


@dataclass(frozen=True)
class ListedLead:
    """A lead of a file.

    unit: what a count times the gain is in, empty where the file does not say. valid: the numbers of the first and the
    last sample that are any, where the file says.
    """

    name: str
    counts: NDArray[np.float64]
    gain: float
    unit: str
    sampling_frequency: float
    valid: tuple[int, int] | None = None


def listed_counts(text: str, announced: float, lead: str, path: Path) -> NDArray[np.float64]:
    """The numbers in a text with commas between them; an empty place is a missing sample, one at the end is none.

    announced: how many there are at least by the file. UnreadableFileError where there are fewer, or one is no number.
    """
    cells = text.strip().rstrip(",").split(",") if text.strip(", \t\r\n") else []
    if len(cells) < announced:
        raise UnreadableFileError(
            f"{path}: lead {lead} has {len(cells)} samples, {announced:g} announced: export it again"
        )
    try:
        return np.array([float(cell) if cell.strip() else np.nan for cell in cells])
    except ValueError as error:
        raise UnreadableFileError(f"{path}: lead {lead}: {error}: export it again") from error


def recording_of_lists(
    leads: Sequence[ListedLead], start: datetime | None, notes: Sequence[str], options: ReadOptions, path: Path
) -> Recording:
    """The recording of the leads that are ECG; missing samples where a lead is shorter than others or not valid."""
    gains = [bool(np.isfinite(lead.gain) and lead.gain != 0) for lead in leads]
    channels = [
        Channel(lead.name, lead.unit, lead.sampling_frequency, has_gain)
        for lead, has_gain in zip(leads, gains, strict=True)
    ]
    picked = leads_of(channels, options, path)
    rows = [leads[row] for row in picked.rows]
    length = max(len(lead.counts) for lead in rows)
    if length == 0 or length * len(rows) > LARGEST_HELD:
        raise UnreadableFileError(f"{path}: {length} samples in {len(rows)} leads: export it again, or split it")
    signal = np.full((len(rows), length), np.nan)
    for row, lead in zip(signal, rows, strict=True):
        first, last = lead.valid or (0, length - 1)
        with np.errstate(all="ignore"):
            row[: len(lead.counts)] = lead.counts * lead.gain
        row[:first], row[last + 1 :] = np.nan, np.nan
    return Recording(
        ArraySamples(picked.scaled(signal, path)),
        picked.sampling_frequency,
        picked.names,
        picked.recording_units,
        start,
        str(path),
        picked.faults,
        (*picked.notes, *notes, *_gaps(rows, length)),
    )


def _gaps(leads: Sequence[ListedLead], length: int) -> list[str]:
    short = [f"{lead.name} ({length - len(lead.counts)} samples)" for lead in leads if len(lead.counts) < length]
    invalid = [
        f"{lead.name} ({length - 1 - last + first} samples)"
        for lead in leads
        for first, last in [lead.valid or (0, length - 1)]
        if (first, last) != (0, length - 1)
    ]
    return [
        *([f"shorter than the others, missing at the end: {', '.join(short)}"] if short else []),
        *([f"not valid by the file, missing at its ends: {', '.join(invalid)}"] if invalid else []),
    ]
