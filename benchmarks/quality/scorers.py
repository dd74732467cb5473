"""Rivals as scorers, ecgnoise's looks beside them, and the cache of their scores.

A scorer gives an array of scores for each take, (leads, segments), NaN where it has none; the PSNR of ecgnoise is
(leads, segments, parts) where a take asks for parts.
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
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.quality.figures import WORST, Array
from benchmarks.quality.readings import LOOKS, PSNR, Ecgnoise, Reading, look, packed, unpacked
from benchmarks.quality.takes import Take
from ecgnoise.segments import windows

Rival = Callable[[NDArray[np.float64], float], float]
LocalRival = Callable[[NDArray[np.float64], float], NDArray[np.float64]]
CACHE = Path(__file__).parents[1] / ".cache"
CHUNK = 8
PACKAGES = ("neurokit2", "ecgdatakit", "ecg-integrity", "biosppy", "biosqi", "scipy", "numpy")


class Scorer(Protocol):
    """Gives scores."""

    name: str
    identity: str

    def gives(self, takes: Sequence[Take]) -> bool:
        """Whether it has scores for such takes."""

    def scores(self, takes: Sequence[Take]) -> Iterator[Array]:
        """Scores of each take, in turn."""


class RivalScorer:
    """A rival: one lead of one segment at a time, in processes where there is a pool.

    local: what it says of parts of a segment, if it can. A rival that raises, or gives no finite number, has no score
    there. In a pool it is found by its name.
    """

    def __init__(
        self, name: str, rival: Rival, pool: ProcessPoolExecutor | None = None, local: LocalRival | None = None
    ) -> None:
        self.name = name
        self.identity = " ".join(filter(None, [rival_identity(rival), local and rival_identity(local)]))
        self._local = local
        self._score = partial(score_named, name) if pool else partial(score_leads, rival, local)
        self._map: Callable[..., Iterable[Array]] = pool.map if pool else map

    def gives(self, takes: Sequence[Take]) -> bool:
        """Whether it has an answer for such takes: parts are for local rivals."""
        return self._local is not None or all(take.parts == 1 for take in takes)

    def scores(self, takes: Sequence[Take]) -> Iterator[Array]:
        """Scores of each take."""
        chunks = [takes[start : start + CHUNK] for start in range(0, len(takes), CHUNK)]
        cut = ([window for take in chunk for window in cut_leads(take)] for chunk in chunks)
        for chunk, scores in zip(chunks, self._map(self._score, cut), strict=True):
            sizes = [int(np.prod(take.shape)) for take in chunk]
            pieces = np.split(scores, np.cumsum(sizes)[:-1])
            yield from (piece.reshape(take.shape) for piece, take in zip(pieces, chunk, strict=True))


class CutLead(NamedTuple):
    """One lead of one window in mV, (samples,), its rate in Hz, and how many parts of it are asked for."""

    samples: NDArray[np.float32]
    frequency: float
    parts: int


def cut_leads(take: Take) -> list[CutLead]:
    """Each lead of each window of a take, leads outermost; missing samples are 0."""
    signal, frequency = np.nan_to_num(take.recording.signal), take.recording.sampling_frequency
    cut = windows(signal.shape[1], frequency)
    return [CutLead(lead[w.start : w.stop], frequency, take.parts) for lead in signal for w in cut]


def score_leads(rival: Rival, local: LocalRival | None, leads: Sequence[CutLead]) -> Array:
    """Scores of leads by a rival, of all their parts in turn, NaN where it fails."""
    scores = [np.full(lead.parts, np.nan) for lead in leads]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for lead, row in zip(leads, scores, strict=True):
            samples = lead.samples.astype(np.float64)
            try:
                if lead.parts == 1:
                    row[0] = float(rival(samples, lead.frequency))
                elif local is not None:
                    row[:] = [part.mean() for part in np.array_split(local(samples, lead.frequency), lead.parts)]
            except Exception:  # a rival may fail in any way: it then has no score
                row[:] = np.nan
    return np.concatenate(scores)


@cache
def available_rivals() -> dict[str, Rival]:
    """The rivals whose packages are there, by name."""
    from benchmarks import rivals

    return rivals.available()


@cache
def local_rivals() -> dict[str, LocalRival]:
    """What rivals say of parts of a segment, by name, where their packages are there."""
    from benchmarks.rivals.local import LOCAL

    return {name: rival for name, rival in LOCAL.items() if name in available_rivals()}


def score_named(name: str, leads: Sequence[CutLead]) -> Array:
    """Scores of leads by the rival of this name."""
    return score_leads(available_rivals()[name], local_rivals().get(name), leads)


def rival_identity(rival: Rival | LocalRival) -> str:
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

    missing: share of lead-segments without a score. ms: milliseconds a lead-segment by the clock. look: which look of
    ecgnoise the scores are, empty for a rival; readings: all that ecgnoise says of each take.
    """

    scores: list[Array]
    missing: float
    ms: float
    look: str = ""
    readings: Sequence[Reading] = ()

    @property
    def flat(self) -> Array:
        """All scores in turn."""
        return np.concatenate([score.ravel() for score in self.scores])


