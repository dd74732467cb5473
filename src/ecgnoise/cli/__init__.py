"""The command-line program ``ecgnoise``: thin commands, one file each.

Packages that take long to load are imported within the commands, so that help is there at once.
"""

import errno
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import click

from ecgnoise._internal.files import shown_name
from ecgnoise._version import __version__
from ecgnoise.cli.annotate import annotate
from ecgnoise.cli.archive import archive
from ecgnoise.cli.convert import convert
from ecgnoise.cli.download import download
from ecgnoise.cli.endings import NOTHING_DONE, end_by_stop
from ecgnoise.cli.merge import merge
from ecgnoise.cli.plot import plot
from ecgnoise.cli.ptbxl import ptbxl
from ecgnoise.cli.report import report
from ecgnoise.cli.score import score
from ecgnoise.cli.simulate import simulate
from ecgnoise.cli.stream import stream
from ecgnoise.cli.streams import flush_output, hold_streams, one_interrupt, say
from ecgnoise.cli.train import train
from ecgnoise.cli.view import view
from ecgnoise.errors import EcgNoiseError


class Program(click.Group):
    """A group of commands whose errors are one line and an exit code."""

    def main(  # type: ignore[override]  # no other options go to a context
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - as click calls it
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002 - likewise
    ) -> Any:
        """Run the program; ends with SystemExit in standalone mode."""
        if not hold_streams():
            say("Error: standard output is closed: send it to a file, or to /dev/null")
            sys.exit(NOTHING_DONE)
        with one_interrupt(), warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            try:
                return super().main(
                    args, prog_name, complete_var, standalone_mode, windows_expand_args=windows_expand_args
                )
            except OSError as error:
                self._end_by(error)
            finally:
                unwritten = flush_output()
                if unwritten is not None and unwritten.errno != errno.EPIPE:
                    self._end_by(unwritten)

    @staticmethod
    def _end_by(error: OSError) -> None:
        """Say that a stream or file failed, and end."""
        flush_output()
        what = shown_name(error.filename) if error.filename else "standard output"
        say(f"Error: {what}: cannot be written or read ({error.strerror or error}): choose another place")
        sys.exit(NOTHING_DONE)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (EcgNoiseError, click.UsageError) as error:
            message = error.format_message() if isinstance(error, click.UsageError) else str(error)
            say(f"Error: {message}")
            ctx.exit(NOTHING_DONE)
        except KeyboardInterrupt:
            end_by_stop(ctx)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ecgnoise")
def main() -> None:
    """Say how noisy an ECG is, lead by lead and segment by segment.

    Start with: ecgnoise score --example
    """


for command in (score, archive, merge, annotate, plot, report, view, stream, simulate, convert, train, ptbxl, download):
    main.add_command(command)
