"""The section on quality of docs/benchmarks.md, and its pictures: from results/quality.json and results/rivals.json.

A table has a row for each scorer, the best first. What was not measured has no row, column or section.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import report_rivals

OURS = "ecgnoise"
Figures = Mapping[str, Any]
Scorers = Mapping[str, Figures]

KINDS = {
    "bw": "baseline wander (bw)",
    "em": "electrode motion (em)",
    "ma": "muscle (ma)",
    "white": "white",
    "mains_50": "mains 50 Hz",
    "mains_60": "mains 60 Hz",
    "electrode_steps": "electrode steps",
    "spikes": "spikes",
}
BEATS = {
    "N": "normal only",
    "V": "ventricular (V)",
    "/": "paced (/)",
    "L": "left bundle branch block (L)",
    "R": "right bundle branch block (R)",
}
NAMED = 5
PICTURES = {"scores": "benchmark-scores.png", "stress": "benchmark-stress.png"}


@dataclass(frozen=True)
class Column:
    """A figure in a table: its heading, where it lies among a part's figures, the value to reach, and digits."""

    title: str
    path: tuple[str, ...]
    goal: float | None = None
    digits: int = 3
    ranked: bool = True
    with_interval: bool = True

    def value(self, figures: Figures) -> float | None:
        """The figure, None where there is none."""
        found = at(figures, self.path)
        return found if isinstance(found, int | float) else None

    def cell(self, figures: Figures) -> str:
        """The figure with its interval, as written."""
        value = self.value(figures)
        if value is None:
            return "-"
        low, high = at(figures, (*self.path[:-1], f"{self.path[-1]}_interval")) or (None, None)
        text = f"{value:.{self.digits}f}"
        if not self.with_interval or low is None or high is None:
            return text
        return f"{text} ({low:.{self.digits}f} to {high:.{self.digits}f})"


def at(figures: Any, path: Sequence[str]) -> Any:
    """What lies at a path of keys, None where nothing does."""
    for key in path:
        if not isinstance(figures, Mapping) or key not in figures:
            return None
        figures = figures[key]
    return figures


def table(heading: str, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join([heading, *titles])} |", "|---" * (len(titles) + 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def scorers_table(part: str, scorers: Scorers, columns: Sequence[Column]) -> str:
    """A row for each scorer, ranked by the first column, the best of each column bold; then who is ahead."""
    there = {name: figures[part] for name, figures in scorers.items() if part in figures}
    shown = [column for column in columns if any(column.value(figures) is not None for figures in there.values())]
    if not shown:
        return ""
    order = sorted(there, key=lambda name: -_rank(shown[0], there[name]))
    best = {column: max(_rank(column, figures) for figures in there.values()) for column in shown}
    rows = [[f"**{name}**" if name == OURS else name, *_cells(shown, there[name], best)] for name in order]
    if any(column.goal is not None for column in shown):
        rows.append(["to reach", *("" if c.goal is None else f"{c.goal:.{c.digits}f}" for c in shown)])
    text = table("scorer", [column.title for column in shown], rows)
    return f"{text}\n\n{ahead(there, shown)}" if len(there) > 1 else text


def _rank(column: Column, figures: Figures) -> float:
    value = column.value(figures)
    return float("-inf") if value is None else value


def _cells(columns: Sequence[Column], figures: Figures, best: Mapping[Column, float]) -> list[str]:
    """The cells of one scorer, the best of a ranked column bold."""
    cells = [column.cell(figures) for column in columns]
    marks = [column.ranked and column.value(figures) == best[column] for column in columns]
    return [f"**{cell}**" if mark else cell for cell, mark in zip(cells, marks, strict=True)]


def ahead(there: Scorers, columns: Sequence[Column]) -> str:
    """Which rivals are ahead of ecgnoise on which ranked columns."""
    remarks = []
    for column in columns:
        ours = column.value(there.get(OURS, {}))
        if not column.ranked or ours is None:
            continue
        names = sorted((n for n in there if _rank(column, there[n]) > ours), key=lambda n: -_rank(column, there[n]))
        found = [f"{name} ({_rank(column, there[name]):.{column.digits}f})" for name in names[:NAMED]]
        if found:
            rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            remarks.append(f"- {column.title}, ecgnoise {ours:.{column.digits}f}: {', '.join(found)}{rest}")
    if not remarks:
        return "No rival is ahead of ecgnoise in this table."
    return "\n".join(["Rivals ahead of ecgnoise ([why](#what-the-rivals-look-at)):", "", *remarks])


