"""One file over HTTP: whole and right, or not there.

A file is received as ``NAME.part``. Its SHA-256 sum is taken from the disk, and only where it is the expected one does
the file get its name. What a broken transfer leaves is continued by the next one (RFC 9110, section 14) where the
server allows that, and received again from the start where it does not, or where the sum turns out wrong.
"""

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote

from ecgnoise.errors import DownloadError, OutputError, unwritable

if TYPE_CHECKING:
    from requests import Response

PART: Final = ".part"
ATTEMPTS: Final = 5
LONGEST_WAIT: Final = 60.0
TIMEOUT: Final = (10.0, 30.0)  # to connect, between two bytes; seconds
CHUNK: Final = 1 << 16
RANGE_REFUSED: Final = 416
LENGTH_TOLD_BY: Final = ("Content-Length", "Transfer-Encoding")
PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

Wait = Callable[[float], object]
Accepts = Callable[[Path], bool]


class PassingError(DownloadError):
    """A failure that may be gone at the next attempt; ``seconds`` is how long the server asks to wait."""

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


class Connection:
    """Receives files below one address, from several threads at once; to be used in a ``with`` statement.

    address: without a slash at the end. jobs: how many threads. sleep: how to wait before another attempt, in seconds.
    """

    def __init__(self, address: str, jobs: int = 1, sleep: Wait | None = None) -> None:
        from requests import Session
        from requests.adapters import HTTPAdapter

        self.address = address
        self.received = 0
        self._stopped = threading.Event()
        self._sleep = sleep or self._stopped.wait
        self._lock = threading.Lock()
        self._open: set[Response] = set()
        self._session = Session()
        self._session.headers.update({"User-Agent": "ecgnoise", "Accept-Encoding": "identity"})
        self._adapter = HTTPAdapter(pool_maxsize=jobs)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, self._adapter)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing a session only forgets its pools: a kept error that still names one would keep its connections open.
        pools = self._adapter.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118  (it cannot be iterated over)
            pools[key].close()
        self._session.close()

    def stop(self) -> None:
        """End what is under way in other threads, at once; their calls raise DownloadError."""
        self._stopped.set()
        with self._lock:
            under_way = list(self._open)
        for response in under_way:
            with suppress(ValueError, RuntimeError, OSError):
                response.raw.shutdown()

    def fetch(self, path: str, sha256: str, target: Path) -> bool:
        """Have a file whole and right at ``target``; False where it was there already.

        Raises DownloadError where it cannot be had, after five attempts in a row that brought nothing new, and
        OutputError where it cannot be written.
        """
        part = target.with_name(target.name + PART)
        try:
            if has_sum(target, sha256):
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            if not has_sum(part, sha256):
                self._insist(path, part, lambda file: has_sum(file, sha256))
            part.replace(target)
        except OSError as error:
            raise unwritable(target, error, "make room, or choose another folder") from error
        return True

    def fetch_without_sum(self, path: str, target: Path, accepts: Accepts) -> None:
        """Receive a file that has no sum; only one whose length the server tells can be known to be whole."""
        target.unlink(missing_ok=True)
        self._insist(path, target, accepts, length_told=True)

    def size(self, path: str) -> int | None:
        """How many bytes a file has; None where the server does not say."""
        from requests import RequestException

        try:
            with self._session.head(self._url(path), timeout=TIMEOUT, allow_redirects=True) as response:
                told = response.headers.get("Content-Length", "") if response.ok else ""
        except RequestException:
            return None
        return int(told) if told.isdecimal() else None

    def _url(self, path: str) -> str:
        return f"{self.address}/{quote(path)}"

    def _insist(self, path: str, part: Path, accepts: Accepts, *, length_told: bool = False) -> None:
        """Attempt until the part is accepted; waits 1, 2, 4 and 8 s, or as long as the server asks up to a minute."""
        failures, furthest = 0, 0
        while True:
            try:
                self._attempt(self._url(path), part, accepts, length_told=length_told)
            except PassingError as error:
                reached = part.stat().st_size if part.exists() else 0
                failures = 1 if reached > furthest else failures + 1
                furthest = max(furthest, reached)
                if failures == ATTEMPTS:
                    raise DownloadError(f"{error}, {ATTEMPTS} times: try again later") from error
                self._sleep(min(max(2.0 ** (failures - 1), error.seconds), LONGEST_WAIT))
            else:
                return

    def _attempt(self, url: str, part: Path, accepts: Accepts, *, length_told: bool) -> None:
        """Receive what is missing of the part; a part that is not accepted then is thrown away."""
        from requests import RequestException

        self._go_on(url)
        there = part.stat().st_size if part.exists() else 0
        asked = {"Range": f"bytes={there}-"} if there else {}
        try:
            with self._session.get(url, headers=asked, stream=True, timeout=TIMEOUT) as response:
                _check_status(response, url, part)
                if length_told and not any(name in response.headers for name in LENGTH_TOLD_BY):
                    raise DownloadError(f"{url}: the server does not say how long it is: use another base URL")
                begins = response.headers.get("Content-Range", "").startswith(f"bytes {there}-")
                with self._under_way(response):
                    self._write(response, part, "ab" if response.status_code == 206 and begins else "wb")
        except RequestException as error:
            raise PassingError(f"{url}: broken off ({type(error).__name__})") from error
        if not accepts(part):
            part.unlink()
            raise PassingError(f"{url}: not the file that is wanted, its content is wrong")

    def _write(self, response: "Response", part: Path, mode: str) -> None:
        told = response.headers.get("Content-Length", "")
        free = shutil.disk_usage(part.parent).free
        if told.isdecimal() and int(told) > free:
            raise OutputError(
                f"{part}: needs {int(told):,} bytes, {free:,} are free: make room, or choose another disk"
            )
        with part.open(mode) as file:
            for chunk in response.iter_content(CHUNK):
                self._go_on(response.url)
                file.write(chunk)
                with self._lock:
                    self.received += len(chunk)

    @contextmanager
    def _under_way(self, response: "Response") -> Iterator[None]:
        """The response is one that :meth:`stop` ends."""
        with self._lock:
            self._open.add(response)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(response)

    def _go_on(self, url: str) -> None:
        if self._stopped.is_set():
            raise DownloadError(f"{url}: stopped: the same command goes on with it")


def has_sum(file: Path, sha256: str) -> bool:
    """Whether there is a file with this SHA-256 sum, in lower-case hexadecimal digits."""
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() == sha256


def _check_status(response: "Response", url: str, part: Path) -> None:
    """Nothing where the server gives what was asked for; PassingError or DownloadError elsewhere."""
    status = response.status_code
    if status in {200, 206}:
        return
    if status == RANGE_REFUSED:
        part.unlink(missing_ok=True)
        raise PassingError(f"{url}: the server cannot go on with it")
    if status in PASSING:
        asked = response.headers.get("Retry-After", "")
        raise PassingError(f"{url}: the server answers {status}", float(asked) if asked.isdecimal() else 0.0)
    raise DownloadError(f"{url}: the server answers {status}: check the base URL and the network")
