"""nbgrader's gradebook of a class: outcomes go in, marks and comments that people gave come out.

The folder of a graded class is a course of nbgrader, so `nbgrader formgrader` opens it for marking by hand.
"""

import json
import os
import shutil
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from imagecourse.exercises.cells import Exercise, find_exercises, grade_id, is_test
from imagecourse.exercises.outcomes import ANSWERED, NOT_RUN, PASSED, TIMED_OUT
from imagecourse.files import atomic_path
from imagecourse.teaching.release import student_version
from imagecourse.teaching.submission import Task, read_record

GRADED, ZERO, AWAITING = "graded", "zero", "awaiting hand marking"
FAILED_TO_RUN, TIMED_OUT_STATE, MISSING = "failed to run", "timed out", "missing"
STATES = (GRADED, ZERO, AWAITING, FAILED_TO_RUN, TIMED_OUT_STATE, MISSING)
CONFIGURATION = 'c = get_config()\nc.CourseDirectory.course_id = ""\n'


@dataclass(frozen=True)
class Mark:
    """What one student has for one exercise; `points` is None while a person has yet to mark it.

    message: what went wrong, for the student. comment: what a person wrote. remarks: for the teacher alone.
    """

    student: str
    chapter: str
    exercise: Exercise
    points: float | None
    state: str
    late: bool
    message: str
    comment: str
    remarks: str


def record(
    output: Path, chapters: list[Path], students: Iterable[str], tasks: list[Task], due: Mapping[str, datetime]
) -> None:
    """Enter graded submissions that the gradebook does not know yet; marks given by hand stay, to be looked at again.

    Raises: ValueError where exercises of a chapter have come or gone since others were graded.
    """
    from nbgrader.api import Gradebook
    from nbgrader.preprocessors import SaveAutoGrades

    warnings.filterwarnings("ignore", "Object of type", module="nbgrader")  # its own, with SQLAlchemy 2
    path = output / "gradebook.db"
    known = _read_json(output / "recorded.json") if path.is_file() else {}
    with atomic_path(path) as temporary, _without_waiting_for_the_disk(), _programs_of_this_python():
        if path.is_file():
            shutil.copyfile(path, temporary)
        with Gradebook(_address(temporary)) as book:
            for name in students:
                book.update_or_create_student(name)
            for chapter in chapters:
                _declare(book, temporary, output, chapter, due.get(chapter.stem))
            for task in tasks:
                outcome = read_record(task)
                if known.get(f"{task.student}/{task.chapter.stem}") != outcome["fingerprint"]:
                    when = datetime.fromisoformat(outcome["submitted"]).astimezone(UTC).replace(tzinfo=None)
                    book.update_or_create_submission(task.chapter.stem, task.student, timestamp=when)
                    resources = _resources(temporary, task.chapter.stem) | {"student": task.student}
                    SaveAutoGrades().preprocess(nbformat.read(task.notebook, as_version=4), {"nbgrader": resources})
                    known[f"{task.student}/{task.chapter.stem}"] = outcome["fingerprint"]
    _write_json(known, output / "recorded.json")
    everyone = sorted({*_read_json(output / "class.json").get("students", []), *students})
    _write_json({"students": everyone}, output / "class.json")


@contextmanager
def _without_waiting_for_the_disk() -> Iterator[None]:
    """Let SQLite commit without waiting for the disk each time: the file is a copy, put in place at the end."""
    from sqlalchemy import Engine, event

    def set_pragma(connection, _) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", set_pragma)
    try:
        yield
    finally:
        event.remove(Engine, "connect", set_pragma)


