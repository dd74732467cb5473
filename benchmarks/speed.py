"""How fast ecgnoise is: ``python -m benchmarks.speed``. Needs the extra ``train``.

Its rival is a textbook version of the published pipeline in this file: each wavelet convolved with the lead in the time
domain, the latent model of 33.5 M parameters in torch, four evaluations of its UNet, the model loaded once. Both score
the same simulated 12-lead record of 10 s at 500 Hz on the same cores, in turn, in one process; so do programs that
others use, one lead at a time, where the extra ``bench`` is there. Stages are timed apart and set against what the
machine can do. The start of the program is timed from outside. ``--check 60`` only says whether it is 60 times faster.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.launch import launch
from benchmarks.machine import keep
from benchmarks.rivals import Rival, available
from benchmarks.rivals.contract import quiet
from benchmarks.roofline import copy_rate, median_seconds, network_work, product_rate, row, superlet_work
from ecgnoise import Quantifier, Recording, read, simulate_ecg
from ecgnoise.models.diffusion import Ddim, draw_noise, reverse_process
from ecgnoise.models.folder import load_folder
from ecgnoise.models.load import load_on_device
from ecgnoise.models.networks.published import LatentDiffusion
from ecgnoise.models.reconstruct import QueryReconstructor, Scalograms, asked
from ecgnoise.models.torch import TorchNetwork
from ecgnoise.quantifier import DEFAULT_BATCH
from ecgnoise.scalogram.profile import (
    COLUMNS,
    PAPER,
    from_network,
    level_images,
    qrs_level,
    to_image,
    to_network,
    valid_rows,
)
from ecgnoise.scalogram.superlet import FoldedSuperlet, superlet
from ecgnoise.scalogram.traces import traces
from ecgnoise.scoring.beats import agreement
from ecgnoise.scoring.metrics import column_errors
from ecgnoise.writers import write_recording

RATE = 500
ROUNDS = 5
CHECK_ROUNDS = 3
FASTER_THAN = ("neurokit_averageqrs", "neurokit_templatematch", "ecgdatakit_sqi")
SETTINGS = ((1, 1), (1, 6), (1, 24), (2, 1), (2, 6), (2, 24))  # threads, batch size


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
        reconstruction = self.network.decode(reverse_process(self.network.predict_noise, latent, Ddim(), noise))[:, 0]
        error = (images - from_network(reconstruction, PAPER)).astype(np.float64)
        return np.asarray(10 * np.log10(255**2 / (error**2).mean(axis=(1, 2))))


def seconds(action: Callable[[], Any]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def compare(rounds: int, rivals: Mapping[str, Rival]) -> dict[str, Any]:
    """All in turn on one record: medians in seconds a record, and the median of the ratios.

    rivals: scores of one lead that others have, by name.
    """
    recording = simulate_ecg(10, RATE, seed=1)
    signal = recording.signal
    textbook = Textbook()
    one, every = Quantifier(threads=1), Quantifier()
    agreement = np.abs(textbook_levels(signal[0].astype(np.float64)) - superlet(PAPER, RATE)(signal[:1])[0])
    leads = signal.astype(np.float64)
    actions: dict[str, Callable[[], Any]] = {
        "textbook": lambda: textbook.score(signal),
        "ecgnoise": lambda: every.quantify(recording),
        "ecgnoise, 1 thread": lambda: one.quantify(recording),
        **{name: lambda rival=rival: [rival(lead, RATE) for lead in leads] for name, rival in rivals.items()},
    }
    for name, action in actions.items():
        if name != "textbook":
            action()
    with quiet():
        times = {name: [] for name in actions}
        for _ in range(rounds):
            for name, action in actions.items():
                times[name].append(seconds(action))
    medians = {name: statistics.median(each) for name, each in times.items()}
    ratios = [their / our for their, our in zip(times["textbook"], times["ecgnoise"], strict=True)]
    return {
        "textbook_s": round(medians["textbook"], 3),
        "ecgnoise_s": round(medians["ecgnoise"], 4),
        "ratio": round(statistics.median(ratios), 1),
        "rounds": rounds,
        "median_level_difference": float(np.median(agreement)),
        "lead_ms": {name: round(1e3 * value / len(leads), 2) for name, value in medians.items() if name != "textbook"},
    }


def chosen_rivals() -> dict[str, Rival]:
    """The programs to be faster than, as far as they are installed."""
    return {name: rival for name, rival in available().items() if name in FASTER_THAN}


class Stages:
    """Each stage of a score on one thread, on 24 lead-segments of simulated ECG."""

    def __init__(self) -> None:
        self.signal = simulate_ecg(20, RATE, seed=1).signal.reshape(24, -1)
        self.model = load_folder("default")
        self.profile = self.model.description.profile
        self.transform = superlet(self.profile, RATE)
        self.levels = self.transform(self.signal)
        self.scalograms = self._scalograms()
        loaded = load_on_device(self.model, "cpu")
        reconstructor = loaded.reconstructor
        if not isinstance(reconstructor, QueryReconstructor):
            raise SystemExit(f"{self.model.path}: no default model")
        self.reconstructor = reconstructor
        self.reconstruction = reconstructor.reconstruct(self.scalograms)
        if loaded.levels is None:
            raise SystemExit(f"{self.model.path}: no noise levels")
        self.reader = loaded.levels

    def milliseconds(self, rounds: int) -> dict[str, float]:
        """Milliseconds a lead-segment of each stage."""
        queries = {q.name: q for q in asked(self.model.description.queries)}
        remembered = iter(())

        class Remembering:
            def denoise(self, *_: Any) -> Any:
                return next(remembered)

        answers = [self.reconstructor.answer(q, self.scalograms)[:, None] / 127.5 - 1.0 for q in queries.values()]
        counting = QueryReconstructor(Remembering(), self.model.description.queries, self.profile)

        def count() -> None:
            nonlocal remembered
            remembered = iter(answers)
            counting.reconstruct(self.scalograms)

        batches = np.split(self.signal, len(self.signal) // DEFAULT_BATCH)
        actions: dict[str, Callable[[], Any]] = {
            "superlets": lambda: [self.transform(batch) for batch in batches],
            "images": self._scalograms,
            **{
                f"network, `{n}`": lambda q=q: self.reconstructor.answer(q, self.scalograms) for n, q in queries.items()
            },
            "counting": count,
            "errors": self._measure,
            "noise levels": self._read,
            "agreement of beats": lambda: agreement(self.scalograms.images, self.scalograms.valid, self.profile),
        }
        with tempfile.TemporaryDirectory() as folder:
            record = Path(folder) / "record.hea"
            write_recording(Recording.from_array(self.signal.reshape(12, -1), RATE), record)
            reading = {"reading a WFDB record": lambda: read(record).signal}
            taken = {name: median_seconds(action, rounds) for name, action in (reading | actions).items()}
        paper = superlet(PAPER, RATE)
        taken["superlets of profile `paper`"] = median_seconds(lambda: paper(self.signal), rounds)
        return {name: round(1e3 * value / len(self.signal), 3) for name, value in taken.items()}

    def rows(self, milliseconds: Mapping[str, float], rounds: int) -> dict[str, Any]:
        """How far superlets and network are from a matrix product and a copy of this machine, on one thread."""
        product, copy = product_rate(rounds), copy_rate(rounds)
        network = network_work(self.model)
        evaluations = [value for name, value in milliseconds.items() if name.startswith("network")]
        if not isinstance(self.transform, FoldedSuperlet):
            raise SystemExit(f"{self.model.path}: no folded superlets")
        return {
            "product_gflop_s": round(product / 1e9, 1),
            "copy_gb_s": round(copy / 1e9, 1),
            "superlets": row(superlet_work(self.transform), milliseconds["superlets"] / 1e3, product, copy),
            "network, an evaluation": row(network, statistics.mean(evaluations) / 1e3, product, copy),
        }

    def _scalograms(self) -> Scalograms:
        reference = qrs_level(self.levels, self.profile)
        images = level_images(self.levels, reference, self.profile)
        return Scalograms(images, reference, known=True, valid=valid_rows(self.profile, RATE))

    def _measure(self) -> None:
        column_errors(self.scalograms.images, self.reconstruction, self.scalograms.valid)

    def _read(self) -> None:
        self.reader.read(self.scalograms, traces(self.signal, self.scalograms.reference))


def whole(rounds: int) -> dict[str, float]:
    """Milliseconds a lead-segment of the whole score of one minute of 12 leads, by threads and batch size."""
    recording = simulate_ecg(60, RATE, seed=1)
    figures = {}
    for threads, batch in SETTINGS:
        quantifier = Quantifier(threads=threads, batch_size=batch)
        taken = median_seconds(lambda quantifier=quantifier: quantifier.quantify(recording), rounds)
        figures[f"{threads} thread{'s' * (threads > 1)}, batch {batch}"] = round(1e3 * taken / 72, 2)
    return figures


def device(rounds: int) -> dict[str, Any] | None:
    """Lead-segments a second on a GPU, from memory, and how far its scores are from those of the CPU; None without."""
    if not torch.cuda.is_available():
        return None
    recording = simulate_ecg(3600, RATE, seed=1)
    quantifier = Quantifier(device="cuda")
    taken = median_seconds(lambda: quantifier.quantify(recording), rounds)
    part = simulate_ecg(60, RATE, seed=2)
    difference = np.abs(quantifier.quantify(part).psnr - Quantifier().quantify(part).psnr).max()
    return {
        "name": torch.cuda.get_device_name(),
        "lead_segments_s": round(12 * 360 / taken),
        "largest_difference_db": round(float(difference), 4),
    }


def program(rounds: int) -> dict[str, float]:
    """``ecgnoise score`` on one WFDB record, from start to exit: median wall time and largest peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.hea"
        write_recording(simulate_ecg(10, RATE, seed=1), record)
        runs = [launch("-m", "ecgnoise", "score", str(record)) for _ in range(rounds)]
    times, peaks = zip(*runs, strict=True)
    return {"wall_s": round(statistics.median(times), 2), "peak_mb": round(max(peaks), 0)}


def check(lowest: float) -> None:
    """End with an error where ecgnoise is not this many times faster than the textbook."""
    ratio = compare(CHECK_ROUNDS, {})["ratio"]
    print(f"{ratio} times faster than the textbook version; at least {lowest:g} is asked for")
    if ratio < lowest:
        raise SystemExit(1)


def main() -> None:
    """Measure and keep the figures, or check one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--check", type=float, metavar="TIMES", help="only check that it is so many times faster")
    options = parser.parse_args()
    if options.check is not None:
        check(options.check)
        return
    stages = Stages()
    milliseconds = stages.milliseconds(options.rounds)
    figures = {
        "record": compare(options.rounds, chosen_rivals()),
        "stages_ms": milliseconds,
        "whole_ms": whole(options.rounds),
        "roofline": stages.rows(milliseconds, options.rounds),
        "device": device(options.rounds),
        "program": program(options.rounds),
    }
    print(figures)
    keep("speed", figures)


if __name__ == "__main__":
    main()
