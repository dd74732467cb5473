"""EDF, EDF+, BDF and BDF+ files, read window by window.

The formats: Kemp et al., Electroenceph. clin. Neurophysiol. 82 (1992) 391; Kemp and Olivan, Clin. Neurophysiol.
114 (2003) 1755 (EDF+); BioSemi's BDF has 24 instead of 16 bits. A file is data records, each of which has a stretch of
one signal after the other. Of large data records only the samples asked for are read.

The headers are read here and not by a package: those refuse headers that recorders write (see edf_header).

In a file where some signals have the name of an ECG lead, those without one (EEG, say) are left out.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import EcgNoiseError, UnreadableFileError, one_line
from ecgnoise.readers._edf.header import EdfHeader, EdfSignal, annotations_alone, is_edf, read_header
from ecgnoise.readers._edf.interrupted import onset, with_gaps
from ecgnoise.readers._shared.base import ReadOptions, open_file
from ecgnoise.readers._shared.channel_names import is_other_signal, may_be_voltage, names_a_lead
from ecgnoise.readers._shared.channels import Channel, Leads, ecg_channels, leads_of
from ecgnoise.readers._shared.gaps import LONGEST_INTERRUPTED
from ecgnoise.recording import Recording
from ecgnoise.samples import Samples, Signal

BLOCK_BYTES: Final = 1 << 20  # read at once; of larger data records, only the samples asked for


@dataclass(frozen=True)
class _File:
    """Where the data records lie: bytes of the header, of a record and of a sample, number of records."""

    path: Path
    header_bytes: int
    record_bytes: int
    sample_bytes: int
    records: int

    def samples(self, places: tuple[int, ...], frame: int, start: int, stop: int) -> NDArray[np.int32]:
        """Samples start..stop-1, (signals, samples), of signals that have ``frame`` of them in each data record.

        places: the byte of a data record at which each signal begins. UnreadableFileError where the file has changed.
        """
        raw = np.empty((len(places), stop - start, self.sample_bytes), np.uint8)
        try:
            with open_file(self.path) as file:
                for row, at, part in self._parts(file, places, frame, (start, stop)):
                    raw[row, at : at + len(part)] = part
        except EcgNoiseError:
            raise
        except OSError as error:
            raise UnreadableFileError(f"{self.path}: cannot be read ({one_line(error)}): read it again") from error
        return _integers(raw)

    def _parts(
        self, file: BinaryIO, places: tuple[int, ...], frame: int, span: tuple[int, int]
    ) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """Row, sample of the span, and samples as bytes: a stretch of one signal, within one or several records."""
        start, stop = span
        together = max(1, BLOCK_BYTES // self.record_bytes)
        for first in range(start // frame, -(-stop // frame), together):
            begin, end = max(start, first * frame), min(stop, (first + together) * frame)
            if self.record_bytes > BLOCK_BYTES:
                for row, place in enumerate(places):
                    inside = place + (begin - first * frame) * self.sample_bytes
                    part = self._bytes(file, first, inside, (end - begin) * self.sample_bytes)
                    yield row, begin - start, part.reshape(-1, self.sample_bytes)
                continue
            count = -(-end // frame) - first
            block = self._bytes(file, first, 0, count * self.record_bytes).reshape(count, -1)
            for row, place in enumerate(places):
                part = block[:, place : place + frame * self.sample_bytes].reshape(-1, self.sample_bytes)
                yield row, begin - start, part[begin - first * frame : end - first * frame]

    def _bytes(self, file: BinaryIO, record: int, place: int, count: int) -> NDArray[np.uint8]:
        file.seek(self.header_bytes + record * self.record_bytes + place)
        content = file.read(count)
        if len(content) < count:
            raise UnreadableFileError(f"{self.path}: shorter than when it was opened: read it again")
        return np.frombuffer(content, np.uint8)


@dataclass(frozen=True)
class EdfSamples:
    """Samples of some signals of one sampling frequency.

    frame: samples of each in a data record. places: where they begin in it. scales: what a count is, and a count of 0.
    """

    file: _File
    leads: Leads
    shape: tuple[int, int]
    frame: int
    places: tuple[int, ...]
    scales: tuple[tuple[float, float], ...]

    def window(self, start: int, stop: int) -> Signal:
        """Samples start..stop-1 of all leads in mV; UnreadableFileError where the file has changed."""
        if stop <= start:
            return np.empty((self.shape[0], 0), np.float32)
        counts = self.file.samples(self.places, self.frame, start, stop)
        gains, zeros = np.array(self.scales).T[..., None]
        return self.leads.scaled(counts * gains + zeros, self.file.path)


@dataclass(frozen=True)
class EdfReader:
    """A recording of data records of equal length; in the gaps of an interrupted one samples are missing."""

    name: str = "EDF, EDF+, BDF"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the first eight bytes, the number of signals, and the date or the header's length."""
        del path
        return is_edf(head)

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file but those of annotations alone, such as those of an earlier run."""
        named = self.recognises(path, head) or path.suffix.lower() in {".edf", ".bdf"}
        return named and not annotations_alone(head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The ECG signals, their samples left on disk."""
        header = read_header(path)
        file = _File(path, header.bytes, header.record_bytes, header.sample_bytes, header.records)
        signals = [signal for signal in header.signals if not signal.annotations]
        channels, notes = _channels(header, signals, options, path)
        leads = leads_of(channels, options, path)
        picked = [signals[row] for row in leads.rows]
        frame = picked[0].count
        shape = (len(picked), file.records * frame)
        scales = tuple(signal.scale for signal in picked)
        stored = EdfSamples(file, leads, shape, frame, tuple(signal.place for signal in picked), scales)
        samples, start, more = _in_time(stored, header)
        return Recording(
            samples,
            leads.sampling_frequency,
            leads.names,
            leads.recording_units,
            start,
            str(path),
            leads.faults,
            (*header.notes, *leads.notes, *notes, *_without_gain(picked), *more),
        )


