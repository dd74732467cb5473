"""From recordings to the model folder of the default model: train, export, calibrate, write."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray
from safetensors.torch import save

from ecgnoise._version import __version__
from ecgnoise.errors import ModelFormatError, OptionError, TrainingDataError
from ecgnoise.models.calibration import COUNTED_POOR_MARGIN, clean_percentiles_of, source_commit, thresholds_of
from ecgnoise.models.folder import (
    CARD,
    ModelDescription,
    ModelFolder,
    Network,
    Query,
    Training,
    check_new_folder,
    write_folder,
)
from ecgnoise.models.load import (
    DENOISER,
    DENOISER_INPUTS,
    OnnxDenoiser,
    available_processors,
    load_reconstructor,
)
from ecgnoise.models.networks.teacher import MaskedDenoiser
from ecgnoise.models.reconstruct import QueryReconstructor, Scalograms
from ecgnoise.models.torch import WEIGHTS
from ecgnoise.models.weights import load_weights
from ecgnoise.ptbxl.store import Store
from ecgnoise.scalogram.profile import COLUMNS, DEFAULT, Images, level_images
from ecgnoise.scoring import metrics
from ecgnoise.scoring.beats import agreement
from ecgnoise.training.default.data import TrainingSet, load_training_set
from ecgnoise.training.default.task import MaskedTask
from ecgnoise.training.engine.config import DefaultConfig
from ecgnoise.training.engine.export import export_onnx
from ecgnoise.training.engine.loop import StepProgress, train
from ecgnoise.training.levels.clean_leads import LEAST_AGREEMENT
from ecgnoise.training.recordings.records import (
    RECORDS_FILE,
    TRAIN,
    WATCH,
    Listed,
    Progress,
    list_bytes,
    read_list,
    take,
    take_listed,
)
from ecgnoise.training.recordings.sources import HAND_HELD, LICENCES, RHYTHMS, WATCHED_FOLD, collections, watched
from ecgnoise.training.recordings.store_leads import check_default_store, choose_leads, stored_levels

STORE: Final = "store"
STORE_LICENCE: Final = "PTB-XL, clean leads of folds 1-8 (CC BY 4.0)"
WATCHED: Final = "ptb-xl fold 9"
SETTINGS_FILE: Final = "training.toml"
CALIBRATION_QUANTILE: Final = 0.95
BATCH: Final = 48
MOST: Final[Mapping[str, int]] = MappingProxyType({HAND_HELD: 1500, RHYTHMS: 1800})  # lead-segments to train on
MOST_SEED: Final = 0

NOTHING: Final = (0.0, 0.0)
EVERYTHING: Final = (0.1, 200.0)

# What is hidden, what counts, and how noisy the rest is made; the scales are filled in by calibration.
QUERIES: Final = (
    Query(
        "low",
        (0.1, 28.0),
        0.385,
        (0.1, 1.3),
        one_sided=True,
        scale=1.0,
        weight=120.0,
        power=0.5,
        ceiling=4.0,
        time_power=2.0,
    ),
    Query(
        "high",
        (5.7, 200.0),
        0.077,
        (31.0, 200.0),
        one_sided=True,
        scale=1.0,
        weight=200.0,
        ceiling=1.0,
        time_power=2.0,
    ),
    Query("all", NOTHING, 0.615, EVERYTHING, one_sided=True, scale=1.0, weight=140.0, power=0.75, time_power=4.0),
    Query("beats", NOTHING, 0.615, (0.8, 40.0), one_sided=False, scale=1.0, weight=150.0),
)
TRAINED_ON_CLEAN: Final = "A masked denoiser of superlet images, trained on clean ECG only,\nwithout noise labels."
OF_STUDENT: Final = """A smaller network that gives the answers of a masked denoiser of
superlet images. That one, its teacher, was trained on clean ECG only, without noise labels; the student was shown clean
lead-segments and the same with simulated noise, and for each what its teacher answers."""


@dataclass(frozen=True)
class DefaultMaterial:
    """Clean lead-segments to train on, and others to watch and to calibrate on."""

    training: TrainingSet
    clean: TrainingSet

    @property
    def files(self) -> dict[str, bytes]:
        """The list of them for the model folder; none where they do not come out of recordings."""
        rows = (*self.training.rows, *self.clean.rows)
        return {RECORDS_FILE: list_bytes(rows)} if rows else {}


def train_default(
    material: DefaultMaterial,
    out: Path,
    config: DefaultConfig,
    work: Path | None = None,
    *,
    progress: StepProgress | None = None,
    start: ModelFolder | None = None,
) -> ModelFolder | None:
    """Train the default model and write its model folder; None in all processes but the first.

    out: the model folder, new. work: the folder of the run, by default ``out`` with ``.training`` at its end; called
    again with the same, training goes on where it stopped. progress: called after each step, see
    :func:`ecgnoise.training.engine.loop.train`. start: a default model whose weights to start from; None for fresh
    ones.

    Raises TrainingDataError, OutputError, OptionError, ModelFormatError or CheckpointError.
    """
    check_new_folder(out)
    weights = None if start is None else load_weights(start.file(WEIGHTS))
    kept = material if config.keep == 1 else keep_cleanest(material, start, config.keep)
    task, watched = MaskedTask(kept.training, config, weights), MaskedTask(kept.clean, config)
    network = train(task, watched, config, work or out.with_name(f"{out.name}.training"), progress=progress)
    if not PartialState().is_main_process:
        return None
    averaged = MaskedDenoiser(config.channels)
    averaged.load_state_dict(network.state_dict())
    files = {**kept.files, SETTINGS_FILE: config.content()}
    return build_model(averaged.eval(), kept.clean, out, _training(kept, config, start), files=files)


def keep_cleanest(material: DefaultMaterial, model: ModelFolder | None, share: float) -> DefaultMaterial:
    """Only those lead-segments to train on that look clean to a default model in every hidden band.

    Rows that are not sound, or not held, are not counted; a lead-segment with none in a band stays for it.

    share: of each one-sided query, the lead-segments with the least error that stay; what stays in all of them is
    trained on. Nothing is chosen by how usual a lead's shape is. The refinement of Han et al., arXiv 2506.11815, with
    the queries in place of two models.

    Raises OptionError without a model, ModelFormatError where it asks no query.
    """
    if model is None:
        raise OptionError(f"keep {share:g}: a model says which are the cleanest: pass --start")
    reconstructor = load_reconstructor(model)
    asked = [plain(query) for query in model.description.queries if query.one_sided]
    if not isinstance(reconstructor, QueryReconstructor) or not asked:
        raise ModelFormatError(f"{model.path}: no model that hides bands: pass a default model")
    chosen = np.ones(len(material.training.levels), np.bool_)
    for query in asked:
        errors = _errors(query, reconstructor, material.training)
        chosen &= errors <= np.quantile(errors, share)
    return replace(material, training=material.training.only(chosen))


def read_recordings(data: Path, listed: Path | None = None, reading: Progress | None = None) -> DefaultMaterial:
    """Lead-segments of the recordings below a folder laid out as ``docs/training.md`` says.

    Calibrated on is PTB-XL fold 9, or every tenth lead-segment trained on where that is not there. listed: a list of
    lead-segments, which are then taken and no others. reading: called after each recording. TrainingDataError where
    there is nothing to train on, and what :func:`ecgnoise.training.recordings.records.take_listed` raises.
    """
    if listed is None:
        training = screened(load_training_set(take(data, collections(data), progress=reading)))
        clean = list(take(data, {WATCHED: watched(data)}, WATCH))
    else:
        rows = read_list(listed)
        training = load_training_set(take_listed(data, _of_use(TRAIN, rows), progress=reading))
        clean = list(take_listed(data, _of_use(WATCH, rows)))
    if clean:
        return DefaultMaterial(training, load_training_set(clean))
    tenth = replace(
        training.only(np.arange(len(training.levels)) % 10 == 0),
        sources={"every tenth lead-segment trained on": 0},
        rows=(),
    )
    return DefaultMaterial(training, tenth)


def screened(training: TrainingSet) -> TrainingSet:
    """Lead-segments whose beats agree, and of the collections in :data:`MOST` no more than that, drawn by chance."""
    chosen = np.zeros(len(training.levels), np.bool_)
    for places, batch in _batches(training):
        chosen[places] = agreement(batch.images, batch.valid, DEFAULT) >= LEAST_AGREEMENT
    generator = np.random.default_rng(MOST_SEED)
    first = 0
    for name, count in training.sources.items():
        part = first + np.flatnonzero(chosen[first : first + count])
        surplus = max(0, len(part) - MOST.get(name, len(part)))
        chosen[generator.choice(part, surplus, replace=False)] = False
        first += count
    if not chosen.any():
        raise TrainingDataError("no lead-segment of the recordings has beats that agree: pass others")
    return training.only(chosen)


def _of_use(use: str, rows: Sequence[Listed]) -> list[Listed]:
    """The rows of a list that are to train on, or those to watch."""
    return [row for row in rows if row.use == use]


def read_store(
    store: Store,
    only: Path | None = None,
    reading: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> DefaultMaterial:
    """Clean leads of a store of levels: folds 1 to 8 to train on, fold 9 to calibrate on.

    only: a list of leads, or None for all clean ones. say: told which leads are left out, if any. Raises StoreError
    for another store, TrainingDataError where there is nothing to train on.
    """
    check_default_store(store)
    leads = choose_leads(store, WATCHED_FOLD, only)
    if say and leads.note:
        say(leads.note)
    training, clean = (stored_levels(store, rows, reading) for rows in (leads.training, leads.validation))
    trained = TrainingSet(*training, {STORE: len(leads.training)})
    if not len(leads.validation):
        return DefaultMaterial(trained, TrainingSet(training[0][::10], training[1][::10], {"every tenth": 0}))
    return DefaultMaterial(trained, TrainingSet(*clean, {"ptb-xl fold 9": len(leads.validation)}))


def build_model(
    network: MaskedDenoiser,
    clean: TrainingSet,
    out: Path,
    training: Training,
    queries: Sequence[Query] = QUERIES,
    *,
    shrink: Callable[[bytes], bytes] = bytes,
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> ModelFolder:
    """Export a trained network, calibrate its queries on clean lead-segments, and write the model folder.

    shrink: what is done to the ONNX file before anything is measured of it. files: what else the folder holds, by name.
    """
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    every = {**files, DENOISER: shrink(export_denoiser(network)), WEIGHTS: save(weights)}
    return write_folder(out, *calibrated(every, clean, training, queries))


def count_anew(model: ModelFolder, clean: TrainingSet, out: Path, queries: Sequence[Query] = QUERIES) -> ModelFolder:
    """The same network in a new model folder, its answers counted as these queries say and calibrated again.

    The queries may differ from those of the model in what counts and how, not in what is hidden: a student answers
    what its teacher was asked. The level network stays as it is.
    """
    files = {name: model.file(name).read_bytes() for name in model.description.files if name != CARD}
    description, every = calibrated(files, clean, model.description.training, queries)
    return write_folder(out, replace(description, levels=model.description.levels), every)


def calibrated(
    files: Mapping[str, bytes], clean: TrainingSet, training: Training, queries: Sequence[Query]
) -> tuple[ModelDescription, dict[str, bytes]]:
    """What a model folder holds: the description, and all files, the card among them.

    The scale of each query is its error at the 95th percentile of the clean lead-segments; for the grades see
    :func:`ecgnoise.models.calibration.thresholds_of`.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / DENOISER
        file.write_bytes(files[DENOISER])
        denoiser = OnnxDenoiser(file, available_processors())
        scaled = [replace(query, scale=_scale(query, denoiser, clean)) for query in queries]
        psnr = _psnr(QueryReconstructor(denoiser, scaled, DEFAULT), clean)
    description = ModelDescription(
        name="default",
        version=__version__,
        licence="MIT",
        profile=DEFAULT,
        network=Network("masked"),
        thresholds=thresholds_of(psnr, COUNTED_POOR_MARGIN),
        training=training,
        queries=tuple(scaled),
        clean_percentiles=clean_percentiles_of(psnr),
    )
    return description, {**files, CARD: _card(description).encode()}


