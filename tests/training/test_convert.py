"""Published checkpoints become model folders, and other files a one-line error."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ecgnoise.errors import CheckpointError, ModelNotFoundError, OptionError, OutputError
from ecgnoise.models.checkpoint import kind_of, read_checkpoint
from ecgnoise.models.diffusion import Ddim
from ecgnoise.models.folder import load_folder
from ecgnoise.models.load import load_reconstructor
from ecgnoise.models.reconstruct import Scalograms
from ecgnoise.models.torch import WEIGHTS
from ecgnoise.scalogram.profile import PAPER, from_network
from ecgnoise.training.engine.config import PublishedConfig
from ecgnoise.training.published.convert import convert_checkpoint
from ecgnoise.training.published.model import Request, read_autoencoder, train_published
from training_stores import make_store

pytest_plugins = ["conftest_published"]


class Harmful:
    """Unpickled, it would leave a file behind."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["latent", "pixel"])
def test_a_published_checkpoint_becomes_a_model(kind, request):
    folder = load_folder(request.getfixturevalue(f"{kind}_model")[0].path)
    description = folder.description
    assert description.network.kind == kind
    assert description.profile == PAPER
    assert description.sampler == Ddim(30, 10)
    assert description.thresholds.good == 26
    parts = {"encoder.onnx", "decoder.onnx"} if kind == "latent" else set()
    assert set(description.files) == parts | {"noise_predictor.onnx", "weights.safetensors", "card.md"}
    assert "weights.pth" in folder.file("card.md").read_text()


def test_kind_is_found_from_the_names(networks):
    for kind, network in networks.items():
        assert kind_of(network.state_dict()) == kind
    assert kind_of(networks["latent"].ae.state_dict()) == "autoencoder"


@pytest.fixture(scope="module")
def autoencoder_model(networks, tmp_path_factory):
    """A published ``ema_100.pth`` of the autoencoder, converted."""
    folder = tmp_path_factory.mktemp("autoencoder")
    torch.save(networks["latent"].ae.state_dict(), folder / "ema_100.pth")
    return convert_checkpoint(folder / "ema_100.pth", folder / "model")


@pytest.mark.slow
def test_an_autoencoder_becomes_a_model(autoencoder_model, networks, outputs):
    description = autoencoder_model.description
    assert (description.network.kind, description.sampler, description.profile) == ("autoencoder", None, PAPER)
    assert "ema_100.pth" in autoencoder_model.file("card.md").read_text()
    assert "Sampling" not in autoencoder_model.file("card.md").read_text()
    image = from_network(outputs["input"][:, 0], PAPER)
    reconstruction = load_reconstructor(autoencoder_model).reconstruct(
        Scalograms(image, np.zeros(1, np.float32), True, np.ones(32, bool))
    )
    with torch.inference_mode():
        expected = networks["latent"].ae(torch.from_numpy(outputs["input"])).numpy()[:, 0]
    assert np.abs(reconstruction - from_network(expected, PAPER)).max() <= 1


@pytest.mark.slow
def test_a_latent_model_starts_from_a_published_autoencoder(autoencoder_model, tmp_path):
    """Whatever the scalograms: the checkpoint does not say whether they were in whole grey levels."""
    assert read_autoencoder(autoencoder_model.path, PAPER)
    store = make_store(tmp_path / "store", dtype="float16", records=4)
    config = PublishedConfig(epochs=0.0, steps=2, batch=2, channels=(32, 32, 32), validation_fold=2, checkpoints=1)
    made = train_published("latent", Request(store, tmp_path / "latent", config), autoencoder_model.path)
    weights, given = load_file(made.file(WEIGHTS)), load_file(autoencoder_model.file(WEIGHTS))
    assert all(torch.equal(weights[f"ae.{name}"], value) for name, value in given.items())
    kept = tmp_path / "latent.training" / "checkpoints"
    average = read_checkpoint(kept / "step-000002-ema.pth")
    assert average.keys() == weights.keys()
    assert all(torch.equal(average[name], value) for name, value in weights.items())
    assert kind_of(read_checkpoint(kept / "step-000002-raw.pth")) == "latent"


@pytest.mark.slow
def test_an_autoencoder_may_be_part_of_a_latent_model(networks, autoencoder_model, tmp_path):
    torch.save(networks["latent"].state_dict(), tmp_path / "ldm.pth")
    made = convert_checkpoint(tmp_path / "ldm.pth", tmp_path / "model", kind="autoencoder")
    assert made.file(WEIGHTS).read_bytes() == autoencoder_model.file(WEIGHTS).read_bytes()


def test_what_wrappers_of_modules_put_before_names_is_taken_off(tmp_path):
    file = tmp_path / "wrapped.pth"
    torch.save({"n_averaged": torch.tensor(3), "module._orig_mod.a.weight": torch.ones(2)}, file)
    assert list(read_checkpoint(file)) == ["a.weight"]


@pytest.mark.parametrize("key", ["ema", "model", "state_dict"])
def test_parameters_may_be_nested(tmp_path, key):
    file = tmp_path / "nested.pth"
    torch.save({key: {"a": torch.ones(2, dtype=torch.float16)}, "epoch": 3}, file)
    parameters = read_checkpoint(file)
    assert parameters["a"].dtype == torch.float32
    assert list(parameters) == ["a"]


def refused(error, says, file, out, **options):
    with pytest.raises(error, match=says) as caught:
        convert_checkpoint(file, out, **options)
    assert "\n" not in str(caught.value)
    assert not out.exists()


def test_a_checkpoint_of_another_network(tmp_path, networks):
    file = tmp_path / "other.pth"
    torch.save({"unet.conv_in.weight": torch.zeros(1)}, file)
    refused(CheckpointError, r"other\.pth: parameter unet\.", file, tmp_path / "out")
    torch.save(networks["pixel"].state_dict(), file)
    refused(CheckpointError, r"other\.pth: parameter unet\..* shape", file, tmp_path / "out", kind="latent")


def test_nothing_is_unpickled(tmp_path):
    file, touched = tmp_path / "harmful.pth", tmp_path / "touched"
    file.write_bytes(pickle.dumps({"a": Harmful(touched)}))
    refused(CheckpointError, "not a checkpoint of plain tensors", file, tmp_path / "out")
    torch.save({"a": Harmful(touched)}, file)
    refused(CheckpointError, "not a checkpoint of plain tensors", file, tmp_path / "out")
    assert not touched.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"text", bytes(1000)])
def test_a_damaged_file(tmp_path, content):
    file = tmp_path / "damaged.pth"
    file.write_bytes(content)
    refused(CheckpointError, "not a checkpoint of plain tensors", file, tmp_path / "out")


@pytest.mark.parametrize("value", [{}, [torch.zeros(1)], torch.zeros(1), {"epoch": 3}])
def test_a_file_without_parameters_by_name(tmp_path, value):
    file = tmp_path / "other.pth"
    torch.save(value, file)
    refused(CheckpointError, "save a state_dict", file, tmp_path / "out")


def test_what_is_asked_is_checked_before_the_work(tmp_path):
    file = tmp_path / "absent.pth"
    refused(ModelNotFoundError, "no such file", file, tmp_path / "out")
    refused(OptionError, "kind 'other'", file, tmp_path / "out", kind="other")
    (tmp_path / "there").mkdir()
    with pytest.raises(OutputError, match="never overwritten"):
        convert_checkpoint(file, tmp_path / "there")
