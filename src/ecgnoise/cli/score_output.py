"""What ``ecgnoise score`` prints: a table for each of a few recordings, a line for each of many, and a summary."""

from collections import Counter
from typing import Final

from ecgnoise.batch.summary import WORST_TOLD, RunningOverview, overview_lines
from ecgnoise.cli.progress import Bar
from ecgnoise.cli.text import result_text
from ecgnoise.results.result import Result

TABLES: Final = 4  # recordings that have a table each; of more each has a line
NOTES_TOLD: Final = 10


class Report:
    """Prints what becomes of recordings, one by one, and all of them at the end.

    recordings: how many there are. every_row: print the whole table of each. quiet: print nothing. err: print on
    standard error, where standard output is for the table.
    """

    def __init__(self, bar: Bar, recordings: int, *, every_row: bool, quiet: bool, err: bool) -> None:
        self._bar = bar
        self._recordings = recordings
        self._every_row = every_row
        self._quiet = quiet
        self._err = err
        self._lines = recordings > TABLES and not every_row
        self._overview = RunningOverview()
        self._notes: Counter[str] = Counter()
        self._annotated: Counter[str] = Counter()
        self._annotated_line = ""

    def result(self, result: Result) -> None:
        """A recording was scored."""
        if self._quiet:
            return
        if self._recordings > 1:
            self._overview.add(result.rows())
        if self._lines:
            self._notes.update(map(str, (*result.notes, *result.lead_remarks)))
            self.say(f"{result.source}: {result.verdict()}")
        else:
            self.say(result_text(result, every_row=self._every_row) + "\n")

    def annotations(self, place: str, pattern: str, intervals: int) -> None:
        """Annotations of a recording were written."""
        if self._lines:
            self._annotated.update({"files": 1, "intervals": intervals})
            self._annotated_line = (
                f"wrote {self._annotated['files']} files {pattern}: {self._annotated['intervals']} intervals"
            )
        else:
            self.say(f"wrote {place}: {intervals} interval{'s' * (intervals != 1)}")

    def summary(self) -> None:
        """Say what all recordings gave, where there are several."""
        if self._recordings == 1 or self._quiet:
            return
        found = self._overview.of(self._recordings)
        lines = [f"{found.scored} of {found.recordings} recordings scored", *overview_lines(found, WORST_TOLD)]
        told = self._notes.most_common(NOTES_TOLD)
        lines += [f"note of {count} recording{'s' * (count != 1)}: {note}" for note, count in told]
        if len(self._notes) > len(told):
            lines.append(f"{len(self._notes) - len(told)} other notes: the column notes of a table has them all")
        if self._annotated:
            lines.append(self._annotated_line)
        self.say("\n".join(lines))

    def say(self, text: str) -> None:
        """Print something that is no error, unless nothing is to be printed."""
        if not self._quiet:
            self._bar.echo(text, err=self._err)
