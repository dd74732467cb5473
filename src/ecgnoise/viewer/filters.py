"""Filters for looking only: scores and files do not see them."""

from typing import Final

import numpy as np

from ecgnoise.errors import OptionError
from ecgnoise.viewer.library import Opened
from ecgnoise.viewer.pyramid import View, stepped_columns

FILTERS: Final = ("high-pass", "low-pass", "50 Hz", "60 Hz")
HIGH_PASS: Final = 0.5
LOW_PASS: Final = 40.0
NOTCH_QUALITY: Final = 20.0
EDGE_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 120.0
ORDER: Final = 2


def filtered_view(opened: Opened, start: float, stop: float, columns: int, wanted: frozenset[str]) -> View:
    """What is between two times, with filters where they are asked for and at most two minutes are shown.

    Butterworth filters of order 2 and notches, forward and backward, so that nothing is shifted. OptionError for
    another filter.
    """
    unknown = wanted - set(FILTERS)
    if unknown:
        raise OptionError(f"filter {min(unknown)!r:.40} is none of {', '.join(FILTERS)}")
    if not wanted or stop - start > LONGEST_SECONDS:
        return opened.pyramid.view(start, stop, columns)
    from scipy import signal as sps

    recording = opened.recording
    frequency, samples = recording.sampling_frequency, recording.samples.shape[1]
    first = max(0, round((start - EDGE_SECONDS) * frequency))
    behind = min(samples, round((stop + EDGE_SECONDS) * frequency))
    block = recording.window(first, behind).astype(np.float64)
    missing = ~np.isfinite(block)
    block = np.where(missing, 0.0, block)
    for section in _sections(wanted, frequency):
        if block.shape[1] > 3 * (2 * len(section) + 1):
            block = sps.sosfiltfilt(section, block, axis=1)
    shown = np.where(missing, np.nan, block).astype(np.float32)
    edges = np.round(np.linspace(start, stop, columns + 1) * frequency).astype(np.int64) - first
    return stepped_columns(shown, np.clip(edges, 0, shown.shape[1]))


def possible_filters(frequency: float) -> list[str]:
    """Those that a sampling frequency in Hz leaves something to do."""
    return [name for name in FILTERS if _sections(frozenset({name}), frequency)]


def _sections(wanted: frozenset[str], frequency: float) -> list[np.ndarray]:
    """Second-order sections of each filter; those above half the sampling frequency are left out."""
    from scipy import signal as sps

    made = []
    if "high-pass" in wanted:
        made.append(sps.butter(ORDER, HIGH_PASS, "highpass", fs=frequency, output="sos"))
    if "low-pass" in wanted and frequency > 2 * LOW_PASS:
        made.append(sps.butter(ORDER, LOW_PASS, "lowpass", fs=frequency, output="sos"))
    for name, mains in (("50 Hz", 50.0), ("60 Hz", 60.0)):
        if name in wanted and mains < frequency / 2:
            made.append(sps.tf2sos(*sps.iirnotch(mains, NOTCH_QUALITY, fs=frequency)))
    return made
