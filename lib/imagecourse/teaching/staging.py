"""A submitted notebook made ready to grade: the student's cells in the order they have, everything else restored."""

import ast
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from imagecourse.exercises.cells import (
    defined_names,
    grade_id,
    grading,
    is_by_hand,
    is_injected,
    is_parameters,
    is_solution,
    is_test,
)
from imagecourse.teaching.judging.running import EXTRA

FOLDERS = {"output_dir": "output", "figures_dir": "figures"}  # parameters; below the folder that grading runs in
SHORT_ID = 12  # characters of a cell id that Colab keeps


@dataclass(frozen=True)
class Staged:
    """`notebook`: what is run, with the release's visible tests; `remarks`: what had to be mended."""

    notebook: NotebookNode
    remarks: list[str]


def stage(
    submitted: NotebookNode, release: NotebookNode, parameters: dict, earlier: dict[str, list[str]] | None = None
) -> Staged:
    """Put a submission and the release together.

    Tests, locked cells and parameters come from the release, solutions and all further cells from the student;
    cells that are gone come back where they were. parameters: values for the notebook's parameters. earlier: tests as
    earlier releases had them, by grade id.
    """
    remarks = []
    kernel = submitted.metadata.get("kernelspec", {}).get("name", "python3")
    if kernel != release.metadata.get("kernelspec", {}).get("name", "python3"):
        remarks.append(f"its kernel was {kernel[:80]}")
    cells = [cell for cell in submitted.cells if not is_injected(cell)]
    pairs = _match(cells, release.cells, remarks)
    merged = [_merge(cell, release.cells[pairs[index]] if index in pairs else None, remarks, earlier or {})
              for index, cell in enumerate(cells)]  # fmt: skip
    staged = nbformat.v4.new_notebook(metadata=release.metadata)
    staged.cells = _insert_missing(merged, [pairs.get(index) for index in range(len(cells))], release.cells, remarks)
    for number, cell in enumerate(staged.cells):
        cell["id"] = cell.metadata.pop("release_id", None) or f"{EXTRA}{number}"
        if is_parameters(cell):
            cell.source = with_values(cell.source, FOLDERS | parameters)
    return Staged(staged, remarks)


def _match(cells: list, released: list, remarks: list[str]) -> dict[int, int]:
    """Which cell of the release each submitted cell is: by grade id, cell id, the function it defines, its text, or
    its place between others."""
    pairs: dict[int, int] = {}
    for agree in (_same_grade_id, _same_cell_id, _same_function, _same_text, _same_short_id):
        for target, original in enumerate(released):
            if target in pairs.values():
                continue
            found = [index for index, cell in enumerate(cells) if index not in pairs and agree(cell, original)]
            changed = [index for index in found if cells[index].source.strip() != original.source.strip()]
            if found:
                pairs[(changed or found)[0]] = target
                if agree is _same_function:
                    remarks.append(f"{grade_id(original)}: found by its function's name")
    _match_places(pairs, cells, released, remarks)
    return pairs


def _match_places(pairs: dict[int, int], cells: list, released: list, remarks: list[str]) -> None:
    """Find solutions that have lost everything but their place: after the cell before them, before the next."""
    for target, original in enumerate(released):
        if not is_solution(original) or target in pairs.values():
            continue
        places = {found: index for index, found in pairs.items()}
        start = max((places[before] + 1 for before in range(target) if before in places), default=0)
        end = min((places[after] for after in range(target + 1, len(released)) if after in places), default=len(cells))
        found = [index for index in range(start, end)
                 if index not in pairs and cells[index].cell_type == original.cell_type]  # fmt: skip
        if found:
            pairs[found[0]] = target
            remarks.append(f"{grade_id(original)}: found by its place")


def _same_grade_id(cell, original) -> bool:
    return bool(grade_id(original)) and grade_id(cell) == grade_id(original)


def _same_cell_id(cell, original) -> bool:
    return cell.id == original.id


def _same_short_id(cell, original) -> bool:
    return len(cell.id) == SHORT_ID and original.id.startswith(cell.id)


def _same_function(cell, original) -> bool:
    is_code = cell.cell_type == original.cell_type == "code"
    return is_code and is_solution(original) and bool(defined_names(cell.source) & defined_names(original.source))


def _same_text(cell, original) -> bool:
    return cell.cell_type == original.cell_type and cell.source.strip() == original.source.strip()


def _merge(cell: NotebookNode, original: NotebookNode | None, remarks: list[str], earlier: dict) -> NotebookNode:
    """A cell to run: of the release where students have nothing to change, otherwise with the student's source."""
    if original is None:
        extra = nbformat.from_dict(cell)
        extra.metadata = nbformat.from_dict({})
        return extra
    merged = _from_release(original)
    if is_test(original) or is_parameters(original) or (grade_id(original) and not is_solution(original)):
        if is_test(original) and not _as_given(cell, original, earlier):
            remarks.append(f"{grade_id(original)}: the tests had been edited")
    elif cell.source.strip() or not is_by_hand(original):
        same = cell.source.strip() == original.source.strip()
        merged.source = original.source if same else cell.source
    return merged


def _as_given(cell: NotebookNode, original: NotebookNode, earlier: dict[str, list[str]]) -> bool:
    """Whether a test is as the student got it: in this release, an earlier one, or by the checksum of its own."""
    from nbgrader.utils import compute_checksum

    known = [original.source, *earlier.get(grade_id(original), [])]
    if cell.source.strip() in [source.strip() for source in known]:
        return True
    try:
        return bool(grading(cell).get("checksum")) and compute_checksum(cell) == grading(cell)["checksum"]
    except (KeyError, ValueError, TypeError):
        return False


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


def with_values(source: str, parameters: dict) -> str:
    """A parameters cell with other values."""
    assigned = {ast.unparse(node.targets[0]) for node in ast.parse(source).body if isinstance(node, ast.Assign)}
    values = {name: value for name, value in parameters.items() if name in assigned}
    return "\n".join([source, *(f"{name} = {value!r}" for name, value in values.items())])
