"""Object stores through obstore, the faster way for many small objects, where the environment asks for it.

obstore takes credentials from the environment and from the machine's role, not from files such as ``~/.aws``; so it is
used where ``ECGNOISE_OBSTORE`` is 1 only.
"""

import os
import re
from datetime import timedelta
from typing import Any, Final

from ecgnoise._internal.extras import extra

ASKED_BY: Final = "ECGNOISE_OBSTORE"
PROTOCOLS: Final = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "abfs", "abfss": "abfss"}
ENDPOINTS: Final = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT",
    "AZURE_STORAGE_ENDPOINT",
    "GOOGLE_BASE_URL",
)
LONGEST_REQUEST: Final = timedelta(minutes=2)
NO_OWN_TRIES: Final = {"max_retries": 0}  # what asks tries again itself
CODES: Final = (re.compile(r"<Code>(\w{1,40})</Code>"), re.compile(r"status code: (\d{3})"))
PAGE: Final = 1000


def asked_for(url: str) -> bool:
    """Whether the objects of an address are to be had through obstore."""
    return os.environ.get(ASKED_BY) == "1" and url.partition("://")[0].lower() in PROTOCOLS


def opened(url: str) -> tuple[Any, str]:
    """The fsspec file system of an address, and the path in it; MissingExtraError without obstore."""
    with extra(f"{ASKED_BY}=1", "obstore"):
        from obstore import fsspec
    library: Any = fsspec
    protocol, _, path = url.partition("://")
    store = library.FsspecStore(PROTOCOLS[protocol.lower()], client_options=_client(), retry_config=NO_OWN_TRIES)
    return store, path


def page(url: str, after: str | None) -> list[tuple[str, int, str]]:
    """Key, size in bytes and entity tag of the next objects in a folder, by their keys; empty at its end."""
    import obstore

    protocol, _, path = url.partition("://")
    bucket, _, folder = path.partition("/")
    address = f"{PROTOCOLS[protocol.lower()]}://{bucket}"
    library: Any = obstore
    store = library.store.from_url(address, client_options=_client(), retry_config=NO_OWN_TRIES)
    found: Any = next(iter(library.list(store, prefix=folder or None, offset=after, chunk_size=PAGE)), [])
    return [(one["path"], one["size"], str(one["e_tag"] or one["last_modified"]).strip('"')) for one in found]


def code(error: BaseException) -> str | None:
    """The code that a store gave; None for an error that is not of obstore or names none."""
    if type(error).__module__.partition(".")[0] != "obstore":
        return None
    return next((found[1] for known in CODES if (found := known.search(str(error)))), None)


def _client() -> dict[str, Any]:
    """Settings of connections: a server in one's own network may have no certificate."""
    plain = any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS)
    return {"timeout": LONGEST_REQUEST, "allow_http": plain}
