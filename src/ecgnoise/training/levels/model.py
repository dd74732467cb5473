"""From clean leads and noise to a model folder with a level network: draw, train, export, measure, write."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray
from safetensors.torch import save

from ecgnoise.errors import ModelFormatError
from ecgnoise.models.description import LARGEST_WIDENING, LEVELS, LevelModel, ModelDescription
from ecgnoise.models.folder import ModelFolder, check_new_folder, write_folder
from ecgnoise.models.levels import (
    CONDITIONS,
    INPUTS,
    UNIT_DB,
    LevelAnswers,
    OnnxLevels,
    conditions,
    counting_most,
    interval,
)
from ecgnoise.models.networks.levels import LevelNetwork
from ecgnoise.models.torch import LEVEL_WEIGHTS
from ecgnoise.noise_levels import KINDS
from ecgnoise.scalogram.profile import COLUMNS, DEFAULT, POSSIBLE_QRS_LEVELS, to_network, within
from ecgnoise.scalogram.traces import TRACES
from ecgnoise.training.engine.config import LevelConfig
from ecgnoise.training.engine.export import export_onnx, quantized
from ecgnoise.training.engine.loop import StepProgress, train
from ecgnoise.training.levels.mixtures import BATCH, CleanLeads, Mixtures
from ecgnoise.training.levels.noises import Noises
from ecgnoise.training.levels.pool import BATCHES_A_TASK, PoolRequest, make_pool
from ecgnoise.training.levels.task import LevelTask
from ecgnoise.training.recordings.records import Listed, Progress, list_bytes

LEVEL_RECORDS: Final = "level-records.csv"
WATCHED: Final = 9600
CALIBRATED_SNR: Final = (-8.0, 26.0)
COVERAGE: Final = 0.68
NOTED: Final = ". The level network:"  # in the note on training; what follows is of the network that is there
TOLD_RANGE: Final = (-15.0, 36.0)
CAUTION_DB: Final = 5.0  # chosen on fold 9 of PTB-XL, as benchmarks.estimates tells
CAUTION_SHARE: Final = 0.7
RANGING_IMAGES: Final = 960
READ_BATCH: Final = 48


@dataclass(frozen=True)
class LevelMaterial:
    """Clean leads to add noise to, others to measure the network on, the noise, and the rows of the list of all."""

    training: CleanLeads
    watched: CleanLeads
    noises: Noises
    rows: tuple[Listed, ...] = ()


@dataclass(frozen=True)
class LevelProgress:
    """What is called while images are drawn, and after each step."""

    drawing: Progress | None = None
    step: StepProgress | None = None


def train_levels(
    material: LevelMaterial,
    model: ModelFolder,
    out: Path,
    config: LevelConfig,
    *,
    work: Path,
    callbacks: LevelProgress = LevelProgress(),
) -> ModelFolder | None:
    """Train a level network and write the model with it into a new folder; None in all processes but the first.

    model: a default model; what it has but its levels stays. work: the folder of the run, where the images are kept;
    called again with the same, training goes on where it stopped.

    Raises OutputError where ``out`` exists, ModelFormatError for another kind of model, and the errors of
    :func:`ecgnoise.training.engine.loop.train`.
    """
    check_new_folder(out)
    if model.description.profile != DEFAULT:
        raise ModelFormatError(f"{model.path}: noise levels are read in images of the default profile: pass another")
    pools: list[Mixtures] = []
    for name, leads, size in (("training", material.training, config.pool), ("watched", material.watched, WATCHED)):
        request = PoolRequest(
            size, config.seed + len(pools), config.jobs, batches=min(BATCHES_A_TASK, -(-size // BATCH))
        )
        if PartialState().is_main_process:
            make_pool(leads, material.noises, request, work / name, callbacks.drawing)
        PartialState().wait_for_everyone()
        pools.append(make_pool(leads, material.noises, request, work / name))
    learnt, seen = (LevelTask(pool, config.channels) for pool in pools)
    network = train(learnt, seen, config, work, progress=callbacks.step)
    if not PartialState().is_main_process:
        return None
    averaged = LevelNetwork(*config.channels)
    averaged.load_state_dict(network.state_dict())
    return write_levels(averaged.eval(), pools, model, out, config, rows=material.rows)


def write_levels(
    network: LevelNetwork,
    pools: list[Mixtures],
    model: ModelFolder,
    out: Path,
    config: LevelConfig,
    *,
    rows: tuple[Listed, ...] = (),
) -> ModelFolder:
    """Export a trained level network, measure its intervals, and write the model with it into a new folder."""
    onnx = export_levels(network)
    if config.quantize:
        onnx = quantized(onnx, inputs_of(pools[0], RANGING_IMAGES))
    files = {name: model.file(name).read_bytes() for name in model.description.files}
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    files |= {LEVELS: onnx, LEVEL_WEIGHTS: save(weights)}
    if rows:
        files[LEVEL_RECORDS] = list_bytes(rows)
    file = out.with_name(f".{out.name}.{LEVELS}")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.write_bytes(onnx)
        levels = measured(OnnxLevels(file, 1), pools[1])
    finally:
        file.unlink(missing_ok=True)
    return write_folder(out, described(model.description, levels, config), files)


def export_levels(network: LevelNetwork) -> bytes:
    """The network as an ONNX file with the inputs of ``LevelNetwork.forward``."""
    images, traced = torch.zeros(1, 1, DEFAULT.rows, COLUMNS), torch.zeros(1, TRACES, COLUMNS)
    examples = images, traced, torch.zeros(1, CONDITIONS)
    return export_onnx(network.eval(), dict(zip(INPUTS, examples, strict=True)), "levels")


def inputs_of(pool: Mixtures, count: int) -> Iterator[Mapping[str, NDArray[np.float32]]]:
    """What the network is given for so many images, spread evenly, in batches by the name of the input."""
    chosen = np.linspace(0, len(pool.images) - 1, min(count, len(pool.images))).round().astype(np.int64)
    for first in range(0, len(chosen), READ_BATCH):
        rows = chosen[first : first + READ_BATCH]
        known = np.asarray(within(pool.reference[rows], POSSIBLE_QRS_LEVELS), np.bool_)
        images = np.asarray(to_network(pool.images[rows].astype(np.float32)))[:, None]
        traced = pool.traces[rows].astype(np.float32)
        told = conditions(pool.reference[rows], known, pool.highest[rows], traced)
        yield dict(zip(INPUTS, (images, traced, told), strict=True))


def measured(network: OnnxLevels, pool: Mixtures) -> LevelModel:
    """What turns the answers of a network into intervals that are right, measured on images it has not learnt.

    By the kind that counts most, the factor is the one with which 68 % of the images whose SNR is known and lies
    between -8 and 26 dB have it in their interval.
    """
    plain = LevelModel(*TOLD_RANGE, (1.0,) * len(KINDS))
    reader = LevelAnswers(network, plain)
    answers = np.concatenate([network.levels(*batch.values()) for batch in inputs_of(pool, len(pool.images))])
    found = reader.estimates(np.asarray(answers, np.float64) * UNIT_DB)
    quantiles = np.sort(np.asarray(answers[:, -3:], np.float64) * UNIT_DB, axis=1)
    low, high = pool.snr.astype(np.float64).T
    there = (low == high) & (low > CALIBRATED_SNR[0]) & (low < CALIBRATED_SNR[1])
    kinds = counting_most(found.noise, found.ecg[:, None])
    one = interval(quantiles, np.ones(len(quantiles)))
    below, above = one[:, 0] - one[:, 1], one[:, 2] - one[:, 0]
    missing = low - one[:, 0]
    needed = np.where(missing < 0, -missing / np.maximum(below, 1e-3), missing / np.maximum(above, 1e-3))
    factors = [
        float(np.quantile(needed[there & (kinds == kind)], COVERAGE)) if (there & (kinds == kind)).sum() > 50 else 1.0
        for kind in range(len(KINDS))
    ]
    widening = tuple(round(min(max(factor, 0.01), LARGEST_WIDENING), 3) for factor in factors)
    return LevelModel(*TOLD_RANGE, widening, CAUTION_DB, CAUTION_SHARE)


def described(model: ModelDescription, levels: LevelModel, config: LevelConfig) -> ModelDescription:
    """The description of a model with its level network."""
    note = (
        f"{model.training.note.partition(NOTED)[0]}{NOTED} {config.length} of {config.batch} of {config.pool} images "
        f"of clean leads with noise added, learning rate {config.learning_rate:g}, channels "
        f"{', '.join(map(str, config.channels))}, seed {config.seed}"
    )
    if config.without:
        note += f", without {config.without}"
    return replace(model, levels=levels, training=replace(model.training, note=note))
