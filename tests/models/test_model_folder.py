"""Model folders: what is written is read back, and nothing else is accepted."""

import os
import tomllib
from dataclasses import replace

import numpy as np
import pytest
import tomli_w

from ecgnoise.errors import (
    ModelChecksumError,
    ModelFormatError,
    ModelNotFoundError,
    OptionError,
    OutputError,
)
from ecgnoise.models.diffusion import Ddim, Ddpm
from ecgnoise.models.folder import (
    PUBLISHED_THRESHOLDS,
    ModelDescription,
    Network,
    Query,
    StressStep,
    Thresholds,
    Training,
    load_folder,
    write_folder,
)
from ecgnoise.scalogram.profile import DEFAULT, PAPER

QUERY = Query("low", (0.2, 2.4), 0.5, (0.2, 0.6), one_sided=True, scale=12.5, weight=1.0, power=2.0)
PIXEL = ModelDescription(
    name="tiny",
    version="1",
    licence="MIT",
    profile=PAPER,
    network=Network("pixel"),
    thresholds=PUBLISHED_THRESHOLDS,
    training=Training(("simulated",), "abc", 'a "note"\nof two lines'),
    sampler=Ddim(30, 10),
)
MASKED = replace(
    PIXEL,
    profile=DEFAULT,
    network=Network("masked"),
    thresholds=Thresholds(30.0, 25.5, 20.0),
    sampler=None,
    queries=(QUERY, replace(QUERY, name="high", one_sided=False)),
    clean_percentiles=tuple(float(value) for value in np.linspace(20, 40, 101)),
    stress=(StressStep(-6.0, 20.0, 21.0, 22.5), StressStep(0.0, 22.0, 23.0, 24.0), StressStep(24.0, 21.0, 25.0, 26.0)),
)
DESCRIPTIONS = {
    "pixel": (PIXEL, {"noise_predictor.onnx": b"1"}),
    "ddpm": (replace(PIXEL, sampler=Ddpm(5)), {"noise_predictor.onnx": b"1"}),
    "latent": (
        replace(PIXEL, network=Network("latent", 0.18215)),
        {"encoder.onnx": b"1", "noise_predictor.onnx": b"2", "decoder.onnx": b"", "card.md": "µ".encode()},
    ),
    "masked": (MASKED, {"denoiser.onnx": bytes(range(256))}),
}


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "model", *DESCRIPTIONS["masked"])


def rewrite(folder, change):
    toml = folder.path / "model.toml"
    values = tomllib.loads(toml.read_text())
    change(values)
    toml.write_text(tomli_w.dumps(values))


@pytest.mark.parametrize("kind", DESCRIPTIONS)
def test_what_is_written_is_read_back(tmp_path, kind):
    description, files = DESCRIPTIONS[kind]
    written = write_folder(tmp_path / "new" / "model", description, files)
    read = load_folder(str(tmp_path / "new" / "model"))
    assert read == written
    assert replace(read.description, files={}) == description
    assert {name: read.file(name).read_bytes() for name in read.description.files} == files
    assert {entry.name for entry in read.path.iterdir()} == {"model.toml", *files}
    assert [entry.name for entry in read.path.parent.iterdir()] == ["model"]


