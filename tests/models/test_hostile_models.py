"""Model folders made to mislead, hang or exhaust: each is one line that names the file."""

import os
import shutil
import struct
import tomllib
import warnings
from hashlib import sha256

import numpy as np
import pytest
from click.testing import CliRunner

import ecgnoise
from ecgnoise.cli import main
from ecgnoise.errors import CheckpointError, EcgNoiseError, ModelChecksumError, ModelFormatError, ModelNotFoundError
from ecgnoise.models.folder import load_folder
from ecgnoise.models.load import load_reconstructor
from ecgnoise.models.onnx import Interface, OnnxSession
from ecgnoise.models.onnx_file import check_self_contained
from ecgnoise.scalogram.superlet import TRANSFORMS

onnx = pytest.importorskip("onnx", reason="needs the extra train")
torch = pytest.importorskip("torch", reason="needs the extra train")
tomli_w = pytest.importorskip("tomli_w", reason="needs the extra train")

ECG = ecgnoise.simulate_ecg(10, 125, lead_names=["I"])
FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
IMAGE = ["n", 1, 40, 256]
INPUTS = {"noised": IMAGE, "sigma": IMAGE, "hidden": IMAGE, "reference": ["n"], "known": ["n"]}


@pytest.fixture
def folder(tiny_model, tmp_path):
    return shutil.copytree(tiny_model, tmp_path / "model")


def rewrite(folder, change):
    """Change what model.toml says, with the sums of the files as they are now."""
    values = tomllib.loads((folder / "model.toml").read_text())
    values["files"] = {name: sha256((folder / name).read_bytes()).hexdigest() for name in values["files"]
                       if (folder / name).is_file()}  # fmt: skip
    change(values)
    (folder / "model.toml").write_text(tomli_w.dumps(values))


def put(folder, content):
    """Another network in the folder."""
    (folder / "denoiser.onnx").write_bytes(content)
    rewrite(folder, lambda values: None)


def network(nodes, inputs=INPUTS, outputs=None, initializers=(), kinds=None):
    """The bytes of an ONNX network."""
    made = [onnx.helper.make_tensor_value_info(name, (kinds or {}).get(name, FLOAT), shape)
            for name, shape in inputs.items()]  # fmt: skip
    given = [
        onnx.helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in (outputs or {"y": IMAGE}).items()
    ]
    graph = onnx.helper.make_graph(nodes, "g", made, given, list(initializers))
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    return model.SerializeToString()


def times(value):
    """A network that multiplies what it is given by a number."""
    number = onnx.numpy_helper.from_array(np.float32(value), "w")
    return network([onnx.helper.make_node("Mul", ["noised", "w"], ["y"])], initializers=[number])


def refused(folder, *kinds):
    """What is said of a model folder: one line, by the library and by the program."""
    with pytest.raises(kinds or EcgNoiseError) as error:
        ecgnoise.quantify(ECG, model=folder)
    said = str(error.value)
    assert len(said.splitlines()) == 1
    assert len(said) < 600
    done = CliRunner().invoke(main, ["score", "--example", "--model", str(folder)])
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    return said


def test_the_small_model_itself_is_fine(folder):
    assert np.isfinite(ecgnoise.quantify(ECG, model=folder).psnr).all()
    put(folder, times(1.0))
    assert np.isfinite(ecgnoise.quantify(ECG, model=folder).psnr).all()
    (folder / ".DS_Store").write_bytes(b"hidden")
    load_folder(folder)


