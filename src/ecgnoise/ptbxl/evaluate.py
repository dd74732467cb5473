"""Evaluating models: PSNR, SSIM, MSE and MAE of the leads of a store, a result file a metric.

A batch of leads is read and encoded once and reconstructed by every sampler that is asked for. Batches go across
records. Their bounds depend on the leads to evaluate and the batch size only, so that a run that goes on gives the
numbers that one without a stop does.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.extras import extra
from ecgnoise._version import __version__
from ecgnoise.errors import OptionError, StoreError
from ecgnoise.models.diffusion import Ddim, Ddpm
from ecgnoise.models.folder import HASH_DIGITS, ModelFolder
from ecgnoise.models.load import available_processors, load_reconstructor
from ecgnoise.models.onnx import open_onnx
from ecgnoise.models.reconstruct import (
    NOISE_SEED,
    Array,
    DiffusionNetwork,
    DiffusionReconstructor,
    Reconstructor,
    Scalograms,
)
from ecgnoise.ptbxl.checkpoint import (
    METRICS,
    Checkpoint,
    Counts,
    Identity,
    Lead,
    ResultPlace,
    find_finished,
    open_checkpoint,
    write_note,
)
from ecgnoise.ptbxl.compare import RESULT_COLUMNS, ResultFile
from ecgnoise.ptbxl.index import all_leads, evaluation_leads
from ecgnoise.ptbxl.labels import EVERY_LEAD, label_sheet
from ecgnoise.ptbxl.rows import Sheet, write_sheets
from ecgnoise.ptbxl.store import Store
from ecgnoise.results.scores import ModelIdentity
from ecgnoise.scalogram.profile import Images, valid_rows
from ecgnoise.scoring import metrics

Sampling = Ddim | Ddpm
Progress = Callable[[int, int], None]

CPU: Final = "cpu"
CPU_BATCH: Final = 12
DEVICE_BATCH: Final = 128
TIMESTEP: Final = 250
STEP_INTERVAL: Final = 10
NAMES: Final[Mapping[str, str]] = {"latent": "ldm", "pixel": "dm", "masked": "default", "autoencoder": "ae"}
DIFFUSION_KINDS: Final = ("latent", "pixel")
SAMPLERS: Final[Mapping[str, Callable[[int, int], Sampling]]] = {
    "ddim": Ddim,
    "ddpm": lambda timestep, _: Ddpm(timestep),
}


@dataclass(frozen=True)
class EvaluationSettings:
    """How to evaluate.

    name: of the model in the names of the files; None for ``ldm``, ``dm``, ``ae`` or ``default`` by the kind of
    network. every_fold: all leads of all folds. seed: of the noise of the reverse process, None for the usual. batch:
    leads in the network at once, None for 12 on the ``cpu`` and 128 elsewhere. device: ``cpu`` for ONNX, or a torch
    device. threads: of ONNX, None for all processors.
    """

    name: str | None = None
    every_fold: bool = False
    seed: int | None = None
    batch: int | None = None
    device: str = CPU
    threads: int | None = None


@dataclass(frozen=True)
class EvaluatedResult:
    """The four files of a sampler; new: whether this run wrote them."""

    files: tuple[Path, ...]
    counts: Counts
    new: bool


@dataclass(frozen=True)
class Evaluated:
    """What became of a run; absent: records with leads to evaluate that are not in the store."""

    results: tuple[EvaluatedResult, ...]
    absent: int


def samplers_of(
    timesteps: Sequence[int] = (), samplers: Sequence[str] = (), step_intervals: Sequence[int] = ()
) -> tuple[Sampling, ...]:
    """Every combination, once each: ``ddpm`` has no step interval. None given: 250, ``ddim``, 10.

    Raises OptionError for a value outside its range.
    """
    for sampler in samplers:
        if sampler not in SAMPLERS:
            raise OptionError(f"sampler {sampler!r} is none of {', '.join(SAMPLERS)}")
    given = (samplers or ("ddim",), timesteps or (TIMESTEP,), step_intervals or (STEP_INTERVAL,))
    return tuple(dict.fromkeys(SAMPLERS[sampler](*numbers) for sampler, *numbers in itertools.product(*given)))


def sampler_name(sampler: Sampling | None) -> str:
    """A sampler as names of files have it, ``ddim-10_t250``; empty without one."""
    if sampler is None:
        return ""
    name = f"ddim-{sampler.step_interval}" if isinstance(sampler, Ddim) else "ddpm"
    return f"{name}_t{sampler.start}"


def evaluate(
    store: Store,
    model: ModelFolder,
    out: Path,
    samplers: Sequence[Sampling] = (),
    settings: EvaluationSettings | None = None,
    *,
    progress: Progress | None = None,
) -> Evaluated:
    """Write the result files of a model into the folder ``out``, four for each sampler; go on where a run was stopped.

    samplers: of :func:`samplers_of`; none for a model without a reverse process, and the usual one for one with it.
    progress: called with the number of leads that are done, each sampler for itself, and that of all.

    Evaluated are all leads of fold 10 and the noisy leads of folds 1 .. 9. A lead that is flat, or whose image or
    reconstruction is not finite, has no value. Records that are not in the store are left out.

    Raises StoreError where the store has another profile than the model or none of the leads, OptionError for settings
    outside their range or samplers for a model without a reverse process, OutputError where ``out`` cannot be written
    or holds a result of something else, MissingExtraError without the extra ``ptbxl``, or without ``train`` for another
    device than ``cpu``.
    """
    settings = settings or EvaluationSettings()
    store = store.drawn_with(model.description.profile)
    chosen = _chosen(model, samplers, settings)
    leads, absent = _leads(store, every_fold=settings.every_fold)
    targets = [_target(store, model, out, sampler, settings) for sampler in chosen]
    finished = [find_finished(target.place, target.identity, len(leads)) for target in targets]
    pending = [target for target, counts in zip(targets, finished, strict=True) if counts is None]
    made = iter(_make(store, model, pending, leads, settings, progress=progress) if pending else ())
    results = (
        EvaluatedResult(tuple(target.place.files.values()), counts or next(made), counts is None)
        for target, counts in zip(targets, finished, strict=True)
    )
    return Evaluated(tuple(results), absent)


@dataclass(frozen=True)
class _Target:
    """A result to make."""

    sampler: Sampling | None
    place: ResultPlace
    identity: Identity


def _chosen(
    model: ModelFolder, samplers: Sequence[Sampling], settings: EvaluationSettings
) -> tuple[Sampling | None, ...]:
    """The samplers to use: a single None for a model without a reverse process."""
    if settings.batch is not None and settings.batch < 1:
        raise OptionError(f"batch {settings.batch}: at least 1 lead goes through the network at once")
    kind = model.description.network.kind
    if kind in DIFFUSION_KINDS:
        return tuple(dict.fromkeys(samplers)) or samplers_of()
    given = {"--timestep, --sampler, --step-interval": samplers, "--seed": settings.seed is not None}
    for option in (name for name, value in given.items() if value):
        raise OptionError(f"{option}: {model.path} is of kind {kind}, which has no reverse process: leave it out")
    if settings.device != CPU:
        raise OptionError(f"--device {settings.device}: a model of kind {kind} runs on the {CPU}: leave it out")
    return (None,)


def _leads(store: Store, *, every_fold: bool) -> tuple[tuple[Lead, ...], int]:
    """The leads to evaluate that are in the store, in its order, and how many records with such leads are not."""
    listed = all_leads if every_fold else evaluation_leads
    done = store.done
    leads = [(number, row.lead) for number, record in enumerate(store.index) for row in listed([record])]
    there = tuple(lead for lead in leads if done[lead[0]])
    if not there:
        what = "none of the leads to evaluate is there"
        raise StoreError(f"{store.path}: {what}: go on with ecgnoise ptbxl prepare")
    return there, len({number for number, _ in leads if not done[number]})


def _target(
    store: Store, model: ModelFolder, out: Path, sampler: Sampling | None, settings: EvaluationSettings
) -> _Target:
    """Name a result; OptionError for a name that a file of results cannot have."""
    name = settings.name or NAMES[model.description.network.kind]
    before, after = "all_" if settings.every_fold else "", f"_{sampler_name(sampler)}" if sampler else ""
    place = ResultPlace(out, f"{before}{name}{after}")
    read = ResultFile.of(out / f"{place.stem}_{METRICS[0]}.csv")
    understood = read is not None and (read.every_fold, read.model) == (settings.every_fold, name)
    if not understood or set(name) & set("/\\:\0"):
        raise OptionError(f"--name {name}: no name that can be found again in {place.stem}: pass one such as ldm-2")
    described = ModelIdentity(model.description.name, model.description.version, model.hash)
    seed = None if sampler is None else _seed(settings)
    index = hashlib.sha256(repr(store.index).encode()).hexdigest()[:HASH_DIGITS]
    device = settings.device.partition(":")[0]
    return _Target(
        sampler,
        place,
        Identity(described, sampler_name(sampler), seed, device, settings.every_fold, store.description, index),
    )


def _seed(settings: EvaluationSettings) -> int:
    return NOISE_SEED if settings.seed is None else settings.seed


def _make(
    store: Store,
    model: ModelFolder,
    targets: Sequence[_Target],
    leads: Sequence[Lead],
    settings: EvaluationSettings,
    *,
    progress: Progress | None,
) -> list[Counts]:
    """Make the results that are not there yet."""
    reconstructors = _reconstructors(model, [target.sampler for target in targets], settings)
    checkpoints = [open_checkpoint(target.place, target.identity, len(store.index)) for target in targets]
    total = len(leads) * len(targets)
    done = sum(checkpoint.count(leads) for checkpoint in checkpoints)
    if done < total:
        batch = settings.batch or (CPU_BATCH if settings.device == CPU else DEVICE_BATCH)
        for count in _reconstruct(store, leads, batch, list(zip(checkpoints, reconstructors, strict=True))):
            done += count
            if progress:
                progress(done, total)
    return [_finish(store, leads, target, checkpoint) for target, checkpoint in zip(targets, checkpoints, strict=True)]


def _reconstruct(
    store: Store, leads: Sequence[Lead], size: int, work: Sequence[tuple[Checkpoint, Reconstructor]]
) -> Iterator[int]:
    """Enter the values of all leads into the checkpoints; after each size of each, how many leads it had not had."""
    valid = valid_rows(store.profile, store.description.sampling_frequency)
    reader = _Reader(store)
    for first in range(0, len(leads), size):
        batch = leads[first : first + size]
        waiting = [
            (checkpoint, reconstructor) for checkpoint, reconstructor in work if checkpoint.count(batch) < len(batch)
        ]
        if not waiting:
            continue
        images, reference = reader.read(batch)
        usable = np.isfinite(reference) & np.isfinite(images).all(axis=(1, 2))
        scalograms = Scalograms(images[usable], reference[usable], known=True, valid=valid)
        for checkpoint, reconstructor in waiting:
            values = np.full((len(batch), len(METRICS)), np.nan)
            if usable.any():
                values[usable] = measure(scalograms, reconstructor.reconstruct(scalograms))
            before = checkpoint.count(batch)
            checkpoint.enter(batch, values)
            yield len(batch) - before


def measure(scalograms: Scalograms, reconstruction: Images) -> NDArray[np.float64]:
    """The metrics of reconstructed images, (n, rows, columns) in 0..255, (n, metrics): PSNR in dB, SSIM, MSE and MAE.

    Over the rows that the sampling frequency can hold; NaN where a reconstruction is not finite.
    """
    values = np.full((len(reconstruction), len(METRICS)), np.nan)
    finite = np.isfinite(reconstruction).all(axis=(1, 2))
    pair = (scalograms.images[finite], reconstruction[finite], scalograms.valid)
    squared = metrics.column_errors(*pair).mean(axis=1)
    by_name = {"psnr": metrics.psnr(squared), "ssim": metrics.ssim(*pair), "mse": squared}
    by_name["mae"] = metrics.mean_absolute_error(*pair)
    values[finite] = np.column_stack([by_name[metric] for metric in METRICS])
    return values


class _Reader:
    """Reads leads of a store; a record that goes on in the next batch is read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._levels = store.qrs_level
        self._kept: dict[int, Images] = {}

    def read(self, leads: Sequence[Lead]) -> tuple[Images, NDArray[np.float32]]:
        """Images (n, rows, columns) and QRS levels (n,) of some leads."""
        records = dict.fromkeys(record for record, _ in leads)
        new = [record for record in records if record not in self._kept]
        self._kept = {record: kept for record, kept in self._kept.items() if record in records}
        self._kept |= zip(new, self._store.images(new), strict=True) if new else ()
        images = np.stack([self._kept[record][lead] for record, lead in leads])
        return images, np.array([self._levels[lead] for lead in leads], np.float32)


