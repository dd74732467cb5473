"""Clean leads with noise of known kind and strength: images, and the levels that are to be read off them.

A clean lead has noise of its own, so what is known of a level is an interval: at least what was added, at most that and
what the lead may have had before. :class:`CleanLeads` holds that upper estimate. Where nothing is known the interval is
wide, and nothing is learnt; leads of all qualities can be used so, and the finest noise is learnt from the quietest.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfiltfilt

from ecgnoise.noise_levels import BASELINE_WANDER, ELECTRODE, KINDS, SPANS
from ecgnoise.scalogram.profile import DEFAULT, SEGMENT_SECONDS, level_images, qrs_level, valid_rows
from ecgnoise.scalogram.superlet import Superlet, superlet
from ecgnoise.scalogram.traces import hann_weights, traces
from ecgnoise.training.levels.noises import FREQUENCY, SAMPLES, Noises, between

Array = NDArray[np.float64]

DRIFT_BELOW: Final = 0.5  # Hz
FAST_ABOVE: Final = 40.0  # Hz
QUIET_SHARE: Final = 0.25  # of the windows of a lead: in these there is no QRS complex
BATCH: Final = 24

SNR_RANGE: Final = (-20.0, 36.0)
LOWEST_DB: Final = -45.0  # of a noise, over the ECG
ECG_UNSEEN_DB: Final = -30.0  # of the ECG, over the reference: below, it cannot be seen
READING_BAND: Final = (0.67, 40.0)  # Hz
UNKNOWN: Final = 99.0  # dB

SAMPLING_FREQUENCIES: Final = (500, 500, 500, 500, 1000, 360, 300, 250, 250, 200, 128, 100)
SLOW: Final = KINDS.index(BASELINE_WANDER)
MOTION: Final = KINDS.index(ELECTRODE)
FAST: Final = tuple(KINDS.index(kind) for kind in ("muscle", "mains", "broadband"))


@dataclass(frozen=True)
class CleanLeads:
    """Clean leads of 10 s at 500 Hz.

    signal: (n, samples) float32 in mV. drift: what of it lies below 0.5 Hz, the same shape. fast: how much power above
    40 Hz the quietest of each lead has, (n,), in mV^2: an upper estimate of each fast kind of noise in it. weight: how
    often each is drawn, (n,), sum 1.
    """

    signal: NDArray[np.float32]
    drift: NDArray[np.float32]
    fast: Array
    weight: Array

    @classmethod
    def of(cls, signal: NDArray[np.float32], weight: Array, fast: Array | None = None) -> "CleanLeads":
        """Leads with what is measured of them; fast: where it is known already."""
        drift = np.concatenate([drift_of(part) for part in np.array_split(signal, max(1, len(signal) // 500))])
        return cls(signal, drift, fast_power(signal - drift) if fast is None else fast, weight / weight.sum())

    def only(self, chosen: NDArray[np.bool_]) -> "CleanLeads":
        """The leads that are chosen, (n,)."""
        weight = self.weight[chosen]
        return CleanLeads(self.signal[chosen], self.drift[chosen], self.fast[chosen], weight / weight.sum())


def drift_of(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a zero-phase high-pass of 0.5 Hz takes away, (n, samples)."""
    sections = butter(2, DRIFT_BELOW, "highpass", fs=FREQUENCY, output="sos")
    padded = np.pad(signal.astype(np.float64), ((0, 0), (1000, 1000)), mode="reflect")
    kept = sosfiltfilt(sections, padded, axis=1)[:, 1000:-1000]
    return np.asarray(signal - kept, np.float32)


