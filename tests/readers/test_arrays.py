"""What becomes of arrays of every kind, and of what is said about them, in every place that takes them."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import ecgnoise
from ecgnoise.errors import (
    EcgNoiseError,
    LeadNameError,
    OptionError,
    SamplingFrequencyError,
    SignalShapeError,
    UnknownUnitsError,
    UnreadableFileError,
)
from ecgnoise.readers import ReadOptions, find_recordings, read
from ecgnoise.recording import Recording, as_lead_names, as_numbers, check_sampling_frequency
from ecgnoise.simulate import simulate_ecg
from ecgnoise.stream import Stream

RATE = 500


@pytest.fixture(scope="module")
def ecg() -> np.ndarray:
    return simulate_ecg(12, RATE, seed=1, lead_names=("II", "V2")).signal.astype(np.float64)


@pytest.fixture(scope="module")
def masked(ecg) -> np.ma.MaskedArray:
    """Three seconds of the first lead masked, with junk below the mask."""
    array = np.ma.array(ecg.copy(), mask=np.zeros(ecg.shape, bool))
    array.data[0, 2000:3500] = 99.0
    array.mask[0, 2000:3500] = True
    return array


def one_line(error: EcgNoiseError) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 400


# Samples that are missing


def test_a_masked_sample_is_missing(masked):
    signal = Recording.from_array(masked, RATE).signal
    assert np.isnan(signal[0, 2000:3500]).all()
    assert np.isnan(signal).sum() == 1500
    result = ecgnoise.quantify(masked, RATE)
    assert result.fault[0, 0] == "missing"
    assert result.fault[1, 0] == ""


def test_masked_integers_rows_and_chunks(masked, ecg):
    counts = np.ma.array((masked.data * 1000).astype(np.int16), mask=masked.mask)
    for signal in (counts, [masked[0], masked[1]], (masked[0], ecg[1]), np.ma.array(masked, dtype=np.longdouble)):
        assert np.isnan(Recording.from_array(signal, RATE).signal).sum() == 1500
    assert not np.isnan(Recording.from_array(np.ma.array(ecg, mask=False), RATE).signal).any()
    assert np.isnan(as_numbers(np.ma.array([1, 2], mask=[True, False]))).tolist() == [True, False]


def test_a_masked_chunk_of_a_stream_is_missing(masked, tiny_model):
    stream = Stream(RATE, 2, quantifier=ecgnoise.Quantifier(tiny_model, threads=1))
    for first in range(0, 6000, 1000):
        results = stream.push(masked[:, first : first + 1000])
    assert results[-1].fault[:, 0].tolist() == ["missing", ""]


def test_noise_filter_hides_what_is_masked(masked, tiny_model):
    pytest.importorskip("sklearn")
    from ecgnoise.sklearn import NoiseFilter

    out = NoiseFilter(RATE, model=tiny_model, threads=1, grade="unusable").transform(masked)
    assert np.isnan(out[0, 2000:3500]).all()


def test_pandas_with_missing_values():
    pandas = pytest.importorskip("pandas")
    column = pandas.Series([1, 2, None] * 400, dtype="Int64")
    assert np.isnan(Recording.from_array(column, RATE).signal).sum() == 400
    frame = pandas.DataFrame({"I": pandas.array([0.5, None] * 400, dtype="Float64"), "II": np.arange(800)})
    assert np.isnan(Recording.from_array(frame.T, RATE).signal).sum() == 400
    with pytest.raises(SignalShapeError, match=r"signal\.T"):
        Recording.from_array(frame, RATE)


def test_tensors_of_torch():
    torch = pytest.importorskip("torch")
    for kind in (torch.float32, torch.bfloat16, torch.float16, torch.int16):
        signal = torch.ones(2, 3000).to(kind)
        assert (Recording.from_array(signal, RATE).signal == 1).all()
    assert Recording.from_array(torch.ones(2, 3000, requires_grad=True), torch.tensor(500)).sampling_frequency == 500


class Like:
    """Something that NumPy makes an array of."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        if isinstance(self.array, Exception):
            raise self.array
        return np.asarray(self.array, dtype)


