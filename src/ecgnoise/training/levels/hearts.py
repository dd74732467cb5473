"""Simulated leads of unusual hearts, clean, to train on beside recordings, which have few of them.

A heart beats by a rhythm; each beat has the QRS complex of its conduction, an ST segment and a T wave, and may
have a P wave and a pacing spike. Each wave is a Gaussian, or two that join at its peak; the baseline is 0 mV.
Everything else is drawn: rate, shape, widths, heights, polarity, and how beats differ from one another.

It is a generator of its own: ``ecgnoise.simulate``, another, is what tests and benchmarks use. Drift, noise and
the filters of recorders are not in it and are added by whoever trains.
"""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Generator = np.random.Generator

DURATION: Final = 10.0  # s of each lead
BEFORE, AFTER = 0.25, 0.85  # s of a beat around the middle of its QRS complex
HIGHEST: Final = 8.0  # mV, peak to peak: no ECG is higher
RATES: Final = (30.0, 200.0)  # beats a minute

RHYTHMS: Final = (
    "regular",
    "sinus arrhythmia",
    "atrial fibrillation",
    "atrial flutter",
    "bigeminy",
    "ectopic beats",
    "pauses",
    "second-degree block",
    "third-degree block",
)
RHYTHM_SHARES: Final = (0.30, 0.10, 0.14, 0.05, 0.09, 0.14, 0.06, 0.06, 0.06)
# Rates that a rhythm is found with; of third-degree block that of the ventricles.
RHYTHM_RATES: Final = {
    "atrial fibrillation": (45.0, 180.0),
    "atrial flutter": (60.0, 170.0),
    "bigeminy": (50.0, 120.0),
    "ectopic beats": (45.0, 140.0),
    "pauses": (35.0, 90.0),
    "second-degree block": (45.0, 100.0),
    "third-degree block": (30.0, 60.0),
}
CONDUCTIONS: Final = (
    "narrow",
    "bundle branch block",
    "pre-excited",
    "atrial pacing",
    "ventricular pacing",
    "dual pacing",
)
CONDUCTION_SHARES: Final = (0.48, 0.17, 0.04, 0.06, 0.17, 0.08)
WIDE: Final = ("bundle branch block", "pre-excited", "ventricular pacing", "dual pacing")
VENTRICULAR: Final = ("ventricular pacing", "dual pacing")
ATRIAL: Final = ("atrial pacing", "dual pacing")
SHARP_SHARE: Final = 0.4  # of pacing spikes that no low-pass has rounded
# Shapes of a QRS complex: for each wave the lowest and highest height over the largest wave, its middle and its
# width (the standard deviation of a Gaussian) as shares of the duration of the complex.
SHAPES: Final = {
    "qRs": ((-0.25, 0.0, 0.18, 0.08), (1.0, 1.0, 0.45, 0.13), (-0.5, 0.0, 0.75, 0.10)),
    "R": ((0.0, 0.1, 0.20, 0.10), (1.0, 1.0, 0.50, 0.16), (-0.1, 0.0, 0.85, 0.10)),
    "rS": ((0.08, 0.5, 0.25, 0.09), (-1.0, -1.0, 0.60, 0.13), (0.0, 0.15, 0.88, 0.08)),
    "QS": ((-1.0, -1.0, 0.45, 0.16), (-0.6, 0.1, 0.70, 0.12), (0.0, 0.1, 0.95, 0.08)),
    "Qr": ((-1.0, -1.0, 0.35, 0.13), (0.2, 0.6, 0.75, 0.11), (0.0, 0.0, 0.9, 0.1)),
    "rSR'": ((0.2, 0.6, 0.20, 0.08), (-0.8, -0.2, 0.42, 0.08), (1.0, 1.0, 0.75, 0.12)),
    "notched R": ((0.6, 1.0, 0.30, 0.12), (-0.3, 0.0, 0.50, 0.06), (0.7, 1.0, 0.70, 0.13)),
    "RS": ((1.0, 1.0, 0.35, 0.11), (-1.0, -0.5, 0.65, 0.12), (0.0, 0.0, 0.9, 0.1)),
}


