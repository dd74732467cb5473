"""MNE-Python: mark noisy ECG in a raw recording, and leave it out.

Run it as ``python examples/mne_annotations.py``; it needs ``pip install 'ecgnoise[mne]'``.
"""

import mne

import ecgnoise
from ecgnoise import NoiseKind, add_noise, mne_annotations

MILLIVOLTS_A_VOLT = 1e3


def simulated_raw() -> mne.io.BaseRaw:
    """A raw recording of 30 s with noise in V1; MNE keeps volts."""
    clean = ecgnoise.simulate_ecg(30, 250, lead_names=["II", "V1"])
    noisy = add_noise(clean, NoiseKind.MUSCLE, -20.0, leads=["V1"])
    info = mne.create_info(list(noisy.lead_names), noisy.sampling_frequency, "ecg")
    return mne.io.RawArray(noisy.signal.astype(float) / MILLIVOLTS_A_VOLT, info, verbose="error")


def marked(raw: mne.io.BaseRaw, grade: str = "poor") -> mne.io.BaseRaw:
    """The recording with ``BAD_noise`` where its ECG channels are of this grade or worse."""
    channels = mne.pick_types(raw.info, ecg=True)
    names = [raw.ch_names[channel] for channel in channels]
    result = ecgnoise.quantify(raw.get_data(channels), raw.info["sfreq"], units="V", lead_names=names)
    return raw.copy().set_annotations(raw.annotations + mne_annotations(result, grade))


if __name__ == "__main__":
    raw = marked(simulated_raw())
    print(raw.annotations.to_data_frame(time_format=None))
    print(f"{raw.get_data(reject_by_annotation='omit').shape[1] / raw.info['sfreq']:g} s without annotations")
