"""Images of noisy leads for the level network to learn from, drawn once and kept in the folder of the run.

They are drawn in several processes. What is drawn depends on the seed and the number of images, not on the number of
processes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecgnoise._internal.atomic import unfinished_files
from ecgnoise._internal.processes import in_processes
from ecgnoise.training.levels.mixtures import BATCH, CleanLeads, Mixer, Mixtures
from ecgnoise.training.levels.noises import Noises
from ecgnoise.training.recordings.records import Progress

BATCHES_A_TASK: Final = 100
LEADS_FILE: Final = "leads_{}.npy"
NOISE_FILE: Final = "noise_{}_{}.npy"


@dataclass(frozen=True)
class PoolRequest:
    """What to draw.

    size: images, rounded up to whole tasks. seed: of all that is drawn. jobs: processes. without: makers of noise
    that are left out, see :class:`ecgnoise.training.levels.noises.Noises`. batches: of 24 images that a task draws;
    what is drawn depends on it.
    """

    size: int
    seed: int
    jobs: int = 1
    without: frozenset[str] = frozenset()
    batches: int = BATCHES_A_TASK


def make_pool(
    leads: CleanLeads, noises: Noises, request: PoolRequest, folder: Path, progress: Progress | None = None
) -> Mixtures:
    """Draw images, or take what an earlier call with the same folder drew.

    folder: where they are kept, and where the leads lie for the processes to share. progress: called with the number
    of images that are ready, and of all.
    """
    file = folder / "pool.npz"
    if file.exists():
        return load_pool(file)
    folder.mkdir(parents=True, exist_ok=True)
    write_leads(leads, folder)
    write_noises(noises, folder)
    tasks = -(-request.size // (BATCH * request.batches))
    asked = [(folder, request.seed, number, request.batches, noises.without) for number in range(tasks)]
    drawn: dict[int, Mixtures] = {}
    for done, (task, mixtures) in enumerate(in_processes(draw, asked, request.jobs, "drawing noisy leads"), start=1):
        drawn[task[2]] = mixtures
        if progress:
            progress(min(done * BATCH * request.batches, request.size), request.size)
    pool = joined([drawn[number] for number in range(tasks)])
    with unfinished_files(file) as partial:
        np.savez(partial, **pool._asdict())
    return pool


def load_pool(file: Path) -> Mixtures:
    """What :func:`make_pool` wrote."""
    with np.load(file, allow_pickle=False) as values:
        return Mixtures(**{name: values[name] for name in Mixtures._fields})


def draw(folder: Path, seed: int, number: int, batches: int, without: frozenset[str]) -> Mixtures:
    """The images of one task, with leads and noise out of a folder."""
    mixer = Mixer(read_leads(folder), Noises(read_noises(folder), without))
    return mixer.mixtures(batches, np.random.default_rng((seed, number)))


def joined(parts: Sequence[Mixtures]) -> Mixtures:
    """Mixtures one behind the other."""
    return Mixtures(*(np.concatenate([getattr(part, name) for part in parts]) for name in Mixtures._fields))


def write_leads(leads: CleanLeads, folder: Path) -> None:
    """Keep leads as files that processes can map."""
    for field in fields(CleanLeads):
        np.save(folder / LEADS_FILE.format(field.name), getattr(leads, field.name))


def read_leads(folder: Path) -> CleanLeads:
    """What :func:`write_leads` wrote, mapped."""
    return CleanLeads(
        **{
            field.name: np.load(folder / LEADS_FILE.format(field.name), mmap_mode="r", allow_pickle=False)
            for field in fields(CleanLeads)
        }
    )


def write_noises(noises: Noises, folder: Path) -> None:
    """Keep recordings of noise as files."""
    for kind, recordings in noises.recordings.items():
        for number, recording in enumerate(recordings):
            np.save(folder / NOISE_FILE.format(kind, number), recording)


def read_noises(folder: Path) -> dict[str, list[NDArray[np.float32]]]:
    """What :func:`write_noises` wrote, mapped, by kind."""
    from ecgnoise.noise_levels import KINDS

    return {kind: list(_numbered(folder, kind)) for kind in KINDS}


def _numbered(folder: Path, kind: str) -> Iterator[NDArray[np.float32]]:
    number = 0
    while (file := folder / NOISE_FILE.format(kind, number)).exists():
        yield np.load(file, mmap_mode="r", allow_pickle=False)
        number += 1