def export_denoiser(network: MaskedDenoiser) -> bytes:
    """The network as an ONNX file with the inputs of ``MaskedDenoiser.forward``."""
    maps = torch.zeros(1, 1, DEFAULT.rows, COLUMNS)
    examples = (maps, maps + 1, maps, torch.zeros(1), torch.ones(1))
    plain = type(network)(network.channels)
    plain.load_state_dict(network.state_dict())
    return export_onnx(plain.eval(), dict(zip(DENOISER_INPUTS, examples, strict=True)), "reconstructed")


def _batches(clean: TrainingSet) -> Iterator[tuple[NDArray[np.int64], Scalograms]]:
    """Places of clean lead-segments and their images, a batch at a time, each of as many sound rows."""
    counts = clean.sound_counts
    for count in np.unique(counts).tolist():
        valid = np.arange(DEFAULT.rows)[::-1] < count
        alike = np.flatnonzero(counts == count)
        for first in range(0, len(alike), BATCH):
            places = alike[first : first + BATCH]
            images = _images(clean.levels[places].astype(np.float32))
            yield places, Scalograms(images, clean.reference[places], known=True, valid=valid)


def _images(levels: NDArray[np.float32]) -> Images:
    """Images of levels relative to the QRS level, (n, rows, columns) in 0..255."""
    return level_images(levels, np.zeros(len(levels), np.float32), DEFAULT)