@pytest.mark.parametrize("name", ["model.toml", "denoiser.onnx"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_only_regular_files_are_opened(folder, name, kind):
    (folder / name).unlink()
    if kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "device":
        (folder / name).symlink_to("/dev/zero")
    else:
        (folder / name).mkdir()
    refused(folder, ModelNotFoundError)


@pytest.mark.parametrize("name", ["no\0thing", "x" * 5000, "a\nb"])
def test_names_of_folders_that_cannot_be(name):
    with pytest.raises(ModelNotFoundError):
        ecgnoise.quantify(ECG, model=name)


def test_files_that_are_not_listed_are_refused(folder):
    (folder / "weights.bin").write_bytes(b"x")
    assert "weights.bin: lies in the folder" in refused(folder, ModelFormatError)
    (folder / "weights.bin").unlink()
    (folder / "more").mkdir()
    assert "more: lies in the folder" in refused(folder, ModelFormatError)


def external(where):
    """A network whose weights lie in another file: in its graph, in a branch below, in a function, or sparse ones."""
    tensor = onnx.numpy_helper.from_array(np.ones(4, np.float32), "w")
    onnx.external_data_helper.set_external_data(tensor, "/etc/hostname")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    identity = onnx.helper.make_node("Identity", ["noised"], ["y"])
    model = onnx.ModelProto.FromString(network([identity]))
    if where == "graph":
        model.graph.initializer.append(tensor)
    elif where == "marked by its location alone":
        tensor.ClearField("external_data")
        model.graph.initializer.append(tensor)
    elif where == "attribute":
        model.graph.node.append(onnx.helper.make_node("Constant", [], ["c"], value=tensor))
    elif where == "branch":
        below = onnx.helper.make_graph([onnx.helper.make_node("Constant", [], ["c"], value=tensor)], "b", [], [])
        model.graph.node.append(onnx.helper.make_node("If", ["known"], ["d"], then_branch=below, else_branch=below))
    elif where == "function":
        inner = [onnx.helper.make_node("Constant", [], ["c"], value=tensor)]
        opset = [onnx.helper.make_opsetid("", 18)]
        model.functions.append(onnx.helper.make_function("f", "F", [], ["c"], inner, opset))
    else:
        indices = onnx.numpy_helper.from_array(np.arange(4), "i")
        model.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(tensor, indices, [9]))
    return model.SerializeToString()


PLACES = ("graph", "marked by its location alone", "attribute", "branch", "function", "sparse")


@pytest.mark.parametrize("where", PLACES)
def test_weights_outside_of_the_folder_are_refused(folder, where):
    put(folder, external(where))
    said = refused(folder, ModelFormatError)
    assert "keeps weights in another file" in said
    assert "denoiser.onnx" in said


def test_the_networks_of_this_package_are_self_contained(tiny_model):
    for place in (tiny_model, load_folder("default").path):
        content = (place / "denoiser.onnx").read_bytes()
        check_self_contained(content, place)
        for cut in (1, len(content) // 2, len(content) - 1):
            with pytest.raises(ModelFormatError, match="no ONNX file"):
                check_self_contained(content[:cut], place)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 100, b"\xff" * 100,
     b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x3a\x02\x0a\xff", b"....ORTM...."],
    ids=["nothing", "zeros", "ones", "a huge length", "cut off", "another format"],
)  # fmt: skip
def test_what_is_no_network_is_one_line(folder, content):
    put(folder, content)
    assert "denoiser.onnx" in refused(folder, ModelFormatError)


def test_endless_nesting_is_one_line(folder):
    message = b""
    for _ in range(3000):  # a graph in an attribute of a node of a graph ...
        for tag in (b"\x0a", b"\x2a", b"\x32"):
            size, digits = len(message), b""
            while size > 127:
                digits += bytes([size & 127 | 128])
                size >>= 7
            message = tag + digits + bytes([size]) + message
    put(folder, b"\x3a" + b"\x80\x80\x80\x80\x00" + message)
    refused(folder, ModelFormatError)


IDENTITY = [onnx.helper.make_node("Identity", ["noised"], ["y"])]
OTHERS = {
    "a name": network([onnx.helper.make_node("Identity", ["other"], ["y"])],
                      {("other" if name == "noised" else name): shape for name, shape in INPUTS.items()}),
    "one more": network(IDENTITY, {**INPUTS, "more": ["n"]}),
    "one less": network(IDENTITY, {name: shape for name, shape in INPUTS.items() if name != "known"}),
    "rows": network(IDENTITY, {**INPUTS, "noised": ["n", 1, 32, 256]}, {"y": ["n", 1, 32, 256]}),
    "dimensions": network(IDENTITY, {**INPUTS, "noised": ["n", 40, 256]}, {"y": ["n", 40, 256]}),
    "kind": network(IDENTITY, kinds={"reference": INT64}),
    "one image at a time": network(IDENTITY, {**INPUTS, "noised": [1, 1, 40, 256]}, {"y": [1, 1, 40, 256]}),
    "two outputs": network([*IDENTITY, onnx.helper.make_node("Identity", ["sigma"], ["z"])],
                           outputs={"y": IMAGE, "z": IMAGE}),
    "its output": network([onnx.helper.make_node("Identity", ["reference"], ["y"])], outputs={"y": ["n"]}),
    "an output that is not what it says": network(
        [onnx.helper.make_node("Concat", ["noised", "noised"], ["y"], axis=2)], outputs={"y": ["n", "c", "h", "w"]}),
}  # fmt: skip


@pytest.mark.parametrize("what", OTHERS)
def test_a_network_with_other_inputs_or_outputs_is_refused(folder, what):
    put(folder, OTHERS[what])
    assert "denoiser.onnx" in refused(folder, ModelFormatError)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 3e38])
