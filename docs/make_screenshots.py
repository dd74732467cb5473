"""Pictures of pages in these docs: ``python docs/make_screenshots.py``. Needs Chromium and the extra ``test``."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browser import open_browser  # noqa: E402
from ecgnoise import Quantifier, Result, add_noise, simulate_ecg, write_report  # noqa: E402
from ecgnoise.simulate import NoiseKind  # noqa: E402

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


def main() -> None:
    """Write the pages, and take their pictures."""
    with TemporaryDirectory() as folder, open_browser() as browser:
        place = Path(folder) / "report.html"
        write_report(simulated_archive(), place, title="Noise of the ECG in a simulated archive")
        page = browser.new_page(viewport={"width": 1000, "height": 900}, color_scheme="light")
        page.goto(f"file://{place}")
        page.screenshot(path=IMAGES / "report.png")


if __name__ == "__main__":
    main()
