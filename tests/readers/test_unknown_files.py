"""What is not read: the error says what the file looks like, and advice that can be followed."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import socket
import sqlite3
import tarfile
import zipfile

import numpy as np
import pytest
from tests import format_makers as makers
from tests.format_makers import Ecg

from ecgnoise.errors import EcgNoiseError, UnknownFormatError, UnreadableFileError
from ecgnoise.readers import find_recordings, read
from ecgnoise.simulate import simulate_ecg

SUFFIXES = (".edf", ".csv", ".xml", ".dcm", ".mat", ".npy", ".h5", ".txt", "")
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 123456\n"
PAGE = "<!DOCTYPE html>\n<html><head><title>404</title></head>\n<body>\n5\n404\n</body></html>"


@pytest.fixture(scope="module")
def ecg() -> Ecg:
    simulated = simulate_ecg(4, 250, seed=1, lead_names=("II", "V2"))
    return Ecg(simulated.signal.astype(np.float64))


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("r.edf", "x" * 100)
    return packed.getvalue()


def tarred() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("r.edf")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"abc"))
    return packed.getvalue()


def database(folder) -> bytes:
    path = folder / "made.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table t (x)")
    connection.close()
    content = path.read_bytes()
    path.unlink()
    return content


FILES = {
    "lfs": (LFS, "a Git LFS pointer.*git lfs pull"),
    "annex": (b"/annex/objects/MD5E-s123--d41d8cd98f00b204e9800998ecf8427e.edf\n", "git-annex.*git annex get"),
    "page": (PAGE.encode(), "a web page.*download the file itself"),
    "page in utf-16": (PAGE.encode("utf-16"), "a web page"),
    "page after a comment": (f"\n<!-- saved -->\n{PAGE}".encode(), "a web page"),
    "xhtml": (b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"></html>', "a web page"),
    "s3 error": (b'<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code></Error>', "server's message"),
    "json error": (b'{"status": 404, "error": "not found"}', "server's message"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "a PDF"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a picture"),
    "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "a picture"),
    "tiff": (b"II*\0\x08\0\0\0", "a picture"),
    "gif": (b"GIF89a\x01\0\x01\0", "a picture"),
    "bmp": (b"BM\x36\0\x0c\0\0\0\0\0\x36\0\0\0", "a picture"),
    "svg": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><path d="M 0 1"/></svg>', "a picture"),
    "mp3": (b"ID3\x04\0\0\0\0\0\0", "MP3"),
    "zip": (zipped(), "a ZIP archive: unpack it"),
    "tar": (tarred(), "a tar archive: unpack it"),
    "bz2": (bz2.compress(bytes(range(256)) * 9), "a bzip2 archive: unpack it"),
    "xz": (lzma.compress(bytes(range(256)) * 9), "an xz archive: unpack it"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\x04", "a 7-Zip archive: unpack it"),
    "rar": (b"Rar!\x1a\x07\x01\0", "a RAR archive: unpack it"),
    "gz of what is no table": (gzip.compress(bytes(range(256)) * 9), "gzip|rows? of numbers"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "old Office document.*xlsx"),
    "pickle": (pickle.dumps({"ecg": list(range(50))}), "a Python pickle.*numpy.save"),
    "pickle of an array": (pickle.dumps(np.zeros(9)), "a Python pickle"),
    "pickle of text": (pickle.dumps([1.5], protocol=0), "a Python pickle"),
    "program": (b"\x7fELF\x02\x01\x01" + bytes(100), "a program"),
    "exe": (b"MZ\x90\0\x03\0\0\0", "a program"),
    "script": (b"#!/bin/sh\necho 1\n1\n", "a script"),
    "ds_store": (b"\0\0\0\x01Bud1\0\0", "macOS keeps of a folder"),
    "appledouble": (b"\0\x05\x16\x07\0\x02\0\0Mac OS X" + bytes(60), "macOS keeps beside a file"),
    "brainvision": (
        b"Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nDataFile=x.eeg\n",
        "BrainVision",
    ),
    "gdf": (b"GDF 2.20" + bytes(300), "GDF"),
    "abf": (b"ABF2\0\0\x06\x02" + bytes(90), "ABF"),
    "edan": (b"\x03\0\0\0##NEUTRAL HOLTER RECORDING##" + bytes(90), "EDAN"),
    "ishne annotations": (b"ANN  1.0" + bytes(90), "pass its .ecg file"),
    "zeros": (bytes(5000), "nothing but zero bytes: fetch it again"),
    "json": (json.dumps({"patients": [1, 2], "wave": 2}).encode(), r'no reader knows this JSON \("patients", "wave"'),
    "notebook": (json.dumps({"cells": [{"cell_type": "code"}], "nbformat": 4}).encode(), "a notebook"),
    "javascript": (
        b"const a = require('x');\nmodule.exports = a;\n",
        "text.*begins with .const a|not a row of numbers",
    ),
    "xml": (
        b"<?xml version='1.0'?><ClinicalDocument><a>1</a></ClinicalDocument>",
        "this XML <ClinicalDocument>.*HL7 aECG",
    ),
    "prose": (
        b"Dear colleague,\nplease find the ECG enclosed.\n",
        "this text.*no row of numbers|not a row of numbers|but a text",
    ),
    "utf-16 without mark": (
        "Dear colleague, this is it".encode("utf-16-le"),
        "UTF-16 without its mark: save it as UTF-8",
    ),
    "utf-32": ("Dear colleague, this is it".encode("utf-32"), "UTF-32: save it as UTF-8"),
    "noise": (
        bytes(np.random.default_rng(0).integers(128, 255, 900, np.uint8)),
        "no reader knows this file|not a whole|row of numbers",
    ),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_error_says_what_it_looks_like(kind, suffix, tmp_path):
    content, message = FILES[kind]
    path = tmp_path / f"r{suffix}"
    path.write_bytes(content)
    with pytest.raises((UnknownFormatError, UnreadableFileError), match=message) as caught:
        read(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    assert len(said) - len(str(path)) < 200


def test_a_damaged_file_of_a_format_is_told_by_its_suffix(tmp_path):
    for suffix in (".hea", ".edf", ".dcm", ".parquet", ".h5", ".npy"):
        path = tmp_path / f"r{suffix}"
        for content, message in {
            b"Dear colleague,\nnothing\n": "but a text that begins with 'Dear colleague,'",
            b"\xff\x01\x81" * 900: "it begins with ff 01 81|not a whole",
        }.items():
            path.write_bytes(content)
            with pytest.raises(UnreadableFileError, match=f"not a .*(?:{message})|{message}"):
                read(path)


def test_a_database(tmp_path):
    path = tmp_path / "r.db"
    path.write_bytes(database(tmp_path))
    with pytest.raises(UnknownFormatError, match="an SQLite database"):
        read(path)


@pytest.mark.parametrize("suffix", [".crdownload", ".part", ".partial"])
def test_a_download_that_is_not_finished(suffix, tmp_path):
    path = tmp_path / f"r.dcm{suffix}"
    path.write_bytes(b"\x07\x00\x01" * 200)
    with pytest.raises(UnreadableFileError, match="a download that is not finished"):
        read(path)


def test_a_pickle_is_never_opened(tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for suffix in (".pkl", ".npy", ".npz", ".mat", ".csv"):
            path = tmp_path / f"r{suffix}"
            path.write_bytes(pickle.dumps(Harm(), protocol=protocol))
            with pytest.raises(EcgNoiseError):
                read(path)
    assert not (tmp_path / "harm").exists()


def test_tables_that_begin_like_other_files_are_tables(tmp_path):
    rows = "".join(f"{np.sin(row / 9):.4f},{row % 7}\n" for row in range(900))
    for title in ("BM,MZ", "ID3,II", "ORC,I", "PK,II", "ABF,V1"):
        path = tmp_path / "r.csv"
        path.write_text(f"{title}\n{rows}")
        assert read(path, sampling_frequency=250, units="mV").samples.shape[1] == 900


# The file that is named


def record(folder, ecg):
    return makers.wfdb_record(folder, ecg)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("name", ["r.edf", "r.pdf", "r.mat", "r.xml", "r.txt", "r.old"])
def test_a_broken_file_never_stands_for_the_record_beside_it(kind, name, tmp_path, ecg):
    record(tmp_path, ecg)
    path = tmp_path / name
    path.write_bytes(FILES[kind][0])
    assert find_recordings([path]) == [path]
    with pytest.raises(EcgNoiseError, match=name.replace(".", r"\.")):
        read(path)


def test_signal_and_annotation_files_stand_for_their_record(tmp_path, ecg):
    header = record(tmp_path, ecg)
    for name in ("r.atr", "r.qrs", "r.gqrsh", "r.ecg"):
        (tmp_path / name).write_bytes(b"\x12\x04\x13\x04\0\0")
        assert find_recordings([tmp_path / name]) == [header], name
        with pytest.raises(UnknownFormatError, match=r"annotations of a WFDB record: pass r\.hea"):
            read(tmp_path / name)
    assert find_recordings([tmp_path / "r.dat"]) == find_recordings([tmp_path / "r"]) == [header]
    assert find_recordings([tmp_path]) == [header]


def test_a_signal_file_that_the_header_does_not_name_is_no_part_of_the_record(tmp_path, ecg):
    header = record(tmp_path, ecg)
    (tmp_path / "r.dat").rename(tmp_path / "s.bin")
    header.write_text(header.read_text().replace("r.dat", "s.bin"))
    (tmp_path / "r.dat").write_bytes(b"\x07\x00\x01" * 900)
    path = makers.mat(tmp_path, Ecg(ecg.signal[:1], ecg.names[:1]))
    assert find_recordings([tmp_path / "r.dat"]) == [tmp_path / "r.dat"]
    with pytest.raises(UnknownFormatError, match=r"samples of a WFDB record: pass r\.hea"):
        read(tmp_path / "r.dat")
    assert path.name == "r.mat"
    assert read(path).source == str(path)
    assert find_recordings([tmp_path]) == [header, path]


def test_annotations_without_their_header_say_so(tmp_path):
    (tmp_path / "r.atr").write_bytes(b"\x12\x04\x13\x04\0\0")
    with pytest.raises(UnknownFormatError, match=r"pass its r\.hea, which is not beside it"):
        read(tmp_path / "r.atr")


def test_what_macos_keeps_beside_files_is_not_listed(tmp_path, ecg):
    header = record(tmp_path, ecg)
    for name in ("._r.hea", "._r.edf", ".DS_Store"):
        (tmp_path / name).write_bytes(FILES["appledouble"][0])
    assert find_recordings([tmp_path]) == [header]


# Only regular files


def test_pipes_devices_and_sockets_are_never_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.edf")
    (tmp_path / "link.csv").symlink_to("/dev/zero")
    (tmp_path / "null.csv").symlink_to("/dev/null")
    (tmp_path / "linked pipe.hea").symlink_to(tmp_path / "pipe.edf")
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(tmp_path)  # the name of a socket is short
        listening.bind("socket.mat")
        for name, what in {
            "pipe.edf": "a pipe",
            "linked pipe.hea": "a pipe",
            "link.csv": "a device",
            "null.csv": "a device",
            "socket.mat": "a socket",
        }.items():
            with pytest.raises(UnreadableFileError, match=rf"{name}: this is {what}, no file"):
                read(tmp_path / name)
            assert find_recordings([tmp_path / name]) == [tmp_path / name]
    assert find_recordings([tmp_path]) == []


def test_a_link_to_a_file_is_read(tmp_path, ecg):
    path = makers.dicom(tmp_path, ecg)
    (tmp_path / "link.bin").symlink_to(path)
    np.testing.assert_array_equal(read(tmp_path / "link.bin").signal, read(path).signal)


def test_a_link_to_nothing_is_no_such_file(tmp_path):
    (tmp_path / "r.edf").symlink_to(tmp_path / "absent")
    with pytest.raises(UnreadableFileError, match="no such file: check the path"):
        read(tmp_path / "r.edf")
