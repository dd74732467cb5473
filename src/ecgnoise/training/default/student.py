"""A student of the default model: a smaller network that gives the same answers to the same queries, faster.

Distillation after Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015, for regression: the
student is trained on what the larger model answers, see ``pool.py``, and never sees a clean target itself. Of an answer
only the rows that count are learnt in earnest, each query weighing what it weighs in the score, and noisy images,
in which more error is counted, less than clean ones.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray
from torch import Tensor, nn

from ecgnoise.errors import ModelFormatError
from ecgnoise.models.calibration import source_commit
from ecgnoise.models.folder import ModelFolder, Query, Training, check_new_folder
from ecgnoise.models.load import DENOISER_INPUTS, load_reconstructor
from ecgnoise.models.networks.student import StudentDenoiser
from ecgnoise.models.networks.teacher import MaskedDenoiser
from ecgnoise.models.reconstruct import SHOWN_SIGMA_OF_HIDDEN, QueryReconstructor, asked, query_noise, rows_within
from ecgnoise.models.torch import WEIGHTS
from ecgnoise.scalogram.profile import DEFAULT, Images, to_network
from ecgnoise.training.default.student_answers import Pool, make_pool
from ecgnoise.training.default.teacher import SETTINGS_FILE, DefaultMaterial, build_model
from ecgnoise.training.engine.config import StudentConfig
from ecgnoise.training.engine.export import quantized
from ecgnoise.training.engine.loop import StepProgress, train
from ecgnoise.training.engine.task import EXAMPLES, Batch, fingerprint, grey_images
from ecgnoise.training.recordings.records import Progress

UNCOUNTED: Final = 0.05  # what a row weighs that does not count, next to one that does
VALIDATION_POOL: Final = 960
CALIBRATION_ANSWERS: Final = 960
POOL_FILE: Final = "pool-{}.npz"
WHITE_HALF: Final = 127.5


class Callbacks(NamedTuple):
    """Who is told how far it is: drawing the pool, and training."""

    drawing: Progress | None = None
    step: StepProgress | None = None


class StudentTask:
    """Answers to learn; see :class:`ecgnoise.training.engine.task.Task`. One of ``size`` is one answer of one image.

    queries: all of the teacher. start: the network whose statistics of the training images the student takes.
    """

    def __init__(self, pool: Pool, queries: Sequence[Query], config: StudentConfig, start: MaskedDenoiser) -> None:
        self.pool = pool
        self._config = config
        self._start = start
        self._asked = asked(queries)
        self._weights = torch.from_numpy(row_weights(queries))
        self._noise = torch.from_numpy(query_noise(DEFAULT.rows))
        self._hidden = torch.from_numpy(np.stack([rows_within(query.hidden, DEFAULT) for query in self._asked]))
        self._sigma = torch.tensor([query.sigma for query in self._asked])
        self._share = torch.from_numpy(shares(pool, self._weights.numpy()))

    @property
    def size(self) -> int:
        """How many answers there are."""
        return len(self.pool.images) * len(self._asked)

    @property
    def fingerprint(self) -> str:
        """A sum over all images; the answers are not in it, whose last digits depend on the computer."""
        return fingerprint(self.pool.images, self.pool.reference)

    def network(self) -> StudentDenoiser:
        """Fresh weights, with the statistics of the teacher's training images."""
        network = StudentDenoiser(self._config.channels)
        for name, value in self._start.named_buffers(recurse=False):
            getattr(network, name).copy_(value)
        laid_out: StudentDenoiser = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return laid_out

    def batch(self, chosen: NDArray[np.int64], generator: torch.Generator) -> Batch:
        """Scalograms as they are put to the network, its inputs by name, and the answers; nothing is drawn."""
        del generator
        items, number = chosen // len(self._asked), chosen % len(self._asked)
        image = torch.from_numpy(np.asarray(to_network(self.pool.images[items].astype(np.float32))))[:, None]
        valid = torch.from_numpy(self.pool.valid[items])
        hidden = (self._hidden[number] | ~valid)[:, None, :, None].float().expand_as(image)
        sigma = torch.where(hidden > 0, SHOWN_SIGMA_OF_HIDDEN, self._sigma[number][:, None, None, None])
        answer = torch.from_numpy(self.pool.answers[number, items].astype(np.float32))[:, None] / WHITE_HALF - 1.0
        return {
            "noised": image + sigma * self._noise,
            "sigma": sigma,
            "hidden": hidden,
            "reference": torch.from_numpy(self.pool.reference[items]),
            "known": torch.from_numpy(self.pool.known[items]).float(),
            "answer": answer,
            "weight": (self._weights[number] * valid * self._share[items, None])[:, None, :, None],
        }

    def inputs(self, count: int) -> Iterator[dict[str, NDArray[np.float32]]]:
        """What the network is given for so many answers, spread evenly, in batches by the name of the input."""
        chosen = np.linspace(0, self.size - 1, min(count, self.size)).round().astype(np.int64)
        for first in range(0, len(chosen), self._config.batch):
            batch = self.batch(chosen[first : first + self._config.batch], torch.Generator())
            yield {name: batch[name].numpy() for name in DENOISER_INPUTS}

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Mean weighted squared difference from the answers."""
        reconstruction = network(*(batch[name] for name in DENOISER_INPUTS))
        return torch.mean(batch["weight"] * (reconstruction.float() - batch["answer"]) ** 2)

    def examples(self, network: nn.Module) -> tuple[Images, Images]:
        """The first answers of the teacher and those of the student."""
        device = next(network.parameters()).device
        batch = {name: value.to(device) for name, value in self.batch(np.arange(EXAMPLES), torch.Generator()).items()}
        reconstruction = network(*(batch[name] for name in DENOISER_INPUTS))
        return grey_images(batch["answer"]), grey_images(reconstruction)


def row_weights(queries: Sequence[Query]) -> NDArray[np.float32]:
    """How much the squared difference of each row counts, (asked, rows), row 0 the highest frequency.

    In proportion to what the score makes of a small error: weight over scale of the queries that count the row, over
    the number of rows each counts.
    """
    weights = np.zeros((len(asked(queries)), DEFAULT.rows))
    for number, first in enumerate(asked(queries)):
        for query in queries:
            if (query.hidden, query.sigma) == (first.hidden, first.sigma):
                counted = rows_within(query.counted, DEFAULT)
                weights[number] += query.weight / query.scale * counted / max(1, counted.sum())
        weights[number] = np.maximum(weights[number], UNCOUNTED * weights[number].max())
    return (weights * WHITE_HALF**2).astype(np.float32)


def shares(pool: Pool, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much each image counts, (n,), 1 on average: the less, the further the teacher's answers are from it.

    A score is a logarithm: what moves it is an error of the student relative to the error that is counted. weights:
    those of the rows, (asked, rows).
    """
    totals = np.zeros(len(pool.images))
    for item, image in enumerate(pool.images.astype(np.float32)):
        counted = weights * pool.valid[item]
        differences = (image - pool.answers[:, item].astype(np.float32)) ** 2
        totals[item] = (counted[:, :, None] * differences).mean() / WHITE_HALF**2
    inverse = 1.0 / np.maximum(totals, np.finfo(np.float32).tiny)
    return np.asarray(inverse / inverse.mean(), np.float32)


