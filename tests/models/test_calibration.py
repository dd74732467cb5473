"""What a finished model knows of clean leads, and where it comes from."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ecgnoise

PACKAGE = Path(ecgnoise.__file__).parent
ASK = "from ecgnoise.models.calibration import source_commit; print(source_commit())"
WHO = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


def repository(folder, package):
    """A new git repository with a copy of the package at this place in it, and its commit."""
    shutil.copytree(PACKAGE, folder / package, ignore=shutil.ignore_patterns("default", "__pycache__"))
    git = ["git", "-C", str(folder)]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True, env=os.environ | WHO, capture_output=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def asked(source):
    """What the package that lies there takes for its commit."""
    environment = os.environ | {"PYTHONPATH": str(source)}
    done = subprocess.run([sys.executable, "-c", ASK], check=True, env=environment, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_commit_is_that_of_this_project_only(tmp_path):
    commit = repository(tmp_path / "project", Path("src") / "ecgnoise")
    assert asked(tmp_path / "project" / "src") == commit
    repository(tmp_path / "other", Path("site-packages") / "ecgnoise")
    assert asked(tmp_path / "other" / "site-packages") == ecgnoise.__version__
