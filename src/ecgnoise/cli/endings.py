"""How commands end: their exit codes, and what is said after Ctrl-C."""

from typing import Final

import click

from ecgnoise.cli.streams import INTERRUPTED, say

SOME_FAILED: Final = 1
NOTHING_DONE: Final = 2
KEPT: Final = "ecgnoise.kept"  # in the meta data of a context
GOES_ON: Final = "the same command goes on"


def exit_codes(*, done: str, some: str | None = None, nothing: str, stopped: str = GOES_ON) -> str:
    """The end of a command's help: what each of its exit codes means.

    some: of a command that does many things, when only some are done. stopped: what holds after Ctrl-C.
    """
    meanings = {0: done, SOME_FAILED: some, NOTHING_DONE: f"{nothing}, or an option is wrong"}
    lines = [f"  {code:<4} {meaning}" for code, meaning in meanings.items() if meaning is not None]
    return "\n".join(("\b", "Exit code:", *lines, f"  {INTERRUPTED:<4} stopped with Ctrl-C: {stopped}"))


def after_stop(said: str | None) -> None:
    """From here on, this is what Ctrl-C says that holds, before the program ends with 130; None for no word."""
    click.get_current_context().meta[KEPT] = said


def end_by_stop(context: click.Context) -> None:
    """End the program after Ctrl-C."""
    said = context.meta.get(KEPT, "no file was written")
    if said is not None:
        say(f"Stopped: {said}.")
    context.exit(INTERRUPTED)
