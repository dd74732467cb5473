"""MNE-Python annotations: ``BAD_noise`` on the channels concerned, which MNE leaves out of epochs by itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecgnoise._internal.extras import extra
from ecgnoise.errors import OutputError
from ecgnoise.noise_levels import SpanRule
from ecgnoise.results.grades import TOO_NOISY
from ecgnoise.results.intervals import Choice, Interval, find_intervals
from ecgnoise.results.result import Result

if TYPE_CHECKING:
    import mne

DESCRIPTION: Final = "BAD_noise"
ENDINGS: Final = ("-annot.fif", "_annot.fif")


def mne_annotations(
    result: Result,
    grade: str = TOO_NOISY,
    *,
    join: float = 0.0,
    whole_segments: bool = False,
    rule: SpanRule | None = None,
) -> "mne.Annotations":
    """Return the stretches that cannot be used as annotations of MNE.

    Parameters
    ----------
    result : Result
        Of the recording; its lead names must be the channel names in MNE.
    grade, join, whole_segments, rule
        See :meth:`Result.intervals`.

    Returns
    -------
    mne.Annotations
        ``BAD_noise`` each, without ``orig_time``: onsets in seconds from the first sample. Pass them to
        ``raw.set_annotations``.

    Raises
    ------
    MissingExtraError
        Without the extra ``mne``.
    OptionError
        If the grade is unknown, or ``join`` is negative.
    """
    return _annotations(find_intervals(result, Choice(grade, join, whole_segments, rule)))


def _annotations(found: Sequence[Interval]) -> "mne.Annotations":
    """The intervals as MNE has them."""
    with extra("MNE annotations", "mne"):
        import mne
    return mne.Annotations(
        onset=[interval.start for interval in found],
        duration=[interval.duration for interval in found],
        description=[DESCRIPTION] * len(found),
        ch_names=[(interval.lead,) for interval in found],
    )


def write(result: Result, path: Path, choice: Choice) -> None:
    """Write them as MNE does; OutputError for a name that MNE would not read."""
    if not path.name.endswith(ENDINGS):
        raise OutputError(f"{path.name}: MNE reads annotations named NAME-annot.fif: call it {path.stem}-annot.fif")
    _annotations(find_intervals(result, choice)).save(path, verbose="error")
