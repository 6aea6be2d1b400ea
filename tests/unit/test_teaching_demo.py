"""The class that `teach demo` makes: each invented student gets what is said of them."""

import pandas as pd
from classroom import SUMS, WALLS, write_chapters

from imagecourse.teaching import demo
from imagecourse.teaching.marks import read_marks

WANTED = {
    "ada": ["graded", "graded", "graded"],
    "ben": ["graded", "graded", "awaiting hand marking"],
    "chloe": ["graded", "zero", "graded"],
    "dmitri": ["zero", "zero", "awaiting hand marking"],
    "emi": ["zero", "zero", "zero"],
    "farid": ["zero", "zero", "awaiting hand marking"],
    "grace": ["timed out", "graded", "awaiting hand marking"],
    "hugo": ["graded", "graded", "awaiting hand marking"],
    "ines": ["graded", "graded", "awaiting hand marking"],
    "jonas": ["failed to run"] * 3,
    "kira": ["zero", "graded", "awaiting hand marking"],
    "liam": ["graded", "graded", "awaiting hand marking"],
    "mina": ["missing"] * 3,
}


def test_every_invented_student_gets_what_is_said_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "SECONDS", 4.0)
    notebooks = write_chapters(tmp_path / "notebooks", c01_sums=SUMS)
    folder = tmp_path / "demo"
    lines = list(demo.run_demo(folder, 2, WALLS, notebooks))
    states: dict[str, list[str]] = {}
    for mark in read_marks(folder / "graded"):
        states.setdefault(mark.student, []).append(mark.state)
    assert states == WANTED
    students = pd.read_csv(folder / "graded" / "export" / "students.csv").set_index("id")
    assert students.loc["ada", "total"] == 9 and students.loc["ben", "total"] == 6.3  # one day beyond the free one
    assert any("ada, ines" in path.read_text() for path in folder.glob("alike/*.html"))
    pages = {path.parent.name: path.read_text() for path in folder.glob("graded/feedback/*/*.html")}
    assert "no Python yet: expected &#39;:&#39;, in line 1" in pages["kira"] and len(pages) == 12
    assert any("mina" in line for line in lines) and (folder / "marking.html").is_file()
    for name in ("release/README.md", "course.toml", "class.csv", "graded/export/moodle.csv", "marks-by-hand.csv"):
        assert (folder / name).is_file()
