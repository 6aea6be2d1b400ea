"""The actions of `imagecourse teach` that a teacher has: release, grade, mark, feedback, export, similarity, demo."""

import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from imagecourse.commands import add_command
from imagecourse.values import port, positive, probability, seconds

SIZES = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
SIZE = re.compile(r"(\d+(?:\.\d+)?) *([KMGT])(?:i?B)?", re.IGNORECASE)
LEAST_SIZE = 16 * 2**20


def add(actions) -> None:
    """Declare the actions."""
    _add_release(actions)
    _add_grade(actions)
    _add_mark(actions)
    _add_after_grading(actions)
    _add_similarity(actions)
    _add_demo(actions)


def _add_release(actions) -> None:
    about = "Write what students get: notebooks without solutions and hidden tests, library, README, requirements."
    release = add_command(actions, "release", about, "imagecourse teach release week1 --chapters 01 02", _release)
    release.add_argument("folder", type=Path, metavar="DIR", help="a new folder")
    release.add_argument("--students", type=Path, metavar="FILE", help="class list: chapters with own values, for each")
    _add_chapters(release)


def _add_grade(actions) -> None:
    example = "imagecourse teach grade --submitted inbox --output graded --jobs 4 --course course.toml"
    about = "Grade what lies in DIR/STUDENT/CHAPTER/CHAPTER.ipynb, or as Canvas and Moodle hand it out."
    grade = add_command(actions, "grade", about, example, _grade)
    grade.description += (
        "\nRun it again to go on after an interruption, or when more was handed in: what is graded stays graded."
    )
    _add_submitted(grade)
    grade.add_argument("--output", type=Path, required=True, metavar="DIR", help="gradebook and graded notebooks")
    grade.add_argument("--course", type=Path, metavar="FILE", help="policies: class list, due dates, lateness")
    grade.add_argument("--jobs", type=positive, default=1, metavar="N", help="submissions side by side (default: 1)")
    grade.add_argument("--timeout", type=seconds, default=300, metavar="S", help="seconds for a cell (default: 300)")
    grade.add_argument("--memory", type=_size, default="4G", metavar="SIZE", help="for a submission (default: 4G)")
    grade.add_argument("--disk", type=_size, default="1G", metavar="SIZE", help="for a submission (default: 1G)")
    grade.add_argument("--students", type=Path, metavar="FILE", help="class list: a table with id, name, email; or ids")
    due = {"nargs": 2, "action": "append", "default": [], "metavar": ("CHAPTER", "TIME")}
    grade.add_argument("--due", **due, help="when a chapter had to be in: 2026-03-01T23:59; may be repeated")
    grade.add_argument("--received", type=Path, metavar="FILE", help="when it came in: student, chapter, time")
    grade.add_argument("--trust-timestamps", action="store_true", help="believe timestamp.txt beside a notebook")
    parameter = {"dest": "parameters", "nargs": 2, "action": "append", "default": [], "metavar": ("KEY", "VALUE")}
    grade.add_argument("-p", **parameter, help="a parameter of the notebooks, such as epochs 1; may be repeated")
    _add_walls(grade)
    _add_chapters(grade)


def _add_walls(command) -> None:
    walls = command.add_mutually_exclusive_group()
    kinds = {"choices": ("bubblewrap", "docker"), "default": "bubblewrap"}
    walls.add_argument("--sandbox", **kinds, help="walls around student code (default: bubblewrap)")
    walls.add_argument("--no-sandbox", action="store_true", help="run student code with all your rights")


def _add_mark(actions) -> None:
    about = "Mark answers by hand in a browser: serves a page on this machine alone, until Ctrl-C."
    mark = add_command(actions, "mark", about, "imagecourse teach mark --graded graded", _mark)
    _add_graded(mark)
    mark.add_argument("--port", type=port, default=0, metavar="N", help="of the page (default: any free one)")
    instead = mark.add_mutually_exclusive_group()
    instead.add_argument("--page", type=Path, metavar="FILE", help="write the page as a file instead")
    instead.add_argument(
        "--enter", type=Path, metavar="CSV", help="enter a table of marks, as the page's file gives it"
    )


def _add_after_grading(actions) -> None:
    about = "Write a page for each student and chapter: points, what failed in words, comments."
    feedback = add_command(actions, "feedback", about, "imagecourse teach feedback --graded graded", _feedback)
    about = "Write marks.csv, marks.xlsx and a page of class statistics; a row for each student in other formats."
    example = "imagecourse teach export --graded graded --format moodle"
    export = add_command(actions, "export", about, example, _export)
    formats = {"action": "append", "default": [], "choices": ("csv", "xlsx", "moodle", "canvas")}
    export.add_argument("--format", **formats, help="a row for each student; may be repeated")
    for command, name in ((feedback, "feedback"), (export, "export")):
        _add_graded(command)
        command.add_argument("--output", type=Path, metavar="DIR", help=f"where it goes (default: DIR/{name})")
        command.add_argument("--course", type=Path, metavar="FILE", help="policies (default: those of the grading)")


def _add_similarity(actions) -> None:
    about = "Name submissions that look alike: a hint to look, not a verdict."
    example = "imagecourse teach similarity --submitted inbox --output alike"
    similarity = add_command(actions, "similarity", about, example, _similarity)
    _add_submitted(similarity)
    similarity.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the report goes")
    similarity.add_argument("--course", type=Path, metavar="FILE", help="policies, for the class list")
    similarity.add_argument("--threshold", type=probability, default=0.5, metavar="P", help="0 to 1 (default: 0.5)")
    similarity.add_argument("--notebooks", type=Path, metavar="DIR", help="the teacher's (default: the course's)")


