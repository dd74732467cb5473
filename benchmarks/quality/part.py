"""What a part of the benchmark is, and how much of the recordings it takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from benchmarks.quality.scorers import Scored, Take

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class Sizes:
    """How much each part takes; None for all there is.

    ptbxl, challenge_2011, challenge_2017: records. mitdb: at most so many 10-s windows with a mark of noise, and so
    many without. stress_ptbxl, stress_ludb, development, local, nuisance: leads. draws: of the bootstrap.
    """

    ptbxl: int | None = None
    challenge_2011: int | None = None
    challenge_2017: int | None = None
    mitdb: int = 250
    stress_ptbxl: int = 40
    stress_ludb: int = 20
    development: int = 240
    local: int = 100
    nuisance: int = 40
    draws: int = 200


FULL = Sizes()
QUICK = Sizes(32, 20, 40, mitdb=25, stress_ptbxl=4, stress_ludb=2, development=12, local=10, nuisance=4, draws=20)
TINY = Sizes(8, 4, 6, mitdb=4, stress_ptbxl=2, stress_ludb=1, development=1, local=2, nuisance=1, draws=5)


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
