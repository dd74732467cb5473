"""Formats that the ecgdatakit package decodes: from its record to a recording.

The package keeps raw counts, with a warning, where a file gives no unit; here that is an error. It rounds sampling
frequencies to whole numbers; here they are exact where it keeps what the file says. Its other warnings become a note.
XML is looked through before the package sees it (:mod:`ecgnoise.readers._shared.xml`); one that had to be mended is
decoded from a copy. So is one that states no sampling frequency, with which the package can do nothing: the copy has
that of the caller. Files are read into memory and must therefore be small.
"""

import importlib
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.warnings import quiet
from ecgnoise.errors import SamplingFrequencyError, UnreadableFileError, one_line
from ecgnoise.readers._shared.base import LARGEST_HELD, ReadOptions, package_of_extra, settle_sampling_frequency
from ecgnoise.readers._shared.channels import Channel, leads_of
from ecgnoise.readers._shared.library_errors import warning_notes
from ecgnoise.readers._shared.xml import LARGEST_BYTES, Checked, checked_xml
from ecgnoise.recording import Recording
from ecgnoise.samples import ArraySamples, Signal

SHOWN: Final = 40  # letters of what stands in the place of a number
ROUNDED: Final = "rounded to"  # in the package's warning of a sampling frequency, which is exact here


# Writes a sampling frequency in Hz, if there is one, wherever a document has no usable one; gives what stands there,
# as in "0", or empty, and None where the document states a sampling frequency throughout.
RateSetter = Callable[[ET.Element, float | None], str | None]


def bridged(
    path: Path, what: str, parser: str, options: ReadOptions, *, set_sampling_frequency: RateSetter | None = None
) -> Recording:
    """The recording in a file of one of the package's formats, in memory.

    what: the format's name. parser: the package's class for it, such as ``mfer.MFERParser``. set_rate: of XML.

    Raises MissingExtraError, UnreadableFileError, UnknownSamplingFrequencyError, SamplingFrequencyError, and what
    :func:`ecgnoise.readers._shared.channels.leads_of` raises.
    """
    with _decodable(path, what, options, set_sampling_frequency) as (place, mended):
        record, remarks = _record(place, path, what, parser)
    sampling_frequencies = _frequencies(record, options)
    if mended.sampling_frequency is not None:  # exact, where the package has rounded it
        near = [
            own == round(mended.sampling_frequency) or isclose(own, mended.sampling_frequency)
            for own in sampling_frequencies
        ]
        sampling_frequencies = [
            mended.sampling_frequency if is_near else own
            for own, is_near in zip(sampling_frequencies, near, strict=True)
        ]
    channels = [
        _channel(lead, sampling_frequency)
        for lead, sampling_frequency in zip(record.leads, sampling_frequencies, strict=True)
    ]
    leads = leads_of(channels, options, path)
    return Recording(
        ArraySamples(_signal([record.leads[row] for row in leads.rows], leads.scaled, path)),
        leads.sampling_frequency,
        leads.names,
        leads.recording_units,
        record.recording.date,
        str(path),
        leads.faults,
        (*leads.notes, *mended.notes, *_lead_notes([record.leads[row] for row in leads.rows]), *remarks),
    )


@dataclass(frozen=True)
class _Mended:
    """What was changed of a file before it was decoded: notes, and the sampling frequency that was written into it."""

    notes: tuple[str, ...] = ()
    sampling_frequency: float | None = None


@contextmanager
def _decodable(
    path: Path, what: str, options: ReadOptions, set_sampling_frequency: RateSetter | None
) -> Iterator[tuple[Path, _Mended]]:
    """The file that the package is to decode, itself or a mended copy of it, and what was mended."""
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise UnreadableFileError(
            f"{path}: {size >> 20} MiB, at most {LARGEST_BYTES >> 20} can be read as {what}: split it"
        )
    if set_sampling_frequency is None:
        yield path, _Mended()
        return
    checked = checked_xml(path, what)
    content, mended = _with_sampling_frequency(checked, options, path, set_sampling_frequency)
    if not checked.mended and mended.sampling_frequency is None:
        yield path, mended
        return
    with tempfile.TemporaryDirectory(prefix="ecgnoise-") as folder:
        copy = Path(folder) / "mended.xml"
        copy.write_bytes(content)
        yield copy, mended


