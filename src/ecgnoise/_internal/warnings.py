"""Warnings of other libraries, kept from the user.

Python keeps its filters of warnings for the whole process: two threads that each change and restore them can leave
them changed for good. Whoever keeps warnings back does it here, one thread after the other.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_ONE_AT_A_TIME: Final = threading.RLock()


@contextmanager
def quiet() -> Iterator[list[warnings.WarningMessage]]:
    """No warning is shown within it; those that there were are in the list."""
    with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught
