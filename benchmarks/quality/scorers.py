"""Takes, scorers and the cache of their scores.

A take is a stretch of a recording that is scored: all its leads, all its segments. A scorer gives an array of scores
for each take, (leads, segments), NaN where it has none; ecgnoise also (leads, segments, parts) where a take asks for
parts.
"""

import hashlib
import inspect
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import ecgnoise
from benchmarks.quality.figures import WORST, Array
from ecgnoise import Quantifier, Recording
from ecgnoise.models.folder import Thresholds
from ecgnoise.recording import ArraySamples
from ecgnoise.segments import windows

Rival = Callable[[NDArray[np.float64], float], float]
CACHE = Path(__file__).parents[1] / ".cache"
TOGETHER = 120
CHUNK = 8
PACKAGES = ("neurokit2", "ecgdatakit", "ecg-integrity", "biosppy", "scipy", "numpy")


@dataclass(frozen=True)
class Take:
    """What is scored: a recording, the record that it is of (takes of one record are alike), and parts a segment."""

    record: str
    recording: Recording
    parts: int = 1

    @classmethod
    def of(
        cls, record: str, signal: NDArray[np.float32], frequency: float, units: str = "mV", parts: int = 1
    ) -> "Take":
        """A take of samples, (leads, time) or (time,)."""
        return cls(record, Recording.from_array(signal, frequency, units=units, source=record), parts)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of its scores."""
        leads, samples = self.recording.samples.shape
        segments = len(windows(samples, self.recording.sampling_frequency))
        return (leads, segments) if self.parts == 1 else (leads, segments, self.parts)

    @property
    def alike(self) -> tuple[Any, ...]:
        """Takes that are alike in this can be scored as one recording."""
        recording = self.recording
        return recording.sampling_frequency, recording.samples.shape[1], recording.units, self.parts


class Scorer(Protocol):
    """Gives scores."""

    name: str
    identity: str

    def scores(self, takes: Sequence[Take]) -> Iterator[Array]:
        """Scores of each take, in turn."""


def stacked(takes: Sequence[Take]) -> Recording:
    """The leads of takes that are alike as one recording; scores do not depend on what is scored beside them."""
    signal = np.concatenate([take.recording.signal for take in takes])
    faults = tuple(fault for take in takes for fault in take.recording.lead_faults)
    names = tuple(f"lead_{index}" for index in range(len(signal)))
    first = takes[0].recording
    samples = ArraySamples(signal)
    return Recording(samples, first.sampling_frequency, names, first.units, source="takes", lead_faults=faults)


class Ecgnoise:
    """ecgnoise with one model."""

    name = "ecgnoise"

    def __init__(self, quantifier: Quantifier, thresholds: Thresholds) -> None:
        self._quantifier = quantifier
        self.thresholds = thresholds
        self.identity = f"{ecgnoise.__version__} {quantifier.model}"

    def scores(self, takes: Sequence[Take]) -> Iterator[Array]:
        """PSNR of each take, many leads at once."""
        for _, group in groupby(takes, key=lambda take: take.alike):
            for lot in lots(list(group)):
                result = self._quantifier.quantify(stacked(lot), parts=lot[0].parts)
                psnr = result.psnr if lot[0].parts == 1 else result.local_psnr
                yield from np.split(psnr, np.cumsum([take.shape[0] for take in lot])[:-1])


def lots(takes: Sequence[Take]) -> Iterator[list[Take]]:
    """Takes in lots of about as many lead-segments as a scorer should get at once."""
    lot: list[Take] = []
    for take in takes:
        lot.append(take)
        if sum(one.shape[0] * one.shape[1] for one in lot) >= TOGETHER:
            yield lot
            lot = []
    if lot:
        yield lot


class RivalScorer:
    """A rival: one lead of one segment at a time, in processes where there is a pool.

    A rival that raises, or gives no finite number, has no score there. In a pool it is found by its name.
    """

    def __init__(self, name: str, rival: Rival, pool: ProcessPoolExecutor | None = None) -> None:
        self.name = name
        self.identity = rival_identity(rival)
        self._score = partial(score_named, name) if pool else partial(score_leads, rival)
        self._map: Callable[..., Iterable[Array]] = pool.map if pool else map

    def scores(self, takes: Sequence[Take]) -> Iterator[Array]:
        """Scores of each take."""
        chunks = [takes[start : start + CHUNK] for start in range(0, len(takes), CHUNK)]
        cut = ([window for take in chunk for window in cut_leads(take.recording)] for chunk in chunks)
        for chunk, scores in zip(chunks, self._map(self._score, cut), strict=True):
            sizes = [int(np.prod(take.shape)) for take in chunk]
            pieces = np.split(scores, np.cumsum(sizes)[:-1])
            yield from (piece.reshape(take.shape) for piece, take in zip(pieces, chunk, strict=True))


def cut_leads(recording: Recording) -> list[tuple[NDArray[np.float32], float]]:
    """Each lead of each window of a recording with its rate in Hz, leads outermost; missing samples are 0."""
    signal, frequency = np.nan_to_num(recording.signal), recording.sampling_frequency
    return [(lead[w.start : w.stop], frequency) for lead in signal for w in windows(signal.shape[1], frequency)]


def score_leads(rival: Rival, leads: Sequence[tuple[NDArray[np.float32], float]]) -> Array:
    """Scores of leads by a rival, NaN where it fails."""
    scores = np.full(len(leads), np.nan)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for index, (lead, frequency) in enumerate(leads):
            try:
                scores[index] = float(rival(lead.astype(np.float64), frequency))
            except Exception:  # a rival may fail in any way: it then has no score
                scores[index] = np.nan
    return scores


@cache
def available_rivals() -> dict[str, Rival]:
    """The rivals whose packages are there, by name."""
    from benchmarks import rivals

    return rivals.available()


def score_named(name: str, leads: Sequence[tuple[NDArray[np.float32], float]]) -> Array:
    """Scores of leads by the rival of this name."""
    return score_leads(available_rivals()[name], leads)


def rival_identity(rival: Rival) -> str:
    """What a rival's scores depend on: the file that defines it and the versions of packages."""
    inner: Any = rival
    while isinstance(inner, partial):
        inner = inner.func
    module = inspect.getmodule(inner)
    file = getattr(module, "__file__", None)
    digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()[:12] if file else "no file"
    return " ".join([digest, *(f"{package} {installed(package)}" for package in PACKAGES)])


