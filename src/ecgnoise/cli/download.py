"""``ecgnoise download``: a database of recordings from PhysioNet."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ecgnoise.cli.endings import GOES_ON, NOTHING_DONE, SOME_FAILED, after_stop, exit_codes
from ecgnoise.cli.options import OptionsCommand
from ecgnoise.datasets.catalog import BASE_URL, DATABASES

if TYPE_CHECKING:
    from ecgnoise.datasets.download import Downloaded

EXIT_CODES: Final = exit_codes(
    done="all files are there, whole",
    some="some files could not be fetched: they are listed at the end",
    nothing="no file could be fetched",
)


@dataclass(frozen=True)
class DownloadChoice:
    """The options of ``ecgnoise download``; its help says what they are."""

    database: str | None
    out: Path | None
    only: tuple[str, ...]
    jobs: int
    base_url: str
    list_all: bool


@click.command(cls=OptionsCommand, short_help="Fetch a database from PhysioNet.", epilog=EXIT_CODES)
@click.argument(
    "database", required=False, metavar="[DATABASE]", type=click.Choice([database.name for database in DATABASES])
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="[default: the database's name]")
@click.option(
    "--only", multiple=True, metavar="GLOB", help="Only files like this; * also matches /. May be given several times."
)
@click.option("--jobs", type=click.IntRange(1, 32), default=4, show_default=True, help="Files fetched at once.")
@click.option("--base-url", default=BASE_URL, show_default=True, metavar="URL", help="A mirror with the same layout.")
@click.option("--list", "list_all", is_flag=True, help="List the databases with version and licence.")
def download(options: DownloadChoice) -> None:
    """Fetch a DATABASE of recordings, every file compared with its SHA-256 sum.

    Stopped or broken off, it goes on where it was when it is called again.
    """
    if options.list_all:
        for database in DATABASES:
            click.echo(f"{database.name:<15} {database.version}  {database.licence:<10}  {database.title}")
        return
    if options.database is None:
        raise click.UsageError("no database: name one, or pass --list to see them")
    after_stop(f"files that are whole stay; {GOES_ON}")
    outcome = _fetch(options)
    click.echo(f"{outcome.folder}: {outcome.whole} files whole, {outcome.fetched} of them fetched now")
    if outcome.failed:
        _report(outcome)
        click.get_current_context().exit(SOME_FAILED if outcome.whole else NOTHING_DONE)


def _fetch(options: DownloadChoice) -> "Downloaded":
    from ecgnoise.cli.progress import Bar
    from ecgnoise.datasets.download import DownloadOptions
    from ecgnoise.datasets.download import download as fetch

    (database,) = [database for database in DATABASES if database.name == options.database]
    with Bar(1.0) as bar:

        def progress(done: int, total: int, received: int) -> None:
            bar.show(done / total, f"{done} of {total} files, {received / 1e6:.0f} MB")

        chosen = DownloadOptions(options.base_url, options.only, options.jobs)
        return fetch(database, options.out or Path(database.name), chosen, progress=progress)


def _report(outcome: "Downloaded") -> None:
    """Say on standard error which files could not be fetched, one line each."""
    click.echo(f"{len(outcome.failed)} files could not be fetched:", err=True)
    for path, error in outcome.failed.items():
        click.echo(f"  {path}: {' '.join(str(error).split())}", err=True)
    if outcome.untried:
        click.echo(f"{outcome.untried} more were not tried: run the same command again later", err=True)
