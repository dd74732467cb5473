"""The one training loop. Needs the extra ``train``.

AdamW with warm-up, then a cosine or a constant learning rate; a moving average of the weights; resumable, in any number
of processes.

A run's folder:

==================  =================================================================================================
``training.toml``   the configuration, written first
``state.pt``        all that the run needs to go on as if it had not stopped, every ``save_every`` steps and at Ctrl-C
``log.jsonl``       a line every ten steps: step, mean loss since the last line, learning rate, epoch; every
                    ``save_every`` steps and at the end the validation loss too
``tensorboard/``    the same for TensorBoard, with the images
``images/``       with every validation loss, examples above what the averaged network makes of them
``checkpoints/``    weights and their average, as many times as the configuration says, evenly to the last step
==================  =================================================================================================

Processes are those of accelerate (``accelerate launch``, ``torchrun``). All draw the same random numbers and each takes
its share of the lead-segments, so that two processes give the loss curve of one with twice the batch. Only the first
one writes; where they run on several computers, all must see the folder.
"""

import json
import math
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from accelerate import Accelerator
from diffusers.optimization import get_constant_schedule_with_warmup, get_cosine_schedule_with_warmup
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ecgnoise._internal.atomic import sweep_unfinished, unfinished_files
from ecgnoise.errors import MAKE_ROOM, CheckpointError, DivergedError, TrainingDataError, unwritable
from ecgnoise.training.engine.config import TrainingConfig, earlier_config
from ecgnoise.training.engine.log import RunLog
from ecgnoise.training.engine.task import Batch, Task

CONFIG_FILE: Final = "training.toml"
STATE_FILE: Final = "state.pt"
LOG_EVERY: Final = 10
VALIDATION_SEED: Final = 0

STATEFUL: Final = ("network", "average", "optimiser", "schedule")
NUMBERS: Final = ("fingerprint", "taken", "step", "loss", "unlogged")
UNLOADABLE: Final = (RuntimeError, LookupError, ValueError, TypeError, AttributeError, OSError, EOFError,
                     pickle.UnpicklingError)  # fmt: skip

CHECKPOINTS: Final = "checkpoints"

StepProgress = Callable[[int, int, float], None]
Parameters = Mapping[str, Tensor]


@dataclass
class TrainingState:
    """All that a run needs to go on as if it had not stopped.

    fingerprint: of what there is to train on. taken: lead-segments a step, of all processes. loss, unlogged: the sum of
    the losses of the steps since the last line of the log, and their number.
    """

    network: nn.Module
    average: AveragedModel
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    generator: torch.Generator
    fingerprint: str
    taken: int
    step: int = 0
    loss: float = 0.0
    unlogged: int = 0

    def save(self, path: Path) -> None:
        """Write the state to a temporary file, then rename; OutputError where that cannot be done."""
        values: dict[str, Any] = {name: getattr(self, name).state_dict() for name in STATEFUL}
        values |= {name: getattr(self, name) for name in NUMBERS} | {"generator": self.generator.get_state()}
        write_whole(values, path, "the state")

    def load(self, path: Path) -> None:
        """Read what :meth:`save` wrote.

        Raises CheckpointError if it is damaged or of another network, TrainingDataError if it is of other data or took
        another number of lead-segments a step.
        """
        try:
            values = torch.load(path, weights_only=True, map_location="cpu")
            numbers = {name: type(getattr(self, name))(values[name]) for name in NUMBERS}
            if numbers["fingerprint"] != self.fingerprint:
                raise TrainingDataError(f"{path}: the run had other lead-segments: pass those, or another folder")
            if numbers["taken"] != self.taken:
                what = f"the run took {numbers['taken']} lead-segments a step, not {self.taken}"
                raise TrainingDataError(f"{path}: {what}: start as many processes as before, or pass another folder")
            for name in STATEFUL:
                getattr(self, name).load_state_dict(values[name])
            self.generator.set_state(values["generator"])
        except UNLOADABLE as error:
            what = f"cannot be resumed ({first_line(error)})"
            raise CheckpointError(f"{path}: {what}: remove it to start anew") from error
        for name, value in numbers.items():
            setattr(self, name, value)


