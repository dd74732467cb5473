"""Folders outside the repository; tests that need one are skipped where it is absent."""

import os
import shutil
import signal
from pathlib import Path

import pytest

TINY_MODEL = Path(__file__).with_name("tiny_model")

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
    """A copy of the model folder of ``tests/make_tiny_model.py``: small and untrained, its scores mean nothing."""
    return Path(shutil.copytree(TINY_MODEL, tmp_path_factory.mktemp("models") / "tiny"))
