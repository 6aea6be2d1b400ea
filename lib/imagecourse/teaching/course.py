"""The policies of a course, from one small file: who is in the class, when chapters are due, what lateness costs.

```toml
students = "class.csv"            # a table with the columns id, name, email; or [[students]] with the same names
resubmission = "newest"           # or "best": the attempt with the most points

[late]
free_days = 3                     # that each student has for the whole course, used up in the order of the due dates
penalty = 10                      # percent of the chapter's points for each further day that has begun
most = 50                         # percent that a chapter can lose

[due]
01 = 2026-03-01T23:59             # by number or name; local time, or with an offset

[[extensions]]
student = "ann"
chapter = "01"
due = 2026-03-08T23:59
```

Everything may be left out.
"""

import csv
import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imagecourse.files import read_json, write_json

NEWEST, BEST = "newest", "best"
KEYS = {"students", "resubmission", "late", "due", "extensions"}
LATE_KEYS = {"free_days", "penalty", "most"}
WITHOUT_SECONDS = re.compile(r"(= *\d{4}-\d\d-\d\d[T ]\d\d:\d\d)(?![:\d])")  # as TOML 1.1 has it, and people write it
EXAMPLE = "give a time as 2026-03-01T23:59"


@dataclass(frozen=True)
class Student:
    """Somebody in the class."""

    id: str
    name: str = ""
    email: str = ""


@dataclass(frozen=True)
class Course:
    """The policies. due, extensions: times with a time zone, by chapter, and by student and chapter.

    penalty, most: percent of a chapter's points, for each day begun and at the most.
    """

    students: tuple[Student, ...] = ()
    resubmission: str = NEWEST
    free_days: int = 0
    penalty: float = 0.0
    most: float = 100.0
    due: dict[str, datetime] = field(default_factory=dict)
    extensions: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def due_for(self, student: str, chapter: str) -> datetime | None:
        """When a chapter has to be in, for this student."""
        return self.extensions.get((student, chapter), self.due.get(chapter))

    def find(self, text: str, number: str = "") -> str | None:
        """The id of the student whom a learning platform calls so: by id, e-mail or name in any order of its words.

        number: the platform's own number for them. None where nobody or several fit.
        """
        ids = [student.id for student in self.students if student.id.casefold() in (text.casefold(), number.casefold())]
        named = [student.id for student in self.students if _key(text) in _keys(student)]
        found = ids or named
        return found[0] if len(found) == 1 else None

    def person(self, identity: str) -> Student:
        """The student with this id; one without a name where the class list has none."""
        return next((student for student in self.students if student.id == identity), Student(identity))


def save_course(path: Path, course: Course) -> None:
    """Keep the policies that a class was graded with."""
    extensions = [[*key, due.isoformat()] for key, due in course.extensions.items()]
    due = {chapter: time.isoformat() for chapter, time in course.due.items()}
    write_json(path, asdict(course) | {"due": due, "extensions": extensions}, indent=1)


def saved_course(path: Path) -> Course:
    """The policies that `save_course` kept; none where there is no such file."""
    kept = read_json(path, {})
    if not kept:
        return Course()
    due = {chapter: datetime.fromisoformat(time) for chapter, time in kept["due"].items()}
    extensions = {(student, chapter): datetime.fromisoformat(time) for student, chapter, time in kept["extensions"]}
    students = tuple(Student(**student) for student in kept["students"])
    return Course(**kept | {"due": due, "extensions": extensions, "students": students})


