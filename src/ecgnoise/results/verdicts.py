"""What a result says of the whole record and of each lead."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import OptionError
from ecgnoise.noise_levels import SpanRule
from ecgnoise.results.grades import TOO_NOISY
from ecgnoise.results.intervals import Interval
from ecgnoise.results.lead_remark import CONTRADICTORY, LeadRemark
from ecgnoise.results.result import Result

DISTRUSTED_BELOW: Final = 0.5


@dataclass(frozen=True)
class RecordVerdict:
    """A record in a few numbers.

    lead_psnr: the median PSNR in dB of each lead's segments, (leads,), NaN where none has a score. usable: the share of
    its time that each lead can be used, (leads,), 0..1. usable_share: the same over all leads. distrusted: leads that
    can be used for less than half of the time, or that look swapped, inverted or duplicated. remarks: what is odd about
    leads; see :mod:`ecgnoise.scoring.lead_check`. faults: the stretches of each lead with a fault, as intervals.
    """

    lead_names: tuple[str, ...]
    lead_psnr: NDArray[np.float64]
    usable: NDArray[np.float64]
    usable_share: float
    distrusted: tuple[str, ...]
    remarks: tuple[LeadRemark, ...]
    faults: tuple[Interval, ...] = ()

    @property
    def analysable(self) -> NDArray[np.float64]:
        """Per cent of its time that each lead can be used, (leads,), 0..100."""
        return np.asarray(100.0 * self.usable)

    @property
    def worst_lead(self) -> str:
        """The lead that can be used least; of several the one with the lowest PSNR, one without any score first."""
        order = self._order()
        return self.lead_names[min(order, key=lambda lead: (round(float(self.usable[lead]), 6), order.index(lead)))]

    def kth_worst(self, k: int) -> float:
        """The k-th lowest PSNR of all leads in dB, 1 being the worst lead; NaN where that lead has no score.

        OptionError unless there are k leads.
        """
        if not 1 <= k <= len(self.lead_names):
            raise OptionError(f"k {k}: there are {len(self.lead_names)} leads: pass 1 to {len(self.lead_names)}")
        return float(self.lead_psnr[self._order()[k - 1]])

    def _order(self) -> list[int]:
        worst_first = np.argsort(np.where(np.isnan(self.lead_psnr), -np.inf, self.lead_psnr), kind="stable")
        return [int(lead) for lead in worst_first]


def record_verdict(
    result: Result,
    grade: str = TOO_NOISY,
    *,
    whole_segments: bool = False,
    rule: SpanRule | None = None,
) -> RecordVerdict:
    """What a result says of the record. The others: which time cannot be used, see :class:`Result`.

    Raises OptionError for another grade.
    """
    usable = result.usable_seconds(grade, whole_segments=whole_segments, rule=rule) / result.seconds
    odd = {lead for remark in result.lead_remarks if remark.what != CONTRADICTORY for lead in remark.leads}
    distrusted = [
        name for name, share in zip(result.lead_names, usable, strict=True) if share < DISTRUSTED_BELOW or name in odd
    ]
    scored = np.isfinite(result.psnr)
    medians = [np.median(row[there]) if there.any() else np.nan for row, there in zip(result.psnr, scored, strict=True)]
    return RecordVerdict(
        result.lead_names,
        np.array(medians, np.float64),
        usable,
        float(usable.mean()),
        tuple(distrusted),
        result.lead_remarks,
        tuple(result.fault_intervals()),
    )
