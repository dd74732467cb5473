"""Scores: what is known of a recording that was scored, "cannot be scored" included."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise import noise_levels
from ecgnoise._internal.files import SEPARATOR
from ecgnoise.noise_levels import KINDS, SpanLimits
from ecgnoise.results.lead_remark import LeadRemark
from ecgnoise.scalogram.profile import Images

COMPRESSED: Final = (".gz", ".bz2", ".xz", ".zst")


@dataclass(frozen=True)
class ModelIdentity:
    """Which model made a score: its name, version and the hash of its ``model.toml``."""

    name: str
    version: str
    hash: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.hash})"


def record_name(source: str) -> str:
    """The name of a recording whose path is ``source``: the file's without its suffix, then the data set within it."""
    file, _, within = source.partition(SEPARATOR)
    name = PurePath(file)
    while name.suffix.lower() in COMPRESSED:
        name = name.with_suffix("")
    parts = [name.stem or file, *(part for part in within.split("/") if part)]
    return "-".join(parts)


@dataclass(frozen=True)
class SegmentImages:
    """Images of each lead-segment, (leads, segments, rows, columns) in 0..255, row 0 the highest frequency.

    ``reconstruction`` is the image whose PSNR against ``original`` is the score. Both are NaN where nothing was drawn.
    """

    original: Images
    reconstruction: Images


def _no_words() -> NDArray[np.str_]:
    return np.empty((0, 0), "U16")


def _no_numbers() -> NDArray[np.float64]:
    return np.empty((0, 0))


def _no_times() -> NDArray[np.float64]:
    return np.empty(0)


def _no_local() -> NDArray[np.float32]:
    return np.empty((0, 0), np.float32)


def _no_spans() -> NDArray[np.float32]:
    return np.empty((0, 0, len(KINDS)), np.float32)


