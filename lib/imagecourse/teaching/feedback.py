"""What students get back: a page for each chapter, with points, what failed in words, and comments."""

import re
from collections import defaultdict
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from imagecourse.exercises.cells import grade_id, is_test
from imagecourse.teaching.gradebook import AWAITING, MISSING, Mark, read_marks
from imagecourse.teaching.layout import write_page
from imagecourse.teaching.release import visible_tests
from imagecourse.teaching.submission import UNREADABLE

LONGEST_QUOTE = 16  # characters of a hidden test that a message may hold by chance
WITHHELD = "A test fails; its message is withheld because it quotes tests that are not yours to see."


def write_feedback(graded: Path, output: Path | None = None) -> list[Path]:
    """Write STUDENT/CHAPTER.html for every submission that is not missing; gives the pages.

    graded: folder that `grade_submissions` wrote. output: where pages go; None is graded/feedback.
    """
    graded = Path(graded).resolve()
    output = Path(output) if output else graded / "feedback"
    groups: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    for mark in read_marks(graded):
        if mark.state != MISSING:
            groups[mark.student, mark.chapter].append(mark)
    return [_write(graded, output / student / f"{chapter}.html", marks) for (student, chapter), marks in groups.items()]


def _write(graded: Path, path: Path, marks: list[Mark]) -> Path:
    student, chapter = marks[0].student, marks[0].chapter
    notebook = nbformat.read(graded / "autograded" / student / chapter / f"{chapter}.ipynb", as_version=4)
    source = nbformat.read(graded / "source" / chapter / f"{chapter}.ipynb", as_version=4)
    cells = {grade_id(cell): cell.source for cell in notebook.cells if grade_id(cell)}
    hidden = hidden_lines(source)
    return write_page(
        path,
        "feedback.html",
        student=student,
        title=source.cells[0].source.split("\n")[0].lstrip("# ") or chapter,
        marks=marks,
        points=sum(mark.points or 0 for mark in marks),
        most=sum(mark.exercise.points for mark in marks),
        waiting=sum(mark.exercise.points for mark in marks if mark.state == AWAITING),
        late=marks[0].late,
        messages={mark.exercise.name: WITHHELD if quotes(mark.message, hidden) else mark.message for mark in marks},
        answers={mark.exercise.name: cells.get(mark.exercise.solution, "") for mark in marks if was_read(mark)},
    )


def was_read(mark: Mark) -> bool:
    """Whether there is a notebook to show."""
    return not mark.remarks.startswith(UNREADABLE)


def hidden_lines(source: NotebookNode) -> set[str]:
    """Lines of hidden tests, without what visible code holds as well."""
    tests = [cell.source for cell in source.cells if is_test(cell)]
    shown = {line.strip() for test in tests for line in visible_tests(test).splitlines()}
    return {line.strip() for test in tests for line in test.splitlines()} - shown


def quotes(message: str, hidden: set[str]) -> bool:
    """Whether a message holds a piece of a hidden test, however it is quoted."""
    text = _bare(message)
    return any(
        line[start : start + LONGEST_QUOTE] in text
        for line in map(_bare, hidden)
        for start in range(max(0, len(line) - LONGEST_QUOTE) + 1)
        if len(line) >= LONGEST_QUOTE
    )


def _bare(text: str) -> str:
    return re.sub(r"[\s\\'\"]", "", text)
