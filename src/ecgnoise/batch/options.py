"""How an archive is scored."""

from dataclasses import dataclass, field

from ecgnoise.errors import OptionError
from ecgnoise.models.load import CPU, available_processors
from ecgnoise.readers import ReadOptions
from ecgnoise.segments import check_parts


@dataclass(frozen=True)
class ArchiveOptions:
    """How :func:`score_archive` scores recordings.

    Parameters
    ----------
    model : str, default "default"
        ``"default"`` or the path of a model folder; see :class:`Quantifier`.
    reading : ReadOptions
        What the files may not state themselves. The default states nothing.
    parts : int, default 1
        Spans of a segment with a PSNR of their own, 1 to 256; see :meth:`Quantifier.quantify`.
    batch_size : int or None, default None
        Lead-segments per batch; see :class:`Quantifier`.
    threads : int or None, default None
        Threads that score in each process. With None the processes share the processors; on another device than
        ``"cpu"`` each has 2.
    device : str, default "cpu"
        ``"cpu"`` or a torch device; see :class:`Quantifier`.
    jobs : int, default 1
        Number of processes that score, at least 1.
    apart : bool, default False
        Whether a single job has a process of its own too, so that a file that crashes its decoder does not end the
        calling process.
    shard : tuple of (int, int), default (1, 1)
        Number of the shard, from 1, and count of the shards: this run scores every count-th part.
    cluster : str or None, default None
        Where the recordings are scored instead of in this process: ``"local:4"`` for 4 processes under Dask, the
        address of a Dask scheduler such as ``"tcp://scheduler:8786"``, ``"slurm"`` or ``"kubernetes"``.
    part_size : int or None, default None
        Most recordings in a part of the results, when their list is first made. None stands for 64, and for 1,000 on a
        cluster and for recordings in object stores.
    update : bool, default False
        Whether recordings that are new or have changed since they were scored are scored in a folder that was begun,
        and those no longer in the list are taken out.
    retry_errors : bool, default False
        Whether recordings that could not be scored before are tried again.

    Raises
    ------
    OptionError
        If ``parts`` is out of range, the number of the shard is not between 1 and their count, ``jobs`` or
        ``part_size`` is less than 1, ``cluster`` comes with jobs or a shard, or ``update`` with a shard.

    Examples
    --------
    >>> from ecgnoise import ArchiveOptions
    >>> ArchiveOptions(jobs=2, shard=(1, 4)).jobs
    2
    """

    model: str = "default"
    reading: ReadOptions = field(default_factory=ReadOptions)
    parts: int = 1
    batch_size: int | None = None
    threads: int | None = None
    device: str = "cpu"
    jobs: int = 1
    apart: bool = False
    shard: tuple[int, int] = (1, 1)
    cluster: str | None = None
    part_size: int | None = None
    update: bool = False
    retry_errors: bool = False

    def __post_init__(self) -> None:
        number, count = self.shard
        if not 1 <= number <= count:
            raise OptionError(
                f"shard {number}/{count}: pass the number of a shard, from 1, and how many there are: 1/4"
            )
        check_parts(self.parts)
        if self.jobs < 1:
            raise OptionError(f"jobs {self.jobs}: pass at least 1 process")
        if self.part_size is not None and self.part_size < 1:
            raise OptionError(f"part size {self.part_size}: pass at least 1 recording")
        if self.cluster is not None and (self.jobs > 1 or count > 1):
            raise OptionError(
                f"cluster {self.cluster} with jobs or a shard: the cluster divides the work, leave them out"
            )
        if self.update and count > 1:
            raise OptionError("update of a shard: update all of the list, and leave the shard out")

    @property
    def threads_each(self) -> int | None:
        """Number of threads that score in each process; None for what :class:`Quantifier` has on the device."""
        if self.threads is not None or self.device != CPU:
            return self.threads
        return max(1, available_processors() // self.jobs)
