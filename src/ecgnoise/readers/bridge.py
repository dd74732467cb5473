"""Formats that the ecgdatakit package decodes: from its record to a recording.

The package keeps raw counts, with a warning, where a file gives no unit; here that is an error. It rounds sampling
frequencies to whole numbers; here they are exact where it keeps what the file says. Its other warnings become a note.
It refuses XML entities, and loads no external ones. Files are read into memory and must therefore be small.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import MissingExtraError, UnreadableFileError
from ecgnoise.quiet import quiet
from ecgnoise.readers.base import ReadOptions, one_line
from ecgnoise.readers.channels import Channel, leads_of
from ecgnoise.readers.text import text_encoding
from ecgnoise.recording import ArraySamples, Recording, Signal

LARGEST_BYTES: Final = 256 << 20
LARGEST_SAMPLES: Final = 1 << 28  # of all leads of a decoded file
MARKUP_BYTES: Final = 4096  # of an XML file, among which its root element begins


def bridged(path: Path, what: str, parser: str, options: ReadOptions) -> Recording:
    """The recording in a file of one of the package's formats, in memory.

    what: the format's name. parser: the package's class for it, such as ``mfer.MFERParser``.

    Raises MissingExtraError, UnreadableFileError, and what :func:`ecgnoise.readers.channels.leads_of` raises.
    """
    record, remarks = _record(path, what, parser)
    channels = [_channel(lead, rate) for lead, rate in zip(record.leads, _frequencies(record, options), strict=True)]
    leads = leads_of(channels, options, path)
    return Recording(
        ArraySamples(_signal([record.leads[row] for row in leads.rows], leads.scaled, path)),
        leads.frequency,
        leads.names,
        leads.recording_units,
        record.recording.date,
        str(path),
        leads.faults,
        (*leads.notes, *_notes(remarks)),
    )


def has_root(head: bytes, element: str) -> bool:
    """Whether a beginning is that of an XML file with this root element, in UTF-8 or UTF-16, with or without prefix."""
    encoding = text_encoding(head[:MARKUP_BYTES])
    if encoding is None:
        return False
    text = head[:MARKUP_BYTES].decode(encoding, errors="ignore")
    return text.lstrip().startswith("<") and (f"<{element}" in text or f":{element}" in text.partition("<")[2])


def _parser(name: str) -> Any:
    """The package's class of this name: the package's own guess of the format looks at less of a file."""
    module, _, kind = name.partition(".")
    try:
        from ecgdatakit.parsing import parsers
    except ImportError as error:
        raise MissingExtraError("reading this format", "ecgdatakit", "formats") from error
    return getattr(importlib.import_module(f"{parsers.__name__}.{module}"), kind)


def _record(path: Path, what: str, parser: str) -> tuple[Any, list[str]]:
    """The package's record and its warnings; UnreadableFileError where it cannot make one."""
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise UnreadableFileError(
            f"{path}: {size >> 20} MiB, at most {LARGEST_BYTES >> 20} can be read as {what}: split it"
        )
    with quiet() as caught:
        kind = _parser(parser)
        try:
            record = kind().parse(path)
        except Exception as error:  # whatever a damaged file makes it raise
            raise UnreadableFileError(f"{path}: not a whole {what} file ({one_line(error)}): fetch it again") from error
    if not record.leads:
        raise UnreadableFileError(f"{path}: a {what} file without leads: pass one with a recording")
    return record, [str(warning.message) for warning in caught]


def _frequencies(record: Any, options: ReadOptions) -> Sequence[float]:
    """Samples a second of each lead: as the file says, or as the package rounds it."""
    said = record.raw_metadata
    count = len(record.leads)
    if said.get("sampling_rate_stated", True) is False and options.sampling_frequency:  # MFER's default gives way
        return [options.sampling_frequency] * count
    if len(said.get("sampling_rates", ())) == count:  # MFER
        return [float(rate) for rate in said["sampling_rates"]]
    if said.get("rhythm_time", {}).get("sampling_rate_exact"):  # HL7 aECG
        return [float(said["rhythm_time"]["sampling_rate_exact"])] * count
    if said.get("rhythm_sample_interval_us"):  # SCP-ECG
        return [1e6 / said["rhythm_sample_interval_us"]] * count
    if isinstance(said.get("raw"), dict) and said["raw"].get("frequency"):  # Kardia
        return [float(said["raw"]["frequency"])] * count
    return [float(lead.sampling_rate) for lead in record.leads]


def _channel(lead: Any, frequency: float) -> Channel:
    unit = str(lead.resolution_unit or lead.units or lead.adc_resolution_unit)
    gain = bool(np.isfinite([lead.resolution, lead.offset]).all() and lead.resolution != 0)
    return Channel(lead.label, unit, frequency, gain)


def _signal(leads: Sequence[Any], scaled: Any, path: Path) -> Signal:
    """(leads, time) in mV; NaN before a lead's first sample and after its last one."""
    starts = [max(int(lead.annotations.get("start_sample", 1)), 1) - 1 for lead in leads]
    length = max(start + len(lead.samples) for start, lead in zip(starts, leads, strict=True))
    if length == 0 or length * len(leads) > LARGEST_SAMPLES:
        raise UnreadableFileError(f"{path}: {length} samples in {len(leads)} leads: fetch it again, or split it")
    signal: NDArray[np.float64] = np.full((len(leads), length), np.nan)
    for row, (start, lead) in enumerate(zip(starts, leads, strict=True)):
        samples = np.asarray(lead.samples, np.float64)
        with np.errstate(all="ignore"):
            signal[row, start : start + len(samples)] = (
                samples * lead.resolution + lead.offset if lead.is_raw else samples
            )
    millivolts: Signal = scaled(signal, path)
    return millivolts


def _notes(remarks: list[str]) -> list[str]:
    """The first remark of the package, and how many others there are."""
    others = [one_line(ValueError(remark)) for remark in remarks]
    more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
    return [f"{others[0]}{more}"] if others else []
