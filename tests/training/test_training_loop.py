"""The training loop: the same loss curve and weights whatever happens to the run."""

import json
import math
import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import ecgnoise
from ecgnoise.errors import CheckpointError, DivergedError, OutputError, TrainingDataError
from ecgnoise.training.engine.config import TrainingConfig
from ecgnoise.training.engine.log import cut_back
from ecgnoise.training.engine.loop import LOG_EVERY, Order, read_log, total_steps, train, write_whole
from training_stores import LineTask
from training_worker import CONFIGS, train_all

CONFIG = TrainingConfig(steps=64, batch=4, save_every=14, validation_leads=5, learning_rate=0.05, warm_up=0.125)
TESTS = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(Path(ecgnoise.__file__).parents[1]), str(TESTS)]),
    "OMP_NUM_THREADS": "1",
}
KILLED = """
import sys, time
from pathlib import Path
from training_stores import LineTask
from ecgnoise.training.engine.config import TrainingConfig
from ecgnoise.training.engine.loop import train
path = Path(sys.argv[1])
config = TrainingConfig(steps=1).load(path / "asked.toml")
train(LineTask(), LineTask(7, 1), config, path / "run", progress=lambda step, steps, loss: time.sleep(0.01))
"""


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """The last digits depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(out, config=CONFIG, progress=None, task=None):
    return train(task or LineTask(), LineTask(7, 1), config, out, progress=progress)


def weights(network):
    return torch.cat([value.detach().flatten() for value in network.parameters()])


def state(out):
    return torch.load(out / "state.pt", weights_only=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run without interruption: its folder and its network."""
    out = tmp_path_factory.mktemp("whole")
    return out, run(out)


def assert_same(out, network, whole):
    assert read_log(out / "log.jsonl") == read_log(whole[0] / "log.jsonl")
    assert torch.equal(weights(network), weights(whole[1]))
    assert sorted(path.name for path in (out / "images").iterdir()) == sorted(
        path.name for path in (whole[0] / "images").iterdir()
    )


def test_log_has_a_line_every_ten_steps_and_at_each_checkpoint(whole):
    lines = read_log(whole[0] / "log.jsonl")
    tens, saved = range(LOG_EVERY, CONFIG.steps + 1, LOG_EVERY), [*range(14, 64, 14), 64]
    assert [line["step"] for line in lines] == sorted({*tens, *saved})
    assert [line["step"] for line in lines if "validation_loss" in line] == saved
    assert [line["epoch"] for line in lines] == [line["step"] * 4 / 24 for line in lines]
    assert lines[-1]["learning_rate"] == pytest.approx(0, abs=1e-12)


def test_training_lowers_both_losses(whole):
    lines = read_log(whole[0] / "log.jsonl")
    watched = [line["validation_loss"] for line in lines if "validation_loss" in line]
    assert lines[-1]["loss"] < 0.3 * lines[0]["loss"]
    assert watched[-1] < 0.3 * watched[0]


def test_tensorboard_has_the_same_numbers_and_the_images(whole):
    events = EventAccumulator(str(whole[0] / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    lines = read_log(whole[0] / "log.jsonl")
    assert {"loss", "learning_rate", "epoch", "validation_loss"} == set(events.Tags()["scalars"])
    for name in ("loss", "validation_loss"):
        expected = [(line["step"], pytest.approx(line[name], rel=1e-6)) for line in lines if name in line]
        assert [(event.step, event.value) for event in events.Scalars(name)] == expected
    assert [event.step for event in events.Images("examples")] == [*range(14, 64, 14), 64]


def test_images_show_each_original_above_its_reconstruction(whole):
    scalograms = sorted((whole[0] / "images").iterdir())
    assert [image.name for image in scalograms] == [f"step-{step:06}.png" for step in (*range(14, 64, 14), 64)]
    with Image.open(scalograms[-1]) as image:
        assert image.format == "PNG"
        assert image.size == (16 * 3, 4 * (4 * 3 + 4))
        pixels = np.asarray(image)
    original = np.rint(LineTask(7, 1).images[0]).astype(np.uint8)
    assert np.array_equal(pixels[:12:3, ::3], original)


def test_log_lines_are_means_over_all_steps_since_the_last(tmp_path):
    every = read_log_of(tmp_path / "every", replace(CONFIG, steps=20, save_every=1))
    tenth = read_log_of(tmp_path / "tenth", replace(CONFIG, steps=20, save_every=20))
    means = [np.mean([line["loss"] for line in every[first : first + 10]]) for first in (0, 10)]
    assert [line["loss"] for line in tenth] == pytest.approx(means, rel=1e-6)


def read_log_of(out, config):
    run(out, config)
    return read_log(out / "log.jsonl")


@pytest.mark.parametrize("last", [3, 13, 20, 28, 63])
def test_ctrl_c_ends_after_the_step_and_the_run_goes_on_as_if_nothing_had_been(tmp_path, whole, last):
    def stop(step, _steps, _loss):
        if step == last:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, progress=stop)
    assert signal.getsignal(signal.SIGINT) is before
    assert state(tmp_path)["step"] == last + 1
    assert_same(tmp_path, run(tmp_path), whole)


def test_second_ctrl_c_ends_at_once(tmp_path, whole):
    def stop(step, _steps, _loss):
        if step == 20:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, progress=stop)
    assert state(tmp_path)["step"] == 14
    assert_same(tmp_path, run(tmp_path), whole)


