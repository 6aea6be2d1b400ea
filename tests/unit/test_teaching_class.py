"""Two small chapters and a made-up class of forty submissions, graded as a teacher would, and given back."""

import shutil
import socket
from pathlib import Path
from textwrap import indent

import nbformat
import openpyxl
import pandas as pd
import pytest
from classroom import NO_SANDBOX, WALLS, hand_in, solved, write_chapters
from nbformat.v4 import new_code_cell

from imagecourse.cli import main
from imagecourse.teaching.grade import Settings, grade_submissions
from imagecourse.teaching.marks import read_marks

TOTAL = "def total(values):\n    return float(sum(values))"
PRODUCT = "def product(values):\n    result = 1.0\n    for value in values:\n        result *= value\n    return result"
MEAN = "def mean(values):\n    return sum(values) / len(values)"
RIGHT = {"total": TOTAL, "product": PRODUCT}
FULL, NONE = ("graded", 4), ("zero", 0)
BY_HAND, EMPTY = ("awaiting hand marking", None), ("zero", 0)
STOPPED, LATE_CELL = ("failed to run", 0), ("timed out", 0)
TIMEOUT = 6


def product(body: str) -> dict[str, str]:
    """A right total, and a product with this body."""
    return {"total": TOTAL, "product": "def product(values):\n" + indent(body, "    ")}


def mean(body: str, before: str = "") -> dict[str, str]:
    return {"mean": f"{before}\ndef mean(values):\n" + indent(body, "    ")}


# student: answers, then what is due for total, product and why
FIRST = {
    "ann": (RIGHT | {"why": "It does not matter in which order we add."}, FULL, ("graded", 3), BY_HAND),
    "bob": ({"total": "import numpy as np\n\n" + TOTAL, "product": PRODUCT}, FULL, ("graded", 3), EMPTY),
    "cat": ({"total": TOTAL, "product": "def product(values):\n    return 6"}, FULL, NONE, EMPTY),
    "eve": ({}, NONE, NONE, EMPTY),
    "fay": ({"total": TOTAL, "product": "def product(values)\n    return 6"}, FULL, NONE, EMPTY),
    "ned": (product("while True:\n    pass"), FULL, LATE_CELL, EMPTY),
    "oda": (
        product("while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt:\n        pass"),
        FULL, LATE_CELL, EMPTY,
    ),
    "max": (
        RIGHT | {"total": "import numpy as np\nnp.testing.assert_allclose = lambda *a, **k: None\n\n"
                 "def total(values):\n    return float(sum(map(int, values)))"},
        NONE, ("graded", 3), EMPTY,
    ),
    "zoe": (
        {"total": "import linecache, sys\nloot = []\n\ndef total(values):\n"
                  "    loot[:] = linecache.getlines(sys._getframe(1).f_code.co_filename)\n"
                  "    return float(sum(values))",
         "product": "def product(values):\n    raise AssertionError(''.join(loot) + str(get_ipython().user_ns['In']))"},
        FULL, NONE, EMPTY,
    ),
}  # fmt: skip
FIRST_WALLED = {
    "pat": (product("hog = []\nwhile True:\n    hog.append(b'x' * 2**27)"), FULL, NONE, EMPTY),
    "quy": (product("import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"),
            FULL, STOPPED, EMPTY),
    "rob": (
        product("number = 0\nwhile True:\n    open(f'filler{number}', 'wb').write(b'x' * 2**23)\n    number += 1"),
        FULL, NONE, EMPTY,
    ),
    "sue": (
        product("import json\ncells = json.load(open('{notebooks}/01_sums.ipynb'))['cells']\n"
                "exec(''.join(cells[7]['source']), globals())\nreturn product(values)"),
        FULL, NONE, EMPTY,
    ),
    "tom": (product("import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)\nreturn 6"), FULL, NONE, EMPTY),
}  # fmt: skip
SECOND = {
    "ann": ({"mean": MEAN}, ("graded", 5)),
    "bob": ({"mean": MEAN}, ("graded", 5)),
    "cat": (mean("return sum(values) // len(values)"), NONE),
    "dan": (
        mean("return Liar()", "class Liar(int):\n    __eq__ = __ne__ = __lt__ = __gt__ = lambda *a: True\n"
             "    __hash__ = None\n"),
        NONE,
    ),
    "eve": (mean("return 2.0", "math.isclose = lambda *a: True"), NONE),
    "fay": (mean("import sys\nsys.exit(0)"), NONE),
    "hal": (mean("return 2", "isinstance = lambda *a: True\nclass math:\n    isclose = lambda *a: True\n"), NONE),
    "kim": (mean("import os\nos._exit(0)"), STOPPED),
    "mia": (mean("return 2.0", "get_ipython().input_transformers_post.append(lambda lines: [])"), NONE),
    "ned": (mean("while True:\n    print('x' * 100)"), LATE_CELL),
    "pat": (
        mean("return 2.0", "from IPython.display import publish_display_data\n"
             "publish_display_data({'application/x-imagecourse-done': 'guess'})"),
        NONE,
    ),
    "sue": ({"mean": MEAN}, ("graded", 5)),
    "=1+1": ({"mean": MEAN}, ("graded", 5)),
}  # fmt: skip
SECOND_WALLED = {
    "ida": (
        mean("import shutil\nfor folder in ('{notebooks}', '{submitted}', '{graded}', '..'):\n"
             "    shutil.rmtree(folder, ignore_errors=True)\nreturn sum(values) / len(values)"),
        ("graded", 5),
    ),
    "jon": (
        mean("import sqlite3\nbook = sqlite3.connect('{graded}/gradebook.db')\n"
             "book.execute('update grade set auto_score = 5')\nbook.commit()\nreturn 2.0"),
        NONE,
    ),
    "leo": (
        mean("import os\nfor process in (1, os.getppid()):\n    try:\n        os.kill(process, 9)\n"
             "    except OSError:\n        pass\nreturn sum(values) / len(values)"),
        ("graded", 5),
    ),
}  # fmt: skip


