"""ONNX twins: the same numbers as torch, in any batch, from any thread, without torch."""

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import ecgnoise.models.folder
from ecgnoise.errors import ModelFormatError
from ecgnoise.models.onnx import OnnxSession, open_onnx
from ecgnoise.models.torch import TorchNetwork, open_torch
from ecgnoise.scalogram.profile import PAPER
from ecgnoise.training.engine.export import export_onnx
from published_networks import PLAIN, psnr, reconstruct

pytest_plugins = ["conftest_published"]

WITHOUT_TORCH = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "diffusers", "safetensors", "onnx", "onnxscript", "tomli_w"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
import numpy as np
from ecgnoise.models.diffusion import draw_noise, reverse_process
from ecgnoise.models.folder import load_folder
from ecgnoise.models.onnx import open_onnx
folder = load_folder(sys.argv[1])
network = open_onnx(folder, threads=1)
images = np.load(sys.argv[2])
clean = network.encode(images)
sampler = folder.description.sampler
noise = draw_noise(sampler, clean.shape[1:], 7)
np.save(sys.argv[3], network.decode(reverse_process(network.predict_noise, clean, sampler, noise)))
"""


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, image, factor):
        return self.convolution(image) * factor


@pytest.fixture(scope="module")
def scaled():
    torch.manual_seed(1)
    return Scaled()


@pytest.fixture(scope="module")
def scaled_file(scaled, tmp_path_factory):
    exported = export_onnx(scaled, {"image": torch.zeros(1, 1, 4, 6), "factor": torch.ones(1)}, "scaled", ["factor"])
    file = tmp_path_factory.mktemp("onnx") / "scaled.onnx"
    file.write_bytes(exported)
    return file


def images(count):
    """Made-up network input, (count, 1, 32, 256)."""
    drawn = np.random.RandomState(count).standard_normal((count, 1, 8, 32)).repeat(4, axis=2).repeat(8, axis=3)
    return (0.4 * drawn).clip(-1, 1).astype(np.float32)


def scaled_inputs(batch):
    drawn = np.random.RandomState(batch).standard_normal((batch, 1, 4, 6)).astype(np.float32)
    return {"image": drawn, "factor": np.array([2.5], np.float32)}


@pytest.mark.parametrize("batch", [1, 2, 5, 70])
def test_an_exported_module_takes_any_batch(scaled, scaled_file, batch):
    inputs = scaled_inputs(batch)
    with torch.no_grad():
        expected = scaled(*(torch.from_numpy(value) for value in inputs.values())).numpy()
    np.testing.assert_allclose(OnnxSession(scaled_file, 1).run(inputs), expected, atol=1e-5)


def test_an_exported_file_holds_no_path_of_this_computer(scaled_file):
    content = scaled_file.read_bytes()
    assert b".py" not in content
    assert os.fsencode(Path.home()) not in content or Path.home() == Path("/")
    assert [entry.name for entry in scaled_file.parent.iterdir()] == ["scaled.onnx"]


def test_a_session_travels_as_its_path_and_is_shared_by_threads(scaled_file):
    session = OnnxSession(scaled_file, 2)
    pickled = pickle.dumps(session)
    assert len(pickled) < 1000
    copy = pickle.loads(pickled)
    assert (copy.file, copy.threads) == (session.file, session.threads)
    cases = [scaled_inputs(1 + index % 3) for index in range(24)]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(session.run, cases))
    for case, result in zip(cases, threaded, strict=True):
        np.testing.assert_array_equal(result, copy.run(case))


@pytest.mark.parametrize("content", [b"", b"not a network", None])
def test_an_unreadable_file_is_a_clear_error(tmp_path, content):
    file = tmp_path / "broken.onnx"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelFormatError, match=r"broken\.onnx: ONNX Runtime cannot read it") as refused:
        OnnxSession(file, 1)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_latent_parts_equal_torch(latent_model):
    twin, network = open_onnx(latent_model[0], 1), TorchNetwork(latent_model[1])
    clean = network.encode(images(3))
    np.testing.assert_allclose(twin.encode(images(3)), clean, atol=1e-4)
    np.testing.assert_allclose(twin.decode(clean), network.decode(clean), atol=1e-3)
    for timestep in (0, 999):
        predicted = network.predict_noise(clean, timestep)
        np.testing.assert_allclose(twin.predict_noise(clean, timestep), predicted, atol=1e-3)


@pytest.mark.slow
def test_pixel_parts_equal_torch(pixel_model):
    twin, network = open_onnx(pixel_model[0], 1), TorchNetwork(pixel_model[1])
    clean = images(1)
    np.testing.assert_array_equal(twin.encode(clean), clean)
    np.testing.assert_array_equal(twin.decode(clean), clean)
    np.testing.assert_allclose(twin.predict_noise(clean, 30), network.predict_noise(clean, 30), atol=1e-3)


@pytest.mark.slow
def test_the_twin_in_torch_has_the_same_weights(latent_model):
    folder, network = latent_model
    np.testing.assert_array_equal(open_torch(folder).encode(images(1)), TorchNetwork(network).encode(images(1)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["latent", "pixel"])
def test_psnr_without_torch_is_that_of_torch(kind, request, tmp_path):
    folder, network = request.getfixturevalue(f"{kind}_model")
    given, result = tmp_path / "images.npy", tmp_path / "reconstructed.npy"
    np.save(given, images(2))
    source = str(Path(ecgnoise.models.folder.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])}
    arguments = [sys.executable, "-W", "error", "-c", WITHOUT_TORCH, str(folder.path), str(given), str(result)]
    subprocess.run(arguments, check=True, env=environment)
    expected = reconstruct(TorchNetwork(network), images(2))
    for profile in (PAPER, PLAIN):
        own, torchs = (psnr(images(2), reconstruction, profile, 8) for reconstruction in (np.load(result), expected))
        np.testing.assert_allclose(own, torchs, atol=0.01)


@pytest.mark.slow
def test_onnx_psnr_is_the_published_one(outputs, latent_model):
    reconstruction = reconstruct(open_onnx(latent_model[0], 2), outputs["input"])
    np.testing.assert_allclose(psnr(outputs["input"], reconstruction), outputs["latent_psnr_disc1"], atol=0.01)
    np.testing.assert_allclose(
        psnr(outputs["input"], reconstruction, PAPER, 8), outputs["latent_psnr8_disc1"], atol=0.01
    )