@pytest.mark.slow
def test_kill_at_any_moment_loses_only_the_steps_since_the_last_checkpoint(tmp_path, whole):
    replace(CONFIG).save(tmp_path / "asked.toml")
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], env=ENVIRONMENT)
    until = time.monotonic() + 200
    while not (tmp_path / "run" / "state.pt").exists() and time.monotonic() < until:
        time.sleep(0.005)
    time.sleep(random.uniform(0, 0.3))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert_same(tmp_path / "run", run(tmp_path / "run"), whole)


def test_going_on_removes_what_a_kill_left_unfinished_and_nothing_else(tmp_path, whole):
    def stop(step, _steps, _loss):
        if step == 20:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, progress=stop)
    (tmp_path / "images" / ".step-000028.cbwau_pa").mkdir()
    (tmp_path / "images" / ".step-000028.cbwau_pa" / "step-000028.png").touch()
    (tmp_path / ".log.0a1b2c3d").mkdir()
    (tmp_path / ".notes").mkdir()
    assert_same(tmp_path, run(tmp_path), whole)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [".notes"]


def test_half_a_line_is_taken_out(tmp_path, whole):
    class KilledError(Exception):
        pass

    def kill(step, _steps, _loss):
        if step == 33:
            raise KilledError

    with pytest.raises(KilledError):
        run(tmp_path, progress=kill)
    assert read_log(tmp_path / "log.jsonl")[-1]["step"] == 30
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"step": 40, "lo')
    assert_same(tmp_path, run(tmp_path), whole)


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_log_is_cut_back_to_whole_lines_of_the_steps_that_were_kept(tmp_path, cut):
    path = tmp_path / "log.jsonl"
    text = "".join(json.dumps({"step": step, "loss": 0.5}) + "\n" for step in (10, 20))
    path.write_text(text[: len(text) - cut] if cut else text)
    whole_lines = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    cut_back(path, 20)
    assert read_log(path) == whole_lines
    cut_back(path, 10)
    assert all(line["step"] == 10 for line in read_log(path))


def test_a_finished_run_only_returns_its_network(whole):
    again = run(whole[0], progress=lambda *_: pytest.fail("a step was taken"))
    assert torch.equal(weights(again), weights(whole[1]))


def test_a_run_goes_on_with_its_own_configuration_data_and_processes_only(tmp_path):
    config = replace(CONFIG, steps=4)
    run(tmp_path, config)
    with pytest.raises(TrainingDataError, match="batch was 4, is 8; seed was 1, is 2"):
        run(tmp_path, replace(config, batch=8, seed=2))
    with pytest.raises(TrainingDataError, match="other lead-segments"):
        run(tmp_path, config, task=LineTask(24, 5))
    values = state(tmp_path)
    torch.save({**values, "taken": 8}, tmp_path / "state.pt")
    with pytest.raises(TrainingDataError, match="took 8 lead-segments a step, not 4: start as many processes"):
        run(tmp_path, config)


