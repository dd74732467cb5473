"""``ecgnoise plot``: a recording on ECG paper, or at one look, with its noise."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import click

from ecgnoise.cli.endings import exit_codes
from ecgnoise.cli.one_recording import RecordingOptions, read_and_score
from ecgnoise.cli.options import OptionsCommand, model_options, quiet_option, reading_options
from ecgnoise.errors import OptionError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ecgnoise.recording import Recording
    from ecgnoise.results.result import Result

EXIT_CODES: Final = exit_codes(
    done="the figure is written", nothing="no figure could be drawn", stopped="no figure is written"
)


@dataclass(frozen=True)
class PlotOptions(RecordingOptions):
    """The options of ``ecgnoise plot``; its help says what they are."""

    file: Path
    figure: str
    start: float
    duration: float | None
    lead: str | None
    layout: str
    speed: float
    gain: float
    line: float | None
    out: Path | None
    quiet: bool


def draw_paper(recording: "Recording", result: "Result", options: PlotOptions) -> "Figure":
    """All leads on ECG paper."""
    from ecgnoise.figures.paper import Paper

    paper = Paper(options.layout, options.speed, options.gain)
    return result.plot(recording, options.start, options.duration, paper=paper)


def draw_overview(_recording: "Recording", result: "Result", _options: PlotOptions) -> "Figure":
    """All leads over all time."""
    return result.plot_overview()


def draw_disclosure(recording: "Recording", result: "Result", options: PlotOptions) -> "Figure":
    """One lead, line by line."""
    return result.plot_disclosure(
        recording, options.lead, start=options.start, duration=options.duration, line=options.line
    )


def draw_segment(recording: "Recording", result: "Result", options: PlotOptions) -> "Figure":
    """Why one lead-segment has its score."""
    at = click.get_current_context().get_parameter_source("start")
    return result.plot_segment(
        recording, options.lead, None if at is click.core.ParameterSource.DEFAULT else options.start
    )


FIGURES: Final[Mapping[str, Callable[["Recording", "Result", PlotOptions], "Figure"]]] = MappingProxyType(
    {"paper": draw_paper, "overview": draw_overview, "disclosure": draw_disclosure, "segment": draw_segment}
)
# Which options a figure heeds; another one that is given is an error.
HEEDED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "paper": frozenset({"start", "duration", "layout", "speed", "gain"}),
        "overview": frozenset(),
        "disclosure": frozenset({"start", "duration", "lead", "line"}),
        "segment": frozenset({"start", "lead"}),
    }
)
POSITIVE: Final = click.FloatRange(0.0, min_open=True)


@click.command(cls=OptionsCommand, short_help="Draw a recording with its noise.", epilog=EXIT_CODES)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--figure",
    type=click.Choice(list(FIGURES)),
    default="paper",
    show_default=True,
    help="paper: leads on ECG paper. overview: all leads over all time. disclosure: one lead, line by line. segment: "
    "why a lead-segment has its score.",
)
@click.option(
    "--start",
    type=click.FloatRange(0.0),
    default=0.0,
    show_default=True,
    metavar="S",
    help="Where to begin, in seconds; of a segment, a time in it.",
)
@click.option("--duration", type=POSITIVE, metavar="S", help="How much to draw  [default: 10 on paper, else all]")
@click.option("--lead", metavar="NAME", help="The lead of a disclosure or segment  [default: the best, the worst]")
@click.option(
    "--layout", type=click.Choice(["rows", "3x4+1"]), default="rows", show_default=True, help="How leads lie on paper."
)
@click.option("--speed", type=POSITIVE, default=25.0, show_default=True, metavar="MM", help="Millimetres per second.")
@click.option("--gain", type=POSITIVE, default=10.0, show_default=True, metavar="MM", help="Millimetres per mV.")
@click.option("--line", type=POSITIVE, metavar="S", help="Seconds per line of a disclosure  [default: 60, or 3600]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where it goes: .svg, .png or .pdf  [default: the name of the recording with .svg]",
)
@reading_options
@model_options
@quiet_option
def plot(options: PlotOptions) -> None:
    """Draw the recording in FILE, its noise shaded by grade: on ECG paper to scale, or at one look.

    Needs the extra plot.
    """
    from ecgnoise._internal.atomic import check_place
    from ecgnoise._internal.extras import extra
    from ecgnoise.cli.progress import Bar
    from ecgnoise.figures.files import check_suffix, write_figure
    from ecgnoise.results.scores import record_name

    _check_heeded(options.figure)
    with extra("drawing", "plot"):
        import matplotlib.figure  # noqa: F401 - before the work
    out = options.out or Path(f"{record_name(str(options.file))}.svg")
    check_suffix(out)
    check_place(out)
    with Bar(1.0, io.StringIO() if options.quiet else None) as bar:
        recording, result = read_and_score(options.file, options, bar, images=options.figure == "segment")
    write_figure(FIGURES[options.figure](recording, result, options), out)
    if not options.quiet:
        click.echo(result.verdict())
        click.echo(f"wrote {out}")


def _check_heeded(figure: str) -> None:
    """OptionError for an option that is given and that the figure does not heed."""
    context = click.get_current_context()
    own = frozenset().union(*HEEDED.values())
    for name in sorted(own - HEEDED[figure]):
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            raise OptionError(f"--{name} is not for --figure {figure}: leave it out")
