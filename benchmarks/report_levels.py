"""The sections of docs/benchmarks.md on noise levels: SNR, kinds, bursts, electrode motion, what nobody can read."""

from collections.abc import Sequence

from benchmarks.page import prose
from benchmarks.quality.kinds import SNRS as KIND_SNRS
from benchmarks.quality.motion import SNRS as MOTION_SNRS
from benchmarks.quality.noises import OF_KIND
from benchmarks.quality.outcomes import ACTIVITIES
from benchmarks.quality.readings import PSNR, SNR
from benchmarks.report_tables import KINDS, OURS, Column, Figures, Scorers, at, scorers_table, table
from ecgnoise.noise_levels import ELECTRODE
from ecgnoise.noise_levels import KINDS as NAMES
from ecgnoise.results.grades import GRADES

IN_DECIBELS = (SNR, "wiener_snr", "ecgdatakit_snr")  # scorers whose score is an SNR
BASES = {"raw": "as they are", "drift_free": "without what is slower than 0.5 Hz"}
WAYS = {
    "mask": "`mask()`",
    "local_snr": "local SNR below {bound:.1f} dB",
    "local_psnr": "local PSNR below {bound:.1f} dB",
    "everything": "all of it",
}
BURST_KINDS = ("em", "ma", "bw", "white")
LIMITS = {"good": "good", "fair": "fair or better", "poor": "poor or better"}


def snr(scorers: Scorers) -> str:
    """How right the SNR is."""
    ours = scorers[OURS]["snr"]
    told = {name: scorers[name] for name in IN_DECIBELS if at(scorers, (name, "snr"))}
    parts = [prose("levels.snr").format(leads=ours["leads"])]
    for base, words in BASES.items():
        parts += [f"Leads {words}:", *filter(None, [_by_kind(scorers, base), _errors(told, base)])]
        text = scorers_table("snr", scorers, _columns(base, "spearman", SPEARMAN_GOALS[base]))
        parts.append(f"Spearman, leads {words}:\n\n{text}")
    text = scorers_table("snr", scorers, _columns("drift_free", "falls", 0.95))
    return "\n\n".join([*parts, f"Falls, leads {BASES['drift_free']}:\n\n{text}"])


SPEARMAN_GOALS = {"raw": 0.90, "drift_free": 0.95}
DECIBELS = (("MAE, dB", "mae", 1), ("bias, dB", "bias", 1), ("r", "r", 2), ("Spearman", "spearman", 2))


def _by_kind(scorers: Scorers, base: str) -> str:
    """Figures of our SNR by kind; nothing where the model tells none."""
    figures = at(scorers, (SNR, "snr", base))
    if figures is None:
        return ""
    columns = [*DECIBELS, ("falls", "falls", 2), ("coverage", "coverage", 2), ("width, dB", "width", 1)]
    rows = [
        [name, *(Column("", (key,), digits=digits).cell(figures[kind]) for _, key, digits in columns)]
        for kind, name in {**KINDS, "all": "all kinds together"}.items()
    ]
    return table("noise", [title for title, _, _ in columns], rows)


def _errors(told: Scorers, base: str) -> str:
    """Mean absolute error by kind of every scorer that tells an SNR."""
    names = {**KINDS, "all": "all"}
    rows = [
        [f"**{name}**" if name == SNR else name, *_maes(parts["snr"][base], list(names))]
        for name, parts in told.items()
    ]
    return f"MAE in dB of what tells an SNR:\n\n{table('scorer', list(names.values()), rows)}" if rows else ""


def _maes(figures: Figures, kinds: Sequence[str]) -> list[str]:
    return [Column("", (kind, "mae"), digits=1, with_interval=False).cell(figures) for kind in kinds]


def _columns(base: str, name: str, goal: float | None) -> list[Column]:
    """A column for each kind of noise."""
    return [Column(title, (base, kind, name), goal, 2, with_interval=False) for kind, title in KINDS.items()]