def write_whole(values: Mapping[str, Any], path: Path, what: str) -> None:
    """Write values by name with torch, whole or not at all; OutputError where that cannot be done."""
    try:
        path.parent.mkdir(exist_ok=True)
        sweep_unfinished(path)
        with unfinished_files(path) as partial:
            torch.save(dict(values), partial)
    except (OSError, RuntimeError) as error:
        refused = error if isinstance(error, OSError) else OSError(first_line(error))  # torch's own writer
        raise unwritable(path, refused, MAKE_ROOM, what=what) from error


def first_line(error: Exception) -> str:
    """The first line of a message, or the kind of error where it has none."""
    return next(iter(str(error).splitlines()), type(error).__name__)


class Order:
    """Lead-segments in an endless row of shuffled passes, the same for the same seed."""

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._seed = seed
        self._epoch = -1
        self._pass = np.empty(0, np.int64)

    def __call__(self, first: int, count: int) -> NDArray[np.int64]:
        """Those at the places ``first .. first + count - 1`` of the row."""
        places = np.arange(first, first + count)
        return np.array([self._at(*divmod(int(place), self._size)) for place in places], np.int64)

    def _at(self, epoch: int, place: int) -> int:
        if epoch != self._epoch:
            self._epoch, self._pass = epoch, np.random.default_rng((self._seed, epoch)).permutation(self._size)
        return int(self._pass[place])


def train(
    task: Task,
    validation: Task | None,
    config: TrainingConfig,
    out: Path,
    *,
    progress: StepProgress | None = None,
    whole: Callable[[Parameters], Parameters] = dict,
) -> nn.Module:
    """Train, or go on training, and return the averaged network in evaluation mode on the CPU.

    validation: lead-segments that are not trained on, or None. out: the folder of the run, see the top of this module.
    progress: called after each step, in the first process, with the step, the number of steps, and the mean loss of
    the last line of the log (NaN before the first line). whole: from the parameters of what is trained to those that a
    checkpoint has.

    Ctrl-C ends the run after the step at hand, with a checkpoint, by a KeyboardInterrupt; a second one at once.

    Raises TrainingDataError where the run in ``out`` had another configuration, other data or other processes,
    CheckpointError where its state is damaged, OutputError where it cannot be written, DivergedError where the loss is
    not finite any more.
    """
    run = Run(task, validation, config, out)
    kept = {round(run.steps * number / config.checkpoints) for number in range(1, config.checkpoints + 1)}
    with stopping() as stop, run.log:
        while run.state.step < run.steps:
            run.step()
            last, stopped = run.state.step == run.steps, run.asked_by(stop)
            if run.state.step in kept:
                run.keep(whole)
            if last or run.state.step % config.save_every == 0:
                run.write(watched=True)
                run.save()
            elif run.state.step % LOG_EVERY == 0:
                run.write(watched=False)
            if progress and run.accelerator.is_main_process:
                progress(run.state.step, run.steps, run.loss)
            if stopped:
                run.save()
                raise KeyboardInterrupt
    run.accelerator.wait_for_everyone()
    averaged: nn.Module = run.state.average.module
    return averaged.to("cpu").eval()


