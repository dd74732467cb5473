"""The viewer's server: a page, and what it asks for."""

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict
from importlib.resources import files
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import quote, unquote

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ecgnoise.errors import EcgNoiseError, MissingFileError, OptionError, ResumeError
from ecgnoise.noise_levels import KINDS
from ecgnoise.results.annotations import write_annotations
from ecgnoise.results.grades import GRADES
from ecgnoise.viewer.corrections import MOST, checked
from ecgnoise.viewer.filters import LONGEST_SECONDS, filtered_view, possible_filters
from ecgnoise.viewer.guard import Guard
from ecgnoise.viewer.library import Library, Opened, ranked
from ecgnoise.viewer.live import Live
from ecgnoise.viewer.pyramid import View
from ecgnoise.viewer.states import STATES, instant

TOKEN_BYTES: Final = 24
LARGEST_UPLOAD: Final = 1 << 30
MOST_COLUMNS: Final = 8192
MOST_BODY: Final = 1 << 26
EXPORTS: Final = {
    "wfdb": ".qua",
    "edf": ".edf",
    "mne": "-annot.fif",
    "bids": ".tsv",
    "json": ".json",
    "mask": ".npz",
}
BYTES: Final = "application/octet-stream"
TYPES: Final = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def new_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def make_live_app(live: Live, token: str, hosts: frozenset[str]) -> Guard:
    """The application that shows a stream. The parameters are those of :func:`make_app`."""
    server = LiveServer(live)
    routes = [
        Route(f"/{token}/", page("live.html")),
        Route(f"/{token}/static/{{name:path}}", static),
        Route(f"/{token}/api/live", server.described),
        Route(f"/{token}/api/live/samples", server.samples),
        Route(f"/{token}/api/live/states", server.states),
    ]
    return Guard(Starlette(routes=routes, exception_handlers={EcgNoiseError: _failed}), hosts)


def make_app(library: Library, token: str, hosts: frozenset[str], uploads: Path) -> Guard:
    """The application.

    Parameters
    ----------
    library : Library
        What it shows.
    token : str
        Everything lies below it.
    hosts : frozenset of str
        Names under which it may be called.
    uploads : pathlib.Path
        A folder for files that are dropped on the page.
    """
    server = Server(library, uploads)
    routes = [
        Route(f"/{token}/", page("index.html")),
        Route(f"/{token}/static/{{name:path}}", static),
        Route(f"/{token}/api/recordings", server.listing),
        Route(f"/{token}/api/recordings", server.upload, methods=["POST"]),
        Route(f"/{token}/api/recordings/{{number:int}}", server.described),
        Route(f"/{token}/api/recordings/{{number:int}}/samples", server.samples),
        Route(f"/{token}/api/recordings/{{number:int}}/states", server.states),
        Route(f"/{token}/api/recordings/{{number:int}}/instant", server.instant),
        Route(f"/{token}/api/recordings/{{number:int}}/annotations", server.annotations),
        Route(f"/{token}/api/recordings/{{number:int}}/annotations", server.correct, methods=["PUT"]),
        Route(f"/{token}/api/recordings/{{number:int}}/export/{{form}}", server.export),
    ]
    app = Starlette(routes=routes, exception_handlers={EcgNoiseError: _failed})
    return Guard(app, hosts)


def _failed(_request: Request, error: Exception) -> Response:
    """One line, as the program would print it."""
    status = 404 if isinstance(error, MissingFileError) else 409 if isinstance(error, ResumeError) else 422
    return JSONResponse({"error": str(error)}, status)


def page(name: str) -> Callable[[Request], Response]:
    """A function that answers with one file of the page."""
    return lambda _request: _file(name)


def static(request: Request) -> Response:
    """A script or style of the page."""
    return _file(request.path_params["name"])


def _file(name: str) -> Response:
    parts = name.split("/")
    suffix = Path(name).suffix
    if suffix not in TYPES or any(part in {"", ".", ".."} or "\\" in part for part in parts):
        return Response(status_code=404)
    place = (files("ecgnoise.viewer") / "static").joinpath(*parts)
    if not place.is_file():
        return Response(status_code=404)
    return Response(place.read_bytes(), media_type=f"{TYPES[suffix]}; charset=utf-8")


