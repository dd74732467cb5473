"""``ecgnoise train``: the default model or a published network, of your own clean recordings."""

import io
import math
import os
from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ecgnoise._internal.extras import extra
from ecgnoise.cli.endings import GOES_ON, NOTHING_DONE, after_stop, exit_codes
from ecgnoise.cli.progress import Bar
from ecgnoise.errors import EcgNoiseError, OptionError
from ecgnoise.training.engine.config import (
    CHOICES,
    PRESETS,
    DefaultConfig,
    LevelConfig,
    PublishedConfig,
    StudentConfig,
    TrainingConfig,
    preset,
)

if TYPE_CHECKING:
    from ecgnoise.models.folder import ModelFolder
    from ecgnoise.training.default.teacher import DefaultMaterial

LOCAL_RANKS: Final = ("LOCAL_RANK", "MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_RANK")
AUTOENCODER: Final = "A model folder of ecgnoise train autoencoder, or of a latent model; it is not trained on."
START: Final = "A model folder of ecgnoise train default whose weights to start from."
TEACHER: Final = "A model folder of ecgnoise train default whose answers to learn, or default, the bundled one."
MODEL: Final = (
    "A model folder of ecgnoise train default or student that gets the noise levels; default: the bundled one."
)
NOISE: Final = (
    "A folder with recordings of noise, in folders named by its kind: baseline_wander, electrode, muscle, ..."
)
ONLY: Final = "Train on the leads of this list only; of recordings, on what the records.csv of a model lists."
PATH: Final = click.Path(path_type=Path)
TRAIN_CODES: Final = exit_codes(done="the model folder is written", nothing="nothing could be done")


@dataclass(frozen=True)
class TrainOptions:
    """What the commands have in common; their help says what they are.

    settings: those given as options. autoencoder: of the latent model only. start: of the default model only. teacher:
    of its student only. model, noise: of noise levels only.
    """

    source: Path
    out: Path
    work: Path | None
    only: Path | None
    preset: str
    config: Path | None
    settings: dict[str, Any]
    autoencoder: Path | None = None
    start: Path | None = None
    teacher: Path | None = None
    model: Path = Path("default")
    noise: Path | None = None

    def configuration(self, kind: str) -> TrainingConfig:
        """The preset, with the entries of the file and then the options in their place."""
        config = preset(self.preset, kind)
        if self.config is not None:
            config = config.load(self.config)
        return config.updated(self.settings, "options")