@dataclass(frozen=True)
class Heart:
    """What makes a heart unusual, seen in one lead.

    rhythm: one of RHYTHMS. conduction: one of CONDUCTIONS. rate: QRS complexes a minute, but for
    those that come early or are missing. voltage: of the QRS
    complex, peak to peak, in mV. shape: a key of SHAPES. st: the ST segment in mV. t_wave: height of the T wave
    over the voltage, positive where it points as the QRS complex's largest wave does.
    """

    rhythm: str = "regular"
    conduction: str = "narrow"
    rate: float = 70.0
    voltage: float = 1.0
    shape: str = "qRs"
    st: float = 0.0
    t_wave: float = 0.25


class Beats(NamedTuple):
    """Times in seconds from the start of the lead: of the middles of QRS complexes, and of the peaks of P waves."""

    normal: Array
    ectopic: Array
    atrial: Array


def unusual_leads(count: int, rng: Generator, sampling_frequency: float = 500.0) -> NDArray[np.float32]:
    """Clean leads of 10 s of that many hearts, each drawn anew: (count, 10 s x sampling_frequency) in mV.

    The same generator in the same state gives the same leads.
    """
    leads = np.empty((count, round(DURATION * sampling_frequency)), np.float32)
    for lead in leads:
        lead[:] = heart_lead(draw_heart(rng), rng, sampling_frequency)
    return leads


def draw_heart(rng: Generator) -> Heart:
    """A heart, most often an unusual one."""
    conduction = _choose(CONDUCTIONS, CONDUCTION_SHARES, rng)
    rhythm = _choose(RHYTHMS, RHYTHM_SHARES, rng)
    if conduction in ATRIAL and rhythm != "ectopic beats":
        rhythm = "regular"
    if conduction in VENTRICULAR and rhythm not in ("atrial fibrillation", "third-degree block", "ectopic beats"):
        rhythm = "regular"
    shape = list(SHAPES)[rng.integers(len(SHAPES))]
    voltage = _draw_voltage(rng)
    st = rng.uniform(-0.5, 0.5) if rng.random() < 0.25 else rng.normal(0.0, 0.03)
    limit = min(0.5, 0.6 * voltage)
    return Heart(
        rhythm=rhythm,
        conduction=conduction,
        rate=_draw_rate(rhythm, conduction, rng),
        voltage=voltage,
        shape=shape,
        st=float(np.clip(st, -limit, limit)),
        t_wave=_draw_t_wave(conduction, rng),
    )


def heart_lead(heart: Heart, rng: Generator, sampling_frequency: float = 500.0) -> NDArray[np.float32]:
    """One clean lead of a heart, (10 s x sampling_frequency,) in mV; what it does not say is drawn."""
    samples = round(DURATION * sampling_frequency)
    canvas = _Canvas(samples, sampling_frequency)
    beats = _draw_beats(heart, rng)
    time = np.arange(round((BEFORE + AFTER) * sampling_frequency)) / sampling_frequency - BEFORE
    duration = rng.uniform(0.12, 0.20) if heart.conduction in WIDE else rng.uniform(0.07, 0.11)
    gains = _draw_gains(beats.normal, rng)
    canvas.add(_draw_beat(heart, duration, time, rng), beats.normal, gains)
    if beats.ectopic.size:
        canvas.add(_draw_ectopic(heart, time, rng), beats.ectopic, rng.normal(1.0, 0.03, beats.ectopic.size))
    polarity = -1.0 if rng.random() < 0.15 else 1.0
    if beats.atrial.size:
        sign = -1.0 if rng.random() < 0.25 else 1.0
        canvas.add(sign * _draw_p_wave(heart, time, rng), beats.atrial, rng.normal(1.0, 0.05, beats.atrial.size))
    if heart.rhythm in ("atrial fibrillation", "atrial flutter"):
        canvas.signal += _draw_fibrillation(heart, canvas.time, rng)
    _add_spikes(heart, beats, canvas, duration, rng)
    scale = polarity * min(1.0, HIGHEST / max(np.ptp(canvas.signal), 1e-9))
    lead: NDArray[np.float32] = (scale * canvas.signal).astype(np.float32)
    return lead


