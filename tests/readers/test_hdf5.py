"""HDF5 files: which dataset is the signal, several recordings in one, and what a hostile one may not do."""

import csv

import numpy as np
import pytest
from click.testing import CliRunner

from ecgnoise.cli import main
from ecgnoise.errors import EcgNoiseError, LeadNameError, SignalShapeError, UnreadableFileError
from ecgnoise.readers import find_recordings, read
from ecgnoise.simulate import simulate_ecg

h5py = pytest.importorskip("h5py")

RATE = 400
KNOWN = {"sampling_frequency": RATE, "units": "mV"}
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


@pytest.fixture(scope="module")
def ecg() -> np.ndarray:
    return simulate_ecg(10, RATE, seed=1).signal.astype(np.float32)


@pytest.fixture
def code15(ecg, tmp_path):
    """Exams of CODE-15: 10 s in the middle of 4096 samples, and one of 7 s."""
    tracings = np.zeros((3, 4096, 12), np.float32)
    tracings[:2, 48:4048] = ecg.T, 2 * ecg.T
    tracings[2, 648:3448] = ecg.T[:2800]
    with h5py.File(tmp_path / "exams_part0.hdf5", "w") as file:
        file["exam_id"] = [1169160, 2873686, 168405]
        file["tracings"] = tracings
    return tmp_path / "exams_part0.hdf5"


def test_code15_is_a_recording_an_exam(code15, ecg):
    listed = find_recordings([code15])
    names = [f"tracings[exam_id={number}]" for number in (1169160, 2873686, 168405)]
    assert [str(place) for place in listed] == [f"{code15}::/{name}" for name in names]
    assert find_recordings([code15.parent]) == find_recordings([f"{code15}::/tracings"]) == listed
    for factor, place in enumerate(listed[:2], start=1):
        recording = read(place, **KNOWN)
        assert recording.lead_names == LEADS
        np.testing.assert_array_equal(recording.signal, factor * ecg)
        assert recording.notes == ("48 samples at the start and 48 at the end are 0 in all leads: left out as padding",)
        assert recording.source == str(place)
    assert read(listed[2], **KNOWN).duration == 7.0
    np.testing.assert_array_equal(read(f"{code15}::/tracings[1]", **KNOWN).signal, 2 * ecg)
    assert read(listed[0], lead_names=["V1", "II"], **KNOWN).lead_names == ("V1", "II")
    other = [f"D{number}" for number in range(12)]
    assert read(listed[0], lead_names=other, **KNOWN).lead_names == tuple(other)
    with pytest.raises(LeadNameError):
        read(listed[0], lead_names=["D1"], **KNOWN)


def test_code15_says_what_to_name(code15):
    with pytest.raises(SignalShapeError, match=r"/tracings \(3, 4096, 12\) holds 3.*exams_part0\.hdf5::/tracings\[0\]"):
        read(code15, **KNOWN)
    with pytest.raises(SignalShapeError, match="none has the exam_id 5"):
        read(f"{code15}::/tracings[exam_id=5]", **KNOWN)
    with pytest.raises(EcgNoiseError, match="--sampling-frequency"):
        read(f"{code15}::/tracings[0]", units="mV")


def test_code15_on_the_command_line(code15, tiny_model, tmp_path):
    out = tmp_path / "scores.csv"
    options = ["--sampling-frequency", "400", "--units", "mV", "--model", tiny_model, "--out", out]
    done = CliRunner().invoke(main, ["score", *map(str, [code15, *options])])
    assert done.exit_code == 0, done.output
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 12
    assert {row["lead"] for row in rows} == set(LEADS)
    for number in ("1169160", "2873686", "168405"):
        assert sum(number in row["record"] for row in rows) == 12


