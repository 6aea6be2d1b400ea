"""What each student has for each exercise, read from the gradebook and the kept outcomes; and for each chapter."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nbformat

from imagecourse.exercises.cells import Exercise, find_exercises
from imagecourse.exercises.outcomes import ANSWERED, NOT_RUN, TIMED_OUT
from imagecourse.files import read_json
from imagecourse.teaching.course import Course
from imagecourse.teaching.gradebook import CLASS, RECORDED, open_book
from imagecourse.teaching.submission import OUTCOME

GRADED, PARTLY_GRADED, ZERO, AWAITING = "graded", "partly right", "zero", "awaiting hand marking"
FAILED_TO_RUN, TIMED_OUT_STATE, MISSING = "failed to run", "timed out", "missing"
STATES = (GRADED, PARTLY_GRADED, ZERO, AWAITING, FAILED_TO_RUN, TIMED_OUT_STATE, MISSING)
DAY = 86400  # seconds


@dataclass(frozen=True)
class Mark:
    """What one student has for one exercise; `points` is None while a person has yet to mark it.

    received: when it came in, None where nothing did. message: what went wrong, for the student. comment: what a
    person wrote. remarks: for the teacher alone. by_person: whether a person gave the points. answer: what the student
    wrote.
    """

    student: str
    chapter: str
    exercise: Exercise
    points: float | None
    state: str
    received: datetime | None = None
    message: str = ""
    comment: str = ""
    remarks: str = ""
    by_person: bool = False
    answer: str = ""


@dataclass(frozen=True)
class ChapterMark:
    """What one student has for a chapter.

    points: those of its exercises so far, less the penalty; of: the most there are. late_days: that have begun; free:
    how many of them cost nothing; penalty: points that the others cost. state: the worst of its exercises that says
    something of all, in the order of `state_of`.
    """

    student: str
    chapter: str
    points: float
    of: float
    state: str
    late_days: int = 0
    free: int = 0
    penalty: float = 0.0
    waiting: float = 0.0  # points that a person has yet to give


def read_marks(output: Path) -> list[Mark]:
    """A mark for every student and exercise of the chapters graded so far, by chapter, student and exercise.

    Raises: FileNotFoundError where nothing has been graded.
    """
    output = Path(output).resolve()
    marks = []
    with open_book(output) as book:
        students, recorded = read_json(output / CLASS, {})["students"], read_json(output / RECORDED, {})
        for path in sorted((output / "source").glob("*/*.ipynb")):
            exercises = find_exercises(nbformat.read(path, as_version=4))
            submissions = {submission.student.id: submission for submission in book.assignment_submissions(path.stem)}
            for student in students:
                known = recorded.get(f"{student}/{path.stem}")
                marks += (
                    _marks_of(output, student, path.stem, exercises, submissions[student], known)
                    if known and student in submissions
                    else [Mark(student, path.stem, exercise, 0.0, MISSING, message="Not handed in.")
                          for exercise in exercises]
                )  # fmt: skip
    return marks


def _marks_of(
    output: Path, student: str, chapter: str, exercises: list[Exercise], submission, known: dict
) -> list[Mark]:
    kept = read_json(output / "results" / student / chapter / known["fingerprint"] / OUTCOME)
    grades = {grade.name: grade for notebook in submission.notebooks for grade in notebook.grades}
    comments = {comment.name: comment.manual_comment or "" for notebook in submission.notebooks
                for comment in notebook.comments}  # fmt: skip
    remarks = "; ".join([*filter(None, [kept["stopped"]]), *kept["remarks"]])
    marks = []
    for exercise in exercises:
        grade, outcome = grades[exercise.name], kept["outcomes"][exercise.name]
        state = _state(outcome, grade, exercise)
        points = None if state == AWAITING else float(grade.score)
        comment = " ".join(dict.fromkeys(filter(None, (comments.get(exercise.solution), comments.get(exercise.name)))))
        marks.append(Mark(student, chapter, exercise, points, state, datetime.fromisoformat(known["received"]),
                          outcome["message"], comment, remarks, grade.manual_score is not None,
                          kept["answers"].get(exercise.solution, "")))  # fmt: skip
    return marks


def _state(outcome: dict, grade, exercise: Exercise) -> str:
    """A mark that a person gave counts; otherwise how the run went."""
    if grade.manual_score is not None and not grade.needs_manual_grade:
        return GRADED if grade.score > 0 else ZERO
    if outcome["status"] == ANSWERED or grade.manual_score is not None:
        return AWAITING
    if outcome["status"] in (NOT_RUN, TIMED_OUT) and not outcome["points"]:
        return FAILED_TO_RUN if outcome["status"] == NOT_RUN else TIMED_OUT_STATE
    return ZERO if not outcome["points"] else GRADED if outcome["points"] == exercise.points else PARTLY_GRADED


def by_chapter(marks: Iterable[Mark], course: Course) -> list[ChapterMark]:
    """The marks of each student and chapter put together, with free late days and penalties by the policies."""
    groups: dict[str, dict[str, list[Mark]]] = defaultdict(lambda: defaultdict(list))
    for mark in marks:
        groups[mark.student][mark.chapter].append(mark)
    return [settled for student, chapters in groups.items() for settled in _settle(student, chapters, course)]


def _settle(student: str, chapters: dict[str, list[Mark]], course: Course) -> list[ChapterMark]:
    left = course.free_days
    settled = {}
    never = datetime.max.replace(tzinfo=UTC)
    for chapter in sorted(chapters, key=lambda name: (course.due_for(student, name) or never, name)):
        marks, due = chapters[chapter], course.due_for(student, chapter)
        received = marks[0].received
        late = max(0, math.ceil((received - due).total_seconds() / DAY)) if received and due else 0
        free = min(left, late)
        left -= free
        points = sum(mark.points or 0 for mark in marks)
        penalty = points * min(course.most, course.penalty * (late - free)) / 100
        waiting = sum(mark.exercise.points for mark in marks if mark.state == AWAITING)
        settled[chapter] = ChapterMark(student, chapter, points - penalty, sum(mark.exercise.points for mark in marks),
                                       state_of(marks), late, free, penalty, waiting)  # fmt: skip
    return [settled[chapter] for chapter in chapters]


def state_of(marks: list[Mark]) -> str:
    """The state of a chapter: what a teacher has yet to do or to look at comes first."""
    states = {mark.state for mark in marks}
    order = (AWAITING, FAILED_TO_RUN, TIMED_OUT_STATE, MISSING)
    found = next((state for state in order if state in states), None)
    return found or (GRADED if any(mark.points for mark in marks) else ZERO)
