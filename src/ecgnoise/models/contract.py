"""What a diffusion network can do, whatever runs it: NumPy in, NumPy out.

``onnx.py`` and ``torch.py`` keep this contract for the published networks. A network that denoises the
image itself returns from ``encode`` and ``decode`` what it was given.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class DiffusionNetwork(Protocol):
    """A network that :func:`ecgnoise.diffusion.walk` can be run with."""

    def encode(self, images: Array) -> Array:
        """What is denoised, (n, c, h, w), of images (n, 1, 32, 256) in [-1, 1]."""

    def predict_noise(self, noisy: Array, timestep: int) -> Array:
        """Noise in ``noisy`` (n, c, h, w) at a timestep in 0..999, its shape."""

    def decode(self, denoised: Array) -> Array:
        """Images (n, 1, 32, 256), about in [-1, 1], of what was denoised."""
