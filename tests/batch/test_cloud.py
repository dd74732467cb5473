"""Archives in object stores: the same results as from files, whatever the store does on the way."""

import csv
import gc
import json
import logging
import sys
import tracemalloc

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from ecgnoise._internal import remote
from ecgnoise._internal.remote import RemotePath, objects, shown_address
from ecgnoise.batch import fetch
from ecgnoise.batch.archive import ArchiveOptions, score_archive
from ecgnoise.batch.listing import Entry, Listing
from ecgnoise.batch.sources import Manifest, remote_entries
from ecgnoise.cli import main
from ecgnoise.errors import (
    MissingExtraError,
    MissingFileError,
    OptionError,
    OutputError,
    RemoteAccessError,
    UnreadableFileError,
)
from ecgnoise.readers import find_recordings
from ecgnoise.simulate import simulate_ecg
from ecgnoise.writers import write_recording

moto_server = pytest.importorskip("moto.server", reason="needs moto")
pytest.importorskip("s3fs", reason="needs the extra cloud")
from tests.batch.store_server import FailingServer  # noqa: E402 - after what it is for

BUCKET = "hospital"
KEY = "SECRETKEY"


@pytest.fixture(scope="module")
def server():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto_server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    failing = FailingServer(server.get_host_and_port())
    yield failing
    failing.shutdown()
    failing.server_close()
    server.stop()


@pytest.fixture(params=["fsspec", "obstore"])
def store(server, monkeypatch, request):
    """A bucket with nothing in it; the server is the one of the environment."""
    if request.param == "obstore":
        pytest.importorskip("obstore", reason="needs the extra obstore")
        monkeypatch.setenv("ECGNOISE_OBSTORE", "1")
    import boto3
    import s3fs

    settings = {"ACCESS_KEY_ID": "someone", "SECRET_ACCESS_KEY": KEY, "DEFAULT_REGION": "us-east-1"}
    for name, value in (settings | {"ENDPOINT_URL": server.url}).items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(remote, "FIRST_PAUSE", 0.001)
    server.fail = lambda method, path: None
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    server.requests.clear()
    yield client
    server.fail = lambda method, path: None
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for found in page.get("Contents", ()):
            client.delete_object(Bucket=BUCKET, Key=found["Key"])
    client.delete_bucket(Bucket=BUCKET)
    client.close()
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def folder(tmp_path):
    """Four recordings, two of them WFDB records, and one file that cannot be read."""
    folder = tmp_path / "in"
    folder.mkdir()
    for seed in range(4):
        recording = simulate_ecg(10, 125, seed=seed, lead_names=["I", "V2"])
        write_recording(recording, folder / f"r{seed}.{'hea' if seed % 2 else 'npz'}")
    (folder / "r9.npy").write_bytes(b"\x93NUMPY no array")
    return folder


@pytest.fixture
def uploaded(store, folder):
    for file in folder.iterdir():
        store.upload_file(str(file), BUCKET, f"ecg/{file.name}")
    return f"s3://{BUCKET}/ecg/"


@pytest.fixture
def options(tiny_model):
    return ArchiveOptions(model=str(tiny_model), threads=1, part_size=2)


def scores(place):
    """The table of a folder of results, without what depends on where the recordings lie."""
    return pd.read_parquet(place / "parts").drop(columns="path")


def test_objects_score_as_files_do_with_one_request_each(uploaded, folder, options, server, tmp_path):
    alone = score_archive(find_recordings([folder]), tmp_path / "files", options)
    server.requests.clear()
    found = score_archive([uploaded], tmp_path / "objects", options)
    asked = [(method, path.partition("?")[0]) for method, path, _ in server.requests]
    assert sorted(path for _, path in asked if path.startswith(f"/{BUCKET}/ecg/")) == sorted(
        f"/{BUCKET}/ecg/{file.name}" for file in folder.iterdir()
    )
    assert {method for method, _ in asked} == {"GET"}
    assert (found.scored, found.failed) == (alone.scored, alone.failed) == (4, 1)
    pd.testing.assert_frame_equal(scores(tmp_path / "objects"), scores(tmp_path / "files"))
    assert set(pd.read_parquet(tmp_path / "objects" / "parts")["path"]) == {
        f"{uploaded}r{number}.{'hea' if number % 2 else 'npz'}" for number in range(4)
    }
    with (tmp_path / "objects" / "errors.csv").open(newline="") as lines:
        (row,) = csv.DictReader(lines)
    assert row["path"] == f"{uploaded}r9.npy"
    assert row["message"].startswith(f"{uploaded}r9.npy: ")


