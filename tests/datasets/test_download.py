"""Downloads against a server on loopback that does what servers and networks do at their worst."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import numpy as np
import pytest
from click.testing import CliRunner

import ecgnoise.datasets.download
import ecgnoise.datasets.http
from ecgnoise.cli import main
from ecgnoise.datasets.catalog import DATABASES, Database
from ecgnoise.datasets.download import GIVE_UP_AFTER, SUMS, DownloadOptions, download
from ecgnoise.errors import DownloadError, OptionError, OutputError

SOURCE = Path(__file__).parents[2] / "src"
MITDB = next(database for database in DATABASES if database.name == "mitdb")
ROOT = "/files/mitdb/1.0.0/"
BODY = np.random.default_rng(1).bytes(300_000)
FILES = {"RECORDS": b"100\n", "100.dat": BODY, "100.hea": b"100 2 360 650000\n", "x_mitdb/x 108#ü.hea": b"x_108 2\n"}
SMALL = len(FILES) - 1


class Server(ThreadingHTTPServer):
    """Serves ``files`` under ROOT; ``plans`` holds for a path what to do at the next requests, then it is well."""

    daemon_threads = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = dict(FILES)
        self.sums = None
        self.plans = defaultdict(list)
        self.asked = []
        self.tells_sizes = True
        self.released = threading.Event()
        self.stalled = threading.Event()

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def body(self, path):
        if path == SUMS:
            return self.sums if self.sums is not None else sums_of(self.files)
        return self.files.get(path)

    def ranges(self, path):
        return [asked for name, asked in self.asked if name == path]

    def handle_error(self, *_):
        """A client that went away is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20.0  # seconds without a request, so that no test waits for a client that is gone

    def do_HEAD(self):
        body = self.server.body(self.name)
        self.answer(
            200 if body is not None else 404, {"Content-Length": len(body or b"")} if self.server.tells_sizes else {}
        )
        self.close_connection = not self.server.tells_sizes

    def do_GET(self):
        self.server.asked.append((self.name, self.headers.get("Range")))
        plan = self.server.plans[self.name]
        body = self.server.body(self.name)
        if plan:
            plan.pop(0)(self, body)
        elif body is None:
            status(404)(self, body)
        else:
            well(self, body)

    @property
    def name(self):
        return unquote(self.path).removeprefix(ROOT)

    def answer(self, code, headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def log_message(self, *_):
        pass


def sums_of(files):
    return "".join(f"{hashlib.sha256(body).hexdigest()} {path}\n" for path, body in files.items()).encode()


def first_byte(handler):
    asked = handler.headers.get("Range")
    return int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0


def head(handler, body):
    """The headers of a good answer, and what of the body is to follow."""
    first = first_byte(handler)
    headers = {"Content-Length": len(body) - first}
    if first:
        headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
    handler.answer(206 if first else 200, headers)
    return body[first:]


def well(handler, body):
    if body and first_byte(handler) >= len(body):
        status(416)(handler, body)
    else:
        handler.wfile.write(head(handler, body))


def cut(count):
    """Drop the connection after so many bytes of the answer."""

    def do(handler, body):
        handler.wfile.write(head(handler, body)[:count])
        handler.close_connection = True

    return do


def stall(handler, body):
    """Send half of the file, then nothing."""
    handler.wfile.write(head(handler, body)[: len(body) // 2])
    handler.wfile.flush()
    handler.server.stalled.set()
    handler.server.released.wait(10)
    handler.close_connection = True


def whole(handler, body):
    """Take no notice of a range."""
    handler.answer(200, {"Content-Length": len(body)})
    handler.wfile.write(body)


def elsewhere(handler, body):
    """Answer with another range than the one that was asked for."""
    handler.answer(206, {"Content-Length": 10, "Content-Range": f"bytes 5-14/{len(body)}"})
    handler.wfile.write(body[5:15])


def wrong(handler, body):
    """As many bytes as it should be, one of them changed."""
    changed = bytearray(body)
    changed[len(body) // 2] ^= 1
    whole(handler, bytes(changed))


def shorter(handler, body):
    """Less than it should be, and a header that says so."""
    whole(handler, body[: len(body) // 3])


def unmeasured(handler, body):
    """Tell no length, and end by closing."""
    handler.answer(200, {"Connection": "close"})
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def status(code, **headers):
    def do(handler, _body):
        handler.answer(
            code, {"Content-Length": 0, **{name.replace("_", "-"): value for name, value in headers.items()}}
        )

    return do


@pytest.fixture
def server():
    serving = Server()
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield serving
    serving.released.set()
    serving.shutdown()
    thread.join()
    begun = time.monotonic()
    serving.server_close()
    assert time.monotonic() - begun < Handler.timeout / 2, "the client has left a connection open"


@pytest.fixture
def get(server, tmp_path):
    """Download the database of the server; ``get.waits`` are the waits between attempts."""

    def call(*only, jobs=2, database=MITDB, progress=None):
        options = DownloadOptions(server.base_url, only, jobs)
        return download(database, call.folder, options, sleep=call.waits.append, progress=progress)

    call.waits = []
    call.folder = tmp_path / "mitdb"
    return call


def found(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_whole(folder, server):
    assert found(folder) == server.files | {SUMS: server.body(SUMS)}


def test_all_files_are_there_with_the_list_and_nothing_else(server, get):
    outcome = get()
    assert_whole(get.folder, server)
    assert (outcome.whole, outcome.fetched, outcome.failed, outcome.untried) == (len(FILES), len(FILES), {}, 0)
    assert get.waits == []


def test_second_call_fetches_only_what_is_not_right(server, get):
    get()
    (get.folder / "100.hea").write_bytes(b"100 2 360 65000\n")
    (get.folder / "RECORDS").unlink()
    server.asked.clear()
    outcome = get()
    assert_whole(get.folder, server)
    assert (outcome.whole, outcome.fetched) == (len(FILES), 2)
    assert sorted(name for name, _ in server.asked) == ["100.hea", "RECORDS", SUMS]


@pytest.mark.parametrize("later", [well, whole])
def test_dropped_connection_goes_on_where_the_server_allows_it(server, get, later):
    server.plans["100.dat"] = [cut(200_000), later]
    get()
    assert_whole(get.folder, server)
    first, second = server.ranges("100.dat")
    assert first is None
    assert 100_000 < int(re.fullmatch(r"bytes=(\d+)-", second)[1]) <= 200_000
    assert get.waits == [1.0]


@pytest.mark.parametrize("plan", [[wrong], [shorter], [elsewhere], [unmeasured], [cut(0)], [cut(1), elsewhere]])
def test_bad_answer_is_asked_for_again(server, get, plan):
    server.plans["100.dat"] = list(plan)
    outcome = get()
    assert outcome.failed == {}
    assert_whole(get.folder, server)


def test_refused_range_starts_again(server, get):
    server.plans["100.dat"] = [cut(200_000), status(416), well]
    get()
    assert_whole(get.folder, server)
    assert server.ranges("100.dat")[2] is None


@pytest.mark.parametrize("behaviour", [wrong, shorter, elsewhere, unmeasured, status(503)])
def test_what_stays_bad_is_never_taken_for_whole(server, get, behaviour):
    server.plans["100.dat"] = [behaviour] * 10
    outcome = get()
    assert list(outcome.failed) == ["100.dat"]
    assert isinstance(outcome.failed["100.dat"], DownloadError)
    assert outcome.whole == SMALL
    assert set(found(get.folder)) == set(FILES) - {"100.dat"} | {SUMS}
    assert get.waits == [1.0, 2.0, 4.0, 8.0]


def test_connection_that_always_breaks_ends_and_keeps_the_part(server, get):
    server.plans["100.dat"] = [cut(100_000)] + [cut(0)] * 10
    outcome = get()
    assert list(outcome.failed) == ["100.dat"]
    assert not (get.folder / "100.dat").exists()
    part = (get.folder / "100.dat.part").read_bytes()
    assert part
    assert BODY.startswith(part)


def test_attempts_that_bring_something_new_are_not_counted(server, get):
    server.plans["100.dat"] = [cut(70_000), cut(0)] * 4
    assert get().failed == {}
    assert_whole(get.folder, server)
    assert len(get.waits) == 8


def test_missing_file_is_not_asked_for_again_and_stops_no_other(server, get):
    server.plans["100.dat"] = [status(404)]
    outcome = get()
    assert re.search(r"/100\.dat: the server answers 404", str(outcome.failed["100.dat"]))
    assert outcome.whole == SMALL
    assert get.waits == []
    assert len(server.ranges("100.dat")) == 1


@pytest.mark.parametrize(("asked", "waited"), [("7", 7.0), ("0", 1.0), ("86400", 60.0), ("soon", 1.0)])
def test_server_that_is_busy_is_waited_for(server, get, asked, waited):
    server.plans["100.dat"] = [status(503, Retry_After=asked)]
    assert get().failed == {}
    assert_whole(get.folder, server)
    assert get.waits == [waited]


@pytest.mark.parametrize("left", [b"something else", BODY + b"!", b""])
def test_part_of_something_else_does_no_harm(server, get, left):
    get.folder.mkdir()
    (get.folder / "100.dat.part").write_bytes(left)
    assert get().failed == {}
    assert_whole(get.folder, server)


def test_part_that_is_whole_is_only_renamed(server, get):
    get.folder.mkdir()
    (get.folder / "100.dat.part").write_bytes(BODY)
    get()
    assert_whole(get.folder, server)
    assert server.ranges("100.dat") == []


def test_files_are_fetched_at_once(server, get):
    together = threading.Barrier(4)

    def meet(handler, body):
        together.wait(5)
        well(handler, body)

    server.files = {f"{number}.dat": BODY[number : number + 9999] for number in range(40)}
    for name in list(server.files)[:4]:
        server.plans[name] = [meet]
    seen = []
    outcome = get(jobs=4, progress=lambda *state: seen.append(state))
    assert outcome.failed == {}
    assert_whole(get.folder, server)
    assert seen == sorted(seen)
    most = 40 * 9999 + len(server.body(SUMS))
    assert all(total == 40 and received <= most for _, total, received in seen)


def test_only_some_files(server, get):
    get("x_mitdb/*", "*.hea")
    assert set(found(get.folder)) == {"100.hea", "x_mitdb/x 108#ü.hea", SUMS}
    with pytest.raises(OptionError, match=r"none of the 4 files of mitdb is like \*\.edf"):
        get("*.edf")


def test_what_a_database_needs(server, get):
    lean = Database("mitdb", "mitdb", "1.0.0", "", "", needed=("x_mitdb/*",))
    assert get(database=lean).whole == 1
    assert get("RECORDS", database=lean).whole == 1


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../../x",
        "/etc/x",
        "C:/x",
        "C:x",
        "..\\x",
        "\\x",
        "a\\b",
        ".",
        "..",
        SUMS,
        "a/sha256sums.TXT",
        "x.part",
        "a\x1bb",
    ],
)
def test_list_with_an_unsafe_path_is_refused_as_a_whole(server, get, path):
    server.sums = sums_of(FILES | {path: b"evil"})
    with pytest.raises(DownloadError, match=r"line 5: the path .* is not one to be written to"):
        get()
    assert found(get.folder.parent) == {}
    assert {name for name, _ in server.asked} == {SUMS}


@pytest.mark.parametrize(
    ("sums", "message"),
    [
        (b"<html>Not here</html>\n", "line 1 is not a SHA-256 sum and a path"),
        (sums_of(FILES)[:-30], "line 4 is not"),
        (b"0" * 64 + b"\n", "line 1 is not"),
        (sums_of(FILES) + b"0" * 64 + b"  RECORDS\n", "RECORDS has a second sum"),
        (b"\n", "line 1 is not"),
        (b"\xff\xfe", "not a list of SHA-256 sums"),
    ],
)
def test_damaged_list_is_refused(server, get, sums, message):
    server.sums = sums
    with pytest.raises(DownloadError, match=message):
        get()
    assert found(get.folder) == {}


def test_forms_of_the_list(server, get):
    lines = sums_of(FILES).decode().splitlines()
    server.sums = "\r\n".join(line[:64].upper() + " *./" + line[65:] for line in lines).encode()
    get()
    assert_whole(get.folder, server)


def test_list_that_is_cut_is_never_taken_for_whole(server, get):
    server.plans[SUMS] = [cut(100), cut(10), well]
    get()
    assert_whole(get.folder, server)


@pytest.mark.parametrize("behaviour", [cut(100), status(404), status(503), unmeasured])
def test_list_that_cannot_be_had_is_an_error(server, get, behaviour):
    server.plans[SUMS] = [behaviour] + [status(503)] * 10
    with pytest.raises(DownloadError, match=SUMS):
        get()
    assert found(get.folder) == {}


def test_folder_of_another_database_is_refused(server, get):
    get()
    before = found(get.folder)
    server.files["RECORDS"] = b"another"
    with pytest.raises(DownloadError, match="holds another database or version"):
        get()
    assert found(get.folder) == before


def test_room_is_looked_at_first(server, get, monkeypatch):
    free = SimpleNamespace(free=sum(map(len, FILES.values())) - 1)
    monkeypatch.setattr(ecgnoise.datasets.download.shutil, "disk_usage", lambda _: free)
    with pytest.raises(OutputError, match=r"about 0\.0 GB are needed"):
        get()
    assert {name for name, _ in server.asked} == {SUMS}
    (get.folder / "100.dat.part").write_bytes(BODY[:1])
    assert get().failed == {}


def test_file_that_does_not_fit_is_not_begun(server, get, monkeypatch):
    server.tells_sizes = False
    monkeypatch.setattr(ecgnoise.datasets.http.shutil, "disk_usage", lambda _: SimpleNamespace(free=len(BODY) - 1))
    outcome = get()
    assert list(outcome.failed) == ["100.dat"]
    assert isinstance(outcome.failed["100.dat"], OutputError)
    assert set(found(get.folder)) == set(FILES) - {"100.dat"} | {SUMS}


def test_place_that_cannot_be_written(server, get):
    (get.folder / "100.dat").mkdir(parents=True)
    assert list(get().failed) == ["100.dat"]
    get.folder = get.folder / "RECORDS"
    with pytest.raises(OutputError, match="choose another folder"):
        get()


def test_gives_up_where_one_after_another_fails(server, get):
    server.sums = sums_of({f"{number}.dat": b"" for number in range(60)})
    outcome = get(jobs=1)
    assert len(outcome.failed) == GIVE_UP_AFTER
    assert outcome.untried == 40
    assert len(server.asked) < 60


def test_no_server_is_a_clear_error(get, server, tmp_path):
    waits = []
    options = DownloadOptions("http://127.0.0.1:9")
    with pytest.raises(DownloadError, match=r"broken off \(ConnectionError\), 5 times: try again later"):
        download(MITDB, tmp_path, options, sleep=waits.append)
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_options_are_checked():
    for address in ("physionet.org", "ftp://physionet.org", "file:///etc", "https://"):
        with pytest.raises(OptionError, match="base URL"):
            DownloadOptions(address)
    with pytest.raises(OptionError, match="0 jobs"):
        DownloadOptions(jobs=0)


@pytest.fixture
def under_way(server, get):
    """The program as a process of its own, with half of 100.dat received."""
    server.plans["100.dat"] = [stall]
    words = [sys.executable, "-m", "ecgnoise", "download", "mitdb"]
    words += ["--base-url", server.base_url, "--out", str(get.folder)]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert server.stalled.wait(20)
            part = get.folder / "100.dat.part"
            end = time.monotonic() + 5
            while time.monotonic() < end and not (part.exists() and part.stat().st_size > 100_000):
                time.sleep(0.01)
            yield process
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", ["SIGKILL", "SIGINT"])
def test_stopped_in_the_middle_goes_on_later(server, get, under_way, number):
    begun = time.monotonic()
    under_way.send_signal(getattr(signal, number))
    output, errors = under_way.communicate(timeout=10)
    assert time.monotonic() - begun < 3
    assert output == ""
    if number == "SIGINT":
        assert under_way.returncode == 130
        assert errors == "Stopped: files that are whole stay; the same command goes on.\n"
    assert not (get.folder / "100.dat").exists()
    part = (get.folder / "100.dat.part").read_bytes()
    assert BODY.startswith(part)
    assert get().failed == {}
    assert_whole(get.folder, server)
    assert server.ranges("100.dat")[-1] == f"bytes={len(part)}-"


def run(server, *words):
    return CliRunner().invoke(main, ["download", *words, "--base-url", server.base_url])


def test_program_says_what_it_did(server, get):
    words = ("mitdb", "--out", str(get.folder), "--jobs", "2")
    server.plans["100.dat"] = [status(403)]
    done = run(server, *words)
    assert done.exit_code == 1
    assert done.stdout == f"{get.folder}: 3 files whole, 3 of them fetched now\n"
    assert done.stderr.startswith("1 files could not be fetched:\n  100.dat: http://127.0.0.1:")
    done = run(server, *words)
    assert done.exit_code == 0
    assert done.output == f"{get.folder}: 4 files whole, 1 of them fetched now\n"
    assert_whole(get.folder, server)


def test_program_without_any_file_exits_with_2(server, get):
    server.sums = sums_of({f"{number}.dat": b"" for number in range(30)})
    done = run(server, "mitdb", "--out", str(get.folder))
    assert done.exit_code == 2
    assert "were not tried: run the same command again later" in done.stderr
    server.plans[SUMS] = [status(404)]
    done = run(server, "mitdb", "--out", str(get.folder))
    assert done.exit_code == 2
    assert re.fullmatch(r"Error: http.*SHA256SUMS\.txt: the server answers 404.*\n", done.stderr)


def test_program_lists_the_databases(server):
    done = run(server, "--list")
    assert done.exit_code == 0
    for database in DATABASES:
        assert re.search(rf"^{database.name} +{re.escape(database.version)} +{database.licence} ", done.output, re.M)
    assert run(server).exit_code == 2
    assert run(server, "mimic").exit_code == 2


def test_page_names_each_database():
    text = (SOURCE.parent / "docs" / "download.md").read_text(encoding="utf-8")
    for database in DATABASES:
        assert f"| `{database.name}` | {database.version} | {database.licence} |" in text


def test_addresses_are_those_of_physionet():
    assert DATABASES[0].address() == "https://physionet.org/files/ptb-xl/1.0.3"
    assert {database.slug for database in DATABASES} == {
        "ptb-xl", "butqdb", "challenge-2011", "challenge-2017", "nstdb", "mitdb", "ludb"
    }  # fmt: skip
