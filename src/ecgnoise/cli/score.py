"""``ecgnoise score``: files in, tables out."""

import glob
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ecgnoise._internal.files import SEPARATOR, shown_name
from ecgnoise.cli.annotate import annotation_path, check_annotations
from ecgnoise.cli.options import KEPT, OptionsCommand, comma_separated
from ecgnoise.cli.streams import INTERRUPTED
from ecgnoise.errors import EcgNoiseError, MissingFileError, OutputError, UnreadableFileError, one_line
from ecgnoise.results.grades import GRADES, TOO_NOISY

if TYPE_CHECKING:
    from ecgnoise.batch.files import Scored
    from ecgnoise.cli.score_output import Report
    from ecgnoise.readers import ReadOptions
    from ecgnoise.scoring.checkpoint import Checkpoint

SOME_FAILED = 1
NONE_SCORED = 2
EXAMPLE = Path("example") / "example.hea"
STDOUT: Final = Path("-")
FORMATS: Final = ("csv", "json", "parquet", "xlsx")
BINARY: Final = FORMATS[2:]
EXIT_CODES = """\b
Exit code:
  0    every file was scored
  1    some files were scored, others could not be: they are listed at the end
  2    no file was scored, or an option is wrong
  130  stopped with Ctrl-C: no table is written; --resume goes on with a long recording, a folder of results with the
       same command
"""


@dataclass(frozen=True)
class ScoreOptions:
    """The options of ``ecgnoise score``; its help says what they are."""

    paths: tuple[str, ...]
    example: bool
    out: Path | None
    kind: str | None
    sampling_frequency: float | None
    units: str | None
    leads: tuple[str, ...] | None
    model: str
    parts: int
    batch_size: int | None
    threads: int | None
    device: str
    every_row: bool
    quiet: bool
    resume: bool
    annotations: str | None
    annotations_grade: str
    whole_segments: bool
    jobs: int | None
    shard: tuple[int, int] | None


