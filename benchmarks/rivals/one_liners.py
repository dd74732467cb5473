"""Two one-line scores that any clever score must beat on its own kind of noise.

ValueError for missing samples, a lead without variation, or a sampling frequency too low for the bands.
"""

from typing import Final

import numpy as np
from scipy import signal as sps

from benchmarks.rivals.contract import Array, checked

WINDOW: Final = 0.1
QUIETEST: Final = 0.2
SILENCE: Final = 1e-4


def quiet_high_frequencies(lead: Array, sampling_frequency: float) -> float:
    """Minus log10 of the RMS in mV above 40 Hz in the quietest fifth of windows of 100 ms: static noise.

    At least 0.1 uV, so that digital silence has a number. Needs mV and more than 80 Hz.
    """
    sections = sps.butter(4, 40.0, "highpass", fs=sampling_frequency, output="sos")
    fast = sps.sosfiltfilt(sections, checked(lead))
    width = max(1, round(WINDOW * sampling_frequency))
    power = np.sort((fast[: len(fast) // width * width].reshape(-1, width) ** 2).mean(axis=1))
    quietest = power[: max(1, round(QUIETEST * len(power)))]
    return -float(np.log10(max(SILENCE, np.sqrt(quietest.mean()))))


def small_drift(lead: Array, sampling_frequency: float) -> float:
    """Minus log10 of the standard deviation below 0.5 Hz over the RMS from 5 to 25 Hz: baseline drift."""
    centred = checked(lead) - np.mean(lead)
    slow = sps.sosfiltfilt(sps.butter(2, 0.5, "lowpass", fs=sampling_frequency, output="sos"), centred)
    beats = sps.sosfiltfilt(sps.butter(2, (5.0, 25.0), "bandpass", fs=sampling_frequency, output="sos"), centred)
    return -float(np.log10(slow.std() / np.sqrt(np.mean(beats**2))))


RIVALS: Final = {"rms_above_40_hz": quiet_high_frequencies, "drift_below_half_hz": small_drift}
PACKAGES: Final[dict[str, tuple[str, ...]]] = {}
