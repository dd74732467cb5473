"""ecg-integrity (MIT licence; read at 0.1.0): seven detectors of faults with penalties and caps, 0..1.

Needs mV. Mains at 60 Hz, its default; nothing tells it where a recording was made.
"""

from typing import Final

import numpy as np

from benchmarks.rivals.contract import Array, quiet


def integrity(lead: Array, sampling_frequency: float) -> float:
    """Score of a record of this one lead, before rounding; ValueError for missing samples, which it calls perfect."""
    if not np.isfinite(lead).all():
        raise ValueError("samples that are not numbers")
    with quiet():
        from ecg_integrity import aggregate_results, run_detectors

        found = run_detectors(np.array(lead, np.float64), fs=float(sampling_frequency))
        return float(aggregate_results({"lead": found}).per_lead_scores["lead"].score)


RIVALS: Final = {"ecg_integrity": integrity}
PACKAGES: Final = {"ecg_integrity": ("ecg_integrity",)}
