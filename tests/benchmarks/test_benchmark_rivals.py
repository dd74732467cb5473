"""Rivals of the score: known answers of the classical indices, and clean above noisy for each that claims to see it."""

import sys
import warnings
from functools import cache
from importlib import import_module

import numpy as np
import pytest
from benchmarks.rival_table import read_rivals, write_rivals
from benchmarks.rivals import autoencoders, biosppy, classical, one_liners, pca
from benchmarks.rivals.contract import checked
from benchmarks.rivals.local import LOCAL

from benchmarks import rivals
from ecgnoise import simulate_ecg
from ecgnoise.recording import Recording
from ecgnoise.simulate import noise

FREQUENCY = 500.0
SECONDS = np.arange(5000) / FREQUENCY
# Blind to muscle noise by construction: rescaled for each lead, steps of any size, classes, another kind of noise, or
# (kurtosis) noise that swells and fades is as peaked as beats.
BLIND = {
    "neurokit_averageqrs",
    "neurokit_zhao2018_simple",
    "neurokit_zhao2018_fuzzy",
    "biosppy_zz2018_simple",
    "biosppy_zz2018_fuzzy",
    "minus_flat_share",
    "biosppy_flat",
    "drift_below_half_hz",
    "bassqi",
    "ksqi",
    "biosppy_ksqi",
}


@pytest.fixture(scope="module", autouse=True)
def imported():
    """Packages loaded once, silently, before any test looks at warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for package in {package for name in rivals.available() for package in rivals.PACKAGES[name]}:
            import_module(package)


@pytest.fixture(autouse=True)
def small_fit(monkeypatch):
    """Principal components of simulated leads instead of those of PTB-XL."""
    monkeypatch.setattr(pca, "kept_fit", simulated_fit)
    monkeypatch.setattr(autoencoders, "trained", simulated_network)


@cache
def simulated_network(name):
    """An autoencoder of simulated leads, narrow and hardly trained."""
    torch = pytest.importorskip("torch", reason="needs the extra train")
    images = np.concatenate([pca.image(clean_lead(seed), FREQUENCY) for seed in range(8)])
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng(devices=[]):
        patch.setattr(autoencoders, "WIDTHS", (8, 8, 16, 16))
        patch.setattr(autoencoders, "BATCH", 8)
        return autoencoders.train(images, variational=name == "vae", steps=120)


@cache
def simulated_fit():
    images = np.concatenate([pca.image(sine_free(seed), FREQUENCY) for seed in range(4)]).reshape(4, -1)
    mean = images.mean(axis=0)
    components = np.linalg.svd(images - mean, full_matrices=False)[2][:3]
    return pca.Fit(mean, components.astype(np.float32))


def sine_free(seed=0):
    return simulate_ecg(10, FREQUENCY, heart_rate=70, seed=seed, lead_names=["II"]).signal[0].astype(np.float64)


def clean_lead(seed=0):
    """Simulated, with 2 uV of white noise as a recorder has."""
    return sine_free(seed) + 0.002 * noise("white", (1, 5000), FREQUENCY, seed)[0]


def noisy_lead(kind="muscle", seed=0):
    """Noise of 1 mV, stronger than the beats."""
    return clean_lead(seed) + noise(kind, (1, 5000), FREQUENCY, seed + 1)[0]


def rival(name):
    if name not in rivals.available():
        pytest.skip("needs packages of the extra bench")
    return rivals.RIVALS[name]


def score(name, lead):
    """What a rival answers, a crash being the worst as in the benchmarks."""
    try:
        value = rival(name)(lead, FREQUENCY)
    except Exception:
        return -np.inf
    return -np.inf if np.isnan(value) else value


TRAINED = {"autoencoder", "vae"}


def with_slow(names):
    """Names for a test; those of rivals that are trained first are slow."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in TRAINED else name for name in names]


