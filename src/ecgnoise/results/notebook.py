"""How a result looks in a notebook: a small table with a strip of each lead's grades over time."""

from html import escape
from typing import Final

import numpy as np

from ecgnoise.figures.style import FAULT_SHADE, GRADE_SHADES
from ecgnoise.noise_levels import KINDS
from ecgnoise.results.grades import GRADES
from ecgnoise.results.scores import Scores

MOST_LEADS: Final = 24
MOST_COLUMNS: Final = 120
WIDTH: Final = 240
HEIGHT: Final = 12
COLUMNS: Final = ("lead", "grades over time", "SNR, dB (median)", "strongest noise", "analysable, %")


def html_of(scores: Scores, verdict: str, analysable: np.ndarray) -> str:
    """A table in HTML: a row per lead, at most 24 of them.

    verdict: the line above it. analysable: per cent of each lead's time, (leads,).
    """
    rows = [
        f"<tr><th>{escape(name)}</th><td>{_strip(scores, lead)}</td><td>{_median(scores.readable_snr[lead])}</td>"
        f"<td>{escape(_strongest(scores, lead))}</td><td>{analysable[lead]:.0f}</td></tr>"
        for lead, name in enumerate(scores.lead_names[:MOST_LEADS])
    ]
    head = "".join(f"<th>{title}</th>" for title in COLUMNS)
    left = len(scores.lead_names) - MOST_LEADS
    more = f"<p>and {left} more leads</p>" if left > 0 else ""
    return (
        f"<div><p><b>{escape(scores.record)}</b>: {escape(verdict)}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>{more}</div>"
    )


def _strip(scores: Scores, lead: int) -> str:
    """A picture of the worst grade in each stretch of time, with words for who cannot see it."""
    ranks = {grade: rank for rank, grade in enumerate((*GRADES, ""))}
    worst = np.array([ranks[grade] for grade in scores.grade[lead].tolist()])
    firsts = np.unique(np.linspace(0, len(worst), min(len(worst), MOST_COLUMNS), endpoint=False).astype(np.int64))
    worst = np.maximum.reduceat(worst, firsts)
    edges = np.append(scores.start[firsts], scores.seconds) * WIDTH / scores.seconds
    colours = (*(GRADE_SHADES[grade].colour for grade in GRADES), FAULT_SHADE.colour)
    areas = "".join(
        f'<rect x="{left:.1f}" y="0" width="{right - left:.1f}" height="{HEIGHT}" fill="{colours[rank]}"/>'
        for left, right, rank in zip(edges[:-1], edges[1:], worst.tolist(), strict=True)
    )
    counts = ", ".join(
        f"{int((scores.grade[lead] == grade).sum())} {grade or 'without a score'}"
        for grade in (*GRADES, "")
        if (scores.grade[lead] == grade).any()
    )
    frame = f'<rect x="0" y="0" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#888888"/>'
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg {size} role="img"><title>{counts}</title>{areas}{frame}</svg>'


def _median(snr: np.ndarray) -> str:
    known = snr[np.isfinite(snr)]
    return f"{np.median(known):.0f}" if known.size else "-"


def _strongest(scores: Scores, lead: int) -> str:
    """The kind of noise that counts most in most lead-segments, with its median RMS where the unit is known."""
    kinds, counts = np.unique(scores.noise_kind[lead][scores.noise_kind[lead] != ""], return_counts=True)
    if not len(kinds):
        return "-"
    kind = str(kinds[counts.argmax()])
    levels = scores.noise_uv[lead, :, KINDS.index(kind)]
    known = levels[np.isfinite(levels)]
    words = kind.replace("_", " ")
    return f"{words}, {np.median(known):.0f} uV" if known.size else words
