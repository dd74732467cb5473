"""The viewer's page in Chromium: looking, measuring and correcting, with the mouse and with keys, in light and dark."""

import json
import socket
import threading
import time

import numpy as np
import pytest

from browser import needs_browser, open_browser, violations
from ecgnoise import Quantifier, simulate_ecg, write_recording
from ecgnoise.readers import ReadOptions
from ecgnoise.simulate import NoiseKind, add_noise
from ecgnoise.viewer import listening_socket
from ecgnoise.viewer.app import make_app, new_token
from ecgnoise.viewer.library import Library

pytestmark = needs_browser
HOSTS = frozenset({"127.0.0.1"})


@pytest.fixture(scope="module")
def browser():
    with open_browser() as opened:
        yield opened


@pytest.fixture
def address(tmp_path):
    """A server with a noisy recording of a minute and a clean one."""
    import uvicorn

    for name, snr in (("noisy", -6.0), ("clean", 40.0)):
        clean = simulate_ecg(60, 250, seed=3, lead_names=("I", "II"))
        signal = add_noise(clean, NoiseKind.MUSCLE, snr, leads=["II"]).signal.copy()
        signal[1, :5000] = clean.signal[1, :5000]
        signal[1, 8000:10000] = clean.signal[1, 8000:10000]
        write_recording(type(clean).from_array(signal, 250, lead_names=("I", "II")), tmp_path / f"{name}.hea")
    (tmp_path / "uploads").mkdir()
    library = Library(lambda: Quantifier(threads=1), ReadOptions(), cache=None)
    library.add_place(tmp_path)
    token = new_token()
    app = make_app(library, token, HOSTS, tmp_path / "uploads")
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", access_log=False))
    with listening_socket("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/{token}/"
        server.should_exit = True
        thread.join(10)
        library.close()


@pytest.fixture
def page(browser, address, request):
    """A page that says nothing in its console, and asks nobody else."""
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **getattr(request, "param", {})})
    opened = context.new_page()
    said, asked = [], []
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda asked_for: asked.append(asked_for.url))
    opened.goto(address)
    yield opened
    context.close()
    assert [words for words in said if "422" not in words] == []
    assert {url for url in asked if not url.startswith((address, "data:", "blob:"))} == set()


def open_scored(page, name="noisy"):
    page.get_by_role("button", name=name, exact=True).click()
    page.locator("#verdict", has_text="analysable").wait_for(timeout=60_000)
    page.locator("#spans tbody tr").first.wait_for(state="attached", timeout=10_000)


def shown(page):
    """The stretch that is on the screen, once it is there."""
    page.wait_for_timeout(250)
    return [float(number) for number in page.locator("body").get_attribute("data-shown").split("-")]


def marks(page):
    return [tuple(row.locator("td").all_inner_texts()) for row in page.locator("#spans tbody tr").all()]


def test_keys_move_and_zoom(page):
    open_scored(page)
    assert shown(page) == [0, 10]
    for key, expected in (
        ("PageDown", [10, 20]),
        ("ArrowRight", [12.5, 22.5]),
        ("ArrowLeft", [10, 20]),
        ("+", [12.5, 17.5]),
        ("-", [10, 20]),
        ("End", [50, 60]),
        ("PageUp", [40, 50]),
        ("Home", [0, 10]),
    ):
        page.keyboard.press(key)
        assert shown(page) == pytest.approx(expected, abs=0.02), key


def test_noise_is_found_with_keys_and_address_names_the_place(page):
    open_scored(page)
    page.keyboard.press("n")
    start, stop = shown(page)
    assert start <= 20 <= stop
    assert "II, " in page.locator("#selected").inner_text()
    assert f"t={start:.2f}" in page.url
    page.goto(f"{page.url.split('?')[0]}?id=1&t=31.5&lead=II")
    page.locator("#verdict", has_text="analysable").wait_for(timeout=60_000)
    assert shown(page)[0] == pytest.approx(31.5, abs=0.01)


def test_annotations_are_added_moved_regraded_deleted_and_undone(page, tmp_path):
    open_scored(page)
    before = marks(page)
    assert {mark[-1] for mark in before} == {"model"}
    box = page.locator("#leads").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 40, steps=5)
    page.mouse.up()
    assert " ms, " in page.locator("#cursor").inner_text()
    assert " bpm, " in page.locator("#cursor").inner_text()
    page.keyboard.press("a")
    (made,) = set(marks(page)) - set(before)
    seconds = 10 / box["width"]
    assert (float(made[1]), float(made[2])) == pytest.approx((100 * seconds, 200 * seconds), abs=0.05)
    assert (made[0], made[3], made[5]) == ("I", "poor", "manual")
    page.keyboard.press("g")
    assert (set(marks(page)) - set(before)).pop()[3] == "unusable"
    page.mouse.move(box["x"] + 300, box["y"] + 40)
    page.keyboard.press("]")
    assert float((set(marks(page)) - set(before)).pop()[2]) == pytest.approx(300 * seconds, abs=0.05)
    page.mouse.move(box["x"] + 150, box["y"] + 40)
    page.keyboard.press("[")
    moved = (set(marks(page)) - set(before)).pop()
    assert float(moved[1]) == pytest.approx(150 * seconds, abs=0.05)
    page.keyboard.press("Delete")
    assert marks(page) == before
    page.keyboard.press("u")
    assert set(marks(page)) - set(before) == {moved}
    for _ in range(4):
        page.get_by_role("button", name="Undo").click()
    assert marks(page) == before
    page.keyboard.press("n")
    page.keyboard.press("Delete")
    page.wait_for_timeout(400)
    kept = json.loads((tmp_path / "noisy.annotations.json").read_text())
    assert len(kept["annotations"]) == len(before) - 1
    page.reload()
    page.locator("#spans tbody tr").first.wait_for(state="attached", timeout=60_000)
    assert len(marks(page)) == len(before) - 1


