"""Reconstruction: from images to what a clean lead would have looked like, with one contract for all kinds of model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from ecgnoise.models.diffusion import Sampler, draw_noise, reverse_process
from ecgnoise.models.folder import Query
from ecgnoise.scalogram.profile import COLUMNS, ArrayT, Images, Profile, from_network, to_network

Array = NDArray[np.float32]

NOISE_SEED: Final = 123
SHOWN_SIGMA_OF_HIDDEN: Final = 1.0
SMALLEST_RATIO: Final = 1e-9
SPAN_COLUMNS: Final = 16  # 0.625 s


@dataclass(frozen=True)
class Scalograms:
    """Images of lead-segments at one sampling frequency, and what a model may know beside them.

    images: (n, rows, columns) in 0..255. reference: QRS level, (n,), log10 mV^2. known: whether the unit, and so the
    QRS level, is known, (n,) or the same for all. valid: rows that the sampling frequency can hold, (rows,).
    """

    images: Images
    reference: NDArray[np.float32]
    known: NDArray[np.bool_] | bool
    valid: NDArray[np.bool_]


class Placement(NamedTuple):
    """Where images are drawn and measured.

    to_device: moves an array there. to_host: moves it back. device: its name.
    """

    to_device: Callable[[NDArray[np.float32]], Any]
    to_host: Callable[[Any], NDArray[Any]]
    device: str = "cpu"


IN_MEMORY: Final = Placement(np.asarray, np.asarray)


class Reconstructor(Protocol):
    """A model as seen from the score."""

    def reconstruct(self, scalograms: Scalograms) -> Images:
        """The reconstructed images, (n, rows, columns) in 0..255, whose PSNR against the originals is the score."""


class Denoiser(Protocol):
    """The default model's network: see ``networks.teacher.MaskedDenoiser``."""

    def denoise(self, noised: Any, sigma: Any, hidden: Any, reference: Any, known: Any) -> Any:
        """Reconstructed network images (n, 1, rows, columns), in arrays of the kind given.

        The arguments, float32, are those of ``MaskedDenoiser.forward``.
        """


class DiffusionNetwork(Protocol):
    """A network that :func:`ecgnoise.models.diffusion.reverse_process` can be run with."""

    def encode(self, images: Array) -> Array:
        """What is denoised, (n, c, h, w), of images (n, 1, 32, 256) in [-1, 1]."""

    def predict_noise(self, noisy: Array, timestep: int) -> Array:
        """Noise in ``noisy`` (n, c, h, w) at a timestep in 0..999, its shape."""

    def decode(self, denoised: Array) -> Array:
        """Images (n, 1, 32, 256), about in [-1, 1], of what was denoised."""


class DiffusionReconstructor:
    """The published way: encode, noise, reverse process, decode (Han et al., arXiv 2506.11815).

    Departure: the noise is the same for each image, so that a score does not depend on the batch.
    """

    def __init__(self, network: DiffusionNetwork, sampler: Sampler, profile: Profile, seed: int = NOISE_SEED) -> None:
        self._network = network
        self._sampler = sampler
        self._profile = profile
        self._seed = seed

    def reconstruct(self, scalograms: Scalograms) -> Images:
        """The reconstructed images, (n, rows, columns) in 0..255."""
        latent = self._network.encode(to_network(scalograms.images)[:, None])
        noise = draw_noise(self._sampler, latent.shape[1:], self._seed)
        cleaned = reverse_process(self._network.predict_noise, latent, self._sampler, noise)
        decoded = self._network.decode(cleaned)[:, 0]
        return np.asarray(from_network(decoded, self._profile), dtype=np.float32)


