"""How far a student is: the visible tests of one notebook, run from its top."""

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from imagecourse.exercises.cells import Exercise, find_exercises, grade_id, is_injected, is_test, read_notebook
from imagecourse.exercises.kernels import ThisPython
from imagecourse.exercises.outcomes import FAILED, NOT_RUN, TIMED_OUT, Outcome, in_words, syntax_error
from imagecourse.exercises.points import split_points, sum_up

ENVIRONMENT = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}


def check_notebook(path: Path, seconds: float) -> list[tuple[Exercise, Outcome | None]]:
    """Run a notebook in its own folder and judge its exercises by the tests it has; None for those marked by hand.

    seconds: longest time of one cell. The file itself is only read.
    Raises: FileNotFoundError; ValueError for a file that is no notebook or has no exercises.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such notebook")
    try:
        notebook = read_notebook(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    exercises = find_exercises(notebook)
    if not exercises:
        raise ValueError(f"{path}: no exercises in this notebook; give one from a release")
    solutions = {grade_id(cell): cell.source for cell in notebook.cells}
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and not is_injected(cell)]
    last = max((number for number, cell in enumerate(cells) if is_test(cell)), default=-1)
    notebook.cells = [part for cell in cells[: last + 1] for part in _in_groups(cell)]
    stopped = _run(notebook, path.resolve().parent, seconds)
    return [(exercise, None if exercise.by_hand else _outcome(exercise, notebook, solutions, stopped))
            for exercise in exercises]  # fmt: skip


def _in_groups(cell: NotebookNode) -> list[NotebookNode]:
    """A test as one cell for each group of its points; any other cell as it is."""
    if not is_test(cell):
        return [cell]
    groups = split_points(cell.source)
    metadata = [{"nbgrader": dict(cell.metadata.nbgrader), "group": number} for number in range(len(groups))]
    return [nbformat.v4.new_code_cell(group.source, metadata=kept, id=f"{cell.id[:50]}-{number}")
            for number, (group, kept) in enumerate(zip(groups, metadata, strict=True))]  # fmt: skip


def _run(notebook: NotebookNode, folder: Path, seconds: float) -> Outcome | None:
    """Run all cells, whatever fails in them; outputs stay there. Gives why the rest did not run, None where it did."""
    options = {"timeout": seconds, "interrupt_on_timeout": True, "allow_errors": True}
    options |= {"kernel_manager_class": ThisPython, "resources": {"metadata": {"path": str(folder)}}}
    client = NotebookClient(notebook, **options)
    try:
        client.execute(env=os.environ | ENVIRONMENT)
    except DeadKernelError:
        return Outcome(NOT_RUN, "The run was stopped: the code ended its own kernel.")
    except CellTimeoutError:
        return Outcome(
            TIMED_OUT, f"The run was stopped: a cell ran longer than {seconds:g} s and ignored the interrupt."
        )
    return None


def _outcome(exercise: Exercise, notebook: NotebookNode, solutions: dict, stopped: Outcome | None) -> Outcome:
    if wrong := syntax_error(solutions.get(exercise.solution, "")):
        return Outcome(FAILED, wrong)
    cells = [cell for cell in notebook.cells if grade_id(cell) == exercise.name]
    groups = split_points("\n".join(cell.source for cell in cells))
    if stopped and any(cell.execution_count is None for cell in cells):
        return stopped
    failed = {group.title: error for cell, group in zip(cells, groups, strict=True) if (error := _error(cell))}
    return sum_up(exercise.points, groups, failed)


def _error(cell: NotebookNode) -> str:
    errors = [output for output in cell.outputs if output.output_type == "error"]
    return in_words(f"{errors[0].ename}: {errors[0].evalue}".strip(": ")) if errors else ""
