"""Profile: everything that turns a signal into an image.

level
    log10 of superlet power, in mV^2, or relative to the QRS level of the same lead-segment where the profile is
    relative.
image
    levels clipped to ``level_range`` and mapped linearly to 0..255; (rows, columns), row 0 the highest frequency.
QRS level
    how strong the lead's own beats are: the 90th percentile over time of the maximum over 5-25 Hz, a level in mV^2.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, TypeVar

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ecgnoise.errors import ModelFormatError

ArrayT = TypeVar("ArrayT", bound=Any)
Images = NDArray[np.float32]

SEGMENT_SECONDS: Final = 10.0
COLUMNS: Final = 256
WHITE: Final = 255.0

QRS_BAND: Final = (5.0, 25.0)
QRS_PERCENTILE: Final = 0.90
# QRS levels in log10 mV^2. Clean leads lie between -3.3 and 0.9; R peaks of about 60 uV to 12 mV have these:
PLAUSIBLE_QRS_LEVELS: Final = (-3.6, 1.0)
# Beyond these, of R peaks of about 16 uV and 80 mV, lie clean leads in a unit that is wrong by a factor of 1000, and
# hardly any lead that is off or full of noise.
POSSIBLE_QRS_LEVELS: Final = (-4.8, 2.6)


@dataclass(frozen=True)
class Profile:
    """How a lead-segment becomes an image. Stored with the model, written into every result.

    frequencies: Hz, ascending. orders: the superlet order of each frequency, that is wavelets of 1 .. order cycles.
    transform: ``"direct"`` convolves as the published program does, ``"folded"`` is the fast one (``superlet.py``).
    level_range: the levels that become 0 and 255.
    relative: levels are taken against the lead-segment's own QRS level, so that gain falls out.
    floor: power, relative to the QRS level, that is added before the logarithm (0: none). It hides the texture of
    silence, which no model can predict.
    discretize: images are rounded to whole grey levels, as published.
    """

    name: str
    frequencies: tuple[float, ...]
    orders: tuple[int, ...]
    transform: str
    level_range: tuple[float, float]
    relative: bool
    floor: float
    discretize: bool

    def __post_init__(self) -> None:
        low, high = self.level_range
        ascending = bool(np.all(np.diff(self.frequencies) > 0)) and len(self.frequencies) > 1
        if not ascending or self.frequencies[0] <= 0 or len(self.orders) != len(self.frequencies) or low >= high:
            raise ModelFormatError(
                f"profile {self.name!r}: frequencies must rise from above 0 Hz, with one order each, and level_range "
                f"must rise: {len(self.frequencies)} frequencies, {len(self.orders)} orders, level_range {low}, {high}"
            )

    @property
    def rows(self) -> int:
        """Number of image rows."""
        return len(self.frequencies)

    def to_dict(self) -> dict[str, Any]:
        """The profile as plain values, for ``model.toml``."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Profile":
        """The profile of a ``model.toml``; ModelFormatError for a key that is missing or unknown."""
        expected = {field.name for field in fields(cls)}
        if set(values) != expected:
            wrong = ", ".join(sorted(set(values) ^ expected))
            raise ModelFormatError(f"profile: missing or unknown entries: {wrong}")
        frequencies = tuple(float(value) for value in values["frequencies"])
        orders = tuple(int(value) for value in values["orders"])
        low, high = values["level_range"]
        rest = {key: values[key] for key in ("name", "transform", "relative", "floor", "discretize")}
        return cls(frequencies=frequencies, orders=orders, level_range=(float(low), float(high)), **rest)


def _published_orders(frequencies: NDArray[np.float64], highest: int) -> tuple[int, ...]:
    """Orders 1 .. highest, linear in frequency (Han et al., arXiv 2506.11815)."""
    span = frequencies[-1] - frequencies[0]
    return tuple(int(order) for order in np.round(1 + (highest - 1) * (frequencies - frequencies[0]) / span))


def _logarithmic_orders(frequencies: NDArray[np.float64], highest: int) -> tuple[int, ...]:
    """Orders 1 .. highest, linear in the logarithm of frequency."""
    octaves = np.log(frequencies / frequencies[0])
    return tuple(int(order) for order in np.round(1 + (highest - 1) * octaves / octaves[-1]))


_LINEAR = np.linspace(0.5, 40.0, 32)
_WIDE = np.round(np.geomspace(0.2, 150.0, 40), 6)

