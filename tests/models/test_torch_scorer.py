"""The default model in torch: the same scores as ONNX Runtime gives; run on the CPU here."""

from dataclasses import replace

import numpy as np
import pytest

from ecgnoise import Quantifier, Recording, simulate_ecg
from ecgnoise.errors import MissingExtraError, ModelFormatError, OptionError
from ecgnoise.models import load
from ecgnoise.models.folder import load_folder
from ecgnoise.scoring.scorer import Scorer

torch = pytest.importorskip("torch", reason="needs the extra train")

from ecgnoise.models import torch as models  # noqa: E402
from ecgnoise.models.reconstruct import QueryReconstructor  # noqa: E402

FREQUENCY = 360


@pytest.fixture(scope="module")
def ecg():
    """Clean and noisy leads, one of them flat."""
    signal = simulate_ecg(20, FREQUENCY, seed=3, lead_names=["I", "II", "V2", "V5"]).signal
    noise = np.random.default_rng(3).normal(size=signal.shape) * np.array([[0.003], [0.05], [0.5], [0.0]])
    signal = (signal + noise).astype(np.float32)
    signal[3] = 0.1
    return Recording.from_array(signal, FREQUENCY, lead_names=["I", "II", "V2", "V5"])


def scorer(precision, folder=None):
    """The bundled model on the torch device of the CPU."""
    folder = folder or load_folder("default")
    description = folder.description
    denoiser = models.TorchDenoiser(models.open_denoiser(folder), precision)
    reconstructor = QueryReconstructor(denoiser, description.queries, description.profile)
    return Scorer(
        description.profile, reconstructor, description.grading, None, 5, threads=2, placement=models.placement("cpu")
    )


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_scores_are_those_of_onnx_runtime(ecg, precision):
    """Which computes most convolutions in 8 bit."""
    expected = Quantifier().quantify(ecg, parts=4, images=True)
    result = scorer(getattr(torch, precision)).score(ecg, parts=4, images=True)
    np.testing.assert_allclose(result.psnr, expected.psnr, atol=0.05)
    np.testing.assert_array_equal(result.fault, expected.fault)
    assert isinstance(result.psnr, np.ndarray)
    np.testing.assert_allclose(result.images.original, expected.images.original, atol=0.1)
    difference = result.images.reconstruction - expected.images.reconstruction
    assert np.sqrt(np.nanmean(difference**2)) < 1.0


def test_rows_that_a_recording_cannot_hold_do_not_count_in_torch_either():
    low = simulate_ecg(10, 125, seed=1, lead_names=["II"])
    np.testing.assert_allclose(scorer(torch.float32).score(low).psnr, Quantifier().quantify(low).psnr, atol=0.05)


def test_a_device_that_is_not_there_is_one_line():
    with pytest.raises(OptionError, match="--device nowhere: torch cannot use it"):
        Quantifier(device="nowhere")


def test_a_device_needs_torch(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ecgnoise.models.torch", None)
    with pytest.raises((MissingExtraError, ModuleNotFoundError)):
        load.load_on_device(load_folder("default"), "cuda")


def test_a_device_is_for_default_models_with_weights(tiny_model):
    with pytest.raises(ModelFormatError, match=r"weights\.safetensors"):
        models.open_denoiser(load_folder(tiny_model))
    folder = load_folder(tiny_model)
    latent = replace(
        folder, description=replace(folder.description, network=replace(folder.description.network, kind="autoencoder"))
    )
    with pytest.raises(ModelFormatError, match="asks no queries"):
        models.open_denoiser(latent)


def test_the_device_travels_with_a_copy(monkeypatch):
    asked = []
    monkeypatch.setattr(
        load, "load_on_device", lambda folder, device: (asked.append(device), load.Loaded(None, None, None))[1]
    )
    quantifier = Quantifier(device="cuda:1")
    copy = Quantifier.__new__(Quantifier)
    copy.__setstate__(quantifier.__getstate__())
    assert asked == ["cuda:1", "cuda:1"]
