"""Write docs/benchmarks.md from the figures kept in benchmarks/results: ``python -m benchmarks.report``."""

import json
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
NAMES = {"static_noise": "static noise", "burst_noise": "burst noise", "baseline_drift": "baseline drift"}
STRESS = {"bw": "baseline wander (bw)", "em": "electrode motion (em)", "ma": "muscle (ma)"}

HEAD = """# Benchmarks

Written by `python -m benchmarks.report` from what `python -m benchmarks.quality`, `python -m benchmarks.speed` and
`python -m benchmarks.prepare` measured; do not edit. [Contributing](contributing.md) says where the recordings come
from.
"""

QUALITY = """## Quality

Model {model}. {machine}

Nothing in this benchmark trains or tunes anything, and no recording of the table trained the model. But the weights,
power and ceilings of the model's questions were chosen among about a dozen with these figures in view: read them as
figures of development. The recordings are one half of each set's test side. Clean leads of PTB-XL fold 9, on which
scales and grades were calibrated, appear under noise stress only. A lead-segment with a fault counts as the worst
score. In brackets: bootstrap 95 % intervals.

| test | clean | noisy | W1 | AUROC | to reach |
|---|---|---|---|---|---|
{rows}

W1 is the Wasserstein-1 distance after standardising clean and noisy values together, as published; it is negative
where noise scores cleaner, and its ceiling depends on the class sizes. PTB-XL: clean leads of fold 10, leads with
the label in all folds. Challenge 2011: a record's worst lead; labelled leads without the three augmented ones, whose
order is uncertain; "without faults" leaves out leads that are flat, clipped or missing. Challenge 2017: a record's mean
score, `~` against the rest. {faults}

### Noise stress

Mean PSNR in dB of {leads} clean leads of PTB-XL fold 9 with noise of the MIT-BIH Noise Stress Test Database added. SNR
by variance over the lead. Without noise: {clean} dB.

| noise | {snrs} |
|---|{dashes}
{stress}
"""

SPEED = """## Speed

{machine} Medians of {rounds} rounds; the two pipelines in turn in one process.

| a simulated 12-lead record of 10 s at 500 Hz, model loaded | s |
|---|---|
| textbook version of the published pipeline (four evaluations of 33.5 M parameters in torch) | {textbook_s} |
| ecgnoise, default model | {ecgnoise_s} |
| **times faster** (to reach: 20) | **{ratio}** |

The textbook version's levels differ from those of our profile `paper` by {difference:.1g} in the median (log10).

| ms a lead-segment | |
|---|---|
{stages}

`ecgnoise score` on one WFDB record, from start to exit: {wall_s} s (to reach: 2.5), peak memory {peak_mb:.0f} MB (to
reach: 600).
"""

STORE = """## The store of PTB-XL

{machine} Leads a second of `ecgnoise ptbxl prepare` on {records} records at 500 Hz with {jobs} processes, their start
and reading the files included; other programs may have run beside it.

| profile, type | a core, by the clock | a second of processor time | to reach | all 21,799 records, GB |
|---|---|---|---|---|
{rows}
"""
STORE_GOALS = {"default": 150, "paper": 60}


def row(name: str, figures: dict[str, Any], goal: str = "") -> str:
    """One line of the table of quality."""
    w1, auroc = (
        f"{figures[key]:.3f} ({figures[key + '_interval'][0]:.3f} to {figures[key + '_interval'][1]:.3f})"
        for key in ("w1", "auroc")
    )
    return f"| {name} | {figures['clean']} | {figures['noisy']} | {w1} | {auroc} | {goal} |"


def machine_line(machine: dict[str, Any]) -> str:
    """Where and when, in a sentence."""
    return (
        f"Measured on {machine['date']} on {machine['cores']} cores of {machine['processor']}, Python "
        f"{machine['python']}, NumPy {machine['numpy']}, ONNX Runtime {machine['onnxruntime']}."
    )


def quality(figures: dict[str, Any]) -> str:
    """The section on quality."""
    ptbxl, first, stress = figures["ptbxl"], figures["challenge_2011"], figures["stress"]
    rows = [row(f"PTB-XL, {name}", ptbxl[kind]) for kind, name in NAMES.items()]
    rows.append(f"| PTB-XL, macro average | | | {ptbxl['macro_w1']:.3f} | | W1 0.80 |")
    rows.append(row("Challenge 2011, records", first["records"], "AUROC 0.94"))
    rows.append(row("Challenge 2011, leads", first["leads"]))
    rows.append(row("Challenge 2011, leads without faults", first["leads_without_faults"]))
    rows.append(row("Challenge 2017, records", figures["challenge_2017"]["records"], "AUROC 0.92"))
    snrs = list(stress["bw"])
    lines = [f"| {name} | {' | '.join(f'{stress[kind][snr]:.1f}' for snr in snrs)} |" for kind, name in STRESS.items()]
    faults = (
        f"Of the labelled leads of Challenge 2011, {first['bad_leads_with_fault']} bad ones and "
        f"{first['good_leads_with_fault']} good ones have a fault."
    )
    return QUALITY.format(
        model=figures["model"],
        machine=machine_line(figures["machine"]),
        rows="\n".join(rows),
        faults=faults,
        leads=stress["leads"],
        clean=stress["clean"],
        snrs=" | ".join(f"{snr} dB" for snr in snrs),
        dashes="---|" * len(snrs),
        stress="\n".join(lines),
    )


def speed(figures: dict[str, Any]) -> str:
    """The section on speed."""
    record, program = figures["record"], figures["program"]
    stages = "\n".join(f"| {name} | {value} |" for name, value in figures["stages_ms"].items())
    return SPEED.format(
        machine=machine_line(figures["machine"]),
        rounds=record["rounds"],
        textbook_s=record["textbook_s"],
        ecgnoise_s=record["ecgnoise_s"],
        ratio=record["ratio"],
        difference=record["median_level_difference"],
        stages=stages,
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


def page() -> str:
    """The page as the kept figures make it."""
    sections = [
        write(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))
        for name, write in (("quality", quality), ("speed", speed), ("prepare", store))
    ]
    return "\n".join([HEAD, *sections])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
