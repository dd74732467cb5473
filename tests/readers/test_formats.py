"""All readers keep one contract: the same checks for every format, on files made here and on real ones."""

import json
import math
import pickle
import re
import shutil
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests import format_makers as makers
from tests.format_makers import FORMATS, Ecg, Format

from ecgnoise._internal.warnings import quiet
from ecgnoise.errors import (
    EcgNoiseError,
    LeadNameError,
    MissingExtraError,
    NoEcgError,
    OptionError,
    SamplingFrequencyError,
    SignalShapeError,
    UnknownSamplingFrequencyError,
    UnknownUnitsError,
    UnreadableFileError,
)
from ecgnoise.readers import READERS, find_recordings, read
from ecgnoise.simulate import simulate_ecg

ALL = [pytest.param(known, id=known.make.__name__) for known in FORMATS]
READER = {type(reader).__name__: reader for reader in READERS}
HEAD = 1 << 16
SUFFIXES = (".edf", ".bdf", ".ecg", ".dcm", ".scp", ".xml", ".json", ".mwf", ".hea", ".dat", ".mat", ".h5", ".hdf5")
SUFFIXES += (".parquet", ".feather", ".arrow", ".npy", ".npz", ".csv", ".tsv", ".txt", "")
SUFFIXES += (".wav", ".xlsx", ".xlsm")
MADE_UNITS = (makers.dicom, makers.hl7, makers.muse, makers.sierra, makers.mortara, makers.schiller, makers.cardiosoft)
ROUNDING = 1.6e-3  # mV: counts of up to 3 uV


@pytest.fixture(scope="module")
def ecg() -> Ecg:
    simulated = simulate_ecg(8, 250, seed=1, lead_names=("II", "V2"))
    return Ecg(simulated.signal.astype(np.float64))


def reader_of(path: Path):
    with path.open("rb") as file:
        head = file.read(HEAD)
    return next(type(reader).__name__ for reader in READERS if reader.recognises(path, head))