@pytest.mark.parametrize("kind", [np.longdouble, np.float16, np.uint64, np.bool_, np.int8, object, ">f8", ">i2"])
def test_real_numbers_of_any_kind(kind):
    signal = np.tile([0, 1], 1000).astype(kind)
    for given in (signal, Like(signal), memoryview(signal) if kind in {np.uint64, np.int8} else signal):
        assert Recording.from_array(given, RATE).signal.tolist() == [[0.0, 1.0] * 1000]


@pytest.mark.parametrize(
    "signal",
    [
        np.zeros((2, 900), complex), np.zeros((2, 900)).astype("U5"), np.zeros((2, 900), "M8[s]"), np.array([{}, {}]),
        [[1.0, 2.0], [3.0]], "II", b"II", None, 5.0, [], {}, {"II": [1.0]}, {1.0, 2.0}, [["a"]], object(),
        np.zeros(9, [("II", "f4")]), np.zeros((2, 3, 900)), Like(ZeroDivisionError("no")), iter([1.0]),
    ],
)  # fmt: skip
def test_what_is_no_signal(signal):
    with pytest.raises(SignalShapeError) as caught:
        Recording.from_array(signal, RATE)
    one_line(caught.value)


# Sampling frequency, names of leads, units


@pytest.mark.parametrize(
    "value",
    [
        500,
        np.array([[500]]),
        np.float32(500),
        np.int16(500),
        Decimal(500),
        Fraction(1000, 2),
        [500.0],
        np.longdouble(500),
    ],
)
def test_one_number_is_a_sampling_frequency(value, ecg, tmp_path, tiny_model):
    assert Recording.from_array(ecg, value).sampling_frequency == 500.0
    assert type(Recording.from_array(ecg, value).sampling_frequency) is float
    np.save(tmp_path / "r.npy", ecg)
    assert read(tmp_path / "r.npy", sampling_frequency=value, units="mV").sampling_frequency == 500.0
    assert simulate_ecg(10, value).sampling_frequency == 500.0
    assert ReadOptions(value).sampling_frequency == 500.0
    result = ecgnoise.quantify(ecg, value, model=tiny_model)
    assert result.sampling_frequency == 500.0
    assert result.mask(value).shape == (2, 6000)


@pytest.mark.parametrize(
    "value",
    ["500", b"500", True, 1 + 2j, [500, 250], {}, "x", object(), np.nan, np.inf, 10**400, Decimal("nan"), 0, -500,
     np.ma.array([500], mask=[True]), np.timedelta64(500), np.array(["500"]), np.array([], float)],
)  # fmt: skip
def test_what_is_no_sampling_frequency(value, ecg, tmp_path):
    np.save(tmp_path / "r.npy", ecg)
    for call in (
        lambda: Recording.from_array(ecg, value),
        lambda: ecgnoise.quantify(ecg, value),
        lambda: read(tmp_path / "r.npy", sampling_frequency=value, units="mV"),
        lambda: Stream(value, 2),
        lambda: check_sampling_frequency(value),
    ):
        with pytest.raises(SamplingFrequencyError, match="sampling frequency") as caught:
            call()
        one_line(caught.value)


def test_the_published_call_says_at_once_what_is_wrong(ecg, masked):
    from ecgnoise import ecg_noise_quantification

    for frequency in ("500", None, [500, 250]):
        with pytest.raises(SamplingFrequencyError):
            ecg_noise_quantification(ecg, frequency, "absent.pth")
    with pytest.raises(SignalShapeError):
        ecg_noise_quantification(ecg.T, 500, "absent.pth")


