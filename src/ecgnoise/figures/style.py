"""How everything is drawn: one style for figures, the report and the viewer.

Colours of grades and of kinds of noise can be told apart by people who see colours differently, and in grey by their
hatching: the kinds have the colours of Okabe and Ito (Color Universal Design, 2008).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ecgnoise.noise_levels import KINDS


@dataclass(frozen=True)
class Shade:
    """How time of one grade, or with a fault, is shaded.

    Attributes
    ----------
    colour : str
        Colour of the area under the trace, as ``#rrggbb``.
    line : str
        Darker colour of the same hue, for hatching, borders and text on white (contrast of at least 4.5 to 1).
    hatch : str
        Hatching, as matplotlib names it; empty for none.
    """

    colour: str
    line: str
    hatch: str


GRADE_SHADES: Final[Mapping[str, Shade]] = MappingProxyType(
    {
        "good": Shade("#ffffff", "#1b6e3c", ""),
        "fair": Shade("#fff1b8", "#7a5c00", ""),
        "poor": Shade("#ffc68a", "#a04a00", "///"),
        "unusable": Shade("#f29a9a", "#a01515", "xxx"),
    }
)
FAULT_SHADE: Final = Shade("#d9d9d9", "#555555", "...")

KIND_COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    dict(zip(KINDS, ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"), strict=True))
)

PAPER: Final = "#fffaf7"
PAPER_SMALL: Final = "#f7d9d3"  # lines each mm
PAPER_LARGE: Final = "#eaa9a0"  # lines each 5 mm
TRACE: Final = "#111111"

MM_PER_SECOND: Final = 25.0
MM_PER_MV: Final = 10.0
