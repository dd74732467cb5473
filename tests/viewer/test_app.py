"""The viewer's server: what it answers, and whom."""

import gc
import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

import ecgnoise
from ecgnoise import Quantifier, find_recordings, score_files, simulate_ecg, write_recording, write_table
from ecgnoise.errors import EcgNoiseError, OptionError, OutputError, UnreadableFileError
from ecgnoise.figures.style import GRADE_SHADES
from ecgnoise.readers import ReadOptions
from ecgnoise.results.result import Result
from ecgnoise.simulate import NoiseKind, add_noise
from ecgnoise.viewer import app as server
from ecgnoise.viewer import listening_socket
from ecgnoise.viewer.app import EXPORTS, make_app, new_token
from ecgnoise.viewer.library import Library
from ecgnoise.viewer.states import STATES

STATIC = Path(ecgnoise.__file__).parent / "viewer" / "static"
HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two recordings of 20 s: one with noise in lead II, one clean."""
    folder = tmp_path_factory.mktemp("recordings")
    for name, snr in (("noisy", -6.0), ("clean", 40.0)):
        clean = simulate_ecg(20, 250, seed=3, lead_names=("I", "II"))
        write_recording(add_noise(clean, NoiseKind.MUSCLE, snr, leads=["II"]), folder / f"{name}.hea")
    return folder


def library_of(*places, cache=None, corrections=None):
    library = Library(lambda: Quantifier(threads=1), ReadOptions(), cache=cache, corrections=corrections)
    for place in places:
        library.add_place(place)
    return library


class Viewer:
    """A client of a server, below its token."""

    def __init__(self, library, uploads):
        self.library, self.token = library, new_token()
        self.client = TestClient(make_app(library, self.token, HOSTS, uploads), base_url="http://127.0.0.1:8000")

    def get(self, path, **settings):
        return self.client.get(f"/{self.token}/{path}", **settings)

    def opened(self, number=0):
        """What is said of a recording once it is scored."""
        for _ in range(600):
            found = self.get(f"api/recordings/{number}").json()
            if (found["verdict"] and found["read"] == 1) or found.get("failure"):
                return found
            time.sleep(0.05)
        raise AssertionError("not scored within 30 s")


@pytest.fixture
def viewer(tmp_path, folder):
    (tmp_path / "uploads").mkdir()
    (tmp_path / "corrections").mkdir()
    library = library_of(folder, corrections=tmp_path / "corrections")
    yield Viewer(library, tmp_path / "uploads")
    library.close()


def test_the_page_and_its_parts(viewer):
    page = viewer.get("")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for name in re.findall(r'(?:src|href)="(static/[^"]+)"', page.text):
        assert viewer.get(name).status_code == 200, name
    for script in STATIC.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', script.read_text()):
            assert viewer.get(f"static/{name}").headers["content-type"].startswith("text/javascript")


def test_the_page_loads_nothing_from_elsewhere():
    for file in (*STATIC.glob("*.*"),):
        assert not re.findall(r"https?://", file.read_text()), file.name
    assert "style=" not in (STATIC / "index.html").read_text()
    assert not re.findall(r"<script>|\son\w+=", (STATIC / "index.html").read_text())


def test_colours_are_those_of_the_figures():
    found = re.findall(r'(\w+): \{ colour: "(#\w+)", line: "(#\w+)" \}', (STATIC / "style.js").read_text())
    assert {name: (colour, line) for name, colour, line in found if name != "fault"} == {
        name: (shade.colour, shade.line) for name, shade in GRADE_SHADES.items()
    }


def test_a_recording_is_described_scored_and_listed(viewer):
    assert [entry["scored"] for entry in viewer.get("api/recordings").json()] == [False, False]
    found = viewer.opened(1)
    assert (found["leads"], found["seconds"], found["units"]) == (["I", "II"], 20.0, "mV")
    assert found["states"] == list(STATES)
    listed = viewer.get("api/recordings").json()
    assert listed[0]["name"] == "noisy"
    assert listed[0]["worst_lead"] == "II"
    assert listed[0]["worst_analysable"] < 20


def test_samples_are_those_of_the_file(viewer, folder):
    viewer.opened(0)
    content = viewer.get("api/recordings/0/samples?start=2&stop=4&columns=500").content
    scale = np.frombuffer(content, "<f4", 2)
    low, high = np.frombuffer(content, "<i2", offset=8).reshape(2, 2, 500) * scale[None, :, None]
    signal = ecgnoise.read(folder / "clean.hea").signal[:, 500:1000]
    np.testing.assert_allclose(low, signal, atol=float(scale.max()))
    np.testing.assert_allclose(high, signal, atol=float(scale.max()))


def test_states_are_those_of_the_masks(viewer, folder):
    viewer.opened(1)
    states = np.frombuffer(viewer.get("api/recordings/1/states?start=0&stop=20&columns=64").content, np.uint8)
    states = states.reshape(2, 64)
    recording = ecgnoise.read(folder / "noisy.hea")
    result = Quantifier(threads=1).quantify(recording)
    for rank, grade in ((1, "fair"), (2, "poor"), (3, "unusable")):
        bad = ~result.mask(320.0, grade=grade).reshape(2, 64, 100)
        assert (states >= rank).tolist() == (bad.mean(axis=2) > 0.5).tolist()
    assert viewer.get("api/recordings/1/instant?t=5").json()[1]["kind"] == "muscle"


def test_filters_take_away_what_they_say_and_shift_nothing(viewer, folder):
    viewer.opened(1)
    address = "api/recordings/1/samples?start=5&stop=15&columns=2500&filter="

    def shown(name):
        content = viewer.get(address + name).content
        return (
            np.frombuffer(content, "<i2", offset=8).reshape(2, 2, 2500) * np.frombuffer(content, "<f4", 2)[:, None]
        )[0]

    plain, smooth = shown("")[1], shown("low-pass")[1]
    spectra = [np.abs(np.fft.rfft(row)) ** 2 for row in (plain, smooth)]
    frequencies = np.fft.rfftfreq(2500, 1 / 250)
    assert spectra[1][frequencies > 80].sum() < 0.02 * spectra[0][frequencies > 80].sum()
    assert (
        spectra[1][(frequencies > 5) & (frequencies < 20)].sum()
        > 0.9 * spectra[0][(frequencies > 5) & (frequencies < 20)].sum()
    )
    clean = shown("low-pass")[0]
    shifts = [np.corrcoef(np.roll(clean, shift), shown("")[0])[0, 1] for shift in range(-3, 4)]
    assert int(np.argmax(shifts)) == 3
    wrong = viewer.get(address + "magic")
    assert wrong.status_code == 422
    assert "none of high-pass, low-pass" in wrong.json()["error"]


def corrected(viewer, annotations, revision, number=1):
    content = json.dumps({"revision": revision, "annotations": annotations})
    return viewer.client.put(f"/{viewer.token}/api/recordings/{number}/annotations", content=content)


@pytest.mark.parametrize(
    ("frequency", "left"),
    [(500, ["high-pass", "low-pass", "50 Hz", "60 Hz"]), (100, ["high-pass", "low-pass"])],
)
def test_filters_are_offered_that_have_something_to_do(tmp_path, frequency, left):
    write_recording(simulate_ecg(12, frequency, lead_names=("I",)), tmp_path / "a.npz")
    library = library_of(tmp_path / "a.npz")
    assert Viewer(library, tmp_path).get("api/recordings/0").json()["filters"] == left
    library.close()


def test_corrections_are_kept_beside_the_model_and_exported(viewer, tmp_path):
    viewer.opened(1)
    before = viewer.get("api/recordings/1/annotations").json()
    assert before["revision"] == 0
    assert {mark["author"] for mark in before["annotations"]} == {"model"}
    mark = {"lead": "I", "start": 1.0, "stop": 2.5, "grade": "unusable", "author": "manual"}
    assert corrected(viewer, [mark], 0).json() == {"revision": 1}
    after = viewer.get("api/recordings/1/annotations").json()
    assert (after["revision"], len(after["annotations"]), after["annotations"][0]["author"]) == (1, 1, "manual")
    assert [path.name for path in (tmp_path / "corrections").iterdir()] == ["noisy.annotations.json"]
    exported = json.loads(viewer.get("api/recordings/1/export/json").content)
    assert [(entry["lead"], entry["start_s"], entry["duration_s"]) for entry in exported["intervals"]] == [
        ("I", 1.0, 1.5)
    ]
    assert exported["usable_s"] == {"I": 18.5, "II": 20.0}
    assert viewer.library.open(1).result.intervals()
    assert corrected(viewer, [], 0).status_code == 409
    assert corrected(viewer, [], 1).json() == {"revision": 2}
    assert json.loads(viewer.get("api/recordings/1/export/json").content)["intervals"] == []


@pytest.mark.parametrize("form", EXPORTS)
def test_each_export_reads_as_what_it_is(viewer, form):
    viewer.opened(1)
    answer = viewer.get(f"api/recordings/1/export/{form}")
    assert answer.status_code == 200
    assert f"noisy{EXPORTS[form]}" in answer.headers["content-disposition"]
    assert len(answer.content) > 40


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lead": "V9"}, "no lead 'V9'"),
        ({"start": 3.0, "stop": 3.0}, "ends behind its start"),
        ({"stop": 99.0}, "the recording has 20 s"),
        ({"stop": float("nan")}, "ends behind its start"),
        ({"grade": "lovely"}, "pass one of good, fair"),
        ({"author": "somebody"}, "pass one of"),
        ({"start": "<script>"}, "needs a lead, a start"),
    ],
)
def test_annotations_that_are_none_are_refused(viewer, change, message):
    viewer.opened(1)
    mark = {"lead": "I", "start": 1.0, "stop": 2.0, "grade": "poor"} | change
    answer = corrected(viewer, [mark], 0)
    assert answer.status_code == 422
    assert message in answer.json()["error"]
    assert viewer.get("api/recordings/1/annotations").json()["revision"] == 0


def test_a_thousand_annotations_are_kept(viewer):
    viewer.opened(1)
    marks = [{"lead": "I", "start": n / 100, "stop": n / 100 + 0.005, "grade": "poor"} for n in range(1000)]
    assert corrected(viewer, marks, 0).status_code == 200
    assert len(viewer.get("api/recordings/1/annotations").json()["annotations"]) == 1000


def test_a_file_is_uploaded_scored_and_shown(viewer, folder, tmp_path):
    np.savez(tmp_path / "a.npz", signal=simulate_ecg(12, 250).signal[:1], sampling_frequency=250, units="mV")
    content = (tmp_path / "a.npz").read_bytes()
    address = f"/{viewer.token}/api/recordings"
    number = viewer.client.post(address, content=content, headers={"x-filename": "%E5%AF%BC a.npz"}).json()["id"]
    found = viewer.opened(number)
    assert (found["name"], found["seconds"]) == ("导 a", 12.0)


def test_bad_files_have_the_readers_line_and_the_server_goes_on(viewer):
    address = f"/{viewer.token}/api/recordings"
    number = viewer.client.post(address, content=b"PK\x03\x04 cut", headers={"x-filename": "bad.npz"}).json()["id"]
    answer = viewer.get(f"api/recordings/{number}")
    assert answer.status_code == 422
    assert len(answer.json()["error"].splitlines()) == 1
    assert "bad.npz" in answer.json()["error"]
    assert viewer.get("api/recordings").status_code == 200


def test_uploads_stay_in_their_folder_and_have_a_limit(viewer, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "LARGEST_UPLOAD", 1000)
    address = f"/{viewer.token}/api/recordings"
    assert viewer.client.post(address, content=b"x" * 2000, headers={"x-filename": "big.npz"}).status_code == 422
    for name in ("../../up.npz", "%2e%2e%2fup.npz", "/etc/up.npz"):
        viewer.client.post(address, content=b"x", headers={"x-filename": name})
    for name in ("", ".hidden", ".."):
        assert viewer.client.post(address, content=b"x", headers={"x-filename": name}).status_code == 422
    inside = [path for path in tmp_path.rglob("*") if path.is_file() and "corrections" not in path.parts]
    assert {path.name for path in inside} == {"up.npz"}
    assert all(path.is_relative_to(tmp_path / "uploads") for path in inside)


@pytest.mark.parametrize(
    "path",
    [
        "static/../app.py",
        "static/..%2fapp.py",
        "static/%2e%2e/%2e%2e/app.py",
        "static/vendor",
        "static//etc/passwd",
        "static/x.py",
    ],
)
def test_no_file_outside_the_page_is_served(viewer, path):
    assert viewer.client.get(f"/{viewer.token}/{path}").status_code == 404


def test_without_the_token_there_is_nothing(viewer):
    for path in (
        "/",
        "/api/recordings",
        "/static/main.js",
        f"/{viewer.token[:-1]}x/",
        "/x/api/recordings/0/export/json",
    ):
        assert viewer.client.get(path).status_code == 404
    assert len({new_token() for _ in range(50)}) == 50
    assert len(new_token()) >= 32


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[::1].evil", "a\x00b"]
)
def test_foreign_hosts_are_refused(viewer, host):
    assert viewer.get("api/recordings", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9", "https://127.0.0.1.evil:8000"])
def test_foreign_origins_are_refused(viewer, origin):
    assert viewer.get("api/recordings", headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_its_own_names_are_let_in(viewer, host):
    answer = viewer.get("", headers={"host": host, "origin": f"http://{host}"})
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "query", ["", "?start=a&stop=2&columns=3", "?start=nan&stop=2&columns=3", "?start=5&stop=2&columns=3"]
)
def test_odd_questions_are_one_line(viewer, query):
    answer = viewer.get(f"api/recordings/0/samples{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert viewer.get("api/recordings/77").status_code == 404
    assert viewer.get("api/recordings/-1").status_code == 404


def test_saved_results_are_shown_without_scoring_again(tmp_path, folder, monkeypatch):
    rows = [
        row for entry in score_files(find_recordings([folder]), Quantifier(threads=1)) for row in entry.outcome.rows()
    ]
    write_table(rows, tmp_path / "scores.csv")
    library = Library(lambda: pytest.fail("scored again"), ReadOptions(), cache=tmp_path / "cache of others")
    library.add_place(tmp_path / "scores.csv")
    viewer = Viewer(library, tmp_path)
    listed = viewer.get("api/recordings").json()
    assert [entry["name"] for entry in listed] == ["noisy", "clean"]
    assert listed[0]["strip"]
    number = listed[0]["id"]
    assert "analysable" in viewer.opened(number)["verdict"]
    corrected(viewer, [], 0, number)
    assert (tmp_path / "noisy.annotations.json").is_file()
    assert [file.suffix for file in (tmp_path / ".ecgnoise-view").iterdir()] == [".npz"]
    assert not (tmp_path / "cache of others").exists()
    library.close()


def test_a_list_of_saved_results_holds_none_of_them(tmp_path, folder):
    """Only what the list says is in memory; a result that is gone from its table is one line."""
    found = [entry.outcome for entry in score_files(find_recordings([folder]), Quantifier(threads=1))]
    write_table([row for result in found for row in result.rows()], tmp_path / "scores.csv")
    del found
    library = Library(lambda: pytest.fail("scored again"), ReadOptions(), cache=None)
    before = sum(type(thing) is Result for thing in gc.get_objects())
    library.add_place(tmp_path / "scores.csv")
    gc.collect()
    assert sum(type(thing) is Result for thing in gc.get_objects()) <= before
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    (tmp_path / "scores.csv").write_text("\n".join(line for line in lines if "noisy" not in line) + "\n")
    viewer = Viewer(library, tmp_path)
    numbers = {entry["name"]: entry["id"] for entry in viewer.get("api/recordings").json()}
    assert viewer.opened(numbers["clean"])["verdict"]
    answer = viewer.get(f"api/recordings/{numbers['noisy']}")
    assert answer.status_code == 422
    assert "open the results anew" in answer.json()["error"]
    library.close()


def test_a_file_that_vanishes_is_a_line_and_the_server_goes_on(tmp_path):
    write_recording(simulate_ecg(20, 250, lead_names=("I",)), tmp_path / "a.hea")
    library = library_of(tmp_path / "a.hea")
    viewer = Viewer(library, tmp_path)
    (tmp_path / "a.dat").unlink()
    answer = viewer.get("api/recordings/0")
    assert answer.status_code in {404, 422}
    assert "a.dat" in answer.json()["error"]
    assert viewer.get("").status_code == 200
    library.close()


def test_damaged_corrections_are_named_and_left(tmp_path, folder):
    (tmp_path / "noisy.annotations.json").write_text("{")
    library = library_of(folder / "noisy.hea", corrections=tmp_path)
    viewer = Viewer(library, tmp_path)
    viewer.opened(0)
    answer = viewer.get("api/recordings/0/annotations")
    assert answer.status_code == 422
    assert "noisy.annotations.json: no corrections, or damaged: move it away" in answer.json()["error"]
    assert (tmp_path / "noisy.annotations.json").read_text() == "{"
    library.close()


def odd_recordings():
    """What a viewer must show all the same: signals and their sampling frequency."""
    rng = np.random.default_rng(0)
    railed = np.clip(10 * simulate_ecg(12, 250).signal[:2], -2, 2)
    missing = simulate_ecg(12, 250).signal[:3].copy()
    missing[0], missing[1, 500:1500] = np.nan, np.nan
    yield "missing", missing, 250
    yield "railed", railed, 250
    yield "many", rng.normal(size=(49, 2500)), 250
    yield "slow", simulate_ecg(12, 100).signal[:2], 100
    yield "fast", rng.normal(size=(2, 16_000)), 8000
    yield "three", np.array([[0.0, 0.1, 0.2]]), 100


@pytest.mark.parametrize(("name", "signal", "frequency"), [pytest.param(*odd, id=odd[0]) for odd in odd_recordings()])
def test_odd_recordings_are_shown(tmp_path, name, signal, frequency):
    names = np.array([f"导联 <{number}>" for number in range(len(signal))])
    np.savez(tmp_path / f"{name}.npz", signal=signal, sampling_frequency=frequency, units="mV", lead_names=names)
    library = library_of(tmp_path / f"{name}.npz")
    viewer = Viewer(library, tmp_path)
    found = viewer.opened(0)
    assert (found["failure"], found["leads"]) == ("", names.tolist())
    seconds = signal.shape[1] / frequency
    columns = min(800, signal.shape[1])
    content = viewer.get(f"api/recordings/0/samples?start=0&stop={seconds}&columns={columns}").content
    assert len(content) == len(signal) * (4 + 4 * columns)
    assert len(viewer.get(f"api/recordings/0/states?start=0&stop={seconds}&columns=50").content) == 50 * len(signal)
    assert len(viewer.get(f"api/recordings/0/instant?t={seconds / 2}").json()) == len(signal)
    filters = "high-pass,low-pass,50 Hz,60 Hz"
    answer = viewer.get(f"api/recordings/0/samples?start=0&stop={seconds}&columns=5&filter={filters}")
    assert answer.status_code == 200
    for form in EXPORTS:
        assert viewer.get(f"api/recordings/0/export/{form}").status_code in {200, 422}
    library.close()


def test_recordings_of_the_same_name_have_corrections_of_their_own(tmp_path, folder):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for file in folder.glob("noisy.*"):
            (tmp_path / name / file.name).write_bytes(file.read_bytes())
    (tmp_path / "kept").mkdir()
    library = library_of(tmp_path / "a", tmp_path / "b", corrections=tmp_path / "kept")
    viewer = Viewer(library, tmp_path)
    for number in (0, 1):
        viewer.opened(number)
        mark = {"lead": "I", "start": 1.0 + number, "stop": 5.0, "grade": "poor"}
        assert corrected(viewer, [mark], 0, number).json() == {"revision": 1}
    assert len(list((tmp_path / "kept").iterdir())) == 2
    starts = [viewer.get(f"api/recordings/{number}/annotations").json()["annotations"][0]["start"] for number in (0, 1)]
    assert starts == [1.0, 2.0]
    library.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_all_addresses_at_once_are_refused(host):
    with pytest.raises(OptionError, match="pass the address or name by which others reach this computer"):
        listening_socket(host, 0)


def test_a_host_that_is_not_here_is_one_line():
    with pytest.raises(OutputError, match=r"203\.0\.113\.7:0: cannot listen there .*: pass another --host or --port"):
        listening_socket("203.0.113.7", 0)


def test_places_without_recordings_are_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="no recording in this folder"):
        library_of(tmp_path)
    (tmp_path / "parts").mkdir()
    with pytest.raises(EcgNoiseError, match="no parts of results"):
        library_of(tmp_path)
