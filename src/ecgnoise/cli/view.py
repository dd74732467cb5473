"""``ecgnoise view``: recordings in the browser, with their noise."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from ecgnoise.cli.endings import after_stop, exit_codes
from ecgnoise.cli.one_recording import RecordingOptions
from ecgnoise.cli.options import OptionsCommand, model_options, reading_options

EXIT_CODES: Final = exit_codes(
    done="the viewer was ended", nothing="nothing could be shown", stopped="corrected annotations stay"
)


@dataclass(frozen=True)
class ViewOptions(RecordingOptions):
    """The options of ``ecgnoise view``; its help says what they are."""

    places: tuple[Path, ...]
    recordings: Path | None
    annotations: Path | None
    host: str
    port: int
    no_browser: bool
    no_cache: bool


@click.command(cls=OptionsCommand, short_help="Look at recordings in the browser.", epilog=EXIT_CODES)
@click.argument("places", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--recordings",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where recordings are that no longer lie where they were scored.",
)
@click.option(
    "--annotations",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where corrected annotations are kept  [default: beside the results, or the recording]",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Where to listen; 0: any that is free."
)
@click.option("--no-browser", is_flag=True, help="Print the address of the page only.")
@click.option("--no-cache", is_flag=True, help="Keep nothing of recordings for the next time.")
@reading_options
@model_options
def view(options: ViewOptions) -> None:
    """Show PLACES in the browser: recordings, folders of recordings, tables or folders of results.

    Files can be dropped on the page as well. What was not scored before is scored when it is opened. Ctrl-C ends it.

    Needs the extra view.
    """
    from functools import cache

    from ecgnoise._internal.extras import extra
    from ecgnoise.quantifier import Quantifier
    from ecgnoise.readers import ReadOptions
    from ecgnoise.viewer import serve
    from ecgnoise.viewer.library import Library

    with extra("the viewer", "view"):
        import platformdirs
        import starlette  # noqa: F401 - before the work
        import uvicorn  # noqa: F401
    library = Library(
        cache(lambda: Quantifier(options.model, threads=options.threads, device=options.device)),
        ReadOptions(options.sampling_frequency, options.units, options.leads),
        cache=None if options.no_cache else Path(platformdirs.user_cache_dir("ecgnoise", appauthor=False)) / "viewer",
        recordings=options.recordings,
        corrections=options.annotations,
    )
    for place in options.places:
        library.add_place(place)
    after_stop("corrected annotations stay")

    def started(address: str) -> None:
        click.echo(f"{len(library)} recording{'s' * (len(library) != 1)} at {address} (Ctrl-C ends it)")

    serve(library, host=options.host, port=options.port, open_browser=not options.no_browser, started=started)