def total_steps(config: TrainingConfig, size: int, processes: int = 1) -> int:
    """Steps of a run on so many lead-segments."""
    taken = config.batch * config.accumulate * processes
    if config.partial_batch:
        return config.steps or max(1, math.ceil(config.epochs * -(-size // taken)))
    return config.steps or max(1, -int(-config.epochs * size // taken))


class Run:
    """A run at hand; see :func:`train`."""

    def __init__(self, task: Task, validation: Task | None, config: TrainingConfig, out: Path) -> None:
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available(), mixed_precision="no")
        self.task = task
        self.validation = validation
        self.config = config
        self.out = out
        self.taken = config.batch * config.accumulate * self.accelerator.num_processes
        self.steps = total_steps(config, task.size, self.accelerator.num_processes)
        self.epoch = -(-task.size // self.taken) if config.partial_batch else task.size / self.taken  # in steps
        self.order = Order(task.size, config.seed)
        self.loss = math.nan
        if self.accelerator.is_main_process:
            agree(config, out)
        self.accelerator.wait_for_everyone()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = task.network().to(self.accelerator.device)
        self.state = start(network, config, self.steps, task.fingerprint, self.taken)
        if (out / STATE_FILE).exists():
            self.state.load(out / STATE_FILE)
        self._loss = torch.tensor(self.state.loss, dtype=torch.float64, device=self.accelerator.device)
        self.log = RunLog(out, self.state.step, writes=self.accelerator.is_main_process)
        self._module: nn.Module = self.accelerator.prepare_model(self.state.network)

    def step(self) -> None:
        """One step of the optimiser."""
        config, accelerator = self.config, self.accelerator
        shares = config.accumulate * accelerator.num_processes
        chosen = self._chosen(shares)
        whole = self.task.batch(chosen, self.state.generator)
        size = len(chosen) // shares
        self._module.train()
        for part in range(config.accumulate):
            first = (part * accelerator.num_processes + accelerator.process_index) * size
            batch = self._moved({name: values[first : first + size] for name, values in whole.items()})
            last = part == config.accumulate - 1
            with nullcontext() if last else accelerator.no_sync(self._module):
                with self._precision():
                    loss = self.task.loss(self._module, batch)
                accelerator.backward(loss / config.accumulate)
            self._loss += loss.detach().double() / config.accumulate
        if config.gradient_norm > 0:
            torch.nn.utils.clip_grad_norm_(self.state.network.parameters(), config.gradient_norm)
        self.state.optimiser.step()
        self.state.schedule.step()
        self.state.optimiser.zero_grad()
        self.state.average.update_parameters(self.state.network)
        self.state.step += 1
        self.state.unlogged += 1

    def _chosen(self, shares: int) -> NDArray[np.int64]:
        """The lead-segments of a step, as many in each share.

        The last step of an epoch takes what is left of it, where the configuration says so; what is left is then filled
        up from the beginning of the epoch to as many in each share, as accelerate does it.
        """
        if not self.config.partial_batch:
            return self.order(self.state.step * self.taken, self.taken)
        epoch, place = divmod(self.state.step, int(self.epoch))
        begin, first = epoch * self.task.size, place * self.taken
        count = min(self.taken, self.task.size - first)
        chosen = self.order(begin + first, count)
        return np.concatenate([chosen, self.order(begin, -count % shares)])

    def asked_by(self, stop: threading.Event) -> bool:
        """Whether one of the processes was asked to stop: all learn it at the same step."""
        if self.accelerator.num_processes == 1:
            return stop.is_set()
        asked = torch.tensor(float(stop.is_set()), device=self.accelerator.device)
        return float(self.accelerator.reduce(asked, "sum")) > 0

    def watch(self) -> float | None:
        """The validation loss, and images beside it; None in other processes or with nothing to watch."""
        if self.validation is None or not self.accelerator.is_main_process:
            return None
        with torch.no_grad():
            loss = self.validation_loss(self.validation)
            shown = self.validation.examples(self.state.average.module)
        self.log.images(self.state.step, *shown)
        return loss

    def save(self) -> None:
        """Checkpoint."""
        self._share_loss()
        if self.accelerator.is_main_process:
            self.state.save(self.out / STATE_FILE)
        self.accelerator.wait_for_everyone()

    def keep(self, whole: Callable[[Parameters], Parameters]) -> None:
        """Write the weights and their average as files that ``ecgnoise convert`` reads."""
        if not self.accelerator.is_main_process:
            return
        folder = self.out / CHECKPOINTS
        for name, network in (("raw", self.state.network), ("ema", self.state.average.module)):
            path = folder / f"step-{self.state.step:06}-{name}.pth"
            parameters = {key: value.detach().cpu().clone() for key, value in whole(network.state_dict()).items()}
            write_whole(parameters, path, "the checkpoint")

    def write(self, *, watched: bool) -> None:
        """A line of the log, with a validation loss where asked; DivergedError where the loss is not finite."""
        self._share_loss()
        state = self.state
        self.loss = state.loss / state.unlogged
        if not math.isfinite(self.loss):
            given, what = self.config.learning_rate, f"the loss is {self.loss} at step {state.step}"
            raise DivergedError(f"learning_rate {given:g}: {what}: pass a lower one, and another folder")
        self._loss.zero_()
        state.loss, state.unlogged = 0.0, 0
        epoch, rate = state.step / self.epoch, float(state.schedule.get_last_lr()[0])
        self.log.write(state.step, epoch, self.loss, rate, self.watch() if watched else None)

    def _share_loss(self) -> None:
        """Take the loss since the last line of the log from all processes."""
        self.state.loss = float(self.accelerator.reduce(self._loss, "mean"))
        self._loss.fill_(self.state.loss)

    def validation_loss(self, validation: Task) -> float:
        """Mean loss of the averaged network, with the same noise each time."""
        network = self.state.average.module.eval()
        generator = torch.Generator().manual_seed(VALIDATION_SEED)
        count = min(self.config.validation_leads, validation.size)
        chosen = np.linspace(0, validation.size - 1, count).round().astype(np.int64)
        total = 0.0
        for first in range(0, count, self.config.batch):
            part = chosen[first : first + self.config.batch]
            batch = self._moved(validation.batch(part, generator))
            with self._precision():
                total += float(validation.loss(network, batch)) * len(part)
        return total / count

    def _moved(self, batch: Batch) -> Batch:
        return {name: values.to(self.accelerator.device, non_blocking=True) for name, values in batch.items()}

    def _precision(self) -> torch.autocast:
        """Bfloat16 where it is asked for, or the device has it."""
        device = self.accelerator.device.type
        wanted = self.config.precision
        enabled = wanted == "bfloat16" or (wanted == "auto" and has_bfloat16(device))
        return torch.autocast(device, torch.bfloat16, enabled=enabled)


def has_bfloat16(device: str) -> bool:
    """Whether a kind of device computes in bfloat16 at full speed."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def agree(config: TrainingConfig, out: Path) -> None:
    """Save the configuration, or check that a run to be resumed has the same one; TrainingDataError if not."""
    path = out / CONFIG_FILE
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            config.save(path)
            return
    except OSError as error:
        raise unwritable(out, error) from error
    asked, earlier = asdict(config), asdict(earlier_config(config, path))
    differing = [f"{name} was {earlier[name]}, is {value}" for name, value in asked.items() if earlier[name] != value]
    if differing:
        what = f"the run had another configuration ({'; '.join(differing)})"
        raise TrainingDataError(f"{path}: {what}: pass the same, or another folder to start anew")


def start(network: nn.Module, config: TrainingConfig, steps: int, fingerprint: str, taken: int) -> TrainingState:
    """The state before the first step."""
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, config.beta2)
    )
    rising = round(config.warm_up * steps)
    if config.schedule == "constant":
        schedule = get_constant_schedule_with_warmup(optimiser, rising)
    else:
        schedule = get_cosine_schedule_with_warmup(optimiser, rising, steps)
    average = AveragedModel(network, multi_avg_fn=moving_average(config.ema, ramp=config.ema_ramp))
    if not config.ema_ramp:
        average.n_averaged.fill_(1)  # the first weights are averaged too, in place of being replaced
    generator = torch.Generator().manual_seed(config.seed)
    return TrainingState(network, average, optimiser, schedule, generator, fingerprint, taken)


def moving_average(decay: float, *, ramp: bool) -> Callable[[Any, Any, Any], None]:
    """Exponential moving average for ``AveragedModel``.

    ramp: the decay begins low, ``(1 + n) / (10 + n)`` after n steps, so that short runs do not keep their first
    weights.
    """

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], updates: Tensor) -> None:
        done = float(updates)
        kept = min(decay, (1.0 + done) / (10.0 + done)) if ramp else decay
        torch._foreach_lerp_(averaged, current, 1.0 - kept)

    return update


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second one interrupts. In the main thread only."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(_number: int, _frame: object) -> None:
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)


def read_log(path: Path) -> list[dict[str, float]]:
    """The lines of a ``log.jsonl``."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
