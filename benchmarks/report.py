"""Write docs/benchmarks.md from the figures kept in benchmarks/results: ``python -m benchmarks.report``."""

import json
from pathlib import Path
from typing import Any

from benchmarks import report_pictures, report_quality
from benchmarks.machine import RESULTS
from benchmarks.rival_table import read_rivals

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

HEAD = """# Benchmarks

Written by `python -m benchmarks.report` from what `python -m benchmarks.quality`, `python -m benchmarks.left_out`,
`python -m benchmarks.speed`, `python -m benchmarks.archive`, `python -m benchmarks.view`,
`python -m benchmarks.prepare` and `python -m benchmarks.pipeline` measured; do not edit.
[Contributing](contributing.md) says where the recordings come from.
"""

QUALITY = """## Quality

Model {model}; its stress curve, on which no PSNR depends, is left out of this hash. {machine}

How well a score tells noisy ECG from clean. AUROC is the chance that a clean lead scores higher than a noisy one: 0.5
is guessing, 1 is never wrong. W1 is the Wasserstein-1 distance of clean and noisy scores standardised together, as
published; it is negative where noise scores cleaner, and its ceiling depends on the class sizes. In brackets:
bootstrap 95 % intervals, records being drawn.{rivals}

Nothing in this benchmark trains or tunes anything, and no recording of PTB-XL's test side, of the Challenges or of
MIT-BIH trained the model. But what [the model](model.md) says was chosen in view of these figures was: read them as
figures of development. The recordings are one half of each set's test side. A lead-segment with a fault counts as the
worst score.

{sections}
"""

RIVALS = """

All scorers get the same lead-segments in one run: ecgnoise whole recordings, rivals one lead of 10 s at a time. Where
a rival crashes or gives no number, that counts as its worst score. High is clean for all; the best of a column is
bold."""

SPEED = """## Speed

{machine} Medians of {rounds} rounds. [Performance](performance.md) says how the speed is got.

| a simulated 12-lead record of 10 s at 500 Hz, in memory, model loaded, all in turn in one process | s |
|---|---|
| textbook version of the published pipeline (four evaluations of 33.5 M parameters in torch) | {textbook_s} |
| ecgnoise, default model | {ecgnoise_s} |
| **times faster** (to reach: 100) | **{ratio}** |

The textbook version's levels differ from those of our profile `paper` by {difference:.1g} in the median (log10).

| the same leads in the same run | ms a lead |
|---|---|
{leads}

| whole score of a minute of 12 leads | ms a lead-segment |
|---|---|
{whole}

To reach: 4 ms on two cores, 8 ms on one.

| stage, one thread | ms a lead-segment |
|---|---|
{stages}

To reach: 0.5 ms for superlets, 6 ms for those of profile `paper`. Queries share an answer where they can.

How far the two costly stages are from what one thread of the machine can do: a matrix product in float32 reaches
{product} GFLOP/s, a copy {copy} GB/s. Operations of the network are counted as if in float32; those of its convolutions
are in 8 bit, so a share above 1 is possible.

| | MFLOP | MB | ms | GFLOP/s | GB/s | share of the nearer limit |
|---|---|---|---|---|---|---|
{roofline}

On a GPU, from memory: {device}.

`ecgnoise score` on one WFDB record, from start to exit: {wall_s} s (to reach: 1.2), peak memory {peak_mb:.0f} MB (to
reach: 600).
"""

