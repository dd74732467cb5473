"""Models evaluated on a store of PTB-XL: values that are the scores, files that are whole whenever a run is stopped."""

import csv
import json
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from ecgnoise import Recording, simulate_ecg
from ecgnoise.cli import main
from ecgnoise.errors import MissingExtraError, ModelFormatError, OptionError, OutputError, StoreError
from ecgnoise.models.diffusion import Ddim, Ddpm
from ecgnoise.models.folder import (
    PUBLISHED_THRESHOLDS,
    Grading,
    ModelDescription,
    Network,
    Training,
    load_folder,
    write_folder,
)
from ecgnoise.models.load import load_reconstructor
from ecgnoise.models.reconstruct import DiffusionReconstructor, Scalograms
from ecgnoise.ptbxl import compare
from ecgnoise.ptbxl.checkpoint import METRICS, Checkpoint
from ecgnoise.ptbxl.compare import RESULT_COLUMNS, ResultFile, compare_results, comparison_sheet, find_results
from ecgnoise.ptbxl.evaluate import (
    EncodedOnce,
    EvaluationSettings,
    evaluate,
    measure,
    open_twin,
    sampler_name,
    samplers_of,
)
from ecgnoise.ptbxl.labels import LEADS, NOISES, RecordLabels, read_labels
from ecgnoise.ptbxl.prepare import draw, read_leads
from ecgnoise.ptbxl.refine import refine, result_of
from ecgnoise.ptbxl.store import Store, StoreDescription, create_store, open_store
from ecgnoise.readers import read
from ecgnoise.scalogram.profile import DEFAULT, PAPER
from ecgnoise.scalogram.superlet import superlet
from ecgnoise.scoring.metrics import mean_absolute_error, ssim
from ecgnoise.scoring.scorer import Scorer
from ecgnoise.writers import write_recording

pytest.importorskip("zarr", reason="needs the extra ptbxl")
torch = pytest.importorskip("torch", reason="needs the extra train")

RECORDS = 6
ABSENT = 2
FLAT = (1, 7)
SHORT_SAMPLING = Ddim(30, 10)
STEM = "ldm_ddim-10_t30"