class _Canvas:
    """A lead that beats are added to; they begin at whole samples, and may hang over both ends."""

    def __init__(self, samples: int, sampling_frequency: float) -> None:
        self.margin = round((BEFORE + AFTER) * sampling_frequency) + 1
        self.sampling_frequency = sampling_frequency
        self.whole = np.zeros(samples + 2 * self.margin)
        self.signal = self.whole[self.margin : self.margin + samples]
        self.time = np.arange(samples) / sampling_frequency

    def add(self, wave: Array, times: Array, gains: Array, before: float = BEFORE) -> None:
        """Add a wave, or one each of (times, samples), which begins that long before each time."""
        starts = np.round((times - before) * self.sampling_frequency).astype(int) + self.margin
        length = wave.shape[-1]
        inside = (starts >= 0) & (starts <= self.whole.size - length)
        waves = (wave if wave.ndim == 1 else wave[inside]) * gains[inside, None]
        for start, one in zip(starts[inside].tolist(), waves, strict=True):
            self.whole[start : start + length] += one


def _choose(names: tuple[str, ...], shares: tuple[float, ...], rng: Generator) -> str:
    """One of some names, each with its share; the shares add up to 1."""
    rest = rng.random()
    for name, share in zip(names, shares, strict=True):
        rest -= share
        if rest < 0:
            return name
    return names[-1]


