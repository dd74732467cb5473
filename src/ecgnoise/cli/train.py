"""``ecgnoise train``: a model of your own clean recordings."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ecgnoise.cli.options import OptionsCommand
from ecgnoise.errors import MissingExtraError

if TYPE_CHECKING:
    from ecgnoise.training.config import TrainingConfig


@dataclass(frozen=True)
class TrainOptions:
    """The options of ``ecgnoise train``; its help says what they are."""

    data: Path
    out: Path
    config: Path | None
    work: Path | None
    steps: int | None
    batch: int | None
    learning_rate: float | None
    seed: int | None


@click.command(cls=OptionsCommand, short_help="Train a model on clean recordings.")
@click.argument("data", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="A new model folder.")
@click.option("--config", type=click.Path(path_type=Path), metavar="TOML", help="A file of training settings.")
@click.option(
    "--work", type=click.Path(path_type=Path), metavar="FOLDER", help="Where the run keeps its state, to be resumed."
)
@click.option("--steps", type=click.IntRange(1), help="Optimiser steps.")
@click.option("--batch", type=click.IntRange(1), help="Lead-segments a step.")
@click.option("--learning-rate", type=float, help="Of the optimiser.")
@click.option("--seed", type=click.IntRange(0), help="Of weights, order and noise.")
def train(options: TrainOptions) -> None:
    """Train a default model on the clean recordings in the folder DATA.

    Needs the extra train. Stopped, it goes on where it was when it is called again with the same options.
    """
    config = _config(options)
    from ecgnoise.cli.bar import Bar

    try:
        from ecgnoise.training.default_model import train_default
    except ModuleNotFoundError as missing:
        if str(missing.name).startswith("ecgnoise"):
            raise
        raise MissingExtraError("training", str(missing.name), "train") from missing
    with Bar(1.0) as bar:

        def reading(done: int, total: int) -> None:
            bar.show(done / total, "reading recordings")

        def step(done: int, total: int, loss: float) -> None:
            bar.show(done / total, f"step {done} of {total}, loss {loss:.3f}")

        model = train_default(options.data, options.out, config, options.work, step, reading)
    click.echo(f"wrote {options.out}: {model.description.name} {model.description.version} ({model.hash})")


def _config(options: TrainOptions) -> "TrainingConfig":
    """The settings of the file, or the usual ones, with those of the command line in their place."""
    from ecgnoise.training.config import TrainingConfig

    config = TrainingConfig.load(options.config) if options.config else TrainingConfig()
    given: dict[str, Any] = {
        "steps": options.steps,
        "batch": options.batch,
        "learning_rate": options.learning_rate,
        "seed": options.seed,
    }
    return replace(config, **{name: value for name, value in given.items() if value is not None})
