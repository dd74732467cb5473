"""``ecgnoise simulate``: a clean or noisy simulated ECG in a file."""

from dataclasses import dataclass
from pathlib import Path

import click

from ecgnoise.cli.options import OptionsCommand, comma_separated


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

    The same options give the same recording.
    """
    from ecgnoise.simulate import STANDARD_LEADS, NoiseKind, add_noise, simulate_ecg
    from ecgnoise.writing import write_recording

    ratios = options.snr or (6.0,)
    if len(ratios) == 1:
        ratios *= len(options.noise)
    if len(ratios) != len(options.noise):
        raise click.UsageError(
            f"{len(ratios)} --snr for {len(options.noise)} --noise: give one for all or one for each"
        )
    recording = simulate_ecg(
        options.duration,
        options.sampling_frequency,
        heart_rate=options.heart_rate,
        seed=options.seed,
        lead_names=options.leads or STANDARD_LEADS,
    )
    for noise, ratio in zip(options.noise, ratios, strict=True):
        kind, _, leads = noise.partition(":")
        if kind not in list(NoiseKind):
            raise click.UsageError(f"--noise {kind!r} is none of {', '.join(NoiseKind)}")
        chosen = leads.split(",") if leads else None
        recording = add_noise(recording, NoiseKind(kind), ratio, seed=options.seed, leads=chosen)
    write_recording(recording, options.out)
    click.echo(f"wrote {options.out}: {len(recording.lead_names)} leads, {recording.duration:g} s")
