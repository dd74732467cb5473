"""What ecgnoise says of a take: all its measures at once, kept together so that one scoring serves every table.

A *look* is one of these measures taken as a score, high is clean, that stands in the tables beside the rivals' scores.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import ecgnoise
from benchmarks.quality.takes import Take, batches, stacked
from ecgnoise import Quantifier, Result
from ecgnoise.noise_levels import KINDS
from ecgnoise.results.grades import GRADES

Array = NDArray[np.float64]
TICKS = 100  # a second, of the mask
NO_KIND = -1
NO_GRADE = len(GRADES)


@dataclass(frozen=True)
class Reading:
    """The measures of one take; NaN where there is none. Levels and SNR are in dB.

    psnr, agreement, effective, reading: (leads, segments). local_psnr: (leads, segments, parts). snr: (leads, segments,
    3), the estimate and the ends of its interval. noise: (leads, segments, kinds). noise_uv: the same in uV. local_snr:
    (leads, spans). local_noise: (leads, spans, kinds). kind: (leads, segments), a place in ``KINDS``, -1 for none.
    grade: (leads, segments), 0 good to 3 unusable, 4 without a score. usable: (leads, ticks), which hundredths of a
    second the mask calls usable.
    """

    psnr: Array
    agreement: Array
    effective: Array
    reading: Array
    local_psnr: Array
    snr: Array
    noise: Array
    noise_uv: Array
    local_snr: Array
    local_noise: Array
    kind: NDArray[np.int8]
    grade: NDArray[np.int8]
    usable: NDArray[np.bool_]

    def leads(self, first: int, last: int) -> "Reading":
        """The reading of leads first..last-1."""
        return Reading(*(getattr(self, field.name)[first:last] for field in fields(self)))


MEASURES: Final = tuple(field.name for field in fields(Reading))
PSNR: Final = "ecgnoise"
SNR: Final = "ecgnoise_snr"
AGREEMENT: Final = "ecgnoise_agreement"
EFFECTIVE: Final = "ecgnoise_effective"
READING: Final = "ecgnoise_reading"
LOOKS: Final[Mapping[str, Callable[[Reading], Array]]] = {
    PSNR: lambda reading: reading.psnr,
    SNR: lambda reading: reading.snr[:, :, 0],
    AGREEMENT: lambda reading: reading.agreement,
    EFFECTIVE: lambda reading: reading.effective,
    READING: lambda reading: reading.reading,
}


def reading_of(result: Result) -> Reading:
    """The measures of a result."""
    return Reading(
        psnr=result.psnr,
        agreement=result.agreement,
        effective=result.effective_snr,
        reading=result.reading_snr,
        local_psnr=result.local_psnr,
        snr=result.estimated_snr,
        noise=result.noise,
        noise_uv=result.noise_uv,
        local_snr=result.local_snr,
        local_noise=result.local_noise,
        kind=places(result.noise_kind, KINDS, NO_KIND),
        grade=places(result.grade, GRADES, NO_GRADE),
        usable=result.mask(TICKS),
    )


def places(words: NDArray[np.str_], among: Sequence[str], missing: int) -> NDArray[np.int8]:
    """Where each word stands among others, any shape; ``missing`` for one that is not there."""
    found = np.full(words.shape, missing, np.int8)
    for place, word in enumerate(among):
        found[words == word] = place
    return found


class Ecgnoise:
    """ecgnoise with one model."""

    name = PSNR

    def __init__(self, quantifier: Quantifier) -> None:
        self._quantifier = quantifier
        self.identity = f"{ecgnoise.__version__} {quantifier.model}"

    def readings(self, takes: Sequence[Take]) -> Iterator[Reading]:
        """The reading of each take, many leads at once."""
        for _, group in groupby(takes, key=lambda take: take.alike):
            for batch in batches(list(group)):
                reading = reading_of(self._quantifier.quantify(stacked(batch), parts=batch[0].parts))
                last = np.cumsum([take.shape[0] for take in batch]).tolist()
                yield from (reading.leads(first, end) for first, end in zip([0, *last], last, strict=False))


def look(reading: Reading, name: str, parts: int) -> Array:
    """The scores of one look; those of the PSNR by part where a take has several."""
    return reading.local_psnr if name == PSNR and parts > 1 else LOOKS[name](reading)


def packed(readings: Sequence[Reading]) -> dict[str, NDArray[Any]]:
    """Readings as arrays for one file: each measure of all in turn, and its shapes."""
    kept: dict[str, NDArray[Any]] = {}
    for name in MEASURES:
        arrays = [getattr(reading, name) for reading in readings]
        kept[name] = np.concatenate([array.ravel() for array in arrays])
        kept[f"{name}_shape"] = np.array([array.shape for array in arrays])
    return kept


def unpacked(kept: Mapping[str, NDArray[Any]]) -> list[Reading]:
    """The readings that :func:`packed` made arrays of."""
    columns = []
    for name in MEASURES:
        shapes = kept[f"{name}_shape"]
        pieces = np.split(kept[name], np.cumsum(shapes.prod(axis=1))[:-1])
        columns.append([piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)])
    return [Reading(*measures) for measures in zip(*columns, strict=True)]
