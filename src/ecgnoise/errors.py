"""One exception a cause. Each message is one line: the value, the limit, the file where there is one, the remedy.

Everything that a user can get wrong raises a subclass of :class:`EcgNoiseError`; the command-line program prints its
message and exits with 2. A lead-segment that cannot be scored is not an error but a fault in the result.
"""

LONGEST_REASON = 200  # characters of what something else says


def one_line(said: object, longest: int | None = LONGEST_REASON) -> str:
    """What an error of another library says, or the text of any object, as one line of so many characters at most."""
    return " ".join(str(said).split())[:longest]


class EcgNoiseError(Exception):
    """Base of all errors of this package."""


class UnreadableFileError(EcgNoiseError):
    """A file that is absent, empty, truncated or damaged."""


class UnknownFormatError(EcgNoiseError):
    """A file that no reader recognises by its content."""


class UnknownSamplingFrequencyError(EcgNoiseError):
    """Neither the file nor the caller says how many samples a second there are."""


class UnknownUnitsError(EcgNoiseError):
    """Neither the file nor the caller says what unit the samples have, or the unit is not one of voltage."""


class SamplingFrequencyError(EcgNoiseError):
    """A sampling frequency outside the range that can be scored, or not a number."""


class SignalShapeError(EcgNoiseError):
    """A signal that is not (leads, time) or (time,), is transposed, empty or holds no real numbers."""


class LeadNameError(EcgNoiseError):
    """Lead names that do not fit the signal, or leads asked for that are not there."""


class OptionError(EcgNoiseError):
    """An option outside its range."""


class MissingExtraError(EcgNoiseError):
    """An optional package is needed and not installed."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs the package {package}: pip install 'ecgnoise[{extra}]'")


class ModelNotFoundError(EcgNoiseError):
    """No model folder, bundled model or checkpoint at the place named."""


class ModelFormatError(EcgNoiseError):
    """A model folder with missing, unknown or contradictory entries."""


class ModelChecksumError(EcgNoiseError):
    """A file of a model folder that is not the one its model.toml was written for."""


class CheckpointError(EcgNoiseError):
    """A checkpoint that cannot be loaded, or whose parameters are not those of the network."""


class OutputError(EcgNoiseError):
    """A result that cannot be written where it should."""


class ResumeError(EcgNoiseError):
    """Work of an earlier run that is of another model, recording or options, or that nobody asked to go on with."""


class StreamError(EcgNoiseError):
    """Live samples that are no numbers, do not fit the leads, or end within a sample."""


class TrainingDataError(EcgNoiseError):
    """Too few usable recordings to train on, or a training state that does not fit the configuration."""


class ResultFileError(EcgNoiseError):
    """Result files of PTB-XL that are not there, are of different records or leave nothing to compare."""


class DownloadError(EcgNoiseError):
    """A file or list of files that a server does not give, or not whole and right."""


class StoreError(EcgNoiseError):
    """A store of images that is absent, damaged, or made otherwise than asked for."""
