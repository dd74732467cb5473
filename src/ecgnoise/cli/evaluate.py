"""``ecgnoise ptbxl evaluate``: a model and a store in, result files out."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ecgnoise.cli.endings import GOES_ON, after_stop
from ecgnoise.cli.options import OptionsCommand

if TYPE_CHECKING:
    from ecgnoise.ptbxl.evaluate import Evaluated, EvaluatedResult

LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class EvaluateOptions:
    """The options of ``ecgnoise ptbxl evaluate``; its help says what they are."""

    store: Path
    model: str
    out: Path
    timestep: tuple[int, ...]
    sampler: tuple[str, ...]
    step_interval: tuple[int, ...]
    all_folds: bool
    name: str | None
    seed: int | None
    batch: int | None
    device: str
    threads: int | None


@click.command(cls=OptionsCommand, short_help="Measure how far a model's images are from the originals.")
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--model", required=True, metavar="FOLDER", help="A model folder, or default.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="RESULTS", help="Where the result files go."
)
@click.option(
    "--timestep",
    type=int,
    multiple=True,
    metavar="T",
    help="Timestep at which the reverse process starts.  [default: 250]",
)
@click.option(
    "--sampler",
    type=click.Choice(["ddim", "ddpm"]),
    multiple=True,
    help="Sampler of the reverse process.  [default: ddim]",
)
@click.option("--step-interval", type=int, multiple=True, metavar="N", help="Timesteps a step of ddim.  [default: 10]")
@click.option("--all-folds", is_flag=True, help="All leads, not only those of fold 10 and the noisy ones.")
@click.option("--name", metavar="TEXT", help="The model in the names of the files.  [default: ldm, dm, ae or default]")
@click.option(
    "--seed", type=click.IntRange(0, LARGEST_SEED), help="Of the noise of the reverse process.  [default: 123]"
)
@click.option("--batch", type=click.IntRange(1), help="Leads in the network at once.  [default: 12, or 128]")
@click.option("--device", default="cpu", show_default=True, help="cpu, or a device of torch such as cuda.")
@click.option("--threads", type=click.IntRange(1), help="Threads of the network on the cpu  [default: all processors]")
def evaluate(options: EvaluateOptions) -> None:
    """Write PSNR, SSIM, MSE and MAE of the evaluation leads of STORE under a model, a result file a metric.

    --timestep, --sampler and --step-interval may be given several times: every combination is a result. Stopped or
    killed, it goes on where it was when it is called again.
    """
    after_stop(f"leads that are done stay; {GOES_ON}")
    evaluated = _evaluate(options)
    for result in evaluated.results:
        _report(result)
    if evaluated.absent:
        click.echo(f"{evaluated.absent} records with leads to evaluate are not in the store: left out", err=True)


def _evaluate(options: EvaluateOptions) -> "Evaluated":
    from ecgnoise.cli.progress import Bar
    from ecgnoise.models.folder import load_folder
    from ecgnoise.ptbxl.evaluate import EvaluationSettings, samplers_of
    from ecgnoise.ptbxl.evaluate import evaluate as measure
    from ecgnoise.ptbxl.store import open_store

    asked = (options.timestep, options.sampler, options.step_interval)
    settings = EvaluationSettings(
        options.name, options.all_folds, options.seed, options.batch, options.device, options.threads
    )
    with Bar(1.0) as bar:

        def progress(done: int, total: int) -> None:
            bar.show(done / total, f"{done} of {total} leads")

        samplers = samplers_of(*asked) if any(asked) else ()
        store, model = open_store(options.store), load_folder(options.model)
        return measure(store, model, options.out, samplers, settings, progress=progress)


def _report(result: "EvaluatedResult") -> None:
    """Say what stands in the files of a result."""
    counts = result.counts
    for file in result.files:
        said = "wrote" if result.new else "already there:"
        click.echo(f"{said} {file}: {counts.leads} leads of {counts.records} records")
    if counts.empty:
        click.echo(f"  {counts.empty} leads without a value: flat, or not finite", err=True)