def ptbxl(scorers: Scorers) -> str:
    """PTB-XL."""
    names = {"static_noise": ("static", 0.82), "burst_noise": ("burst", 0.80), "baseline_drift": ("baseline", 0.93)}
    aurocs = [Column("AUROC macro", ("macro_auroc",))]
    aurocs += [Column(f"AUROC {name}", (kind, "auroc"), goal) for kind, (name, goal) in names.items()]
    distances = [Column("W1 macro", ("macro_w1",), 1.3)]
    distances += [Column(f"W1 {name}", (kind, "w1")) for kind, (name, _) in names.items()]
    ours = scorers[OURS]["ptbxl"]
    counts = ", ".join(f"{ours[kind]['noisy']} {name}" for kind, (name, _) in names.items())
    return f"""### PTB-XL

The archive notes which leads have static noise, burst noise or baseline drift. Clean leads of fold 10
({ours["static_noise"]["clean"]}) against leads with each remark ({counts}). Macro: mean over the three kinds.

{scorers_table("ptbxl", scorers, aurocs)}

{scorers_table("ptbxl", scorers, distances)}"""


def challenge_2011(scorers: Scorers) -> str:
    """Challenge 2011."""
    ours = scorers[OURS]["challenge_2011"]
    columns = [
        Column("leads", ("leads", "auroc"), 0.99),
        Column("leads, not flat or railed", ("leads_without_faults", "auroc"), 0.975),
        Column("records", ("records", "auroc"), 0.975),
        Column("records, not flat or railed", ("records_without_faults", "auroc")),
    ]
    by_mean = [name for name, parts in scorers.items() if at(parts, ("challenge_2011", "records", "way")) == "mean"]
    ways = f" Here the mean lead, for {', '.join(by_mean)}." if by_mean else ""
    text = f"""### Challenge 2011

12 leads of 10 s from mobile phones; people said which records are acceptable and, for some, which leads are bad (not
counting the three augmented leads, whose order is uncertain): {ours["leads"]["clean"]} good and
{ours["leads"]["noisy"]} bad leads, {ours["records"]["clean"]} acceptable and {ours["records"]["noisy"]} unacceptable
records. AUROC. A record counts with its worst lead; a rival with the better of worst and mean lead.{ways} Flat or
railed (clipped, missing) leads are easy: {ours["bad_leads_with_fault"]} of the bad leads are such, and
{ours["good_leads_with_fault"]} of the good ones.

{scorers_table("challenge_2011", scorers, columns)}"""
    rows = [
        [f"{what}, accepted if {name} or better", *operating_cells(point)]
        for what, grades in ours.get("grades", {}).items()
        for name, point in grades.items()
    ]
    return text + grades_table(rows, "A record is accepted if all its leads are.")


def operating_cells(point: Figures) -> list[str]:
    """Sensitivity, specificity and accuracy, as written."""
    return [Column(name, (name,)).cell(point) for name in ("sensitivity", "specificity", "accuracy")]


def grades_table(rows: Sequence[Sequence[str]], remark: str) -> str:
    """The operating points of ecgnoise's grades, where they were measured."""
    if not rows:
        return ""
    titles = ("sensitivity to noise", "specificity", "accuracy")
    head = f"ecgnoise at its own thresholds, which these recordings did not set. {remark}".rstrip()
    return f"\n\n{head}\n\n{table('grade', titles, rows)}"


