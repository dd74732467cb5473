"""What a level network is trained with, out of folders of recordings."""

from pathlib import Path
from typing import Final

import numpy as np

from ecgnoise.errors import OptionError, TrainingDataError
from ecgnoise.training.engine.config import LevelConfig
from ecgnoise.training.levels.clean_leads import clean_leads
from ecgnoise.training.levels.model import LevelMaterial
from ecgnoise.training.levels.noise_recordings import read_noise
from ecgnoise.training.levels.noises import FREQUENCY, MAKERS, RECORDED, Noises
from ecgnoise.training.recordings.records import TRAIN, WATCH, Progress, read_list, take, take_listed
from ecgnoise.training.recordings.sources import collections, watched

LEADS_SEED: Final = 0
WATCHED: Final = "ptb-xl fold 9"
TENTH: Final = 10


def read_material(
    data: Path, noise: Path | None, config: LevelConfig, listed: Path | None = None, reading: Progress | None = None
) -> LevelMaterial:
    """Clean leads of the recordings below a folder laid out as ``docs/training.md`` says, and noise.

    noise: a folder of noise recordings, or None for drawn noise alone. listed: a list of lead-segments, which are then
    taken and no others. Measured on is PTB-XL fold 9, or every tenth lead where that is not there.

    Raises TrainingDataError where there is nothing to train on, OptionError for an unknown maker of noise, and what
    reading the noise raises.
    """
    noises = Noises({} if noise is None else read_noise(noise), without_of(config))
    generator = np.random.default_rng((config.seed, LEADS_SEED))
    if listed is None:
        training = take(data, collections(data), TRAIN, FREQUENCY, reading)
        clean = take(data, {WATCHED: watched(data)}, WATCH, FREQUENCY)
    else:
        rows = read_list(listed)
        training = take_listed(data, [row for row in rows if row.use == TRAIN], FREQUENCY, reading)
        clean = take_listed(data, [row for row in rows if row.use == WATCH], FREQUENCY)
    leads, taken = clean_leads(training, config.simulated, generator)
    try:
        measured, watched_rows = clean_leads(clean, 0, generator)
    except TrainingDataError:
        measured, watched_rows = leads.only(np.arange(len(leads.weight)) % TENTH == 0), ()
        leads = leads.only(np.arange(len(leads.weight)) % TENTH != 0)
    return LevelMaterial(leads, measured, noises, (*taken, *watched_rows))


def without_of(config: LevelConfig) -> frozenset[str]:
    """The makers of noise that are left out; OptionError for one that there is not."""
    known = {name for makers in MAKERS.values() for name in makers} | {f"{RECORDED} {kind}" for kind in MAKERS}
    without = frozenset(name.strip() for name in config.without.split(",") if name.strip())
    if without - known:
        raise OptionError(f"without {', '.join(sorted(without - known))}: pass some of {', '.join(sorted(known))}")
    return without
