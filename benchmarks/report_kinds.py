"""The section on kinds of noise of docs/benchmarks.md: from results/noise_kind.json."""

from collections.abc import Mapping
from typing import Any

from benchmarks.noise_kind import OF_RECORDED, OF_SIMULATED, SNRS
from ecgnoise.levels import KINDS

SECTION = """## Kinds of noise

Model {model}. {machine} What `ecgnoise` calls the noise of {leads} clean leads with one kind of noise added at
{snrs} dB, and how often that is right, every kind counting the same. `*`: recorded noise of the Noise Stress Test
Database; the other kinds are simulated.

| right, share | {heads} | all |
|---|{dashes}---|
{right}

To reach: 0.85 at each.

{tables}

Of the leads of PTB-XL fold 10 with one remark on noise, what is told of those that are not `good`:

| remark | `good` | {kinds} |
|---|---|{kind_dashes}
{labelled}
"""
SETS = {
    "development": "PTB-XL fold 9 with simulated noise and the first half of the recordings of noise, to which what "
    "tells the kind was fitted",
    "test": "PTB-XL fold 10 and LUDB with simulated noise of other seeds and the second half of the recordings",
}


def section(figures: Mapping[str, Any], machine: str) -> str:
    """The whole section."""
    right = [
        f"| {text} | " + " | ".join(f"{figures[name]['right'][key]:.3f}" for key in (*map(str, SNRS), "all")) + " |"
        for name, text in SETS.items()
    ]
    labelled = [
        f"| {label} | {row.get('good', 0)} | " + " | ".join(str(row.get(kind, 0)) for kind in KINDS) + " |"
        for label, row in figures["labelled"].items()
    ]
    return SECTION.format(
        model=figures["model"],
        machine=machine,
        leads=figures["leads"],
        snrs=", ".join(map(str, SNRS)),
        heads=" | ".join(f"{snr} dB" for snr in SNRS),
        dashes="---|" * len(SNRS),
        right="\n".join(right),
        tables="\n\n".join(table(figures[name]["told"], text) for name, text in SETS.items()),
        kinds=" | ".join(KINDS),
        kind_dashes="---|" * len(KINDS),
        labelled="\n".join(labelled),
    )


def table(told: Mapping[str, Mapping[str, Mapping[str, int]]], text: str) -> str:
    """Percent of the leads with each noise, at all SNR together, by the kind that is told of them; bold is right."""
    truth = OF_SIMULATED | OF_RECORDED
    lines = [f"{text}, percent:", "", f"| added | {' | '.join(KINDS)} |", "|---" * (len(KINDS) + 1) + "|"]
    for added, by_snr in told.items():
        counts = {kind: sum(row.get(kind, 0) for row in by_snr.values()) for kind in KINDS}
        total = sum(counts.values())
        cells = [f"{100 * count / total:.0f}" for count in counts.values()]
        marked = [f"**{cell}**" if kind == truth[added] else cell for kind, cell in zip(KINDS, cells, strict=True)]
        lines.append(f"| {added}{'*' * (added in OF_RECORDED)} | {' | '.join(marked)} |")
    return "\n".join(lines)
