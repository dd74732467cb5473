"""Write docs/benchmarks.md from the figures kept in benchmarks/results: ``python -m benchmarks.report``."""

import json
from pathlib import Path
from typing import Any

from benchmarks import report_pictures, report_quality
from benchmarks.machine import RESULTS
from benchmarks.page import prose
from benchmarks.processors import MEASURES
from benchmarks.rival_table import read_rivals

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

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
    return prose("quality").format(
        model=figures["model"],
        machine=machine_line(figures["machine"]),
        rivals=prose("rivals").format(**rivals["machine"]) if rivals else "",
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
    return prose("speed").format(
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
    return prose("store").format(machine=machine, records=first["records"], jobs=first["jobs"], rows="\n".join(rows))


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
    return prose("pipeline").format(
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
    return prose("live").format(machine=machine, pushes="\n".join(rows), difference=difference, **figures["start"])


def long_recordings(figures: dict[str, Any]) -> str:
    """The section on long recordings."""
    columns = ("format", "hours", "leads", "recording_mb", "wall_s", "ms_a_lead_segment", "peak_mb")
    rows = [f"| {' | '.join(str(run[column]) for column in columns)} |" for run in figures["runs"]]
    machine = machine_line(figures["machine"])
    return prose("long").format(machine=machine, model=figures["model"], rows="\n".join(rows))


def left_out(figures: dict[str, Any]) -> str:
    """The section on kinds of noise that training did not have."""
    rows = []
    for kind, bases in figures["kinds"].items():
        for noise in bases["raw"]:
            values = [bases[base][noise][name] for base in ("raw", "drift_free") for name in ("mae", "spearman")]
            rows.append(f"| {kind} | {noise} | {' | '.join(f'{value:.2f}' for value in values)} |")
    machine = machine_line(figures["machine"])
    return prose("left_out").format(machine=machine, leads=figures["leads"], rows="\n".join(rows))


def archive(figures: dict[str, Any]) -> str:
    """The section on folders of results."""
    return prose("archive").format(**figures | {"machine": machine_line(figures["machine"])})


VIEWER_ROWS = (
    ("size, MB", "{recording_mb}", ""),
    ("reading all of it, s", "{reading_s}", ""),
    ("the first hour, before anything is kept, s", "{first_hour_s}", "5"),
    ("making all scales, s (over reading)", "{making_s} ({making_over_reading})", ""),
    ("opening it with the scales that were kept, s", "{opening_kept_s}", "1"),
    ("then a look at all of it, at an hour, at ten seconds, ms", "{all_ms}, {hour_ms}, {ten_seconds_ms}", "100"),
)


def viewer(figures: dict[str, Any]) -> str:
    """The section on the viewer."""
    formats = figures["formats"]
    said = figures | {"machine": machine_line(figures["machine"]), "formats": " | ".join(formats)}
    rows = ["|---" * (len(formats) + 2) + "|"]
    for words, cell, goal in VIEWER_ROWS:
        cells = " | ".join(cell.format(**measured) for measured in formats.values())
        rows.append(f"| {words} | {cells} | {goal} |")
    return prose("view").format(**said | {"rows": "\n".join(rows)})


def panning(figures: dict[str, Any]) -> str:
    """The section on looking around for a long time."""
    minutes = " | ".join(str(minute) for minute in range(len(figures["server_mb"])))
    rows = [
        f"| {name}, MB | {' | '.join(f'{value:.0f}' for value in figures[key])} |"
        for name, key in (("server", "server_mb"), ("page", "page_mb"))
    ]
    filled = {"columns": minutes, "dashes": "---|" * len(figures["server_mb"]), "rows": "\n".join(rows)}
    return prose("panning").format(**figures | filled | {"machine": machine_line(figures["machine"])})


def processors(figures: dict[str, Any]) -> str:
    """The section on other kinds of processors."""
    rows = []
    for name, entry in figures["processors"].items():
        cells = " | ".join(f"{entry[measure]:g}" for measure in (*MEASURES, "grades"))
        rows.append(f"| {name}, {entry['instructions']} | {cells} |")
    return prose("processors").format(
        machine=machine_line(figures["machine"]),
        lead_segments=figures["lead_segments"],
        columns=" | ".join(MEASURES.values()),
        dashes="---|" * len(MEASURES),
        rows="\n".join(rows),
    )


SECTIONS = {
    "quality": quality,
    "left_out": left_out,
    "speed": speed,
    "stream": live,
    "long": long_recordings,
    "archive": archive,
    "view": viewer,
    "panning": panning,
    "processors": processors,
    "prepare": store,
    "pipeline": pipeline,
}


def page() -> str:
    """The page as the kept figures make it; what was not measured yet has no section."""
    kept = {name: RESULTS / f"{name}.json" for name in SECTIONS}
    sections = [
        SECTIONS[name](json.loads(path.read_text(encoding="utf-8"))) for name, path in kept.items() if path.is_file()
    ]
    return "\n".join([prose("head"), *sections])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    report_pictures.draw(json.loads((RESULTS / "quality.json").read_text(encoding="utf-8")), PAGE.parent / "images")