def test_a_network_that_gives_no_numbers_is_an_error_that_names_it(folder, number):
    put(folder, times(number))
    said = refused(folder, ModelFormatError)
    assert "denoiser.onnx: the network gives NaN or infinite numbers" in said


def test_a_network_that_fails_while_it_runs_is_an_error_that_names_it(tmp_path):
    shape = onnx.numpy_helper.from_array(np.array([7], np.int64), "s")
    file = tmp_path / "x.onnx"
    file.write_bytes(network([onnx.helper.make_node("Reshape", ["noised", "s"], ["y"])], outputs={"y": [7]},
                             initializers=[shape]))  # fmt: skip
    session = OnnxSession(file, 1)
    with pytest.raises(ModelFormatError, match=r"x\.onnx: the network fails"):
        session.run({name: np.ones([2 if size == "n" else size for size in shape], np.float32)
                     for name, shape in INPUTS.items()})  # fmt: skip


def test_a_torch_network_that_gives_no_numbers_is_an_error(tiny_model):
    from ecgnoise.models.networks.teacher import MaskedDenoiser
    from ecgnoise.models.reconstruct import Placement, QueryReconstructor
    from ecgnoise.models.torch import TorchDenoiser, placement
    from ecgnoise.results.result import ModelIdentity
    from ecgnoise.scoring.scorer import Scorer

    description = load_folder(tiny_model).description
    made = MaskedDenoiser((8, 8, 8)).eval()
    made.mean.fill_(torch.inf)
    reconstructor = QueryReconstructor(TorchDenoiser(made, torch.float32), description.queries, description.profile)
    place: Placement = placement("cpu")
    scorer = Scorer(
        description.profile, reconstructor, description.grading, ModelIdentity("odd", "1", "ab"), 6, placement=place
    )
    with pytest.raises(ModelFormatError, match=r"model odd 1 .*NaN or infinite"):
        scorer.score(ECG)


def test_a_published_network_that_gives_no_numbers_is_an_error():
    from ecgnoise.models.torch import as_array

    with pytest.raises(ModelFormatError, match="NaN or infinite"):
        as_array(torch.tensor([1.0, torch.nan]))


ABSURD = {
    "a whole number without end": lambda values: values["profile"].update(orders=[10**400] * 40),
    "too many digits": lambda values: values.update(name=10**400),
    "infinite": lambda values: values["thresholds"].update(good=float("inf")),
    "a huge order": lambda values: values["profile"].update(orders=[10**9] * 40),
    "a low frequency": lambda values: values["profile"].update(frequencies=[1e-9 * (row + 1) for row in range(40)]),
    "no beats": lambda values: values["profile"].update(frequencies=[100.0 + row for row in range(40)]),
    "another transform": lambda values: values["profile"].update(transform="wavelet"),
    "levels": lambda values: values["profile"].update(level_range=[-1e300, 1e300]),
    "a floor": lambda values: values["profile"].update(floor=-1.0),
    "a power": lambda values: values["queries"][0].update(power=1e300),
    "a scale": lambda values: values["queries"][0].update(scale=1e-300),
    "a weight": lambda values: values["queries"][0].update(weight=1e300),
    "a thousand queries": lambda values: values.update(queries=values["queries"] * 500),
    "a name of two lines": lambda values: values.update(name="two\nlines"),
    "a name that clears the screen": lambda values: values.update(version="\x1b[2J"),
    "a long name": lambda values: values.update(licence="x" * 10_000),
    "an unknown entry": lambda values: values.update({"x\n" * 1000: 1}),
    "a table": lambda values: values.update(profile=["x"] * 10_000),
    "a kind": lambda values: values["network"].update(kind="y" * 10_000),
    **{f"the file {name[:12]!r}": (lambda values, name=name: values["files"].update({name: "0" * 64}))
       for name in ("no\0thing", "../x.onnx", "/etc/passwd", "a/b", "a\\b", "C:x", "..", "", "model.toml", "x" * 300,
                    "a\nb")},
}  # fmt: skip


@pytest.mark.parametrize("what", ABSURD)
def test_absurd_entries_are_one_line(folder, what):
    rewrite(folder, ABSURD[what])
    assert "model.toml" in refused(folder, ModelFormatError)


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 100_000,
        "a." * 50_000 + "b = 1",
        "x = {" + "'a' . " * 50_000 + "b = 1}",
        "9" * (1 << 20),
        "x = " + "9" * 10_000,
        "#" * (1 << 21),
        "\x00",
        "x = 1e999999",
        "[files]\n" * 2,
    ],
    ids=["nested", "dotted", "dotted in a table", "a long word", "digits", "huge", "NUL", "exponent", "twice"],
)
def test_descriptions_that_are_none_are_one_line(folder, text):
    (folder / "model.toml").write_text(text)
    assert "model.toml" in refused(folder, ModelFormatError)


