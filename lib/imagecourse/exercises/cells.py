"""What the cells of a notebook are for: solutions, tests, answers marked by hand; and notebooks that anyone wrote."""

import ast
import json
import os
import re
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

LARGEST_NOTEBOOK = 100 * 2**20  # bytes; pictures pasted into answers make notebooks large
HEADING = re.compile(r"^#+\s*(Exercise\b.*)$", re.MULTILINE)
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
GRADING = ("grade", "solution", "locked", "task", "points", "grade_id", "checksum", "cell_type", "schema_version")
CELL_MAKERS = {
    "code": nbformat.v4.new_code_cell,
    "markdown": nbformat.v4.new_markdown_cell,
    "raw": nbformat.v4.new_raw_cell,
}


@dataclass(frozen=True)
class Exercise:
    """Something that gets points: `name` is the grade id of its tests, or of its answer where `by_hand`."""

    name: str
    title: str
    points: float
    by_hand: bool
    solution: str  # grade id of the cell the student fills in


def grading(cell: NotebookNode) -> dict:
    """The grading metadata of a cell; empty where it has none."""
    found = cell.metadata.get("nbgrader", {})
    return found if isinstance(found, dict) else {}


def grade_id(cell: NotebookNode) -> str:
    """The name under which a cell is graded; empty where it is not."""
    return str(grading(cell).get("grade_id", ""))


def is_solution(cell: NotebookNode) -> bool:
    """Whether the student fills in this cell: code, or an answer in words."""
    return bool(grading(cell).get("solution"))


def is_test(cell: NotebookNode) -> bool:
    """Whether this cell tests a solution and gives its points."""
    return bool(grading(cell).get("grade")) and not is_solution(cell)


def is_by_hand(cell: NotebookNode) -> bool:
    """Whether this cell is an answer that a person marks."""
    return bool(grading(cell).get("grade")) and is_solution(cell)


def is_injected(cell: NotebookNode) -> bool:
    """Whether papermill put this cell after the parameters."""
    return "injected-parameters" in cell.metadata.get("tags", [])


def is_parameters(cell: NotebookNode) -> bool:
    """Whether this cell holds the parameters of the notebook."""
    return "parameters" in cell.metadata.get("tags", [])


def find_exercises(notebook: NotebookNode) -> list[Exercise]:
    """The exercises of a notebook in their order, each named by the heading before it."""
    exercises, title, solution = [], "", ""
    for cell in notebook.cells:
        heading = HEADING.findall(cell.source) if cell.cell_type == "markdown" and not is_solution(cell) else []
        title = re.sub(r"\s*\([^)]*point[^)]*\)", "", heading[-1]).strip() if heading else title
        solution = grade_id(cell) if is_solution(cell) else solution
        if is_test(cell) or is_by_hand(cell):
            name = grade_id(cell)
            points = float(grading(cell).get("points", 0))
            exercises.append(Exercise(name, title or name, points, is_by_hand(cell), solution))
    return exercises


def read_notebook(path: Path) -> NotebookNode:
    """A notebook of which nothing is known, as version 4 with clean cells: sources, tags, grading, ids; no outputs.

    Cells without an id of their own get a fresh one. Raises: ValueError in one line, whatever is wrong with the file.
    """
    try:
        content = json.loads(_read_file(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"invalid JSON: {str(error).splitlines()[0]}") from error
    try:
        found = _as_version_4(content)
        kernel = _text(found["metadata"].get("kernelspec", {}).get("name", "python3"))
        ids = Counter(map(_given_id, found["cells"]))
        cells = [_clean(cell, number, ids) for number, cell in enumerate(found["cells"])]
        metadata = {"kernelspec": {"name": kernel, "display_name": kernel}}
        return nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    except Exception as error:  # a broken structure is met with whatever the code runs into
        raise ValueError(f"not a notebook: {type(error).__name__} {_text(str(error))[:80]}".strip()) from error


def _read_file(path: Path) -> bytes:
    """The content of a regular file: nothing else is opened, so that nothing waits."""
    if path.is_symlink():
        raise ValueError("a link instead of a notebook")
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ValueError("no regular file")
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:
            content = file.read(LARGEST_NOTEBOOK + 1)
    except OSError as error:
        raise ValueError(f"cannot be opened: {error.strerror}") from error
    if len(content) > LARGEST_NOTEBOOK:
        raise ValueError(f"larger than {LARGEST_NOTEBOOK // 2**20} MB")
    return content


def _as_version_4(content: dict) -> dict:
    if content.get("nbformat", 4) >= 4:
        return content
    return nbformat.convert(nbformat.from_dict(content), 4)


def _clean(cell: dict, number: int, ids: Counter) -> NotebookNode:
    source = _text("".join(cell["source"])).replace("\r\n", "\n")
    given = cell.get("metadata", {})
    metadata = {"tags": [_text(tag) for tag in given.get("tags", [])]}
    found = given.get("nbgrader")
    if isinstance(found, dict):
        metadata["nbgrader"] = {name: _text(value) if isinstance(value, str) else value
                                for name, value in found.items()
                                if name in GRADING and isinstance(value, str | bool | int | float)}  # fmt: skip
    name = _given_id(cell)
    return CELL_MAKERS[cell["cell_type"]](
        source, metadata=metadata, id=name if name and ids[name] == 1 else f"unnamed-{number}"
    )


def _given_id(cell: dict) -> str:
    """The id of a cell, where it has a lawful one; Colab keeps it in the metadata."""
    given = cell.get("id") or cell.get("metadata", {}).get("id")
    return given if isinstance(given, str) and CELL_ID.fullmatch(given) else ""


def _text(value: object) -> str:
    """Text that can be written: no lone surrogates."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def defined_names(source: str) -> set[str]:
    """Functions and classes that code defines at its outermost level; empty for code with a syntax error."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
