"""The parts of an archive made on a cluster: the one module that knows Dask.

A task is a part: its worker reads the recordings, scores them and writes the part itself, so that only numbers travel
through the scheduler. Twice as many tasks as there are workers are given out at a time, whatever the number of parts. A
task whose worker dies goes to another one; if that dies too, its recordings are scored one by one, each in a process of
its own, and the one that ends two of them is an error like any other.
"""

import importlib
import importlib.metadata
import importlib.util
import logging
import multiprocessing
import pickle
import platform
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar

from ecgnoise._internal.atomic import sweep_unfinished
from ecgnoise._internal.extras import extra
from ecgnoise._internal.processes import THREAD_VARIABLES, interrupts_ignored
from ecgnoise._internal.remote import RemotePath
from ecgnoise._version import __version__
from ecgnoise.batch.options import ArchiveOptions
from ecgnoise.batch.parts import Task, model_of, scored, scored_apart
from ecgnoise.errors import EcgNoiseError, MissingExtraError, OptionError, OutputError, one_line
from ecgnoise.models.load import available_processors
from ecgnoise.results.archive_folder import part_file

WORKERS: Final = 4  # of a cluster that is started without saying how many
TASKS_A_WORKER: Final = 2
MOST_DEATHS: Final = 20  # of workers over one part, each time two or more
CONNECT_SECONDS: Final = 10
LEAVE_SECONDS: Final = 300  # before a wall time, in which a worker hands over what it has
PACKAGES: Final = ("numpy", "scipy", "onnxruntime", "pyarrow", "distributed")
MEMORY: Final = {
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(16 << 20),
}  # Dask's 64 kB is slow
ENVIRONMENT: Final = {**dict.fromkeys(THREAD_VARIABLES, "1"), **MEMORY}
SETTINGS: Final = {
    "distributed.scheduler.allowed-failures": 1,
    "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
    "distributed.worker.profile.enabled": False,  # it looks at the stack a hundred times a second
}
SCHEMES: Final = ("tcp", "tls", "ucx", "ws", "wss")

CALLS_A_TASK: Final = 16

TaskT = TypeVar("TaskT", bound=tuple[Any, ...])
ResultT = TypeVar("ResultT")
Note = Callable[[str], None]
Versions = dict[str, str]


class _Running(NamedTuple):
    """A cluster to work on. client: of Dask. threads: that score in each worker at a time."""

    client: Any
    threads: int


def on_cluster(tasks: Iterator[Task], options: ArchiveOptions, note: Note | None) -> Iterator[int]:
    """Make parts on the cluster that the options name; how many recordings each had, as they are done.

    note: called with a line about the cluster before the work begins.

    Raises OptionError where there is no such cluster, or its workers have other versions or another model;
    MissingExtraError without the package of this kind of cluster; OutputError where its workers keep dying; and what
    scoring raises.
    """
    with extra(f"--cluster {options.cluster}", "cluster"):
        import distributed  # noqa: F401
    with _running(str(options.cluster), options.threads) as (client, threads):
        if note:
            note(_about(client))
        work = replace(options, threads=threads, jobs=1, apart=False, cluster=None)
        versions = _versions(work)
        yield from _Run(client, work, versions).all_of(tasks)


def calls_on(name: str, what: str, note: Note | None = None) -> Callable[..., Generator[tuple[Any, Any], None, None]]:
    """What calls a function with the arguments of each task on the cluster of this name, as ``in_processes`` does here.

    what: what is made, for messages. note: called with a line about the cluster before the work begins. A task whose
    worker dies is called again on another: the function does no harm when it is called twice.

    What it gives raises what the function raises, OptionError where there is no such cluster or its workers lack
    packages, MissingExtraError without the package of this kind of cluster, and OutputError where workers keep dying.
    """

    def calls(function: Callable[..., ResultT], tasks: Sequence[TaskT]) -> Generator[tuple[TaskT, ResultT], None, None]:
        with extra(f"--cluster {name}", "cluster"):
            from distributed import KilledWorker, as_completed
        if not tasks:
            return
        with _running(name, 1) as (client, _):
            if note:
                note(_about(client))
            pieces = [tasks[first : first + CALLS_A_TASK] for first in range(0, len(tasks), CALLS_A_TASK)]
            waiting = client.map(_call_each, [function] * len(pieces), pieces, pure=False)
            places = dict(zip((future.key for future in waiting), pieces, strict=True))
            try:
                for future in as_completed(waiting):
                    yield from zip(places[future.key], future.result(), strict=True)
            except EcgNoiseError:
                raise
            except KilledWorker as error:
                raise OutputError(
                    f"{what}: workers keep dying, of want of memory perhaps: give them more, the same command goes on"
                ) from error
            except Exception as error:  # of unpickling on a worker with other packages, or of Dask
                raise _unable(error) from error
            finally:
                client.cancel(waiting)

    return calls


