"""PyTorch: a data set of recordings without those that are too noisy.

Run it as ``python examples/torch_dataset.py``; it needs torch.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

import ecgnoise
from ecgnoise import NoiseKind, add_noise, record_verdict


class CleanRecordings(Dataset[torch.Tensor]):
    """Recordings as tensors (leads, time), of enough usable time only; scored once, at the start."""

    def __init__(
        self,
        recordings: Sequence[ecgnoise.Recording],
        *,
        usable_share: float = 0.9,
        grade: str = "poor",
        model: str | Path = "default",
    ) -> None:
        quantifier = ecgnoise.Quantifier(model)
        verdicts = [record_verdict(quantifier.quantify(recording), grade) for recording in recordings]
        self._kept = [
            recording
            for recording, verdict in zip(recordings, verdicts, strict=True)
            if verdict.usable_share >= usable_share
        ]

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self._kept[index].signal)


def simulated_recordings() -> list[ecgnoise.Recording]:
    """Six recordings of 10 s, every second of them noisy."""
    clean = [ecgnoise.simulate_ecg(10, 250, seed=seed, lead_names=["I", "II"]) for seed in range(6)]
    return [add_noise(item, NoiseKind.WHITE, -20.0) if index % 2 else item for index, item in enumerate(clean)]


if __name__ == "__main__":
    recordings = simulated_recordings()
    kept = CleanRecordings(recordings)
    print(f"{len(kept)} of {len(recordings)} recordings kept")
    for batch in DataLoader(kept, batch_size=2):
        print(tuple(batch.shape))