def open_files() -> set[str]:
    """What this process has open, where the system tells."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return set()
    return {str(link.readlink()) for link in folder.iterdir() if link.is_symlink()}


def check_contract(path: Path, options: dict):
    """What holds for every recording: shape, units, rate, names, windows, pickling, no file left open."""
    recording = read(path, **options)
    whole = recording.signal
    leads, samples = recording.samples.shape
    assert whole.shape == (leads, samples)
    assert whole.dtype == np.float32
    assert not np.isinf(whole).any()
    assert recording.units == "mV"
    assert recording.source == str(path)
    assert recording.duration == samples / recording.sampling_frequency
    assert len(set(recording.lead_names)) == len(recording.lead_faults) == leads
    assert all("\n" not in note for note in recording.notes)
    copy = pickle.loads(pickle.dumps(recording))
    for start, stop in [(0, 1), (samples // 3, samples // 2 + 1), (samples - 1, samples), (1, 1), (0, samples)]:
        np.testing.assert_array_equal(recording.window(start, stop), whole[:, start:stop])
        np.testing.assert_array_equal(copy.window(start, stop), whole[:, start:stop])
    assert str(path) not in open_files()
    return recording


def check_error(error: EcgNoiseError, name: str) -> None:
    """One line that names the file and is no list of everything that it holds."""
    assert "\n" not in str(error)
    assert name in str(error)
    assert len(str(error)) < 1500


def only_lead(known: Format, ecg: Ecg) -> Ecg:
    """What the file of a format can hold: some have one lead."""
    single = known.make in {makers.apple_watch, makers.polar}
    return replace(ecg, signal=ecg.signal[:1], names=ecg.names[:1]) if single else ecg


@pytest.mark.parametrize("known", ALL)
def test_every_format_gives_the_same_recording(known, tmp_path, ecg):
    path = known.make(tmp_path, ecg)
    recording = check_contract(path, known.options) if known.make is not makers.hdf5 else read(path)
    expected = only_lead(known, ecg)
    assert recording.sampling_frequency == 250.0
    assert recording.lead_names == (expected.names if known.make is not makers.polar else ("ecg",))
    np.testing.assert_allclose(recording.signal, expected.signal, atol=ROUNDING)
    assert reader_of(path) == known.reader
    assert find_recordings([tmp_path]) == [path]


@pytest.mark.parametrize("known", ALL)
def test_samples_stay_on_disk_where_the_format_allows(known, tmp_path, ecg):
    recording = read(known.make(tmp_path, ecg), **known.options)
    assert (len(pickle.dumps(recording)) < 2000) == known.lazy


@pytest.mark.parametrize("known", ALL)
def test_every_format_is_found_by_content(known, tmp_path, ecg):
    path = known.make(tmp_path, ecg)
    other = path.with_suffix(".bin")
    path.rename(other)
    if known.by_suffix:
        pytest.skip("WFDB: a signal file names no header, so the header goes by its suffix")
    assert reader_of(other) == known.reader
    expected = only_lead(known, ecg)
    np.testing.assert_allclose(read(other, **known.options).signal, expected.signal, atol=ROUNDING)


@pytest.mark.parametrize("known", ALL)
def test_a_wrong_suffix_does_no_harm(known, tmp_path, ecg):
    path = known.make(tmp_path, ecg)
    if known.by_suffix:
        pytest.skip("WFDB: a signal file names no header, so the header goes by its suffix")
    expected, signal = read(path, **known.options), read(path, **known.options).signal
    for suffix in SUFFIXES:
        path = path.rename(path.with_suffix(suffix))
        recording = read(path, **known.options)
        assert recording.lead_names == expected.lead_names, suffix
        np.testing.assert_array_equal(recording.signal, signal, err_msg=suffix)


@pytest.mark.parametrize("known", ALL)
def test_threads_leave_the_filters_of_warnings_alone(known, tmp_path, ecg):
    path = known.make(tmp_path, replace(ecg, gain=0.0) if known.gain == "fault" else ecg)
    recording = read(path, **known.options)
    before = list(warnings.filters), warnings.showwarning

    def work(turn):
        if turn % 4 == 0:
            read(path, **known.options)
        recording.window(turn, turn + 500)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(100)))
    assert (list(warnings.filters), warnings.showwarning) == before


@pytest.mark.parametrize("known", ALL)
def test_leads_are_chosen_by_name(known, tmp_path, ecg):
    path = known.make(tmp_path, ecg)
    if known.options:
        pytest.skip("its leads have no names")
    name = read(path).lead_names[-1]
    recording = read(path, lead_names=[name.upper()])
    assert recording.lead_names == (name,)
    np.testing.assert_array_equal(recording.signal, read(path).signal[-1:])
    with pytest.raises(LeadNameError, match="V99") as caught:
        read(path, lead_names=["V99"])
    check_error(caught.value, path.name)


@pytest.mark.parametrize("known", ALL)
def test_another_rate_than_the_file_says_is_an_error(known, tmp_path, ecg):
    path = known.make(tmp_path, ecg)
    if "sampling_frequency" not in known.options and known.make not in {makers.parquet, makers.feather}:
        with pytest.raises(OptionError, match=r"500.*250"):
            read(path, sampling_frequency=500)


@pytest.mark.parametrize("known", ALL)
def test_truncated(known, tmp_path, ecg):
    path = known.make(tmp_path, ecg)
    damaged = path.with_suffix(".dat") if known.make is makers.wfdb_record else path
    content = damaged.read_bytes()
    for share in known.truncated:
        damaged.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(EcgNoiseError) as caught:
            read(path, **known.options).signal  # noqa: B018
        check_error(caught.value, path.name)


def shown_on_the_page(known: Format) -> list[str]:
    """What the page of formats says about a bad file of a format, as patterns."""
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| {READER[known.reader].name} |"))
    return [re.escape(text).replace(r"\.\.\.", ".*") for text in re.findall(r"`([^`]*)`", row.split("|")[5])]


@pytest.mark.parametrize("known", [pytest.param(k, id=k.make.__name__) for k in FORMATS if k.short])
def test_what_is_whole_of_a_file_cut_short_is_read(known, tmp_path, ecg):
    path = known.make(tmp_path, ecg)
    whole = read(path).signal
    damaged = path.with_suffix(".dat") if known.make is makers.wfdb_record else path
    content = damaged.read_bytes()
    for share in known.short:
        damaged.write_bytes(content[: int(len(content) * share)])
        recording = check_contract(path, known.options)
        length = recording.samples.shape[1]
        assert 0.6 * share < length / whole.shape[1] <= share
        np.testing.assert_array_equal(recording.signal, whole[:, :length])
        (note,) = recording.notes
        assert re.search("|".join(shown_on_the_page(known)), note)
        assert re.search(rf"cut short: (8|2000) .*announced.* {length}\b|{length // 250} are there", note)


@pytest.mark.parametrize("known", [pytest.param(k, id=k.make.__name__) for k in FORMATS if 0.5 in k.truncated])
def test_the_page_of_formats_shows_the_error_of_a_truncated_file(known, tmp_path, ecg):
    path = known.make(tmp_path, ecg)
    damaged = path.with_suffix(".dat") if known.make is makers.wfdb_record else path
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    with pytest.raises(EcgNoiseError, match="|".join(shown_on_the_page(known))):
        read(path, **known.options)


@pytest.mark.parametrize("known", ALL)
def test_damage_anywhere_is_never_a_crash(known, tmp_path, ecg):
    """One byte after another is changed, at places drawn once; what comes is a recording or one line."""
    path = known.make(tmp_path, replace(ecg, signal=ecg.signal[:, :400]))
    content = path.read_bytes()
    generator = np.random.default_rng(1)
    for at in [*range(0, min(len(content), 16)), *generator.integers(0, min(len(content), 3000), 24)]:
        changed = bytearray(content)
        changed[at] ^= int(generator.integers(1, 256))
        path.write_bytes(changed)
        try:
            read(path, **known.options).signal  # noqa: B018
        except EcgNoiseError as error:
            check_error(error, path.name)


@pytest.mark.parametrize("known", ALL)
@pytest.mark.parametrize("content", [b"", b"\x00\x01garbage\xff" * 99], ids=["empty", "garbage"])
def test_empty_and_wrong_magic(known, content, tmp_path, ecg):
    path = known.make(tmp_path, ecg)
    path.write_bytes(content)
    with pytest.raises(EcgNoiseError) as caught:
        read(path, **known.options)
    check_error(caught.value, path.name)


@pytest.mark.parametrize("known", ALL)
def test_beginning_of_a_format_and_then_nothing_of_it(known, tmp_path, ecg):
    path = known.make(tmp_path, ecg)
    path.write_bytes(path.read_bytes()[:132] + b"\x00\xff" * 3000)
    with pytest.raises(EcgNoiseError) as caught:
        read(path, **known.options).signal  # noqa: B018
    check_error(caught.value, path.name)


@pytest.mark.parametrize(
    ("known", "rate"),
    [pytest.param(known, rate, id=f"{known.make.__name__} {rate:g}") for known in FORMATS for rate in known.rates],
)
def test_absurd_sampling_frequency(known, rate, tmp_path, ecg):
    path = known.make(tmp_path, replace(ecg, rate=rate))
    with pytest.raises((SamplingFrequencyError, UnreadableFileError)) as caught:
        read(path, **known.options).signal  # noqa: B018
    check_error(caught.value, path.name)


@pytest.mark.parametrize("known", [pytest.param(known, id=known.make.__name__) for known in FORMATS if known.gain])
def test_zero_gain(known, tmp_path, ecg):
    path = known.make(tmp_path, replace(ecg, gain=0.0))
    if known.gain == "error":  # one gain for all leads, or none is as good as 0
        with pytest.raises(UnknownUnitsError, match="--units") as caught:
            read(path)
        check_error(caught.value, path.name)
        return
    recording = read(path)
    assert recording.lead_names[0] == "II"
    if known.gain == "note":
        assert any("uncalibrated" in note and "II" in note for note in recording.notes)
        return
    assert recording.lead_faults[0] == "no_gain"
    assert np.isnan(recording.signal[0]).all()
    if known.make not in {makers.mfer, makers.schiller, makers.cardiosoft}:  # they have one gain for all
        assert recording.lead_faults[1] == ""
        np.testing.assert_allclose(recording.signal[1], ecg.signal[1], atol=ROUNDING)


@pytest.mark.parametrize(
    "make",
    [*MADE_UNITS, makers.mfer, makers.kardia, makers.apple_watch],
)
def test_a_unit_that_is_not_stated_is_asked_for(make, tmp_path, ecg):
    path = make(tmp_path, replace(ecg, gain=None))
    if make is makers.muse:
        path.write_text(re.sub(r"<LeadAmplitudeUnits>.*?</LeadAmplitudeUnits>", "", path.read_text()))
    if make is makers.hl7:
        path.write_text(path.read_text().replace('<origin value="0" unit="uV"/>', ""))
    with pytest.raises(UnknownUnitsError, match=r"units.*--units") as caught:
        read(path)
    check_error(caught.value, path.name)
    recording = read(path, units="uV")
    expected = ecg.signal[: len(recording.lead_names)] if make is makers.apple_watch else ecg.signal
    np.testing.assert_allclose(recording.signal, expected, atol=ROUNDING)
    assert read(path, units="unknown").units == "unknown"


@pytest.mark.slow
@pytest.mark.parametrize("known", ALL)
def test_ten_thousand_channels(known, tmp_path):
    names = tuple(f"E{number}" for number in range(10_000))
    if known.make in {makers.apple_watch, makers.polar, makers.scp}:
        pytest.skip("one lead by its format, or 255")
    if known.reader == "EdfReader":
        names = names[:9_999]  # four digits
    path = known.make(tmp_path, Ecg(np.zeros((len(names), 10)), names))
    with pytest.raises(EcgNoiseError) as caught:
        read(path, **known.options).signal  # noqa: B018
    check_error(caught.value, path.name)


@pytest.mark.parametrize("known", ALL)
def test_names_that_are_long_or_not_ascii(known, tmp_path, ecg):
    folder = tmp_path / "Aufn\u00e4hme \u5fc3\u7535 1"
    for _ in range(4):
        folder = folder / ("long" * 50)
    folder.mkdir(parents=True)
    check_contract(known.make(folder, ecg), known.options) if known.make is not makers.hdf5 else None
    short = known.make(tmp_path, ecg)
    longest = tmp_path / ("\u5fc3" * ((255 - len(short.suffix)) // 3) + short.suffix)
    if not known.by_suffix:
        short.rename(longest)
        read(longest, **known.options).signal  # noqa: B018
    for name in ("x" * 300, "x" * 5000, f"{'x' * 300}/{short.name}"):
        with pytest.raises(UnreadableFileError, match="no such file"):
            read(tmp_path / name, **known.options)
        assert find_recordings([tmp_path / name]) == [tmp_path / name]


@pytest.mark.parametrize("known", ALL)
def test_a_folder_that_cannot_be_written(known, tmp_path, ecg):
    folder = tmp_path / "locked"
    folder.mkdir()
    path = known.make(folder, ecg)
    before = sorted(file.name for file in folder.iterdir())
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    try:
        read(path, **known.options).signal  # noqa: B018
    finally:
        folder.chmod(0o755)
    assert sorted(file.name for file in folder.iterdir()) == before


@pytest.mark.parametrize("known", ALL)
def test_a_file_that_shrinks_while_it_is_read(known, tmp_path, ecg):
    path = known.make(tmp_path, ecg)
    recording = read(path, **known.options)
    damaged = path.with_suffix(".dat") if known.make is makers.wfdb_record else path
    content = damaged.read_bytes()
    for left in (len(content) // 3, 0):
        damaged.write_bytes(content[:left])
        if not known.lazy:
            np.testing.assert_array_equal(recording.window(1900, 2000), recording.signal[:, 1900:2000])
            continue
        with pytest.raises(UnreadableFileError) as caught:
            recording.window(1900, 2000)
        check_error(caught.value, path.name)
    damaged.unlink()
    if known.lazy:
        with pytest.raises(UnreadableFileError):
            recording.window(0, 10)


@pytest.mark.parametrize(
    ("make", "package"),
    [
        (makers.dicom, "pydicom"),
        (makers.hl7, "ecgdatakit"),
        (makers.hdf5, "h5py"),
        (makers.mat73, "h5py"),
        (makers.parquet, "pyarrow"),
        (makers.feather, "pyarrow"),
    ],
)
def test_a_package_that_is_not_installed_is_named(make, package, tmp_path, ecg, monkeypatch):
    path = make(tmp_path, ecg)
    for name in (package, f"{package}.parsing"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"{package}: pip install 'ecgnoise\[formats\]'"):
        read(path)


def test_every_suffix_is_tested_here():
    assert {suffix for reader in READERS for suffix in reader.suffixes} <= set(SUFFIXES)


def test_every_reader_is_tested_here():
    assert {known.reader for known in FORMATS} == set(READER)


# What single formats have


def test_start_of_the_recording(tmp_path, ecg):
    for make in (makers.ishne, makers.dicom, makers.hl7, makers.muse, makers.sierra, makers.kardia, makers.polar):
        start = read(make(tmp_path, ecg)).start
        assert (start.year, start.hour, start.second) == (2021, 8, 15), make
    assert read(makers.apple_watch(tmp_path, ecg)).start.isoformat() == "2021-02-24T08:30:15+01:00"


@pytest.mark.parametrize("coding", ["16", "24", "32", "80", "212", "508", "516", "524"])
def test_wfdb_codings(coding, tmp_path, ecg):
    """Those that the wfdb package writes; test_readers.py reads files of all others."""
    signal = np.round(ecg.signal.T[:1998] * 100) / 100
    options = {"fmt": [coding] * 2, "adc_gain": [100.0] * 2, "baseline": [0] * 2, "write_dir": str(tmp_path)}
    with quiet():
        import wfdb

        wfdb.wrsamp("w", 250, ["mV"] * 2, ["II", "V2"], p_signal=signal, **options)
    recording = check_contract(tmp_path / "w.hea", {})
    np.testing.assert_allclose(recording.signal, signal.T, atol=1e-6)
    assert recording.lead_names == ("II", "V2")


def test_wfdb_with_a_matlab_signal_file(tmp_path, ecg):
    """As in the challenges of PhysioNet: the matrix ``val`` behind the 24 bytes of a version 4 header."""
    from scipy.io import savemat

    savemat(tmp_path / "m.mat", {"val": ecg.counts.astype(np.int16)}, format="4")
    lines = [f"m.mat 16+24 1000/mV 16 0 0 0 0 {name}" for name in ecg.names]
    (tmp_path / "m.hea").write_text("\n".join(["m 2 250 2000", *lines]))
    for name in ("m", "m.hea", "m.mat"):
        np.testing.assert_allclose(read(tmp_path / name).signal, ecg.signal, atol=ROUNDING)
    assert find_recordings([tmp_path]) == [tmp_path / "m.hea"]


def test_wfdb_of_several_rates_and_files(tmp_path, ecg):
    """As edf2mit makes them: frames of 1 s."""
    (tmp_path / "a.dat").write_bytes(ecg.counts[0].tobytes())
    (tmp_path / "b.dat").write_bytes(np.arange(8 * 125, dtype="<i2").tobytes())
    lines = ["a.dat 16x250 1000/mV 16 0 0 0 0 II", "b.dat 16x125 1000/mV 16 0 0 0 0 V2"]
    (tmp_path / "e.hea").write_text("\n".join(["e 2 1 8", *lines]))
    recording = check_contract(tmp_path / "e.hea", {})
    assert (recording.lead_names, recording.sampling_frequency) == (("II",), 250)
    assert recording.notes == ("left out, not at 250 Hz: V2 (125 Hz)",)
    np.testing.assert_allclose(recording.signal, ecg.signal[:1], atol=ROUNDING)
    slower = read(tmp_path / "e.hea", lead_names=["v2"])
    assert (slower.lead_names, slower.sampling_frequency, slower.notes) == (("V2",), 125, ())
    np.testing.assert_allclose(slower.signal[0], np.arange(8 * 125) / 1000, atol=1e-6)
    with pytest.raises(LeadNameError, match=r"different sampling frequency .*V2 125 Hz"):
        read(tmp_path / "e.hea", lead_names=["II", "V2"])
    with pytest.raises(LeadNameError, match="no lead V9; it has II, V2"):
        read(tmp_path / "e.hea", lead_names=["V9"])


def test_edf_signals_of_other_kinds_and_rates(tmp_path, ecg):
    import edfio

    row = ecg.signal[0] * 1000

    def signal(label, unit="uV", rate=250):
        return edfio.EdfSignal(row[: rate * 8], rate, label=label, physical_dimension=unit, physical_range=(-5e3, 5e3))

    signals = [signal("EEG Fp1"), signal("C4-M1"), signal("ECG II"), signal("SpO2", "%"), signal("Resp", "mV", 25)]
    edfio.Edf([*signals, signal("ECG V2"), signal("ECG 3", rate=125)]).write(tmp_path / "s.edf")
    recording = check_contract(tmp_path / "s.edf", {})
    assert recording.lead_names == ("II", "V2")
    assert recording.notes == (
        "left out, not ECG: EEG Fp1, C4-M1, SpO2, Resp",
        "left out, not at 250 Hz: ECG 3 (125 Hz)",
    )
    np.testing.assert_allclose(recording.signal[1], ecg.signal[0], atol=ROUNDING)
    slow = read(tmp_path / "s.edf", lead_names=["ECG 3"])
    assert (slow.sampling_frequency, slow.samples.shape) == (125, (1, 1000))
    with pytest.raises(LeadNameError, match="different sampling frequency"):
        read(tmp_path / "s.edf", lead_names=["II", "ECG 3"])


def stretched(path: Path, records: int, record_bytes: int, at: int, leads: int = 2) -> None:
    """A file of data records made longer, without writing more than its records from ``at`` on; all others are 0."""
    content = bytearray(path.read_bytes())
    size = 256 * (leads + 1)
    content[236:244] = f"{records:<8}".encode()
    with path.open("wb") as file:
        file.write(content[:size])
        file.seek(size + at * record_bytes)
        file.write(content[size:])
        file.truncate(size + records * record_bytes)


@pytest.mark.parametrize(("make", "width"), [(makers.edf, 2), (makers.bdf, 3)])
def test_edf_windows_deep_in_a_long_file(make, width, tmp_path, ecg):
    path = make(tmp_path, ecg)
    records, at = 5_000_000, 4_567_890  # beyond 4 GiB
    stretched(path, records, 2 * 250 * width, at)
    recording = read(path)
    assert recording.samples.shape == (2, records * 250)
    first = at * 250
    for start, stop in [(0, 2000), (1, 2), (249, 251), (777, 1800), (1999, 2000)]:
        window = recording.window(first + start, first + stop)
        np.testing.assert_allclose(window, ecg.signal[:, start:stop], atol=ROUNDING)
    np.testing.assert_allclose(recording.window(first - 9, first + 9)[:, 9:], ecg.signal[:, :9], atol=ROUNDING)
    np.testing.assert_allclose(recording.window(7, 9), 0.07, atol=ROUNDING)  # a count of 0
    assert read(path, lead_names=["V2"]).window(first, first + 9).shape == (1, 9)
    long = recording.window(first - 600_000, first + 2000)  # more than is read at once
    np.testing.assert_allclose(long[:, 600_000:], ecg.signal, atol=ROUNDING)


def peak(call) -> int:
    """The most memory, in bytes, that Python and numpy have within a call."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("make", "width"), [(makers.edf, 2), (makers.bdf, 3)])
