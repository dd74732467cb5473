"""Folders outside the repository; tests that need one are skipped where it is absent."""

import os
from pathlib import Path

import pytest


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
