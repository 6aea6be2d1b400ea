"""Student notebooks from the teacher's: no solutions, no hidden tests, the same bytes each time."""

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import imagecourse
from imagecourse.exercises.cells import find_exercises, grading, is_parameters, is_test
from imagecourse.exercises.points import check_points
from imagecourse.exercises.variants import PARAMETER
from imagecourse.files import new_folder
from imagecourse.reports.chapters import find_notebooks
from imagecourse.reports.parameters import read_parameters

STUB = "raise NotImplementedError"
STUDENT_LINE = re.compile(rf"^{PARAMETER} *=.*$", re.MULTILINE)
HIDDEN_TESTS = re.compile(r"^[^\n]*BEGIN HIDDEN TESTS.*?END HIDDEN TESTS[^\n]*\n?", re.MULTILINE | re.DOTALL)
PROJECT_FILES = ("LICENSE", "pyproject.toml")
STUDENT_ROOMS = (
    "captioning",
    "explain",
    "networks",
    "restoration",
    "datasets",
    "samples",
    "plots",
    "evaluation",
    "images",
    "exercises",
)
STUDENT_MODULES = ("__init__", "__main__", "cli", "files", "cache", "values")
STUDENT_COMMANDS = ("__init__", "quiet", "data", "restore", "predict", "caption", "explain", "bias", "teach")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "*.egg-info")
README = """# {title}

Work through the chapters in their order; the notebooks say what to do.

    python3 -m venv .venv
    .venv/bin/python -m pip install -r requirements.txt
    .venv/bin/python -m pip install jupyterlab
    .venv/bin/jupyter lab

On Windows it is `.venv\\Scripts\\python` and `.venv\\Scripts\\jupyter`. Python 3.11 to 3.13; after this nothing needs
a network.

| chapter | exercises | points |
|---|---|---|
{rows}

**Exercises.** Replace `raise NotImplementedError` by your code, and `YOUR ANSWER HERE` by your answer. The cell below
each exercise tests it: no error means that these tests pass. Further tests, on other values, decide about the points.
Add cells where you like, but leave the test cells alone: they are replaced before grading. Your functions are called
with other values in another process, so let them give plain data: numbers, text, lists, NumPy arrays, tables, networks.

**Your own numbers.** Where a chapter's parameters hold `student = ""`, write your student id between the quotes: some
values of its exercises are drawn from it.

**How far am I?** `.venv/bin/imagecourse teach check {example}`
runs your notebook from the top and says which tests pass.

**Before you hand in:** restart the kernel, run all cells, save. Hand in the notebook under its own name.
"""


def student_version(notebook: NotebookNode) -> NotebookNode:
    """The notebook that students get: stubs for solutions, visible tests only, locked tests, checksums.

    Raises: ValueError where the marks in a cell do not fit what the cell is for, or points do not add up.
    """
    from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearSolutions, ComputeChecksums, LockCells

    student = nbformat.from_dict(notebook)
    steps = [ClearSolutions(code_stub={"python": STUB}), LockCells(), ClearHiddenTests(), ClearMarkScheme()]
    try:
        for step in [*steps, ComputeChecksums()]:
            student, _ = step.preprocess(student, {})
        for cell in filter(is_test, notebook.cells):
            check_points(cell.source, float(grading(cell).get("points", 0)))
    except RuntimeError as error:
        raise ValueError(f"the marks of solutions and tests: {error}") from error
    for cell in student.cells:
        cell.source = cell.source.rstrip("\n")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    student.metadata = nbformat.from_dict({"kernelspec": dict(notebook.metadata.kernelspec)})
    return student


def visible_tests(source: str) -> str:
    """A test cell without its hidden tests."""
    return HIDDEN_TESTS.sub("", source).rstrip("\n")


def write_release(
    folder: Path, chapters: Iterable[str] = (), notebooks: Path | None = None, students: Iterable[str] = ()
) -> list[Path]:
    """Write what students get into a new folder: chapters, library, models, README and requirements; gives chapters.

    chapters: names or numbers; none means all. notebooks: the teacher's folder; None is the course's own. students:
    ids; each gets a copy of the chapters that differ from student to student, with the id filled in, in students/ID/.
    Raises: FileExistsError where the folder has something in it; ValueError where the marks in a notebook are wrong.
    """
    paths = find_notebooks(chapters, notebooks)
    with new_folder(folder) as building:
        entries = [_write_chapter(path, building, list(students)) for path in paths]
        _write_project(building, paths)
        _write_readme(building, entries)
    return [Path(folder) / path.stem / path.name for path in paths]


def _write_chapter(path: Path, building: Path, students: list[str]) -> tuple[str, int, float]:
    source = nbformat.read(path, as_version=4)
    try:
        student = student_version(source)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    _write_notebook(building / path.stem / path.name, student)
    for identity in students if PARAMETER in read_parameters(path) else []:
        own = nbformat.from_dict(student)
        for cell in filter(is_parameters, own.cells):
            cell.source = STUDENT_LINE.sub(f"{PARAMETER} = {json.dumps(identity, ensure_ascii=False)}", cell.source)
        _write_notebook(building / "students" / identity / path.stem / path.name, own)
    exercises = find_exercises(student)
    return path.stem, len(exercises), sum(exercise.points for exercise in exercises)


def _write_notebook(path: Path, notebook: NotebookNode) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def _write_project(building: Path, paths: list[Path]) -> None:
    """The library that notebooks import, what installs it, the models and features that the chapters name."""
    project = Path(imagecourse.__file__).parents[2]
    library, copy = project / "lib" / "imagecourse", building / "lib" / "imagecourse"
    for room in STUDENT_ROOMS:
        shutil.copytree(library / room, copy / room, ignore=LEFT_OUT)
    (copy / "commands").mkdir()
    for name in [*STUDENT_MODULES, *(f"commands/{name}" for name in STUDENT_COMMANDS)]:
        shutil.copyfile(library / f"{name}.py", copy / f"{name}.py")
    for name in PROJECT_FILES:
        shutil.copyfile(project / name, building / name)
    requirements = (project / "requirements.txt").read_text(encoding="utf-8")
    (building / "requirements.txt").write_text(_for_students(requirements), encoding="utf-8")
    values = [value for path in paths for value in read_parameters(path).values()]
    named = {name for value in values for name in (value if isinstance(value, list) else [value])}
    for model in sorted((project / "models").glob("*/card.json")):
        if model.parent.name in named:
            shutil.copytree(model.parent, building / "models" / model.parent.name, ignore=LEFT_OUT)
    for features in sorted((project / "data" / "features").glob("*.npz")):
        if features.stem in named:
            (building / "data" / "features").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(features, building / "data" / "features" / features.name)


def _for_students(requirements: str) -> str:
    """The course's requirements without what students do not run: checks, the demo, teaching."""
    sections = re.split(r"\n(?=# )", requirements)
    kept = [section.strip("\n") for section in sections if not section.startswith(("# Checks", "# Demo", "# Teaching"))]
    return "\n\n".join(kept).removesuffix("\n-e .") + "\n\n-e .\n"


def _write_readme(building: Path, entries: list[tuple[str, int, float]]) -> None:
    rows = "\n".join(f"| [{name}]({name}/{name}.ipynb) | {count} | {points:g} |" for name, count, points in entries)
    name = entries[0][0]
    text = README.format(title="Image classification: exercises", rows=rows, example=f"{name}/{name}.ipynb")
    (building / "README.md").write_text(text, encoding="utf-8")
