"""WAV files: a lead a channel. They have a sampling frequency and no unit.

The unit that the caller states is that of the numbers as they are stored: of whole numbers one count is one unit, of
floating-point numbers 1.0 is. Coded sound (MP3, ADPCM and the like) is not read: it is not what was recorded.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

import numpy as np

from ecgnoise.errors import EcgNoiseError, SignalShapeError, UnreadableFileError, one_line
from ecgnoise.readers._shared.base import ReadOptions, open_file, settle_sampling_frequency, settle_units
from ecgnoise.recording import MAXIMUM_LEADS, UNKNOWN_UNITS, Recording, default_lead_names, to_millivolts
from ecgnoise.samples import ArraySamples

WHOLE: Final = {"PCM_U8": 24, "PCM_16": 16, "PCM_24": 8, "PCM_32": 0}  # bits that soundfile puts below the number
FLOATING: Final = frozenset({"FLOAT", "DOUBLE"})
MAGICS: Final = (b"RIFF", b"RF64", b"RIFX")


@dataclass(frozen=True)
class WavReader:
    """One recording in a WAV file."""

    name: str = "WAV (.wav)"
    suffixes: tuple[str, ...] = (".wav",)

    def recognises(self, path: Path, head: bytes) -> bool:
        """By the magic."""
        del path
        return head.startswith(MAGICS) and head[8:12] == b"WAVE"

    def lists(self, path: Path, head: bytes) -> bool:
        """Every such file."""
        return self.recognises(path, head) or path.suffix.lower() in self.suffixes

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """The recording, in memory."""
        import soundfile

        with open_file(path) as raw:
            head = raw.read(12)
        if not self.recognises(path, head):
            raise UnreadableFileError(f"{path}: not a WAV file: pass another one, or fetch it again")
        try:
            with soundfile.SoundFile(path) as file:
                kind, stated, channels = file.subtype, float(file.samplerate), file.channels
                if kind not in WHOLE.keys() | FLOATING:
                    raise UnreadableFileError(f"{path}: coded sound ({kind}), not samples: save it as PCM or float")
                _check_length(path)
                if channels > MAXIMUM_LEADS:
                    raise SignalShapeError(f"{path}: {channels} leads, at most {MAXIMUM_LEADS} at once: pass fewer")
                frames = file.read(dtype="int32" if kind in WHOLE else "float64", always_2d=True)
        except EcgNoiseError:
            raise
        except (soundfile.LibsndfileError, RuntimeError, ValueError, TypeError) as error:
            raise UnreadableFileError(f"{path}: not a whole WAV file ({one_line(error)}): save it again") from error
        if not len(frames):
            raise UnreadableFileError(f"{path}: no samples in it: pass another one, or fetch it again")
        signal = frames.T if kind in FLOATING else frames.T >> WHOLE[kind]
        sampling_frequency = settle_sampling_frequency(stated, options, path)
        units = settle_units(None, options, path)
        return Recording(
            ArraySamples(to_millivolts(np.asarray(signal, np.float64), units, str(path))),
            sampling_frequency,
            options.lead_names or default_lead_names(channels),
            UNKNOWN_UNITS if units == UNKNOWN_UNITS else "mV",
            source=str(path),
        )


def _check_length(path: Path) -> None:
    """UnreadableFileError where the file ends before the samples that it announces."""
    size = path.stat().st_size
    with open_file(path) as file:
        order: Literal["big", "little"] = "big" if file.read(4) == b"RIFX" else "little"
        file.seek(12)
        announced = _data_end(file, order, size)
    if announced is not None and announced > size:
        raise UnreadableFileError(
            f"{path}: {size} bytes, {announced} announced by its header: not a whole WAV file: fetch it again"
        )


def _data_end(file: IO[bytes], order: Literal["big", "little"], size: int) -> int | None:
    """Where the chunk of samples ends, None where its length is not stated (a stream, or RF64)."""
    while True:
        head = file.read(8)
        if len(head) < 8:
            return None
        name, length = head[:4], int.from_bytes(head[4:], order)
        if name == b"data":
            return None if length in (0, 0xFFFFFFFF) else file.tell() + length
        if file.tell() + length > size:
            return file.tell() + length
        file.seek(length + length % 2, 1)
