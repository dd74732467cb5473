"""A made-up quantifier whose noise levels are what a test says, for the benchmarks of quality."""

from types import SimpleNamespace

import numpy as np

from ecgnoise.noise_levels import KINDS, SPANS, local_snr
from ecgnoise.results.grades import GRADES
from ecgnoise.segments import windows

LIMITS = (18.0, 5.0, 0.0)


def fineness(signal, frequency):
    """An SNR of sorts: how strong a lead is against its differences, (leads,), in dB."""
    fine = np.abs(np.diff(signal, axis=1)).mean(axis=1) * np.sqrt(frequency / 500) + 1e-9
    return 20 * np.log10((signal.std(axis=1) + 1e-9) / fine)


class MadeUp:
    """Levels of one kind of noise: ``snr`` gives the SNR of each window, (leads, samples) -> (leads,), NaN: a fault."""

    def __init__(self, snr=fineness, kind="muscle", levels=True):
        self.model = f"made up {kind}"
        self._snr, self._kind, self._levels = snr, kind, levels

    def quantify(self, recording, parts=1):
        signal, frequency = np.nan_to_num(recording.signal), recording.sampling_frequency
        cut = [signal[:, window.start : window.stop] for window in windows(signal.shape[1], frequency)]
        snr = np.stack([self._snr(piece, frequency) for piece in cut], axis=1)
        spans = np.stack([self._spans(piece, frequency) for piece in cut], axis=1).reshape(len(signal), -1)
        place = np.sum([snr < limit for limit in LIMITS], axis=0)
        known = np.isfinite(snr)
        local = self._of_kind(spans)
        seconds = recording.duration
        return SimpleNamespace(
            psnr=snr + 10,
            local_psnr=np.repeat((snr + 10)[:, :, None], parts, axis=2),
            agreement=np.where(known, np.clip(snr / 30, 0, 1), np.nan),
            effective_snr=snr if self._levels else np.full_like(snr, np.nan),
            reading_snr=snr if self._levels else np.full_like(snr, np.nan),
            estimated_snr=snr[:, :, None] + np.array([0.0, -2.0, 2.0]) + (0.0 if self._levels else np.nan),
            noise=self._of_kind(snr),
            noise_uv=1000 * 10 ** (self._of_kind(snr) / 20),
            local_noise=local,
            local_snr=local_snr(local),
            noise_kind=np.where(known & self._levels, self._kind, ""),
            grade=np.where(known, np.asarray(GRADES)[place], ""),
            mask=lambda ticks: np.repeat(spans > LIMITS[2], round(seconds * ticks / spans.shape[1] + 1), axis=1)[
                :, : round(seconds * ticks)
            ],
        )

    def _spans(self, piece, frequency):
        return np.stack([self._snr(part, frequency) for part in np.array_split(piece, SPANS, axis=1)], axis=1)

    def _of_kind(self, snr):
        """Levels of all kinds, the others 60 dB below."""
        levels = -snr[..., None] + np.where(np.asarray(KINDS) == self._kind, 0.0, -60.0)
        return levels if self._levels else np.full_like(levels, np.nan)
