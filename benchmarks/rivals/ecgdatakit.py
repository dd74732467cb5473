"""ECGDataKit (Apache 2.0; read at 2.0.3): its signal quality index, 0..1, and its estimate of the SNR in dB.

On the lead as it is; no unit matters. It wants whole sampling frequencies.
"""

from typing import Final

import numpy as np

from benchmarks.rivals.contract import Array, checked, quiet, whole

LARGEST_DB: Final = 60.0


def signal_quality(lead: Array, sampling_frequency: float) -> float:
    """Mean of its four indices; ValueError for missing samples."""
    with quiet():
        from ecgdatakit.processing.quality import signal_quality_index

        return float(signal_quality_index(np.array(lead, np.float64), fs=whole(sampling_frequency)))


def estimated_snr(lead: Array, sampling_frequency: float) -> float:
    """Its ``snr_estimate``: power from 1 to 40 Hz over what lies above 100 Hz, within 60 dB; NaN up to 200 Hz."""
    with quiet():
        from ecgdatakit.processing.quality import snr_estimate

        snr = float(snr_estimate(checked(lead).copy(), fs=whole(sampling_frequency)))
    return float(np.clip(snr, -LARGEST_DB, LARGEST_DB))


RIVALS: Final = {"ecgdatakit_sqi": signal_quality, "ecgdatakit_snr": estimated_snr}
PACKAGES: Final = dict.fromkeys(RIVALS, ("ecgdatakit",))