def challenge_2017(scorers: Scorers) -> str:
    """Challenge 2017."""
    ours = scorers[OURS]["challenge_2017"]
    columns = [
        Column("AUROC", ("records", "auroc"), 0.965),
        Column("AUPRC", ("records", "auprc")),
        Column("best F1", ("records", "f1"), 0.78),
        *(Column(f"alarms, {label}", ("alarms", label, "share"), ranked=False) for label in ("N", "A", "O")),
    ]
    text = f"""### Challenge 2017

Hand-held recordings of one lead, 9 to 61 s: {ours["records"]["noisy"]} too noisy (`~`) against
{ours["records"]["clean"]} others, by the mean over segments. Alarms: the share of normal records (N), atrial
fibrillation (A) and other rhythms (O) called noisy at the bound with the best F1; an arrhythmia is not noise.

{scorers_table("challenge_2017", scorers, columns)}"""
    rows = [
        [f"accepted if {name} or better", *operating_cells(point)] for name, point in ours.get("grades", {}).items()
    ]
    text += grades_table(rows, "")
    if "unusable" not in ours:
        return text
    labels = {"N": "normal", "A": "atrial fibrillation", "O": "other rhythm", "~": "too noisy"}
    shares = [
        [name, *(Column(what, (what, label, "share")).cell(ours) for what in ("unusable", "poor_or_worse"))]
        for label, name in labels.items()
    ]
    return f"""{text}

Graded by ecgnoise (to reach: atrial fibrillation at most 0.030 above normal):

{table("rhythm", ("unusable", "poor or unusable"), shares)}"""


def mitdb(scorers: Scorers) -> str:
    """MIT-BIH Arrhythmia."""
    ours = scorers[OURS]["mitdb"]
    columns = [
        Column("half marked noisy", ("segments", "auroc"), 0.92),
        Column("any mark", ("any_mark", "auroc")),
        *(Column(f"{kind} against normal", ("beats", kind, "auroc"), ranked=False) for kind in BEATS if kind != "N"),
    ]
    rows = [
        [
            BEATS[kind],
            f"{entry['count']} of {entry['records']}",
            Column("", ("mean",), digits=2).cell(entry),
            Column("", ("poor_or_worse",)).cell(entry),
        ]
        for kind, entry in ours["beats"].items()
    ]
    return f"""### MIT-BIH Arrhythmia

Ambulatory recordings of two leads; `~` annotations mark a lead as noisy from there on. AUROC of 10-s lead-segments of
which at least half is marked ({ours["segments"]["noisy"]}), or any of it ({ours["any_mark"]["noisy"]}), against those
without a mark ({ours["segments"]["clean"]}). The last columns are among clean lead-segments: 0.5 where unusual beats
read like normal ones, more where they read as noise. Few records: the intervals are wide.

{scorers_table("mitdb", scorers, columns)}

Clean lead-segments as ecgnoise scores them, by the beats that they hold:

{table("beats", ("lead-segments of records", "mean score, dB", "poor or unusable"), rows)}"""


def noise_stress(scorers: Scorers) -> str:
    """Noise stress on the test side."""
    ours = scorers[OURS]["noise_stress"]
    snrs = list(ours["bw"]["mean"])
    rows = [
        [
            name,
            *(f"{ours[kind]['mean'][snr]:.1f}" for snr in snrs),
            Column("", ("spearman",)).cell(ours[kind]),
            Column("", ("spearman_within",)).cell(ours[kind]),
            Column("", ("falls",)).cell(ours[kind]),
            Column("", ("half_leave_snr",), digits=1).cell(ours[kind]),
        ]
        for kind, name in KINDS.items()
    ]
    rows.append(["to reach", *("" for _ in snrs), "0.950", "", "0.990", ""])
    titles = (*(f"{snr} dB" for snr in snrs), "Spearman", "within", "falls", "half leave at, dB")
    tables = [
        f"{head}\n\n" + scorers_table("noise_stress", scorers, _by_kind(name, goal))
        for head, name, goal in (
            ("Spearman of score and SNR:", "spearman", 0.95),
            ("Share of lead-segments whose score falls at each step:", "falls", 0.99),
            ("SNR in dB at which half leave the clean range (`-`: they never do):", "half_leave_snr", None),
        )
    ]
    return "\n\n".join(
        [
            f"""### Noise stress

{ours["leads"]} clean leads (PTB-XL fold 10; a third of LUDB, which the bundled model has seen in training) with
noise added: `bw`, `em` and `ma` of the MIT-BIH Noise Stress Test Database, the others simulated. SNR by variance over
the lead. Spearman: of score and SNR, all lead-segments together; *within*: the mean over lead-segments. *Falls*: the
share of lead-segments whose score falls at each step from 24 to -6 dB. *Half leave*: the SNR at which half of the
lead-segments score below what 95 % of the clean ones reach. ecgnoise, mean score in dB ({ours["clean"]:.1f} without
noise):

{table("noise", titles, rows)}""",
            *tables,
        ]
    )