class LiveServer:
    """What each address answers of a stream."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def described(self, _request: Request) -> Response:
        """What the stream is, and what is known of its newest 10 s."""
        return JSONResponse(self._live.described())

    def samples(self, request: Request) -> Response:
        """The last minute, as :meth:`Server.samples` answers; when it ends stands in a header."""
        view, stop = self._live.samples(int(_number(request, "columns", 1, MOST_COLUMNS)))
        return Response(_packed(view), media_type=BYTES, headers={"x-stop": f"{stop:.6f}"})

    def states(self, _request: Request) -> Response:
        """The states of the last minute, a byte for each tenth of a second of each lead."""
        return Response(np.ascontiguousarray(self._live.states()).tobytes(), media_type=BYTES)


class Server:
    """What each address answers."""

    def __init__(self, library: Library, uploads: Path) -> None:
        self._library = library
        self._uploads = uploads

    def listing(self, _request: Request) -> Response:
        """All recordings, the worst first."""
        return JSONResponse(ranked([entry.listed() for entry in self._library]))

    async def upload(self, request: Request) -> Response:
        """A file that was dropped on the page: it is kept until the server ends, and listed."""
        name = Path(unquote(request.headers.get("x-filename", ""))).name
        if not name or name.startswith("."):
            raise OptionError("a file needs a name")
        folder = self._uploads / secrets.token_hex(8)
        folder.mkdir()
        taken = 0
        with (folder / name).open("wb") as file:
            async for piece in request.stream():
                taken += len(piece)
                if taken > LARGEST_UPLOAD:
                    file.close()
                    (folder / name).unlink()
                    raise OptionError(f"{name}: larger than {LARGEST_UPLOAD >> 20} MB: pass its path to ecgnoise view")
                file.write(piece)
        entry = self._library.add(str(folder / name))
        return JSONResponse({"id": entry.number})

    def described(self, request: Request) -> Response:
        """What a recording is, and how far it is read and scored."""
        number = request.path_params["number"]
        opened = self._library.open(number)
        recording, result = opened.recording, opened.result
        return JSONResponse(
            {
                "id": number,
                "name": self._library.entry(number).name,
                "leads": list(recording.lead_names),
                "seconds": recording.duration,
                "sampling_frequency": recording.sampling_frequency,
                "units": recording.units,
                "start": None if recording.start is None else recording.start.isoformat(),
                "notes": list(recording.notes),
                "read": opened.pyramid.share,
                "scored": opened.share,
                "failure": opened.failure,
                "verdict": "" if result is None else result.verdict(),
                "analysable": None if result is None else [round(share, 1) for share in result.analysable.tolist()],
                "model": "" if result is None else str(result.model),
                "states": list(STATES),
                "grades": list(GRADES),
                "kinds": list(KINDS),
                "exports": list(EXPORTS),
                "corrections": opened.corrections.place.name,
                "filters": possible_filters(recording.sampling_frequency),
                "filter_seconds": LONGEST_SECONDS,
            }
        )

    def samples(self, request: Request) -> Response:
        """Lowest and highest values of all leads: scale in float32, then both in 16 bit, one lead after the other."""
        opened, start, stop, columns = self._window(request)
        wanted = frozenset(filter(None, request.query_params.get("filter", "").split(",")))
        view = filtered_view(opened, start, stop, columns, wanted)
        return Response(_packed(view), media_type=BYTES)

    def states(self, request: Request) -> Response:
        """The worst state of each lead in each column, a byte each; nothing before it is scored."""
        opened, start, stop, columns = self._window(request)
        if opened.states is None:
            return Response(b"", media_type=BYTES)
        view = opened.states.view(start, stop, columns)
        return Response(np.ascontiguousarray(view).tobytes(), media_type=BYTES)

    def instant(self, request: Request) -> Response:
        """All that is known of an instant."""
        opened = self._library.open(request.path_params["number"])
        second = _number(request, "t", 0.0, opened.recording.duration)
        return JSONResponse([] if opened.result is None else instant(opened.result, second))

    def annotations(self, request: Request) -> Response:
        """The annotations as they are now."""
        opened = self._library.open(request.path_params["number"])
        found, revision = opened.annotations()
        return JSONResponse({"revision": revision, "annotations": [asdict(annotation) for annotation in found]})

    async def correct(self, request: Request) -> Response:
        """Keep corrected annotations."""
        opened = self._library.open(request.path_params["number"])
        if opened.result is None:
            raise OptionError("the recording is not scored yet: wait until it is")
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BODY:
                raise OptionError(f"more than {MOST_BODY >> 20} MB of annotations")
        try:
            given = json.loads(bytes(body))
            entries, revision = list(given["annotations"]), int(given["revision"])
        except (ValueError, KeyError, TypeError) as error:
            raise OptionError("annotations and their revision are needed") from error
        if len(entries) > MOST:
            raise OptionError(f"{len(entries)} annotations: {MOST} can be kept")
        recording = opened.recording
        kept = [checked(entry, recording.lead_names, recording.duration) for entry in entries]
        return JSONResponse({"revision": opened.corrections.write(kept, revision, opened.result)})

    def export(self, request: Request) -> Response:
        """The annotations as a file for other programs."""
        number, form = request.path_params["number"], request.path_params["form"]
        opened = self._library.open(number)
        if form not in EXPORTS:
            raise OptionError(f"format {form!r:.40} is none of {', '.join(EXPORTS)}")
        if opened.result is None:
            raise OptionError("the recording is not scored yet: wait until it is")
        found, revision = opened.annotations()
        name = f"{self._library.entry(number).name}{EXPORTS[form]}"
        with TemporaryDirectory() as folder:
            place = Path(folder) / name
            intervals = [annotation.interval for annotation in found] if revision else None
            write_annotations(opened.result, place, intervals=intervals)
            content = place.read_bytes()
        header = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
        return Response(content, media_type=BYTES, headers=header)

    def _window(self, request: Request) -> tuple[Opened, float, float, int]:
        opened = self._library.open(request.path_params["number"])
        seconds = opened.recording.duration
        start = _number(request, "start", 0.0, seconds)
        stop = _number(request, "stop", 0.0, seconds)
        columns = int(_number(request, "columns", 1, MOST_COLUMNS))
        if stop <= start:
            raise OptionError(f"{start:g} to {stop:g} s: pass a stretch that ends behind its start")
        return opened, start, stop, columns


def _packed(view: View) -> bytes:
    """Scale in float32, then the lowest and the highest values in 16 bit, one lead after the other."""
    parts = (view.scale.astype("<f4"), view.low.astype("<i2"), view.high.astype("<i2"))
    return b"".join(part.tobytes() for part in parts)


def _number(request: Request, name: str, low: float, high: float) -> float:
    """A number of the address, held within limits; OptionError where it is none."""
    try:
        number = float(request.query_params[name])
    except (KeyError, ValueError) as error:
        raise OptionError(f"{name}: a number is needed") from error
    if not isfinite(number):
        raise OptionError(f"{name}: a finite number is needed")
    return min(max(number, low), high)
