"""A simulated ECG of any length straight into a file, in memory that does not grow with its length.

The beats are those of :func:`ecgnoise.simulate.simulate_ecg`. Noise comes in stretches of ten minutes, each with a seed
of its own, that fade into each other within two seconds at constant power; the signal-to-noise ratio is that of each
stretch.
"""

import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.atomic import whole_files
from ecgnoise.errors import OptionError, OutputError
from ecgnoise.recording import check_sampling_frequency
from ecgnoise.simulate import (
    STANDARD_LEADS,
    WARM_UP,
    NoiseKind,
    beat_times,
    check_duration,
    lead_noise,
    lead_rows,
    lead_weights,
    noise_kind,
    solve_blocks,
)
from ecgnoise.writers import HIGHEST_MILLIVOLTS, RECORD_NAME, UNITS_PER_MILLIVOLT

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]
STRETCH_SECONDS: Final = 600.0
FADE_SECONDS: Final = 2.0
SHORTEST_SECONDS: Final = 10.0  # a last stretch below that takes the strength of the one before


@dataclass(frozen=True)
class AddedNoise:
    """Noise to add: of a kind, at a signal-to-noise ratio in dB, in some leads by name; None for all."""

    kind: NoiseKind
    snr_db: float
    leads: tuple[str, ...] | None = None