class EncodingNetwork(Protocol):
    """A network with a way in and a way out."""

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Latents of network images (n, 1, rows, columns)."""

    def decode(self, denoised: NDArray[np.float32]) -> NDArray[np.float32]:
        """Network images of latents."""


class AutoencoderReconstructor:
    """A plain autoencoder, the rival without diffusion: what comes back from the latent."""

    def __init__(self, network: EncodingNetwork, profile: Profile) -> None:
        self._network = network
        self._profile = profile

    def reconstruct(self, scalograms: Scalograms) -> Images:
        """The reconstructed images, (n, rows, columns) in 0..255."""
        decoded = self._network.decode(self._network.encode(to_network(scalograms.images)[:, None]))[:, 0]
        return np.asarray(from_network(decoded, self._profile), dtype=np.float32)


class QueryReconstructor:
    """The default way: a few fixed queries to a masked denoiser, each one evaluation of the network.

    It works in NumPy or torch, as the images do.

    Each query hides a band or makes all rows vague and has the network reconstruct the image; queries that hide
    and blur the same share an answer. Of the difference between original and reconstruction, the query counts some
    rows, where asked only what lies above the reconstruction (noise adds power), and weighs it by how large it is over
    the span and over the lead-segment. The counted differences of all queries are added as squares; the image
    returned is the original less that sum's root, so that its PSNR against the original is the score.
    """

    def __init__(self, denoiser: Denoiser, queries: Sequence[Query], profile: Profile, seed: int = NOISE_SEED) -> None:
        self._denoiser = denoiser
        self._queries = tuple(queries)
        self._profile = profile
        self._seed = seed

    def reconstruct(self, scalograms: Scalograms) -> Images:
        """The image whose squared difference from the original is the counted error, (n, rows, columns)."""
        xp = array_namespace(scalograms.images)
        squared = xp.zeros_like(scalograms.images)
        answers: dict[tuple[tuple[float, float], float], Images] = {}
        for query in self._queries:
            asked = query.hidden, query.sigma
            if asked not in answers:
                answers[asked] = self.answer(query, scalograms)
            rows, counted = self._counted(query, scalograms, answers[asked])
            squared[:, rows] += counted
        return scalograms.images - xp.sqrt(squared)

    def answer(self, query: Query, scalograms: Scalograms) -> Images:
        """The network's reconstruction for one query, (n, rows, columns) in 0..255."""
        xp, where = array_namespace(scalograms.images), device(scalograms.images)
        shape = (scalograms.images.shape[0], 1, *scalograms.images.shape[1:])
        rows = self.band(query.hidden) | ~scalograms.valid
        each = np.broadcast_to(rows[:, None], shape[2:])
        sigma = np.where(each, np.float32(SHOWN_SIGMA_OF_HIDDEN), np.float32(query.sigma))
        noise = sigma * query_noise(self._profile.rows, self._seed)

        def everywhere(values: NDArray[np.generic]) -> Any:
            placed = xp.asarray(np.ascontiguousarray(values, np.float32), device=where)
            return xp.broadcast_to(placed, shape)

        noised = to_network(scalograms.images)[:, None] + everywhere(noise)
        known = xp.broadcast_to(xp.asarray(scalograms.known, dtype=scalograms.images.dtype, device=where), (shape[0],))
        reconstruction = self._denoiser.denoise(
            noised, everywhere(sigma), everywhere(each), scalograms.reference, known
        )
        return (reconstruction[:, 0] + 1.0) * 127.5

    def counted_error(self, query: Query, scalograms: Scalograms, reconstruction: Images) -> Images:
        """What one query adds to the squared difference of each pixel, (n, rows, columns), where this is its answer.

        With t the counted error of a lead-segment over ``scale``, its mean over all valid rows is ``weight r(t)``;
        :class:`ecgnoise.models.description.Query` says what the counted error and r are.
        """
        squared = array_namespace(scalograms.images).zeros_like(scalograms.images)
        rows, counted = self._counted(query, scalograms, reconstruction)
        squared[:, rows] = counted
        return squared

    def _counted(self, query: Query, scalograms: Scalograms, reconstruction: Images) -> tuple[slice, Images]:
        """The rows that count, and what the query adds to the squared difference of each of their pixels."""
        xp = array_namespace(scalograms.images)
        rows, count = _run(self.band(query.counted) & scalograms.valid)
        excess = scalograms.images[:, rows] - reconstruction[:, rows]
        if not count:
            return rows, excess
        squared = (xp.clip(excess, 0.0, None) if query.one_sided else excess) ** 2
        emphasis, mean = _emphasis(query, xp.astype(xp.mean(squared, axis=1), xp.float64))
        scaled = float(scalograms.valid.sum()) / count * query.weight / query.scale
        factor = emphasis * (scaled * _slope(query, mean / query.scale))[:, None]
        return rows, squared * xp.astype(factor, squared.dtype)[:, None]

    def band(self, band: tuple[float, float]) -> NDArray[np.bool_]:
        """Rows whose frequency lies within a band in Hz, (rows,), row 0 the highest; an empty band has none."""
        return rows_within(band, self._profile)