def test_a_checksum_that_is_none_is_one_line(folder):
    rewrite(folder, lambda values: values["files"].update({"denoiser.onnx": "not\na sum"}))
    refused(folder, ModelChecksumError)


def test_a_file_that_announces_more_than_there_is_is_not_read(folder):
    with (folder / "denoiser.onnx").open("r+b") as file:
        file.truncate(1 << 42)
    assert "no file of a model has more" in refused(folder, ModelFormatError)


def test_what_can_be_drawn_is_what_profiles_may_ask_for():
    from ecgnoise.models import description

    assert set(TRANSFORMS) == description.TRANSFORMS


def header(text, size=0):
    return struct.pack("<Q", len(text)) + text + bytes(size)


WEIGHTS = {
    "nothing": b"",
    "a huge header": struct.pack("<Q", 1 << 62) + b"{}",
    "no JSON": header(b"{" * 100),
    "nested": header(b'{"a":' * 20_000 + b"1" + b"}" * 20_000),
    "a huge shape": header(b'{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}}', 16),
    "beyond its end": header(b'{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,1600]}}', 16),
    "another kind": header(b'{"w":{"dtype":"X9","shape":[4],"data_offsets":[0,16]}}', 16),
    "an empty tensor": header(b'{"network.down.0.residual.conv1.weight":{"dtype":"F32","shape":[1000000000,0],'
                              b'"data_offsets":[0,0]}}'),
    "a widest level": header(b'{"network.down.0.residual.conv1.weight":{"dtype":"F32","shape":[8000],'
                             b'"data_offsets":[0,32000]}}', 32_000),
    "a level that is no number": header(b'{"network.down.x.residual":{"dtype":"F32","shape":[1],'
                                        b'"data_offsets":[0,4]}}', 4),
    "no shape": header(b'{"network.conv_in.0.weight":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', 4),
}  # fmt: skip


@pytest.mark.parametrize("what", WEIGHTS)
def test_weights_that_are_none_are_one_line(folder, what):
    from ecgnoise.models.torch import open_denoiser

    (folder / "weights.safetensors").write_bytes(WEIGHTS[what])
    rewrite(folder, lambda values: values["files"].update(
        {"weights.safetensors": sha256(WEIGHTS[what]).hexdigest()}))  # fmt: skip
    with pytest.raises((CheckpointError, ModelFormatError), match=r"weights\.safetensors") as error:
        open_denoiser(load_folder(folder))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["sparse", "compressed", "quantized", "complex", "meta", "empty"])
def test_checkpoints_of_other_tensors_are_one_line(kind, tmp_path):
    from ecgnoise.training.published.convert import convert_checkpoint

    plain = torch.ones(4, 4)
    odd = {
        "sparse": plain.to_sparse,
        "compressed": plain.to_sparse_csr,
        "quantized": lambda: torch.quantize_per_tensor(plain, 0.1, 0, torch.qint8),
        "complex": lambda: plain.to(torch.complex64),
        "meta": lambda: plain.to("meta"),
        "empty": lambda: torch.empty(1 << 40, 0),
    }
    file = tmp_path / "odd.pth"
    from ecgnoise.models.networks.published import PixelDiffusion

    parameters = dict(PixelDiffusion().state_dict())
    with warnings.catch_warnings():  # of torch, that some of these are new and others old
        warnings.simplefilter("ignore")
        parameters["unet.conv_in.bias"] = odd[kind]()
        torch.save(parameters, file)
    with pytest.raises(CheckpointError, match=r"odd\.pth") as error:
        convert_checkpoint(file, tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_published_network_of_other_inputs_is_refused(tmp_path):
    file = tmp_path / "noise_predictor.onnx"
    shape = ["n", 2, 8, 64]
    file.write_bytes(network([onnx.helper.make_node("Identity", ["noisy"], ["y"])], {"noisy": shape, "timestep": [1]},
                             {"y": shape}))  # fmt: skip
    latents = (None, None, None, None)
    with pytest.raises(ModelFormatError, match=r"input timestep is tensor\(float\)"):
        OnnxSession(file, 1, Interface({"noisy": latents, "timestep": (1,)}, whole=("timestep",)))
    OnnxSession(file, 1, Interface({"noisy": latents, "timestep": (1,)}))


def test_the_bundled_model_fits_what_is_checked():
    load_reconstructor(load_folder("default"))
