"""`imagecourse teach`: hand out, check, grade, mark, give back, look at the class. Students have `check` alone."""

from importlib.util import find_spec
from pathlib import Path
from textwrap import indent

from imagecourse.commands import add_command
from imagecourse.values import seconds


def add(commands) -> None:
    """Declare the command."""
    about = "Teach with the course: releases for students, grading, marking, feedback, marks."
    teach = add_command(commands, "teach", about, "imagecourse teach demo try", None)
    actions = teach.add_subparsers(required=True, metavar="ACTION")
    if find_spec("imagecourse.teaching"):
        from imagecourse.commands import teach_class

        teach_class.add(actions)
    _add_check(actions)


def _add_check(actions) -> None:
    about = "Run the visible tests of your notebook and say which pass."
    example = "imagecourse teach check 01_preprocessing/01_preprocessing.ipynb"
    check = add_command(actions, "check", about, example, _check)
    check.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="only read; it runs from the top")
    check.add_argument("--timeout", type=seconds, default=600, metavar="S", help="seconds for a cell (default: 600)")


def _check(options) -> int:
    from imagecourse.exercises.check import check_notebook
    from imagecourse.exercises.outcomes import PASSED

    results = check_notebook(options.notebook, options.timeout)
    for exercise, outcome in results:
        status = outcome.status if outcome else "marked by hand"
        print(f"{status:15} {exercise.title} ({exercise.points:g} points)")
        if outcome and outcome.message:
            print(indent(outcome.message, 16 * " "))
    return 0 if all(outcome is None or outcome.status == PASSED for _, outcome in results) else 1
