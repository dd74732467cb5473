"""EDF+ annotations: a file without signals that lies beside the recording.

EDF+ (Kemp and Olivan, Clin Neurophysiol 114:1755-1761, 2003), section 2.2: annotations with onset and duration. The
channel follows the text behind ``@@``, as EDFbrowser and MNE write and read it.
"""

from pathlib import Path
from typing import Final

from ecgnoise._internal.extras import extra
from ecgnoise.results.intervals import Choice, find_intervals
from ecgnoise.results.result import Result

DESCRIPTION: Final = "BAD_noise"
CHANNEL: Final = "@@"


def write(result: Result, path: Path, choice: Choice) -> None:
    """Write one annotation an interval, and one that says what was scored, so that no file is without any."""
    with extra("writing EDF+", "formats"):
        from edfio import Edf, EdfAnnotation, Recording
    start = result.recording_start
    noisy = [
        EdfAnnotation(round(interval.start, 6), round(interval.duration, 6), f"{DESCRIPTION}{CHANNEL}{interval.lead}")
        for interval in find_intervals(result, choice)
    ]
    scored = EdfAnnotation(0.0, round(result.seconds, 6), f"noise scored by {result.model}")
    Edf(
        [],
        recording=Recording(startdate=start.date()) if start else None,
        starttime=start.time().replace(tzinfo=None) if start else None,
        annotations=[scored, *noisy],
    ).write(path)
