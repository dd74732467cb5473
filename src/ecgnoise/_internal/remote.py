"""Objects in stores and files on other machines: the one module that knows fsspec.

Every error is one line without a secret: what a store says may repeat keys and signed addresses, so that only its code
and the kind of the exception are told.
"""

import errno
import glob
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, Self, TypeVar

from ecgnoise._internal import fast_store
from ecgnoise._internal.extras import extra
from ecgnoise.errors import (
    EcgNoiseError,
    MissingExtraError,
    MissingFileError,
    OptionError,
    OutputError,
    RemoteAccessError,
)

ADDRESS: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
SECRET: Final = re.compile(r"(?<=://)[^/@]*@|\?.*", re.DOTALL)  # a user with a password; what signs an address
OBJECT_STORES: Final = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl"})
TRIES: Final = 5
FIRST_PAUSE: Final = 0.2  # seconds
BLOCK: Final = 16 << 20  # bytes of a ranged read
REFUSED: Final = (
    "AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "Forbidden", "403",
    "401", "NoCredentialsError", "PermissionError", "RefreshError", "DefaultCredentialsError", "TokenRefreshRequired",
    "ClientAuthenticationError", "CredentialRetrievalError", "PartialCredentialsError", "PermissionDeniedError",
    "UnauthenticatedError",
)  # fmt: skip
ABSENT: Final = ("NoSuchBucket", "NoSuchKey", "404")
BEHIND_END: Final = ("InvalidRange", "416")
FULL: Final = (errno.ENOSPC, errno.EDQUOT)
ResultT = TypeVar("ResultT")


class Found(NamedTuple):
    """An object: its address, its size in bytes (-1 where it is not said), and what changes with its content."""

    url: str
    size: int
    state: str


def is_remote(name: object) -> bool:
    """Whether a name is an address such as ``s3://bucket/key``, and not a path of this machine."""
    return ADDRESS.match(str(name)) is not None


def shown_address(url: str) -> str:
    """An address without the passwords and signatures in it."""
    return SECRET.sub("", url)


class RemotePath:
    """An object, or what stands for a folder, with the few words of :class:`pathlib.Path` that results need."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def __truediv__(self, name: str) -> Self:
        return type(self)(f"{self.url}/{name}")

    def __str__(self) -> str:
        return shown_address(self.url)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and other.url == self.url

    def __hash__(self) -> int:
        return hash(self.url)

    @property
    def name(self) -> str:
        """The last word of the address."""
        return self.url.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The ending of the name."""
        return Path(self.name).suffix

    def exists(self) -> bool:
        """Whether there is such an object; it is asked for each time."""
        found: bool = self._call(lambda store, path: store.exists(path))
        return found

    def read_bytes(self) -> bytes:
        """The object, in one request."""
        content: bytes = self._call(lambda store, path: store.cat_file(path))
        return content

    def read_range(self, start: int, stop: int) -> bytes:
        """Bytes of the object, in one request; fewer where it ends before, none behind its end."""

        def read(store: Any, path: str) -> bytes:
            try:
                content: bytes = store.cat_file(path, start=start, end=stop)
            except Exception as error:
                if _code(error) in BEHIND_END:
                    return b""
                raise
            return content

        return self._call(read)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The object, opened for reading bytes, of which what is asked for is fetched in blocks."""
        file = self._call(lambda store, path: store.open(path, "rb", block_size=1 << 20))
        with file:
            yield file

    @contextmanager
    def written(self) -> Iterator[Path]:
        """A path to write to; what was written there becomes the object, whole, if all went well."""
        with tempfile.TemporaryDirectory(prefix="ecgnoise-") as folder:
            partial = Path(folder) / self.name
            yield partial
            self.put(partial)

    def put(self, file: Path) -> None:
        """Make the object of a file: it appears whole, or not at all."""
        direct = self.url.partition(":")[0] in OBJECT_STORES

        def send(store: Any, path: str) -> None:
            if direct:  # a put is whole by itself
                store.put_file(str(file), path)
                return
            store.makedirs(path.rpartition("/")[0], exist_ok=True)
            unfinished = f"{path}.{random.getrandbits(64):016x}.unfinished"
            store.put_file(str(file), unfinished)
            store.mv(unfinished, path)

        self._call(send)

    def unlink(self) -> None:
        """Remove the object."""
        self._call(lambda store, path: store.rm_file(path))

    def names(self) -> list[str]:
        """The names of the objects right below, sorted; none where there is no such folder."""
        return sorted(found.url.rpartition("/")[2] for found in objects(f"{self.url}/*"))

    def state(self) -> Found:
        """Size and state of the object; MissingFileError where there is none."""
        return _found(self.url, self._call(lambda store, path: store.info(path)))

    def _call(self, function: Callable[[Any, str], ResultT]) -> ResultT:
        """What a function of the store and the path in it gives, tried again where the store does not answer."""
        store, path = _store(self.url)
        return persistently(lambda: function(store, path), self.url)


def persistently(function: Callable[[], ResultT], url: str) -> ResultT:
    """What a function gives that asks a store; it is tried again after what may pass: throttling, lost connections."""
    for attempt in range(1, TRIES + 1):
        try:
            return function()
        except EcgNoiseError:
            raise
        except Exception as error:  # of any store's library
            known = _permanent(error, url)
            if known is not None or attempt == TRIES:
                raise known or RemoteAccessError(
                    f"{shown_address(url)}: the store does not answer, {TRIES} tries ({_code(error)}): try again "
                    "later, the same command goes on"
                ) from None
        time.sleep(FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1.0))
    raise AssertionError(url)


def _permanent(error: Exception, url: str) -> EcgNoiseError | None:
    """The error to tell where trying again is of no use; None where it may be."""
    place, code = shown_address(url), _code(error)
    if isinstance(error, OSError) and error.errno in FULL:
        return OutputError(f"{place}: the disk is full ({error.strerror}): free some space, the same command goes on")
    if code in ABSENT or isinstance(error, FileNotFoundError):
        return MissingFileError(f"{place}: no such object or bucket: check the address")
    if code in REFUSED or isinstance(error, PermissionError):
        return RemoteAccessError(
            f"{place}: the store refuses access ({code}): check or renew the credentials, the same command goes on"
        )
    if isinstance(error, (NotADirectoryError, IsADirectoryError, TypeError, NotImplementedError)):
        return OptionError(f"{place}: cannot be used so ({code}): check the address")
    return None


def _code(error: BaseException) -> str:
    """The code that a store gave, or the kind of the exception: never its text, which may hold secrets."""
    cause: BaseException | None = error
    while cause is not None:
        if code := fast_store.code(cause):
            return code
        response = getattr(cause, "response", None)
        if isinstance(response, dict) and isinstance(response.get("Error"), dict):
            return str(response["Error"].get("Code") or type(cause).__name__)[:40]
        cause = cause.__cause__
    return type(error).__name__


def _store(url: str) -> tuple[Any, str]:
    """The store of an address, and the path in it; MissingExtraError or OptionError where there is none."""
    if fast_store.asked_for(url):
        return fast_store.opened(url)
    with extra(shown_address(url), "cloud"):
        from fsspec.core import url_to_fs
    try:
        store, path = url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        package = re.search(r"\b(?:s3fs|gcsfs|adlfs|[a-z]+fs)\b", str(error))
        raise MissingExtraError(shown_address(url), package.group() if package else "fsspec", "cloud") from error
    except Exception as error:
        known = _permanent(error, url)
        raise known or OptionError(
            f"{shown_address(url)}: no store can be opened ({_code(error)}): check the address, and the settings of "
            "the store"
        ) from None
    if hasattr(store, "max_concurrency"):
        store.max_concurrency = 1  # s3fs asks for the size of each object otherwise, before it fetches it
    return store, path


def filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of an address, for libraries that take one, and the path in it."""
    return _store(url)