@dataclass(frozen=True)
class Scores:
    """All that is known of a scored recording, per lead and segment; a :class:`Result` is this.

    Attributes
    ----------
    psnr : ndarray, shape (leads, segments)
        The score in dB; high is clean, NaN where it cannot be measured.
    local_psnr : ndarray, shape (leads, segments, parts)
        In dB; NaN where a fault touches a part, or where a tail has none.
    fault : ndarray of str, shape (leads, segments)
        Why there is no score, else empty. A lead-segment of 5 to 10 s is ``short`` and has a score all the same.
    grade : ndarray of str, shape (leads, segments)
        ``good``, ``fair``, ``poor`` or ``unusable``; empty without a score.
    percentile : ndarray, shape (leads, segments)
        Share of clean leads that score lower, 0 to 100; NaN without a score, or if the model has no percentiles.
    estimated_snr : ndarray, shape (leads, segments, 3)
        In dB: the estimate, and the lower and upper end of its interval (68 %); NaN without a score, or if the model
        knows neither noise levels nor a stress curve.
    start, duration : ndarray, shape (segments,)
        In seconds; of a tail, what is new in it.
    part_start, part_duration : ndarray, shape (segments, parts)
        In seconds; NaN where a tail has no such part.
    lead_names : tuple of str
        One per lead.
    sampling_frequency : float
        Of the recording, in Hz.
    units : {"mV", "unknown"}
        Of the recording.
    profile : str
        Name of the profile of the model.
    model : ModelIdentity
        Which model made the scores.
    source : str
        Path of the recording, or ``"array"``.
    notes : tuple of str
        Remarks of the reader, one line each.
    images : SegmentImages or None
        Scalograms and reconstructions, if they were asked for.
    snr_range : tuple of float or None
        Lowest and highest SNR in dB that the model tells; an estimate at one of them means it or beyond.
    noise_kind : ndarray of str, shape (leads, segments)
        The kind of noise that counts most, baseline wander being weighted; empty without a score or noise levels.
    noise_share : ndarray, shape (leads, segments)
        Its share of the power of all noise as it counts, 0 to 1, or NaN.
    recording_start : datetime.datetime or None
        Time of the first sample, where it is known.
    lead_remarks : tuple of LeadRemark
        Leads that look swapped, inverted or duplicated, or that do not fit each other.
    agreement : ndarray, shape (leads, segments)
        How well the beats of a lead-segment agree with each other, 0 to 1; NaN without a score.
    noise : ndarray, shape (leads, segments, kinds)
        Power of each kind of noise (:data:`KINDS`) over that of the lead's ECG in dB; NaN without noise levels.
    ecg_rms : ndarray, shape (leads, segments)
        RMS of the lead's ECG in mV; NaN without noise levels, or if the unit is unknown.
    reading_snr : ndarray, shape (leads, segments)
        Power of the ECG over that of all noise between 0.67 and 40 Hz in dB; NaN without noise levels.
    effective_snr : ndarray, shape (leads, segments)
        In dB, what the grade follows from: the readable SNR, or less if the beats do not agree or the reconstruction
        fails; NaN without noise levels.
    local_noise : ndarray of float32, shape (leads, spans, kinds)
        In dB over the ECG of its segment, spans of all segments in turn; NaN where a fault touches a span. No spans
        without noise levels. A saved result knows only the kind that counts most in a span.
    local_snr : ndarray of float32, shape (leads, spans)
        The readable SNR of each span in dB, to a tenth; NaN where ``local_noise`` is.
    span_start, span_duration : ndarray, shape (spans,)
        In seconds; a tail has only its new spans.
    limits : SpanLimits
        What SNR each grade needs.
    """

    psnr: NDArray[np.float64]
    local_psnr: NDArray[np.float64]
    fault: NDArray[np.str_]
    grade: NDArray[np.str_]
    percentile: NDArray[np.float64]
    estimated_snr: NDArray[np.float64]
    start: NDArray[np.float64]
    duration: NDArray[np.float64]
    part_start: NDArray[np.float64]
    part_duration: NDArray[np.float64]
    lead_names: tuple[str, ...]
    sampling_frequency: float
    units: str
    profile: str
    model: ModelIdentity
    source: str = "array"
    notes: tuple[str, ...] = ()
    images: SegmentImages | None = None
    snr_range: tuple[float, float] | None = None
    noise_kind: NDArray[np.str_] = field(default_factory=_no_words)
    noise_share: NDArray[np.float64] = field(default_factory=_no_numbers)
    recording_start: datetime | None = None
    lead_remarks: tuple[LeadRemark, ...] = ()
    agreement: NDArray[np.float64] = field(default_factory=_no_numbers)
    noise: NDArray[np.float64] = field(default_factory=_no_numbers)
    ecg_rms: NDArray[np.float64] = field(default_factory=_no_numbers)
    reading_snr: NDArray[np.float64] = field(default_factory=_no_numbers)
    effective_snr: NDArray[np.float64] = field(default_factory=_no_numbers)
    local_noise: NDArray[np.float32] = field(default_factory=_no_spans)
    local_snr: NDArray[np.float32] = field(default_factory=_no_local)
    span_start: NDArray[np.float64] = field(default_factory=_no_times)
    span_duration: NDArray[np.float64] = field(default_factory=_no_times)
    limits: SpanLimits = field(default_factory=SpanLimits)

    def __post_init__(self) -> None:
        shape = self.psnr.shape
        of_segments = np.broadcast_to(np.nan, shape)  # takes no memory
        unknown = {
            "noise_kind": np.full(shape, "", "U16"),
            "noise_share": of_segments,
            "agreement": of_segments,
            "noise": np.broadcast_to(np.nan, (*shape, len(KINDS))),
            "ecg_rms": of_segments,
            "reading_snr": of_segments,
            "effective_snr": of_segments,
        }
        for name, value in unknown.items():
            if getattr(self, name).shape != value.shape:
                object.__setattr__(self, name, value)
        if len(self.local_noise) != shape[0]:
            object.__setattr__(self, "local_noise", np.empty((shape[0], 0, len(KINDS)), np.float32))
        if self.local_snr.shape != self.local_noise.shape[:2]:
            object.__setattr__(self, "local_snr", np.full(self.local_noise.shape[:2], np.nan, np.float32))

    @property
    def record(self) -> str:
        """The name of the recording; ``source`` is its path."""
        return record_name(self.source)

    def time_of(self, seconds: float) -> datetime | None:
        """The clock time of an instant, in seconds from the start; None where the recording's start is not known."""
        if self.recording_start is None:
            return None
        try:
            return self.recording_start + timedelta(seconds=seconds)
        except OverflowError:
            return None

    @property
    def seconds(self) -> float:
        """Length of the recording in seconds."""
        return float(self.start[-1] + self.duration[-1])

    @property
    def noise_uv(self) -> NDArray[np.float64]:
        """RMS of each kind of noise in uV, (leads, segments, kinds); NaN where the unit is unknown."""
        return noise_levels.microvolts(self.noise, self.ecg_rms)

    @property
    def readable_snr(self) -> NDArray[np.float64]:
        """The readable SNR of each lead-segment, (leads, segments) in dB; :mod:`ecgnoise.noise_levels` defines it."""
        return noise_levels.readable_snr(self.noise, -self.reading_snr)

    @property
    def span_segment(self) -> NDArray[np.int64]:
        """The segment of each span, (spans,)."""
        return np.searchsorted(self.start, self.span_start + self.span_duration / 2.0) - 1
