"""Interrupted EDF+ recordings (EDF+D): data records that do not follow each other without gaps.

The first annotation of each data record says when it begins (Kemp and Olivan, Clin. Neurophysiol. 114 (2003) 1755,
2.2.4). Samples are put where they belong in time; in a gap they are missing. Recorders round these times, and their
clock is not that of the samples: what differs by some milliseconds is put end to end.
"""

from collections.abc import Sequence
from math import isfinite, isnan, nan
from pathlib import Path
from typing import Final

import numpy as np

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.gaps import LONGEST_INTERRUPTED, InterruptedSamples
from ecgnoise.samples import Samples

ONSET_ENDS: Final = (b"\x14", b"\x15")
ROUNDING_SECONDS: Final = 0.02  # by which a data record may begin early or late
CLOCK_SHARE: Final = 0.003  # by which the clock of the times may be fast or slow


def onset(record: bytes) -> float:
    """When a data record begins, in s; record: its annotations. NaN where they do not say."""
    text = record
    for end in ONSET_ENDS:
        text = text.partition(end)[0]
    try:
        seconds = float(text.strip(b"\0 ").replace(b",", b"."))
    except ValueError:
        return nan
    return seconds if isfinite(seconds) else nan


def with_gaps(
    samples: Samples, onsets: Sequence[float], sampling_frequency: float, path: Path
) -> tuple[InterruptedSamples, list[str]]:
    """Samples with gaps where data records of equal length do not follow each other, and notes.

    onsets: when each data record begins, in s; NaN where it does not say so, which is right where it lies between its
    neighbours without a gap. sampling_frequency: samples a second. Gaps are rounded to whole samples.

    Raises UnreadableFileError for records that begin before the one before has ended, that have no time, and for more
    than 31 days.
    """
    frame = samples.shape[1] // len(onsets)
    times, notes = _filled(onsets, frame / sampling_frequency, path)
    seconds = max(times) - times[0] + frame / sampling_frequency
    if seconds > LONGEST_INTERRUPTED:
        raise UnreadableFileError(
            f"{path}: an interrupted recording (EDF+D) over {seconds / 86400:.0f} days, of at most "
            f"{LONGEST_INTERRUPTED / 86400:.0f}: split it at its gaps"
        )
    records, gaps, off = _stretches(times, frame / sampling_frequency, sampling_frequency, path)
    firsts = np.array(records, np.int64) * frame
    starts = firsts + np.round(np.cumsum(gaps) * sampling_frequency).astype(np.int64)
    if off * sampling_frequency >= 0.5:
        shown = f"{off:.3g} s" if off >= 1 else f"{off * 1000:.3g} ms"
        notes.append(f"times of data records are up to {shown} off: put end to end")
    return InterruptedSamples(samples, tuple(starts.tolist()), tuple(firsts.tolist())), notes


def _filled(onsets: Sequence[float], duration: float, path: Path) -> tuple[list[float], list[str]]:
    """The times with those that are not there, where the next time says that nothing is missing in between."""
    times, lost = list(onsets), [at for at, time in enumerate(onsets) if isnan(time)]
    for at in lost:
        if at:
            times[at] = times[at - 1] + duration
    for at in lost:
        after = at + 1
        if at == 0 or after == len(times) or abs(times[after] - times[at] - duration) > _tolerance(duration):
            raise UnreadableFileError(
                f"{path}: data record {at + 1} of an interrupted recording (EDF+D) has no time: fetch it again"
            )
    many = f"{len(lost)} data records have no time, and lie between their neighbours without a gap"
    return times, [many] if lost else []


def _tolerance(duration: float) -> float:
    """By how much the time of a data record of this many seconds may be off."""
    return min(max(ROUNDING_SECONDS, CLOCK_SHARE * duration), duration / 2)


def _stretches(
    times: Sequence[float], duration: float, sampling_frequency: float, path: Path
) -> tuple[list[int], list[float], float]:
    """The data records that begin a stretch, the gap before each in s, and by how much times are off within them.

    A difference counts as rounding where it is small, and where all of them together are no more than a clock's.
    """
    tolerance = _tolerance(duration)
    records, gaps, largest, drift = [0], [0.0], 0.0, 0.0
    for at in range(1, len(times)):
        step = times[at] - times[at - 1] - duration
        drift += step
        allowed = tolerance + CLOCK_SHARE * (at - records[-1]) * duration
        if abs(step) <= tolerance and abs(drift) <= allowed:
            largest = max(largest, abs(step), abs(drift))
            continue
        gap = step if abs(step) > tolerance else drift
        if gap < 0:
            raise UnreadableFileError(
                f"{path}: data record {at + 1} of an interrupted recording (EDF+D) begins "
                f"{max(1, round(-gap * sampling_frequency))} samples before the one before it ends: "
                "fetch it again, or mend its times"
            )
        records.append(at)
        gaps.append(gap)
        drift = 0.0
    return records, gaps, largest
