"""What is odd about the leads of a recording, in words."""

from dataclasses import dataclass

SWAPPED, INVERTED, DUPLICATED, CONTRADICTORY = "swapped", "inverted", "duplicated", "contradictory"


@dataclass(frozen=True)
class LeadRemark:
    """What is odd about some leads: ``swapped``, ``inverted``, ``duplicated`` or ``contradictory``."""

    leads: tuple[str, ...]
    what: str

    @property
    def cell(self) -> str:
        """The remark in a cell of a table, as ``swapped: I, II``."""
        return f"{self.what}: {', '.join(self.leads)}"

    def __str__(self) -> str:
        """The remark as a sentence."""
        leads = ", ".join(self.leads[:-1]) + " and " * (len(self.leads) > 1) + self.leads[-1]
        return {
            SWAPPED: f"{leads} look swapped: exchanged, all limb leads fit each other",
            INVERTED: f"{leads} looks inverted: turned over, all limb leads fit each other",
            DUPLICATED: f"{leads} hold the same samples",
            CONTRADICTORY: f"{leads} do not fit each other",
        }[self.what]
