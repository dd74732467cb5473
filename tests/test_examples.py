"""The examples run, and do what they say."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_mne_annotations(capsys):
    pytest.importorskip("mne")
    example = runpy.run_path(str(EXAMPLES / "mne_annotations.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "BAD_noise" in printed
    raw = example["marked"](example["simulated_raw"]())
    assert set(raw.annotations.ch_names.tolist()) == {("V1",)}
    assert sum(raw.annotations.duration) == 30.0
    assert "\n0 s without annotations" in printed


def test_torch_dataset(capsys):
    pytest.importorskip("torch")
    example = runpy.run_path(str(EXAMPLES / "torch_dataset.py"), run_name="__main__")
    assert capsys.readouterr().out.splitlines() == ["3 of 6 recordings kept", "(2, 2, 2500)", "(1, 2, 2500)"]
    kept = example["CleanRecordings"](example["simulated_recordings"](), usable_share=0.0)
    assert len(kept) == 6
