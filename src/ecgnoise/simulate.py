"""A simulated clean ECG and the kinds of noise that can be added to it, both seeded.

A point runs on the unit circle, one turn a beat; passing the angle of a wave (P, Q, R, S, T) it is pushed up or down.
:func:`simulate_ecg` names the papers and what is different here. z is solved in closed form: the push is the time
derivative of g = sum of A exp(-dtheta^2 / 2 b^2), so that dz/dt = dg/dt - z is a first-order high-pass of g.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import LeadNameError, OptionError, UnknownSamplingFrequencyError
from ecgnoise.recording import Recording, as_lead_names, as_leads, check_sampling_frequency
from ecgnoise.samples import ArraySamples, Signal

Array = NDArray[np.float64]

STANDARD_LEADS: Final = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

# P, Q, R, S, T: angle and width in radians, table I of the paper.
ANGLES: Final = np.array([-1 / 3, -1 / 12, 0.0, 1 / 12, 1 / 2]) * np.pi
WIDTHS: Final = np.array([0.25, 0.1, 0.1, 0.1, 0.4])
# ECGSYN: exponents of the square root of (heart rate / 60) that move each angle.
ANGLE_EXPONENTS: Final = np.array([0.5, 1.0, 1.0, 1.0, 0.5])
# Dipole of each wave in mV on the axes x to the left arm, y to the feet, z to the back (Frank's axes).
DIPOLES: Final = np.array(
    [
        [0.06, 0.10, -0.01],  # P: left and down
        [-0.12, -0.05, -0.18],  # Q: septum, right and forward, the small r of V1
        [0.80, 0.80, 0.37],  # R: left, down and somewhat back
        [-0.15, -0.12, 0.25],  # S: base, up and back
        [0.22, 0.20, -0.12],  # T: left, down and forward
    ]
)
# Dower's lead vectors on the same axes; the limb leads but I and II follow from these two.
LEAD_VECTORS: Final = np.array(
    [
        [0.632, -0.235, 0.059],  # I
        [0.235, 1.066, -0.132],  # II
        [-0.515, 0.157, -0.917],  # V1
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)
# Standard leads out of I, II, V1 .. V6.
LIMB_WEIGHTS: Final = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0], [-0.5, -0.5], [1.0, -0.5], [-0.5, 1.0]])

RR_RATE: Final = 4.0  # samples a second of the tachogram
RR_SHORTEST: Final = 1024  # its shortest length, so that short recordings of one seed share their beats
RR_BANDS: Final = (
    (0.1, 0.01, 1 / 3),
    (0.25, 0.01, 2 / 3),
)  # centre and width in Hz, share of the power: LF, HF
WARM_UP: Final = 12.0  # seconds before the start, by which the high-pass has forgotten where it began
BLOCK: Final = 1 << 18
MAINS_HARMONICS: Final = (1.0, 0.1, 0.3, 0.05, 0.15)


class NoiseKind(StrEnum):
    """Kinds of simulated noise, each a member of an enumeration and equal to its name as a text.

    Attributes
    ----------
    BASELINE_WANDER : "baseline_wander"
        Breathing and sweating: Gaussian noise of 0.05 to 0.5 Hz.
    MUSCLE : "muscle"
        Gaussian noise from 20 Hz to 150 Hz, or to 0.45 times the sampling frequency where that is lower, which swells
        and fades within seconds.
    MAINS_50, MAINS_60 : "mains_50", "mains_60"
        Mains within 0.02 Hz of 50 or 60 Hz, with harmonics up to the fifth, whose strength drifts by about a tenth. The
        sampling frequency must exceed 100 or 120 Hz.
    ELECTRODE_STEPS : "electrode_steps"
        Jumps of the electrode potential, one in 5 s on average, which decay with a time constant of 3 s.
    MOTION_BURSTS : "motion_bursts"
        Bursts of 0.5 to 3 s, one in 8 s on average, of 0.5 to 10 Hz.
    WHITE : "white"
        White Gaussian noise.
    """

    BASELINE_WANDER = "baseline_wander"
    MUSCLE = "muscle"
    MAINS_50 = "mains_50"
    MAINS_60 = "mains_60"
    ELECTRODE_STEPS = "electrode_steps"
    MOTION_BURSTS = "motion_bursts"
    WHITE = "white"


def simulate_ecg(
    duration: float,
    sampling_frequency: float = 500.0,
    *,
    heart_rate: float = 60.0,
    heart_rate_std: float = 1.0,
    seed: int = 0,
    lead_names: Sequence[str] = STANDARD_LEADS,
) -> Recording:
    """Simulate a clean ECG.

    Parameters
    ----------
    duration : float
        In seconds, at least one sample.
    sampling_frequency : float, default 500.0
        In Hz, 100 to 100,000.
    heart_rate : float, default 60.0
        Mean heart rate in beats per minute, 20 to 250.
    heart_rate_std : float, default 1.0
        Standard deviation of the heart rate in beats per minute, 0 to a quarter of ``heart_rate``.
    seed : int, default 0
        Seed of the random numbers, 0 or more.
    lead_names : sequence of str, default all twelve
        Any of I, II, III, aVR, aVL, aVF and V1 to V6, each at most once, in any order.

    Returns
    -------
    Recording
        A signal of float32 in mV, shape (leads, duration x sampling_frequency), the second number rounded. The QRS
        complex is about 1 mV high in lead II.

    Raises
    ------
    SamplingFrequencyError
        If the sampling frequency is not one number or is out of range.
    OptionError
        If the duration, the heart rate, its standard deviation or the seed is out of range.
    LeadNameError
        If a lead is not one of the twelve or is repeated, or if no lead is named.

    Notes
    -----
    The ECG is the dynamical model of [1]_. The waves P, Q, R, S and T each have their own direction in space, as in
    [2]_, and the lead vectors of [3]_ project them onto the leads. The same seed gives the same beats at every sampling
    frequency. There are these departures from [1]_:

    * The attracting radius (the terms in alpha of equation 1) is left out: the point starts on the unit circle.
    * Each Gaussian of equation 1 is multiplied by omega / b^2, as in equation 3 of [2]_, so that the height of a wave
      in mV is a parameter and does not change with the heart rate. In [1]_ the finished signal is scaled.
    * z is solved in closed form, as a first-order high-pass, with the trapezoid rule.
    * The baseline z0 (equation 2, breathing) is zero: baseline wander is a kind of noise of :func:`add_noise`.
    * Angles and widths follow the mean heart rate as in ECGSYN, the program of the authors.

    References
    ----------
    .. [1] McSharry, Clifford, Tarassenko and Smith, IEEE Trans Biomed Eng 50(3):289-294, 2003.
    .. [2] Sameni, Clifford, Jutten and Shamsollahi, EURASIP J Adv Signal Process 2007:043407.
    .. [3] Dower, Machado and Osborne, Clin Cardiol 3:87-95, 1980.

    Examples
    --------
    >>> from ecgnoise import simulate_ecg
    >>> simulate_ecg(10, 250, heart_rate=72, lead_names=["I", "II"]).signal.shape
    (2, 2500)
    """
    sampling_frequency = check_sampling_frequency(sampling_frequency, "simulate_ecg")
    lead_names = as_lead_names(lead_names, "simulate_ecg")
    samples = check_duration(duration, sampling_frequency)
    weights = lead_weights(lead_names)
    beats = beat_times(duration, heart_rate=heart_rate, heart_rate_std=heart_rate_std, seed=seed)
    signal = _solve(beats, weights, samples, sampling_frequency, heart_rate)
    name = f"simulated ECG, seed {seed}"
    return Recording(ArraySamples(signal), sampling_frequency, lead_names, source=name)


def beat_times(duration: float, *, heart_rate: float = 60.0, heart_rate_std: float = 1.0, seed: int = 0) -> Array:
    """Times of the R waves in seconds, increasing, from before the start of the recording to behind its end.

    Beat n lasts T(t_n), T being the tachogram of the paper's section III: the square root of a spectrum with
    two Gaussians, at 0.1 Hz (blood pressure waves) and 0.25 Hz (breathing) with LF/HF = 0.5, random phases,
    inverse Fourier transform, scaled to the mean and the standard deviation wanted.

    Raises OptionError where an argument is outside the range that :func:`simulate_ecg` gives.
    """
    if not 20 <= heart_rate <= 250:
        raise OptionError(f"heart_rate {heart_rate}: pass 20 to 250 beats a minute")
    if not 0 <= heart_rate_std <= heart_rate / 4:
        raise OptionError(f"heart_rate_std {heart_rate_std}: pass 0 to a quarter of heart_rate, {heart_rate / 4:g}")
    mean = 60.0 / heart_rate
    generator = _generator(seed, "beats", 0)
    span = WARM_UP + duration + 4 * mean
    length = 1 << (max(RR_SHORTEST, int(np.ceil(span * RR_RATE)) + 1) - 1).bit_length()
    tachogram = mean + _tachogram(length, generator) * mean * heart_rate_std / heart_rate
    tachogram = np.maximum(tachogram, mean / 3).tolist()
    times = [-mean * generator.uniform()]
    while times[-1] < span:
        times.append(times[-1] + tachogram[max(0, round(times[-1] * RR_RATE))])
    return np.array(times) - WARM_UP


def _tachogram(length: int, generator: np.random.Generator) -> Array:
    """Deviation of the RR interval in its standard deviations, at RR_RATE."""
    frequency = np.fft.rfftfreq(length, 1 / RR_RATE)
    power = sum(share / width * np.exp(-(((frequency - f) / width) ** 2) / 2) for f, width, share in RR_BANDS)
    phases = np.exp(2j * np.pi * generator.uniform(size=len(frequency)))
    phases[0] = 0.0
    deviation = np.fft.irfft(np.sqrt(power) * phases, length)
    scaled: Array = deviation / deviation.std()
    return scaled


def lead_weights(lead_names: Sequence[str]) -> Array:
    """Height in mV of each wave in each lead, (leads, 5)."""
    unknown = [name for name in lead_names if name not in STANDARD_LEADS]
    if unknown or not lead_names:
        asked = ", ".join(unknown) or "none asked for"
        raise LeadNameError(f"simulate_ecg: no lead {asked}; it has {', '.join(STANDARD_LEADS)}")
    basis = LEAD_VECTORS @ DIPOLES.T
    all_leads = np.concatenate([LIMB_WEIGHTS @ basis[:2], basis[2:]])
    return all_leads[[STANDARD_LEADS.index(name) for name in lead_names]]


def _solve(beats: Array, weights: Array, samples: int, sampling_frequency: float, heart_rate: float) -> Signal:
    """Height z of the paper's equation 1 in each lead, (leads, samples)."""
    edges = [*range(-round(WARM_UP * sampling_frequency), samples, BLOCK), samples]
    signal = np.empty((len(weights), samples), np.float32)
    for start, block in solve_blocks(beats, weights, sampling_frequency, heart_rate, edges):
        signal[:, start : start + block.shape[1]] = block
    return signal