def objects(url: str) -> Iterator[Found]:
    """The objects at, or in the folder at, an address or pattern; a page or folder of them in memory at a time.

    Those of one S3 folder come in the order of their keys.
    """
    store, path = _store(url)
    before = url[: len(url) - len(path)] if url.endswith(path) else f"{url.partition('://')[0]}://"
    if glob.has_magic(path):
        from fsspec.utils import glob_translate

        fixed = path[: re.search(r"[*?[]", path).start()].rpartition("/")[0]  # type: ignore[union-attr]
        wanted = re.compile(glob_translate(path)).match
        yield from (entry for entry in _below(store, fixed, before) if wanted(entry.url.removeprefix(before)))
        return
    any_below = False
    for entry in _below(store, path, before):
        any_below = True
        yield entry
    if not any_below:
        info = persistently(lambda: store.info(path), url)
        if info["type"] == "file":
            yield _found(before + path, info)


def _below(store: Any, path: str, before: str) -> Iterator[Found]:
    """The objects in a folder and those below it."""
    if fast_store.asked_for(before):
        yield from _fast_pages(path.rstrip("/"), before)
        return
    if hasattr(store, "call_s3"):
        yield from _pages(store, path.rstrip("/"), before)
        return
    waiting = [path.rstrip("/")]
    while waiting:
        folder = waiting.pop()
        try:
            listed = persistently(lambda place=folder: store.ls(place, detail=True), before + folder)  # type: ignore[misc]
        except MissingFileError:
            continue
        listed = sorted(listed, key=lambda info: str(info["name"]))
        own = [info for info in listed if str(info["name"]).strip("/") != folder.strip("/")]
        waiting += [str(info["name"]) for info in reversed(own) if info["type"] == "directory"]
        yield from (_found(before + str(info["name"]).removeprefix("/" * before.endswith("///")), info)
                    for info in own if info["type"] != "directory")  # fmt: skip


def _pages(store: Any, path: str, before: str) -> Iterator[Found]:
    """The objects of S3 below a key, a page of 1,000 at a time, in the order of their keys."""
    bucket, _, key = path.partition("/")
    prefix, token = (f"{key}/" if key else ""), {}  # type: tuple[str, dict[str, str]]
    while True:
        page = persistently(
            lambda more=token: store.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, **more),  # type: ignore[misc]
            f"{before}{path}",
        )
        for info in page.get("Contents", ()):
            if not info["Key"].endswith("/"):
                yield Found(f"{before}{bucket}/{info['Key']}", int(info["Size"]), str(info["ETag"]).strip('"'))
        if not page.get("IsTruncated"):
            return
        token = {"ContinuationToken": page["NextContinuationToken"]}


def _fast_pages(path: str, before: str) -> Iterator[Found]:
    """The objects below a key through obstore, a page at a time, in the order of their keys."""
    bucket, after = path.partition("/")[0], None
    while page := persistently(lambda last=after: fast_store.page(f"{before}{path}", last), f"{before}{path}"):  # type: ignore[misc]
        for key, size, state in page:
            yield Found(f"{before}{bucket}/{key}", size, state)
        after = page[-1][0]


def _found(url: str, info: dict[str, Any]) -> Found:
    """What a store says of an object, whichever store it is."""
    known = ("ETag", "etag", "e_tag", "md5Hash", "generation", "LastModified", "last_modified", "mtime", "modified",
             "updated", "created")  # fmt: skip
    state = next((str(info[name]).strip('"') for name in known if info.get(name)), "")
    size = info.get("size")
    return Found(url, -1 if size is None else int(size), state)
