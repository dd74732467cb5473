"""biosqi (MIT licence; read at 0.1.0): eight signal quality indices, fused by its own logistic model, 0..1.

Its score before calibration, of the lead as one window; the calibrated one has many ties. What its command line, mask
and report tell of a window is this score, calibrated and asked whether it is 0.5 or more. No unit matters.

Its default model was fitted to the labels of Challenge 2011, set-a: there it has seen what it is measured on.
"""

from typing import Final

import numpy as np

from benchmarks.rivals.contract import Array, quiet


def quality(lead: Array, sampling_frequency: float) -> float:
    """Fused score of the lead; ValueError for missing samples, of which it makes an indicator."""
    if not np.isfinite(lead).all():
        raise ValueError("samples that are not numbers")
    with quiet():
        from biosqi import Recording, SignalType, analyze

        recording = Recording(np.array(lead, np.float64), float(sampling_frequency), signal_type=SignalType.ECG)
        seconds = len(lead) / sampling_frequency
        return float(analyze(recording, window_seconds=seconds, step_seconds=seconds).windows[0].score)


RIVALS: Final = {"biosqi": quality}
PACKAGES: Final = {"biosqi": ("biosqi", "sklearn")}