def test_edf_with_huge_data_records_is_read_by_the_samples_asked_for(make, width, tmp_path, ecg):
    frame = 20_000_000
    path = make(tmp_path, ecg)
    content = bytearray(path.read_bytes())
    content[244:252] = f"{frame // 250:<8}".encode()
    at = 256 + 2 * (16 + 80 + 8 + 8 + 8 + 8 + 8 + 80)
    content[at : at + 16] = f"{frame:<8}".encode() * 2
    content[236:244] = b"2       "
    path.write_bytes(content[:768])
    with path.open("r+b") as file:
        file.truncate(768 + 4 * frame * width)
        counts = np.arange(2000, dtype="<i4")
        for record, row in ((0, 0), (0, 1), (1, 0)):  # across the boundary of the two records, and in both leads
            file.seek(768 + ((2 * record + row) * frame + (frame - 1000) * (record == 0)) * width)
            part = counts[1000 * record : 1000 * record + 1000] * (row + 1)
            file.write(part.view(np.uint8).reshape(-1, 4)[:, :width].tobytes())
    recording = read(path)
    assert recording.samples.shape == (2, 2 * frame)
    assert peak(lambda: read(path)) < 1 << 20
    assert peak(lambda: recording.window(frame - 1000, frame + 1000)) < 1 << 20
    window = recording.window(frame - 1000, frame + 1000)
    gain, zero = (2.5e-3, 0.07) if width == 2 else (1e-5, 0.07)
    np.testing.assert_allclose(window[0], counts * gain + zero, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(window[1, :1000], 2 * counts[:1000] * gain + zero, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(window[1, 1000:], zero, atol=1e-4)


@pytest.mark.parametrize("kind", ["Edf", "Bdf"])
def test_times_of_edf_are_read_a_few_data_records_at_a_time(kind, tmp_path):
    import edfio

    path, plus = tmp_path / "d.edf", kind.upper().encode()
    zeros, make = np.zeros(600 * 2000), getattr(edfio, f"{kind}Signal")
    signals = [make(zeros, 2000, label=f"V{number}", physical_dimension="mV") for number in (1, 2, 3, 4)]
    getattr(edfio, kind)(signals, annotations=[edfio.EdfAnnotation(1, None, "x")], data_record_duration=1).write(path)
    content = path.read_bytes().replace(plus + b"+C", plus + b"+D", 1)
    path.write_bytes(content)
    assert len(content) > 9 << 20
    assert peak(lambda: read(path)) < 3 << 20
    assert read(path).samples.shape == (4, 1_200_000)
    path.write_bytes(content.replace(b"+599\x14\x14", b"+777\x14\x14", 1))
    assert peak(lambda: read(path)) < 3 << 20
    assert read(path).samples.shape == (4, 778 * 2000)
    for time in (b"1", b"300"):
        path.write_bytes(content.replace(b"+%s\x14\x14" % time, b"+%s\x14\x14" % b"777"[: len(time)], 1))
        with pytest.raises(UnreadableFileError, match="before the one before it ends"):
            read(path)


def test_edf_names_of_leads_count_only_with_a_unit_of_voltage(tmp_path, ecg):
    import edfio

    def signal(label, unit):
        return edfio.EdfSignal(ecg.signal[0], 250, label=label, physical_dimension=unit)

    others = [signal("X", "mg"), signal("Y", "mg"), signal("ECG HR", "bpm")]
    edfio.Edf([*others, signal("chest", "mV")]).write(tmp_path / "u.edf")
    recording = read(tmp_path / "u.edf")
    assert recording.lead_names == ("chest",)
    assert recording.notes == ("left out, not ECG: X, Y, ECG HR",)


@pytest.mark.parametrize(("unit", "factor"), [("mV", 1), ("V", 1e3), ("\u00b5V", 1e-3), ("nV", 1e-6)])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_edf_units(unit, factor, encoding, tmp_path, ecg):
    path = makers.edf(tmp_path, ecg)
    content = bytearray(path.read_bytes())
    at = 256 + 2 * (16 + 80)
    content[at : at + 16] = unit.encode(encoding).ljust(8) * 2
    path.write_bytes(content)
    np.testing.assert_allclose(read(path).signal, ecg.signal * 1000 * factor, rtol=1e-5, atol=ROUNDING * factor * 1000)
    content[at : at + 16] = b" " * 16
    path.write_bytes(content)
    with pytest.raises(UnknownUnitsError, match="--units"):
        read(path)


def test_edf_of_an_unfinished_and_of_an_interrupted_recording(tmp_path, ecg):
    import edfio

    path = makers.edf(tmp_path, ecg)
    content = bytearray(path.read_bytes())
    content[236:244] = b"-1      "  # EDF specification: unknown number of data records
    path.write_bytes(content)
    np.testing.assert_allclose(read(path).signal, ecg.signal, atol=ROUNDING)
    signals = [edfio.EdfSignal(ecg.signal[0], 250, label="II", physical_dimension="mV")]
    edfio.Edf(signals, annotations=[edfio.EdfAnnotation(1, None, "x")], data_record_duration=1).write(path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"EDF+C", b"EDF+D", 1))
    assert read(path).samples.shape == (1, 2000)


def interrupted(tmp_path, ecg, times):
    """An EDF+D file of eight data records of a second that begin at these times, written as EDF+C first."""
    import edfio

    path = tmp_path / "d.edf"
    signals = [edfio.EdfSignal(ecg.signal[0], 250, label="II", physical_dimension="mV")]
    edfio.Edf(signals, annotations=[edfio.EdfAnnotation(1, None, "x")], data_record_duration=1).write(path)
    content = path.read_bytes().replace(b"EDF+C", b"EDF+D", 1)
    for number, time in reversed(list(enumerate(times))):
        before, after = (f"+{value}\x14\x14".encode() for value in (number, time))
        content = content.replace(before + bytes(len(after) - len(before)), after, 1)
    path.write_bytes(content)
    return path


def test_edf_with_gaps_has_missing_samples_there(tmp_path, ecg):
    path = interrupted(tmp_path, ecg, (0, 1, 2, 5, 6, 7, 10.5, 11.5))
    recording = read(path)
    signal = recording.signal[0]
    assert recording.samples.shape == (1, round(12.5 * 250))
    assert recording.notes == ("interrupted 2 times, 4.5 s are missing",)
    there = np.isfinite(signal)
    np.testing.assert_allclose(signal[there], ecg.signal[0], atol=ROUNDING)
    assert np.flatnonzero(np.diff(there)).tolist() == [749, 1249, 1999, 2624]
    for start, stop in ((0, 10), (700, 800), (760, 1240), (1200, 3000), (3000, 3125), (5, 5)):
        np.testing.assert_array_equal(recording.window(start, stop)[0], signal[start:stop])
    again = pickle.loads(pickle.dumps(recording))
    np.testing.assert_array_equal(again.window(600, 2700), recording.window(600, 2700))


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ((0, 1, 2, 3, 4, 5, 6, 6.9), "data record 8 .* begins 25 samples before the one before it ends"),
        ((0, 1, 2, 3, 4, 5, 6, "2e9"), "over 23148 days, of at most 31"),
        ((0, 1, 2, 3, 4, 5, 6, "x"), "data record 8 .* has no time"),
        ((0, 1, 2, 3, 4, 5, 6, "nan"), "data record 8 .* has no time"),
    ],
)
def test_edf_with_impossible_times_is_one_clear_line(tmp_path, ecg, times, message):
    with pytest.raises(UnreadableFileError, match=message) as caught:
        read(interrupted(tmp_path, ecg, times))
    assert len(str(caught.value).splitlines()) == 1


