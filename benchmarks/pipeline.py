"""How fast the published networks are trained and evaluated: ``python -m benchmarks.pipeline``.

Needs the extras ``train`` and ``ptbxl``, and minutes. The networks have their published size and random weights, the
images are noise: neither changes the time. Training is a step of the common loop, with optimiser and moving average;
evaluating is what ``ecgnoise ptbxl evaluate`` does with a batch, its four metrics included, on the processor.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.machine import keep
from ecgnoise.models.diffusion import Ddim
from ecgnoise.models.folder import (
    PUBLISHED_THRESHOLDS,
    ModelDescription,
    Network,
    Training,
    load_folder,
    write_folder,
)
from ecgnoise.models.load import available_processors
from ecgnoise.models.networks.published import (
    IMAGE_SHAPE,
    LATENT_LEVELS,
    LATENT_SCALING,
    LATENT_SHAPE,
    PIXEL_LEVELS,
    Autoencoder,
    DiffusionModule,
    LatentDiffusion,
    NoisePredictor,
    PixelDiffusion,
    with_widths,
)
from ecgnoise.models.onnx import open_onnx
from ecgnoise.models.reconstruct import DiffusionNetwork, DiffusionReconstructor, Scalograms
from ecgnoise.ptbxl.evaluate import measure
from ecgnoise.scalogram.profile import PAPER
from ecgnoise.training.engine.config import PublishedConfig
from ecgnoise.training.engine.export import export_published
from ecgnoise.training.engine.loop import STATE_FILE, Run
from ecgnoise.training.engine.task import Task
from ecgnoise.training.published.tasks import AutoencoderTask, DiffusionTask

BATCH = 8
STEPS = 3
TIMESTEPS = (30, 250)
EVALUATED_LEADS = {"latent": 16, "pixel": 4}
MODULES: dict[str, Callable[[], DiffusionModule]] = {"latent": LatentDiffusion, "pixel": PixelDiffusion}

Widths = tuple[int, ...]


def random_images(count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """So many images of noise, (count, rows, columns)."""
    return np.random.default_rng(0).integers(0, 256, (count, *IMAGE_SHAPE[1:]), np.uint8)


def autoencoder_task(widths: Widths) -> Task:
    levels = with_widths(LATENT_LEVELS, widths)
    return AutoencoderTask(random_images(BATCH), lambda: Autoencoder(levels))


def latent_task(widths: Widths) -> Task:
    levels = with_widths(LATENT_LEVELS, widths)
    latents = np.random.default_rng(0).standard_normal((BATCH, *LATENT_SHAPE)).astype(np.float32)
    module = LatentDiffusion(levels)
    return DiffusionTask(random_images(BATCH), module, lambda: NoisePredictor(LATENT_SHAPE[0], levels), latents)


def pixel_task(widths: Widths) -> Task:
    levels = with_widths(PIXEL_LEVELS, widths)
    module = PixelDiffusion(levels)
    return DiffusionTask(random_images(BATCH), module, lambda: NoisePredictor(IMAGE_SHAPE[0], levels))


TASKS: dict[str, Callable[[Widths], Task]] = {
    "autoencoder": autoencoder_task,
    "latent": latent_task,
    "pixel": pixel_task,
}


def seconds(action: Callable[[], Any]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def training(kind: str, batch: int, steps: int, widths: Widths = ()) -> dict[str, Any]:
    """A few steps in float32: their median rate, the work of a lead, and the size of a checkpoint."""
    config = PublishedConfig(epochs=0.0, steps=steps + 1, batch=batch, precision="float32")
    task = TASKS[kind](widths)
    with tempfile.TemporaryDirectory() as place:
        run = Run(task, None, config, Path(place))
        with run.log:
            run.step()
            median = statistics.median(seconds(run.step) for _ in range(steps))
        run.state.save(Path(place) / STATE_FILE)
        checkpoint = (Path(place) / STATE_FILE).stat().st_size
        operations = work_of_a_lead(run.state.network, task)
    parameters = sum(value.numel() for value in run.state.network.parameters())
    return {
        "parameters_m": round(parameters / 1e6, 2),
        "gflop_a_lead": round(operations / 1e9, 1),
        "steps_per_s": round(1 / median, 4),
        "leads_per_s": round(batch / median, 3),
        "gflop_per_s": round(operations * batch / median / 1e9, 1),
        "checkpoint_mb": round(checkpoint / 1e6),
    }


def work_of_a_lead(network: torch.nn.Module, task: Task) -> int:
    """Floating-point operations of a lead, forward and backward."""
    part = task.batch(np.zeros(1, np.int64), torch.Generator())
    with FlopCounterMode(display=False) as counter:
        task.loss(network, part).backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops())


def exported(kind: str, folder: Path) -> DiffusionNetwork:
    """A network of published size with random weights, as evaluating runs it."""
    torch.manual_seed(0)
    described = ModelDescription(
        name=kind,
        version="0",
        licence="MIT",
        profile=PAPER,
        network=Network(kind, LATENT_SCALING if kind == "latent" else 1.0),
        thresholds=PUBLISHED_THRESHOLDS,
        training=Training(note="not trained"),
        sampler=Ddim(),
    )
    write_folder(folder / kind, described, export_published(MODULES[kind]().eval()))
    return open_onnx(load_folder(folder / kind), available_processors())


def evaluation(network: DiffusionNetwork, leads: int, timesteps: tuple[int, ...] = TIMESTEPS) -> dict[str, float]:
    """Leads a second from an image to its four metrics, by the timestep from which DDIM goes in steps of 10."""
    images = random_images(leads).astype(np.float32)
    scalograms = Scalograms(images, np.zeros(leads, np.float32), known=True, valid=np.ones(images.shape[1], np.bool_))
    measure(scalograms, DiffusionReconstructor(network, Ddim(0, 10), PAPER).reconstruct(scalograms))
    rates = {}
    for timestep in timesteps:
        reconstructor = DiffusionReconstructor(network, Ddim(timestep, 10), PAPER)
        rates[str(timestep)] = round(
            leads / seconds(lambda used=reconstructor: measure(scalograms, used.reconstruct(scalograms))), 4
        )  # type: ignore[misc]
    return rates


def main() -> None:
    """Measure training and evaluating and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of each training")
    steps = parser.parse_args().steps
    figures: dict[str, Any] = {"torch": torch.__version__, "batch": BATCH}
    figures["training"] = {kind: training(kind, BATCH, steps) for kind in TASKS}
    print(figures, flush=True)
    with tempfile.TemporaryDirectory() as place:
        figures["evaluation"] = {
            kind: {"leads": leads, **evaluation(exported(kind, Path(place)), leads)}
            for kind, leads in EVALUATED_LEADS.items()
        }
    print(figures)
    keep("pipeline", figures)


if __name__ == "__main__":
    main()