@pytest.mark.parametrize(
    "names", [[1, 2], [None, "II"], 5, {"I", "II"}, [["I"], ["II"]], np.array([1.0, 2.0]), [b"I", 2]]
)
def test_names_that_are_no_texts(names, ecg, tmp_path):
    np.save(tmp_path / "r.npy", ecg)
    recording = Recording.from_array(ecg, RATE)
    for call in (
        lambda: Recording.from_array(ecg, RATE, lead_names=names),
        lambda: ecgnoise.quantify(ecg, RATE, lead_names=names),
        lambda: ecgnoise.quantify(recording, lead_names=names),
        lambda: read(tmp_path / "r.npy", sampling_frequency=RATE, units="mV", lead_names=names),
        lambda: ReadOptions(lead_names=names),
        lambda: recording.pick(names),
    ):
        with pytest.raises(LeadNameError) as caught:
            call()
        one_line(caught.value)


@pytest.mark.parametrize("names", [np.array(["I", "II"]), [b"I", "II"], np.array([b"I", b"II"]), (np.str_("I"), "II")])
def test_names_that_are_texts(names, ecg):
    recording = Recording.from_array(ecg, RATE, lead_names=names)
    assert recording.lead_names == ("I", "II")
    assert all(type(name) is str for name in recording.lead_names)
    assert recording.pick("II").lead_names == ("II",)
    assert as_lead_names("II") == ("II",)
    with pytest.raises(LeadNameError, match="1 lead names for 2 leads"):
        Recording.from_array(ecg, RATE, lead_names="II")


@pytest.mark.parametrize("value", ["2", 1.5, None, True, [1], float("nan")])
def test_options_that_are_no_whole_numbers(value, ecg, tiny_model):
    calls = [lambda: ecgnoise.quantify(ecg, RATE, parts=value, model=tiny_model)]
    calls += [lambda: ecgnoise.ecg_noise_quantification(ecg, RATE, "absent.pth", n_partitions=value)]
    calls += [lambda: ecgnoise.ecg_noise_quantification(ecg, RATE, "absent.pth", seed=value)]
    if value is not None:
        calls += [lambda: ecgnoise.Quantifier(threads=value), lambda: ecgnoise.Quantifier(batch_size=value)]
    for call in calls:
        with pytest.raises(OptionError, match="whole number") as caught:
            call()
        one_line(caught.value)
    assert ecgnoise.quantify(ecg, RATE, parts=np.int64(2), model=tiny_model).local_psnr.shape == (2, 2, 2)


@pytest.mark.parametrize("units", [None, 5, ["mV"], b"mV", "mm", {}])
def test_units_that_are_none(units, ecg):
    with pytest.raises(UnknownUnitsError):
        Recording.from_array(ecg, RATE, units=units)


def test_more_than_a_year_is_a_wrong_sampling_frequency():
    signal = np.broadcast_to(np.float32(0), (1, 100))

    class Long:
        shape = (1, 400 * 86_400 * 100)

        def window(self, start, stop):
            return signal[:, : stop - start]

    with pytest.raises(SignalShapeError, match="more than a year"):
        Recording(Long(), 100.0, ("II",))
    assert Recording(Long(), 120.0, ("II",)).duration < 366 * 86_400


# Files of arrays: which is the signal

KNOWN = {"sampling_frequency": RATE, "units": "mV"}


