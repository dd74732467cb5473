"""What the ways of counting of :mod:`benchmarks.choices` are compared on: clean leads, alone and with noise added."""

from collections.abc import Iterator

import numpy as np
from scipy.signal import butter, resample_poly, sosfiltfilt

from benchmarks.quality.noises import KINDS, RATE, Signal, add, stretches
from benchmarks.quality.part import DEVELOPMENT_FOLD
from benchmarks.quality.stress import SNRS, clean_records
from ecgnoise import read
from ecgnoise.segments import find_fault

BURST_KINDS, BURST_SNRS = ("ma", "em", "white"), (6, 0, -6)
EXCURSION_KINDS, EXCURSION_SNRS = ("em", "bw"), (-12, -18, -24)
LOST_KINDS = ("em", "ma", "bw", "white")
LIMB_LEADS = 2
HAND_HELD_BAND, HAND_HELD_RATE = (0.5, 40.0), 300


def takes(leads: Signal) -> Iterator[tuple[str, Signal]]:
    """Leads without noise, and with each kind and amount of it, by name."""
    yield "clean", leads
    for kind in KINDS:
        noises = stretches(kind, *leads.shape)
        yield from ((f"{kind} {snr}", add(leads, noises, snr)) for snr in SNRS)
    for kind in BURST_KINDS:
        bursts = within_a_second(stretches(kind, *leads.shape))
        yield from ((f"burst {kind} {snr}", louder(leads, bursts, snr)) for snr in BURST_SNRS)
    for kind in EXCURSION_KINDS:
        excursions = within_a_second(stretches(kind, *leads.shape)[::-1])
        yield from ((f"excursion {kind} {snr}", louder(leads, excursions, snr)) for snr in EXCURSION_SNRS)
    for kind in LOST_KINDS:
        yield f"lost {kind}", stretches(kind, *leads.shape)


def within_a_second(noises: Signal) -> Signal:
    """Noise of unit deviation that rises and falls within one second of each lead, another for each."""
    noises = (noises - noises.mean(axis=1, keepdims=True)) / noises.std(axis=1, keepdims=True)
    window = np.zeros_like(noises)
    starts = np.random.default_rng(5).integers(0, noises.shape[1] - RATE, len(noises))
    for row, start in zip(window, starts, strict=True):
        row[start : start + RATE] = np.hanning(RATE)
    return np.asarray(window * noises, np.float32)


def louder(leads: Signal, bursts: Signal, snr: float) -> Signal:
    """Leads with bursts whose peak deviation is that of the lead less ``snr`` dB."""
    return np.asarray(leads + bursts * leads.std(axis=1, keepdims=True) * 10 ** (-snr / 20), np.float32)


def limb_leads(count: int) -> Signal:
    """Leads I and II of the development fold without a fault, as hand-held devices take, (leads, samples) at 500 Hz."""
    leads = [lead[: 10 * RATE] for path in clean_records(DEVELOPMENT_FOLD) for lead in read(path).signal[:LIMB_LEADS]]
    return np.array([lead for lead in leads if not find_fault(lead, RATE)[0]][:count], np.float32)


def as_hand_held(leads: Signal) -> Signal:
    """Leads at 500 Hz as a hand-held device gives them: 0.5 to 40 Hz, at 300 Hz."""
    band = butter(2, HAND_HELD_BAND, "bandpass", fs=RATE, output="sos")
    return np.asarray(resample_poly(sosfiltfilt(band, leads, axis=1), HAND_HELD_RATE, RATE, axis=1), np.float32)