def solve_blocks(
    beats: Array, weights: Array, sampling_frequency: float, heart_rate: float, edges: Sequence[int]
) -> Iterator[tuple[int, Array]]:
    """Blocks of the height z of the paper's equation 1, (leads, samples), each with its first sample.

    edges: the samples between which blocks lie, from the warm-up before 0 to the end; what lies before 0 is not given.
    """
    from scipy import signal as sps

    stretch = np.sqrt(heart_rate / 60.0)
    angles, widths = ANGLES * stretch**ANGLE_EXPONENTS, WIDTHS * stretch
    half_step = 0.5 / sampling_frequency
    low_pass = (
        np.array([half_step, half_step]) / (1 + half_step),
        np.array([1.0, (half_step - 1) / (half_step + 1)]),
    )
    state = np.zeros((len(weights), 1))
    turns = np.arange(len(beats))
    for start, stop in pairwise(edges):
        phase = 2 * np.pi * (np.interp(np.arange(start, stop) / sampling_frequency, beats, turns) % 1.0)
        from_wave = (phase - angles[:, None] + np.pi) % (2 * np.pi) - np.pi
        bumps = weights @ np.exp(-((from_wave / widths[:, None]) ** 2) / 2)
        slow, state = sps.lfilter(*low_pass, bumps, axis=-1, zi=state)
        if stop > 0:
            first = max(start, 0)
            yield first, (bumps - slow)[:, first - start :]


