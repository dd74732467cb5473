"""Configuration of a training run: frozen dataclasses, read from TOML, saved beside the output before the run.

step
    one step of the optimiser, over ``batch * accumulate`` lead-segments a process
epoch
    as many lead-segments as there are to train on; each is taken once
preset
    a full set of settings: ``default`` is ours, ``paper`` that of Han et al., arXiv 2506.11815, as far as it is known
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Self

from ecgnoise._internal.atomic import unfinished_files
from ecgnoise._internal.extras import extra
from ecgnoise.errors import OptionError

PRECISIONS: Final = ("auto", "float32", "bfloat16")
SCHEDULES: Final = ("cosine", "constant")
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {"precision": PRECISIONS, "schedule": SCHEDULES}
ADDED_LATER: Final = ("schedule", "ema_ramp", "partial_batch", "checkpoints")
LEVEL_WIDTHS: Final = 2
HIGHEST_SEED: Final = 2**32 - 1


def setting(default: Any, meaning: str) -> Any:
    """A field with its default and the help of its option."""
    return field(default=default, metadata={"help": meaning})


@dataclass(frozen=True)
class TrainingConfig:
    """What all models have; each field says in its metadata what it is.

    Either ``steps`` or ``epochs`` is 0. The learning rate rises along a line, then falls along a cosine to 0, or stays.
    """

    epochs: float = setting(0.0, "Passes over what there is to train on; 0: STEPS says how long.")
    steps: int = setting(0, "Optimiser steps; 0: EPOCHS says how long.")
    batch: int = setting(32, "Lead-segments that a process takes at once.")
    accumulate: int = setting(1, "Batches a step.")
    learning_rate: float = setting(1e-4, "The highest, of AdamW.")
    weight_decay: float = setting(0.01, "Of AdamW.")
    beta2: float = setting(0.999, "Of AdamW.")
    warm_up: float = setting(0.0, "Share of the run in which the learning rate rises.")
    schedule: str = setting("cosine", "cosine: after the warm-up the learning rate falls to 0; constant: it stays.")
    gradient_norm: float = setting(1.0, "Longer gradients are cut to this; 0: none is.")
    ema: float = setting(0.999, "Decay of the moving average of the weights, which is what is written.")
    ema_ramp: bool = setting(default=True, meaning="The decay begins low, so that first weights are forgotten.")
    partial_batch: bool = setting(default=False, meaning="The last batch of an epoch is what is left of it.")
    checkpoints: int = setting(0, "How many times in a run the weights and their average are kept as files.")
    precision: str = setting("auto", "bfloat16, float32, or auto: bfloat16 where the device has it.")
    seed: int = setting(1, "Of weights, order and noise.")
    save_every: int = setting(250, "Steps between checkpoints; each has a validation loss and images.")
    validation_leads: int = setting(256, "How many lead-segments the validation loss is taken of.")
    channels: tuple[int, ...] = setting((), "Widths of the network, finest level first, as 64,128,256.")

    def __post_init__(self) -> None:
        counts = (self.batch, self.accumulate, self.save_every, self.validation_leads, *self.channels)
        numbers = {name: value for name, value in asdict(self).items() if isinstance(value, float)}
        for name, value in numbers.items():
            if not math.isfinite(value):
                raise OptionError(f"training: {name} is {value}: pass a finite number")
        if min(counts) < 1 or not self.learning_rate > 0 or min(self.epochs, self.steps, self.checkpoints) < 0:
            raise OptionError(
                f"training: batch {self.batch}, accumulate {self.accumulate}, save_every {self.save_every}, "
                f"validation_leads {self.validation_leads}, channels {self.channels} and learning_rate "
                f"{self.learning_rate:g} must all be above 0; epochs {self.epochs:g}, steps {self.steps} and "
                f"checkpoints {self.checkpoints} not below"
            )
        if (self.epochs > 0) == (self.steps > 0):
            raise OptionError(f"training: epochs {self.epochs:g}, steps {self.steps}: give one of them, the other is 0")
        if not (0 <= self.ema < 1 and 0 <= self.warm_up <= 1 and 0 <= self.beta2 < 1):
            raise OptionError(
                f"training: ema {self.ema:g} and beta2 {self.beta2:g} must lie in 0..1 (1 excluded), warm_up "
                f"{self.warm_up:g} in 0..1"
            )
        if min(self.weight_decay, self.gradient_norm) < 0 or not 0 <= self.seed <= HIGHEST_SEED:
            raise OptionError(
                f"training: weight_decay {self.weight_decay:g} and gradient_norm {self.gradient_norm:g} must not lie "
                f"below 0, seed {self.seed} in 0..{HIGHEST_SEED}"
            )
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise OptionError(f"training: {name} {getattr(self, name)!r} is none of {', '.join(choices)}")
        if any(width % self.width_step for width in self.channels):
            raise OptionError(f"training: channels {self.channels}: pass multiples of {self.width_step}")

    @property
    def width_step(self) -> int:
        """What the widths are multiples of: the groups of the network's normalisation."""
        return 32

    @property
    def length(self) -> str:
        """How long the run is, in words."""
        return f"{self.steps} steps" if self.steps else f"{self.epochs:g} epochs in steps"

    def content(self) -> bytes:
        """The configuration as the bytes of a TOML file."""
        with extra("training", "train"):
            import tomli_w
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return tomli_w.dumps(values).encode()

    def save(self, path: Path) -> None:
        """Write the configuration as TOML, whole or not at all."""
        content = self.content()
        with unfinished_files(path) as partial:
            partial.write_bytes(content)

    def load(self, path: Path) -> Self:
        """The configuration with entries of a TOML file in the place of its own; OptionError for another file."""
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise OptionError(f"{path}: cannot be read as a training configuration: {error}") from error
        return self.updated(values, str(path))

    def updated(self, values: Mapping[str, Any], source: str) -> Self:
        """The configuration with plain values in the place of its own.

        ``steps`` without ``epochs`` takes the place of the epochs, and the other way round. Raises OptionError, naming
        ``source``, for unknown entries, wrong types and values out of range.
        """
        known = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise OptionError(f"{source}: unknown entries {', '.join(unknown)}; known are {', '.join(known)}")
        given = {name: _typed(name, value, known[name], source) for name, value in values.items()}
        lengths = {"epochs": 0.0, "steps": 0}
        others = {name: nothing for name, nothing in lengths.items() if lengths.keys() & given.keys() - {name}}
        return replace(self, **{**others, **given})


