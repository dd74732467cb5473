"""The standard streams and Ctrl-C, whatever state the program is started in: one line, and the right exit code.

A stream that is closed leaves its number to the next file that is opened, which would then get what libraries print;
:func:`hold_streams` keeps the numbers taken.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final, TextIO

import click

from ecgnoise._internal.files import shown_name

INTERRUPTED: Final = 130
STANDARD_OUTPUT: Final = 1
STANDARD_ERROR: Final = 2
SAME_STROKE_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 0.05


def hold_streams() -> bool:
    """Open the standard streams that are closed, so that nothing else gets their numbers; whether output was open."""
    output_open = sys.stdout is not None
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDONLY if descriptor == 0 else os.O_WRONLY)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - open as long as the program runs
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - likewise
    _take_any_text(sys.stdout)
    return output_open


def _take_any_text(stream: TextIO) -> None:
    """Letters that a terminal's encoding has no bytes for are replaced, not an error."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and getattr(stream, "errors", "") in {"strict", "surrogateescape"}:
        reconfigure(errors="replace")


def say(line: str) -> None:
    """A line on standard error, or nothing where nobody can be told."""
    try:
        click.echo(shown_name(" ".join(line.split())), err=True)
    except OSError:
        let_go(STANDARD_ERROR)


def flush_output() -> OSError | None:
    """Write what waits to be written to standard output; the error where that cannot be, and then it goes nowhere."""
    try:
        sys.stdout.flush()
    except OSError as error:
        let_go(STANDARD_OUTPUT)
        return error
    return None


def let_go(descriptor: int) -> None:
    """Nobody can read a stream any more: what is still to be flushed goes nowhere."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def _in_destructor(frame: FrameType | None) -> bool:
    """Whether a frame is one of a destructor, or lies within one."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


@contextmanager
def one_interrupt() -> Iterator[None]:
    """Ctrl-C interrupts once within it; a second one while that is being dealt with does not.

    One that comes more than a second later ends the program at once. In the main thread only.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield
        return
    first: list[float] = []

    def interrupt(_number: int, frame: FrameType | None) -> None:
        if _in_destructor(frame):  # where an exception would be lost: again when it is over
            threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), signal.SIGINT)).start()
            return
        if not first:
            first.append(time.monotonic())
            raise KeyboardInterrupt
        if time.monotonic() - first[0] > SAME_STROKE_SECONDS:
            os._exit(INTERRUPTED)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        # After one the program is ending, and Python gives other handlers than this one up on its way out.
        signal.signal(signal.SIGINT, signal.SIG_IGN if first else before)
