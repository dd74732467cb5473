"""Many files: each is scored or says why not, and none disturbs another."""

from pathlib import Path

import numpy as np
import pytest

from ecgnoise.batch.archive import ArchiveOptions
from ecgnoise.batch.files import score_files
from ecgnoise.errors import EcgNoiseError, OptionError, SamplingFrequencyError, UnreadableFileError
from ecgnoise.quantifier import Quantifier
from ecgnoise.readers import ReadOptions, find_recordings, read
from ecgnoise.results.result import Result
from ecgnoise.simulate import simulate_ecg
from ecgnoise.writers import write_recording


@pytest.fixture(scope="module")
def quantifier(tiny_model):
    return Quantifier(tiny_model, threads=1)


@pytest.fixture
def archive(tmp_path):
    """Three recordings in folders, and one damaged file among them."""
    (tmp_path / "deep").mkdir()
    for name, seed in (("a.npz", 1), ("b.npz", 2), ("deep/d.csv", 3)):
        write_recording(simulate_ecg(12, 250, seed=seed, lead_names=["I", "V2"]), tmp_path / name)
    (tmp_path / "c.hea").write_text("c 2 250 3000\nc.dat 16 1000/mV\n")
    return tmp_path


def test_bad_file_is_an_entry_between_the_others(archive, quantifier):
    files = find_recordings([archive])
    scored = list(score_files(files, quantifier))
    assert [entry.path for entry in scored] == files
    assert [isinstance(entry.outcome, Result) for entry in scored] == [True, True, False, True]
    assert isinstance(scored[2].outcome, EcgNoiseError)
    assert "c.hea" in str(scored[2].outcome)


def test_each_is_scored_as_if_alone(archive, quantifier):
    for entry in score_files([archive / "a.npz", archive / "deep" / "d.csv"], quantifier, parts=4):
        alone = quantifier.quantify(read(entry.path), parts=4)
        np.testing.assert_array_equal(entry.outcome.psnr, alone.psnr)
        np.testing.assert_array_equal(entry.outcome.local_psnr, alone.local_psnr)
        assert entry.outcome.source == str(entry.path)


def test_options_reach_the_reader(tmp_path, quantifier):
    np.save(tmp_path / "bare.npy", simulate_ecg(10, 200).signal[:2] * 1e3)
    options = ReadOptions(200.0, "uV", ("left", "right"))
    (entry,) = score_files([tmp_path / "bare.npy"], quantifier, options)
    assert entry.outcome.lead_names == ("left", "right")
    assert (entry.outcome.sampling_frequency, entry.outcome.units) == (200.0, "mV")


def test_files_are_read_when_their_turn_comes(archive, quantifier):
    entries = score_files([archive / "a.npz", archive / "b.npz"], quantifier)
    next(entries)
    (archive / "b.npz").unlink()
    assert isinstance(next(entries).outcome, UnreadableFileError)


def test_progress_rises_to_the_end_of_each_file(archive, tiny_model):
    seen = []
    quantifier = Quantifier(tiny_model, threads=1, batch_size=2)
    files = [archive / "a.npz", archive / "c.hea", archive / "b.npz"]
    list(score_files(files, quantifier, progress=lambda number, share: seen.append(number + share)))
    assert seen == sorted(seen)
    assert {1.0, 2.0, 3.0} <= set(seen)
    assert any(value % 1 for value in seen)


def test_wrong_options_are_refused_before_any_file(archive, quantifier):
    with pytest.raises(SamplingFrequencyError, match="5"):
        ReadOptions(5.0)
    for parts in (0, 257):
        with pytest.raises(OptionError, match=f"parts {parts}: a segment has 1 to 256"):
            next(score_files([archive / "a.npz"], quantifier, parts=parts))
    with pytest.raises(OptionError, match=r"parts 2\.5 is float: pass a whole number"):
        ArchiveOptions(parts=2.5)


def test_threads_are_shared_by_processes_on_the_cpu_alone():
    assert ArchiveOptions(jobs=1000).threads_each == 1
    assert ArchiveOptions(jobs=2, threads=3).threads_each == 3
    assert ArchiveOptions(device="cuda").threads_each is None
    assert ArchiveOptions(device="cuda", threads=4).threads_each == 4


@pytest.mark.parametrize(("suffix", "tolerance"), [(".hea", 6e-4), (".csv", 6e-5), (".npz", 0.0)])
@pytest.mark.parametrize("frequency", [360.0, 500.0])
def test_written_recording_is_read_back(tmp_path: Path, suffix, tolerance, frequency):
    written = simulate_ecg(10, frequency, seed=5, lead_names=["II", "V1", "aVR"])
    write_recording(written, tmp_path / f"record{suffix}")
    back = read(tmp_path / f"record{suffix}")
    assert back.lead_names == written.lead_names
    assert back.sampling_frequency == pytest.approx(frequency, rel=1e-4)
    np.testing.assert_allclose(back.signal, written.signal, atol=tolerance, rtol=0)


@pytest.mark.parametrize("name", ["record.edf", "nowhere/record.csv", "a b.hea", "record"])
def test_what_cannot_be_written_leaves_nothing(tmp_path, name):
    with pytest.raises(EcgNoiseError, match=Path(name).name):
        write_recording(simulate_ecg(10, 100), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_signal_too_large_for_wfdb_is_refused(tmp_path):
    loud = simulate_ecg(10, 100)
    loud = type(loud).from_array(loud.signal * 100, 100, lead_names=loud.lead_names)
    with pytest.raises(EcgNoiseError, match=r"32\.767"):
        write_recording(loud, tmp_path / "loud.hea")
    assert list(tmp_path.iterdir()) == []
