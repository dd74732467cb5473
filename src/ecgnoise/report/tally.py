"""What a report counts: recordings one by one, then leads, kinds of noise and faults over all of them."""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.noise_levels import KINDS
from ecgnoise.results.grades import GRADES
from ecgnoise.results.result import Result

WORST: Final = 20
TYPICAL: Final = 5
NO_SCORE: Final = "no score"
STATES: Final = (*GRADES, NO_SCORE)
KEPT_VALUES: Final = 20_000  # of a lead or kind, for its median: beyond, every other one is kept, and so on


@dataclass(frozen=True)
class Row:
    """One recording in a few numbers.

    Attributes
    ----------
    number : int
        Its place among the results, from 0.
    record, source : str
        Its name and path.
    seconds : float
        Its length.
    leads : int
        How many it has.
    analysable : float
        Per cent of all leads' time that can be used.
    worst_lead : str
        The lead that can be used least.
    worst_analysable : float
        Per cent of that lead's time.
    snr : float
        Median readable SNR of that lead in dB; NaN where it is not known.
    states : tuple of int
        Lead-segments of each of :data:`STATES`.
    noise : str
        The kind of noise that counts most in most lead-segments that are not ``good``; empty for none.
    faults : str
        The worst faults and how many more there are.
    remarks : str
        What is odd about its leads.
    noisy_lead : str
        Of the leads with a score the one that can be used least; empty where none has a score.
    noisy_analysable : float
        Per cent of that lead's time; NaN where none has a score.
    """

    number: int
    record: str
    source: str
    seconds: float
    leads: int
    analysable: float
    worst_lead: str
    worst_analysable: float
    snr: float
    states: tuple[int, ...]
    noise: str
    faults: str
    remarks: str
    noisy_lead: str = ""
    noisy_analysable: float = float("nan")

    @property
    def order(self) -> tuple[float, float, float]:
        """Worst first: by the worst lead, then by all leads, then by its SNR."""
        return (self.worst_analysable, self.analysable, self.snr if np.isfinite(self.snr) else -np.inf)


def row_of(number: int, result: Result) -> Row:
    """A result in a few numbers."""
    analysable = result.analysable
    median = _medians(result.readable_snr)
    order = sorted(
        range(len(result.lead_names)),
        key=lambda lead: (analysable[lead], median[lead] if np.isfinite(median[lead]) else -np.inf),
    )
    place = order[0]
    noisy_place = next((lead for lead in order if np.isfinite(result.psnr[lead]).any()), None)
    noisy = result.noise_kind[(result.grade != GRADES[0]) & (result.noise_kind != "")]
    kinds = Counter(noisy.tolist()).most_common(1)
    return Row(
        number,
        result.record,
        result.source,
        result.seconds,
        len(result.lead_names),
        float(analysable.mean()),
        result.lead_names[place],
        float(analysable[place]),
        float(median[place]),
        tuple(int((result.grade == state).sum()) for state in (*GRADES, "")),
        kinds[0][0] if kinds else "",
        "; ".join(result.fault_texts(2)),
        "; ".join(str(remark) for remark in result.lead_remarks),
        "" if noisy_place is None else result.lead_names[noisy_place],
        float("nan") if noisy_place is None else float(analysable[noisy_place]),
    )


def _medians(values: NDArray[np.float64]) -> list[float]:
    known = [row[np.isfinite(row)] for row in values]
    return [float(np.median(row)) if row.size else float("nan") for row in known]


@dataclass
class Thinned:
    """Values of which so many are kept that their median is known well, whatever their number."""

    values: list[float] = field(default_factory=list)
    step: int = 1
    seen: int = 0

    def add(self, values: Iterable[float]) -> None:
        """Take in more values; NaN is left out."""
        for value in values:
            if np.isfinite(value):
                if self.seen % self.step == 0:
                    self.values.append(float(value))
                self.seen += 1
        if len(self.values) > KEPT_VALUES:
            self.values, self.step = self.values[::2], 2 * self.step

    @property
    def median(self) -> float:
        """The median, NaN without values."""
        return float(np.median(self.values)) if self.values else float("nan")


@dataclass
class LeadTally:
    """One lead name over all recordings that have it."""

    recordings: int = 0
    seconds: float = 0.0
    usable: float = 0.0
    states: list[int] = field(default_factory=lambda: [0] * len(STATES))
    snr: Thinned = field(default_factory=Thinned)

    @property
    def analysable(self) -> float:
        """Per cent of its time that can be used."""
        return 100.0 * self.usable / self.seconds if self.seconds else 0.0


