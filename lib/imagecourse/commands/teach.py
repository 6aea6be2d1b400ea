"""`imagecourse teach`: hand out, check, grade, give back, look at the class."""

import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent

from imagecourse.commands import add_command

SIZES = {"M": 2**20, "G": 2**30}


def add(commands) -> None:
    """Declare the command."""
    about = "Teach with the course: releases for students, grading, feedback, marks."
    teach = add_command(commands, "teach", about, "imagecourse teach release week1 --chapters 01", None)
    actions = teach.add_subparsers(required=True, metavar="ACTION")
    if find_spec("imagecourse.teaching"):  # students have none of it
        _add_release(actions)
        _add_grade(actions)
        _add_after_grading(actions)
    _add_check(actions)


def _add_release(actions) -> None:
    about = "Write what students get: notebooks without solutions and hidden tests, library, README, requirements."
    release = add_command(actions, "release", about, "imagecourse teach release week1 --chapters 01 02", _release)
    release.add_argument("folder", type=Path, metavar="DIR", help="a new folder")
    _add_chapters(release)


def _add_grade(actions) -> None:
    example = "imagecourse teach grade --submitted inbox --output graded --jobs 4 --due 01 2026-03-01T23:59"
    grade = add_command(actions, "grade", "Grade what lies in DIR/STUDENT/CHAPTER/CHAPTER.ipynb.", example, _grade)
    grade.description += (
        "\nRun it again to go on after an interruption, or when more was handed in: what is graded stays graded."
    )
    grade.add_argument("--submitted", type=Path, required=True, metavar="DIR", help="one folder per student; only read")
    grade.add_argument("--output", type=Path, required=True, metavar="DIR", help="gradebook and graded notebooks")
    grade.add_argument("--jobs", type=int, default=1, metavar="N", help="submissions side by side (default: 1)")
    grade.add_argument("--timeout", type=float, default=300, metavar="S", help="seconds for a cell (default: 300)")
    grade.add_argument("--memory", type=_size, default="4G", metavar="SIZE", help="for a submission (default: 4G)")
    grade.add_argument("--disk", type=_size, default="1G", metavar="SIZE", help="for a submission (default: 1G)")
    grade.add_argument("--students", type=Path, metavar="FILE", help="names of the class, one a line")
    due = {"nargs": 2, "action": "append", "default": [], "metavar": ("CHAPTER", "TIME")}
    grade.add_argument("--due", **due, help="when a chapter had to be in: 2026-03-01T23:59; may be repeated")
    parameter = {"dest": "parameters", "nargs": 2, "action": "append", "default": [], "metavar": ("KEY", "VALUE")}
    grade.add_argument("-p", **parameter, help="a parameter of the notebooks, such as epochs 1; may be repeated")
    grade.add_argument("--no-sandbox", action="store_true", help="run student code with all your rights")
    _add_chapters(grade)


def _add_after_grading(actions) -> None:
    about = "Write a page for each student and chapter: points, what failed in words, comments."
    feedback = add_command(actions, "feedback", about, "imagecourse teach feedback --graded graded", _feedback)
    about = "Write marks.csv, marks.xlsx and a page of class statistics."
    export = add_command(actions, "export", about, "imagecourse teach export --graded graded", _export)
    for command, name in ((feedback, "feedback"), (export, "export")):
        command.add_argument("--graded", type=Path, required=True, metavar="DIR", help="the output of teach grade")
        command.add_argument("--output", type=Path, metavar="DIR", help=f"where it goes (default: DIR/{name})")
    about = "Name submissions that look alike: a hint to look, not a verdict."
    example = "imagecourse teach similarity --submitted inbox --output alike"
    similarity = add_command(actions, "similarity", about, example, _similarity)
    similarity.add_argument("--submitted", type=Path, required=True, metavar="DIR", help="as for teach grade")
    similarity.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the report goes")
    similarity.add_argument("--threshold", type=float, default=0.5, metavar="P", help="0 to 1 (default: 0.5)")
    similarity.add_argument("--notebooks", type=Path, metavar="DIR", help="the teacher's (default: the course's)")


def _add_check(actions) -> None:
    about = "Run the visible tests of your notebook and say which pass."
    example = "imagecourse teach check 01_preprocessing/01_preprocessing.ipynb"
    check = add_command(actions, "check", about, example, _check)
    check.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="only read; it runs from the top")
    check.add_argument("--timeout", type=float, default=600, metavar="S", help="seconds for a cell (default: 600)")


def _add_chapters(command) -> None:
    command.add_argument("--chapters", nargs="+", default=[], metavar="NAME", help="01_preprocessing, 1 or 01")
    command.add_argument("--notebooks", type=Path, metavar="DIR", help="the teacher's (default: the course's)")


@contextmanager
def _wanting_nbgrader() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is missing; for teaching: pip install 'imagecourse[teaching]'") from error


def _size(text: str) -> int:
    try:
        return int(float(text[:-1]) * SIZES[text[-1].upper()])
    except (ValueError, LookupError, OverflowError) as error:
        raise ArgumentTypeError(f"{text!r} is no size; give a number and M or G, such as 500M or 4G") from error


def _release(options) -> int:
    with _wanting_nbgrader():
        from imagecourse.teaching.release import write_release

        for path in write_release(options.folder, options.chapters, options.notebooks):
            print(path)
    return 0


def _grade(options) -> int:
    from imagecourse.reports.chapters import find_notebooks
    from imagecourse.reports.parameters import parse_value

    with _wanting_nbgrader():
        from imagecourse.teaching.grade import grade_submissions
        from imagecourse.teaching.sandbox import Limits

        due = {find_notebooks([chapter], options.notebooks)[0].stem: _time(when) for chapter, when in options.due}
        summary = grade_submissions(
            options.submitted,
            options.output,
            jobs=options.jobs,
            limits=Limits(seconds=options.timeout, memory=options.memory, disk=options.disk),
            confined=not options.no_sandbox,
            chapters=options.chapters,
            notebooks=options.notebooks,
            students=options.students.read_text(encoding="utf-8").splitlines() if options.students else (),
            due=due,
            parameters={name: parse_value(value) for name, value in options.parameters},
        )
    for failure in summary.failures:
        print(failure, file=sys.stderr)
    print(f"{summary.graded} graded, {summary.graded_before} graded before, {summary.missing} missing")
    return 1 if summary.failures else 0


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise ValueError(f"--due {text}: give a time as 2026-03-01T23:59") from error


def _feedback(options) -> int:
    with _wanting_nbgrader():
        from imagecourse.teaching.feedback import write_feedback

        pages = write_feedback(options.graded, options.output)
    print(f"{len(pages)} pages in {pages[0].parents[1]}" if pages else "nothing was handed in")
    return 0


def _export(options) -> int:
    with _wanting_nbgrader():
        from imagecourse.teaching.export import write_export

        for path in write_export(options.graded, options.output):
            print(path)
    return 0


def _similarity(options) -> int:
    with _wanting_nbgrader():
        from imagecourse.teaching.similarity import write_similarity

        pairs, paths = write_similarity(options.submitted, options.output, options.threshold, options.notebooks)
    print(f"{len(pairs)} pairs look alike: {paths[1]}")
    return 0


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