def _scale(query: Query, denoiser: OnnxDenoiser, clean: TrainingSet) -> float:
    """The error of a query at the 95th percentile of clean lead-segments, in grey levels squared."""
    errors = _errors(plain(query), QueryReconstructor(denoiser, [], DEFAULT), clean)
    return round(float(np.quantile(errors, CALIBRATION_QUANTILE)), 6)


def plain(query: Query) -> Query:
    """The query with its error as it is."""
    return replace(query, scale=1.0, weight=1.0, power=1.0, ceiling=0.0)


def _errors(query: Query, reconstructor: QueryReconstructor, leads: TrainingSet) -> NDArray[np.float64]:
    """The mean counted error of each lead-segment over its sound rows, (n,)."""
    errors = np.zeros(len(leads.levels))
    for places, batch in _batches(leads):
        counted = reconstructor.counted_error(query, batch, reconstructor.answer(query, batch))
        errors[places] = counted.mean(axis=(1, 2)) * (DEFAULT.rows / batch.valid.sum())
    return errors


def _psnr(reconstructor: QueryReconstructor, clean: TrainingSet) -> NDArray[np.float64]:
    """PSNR of each clean lead-segment."""
    errors = np.zeros(len(clean.levels))
    for places, batch in _batches(clean):
        errors[places] = metrics.column_errors(batch.images, reconstructor.reconstruct(batch), batch.valid).mean(axis=1)
    return metrics.psnr(errors)