def noise(kind: NoiseKind, shape: tuple[int, int], sampling_frequency: float, seed: int = 0) -> Array:
    """Noise of a kind, (leads, samples), each lead with mean 0 and power 1 over its length.

    A lead's noise depends on the seed, the kind and the number of the lead, not on how many leads there are.

    Raises OptionError for an unknown kind, mains at or above half the sampling frequency, or a negative seed.
    """
    kind = noise_kind(kind)
    return np.stack([lead_noise(kind, shape[1], sampling_frequency, (seed, lead)) for lead in range(shape[0])])


def noise_kind(kind: str) -> NoiseKind:
    """The kind of this name; OptionError for another name."""
    if kind not in list(NoiseKind):
        raise OptionError(f"noise kind {kind!r}: pass one of {', '.join(NoiseKind)}")
    return NoiseKind(kind)


def lead_noise(kind: NoiseKind, samples: int, sampling_frequency: float, which: tuple[int, ...]) -> Array:
    """Noise of one lead, (samples,), mean 0 and power 1. which: the seed, the number of the lead, then any others."""
    seed, *others = which
    row = _MAKERS[kind](samples, sampling_frequency, _generator(seed, kind, *others))
    row = row - row.mean()
    power = float(np.mean(row**2))
    scaled: Array = row / np.sqrt(power) if power > 0 else row
    return scaled


