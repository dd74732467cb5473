"""A progress bar on standard error, for long work on a terminal."""

import sys
import time
from types import TracebackType
from typing import Final, Self, TextIO

import click

from ecgnoise._internal.files import shown_name

DELAY_SECONDS: Final = 1.0
FORMAT: Final = "{desc}{percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"


class Bar:
    """Shows how far the work is, from a second on, and only where ``stream`` is a terminal.

    total: how much there is to do, in any unit. stream: standard error unless given.
    """

    def __init__(self, total: float, stream: TextIO | None = None, *, delay: float = DELAY_SECONDS) -> None:
        from tqdm import tqdm

        file = stream or sys.stderr
        self._visible_from = time.monotonic() + delay
        self._bar = tqdm(
            total=total,
            file=file,
            delay=delay,
            disable=not file.isatty(),
            leave=False,
            miniters=0,
            bar_format=FORMAT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def show(self, done: float, what: str = "") -> None:
        """So much is done, and this is being worked on."""
        self._bar.set_description_str(f"{shown_name(what)} " if what else "", refresh=False)
        self._bar.update(done - self._bar.n)

    def echo(self, text: str, *, err: bool = False) -> None:
        """Print on standard output, or on standard error, above the bar."""
        shown = not self._bar.disable and time.monotonic() > self._visible_from
        if shown:
            self._bar.clear()
        click.echo("\n".join(map(shown_name, text.split("\n"))), err=err)
        if shown:
            self._bar.refresh()
