"""The scores of a recording while they are made: arrays that are filled lead-segment by lead-segment."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.noise_levels import BANDS, ESTIMATES
from ecgnoise.results.scores import SegmentImages
from ecgnoise.scalogram.profile import COLUMNS, Images, Profile
from ecgnoise.scoring.lead_score import LeadFault, LeadScore
from ecgnoise.scoring.segment_levels import NO_LEVEL
from ecgnoise.segments import LeadSegment, Window, part_columns

FAULT_DTYPE: Final = "U8"
KIND_DTYPE: Final = "U16"


@dataclass(frozen=True)
class Layout:
    """How the windows of a recording are divided. parts: first and one past the last column of each, of each window.

    spans: of each window; 0 without a model of noise levels.
    """

    windows: tuple[Window, ...]
    parts: tuple[list[tuple[int, int]], ...]
    most_parts: int
    spans: int

    @classmethod
    def of(cls, windows: tuple[Window, ...], parts: int, spans: int) -> "Layout":
        """The layout of windows; OptionError for a wrong number of parts."""
        return cls(windows, tuple(part_columns(window.columns, parts) for window in windows), parts, spans)


@dataclass(frozen=True)
class Accumulator:
    """Scores and faults of each lead-segment, (leads, windows, ...), and images where they are asked for.

    The fields are those of :class:`LeadFault` and :class:`LeadScore`. Where nothing was stored there is NaN, or an
    empty word, or :data:`NO_LEVEL`.
    """

    fault: NDArray[np.str_]
    railed: NDArray[np.float64]
    psnr: NDArray[np.float64]
    local_psnr: NDArray[np.float64]
    agreement: NDArray[np.float64]
    noise: NDArray[np.float64]
    local_noise: NDArray[np.int16]
    snr: NDArray[np.float64]
    ecg_rms: NDArray[np.float64]
    noise_kind: NDArray[np.str_]
    noise_share: NDArray[np.float64]
    doubtful_peak: NDArray[np.float64]
    images: SegmentImages | None

    @classmethod
    def empty(cls, leads: int, layout: Layout, drawn: Profile | None = None) -> "Accumulator":
        """Without scores; with room for images where the profile that they are drawn by is given."""
        shape = (leads, len(layout.windows))

        def unknown(*more: int) -> NDArray[np.float64]:
            return np.full((*shape, *more), np.nan)

        images = None
        if drawn is not None:
            pixels = (*shape, drawn.rows, COLUMNS)
            images = SegmentImages(np.full(pixels, np.nan, np.float32), np.full(pixels, np.nan, np.float32))
        return cls(
            fault=np.full(shape, "", FAULT_DTYPE),
            railed=np.zeros(shape),
            psnr=unknown(),
            local_psnr=unknown(layout.most_parts),
            agreement=unknown(),
            noise=unknown(BANDS),
            local_noise=np.full((*shape, layout.spans, BANDS), NO_LEVEL, np.int16),
            snr=unknown(ESTIMATES),
            ecg_rms=unknown(),
            noise_kind=np.full(shape, "", KIND_DTYPE),
            noise_share=unknown(),
            doubtful_peak=unknown(),
            images=images,
        )

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All but images, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}

    def store(self, item: LeadSegment, found: LeadFault | LeadScore) -> None:
        """Keep what was found of a lead-segment; of a tail with fewer parts the others stay NaN."""
        for name, value in found._asdict().items():
            place = getattr(self, name)[item.lead, item.segment : item.segment + 1]
            if np.ndim(value):
                place[0, : len(value)] = value
            else:
                place[0] = value

    def store_images(self, item: LeadSegment, original: Images, reconstruction: Images) -> None:
        """Keep the images of a lead-segment, (rows, columns) each, where they are asked for."""
        if self.images is not None:
            self.images.original[item.lead, item.segment] = original
            self.images.reconstruction[item.lead, item.segment] = reconstruction
