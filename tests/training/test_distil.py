"""A student of the default model: what it is asked, what it learns from, and that it ends in a folder that scores."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from ecgnoise import Quantifier, simulate_ecg
from ecgnoise.errors import ModelFormatError, OptionError, OutputError
from ecgnoise.models.folder import CARD, load_folder
from ecgnoise.models.load import DENOISER
from ecgnoise.models.networks.student import StudentDenoiser
from ecgnoise.models.networks.teacher import MaskedDenoiser
from ecgnoise.models.reconstruct import QueryReconstructor, Scalograms, asked, rows_within
from ecgnoise.models.torch import WEIGHTS
from ecgnoise.scalogram.profile import DEFAULT, qrs_level
from ecgnoise.scalogram.superlet import superlet
from ecgnoise.training.default import student as distil
from ecgnoise.training.default import student_answers as pool
from ecgnoise.training.default.data import TrainingSet
from ecgnoise.training.default.teacher import QUERIES, DefaultMaterial, count_anew, export_denoiser, train_default
from ecgnoise.training.engine.config import DefaultConfig, StudentConfig
from ecgnoise.training.engine.export import quantized

pytestmark = pytest.mark.slow  # all need a teacher, which is trained first
TINY = StudentConfig(steps=4, batch=4, channels=(8, 8), save_every=2, pool=48, validation_leads=8)


@pytest.fixture(scope="module")
def clean():
    """Lead-segments of simulated records."""
    signal = np.concatenate([simulate_ecg(10, 500, seed=seed).signal for seed in range(2)])
    noisy = signal + 0.005 * np.random.default_rng(1).normal(size=signal.shape)
    levels = superlet(DEFAULT, 500)(noisy.astype(np.float32))
    reference = qrs_level(levels, DEFAULT)
    relative = (levels - reference[:, None, None]).astype(np.float16)
    return TrainingSet(relative, reference.astype(np.float32), {"ludb": len(levels)})


@pytest.fixture(scope="module")
def teacher(clean, tmp_path_factory):
    """A default model, narrow and hardly trained."""
    config = DefaultConfig(steps=1, batch=4, channels=(8, 8, 8), save_every=1)
    return train_default(DefaultMaterial(clean, clean), tmp_path_factory.mktemp("teacher") / "model", config)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few images to watch, and few noises."""
    monkeypatch.setattr(distil, "VALIDATION_POOL", 48)
    monkeypatch.setattr(pool, "NOISES_A_KIND", 2)


class Spy:
    """A denoiser that keeps what it is given and answers with the noised image."""

    def __init__(self):
        self.given = []

    def denoise(self, *inputs):
        self.given.append(inputs)
        return inputs[0]


def test_answers_are_counted_anew_by_the_same_network(clean, teacher, tmp_path):
    queries = [replace(QUERIES[0], weight=2 * QUERIES[0].weight), *QUERIES[1:]]
    counted = count_anew(teacher, clean, tmp_path / "model", queries)
    was, now = teacher.description, counted.description
    assert {name: now.files[name] for name in (DENOISER, WEIGHTS)} == {
        name: was.files[name] for name in (DENOISER, WEIGHTS)
    }
    assert [query.scale for query in now.queries] == [query.scale for query in was.queries]
    assert now.queries[0].weight == 2 * was.queries[0].weight
    assert now.training == was.training
    assert now.thresholds.good < was.thresholds.good
    again = count_anew(counted, clean, tmp_path / "again")
    assert replace(again.description, files={}) == replace(was, files={}, stress=())


@pytest.mark.slow
def test_a_student_ends_in_a_folder_that_scores(clean, teacher, tmp_path):
    material = DefaultMaterial(clean, clean)
    drawn = []
    told = distil.Callbacks(drawing=lambda done, total: drawn.append((done, total)))
    folder = distil.train_student(material, teacher, tmp_path / "model", TINY, callbacks=told)
    assert drawn == [(48, 48), (48, 48)]
    description = folder.description
    assert f"student of default {teacher.description.version} ({teacher.hash})" in description.training.note
    assert description.training.data == teacher.description.training.data
    assert description.training.teacher == f"default {teacher.description.version} ({teacher.hash})"
    card, of_teacher = (model.file(CARD).read_text(encoding="utf-8") for model in (folder, teacher))
    assert "its teacher, was trained on clean ECG only" in card
    assert "trained on clean ECG only,\nwithout noise labels" in of_teacher
    assert "its teacher" not in of_teacher
    assert "`all`: hides nothing, noise 0.615, counts 0.1-200 Hz" in card
    kept = [replace(query, scale=1.0) for query in description.queries]
    assert kept == [replace(query, scale=1.0) for query in QUERIES]
    result = Quantifier(folder.path).quantify(simulate_ecg(10, 250, seed=1))
    assert np.isfinite(result.psnr).all()
    with pytest.raises(OutputError, match="never overwritten"):
        distil.train_student(material, teacher, tmp_path / "model", TINY)