def test_ishne_counts_of_other_recorders(tmp_path, ecg):
    path = makers.ishne(tmp_path, ecg)
    content = bytearray(path.read_bytes())
    content[14:18] = (4000).to_bytes(4, "little")  # the samples of all leads
    path.write_bytes(content)
    assert read(path).samples.shape == (2, 2000)
    content[522:524] = (-32768).to_bytes(2, "little", signed=True)
    path.write_bytes(content)
    assert np.isnan(read(path).signal[0, 0])
    assert np.isfinite(read(path).signal[0, 1:]).all()
    content[14:18] = (5000).to_bytes(4, "little")
    path.write_bytes(content)
    assert read(path).samples.shape == (2, 2000)
    assert "cut short: 5000 samples a lead announced by the header, 2000 are there and read" in read(path).notes


def test_a_day_of_ishne_is_read_window_by_window(tmp_path, ecg):
    day = np.tile(ecg.signal[:, :250], 24 * 60 * 6)
    recording = read(makers.ishne(tmp_path, replace(ecg, signal=day, rate=128.0)))
    np.testing.assert_allclose(recording.window(1_000_000, 1_000_100), day[:, 1_000_000:1_000_100], atol=ROUNDING)


@pytest.mark.parametrize(("unit", "bits", "factor"), [("mV", 16, 1e3), ("uV", 32, 1), ("V", 32, 1e6)])
def test_dicom_units_and_bits(unit, bits, factor, tmp_path, ecg):
    import pydicom

    data = pydicom.dcmread(makers.dicom(tmp_path, ecg))
    data.WaveformSequence = [makers.dicom_group(ecg, unit, bits)]
    data.save_as(tmp_path / "s.dcm")
    np.testing.assert_allclose(read(tmp_path / "s.dcm").signal, ecg.signal * factor, rtol=1e-5, atol=ROUNDING * factor)


