"""Noise schedule and samplers of the published models, as plain functions on arrays.

clean
    what is denoised: the latent (n, 2, 8, 64) or the image (n, 1, 32, 256) in [-1, 1]
alpha_bar
    share of the clean variance that is left at a timestep, falling from 0.9999 at t = 0 (DDPM, equation 4)
reverse process
    noise is added up to the sampler's first timestep and taken away again step by step
noise
    (draws, c, h, w), drawn once from the seed and used for every image, so that a score depends neither on
    the batch nor on the place in it

DDPM: Ho et al., arXiv 2006.11239. DDIM: Song et al., arXiv 2010.02502. Both take NumPy arrays and torch
tensors.

Departures from the published program: the schedule is in double precision, so that alpha_bar differs by up to 3e-7
and an ancestral step at the smallest timesteps by up to 5e-4; and noise comes from ``numpy.random.RandomState``, whose
stream NumPy has frozen, not from a global generator.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import OptionError

ArrayT = TypeVar("ArrayT", bound=Any)

TRAIN_TIMESTEPS: Final = 1000
BETA_LIMITS: Final = (1e-4, 0.02)
CLEAN_LIMITS: Final = (-1.0, 1.0)


def linear_alpha_bar() -> tuple[float, ...]:
    """alpha_bar at t = 0..999 where beta rises linearly from 1e-4 to 0.02 (DDPM, section 4)."""
    betas = np.linspace(*BETA_LIMITS, TRAIN_TIMESTEPS)
    return tuple(float(value) for value in np.cumprod(1.0 - betas))


ALPHA_BAR: Final = linear_alpha_bar()


def alpha_bar_at(timestep: int) -> float:
    """alpha_bar of a timestep up to 999; 1 below 0, where nothing but the clean is left."""
    return ALPHA_BAR[timestep] if timestep >= 0 else 1.0


def add_noise(clean: ArrayT, noise: ArrayT, alpha_bar: float) -> ArrayT:
    """``sqrt(alpha_bar) clean + sqrt(1 - alpha_bar) noise`` (DDPM, equation 4)."""
    noisy: ArrayT = clean * sqrt(alpha_bar) + noise * sqrt(1.0 - alpha_bar)
    return noisy


def predicted_clean(sample: ArrayT, predicted: ArrayT, alpha_bar: float) -> ArrayT:
    """The clean that the predicted noise leaves (DDPM, equation 15), clipped to [-1, 1] as published."""
    clean: ArrayT = ((sample - predicted * sqrt(1.0 - alpha_bar)) / sqrt(alpha_bar)).clip(*CLEAN_LIMITS)
    return clean


def ddim_step(sample: ArrayT, predicted: ArrayT, timestep: int, next_timestep: int) -> ArrayT:
    """The sample at ``next_timestep`` by the deterministic step (DDIM, equation 12 with sigma 0).

    predicted: noise predicted for ``sample`` at ``timestep``, its shape. Below 0 the next sample is the
    clean.
    """
    clean = predicted_clean(sample, predicted, alpha_bar_at(timestep))
    return add_noise(clean, predicted, alpha_bar_at(next_timestep))


def ddpm_step(sample: ArrayT, predicted: ArrayT, timestep: int, noise: ArrayT) -> ArrayT:
    """The sample at ``timestep - 1`` by the ancestral step of smaller variance (DDPM, equations 6 and 7).

    predicted: noise predicted for ``sample`` at ``timestep``, its shape. noise: the fresh noise of this step,
    broadcast to that shape; it weighs nothing at t = 0.
    """
    here, before = alpha_bar_at(timestep), alpha_bar_at(timestep - 1)
    weight = (1.0 - here / before) / (1.0 - here)
    kept = sqrt(here / before) * (1.0 - before) / (1.0 - here)
    mean = predicted_clean(sample, predicted, here) * (sqrt(before) * weight) + sample * kept
    previous: ArrayT = mean + noise * sqrt((1.0 - before) * weight)
    return previous


class Sampler(Protocol):
    """Which timesteps the reverse process visits and how it goes from one to the next."""

    @property
    def timesteps(self) -> tuple[int, ...]:
        """Timesteps at which noise is predicted, falling; noise is added up to the first."""

    @property
    def draws(self) -> int:
        """How many noise arrays the reverse process needs; the first is added to the clean."""

    def step(self, sample: ArrayT, predicted: ArrayT, timestep: int, noise: ArrayT) -> ArrayT:
        """The sample after ``timestep``; noise: all noise of the reverse process, (draws, c, h, w)."""


@dataclass(frozen=True)
class Ddim:
    """Deterministic sampling from about ``start`` in steps of about ``step_interval``; as published 30, 20, 10, 0.

    The paper speaks of three steps, its program predicts noise four times, the last at t = 0. As published, the
    timesteps are the last ``start // step_interval + 1`` of a whole reverse process of ``1000 // step_interval`` equal
    steps that ends at 0. So 35 by 10 visits 30, 20, 10, 0, and 300 by 300 visits 333, 0, in steps of 333.
    """

    start: int = 30
    step_interval: int = 10

    def __post_init__(self) -> None:
        check_start(self.start)
        if not 1 <= self.step_interval <= TRAIN_TIMESTEPS:
            raise OptionError(f"step interval {self.step_interval}: pass 1 to {TRAIN_TIMESTEPS}")

    @property
    def step_size(self) -> int:
        """Timesteps between two visits: the whole schedule over the whole number of steps that fit into it."""
        return TRAIN_TIMESTEPS // (TRAIN_TIMESTEPS // self.step_interval)

    @property
    def timesteps(self) -> tuple[int, ...]:
        """Multiples of the step size, falling to 0."""
        visits = min(self.start // self.step_interval + 1, TRAIN_TIMESTEPS // self.step_interval)
        return tuple(number * self.step_size for number in reversed(range(visits)))

    @property
    def draws(self) -> int:
        """One: no fresh noise on the way."""
        return 1

    def step(self, sample: ArrayT, predicted: ArrayT, timestep: int, noise: ArrayT) -> ArrayT:
        """The sample ``step_size`` timesteps further down, see :func:`ddim_step`."""
        return ddim_step(sample, predicted, timestep, timestep - self.step_size)


@dataclass(frozen=True)
class Ddpm:
    """Ancestral sampling through every timestep from ``start`` to 0, with fresh noise at each but the last."""

    start: int = 30

    def __post_init__(self) -> None:
        check_start(self.start)

    @property
    def timesteps(self) -> tuple[int, ...]:
        """``start``, ``start - 1``, ... 0."""
        return tuple(range(self.start, -1, -1))

    @property
    def draws(self) -> int:
        """One for the clean, and one for each timestep."""
        return self.start + 2

    def step(self, sample: ArrayT, predicted: ArrayT, timestep: int, noise: ArrayT) -> ArrayT:
        """The sample one timestep further down, see :func:`ddpm_step`."""
        fresh: ArrayT = noise[1 + self.start - timestep]
        return ddpm_step(sample, predicted, timestep, fresh)


def check_start(start: int) -> None:
    """OptionError unless the timestep is one of the schedule, 0..999."""
    if not 0 <= start < TRAIN_TIMESTEPS:
        raise OptionError(f"diffusion timestep {start}: pass 0 to {TRAIN_TIMESTEPS - 1}")


def draw_noise(sampler: Sampler, shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """All noise of a reverse process, (draws, *shape) float32; shape: of one image, (c, h, w).

    The first array depends on seed and shape only, not on the sampler.
    """
    drawn = np.random.RandomState(seed).standard_normal((sampler.draws, *shape))
    return np.asarray(drawn, dtype=np.float32)


def reverse_process(
    predict_noise: Callable[[ArrayT, int], ArrayT], clean: ArrayT, sampler: Sampler, noise: ArrayT
) -> ArrayT:
    """The clean as the model reconstructs it: noised up to the sampler's first timestep, then denoised.

    predict_noise: called with a sample (n, c, h, w) and a timestep. clean: (n, c, h, w). noise: (draws, c,
    h, w) from :func:`draw_noise`, the same kind of array as ``clean``.
    """
    first: ArrayT = noise[0]
    sample = add_noise(clean, first, alpha_bar_at(sampler.timesteps[0]))
    for timestep in sampler.timesteps:
        sample = sampler.step(sample, predict_noise(sample, timestep), timestep, noise)
    return sample