def fast_power(signal: NDArray[np.float32]) -> Array:
    """Power above 40 Hz in the quietest windows of each lead, in mV^2, (n,)."""
    sections = butter(4, FAST_ABOVE, "highpass", fs=FREQUENCY, output="sos")
    power = np.concatenate(
        [
            np.square(sosfiltfilt(sections, part, axis=1)).reshape(len(part), -1, 50).mean(axis=2)
            for part in np.array_split(signal, max(1, len(signal) // 500))
        ]
    )
    return np.asarray(np.quantile(power, QUIET_SHARE, axis=1))


class Mixtures(NamedTuple):
    """Images of noisy leads, and what is known of them; levels in dB.

    images: (n, rows, columns) uint8. traces: (n, 3, columns). highest: valid rows, counted from the lowest,
    (n,). reference: (n,) in
    log10 mV^2. spans: (n, 2, KINDS + 1, SPANS): lower and upper end of what the noise of a kind has over the reference,
    and last, of what all noise has in the band in which an ECG is read. noise: (n, 2, KINDS + 1), of the whole lead.
    ecg: (n, 2), of the ECG. snr: (n, 2).
    """

    images: NDArray[np.uint8]
    traces: NDArray[np.float16]
    highest: NDArray[np.int16]
    reference: NDArray[np.float32]
    spans: NDArray[np.float16]
    noise: NDArray[np.float16]
    ecg: NDArray[np.float16]
    snr: NDArray[np.float16]


class Mixture(NamedTuple):
    """A noisy lead.

    signal, ecg: (samples,). noises: (KINDS, samples). snr: lower and upper end of what is known of it, in dB. own: the
    power that each kind of noise may have had in the lead before, (KINDS,).
    """

    signal: Array
    ecg: Array
    noises: Array
    snr: tuple[float, float]
    own: Array


class Mixer:
    """Draws noisy leads.

    leads: clean ones. noises: where noise comes from.
    """

    def __init__(self, leads: CleanLeads, noises: Noises) -> None:
        self._leads = leads
        self._noises = noises
        self._transforms: dict[int, Superlet] = {}

    def mixtures(self, batches: int, generator: np.random.Generator) -> Mixtures:
        """Images of so many batches of noisy leads, each batch of one sampling frequency."""
        drawn = [self._batch(generator) for _ in range(batches)]
        return Mixtures(*(np.concatenate([batch[place] for batch in drawn]) for place in range(len(Mixtures._fields))))

    def _batch(self, generator: np.random.Generator) -> Mixtures:
        frequency = int(generator.choice(SAMPLING_FREQUENCIES))
        leads = generator.choice(len(self._leads.weight), BATCH, p=self._leads.weight)
        mixed = [self._mix(int(lead), frequency, generator) for lead in leads]
        transform = self._transforms.setdefault(frequency, superlet(DEFAULT, frequency))
        signal = np.array([one.signal for one in mixed], np.float32)
        levels = np.asarray(transform(signal))
        reference = np.asarray(qrs_level(levels, DEFAULT))
        images = np.asarray(level_images(levels, reference, DEFAULT))
        valid = valid_rows(DEFAULT, frequency)
        images[:, ~valid] = images[:, valid][:, :1]
        targets = [targets_of(one, 10.0 * float(reference[row])) for row, one in enumerate(mixed)]
        spans, noise, ecg = (np.array([each[part] for each in targets], np.float16) for part in range(3))
        snr = np.array([one.snr for one in mixed], np.float16)
        highest = np.full(BATCH, valid.sum(), np.int16)
        return Mixtures(
            images=np.round(images).astype(np.uint8),
            traces=traces(signal, reference).astype(np.float16),
            highest=highest,
            reference=reference.astype(np.float32),
            spans=spans,
            noise=noise,
            ecg=ecg,
            snr=snr,
        )

    def _mix(self, lead: int, frequency: int, generator: np.random.Generator) -> Mixture:
        """One lead with noise."""
        base, drift = self._clean(lead, generator)
        power = float(base.var())
        noises = self._drawn(power, generator)
        without = not noises.any()
        fast = float(self._leads.fast[lead])
        gain, absent = 1.0, generator.random()
        if absent < ABSENT_SHARE:
            gain = 0.0 if absent < 0.05 else 10 ** (-generator.uniform(20, 50) / 20)
            noises = self._some(power, 0.0, generator) if without else noises
            noises *= between(generator, 0.05, 20.0) / max(1e-9, float(noises.sum(axis=0).std()))
            without = False
        stack = np.concatenate([gain * np.stack([base, drift]), noises])
        stack = banded(stack, generator)
        stack = resampled(stack, frequency)
        base, drift, noises = stack[0], stack[1], stack[2:]
        own = np.zeros(len(KINDS))
        own[list(FAST)] = gain**2 * fast
        signal = base + noises.sum(axis=0)
        if not without and generator.random() < RAILED_SHARE:
            railed = rails(signal, generator)
            noises[MOTION] += railed - signal
            signal = railed
        snr = snr_of(base, noises)
        noises[SLOW] += drift
        ecg = base - drift
        if without:
            own_snr = 10 * np.log10(max(base.var(), 1e-12) / max(gain**2 * 3 * fast, 1e-12))
            return Mixture(signal, ecg, noises, (min(own_snr, SNR_RANGE[1]), SNR_RANGE[1]), own)
        snr = float(np.clip(snr, *SNR_RANGE))
        return Mixture(signal, ecg, noises, (snr, snr), own)

    def _clean(self, lead: int, generator: np.random.Generator) -> tuple[Array, Array]:
        """A clean lead, and what of it is drift, (samples,) each.

        The drift is its own or that of another lead: else a network learns by heart how much each lead wanders.
        """
        drift = self._leads.drift[lead].astype(np.float64)
        ecg = self._leads.signal[lead] - drift
        if generator.random() < DRIFT_FREE_SHARE:
            drift = np.zeros_like(drift)
        elif generator.random() < OTHER_DRIFT_SHARE:
            drift = drift_of_another(self._leads, ecg.std(), generator)
        ecg = ecg * (-1.0 if generator.random() < FLIPPED_SHARE else 1.0)
        drift = drift - drift.mean()
        return ecg - ecg.mean() + drift, drift

    def _drawn(self, power: float, generator: np.random.Generator) -> Array:
        """Noise of one to three kinds, (KINDS, samples), for a lead of this power; now and then none."""
        low, high = DRAWN_SNR[int(generator.choice(len(DRAWN_SNR), p=SNR_SHARES))]
        if np.isinf(low):
            return np.zeros((len(KINDS), SAMPLES))
        return self._some(power, generator.uniform(low, high), generator)

    def _some(self, power: float, snr: float, generator: np.random.Generator) -> Array:
        noises = np.zeros((len(KINDS), SAMPLES))
        for number in range(int(generator.choice([1, 2, 3], p=[0.78, 0.16, 0.06]))):
            kind = int(generator.choice(len(KINDS), p=KIND_SHARES))
            drawn = self._noises.draw(KINDS[kind], generator)
            if drawn is not None:
                noises[kind] += drawn * (1.0 if number == 0 else 10 ** (-generator.uniform(0, 25) / 20))
        total = noises.sum(axis=0)
        return np.asarray(noises * np.sqrt(power / max(total.var(), 1e-12) / 10 ** (snr / 10)))


KIND_SHARES: Final = (0.19, 0.27, 0.17, 0.11, 0.12, 0.14)
# SNR before filters in dB, and how often each range is drawn; the last is no noise at all.
DRAWN_SNR: Final = ((-24.0, -12.0), (-12.0, 30.0), (30.0, 38.0), (np.inf, np.inf))
SNR_SHARES: Final = (0.08, 0.72, 0.16, 0.04)
ABSENT_SHARE: Final = 0.09  # of mixtures that have no ECG, or one far below the noise
RAILED_SHARE: Final = 0.05
DRIFT_FREE_SHARE: Final = 0.5
OTHER_DRIFT_SHARE: Final = 0.75  # of leads that drift
FLIPPED_SHARE: Final = 0.3


def drift_of_another(leads: CleanLeads, height: float, generator: np.random.Generator) -> Array:
    """The drift of a lead that is drawn, (samples,), at times backwards or upside down.

    It is as strong over an ECG of this standard deviation as over that of its own lead.
    """
    lead = int(generator.choice(len(leads.weight), p=leads.weight))
    drift = leads.drift[lead].astype(np.float64)
    drift *= height / max(float((leads.signal[lead] - drift).std()), 1e-9)
    drift *= generator.choice([-1.0, 1.0])
    return np.asarray(drift[:: int(generator.choice([-1, 1]))])


def snr_of(base: Array, noises: Array) -> float:
    """SNR in dB of variances."""
    return float(10 * np.log10(max(base.var(), 1e-12) / max(noises.sum(axis=0).var(), 1e-12)))


def banded(stack: Array, generator: np.random.Generator) -> Array:
    """All signals, (signals, samples), as a device of a drawn band gives them; three of ten are filtered."""
    if generator.random() >= 0.3:
        return stack
    spectrum = np.fft.rfft(stack, axis=1)
    frequencies = np.fft.rfftfreq(stack.shape[1], 1 / FREQUENCY)
    if generator.random() < 0.8:
        order = generator.integers(1, 5)
        spectrum /= np.sqrt(1 + (frequencies / between(generator, 30.0, 150.0)) ** (2 * order))
    if generator.random() < 0.6:
        order = generator.integers(1, 3)
        safe = np.maximum(frequencies, 1e-3)
        spectrum /= np.sqrt(1 + (between(generator, 0.05, 0.7) / safe) ** (2 * order))
    return np.asarray(np.fft.irfft(spectrum, stack.shape[1], axis=1))


def resampled(stack: Array, frequency: int) -> Array:
    """Signals at another sampling frequency, (signals, samples)."""
    if frequency == FREQUENCY:
        return stack
    divisor = int(np.gcd(frequency, int(FREQUENCY)))
    return np.asarray(resample_poly(stack, frequency // divisor, int(FREQUENCY) // divisor, axis=1, padtype="line"))


def rails(signal: Array, generator: np.random.Generator) -> Array:
    """The signal between rails, hard or with a little noise on them, at one or both ends."""
    centred = signal - np.median(signal)
    limit = max(float(np.quantile(np.abs(centred), generator.uniform(0.5, 0.97))), 1e-6)
    low = -limit if generator.random() < 0.7 else -np.inf
    high = limit if low < 0 and np.isfinite(low) and generator.random() < 0.8 else np.inf
    if not np.isfinite(low):
        high = limit
    soft = generator.choice([0.0, 0.005, 0.02]) * limit
    clipped = np.clip(centred, low, high)
    outside = clipped != centred
    return np.asarray(clipped + np.median(signal) + soft * outside * generator.standard_normal(len(signal)))


def as_read(signal: Array, frequency: float) -> Array:
    """The signal between 0.67 and 40 Hz, (samples,), as an ECG is filtered for reading."""
    frequencies = np.fft.rfftfreq(len(signal), 1 / frequency)
    low, high = READING_BAND
    gain = 1 / ((1 + (low / np.maximum(frequencies, 1e-3)) ** 4) * (1 + (frequencies / high) ** 8))
    return np.asarray(np.fft.irfft(np.fft.rfft(signal) * gain, len(signal)))


def targets_of(mixture: Mixture, reference: float) -> tuple[Array, Array, Array]:
    """What is known of a mixture; levels in dB over the reference: of spans, of the lead, of the ECG.

    In spans noise counts from its median, so that beside an excursion, which moves the mean, there is none.
    """
    ecg = 10 * np.log10(max(mixture.ecg.var(), 1e-12))
    floor = 10 ** ((max(ecg, reference + ECG_UNSEEN_DB) + LOWEST_DB) / 10)
    together = as_read(mixture.noises.sum(axis=0), mixture.signal.size / SEGMENT_SECONDS)
    noises = np.concatenate([mixture.noises, together[None]])
    own = np.append(mixture.own, mixture.own.max())
    spans = np.square(noises - np.median(noises, axis=1, keepdims=True)) @ SMOOTHED[mixture.signal.size]
    whole = np.square(noises).mean(axis=1)
    ends = [
        10 * np.log10(np.maximum(np.stack([known, known + most], axis=0), floor)) - reference
        for known, most in ((spans, own[:, None]), (whole, own))
    ]
    relative = ecg - reference
    seen = (relative, relative) if relative > ECG_UNSEEN_DB else (-UNKNOWN, ECG_UNSEEN_DB)
    return ends[0], ends[1], np.array(seen)


SMOOTHED: Final = {10 * frequency: hann_weights(SPANS, 10 * frequency).T for frequency in set(SAMPLING_FREQUENCIES)}
