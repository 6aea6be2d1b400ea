"""Marking by hand: a page with the answers to one question side by side, and what is entered there.

The page needs no Jupyter server. Answers stand there as text: nothing of a student's is markup or runs.
"""

import base64
import csv
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat

from imagecourse.exercises.cells import HEADING, Exercise, find_exercises, grade_id, is_solution
from imagecourse.files import atomic_path
from imagecourse.reports.prose import Prose
from imagecourse.teaching.course import saved_course
from imagecourse.teaching.gradebook import POLICIES, give_mark, open_book
from imagecourse.teaching.judging.outputs import clean_text
from imagecourse.teaching.layout import render
from imagecourse.teaching.marks import AWAITING, MISSING, Mark, read_marks

LONGEST_COMMENT = 5000  # characters
COLUMNS = ("student", "chapter", "exercise", "points", "comment")


@dataclass(frozen=True)
class Question:
    """An exercise with the answers to it. text, scheme: HTML of the teacher's own words; marks: one for each answer."""

    chapter: str
    exercise: Exercise
    text: str
    scheme: str
    marks: list[Mark]

    @property
    def waiting(self) -> int:
        """How many answers wait to be marked."""
        return sum(mark.state == AWAITING for mark in self.marks)


def questions(graded: Path) -> list[Question]:
    """All exercises that somebody answered: those in words first, then those with code, where points can be changed."""
    graded = Path(graded).resolve()
    found = []
    marks = [mark for mark in read_marks(graded) if mark.state != MISSING]
    for path in sorted((graded / "source").glob("*/*.ipynb")):
        source = nbformat.read(path, as_version=4)
        texts = _texts(source)
        for exercise in find_exercises(source):
            own = [mark for mark in marks if (mark.chapter, mark.exercise.name) == (path.stem, exercise.name)]
            if own:
                text, scheme = texts[exercise.solution]
                found.append(Question(path.stem, exercise, Prose(path.parent).to_html(text),
                                      Prose(path.parent).to_html(scheme), own))  # fmt: skip
    return sorted(found, key=lambda question: not question.exercise.by_hand)


def _texts(source: nbformat.NotebookNode) -> dict[str, tuple[str, str]]:
    """For each solution cell: the text of its exercise, and the teacher's own answer."""
    texts, text = {}, ""
    for cell in source.cells:
        if is_solution(cell):
            code = cell.cell_type == "code"
            texts[grade_id(cell)] = text, f"```python\n{cell.source}\n```" if code else cell.source
        elif cell.cell_type == "markdown" and HEADING.search(cell.source):
            text = cell.source
    return texts


def marking_page(graded: Path, saves: bool) -> str:
    """The page as HTML. saves: whether a server takes what is entered; otherwise the browser keeps it for a file."""
    course = saved_course(Path(graded) / POLICIES)
    found = questions(graded)
    names = {mark.student: course.person(mark.student).name for question in found for mark in question.marks}
    script = render("marking.js")
    policy = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    key = hashlib.sha256(str(Path(graded).resolve()).encode()).hexdigest()[:12]
    return render("marking.html", questions=found, names=names, saves=saves, script=script, policy=policy, key=key)


def write_marking_page(graded: Path, path: Path) -> Path:
    """Write the page as a file; what is entered there is downloaded as a table for `enter_marks`."""
    text = marking_page(graded, saves=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def enter_mark(graded: Path, entry: Mapping[str, object]) -> None:
    """Enter what a person gives into the grade book. entry: student, chapter, exercise, points (empty takes the mark
    back) and comment. Raises: ValueError: what is wrong with it."""
    student, chapter, name = (str(entry.get(key, "")) for key in COLUMNS[:3])
    path = Path(graded).resolve() / "source" / chapter / f"{chapter}.ipynb"
    if not chapter or Path(chapter).name != chapter or not path.is_file():
        raise ValueError(f"{chapter!r}: no such chapter was graded")
    exercises = {exercise.name: exercise for exercise in find_exercises(nbformat.read(path, as_version=4))}
    if name not in exercises:
        raise ValueError(f"{name!r}: no such exercise in {chapter}")
    points = to_points(entry.get("points"), exercises[name].points)
    comment = clean_text(str(entry.get("comment") or ""))[:LONGEST_COMMENT].strip()
    with open_book(graded) as book:
        try:
            give_mark(book, student, chapter, exercises[name], points, comment)
        except LookupError as error:
            raise ValueError(str(error)) from error


def to_points(value: object, most: float) -> float | None:
    """Points from a number or text; None for nothing. Raises: ValueError where they are no points of the exercise."""
    text = str(value if value is not None else "").strip().replace(",", ".")
    if not text:
        return None
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not 0 <= points <= most:
        raise ValueError(f"{text!r}: points from 0 to {most:g}")
    return points


def enter_marks(graded: Path, table: Path) -> tuple[int, list[str]]:
    """Enter a table of marks with the columns student, chapter, exercise, points, comment.

    Gives: how many were entered, and what was wrong with the others.
    Raises: FileNotFoundError, ValueError for a table without these columns.
    """
    table = Path(table)
    if not table.is_file():
        raise FileNotFoundError(f"{table}: no such table of marks")
    with open(table, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if rows and not set(COLUMNS) <= rows[0].keys():
        raise ValueError(f"{table}: the columns {', '.join(COLUMNS)} are wanted")
    entered, wrong = 0, []
    for number, row in enumerate(rows, 2):
        try:
            enter_mark(graded, row)
            entered += 1
        except ValueError as error:
            wrong.append(f"{table}, line {number}: {error}")
    return entered, wrong