def shard_numbers(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """The two numbers in ``2/8``; None where the option is not given."""
    if value is None:
        return None
    number, slash, count = value.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise click.BadParameter(f"{value!r}: pass the number of the shard, from 1, and how many there are: 2/8")
    return int(number), int(count)


@click.command(cls=OptionsCommand, short_help="Say how noisy recordings are.", epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, metavar="[FILE|FOLDER|GLOB]...")
@click.option("--example", is_flag=True, help="Score the simulated recording that comes with the package.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE|FOLDER|-",
    help="Write a table: .csv, .json, .parquet or .xlsx, - for CSV on standard output; or a folder of results, "
    "resumable.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="Of the table, which goes to standard output without --out  [default: by the suffix, csv for -]",
)
@click.option("--sampling-frequency", type=float, metavar="HZ", help="Samples a second, where a file does not say.")
@click.option("--units", metavar="UNIT", help="V, mV, uV, nV or unknown, where a file does not say.")
@click.option(
    "--leads", callback=comma_separated, metavar="I,II,V5", help="The leads wanted; names for leads that have none."
)
@click.option("--model", default="default", show_default=True, metavar="FOLDER", help="A model folder.")
@click.option(
    "--parts", type=click.IntRange(1, 256), default=1, show_default=True, help="Parts of a segment with their own PSNR."
)
@click.option("--batch-size", type=click.IntRange(1), help="Lead-segments in the network at once.")
@click.option("--threads", type=click.IntRange(1), help="Threads that score  [default: one a processor]")
@click.option("--device", default="cpu", show_default=True, help="cpu, or a torch device such as cuda.")
@click.option("--all", "every_row", is_flag=True, help="Print every lead-segment, also where there are many.")
@click.option("--quiet", is_flag=True, help="Print errors only.")
@click.option("--resume", is_flag=True, help="Go on with the long recording that was stopped.")
@click.option("--annotations", metavar="FILE", help="Write the noisy intervals: .qua, .edf, .fif, .tsv, .json or .npz.")
@click.option(
    "--annotations-grade",
    type=click.Choice(GRADES),
    default=TOO_NOISY,
    show_default=True,
    help="Annotate what is of this grade or worse.",
)
@click.option("--whole-segments", is_flag=True, help="Annotate whole segments, by their grades.")
@click.option("--jobs", type=click.IntRange(1), help="Processes, for a folder of results  [default: 1]")
@click.option("--shard", callback=shard_numbers, metavar="I/N", help="The I-th of N shares of a folder of results.")
def score(options: ScoreOptions) -> None:
    """Score ECG recordings: a PSNR in dB for each lead and segment of 10 s. High is clean.

    Takes files (WFDB, CSV, EDF, DICOM, MATLAB, NumPy, HDF5, HL7, SCP-ECG and others), folders with all below them, and
    quoted glob patterns.
    """
    from ecgnoise.readers import ReadOptions

    if not options.paths and not options.example:
        raise click.UsageError("nothing to score: name a file, folder or glob pattern, or pass --example")
    reading = ReadOptions(options.sampling_frequency, options.units, options.leads)
    options = _with_output(options)
    folder = options.out is not None and options.kind is None
    if not folder and (options.jobs or options.shard):
        raise click.UsageError("--jobs and --shard are for a folder of results: pass --out FOLDER")
    if folder and options.annotations:
        raise click.UsageError(
            "--annotations is not for a folder of results: afterwards use ecgnoise annotate FOLDER --out FILE"
        )
    if options.out is not None and options.kind is not None:
        _check_out(options.out, options.kind)
    files = _find(options.paths, options.out)
    if options.example:
        files.insert(0, Path(str(package_files("ecgnoise") / str(EXAMPLE))))
    if options.annotations is not None:
        click.get_current_context().meta[KEPT] = "no table was written; annotations that were written before stay"
        check_annotations(options.annotations, map(str, files), [] if options.out is None else [options.out])
    if folder:
        score_folder(files, options, reading)
        return
    with _checkpoint(files, options) as checkpoint:
        failed = _score_all(files, options, reading, checkpoint)
    if failed:
        _report(failed, len(files))
        click.get_current_context().exit(SOME_FAILED if len(failed) < len(files) else NONE_SCORED)


def _with_output(options: ScoreOptions) -> ScoreOptions:
    """The options with the kind of their table, None for a folder of results; ``--format`` alone goes to ``-``."""
    out, kind = options.out, options.kind
    if out is None:
        return replace(options, out=None if kind is None else STDOUT)
    if kind is None and out == STDOUT:
        kind = FORMATS[0]
    elif kind is None and (out.suffix.lower().removeprefix(".") in FORMATS or not _names_folder(out)):
        kind = out.suffix.lower().removeprefix(".")
    return replace(options, kind=kind)


def _names_folder(out: Path) -> bool:
    """Whether results go to a folder: one that is there, or a name without suffix."""
    return out.is_dir() or not out.suffix


def score_folder(files: list[Path], options: ScoreOptions, reading: "ReadOptions") -> None:
    """Score into a folder of results, and print what it holds then."""
    from ecgnoise.batch.archive import ArchiveOptions, may_crash, score_archive
    from ecgnoise.batch.summary import overview_text
    from ecgnoise.cli.progress import Bar

    asked = ArchiveOptions(
        model=options.model,
        reading=reading,
        parts=options.parts,
        batch_size=options.batch_size,
        threads=options.threads,
        device=options.device,
        jobs=options.jobs or 1,
        apart=may_crash(files),
        shard=options.shard or (1, 1),
    )
    out = options.out or Path()
    if not any(os.path.lexists(str(file).partition(SEPARATOR)[0]) for file in files):
        raise MissingFileError(f"{files[0]}: no such file: check the path")  # before a folder is made for nothing
    try:
        with Bar(1.0, io.StringIO() if options.quiet else None) as bar:
            found = score_archive(
                files, out, asked, progress=lambda tried, total: bar.show(tried / total, f"{tried}/{total}")
            )
    except KeyboardInterrupt:
        click.echo(f"Stopped: the parts in {out} are whole, the same command goes on.", err=True)
        click.get_current_context().exit(INTERRUPTED)
    if not options.quiet:
        click.echo(overview_text(found, out))
    if found.failed:
        click.get_current_context().exit(SOME_FAILED if found.scored else NONE_SCORED)


@contextmanager
def _checkpoint(files: list[Path], options: ScoreOptions) -> Iterator["Checkpoint | None"]:
    """The checkpoint of one recording with a table; Ctrl-C says that it is kept."""
    from ecgnoise.scoring.checkpoint import Checkpoint, checkpoint_path

    if options.out is None or options.out == STDOUT or len(files) != 1:
        if options.resume:
            raise click.UsageError(
                f"--resume goes on with one recording and its --out FILE: {len(files)} recordings named, --out "
                f"{options.out or 'not given'}"
            )
        yield None
        return
    with Checkpoint(checkpoint_path(options.out), resume=options.resume) as checkpoint:
        try:
            yield checkpoint
        except KeyboardInterrupt:
            if not checkpoint.kept:
                raise
            click.echo("Stopped: what is done is kept; the same command with --resume goes on.", err=True)
            click.get_current_context().exit(INTERRUPTED)


def _score_all(
    files: list[Path], options: ScoreOptions, reading: "ReadOptions", checkpoint: "Checkpoint | None"
) -> list["Scored"]:
    """Print each record as it is scored, then write the table; the files that could not be scored."""
    from ecgnoise.batch.files import score_files
    from ecgnoise.cli.progress import Bar
    from ecgnoise.cli.score_output import Report
    from ecgnoise.quantifier import Quantifier
    from ecgnoise.results.annotations import write_annotations

    quantifier = Quantifier(
        options.model, threads=options.threads, batch_size=options.batch_size, device=options.device
    )
    failed: list[Scored] = []
    rows: list[tuple[Any, ...]] = []
    with Bar(len(files), io.StringIO() if options.quiet else None) as bar:
        report = Report(bar, len(files), every_row=options.every_row, quiet=options.quiet, err=options.out == STDOUT)

        def progress(number: int, share: float) -> None:
            bar.show(number + share, files[number].name)

        for scored in score_files(
            files, quantifier, reading, parts=options.parts, progress=progress, checkpoint=checkpoint
        ):
            if isinstance(scored.outcome, EcgNoiseError):
                failed.append(scored)
                continue
            report.result(scored.outcome)
            if options.out is not None:
                rows += scored.outcome.rows()
            if options.annotations is not None:
                place = annotation_path(options.annotations, str(scored.path))
                found = write_annotations(
                    scored.outcome, place, grade=options.annotations_grade, whole_segments=options.whole_segments
                )
                report.annotations(str(place), options.annotations, found)
        report.summary()
    if options.out is not None and len(failed) < len(files):
        _write(rows, options, report, checkpoint)
    return failed


def _write(
    rows: list[tuple[Any, ...]], options: ScoreOptions, report: "Report", checkpoint: "Checkpoint | None"
) -> None:
    """Write the table to its file, or on standard output."""
    from ecgnoise.results.tables import send_table, write_table

    out, kind = options.out or STDOUT, options.kind or FORMATS[0]
    if out == STDOUT:
        send_table(rows, sys.stdout.buffer, kind)
        return
    write_table(rows, out, kind)
    if checkpoint is not None:
        checkpoint.remove()
    report.say(f"wrote {out}: {len(rows)} rows")


def _find(paths: tuple[str, ...], out: Path | None) -> list[Path]:
    """The recordings named; UnreadableFileError for a folder without any, OutputError where one is the output.

    The output in a folder that is named, from an earlier run, is no recording.
    """
    from ecgnoise.readers import find_recordings

    files: set[Path] = set()
    for path in paths:
        found = find_recordings([path])
        itself = [file for file in found if out is not None and file.resolve() == out.resolve()]
        if itself and not Path(path).is_dir() and not glob.has_magic(path):
            raise OutputError(f"{out}: a recording to score, and the place of the table: choose another place")
        if len(found) == len(itself):
            raise UnreadableFileError(f"{path}: no recording in this folder: pass one with .hea, .csv or .npz files")
        files |= set(found) - set(itself)
    return sorted(files)


def _check_out(out: Path, kind: str) -> None:
    """Find out before the work whether the table can be written after it: suffix, folder and packages."""
    from ecgnoise._internal.atomic import check_place
    from ecgnoise.results.tables import write_table

    if kind not in FORMATS:
        raise OutputError(
            f"{out}: a table has the suffix {', '.join(f'.{name}' for name in FORMATS)}: choose one of them, or say "
            "--format"
        )
    if out != STDOUT and (out.is_dir() or not out.parent.is_dir()):
        what = "this is a folder" if out.is_dir() else f"there is no folder {out.parent}"
        raise OutputError(f"{out}: {what}: choose another place")
    if out == STDOUT and kind in BINARY and sys.stdout.isatty():
        raise OutputError(f"{kind} on a terminal: nobody can read it: pass --out FILE.{kind}")
    if out != STDOUT:
        check_place(out)
    with tempfile.TemporaryDirectory() as folder:
        write_table([], Path(folder) / f"empty.{kind}")


def _report(failed: list["Scored"], total: int) -> None:
    """Say on standard error which files could not be scored, one line each."""
    if total == 1:
        click.echo(f"Error: {_line(failed[0])}", err=True)
        return
    click.echo(f"{len(failed)} of {total} files could not be scored:", err=True)
    for scored in failed:
        click.echo(f"  {_line(scored)}", err=True)


def _line(scored: "Scored") -> str:
    """The error on one line, with the file's path where it does not say it."""
    message = one_line(scored.outcome, None)
    return shown_name(message if str(scored.path) in message else f"{scored.path}: {message}")
