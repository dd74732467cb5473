"""``ecgnoise ptbxl``: the published study, step by step."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ecgnoise.cli.endings import GOES_ON, SOME_FAILED, after_stop, exit_codes
from ecgnoise.cli.evaluate import evaluate
from ecgnoise.cli.options import OptionsCommand
from ecgnoise.errors import MissingExtraError, OptionError

if TYPE_CHECKING:
    from ecgnoise.ptbxl.compare import Comparison, ResultFile
    from ecgnoise.ptbxl.labels import ParsedLabels
    from ecgnoise.ptbxl.prepare import Prepared
    from ecgnoise.ptbxl.refine import TrainingValues

DATABASE = "ptbxl_database.csv"
FAILED = "failed.csv"
MOST_LISTED = 20
EXISTING_ONLY = "The folder holds a part of PTB-XL: take the records that are there."
PREPARE_CODES: Final = exit_codes(
    done="all records are in the store, with --existing-only all that are in the folder",
    some="some records are not: they are listed at the end",
    nothing="nothing could be done",
)


@dataclass(frozen=True)
class IndexOptions:
    """The options of ``ecgnoise ptbxl index``; its help says what they are."""

    ptbxl_folder: Path
    out: Path
    norm_only: bool
    existing_only: bool


@dataclass(frozen=True)
class PrepareOptions:
    """The options of ``ecgnoise ptbxl prepare``; its help says what they are."""

    ptbxl_folder: Path
    out: Path
    profile: str
    dtype: str
    rate: str
    jobs: int | None
    cluster: str | None
    existing_only: bool


@dataclass(frozen=True)
class CompareOptions:
    """The options of ``ecgnoise ptbxl compare``; its help says what they are."""

    results: Path
    keyword: str
    out: Path | None
    figure: Path | None
    examples: Path | None


@dataclass(frozen=True)
class RefineOptions:
    """The options of ``ecgnoise ptbxl refine``; its help says what they are."""

    static_file: Path
    burst_file: Path
    metric: str
    static_percentage: float
    burst_percentage: float
    out: Path


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
@click.option("--existing-only", is_flag=True, help=EXISTING_ONLY)
def index(options: IndexOptions) -> None:
    """List the clean and noisy leads of PTB-XL, and those to train on and to evaluate.

    PTBXL_FOLDER has ptbxl_database.csv.
    """
    from ecgnoise.ptbxl.index import all_leads, evaluation_leads, existing_records, index_sheet, training_leads
    from ecgnoise.ptbxl.labels import CLEAN, NOISES, label_sheet, parse_labels
    from ecgnoise.ptbxl.rows import write_sheets

    labels = parsed = parse_labels(options.ptbxl_folder / DATABASE)
    if options.existing_only:
        there = existing_records(labels.records, options.ptbxl_folder)
        _report_absent(len(labels.records) - len(there), len(labels.records), options.ptbxl_folder, left_out=True)
        labels = replace(labels, records=tuple(there))
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
    _report(parsed)


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


@ptbxl.command(cls=OptionsCommand, short_help="Draw all leads into one store.", epilog=PREPARE_CODES)
@click.argument("ptbxl_folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="STORE", help="The folder to make.")
@click.option(
    "--profile",
    type=click.Choice(["default", "paper"]),
    default="default",
    show_default=True,
    help="How a lead becomes an image.",
)
@click.option(
    "--dtype",
    type=click.Choice(["uint8", "float16"]),
    default="uint8",
    show_default=True,
    help="uint8: images in whole grey levels. float16: levels.",
)
@click.option(
    "--rate",
    type=click.Choice(["500", "100"]),
    default="500",
    show_default=True,
    help="Sampling frequency in Hz: records500 or records100.",
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Records drawn at once.  [default: one a core]")
@click.option(
    "--cluster",
    metavar="NAME",
    help="Draw there: local:4, slurm:4, kubernetes:4, or a scheduler: tcp://host:8786. Its workers see both folders.",
)
@click.option("--existing-only", is_flag=True, help=EXISTING_ONLY)
def prepare(options: PrepareOptions) -> None:
    """Draw the superlet images of all leads of PTB-XL into one store.

    PTBXL_FOLDER has ptbxl_database.csv and the records. Stopped or killed, it goes on where it was when it is called
    again.
    """
    from ecgnoise.ptbxl.labels import parse_labels

    if options.cluster is not None and options.jobs is not None:
        raise click.UsageError("pass --jobs or --cluster: the cluster says how many are drawn at once")
    labels = parse_labels(options.ptbxl_folder / DATABASE)
    after_stop(f"records that are done stay; {GOES_ON}")
    outcome = _prepare(options, labels)
    click.echo(f"{options.out}: {outcome.done} of {outcome.records} records, {outcome.now} of them drawn now")
    _report(labels)
    _report_absent(len(outcome.absent), outcome.records, options.ptbxl_folder, left_out=options.existing_only)
    if _report_failed(options.out / FAILED, outcome, existing_only=options.existing_only):
        click.get_current_context().exit(SOME_FAILED)


def _prepare(options: PrepareOptions, labels: "ParsedLabels") -> "Prepared":
    from ecgnoise.cli.progress import Bar
    from ecgnoise.ptbxl.prepare import prepare as draw
    from ecgnoise.ptbxl.store import StoreDescription
    from ecgnoise.scalogram.profile import PROFILES

    description = StoreDescription(PROFILES[options.profile], options.dtype, int(options.rate))
    with Bar(1.0) as bar:

        def progress(done: int, total: int) -> None:
            bar.show(done / total, f"{done} of {total} records")

        folder, out, run = options.ptbxl_folder, options.out, None
        if options.cluster is not None:
            from ecgnoise.batch.cluster import calls_on

            folder, out = folder.absolute(), out.absolute()  # workers have working folders of their own
            run = calls_on(options.cluster, str(options.out), lambda line: click.echo(line, err=True))
        return draw(folder, labels.records, out, description, jobs=options.jobs, run=run, progress=progress)


def _report_absent(absent: int, records: int, folder: Path, *, left_out: bool) -> None:
    """Say on standard error how many records are not in the folder, on one line."""
    if absent:
        what = "left out" if left_out else "fetch them, or pass --existing-only"
        click.echo(f"{absent} of {records} records are not in {folder}: {what}", err=True)


def _report_failed(path: Path, outcome: "Prepared", *, existing_only: bool) -> bool:
    """Write which records are not in the store, and name the first on standard error; whether there are any.

    Those that are not in the folder are not named, and with ``existing_only`` do not count.
    """
    from ecgnoise.ptbxl.rows import Sheet, write_sheets

    path.unlink(missing_ok=True)
    named = {name: reason for name, reason in outcome.failed.items() if name not in outcome.absent}
    counted = named if existing_only else outcome.failed
    if not counted:
        return False
    write_sheets({path: Sheet(("filename", "reason"), counted.items())})
    if named:
        click.echo(f"{len(named)} records cannot be drawn:", err=True)
        for name, reason in list(named.items())[:MOST_LISTED]:
            click.echo(f"  {name}: {reason}", err=True)
    if len(named) > MOST_LISTED:
        click.echo(f"  and {len(named) - MOST_LISTED} more: see {path}", err=True)
    return True


ptbxl.add_command(evaluate)


@ptbxl.command(cls=OptionsCommand, short_help="Rank models by how far noisy leads lie from clean ones.")
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--keyword", default="", metavar="TEXT", help="Only result files with this in their name.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Where compare.csv and .png go [default: RESULTS]"
)
@click.option(
    "--figure", type=click.Path(path_type=Path), metavar="FILE", help="The file to draw [default: the first in rank]"
)
@click.option(
    "--examples", type=click.Path(path_type=Path), metavar="STORE", help="Draw example leads of this store too."
)
def compare(options: CompareOptions) -> None:
    """Compare the result files in the folder RESULTS: clean leads of fold 10 with noisy leads.

    Files are ranked by the mean signed Wasserstein-1 distance of static noise, burst noise and baseline drift.
    """
    from ecgnoise.cli.progress import Bar
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
    if options.examples is not None:
        from ecgnoise.ptbxl.examples import draw_examples
        from ecgnoise.ptbxl.store import open_store

        draw_examples(chosen.file, open_store(options.examples), folder / "examples.png")
        click.echo(f"wrote {folder / 'examples.png'}: clean and noisy leads of {chosen.file.path.name}")


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


@ptbxl.command(cls=OptionsCommand, short_help="List the clean leads that two models take for the cleanest.")
@click.option(
    "--static-file",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="Result file of the model best at static noise.",
)
@click.option(
    "--burst-file",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="Result file of the model best at burst noise.",
)
@click.option(
    "--metric",
    type=click.Choice(["psnr", "ssim", "mse", "mae"]),
    default="psnr",
    show_default=True,
    help="The metric of both files.",
)
@click.option(
    "--static-percentage",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    default=0.5,
    show_default=True,
    metavar="SHARE",
    help="How much of the static file to keep: above 0, at most 1.",
)
@click.option(
    "--burst-percentage",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    default=0.5,
    show_default=True,
    metavar="SHARE",
    help="How much of the burst file to keep: above 0, at most 1.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="LIST", help="The CSV file to write.")
def refine(options: RefineOptions) -> None:
    """List the clean leads of folds 1 to 9 that are in the top share of both result files.

    Both files must have all leads of all folds, as those do whose names begin with all_.
    """
    from ecgnoise.ptbxl.index import index_sheet
    from ecgnoise.ptbxl.refine import refine as intersect
    from ecgnoise.ptbxl.refine import result_of
    from ecgnoise.ptbxl.rows import write_sheets

    static, burst = (result_of(path, options.metric) for path in (options.static_file, options.burst_file))
    refined = intersect(static, burst, options.static_percentage, options.burst_percentage)
    write_sheets({options.out: index_sheet(refined.both)})
    click.echo(_kept("static", refined.static, len(refined.best_static)))
    click.echo(_kept("burst", refined.burst, len(refined.best_burst)))
    click.echo(f"wrote {options.out}: {len(refined.both)} leads that are in both")


def _kept(name: str, values: "TrainingValues", count: int) -> str:
    left_out = f", {values.left_out} without a value left out" if values.left_out else ""
    return f"{name}: {count} of {len(values.leads)} clean training leads{left_out} ({values.file.path})"
