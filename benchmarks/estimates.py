"""Other ways to tell the SNR from what the model says: ``python -m benchmarks.estimates``.

Clean leads of PTB-XL fold 9, a development fold, get the noise of ``benchmarks.quality`` at known SNR, with the first
half of the recorded noise. Of one half of the leads it is learnt which PSNR an SNR has; with the other half all
estimates are measured. The table goes to docs/model.md. Needs ``ECGNOISE_DATA`` with ``ptb-xl`` and ``nstdb``.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.machine import between
from benchmarks.quality.figures import Array, fall_share
from benchmarks.quality.noises import KINDS as NOISES
from benchmarks.quality.part import DEVELOPMENT_FOLD, FULL, QUICK
from benchmarks.quality.readings import Ecgnoise
from benchmarks.quality.snr import BASES, absolute_error, correlation, mixtures, rank_correlation
from benchmarks.quality.stress import SNRS, clean_leads, clean_records
from ecgnoise import Quantifier
from ecgnoise.models.folder import load_folder, write_folder
from ecgnoise.noise_levels import KINDS

PAGE = Path(__file__).parents[1] / "docs" / "model.md"
BEGIN, END = "<!-- written by benchmarks.estimates -->\n", "<!-- end -->"
WANDER_ALLOWED = 6.0  # dB: by how much a clean lead's own wander may lie below the noise that is told


class Said(NamedTuple):
    """What the model says of leads at each SNR, in dB.

    snr, low: the median and the lower end of its interval, (leads, SNRs). noise: the level of each kind, (leads, SNRs,
    kinds). psnr: (leads, SNRs).
    """

    snr: Array
    low: Array
    noise: Array
    psnr: Array

    def half(self, first: int) -> "Said":
        """Every other lead, from the first or the second on."""
        return Said(*(values[first::2] for values in self))


class Curve(NamedTuple):
    """The median PSNR of leads at each SNR, rising."""

    psnr: Array
    snr: Array


def of_levels(said: Said) -> Array:
    """The SNR of the sum of the levels of all kinds."""
    return np.asarray(-10 * np.log10((10 ** (said.noise / 10)).sum(axis=-1)))


def of_psnr(said: Said, curve: Curve) -> Array:
    """The SNR at which clean leads have this PSNR in the median."""
    return np.asarray(np.interp(said.psnr, curve.psnr, curve.snr))


def cautious(said: Said, beyond: float, share: float) -> Array:
    """The median, less a share of what the interval reaches further below it than so many dB."""
    return said.snr - share * np.maximum(0.0, said.snr - said.low - beyond)


def nearer_to_levels(said: Said, beyond: float) -> Array:
    """Half way from the median to the sum of the levels, of what is more than so many dB between them."""
    return said.snr - np.maximum(0.0, said.snr - of_levels(said) - beyond) / 2


def of_wander(said: Said) -> Array:
    """The network's SNR, no higher than the wander allows."""
    return np.minimum(said.snr, WANDER_ALLOWED - said.noise[..., KINDS.index("baseline_wander")])


ESTIMATES: dict[str, Callable[[Said, Curve], Array]] = {
    "the network's median": lambda said, curve: said.snr,
    "the sum of the kinds' levels": lambda said, curve: of_levels(said),
    "the SNR at which clean leads have this PSNR": of_psnr,
    "the mean of the first two": lambda said, curve: (said.snr + of_levels(said)) / 2,
    "the mean of the first and the third": lambda said, curve: (said.snr + of_psnr(said, curve)) / 2,
    "the lower of the first two": lambda said, curve: np.minimum(said.snr, of_levels(said)),
    "half way to the second where it is 4 dB lower": lambda said, curve: nearer_to_levels(said, 4.0),
    "half way to the second where it is 8 dB lower": lambda said, curve: nearer_to_levels(said, 8.0),
    "the first, at most 6 dB above what wander alone gives": lambda said, curve: of_wander(said),
    "the lower end of the interval": lambda said, curve: said.low,
    "0.5 of what the interval reaches beyond 4 dB below": lambda said, curve: cautious(said, 4.0, 0.5),
    "0.7 beyond 5 dB: ships": lambda said, curve: cautious(said, 5.0, 0.7),
    "0.8 beyond 4 dB": lambda said, curve: cautious(said, 4.0, 0.8),
    "all beyond 6 dB": lambda said, curve: cautious(said, 6.0, 1.0),
}
HEAD = ("estimate", "MAE, dB", "r", "least Spearman", "least falls")


