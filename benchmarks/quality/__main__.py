"""Score real noise with ecgnoise and its rivals, and keep the figures: ``python -m benchmarks.quality``.

Figures of ecgnoise go to benchmarks/results/quality.json, those of rivals to rivals.json; python -m benchmarks.report
makes the page of them. Scores are kept in benchmarks/.cache: a run that was interrupted goes on, and another model does
not ask the rivals again. After a change of how ecgnoise scores, pass --fresh.
"""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import rivals
from benchmarks.calibrate import identity
from benchmarks.machine import RESULTS, keep
from benchmarks.quality import challenge, local, mitdb, nuisance, ptbxl, stress
from benchmarks.quality.part import FULL, QUICK, Plan, Sizes
from benchmarks.quality.scorers import (
    CACHE,
    Ecgnoise,
    RivalScorer,
    Scored,
    Scorer,
    Store,
    available_rivals,
    start_pool,
)
from ecgnoise import Quantifier
from ecgnoise.models.folder import load_folder

PARTS: dict[str, Plan] = {
    "ptbxl": ptbxl.plan,
    "challenge_2011": challenge.plan_2011,
    "challenge_2017": challenge.plan_2017,
    "mitdb": mitdb.plan,
    "stress": stress.plan_development,
    "noise_stress": stress.plan,
    "local": local.plan,
    "nuisance": nuisance.plan,
}
Figures = dict[str, dict[str, Any]]
SLOW = frozenset({"biosppy_bsqi", "biosppy_zz2018_simple", "biosppy_zz2018_fuzzy"})  # 0.1 s a lead each
PARTS_OF_SLOW = frozenset({"ptbxl"})


def run_part(name: str, sizes: Sizes, scorers: Sequence[Scorer], store: Store) -> Figures:
    """Figures of one part by scorer; ecgnoise comes first, and alone where rivals have no part."""
    part = PARTS[name](sizes)
    figures: Figures = {}
    asked = [scorer for scorer in scorers if scorer.name not in SLOW or (name in PARTS_OF_SLOW and sizes is not QUICK)]
    for scorer in asked if part.rivals else scorers[:1]:
        start = time.perf_counter()
        scored = store.scored(name, scorer, part.takes)
        middle = time.perf_counter()
        figures[scorer.name] = {**part.figures(scored), **costs(scored)}
        seconds = time.perf_counter() - middle
        print(f"{name}, {scorer.name}: scores {middle - start:.1f} s, figures {seconds:.1f} s", flush=True)
    return figures


def costs(scored: Scored) -> dict[str, Any]:
    """How many lead-segments had no score, and what one cost by the clock."""
    return {"missing": round(scored.missing, 4), "ms": round(scored.ms, 2)}


def headline(figures: dict[str, Any], path: str = "") -> list[str]:
    """Every AUROC and macro average among figures, in words."""
    lines = []
    for name, value in figures.items():
        place = f"{path} {name}".strip()
        if isinstance(value, dict):
            lines += headline(value, place)
        elif name in {"auroc", "macro_w1", "macro_auroc", "spearman", "found", "below"}:
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
    """Write what ecgnoise did to quality.json, and what the rivals did, where any were asked, to rivals.json."""
    keep("quality", {"model": identity, **{name: part["ecgnoise"] for name, part in figures.items()}}, folder)
    names = {scorer: None for part in figures.values() for scorer in part if scorer != "ecgnoise"}
    if names:
        parts = {scorer: {name: part[scorer] for name, part in figures.items() if scorer in part} for scorer in names}
        keep("rivals", {"rivals": parts}, folder)


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
    scorers: list[Scorer] = [Ecgnoise(quantifier, description.thresholds)]
    scorers += [RivalScorer(name, available_rivals()[name], pool) for name in names]
    sizes = QUICK if arguments.quick else FULL
    figures: dict[str, Figures] = {}
    for name in arguments.only or PARTS:
        figures[name] = run_part(name, sizes, scorers, store)
        print("\n".join(headline(figures[name])), flush=True)
    if pool:
        pool.shutdown()
    folder = arguments.results or (None if arguments.only or arguments.quick else RESULTS)
    if folder:
        keep_results(figures, identity(description), folder)


if __name__ == "__main__":
    main()