def _log_uniform(low: float, high: float, rng: Generator) -> float:
    """A number drawn evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _draw_voltage(rng: Generator) -> float:
    """Of the QRS complex in mV, peak to peak: a fourth low, an eighth high, as in hypertrophy."""
    kind = rng.random()
    if kind < 0.25:
        return _log_uniform(0.05, 0.3, rng)
    return _log_uniform(2.5, 4.5, rng) if kind < 0.375 else _log_uniform(0.3, 2.5, rng)


def _draw_rate(rhythm: str, conduction: str, rng: Generator) -> float:
    """QRS complexes a minute."""
    low, high = RHYTHM_RATES.get(rhythm, RATES)
    if conduction in VENTRICULAR or conduction in ATRIAL:
        low, high = max(low, 40.0), min(high, 130.0)
    if conduction == "pre-excited":
        low = max(low, 50.0)
    return _log_uniform(low, max(low, high), rng)


def _draw_t_wave(conduction: str, rng: Generator) -> float:
    """Height of the T wave over the voltage: a fifth as tall as R, a tenth flat; discordant where QRS is wide."""
    kind = rng.random()
    if kind < 0.2:
        height = rng.uniform(0.6, 1.1)
    elif kind < 0.3:
        height = rng.uniform(0.0, 0.08)
    else:
        height = rng.uniform(0.1, 0.5)
    against = 0.85 if conduction in WIDE else 0.2
    return float(-height if rng.random() < against else height)


def _draw_gains(times: Array, rng: Generator) -> Array:
    """How high each beat is: breathing, a little chance, and seldom every other one lower."""
    breathing = rng.uniform(0.0, 0.12) * np.sin(2 * np.pi * (rng.uniform(0.12, 0.45) * times + rng.random()))
    gains: Array = 1.0 + breathing + rng.normal(0.0, 0.015, times.size)
    if rng.random() < 0.03:
        gains[::2] *= rng.uniform(0.6, 0.95)
    return gains


def _draw_beats(heart: Heart, rng: Generator) -> Beats:
    """When this heart beats, from a second before the lead to a second behind it."""
    count = int(heart.rate * (DURATION + 2.0) / 60.0 * 1.6) + 6
    mean = 60.0 / heart.rate
    intervals = _draw_intervals(heart, mean, count, rng)
    ectopic = np.zeros(count, bool)
    if heart.rhythm == "bigeminy":
        ectopic[:: 2 if rng.random() < 0.7 else 3] = True
    elif heart.rhythm == "ectopic beats":
        ectopic = rng.random(count) < rng.uniform(0.05, 0.3)
        ectopic[rng.integers(count // 2)] = True
    early = rng.uniform(0.5, 0.8)
    intervals[ectopic] *= early  # comes early, and the next one as late as if it had not
    after = np.flatnonzero(ectopic[:-1]) + 1
    after = after[~ectopic[after]]
    intervals[after] *= 2.0 - early
    times = np.cumsum(intervals) - 1.0 - mean * rng.random()
    normal = times[~ectopic]
    atrial = _draw_atrial(heart, normal, mean, rng)
    if heart.rhythm == "ectopic beats" and rng.random() < 0.35:  # of the atria: conducted as the others are
        return Beats(times, times[:0], atrial)
    return Beats(normal, times[ectopic], atrial)


def _draw_intervals(heart: Heart, mean: float, count: int, rng: Generator) -> Array:
    """Time from each QRS complex to the next, (count,) in seconds."""
    if heart.rhythm == "atrial fibrillation":
        shape = 1.0 / rng.uniform(0.12, 0.3) ** 2
        floor = min(0.25, 0.7 * mean)
        return np.maximum(rng.gamma(shape, mean / shape, count), floor)
    if heart.rhythm == "atrial flutter":
        return mean * (rng.choice((0.5, 1.0, 1.0, 1.0, 1.5), count) if rng.random() < 0.5 else np.ones(count))
    spread = rng.uniform(0.04, 0.15) if heart.rhythm == "sinus arrhythmia" else rng.uniform(0.002, 0.02)
    breathing = np.sin(2 * np.pi * (np.arange(count) * mean * rng.uniform(0.15, 0.35) + rng.random()))
    intervals: Array = mean * (1.0 + spread * (breathing + 0.3 * rng.normal(size=count)))
    if heart.rhythm == "pauses":
        longer = rng.random(count) < rng.uniform(0.05, 0.25)
        longer[rng.integers(count // 2)] = True
        intervals[longer] += np.minimum(mean * rng.uniform(0.6, 2.0), 3.5)
    elif heart.rhythm == "second-degree block":
        intervals[:: rng.integers(2, 5)] *= 2.0
    return intervals


def _draw_atrial(heart: Heart, normal: Array, mean: float, rng: Generator) -> Array:
    """When P waves peak: before each normal beat, of their own in block, or never."""
    if heart.rhythm in ("atrial fibrillation", "atrial flutter"):
        return normal[:0]
    if heart.rhythm == "third-degree block" or (heart.conduction == "ventricular pacing" and rng.random() < 0.5):
        interval = 60.0 / rng.uniform(55.0, 110.0)
        return np.arange(-1.0 - interval * rng.random(), DURATION + 1.0, interval)
    if heart.conduction in ("narrow", "bundle branch block", "ventricular pacing") and rng.random() < 0.12:
        return normal[:0]  # of the AV node or the ventricles
    longest = 0.35 if rng.random() < 0.12 else 0.2
    before = 0.09 if heart.conduction == "pre-excited" else min(rng.uniform(0.11, longest), 0.45 * mean)
    atrial = normal - before
    if heart.rhythm != "second-degree block":
        return atrial
    gaps = np.diff(normal)
    return np.sort(np.concatenate((atrial, (atrial[:-1] + gaps / 2)[gaps > 1.5 * mean])))


def _draw_qrs(shape: str, duration: float, time: Array, rng: Generator) -> Array:
    """A QRS complex of one mV, peak to peak, around time 0, with a slur or notch of chance."""
    waves = np.array(SHAPES[shape])
    heights = np.append(rng.uniform(waves[:, 0], waves[:, 1] + 1e-9), rng.normal(0.0, 0.06))
    middles = np.append(waves[:, 2] + rng.normal(0.0, 0.02, len(waves)), rng.uniform(0.2, 0.9))
    widths = np.append(waves[:, 3] * rng.uniform(0.8, 1.2, len(waves)), rng.uniform(0.04, 0.1))
    near = np.abs(time) < 0.25
    z = (time[near] / duration + 0.5 - middles[:, None]) / widths[:, None]
    waves = heights @ np.exp(-0.5 * z * z)
    qrs = np.zeros(time.size)
    qrs[near] = waves / np.ptp(waves)
    return qrs


def _skewed(time: Array, peak: float, rise: float, fall: float) -> Array:
    """A wave of height 1 out of two halves of Gaussians."""
    z = (time - peak) / np.where(time < peak, rise, fall)
    wave: Array = np.exp(-0.5 * z * z)
    return wave


def _draw_repolarisation(heart: Heart, sign: float, duration: float, time: Array, rng: Generator) -> Array:
    """ST segment, T wave and, seldom, U wave in mV; sign is that of the largest wave of the QRS complex."""
    begin = duration / 2
    interval = 0.40 * np.sqrt(60.0 / heart.rate) * rng.uniform(0.88, 1.18)  # QT, after Bazett
    end = min(max(interval, duration + 0.12), 0.68) - begin
    peak = begin + rng.uniform(0.55, 0.72) * (end - begin)
    rise, fall = (peak - begin) / rng.uniform(2.0, 3.2), max((end - peak) / 2.2, 0.02)
    t_wave = _skewed(time, peak, rise, fall)
    if rng.random() < 0.1:  # of two phases
        t_wave -= rng.uniform(0.3, 0.8) * _skewed(time, peak - 1.5 * rise, rise, rise)
    if rng.random() < 0.08:
        t_wave += 0.15 * _skewed(time, end + 0.04, 0.025, 0.035)
    segment = _step((time - begin) / 0.008) * _step((peak - time) / (0.3 * fall + 0.01))
    wave: Array = sign * heart.t_wave * heart.voltage * t_wave + heart.st * segment
    return wave


def _step(x: Array) -> Array:
    """From 0 to 1 around x = 0, smoothly."""
    step: Array = 0.5 + 0.5 * np.tanh(x / 2)
    return step


def _draw_beat(heart: Heart, duration: float, time: Array, rng: Generator) -> Array:
    """One beat of a heart in mV, without P wave and spikes."""
    qrs = heart.voltage * _draw_qrs(heart.shape, duration, time, rng)
    sign = 1.0 if qrs.max() >= -qrs.min() else -1.0
    if heart.conduction == "pre-excited":
        qrs += sign * rng.uniform(0.15, 0.4) * heart.voltage * _skewed(time, -0.3 * duration, 0.02, 0.02)
    return qrs + _draw_repolarisation(heart, sign, duration, time, rng)


def _draw_ectopic(heart: Heart, time: Array, rng: Generator) -> Array:
    """A beat that comes early from a ventricle: wide, most often higher, with a T wave against it."""
    shape = list(SHAPES)[rng.integers(len(SHAPES))]
    voltage = min(heart.voltage * rng.uniform(0.8, 2.2), 4.5)
    other = replace(heart, conduction="bundle branch block", voltage=voltage, shape=shape, st=0.0)
    return _draw_beat(replace(other, t_wave=-rng.uniform(0.2, 0.7)), rng.uniform(0.13, 0.20), time, rng)


def _draw_p_wave(heart: Heart, time: Array, rng: Generator) -> Array:
    """A P wave in mV, its peak at time 0, of one hump or two; in low voltage lower than else."""
    height = min(_log_uniform(0.03, 0.25, rng), 0.4 * heart.voltage)
    width = rng.uniform(0.014, 0.026)
    wave = height * _skewed(time, 0.0, width, width * rng.uniform(0.8, 1.2))
    if rng.random() < 0.3:
        wave += rng.uniform(-1.0, 1.0) * height * _skewed(time, 2.2 * width, width, width)
    return wave


def _draw_fibrillation(heart: Heart, time: Array, rng: Generator) -> Array:
    """The atria in mV: waves of 4 to 9 a second that wax and wane, or those of flutter, all alike."""
    flutter = heart.rhythm == "atrial flutter"
    height = min(_log_uniform(0.05, 0.3, rng) if flutter else _log_uniform(0.01, 0.15, rng), 0.3 * heart.voltage)
    rate = rng.uniform(4.0, 5.8) if flutter else rng.uniform(4.0, 9.0)
    drift = 0.0 if flutter else rng.uniform(0.2, 1.2)  # of the phase, in turns
    turn = 2 * np.pi * (rate * time + drift * np.sin(2 * np.pi * (rng.uniform(0.1, 0.5) * time + rng.random())))
    wave = np.sin(turn) + rng.uniform(0.2, 0.5) * np.sin(2 * turn + rng.uniform(0.0, 2 * np.pi))
    if not flutter:
        wave *= 1.0 + 0.4 * np.sin(2 * np.pi * (rng.uniform(0.1, 0.6) * time + rng.random()))
    atria: Array = height / 2 * wave
    return atria


def _add_spikes(heart: Heart, beats: Beats, canvas: _Canvas, duration: float, rng: Generator) -> None:
    """Pacing spikes before P waves, QRS complexes or both, of one height each, not all of them followed."""
    places = []
    if heart.conduction in ATRIAL:
        places.append(beats.atrial - rng.uniform(0.04, 0.08))
    if heart.conduction in VENTRICULAR:
        places.append(beats.normal - duration / 2 - rng.uniform(0.005, 0.03))
    for times in places:
        if times.size:
            height = (-1.0 if rng.random() < 0.5 else 1.0) * min(_log_uniform(0.08, 4.0, rng), 5.0 * heart.voltage)
            _add_spike_train(height, times, canvas, rng)


def _add_spike_train(height: float, times: Array, canvas: _Canvas, rng: Generator) -> None:
    """Spikes of one height in mV, each with a place of its own between samples.

    A spike is a pulse of 0.4 to 2 ms behind a second-order Butterworth low-pass of 100 to 250 Hz, the step of
    which is 1 - exp(-a t) (cos a t + sin a t) with a = pi sqrt(2) times its frequency, or the pulse itself, as
    recorders draw it that detect pacing, and in some a slow discharge against it. Heights are those that are recorded,
    not those of the pulse.
    """
    cutoff = min(rng.uniform(100.0, 250.0), 0.4 * canvas.sampling_frequency)
    width = rng.uniform(0.0004, 0.002)
    before, after = 0.004, 0.06
    time = np.arange(round((before + after) * canvas.sampling_frequency)) / canvas.sampling_frequency - before
    fine = np.arange(0.0, 0.02, 0.0001)
    scale = height / (_low_passed(fine, cutoff) - _low_passed(fine - width, cutoff)).max()
    late = time - rng.random((times.size, 1)) / canvas.sampling_frequency
    spikes: Array = scale * (_low_passed(late, cutoff) - _low_passed(late - width, cutoff))
    if rng.random() < SHARP_SHARE:
        length = max(width, 1.001 / canvas.sampling_frequency)
        spikes = np.where((late >= 0.0) & (late < length), height, 0.0)
    if rng.random() < 0.5:
        discharge = np.exp(-np.maximum(late, 0.0) / rng.uniform(0.004, 0.015)) * _step(late / 0.0005)
        spikes -= rng.uniform(0.02, 0.12) * height * discharge
    canvas.add(spikes, times, rng.normal(1.0, 0.03, times.size), before)


def _low_passed(time: Array, cutoff: float) -> Array:
    """The step of a second-order Butterworth low-pass at these times in seconds."""
    phase = np.pi * np.sqrt(2.0) * cutoff * np.maximum(time, 0.0)
    step: Array = 1.0 - np.exp(-phase) * (np.cos(phase) + np.sin(phase))
    return step
