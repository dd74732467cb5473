"""Training on a store: which leads, and model folders that score."""

import csv
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from ecgnoise import Recording, simulate_ecg
from ecgnoise.cli import main
from ecgnoise.cli.train import ProgressBars
from ecgnoise.errors import CheckpointError, ModelFormatError, OptionError, OutputError, StoreError, TrainingDataError
from ecgnoise.models.folder import load_folder
from ecgnoise.models.networks.published import Autoencoder, network_of
from ecgnoise.models.onnx import OnnxAutoencoder, open_onnx
from ecgnoise.models.torch import WEIGHTS, open_torch
from ecgnoise.ptbxl.index import index_sheet, training_leads
from ecgnoise.ptbxl.rows import write_sheets
from ecgnoise.scalogram.profile import DEFAULT, PAPER
from ecgnoise.training.default.teacher import read_store, train_default
from ecgnoise.training.engine.config import DefaultConfig, PublishedConfig
from ecgnoise.training.engine.loop import read_log, train
from ecgnoise.training.published.model import Request, read_autoencoder, read_material, train_published
from ecgnoise.training.published.tasks import AutoencoderTask, DiffusionTask
from ecgnoise.training.recordings.store_leads import choose_leads
from ecgnoise.writers import write_recording
from training_stores import ABSENT, FLAT_LEAD, NOISY_LEAD, PLAIN, made_up_levels, make_store

TINY = PublishedConfig(
    epochs=0.0, steps=4, batch=2, channels=(32, 32, 32), save_every=2, validation_leads=2, discretization=True
)
TINY_OPTIONS = ("--steps", 4, "--batch", 2, "--channels", "32,32,32", "--save-every", 2, "--validation-leads", 2,
                "--discretization")  # fmt: skip
THREE_LEVELS = ((64, False), (64, False), (64, True))
CLEAN_LEADS = 8 * 11 - 1 - 11  # of folds 1 to 9 but 9: one is flat, one record is absent


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """The last digits depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("stores") / "uint8")


@pytest.fixture(scope="module")
def level_store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("stores") / "float16", dtype="float16")


@pytest.fixture(scope="module")
def default_store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("stores") / "default", DEFAULT, "float16")


@pytest.fixture(scope="module")
def graded_on_few():
    """Grading asks the network of a few leads only; the pixel model has three levels for five."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ecgnoise.training.published.model.GRADED_LEADS", 3)
        for module in ("ecgnoise.training.published.model", "ecgnoise.models.networks.published"):
            patch.setattr(f"{module}.PIXEL_LEVELS", THREE_LEVELS)
        yield


def command(*arguments, environment=None):
    return CliRunner().invoke(main, [str(argument) for argument in ("train", *arguments)], env=environment)


@pytest.fixture(scope="module")
def autoencoder(store, tmp_path_factory, graded_on_few):
    """The folder of an autoencoder, whose run was stopped by Ctrl-C after three steps, and what was said."""
    out = tmp_path_factory.mktemp("models") / "autoencoder"
    arguments = ("autoencoder", store.path, "--out", out, *TINY_OPTIONS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ProgressBars,
            "step",
            lambda _told, step, _steps, _loss: signal.raise_signal(signal.SIGINT) if step == 2 else None,
        )
        stopped = command(*arguments)
    return out, stopped, command(*arguments)


