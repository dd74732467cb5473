"""MATLAB files of every version: what recorders and databases write, and what a hostile one may not do."""

import struct

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_array

from ecgnoise.errors import EcgNoiseError, SignalShapeError, UnreadableFileError
from ecgnoise.readers import find_recordings, read
from ecgnoise.simulate import simulate_ecg

RATE = 250
KNOWN = {"sampling_frequency": RATE, "units": "mV"}


@pytest.fixture(scope="module")
def ecg() -> np.ndarray:
    return simulate_ecg(10, RATE, seed=1, lead_names=("II", "V2")).signal.astype(np.float64)


def save73(path, variables):
    """As MATLAB writes it: dimensions in reverse, a structure as a group, text as numbers."""
    h5py = pytest.importorskip("h5py")

    def put(group, name, value):
        if isinstance(value, dict):
            held = group.create_group(name)
            held.attrs["MATLAB_class"] = np.bytes_("struct")
            for key, item in value.items():
                put(held, key, item)
            return
        text = isinstance(value, str)
        data = np.array([[ord(letter)] for letter in value], np.uint16) if text else np.atleast_2d(value).T
        group.create_dataset(name, data=data).attrs["MATLAB_class"] = np.bytes_("char" if text else "double")

    with h5py.File(path, "w", userblock_size=512) as file:
        for key, value in variables.items():
            put(file, key, value)
    with path.open("r+b") as opened:
        opened.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def save5(path, variables):
    savemat(path, variables, do_compression=True)


def save4(path, variables):
    savemat(path, variables, format="4")


@pytest.mark.parametrize("save", [save4, save5, save73, savemat])
@pytest.mark.parametrize("key", ["Fs", "fs", "FS", "sr", "sampling_rate", "srate", "freq"])
def test_val_and_a_rate_by_any_name(save, key, ecg, tmp_path):
    save(tmp_path / "r.mat", {"val": np.round(ecg * 1000), key: float(RATE), "gender": "F"})
    recording = read(tmp_path / "r.mat", units="uV")
    assert recording.sampling_frequency == RATE
    np.testing.assert_allclose(recording.signal, ecg, atol=6e-4)
    assert find_recordings([tmp_path]) == [tmp_path / "r.mat"]


@pytest.mark.parametrize("save", [save5, save73, savemat])
def test_a_structure_as_of_cpsc_2018(save, ecg, tmp_path):
    save(tmp_path / "A0001.mat", {"ECG": {"sex": "Male", "age": 74.0, "data": ecg, "fs": 250.0, "units": "mV"}})
    recording = read(tmp_path / "A0001.mat")
    np.testing.assert_allclose(recording.signal, ecg, atol=1e-6)
    assert recording.sampling_frequency == 250
    assert not recording.notes
    save(tmp_path / "A0001.mat", {"ECG": {"data": ecg}, "fs": 250.0, "noise": {"data": ecg}})
    np.testing.assert_allclose(read(tmp_path / "A0001.mat", units="mV").signal, ecg, atol=1e-6)
    save(tmp_path / "A0001.mat", {"a": {"data": ecg}, "b": {"data": ecg}})
    with pytest.raises(SignalShapeError, match=r"a\.data, b\.data of shape \(2, 2500\)"):
        read(tmp_path / "A0001.mat", **KNOWN)
    assert read(f"{tmp_path}/A0001.mat::b.data", **KNOWN).samples.shape == (2, 2500)


@pytest.mark.parametrize("save", [save5, savemat])
def test_acqknowledge(save, ecg, tmp_path):
    variables = {
        "data": np.stack([ecg[0], ecg[1] * 7, ecg[1]], axis=1),
        "units": np.array(["mV    ", "Volts ", "liters"]),
        "labels": np.array(["ECG100C", "ECG lead", "RSP100C"]),
        "isi": 4.0,
        "isi_units": "ms",
        "start_sample": 0.0,
    }
    save(tmp_path / "bsl.mat", variables)
    recording = read(tmp_path / "bsl.mat")
    assert recording.sampling_frequency == 250
    np.testing.assert_allclose(recording.signal, ecg * [[1], [7000]], rtol=1e-6)
    assert recording.notes == ("left out, not ECG: RSP100C",)
    save(tmp_path / "bsl.mat", variables | {"isi_units": "fortnights"})
    with pytest.raises(EcgNoiseError, match="isi_units"):
        read(tmp_path / "bsl.mat")


