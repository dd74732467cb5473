"""Rivals that also say where in a lead the noise is: qualities at equal steps from its start to its end, high is clean.

``neurokit_templatematch`` gives one for each sample. ``wiener_snr`` has its SNR curve: power of the estimated ECG of
the lead over that of all else under a Hann window of 1 s. ``biosqi`` scores windows of 2 s, one each half second.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from benchmarks.rivals import neurokit, wiener
from benchmarks.rivals.contract import Array, checked, quiet

LocalRival = Callable[[Array, float], Array]
CURVE_SECONDS: Final = 1.0
BIOSQI_SECONDS, BIOSQI_STEP = 2.0, 0.5


def template_match(lead: Array, sampling_frequency: float) -> Array:
    """NeuroKit2's correlation with the mean beat at each sample, (samples,)."""
    return np.asarray(neurokit.quality(lead, sampling_frequency, "templatematch"), np.float64)


def wiener_curve(lead: Array, sampling_frequency: float) -> Array:
    """Local SNR in dB at each sample at 500 Hz, (samples,)."""
    with quiet():
        ecg, noise = wiener.separated(checked(lead), sampling_frequency)
        window = np.hanning(round(CURVE_SECONDS * wiener.RATE))
        half = len(window) // 2
        power = np.convolve(np.pad(noise**2, half, mode="reflect"), window / window.sum(), mode="same")[half:-half]
        return np.asarray(10 * np.log10(np.var(ecg) / np.maximum(power, np.finfo(float).tiny)))


def biosqi_windows(lead: Array, sampling_frequency: float) -> Array:
    """Fused score of each window, the first and the last held to the ends, (steps,)."""
    with quiet():
        from biosqi import Recording, SignalType, analyze

        recording = Recording(checked(lead), float(sampling_frequency), signal_type=SignalType.ECG)
        found = analyze(
            recording, window_seconds=BIOSQI_SECONDS, step_seconds=BIOSQI_STEP, include_partial=False
        ).windows
        middles = [(window.start_seconds + window.stop_seconds) / 2 for window in found]
        steps = np.arange(BIOSQI_STEP / 2, recording.duration, BIOSQI_STEP)
        return np.interp(steps, middles, [window.score for window in found])


LOCAL: Final[dict[str, LocalRival]] = {
    "neurokit_templatematch": template_match,
    "wiener_snr": wiener_curve,
    "biosqi": biosqi_windows,
}