@pytest.mark.parametrize("content", [b"", b"damaged", b"PK\x03\x04", None])
def test_a_damaged_state_is_refused(tmp_path, content):
    config = replace(CONFIG, steps=2)
    run(tmp_path, config)
    kept = (tmp_path / "state.pt").read_bytes()
    (tmp_path / "state.pt").write_bytes(kept[: len(kept) // 2] if content is None else content)
    with pytest.raises(CheckpointError, match="remove it to start anew"):
        run(tmp_path, config)


def test_a_state_of_something_else_is_refused(tmp_path):
    config = replace(CONFIG, steps=2)
    run(tmp_path, config)
    values = state(tmp_path)
    for other in ([1, 2], {"step": 3}, {**values, "network": {"weight": torch.ones(2)}}):
        torch.save(other, tmp_path / "state.pt")
        with pytest.raises(CheckpointError, match="cannot be resumed"):
            run(tmp_path, config)


def test_a_configuration_is_there_whole_before_the_first_step(tmp_path):
    def look(step, _steps, _loss):
        if step == 1:
            assert TrainingConfig(steps=1).load(tmp_path / "training.toml") == CONFIG
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, progress=look)


def test_what_cannot_be_written_is_one_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        run(tmp_path / "file" / "run")
    (tmp_path / "run" / "log.jsonl").mkdir(parents=True)
    with pytest.raises(OutputError, match="log cannot be written"):
        run(tmp_path / "run")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "weights.pt").mkdir()
    with pytest.raises(OutputError, match="the state cannot be written"):
        write_whole({}, tmp_path / "other" / "weights.pt", "the state")


def test_what_is_written_whole_follows_no_link_and_takes_what_a_killed_run_left(tmp_path):
    (tmp_path / "mine").write_text("mine")
    for guess in ("state.partial", ".state.pt.partial", "training.partial"):
        (tmp_path / guess).symlink_to(tmp_path / "mine")
    (tmp_path / ".state.12345678").mkdir()
    (tmp_path / ".state.12345678" / "state.pt").write_text("half")
    run(tmp_path, replace(CONFIG, steps=1))
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (tmp_path / ".state.12345678").exists()
    assert not [entry for entry in tmp_path.iterdir() if entry.name.startswith(".state.") and entry.is_dir()]


def test_a_loss_that_is_not_finite_ends_the_run_and_leaves_the_state(tmp_path):
    run(tmp_path, replace(CONFIG, steps=5, save_every=1))

    class BrokenTask(LineTask):
        def loss(self, network, batch):
            return super().loss(network, batch) * (math.nan if len(self.seen) > 3 else 1)

    with pytest.raises(DivergedError, match="the loss is nan at step 4: pass a lower one"):
        run(tmp_path / "broken", replace(CONFIG, save_every=2), task=BrokenTask())
    assert state(tmp_path / "broken")["step"] == 2


def test_each_lead_segment_is_taken_once_an_epoch():
    order = Order(10, seed=3)
    taken = np.concatenate([order(first, 4) for first in range(0, 40, 4)]).reshape(4, 10)
    assert np.array_equal(np.sort(taken), np.tile(np.arange(10), (4, 1)))
    assert not np.array_equal(taken[0], taken[1])
    assert np.array_equal(Order(10, seed=3)(17, 9), taken.ravel()[17:26])


def test_steps_of_a_run_of_epochs():
    config = TrainingConfig(epochs=2.5, batch=4, accumulate=2)
    assert total_steps(config, 24) == 8
    assert total_steps(config, 24, processes=2) == 4
    assert total_steps(replace(config, epochs=0.01), 24) == 1
    assert total_steps(replace(config, epochs=0.0, steps=7), 24, processes=2) == 7


