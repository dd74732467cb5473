"""Requests that a page asks of the viewer's application without a server between them: a widget's."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from ecgnoise.viewer.guard import Guard

HOST: Final = "localhost"


@dataclass(frozen=True)
class Request:
    """What is asked. path: with its query, below the root of the application."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What is answered."""

    status: int
    headers: dict[str, str]
    body: bytes


async def answer(app: Guard, request: Request) -> Answer:
    """What the application answers to a request."""
    parts = urlsplit(request.path)
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": request.method,
        "path": parts.path,
        "raw_path": parts.path.encode("latin-1", "replace"),
        "root_path": "",
        "query_string": parts.query.encode("latin-1", "replace"),
        "headers": [*headers, (b"host", HOST.encode())],
        "client": (HOST, 0),
        "server": (HOST, 0),
    }
    status, given, body = 500, dict[str, str](), bytearray()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            given.update({name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]})
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))

    await app(scope, receive, send)
    return Answer(status, given, bytes(body))


class Loop:
    """An event loop in a thread of its own, since a notebook's own is busy while a cell runs."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="ecgnoise-widget", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def start(self, work: Coroutine[Any, Any, Answer], done: Callable[[Future[Answer]], None]) -> None:
        """Begin work; ``done`` is called with what became of it, in the loop's thread."""
        asyncio.run_coroutine_threadsafe(work, self._loop).add_done_callback(done)

    def end(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