@dataclass
class KindTally:
    """One kind of noise: in how many lead-segments below ``good`` it counts most, and how strong it is there."""

    segments: int = 0
    microvolts: Thinned = field(default_factory=Thinned)


@dataclass
class Tally:
    """Everything that a report counts over results, which come one by one."""

    rows: list[Row] = field(default_factory=list)
    leads: dict[str, LeadTally] = field(default_factory=dict)
    kinds: dict[str, KindTally] = field(default_factory=lambda: {kind: KindTally() for kind in KINDS})
    faults: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        """Count one more result."""
        self.rows.append(row_of(len(self.rows), result))
        self.models[str(result.model)] += 1
        usable = result.usable_seconds()
        for lead, name in enumerate(result.lead_names):
            entry = self.leads.setdefault(name, LeadTally())
            entry.recordings += 1
            entry.seconds += result.seconds
            entry.usable += float(usable[lead])
            for place, state in enumerate((*GRADES, "")):
                entry.states[place] += int((result.grade[lead] == state).sum())
            entry.snr.add(result.readable_snr[lead].tolist())
        self.faults.update(word for word in result.fault.ravel().tolist() if word)
        microvolts = result.noise_uv
        for number, kind in enumerate(KINDS):
            there = (result.noise_kind == kind) & (result.grade != GRADES[0])
            self.kinds[kind].segments += int(there.sum())
            self.kinds[kind].microvolts.add(microvolts[there][:, number].tolist())

    @property
    def states(self) -> list[int]:
        """Lead-segments of each of :data:`STATES`."""
        return np.sum([row.states for row in self.rows], axis=0).tolist() if self.rows else [0] * len(STATES)

    @property
    def hours(self) -> float:
        """Length of all recordings."""
        return sum(row.seconds for row in self.rows) / 3600.0

    @property
    def analysable(self) -> float:
        """Per cent of all leads' time that can be used."""
        seconds = sum(entry.seconds for entry in self.leads.values())
        return 100.0 * sum(entry.usable for entry in self.leads.values()) / seconds if seconds else 0.0

    def ranked(self) -> list[Row]:
        """All recordings, the worst first."""
        return sorted(self.rows, key=lambda row: (row.order, row.number))

    def worst(self) -> list[Row]:
        """The noisiest 20, or a third of few, by their noisiest lead with a score; none of which all can be used.

        Leads without any score have nothing to show: they are told among the faults.
        """
        most = min(WORST, max(1, -(-len(self.rows) // 3)))
        noisy = [row for row in self.rows if row.noisy_analysable < 100.0]
        return heapq.nsmallest(most, noisy, key=lambda row: (row.noisy_analysable, *row.order, row.number))

    def typical(self) -> list[Row]:
        """Five from the middle of the rank, none of the worst among them."""
        worst = {row.number for row in self.worst()}
        ranked = [row for row in self.ranked() if row.noisy_lead]
        middle = len(ranked) / 2
        near = sorted(range(len(ranked)), key=lambda place: abs(place + 0.5 - middle))
        chosen = [place for place in near if ranked[place].number not in worst][:TYPICAL]
        return [ranked[place] for place in sorted(chosen)]

    def histogram(self) -> list[int]:
        """How many recordings have 0 to 10, 10 to 20 ... 90 to 100 per cent of analysable time."""
        places = np.minimum(np.array([row.analysable for row in self.rows]) // 10, 9).astype(int)
        return np.bincount(places, minlength=10).tolist() if self.rows else [0] * 10

    def table(self) -> list[list[Any]]:
        """The rows that a page sorts and filters, the worst first, in the order of :data:`TABLE_COLUMNS`."""
        return [
            [
                row.record,
                round(row.analysable, 1),
                row.worst_lead,
                round(row.worst_analysable, 1),
                round(row.snr, 1) if np.isfinite(row.snr) else None,
                row.leads,
                round(row.seconds, 1),
                row.noise.replace("_", " "),
                "; ".join(filter(None, (row.faults, row.remarks))),
                row.source,
            ]
            for row in self.ranked()
        ]


TABLE_COLUMNS: Final = (
    "recording",
    "analysable, %",
    "worst lead",
    "its analysable, %",
    "its SNR, dB",
    "leads",
    "length, s",
    "noise",
    "faults and remarks",
    "path",
)