SignalOrRecording = TypeVar("SignalOrRecording", Recording, NDArray[np.float32], NDArray[np.float64])


def add_noise(
    clean: SignalOrRecording,
    kind: NoiseKind,
    snr_db: float,
    *,
    sampling_frequency: float | None = None,
    seed: int = 0,
    leads: Sequence[str | int] | None = None,
) -> SignalOrRecording:
    """Add noise to a recording or a signal.

    Parameters
    ----------
    clean : Recording or ndarray, shape (leads, time) or (time,)
        The clean ECG, of real numbers in any unit.
    kind : NoiseKind or str
        Kind of noise, for example ``"muscle"``; see :class:`NoiseKind`.
    snr_db : float
        Signal-to-noise ratio in dB, per lead and over its whole length: the power of the clean lead about its mean,
        divided by that of the noise.
    sampling_frequency : float, optional
        In Hz, 100 to 100,000. Required for an array and not used for a recording.
    seed : int, default 0
        Seed of the random numbers, 0 or more.
    leads : sequence of str or int, optional
        Names (of a recording) or numbers (from 0) of the leads that get noise. The default is all leads.

    Returns
    -------
    Recording or ndarray
        A recording in memory with one more note, or an array of the same shape: of the same dtype if that is float32
        or wider; else float64, since noise may be weaker than the steps of ``clean``.

    Raises
    ------
    UnknownSamplingFrequencyError
        If ``clean`` is an array and ``sampling_frequency`` is not given.
    SamplingFrequencyError
        If ``sampling_frequency`` is not one number or is out of range.
    LeadNameError
        If a lead is absent.
    OptionError
        If the kind is unknown, ``snr_db`` is not finite, the seed is negative, or the mains frequency is at or above
        half the sampling frequency.
    SignalShapeError
        If the array has another shape, is empty, has more leads than samples or does not hold real numbers.

    Notes
    -----
    A lead without variation stays as it is, and missing samples stay missing. The noise of a lead depends on the seed,
    the kind and the number of the lead, not on how many leads there are.

    Examples
    --------
    >>> from ecgnoise import add_noise, simulate_ecg
    >>> add_noise(simulate_ecg(10), "muscle", 5.0, leads=["II"]).notes
    ('muscle noise added at 5 dB',)
    """
    kind = noise_kind(kind)
    if not np.isfinite(snr_db):
        raise OptionError(f"snr_db {snr_db}: pass a finite number of decibels")
    if isinstance(clean, Recording):
        rows = lead_rows(leads, clean.lead_names)
        noisy = _mix(clean.signal, kind, snr_db, clean.sampling_frequency, seed=seed, rows=rows)
        note = f"{kind} noise added at {snr_db:g} dB"
        samples = ArraySamples(noisy.astype(np.float32))
        return replace(clean, samples=samples, notes=(*clean.notes, note))
    if sampling_frequency is None:
        raise UnknownSamplingFrequencyError("add_noise: an array has no sampling frequency: pass sampling_frequency")
    sampling_frequency = check_sampling_frequency(sampling_frequency, "add_noise")
    signal = as_leads(clean)
    rows = lead_rows(leads, tuple(map(str, range(len(signal)))))
    noisy = _mix(signal, kind, snr_db, sampling_frequency, seed=seed, rows=rows)
    return noisy.reshape(clean.shape).astype(clean.dtype if np.can_cast(np.float32, clean.dtype) else np.float64)


