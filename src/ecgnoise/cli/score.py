"""``ecgnoise score``: files in, tables out."""

import glob
import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ecgnoise._internal.files import shown_name
from ecgnoise.cli.annotate import annotation_path, check_annotations
from ecgnoise.cli.endings import NOTHING_DONE, SOME_FAILED, after_stop, exit_codes
from ecgnoise.cli.options import OptionsCommand, parts_option, quiet_option, reading_options, scoring_options
from ecgnoise.errors import EcgNoiseError, OutputError, UnreadableFileError, one_line
from ecgnoise.results.grades import GRADES, TOO_NOISY

if TYPE_CHECKING:
    from ecgnoise.batch.files import Scored
    from ecgnoise.cli.score_output import Report
    from ecgnoise.readers import ReadOptions
    from ecgnoise.scoring.checkpoint import Checkpoint

EXAMPLE = Path("example") / "example.hea"
STDOUT: Final = Path("-")
FORMATS: Final = ("csv", "json", "parquet", "xlsx")
BINARY: Final = FORMATS[2:]
EXIT_CODES: Final = exit_codes(
    done="every file was scored",
    some="some files were scored, others could not be: they are listed at the end",
    nothing="no file was scored",
    stopped="no table is written; --resume goes on with a long recording",
)


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


@click.command(cls=OptionsCommand, short_help="Say how noisy recordings are.", epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, metavar="[FILE|FOLDER|GLOB]...")
@click.option("--example", is_flag=True, help="Score the simulated recording that comes with the package.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE|-",
    help="Write a table: .csv, .json, .parquet or .xlsx, or - for CSV on standard output.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="Of the table, which goes to standard output without --out  [default: by the suffix, csv for -]",
)
@reading_options
@scoring_options
@parts_option
@click.option("--all", "every_row", is_flag=True, help="Print every lead-segment, also where there are many.")
@quiet_option
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
def score(options: ScoreOptions) -> None:
    """Score ECG recordings: a PSNR in dB for each lead and segment of 10 s. High is clean.

    Takes files (WFDB, CSV, EDF, DICOM, MATLAB, NumPy, HDF5, HL7, SCP-ECG and others), folders with all below them, and
    quoted glob patterns. For very many recordings, ecgnoise archive makes a folder of results.
    """
    from ecgnoise.readers import ReadOptions

    if not options.paths and not options.example:
        raise click.UsageError("nothing to score: name a file, folder or glob pattern, or pass --example")
    reading = ReadOptions(options.sampling_frequency, options.units, options.leads)
    options = _with_output(options)
    if options.out is not None:
        if options.kind is None:
            raise click.UsageError(f"--out {options.out}: a folder of results is made by ecgnoise archive")
        _check_out(options.out, options.kind)
    files = named_recordings(options.paths, options.out)
    if options.example:
        files.insert(0, Path(str(package_files("ecgnoise") / str(EXAMPLE))))
    if options.annotations is not None:
        after_stop("no table was written; annotations that were written before stay")
        check_annotations(options.annotations, map(str, files), [] if options.out is None else [options.out])
    with _checkpoint(files, options) as checkpoint:
        failed = _score_all(files, options, reading, checkpoint)
    if failed:
        _report(failed, len(files))
        click.get_current_context().exit(SOME_FAILED if len(failed) < len(files) else NOTHING_DONE)


def _with_output(options: ScoreOptions) -> ScoreOptions:
    """The options with the kind of their table, None for a folder; ``--format`` alone goes to ``-``."""
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
            if checkpoint.kept:
                after_stop("what is done is kept; the same command with --resume goes on")
            raise


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


def named_recordings(paths: tuple[str, ...], out: Path | None) -> list[Path]:
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
