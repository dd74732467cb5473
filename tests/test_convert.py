"""Published checkpoints become model folders, and other files a one-line error."""

import pickle
from pathlib import Path

import pytest
import torch

from ecgnoise.diffusion import Ddim
from ecgnoise.errors import CheckpointError, ModelNotFoundError, OptionError, OutputError
from ecgnoise.models.folder import load_folder
from ecgnoise.profiles import PAPER
from ecgnoise.training.convert import convert_checkpoint, kind_of, read_checkpoint

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
