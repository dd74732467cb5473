"""The result while it is being filled in, lead-segment by lead-segment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise import noise_levels as levels
from ecgnoise import segments
from ecgnoise.noise_levels import BANDS, KINDS
from ecgnoise.recording import Recording
from ecgnoise.results.scores import SegmentImages
from ecgnoise.scalogram.profile import COLUMNS, Profile
from ecgnoise.scoring import metrics
from ecgnoise.scoring.segment_levels import SegmentLevels
from ecgnoise.segments import LeadSegment, Window

HEIGHT_PARTS: Final = 5
STEPS_A_DB: Final = 100  # of local noise, so that it is soon written and takes little memory
NO_LEVEL: Final = -(1 << 15)
LARGEST_STEP: Final = (1 << 15) - 1
NOTED_SHARE: Final = 0.01


@dataclass(frozen=True)
class Sheet:
    """Scores, faults and, where asked for, images of each lead-segment; the shapes are those of ``Result``.

    doubtful_peak: height of the R peaks in mV of lead-segments whose QRS level no ECG has, (leads, segments), else NaN.
    noise: (leads, segments, bands) in dB over the ECG, see :mod:`ecgnoise.noise_levels`.
    local_noise: (leads, segments, spans, bands) in hundredths of a dB, ``NO_LEVEL`` where there is none; no spans
    without a model of noise levels, where ``noise``, ``ecg_rms`` and ``snr`` stay NaN.
    railed: share of their new samples that are at a rail, (leads, segments).
    """

    windows: tuple[Window, ...]
    parts: int
    psnr: NDArray[np.float64]
    local_psnr: NDArray[np.float64]
    fault: NDArray[Any]
    noise_kind: NDArray[Any]
    noise_share: NDArray[np.float64]
    agreement: NDArray[np.float64]
    noise: NDArray[np.float64]
    local_noise: NDArray[np.int16]
    ecg_rms: NDArray[np.float64]
    snr: NDArray[np.float64]
    doubtful_peak: NDArray[np.float64]
    railed: NDArray[np.float64]
    images: SegmentImages | None

    @classmethod
    def empty(
        cls, leads: int, windows: tuple[Window, ...], parts: int, drawn: Profile | None, *, spans: int = 0
    ) -> "Sheet":
        """A sheet without scores; with room for images where a profile is given, and for spans where there are any.

        OptionError for a wrong ``parts``.
        """
        segments.part_columns((0, COLUMNS), parts)
        shape = (leads, len(windows))
        images = None
        if drawn is not None:
            pixels = (*shape, drawn.rows, COLUMNS)
            images = SegmentImages(np.full(pixels, np.nan, np.float32), np.full(pixels, np.nan, np.float32))
        return cls(
            windows,
            parts,
            np.full(shape, np.nan),
            np.full((*shape, parts), np.nan),
            np.full(shape, "", "U8"),
            np.full(shape, "", "U16"),
            np.full(shape, np.nan),
            np.full(shape, np.nan),
            np.full((*shape, BANDS), np.nan),
            np.full((*shape, spans, BANDS), NO_LEVEL, np.int16),
            np.full(shape, np.nan),
            np.full((*shape, levels.ESTIMATES), np.nan),
            np.full(shape, np.nan),
            np.zeros(shape),
            images,
        )

    def columns(self, first: int, stop: int) -> dict[str, list[Any]]:
        """All but images of windows first .. stop - 1, as nested lists (leads, windows, ...) by name."""
        return {name: array[:, first:stop].tolist() for name, array in self._arrays().items()}

    def fill(self, first: int, stop: int, values: Mapping[str, list[Any]]) -> None:
        """Put back what :meth:`columns` gave; KeyError or ValueError where it does not fit."""
        arrays = self._arrays()
        if set(arrays) != set(values) or not 0 <= first < stop <= len(self.windows):
            raise ValueError(f"windows {first} to {stop} with {', '.join(values)} do not fit this sheet")
        for name, array in arrays.items():
            array[:, first:stop] = np.array(values[name], array.dtype).reshape(array[:, first:stop].shape)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """What there is of each lead-segment but images, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}

    def enter_fault(self, item: LeadSegment) -> None:
        """Write the fault of a lead-segment, and how much of it is at a rail."""
        self.fault[item.lead, item.segment] = item.fault
        self.railed[item.lead, item.segment] = item.railed

    def enter_score(self, item: LeadSegment, errors: NDArray[np.float64]) -> None:
        """Write the PSNR of a lead-segment, and of its parts, from its column errors, (columns,)."""
        if item.scored:
            self.psnr[item.lead, item.segment] = metrics.psnr(errors[item.counted].mean())
        for part, columns in enumerate(segments.part_columns(item.window.columns, self.parts)):
            if not segments.touches(item.faulty, columns):
                self.local_psnr[item.lead, item.segment, part] = metrics.psnr(errors[columns[0] : columns[1]].mean())

    def enter_agreement(self, item: LeadSegment, agreement: float) -> None:
        """Write how well the beats of a lead-segment that has a score agree."""
        if item.scored:
            self.agreement[item.lead, item.segment] = agreement

    def enter_levels(self, item: LeadSegment, found: SegmentLevels, rms: float) -> None:
        """Write the noise levels of a lead-segment; of one without a score those of its spans alone.

        rms: of its ECG in mV, NaN where the unit is unknown.
        """
        place = item.lead, item.segment
        steps = np.clip(np.round(found.local * STEPS_A_DB), -LARGEST_STEP, LARGEST_STEP)
        self.local_noise[place] = np.where(np.isnan(steps), NO_LEVEL, steps).astype(np.int16)
        if item.scored:
            self.noise[place], self.snr[place], self.ecg_rms[place] = found.noise, found.snr, rms
            counted = levels.weighted(found.noise[: len(KINDS)])
            self.noise_kind[place], self.noise_share[place] = levels.strongest(counted)

    def local_levels(self, frequency: float) -> NDArray[np.float32]:
        """Levels of spans in turn, (leads, spans, bands) in dB; of the last window those that are new."""
        leads, segments, spans, _ = self.local_noise.shape
        last = levels.new_spans(self.windows[-1], frequency) if spans else slice(0, 0)
        whole = (segments - 1) * spans
        found = np.empty((leads, whole + last.stop - last.start, BANDS), np.float32)
        for lead, kept in enumerate(self.local_noise):
            found[lead, :whole] = kept[:-1].reshape(-1, BANDS)
            found[lead, whole:] = kept[-1, last]
            found[lead][found[lead] == NO_LEVEL] = np.nan
            found[lead] /= STEPS_A_DB
        return found

    def enter_doubt(self, item: LeadSegment) -> None:
        """Write how high the R peaks of a lead-segment are whose QRS level no ECG has."""
        self.doubtful_peak[item.lead, item.segment] = peak_height(item.signal)

    def doubts(self, recording: Recording, meaning: str) -> list[str]:
        """A note on leads of which most segments have a QRS level no ECG has; meaning: what that is for the score."""
        doubtful, scored = np.isfinite(self.doubtful_peak), np.isfinite(self.psnr)
        leads = np.flatnonzero(2 * (doubtful & scored).sum(axis=1) > scored.sum(axis=1))
        if not len(leads):
            return []
        heights = [float(np.nanmedian(self.doubtful_peak[lead])) for lead in leads]
        low, high = shown_height(min(heights)), shown_height(max(heights))
        between = low if low == high else f"{low} to {high}"
        names = ", ".join(recording.lead_names[lead] for lead in leads)
        return [f"R peaks of {between} in {names}: no ECG has such, is the unit right? {meaning}"]

    def clipping(self, recording: Recording) -> list[str]:
        """A note on leads of which a hundredth or more of the segments that are not faulty is at a rail."""
        without = self.fault == ""
        shares = np.where(without, self.railed, 0.0).sum(axis=1) / without.sum(axis=1).clip(1)
        leads = np.flatnonzero(shares >= NOTED_SHARE)
        if not len(leads):
            return []
        told = ", ".join(f"{100 * shares[lead]:.0f} % of {recording.lead_names[lead]}" for lead in leads)
        return [f"clipped for {told}: the signal is cut off at its largest or smallest value there"]

    def enter_images(
        self, item: LeadSegment, original: NDArray[np.float32], reconstruction: NDArray[np.float32]
    ) -> None:
        """Keep the images of a lead-segment, (rows, columns) each, where they are asked for."""
        if self.images is not None:
            self.images.original[item.lead, item.segment] = original
            self.images.reconstruction[item.lead, item.segment] = reconstruction


def peak_height(signal: NDArray[np.float32]) -> float:
    """How high the R peaks of a 10-s window are, (samples,): the median of the largest deviations in five parts."""
    return float(np.median([np.abs(part - np.median(part)).max() for part in np.array_split(signal, HEIGHT_PARTS)]))


def shown_height(millivolts: float) -> str:
    """A height in the unit in which it is a number of few digits."""
    if millivolts >= 1000:
        return f"{millivolts / 1000:.3g} V"
    return f"{millivolts:.3g} mV" if millivolts >= 1 else f"{millivolts * 1000:.3g} uV"