PAPER: Final = Profile(
    name="paper",
    frequencies=tuple(float(f) for f in _LINEAR),
    orders=_published_orders(_LINEAR, 16),
    transform="direct",
    level_range=(-8.0, 0.0),
    relative=False,
    floor=0.0,
    discretize=True,
)

DEFAULT: Final = Profile(
    name="default",
    frequencies=tuple(float(f) for f in _WIDE),
    orders=_logarithmic_orders(_WIDE, 6),
    transform="folded",
    level_range=(-4.0, 1.2),
    relative=True,
    floor=1e-4,
    discretize=False,
)

PROFILES: Final = {profile.name: profile for profile in (PAPER, DEFAULT)}


def qrs_level(levels: ArrayT, profile: Profile) -> ArrayT:
    """QRS level of each lead-segment, (n,), from levels (n, frequencies, columns) in mV^2, lowest frequency first."""
    xp = array_namespace(levels)
    low, high = QRS_BAND
    rows = [row for row, frequency in enumerate(profile.frequencies) if low < frequency < high]
    strongest = xp.sort(xp.max(levels[:, rows[0] : rows[-1] + 1, :], axis=1), axis=1)
    position = QRS_PERCENTILE * (strongest.shape[1] - 1)
    below = int(position)
    weight = position - below
    return strongest[:, below] * (1 - weight) + strongest[:, below + 1] * weight


def within(reference: ArrayT, limits: tuple[float, float]) -> ArrayT:
    """Whether each QRS level in log10 mV^2, (n,), lies within limits such as :data:`PLAUSIBLE_QRS_LEVELS`."""
    low, high = limits
    return (reference >= low) & (reference <= high)


def relative_levels(levels: ArrayT, reference: ArrayT, floor: float) -> ArrayT:
    """Levels relative to the QRS level (n,), power smoothed 1-2-1 over columns, plus the floor."""
    xp = array_namespace(levels)
    power = 10.0 ** xp.clip(levels - reference[:, None, None], -12.0, 6.0)
    padded = xp.concat([power[..., :1], power, power[..., -1:]], axis=-1)
    smooth = 0.25 * padded[..., :-2] + 0.5 * padded[..., 1:-1] + 0.25 * padded[..., 2:]
    return xp.log10(smooth + floor)


def to_image(levels: ArrayT, profile: Profile) -> ArrayT:
    """Images (n, rows, columns) in 0..255, row 0 the highest frequency, of final levels, lowest frequency first."""
    xp = array_namespace(levels)
    low, high = profile.level_range
    grey = (xp.clip(levels, low, high) - low) / (high - low) * WHITE
    image = xp.flip(grey, axis=1)
    return xp.round(image) if profile.discretize else image


def level_images(levels: ArrayT, reference: ArrayT, profile: Profile) -> ArrayT:
    """Images (n, rows, columns) in 0..255 of levels as the transform gives them, (n, frequencies, columns).

    reference: QRS level, (n,), of use where the profile is relative; 0 for levels that already are.
    """
    return to_image(relative_levels(levels, reference, profile.floor) if profile.relative else levels, profile)


def to_levels(images: ArrayT, profile: Profile) -> ArrayT:
    """Levels, lowest frequency first, of images in 0..255: the inverse of :func:`to_image` within the level range."""
    xp = array_namespace(images)
    low, high = profile.level_range
    return xp.flip(images, axis=1) / WHITE * (high - low) + low


def to_network(images: ArrayT) -> ArrayT:
    """Network input in [-1, 1] of images in 0..255."""
    return images / 127.5 - 1.0


def from_network(values: ArrayT, profile: Profile) -> ArrayT:
    """Images in 0..255 of network output; whole grey levels where the profile says so, rounded as published."""
    xp = array_namespace(values)
    shift = 0.5 if profile.discretize else 0.0
    grey = xp.clip((values + 1.0) * 127.5 + shift, 0.0, WHITE)
    return xp.floor(grey) if profile.discretize else grey


def valid_rows(profile: Profile, sampling_frequency: float) -> NDArray[np.bool_]:
    """Which image rows a recording at this rate can hold, (rows,), row 0 the highest frequency: up to 0.4 of the rate.

    A profile that is not relative keeps all rows, as published.
    """
    valid = np.asarray(profile.frequencies) <= 0.4 * sampling_frequency
    return np.asarray(valid[::-1] if profile.relative else np.ones_like(valid))
