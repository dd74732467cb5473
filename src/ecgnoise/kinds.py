"""What kind of noise a lead-segment has: told from where in time and frequency its error lies.

The error is the squared difference of image and redrawing, (rows, columns). All that counts are shares of it, and how
levels of the image compare with each other, so that nothing depends on how strong the noise is or on how a model
weighs its errors. The rules, in this order; each was chosen on clean leads with simulated noise
(``python -m benchmarks.noise_kind``):

===================  =================================================================================================
``mains``            some row of 47 to 64 Hz stands out from the rows on both sides, at quiet times too
``spike``            much of the error is fast, and most of that lies in a few short spans
``muscle``           much of the error is fast, and its strength swells and fades within seconds
``broadband``        much of the error is fast, and its strength is even
``baseline_wander``  the error is slow and spread over time
``electrode``        the rest: the error is local, or lies between slow and fast, as motion and steps leave it
===================  =================================================================================================

A lead-segment with several kinds has one name, that of the first rule that holds. That of a clean one means little.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.profiles import Images, Profile

BASELINE_WANDER: Final = "baseline_wander"
ELECTRODE: Final = "electrode"
MUSCLE: Final = "muscle"
MAINS: Final = "mains"
SPIKE: Final = "spike"
BROADBAND: Final = "broadband"
KINDS: Final = (BASELINE_WANDER, ELECTRODE, MUSCLE, MAINS, SPIKE, BROADBAND)

SLOW: Final = (0.0, 3.0)  # Hz, as the bands below; the upper end does not belong to a band
FAST: Final = (28.0, np.inf)
LINE: Final = (47.0, 64.0)
BELOW_LINE: Final = (28.0, 38.0)
ABOVE_LINE: Final = (85.0, 110.0)

LINE_STANDS_OUT: Final = 0.45  # levels, that is powers of ten
QUIET_PERCENTILE: Final = 20
SPANS: Final = 64  # of 10 s: 0.16 s each
LOUDEST_SPANS: Final = 4
STRENGTH_SPANS: Final = 16
FAST_SHARE: Final = 0.45
SPIKE_LOUDEST: Final = 0.65
SWELLING: Final = 0.2  # levels, standard deviation over time
MIDDLE_TO_SLOW: Final = 0.75
SPREAD_LOUDEST: Final = 0.3
SPREAD_FAST_LOUDEST: Final = 0.7


class KindTeller:
    """Tells the kind of noise in pictures of one profile; :data:`KINDS` are the words.

    A profile that is not relative has no kinds: its images hold too narrow a band.
    """

    def __init__(self, profile: Profile) -> None:
        self._frequencies = np.asarray(profile.frequencies)[::-1]
        low, high = profile.level_range
        self._levels_per_grey = (high - low) / 255.0
        self._able = profile.relative

    def tell(
        self, images: Images, redrawn: Images, held: NDArray[np.bool_]
    ) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
        """Kind and share of each image, (n,): which kind, empty where there is no error, and its share of the error.

        images, redrawn: (n, rows, columns) in 0..255. held: rows that the sampling frequency can hold, (rows,). The
        share is 0..1: of baseline wander what lies below 3 Hz, of electrode noise what lies below 28 Hz, of spikes what
        the loudest spans have above 28 Hz, of the others all above 28 Hz.
        """
        if not self._able:
            return np.full(len(images), "", "U16"), np.full(len(images), np.nan)
        error = np.where(held[:, None], (images.astype(np.float64) - redrawn) ** 2, 0.0)
        total = error.sum(axis=(1, 2))
        error /= np.where(total > 0, total, 1.0)[:, None, None]
        levels = images.astype(np.float64) * self._levels_per_grey
        kind = self._kind(error, levels, held)
        return np.where(total > 0, kind, ""), np.where(total > 0, self._share(kind, error), np.nan)

    def _kind(
        self, error: NDArray[np.float64], levels: NDArray[np.float64], held: NDArray[np.bool_]
    ) -> NDArray[np.str_]:
        """The first rule that holds."""
        slow, fast = self._sum(error, SLOW), self._sum(error, FAST)
        fast_loudest = loudest_share(error[:, self._rows(FAST)])
        much_fast = fast >= FAST_SHARE
        spread = (loudest_share(error) < SPREAD_LOUDEST) & (fast_loudest < SPREAD_FAST_LOUDEST)
        rules = {
            MAINS: self._line(levels, held) >= LINE_STANDS_OUT,
            SPIKE: much_fast & (fast_loudest >= SPIKE_LOUDEST),
            MUSCLE: much_fast & (self._swelling(levels, held) >= SWELLING),
            BROADBAND: much_fast,
            BASELINE_WANDER: spread & (1.0 - slow - fast < MIDDLE_TO_SLOW * slow),
        }
        return np.select(list(rules.values()), list(rules), ELECTRODE)

    def _share(self, kind: NDArray[np.str_], error: NDArray[np.float64]) -> NDArray[np.float64]:
        """The part of the error that is of the kind."""
        slow, fast = self._sum(error, SLOW), self._sum(error, FAST)
        shares = {BASELINE_WANDER: slow, ELECTRODE: 1.0 - fast, SPIKE: fast * loudest_share(error[:, self._rows(FAST)])}
        told = np.select([kind == name for name in shares], list(shares.values()), fast)
        return np.asarray(np.minimum(told, 1.0))

    def _line(self, levels: NDArray[np.float64], held: NDArray[np.bool_]) -> NDArray[np.float64]:
        """How far the strongest row of the mains stands out from the rows on both sides, (n,), in levels."""
        line = self._quiet(levels, self._rows(LINE) & held)
        if not line.shape[1]:
            return np.full(len(levels), -np.inf)
        sides = [self._quiet(levels, self._rows(band) & held) for band in (BELOW_LINE, ABOVE_LINE)]
        return np.asarray(line.max(axis=1) - np.max([side.mean(axis=1) for side in sides if side.shape[1]], axis=0))

    @staticmethod
    def _quiet(levels: NDArray[np.float64], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The level of some rows at quiet times, (n, rows)."""
        return np.asarray(np.percentile(levels[:, rows], QUIET_PERCENTILE, axis=2))

    def _swelling(self, levels: NDArray[np.float64], held: NDArray[np.bool_]) -> NDArray[np.float64]:
        """How much the strength of what is fast differs over time, (n,), in levels."""
        fast = levels[:, self._rows(FAST) & held].mean(axis=1)
        return np.asarray(fast.reshape(len(fast), STRENGTH_SPANS, -1).mean(axis=2).std(axis=1))

    def _sum(self, error: NDArray[np.float64], band: tuple[float, float]) -> NDArray[np.float64]:
        return np.asarray(error[:, self._rows(band)].sum(axis=(1, 2)))

    def _rows(self, band: tuple[float, float]) -> NDArray[np.bool_]:
        return np.asarray((self._frequencies >= band[0]) & (self._frequencies < band[1]))


def loudest_share(error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of an error, (n, rows, columns), in the loudest 4 of 64 spans, (n,); 0 without any error."""
    spans = np.sort(error.sum(axis=1).reshape(len(error), SPANS, -1).sum(axis=2), axis=1)
    total = spans.sum(axis=1)
    return np.asarray(spans[:, -LOUDEST_SPANS:].sum(axis=1) / np.where(total > 0, total, 1.0))