def test_dicom_without_a_recording(tmp_path, ecg):
    import pydicom

    path = makers.dicom(tmp_path, ecg)
    data = pydicom.dcmread(path)
    data.WaveformSequence = [group for group in data.WaveformSequence if group.WaveformOriginality == "DERIVED"]
    data.save_as(path)
    with pytest.raises(UnreadableFileError, match="derived"):
        read(path)
    del data.WaveformSequence
    data.save_as(path)
    with pytest.raises(UnreadableFileError, match="without a waveform"):
        read(path)


def test_dicom_leaves_out_other_signals_and_padding(tmp_path, ecg):
    import pydicom

    path = makers.dicom(tmp_path, ecg)
    data = pydicom.dcmread(path)
    group = data.WaveformSequence[1]
    group.ChannelDefinitionSequence[0].ChannelSensitivityUnitsSequence[0].CodeValue = "mm[Hg]"
    counts = ecg.counts.copy()
    counts[1, 7] = -32768
    group.WaveformData = counts.T.tobytes()
    group.add_new("WaveformPaddingValue", "SS", -32768)
    data.save_as(path)
    recording = read(path)
    assert recording.lead_names == ("V2",)
    assert "II" in recording.notes[0]
    assert np.flatnonzero(np.isnan(recording.signal[0])).tolist() == [7]


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_dicom_in_big_endian(bits, as_bytes, tmp_path, ecg):
    import pydicom

    path = makers.dicom(tmp_path, ecg)
    data = pydicom.dcmread(path)
    group = makers.dicom_group(ecg, bits=bits)
    counts = np.frombuffer(group.WaveformData, f"<i{bits // 8}").reshape(-1, 2).copy()
    counts[7, 1] = -30_000
    group.WaveformData = counts.astype(f">i{bits // 8}").tobytes()
    padding = counts[7:8, 1].astype(f">i{bits // 8}").tobytes() if as_bytes else -30_000
    group.add_new("WaveformPaddingValue", "OW" if as_bytes else "SS" if bits == 16 else "SL", padding)
    data.WaveformSequence = [group]
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
    pydicom.dcmwrite(path, data, implicit_vr=False, little_endian=False)
    expected = ecg.signal.copy()
    expected[1, 7] = np.nan
    np.testing.assert_allclose(read(path).signal, expected, atol=ROUNDING)


