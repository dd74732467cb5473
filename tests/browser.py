"""Chromium for tests of pages, where it is installed; they are skipped with a word where it is not."""

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium")


@contextmanager
def open_browser():
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as programs:
        browser = programs.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(browser, address, **settings):
    """A page that says nothing in its console and asks no other host for anything."""
    context = browser.new_context(**settings)
    said, asked = [], []
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    own = address.split("/")[2]
    page.goto(address)
    yield page
    context.close()
    assert said == []
    assert {url for url in asked if not url.startswith(("data:", "blob:")) and url.split("/")[2] != own} == set()


def violations(page):
    """What axe finds against the rules of accessibility."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [(entry["id"], [node["html"][:120] for node in entry["nodes"]]) for entry in found]
