"""DICOM waveforms (12-lead, general and ambulatory ECG, rhythm strips), read by the pydicom package.

The format: DICOM PS3.3, C.10.9 (waveform module). A file holds multiplex groups, of which the longest original one
with an ECG channel is read: the others are median beats or other signals. A channel's value is its sample times
ChannelSensitivity times ChannelSensitivityCorrectionFactor plus ChannelBaseline, in ChannelSensitivityUnits
(C.10.9.1.4.2).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import SignalShapeError, UnreadableFileError
from ecgnoise.quiet import quiet
from ecgnoise.readers.base import ReadOptions, one_line, package_of_extra
from ecgnoise.readers.channels import Channel, leads_of
from ecgnoise.recording import MAXIMUM_LEADS, ArraySamples, Recording

PREAMBLE_BYTES: Final = 128
COMPANDED: Final = ("MB", "AB")  # mu-law and A-law
CORRECTION: Final = "ChannelSensitivityCorrectionFactor"
DETAIL: Final = re.compile(r"\s*[(,].*")  # "aVR, augmented voltage, right", "Lead I (Einthoven)"
# What pydicom 3 raises on damaged files, besides its own errors, which are of these kinds.
PYDICOM_ERRORS: Final = (
    OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True)
class DicomReader:
    """The longest original ECG of a file."""

    name: str = "DICOM waveform (.dcm)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the magic after the preamble."""
        del path
        return head[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == b"DICM"

    def lists(self, path: Path, head: bytes) -> bool:
        """Every DICOM file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        with quiet():  # it warns of what breaks the standard, also of values that it reads only when they are asked for
            return _recording(_dataset(path), options, path)


def _recording(dataset: Any, options: ReadOptions, path: Path) -> Recording:
    try:
        group = _group(dataset, path)
        leads = leads_of(_channels(group), options, path)
        _check_coding(group, path)
        signal = _signal(dataset, group)[list(leads.rows)]
    except PYDICOM_ERRORS as error:
        raise UnreadableFileError(f"{path}: a damaged waveform ({one_line(error)}): fetch it again") from error
    return Recording(
        ArraySamples(leads.scaled(signal, path)),
        leads.frequency,
        leads.names,
        leads.recording_units,
        _start(dataset),
        str(path),
        leads.faults,
        leads.notes,
    )


def _package() -> ModuleType:
    return package_of_extra("pydicom", "reading DICOM")


def _dataset(path: Path) -> Any:
    pydicom = _package()
    try:
        dataset = pydicom.dcmread(path)
        groups = dataset.get("WaveformSequence")
    except PYDICOM_ERRORS as error:
        raise UnreadableFileError(f"{path}: not a whole DICOM file ({one_line(error)}): fetch it again") from error
    if not groups:
        kind = dataset.get("Modality") or "unknown kind"
        raise UnreadableFileError(f"{path}: a DICOM file ({kind}) without a waveform: pass one of an ECG")
    return dataset


def _group(dataset: Any, path: Path) -> Any:
    """The longest original group with an ECG channel, or simply the longest original."""
    if any(not _is_whole(group) for group in dataset.WaveformSequence):
        raise UnreadableFileError(f"{path}: its waveforms are shorter than it says: fetch the whole file")
    groups = [group for group in dataset.WaveformSequence if group.get("WaveformOriginality") != "DERIVED"]
    if not groups:
        raise UnreadableFileError(f"{path}: all its waveforms are derived ones, such as median beats: pass a recording")
    most = max(int(group.NumberOfWaveformChannels) for group in groups)
    if most > MAXIMUM_LEADS:
        raise SignalShapeError(f"{path}: {most} leads, at most {MAXIMUM_LEADS} can be scored at once: pass fewer")
    ecg = [group for group in groups if any(channel.is_ecg for channel in _channels(group))]
    return max(ecg or groups, key=_duration)


def _is_whole(group: Any) -> bool:
    """Whether the samples of a group are all there, as they are not in a file that is cut off."""
    announced = group.NumberOfWaveformSamples * group.NumberOfWaveformChannels * group.WaveformBitsAllocated // 8
    return bool(len(group.get("WaveformData") or b"") >= announced)


def _duration(group: Any) -> float:
    frequency = float(group.SamplingFrequency)
    return float(group.NumberOfWaveformSamples) / frequency if frequency > 0 else 0.0


def _channels(group: Any) -> list[Channel]:
    return [
        Channel(_name(definition), _unit(definition), float(group.SamplingFrequency), _has_gain(definition))
        for definition in group.ChannelDefinitionSequence
    ]


def _name(definition: Any) -> str:
    source = definition.get("ChannelSourceSequence")
    meaning = source[0].get("CodeMeaning") if source else None
    return DETAIL.sub("", str(meaning or definition.get("ChannelLabel") or ""))


def _unit(definition: Any) -> str:
    units = definition.get("ChannelSensitivityUnitsSequence")
    return str(units[0].get("CodeValue") or "") if units else ""


def _has_gain(definition: Any) -> bool:
    """Whether the sensitivity is not stated at all, or a number other than 0."""
    stated = [definition.get("ChannelSensitivity", 1), definition.get(CORRECTION, 1)]
    gain = float(stated[0]) * float(stated[1])
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
        gain = float(definition.get("ChannelSensitivity", 1)) * float(definition.get(CORRECTION, 1))
        row[:] = row * gain + float(definition.get("ChannelBaseline", 0))
    padding = group.get("WaveformPaddingValue")
    if isinstance(padding, bytes) and len(padding) >= coding.itemsize:
        padding = np.frombuffer(padding[: coding.itemsize], coding)[0]
    if padding and not isinstance(padding, bytes):
        signal[padding == raw] = np.nan
    return signal


def _start(dataset: Any) -> datetime | None:
    """AcquisitionDateTime as far as it is written: at least to the second, without its zone."""
    stated = re.match(r"\d{14}", str(dataset.get("AcquisitionDateTime") or ""))
    try:
        return datetime.strptime(stated.group(), "%Y%m%d%H%M%S") if stated else None
    except ValueError:
        return None
