"""A class before the term starts: invented submissions go through all that a teacher does with real ones."""

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import nbformat

from imagecourse.exercises.cells import find_exercises
from imagecourse.files import atomic_path, new_folder
from imagecourse.reports.chapters import find_notebooks
from imagecourse.teaching.course import Course, read_course
from imagecourse.teaching.demo_class import DemoClass
from imagecourse.teaching.export import FORMATS, write_export
from imagecourse.teaching.feedback import write_feedback
from imagecourse.teaching.grade import Settings, grade_submissions
from imagecourse.teaching.judging.sandbox import Limits
from imagecourse.teaching.marking import COLUMNS, enter_marks, write_marking_page
from imagecourse.teaching.release import student_version, write_release
from imagecourse.teaching.similarity import write_similarity

CHAPTER = "01"
SECONDS = 30.0  # for a cell
POLICIES = """students = "class.csv"
resubmission = "newest"

[late]
free_days = 1
penalty = 10   # percent for each further day
most = 50

[due]
{chapter} = {due}
"""
MARKED = {"ada": (3, "Good: you look at what changes most."), "chloe": (1, "Which number of the chapter says so?")}


def run_demo(folder: Path, jobs: int, walls: str, notebooks: Path | None = None) -> Iterator[str]:
    """Make a class in a new folder and do with it what a teacher does; yields what was done, line by line.

    walls: around student code, as sandbox names them. notebooks: the teacher's; None is the course's own.
    Raises: FileExistsError where the folder is there; ValueError where the walls cannot be put up.
    """
    folder = Path(folder)
    (path,) = find_notebooks([CHAPTER], notebooks)
    source = nbformat.read(path, as_version=4)
    due = datetime.now().astimezone().replace(microsecond=0) - timedelta(days=3)
    cast = DemoClass(path.stem, source, student_version(source), due)
    with new_folder(folder) as building:
        _write_policies(building, cast, due)
        cast.write(building / "inbox")
    yield f"{folder / 'course.toml'}: class list, due date, what lateness costs"
    write_release(folder / "release", [CHAPTER], notebooks)
    yield f"{folder / 'release'}: what students get"
    yield f"{folder / 'inbox'}: what they handed in:"
    yield from (f"    {student.id:8} {about}" for student, about in cast.students().items())
    course = read_course(folder / "course.toml", [path.stem])
    settings = Settings(jobs, Limits(seconds=SECONDS), walls)
    summary = grade_submissions(folder / "inbox", folder / "graded", settings, [CHAPTER], notebooks, course)
    yield f"{folder / 'graded'}: {summary.graded} graded, {summary.missing} missing. Not run to the end:"
    yield from (f"    {failure}" for failure in summary.failures)
    yield from _after_grading(folder, path, notebooks, course)


def _write_policies(folder: Path, cast: DemoClass, due: datetime) -> None:
    with open(folder / "class.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "email"])
        writer.writerows([student.id, student.name, student.email] for student in cast.students())
    text = POLICIES.format(chapter=cast.chapter, due=due.isoformat())
    (folder / "course.toml").write_text(text, encoding="utf-8")


def _after_grading(folder: Path, chapter: Path, notebooks: Path | None, course: Course) -> Iterator[str]:
    graded = folder / "graded"
    exercises = [exercise for exercise in find_exercises(nbformat.read(chapter, as_version=4)) if exercise.by_hand]
    with atomic_path(folder / "marks-by-hand.csv") as temporary, open(temporary, "w", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([student, chapter.stem, exercise.name, min(points, exercise.points), comment]
                         for exercise in exercises for student, (points, comment) in MARKED.items())  # fmt: skip
    entered, _ = enter_marks(graded, folder / "marks-by-hand.csv")
    page = write_marking_page(graded, folder / "marking.html")
    yield f"{folder / 'marks-by-hand.csv'}: {entered} marks given by hand; the others wait"
    yield f"{page}: to mark them; or: imagecourse teach mark --graded {graded}"
    pages = write_feedback(graded)
    yield f"{graded / 'feedback'}: {len(pages)} pages to give back"
    yield from (str(path) for path in write_export(graded, formats=FORMATS))
    groups, paths = write_similarity(folder / "inbox", folder / "alike", notebooks=notebooks, course=course)
    yield f"{paths[1]}: {len(groups)} group of submissions that look alike"
