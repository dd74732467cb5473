"""The page of a stream: the last minute, shaded as the results say."""

import os
import re
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from starlette.testclient import TestClient

import ecgnoise
from browser import needs_browser, open_browser, violations
from ecgnoise import Quantifier, Stream, simulate_ecg
from ecgnoise.simulate import NoiseKind, add_noise
from ecgnoise.viewer import shown_live
from ecgnoise.viewer.app import make_live_app
from ecgnoise.viewer.live import SHOWN_SECONDS, STATES_PER_SECOND, Live
from ecgnoise.viewer.states import STATES, UNKNOWN

NAMES = ("I", "II")


@pytest.fixture(scope="module")
def ecg():
    """90 s, with noise in lead II from 40 s on."""
    clean = simulate_ecg(90, 250, seed=2, lead_names=NAMES)
    noisy = add_noise(clean, NoiseKind.MUSCLE, -9.0, leads=["II"]).signal.copy()
    noisy[:, : 40 * 250] = clean.signal[:, : 40 * 250]
    return noisy


def streamed(ecg, seconds):
    """What is shown after so many seconds in uneven chunks."""
    live, stream = Live(NAMES, 250.0, "mV"), Stream(250, NAMES, 1.0, quantifier=Quantifier(threads=1))
    edges = np.unique(np.minimum(np.arange(0, seconds * 250 + 777, 777), seconds * 250))
    for first, last in pairwise(edges):
        live.add(ecg[:, first:last])
        for result in stream.push(ecg[:, first:last]):
            live.add_result(result)
    return live


def test_nothing_is_known_before_anything_has_come():
    live = Live(NAMES, 250.0, "mV")
    view, stop = live.samples(100)
    assert stop == 0
    assert (view.low == -32768).all()
    assert (live.states() == UNKNOWN).all()
    assert live.described()["instant"] == []


def test_chunks_of_any_size_are_taken():
    live = Live(("I", "II", "III"), 100.0, "uV")
    for count in (1, 0, 2, 500):
        live.add(np.full((3, count), 1000.0))
    view, stop = live.samples(6000)
    assert stop == 5.03
    shown = view.high[:, -503:] * view.scale[:, None]
    np.testing.assert_allclose(shown, 1.0, rtol=1e-3)
    assert (view.high[:, :-503] == -32768).all()


def test_the_last_minute_is_shown_and_no_more(ecg):
    live = streamed(ecg, 80)
    view, stop = live.samples(15_000)
    assert stop == 80
    np.testing.assert_allclose(
        view.low * view.scale[:, None], ecg[:, 20 * 250 : 80 * 250], atol=float(view.scale.max())
    )
    states = live.states()
    assert states.shape == (2, SHOWN_SECONDS * STATES_PER_SECOND)
    good, unusable = STATES.index("good"), STATES.index("unusable")
    times = 20 + (np.arange(600) + 0.5) / 10
    assert (states[0] <= good + 1).all()
    assert (states[1, times < 38] <= good + 1).all()
    assert (states[1, times > 43] >= unusable - 1).all()
    assert live.described()["instant"][1]["kind"] == "muscle"


def test_what_has_not_come_yet_is_not_shaded(ecg):
    states = streamed(ecg, 15).states()
    assert (states[:, : 600 - 150] == UNKNOWN).all()
    assert (states[:, 600 - 150 :] != UNKNOWN).all()


def test_the_server_answers_with_it(ecg):
    live = streamed(ecg, 12)
    client = TestClient(make_live_app(live, "token", frozenset({"127.0.0.1"})), base_url="http://127.0.0.1:1")
    assert "static/live.js" in client.get("/token/").text
    found = client.get("/token/api/live").json()
    assert (found["leads"], found["seconds"]) == (list(NAMES), 12.0)
    answer = client.get("/token/api/live/samples?columns=300")
    assert float(answer.headers["x-stop"]) == 12
    assert len(answer.content) == 2 * 4 + 2 * 2 * 300 * 2
    assert len(client.get("/token/api/live/states").content) == 2 * 600
    assert client.get("/token/api/live", headers={"host": "evil.example"}).status_code == 403
    assert client.get("/api/live").status_code == 404


def test_the_program_shows_what_it_is_given(ecg):
    environment = os.environ | {"PYTHONPATH": str(Path(ecgnoise.__file__).parents[1])}
    arguments = ["--sampling-frequency", "250", "--leads", "I,II", "--units", "mV", "--format", "float32"]
    process = subprocess.Popen(
        [sys.executable, "-m", "ecgnoise", "stream", *arguments, "--view", "--no-browser"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    address = re.fullmatch(rb"shown at (http://127\.0\.0\.1:\d+/\S+/)\n", process.stderr.readline())[1].decode()
    process.stdin.write(np.ascontiguousarray(ecg[:, :3000].T, "<f4").tobytes())
    process.stdin.flush()
    assert process.stdout.readline().startswith(b"{")
    for _ in range(100):
        with urlopen(f"{address}api/live") as answer:
            found = answer.read()
        if b"analysable" in found:
            break
        time.sleep(0.05)
    assert b"analysable" in found
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")


@needs_browser
def test_the_page_scrolls_with_the_stream(ecg):
    live = streamed(ecg, 50)
    with shown_live(live, open_browser=False) as address, open_browser() as browser:
        page = browser.new_page()
        said = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        page.locator("#verdict", has_text="analysable").wait_for(timeout=20_000)
        assert page.locator("body").get_attribute("data-shown") == "50"
        assert "muscle" in page.locator("#panel").inner_text()
        live.add(ecg[:, 50 * 250 : 51 * 250])
        page.locator("body[data-shown='51']").wait_for(timeout=10_000)
        assert violations(page) == []
        page.close()
    assert said == []