def hand_in_special(submitted: Path, release: dict[str, Path]) -> tuple[dict, dict]:
    """Submissions that are odd as files; gives what is due for each."""
    first, second = release["01_sums"], release["02_means"]
    failed = (STOPPED, STOPPED, STOPPED)
    hand_in(submitted, "gus", "01_sums", '{"cells": [,]')
    hand_in(submitted, "hal", "01_sums", '["a list"]')
    hand_in(submitted, "ida", "01_sums", "")
    hand_in(submitted, "quy", "02_means", "[" * 100_000)

    executed = solved(first, RIGHT)
    executed.cells[2].outputs = [nbformat.v4.new_output("stream", text="old")]
    executed.cells.insert(3, new_code_cell('seed = "broken"', metadata={"tags": ["injected-parameters"]}))
    hand_in(submitted, "jon", "01_sums", executed)

    renamed = solved(first, RIGHT)
    for cell in renamed.cells:
        if cell.id in ("total", "product-tests"):
            cell["id"] = f"my-{cell.id}"
            cell.metadata = {}
    hand_in(submitted, "kim", "01_sums", renamed)

    gone = solved(first, {"total": TOTAL})
    gone.cells = [cell for cell in gone.cells if cell.id not in ("imports", "total-tests", "product")]
    hand_in(submitted, "leo", "01_sums", gone)

    other_kernel = solved(first, RIGHT)
    other_kernel.metadata["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    hand_in(submitted, "mia", "01_sums", other_kernel)

    edited = solved(second, {"mean": "def mean(values):\n    return 7", "mean-tests": "assert True"})
    hand_in(submitted, "gus", "02_means", edited)

    (submitted / "rob" / "02_means").mkdir(parents=True)
    (submitted / "rob" / "02_means" / "02_means.ipynb").symlink_to(submitted / "ann" / "02_means" / "02_means.ipynb")
    done = (FULL, ("graded", 3), EMPTY)
    due = dict.fromkeys(("gus", "hal", "ida"), failed) | dict.fromkeys(("jon", "kim", "mia"), done)
    return due | {"leo": (FULL, NONE, EMPTY)}, {"gus": (NONE,), "quy": (STOPPED,), "rob": (STOPPED,)}


def write_class(folder: Path, port: int) -> dict:
    """Hand in everything; gives what is due: chapter, student to (state, points) of each exercise."""
    submitted, chapters = folder / "submitted", ("01_sums", "02_means")
    release = {name: folder / "release" / name / f"{name}.ipynb" for name in chapters}
    places = {"notebooks": folder / "notebooks", "submitted": submitted, "graded": folder / "graded", "port": port}
    walled = ({}, {}) if NO_SANDBOX else (FIRST_WALLED, SECOND_WALLED)
    due = dict(zip(chapters, hand_in_special(submitted, release), strict=True))
    for name, table in zip(chapters, (FIRST | walled[0], SECOND | walled[1]), strict=True):
        for student, (answers, *expected) in table.items():
            for place, path in places.items():
                answers = {cell: source.replace(f"{{{place}}}", str(path)) for cell, source in answers.items()}
            hand_in(submitted, student, name, solved(release[name], answers))
            due[name][student] = tuple(expected)
    return due


@pytest.fixture(scope="module")
def graded_class(tmp_path_factory):
    """A released, handed-in and graded class: its folder, and what is due."""
    folder = tmp_path_factory.mktemp("class")
    notebooks = ["--notebooks", str(write_chapters(folder / "notebooks"))]
    assert main(["teach", "release", str(folder / "release"), *notebooks]) == 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        due = write_class(folder, server.getsockname()[1])
        (folder / "submitted" / "ann" / "02_means" / "timestamp.txt").write_text("2100-03-05T00:10+01:00")
        (folder / "received.csv").write_text(
            "student,chapter,time\nsue,2,2100-03-02T00:10+01:00\nbob,02_means,2100-03-01T23:50+01:00\n"
        )
        (folder / "students.txt").write_text("ann\numa\n")
        options = ["--submitted", str(folder / "submitted"), "--output", str(folder / "graded"), *notebooks]
        options += ["--jobs", "2", "--timeout", str(TIMEOUT), "--memory", "1G", "--disk", "50M"]
        options += ["--students", str(folder / "students.txt"), "--due", "2", "2100-03-02T00:00+01:00"]
        options += ["--received", str(folder / "received.csv")]
        options += ["--no-sandbox"] if NO_SANDBOX else []
        assert main(["teach", "grade", *options]) == 1  # some did not run to their end, and are named
        with pytest.raises(TimeoutError):
            server.accept()
    return folder, due, options


def test_every_state_and_all_points_are_as_computed_by_hand(graded_class):
    folder, due, _ = graded_class
    assert NO_SANDBOX or sum(len(students) for students in due.values()) == 40
    found = {}
    for mark in read_marks(folder / "graded"):
        found.setdefault((mark.chapter, mark.student), []).append((mark.state, mark.points))
    expected = {(name, student): list(rows) for name, students in due.items() for student, rows in students.items()}
    for chapter, exercises in (("01_sums", 3), ("02_means", 1)):
        for student in {name for _, name in found} - set(due[chapter]):
            expected[chapter, student] = [("missing", 0)] * exercises
    assert found == expected
    assert ("02_means", "uma") in found


def test_the_teacher_hears_what_was_odd(graded_class):
    remarks = {(mark.chapter, mark.student): mark.remarks for mark in read_marks(graded_class[0] / "graded")}
    assert remarks["01_sums", "jon"] == remarks["01_sums", "ann"] == ""
    assert "found by its function's name" in remarks["01_sums", "kim"]
    assert remarks["01_sums", "leo"] == "total-tests: was missing; product: was missing"
    assert remarks["01_sums", "mia"] == "its kernel was ir"
    assert remarks["02_means", "gus"] == "mean-tests: the tests had been edited"
    assert "invalid JSON" in remarks["01_sums", "gus"]
    assert "link" in remarks["02_means", "rob"]
    assert "get_ipython" in remarks["02_means", "mia"]


def test_hostile_code_left_everything_where_it_was(graded_class):
    folder, _, _ = graded_class
    assert len(list((folder / "notebooks").iterdir())) == 2
    release = {path.name for path in (folder / "release").iterdir()}
    assert release >= {"01_sums", "02_means", "lib", "README.md", "requirements.txt", "pyproject.toml"}
    assert (folder / "submitted" / "ann" / "01_sums" / "01_sums.ipynb").is_file()
    assert not list(folder.rglob("filler*"))


def test_grading_again_runs_nothing_and_a_change_runs_one(graded_class, capsys):
    folder, due, options = graded_class
    assert main(["teach", "grade", *options]) == 1
    count = sum(len(students) for students in due.values())
    assert f"0 graded, {count} graded before" in capsys.readouterr().out
    path = folder / "submitted" / "=1+1" / "02_means" / "02_means.ipynb"
    path.write_text(path.read_text() + "\n")
    assert main(["teach", "grade", *options]) == 1
    assert f"1 graded, {count - 1} graded before" in capsys.readouterr().out


def test_feedback_says_what_failed_and_hides_what_is_hidden(graded_class):
    folder, due, _ = graded_class
    assert main(["teach", "feedback", "--graded", str(folder / "graded")]) == 0
    pages = {
        f"{path.stem}/{path.parent.name}": path.read_text() for path in (folder / "graded/feedback").rglob("*.html")
    }
    assert set(pages) == {f"{chapter}/{student}" for chapter, students in due.items() for student in students}
    secrets = ("type(total(", "-8.25", "product([4, 5])", "isclose(mean", "associative.")
    assert [name for name, page in pages.items() if any(secret in page for secret in secrets)] == []
    assert not any(part in page for page in pages.values() for part in ("<script", "http://", "https://", "url("))
    assert "the mean of one and three is two" in pages["02_means/gus"]
    assert "a further test, on other values, does not" in pages["02_means/cat"]
    assert "This does not hold: assert product([2, 3])" in pages["01_sums/zoe"]
    assert "expected &#39;:&#39;, in line 1" in pages["01_sums/fay"]
    assert "ran longer than" in pages["01_sums/ned"]
    assert "7 of 9 points" in pages["01_sums/bob"] and "Handed in late by 1 day" in pages["02_means/sue"]
    assert "Handed in late" not in pages["02_means/ann"]


def test_export_has_every_mark_in_both_tables_and_a_page_of_figures(graded_class):
    folder, due, _ = graded_class
    assert main(["teach", "export", "--graded", str(folder / "graded")]) == 0
    table = pd.read_csv(folder / "graded/export/marks.csv")
    points = table[table["exercise"] != "why"].groupby(["chapter", "student"])["points"].sum()
    for chapter, students in due.items():
        for student, rows in students.items():
            name = "'=1+1" if student == "=1+1" else student
            assert points[chapter, name] == sum(mark or 0 for _, mark in rows[:2])
    second = table[table["chapter"] == "02_means"].set_index("student")
    assert second["late days"].to_dict() == dict.fromkeys(second.index, 0) | {"sue": 1}
    book = openpyxl.load_workbook(folder / "graded/export/marks.xlsx")
    assert book["marks"].max_row == len(table) + 1
    assert not [cell for sheet in book for row in sheet for cell in row if cell.data_type == "f"]
    page = (folder / "graded/export/statistics.html").read_text()
    assert page.count("data:image/png") == 3 and "ned" in page
    assert not any(part in page for part in ("<script", "http://", "https://"))


def test_one_after_the_other_gives_the_same_marks(graded_class, tmp_path):
    folder, due, _ = graded_class
    for name in ("ann", "cat", "leo"):
        shutil.copytree(folder / "submitted" / name / "01_sums", tmp_path / "submitted" / name / "01_sums")
    settings = Settings(walls=WALLS)
    summary = grade_submissions(tmp_path / "submitted", tmp_path / "graded", settings, notebooks=folder / "notebooks")
    assert (summary.graded, summary.missing, summary.failures) == (3, 0, [])
    marks = {}
    for mark in read_marks(tmp_path / "graded"):
        marks.setdefault(mark.student, []).append((mark.state, mark.points))
    assert marks == {name: list(due["01_sums"][name]) for name in ("ann", "cat", "leo")}


def test_without_walls_the_command_wants_to_be_told(graded_class, tmp_path, monkeypatch, capsys):
    _, _, options = graded_class
    monkeypatch.setattr("imagecourse.teaching.judging.sandbox.TOOLS", ("no-such-tool",))
    options = [option for option in options if option != "--no-sandbox"]
    options[options.index("--output") + 1] = str(tmp_path)
    assert main(["teach", "grade", *options]) == 2
    assert "--no-sandbox" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_walls_a_submission_is_still_graded(graded_class, tmp_path, capsys):
    folder, _, _ = graded_class
    text = (folder / "submitted" / "bob" / "01_sums" / "01_sums.ipynb").read_text()
    hand_in(tmp_path / "submitted", "bob", "01_sums", text)
    options = ["--submitted", str(tmp_path / "submitted"), "--output", str(tmp_path / "graded"), "--no-sandbox"]
    assert main(["teach", "grade", *options, "--notebooks", str(folder / "notebooks")]) == 0
    assert [mark.points for mark in read_marks(tmp_path / "graded")] == [4, 3, 0]


def test_check_tells_a_student_how_far_she_is(graded_class, tmp_path, capsys):
    notebook = solved(graded_class[0] / "release/01_sums/01_sums.ipynb", {"total": "def total(values):\n    return 4"})
    path = hand_in(tmp_path, "me", "01_sums", notebook)
    content = path.read_bytes()
    assert main(["teach", "check", str(path)]) == 1
    out = capsys.readouterr().out
    assert "one and two are three" in out and "NotImplementedError" in out
    assert out.count("failed") == 2 and "marked by hand" in out
    assert path.read_bytes() == content
    hand_in(tmp_path, "you", "01_sums", solved(path, RIGHT))
    assert main(["teach", "check", str(tmp_path / "you/01_sums/01_sums.ipynb")]) == 0
    assert main(["teach", "check", str(tmp_path / "nowhere.ipynb")]) == 2


@pytest.mark.skipif(not NO_SANDBOX, reason="the sandbox works here")
def test_the_walls_were_tried():
    pytest.skip(f"bubblewrap wanted, hostile submissions were left out: {NO_SANDBOX}")
