"""Training the level network: the pool, the loss, the export, the intervals and the model folder."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from safetensors.torch import save  # noqa: E402

from ecgnoise import Quantifier, Recording, simulate_ecg  # noqa: E402
from ecgnoise.errors import ModelFormatError, OptionError, OutputError, TrainingDataError  # noqa: E402
from ecgnoise.models.description import LEVELS, LevelModel  # noqa: E402
from ecgnoise.models.folder import load_folder, write_folder  # noqa: E402
from ecgnoise.models.levels import INPUTS, OUTPUTS, LevelAnswers, OnnxLevels, conditions, filled_images  # noqa: E402
from ecgnoise.models.networks.levels import LevelNetwork  # noqa: E402
from ecgnoise.models.reconstruct import Scalograms  # noqa: E402
from ecgnoise.models.torch import TorchLevels, open_levels  # noqa: E402
from ecgnoise.noise_levels import BANDS, KINDS, SPANS  # noqa: E402
from ecgnoise.scalogram.profile import COLUMNS, DEFAULT, qrs_level, valid_rows  # noqa: E402
from ecgnoise.scalogram.superlet import superlet  # noqa: E402
from ecgnoise.scalogram.traces import total_power  # noqa: E402
from ecgnoise.training.default.data import TrainingSet  # noqa: E402
from ecgnoise.training.default.teacher import count_anew  # noqa: E402
from ecgnoise.training.engine.config import LevelConfig  # noqa: E402
from ecgnoise.training.levels.clean_leads import clean_leads, screened  # noqa: E402
from ecgnoise.training.levels.material import without_of  # noqa: E402
from ecgnoise.training.levels.mixtures import CleanLeads, Mixer  # noqa: E402
from ecgnoise.training.levels.model import (  # noqa: E402
    LevelMaterial,
    LevelProgress,
    described,
    export_levels,
    inputs_of,
    measured,
    train_levels,
)
from ecgnoise.training.levels.noises import Noises  # noqa: E402
from ecgnoise.training.levels.pool import PoolRequest, draw, joined, load_pool, make_pool  # noqa: E402
from ecgnoise.training.levels.task import LevelTask, beyond, snr_loss  # noqa: E402
from ecgnoise.training.recordings.records import Listed, Taken  # noqa: E402

RATE = 500.0
SMALL = (16, 32)


@pytest.fixture(scope="module")
def leads():
    """Clean leads."""
    signal = np.concatenate([simulate_ecg(10, RATE, seed=seed).signal for seed in range(2)])
    return CleanLeads.of(signal.astype(np.float32), np.ones(len(signal)))


@pytest.fixture(scope="module")
def pool(leads):
    """Four batches of noisy leads."""
    return Mixer(leads, Noises()).mixtures(4, np.random.default_rng(2))


@pytest.fixture(scope="module")
def network():
    """A small network with weights as they are drawn."""
    torch.manual_seed(0)
    made = LevelNetwork(*SMALL)
    for module in made.modules():  # statistics as after training, not those of no data
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    return made.eval()


# The pool


@pytest.mark.slow
def test_a_pool_is_kept_and_follows_its_seed(leads, tmp_path):
    told = []
    request = PoolRequest(60, seed=4, batches=1)
    first = make_pool(leads, Noises(), request, tmp_path / "one", lambda done, total: told.append((done, total)))
    assert len(first.images) == 72
    assert told[-1] == (60, 60)
    kept = load_pool(tmp_path / "one" / "pool.npz")
    again = make_pool(leads, Noises(), replace(request, seed=99), tmp_path / "one")
    for one, two, three in zip(first, kept, again, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)
    other = make_pool(leads, Noises(), replace(request, seed=5), tmp_path / "other")
    assert not np.array_equal(first.images, other.images)


@pytest.mark.slow
def test_tasks_follow_each_other_whoever_draws_them(leads, tmp_path):
    whole = make_pool(leads, Noises(), PoolRequest(48, seed=4, jobs=2, batches=1), tmp_path / "whole")
    parts = joined([draw(tmp_path / "whole", 4, number, 1, frozenset()) for number in range(2)])
    for one, two in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, two)


# The loss


def test_within_the_ends_nothing_is_lost_and_beyond_it_grows():
    ends = torch.tensor([[[-1.0], [1.0]]])
    losses = [float(beyond(torch.tensor([[at]]), ends)) for at in (-1.0, 0.0, 1.0, 1.2, 2.0, 3.0, -4.0)]
    assert losses[:3] == [0.0, 0.0, 0.0]
    assert 0 < losses[3] < losses[4] < losses[5] < losses[6]


def test_the_loss_of_the_snr_is_least_at_its_quantiles():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(4000, 1, generator=generator)
    ends = torch.cat([values, values], dim=1)
    right = torch.quantile(values, torch.tensor([0.16, 0.5, 0.84]))

    def loss(found):
        return float(snr_loss(found.expand(len(values), 3), ends))

    for place in range(3):
        for step in (-0.2, 0.2):
            other = right.clone()
            other[place] += step
            assert loss(other) > loss(right)


def test_an_snr_that_is_open_above_costs_nothing_above():
    ends = torch.tensor([[2.0, 3.6]])
    assert float(snr_loss(torch.tensor([[2.1, 2.5, 3.5]]), ends)) == 0.0
    assert float(snr_loss(torch.tensor([[1.0, 2.5, 3.5]]), ends)) > 0.0


def test_a_step_against_the_gradient_lowers_the_loss(pool):
    task = LevelTask(pool, SMALL)
    torch.manual_seed(0)
    network, generator = task.network(), torch.Generator().manual_seed(1)
    optimiser = torch.optim.SGD(network.parameters(), 1e-3)
    batch = task.batch(np.arange(48), generator)
    losses = []
    for _ in range(4):
        loss = task.loss(network, batch)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < losses[0]
    assert task.size == len(pool.images)


def test_units_are_withheld_from_some(pool):
    batch = LevelTask(pool, SMALL).batch(np.arange(len(pool.images)), torch.Generator().manual_seed(0))
    known = batch["conditions"][:, 0].numpy()
    assert 0.3 < known.mean() < 0.9
    assert (batch["conditions"][known == 0, 1] == 0).all()


# The network and its reader


def test_outputs_are_taken_apart_and_widths_found(network):
    found = network.outputs(torch.arange(OUTPUTS, dtype=torch.float32)[None])
    assert found.spans.shape == (1, BANDS, SPANS)
    assert float(found.spans[0, 1, 0]) == SPANS
    assert found.noise.shape == (1, BANDS)
    assert found.snr[0].tolist() == [OUTPUTS - 3, OUTPUTS - 2, OUTPUTS - 1]
    assert LevelNetwork.widths(network.state_dict()) == SMALL


@pytest.mark.slow
def test_onnx_gives_what_torch_gives_and_batches_do_not_matter(network, pool, tmp_path):
    (tmp_path / "levels.onnx").write_bytes(export_levels(network))
    exported = OnnxLevels(tmp_path / "levels.onnx", 1)
    (batch, *_) = inputs_of(pool, 24)
    inputs = [batch[name] for name in INPUTS]
    together = exported.levels(*inputs)
    with torch.inference_mode():
        expected = network(*map(torch.from_numpy, inputs)).numpy()
    np.testing.assert_allclose(together, expected, atol=2e-4)
    alone = exported.levels(*(values[3:4] for values in inputs))
    np.testing.assert_allclose(alone[0], together[3], atol=1e-5)
    on_device = TorchLevels(network).levels(*map(torch.from_numpy, inputs))
    np.testing.assert_allclose(on_device, together, atol=2e-4)


def test_what_the_network_is_told(pool):
    traced = pool.traces[:3].astype(np.float32)
    reference = np.array([-1.0, 0.5, np.nan], np.float32)
    told = conditions(reference, np.array([True, True, False]), np.array([40, 20, 40]), traced)
    assert told.dtype == np.float32
    assert told[:, :3].tolist() == [[1, -1, 0], [1, 0.5, -0.5], [0, 0, 0]]
    np.testing.assert_array_equal(told[:, 3], total_power(traced))
    np.testing.assert_array_equal(conditions(reference, False, 40, traced)[:, :3], np.zeros((3, 3)))


def test_invalid_rows_are_like_the_highest_valid_one():
    images = np.random.default_rng(0).uniform(0, 255, (2, DEFAULT.rows, COLUMNS)).astype(np.float32)
    valid = valid_rows(DEFAULT, 100.0)
    missing = int((~valid).sum())
    assert missing > 0
    filled = filled_images(Scalograms(images, np.zeros(2, np.float32), True, valid))[:, 0]
    for row in range(missing):
        np.testing.assert_array_equal(filled[:, row], filled[:, missing])
    np.testing.assert_allclose(filled[:, missing:], images[:, missing:] / 127.5 - 1, atol=1e-6)


def test_levels_of_known_answers():
    given = np.full((1, OUTPUTS), -20.0)
    whole = BANDS * SPANS
    given[0, whole + 2] = 3.0
    given[0, whole + BANDS] = -7.0
    given[0, -3:] = [12.0, 4.0, 8.0]  # out of order
    model = LevelModel(-15.0, 10.0, (1.0, 1.0, 2.0, 1.0, 1.0, 1.0))
    found = LevelAnswers(None, model).estimates(given)
    assert found.noise[0].tolist() == [-20.0, -20.0, 3.0, -20.0, -20.0, -20.0, -20.0]
    assert found.ecg.tolist() == [-7.0]
    assert found.spans.shape == (1, BANDS, SPANS)
    assert found.snr[0].tolist() == [8.0, 0.0, 10.0]  # twice as wide, and not beyond what can be told
    with pytest.raises(ModelFormatError, match="widening"):
        LevelAnswers(None, LevelModel(-15.0, 10.0, (1.0,)))


def test_the_estimate_is_cautious_where_the_interval_reaches_far_below_it():
    given = np.full((3, OUTPUTS), -20.0)
    given[:, -3:] = [[4.0, 8.0, 9.0], [-4.0, 8.0, 9.0], [-40.0, 8.0, 9.0]]
    model = LevelModel(-15.0, 30.0, (1.0,) * len(KINDS), caution_db=5.0, caution_share=0.5)
    found = LevelAnswers(None, model).estimates(given).snr
    assert found[:, 0].tolist() == [8.0, 8.0 - 0.5 * (12 - 5), -13.5]
    assert found[:, 1:].tolist() == [[4.0, 9.0], [-4.0, 9.0], [-15.0, 9.0]]
    assert (found[:, 1] <= found[:, 0]).all()
    for wrong in ({"caution_db": -1.0}, {"caution_share": 1.1}, {"caution_share": float("nan")}):
        with pytest.raises(ModelFormatError, match="caution"):
            LevelModel(-15.0, 30.0, (1.0,) * len(KINDS), **wrong)


class Guessing:
    """Answers the true SNR with an error, larger by 1 dB for each kind, and intervals of 1 dB on either side."""

    def __init__(self, snr):
        generator = np.random.default_rng(0)
        count = len(snr)
        self.kinds = np.arange(count) % len(KINDS)
        self.answers = np.zeros((count, OUTPUTS))
        self.answers[np.arange(count), BANDS * SPANS + self.kinds] = 1.0
        error = generator.normal(0, 1 + self.kinds) + snr
        self.answers[:, -3:] = (error[:, None] + np.array([-1.0, 0.0, 1.0])) / 10
        self.place = 0

    def levels(self, images, *_):
        self.place += len(images)
        return self.answers[self.place - len(images) : self.place]


def test_intervals_hold_two_thirds_by_kind(pool):
    count = 6000
    snr = np.random.default_rng(1).uniform(-7, 25, count)
    rows = np.arange(count) % len(pool.images)
    large = pool._replace(**{name: getattr(pool, name)[rows] for name in ("images", "traces", "highest", "reference")})
    large = large._replace(snr=np.stack([snr, snr], axis=1))
    guessing = Guessing(snr)
    levels = measured(guessing, large)
    found = LevelAnswers(None, replace(levels, lowest=-1e3, highest=1e3)).estimates(guessing.answers * 10)
    inside = (found.snr[:, 1] <= snr) & (snr <= found.snr[:, 2])
    for kind in range(len(KINDS)):
        assert inside[guessing.kinds == kind].mean() == pytest.approx(0.68, abs=0.01)
    assert list(levels.widening) == sorted(levels.widening)


# Clean leads


def taken(signal, collection="mine"):
    """Lead-segments as they are read from a folder."""
    places = tuple((lead, 0) for lead in range(len(signal)))
    return Taken(Listed("train", collection, "a.hea", "0" * 64, 0.0, 150.0, places), signal.astype(np.float32), RATE)


# The whole


@pytest.fixture(scope="module")
def material(leads):
    """What a small network is trained with."""
    return LevelMaterial(leads, leads, Noises())


def small(**changes):
    """Settings of a run of seconds."""
    return LevelConfig(epochs=0.0, steps=4, batch=24, channels=SMALL, pool=48, save_every=2, validation_leads=24,
                       quantize=False, **changes)  # fmt: skip


@pytest.fixture(scope="module")
def trained(material, tiny_model, tmp_path_factory):
    """A tiny model with a small level network."""
    place = tmp_path_factory.mktemp("levels")
    told = []
    progress = LevelProgress(lambda done, total: told.append((done, total)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ecgnoise.training.levels.model.WATCHED", 24)
        train_levels(
            material, load_folder(tiny_model), place / "model", small(), work=place / "work", callbacks=progress
        )
    assert told[-1] == (24, 24)
    return place / "model"


@pytest.mark.slow
def test_the_model_gets_levels_and_keeps_its_scores(trained, tiny_model):
    folder, before = load_folder(trained), load_folder(tiny_model)
    assert folder.description.levels is not None
    assert folder.description.thresholds == before.description.thresholds
    recording = simulate_ecg(12, 250, lead_names=["I", "V2"])
    result = Quantifier(trained, threads=1).quantify(recording)
    np.testing.assert_array_equal(result.psnr, Quantifier(tiny_model, threads=1).quantify(recording).psnr)
    assert np.isfinite(result.noise).all()
    assert result.local_noise.shape[0] == 2
    assert open_levels(folder) is not None
    assert open_levels(before) is None


@pytest.mark.slow
def test_counting_anew_keeps_the_levels(trained, tmp_path):
    signal = simulate_ecg(10, RATE, seed=1).signal
    levels = superlet(DEFAULT, RATE)(signal)
    reference = qrs_level(levels, DEFAULT)
    clean = TrainingSet((levels - reference[:, None, None]).astype(np.float16), reference, {"ludb": len(levels)})
    folder, before = count_anew(load_folder(trained), clean, tmp_path / "counted"), load_folder(trained)
    assert folder.description.levels == before.description.levels
    assert folder.description.files[LEVELS] == before.description.files[LEVELS]


@pytest.mark.slow
def test_levels_follow_neither_gain_nor_polarity(trained):
    recording = simulate_ecg(10, 250, lead_names=["I", "V2"])
    quantifier = Quantifier(trained, threads=1)

    def noise(factor):
        return quantifier.quantify(Recording.from_array(factor * recording.signal, 250, units="unknown")).noise

    np.testing.assert_allclose(noise(50.0), noise(1.0), atol=0.02)


@pytest.mark.slow
def test_a_model_folder_is_never_overwritten_and_another_network_is_refused(trained, material, tiny_model, tmp_path):
    with pytest.raises(OutputError, match="exists already"):
        train_levels(material, load_folder(tiny_model), trained, small(), work=tmp_path / "work")
    folder = load_folder(trained)
    files = {name: folder.file(name).read_bytes() for name in folder.description.files}
    files["levels.safetensors"] = files["weights.safetensors"] if "weights.safetensors" in files else save({})
    other = write_folder(tmp_path / "other", folder.description, files)
    with pytest.raises(ModelFormatError, match="not the weights of a level network"):
        open_levels(other)


def test_unknown_makers_are_refused():
    assert without_of(small(without="white, recorded muscle")) == {"white", "recorded muscle"}
    with pytest.raises(OptionError, match="nosuch"):
        without_of(small(without="nosuch"))


def test_screening_turns_noisy_leads_away():
    clean = simulate_ecg(10, RATE, seed=1, lead_names=["II"]).signal
    generator = np.random.default_rng(0)
    times = np.arange(clean.shape[1]) / RATE
    noisy = clean + generator.normal(0, clean.std(), clean.shape)
    drifting = clean + 4 * clean.std() * np.sin(2 * np.pi * 0.2 * times)
    beatless = np.sin(2 * np.pi * 3.0 * times)[None] + 0.01 * generator.normal(size=clean.shape)
    kept, fast = screened(taken(np.concatenate([clean, noisy, drifting, beatless])))
    assert kept.tolist() == [True, False, False, False]
    assert fast[1] > 100 * fast[0]
    with pytest.raises(TrainingDataError, match="no lead-segment"):
        clean_leads([taken(noisy)], 0, generator)
    leads, listed = clean_leads([taken(np.concatenate([clean, noisy]))], 3, generator)
    assert len(leads.signal) == 4
    assert leads.weight.sum() == pytest.approx(1)
    assert len(listed) == 1


def test_the_description_tells_of_the_network_that_is_there_and_of_no_earlier_one():
    bundled = load_folder("default").description
    assert bundled.training.note.count("The level network:") == 1
    again = described(bundled, bundled.levels, LevelConfig(pool=4321))
    assert again.training.note.count("The level network:") == 1
    assert "4321 images" in again.training.note
    assert again.training.note.startswith("student of default")
