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
    """A recording in a few numbers.

    Attributes
    ----------
    lead_names : tuple of str
        One per lead.
    lead_psnr : ndarray, shape (leads,)
        Median PSNR of each lead's segments in dB; NaN where none has a score.
    usable : ndarray, shape (leads,)
        Share of its time that each lead can be used, 0 to 1.
    usable_share : float
        The same over all leads.
    distrusted : tuple of str
        Leads that can be used for less than half of the time, or that look swapped, inverted or duplicated.
    remarks : tuple of LeadRemark
        What is odd about leads.
    faults : tuple of Interval
        The stretches of each lead with a fault.
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
        """Per cent of its time that each lead can be used, ndarray, shape (leads,), 0 to 100."""
        return np.asarray(100.0 * self.usable)

    @property
    def worst_lead(self) -> str:
        """The lead that can be used least; of several the one with the lowest PSNR, one without any score first."""
        order = self._order()
        return self.lead_names[min(order, key=lambda lead: (round(float(self.usable[lead]), 6), order.index(lead)))]

    def kth_worst(self, k: int) -> float:
        """Return the k-th lowest PSNR of all leads.

        Parameters
        ----------
        k : int
            1 for the worst lead.

        Returns
        -------
        float
            In dB; NaN where that lead has no score.

        Raises
        ------
        OptionError
            If there are fewer leads.
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
    """Say in a few numbers what a result says of the whole recording.

    Parameters
    ----------
    result : Result
        Of the recording.
    grade : {"good", "fair", "poor", "unusable"}, default "poor"
        Time of this grade or a worse one cannot be used, nor time without a score.
    whole_segments : bool, default False
        Whether only whole segments count, by their grades.
    rule : SpanRule, optional
        When spans count. The default is the limit of the grade.

    Returns
    -------
    RecordVerdict

    Raises
    ------
    OptionError
        If the grade is none of those above.

    Examples
    --------
    >>> import ecgnoise
    >>> result = ecgnoise.quantify(ecgnoise.simulate_ecg(10, lead_names=["I", "II"]))
    >>> ecgnoise.record_verdict(result).usable_share
    1.0
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
