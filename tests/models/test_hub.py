"""Checkpoints from a hub of models, whose layout is served on loopback."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

import ecgnoise
from ecgnoise import ecg_noise_quantification
from ecgnoise.errors import OptionError
from ecgnoise.models.folder import load_folder
from ecgnoise.models.hub import HubFile

pytest_plugins = ["conftest_published"]

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "Somebody/NoiseModel"
FETCH = "import sys; from ecgnoise.models.hub import HubFile, fetch; print(fetch(HubFile.of(sys.argv[1])))"
# What the issue and the published example say of the weights that Han et al. give away.
PRETRAINED = "ECGNOISE_PRETRAINED"
PUBLISHED_PSNR = 26.43
PUBLISHED_PARTS = [26.06, 29.66, 27.12, 30.76, 28.23, 28.73, 22.08, 25.49]


class Hub(BaseHTTPRequestHandler):
    """The paths and headers of a hub of models that fetching a file and listing a repository need."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        self.server.asked.append((self.command, self.path))
        if self.path.split("?")[0].startswith(f"/api/models/{REPO}"):
            if "/tree/" in self.path:
                listing = [{"type": "file", "path": name, "size": 1, "oid": COMMIT} for name in self.server.files]
            else:
                listing = {"id": REPO, "sha": COMMIT, "siblings": [{"rfilename": name} for name in self.server.files]}
            self.send(200, json.dumps(listing).encode(), {"Content-Type": "application/json"}, body)
            return
        repo, _, rest = self.path.lstrip("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        if repo != REPO:
            self.send(401, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}, body)
        elif revision not in {"main", "v1", COMMIT}:
            self.send(404, b"", {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"}, body)
        elif name not in self.server.files:
            self.send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"}, body)
        else:
            content = self.server.files[name]
            etag = hashlib.sha256(content).hexdigest()
            self.send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}, body)

    def send(self, code, content, headers, body):
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked = []
    server.files = {"pretrained_ldm.pth": b"the checkpoint", "other.pth": b"another", "README.md": b"text"}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def environment(home, endpoint, **others):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    source = str(Path(ecgnoise.__file__).parents[1])
    return kept | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PYTHONPATH": source, "NO_PROXY": "*"} | others


def fetched(name, home, endpoint, **others):
    """What fetching printed and said; in a process of its own, as the library reads the environment when imported."""
    command = [sys.executable, "-c", FETCH, name]
    done = subprocess.run(
        command, env=environment(home, endpoint, **others), capture_output=True, text=True, check=False
    )
    return done.stdout.strip(), (done.stderr.strip().splitlines() or [""])[-1]


def address(hub):
    return f"http://127.0.0.1:{hub.server_port}"


def test_a_file_is_fetched_once_and_then_taken_from_the_cache(hub, tmp_path):
    for name, content in ((REPO, b"the checkpoint"), (f"{REPO}@v1/other.pth", b"another")):
        path, said = fetched(f"hf:{name}", tmp_path, address(hub))
        assert Path(path).read_bytes() == content, said
        assert tmp_path in Path(path).parents
    files = [request for request in hub.asked if request[0] == "GET" and "resolve" in request[1]]
    fetched(f"hf:{REPO}", tmp_path, address(hub))
    assert [request for request in hub.asked if request[0] == "GET" and "resolve" in request[1]] == files


def test_offline_only_the_cache_is_looked_into(hub, tmp_path):
    path, said = fetched(f"hf:{REPO}", tmp_path, address(hub), HF_HUB_OFFLINE="1")
    assert not path
    assert "HF_HUB_OFFLINE" in said
    assert hub.asked == []
    fetched(f"hf:{REPO}", tmp_path, address(hub))
    asked = len(hub.asked)
    path, said = fetched(f"hf:{REPO}", tmp_path, address(hub), HF_HUB_OFFLINE="1")
    assert Path(path).read_bytes() == b"the checkpoint", said
    assert len(hub.asked) == asked


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"{REPO}/absent.pth", "no such file but other.pth, pretrained_ldm.pth: pass hf:Somebody/NoiseModel/FILE"),
        ("Nobody/Nothing", "no such repository"),
        (f"{REPO}@v9", "cannot be fetched"),
    ],
)
def test_what_the_hub_does_not_have(hub, tmp_path, name, said):
    path, error = fetched(f"hf:{name}", tmp_path, address(hub))
    assert not path
    assert error.startswith(f"ecgnoise.errors.DownloadError: hf:{name}")
    assert said in error


@pytest.mark.slow
def test_a_hub_that_does_not_answer(tmp_path):
    path, error = fetched(f"hf:{REPO}", tmp_path, "http://127.0.0.1:9", HF_HUB_DOWNLOAD_TIMEOUT="1")
    assert not path
    assert "DownloadError: hf:Somebody/NoiseModel/pretrained_ldm.pth: it is not in the cache" in error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hf:a/b", ("a/b", "pretrained_ldm.pth", None)),
        ("hf:A-1/b.c@v1.0", ("A-1/b.c", "pretrained_ldm.pth", "v1.0")),
        ("hf:a/b/c/d.pth", ("a/b", "c/d.pth", None)),
    ],
)
def test_names(text, expected):
    assert HubFile.of(text) == expected
    assert HubFile.of(str(HubFile.of(text))) == HubFile.of(text)


@pytest.mark.parametrize("text", ["hf:", "hf:a", "hf:a/", "hf:a b/c", "hf:/a/b", "a/b"])
def test_what_is_no_name(text):
    with pytest.raises(OptionError, match="pass one as hf:OWNER/REPO"):
        HubFile.of(text)


@pytest.mark.slow
def test_a_checkpoint_of_a_hub_becomes_a_model(hub, networks, tmp_path):
    content = io.BytesIO()
    torch.save(networks["latent"].state_dict(), content)
    hub.files["pretrained_ldm.pth"] = content.getvalue()
    command = [sys.executable, "-m", "ecgnoise", "convert", f"hf:{REPO}", "--out", str(tmp_path / "model")]
    given = environment(tmp_path / "home", address(hub))
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    model = load_folder(tmp_path / "model")
    assert model.description.network.kind == "latent"
    checksum = hashlib.sha256(content.getvalue()).hexdigest()
    assert model.description.training.note == f"converted from hf:{REPO}/pretrained_ldm.pth, SHA-256 {checksum}"


@pytest.mark.slow
@pytest.mark.skipif(PRETRAINED not in os.environ, reason=f"{PRETRAINED} does not name the published pretrained_ldm.pth")
def test_the_published_weights_give_the_published_scores(reference):
    """Of the example lead, t = 30, DDIM, interval 10, as the published notebook has them."""
    lead = np.load(reference / "upstream_scalogram.npz")["signal_500"]
    checkpoint = os.environ[PRETRAINED]
    whole = ecg_noise_quantification(lead, 500, checkpoint)
    parts = ecg_noise_quantification(lead, 500, checkpoint, n_partitions=8)
    assert (
        abs(whole.psnr[0, 0] - PUBLISHED_PSNR) < 0.5
    )  # the noise of the reverse process is drawn by another generator
    assert np.abs(parts.psnr[0] - PUBLISHED_PARTS).max() < 1.5
    assert parts.psnr[0].argmin() == 6  # the spike at 8 s
