"""Folders outside the repository; tests that need one are skipped where it is absent."""

import os
import signal
from pathlib import Path

import pytest

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as in the background of a shell; programs started here inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data() -> Path:
    """Real recordings, from the environment variable ECGNOISE_DATA."""
    folder = os.environ.get("ECGNOISE_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs real recordings: set ECGNOISE_DATA to their folder")
    return Path(folder)


@pytest.fixture(scope="session")
def reference() -> Path:
    """Outputs of the published program, from ECGNOISE_REFERENCE or shared/reference beside the repository."""
    beside = Path(__file__).parents[2] / "shared" / "reference"
    folder = Path(os.environ.get("ECGNOISE_REFERENCE") or beside)
    if not folder.is_dir():
        pytest.skip("needs the published program's outputs: set ECGNOISE_REFERENCE to their folder")
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of the kind of the default model, small and untrained: its scores mean nothing."""
    torch = pytest.importorskip("torch", reason="needs the extra train")
    from ecgnoise.models.folder import ModelDescription, Network, Query, Thresholds, Training, write_folder
    from ecgnoise.models.load import DENOISER, DENOISER_INPUTS
    from ecgnoise.models.networks.teacher import MaskedDenoiser
    from ecgnoise.scalogram.profile import COLUMNS, DEFAULT
    from ecgnoise.training.engine.export import export_onnx

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
    folder = tmp_path_factory.mktemp("models") / "tiny"
    return write_folder(folder, description, {DENOISER: export_onnx(network, inputs, "reconstructed")}).path