def _add_demo(actions) -> None:
    about = "Make a class of twelve invented submissions in a new folder, and do with it what a teacher does."
    demo = add_command(actions, "demo", about, "imagecourse teach demo try", _demo)
    demo.add_argument("folder", type=Path, metavar="DIR", help="a new folder")
    demo.add_argument("--jobs", type=positive, default=2, metavar="N", help="submissions side by side (default: 2)")
    _add_walls(demo)


def _add_submitted(command) -> None:
    about = "a folder per student, or files or a ZIP of a learning platform; only read"
    command.add_argument("--submitted", type=Path, required=True, metavar="DIR", help=about)


def _add_graded(command) -> None:
    command.add_argument("--graded", type=Path, required=True, metavar="DIR", help="the output of teach grade")


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
    match = SIZE.fullmatch(text.strip())
    size = int(float(match[1]) * SIZES[match[2].upper()]) if match else 0
    if size < LEAST_SIZE:
        example = "give a number and M, G or T, such as 500M or 4G, of 16M at least"
        raise ArgumentTypeError(f"{text!r} is no size; {example}")
    return size


def _read_course(path: Path | None, notebooks: Path | None = None):
    from imagecourse.reports.chapters import find_notebooks
    from imagecourse.teaching.course import Course, read_course

    return read_course(path, [chapter.stem for chapter in find_notebooks((), notebooks)]) if path else Course()


def _release(options) -> int:
    with _wanting_nbgrader():
        from imagecourse.teaching.course import read_students
        from imagecourse.teaching.release import write_release

        students = [student.id for student in read_students(options.students)] if options.students else []
        for path in write_release(options.folder, options.chapters, options.notebooks, students):
            print(path)
    return 0


def _grade(options) -> int:
    from imagecourse.reports.chapters import find_notebooks
    from imagecourse.reports.parameters import parse_value

    with _wanting_nbgrader():
        from imagecourse.teaching.course import find_chapter, read_students, to_time
        from imagecourse.teaching.grade import Settings, grade_submissions
        from imagecourse.teaching.inbox import read_received
        from imagecourse.teaching.judging.sandbox import Limits

        names = [path.stem for path in find_notebooks((), options.notebooks)]
        course = _read_course(options.course, options.notebooks)
        listed = read_students(options.students) if options.students else ()
        due = {find_chapter(chapter, names): to_time(when, "--due") for chapter, when in options.due}
        course = replace(course, students=listed or course.students, due=course.due | due)
        limits = Limits(seconds=options.timeout, memory=options.memory, disk=options.disk)
        parameters = {name: parse_value(value) for name, value in options.parameters}
        settings = Settings(options.jobs, limits, _walls(options), parameters, options.trust_timestamps)
        received = read_received(options.received, names, course) if options.received else {}
        summary = grade_submissions(options.submitted, options.output, settings, options.chapters, options.notebooks,
                                    course, received)  # fmt: skip
    for line in [*summary.notes, *summary.failures]:
        print(line, file=sys.stderr)
    print(f"{summary.graded} graded, {summary.graded_before} graded before, {summary.missing} missing")
    return 1 if summary.failures else 0


def _walls(options) -> str:
    """The walls that are asked for; what they do not hold is said."""
    from imagecourse.teaching.judging import sandbox

    walls = sandbox.NONE if options.no_sandbox else options.sandbox
    if walls == sandbox.NONE:
        print(sandbox.WARNING, file=sys.stderr)
    elif walls == sandbox.BUBBLEWRAP and not sandbox.why_not(walls):
        for weakness in sandbox.weaknesses():
            print(weakness, file=sys.stderr)
    return walls


def _mark(options) -> int:
    with _wanting_nbgrader():
        from imagecourse.teaching.marking import enter_marks, write_marking_page
        from imagecourse.teaching.marking_server import MarkingServer

        if options.page:
            print(write_marking_page(options.graded, options.page))
            return 0
        if options.enter:
            entered, wrong = enter_marks(options.graded, options.enter)
            for line in wrong:
                print(line, file=sys.stderr)
            print(f"{entered} marks entered")
            return 1 if wrong else 0
        server = MarkingServer(options.graded, options.port)
    print(f"{server.address}\nopen this in a browser; Ctrl-C ends it", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
    return 0


def _feedback(options) -> int:
    with _wanting_nbgrader():
        from imagecourse.teaching.feedback import write_feedback

        pages = write_feedback(options.graded, options.output, _given_course(options))
    print(f"{len(pages)} pages in {pages[0].parents[1]}" if pages else "nothing was handed in")
    return 0


def _export(options) -> int:
    with _wanting_nbgrader():
        from imagecourse.teaching.export import write_export

        for path in write_export(options.graded, options.output, options.format, _given_course(options)):
            print(path)
    return 0


def _given_course(options):
    """Policies of a file, for the chapters that were graded; None without one."""
    from imagecourse.teaching.course import read_course

    graded = [path.stem for path in sorted((options.graded / "source").glob("*/*.ipynb"))]
    return read_course(options.course, graded) if options.course else None


def _similarity(options) -> int:
    with _wanting_nbgrader():
        from imagecourse.teaching.similarity import write_similarity

        course = _read_course(options.course, options.notebooks)
        groups, paths = write_similarity(
            options.submitted, options.output, options.threshold, options.notebooks, course
        )
    print(f"{len(groups)} groups look alike: {paths[1]}")
    return 0


def _demo(options) -> int:
    with _wanting_nbgrader():
        from imagecourse.teaching.demo import run_demo

        for line in run_demo(options.folder, options.jobs, _walls(options)):
            print(line, flush=True)
    return 0
