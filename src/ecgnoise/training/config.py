"""Configuration of a training run: a frozen dataclass, saved beside the output before the run."""

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ecgnoise.errors import MissingExtraError, OptionError


@dataclass(frozen=True)
class TrainingConfig:
    """How the default model is trained.

    steps: optimiser steps. batch: lead-segments a step. learning_rate: of AdamW at the end of the warm-up; it falls
    along a cosine to 0. ema: decay of the exponential moving average of the weights, which is what is exported.
    channels: of the UNet, finest first, multiples of 8. units_withheld: share of images whose QRS level is withheld.
    seed: of weights, order and noise. save_every: steps between checkpoints.
    """

    steps: int = 3600
    batch: int = 48
    learning_rate: float = 6e-4
    weight_decay: float = 0.01
    warm_up: int = 100
    gradient_norm: float = 1.0
    ema: float = 0.998
    channels: tuple[int, ...] = (64, 128, 128)
    units_withheld: float = 0.3
    seed: int = 1
    save_every: int = 250

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.save_every, *self.channels) < 1 or self.learning_rate <= 0:
            raise OptionError(
                f"training: steps {self.steps}, batch {self.batch}, save_every {self.save_every}, channels "
                f"{self.channels} and learning_rate {self.learning_rate} must all be above 0"
            )
        if not (0 <= self.ema < 1 and 0 <= self.units_withheld <= 1) or any(width % 8 for width in self.channels):
            raise OptionError(
                f"training: ema {self.ema} must lie in 0..1 (1 excluded), units_withheld {self.units_withheld} in "
                f"0..1, channels {self.channels} be multiples of 8"
            )

    def save(self, path: Path) -> None:
        """Write the configuration as TOML."""
        try:
            import tomli_w
        except ImportError as error:
            raise MissingExtraError("training", "tomli-w", "train") from error
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        path.write_text(tomli_w.dumps(values), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "TrainingConfig":
        """Read a configuration; OptionError for unknown keys or values out of range."""
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise OptionError(f"{path}: cannot be read as a training configuration: {error}") from error
        return cls.from_dict(values, str(path))

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str) -> "TrainingConfig":
        """The configuration of plain values; what is not there keeps its default."""
        known = {field.name: field.type for field in fields(cls)}
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise OptionError(f"{source}: unknown entries {', '.join(unknown)}; known are {', '.join(known)}")
        typed: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**typed)
