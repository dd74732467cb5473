"""What the commands have in common."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar, get_type_hints

import click

Command = TypeVar("Command", bound=Callable[..., Any])


class OptionsCommand(click.Command):
    """A command whose function takes one argument, ``options``, a dataclass with a field for each option."""

    def invoke(self, ctx: click.Context) -> Any:
        """Call the function with the options."""
        function = self.callback
        if function is None:
            return None
        kind = get_type_hints(function)["options"]
        return function(kind(*[ctx.params[field.name] for field in fields(kind)]))


def comma_separated(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """The names in ``I,II,V5``; None where the option is not given."""
    if value is None:
        return None
    names = tuple(name.strip() for name in value.split(","))
    if not all(names):
        raise click.BadParameter(f"{value!r} has an empty name: write them as I,II,V5")
    return names


def reading_options(command: Command) -> Command:
    """What a file may not say: ``--sampling-frequency``, ``--units`` and ``--leads``."""
    options = (
        click.option(
            "--sampling-frequency", type=float, metavar="HZ", help="Samples per second, where a file does not say."
        ),
        click.option("--units", metavar="UNIT", help="V, mV, uV, nV or unknown, where a file does not say."),
        click.option(
            "--leads", callback=comma_separated, metavar="I,II,V5", help="The leads wanted, or names for leads without."
        ),
    )
    return _with(command, options)


def scoring_options(command: Command) -> Command:
    """What scores, and how: ``--batch-size``, ``--model``, ``--threads`` and ``--device``."""
    options = (
        click.option("--batch-size", type=click.IntRange(1), help="Lead-segments in the network at once  [default: 6]"),
        model_options,
    )
    return _with(command, options)


def model_options(command: Command) -> Command:
    """``--model``, ``--threads`` and ``--device``."""
    options = (
        click.option("--model", default="default", show_default=True, metavar="FOLDER", help="A model folder."),
        click.option("--threads", type=click.IntRange(1), help="Threads that score  [default: one per processor]"),
        click.option("--device", default="cpu", show_default=True, help="cpu, or a torch device such as cuda."),
    )
    return _with(command, options)


def parts_option(command: Command) -> Command:
    """``--parts``."""
    return click.option(
        "--parts",
        type=click.IntRange(1, 256),
        default=1,
        show_default=True,
        help="Parts of a segment with a PSNR of their own.",
    )(command)


def quiet_option(command: Command) -> Command:
    """``--quiet``."""
    return click.option("--quiet", is_flag=True, help="Print errors only.")(command)


def _with(command: Command, options: tuple[Callable[[Command], Command], ...]) -> Command:
    """A command with these options, listed in this order in its help."""
    for option in reversed(options):
        command = option(command)
    return command
