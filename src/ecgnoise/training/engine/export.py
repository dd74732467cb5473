"""Torch networks as ONNX files. Needs the extra ``train``."""

import logging
import tempfile
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader
from torch import Tensor, nn

from ecgnoise.models.description import DECODER, ENCODER, NOISE_PREDICTOR
from ecgnoise.models.networks.published import (
    IMAGE_SHAPE,
    LATENT_SHAPE,
    Autoencoder,
    DiffusionModule,
    LatentDiffusion,
)


def export_onnx(module: nn.Module, inputs: Mapping[str, Tensor], output: str, unbatched: Collection[str] = ()) -> bytes:
    """The module as one self-contained ONNX file that takes any batch size.

    inputs: an example of each argument of ``module.forward``, by the name it gets, in the order of the
    arguments; the first dimension is the batch, but for those named in ``unbatched``. output: the name of
    the one output.
    """
    twice = {name: value if name in unbatched else torch.cat([value, value]) for name, value in inputs.items()}
    batched = tuple(None if name in unbatched else {0: torch.export.Dim.DYNAMIC} for name in inputs)
    with quiet_exporter(), torch.no_grad():
        program = torch.onnx.export(
            module.eval(),
            tuple(twice.values()),
            input_names=list(inputs),
            output_names=[output],
            dynamic_shapes=batched,
            dynamo=True,
            verbose=False,
            optimize=False,  # ONNX Runtime does that when it loads the file, and here it takes half of the time
        )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    return without_traces(program.model_proto)


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Keeps back what the exporter says of torch itself: its own deprecated calls, and that torchvision is absent."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning, module=r"(copyreg|torch\.)")
            warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def without_traces(model: onnx.ModelProto) -> bytes:
    """The ONNX model serialised, without the exporter's notes on source files of this computer."""
    graph = model.graph
    for entry in (
        model,
        graph,
        *graph.node,
        *graph.value_info,
        *graph.initializer,
        *graph.input,
        *graph.output,
    ):
        entry.ClearField("metadata_props")
        entry.ClearField("doc_string")
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def quantized(network: bytes, inputs: Iterable[Mapping[str, NDArray[np.float32]]]) -> bytes:
    """An ONNX network most of whose convolutions compute in 8 bit.

    Those stay in float32 that cost little and whose errors reach far: the first and the last one, those of the coarsest
    resolution, which have the most channels, and those of a single row, which attention and traces go through.

    inputs: what the ranges of the activations are measured on, as the network takes it. Weights have seven bits, one
    scale a channel: processors without instructions for 8-bit products then give the same answers, only slower.
    """
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, quiet_quantizer():
        given, prepared, made = (Path(folder) / name for name in ("given.onnx", "prepared.onnx", "made.onnx"))
        given.write_bytes(network)
        quant_pre_process(given, prepared, skip_symbolic_shape=True)
        exact = _exact_convolutions(onnx.load(prepared).graph)
        quantization.quantize_static(
            prepared,
            made,
            InputReader(inputs),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=exact,
        )
        return without_traces(onnx.load(made))


def _exact_convolutions(graph: onnx.GraphProto) -> list[str]:
    """Names of the convolutions that stay as they are."""
    shapes = {weights.name: tuple(weights.dims) for weights in graph.initializer}
    found = {node.name: shapes[node.input[1]] for node in graph.node if node.op_type == "Conv"}
    widest = max(shape[0] for shape in found.values() if shape[2:] != (1, 1))
    ends = {next(iter(found)), next(reversed(found))}
    return [name for name, shape in found.items() if name in ends or shape[2] == 1 or shape[0] == widest]


class InputReader(CalibrationDataReader):  # type: ignore[misc]
    """Hands out inputs one after the other, as ``onnxruntime.quantization`` asks for them."""

    def __init__(self, inputs: Iterable[Mapping[str, NDArray[np.float32]]]) -> None:
        self._inputs = iter(inputs)

    def get_next(self) -> Mapping[str, NDArray[np.float32]] | None:
        """The next inputs by name, None at the end."""
        return next(self._inputs, None)


@contextmanager
def quiet_quantizer() -> Iterator[None]:
    """Keeps back what the quantizer logs of its own steps."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)


class Part(nn.Module):
    """One method of a network as a module of its own, one tensor in and one out."""

    def __init__(self, network: nn.Module, method: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network
        self.method = method

    def forward(self, values: Tensor) -> Tensor:
        """What the method returns."""
        return self.method(values)


def export_autoencoder(network: Autoencoder) -> dict[str, bytes]:
    """The ONNX files of an autoencoder alone: its latents are not scaled."""
    images, latents = torch.zeros(1, *IMAGE_SHAPE), torch.zeros(1, *LATENT_SHAPE)
    return {
        ENCODER: export_onnx(Part(network, network.encode), {"images": images}, "latents"),
        DECODER: export_onnx(Part(network, network.decode), {"denoised": latents}, "images"),
    }


def export_published(network: DiffusionModule) -> dict[str, bytes]:
    """The ONNX files of a published network by name, as :func:`ecgnoise.models.onnx.open_onnx` reads them.

    A latent network has an encoder, a noise predictor and a decoder; a pixel network has the second only.
    """
    latent = isinstance(network, LatentDiffusion)
    noisy = torch.zeros(1, *(LATENT_SHAPE if latent else IMAGE_SHAPE))
    timestep = torch.zeros(1, dtype=torch.int64)
    files = {NOISE_PREDICTOR: export_onnx(network.unet, {"noisy": noisy, "timestep": timestep}, "noise", ["timestep"])}
    if latent:
        images = torch.zeros(1, *IMAGE_SHAPE)
        files[ENCODER] = export_onnx(Part(network, network.encode), {"images": images}, "latents")
        files[DECODER] = export_onnx(Part(network, network.decode), {"denoised": noisy}, "images")
    return files
