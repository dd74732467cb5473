"""The command-line program ``ecgnoise``: thin commands, one file each.

Packages that take long to load are imported within the commands, so that help is there at once.
"""

from typing import Any

import click

from ecgnoise import __version__
from ecgnoise.cli.convert import convert
from ecgnoise.cli.download import download
from ecgnoise.cli.marks import marks
from ecgnoise.cli.ptbxl import ptbxl
from ecgnoise.cli.score import score
from ecgnoise.cli.simulate import simulate
from ecgnoise.cli.stream import stream
from ecgnoise.cli.train import train
from ecgnoise.errors import EcgNoiseError

UNUSABLE = 2
INTERRUPTED = 130


class Program(click.Group):
    """A group of commands whose errors are one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (EcgNoiseError, click.UsageError) as error:
            message = error.format_message() if isinstance(error, click.UsageError) else str(error)
            click.echo(f"Error: {' '.join(message.split())}", err=True)
            ctx.exit(UNUSABLE)
        except KeyboardInterrupt:
            click.echo("Stopped: no file was written.", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ecgnoise")
def main() -> None:
    """Say how noisy an ECG is, lead by lead and segment by segment.

    Start with: ecgnoise score --example
    """


for command in (score, marks, stream, simulate, convert, train, ptbxl, download):
    main.add_command(command)
