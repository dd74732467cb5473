"""Schedules and samplers against diffusers 0.42 and against the published program's own steps."""

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from ecgnoise.errors import OptionError
from ecgnoise.models.diffusion import (
    ALPHA_BAR,
    Ddim,
    Ddpm,
    add_noise,
    alpha_bar_at,
    ddim_step,
    ddpm_step,
    draw_noise,
    reverse_process,
)

pytest_plugins = ["conftest_published"]

SAMPLERS = [Ddim(), Ddim(35, 10), Ddim(300, 300), Ddim(0, 1), Ddpm(0), Ddpm(12)]


def drawn(seed, *shape):
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def halve(sample, timestep):
    """A stand-in for a network."""
    return 0.5 * sample + 0.001 * timestep


def test_schedule_is_diffusers_default():
    np.testing.assert_allclose(ALPHA_BAR, DDPMScheduler().alphas_cumprod.numpy(), atol=1e-6)


def test_schedule_is_the_published_one(outputs):
    np.testing.assert_allclose(ALPHA_BAR, outputs["ddpm_alphas_cumprod"], atol=1e-6)


def in_double(scheduler):
    """diffusers' scheduler without its rounding: in float32, 1 - alpha_bar has 3 digits left at small timesteps."""
    scheduler.alphas_cumprod = torch.tensor(ALPHA_BAR, dtype=torch.float64)
    return scheduler


