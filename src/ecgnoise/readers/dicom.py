"""DICOM waveforms (12-lead, general and ambulatory ECG, rhythm strips), read by the pydicom package.

The format: DICOM PS3.3, C.10.9 (waveform module). A file holds multiplex groups, of which the longest original one
with an ECG channel is read: the others are median beats or other signals. A channel's value is its sample times
ChannelSensitivity times ChannelSensitivityCorrectionFactor plus ChannelBaseline, in ChannelSensitivityUnits
(C.10.9.1.4.2). A file without the preamble of part 10, as some programs write them, is read too.
"""

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.warnings import quiet
from ecgnoise.errors import SignalShapeError, UnreadableFileError
from ecgnoise.readers._shared.base import ReadOptions, open_file, package_of_extra, settle_sampling_frequency
from ecgnoise.readers._shared.channels import Channel, leads_of
from ecgnoise.readers._shared.library_errors import whole
from ecgnoise.recording import MAXIMUM_LEADS, Recording
from ecgnoise.samples import ArraySamples

PREAMBLE_BYTES: Final = 128
COMPANDED: Final = ("MB", "AB")  # mu-law and A-law
CORRECTION: Final = "ChannelSensitivityCorrectionFactor"
# Lead codes of the schemes MDC (2:n) and SCPECG (5.6.3-9-n), which number the leads alike (CID 3001).
LEAD_CODE: Final = re.compile(r"(?:2:|5\.6\.3-9-)(\d+)")
LEADS: Final = {
    1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6", 9: "V7", 10: "V2R", 11: "V3R", 12: "V4R",
    13: "V5R", 14: "V6R", 15: "V7R", 16: "X", 17: "Y", 18: "Z", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF", 66: "V8",
    67: "V9", 68: "V8R", 69: "V9R",
}  # fmt: skip
LEAD_SCHEMES: Final = ("MDC", "SCPECG", "")
# Value representations of DICOM, by which an element with its own one is known.
REPRESENTATIONS: Final = frozenset(
    {
        b"AE",
        b"AS",
        b"CS",
        b"DA",
        b"DS",
        b"DT",
        b"IS",
        b"LO",
        b"LT",
        b"OB",
        b"PN",
        b"SH",
        b"SQ",
        b"TM",
        b"UI",
        b"UL",
        b"US",
    }
)
FIRST_GROUPS: Final = (0x0002, 0x0008)
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
LARGEST_BYTES: Final = 1 << 30  # of a file, also when inflated
CHUNK: Final = 1 << 20
DETAIL: Final = re.compile(r"\s*[(,].*")  # "aVR, augmented voltage, right", "Lead I (Einthoven)"


