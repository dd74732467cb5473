"""Training of the default model: resumable, on a CPU or a GPU."""

import json
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from ecgnoise.errors import CheckpointError, TrainingDataError
from ecgnoise.models.default_network import MaskedDenoiser
from ecgnoise.profiles import DEFAULT
from ecgnoise.training.config import TrainingConfig
from ecgnoise.training.data import TrainingSet, corruption, filtered, hide_unheld, images

CONFIG_FILE: Final = "training.toml"
STATE_FILE: Final = "state.pt"
LOG_FILE: Final = "log.jsonl"
STATISTICS_SAMPLE: Final = 2000

StepProgress = Callable[[int, int, float], None]


@dataclass
class TrainingState:
    """All that a run needs to go on as if it had not stopped."""

    network: MaskedDenoiser
    average: MaskedDenoiser
    optimiser: torch.optim.AdamW
    generator: torch.Generator
    step: int = 0

    def save(self, path: Path) -> None:
        """Write the state to a temporary file, then rename."""
        values = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
        }
        partial = path.with_suffix(".partial")
        torch.save(values, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Read what :meth:`save` wrote; CheckpointError if it is damaged or of another network."""
        try:
            values = torch.load(path, weights_only=True)
            self.network.load_state_dict(values["network"])
            self.average.load_state_dict(values["average"])
            self.optimiser.load_state_dict(values["optimiser"])
            self.generator.set_state(values["generator"])
        except (RuntimeError, KeyError, ValueError, OSError, EOFError, pickle.UnpicklingError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(f"{path}: cannot be resumed ({reason}): remove it to start anew") from error
        self.step = int(values["step"])


def train(
    data: TrainingSet,
    config: TrainingConfig,
    out: Path,
    progress: StepProgress | None = None,
) -> MaskedDenoiser:
    """Train on clean lead-segments and return the averaged network.

    out: folder of ``training.toml`` (written first), ``state.pt`` (every ``save_every`` steps; a run that finds it
    goes on from there) and ``log.jsonl``. progress: called with the step, the number of steps and the loss.
    """
    out.mkdir(parents=True, exist_ok=True)
    _agree(config, out / CONFIG_FILE)
    torch.manual_seed(config.seed)
    state = _start(data, config)
    if (out / STATE_FILE).exists():
        state.load(out / STATE_FILE)
    losses: list[float] = []
    while state.step < config.steps:
        loss = _step(state, data, config)
        losses.append(loss)
        if progress:
            progress(state.step, config.steps, loss)
        if state.step % config.save_every == 0 or state.step == config.steps:
            state.save(out / STATE_FILE)
            with (out / LOG_FILE).open("a", encoding="utf-8") as log:
                log.write(json.dumps({"step": state.step, "loss": sum(losses) / len(losses)}) + "\n")
            losses.clear()
    return state.average.eval()


def _agree(config: TrainingConfig, path: Path) -> None:
    """Save the configuration, or check that a run to be resumed has the same one."""
    if not path.exists():
        config.save(path)
    elif TrainingConfig.load(path) != config:
        raise TrainingDataError(f"{path} differs from the configuration asked for: choose another folder to start anew")


def _start(data: TrainingSet, config: TrainingConfig) -> TrainingState:
    """Fresh weights, and the statistics of the training images in the network."""
    network = MaskedDenoiser(config.channels)
    generator = torch.Generator().manual_seed(config.seed)
    chosen = torch.randperm(len(data.levels), generator=generator)[:STATISTICS_SAMPLE].numpy()
    sample = images(torch.from_numpy(data.levels[chosen]).float())
    reference = torch.from_numpy(data.reference)
    network.mean.fill_(sample.mean())
    network.sigma_data.fill_(sample.std())
    network.reference_mean.fill_(reference.mean())
    network.reference_deviation.fill_(reference.std())
    average = MaskedDenoiser(config.channels)
    average.load_state_dict(network.state_dict())
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.98)
    )
    return TrainingState(network, average, optimiser, generator)


def _step(state: TrainingState, data: TrainingSet, config: TrainingConfig) -> float:
    """One optimiser step; the loss before it."""
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate(state.step, config)
    chosen = torch.randint(len(data.levels), (config.batch,), generator=state.generator).numpy()
    levels = torch.from_numpy(data.levels[chosen]).float()
    reference = torch.from_numpy(data.reference[chosen])
    value = batch_loss(state.network, levels, reference, config.units_withheld, state.generator)
    state.optimiser.zero_grad()
    value.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), config.gradient_norm)
    state.optimiser.step()
    state.step += 1
    decay = min(config.ema, state.step / (state.step + 10))
    with torch.no_grad():
        for averaged, current in zip(state.average.parameters(), state.network.parameters(), strict=True):
            averaged.lerp_(current, 1 - decay)
    return float(value.detach())


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Linear warm-up, then a cosine to 0."""
    return (
        config.learning_rate
        * min(1.0, (step + 1) / config.warm_up)
        * 0.5
        * (1 + math.cos(math.pi * step / config.steps))
    )


def batch_loss(
    network: MaskedDenoiser, levels: Tensor, reference: Tensor, withheld: float, generator: torch.Generator
) -> Tensor:
    """Mean weighted squared error over a batch (EDM, equation 8); hidden pixels weigh 2 / sigma_data^2."""
    frequencies = torch.tensor(DEFAULT.frequencies)
    asked = corruption(len(levels), len(frequencies), withheld, generator)
    nothing_hidden = asked.hidden.amax(dim=(1, 2, 3)) == 0
    clean = images(filtered(levels, frequencies, torch.where(nothing_hidden, 0.3, 0.08), generator))
    hidden = hide_unheld(asked.hidden, frequencies, generator).expand_as(clean)
    sigma = asked.sigma.expand_as(clean)
    noised = clean + sigma * torch.randn(clean.shape, generator=generator)
    jittered = reference + 0.05 * torch.randn(len(reference), generator=generator)
    with _mixed_precision():
        redrawn = network(noised, sigma, hidden, jittered, asked.known)
    data = network.sigma_data
    weight = torch.where(hidden > 0, 2.0 / data**2, (sigma**2 + data**2) / (sigma * data) ** 2)
    squared = (redrawn.float() - clean) ** 2
    return torch.mean(weight * squared)


def _mixed_precision() -> torch.autocast:
    """Bfloat16 where the processor has it."""
    return torch.autocast("cpu", torch.bfloat16, enabled=bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))
