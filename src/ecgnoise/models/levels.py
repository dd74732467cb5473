"""Reading noise levels in images with the level network of a model folder.

The network gives levels in units of 10 dB: of each kind of noise, and of all noise in the band in which an ECG is read,
in each span; the same of the whole window; of the ECG; and the 16th, 50th and 84th percentile of the SNR.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from ecgnoise.errors import ModelFormatError
from ecgnoise.models.description import LevelModel
from ecgnoise.models.level_estimates import LevelEstimates
from ecgnoise.models.onnx import Interface, OnnxSession
from ecgnoise.models.reconstruct import Scalograms
from ecgnoise.noise_levels import BANDS, KINDS, SPANS, weighted
from ecgnoise.scalogram.profile import COLUMNS, DEFAULT, to_network
from ecgnoise.scalogram.traces import TRACES, total_power

INPUTS: Final = ("images", "traces", "conditions")
CONDITIONS: Final = 4
UNIT_DB: Final = 10.0
QUANTILES: Final = (0.16, 0.5, 0.84)  # of the SNR
PARTS: Final = (BANDS * SPANS, BANDS, 1, len(QUANTILES))  # spans, noise, ECG, SNR
OUTPUTS: Final = sum(PARTS)


class LevelAnswers:
    """The answers of a network as levels; see :class:`ecgnoise.models.levels.LevelReader`."""

    def __init__(self, network: Any, model: LevelModel) -> None:
        if len(model.widening) != len(KINDS):
            raise ModelFormatError(
                f"levels.widening: {len(model.widening)} numbers, one for each of {', '.join(KINDS)}"
            )
        self._network = network
        self._model = model

    @property
    def snr_range(self) -> tuple[float, float]:
        """The lowest and highest SNR in dB that it can tell."""
        return self._model.lowest, self._model.highest

    def read(self, scalograms: Scalograms, traced: Any) -> LevelEstimates:
        """The levels in images, each the same whatever the others are."""
        told = conditions(scalograms.reference, scalograms.known, int(scalograms.valid.sum()), traced)
        answers = self._network.levels(filled_images(scalograms), traced, told)
        return self.estimates(np.asarray(answers, np.float64) * UNIT_DB)

    def estimates(self, answers: NDArray[np.float64]) -> LevelEstimates:
        """Levels of the answers of the network in dB, (n, OUTPUTS)."""
        spans, noise, ecg, quantiles = np.split(answers, np.cumsum(PARTS[:-1]), axis=1)
        widening = np.asarray(self._model.widening)[counting_most(noise, ecg)]
        return LevelEstimates(
            spans=spans.reshape(-1, BANDS, SPANS),
            noise=noise,
            ecg=ecg[:, 0],
            snr=np.clip(self._cautious(interval(quantiles, widening)), *self.snr_range),
        )

    def _cautious(self, snr: NDArray[np.float64]) -> NDArray[np.float64]:
        """Intervals, (n, 3), whose estimate lies below the median where they reach far below it.

        An interval is wide where noise may be added or the lead's own, wander above all; noise it is either way.
        """
        beyond = np.maximum(0.0, snr[:, 0] - snr[:, 1] - self._model.caution_db)
        return np.column_stack([snr[:, 0] - self._model.caution_share * beyond, snr[:, 1:]])


def counting_most(noise: NDArray[np.float64], ecg: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which kind counts most in each image, (n,), of levels over the reference, (n, bands) and (n, 1)."""
    return np.asarray(weighted(noise[:, : len(KINDS)] - ecg).argmax(axis=1))


def interval(quantiles: NDArray[np.float64], widening: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate, lower and upper end, (n, 3), of the quantiles in rising order, (n, 3), and factors, (n,)."""
    low, middle, high = np.sort(quantiles, axis=1).T
    return np.stack([middle, middle - widening * (middle - low), middle + widening * (high - middle)], axis=1)


def filled_images(scalograms: Scalograms) -> Any:
    """Network images, (n, 1, rows, columns), rows that are not valid like the highest that is."""
    images, missing = scalograms.images, int((~scalograms.valid).sum())
    if missing:
        xp = array_namespace(images)
        highest = xp.broadcast_to(images[:, missing : missing + 1], (images.shape[0], missing, images.shape[2]))
        images = xp.concat([highest, images[:, missing:]], axis=1)
    return to_network(images)[:, None]


def conditions(reference: Any, known: Any, valid: Any, traced: Any) -> Any:
    """What the network is told beside an image and its traces, (n, 4).

    It is whether the unit is known, the reference or 0, the share of valid rows, less 1, and the power of the
    whole window. known, valid: (n,) or the same for all; valid is a number of rows.
    """
    xp = array_namespace(reference)
    known, valid = (
        xp.broadcast_to(xp.asarray(value, dtype=reference.dtype, device=device(reference)), reference.shape)
        for value in (known, valid)
    )
    told = known, xp.where(known > 0, reference, 0.0 * known), valid / DEFAULT.rows - 1.0, total_power(traced)
    return xp.stack(told, axis=1)


class OnnxLevels:
    """A level network as an ONNX file."""

    def __init__(self, file: Path, threads: int) -> None:
        shapes = (None, 1, DEFAULT.rows, COLUMNS), (None, TRACES, COLUMNS), (None, CONDITIONS)
        self._session = OnnxSession(file, threads, Interface(dict(zip(INPUTS, shapes, strict=True)), (None, OUTPUTS)))

    def levels(
        self, images: NDArray[np.float32], traced: NDArray[np.float32], told: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Answers, (n, OUTPUTS), for network images, traces and conditions."""
        return self._session.run(dict(zip(INPUTS, (images, traced, told), strict=True)))