@contextmanager
def _programs_of_this_python() -> Iterator[None]:
    """Let nbgrader find alembic, which it calls by name, where no environment is activated."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _address(path: Path) -> str:
    return f"sqlite:///{path}"


def _resources(path: Path, chapter: str) -> dict:
    return {"notebook": chapter, "assignment": chapter, "db_url": _address(path)}


def _declare(book, book_path: Path, output: Path, path: Path, due: datetime | None) -> None:
    """Tell the gradebook of a chapter, and put its source where nbgrader looks for it."""
    from nbgrader.preprocessors import ComputeChecksums, SaveCells

    options = {"duedate": due.astimezone(UTC).replace(tzinfo=None)} if due else {}
    book.update_or_create_assignment(path.stem, **options)
    source = nbformat.read(path, as_version=4)
    cells = _with_all_tests(student_version(source), source)
    cells, _ = ComputeChecksums().preprocess(cells, {})
    try:
        SaveCells().preprocess(cells, {"nbgrader": _resources(book_path, path.stem)})
    except RuntimeError as error:
        raise ValueError(f"{path}: its exercises changed since some were graded; use another --output") from error
    with atomic_path(output / "source" / path.stem / path.name) as temporary:
        nbformat.write(source, temporary)
    with atomic_path(output / "nbgrader_config.py") as temporary:
        temporary.write_text(CONFIGURATION, encoding="utf-8")


def _with_all_tests(student: NotebookNode, source: NotebookNode) -> NotebookNode:
    tests = {grade_id(cell): cell.source for cell in source.cells if is_test(cell)}
    for cell in student.cells:
        cell.source = tests.get(grade_id(cell), cell.source)
    return student


def read_marks(output: Path) -> list[Mark]:
    """A mark for every student and exercise of the chapters graded so far, by chapter, student and exercise.

    Raises: FileNotFoundError where nothing has been graded.
    """
    output = Path(output).resolve()
    if not (output / "gradebook.db").is_file():
        raise FileNotFoundError(f"{output}: no gradebook here; run imagecourse teach grade first")
    from nbgrader.api import Gradebook

    students = _read_json(output / "class.json")["students"]
    marks = []
    with Gradebook(_address(output / "gradebook.db")) as book:
        for path in sorted((output / "source").glob("*/*.ipynb")):
            exercises = find_exercises(nbformat.read(path, as_version=4))
            submissions = {submission.student.id: submission for submission in book.assignment_submissions(path.stem)}
            for student in students:
                marks += _marks_of(output, student, path.stem, exercises, submissions.get(student))
    return marks


def _marks_of(output: Path, student: str, chapter: str, exercises: list[Exercise], submission) -> list[Mark]:
    if submission is None:
        return [
            Mark(student, chapter, exercise, 0.0, MISSING, False, "Not handed in.", "", "") for exercise in exercises
        ]
    kept = _read_json(output / "results" / student / f"{chapter}.json")
    late = submission.duedate is not None and submission.total_seconds_late > 0
    grades = {grade.name: grade for notebook in submission.notebooks for grade in notebook.grades}
    comments = {comment.name: comment.manual_comment or "" for notebook in submission.notebooks
                for comment in notebook.comments}  # fmt: skip
    remarks = "; ".join([*filter(None, [kept["stopped"]]), *kept["remarks"]])
    marks = []
    for exercise in exercises:
        grade, outcome = grades[exercise.name], kept["outcomes"][exercise.name]
        state = _state(outcome["status"], grade)
        points = None if state == AWAITING else float(grade.score)
        comment = " ".join(dict.fromkeys(filter(None, (comments.get(exercise.solution), comments.get(exercise.name)))))
        marks.append(Mark(student, chapter, exercise, points, state, late, outcome["message"], comment, remarks))
    return marks


def _state(status: str, grade) -> str:
    """A mark that a person gave counts; otherwise how the run went."""
    if grade.manual_score is not None and not grade.needs_manual_grade:
        return GRADED if grade.score > 0 else ZERO
    if status == ANSWERED or grade.manual_score is not None:
        return AWAITING
    return {PASSED: GRADED, NOT_RUN: FAILED_TO_RUN, TIMED_OUT: TIMED_OUT_STATE}.get(status, ZERO)


def _read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _write_json(value: dict, path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
