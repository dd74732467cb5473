"""``ecgnoise archive``: very many recordings into a folder of results."""

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ecgnoise._internal.files import SEPARATOR
from ecgnoise._internal.remote import RemotePath, is_remote
from ecgnoise.cli.endings import GOES_ON, NOTHING_DONE, SOME_FAILED, after_stop, exit_codes
from ecgnoise.cli.options import OptionsCommand, parts_option, quiet_option, reading_options, scoring_options
from ecgnoise.cli.score import named_recordings
from ecgnoise.errors import MissingFileError

if TYPE_CHECKING:
    from ecgnoise.batch.sources import Manifest

EXIT_CODES: Final = exit_codes(
    done="every file was scored",
    some="some files were scored, others could not be: errors.csv in the folder lists them",
    nothing="no file was scored",
)


@dataclass(frozen=True)
class ArchiveCommandOptions:
    """The options of ``ecgnoise archive``; its help says what they are."""

    paths: tuple[str, ...]
    files: str | None
    out: str
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
    cluster: str | None
    part_size: int | None
    update: bool
    retry_errors: bool
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
@click.argument("paths", nargs=-1, metavar="FILE|FOLDER|GLOB|URL...")
@click.option("--files", metavar="LIST", help="A list of recordings: Parquet, CSV, or - for one piped in.")
@click.option(
    "--out",
    required=True,
    metavar="RESULTS",
    help="The folder of results, or its URL; one that was begun is gone on with.",
)
@reading_options
@scoring_options
@parts_option
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes that score.")
@click.option("--shard", callback=shard_numbers, metavar="I/N", help="Do the I-th of N shares of the recordings.")
@click.option("--cluster", metavar="NAME", help="local:4, slurm:4, kubernetes:4, or a scheduler: tcp://host:8786.")
@click.option("--part-size", type=click.IntRange(1), metavar="N", help="Recordings in a part  [default: 64 or 1000]")
@click.option("--update", is_flag=True, help="Score what is new or has changed in a folder that was begun.")
@click.option("--retry-errors", is_flag=True, help="Try again what could not be scored before.")
@quiet_option
def archive(options: ArchiveCommandOptions) -> None:
    """Score very many recordings into a folder of results, in parts that are whole whenever it is stopped.

    Takes what ecgnoise score takes, and URLs of object stores such as s3://bucket/ecg/. The folder holds the scores as
    Parquet, a summary, and the files that could not be scored; ecgnoise annotate makes annotations of it.
    """
    from ecgnoise.batch.archive import ArchiveOptions, may_crash, score_archive
    from ecgnoise.batch.summary import overview_text
    from ecgnoise.cli.progress import Bar
    from ecgnoise.readers import ReadOptions

    files, risky = _recordings(options)
    asked = ArchiveOptions(
        model=options.model,
        reading=ReadOptions(options.sampling_frequency, options.units, options.leads),
        parts=options.parts,
        batch_size=options.batch_size,
        threads=options.threads,
        device=options.device,
        jobs=options.jobs,
        apart=may_crash(risky) and options.cluster is None,
        shard=options.shard or (1, 1),
        cluster=options.cluster,
        part_size=options.part_size,
        update=options.update,
        retry_errors=options.retry_errors,
    )
    after_stop(f"the parts in {options.out} are whole, {GOES_ON}")
    with Bar(1.0, io.StringIO() if options.quiet else None) as bar:
        found = score_archive(
            files,
            options.out,
            asked,
            progress=lambda tried, total: bar.show(tried / total, f"{tried}/{total}"),
            note=lambda line: None if options.quiet else bar.echo(line, err=True),
        )
    if not options.quiet:
        click.echo(overview_text(found, shown_place(options.out)))
    if found.failed:
        click.get_current_context().exit(SOME_FAILED if found.scored else NOTHING_DONE)


def _recordings(options: ArchiveCommandOptions) -> "tuple[list[str | Path] | Manifest, list[Path]]":
    """The recordings that are named, or their list; and which of them are known files of this machine."""
    if (options.files is None) == (not options.paths):
        raise click.UsageError("pass the recordings, or their list by --files, and not both")
    if options.files is not None:
        from ecgnoise.batch.sources import Manifest

        return Manifest(options.files), []
    urls = [path for path in options.paths if is_remote(path)]
    paths = tuple(path for path in options.paths if not is_remote(path))
    out = None if is_remote(options.out) else Path(options.out)
    local = named_recordings(paths, out)
    if local and not any(os.path.lexists(str(file).partition(SEPARATOR)[0]) for file in local) and not urls:
        raise MissingFileError(f"{local[0]}: no such file: check the path")  # before a folder is made for nothing
    return [*urls, *local], local


def shown_place(out: str) -> RemotePath | Path:
    """The folder of results, as it is told."""
    return RemotePath(out) if is_remote(out) else Path(out)
