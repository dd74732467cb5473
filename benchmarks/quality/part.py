"""What a part of the benchmark is, and how much of the recordings it takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from benchmarks.quality.noises import DEVELOPMENT_PART, TEST_PART
from benchmarks.quality.scorers import Scored
from benchmarks.quality.takes import Take

ItemT = TypeVar("ItemT")
TEST_FOLD, DEVELOPMENT_FOLD = 10, 9


@dataclass(frozen=True)
class Sizes:
    """How much each part takes; None for all there is.

    ptbxl, challenge_2011, challenge_2017: records. mitdb: at most so many 10-s windows with a mark of noise, and so
    many without. snr, bursts, kinds, unreadable, development, local, nuisance: leads. motion: clean windows of MIT-BIH.
    draws: of the bootstrap. fold: the fold of PTB-XL whose leads get noise; 10 is the test side.
    """

    ptbxl: int | None = None
    challenge_2011: int | None = None
    challenge_2017: int | None = None
    mitdb: int = 250
    snr: int = 60
    bursts: int = 60
    kinds: int = 96
    unreadable: int = 40
    motion: int = 64
    development: int = 240
    local: int = 100
    nuisance: int = 40
    draws: int = 200
    fold: int = TEST_FOLD

    @property
    def noise_part(self) -> tuple[float, float]:
        """Which part of recorded noise the leads get: the second half on the test side, else the first."""
        return TEST_PART if self.fold == TEST_FOLD else DEVELOPMENT_PART


FULL = Sizes()
QUICK = Sizes(
    32, 20, 40, mitdb=25, snr=6, bursts=6, kinds=6, unreadable=6, motion=8, development=12, local=10, nuisance=4,
    draws=20,
)  # fmt: skip
TINY = Sizes(
    8, 4, 6, mitdb=4, snr=2, bursts=2, kinds=1, unreadable=2, motion=2, development=1, local=2, nuisance=1, draws=5
)


class Part(Protocol):
    """Takes, and figures of their scores. rivals: whether rivals are asked as well."""

    takes: list[Take]
    rivals: bool

    def figures(self, scored: Scored) -> dict[str, Any]:
        """Figures of one scorer, ready for a file."""


Plan = Callable[[Sizes], Part]


def some(items: Sequence[ItemT], count: int | None, kinds: Sequence[Any] | None = None) -> list[ItemT]:
    """Some of the items in their order, seeded: as many of each kind as there are, while places last."""
    if count is None or count >= len(items):
        return list(items)
    order = np.random.default_rng(0).permutation(len(items))
    if kinds is not None:
        turns: dict[Any, int] = {}
        rank = {}
        for place in order:
            rank[place] = turns.setdefault(kinds[place], 0)
            turns[kinds[place]] += 1
        order = np.array(sorted(order, key=lambda place: rank[place]))
    return [items[place] for place in sorted(order[:count])]
