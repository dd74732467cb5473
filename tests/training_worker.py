"""Short runs of three tasks, in this process or, by ``torchrun training_worker.py FOLDER``, in several."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from ecgnoise.models.networks.published import Autoencoder
from ecgnoise.training.default.data import TrainingSet
from ecgnoise.training.default.task import MaskedTask
from ecgnoise.training.engine.config import DefaultConfig, PublishedConfig, TrainingConfig
from ecgnoise.training.engine.loop import train
from ecgnoise.training.published.tasks import AutoencoderTask
from training_stores import LineTask, made_up_levels

LENGTH = {"epochs": 0.0, "steps": 3, "save_every": 1}
CONFIGS = {
    "line": TrainingConfig(**{**LENGTH, "steps": 12}, learning_rate=0.05, precision="float32"),
    "partial": TrainingConfig(
        **{**LENGTH, "steps": 12}, learning_rate=0.05, precision="float32", partial_batch=True, ema_ramp=False
    ),
    "autoencoder": PublishedConfig(**LENGTH, channels=(32, 32, 32), precision="float32"),
    "default": DefaultConfig(**LENGTH, channels=(8, 8, 8), precision="float32"),
}


def tasks(config):
    levels = made_up_levels(10, 40)
    narrow = ((32, False),) * 3
    return {
        "line": LineTask(),
        "partial": LineTask(22),
        "autoencoder": AutoencoderTask((made_up_levels(10, 32) * 30 + 200).clip(0, 255), lambda: Autoencoder(narrow)),
        "default": MaskedTask(TrainingSet(levels.astype("float16"), levels[:, 0, 0], {}), config),
    }


def train_all(out, batch, accumulate):
    """Train each of the tasks in a folder of its name, and say so after each step."""
    for name, task in tasks(CONFIGS["default"]).items():
        config = replace(CONFIGS[name], batch=batch, accumulate=accumulate)
        train(task, None, config, out / name, progress=lambda step, steps, _loss: click.echo(f"step {step} of {steps}"))


if __name__ == "__main__":
    train_all(Path(sys.argv[1]), 2, 1)