def test_identifiers_are_never_scored(tmp_path):
    path = tmp_path / "exams.hdf5"
    with h5py.File(path, "w") as file:
        file["exam_id"] = np.random.default_rng(0).integers(1, 4_000_000, 20001)
        file["tracings"] = np.zeros((20001, 2, 12), np.float32)
    with pytest.raises(SignalShapeError, match=r"/tracings \(20001, 2, 12\) has three dimensions"):
        read(path, **KNOWN)
    with h5py.File(path, "a") as file:
        del file["tracings"]
    with pytest.raises(SignalShapeError, match=r"no array is a signal by its name.*exam_id.*\(20001,\)"):
        read(path, **KNOWN)
    assert find_recordings([path]) == [path]
    assert read(f"{path}::/exam_id", **KNOWN).samples.shape == (1, 20001)  # who names it gets it


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1)])
@pytest.mark.parametrize("name", ["X", "group/ecg", "signal"])
def test_other_recordings_in_three_dimensions(order, name, ecg, tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(name, data=np.stack([ecg, 3 * ecg]).transpose(order), chunks=True, compression="gzip")
        file["y"] = np.zeros((2, 71), int)
        file.attrs["fs"] = RATE
    assert [place.name for place in find_recordings([path])] == [f"{name.split('/')[-1]}[{index}]" for index in (0, 1)]
    recording = read(f"{path}::/{name}[1]", units="mV")
    np.testing.assert_allclose(recording.signal, 3 * ecg)
    np.testing.assert_allclose(recording.window(100, 200), 3 * ecg[:, 100:200])
    assert recording.sampling_frequency == RATE


def test_the_advice_for_a_transposed_dataset_can_be_followed(ecg, tmp_path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["ecg"] = ecg.T
        file["ecg"].attrs["units"] = "uV"
        file["ecg.T"] = ecg  # the name of a dataset comes first
    with pytest.raises(SignalShapeError, match=r"\(4000, 12\).*t\.h5::/ecg\.T"):
        read(f"{tmp_path}/t.h5::/ecg", sampling_frequency=RATE)
    np.testing.assert_array_equal(read(f"{tmp_path}/t.h5::/ecg.T", **KNOWN).signal, ecg)
    with h5py.File(tmp_path / "t.h5", "a") as file:
        del file["ecg.T"]
    recording = read(f"{tmp_path}/t.h5::/ecg.T", sampling_frequency=RATE)
    np.testing.assert_allclose(recording.signal, ecg / 1000, rtol=1e-6)
    np.testing.assert_allclose(recording.window(7, 9), ecg[:, 7:9] / 1000, rtol=1e-6)


@pytest.mark.parametrize("place", ["dataset", "group", "root"])
def test_what_is_said_is_the_nearest(place, ecg, tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        dataset = file.create_dataset("night/ecg", data=ecg)
        for number, item in enumerate((dataset, file["night"], file)):
            if number >= ["dataset", "group", "root"].index(place):
                item.attrs["Sampling_Rate"], item.attrs["unit"] = RATE + number, ["uV", "mV", "nV"][number]
        dataset.attrs["channel_names"] = list(LEADS)
    recording = read(tmp_path / "s.h5")
    number = ["dataset", "group", "root"].index(place)
    assert recording.sampling_frequency == RATE + number
    np.testing.assert_allclose(recording.signal, ecg * [1e-3, 1, 1e-6][number], rtol=1e-5)
    assert recording.lead_names == LEADS


# What a hostile file may not do


def test_chunks_that_are_too_large_to_decode(tmp_path):
    with h5py.File(tmp_path / "b.h5", "w") as file:
        shape = (1, 1 << 29)
        file.create_dataset("ecg", shape, "i1", chunks=shape, compression="gzip")
        file["ecg"].id.write_direct_chunk((0, 0), bytes(1000))
    with pytest.raises(UnreadableFileError, match="pieces of 536870912 bytes"):
        read(tmp_path / "b.h5", **KNOWN)


def test_numbers_that_are_not_stored(tmp_path):
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("ecg", (12, 1 << 24), "f8", chunks=(12, 1024))
    with pytest.raises(UnreadableFileError, match="none of which is stored"):
        read(tmp_path / "b.h5", **KNOWN)


def test_a_group_in_itself(ecg, tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["ecg"] = ecg
        file["again"] = file["/"]
        file.create_group("deeper")["up"] = file["/"]
    np.testing.assert_array_equal(read(tmp_path / "c.h5", **KNOWN).signal, ecg)


def test_types_that_are_no_numbers(ecg, tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["ecg"] = ecg.astype(complex)
        file["table"] = np.zeros(9, [("a", "f4")])
        file["texts"] = ["a", "b"]
        file["when"] = h5py.Empty("f8")
    with pytest.raises(SignalShapeError, match=r"/ecg \(12, 4000\) holds no real numbers"):
        read(tmp_path / "c.h5", **KNOWN)
    for name in ("table", "texts", "when"):
        with pytest.raises(SignalShapeError, match=f"/{name}"):
            read(f"{tmp_path}/c.h5::/{name}", **KNOWN)


def test_a_heap_of_texts_without_end(ecg, tmp_path):
    """The library walks for ever along a heap whose free part has no size."""
    path = tmp_path / "h.h5"
    with h5py.File(path, "w") as file:
        file["ecg"] = ecg
        file.attrs["fs"], file.attrs["units"] = RATE, "mV"
        file["lead_names"] = list(LEADS)
    assert read(path).lead_names == LEADS
    content = bytearray(path.read_bytes())
    at = content.index(b"GCOL\x01\0\0\0")
    used = content.index(b"\0" * 8, content.index(b"V6", at)) // 8 * 8
    while content[used : used + 2] != b"\0\0":
        used += 8
    free = next(place for place in range(used, used + 64, 8) if any(content[place + 8 : place + 16]))
    content[free + 8 : free + 16] = bytes(8)
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match="heap of texts"):
        read(path)
    with pytest.raises(UnreadableFileError, match="heap of texts"):
        read(f"{path}::/ecg")


def test_a_recording_in_each_group(ecg, tmp_path):
    path = tmp_path / "p.h5"
    with h5py.File(path, "w") as file:
        for factor in (1, 2):
            file[f"p{factor}/ecg"] = factor * ecg
            file[f"p{factor}"].attrs["fs"] = RATE * factor
            file[f"p{factor}/ppg"] = ecg
    listed = find_recordings([path])
    assert [str(place) for place in listed] == [f"{path}::/p1/ecg", f"{path}::/p2/ecg"]
    assert [read(place, units="mV").sampling_frequency for place in listed] == [RATE, 2 * RATE]
    with pytest.raises(SignalShapeError, match=r"name one, as in p\.h5::/p1/ecg"):
        read(path, units="mV")


def test_numbers_packed_as_netcdf_packs_them(tmp_path, ecg):
    counts = np.round(ecg[:2] / 0.005).astype(np.int16) - 20
    counts[0, 100:200] = -9999
    with h5py.File(tmp_path / "p.h5", "w") as file:
        packed = file.create_dataset("ecg", data=counts)
        packed.attrs.update(scale_factor=0.005, add_offset=0.1, _FillValue=np.int16(-9999), units="mV", fs=RATE)
    recording = read(tmp_path / "p.h5")
    assert np.flatnonzero(np.isnan(recording.signal[0])).tolist() == list(range(100, 200))
    np.testing.assert_allclose(recording.signal[1], ecg[1], atol=0.003)
    assert recording.notes == (
        "decoded by the attributes of the dataset: scale_factor 0.005, add_offset 0.1, _fillvalue -9999",
    )


def test_a_gain_that_is_not_used_is_told(tmp_path, ecg):
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file.create_dataset("ecg", data=ecg).attrs.update(gain=200, units="mV", fs=RATE)
    assert read(tmp_path / "g.h5").notes == ("attributes of the dataset that are not used: gain 200",)


def test_identifiers_alone_are_named_as_what_they_are(tmp_path):
    with h5py.File(tmp_path / "i.h5", "w") as file:
        file["exam_id"] = np.arange(20_001)
    with pytest.raises(SignalShapeError, match=r"no array is a signal by its name and type: pass another file, or"):
        read(tmp_path / "i.h5", **KNOWN)


def test_hdf5_of_opensignals(tmp_path, ecg):
    """A group a device, whose attributes have blanks in their names, and a column a channel."""
    with h5py.File(tmp_path / "o.h5", "w") as file:
        device = file.create_group("00:07:80:3B:46:61")
        device.attrs["sampling rate"] = RATE
        device["raw/channel_1"] = np.round(ecg[1] * 1000).astype(np.int16)[:, None]
        device["raw/nSeq"] = (np.arange(ecg.shape[1]) % 16)[:, None]
        device["digital/digital_1"] = np.zeros((ecg.shape[1], 1), np.uint8)
    address = f"{tmp_path / 'o.h5'}::/00:07:80:3B:46:61/raw/channel_1"
    recording = read(address, units="uV")
    assert recording.sampling_frequency == RATE
    np.testing.assert_allclose(recording.signal, ecg[1:2], atol=1e-3)
