"""SNR in dB with a wavelet Wiener filter as the estimate of the ECG, after Smital et al.

Smital 2013  Smital, Vitek, Kozumplik and Provaznik, IEEE Trans Biomed Eng 60(2):437-445, 2013: the filter.
Smital 2020  Smital, Haider, Vitek, Leinveber, Jurak, Nemcova, Smisek, Marsanova, Provaznik, Felton, Gilbert and Floyer
             Holland, IEEE Trans Biomed Eng 67(10):2721-2734, 2020: the SNR from it, and 18 and 5 dB as its limits.

Undecimated wavelet transforms of four levels at 500 Hz, so that below 16 Hz everything passes. A first transform is cut
off at a threshold to a pilot estimate of the ECG; in a second one each coefficient is multiplied by u^2 / (u^2 + s^2),
u being the pilot's and s the deviation of the noise. What the filter takes away is noise, and so is what is slower than
0.67 Hz. Departures: one SNR of the lead where the papers have a curve; the threshold is 2.8 s everywhere; s is the
median size of coefficients in each second over 0.6745; wavelets db4 and sym4. ValueError for missing samples.
"""

from typing import Final

import numpy as np
from scipy import signal as sps

from benchmarks.rivals.contract import Array, checked, quiet, whole

RATE: Final = 500
LEVELS: Final = 4
PILOT_WAVELET, WIENER_WAVELET = "db4", "sym4"
THRESHOLD: Final = 2.8
OF_NORMAL: Final = 0.6745
DRIFT_HZ: Final = 0.67
LARGEST_DB: Final = 60.0


def at_500_hz(lead: Array, sampling_frequency: float) -> Array:
    """The lead at 500 Hz, as many whole seconds as it has."""
    rate = whole(sampling_frequency)
    resampled = lead if rate == RATE else sps.resample_poly(lead, RATE, rate)
    return np.asarray(resampled[: len(resampled) // RATE * RATE], np.float64)


def noise_deviation(coefficients: Array) -> Array:
    """Deviation of the noise at each coefficient, (samples,), by the second that it lies in."""
    seconds = np.abs(coefficients).reshape(-1, RATE)
    return np.repeat(np.median(seconds, axis=1) / OF_NORMAL, RATE)


def transformed(lead: Array, wavelet: str) -> Array:
    """Approximation and details of a lead, (levels + 1, samples); its length is brought to what the transform needs."""
    import pywt

    padding = -len(lead) % (1 << LEVELS)
    padded = np.pad(lead, (0, padding), mode="symmetric")
    return np.asarray(pywt.swt(padded, wavelet, LEVELS, trim_approx=True, norm=True))[:, : len(lead)]


def restored(coefficients: Array, wavelet: str) -> Array:
    """The lead of its coefficients, (samples,)."""
    import pywt

    padding = -coefficients.shape[1] % (1 << LEVELS)
    padded = np.pad(coefficients, ((0, 0), (0, padding)), mode="symmetric")
    return np.asarray(pywt.iswt(list(padded), wavelet, norm=True))[: coefficients.shape[1]]


def filtered(lead: Array) -> Array:
    """The filter's estimate of the ECG in a lead at 500 Hz."""
    pilot = transformed(lead, PILOT_WAVELET)
    for row in pilot[1:]:
        row[np.abs(row) < THRESHOLD * noise_deviation(row)] = 0.0
    guide = transformed(restored(pilot, PILOT_WAVELET), WIENER_WAVELET)
    found = transformed(lead, WIENER_WAVELET)
    for level in range(1, len(found)):
        of_pilot = guide[level] ** 2
        power = of_pilot + noise_deviation(found[level]) ** 2
        found[level] *= of_pilot / np.where(power > 0, power, 1.0)
    return restored(found, WIENER_WAVELET)


def separated(lead: Array, sampling_frequency: float) -> tuple[Array, Array]:
    """The estimated ECG of a lead and all else in it, each (samples,) at 500 Hz."""
    resampled = at_500_hz(lead, sampling_frequency)
    centred = resampled - resampled.mean()
    drift = sps.sosfiltfilt(sps.butter(2, DRIFT_HZ, "lowpass", fs=RATE, output="sos"), centred)
    ecg = filtered(centred - drift)
    return ecg, centred - ecg


def wiener_snr(lead: Array, sampling_frequency: float) -> float:
    """Power of the estimated ECG over that of all else in dB, within 60 dB."""
    with quiet():
        ecg, noise = separated(checked(lead), sampling_frequency)
        ratio = np.var(ecg) / max(float(np.var(noise)), np.finfo(float).tiny)
        return float(np.clip(10 * np.log10(ratio), -LARGEST_DB, LARGEST_DB))


RIVALS: Final = {"wiener_snr": wiener_snr}
PACKAGES: Final = {"wiener_snr": ("pywt",)}
