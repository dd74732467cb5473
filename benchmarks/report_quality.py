"""The section on quality of docs/benchmarks.md: from results/quality.json and results/rivals.csv.

What was not measured has no section.
"""

from benchmarks import report_goals, report_levels, report_rivals
from benchmarks.page import prose
from benchmarks.quality.readings import LOOKS
from benchmarks.report_pictures import PICTURES, drawable
from benchmarks.report_tables import KINDS, OURS, Column, Figures, Scorers, at, scorers_table, table

BEATS = {
    "N": "normal only",
    "V": "ventricular (V)",
    "/": "paced (/)",
    "L": "left bundle branch block (L)",
    "R": "right bundle branch block (R)",
}


def ptbxl(scorers: Scorers) -> str:
    """PTB-XL."""
    names = {"static_noise": ("static", 0.82), "burst_noise": ("burst", 0.80), "baseline_drift": ("baseline", 0.93)}
    aurocs = [Column("AUROC macro", ("macro_auroc",))]
    aurocs += [Column(f"AUROC {name}", (kind, "auroc"), goal) for kind, (name, goal) in names.items()]
    distances = [Column("W1 macro", ("macro_w1",), 1.15)]
    distances += [Column(f"W1 {name}", (kind, "w1")) for kind, (name, _) in names.items()]
    ours = scorers[OURS]["ptbxl"]
    counts = ", ".join(f"{ours[kind]['noisy']} {name}" for kind, (name, _) in names.items())
    return (
        prose("quality.ptbxl")
        .format(
            clean=ours["static_noise"]["clean"],
            counts=counts,
            aurocs=scorers_table("ptbxl", scorers, aurocs),
            distances=scorers_table("ptbxl", scorers, distances),
            by_level=report_levels.by_level(scorers),
        )
        .rstrip()
    )


def challenge_2011(scorers: Scorers) -> str:
    """Challenge 2011."""
    ours = scorers[OURS]["challenge_2011"]
    columns = [
        Column("leads", ("leads", "auroc"), 0.99),
        Column("leads, not flat or railed", ("leads_without_faults", "auroc"), 0.975),
        Column("records", ("records", "auroc"), 0.97),
        Column("records, not flat or railed", ("records_without_faults", "auroc")),
    ]
    by_mean = [name for name, parts in scorers.items() if at(parts, ("challenge_2011", "records", "way")) == "mean"]
    ways = f" Here the mean lead, for {', '.join(by_mean)}." if by_mean else ""
    return prose("quality.challenge_2011").format(
        leads_clean=ours["leads"]["clean"],
        leads_noisy=ours["leads"]["noisy"],
        records_clean=ours["records"]["clean"],
        records_noisy=ours["records"]["noisy"],
        ways=ways,
        bad_leads_with_fault=ours["bad_leads_with_fault"],
        good_leads_with_fault=ours["good_leads_with_fault"],
        challenge_2011=scorers_table("challenge_2011", scorers, columns),
    )


def challenge_2017(scorers: Scorers) -> str:
    """Challenge 2017."""
    ours = scorers[OURS]["challenge_2017"]
    columns = [
        Column("AUROC", ("records", "auroc"), 0.965),
        Column("AUPRC", ("records", "auprc")),
        Column("best F1", ("records", "f1"), 0.84),
        *(Column(f"alarms, {label}", ("alarms", label, "share"), ranked=False) for label in ("N", "A", "O")),
    ]
    text = prose("quality.challenge_2017").format(
        records_noisy=ours["records"]["noisy"],
        records_clean=ours["records"]["clean"],
        challenge_2017=scorers_table("challenge_2017", scorers, columns),
    )
    if "unusable" not in ours:
        return text
    labels = {"N": "normal", "A": "atrial fibrillation", "O": "other rhythm", "~": "too noisy"}
    shares = [
        [name, *(Column(what, (what, label, "share")).cell(ours) for what in ("unusable", "poor_or_worse"))]
        for label, name in labels.items()
    ]
    return prose("quality.challenge_2017.grades").format(
        text=text, by_rhythm=table("rhythm", ("unusable", "poor or unusable"), shares)
    )


