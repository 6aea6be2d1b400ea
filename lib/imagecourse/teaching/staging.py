"""A submitted notebook made ready to grade: the student's cells in the order they have, everything else restored."""

import ast
import re
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from imagecourse.exercises.cells import (
    defined_names,
    grade_id,
    is_by_hand,
    is_injected,
    is_parameters,
    is_solution,
    is_test,
)

FOLDERS = {"output_dir": "output", "figures_dir": "figures"}  # parameters; below the folder that grading runs in
UNUSUAL = re.compile(
    r"\b(get_ipython|ctypes|subprocess|socket|linecache|settrace|setprofile|_getframe|builtins|signal|importlib)\b"
    r"|\b(sys\.modules|os\.(?:system|kill|fork|_exit|exec\w+)|gc\.get_\w+)|(__(?:code|closure|globals|eq|class)__)"
    r"|\b((?:np|numpy)\.testing\.\w+ *=(?!=))"
)


@dataclass(frozen=True)
class Staged:
    """`notebook`: what is run, with the release's visible tests; `remarks`: what had to be mended or looks unusual."""

    notebook: NotebookNode
    remarks: list[str]


def stage(submitted: NotebookNode, release: NotebookNode, parameters: dict) -> Staged:
    """Put a submission and the release together.

    Tests, locked cells and parameters come from the release, solutions and all further cells from the student;
    cells that are gone come back where they were. parameters: values for the notebook's parameters.
    """
    remarks = []
    kernel = submitted.metadata.get("kernelspec", {}).get("name", "python3")
    if kernel != release.metadata.get("kernelspec", {}).get("name", "python3"):
        remarks.append(f"its kernel was {kernel}")
    cells = [cell for cell in submitted.cells if not is_injected(cell)]
    pairs = _match(cells, release.cells, remarks)
    merged = [_merge(cell, release.cells[pairs[index]] if index in pairs else None, remarks)
              for index, cell in enumerate(cells)]  # fmt: skip
    staged = nbformat.v4.new_notebook(metadata=release.metadata)
    staged.cells = _insert_missing(merged, [pairs.get(index) for index in range(len(cells))], release.cells, remarks)
    for number, cell in enumerate(staged.cells):
        cell["id"] = cell.metadata.pop("release_id", None) or f"extra-{number}"
        if is_parameters(cell):
            cell.source = _with_values(cell.source, parameters)
    return Staged(staged, remarks + _unusual(staged, release))


def _match(cells: list, released: list, remarks: list[str]) -> dict[int, int]:
    """Which cell of the release each submitted cell is: by grade id, cell id, the function it defines, or its text."""
    pairs: dict[int, int] = {}
    for agree in (_same_grade_id, _same_cell_id, _same_function, _same_text):
        for target, original in enumerate(released):
            if target in pairs.values():
                continue
            found = [index for index, cell in enumerate(cells) if index not in pairs and agree(cell, original)]
            changed = [index for index in found if cells[index].source.strip() != original.source.strip()]
            if found:
                pairs[(changed or found)[0]] = target
                if agree is _same_function:
                    remarks.append(f"{grade_id(original)}: found by its function's name")
    return pairs


def _same_grade_id(cell, original) -> bool:
    return bool(grade_id(original)) and grade_id(cell) == grade_id(original)


def _same_cell_id(cell, original) -> bool:
    return bool(cell.id) and cell.id == original.id


def _same_function(cell, original) -> bool:
    is_code = cell.cell_type == original.cell_type == "code"
    return is_code and is_solution(original) and bool(defined_names(cell.source) & defined_names(original.source))


def _same_text(cell, original) -> bool:
    return cell.cell_type == original.cell_type and cell.source.strip() == original.source.strip()


def _merge(cell: NotebookNode, original: NotebookNode | None, remarks: list[str]) -> NotebookNode:
    """A cell to run: of the release where students have nothing to change, otherwise with the student's source."""
    if original is None:
        extra = nbformat.from_dict(cell)
        extra.metadata = nbformat.from_dict({})
        return extra
    merged = _from_release(original)
    if is_test(original) or is_parameters(original) or (grade_id(original) and not is_solution(original)):
        if is_test(original) and cell.source.strip() != original.source.strip():
            remarks.append(f"{grade_id(original)}: the tests had been edited")
    elif cell.source.strip() or not is_by_hand(original):
        same = cell.source.strip() == original.source.strip()
        merged.source = original.source if same else cell.source
    return merged


def _from_release(original: NotebookNode) -> NotebookNode:
    cell = nbformat.from_dict(original)
    cell.metadata["release_id"] = original.id
    return cell


def _insert_missing(cells: list, targets: list[int | None], released: list, remarks: list[str]) -> list:
    """Put cells of the release that are gone after the one that came before them."""
    for target, original in enumerate(released):
        if target not in targets:
            place = targets.index(target - 1) + 1 if target else 0
            cells.insert(place, _from_release(original))
            targets.insert(place, target)
            if grade_id(original):
                remarks.append(f"{grade_id(original)}: was missing")
    return cells


def _with_values(source: str, parameters: dict) -> str:
    """A parameters cell with other values; folders lie where grading runs."""
    assigned = {ast.unparse(node.targets[0]) for node in ast.parse(source).body if isinstance(node, ast.Assign)}
    values = {name: value for name, value in (FOLDERS | parameters).items() if name in assigned}
    return "\n".join([source, *(f"{name} = {value!r}" for name, value in values.items())])


def _unusual(staged: NotebookNode, release: NotebookNode) -> list[str]:
    """Names in the student's code that honest solutions rarely need: a hint to look, not a verdict."""
    known = {cell.source for cell in release.cells}
    own = "\n".join(cell.source for cell in staged.cells if cell.cell_type == "code" and cell.source not in known)
    names = {next(filter(None, match)).strip(" =") for match in UNUSUAL.findall(own)}
    return [f"look at: {', '.join(sorted(names))}"] if names else []
