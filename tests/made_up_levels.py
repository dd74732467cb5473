"""A made-up reader of noise levels, and scorers and results that have it."""

from itertools import pairwise

import numpy as np

from ecgnoise.models.folder import load_folder
from ecgnoise.models.level_estimates import LevelEstimates
from ecgnoise.models.load import load_reconstructor
from ecgnoise.noise_levels import KINDS, SPANS, power_mean, total
from ecgnoise.results.scores import ModelIdentity, Timeline
from ecgnoise.scoring.scorer import Scorer
from ecgnoise.segments import windows
from results_by_hand import changed, graded

ECG_DB = -12.0


class MadeUpLevels:
    """Says of each kind what the mean of some rows of the image is, from -60 dB for black to 30 dB for white."""

    snr_range = (-20.0, 40.0)

    def read(self, scalograms, traced):
        """The levels in images; the traces say nothing."""
        images = np.asarray(scalograms.images, np.float64)
        rows = np.array_split(images, len(KINDS), axis=1)
        grey = np.stack([part.mean(axis=1).reshape(len(images), SPANS, -1).mean(axis=2) for part in rows], axis=1)
        spans = grey / 255.0 * 90.0 - 60.0
        reading = total(np.moveaxis(spans[:, 1:], 1, 2))  # all kinds but baseline wander
        spans = np.concatenate([spans, reading[:, None]], axis=1)
        noise = power_mean(np.moveaxis(spans, 2, 0))
        ecg = np.full(len(images), ECG_DB)
        snr = (ecg - total(noise[:, :-1]))[:, None] + np.array([0.0, -3.0, 3.0])
        return LevelEstimates(spans, noise, ecg, snr)


def scorer(folder, *, batch=6, threads=1, levels=None):
    """A scorer of a model folder, with the made-up levels unless others are given."""
    model = load_folder(folder)
    known = model.description
    identity = ModelIdentity(known.name, known.version, model.hash)
    reconstructor = load_reconstructor(model, 1)
    return Scorer(
        known.profile, reconstructor, known.grading, identity, batch, threads=threads, levels=levels or MadeUpLevels()
    )


def spanned(grades, snr, *, kind="muscle", last=10.0, frequency=250.0):
    """A result with these grades, see :func:`graded`, and a local SNR in dB for each span, (leads, spans).

    The SNR of a segment is that of the mean power of its spans. ``snr`` may be one number for all of them.
    """
    result = graded(grades, last=last, frequency=frequency)
    cut = windows(round(result.seconds * frequency), frequency)
    timeline = Timeline.of(cut, frequency, 1, spans=True)
    edges = np.searchsorted(timeline.span_start, [*result.start.tolist(), np.inf])
    snr = np.broadcast_to(np.asarray(snr, np.float64), (len(grades), edges[-1]))
    local = np.full((*snr.shape, len(KINDS)), np.nan, np.float32)
    local[..., KINDS.index(kind)] = -snr
    whole = [-power_mean(-snr[:, first:stop].T) for first, stop in pairwise(edges)]
    return changed(
        result,
        timeline=timeline,
        local_noise=local,
        local_snr=np.round(snr, 1).astype(np.float32),
        estimated_snr=np.stack([np.stack(whole, axis=1)] * 3, axis=-1),
    )