@pytest.mark.parametrize("name", with_slow(rivals.RIVALS))
def test_a_rival_is_a_silent_repeatable_function_of_the_lead(name, capsys):
    lead = clean_lead()
    before, settings = lead.copy(), np.geterr()
    value = rival(name)(lead, FREQUENCY)
    assert isinstance(value, float)
    assert np.isfinite(value)
    assert rival(name)(lead, FREQUENCY) == value
    np.testing.assert_array_equal(lead, before)
    assert np.geterr() == settings
    assert capsys.readouterr() == ("", "")


@cache
def clean_score(name):
    return score(name, clean_lead())


@pytest.mark.parametrize("name", with_slow(sorted(set(rivals.RIVALS) - BLIND)))
def test_clean_scores_higher_than_muscle_noise(name):
    assert clean_score(name) > score(name, noisy_lead())


@pytest.mark.parametrize("name", ["drift_below_half_hz", "bassqi", "ecgdatakit_sqi", "ecg_integrity", "biosppy_fsqi"])
def test_clean_scores_higher_than_baseline_wander(name):
    assert clean_score(name) > score(name, noisy_lead("baseline_wander"))


@pytest.mark.parametrize("name", with_slow(sorted(set(rivals.RIVALS) - {"neurokit_zhao2018_fuzzy"})))
def test_a_flat_lead_is_never_clean(name):
    clean, flat = clean_score(name), score(name, np.zeros(5000))
    assert flat < clean or (name == "neurokit_zhao2018_simple" and flat == 0)


@pytest.mark.parametrize("name", ["ksqi", "biosppy_ksqi", "biosppy_ssqi"])
def test_clean_is_more_peaked_than_white_noise(name):
    assert clean_score(name) > score(name, noisy_lead("white"))


@pytest.mark.parametrize("name", with_slow(rivals.RIVALS))
def test_a_missing_lead_is_never_clean(name):
    assert score(name, np.full(5000, np.nan)) < clean_score(name)


@pytest.mark.parametrize("name", with_slow(rivals.RIVALS))
def test_missing_samples_never_hang(name):
    lead = clean_lead()
    lead[2000:2100] = np.nan
    assert score(name, lead) < np.inf


@pytest.mark.parametrize("seconds", [9.5, 10.4])
@pytest.mark.parametrize("name", with_slow(rivals.RIVALS))
def test_a_lead_may_be_somewhat_shorter_or_longer(name, seconds):
    lead = simulate_ecg(seconds, FREQUENCY, lead_names=["II"]).signal[0].astype(np.float64)
    assert np.isfinite(rival(name)(lead + 0.002 * noise("white", (1, len(lead)), FREQUENCY)[0], FREQUENCY))


def test_every_rival_says_what_it_needs(monkeypatch):
    assert set(rivals.PACKAGES) == set(rivals.RIVALS)
    assert {"ksqi", "ssqi", "psqi", "bassqi", "minus_flat_share", "rms_above_40_hz"} <= set(rivals.available())
    monkeypatch.setattr(rivals, "find_spec", lambda package: None)
    assert not any(rivals.PACKAGES[name] for name in rivals.available())
    assert rivals.missing()["biosppy_bsqi"] == ("biosppy", "peakutils")
    assert set(rivals.missing()) | set(rivals.available()) == set(rivals.RIVALS)


def test_importing_the_rivals_imports_no_rival():
    import subprocess

    code = "import benchmarks.rivals, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"neurokit2", "ecgdatakit", "ecg_integrity", "biosppy", "sklearn"} & set(done.stdout.split())


def test_a_lead_is_checked():
    assert checked([1, 2]).dtype == np.float64
    for bad in ([], [1.0, 1.0], [0.0, np.nan], [0.0, np.inf]):
        with pytest.raises(ValueError, match=r"lead|numbers"):
            checked(np.array(bad))


