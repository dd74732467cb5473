"""Whether there are beats in an image, and how well they agree with each other.

Noise can be as high as beats and come as often, but its bursts differ from each other. Here beats are looked for in the
rows in which a QRS is strong and a T wave is not, and a patch around each, 0.35 s and 5 to 30 Hz, is compared with all
the others. What is 14 dB below the beats does not count in a patch, so that neither faint noise nor silence between
the beats does.

How well two patches p and q agree is 2 p.q / (p.p + q.q), in dB above what does not count: 1 where they are the same,
shape and level. A beat agrees as well as with the best fifth of the others, so that beats of two or three kinds are no
noise. The agreement of a lead-segment is the median of its beats, times the share of its time that is not too far from
a beat, and less where what is between the beats is nearly as strong as they are, or where they are too slow for a QRS.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ecgnoise.scalogram.profile import COLUMNS, QRS_BAND, SEGMENT_SECONDS, WHITE, Images, Profile

Array = NDArray[np.float64]

BEAT_BAND: Final = (10.0, 25.0)  # Hz, in which beats are found
PATCH_BAND: Final = (5.0, 30.0)
QUICK_BAND: Final = (14.0, 25.0)
SLOW_BAND: Final = (3.5, 8.0)
PATCH_COLUMNS: Final = 4  # on either side of a beat, 0.16 s
APART_COLUMNS: Final = 5  # the strongest of so many on either side is a beat: 270 a minute at most
BESIDE_COLUMNS: Final = 2  # on either side, that are of the beat
NEAR_COLUMNS: Final = 16  # 0.6 s: on one side, in which a beat is compared with what is between beats
OTHER_COLUMNS: Final = 30  # 1.2 s: nearer beats are not compared with each other
FAR_OFF: Final = -1000  # column of what is no beat
QUICK_COLUMNS: Final = 1
SLOW_COLUMNS: Final = 3
PARTS: Final = 5  # of 2 s: the median of their strongest columns is how strong beats are
QUIET_SHARE: Final = 0.2
DEPTH_DB: Final = 14.0
WEAKEST_DB: Final = 12.0  # below the others, that is a beat
FLOOR: Final = 1e-4  # of the beats' power
SMALLEST: Final = 1e-6
BEST_SHARE: Final = 0.2  # of the other beats, that a beat is to agree with
FEWEST_BEATS: Final = 4
MOST_BEATS: Final = 42
LONGEST_PAUSE: Final = 3.0  # s
CONTRAST_DB: Final = (0.0, 4.0)  # of a beat over what is between beats: nothing, enough
QUICKNESS_DB: Final = (-22.0, -16.0)  # of QUICK_BAND over SLOW_BAND: too slow for a QRS, fast enough


@dataclass(frozen=True)
class Beats:
    """The beats in n images, at most 42 in each.

    columns: (n, 42), -1 where there is none. each: how well each of them agrees with others, 0..1, (n, 42), NaN where
    there is none. agreement: of each image, 0..1, (n,); 0 where there are fewer than four beats. level: of the beats
    that agree best, in dB over what the levels of the image are relative to, (n,); NaN where there are none.
    """

    columns: NDArray[np.int64]
    each: Array
    agreement: Array
    level: Array


@dataclass(frozen=True)
class _Peaks:
    """Where beats may be in n scalograms: image, column, and number within the image of each, (peaks,)."""

    scalograms: int
    which: NDArray[np.int64]
    columns: NDArray[np.int64]
    place: NDArray[np.int64]

    @classmethod
    def of(cls, there: NDArray[np.bool_]) -> "_Peaks":
        """The peaks of a mask (n, columns), the first 42 of each image."""
        which, columns = np.nonzero(there)
        place = np.arange(len(which)) - np.searchsorted(which, which)
        kept = place < MOST_BEATS
        return cls(len(there), which[kept], columns[kept], place[kept])

    def table(self, values: NDArray[Any], empty: Any) -> NDArray[Any]:
        """Values of the peaks, (peaks, ...), image by image, (n, 42, ...), ``empty`` where there is no peak."""
        table = np.full((self.scalograms, MOST_BEATS, *values.shape[1:]), empty, values.dtype)
        table[self.which, self.place] = values
        return table

    def of_columns(self, values: NDArray[Any]) -> Array:
        """The values (n, columns) at the peaks, (n, 42), NaN where there is no peak."""
        return self.table(values[self.which, self.columns].astype(np.float64), np.nan)


def agreement(
    images: Images, valid: NDArray[np.bool_], profile: Profile, intact: NDArray[np.bool_] | None = None
) -> Array:
    """How well the beats in each image agree, 0..1, (n,); 0 where there are none.

    images: (n, rows, columns) in 0..255, row 0 the highest frequency. valid: rows that the sampling frequency can hold.
    intact: which columns no fault touches, (n, columns), all unless given; where there is a fault no beats are missed.
    """
    return find_beats(images, valid, profile, intact).agreement


def find_beats(
    images: Images, valid: NDArray[np.bool_], profile: Profile, intact: NDArray[np.bool_] | None = None
) -> Beats:
    """The beats in images; the arguments are those of :func:`agreement`."""
    frequencies = np.where(valid, np.asarray(profile.frequencies)[::-1], np.nan)
    low, high = profile.level_range
    decibels = images * np.float32(10.0 * (high - low) / WHITE)
    bands = [_rows(decibels, frequencies, band) for band in (BEAT_BAND, PATCH_BAND, QUICK_BAND, SLOW_BAND, QRS_BAND)]
    if not all(band.shape[1] for band in bands):
        nothing = np.full((len(images), MOST_BEATS), np.nan)
        return Beats(np.full(nothing.shape, -1), nothing, np.zeros(len(images)), np.full(len(images), np.nan))
    beat, patch, quick, slow, qrs = bands
    strength = beat.mean(axis=1)
    there, usual = _find_peaks(strength)
    peaks = _Peaks.of(there)
    columns = peaks.table(peaks.columns, -1)
    contrast = peaks.of_columns(_contrast(strength, there, usual))
    each = _agreements(_patches(patch, usual, peaks), columns) * _ramp(contrast, CONTRAST_DB)
    whole = (columns >= PATCH_COLUMNS) & (columns < COLUMNS - PATCH_COLUMNS)
    quickness = _largest(quick.mean(axis=1), QUICK_COLUMNS) - _largest(slow.mean(axis=1), SLOW_COLUMNS)
    factors = [
        np.nan_to_num(_median(np.where(whole, each, np.nan))),
        _ramp(np.nan_to_num(_median(peaks.of_columns(quickness))), QUICKNESS_DB),
        _covered(columns, np.ones((len(images), COLUMNS), np.bool_) if intact is None else intact),
    ]
    told = np.where((columns >= 0).sum(axis=1) >= FEWEST_BEATS, np.prod(factors, axis=0), 0.0)
    best = np.where(each >= _median(each)[:, None], peaks.of_columns(qrs.max(axis=1)), np.nan)
    return Beats(columns, each, told, _median(best) + 10.0 * low)


def _rows(decibels: Images, frequencies: Array, band: tuple[float, float]) -> Images:
    """The rows within a band, (n, rows of the band, columns)."""
    low, high = band
    return np.asarray(decibels[:, (frequencies > low) & (frequencies < high)])


def _largest(strength: NDArray[Any], reach: int) -> NDArray[Any]:
    """The largest of so many columns on either side of each, (n, columns)."""
    padded = np.pad(strength, ((0, 0), (reach, reach)), mode="edge")
    return np.asarray(np.maximum.reduce([padded[:, shift : shift + COLUMNS] for shift in range(2 * reach + 1)]))


def _find_peaks(strength: Images) -> tuple[NDArray[np.bool_], Images]:
    """Where strength in dB, (n, columns), peaks as beats do, (n, columns), and how strong those are, (n,)."""
    padded = np.pad(strength, ((0, 0), (1, 1)), mode="edge")
    smooth = 0.25 * padded[:, :-2] + 0.5 * padded[:, 1:-1] + 0.25 * padded[:, 2:]
    peaks = smooth >= _largest(smooth, APART_COLUMNS)
    peaks[:, 1:] &= ~peaks[:, :-1]
    width = COLUMNS // PARTS
    strongest = smooth[:, : width * PARTS].reshape(-1, PARTS, width).max(axis=2)
    usual = np.sort(strongest, axis=1)[:, PARTS // 2]
    quiet = np.sort(smooth, axis=1)[:, int(QUIET_SHARE * COLUMNS)]
    least = np.maximum(0.5 * (usual + quiet), usual - np.float32(WEAKEST_DB))
    return peaks & (smooth >= least[:, None]), usual


def _patches(rows: Images, usual: Images, peaks: _Peaks) -> Images:
    """The patch around each peak in dB above what does not count, (n, 42, pixels), 0 where there is no peak."""
    least = np.maximum(np.median(rows[:, :, ::2], axis=2), usual[:, None] - np.float32(DEPTH_DB))
    above = np.maximum(rows - least[:, :, None], 0.0)
    above = np.pad(above, ((0, 0), (0, 0), (PATCH_COLUMNS, PATCH_COLUMNS)), mode="symmetric")
    around = sliding_window_view(above, 2 * PATCH_COLUMNS + 1, axis=2)[peaks.which, :, peaks.columns]
    return peaks.table(around.reshape(len(around), around.shape[1] * around.shape[2]), 0.0)


def _agreements(patches: Images, columns: NDArray[np.int64]) -> Array:
    """How well each beat agrees with the best fifth of others, 0..1, (n, 42), NaN where there is none or no other.

    patches: (n, 42, pixels). columns: (n, 42). Others are those more than a second away: within that a burst of noise
    is like itself.
    """
    together = patches @ patches.transpose(0, 2, 1)
    halves = 0.5 * np.diagonal(together, axis1=1, axis2=2) + np.float32(SMALLEST)
    together /= halves[:, :, None] + halves[:, None, :]
    places = np.where(columns < 0, FAR_OFF, columns).astype(np.int16)
    distance = np.abs(places[:, :, None] - places[:, None, :])
    others = (distance >= OTHER_COLUMNS) & (distance <= COLUMNS)
    together[~others] = -1.0
    count = others.sum(axis=2)
    chosen = np.maximum(np.round(BEST_SHARE * count).astype(np.int64), 1)
    together.sort(axis=2)
    best = np.take_along_axis(together, MOST_BEATS - chosen[:, :, None], axis=2)[:, :, 0].astype(np.float64)
    return np.where(count > 0, np.clip(best, 0.0, 1.0), np.nan)


def _median(values: Array) -> Array:
    """The lower median of the values (n, 42) that are not NaN, (n,); NaN where all are."""
    ordered = np.sort(values, axis=1)
    place = (np.isfinite(values).sum(axis=1) - 1).clip(0) // 2
    return np.asarray(np.take_along_axis(ordered, place[:, None], axis=1)[:, 0])


def _contrast(strength: Images, peaks: NDArray[np.bool_], usual: Images) -> Array:
    """Mean power of the columns around each over that of what is between beats close by, in dB, (n, columns).

    What is between beats is that before or that after, whichever is weaker, so that a beat beside a burst is one.
    """
    power = 10.0 ** ((strength - usual[:, None]).astype(np.float64) / 10.0)
    between = ~_largest(peaks, BESIDE_COLUMNS)
    within = _sums(power, -BESIDE_COLUMNS, BESIDE_COLUMNS) / (2 * BESIDE_COLUMNS + 1)
    sides = []
    for first, last in ((-NEAR_COLUMNS, 0), (0, NEAR_COLUMNS)):
        count = _sums(between.astype(np.float64), first, last)
        sides.append(np.where(count > 0, _sums(power * between, first, last) / count.clip(1.0), np.inf))
    others = np.minimum(*sides)
    others = np.where(np.isfinite(others), others, within)
    return np.asarray(10.0 * np.log10((within + FLOOR) / (others + FLOOR)))


def _sums(values: Array, first: int, last: int) -> Array:
    """The sum of the columns from ``first`` to ``last`` places after each, (n, columns)."""
    totals = np.pad(values, ((0, 0), (1 - first, last))).cumsum(axis=1)
    return np.asarray(totals[:, last - first + 1 :] - totals[:, :COLUMNS])


def _covered(columns: NDArray[np.int64], intact: NDArray[np.bool_]) -> Array:
    """Share of the intact time that is not in longer pauses without a beat than hearts make, (n,).

    columns: of the beats, (n, 42). intact: (n, columns).
    """
    ends = np.sort(np.where(columns < 0, COLUMNS, columns), axis=1)
    edges = np.column_stack([np.zeros_like(ends[:, 0]), ends, np.full_like(ends[:, 0], COLUMNS)])
    passed = np.column_stack([np.zeros(len(intact), np.int64), np.cumsum(intact, axis=1)])
    longest = LONGEST_PAUSE / SEGMENT_SECONDS * COLUMNS
    pauses = np.maximum(np.diff(np.take_along_axis(passed, edges, axis=1), axis=1) - longest, 0.0)
    return np.asarray(1.0 - pauses.sum(axis=1) / np.maximum(passed[:, -1], 1))


def _ramp(values: Array, limits: tuple[float, float]) -> Array:
    """0 at the lower of two limits and 1 at the upper, straight between, (n,)."""
    low, high = limits
    return np.asarray(np.clip((values - low) / (high - low), 0.0, 1.0))
