"""What the commands have in common."""

from dataclasses import fields
from typing import Any, Final, get_type_hints

import click

KEPT: Final = "ecgnoise.kept"  # in the meta data of a context: what is said of files after Ctrl-C


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
