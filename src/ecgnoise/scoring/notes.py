"""Notes on a recording that only its scoring finds: units that cannot be right, and leads that are cut off."""

from typing import Final

import numpy as np

from ecgnoise.recording import Recording
from ecgnoise.scoring.accumulator import Accumulator

NOTED_SHARE: Final = 0.01
# What an implausible unit means for the score, where levels are relative to the lead's own beats and where not.
DOUBTED: Final = {
    True: "a wrong unit costs up to 2 dB, or nothing where the R peaks are below 16 uV or above 80 mV",
    False: "the score depends on it: pass the right unit",
}


def doubts(found: Accumulator, recording: Recording, *, relative: bool) -> list[str]:
    """A note on leads of which most segments have a QRS level that no ECG has; relative: whether the profile is so."""
    doubtful, scored = np.isfinite(found.doubtful_peak), np.isfinite(found.psnr)
    leads = np.flatnonzero(2 * (doubtful & scored).sum(axis=1) > scored.sum(axis=1))
    if not len(leads):
        return []
    heights = [float(np.nanmedian(found.doubtful_peak[lead])) for lead in leads]
    low, high = shown_height(min(heights)), shown_height(max(heights))
    between = low if low == high else f"{low} to {high}"
    names = ", ".join(recording.lead_names[lead] for lead in leads)
    return [f"R peaks of {between} in {names}: no ECG has such, is the unit right? {DOUBTED[relative]}"]


def clipping(found: Accumulator, recording: Recording) -> list[str]:
    """A note on leads of which a hundredth or more of the segments that are not faulty is at a rail."""
    without = found.fault == ""
    shares = np.where(without, found.railed, 0.0).sum(axis=1) / without.sum(axis=1).clip(1)
    leads = np.flatnonzero(shares >= NOTED_SHARE)
    if not len(leads):
        return []
    told = ", ".join(f"{100 * shares[lead]:.0f} % of {recording.lead_names[lead]}" for lead in leads)
    return [f"clipped for {told}: the signal is cut off at its largest or smallest value there"]


def shown_height(millivolts: float) -> str:
    """A height in the unit in which it is a number of few digits."""
    if millivolts >= 1000:
        return f"{millivolts / 1000:.3g} V"
    return f"{millivolts:.3g} mV" if millivolts >= 1 else f"{millivolts * 1000:.3g} uV"
