"""How fast ecgnoise is: ``python -m benchmarks.speed``. Needs the extra ``train``.

Its rival is a textbook version of the published pipeline in this file: each wavelet convolved with the lead in the time
domain, the latent model of 33.5 M parameters in torch, four evaluations of its UNet, the model loaded once. Both score
the same simulated 12-lead record of 10 s at 500 Hz on the same cores, in turn, in one process. The start of the program
is timed from outside.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.launch import launch
from benchmarks.machine import keep
from ecgnoise import Quantifier, Recording, simulate_ecg
from ecgnoise.diffusion import Ddim, draw_noise, walk
from ecgnoise.models.networks import LatentDiffusion
from ecgnoise.models.torch import TorchNetwork
from ecgnoise.profiles import COLUMNS, DEFAULT, PAPER, from_network, to_image, to_network
from ecgnoise.superlet import superlet
from ecgnoise.writing import write_recording

RATE = 500
ROUNDS = 5


def textbook_levels(lead: NDArray[np.float64]) -> NDArray[np.float64]:
    """Published superlet levels of one lead, wavelet by wavelet in the time domain, (32, 256)."""
    time_axis = np.linspace(-1.0, 1.0, 2 * RATE)
    rows = []
    for frequency, order in zip(PAPER.frequencies, PAPER.orders, strict=True):
        logarithm = np.zeros(len(lead))
        for cycles in range(1, order + 1):
            width = cycles / (5 * frequency)
            wavelet = np.exp(-(time_axis**2) / (2 * width**2)) * np.exp(2j * np.pi * frequency * time_axis)
            wavelet /= np.abs(wavelet).sum()
            response = np.sqrt(2) * np.abs(np.convolve(lead, wavelet, mode="same"))
            logarithm += np.log10(response**2 + 1e-30)
        position = np.clip((np.arange(COLUMNS) + 0.5) * len(lead) / COLUMNS - 0.5, 0, len(lead) - 1)
        rows.append(np.interp(position, np.arange(len(lead)), logarithm / order))
    return np.array(rows)


class Textbook:
    """The published pipeline as a textbook would write it."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = TorchNetwork(LatentDiffusion().eval())

    def score(self, signal: NDArray[np.float32]) -> NDArray[np.float64]:
        """PSNR of each lead of a 10-s record, (leads,)."""
        levels = np.array([textbook_levels(lead.astype(np.float64)) for lead in signal])
        images = to_image(levels, PAPER).astype(np.float32)
        latent = self.network.encode(to_network(images)[:, None])
        noise = draw_noise(Ddim(), latent.shape[1:], 123)
        redrawn = self.network.decode(walk(self.network.predict_noise, latent, Ddim(), noise))[:, 0]
        error = (images - from_network(redrawn, PAPER)).astype(np.float64)
        return np.asarray(10 * np.log10(255**2 / (error**2).mean(axis=(1, 2))))


def seconds(action: Callable[[], Any]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def compare(rounds: int) -> dict[str, Any]:
    """Both pipelines in turn: medians in seconds a record, and the median of the ratios."""
    recording = simulate_ecg(10, RATE, seed=1)
    signal = recording.signal
    textbook, quantifier = Textbook(), Quantifier()
    agreement = np.abs(textbook_levels(signal[0].astype(np.float64)) - superlet(PAPER, RATE)(signal[:1])[0])
    quantifier.quantify(recording)
    pairs = [
        (seconds(lambda: textbook.score(signal)), seconds(lambda: quantifier.quantify(recording)))
        for _ in range(rounds)
    ]
    theirs, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    return {
        "textbook_s": round(theirs, 3),
        "ecgnoise_s": round(ours, 4),
        "ratio": round(statistics.median(their / our for their, our in pairs), 1),
        "rounds": rounds,
        "median_level_difference": float(np.median(agreement)),
    }


def stages(rounds: int) -> dict[str, float]:
    """Milliseconds a lead-segment of the superlets of both profiles and of the whole score, at several batch sizes."""
    signal = simulate_ecg(20, RATE, seed=1).signal.reshape(24, -1)
    figures = {}
    for profile in (DEFAULT, PAPER):
        transform = superlet(profile, RATE)
        transform(signal)
        times = [seconds(lambda transform=transform: transform(signal)) for _ in range(rounds)]  # type: ignore[misc]
        figures[f"superlet, profile {profile.name}"] = round(1e3 * statistics.median(times) / len(signal), 3)
    recording = Recording.from_array(signal, RATE)
    for threads, batch in ((1, 12), (2, 12), (2, 24)):
        quantifier = Quantifier(threads=threads, batch_size=batch)
        quantifier.quantify(recording)
        times = [seconds(lambda quantifier=quantifier: quantifier.quantify(recording)) for _ in range(rounds)]  # type: ignore[misc]
        name = f"whole score, {threads} thread{'s' * (threads > 1)}, batch {batch}"
        figures[name] = round(1e3 * statistics.median(times) / len(signal), 3)
    return figures


def program(rounds: int) -> dict[str, float]:
    """``ecgnoise score`` on one WFDB record, from start to exit: median wall time and largest peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.hea"
        write_recording(simulate_ecg(10, RATE, seed=1), record)
        runs = [launch("-m", "ecgnoise", "score", str(record)) for _ in range(rounds)]
    times, peaks = zip(*runs, strict=True)
    return {"wall_s": round(statistics.median(times), 2), "peak_mb": round(max(peaks), 0)}


def main() -> None:
    """Measure and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    figures = {"record": compare(rounds), "stages_ms": stages(rounds), "program": program(rounds)}
    print(figures)
    keep("speed", figures)


if __name__ == "__main__":
    main()
