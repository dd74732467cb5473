"""``ecgnoise simulate``: a clean or noisy simulated ECG in a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ecgnoise.cli.options import OptionsCommand, comma_separated

if TYPE_CHECKING:
    from ecgnoise.long_simulation import AddedNoise

ALL_LEADS: Final = 12


@dataclass(frozen=True)
class SimulateOptions:
    """The options of ``ecgnoise simulate``; its help says what they are."""

    out: Path
    duration: float
    sampling_frequency: float
    heart_rate: float
    seed: int
    leads: tuple[str, ...] | None
    noise: tuple[str, ...]
    snr: tuple[float, ...]


@click.command(cls=OptionsCommand, short_help="Write a simulated ECG.")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--duration", type=float, default=10.0, show_default=True, metavar="S", help="Length in seconds.")
@click.option("--sampling-frequency", type=float, default=500.0, show_default=True, metavar="HZ", help="In Hz.")
@click.option("--heart-rate", type=float, default=60.0, show_default=True, metavar="BPM", help="Beats a minute.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of beats and noise.")
@click.option("--leads", callback=comma_separated, metavar="I,II,V5", help="Leads  [default: all twelve]")
@click.option(
    "--noise",
    multiple=True,
    metavar="KIND[:LEAD,...]",
    help="baseline_wander, muscle, mains_50, mains_60, electrode_steps, motion_bursts or white, in all leads or in "
    "those named. May be given several times.",
)
@click.option(
    "--snr",
    multiple=True,
    type=float,
    metavar="DB",
    help="Signal-to-noise ratio in dB: once for all kinds of noise, or once for each in turn  [default: 6]",
)
def simulate(options: SimulateOptions) -> None:
    """Write a simulated ECG to OUT: .hea (WFDB, with its .dat), .csv or .npz.

    The same options give the same recording. More than ten minutes are made and written in stretches of ten minutes.
    """
    from ecgnoise.long_simulation import is_long

    added = _noises(options)
    if is_long(options.duration):
        _write_long(options, added)
    else:
        _write(options, added)
    leads = len(options.leads) if options.leads else ALL_LEADS
    click.echo(f"wrote {options.out}: {leads} leads, {options.duration:.12g} s")


def _noises(options: SimulateOptions) -> "list[AddedNoise]":
    """What is to be added; UsageError for an unknown kind, or another number of ratios."""
    from ecgnoise.long_simulation import AddedNoise
    from ecgnoise.simulate import NoiseKind

    ratios = options.snr or (6.0,)
    if len(ratios) == 1:
        ratios *= len(options.noise)
    if len(ratios) != len(options.noise):
        raise click.UsageError(
            f"{len(ratios)} --snr for {len(options.noise)} --noise: give one for all or one for each"
        )
    added = []
    for noise, ratio in zip(options.noise, ratios, strict=True):
        kind, _, leads = noise.partition(":")
        if kind not in list(NoiseKind):
            raise click.UsageError(f"--noise {kind!r} is none of {', '.join(NoiseKind)}")
        added.append(AddedNoise(NoiseKind(kind), ratio, tuple(leads.split(",")) if leads else None))
    return added


def _write(options: SimulateOptions, added: "list[AddedNoise]") -> None:
    """Make a recording at once, and write it."""
    from ecgnoise.simulate import STANDARD_LEADS, add_noise, simulate_ecg
    from ecgnoise.writers import write_recording

    recording = simulate_ecg(
        options.duration,
        options.sampling_frequency,
        heart_rate=options.heart_rate,
        seed=options.seed,
        lead_names=options.leads or STANDARD_LEADS,
    )
    for noise in added:
        recording = add_noise(recording, noise.kind, noise.snr_db, seed=options.seed, leads=noise.leads)
    write_recording(recording, options.out)


def _write_long(options: SimulateOptions, added: "list[AddedNoise]") -> None:
    """Write a recording stretch by stretch."""
    from ecgnoise.cli.progress import Bar
    from ecgnoise.long_simulation import LongEcg, write_long
    from ecgnoise.simulate import STANDARD_LEADS

    ecg = LongEcg(
        options.duration,
        options.sampling_frequency,
        options.heart_rate,
        options.seed,
        options.leads or STANDARD_LEADS,
        tuple(added),
    )
    with terminable(), Bar(1.0) as bar:
        write_long(ecg, options.out, lambda done, total: bar.show(done / total, f"{done / total * ecg.duration:.0f} s"))


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM stops the work as Ctrl-C does, so that nothing is left behind."""
    import signal

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
