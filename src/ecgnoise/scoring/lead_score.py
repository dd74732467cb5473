"""What is found of one lead-segment, finished: from errors and levels read in its image to its scores."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecgnoise import noise_levels, segments
from ecgnoise.models.level_estimates import LevelEstimates
from ecgnoise.noise_levels import BANDS, ESTIMATES, KINDS
from ecgnoise.scalogram.profile import Images
from ecgnoise.scoring import metrics
from ecgnoise.scoring.segment_levels import SegmentLevels, packed, segment_levels
from ecgnoise.segments import LeadSegment

HEIGHT_PARTS: Final = 5


class Measured(NamedTuple):
    """What was measured of n lead-segments that went through the network together.

    errors: of the columns, (n, columns). noise: the levels of all kinds, None where the model knows none. rms: of the
    ECG in mV, (n,), NaN where it is not known. agreement: of the beats, (n,). plausible: whether the QRS level is one
    that an ECG has, (n,). images: originals and reconstructions, (n, rows, columns), where they are kept.
    """

    errors: NDArray[np.float64]
    noise: LevelEstimates | None
    rms: NDArray[np.float64]
    agreement: NDArray[np.float64]
    plausible: NDArray[np.bool_]
    images: tuple[Images, Images] | None


class LeadFault(NamedTuple):
    """What the samples of a lead-segment say: its fault or nothing, and the share of new samples at a rail, 0..1."""

    fault: str
    railed: float

    @classmethod
    def of(cls, item: LeadSegment) -> "LeadFault":
        """The fault of a lead-segment."""
        return cls(item.fault, item.railed)


class LeadScore(NamedTuple):
    """The scores of a lead-segment; NaN and empty where it has none.

    local_psnr: (parts,). noise: levels over the ECG in dB, (bands,). local_noise: packed levels of its spans, (spans,
    bands). snr: the estimate and its interval in dB, (3,). ecg_rms: in mV. noise_kind, noise_share: what counts most.
    doubtful_peak: height of the R peaks in mV where the QRS level is one that no ECG has.
    """

    psnr: float
    local_psnr: NDArray[np.float64]
    agreement: float
    noise: NDArray[np.float64]
    local_noise: NDArray[np.int16]
    snr: NDArray[np.float64]
    ecg_rms: float
    noise_kind: str
    noise_share: float
    doubtful_peak: float

    @classmethod
    def of(cls, item: LeadSegment, measured: Measured, row: int, parts: list[tuple[int, int]]) -> "LeadScore":
        """The scores of a lead-segment, the ``row``-th of those measured. parts: columns of each part of its window."""
        found = None if measured.noise is None else segment_levels(measured.noise, row, item)
        told = found if item.scored else None  # of one without a score, the levels of its spans alone
        kind, share = ("", np.nan) if told is None else _strongest(told)
        errors = measured.errors[row]
        return cls(
            psnr=float(metrics.psnr(errors[item.counted].mean())) if item.scored else np.nan,
            local_psnr=np.array([_of_part(item, errors, columns) for columns in parts]),
            agreement=float(measured.agreement[row]) if item.scored else np.nan,
            noise=np.full(BANDS, np.nan) if told is None else told.noise,
            local_noise=np.empty((0, BANDS), np.int16) if found is None else packed(found.local),
            snr=np.full(ESTIMATES, np.nan) if told is None else told.snr,
            ecg_rms=float(measured.rms[row]) if item.scored else np.nan,
            noise_kind=kind,
            noise_share=share,
            doubtful_peak=np.nan if measured.plausible[row] else peak_height(item.signal),
        )


def _strongest(levels: SegmentLevels) -> tuple[str, float]:
    """The kind of noise that counts most, and its share of all noise as it counts."""
    kind, share = noise_levels.strongest(noise_levels.weighted(levels.noise[: len(KINDS)]))
    return str(kind), float(share)


def _of_part(item: LeadSegment, errors: NDArray[np.float64], columns: tuple[int, int]) -> float:
    """The PSNR of a part of a lead-segment in dB; NaN where a fault touches it. errors: (columns,)."""
    first, last = columns
    return np.nan if segments.touches(item.faulty, columns) else float(metrics.psnr(errors[first:last].mean()))


def peak_height(signal: NDArray[np.float32]) -> float:
    """How high the R peaks of a 10-s window are, (samples,): the median of the largest deviations in five parts."""
    return float(np.median([np.abs(part - np.median(part)).max() for part in np.array_split(signal, HEIGHT_PARTS)]))