def test_results_in_a_store_are_those_in_a_folder_and_go_on(uploaded, options, store, tmp_path):
    score_archive([uploaded], tmp_path / "out", options)
    out = f"s3://{BUCKET}/out"
    score_archive([uploaded], out, options)
    here = {
        file.relative_to(tmp_path / "out").as_posix(): file.read_bytes() for file in (tmp_path / "out").rglob("*.*")
    }
    keys = [found["Key"] for found in store.list_objects_v2(Bucket=BUCKET, Prefix="out/")["Contents"]]
    there = {key.removeprefix("out/"): store.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}
    assert there == here
    store.delete_object(Bucket=BUCKET, Key="out/parts/part-00001.parquet")
    seen = []
    score_archive([uploaded], out, options, progress=lambda *tried: seen.append(tried))
    assert seen == [(1, 2), (2, 2)]
    again = store.get_object(Bucket=BUCKET, Key="out/parts/part-00001.parquet")["Body"].read()
    assert again == here["parts/part-00001.parquet"]


def test_throttling_and_lost_connections_cost_nothing(uploaded, options, server, tmp_path):
    score_archive([uploaded], tmp_path / "calm", options)
    count = {"requests": 0}

    def fail(method, path):
        count["requests"] += 1
        return {0: (503, "SlowDown"), 1: "drop"}.get(count["requests"] % 4)

    server.fail = fail
    score_archive([uploaded], tmp_path / "rough", options)
    pd.testing.assert_frame_equal(scores(tmp_path / "rough"), scores(tmp_path / "calm"))
    assert count["requests"] > 10


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "ExpiredToken", "SignatureDoesNotMatch"])
def test_wrong_or_expired_credentials_are_one_line_without_a_secret(uploaded, tiny_model, server, tmp_path, code):
    server.fail = lambda method, path: (403, code)
    command = ["archive", uploaded, "--out", str(tmp_path / "out"), "--model", str(tiny_model)]
    result = CliRunner().invoke(main, command, prog_name="ecgnoise")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "refuses access" in line
    assert "renew the credentials" in line
    assert KEY not in result.output


def test_credentials_that_expire_on_the_way_stop_the_run_and_the_same_command_goes_on(
    uploaded, options, server, tmp_path
):
    server.fail = lambda method, path: (403, "ExpiredToken") if path.startswith(f"/{BUCKET}/ecg/r3") else None
    with pytest.raises(RemoteAccessError, match=r"r3\..*ExpiredToken"):
        score_archive([uploaded], tmp_path / "out", options)
    assert [file.name for file in (tmp_path / "out" / "parts").iterdir()] == ["part-00000.parquet"]
    server.fail = lambda method, path: None
    found = score_archive([uploaded], tmp_path / "out", options)
    assert (found.scored, found.failed) == (4, 1)


def test_what_is_not_there_is_one_line(store, options, tmp_path):
    with pytest.raises(MissingFileError, match=r"s3://nothing/ecg: no such object or bucket"):
        score_archive(["s3://nothing/ecg/"], tmp_path / "out", options)
    store.put_object(Bucket=BUCKET, Key="ecg/readme.pdf", Body=b"text")
    with pytest.raises(UnreadableFileError, match="no recording there"):
        score_archive([f"s3://{BUCKET}/ecg/"], tmp_path / "out", options)
    with pytest.raises(OptionError, match="no store can be opened"):
        score_archive(["nonsense://a/b"], tmp_path / "out", options)
    with pytest.raises(RemoteAccessError, match="does not answer"):
        list(objects("http://127.0.0.1:9/ecg/"))


def test_obstore_that_is_asked_for_and_not_there_is_one_line(monkeypatch):
    monkeypatch.setenv("ECGNOISE_OBSTORE", "1")
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(MissingExtraError, match=r"ECGNOISE_OBSTORE=1.*ecgnoise\[obstore\]"):
        list(objects("s3://bucket/ecg/"))


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("ecg/", ["a.npz", "b/c.npz"]),
        ("ecg", ["a.npz", "b/c.npz"]),
        ("ecg/*.npz", ["a.npz"]),
        ("ecg/.kept/", [".kept/d.npz"]),
        ("ecg/.kept", [".kept/d.npz"]),
        ("ecg/.e.npz", [".e.npz"]),
    ],
)
def test_hidden_objects_are_recordings_only_where_they_are_named(store, url, seen):
    for name in ("a.npz", "b/c.npz", ".kept/d.npz", "b/.kept/d.npz", ".e.npz", "b/.e.npz", ".r.hea", ".r.dat"):
        store.put_object(Bucket=BUCKET, Key=f"ecg/{name}", Body=b"bytes")
    found = [entry.path.removeprefix(f"s3://{BUCKET}/ecg/") for entry in remote_entries([f"s3://{BUCKET}/{url}"])]
    assert found == seen


