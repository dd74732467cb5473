"""The call that every rival has, and what all of them do to a lead first."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rival = Callable[[Array, float], float]


def checked(lead: Array) -> Array:
    """The lead as float64; ValueError where samples are missing or nothing varies, for rivals that would answer."""
    lead = np.asarray(lead, np.float64)
    if not np.isfinite(lead).all():
        raise ValueError("samples that are not numbers")
    if lead.size == 0 or np.ptp(lead) == 0:
        raise ValueError("a lead without variation")
    return lead


def whole(sampling_frequency: float) -> int:
    """The sampling frequency as the whole number that a library wants."""
    return round(sampling_frequency)


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings of libraries and none of NumPy's within."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
