"""Samples at all scales: what is shown holds every sample, wherever it is read from."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgnoise import Recording
from ecgnoise.viewer import pyramid
from ecgnoise.viewer.pyramid import FINEST, MISSING, Pyramid


def recording_of(samples, leads=2, seed=0, missing=0.0):
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(leads, samples)).astype(np.float32) * np.array([[1.0], [1000.0]])[:leads]
    signal[rng.random(signal.shape) < missing] = np.nan
    return Recording.from_array(signal, 100)


def values(view):
    low, high = (
        np.where(steps == MISSING, np.nan, steps * view.scale[:, None].astype(float)) for steps in (view.low, view.high)
    )
    return low, high


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(2, 40_000),
    first=st.floats(0, 0.95),
    share=st.floats(0.001, 1),
    columns=st.integers(1, 600),
    missing=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_each_column_holds_its_samples_and_few_others(samples, first, share, columns, missing):
    recording = recording_of(samples, missing=missing)
    made = Pyramid(recording, None, "")
    made.make()
    start = first * recording.duration
    stop = start + share * (recording.duration - start)
    low, high = values(made.view(start, stop, columns))
    edges = np.clip(np.round(np.linspace(start, stop, columns + 1) * 100), 0, samples).astype(int)
    signal = recording.signal
    step = made.view(start, stop, columns).scale[:, None]
    wide = (edges[-1] - edges[0]) / columns >= FINEST
    for column, (left, right) in enumerate(pairwise(edges)):
        part = signal[:, left:right]
        there = np.isfinite(part).any(axis=1)
        below = np.where(there, np.nanmin(np.where(np.isnan(part), np.inf, part), axis=1, initial=np.inf), np.inf)
        above = np.where(there, np.nanmax(np.where(np.isnan(part), -np.inf, part), axis=1, initial=-np.inf), -np.inf)
        assert np.all(np.isfinite(low[there, column]))
        assert np.all(low[there, column] <= below[there] + step[there, 0])
        assert np.all(high[there, column] >= above[there] - step[there, 0])
        if not wide:
            assert np.all(np.isnan(low[~there, column]))
            np.testing.assert_allclose(low[there, column], below[there], atol=float(step.max()))
    assert np.nanmax(high, initial=-np.inf) <= np.nanmax(np.where(np.isnan(signal), -np.inf, signal)) + step.max()


def test_levels_are_kept_and_dropped_when_the_file_changes(tmp_path, monkeypatch):
    recording = recording_of(50_000)
    first = Pyramid(recording, tmp_path, "a file of one time")
    first.make()
    (kept,) = tmp_path.iterdir()
    reads = []
    monkeypatch.setattr(
        Recording, "window", lambda self, start, stop: reads.append(1) or self.samples.window(start, stop)
    )
    again = Pyramid(recording, tmp_path, "a file of one time")
    again.make()
    assert reads == []
    assert again.share == 1
    for one, other in zip(values(first.view(0, 500, 50)), values(again.view(0, 500, 50)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=0.2)
    Pyramid(recording, tmp_path, "a file of another time").make()
    assert reads
    kept.write_bytes(b"PK\x03\x04 damaged")
    damaged = Pyramid(recording, tmp_path, "a file of one time")
    damaged.make()
    assert damaged.share == 1


def test_it_can_be_looked_at_while_it_is_made(monkeypatch):
    monkeypatch.setattr(pyramid, "SAMPLES_AT_ONCE", 2 * 6400)
    monkeypatch.setattr(pyramid, "MOST_READ", 0)
    recording = recording_of(20_000)
    made = Pyramid(recording, None, "")
    seen = []
    window = Recording.window

    def watched(self, start, stop):
        seen.append((made.share, np.isfinite(values(made.view(0, 200, 20))[0]).mean()))
        return window(self, start, stop)

    monkeypatch.setattr(Recording, "window", watched)
    made.make()
    shares = [share for share, _ in seen]
    assert shares == pytest.approx([0, 0.32, 0.64, 0.96])
    assert [known for _, known in seen] == pytest.approx(shares, abs=0.06)


def test_a_stretch_that_no_level_has_yet_is_read(monkeypatch):
    monkeypatch.setattr(pyramid, "SAMPLES_AT_ONCE", 5000)
    recording = recording_of(100_000)
    fresh, made = Pyramid(recording, None, ""), Pyramid(recording, None, "")
    made.make()
    for start, stop, columns in ((0, 1000, 100), (300, 900, 57), (0, 1000, 1)):
        (low, high), (coarse_low, coarse_high) = (
            values(fresh.view(start, stop, columns)),
            values(made.view(start, stop, columns)),
        )
        assert np.all(coarse_low <= low + 0.2)
        assert np.all(coarse_high >= high - 0.2)
        edges = np.round(np.linspace(start, stop, columns + 1) * 100).astype(int)
        expected = np.minimum.reduceat(recording.signal, edges[:-1], axis=1) if edges[-1] == 100_000 else None
        if expected is not None:
            np.testing.assert_allclose(low, expected, atol=0.2)


def test_making_ends_when_it_is_told(monkeypatch):
    recording = recording_of(50_000)
    made = Pyramid(recording, None, "")
    made.stop()
    made.make()
    assert made.share == 0
