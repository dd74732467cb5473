"""``ecgnoise report``: scored recordings as one page in HTML."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ecgnoise.cli.endings import exit_codes
from ecgnoise.cli.one_recording import RecordingOptions, read_and_score
from ecgnoise.cli.options import OptionsCommand, model_options, quiet_option, reading_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecgnoise.cli.progress import Bar
    from ecgnoise.results.result import Result

MOST_TOLD: Final = 5
EXIT_CODES: Final = exit_codes(
    done="the report is written", nothing="no report could be written", stopped="no report is written"
)


@dataclass(frozen=True)
class ReportOptions(RecordingOptions):
    """The options of ``ecgnoise report``; its help says what they are."""

    source: Path
    out: Path
    recordings: Path | None
    title: str | None
    quiet: bool


@click.command(cls=OptionsCommand, short_help="Write a report on scored recordings.", epilog=EXIT_CODES)
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE.html", help="The page.")
@click.option(
    "--recordings",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where recordings are that no longer lie where they were scored.",
)
@click.option("--title", metavar="TEXT", help="The title of the page.")
@reading_options
@model_options
@quiet_option
def report(options: ReportOptions) -> None:
    """Write a report as one HTML page, which opens without a network and prints well.

    SOURCE is a folder of ecgnoise archive, a table of ecgnoise score --out, or a recording, which is scored first.

    Needs the extra report.
    """
    from ecgnoise.cli.progress import Bar
    from ecgnoise.report import write_report

    with Bar(1.0, io.StringIO() if options.quiet else None) as bar:
        results = _results(options, bar)
        left = write_report(
            results,
            options.out,
            recordings=options.recordings,
            title=options.title,
            progress=lambda done: bar.show(0.0, f"{done} results"),
        )
    for entry in left[:MOST_TOLD]:
        click.echo(f"no picture of {entry.record}: {entry.reason}", err=True)
    if len(left) > MOST_TOLD:
        click.echo(f"and {len(left) - MOST_TOLD} more pictures that could not be drawn; the page says why", err=True)
    if not options.quiet:
        click.echo(f"wrote {options.out}")


def _results(options: ReportOptions, bar: "Bar") -> "Path | Sequence[Result]":
    """The place of saved results, or those of a recording that is scored now."""
    from ecgnoise.errors import UnknownFormatError, UnreadableFileError
    from ecgnoise.results.saved import iterate_results

    try:
        next(iterate_results(options.source), None)
    except (UnknownFormatError, UnreadableFileError):
        if options.source.is_dir() or not options.source.exists():
            raise
    else:
        return options.source
    return [read_and_score(options.source, options, bar)[1]]
