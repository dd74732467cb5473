"""What a distribution says of the project, as the build makes it of pyproject.toml, hatch_build.py and README.md."""

import re
from pathlib import Path

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"!?\[[^\[\]]*\]\(([^)\s]+)\)")
SOURCE = "https://forge.example/owner/ecgnoise"


def metadata() -> ProjectMetadata:
    return ProjectMetadata(str(ROOT), PluginManager())


def test_links_of_a_release_are_absolute_and_lead_to_files_of_that_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECGNOISE_SOURCE", SOURCE)
    monkeypatch.setenv("ECGNOISE_REVISION", "v0.1.0")
    core = metadata().core
    links = LINK.findall(core.readme)
    own = [link for link in links if link.startswith(SOURCE)]
    assert all(link.startswith(("https://", "#")) for link in links)
    assert len(own) > 20
    for link in own:
        kind, revision, path = link.removeprefix(f"{SOURCE}/").split("/", 2)
        assert kind == ("raw" if path.endswith(".png") else "blob")
        assert revision == "v0.1.0"
        assert (ROOT / path.partition("#")[0]).is_file(), link
    assert core.urls["Source"] == SOURCE
    assert core.urls["Changes"] == f"{SOURCE}/blob/v0.1.0/CHANGELOG.md"


def test_other_builds_have_the_readme_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECGNOISE_SOURCE", raising=False)
    core = metadata().core
    assert core.readme == (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(core.urls) == {"Method"}
    assert core.readme_content_type == "text/markdown"