@pytest.mark.parametrize("name", LOCAL)
def test_local_rivals_say_where_a_burst_is(name):
    """White noise of 1 mV in the middle 3 s of 10."""
    rival(name)
    noisy = clean_lead()
    noisy[1750:3250] += noise("white", (1, 1500), FREQUENCY, 1)[0]
    first, middle, last = (part.mean() for part in np.array_split(LOCAL[name](noisy, FREQUENCY), 20)[4:17:6])
    assert middle < min(first, last)


@pytest.mark.parametrize("snr", [12, 6, 0])
@pytest.mark.parametrize("kind", ["white", "muscle", "baseline_wander"])
def test_a_wavelet_wiener_filter_tells_the_snr_of_what_it_can_take_away(kind, snr):
    ecg = clean_lead()
    added = ecg.std() / 10 ** (snr / 20) * noise(kind, (1, 5000), FREQUENCY, 3)[0]
    assert rival("wiener_snr")(ecg + added, FREQUENCY) == pytest.approx(snr, abs=2.5)


def test_moments_of_known_signals():
    sine, square = np.sin(2 * np.pi * 5 * SECONDS), np.tile([-1.0, 1.0], 50)
    assert classical.kurtosis(sine, FREQUENCY) == pytest.approx(1.5)
    assert classical.kurtosis(square, FREQUENCY) == pytest.approx(1.0)
    assert classical.skewness(sine, FREQUENCY) == pytest.approx(0.0, abs=1e-9)
    # One of four: mean 1/4, third moment (3 (-1/4)^3 + (3/4)^3) / 4 = 3/32, deviation sqrt(3)/4.
    spike = np.tile([0.0, 0.0, 0.0, 1.0], 25)
    assert classical.skewness(spike, FREQUENCY) == pytest.approx(2 / np.sqrt(3))
    assert classical.skewness(-spike, FREQUENCY) == pytest.approx(2 / np.sqrt(3))


def test_powers_of_two_sines():
    two = 2 * np.sin(2 * np.pi * 10 * SECONDS) + np.sin(2 * np.pi * 30 * SECONDS)
    assert classical.qrs_power(two, FREQUENCY) == pytest.approx(4 / 5, rel=1e-3)
    slow = np.sin(2 * np.pi * 0.5 * SECONDS) + 3 * np.sin(2 * np.pi * 10 * SECONDS)
    assert classical.baseline_power(slow, FREQUENCY) == pytest.approx(9 / 10, rel=1e-2)
    above = two + 5 * np.sin(2 * np.pi * 60 * SECONDS)
    assert classical.qrs_power(above, FREQUENCY) == pytest.approx(4 / 5, rel=1e-3)


def test_share_of_flat_stretches():
    lead = np.sin(2 * np.pi * 5 * SECONDS)
    assert classical.minus_flat_share(lead, FREQUENCY) == 0.0
    lead[1003:2010] = lead[1003]
    assert classical.minus_flat_share(lead, FREQUENCY) == pytest.approx(-1006 / 4999)
    lead[3003:3053] = lead[3003]
    assert classical.minus_flat_share(lead, FREQUENCY) == pytest.approx(-1006 / 4999)
    assert classical.minus_flat_share(np.zeros(5000), FREQUENCY) == -1.0


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        ([100, 200, 300], [100, 200, 300], 1.0),
        ([100, 200, 300], [110, 190, 400], 2 / 4),
        ([100], [111], 0.0),
        ([100, 105], [102], 1 / 2),
        ([100], [95, 105], 1 / 2),
        ([], [100], 0.0),
        ([], [], 0.0),
    ],
)
def test_agreement_of_two_detectors(first, second, share):
    first, second = np.array(first, float), np.array(second, float)
    assert classical.agreement(first, second, 10) == pytest.approx(share)
    assert classical.agreement(second, first, 10) == pytest.approx(share)


def correlation(lead, beats):
    return classical.template_correlation(lead, FREQUENCY, lambda *_: np.array(beats, float))