@pytest.mark.parametrize("coding", ["MB", "AB"])
def test_dicom_with_companded_samples(coding, tmp_path, ecg):
    import pydicom

    path = makers.dicom(tmp_path, ecg)
    data = pydicom.dcmread(path)
    group = data.WaveformSequence[1]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 8, coding
    group.WaveformData = group.WaveformData[::2]
    data.WaveformSequence = [group]
    data.save_as(path)
    with pytest.raises(UnreadableFileError, match=f"companded .{coding}") as caught:
        read(path)
    check_error(caught.value, path.name)


def test_hl7_units_and_other_sequences(tmp_path, ecg):
    np.testing.assert_allclose(read(makers.hl7(tmp_path, ecg, "mV")).signal, ecg.signal * 1000, atol=ROUNDING * 1000)
    with pytest.raises(NoEcgError, match="no channel is an ECG"):
        read(makers.hl7(tmp_path, ecg, "mm[Hg]"))


def test_rates_that_are_no_whole_numbers_are_kept(tmp_path, ecg):
    for make in (makers.hl7, makers.kardia, makers.scp):
        rate = 1e6 / 3906 if make is makers.scp else 256.4
        assert read(make(tmp_path, replace(ecg, rate=rate))).sampling_frequency == pytest.approx(rate, rel=1e-9), make


def test_mfer_without_preamble_and_without_rate(tmp_path, ecg):
    path = makers.mfer(tmp_path, ecg, preamble=b"")
    assert reader_of(path) == "MferReader"
    np.testing.assert_allclose(read(path).signal, ecg.signal, atol=ROUNDING)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\x0b\x06\x00\x00\xfa\x00\x00\x00", b""))
    assert read(path).sampling_frequency == 1000  # the default of the format
    assert "1000 Hz" in read(path).notes[0]
    assert read(path, sampling_frequency=250).sampling_frequency == 250


@pytest.mark.parametrize("times", [1, 10])
def test_kardia_with_its_samples_before_everything_else(times, tmp_path, ecg):
    path = makers.kardia(tmp_path, replace(ecg, signal=np.tile(ecg.signal, times)))
    written = json.loads(path.read_text())
    path.write_text(json.dumps({"data": written.pop("data")} | written))
    recording = check_contract(path, {})
    assert recording.start.year == 2021
    np.testing.assert_allclose(recording.signal[:, -2000:], ecg.signal, atol=ROUNDING)


def test_kardia_of_a_device_with_another_layout(tmp_path):
    path = tmp_path / "k.json"
    path.write_text('{"recordedAt": "2021-02-24T08:30:15Z", "patientID": "a", "data12L": {}}')
    with pytest.raises(UnreadableFileError, match="12L"):
        read(path)


ENTITIES = '<!DOCTYPE {0} [<!ENTITY a "{1}"><!ENTITY b "&a;&a;&a;&a;">]><{0}>&b;</{0}>'
EXTERNAL = '<!DOCTYPE {0} [<!ENTITY a SYSTEM "secret.txt">]><{0}>&a;</{0}>'


@pytest.mark.parametrize("root", ["AnnotatedECG", "RestingECG", "restingecgdata"])
@pytest.mark.parametrize("text", [ENTITIES, EXTERNAL])
def test_xml_with_entities_is_refused(root, text, tmp_path):
    path = tmp_path / "x.xml"
    path.write_text('<?xml version="1.0"?>' + text.format(root, "x" * 1000))
    with pytest.raises(UnreadableFileError, match="entit") as caught:
        read(path)
    check_error(caught.value, "x.xml")
    path.write_text(f"<{root}>" + "<a>" * 100_000)
    with pytest.raises(UnreadableFileError) as caught:
        read(path)
    check_error(caught.value, "x.xml")


@pytest.mark.parametrize("make", [makers.hl7, makers.scp, makers.kardia])
def test_files_that_are_decoded_in_memory_have_a_largest_size(make, tmp_path, ecg, monkeypatch):
    path = make(tmp_path, ecg)
    monkeypatch.setattr("ecgnoise.readers._shared.ecgdatakit.LARGEST_BYTES", 1000)
    with pytest.raises(UnreadableFileError, match="at most"):
        read(path)


def test_xml_of_something_else_has_no_reader(tmp_path):
    (tmp_path / "x.xml").write_text('<?xml version="1.0"?><note>AnnotatedECG</note>')
    assert find_recordings([tmp_path]) == []
    with pytest.raises(EcgNoiseError, match="no reader"):
        read(tmp_path / "x.xml")


def test_apple_watch_in_another_language(tmp_path, ecg):
    path = makers.apple_watch(tmp_path, ecg, ",")
    text = path.read_text(encoding="utf-8").replace("Sample Rate", "Abtastrate").replace("Unit", "Einheit")
    path.write_text(text.replace("hertz", "Hertz"), encoding="utf-8")
    np.testing.assert_allclose(check_contract(path, {}).signal, ecg.signal[:1], atol=ROUNDING)


@pytest.mark.parametrize(
    "hertz",
    [
        "Hz",
        "\u8d6b\u5179",
        "\u8d6b\u8332",
        "\u30d8\u30eb\u30c4",
        "\ud5e4\ub974\uce20",
        "\u0413\u0446",
        "\u0433\u0435\u0440\u0446",
    ],
)
def test_apple_watch_hertz_in_other_scripts(hertz, tmp_path, ecg):
    path = makers.apple_watch(tmp_path, ecg)
    text = path.read_text(encoding="utf-8")
    for blank in ("", " "):
        path.write_text(text.replace(" hertz", blank + hertz), encoding="utf-8")
        assert reader_of(path) == "AppleWatchReader"
        assert read(path).sampling_frequency == 250


@pytest.mark.parametrize("name", ["V", "mV", "Lead II", "50 Hz"])
def test_apple_watch_of_somebody_with_an_unusual_name(name, tmp_path, ecg):
    path = makers.apple_watch(tmp_path, ecg)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("Name,A", f"Name,{name}").replace("Lead II", "Lead I"), encoding="utf-8")
    recording = read(path)
    assert (recording.lead_names, recording.sampling_frequency) == (("I",), 250)
    np.testing.assert_allclose(recording.signal, ecg.signal[:1], atol=ROUNDING)
    path.write_text(text.replace("Name,A", f"Name,{name}").replace("Unit,\u00b5V", ""), encoding="utf-8")
    with pytest.raises(UnknownUnitsError, match="--units"):
        read(path)


def test_polar_with_a_gap(tmp_path, ecg):
    path = makers.polar(tmp_path, ecg)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:500] + lines[800:]))
    recording = read(path)
    assert recording.samples.shape == (1, 2000)
    assert np.flatnonzero(np.isnan(recording.signal[0])).tolist() == list(range(499, 799))
    assert recording.notes == ("interrupted once, 1.2 s are missing, first at row 500",)


def test_mat_of_a_single_lead_and_of_version_4(tmp_path, ecg):
    from scipy.io import savemat

    for version in ("4", "5"):
        savemat(tmp_path / "v.mat", {"ecg": ecg.signal[:1].T, "fs": 250.0}, format=version)
        recording = read(tmp_path / "v.mat", units="mV")
        np.testing.assert_allclose(recording.signal, ecg.signal[:1], atol=1e-6)
    savemat(tmp_path / "v.mat", {"a": ecg.signal, "b": ecg.signal})
    with pytest.raises(SignalShapeError, match="a, b"):
        read(tmp_path / "v.mat", units="mV", sampling_frequency=250)


