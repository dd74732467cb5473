"""Whether there are beats in a picture, and how well they agree with each other.

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

from ecgnoise.profiles import COLUMNS, QRS_BAND, SEGMENT_SECONDS, WHITE, Images, Profile

Array = NDArray[np.float64]

BEAT_BAND: Final = (10.0, 25.0)  # Hz, in which beats are found
PATCH_BAND: Final = (5.0, 30.0)
QUICK_BAND: Final = (14.0, 25.0)
SLOW_BAND: Final = (3.5, 8.0)
PATCH_COLUMNS: Final = 4  # on either side of a beat, 0.16 s
APART_COLUMNS: Final = 5  # the strongest of so many on either side is a beat: 270 a minute at most
BESIDE_COLUMNS: Final = 2  # on either side, that are of the beat
QUICK_COLUMNS: Final = 1
SLOW_COLUMNS: Final = 3
PARTS: Final = 5  # of 2 s: the median of their strongest columns is how strong beats are
QUIET_SHARE: Final = 0.2
DEPTH_DB: Final = 14.0
WEAKEST_DB: Final = 12.0  # below the others, that is a beat
STRONGEST_DB: Final = 3.0  # above the beats, that counts between them
FLOOR: Final = 1e-4  # of the beats' power
SMALLEST: Final = 1e-6
BEST_SHARE: Final = 0.2  # of the other beats, that a beat is to agree with
FEWEST_BEATS: Final = 4
MOST_BEATS: Final = 42
LONGEST_PAUSE: Final = 3.0  # s
CONTRAST_DB: Final = (0.0, 4.0)  # of beats over what is between them: nothing, enough
QUICKNESS_DB: Final = (-22.0, -16.0)  # of QUICK_BAND over SLOW_BAND: too slow for a QRS, fast enough


@dataclass(frozen=True)
class Beats:
    """The beats in n pictures, at most 42 in each.

    columns: (n, 42), -1 where there is none. each: how well each of them agrees with others, 0..1, (n, 42), NaN where
    there is none. agreement: of each picture, 0..1, (n,); 0 where there are fewer than four beats. level: of the beats
    that agree best, in dB over what the levels of the picture are relative to, (n,); NaN where there are none.
    """

    columns: NDArray[np.int64]
    each: Array
    agreement: Array
    level: Array


@dataclass(frozen=True)
class _Peaks:
    """Where beats may be in n pictures: picture, column, and number within the picture of each, (peaks,)."""

    pictures: int
    which: NDArray[np.int64]
    columns: NDArray[np.int64]
    place: NDArray[np.int64]

    @classmethod
    def of(cls, there: NDArray[np.bool_]) -> "_Peaks":
        """The peaks of a mask (n, columns), the first 42 of each picture."""
        which, columns = np.nonzero(there)
        place = np.arange(len(which)) - np.searchsorted(which, which)
        kept = place < MOST_BEATS
        return cls(len(there), which[kept], columns[kept], place[kept])

    def table(self, values: NDArray[Any], empty: Any) -> NDArray[Any]:
        """Values of the peaks, (peaks, ...), picture by picture, (n, 42, ...), ``empty`` where there is no peak."""
        table = np.full((self.pictures, MOST_BEATS, *values.shape[1:]), empty, values.dtype)
        table[self.which, self.place] = values
        return table

    def of_columns(self, values: Images) -> Array:
        """The values (n, columns) at the peaks, (n, 42), NaN where there is no peak."""
        return self.table(values[self.which, self.columns].astype(np.float64), np.nan)


def agreement(images: Images, held: NDArray[np.bool_], profile: Profile) -> Array:
    """How well the beats in each picture agree, 0..1, (n,); 0 where there are none.

    images: (n, rows, columns) in 0..255, row 0 the highest frequency. held: rows that the sampling frequency can hold.
    """
    return find_beats(images, held, profile).agreement


def find_beats(images: Images, held: NDArray[np.bool_], profile: Profile) -> Beats:
    """The beats in pictures; the arguments are those of :func:`agreement`."""
    frequencies = np.where(held, np.asarray(profile.frequencies)[::-1], np.nan)
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
    each = _agreements(_patches(patch, usual, peaks), columns >= 0)
    quickness = _largest(quick.mean(axis=1), QUICK_COLUMNS) - _largest(slow.mean(axis=1), SLOW_COLUMNS)
    factors = [
        np.nan_to_num(_median(each)),
        _ramp(_contrast(strength, there, usual), CONTRAST_DB),
        _ramp(np.nan_to_num(_median(peaks.of_columns(quickness))), QUICKNESS_DB),
        _covered(columns),
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
    return np.asarray(sliding_window_view(padded, 2 * reach + 1, axis=1).max(axis=2))


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
    least = np.maximum(np.median(rows, axis=2), usual[:, None] - np.float32(DEPTH_DB))
    above = np.maximum(rows - least[:, :, None], 0.0)
    above = np.pad(above, ((0, 0), (0, 0), (PATCH_COLUMNS, PATCH_COLUMNS)), mode="symmetric")
    around = sliding_window_view(above, 2 * PATCH_COLUMNS + 1, axis=2)[peaks.which, :, peaks.columns]
    return peaks.table(around.reshape(len(around), -1), 0.0)


def _agreements(patches: Images, there: NDArray[np.bool_]) -> Array:
    """How well each beat agrees with the best fifth of the others, 0..1, (n, 42), NaN where there is none or no other.

    patches: (n, 42, pixels).
    """
    products = (patches @ patches.transpose(0, 2, 1)).astype(np.float64)
    sizes = np.diagonal(products, axis1=1, axis2=2)
    together = 2.0 * products / np.maximum(sizes[:, :, None] + sizes[:, None, :], SMALLEST)
    beat = np.arange(MOST_BEATS)
    together[:, beat, beat] = -1.0
    together[~(there[:, :, None] & there[:, None, :])] = -1.0
    others = there.sum(axis=1) - 1
    chosen = np.maximum(np.ceil(BEST_SHARE * others).astype(np.int64), 1)
    best = np.take_along_axis(np.sort(together, axis=2), MOST_BEATS - chosen[:, None, None], axis=2)[:, :, 0]
    return np.where(there & (others > 0)[:, None], np.clip(best, 0.0, 1.0), np.nan)


def _median(values: Array) -> Array:
    """The lower median of the values (n, 42) that are not NaN, (n,); NaN where all are."""
    ordered = np.sort(values, axis=1)
    place = (np.isfinite(values).sum(axis=1) - 1).clip(0) // 2
    return np.asarray(np.take_along_axis(ordered, place[:, None], axis=1)[:, 0])


def _contrast(strength: Images, peaks: NDArray[np.bool_], usual: Images) -> Array:
    """Mean power of beats over that of what is between them, in dB, (n,); what is far above the beats counts little."""
    power = 10.0 ** (np.minimum(strength - usual[:, None], STRONGEST_DB).astype(np.float64) / 10.0)
    beside = _largest(peaks, BESIDE_COLUMNS)
    within, between = ((power * mask).sum(axis=1) / mask.sum(axis=1).clip(1) for mask in (beside, ~beside))
    return np.asarray(10.0 * np.log10((within + FLOOR) / (between + FLOOR)))


def _covered(columns: NDArray[np.int64]) -> Array:
    """Share of the time that is not in longer pauses without a beat than hearts make, (n,); columns: (n, 42)."""
    ends = np.sort(np.where(columns < 0, COLUMNS, columns), axis=1)
    edges = np.column_stack([np.zeros(len(ends)), ends, np.full(len(ends), COLUMNS)])
    longest = LONGEST_PAUSE / SEGMENT_SECONDS * COLUMNS
    return np.asarray(1.0 - np.maximum(np.diff(edges, axis=1) - longest, 0.0).sum(axis=1) / COLUMNS)


def _ramp(values: Array, limits: tuple[float, float]) -> Array:
    """0 at the lower of two limits and 1 at the upper, straight between, (n,)."""
    low, high = limits
    return np.asarray(np.clip((values - low) / (high - low), 0.0, 1.0))