STORE = """## The store of PTB-XL

{machine} Leads a second of `ecgnoise ptbxl prepare` on {records} records at 500 Hz with {jobs} processes, their start
and reading the files included; other programs may have run beside it.

| profile, type | a core, by the clock | a second of processor time | to reach | all 21,799 records, GB |
|---|---|---|---|---|
{rows}
"""
PIPELINE = """## The published networks

{machine} Torch {torch}. Networks of published size with random weights, in float32 on the processor; a few batches
each.

| training, {batch} leads a step | parameters, M | GFLOP a lead | steps a s | leads a s | GFLOP/s | checkpoint, MB |
|---|---|---|---|---|---|---|
{training}

GFLOP a lead: forward and backward, as torch counts them. A step has optimiser and moving average in it. A checkpoint
has four values a parameter: weight, average, and two of the optimiser.

| evaluating with DDIM in steps of 10, leads a second | {starts} |
|---|{dashes}
{evaluation}

From an image in memory to PSNR, SSIM, MSE and MAE.
"""
LIVE = """## Live samples and starting

{machine} A push of simulated 12-lead ECG at 500 Hz with a hop of 1 s, medians; the same 10 s as a recording in turn.

| threads | push with a hop, ms (to reach: 60) | 95 of 100 below, ms | push without, ms | as a recording, ms | ratio |
|---|---|---|---|---|---|
{pushes}

The scores differ by at most {difference:.1g} dB from those of the recording (to reach: 0.001).

| from start to exit, median | s | to reach |
|---|---|---|
| Python and NumPy alone | {numpy_s} | |
| `import ecgnoise` | {import_s} | 0.25 |
| `ecgnoise score` on one WFDB record of 10 s with 12 leads | {score_s} | 1.2 |
"""
LEFT_OUT = """## Kinds of noise left out of training

{machine} Each row is of a level network that was trained without the kind: MAE in dB and Spearman of its estimated SNR
on {leads} clean leads of PTB-XL fold 10 with noise of that kind at 24 to -6 dB (to reach: 5 dB).

| kind left out | noise | MAE, raw | Spearman, raw | MAE, drift-free | Spearman, drift-free |
|---|---|---|---|---|---|
{rows}
"""
LONG = """## Long recordings

{machine} `ecgnoise score` with a table and the model `{model}` on simulated recordings at 500 Hz, from start to exit.

| format | hours | leads | recording, MB | wall time, s | ms a lead-segment | peak memory, MB (to reach: 600) |
|---|---|---|---|---|---|---|
{rows}
"""
VIEW = """## The viewer

{machine} A simulated WFDB recording of {hours:g} h with {leads} leads at {hertz:g} Hz ({recording_mb} MB): how soon its
samples are there, in columns for the screen.

| | | to reach |
|---|---|---|
| reading all of it, s | {reading_s} | |
| the first hour, before anything is kept, s | {first_hour_s} | 5 |
| making all scales, s (over reading: {making_over_reading}) | {making_s} | |
| opening it with the scales that were kept, s | {opening_kept_s} | 1 |
| then a look at all of it, at an hour, at ten seconds, ms | {all_ms}, {hour_ms}, {ten_seconds_ms} | 100 |
"""
ARCHIVE = """## Folders of results

{machine} One process, {files:,} files of one lead and 10 s at 100 Hz, a network that does nothing; processor time.

| a folder of results | | to reach |
|---|---|---|
| more than reading and scoring the same in a loop, ms a file | {overhead_ms_a_file} | 3 |
| all of it, ms a file | {ms_a_file} | |
| peak memory, MB | {peak_mb} | as with a tenth of the files: {peak_mb_of_a_tenth} |
"""
STORE_GOALS = {"default": 150, "paper": 60}


def machine_line(machine: dict[str, Any]) -> str:
    """Where and when, in a sentence."""
    instructions = f" ({machine['instructions']})" if machine.get("instructions") else ""
    return (
        f"Measured on {machine['date']} on {machine['cores']} cores of {machine['processor']}{instructions}, Python "
        f"{machine['python']}, NumPy {machine['numpy']}, ONNX Runtime {machine['onnxruntime']}."
    )


def quality(figures: dict[str, Any]) -> str:
    """The section on quality."""
    rivals = read_rivals(RESULTS)
    return QUALITY.format(
        model=figures["model"],
        machine=machine_line(figures["machine"]),
        rivals=RIVALS if rivals else "",
        sections=report_quality.sections(figures, rivals),
    )


def two_columns(figures: dict[str, Any]) -> str:
    """A row for each entry."""
    return "\n".join(f"| {name} | {value} |" for name, value in figures.items())


def device_sentence(figures: dict[str, Any] | None) -> str:
    """What a GPU reached, in words."""
    if figures is None:
        return "not measured (to reach on an H200: 50,000 lead-segments a second)"
    return (
        f"{figures['lead_segments_s']:,} lead-segments a second on one {figures['name']} (to reach on an H200: 50,000),"
        f" scores within {figures['largest_difference_db']} dB of the CPU's (to reach: 0.05)"
    )


def speed(figures: dict[str, Any]) -> str:
    """The section on speed."""
    record, program, limits = figures["record"], figures["program"], figures["roofline"]
    rows = {name: entry for name, entry in limits.items() if isinstance(entry, dict)}
    roofline = "\n".join(f"| {name} | {' | '.join(map(str, entry.values()))} |" for name, entry in rows.items())
    return SPEED.format(
        machine=machine_line(figures["machine"]),
        rounds=record["rounds"],
        textbook_s=record["textbook_s"],
        ecgnoise_s=record["ecgnoise_s"],
        ratio=record["ratio"],
        difference=record["median_level_difference"],
        leads=two_columns(record["lead_ms"]),
        whole=two_columns(figures["whole_ms"]),
        stages=two_columns(figures["stages_ms"]),
        product=limits["product_gflop_s"],
        copy=limits["copy_gb_s"],
        roofline=roofline,
        device=device_sentence(figures["device"]),
        wall_s=program["wall_s"],
        peak_mb=program["peak_mb"],
    )


