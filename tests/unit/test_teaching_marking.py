"""Marks by hand: given on our own page or nbgrader's, kept as long as the answer is the same, never shown as markup."""

import copy
import csv
import http.client
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import nbformat
import openpyxl
import pandas as pd
import pytest
from classroom import SUMS, Classroom, cell
from nbconvert import HTMLExporter

from imagecourse.cli import main
from imagecourse.exercises.cells import find_exercises
from imagecourse.teaching.course import Course, Student, read_students
from imagecourse.teaching.export import harmless
from imagecourse.teaching.gradebook import give_mark, open_book
from imagecourse.teaching.harmless import as_literal_text
from imagecourse.teaching.judging.sandbox import NONE
from imagecourse.teaching.marking import enter_mark, enter_marks, marking_page, to_points, write_marking_page
from imagecourse.teaching.marking_server import MarkingServer
from imagecourse.teaching.marks import by_chapter, read_marks
from imagecourse.teaching.similarity import write_similarity

TOTAL, PRODUCT = (
    "def total(values):\n    return float(sum(values))",
    "def product(values):\n    return float(np.prod(values))",
)
EVIL = (
    'Because. <script>fetch("/api/terminals")</script> <img src=x onerror=alert(1)> [x](javascript:alert(1))\n\n'
    "~~~~\n</code></pre><script>alert(2)</script>\n~~~~\n\n$\\href{javascript:alert(3)}{x}$"
)
EVIL_OUTPUT = (
    "from IPython.display import HTML, Javascript, SVG, display\ndisplay(HTML('<script>alert(4)</script>'))\n"
    "display(Javascript('alert(5)'))\nprint('<script>alert(6)</script>')\n" + TOTAL
)
PLUS = "By commutativity."


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Classroom:
    """Three students, with answers in words, graded."""
    room = Classroom(tmp_path_factory.mktemp("marking"), SUMS)
    room.hand_in("ann", {"total": TOTAL, "product": PRODUCT, "why": PLUS})
    room.hand_in("evil", {"total": EVIL_OUTPUT, "product": PRODUCT, "why": EVIL})
    room.hand_in("=cmd()", {"total": TOTAL, "why": PLUS + "\nAnd more."})
    room.grade(jobs=2, course=Course((Student("ann", "Ann Lee"), Student("gone", "Gone Away"))))
    return room


def entry(student: str, points: object, comment: str = "", exercise: str = "why") -> dict:
    return {"student": student, "chapter": "01_sums", "exercise": exercise, "points": points, "comment": comment}


def mark(room: Classroom, student: str, exercise: str = "why"):
    return next(each for each in room.marks(student) if each.exercise.name == exercise)


def test_what_a_student_writes_or_puts_out_is_no_markup_anywhere(graded):
    path = graded.graded / "autograded" / "evil" / "01_sums" / "01_sums.ipynb"
    notebook = nbformat.read(path, as_version=4)
    kinds = {kind for each in notebook.cells for output in each.get("outputs", []) for kind in output.get("data", {})}
    assert kinds <= {"text/plain", "image/png"}
    shown = [HTMLExporter(template_name="basic").from_notebook_node(notebook)[0], marking_page(graded.graded, True)]
    main(["teach", "feedback", "--graded", str(graded.graded)])
    shown.append((graded.graded / "feedback" / "evil" / "01_sums.html").read_text())
    for page in shown:
        assert not re.search(r"<script>(fetch|alert)", page)
        assert not re.search(r"<(img|a)[^>]*(onerror|javascript:)", page)
        assert "&lt;script&gt;" in page or "&lt;script&gt;fetch" in page
    assert "alert(3)" not in re.sub(r"<pre.*?</pre>|<div class=.highlight.*?</div>", "", shown[0], flags=re.DOTALL)
    assert "script" in graded.marks("evil")[0].remarks


def test_a_fence_is_longer_than_any_inside():
    text = as_literal_text("~~~~~\nx\n~~~~~\x07")
    assert text == "~~~~~~text\n~~~~~\nx\n~~~~~\n~~~~~~"


def test_the_page_has_every_answer_beside_the_scheme_and_lets_only_its_own_script_run(graded, tmp_path):
    page = write_marking_page(graded.graded, tmp_path / "marking.html").read_text()
    assert page.count('<article class="answer"') == 9 and page.count('data-waiting="yes"') == 3
    assert "one point each" in page and "commutative and associative" in page and "Ann Lee" in page
    assert "script-src 'sha256-" in page and "default-src 'none'" in page and page.count("<script>") == 1
    assert not re.search(r"(src|href)=.https?:", page)


