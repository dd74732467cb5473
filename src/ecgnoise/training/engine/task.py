"""What a model learns, as the loop sees it. Needs the extra ``train``.

task
    what there is to train on, the network, and how far it is off; the loop knows nothing else of a model
batch
    tensors by name; the first dimension counts lead-segments. All that is random about it is drawn with it, for all
    processes of a run at once, so that their number changes nothing
"""

import hashlib
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecgnoise.scalogram.profile import Images, to_network

EXAMPLES: Final = 4
EXAMPLE_SEED: Final = 123
Batch = dict[str, Tensor]
Grey = NDArray[np.uint8] | NDArray[np.float32]


class Task(Protocol):
    """What a model learns."""

    @property
    def size(self) -> int:
        """How many lead-segments there are."""

    @property
    def fingerprint(self) -> str:
        """A sum over all of them."""

    def network(self) -> nn.Module:
        """A network with fresh weights."""

    def batch(self, chosen: NDArray[np.int64], generator: torch.Generator) -> Batch:
        """These lead-segments, and what is drawn for them."""

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Mean loss of a batch, on the device on which it is."""

    def examples(self, network: nn.Module) -> tuple[Images, Images]:
        """A few images and what the network makes of them, (k, rows, columns) in 0..255."""


def fingerprint(*arrays: NDArray[np.generic]) -> str:
    """SHA-256 sum over the values of some arrays."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(str((array.shape, array.dtype)).encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


def network_images(images: Grey) -> Tensor:
    """Network input (n, 1, rows, columns) of images in 0..255."""
    return torch.from_numpy(np.asarray(to_network(images.astype(np.float32)))[:, None])


def grey_images(values: Tensor) -> Images:
    """Images (n, rows, columns) in 0..255 of network output (n, 1, rows, columns)."""
    grey: Images = ((values[:, 0].float().cpu().numpy() + 1.0) * 127.5).clip(0.0, 255.0)
    return grey