def test_hash_names_the_whole_model(tmp_path):
    description, files = DESCRIPTIONS["latent"]
    one = write_folder(tmp_path / "one", description, files)
    same = write_folder(tmp_path / "same", description, dict(reversed(files.items())))
    other_file = write_folder(tmp_path / "file", description, {**files, "card.md": b"other"})
    other_entry = write_folder(tmp_path / "entry", replace(description, version="2"), files)
    assert one.hash == same.hash
    assert len({one.hash, other_file.hash, other_entry.hash}) == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda v: v.update(colour="red"), "colour is unknown"),
        (lambda v: v["network"].update(layers=3), "network.layers is unknown"),
        (lambda v: v["queries"][0].update(hint=1), r"queries\[0\].hint is unknown"),
        (lambda v: v["profile"].update(gamma=1), "profile.gamma is unknown"),
        (lambda v: v.pop("licence"), "licence is missing"),
        (lambda v: v["thresholds"].pop("poor"), "thresholds.poor is missing"),
        (lambda v: v["profile"].pop("floor"), "profile.floor is missing"),
        (lambda v: v.update(name=3), "name: 3 is not str"),
        (lambda v: v.update(network="masked"), "network: 'masked' is no table"),
        (lambda v: v["queries"][0].update(one_sided=1), "one_sided: 1 is not bool"),
        (lambda v: v["queries"][0].update(scale=True), "scale: True is not float"),
        (lambda v: v["queries"][0].update(scale=0), "scale 0, power 2 must lie above 0"),
        (lambda v: v["queries"][0].update(hidden=[1.0]), "hidden: .* is not tuple"),
        (lambda v: v["thresholds"].update(good=float("nan")), "good: nan is not float"),
        (lambda v: v["thresholds"].update(good=1.0), "good must lie above fair"),
        (lambda v: v["network"].update(kind="magic"), "network.kind 'magic'"),
        (lambda v: v["network"].update(kind="latent"), "sampler: a latent network needs one"),
        (lambda v: v.update(sampler={"kind": "euler", "start": 30}), "sampler.kind 'euler'"),
        (lambda v: v.update(sampler={"kind": "ddpm", "start": 1000}), "sampler: diffusion timestep 1000"),
        (lambda v: v.update(sampler={"kind": "ddim", "start": 3}), "sampler.step_interval is missing"),
        (lambda v: v.update(queries=[]), "needs at least one"),
        (lambda v: v.update(clean_percentiles=[1.0, 2.0]), "101 percentiles"),
        (lambda v: v["clean_percentiles"].reverse(), "rising"),
        (lambda v: v["stress"].reverse(), r"stress: SNR \[24.0, 0.0, -6.0\]: give two or more, rising, or none"),
        (lambda v: v.update(stress=v["stress"][:1]), "two or more"),
        (lambda v: v["stress"][1].update(snr=-6.0), "rising"),
        (lambda v: v["stress"][1].update(low=23.5), "stress at 0 dB: .* low must not lie above"),
        (lambda v: v["stress"][1].update(high=22.5), "nor median above high"),
        (lambda v: v["stress"][1].pop("median"), r"stress\[1\].median is missing"),
        (lambda v: v["stress"][1].update(kind="bw"), r"stress\[1\].kind is unknown"),
        (lambda v: v["files"].pop("denoiser.onnx"), "needs denoiser.onnx"),
        (lambda v: v["files"].update({"../card.md": "00"}), "no plain file name"),
        (lambda v: v["files"].update({"/etc/passwd": "00"}), "no plain file name"),
        (lambda v: v["profile"].update(level_range=[1.0, 0.0]), "level_range"),
    ],
)
def test_entries_that_do_not_fit_are_named(folder, change, says):
    rewrite(folder, change)
    with pytest.raises(ModelFormatError, match=says) as refused:
        load_folder(folder.path)
    assert str(folder.path / "model.toml") in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("absent", [lambda v: v.pop("stress"), lambda v: v.update(stress=[])])
def test_a_folder_without_a_stress_curve_is_read(folder, absent):
    rewrite(folder, absent)
    assert load_folder(folder.path).description == replace(folder.description, stress=())


def test_no_stress_curve_is_not_written(tmp_path):
    written = write_folder(tmp_path / "model", *DESCRIPTIONS["pixel"])
    assert "stress" not in (written.path / "model.toml").read_text()


@pytest.mark.parametrize("content", [b"", b"name = ", b"\xff\xfe", b"name = 1\nname = 2"])
def test_a_damaged_description_is_refused(folder, content):
    (folder.path / "model.toml").write_bytes(content)
    with pytest.raises(ModelFormatError, match=r"model\.toml"):
        load_folder(folder.path)


def test_a_changed_file_is_refused(folder):
    file = folder.path / "denoiser.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelChecksumError, match=r"denoiser\.onnx"):
        load_folder(folder.path)


def test_an_absent_file_is_refused(folder):
    (folder.path / "denoiser.onnx").unlink()
    with pytest.raises(ModelNotFoundError, match=r"denoiser\.onnx"):
        load_folder(folder.path)


def test_no_folder(tmp_path):
    with pytest.raises(ModelNotFoundError, match="absent"):
        load_folder(tmp_path / "absent")


def test_only_listed_files_are_handed_out(folder):
    (folder.path / "extra.onnx").write_bytes(b"")
    with pytest.raises(ModelFormatError, match=r"extra\.onnx"):
        load_folder(folder.path).file("extra.onnx")


def test_an_existing_folder_is_never_overwritten(folder):
    before = (folder.path / "model.toml").read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        write_folder(folder.path, *DESCRIPTIONS["pixel"])
    assert (folder.path / "model.toml").read_bytes() == before


def test_nothing_is_left_of_a_model_that_does_not_fit(tmp_path):
    with pytest.raises(ModelFormatError, match=r"noise_predictor\.onnx"):
        write_folder(tmp_path / "model", PIXEL, {"encoder.onnx": b""})
    with pytest.raises(ModelFormatError, match="no plain file name"):
        write_folder(tmp_path / "model", PIXEL, {"noise_predictor.onnx": b"", "../card.md": b""})
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="needs a place that nobody can write to")
def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written"):
        write_folder(tmp_path / "file" / "model", *DESCRIPTIONS["pixel"])


def test_samplers_in_code_and_in_files_refuse_the_same():
    with pytest.raises(OptionError):
        Ddpm(1000)
