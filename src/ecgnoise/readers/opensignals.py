"""Text files of OpenSignals, the program of PLUX for biosignalsplux and BITalino: a header in JSON, then columns.

The columns are raw counts. Those of an ECG sensor become mV by the transfer function of its data sheet,
ECG (mV) = 1000 (ADC / 2^n - 1/2) VCC / G with n bits a sample: VCC = 3 V and G = 1000 for biosignalsplux
("biosignalsplux Electrocardiography (ECG) Sensor Data Sheet"), VCC = 3.3 V and G = 1100 for BITalino
("Electrocardiography (ECG) Sensor Data Sheet", BITalino). For other devices the unit must be stated.
"""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise.errors import UnreadableFileError
from ecgnoise.readers._shared.base import ReadOptions
from ecgnoise.readers._shared.channel_names import is_called_ecg, is_other_signal
from ecgnoise.readers._shared.lead_columns import Said, recording_of_columns
from ecgnoise.readers._shared.table_cells import Row, columns_of_rows
from ecgnoise.readers._shared.table_layout import NUMBER, Layout
from ecgnoise.readers._shared.text import file_head, plain_file, plain_head, text_encoding, text_lines
from ecgnoise.readers._shared.time_columns import Column
from ecgnoise.recording import Recording

MAGIC: Final = re.compile(rb"(\xef\xbb\xbf)?#\s*OpenSignals Text File Format", re.IGNORECASE)
HEADER_BYTES: Final = 1 << 22
END: Final = re.compile(r"#\s*EndOfHeader", re.IGNORECASE)
# Operating voltage in V and gain of the ECG sensor, by how the name of the device begins.
SENSORS: Final = {"biosignalsplux": (3.0, 1000.0), "bitalino": (3.3, 1100.0)}
RAW: Final = frozenset({"raw", "", "custom", "unknown"})
DIGITAL: Final = re.compile(r"[io]\d+|di\d*|do\d*", re.IGNORECASE)


@dataclass(frozen=True)
class OpenSignalsReader:
    """One recording of OpenSignals."""

    name: str = "OpenSignals (text)"
    suffixes: tuple[str, ...] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """By its first line."""
        return MAGIC.match(plain_head(path, head)) is not None

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        head = file_head(path, HEADER_BYTES)
        encoding = text_encoding(head) or "latin-1"
        lines = text_lines(head, encoding)
        end = next((at for at, line in enumerate(lines) if END.match(line)), None)
        if end is None:
            raise UnreadableFileError(f"{path}: no end of its header (# EndOfHeader): export it again")
        devices = _devices(lines[:end], path)
        channels = [channel for device in devices for channel in _channels(device)]
        layout = Layout("\t", (NUMBER,) * len(channels))
        with plain_file(path) as file, io.TextIOWrapper(file, encoding, errors="replace") as text:
            titles = [(name, None) for name, _ in channels]
            columns = columns_of_rows(_rows(text, end + 1, layout), layout, titles, path)
        if not columns or not len(columns[0].numbers):
            raise UnreadableFileError(f"{path}: no samples below its header: export it again")
        said = _said(devices, path)
        kept, left = _of_ecg(columns)
        return recording_of_columns(
            [_in_millivolts(column, channels[column.place][1], options) for column in kept],
            options,
            path,
            replace(said, notes=(*said.notes, *left)),
        )


def _devices(lines: list[str], path: Path) -> list[dict[str, Any]]:
    """The header of each device; UnreadableFileError where it is no JSON."""
    text = next((line.lstrip("# ").strip() for line in lines if line.lstrip("# ").startswith("{")), "")
    try:
        header = json.loads(text)
        devices = [device for device in header.values() if isinstance(device.get("column"), list)]
    except (ValueError, AttributeError, RecursionError) as error:
        raise UnreadableFileError(f"{path}: its header is no JSON of devices: export it again") from error
    if not devices:
        raise UnreadableFileError(f"{path}: its header names no columns: export it again")
    return devices