def test_learning_rate_rises_along_a_line_and_falls_along_a_cosine(tmp_path):
    lines = read_log_of(tmp_path, replace(CONFIG, save_every=1))
    rates = np.array([line["learning_rate"] for line in lines])
    rising, falling = rates[:8], rates[7:]
    np.testing.assert_allclose(rising, 0.05 * np.arange(1, 9) / 8, rtol=1e-6)
    np.testing.assert_allclose(falling, 0.05 * (1 + np.cos(np.pi * np.arange(57) / 56)) / 2, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("warm_up", [0.0, 0.125])
def test_a_constant_learning_rate_stays_after_the_warm_up(tmp_path, warm_up):
    """Published, where there is no warm-up: no schedule at all."""
    lines = read_log_of(tmp_path, replace(CONFIG, save_every=1, warm_up=warm_up, schedule="constant"))
    rates = [line["learning_rate"] for line in lines]
    rising = round(64 * warm_up)
    assert rates == pytest.approx([0.05 * min(1, step / max(rising, 1)) for step in range(1, 65)])


def test_a_constant_rate_steps_as_plain_adamw(tmp_path):
    """The weights after a few steps are those of a loop of torch alone, and the average those of one from the first."""
    config = replace(CONFIG, steps=5, warm_up=0.0, schedule="constant", ema_ramp=False, ema=0.75, precision="float32")
    task = LineTask()
    averaged = run(tmp_path, config, task=task)
    torch.manual_seed(config.seed)
    network = torch.nn.Linear(16, 16)
    average = weights(network).clone()
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.05, weight_decay=0.01)
    generator = torch.Generator().manual_seed(config.seed)
    for chosen in list(task.seen):
        task.loss(network, task.batch(chosen, generator)).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        average = 0.75 * average + 0.25 * weights(network)
    assert torch.allclose(weights(averaged), average.detach(), atol=1e-6)


@pytest.mark.parametrize(("batch", "accumulate", "sizes"), [(10, 1, [10, 10, 4]), (5, 2, [10, 10, 4]), (7, 3, [21, 3])])
def test_the_last_batch_of_an_epoch_is_what_is_left(tmp_path, batch, accumulate, sizes):
    """Published: a partial batch is a step of its own; each lead-segment is taken once an epoch."""
    task = LineTask(24)
    config = replace(CONFIG, steps=0, epochs=2.0, batch=batch, accumulate=accumulate, partial_batch=True)
    run(tmp_path, config, task=task)
    assert [len(chosen) for chosen in task.seen] == sizes * 2
    epochs = np.split(np.concatenate(task.seen), 2)
    assert all(np.array_equal(np.sort(epoch), np.arange(24)) for epoch in epochs)
    assert not np.array_equal(*epochs)
    assert read_log(tmp_path / "log.jsonl")[-1]["epoch"] == 2.0


def test_what_is_left_is_filled_up_to_as_many_in_each_share(tmp_path):
    task = LineTask(25)
    run(tmp_path, replace(CONFIG, steps=0, epochs=1.0, batch=5, accumulate=4, partial_batch=True), task=task)
    assert [len(chosen) for chosen in task.seen] == [20, 8]
    assert np.array_equal(task.seen[1][5:], task.seen[0][:3])


def test_a_stopped_run_with_partial_batches_and_checkpoints_goes_on_as_if_nothing_had_been(tmp_path):
    config = replace(CONFIG, steps=0, epochs=6.0, batch=10, partial_batch=True, checkpoints=3, save_every=4)

    def stop(step, steps, loss):
        if step == 7:
            os.kill(os.getpid(), signal.SIGINT)

    straight = run(tmp_path / "straight", config)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", config, stop)
    assert torch.equal(weights(run(tmp_path / "stopped", config)), weights(straight))
    assert read_log(tmp_path / "stopped" / "log.jsonl") == read_log(tmp_path / "straight" / "log.jsonl")


def test_weights_and_their_average_are_kept_as_often_as_asked(tmp_path):
    network = run(tmp_path, replace(CONFIG, checkpoints=4))
    folder = tmp_path / "checkpoints"
    expected = [f"step-{step:06}-{name}.pth" for step in (16, 32, 48, 64) for name in ("ema", "raw")]
    assert sorted(path.name for path in folder.iterdir()) == expected
    last = {name: torch.load(folder / f"step-000064-{name}.pth", weights_only=True) for name in ("raw", "ema")}
    assert torch.equal(last["ema"]["weight"], network.weight)
    assert torch.equal(last["raw"]["weight"], state(tmp_path)["network"]["weight"])
    first = torch.load(folder / "step-000016-ema.pth", weights_only=True)
    assert not torch.equal(first["weight"], network.weight)
    assert not (run(tmp_path / "none") and (tmp_path / "none" / "checkpoints").exists())


