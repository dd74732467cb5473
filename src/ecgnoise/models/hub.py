"""A published checkpoint from a hub of models: ``hf:OWNER/REPO``, fetched by ``huggingface_hub``.

That library says which hub (``HF_ENDPOINT``), whether the network may be asked at all (``HF_HUB_OFFLINE``) and where
files are kept (``HF_HOME``, ``HF_HUB_CACHE``): what was fetched once is not fetched again.
"""

import re
import sys
from pathlib import Path
from typing import Final, NamedTuple, Self

from ecgnoise._internal.extras import extra
from ecgnoise.errors import DownloadError, OptionError

PREFIX: Final = "hf:"
USUAL_FILE: Final = "pretrained_ldm.pth"
SUFFIX: Final = ".pth"

_NAME: Final = re.compile(r"hf:(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w.-]+))?(/(?P<file>[\w./-]+))?", re.ASCII)


class HubFile(NamedTuple):
    """A file of a repository of models. revision: a branch, tag or commit; None for the newest."""

    repo: str
    file: str
    revision: str | None

    @classmethod
    def of(cls, text: str) -> Self:
        """What ``hf:OWNER/REPO``, ``hf:OWNER/REPO@REVISION`` or either with ``/FILE`` at its end means.

        Raises OptionError for anything else.
        """
        found = _NAME.fullmatch(text)
        if found is None:
            raise OptionError(f"{text}: not the name of a model on a hub: pass one as hf:OWNER/REPO")
        return cls(found["repo"], found["file"] or USUAL_FILE, found["revision"])

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"{PREFIX}{self.repo}{revision}/{self.file}"


def is_on_hub(checkpoint: str | Path) -> bool:
    """Whether a checkpoint is named as one on a hub, and not as a file."""
    return str(checkpoint).startswith(PREFIX)


def fetch(wanted: HubFile) -> Path:
    """The file in the cache, fetched where it is not there.

    Raises MissingExtraError without the extra ``hub``, DownloadError where the hub does not give the file.
    """
    with extra(f"fetching {wanted}", "hub"):
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, RepositoryNotFoundError
        from huggingface_hub.utils import disable_progress_bars, logging
    if not sys.stderr.isatty():
        disable_progress_bars()
    logging.set_verbosity_error()  # it would say each time that it tries again
    try:
        return Path(hf_hub_download(wanted.repo, wanted.file, revision=wanted.revision))
    except LocalEntryNotFoundError as error:
        what = "it is not in the cache, and the hub was not asked or does not answer"
        raise DownloadError(f"{wanted}: {what}: check the network, HF_ENDPOINT and HF_HUB_OFFLINE") from error
    except EntryNotFoundError as error:
        there = ", ".join(_checkpoints(wanted)) or f"no {SUFFIX} file"
        what = f"the repository has no such file but {there}"
        raise DownloadError(f"{wanted}: {what}: pass {PREFIX}{wanted.repo}/FILE") from error
    except RepositoryNotFoundError as error:
        what = "the hub has no such repository or does not show it"
        raise DownloadError(f"{wanted}: {what}: check the name, or log in with hf auth login") from error
    except Exception as error:  # of whatever carries the request
        raise DownloadError(f"{wanted}: cannot be fetched ({_reason(error)}): check it, and try again") from error


def _checkpoints(wanted: HubFile) -> list[str]:
    """The checkpoints that the repository has; none where the hub does not say."""
    from huggingface_hub import list_repo_files

    try:
        files = list_repo_files(wanted.repo, revision=wanted.revision)
    except Exception:  # of whatever carries the request
        return []
    return sorted(file for file in files if file.endswith(SUFFIX))


def _reason(error: Exception) -> str:
    """The first line of a message, or the kind of error where it has none."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