def test_beats_that_are_alike_correlate_wholly():
    beats = np.arange(250, 5000, 500)
    lead = np.exp(-0.5 * (((np.arange(5000) % 500) - 250) / 10) ** 2)
    assert correlation(lead, beats) == pytest.approx(1.0)
    assert correlation(3 * lead + 1, beats) == pytest.approx(1.0)
    upset = lead.copy()
    upset[2500:3000] = lead[2500:3000][::-1] * np.sin(np.arange(500))
    assert 0.5 < correlation(upset, beats) < 1.0
    assert correlation(lead, beats[:1]) == 0.0


@pytest.mark.parametrize(
    ("intervals", "kept"),
    [
        ([1.0] * 9, True),
        ([1.51] * 6, False),  # below 40 a minute
        ([0.32] * 30, False),  # above 180
        ([0.9] * 5 + [3.1], False),
        ([0.5, 1.0, 0.5], True),
        ([0.5, 1.11, 0.5], False),  # 2.22 times
        ([], False),
        ([0.0, 1.0], False),
    ],
)
def test_rules_of_orphanidou(intervals, kept):
    assert classical.plausible(np.array(intervals)) is kept


def test_static_noise_is_read_in_the_quietest_windows():
    generator = np.random.default_rng(0)
    fine = 0.01 * generator.standard_normal(5000)
    all_of_it = one_liners.quiet_high_frequencies(fine, FREQUENCY)
    assert all_of_it == pytest.approx(2.15, abs=0.1)  # 0.01 mV, of which sqrt(1 - 40/250), and less in the quietest
    burst = fine.copy()
    burst[2000:3000] *= 100
    assert one_liners.quiet_high_frequencies(burst, FREQUENCY) == pytest.approx(all_of_it, abs=0.1)
    assert one_liners.quiet_high_frequencies(10 * fine, FREQUENCY) == pytest.approx(all_of_it - 1)
    silent = np.where(SECONDS < 8, 0.0, fine)
    assert one_liners.quiet_high_frequencies(silent, FREQUENCY) == pytest.approx(4.0)


def test_drift_is_relative_to_the_beats():
    slow, fast = np.sin(2 * np.pi * 0.2 * SECONDS), np.sin(2 * np.pi * 10 * SECONDS)
    assert one_liners.small_drift(slow + fast, FREQUENCY) == pytest.approx(0.0, abs=0.1)
    assert one_liners.small_drift(slow + 10 * fast, FREQUENCY) == pytest.approx(1.0, abs=0.1)


def test_scipy_is_as_it_was():
    from scipy import integrate

    there = hasattr(integrate, "trapz")
    with biosppy.patched():
        assert integrate.trapz([1.0, 1.0]) == 1.0
    assert hasattr(integrate, "trapz") is there
    with pytest.raises(ZeroDivisionError), biosppy.patched():
        _ = 1 / 0
    assert hasattr(integrate, "trapz") is there


def test_principal_components_are_fitted_kept_and_read(tmp_path, monkeypatch):
    pytest.importorskip("sklearn", reason="needs packages of the extra bench")
    leads = {f"record {seed}": np.stack([clean_lead(seed), clean_lead(seed + 10)]) for seed in range(3)}
    monkeypatch.setattr(pca, "read", lambda path: Recording.from_array(leads[path], FREQUENCY))
    monkeypatch.setattr(pca, "COMPONENTS", 4)
    fitted = pca.fit({path: [0, 1] for path in leads})
    assert fitted.components.shape == (4, 40 * 256)
    np.testing.assert_allclose(fitted.components @ fitted.components.T, np.eye(4), atol=1e-4)
    pca.save(fitted, tmp_path / "cache" / "pca.npz")
    again = pca.load(tmp_path / "cache" / "pca.npz")
    np.testing.assert_array_equal(again.components, fitted.components)
    assert [file.name for file in (tmp_path / "cache").iterdir()] == ["pca.npz"]
    mean = fitted.mean.reshape(1, 40, 256)
    np.testing.assert_allclose(again.reconstruct(mean), mean, atol=1e-3)
    assert again.reconstruct(mean + 1000).max() <= 255.0