@pytest.mark.parametrize("step", [10, 50])
@pytest.mark.parametrize("timestep", [0, 10, 30, 500, 990])
@pytest.mark.parametrize(("precision", "tolerance"), [(in_double, 1e-6), (lambda scheduler: scheduler, 5e-5)])
def test_ddim_step_equals_diffusers(timestep, step, precision, tolerance):
    sample, predicted = (torch.from_numpy(drawn(seed, 3, 2, 8, 16)).double() for seed in (1, 2))
    scheduler = precision(DDIMScheduler())
    scheduler.set_timesteps(1000 // step)
    expected = scheduler.step(predicted, timestep, sample).prev_sample
    np.testing.assert_allclose(ddim_step(sample, predicted, timestep, timestep - step), expected, atol=tolerance)


@pytest.mark.parametrize("timestep", [0, 1, 2, 30, 250, 999])
@pytest.mark.parametrize(("precision", "tolerance"), [(in_double, 1e-6), (lambda scheduler: scheduler, 1e-3)])
def test_ddpm_step_equals_diffusers(timestep, precision, tolerance):
    sample, predicted = (torch.from_numpy(drawn(seed, 3, 2, 8, 16)).double() for seed in (1, 2))
    generator = torch.Generator().manual_seed(5)
    expected = precision(DDPMScheduler()).step(predicted, timestep, sample, generator=generator).prev_sample
    noise = torch.randn(sample.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    np.testing.assert_allclose(ddpm_step(sample, predicted, timestep, noise), expected, atol=tolerance)


@pytest.mark.parametrize("timestep", [1, 30, 250, 999])
def test_ddpm_step_is_the_published_one(outputs, timestep):
    noise = outputs[f"ddpm_step_t{timestep}_noise"]
    sample, predicted = np.full_like(noise, 0.5), np.full_like(noise, 0.25)
    stepped = ddpm_step(sample, predicted, timestep, noise)
    np.testing.assert_allclose(stepped, outputs[f"ddpm_step_t{timestep}"], atol=1e-4)


@pytest.mark.parametrize("kind", ["latent", "pixel"])
def test_start_of_the_published_reverse_process(outputs, kind):
    clean, noise = outputs[f"{kind}_z"], outputs[f"{kind}_noise"]
    noised = add_noise(clean, noise, alpha_bar_at(Ddim().start))
    np.testing.assert_allclose(noised, outputs[f"{kind}_ddim_start"], atol=1e-5)


def test_published_timesteps(outputs):
    assert Ddim().timesteps == tuple(outputs["latent_ddim_timesteps"]) == (30, 20, 10, 0)
    assert Ddpm(3).timesteps == (3, 2, 1, 0)


@pytest.mark.parametrize(
    ("start", "interval", "expected"),
    [
        (35, 10, (30, 20, 10, 0)),
        (39, 10, (30, 20, 10, 0)),
        (9, 10, (0,)),
        (300, 300, (333, 0)),
        (250, 30, (240, 210, 180, 150, 120, 90, 60, 30, 0)),
        (250, 60, (248, 186, 124, 62, 0)),
        (999, 300, (666, 333, 0)),
        (999, 1000, (0,)),
        (999, 600, (0,)),
        (3, 1, (3, 2, 1, 0)),
    ],
)
def test_timesteps_are_those_of_a_whole_reverse_process_of_diffusers(start, interval, expected):
    """Published: 30, 20, 10, 0 from 35 by 10, and 300 by 300 starts at 333."""
    sampler = Ddim(start, interval)
    scheduler = DDIMScheduler()
    scheduler.set_timesteps(1000 // interval)
    assert sampler.timesteps == expected == tuple(scheduler.timesteps.tolist())[-len(expected) :]
    assert sampler.step_size == 1000 // scheduler.num_inference_steps


@pytest.mark.parametrize(("start", "interval"), [(35, 10), (250, 60), (300, 300), (999, 1000), (7, 3)])
def test_sampling_by_ddim_is_that_of_diffusers(start, interval):
    clean = drawn(3, 2, 2, 4, 8).clip(-1, 1).astype(np.float64)
    noise = draw_noise(Ddim(start, interval), clean.shape[1:], seed=123).astype(np.float64)
    scheduler = in_double(DDIMScheduler())
    scheduler.set_timesteps(1000 // interval)
    visited = scheduler.timesteps[-(start // interval + 1) :]
    sample = scheduler.add_noise(torch.from_numpy(clean), torch.from_numpy(noise), visited[:1])
    for timestep in visited:
        sample = scheduler.step(halve(sample, int(timestep)), timestep, sample).prev_sample
    np.testing.assert_allclose(reverse_process(halve, clean, Ddim(start, interval), noise), sample, atol=1e-6)


def test_first_noise_is_frozen_and_the_same_for_every_sampler(outputs):
    for sampler in SAMPLERS:
        first = draw_noise(sampler, (2, 8, 64), seed=7)[0]
        np.testing.assert_allclose(first, outputs["latent_noise"][0], atol=1e-6)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_sampling_does_not_depend_on_the_batch(sampler):
    clean = drawn(3, 5, 2, 4, 8).clip(-1, 1)
    noise = draw_noise(sampler, clean.shape[1:], seed=123)
    together = reverse_process(halve, clean, sampler, noise)
    alone = np.concatenate(
        [reverse_process(halve, clean[index : index + 1], sampler, noise) for index in range(len(clean))]
    )
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together[::-1], reverse_process(halve, clean[::-1], sampler, noise))
    assert together.dtype == np.float32


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_numpy_and_torch_sample_alike(sampler):
    clean = drawn(3, 2, 2, 4, 8).clip(-1, 1)
    noise = draw_noise(sampler, clean.shape[1:], seed=123)
    tensors = reverse_process(halve, torch.from_numpy(clean), sampler, torch.from_numpy(noise))
    np.testing.assert_allclose(tensors, reverse_process(halve, clean, sampler, noise), atol=1e-6)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_a_perfect_network_gives_the_clean_back(sampler):
    clean = drawn(3, 2, 2, 4, 8).clip(-1, 1)

    def perfect(sample, timestep):
        alpha_bar = alpha_bar_at(timestep)
        return (sample - np.float32(alpha_bar**0.5) * clean) / np.float32((1 - alpha_bar) ** 0.5)

    noise = draw_noise(sampler, clean.shape[1:], seed=1)
    np.testing.assert_allclose(reverse_process(perfect, clean, sampler, noise), clean, atol=1e-4)


def test_network_is_asked_at_each_timestep_once():
    asked = []
    sampler = Ddpm(4)
    noise = draw_noise(sampler, (1, 2, 2), seed=1)
    reverse_process(
        lambda sample, timestep: asked.append(timestep) or sample, np.zeros((1, 1, 2, 2), np.float32), sampler, noise
    )
    assert asked == [4, 3, 2, 1, 0]


def test_each_ddpm_step_has_its_own_noise():
    sampler = Ddpm(4)
    noise = draw_noise(sampler, (1, 2, 2), seed=1)
    clean = np.zeros((1, 1, 2, 2), np.float32)
    reached = reverse_process(halve, clean, sampler, noise)
    for index in range(len(noise)):
        other = noise.copy()
        other[index] += 1.0
        changed = not np.array_equal(reached, reverse_process(halve, clean, sampler, other))
        assert changed == (index < len(noise) - 1)  # the step at t = 0 adds no noise


@pytest.mark.parametrize("make", [lambda: Ddim(-1), lambda: Ddim(1000), lambda: Ddim(30, 0), lambda: Ddpm(1000)])
def test_options_outside_the_schedule_are_refused(make):
    with pytest.raises(OptionError, match="pass"):
        make()