def train_student(
    material: DefaultMaterial,
    teacher: ModelFolder,
    out: Path,
    config: StudentConfig,
    *,
    work: Path | None = None,
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - it is frozen
) -> ModelFolder | None:
    """Train a student of a default model and write its model folder; None in all processes but the first.

    material: clean lead-segments to draw images of, and others to calibrate on. teacher: a default model. out: the
    model folder, new. work: the folder of the run, by default ``out`` with ``.training`` at its end; what the teacher
    answered is kept there.

    Raises OutputError where ``out`` exists, ModelFormatError where the teacher asks no queries, and the errors of
    :func:`ecgnoise.training.engine.loop.train`.
    """
    check_new_folder(out)
    queries = teacher.description.queries
    if not queries:
        raise ModelFormatError(f"{teacher.path}: it asks no queries: pass a default model as the teacher")
    folder = work or out.with_name(f"{out.name}.training")
    start = _statistics(teacher)
    tasks = [StudentTask(pool, queries, config, start) for pool in _pools(material, teacher, folder, config, callbacks)]
    network = train(tasks[0], tasks[1], config, folder, progress=callbacks.step)
    if not PartialState().is_main_process:
        return None
    averaged = StudentDenoiser(config.channels)
    averaged.load_state_dict(network.state_dict())
    training = _training(material, config, teacher)

    def shrink(onnx: bytes) -> bytes:
        return quantized(onnx, tasks[0].inputs(CALIBRATION_ANSWERS)) if config.quantize else onnx

    files = {**material.files, SETTINGS_FILE: config.content()}
    return build_model(averaged.eval(), material.clean, out, training, queries, shrink=shrink, files=files)


def _statistics(teacher: ModelFolder) -> MaskedDenoiser:
    """A network with the teacher's statistics of its training images."""
    from ecgnoise.models.weights import load_weights

    weights = load_weights(teacher.file(WEIGHTS))
    network = MaskedDenoiser((8,))
    for name, value in network.named_buffers(recurse=False):
        value.copy_(weights[name])
    return network


def _pools(
    material: DefaultMaterial, teacher: ModelFolder, folder: Path, config: StudentConfig, callbacks: Callbacks
) -> list[Pool]:
    """Pools to learn from and to watch, drawn once a run."""
    reconstructor = load_reconstructor(teacher)
    if not isinstance(reconstructor, QueryReconstructor):
        raise ModelFormatError(f"{teacher.path}: it asks no queries: pass a default model as the teacher")
    queries = asked(teacher.description.queries)
    sizes = {"training": (material.training, config.pool), "watched": (material.clean, VALIDATION_POOL)}
    pools = []
    for name, (clean, size) in sizes.items():
        path = folder / POOL_FILE.format(name)
        if PartialState().is_main_process and not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            make_pool(clean, reconstructor, queries, size, seed=config.seed, progress=callbacks.drawing).save(path)
        PartialState().wait_for_everyone()
        pools.append(Pool.load(path))
    return pools


def _training(material: DefaultMaterial, config: StudentConfig, teacher: ModelFolder) -> Training:
    """What the student has seen: what its teacher has, and the teacher's answers."""
    taught, clean = teacher.description.training, material.clean
    told = f"{teacher.description.name} {teacher.description.version} ({teacher.hash})"
    taken = config.batch * config.accumulate * PartialState().num_processes
    seed = f"{config.seed}{', convolutions in 8 bit' if config.quantize else ''}"
    note = (
        f"student of {told}, which was trained with "
        f"{taught.note}. The student: {config.length} of {taken} answers to {config.pool} images with simulated "
        f"noise, learning rate {config.learning_rate:g}, channels {', '.join(map(str, config.channels))}, seed "
        f"{seed}; calibrated on {len(clean.levels)} clean lead-segments: {', '.join(clean.sources)}"
    )
    return Training(taught.data, source_commit(), note, told)
