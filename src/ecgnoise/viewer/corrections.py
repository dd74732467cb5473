"""Annotations that can be corrected: those of the model until somebody changes them, then what was kept beside them.

They are kept as JSON, one file per recording, whole or not at all. The results stay as they are.
"""

import json
import threading
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Final

from ecgnoise._internal.atomic import whole_files
from ecgnoise._internal.files import shown_name
from ecgnoise.errors import EcgNoiseError, OptionError, ResumeError
from ecgnoise.results.grades import GRADES
from ecgnoise.results.intervals import Interval
from ecgnoise.results.result import Result

MODEL, MANUAL = "model", "manual"
MOST: Final = 100_000


@dataclass(frozen=True)
class Annotation:
    """A stretch of one lead: seconds from the start of the recording, its grade, what it is, and who says so."""

    lead: str
    start: float
    stop: float
    grade: str
    noise: str = ""
    fault: str = ""
    author: str = MANUAL

    @property
    def interval(self) -> Interval:
        """The same as an interval."""
        return Interval(self.lead, self.start, self.stop - self.start, float("nan"), self.grade, self.fault, self.noise)


def annotations_of(result: Result) -> list[Annotation]:
    """What the model says, in order of leads and time."""
    return [
        Annotation(found.lead, found.start, found.stop, found.grade, found.noise, found.fault, MODEL)
        for found in result.intervals()
    ]


class Corrections:
    """The annotations of one recording.

    Parameters
    ----------
    place : pathlib.Path
        The file that keeps them; it is made with the first change.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self._lock = threading.Lock()

    def read(self) -> tuple[list[Annotation], int] | None:
        """What was kept, and how often it was changed; None without a change. OptionError for a damaged file."""
        if not self.place.is_file():
            return None
        try:
            kept = json.loads(self.place.read_text(encoding="utf-8"))
            return [checked(entry, None, None) for entry in kept["annotations"]], int(kept["revision"])
        except (OSError, ValueError, KeyError, TypeError, EcgNoiseError) as error:
            raise OptionError(f"{shown_name(self.place)}: no corrections, or damaged: move it away") from error

    def write(self, annotations: list[Annotation], revision: int, result: Result) -> int:
        """Keep annotations in the place of those of this revision; the next revision.

        Raises ResumeError where they were changed elsewhere in the meantime, OutputError where they cannot be written.
        """
        with self._lock:
            kept = self.read()
            current = 0 if kept is None else kept[1]
            if revision != current:
                raise ResumeError(f"{shown_name(self.place)}: changed elsewhere in the meantime: load the page again")
            content = {
                "record": result.source,
                "model": str(result.model),
                "revision": current + 1,
                "annotations": [asdict(annotation) for annotation in annotations],
            }
            with whole_files(self.place) as partial:
                text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
                partial.write_text(f"{text}\n", encoding="utf-8")
            return current + 1


def checked(entry: Any, lead_names: tuple[str, ...] | None, seconds: float | None) -> Annotation:
    """An annotation of plain values; OptionError where it is none of this recording. None: that is not checked."""
    try:
        found = Annotation(
            str(entry["lead"]),
            float(entry["start"]),
            float(entry["stop"]),
            str(entry["grade"]),
            str(entry.get("noise", "")),
            str(entry.get("fault", "")),
            str(entry.get("author", MANUAL)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise OptionError("an annotation needs a lead, a start, a stop and a grade") from error
    if found.grade not in (*GRADES, "") or found.author not in {MODEL, MANUAL}:
        raise OptionError(f"grade {found.grade!r:.40}: pass one of {', '.join(GRADES)}")
    if not (isfinite(found.start) and isfinite(found.stop) and 0 <= found.start < found.stop):
        raise OptionError(f"{found.start:g} to {found.stop:g} s: an annotation ends behind its start")
    if lead_names is not None and found.lead not in lead_names:
        raise OptionError(f"no lead {found.lead!r:.40}: pass one of {', '.join(lead_names)[:200]}")
    if seconds is not None and found.stop > seconds + 1e-3:
        raise OptionError(f"{found.stop:g} s: the recording has {seconds:g} s")
    return found
