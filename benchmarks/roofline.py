"""How far each stage of a score is from what the machine can do: operations and bytes against product and copy.

Operations are counted, not measured: five N log2 N for a complex transform of N, half of that for a real one; what
torch counts for the network. Bytes are those that must move at least: what goes into a stage and what comes out of it.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecgnoise.models.folder import ModelFolder
from ecgnoise.scalogram.profile import COLUMNS, DEFAULT
from ecgnoise.scalogram.superlet import FOLDED_COLUMNS, FoldedSuperlet

MATRIX = 2048
COPIED = 1 << 27  # bytes


@dataclass(frozen=True)
class Work:
    """Operations and bytes of one lead-segment."""

    operations: float
    bytes: float


def superlet_work(transform: FoldedSuperlet) -> Work:
    """One real transform of the padded segment, and for each wavelet a Gaussian, a short transform and a power."""
    length, bands = transform.shape
    operations = 2.5 * length * np.log2(length)
    for order, width in bands:
        short = 5 * FOLDED_COLUMNS * np.log2(FOLDED_COLUMNS)
        operations += order * (2 * width + 2 * max(0, width - FOLDED_COLUMNS) + short + 4 * COLUMNS)
    return Work(operations, 4 * (transform.samples + len(bands) * COLUMNS))


def network_work(model: ModelFolder) -> Work:
    """One evaluation of the network of a default model."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from ecgnoise.models.torch import open_denoiser

    network = open_denoiser(model)
    pixels = torch.ones(1, 1, DEFAULT.rows, COLUMNS)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(pixels, pixels, pixels * 0, torch.ones(1), torch.ones(1))
    values = sum(parameter.numel() for parameter in network.parameters())
    return Work(counter.get_total_flops(), 4 * (4 * DEFAULT.rows * COLUMNS + values))


def product_rate(rounds: int) -> float:
    """Operations a second of a matrix product in float32, on one thread."""
    import torch

    matrix = torch.randn(MATRIX, MATRIX)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return 2 * MATRIX**3 / median_seconds(lambda: matrix @ matrix, rounds)
    finally:
        torch.set_num_threads(threads)


def copy_rate(rounds: int) -> float:
    """Bytes a second that one thread reads and writes when it copies."""
    source = np.ones(COPIED, np.uint8)
    target = np.zeros_like(source)
    return 2 * COPIED / median_seconds(lambda: np.copyto(target, source), rounds)


def median_seconds(action: Callable[[], Any], rounds: int) -> float:
    """Median wall time of one call, after one that does not count."""
    action()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def row(work: Work, seconds: float, product: float, copy: float) -> dict[str, float]:
    """What a stage reached, and the share of the nearer of its two limits."""
    shortest = max(work.operations / product, work.bytes / copy)
    return {
        "mflop": round(work.operations / 1e6, 1),
        "mb": round(work.bytes / 1e6, 3),
        "ms": round(1e3 * seconds, 3),
        "gflop_s": round(work.operations / seconds / 1e9, 1),
        "gb_s": round(work.bytes / seconds / 1e9, 2),
        "share_of_limit": round(shortest / seconds, 2),
    }