def test_the_reconstruction_does_not_depend_on_gain():
    assert pca.reconstruction_psnr(clean_lead() * 7, FREQUENCY) == pytest.approx(
        pca.reconstruction_psnr(clean_lead(), FREQUENCY), abs=0.01
    )


def test_training_leads_of_principal_components_are_clean_ones_of_training_folds(monkeypatch):
    record = pca.datasets.PtbxlRecord
    records = [record(f"{fold}", fold, {"clean": {0, 3}}) for fold in range(1, 11)]
    monkeypatch.setattr(pca.datasets, "ptbxl", lambda: iter(records))
    assert pca.clean_training_leads() == {f"{fold}": [0, 3] for fold in range(1, 9)}
    monkeypatch.setattr(pca, "MOST_LEADS", 3)
    assert sum(map(len, pca.clean_training_leads().values())) == 3


@pytest.mark.parametrize("name", with_slow(autoencoders.NAMES))
def test_autoencoders_are_trained_once_kept_and_read(name, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="needs the extra train")
    trained_once = []

    def train(images, *, variational):
        assert images.shape == (6, 40, 256)
        trained_once.append(variational)
        return autoencoders.build()

    leads = {f"record {seed}": np.stack([clean_lead(seed), clean_lead(seed + 10)]) for seed in range(3)}
    monkeypatch.setattr(autoencoders, "read", lambda path: Recording.from_array(leads[path], FREQUENCY))
    monkeypatch.setattr(autoencoders, "clean_training_leads", lambda: {path: [0, 1] for path in leads})
    monkeypatch.setattr(autoencoders, "train", train)
    monkeypatch.setattr(autoencoders, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(autoencoders, "WIDTHS", (8, 8, 8, 8))
    autoencoders.prepare()
    autoencoders.prepare()
    assert trained_once == [False, True]
    state = torch.load(tmp_path / "cache" / f"{name}.pt", weights_only=True)
    assert state.keys() == autoencoders.build().state_dict().keys()
    assert sorted(file.suffix for file in (tmp_path / "cache").iterdir()) == [".pt", ".pt"]


@pytest.mark.slow
def test_the_same_images_train_the_same_network_and_a_vae_another_one(monkeypatch):
    torch = pytest.importorskip("torch", reason="needs the extra train")
    monkeypatch.setattr(autoencoders, "WIDTHS", (8, 8, 8, 8))
    images = pca.image(clean_lead(), FREQUENCY)
    with torch.random.fork_rng(devices=[]):
        first, again, other = (
            autoencoders.reconstruction(autoencoders.train(images, variational=variational, steps=4), images)
            for variational in (False, False, True)
        )
    np.testing.assert_array_equal(again, first)
    assert np.abs(other - first).max() > 0.01


def test_the_table_of_rivals_gives_back_what_was_measured(tmp_path):
    measured = {
        "one": {"ptbxl": {"static": {"auroc": 0.7, "auroc_interval": [0.6, 0.8]}, "missing": 0.0}},
        "two": {"mitdb": {"beats": {"/": {"count": 3, "way": "mean", "none": None}}}},
    }
    write_rivals(tmp_path, measured)
    found = read_rivals(tmp_path)
    assert found["rivals"] == measured
    assert found["machine"]["cores"] >= 1
    write_rivals(tmp_path, {"two": {"ptbxl": {"missing": 0.5}, "mitdb": {"missing": 0.1}}, "three": {"snr": {"r": 1}}})
    again = read_rivals(tmp_path)
    assert again["rivals"] == {
        "one": measured["one"],
        "two": {"mitdb": {"missing": 0.1}, "ptbxl": {"missing": 0.5}},
        "three": {"snr": {"r": 1}},
    }
    assert again["machine"]["since"] == found["machine"]["date"]
    assert read_rivals(tmp_path / "absent") == {}