def mitdb(scorers: Scorers) -> str:
    """MIT-BIH Arrhythmia."""
    ours = scorers[OURS]["mitdb"]
    columns = [
        Column("half marked noisy", ("segments", "auroc"), 0.95),
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
    return prose("quality.mitdb").format(
        segments_noisy=ours["segments"]["noisy"],
        any_mark_noisy=ours["any_mark"]["noisy"],
        segments_clean=ours["segments"]["clean"],
        mitdb=scorers_table("mitdb", scorers, columns),
        by_beats=table("beats", ("lead-segments of records", "mean score, dB", "poor or unusable"), rows),
    )


def development(scorers: Scorers) -> str:
    """Noise stress on the development side."""
    stress = scorers[OURS]["stress"]
    snrs = list(stress["bw"])
    rows = [
        [KINDS[kind], *(f"{stress[kind][snr]:.1f}" for snr in snrs)] for kind in ("bw", "em", "ma") if kind in stress
    ]
    return prose("quality.development").format(
        stress_leads=stress["leads"],
        stress_clean=stress["clean"],
        by_noise=table("noise", [f"{snr} dB" for snr in snrs], rows),
    )


def local(scorers: Scorers) -> str:
    """Noise in one part."""
    ours = scorers[OURS]["local"]
    names = {**KINDS, "all": "all"}
    entries = {**ours["kinds"], "all": ours["all"]}
    columns = (("found", 3), ("drop", 1), ("neighbours", 2), ("others", 2), ("found_by_span", 3))
    rows = [
        [names[kind], *(Column("", (name,), digits=digits).cell(entry) for name, digits in columns)]
        for kind, entry in entries.items()
    ]
    titles = (
        "worst part is the noisy one",
        "it falls by, dB",
        "its neighbours change by, dB",
        "the others by, dB",
        "worst span is in it",
    )
    text = prose("quality.local").format(leads=ours["leads"], noise=table("noise", titles, rows))
    if "example" not in ours:
        return text
    example = ours["example"]
    return prose("quality.local.example").format(
        text=text, example_spike=example["spike"], example_next=example["next"], example_below=example["below"]
    )


NUISANCE_TITLES = (
    "mean of size",
    "95th percentile",
    "mean",
    "SNR, mean",
    "true SNR, mean",
    "below fair before",
    "below fair after",
)


def nuisance(scorers: Scorers) -> str:
    """What should not change a score."""
    ours = scorers[OURS]["nuisance"]
    rows = [
        [
            name,
            Column("", ("mean",), digits=2).cell(entry),
            Column("", ("p95",), digits=2).cell(entry),
            Column("", ("signed",), digits=2).cell(entry),
            Column("", ("snr",), digits=1).cell(entry),
            Column("", ("snr_true",), digits=1).cell(entry),
            Column("", ("below_fair_before",)).cell(entry),
            Column("", ("below_fair",)).cell(entry),
        ]
        for name, entry in ours["changes"].items()
    ]
    groups = list(dict.fromkeys(entry["group"] for entry in ours["changes"].values() if entry["group"] != "noise"))
    ranks = {name: largest_changes(parts["nuisance"]) for name, parts in scorers.items() if "nuisance" in parts}
    order = sorted(ranks, key=lambda name: sum(ranks[name].values()))
    theirs = [[f"**{n}**" if n in LOOKS else n, *(f"{ranks[n][g]:.2f}" for g in groups)] for n in order if ranks[n]]
    return prose("quality.nuisance").format(
        leads=ours["leads"],
        by_change=table("change", NUISANCE_TITLES, rows),
        largest_by_scorer=table("scorer", groups, theirs),
    )


def largest_changes(figures: Figures) -> dict[str, float]:
    """The largest mean change of each group but noise, in standard deviations; empty where scores do not vary."""
    spread = figures["clean_sd"]
    groups: dict[str, float] = {}
    for entry in figures["changes"].values():
        if entry["group"] == "noise":
            continue
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
    looks = set(LOOKS) - {OURS}  # of one and the same scoring
    counted = {name: figures for name, figures in scorers.items() if name not in looks}
    times = {name: [p["ms"] for p in figures.values() if "ms" in p] for name, figures in counted.items()}
    order = sorted((name for name in times if times[name]), key=lambda name: sum(times[name]) / len(times[name]))
    rows = [
        [
            name,
            f"{sum(times[name]) / len(times[name]):.1f}",
            *(Column("", (part, "missing")).cell(scorers[name]) for part in parts),
        ]
        for name in order
    ]
    return prose("quality.costs").format(by_scorer=table("scorer", ("ms", *parts.values()), rows))


def grades(scorers: Scorers) -> str:
    """What each grade keeps out and lets through, on every labelled set; empty where none was measured."""
    ours = scorers[OURS]
    rows = [[title, *row] for title, path in GRADED.items() for row in report_levels.limits(at(ours, path) or {})]
    if not rows:
        return ""
    return prose("quality.grades").format(
        by_set=table("set", ("accepted if", "sensitivity", "specificity", "accuracy"), rows)
    )


GRADED = {
    "PTB-XL, static noise": ("ptbxl", "static_noise", "grades"),
    "PTB-XL, burst noise": ("ptbxl", "burst_noise", "grades"),
    "PTB-XL, baseline drift": ("ptbxl", "baseline_drift", "grades"),
    "Challenge 2011, leads": ("challenge_2011", "grades", "leads"),
    "Challenge 2011, leads not flat or railed": ("challenge_2011", "grades", "leads_without_faults"),
    "Challenge 2011, records": ("challenge_2011", "grades", "records"),
    "Challenge 2017, records": ("challenge_2017", "grades"),
    "MIT-BIH, half marked": ("mitdb", "grades"),
}
SECTIONS = {
    "ptbxl": ptbxl,
    "challenge_2011": challenge_2011,
    "challenge_2017": challenge_2017,
    "mitdb": mitdb,
    "snr": report_levels.snr,
    "kinds": report_levels.kinds,
    "bursts": report_levels.bursts,
    "motion": report_levels.motion,
    "unreadable": report_levels.unreadable,
    "cpsc2019": report_levels.cpsc2019,
    "activities": report_levels.activities,
    "stress": development,
    "local": local,
    "nuisance": nuisance,
}


def sections(figures: Figures, rivals: Figures) -> str:
    """All sections of parts that were measured, in the order of :data:`SECTIONS`."""
    scorers: Scorers = {OURS: figures, **figures.get("looks", {}), **rivals.get("rivals", {})}
    texts = [write(scorers) for part, write in SECTIONS.items() if part in figures]
    texts.append(grades(scorers))
    if any("ms" in figures[part] for part in SECTIONS if part in figures):
        texts.append(costs(scorers))
    texts.append(report_rivals.section(scorers))
    pictures = [f"![{name}](images/{PICTURES[key]})" for key, name in drawable(figures).items()]
    return "\n\n".join(filter(None, [report_goals.section(scorers), *pictures, *texts]))
