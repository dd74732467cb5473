"""ECGDataKit's signal quality index (Apache 2.0; read at 2.0.3): kurtosis, power ratio, regularity, baseline; 0..1.

On the lead as it is; no unit matters. It wants whole sampling frequencies.
"""

from typing import Final

import numpy as np

from benchmarks.rivals.contract import Array, quiet, whole


def signal_quality(lead: Array, sampling_frequency: float) -> float:
    """Mean of its four indices; ValueError for missing samples."""
    with quiet():
        from ecgdatakit.processing.quality import signal_quality_index

        return float(signal_quality_index(np.array(lead, np.float64), fs=whole(sampling_frequency)))


RIVALS: Final = {"ecgdatakit_sqi": signal_quality}
PACKAGES: Final = {"ecgdatakit_sqi": ("ecgdatakit",)}