@pytest.fixture
def labchart(ecg):
    return {
        "data": np.concatenate([ecg[0], ecg[1]])[np.newaxis],
        "datastart": np.array([[1.0], [2501.0]]),
        "dataend": np.array([[2500.0], [5000.0]]),
        "samplerate": np.array([[250.0], [250.0]]),
        "titles": np.array(["ECG II", "ECG V2"]),
        "unittext": np.array(["mV", "uV"]),
        "unittextmap": np.array([[1.0], [2.0]]),
    }


def test_labchart(labchart, ecg, tmp_path):
    savemat(tmp_path / "l.mat", labchart)
    recording = read(tmp_path / "l.mat")
    np.testing.assert_allclose(recording.signal, ecg * [[1], [1e-3]], rtol=1e-6)
    assert recording.lead_names == ("ECG II", "ECG V2")
    wrong = {
        "samplerate": [[250.0], [1000.0]],
        "datastart": [[1.0], [2502.0]],
        "dataend": [[2500.0], [9000.0]],
        "titles": [["x"]],
    }
    for key, value in wrong.items():
        savemat(tmp_path / "l.mat", labchart | {key: np.array(value)})
        if key != "titles":
            with pytest.raises(EcgNoiseError, match="export"):
                read(tmp_path / "l.mat")
    blocks = {key: np.repeat(labchart[key], 2, axis=1) for key in ("datastart", "dataend", "samplerate")}
    savemat(tmp_path / "l.mat", labchart | blocks)
    with pytest.raises(SignalShapeError, match="2 blocks"):
        read(tmp_path / "l.mat")


INFO = """Source: record mitdb/100  Start: [00:00:00.000]
val has 2 rows (signals) and 2500 columns (samples/signal)
Duration:     0:10
Sampling frequency: 250 Hz  Sampling interval: 0.004 sec
Row\tSignal\tGain\tBase\tUnits
1\tMLII\t200\t1024\tmV
2\tECG lead V5\t0.1\t-3\tuV

To convert from raw units to the physical units shown
above, subtract 'base' and divide by 'gain'.
"""


@pytest.mark.parametrize("save", [save4, save5])
def test_physiobank_info_beside_the_file(save, ecg, tmp_path):
    counts = np.round(ecg * [[200], [100]] + [[1024], [-3]])
    counts[0, 7] = -32768
    save(tmp_path / "100m.mat", {"val": counts})
    (tmp_path / "100m.info").write_text(INFO)
    recording = read(tmp_path / "100m.mat")
    assert recording.lead_names == ("MLII", "ECG lead V5")
    assert recording.sampling_frequency == 250
    assert np.flatnonzero(np.isnan(recording.signal[0])).tolist() == [7]
    np.testing.assert_allclose(
        np.nan_to_num(recording.signal), np.where(np.arange(2500) == 7, [[0], [1]], 1) * ecg, atol=6e-3
    )
    assert recording.notes == ("gains, units and names are those of 100m.info",)
    for wrong in (INFO.replace("200", "0"), INFO.replace("2\tECG", "two\tECG"), "", INFO.replace("1024", "1.2.3")):
        (tmp_path / "100m.info").write_text(wrong)
        with pytest.raises(EcgNoiseError, match="--sampling-frequency"):
            read(tmp_path / "100m.mat", units="mV")


def test_eeglab_channels(ecg, tmp_path):
    places = np.array([("ECG1",), ("EMG",)], dtype=[("labels", "O")])
    savemat(tmp_path / "e.mat", {"EEG": {"data": ecg, "srate": 250.0, "chanlocs": places}})
    recording = read(tmp_path / "e.mat", units="mV")
    assert (recording.lead_names, recording.notes) == (("ECG1",), ("left out, not ECG: EMG",))


@pytest.mark.parametrize("save", [save5, save73])
def test_a_recording_for_each_first_index(save, ecg, tmp_path):
    for order in ((0, 1, 2), (0, 2, 1)):
        stack = np.stack([ecg, 2 * ecg, 3 * ecg]).transpose(order)
        if save is save73:
            h5py = pytest.importorskip("h5py")
            save(tmp_path / "x.mat", {})
            with h5py.File(tmp_path / "x.mat", "r+") as file:
                file.create_dataset("X", data=stack.T).attrs["MATLAB_class"] = np.bytes_("double")
        else:
            save(tmp_path / "x.mat", {"X": stack, "y": np.arange(3.0)})
        listed = find_recordings([tmp_path])
        assert [place.name for place in listed] == [f"x.mat::X[{index}]" for index in range(3)]
        np.testing.assert_allclose(read(listed[2], **KNOWN).signal, 3 * ecg, rtol=1e-6)


