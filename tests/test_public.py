"""The public interface: what the package promises, what it documents, and nothing else."""

import doctest
import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ecgnoise

ROOT = Path(__file__).parents[1]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md", *(ROOT / "examples").glob("*.py")])
OWN_ROOMS = ("ecgnoise.errors", "ecgnoise.ptbxl")  # public beside the names of the package itself
IMPORT = re.compile(r"^\s*from (ecgnoise[\w.]*) import (.+)$", re.MULTILINE)


def test_all_is_what_the_package_shows():
    assert dir(ecgnoise) == sorted(ecgnoise.__all__)
    assert set(ecgnoise._PLACES) | {"__version__"} == set(ecgnoise.__all__)
    with pytest.raises(AttributeError, match="no attribute 'score'"):
        ecgnoise.score  # noqa: B018 - the attribute is what is asked for


@pytest.mark.parametrize("name", ecgnoise.__all__)
def test_each_public_name_is_there(name):
    assert getattr(ecgnoise, name) is not None


def test_a_star_import_gives_them_all():
    code = "from ecgnoise import *; print(quantify.__name__, Recording.__name__, callable(write_table))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["quantify", "Recording", "True"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_and_examples_use_public_names_only(page):
    for module, names in IMPORT.findall(page.read_text(encoding="utf-8")):
        if not module.startswith(OWN_ROOMS):
            assert module == "ecgnoise", f"{page.name}: {module}"
            assert {name.strip() for name in names.split(",")} <= set(ecgnoise.__all__)


def test_the_reference_is_that_of_the_docstrings():
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.page() == module.PAGE.read_text(encoding="utf-8"), "run docs/make_reference.py"


def test_the_version_is_the_same_everywhere():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {ecgnoise.__version__}\n" in citation
    assert f'__version__ = "{ecgnoise.__version__}"' in (ROOT / "src" / "ecgnoise" / "_version.py").read_text()
    assert "version = " not in (ROOT / "pyproject.toml").read_text().partition("[tool")[0].replace("target-version", "")


@pytest.mark.parametrize("place", sorted(set(ecgnoise._PLACES.values())))
def test_examples_in_docstrings_run(place, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(f"ecgnoise.{place}")
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert found.failed == 0
