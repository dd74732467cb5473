"""ONNX Runtime sessions, and the published networks as ONNX files."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ecgnoise.errors import ModelFormatError, one_line
from ecgnoise.models.description import DECODER, ENCODER, NOISE_PREDICTOR
from ecgnoise.models.folder import ModelFolder, read_file
from ecgnoise.models.onnx_file import check_self_contained
from ecgnoise.models.reconstruct import Array
from ecgnoise.scalogram.profile import COLUMNS

SHOWN_CHARACTERS: Final = 200

Shape = tuple[int | None, ...]
FLOAT: Final = "tensor(float)"
WHOLE: Final = "tensor(int64)"
LATENTS: Final[Shape] = (None, None, None, None)
SILENT: Final = 4  # what goes wrong is raised, and not printed as well


@dataclass(frozen=True)
class Interface:
    """What a network takes and gives, of which the first dimension is the batch.

    inputs: the shape of each input by name, None for what the file may leave open. whole: the inputs of whole numbers.
    output: the shape of the output; None for the shape of the first input.
    """

    inputs: Mapping[str, Shape]
    output: Shape | None = None
    whole: tuple[str, ...] = ()

    def expected(self) -> Shape:
        """The shape of the output."""
        return self.output or next(iter(self.inputs.values()))

    def output_for(self, first: NDArray[Any]) -> Shape:
        """The shape of the output where this is the first input."""
        return (len(first), *(self.output or first.shape)[1:])


class OnnxSession:
    """One ONNX file on the CPU. Threads may share it; pickled, it travels as its path.

    file: an ONNX file with one output. threads: how many threads one run may use, at least 1. interface: what the
    network must take and give, where it is known.

    Raises ModelFormatError for a file that ONNX Runtime cannot read, or that is another network.
    """

    def __init__(self, file: Path, threads: int, interface: Interface | None = None) -> None:
        self.file = file
        self.threads = threads
        self._interface = interface
        self._session = open_session(file, threads)
        if interface is not None:
            check_interface(self._session, interface, file)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Array:
        """The output for inputs by name; ModelFormatError where the network gives none, or no finite numbers."""
        try:
            output = np.asarray(self._session.run(None, dict(inputs))[0])
        except Exception as error:  # ONNX Runtime has a class of its own for each kind
            raise ModelFormatError(f"{self.file}: the network fails ({one_line(error)}): pass another model") from error
        first = next(iter(inputs.values()))
        if self._interface is not None and not _fits(output.shape, self._interface.output_for(first)):
            raise ModelFormatError(f"{self.file}: the network gives {output.shape} for {first.shape}: pass another")
        if not np.isfinite(output).all():
            raise ModelFormatError(
                f"{self.file}: the network gives NaN or infinite numbers: its weights are damaged, pass another model"
            )
        return output

    def __reduce__(self) -> tuple[type["OnnxSession"], tuple[Path, int, Interface | None]]:
        return type(self), (self.file, self.threads, self._interface)


def open_session(file: Path, threads: int) -> onnxruntime.InferenceSession:
    """An ``onnxruntime.InferenceSession`` on the CPU; ModelFormatError where the file is not a readable network."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = SILENT
    try:
        content = read_file(file)
        check_self_contained(content, file)
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except ModelFormatError:
        raise
    except Exception as error:  # as above
        raise ModelFormatError(
            f"{file}: ONNX Runtime cannot read it ({one_line(error)}): export the model again"
        ) from error


def check_interface(session: onnxruntime.InferenceSession, interface: Interface, file: Path) -> None:
    """ModelFormatError where a network takes or gives something else than it should."""
    given = {entry.name: (entry.type, tuple(entry.shape)) for entry in session.get_inputs()}
    outputs = [(entry.type, tuple(entry.shape)) for entry in session.get_outputs()]
    wrong = [name for name in {**interface.inputs, **given} if (name in given) != (name in interface.inputs)]
    if wrong or len(outputs) != 1:
        what = f"inputs {', '.join(given) or 'none'}" if wrong else f"{len(outputs)} outputs"
        raise ModelFormatError(
            f"{file}: a network with {what[:SHOWN_CHARACTERS]}, expected are {', '.join(interface.inputs)} and one "
            "output: pass another model"
        )
    for name, shape in interface.inputs.items():
        _check_tensor(f"{file}: input {name}", given[name], shape, WHOLE if name in interface.whole else FLOAT)
    _check_tensor(f"{file}: the output", outputs[0], interface.expected(), FLOAT)


def _check_tensor(what: str, found: tuple[str, tuple[Any, ...]], shape: Shape, kind: str) -> None:
    """ModelFormatError unless type and shape are those expected, or left open."""
    sizes = tuple(size if isinstance(size, int) else None for size in found[1])
    agree = len(sizes) == len(shape) and all(
        own is None or (asked is not None and own == asked) or (asked is None and place > 0)
        for place, (own, asked) in enumerate(zip(sizes, shape, strict=True))
    )
    if found[0] != kind or not agree:
        raise ModelFormatError(f"{what} is {found[0]} {_shown(sizes)}, not {kind} {_shown(shape)}: pass another model")


def _fits(found: tuple[int, ...], shape: Shape) -> bool:
    """Whether an array has a shape."""
    return len(found) == len(shape) and all(asked in {None, own} for own, asked in zip(found, shape, strict=True))


def _shown(shape: Shape) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"


class OnnxPixelNetwork:
    """A network that denoises the image itself; see :class:`ecgnoise.models.reconstruct.DiffusionNetwork`."""

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
    """An autoencoder alone; see :class:`ecgnoise.models.reconstruct.EncodingNetwork`."""

    def __init__(self, folder: ModelFolder, threads: int) -> None:
        encoder, decoder = encoding_interfaces(folder)
        self.encoder = OnnxSession(folder.file(ENCODER), threads, encoder)
        self.decoder = OnnxSession(folder.file(DECODER), threads, decoder)

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
    noisy: Shape = image_shape(folder) if kind == "pixel" else LATENTS
    interface = Interface({"noisy": noisy, "timestep": (1,)}, whole=("timestep",))
    if kind == "pixel":
        return OnnxPixelNetwork(OnnxSession(folder.file(NOISE_PREDICTOR), threads, interface))
    with ThreadPoolExecutor(2, "ecgnoise-open") as pool:
        autoencoder = pool.submit(OnnxAutoencoder, folder, threads)
        predictor = pool.submit(OnnxSession, folder.file(NOISE_PREDICTOR), threads, interface)
        encoding = autoencoder.result()
        return OnnxLatentNetwork(encoding.encoder, predictor.result(), encoding.decoder)


def image_shape(folder: ModelFolder) -> Shape:
    """The shape of the images that a network takes, (any, 1, rows, columns)."""
    return None, 1, folder.description.profile.rows, COLUMNS


def encoding_interfaces(folder: ModelFolder) -> tuple[Interface, Interface]:
    """What encoder and decoder take and give."""
    image = image_shape(folder)
    return Interface({"images": image}, LATENTS), Interface({"denoised": LATENTS}, image)
