"""Optional packages: what is said where one is needed and not installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from ecgnoise.errors import MissingExtraError

# What packages are called by those who install them, where that is not what is imported.
INSTALLED_AS: Final = MappingProxyType({"skimage": "scikit-image", "sklearn": "scikit-learn", "tomli_w": "tomli-w"})


@contextmanager
def extra(what: str, name: str) -> Iterator[None]:
    """MissingExtraError where what is imported within is not installed. what: what needs it. name: its extra."""
    try:
        yield
    except MissingExtraError:
        raise
    except ImportError as error:
        module = str(error.name or error).partition(".")[0]
        if module == "ecgnoise":
            raise
        raise MissingExtraError(what, INSTALLED_AS.get(module, module), name) from error