class EncodedOnce:
    """A network whose last encoding is kept, for several samplers from the same images."""

    def __init__(self, network: DiffusionNetwork) -> None:
        self._network = network
        self._images: Array | None = None
        self._encoded: Array | None = None

    def encode(self, images: Array) -> Array:
        """What is denoised, (n, c, h, w), of images (n, 1, rows, columns) in [-1, 1]."""
        if self._encoded is None or self._images is None or not np.array_equal(images, self._images):
            self._images, self._encoded = images, self._network.encode(images)
        return self._encoded

    def predict_noise(self, noisy: Array, timestep: int) -> Array:
        """Noise in ``noisy`` (n, c, h, w) at a timestep in 0..999."""
        return self._network.predict_noise(noisy, timestep)

    def decode(self, denoised: Array) -> Array:
        """Images (n, 1, rows, columns) of what was denoised."""
        return self._network.decode(denoised)


def _reconstructors(
    model: ModelFolder, samplers: Sequence[Sampling | None], settings: EvaluationSettings
) -> list[Reconstructor]:
    """What reconstructs by each sampler; a model without a reverse process has one."""
    threads = settings.threads or available_processors()
    taken = [sampler for sampler in samplers if sampler is not None]
    if not taken:
        return [load_reconstructor(model, threads)]
    network = EncodedOnce(open_onnx(model, threads) if settings.device == CPU else open_twin(model, settings.device))
    return [DiffusionReconstructor(network, sampler, model.description.profile, _seed(settings)) for sampler in taken]