def test_hdf5_datasets_by_path(tmp_path, ecg):
    import h5py

    path = makers.hdf5(tmp_path, ecg)
    named = f"{path}::/patient/night/ecg"
    recording = check_contract(Path(named), {})
    assert recording.lead_names == ("II", "V2")
    np.testing.assert_allclose(recording.signal, ecg.signal, atol=1e-6)
    assert read(path).source == named
    assert find_recordings([named]) == [Path(named)]
    with h5py.File(path, "a") as file:
        file["extra"] = ecg.signal[0]
    assert read(path).source == named  # where one is called ECG, it is the one
    assert read(path).notes == ("left out: /extra of shape (2000,)",)
    with h5py.File(path, "a") as file:
        file.move("patient/night/ecg", "patient/night/first")
    with pytest.raises(
        SignalShapeError, match=r"2 arrays.*r\.h5::/.*; there are /extra, /patient/night/first of shape"
    ):
        read(path)
    assert read(f"{path}::extra", sampling_frequency=500).samples.shape == (1, 2000)
    with pytest.raises(SignalShapeError, match="no dataset third"):
        read(f"{path}::third")
    with pytest.raises(OptionError, match="no HDF5 file"):
        read(f"{makers.csv(tmp_path, ecg)}::/ecg")
    with pytest.raises(UnreadableFileError, match="no such file"):
        read(f"{tmp_path / 'absent.h5'}::/ecg")


def test_hdf5_says_nothing(tmp_path, ecg):
    import h5py

    with h5py.File(tmp_path / "n.h5", "w") as file:
        file["signal"] = ecg.signal
        file["other"] = ecg.signal
    with pytest.raises(UnknownSamplingFrequencyError, match="--sampling-frequency"):
        read(tmp_path / "n.h5", units="mV")
    with pytest.raises(UnknownUnitsError, match="--units"):
        read(tmp_path / "n.h5", sampling_frequency=250)
    assert read(tmp_path / "n.h5", sampling_frequency=250, units="mV", lead_names=["a", "b"]).lead_names == ("a", "b")
    with h5py.File(tmp_path / "n.h5", "w") as file:
        file["signal"] = ecg.signal.T
    with pytest.raises(SignalShapeError, match="transpose"):
        read(tmp_path / "n.h5", sampling_frequency=250, units="mV")


def test_hdf5_does_not_follow_into_other_files(tmp_path, ecg):
    import h5py

    outside = tmp_path / "outside.bin"
    outside.write_bytes(ecg.signal.tobytes())
    target = makers.hdf5(tmp_path, ecg)
    with h5py.File(tmp_path / "e.h5", "w") as file:
        file.create_dataset("raw", (2, 2000), "f8", external=[(str(outside), 0, 32000)])
        file["link"] = h5py.ExternalLink(str(target), "/patient/night/ecg")
    for name in ("raw", "link"):
        with pytest.raises(UnreadableFileError, match="another file"):
            read(f"{tmp_path / 'e.h5'}::/{name}", sampling_frequency=250, units="mV")


@pytest.fixture
def elsewhere(tmp_path, ecg):
    """Puts something at a name of an open HDF5 file whose numbers lie in another file."""
    import h5py

    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"root:x:0:0".ljust(32_000, b"!"))
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["a"] = ecg.signal

    def put(file, name, kind, shape=(10,), dtype="S1"):
        if kind == "external":
            file.create_dataset(name, shape, dtype, external=[(str(secret), 0, 32_000)])
        elif kind == "link":
            file[name] = h5py.ExternalLink(str(other), "/a")
        elif kind == "soft":
            file["away"] = h5py.ExternalLink(str(other), "/")
            file[name] = h5py.SoftLink("/away/a")
        else:
            layout = h5py.VirtualLayout(shape=shape, dtype=dtype)
            layout[...] = h5py.VirtualSource(str(other), "a", shape=ecg.signal.shape)[tuple(slice(0, n) for n in shape)]
            file.create_virtual_dataset(name, layout)

    return put


@pytest.mark.parametrize("kind", ["external", "virtual", "link", "soft"])
@pytest.mark.parametrize("suffix", [".mat", ".h5"])
@pytest.mark.parametrize("name", ["signal", "units", "fs", "lead_names"])
def test_hdf5_and_mat_never_open_other_files(kind, suffix, name, tmp_path, ecg, elsewhere):
    import h5py

    path = tmp_path / f"e{suffix}"
    with h5py.File(path, "w", userblock_size=512) as file:
        shape, dtype = ((2, 2000), "f8") if name == "signal" or kind == "virtual" else ((10,), "S1")
        for key, value in {"signal": ecg.signal, "fs": 250.0, "units": "mV", "lead_names": ["II", "V2"]}.items():
            elsewhere(file, key, kind, shape, dtype) if key == name else file.create_dataset(key, data=value)
    if suffix == ".mat":
        with path.open("r+b") as opened:
            opened.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    (tmp_path / "other.h5").unlink()  # it is not even looked for
    with pytest.raises(UnreadableFileError, match="another file") as caught:
        read(f"{path}::/signal" if suffix == ".h5" else path)
    check_error(caught.value, path.name)
    assert "x:0:0" not in str(caught.value)


def test_mat_cell_that_leads_into_another_file(tmp_path, ecg, elsewhere):
    import h5py

    path = makers.mat73(tmp_path, ecg)
    with h5py.File(path, "r+") as file:
        elsewhere(file, "#refs#/secret", "external")
        file["#refs#/secret"].attrs["MATLAB_class"] = np.bytes_("char")
        file["lead_names"][0, 0] = file["#refs#/secret"].ref
    with pytest.raises(UnreadableFileError, match="another file"):
        read(path)


def test_hdf5_links_in_a_circle(tmp_path, ecg):
    import h5py

    path = makers.hdf5(tmp_path, ecg)
    with h5py.File(path, "r+") as file:
        file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")
        file["good"] = h5py.SoftLink("/patient/night/ecg")
    with pytest.raises(UnreadableFileError, match="circle") as caught:
        read(f"{path}::/a")
    check_error(caught.value, path.name)
    np.testing.assert_allclose(read(f"{path}::good").signal, ecg.signal, atol=1e-6)


@pytest.mark.parametrize("name", ["signal", "fs", "units", "lead_names"])
@pytest.mark.parametrize("suffix", [".mat", ".h5"])
def test_hdf5_and_mat_that_declare_huge_datasets(name, suffix, tmp_path, ecg):
    import h5py

    path = makers.mat73(tmp_path, ecg) if suffix == ".mat" else tmp_path / "h.h5"
    with h5py.File(path, "r+" if suffix == ".mat" else "w") as file:
        if suffix == ".h5":
            file["signal"], file["fs"], file["units"] = ecg.signal, 250.0, "mV"
        kind = file[name].attrs.get("MATLAB_class") if name in file else None
        file.pop(name, None)
        dataset = file.create_dataset(name, (2, 1 << 43), "u2" if kind == b"char" else "f8", chunks=(1, 4096))
        if kind is not None:
            dataset.attrs["MATLAB_class"] = kind
    with pytest.raises(UnreadableFileError, match=r"values, (at most|none)|cannot be read") as caught:
        read(path).signal  # noqa: B018
    check_error(caught.value, path.name)


