"""What ``model.toml`` says: everything about a model that is not a weight.

All entries are frozen dataclasses. :func:`describe` refuses unknown and missing entries and wrong types
with a ModelFormatError, so that a folder written for another version is never half understood; an entry
that may be None is left out of the file, and one that older folders lack may be.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from itertools import pairwise
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

from ecgnoise.errors import ModelFormatError, OptionError
from ecgnoise.models.diffusion import Ddim, Ddpm
from ecgnoise.scalogram.profile import QRS_BAND, Profile

EntryT = TypeVar("EntryT")

ENCODER: Final = "encoder.onnx"
NOISE_PREDICTOR: Final = "noise_predictor.onnx"
DECODER: Final = "decoder.onnx"
DENOISER: Final = "denoiser.onnx"
LEVELS: Final = "levels.onnx"
FILES_OF_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    "autoencoder": (ENCODER, DECODER),
    "latent": (ENCODER, NOISE_PREDICTOR, DECODER),
    "pixel": (NOISE_PREDICTOR,),
    "masked": (DENOISER,),
}
DIFFUSION_KINDS: Final = frozenset({"latent", "pixel"})
SAMPLERS: Final[Mapping[str, type[Ddim | Ddpm]]] = {"ddim": Ddim, "ddpm": Ddpm}
PERCENTILES: Final = 101
NO_FILES: Final = frozenset({"", ".", "..", "model.toml"})
ADDED_LATER: Final = frozenset({"stress", "time_power", "teacher", "levels"})

TRANSFORMS: Final = frozenset({"direct", "folded"})
MOST_QUERIES: Final = 64
MOST_ROWS: Final = 1024
FREQUENCY_LIMITS: Final = (0.01, 1e4)  # Hz; a wavelet of less is longer than any segment
HIGHEST_ORDER: Final = 64
WIDEST_LEVEL: Final = 100.0  # decades
LARGEST_POWER: Final = 64.0
LARGEST_WIDENING: Final = 100.0
LARGEST_NUMBER: Final = 1e9  # of what errors are multiplied by or divided by
LARGEST_WHOLE_NUMBER: Final = 1 << 53
LONGEST_LINE: Final = 200
LONGEST_NAME: Final = 255  # bytes of a file's name
SHOWN_CHARACTERS: Final = 60


@dataclass(frozen=True)
class Network:
    """Which network the files hold.

    kind: ``latent`` and ``pixel`` are the published ones, ``autoencoder`` is the first half of the former,
    ``masked`` answers queries.

    latent_scaling: what the latents were multiplied by; 1 where there are none. It is part of the ONNX
    files already.
    """

    kind: str
    latent_scaling: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in FILES_OF_KIND:
            raise ModelFormatError(f"network.kind {_short(self.kind)} is none of {', '.join(FILES_OF_KIND)}")


@dataclass(frozen=True)
class Query:
    """What a masked network is asked: how a clean lead would look in this band.

    Bands are ``(lowest, highest)`` in Hz, both included; (0, 0) has no row. ``reconstruct.py`` says how they are used.

    hidden: the band the network does not see. sigma: how much noise the other rows get, in network units. counted: the
    band whose error counts. one_sided: only what lies above the reconstructed image counts.

    time_power: the error of a lead-segment is the power mean, with this exponent, of the mean squared differences of
    its 16 spans of 0.625 s; above 1 the loudest spans count more. scale: the error, in squared grey levels, that weighs
    ``weight``. power, ceiling: an error t, over ``scale``, counts as ``r = t ** power``,
    or as ``r / (1 + r / ceiling)`` unless the ceiling is 0.
    """

    name: str
    hidden: tuple[float, float]
    sigma: float
    counted: tuple[float, float]
    one_sided: bool
    scale: float
    weight: float
    power: float = 1.0
    ceiling: float = 0.0
    time_power: float = 1.0

    def __post_init__(self) -> None:
        not_below = {name: getattr(self, name) for name in ("sigma", "weight", "ceiling")}
        above = {name: getattr(self, name) for name in ("scale", "power")}
        if min(not_below.values()) < 0 or min(above.values()) <= 0:
            listed = (", ".join(f"{name} {value:g}" for name, value in part.items()) for part in (above, not_below))
            positive, others = listed
            raise ModelFormatError(f"query {_short(self.name)}: {positive} must lie above 0, {others} not below")
        if self.time_power < 1:
            raise ModelFormatError(f"query {_short(self.name)}: time_power {self.time_power:g}: at least 1")
        powers, largest = max(self.power, self.time_power), max(*not_below.values(), self.scale, 1 / self.scale)
        if powers > LARGEST_POWER or largest > LARGEST_NUMBER:
            raise ModelFormatError(
                f"query {_short(self.name)}: powers to {powers:g} and numbers to {largest:g}, "
                f"at most {LARGEST_POWER:g} and {LARGEST_NUMBER:g} can be computed with"
            )


@dataclass(frozen=True)
class Thresholds:
    """Lowest PSNR in dB of each grade; what lies below ``poor`` is ``unusable``. No PSNR lies below 0."""

    good: float
    fair: float
    poor: float

    def __post_init__(self) -> None:
        if not self.good > self.fair > self.poor:
            raise ModelFormatError(
                f"thresholds {self.good:g}, {self.fair:g}, {self.poor:g} dB: good must lie above fair, fair above poor"
            )

    @property
    def bounds(self) -> tuple[float, float, float]:
        """Those of good, fair and poor."""
        return self.good, self.fair, self.poor


PUBLISHED_THRESHOLDS: Final = Thresholds(good=26.0, fair=24.0, poor=0.0)


@dataclass(frozen=True)
class StressStep:
    """How clean leads score with noise added at one SNR, in dB of variances over the lead.

    low, median, high: 16th, 50th and 84th percentile of their PSNR in dB, over leads and kinds of noise.
    """

    snr: float
    low: float
    median: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.median <= self.high:
            raise ModelFormatError(
                f"stress at {self.snr:g} dB: {self.low:g}, {self.median:g}, {self.high:g} dB: low must not lie above "
                "median, nor median above high"
            )


@dataclass(frozen=True)
class LevelModel:
    """How the answers of the level network of a model are read; see :mod:`ecgnoise.models.levels`.

    lowest, highest: the lowest and highest SNR in dB that it can tell. widening: by kind of noise, in the order of
    :data:`ecgnoise.noise_levels.KINDS`, what the interval of the SNR is multiplied by, so that two thirds of leads
    lie in it. caution_db, caution_share: where the interval reaches further below the median than so many dB, the
    estimate lies below the median by this share of the rest; a file may leave them out.
    """

    lowest: float
    highest: float
    widening: tuple[float, ...]
    caution_db: float = 0.0
    caution_share: float = 0.0

    def __post_init__(self) -> None:
        if not self.lowest < self.highest:
            raise ModelFormatError(f"levels: SNR from {self.lowest:g} to {self.highest:g} dB: it must rise")
        if not self.widening or not all(0 < factor <= LARGEST_WIDENING for factor in self.widening):
            raise ModelFormatError(f"levels.widening {self.widening}: numbers above 0, up to {LARGEST_WIDENING:g}")
        if not (self.caution_db >= 0 and 0 <= self.caution_share <= 1):
            raise ModelFormatError(
                f"levels.caution_db {self.caution_db:g}, caution_share {self.caution_share:g}: 0 dB or more, and a "
                "share from 0 to 1"
            )


@dataclass(frozen=True)
class Grading:
    """What a PSNR is graded by; see :class:`ModelDescription`."""

    thresholds: Thresholds
    clean_percentiles: tuple[float, ...] = ()
    stress: tuple[StressStep, ...] = ()


@dataclass(frozen=True)
class Training:
    """What the model has seen.

    data: the recordings trained on, with their licences. commit: of this package. note: anything else. teacher: of a
    student, the model whose answers it learnt; a file may leave it out.
    """

    data: tuple[str, ...] = ()
    commit: str = ""
    note: str = ""
    teacher: str = ""


@dataclass(frozen=True)
class ModelDescription:
    """The whole ``model.toml``.

    sampler: the sampler of a latent or pixel network; None for other kinds. clean_percentiles: percentiles
    0, 1 .. 100 of the PSNR of clean leads in dB, or empty where nobody has measured them. stress: the stress curve,
    SNR rising, or empty where nobody has measured it; a file may leave it out, and ``time_power`` of a query.
    levels: of a model that has a level network. files: SHA-256 of each file, by name.
    """

    name: str
    version: str
    licence: str
    profile: Profile
    network: Network
    thresholds: Thresholds
    training: Training
    sampler: Ddim | Ddpm | None = None
    queries: tuple[Query, ...] = ()
    clean_percentiles: tuple[float, ...] = ()
    stress: tuple[StressStep, ...] = ()
    levels: LevelModel | None = None
    files: dict[str, str] = field(default_factory=dict)

    @property
    def grading(self) -> Grading:
        """What scores are graded by."""
        return Grading(self.thresholds, self.clean_percentiles, self.stress)

    def __post_init__(self) -> None:
        clean = list(self.clean_percentiles)
        if len(clean) not in {0, PERCENTILES} or clean != sorted(clean):
            what = f"give the {PERCENTILES} percentiles 0 to 100, rising, or none"
            raise ModelFormatError(f"clean_percentiles: {len(clean)} values; {what}")
        snr = [step.snr for step in self.stress]
        if len(snr) == 1 or any(after <= before for before, after in pairwise(snr)):
            raise ModelFormatError(f"stress: SNR {snr}: give two or more, rising, or none")
        if self.network.kind == "masked" and not self.queries:
            raise ModelFormatError("queries: a masked network needs at least one")
        if self.network.kind in DIFFUSION_KINDS and self.sampler is None:
            raise ModelFormatError(f"sampler: a {self.network.kind} network needs one")
        if len(self.queries) > MOST_QUERIES:
            raise ModelFormatError(f"queries: {len(self.queries)}, at most {MOST_QUERIES} can be asked")
        for name in self.files:
            if name in NO_FILES or set(name) & set("/\\:") or not _is_line(name, LONGEST_NAME):
                raise ModelFormatError(f"files: {_short(name)} is no plain file name")
        for entry, text in {"name": self.name, "version": self.version, "licence": self.licence}.items():
            if not _is_line(text, LONGEST_LINE):
                raise ModelFormatError(f"{entry}: {_short(text)} is not one line of up to {LONGEST_LINE} letters")


def describe(values: Mapping[str, Any]) -> ModelDescription:
    """The description of a parsed ``model.toml``; ModelFormatError naming the entry at fault."""
    described = _dataclass(ModelDescription, values, "")
    _check_profile(described.profile)
    missing = set(FILES_OF_KIND[described.network.kind]) - set(described.files)
    if missing:
        raise ModelFormatError(f"files: a {described.network.kind} network needs {', '.join(sorted(missing))}")
    if (described.levels is None) == (LEVELS in described.files):
        raise ModelFormatError(f"levels: the entry and the file {LEVELS} go together, and one of them is missing")
    return described


def _check_profile(profile: Profile) -> None:
    """ModelFormatError where a profile has numbers that no image can be drawn with."""
    (low, high), frequencies = profile.level_range, profile.frequencies
    lowest, highest = FREQUENCY_LIMITS
    wrong = {
        "transform": profile.transform not in TRANSFORMS,
        "frequencies": len(frequencies) > MOST_ROWS or frequencies[0] < lowest or frequencies[-1] > highest,
        "orders": not all(1 <= order <= HIGHEST_ORDER for order in profile.orders),
        "level_range": max(abs(low), abs(high)) > WIDEST_LEVEL,
        "floor": not 0 <= profile.floor <= 1,
    }
    for name in (name for name, is_wrong in wrong.items() if is_wrong):
        raise ModelFormatError(f"profile.{name}: {_short(getattr(profile, name))} is outside of what can be drawn")
    if not any(QRS_BAND[0] < frequency < QRS_BAND[1] for frequency in frequencies):
        raise ModelFormatError(f"profile.frequencies: none lies between {QRS_BAND[0]:g} and {QRS_BAND[1]:g} Hz")


def to_plain(description: ModelDescription) -> dict[str, Any]:
    """The description as the mapping that :func:`describe` reads, for a TOML writer."""
    plain = {name: _as_lists(value) for name, value in asdict(description).items() if value is not None}
    if not description.stress:
        del plain["stress"]
    if description.sampler is not None:
        kinds = {sampler: kind for kind, sampler in SAMPLERS.items()}
        plain["sampler"] = {"kind": kinds[type(description.sampler)], **asdict(description.sampler)}
    return plain


def _as_lists(value: object) -> object:
    """The value with lists for tuples, which TOML does not know."""
    if isinstance(value, Mapping):
        return {name: _as_lists(entry) for name, entry in value.items()}
    return [_as_lists(entry) for entry in value] if isinstance(value, list | tuple) else value


def _sampler(values: Any) -> Ddim | Ddpm:
    """The sampler that the entry ``kind`` names."""
    kind = values.get("kind") if isinstance(values, Mapping) else None
    if not isinstance(values, Mapping) or kind not in SAMPLERS:
        raise ModelFormatError(f"sampler.kind {_short(kind)} is none of {', '.join(SAMPLERS)}")
    rest = {name: value for name, value in values.items() if name != "kind"}
    try:
        return _dataclass(SAMPLERS[str(kind)], rest, "sampler")
    except OptionError as error:
        raise ModelFormatError(f"sampler: {error}") from error


def _dataclass(kind: type[EntryT], values: object, where: str) -> EntryT:
    """An entry of its type; ModelFormatError naming the first field that is unknown, missing or of another type."""
    if not isinstance(values, Mapping):
        raise ModelFormatError(f"{where}: {_short(values)} is no table")
    types = get_type_hints(kind)
    optional = {name for name, hint in types.items() if NoneType in get_args(hint)} | ADDED_LATER
    unknown = sorted(set(values) - set(types))
    missing = sorted(set(types) - set(values) - optional)
    if unknown or missing:
        name, what = (unknown[0], "unknown") if unknown else (missing[0], "missing")
        raise ModelFormatError(f"{_below(where, name)} is {what}")
    return kind(**{name: _value(types[name], value, _below(where, name)) for name, value in values.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    """The value as the annotated type; ModelFormatError where it is of another."""
    arguments = get_args(hint)
    if isinstance(hint, UnionType):
        entries = [argument for argument in arguments if argument is not NoneType]
        return _sampler(value) if len(entries) > 1 else _value(entries[0], value, where)
    if isinstance(hint, type) and is_dataclass(hint):
        return _dataclass(hint, value, where)
    if get_origin(hint) is tuple and isinstance(value, list):
        hints = [arguments[0]] * len(value) if Ellipsis in arguments else list(arguments)
        if len(hints) == len(value):
            return tuple(
                _value(*pair, f"{where}[{index}]") for index, pair in enumerate(zip(hints, value, strict=True))
            )
    if get_origin(hint) is dict and isinstance(value, Mapping):
        return {name: _value(arguments[1], entry, _below(where, name)) for name, entry in value.items()}
    if type(value) is int and abs(value) > LARGEST_WHOLE_NUMBER:
        raise ModelFormatError(f"{where}: a number of {len(str(abs(value)))} digits: none is so large")
    if hint is float and type(value) in {int, float} and isfinite(value):
        return float(value)
    if hint in {str, int, bool} and type(value) is hint:
        return value
    raise ModelFormatError(f"{where}: {_short(value)} is not {getattr(hint, '__name__', hint)}")


def _below(where: str, name: str) -> str:
    shown = name if _is_line(name, SHOWN_CHARACTERS) else _short(name)
    return f"{where}.{shown}" if where else shown


def _is_line(text: str, longest: int) -> bool:
    """Whether a text has no control characters and no more bytes than that."""
    return len(text.encode()) <= longest and not any(unicodedata.category(letter) == "Cc" for letter in text)


def _short(value: object) -> str:
    """A value for a message."""
    shown = repr(value)
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS]}..."