def _call_each(function: Callable[..., ResultT], tasks: Sequence[tuple[Any, ...]]) -> list[ResultT]:
    return [function(*task) for task in tasks]


class _Run:
    """The tasks of one run: which are given out, and what became of them."""

    def __init__(self, client: Any, options: ArchiveOptions, versions: Versions) -> None:
        from distributed import as_completed

        self._client = client
        self._options = options
        self._versions = versions
        self._out: dict[str, tuple[Task, int]] = {}  # by the key of a future: the task, and how often it was tried
        self._done = as_completed()

    def all_of(self, tasks: Iterator[Task]) -> Iterator[int]:
        """Give out the tasks, some at a time; how many recordings each had, as they are done."""
        self._fill(tasks)
        for future in self._done:
            task, tries = self._out.pop(future.key)
            tried = self._result(future, task, tries)
            if tried is not None:
                yield tried
                self._fill(tasks)

    def _fill(self, tasks: Iterator[Task]) -> None:
        """Give out tasks until there are enough for all workers."""
        wanted = TASKS_A_WORKER * max(1, sum(self._client.nthreads().values()))
        while len(self._out) < wanted:
            task = next(tasks, None)
            if task is None:
                return
            self._give(task, 1)

    def _give(self, task: Task, tries: int) -> None:
        packed = pickle.dumps(task._replace(options=self._options))
        key = f"ecgnoise-part-{task.number}-{tries}"
        self._out[key] = task, tries
        future = self._client.submit(make_part, packed, self._versions, apart=tries > 1, key=key, pure=False)
        self._done.add(future)

    def _result(self, future: Any, task: Task, tries: int) -> int | None:
        """How many recordings a task had; None where it is given out again because its workers died."""
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        try:
            return int(future.result())
        except EcgNoiseError:
            raise
        except (KilledWorker, FutureCancelledError) as error:
            if tries == MOST_DEATHS:
                raise OutputError(
                    f"part {task.number}: {MOST_DEATHS} times its workers died, of want of memory perhaps: give "
                    "workers more memory, the same command goes on"
                ) from error
            self._give(task, tries + 1)
            return None
        except Exception as error:  # of unpickling on a worker with other packages, or of Dask
            raise _unable(error) from error


def _unable(error: Exception) -> OptionError:
    """What to tell where workers cannot do what they are asked for."""
    return OptionError(
        f"the cluster cannot do it ({type(error).__name__}: {one_line(error)}): install the same packages on the "
        f"workers as here, ecgnoise {__version__} among them"
    )


def make_part(packed: bytes, versions: Versions, *, apart: bool) -> int:
    """Score a part and write it, on a worker; how many recordings it had. packed: a :class:`Task`.

    apart: each recording in a process of its own. OptionError where versions or model are not those of the client.
    """
    task: Task = pickle.loads(packed)
    _check_versions(versions, _versions(task.options))
    part = part_file(task.out, task.number)
    if not isinstance(part, RemotePath):
        part.parent.mkdir(parents=True, exist_ok=True)
        sweep_unfinished(part)  # what a worker that died has left of it
    if not apart:
        return sum(scored(task))
    multiprocessing.current_process().daemon = False  # Dask's own processes may not start others otherwise
    return scored_apart(task)


