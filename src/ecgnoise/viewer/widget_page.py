"""The viewer's page as one text, for a frame in a notebook: styles and scripts are in it, and it asks nobody."""

import base64
import json
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

POLICY: Final = "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data: blob:"
IMPORT: Final = re.compile(r'from "\./([a-z]+\.js)"')
STYLE: Final = re.compile(r'<link rel="stylesheet" href="static/([^"]+)">')
SCRIPT: Final = re.compile(r'<script src="static/([^"]+)"></script>')
MODULE: Final = re.compile(r'<script type="module" src="static/([a-z]+\.js)"></script>')


def widget_page() -> str:
    """The page. Its modules are data of an import map, since a frame without an address has none of its own."""
    static = files("ecgnoise.viewer") / "static"
    page = _text(static, "index.html")
    page = STYLE.sub(lambda found: f"<style>{_text(static, found[1])}</style>", page)
    page = SCRIPT.sub(lambda found: f"<script>{_text(static, found[1])}</script>", page)
    modules = {
        f"ecgnoise/{place.name}": _data(IMPORT.sub(r'from "ecgnoise/\1"', place.read_text(encoding="utf-8")))
        for place in static.iterdir()
        if place.name.endswith(".js") and place.name not in {"widget.js", "bridge.js"}
    }
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<script type="importmap">{json.dumps({"imports": modules})}</script>'
        f"<script>{_text(static, 'bridge.js')}</script>"
    )
    page = page.replace("<head>", f"<head>{head}", 1)
    return MODULE.sub(lambda found: f'<script type="module">import "ecgnoise/{found[1]}";</script>', page)


def _text(static: Traversable, name: str) -> str:
    return static.joinpath(*name.split("/")).read_text(encoding="utf-8")


def _data(script: str) -> str:
    return "data:text/javascript;base64," + base64.b64encode(script.encode()).decode()
