"""Parquet and Feather tables: columns that are no leads, lists, and what a hostile file may not do."""

import subprocess
import sys

import numpy as np
import pytest

from ecgnoise.errors import EcgNoiseError, SignalShapeError, UnreadableFileError
from ecgnoise.readers import find_recordings, read
from ecgnoise.simulate import simulate_ecg

pyarrow = pytest.importorskip("pyarrow")
from pyarrow import feather, ipc, parquet  # noqa: E402

RATE = 250
KNOWN = {"sampling_frequency": RATE, "units": "mV"}


@pytest.fixture(scope="module")
def ecg() -> np.ndarray:
    return simulate_ecg(10, RATE, seed=1, lead_names=("II", "V2")).signal.astype(np.float64)


def save(table, path):
    parquet.write_table(table, path) if path.suffix == ".parquet" else feather.write_feather(table, path)
    return path


@pytest.fixture(params=[".parquet", ".feather"])
def path(request, tmp_path):
    return tmp_path / f"t{request.param}"


def test_columns_of_other_kinds_are_left_out(ecg, path):
    rows = len(ecg[0])
    columns = {
        "patient": ["a"] * rows,
        "II": ecg[0],
        "V2": pyarrow.array(ecg[1]).dictionary_encode(),
        "heart_rate": np.full(rows, 72),
        "kind": pyarrow.array(["x", "y"] * (rows // 2)).dictionary_encode(),
        "held": [{"a": 1}] * rows,
        "raw": [b"\x00"] * rows,
    }
    recording = read(save(pyarrow.table(columns), path), **KNOWN)
    assert recording.lead_names == ("II", "V2")
    np.testing.assert_allclose(recording.signal, ecg, rtol=1e-6)
    said = " ".join(recording.notes)
    assert all(name in said for name in ("patient", "heart_rate", "kind", "held", "raw"))


def test_numbers_of_other_types(ecg, path):
    from decimal import Decimal

    counts = np.round(ecg[0] * 1000).astype(int)
    nullable = [None if at == 5 else int(value) for at, value in enumerate(counts)]
    columns = {
        "I": pyarrow.array([Decimal(int(value)) for value in counts], pyarrow.decimal128(12, 0)),
        "II": pyarrow.array(nullable, pyarrow.int16()),
        "III": pyarrow.array(counts.astype(np.float16)),
    }
    signal = read(save(pyarrow.table(columns), path), sampling_frequency=RATE, units="uV").signal
    np.testing.assert_allclose(signal[0], ecg[0], atol=6e-4)
    assert np.flatnonzero(np.isnan(signal[1])).tolist() == [5]
    np.testing.assert_allclose(signal[2], ecg[0], atol=2e-3)


def test_a_text_column_alone_never_ends_the_process(tmp_path):
    parquet.write_table(pyarrow.table({"patient": ["a"] * 6000, "note": ["b"] * 6000}), tmp_path / "t.parquet")
    place = str(tmp_path / "t.parquet")
    code = f"from ecgnoise.readers import read\ntry: read({place!r})\nexcept Exception as e: print(e)"
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "no column is an ECG lead" in done.stdout


@pytest.mark.parametrize("key", ["fs", "Sampling_Rate", "sfreq"])
@pytest.mark.parametrize("value", ["250", "250 Hz", "250.0"])
def test_metadata(key, value, ecg, path):
    table = pyarrow.table({"II": ecg[0]}).replace_schema_metadata({key: value, "unit": "uV"})
    recording = read(save(table, path))
    assert recording.sampling_frequency == RATE
    np.testing.assert_allclose(recording.signal[0], ecg[0] / 1000, rtol=1e-6)


# A row a recording


def test_rows_of_lists_are_recordings(ecg, path):
    columns = {
        "record_id": ["a1", "b2", "c3"],
        "label": [0, 1, 0],
        "sampling_rate": [RATE] * 3,
        "ecg": [(ecg[0] * factor).tolist() for factor in (1, 2, 3)],
    }
    listed = find_recordings([save(pyarrow.table(columns), path)])
    assert [place.name for place in listed] == [f"{path.name}::[record_id={name}]" for name in ("a1", "b2", "c3")]
    recording = read(listed[1], units="mV")
    assert (recording.sampling_frequency, recording.lead_names) == (RATE, ("ecg",))
    np.testing.assert_allclose(recording.signal, 2 * ecg[:1], rtol=1e-6)
    np.testing.assert_allclose(read(f"{path}::[2]", units="mV").signal, 3 * ecg[:1], rtol=1e-6)
    with pytest.raises(SignalShapeError, match=rf"lists in ecg\), 3 rows: name one, as in {path.name}::\[0\]"):
        read(path, **KNOWN)
    for name in ("[3]", "[record_id=d]", "x[0]"):
        with pytest.raises(SignalShapeError):
            read(f"{path}::{name}", **KNOWN)


def test_a_column_of_lists_a_lead_and_lists_of_lists(ecg, path):
    columns = {"II": [ecg[0].tolist()] * 2, "V2": [ecg[1].tolist(), ecg[1, :9].tolist()], "rr_intervals": [[1], [2]]}
    save(pyarrow.table(columns), path)
    recording = read(f"{path}::[0]", **KNOWN)
    assert recording.lead_names == ("II", "V2")
    np.testing.assert_allclose(recording.signal, ecg, rtol=1e-6)
    with pytest.raises(SignalShapeError, match="differ in length"):
        read(f"{path}::[1]", **KNOWN)
    save(pyarrow.table({"ecg": [ecg.tolist(), ecg.T.tolist()]}), path)
    for row in range(2):
        np.testing.assert_allclose(read(f"{path}::[{row}]", **KNOWN).signal, ecg, rtol=1e-6)
    uneven = [[1.0] * 300, [1.0] * 299]
    save(pyarrow.table({"ecg": [uneven]}), path)
    with pytest.raises(EcgNoiseError):
        read(path, **KNOWN)


def test_lists_beside_leads_are_left_out(ecg, path):
    columns = {"II": ecg[0], "tags": [[1, 2]] * len(ecg[0])}
    recording = read(save(pyarrow.table(columns), path), **KNOWN)
    assert recording.lead_names == ("II",)
    assert "left out, lists or structures: tags" in recording.notes
    with pytest.raises(SignalShapeError, match="leave it out"):
        read(f"{path}::[0]", **KNOWN)


# What a hostile file may not do


def test_feather_of_version_1_is_refused(tmp_path):
    (tmp_path / "old.feather").write_bytes(b"FEA1" + bytes(400) + b"FEA1")
    with pytest.raises(UnreadableFileError, match="version 1 is not read: write version 2") as caught:
        read(tmp_path / "old.feather", **KNOWN)
    assert "\n" not in str(caught.value)
    assert find_recordings([tmp_path]) == [tmp_path / "old.feather"]


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_feather_that_is_compressed_to_nearly_nothing(compression, tmp_path):
    table = pyarrow.table({"II": np.zeros(40_000_000)})
    feather.write_feather(table, tmp_path / "b.feather", compression=compression, chunksize=1 << 30)
    if (tmp_path / "b.feather").stat().st_size * 100 > 320_000_000:
        pytest.skip("not compressed enough")
    with pytest.raises(UnreadableFileError, match=r"announces \d+ bytes, at most"):
        read(tmp_path / "b.feather", **KNOWN)


def test_parquet_of_more_values_than_can_be_meant(tmp_path):
    zeros = pyarrow.table({f"c{number}": np.zeros(2_000_000, np.int8) for number in range(150)})
    parquet.write_table(zeros, tmp_path / "b.parquet")
    with pytest.raises(UnreadableFileError, match="at most"):
        read(tmp_path / "b.parquet", **KNOWN)


def test_dictionaries_and_batches_of_a_feather_file_are_looked_at(ecg, tmp_path):
    from ecgnoise.readers._arrow.sizes import check_sizes

    path = tmp_path / "d.feather"
    table = pyarrow.table({"II": ecg[0], "k": pyarrow.array(["a", "b"] * 1250).dictionary_encode()})
    feather.write_feather(table, path, compression="zstd", chunksize=700)
    with path.open("rb") as file:
        assert check_sizes(file, path) == 2500
    content = bytearray(path.read_bytes())
    with ipc.open_file(path) as opened:
        assert opened.num_record_batches == 4
    sizes = np.array([700 * 8], "<i8").tobytes()
    at = content.index(sizes)  # what the first compressed buffer announces
    content[at : at + 8] = np.array([1 << 50], "<i8").tobytes()
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match="announces 11258999"):
        read(path, **KNOWN)


def test_parquet_whose_statistics_are_not_those_of_its_columns(ecg, tmp_path):
    """What pyarrow says of such a column ends the program; the byte that says it may be absent is found by trying."""
    path = tmp_path / "g.parquet"
    parquet.write_table(pyarrow.table({"II": ecg[0], "V2": ecg[1]}), path, compression="none")
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    code = (
        "import sys\nfrom ecgnoise.errors import EcgNoiseError\nfrom ecgnoise.readers import find_recordings, read\n"
        "from pathlib import Path\npath = Path(sys.argv[1])\nwhole = path.read_bytes()\n"
        f"for at in range({footer}, len(whole) - 8):\n"
        "    if whole[at] == 2:\n"
        "        path.write_bytes(whole[:at] + bytes(1) + whole[at + 1:])\n"
        "        find_recordings([path])\n"
        "        try: read(path, sampling_frequency=250, units='mV')\n"
        "        except EcgNoiseError: pass\n"
        "print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
