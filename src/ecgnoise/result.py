"""Result: one type for every input, "cannot be scored" included."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import SignalShapeError
from ecgnoise.files import SEPARATOR
from ecgnoise.grades import GRADES
from ecgnoise.intervals import (
    WORST_GRADE,
    HiddenSamples,
    Interval,
    bad_segments,
    fault_texts,
    joined,
    sample_span,
    span_text,
)
from ecgnoise.leads import LeadRemark
from ecgnoise.profiles import Images
from ecgnoise.recording import Recording, check_sampling_frequency

if TYPE_CHECKING:
    import pandas as pd

MEASURES: Final = ("psnr_db", "percentile", "local_minimum_db", "snr_db", "snr_low_db", "snr_high_db")
COLUMNS: Final = (
    "record", "lead", "segment", "start_s", "duration_s", "time", *MEASURES, "grade", "fault", "usable", "noise",
    "noise_share", "model", "path", "sampling_frequency_hz", "units", "profile", "notes", "lead_remarks", "local_db",
    "snr_range_db",
)  # fmt: skip
NUMBERS: Final = ("start_s", "duration_s", *MEASURES, "noise_share", "sampling_frequency_hz")
PSNR_DECIMALS: Final = 4
BETWEEN: Final = " | "  # notes in one cell of a table
NO_NUMBER: Final = "-"  # a part without a score, in a cell that holds several
COMPRESSED: Final = (".gz", ".bz2", ".xz", ".zst")
FAULTS_TOLD: Final = 4


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


def _none_told() -> NDArray[np.str_]:
    return np.empty((0, 0), "U16")


def _no_share() -> NDArray[np.float64]:
    return np.empty((0, 0))


@dataclass(frozen=True)
class Result:
    """Noise of each lead and segment of a recording.

    psnr: (leads, segments) in dB, high is clean, NaN where it cannot be measured.
    local_psnr: (leads, segments, parts) in dB; NaN where a part is touched by a fault or does not exist in a tail.
    fault: (leads, segments), why there is no score (``segments.py`` lists the faults), else empty. A lead-segment of 5
    to 10 s is marked ``short`` and has a score all the same.
    grade: (leads, segments), one of good, fair, poor, unusable; empty without a score.
    percentile: (leads, segments), 0..100, share of clean leads that score lower; NaN without a score, or where the
    model has no reference.
    estimated_snr: (leads, segments, 3) in dB: the estimate, and the lower and upper end of its interval (68 %); NaN
    without a score, or where the model has no stress curve.
    snr_range: the lowest and highest SNR in dB that the model can tell; an estimate at one of them means it or beyond.
    None where the model has no stress curve.
    noise_kind: (leads, segments), what most of the error looks like, one of ``kinds.KINDS``; empty without a score, or
    where the model cannot tell. noise_share: (leads, segments), the share of the error that it makes up, 0..1, or NaN.
    start, duration: (segments,) in seconds; of a tail, what is new in it.
    part_start, part_duration: (segments, parts) in seconds; NaN where a part does not exist in a tail.
    recording_start: the time of the first sample, where it is known.
    lead_remarks: leads that look swapped, inverted or duplicated, or that do not fit each other.
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
    noise_kind: NDArray[np.str_] = field(default_factory=_none_told)
    noise_share: NDArray[np.float64] = field(default_factory=_no_share)
    recording_start: datetime | None = None
    lead_remarks: tuple[LeadRemark, ...] = ()

    def __post_init__(self) -> None:
        if self.noise_kind.shape != self.psnr.shape:
            object.__setattr__(self, "noise_kind", np.full(self.psnr.shape, "", "U16"))
            object.__setattr__(self, "noise_share", np.full(self.psnr.shape, np.nan))

    @property
    def record(self) -> str:
        """The name of the recording; ``source`` is its path."""
        return record_name(self.source)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which lead-segments can be used, (leads, segments): those of a grade better than ``unusable``."""
        return ~bad_segments(self.grade, WORST_GRADE)

    def time_of(self, seconds: float) -> datetime | None:
        """The clock time of an instant, in seconds from the start; None where the recording's start is not known."""
        if self.recording_start is None:
            return None
        try:
            return self.recording_start + timedelta(seconds=seconds)
        except OverflowError:
            return None

    def rows(self) -> list[tuple[Any, ...]]:
        """One tuple a lead-segment, in the order of :data:`COLUMNS`; None where there is no number."""
        lowest, usable, model, record = _lowest(self.local_psnr), self.usable, str(self.model), self.record
        times = ["" if time is None else time.isoformat() for time in map(self.time_of, self.start.tolist())]
        ends = "" if self.snr_range is None else " ".join(map(str, map(float, self.snr_range)))
        notes = _cell_of(self.notes)
        remarks = [_cell_of([remark.cell for remark in self.lead_remarks if name in remark.leads])
                   for name in self.lead_names]  # fmt: skip
        return [
            (
                record,
                name,
                segment,
                round(float(self.start[segment]), 6),
                round(float(self.duration[segment]), 6),
                times[segment],
                _number(self.psnr[lead, segment], PSNR_DECIMALS),
                _number(self.percentile[lead, segment], 1),
                _number(lowest[lead, segment], PSNR_DECIMALS),
                *(_number(snr, 1) for snr in self.estimated_snr[lead, segment]),
                str(self.grade[lead, segment]),
                str(self.fault[lead, segment]),
                bool(usable[lead, segment]),
                str(self.noise_kind[lead, segment]),
                _number(self.noise_share[lead, segment], 2),
                model,
                self.source,
                float(self.sampling_frequency),
                self.units,
                self.profile,
                notes,
                remarks[lead],
                _parts_cell(self.psnr[lead, segment], self.local_psnr[lead, segment]),
                ends,
            )
            for lead, name in enumerate(self.lead_names)
            for segment in range(len(self.start))
        ]

    def to_dataframe(self) -> "pd.DataFrame":
        """A table with one row a lead-segment and the columns of :data:`COLUMNS`."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=list(COLUMNS)).astype(dict.fromkeys(NUMBERS, float))

    def parts_in_turn(self) -> NDArray[np.float64]:
        """Local PSNR, (leads, parts of all segments in turn); a tail has only the parts it needs, as published."""
        return self.local_psnr[:, np.isfinite(self.part_start)]

    def intervals(self, grade: str = WORST_GRADE, *, join: float = 0.0) -> list[Interval]:
        """Stretches of each lead that are of this grade or a worse one, or have no score, in order of leads and time.

        join: those at most so many seconds apart become one. OptionError for another grade or a negative join.
        """
        bad = bad_segments(self.grade, grade)
        return [
            interval
            for lead in range(len(self.lead_names))
            for interval in joined(
                [self._interval(lead, segment) for segment in np.flatnonzero(bad[lead]).tolist()], join
            )
        ]

    def fault_intervals(self) -> list[Interval]:
        """Stretches of each lead with one and the same fault, in order of leads and time."""
        found = []
        for lead in range(len(self.lead_names)):
            of_lead = [
                interval
                for fault in sorted(set(self.fault[lead].tolist()) - {""})
                for interval in joined(
                    [self._interval(lead, place) for place in np.flatnonzero(self.fault[lead] == fault).tolist()], 0.0
                )
            ]
            found += sorted(of_lead, key=lambda interval: interval.start)
        return found

    def mask(self, sampling_frequency: float | None = None, *, grade: str = WORST_GRADE) -> NDArray[np.bool_]:
        """Which samples can be used, (leads, samples): those that lie in none of :meth:`intervals`.

        sampling_frequency: Hz, the recording's own unless given.

        Raises SamplingFrequencyError or OptionError.
        """
        frequency = self.sampling_frequency if sampling_frequency is None else sampling_frequency
        frequency = check_sampling_frequency(frequency, "mask")
        usable = np.ones((len(self.lead_names), round(self.seconds * frequency)), np.bool_)
        for row, spans in zip(usable, self._spans(grade, frequency, usable.shape[1]), strict=True):
            for span in spans:
                row[span] = False
        return usable

    def quality(self, sampling_frequency: float | None = None) -> NDArray[np.float64]:
        """A quality for each sample, (leads, samples), 0 to 1: how many clean leads score lower than its segment.

        It is the percentile over 100, as NeuroKit2 gives the quality of an ECG a number a sample. 0 where there is no
        score; NaN everywhere where the model has no reference. sampling_frequency: Hz, the recording's own unless
        given. Raises SamplingFrequencyError.
        """
        frequency = self.sampling_frequency if sampling_frequency is None else sampling_frequency
        frequency = check_sampling_frequency(frequency, "quality")
        scored = np.isfinite(self.psnr)
        values = np.where(scored, self.percentile / 100.0, 0.0)
        values[(np.isnan(self.percentile) & scored).any(axis=1)] = np.nan
        ends = np.round((self.start + self.duration) * frequency).astype(np.int64)
        return np.asarray(np.repeat(values, np.diff(ends, prepend=0), axis=1))

    def usable_seconds(self, grade: str = WORST_GRADE) -> NDArray[np.float64]:
        """How many seconds of each lead can be used, (leads,): those that lie in none of :meth:`intervals`."""
        return np.asarray(np.where(bad_segments(self.grade, grade), 0.0, self.duration).sum(axis=1))

    def keep(self, recording: Recording, grade: str = WORST_GRADE) -> Recording:
        """The recording with its unusable samples missing (NaN), read when they are asked for.

        recording: the one that was scored. Raises SignalShapeError where leads or length are others, or OptionError.
        """
        leads, samples = recording.samples.shape
        if (
            recording.lead_names != self.lead_names
            or abs(recording.duration - self.seconds) * self.sampling_frequency > 1
        ):
            raise SignalShapeError(
                f"{recording.source}: {leads} leads of {recording.duration:g} s, {len(self.lead_names)} of "
                f"{self.seconds:g} s were scored: pass the recording that was scored"
            )
        spans = self._spans(grade, recording.sampling_frequency, samples)
        note = f"hidden where {grade} or worse, or without a score, by {self.model}"
        return replace(recording, samples=HiddenSamples(recording.samples, spans), notes=(*recording.notes, note))

    @property
    def seconds(self) -> float:
        """Length of the recording in seconds."""
        return float(self.start[-1] + self.duration[-1])

    def _spans(self, grade: str, frequency: float, samples: int) -> tuple[tuple[slice, ...], ...]:
        """For each lead the samples that cannot be used."""
        intervals = self.intervals(grade)
        return tuple(
            tuple(sample_span(interval, frequency, samples) for interval in intervals if interval.lead == name)
            for name in self.lead_names
        )

    def _interval(self, lead: int, segment: int) -> Interval:
        """One lead-segment as an interval."""
        return Interval(
            self.lead_names[lead],
            float(self.start[segment]),
            float(self.duration[segment]),
            float(self.psnr[lead, segment]),
            str(self.grade[lead, segment]),
            str(self.fault[lead, segment]),
            str(self.noise_kind[lead, segment]),
        )

    def fault_texts(self, most: int | None = None) -> list[str]:
        """What has no score, the worst first: ``II flat 120-200 s``, with clock times where the start is known.

        most: that many at most, and a word on how many more there are; None for all.
        """
        return fault_texts(self.fault_intervals(), self.lead_names, self.time_of, most)

    def verdict(self) -> str:
        """One line, the worst first: what has no score and when, how many segments have each grade, the worst score."""
        leads, segments = self.psnr.shape
        counts = [(grade, int((self.grade == grade).sum())) for grade in reversed(GRADES)]
        graded = ", ".join(f"{count} {grade}" for grade, count in counts if count)
        parts = [*self.fault_texts(FAULTS_TOLD), *([graded] if graded else [])]
        if np.isfinite(self.psnr).any():
            lead, segment = np.unravel_index(np.nanargmin(self.psnr), self.psnr.shape)
            span = span_text(self._interval(int(lead), int(segment)), self.time_of)
            parts.append(f"worst score {self.lead_names[lead]} {self.psnr[lead, segment]:.1f} dB at {span}")
        return f"{leads} lead{'s' * (leads != 1)} x {segments} segment{'s' * (segments != 1)}: {'; '.join(parts)}"


def _lowest(local: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lowest local PSNR of each lead-segment, (leads, segments); NaN where there is none."""
    lowest = np.where(np.isnan(local), np.inf, local).min(axis=2, initial=np.inf)
    return np.where(np.isinf(lowest), np.nan, lowest)


def _number(value: float, decimals: int) -> float | None:
    """A number for a table, rounded; None for NaN."""
    return None if math.isnan(value) else round(float(value), decimals)


def _cell_of(words: Iterable[str]) -> str:
    """Several notes in one cell, one after the other."""
    return BETWEEN.join(" ".join(word.replace(BETWEEN, " / ").split()) for word in words)


def _parts_cell(psnr: float, local: NDArray[np.float64]) -> str:
    """The PSNR of each part in one cell; empty where the only part is the whole."""
    if len(local) == 1 and (psnr == local[0] or (math.isnan(psnr) and math.isnan(local[0]))):
        return ""
    numbers = [_number(value, PSNR_DECIMALS) for value in local.tolist()]
    return " ".join(NO_NUMBER if number is None else str(number) for number in numbers)
