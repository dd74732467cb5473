"""The design that docs/design.md describes is the design of the code."""

import ast
import os
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "ecgnoise"
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ("torch", "pandas", "wfdb", "matplotlib", "diffusers", "dask", "pyarrow", "openpyxl", "onnx", "zarr")
HEAVY += ("edfio", "pydicom", "ecgdatakit", "h5py")
LATER = ("onnxruntime", "scipy", "requests", "click", "tqdm", "logging", "concurrent", "asyncio", "multiprocessing")
MODULE_LINES = 499
FUNCTION_LINES = 60
POSITIONAL = 5
WIDE_CALLS = {"ecg_noise_quantification"}  # as published


def module_of(file):
    """Its dotted name within the package, and ``ecgnoise`` for the package itself."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "ecgnoise"


MODULES = {module_of(file): file for file in FILES}


def layers():
    """The number of the line of each room in the list of docs/design.md."""
    block = re.search(r"```layers\n(.*?)```", (ROOT / "docs" / "design.md").read_text(), re.DOTALL)
    lines = block.group(1).splitlines()
    return {name.strip(): number for number, line in enumerate(lines) for name in line.split(",")}


def room(module):
    """The module or folder at the top of the package that a module is, or lies in."""
    return module.partition(".")[0]


def imports(file):
    """The modules of the package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if within(name) in MODULES else str(node.module) for name in names]
        else:
            continue
        yield from (within(name) for name in names if name.split(".")[0] == "ecgnoise")


def within(name):
    """A dotted name without the package's own."""
    return name.removeprefix("ecgnoise.")


def test_every_room_has_a_place_in_the_order():
    assert set(layers()) == {room(module) for module in MODULES}


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_only_from_rooms_above(module):
    order = layers()
    for imported in imports(MODULES[module]):
        if room(imported) != room(module):
            assert order[room(imported)] < order[room(module)], f"{module} imports {imported}"


def test_no_modules_import_each_other_in_a_circle():
    graph = {module: set(imports(file)) & set(MODULES) - {module} for module, file in MODULES.items()}
    list(TopologicalSorter(graph).static_order())


def loaded_by(code):
    """The modules that a new interpreter has after some code."""
    code += "; import sys; print('|' + ' '.join(sys.modules))"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return set(done.stdout.rpartition("|")[2].split())


def test_import_loads_no_heavy_package():
    assert loaded_by("import ecgnoise") & {*HEAVY, *LATER} == set()


def test_help_loads_no_more_than_the_package_and_click():
    base = {name.split(".")[0] for name in loaded_by("import ecgnoise.results.grades, click")}
    asked = "from ecgnoise.cli import main; main(['score', '--help'], standalone_mode=False)"
    assert {name.split(".")[0] for name in loaded_by(asked)} - base <= {"runpy", "locale", "_locale", "signal", "glob"}


def test_help_of_a_stream_loads_no_heavy_package():
    asked = "from ecgnoise.cli import main; main(['stream', '--help'], standalone_mode=False)"
    assert loaded_by(asked) & {*HEAVY, "onnxruntime", "scipy", "requests", "tqdm"} == set()


def test_scoring_an_array_loads_no_heavy_package(tiny_model):
    code = f"import ecgnoise; ecgnoise.quantify([[0.0, 1.0] * 500], 100, model={str(tiny_model)!r})"
    assert loaded_by(code) & set(HEAVY) == set()


@pytest.mark.parametrize("module", MODULES)
def test_modules_and_functions_stay_small(module):
    text = MODULES[module].read_text()
    assert len(text.splitlines()) <= MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            lines = node.end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= FUNCTION_LINES, f"{module}.{node.name}: {lines} lines"
            arguments = node.args
            names = [argument.arg for argument in arguments.posonlyargs + arguments.args]
            count = len([name for name in names if name not in {"self", "cls"}])
            assert count <= POSITIONAL or node.name in WIDE_CALLS, f"{module}.{node.name}: {count} positional"
            assert arguments.kwarg is None, f"{module}.{node.name}: **{arguments.kwarg.arg}"
