"""The section on quality of docs/benchmarks.md: from results/quality.json and results/rivals.csv.

What was not measured has no section.
"""

from benchmarks import report_goals, report_levels, report_rivals
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
    return f"""### PTB-XL

The archive notes which leads have static noise, burst noise or baseline drift. Clean leads of fold 10
({ours["static_noise"]["clean"]}) against leads with each remark ({counts}). Macro: mean over the three kinds.

{scorers_table("ptbxl", scorers, aurocs)}

{scorers_table("ptbxl", scorers, distances)}

{report_levels.by_level(scorers)}""".rstrip()


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
    return f"""### Challenge 2011

12 leads of 10 s from mobile phones; people said which records are acceptable and, for some, which leads are bad (not
counting the three augmented leads, whose order is uncertain): {ours["leads"]["clean"]} good and
{ours["leads"]["noisy"]} bad leads, {ours["records"]["clean"]} acceptable and {ours["records"]["noisy"]} unacceptable
records. AUROC. A record counts with its worst lead; a rival with the better of worst and mean lead.{ways} Flat or
railed (clipped, missing) leads are easy: {ours["bad_leads_with_fault"]} of the bad leads are such, and
{ours["good_leads_with_fault"]} of the good ones.

{scorers_table("challenge_2011", scorers, columns)}"""


def challenge_2017(scorers: Scorers) -> str:
    """Challenge 2017."""
    ours = scorers[OURS]["challenge_2017"]
    columns = [
        Column("AUROC", ("records", "auroc"), 0.965),
        Column("AUPRC", ("records", "auprc")),
        Column("best F1", ("records", "f1"), 0.84),
        *(Column(f"alarms, {label}", ("alarms", label, "share"), ranked=False) for label in ("N", "A", "O")),
    ]
    text = f"""### Challenge 2017

Hand-held recordings of one lead, 9 to 61 s: {ours["records"]["noisy"]} too noisy (`~`) against
{ours["records"]["clean"]} others, by the mean over segments. Alarms: the share of normal records (N), atrial
fibrillation (A) and other rhythms (O) called noisy at the bound with the best F1; an arrhythmia is not noise.

{scorers_table("challenge_2017", scorers, columns)}"""
    if "unusable" not in ours:
        return text
    labels = {"N": "normal", "A": "atrial fibrillation", "O": "other rhythm", "~": "too noisy"}
    shares = [
        [name, *(Column(what, (what, label, "share")).cell(ours) for what in ("unusable", "poor_or_worse"))]
        for label, name in labels.items()
    ]
    return f"""{text}

Graded by ecgnoise for half of the time or more (to reach: of the too noisy at least 0.75, of the normal at most 0.05
poor or unusable):

{table("rhythm", ("unusable", "poor or unusable"), shares)}"""


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
    return f"""### MIT-BIH Arrhythmia

Ambulatory recordings of two leads; `~` annotations mark a lead as noisy from there on. AUROC of 10-s lead-segments of
which at least half is marked ({ours["segments"]["noisy"]}), or any of it ({ours["any_mark"]["noisy"]}), against those
without a mark ({ours["segments"]["clean"]}). The last columns are among clean lead-segments: 0.5 where unusual beats
read like normal ones, more where they read as noise. Few records: the intervals are wide.

{scorers_table("mitdb", scorers, columns)}

Clean lead-segments as ecgnoise scores them, by the beats that they hold:

{table("beats", ("lead-segments of records", "mean score, dB", "poor or unusable"), rows)}"""


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
    text = f"""### Local

{ours["leads"]} clean leads of PTB-XL fold 10 with noise at 0 dB in one part of ten (about a second; each part in
turn): the local PSNR, and last the span with the lowest local SNR. Rivals have no local score.

{table("noise", titles, rows)}"""
    if "example" not in ours:
        return text
    example = ours["example"]
    return f"""{text}

The published example, a spike in the seventh of eight parts: {example["spike"]:.1f} dB there, {example["next"]:.1f} dB
in the next lowest, **{example["below"]:.1f} dB** between them (to reach: 5; published weights: 3.4)."""


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
    return f"""### Nuisance

What should not change a score: {ours["leads"]} clean leads changed (PTB-XL fold 10; the shift: MIT-BIH), and as many
simulated ones with unusual beats; the last rows are noise, which should. ecgnoise, change in dB of the score and of the
estimated SNR, beside that of the true SNR where it is known (the simulated leads keep their noise when their beats
change), and the share of leads below `fair` (to reach: no clean one, and beyond the true change each costs less than
noise of 24 dB):

{table("change", NUISANCE_TITLES, rows)}

The largest mean change of each group, over the standard deviation of the scorer's own scores of those leads as they
are; least first:

{table("scorer", groups, theirs)}"""


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
    return f"""### Failures and costs

Milliseconds a lead-segment by the clock on the machine above, all its cores in use, and the share of lead-segments
without a score: faults of ecgnoise, crashes and answers that are no number of rivals. Three rivals of BioSPPy that take
0.1 s a lead are asked about PTB-XL only.

{table("scorer", ("ms", *parts.values()), rows)}"""


def grades(scorers: Scorers) -> str:
    """What each grade keeps out and lets through, on every labelled set; empty where none was measured."""
    ours = scorers[OURS]
    rows = [[title, *row] for title, path in GRADED.items() for row in report_levels.limits(at(ours, path) or {})]
    if not rows:
        return ""
    return f"""### Grades

ecgnoise at its own limits, which none of these recordings set: the share of what people called noisy that is not
accepted (sensitivity), and of what they called clean that is (specificity). A record of twelve leads is accepted if all
its leads are; one of several segments if they are for more than half of the time.

{table("set", ("accepted if", "sensitivity", "specificity", "accuracy"), rows)}"""


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
