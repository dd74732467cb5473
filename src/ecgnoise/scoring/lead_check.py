"""Whether the leads of a recording are what their names say, as far as the leads themselves can tell.

Of the six limb leads two say all (Einthoven 1912, Goldberger 1942): III = II - I, aVR = -(I + II) / 2,
aVL = I - II / 2, aVF = II - I / 2. Noise of the electrodes obeys these as well as the heart does. Where they do not
hold, but would if two names were exchanged or one lead turned over, and in no other such way, that is what it looks
like. Electrodes that were exchanged on the body obey all of them and cannot be told in this way.

Any two leads with the same samples, or the same turned over, are pointed out too. More than 24 leads are no ECG of one
person at one time, and are not looked at.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.recording import Recording
from ecgnoise.results.lead_remark import CONTRADICTORY, DUPLICATED, INVERTED, SWAPPED, LeadRemark
from ecgnoise.samples import Samples, Signal
from ecgnoise.scalogram.superlet import segment_samples

LIMB_LEADS: Final = ("I", "II", "III", "aVR", "aVL", "aVF")
DERIVED: Final = np.array([[-1.0, 1.0], [-0.5, -0.5], [1.0, -0.5], [-0.5, 1.0]])  # III, aVR, aVL, aVF of I and II
WINDOWS: Final = 3
FITS: Final = 0.1  # standard deviation of what an identity leaves over, relative to the lead
CONTRADICTS: Final = 0.2
CLEARLY_BETTER: Final = 2.0
SAME: Final = 0.01
MOST_COMPARED: Final = 24

Array = NDArray[np.float64]


class RememberedSamples:
    """Samples that remember what the check of leads looks at, while others read them.

    Parameters
    ----------
    samples : Samples
        Those of a recording.
    sampling_frequency : float
        In Hz.
    """

    def __init__(self, samples: Samples, sampling_frequency: float) -> None:
        self._samples = samples
        leads, count = samples.shape
        self._length = min(segment_samples(sampling_frequency), count)
        self._starts = sorted({round(share * (count - self._length)) for share in np.linspace(0, 1, WINDOWS)})
        kept = len(self._starts) if leads <= MOST_COMPARED else 0
        self._kept = np.empty((kept, leads, self._length), np.float32)
        self._there = np.zeros((kept, self._length), np.bool_)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of leads and of samples per lead."""
        return self._samples.shape

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads, (leads, stop - start)."""
        found = self._samples.window(start, stop)
        for kept, there, begin in zip(self._kept, self._there, self._starts, strict=False):
            first, last = max(start, begin), min(stop, begin + self._length)
            if first < last:
                kept[:, first - begin : last - begin] = found[:, first - start : last - start]
                there[first - begin : last - begin] = True
        return found

    def excerpt(self) -> Signal:
        """Windows of 10 s at the start, middle and end, one after the other; what nobody has read yet is read now."""
        whole = [bool(there.all()) for there in self._there] or [False] * len(self._starts)
        parts = [
            self._kept[number] if whole[number] else self._samples.window(begin, begin + self._length)
            for number, begin in enumerate(self._starts)
        ]
        return np.concatenate(parts, axis=1)


def check_leads(recording: Recording) -> tuple[LeadRemark, ...]:
    """What is odd about the leads of a recording; empty where nothing is, or nothing can be told.

    Looks at three windows of 10 s at its start, middle and end. A lead that does not vary in them has no remark.
    """
    if len(recording.lead_names) > MOST_COMPARED:
        return ()
    signal = _excerpt(recording)
    rows = [number for number, row in enumerate(signal) if row.size and np.ptp(row) > 0]
    varying = {recording.lead_names[number]: place for place, number in enumerate(rows)}
    products = np.einsum("it,jt->ij", signal[rows], signal[rows])  # `@` would start threads that get in the way
    duplicates = tuple(_duplicates(tuple(varying), products))
    known = {name.casefold(): name for name in varying}
    limbs = [known.get(name.casefold()) for name in LIMB_LEADS]
    if None in limbs or set(limbs) & {lead for remark in duplicates for lead in remark.leads}:
        return duplicates
    names = tuple(name for name in limbs if name is not None)
    places = [varying[name] for name in names]
    return duplicates + _check_limbs(names, products[np.ix_(places, places)])


def _excerpt(recording: Recording) -> Array:
    """Up to three windows of all leads end to end, each lead about its mean, without samples that any lead misses."""
    samples = recording.samples
    if not isinstance(samples, RememberedSamples):
        samples = RememberedSamples(samples, recording.sampling_frequency)
    signal = samples.excerpt().astype(np.float64)
    there = np.isfinite(signal)
    signal[~there.any(axis=1)] = 0.0
    signal = signal[:, np.isfinite(signal).all(axis=0)]
    return np.asarray(signal - signal.mean(axis=1, keepdims=True)) if signal.size else signal


def _duplicates(names: tuple[str, ...], products: Array) -> Iterator[LeadRemark]:
    """Pairs of leads that are the same, or the same turned over; products: of all leads with all, (leads, leads)."""
    power = np.diag(products)
    for one, other in combinations(range(len(names)), 2):
        left = power[one] + power[other] - 2.0 * abs(products[one, other])
        if left < SAME**2 * power[one]:
            yield LeadRemark((names[one], names[other]), DUPLICATED)


def _check_limbs(names: tuple[str, ...], products: Array) -> tuple[LeadRemark, ...]:
    """What is odd about the six limb leads, in the order of LIMB_LEADS; products: of all with all, (6, 6)."""
    now = _misfit(products, np.eye(len(names)))
    if now < CONTRADICTS:
        return ()
    found = sorted((_misfit(products, change), remark) for remark, change in _changes(names))
    (best, (what, leads)), (second, _) = found[:2]
    if best < FITS and second > CLEARLY_BETTER * best:
        return (LeadRemark(leads, what),)
    return (LeadRemark(names, CONTRADICTORY),)


def _changes(names: tuple[str, ...]) -> Iterator[tuple[tuple[str, tuple[str, ...]], Array]]:
    """What may have happened to the leads, and the matrix that undoes it: an exchange of two, or one turned over."""
    for one, other in combinations(range(len(names)), 2):
        order = np.arange(len(names))
        order[[one, other]] = other, one
        yield (SWAPPED, (names[one], names[other])), np.eye(len(names))[order]
    for lead, name in enumerate(names):
        yield (INVERTED, (name,)), np.diag(np.where(np.arange(len(names)) == lead, -1.0, 1.0))


def _misfit(products: Array, change: Array) -> float:
    """How badly the worst identity holds after a change, relative to its lead; from the leads' products, (6, 6)."""
    changed = change @ products @ change.T
    identities = np.concatenate([DERIVED, -np.eye(len(DERIVED))], axis=1)
    left = np.einsum("ij,jk,ik->i", identities, changed, identities)
    size = np.maximum(np.diag(changed)[2:], np.einsum("ij,jk,ik->i", DERIVED, changed[:2, :2], DERIVED))
    return float(np.sqrt(np.max(np.maximum(left, 0.0) / size)))
