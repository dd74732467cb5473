"""``ecgnoise annotate``: masks and annotations of saved results, without scoring again; where annotations go."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ecgnoise.cli.endings import after_stop
from ecgnoise.cli.options import OptionsCommand, quiet_option
from ecgnoise.errors import OutputError
from ecgnoise.results.grades import GRADES, TOO_NOISY

if TYPE_CHECKING:
    from ecgnoise.noise_levels import SpanLimits, SpanRule

RECORD: Final = "{record}"
FOLDER: Final = "{folder}"


@dataclass(frozen=True)
class AnnotateOptions:
    """The options of ``ecgnoise annotate``; its help says what they are."""

    results: Path
    out: str
    grade: str
    join: float
    enter: float | None
    leave: float | None
    shortest: float | None
    whole_segments: bool
    quiet: bool


@click.command(cls=OptionsCommand, short_help="Write masks and annotations of saved results.")
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    help="Where they go: .qua, .edf, .fif, .tsv, .json or, a mask, .npz. {record} stands for the name of each "
    "recording, {folder} for its folder.",
)
@click.option(
    "--grade",
    type=click.Choice(GRADES),
    default=TOO_NOISY,
    show_default=True,
    help="Annotate what is of this grade or worse, and what has no score.",
)
@click.option(
    "--join", type=click.FloatRange(0.0), default=0.0, show_default=True, metavar="S", help="Bridge gaps of S seconds."
)
@click.option("--enter", type=float, metavar="DB", help="Annotate below this local SNR, instead of the grade's limit.")
@click.option(
    "--leave", type=float, metavar="DB", help="The local SNR at which an annotation ends  [default: 8 dB above]"
)
@click.option("--shortest", type=click.FloatRange(0.0), metavar="S", help="Leave out noise of less than S seconds.")
@click.option("--whole-segments", is_flag=True, help="Annotate whole segments, by their grades.")
@quiet_option
def annotate(options: AnnotateOptions) -> None:
    """Write the noisy intervals of RESULTS where other programs read them, without scoring again.

    RESULTS is a table of ecgnoise score --out, or a folder of ecgnoise archive.
    """
    from ecgnoise.results.annotations import write_annotations
    from ecgnoise.results.saved import iterate_results

    _check_rule(options)
    after_stop("annotations that were written before stay")
    sources = [result.source for result in iterate_results(options.results)]
    check_annotations(options.out, sources, [options.results])
    intervals = 0
    for result in iterate_results(options.results):
        place = annotation_path(options.out, result.source)
        found = write_annotations(
            result,
            place,
            grade=options.grade,
            join=options.join,
            whole_segments=options.whole_segments,
            rule=_rule(options, result.limits),
        )
        intervals += found
        if not options.quiet and len(sources) == 1:
            click.echo(f"wrote {place}: {found} interval{'s' * (found != 1)}")
    if not options.quiet and len(sources) != 1:
        click.echo(f"wrote {len(sources)} files {options.out}: {intervals} intervals")


def _check_rule(options: AnnotateOptions) -> None:
    """UsageError for options that contradict each other."""
    given = [f"--{name}" for name in ("enter", "leave", "shortest") if getattr(options, name) is not None]
    if given and options.whole_segments:
        raise click.UsageError(f"{given[0]} is for spans: leave it out, or --whole-segments")
    if options.leave is not None and (options.enter is None or not options.leave >= options.enter):
        raise click.UsageError(f"--leave {options.leave:g}: pass --enter too, and not less than that")


def _rule(options: AnnotateOptions, limits: "SpanLimits") -> "SpanRule | None":
    """When spans count: the rule of the grade, changed by options; None where none is given."""
    if (options.enter, options.leave, options.shortest) == (None, None, None):
        return None
    rule = limits.rule(GRADES.index(options.grade))
    if options.enter is not None:
        rule = limits.rule_below(options.enter)
    if options.leave is not None:
        rule = replace(rule, leave=options.leave)
    return rule if options.shortest is None else replace(rule, shortest=options.shortest)


def annotation_path(annotations: str, source: str) -> Path:
    """Where the annotations of a recording go: the name with those of the recording and its folder put in."""
    from ecgnoise.results.scores import record_name

    folder = str(Path(source).parent)
    return Path(annotations.replace(FOLDER, folder).replace(RECORD, record_name(source)))


def check_annotations(annotations: str, sources: Iterable[str], others: Iterable[Path]) -> None:
    """Find out before the work whether each recording has annotations of its own, in a folder that is there.

    sources: the paths of the recordings. others: files that the annotations may not take the place of, as the
    recordings.
    """
    from ecgnoise._internal.atomic import check_place
    from ecgnoise.results.annotations import ANNOTATION_FORMATS

    suffix, known = Path(annotations).suffix.lower(), list(sources)
    if suffix not in ANNOTATION_FORMATS:
        raise OutputError(
            f"{annotations}: annotations have the suffix {', '.join(ANNOTATION_FORMATS)}: choose one of them"
        )
    if len(known) > 1 and RECORD not in annotations:
        raise OutputError(
            f"{annotations}: {len(known)} recordings, one file: name it with {RECORD}, as {RECORD}{suffix}"
        )
    kept = {file.resolve() for file in (*map(Path, known), *others)}
    taken: dict[Path, str] = {}
    for source in known:
        place = annotation_path(annotations, source)
        if place in taken:
            raise OutputError(
                f"{place}: the annotations of both {taken[place]} and {source}: name it with {FOLDER}, as "
                f"{FOLDER}/{RECORD}{suffix} beside each recording, or take one folder at a time"
            )
        if place.resolve() in kept:
            raise OutputError(f"{place}: the annotations would take the place of this file: choose another name")
        if not place.parent.is_dir():
            raise OutputError(f"{place}: there is no folder {place.parent}: choose another place")
        taken[place] = source
    for one_of_folder in {place.parent: place for place in taken}.values():
        check_place(one_of_folder)
