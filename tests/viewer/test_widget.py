"""The viewer in a notebook: its page in a frame, which asks nobody but the widget around it."""

import base64
import gc
import json
import tempfile
import threading
from concurrent.futures import Future

import numpy as np
import pytest
from tests.browser import needs_browser, open_browser

from ecgnoise import NoiseKind, add_noise, simulate_ecg, viewer_widget
from ecgnoise.errors import MissingFileError
from ecgnoise.viewer.widget import ViewerWidget
from ecgnoise.viewer.widget_page import widget_page
from ecgnoise.writers import write_recording

HOST_PAGE = """<!doctype html><html lang="en"><title>notebook</title><body><div id="cell"></div><script type="module">
const handlers = [];
const widget = await import("data:text/javascript;base64,%(esm)s");
const state = { page: await heldPage(), height: 700 };
const model = {
  get: (name) => state[name],
  on: (name, work) => handlers.push(work),
  off: (name, work) => handlers.splice(handlers.indexOf(work), 1),
  send: async (content, _callbacks, buffers) => {
    const body = buffers?.length ? btoa(String.fromCharCode(...new Uint8Array(buffers[0]))) : "";
    const [answer, content64] = await askKernel(content, body);
    const bytes = Uint8Array.from(atob(content64), (letter) => letter.charCodeAt(0));
    for (const work of handlers) work(answer, [new DataView(bytes.buffer)]);
  },
};
window.take = widget.default.render({ model, el: document.getElementById("cell") });
</script></body></html>"""


@pytest.fixture
def folder(tmp_path):
    clean = simulate_ecg(30, 250, seed=3, lead_names=("I", "II"))
    signal = add_noise(clean, NoiseKind.MUSCLE, -6.0, leads=["II"]).signal.copy()
    signal[1, :2500] = clean.signal[1, :2500]
    write_recording(type(clean).from_array(signal, 250, lead_names=("I", "II")), tmp_path / "noisy.hea")
    return tmp_path


@pytest.fixture
def widget(folder):
    shown = viewer_widget(folder)
    yield shown
    shown.close()


def ask(widget, path, method="GET", headers=None, body=b""):
    """What the kernel answers to a question of the page: status, headers and body."""
    found = Future()

    def send(content, buffers=None):
        found.set_result((content, buffers[0]))

    widget.send = send
    content = {"id": 7, "view": "a", "path": path, "method": method, "headers": headers or {}}
    widget._asked(content, [body] if body else [])
    answer, sent = found.result(60)
    assert (answer["id"], answer["view"]) == (7, "a")
    return answer["status"], answer["headers"], bytes(sent)


def test_the_kernel_answers_what_the_server_would(widget):
    status, headers, body = ask(widget, "api/recordings")
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert [entry["name"] for entry in json.loads(body)] == ["noisy"]
    assert json.loads(ask(widget, "api/recordings/0")[2])["leads"] == ["I", "II"]
    assert ask(widget, "api/recordings/9")[0] == 404
    status, _, samples = ask(widget, "api/recordings/0/samples?start=0&stop=10&columns=50&filter=")
    assert (status, len(samples)) == (200, 2 * 4 + 2 * 2 * 2 * 50)
    assert np.isfinite(np.frombuffer(samples, "<f4", 2)).all()


def test_a_file_is_taken_in_and_nothing_else_is_reached(widget, folder):
    content = (folder / "noisy.hea").read_bytes()
    status, _, body = ask(widget, "api/recordings", "POST", {"x-filename": "..%2Fother.hea"}, content)
    assert (status, json.loads(body)) == (200, {"id": 1})
    for path in ("../../etc/passwd", "static/../../__init__.py", "/etc/passwd", "static/%2e%2e/app.py"):
        assert ask(widget, path)[0] == 404


def test_what_is_wrong_with_a_place_is_said_at_once(tmp_path):
    with pytest.raises(MissingFileError):
        viewer_widget(tmp_path / "nowhere.hea")


def test_a_closed_widget_leaves_no_thread_and_no_file(folder, tmp_path, monkeypatch):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(uploads))

    def loops():
        return [thread for thread in threading.enumerate() if thread.name == "ecgnoise-widget"]

    before = loops()
    shown = viewer_widget(folder)
    assert len(loops()) == len(before) + 1
    assert len(list(uploads.iterdir())) == 1
    shown.close()
    assert loops() == before
    assert list(uploads.iterdir()) == []
    shown._asked({"id": 1, "path": "api/recordings", "method": "GET"}, [])  # of a page that is still there
    gc.collect()


def test_the_page_holds_all_that_it_needs():
    page = widget_page()
    assert "static/" not in page
    assert 'from "./' not in page
    assert 'import "ecgnoise/main.js"' in page
    assert "default-src 'none'" in page


@needs_browser
def test_the_widget_shows_scores_corrects_and_downloads(widget, folder):
    asked = []

    def ask_kernel(content, body64):
        asked.append(content["path"])
        status, headers, body = ask(
            widget, content["path"], content["method"], content["headers"], base64.b64decode(body64)
        )
        answer = {"id": content["id"], "view": content["view"], "status": status, "headers": headers}
        return [answer, base64.b64encode(body).decode()]

    # The answer of the kernel has the names that the test gives to every question; the page's own are put back.
    esm = base64.b64encode(ViewerWidget._esm.encode() if isinstance(ViewerWidget._esm, str) else b"").decode()
    with open_browser() as browser:
        page = browser.new_context(viewport={"width": 1200, "height": 800}).new_page()
        said, other = [], []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: other.append(request.url))
        page.expose_function("askKernel", ask_kernel)
        page.expose_function("heldPage", lambda: widget.page)
        page.set_content(HOST_PAGE % {"esm": esm})
        frame = page.frame_locator("iframe")
        frame.locator("#spans tbody tr").first.wait_for(state="attached", timeout=60_000)
        assert "analysable" in frame.locator("#verdict").inner_text()
        frame.locator("#leads").click()
        before = frame.locator("#spans tbody tr").count()
        page.keyboard.press("n")
        page.keyboard.press("Delete")
        page.wait_for_timeout(600)
        kept = json.loads((folder / "noisy.annotations.json").read_text())
        assert len(kept["annotations"]) == before - 1
        with page.expect_download() as found:
            frame.get_by_role("link", name="json").click()
        assert found.value.suggested_filename == "noisy.json"
        json.loads(found.value.path().read_text())
        page.evaluate("take()")
        assert said == []
        assert [url for url in other if not url.startswith(("data:", "blob:", "about:"))] == []
        assert any("samples?" in path for path in asked)
