"""What can go wrong, by what a caller can do about it. Each message is one line: value, limit, file, remedy.

| error | what to do |
|---|---|
| ``InputError`` | pass another recording, or say what its file does not |
| ``OptionError`` | pass another value |
| ``ModelError`` | pass another model |
| ``TrainingError`` | pass other recordings, or train otherwise |
| ``OutputError`` | write elsewhere |
| ``ResumeError`` | go on with the run that was begun, or delete what it left |
| ``DownloadError`` | try again later, or elsewhere |
| ``MissingExtraError`` | install the package that it names |

Everything that a user can get wrong raises a subclass of :class:`EcgNoiseError`; the command-line program prints its
message and exits with 2. A lead-segment that cannot be scored is not an error but a fault in the result.
"""

from typing import Final

LONGEST_REASON: Final = 200  # characters of what something else says


def one_line(said: object, longest: int | None = LONGEST_REASON) -> str:
    """What an error of another library says, or the text of any object, as one line of so many characters at most."""
    return " ".join(str(said).split())[:longest]


class EcgNoiseError(Exception):
    """Base of all errors of this package."""


class InputError(EcgNoiseError, ValueError):
    """A recording, a table or a store that cannot be used as it is."""


class UnreadableFileError(InputError):
    """A file that is empty, truncated or damaged, or may not be opened."""


class MissingFileError(UnreadableFileError, FileNotFoundError):
    """A file that is absent."""


class UnknownFormatError(InputError):
    """A file that no reader recognises by its content."""


class UnknownSamplingFrequencyError(InputError):
    """Neither the file nor the caller says how many samples a second there are."""


class UnknownUnitsError(InputError):
    """Neither the file nor the caller says what unit the samples have, or the unit is not one of voltage."""


class NoEcgError(InputError):
    """A file in which no channel is an ECG."""


class SamplingFrequencyError(InputError):
    """A sampling frequency outside the range that can be scored, or not a number."""


class SignalShapeError(InputError):
    """A signal that is not (leads, time) or (time,), is transposed, empty or holds no real numbers."""


class LeadNameError(InputError):
    """Lead names that do not fit the signal, or leads asked for that are not there."""


class StreamError(InputError):
    """Live samples that are no numbers, do not fit the leads, or end within a sample."""


class StoreError(InputError):
    """A store of images that is absent, damaged, or made otherwise than asked for."""


class ResultFileError(InputError):
    """Result files of PTB-XL that are not there, are of different records or leave nothing to compare."""


class OptionError(EcgNoiseError, ValueError):
    """An option outside its range."""


class ModelError(EcgNoiseError):
    """A model that cannot be used."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """No model folder, bundled model or checkpoint at the place named."""


class ModelFormatError(ModelError):
    """A model folder with missing, unknown or contradictory entries."""


class ModelChecksumError(ModelError):
    """A file of a model folder that is not the one its model.toml was written for."""


class CheckpointError(ModelError):
    """A checkpoint that cannot be loaded, or whose parameters are not those of the network."""


class TrainingError(EcgNoiseError):
    """A training that cannot begin, or not go on."""


class TrainingDataError(TrainingError):
    """Too few usable recordings to train on, or a training state that does not fit the configuration."""


class DivergedError(TrainingError):
    """A loss that is not finite."""


MAKE_ROOM: Final = "make room, then the same command goes on"


class OutputError(EcgNoiseError):
    """A result that cannot be written where it should."""


def unwritable(
    place: object, error: OSError, advice: str = "choose another place", *, what: str | None = None
) -> OutputError:
    """What to raise where the system refuses to write ``what`` into a place: its reason, and what the user can do."""
    refused = f"{what} cannot be written" if what else "cannot be written"
    return OutputError(f"{place}: {refused} ({error.strerror or error}): {advice}")


class ResumeError(EcgNoiseError):
    """Work of an earlier run that is of another model, recording or options, or that nobody asked to go on with."""


class DownloadError(EcgNoiseError):
    """A file or list of files that a server does not give, or not whole and right."""


class RemoteAccessError(DownloadError):
    """An object store or another machine that refuses access, or does not answer."""


class MissingExtraError(EcgNoiseError, ImportError):
    """An optional package is needed and not installed."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs the package {package}: pip install 'ecgnoise[{extra}]'")
