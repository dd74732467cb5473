"""``ecgnoise plot``: the figure that is asked for, in the place that is named, or one line."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ecgnoise import Recording, simulate_ecg, write_recording
from ecgnoise.cli import main
from ecgnoise.cli.plot import FIGURES, HEEDED


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("recordings") / "one.hea"
    write_recording(simulate_ecg(20, 250, seed=3, lead_names=("I", "II")), path)
    return path


def run(*arguments):
    return CliRunner().invoke(main, ["plot", *map(str, arguments)])


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_each_figure_in_each_format(tmp_path, tiny_model, file, figure, suffix):
    out = tmp_path / f"figure{suffix}"
    done = run(file, "--figure", figure, "--out", out, "--model", tiny_model)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"wrote {out}"
    assert done.stdout.startswith("2 leads x 2 segments: ")
    assert out.read_bytes()[:4] == {".svg": b"<?xm", ".png": b"\x89PNG", ".pdf": b"%PDF"}[suffix]


def test_the_figure_is_named_after_the_recording(tmp_path, tiny_model, file, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(file, "--model", tiny_model, "--quiet").stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["one.svg"]


def test_paper_has_the_scale_that_is_asked_for(tmp_path, tiny_model, file):
    for speed in (25, 50):
        run(file, "--out", tmp_path / f"{speed}.png", "--speed", speed, "--duration", 5, "--model", tiny_model)
    widths = []
    for speed in (25, 50):
        with Image.open(tmp_path / f"{speed}.png") as image:
            widths.append(image.width * 25.4 / 200)
    assert widths[1] - widths[0] == pytest.approx(125, abs=0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--start", 30], "30 to 20 s on paper: pass up to 60 s within 20 s, or draw a full disclosure"),
        (["--layout", "3x4+1"], "no lead aVR, V1, V4"),
        (["--out", "a.gif"], "suffix '.gif' is none of .svg, .png, .pdf: choose one of them"),
        (["--figure", "disclosure", "--lead", "V9"], "no lead V9; it has I, II"),
        (["--figure", "segment", "--start", 25], "25 s: the recording has 20 s: pass a time within it"),
        (["--gain", 500], "gain 500: pass 1 to 200 mm"),
        (["--leads", "V7"], "no lead V7; it has I, II"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(tmp_path, tiny_model, file, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    done = run(file, *arguments, "--model", tiny_model)
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("figure", FIGURES)
def test_an_option_that_a_figure_does_not_heed_is_refused(tmp_path, tiny_model, file, monkeypatch, figure):
    monkeypatch.chdir(tmp_path)
    values = {"start": 1, "duration": 5, "lead": "II", "layout": "rows", "speed": 25, "gain": 10, "line": 30}
    for name in sorted(set(values) - HEEDED[figure]):
        done = run(file, "--figure", figure, f"--{name}", values[name], "--model", tiny_model)
        assert (done.exit_code, done.stderr) == (2, f"Error: --{name} is not for --figure {figure}: leave it out\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("frequency", [100, 8000])
def test_odd_recordings(tmp_path, tiny_model, frequency):
    signal = np.full((49, frequency * 2), np.nan)
    signal[:, ::2] = 5.0
    write_recording(
        Recording.from_array(signal, frequency, lead_names=[f"导{n}" for n in range(49)]), tmp_path / "odd.npz"
    )
    for figure in FIGURES:
        done = run(tmp_path / "odd.npz", "--figure", figure, "--out", tmp_path / f"{figure}.png", "--model", tiny_model)
        assert (done.exit_code, done.stderr) == (0, "")


def test_a_file_without_units_is_drawn_as_it_fits(tmp_path, tiny_model):
    np.savetxt(tmp_path / "bare.csv", simulate_ecg(10, 250).signal[:2].T * 200, delimiter=",")
    arguments = (tmp_path / "bare.csv", "--sampling-frequency", 250, "--units", "unknown", "--model", tiny_model)
    done = run(*arguments, "--out", tmp_path / "bare.svg")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "unit not known, gain as it fits" in (tmp_path / "bare.svg").read_text()
