"""What students hand in, in all the forms that it comes in: right work counts, and nothing stops the class."""

import copy
import json
import os
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from classroom import MEANS, SUMS, Classroom, hand_in, solved, write_chapters

from imagecourse.cli import main
from imagecourse.exercises.cells import read_notebook
from imagecourse.teaching.course import Course, Student, read_course
from imagecourse.teaching.inbox import companions, printable, read_inbox, read_received
from imagecourse.teaching.judging.cleaning import remove_folder
from imagecourse.teaching.marks import read_marks
from imagecourse.teaching.release import student_version

TOTAL, PRODUCT = (
    "def total(values):\n    return float(sum(values))",
    "def product(values):\n    return float(np.prod(values))",
)
ESSAY = "It does not matter in which order we add."
RIGHT = {"total": TOTAL, "product": PRODUCT, "why": ESSAY}
DUE = [("graded", 4), ("graded", 3), ("awaiting hand marking", None)]
# how programs save a notebook: minor version, cell ids kept, grading kept, widgets without their state
VARIANTS = {
    "colab": (0, False, True, True), "colab-bare": (0, False, False, False), "version-4.4": (4, False, True, False),
    "ids-in-metadata": (5, False, True, False), "ids-too-early": (0, True, True, False),
    "widgets": (5, True, True, True), "bare-with-ids": (5, True, False, False),
}  # fmt: skip


