"""What people would use instead of ecgnoise, all behind one call: a lead in, a score out, and high is clean.

A rival takes one lead of about 10 s, (samples,), in mV unless it says that the unit does not matter, and the sampling
frequency in Hz. It may raise whatever its library raises on a bad lead: a benchmark counts that, and NaN, as the worst
score. The same lead gives the same score; nothing is printed and nothing stays changed. Packages are imported when a
rival is called; the extra ``bench`` has them all.

Where a library answers for each sample or beat, the score is the mean over the lead; categories count 2, 1, 0.
"""

from collections.abc import Collection, Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final

from benchmarks.rivals import (
    autoencoders,
    biosppy,
    biosqi,
    classical,
    ecgdatakit,
    integrity,
    neurokit,
    one_liners,
    pca,
    wiener,
)
from benchmarks.rivals.contract import Rival

GROUPS: Final = (neurokit, ecgdatakit, integrity, biosppy, biosqi, classical, wiener, one_liners, pca, autoencoders)
RIVALS: Final[Mapping[str, Rival]] = MappingProxyType(
    {name: rival for group in GROUPS for name, rival in group.RIVALS.items()}
)
PACKAGES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {name: group.PACKAGES.get(name, ()) for group in GROUPS for name in group.RIVALS}
)


def available() -> dict[str, Rival]:
    """The rivals whose packages are installed."""
    return {name: rival for name, rival in RIVALS.items() if all(find_spec(package) for package in PACKAGES[name])}


def missing() -> dict[str, tuple[str, ...]]:
    """The rivals that cannot run here, each with the packages that it lacks."""
    absent = {name: tuple(p for p in packages if not find_spec(p)) for name, packages in PACKAGES.items()}
    return {name: packages for name, packages in absent.items() if packages}


def prepare(names: Collection[str]) -> None:
    """Fit or train, in this process, what rivals of these names need and the cache does not have."""
    for group in (pca, autoencoders):
        if set(names) & set(group.RIVALS):
            group.prepare()