@pytest.fixture(scope="module")
def latent(store, autoencoder, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "latent"
    config = replace(TINY, channels=(32, 32, 64))
    return train_published("latent", Request(store, out, config), autoencoder[0])


@pytest.fixture(scope="module")
def pixel(level_store, tmp_path_factory, graded_on_few):
    out = tmp_path_factory.mktemp("models") / "pixel"
    config = replace(TINY, channels=(32, 32, 32), discretization=False, validation_fold=0)
    return train_published("pixel", Request(level_store, out, config))


@pytest.fixture(scope="module")
def default(default_store, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "default"
    said = []
    material = read_store(default_store, say=said.append)
    config = DefaultConfig(steps=4, batch=2, channels=(8, 8, 8), save_every=2, validation_leads=2)
    return train_default(material, out, config), said


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("recordings") / "record.npz"
    quiet = simulate_ecg(10, 500, seed=1, lead_names=["I", "V2"]).signal
    noisy = quiet + 0.01 * np.random.default_rng(1).normal(size=quiet.shape)
    write_recording(Recording.from_array(noisy, 500, lead_names=["I", "V2"]), path)
    return path


def write_list(path, rows):
    write_sheets({path: index_sheet(rows)})
    return path


class CapturedError(Exception):
    """The tasks that the loop was given."""


@pytest.fixture
def captured(monkeypatch, tmp_path):
    """What a request would train on and watch."""

    def instead(task, validation, _config, _work, **_options):
        raise CapturedError(task, validation)

    def ask(store, config=TINY, kind="autoencoder", **options):
        monkeypatch.setattr("ecgnoise.training.published.model.train", instead)
        with pytest.raises(CapturedError) as caught:
            train_published(kind, Request(store, tmp_path / "model", config, **options))
        return caught.value.args

    return ask


def stored(store, record, lead):
    return np.asarray(store.array("images")[record])[lead]


# Which leads


def test_clean_leads_of_folds_1_to_8_train_and_those_of_fold_9_are_watched(store, captured):
    task, watched = captured(store)
    rows = [row for row in training_leads(store.index) if row.fold != 9]
    numbers = {record.filename_hr: number for number, record in enumerate(store.index)}
    there = [(numbers[row.filename_hr], row.lead) for row in rows if numbers[row.filename_hr] != ABSENT]
    there.remove((ABSENT + 1, FLAT_LEAD))
    assert task.size == len(there) == CLEAN_LEADS
    for image, (record, lead) in zip(task.images, there, strict=True):
        assert np.array_equal(image, stored(store, record, lead))
    expected = [stored(store, 8, lead) for lead in range(12) if lead != NOISY_LEAD]
    assert np.array_equal(watched.images, expected)


def test_without_a_fold_to_watch_all_nine_train(store, captured):
    task, watched = captured(store, replace(TINY, validation_fold=0))
    assert (task.size, watched) == (CLEAN_LEADS + 11, None)


def test_a_list_trains_exactly_its_leads(store, captured, tmp_path):
    every = [row for row in training_leads(store.index) if row.filename_hr[-4] != str(ABSENT)]
    rows = [every[place] for place in (40, 3, 17, 88 - 11 - 1 + 5)]
    task, watched = captured(store, only=write_list(tmp_path / "list.csv", [*rows, rows[0]]))
    numbers = {record.filename_hr: number for number, record in enumerate(store.index)}
    expected = [stored(store, numbers[row.filename_hr], row.lead) for row in rows]
    chosen = [row.fold == 9 for row in rows]
    assert np.array_equal(task.images, [image for image, watched in zip(expected, chosen, strict=True) if not watched])
    assert sum(chosen) == (0 if watched is None else watched.size)


def test_leads_that_the_store_lacks_are_counted_and_told(store, tmp_path, captured):
    assert choose_leads(store, 9).left_out == 11 + 1
    row = next(iter(training_leads(store.index)))
    listed = write_list(tmp_path / "list.csv", [row, row._replace(filename_hr="records500/99999_hr")])
    assert choose_leads(store, 9, listed).left_out == 1
    said = []
    captured(store, only=listed, say=said.append)
    assert said == ["1 of 2 leads are not in the store or are flat, and are left out"]


def test_fold_10_never_trains(store, tmp_path):
    rows = [*training_leads(store.index)][:3]
    listed = write_list(tmp_path / "list.csv", [*rows, rows[0]._replace(fold=10, filename_hr="records500/00009_hr")])
    with pytest.raises(TrainingDataError, match="1 of 4 leads are of fold 10, which tests, such as records500/00009"):
        choose_leads(store, 9, listed)


def test_a_list_that_leaves_nothing_is_refused(store, tmp_path):
    row = next(iter(training_leads(store.index)))._replace(filename_hr="records500/99999_hr")
    with pytest.raises(TrainingDataError, match="none of 1 leads to train on is in it"):
        choose_leads(store, 9, write_list(tmp_path / "list.csv", [row]))


def test_a_store_of_another_profile_is_refused_with_the_difference(default_store, store, tmp_path):
    with pytest.raises(StoreError, match=r"profile frequencies is .*--profile paper"):
        train_published("autoencoder", Request(default_store, tmp_path / "model", TINY))
    with pytest.raises(StoreError, match=r"dtype is uint8, asked for float16.*--profile default --dtype float16"):
        read_store(store)


def test_whole_grey_levels_are_asked_for(store, level_store, tmp_path):
    plain = replace(TINY, discretization=False)
    with pytest.raises(StoreError, match="pass --discretization"):
        train_published("autoencoder", Request(store, tmp_path / "model", plain))
    images = read_material(Request(level_store, tmp_path / "model", plain))
    whole = read_material(Request(level_store, tmp_path / "model", TINY))
    assert images.profile == PLAIN
    assert images.training.dtype == np.float32
    assert (images.training % 1 != 0).mean() > 0.5
    assert whole.profile == PAPER
    assert whole.training.dtype == np.uint8
    assert np.abs(whole.training - images.training).max() <= 0.5 + 1e-3
    exact = read_material(Request(store, tmp_path / "model", TINY)).training
    assert np.abs(whole.training.astype(int) - exact).max() <= 1


def test_levels_of_a_store_are_those_stored(default_store):
    said = []
    material = read_store(default_store, say=said.append)
    assert material.training.levels.shape == (CLEAN_LEADS, 40, 256)
    assert material.clean.levels.shape == (11, 40, 256)
    assert np.array_equal(material.training.levels[0], default_store.array("levels")[0][0])
    assert np.array_equal(material.clean.levels[3], default_store.array("levels")[8][3])
    assert said == [f"12 of {CLEAN_LEADS + 23} leads are not in the store or are flat, and are left out"]


# Options


def test_a_model_folder_that_exists_is_never_overwritten(store, tmp_path):
    (tmp_path / "model").mkdir()
    for kind in ("autoencoder", "latent", "pixel"):
        with pytest.raises(OutputError, match="never overwritten"):
            train_published(kind, Request(store, tmp_path / "model", TINY))


def test_only_a_latent_model_takes_an_autoencoder(store, tmp_path):
    with pytest.raises(OptionError, match="pass --autoencoder"):
        train_published("latent", Request(store, tmp_path / "model", TINY))
    for kind in ("autoencoder", "pixel"):
        with pytest.raises(OptionError, match="no other model takes one"):
            train_published(kind, Request(store, tmp_path / "model", TINY), tmp_path)


def test_widths_are_as_many_as_levels(store, tmp_path):
    with pytest.raises(OptionError, match=r"channels 32,32: pass 3 widths, as 64,128,256"):
        train_published("autoencoder", Request(store, tmp_path / "model", replace(TINY, channels=(32, 32))))


def test_other_processes_than_the_first_say_nothing(tmp_path):
    first = command("pixel", tmp_path / "none", "--out", tmp_path / "model", environment={"LOCAL_RANK": "0"})
    second = command("pixel", tmp_path / "none", "--out", tmp_path / "model", environment={"LOCAL_RANK": "1"})
    unknown = command("pixel", "--unknown", environment={"LOCAL_RANK": "1"})
    assert (first.exit_code, len(first.stderr.splitlines())) == (2, 1)
    assert (second.exit_code, second.output, unknown.exit_code, unknown.output) == (2, "", 2, "")


# Tasks


@pytest.mark.slow
def test_a_tiny_autoencoder_learns(tmp_path):
    images = (made_up_levels(24, 32) * 30 + 200).clip(0, 255)
    levels = ((32, False),) * 3
    config = replace(TINY, steps=20, batch=2, learning_rate=3e-3, save_every=10, warm_up=0.1, validation_leads=4)

    def task(chosen):
        return AutoencoderTask(chosen, lambda: Autoencoder(levels))

    train(task(images[:20]), task(images[20:]), config, tmp_path)
    lines = read_log(tmp_path / "log.jsonl")
    watched = [line["validation_loss"] for line in lines if "validation_loss" in line]
    assert lines[-1]["loss"] < 0.5 * lines[0]["loss"]
    assert watched[1] < watched[0]


def test_noise_is_added_as_the_schedule_says_and_timesteps_are_even():
    images = (made_up_levels(4, 32) * 30 + 200).clip(0, 255)
    clean = np.random.default_rng(0).normal(size=(4, 2, 8, 64)).astype(np.float32)
    task = DiffusionTask(images, torch.nn.Identity(), torch.nn.Identity, clean)
    chosen = np.tile([2, 0], 500)
    batch = task.batch(chosen, torch.Generator().manual_seed(0))
    assert np.array_equal(batch["clean"][1], clean[0])
    assert (batch["timestep"].min() < 20, batch["timestep"].max() > 980) == (True, True)
    assert abs(float(batch["timestep"].float().mean()) - 499.5) < 30
    seen = {}

    def network(noisy, timestep):
        seen.update(noisy=noisy, timestep=timestep)
        return batch["noise"]

    assert float(task.loss(network, batch)) == 0
    share = batch["alpha_bar"][:, None, None, None]
    power = (share * batch["clean"] ** 2 + (1 - share)).mean()
    assert float((seen["noisy"] ** 2).mean()) == pytest.approx(float(power), rel=0.02)
    first = batch["alpha_bar"][batch["timestep"].argmin()]
    assert first > 0.99 > 0.01 > batch["alpha_bar"][batch["timestep"].argmax()]


def test_another_autoencoder_is_another_task(store):
    images = (made_up_levels(4, 32) * 30 + 200).clip(0, 255)

    class Module(torch.nn.Module):
        def __init__(self, unet, ae):
            super().__init__()
            self.unet, self.ae = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
            torch.nn.init.constant_(self.unet.weight, unet)
            torch.nn.init.constant_(self.ae.weight, ae)
            torch.nn.init.zeros_(self.ae.bias)

    sums = [DiffusionTask(images, Module(*values), Module).fingerprint for values in ((1, 1), (2, 1), (1, 2))]
    assert sums[0] == sums[1] != sums[2]


# Model folders


@pytest.mark.slow
def test_ctrl_c_is_said_and_the_same_command_goes_on(autoencoder, store, tmp_path):
    out, stopped, done = autoencoder
    assert stopped.exit_code == 130
    *before, last = stopped.stderr.splitlines()
    assert last == "Stopped: the state is kept; the same command goes on."
    assert before[0].startswith("reading 7 ")
    assert "12 of 99 leads are not in the store" in stopped.stdout
    assert done.exit_code == 0, done.output
    folder = load_folder(out)
    assert done.stdout.splitlines()[-1] == f"wrote {out}: autoencoder {folder.description.version} ({folder.hash})"
    work = out.with_name("autoencoder.training")
    assert {path.name for path in work.iterdir()} == {
        "training.toml", "state.pt", "log.jsonl", "tensorboard", "images",
    }  # fmt: skip
    material = read_material(Request(store, out, TINY))
    levels = ((32, False), (32, True), (32, True))
    tasks = [
        AutoencoderTask(images, lambda: Autoencoder(levels)) for images in (material.training, material.validation)
    ]
    network = train(*tasks, TINY.load(work / "training.toml"), tmp_path)
    assert read_log(work / "log.jsonl") == read_log(tmp_path / "log.jsonl")
    written = load_file(out / WEIGHTS)
    assert all(torch.equal(value, written[name]) for name, value in network.state_dict().items())


@pytest.mark.slow
def test_an_autoencoder_gives_the_same_in_torch_and_onnx(autoencoder, recording):
    folder = load_folder(autoencoder[0])
    network = network_of("autoencoder", load_file(folder.file(WEIGHTS)), "weights")
    images = np.random.default_rng(0).uniform(-1, 1, (3, 1, 32, 256)).astype(np.float32)
    twin = OnnxAutoencoder(folder, 1)
    with torch.no_grad():
        latents = network.encode(torch.from_numpy(images)).numpy()
        back = network.decode(torch.from_numpy(latents)).numpy()
    np.testing.assert_allclose(twin.encode(images), latents, atol=1e-3)
    np.testing.assert_allclose(twin.decode(latents), back, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["latent", "pixel"])
def test_a_narrow_network_gives_the_same_in_torch_and_onnx(request, kind):
    folder = request.getfixturevalue(kind)
    twins = open_torch(folder), open_onnx(folder, 1)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 1, 32, 256)).astype(np.float32)
    clean = [network.encode(images) for network in twins]
    noise = [network.predict_noise(clean[0], 250) for network in twins]
    drawn = [network.decode(noise[0]) for network in twins]
    for ours, theirs in (clean, noise, drawn):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert folder.description.profile == (PAPER if kind == "latent" else PLAIN)


