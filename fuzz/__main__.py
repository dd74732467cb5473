"""``python -m fuzz``: read mutants of every format, and report what a reader must never do."""

import argparse
import importlib
import multiprocessing
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fuzz.child import READ, REFUSED, make_mutant, outcome, work
from fuzz.samples import Sample, samples

MUTATIONS: Final = 2000
SECONDS_EACH: Final = 10.0
PACKAGES: Final = (
    "ecgdatakit.parsing.parsers", "edfio", "h5py", "pyarrow.feather", "pyarrow.parquet", "pydicom", "scipy.io", "wfdb",
)  # fmt: skip
SHOWN: Final = 3  # seeds of one finding


@dataclass(frozen=True)
class Finding:
    """What a mutant did that a reader must never do; the seed makes the mutant again."""

    format: str
    seed: str
    what: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz the formats asked for; the exit code is 1 where something was found."""
    asked = make_parser().parse_args(arguments)
    import_readers()
    with tempfile.TemporaryDirectory() as folder:
        known = samples(Path(folder))
        if asked.again:
            return _again(known, asked.again, asked.keep)
        names = asked.format or list(dict.fromkeys(sample.format for sample in known))
        counts: Counter[str] = Counter()
        findings = [
            finding for name in names for finding in fuzz_format(name, known, asked.mutations, asked.seed, counts)
        ]
    _report(findings)
    print(f"{counts[READ]} mutants read, {counts[REFUSED]} refused, {len(findings)} findings")
    return 1 if findings else 0


def make_parser() -> argparse.ArgumentParser:
    """The options of the program."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument(
        "--mutations", type=int, default=MUTATIONS, help="mutants of each format (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other mutants (default: %(default)s)")
    parser.add_argument("--format", action="append", help="only this format; may be given several times")
    parser.add_argument("--again", metavar="SEED", help="make the mutant of a finding again, and show how it is read")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="with --again: where the mutant is kept")
    return parser


def import_readers() -> None:
    """Load what readers load when they need it, once, before the children are forked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in PACKAGES:
            importlib.import_module(name)


def fuzz_format(
    name: str, known: Sequence[Sample], mutations: int, seed: int, counts: Counter[str]
) -> Iterator[Finding]:
    """The findings of one format; counts: how many mutants were read and refused."""
    chosen = [sample for sample in known if sample.format == name]
    if not chosen:
        raise SystemExit(f"no format {name}: pass one of {', '.join(dict.fromkeys(s.format for s in known))}")
    others = [sample.main.read_bytes() for sample in known]
    before, found = counts.total(), 0
    for place, sample in enumerate(chosen):
        share = mutations // len(chosen) + (place < mutations % len(chosen))
        seeds = [f"{name}/{sample.main.name}/{seed}/{number}" for number in range(share)]
        for at, what in read_mutants(sample, others, seeds):
            if what in {READ, REFUSED}:
                counts[what] += 1
                continue
            found += 1
            yield Finding(name, at, what)
    print(f"{name}: {counts.total() - before + found} mutants, {found} findings", flush=True)


def read_mutants(sample: Sample, others: Sequence[bytes], seeds: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What came of each mutant; a child that dies or hangs is the outcome of its mutant, and another goes on."""
    context = multiprocessing.get_context("fork")
    waiting = list(seeds)
    while waiting:
        mine, its = context.Pipe(duplex=False)
        child = context.Process(target=work, args=(its, sample, others, waiting), daemon=True)
        child.start()
        its.close()
        begun: str | None = None
        what = ""
        try:
            while mine.poll(SECONDS_EACH):
                at, came = mine.recv()
                begun = at
                if came is not None:
                    yield at, came
                    waiting.remove(at)
                    begun = None
            what = f"ran for more than {SECONDS_EACH:g} s"
        except EOFError:
            child.join()
            what = f"the process died ({child.exitcode})"
        child.kill()
        child.join()
        mine.close()
        if waiting:
            killer = begun or waiting[0]
            yield killer, what
            waiting.remove(killer)


def _again(known: Sequence[Sample], seed: str, keep: Path | None) -> int:
    """Make one mutant again and say what comes of it."""
    name, file, _, _ = seed.split("/")
    sample = next(one for one in known if (one.format, one.main.name) == (name, file))
    others = [one.main.read_bytes() for one in known]
    with tempfile.TemporaryDirectory() as folder:
        place = keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        made = make_mutant(sample, others, seed, place)
        print(f"{made}: {outcome(made, sample.options)}")
    return 0


def _report(findings: Sequence[Finding]) -> None:
    """The findings of each kind, with some seeds of each."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        kinds.setdefault((finding.format, finding.what), []).append(finding.seed)
    for (name, what), seeds in kinds.items():
        print(f"{name}: {what}: {len(seeds)} times; --again {' '.join(seeds[:SHOWN])}")


if __name__ == "__main__":
    sys.exit(main())
