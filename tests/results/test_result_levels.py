"""Results with noise levels: from a scorer with a made-up reader of them, through checkpoints and tables and back."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ecgnoise.errors import ModelFormatError
from ecgnoise.noise_levels import KINDS, SPANS, WANDER, excursions, strongest, total, weighted, weighted_spans
from ecgnoise.recording import Recording
from ecgnoise.results.cells import COLUMNS, KIND_DB, KIND_UV
from ecgnoise.results.saved import load_results
from ecgnoise.results.tables import WRITERS, write_table
from ecgnoise.results.verdicts import record_verdict
from ecgnoise.scoring.checkpoint import Checkpoint
from ecgnoise.simulate import simulate_ecg
from made_up_levels import MadeUpLevels, scorer
from results_by_hand import ATTRIBUTES

RATE = 125.0


def recording(seconds=34.3, *, units="mV"):
    """Three leads with a fault in one of them and a tail."""
    signal = simulate_ecg(seconds, RATE, seed=4, lead_names=["I", "II", "V2"]).signal.copy()
    signal[1, round(11 * RATE) : round(13 * RATE)] = 0.25
    return Recording.from_array(signal, RATE, lead_names=["I", "II", "V2"], units=units, source="one.npz")


@pytest.fixture(scope="module")
def result(tiny_model):
    return scorer(tiny_model).score(recording())


def test_shapes_are_those_of_the_contract(result):
    assert result.noise.shape == (3, 4, len(KINDS))
    assert result.noise_uv.shape == (3, 4, len(KINDS))
    assert result.ecg_rms.shape == (3, 4)
    assert result.local_noise.shape == (3, 3 * SPANS + 14, len(KINDS))  # 4.3 s of new spans
    assert result.local_snr.shape == result.local_noise.shape[:2]
    assert result.span_start.shape == result.span_duration.shape == result.local_snr.shape[1:]
    assert result.estimated_snr.shape == (3, 4, 3)
    assert result.snr_range == MadeUpLevels.snr_range
    assert result.analysable.shape == (3,)


def test_levels_belong_together(result):
    """The SNR of a segment is that of all its noise; the kind is what counts most; uV are those of the level."""
    scored = np.isfinite(result.psnr)
    np.testing.assert_allclose(result.estimated_snr[..., 0][scored], -total(result.noise)[scored])
    kind, share = strongest(weighted(result.noise))
    np.testing.assert_array_equal(result.noise_kind, kind)
    np.testing.assert_allclose(result.noise_share, share, rtol=1e-12)
    np.testing.assert_allclose(
        20 * np.log10(result.noise_uv / (1000 * result.ecg_rms[..., None])), result.noise, equal_nan=True
    )
    local = np.round(result.local_noise, 1)
    of_spans = np.array([-total(weighted_spans(lead, excursions(lead[:, WANDER]))) for lead in local])
    assert (result.local_snr >= of_spans - 0.06)[np.isfinite(of_spans)].all()
    assert (result.local_snr <= np.fmax(of_spans, 4.0) + 0.06)[np.isfinite(of_spans)].all()


def test_a_fault_leaves_the_spans_beside_it(result):
    """The lead was off from 11 to 13 s: no score for that segment, and no level for the spans between."""
    assert np.isnan(result.noise[1, 1]).all()
    assert np.isnan(result.ecg_rms[1, 1])
    unknown = np.isnan(result.local_snr[1])
    times = result.span_start[unknown]
    assert (times[0], times[-1] + 0.3125) == (10.9375, 13.125)
    assert not np.isnan(result.local_snr[[0, 2]]).any()


def test_without_the_unit_there_are_no_microvolts(tiny_model):
    unknown = scorer(tiny_model).score(recording(12.0, units="unknown"))
    assert np.isnan(unknown.ecg_rms).all()
    assert np.isnan(unknown.noise_uv).all()
    assert np.isfinite(unknown.noise[[0, 2]]).all()


def test_gain_changes_microvolts_alone(tiny_model):
    one = simulate_ecg(12, RATE, seed=1, lead_names=["I"]).signal
    plain, louder = (
        scorer(tiny_model).score(Recording.from_array(signal, RATE, lead_names=["I"])) for signal in (one, 2 * one)
    )
    np.testing.assert_allclose(louder.noise, plain.noise, atol=1e-3)
    np.testing.assert_allclose(louder.ecg_rms, 2 * plain.ecg_rms, rtol=1e-4)


@pytest.mark.parametrize(("batch", "threads"), [(1, 1), (5, 2)])
def test_levels_depend_on_no_batch(tiny_model, result, batch, threads):
    other = scorer(tiny_model, batch=batch, threads=threads).score(recording())
    for name in ("noise", "local_noise", "ecg_rms", "estimated_snr", "noise_share"):
        np.testing.assert_allclose(getattr(other, name), getattr(result, name), atol=1e-6, err_msg=name)


def test_a_model_without_levels_has_none(tiny_model):
    from ecgnoise.quantifier import Quantifier

    bare = Quantifier(tiny_model, threads=1).quantify(recording(12.0))
    assert np.isnan(bare.noise).all()
    assert np.isnan(bare.ecg_rms).all()
    assert bare.local_noise.shape == (3, 0, len(KINDS))
    assert bare.local_snr.shape == (3, 0)
    row = dict(zip(COLUMNS, bare.rows()[0], strict=True))
    assert [row[name] for name in (*KIND_DB, "ecg_uv")] == [None] * (len(KINDS) + 1)
    assert [row[name] for name in ("local_snr_db", "local_noise", "span_limits")] == [""] * 3


def test_levels_that_are_no_numbers_are_an_error(tiny_model):
    class Damaged(MadeUpLevels):
        def read(self, scalograms, traced):
            found = super().read(scalograms, traced)
            return replace(found, ecg=np.full_like(found.ecg, np.nan))

    with pytest.raises(ModelFormatError, match="NaN or infinite"):
        scorer(tiny_model, levels=Damaged()).score(recording(12.0))


def test_a_checkpoint_keeps_levels_to_the_last_bit(tiny_model, tmp_path, result):
    with Checkpoint(tmp_path / "checkpoint", resume=False, shortest=1) as checkpoint:
        scorer(tiny_model, batch=2).score(recording(), checkpoint=checkpoint)
    lines = (tmp_path / "checkpoint").read_text().splitlines()
    (tmp_path / "checkpoint").write_text("\n".join(lines[:2]) + "\n")
    with Checkpoint(tmp_path / "checkpoint", resume=True, shortest=1) as checkpoint:
        again = scorer(tiny_model, batch=2).score(recording(), checkpoint=checkpoint)
    whole = scorer(tiny_model, batch=2).score(recording())
    assert "local_noise" in json.loads(lines[1])
    for name in ATTRIBUTES:
        one, other = getattr(again, name), getattr(whole, name)
        if isinstance(other, np.ndarray):
            np.testing.assert_array_equal(one, other, err_msg=name)


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_table_turns_back_into_levels(result, tmp_path, suffix):
    write_table(result.rows(), tmp_path / f"t{suffix}")
    (found,) = load_results(tmp_path / f"t{suffix}")
    for name in ("local_snr", "effective_snr", "readable_snr", "grade", "span_start", "span_duration", "noise_kind"):
        np.testing.assert_array_equal(getattr(found, name), getattr(result, name), err_msg=name)
    for name, most in {"noise": 0.051, "estimated_snr": 0.051, "ecg_rms": 0.51e-4, "agreement": 5.1e-4}.items():
        np.testing.assert_allclose(getattr(found, name), getattr(result, name), rtol=0, atol=most, err_msg=name)
    of_both = (strongest(weighted(one.local_noise))[0] for one in (found, result))
    found_kinds, kinds = of_both
    np.testing.assert_array_equal(found_kinds, kinds)
    assert found.limits == result.limits
    for grade in ("fair", "poor", "unusable"):
        assert [replace(one, psnr=0.0) for one in found.intervals(grade)] == [
            replace(one, psnr=0.0) for one in result.intervals(grade)
        ]
        np.testing.assert_array_equal(found.mask(grade=grade), result.mask(grade=grade))
    assert found.verdict() == result.verdict()
    for one, other in zip(found.rows(), result.rows(), strict=True):
        again, first = (dict(zip(COLUMNS, row, strict=True)) for row in (one, other))
        for name in KIND_UV:  # of levels rounded to 0.1 dB
            found_uv, uv = again.pop(name), first.pop(name)
            assert found_uv == (uv if uv is None else pytest.approx(uv, rel=0.012, abs=0.11))
        assert again == first


def test_tables_of_models_without_levels_by_an_earlier_version_are_read(result, tmp_path):
    """What they do not have is not known."""
    table = result.to_dataframe()
    new = [name for name in table if name.endswith(("_db", "_uv")) and name not in {"psnr_db", "local_db"}]
    old = table.drop(
        columns=[*set(new) & {*KIND_DB}, "agreement", "effective_snr_db", "local_snr_db", "local_noise", "span_limits"]
    )
    old.to_csv(tmp_path / "old.csv", index=False)
    (found,) = load_results(tmp_path / "old.csv")
    assert np.isnan(found.noise).all()
    assert found.local_noise.shape[1] == 0


def test_rows_say_how_much_can_be_used(result):
    table = result.to_dataframe()
    seconds = table.groupby("lead", sort=False)["analysable_s"].sum().to_numpy()
    np.testing.assert_allclose(seconds, result.usable_seconds(), atol=1e-5)
    np.testing.assert_allclose(record_verdict(result).analysable, result.analysable)
