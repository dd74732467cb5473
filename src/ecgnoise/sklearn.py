"""``NoiseFilter``: a step of a scikit-learn pipeline that hides noisy stretches of signals.

Not imported by the package itself; it needs the extra ``sklearn``.
"""

from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecgnoise._internal.extras import extra
from ecgnoise.errors import SignalShapeError
from ecgnoise.quantifier import Quantifier
from ecgnoise.recording import Recording, as_numbers
from ecgnoise.results.grades import TOO_NOISY
from ecgnoise.results.result import Result

with extra("NoiseFilter", "sklearn"):
    from sklearn.base import BaseEstimator, TransformerMixin

LEADS_AT_ONCE: Final = 256

Signals = NDArray[np.float32]


class NoiseFilter(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Hide noisy stretches of signals, as a step of a scikit-learn pipeline.

    Parameters
    ----------
    sampling_frequency : float, default 500
        Of the signals, in Hz.
    units : {"mV", "V", "uV", "nV", "unknown"}, default "mV"
        Of the signals; they come out in the same.
    grade : {"good", "fair", "poor", "unusable"}, default "poor"
        What is of this grade or a worse one, or has no score, is hidden.
    whole_segments : bool, default False
        Whether only whole segments are hidden, by their grades.
    model : str or pathlib.Path, default "default"
        ``"default"``, or the path of a model folder.
    threads : int, optional
        Threads that score; see :class:`Quantifier`.

    Notes
    -----
    Nothing is learnt: ``fit`` looks at the shape only, and a signal comes out the same whatever the others are.
    ``transform`` keeps the number of signals, as a pipeline needs; :meth:`usable_share` says which to leave out.

    Examples
    --------
    >>> from ecgnoise import NoiseFilter, simulate_ecg
    >>> signals = simulate_ecg(10, 500, lead_names=["I", "II"]).signal
    >>> NoiseFilter(500).fit_transform(signals).shape
    (2, 5000)
    """

    def __init__(
        self,
        sampling_frequency: float = 500.0,
        *,
        units: str = "mV",
        grade: str = TOO_NOISY,
        whole_segments: bool = False,
        model: str | Path = "default",
        threads: int | None = None,
    ) -> None:
        self.sampling_frequency = sampling_frequency
        self.units = units
        self.grade = grade
        self.whole_segments = whole_segments
        self.model = model
        self.threads = threads

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: N803 - as scikit-learn calls it
        """Look at the shape of signals.

        Parameters
        ----------
        X : array_like, shape (records, time) or (records, leads, time)
            The signals.
        y : object
            Ignored.

        Returns
        -------
        NoiseFilter
            Itself.

        Raises
        ------
        SignalShapeError
            If they have another shape.
        """
        del y
        self.n_features_in_ = _signals(X).shape[1]
        return self

    def transform(self, X: ArrayLike) -> Signals:  # noqa: N803
        """Hide noisy stretches.

        Parameters
        ----------
        X : array_like, shape (records, time) or (records, leads, time)
            The signals.

        Returns
        -------
        ndarray of float32
            The signals in the same shape, NaN where they are too noisy.

        Raises
        ------
        SignalShapeError
            If they have another shape. Errors of :func:`quantify` are raised too.
        """
        signals = _signals(X)
        rows = signals.reshape(-1, signals.shape[-1])
        usable = np.concatenate(
            [result.mask(grade=self.grade, whole_segments=self.whole_segments) for result in self._score(rows)]
        )
        return np.where(usable, rows, np.float32(np.nan)).reshape(signals.shape)

    def usable_share(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Return the share of each signal that is not hidden.

        Parameters
        ----------
        X : array_like, shape (records, time) or (records, leads, time)
            The signals.

        Returns
        -------
        ndarray, shape (records,) or (records, leads)
            0 to 1.
        """
        signals = _signals(X)
        shares = [
            result.usable_seconds(self.grade, whole_segments=self.whole_segments) / result.seconds
            for result in self._score(signals.reshape(-1, signals.shape[-1]))
        ]
        return np.concatenate(shares).reshape(signals.shape[:-1])

    def _score(self, rows: Signals) -> list[Result]:
        """Results of all signals, (signals, time), some at once."""
        quantifier = Quantifier(self.model, threads=self.threads)
        batch = min(LEADS_AT_ONCE, rows.shape[1])
        return [
            quantifier.quantify(
                Recording.from_array(rows[first : first + batch], self.sampling_frequency, units=self.units)
            )
            for first in range(0, len(rows), batch)
        ]

    def __sklearn_is_fitted__(self) -> bool:
        """Always: nothing is learnt."""
        return True

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn should know."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        tags.requires_fit = False
        return tags


def _signals(X: ArrayLike) -> Signals:  # noqa: N803
    """The signals as (records, time) or (records, leads, time); SignalShapeError for another shape."""
    signals = as_numbers(X, "X")
    if signals.ndim not in {2, 3} or signals.size == 0:
        raise SignalShapeError(f"X: shape {signals.shape}: pass (records, time) or (records, leads, time), not empty")
    with np.errstate(over="ignore"):
        return signals.astype(np.float32, copy=False)