def test_ids_labels_and_times_are_never_the_signal(ecg, tmp_path):
    path = tmp_path / "a.npz"
    others = {"exam_id": np.arange(50_000), "label": np.arange(50_000), "age": np.arange(50_000), "t": np.arange(6000)}
    np.savez(path, x=ecg, **others)
    recording = read(path, **KNOWN)
    np.testing.assert_allclose(recording.signal, ecg, atol=1e-6)
    assert recording.notes[0].startswith("left out: exam_id, label, age, t of shape")
    np.savez(path, **others)
    with pytest.raises(SignalShapeError, match=r"no array is a signal by its name.*exam_id.*\(50000,\)"):
        read(path, **KNOWN)
    np.savez(path, ecg_mv=ecg, ppg=ecg, more=ecg)
    np.testing.assert_allclose(read(path, **KNOWN).signal, ecg, atol=1e-6)
    np.savez(path, big=ecg, small=ecg[:, :300])
    assert read(path, **KNOWN).samples.shape == (2, 6000)
    np.savez(path, big=ecg, small=ecg[:, :3000])
    with pytest.raises(SignalShapeError, match=r"2 arrays.*a\.npz::big.*big, small of shape \(2, 6000\), \(2, 3000\)"):
        read(path, **KNOWN)
    assert read(f"{path}::small", **KNOWN).samples.shape == (2, 3000)
    np.savez(path, ecg_mean=ecg[:, :100], X=np.zeros((7, 3000, 3000), np.int8))  # what is not understood comes first
    with pytest.raises(SignalShapeError, match=r"X.*\(7, 3000, 3000\)|2 arrays.*X"):
        read(path, **KNOWN)


@pytest.mark.parametrize("key", ["Fs", "FS", "fs", "sr", "srate", "sampling_rate", "freq", "samplerate"])
@pytest.mark.parametrize("value", [np.array([[RATE]]), RATE, "500", "500 Hz", [RATE, RATE]])
def test_keys_of_sampling_frequency(key, value, ecg, tmp_path):
    np.savez(tmp_path / "a.npz", ecg=ecg, unit="uV", channel_names=["I", "II"], **{key: value})
    recording = read(tmp_path / "a.npz")
    assert recording.sampling_frequency == RATE
    assert recording.lead_names == ("I", "II")
    np.testing.assert_allclose(recording.signal, ecg / 1000, atol=1e-6)


def test_what_the_arrays_say_contradicts_itself(ecg, tmp_path):
    np.savez(tmp_path / "a.npz", ecg=ecg, fs=RATE, sampling_rate=250)
    with pytest.raises(EcgNoiseError, match=r"fs 500.*sampling_rate 250"):
        read(tmp_path / "a.npz", units="mV")
    np.savez(tmp_path / "a.npz", ecg=ecg, fs="fast")
    with pytest.raises(EcgNoiseError, match="save one number"):
        read(tmp_path / "a.npz", units="mV")


def test_units_and_names_of_each_lead(ecg, tmp_path):
    np.savez(tmp_path / "a.npz", x=ecg, fs=RATE, units=["mV", "uV"], leads=["II", "V2"])
    np.testing.assert_allclose(read(tmp_path / "a.npz").signal, ecg * [[1], [1e-3]], atol=1e-6)
    np.savez(tmp_path / "a.npz", x=ecg, fs=RATE, units=["mV", "bpm"], leads=["II", "hr"])
    recording = read(tmp_path / "a.npz")
    assert (recording.lead_names, recording.notes) == (("II",), ("left out, not ECG: hr",))
    np.savez(tmp_path / "a.npz", x=ecg, fs=RATE, units="adu", leads=2, labels=[0, 1])  # neither names the leads
    recording = read(tmp_path / "a.npz", units="mV")
    assert recording.lead_names == ("lead_0", "lead_1")
    assert any("'adu'" in note and "mV" in note for note in recording.notes)


# Recordings in one array


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1)])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_recording_for_each_first_index(order, suffix, ecg, tmp_path):
    path = tmp_path / f"x{suffix}"
    stack = np.ascontiguousarray(np.stack([ecg, 2 * ecg, 3 * ecg]).transpose(order)).astype(np.float32)
    np.save(path, stack) if suffix == ".npy" else np.savez(path, X=stack, y=np.arange(3))
    name = "" if suffix == ".npy" else "X"
    listed = find_recordings([tmp_path])
    assert [place.name for place in listed] == [f"x{suffix}::{name}[{index}]" for index in range(3)]
    assert find_recordings([path]) == find_recordings([str(path), *listed]) == listed
    for factor, place in enumerate(listed, start=1):
        recording = read(place, **KNOWN)
        np.testing.assert_allclose(recording.signal, factor * ecg, atol=1e-5)
        np.testing.assert_allclose(recording.window(5000, 5600), factor * ecg[:, 5000:5600], atol=1e-5)
        assert recording.source == str(place)
    with pytest.raises(SignalShapeError, match=rf"\(3, .*holds 3 recordings.*x{suffix}::{name}\[0\]"):
        read(path, **KNOWN)
    with pytest.raises(SignalShapeError, match="pass 0 to 2"):
        read(f"{path}::{name}[3]", **KNOWN)


