"""Who handed in what, and when: a folder for each student, files as Canvas and Moodle hand them out, an archive."""

import csv
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from nbformat import NotebookNode

from imagecourse.exercises.cells import defined_names, grade_id, is_solution, read_notebook
from imagecourse.teaching.archives import unpack
from imagecourse.teaching.course import Course, find_chapter, to_time

JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir", "__pycache__", "lost+found"}
MOODLE = re.compile(r"^(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)$")
CANVAS = re.compile(r"^(?P<name>[^\W_]+(?:-[^\W_]+)*)_(?:LATE_)?(?P<number>\d+)_\d+_(?P<file>.+)$")
DEEPEST = 3  # folders below a student's
MOST_ENTRIES = 5000  # in one folder
LONGEST_NAME = 120  # bytes
LARGEST_COMPANIONS = 50 * 2**20  # bytes of files that come with a notebook


@dataclass(frozen=True)
class Found:
    """A notebook that somebody handed in for a chapter. received: when; remarks: for the teacher."""

    path: Path
    received: datetime
    remarks: tuple[str, ...] = ()


@dataclass
class Inbox:
    """`found`: by student and chapter, all candidates, the newest last. notes: what belongs to nobody, in sentences."""

    students: list[str] = field(default_factory=list)
    found: dict[tuple[str, str], list[Found]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)


def read_inbox(
    submitted: Path, workspace: Path, releases: dict[str, NotebookNode], course: Course, trust_timestamps: bool = False
) -> Inbox:
    """Look through a folder or ZIP archive of submissions.

    workspace: a folder for what is unpacked. releases: by chapter, what students got of it. trust_timestamps: believe
    a timestamp.txt beside a notebook. Raises: FileNotFoundError, ValueError for no folder and no archive.
    """
    if submitted.suffix.lower() == ".zip" and submitted.is_file():
        unpack(submitted, workspace / "archive", keep_times=True)
        submitted = _class_folder(workspace / "archive", releases)
    if not submitted.is_dir():
        raise FileNotFoundError(f"{submitted}: no such folder of submissions")
    inbox = Inbox()
    for entry in _entries(submitted):
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            student, files = _person(path.name, course)[0], _notebooks(path, workspace, 0)
            _add(inbox, student, [(file, file.name) for file in files], releases, trust_timestamps)
        elif path.suffix in (".ipynb", ".zip"):
            _add_flat(inbox, path, workspace, releases, course, trust_timestamps)
    inbox.students = sorted({*inbox.students, *(student.id for student in course.students)})
    for candidates in inbox.found.values():
        candidates.sort(key=lambda found: (found.received, found.path.stem in releases, str(found.path)))
    return inbox


def _class_folder(folder: Path, chapters: Iterable[str]) -> Path:
    """Where the students' folders lie in an unpacked archive: at its top, or in the one folder that it holds."""
    entries = list(_entries(folder))
    if len(entries) == 1 and entries[0].is_dir(follow_symlinks=False):
        inside = [entry.name for entry in _entries(Path(entries[0].path)) if entry.is_dir(follow_symlinks=False)]
        if inside and not set(inside) & set(chapters):
            return Path(entries[0].path)
    return folder


def _entries(folder: Path) -> list[os.DirEntry]:
    """What lies in a folder but for hidden files and what systems leave behind; nothing where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if entry.name not in JUNK and not entry.name.startswith(".")]
    except OSError:
        return []
    return sorted(found, key=lambda entry: entry.name)[:MOST_ENTRIES]


def printable(name: str) -> str:
    """A name that can be written anywhere: bytes that are no UTF-8 and control characters as %XX, and not too long."""
    text = "".join(character if character.isprintable() else "".join(f"%{byte:02X}" for byte in
                   character.encode("utf-8", "surrogateescape")) for character in name).strip() or "%20"  # fmt: skip
    if len(text.encode()) <= LONGEST_NAME:
        return text
    return f"{text[: LONGEST_NAME // 4]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _person(name: str, course: Course) -> tuple[str, str]:
    """The id of the student in the name of a folder or file, and the name of the file itself."""
    match = MOODLE.match(name) or CANVAS.match(name)
    if not match:
        return course.find(name) or printable(name), name
    found = course.find(match["name"], match["number"])
    return found or printable(f"{match['name']}_{match['number']}"), match["file"]


def _notebooks(folder: Path, workspace: Path, depth: int) -> list[Path]:
    """Notebooks in a student's folder, those in archives too; links and other oddities by their names."""
    files = []
    for entry in _entries(folder):
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            files += _notebooks(path, workspace, depth + 1) if depth < DEEPEST else []
        elif path.suffix == ".zip" and entry.is_file(follow_symlinks=False):
            files += _from_archive(path, workspace)
        elif path.suffix == ".ipynb" or entry.is_symlink():
            files.append(path)
    return files