def test_the_advice_for_a_transposed_variable_can_be_followed(ecg, tmp_path):
    savemat(tmp_path / "t.mat", {"ecg": ecg.T})
    with pytest.raises(SignalShapeError, match=r"\(2500, 2\).*t\.mat::ecg\.T"):
        read(tmp_path / "t.mat", **KNOWN)
    np.testing.assert_allclose(read(f"{tmp_path}/t.mat::ecg.T", **KNOWN).signal, ecg, rtol=1e-6)


def test_variables_of_other_kinds_are_left_alone(ecg, tmp_path):
    others = {
        "S": csc_array(np.eye(50)),
        "cells": np.array([1, "a", np.zeros((3, 3))], dtype=object),
        "structures": np.array([(1,), (2,)], dtype=[("a", "O")]),
        "text": "what",
        "yes": np.array([[True] * 5000]),
        "complex": np.zeros((2, 9000), complex),
    }
    savemat(tmp_path / "o.mat", {"ecg": ecg} | others)
    np.testing.assert_allclose(read(tmp_path / "o.mat", **KNOWN).signal, ecg, rtol=1e-6)
    savemat(tmp_path / "o.mat", {"ecg": ecg + 1j})
    with pytest.raises(SignalShapeError, match=r"ecg \(2, 2500\) holds no real numbers"):
        read(tmp_path / "o.mat", **KNOWN)
    savemat(tmp_path / "o.mat", {"cells": others["cells"]})
    with pytest.raises(SignalShapeError, match="no array is a signal"):
        read(tmp_path / "o.mat", **KNOWN)


# What a hostile file may not do

HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def matrix(number, dimensions, name, *rest):
    flags = element(6, struct.pack("<II", number, 0))
    return element(
        14, flags + element(5, struct.pack(f"<{len(dimensions)}i", *dimensions)) + element(1, name) + b"".join(rest)
    )


def test_cells_in_cells_without_end(tmp_path):
    inside = matrix(6, (1, 1), b"", element(9, bytes(8)))
    for _ in range(3000):
        inside = matrix(1, (1, 1), b"ecg", inside)
    (tmp_path / "d.mat").write_bytes(HEADER + inside)
    with pytest.raises(UnreadableFileError, match="variables in each other"):
        read(tmp_path / "d.mat", **KNOWN)


@pytest.mark.parametrize(
    "made",
    [
        matrix(1, (1 << 30, 1), b"labels", matrix(6, (1, 1), b"", element(9, bytes(8)))),
        matrix(6, (1 << 30, 2), b"ecg", element(9, bytes(800))),
        matrix(6, (-1, 2), b"ecg", element(9, bytes(800))),
        matrix(2, (1, 1), b"ECG", element(5, struct.pack("<i", -8)), element(1, b"data\0\0\0\0")),
        matrix(2, (1, 1), b"ECG", element(5, struct.pack("<i", 8)), element(1, b"data\0\0\0\0")),
        element(14, bytes(8)),
        struct.pack("<II", 14, 1 << 31),
    ],
)
def test_sizes_that_are_not_there(made, tmp_path):
    (tmp_path / "d.mat").write_bytes(HEADER + made)
    with pytest.raises(UnreadableFileError, match="not a whole"):
        read(tmp_path / "d.mat", **KNOWN)


def test_what_is_compressed_to_nearly_nothing(tmp_path, ecg):
    save5(tmp_path / "b.mat", {"ecg": np.zeros((2, 20_000_000))})
    with pytest.raises(UnreadableFileError, match=r"announces \d+ bytes, at most"):
        read(tmp_path / "b.mat", **KNOWN)


def test_numbers_of_a_type_that_is_none(tmp_path):
    """The decoder ends the program at a type that it does not know."""
    for name, made in (
        ("ecg", matrix(6, (1, 900), b"ecg", element(0, bytes(7200)))),
        ("ecg", matrix(6, (1, 900), b"ecg", element(15, bytes(7200)))),
        ("ECG.a", matrix(2, (1, 1), b"ECG", element(5, struct.pack("<i", 8)), element(1, b"a\0\0\0\0\0\0\0"),
                         matrix(6, (1, 900), b"", element(0, bytes(7200))))),
        ("labels", matrix(4, (1, 9), b"labels", element(9, bytes(72)))),
    ):  # fmt: skip
        (tmp_path / "d.mat").write_bytes(HEADER + made)
        with pytest.raises(UnreadableFileError, match=r"not a whole .mat file \(.*numbers of type"):
            read(f"{tmp_path}/d.mat::{name}", **KNOWN)