def _with_sampling_frequency(
    checked: Checked, options: ReadOptions, path: Path, set_sampling_frequency: RateSetter
) -> tuple[bytes, _Mended]:
    """The bytes of XML with the caller's sampling frequency where the file states none; errors where nobody does."""
    root = ET.fromstring(checked.content)
    asked = options.sampling_frequency
    said = set_sampling_frequency(root, asked)
    if said is None:
        return checked.content, _Mended(checked.notes)
    shown = ascii(said[:SHOWN])
    if said and asked is None:
        raise SamplingFrequencyError(
            f"{path}: the file has {shown} for its sampling frequency: pass sampling_frequency in Hz "
            "(--sampling-frequency)"
        )
    sampling_frequency = settle_sampling_frequency(None, options, path)
    notes = [f"the file has {shown} for its sampling frequency: {sampling_frequency:g} Hz as stated"] if said else []
    for element in root.iter():  # the package looks for names without a prefix, which a copy would have
        element.tag = element.tag.rpartition("}")[2]
    return ET.tostring(root), _Mended((*checked.notes, *notes), sampling_frequency)


def _parser(name: str) -> Any:
    """The package's class of this name: the package's own guess of the format looks at less of a file."""
    module, _, kind = name.partition(".")
    package_of_extra("ecgdatakit", "reading this format")
    return getattr(importlib.import_module(f"ecgdatakit.parsing.parsers.{module}"), kind)


def _record(place: Path, path: Path, what: str, parser: str) -> tuple[Any, list[str]]:
    """The package's record and notes of its warnings; UnreadableFileError where it cannot make one.

    place: the file that is decoded. path: the one that is named in messages.
    """
    with quiet() as caught:
        kind = _parser(parser)
        try:
            record = kind().parse(place)
        except MemoryError:
            raise
        except Exception as error:  # whatever a damaged file makes it raise
            said = f"{type(error).__name__}: {one_line(error)}".replace(str(place), "it").rstrip(": ")
            raise UnreadableFileError(f"{path}: not a whole {what} file ({said}): fetch it again") from error
    if not record.leads:
        raise UnreadableFileError(f"{path}: a {what} file without leads: pass one with a recording")
    return record, warning_notes([warning for warning in caught if ROUNDED not in str(warning.message)])


def _frequencies(record: Any, options: ReadOptions) -> Sequence[float]:
    """Samples a second of each lead: as the file says, or as the package rounds it."""
    said = record.raw_metadata
    count = len(record.leads)
    if said.get("sampling_rate_stated", True) is False and options.sampling_frequency:  # MFER's default gives way
        return [options.sampling_frequency] * count
    if len(said.get("sampling_rates", ())) == count:  # MFER
        return [float(sampling_frequency) for sampling_frequency in said["sampling_rates"]]
    if said.get("rhythm_time", {}).get("sampling_rate_exact"):  # HL7 aECG
        return [float(said["rhythm_time"]["sampling_rate_exact"])] * count
    if said.get("rhythm_sample_interval_us"):  # SCP-ECG
        return [1e6 / said["rhythm_sample_interval_us"]] * count
    if isinstance(said.get("raw"), dict) and said["raw"].get("frequency"):  # Kardia
        return [float(said["raw"]["frequency"])] * count
    return [float(lead.sampling_rate) for lead in record.leads]


def _channel(lead: Any, sampling_frequency: float) -> Channel:
    unit = str(lead.resolution_unit or lead.units or lead.adc_resolution_unit)
    gain = bool(np.isfinite([lead.resolution, lead.offset]).all() and lead.resolution != 0)
    return Channel(lead.label, unit, sampling_frequency, gain)


def _signal(leads: Sequence[Any], scaled: Any, path: Path) -> Signal:
    """(leads, time) in mV; NaN before a lead's first sample and after its last one."""
    starts = [max(int(lead.annotations.get("start_sample", 1)), 1) - 1 for lead in leads]
    length = max(start + len(lead.samples) for start, lead in zip(starts, leads, strict=True))
    if length == 0 or length * len(leads) > LARGEST_HELD:
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


def _lead_notes(leads: Sequence[Any]) -> list[str]:
    """Notes of leads that begin at another time than the others, or end before them."""
    ends = {lead.label: max(int(lead.annotations.get("start_sample", 1)), 1) - 1 + len(lead.samples) for lead in leads}
    longest = max(ends.values(), default=0)
    short = [f"{name} ({longest - end} samples)" for name, end in ends.items() if end < longest]
    late = [
        f"{lead.label} ({lead.annotations['LeadTimeOffset']})"
        for lead in leads
        if lead.annotations.get("LeadTimeOffset")
    ]
    return [
        *([f"shorter than the others, missing at the end: {', '.join(short)}"] if short else []),
        *([f"said to begin at another time than the others, not shifted: {', '.join(late)}"] if late else []),
    ]