def installed(package: str) -> str:
    """The version of a package, or ``-`` where it is absent."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def start_pool(jobs: int) -> ProcessPoolExecutor | None:
    """Processes for rivals, each with one thread; None for one job, which needs none."""
    if jobs < 2:
        return None
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))


@dataclass(frozen=True)
class Scored:
    """Scores of each take by one scorer, the worst where there was none.

    missing: share of lead-segments without a score. ms: milliseconds a lead-segment by the clock. thresholds: of
    grades, where the scorer has them.
    """

    scores: list[Array]
    missing: float
    ms: float
    thresholds: Thresholds | None = None

    @property
    def flat(self) -> Array:
        """All scores in turn."""
        return np.concatenate([score.ravel() for score in self.scores])


class Store:
    """Scores kept on disk, by part, scorer, identity of the scorer, and the samples scored."""

    def __init__(self, folder: Path | None = CACHE) -> None:
        self._folder = folder

    def scored(self, part: str, scorer: Scorer, takes: Sequence[Take]) -> Scored:
        """Scores of takes, from the disk or made and kept."""
        file = self._file(part, scorer, takes)
        if file is None or not file.exists():
            values, ms = made(part, scorer, takes)
            if file is not None:
                keep_scores(file, values, ms)
        else:
            with np.load(file) as kept:
                values, ms = kept["values"], float(kept["ms"])
        return finished(values, ms, takes, getattr(scorer, "thresholds", None))

    def _file(self, part: str, scorer: Scorer, takes: Sequence[Take]) -> Path | None:
        if self._folder is None:
            return None
        digest = hashlib.sha256(f"{part} {scorer.name} {scorer.identity} {len(takes)}".encode())
        for take in takes:
            digest.update(repr((*take.alike, take.recording.lead_faults)).encode())
            digest.update(np.ascontiguousarray(take.recording.signal).tobytes())
        return self._folder / part / f"{scorer.name}-{digest.hexdigest()[:20]}.npz"


def made(part: str, scorer: Scorer, takes: Sequence[Take]) -> tuple[Array, float]:
    """All scores in turn, and milliseconds a lead-segment."""
    start = time.perf_counter()
    values = [score.ravel() for score in progress(f"{part}, {scorer.name}", scorer.scores(takes), len(takes))]
    segments = sum(int(np.prod(take.shape[:2])) for take in takes)
    return np.concatenate(values), (time.perf_counter() - start) / segments * 1e3


def keep_scores(file: Path, values: Array, ms: float) -> None:
    """Write scores, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".npz", delete=False) as temporary:
        np.savez(temporary, values=values, ms=ms)
    Path(temporary.name).replace(file)


def finished(values: Array, ms: float, takes: Sequence[Take], thresholds: Thresholds | None) -> Scored:
    """Scores of each take with the worst where there is none: 0 dB, or a rival's own lowest."""
    finite = values[np.isfinite(values)]
    worst = WORST if thresholds is not None or not len(finite) else float(finite.min())
    filled = np.where(np.isfinite(values), values, worst)
    pieces = np.split(filled, np.cumsum([int(np.prod(take.shape)) for take in takes])[:-1])
    scores = [piece.reshape(take.shape) for piece, take in zip(pieces, takes, strict=True)]
    return Scored(scores, float(1 - len(finite) / len(values)), ms, thresholds)


def progress(what: str, items: Iterable[Any], total: int) -> Iterable[Any]:
    """The items behind a progress bar on a terminal."""
    return tqdm(items, desc=what, total=total, disable=not sys.stderr.isatty())