@pytest.mark.slow
def test_a_run_that_goes_on_does_not_ask_the_teacher_again(clean, teacher, tmp_path, monkeypatch):
    material = DefaultMaterial(clean, clean)
    stopped = 0

    def interrupt(done, _total, _loss):
        nonlocal stopped
        stopped = done
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distil.train_student(material, teacher, tmp_path / "model", TINY, callbacks=distil.Callbacks(step=interrupt))
    assert stopped == 2
    monkeypatch.setattr(distil, "make_pool", None)
    assert distil.train_student(material, teacher, tmp_path / "model", TINY) is not None


def test_a_student_needs_a_teacher_that_asks_queries(clean, tiny_model, tmp_path):
    with pytest.raises(ModelFormatError, match=r"weights\.safetensors"):
        distil.train_student(DefaultMaterial(clean, clean), load_folder(tiny_model), tmp_path / "model", TINY)


def test_the_student_is_asked_what_the_score_asks(clean):
    spy = Spy()
    reconstructor = QueryReconstructor(spy, QUERIES, DEFAULT)
    queries = asked(QUERIES)
    drawn = pool.make_pool(clean, reconstructor, queries, 48, seed=3)
    task = distil.StudentTask(drawn, QUERIES, TINY, MaskedDenoiser((8,)))
    assert task.size == 48 * len(queries)
    spy.given.clear()
    for number, query in enumerate(queries):
        image = drawn.images[5:6].astype(np.float32)
        scalograms = Scalograms(image, drawn.reference[5:6], bool(drawn.known[5]), drawn.valid[5])
        reconstructor.answer(query, scalograms)
        batch = task.batch(np.array([5 * len(queries) + number]), torch.Generator())
        for name, given in zip(("noised", "sigma", "hidden", "reference", "known"), spy.given[-1], strict=True):
            np.testing.assert_allclose(batch[name].numpy(), given, atol=2e-6, err_msg=name)
        answer = (batch["answer"].numpy()[:, 0] + 1.0) * 127.5
        np.testing.assert_allclose(answer, drawn.answers[number, 5:6].astype(np.float32), atol=1e-3)


def test_rows_weigh_what_the_score_makes_of_them():
    weights = distil.row_weights(QUERIES)
    assert weights.shape == (3, DEFAULT.rows)
    for number, query in enumerate(asked(QUERIES)):
        counted = rows_within(query.counted, DEFAULT)
        assert weights[number][counted].min() > 0
        if not counted.all():
            assert weights[number][~counted].max() == pytest.approx(distil.UNCOUNTED * weights[number].max())
    beats = rows_within(QUERIES[3].counted, DEFAULT)
    assert weights[2][beats].min() > weights[2][~beats].max()


def test_drawn_levels_are_relative_to_their_own_qrs_level(clean):
    noises = pool.noise_levels(seed=1)
    assert np.isfinite(noises).all()
    levels = np.repeat(clean.levels, 4, axis=0).astype(np.float32)
    drawn, change = pool.drawn_levels(levels, noises, torch.Generator().manual_seed(1))
    assert drawn.shape == levels.shape
    np.testing.assert_allclose(qrs_level(drawn, DEFAULT), 0.0, atol=1e-5)
    assert change.max() > 0.5
    again, _ = pool.drawn_levels(levels, noises, torch.Generator().manual_seed(1))
    np.testing.assert_array_equal(again, drawn)


def test_a_network_in_8_bit_gives_nearly_the_same_answers(clean):
    reconstructor = QueryReconstructor(Spy(), QUERIES, DEFAULT)
    drawn = pool.make_pool(clean, reconstructor, asked(QUERIES), 48, seed=3)
    task = distil.StudentTask(drawn, QUERIES, TINY, MaskedDenoiser((8,)))
    torch.manual_seed(1)
    network = StudentDenoiser((16, 32)).eval()
    exact = export_denoiser(network)
    coarse = quantized(exact, task.inputs(96))
    assert len(coarse) < len(exact)
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in onnx.load_from_string(coarse).graph.node}
    inputs = next(iter(task.inputs(12)))
    answers = [onnxruntime.InferenceSession(file).run(None, inputs)[0] for file in (exact, coarse)]
    assert np.sqrt(np.mean((answers[0] - answers[1]) ** 2)) < 0.05 * answers[0].std()


def test_pools_are_kept_whole(clean, tmp_path):
    drawn = pool.make_pool(clean, QueryReconstructor(Spy(), QUERIES, DEFAULT), asked(QUERIES), 50, seed=3)
    assert drawn.answers.shape == (3, 96, DEFAULT.rows, 256)
    assert 0 < drawn.known.mean() < 1
    drawn.save(tmp_path / "pool.npz")
    again = pool.Pool.load(tmp_path / "pool.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["pool.npz"]
    for name in pool.Pool.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again, name), getattr(drawn, name))


@pytest.mark.parametrize("wrong", [{"pool": 0}, {"channels": ()}, {"channels": (12, 16)}])
def test_settings_of_a_student_are_checked(wrong):
    with pytest.raises(OptionError):
        replace(TINY, **wrong)
