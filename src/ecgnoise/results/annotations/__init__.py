"""Annotations: the intervals that are too noisy, written where other programs read them; one file a format.

``ANNOTATION_FORMATS`` is the list of formats by suffix.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ecgnoise._internal.atomic import whole_files
from ecgnoise.errors import OutputError
from ecgnoise.noise_levels import SpanRule
from ecgnoise.results.annotations import bids as events
from ecgnoise.results.annotations import edf, mask, mne, wfdb
from ecgnoise.results.annotations import json as intervals
from ecgnoise.results.annotations.mne import mne_annotations
from ecgnoise.results.grades import TOO_NOISY
from ecgnoise.results.intervals import Choice, Interval, find_intervals
from ecgnoise.results.result import Result

__all__ = ["ANNOTATION_FORMATS", "mne_annotations", "write_annotations"]

ANNOTATION_FORMATS: Final[dict[str, Callable[[Result, Path, Choice], None]]] = {
    ".qua": wfdb.write,
    ".edf": edf.write,
    ".fif": mne.write,
    ".tsv": events.write,
    ".json": intervals.write,
    ".npz": mask.write,
}


def write_annotations(
    result: Result,
    path: str | Path,
    *,
    grade: str = TOO_NOISY,
    join: float = 0.0,
    whole_segments: bool = False,
    rule: SpanRule | None = None,
    intervals: Sequence[Interval] | None = None,
) -> int:
    """Write the stretches that cannot be used where other programs read them, whole or not at all.

    Parameters
    ----------
    result : Result
        Of the recording.
    path : str or pathlib.Path
        Its suffix says the format: ``.qua`` WFDB annotations with signal quality, ``.edf`` EDF+ annotations, ``.fif``
        MNE annotations (``NAME-annot.fif``), ``.tsv`` events as in BIDS, ``.json`` plain intervals, ``.npz`` a mask.
    grade, join, whole_segments, rule
        See :meth:`Result.intervals`.
    intervals : sequence of Interval, optional
        What to write in the place of the result's intervals, such as corrected ones: those of the grade or a worse one,
        and those without a grade.

    Returns
    -------
    int
        Number of intervals.

    Raises
    ------
    OutputError
        If the suffix is another one, or the file cannot be written.
    MissingExtraError
        Without the extra ``formats`` (EDF+) or ``mne``.
    OptionError
        If the grade is unknown, or ``join`` is negative.
    """
    place = Path(path)
    write = ANNOTATION_FORMATS.get(place.suffix.lower())
    if write is None:
        raise OutputError(
            f"{place}: suffix {place.suffix!r} is none of {', '.join(ANNOTATION_FORMATS)}: choose one of them"
        )
    choice = Choice(grade, join, whole_segments, rule, None if intervals is None else tuple(intervals))
    with whole_files(place) as partial:
        write(result, partial, choice)
    return len(find_intervals(result, choice))