def test_a_run_of_before_there_were_all_settings_is_known_again(tmp_path):
    run(tmp_path, replace(CONFIG, steps=4))
    path = tmp_path / "training.toml"
    added = ("schedule", "ema_ramp", "partial_batch", "checkpoints")
    lines = [line for line in path.read_text().splitlines() if not line.startswith(added)]
    path.write_text("\n".join(lines))
    run(tmp_path, replace(CONFIG, steps=4))
    with pytest.raises(TrainingDataError, match="schedule was cosine, is constant"):
        run(tmp_path, replace(CONFIG, steps=4, schedule="constant"))


def test_the_average_of_the_weights_is_what_comes_out(tmp_path, whole):
    kept = state(whole[0])
    average = torch.cat([kept["average"][f"module.{name}"].flatten() for name in ("weight", "bias")])
    last = torch.cat([kept["network"][name].flatten() for name in ("weight", "bias")])
    assert torch.equal(weights(whole[1]), average)
    assert not torch.allclose(average, last, atol=1e-6)
    without = run(tmp_path, replace(CONFIG, ema=0.0))
    assert torch.allclose(weights(without), last, atol=1e-6)


@pytest.fixture
def lengths(monkeypatch):
    """The length of the gradient at each step."""
    found = []
    step = torch.optim.AdamW.step

    def watched(self, *arguments, **options):
        gradients = [value.grad for group in self.param_groups for value in group["params"]]
        found.append(float(torch.cat([gradient.flatten() for gradient in gradients]).norm()))
        return step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    return found


def test_gradients_are_cut_to_the_length_asked_for(tmp_path, lengths):
    config = replace(CONFIG, steps=2)
    train(LineTask(), None, replace(config, gradient_norm=0.0), tmp_path / "none")
    train(LineTask(), None, replace(config, gradient_norm=1e-3), tmp_path / "short")
    assert min(lengths[:2]) > 0.01
    assert lengths[2:] == pytest.approx([1e-3, 1e-3], rel=1e-2)


def test_gradients_of_several_batches_are_averaged(tmp_path, lengths):
    config = replace(CONFIG, steps=3, gradient_norm=0.0, precision="float32")
    train(LineTask(), None, config, tmp_path / "one")
    train(LineTask(), None, replace(config, batch=1, accumulate=4), tmp_path / "four")
    assert lengths[3:] == pytest.approx(lengths[:3], rel=1e-4)


@pytest.mark.parametrize(("precision", "expected"), [("bfloat16", torch.bfloat16), ("float32", torch.float32)])
def test_precision_is_that_asked_for(tmp_path, precision, expected):
    kinds = set()

    class WatchedTask(LineTask):
        def loss(self, network, batch):
            kinds.add(network(batch["noisy"]).dtype)
            return super().loss(network, batch)

    config = replace(CONFIG, steps=10, precision=precision)
    network = train(WatchedTask(), WatchedTask(7, 1), config, tmp_path)
    assert kinds == {expected}
    assert {value.dtype for value in network.parameters()} == {torch.float32}


def test_a_run_leaves_the_random_numbers_of_others_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(tmp_path, replace(CONFIG, steps=1))
    assert torch.equal(torch.rand(3), expected)


def test_seed_chooses_weights_order_and_noise(tmp_path):
    logs = [read_log_of(tmp_path / name, replace(CONFIG, steps=4, seed=seed)) for name, seed in (("a", 1), ("b", 2))]
    assert logs[0][0]["loss"] != logs[1][0]["loss"]
    assert read_log_of(tmp_path / "c", replace(CONFIG, steps=4, seed=2)) == logs[1]


@pytest.mark.slow
def test_two_processes_and_two_batches_a_step_are_one_process_with_twice_the_batch(tmp_path, capsys):
    train_all(tmp_path / "one", 4, 1)
    train_all(tmp_path / "accumulated", 2, 2)
    printed = capsys.readouterr().out
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--master-addr", "localhost", "--master-port", str(port), str(TESTS / "training_worker.py")]
    done = subprocess.run(
        [*command, str(tmp_path / "two")], env=ENVIRONMENT, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr
    assert printed == 2 * done.stdout
    for name, config in CONFIGS.items():
        one, accumulated, two = (
            read_log(tmp_path / folder / name / "log.jsonl") for folder in ("one", "accumulated", "two")
        )
        assert len(two) == config.steps
        for other in (accumulated, two):
            for key in ("step", "epoch", "loss", "learning_rate"):
                assert [line[key] for line in other] == pytest.approx([line[key] for line in one], rel=1e-4), name
