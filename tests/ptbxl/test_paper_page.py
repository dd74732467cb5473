"""The figures of the run in docs/paper.md are those that ``ecgnoise ptbxl compare`` wrote."""

import csv
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOISES = ("static_noise", "burst_noise", "baseline_drift")


def test_the_table_is_what_was_compared():
    with (ROOT / "benchmarks/results/study.csv").open(encoding="utf-8", newline="") as lines:
        rows = {(row["file"], row["noise"]): row for row in csv.DictReader(lines)}
    text = (ROOT / "docs/paper.md").read_text(encoding="utf-8")
    written = dict(re.findall(r"^\| `(\w+_ddim-10_t30_\w+\.csv)` \| (.*) \|$", text, re.MULTILINE))
    assert set(written) == {file for file, _ in rows}
    for file, cells in written.items():
        macro, figures = rows[file, "macro"], [rows[file, noise] for noise in NOISES]
        expected = ["{:.3f} ({:.3f} to {:.3f})".format(*(float(macro[key]) for key in ("w1", "w1_low", "w1_high")))]
        expected += [f"{float(row['w1']):.3f}, {float(row['auroc']):.3f}" for row in figures]
        assert cells.split(" | ") == expected
    counts = [rows[file, noise]["noisy"] for file in list(written)[:1] for noise in NOISES]
    sentence = " ".join(text.split())
    assert f"{rows[next(iter(written)), 'macro']['clean']} clean leads of fold 10 against {counts[0]}" in sentence