@pytest.mark.slow
def test_every_model_folder_scores(autoencoder, latent, pixel, default, recording, tmp_path):
    folders = {
        "autoencoder": load_folder(autoencoder[0]),
        "latent": latent,
        "pixel": pixel,
        "default": default[0],
    }
    for name, folder in folders.items():
        assert folder.description.name == name
        assert len(folder.description.clean_percentiles) == 101
        assert (folder.path / "card.md").read_text().startswith("# ")
        table = tmp_path / f"{name}.csv"
        arguments = ["score", str(recording), "--model", str(folder.path), "--threads", "1", "--out", str(table)]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        with table.open(newline="") as rows:
            psnr = [float(row["psnr_db"]) for row in csv.DictReader(rows)]
        assert len(psnr) == 2
        assert np.isfinite(psnr).all()


@pytest.mark.slow
def test_folders_say_what_was_trained_on(autoencoder, latent, pixel, default):
    data = load_folder(autoencoder[0]).description.training
    assert data.data == (f"PTB-XL (CC BY 4.0): {CLEAN_LEADS} clean leads of folds 1 to 9 but 9",)
    assert data.note.startswith(
        "4 steps, 2 lead-segments a step, learning rate 0.0003, seed 1; graded on 3 clean leads"
    )
    assert "12 of 99 leads are not in the store" in data.note
    assert pixel.description.training.data == (f"PTB-XL (CC BY 4.0): {CLEAN_LEADS + 11} clean leads of folds 1 to 9",)
    assert f"{CLEAN_LEADS} lead-segments" in default[0].description.training.data[0]
    assert "11 clean lead-segments: ptb-xl fold 9" in default[0].description.training.note


