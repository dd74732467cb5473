"""The description of a distribution: README.md with links that hold outside of the repository.

A release states where the repository is (``ECGNOISE_SOURCE``, as in https://host/owner/ecgnoise) and what it was made
of (``ECGNOISE_REVISION``, a tag or commit); links and pictures of the README are then absolute, so that they live on a
package index. Without these two the README is taken as it is.
"""

import os
import re
from pathlib import Path
from typing import Any, Final

from hatchling.metadata.plugin.interface import MetadataHookInterface

METHOD: Final = "https://arxiv.org/abs/2506.11815"
RELATIVE: Final = re.compile(r"(!?)\[((?:[^\[\]])*)\]\((?![a-z]+:|#)([^)\s]+)\)")


def with_absolute_links(text: str, source: str, revision: str) -> str:
    """Markdown whose relative links lead to the files of a repository, and its pictures to their content."""

    def absolute(link: re.Match[str]) -> str:
        picture, words, path = link.groups()
        return f"{picture}[{words}]({source.rstrip('/')}/{'raw' if picture else 'blob'}/{revision}/{path})"

    return RELATIVE.sub(absolute, text)


class ReadmeHook(MetadataHookInterface):
    """Gives the description and the addresses of the project."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what pyproject.toml leaves to this hook."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        source, revision = os.environ.get("ECGNOISE_SOURCE"), os.environ.get("ECGNOISE_REVISION")
        metadata["urls"] = {"Method": METHOD}
        if source and revision:
            text = with_absolute_links(text, source, revision)
            metadata["urls"] |= {"Source": source, "Changes": f"{source.rstrip('/')}/blob/{revision}/CHANGELOG.md"}
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
