"""Work in several processes, which end with the one that started them and leave Ctrl-C to it."""

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any, Final, NamedTuple, Self, TypeVar

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
        with interrupts_ignored():
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


class Died(NamedTuple):
    """What stands for the result of a task whose process ended before it was done: a crash, or want of memory."""


def one_by_one(
    function: Callable[..., ResultT], tasks: Iterable[TaskT], workers: int, what: str, *, anew: bool = False
) -> Generator[tuple[TaskT, ResultT | Died], None, None]:
    """As :func:`in_processes`, but a process that dies takes no more with it than the task it was busy with.

    tasks: one is taken when a process is free for it. anew: each task has a process of its own.

    OutputError where processes cannot even be started. Close the generator
    to have the tasks not begun dropped.
    """
    waiting = iter(tasks)
    busy: dict[Future[ResultT], tuple[TaskT, _Worker]] = {}
    with _one_thread_each(), ExitStack() as stack:

        def give(worker: _Worker | None) -> None:
            """Give the next task to a worker, a new one in the place of none."""
            task = next(waiting, None)
            if task is None:
                return
            chosen = worker or stack.enter_context(_Worker(what))
            busy[chosen.submit(function, task)] = task, chosen

        for _ in range(workers):
            give(None)
        while busy:
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                task, worker = busy.pop(future)
                result = worker.result(future)
                done_with = anew or isinstance(result, Died)
                if done_with:
                    worker.close()
                give(None if done_with else worker)
                yield task, result


class _Worker:
    """One process; a context that waits for its end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin)
        with interrupts_ignored():
            self._started = self._pool.submit(os.getpid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, when it is done with what it is busy with."""
        self._pool.shutdown(cancel_futures=True)

    def submit(self, function: Callable[..., ResultT], task: tuple[Any, ...]) -> Future[ResultT]:
        """The result to come of a call; a process that has died already gives one that says so."""
        try:
            return self._pool.submit(function, *task)
        except BrokenProcessPool as error:
            failed: Future[ResultT] = Future()
            failed.set_exception(error)
            return failed

    def result(self, future: Future[ResultT]) -> ResultT | Died:
        """The result of a call, or what stands for it; OutputError where the process never was there."""
        try:
            return future.result()
        except BrokenProcessPool as error:
            if self._started.exception() is None:
                return Died()
            raise OutputError(
                f"{self._what}: no process can be started: pass --jobs 1; a script that scores needs its "
                'if __name__ == "__main__"'
            ) from error


def _submit(
    pool: ProcessPoolExecutor, function: Callable[..., ResultT], tasks: Iterable[TaskT]
) -> dict[Future[ResultT], TaskT]:
    return {pool.submit(function, *task): task for task in tasks}


@contextmanager
def interrupts_ignored() -> Iterator[None]:
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
    """Leave Ctrl-C to the process that started this one, end with it, and keep warnings of libraries back."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