def test_a_full_disk_is_one_line(uploaded, options, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch.Path, "write_bytes", full)
    with pytest.raises(OutputError, match="the disk is full: free some space"):
        score_archive([uploaded], tmp_path / "out", options)


def test_an_object_that_went_away_is_a_row(uploaded, options, store, tmp_path):
    listed = list(remote_entries([uploaded]))
    rows = [{"path": entry.path} for entry in listed]
    store.delete_object(Bucket=BUCKET, Key="ecg/r2.npz")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "list.parquet")
    found = score_archive(Manifest(str(tmp_path / "list.parquet")), tmp_path / "out", options)
    assert (found.scored, found.failed) == (3, 2)
    assert pd.read_csv(tmp_path / "out" / "errors.csv")["error"].tolist()[0] == "MissingFileError"


def test_long_objects_come_in_blocks(store, server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "BLOCK", 1000)
    recording = simulate_ecg(10, 250, seed=1, lead_names=["I"])
    write_recording(recording, tmp_path / "long.hea")
    for name in ("long.hea", "long.dat"):
        store.upload_file(str(tmp_path / name), BUCKET, name)
    server.requests.clear()
    (entry,) = remote_entries([f"s3://{BUCKET}/long"])
    ((_, place),) = [(one, path.with_suffix(".dat").read_bytes()) for one, path in fetch.fetched([entry])]
    assert place == (tmp_path / "long.dat").read_bytes()
    asked = [(path, said) for method, path, said in server.requests if method == "GET"]
    ranges = [said for path, said in asked if path.startswith(f"/{BUCKET}/long.dat")]
    assert ranges[:2] == ["bytes=0-999", "bytes=1000-1999"]
    assert ranges[5:] == ["bytes=5000-5999"]  # behind its end: the list has the size of both objects only


@pytest.mark.slow
def test_listing_takes_the_same_memory_whatever_the_number(monkeypatch):
    page = [{"Key": f"ecg/{number:09d}.npz", "Size": 9, "ETag": '"x"'} for number in range(1000)]

    class Store:
        def __init__(self, pages):
            self.left = pages

        def call_s3(self, method, **_):
            self.left -= 1
            return {"Contents": [dict(one) for one in page], "IsTruncated": self.left > 0, "NextContinuationToken": "t"}

    peaks = []
    for pages in (3, 60):
        monkeypatch.setattr(remote, "_store", lambda url, pages=pages: (Store(pages), "hospital/ecg"))
        gc.collect()
        tracemalloc.start()
        assert sum(1 for _ in remote_entries(["s3://hospital/ecg"])) == 1000 * pages
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 100_000


@pytest.mark.parametrize("kind", ["csv", "parquet", "-"])
def test_a_list_says_what_files_do_not_and_its_columns_are_carried(options, tiny_model, tmp_path, kind):
    folder = tmp_path / "in"
    folder.mkdir()
    rows = []
    for seed in range(3):
        signal = simulate_ecg(10, 250, seed=seed, lead_names=["I"]).signal
        pd.DataFrame(signal.T * 1000).to_csv(folder / f"{seed}.csv", index=False, header=False)
        rows.append({"path": str(folder / f"{seed}.csv"), "sampling_frequency": 250.0, "units": "uV", "leads": "V1",
                     "patient": f"p{seed}", "age": str(40 + seed)})  # fmt: skip
    table = pd.DataFrame(rows)
    place = tmp_path / f"list.{kind}"
    table.to_parquet(place) if kind == "parquet" else table.to_csv(place, index=False)
    command = ["archive", "--files", "-" if kind == "-" else str(place), "--out", str(tmp_path / "out")]
    piped = place.read_bytes() if kind == "-" else None
    result = CliRunner().invoke(main, [*command, "--model", str(tiny_model)], input=piped, prog_name="ecgnoise")
    assert result.exit_code == 0, result.output
    found = pd.read_parquet(tmp_path / "out" / "parts")
    assert found[["patient", "age", "lead", "sampling_frequency_hz"]].to_numpy().tolist() == [
        [f"p{seed}", str(40 + seed), "V1", 250.0] for seed in range(3)
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file\na.npz\n", "no column path"),
        ("path,grade\na.npz,good\n", "a column grade, as the results have"),
        ("path,sampling_frequency\na.npz,fast\n", "recording 1: could not convert"),
        ("path\n\udcff\n", "no list of recordings in Parquet or CSV"),
        ("PAR1 and no more", "no list of recordings in Parquet or CSV"),
    ],
)
def test_a_list_that_cannot_be_used_is_one_line(tmp_path, options, text, message):
    (tmp_path / "list").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises((OptionError, UnreadableFileError), match=message):
        score_archive(Manifest(str(tmp_path / "list")), tmp_path / "out", options)
    assert not (tmp_path / "out" / "run.json").exists()


