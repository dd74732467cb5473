"""Settings of training, and the default model: from recordings to a folder that scores."""

import csv
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ecgnoise import Quantifier, Recording, simulate_ecg
from ecgnoise.errors import ModelFormatError, OptionError, OutputError, TrainingDataError
from ecgnoise.models.folder import load_folder
from ecgnoise.models.networks.teacher import MaskedDenoiser
from ecgnoise.models.torch import WEIGHTS
from ecgnoise.ptbxl.labels import DATABASE_COLUMNS
from ecgnoise.scalogram.profile import DEFAULT
from ecgnoise.training.default import teacher as default_model
from ecgnoise.training.default.data import TrainingSet, corruption, filtered, hide_invalid, load_training_set
from ecgnoise.training.default.task import MaskedTask
from ecgnoise.training.default.teacher import keep_cleanest, read_recordings, screened, train_default
from ecgnoise.training.engine.config import PRESETS, DefaultConfig, PublishedConfig, preset
from ecgnoise.training.recordings.records import only, take
from ecgnoise.training.recordings.sources import collections
from ecgnoise.writers import write_recording

LEADS = ("I", "II", "III", "aVR")
TINY = DefaultConfig(steps=6, batch=4, channels=(8, 8, 8), save_every=3)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Simulated records in the layout of the collections, one of PTB-XL with a remark on noise."""
    folder = tmp_path_factory.mktemp("recordings")
    places = {"ptb-xl/records500/a": 3, "ludb/data": 2}
    number = 0
    rows = []
    for place, count in places.items():
        (folder / place).mkdir(parents=True)
        for _ in range(count):
            number += 1
            signal = simulate_ecg(10, 500, seed=number, lead_names=LEADS).signal
            noisy = signal + 0.005 * np.random.default_rng(number).normal(size=signal.shape)
            recording = Recording.from_array(noisy, 500, lead_names=LEADS)
            write_recording(recording, folder / place / f"r{number}.hea")
            fold = str(number * 4 - 3)
            rows.append((f"records500/a/r{number}", "", "{}", "I-III" if number == 2 else "", "", "", "", fold))
    with (folder / "ptb-xl" / "ptbxl_database.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(DATABASE_COLUMNS)
        table.writerows(rows[:3])
    return folder


@pytest.fixture(scope="module")
def training_set(recordings):
    return load_training_set(take(recordings, collections(recordings)))


def test_only_leads_without_a_remark_train(recordings, training_set):
    assert training_set.sources == {"ptb-xl": 5, "ludb": 8}
    assert training_set.levels.shape == (13, 40, 256)
    assert np.isfinite(training_set.levels).all()


@pytest.mark.slow
def test_training_ends_in_a_folder_that_scores(recordings, tmp_path):
    material = read_recordings(recordings)
    folder = train_default(material, tmp_path / "model", TINY)
    description = folder.description
    assert description.thresholds.good > description.thresholds.fair > description.thresholds.poor
    assert len(description.clean_percentiles) == 101
    assert all(query.scale > 0 for query in description.queries)
    assert "5 lead-segments" in description.training.data[0]
    assert "fold 9" in description.training.note
    assert (folder.path / "card.md").read_text().startswith("# default")
    result = Quantifier(folder.path).quantify(simulate_ecg(10, 250, seed=1))
    assert np.isfinite(result.psnr).all()
    with pytest.raises(OutputError, match="never overwritten"):
        train_default(material, tmp_path / "model", TINY)
    again = replace(TINY, steps=1, keep=0.7, learning_rate=1e-9)
    second = train_default(material, tmp_path / "second", again, start=folder)
    assert f"begun from default {description.version} ({folder.hash})" in second.description.training.note
    counts = [int(re.search(r": (\d+) lead-segments$", line)[1]) for line in second.description.training.data]
    assert 4 <= sum(counts) < 13
    first_weights, second_weights = (load_file(model.file(WEIGHTS)) for model in (folder, second))
    assert torch.allclose(first_weights["network.conv_in.weight"], second_weights["network.conv_in.weight"], atol=1e-6)


def test_starting_from_a_model_needs_one_that_fits(recordings, tmp_path, tiny_model):
    material = read_recordings(recordings)
    with pytest.raises(OptionError, match="pass --start"):
        train_default(material, tmp_path / "model", replace(TINY, keep=0.5))
    with pytest.raises(ModelFormatError, match=r"weights\.safetensors"):
        train_default(material, tmp_path / "model", TINY, start=load_folder(tiny_model))
    task = MaskedTask(material.training, TINY, MaskedDenoiser((8, 16)).state_dict())
    with pytest.raises(OptionError, match="pass its widths"):
        task.network()


@pytest.mark.slow
def test_the_cleanest_have_the_least_above_what_is_reconstructed(recordings, tmp_path):
    material = read_recordings(recordings)
    folder = train_default(material, tmp_path / "model", TINY)
    levels = material.training.levels.copy()
    levels[0, 30:] = 3.0
    levels[5, :5] = 3.0
    kept = keep_cleanest(replace(material, training=replace(material.training, levels=levels)), folder, 0.92)
    assert kept.training.sources == {"ptb-xl": 4, "ludb": 7}
    assert np.array_equal(kept.training.levels, np.delete(levels, [0, 5], axis=0))
    assert kept.clean is material.clean


def test_leads_without_beats_that_agree_are_left_out(training_set):
    levels = training_set.levels.copy()
    levels[[2, 7]] = np.random.default_rng(1).normal(0, 0.3, (2, *levels.shape[1:]))
    kept = screened(replace(training_set, levels=levels))
    assert kept.sources == {"ptb-xl": 4, "ludb": 7}
    assert np.array_equal(kept.levels, np.delete(levels, [2, 7], axis=0))
    assert kept.rows == only(training_set.rows, ~np.isin(np.arange(13), [2, 7]))
    with pytest.raises(TrainingDataError, match="beats that agree"):
        screened(replace(training_set, levels=np.zeros_like(levels)))


def test_one_collection_does_not_outweigh_the_others(training_set, monkeypatch):
    monkeypatch.setattr(default_model, "MOST", {"ludb": 3})
    kept = screened(training_set)
    assert kept.sources == {"ptb-xl": 5, "ludb": 3}
    assert sum(len(row.places) for row in kept.rows) == len(kept.levels) == 8
    assert np.array_equal(kept.levels, screened(training_set).levels)


def test_nothing_to_train_on_is_an_error(tmp_path):
    with pytest.raises(TrainingDataError, match="no folder ptb-xl"):
        collections(tmp_path)
    (tmp_path / "ludb").mkdir()
    (tmp_path / "ludb" / "broken.hea").write_text("broken")
    with pytest.raises(TrainingDataError, match="none of the recordings"):
        load_training_set(take(tmp_path, collections(tmp_path)))


CONFIGS = [
    DefaultConfig(epochs=1.5, steps=0, channels=(8, 16)),
    PublishedConfig(discretization=True, validation_fold=0, channels=(32, 64)),
    *[config for kinds in PRESETS.values() for config in kinds.values()],
]


@pytest.mark.parametrize("config", CONFIGS)
def test_configuration_survives_a_file(tmp_path, config):
    config.save(tmp_path / "training.toml")
    other = replace(config, batch=7, seed=9)
    assert other.load(tmp_path / "training.toml") == config
    assert [path.name for path in tmp_path.iterdir()] == ["training.toml"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stepz = 3", "unknown entries stepz"),
        ("batch = 2.5", "batch is 2.5: pass int"),
        ("batch = true", "batch is True: pass int"),
        ('ema = "high"', "ema is 'high': pass float"),
        ("channels = [8, 8.0]", "pass a list of int"),
        ("steps = 3\nepochs = 2", "give one of them"),
        ("learning_rate = inf", "pass a finite number"),
        ("ema = nan", "pass a finite number"),
        ("batch = ", "cannot be read"),
    ],
)
def test_wrong_files_of_settings_are_refused(tmp_path, text, said):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(OptionError, match=said):
        DefaultConfig().load(path)


@pytest.mark.parametrize(
    "values",
    [
        {"steps": 0}, {"steps": -1}, {"batch": 0}, {"accumulate": 0}, {"learning_rate": 0.0}, {"weight_decay": -0.1},
        {"beta2": 1.0}, {"warm_up": 1.1}, {"gradient_norm": -1.0}, {"ema": 1.0}, {"precision": "float16"},
        {"seed": -1}, {"seed": 2**40}, {"save_every": 0}, {"validation_leads": 0}, {"channels": ()},
        {"channels": (12,)}, {"units_withheld": 1.5}, {"epochs": 1.0}, {"keep": 0.0}, {"keep": 1.1},
        {"schedule": "linear"}, {"checkpoints": -1},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(values):
    with pytest.raises(OptionError, match=r"^training: .*"):
        DefaultConfig(**values)
    for fold in (-1, 10):
        with pytest.raises(OptionError, match="pass 1 to 9, or 0 for none"):
            PublishedConfig(validation_fold=fold)


def test_the_length_that_is_given_takes_the_place_of_the_other():
    assert PublishedConfig().updated({"steps": 5}, "test") == PublishedConfig(epochs=0.0, steps=5)
    assert DefaultConfig().updated({"epochs": 2}, "test") == DefaultConfig(epochs=2.0, steps=0)
    assert DefaultConfig().updated({"batch": 2}, "test") == DefaultConfig(batch=2)


def test_preset_paper_is_what_was_published():
    for kind, epochs, batch in (("autoencoder", 100, 32), ("latent", 50, 128), ("pixel", 50, 32)):
        config = preset("paper", kind)
        assert (config.learning_rate, config.ema, config.batch, config.epochs) == (1e-4, 0.999, batch, epochs)
        assert config.warm_up * config.epochs == (5 if kind == "autoencoder" else 0)
        assert config.schedule == ("cosine" if kind == "autoencoder" else "constant")
        assert (config.seed, config.ema_ramp, config.partial_batch, config.validation_fold) == (123, False, True, 0)
        assert config.checkpoints >= 1
    with pytest.raises(OptionError, match="pass --preset default"):
        preset("paper", "default")


def test_every_kind_of_query_is_trained():
    asked = corruption(2000, 40, 0.3, torch.Generator().manual_seed(0))
    always = asked.hidden[:, 0].amin(dim=2)
    sometimes = (asked.hidden[:, 0].amax(dim=2) - always).amax(dim=1) == 1
    nothing, lowest, highest = asked.hidden.sum((1, 2, 3)) == 0, always[:, -1] == 1, always[:, 0] == 1
    assert 0.3 < nothing.float().mean() < 0.5
    assert 0.07 < sometimes.float().mean() < 0.13
    assert lowest.float().mean() > 0.15
    assert highest.float().mean() > 0.15
    assert not (lowest & highest).any()
    assert 0.65 < asked.known.mean() < 0.75
    assert asked.sigma.min() >= 0.02


def test_filters_take_away_high_and_low_rows_only():
    levels = torch.zeros(500, 40, 4)
    frequencies = torch.tensor(DEFAULT.frequencies)
    changed = filtered(levels, frequencies, torch.ones(500), torch.Generator().manual_seed(0))
    assert changed.max() <= 0
    assert changed[:, -1].mean() < -1
    assert changed[:, 0].mean() < -0.2
    assert changed[:, 20].min() > -0.1


def test_rows_that_a_rate_cannot_hold_are_hidden_in_some():
    frequencies = torch.tensor(DEFAULT.frequencies)
    hidden = hide_invalid(torch.zeros(1000, 1, 40, 1), frequencies, torch.Generator().manual_seed(0))
    assert 0.2 < hidden[:, 0, 0, 0].mean() < 0.4
    assert hidden[:, 0, frequencies.flip(0) <= 40].sum() == 0


def test_a_fresh_denoiser_returns_what_it_is_shown_and_the_mean_where_it_is_not():
    network = MaskedDenoiser((8, 8, 8))
    image = torch.randn(2, 1, 40, 256)
    sigma = torch.full_like(image, 1e-4)
    shown = network(image, sigma, torch.zeros_like(image), torch.zeros(2), torch.zeros(2))
    hidden = network(image, sigma, torch.ones_like(image), torch.zeros(2), torch.zeros(2))
    assert (shown - image).abs().max() < 1e-3
    assert hidden.abs().max() == 0


def test_hidden_pixels_do_not_reach_the_network():
    torch.manual_seed(0)
    network = MaskedDenoiser((8, 8, 8))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    image = torch.randn(1, 1, 40, 256)
    hidden = torch.zeros_like(image)
    hidden[:, :, :10] = 1
    other = image + 5 * hidden
    sigma = torch.full_like(image, 0.5)
    drawn = [network(values, sigma, hidden, torch.zeros(1), torch.ones(1)) for values in (image, other)]
    assert torch.equal(drawn[0], drawn[1])


def test_leads_that_are_all_as_strong_can_be_trained_on():
    levels = np.zeros((1, 40, 256), np.float16)
    network = MaskedTask(TrainingSet(levels, np.ones(1, np.float32), {}), TINY).network()
    assert float(network.reference_mean) == 1
    assert 0 < float(network.reference_deviation) < 0.01
