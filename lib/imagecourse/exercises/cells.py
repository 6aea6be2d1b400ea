"""What the cells of a notebook are for: solutions, tests, answers marked by hand; and notebooks that anyone wrote."""

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

LARGEST_NOTEBOOK = 100 * 2**20  # bytes; pictures pasted into answers make notebooks large
HEADING = re.compile(r"^#+\s*(Exercise\b.*)$", re.MULTILINE)
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
    """A notebook of which nothing is known, as version 4 with clean cells: sources, tags, grading; no outputs.

    Raises: ValueError in one line, whatever is wrong with the file.
    """
    if path.is_symlink():
        raise ValueError("a link instead of a notebook")
    if path.stat().st_size > LARGEST_NOTEBOOK:
        raise ValueError(f"larger than {LARGEST_NOTEBOOK // 2**20} MB")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"invalid JSON: {str(error).splitlines()[0]}") from error
    try:
        notebook = nbformat.convert(nbformat.from_dict(content), 4)
        kernel = str(notebook.metadata.get("kernelspec", {}).get("name", "python3"))
        metadata = {"kernelspec": {"name": kernel, "display_name": kernel}}
        cells = [_clean(cell) for cell in notebook.cells]
    except Exception as error:  # nbformat meets a broken structure with whatever its code runs into
        raise ValueError(f"not a notebook: {type(error).__name__} {str(error)[:80]}".strip()) from error
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def _clean(cell: NotebookNode) -> NotebookNode:
    source = "".join(cell["source"]).replace("\r\n", "\n")
    metadata = {"tags": [str(tag) for tag in cell.get("metadata", {}).get("tags", [])]}
    found = cell.get("metadata", {}).get("nbgrader")
    if isinstance(found, dict):
        metadata["nbgrader"] = found
    new = CELL_MAKERS[cell["cell_type"]](source, metadata=metadata)
    new["id"] = str(cell.get("id", ""))
    return new


def defined_names(source: str) -> set[str]:
    """Functions and classes that code defines at its outermost level; empty for code with a syntax error."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