def _key(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode() or text
    return re.sub(r"[\W_]", "", plain).casefold()


def _keys(student: Student) -> set[str]:
    words = student.name.replace(",", " ").split()
    orders = [words, words[::-1], [*words[-1:], *words[:-1]], [*words[1:], *words[:1]]]
    return {_key("".join(order)) for order in orders if order} | ({_key(student.email)} if student.email else set())


def read_course(path: Path, chapters: Iterable[str]) -> Course:
    """The policies in a file. chapters: names of the chapters there are.

    Raises: FileNotFoundError, ValueError: which entry is wrong, and what is wanted.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of policies")
    try:
        content = tomllib.loads(WITHOUT_SECONDS.sub(r"\1:00", path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not TOML ({error})") from error
    try:
        return _to_course(content, path.parent, list(chapters))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _to_course(content: dict, folder: Path, chapters: list[str]) -> Course:
    _refuse_unknown(content, KEYS, "")
    late = content.get("late", {})
    _refuse_unknown(late, LATE_KEYS, "late.")
    resubmission = content.get("resubmission", NEWEST)
    if resubmission not in (NEWEST, BEST):
        raise ValueError(f"resubmission = {resubmission!r}: {NEWEST} or {BEST}")
    students = content.get("students", [])
    people = read_students(folder / students) if isinstance(students, str) else tuple(map(_student, students))
    extensions = {(str(entry.get("student")), find_chapter(entry.get("chapter"), chapters)):
                  to_time(entry.get("due"), "extensions") for entry in content.get("extensions", [])}  # fmt: skip
    unknown = {student for student, _ in extensions} - {student.id for student in people}
    if people and unknown:
        raise ValueError(f"an extension for {sorted(unknown)[0]!r}, who is not in the class list")
    return Course(
        people,
        resubmission,
        int(_number(late, "free_days", 0, 365)),
        _number(late, "penalty", 0, 100),
        _number(late, "most", 100, 100),
        {find_chapter(name, chapters): to_time(value, f"due.{name}") for name, value in content.get("due", {}).items()},
        extensions,
    )


def _refuse_unknown(content: Any, known: set[str], place: str) -> None:
    if not isinstance(content, dict):
        raise ValueError(f"[{place.rstrip('.')}] is to be a table")
    if unknown := sorted(content.keys() - known):
        raise ValueError(f"{place}{unknown[0]} is unknown; there are {', '.join(sorted(known))}")


def _number(content: dict, name: str, default: float, largest: float) -> float:
    value = content.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= largest:
        raise ValueError(f"late.{name} = {value!r}: a number from 0 to {largest:g}")
    return float(value)


def find_chapter(name: object, chapters: list[str]) -> str:
    """The chapter of this name or number. Raises: ValueError for none."""
    text = str(name)
    for chapter in chapters:
        if text == chapter or (text.isdecimal() and int(text) == int(re.match(r"\d+", chapter).group())):
            return chapter
    raise ValueError(f"{text}: no such chapter; there are {', '.join(chapters)}")


def to_time(value: object, what: str) -> datetime:
    """A time with its zone, from one of TOML or from text. Raises: ValueError."""
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
        return time.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{what} {value}: {EXAMPLE}") from error


def _student(entry: dict) -> Student:
    values = {str(name).strip().casefold().replace("-", ""): str(value or "").strip() for name, value in entry.items()}
    identity = values.get("id") or values.get("student") or values.get("username") or ""
    if not identity or identity in (".", "..") or "/" in identity or not identity.isprintable():
        raise ValueError(f"a student with the id {identity!r}; an id is text without slashes")
    return Student(identity, values.get("name", ""), values.get("email", ""))


def read_students(path: Path) -> tuple[Student, ...]:
    """A class list: a table with a column id, and name and email if wanted; or an id a line.

    Raises: FileNotFoundError, ValueError for an id that is missing or stands there twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such class list")
    lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    separator = next((mark for mark in ("\t", ";", ",") if lines and mark in lines[0]), ",")
    names = [name.strip().casefold() for name in lines[0].split(separator)] if lines else []
    if "id" in names or "student" in names or "username" in names:
        students = [_student(entry) for entry in csv.DictReader(lines, delimiter=separator)]
    else:
        students = [Student(line.strip()) for line in lines]
    ids = [student.id for student in students]
    twice = next((identity for identity in ids if ids.count(identity) > 1), None)
    if twice:
        raise ValueError(f"{path}: {twice!r} stands there twice")
    return tuple(students)
