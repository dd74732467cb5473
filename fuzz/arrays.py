"""More files of arrays than one a format: structures, several recordings, compressed, with texts and lists."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from ecgnoise.simulate import simulate_ecg

KNOWN: Final = {"sampling_frequency": 250.0, "units": "mV"}
Maker = Callable[[Path, np.ndarray], Path]


def array_files(folder: Path) -> list[tuple[str, Path]]:
    """The format that each file is fuzzed under, and the file, made in the folder."""
    signal = simulate_ecg(6, 250, seed=1).signal.astype(np.float64)
    makers: dict[str, tuple[Maker, ...]] = {
        "mat_more": (mat_structure, mat_packed, mat_stack, mat_old, mat_labchart),
        "hdf5_more": (hdf5_stack, hdf5_texts),
        "npz_more": (npz_stack,),
        "npy_more": (npy_stack, npy_fortran),
        "parquet_more": (parquet_mixed, parquet_packed, parquet_lists),
        "feather_more": (feather_zstd, feather_lz4, feather_lists),
    }
    folder.mkdir()
    return [(kind, make(folder, signal)) for kind, several in makers.items() for make in several]


def mat_structure(folder: Path, signal: np.ndarray, *, packed: bool = False) -> Path:
    """A structure with the signal, texts and another structure; and a cell."""
    from scipy.io import savemat

    inner = {"data": signal, "sex": "Male", "age": 5.0, "leads": np.array(["II"] * 12, dtype=object), "n": {"a": 1.0}}
    path = folder / f"structure{packed:d}.mat"
    cells = np.array([1, "a", [2.0]], dtype=object)
    savemat(path, {"ECG": inner, "fs": 250.0, "c": cells}, do_compression=packed)
    return path


def mat_packed(folder: Path, signal: np.ndarray) -> Path:
    """The same, compressed."""
    return mat_structure(folder, signal, packed=True)


def mat_stack(folder: Path, signal: np.ndarray) -> Path:
    """Several recordings."""
    from scipy.io import savemat

    savemat(folder / "stack.mat", {"X": _stack(signal), "y": np.arange(3.0)}, do_compression=True)
    return folder / "stack.mat"


def mat_old(folder: Path, signal: np.ndarray) -> Path:
    """Version 4."""
    from scipy.io import savemat

    savemat(folder / "old.mat", {"val": signal, "fs": 250.0}, format="4")
    return folder / "old.mat"


def mat_labchart(folder: Path, signal: np.ndarray) -> Path:
    """An export of LabChart."""
    from scipy.io import savemat

    rows = {"datastart": [[1.0], [1501.0]], "dataend": [[1500.0], [3000.0]], "samplerate": [[250.0], [250.0]]}
    said = {"titles": np.array(["ECG ", "Resp"]), "unittext": np.array(["mV", "V "]), "unittextmap": [[1.0], [2.0]]}
    savemat(folder / "labchart.mat", {"data": signal[:2].reshape(1, -1), **rows, **said})
    return folder / "labchart.mat"


def hdf5_stack(folder: Path, signal: np.ndarray) -> Path:
    """Several recordings with identifiers, compressed, with checksums."""
    import h5py

    with h5py.File(folder / "stack.h5", "w") as file:
        options: dict[str, Any] = {"compression": "gzip", "chunks": (1, 500, 12), "shuffle": True, "fletcher32": True}
        file.create_dataset("tracings", data=_stack(signal).transpose(0, 2, 1).astype("f4"), **options)
        file["exam_id"] = [1, 2, 3]
        file.attrs["fs"] = 250.0
    return folder / "stack.h5"


def hdf5_texts(folder: Path, signal: np.ndarray) -> Path:
    """Groups, links, and texts of any length, as the newest library writes them."""
    import h5py

    with h5py.File(folder / "texts.h5", "w", libver="latest") as file:
        group = file.create_group("a/b")
        dataset = group.create_dataset("ecg", data=signal, compression="gzip")
        dataset.attrs["fs"], dataset.attrs["units"] = 250.0, "mV"
        group["leads"] = [f"V{number}" for number in range(12)]
        file["soft"] = h5py.SoftLink("/a/b/ecg")
    return folder / "texts.h5"


def npz_stack(folder: Path, signal: np.ndarray) -> Path:
    """Several recordings, compressed."""
    np.savez_compressed(folder / "stack.npz", X=_stack(signal).astype("f4"), ecg_id=[5, 6, 7], fs=250)
    return folder / "stack.npz"


def npy_stack(folder: Path, signal: np.ndarray) -> Path:
    """Several recordings in big-endian."""
    np.save(folder / "stack.npy", (1000 * _stack(signal)).astype(">i2"))
    return folder / "stack.npy"


def npy_fortran(folder: Path, signal: np.ndarray) -> Path:
    """In Fortran order."""
    np.save(folder / "fortran.npy", np.asfortranarray(signal))
    return folder / "fortran.npy"


def parquet_mixed(folder: Path, signal: np.ndarray, compression: str = "none") -> Path:
    """Columns of all kinds in several groups of rows."""
    from pyarrow import parquet

    path = folder / f"mixed_{compression}.parquet"
    parquet.write_table(_table(signal), path, compression=compression, row_group_size=400)
    return path


def parquet_packed(folder: Path, signal: np.ndarray) -> Path:
    """The same, compressed."""
    return parquet_mixed(folder, signal, "zstd")


def parquet_lists(folder: Path, signal: np.ndarray) -> Path:
    """A row a recording."""
    from pyarrow import parquet

    parquet.write_table(_lists(signal), folder / "lists.parquet")
    return folder / "lists.parquet"


def feather_zstd(folder: Path, signal: np.ndarray, compression: str = "zstd") -> Path:
    """Columns of all kinds in several batches."""
    from pyarrow import feather

    path = folder / f"mixed_{compression}.feather"
    feather.write_feather(_table(signal), path, compression=compression, chunksize=400)
    return path


def feather_lz4(folder: Path, signal: np.ndarray) -> Path:
    """The same, compressed otherwise."""
    return feather_zstd(folder, signal, "lz4")


def feather_lists(folder: Path, signal: np.ndarray) -> Path:
    """A row a recording."""
    from pyarrow import feather

    feather.write_feather(_lists(signal), folder / "lists.feather")
    return folder / "lists.feather"


def _stack(signal: np.ndarray) -> np.ndarray:
    return np.stack([signal, 2 * signal, 3 * signal])


def _table(signal: np.ndarray) -> Any:
    import pyarrow

    rows = signal.shape[1]
    columns = {
        "II": signal[1],
        "patient": ["a"] * rows,
        "kind": pyarrow.array(["a", "b"] * (rows // 2)).dictionary_encode(),
        "time": pyarrow.array(np.arange(rows) * 4000, pyarrow.timestamp("us")),
        "holes": pyarrow.array([None, 1] * (rows // 2)),
    }
    return pyarrow.table(columns)


def _lists(signal: np.ndarray) -> Any:
    import pyarrow

    return pyarrow.table({"record_id": ["a", "b", "c"], "fs": [250] * 3, "ecg": [row.tolist() for row in signal[:3]]})
