"""Which room of the library may import which, read from the imports; and how large modules and functions are."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from imagecourse.teaching.release import STUDENT_MODULES, STUDENT_ROOMS

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "lib" / "imagecourse"
ABOVE = ["__main__", "cli", "commands", "app", "recipes", "pipeline", "teaching", "reports"]
BELOW = ["exercises", "captioning", "explain", "restoration", "networks", "datasets", "samples", "plots", "evaluation",
         "images", "cache", "files", "values", "__init__"]  # fmt: skip
ROOMS = [*ABOVE, *BELOW]
MODULES = sorted(LIBRARY.rglob("*.py"))


def room_of(name: str) -> str:
    return [*name.split("."), "__init__"][1]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts).removesuffix(".__init__")


def imported(source: str) -> set[str]:
    """Modules of the library that code imports at any place, each with the names taken from it behind a dot."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "imagecourse":
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "imagecourse"}
    return found


def known_module(name: str) -> str:
    """The module that an imported name is, or is taken from."""
    names = {module_name(path) for path in MODULES}
    return name if name in names else name.rpartition(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_arrows_run_downwards(path):
    room = room_of(module_name(path)) if path.parent != LIBRARY or path.stem != "__init__" else "__init__"
    others = {room_of(known_module(name)) for name in imported(path.read_text(encoding="utf-8"))} - {room}
    assert room in ROOMS
    assert [other for other in others if ROOMS.index(other) < ROOMS.index(room)] == []


def test_no_circle_of_modules():
    arrows = {module_name(path): {known_module(name) for name in imported(path.read_text(encoding="utf-8"))}
              for path in MODULES}  # fmt: skip
    left = {name: targets - {name} for name, targets in arrows.items()}
    while free := [name for name, targets in left.items() if not targets & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_and_students_stay_below_the_line(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    used = {room_of(known_module(name)) for source in sources for name in imported(source)}
    assert used and used <= set(BELOW)


def test_students_get_all_that_is_below_the_line():
    assert {*STUDENT_ROOMS, *STUDENT_MODULES} == {*BELOW, "__main__", "cli"}


def test_reading_a_model_loads_neither_downloads_nor_figures():
    """Beyond what Keras loads by itself, which is Matplotlib among others."""
    code = (
        "import sys, keras; own = set(sys.modules); import imagecourse.networks.bundles; print(*set(sys.modules) - own)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in run.stdout.split()} | set(run.stdout.split())
    assert not {"pooch", "imagehash", "scipy.io", "matplotlib", "IPython", "cv2"} & loaded


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_modules_and_functions_are_of_one_idea(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 300
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    lengths = {node.name: node.end_lineno - node.body[bool(ast.get_docstring(node))].lineno + 1 for node in functions
               if len(node.body) > bool(ast.get_docstring(node))}  # fmt: skip
    assert {name: length for name, length in lengths.items() if length > 40} == {}
