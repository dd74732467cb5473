"""Fixtures for the published networks, built and converted once a run: ``pytest_plugins = ["conftest_published"]``."""

import gc

import numpy as np
import pytest
import torch

from ecgnoise.models.networks.published import PUBLISHED
from ecgnoise.training.published.convert import convert_checkpoint
from published_networks import small_pixel_network, with_drawn_parameters


@pytest.fixture(scope="session")
def outputs(reference):
    with np.load(reference / "upstream_networks.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="session")
def networks():
    return {kind: with_drawn_parameters(build()) for kind, build in PUBLISHED.items()}


@pytest.fixture(scope="session")
def latent_model(networks, tmp_path_factory):
    """The converted latent model and the network it was converted from."""
    return converted(networks["latent"], tmp_path_factory.mktemp("latent")), networks["latent"]


@pytest.fixture(scope="session")
def pixel_model(tmp_path_factory):
    """A converted pixel model, smaller than the published one, and the network it was converted from."""
    network = with_drawn_parameters(small_pixel_network())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PUBLISHED, "pixel", small_pixel_network)
        return converted(network, tmp_path_factory.mktemp("pixel")), network


def converted(network, folder):
    """The converted model; the garbage collector would take a quarter of the exporter's time."""
    torch.save(network.state_dict(), folder / "weights.pth")
    gc.disable()
    try:
        return convert_checkpoint(folder / "weights.pth", folder / "model")
    finally:
        gc.enable()