def kinds(scorers: Scorers) -> str:
    """What the noise is called."""
    ours = scorers[OURS]["kinds"]
    right = [["right, share", *(f"{ours['right'][str(snr)] or 0:.3f}" for snr in (*KIND_SNRS, "all"))]]
    told = []
    for noise, by_snr in ours["told"].items():
        columns = [_percent(by_snr[str(snr)]) for snr in KIND_SNRS]
        told.append(
            [KINDS[noise], *_marked([" / ".join(cells) for cells in zip(*columns, strict=True)], OF_KIND[noise])]
        )
    labelled = [
        [label, str(row.get("good", 0)), *(str(row.get(kind, 0)) for kind in NAMES)]
        for label, row in ours["labelled"].items()
    ]
    return prose("levels.kinds").format(
        leads=ours["leads"],
        by_scorer=table("", [*(f"{snr} dB" for snr in KIND_SNRS), "all"], right),
        kind_snrs=", ".join(map(str, KIND_SNRS)),
        told_of_added=table("added", NAMES, told),
        by_remark=table("remark", ["`good`", *NAMES], labelled),
    )


def _percent(counts: Figures) -> list[str]:
    """Per cent of each kind."""
    total = max(1, sum(counts.values()))
    return [f"{100 * counts.get(kind, 0) / total:.0f}" for kind in NAMES]


def _marked(cells: Sequence[str], truth: str) -> list[str]:
    """Cells of each kind, that of the true one bold."""
    return [f"**{cell}**" if kind == truth else cell for kind, cell in zip(NAMES, cells, strict=True)]


def bursts(scorers: Scorers) -> str:
    """How well marks fit bursts."""
    ours = scorers[OURS]["bursts"]
    rows = [
        [
            words.format(bound=ours[way].get("bound") or float("nan")),
            *(Column("", (kind, "dice"), digits=2).cell(ours[way]) for kind in BURST_KINDS),
        ]
        for way, words in WAYS.items()
        if way in ("mask", "everything") or ours[way].get("bound") is not None
    ]
    for name, parts in scorers.items():
        local = at(parts, ("bursts", "local"))
        if local:
            rows.append(
                [f"{name} below its bound", *(Column("", (k, "dice"), digits=2).cell(local) for k in BURST_KINDS)]
            )
    rows.append(["to reach", *("0.80" for _ in BURST_KINDS)])
    return prose("levels.bursts").format(
        leads=ours["leads"], by_way=table("marked", [KINDS[kind] for kind in BURST_KINDS], rows)
    )


def motion(scorers: Scorers) -> str:
    """Electrode motion on ambulatory ECG."""
    ours = scorers[OURS]["motion"]
    goals = {12: 0.99, 6: 0.998}
    columns = [Column(f"{snr} dB", (str(snr), "auroc"), goals.get(snr), with_interval=False) for snr in MOTION_SNRS]
    rows = [
        [
            snr if snr == "clean" else f"{snr} dB",
            "-" if snr == "clean" else f"{ours[snr]['variance_snr']:.1f}",
            *(f"{100 * entry['grades'][grade]:.0f}" for grade in (*GRADES, "none")),
            *(_marked(_percent(entry["kinds"]), ELECTRODE) if "kinds" in entry else ["-"] * len(NAMES)),
        ]
        for snr, entry in ours["by_snr"].items()
    ]
    gross = ""
    if ours["gross_good"] is not None:
        good, fair = (f"{100 * ours[name]:.1f} %" for name in ("gross_good", "gross_fair_or_good"))
        gross = prose("levels.motion.gross").format(gross=ours["gross"], good=good, fair=fair)
    return prose("levels.motion").format(
        segments=ours["segments"],
        motion=scorers_table("motion", scorers, columns),
        gross=gross,
        by_snr=table("nominal SNR", ("SNR by variance, dB", *GRADES, "no score", *NAMES), rows),
    )


