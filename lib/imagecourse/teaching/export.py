"""The class as tables: a row for each exercise, and a row for each student as gradebooks elsewhere take it."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from imagecourse.files import atomic_path
from imagecourse.teaching.course import Course, saved_course
from imagecourse.teaching.gradebook import POLICIES
from imagecourse.teaching.judging.outputs import clean_text
from imagecourse.teaching.marks import AWAITING, GRADED, ZERO, ChapterMark, Mark, by_chapter, read_marks
from imagecourse.teaching.statistics import write_statistics

FORMATS = ("csv", "xlsx", "moodle", "canvas")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run
LONGEST_CELL = 32_000  # characters, as Excel has it


def write_export(
    graded: Path, output: Path | None = None, formats: Iterable[str] = (), course: Course | None = None
) -> list[Path]:
    """Write tables and a page of statistics; gives their paths.

    marks.csv and marks.xlsx have a row for each student and exercise; with formats, students.csv, students.xlsx,
    moodle.csv or canvas.csv have one for each student. graded: folder that `grade_submissions` wrote. output: a folder;
    None is graded/export. course: policies; None takes those that it was graded with.
    """
    graded = Path(graded).resolve()
    output = Path(output) if output else graded / "export"
    marks, course = read_marks(graded), course or saved_course(graded / POLICIES)
    chapters = by_chapter(marks, course)
    table, students = marks_table(marks, chapters), students_table(chapters, course)
    paths = [output / "marks.csv", output / "marks.xlsx"]
    _write_csv(paths[0], table)
    _write_xlsx(paths[1], {"marks": table, "students": students})
    writers = {"csv": lambda path: _write_csv(path, students),
               "xlsx": lambda path: _write_xlsx(path, {"students": students}),
               "moodle": lambda path: _write_csv(path, moodle_table(chapters, course)),
               "canvas": lambda path: _write_csv(path, canvas_table(chapters, course))}  # fmt: skip
    names = {"csv": "students.csv", "xlsx": "students.xlsx", "moodle": "moodle.csv", "canvas": "canvas.csv"}
    for name in dict.fromkeys(formats):
        writers[name](output / names[name])
        paths.append(output / names[name])
    return [*paths, write_statistics(output / "statistics.html", marks)]


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula, and that every file can hold."""
    text = re.sub(r"[\n\t]+", " ", clean_text(text))[:LONGEST_CELL]
    return f"'{text}" if text.startswith(FORMULA) else text


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, quoting=csv.QUOTE_MINIMAL)


def _write_xlsx(path: Path, tables: dict[str, pd.DataFrame]) -> None:
    with atomic_path(path) as temporary, pd.ExcelWriter(temporary, engine="openpyxl") as book:
        for name, table in tables.items():
            table.to_excel(book, sheet_name=name, index=False)
        for sheet in book.sheets.values():
            sheet.freeze_panes = "B2"


def marks_table(marks: list[Mark], chapters: list[ChapterMark]) -> pd.DataFrame:
    """A row for each student and exercise; `points` empty where a person has yet to mark."""
    late = {(chapter.student, chapter.chapter): chapter.late_days for chapter in chapters}
    rows = [{"student": harmless(mark.student), "chapter": mark.chapter, "exercise": mark.exercise.name,
             "title": harmless(mark.exercise.title), "points": mark.points, "of": mark.exercise.points,
             "state": mark.state, "late days": late[mark.student, mark.chapter], "comment": harmless(mark.comment),
             "remarks": harmless(mark.remarks)} for mark in marks]  # fmt: skip
    return pd.DataFrame(rows).astype({"points": float})


def students_table(chapters: list[ChapterMark], course: Course) -> pd.DataFrame:
    """A row for each student: id, name, e-mail, points by chapter after penalties, total, state."""
    rows = []
    for student, own in _by_student(chapters).items():
        person = course.person(student)
        open_ones = [f"{mark.chapter}: {mark.state}" for mark in own if mark.state not in (GRADED, ZERO)]
        rows.append({"id": harmless(student), "name": harmless(person.name), "email": harmless(person.email)}
                    | {mark.chapter: _rounded(mark.points) for mark in own}
                    | {"total": _rounded(sum(mark.points for mark in own)),
                       "state": "; ".join(open_ones) or GRADED})  # fmt: skip
    return pd.DataFrame(rows)


def moodle_table(chapters: list[ChapterMark], course: Course) -> pd.DataFrame:
    """What Moodle's grade import takes: map ID number or Email address; points that still wait are left out."""
    rows = []
    for student, own in _by_student(chapters).items():
        person = course.person(student)
        rows.append({"ID number": harmless(student), "Full name": harmless(person.name),
                     "Email address": harmless(person.email)}
                    | {mark.chapter: _final(mark) for mark in own}
                    | {"Total": _total(own), "State": _states(own)})  # fmt: skip
    return pd.DataFrame(rows)


def canvas_table(chapters: list[ChapterMark], course: Course) -> pd.DataFrame:
    """What Canvas' gradebook import takes: its five first columns, and the most points in the second row."""
    names = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    first = {mark.chapter: _rounded(mark.of) for mark in chapters}
    top = dict.fromkeys(names, "") | {"Student": "Points Possible"} | first
    rows = [top | {"Notes": "", "Current Points": "(read only)"}]
    for student, own in _by_student(chapters).items():
        person = course.person(student)
        rows.append({"Student": harmless(person.name or student), "ID": "", "SIS User ID": harmless(student),
                     "SIS Login ID": harmless(person.email or student), "Section": ""}
                    | {mark.chapter: _final(mark) for mark in own}
                    | {"Notes": _states(own), "Current Points": _total(own)})  # fmt: skip
    return pd.DataFrame(rows)


def _by_student(chapters: list[ChapterMark]) -> dict[str, list[ChapterMark]]:
    groups: dict[str, list[ChapterMark]] = {}
    for mark in chapters:
        groups.setdefault(mark.student, []).append(mark)
    return groups


def _rounded(points: float) -> float:
    return round(points, 2)


def _final(mark: ChapterMark) -> float | str:
    return "" if mark.state == AWAITING else _rounded(mark.points)


def _total(own: list[ChapterMark]) -> float | str:
    return "" if any(mark.state == AWAITING for mark in own) else _rounded(sum(mark.points for mark in own))


def _states(own: list[ChapterMark]) -> str:
    return "; ".join(f"{mark.chapter}: {mark.state}" for mark in own if mark.state not in (GRADED, ZERO)) or GRADED