def request(server: MarkingServer, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    content = body if isinstance(body, str) or body is None else json.dumps(body)
    connection.request(method, path, content, {"Content-Type": "application/json"} | headers)
    reply = connection.getresponse()
    return reply.status, reply.read().decode()


def test_the_served_page_saves_to_the_grade_book_and_refuses_strangers(graded):
    server = MarkingServer(graded.graded)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place = "/" + server.address.split("/", 3)[3]
    try:
        assert request(server, "GET", place)[0] == 200
        for path, headers in (("/", {}), ("/guess/", {}), (place, {"Host": "evil.example"})):
            assert request(server, "GET", path, **headers)[0] == 404
        assert request(server, "POST", "/guess/save", entry("ann", 2))[0] == 404
        assert request(server, "POST", f"{place}save", entry("ann", 2), **{"Content-Type": "text/plain"})[0] == 400
        assert mark(graded, "ann").state == "awaiting hand marking"
        assert request(server, "POST", f"{place}save", entry("ann", "1,5", "Say <what> it means."))[0] == 200
        for wrong in (entry("ann", 3), entry("ann", "x"), entry("nobody", 1), entry("ann", 1, exercise="none"),
                      entry("ann", -1), {"student": "ann"}, [], "{"):  # fmt: skip
            status, text = request(server, "POST", f"{place}save", wrong)
            assert status == 400 and json.loads(text)["error"]
        assert request(server, "POST", f"{place}save", entry("ann", 1) | {"chapter": "../01_sums"})[0] == 400
        page = request(server, "GET", place)[1]
        assert 'value="1.5"' in page and "Say &lt;what&gt; it means." in page
    finally:
        server.shutdown()
        server.server_close()
    found = mark(graded, "ann")
    assert (found.state, found.points, found.comment, found.by_person) == ("graded", 1.5, "Say <what> it means.", True)


def test_a_table_of_marks_is_entered_line_by_line(graded, tmp_path):
    table = tmp_path / "marks.csv"
    with open(table, "w", newline="") as file:
        writer = csv.DictWriter(file, ("student", "chapter", "exercise", "points", "comment"))
        writer.writeheader()
        writer.writerows([entry("evil", 0, "No."), entry("evil", 1, "half", "total-tests"), entry("nobody", 1)])
    entered, wrong = enter_marks(graded.graded, table)
    assert entered == 2 and len(wrong) == 1 and "line 4: nobody" in wrong[0]
    assert (mark(graded, "evil").state, mark(graded, "evil").comment) == ("zero", "No.")
    assert (mark(graded, "evil", "total-tests").points, mark(graded, "evil", "total-tests").comment) == (1, "half")
    enter_mark(graded.graded, entry("evil", "", exercise="total-tests"))
    assert mark(graded, "evil", "total-tests").points == 4
    assert main(["teach", "mark", "--graded", str(graded.graded), "--enter", str(table)]) == 1
    (tmp_path / "other.csv").write_text("who,points\nann,1\n")
    with pytest.raises(ValueError, match="columns"):
        enter_marks(graded.graded, tmp_path / "other.csv")
    assert [to_points(text, 2) for text in ("", "2", "0,5", None)] == [None, 2, 0.5, None]


def test_marks_given_while_others_are_graded_stay(tmp_path):
    """A mark that comes in while `teach grade` enters outcomes, by another connection to the same book."""
    room = Classroom(tmp_path, SUMS)
    for number in range(6):
        room.hand_in(f"s{number}", {"why": f"{PLUS} {number}"})
    room.grade(jobs=2, walls=NONE)
    (exercise,) = (each for each in find_exercises(room.source) if each.name == "why")
    for number in range(6):
        room.hand_in(f"s{number}", {"total": TOTAL, "why": f"{PLUS} {number}"})

    def mark_all() -> None:
        for number in range(6):
            with open_book(room.graded) as book:
                give_mark(book, f"s{number}", "01_sums", exercise, 2, "seen")

    with ThreadPoolExecutor() as pool:
        marking = pool.submit(mark_all)
        room.grade(jobs=2, walls=NONE)
        marking.result()
    assert [mark(room, f"s{number}").points for number in range(6)] == [2] * 6
    assert [mark(room, f"s{number}", "total-tests").points for number in range(6)] == [4] * 6


def test_hand_marks_stay_while_the_answer_is_the_same(tmp_path):
    room = Classroom(tmp_path, SUMS)
    for name in ("ann", "bob"):
        room.hand_in(name, {"total": TOTAL, "why": PLUS})
    room.grade()
    for name in ("ann", "bob"):
        enter_mark(room.graded, entry(name, 2, "Well said."))
    cells = [copy.deepcopy(each) for each in SUMS]
    cells[5]["source"] = cells[5]["source"].replace("one and two are three", "they are three").replace("11.0", "11")
    room.change(cells)
    given = nbformat.read(room.submitted / "ann/01_sums/01_sums.ipynb", as_version=4)
    for each in given.cells:
        each.metadata.pop("nbgrader", None)
    room.hand_in("ann", json.dumps(given))
    path = room.submitted / "bob/01_sums/01_sums.ipynb"
    path.write_text(path.read_text().replace("By commutativity", "Because of commutativity"))
    room.grade()
    assert [(each.state, each.points) for each in (mark(room, "ann"), mark(room, "bob"))] == [
        ("graded", 2), ("awaiting hand marking", None)]  # fmt: skip
    assert mark(room, "ann").comment == "Well said."
    assert "edited" not in mark(room, "ann").remarks + mark(room, "bob").remarks


def test_nothing_a_spreadsheet_would_run_is_exported(graded, tmp_path):
    options = ["--graded", str(graded.graded), "--output", str(tmp_path)]
    for name in ("csv", "xlsx", "moodle", "canvas"):
        options += ["--format", name]
    enter_mark(graded.graded, entry("=cmd()", 1, "@sum\x0b(1)\n+2"))
    assert main(["teach", "export", *options]) == 0
    for name in ("marks.csv", "students.csv", "moodle.csv", "canvas.csv"):
        for line in csv.reader((tmp_path / name).read_text().splitlines()):
            assert not [each for each in line if each.startswith(("=", "+", "@"))]
    for name in ("marks.xlsx", "students.xlsx"):
        book = openpyxl.load_workbook(tmp_path / name)
        assert not [each for sheet in book for row in sheet for each in row if each.data_type == "f"]
    assert harmless("=1") == "'=1" and harmless("a\x07\tb\nc") == "a b c"
    groups, paths = write_similarity(graded.submitted, tmp_path / "alike", 0.1, graded.notebooks)
    assert "\n01_sums,1,'=cmd()" in paths[0].read_text() or not groups


def test_each_format_has_a_row_for_each_student(graded, tmp_path):
    options = ["--graded", str(graded.graded), "--output", str(tmp_path), "--format", "csv", "--format", "moodle"]
    main(["teach", "export", *options, "--format", "canvas"])
    students = pd.read_csv(tmp_path / "students.csv").set_index("id")
    assert list(students.columns) == ["name", "email", "01_sums", "total", "state"]
    assert students.loc["gone", ["name", "total", "state"]].tolist() == ["Gone Away", 0, "01_sums: missing"]
    moodle = pd.read_csv(tmp_path / "moodle.csv")
    assert {"ID number", "Email address", "01_sums"} <= set(moodle) and len(moodle) == 4
    canvas = pd.read_csv(tmp_path / "canvas.csv")
    assert list(canvas)[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert canvas.iloc[0][["Student", "01_sums"]].tolist() == ["Points Possible", 9] and len(canvas) == 5


def test_figures_do_not_count_what_waits_or_cannot_be_read(tmp_path):
    room = Classroom(tmp_path, SUMS)
    room.hand_in("ann", {"total": TOTAL, "product": PRODUCT, "why": PLUS})
    room.hand_in("broken", "{")
    room.grade()
    main(["teach", "export", "--graded", str(room.graded)])
    page = (room.graded / "export" / "statistics.html").read_text()
    assert "wait for marking by hand: 1; submissions that cannot be read: 1" in page
    assert '<td class="number">100 %</td><td class="number">1</td>' in page
    assert '<td>01_sums</td><td class="number">100 %</td>' in page


def test_late_days_are_free_first_and_cost_then(tmp_path):
    from datetime import UTC, datetime, timedelta

    due = {"01_sums": datetime(2026, 3, 1, tzinfo=UTC), "02_means": datetime(2026, 3, 8, tzinfo=UTC)}
    course = Course(free_days=2, penalty=10, most=25, due=due,
                    extensions={("bob", "01_sums"): datetime(2026, 3, 9, tzinfo=UTC)})  # fmt: skip
    room = Classroom(tmp_path, [*SUMS[:6], cell("markdown", "end", "end")])
    for name, days in (("ann", 1.5), ("bob", 7.5), ("cat", 3.01), ("dan", 40), ("eve", -1)):
        room.hand_in(name, {"total": TOTAL})
        due[name] = due["01_sums"] + timedelta(days=days)
    received = {(name, "01_sums"): due[name] for name in ("ann", "bob", "cat", "dan", "eve")}
    room.grade(course=course, received=received, walls=NONE)
    settled = {each.student: each for each in by_chapter(read_marks(room.graded), course)}
    assert {name: (each.late_days, each.free, each.points) for name, each in settled.items()} == {
        "ann": (2, 2, 4), "bob": (0, 0, 4), "cat": (4, 2, 3.2), "dan": (40, 2, 3), "eve": (0, 0, 4)}  # fmt: skip
    main(["teach", "feedback", "--graded", str(room.graded)])
    page = (room.graded / "feedback" / "cat" / "01_sums.html").read_text()
    assert "Handed in late by 4 days, 2 of them free: that costs 0.8 points." in page and "3.2 of 4 points" in page


def test_class_lists_in_any_form(tmp_path):
    path = tmp_path / "class.csv"
    for text in ("ann\nbob\n", "id,name,email\nann,A,\nbob,B,b@x\n", "name\tusername\nA\tann\nB\tbob\n"):
        path.write_text(text)
        assert [student.id for student in read_students(path)] == ["ann", "bob"]
    for text, reason in (
        ("id,name\n../x,A\n", "text without slashes"),
        ("ann\nann\n", "twice"),
        ("id,name\n,A\n", "id"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=reason):
            read_students(path)