def test_filters_that_would_do_nothing_cannot_be_chosen(page, monkeypatch):
    monkeypatch.setattr("ecgnoise.viewer.app.LONGEST_SECONDS", 30.0)
    open_scored(page)
    box, why = page.get_by_label("0.5 Hz"), page.locator("#filters-why")
    box.check()
    for _ in range(6):
        page.get_by_role("button", name="Zoom out").click()
    assert box.is_disabled()
    assert why.inner_text() == ", in views up to 0.5 min"
    for _ in range(6):
        page.get_by_role("button", name="Zoom in").click()
    assert box.is_enabled()
    assert why.inner_text() == ""


def test_annotations_are_downloaded(page):
    open_scored(page)
    with page.expect_download() as found:
        page.get_by_role("link", name="json").click()
    content = json.loads(found.value.path().read_text())
    assert found.value.suggested_filename == "noisy.json"
    assert {entry["lead"] for entry in content["intervals"]} == {"II"}


def test_the_overview_and_buttons_do_what_keys_do(page):
    open_scored(page)
    box = page.locator("#overview").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
    assert shown(page) == pytest.approx([25, 35], abs=0.1)
    page.get_by_role("button", name="Zoom out").click()
    assert shown(page) == pytest.approx([20, 40], abs=0.1)
    page.get_by_label("40 Hz").check()
    page.get_by_label("mm/mV").select_option("20")
    shown(page)
    page.get_by_role("button", name="Keys").click()
    assert page.locator("#keys").get_by_text("to the next annotated noise").is_visible()


def test_a_file_is_uploaded_and_a_bad_one_is_a_line(page, tmp_path):
    np.savez(tmp_path / "new.npz", signal=simulate_ecg(12, 250).signal[:1], sampling_frequency=250, units="mV")
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 cut off")
    page.locator("#file").set_input_files(tmp_path / "new.npz")
    page.locator("#verdict", has_text="analysable").wait_for(timeout=60_000)
    assert page.locator("#name").inner_text() == "new"
    page.get_by_role("button", name="ecgnoise").click()
    page.locator("#file").set_input_files(tmp_path / "bad.npz")
    page.locator("#problem", has_text="bad.npz").wait_for(timeout=10_000)
    assert len(page.locator("#problem").inner_text().splitlines()) == 1
    page.get_by_role("button", name="clean", exact=True).click()
    page.locator("#verdict", has_text="analysable").wait_for(timeout=60_000)


def test_the_list_is_sorted_with_small_pictures(page):
    open_scored(page)
    page.get_by_role("button", name="ecgnoise").click()
    rows = page.locator("#recordings tbody tr")
    rows.nth(0).get_by_role("img", name="worst grade: ").wait_for()
    assert rows.nth(0).locator("button").inner_text() == "noisy"
    assert rows.nth(1).get_by_text("not scored yet").is_visible()
    page.get_by_role("button", name="recording", exact=True).click()
    assert rows.nth(0).locator("button").inner_text() == "clean"


@pytest.mark.parametrize("page", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True)
def test_the_page_is_accessible(page):
    assert violations_of(page) == []
    open_scored(page)
    assert violations_of(page) == []
    page.keyboard.press("?")
    assert violations_of(page) == []


def violations_of(page):
    page.wait_for_timeout(200)
    return violations(page)


@pytest.mark.parametrize("page", [{"viewport": {"width": 390, "height": 800}, "has_touch": True}], indirect=True)
def test_a_narrow_screen_has_no_sideways_scroll(page):
    open_scored(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 392


def test_a_port_that_is_taken_is_named():
    from ecgnoise.errors import OutputError

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OutputError, match=f"127.0.0.1:{port}: cannot listen there"):
            listening_socket("127.0.0.1", port)


@pytest.mark.slow
def test_a_day_of_twelve_leads_is_shown_soon(browser, tmp_path):
    """The first hour without anything kept, in less than reading that hour takes ten times; then a day, kept."""
    from ecgnoise import Recording
    from ecgnoise.samples import Signal

    class Day:
        shape = (12, 24 * 3600 * 250)

        def window(self, start: int, stop: int) -> Signal:
            times = np.arange(start, stop, dtype=np.float32) % 250
            return np.tile(np.maximum(0, 1 - np.abs(times - 100) / 10), (12, 1)).astype(np.float32)

    from ecgnoise.viewer.pyramid import Pyramid

    recording = Recording(Day(), 250, tuple(map(str, range(12))))
    fresh = Pyramid(recording, tmp_path, "a day")
    began = time.perf_counter()
    recording.window(0, 3600 * 250)
    reading = time.perf_counter() - began
    began = time.perf_counter()
    fresh.view(0, 200, 1000)
    assert time.perf_counter() - began < max(1.0, 10 * reading)
    fresh.make()
    kept = Pyramid(recording, tmp_path, "a day")
    kept.make()
    for start, stop in ((0, 86400), (0, 3600), (40_000, 43_600), (100, 110)):
        began = time.perf_counter()
        kept.view(start, stop, 1200)
        assert time.perf_counter() - began < max(0.5, 2 * reading), (start, stop)