def store(figures: dict[str, Any]) -> str:
    """The section on the store of PTB-XL."""
    kinds = {name: entry for name, entry in figures.items() if name != "machine"}
    first = next(iter(kinds.values()))
    rows = [
        f"| {name} | {entry['leads_per_s_core']:.0f} | {entry['leads_per_processor_s']:.0f} "
        f"| {STORE_GOALS[name.split(',')[0]]} | {entry['all_gb']} |"
        for name, entry in kinds.items()
    ]
    machine = machine_line(figures["machine"])
    return STORE.format(machine=machine, records=first["records"], jobs=first["jobs"], rows="\n".join(rows))


def pipeline(figures: dict[str, Any]) -> str:
    """The section on training and evaluating the published networks."""
    columns = ("parameters_m", "gflop_a_lead", "steps_per_s", "leads_per_s", "gflop_per_s", "checkpoint_mb")
    training = [
        f"| {kind} | {' | '.join(f'{entry[column]:g}' for column in columns)} |"
        for kind, entry in figures["training"].items()
    ]
    starts = [name for name in next(iter(figures["evaluation"].values())) if name != "leads"]
    evaluation = [
        f"| {kind}, {entry['leads']} leads at once | {' | '.join(f'{entry[start]:g}' for start in starts)} |"
        for kind, entry in figures["evaluation"].items()
    ]
    return PIPELINE.format(
        machine=machine_line(figures["machine"]),
        torch=figures["torch"],
        batch=figures["batch"],
        training="\n".join(training),
        starts=" | ".join(f"from t = {start}" for start in starts),
        dashes="---|" * len(starts),
        evaluation="\n".join(evaluation),
    )


def live(figures: dict[str, Any]) -> str:
    """The section on live samples and starting."""
    columns = ("with_hop_ms", "with_hop_p95_ms", "without_hop_ms", "as_recording_ms", "ratio")
    rows = [
        f"| {name} | {' | '.join(f'{entry[key]:g}' for key in columns)} |" for name, entry in figures["push"].items()
    ]
    difference = max(entry["largest_difference_db"] for entry in figures["push"].values())
    machine = machine_line(figures["machine"])
    return LIVE.format(machine=machine, pushes="\n".join(rows), difference=difference, **figures["start"])


def long_recordings(figures: dict[str, Any]) -> str:
    """The section on long recordings."""
    columns = ("format", "hours", "leads", "recording_mb", "wall_s", "ms_a_lead_segment", "peak_mb")
    rows = [f"| {' | '.join(str(run[column]) for column in columns)} |" for run in figures["runs"]]
    machine = machine_line(figures["machine"])
    return LONG.format(machine=machine, model=figures["model"], rows="\n".join(rows))


def left_out(figures: dict[str, Any]) -> str:
    """The section on kinds of noise that training did not have."""
    rows = []
    for kind, bases in figures["kinds"].items():
        for noise in bases["raw"]:
            values = [bases[base][noise][name] for base in ("raw", "drift_free") for name in ("mae", "spearman")]
            rows.append(f"| {kind} | {noise} | {' | '.join(f'{value:.2f}' for value in values)} |")
    machine = machine_line(figures["machine"])
    return LEFT_OUT.format(machine=machine, leads=figures["leads"], rows="\n".join(rows))


def archive(figures: dict[str, Any]) -> str:
    """The section on folders of results."""
    return ARCHIVE.format(**figures | {"machine": machine_line(figures["machine"])})


def viewer(figures: dict[str, Any]) -> str:
    """The section on the viewer."""
    return VIEW.format(**figures | {"machine": machine_line(figures["machine"])})


SECTIONS = {
    "quality": quality,
    "left_out": left_out,
    "speed": speed,
    "stream": live,
    "long": long_recordings,
    "archive": archive,
    "view": viewer,
    "prepare": store,
    "pipeline": pipeline,
}


def page() -> str:
    """The page as the kept figures make it; what was not measured yet has no section."""
    kept = {name: RESULTS / f"{name}.json" for name in SECTIONS}
    sections = [
        SECTIONS[name](json.loads(path.read_text(encoding="utf-8"))) for name, path in kept.items() if path.is_file()
    ]
    return "\n".join([HEAD, *sections])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    report_pictures.draw(json.loads((RESULTS / "quality.json").read_text(encoding="utf-8")), PAGE.parent / "images")
