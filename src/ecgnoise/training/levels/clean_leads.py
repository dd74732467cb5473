"""Clean leads to add noise to, out of recordings and simulated.

Recordings are screened again: their beats must agree, their drift must not lie more than 6 dB above the ECG,
nor their fast noise less than 8 dB below it. Each collection is drawn as often as :data:`SHARES` says, however many
leads it has.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import TrainingDataError
from ecgnoise.scalogram.profile import DEFAULT, level_images, qrs_level, valid_rows
from ecgnoise.scalogram.superlet import superlet
from ecgnoise.scoring.beats import agreement
from ecgnoise.training.levels.hearts import unusual_leads
from ecgnoise.training.levels.mixtures import FAST_ABOVE, CleanLeads, drift_of, fast_power
from ecgnoise.training.levels.noises import FREQUENCY
from ecgnoise.training.recordings.records import Listed, Taken, only

SHARES: Final[Mapping[str, float]] = MappingProxyType(
    {"ptb-xl": 0.42, "ludb": 0.08, "more-12-lead": 0.07, "qtdb": 0.10, "train-hand-held": 0.10, "train-rhythms": 0.13}
)
OTHERS_SHARE: Final = 0.1
SIMULATED_SHARE: Final = 0.10
MOST_LEADS: Final = 3000  # of one collection
LEAST_AGREEMENT: Final = 0.6
MOST_DRIFT_DB: Final = 6.0
MOST_FAST_DB: Final = -8.0
FILTERED_FAST_DB: Final = -22.0  # may be in a recording whose filters leave nothing above 40 Hz
BATCH: Final = 48


def clean_leads(
    taken: Iterable[Taken], simulated: int, generator: np.random.Generator
) -> tuple[CleanLeads, tuple[Listed, ...]]:
    """Leads at 500 Hz that pass the screening, at most 3,000 of a collection, and the rows of their list.

    simulated: how many leads of unusual hearts are simulated beside them. TrainingDataError where no lead passes.
    """
    signals: dict[str, list[NDArray[np.float32]]] = {}
    fast: dict[str, list[NDArray[np.float64]]] = {}
    rows: dict[str, list[Listed]] = {}
    for one in taken:
        kept, power = screened(one)
        if kept.any():
            name = one.listed.collection
            signals.setdefault(name, []).append(one.signal[kept])
            fast.setdefault(name, []).append(power[kept])
            rows.setdefault(name, []).extend(only([one.listed], kept))
    if not signals:
        raise TrainingDataError("no lead-segment of the recordings looks like a clean ECG: pass others")
    parts: list[NDArray[np.float32]] = []
    weights: list[NDArray[np.float64]] = []
    powers: list[NDArray[np.float64]] = []
    listed: list[Listed] = []
    for name, collected in signals.items():
        signal = np.concatenate(collected)
        power = np.concatenate(fast[name])
        chosen = np.zeros(len(signal), np.bool_)
        chosen[generator.choice(len(signal), min(MOST_LEADS, len(signal)), replace=False)] = True
        parts.append(signal[chosen])
        powers.append(power[chosen])
        weights.append(np.full(chosen.sum(), SHARES.get(name, OTHERS_SHARE) / chosen.sum()))
        listed += only(rows[name], chosen)
    if simulated:
        parts.append(unusual_leads(simulated, generator))
        powers.append(np.zeros(simulated))
        weights.append(np.full(simulated, SIMULATED_SHARE / simulated))
    signal, weight = np.concatenate(parts), np.concatenate(weights)
    return CleanLeads.of(signal, weight, np.concatenate(powers)), tuple(listed)


def screened(taken: Taken) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which lead-segments look clean, and how much fast noise each may have, in mV^2; (n,) each."""
    drift = drift_of(taken.signal)
    ecg = (taken.signal - drift).astype(np.float64)
    power = ecg.var(axis=1)
    fast = fast_power(taken.signal - drift)
    if taken.listed.highest < FAST_ABOVE:
        fast = np.maximum(fast, power * 10 ** (FILTERED_FAST_DB / 10))
    quiet = fast < power * 10 ** (MOST_FAST_DB / 10)
    steady = drift.astype(np.float64).var(axis=1) < power * 10 ** (MOST_DRIFT_DB / 10)
    return quiet & steady & (beats_agree(taken.signal) >= LEAST_AGREEMENT), fast


def beats_agree(signal: NDArray[np.float32]) -> NDArray[np.float64]:
    """The agreement of the beats of each lead at 500 Hz, (n,)."""
    transform, valid = superlet(DEFAULT, FREQUENCY), valid_rows(DEFAULT, FREQUENCY)
    found = []
    for first in range(0, len(signal), BATCH):
        levels = np.asarray(transform(signal[first : first + BATCH]))
        images = np.asarray(level_images(levels, qrs_level(levels, DEFAULT), DEFAULT))
        found.append(agreement(images, valid, DEFAULT))
    return np.concatenate(found)