class Store:
    """Scores kept on disk, by part, scorer, identity of the scorer, and the samples scored."""

    def __init__(self, folder: Path | None = CACHE) -> None:
        self._folder = folder

    def scored(self, part: str, scorer: Scorer, takes: Sequence[Take]) -> Scored:
        """Scores of takes by a rival, from the disk or made and kept."""

        def make() -> tuple[dict[str, NDArray[Any]], int]:
            scores = [score.ravel() for score in progress(part, scorer.name, scorer.scores(takes), len(takes))]
            return {"values": np.concatenate(scores)}, sum(map(len, scores))

        kept = self._kept(self._file(part, scorer, takes), make)
        return finished(kept["values"], float(kept["ms"]), takes)

    def looks(self, part: str, scorer: Ecgnoise, takes: Sequence[Take]) -> list[Scored]:
        """Scores of takes by each look of ecgnoise at which they have any, the PSNR first."""

        def make() -> tuple[dict[str, NDArray[Any]], int]:
            readings = list(progress(part, scorer.name, scorer.readings(takes), len(takes)))
            return packed(readings), sum(reading.psnr.size for reading in readings)

        kept = self._kept(self._file(part, scorer, takes), make)
        readings, ms = unpacked(kept), float(kept["ms"])
        found = []
        for name in LOOKS:
            pairs = zip(readings, takes, strict=True)
            values = np.concatenate([look(reading, name, take.parts).ravel() for reading, take in pairs])
            if name == PSNR or (np.isfinite(values).any() and all(take.parts == 1 for take in takes)):
                scored = finished(values, ms, takes, WORST if name == PSNR else None)
                found.append(replace(scored, look=name, readings=readings))
        return found

    def _kept(self, file: Path | None, make: Callable[[], tuple[dict[str, NDArray[Any]], int]]) -> Any:
        """What lies in a file, or what is made and kept there, with the milliseconds that each lead-segment took."""
        if file is not None and file.exists():
            with np.load(file) as kept:
                return dict(kept)
        start = time.perf_counter()
        values, count = make()
        values["ms"] = np.asarray((time.perf_counter() - start) / count * 1e3)
        if file is not None:
            keep_scores(file, values)
        return values

    def _file(self, part: str, scorer: Scorer | Ecgnoise, takes: Sequence[Take]) -> Path | None:
        if self._folder is None:
            return None
        digest = hashlib.sha256(f"{part} {scorer.name} {scorer.identity} {len(takes)}".encode())
        for take in takes:
            digest.update(repr((*take.alike, take.recording.lead_faults)).encode())
            digest.update(np.ascontiguousarray(take.recording.signal).tobytes())
        return self._folder / part / f"{scorer.name}-{digest.hexdigest()[:20]}.npz"


def keep_scores(file: Path, values: dict[str, NDArray[Any]]) -> None:
    """Write arrays, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".npz", delete=False) as temporary:
        np.savez_compressed(temporary, **values)
    Path(temporary.name).replace(file)


def finished(values: Array, ms: float, takes: Sequence[Take], worst: float | None = None) -> Scored:
    """Scores of each take with the worst where there is none: the one given, or the scorer's own lowest."""
    finite = values[np.isfinite(values)]
    if worst is None:
        worst = float(finite.min()) if len(finite) else WORST
    filled = np.where(np.isfinite(values), values, worst)
    pieces = np.split(filled, np.cumsum([int(np.prod(take.shape)) for take in takes])[:-1])
    scores = [piece.reshape(take.shape) for piece, take in zip(pieces, takes, strict=True)]
    return Scored(scores, float(1 - len(finite) / len(values)), ms)


def progress(part: str, scorer: str, items: Iterable[Any], total: int) -> Iterable[Any]:
    """The items behind a progress bar on a terminal."""
    return tqdm(items, desc=f"{part}, {scorer}", total=total, disable=not sys.stderr.isatty())