def _channels(
    header: EdfHeader, signals: list[EdfSignal], options: ReadOptions, path: Path
) -> tuple[list[Channel], list[str]]:
    """The channels, and a note where the caller states how long a data record is.

    Where some have the name of a lead and perhaps a unit of voltage, those without one are left out.
    """
    channels = [
        Channel(signal.label, signal.unit, header.sampling_frequency(signal), signal.has_gain, signal.count == 0)
        for signal in signals
    ]
    named = any(may_be_voltage(channel.unit) and _is_lead(channel.name) for channel in channels if not channel.other)
    wanted = {name.casefold() for name in options.lead_names or ()}
    known = [_is_lead(channel.name) or channel.name.casefold() in wanted for channel in channels]
    channels = [
        replace(channel, other=channel.other or (named and not is_known))
        for channel, is_known in zip(channels, known, strict=True)
    ]
    asked = options.sampling_frequency
    if header.duration or asked is None:
        return channels, []
    counts = Counter(signals[row].count for row in ecg_channels(channels, options, path))
    common = max(counts, key=lambda count: (counts[count], count))
    stated = [
        replace(channel, sampling_frequency=asked * signal.count / common)
        for channel, signal in zip(channels, signals, strict=True)
    ]
    return stated, [f"the header says no duration of a data record: taken as {asked:g} Hz, as stated"]


def _is_lead(label: str) -> bool:
    return names_a_lead(label) and not is_other_signal(label)


def _without_gain(picked: list[EdfSignal]) -> list[str]:
    """A note for each lead whose physical or digital limits do not say what a count is."""
    return [
        f"no gain: {signal.label} is {signal.physical[0]:g} to {signal.physical[1]:g} for the counts "
        f"{signal.digital[0]:g} to {signal.digital[1]:g} by the header"
        for signal in picked
        if not signal.has_gain
    ]


def _in_time(stored: EdfSamples, header: EdfHeader) -> tuple[Samples, datetime | None, list[str]]:
    """The samples with the gaps between them, when the first one is, and notes.

    The annotations of the first data record may add a part of a second to the start.
    """
    times = next((signal for signal in header.signals if signal.annotations and signal.count), None)
    path, sampling_frequency = stored.file.path, stored.leads.sampling_frequency
    if times is None:
        notes = ["interrupted (EDF+D), without times of its data records: put end to end"] if header.interrupted else []
        return stored, header.start, notes
    onsets = _onsets(stored.file, times, header.records if header.interrupted else 1)
    start = header.start
    if start and 0 < onsets[0] <= LONGEST_INTERRUPTED:
        start += timedelta(seconds=onsets[0])
    if not header.interrupted:
        return stored, start, []
    samples, notes = with_gaps(stored, onsets, sampling_frequency, path)
    if not samples.missing:
        return stored, start, notes
    return samples, start, [*notes, samples.note(sampling_frequency)]


def _integers(raw: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Little-endian integers of two or three bytes, which the last dimension holds."""
    if raw.shape[-1] == 2:
        return raw.view("<i2")[..., 0].astype(np.int32)
    padded = np.zeros((*raw.shape[:-1], 4), np.uint8)
    padded[..., 1:] = raw
    integers: NDArray[np.int32] = padded.view("<i4")[..., 0] >> 8
    return integers


def _onsets(file: _File, times: EdfSignal, records: int) -> list[float]:
    """When each of the first data records begins, in s, by the first signal of annotations; NaN where it does not say.

    The annotations are read alone, some records at a time.
    """
    frame, onsets = times.count, list[float]()
    together = max(1, BLOCK_BYTES // (frame * file.sample_bytes))
    for first in range(0, records, together):
        last = min(first + together, records)
        counts = file.samples((times.place,), frame, first * frame, last * frame)
        content = counts.astype("<i4").view(np.uint8).reshape(last - first, frame, 4)[:, :, : file.sample_bytes]
        onsets += [onset(record.tobytes()) for record in content]
    return onsets