def unreadable(scorers: Scorers) -> str:
    """What nobody could read."""
    ours = scorers[OURS]["unreadable"]
    columns = [Column(group, ("groups", group, "mean_auroc"), with_interval=False) for group in ours["groups"]]
    rows = [["clean leads", "", *_grades(ours["grades"]["clean"]), ""]]
    for group, names in ours["groups"].items():
        entry = ours["grades"][group]
        rows += [
            [group, KINDS.get(name, name.replace("_", " ")), *_grades(entry[name]), ""]
            for name in names
            if name in entry
        ]
        share = entry["fair_or_good"]
        rows.append([group, "**all**", *[""] * (len(GRADES) + 1), "-" if share is None else f"**{100 * share:.1f}**"])
    return prose("levels.unreadable").format(
        leads=ours["leads"],
        by_group=table("group", ("noise", *GRADES, "no score", "good or fair"), rows),
        unreadable=scorers_table("unreadable", scorers, columns),
    )


def _grades(shares: Figures) -> list[str]:
    return [f"{100 * share:.0f}" for share in shares.values()]


def cpsc2019(scorers: Scorers) -> str:
    """Where detectors fail."""
    ours = scorers[OURS]["cpsc2019"]
    names = {"xqrs": "XQRS", "gqrs": "GQRS", "both": "both"}
    columns = [Column(f"{title} fails", (name, "auroc")) for name, title in names.items()]
    columns += [Column(f"Spearman, {title}", (name, "spearman"), digits=2) for name, title in names.items()]
    grades = [f"{grade} {f1:.2f}" for grade, f1 in ours["f1_by_grade"].items() if f1 is not None]
    return prose("levels.cpsc2019").format(
        records=ours["records"],
        xqrs_noisy=ours["xqrs"]["noisy"],
        gqrs_noisy=ours["gqrs"]["noisy"],
        grades=", ".join(grades),
        cpsc2019=scorers_table("cpsc2019", scorers, columns),
    )


def activities(scorers: Scorers) -> str:
    """A person who moves."""
    ours = scorers[OURS]["activities"]
    columns = [Column("Spearman with the order", ("spearman",), digits=2)]
    columns += [Column(f"standing against {name}", (name, "auroc")) for name in ACTIVITIES[1:]]
    rows = [[name, *_grades(shares)] for name, shares in ours["grades"].items()]
    return prose("levels.activities").format(
        leads=ours["leads"],
        activities=scorers_table("activities", scorers, columns),
        by_activity=table("activity", (*GRADES, "no score"), rows),
    )


def by_level(scorers: Scorers) -> str:
    """PTB-XL's labels by the level of the kind; empty where the model tells no levels."""
    figures = at(scorers, (PSNR, "ptbxl", "by_level"))
    if not figures:
        return ""
    words = {
        "static_noise": ("static", "broadband, muscle and mains over the segment", "0.830"),
        "burst_noise": ("burst", "the largest local electrode, spike or muscle", "0.780"),
        "baseline_drift": ("baseline", "baseline wander and electrode over the segment", "0.930"),
    }
    rows = [
        [
            words[label][0],
            words[label][1],
            Column("", ("auroc",)).cell(entry),
            words[label][2],
            *(Column("", (name,), digits=1).cell(entry) for name in ("clean_db", "noisy_db")),
            Column("", ("uv", "auroc")).cell(entry),
            *(Column("", ("uv", name), digits=1).cell(entry) for name in ("clean_uv", "noisy_uv")),
        ]
        for label, entry in figures.items()
    ]
    over_ecg = ("AUROC", "to reach", "median of clean leads, dB", "of labelled leads, dB")
    titles = ("level", *over_ecg, "AUROC, uV", "median of clean leads, uV", "of labelled leads, uV")
    return prose("levels.by_level").format(by_label=table("label", titles, rows))


def limits(grades: Figures) -> list[list[str]]:
    """Rows of sensitivity, specificity and accuracy of each grade as a limit."""
    return [
        [words, *(Column("", (name,)).cell(grades[grade]) for name in ("sensitivity", "specificity", "accuracy"))]
        for grade, words in LIMITS.items()
        if grade in grades
    ]
