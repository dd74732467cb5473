"""The pages and the program say the same."""

import inspect
import re
import shlex
import tomllib
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from fuzz.__main__ import make_parser

from ecgnoise import ecg_noise_quantification
from ecgnoise.cli import main
from ecgnoise.readers import READERS, read
from ecgnoise.results.tables import COLUMNS, WRITERS
from ecgnoise.segments import FAULTS
from ecgnoise.simulate import NoiseKind, simulate_ecg
from ecgnoise.training.engine.config import DefaultConfig, preset
from ecgnoise.writers import RECORDING_WRITERS, write_recording

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
TEXTS = {name: path.read_text(encoding="utf-8") for name, path in PAGES.items()}
PAGE_OF = {
    "score": "docs/score-files.md",
    "annotate": "docs/outputs.md",
    "archive": "docs/outputs.md",
    "plot": "docs/figures.md",
    "report": "docs/report.md",
    "view": "docs/view.md",
    "merge": "docs/outputs.md",
    "stream": "docs/stream.md",
    "simulate": "docs/score-files.md",
    "convert": "docs/published.md",
    "train default": "docs/training.md",
    "train student": "docs/training.md",
    "train levels": "docs/training.md",
    "train autoencoder": "docs/training.md",
    "train latent": "docs/training.md",
    "train pixel": "docs/training.md",
    "download": "docs/download.md",
    "ptbxl index": "docs/paper.md",
    "ptbxl prepare": "docs/paper.md",
    "ptbxl evaluate": "docs/paper.md",
    "ptbxl compare": "docs/paper.md",
    "ptbxl refine": "docs/paper.md",
}
OPTIONS_OF_OTHERS = {
    "--check",
    "--nproc-per-node",
    "--logdir",
    "--multi-gpu",
    "--num-processes",
    "--cpu",
    "--most",
    "--nworkers",
    "--nthreads",
    "--mpl-generate-path",
}


def commands_of(group, before=""):
    """All commands by their full name, those within groups too."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


COMMANDS = dict(commands_of(main))


def options_of(command):
    return {option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts}


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXTS[page], re.DOTALL | re.MULTILINE)


def marked(page, name):
    """The command in the code block below a marker."""
    pattern = rf"^<!-- command: {name} -->\n```sh\n(.*?)\n```"
    return re.search(pattern, TEXTS[page], re.DOTALL | re.MULTILINE).group(1)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_described(name):
    text = TEXTS[PAGE_OF[name]]
    assert f"ecgnoise {name}" in text
    for option in options_of(COMMANDS[name]):
        assert re.search(rf"^\| `{re.escape(option)}[ `]", text, re.MULTILINE), option


def test_no_option_is_described_that_is_not_there():
    known = options_of(main) | {"--help"} | OPTIONS_OF_OTHERS
    for command in COMMANDS.values():
        known |= options_of(command) | {option for parameter in command.params for option in parameter.secondary_opts}
    known |= {option for action in make_parser()._actions for option in action.option_strings}
    for page, text in TEXTS.items():
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)) <= known, page


def test_every_command_in_the_pages_parses():
    for page in TEXTS:
        for line in "\n".join(blocks(page, "sh")).splitlines():
            for part in line.split("&&"):
                words = shlex.split(part)
                if words and words[0].rpartition("/")[2] == "ecgnoise":
                    depth = 3 if " ".join(words[1:3]) in COMMANDS else 2
                    name = " ".join(words[1:depth])
                    arguments = [word.replace("recordings/", str(ROOT)) for word in words[depth:]]
                    COMMANDS[name].make_context(name, arguments)


def test_lists_in_the_pages_are_complete():
    text = TEXTS["docs/score-files.md"]
    for word in (*FAULTS, *NoiseKind, *COLUMNS, *WRITERS, *RECORDING_WRITERS):
        assert f"`{word}`" in text, word


def test_every_format_is_described():
    """One row a reader: what is read, how, tested on what, and a bad file."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXTS["docs/formats.md"].splitlines()]
    table = {row[0]: row for row in rows if len(row) == 5}
    assert set(table) - {"format", "---"} == {reader.name for reader in READERS}
    assert all(len(cell) > 5 for name, row in table.items() if name not in {"format", "---"} for cell in row[1:])


def anchors(text):
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_point_to_files_and_headings(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        if re.match(r"https?:", target):
            continue
        name, _, anchor = target.partition("#")
        path = PAGES[page].parent / name if name else PAGES[page]
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), target


def test_index_lists_every_page():
    for page in PAGES:
        if page != "docs/index.md":
            assert f"({'../' * (page == 'README.md')}{Path(page).name})" in TEXTS["docs/index.md"], page