def saved_as(notebook: nbformat.NotebookNode, variant: str) -> str:
    minor, ids, grading, widgets = VARIANTS[variant]
    content = copy.deepcopy(dict(notebook))
    content["nbformat_minor"] = minor
    for each in content["cells"]:
        if not ids:
            each["metadata"]["id"] = each.pop("id")[:12]
        if not grading:
            each["metadata"].pop("nbgrader", None)
    if widgets:
        content["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"abc": {"model_module": "x"}}}
    return json.dumps(content)


def hand_in_oddities(room: Classroom) -> None:
    """Files and folders that go wrong in ways of their own."""
    right = solved(room.release, RIGHT)
    surrogate = solved(room.release, RIGHT | {"total": TOTAL + "\nmark = 'a\ud800b'"})
    surrogate.metadata["kernelspec"] = {"name": "k\udfff", "display_name": "x"}
    room.hand_in("surrogate", json.dumps(surrogate))
    room.hand_in("control", json.dumps(solved(room.release, RIGHT | {"why": "bell \x07 and null \x00 and \x1b[31m"})))
    twice = solved(room.release, RIGHT)
    for each in twice.cells:
        each["id"] = "same"
    room.hand_in("same-ids", json.dumps(twice))
    text = json.dumps(right)
    for name, content in (("bom", b"\xef\xbb\xbf" + text.encode()), ("utf16", text.encode("utf-16")),
                          ("truncated", text.encode()[:1500])):  # fmt: skip
        room.hand_in(name, "").write_bytes(content)
    broken = b"M\xfcller" + b"\n1"
    folder = Path(os.fsdecode(os.path.join(os.fsencode(room.submitted), broken)))
    folder.mkdir()
    (folder / "01_sums.ipynb").write_text(json.dumps(right))
    if hasattr(os, "mkfifo"):
        path = room.submitted / "fifo" / "01_sums" / "01_sums.ipynb"
        path.parent.mkdir(parents=True)
        os.mkfifo(path)
    path = room.hand_in("locked", RIGHT)
    path.chmod(0)
    (room.submitted / "folder-as-file" / "01_sums" / "01_sums.ipynb").mkdir(parents=True)
    far = room.hand_in("far", RIGHT)
    (far.parent / "timestamp.txt").write_text("9999-12-31T23:59:59-12:00")


@pytest.fixture(scope="module")
def formats(tmp_path_factory) -> Classroom:
    """One notebook in all forms, and odd files beside them, graded."""
    room = Classroom(tmp_path_factory.mktemp("formats"), SUMS)
    for variant in VARIANTS:
        room.hand_in(variant, saved_as(solved(room.release, RIGHT), variant))
    hand_in_oddities(room)
    for junk in ("__MACOSX/01_sums", ".git", "@eaDir"):
        (room.submitted / junk).mkdir(parents=True)
    (room.submitted / "__MACOSX/01_sums/._01_sums.ipynb").write_bytes(b"\0\5\x16\7")
    (room.submitted / ".DS_Store").write_bytes(b"\0")
    room.grade(jobs=2, trust_timestamps=True)
    return room


@pytest.mark.parametrize("variant", VARIANTS)
def test_right_work_counts_whatever_program_saved_it(formats, variant):
    assert formats.states(variant) == DUE
    assert formats.marks(variant)[2].answer == ESSAY
    assert "edited" not in formats.marks(variant)[0].remarks


def test_junk_is_no_student_and_odd_files_are_their_own_states(formats):
    found = {}
    for mark in read_marks(formats.graded):
        found.setdefault(mark.student, []).append(mark.state)
    odd = {"surrogate", "control", "same-ids", "bom", "utf16", "M%FCller%0A1", "far"}
    broken = {"truncated", "fifo"} | (set() if os.geteuid() == 0 else {"locked"})
    others = {"folder-as-file"} | ({"locked"} if os.geteuid() == 0 else set())
    assert set(found) == {*VARIANTS, *odd, *broken, *others}
    for name in odd:
        assert found[name] == [state for state, _ in DUE], name
    for name in broken:
        assert found[name] == ["failed to run"] * 3
    assert found["folder-as-file"] == ["missing"] * 3
    assert "no regular file" in formats.marks("fifo")[0].remarks
    assert formats.marks("far")[0].received.year < 9999


def test_every_command_after_grading_takes_them_all(formats, capsys, recwarn):
    options = ["--graded", str(formats.graded)]
    assert main(["teach", "feedback", *options]) == 0
    assert main(["teach", "export", *options, "--format", "xlsx", "--format", "canvas"]) == 0
    alike = ["--submitted", str(formats.submitted), "--output", str(formats.folder / "alike")]
    assert main(["teach", "similarity", *alike, "--notebooks", str(formats.notebooks)]) == 0
    assert "DuplicateCellId" not in capsys.readouterr().err
    assert not [warning for warning in recwarn if "cell" in str(warning.message).lower()]


def test_check_takes_a_notebook_without_cell_ids(formats, capsys):
    path = formats.submitted / "colab" / "01_sums" / "01_sums.ipynb"
    assert main(["teach", "check", str(path)]) == 0
    assert capsys.readouterr().out.count("passed") == 2


def put(path: Path, notebook: object, moment: str = "2026-03-01T12:00") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(notebook if isinstance(notebook, str) else json.dumps(notebook), encoding="utf-8")
    seconds = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    os.utime(path, (seconds, seconds))
    return path


@pytest.fixture(scope="module")
def releases(tmp_path_factory) -> dict:
    folder = write_chapters(tmp_path_factory.mktemp("chapters"), c01_sums=SUMS, c02_means=MEANS)
    return {path.stem: student_version(nbformat.read(path, as_version=4)) for path in sorted(folder.glob("*.ipynb"))}


CLASS = Course((Student("s1", "Ann Lee", "ann@x.org"), Student("s2", "Bob van Dyk"), Student("s3", "Çağla Öz")))


def found_in(submitted: Path, workspace: Path, releases: dict, course: Course = CLASS) -> dict:
    inbox = read_inbox(submitted, workspace, releases, course)
    return {key: [found.path.name for found in candidates] for key, candidates in inbox.found.items()}


def test_files_as_canvas_and_moodle_hand_them_out_find_their_students(tmp_path, releases):
    inbox, first, second = tmp_path / "in", releases["01_sums"], releases["02_means"]
    put(inbox / "Ann Lee_4711_assignsubmission_file_01_sums (1).ipynb", first)
    put(
        inbox / "Bob van Dyk_4712_assignsubmission_file_" / "work.ipynb",
        solved(second, {"mean": "def mean(values): 0"}),
    )
    put(inbox / "ozcagla_LATE_81_99_01_sums-2.ipynb", first)
    put(inbox / "ozcagla_81_98_01_sums.ipynb", first, "2026-02-01T12:00")
    put(inbox / "s2_01_sums.ipynb", first)
    put(inbox / "Zoe_02_means.ipynb", second)
    put(inbox / "02_means.ipynb", second)
    found = read_inbox(inbox, tmp_path, releases, CLASS)
    assert {key: [each.path.name for each in files] for key, files in found.found.items()} == {
        ("s1", "01_sums"): ["Ann Lee_4711_assignsubmission_file_01_sums (1).ipynb"],
        ("s2", "02_means"): ["work.ipynb"],
        ("s3", "01_sums"): ["ozcagla_81_98_01_sums.ipynb", "ozcagla_LATE_81_99_01_sums-2.ipynb"],
        ("s2", "01_sums"): ["s2_01_sums.ipynb"],
        ("Zoe", "02_means"): ["Zoe_02_means.ipynb"],
    }
    assert found.students == ["Zoe", "s1", "s2", "s3"]
    assert found.notes == ["02_means.ipynb lies beside the students' folders: whose is it?"]


def test_an_archive_keeps_its_times_and_a_students_own_does_not(tmp_path, releases):
    text = json.dumps(releases["01_sums"])
    inner = tmp_path / "mine.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(zipfile.ZipInfo("01_sums/01_sums.ipynb", (2020, 1, 1, 0, 0, 0)), text)
        archive.writestr("../../outside.ipynb", text)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr(
            zipfile.ZipInfo("class/Ann Lee_1_assignsubmission_file_/01_sums.ipynb", (2026, 3, 1, 8, 30, 0)), text
        )
        archive.writestr(zipfile.ZipInfo("class/s2/01_sums.zip", (2026, 3, 2, 9, 0, 0)), inner.read_bytes())
        archive.writestr("class/__MACOSX/._x.ipynb", "x")
    inbox = read_inbox(tmp_path / "all.zip", tmp_path / "work", releases, CLASS)
    received = {
        student: found[0].received.astimezone().replace(tzinfo=None) for (student, _), found in inbox.found.items()
    }
    assert received == {"s1": datetime(2026, 3, 1, 8, 30), "s2": datetime(2026, 3, 2, 9, 0)}
    assert not list(tmp_path.rglob("outside*"))
    put(tmp_path / "broken.zip", "no archive")
    with pytest.raises(ValueError, match="cannot be unpacked"):
        read_inbox(tmp_path / "broken.zip", tmp_path / "other", releases, CLASS)


def test_of_two_notebooks_the_newest_counts_or_the_best_and_it_is_said(tmp_path):
    room = Classroom(tmp_path, SUMS)
    folder = room.submitted / "ann" / "01_sums"
    put(folder / "solution.ipynb", solved(room.release, RIGHT), "2026-01-01T00:00")
    put(folder / "draft.ipynb", solved(room.release, {"total": TOTAL}), "2026-01-02T00:00")
    room.grade()
    assert [state for state, _ in room.states("ann")] == ["graded", "zero", "zero"]
    assert "2 notebooks: solution.ipynb, draft.ipynb; graded is draft.ipynb, the newest" in room.marks("ann")[0].remarks
    room.grade(course=Course(resubmission="best"))
    assert [state for state, _ in room.states("ann")] == ["graded", "graded", "awaiting hand marking"]


def test_handing_in_again_counts_as_the_policy_says(tmp_path):
    room, best = Classroom(tmp_path, SUMS), Course(resubmission="best")
    path = room.hand_in("ann", RIGHT)
    room.grade(course=best)
    put(path, solved(room.release, {"total": TOTAL}), "2030-01-01T00:00")
    summary = room.grade(course=best)
    assert summary.graded + summary.graded_before == 1
    assert room.states("ann") == DUE and "an earlier attempt" not in room.marks("ann")[0].remarks
    room.grade()
    assert [state for state, _ in room.states("ann")] == ["graded", "zero", "zero"]


def test_received_comes_from_a_table_the_file_or_where_trusted_the_timestamp(tmp_path, releases):
    path = hand_in(tmp_path / "in", "s1", "01_sums", releases["01_sums"])
    put(path, releases["01_sums"], "2026-05-01T10:00")
    (path.parent / "timestamp.txt").write_text("2020-01-01T00:00+00:00")
    plain, trusting = (read_inbox(tmp_path / "in", tmp_path, releases, CLASS, trust) for trust in (False, True))
    assert plain.found["s1", "01_sums"][0].received == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert trusting.found["s1", "01_sums"][0].received == datetime(2020, 1, 1, tzinfo=UTC)
    (tmp_path / "times.csv").write_text("student,chapter,time\nAnn Lee,1,2026-03-01T23:59+00:00\n")
    assert read_received(tmp_path / "times.csv", releases, CLASS) == {
        ("s1", "01_sums"): datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    }
    for text, reason in (("student,chapter,time\nann,7,2026-01-01\n", "line 2: 7: no such chapter"),
                         ("student,chapter,time\nann,1,soon\n", "give a time"), ("who\nann\n", "columns")):  # fmt: skip
        (tmp_path / "times.csv").write_text(text)
        with pytest.raises(ValueError, match=reason):
            read_received(tmp_path / "times.csv", releases, CLASS)


def test_a_deep_folder_and_a_pipe_do_not_keep_anyone_waiting(tmp_path, releases):
    path = hand_in(tmp_path / "in", "s1", "01_sums", releases["01_sums"])
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        for _ in range(1200):
            os.mkdir("n")
            os.chdir("n")
    finally:
        os.chdir(here)
    (path.parent / "data.csv").write_text("1")
    start = time.monotonic()
    assert found_in(tmp_path / "in", tmp_path, releases)["s1", "01_sums"] == ["01_sums.ipynb"]
    assert [each.name for each in companions(path)] == ["data.csv"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.ipynb")
        with pytest.raises(ValueError, match="no regular file"):
            read_notebook(tmp_path / "pipe.ipynb")
    assert time.monotonic() - start < 5
    remove_folder(path.parent)  # too deep for pytest


def test_names_that_cannot_be_written_get_one_that_can():
    assert printable("M\udcfcller") == "M%FCller" and printable("a\nb") == "a%0Ab" and printable("Zoë 1") == "Zoë 1"
    long = [printable("\udcff" * 200 + end) for end in "ab"]
    assert long[0] != long[1] and all(len(name.encode()) <= 120 for name in long)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--output", "in/graded"], "lies in the folder of submissions"),
        (["--output", "out", "--memory", "4"], "'4' is no size; give a number"),
        (["--output", "out", "--disk", "0G"], "is no size"),
        (["--output", "out", "--course", "none.toml"], "no such file of policies"),
        (["--output", "out", "--received", "none.csv"], "no such table of times"),
        (["--output", "out", "--due", "1", "soon"], "give a time"),
        (["--output", "out", "--sandbox", "docker"], "no sandbox here"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path, monkeypatch, capsys, options, reason):
    monkeypatch.chdir(tmp_path)
    write_chapters(tmp_path / "notebooks")
    (tmp_path / "in" / "ann").mkdir(parents=True)
    try:
        status = main(["teach", "grade", "--submitted", "in", "--notebooks", "notebooks", *options])
    except SystemExit as error:
        status = error.code
    assert status == 2 and reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_sizes_are_read_with_their_unit():
    from imagecourse.commands.teach_class import _size

    assert [_size(text) for text in ("4T", "4g", "500M", "0.5 GB", "20480K")] == [
        4 * 2**40, 4 * 2**30, 500 * 2**20, 2**29, 20 * 2**20]  # fmt: skip


COURSE = """students = "class.csv"
resubmission = "best"
[late]
free_days = 2
penalty = 10
[due]
01 = 2026-03-01T23:59:00+01:00
02_means = 2026-03-08T23:59
[[extensions]]
student = "ann"
chapter = 1
due = 2026-03-05T23:59:00Z
"""


def test_policies_come_from_one_file(tmp_path):
    (tmp_path / "class.csv").write_text("\ufeffid;name;e-mail\nann;Ann Lee;ann@x.org\nbob;;\n", encoding="utf-8")
    (tmp_path / "course.toml").write_text(COURSE)
    course = read_course(tmp_path / "course.toml", ["01_sums", "02_means"])
    assert course.students == (Student("ann", "Ann Lee", "ann@x.org"), Student("bob"))
    assert (course.resubmission, course.free_days, course.penalty, course.most) == ("best", 2, 10, 100)
    assert course.due_for("bob", "01_sums") == datetime(2026, 3, 1, 22, 59, tzinfo=UTC)
    assert course.due_for("ann", "01_sums") == datetime(2026, 3, 5, 23, 59, tzinfo=UTC)
    assert course.due_for("ann", "03_other") is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("penalty = 10", "penalty = 200"), "late.penalty = 200: a number from 0 to 100"),
        (("free_days", "days"), "late.days is unknown"),
        (('"best"', '"last"'), "newest or best"),
        (("01 =", "07 ="), "7: no such chapter|07: no such chapter"),
        (('student = "ann"', 'student = "zoe"'), "not in the class list"),
        (("class.csv", "none.csv"), "no such class list"),
        (("2026-03-08T23:59", '"soon"'), "give a time"),
        (("[late]", "[late"), "not TOML"),
    ],
)
def test_a_wrong_policy_is_named(tmp_path, change, reason):
    (tmp_path / "class.csv").write_text("id,name,email\nann,Ann Lee,ann@x.org\n")
    (tmp_path / "course.toml").write_text(COURSE.replace(*change))
    with pytest.raises((ValueError, FileNotFoundError), match=reason):
        read_course(tmp_path / "course.toml", ["01_sums", "02_means"])
