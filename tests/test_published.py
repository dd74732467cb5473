"""The published call: its shapes, its rules of segments and parts, and its scores."""

import sys
from importlib.resources import files

import numpy as np
import pytest
import torch

from ecgnoise import Recording, ecg_noise_quantification, simulate_ecg
from ecgnoise.errors import CheckpointError, MissingExtraError, ModelNotFoundError, OptionError, SignalShapeError
from ecgnoise.published import PublishedResult
from ecgnoise.scoring.metrics import column_errors, psnr
from ecgnoise.segments import part_columns, windows

pytest_plugins = ["conftest_published"]

CASES = [(12000, 1), (12000, 8), (15500, 5), (7777, 3), (5000, 8)]


@pytest.mark.parametrize(("samples", "parts"), CASES)
def test_segments_and_parts_are_the_published_ones(reference, samples, parts):
    """Golden: ``parts_*`` of ``upstream_scalogram.npz``, made by the published program, commit 04f0efb."""
    golden = np.load(reference / "upstream_scalogram.npz")
    key = f"parts_{samples}_{parts}_"
    spans = windows(samples, 500.0)
    assert len(spans) == golden[key + "segments"]
    assert (spans[-1].stop - spans[-1].new) % 5000 == golden[key + "rem"]
    scores = []
    for segment, window in enumerate(spans):
        images = [golden[key + name][:, segment].astype(np.float32) for name in ("original", "cleaned")]
        errors = column_errors(*images, np.ones(32, np.bool_))
        scores += [psnr(errors[:, first:last].mean(axis=1)) for first, last in part_columns(window.columns, parts)]
    assert np.abs(np.array(scores).T - golden[key + "psnr"]).max() < 1e-4


@pytest.fixture(scope="module")
def pixel_folder(pixel_model):
    return pixel_model[0].path


@pytest.fixture(scope="module")
def ecg():
    return simulate_ecg(24, 500, seed=2).signal


@pytest.mark.slow
def test_shapes_are_the_published_ones(pixel_folder, ecg):
    whole = ecg_noise_quantification(ecg, 500, pixel_folder, use_ldm=False, return_images=True)
    assert whole.psnr.shape == (12, 3)
    assert whole.original_image.shape == whole.cleaned_image.shape == (12, 3, 32, 256)
    parts = ecg_noise_quantification(ecg[:, :12000], 500, pixel_folder, n_partitions=8, use_ldm=False, batch_size=7)
    assert parts.psnr.shape == (12, 20)
    assert parts.original_image is None
    errors = column_errors(whole.original_image[:, 2], whole.cleaned_image[:, 2], np.ones(32, np.bool_))
    assert np.abs(psnr(errors[:, 154:186].mean(axis=1)) - parts.psnr[:, 16]).max() < 0.02


@pytest.mark.slow
def test_a_checkpoint_and_its_folder_give_the_same_scores(latent_model, ecg, tmp_path):
    folder, network = latent_model
    torch.save(network.state_dict(), tmp_path / "checkpoint.pth")
    lead = ecg[1, :5000]
    by_folder = ecg_noise_quantification(lead, 500, folder.path)
    by_checkpoint = ecg_noise_quantification(lead, 500, tmp_path / "checkpoint.pth")
    assert np.abs(by_folder.psnr - by_checkpoint.psnr).max() < 0.01


@pytest.mark.slow
def test_the_published_example_gives_the_reference_score(outputs, latent_model, reference):
    """Golden: ``latent_psnr_disc1`` of ``upstream_networks.npz``, whose input is the published example lead."""
    golden = np.load(reference / "upstream_scalogram.npz")
    assert np.abs(golden["model_input_discretized"] - outputs["input"][0, 0]).max() < 1e-6
    ours = ecg_noise_quantification(golden["signal_500"], 500, latent_model[0].path, seed=7, return_images=True)
    published = golden["image_discretized"]
    assert np.abs(ours.original_image[0, 0] - published).max() <= 2


@pytest.mark.slow
def test_options_change_what_they_name(pixel_folder, ecg):
    def score(**options):
        return float(ecg_noise_quantification(ecg[0, :5000], 500, pixel_folder, use_ldm=False, **options).psnr[0, 0])

    plain = score()
    assert score() == plain
    others = [
        score(seed=1),
        score(diffusion_timestep=60),
        score(step_interval=5),
        score(discretize=False),
        score(noise_scheduler_type="ddpm"),
    ]
    assert all(other != plain for other in others)
    assert abs(others[3] - plain) < 0.1


@pytest.mark.slow
def test_wrong_options_are_clear_errors(pixel_folder, ecg, tmp_path):
    with pytest.raises(OptionError, match="ddim, ddpm"):
        ecg_noise_quantification(ecg, 500, pixel_folder, noise_scheduler_type="pndm")
    with pytest.raises(CheckpointError, match=r"holds a pixel network, and use_ldm=True .* use_ldm=False"):
        ecg_noise_quantification(ecg, 500, pixel_folder)
    with pytest.raises(ModelNotFoundError):
        ecg_noise_quantification(ecg, 500, tmp_path / "absent.pth")
    with pytest.raises(SignalShapeError, match=r"signal\.T"):
        ecg_noise_quantification(ecg.T, 500, pixel_folder, use_ldm=False)