def _from_archive(path: Path, workspace: Path) -> list[Path]:
    target = workspace / f"unpacked-{len(list(workspace.iterdir()))}" / path.stem
    try:
        unpack(path, target, keep_times=False)
    except (ValueError, OSError):
        return []
    return _notebooks(target, workspace, 1)


def _add_flat(
    inbox: Inbox, path: Path, workspace: Path, releases: dict, course: Course, trust_timestamps: bool
) -> None:
    """A file that lies beside others, with its student in its name."""
    student, rest = _person(path.name, course)
    if rest == path.name:  # no name that Moodle or Canvas gives: the chapter's name cut out leaves the student
        stem = next((chapter for chapter in releases if chapter in path.stem), "")
        name = re.sub(r"^[\s_-]+|[\s_-]+$", "", path.stem.replace(stem, "", 1)) if stem else path.stem
        if not name:
            inbox.notes.append(f"{printable(path.name)} lies beside the students' folders: whose is it?")
            return
        student = course.find(name) or printable(name)
    files = _from_archive(path, workspace) if path.suffix == ".zip" else [path]
    _add(inbox, student, [(file, rest if file is path else file.name) for file in files], releases, trust_timestamps)


def _add(
    inbox: Inbox, student: str, files: list[tuple[Path, str]], releases: dict[str, NotebookNode], trust: bool
) -> None:
    inbox.students.append(student)
    for path, name in files:
        chapter = _chapter_of(path, name, releases)
        if chapter:
            inbox.found[student, chapter].append(Found(path, _received(path, trust)))


def _chapter_of(path: Path, name: str, releases: dict[str, NotebookNode]) -> str:
    """Which chapter a notebook is: by its name, that of its folder, or what it holds; empty where nothing tells."""
    by_name = [chapter for chapter in releases if chapter in name]
    by_folder = [chapter for chapter in releases if chapter == path.parent.name]
    if by_name or by_folder:
        return (by_name or by_folder)[0]
    try:
        notebook = read_notebook(path)
    except (ValueError, OSError):
        return ""
    names = {grade_id(cell) for cell in notebook.cells} | set().union(*(defined_names(cell.source)
             for cell in notebook.cells if cell.cell_type == "code"))  # fmt: skip
    shares = {chapter: _share(names, release) for chapter, release in releases.items()}
    best = max(shares, key=shares.get, default="")
    return best if best and shares[best] >= 0.5 else ""


def _share(names: set[str], release: NotebookNode) -> float:
    """The share of a chapter's solutions whose grade id or function is among the names."""
    solutions = [cell for cell in release.cells if is_solution(cell) and cell.cell_type == "code"]
    known = [bool(names & {grade_id(cell), *defined_names(cell.source)}) for cell in solutions]
    return sum(known) / max(1, len(known))


def _received(path: Path, trust: bool) -> datetime:
    """When a file came in: its time in the file system; that in timestamp.txt beside it where that is trusted."""
    stamp = path.parent / "timestamp.txt"
    if trust and stamp.is_file() and not stamp.is_symlink() and stamp.stat().st_size < 200:
        try:
            return to_time(stamp.read_text(encoding="utf-8", errors="replace"), "timestamp.txt")
        except (ValueError, OSError):
            pass
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except (OSError, ValueError, OverflowError):
        return datetime.now(UTC)


def read_received(path: Path, chapters: Iterable[str], course: Course) -> dict[tuple[str, str], datetime]:
    """When submissions came in, from a table with the columns student, chapter and time.

    Raises: FileNotFoundError, ValueError: which line is wrong.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such table of times")
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    times = {}
    for number, row in enumerate(rows, 2):
        if not {"student", "chapter", "time"} <= row.keys():
            raise ValueError(f"{path}: the columns student, chapter and time are wanted")
        try:
            chapter = find_chapter((row["chapter"] or "").strip(), list(chapters))
            name = (row["student"] or "").strip()
            times[course.find(name) or printable(name), chapter] = to_time(row["time"], "time")
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
    return times


def companions(path: Path) -> list[Path]:
    """Small files beside a notebook in a folder of its own, which its code may read; links, notebooks and hidden files
    are left out, and all where they are many or large."""
    if path.parent.name != path.stem:
        return []
    files, waiting = [], [(path.parent, 0)]
    while waiting:
        folder, depth = waiting.pop()
        for entry in _entries(folder):
            if entry.is_dir(follow_symlinks=False) and depth < DEEPEST:
                waiting.append((Path(entry.path), depth + 1))
            elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(".ipynb"):
                files.append(entry)
    fits = sum(entry.stat(follow_symlinks=False).st_size for entry in files) <= LARGEST_COMPANIONS
    readable = [Path(entry.path) for entry in files if os.access(entry.path, os.R_OK)]
    return sorted(readable) if fits else []
