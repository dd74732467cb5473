"""What figures show of a result: shaded stretches, noise tracks, the heat map, the images of one lead-segment."""

from dataclasses import replace
from typing import Final

import numpy as np

from ecgnoise.errors import OptionError, SignalShapeError
from ecgnoise.figures.drawn import FAULT, Drawing, Lead, NoiseTrack, Stretch
from ecgnoise.figures.heat_map import HeatMap
from ecgnoise.figures.segment import ShownImages
from ecgnoise.noise_levels import span_kinds
from ecgnoise.recording import Recording, drawing_of
from ecgnoise.results.grades import GRADES
from ecgnoise.results.intervals import Choice, find_intervals
from ecgnoise.results.scores import Scores
from ecgnoise.scalogram.profile import PROFILES, WHITE

MOST_COLUMNS: Final = 1200


def check_same(scores: Scores, recording: Recording) -> None:
    """SignalShapeError unless the recording has the leads and the length of the one that was scored."""
    leads = recording.samples.shape[0]
    if (
        recording.lead_names != scores.lead_names
        or abs(recording.duration - scores.seconds) * scores.sampling_frequency > 1
    ):
        raise SignalShapeError(
            f"{recording.source}: {leads} leads of {recording.duration:g} s, {len(scores.lead_names)} of "
            f"{scores.seconds:g} s were scored: pass the recording that was scored"
        )


def drawing_of_result(
    scores: Scores, recording: Recording, faults: list[tuple[str, float, float]], verdict: str
) -> Drawing:
    """A recording with what is known of it. faults: lead, start and stop in seconds of each."""
    stretches: dict[str, list[Stretch]] = {name: [] for name in scores.lead_names}
    for grade in GRADES[1:]:
        for found in find_intervals(scores, Choice(grade)):
            stretches[found.lead].append(Stretch(found.start, found.stop, grade))
    for name, start, stop in faults:
        stretches[name] = [part for known in stretches[name] for part in _outside(known, start, stop)]
        stretches[name].append(Stretch(start, stop, FAULT))
    leads = [
        Lead(name, tuple(stretches[name]), _track(scores, number)) for number, name in enumerate(scores.lead_names)
    ]
    return drawing_of(recording, tuple(leads), verdict)


def _outside(stretch: Stretch, start: float, stop: float) -> list[Stretch]:
    """What of a stretch lies before and behind some time."""
    parts = (
        replace(stretch, stop=min(stretch.stop, start)),
        replace(stretch, start=max(stretch.start, stop)),
    )
    return [part for part in parts if part.stop > part.start]


def _track(scores: Scores, lead: int) -> NoiseTrack | None:
    """The noise of a lead over its spans; None where the model knows no noise levels."""
    if not len(scores.span_start):
        return None
    edges = np.append(scores.span_start, scores.span_start[-1] + scores.span_duration[-1])
    level = -scores.local_snr[lead].astype(np.float64)
    return NoiseTrack(edges, level, span_kinds(scores.local_noise[lead]))


def heat_map_of(scores: Scores) -> HeatMap:
    """The local SNR of all leads over the recording, or the PSNR where the model knows no noise levels."""
    by_spans = bool(len(scores.span_start))
    values = (scores.local_snr if by_spans else scores.psnr).astype(np.float64)
    start, duration = (scores.span_start, scores.span_duration) if by_spans else (scores.start, scores.duration)
    columns = min(len(start), MOST_COLUMNS)
    firsts = np.unique(np.round(np.linspace(0, len(start), columns, endpoint=False)).astype(np.int64))
    there = np.isfinite(values)
    sums = np.add.reduceat(np.where(there, values, 0.0), firsts, axis=1)
    counts = np.add.reduceat(there.astype(np.int64), firsts, axis=1)
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return HeatMap(
        means,
        np.append(start[firsts], start[-1] + duration[-1]),
        scores.lead_names,
        "local SNR (dB)" if by_spans else "PSNR (dB)",
        scores.limits.bounds if by_spans else None,
    )


def images_of(scores: Scores, recording: Recording, lead: str | None, at: float | None) -> ShownImages:
    """The images of one lead-segment, and its signal.

    lead: its name; None for that of the worst score. at: a time in seconds within the segment; None for that of the
    lead's worst score. Raises OptionError for what is not there, or a result without images.
    """
    if scores.images is None:
        raise OptionError(f"{scores.source}: the result has no images: score with images=True")
    row = row_of(scores, lead)
    if at is not None and not 0.0 <= at < scores.seconds:
        raise OptionError(f"{at:g} s: the recording has {scores.seconds:g} s: pass a time within it")
    psnr = np.where(np.isfinite(scores.psnr[row]), scores.psnr[row], np.inf)
    segment = int(psnr.argmin()) if at is None else int(np.searchsorted(scores.start, at, side="right")) - 1
    stop = float(scores.start[segment] + scores.duration[segment])
    start = max(0.0, stop - 10.0)
    first, behind = (round(second * recording.sampling_frequency) for second in (start, stop))
    profile = PROFILES.get(scores.profile)
    return ShownImages(
        signal=recording.window(first, behind)[row].astype(np.float64),
        start=start,
        stop=stop,
        original=scores.images.original[row, segment],
        reconstruction=scores.images.reconstruction[row, segment],
        white=float(WHITE),
        frequencies=None if profile is None else profile.frequencies,
        unit="mV" if recording.units == "mV" else "unknown unit",
        title=f"{scores.record}, lead {scores.lead_names[row]}, {start:g} to {stop:g} s",
        score=f"PSNR {scores.psnr[row, segment]:.1f} dB, {scores.grade[row, segment] or scores.fault[row, segment]}",
    )


def row_of(scores: Scores, lead: str | None) -> int:
    """The number of the lead of this name, or of the one with the worst score."""
    if lead is None:
        worst = np.where(np.isfinite(scores.psnr), scores.psnr, np.inf).min(axis=1)
        return int(worst.argmin())
    if lead not in scores.lead_names:
        raise OptionError(f"{scores.source}: no lead {lead}; it has {', '.join(scores.lead_names)}")
    return scores.lead_names.index(lead)
