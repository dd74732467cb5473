"""ONNX Runtime sessions, and the published networks as ONNX files."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as onnxruntime_errors

from ecgnoise.errors import ModelFormatError
from ecgnoise.models.contract import Array
from ecgnoise.models.description import DECODER, ENCODER, NOISE_PREDICTOR
from ecgnoise.models.folder import ModelFolder


class OnnxSession:
    """One ONNX file on the CPU. Threads may share it; pickled, it travels as its path.

    file: an ONNX file with one output. threads: how many threads one run may use, at least 1.

    Raises ModelFormatError for a file that ONNX Runtime cannot read.
    """

    def __init__(self, file: Path, threads: int) -> None:
        self.file = file
        self.threads = threads
        self._session = open_session(file, threads)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Array:
        """The output for inputs by name."""
        return np.asarray(self._session.run(None, dict(inputs))[0])

    def __reduce__(self) -> tuple[type["OnnxSession"], tuple[Path, int]]:
        return type(self), (self.file, self.threads)


def open_session(file: Path, threads: int) -> onnxruntime.InferenceSession:
    """An ``onnxruntime.InferenceSession`` on the CPU; ModelFormatError where the file is not a readable network."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except (
        onnxruntime_errors.Fail,
        onnxruntime_errors.InvalidArgument,
        onnxruntime_errors.InvalidGraph,
        onnxruntime_errors.InvalidProtobuf,
        onnxruntime_errors.NoSuchFile,
        onnxruntime_errors.NotImplemented,
    ) as error:
        reason = str(error).splitlines()[0]
        raise ModelFormatError(f"{file}: ONNX Runtime cannot read it ({reason}): export the model again") from error


class OnnxPixelNetwork:
    """A network that denoises the image itself; see :class:`ecgnoise.models.contract.DiffusionNetwork`."""

    def __init__(self, noise_predictor: OnnxSession) -> None:
        self.noise_predictor = noise_predictor

    def encode(self, images: Array) -> Array:
        """The images."""
        return images

    def predict_noise(self, noisy: Array, timestep: int) -> Array:
        """Noise in ``noisy`` (n, c, h, w) at a timestep in 0..999."""
        return self.noise_predictor.run({"noisy": noisy, "timestep": np.array([timestep], np.int64)})

    def decode(self, denoised: Array) -> Array:
        """What was denoised."""
        return denoised


class OnnxAutoencoder:
    """An autoencoder alone; see :class:`ecgnoise.models.redraw.EncodingNetwork`."""

    def __init__(self, folder: ModelFolder, threads: int) -> None:
        self.encoder = OnnxSession(folder.file(ENCODER), threads)
        self.decoder = OnnxSession(folder.file(DECODER), threads)

    def encode(self, images: Array) -> Array:
        """Latents (n, 2, 8, 64) of images (n, 1, 32, 256) in [-1, 1]."""
        return self.encoder.run({"images": images})

    def decode(self, denoised: Array) -> Array:
        """Images (n, 1, 32, 256), about in [-1, 1], of latents."""
        return self.decoder.run({"denoised": denoised})


class OnnxLatentNetwork(OnnxPixelNetwork):
    """A network that denoises the latent of an autoencoder, which is part of it."""

    def __init__(self, encoder: OnnxSession, noise_predictor: OnnxSession, decoder: OnnxSession) -> None:
        super().__init__(noise_predictor)
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, images: Array) -> Array:
        """Scaled latents (n, 2, 8, 64) of images (n, 1, 32, 256) in [-1, 1]."""
        return self.encoder.run({"images": images})

    def decode(self, denoised: Array) -> Array:
        """Images (n, 1, 32, 256), about in [-1, 1], of scaled latents."""
        return self.decoder.run({"denoised": denoised})


def open_onnx(folder: ModelFolder, threads: int) -> OnnxPixelNetwork:
    """The published network of a model folder, one to score with; ModelFormatError where it holds another kind."""
    kind = folder.description.network.kind
    if kind not in {"latent", "pixel"}:
        raise ModelFormatError(f"{folder.path}: a {kind} network is no published one: pass a converted checkpoint")
    if kind == "pixel":
        return OnnxPixelNetwork(OnnxSession(folder.file(NOISE_PREDICTOR), threads))
    files = [folder.file(name) for name in (ENCODER, NOISE_PREDICTOR, DECODER)]
    with ThreadPoolExecutor(len(files), "ecgnoise-open") as pool:
        encoder, predictor, decoder = pool.map(lambda file: OnnxSession(file, threads), files)
    return OnnxLatentNetwork(encoder, predictor, decoder)
