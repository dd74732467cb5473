"""What may talk to the viewer's server: pages that it served itself, to who has the token in their address.

Everything lies below a token that nobody can guess. The host must be one that the server was started for, which keeps
out pages of other sites that reach this computer under a name of their own (DNS rebinding); the origin must be its own.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HOST: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]/@]+)(?::\d+)?")  # a name, or an address of IPv6 in brackets
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final[Mapping[bytes, bytes]] = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}


class Guard:
    """Wraps an application: what may not talk to it gets 403, and every answer has the headers above.

    Parameters
    ----------
    app : ASGI application
        What answers.
    hosts : set of str
        Names under which it may be called, in small letters, without a port.
    """

    def __init__(self, app: App, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS.items()]
            await send(message)

        if self._allowed(dict(scope["headers"])):
            await self._app(scope, receive, send_guarded)
            return
        await send_guarded(
            {"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]}
        )
        await send_guarded({"type": "http.response.body", "body": b"not from here"})

    def _allowed(self, headers: Mapping[bytes, bytes]) -> bool:
        host = headers.get(b"host", b"").decode("latin-1")
        found = HOST.fullmatch(host)
        if found is None or found[1].strip("[]").lower() not in self._hosts:
            return False
        origin = headers.get(b"origin")
        return origin is None or origin.decode("latin-1").partition("://")[2] == host