def open_twin(model: ModelFolder, device: str) -> DiffusionNetwork:
    """The torch network of a model folder on a torch device.

    Raises OptionError where torch has no such device, ModelFormatError where the folder has no weights for torch,
    MissingExtraError without the extra ``train``.
    """
    with extra(f"--device {device}", "train"):
        from ecgnoise.models.torch import check_device, open_torch
    check_device(device)
    twin = open_torch(model)
    twin.network.to(device)
    return twin


def _finish(store: Store, leads: Sequence[Lead], target: _Target, checkpoint: Checkpoint) -> Counts:
    """Write the files of a result, all or none, then its note."""
    records: dict[int, set[int]] = {}
    for record, lead in leads:
        records.setdefault(record, set()).add(lead)
    labels = [row[:-1] for row in label_sheet(store.index[record] for record in records).rows]
    sheets = {
        file: Sheet(RESULT_COLUMNS, _rows(labels, records, checkpoint.values[:, :, number]))
        for number, file in enumerate(target.place.files.values())
    }
    write_sheets(sheets)
    empty = int(np.isnan(checkpoint.values_of(leads)).any(axis=1).sum())
    counts = Counts(len(leads), len(records), empty)
    write_note(target.place, target.identity, counts, __version__)
    return counts


def _rows(
    labels: Sequence[tuple[Any, ...]], leads: Mapping[int, set[int]], values: NDArray[np.float64]
) -> Iterator[tuple[Any, ...]]:
    """Rows of a result file: labels of each record, and its values of (records, 12); empty cells for what has none."""
    for row, (record, those) in zip(labels, leads.items(), strict=True):
        wanted = [lead in those and not np.isnan(values[record, lead]) for lead in EVERY_LEAD]
        cells = zip(wanted, values[record].tolist(), strict=True)
        yield (*row, *(value if there else "" for there, value in cells))
