"""Work in several processes, which end with the one that started them and leave Ctrl-C to it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final, TypeVar

from ecgnoise.errors import OutputError

THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
TaskT = TypeVar("TaskT", bound=tuple[Any, ...])
ResultT = TypeVar("ResultT")


def in_processes(
    function: Callable[..., ResultT], tasks: Sequence[TaskT], workers: int, what: str
) -> Generator[tuple[TaskT, ResultT], None, None]:
    """Call a function with the arguments of each task, in processes started anew; what it returns, as it is done.

    function: one that can be imported; what it raises is raised here. what: what is made, for the message where a
    process was ended from outside, which is an OutputError. Close the generator to have the tasks not begun dropped.
    """
    if not tasks:
        return
    context = multiprocessing.get_context("spawn")
    with _one_thread_each(), ProcessPoolExecutor(min(workers, len(tasks)), context, _begin) as pool:
        waiting = iter(tasks)
        with _interrupts_ignored():
            futures = _submit(pool, function, islice(waiting, workers))
        futures |= _submit(pool, function, waiting)
        try:
            for future in as_completed(futures):
                yield futures.pop(future), future.result()
        except BrokenProcessPool as error:
            raise OutputError(
                f"{what}: a process was ended from outside, for want of memory perhaps: "
                "the same command goes on; pass fewer --jobs"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _submit(
    pool: ProcessPoolExecutor, function: Callable[..., ResultT], tasks: Iterable[TaskT]
) -> dict[Future[ResultT], TaskT]:
    return {pool.submit(function, *task): task for task in tasks}


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Processes started within take no notice of Ctrl-C, not even while they start."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started within have one thread for linear algebra."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin() -> None:
    """Leave Ctrl-C to the process that started this one, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