def asked(queries: Sequence[Query]) -> list[Query]:
    """The first of all queries that hide and blur the same: each is one evaluation of the network."""
    first: dict[tuple[tuple[float, float], float], Query] = {}
    for query in queries:
        first.setdefault((query.hidden, query.sigma), query)
    return list(first.values())


def rows_within(band: tuple[float, float], profile: Profile) -> NDArray[np.bool_]:
    """Rows of a profile whose frequency lies within a band in Hz, (rows,), row 0 the highest; none in an empty band."""
    low, high = band
    frequencies = np.asarray(profile.frequencies)[::-1]
    return np.asarray((frequencies >= low) & (frequencies <= high))


def query_noise(rows: int, seed: int = NOISE_SEED) -> NDArray[np.float32]:
    """The noise that makes shown rows vague, (rows, columns), the same in all queries."""
    return np.random.RandomState(seed).standard_normal((rows, COLUMNS)).astype(np.float32)


def _run(rows: NDArray[np.bool_]) -> tuple[slice, int]:
    """Rows of a band, which lie side by side, as a slice, and how many there are."""
    places = np.flatnonzero(rows)
    return (slice(int(places[0]), int(places[-1]) + 1), len(places)) if len(places) else (slice(0, 0), 0)


def _emphasis(query: Query, columns: ArrayT) -> tuple[ArrayT, ArrayT]:
    """What the squared differences of each column are multiplied by, (n, columns), and their mean after that, (n,).

    columns: mean squared differences, (n, columns). The mean over a lead-segment is the power mean over its spans; each
    span adds its share of it.
    """
    xp = array_namespace(columns)
    spans = xp.mean(xp.reshape(columns, (columns.shape[0], -1, SPAN_COLUMNS)), axis=2)
    largest = xp.clip(xp.max(spans, axis=1, keepdims=True), SMALLEST_RATIO, None)
    relative = spans / largest
    mean = xp.mean(relative**query.time_power, axis=1, keepdims=True) ** (1.0 / query.time_power)
    emphasis = (relative / xp.clip(mean, SMALLEST_RATIO, None)) ** (query.time_power - 1.0)
    return xp.repeat(emphasis, SPAN_COLUMNS, axis=1), (mean * largest)[:, 0]


def counted_ratio(query: Query, ratio: ArrayT) -> ArrayT:
    """What an error of ``ratio`` times the scale counts as, r(t) of :class:`ecgnoise.models.description.Query`."""
    counted = ratio**query.power
    return counted / (1.0 + counted / query.ceiling) if query.ceiling > 0 else counted


def _slope(query: Query, ratio: ArrayT) -> ArrayT:
    """What an error of ``ratio`` times the scale counts as, over that ratio."""
    ratio = array_namespace(ratio).clip(ratio, SMALLEST_RATIO, None)
    return counted_ratio(query, ratio) / ratio
