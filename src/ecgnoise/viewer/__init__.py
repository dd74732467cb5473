"""A viewer in the browser: recordings with their noise, and annotations to correct. Needs the extra ``view``.

The server listens on this computer only, unless it is told otherwise, and shows nothing but what it was started with.
"""

import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from ecgnoise._internal.extras import extra
from ecgnoise.errors import OptionError, OutputError
from ecgnoise.readers import ReadOptions
from ecgnoise.viewer.library import Library
from ecgnoise.viewer.live import Live

if TYPE_CHECKING:
    from ecgnoise.quantifier import Quantifier
    from ecgnoise.viewer.guard import Guard
    from ecgnoise.viewer.widget import ViewerWidget

LOOPBACK: Final = "127.0.0.1"
LONGEST_END: Final = 5.0  # s to wait for the server
EVERYWHERE: Final = frozenset({"", "0.0.0.0", "::"})
NAMES_OF_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def viewer_widget(
    *places: str | Path,
    quantifier: "Quantifier | None" = None,
    options: ReadOptions | None = None,
    recordings: str | Path | None = None,
    annotations: str | Path | None = None,
) -> "ViewerWidget":
    """Show recordings in a notebook, as ``ecgnoise view`` does in the browser.

    Parameters
    ----------
    *places : str or pathlib.Path
        Recordings, folders of recordings, tables or folders of results. Without any, files can be dropped on it.
    quantifier : Quantifier, optional
        What scores recordings that were not scored before. The default is one with the bundled model.
    options : ReadOptions, optional
        Sampling frequency, units and leads where files do not say them.
    recordings : str or pathlib.Path, optional
        Where recordings are that no longer lie where they were scored.
    annotations : str or pathlib.Path, optional
        Where corrected annotations are kept. The default is beside the results, or the recording.

    Returns
    -------
    anywidget.AnyWidget
        Show it as the last line of a cell. Its ``height`` in pixels can be set; ``close()`` ends it.

    Raises
    ------
    MissingFileError
        If a place is not there.
    UnreadableFileError
        If a folder holds no recording.
    MissingExtraError
        Without the extra ``notebook``.
    """
    from ecgnoise.quantifier import Quantifier
    from ecgnoise.viewer.widget import ViewerWidget

    library = Library(
        cache(lambda: quantifier or Quantifier()),
        options or ReadOptions(),
        cache=None,
        recordings=None if recordings is None else Path(recordings),
        corrections=None if annotations is None else Path(annotations),
    )
    for place in places:
        library.add_place(Path(place))
    return ViewerWidget(library)


@contextmanager
def shown_live(live: Live, *, port: int = 0, open_browser: bool = True) -> Iterator[str]:
    """Show a stream within it; the address of the page. The parameters are those of :func:`serve`."""
    with extra("the viewer", "view"):
        from ecgnoise.viewer.app import make_live_app, new_token

    token = new_token()
    with listening_socket(LOOPBACK, port) as listening:
        address = f"http://{LOOPBACK}:{listening.getsockname()[1]}/{token}/"
        server = _server(make_live_app(live, token, NAMES_OF_LOOPBACK))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        if open_browser:
            threading.Timer(0.3, webbrowser.open, (address,)).start()
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join(LONGEST_END)


def _server(app: "Guard") -> Any:
    """What answers requests, without a word of its own."""
    with extra("the viewer", "view"):
        import uvicorn
    return uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", access_log=False))


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens; OutputError where the port cannot be had. port: 0 for any that is free.

    OptionError for all addresses of the computer at once: a page must know by which name it is called.
    """
    if host in EVERYWHERE:
        raise OptionError(f"host {host or 'empty'}: pass the address or name by which others reach this computer")
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{host}:{port}: cannot listen there ({reason}): pass another --host or --port") from error


def serve(
    library: Library,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    open_browser: bool = True,
    started: Callable[[str], None] | None = None,
) -> None:
    """Show recordings until Ctrl-C.

    Parameters
    ----------
    library : Library
        What is shown.
    host : str, default "127.0.0.1"
        Where to listen: an address or name of this computer. Another one than that of the computer to itself lets
        others in who know the address of the page.
    port : int, default 0
        0 for any that is free.
    open_browser : bool, default True
        Whether to open the page.
    started : callable, optional
        Called as ``started(address)`` with the address of the page.

    Raises
    ------
    OutputError
        If the port cannot be had.
    OptionError
        If the host stands for all addresses of the computer.
    MissingExtraError
        Without the extra ``view``.
    """
    with extra("the viewer", "view"):
        from ecgnoise.viewer.app import make_app, new_token

    token = new_token()
    with listening_socket(host, port) as listening, TemporaryDirectory(prefix="ecgnoise-") as uploads:
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{listening.getsockname()[1]}/{token}/"
        hosts = NAMES_OF_LOOPBACK if host in NAMES_OF_LOOPBACK else frozenset({*NAMES_OF_LOOPBACK, host.lower()})
        server = _server(make_app(library, token, hosts, Path(uploads)))
        if started:
            started(address)
        if open_browser:
            threading.Timer(0.3, webbrowser.open, (address,)).start()
        try:
            server.run(sockets=[listening])
        finally:
            library.close()