def _training(material: DefaultMaterial, config: DefaultConfig, start: ModelFolder | None) -> Training:
    """What the model has seen."""
    clean = material.clean
    licences = {**LICENCES, STORE: STORE_LICENCE}
    data = tuple(f"{licences[name]}: {count} lead-segments" for name, count in material.training.sources.items())
    begun = "" if start is None else f"; begun from {start.description.name} {start.description.version} ({start.hash})"
    kept = "" if config.keep == 1 else f", trained on what was among the cleanest {100 * config.keep:g} % in each band"
    taken = config.batch * config.accumulate * PartialState().num_processes
    note = (
        f"{config.length} of {taken}, learning rate {config.learning_rate:g}, channels "
        f"{', '.join(map(str, config.channels))}, seed {config.seed}{begun}{kept}; calibrated on "
        f"{len(clean.levels)} clean lead-segments: {', '.join(clean.sources)}"
    )
    return Training(data, source_commit(), note)


def _card(description: ModelDescription) -> str:
    """The model card."""
    training, thresholds = description.training, description.thresholds
    data = "\n".join(f"- {line}" for line in training.data)
    queries = "\n".join(
        f"- `{query.name}`: hides {_band(query.hidden)}, noise {query.sigma:g}, counts {_band(query.counted)}"
        for query in description.queries
    )
    return f"""# {description.name} {description.version}

Scores how noisy a lead-segment of 10 s is. {OF_STUDENT if training.teacher else TRAINED_ON_CLEAN}
For research and for sorting recordings; not a medical device.

{"Its teacher was trained on, and it was shown" if training.teacher else "Trained on"}

{data}

Training: {training.note}. Commit {training.commit or "unknown"}. Licence of the weights: {description.licence}.

Queries asked of it

{queries}

Grades: good from {thresholds.good} dB (95 % of the clean lead-segments it was calibrated on), fair from
{thresholds.fair} dB (99 %), poor from {thresholds.poor} dB, unusable below.

Limits: trained on resting 12-lead ECG of adults and some ambulatory ECG; sampling frequencies from 100 Hz up.
Measured figures are in `docs/benchmarks.md` of the project.
"""


def _band(band: tuple[float, float]) -> str:
    """A band of a query in words."""
    return "nothing" if band == NOTHING else f"{band[0]:g}-{band[1]:g} Hz"