def lead_rows(leads: Sequence[str | int] | None, lead_names: tuple[str, ...]) -> list[int]:
    """The numbers of leads that are named or numbered, all for None; LeadNameError for one that is not there."""
    if leads is None:
        return list(range(len(lead_names)))
    known: dict[str | int, int] = {name: row for row, name in enumerate(lead_names)}
    known |= {row: row for row in range(len(lead_names))}
    unknown = [str(lead) for lead in leads if lead not in known]
    if unknown:
        raise LeadNameError(f"add_noise: no lead {', '.join(unknown)}; it has {', '.join(lead_names)}")
    return [known[lead] for lead in leads]


def _mix(
    clean: NDArray[np.floating], kind: NoiseKind, snr_db: float, frequency: float, *, seed: int, rows: list[int]
) -> Array:
    noisy = clean.astype(np.float64)
    for row in rows:
        present = noisy[row][np.isfinite(noisy[row])]
        power = present.var() if present.size else 0.0
        added = lead_noise(kind, noisy.shape[1], frequency, (seed, row))
        noisy[row] += added * np.sqrt(power / 10 ** (snr_db / 10))
    return noisy


def _generator(seed: int, purpose: str, *others: int) -> np.random.Generator:
    if seed < 0:
        raise OptionError(f"seed {seed}: pass 0 or more")
    return np.random.default_rng((seed, zlib.crc32(purpose.encode()), *others))


def check_duration(duration: float, sampling_frequency: float) -> int:
    """How many samples that are; OptionError for less than one, or more than can be counted."""
    samples = round(duration * sampling_frequency) if np.isfinite(duration) else 0
    if samples < 1:
        raise OptionError(f"duration {duration} s: pass at least one sample, {1 / sampling_frequency:g} s")
    return samples


def _slow(samples: int, frequency: float, band: tuple[float, float], generator: np.random.Generator) -> Array:
    """Gaussian noise in a band of low frequencies, of power about 1, drawn at 8 times the band's top."""
    from scipy import signal as sps
    from scipy.interpolate import CubicSpline

    rate = 8 * band[1]
    settle = int(2 * rate / band[0])
    knots = int(np.ceil(samples / frequency * rate)) + 4
    sections = sps.butter(2, band, "bandpass", fs=rate, output="sos")
    coarse = sps.sosfilt(sections, generator.standard_normal(settle + knots))[settle:]
    fine: Array = CubicSpline(np.arange(knots), coarse / np.sqrt((band[1] - band[0]) / (rate / 2)))(
        np.arange(samples) * (rate / frequency)
    )
    return fine


