"""Small stores of made-up leads, and a task small enough to test the loop alone."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from ecgnoise.ptbxl.labels import LEADS, RecordLabels
from ecgnoise.ptbxl.store import DONE, QRS_LEVEL, StoreDescription, create_store
from ecgnoise.scalogram.profile import PAPER, level_images
from ecgnoise.training.engine.task import fingerprint

PLAIN = replace(PAPER, discretize=False)
NOISY_LEAD = 11  # of every record
ABSENT, FLAT_LEAD = 2, 5  # a record of the store that is not there, and in the next one a flat lead


def made_up_levels(count, rows, seed=0):
    """Levels like those of ECG, (count, rows, 256) in log10 mV^2: beats, and less power at high frequencies."""
    random = np.random.default_rng(seed)
    column, row = np.arange(256.0), np.linspace(0, 1, rows)[:, None]
    period, first = random.uniform(18, 35, (2, count, 1, 1))
    beats = np.exp(-(((column + first) % period - period / 2) ** 2) / (4 + 30 * (1 - row)))
    return (2.5 * beats - 3 - 2 * row + 0.1 * random.normal(size=(count, rows, 256))).astype(np.float32)


def make_store(path, profile=PAPER, dtype="uint8", records=10):
    """A store of one record a fold, and of more again; record 2 is not there, record 3 has a flat lead."""
    clean = tuple(lead for lead in range(12) if lead != NOISY_LEAD)
    index = [
        RecordLabels(
            filename_hr=f"records500/{number:05}_hr", filename_lr=f"records100/{number:05}_lr", scp_codes={},
            baseline_drift=(NOISY_LEAD,), static_noise=(), burst_noise=(), electrodes_problems=(), clean=clean,
            strat_fold=1 + number % 10,
        )
        for number in range(records)
    ]  # fmt: skip
    store = create_store(path, StoreDescription(profile, dtype, 500), index)
    levels = made_up_levels(records * len(LEADS), profile.rows)
    if dtype == "uint8":
        levels = level_images(levels, np.zeros(len(levels), np.float32), profile)
    stored = levels.reshape(records, len(LEADS), profile.rows, 256).astype(dtype)
    store.array(store.description.quantity)[:] = stored
    qrs = np.linspace(-2, -1, records * len(LEADS), dtype=np.float32).reshape(records, len(LEADS))
    qrs[ABSENT + 1, FLAT_LEAD] = np.nan
    store.array(QRS_LEVEL)[:] = qrs
    store.array(DONE)[:] = np.arange(records) != ABSENT
    return store


class LineTask:
    """Rows of pixels from rows with noise, by one matrix: a step takes a millisecond."""

    def __init__(self, size=24, seed=0):
        self.images = made_up_levels(size, 32, seed)[:, :4, :16] * 20 + 100
        self.seen = []

    @property
    def size(self):
        return len(self.images)

    @property
    def fingerprint(self):
        return fingerprint(self.images)

    def network(self):
        return nn.Linear(16, 16)

    def batch(self, chosen, generator):
        self.seen.append(chosen)
        images = torch.from_numpy((self.images[chosen] / 127.5 - 1).astype(np.float32))
        return {"images": images, "noisy": images + 0.1 * torch.randn(images.shape, generator=generator)}

    def loss(self, network, batch):
        return ((network(batch["noisy"]).float() - batch["images"]) ** 2).mean()

    def examples(self, network):
        shown = self.images[:2]
        drawn = network(torch.from_numpy((shown / 127.5 - 1).astype(np.float32)))
        return shown, (drawn.numpy() + 1) * 127.5
