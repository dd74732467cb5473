"""The torch networks against the published program (upstream_networks.npz) with the same weights."""

import json

import numpy as np
import pytest
import torch

from ecgnoise.errors import CheckpointError
from ecgnoise.models.diffusion import Ddim, reverse_process
from ecgnoise.models.networks.published import PUBLISHED, load_parameters
from ecgnoise.models.torch import TorchNetwork
from ecgnoise.scalogram.profile import PAPER
from published_networks import PLAIN, psnr

pytest_plugins = ["conftest_published"]
pytestmark = pytest.mark.parametrize("kind", ["latent", "pixel"])


def test_parameter_names_and_shapes_are_the_published_ones(reference, networks, kind):
    published = json.loads((reference / "upstream_networks_parameters.json").read_text())[kind]
    own = {name: list(value.shape) for name, value in networks[kind].state_dict().items()}
    assert own == published


def test_encoded(outputs, networks, kind):
    encoded = TorchNetwork(networks[kind]).encode(outputs["input"])
    np.testing.assert_allclose(encoded, outputs[f"{kind}_z"], atol=1e-3)


@pytest.mark.parametrize("timestep", [0, 30, 500])
def test_predicted_noise(outputs, networks, kind, timestep):
    predicted = TorchNetwork(networks[kind]).predict_noise(outputs[f"{kind}_z"], timestep)
    np.testing.assert_allclose(predicted, outputs[f"{kind}_eps_t{timestep}"], atol=1e-3)


def test_decoded(outputs, networks, kind):
    decoded = TorchNetwork(networks[kind]).decode(outputs[f"{kind}_ddim_end"])
    np.testing.assert_allclose(decoded, outputs[f"{kind}_output"], atol=1e-3)


@pytest.mark.slow
def test_reverse_process_and_its_psnr(outputs, networks, kind):
    images = outputs["input"]
    network = TorchNetwork(networks[kind])
    end = reverse_process(network.predict_noise, network.encode(images), Ddim(), outputs[f"{kind}_noise"])
    np.testing.assert_allclose(end, outputs[f"{kind}_ddim_end"], atol=1e-3)
    reconstruction = network.decode(end)
    np.testing.assert_allclose(reconstruction, outputs[f"{kind}_output"], atol=1e-3)
    for profile, name in ((PAPER, "disc1"), (PLAIN, "disc0")):
        np.testing.assert_allclose(psnr(images, reconstruction, profile), outputs[f"{kind}_psnr_{name}"], atol=0.01)
        np.testing.assert_allclose(psnr(images, reconstruction, profile, 8), outputs[f"{kind}_psnr8_{name}"], atol=0.01)


@pytest.mark.slow
def test_an_image_is_reconstructed_alike_alone_and_in_a_batch(outputs, networks, kind):
    network = TorchNetwork(networks[kind])
    images = np.concatenate([outputs["input"], -outputs["input"]])
    together = network.predict_noise(network.encode(images), 30)
    alone = network.predict_noise(network.encode(images[1:]), 30)
    np.testing.assert_allclose(together[1:], alone, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda state: state.pop("unet.conv_in.weight"), "unet.conv_in.weight is missing"),
        (lambda state: state.update(extra=torch.zeros(1)), "extra is unknown"),
        (lambda state: state.update({"unet.conv_in.bias": torch.zeros(3)}), r"unet.conv_in.bias has shape \(3,\)"),
        (lambda state: state.update({"unet.conv_in.bias": torch.full((64,), torch.nan)}), "is not finite"),
    ],
)
def test_other_parameters_are_refused_by_name(networks, kind, change, says):
    state = dict(networks[kind].state_dict())
    change(state)
    with pytest.raises(CheckpointError, match=says) as refused:
        load_parameters(networks[kind], state, "a.pth")
    assert str(refused.value).startswith("a.pth: ")
    assert "\n" not in str(refused.value)


def test_a_loaded_network_is_ready_to_score(networks, kind):
    assert not networks[kind].training
    assert not any(parameter.requires_grad for parameter in networks[kind].parameters())
    assert set(PUBLISHED) == {"latent", "pixel"}
