"""``ecgnoise archive``: very many recordings into a folder of results."""

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from ecgnoise._internal.files import SEPARATOR
from ecgnoise.cli.endings import GOES_ON, NOTHING_DONE, SOME_FAILED, after_stop, exit_codes
from ecgnoise.cli.options import OptionsCommand, parts_option, quiet_option, reading_options, scoring_options
from ecgnoise.cli.score import named_recordings
from ecgnoise.errors import MissingFileError

EXIT_CODES: Final = exit_codes(
    done="every file was scored",
    some="some files were scored, others could not be: errors.csv in the folder lists them",
    nothing="no file was scored",
)


@dataclass(frozen=True)
class ArchiveCommandOptions:
    """The options of ``ecgnoise archive``; its help says what they are."""

    paths: tuple[str, ...]
    out: Path
    sampling_frequency: float | None
    units: str | None
    leads: tuple[str, ...] | None
    model: str
    parts: int
    batch_size: int | None
    threads: int | None
    device: str
    jobs: int
    shard: tuple[int, int] | None
    quiet: bool


def shard_numbers(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """The two numbers in ``2/8``; None where the option is not given."""
    if value is None:
        return None
    number, slash, count = value.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise click.BadParameter(f"{value!r}: pass the number of the shard, from 1, and how many there are: 2/8")
    return int(number), int(count)


@click.command(cls=OptionsCommand, short_help="Score an archive into a folder of results.", epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, required=True, metavar="FILE|FOLDER|GLOB...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="RESULTS",
    help="The folder of results; one that was begun is gone on with.",
)
@reading_options
@scoring_options
@parts_option
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes that score.")
@click.option("--shard", callback=shard_numbers, metavar="I/N", help="Do the I-th of N shares of the recordings.")
@quiet_option
def archive(options: ArchiveCommandOptions) -> None:
    """Score very many recordings into a folder of results, in parts that are whole whenever it is stopped.

    Takes what ecgnoise score takes. The folder holds the scores as Parquet, a summary, and the files that could not be
    scored; ecgnoise annotate makes annotations of it.
    """
    from ecgnoise.batch.archive import ArchiveOptions, may_crash, score_archive
    from ecgnoise.batch.summary import overview_text
    from ecgnoise.cli.progress import Bar
    from ecgnoise.readers import ReadOptions

    files = named_recordings(options.paths, options.out)

    asked = ArchiveOptions(
        model=options.model,
        reading=ReadOptions(options.sampling_frequency, options.units, options.leads),
        parts=options.parts,
        batch_size=options.batch_size,
        threads=options.threads,
        device=options.device,
        jobs=options.jobs,
        apart=may_crash(files),
        shard=options.shard or (1, 1),
    )
    out = options.out
    if not any(os.path.lexists(str(file).partition(SEPARATOR)[0]) for file in files):
        raise MissingFileError(f"{files[0]}: no such file: check the path")  # before a folder is made for nothing
    after_stop(f"the parts in {out} are whole, {GOES_ON}")
    with Bar(1.0, io.StringIO() if options.quiet else None) as bar:
        found = score_archive(
            files, out, asked, progress=lambda tried, total: bar.show(tried / total, f"{tried}/{total}")
        )
    if not options.quiet:
        click.echo(overview_text(found, out))
    if found.failed:
        click.get_current_context().exit(SOME_FAILED if found.scored else NOTHING_DONE)
