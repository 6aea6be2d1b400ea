"""nbgrader's gradebook of a class: outcomes go in, and marks and comments that people give.

The folder of a graded class is a course of nbgrader, so `nbgrader formgrader` opens it too. Everything is written in
short transactions into the one file, so marks that a person gives meanwhile stay.
"""

import hashlib
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from imagecourse.exercises.cells import Exercise, find_exercises, grade_id, is_test
from imagecourse.exercises.outcomes import ANSWERED
from imagecourse.files import atomic_path, read_json, write_json
from imagecourse.teaching.course import Course, save_course
from imagecourse.teaching.release import student_version
from imagecourse.teaching.submission import Task, attempt_folder, read_record

BOOK, RECORDED, CLASS, POLICIES = "gradebook.db", "recorded.json", "class.json", "course.json"
CONFIGURATION = 'c = get_config()\nc.CourseDirectory.course_id = ""\n'
LOCK_SECONDS = 60  # to wait for somebody else's transaction


def record(output: Path, chapters: list[Path], students: list[str], tasks: list[Task], course: Course) -> None:
    """Enter graded submissions that the gradebook does not know yet.

    A mark given by hand stays as long as the answer is the same; where it is another, it waits for a second look.
    Raises: ValueError where exercises of a chapter have come or gone since others were graded.
    """
    known = read_json(output / RECORDED, {})
    with open_book(output, make=True) as book:
        for identity in students:
            person = course.person(identity)
            first, _, last = person.name.rpartition(" ")
            book.update_or_create_student(identity, first_name=first, last_name=last, email=person.email)
        for chapter in chapters:
            _declare(book, output, chapter, course.due.get(chapter.stem))
        for task in tasks:
            key, received = f"{task.student}/{task.chapter.stem}", task.received.isoformat()
            before = known.get(key, {})
            if (before.get("fingerprint"), before.get("received")) != (task.fingerprint(), received):
                answers = _enter(book, output, task, before.get("answers", {}))
                known[key] = {"fingerprint": task.fingerprint(), "received": received, "answers": answers}
                write_json(output / RECORDED, known, indent=1)
    everyone = sorted({*read_json(output / CLASS, {}).get("students", []), *students})
    write_json(output / CLASS, {"students": everyone}, indent=1)
    save_course(output / POLICIES, course)


@contextmanager
def open_book(output: Path, make: bool = False) -> Iterator:
    """The gradebook of a graded class, as nbgrader.api has it; commit what is to stay.

    Raises: FileNotFoundError where nothing has been graded.
    """
    path = Path(output).resolve() / BOOK
    if not make and not path.is_file():
        raise FileNotFoundError(f"{output}: no gradebook here; run imagecourse teach grade first")
    from nbgrader.api import Gradebook

    warnings.filterwarnings("ignore", "Object of type", module="nbgrader")  # its own, with SQLAlchemy 2
    path.parent.mkdir(parents=True, exist_ok=True)
    with _programs_of_this_python(), Gradebook(_address(path)) as book:
        yield book


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
    return f"sqlite:///{path}?timeout={LOCK_SECONDS}"


def _declare(book, output: Path, path: Path, due: datetime | None) -> None:
    """Tell the gradebook of a chapter, and put its source where nbgrader looks for it."""
    from nbgrader.preprocessors import ComputeChecksums, SaveCells

    book.update_or_create_assignment(path.stem, duedate=due.astimezone(UTC).replace(tzinfo=None) if due else None)
    copy = output / "source" / path.stem / path.name
    if copy.is_file() and copy.read_bytes() == path.read_bytes():
        return
    source = nbformat.read(path, as_version=4)
    cells = _with_all_tests(student_version(source), source)
    cells, _ = ComputeChecksums().preprocess(cells, {})
    resources = {"notebook": path.stem, "assignment": path.stem, "db_url": _address(output / BOOK)}
    try:
        SaveCells().preprocess(cells, {"nbgrader": resources})
    except RuntimeError as error:
        raise ValueError(f"{path}: its exercises changed since some were graded; use another --output") from error
    book.db.expire_all()
    with atomic_path(output / "nbgrader_config.py") as temporary:
        temporary.write_text(CONFIGURATION, encoding="utf-8")
    with atomic_path(copy) as temporary:
        shutil.copyfile(path, temporary)


def _with_all_tests(student: NotebookNode, source: NotebookNode) -> NotebookNode:
    tests = {grade_id(cell): cell.source for cell in source.cells if is_test(cell)}
    for cell in student.cells:
        cell.source = tests.get(grade_id(cell), cell.source)
    return student


def _enter(book, output: Path, task: Task, before: dict[str, str]) -> dict[str, str]:
    """Enter one submission in one transaction. before, and what is given: a hash of the answer to each exercise."""
    kept, chapter = read_record(task), task.chapter.stem
    with atomic_path(output / "autograded" / task.student / chapter / f"{chapter}.ipynb") as temporary:
        shutil.copyfile(attempt_folder(task) / "notebook.ipynb", temporary)
    received = task.received.astimezone(UTC).replace(tzinfo=None)
    book.update_or_create_submission(chapter, task.student, timestamp=received)
    answers = {}
    for exercise in find_exercises(task.release):
        outcome = kept["outcomes"][exercise.name]
        answers[exercise.name] = _hash(kept["answers"].get(exercise.solution, ""))
        grade = book.find_grade(exercise.name, chapter, chapter, task.student)
        waits = outcome["status"] == ANSWERED
        grade.auto_score = None if waits else outcome["points"]
        if grade.manual_score is None:
            grade.needs_manual_grade = waits
        elif before.get(exercise.name) != answers[exercise.name]:
            grade.needs_manual_grade = True
    book.db.commit()
    return answers


def _hash(text: str) -> str:
    return hashlib.sha256(text.strip().encode()).hexdigest()[:16]


def give_mark(book, student: str, chapter: str, exercise: Exercise, points: float | None, comment: str) -> None:
    """Enter the points and comment that a person gives, in one transaction; points None takes the mark back.

    Raises: LookupError where there is no such submission.
    """
    from nbgrader.api import MissingEntry

    try:
        grade = book.find_grade(exercise.name, chapter, chapter, student)
    except MissingEntry as error:
        raise LookupError(f"{student}, {chapter}: no submission with {exercise.name}") from error
    grade.manual_score = points
    grade.needs_manual_grade = points is None and grade.auto_score is None
    for entry in grade.notebook.comments:
        if entry.name == exercise.solution:
            entry.manual_comment = comment or None
    book.db.commit()