def _by_kind(name: str, goal: float | None) -> list[Column]:
    """A column for each kind of noise."""
    digits = 1 if name == "half_leave_snr" else 2
    ranked = goal is not None  # leaving the clean range early is neither good nor bad in itself
    return [Column(title, (kind, name), goal, digits, ranked, with_interval=False) for kind, title in KINDS.items()]


def development(scorers: Scorers) -> str:
    """Noise stress on the development side."""
    stress = scorers[OURS]["stress"]
    snrs = list(stress["bw"])
    rows = [
        [KINDS[kind], *(f"{stress[kind][snr]:.1f}" for snr in snrs)] for kind in ("bw", "em", "ma") if kind in stress
    ]
    return f"""### Noise stress, development

Mean PSNR in dB of {stress["leads"]} clean leads of PTB-XL fold 9 with noise of the MIT-BIH Noise Stress Test Database
added. SNR by variance over the lead. Without noise: {stress["clean"]} dB.

{table("noise", [f"{snr} dB" for snr in snrs], rows)}"""


def local(scorers: Scorers) -> str:
    """Noise in one part."""
    ours = scorers[OURS]["local"]
    names = {**KINDS, "all": "all"}
    entries = {**ours["kinds"], "all": ours["all"]}
    columns = (("found", 3), ("drop", 1), ("neighbours", 2), ("others", 2))
    rows = [
        [names[kind], *(Column("", (name,), digits=digits).cell(entry) for name, digits in columns)]
        for kind, entry in entries.items()
    ]
    titles = ("worst part is the noisy one", "it falls by, dB", "its neighbours change by, dB", "the others by, dB")
    text = f"""### Local

{ours["leads"]} clean leads of PTB-XL fold 10 with noise at 0 dB in one part of ten (about a second; each part in
turn). Rivals have no local score.

{table("noise", titles, rows)}"""
    if "example" not in ours:
        return text
    example = ours["example"]
    return f"""{text}

The published example, a spike in the seventh of eight parts: {example["spike"]:.1f} dB there, {example["next"]:.1f} dB
in the next lowest, **{example["below"]:.1f} dB** between them (to reach: 5; published weights: 3.4)."""


def nuisance(scorers: Scorers) -> str:
    """What should not change a score."""
    ours = scorers[OURS]["nuisance"]
    rows = [
        [
            name,
            Column("", ("mean",), digits=2).cell(entry),
            Column("", ("p95",), digits=2).cell(entry),
            Column("", ("signed",), digits=2).cell(entry),
        ]
        for name, entry in ours["changes"].items()
    ]
    groups = list(dict.fromkeys(entry["group"] for entry in ours["changes"].values()))
    ranks = {name: largest_changes(parts["nuisance"]) for name, parts in scorers.items() if "nuisance" in parts}
    order = sorted(ranks, key=lambda name: sum(ranks[name].values()))
    theirs = [[f"**{n}**" if n == OURS else n, *(f"{ranks[n][g]:.2f}" for g in groups)] for n in order if ranks[n]]
    return f"""### Nuisance

What should not change a score: {ours["leads"]} clean leads changed (PTB-XL fold 10, LUDB; the shift: MIT-BIH), and
as many simulated ones with unusual beats. ecgnoise, change in dB:

{table("change", ("mean of size", "95th percentile", "mean"), rows)}

The largest mean change of each group, over the standard deviation of the scorer's own scores of those leads as they
are; least first:

{table("scorer", groups, theirs)}"""


def largest_changes(figures: Figures) -> dict[str, float]:
    """The largest mean change of each group of changes, in standard deviations; empty where scores do not vary."""
    spread = figures["clean_sd"]
    groups: dict[str, float] = {}
    for entry in figures["changes"].values():
        if not spread or entry["mean"] is None:
            return {}
        groups[entry["group"]] = max(groups.get(entry["group"], 0.0), entry["mean"] / spread)
    return groups