@contextmanager
def plain(model: str) -> Iterator[Path]:
    """A copy of a model whose estimate is the network's median."""
    with tempfile.TemporaryDirectory() as folder:
        found = load_folder(model)
        description = found.description
        if description.levels is None:
            raise SystemExit(f"{model}: has no level network")
        files = {name: found.file(name).read_bytes() for name in description.files}
        levels = replace(description.levels, caution_share=0.0)
        yield write_folder(Path(folder) / "plain", replace(description, levels=levels), files).path


def asked(ours: Ecgnoise, leads: Array) -> dict[str, Said]:
    """What the model says of leads with each kind of noise at each SNR."""
    said = {}
    for noise in NOISES:
        readings = list(ours.readings(mixtures(leads, [noise], replace(FULL, fold=DEVELOPMENT_FOLD).noise_part)))
        columns = [(one.snr[:, 0, 0], one.snr[:, 0, 1], one.noise[:, 0], one.psnr[:, 0]) for one in readings]
        said[noise] = Said(*(np.stack(values, axis=1) for values in zip(*columns, strict=True)))
    return said


def curve_of(said: Mapping[str, Said]) -> Curve:
    """Which PSNR an SNR has, over all kinds of noise."""
    medians = np.median(np.concatenate([one.psnr for one in said.values()]), axis=0)[::-1]
    return Curve(np.maximum.accumulate(medians), np.array(SNRS[::-1], np.float64))


def measured(said: Mapping[str, Said]) -> dict[str, tuple[float, ...]]:
    """MAE, r, least Spearman and least share of falls of each estimate, by the figures of :data:`HEAD`."""
    curve = curve_of({noise: one.half(0) for noise, one in said.items()})
    figures = {}
    for name, estimate in ESTIMATES.items():
        of_kinds = [estimate(one.half(1), curve) for one in said.values()]
        together = np.concatenate(of_kinds)
        ranks, falls = ([measure(scores) for scores in of_kinds] for measure in (rank_correlation, fall_share))
        figures[name] = (absolute_error(together), correlation(together), min(ranks), min(falls))
    return figures


def table(figures: Mapping[str, Mapping[str, tuple[float, ...]]]) -> str:
    """A row for each estimate, with its figures on both bases."""
    titles = [HEAD[0], *(f"{base.replace('_', '-')}: {word}" for base in figures for word in HEAD[1:])]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for name in ESTIMATES:
        cells = [f"{mae:.2f} | {r:.3f} | {rank:.3f} | {falls:.2f}" for mae, r, rank, falls in
                 (figures[base][name] for base in figures)]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few leads; writes nothing")
    parser.add_argument("--model", default="default", help="the model's folder; writes nothing for another one")
    arguments = parser.parse_args()
    count = QUICK.snr if arguments.quick else 2 * FULL.snr
    _, leads = clean_leads(clean_records(DEVELOPMENT_FOLD), count)
    with plain(arguments.model) as folder:
        ours = Ecgnoise(Quantifier(folder))
        figures: dict[str, Any] = {base: measured(asked(ours, change(leads))) for base, change in BASES.items()}
    rows = table(figures)
    print(rows)
    if not arguments.quick and arguments.model == "default":
        PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), BEGIN, END, rows), encoding="utf-8")


if __name__ == "__main__":
    main()
