"""Superlet transform of lead-segments, for NumPy and torch arrays from one source.

A superlet is the geometric mean of the magnitudes of several Morlet wavelets of 1 .. order cycles at the same frequency
(Moca, Barzan, Nagy-Dabacan, Muresan, Nature Communications 12, 337, 2021). A wavelet of c cycles at f Hz has the
standard deviation c / (5 f) seconds, and so 5 f / (2 pi c) Hz.

Two ways to the same quantity, one for each profile:

:class:`DirectSuperlet`
    what the published program computes: wavelets cut at one second on either side, zero padding, the level at every
    sample, then linear interpolation to the columns. Here only the samples beside the columns are worked out.
:class:`FoldedSuperlet`
    whole Gaussian wavelets, reflection at the edges, the level at the middle of each column and nowhere else. A
    wavelet is a short Gaussian in frequency; the segment's spectrum times that Gaussian, folded modulo the number of
    output columns, is the spectrum of the transform sampled at the columns, so one short inverse transform a wavelet
    is enough, at any sampling rate.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from math import log
from typing import Any, Final, Protocol

import numpy as np
from array_api_compat import array_namespace, device, is_numpy_namespace
from numpy.typing import NDArray

from ecgnoise.scalogram.profile import COLUMNS, SEGMENT_SECONDS, ArrayT, Profile

SMALLEST_POWER: Final = 1e-30
SMALLEST_FOLDED_POWER: Final = (
    1e-18  # of the largest sample's; far below what float32 resolves, and its square is normal
)

SMALLEST_ENVELOPE: Final = 1e-9
BLOCK_SAMPLES: Final = 1 << 16
POWERS_TOGETHER: Final = 4
SMALLEST_FILLED: Final = 0.8

PAD_COLUMNS: Final = 32
FOLDED_COLUMNS: Final = COLUMNS + 2 * PAD_COLUMNS
HIGHEST_FREQUENCY: Final = 200.0
SUPPORT: Final = 4.0


class Superlet(Protocol):
    """Turns lead-segments at one sampling frequency into levels."""

    def __call__(self, segments: ArrayT) -> ArrayT:
        """Levels (n, frequencies, columns) in log10 mV^2, lowest frequency first, of segments (n, samples) in mV."""


def superlet(profile: Profile, sampling_frequency: float) -> Superlet:
    """The transform of a profile for segments of 10 s at this sampling frequency in Hz."""
    return TRANSFORMS[profile.transform](profile, sampling_frequency)


def segment_samples(sampling_frequency: float) -> int:
    """Number of samples of a 10-s segment."""
    return round(SEGMENT_SECONDS * sampling_frequency)


@dataclass(frozen=True)
class _Wavelets:
    """Wavelets of frequencies side by side that reach about as far, from their middle on.

    even, odd: real and imaginary parts, each (wavelets, taps), 0 beyond a wavelet's end. orders: how many of them each
    frequency has.
    """

    even: NDArray[np.float64]
    odd: NDArray[np.float64]
    orders: tuple[int, ...]


class DirectSuperlet:
    """The published transform, to the number (Han et al., arXiv 2506.11815).

    The response is worked out only at the two samples beside the middle of each column. A wavelet is even in its real
    part and odd in its imaginary part, so sums and differences of samples at equal distance halve the work.

    Departures: double precision, and wavelets end where their widest envelope falls below a billionth.
    """

    def __init__(self, profile: Profile, sampling_frequency: float) -> None:
        self.samples = segment_samples(sampling_frequency)
        self._taps = round(2 * sampling_frequency)
        halves = [
            self._halves(frequency, order, sampling_frequency)
            for frequency, order in zip(profile.frequencies, profile.orders, strict=True)
        ]
        self._wavelets = [_together(run) for run in _runs(halves)]
        self._reach = max(half.shape[1] for half in halves)
        position = np.clip((np.arange(COLUMNS) + 0.5) * self.samples / COLUMNS - 0.5, 0.0, self.samples - 1)
        left = np.floor(position).astype(np.int64)
        self._positions = np.concatenate([left, np.minimum(left + 1, self.samples - 1)])
        self._weight = position - left

    def _halves(self, frequency: float, order: int, sampling_frequency: float) -> NDArray[np.complex128]:
        """The wavelets of 1 .. order cycles from their middle on, (order, taps).

        They are scaled by the sum of their envelopes over one second on either side.
        """
        time = np.linspace(-1.0, 1.0, self._taps)
        width = np.arange(1, order + 1) / (5.0 * frequency)
        envelope = np.exp(-(time[:, None] ** 2) / (2.0 * width**2))
        wavelets = envelope * np.exp(2j * np.pi * frequency * time)[:, None] / envelope.sum(axis=0)
        middle = self._taps // 2
        if self._taps % 2:
            wavelets[middle] /= 2.0
        reach = width[-1] * np.sqrt(-2.0 * np.log(SMALLEST_ENVELOPE)) * sampling_frequency
        return np.asarray(wavelets[middle : middle + 1 + int(reach)].T)

    def __call__(self, segments: ArrayT) -> ArrayT:
        """Levels (n, frequencies, columns) of segments (n, samples) in mV."""
        xp = array_namespace(segments)
        where = device(segments)
        tables = [
            (xp.asarray(wavelets.even, device=where), xp.asarray(wavelets.odd, device=where), wavelets.orders)
            for wavelets in self._wavelets
        ]
        weight = xp.asarray(self._weight, device=where)
        padding = xp.zeros((self._reach,), dtype=xp.float64, device=where)
        levels = []
        for row in range(segments.shape[0]):
            padded = xp.concat([padding, xp.astype(segments[row, :], xp.float64), padding])
            level = xp.concat([self._levels(padded, block, tables) for block in self._blocks()], axis=1)
            levels.append(level[:, :COLUMNS] * (1.0 - weight) + level[:, COLUMNS:] * weight)
        return xp.astype(xp.stack(levels), xp.float32)

    def _blocks(self) -> list[NDArray[np.int64]]:
        """The positions, so many at once as fit into the processor's cache."""
        size = max(1, BLOCK_SAMPLES // self._reach)
        return [self._positions[first : first + size] for first in range(0, 2 * COLUMNS, size)]

    def _levels(self, padded: ArrayT, positions: NDArray[np.int64], tables: list[Any]) -> ArrayT:
        """Level of each frequency at some samples of one lead, (frequencies, positions); tables: of all wavelets."""
        xp = array_namespace(padded)
        where = device(padded)
        before = self._reach + (self._taps - 1) // 2 - self._taps // 2 + positions[:, None]
        distance = np.arange(self._reach)[None]
        earlier = padded[xp.asarray(before - distance, device=where)]
        later = padded[xp.asarray(self._reach + positions[:, None] + distance, device=where)]
        sums, differences = earlier + later, earlier - later
        rows = []
        for even, odd, orders in tables:
            reach = even.shape[1]
            real, imaginary = even @ sums[:, :reach].T, odd @ differences[:, :reach].T
            powers = 2.0 * (real**2 + imaginary**2) + SMALLEST_POWER
            ends = np.cumsum(orders).tolist()
            rows += [_mean_logarithm(powers[end - order : end]) for order, end in zip(orders, ends, strict=True)]
        return xp.stack(rows)


def _runs(halves: Sequence[NDArray[np.complex128]]) -> Iterator[list[NDArray[np.complex128]]]:
    """Wavelets of frequencies side by side, (order, taps) each, in runs whose shortest has most taps of the longest."""
    run: list[NDArray[np.complex128]] = []
    for half in halves:
        taps = [other.shape[1] for other in (*run, half)]
        if min(taps) < SMALLEST_FILLED * max(taps):
            yield run
            run = []
        run.append(half)
    yield run


def _together(run: Sequence[NDArray[np.complex128]]) -> _Wavelets:
    """The wavelets of some frequencies, (order, taps) each, in one matrix."""
    longest = max(half.shape[1] for half in run)
    every = np.concatenate([np.pad(half, ((0, 0), (0, longest - half.shape[1]))) for half in run])
    return _Wavelets(np.ascontiguousarray(every.real), np.ascontiguousarray(every.imag), tuple(map(len, run)))


def _mean_logarithm(powers: ArrayT) -> ArrayT:
    """Mean of log10 over axis 0 of powers (order, positions), four at once: double precision holds their product."""
    xp = array_namespace(powers)
    count = -(-powers.shape[0] // POWERS_TOGETHER)
    products = powers[:count]
    for first in range(count, powers.shape[0], count):
        more = powers[first : first + count]
        products[: more.shape[0]] *= more
    return xp.sum(xp.log10(products), axis=0) / powers.shape[0]


@dataclass(frozen=True)
class _Band:
    """The wavelets of one frequency, and where each of them lies among those of all frequencies.

    first: number of the first bin of their support. gaussians: (wavelets, twice the bins), over the bins from ``first``
    on, each value twice, for the real and the imaginary part; with zeros beyond the support, up to a whole number of
    folds. folds: so many times the columns. places: of the first of each pair, the second of each, and what is left.
    """

    first: int
    gaussians: NDArray[np.float32]
    folds: int
    places: tuple[slice, ...]


class FoldedSuperlet:
    """Superlets at the columns only, from one spectrum a segment (profile ``default``).

    Nothing above 200 Hz or half the sampling frequency is used, so that the levels depend on the signal and not on
    its sampling rate.

    All wavelets are transformed back at once. Two of a frequency at a time, their powers are multiplied before the
    logarithm is taken, so there are three groups of wavelets in turn: the first of each pair, those without another,
    the second of each pair.
    """

    def __init__(self, profile: Profile, sampling_frequency: float) -> None:
        self.samples = segment_samples(sampling_frequency)
        padding = round(2 * self.samples * PAD_COLUMNS / COLUMNS)
        self._before, self._after = padding // 2, padding - padding // 2
        self._length = self.samples + padding
        spacing = sampling_frequency / self._length
        highest = min(self._length // 2, int(HIGHEST_FREQUENCY / spacing))
        supports = [
            _support(frequency, order, spacing, highest)
            for frequency, order in zip(profile.frequencies, profile.orders, strict=True)
        ]
        self.shape = self._length, [gaussians.shape for _, gaussians in supports]
        pairs = sum(order // 2 for order in profile.orders)
        self._pairs, self._wavelets = pairs, sum(profile.orders)
        self._bands = _placed(supports, pairs, self._wavelets)
        self._runs = [(order, len(list(run))) for order, run in groupby(profile.orders)]
        first_column = self._before + 0.5 * self.samples / COLUMNS - 0.5
        turns = np.arange(highest + 1) * first_column / self._length
        self._phase = (2.0 / self._length * np.exp(2j * np.pi * turns)).astype(np.complex64)

    def __call__(self, segments: ArrayT) -> ArrayT:
        """Levels (n, frequencies, columns) of segments (n, samples); the mean of each segment is taken out."""
        xp = array_namespace(segments)
        centred = xp.astype(segments, xp.float32)
        centred = centred - xp.mean(centred, axis=-1, keepdims=True)
        scale = xp.maximum(xp.max(xp.abs(centred), axis=-1, keepdims=True), xp.asarray(1e-30, dtype=xp.float32))
        spectrum = xp.fft.rfft(self._reflect(centred / scale), axis=-1)[:, : len(self._phase)]
        spectrum = spectrum * xp.asarray(self._phase, device=device(segments))
        responses = _inverse_transform(xp)(self._folded(spectrum), axis=-1, norm="forward")[..., :COLUMNS]
        powers = xp.real(responses) ** 2
        powers += xp.imag(responses) ** 2
        powers += SMALLEST_FOLDED_POWER
        powers[:, : self._pairs] *= powers[:, -self._pairs :] if self._pairs else 1.0
        logarithms = xp.log(powers[:, : self._wavelets - self._pairs])
        return self._means(logarithms) + 2.0 * xp.log10(scale)[:, :, None]

    def _reflect(self, segments: ArrayT) -> ArrayT:
        """The segments with reflected ends."""
        xp = array_namespace(segments)
        before = xp.flip(segments[:, 1 : self._before + 1], axis=-1)
        after = xp.flip(segments[:, -self._after - 1 : -1], axis=-1)
        return xp.concat([before, segments, after], axis=-1)

    def _folded(self, spectrum: ArrayT) -> ArrayT:
        """The spectrum times each wavelet's Gaussian, modulo the columns: (n, wavelets, ``FOLDED_COLUMNS``), complex.

        Real and imaginary parts lie side by side, so that a product with a Gaussian is one of real numbers.
        """
        xp = array_namespace(spectrum)
        where, count = device(spectrum), spectrum.shape[0]
        parts = xp.reshape(xp.stack([xp.real(spectrum), xp.imag(spectrum)], axis=-1), (count, -1))
        beyond = xp.zeros((count, 2 * FOLDED_COLUMNS), dtype=xp.float32, device=where)
        parts = xp.concat([parts, beyond], axis=-1)
        folded = xp.zeros((count, self._wavelets, 2 * FOLDED_COLUMNS), dtype=xp.float32, device=where)
        for band in self._bands:
            gaussians = xp.asarray(band.gaussians, device=where)
            products = parts[:, None, 2 * band.first : 2 * band.first + gaussians.shape[1]] * gaussians
            if band.folds > 1:
                products = xp.sum(xp.reshape(products, (*products.shape[:2], band.folds, -1)), axis=2)
            first = 0
            for place in band.places:
                last = first + place.stop - place.start
                folded[:, place, : products.shape[2]] = products[:, first:last]
                first = last
        return folded.view(xp.complex64)

    def _means(self, logarithms: ArrayT) -> ArrayT:
        """Mean log10 of each frequency's powers, (n, frequencies, columns), of natural logarithms, pairs first.

        Sums, not a matrix product: libraries for those start threads, which are in the way where several batches are
        under way at once.
        """
        xp = array_namespace(logarithms)
        pair, single, means = 0, self._pairs, []
        for order, count in self._runs:
            pairs, alone = divmod(order, 2)
            total = logarithms[:, single : single + count * alone]
            if pairs:
                of_pairs = logarithms[:, pair : pair + count * pairs]
                sums = xp.sum(xp.reshape(of_pairs, (-1, count, pairs, COLUMNS)), axis=2)
                total = sums + total if alone else sums
            means.append(total * (1.0 / (log(10.0) * order)))
            pair, single = pair + count * pairs, single + count * alone
        return xp.concat(means, axis=1)


def _support(frequency: float, order: int, spacing: float, highest: int) -> tuple[int, NDArray[np.float32]]:
    """Gaussians of the wavelets of 1 .. order cycles, cut at four standard deviations of the widest: first bin, values.

    spacing: of the bins, in Hz. highest: the last bin that is used.
    """
    deviation = 5.0 * frequency / (2 * np.pi * np.arange(1, order + 1))[:, None]
    first = max(0, int((frequency - SUPPORT * deviation[0, 0]) / spacing))
    last = min(highest, int(np.ceil((frequency + SUPPORT * deviation[0, 0]) / spacing)))
    first = min(first, last)
    bins = np.arange(first, last + 1) * spacing
    return first, np.exp(-0.5 * ((bins - frequency) / deviation) ** 2).astype(np.float32)


def _placed(supports: Sequence[tuple[int, NDArray[np.float32]]], pairs: int, wavelets: int) -> list[_Band]:
    """The bands of all frequencies, whose first bins and Gaussians are given; pairs, wavelets: how many there are."""
    bands: list[_Band] = []
    pair, single = 0, pairs
    for first, gaussians in supports:
        count, alone = divmod(len(gaussians), 2)
        ends = wavelets - pairs + pair
        places = (slice(pair, pair + count), slice(ends, ends + count), slice(single, single + alone))
        folds = -(-gaussians.shape[1] // FOLDED_COLUMNS)
        lacking = folds * FOLDED_COLUMNS - gaussians.shape[1] if folds > 1 else 0
        doubled = np.repeat(np.pad(gaussians, ((0, 0), (0, lacking))), 2, axis=1)
        bands.append(_Band(first, doubled, folds, places))
        pair, single = pair + count, single + alone
    return bands


def _inverse_transform(xp: Any) -> Callable[..., Any]:
    """The inverse Fourier transform of a namespace; for NumPy arrays SciPy's, which is more than twice as fast."""
    if not is_numpy_namespace(xp):
        return xp.fft.ifft
    from scipy import fft

    return partial(fft.ifft, overwrite_x=True)


TRANSFORMS: Final[Mapping[str, Callable[[Profile, float], Superlet]]] = {
    "direct": DirectSuperlet,
    "folded": FoldedSuperlet,
}
