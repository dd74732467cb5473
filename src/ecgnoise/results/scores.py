"""Scores: what is known of a recording that was scored, "cannot be scored" included."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise import noise_levels
from ecgnoise._internal.files import SEPARATOR
from ecgnoise.noise_levels import KINDS, SpanLimits, span_times
from ecgnoise.results.lead_remark import LeadRemark
from ecgnoise.scalogram.profile import Images
from ecgnoise.segments import Window, part_times, segment_times

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


@dataclass(frozen=True)
class SegmentScores:
    """What every model says of each lead-segment; :class:`Result` tells what each is."""

    psnr: NDArray[np.float64]
    local_psnr: NDArray[np.float64]
    fault: NDArray[np.str_]
    grade: NDArray[np.str_]
    percentile: NDArray[np.float64]
    agreement: NDArray[np.float64]
    estimated_snr: NDArray[np.float64]


@dataclass(frozen=True)
class NoiseLevels:
    """What a model that knows noise levels says of each lead-segment and span; :class:`Result` tells what each is."""

    noise: NDArray[np.float64]
    noise_kind: NDArray[np.str_]
    noise_share: NDArray[np.float64]
    ecg_rms: NDArray[np.float64]
    reading_snr: NDArray[np.float64]
    effective_snr: NDArray[np.float64]
    local_noise: NDArray[np.float32]
    local_snr: NDArray[np.float32]

    @classmethod
    def unknown(cls, leads: int, segments: int) -> "NoiseLevels":
        """Those of a model that knows none: NaN, empty words, and no spans."""
        of_segments = np.broadcast_to(np.nan, (leads, segments))  # takes no memory
        return cls(
            noise=np.broadcast_to(np.nan, (leads, segments, len(KINDS))),
            noise_kind=np.full((leads, segments), "", "U16"),
            noise_share=of_segments,
            ecg_rms=of_segments,
            reading_snr=of_segments,
            effective_snr=of_segments,
            local_noise=np.empty((leads, 0, len(KINDS)), np.float32),
            local_snr=np.empty((leads, 0), np.float32),
        )


@dataclass(frozen=True)
class Timeline:
    """When segments, parts and spans are, in seconds from the start; :class:`Result` tells the shapes."""

    start: NDArray[np.float64]
    duration: NDArray[np.float64]
    part_start: NDArray[np.float64]
    part_duration: NDArray[np.float64]
    span_start: NDArray[np.float64]
    span_duration: NDArray[np.float64]

    @classmethod
    def of(cls, windows: Sequence[Window], sampling_frequency: float, parts: int, *, spans: bool) -> "Timeline":
        """The timeline of windows, each with so many parts, and with spans where there are noise levels."""
        times = np.array([segment_times(window, sampling_frequency) for window in windows])
        of_parts = np.array([part_times(window, parts, sampling_frequency) for window in windows])
        of_spans = [span_times(window, sampling_frequency) for window in windows] if spans else []
        return cls(
            start=times[:, 0],
            duration=times[:, 1],
            part_start=of_parts[:, :, 0],
            part_duration=of_parts[:, :, 1],
            span_start=np.concatenate([np.empty(0), *(start for start, _ in of_spans)]),
            span_duration=np.concatenate([np.empty(0), *(duration for _, duration in of_spans)]),
        )

    def shifted(self, seconds: float) -> "Timeline":
        """The same, so many seconds later."""
        return replace(
            self,
            start=self.start + seconds,
            part_start=self.part_start + seconds,
            span_start=self.span_start + seconds,
        )


@dataclass(frozen=True)
class Provenance:
    """Which recording was scored, with which model, and what its numbers mean; :class:`Result` tells what each is."""

    source: str
    lead_names: tuple[str, ...]
    sampling_frequency: float
    units: str
    recording_start: datetime | None
    notes: tuple[str, ...]
    lead_remarks: tuple[LeadRemark, ...]
    model: ModelIdentity
    profile: str
    snr_range: tuple[float, float] | None
    limits: SpanLimits


@dataclass(frozen=True)
class Scores:
    """All that is known of a scored recording; a :class:`Result` is this.

    Attributes
    ----------
    segments : SegmentScores
        What every model says of each lead-segment.
    levels : NoiseLevels
        What a model that knows noise levels says of each lead-segment and span.
    timeline : Timeline
        When segments, parts and spans are.
    provenance : Provenance
        Which recording was scored, and with which model.
    images : SegmentImages or None
        Scalograms and reconstructions, if they were asked for.
    """

    segments: SegmentScores
    levels: NoiseLevels
    timeline: Timeline
    provenance: Provenance
    images: SegmentImages | None = None

    @property
    def psnr(self) -> NDArray[np.float64]:
        """The score in dB, ndarray, shape (leads, segments); high is clean, NaN where it cannot be measured."""
        return self.segments.psnr

    @property
    def local_psnr(self) -> NDArray[np.float64]:
        """The PSNR of parts in dB, ndarray, shape (leads, segments, parts).

        NaN where a fault touches a part, or where a tail has none.
        """
        return self.segments.local_psnr

    @property
    def fault(self) -> NDArray[np.str_]:
        """Why there is no score, else empty, ndarray of str, shape (leads, segments).

        A lead-segment of 5 to 10 s is ``short`` and has a score all the same.
        """
        return self.segments.fault

    @property
    def grade(self) -> NDArray[np.str_]:
        """Grades, ndarray of str, shape (leads, segments).

        ``good``, ``fair``, ``poor`` or ``unusable``; empty without a score.
        """
        return self.segments.grade

    @property
    def percentile(self) -> NDArray[np.float64]:
        """Share of clean leads that score lower, ndarray, shape (leads, segments), 0 to 100.

        NaN without a score, or if the model has no percentiles.
        """
        return self.segments.percentile

    @property
    def agreement(self) -> NDArray[np.float64]:
        """How well the beats agree with each other, ndarray, shape (leads, segments), 0 to 1; NaN without a score."""
        return self.segments.agreement

    @property
    def estimated_snr(self) -> NDArray[np.float64]:
        """The SNR in dB, ndarray, shape (leads, segments, 3): the estimate, and both ends of its interval (68 %).

        NaN without a score, or if the model knows neither noise levels nor a stress curve.
        """
        return self.segments.estimated_snr

    @property
    def noise(self) -> NDArray[np.float64]:
        """Power of each kind of noise over that of the ECG in dB, ndarray, shape (leads, segments, kinds).

        The kinds are those of :data:`KINDS`; NaN without noise levels.
        """
        return self.levels.noise

    @property
    def noise_kind(self) -> NDArray[np.str_]:
        """The kind of noise that counts most, ndarray of str, shape (leads, segments).

        Baseline wander is weighted; empty without a score or noise levels.
        """
        return self.levels.noise_kind

    @property
    def noise_share(self) -> NDArray[np.float64]:
        """Its share of the power of all noise as it counts, ndarray, shape (leads, segments), 0 to 1, or NaN."""
        return self.levels.noise_share

    @property
    def ecg_rms(self) -> NDArray[np.float64]:
        """RMS of the ECG in mV, ndarray, shape (leads, segments).

        NaN without noise levels, or if the unit is unknown.
        """
        return self.levels.ecg_rms

    @property
    def reading_snr(self) -> NDArray[np.float64]:
        """Power of the ECG over that of all noise between 0.67 and 40 Hz in dB, ndarray, shape (leads, segments).

        NaN without noise levels.
        """
        return self.levels.reading_snr

    @property
    def effective_snr(self) -> NDArray[np.float64]:
        """What the grade follows from in dB, ndarray, shape (leads, segments).

        The readable SNR, or less if the beats do not agree or the reconstruction fails; NaN without noise levels.
        """
        return self.levels.effective_snr

    @property
    def local_noise(self) -> NDArray[np.float32]:
        """Noise of each span over the ECG of its segment in dB, ndarray of float32, shape (leads, spans, kinds).

        Spans of all segments in turn; NaN where a fault touches a span. No spans without noise levels. A saved result
        knows only the kind that counts most in a span.
        """
        return self.levels.local_noise

    @property
    def local_snr(self) -> NDArray[np.float32]:
        """The readable SNR of each span in dB, to a tenth, ndarray of float32, shape (leads, spans).

        NaN where ``local_noise`` is.
        """
        return self.levels.local_snr

    @property
    def start(self) -> NDArray[np.float64]:
        """Where segments begin in seconds, ndarray, shape (segments,); a tail begins with what is new in it."""
        return self.timeline.start

    @property
    def duration(self) -> NDArray[np.float64]:
        """How long segments are in seconds, ndarray, shape (segments,); of a tail, what is new in it."""
        return self.timeline.duration

    @property
    def part_start(self) -> NDArray[np.float64]:
        """Where parts begin in seconds, ndarray, shape (segments, parts); NaN where a tail has no such part."""
        return self.timeline.part_start

    @property
    def part_duration(self) -> NDArray[np.float64]:
        """How long parts are in seconds, ndarray, shape (segments, parts); NaN where a tail has no such part."""
        return self.timeline.part_duration

    @property
    def span_start(self) -> NDArray[np.float64]:
        """Where spans begin in seconds, ndarray, shape (spans,); a tail has only its new spans."""
        return self.timeline.span_start

    @property
    def span_duration(self) -> NDArray[np.float64]:
        """How long spans are in seconds, ndarray, shape (spans,)."""
        return self.timeline.span_duration

    @property
    def source(self) -> str:
        """Path of the recording, or ``"array"``."""
        return self.provenance.source

    @property
    def lead_names(self) -> tuple[str, ...]:
        """Names of the leads."""
        return self.provenance.lead_names

    @property
    def sampling_frequency(self) -> float:
        """Of the recording, in Hz."""
        return self.provenance.sampling_frequency

    @property
    def units(self) -> str:
        """Of the recording: ``"mV"`` or ``"unknown"``."""
        return self.provenance.units

    @property
    def recording_start(self) -> datetime | None:
        """Time of the first sample, or None where it is not known."""
        return self.provenance.recording_start

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks of the reader, one line each."""
        return self.provenance.notes

    @property
    def lead_remarks(self) -> tuple[LeadRemark, ...]:
        """Leads that look swapped, inverted or duplicated, or that do not fit each other."""
        return self.provenance.lead_remarks

    @property
    def model(self) -> ModelIdentity:
        """Which model made the scores."""
        return self.provenance.model

    @property
    def profile(self) -> str:
        """Name of the profile of the model."""
        return self.provenance.profile

    @property
    def snr_range(self) -> tuple[float, float] | None:
        """Lowest and highest SNR in dB that the model tells, or None.

        An estimate at one of them means it or beyond.
        """
        return self.provenance.snr_range

    @property
    def limits(self) -> SpanLimits:
        """What SNR each grade needs."""
        return self.provenance.limits

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
