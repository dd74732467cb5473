"""A recording that a command reads and scores before it draws or tells of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecgnoise.cli.progress import Bar
    from ecgnoise.recording import Recording
    from ecgnoise.results.result import Result


@dataclass(frozen=True)
class RecordingOptions:
    """The options that reading and scoring heed; the help of each command says what they are."""

    sampling_frequency: float | None
    units: str | None
    leads: tuple[str, ...] | None
    model: str
    threads: int | None
    device: str


def read_and_score(
    file: Path, options: RecordingOptions, bar: "Bar", *, images: bool = False
) -> "tuple[Recording, Result]":
    """A recording and its result; images: whether it holds them."""
    from ecgnoise.quantifier import Quantifier
    from ecgnoise.readers import read

    recording = read(file, sampling_frequency=options.sampling_frequency, units=options.units, lead_names=options.leads)
    quantifier = Quantifier(options.model, threads=options.threads, device=options.device)
    result = quantifier.quantify(
        recording, images=images, progress=lambda done, total: bar.show(done / total, file.name)
    )
    return recording, result