def _channels(device: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Name of each column of a device, and what the header says of its sensor."""
    labels, sensors, bits = (
        value if isinstance(value := device.get(key), list) else [] for key in ("label", "sensor", "resolution")
    )
    bits = bits[-len(labels) :] if labels else bits
    kind, converted = str(device.get("device", "")).casefold(), bool(device.get("convertedValues"))
    found: list[tuple[str, dict[str, Any]]] = []
    for name in map(str, device["column"]):
        at = labels.index(name) if name in labels else None
        sensor = str(sensors[at]) if at is not None and at < len(sensors) else ""
        resolution = bits[at] if at is not None and at < len(bits) else None
        shown = name if sensor.casefold() in RAW else sensor if sensors.count(sensor) == 1 else f"{sensor} {name}"
        about = {"sensor": sensor, "bits": resolution, "device": kind, "converted": converted}
        found.append((shown, about if at is not None else {}))
    return found


def _rows(file: io.TextIOWrapper, skip: int, layout: Layout) -> Iterator[Row]:
    for number, line in enumerate(file, start=1):
        if number > skip and line.strip():
            yield number, layout.row(line)


def _of_ecg(columns: list[Column]) -> tuple[list[Column], list[str]]:
    """The columns that may be leads, or hold their numbers, and a note that names the digital ones."""
    digital = [column for column in columns if DIGITAL.fullmatch(column.name)]
    kept = [column for column in columns if not any(column is other for other in digital)]
    return kept, [f"left out, not ECG: {', '.join(column.name for column in digital)}"] if digital else []


def _in_millivolts(column: Column, about: dict[str, Any], options: ReadOptions) -> Column:
    """A column of counts of an ECG sensor in mV, by its data sheet; any other as it is."""
    known = next((values for name, values in SENSORS.items() if about.get("device", "").startswith(name)), None)
    bits = about.get("bits")
    ecg = is_called_ecg(about.get("sensor", "")) and not is_other_signal(about.get("sensor", ""))
    if known is None or not ecg or about["converted"] or options.units is not None:
        return column
    values = column.numbers
    if not isinstance(bits, int) or not 1 <= bits <= 24 or not _are_counts(values, bits):
        return column
    volts, gain = known
    return replace(column, unit="mV", numbers=1000 * (values / 2**bits - 0.5) * volts / gain)


def _are_counts(values: NDArray[np.float64], bits: int) -> bool:
    present = values[np.isfinite(values)]
    return bool(len(present) and (present == np.round(present)).all() and 0 <= present.min() <= present.max() < 2**bits)


def _said(devices: list[dict[str, Any]], path: Path) -> Said:
    """Sampling frequency and start of the devices; UnreadableFileError where they differ in it."""
    sampling_frequencies = {device.get("sampling rate") for device in devices}
    if len(sampling_frequencies) > 1:
        listed = ", ".join(map(str, sampling_frequencies))
        raise UnreadableFileError(f"{path}: devices of several sampling rates ({listed[:60]}): export one by one")
    sampling_frequency = sampling_frequencies.pop()
    stated = (
        float(sampling_frequency)
        if isinstance(sampling_frequency, int | float) and not isinstance(sampling_frequency, bool)
        else None
    )
    return Said(stated, start=_start(devices[0]), firm=True)


def _start(device: dict[str, Any]) -> datetime | None:
    numbers = re.findall(r"\d+", f"{device.get('date', '')} {device.get('time', '')}")
    if len(numbers) < 6:
        return None
    try:
        year, month, day, hour, minute, second = map(int, numbers[:6])
        fraction = float(f"0.{numbers[6]}") if len(numbers) > 6 else 0.0
        return datetime(year, month, day, hour, minute, second, round(fraction * 1e6) % 1_000_000)
    except (ValueError, OverflowError):
        return None
