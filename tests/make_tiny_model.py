"""Makes ``tests/tiny_model``, a model folder of the kind of the default model: ``python tests/make_tiny_model.py``.

It is kept in the repository, so that no test waits for an export. Make it again when the format of model folders or the
inputs of the network change.
"""

import shutil
from pathlib import Path

import torch

from ecgnoise.models.folder import ModelDescription, Network, Query, Thresholds, Training, write_folder
from ecgnoise.models.load import DENOISER, DENOISER_INPUTS
from ecgnoise.models.networks.teacher import MaskedDenoiser
from ecgnoise.scalogram.profile import COLUMNS, DEFAULT
from ecgnoise.training.engine.export import export_onnx

FOLDER = Path(__file__).with_name("tiny_model")


def make() -> None:
    """Write the folder anew, with weights that are drawn and never trained."""
    torch.manual_seed(1)
    network = MaskedDenoiser((8, 8, 8))
    torch.nn.init.normal_(network.network.conv_out.weight, std=0.02)
    image, scalar = torch.ones(1, 1, DEFAULT.rows, COLUMNS), torch.ones(1)
    inputs = dict(zip(DENOISER_INPUTS, (image, image, image, scalar, scalar), strict=True))
    description = ModelDescription(
        name="tiny",
        version="0",
        licence="MIT",
        profile=DEFAULT,
        network=Network("masked"),
        thresholds=Thresholds(good=20.0, fair=16.0, poor=12.0),
        training=Training(note="not trained"),
        queries=(
            Query("all", (0, 0), 0.8, (0, 200), one_sided=False, scale=1.0, weight=1.0),
            Query("low", (0, 28), 0.4, (0, 1), one_sided=True, scale=100.0, weight=100.0, ceiling=1.0),
        ),
    )
    shutil.rmtree(FOLDER, ignore_errors=True)
    write_folder(FOLDER, description, {DENOISER: export_onnx(network, inputs, "reconstructed")})


if __name__ == "__main__":
    make()