def _typed(name: str, value: Any, current: Any, source: str) -> Any:
    """A plain value in the type that the entry has."""
    wanted = type(current)
    if wanted is tuple and isinstance(value, list | tuple) and all(type(entry) is int for entry in value):
        return tuple(value)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise OptionError(
            f"{source}: {name} is {value!r}: pass {'a list of int' if wanted is tuple else wanted.__name__}"
        )
    return value


@dataclass(frozen=True)
class DefaultConfig(TrainingConfig):
    """How the default model is trained; the widths are those of its UNet, multiples of 8."""

    steps: int = setting(3600, "Optimiser steps; 0: EPOCHS says how long.")
    batch: int = setting(48, "Lead-segments that a process takes at once.")
    learning_rate: float = setting(6e-4, "The highest, of AdamW.")
    beta2: float = setting(0.98, "Of AdamW.")
    warm_up: float = setting(0.03, "Share of the run in which the learning rate rises.")
    ema: float = setting(0.998, "Decay of the moving average of the weights, which is what is written.")
    channels: tuple[int, ...] = setting((64, 128, 128), "Widths of the network, finest level first, as 64,128,128.")
    units_withheld: float = setting(0.3, "Share of images whose QRS level is withheld.")
    keep: float = setting(1.0, "With --start: train on lead-segments among this share of the cleanest in each band.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.units_withheld <= 1 or not 0 < self.keep <= 1 or not self.channels:
            raise OptionError(
                f"training: units_withheld {self.units_withheld:g} must lie in 0..1, keep {self.keep:g} above 0 and at "
                "most at 1, channels not be empty"
            )

    @property
    def width_step(self) -> int:
        """What the widths are multiples of: the groups of the network's normalisation."""
        return 8


@dataclass(frozen=True)
class StudentConfig(TrainingConfig):
    """How a student of the default model is trained; the widths are multiples of 8."""

    steps: int = setting(8000, "Optimiser steps; 0: EPOCHS says how long.")
    batch: int = setting(48, "Answers that a process takes at once.")
    learning_rate: float = setting(2e-3, "The highest, of AdamW.")
    beta2: float = setting(0.99, "Of AdamW.")
    warm_up: float = setting(0.05, "Share of the run in which the learning rate rises.")
    ema: float = setting(0.998, "Decay of the moving average of the weights, which is what is written.")
    save_every: int = setting(500, "Steps between checkpoints; each has a validation loss and images.")
    validation_leads: int = setting(960, "How many answers the validation loss is taken of.")
    channels: tuple[int, ...] = setting((48, 64, 96), "Widths of the network, finest level first, as 48,64,96.")
    pool: int = setting(20000, "How many images the teacher answers.")
    quantize: bool = setting(default=True, meaning="Most convolutions of the ONNX file in 8 bit, which is faster.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pool < 1 or not self.channels:
            raise OptionError(f"training: pool {self.pool} must be above 0, channels not be empty")

    @property
    def width_step(self) -> int:
        """What the widths are multiples of: the heads of the network's attention, and blocks of a processor."""
        return 8


@dataclass(frozen=True)
class LevelConfig(TrainingConfig):
    """How the level network is trained; the widths are those of its convolutions over images and over time."""

    epochs: float = setting(5.0, "Passes over what there is to train on; 0: STEPS says how long.")
    batch: int = setting(128, "Scalograms that a process takes at once.")
    learning_rate: float = setting(3e-3, "The highest, of AdamW.")
    beta2: float = setting(0.99, "Of AdamW.")
    warm_up: float = setting(0.1, "Share of the run in which the learning rate rises.")
    ema: float = setting(0.998, "Decay of the moving average of the weights, which is what is written.")
    gradient_norm: float = setting(5.0, "Longer gradients are cut to this; 0: none is.")
    save_every: int = setting(500, "Steps between checkpoints; each has a validation loss.")
    validation_leads: int = setting(960, "How many images the validation loss is taken of.")
    channels: tuple[int, ...] = setting((48, 160), "Widths of the network, over images and over time, as 48,160.")
    pool: int = setting(240000, "How many images of noisy leads are drawn.")
    simulated: int = setting(1500, "Leads of unusual hearts that are simulated beside the recordings.")
    jobs: int = setting(1, "Processes that draw images.")
    without: str = setting("", "Makers of noise to leave out, with commas between; see docs/training.md.")
    quantize: bool = setting(default=True, meaning="Most convolutions of the ONNX file in 8 bit, which is faster.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.pool, self.jobs) < 1 or self.simulated < 0 or len(self.channels) != LEVEL_WIDTHS:
            raise OptionError(
                f"training: pool {self.pool} and jobs {self.jobs} must be above 0, simulated {self.simulated} not "
                f"below, channels {self.channels} two widths"
            )

    @property
    def width_step(self) -> int:
        """What the widths are multiples of."""
        return 8


@dataclass(frozen=True)
class PublishedConfig(TrainingConfig):
    """How a published network is trained; without widths it has the published size."""

    epochs: float = setting(50.0, "Passes over what there is to train on; 0: STEPS says how long.")
    save_every: int = setting(1000, "Steps between checkpoints; each has a validation loss and images.")
    discretization: bool = setting(default=False, meaning="Images in whole grey levels.")
    validation_fold: int = setting(9, "The fold of PTB-XL that is not trained on but watched; 0: none.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.validation_fold <= 9:
            raise OptionError(f"training: validation_fold {self.validation_fold}: pass 1 to 9, or 0 for none")


_OURS: Final = PublishedConfig(learning_rate=3e-4, warm_up=0.03)
_PAPER: Final = PublishedConfig(
    precision="float32",
    schedule="constant",
    ema_ramp=False,
    partial_batch=True,
    checkpoints=1,
    seed=123,
    validation_fold=0,
)

PRESETS: Final[Mapping[str, Mapping[str, TrainingConfig]]] = {
    "default": {
        "default": DefaultConfig(),
        "student": StudentConfig(),
        "levels": LevelConfig(),
        "autoencoder": replace(_OURS, epochs=100.0),
        "latent": _OURS,
        "pixel": _OURS,
    },
    "paper": {
        "autoencoder": replace(_PAPER, epochs=100.0, warm_up=0.05, schedule="cosine"),
        "latent": replace(_PAPER, batch=128),
        "pixel": _PAPER,
    },
}


def preset(name: str, kind: str) -> TrainingConfig:
    """The settings of a preset for a kind of model; OptionError where the preset has none for it."""
    kinds = PRESETS[name]
    if kind not in kinds:
        raise OptionError(f"preset {name!r} has no settings for the model {kind}: pass --preset default")
    return kinds[kind]


def earlier_config(config: TrainingConfig, path: Path) -> TrainingConfig:
    """The configuration of a run that was saved, perhaps before there were all the settings that there are now."""
    defaults: dict[str, Any] = {entry.name: entry.default for entry in fields(config) if entry.name in ADDED_LATER}
    return replace(config, **defaults).load(path)