@dataclass(frozen=True)
class DicomReader:
    """The longest original ECG of a file."""

    name: str = "DICOM waveform (.dcm)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the magic after the preamble, or by the first element where there is no preamble."""
        del path
        return head[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == b"DICM" or _is_bare(head)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every DICOM file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        with quiet():  # it warns of what breaks the standard, also of values that it reads only when they are asked for
            return _recording(_dataset(path), options, path)


def _is_bare(head: bytes) -> bool:
    """Whether a file begins with the first elements of a data set, without preamble: two in the order of their tags."""
    if len(head) < 16:
        return False
    group, element, representation, length = struct.unpack_from("<HH2sH", head)
    if group not in FIRST_GROUPS:
        return False
    if representation in REPRESENTATIONS and representation not in {b"OB", b"SQ"}:
        following = 8 + length
    else:  # implicit
        (long_length,) = struct.unpack_from("<I", head, 4)
        following = 8 + long_length
    if length > 1024 or following + 4 > len(head):
        return bool(group == 2 and representation in REPRESENTATIONS)
    next_group, next_element = struct.unpack_from("<HH", head, following)
    return bool((group, element) < (next_group, next_element) and next_group in {group, 0x0008})


def _recording(dataset: Any, options: ReadOptions, path: Path) -> Recording:
    with whole(path, "DICOM file", "fetch it again"):
        group = _group(dataset, path)
        if group.get("SamplingFrequency") is None:
            group.SamplingFrequency = f"{settle_sampling_frequency(None, options, path):.12g}"
        leads = leads_of(_channels(group), options, path)
        _check_coding(group, path)
        signal = _signal(dataset, group)[list(leads.rows)]
        start = _start(dataset, group)
    return Recording(
        ArraySamples(leads.scaled(signal, path)),
        leads.sampling_frequency,
        leads.names,
        leads.recording_units,
        start,
        str(path),
        leads.faults,
        (*leads.notes, *_notes(group, leads.rows, leads.names)),
    )


def _notes(group: Any, rows: Sequence[int], names: Sequence[str]) -> list[str]:
    """Notes of leads that are not sampled when the others are, which is not made good here."""
    skewed = []
    for row, name in zip(rows, names, strict=True):
        definition = group.ChannelDefinitionSequence[row]
        skew = _number(definition, "ChannelTimeSkew", 0.0)
        samples = _number(definition, "ChannelSampleSkew", 0.0)
        if skew or samples:
            skewed.append(f"{name} ({skew:g} s)" if skew else f"{name} ({samples:g} samples)")
    return [f"sampled later than the others, not shifted: {', '.join(skewed)}"] if skewed else []


def _dataset(path: Path) -> Any:
    pydicom = package_of_extra("pydicom", "reading DICOM")
    with whole(path, "DICOM file", "fetch it again"):
        _check_size(path)
        dataset = pydicom.dcmread(path, force=True)
        groups = dataset.get("WaveformSequence")
    if not groups:
        kind = str(dataset.get("Modality") or "unknown kind")[:20]
        raise UnreadableFileError(f"{path}: a DICOM file ({kind}) without a waveform: pass one of an ECG")
    return dataset


def _check_size(path: Path) -> None:
    """UnreadableFileError for a file, or what is deflated in it, that is larger than any recording."""
    size = path.stat().st_size
    with open_file(path) as file:
        head = file.read(1 << 12)
        at = head.find(DEFLATED.encode())
        if size <= LARGEST_BYTES and at >= 0:
            file.seek(0)
            size = max(size, _inflated(file.read(), head))
    if size > LARGEST_BYTES:
        raise UnreadableFileError(
            f"{path}: more than {LARGEST_BYTES >> 20} MiB, which no DICOM waveform needs: split it, or fetch it again"
        )


def _inflated(content: bytes, head: bytes) -> int:
    """How many bytes a deflated data set has, up to just over the limit; it follows the elements of group 2."""
    begins = PREAMBLE_BYTES + 4 if head[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == b"DICM" else 0
    (length,) = struct.unpack_from("<I", head, begins + 8)
    packed = memoryview(content)[begins + 12 + length :]
    inflate, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    try:
        for start in range(0, len(packed), CHUNK):
            rest = bytes(packed[start : start + CHUNK])
            while rest and size <= LARGEST_BYTES and not inflate.eof:
                size += len(inflate.decompress(rest, 16 * CHUNK))
                rest = inflate.unconsumed_tail
    except zlib.error:
        return size
    return size


def _group(dataset: Any, path: Path) -> Any:
    """The longest original group with an ECG channel, or simply the longest original; in samples without a rate."""
    if any(not _is_whole(group) for group in dataset.WaveformSequence):
        raise UnreadableFileError(f"{path}: its waveforms are shorter than it says: fetch the whole file")
    groups = [group for group in dataset.WaveformSequence if group.get("WaveformOriginality") != "DERIVED"]
    if not groups:
        raise UnreadableFileError(f"{path}: all its waveforms are derived ones, such as median beats: pass a recording")
    most = max(int(group.NumberOfWaveformChannels) for group in groups)
    if most > MAXIMUM_LEADS:
        raise SignalShapeError(f"{path}: {most} leads, at most {MAXIMUM_LEADS} can be scored at once: pass fewer")
    ecg = [group for group in groups if any(channel.is_ecg for channel in _channels(group))]
    return max(ecg or groups, key=lambda group: (_duration(group), group.NumberOfWaveformSamples))


def _is_whole(group: Any) -> bool:
    """Whether the samples of a group are all there, as they are not in a file that is cut off."""
    announced = group.NumberOfWaveformSamples * group.NumberOfWaveformChannels * group.WaveformBitsAllocated // 8
    return bool(len(group.get("WaveformData") or b"") >= announced)


def _duration(group: Any) -> float:
    sampling_frequency = _number(group, "SamplingFrequency", 1.0)
    return float(group.NumberOfWaveformSamples) / sampling_frequency if sampling_frequency > 0 else 0.0


def _channels(group: Any) -> list[Channel]:
    return [
        Channel(_name(definition), _unit(definition), _number(group, "SamplingFrequency", 1.0), _has_gain(definition))
        for definition in group.ChannelDefinitionSequence
    ]


def _name(definition: Any) -> str:
    """What the source of a channel is called: by its meaning, its code, the channel's label, or as the code itself."""
    source = definition.get("ChannelSourceSequence")
    code = source[0] if source else None
    meaning = str(code.get("CodeMeaning") or "") if code else ""
    value = str((code.get("CodeValue") or code.get("LongCodeValue") or "") if code else "").strip()
    number = LEAD_CODE.fullmatch(value)
    scheme = str((code.get("CodingSchemeDesignator") or "") if code else "").strip().upper()
    known = LEADS.get(int(number.group(1)), "") if number and scheme in LEAD_SCHEMES else ""
    return DETAIL.sub("", meaning.strip() or known or str(definition.get("ChannelLabel") or "").strip() or value)


def _unit(definition: Any) -> str:
    """The unit of the sensitivity, by its code or the meaning of it; empty where there is no sensitivity."""
    units = definition.get("ChannelSensitivityUnitsSequence")
    if not units or definition.get("ChannelSensitivity") is None:
        return ""
    return str(units[0].get("CodeValue") or units[0].get("CodeMeaning") or "").strip()


def _number(definition: Any, name: str, otherwise: float) -> float:
    """The number of an element, which may be absent or empty."""
    stated = definition.get(name)
    return otherwise if stated is None or stated == "" else float(stated)


def _gain(definition: Any) -> float:
    """What a count stands for in the channel's unit; 1 where the sensitivity is not stated at all."""
    return _number(definition, "ChannelSensitivity", 1.0) * _number(definition, CORRECTION, 1.0)


def _has_gain(definition: Any) -> bool:
    """Whether the sensitivity is not stated at all, or a number other than 0."""
    gain = _gain(definition)
    return bool(np.isfinite(gain) and gain != 0)


def _check_coding(group: Any, path: Path) -> None:
    """UnreadableFileError for samples that are no plain integers (C.10.9.1.5)."""
    coding = str(group.WaveformSampleInterpretation)
    if coding in COMPANDED:
        raise UnreadableFileError(f"{path}: its samples are companded ({coding}), not integers: export it as SS or SL")


def _signal(dataset: Any, group: Any) -> NDArray[np.float64]:
    """The samples of a group, (channels, time), in its units; NaN for the padding value.

    A padding value of 0 is left alone: writers state it for recordings without padding, where 0 is a sample.
    """
    from pydicom.waveforms.numpy_handler import WAVEFORM_DTYPES

    if len(group.ChannelDefinitionSequence) != group.NumberOfWaveformChannels:
        raise ValueError(f"{group.NumberOfWaveformChannels} channels announced")
    coding = np.dtype(WAVEFORM_DTYPES[group.WaveformBitsAllocated, group.WaveformSampleInterpretation])
    coding = coding.newbyteorder("<" if dataset.original_encoding[1] in {True, None} else ">")
    shape = (int(group.NumberOfWaveformSamples), int(group.NumberOfWaveformChannels))
    raw = np.frombuffer(group.WaveformData, coding, shape[0] * shape[1]).reshape(shape).T
    signal = raw.astype(np.float64)
    for row, definition in zip(signal, group.ChannelDefinitionSequence, strict=True):
        row[:] = row * _gain(definition) + _number(definition, "ChannelBaseline", 0.0)
    padding = group.get("WaveformPaddingValue")
    if isinstance(padding, bytes) and len(padding) >= coding.itemsize:
        padding = np.frombuffer(padding[: coding.itemsize], coding)[0]
    if padding and not isinstance(padding, bytes):
        signal[padding == raw] = np.nan
    return signal


def _start(dataset: Any, group: Any) -> datetime | None:
    """AcquisitionDateTime as it is written, at least to the second, without its zone; plus the group's offset."""
    stated = re.match(r"\d{14}", str(dataset.get("AcquisitionDateTime") or ""))
    try:
        begun = datetime.strptime(stated.group(), "%Y%m%d%H%M%S") if stated else None
        return begun + timedelta(milliseconds=_number(group, "MultiplexGroupTimeOffset", 0.0)) if begun else None
    except (ValueError, OverflowError):
        return None
