"""Many files: scored one by one, and a bad one is an entry, not a crash."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ecgnoise._internal.files import shown_name
from ecgnoise.errors import EcgNoiseError, OptionError, UnreadableFileError, one_line
from ecgnoise.quantifier import Quantifier
from ecgnoise.readers import ReadOptions, read, recording_files
from ecgnoise.results.result import Result
from ecgnoise.segments import check_parts

if TYPE_CHECKING:
    from ecgnoise.scoring.checkpoint import Checkpoint

FileProgress = Callable[[int, float], None]


@dataclass(frozen=True)
class Scored:
    """The outcome of one file: a result, or the error that says why there is none.

    Attributes
    ----------
    path : pathlib.Path
        The file, or the recording in it.
    outcome : Result or EcgNoiseError
        The result. If the file could not be read or scored, the error, which is not raised.
    """

    path: Path
    outcome: Result | EcgNoiseError


def score_files(
    paths: Sequence[str | Path],
    quantifier: Quantifier,
    options: ReadOptions | None = None,
    *,
    parts: int = 1,
    progress: FileProgress | None = None,
    checkpoint: "Checkpoint | None" = None,
) -> Iterator[Scored]:
    """Score recordings one by one, in the order given.

    Each recording is read when its turn comes and is not kept.

    Parameters
    ----------
    paths : sequence of str or pathlib.Path
        Recordings, as :func:`find_recordings` lists them.
    quantifier : Quantifier
        What scores them.
    options : ReadOptions, optional
        What the files may not state themselves.
    parts : int, default 1
        Spans of a segment with a PSNR of their own, 1 to 256; see :meth:`Quantifier.quantify`.
    progress : callable, optional
        Called as ``progress(number, share)`` with the number of the file in ``paths``, from 0, and the share of it that
        is done, 0 to 1.
    checkpoint : Checkpoint, optional
        Keeps what is done of the only file, so that scoring can be resumed; see :meth:`Quantifier.quantify`.

    Yields
    ------
    Scored
        One entry per path. If a file cannot be read or scored, its outcome is the error, and the other files are scored
        all the same.

    Raises
    ------
    OptionError
        If ``parts`` is no whole number or out of range, or a checkpoint is passed and ``paths`` does not hold exactly
        one path. It is raised when the first entry is asked for.

    See Also
    --------
    score_archive : Score many recordings into a folder of results that can be resumed.

    Examples
    --------
    >>> from ecgnoise import Quantifier, find_recordings, score_files
    >>> for scored in score_files(find_recordings(["recordings"]), Quantifier()):  # doctest: +SKIP
    ...     print(scored.path, scored.outcome)
    """
    if checkpoint is not None and len(paths) != 1:
        raise OptionError(f"{len(paths)} files with one checkpoint: a checkpoint is of one file")
    parts = check_parts(parts)
    known = options or ReadOptions()
    for number, path in enumerate(paths):
        share = _share(number, progress)
        yield Scored(
            Path(path), score_file(path, quantifier, known, parts=parts, progress=share, checkpoint=checkpoint)
        )
        if progress:
            progress(number, 1.0)


def score_file(
    path: str | Path,
    quantifier: Quantifier,
    options: ReadOptions,
    *,
    parts: int = 1,
    progress: Callable[[int, int], None] | None = None,
    checkpoint: "Checkpoint | None" = None,
) -> Result | EcgNoiseError:
    """Score one recording: its result, or the error that says why there is none.

    What a library that decodes files stumbles over is an error of the file, named with the kind of its exception.
    """
    try:
        if checkpoint is not None:
            checkpoint.depend_on(recording_files(path))
        recording = read(
            path,
            sampling_frequency=options.sampling_frequency,
            units=options.units,
            lead_names=options.lead_names,
        )
        return quantifier.quantify(recording, parts=parts, progress=progress, checkpoint=checkpoint)
    except EcgNoiseError as error:
        return error
    except Exception as error:  # of the libraries that read it: one file must not stop the others
        name = shown_name(path)
        reason = one_line(error)
        return UnreadableFileError(f"{name}: cannot be scored ({type(error).__name__}: {reason}): check it")


def _share(number: int, progress: FileProgress | None) -> Callable[[int, int], None]:
    """A progress in segments that reports the share of one file."""

    def report(done: int, total: int) -> None:
        if progress:
            progress(number, done / total)

    return report
