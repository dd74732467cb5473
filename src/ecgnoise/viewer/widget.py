"""The viewer as a widget of a notebook. Needs the extra ``notebook``."""

import secrets
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from ecgnoise._internal.extras import extra
from ecgnoise.viewer.library import Library

with extra("the viewer in a notebook", "notebook"):
    import anywidget
    import traitlets

    from ecgnoise.viewer.app import make_app
    from ecgnoise.viewer.in_process import HOST, Answer, Loop, Request, answer
    from ecgnoise.viewer.widget_page import widget_page

HEIGHT: Final = 760


class ViewerWidget(anywidget.AnyWidget):  # type: ignore[misc,unused-ignore]  # has no types in some of its versions
    """The page of ``ecgnoise view`` in a notebook.

    What the page asks goes through the notebook's own connection to the kernel; nothing listens anywhere.

    Parameters
    ----------
    library : Library
        What is shown.
    height : int, default 760
        Of the widget, in pixels.
    """

    _esm = (files("ecgnoise.viewer") / "static" / "widget.js").read_text(encoding="utf-8")
    page = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(HEIGHT).tag(sync=True)

    def __init__(self, library: Library, height: int = HEIGHT) -> None:
        super().__init__(page=widget_page(), height=height)
        uploads = TemporaryDirectory(prefix="ecgnoise-")
        self._token = secrets.token_urlsafe()
        self._app = make_app(library, self._token, frozenset({HOST}), Path(uploads.name))
        self._loop = Loop()
        self._ended = weakref.finalize(self, _end, self._loop, library, uploads)
        self.on_msg(ViewerWidget._asked)

    def close(self) -> None:
        """Take the widget off the notebook, and forget what it held."""
        super().close()
        self._ended()

    def _asked(self, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        """Answer a request of the page, when its answer is there."""
        if not self._ended.alive:
            return
        body = bytes(buffers[0]) if buffers else b""
        request = Request(
            str(content["method"]), f"/{self._token}/{content['path']}", dict(content.get("headers") or {}), body
        )
        place = {"id": content["id"], "view": content.get("view")}

        def done(future: "Future[Answer]") -> None:
            if future.cancelled() or future.exception() is not None:
                self.send({**place, "status": 500, "headers": {}}, [b""])
                return
            found = future.result()
            self.send({**place, "status": found.status, "headers": found.headers}, [found.body])

        self._loop.start(answer(self._app, request), done)


def _end(loop: Loop, library: Library, uploads: "TemporaryDirectory[str]") -> None:
    loop.end()
    library.close()
    uploads.cleanup()
