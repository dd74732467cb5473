"""The recordings that results are of, for their pictures: found again, and read as they were scored."""

from pathlib import Path

from ecgnoise._internal.files import SEPARATOR
from ecgnoise.errors import MissingFileError, UnknownUnitsError
from ecgnoise.readers import read
from ecgnoise.recording import Recording
from ecgnoise.report.pictures import SECONDS, Strip
from ecgnoise.results.drawings import check_same, drawing_of_result
from ecgnoise.results.result import Result


def find(source: str, folder: Path | None) -> str:
    """Where the recording of a result lies now: at its path, or below the folder by the longest end of its path.

    Raises MissingFileError where it is in neither.
    """
    file, separator, within = source.partition(SEPARATOR)
    places = [Path(file)]
    if folder is not None:
        parts = Path(file).parts
        places += [folder.joinpath(*parts[first:]) for first in range(1 if Path(file).is_absolute() else 0, len(parts))]
    for place in places:
        if place.exists() or place.with_name(f"{place.name}.hea").exists():
            return f"{place}{separator}{within}"
    raise MissingFileError(f"{source}: not there any more: pass its folder with --recordings")


def read_again(result: Result, folder: Path | None) -> Recording:
    """The recording of a result, with the leads that were scored.

    What its file does not say is taken from the result; a unit that only the caller knew stays unknown. Raises an
    InputError where it cannot be read, or is another recording by now.
    """
    place = find(result.source, folder)
    try:
        recording = read(place, sampling_frequency=result.sampling_frequency)
    except UnknownUnitsError:
        recording = read(place, sampling_frequency=result.sampling_frequency, units="unknown")
    if recording.lead_names != result.lead_names:
        recording = _with_leads(recording, result, place)
    check_same(result, recording)
    return recording


def _with_leads(recording: Recording, result: Result, place: str) -> Recording:
    """Its leads as they were scored: those of the names, or all under the names that were given."""
    if set(result.lead_names) <= set(recording.lead_names):
        return recording.pick(result.lead_names)
    return read(
        place,
        sampling_frequency=result.sampling_frequency,
        units=None if recording.units == "mV" else recording.units,
        lead_names=result.lead_names,
    )


def strip_of(result: Result, lead: str, folder: Path | None) -> Strip:
    """The worst ten seconds of a lead; errors as those of :func:`read_again`."""
    recording = read_again(result, folder)
    faults = [(found.lead, found.start, found.stop) for found in result.fault_intervals()]
    drawing = drawing_of_result(result, recording, faults, "")
    row = result.lead_names.index(lead)
    return Strip(drawing, row, _worst_start(result, row))


def _worst_start(result: Result, lead: int) -> float:
    """Where the worst segment of a lead begins: of those with a score the one with the lowest SNR, else the first."""
    values = result.effective_snr[lead] if len(result.span_start) else result.psnr[lead]
    known = [(value, place) for place, value in enumerate(values.tolist()) if value == value]  # noqa: PLR0124 - NaN
    place = min(known)[1] if known else 0
    return float(max(0.0, min(result.start[place], result.seconds - SECONDS)))
