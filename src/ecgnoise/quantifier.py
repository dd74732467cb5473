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
from ecgnoise.segments import check_parts

if TYPE_CHECKING:
    from ecgnoise.scoring.checkpoint import Checkpoint

DEFAULT_BATCH: Final = 6
DEVICE_BATCH: Final = 512
DEVICE_THREADS: Final = 2  # one draws and copies while the other's batch is on the device
Arguments = tuple[Path, int | None, int | None, str]


class Quantifier:
    """Score recordings with one model, which is loaded once.

    Parameters
    ----------
    model : str or pathlib.Path, default "default"
        ``"default"`` for the bundled model, or the path of a model folder.
    threads : int, default None
        Number of batches of lead-segments that are scored at the same time. None stands for the number of processors
        that the process may use on the ``"cpu"``, and for 2 on any other device.
    batch_size : int, default None
        Number of lead-segments per batch. None stands for 6 on the ``"cpu"``, and for 512 on any other device.
    device : str, default "cpu"
        ``"cpu"``, or the name of a torch device such as ``"cuda"``, which needs the extra ``train``.

    Raises
    ------
    ModelNotFoundError
        If there is no model folder at this path, or a file of it is absent.
    ModelFormatError
        If the model folder has missing, unknown or wrong entries, or no network that can be used on the device.
    ModelChecksumError
        If a file of the model folder was changed.
    MissingExtraError
        If another device than ``"cpu"`` is asked for without the extra ``train``.
    OptionError
        If an argument has a wrong type, a number lies below 1, or torch has no such device.

    See Also
    --------
    quantify : Score a single recording or array.
    Stream : Score live data.

    Notes
    -----
    ``threads`` and ``batch_size`` change speed and memory, but not the scores.

    On a device other than ``"cpu"`` the default model runs in bfloat16 where the device supports it. The scores are
    then within 0.1 dB of those on the CPU.

    An object may be used by several threads at the same time. It can be pickled; the copy loads the model again from
    the same path.

    Examples
    --------
    >>> import ecgnoise
    >>> quantifier = ecgnoise.Quantifier(threads=1)
    >>> result = quantifier.quantify(ecgnoise.simulate_ecg(10, lead_names=["I"]))
    >>> result.psnr.shape
    (1, 1)
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
        """The profile of the model, by which a signal becomes an image."""
        return self._scorer.profile

    @property
    def model(self) -> ModelIdentity:
        """The name, version and hash of the model."""
        return self._scorer.model

    def quantify(
        self,
        signal: ArrayLike | Recording,
        sampling_frequency: float | None = None,
        *,
        units: str = "mV",
        lead_names: Sequence[str] | None = None,
        parts: int = 1,
        images: bool = False,
        progress: Progress | None = None,
        checkpoint: "Checkpoint | None" = None,
    ) -> Result:
        """Score all leads and segments of a recording.

        Parameters
        ----------
        signal : Recording or array_like, shape (leads, time) or (time,)
            A recording, as :func:`ecgnoise.read` returns it, or an array of samples. Samples that are missing are NaN.
        sampling_frequency : float, default None
            In Hz, 100 to 100,000. It is required for an array, and ignored for a recording.
        units : {"mV", "V", "uV", "nV", "unknown"}, default "mV"
            Unit of an array; ``"unknown"`` where the gain is not known. It is ignored for a recording.
        lead_names : sequence of str, default None
            Names of the leads of an array, by default ``lead_0``, ``lead_1`` and so on. For a recording, the leads to
            score, by default all of them.
        parts : int, default 1
            Number of parts of each segment that have a PSNR of their own, 1 to 256.
        images : bool, default False
            Whether the result keeps the images and their reconstructions.
        progress : callable, default None
            Called as ``progress(done, total)`` with the number of segments that are done and their total.
        checkpoint : ecgnoise.scoring.checkpoint.Checkpoint, default None
            Keeps the segments that are done, so that a later call can go on with them. It keeps no images.

        Returns
        -------
        Result
            The scores of all leads and segments.

        Raises
        ------
        OptionError
            If ``parts`` is no whole number or out of range, or ``images`` is combined with a checkpoint.
        UnknownSamplingFrequencyError
            If an array is passed without its sampling frequency.
        SamplingFrequencyError
            If the sampling frequency is not one number, or is out of range.
        UnknownUnitsError
            If the unit is none of those above, or is unknown and the profile of the model needs mV.
        SignalShapeError
            If the array is not of shape (leads, time) or (time,), is empty, or does not hold real numbers, or if the
            recording would have more scores than memory can hold.
        LeadNameError
            If the lead names do not fit the array, or the recording has no such lead.
        ModelFormatError
            If the network of the model yields numbers that are not finite.
        ResumeError
            If the checkpoint belongs to another recording, model or set of options.
        OutputError
            If the checkpoint cannot be written.

        Notes
        -----
        The recording is read and scored a few windows at a time, so that memory hardly grows with its length.
        """
        recording = as_recording(signal, sampling_frequency, units=units, lead_names=lead_names)
        parts = check_parts(parts)
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
    """Quantify the noise of an ECG as a PSNR for each lead and segment.

    Segments are 10 s long. A high PSNR means a clean signal.

    Parameters
    ----------
    signal : Recording or array_like, shape (leads, time) or (time,)
        A recording, as :func:`ecgnoise.read` returns it, or an array of samples. Samples that are missing are NaN.
    sampling_frequency : float, default None
        In Hz, 100 to 100,000. It is required for an array, and ignored for a recording.
    units : {"mV", "V", "uV", "nV", "unknown"}, default "mV"
        Unit of an array; ``"unknown"`` where the gain is not known. It is ignored for a recording.
    lead_names : sequence of str, default None
        Names of the leads of an array, by default ``lead_0``, ``lead_1`` and so on. For a recording, the leads to
        score, by default all of them.
    model : str or pathlib.Path, default "default"
        ``"default"`` for the bundled model, or the path of a model folder.
    parts : int, default 1
        Number of parts of each segment that have a PSNR of their own, 1 to 256.
    batch_size : int, default None
        Number of lead-segments per batch, by default 6. It changes speed and memory, but not the scores.
    progress : callable, default None
        Called as ``progress(done, total)`` with the number of segments that are done and their total.
    images : bool, default False
        Whether the result keeps the images and their reconstructions.

    Returns
    -------
    Result
        The scores of all leads and segments.

    Raises
    ------
    UnknownSamplingFrequencyError
        If an array is passed without its sampling frequency.
    SamplingFrequencyError
        If the sampling frequency is not one number, or is out of range.
    SignalShapeError
        If the array is not of shape (leads, time) or (time,), is empty, or does not hold real numbers.
    UnknownUnitsError
        If the unit is none of those above, or is unknown and the profile of the model needs mV.
    LeadNameError
        If the lead names do not fit the array, or the recording has no such lead.
    OptionError
        If ``parts`` or ``batch_size`` is out of range.
    ModelError
        If the model cannot be used.

    See Also
    --------
    Quantifier : Load a model once and score several recordings with it.

    References
    ----------
    Han et al., *Diffusion-Based Electrocardiography Noise Quantification via Anomaly Detection*, arXiv 2506.11815.

    Examples
    --------
    >>> import ecgnoise
    >>> result = ecgnoise.quantify(ecgnoise.simulate_ecg(10, lead_names=["I"]))
    >>> result.lead_names
    ('I',)
    >>> result.psnr.shape
    (1, 1)
    >>> print(result.grade[0, 0])
    good
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