def _events(samples: int, frequency: float, a_second: float, generator: np.random.Generator) -> NDArray[np.intp]:
    """Sample numbers of events at random times, at least one, none in the last twentieth."""
    count = max(1, generator.poisson(a_second * samples / frequency))
    return (generator.uniform(0, 0.95, count) * samples).astype(np.intp)


def _baseline_wander(samples: int, frequency: float, generator: np.random.Generator) -> Array:
    """Breathing and sweating: 0.05 to 0.5 Hz."""
    return _slow(samples, frequency, (0.05, 0.5), generator)


def _muscle(samples: int, frequency: float, generator: np.random.Generator) -> Array:
    """20 to 150 Hz, or to 0.45 times the sampling frequency, swelling and fading within seconds."""
    from scipy import signal as sps

    low, high = 20.0, min(150.0, 0.45 * frequency)
    sections = sps.butter(2, (low, high), "bandpass", fs=frequency, output="sos")
    settle = int(frequency)
    fast = sps.sosfilt(sections, generator.standard_normal(settle + samples))[settle:]
    swelling: Array = np.exp(0.7 * _slow(samples, frequency, (0.1, 0.7), generator))
    return swelling * fast


def _mains(mains: float, samples: int, frequency: float, generator: np.random.Generator) -> Array:
    """Mains within 0.02 Hz of its nominal frequency, with harmonics, its strength drifting by a tenth."""
    if mains >= frequency / 2:
        raise OptionError(
            f"mains of {mains:g} Hz needs more than {2 * mains:g} Hz of sampling frequency: {frequency:g}"
        )
    actual = mains + generator.uniform(-0.02, 0.02)
    phases = generator.uniform(0, 2 * np.pi, len(MAINS_HARMONICS))
    time = np.arange(samples) / frequency
    wave = np.zeros(samples)
    for order, (height, phase) in enumerate(zip(MAINS_HARMONICS, phases, strict=True), start=1):
        if order * actual < frequency / 2:
            wave += height * np.sin(2 * np.pi * order * actual * time + phase)
    return wave * (1 + 0.1 * _slow(samples, frequency, (0.05, 0.2), generator))


def _mains_50(samples: int, frequency: float, generator: np.random.Generator) -> Array:
    return _mains(50.0, samples, frequency, generator)


def _mains_60(samples: int, frequency: float, generator: np.random.Generator) -> Array:
    return _mains(60.0, samples, frequency, generator)


def _electrode_steps(samples: int, frequency: float, generator: np.random.Generator) -> Array:
    """Jumps of the electrode potential, one in 5 s, each dying away with a time constant of 3 s."""
    from scipy import signal as sps

    places = _events(samples, frequency, 0.2, generator)
    jumps = np.zeros(samples)
    np.add.at(jumps, places, generator.choice([-1.0, 1.0], len(places)) * generator.uniform(0.5, 1.5, len(places)))
    steps: Array = sps.lfilter([1.0], [1.0, -np.exp(-1 / (3.0 * frequency))], jumps)
    return steps


def _motion_bursts(samples: int, frequency: float, generator: np.random.Generator) -> Array:
    """Bursts of 0.5 to 3 s, one in 8 s, of 0.5 to 10 Hz."""
    strength = np.zeros(samples)
    for place in _events(samples, frequency, 0.125, generator):
        burst = np.hanning(2 + int(generator.uniform(0.5, 3.0) * frequency))[: samples - place]
        strength[place : place + len(burst)] += generator.uniform(0.5, 1.5) * burst
    return strength * _slow(samples, frequency, (0.5, 10.0), generator)


def _white(samples: int, frequency: float, generator: np.random.Generator) -> Array:
    del frequency
    return generator.standard_normal(samples)


_MAKERS: Final = {
    NoiseKind.BASELINE_WANDER: _baseline_wander,
    NoiseKind.MUSCLE: _muscle,
    NoiseKind.MAINS_50: _mains_50,
    NoiseKind.MAINS_60: _mains_60,
    NoiseKind.ELECTRODE_STEPS: _electrode_steps,
    NoiseKind.MOTION_BURSTS: _motion_bursts,
    NoiseKind.WHITE: _white,
}