def widths(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """The widths in ``64,128,256``; None where the option is not given."""
    if value is None:
        return None
    try:
        return tuple(int(width) for width in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: write whole numbers as 64,128,256") from error


def setting_option(entry: "Field[Any]") -> click.Option:
    """The option of a field of a configuration."""
    name, text = f"--{entry.name.replace('_', '-')}", entry.metadata["help"]
    if isinstance(entry.default, bool):
        return click.Option([f"{name}/--no{name[1:]}"], default=None, help=text)
    if isinstance(entry.default, tuple):
        return click.Option([name], callback=widths, metavar="WIDTHS", help=text)
    kind: Any = click.Choice(CHOICES[entry.name]) if entry.name in CHOICES else type(entry.default)
    return click.Option([name], type=kind, help=text)


class TrainCommand(click.Command):
    """A command whose function takes :class:`TrainOptions`, with an option for each field of a configuration."""

    def __init__(self, kind: str, config: type[TrainingConfig], function: Callable[[TrainOptions], None]) -> None:
        first, _, rest = (function.__doc__ or "").partition("\n")
        presets = [name for name, kinds in PRESETS.items() if kind in kinds]
        self._settings = {entry.name for entry in fields(config)}
        parameters: list[click.Parameter] = [
            click.Argument(["source"], type=PATH),
            click.Option(["--out"], type=PATH, required=True, metavar="FOLDER", help="A new model folder."),
            click.Option(["--work"], type=PATH, metavar="FOLDER", help="Where the run keeps its state, to be resumed."),
            click.Option(["--only"], type=PATH, metavar="LIST", help=ONLY),
            click.Option(["--preset"], type=click.Choice(presets), default="default", show_default=True,
                         help="All settings that are not given."),
            click.Option(["--config"], type=PATH, metavar="TOML", help="A file of settings."),
            *([click.Option(["--autoencoder"], type=PATH, required=True, metavar="FOLDER", help=AUTOENCODER)]
              if kind == "latent" else []),
            *([click.Option(["--start"], type=PATH, metavar="FOLDER", help=START)] if kind == "default" else []),
            *([click.Option(["--teacher"], type=PATH, required=True, metavar="FOLDER", help=TEACHER)]
              if kind == "student" else []),
            *([click.Option(["--model"], type=PATH, default=Path("default"), metavar="FOLDER", help=MODEL),
               click.Option(["--noise"], type=PATH, metavar="FOLDER", help=NOISE)] if kind == "levels" else []),
            *(setting_option(entry) for entry in fields(config)),
        ]  # fmt: skip
        super().__init__(
            kind, params=parameters, help=f"{first}\n{rest}", short_help=first, epilog=TRAIN_CODES, callback=function
        )

    def invoke(self, ctx: click.Context) -> Any:
        """Call the function with the options."""
        given = dict(ctx.params)
        settings = {name: given.pop(name) for name in self._settings}
        options = TrainOptions(**given, settings={name: value for name, value in settings.items() if value is not None})
        if self.callback is None:
            return None
        after_stop(f"the state is kept; {GOES_ON}" if speaks() else None)
        return self.callback(options)


def speaks() -> bool:
    """Whether this is the only process of a run on this computer, or the first; the others print nothing.

    The variables are those by which accelerate tells the processes apart.
    """
    return all(os.environ.get(name, "0") in {"0", "-1"} for name in LOCAL_RANKS)


class TrainGroup(click.Group):
    """A group of commands that several processes run at once: what is wrong is said once a computer."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (EcgNoiseError, click.UsageError):
            if speaks():
                raise
            ctx.exit(NOTHING_DONE)


@click.group(cls=TrainGroup, invoke_without_command=True, short_help="Train a model on clean recordings.")
@click.pass_context
def train(context: click.Context) -> None:
    """Train a model on clean ECG. Needs the extra train.

    Stopped or killed, training goes on where it was last saved when it is called again with the same options. Several
    processes or GPUs: accelerate launch -m ecgnoise train ...
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


class ProgressBars:
    """Shows reading and training in one bar, and says what begins, also where nobody sees the bar."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._begun: set[str] = set()

    def reading(self, done: int, total: int) -> None:
        """So many recordings or leads are ready."""
        self._begins(f"reading {total} recordings or leads")
        self._bar.show(done / total, "reading")

    def drawing(self, done: int, total: int) -> None:
        """The teacher has answered so many images."""
        self._begins(f"asking the teacher about {total} images")
        self._bar.show(done / total, "asking the teacher")

    def mixing(self, done: int, total: int) -> None:
        """So many images of noisy leads are drawn."""
        self._begins(f"drawing {total} images of noisy leads")
        self._bar.show(done / total, "drawing noisy leads")

    def step(self, done: int, total: int, loss: float) -> None:
        """So many steps are done; the loss is NaN before the first line of the log."""
        self._begins(f"training: {total} steps", f"step {done}")
        self._bar.show(done / total, f"step {done} of {total}{'' if math.isnan(loss) else f', loss {loss:.4f}'}")
        if done == total:
            self._begins("trained: exporting the network and measuring clean leads for its grades")

    def _begins(self, what: str, where: str = "") -> None:
        """Say once on standard error what is being done now."""
        if speaks() and what not in self._begun:
            self._begun.add(what)
            self._bar.echo(f"{what}{f', at {where}' if where else ''}", err=True)

    def say(self, note: str) -> None:
        """Something about the data."""
        if speaks():
            self._bar.echo(note)


def train_bar() -> Bar:
    """A bar on standard error, or in another process than the first one that nobody sees."""
    return Bar(1.0, None if speaks() else io.StringIO())


def _default(options: TrainOptions) -> None:
    """Train the default model.

    SOURCE is a folder of clean recordings, or a store of levels: one of ecgnoise ptbxl prepare --dtype float16.
    """
    from ecgnoise.training.checks import check_material

    config = options.configuration("default")
    if not isinstance(config, DefaultConfig):
        raise OptionError(f"preset {options.preset!r} is not one of the default model")
    check_material(options.source, options.only, options.start, options.out)
    with extra("training", "train"), train_bar() as bar:
        from ecgnoise.models.folder import load_folder
        from ecgnoise.training.default.teacher import train_default

        bars = ProgressBars(bar)
        material = _material(options, bars)
        start = None if options.start is None else load_folder(str(options.start))
        model = train_default(material, options.out, config, options.work, progress=bars.step, start=start)
    _say(options.out, model)


def _student(options: TrainOptions) -> None:
    """Train a smaller network to give a default model's answers.

    SOURCE is what the default model was trained on: a folder of clean recordings, or a store of levels.
    """
    from ecgnoise.training.checks import check_material

    config = options.configuration("student")
    if not isinstance(config, StudentConfig) or options.teacher is None:
        raise OptionError(f"preset {options.preset!r} is not one of a student")
    check_material(options.source, options.only, options.teacher, options.out)
    with extra("training", "train"), train_bar() as bar:
        from ecgnoise.models.folder import load_folder
        from ecgnoise.training.default.student import Callbacks, train_student

        bars = ProgressBars(bar)
        material, teacher = _material(options, bars), load_folder(str(options.teacher))
        callbacks = Callbacks(bars.drawing, bars.step)
        model = train_student(material, teacher, options.out, config, work=options.work, callbacks=callbacks)
    _say(options.out, model)


def _levels(options: TrainOptions) -> None:
    """Train a level network: how strong each kind of noise is.

    SOURCE is a folder of clean recordings, to which noise is added; no noise needs to be labelled.
    """
    from ecgnoise.training.checks import check_material

    config = options.configuration("levels")
    if not isinstance(config, LevelConfig):
        raise OptionError(f"preset {options.preset!r} is not one of noise levels")
    check_material(options.source, options.only, None, options.out)
    with extra("training", "train"), train_bar() as bar:
        from ecgnoise.models.folder import load_folder
        from ecgnoise.training.levels.material import read_material
        from ecgnoise.training.levels.model import LevelProgress, train_levels

        bars, model = ProgressBars(bar), load_folder(str(options.model))
        work = options.work or options.out.with_name(f"{options.out.name}.training")
        material = read_material(options.source, options.noise, config, options.only, bars.reading)
        progress = LevelProgress(bars.mixing, bars.step)
        _say(options.out, train_levels(material, model, options.out, config, work=work, callbacks=progress))


def _material(options: TrainOptions, bars: "ProgressBars") -> "DefaultMaterial":
    """Lead-segments to train a default model or its student on."""
    from ecgnoise.ptbxl.store import open_store
    from ecgnoise.training.checks import is_store
    from ecgnoise.training.default.teacher import read_recordings, read_store

    if is_store(options.source):
        return read_store(open_store(options.source), options.only, bars.reading, bars.say)
    return read_recordings(options.source, options.only, bars.reading)


def _published(kind: str, options: TrainOptions) -> None:
    """Train a published network on a store, by the common loop."""
    from ecgnoise.training.checks import check_store

    config = options.configuration(kind)
    if not isinstance(config, PublishedConfig):
        raise OptionError(f"preset {options.preset!r} is not one of the published networks")
    check_store(options.source, options.only, options.autoencoder, options.out)
    with extra("training", "train"), train_bar() as bar:
        from ecgnoise.ptbxl.store import open_store
        from ecgnoise.training.published.model import Request, train_published

        bars, store = ProgressBars(bar), open_store(options.source)
        request = Request(store, options.out, config, options.only, options.work, bars.reading, bars.step, bars.say)
        model = train_published(kind, request, options.autoencoder)
    _say(options.out, model)


def _autoencoder(options: TrainOptions) -> None:
    """Train the published autoencoder.

    SOURCE is a store of ecgnoise ptbxl prepare --profile paper.
    """
    _published("autoencoder", options)


def _latent(options: TrainOptions) -> None:
    """Train the published latent diffusion model.

    SOURCE is a store of ecgnoise ptbxl prepare --profile paper.
    """
    _published("latent", options)


def _pixel(options: TrainOptions) -> None:
    """Train the published pixel diffusion model.

    SOURCE is a store of ecgnoise ptbxl prepare --profile paper.
    """
    _published("pixel", options)


def _say(out: Path, model: "ModelFolder | None") -> None:
    """What was written; nothing in the processes that wrote nothing."""
    if model is not None:
        click.echo(f"wrote {out}: {model.description.name} {model.description.version} ({model.hash})")


train.add_command(TrainCommand("default", DefaultConfig, _default))
train.add_command(TrainCommand("student", StudentConfig, _student))
train.add_command(TrainCommand("levels", LevelConfig, _levels))
train.add_command(TrainCommand("autoencoder", PublishedConfig, _autoencoder))
train.add_command(TrainCommand("latent", PublishedConfig, _latent))
train.add_command(TrainCommand("pixel", PublishedConfig, _pixel))