def test_a_wrong_use_ldm_is_named_for_checkpoints_too(networks, ecg, tmp_path):
    file = tmp_path / "checkpoint.pth"
    for kind, other in (("pixel", False), ("latent", True)):
        torch.save(networks[kind].state_dict(), file)
        with pytest.raises(CheckpointError, match=rf"checkpoint\.pth: holds a {kind} network.*: pass use_ldm={other}$"):
            ecg_noise_quantification(ecg, 500, file, use_ldm=not other)
    torch.save(networks["latent"].ae.state_dict(), file)
    with pytest.raises(CheckpointError, match="kind autoencoder, which use_ldm=True cannot use"):
        ecg_noise_quantification(ecg, 500, file)
    with pytest.raises(CheckpointError, match="kind masked, which use_ldm=False cannot use"):
        ecg_noise_quantification(ecg, 500, files("ecgnoise.models") / "default", use_ldm=False)


@pytest.mark.slow
def test_without_discretize_only_what_is_reconstructed_is_not_rounded(latent_model, reference):
    """Published: the original stays in whole grey levels, and the PSNR is against it."""
    lead = np.load(reference / "upstream_scalogram.npz")["signal_500"]
    rounded, plain = (
        ecg_noise_quantification(lead, 500, latent_model[0].path, discretize=discretize, return_images=True)
        for discretize in (True, False)
    )
    assert np.array_equal(plain.original_image, rounded.original_image)
    assert np.array_equal(plain.original_image, np.round(plain.original_image))
    assert np.array_equal(np.floor(plain.cleaned_image + 0.5), rounded.cleaned_image)
    assert not np.array_equal(plain.cleaned_image, rounded.cleaned_image)
    errors = (plain.original_image.astype(float) - plain.cleaned_image) ** 2
    assert plain.psnr[0, 0] == pytest.approx(10 * np.log10(255**2 / errors.mean()), abs=1e-6)


def published_result(parts):
    """What the call would give for 24 s of two leads, with images drawn at random."""
    random = np.random.default_rng(0)
    original, cleaned = random.integers(0, 256, (2, 2, 3, 32, 256)).astype(np.float32)
    original[1, 1] = cleaned[1, 1] = np.nan
    recording = Recording.from_array(random.normal(size=(2, 12000)), 500, units="mV")
    return PublishedResult(np.zeros((2, 3)), original, cleaned, recording, parts)


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def test_the_picture_shows_signal_scalograms_and_error_with_its_psnr():
    result = published_result(1)
    figure = result.plot(lead=1, segment=0)
    expected = psnr(((result.original_image[1, 0].astype(float) - result.cleaned_image[1, 0]) ** 2).mean())
    names = ["signal", "original scalogram", "cleaned scalogram", f"squared error, PSNR {expected:.2f} dB"]
    assert titles(figure) == names
    line = figure.axes[0].lines[0].get_xydata()
    assert np.allclose(line, np.stack([np.arange(5000) / 500, result.recording.signal[1, :5000]], axis=1))
    shown = [axes.images[0].get_array() for axes in figure.axes[1:3]]
    assert np.array_equal(shown[0], result.original_image[1, 0])
    assert np.array_equal(shown[1], result.cleaned_image[1, 0])
    assert figure.axes[1].images[0].get_extent() == [0.0, 10.0, 0.5, 40.0]


def test_tiles_have_their_local_psnr(tmp_path):
    result = published_result(8)
    whole, tail = result.plot(), result.plot(segment=2)
    errors = (result.original_image.astype(float) - result.cleaned_image) ** 2
    eight = [f"PSNR {psnr(errors[0, 0, :, first : first + 32].mean()):.2f} dB" for first in range(0, 256, 32)]
    assert titles(whole)[4:] == eight
    spans = part_columns(windows(12000, 500.0)[2].columns, 8)
    assert titles(tail)[4:] == [f"PSNR {psnr(errors[0, 2, :, a:b].mean()):.2f} dB" for a, b in spans]
    assert len(spans) == 4
    assert tail.axes[0].get_xlim() == (14.0, 24.0)
    tail.savefig(tmp_path / "tail.png")
    assert (tmp_path / "tail.png").stat().st_size > 10_000


def test_a_lead_segment_without_a_score_is_drawn_too(tmp_path):
    figure = published_result(1).plot(1, 1)
    assert titles(figure)[-1] == "squared error, no PSNR"
    figure.savefig(tmp_path / "fault.png")


def test_what_cannot_be_drawn(monkeypatch):
    with pytest.raises(OptionError, match="return_images=True"):
        PublishedResult(np.zeros((1, 1)), None, None).plot()
    for wrong in ({"lead": 2}, {"segment": -1}, {"segment": 3}):
        with pytest.raises(OptionError, match=f"{next(iter(wrong))} .*: pass 0 to"):
            published_result(1).plot(**wrong)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"ecgnoise\[plot\]"):
        published_result(1).plot()
