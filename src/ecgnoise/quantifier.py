"""Quantifier and quantify(): a recording in, a result out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from numpy.typing import ArrayLike

from ecgnoise.errors import OptionError, UnknownSamplingFrequencyError
from ecgnoise.models.folder import load_folder
from ecgnoise.recording import Recording, whole_number
from ecgnoise.results.result import ModelIdentity, Result
from ecgnoise.scalogram.profile import Profile
from ecgnoise.scoring.scorer import Progress, Scorer

if TYPE_CHECKING:
    from ecgnoise.scoring.checkpoint import Checkpoint

DEFAULT_BATCH: Final = 6
DEVICE_BATCH: Final = 512
DEVICE_THREADS: Final = 2  # one draws and copies while the other's batch is on the device
Arguments = tuple[Path, int | None, int | None, str]


class Quantifier:
    """Scores recordings with one model, loaded once. Safe to call from several threads; can be pickled.

    model: ``"default"``, or the path of a model folder. threads: how many batches of lead-segments are scored at once,
    None for one a processor. batch_size: lead-segments a batch, None for 6 on the ``cpu`` and 512 elsewhere. Both
    change speed and memory, not scores. device: ``"cpu"``, or a torch device such as ``"cuda"`` (extra ``train``), on
    which the default model runs in bfloat16 where the device has it, within 0.1 dB of the CPU's score.

    Raises ModelNotFoundError, ModelFormatError, ModelChecksumError, MissingExtraError or OptionError.
    """

    def __init__(
        self,
        model: str | Path = "default",
        *,
        threads: int | None = None,
        batch_size: int | None = None,
        device: str = "cpu",
    ) -> None:
        from ecgnoise.models.load import CPU, available_processors, load_on_device

        if not isinstance(model, str | Path):
            raise OptionError(f"model {model!r:.80} is {type(model).__name__}: pass 'default' or the path of a folder")
        if not isinstance(device, str):
            raise OptionError(f"device {device!r:.80} is {type(device).__name__}: pass its name, such as cpu")
        threads = None if threads is None else whole_number(threads, "threads")
        batch_size = None if batch_size is None else whole_number(batch_size, "batch_size")
        folder = load_folder(model)
        description = folder.description
        on_cpu = device == CPU
        loaded = load_on_device(folder, device)
        self._arguments: Arguments = (folder.path, threads, batch_size, device)
        self._scorer = Scorer(
            description.profile,
            loaded.reconstructor,
            description.grading,
            ModelIdentity(description.name, description.version, folder.hash),
            batch_size if batch_size is not None else DEFAULT_BATCH if on_cpu else DEVICE_BATCH,
            threads=threads if threads is not None else available_processors() if on_cpu else DEVICE_THREADS,
            placement=loaded.placement,
            levels=loaded.levels,
        )

    def __getstate__(self) -> "Arguments":
        """What a copy is made of again."""
        return self._arguments

    def __setstate__(self, arguments: "Arguments") -> None:
        """Load the model again."""
        model, threads, batch_size, device = arguments
        self.__init__(model, threads=threads, batch_size=batch_size, device=device)  # type: ignore[misc]

    @property
    def profile(self) -> Profile:
        """The model's profile."""
        return self._scorer.profile

    @property
    def model(self) -> ModelIdentity:
        """The model's name, version and hash."""
        return self._scorer.model

    def quantify(
        self,
        recording: Recording,
        *,
        parts: int = 1,
        images: bool = False,
        progress: Progress | None = None,
        checkpoint: "Checkpoint | None" = None,
    ) -> Result:
        """Score all leads and segments of a recording, some windows at a time: memory hardly grows with its length.

        parts: spans of a segment with a PSNR of their own, 1 to 256. images: keep originals and reconstructions.
        progress: called with the number of segments done and their total. checkpoint: keeps what is done, to go on
        later.

        Raises OptionError, UnknownUnitsError where the profile needs mV, or ResumeError.
        """
        parts = whole_number(parts, "parts")
        return self._scorer.score(recording, parts=parts, images=images, progress=progress, checkpoint=checkpoint)


def quantify(
    signal: ArrayLike | Recording,
    sampling_frequency: float | None = None,
    *,
    units: str = "mV",
    lead_names: Sequence[str] | None = None,
    model: str | Path = "default",
    parts: int = 1,
    batch_size: int | None = None,
    progress: Progress | None = None,
    images: bool = False,
) -> Result:
    """Say how noisy an ECG is: a PSNR in dB for each lead and segment of 10 s; high is clean.

    signal: a Recording (of :func:`ecgnoise.read`), or an array (leads, time) or (time,) with its sampling_frequency in
    Hz. units: V, mV, uV, nV, or ``"unknown"`` where nobody knows the gain. model: ``"default"`` or a model folder.
    parts, images, progress: see :meth:`Quantifier.quantify`. batch_size: see :class:`Quantifier`.

    For repeated use make one :class:`Quantifier`. Raises subclasses of EcgNoiseError.
    """
    recording = as_recording(signal, sampling_frequency, units=units, lead_names=lead_names)
    return Quantifier(model, batch_size=batch_size).quantify(recording, parts=parts, images=images, progress=progress)


def as_recording(
    signal: ArrayLike | Recording,
    sampling_frequency: float | None = None,
    *,
    units: str = "mV",
    lead_names: Sequence[str] | None = None,
) -> Recording:
    """The recording, or a recording of the array."""
    if isinstance(signal, Recording):
        return signal if lead_names is None else signal.pick(lead_names)
    if sampling_frequency is None:
        raise UnknownSamplingFrequencyError("array: pass sampling_frequency, the number of samples a second in Hz")
    return Recording.from_array(signal, sampling_frequency, units=units, lead_names=lead_names)