def network_file(seed, kind, inputs, output):
    """An ONNX file with one convolution, of weights drawn from a seed, that takes milliseconds."""
    drawn = np.random.RandomState(seed)
    (name, (before, *_)), after = inputs, output[1][0]
    shape, stride = {"Conv": (after, before, 3, 3), "ConvTranspose": (before, after, 4, 4)}[kind], 1
    options = {"pads": [1, 1, 1, 1]}
    if output[1] != inputs[1]:
        shape, stride = (*shape[:2], 4, 4), 4
        options = {"strides": [4, 4]}
    weights = {"weight": 0.3 * drawn.standard_normal(shape) / stride, "bias": 0.1 * drawn.standard_normal(after)}
    nodes = [
        helper.make_node(kind, [name, "weight", "bias"], ["filtered"], **options),
        helper.make_node("Tanh", ["filtered"], [output[0]]),
    ]
    placed = {name: inputs[1], output[0]: output[1]}
    values = {
        key: helper.make_tensor_value_info(key, TensorProto.FLOAT, ["n", *shape]) for key, shape in placed.items()
    }
    taken = [values[name]]
    if output[0] == "noise":
        taken.append(helper.make_tensor_value_info("timestep", TensorProto.INT64, [1]))
        nodes[1] = helper.make_node("Tanh", ["filtered"], ["bent"])
        nodes += [
            helper.make_node("Cast", ["timestep"], ["time"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["time", "thousandth"], ["share"]),
            helper.make_node("Add", ["share", "one"], ["factor"]),
            helper.make_node("Mul", ["bent", "factor"], ["noise"]),
        ]
        weights |= {"thousandth": np.array([1e-3]), "one": np.array([1.0])}
    constants = [numpy_helper.from_array(value.astype(np.float32), key) for key, value in weights.items()]
    graph = helper.make_graph(nodes, "tiny", taken, [values[output[0]]], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def described(name, kind, profile=PAPER):
    sampler = SHORT_SAMPLING if kind in {"latent", "pixel"} else None
    return ModelDescription(
        name, "1", "MIT", profile, Network(kind), PUBLISHED_THRESHOLDS, Training(note="not trained"), sampler
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Tiny models of each kind; ``other`` is ``latent`` with other weights."""
    folder = tmp_path_factory.mktemp("models")
    image, latent = (1, 32, 256), (2, 8, 64)
    kinds = {"latent": "latent", "other": "latent", "pixel": "pixel", "ae": "autoencoder"}
    made = {}
    for seed, (name, kind) in enumerate(kinds.items()):
        files = {}
        if kind != "pixel":
            files["encoder.onnx"] = network_file(seed, "Conv", ("images", image), ("latents", latent))
            files["decoder.onnx"] = network_file(seed, "ConvTranspose", ("denoised", latent), ("images", image))
        if kind != "autoencoder":
            shape = image if kind == "pixel" else latent
            files["noise_predictor.onnx"] = network_file(seed, "Conv", ("noisy", shape), ("noise", shape))
        made[name] = write_folder(folder / name, described(name, kind), files)
    return made


def record(number, fold, **noises):
    leads = dict.fromkeys(NOISES, ()) | noises
    noisy = {lead for those in leads.values() for lead in those}
    clean = tuple(lead for lead in range(12) if lead not in noisy)
    name = f"records500/00000/{number:05}_hr"
    return RecordLabels(name, None, {"NORM": 100.0}, **leads, clean=clean, strat_fold=fold)


INDEX = (
    record(0, 3),
    record(1, 10),
    record(2, 4, static_noise=(1, 2)),
    record(3, 1, static_noise=(0, 1), burst_noise=(1, 5)),
    record(4, 10, baseline_drift=(11,)),
    record(5, 9, electrodes_problems=(3,), baseline_drift=(4,)),
)
EVALUATED = {1: range(12), 3: (0, 1, 5), 4: range(12), 5: (3, 4)}
LEADS_EVALUATED = sum(map(len, EVALUATED.values()))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    for number in range(RECORDS):
        signal = simulate_ecg(10, 500, seed=number).signal
        signal = signal + 0.01 * (1 + number) * np.random.default_rng(number).normal(size=signal.shape)
        if number == FLAT[0]:
            signal[FLAT[1]] = 0.3
        write_recording(Recording.from_array(signal, 500, lead_names=LEADS), folder / f"{number}.hea")
    return folder


def make_store(path, recordings, profile, numbers, dtype="uint8"):
    description = StoreDescription(profile, dtype, 500)
    store = create_store(path, description, INDEX)
    for number in numbers:
        enter(store, recordings, number)
    return open_store(path)


def enter(store, recordings, number):
    transform = superlet(store.profile, 500)
    quantity, levels = draw(read_leads(recordings / f"{number}.hea", 500), store.description, transform)
    for name, values in ((store.description.quantity, quantity), ("qrs_level", levels), ("done", True)):
        store.array(name)[number] = values


@pytest.fixture(scope="module")
def store(recordings, tmp_path_factory):
    """Six records of which one is not there and one has a flat lead, profile paper."""
    there = [number for number in range(RECORDS) if number != ABSENT]
    return make_store(tmp_path_factory.mktemp("stores") / "paper", recordings, PAPER, there)


@pytest.fixture(scope="module")
def whole(store, models, tmp_path_factory):
    """An uninterrupted run, and the folder of its files."""
    out = tmp_path_factory.mktemp("results")
    return evaluate(store, models["latent"], out, [SHORT_SAMPLING]), out


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def values(folder, stem, metric):
    """(records, 12); NaN for an empty cell."""
    rows = table(folder / f"{stem}_{metric}.csv")
    return np.array([[float(row[f"lead_{lead}"] or "nan") for lead in range(12)] for row in rows])


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_rows_are_the_records_with_evaluated_leads_and_cells_those_leads(whole):
    evaluated, out = whole
    (result,) = evaluated.results
    assert [file.name for file in result.files] == [f"{STEM}_{metric}.csv" for metric in ("psnr", "ssim", "mse", "mae")]
    assert (result.counts.leads, result.counts.records, result.counts.empty) == (LEADS_EVALUATED, 4, 1)
    assert (evaluated.absent, result.new) == (1, True)
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [f"{STEM}.json", *(file.name for file in result.files)]
    )
    for file in result.files:
        assert file.read_text().splitlines()[0] == ",".join(RESULT_COLUMNS)
        assert read_labels(file) == tuple(INDEX[number] for number in EVALUATED)
        there = ~np.isnan(values(out, STEM, ResultFile.of(file).metric))
        for row, (number, leads) in zip(there, EVALUATED.items(), strict=True):
            assert np.flatnonzero(row).tolist() == [lead for lead in leads if (number, lead) != FLAT]


def test_psnr_is_the_score(whole, models, recordings):
    _, out = whole
    model = models["latent"]
    scorer = Scorer(PAPER, load_reconstructor(model, 1), Grading(PUBLISHED_THRESHOLDS), None, 12)
    found = values(out, STEM, "psnr")
    for row, (number, leads) in zip(found, EVALUATED.items(), strict=True):
        scores = scorer.score(read(recordings / f"{number}.hea").pick(LEADS)).psnr[:, 0]
        wanted = [lead for lead in leads if (number, lead) != FLAT]
        np.testing.assert_allclose(row[wanted], scores[wanted], atol=1e-6)
        assert np.isnan(row[FLAT[1]]) == np.isnan(scores[FLAT[1]]) or FLAT[1] not in leads


def test_the_other_metrics_are_of_the_same_images(whole, models, store):
    from skimage.metrics import structural_similarity

    _, out = whole
    images = store.images([4])[0]
    scalograms = Scalograms(images, store.qrs_level[4], True, np.ones(32, bool))
    reconstruction = load_reconstructor(models["latent"], 1).reconstruct(scalograms)
    difference = images.astype(np.float64) - reconstruction
    similar = [structural_similarity(*pair, data_range=255) for pair in zip(images, reconstruction, strict=True)]
    psnr, similarity, squared, absolute = (values(out, STEM, metric)[2] for metric in METRICS)
    np.testing.assert_allclose(squared, (difference**2).mean(axis=(1, 2)), atol=1e-6)
    np.testing.assert_allclose(absolute, np.abs(difference).mean(axis=(1, 2)), atol=1e-6)
    np.testing.assert_allclose(similarity, similar, atol=1e-4)
    np.testing.assert_allclose(psnr, 10 * np.log10(255**2 / squared), atol=1e-6)


def test_ssim_and_mae_count_the_valid_rows_only():
    generator = np.random.default_rng(1)
    one, two = generator.uniform(0, 255, (2, 3, 20, 40)).astype(np.float32)
    valid = np.arange(20) >= 8
    both = one.copy()
    both[:, ~valid] = two[:, ~valid]
    for metric in (ssim, mean_absolute_error):
        np.testing.assert_array_equal(metric(one, two, valid), metric(both, two, valid))
        assert (metric(one, two, valid) != metric(one, two, np.ones(20, bool))).all()
    assert ssim(one, one, valid).tolist() == [1, 1, 1]
    assert mean_absolute_error(one, one + 3, valid) == pytest.approx([3, 3, 3], abs=1e-4)
    grey = (0.01 * 255) ** 2
    flat = [np.full((1, 8, 8), level, np.float32) for level in (30, 50)]
    expected = (2 * 30 * 50 + grey) / (30**2 + 50**2 + grey)
    assert ssim(*flat, np.ones(8, bool)) == pytest.approx(expected)


def test_ssim_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    with pytest.raises(MissingExtraError, match=r"scikit-image: pip install 'ecgnoise\[ptbxl\]'"):
        ssim(np.zeros((1, 8, 8)), np.zeros((1, 8, 8)), np.ones(8, bool))


def test_all_folds(store, models, tmp_path):
    settings = EvaluationSettings(every_fold=True)
    (result,) = evaluate(store, models["latent"], tmp_path, [SHORT_SAMPLING], settings).results
    assert (result.counts.leads, result.counts.records, result.counts.empty) == (60, 5, 1)
    assert (~np.isnan(values(tmp_path, f"all_{STEM}", "mae"))).sum() == 59


@pytest.mark.parametrize("batch", [1, 5, 13])
def test_values_do_not_depend_on_the_batch(whole, store, models, tmp_path, batch):
    evaluate(store, models["latent"], tmp_path, [SHORT_SAMPLING], EvaluationSettings(batch=batch))
    assert files_of(tmp_path) == files_of(whole[1])


def test_values_depend_on_seed_sampler_and_model(whole, store, models, tmp_path):
    first = values(whole[1], STEM, "psnr")
    evaluate(store, models["latent"], tmp_path / "seed", [SHORT_SAMPLING], EvaluationSettings(seed=5))
    evaluate(store, models["other"], tmp_path / "model", [SHORT_SAMPLING])
    evaluate(store, models["latent"], tmp_path / "sampler", [Ddim(30, 30)])
    found = [values(tmp_path / name, STEM, "psnr") for name in ("seed", "model")]
    for other in (*found, values(tmp_path / "sampler", "ldm_ddim-30_t30", "psnr")):
        assert (first[1:] != other[1:])[~np.isnan(first[1:])].mean() > 0.9


def test_every_combination_is_a_result_and_ddpm_one_without_intervals(store, models, tmp_path):
    arguments = ["--timestep", "20", "--timestep", "7", "--sampler", "ddim", "--sampler", "ddpm"]
    done = call(store, models["pixel"], tmp_path, *arguments, "--step-interval", "5", "--step-interval", "10")
    assert done.exit_code == 0, done.output
    stems = {f"dm_ddim-{interval}_t{start}" for interval in (5, 10) for start in (20, 7)} | {
        "dm_ddpm_t20",
        "dm_ddpm_t7",
    }
    assert {path.stem for path in tmp_path.glob("*.json")} == stems
    assert {path.name for path in tmp_path.glob("*.csv")} == {
        f"{stem}_{metric}.csv" for stem in stems for metric in METRICS
    }
    assert (
        done.stdout.splitlines()[0] == f"wrote {tmp_path}/dm_ddim-5_t20_psnr.csv: {LEADS_EVALUATED} leads of 4 records"
    )
    assert len(done.stdout.splitlines()) == 4 * len(stems)
    assert done.stderr.splitlines() == [
        *len(stems) * ["  1 leads without a value: flat, or not finite"],
        "1 records with leads to evaluate are not in the store: left out",
    ]
    evaluate(store, models["pixel"], tmp_path / "alone", [Ddim(7, 5)])
    alone = (tmp_path / "alone" / "dm_ddim-5_t7_psnr.csv").read_bytes()
    assert (tmp_path / "dm_ddim-5_t7_psnr.csv").read_bytes() == alone


def test_samplers():
    assert samplers_of() == (Ddim(250, 10),)
    assert samplers_of((30, 30), ("ddpm", "ddim"), (1, 2)) == (Ddpm(30), Ddim(30, 1), Ddim(30, 2))
    assert [sampler_name(sampler) for sampler in (Ddim(250, 10), Ddpm(9), None)] == ["ddim-10_t250", "ddpm_t9", ""]
    with pytest.raises(OptionError, match="sampler 'euler' is none of ddim, ddpm"):
        samplers_of((), ("euler",))
    with pytest.raises(OptionError, match="timestep 1000: pass 0 to 999"):
        samplers_of((1000,))


def test_a_batch_is_encoded_once():
    class Network:
        encoded = 0

        def encode(self, images):
            self.encoded += 1
            return images[:, :, ::4, ::4]

        def predict_noise(self, noisy, _):
            return noisy

        def decode(self, denoised):
            return denoised.repeat(4, axis=2).repeat(4, axis=3)

    network = Network()
    generator = np.random.default_rng(2)
    batches = [
        Scalograms(generator.uniform(0, 255, (2, 32, 256)).astype(np.float32), None, True, None) for _ in range(2)
    ]
    shared = EncodedOnce(network)
    for batch in (batches[0], batches[1], batches[0]):
        for sampler in (Ddim(30, 10), Ddpm(3)):
            alone = DiffusionReconstructor(Network(), sampler, PAPER).reconstruct(batch)
            np.testing.assert_array_equal(DiffusionReconstructor(shared, sampler, PAPER).reconstruct(batch), alone)
    assert network.encoded == 3


def test_each_record_is_read_once(store, models, tmp_path, monkeypatch):
    read_records, images = [], Store.images

    def counted(self, records):
        read_records.extend(records)
        return images(self, records)

    monkeypatch.setattr(Store, "images", counted)
    evaluate(store, models["latent"], tmp_path, samplers_of((30, 20)), EvaluationSettings(batch=5))
    assert read_records == list(EVALUATED)


def test_what_is_not_finite_has_no_value(store, models, tmp_path, monkeypatch):
    scalograms = Scalograms(np.full((2, 32, 256), 9, np.float32), None, True, np.ones(32, bool))
    reconstruction = scalograms.images.copy()
    reconstruction[0, 5, 5] = np.nan
    assert np.isnan(measure(scalograms, reconstruction)).all(axis=1).tolist() == [True, False]
    images = Store.images

    def damaged(self, records):
        found = images(self, records)
        found[:, 4, 0, 0] = np.inf
        return found

    monkeypatch.setattr(Store, "images", damaged)
    (result,) = evaluate(store, models["latent"], tmp_path, [SHORT_SAMPLING]).results
    assert result.counts.empty == 4
    assert np.isnan(values(tmp_path, STEM, "ssim")[:, 4]).all()


def call(store, model, out, *arguments):
    words = ["ptbxl", "evaluate", store.path, "--model", model.path, "--out", out, "--threads", 1, *arguments]
    return CliRunner().invoke(main, list(map(str, words)))


def refused(error, said, *arguments):
    with pytest.raises(error, match=said) as caught:
        evaluate(*arguments)
    assert "\n" not in str(caught.value)


def test_a_store_of_another_profile_is_refused(recordings, models, tmp_path):
    store = make_store(tmp_path / "store", recordings, DEFAULT, [])
    refused(StoreError, "profile name is default, asked for paper", store, models["latent"], tmp_path / "out")
    narrow = replace(PAPER, level_range=(-7.0, 0.0))
    store = make_store(tmp_path / "narrow", recordings, narrow, [])
    said = r"narrow: profile level_range is \[-7.0, 0.0\], asked for \[-8.0, 0.0\]: make a store"
    refused(StoreError, said, store, models["latent"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_without_whole_grey_levels_takes_a_store_of_levels_only(store, recordings, models, tmp_path):
    plain = replace(PAPER, discretize=False)
    files = {name: (models["ae"].path / name).read_bytes() for name in models["ae"].description.files}
    model = write_folder(tmp_path / "plain", described("plain", "autoencoder", plain), files)
    refused(StoreError, "profile discretize is True, asked for False", store, model, tmp_path / "out")
    levels = make_store(tmp_path / "levels", recordings, PAPER, [4], "float16")
    evaluate(levels, model, tmp_path / "out")
    (row,) = compare.result_rows(ResultFile.of(tmp_path / "out" / "ae_psnr.csv"))
    images = levels.drawn_with(plain).images([4])[0]
    assert np.abs(images - levels.images([4])[0]).max() <= 0.5
    assert (images % 1 > 0).mean() > 0.5
    scalograms = Scalograms(images, np.zeros(12, np.float32), known=True, valid=np.ones(PAPER.rows, np.bool_))
    expected = measure(scalograms, load_reconstructor(model, 1).reconstruct(scalograms))[:, 0]
    assert [row.value(lead) for lead in range(12)] == pytest.approx(expected, abs=1e-5)


def test_a_store_without_evaluated_leads_is_refused(recordings, models, tmp_path):
    store = make_store(tmp_path / "store", recordings, PAPER, [0])
    refused(StoreError, "none of the leads to evaluate is there", store, models["latent"], tmp_path / "out")


class StoppedError(Exception):
    pass


def stop_after(monkeypatch, batches, error=StoppedError):
    """Checkpoints take so many batches and then raise."""
    enter_values, left = Checkpoint.enter, [batches]

    def limited(self, *arguments):
        if not left[0]:
            monkeypatch.setattr(Checkpoint, "enter", enter_values)
            raise error
        left[0] -= 1
        enter_values(self, *arguments)

    monkeypatch.setattr(Checkpoint, "enter", limited)


@pytest.fixture
def stopped(store, models, tmp_path, monkeypatch):
    """The checkpoint of a run that was stopped after two batches of five leads."""
    stop_after(monkeypatch, 2)
    refused(StoppedError, None, store, models["latent"], tmp_path, [SHORT_SAMPLING], EvaluationSettings(batch=5))
    assert [path.name for path in tmp_path.iterdir()] == [f"{STEM}.checkpoint"]
    return tmp_path / f"{STEM}.checkpoint"


def test_a_run_goes_on_after_the_last_whole_line(whole, store, models, stopped):
    """Wherever the checkpoint ends, and with what a crash may leave behind its end."""
    content = stopped.read_bytes()
    header = content.index(b"\n") + 1
    assert len(content[header:].splitlines()) == 10
    ends = random.sample(range(header, len(content) + 1), 6)
    tails = (b"", b"\0" * 40, b"[9, 0, 1.0, 1.0, 1.0, 1.0]\n", b"[1, 2, 3.0]\n", b"\xff\n[3, 0, 1.0, 1.0, 1.0, 1.0]\n")
    for number, end in enumerate((header, *ends)):
        stopped.write_bytes(content[:end] + tails[number % len(tails)])
        calls = []
        settings = EvaluationSettings(batch=5)
        evaluate(
            store,
            models["latent"],
            stopped.parent,
            [SHORT_SAMPLING],
            settings,
            progress=lambda *call, calls=calls: calls.append(call),
        )
        assert files_of(stopped.parent) == files_of(whole[1])
        assert calls[-1] == (LEADS_EVALUATED, LEADS_EVALUATED)
        assert len(calls) <= 6 if end == header else len(calls) <= 5 or end < len(content) - 100
        for path in stopped.parent.iterdir():
            path.unlink()


def test_a_checkpoint_that_is_complete_reconstructs_nothing(whole, store, models, tmp_path, monkeypatch):
    settings = EvaluationSettings(batch=100)
    with monkeypatch.context() as patch:
        patch.setattr("ecgnoise.ptbxl.evaluate.write_sheets", lambda sheets: (_ for _ in ()).throw(StoppedError))
        refused(StoppedError, None, store, models["latent"], tmp_path, [SHORT_SAMPLING], settings)
    monkeypatch.setattr(DiffusionReconstructor, "reconstruct", None)
    evaluate(store, models["latent"], tmp_path, [SHORT_SAMPLING], settings)
    assert files_of(tmp_path) == files_of(whole[1])


def test_a_checkpoint_of_something_else_is_refused(store, models, stopped):
    model, out = models["latent"], stopped.parent
    said = r"model is latent 1 \([0-9a-f]{12}\), asked for other 1 \([0-9a-f]{12}\): pass what it was made with"
    before = stopped.read_bytes()
    refused(OutputError, said, store, models["other"], out, [SHORT_SAMPLING])
    refused(OutputError, "seed is 123, asked for 9", store, model, out, [SHORT_SAMPLING], EvaluationSettings(seed=9))
    other = open_store(store.path)
    vars(other)["index"] = (replace(INDEX[0], strat_fold=2), *INDEX[1:])
    refused(OutputError, "index is [0-9a-f]{12}, asked for [0-9a-f]{12}", other, model, out, [SHORT_SAMPLING])
    other = Store(store.path, replace(store.description, sampling_frequency=100), store._group)
    refused(OutputError, "store: sampling_frequency is 500, asked for 100", other, model, out, [SHORT_SAMPLING])
    assert stopped.read_bytes() == before
    stopped.write_bytes(b"{}\n")
    refused(OutputError, r"\.checkpoint: damaged, or of another program", store, model, out, [SHORT_SAMPLING])


def test_what_is_there_is_not_made_again(store, models, tmp_path, monkeypatch):
    done = call(store, models["latent"], tmp_path, "--timestep", 30)
    assert done.exit_code == 0, done.output
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (tmp_path / f"{STEM}.checkpoint").write_text("left by a kill at the very end")
    with monkeypatch.context() as patch:
        patch.setattr("ecgnoise.ptbxl.evaluate.open_onnx", None)
        done = call(store, models["latent"], tmp_path, "--timestep", 30)
    assert done.stdout.splitlines()[0] == (
        f"already there: {tmp_path}/{STEM}_psnr.csv: {LEADS_EVALUATED} leads of 4 records"
    )
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    done = call(store, models["latent"], tmp_path, "--timestep", 30, "--timestep", 20)
    assert [line.partition(":")[0][:12] for line in done.stdout.splitlines()] == 4 * ["already ther"] + [
        f"wrote {tmp_path}/ldm"[:12] for _ in range(4)
    ]
    refused(
        OutputError, r"json: model is latent .* asked for other", store, models["other"], tmp_path, [SHORT_SAMPLING]
    )
    evaluate(store, models["other"], tmp_path, [SHORT_SAMPLING], EvaluationSettings(name="ldm-2"))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert ResultFile.of(tmp_path / "ldm-2_ddim-10_t30_mae.csv").model == "ldm-2"


def test_a_deleted_file_is_made_again(whole, store, models, tmp_path):
    evaluate(store, models["latent"], tmp_path, [SHORT_SAMPLING])
    (tmp_path / f"{STEM}_mae.csv").unlink()
    evaluate(store, models["latent"], tmp_path, [SHORT_SAMPLING])
    assert files_of(tmp_path) == files_of(whole[1])


def test_files_of_unknown_origin_stay(store, models, tmp_path):
    (tmp_path / f"{STEM}_mse.csv").write_text("of the published program")
    refused(
        OutputError,
        f"{STEM}_mse.csv: there already, from elsewhere",
        store,
        models["latent"],
        tmp_path,
        [SHORT_SAMPLING],
    )
    assert files_of(tmp_path) == {f"{STEM}_mse.csv": b"of the published program"}


def test_a_store_that_has_grown(recordings, models, tmp_path):
    """A result that is there is of fewer leads and refused; one in hand takes the new leads in."""
    path, out = tmp_path / "store", tmp_path / "out"
    store = make_store(path, recordings, PAPER, [3])
    evaluate(store, models["latent"], out, [SHORT_SAMPLING])
    enter(open_store(path, writable=True), recordings, 5)
    grown = open_store(path)
    refused(
        OutputError, "leads is 3, asked for 5: the store has changed", grown, models["latent"], out, [SHORT_SAMPLING]
    )
    for name in ("psnr.csv", "mae.csv", "mse.csv", "ssim.csv"):
        (out / f"{STEM}_{name}").unlink()
    (result,) = evaluate(grown, models["latent"], out, [SHORT_SAMPLING]).results
    assert result.counts.leads == 5


def test_the_note_says_what_made_the_files(whole, models, store):
    note = json.loads((whole[1] / f"{STEM}.json").read_text())
    assert note["model"] == {"name": "latent", "version": "1", "hash": models["latent"].hash}
    assert (note["sampler"], note["seed"], note["device"], note["every_fold"]) == ("ddim-10_t30", 123, "cpu", False)
    assert (note["leads"], note["records"], note["empty"]) == (LEADS_EVALUATED, 4, 1)
    assert StoreDescription.from_dict(note["store"]) == store.description
    assert note["ecgnoise"]


@pytest.mark.parametrize("name", ["all_mine", "a/b", "mine_ddim-5_t9", "../up"])
def test_names_that_files_cannot_have(store, models, tmp_path, name):
    settings = EvaluationSettings(name=name)
    refused(OptionError, "--name", store, models["ae"], tmp_path / "out", (), settings)
    if not name.startswith("mine"):
        refused(OptionError, "--name", store, models["latent"], tmp_path / "out", (), settings)
    assert not list(tmp_path.iterdir())


def test_ctrl_c_stops_and_the_same_command_goes_on(whole, store, models, tmp_path, monkeypatch):
    stop_after(monkeypatch, 3, KeyboardInterrupt)
    done = call(store, models["latent"], tmp_path, "--timestep", 30, "--batch", 5)
    assert (done.exit_code, done.stdout) == (130, "")
    assert done.stderr.splitlines() == ["Stopped: leads that are done stay; the same command goes on."]
    assert call(store, models["latent"], tmp_path, "--timestep", 30, "--batch", 5).exit_code == 0
    assert files_of(tmp_path) == files_of(whole[1])


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(whole, store, models, tmp_path, monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    usual = Path.open

    def full(path, mode="r", *arguments, **options):
        return usual(Path("/dev/full") if mode == "ab" else path, mode, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        done = call(store, models["latent"], tmp_path, "--timestep", 30)
    assert done.exit_code == 2
    assert done.stderr == (
        f"Error: {tmp_path}/{STEM}.checkpoint: cannot be written (No space left on device): "
        "make room, then the same command goes on\n"
    )
    assert call(store, models["latent"], tmp_path, "--timestep", 30).exit_code == 0
    assert files_of(tmp_path) == files_of(whole[1])


def test_an_unwritable_place_is_one_line(store, models, tmp_path):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        done = call(store, models["latent"], out, "--timestep", 30)
        assert done.exit_code == 2
        assert done.stderr.startswith(f"Error: {out}/{STEM}.checkpoint: cannot be written (")
        assert len(done.stderr.splitlines()) == 1


def test_models_without_a_reverse_process(store, models, tiny_model, recordings, tmp_path):
    evaluate(store, models["ae"], tmp_path)
    assert ResultFile.of(tmp_path / "ae_psnr.csv") == ResultFile(
        tmp_path / "ae_psnr.csv", False, "ae", "", None, "psnr"
    )
    wide = make_store(tmp_path / "store", recordings, DEFAULT, [4])
    evaluate(wide, load_folder(tiny_model), tmp_path, (), EvaluationSettings(every_fold=True))
    assert {path.name for path in tmp_path.glob("*.json")} == {"ae.json", "all_default.json"}
    assert json.loads((tmp_path / "ae.json").read_text())["seed"] is None
    scorer = Scorer(DEFAULT, load_reconstructor(load_folder(tiny_model), 1), Grading(PUBLISHED_THRESHOLDS), None, 12)
    scores = scorer.score(read(recordings / "4.hea").pick(LEADS)).psnr[:, 0]
    np.testing.assert_allclose(values(tmp_path, "all_default", "psnr")[0], scores, atol=0.05)


@pytest.mark.parametrize("option", [("--timestep", 250), ("--sampler", "ddim"), ("--step-interval", 10), ("--seed", 1)])
def test_options_of_a_reverse_process_for_a_model_without(store, models, tmp_path, option):
    done = call(store, models["ae"], tmp_path / "out", *option)
    assert done.exit_code == 2
    assert option[0] in done.stderr
    assert "is of kind autoencoder, which has no reverse process: leave it out" in done.stderr
    assert not (tmp_path / "out").exists()


def test_results_are_read_by_compare_and_refine(store, models, recordings, tmp_path, monkeypatch):
    monkeypatch.setattr(compare, "DRAWS", 5)
    every = EvaluationSettings(every_fold=True)
    evaluate(store, models["latent"], tmp_path, [SHORT_SAMPLING, Ddpm(5)])
    evaluate(store, models["ae"], tmp_path)
    evaluate(store, models["latent"], tmp_path / "all", [SHORT_SAMPLING], every)
    evaluate(store, models["ae"], tmp_path / "all", (), every)
    found = find_results(tmp_path, "mae")
    assert [file.path.name for file in found] == ["ae_mae.csv", f"{STEM}_mae.csv", "ldm_ddpm_t5_mae.csv"]
    comparisons = compare_results(found)
    assert {(noise.clean, noise.noisy) for noise in comparisons[0].noises} == {(22, 2)}
    rows = [row for row in comparison_sheet(comparisons).rows if row[2] == "ae"]
    assert {row[3:6] for row in rows} == {("", "", "mae")}
    refined = refine(*(result_of(tmp_path / "all" / f"all_{stem}_psnr.csv", "psnr") for stem in (STEM, "ae")), 1.0, 1.0)
    assert len(refined.both) == 12 + 9 + 10
    done = CliRunner().invoke(main, ["ptbxl", "compare", str(tmp_path), "--keyword", "psnr"])
    assert done.exit_code == 0, done.output
    assert "ae_psnr.csv" in done.stdout


def test_devices(store, models, tmp_path):
    for name, error in (("nonsense", OptionError), ("cuda:77", OptionError), ("meta", OptionError)):
        refused(
            error,
            f"--device {name}: torch cannot use it",
            store,
            models["latent"],
            tmp_path,
            (),
            EvaluationSettings(device=name),
        )
    with pytest.raises(ModelFormatError, match=r"weights\.safetensors"):
        open_twin(models["latent"], "cpu:0")
    settings = EvaluationSettings(device="cuda")
    refused(OptionError, "--device cuda: a model of kind autoencoder", store, models["ae"], tmp_path, (), settings)


@pytest.mark.slow
def test_another_device_runs_the_torch_twin(recordings, models, tmp_path):
    from safetensors.torch import save

    from ecgnoise.models.networks.published import PIXEL_LEVELS, PixelDiffusion, with_widths
    from ecgnoise.models.torch import TorchNetwork
    from published_networks import with_drawn_parameters

    narrow = PixelDiffusion(with_widths(PIXEL_LEVELS, (32,) * len(PIXEL_LEVELS)))
    network = with_drawn_parameters(narrow)
    predictor = (models["pixel"].path / "noise_predictor.onnx").read_bytes()
    files = {"noise_predictor.onnx": predictor, "weights.safetensors": save(network.state_dict())}
    model = write_folder(tmp_path / "model", described("twin", "pixel"), files)
    store = make_store(tmp_path / "store", recordings, PAPER, [5])
    evaluate(store, model, tmp_path / "out", [Ddim(10, 10)], EvaluationSettings(device="cpu:0"))
    scalograms = Scalograms(store.images([5])[0][3:5], None, True, np.ones(32, bool))
    reconstruction = DiffusionReconstructor(TorchNetwork(network), Ddim(10, 10), PAPER).reconstruct(scalograms)
    found = values(tmp_path / "out", "dm_ddim-10_t10", "mse")[0]
    np.testing.assert_allclose(found[3:5], measure(scalograms, reconstruction)[:, METRICS.index("mse")], atol=1e-6)


def run_command(store, model, out):
    words = ["ptbxl", "evaluate", store.path, "--model", model.path, "--out", out, "--threads", 1, "--batch", 3]
    samplers = ["--all-folds", "--sampler", "ddpm", "--sampler", "ddim", "--timestep", 150]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-m", "ecgnoise", *map(str, words), *map(str, samplers)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_to_the_same_files(store, models, tmp_path):
    """Killed three times at random moments after something was written, and run to its end."""
    out = tmp_path / "killed"
    samplers = samplers_of((150,), ("ddpm", "ddim"))
    evaluate(store, models["latent"], tmp_path / "whole", samplers, EvaluationSettings(every_fold=True, batch=3))
    sizes = [0]
    for _ in range(3):
        process = run_command(store, models["latent"], out)
        limit = time.monotonic() + 90
        while size(out) <= sizes[-1] and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.002)
        time.sleep(random.random() / 20)
        process.kill()
        process.communicate()
        sizes.append(size(out))
    assert sizes == sorted(set(sizes)), "nothing was done between two kills"
    assert not list(out.glob("*.csv"))
    process = run_command(store, models["latent"], out)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert output.count("wrote") == 8
    assert files_of(out) == files_of(tmp_path / "whole")


def size(folder):
    return sum(path.stat().st_size for path in folder.glob("*.checkpoint"))
