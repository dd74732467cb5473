"""Whether memory stays the same while somebody looks around: ``python -m benchmarks.panning [--minutes M]``.

A simulated recording of a day is written as EDF and shown by ``ecgnoise view``. Once it is scored, Chromium pages,
zooms and jumps through it with the keys of the page, some times a second. Each minute the resident memory of the server
and the JavaScript heap of the page, garbage collected, are taken, and how long a page of the view took to be drawn.
The figures go to ``benchmarks/results/panning.json``. Needs Chromium and the package ``playwright``.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.long_recordings import write_edf
from benchmarks.machine import keep

FREQUENCY = 250
KEYS = (
    "PageDown",
    "PageDown",
    "-",
    "PageDown",
    "n",
    "+",
    "PageUp",
    "End",
    "PageUp",
    "-",
    "-",
    "PageDown",
    "+",
    "Home",
    "+",
    "n",
)
MB = 1e6
DRAWN = "() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
SETTLE_MINUTES = 2  # after which memory should not grow any more
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--js-flags=--expose-gc",
             "--enable-precise-memory-info")  # fmt: skip
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def shown(path: Path) -> Iterator[tuple[int, str]]:
    """A viewer of a recording: its process and its address."""
    command = [sys.executable, "-m", "ecgnoise", "view", str(path), "--no-browser", "--no-cache"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    if found is None:
        raise SystemExit("ecgnoise view gave no address")
    try:
        yield process.pid, found[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def resident(process: int) -> float:
    """Resident memory of a process in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def heap(page: Any) -> float:
    """The JavaScript heap of a page in MB, after its garbage is collected."""
    return float(page.evaluate("() => { gc(); return performance.memory.usedJSHeapSize; }")) / MB


class Looks:
    """Looks at a recording by the keys of a page, and how long each took."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._asked = self._answered = 0
        page.on("request", lambda _: self._count(asked=1))
        page.on("requestfinished", lambda _: self._count(answered=1))
        page.on("requestfailed", lambda _: self._count(answered=1))

    def _count(self, asked: int = 0, answered: int = 0) -> None:
        self._asked += asked
        self._answered += answered

    def press(self, key: str) -> float:
        """How long a key takes until its part of the recording has come and is drawn, in ms."""
        began = time.perf_counter()
        self._page.keyboard.press(key)
        self._page.evaluate(DRAWN)
        while self._answered < self._asked:
            self._page.wait_for_timeout(1)
        self._page.evaluate(DRAWN)
        return 1000 * (time.perf_counter() - began)


def measure(address: str, process: int, minutes: float) -> dict[str, Any]:
    """Memory minute by minute, and how long looks took."""
    from playwright.sync_api import sync_playwright

    server, script, taken = [], [], []
    with sync_playwright() as programs:
        browser = programs.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(address)
        page.wait_for_function("() => document.getElementById('verdict').textContent.includes('analysable')", timeout=0)
        page.locator("#leads").click()
        looks, began = Looks(page), time.perf_counter()
        while (passed := time.perf_counter() - began) < 60 * minutes:
            if passed >= 60 * len(server):
                server.append(round(resident(process), 1))
                script.append(round(heap(page), 1))
                print(f"minute {len(server) - 1}: server {server[-1]} MB, page {script[-1]} MB", flush=True)
            taken.append(looks.press(KEYS[len(taken) % len(KEYS)]))
        server.append(round(resident(process), 1))
        script.append(round(heap(page), 1))
        browser.close()
    return {
        "minutes": minutes,
        "looks": len(taken),
        "look_ms": round(median(taken), 1),
        "look_95_ms": round(sorted(taken)[int(0.95 * len(taken))], 1),
        "server_mb": server,
        "page_mb": script,
        "server_settled_mb": server[min(SETTLE_MINUTES, len(server) - 1)],
        "server_last_mb": server[-1],
        "page_settled_mb": script[min(SETTLE_MINUTES, len(script) - 1)],
        "page_last_mb": script[-1],
    }


def main() -> None:
    """Simulate, look around, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0, help="length of the recording")
    parser.add_argument("--leads", type=int, default=3, help="how many leads")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long to look around")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = write_edf(Path(folder) / "long", round(arguments.hours * 3600), FREQUENCY, arguments.leads)
        size = round(path.stat().st_size / MB)
        with shown(path) as (process, address):
            figures = measure(address, process, arguments.minutes)
    print(figures)
    keep("panning", {"hours": arguments.hours, "leads": arguments.leads, "recording_mb": size, **figures})


if __name__ == "__main__":
    main()