@pytest.mark.slow
def test_the_autoencoder_of_a_latent_model_is_that_it_was_given(autoencoder, latent):
    given, kept = load_file(autoencoder[0] / WEIGHTS), load_file(latent.path / WEIGHTS)
    assert all(torch.equal(value, kept[f"ae.{name}"]) for name, value in given.items())
    for path in (autoencoder[0], latent.path):
        taken = read_autoencoder(path, PAPER).state_dict()
        assert all(torch.equal(value, given[name]) for name, value in taken.items())
    assert latent.description.sampler is not None


@pytest.mark.slow
def test_an_autoencoder_of_other_images_or_another_kind_is_refused(autoencoder, pixel, default):
    with pytest.raises(ModelFormatError, match="images are others"):
        read_autoencoder(autoencoder[0], PLAIN)
    with pytest.raises(ModelFormatError, match="a pixel network has no autoencoder"):
        read_autoencoder(pixel.path, PLAIN)
    with pytest.raises(ModelFormatError, match="a masked network has no autoencoder"):
        read_autoencoder(default[0].path, PAPER)
    weights = load_file(autoencoder[0] / WEIGHTS)
    with pytest.raises(CheckpointError, match=r"weights: parameter .* is missing"):
        network_of("latent", weights, "weights")


@pytest.mark.slow
def test_the_weights_of_a_pixel_model_are_the_average(pixel, level_store):
    work = pixel.path.with_name("pixel.training")
    average = torch.load(work / "state.pt", weights_only=True)["average"]
    written = load_file(pixel.path / WEIGHTS)
    assert all(torch.equal(average[f"module.{name.removeprefix('unet.')}"], value) for name, value in written.items())