def costs(scorers: Scorers) -> str:
    """What failed, and what a score costs."""
    parts = {
        "ptbxl": "PTB-XL",
        "challenge_2011": "Challenge 2011",
        "challenge_2017": "Challenge 2017",
        "mitdb": "MIT-BIH",
    }
    times = {name: [p["ms"] for p in figures.values() if "ms" in p] for name, figures in scorers.items()}
    order = sorted((name for name in times if times[name]), key=lambda name: sum(times[name]) / len(times[name]))
    rows = [
        [
            name,
            f"{sum(times[name]) / len(times[name]):.1f}",
            *(Column("", (part, "missing")).cell(scorers[name]) for part in parts),
        ]
        for name in order
    ]
    return f"""### Failures and costs

Milliseconds a lead-segment by the clock on the machine above, all its cores in use, and the share of lead-segments
without a score: faults of ecgnoise, crashes and answers that are no number of rivals. Three rivals of BioSPPy that take
0.1 s a lead are asked about PTB-XL only.

{table("scorer", ("ms", *parts.values()), rows)}"""


SECTIONS = {
    "ptbxl": ptbxl,
    "challenge_2011": challenge_2011,
    "challenge_2017": challenge_2017,
    "mitdb": mitdb,
    "noise_stress": noise_stress,
    "stress": development,
    "local": local,
    "nuisance": nuisance,
}


def sections(figures: Figures, rivals: Figures) -> str:
    """All sections of parts that were measured, in the order of :data:`SECTIONS`."""
    scorers: Scorers = {OURS: figures, **rivals.get("rivals", {})}
    texts = [write(scorers) for part, write in SECTIONS.items() if part in figures]
    if any("ms" in figures[part] for part in SECTIONS if part in figures):
        texts.append(costs(scorers))
    texts.append(report_rivals.section(scorers))
    pictures = [f"![{name}](images/{PICTURES[key]})" for key, name in drawable(figures).items()]
    return "\n\n".join(filter(None, [*pictures, *texts]))


def drawable(figures: Figures) -> dict[str, str]:
    """The pictures that there are figures for, with their titles."""
    found = {}
    if histograms(figures):
        found["scores"] = "Scores of clean and noisy leads"
    if "noise_stress" in figures:
        found["stress"] = "Mean score against SNR"
    return found


def histograms(figures: Figures) -> dict[str, Figures]:
    """The distributions that were kept, by title."""
    places = {
        "PTB-XL, static noise": ("ptbxl", "static_noise"),
        "PTB-XL, burst noise": ("ptbxl", "burst_noise"),
        "PTB-XL, baseline drift": ("ptbxl", "baseline_drift"),
        "Challenge 2011, leads": ("challenge_2011", "leads"),
        "Challenge 2017, records": ("challenge_2017", "records"),
        "MIT-BIH, lead-segments": ("mitdb", "segments"),
    }
    found = {title: at(figures, (*path, "histogram")) for title, path in places.items()}
    return {title: kept for title, kept in found.items() if kept}


def draw(figures: Figures, folder: Path) -> None:
    """Draw the pictures that there are figures for, as PNG. Needs the extra ``plot``."""
    from matplotlib.figure import Figure

    folder.mkdir(exist_ok=True)
    kept = histograms(figures)
    if kept:
        figure = Figure(figsize=(9, 1.9 * -(-len(kept) // 2)), layout="constrained")
        grid = figure.subplots(-(-len(kept) // 2), 2, squeeze=False).ravel()
        for axes, (title, entry) in zip(grid, kept.items(), strict=False):
            for name, colour in (("clean", "tab:blue"), ("noisy", "tab:red")):
                axes.stairs(entry[name], entry["edges"], label=name, color=colour, fill=True, alpha=0.5)
            axes.set_title(title, loc="left", fontsize=9)
            axes.set(yticks=[], xlabel="score, dB")
        grid[0].legend(fontsize=8)
        figure.savefig(folder / PICTURES["scores"], dpi=80, metadata={"Software": None})
    if "noise_stress" in figures:
        stress = figures["noise_stress"]
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        for kind, name in KINDS.items():
            means = stress[kind]["mean"]
            axes.plot([float(snr) for snr in means], list(means.values()), marker="o", markersize=3, label=name)
        axes.axhline(stress["clean"], color="black", linestyle="--", linewidth=0.8, label="without noise")
        axes.set(xlabel="SNR, dB", ylabel="mean score, dB")
        axes.legend(fontsize=7)
        figure.savefig(folder / PICTURES["stress"], dpi=80, metadata={"Software": None})
