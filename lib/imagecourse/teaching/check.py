"""How far a student is: the visible tests of one notebook, run from its top."""

import tempfile
from pathlib import Path

import nbformat

from imagecourse.teaching.execution import Session
from imagecourse.teaching.exercises import Exercise, find_exercises, is_injected, read_notebook
from imagecourse.teaching.sandbox import Limits
from imagecourse.teaching.submission import Outcome, run_cells


def check_notebook(path: Path, seconds: float) -> list[tuple[Exercise, Outcome | None]]:
    """Run a notebook in its own folder and judge its exercises by the tests it has; None for those marked by hand.

    seconds: longest time of one cell. The file itself is only read.
    Raises: FileNotFoundError; ValueError for a file that is no notebook or has no exercises; KernelStoppedError where
    the kernel does not start.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such notebook")
    try:
        notebook = read_notebook(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    notebook = nbformat.from_dict(notebook)
    notebook.cells = [cell for cell in notebook.cells if not is_injected(cell)]
    exercises = find_exercises(notebook)
    if not exercises:
        raise ValueError(f"{path}: no exercises in this notebook; give one from a release")
    limits = Limits(seconds=seconds, memory=2**60, disk=2**60, processes=10**6)
    with (
        tempfile.TemporaryDirectory(prefix="check") as folder,
        Session(Path(folder), limits, confined=False, work=path.resolve().parent) as session,
    ):
        outcomes, _ = run_cells(notebook, {}, session)
    return [(exercise, outcomes.get(exercise.name)) for exercise in exercises]