def test_mat_with_numbers_that_are_no_letters(tmp_path, ecg):
    import h5py

    path = makers.mat73(tmp_path, ecg)
    for number in (1 << 62, 1 << 22):
        with h5py.File(path, "r+") as file:
            del file["units"]
            file.create_dataset("units", data=np.array([[number]])).attrs["MATLAB_class"] = np.bytes_("char")
        with pytest.raises(UnreadableFileError, match="not a whole") as caught:
            read(path)
        check_error(caught.value, path.name)


@pytest.mark.parametrize("make", [makers.parquet, makers.feather])
def test_arrow_metadata_that_is_no_text(make, tmp_path, ecg, monkeypatch):
    plain = makers.arrow_table
    odd = {b"\xff\xfe": b"\xff", b"sampling_frequency": b"250"}
    monkeypatch.setattr(makers, "arrow_table", lambda ecg: plain(ecg).replace_schema_metadata(odd))
    np.testing.assert_allclose(read(make(tmp_path, ecg)).signal, ecg.signal, atol=1e-6)


@pytest.mark.parametrize("make", [makers.mat73, makers.mat, makers.npz, makers.hdf5, makers.parquet])
def test_a_unit_that_is_none_of_voltage_is_an_error_at_once(make, tmp_path, ecg, monkeypatch):
    import h5py
    import pyarrow
    from pyarrow import parquet
    from scipy.io import savemat

    path = make(tmp_path, ecg)
    unit = "mm[Hg]\n" * 99
    if make is makers.npz:
        np.savez(path, signal=ecg.signal, fs=250.0, units=unit)
    elif make is makers.mat:
        savemat(path, {"signal": ecg.signal, "fs": 250.0, "units": unit})
    elif make is makers.parquet:
        table = pyarrow.table({"II": ecg.signal[0]})
        parquet.write_table(table.replace_schema_metadata({"units": unit, "fs": "250"}), path)
    else:
        with h5py.File(path, "r+") as file:
            file.attrs["units"] = unit
            if make is makers.mat73:
                del file["units"]
                file["units"] = np.bytes_(unit)
    with pytest.raises(UnknownUnitsError, match=r"mm\[Hg\].*one of V") as caught:
        read(path)
    check_error(caught.value, path.name)
    assert len(str(caught.value)) < 300


def test_parquet_with_a_time_column(tmp_path, ecg):
    import pyarrow
    from pyarrow import parquet

    instants = np.datetime64("2021-02-24T08:30:15", "ns") + np.arange(2000) * np.timedelta64(4_000_000, "ns")
    for name, times in {"when": instants, "t": instants - instants[0], "time (s)": np.arange(2000) / 250}.items():
        columns = {name: times, "II": ecg.signal[0], "resp (mV)": ecg.signal[0]}
        parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
        recording = read(tmp_path / "t.parquet", units="mV")
        assert recording.sampling_frequency == 250
        assert recording.lead_names == ("II",)
        assert "resp" in recording.notes[0]
    parquet.write_table(pyarrow.table({"a": ["x"] * 9}), tmp_path / "t.parquet")
    with pytest.raises(UnreadableFileError, match=r"no column is an ECG lead \(a: text\)"):
        read(tmp_path / "t.parquet")


# Real files

SAMPLES = {
    "apple_watch_csv/ecg_2020-01-01.csv": (1, 15_360, 512),
    "apple_watch_csv/ecg_2020-01-01_decimal_comma.csv": (1, 15_360, 512),
    "dicom/ECGToolkit_Example.dcm": (12, 5000, 500),
    "dicom/synthetic_muse.dcm": (12, 5000, 500),
    "dicom/waveform_ecg.dcm": (12, 10_000, 1000),
    "edf/cpsc2018_A0001.edf": (12, 7500, 500),
    "edf/test_generator.bdf": (1, 30_000, 1000),
    "edf/test_utf8.edf": (1, 89_344, 128),
    "ge_muse_xml/synthetic_muse.xml": (8, 5000, 500),
    "hl7_aecg/HL7_Example_aECG.xml": (12, 5000, 500),
    "hl7_aecg/minimum_aecg.xml": (1, 13, 500),
    "ishne/holter.ecg": (3, 597_376, 128),
    "philips_sierra/129DYPRG.XML": (12, 5500, 500),
    "philips_sierra/2020-5-18_15-48-11.xml": (12, 5500, 500),
    "philips_sierra/repbeats_example.xml": (12, 5500, 500),
    "polar_h10_txt/Polar_H10_00000000_20200101_120000_ECG.txt": (1, 3900, 130),
    "scp/ECGToolkit_Example.scp": (12, 5000, 500),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_real_files(name, data, tmp_path):
    path = data / "formats" / name
    leads, samples, rate = SAMPLES[name]
    recording = check_contract(path, {})
    assert recording.samples.shape == (leads, samples)
    assert recording.sampling_frequency == rate
    assert 1e-3 < recording.signal.std() < 10
    if leads == 12:
        assert set(recording.lead_names) == {"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"}
    other = tmp_path / "file.bin"
    shutil.copy(path, other)
    np.testing.assert_array_equal(read(other).signal, recording.signal)


@pytest.mark.parametrize("name", SAMPLES)
def test_real_files_cut_off(name, data, tmp_path):
    content = (data / "formats" / name).read_bytes().rstrip()
    path = tmp_path / Path(name).name
    for share in (0.001, 0.1, 0.5, 0.999):
        path.write_bytes(content[: math.ceil(len(content) * share)])
        try:
            recording = read(path)
        except EcgNoiseError as error:
            check_error(error, path.name)
        else:
            # Lines of text: what is there is whole. Of the others a note says how much is there.
            assert name.startswith(("apple_watch", "polar")) or any("cut short" in note for note in recording.notes)
            assert recording.samples.shape[1] < SAMPLES[name][1]


def test_the_same_recording_in_three_formats(data):
    """Of ECGToolkit, written by another program; I and II are stored as they are in all of them."""
    folder = data / "formats"
    names = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
    files = ("hl7_aecg/HL7_Example_aECG.xml", "scp/ECGToolkit_Example.scp", "dicom/ECGToolkit_Example.dcm")
    signals = [read(folder / name, lead_names=names).signal for name in files]
    for other in signals[1:]:
        np.testing.assert_allclose(other, signals[0], atol=1e-6)
    muse = read(folder / "ge_muse_xml/synthetic_muse.xml", lead_names=names).signal
    np.testing.assert_allclose(read(folder / "dicom/synthetic_muse.dcm", lead_names=names).signal, muse, atol=1e-6)


def test_real_files_as_other_programs_read_them(data):
    """DICOM against what pydicom's documentation prints: 80, 65, 50 counts, of 1.25 uV, in the first lead."""
    recording = read(data / "formats/dicom/waveform_ecg.dcm")
    np.testing.assert_allclose(recording.signal[0, :3], [0.1, 0.08125, 0.0625], atol=1e-6)
