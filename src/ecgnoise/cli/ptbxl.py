"""``ecgnoise ptbxl``: the published study, step by step."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ecgnoise.cli.options import OptionsCommand
from ecgnoise.errors import MissingExtraError, OptionError

if TYPE_CHECKING:
    from ecgnoise.ptbxl.compare import Comparison, ResultFile
    from ecgnoise.ptbxl.labels import ParsedLabels

DATABASE = "ptbxl_database.csv"


@dataclass(frozen=True)
class IndexOptions:
    """The options of ``ecgnoise ptbxl index``; its help says what they are."""

    ptbxl_folder: Path
    out: Path
    norm_only: bool


@dataclass(frozen=True)
class CompareOptions:
    """The options of ``ecgnoise ptbxl compare``; its help says what they are."""

    results: Path
    keyword: str
    out: Path | None
    figure: Path | None


@click.group(invoke_without_command=True, short_help="Reproduce the published study on PTB-XL.")
@click.pass_context
def ptbxl(context: click.Context) -> None:
    """Reproduce the published study on PTB-XL, step by step."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@ptbxl.command(cls=OptionsCommand, short_help="List clean and noisy leads.")
@click.argument("ptbxl_folder", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="Where the tables are written."
)
@click.option("--norm-only", is_flag=True, help="Train only on records that are surely normal (NORM at 100 %).")
def index(options: IndexOptions) -> None:
    """List the clean and noisy leads of PTB-XL, and those to train on and to evaluate.

    PTBXL_FOLDER has ptbxl_database.csv.
    """
    from ecgnoise.ptbxl.index import all_leads, evaluation_leads, index_sheet, training_leads
    from ecgnoise.ptbxl.labels import CLEAN, NOISES, label_sheet, parse_labels
    from ecgnoise.ptbxl.rows import write_sheets

    labels = parse_labels(options.ptbxl_folder / DATABASE)
    training = "training-norm.csv" if options.norm_only else "training.csv"
    indices = {
        training: list(training_leads(labels.records, norm_only=options.norm_only)),
        "evaluation.csv": list(evaluation_leads(labels.records)),
        "all.csv": list(all_leads(labels.records)),
    }
    sheets = {options.out / name: index_sheet(rows) for name, rows in indices.items()}
    write_sheets({options.out / "labels.csv": label_sheet(labels.records), **sheets})
    click.echo(f"wrote {options.out / 'labels.csv'}: {len(labels.records)} records")
    for name, rows in indices.items():
        counts = Counter(label for row in rows for label in row.labels)
        parts = "".join(f", {counts[label]} {label}" for label in (CLEAN, *NOISES) if counts[label])
        click.echo(f"wrote {options.out / name}: {len(rows)} leads{parts}")
    _report(labels)


def _report(labels: "ParsedLabels") -> None:
    """Say on standard error which remarks could not be read."""
    if labels.dropped:
        count = len({wording.filename_hr for wording in labels.dropped})
        click.echo(
            f"{count} of {count + len(labels.records)} records are left out, their wording is unknown:", err=True
        )
        for wording in labels.dropped:
            click.echo(f"  {wording.filename_hr}: {wording.column} {wording.text!r}", err=True)
    if labels.unread:
        words = Counter(word for wording in labels.unread for word in wording.words)
        text = ", ".join(f"{word} ({count})" for word, count in words.most_common())
        count = len({wording.filename_hr for wording in labels.unread})
        click.echo(f"{count} records have a range that marks no lead, as published: {text}", err=True)


@ptbxl.command(cls=OptionsCommand, short_help="Rank models by how far noisy leads lie from clean ones.")
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--keyword", default="", metavar="TEXT", help="Only result files with this in their name.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Where compare.csv and .png go [default: RESULTS]"
)
@click.option(
    "--figure", type=click.Path(path_type=Path), metavar="FILE", help="The file to draw [default: the first in rank]"
)
def compare(options: CompareOptions) -> None:
    """Compare the result files in the folder RESULTS: clean leads of fold 10 with noisy leads.

    Files are ranked by the mean signed Wasserstein-1 distance of static noise, burst noise and baseline drift.
    """
    from ecgnoise.cli.bar import Bar
    from ecgnoise.ptbxl.compare import compare_results, comparison_sheet, find_results, ranking_lines
    from ecgnoise.ptbxl.rows import write_sheets

    files = find_results(options.results, options.keyword)
    drawn = _file_to_draw(files, options.figure)
    with Bar(len(files)) as bar:
        comparisons = compare_results(files, lambda done, file: bar.show(done, file.path.name))
    folder = options.out or options.results
    click.echo("\n".join(ranking_lines(comparisons)))
    write_sheets({folder / "compare.csv": comparison_sheet(comparisons)})
    click.echo(f"wrote {folder / 'compare.csv'}")
    chosen = next((comparison for comparison in comparisons if comparison.file == drawn), comparisons[0])
    _draw(chosen, folder / "compare.png", asked=drawn is not None)


def _file_to_draw(files: "tuple[ResultFile, ...]", figure: Path | None) -> "ResultFile | None":
    """The file named, by its path or its name in the folder; None where none is named."""
    if figure is None:
        return None
    for file in files:
        if figure == Path(file.path.name) or figure.resolve() == file.path.resolve():
            return file
    names = ", ".join(file.path.name for file in files)
    raise OptionError(f"--figure {figure}: not one of the files that are compared: name one of {names}")


def _draw(comparison: "Comparison", path: Path, *, asked: bool) -> None:
    """Draw; without matplotlib say so, which is an error only where a figure was asked for."""
    from ecgnoise.ptbxl.compare import draw_distributions

    try:
        draw_distributions(comparison, path)
    except MissingExtraError as error:
        if asked:
            raise
        click.echo(f"no figure: {error}", err=True)
    else:
        click.echo(f"wrote {path}: the distributions of {comparison.file.path.name}")
