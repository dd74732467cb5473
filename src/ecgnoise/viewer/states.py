"""What is known of a scored recording at any scale: the worst grade in each column, and all of an instant."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.figures.drawn import FAULT
from ecgnoise.noise_levels import KINDS, span_kinds
from ecgnoise.recording import Recording
from ecgnoise.results.drawings import drawing_of_result
from ecgnoise.results.grades import GRADES
from ecgnoise.results.result import Result

STATES: Final = (*GRADES, FAULT)
UNKNOWN: Final = 255
NO_KIND: Final = len(KINDS)


@dataclass(frozen=True)
class States:
    """The state of each span (or segment, without noise levels) of each lead.

    Attributes
    ----------
    edges : ndarray, shape (spans + 1,)
        In seconds.
    state : ndarray of uint8, shape (leads, spans)
        The place in :data:`STATES`.
    kind : ndarray of uint8, shape (leads, spans)
        The place in ``noise_levels.KINDS`` of the kind that counts most; their number for none.
    """

    edges: NDArray[np.float64]
    state: NDArray[np.uint8]
    kind: NDArray[np.uint8]

    def view(self, start: float, stop: float, columns: int) -> NDArray[np.uint8]:
        """The worst state in each column of a stretch of time, (leads, columns); UNKNOWN behind its end."""
        times = np.linspace(start, stop, columns + 1)
        first = np.clip(np.searchsorted(self.edges, times[:-1], side="right") - 1, 0, self.state.shape[1] - 1)
        last = np.clip(np.searchsorted(self.edges, times[1:], side="left"), first + 1, self.state.shape[1])
        pairs = np.minimum(np.stack([first, last], axis=1).ravel(), self.state.shape[1] - 1)
        worst = np.maximum.reduceat(self.state, pairs, axis=1)[:, ::2]
        behind = (times[:-1] >= self.edges[-1]) | (times[1:] <= self.edges[0])
        return np.where(behind, np.uint8(UNKNOWN), worst)


def states_of(result: Result, recording: Recording) -> States:
    """The states of a result."""
    faults = [(found.lead, found.start, found.stop) for found in result.fault_intervals()]
    drawing = drawing_of_result(result, recording, faults, "")
    start, duration = (
        (result.span_start, result.span_duration) if len(result.span_start) else (result.start, result.duration)
    )
    middles = start + duration / 2.0
    state = np.zeros((len(drawing.leads), len(start)), np.uint8)
    kind = np.full(state.shape, NO_KIND, np.uint8)
    for number, lead in enumerate(drawing.leads):
        for part in lead.stretches:
            inside = slice(*np.searchsorted(middles, [part.start, part.stop]))
            state[number, inside] = STATES.index(part.what)
        if lead.track is not None:
            names = span_kinds(result.local_noise[number])
            for place, name in enumerate(KINDS):
                kind[number, names == name] = place
    return States(np.append(start, start[-1] + duration[-1]), state, kind)


def instant(result: Result, second: float) -> list[dict[str, Any]]:
    """All that is known of each lead at an instant, as plain values; None where there is no number."""
    segment = int(np.clip(np.searchsorted(result.start, second, side="right") - 1, 0, len(result.start) - 1))
    span = int(
        np.clip(np.searchsorted(result.span_start, second, side="right") - 1, 0, max(0, len(result.span_start) - 1))
    )
    leads = []
    for lead, name in enumerate(result.lead_names):
        local = float(result.local_snr[lead, span]) if len(result.span_start) else float("nan")
        levels = result.noise_uv[lead, segment]
        leads.append(
            {
                "lead": name,
                "grade": str(result.grade[lead, segment]),
                "fault": str(result.fault[lead, segment]),
                "psnr": _number(result.psnr[lead, segment]),
                "snr": [_number(value) for value in result.estimated_snr[lead, segment]],
                "local_snr": _number(local),
                "agreement": _number(result.agreement[lead, segment], 2),
                "kind": str(result.noise_kind[lead, segment]),
                "microvolts": {kind: _number(level) for kind, level in zip(KINDS, levels, strict=True)},
            }
        )
    return leads


def _number(value: Any, digits: int = 1) -> float | None:
    number = float(value)
    return round(number, digits) if np.isfinite(number) else None
