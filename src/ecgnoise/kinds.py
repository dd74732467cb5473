"""What kind of noise a lead-segment has: told from where in time and frequency its error lies.

The error is the squared difference of image and redrawing, (rows, columns). What counts are shares of it, and how
levels of the image compare with each other, so that nothing depends on how strong the noise is. From these features a
multinomial linear classifier tells the kind. It was fitted on clean leads with recorded and simulated noise by
``python -m benchmarks.fit_kinds``, which writes ``kinds.json``; how often it is right is what
``python -m benchmarks.noise_kind`` measures.

A lead-segment with several kinds has one name, that of the most likely one. That of a clean one means little.
"""

import json
from importlib.resources import files
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.levels import BASELINE_WANDER, ELECTRODE, KINDS, SPIKE
from ecgnoise.profiles import Images, Profile

EDGES: Final = (0.0, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 28.0, 50.0, 90.0, np.inf)  # Hz; the upper end is not of a band
SLOW: Final = slice(0, 4)  # bands below 3 Hz
MIDDLE: Final = slice(4, 7)
FAST: Final = slice(7, 10)  # from 28 Hz on
LINE: Final = (47.0, 64.0)
BESIDE_LINE: Final = ((28.0, 38.0), (85.0, 110.0))
QUIET_PERCENTILE: Final = 20
LINE_RANGE: Final = (-1.0, 2.0)  # levels, that is powers of ten
SPANS: Final = 64  # of 10 s: 0.16 s each
LOUDEST_SPANS: Final = 4
STRENGTH_SPANS: Final = 32
FEATURES: Final = (
    *(f"share of the error from {low:g} to {high:g} Hz" for low, high in pairwise(EDGES)),
    "share of the error in its loudest spans",
    "the same of the slow error",
    "the same of the middle error",
    "the same of the fast error",
    "how the slow and the middle error go together in time",
    "how far the mains stand out",
    *(f"how the strength from {low:g} to {high:g} Hz differs over time" for low, high in pairwise(EDGES)),
    "how fast slow levels change",
    "how fast middle levels change",
)
DATA: Final = "kinds.json"


class KindTeller:
    """Tells the kind of noise in pictures of one profile; :data:`ecgnoise.levels.KINDS` are the words.

    A profile that is not relative has no kinds: its images hold too narrow a band.
    """

    def __init__(self, profile: Profile) -> None:
        self._frequencies = np.asarray(profile.frequencies)[::-1]
        low, high = profile.level_range
        self._levels_per_grey = (high - low) / 255.0
        self._able = profile.relative
        self._bands = np.array([self._rows(band) for band in pairwise(EDGES)], np.float64)
        fitted = json.loads(files("ecgnoise").joinpath(DATA).read_text(encoding="utf-8"))
        self._weights = np.array([fitted["weights"][kind] for kind in KINDS])
        self._offsets = np.array([fitted["offsets"][kind] for kind in KINDS])

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
        error = self._error(images, redrawn, held)
        there = error.any(axis=(1, 2))
        likely = self._features(error, images, held) @ self._weights.T + self._offsets
        kind = np.asarray(KINDS)[likely.argmax(axis=1)]
        return np.where(there, kind, ""), np.where(there, _share(kind, error), np.nan)

    def features(self, images: Images, redrawn: Images, held: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What the kind is told from, (n, features), named by :data:`FEATURES`. The arguments are those of ``tell``."""
        return self._features(self._error(images, redrawn, held), images, held)

    def _error(self, images: Images, redrawn: Images, held: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Share of the error in each band and span, (n, bands, spans); 0 where there is none."""
        error = (self._bands * held) @ _in_spans((images - redrawn) ** 2)
        total = error.sum(axis=(1, 2), keepdims=True)
        return np.asarray(error / np.where(total > 0, total, 1.0))

    def _features(self, error: NDArray[np.float64], images: Images, held: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The features of errors, (n, bands, spans), and images."""
        levels = _in_spans(images) * (self._levels_per_grey * SPANS / images.shape[2])
        slow, middle = (self._rows((EDGES[band.start], EDGES[band.stop])) for band in (SLOW, MIDDLE))
        parts = [error, error[:, SLOW], error[:, MIDDLE], error[:, FAST]]
        columns = [
            *(loudest_share(part) for part in parts),
            _together(error[:, SLOW].sum(axis=1), error[:, MIDDLE].sum(axis=1)),
            self._line(levels, held),
            _swelling(self._mean_levels(levels, held)),
            *(np.abs(np.diff(levels[:, rows & held], axis=2)).mean(axis=(1, 2)) for rows in (slow, middle)),
        ]
        return np.column_stack([error.sum(axis=2), *columns])

    def _line(self, levels: NDArray[np.float64], held: NDArray[np.bool_]) -> NDArray[np.float64]:
        """How far the strongest row of the mains stands out from the rows on both sides at quiet times, (n,)."""
        line = _quiet(levels[:, self._rows(LINE) & held])
        if not line.shape[1]:
            return np.full(len(levels), LINE_RANGE[0])
        sides = [_quiet(levels[:, self._rows(band) & held]) for band in BESIDE_LINE]
        beside = np.max([side.mean(axis=1) for side in sides if side.shape[1]], axis=0)
        return np.asarray(np.clip(line.max(axis=1) - beside, *LINE_RANGE))

    def _mean_levels(self, levels: NDArray[np.float64], held: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The mean level of the held rows of each band, (n, bands, spans), 0 where it has none."""
        chosen = self._bands * held
        return np.asarray((chosen / np.maximum(1.0, chosen.sum(axis=1, keepdims=True))) @ levels)

    def _rows(self, band: tuple[float, float]) -> NDArray[np.bool_]:
        return np.asarray((self._frequencies >= band[0]) & (self._frequencies < band[1]))


def _in_spans(pictures: Images) -> NDArray[np.float64]:
    """The sum of each span of pictures, (n, rows, spans)."""
    width = pictures.shape[2] // SPANS
    return np.asarray(np.sum([pictures[:, :, place::width] for place in range(width)], axis=0, dtype=np.float64))


def loudest_share(error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of an error, (n, bands, spans), in its loudest 4 spans, (n,); 0 without any error."""
    spans = np.sort(error.sum(axis=1), axis=1)
    total = spans.sum(axis=1)
    return np.asarray(spans[:, -LOUDEST_SPANS:].sum(axis=1) / np.where(total > 0, total, 1.0))


def _share(kind: NDArray[np.str_], error: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of the error that is of the kind."""
    slow, fast = error[:, SLOW].sum(axis=(1, 2)), error[:, FAST].sum(axis=(1, 2))
    shares = {BASELINE_WANDER: slow, ELECTRODE: 1.0 - fast, SPIKE: fast * loudest_share(error[:, FAST])}
    told = np.select([kind == name for name in shares], list(shares.values()), fast)
    return np.asarray(np.clip(told, 0.0, 1.0))


def _quiet(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The level of some rows at quiet times, (n, rows)."""
    return np.asarray(np.sort(levels, axis=2)[:, :, QUIET_PERCENTILE * SPANS // 100])


def _swelling(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much the strength of bands, (n, bands, spans), differs over time, (n, bands), in levels."""
    strength = levels.reshape(*levels.shape[:2], STRENGTH_SPANS, -1).mean(axis=3)
    return np.asarray(strength.std(axis=2))


def _together(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation over time of two errors, (n, spans), -1 to 1; 0 where one does not vary."""
    one, other = (error - error.mean(axis=1, keepdims=True) for error in (one, other))
    size = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.asarray((one * other).sum(axis=1) / np.where(size > 0, size, 1.0))