@pytest.fixture
def record(tmp_path, monkeypatch):
    """A folder with the record that the examples name, as the working directory."""
    write_recording(simulate_ecg(12, 250), tmp_path / "record.hea")
    monkeypatch.chdir(tmp_path)


RUNNABLE = [
    pytest.param(block, id=f"{page} {number}")
    for page in TEXTS
    for number, block in enumerate(blocks(page, "python"))
    if "checkpoint" not in block
]


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("block", RUNNABLE)
def test_python_examples_run(block):
    exec(compile(block, "example", "exec"), {"__name__": "example"})


def test_shape_that_the_readme_promises():
    (block,) = [block for block in blocks("README.md", "python") if "(12, 3, 6)" in block]
    values = {"__name__": "example"}
    exec(compile(block, "README.md", "exec"), values)
    assert values["result"].noise_uv.shape == (12, 3, 6)
    assert values["result"].estimated_snr[0, 0].shape == (3,)
    assert values["result"].grade[0, 0] in {"good", "fair", "poor", "unusable"}


@pytest.mark.parametrize("page", ["README.md", "docs/published.md"])
def test_published_call_is_called_as_described(page):
    (block,) = [block for block in blocks(page, "python") if "ecg_noise_quantification(" in block]
    called = []

    def instead(*arguments, **options):
        called.append(inspect.signature(ecg_noise_quantification).bind(*arguments, **options))
        raise StopIteration

    code = block.replace("from ecgnoise import ecg_noise_quantification\n", "")
    with pytest.raises(StopIteration):
        exec(compile(code, page, "exec"), {"ecg_noise_quantification": instead, "ecg": np.zeros((12, 5000))})
    assert called[0].arguments["checkpoint_path"] == "checkpoint.pth"


def test_settings_in_the_training_page_are_the_usual_ones():
    (block,) = blocks("docs/training.md", "toml")
    values = tomllib.loads(block)
    assert DefaultConfig().updated(values, "docs/training.md") == DefaultConfig()
    assert set(values) == set(DefaultConfig.__dataclass_fields__)


def as_in_a_table(value):
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "as published"
    return (
        {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value:g}" if value != str(value) else value
    )


def test_presets_in_the_training_page_are_those_of_the_program():
    rows = re.findall(r"^\| `(\w+)` ((?:\| [^|\n]*){8})\|$", TEXTS["docs/training.md"], re.MULTILINE)
    table = {name: [cell.strip() for cell in cells.split("|")[1:]] for name, cells in rows}
    columns = [
        [preset("default", "default")],
        [preset("default", "student")],
        [preset("default", "levels")],
        [preset("default", "autoencoder")],
        [preset("default", "latent"), preset("default", "pixel")],
        [preset("paper", "autoencoder")],
        [preset("paper", "latent")],
        [preset("paper", "pixel")],
    ]
    names = {name for column in columns for config in column for name in asdict(config)}
    assert set(table) == names
    for number, column in enumerate(columns):
        for config in column:
            for name in names:
                shown = as_in_a_table(getattr(config, name)) if hasattr(config, name) else ""
                assert table[name][number] == shown, (name, number)


def test_example_recording_is_what_its_command_makes(tmp_path):
    command = marked("docs/contributing.md", "example")
    words = shlex.split(command)
    shipped = ROOT / words[2]
    words[2] = str(tmp_path / shipped.name)
    assert CliRunner().invoke(main, words[1:]).exit_code == 0
    made = read(words[2])
    expected = read(shipped)
    assert made.lead_names == expected.lead_names
    assert made.sampling_frequency == expected.sampling_frequency
    np.testing.assert_allclose(made.signal, expected.signal, atol=1.1e-3, rtol=0)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(file.name for file in shipped.parent.iterdir())


def test_ci_runs_the_two_commands_of_the_readme():
    text = (ROOT / ".ci" / "run").read_text()
    for name in ("score", "test"):
        assert f"run_readme_command {name}\n" in text
        assert "\n" not in marked("README.md", name)
    assert "ecgnoise score --example" in marked("README.md", "score")
    assert "pytest" in marked("README.md", "test")


def test_keys_of_the_viewer_are_those_on_its_page():
    script = (ROOT / "src" / "ecgnoise" / "viewer" / "static" / "keys.js").read_text(encoding="utf-8")
    keys = re.findall(r'^  \["(.+?)", \[.*?\], "[a-z-]+", "(.+?)"\],$', script, re.MULTILINE)
    assert len(keys) == 18
    rows = re.findall(r"^\| (\S+|Page \w+) \| (.+) \|$", TEXTS["docs/view.md"], re.MULTILINE)
    assert [row for row in rows if row in keys] == keys