@dataclass(frozen=True)
class LongEcg:
    """A simulated ECG with noise that is made a stretch of ten minutes at a time; see :func:`simulate_ecg`.

    Raises SamplingFrequencyError, OptionError or LeadNameError.
    """

    duration: float
    sampling_frequency: float = 500.0
    heart_rate: float = 60.0
    seed: int = 0
    lead_names: tuple[str, ...] = STANDARD_LEADS
    noises: tuple[AddedNoise, ...] = ()

    def __post_init__(self) -> None:
        check_sampling_frequency(self.sampling_frequency, "simulate_ecg")
        check_duration(self.duration, self.sampling_frequency)
        lead_weights(self.lead_names)
        for added in self.noises:
            noise_kind(added.kind)
            lead_rows(added.leads, self.lead_names)
            if not np.isfinite(added.snr_db):
                raise OptionError(f"snr_db {added.snr_db}: pass a finite number of decibels")

    @property
    def samples(self) -> int:
        """Samples a lead."""
        return check_duration(self.duration, self.sampling_frequency)

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Its stretches, (leads, samples) in mV, one after the other."""
        frequency = self.sampling_frequency
        length = round(STRETCH_SECONDS * frequency)
        edges = [-round(WARM_UP * frequency), *range(0, self.samples, length), self.samples]
        beats = beat_times(self.duration, heart_rate=self.heart_rate, seed=self.seed)
        weights = lead_weights(self.lead_names)
        noises = [_Faded(added, self, length) for added in self.noises]
        for number, (_, clean) in enumerate(solve_blocks(beats, weights, frequency, self.heart_rate, edges)):
            noisy = clean.copy()
            for noise in noises:
                noise.add(number, clean, noisy)
            yield noisy.astype(np.float32)


class _Faded:
    """Noise in stretches that fade into each other."""

    def __init__(self, added: AddedNoise, ecg: LongEcg, length: int) -> None:
        self._added = added
        self._ecg = ecg
        self._rows = lead_rows(added.leads, ecg.lead_names)
        self._samples = length + round(FADE_SECONDS * ecg.sampling_frequency)
        fade = np.linspace(0, np.pi / 2, self._samples - length)
        self._in, self._out = np.sin(fade), np.cos(fade)
        self._shortest = round(SHORTEST_SECONDS * ecg.sampling_frequency)
        self._heights: dict[int, float] = {}
        self._ends = {row: np.zeros(len(fade)) for row in self._rows}

    def add(self, number: int, clean: Array, noisy: Array) -> None:
        """Add the noise of a stretch to it, in place; clean: without any noise."""
        fade, length = len(self._in), clean.shape[1]
        for row in self._rows:
            if length >= self._shortest or number == 0:
                self._heights[row] = np.sqrt(clean[row].var() / 10 ** (self._added.snr_db / 10))
            which = (self._ecg.seed, row, number) if number else (self._ecg.seed, row)
            made = self._heights[row] * lead_noise(self._added.kind, self._samples, self._ecg.sampling_frequency, which)
            end = made[-fade:] * self._out
            if number:
                made[:fade] = made[:fade] * self._in + self._ends[row]
            self._ends[row] = end
            noisy[row] += made[:length]


def write_long(ecg: LongEcg, path: str | Path, progress: Progress | None = None) -> None:
    """Write a simulated ECG, whole or not at all: ``.hea`` (with its ``.dat``), ``.csv`` or ``.npz``.

    progress: called with the samples done and their number. Raises OutputError for another suffix, a signal too large
    for WFDB, or a place that cannot be written.
    """
    place = Path(path)
    writer = LONG_WRITERS.get(place.suffix.lower())
    if writer is None:
        raise OutputError(f"{place}: suffix {place.suffix!r} is none of {', '.join(LONG_WRITERS)}: choose one")
    with whole_files(place) as partial:
        writer(ecg, _told(ecg, progress), partial)


def _told(ecg: LongEcg, progress: Progress | None) -> Iterator[NDArray[np.float32]]:
    """The stretches; progress is called when one is written."""
    done = 0
    for block in ecg.blocks():
        yield block
        done += block.shape[1]
        if progress:
            progress(done, ecg.samples)


def _write_wfdb(ecg: LongEcg, blocks: Iterator[NDArray[np.float32]], path: Path) -> None:
    """A record in format 16, of 1000 units a mV, as :func:`ecgnoise.writers.write_recording` writes it."""
    if not RECORD_NAME.fullmatch(path.stem):
        raise OutputError(f"{path.name}: {path.stem!r} is no name of a WFDB record: use letters, digits, - and _")
    first = np.zeros(len(ecg.lead_names), np.int64)
    total = np.zeros(len(ecg.lead_names), np.int64)
    with path.with_suffix(".dat").open("wb") as file:
        for number, block in enumerate(blocks):
            largest = float(np.abs(block).max())
            if largest > HIGHEST_MILLIVOLTS:
                raise OutputError(
                    f"{path.name}: {largest:.1f} mV, a WFDB record holds {HIGHEST_MILLIVOLTS}: write .npz"
                )
            units = np.round(block.astype(np.float64) * UNITS_PER_MILLIVOLT).astype("<i2")
            first = units[:, 0].astype(np.int64) if number == 0 else first
            total += units.sum(axis=1, dtype=np.int64)
            file.write(units.T.tobytes())
    lines = [f"{path.stem} {len(first)} {ecg.sampling_frequency:.12g} {ecg.samples}"]
    lines += [
        f"{path.stem}.dat 16 {UNITS_PER_MILLIVOLT}(0)/mV 16 0 {begin} {checksum} 0 {name}"
        for name, begin, checksum in zip(ecg.lead_names, first.tolist(), (total % 65536).tolist(), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_csv(ecg: LongEcg, blocks: Iterator[NDArray[np.float32]], path: Path) -> None:
    formats = ["%.7f"] + ["%.4f"] * len(ecg.lead_names)
    done = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(["time (s)", *(f"{name} (mV)" for name in ecg.lead_names)]) + "\n")
        for block in blocks:
            time = np.arange(done, done + block.shape[1]) / ecg.sampling_frequency
            np.savetxt(file, np.column_stack([time, block.T]), fmt=formats, delimiter=",")
            done += block.shape[1]


def _write_npz(ecg: LongEcg, blocks: Iterator[NDArray[np.float32]], path: Path) -> None:
    """Lead after lead, as an array lies in its file: put together in a file beside it, then compressed."""
    raw = path.with_suffix(".raw")
    shape, size = (len(ecg.lead_names), ecg.samples), np.dtype(np.float32).itemsize
    with raw.open("w+b") as gathered:
        done = 0
        for block in blocks:
            for lead, row in enumerate(block):
                gathered.seek((lead * shape[1] + done) * size)
                gathered.write(row.astype("<f4").tobytes())
            done += block.shape[1]
        gathered.seek(0)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("signal.npy", "w", force_zip64=True) as member:
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(member, header)
                shutil.copyfileobj(gathered, member, 1 << 20)
            _add(archive, "sampling_frequency", np.array(np.float64(ecg.sampling_frequency)))
            _add(archive, "units", np.array("mV"))
            _add(archive, "lead_names", np.array(ecg.lead_names))
    raw.unlink()


def _add(archive: zipfile.ZipFile, name: str, array: NDArray[np.generic]) -> None:
    """Add a small array to an archive of NumPy's."""
    member: IO[bytes]
    with archive.open(f"{name}.npy", "w") as member:
        np.lib.format.write_array(member, array)


LONG_WRITERS: Final[dict[str, Callable[[LongEcg, Iterator[NDArray[np.float32]], Path], None]]] = {
    ".hea": _write_wfdb,
    ".csv": _write_csv,
    ".npz": _write_npz,
}


def is_long(duration: float) -> bool:
    """Whether a recording of so many seconds is made in stretches rather than at once."""
    return duration > STRETCH_SECONDS