def test_identifiers_name_recordings(ecg, tmp_path):
    path = tmp_path / "x.npz"
    stack = np.stack([ecg, 2 * ecg])
    np.savez(path, X=stack, ecg_id=[4711, 12])
    assert [place.name for place in find_recordings([path])] == ["x.npz::X[ecg_id=4711]", "x.npz::X[ecg_id=12]"]
    np.testing.assert_allclose(read(f"{path}::X[ecg_id=12]", **KNOWN).signal, 2 * ecg, atol=1e-6)
    with pytest.raises(SignalShapeError, match="none has the ecg_id 13"):
        read(f"{path}::X[ecg_id=13]", **KNOWN)
    np.savez(path, X=stack, ecg_id=[12, 12])
    assert [place.name for place in find_recordings([path])] == ["x.npz::X[0]", "x.npz::X[1]"]


@pytest.mark.parametrize("shape", [(5, 2, 12), (3, 4, 5), (3, 300, 300), (2, 2, 3, 500)])
def test_axes_that_are_not_clear(shape, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(shape))
    with pytest.raises(SignalShapeError, match=rf"\({', '.join(map(str, shape))}\)") as caught:
        read(tmp_path / "x.npy", **KNOWN)
    one_line(caught.value)
    assert find_recordings([tmp_path]) == [tmp_path / "x.npy"]
    if shape == (3, 300, 300):
        assert read(f"{tmp_path}/x.npy::[0].T", **KNOWN).samples.shape == (300, 300)
        assert read(f"{tmp_path}/x.npy::[0]", **KNOWN).samples.shape == (300, 300)


@pytest.mark.parametrize("fortran", [False, True])
def test_the_advice_for_a_transposed_array_can_be_followed(fortran, ecg, tmp_path):
    path = tmp_path / "r.npy"
    np.save(path, ecg.T if fortran else np.ascontiguousarray(ecg.T))
    with pytest.raises(SignalShapeError, match=r"\(6000, 2\).*pass its transpose, r\.npy::\.T"):
        read(path, **KNOWN)
    recording = read(f"{path}::.T", **KNOWN)
    np.testing.assert_allclose(recording.signal, ecg, atol=1e-6)
    np.testing.assert_allclose(recording.window(10, 20), ecg[:, 10:20], atol=1e-6)


def test_zeros_at_both_ends_of_one_of_several_are_padding(ecg, tmp_path):
    stack = np.zeros((3, 6000, 2))
    stack[0, 100:5900] = ecg.T[100:5900]
    stack[1, 1000:4000] = ecg.T[:3000]
    np.save(tmp_path / "x.npy", stack)
    first, second, third = (read(place, **KNOWN) for place in find_recordings([tmp_path]))
    np.testing.assert_allclose(first.signal, ecg[:, 100:5900], atol=1e-6)
    np.testing.assert_allclose(first.window(10, 20), ecg[:, 110:120], atol=1e-6)
    assert first.notes == ("100 samples at the start and 100 at the end are 0 in all leads: left out as padding",)
    assert second.samples.shape == (2, 3000)  # 6 s
    assert third.samples.shape == (2, 6000)  # all of it: flat
    assert not third.notes
    np.save(tmp_path / "x.npy", stack[:1, 100:5100])  # 10 s, none to spare
    stack[0, 5090:] = 0
    np.save(tmp_path / "x.npy", stack[:1, 100:5100])
    whole = read(tmp_path / "x.npy", **KNOWN)
    assert whole.samples.shape == (2, 5000)
    np.save(tmp_path / "x.npy", stack[:1, 100:5120])
    assert read(tmp_path / "x.npy", **KNOWN).samples.shape == (2, 5020)
    few = read(tmp_path / "x.npy", **KNOWN)
    assert np.isnan(few.signal[:, -30:]).all()
    assert not np.isnan(few.window(0, 4900)).any()
    np.save(tmp_path / "flat.npy", np.pad(ecg, ((0, 0), (500, 0))))  # of a single recording nothing is left out
    assert read(tmp_path / "flat.npy", **KNOWN).samples.shape == (2, 6500)


