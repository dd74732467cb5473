"""Pictures of pages in these docs: ``python docs/make_screenshots.py``. Needs Chromium and the extra ``test``."""

import sys
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import uvicorn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browser import open_browser  # noqa: E402
from ecgnoise import Quantifier, Result, add_noise, simulate_ecg, write_report  # noqa: E402
from ecgnoise.readers import ReadOptions  # noqa: E402
from ecgnoise.simulate import NoiseKind  # noqa: E402
from ecgnoise.viewer import listening_socket  # noqa: E402
from ecgnoise.viewer.app import make_app, new_token  # noqa: E402
from ecgnoise.viewer.library import Library  # noqa: E402

IMAGES = Path(__file__).parent / "images"


def simulated_archive() -> list[Result]:
    """Forty recordings of twelve leads, some of them with noise."""
    quantifier = Quantifier()
    kinds = (NoiseKind.MUSCLE, NoiseKind.BASELINE_WANDER, NoiseKind.MOTION_BURSTS, NoiseKind.MAINS_50)
    results = []
    for seed in range(40):
        recording = simulate_ecg(10, 250, seed=seed)
        for turn in range(seed % 4):
            lead = recording.lead_names[(5 * seed + 3 * turn) % 12]
            recording = add_noise(recording, kinds[(seed + turn) % 4], 15.0 - seed, seed=seed, leads=[lead])
        results.append(quantifier.quantify(recording))
    return results


def show_viewer(browser: Any, folder: Path) -> None:
    """The example in the viewer, an annotation chosen."""
    example = files("ecgnoise") / "example"
    for part in example.iterdir():
        (folder / part.name).write_bytes(part.read_bytes())
    library = Library(Quantifier, ReadOptions(), cache=None, corrections=folder)
    library.add_place(folder / "example.hea")
    token = new_token()
    app = make_app(library, token, frozenset({"127.0.0.1"}), folder)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    with listening_socket("127.0.0.1", 0) as listening:
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        page = browser.new_page(viewport={"width": 1200, "height": 860}, color_scheme="light")
        page.goto(f"http://127.0.0.1:{listening.getsockname()[1]}/{token}/")
        page.locator("#verdict", has_text="analysable").wait_for(timeout=60_000)
        page.locator("#spans tbody tr").first.wait_for(state="attached")
        page.keyboard.press("n")
        page.wait_for_timeout(800)
        page.screenshot(path=IMAGES / "viewer.png")
        page.close()
        server.should_exit = True
        thread.join()
    library.close()


def main() -> None:
    """Write the pages, and take their pictures."""
    with TemporaryDirectory() as folder, open_browser() as browser:
        place = Path(folder) / "report.html"
        write_report(simulated_archive(), place, title="Noise of the ECG in a simulated archive")
        page = browser.new_page(viewport={"width": 1000, "height": 900}, color_scheme="light")
        page.goto(f"file://{place}")
        page.screenshot(path=IMAGES / "report.png")
        show_viewer(browser, Path(folder))


if __name__ == "__main__":
    main()