def _versions(options: ArchiveOptions) -> Versions:
    """What the numbers depend on, of this process."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    python = ".".join(platform.python_version_tuple()[:2])
    return {"ecgnoise": __version__, "python": python, **found, "model": model_of(options)}


def _check_versions(wanted: Versions, found: Versions) -> None:
    for name, version in wanted.items():
        if found.get(name) != version:
            raise OptionError(
                f"worker on {socket.gethostname()}: {name} {found.get(name)} there, {version} here: install the same "
                "on all workers"
            )


def _about(client: Any) -> str:
    """Where the cluster is, and its dashboard."""
    workers = len(client.nthreads())
    begin = f"cluster {client.scheduler.address}, {workers} worker{'s' * (workers != 1)}"
    served = importlib.util.find_spec("bokeh") is not None and client.dashboard_link
    return f"{begin}, dashboard {client.dashboard_link}" if served else begin


@contextmanager
def _running(name: str, threads: int | None) -> Iterator[_Running]:
    """The cluster of this name, started if it is one to be started, and ended then."""
    import dask
    from distributed import Client

    kind, _, rest = name.partition(":")
    with (
        dask.config.set(SETTINGS),
        ExitStack() as stack,
    ):
        if kind in SCHEMES:
            yield _Running(stack.enter_context(_connected(name)), threads or 1)
            return
        if kind not in STARTERS or (rest and not rest.isdecimal()) or rest == "0":
            known = ", ".join(f"{one}:{WORKERS}" for one in STARTERS)
            raise OptionError(f"cluster {name}: none of {known} and the address of a scheduler: pass one of them")
        count = int(rest or WORKERS)
        cluster = stack.enter_context(STARTERS[kind](count))
        each = threads or (max(1, available_processors() // count) if kind == "local" else 1)
        yield _Running(stack.enter_context(Client(cluster)), each)


def _connected(address: str) -> Any:
    """A client of a scheduler that runs; OptionError where none answers."""
    from distributed import Client

    try:
        return Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise OptionError(
            f"cluster {address}: no scheduler answers there ({type(error).__name__}): start one with dask scheduler, "
            "or check the address"
        ) from error


def _local(count: int) -> Any:
    """So many processes of this machine."""
    from distributed import LocalCluster

    with interrupts_ignored():
        return LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            preload=__name__,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        )


def dask_setup(_worker: Any) -> None:
    """Leave Ctrl-C to the process that started this worker, and keep warnings back; Dask calls it in a new worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _slurm(count: int) -> Any:
    """So many jobs of Slurm, as Dask's configuration describes them; each ends before its wall time."""
    import dask

    module = _package("dask_jobqueue", "slurm")
    wall = dask.config.get("jobqueue.slurm.walltime", None) or "00:30:00"
    leave = max(60, _seconds(str(wall)) - LEAVE_SECONDS)
    cluster = module.SLURMCluster(worker_extra_args=["--lifetime", f"{leave}s", "--lifetime-stagger", "60s"])
    cluster.scale(jobs=count)
    return cluster


def _kubernetes(count: int) -> Any:
    """So many pods of Kubernetes, as Dask's configuration describes them."""
    return _package("dask_kubernetes.operator", "kubernetes").KubeCluster(name="ecgnoise", n_workers=count)


STARTERS: Final[dict[str, Callable[[int], Any]]] = {"local": _local, "slurm": _slurm, "kubernetes": _kubernetes}


def _package(name: str, kind: str) -> Any:
    """A package that starts clusters of a kind; MissingExtraError without it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("_", "-")
        raise MissingExtraError(f"--cluster {kind}", package, "cluster") from error


def _seconds(wall: str) -> int:
    """Seconds of a wall time such as ``1-12:00:00``, ``02:00:00`` or ``30`` (minutes), as Slurm writes them."""
    days, dash, rest = wall.rpartition("-")
    try:
        fields = [int(part) for part in rest.split(":")]
    except ValueError as error:
        raise OptionError(f"wall time {wall!r} of jobqueue.slurm: write it as 02:00:00") from error
    if dash:
        hours, minutes, seconds = (*fields, 0, 0)[:3]
    elif len(fields) == 1:
        hours, minutes, seconds = 0, fields[0], 0
    elif len(fields) == 2:
        hours, minutes, seconds = 0, *fields
    else:
        hours, minutes, seconds = fields[:3]
    return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + seconds
