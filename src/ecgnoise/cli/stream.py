"""``ecgnoise stream``: samples from standard input, a line of JSON each hop."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from ecgnoise.cli.endings import after_stop, exit_codes
from ecgnoise.cli.options import OptionsCommand, comma_separated, model_options
from ecgnoise.cli.streams import STANDARD_OUTPUT, let_go
from ecgnoise.errors import StreamError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ecgnoise.cli.frames import FrameReader
    from ecgnoise.results.result import Result
    from ecgnoise.stream import Stream
    from ecgnoise.viewer.live import Live

PIECE_BYTES: Final = 1 << 16
OF_THE_LINE: Final = ("start_s", "duration_s", "model")
OF_A_LEAD: Final = ("psnr_db", "percentile", "snr_db", "snr_low_db", "snr_high_db", "grade", "fault", "usable", "noise",
                    "noise_share", "agreement", "analysable_s")  # fmt: skip
OF_LEVELS: Final = ("ecg_uv", "local_snr_db")  # and the levels of all kinds, where the model knows them
SNR: Final = ("snr_db", "snr_low_db", "snr_high_db")
EXIT_CODES: Final = exit_codes(
    done="the input has ended, or nobody reads the output any more",
    nothing="the input cannot be read",
    stopped="lines that are written stay",
)


@dataclass(frozen=True)
class StreamOptions:
    """The options of ``ecgnoise stream``; its help says what they are."""

    sampling_frequency: float
    leads: tuple[str, ...]
    units: str
    hop: float
    form: str
    gain: float
    model: str
    threads: int | None
    device: str
    view: bool
    port: int
    no_browser: bool


@click.command(cls=OptionsCommand, short_help="Score live samples.", epilog=EXIT_CODES)
@click.option("--sampling-frequency", type=float, required=True, metavar="HZ", help="Samples a second.")
@click.option("--leads", callback=comma_separated, required=True, metavar="I,II,V5", help="The leads, in their order.")
@click.option("--units", required=True, metavar="UNIT", help="V, mV, uV, nV or unknown.")
@click.option("--hop", type=float, default=1.0, show_default=True, metavar="S", help="Seconds between scores.")
@click.option("--format", "form", default="text", show_default=True, metavar="NAME", help="text, float32 or int16.")
@click.option(
    "--gain", type=float, default=1.0, show_default=True, metavar="N", help="Steps a unit: what to divide by."
)
@model_options
@click.option("--view", is_flag=True, help="Show the last minute in the browser; needs the extra view.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Of the page; 0: any that is free."
)
@click.option("--no-browser", is_flag=True, help="Of the page: print its address only.")
def stream(options: StreamOptions) -> None:
    """Score samples from standard input as they come.

    Writes one line of JSON each hop, with the scores of the newest 10 s of each lead, and one for the rest at the end.
    """
    from ecgnoise.cli.frames import frame_reader
    from ecgnoise.quantifier import Quantifier
    from ecgnoise.stream import Stream

    if sys.stdin is None:
        raise StreamError("standard input is closed: send samples to it")
    reader = frame_reader(options.form, len(options.leads), options.gain)
    quantifier = Quantifier(options.model, threads=options.threads, device=options.device)
    live = Stream(options.sampling_frequency, options.leads, options.hop, units=options.units, quantifier=quantifier)
    after_stop("lines that are written stay")
    try:
        with _shown(options) as shown:
            _print(_results(sys.stdin.buffer, reader, live, shown))
    except BrokenPipeError:
        let_go(STANDARD_OUTPUT)


@contextmanager
def _shown(options: StreamOptions) -> Iterator["Live | None"]:
    """What the page shows, where one is asked for; its address is told."""
    if not options.view:
        yield None
        return
    from ecgnoise.viewer import shown_live
    from ecgnoise.viewer.live import Live

    live = Live(options.leads, options.sampling_frequency, options.units)
    with shown_live(live, port=options.port, open_browser=not options.no_browser) as address:
        click.echo(f"shown at {address}", err=True)
        yield live


def _results(source: BinaryIO, reader: "FrameReader", live: "Stream", shown: "Live | None") -> Iterator["Result"]:
    """The results of all that comes, as soon as they are there."""
    for frames in _frames(source, reader):
        if shown is not None:
            shown.add(frames)
        for result in live.push(frames):
            if shown is not None:
                shown.add_result(result)
            yield result
    yield from live.finish()


def _frames(source: BinaryIO, reader: "FrameReader") -> Iterator["NDArray[np.float32]"]:
    """The samples of all that comes, as soon as they are there."""
    while piece := _piece(source.fileno()):
        yield from reader.feed(piece)
    yield from reader.end()


def _piece(descriptor: int) -> bytes:
    """What has come, nothing at the end."""
    try:
        return os.read(descriptor, PIECE_BYTES)
    except OSError as error:
        raise StreamError(f"standard input: cannot be read ({error.strerror}): send samples to it") from error


def _print(results: Iterable["Result"]) -> None:
    """A line each, at once; what there is to say of the stream or its leads stands in the first line it holds for."""
    import json

    told: set[str] = set()
    for result in results:
        notes = [note for note in map(str, (*result.notes, *result.lead_remarks)) if note not in told]
        told.update(notes)
        entry = _entry(result) | ({"notes": notes} if notes else {})
        sys.stdout.write(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n")
        sys.stdout.flush()


def _entry(result: "Result") -> dict[str, Any]:
    """What a line says: what has no score first; names as in the table, values by lead.

    An SNR below all that can be told is none, as ``-`` in the table on a terminal.
    """
    from ecgnoise.cli.text import below_all_snr
    from ecgnoise.results.cells import COLUMNS, KIND_DB

    rows = [dict(zip(COLUMNS, row, strict=True)) for row in result.rows()]
    told = (*OF_A_LEAD, *KIND_DB, *OF_LEVELS) if len(result.span_start) else OF_A_LEAD
    leads = {row["lead"]: {name: row[name] for name in told} for row in rows}
    for values in leads.values():
        if below_all_snr(values["snr_db"], result):
            values.update(dict.fromkeys(SNR))
    faults = result.fault_texts()
    begin = {name: rows[0][name] for name in OF_THE_LINE}
    return begin | ({"faults": faults} if faults else {}) | {"leads": leads}