# Damage and bombs


def test_npy_that_shrinks_while_it_is_read(ecg, tmp_path):
    path = tmp_path / "r.npy"
    np.save(path, np.tile(ecg, 20))
    recording = read(path, **KNOWN)
    recording.window(0, 10)
    with path.open("r+b") as file:
        file.truncate(4096)
    for start in (0, 60_000):
        with pytest.raises(EcgNoiseError, match="not a whole"):
            recording.window(start, start + 5000)


def test_sizes_are_looked_at_before_numbers(tmp_path):
    with (tmp_path / "huge.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (12, 1 << 40)})
        file.write(bytes(1000))
    with pytest.raises(EcgNoiseError, match=r"1000 bytes of numbers, 105553116266496 announced"):
        read(tmp_path / "huge.npy", **KNOWN)
    np.savez_compressed(tmp_path / "bomb.npz", signal=np.zeros((2, 40_000_000), np.int8), other=np.zeros(9))
    with pytest.raises(EcgNoiseError, match=r"announces 80000000 bytes, at most"):
        read(tmp_path / "bomb.npz", **KNOWN)
    np.savez_compressed(
        tmp_path / "ok.npz", signal=np.zeros((2, 4000)), other=np.zeros((2, 40_000_000), np.int8)[:, ::2]
    )
    assert read(tmp_path / "ok.npz", **KNOWN).samples.shape == (2, 4000)  # the other is not read


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_an_array_a_lead(suffix, ecg, tmp_path):
    from scipy.io import savemat

    path = tmp_path / f"l{suffix}"
    arrays = {"II": ecg[0], "V2": ecg[1], "time": np.arange(6000) / RATE, "fs": float(RATE), "units": "uV"}
    np.savez(path, **arrays) if suffix == ".npz" else savemat(path, arrays)
    recording = read(path)
    assert recording.lead_names == ("II", "V2")
    np.testing.assert_allclose(recording.signal, ecg / 1000, rtol=1e-6)
    assert recording.notes == ("left out: time of shape (6000,)",)
    assert read(path, lead_names=["V2"]).lead_names == ("V2",)
    assert read(f"{path}::V2").samples.shape == (1, 6000)
    arrays |= {"V2": ecg[1, :300]}  # not of one length
    np.savez(path, **arrays) if suffix == ".npz" else savemat(path, arrays)
    assert read(path).samples.shape == (1, 6000)
    assert "V2" in read(path).notes[0]


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_the_smallest_whole_number_is_a_missing_sample_in_every_file_of_arrays(dtype, ecg, tmp_path):
    from scipy.io import savemat

    counts = np.round(ecg * 1000).astype(dtype)
    counts[0, 300:350] = np.iinfo(dtype).min
    np.save(tmp_path / "a.npy", counts)
    np.savez(tmp_path / "a.npz", ecg=counts)
    savemat(tmp_path / "a.mat", {"ecg": counts})
    for name in ("a.npy", "a.npz", "a.mat"):
        recording = read(tmp_path / name, sampling_frequency=RATE, units="uV")
        missing = np.isnan(recording.signal)
        assert np.flatnonzero(missing[0]).tolist() == list(range(300, 350))
        np.testing.assert_allclose(recording.signal[~missing], ecg[~missing], atol=1e-3)
        told = "50 samples stand for none by the number: taken as missing" in recording.notes
        assert told == (name != "a.npy")  # which is read later


def test_a_column_is_a_lead_and_truths_are_none(ecg, tmp_path):
    np.save(tmp_path / "column.npy", ecg[0][:, None])
    recording = read(tmp_path / "column.npy", sampling_frequency=RATE, units="mV")
    np.testing.assert_allclose(recording.signal, ecg[:1], atol=1e-6)
    np.testing.assert_array_equal(recording.samples.window(100, 150), recording.signal[:, 100:150])
    np.save(tmp_path / "mask.npy", ecg > 0)
    with pytest.raises(SignalShapeError, match="no real numbers"):
        read(tmp_path / "mask.npy", sampling_frequency=RATE, units="mV")


def test_invalid_samples_of_wfdb2mat_are_missing(ecg, tmp_path):
    from scipy.io import savemat

    counts = np.round(ecg * 1000).astype(np.int16)
    counts[1, 300:350] = -32768
    savemat(tmp_path / "a.mat", {"val": counts})
    recording = read(tmp_path / "a.mat", sampling_frequency=RATE, units="uV")
    assert np.flatnonzero(np.isnan(recording.signal[1])).tolist() == list(range(300, 350))
    assert recording.notes == ("50 samples stand for none by the number: taken as missing",)


@pytest.mark.parametrize("rate", [0.0, -1.0, np.nan, 0.5, 1e9])
def test_what_is_no_sampling_frequency_gives_way_to_that_of_the_caller(rate, ecg, tmp_path):
    np.savez(tmp_path / "a.npz", ecg=ecg, fs=rate)
    with pytest.raises(SamplingFrequencyError, match="--sampling-frequency"):
        read(tmp_path / "a.npz", units="mV")
    recording = read(tmp_path / "a.npz", units="mV", sampling_frequency=RATE)
    assert recording.sampling_frequency == RATE
    assert recording.notes == (f"the file says {rate:g} Hz: 500 Hz as stated",)


def test_a_table_of_a_row_a_recording_is_not_the_signal(tmp_path, ecg):
    many = np.stack([ecg, ecg, ecg])
    features = np.zeros((3, 5000))  # not a tenth as large as the signal, nor called as something else
    np.savez(tmp_path / "a.npz", X=many, features=features, fs=RATE, units="mV")
    assert [path.name for path in find_recordings([tmp_path / "a.npz"])] == [f"a.npz::X[{row}]" for row in range(3)]
    recording = read(f"{tmp_path / 'a.npz'}::X[2]")
    np.testing.assert_allclose(recording.signal, ecg, atol=1e-6)


@pytest.mark.parametrize("said", [{"fs": 500, "sample_rate": 250}, {"fs": 500, "sr": 500.1, "sampling_rate": 250}])
def test_sampling_frequencies_that_differ_are_an_error(tmp_path, ecg, said):
    np.savez(tmp_path / "a.npz", signal=ecg, units="mV", **said)
    with pytest.raises(UnreadableFileError, match=r"its sampling frequencies differ \(.*500.*\): save one") as caught:
        read(tmp_path / "a.npz")
    one_line(caught.value)


def test_an_identifier_that_repeats_names_no_recording(tmp_path, ecg):
    np.savez(tmp_path / "a.npz", tracings=np.stack([ecg, 2 * ecg, ecg]), exam_id=[7, 8, 7], fs=RATE, units="mV")
    np.testing.assert_allclose(read(f"{tmp_path / 'a.npz'}::tracings[exam_id=8]").signal, 2 * ecg, atol=1e-5)
    for number, said in ((7, "several have the exam_id 7"), (9, "none has the exam_id 9")):
        with pytest.raises(SignalShapeError, match=said) as caught:
            read(f"{tmp_path / 'a.npz'}::tracings[exam_id={number}]")
        one_line(caught.value)
