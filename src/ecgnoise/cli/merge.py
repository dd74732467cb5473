"""``ecgnoise merge``: the parts of a folder of results in few large files."""

from dataclasses import dataclass
from pathlib import Path

import click

from ecgnoise.cli.options import OptionsCommand, quiet_option


@dataclass(frozen=True)
class MergeOptions:
    """The options of ``ecgnoise merge``; its help says what they are."""

    results: str
    out: Path
    rows: int
    by: tuple[str, ...]
    quiet: bool


@click.command(cls=OptionsCommand, short_help="Merge the parts of a folder of results.")
@click.argument("results", metavar="RESULTS")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="An empty or new folder.")
@click.option("--rows", type=click.IntRange(1), default=5_000_000, show_default=True, help="Rows in a file, about.")
@click.option("--by", multiple=True, metavar="COLUMN", help="A folder for each value of a column, as Hive has them.")
@quiet_option
def merge(options: MergeOptions) -> None:
    """Merge the many parts of a folder of results, or its URL, into few large ones: the same rows in the same order.

    With --by the rows are divided, into folders such as site=north; several columns give folders within folders.
    Parts of another model or version of ecgnoise are not merged with others.
    """
    from ecgnoise.results.merged import merge_results

    count = merge_results(options.results, options.out, rows=options.rows, by=options.by)
    if not options.quiet:
        click.echo(f"wrote {count} file{'s' * (count != 1)} to {options.out}")