def test_update_scores_what_is_new_or_changed_only(uploaded, folder, options, store, server, tmp_path):
    out = tmp_path / "out"
    score_archive([uploaded], out, options)
    write_recording(simulate_ecg(10, 125, seed=7, lead_names=["I", "V2"]), folder / "r0.npz")
    write_recording(simulate_ecg(10, 125, seed=8, lead_names=["I", "V2"]), folder / "a.npz")
    for name in ("r0.npz", "a.npz"):
        store.upload_file(str(folder / name), BUCKET, f"ecg/{name}")
    store.delete_object(Bucket=BUCKET, Key="ecg/r2.npz")
    server.requests.clear()
    score_archive([uploaded], out, ArchiveOptions(model=options.model, threads=1, part_size=2, update=True))
    got = sorted(path for _, path, _ in server.requests if path.startswith(f"/{BUCKET}/ecg/"))
    assert got == [f"/{BUCKET}/ecg/a.npz", f"/{BUCKET}/ecg/r0.npz"]
    (folder / "r2.npz").unlink()
    score_archive(find_recordings([folder]), tmp_path / "anew", options)
    order = ["record", "lead"]
    updated = scores(out).sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(updated, scores(tmp_path / "anew").sort_values(order, ignore_index=True))
    with Listing(out / "list.arrow") as listing:
        kept = [[entry.path.rpartition("/")[2] for entry in part] for part in listing.parts()]
    assert kept == [["r0.npz", "r1.hea"], ["r3.hea"], ["r9.npy"], ["a.npz"]]
    assert json.loads((out / "run.json").read_text())["recordings"] == 5
    score_archive([uploaded], out, options)  # and the plain command goes on with it


def test_errors_are_tried_again_when_asked_to(uploaded, folder, options, store, tmp_path):
    out = tmp_path / "out"
    assert score_archive([uploaded], out, options).failed == 1
    write_recording(simulate_ecg(10, 125, seed=9, lead_names=["I", "V2"]), folder / "r9.npz")
    store.upload_file(str(folder / "r9.npz"), BUCKET, "ecg/r9.npy")
    assert score_archive([uploaded], out, options).failed == 1
    again = ArchiveOptions(model=options.model, threads=1, part_size=2, retry_errors=True)
    found = score_archive([uploaded], out, again)
    assert (found.scored, found.failed) == (5, 0)


def test_addresses_are_shown_without_secrets():
    assert shown_address("sftp://me:word@host/a.npz") == "sftp://host/a.npz"
    assert shown_address("https://host/a.npz?X-Amz-Signature=abc") == "https://host/a.npz"
    assert str(RemotePath("ftp://me:word@host/results/")) == "ftp://host/results"
    assert Entry("https://host/a.npz?sig=abc").shown == "https://host/a.npz"


def test_other_stores_are_listed_folder_by_folder(tmp_path, folder, options):
    url = f"file://{folder}"
    score_archive([url], tmp_path / "out", options)
    score_archive(find_recordings([folder]), tmp_path / "alone", options)
    pd.testing.assert_frame_equal(scores(tmp_path / "out"), scores(tmp_path / "alone"))
    assert [entry.path for entry in remote_entries([f"{url}/*2.npz"])] == [f"{url}/r2.npz"]
    score_archive([url], f"file://{tmp_path}/remote", options)
    assert {file.name for file in (tmp_path / "remote").rglob("*.*")} == {
        "run.json", "list.arrow", "errors.csv", "summary.json", *(f"part-0000{number}.parquet" for number in range(3)),
    }  # fmt: skip
