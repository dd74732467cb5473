"""Reading noise levels in pictures with the level network of a model folder.

The network gives levels in units of 10 dB: of each kind of noise, and of all noise in the band in which an ECG is read,
in each span; the same of the whole window; of the ECG; and the 16th, 50th and 84th percentile of the SNR.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from ecgnoise.errors import ModelFormatError
from ecgnoise.levels import KINDS, SPANS, LevelEstimates
from ecgnoise.models.description import LevelModel
from ecgnoise.models.onnx import Interface, OnnxSession
from ecgnoise.models.redraw import Pictures
from ecgnoise.profiles import COLUMNS, DEFAULT, to_network
from ecgnoise.traces import TRACES, total_power

INPUTS: Final = ("images", "traces", "conditions")
CONDITIONS: Final = 4
UNIT_DB: Final = 10.0
LEVELS: Final = len(KINDS) + 1
QUANTILES: Final = 3
OUTPUTS: Final = LEVELS * SPANS + LEVELS + 1 + QUANTILES


class LevelAnswers:
    """The answers of a network as levels; see :class:`ecgnoise.levels.LevelReader`."""

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

    def read(self, pictures: Pictures, traced: Any) -> LevelEstimates:
        """The levels in pictures, each the same whatever the others are."""
        answers = self._network.levels(filled_images(pictures), traced, conditions(pictures, traced))
        return self.estimates(np.asarray(answers, np.float64) * UNIT_DB)

    def estimates(self, answers: NDArray[np.float64]) -> LevelEstimates:
        """Levels of the answers of the network in dB, (n, OUTPUTS)."""
        ends = np.cumsum([LEVELS * SPANS, LEVELS, 1])
        spans, noise, ecg, quantiles = np.split(answers, ends, axis=1)
        spans = spans.reshape(-1, LEVELS, SPANS)
        widening = np.asarray(self._model.widening)[noise[:, : len(KINDS)].argmax(axis=1)]
        return LevelEstimates(
            spans=spans,
            noise=noise,
            ecg=ecg[:, 0],
            snr=np.clip(interval(quantiles, widening), *self.snr_range),
        )


def interval(quantiles: NDArray[np.float64], widening: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate, lower and upper end, (n, 3), of the quantiles in rising order, (n, 3), and factors, (n,)."""
    low, middle, high = np.sort(quantiles, axis=1).T
    return np.stack([middle, middle - widening * (middle - low), middle + widening * (high - middle)], axis=1)


def filled_images(pictures: Pictures) -> Any:
    """Network images, (n, 1, rows, columns), rows that are not held like the highest that is."""
    images, missing = pictures.images, int((~pictures.held).sum())
    if missing:
        xp = array_namespace(images)
        highest = xp.broadcast_to(images[:, missing : missing + 1], (images.shape[0], missing, images.shape[2]))
        images = xp.concat([highest, images[:, missing:]], axis=1)
    return to_network(images)[:, None]


def conditions(pictures: Pictures, traced: Any) -> Any:
    """What the network is told beside a picture and its traces, (n, 4).

    It is whether the unit is known, the reference, the rows held, and the power of the whole window.
    """
    reference: Any = pictures.reference
    xp = array_namespace(reference)
    known = xp.asarray(pictures.known, dtype=reference.dtype, device=device(reference))
    known = xp.broadcast_to(known, reference.shape)
    held = xp.full_like(reference, float(pictures.held.sum()) / len(pictures.held) - 1.0)
    return xp.stack([known, known * reference, held, total_power(traced)], axis=1)


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
