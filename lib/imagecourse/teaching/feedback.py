"""What students get back: a page for each chapter, with points, what failed in words, and comments."""

from collections import defaultdict
from pathlib import Path

import nbformat

from imagecourse.teaching.course import Course, saved_course
from imagecourse.teaching.gradebook import POLICIES
from imagecourse.teaching.layout import write_page
from imagecourse.teaching.marks import MISSING, ChapterMark, Mark, by_chapter, read_marks
from imagecourse.teaching.submission import UNREADABLE


def write_feedback(graded: Path, output: Path | None = None, course: Course | None = None) -> list[Path]:
    """Write STUDENT/CHAPTER.html for every submission that is not missing; gives the pages.

    graded: folder that `grade_submissions` wrote. output: where pages go; None is graded/feedback. course: policies;
    None takes those that it was graded with.
    """
    graded = Path(graded).resolve()
    output = Path(output) if output else graded / "feedback"
    marks, course = read_marks(graded), course or saved_course(graded / POLICIES)
    groups: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    for mark in marks:
        if mark.state != MISSING:
            groups[mark.student, mark.chapter].append(mark)
    chapters = {(chapter.student, chapter.chapter): chapter for chapter in by_chapter(marks, course)}
    titles = {path.stem: _title(path) for path in (graded / "source").glob("*/*.ipynb")}
    return [
        _write(output / student / f"{chapter}.html", titles[chapter], found, chapters[student, chapter],
               course.person(student).name)
        for (student, chapter), found in groups.items()
    ]  # fmt: skip


def _title(path: Path) -> str:
    first = nbformat.read(path, as_version=4).cells[0].source
    return first.split("\n")[0].lstrip("# ") or path.stem


def _write(path: Path, title: str, marks: list[Mark], chapter: ChapterMark, name: str) -> Path:
    return write_page(
        path,
        "feedback.html",
        student=name or chapter.student,
        title=title,
        marks=marks,
        chapter=chapter,
        answers={mark.exercise.name: mark.answer for mark in marks if not mark.remarks.startswith(UNREADABLE)},
    )
