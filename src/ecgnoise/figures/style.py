"""How everything is drawn: one style for figures, the report and the viewer.

Colours of grades and of kinds of noise can be told apart by people who see colours differently, and in grey by their
hatching: the kinds have the colours of Okabe and Ito (Color Universal Design, 2008).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


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
FAULT_SHADE: Final = Shade("#e4e4e4", "#8a8a8a", "\\\\")

MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "good": "good: shapes and intervals",
        "fair": "fair: rhythm and beats, shapes with care",
        "poor": "poor: QRS complexes only",
        "unusable": "unusable",
        "fault": "fault: no score",
    }
)
KIND_COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "baseline_wander": "#0072b2",
        "electrode": "#d55e00",
        "muscle": "#009e73",
        "mains": "#cc79a7",
        "spike": "#e69f00",
        "broadband": "#56b4e9",
    }
)

PAPER: Final = "#fffaf7"
PAPER_SMALL: Final = "#f7d9d3"  # lines each mm
PAPER_LARGE: Final = "#eaa9a0"  # lines each 5 mm
TRACE: Final = "#111111"

MM_PER_SECOND: Final = 25.0
MM_PER_MV: Final = 10.0
