"""Score real noise with ecgnoise and its rivals, and keep the figures: ``python -m benchmarks.quality``.

Figures of ecgnoise go to benchmarks/results/quality.json, those of rivals to rivals.csv; python -m benchmarks.report
makes the page of them. Scores are kept in benchmarks/.cache: a run that was interrupted goes on, and another model does
not ask the rivals again. After a change of how ecgnoise scores, pass --fresh.
"""

import argparse
import os
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import rivals
from benchmarks.calibrate import identity
from benchmarks.machine import RESULTS, keep
from benchmarks.quality import (
    bursts,
    challenge,
    kinds,
    local,
    mitdb,
    motion,
    nuisance,
    outcomes,
    ptbxl,
    snr,
    stress,
    unreadable,
)
from benchmarks.quality.part import DEVELOPMENT_FOLD, FULL, QUICK, Plan, Sizes
from benchmarks.quality.readings import LOOKS, PSNR, Ecgnoise
from benchmarks.quality.scorers import (
    CACHE,
    RivalScorer,
    Scored,
    Scorer,
    Store,
    available_rivals,
    local_rivals,
    start_pool,
)
from benchmarks.rival_table import write_rivals
from ecgnoise import Quantifier
from ecgnoise.models.folder import load_folder

PARTS: dict[str, Plan] = {
    "ptbxl": ptbxl.plan,
    "challenge_2011": challenge.plan_2011,
    "challenge_2017": challenge.plan_2017,
    "mitdb": mitdb.plan,
    "stress": stress.plan_development,
    "snr": snr.plan,
    "kinds": kinds.plan,
    "bursts": bursts.plan,
    "motion": motion.plan,
    "unreadable": unreadable.plan,
    "cpsc2019": outcomes.plan_cpsc2019,
    "activities": outcomes.plan_activities,
    "local": local.plan,
    "nuisance": nuisance.plan,
}
# Parts that can be had without a look at a test set.
DEVELOPMENT_PARTS = (
    "stress", "snr", "kinds", "bursts", "motion", "unreadable", "cpsc2019", "activities", "local", "nuisance",
)  # fmt: skip
Figures = dict[str, dict[str, Any]]
HEADLINES = frozenset(
    {"auroc", "macro_w1", "macro_auroc", "mean_auroc", "spearman", "mae", "coverage", "width", "dice", "fair_or_good",
     "gross_fair_or_good", "found", "snr", "below_fair"}
)  # fmt: skip
SLOW = frozenset({"biosppy_bsqi", "biosppy_zz2018_simple", "biosppy_zz2018_fuzzy"})  # 0.1 s a lead each
PARTS_OF_SLOW = frozenset({"ptbxl"})


def run_part(name: str, sizes: Sizes, ours: Ecgnoise, rivals: Sequence[Scorer], store: Store) -> Figures:
    """Figures of one part by scorer; ecgnoise's PSNR comes first, and alone where rivals have no part."""
    part = PARTS[name](sizes)
    figures: Figures = {}
    start = time.perf_counter()
    looks = store.looks(name, ours, part.takes)
    for scored in looks if part.rivals else looks[:1]:
        figures[scored.look] = {**part.figures(scored), **costs(scored)}
    print(f"{name}, ecgnoise: {time.perf_counter() - start:.1f} s", flush=True)
    asked = [scorer for scorer in rivals if scorer.name not in SLOW or (name in PARTS_OF_SLOW and sizes is FULL)]
    for scorer in asked if part.rivals else ():
        if not scorer.gives(part.takes):
            continue
        start = time.perf_counter()
        scored = store.scored(name, scorer, part.takes)
        figures[scorer.name] = {**part.figures(scored), **costs(scored)}
        print(f"{name}, {scorer.name}: {time.perf_counter() - start:.1f} s", flush=True)
    return figures


def costs(scored: Scored) -> dict[str, Any]:
    """How many lead-segments had no score, and what one cost by the clock."""
    return {"missing": round(scored.missing, 4), "ms": round(scored.ms, 2)}


def headline(figures: dict[str, Any], path: str = "") -> list[str]:
    """The main ones among figures, in words."""
    lines = []
    for name, value in figures.items():
        place = f"{path} {name}".strip()
        if isinstance(value, dict):
            lines += headline(value, place)
        elif name in HEADLINES or path.endswith("right"):
            lines.append(f"  {place} {value}")
    return lines


def chosen_rivals(asked: str) -> list[str]:
    """Names of rivals: all, none, or those named."""
    if asked == "none":
        return []
    there = list(available_rivals())
    if asked == "all":
        return there
    names = asked.split(",")
    unknown = [name for name in names if name not in there]
    if unknown:
        raise SystemExit(f"--rivals {', '.join(unknown)}: not among {', '.join(there) or 'none'}")
    return names


def keep_results(figures: dict[str, Figures], identity: str, folder: Path) -> None:
    """Write what ecgnoise did by all its looks to quality.json, and what rivals did, if any, to rivals.csv."""
    looks, rivals = (by_scorer(figures, names) for names in (set(LOOKS) - {PSNR}, asked_beside(figures) - set(LOOKS)))
    own = {name: part[PSNR] for name, part in figures.items()}
    keep("quality", {"model": identity, **own, "looks": looks}, folder)
    if rivals:
        write_rivals(folder, rivals)


def asked_beside(figures: dict[str, Figures]) -> set[str]:
    """The names of all scorers."""
    return {scorer for part in figures.values() for scorer in part}


def by_scorer(figures: dict[str, Figures], names: Collection[str]) -> dict[str, Figures]:
    """The figures of some scorers, by scorer and part."""
    found: dict[str, Figures] = {}
    for name, part in figures.items():
        for scorer, entry in part.items():
            if scorer in names:
                found.setdefault(scorer, {})[name] = entry
    return found


def parse() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="model folder")
    parser.add_argument("--only", choices=PARTS, action="append", help="run this part only and keep nothing")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few recordings, under 5 minutes, without the slowest rivals; keeps nothing",
    )
    parser.add_argument(
        "--development", action="store_true", help="add noise to leads of fold 9 instead of 10; keeps nothing"
    )
    parser.add_argument("--rivals", default="all", metavar="NAMES", help="all (default), none, or names with commas")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes and threads")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="keep the figures here, whatever was run")
    parser.add_argument("--fresh", action="store_true", help="use no scores of earlier runs, and keep none")
    return parser.parse_args()


def main() -> None:
    """Run the parts asked for and keep their figures."""
    arguments = parse()
    names = chosen_rivals(arguments.rivals)
    rivals.prepare(names)
    quantifier = Quantifier(arguments.model, threads=arguments.jobs)
    description = load_folder(arguments.model).description
    store = Store(None if arguments.fresh else CACHE)
    pool = start_pool(arguments.jobs) if names else None
    ours = Ecgnoise(quantifier)
    scorers = [RivalScorer(name, available_rivals()[name], pool, local_rivals().get(name)) for name in names]
    sizes = QUICK if arguments.quick else FULL
    if arguments.development:
        sizes = replace(sizes, fold=DEVELOPMENT_FOLD)
    figures: dict[str, Figures] = {}
    for name in arguments.only or (DEVELOPMENT_PARTS if arguments.development else PARTS):
        figures[name] = run_part(name, sizes, ours, scorers, store)
        print("\n".join(headline(figures[name])), flush=True)
    if pool:
        pool.shutdown()
    partly = arguments.only or arguments.quick or arguments.development
    folder = arguments.results or (None if partly else RESULTS)
    if folder:
        keep_results(figures, identity(description), folder)


if __name__ == "__main__":
    main()
