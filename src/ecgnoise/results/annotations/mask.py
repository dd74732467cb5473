"""A mask for NumPy: which samples of each lead can be used."""

from pathlib import Path

import numpy as np

from ecgnoise.results.intervals import Choice, find_intervals, sample_span
from ecgnoise.results.result import Result


def write(result: Result, path: Path, choice: Choice) -> None:
    """Write ``mask``, (leads, samples), True where a sample can be used, and what it is of."""
    mask = np.ones((len(result.lead_names), round(result.seconds * result.sampling_frequency)), np.bool_)
    for interval in find_intervals(result, choice):
        lead = result.lead_names.index(interval.lead)
        mask[lead, sample_span(interval, result.sampling_frequency, mask.shape[1])] = False
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            mask=mask,
            lead_names=np.array(result.lead_names),
            sampling_frequency=np.float64(result.sampling_frequency),
            grade=np.array(choice.grade),
            record=np.array(result.source),
            model=np.array(str(result.model)),
        )
